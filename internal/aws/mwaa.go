package aws

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mwaa"
	"github.com/aws/aws-sdk-go-v2/service/mwaa/document"
	"github.com/aws/aws-sdk-go-v2/service/mwaa/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/etlportal/etlportal/internal/etl"
)

// MWAAConfig says which environment of Managed Workflows for Apache Airflow.
type MWAAConfig struct {
	Account

	// Environment is its name, Bucket the one that it reads DAGs from, and Prefix
	// the folder of DAGs in that; "" is dags.
	Environment, Bucket, Prefix string
}

// MWAA is a managed Airflow as internal/airflow works with one: its DAGs folder
// and its REST API, which it is let into by IAM instead of by a password. A call
// takes 10 s and answers 6 MB at most.
type MWAA struct {
	client  *mwaa.Client
	objects *s3.Client
	config  MWAAConfig
	major   atomic.Int64 // 0: not asked yet
}

// NewMWAA makes the adapter; it does not call AWS yet.
func NewMWAA(ctx context.Context, c MWAAConfig) (*MWAA, error) {
	names := missing(map[string]string{"the environment (ETLPORTAL_MWAA_ENVIRONMENT)": c.Environment, "its bucket (ETLPORTAL_MWAA_BUCKET)": c.Bucket})
	if len(names) > 0 {
		return nil, etl.Mistakef("no_mwaa_settings", "Set them.", "Airflow on MWAA needs %s", strings.Join(names, ", "))
	}
	c.Prefix = cmp.Or(strings.Trim(c.Prefix, "/"), "dags") + "/"
	loaded, err := c.load(ctx, "the MWAA environment "+c.Environment)
	if err != nil {
		return nil, err
	}
	objects := s3.NewFromConfig(loaded, func(o *s3.Options) { o.UsePathStyle = c.Endpoint != "" })
	client := mwaa.NewFromConfig(loaded, func(o *mwaa.Options) {
		if c.Endpoint != "" {
			o.APIOptions = append(o.APIOptions, plainHost)
		}
	})
	return &MWAA{client: client, objects: objects, config: c}, nil
}

// Major is the first number of the environment's version of Airflow.
func (m *MWAA) Major(ctx context.Context) (int, error) {
	if n := m.major.Load(); n != 0 {
		return int(n), nil
	}
	out, err := m.client.GetEnvironment(ctx, &mwaa.GetEnvironmentInput{Name: &m.config.Environment})
	if err != nil {
		return 0, m.fault("look at", "airflow:GetEnvironment", err)
	}
	first, _, _ := strings.Cut(aws.ToString(out.Environment.AirflowVersion), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		// An environment that is being made has none.
		return 0, &etl.Error{
			Kind: etl.Weather, Code: "airflow_down", Message: fmt.Sprintf("the MWAA environment %s is %s and has no Airflow yet", m.config.Environment, out.Environment.Status),
			Fix: "Wait until it is AVAILABLE.",
		}
	}
	m.major.Store(int64(n))
	return n, nil
}

// plainHost keeps the host of an endpoint as it is: AWS's own have another one
// for each kind of call.
func plainHost(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("PlainHost", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	}), middleware.Before)
}

// Call makes one request of Airflow's REST API; at is a path below /api/v1 or
// /api/v2. Answers of 4xx are no errors, but 401 and 403 are Mistakes; 5xx, 429
// and an environment that does not answer are Weather.
func (m *MWAA) Call(ctx context.Context, method, at string, query url.Values, body []byte) (status int, answer []byte, err error) {
	in := &mwaa.InvokeRestApiInput{Name: &m.config.Environment, Method: types.RestApiMethod(method), Path: &at}
	if len(query) > 0 {
		in.QueryParameters = document.NewLazyDocument(flat(query))
	}
	if len(body) > 0 {
		var sent map[string]any
		if err := json.Unmarshal(body, &sent); err != nil {
			return 0, nil, err
		}
		in.Body = document.NewLazyDocument(sent)
	}
	out, err := m.client.InvokeRestApi(ctx, in)
	var said document.Interface
	refused, isRefused := errors.AsType[*types.RestApiClientException](err)
	broken, isBroken := errors.AsType[*types.RestApiServerException](err)
	switch {
	case isRefused:
		status, said = int(aws.ToInt32(refused.RestApiStatusCode)), refused.RestApiResponse
	case isBroken:
		return 0, nil, m.down(int(aws.ToInt32(broken.RestApiStatusCode)), broken)
	case err != nil:
		return 0, nil, m.fault("call the REST API of", "airflow:InvokeRestApi", err)
	default:
		status, said = int(aws.ToInt32(out.RestApiStatusCode)), out.RestApiResponse
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return 0, nil, &etl.Error{
			Kind: etl.Mistake, Code: "airflow_role", Err: err, Message: fmt.Sprintf("Airflow in the MWAA environment %s does not let the portal's role do this", m.config.Environment),
			Fix: "Allow airflow:InvokeRestApi on role/" + m.config.Environment + "/User to the role of the function api and of the function reconcile.",
		}
	case http.StatusTooManyRequests:
		return 0, nil, m.down(status, err)
	}
	answer, err = text(said)
	return status, answer, err
}

