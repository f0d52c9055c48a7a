package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	formationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

const (
	stack = "EtlPortal-App"
	// page is the web page that may upload, as the deployment's settings name it.
	page = "https://portal.example.com"
)

// deployment is the portal as `make synth TARGET=localstack` describes it, on
// LocalStack, with a PostgreSQL server for its own tables and for the warehouse.
type deployment struct {
	*cloud

	// outputs are the stack's.
	outputs map[string]string
	// base is the API's address, without /api/v1.
	base string
	// token is the administrator's.
	token string
	// portal and warehouse are the two databases.
	portal, warehouse *url.URL
	server            *etltest.Server
	// redshift stands in for Amazon Redshift, over the stack's bucket and role.
	redshift *etltest.RedshiftServer
}

// workgroup is the stand-in's, as the deployment's settings name it.
const workgroup = "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/6bd5d2a5-4a0f-4b43-b1c1-7d7bbf8b4f7e"

// functionNames are the folders of functions/.
var functionNames = []string{"api", "inspect", "plan", "load", "finalize", "schedule", "reconcile"}

func deploy(t *testing.T) *deployment {
	t.Helper()
	begun := time.Now()
	step := func(what string) { t.Logf("%s: %s", what, time.Since(begun).Round(100*time.Millisecond)) }
	d := &deployment{cloud: newCloud(t), server: etltest.PostgresServer(t, map[string]string{"max_connections": "300"})}
	step("servers started")
	d.portal, d.warehouse = d.database(t, "portal"), d.database(t, "warehouse")
	d.redshift = etltest.Redshift(t, nil)
	dir := synthesized(t, step)
	step("template made")
	template := d.assets(t, dir)
	step("assets uploaded")
	_, err := d.formation.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String(stack), TemplateURL: &template, Capabilities: []formationtypes.Capability{formationtypes.CapabilityCapabilityNamedIam},
		Parameters: []formationtypes.Parameter{
			{ParameterKey: aws.String("DatabaseUrl"), ParameterValue: aws.String(d.portal.String())},
			{ParameterKey: aws.String("AwsEndpointUrl"), ParameterValue: &d.Endpoint},
			{ParameterKey: aws.String("RedshiftEndpointUrl"), ParameterValue: &d.redshift.DataEndpoint},
		},
	})
	require.NoError(t, err)
	d.outputs = d.created(t)
	step("stack created")
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, name := range functionNames {
			lines := strings.SplitAfter(d.logged(t, "etlportal-"+name), "\n")
			t.Logf("the last of %s's log:\n%s", name, strings.Join(lines[max(0, len(lines)-40):], ""))
		}
		for _, topic := range []string{"Inspect", "Plan", "Load", "Finalize", "Schedule"} {
			t.Logf("%s: %s waiting and in work, %s dead", topic, d.depth(t, d.outputs[topic+"QueueUrl"]), d.depth(t, d.outputs[topic+"DeadUrl"]))
		}
	})
	d.base = strings.TrimSuffix(d.outputs["ApiUrl"], "/")
	secret, err := d.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(d.outputs["BootstrapTokenSecret"])})
	require.NoError(t, err)
	d.token = aws.ToString(secret.SecretString)
	return d
}

// database makes a database of the server.
func (d *deployment) database(t *testing.T, name string) *url.URL {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.server.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name)
	require.NoError(t, err)
	at, err := url.Parse(d.server.URL)
	require.NoError(t, err)
	at.Path = "/" + name
	return at
}

// synthesized builds the functions for this machine, makes the template and
// gives the folder with it and its assets.
func synthesized(t *testing.T, step func(string)) string {
	t.Helper()
	// The folder outlives no test, and `make functions` keeps its own: LocalStack
	// runs functions on this machine, whatever its system.
	dir := t.TempDir()
	args := []string{"build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", dir + string(filepath.Separator)}
	for _, name := range functionNames {
		args = append(args, "./functions/"+name)
	}
	built, err := goCommand(args...).CombinedOutput()
	require.NoErrorf(t, err, "%s", built)
	for _, name := range functionNames {
		binary := filepath.Join(dir, name)
		require.NoError(t, os.Rename(binary, binary+".built"))
		require.NoError(t, os.Mkdir(binary, 0o700))
		require.NoError(t, os.Rename(binary+".built", filepath.Join(binary, "bootstrap")))
	}
	step("functions built")
	out := filepath.Join(t.TempDir(), "cdk.out")
	run(t, []string{"CDK_OUTDIR=" + out}, filepath.Join(root(), "scripts", "synth.sh"), "localstack",
		"functions="+dir, "arch="+runtime.GOARCH, "origins="+page, "logLevel=debug", "redshift=roles", "redshift.warehouses="+workgroup)
	return out
}

// assets uploads what the template refers to, and the template; it gives the latter's URL.
func (d *deployment) assets(t *testing.T, dir string) string {
	t.Helper()
	var manifest struct {
		Files map[string]struct {
			Source       struct{ Path string }
			Destinations map[string]struct{ BucketName, ObjectKey string }
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, stack+".assets.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &manifest))
	var template string
	for _, file := range manifest.Files {
		for _, at := range file.Destinations {
			_, err := d.blobs.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(at.BucketName)})
			if _, made := errors.AsType[*s3types.BucketAlreadyOwnedByYou](err); !made {
				require.NoError(t, err)
			}
			content, err := os.Open(filepath.Join(dir, file.Source.Path))
			require.NoError(t, err)
			_, err = d.blobs.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(at.BucketName), Key: aws.String(at.ObjectKey), Body: content})
			require.NoError(t, err)
			require.NoError(t, content.Close())
			if strings.HasSuffix(file.Source.Path, ".template.json") {
				template = d.Endpoint + "/" + at.BucketName + "/" + at.ObjectKey
			}
		}
	}
	require.NotEmpty(t, template)
	return template
}

// created waits for the stack and gives its outputs.
func (d *deployment) created(t *testing.T) map[string]string {
	t.Helper()
	input := &cloudformation.DescribeStacksInput{StackName: aws.String(stack)}
	out, err := cloudformation.NewStackCreateCompleteWaiter(d.formation, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 200*time.Millisecond, time.Second
	}).WaitForOutput(t.Context(), input, 3*patience)
	if err != nil {
		events, failed := d.formation.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)})
		require.NoError(t, failed)
		for _, e := range events.StackEvents {
			if strings.HasSuffix(string(e.ResourceStatus), "FAILED") {
				t.Logf("%s %s: %s", aws.ToString(e.LogicalResourceId), e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
			}
		}
		require.NoError(t, err)
	}
	outputs := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return outputs
}
