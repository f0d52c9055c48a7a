package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
)

// recorded reads an event as AWS's documentation shows it.
func recorded[T any](t *testing.T, name string) (e T) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &e))
	return e
}

func TestRequest(t *testing.T) {
	e := recorded[events.APIGatewayProxyRequest](t, "rest-proxy.json")
	r, err := request(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, "/api/v1/sources/csv", r.URL.Path)
	require.Equal(t, "a b&c=d+ü", r.URL.Query().Get("cursor"))
	require.Equal(t, "3", r.URL.Query().Get("limit"))
	require.Equal(t, []string{"first", "second"}, r.Header.Values("X-Twice"))
	require.Equal(t, "70ixmpl4fl.execute-api.us-east-2.amazonaws.com", r.Host)
	require.Empty(t, r.Header.Values("Host"))
	require.Equal(t, "127.0.0.1:0", r.RemoteAddr)
	require.Equal(t, "77375676-xmpl-4b79-853a-f982474efe18", r.Header.Get("X-Request-ID"))

	for path, want := range map[string]string{
		"/prod/api/v1/jobs": "/api/v1/jobs", "/prod/healthz": "/healthz", "/prodigal": "/prodigal", "/api/v1/prod/x": "/api/v1/prod/x", "": "/",
		"/api/v1/100%/a b?c#d": "/api/v1/100%/a b?c#d", "//evil.example/x": "//evil.example/x",
	} {
		e.Path = path
		r, err := request(t.Context(), e)
		require.NoError(t, err, path)
		require.Equal(t, want, r.URL.Path, path)
		require.NotContains(t, r.Host, "evil")
	}
	e.Path, e.HTTPMethod = "/x", "POST"
	for _, content := range []string{"", "{}", "\x00\xff\xfe"} {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(content)), true
		r, err := request(t.Context(), e)
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, content, string(body))
		require.Equal(t, int64(len(content)), r.ContentLength)
	}
	e.Body = "no base64!"
	_, err = request(t.Context(), e)
	require.Error(t, err)
}

func TestDelivery(t *testing.T) {
	e := recorded[events.SQSEvent](t, "sqs.json")
	d := delivery(&e.Records[0])
	require.Equal(t, "arn:aws:sqs:us-east-2:123456789012:my-queue", d.Queue)
	require.Equal(t, e.Records[0].MessageId, d.ID)
	require.Equal(t, e.Records[0].ReceiptHandle, d.Receipt)
	require.Equal(t, e.Records[0].Body, d.Body)
	require.Equal(t, 3, d.Receives)
	require.Equal(t, map[string]string{"etlportal-failures": "2"}, d.Attributes)
}

