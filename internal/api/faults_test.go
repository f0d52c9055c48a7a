package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/workflow"
)

// away says, by a switch, that something cannot be used.
type away struct{ atomic.Bool }

func (a *away) err(code etl.Code) error {
	if !a.Load() {
		return nil
	}
	return &etl.Error{Kind: etl.Weather, Code: code, Message: "it does not answer", Fix: "Try again."}
}

// unreachable is a queue that may be.
type unreachable struct {
	etl.Queue

	away away
}

func (q *unreachable) Send(ctx context.Context, delay time.Duration, messages ...etl.Message) error {
	if err := q.away.err("queue_unavailable"); err != nil {
		return err
	}
	return q.Queue.Send(ctx, delay, messages...)
}

func (q *unreachable) Ready(ctx context.Context) error {
	if err := q.away.err("queue_unavailable"); err != nil {
		return err
	}
	return q.Queue.Ready(ctx)
}

// throttled is a transport whose object store asks to slow down, while it does.
type throttled struct{ on atomic.Bool }

func (s *throttled) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.on.Load() {
		return http.DefaultTransport.RoundTrip(r)
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = w.WriteString(`<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// denied is a sealer that IAM does not let use its key, while it is.
type denied struct {
	etl.Sealer

	on atomic.Bool
}

func (d *denied) err() error {
	if !d.on.Load() {
		return nil
	}
	return etl.Mistakef("key_denied", "Allow kms:Decrypt and kms:GenerateDataKey on the key to the portal's roles.", "the portal may not use the key that seals passwords")
}

func (d *denied) Seal(ctx context.Context, plaintext []byte, of string) ([]byte, string, error) {
	if err := d.err(); err != nil {
		return nil, "", err
	}
	return d.Sealer.Seal(ctx, plaintext, of)
}

func (d *denied) Open(ctx context.Context, ciphertext []byte, of string) ([]byte, error) {
	if err := d.err(); err != nil {
		return nil, err
	}
	return d.Sealer.Open(ctx, ciphertext, of)
}

// later is an answer to try again later.
func (r *reply) later() string {
	r.t.Helper()
	r.want(http.StatusServiceUnavailable)
	require.NotEmpty(r.t, r.header.Get("Retry-After"))
	return r.problem()
}

// over waits for the end of a run.
func (l *lab) over(run, want string) *reply {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	_, err := l.follow(ctx, run, "")
	require.NoError(l.t, err)
	r := l.get("/job-runs/" + run).want(http.StatusOK)
	require.Equal(l.t, want, r.string("status"), r.text)
	return r
}

// What is asked for while the queue cannot be reached is kept, and goes on by
// itself once it can.
func TestQueueUnreachable(t *testing.T) {
	queue := &unreachable{}
	l := newLab(t, func(d *api.Deps) {
		queue.Queue = d.Portal.Queue
		d.Portal.Queue = queue
	})
	l.steps.Queue = queue
	impatient := &workflow.Steps{Store: l.store, Blobs: l.steps.Blobs, Queue: queue, Open: l.steps.Open, Log: l.steps.Log, Hold: time.Millisecond}
	l.database(ordersTable)
	queue.away.Store(true)
	require.Equal(t, "not_ready", l.get("/readyz").later())
	job := l.job(l.file(orders(50)), nil)
	run := l.execute(job)
	require.Equal(t, "PENDING", l.get("/job-runs/"+run).want(http.StatusOK).string("status"))
	reconcile := impatient.Handlers()[etl.TopicReconcile]
	for range 20 {
		require.Error(t, reconcile(t.Context(), etl.Message{Topic: etl.TopicReconcile}), "it is away for the reconciler, too")
	}
	require.Equal(t, "PENDING", l.get("/job-runs/"+run).want(http.StatusOK).string("status"))

	queue.away.Store(false)
	l.get("/readyz").want(http.StatusOK)
	require.NoError(t, reconcile(t.Context(), etl.Message{Topic: etl.TopicReconcile}))
	l.serve()
	require.InDelta(t, 50, l.over(run, "COMPLETED").number("rows_loaded"), 0)
}

// An object store that asks to slow down: callers are asked to come again, and
// loaders do by themselves.
func TestStoreThrottled(t *testing.T) {
	slow := &throttled{}
	var blobs etl.Blobs
	l := newLab(t, func(d *api.Deps) {
		blobs = etltest.Bucket(t, etltest.BlobsSetup{Transport: slow})
		d.Portal.Blobs = blobs
	})
	l.steps.Blobs = blobs
	l.database(ordersTable)
	file := l.file(orders(50))
	job := l.job(file, nil)
	slow.on.Store(true)
	l.upload("more.csv", orders(5)).later()
	l.post("/sources/csv/uploads", map[string]any{"filename": "x.csv", "size": 1 << 20}).later()
	l.get("/sources/csv/" + file + "/preview?limit=10").later()
	l.get("/readyz").later()
	l.get("/sources/csv/" + file + "/metadata").want(http.StatusOK)
	run := l.execute(job)
	id, err := strconv.ParseInt(run, 10, 64)
	require.NoError(t, err)
	plan := etl.Message{Topic: etl.TopicPlan, RunID: id, Attempt: 1}
	require.NoError(t, l.steps.Handlers()[etl.TopicPlan](t.Context(), plan), "what the inspection knows needs no object")
	load := etl.Message{Topic: etl.TopicLoad, RunID: plan.RunID, Attempt: 1}
	err = l.steps.Handlers()[etl.TopicLoad](t.Context(), load)
	require.Error(t, err)
	require.NotEqual(t, etl.Mistake, etl.KindOf(err), "it comes again: %v", err)
	require.Equal(t, "RUNNING", l.get("/job-runs/"+run).want(http.StatusOK).string("status"))
	slow.on.Store(false)
	l.serve()
	require.InDelta(t, 50, l.over(run, "COMPLETED").number("rows_loaded"), 0)
}

// A key that may not be used is somebody's mistake, who is told which action to
// allow; a run that fails of it goes on with a retry.
func TestKeyDenied(t *testing.T) {
	key := &denied{}
	l := newLab(t, func(d *api.Deps) {
		key.Sealer = d.Portal.Sealer
		d.Portal.Sealer = key
	})
	l.database(ordersTable)
	job := l.job(l.file(orders(50)), nil)
	key.on.Store(true)
	list := l.get("/credentials").want(http.StatusOK)
	for path, body := range map[string]any{
		"/credentials": l.credentialBody(map[string]any{"name": "another"}),
		fmt.Sprintf("/destinations/%.0f/tables", list.number("items", 0, "id")): map[string]any{"schema": "public"},
	} {
		r := l.post(path, body)
		require.Equal(t, "key_denied", r.later(), path)
		require.Contains(t, r.string("fix"), "kms:Decrypt")
	}
	require.Equal(t, list.at("items"), l.get("/credentials").at("items"), "nothing half made is left")
	run := l.execute(job)
	l.serve()
	failed := l.over(run, "FAILED")
	require.Equal(t, "key_denied", failed.string("error", "code"))
	require.Contains(t, failed.string("error", "fix"), "kms:Decrypt")
	key.on.Store(false)
	l.post("/job-runs/"+run+"/retry", nil).want(http.StatusOK)
	require.InDelta(t, 50, l.over(run, "COMPLETED").number("rows_loaded"), 0)
}

// Event streams end whole when the process does, and say when to come again.
func TestStreamsEndWithTheProcess(t *testing.T) {
	ending := make(chan struct{})
	l := newLab(t, func(d *api.Deps) { d.Ending = ending })
	l.database(ordersTable)
	run := l.execute(l.job(l.file(orders(5)), nil))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/api/v1/job-runs/"+run+"/stream", http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	var seen strings.Builder
	for !strings.Contains(seen.String(), "event: progress") {
		line, err := body.ReadString('\n')
		require.NoError(t, err)
		seen.WriteString(line)
	}
	close(ending)
	rest, err := io.ReadAll(body)
	require.NoError(t, err, "the end is no broken connection")
	require.Contains(t, string(rest), ": the portal is about to end\n\nretry: 1000\n\n")
}
