package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/functions/internal/runtimeapi"
	"github.com/etlportal/etlportal/internal/etltest"
)

// built are the functions, made once for all tests, as scripts/functions.sh does.
var built struct {
	sync.Mutex

	at map[string]string
}

func bootstrap(t testing.TB, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if at := built.at[name]; at != "" {
		return at
	}
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	require.NoError(t, err)
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(root))), "dist", "test")
	at := filepath.Join(dir, name, "bootstrap")
	flags := []string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", at}
	if name == "api" {
		flags = append(flags, "-gcflags=all=-l")
	}
	build := exec.CommandContext(t.Context(), "go", append(flags, "github.com/etlportal/etlportal/functions/"+name)...)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	if built.at == nil {
		built.at = map[string]string{}
	}
	built.at[name] = at
	return at
}

// cloud is a portal's functions and what they need, without Lambda: each runs
// on a Runtime API of ours.
type cloud struct {
	t           testing.TB
	info        etltest.LocalStackInfo
	queues      *sqs.Client
	secrets     *secretsmanager.Client
	env         map[string]string
	token       string
	destination string
	log         *lines
}

// lines is what the functions write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	info := etltest.LocalStack(t)
	loaded, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(info.Region), config.WithBaseEndpoint(info.Endpoint),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(info.AccessKey, info.SecretKey, "")))
	require.NoError(t, err)
	c := &cloud{
		t: t, info: info, queues: sqs.NewFromConfig(loaded), secrets: secretsmanager.NewFromConfig(loaded), log: &lines{},
		token: "etlp_" + strings.Repeat("s", 43), destination: etltest.Postgres(t),
	}
	name := strings.ToLower(fmt.Sprintf("t%d", time.Now().UnixNano()))
	c.env = map[string]string{
		"AWS_REGION": info.Region, "AWS_ENDPOINT_URL": info.Endpoint, "AWS_ACCESS_KEY_ID": info.AccessKey, "AWS_SECRET_ACCESS_KEY": info.SecretKey,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "ETLPORTAL_BUCKET": name, "DATABASE_URL": etltest.Postgres(t),
	}
	_, err = s3.NewFromConfig(loaded, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
	key, err := kms.NewFromConfig(loaded).CreateKey(t.Context(), &kms.CreateKeyInput{})
	require.NoError(t, err)
	c.env["ETLPORTAL_KMS_KEY"] = *key.KeyMetadata.Arn
	secret, err := c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name + "-token"), SecretString: &c.token})
	require.NoError(t, err)
	c.env["ETLPORTAL_BOOTSTRAP_TOKEN_SECRET"] = *secret.ARN
	for _, topic := range []string{"inspect", "plan", "load", "finalize"} {
		q, err := c.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name + "-" + topic), Attributes: map[string]string{"VisibilityTimeout": "60"}})
		require.NoError(t, err)
		c.env["ETLPORTAL_QUEUE_"+strings.ToUpper(topic)+"_URL"] = *q.QueueUrl
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.log.String())
		}
	})
	return c
}

// function is one of the portal's, with changes to its environment.
func (c *cloud) function(name string, change ...string) *runtimeapi.Function {
	c.t.Helper()
	return c.timed(name, 0, change...)
}

// timed is a function that has so long for an event; 0 is a minute.
func (c *cloud) timed(name string, timeout time.Duration, change ...string) *runtimeapi.Function {
	c.t.Helper()
	f := runtimeapi.NewFunction(c.options(name, timeout, change...))
	c.t.Cleanup(f.Close)
	return f
}

func (c *cloud) options(name string, timeout time.Duration, change ...string) runtimeapi.Options {
	c.t.Helper()
	env := []string{"AWS_LAMBDA_FUNCTION_NAME=" + name}
	for key, value := range c.env {
		env = append(env, key+"="+value)
	}
	return runtimeapi.Options{Bootstrap: bootstrap(c.t, name), Env: append(env, change...), Log: c.log, Timeout: timeout}
}

// serve is the event source of each queue: it hands messages to the topic's
// function, and deletes those that are not reported as failures.
func (c *cloud) serve() {
	for _, topic := range []string{"inspect", "plan", "load", "finalize"} {
		f := c.function(topic)
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() {
			for ctx.Err() == nil {
				c.deliver(ctx, f, c.env["ETLPORTAL_QUEUE_"+strings.ToUpper(topic)+"_URL"])
			}
		})
		c.t.Cleanup(group.Wait)
		c.t.Cleanup(cancel)
	}
}

// deliver hands over what is in a queue, once.
func (c *cloud) deliver(ctx context.Context, f *runtimeapi.Function, url string) {
	got, err := c.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil || len(got.Messages) == 0 {
		return
	}
	var e events.SQSEvent
	for _, m := range got.Messages {
		record := events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Attributes: m.Attributes,
			EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:" + c.info.Region + ":000000000000:" + url[strings.LastIndex(url, "/")+1:],
			MessageAttributes: map[string]events.SQSMessageAttribute{},
		}
		for name, a := range m.MessageAttributes {
			record.MessageAttributes[name] = events.SQSMessageAttribute{StringValue: a.StringValue, DataType: *a.DataType}
		}
		e.Records = append(e.Records, record)
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return
	}
	text, err := f.Call(ctx, payload)
	var answer events.SQSEventResponse
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return // all of them come back
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	for _, m := range got.Messages {
		if !failed[*m.MessageId] {
			_, _ = c.queues.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		}
	}
}

// sessions are those of the functions in the customer's database.
func (c *cloud) sessions(t require.TestingT) []string {
	conn, err := pgx.Connect(context.Background(), c.destination)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(context.Background(), `SELECT application_name || ': ' || coalesce(query, '') FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

// The API's contract through the api function's bootstrap, behind a gateway that
// holds answers back, and behind one that streams; runs go through the others'.
func TestContractOnTheRuntimeAPI(t *testing.T) {
	for _, how := range []string{"buffered", "stream"} {
		t.Run(how, func(t *testing.T) {
			c := newCloud(t)
			c.serve()
			api := c.function("api", "ETLPORTAL_RESPONSE="+how)
			server := httptest.NewServer(&runtimeapi.Gateway{Function: api, Stage: "prod"})
			t.Cleanup(server.Close)
			etltest.APISuite(t, etltest.API{BaseURL: server.URL, Token: c.token, Destination: c.destination, Patience: 2 * time.Minute})
			written := c.log.String()
			require.NotContains(t, written, c.token)
			require.Contains(t, written, `"Namespace":"ETLPortal"`)
			require.Equal(t, 1, strings.Count(written, `"status":"COMPLETED"`), "a run's end is counted once, whatever the number of functions")
			require.EventuallyWithT(t, func(check *assert.CollectT) {
				assert.Empty(check, c.sessions(check), "functions that stand still hold on to the customer's database")
			}, time.Minute, 50*time.Millisecond)
		})
	}
}
