package aws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// queues numbers the queues of the tests.
var queues atomic.Int64

// makeQueues makes a queue with dead letters for each topic, as the infrastructure does.
func makeQueues(t *testing.T, client *sqs.Client, receives int, topics ...etl.Topic) aws.QueueConfig {
	t.Helper()
	c := aws.QueueConfig{
		Account: account(t), URLs: map[etl.Topic]string{}, Dead: map[etl.Topic]string{}, Log: slog.New(slog.DiscardHandler),
		Visibility: 3 * time.Second, Wait: time.Second,
	}
	n := queues.Add(1)
	for _, topic := range topics {
		dead, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: sdk.String(fmt.Sprintf("test-%d-%s-dead", n, topic))})
		if err != nil {
			t.Fatal(err)
		}
		arn := attribute(t, client, *dead.QueueUrl, types.QueueAttributeNameQueueArn)
		live, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
			QueueName: sdk.String(fmt.Sprintf("test-%d-%s", n, topic)),
			Attributes: map[string]string{
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, arn, receives), "VisibilityTimeout": "3600",
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.URLs[topic], c.Dead[topic] = *live.QueueUrl, *dead.QueueUrl
	}
	return c
}

func attribute(t *testing.T, client *sqs.Client, url string, name types.QueueAttributeName) string {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes[string(name)]
}

func openQueue(t *testing.T, c aws.QueueConfig) *aws.Queue {
	t.Helper()
	q, err := aws.NewQueue(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// served gives aws.Queue the shape that the suite wants.
type served struct {
	*aws.Queue

	config aws.QueueConfig
}

func (s served) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, o etltest.QueueSetup) error {
	c := s.config
	c.MaxTries, c.Backoff = o.MaxTries, o.Backoff
	q, err := aws.NewQueue(ctx, c)
	if err != nil {
		return err
	}
	return q.Serve(ctx, handlers, aws.ServeOptions{Workers: o.Workers, OnDead: o.OnDead, Drain: o.Drain})
}

func TestQueueConforms(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	etltest.QueueSuite(t, func(t *testing.T) (queue, other etltest.QueueServer) {
		t.Helper()
		t.Parallel() // they wait most of the time: SQS counts in seconds
		c := makeQueues(t, client, 10, etl.TopicPlan, etl.TopicLoad)
		q := openQueue(t, c)
		return served{q, c}, served{q, c}
	})
}

// receive takes a message as the event source of a function does.
func receive(t *testing.T, client *sqs.Client, url string) (aws.Delivery, bool) {
	t.Helper()
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 1, WaitTimeSeconds: 2, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Messages) == 0 {
		return aws.Delivery{}, false
	}
	m := out.Messages[0]
	receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		t.Fatal(err)
	}
	d := aws.Delivery{
		Queue: "arn:aws:sqs:us-east-1:000000000000:" + url[strings.LastIndex(url, "/")+1:], ID: *m.MessageId, Receipt: *m.ReceiptHandle,
		Body: *m.Body, Receives: receives, Attributes: map[string]string{},
	}
	for name, value := range m.MessageAttributes {
		d.Attributes[name] = *value.StringValue
	}
	return d, true
}

// take has one message handled and deletes it where that is due.
func take(t *testing.T, q *aws.Queue, client *sqs.Client, url string, handler etl.Handler, onDead aws.OnDead) (err error, got bool) { //nolint:revive // the error is the event
	t.Helper()
	d, ok := receive(t, client, url)
	if !ok {
		return nil, false
	}
	err = q.Take(t.Context(), d, map[etl.Topic]etl.Handler{etl.TopicLoad: handler}, onDead)
	if err == nil {
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &d.Receipt}); err != nil {
			t.Fatal(err)
		}
	}
	return err, true
}

