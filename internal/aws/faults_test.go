package aws_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// standIn is a service that answers as it is told.
type standIn struct {
	*httptest.Server

	// requests are the bodies of what it was asked.
	requests []string
}

func newStandIn(t *testing.T, status int, header, body string) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		s.requests = append(s.requests, string(p))
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Errortype", header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// elsewhere is an account at an address.
func elsewhere(endpoint string) aws.Account {
	return aws.Account{Region: "us-east-1", Endpoint: endpoint, AccessKey: "test", SecretKey: "test", Retry: time.Millisecond}
}

// nowhere is an address that nobody listens on.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// calls are one of each adapter's, and what its errors must name.
var calls = map[string]struct {
	prefix etl.Code
	call   func(context.Context, aws.Account) error
	// names, action: what a person needs to find it.
	names, action string
}{
	"Send": {"queue", func(ctx context.Context, a aws.Account) error {
		q, err := aws.NewQueue(ctx, aws.QueueConfig{Account: a, URLs: map[etl.Topic]string{etl.TopicLoad: "http://sqs/1/etl-load"}})
		return errors.Join(err, q.Send(ctx, 0, etl.Message{Topic: etl.TopicLoad}))
	}, "etl-load", "sqs:SendMessage"},
	"Ready": {"queue", func(ctx context.Context, a aws.Account) error {
		q, err := aws.NewQueue(ctx, aws.QueueConfig{Account: a, URLs: map[etl.Topic]string{etl.TopicLoad: "http://sqs/1/etl-load"}})
		return errors.Join(err, q.Ready(ctx))
	}, "etl-load", "sqs:GetQueueAttributes"},
	"Serve": {"queue", func(ctx context.Context, a aws.Account) error {
		q, err := aws.NewQueue(ctx, aws.QueueConfig{Account: a, URLs: map[etl.Topic]string{etl.TopicLoad: "http://sqs/1/etl-load"}})
		return errors.Join(err, q.Serve(ctx, map[etl.Topic]etl.Handler{etl.TopicLoad: nil}, aws.ServeOptions{}))
	}, "etl-load", "sqs:GetQueueAttributes"},
	"Seal": {"key", func(ctx context.Context, a aws.Account) error {
		s, err := aws.NewSealer(ctx, aws.SealerConfig{Account: a, KeyID: "alias/etl-key"})
		_, _, sealed := s.Seal(ctx, []byte("a password"), "credential 1")
		return errors.Join(err, sealed)
	}, "alias/etl-key", "kms:GenerateDataKey"},
	"Open": {"key", func(ctx context.Context, a aws.Account) error {
		s, err := aws.NewSealer(ctx, aws.SealerConfig{Account: a, KeyID: "alias/etl-key"})
		name := "arn:aws:kms:us-east-1:1:key/2"
		_, opened := s.Open(ctx, []byte("\x01\x00"+string(rune(len(name)))+name+"\x00\x01xyz"), "credential 1")
		return errors.Join(err, opened)
	}, "arn:aws:kms:us-east-1:1:key/2", "kms:Decrypt"},
	"Current": {"key", func(ctx context.Context, a aws.Account) error {
		s, err := aws.NewSealer(ctx, aws.SealerConfig{Account: a, KeyID: "alias/etl-key"})
		_, current := s.Current(ctx)
		return errors.Join(err, current)
	}, "alias/etl-key", "kms:DescribeKey"},
	"Secret": {"secret", func(ctx context.Context, a aws.Account) error {
		_, err := aws.Secret(ctx, a, "ETLPORTAL_DATABASE_SECRET", "arn:aws:secretsmanager:us-east-1:1:secret:db")
		return err
	}, "arn:aws:secretsmanager:us-east-1:1:secret:db", "secretsmanager:GetSecretValue"},
	"Put": {"schedule", func(ctx context.Context, a aws.Account) error {
		s, err := aws.NewScheduler(ctx, aws.SchedulerConfig{Account: a, Group: "etl-group", QueueARN: tickQueue, RoleARN: tickRole})
		return errors.Join(err, s.Put(ctx, etl.Timetable{ScheduleID: 1, JobID: 1, Expressions: []string{"rate(1 day)"}}))
	}, "etl-group", "scheduler:ListSchedules"},
	"Credentials": {"credentials", func(ctx context.Context, a aws.Account) error {
		l, err := aws.NewRedshiftLogin(ctx, a, aws.RedshiftData{Workgroup: "etl-workgroup", Database: "shop"})
		_, _, asked := l.Credentials(ctx, false)
		return errors.Join(err, asked)
	}, "etl-workgroup", "redshift-serverless:GetCredentials"},
	"Run": {"warehouse", func(ctx context.Context, a aws.Account) error {
		d, err := aws.NewRedshiftData(ctx, a, aws.RedshiftData{Workgroup: "etl-workgroup", Database: "shop"})
		_, run := d.Run(ctx, "SELECT 1")
		return errors.Join(err, run)
	}, "etl-workgroup", "redshift-data:ExecuteStatement"},
	"Finalize": {"task", func(ctx context.Context, a aws.Account) error {
		return errors.Join(openTasks(ctx, a).Finalize(ctx, 7, 2))
	}, "etl-cluster", "ecs:RunTask"},
}

