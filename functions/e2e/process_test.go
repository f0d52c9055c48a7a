package e2e_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// probe is the function of testdata/probe, deployed.
type probe struct {
	*cloud

	name string
}

var probeArchive = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "etlportal-probe-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(dir); err != nil {
		return nil, err
	}
	return archive(filepath.Join(dir, "bootstrap"))
})

func build(dir string) error {
	command := goCommand("build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./functions/e2e/testdata/probe")
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// archive packs one file, executable, as Lambda takes it.
func archive(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: filepath.Base(path), Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// newProbe deploys the probe, to be removed when the test ends.
func newProbe(t *testing.T, timeout int32, adjust ...func(*lambda.CreateFunctionInput)) *probe {
	t.Helper()
	code, err := probeArchive()
	require.NoError(t, err)
	p := &probe{cloud: newCloud(t), name: "probe-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))}
	input := &lambda.CreateFunctionInput{
		FunctionName: &p.name, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: &timeout, MemorySize: aws.Int32(256),
		Role: aws.String("arn:aws:iam::000000000000:role/probe"), Code: &lambdatypes.FunctionCode{ZipFile: code},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"PROBE": "as set"}},
	}
	for _, f := range adjust {
		f(input)
	}
	_, err = p.functions.CreateFunction(t.Context(), input)
	require.NoError(t, err)
	require.NoError(t, lambda.NewFunctionActiveV2Waiter(p.functions, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	}).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &p.name}, patience))
	return p
}

// invoke does one order; the error is Lambda's own form.
func (p *probe) invoke(t *testing.T, order string) (body []byte, failed string) {
	t.Helper()
	payload, err := json.Marshal(map[string]string{"Do": order})
	require.NoError(t, err)
	out, err := p.functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &p.name, Payload: payload})
	require.NoError(t, err)
	return out.Payload, aws.ToString(out.FunctionError)
}

type probeReport struct {
	PID       int
	RequestID string
	Left      float64
	Env       map[string]string
}

func (p *probe) report(t *testing.T) probeReport {
	t.Helper()
	body, failed := p.invoke(t, "report")
	require.Empty(t, failed, string(body))
	var r probeReport
	require.NoError(t, json.Unmarshal(body, &r))
	return r
}

func TestProcessEnvironment(t *testing.T) {
	p := newProbe(t, 30)
	first := p.report(t)
	assert.NotEmpty(t, first.RequestID)
	assert.InDelta(t, 30, first.Left, 5, "the deadline is the function's timeout from now")
	for name, want := range map[string]string{
		"PROBE": "as set", "AWS_REGION": p.Region, "AWS_LAMBDA_FUNCTION_NAME": p.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + p.name, "_HANDLER": "bootstrap",
		"AWS_ENDPOINT_URL": p.Endpoint,
	} {
		assert.Equal(t, want, first.Env[name], name)
	}
	assert.NotEmpty(t, first.Env["AWS_ACCESS_KEY_ID"])
	assert.NotContains(t, first.Env, "HOME", "nothing of LocalStack's own environment gets in")
	assert.Contains(t, first.Env["TMPDIR"], p.Dir)

	again := p.report(t)
	assert.Equal(t, first.PID, again.PID, "a warm process is used again")
	assert.NotEqual(t, first.RequestID, again.RequestID)

	// A process that dies between two invocations is begun anew; the one that
	// comes before its death is noticed fails, as on AWS.
	require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		body, failed := p.invoke(t, "report")
		require.Empty(check, failed, string(body))
		assert.NotContains(check, string(body), fmt.Sprintf(`"PID":%d,`, first.PID))
	}, patience, 50*time.Millisecond)
}

func TestProcessErrors(t *testing.T) {
	p := newProbe(t, 2)
	for order, want := range map[string]string{
		"fail": "told to fail",
		"exit": "exit status 3",
		"hang": "Task timed out after 2.00 seconds",
	} {
		t.Run(order, func(t *testing.T) {
			body, failed := p.invoke(t, order)
			assert.Equal(t, "Unhandled", failed)
			assert.Contains(t, string(body), want)
			assert.NotZero(t, p.report(t).PID, "the next invocation finds a process")
		})
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		logged := p.logged(t, p.name)
		for _, line := range []string{"doing fail", "doing exit", "doing hang", "START RequestId: ", "Task timed out after 2.00 seconds", "REPORT RequestId: "} {
			assert.Contains(c, logged, line)
		}
	}, patience, 100*time.Millisecond)
}