// TestQueueOfFunctions brings a message to the dead letters through Take, with
// failures before and after it was put off, and back by SQS's own redrive.
func TestQueueOfFunctions(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 6, etl.TopicLoad)
	c.MaxTries, c.Backoff = 3, func(int) time.Duration { return 0 }
	url, dead := c.URLs[etl.TopicLoad], c.Dead[etl.TopicLoad]
	m := etl.Message{Topic: etl.TopicLoad, RunID: 7, Chunk: 3}
	if err := openQueue(t, c).Send(t.Context(), 0, m); err != nil {
		t.Fatal(err)
	}
	var tries, reports int
	handler := func(_ context.Context, got etl.Message) error {
		if got != m {
			t.Errorf("got %+v", got)
		}
		tries++
		if tries == 2 || tries == 3 {
			return &etl.RetryAfter{Delay: time.Millisecond, Reason: "busy"}
		}
		return errors.New("not yet")
	}
	onDead := func(_ context.Context, got etl.Message, last error) error {
		reports++
		if first := reports == 1; got != m || last == nil || first != (last.Error() == "not yet") {
			t.Errorf("dead: %+v, %v", got, last)
		}
		if reports == 1 {
			return errors.New("the portal's database is away")
		}
		return nil
	}
	// Two functions take turns, as instances that know nothing of each other.
	a, b := openQueue(t, c), openQueue(t, c)
	for moved := false; !moved; a, b = b, a {
		_, got := take(t, a, client, url, handler, onDead)
		moved = !got && attribute(t, client, dead, types.QueueAttributeNameApproximateNumberOfMessages) == "1"
	}
	if tries != 5 || reports < 2 {
		t.Errorf("%d tries, %d reports", tries, reports)
	}
	if err := a.Redrive(t.Context(), etl.TopicLoad); err != nil {
		t.Fatal(err)
	}
	done := false
	for end := time.Now().Add(20 * time.Second); !done && time.Now().Before(end); {
		_, done = take(t, a, client, url, func(_ context.Context, got etl.Message) error {
			if got != m {
				t.Errorf("came back as %+v", got)
			}
			return nil
		}, nil)
	}
	if !done {
		t.Fatal("the message did not come back")
	}
	if left := attribute(t, client, dead, types.QueueAttributeNameApproximateNumberOfMessages); left != "0" {
		t.Errorf("%s messages are dead", left)
	}
}

// cutOff is a transport that fails as long as it is told to.
type cutOff struct {
	away   atomic.Bool
	failed chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (c *cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.away.Load() {
		select {
		case c.failed <- struct{}{}:
		default:
		}
		return nil, errors.New("connection refused")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestQueueUnreachable cuts Serve off from SQS for a while.
func TestQueueUnreachable(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 10, etl.TopicLoad)
	line := &cutOff{failed: make(chan struct{})}
	c.Transport = line
	q := openQueue(t, c)
	ctx, stop := context.WithCancel(t.Context())
	got, ended := make(chan etl.Message, 10), make(chan error, 1)
	go func() {
		ended <- q.Serve(ctx, map[etl.Topic]etl.Handler{
			etl.TopicLoad:      func(_ context.Context, m etl.Message) error { got <- m; return nil },
			etl.TopicReconcile: nil, // has no queue
		}, aws.ServeOptions{})
	}()
	m := etl.Message{Topic: etl.TopicLoad, RunID: 3}
	if err := q.Send(t.Context(), 0, m); err != nil {
		t.Fatal(err)
	}
	if first := <-got; first != m {
		t.Errorf("got %+v", first)
	}
	line.away.Store(true)
	<-line.failed
	for what, err := range map[string]error{"send": q.Send(t.Context(), 0, m), "ready": q.Ready(t.Context())} {
		if e := is(t, err, etl.Weather, "queue_unreachable"); !strings.Contains(e.Message, "-load") {
			t.Errorf("%s: the queue is not named: %v", what, e)
		}
	}
	line.away.Store(false)
	if err := q.Send(t.Context(), 0, m); err != nil {
		t.Fatal(err)
	}
	<-got
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicReconcile})
	is(t, err, etl.Mistake, "no_queue")
	err = q.Redrive(t.Context(), etl.TopicPlan)
	is(t, err, etl.Mistake, "no_queue")
	c.URLs[etl.TopicLoad] += "-gone"
	err = openQueue(t, c).Ready(t.Context())
	is(t, err, etl.Mistake, "no_such_queue")
}

// TestQueueBackoff checks that a failed message comes back after its backoff,
// not after the visibility timeout of its queue, which is an hour here.
func TestQueueBackoff(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 10, etl.TopicLoad)
	c.Backoff = func(failures int) time.Duration { return time.Duration(failures) * time.Second }
	q := openQueue(t, c)
	if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicLoad}); err != nil {
		t.Fatal(err)
	}
	if err, _ := take(t, q, client, c.URLs[etl.TopicLoad], func(context.Context, etl.Message) error { panic("a defect") }, nil); err == nil || !strings.Contains(err.Error(), "a defect") {
		t.Fatalf("a panic gave %v", err)
	}
	failed := time.Now()
	done := false
	for end := time.Now().Add(20 * time.Second); !done && time.Now().Before(end); {
		_, done = take(t, q, client, c.URLs[etl.TopicLoad], func(context.Context, etl.Message) error { return nil }, nil)
	}
	if after := time.Since(failed); !done || after < 900*time.Millisecond {
		t.Errorf("back %v, after %s", done, after)
	}
}