// What fails, or panics, stays in the queue, and nothing else does.
func TestPartialBatchFailures(t *testing.T) {
	e := events.SQSEvent{}
	for i := range 4 {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i)})
	}
	answer := each(e, func(m *events.SQSMessage) error {
		switch m.MessageId {
		case "1":
			return errors.New("failed")
		case "2":
			panic("canary")
		}
		return nil
	})
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`, string(text))
	text, err = json.Marshal(each(events.SQSEvent{}, nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(text), "a failure of null would be one of the whole batch")
}

func TestInTime(t *testing.T) {
	for left, margin := range map[time.Duration]time.Duration{15 * time.Minute: 15 * time.Second, time.Minute: 6 * time.Second, 3 * time.Second: leastMargin} {
		at := time.Now().Add(left)
		outer, cancel := context.WithDeadline(t.Context(), at)
		inner, end := inTime(outer)
		got, ok := inner.Deadline()
		require.True(t, ok)
		kept := at.Sub(got)
		require.LessOrEqual(t, kept, margin, left)
		require.GreaterOrEqual(t, kept, min(max(time.Until(at)/10, leastMargin), margin), left)
		end()
		cancel()
	}
}

// parts reads a stream's metadata, and gives the rest.
func parts(t *testing.T, r io.Reader) (meta map[string]any, rest io.Reader) {
	t.Helper()
	var prelude []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(prelude), strings.Repeat("\x00", 8)) {
		_, err := io.ReadFull(r, one)
		require.NoError(t, err)
		prelude = append(prelude, one[0])
	}
	require.NoError(t, json.Unmarshal(prelude[:len(prelude)-8], &meta))
	return meta, r
}

func TestStream(t *testing.T) {
	r, err := request(t.Context(), recorded[events.APIGatewayProxyRequest](t, "rest-proxy.json"))
	require.NoError(t, err)
	ended := make(chan struct{})
	done := func() { close(ended) }

	// Each write arrives before the next one is made.
	next := make(chan string)
	answer := stream(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("X-Twice", "a")
		w.Header().Add("X-Twice", "b")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("Late", "is not sent")
		for text := range next {
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	}), r, done)
	require.Equal(t, "application/vnd.awslambda.http-integration-response", answer.ContentType())
	meta, rest := parts(t, answer)
	require.Equal(t, map[string]any{"statusCode": 202.0, "multiValueHeaders": map[string]any{"X-Twice": []any{"a", "b"}}}, meta)
	for _, text := range []string{"one", "two"} {
		next <- text
		got := make([]byte, len(text))
		_, err := io.ReadFull(rest, got)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	close(next)
	left, err := io.ReadAll(rest)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, answer.Close())
	<-ended

	// Who leaves ends the handler, and closing waits for that.
	ended = make(chan struct{})
	answer = stream(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, "more"); err != nil {
				return
			}
		}
	}), r, func() { close(ended) })
	meta, _ = parts(t, answer)
	require.Equal(t, 200.0, meta["statusCode"]) //nolint:testifylint // it is written, not computed
	require.NoError(t, answer.Close())
	select {
	case <-ended:
	default:
		t.Fatal("the handler goes on after its answer is closed")
	}

	// A panic behind the headers is the stream's error, not its end.
	ended = make(chan struct{})
	answer = stream(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begun")
		panic(http.ErrAbortHandler)
	}), r, func() { close(ended) })
	text, err := io.ReadAll(answer)
	require.ErrorContains(t, err, "broke off")
	require.True(t, strings.HasSuffix(string(text), "begun"))
	require.NoError(t, answer.Close())
	<-ended

	// One before them has a status, and an answer without a body has one too.
	for status, h := range map[float64]http.HandlerFunc{
		500: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		200: func(http.ResponseWriter, *http.Request) {},
	} {
		answer = stream(h, r, func() {})
		meta, _ = parts(t, iotest.OneByteReader(answer))
		require.Equal(t, status, meta["statusCode"]) //nolint:testifylint // it is written, not computed
		_ = answer.Close()
	}
}

// An environment that lacks something names all of it, and a portal into which
// nobody could sign in does not start.
func TestStart(t *testing.T) {
	_, err := Start(func(string) (string, bool) { return "", false }, io.Discard)
	for _, name := range []string{"ETLPORTAL_BUCKET", "ETLPORTAL_DATABASE_SECRET", "ETLPORTAL_KMS_KEY", "ETLPORTAL_QUEUE_INSPECT_URL", "ETLPORTAL_QUEUE_FINALIZE_URL"} {
		require.ErrorContains(t, err, name)
	}
	env := map[string]string{
		"ETLPORTAL_BUCKET": "b", "ETLPORTAL_KMS_KEY": "k", "DATABASE_URL": "postgres://127.0.0.1:1/none", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"ETLPORTAL_QUEUE_INSPECT_URL": "http://q/inspect", "ETLPORTAL_QUEUE_PLAN_URL": "http://q/plan", "ETLPORTAL_QUEUE_LOAD_URL": "http://q/load", "ETLPORTAL_QUEUE_FINALIZE_URL": "http://q/finalize",
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	look := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	_, err = Start(look, io.Discard)
	require.NoError(t, err)
	_, err = StartAPI(look, io.Discard)
	require.ErrorContains(t, err, "ETLPORTAL_OIDC_ISSUER")
	require.ErrorContains(t, err, "ETLPORTAL_BOOTSTRAP_TOKEN_SECRET")
	env["ETLPORTAL_BOOTSTRAP_TOKEN_SECRET"] = "arn:secret"
	for _, how := range []string{"buffered", "stream"} {
		env["ETLPORTAL_RESPONSE"] = how
		f, err := StartAPI(look, io.Discard)
		require.NoError(t, err)
		// Its secret cannot be read: a caller is told to come again.
		answer, err := f.Answer(t.Context(), recorded[events.APIGatewayProxyRequest](t, "rest-proxy.json"))
		require.NoError(t, err)
		var status int
		var body string
		switch a := answer.(type) {
		case events.APIGatewayProxyResponse:
			status, body = a.StatusCode, a.Body
			require.Equal(t, "buffered", how)
		case *events.APIGatewayProxyStreamingResponse:
			text, err := io.ReadAll(a.Body)
			require.NoError(t, err)
			status, body = a.StatusCode, string(text)
			require.Equal(t, "stream", how)
		}
		require.Equal(t, http.StatusServiceUnavailable, status, body)
		require.Contains(t, body, `"code":"not_ready"`)
	}
	env["ETLPORTAL_RESPONSE"] = "loud"
	_, err = StartAPI(look, io.Discard)
	require.ErrorContains(t, err, "ETLPORTAL_RESPONSE")
}