// TestFaults has each adapter's requests fail in each way.
func TestFaults(t *testing.T) {
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			named := func(err error, kind etl.Kind, code etl.Code) {
				t.Helper()
				if e := is(t, err, kind, code); !strings.Contains(e.Message, c.names) || strings.Contains(e.Error(), "a password") {
					t.Errorf("%q is not named, or too much is: %v", c.names, e)
				}
			}
			for _, throttled := range []struct {
				status int
				code   string
			}{{400, "ThrottlingException"}, {429, "TooManyRequestsException"}, {503, "SlowDown"}, {400, "RequestThrottled"}} {
				s := newStandIn(t, throttled.status, throttled.code, `{"__type":"`+throttled.code+`","message":"Rate exceeded"}`)
				named(c.call(t.Context(), elsewhere(s.URL)), etl.Weather, c.prefix+"_busy")
				if len(s.requests) < 2 {
					t.Errorf("%s was not tried again", throttled.code)
				}
			}
			s := newStandIn(t, 500, "InternalFailure", `{"__type":"InternalFailure"}`)
			named(c.call(t.Context(), elsewhere(s.URL)), etl.Weather, c.prefix+"_unavailable")
			s = newStandIn(t, 502, "", `<html>a proxy</html>`)
			named(c.call(t.Context(), elsewhere(s.URL)), etl.Weather, c.prefix+"_unavailable")
			named(c.call(t.Context(), elsewhere(nowhere(t))), etl.Weather, c.prefix+"_unreachable")
			s = newStandIn(t, 400, "AccessDeniedException", `{"__type":"AccessDeniedException","message":"not authorized"}`)
			err := c.call(t.Context(), elsewhere(s.URL))
			named(err, etl.Mistake, c.prefix+"_denied")
			if !strings.Contains(err.Error(), c.action) || len(s.requests) != 1 {
				t.Errorf("%s is not named after %d requests: %v", c.action, len(s.requests), err)
			}
			s = newStandIn(t, 400, "SomethingElse", `{"__type":"SomethingElse","message":"that won't do"}`)
			named(c.call(t.Context(), elsewhere(s.URL)), etl.Mistake, c.prefix+"_refused")
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if err := c.call(cancelled, elsewhere(s.URL)); name != "Serve" && !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		})
	}
}

// TestBlobsThrottled has S3 ask for slower requests all the time, and once.
func TestBlobsThrottled(t *testing.T) {
	s := newStandIn(t, 503, "", `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
	b, err := aws.NewBlobs(t.Context(), aws.BlobsConfig{
		Bucket: "etl", Region: "us-east-1", Endpoint: s.URL, PathStyle: true, AccessKey: "test", SecretKey: "test", Retry: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Put(t.Context(), "a.csv", strings.NewReader("a,b\n"))
	if e := is(t, err, etl.Weather, "blobs_busy"); !strings.Contains(e.Message, "a.csv") || len(s.requests) != 4 {
		t.Errorf("after %d requests: %v", len(s.requests), e)
	}
	_, err = b.Range(t.Context(), etl.ObjectRef{Key: "a.csv", Size: 4, ETag: "1"}, 0, 4)
	is(t, err, etl.Weather, "blobs_busy")
}

// md5Of is what SQS answers for the first message of a batch.
func md5Of(request []byte) string {
	var batch struct {
		Entries []struct{ MessageBody string }
	}
	if err := json.Unmarshal(request, &batch); err != nil || len(batch.Entries) == 0 {
		return ""
	}
	sum := md5.Sum([]byte(batch.Entries[0].MessageBody))
	return hex.EncodeToString(sum[:])
}

// TestSendPartly has SQS take a part of a batch.
func TestSendPartly(t *testing.T) {
	answers := []string{
		`{"Successful":[{"Id":"0","MessageId":"a","MD5OfMessageBody":"?"}],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"},{"Id":"2","SenderFault":false,"Code":"InternalError"}]}`,
		`{"Successful":[],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]}`,
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		asked = append(asked, string(p))
		answer := `{"Successful":[],"Failed":[]}`
		if len(asked) <= len(answers) {
			answer = answers[len(asked)-1]
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, strings.ReplaceAll(answer, `"?"`, `"`+md5Of(p)+`"`))
	}))
	defer server.Close()
	open := func() *aws.Queue {
		return openQueue(t, aws.QueueConfig{
			Account: elsewhere(server.URL), URLs: map[etl.Topic]string{etl.TopicLoad: "http://sqs/1/etl-load"}, Log: slog.New(slog.DiscardHandler),
		})
	}
	messages := []etl.Message{{Topic: etl.TopicLoad, Chunk: 1}, {Topic: etl.TopicLoad, Chunk: 2}, {Topic: etl.TopicLoad, Chunk: 3}}
	if err := open().Send(t.Context(), 0, messages...); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 3 || strings.Count(asked[1], "MessageBody") != 2 || strings.Count(asked[2], "MessageBody") != 1 || !strings.Contains(asked[2], `chunk\":2`) {
		t.Errorf("sent\n%s", strings.Join(asked, "\n"))
	}
	asked, answers = nil, []string{`{"Successful":[],"Failed":[{"Id":"1","SenderFault":true,"Code":"InvalidMessageContents"}]}`}
	if err := open().Send(t.Context(), 0, messages...); etl.KindOf(err) != etl.Internal || len(asked) != 1 {
		t.Errorf("a refused message: %v after %d requests", err, len(asked))
	}
	never := `{"Successful":[],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]}`
	asked, answers = nil, slices.Repeat([]string{never}, 10)
	err := open().Send(t.Context(), 0, messages...)
	if e := is(t, err, etl.Weather, "queue_busy"); !strings.Contains(e.Message, "etl-load") {
		t.Errorf("the queue is not named: %v", e)
	}
	// Thirty messages are three batches.
	asked, answers = nil, nil
	for range 27 {
		messages = append(messages, messages[0])
	}
	if err := open().Send(t.Context(), 0, messages...); err != nil || len(asked) != 3 {
		t.Errorf("%d requests, %v", len(asked), err)
	}
}