func (m *MWAA) down(status int, err error) error {
	return &etl.Error{
		Kind: etl.Weather, Code: "airflow_down", Err: err, Message: fmt.Sprintf("Airflow in the MWAA environment %s answers %d", m.config.Environment, status),
		Fix: "Wait; it is tried again every minute. If it stays so, look at the environment's web server log.",
	}
}

// flat are query parameters as JSON: a list only where there are several.
func flat(query url.Values) map[string]any {
	sent := map[string]any{}
	for name, values := range query {
		sent[name] = values
		if len(values) == 1 {
			sent[name] = values[0]
		}
	}
	return sent
}

// text is a document as JSON; nil has none.
func text(said document.Interface) ([]byte, error) {
	if said == nil {
		return nil, nil
	}
	return said.MarshalSmithyDocument()
}

func (m *MWAA) fault(what, action string, err error) error {
	if hasCode(err, "ResourceNotFoundException") {
		return &etl.Error{
			Kind: etl.Mistake, Code: "mwaa_not_found", Err: err, Message: fmt.Sprintf("there is no MWAA environment %s", m.config.Environment),
			Fix: "Correct ETLPORTAL_MWAA_ENVIRONMENT.",
		}
	}
	return fault(request{
		prefix: "mwaa", what: what + " the MWAA environment " + m.config.Environment, action: action, resource: m.config.Environment, look: "MWAA",
	}, err)
}

// List gives the names of the DAG files that begin with prefix.
func (m *MWAA) List(ctx context.Context, prefix string) ([]string, error) {
	pages := s3.NewListObjectsV2Paginator(m.objects, &s3.ListObjectsV2Input{
		Bucket: &m.config.Bucket, Prefix: aws.String(m.config.Prefix + prefix), Delimiter: aws.String("/"),
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, m.fileFault("list", m.config.Prefix, "s3:ListBucket", err)
		}
		for _, o := range page.Contents {
			names = append(names, path.Base(aws.ToString(o.Key)))
		}
	}
	return names, nil
}

// maxDAG bounds what is read of a DAG file, in bytes.
const maxDAG = 1 << 20

// Read gives a DAG file; nil where there is none.
func (m *MWAA) Read(ctx context.Context, name string) (content []byte, err error) {
	out, err := m.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &m.config.Bucket, Key: m.key(name)})
	if hasCode(err, codesMissing...) {
		return nil, nil
	}
	if err != nil {
		return nil, m.fileFault("read", name, "s3:GetObject", err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if content, err = io.ReadAll(io.LimitReader(out.Body, maxDAG)); err != nil {
		return nil, m.fileFault("read", name, "s3:GetObject", err)
	}
	return content, nil
}

// Create makes a DAG file that is not there yet; false where there is one.
func (m *MWAA) Create(ctx context.Context, name string, content []byte) (bool, error) {
	_, err := m.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &m.config.Bucket, Key: m.key(name), Body: bytes.NewReader(content), IfNoneMatch: aws.String("*")})
	if hasCode(err, "PreconditionFailed") {
		return false, nil
	}
	if err != nil {
		return false, m.fileFault("write", name, "s3:PutObject", err)
	}
	return true, nil
}

// Replace writes a DAG file anew.
func (m *MWAA) Replace(ctx context.Context, name string, content []byte) error {
	if _, err := m.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &m.config.Bucket, Key: m.key(name), Body: bytes.NewReader(content)}); err != nil {
		return m.fileFault("write", name, "s3:PutObject", err)
	}
	return nil
}

// Delete removes a DAG file; its not being there is no error.
func (m *MWAA) Delete(ctx context.Context, name string) error {
	if _, err := m.objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.config.Bucket, Key: m.key(name)}); err != nil {
		return m.fileFault("delete", name, "s3:DeleteObject", err)
	}
	return nil
}

// Ready says whether the folder of DAGs can be listed.
func (m *MWAA) Ready(ctx context.Context) error {
	_, err := m.List(ctx, "etl_job_executor")
	return err
}

func (m *MWAA) key(name string) *string { return aws.String(m.config.Prefix + name) }

func (m *MWAA) fileFault(what, name, action string, err error) error {
	if hasCode(err, "NoSuchBucket") {
		return &etl.Error{
			Kind: etl.Mistake, Code: "mwaa_not_found", Err: err, Message: fmt.Sprintf("the bucket %s of the DAGs does not exist", m.config.Bucket),
			Fix: "Correct ETLPORTAL_MWAA_BUCKET.",
		}
	}
	return fault(request{
		prefix: "mwaa", what: fmt.Sprintf("%s %s in the bucket %s", what, name, m.config.Bucket), action: action, resource: m.config.Bucket, look: "S3",
	}, err)
}
