package e2e_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

// patience bounds every wait for something that happens in LocalStack; a test
// that gets there has failed.
const patience = time.Minute

// cloud is a LocalStack as its operator sees it.
type cloud struct {
	etltest.LocalStackInfo

	formation *cloudformation.Client
	functions *lambda.Client
	queues    *sqs.Client
	blobs     *s3.Client
	secrets   *secretsmanager.Client
	logs      *cloudwatchlogs.Client
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	info := etltest.LocalStack(t)
	loaded, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(info.Region), config.WithBaseEndpoint(info.Endpoint),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(info.AccessKey, info.SecretKey, "")))
	require.NoError(t, err)
	return &cloud{
		LocalStackInfo: info,
		formation:      cloudformation.NewFromConfig(loaded), functions: lambda.NewFromConfig(loaded), queues: sqs.NewFromConfig(loaded),
		secrets: secretsmanager.NewFromConfig(loaded), logs: cloudwatchlogs.NewFromConfig(loaded),
		blobs: s3.NewFromConfig(loaded, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// logged is everything that a function has logged.
func (c *cloud) logged(t testing.TB, function string) string {
	t.Helper()
	var text string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(c.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + function)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return text + "\n" + err.Error()
		}
		for _, event := range page.Events {
			text += aws.ToString(event.Message)
		}
	}
	return text
}

// root is the checkout's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // the file is what is asked for
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// run runs a command in the checkout; the test fails with what it printed.
func run(t testing.TB, env []string, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir, command.Env = root(), append(command.Environ(), env...)
	out, err := command.CombinedOutput()
	require.NoErrorf(t, err, "%s %v\n%s", name, args, out)
}

// goCommand is the go tool in the checkout, for the machine that LocalStack runs on.
func goCommand(args ...string) *exec.Cmd {
	command := exec.CommandContext(context.Background(), "go", args...)
	command.Dir, command.Env = root(), append(command.Environ(), "CGO_ENABLED=0")
	return command
}