// TestQueueEndOfContext tells a message that was cut off from one that took too long.
func TestQueueEndOfContext(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 10, etl.TopicLoad)
	c.MaxTries, c.Backoff = 1, func(int) time.Duration { return 0 }
	q := openQueue(t, c)
	url := c.URLs[etl.TopicLoad]
	if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicLoad}); err != nil {
		t.Fatal(err)
	}
	wait := func(ctx context.Context, _ etl.Message) error { <-ctx.Done(); return ctx.Err() }
	var reports int
	onDead := func(ctx context.Context, _ etl.Message, last error) error {
		reports++
		if ctx.Err() != nil || !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("reported with %v, %v", ctx.Err(), last)
		}
		return nil
	}
	handlers := map[etl.Topic]etl.Handler{etl.TopicLoad: wait}
	d, ok := receive(t, client, url)
	if !ok {
		t.Fatal("no message")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Take(cancelled, d, handlers, onDead); err != nil || reports != 0 {
		t.Fatalf("cut off: %v, %d reports", err, reports)
	}
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &d.Receipt}); err != nil {
		t.Fatal(err)
	}
	if d, ok = receive(t, client, url); !ok {
		t.Fatal("no copy")
	}
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if err := q.Take(late, d, handlers, onDead); err == nil || reports != 1 {
		t.Fatalf("too late: %v, %d reports", err, reports)
	}
}

// TestQueueTakeLeavesNothing looks for what Take might leave running, which a
// frozen function would find again in its next life.
func TestQueueTakeLeavesNothing(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 10, etl.TopicLoad)
	c.MaxTries = 1
	q := openQueue(t, c)
	for _, outcome := range []error{nil, errors.New("not yet"), &etl.RetryAfter{Delay: time.Minute}} {
		if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicLoad}); err != nil {
			t.Fatal(err)
		}
		if _, got := take(t, q, client, c.URLs[etl.TopicLoad], func(context.Context, etl.Message) error { return outcome }, nil); !got {
			t.Fatal("no message")
		}
		stacks := make([]byte, 1<<20)
		if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("internal/aws.(*Queue)")) {
			t.Errorf("after %v there runs\n%s", outcome, stacks)
		}
	}
}

// TestQueueLongDelays follows a delay that SQS does not know, and leaves a
// message alone that is none of ours.
func TestQueueLongDelays(t *testing.T) {
	client := sqs.NewFromConfig(sdkConfig(t))
	c := makeQueues(t, client, 10, etl.TopicLoad)
	q := openQueue(t, c)
	url := c.URLs[etl.TopicLoad]
	handler := func(context.Context, etl.Message) error { t.Error("handled too early"); return nil }
	due := time.Now().Add(1500 * time.Millisecond)
	d := aws.Delivery{
		Queue: url, Body: `{"topic":"load","run_id":4}`, Receives: 1,
		Attributes: map[string]string{"etlportal-due": strconv.FormatInt(due.UnixMilli(), 10), "etlportal-failures": "2"},
	}
	if err := q.Take(t.Context(), d, map[etl.Topic]etl.Handler{etl.TopicLoad: handler}, nil); err != nil {
		t.Fatal(err)
	}
	copied, ok := receive(t, client, url)
	for ; !ok; copied, ok = receive(t, client, url) {
		if t.Context().Err() != nil {
			t.Fatal("no copy")
		}
	}
	if now := time.Now(); now.Before(due) || copied.Attributes["etlportal-failures"] != "2" || copied.Attributes["etlportal-due"] != "" {
		t.Errorf("%s before its time: %+v", due.Sub(now), copied)
	}
	// Beyond a quarter of an hour the rest is noted.
	if err := q.Send(t.Context(), time.Hour, etl.Message{Topic: etl.TopicLoad}); err != nil {
		t.Fatal(err)
	}
	if n := attribute(t, client, url, types.QueueAttributeNameApproximateNumberOfMessagesDelayed); n != "1" {
		t.Errorf("%s messages are delayed", n)
	}
	for _, body := range []string{"no JSON", `{"topic":"plan"}`, `{}`} {
		err := q.Take(t.Context(), aws.Delivery{Queue: url, Body: body, Receives: 1}, map[etl.Topic]etl.Handler{etl.TopicLoad: handler}, nil)
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "unreadable_message" {
			t.Errorf("%s: %v", body, err)
		}
	}
}