func TestProcessThatCannotStart(t *testing.T) {
	p := newProbe(t, 5, func(in *lambda.CreateFunctionInput) {
		path := filepath.Join(t.TempDir(), "bootstrap")
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho no database >&2\nexit 1\n"), 0o700))
		code, err := archive(path)
		require.NoError(t, err)
		in.Code.ZipFile = code
	})
	body, failed := p.invoke(t, "report")
	assert.Equal(t, "Unhandled", failed)
	assert.Contains(t, string(body), "exit status 1")
}

// caller is a function's process that has a message and waits for an answer.
type caller struct {
	name string
	pid  int
	conn net.Conn
}

func (c caller) answer(t *testing.T, what string) {
	t.Helper()
	_, err := fmt.Fprintln(c.conn, what)
	require.NoError(t, err)
	require.NoError(t, c.conn.Close())
}

// listen takes the calls of the probe's messages.
func listen(t *testing.T) (address string, calls <-chan caller) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	taken := make(chan caller, 16)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			c := caller{conn: conn}
			if _, err := fmt.Sscan(line, &c.name, &c.pid); err == nil {
				taken <- c
			}
		}
	}()
	return listener.Addr().String(), taken
}

func next(t *testing.T, calls <-chan caller) caller {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(patience):
		t.Fatal("no function took the message")
		return caller{}
	}
}

// queue makes a queue, with dead letters after two receipts, that the probe serves.
func (p *probe) queue(t *testing.T, concurrency int32) (source, dead string) {
	t.Helper()
	made, err := p.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(p.name + "-dead")})
	require.NoError(t, err)
	dead = *made.QueueUrl
	made, err = p.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &p.name, Attributes: map[string]string{
		"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:` + p.name + `-dead","maxReceiveCount":"2"}`,
	}})
	require.NoError(t, err)
	source = *made.QueueUrl
	mapping, err := p.functions.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: &p.name, EventSourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:" + p.name), BatchSize: aws.Int32(1),
		ScalingConfig:         &lambdatypes.ScalingConfig{MaximumConcurrency: &concurrency},
		FunctionResponseTypes: []lambdatypes.FunctionResponseType{lambdatypes.FunctionResponseTypeReportBatchItemFailures},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := p.functions.DeleteEventSourceMapping(context.Background(), &lambda.DeleteEventSourceMappingInput{UUID: mapping.UUID})
		assert.NoError(t, err)
	})
	return source, dead
}

func (p *probe) send(t *testing.T, queue, address, name string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"Address": address, "Name": name})
	require.NoError(t, err)
	_, err = p.queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String(string(body))})
	require.NoError(t, err)
}

func TestProcessesRunSideBySide(t *testing.T) {
	p := newProbe(t, 30)
	source, _ := p.queue(t, 3)
	address, calls := listen(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		p.send(t, source, address, name)
	}
	// Three processes hold a message each; the fourth waits for one of them.
	held := []caller{next(t, calls), next(t, calls), next(t, calls)}
	pids := map[int]bool{held[0].pid: true, held[1].pid: true, held[2].pid: true}
	assert.Len(t, pids, 3)
	held[0].answer(t, "done")
	fourth := next(t, calls)
	assert.Equal(t, held[0].pid, fourth.pid, "the process that is free takes the next message")
	for _, c := range append(held[1:], fourth) {
		c.answer(t, "done")
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, "0 0", p.depth(c, source)) }, patience, 50*time.Millisecond)
}

func TestProcessKilledOverAMessage(t *testing.T) {
	p := newProbe(t, 30)
	source, dead := p.queue(t, 2)
	address, calls := listen(t)

	p.send(t, source, address, "killed")
	c := next(t, calls)
	require.NoError(t, syscall.Kill(c.pid, syscall.SIGKILL))
	again := next(t, calls)
	assert.Equal(t, "killed", again.name)
	assert.NotEqual(t, c.pid, again.pid)
	again.answer(t, "done")

	// Refused twice, a message is a dead letter, until it is sent back.
	p.send(t, source, address, "poison")
	next(t, calls).answer(t, "fail")
	next(t, calls).answer(t, "fail")
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, "1 0", p.depth(c, dead)) }, patience, 50*time.Millisecond)
	_, err := p.queues.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{
		SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:" + p.name + "-dead"),
	})
	require.NoError(t, err)
	redriven := next(t, calls)
	assert.Equal(t, "poison", redriven.name)
	redriven.answer(t, "done")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, "0 0", p.depth(c, source))
		assert.Equal(c, "0 0", p.depth(c, dead))
	}, patience, 50*time.Millisecond)
}
