package workflow_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// grants are what the cloud's templates allow each function on objects, which is
// the golden of their own test.
const grants = "../../infra-cdk/testdata/access.txt"

// asked notes by topic what is done to objects, as "topic action folder/*".
type asked struct {
	etl.Blobs

	mu  sync.Mutex
	all map[string]bool
}

type topicKey struct{}

func (a *asked) note(ctx context.Context, key string, actions ...string) {
	topic, ok := ctx.Value(topicKey{}).(etl.Topic)
	if !ok {
		return
	}
	folder, _, _ := strings.Cut(key, "/")
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, action := range actions {
		a.all[string(topic)+" "+action+" "+folder+"/*"] = true
	}
}

// list notes what tells a missing object from a forbidden one.
func (a *asked) list(ctx context.Context) {
	if topic, ok := ctx.Value(topicKey{}).(etl.Topic); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all[string(topic)+" s3:ListBucket Data.Uploads.Arn"] = true
	}
}

func (a *asked) Head(ctx context.Context, key string) (etl.ObjectRef, error) {
	a.note(ctx, key, "s3:GetObject")
	ref, err := a.Blobs.Head(ctx, key)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "object_not_found" {
		if strings.HasPrefix(key, "redshift/") {
			// What is staged is looked for where there may be nothing.
			a.list(ctx)
			return ref, err
		}
		// So S3 answers who may not list the bucket.
		err = etl.Mistakef("blobs_denied", "", "forbidden")
	}
	return ref, err
}

func (a *asked) Range(ctx context.Context, ref etl.ObjectRef, off, n int64) (io.ReadCloser, error) {
	a.note(ctx, ref.Key, "s3:GetObject")
	return a.Blobs.Range(ctx, ref, off, n)
}

func (a *asked) Put(ctx context.Context, key string, r io.Reader) (etl.ObjectRef, error) {
	// What is large goes in parts, which are given up where one fails.
	a.note(ctx, key, "s3:PutObject", "s3:AbortMultipartUpload")
	return a.Blobs.Put(ctx, key, r)
}

func (a *asked) Delete(ctx context.Context, key string) error {
	a.note(ctx, key, "s3:DeleteObject")
	return a.Blobs.Delete(ctx, key)
}

// Every function of the cloud may do what its step does: a file is profiled with
// a scan in blocks; a run of it is planned anew, in smaller chunks than its index
// has; another is fanned out, with refused rows that are looked up in the file,
// and published; one fails, and is retried.
func TestStepsAskForWhatIsGranted(t *testing.T) {
	b := newBench(t, salesTable)
	a := &asked{Blobs: b.blobs, all: map[string]bool{}}
	b.steps.Blobs = a
	handlers := b.steps.Handlers()
	drain := func() { b.drain(handlers) }
	src := b.upload("sales.csv", sales(16000, func(i int) bool { return i%5000 == 11 }))
	b.queue.pending = []etl.Message{{Topic: etl.TopicInspect, FileID: src.ID}}
	drain()
	j := etl.Job{Table: "sales", Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}}
	usual := b.steps.ChunkBytes
	b.steps.ChunkBytes = b.steps.IndexBytes / 3
	run := b.execute(b.job(src, j))
	planned := b.queue.pending[0]
	if err := handlers[planned.Topic](as(t.Context(), planned.Topic), planned); err != nil {
		t.Fatal(err)
	}
	if _, err := b.steps.Cancel(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	b.queue.pending = nil
	b.steps.ChunkBytes = usual
	run = b.execute(b.job(src, j))
	drain()
	if run = b.run(run.ID); run.Status != etl.Completed {
		t.Fatalf("%s: %+v\n%s", run.Status, run.Error, b.log(run.ID))
	}
	j.Mapping.OnBadRow.Mode, j.Strategy = "fail", etl.Upsert
	j.UpsertKeys = []string{"id"}
	run = b.execute(b.job(src, j))
	drain()
	if _, err := b.steps.Retry(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	drain()
	a.granted(t, "inspect s3:PutObject inspections/*", "plan s3:PutObject runs/*", "plan s3:DeleteObject runs/*", "load s3:GetObject sources/*")
}

// drain handles messages, one after the other, each as the function of its topic.
func (b *bench) drain(handlers map[etl.Topic]etl.Handler) {
	b.Helper()
	for {
		b.queue.mu.Lock()
		batch := b.queue.pending
		b.queue.pending = nil
		b.queue.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, m := range batch {
			err := handlers[m.Topic](as(b.Context(), m.Topic), m)
			if _, later := errors.AsType[*etl.RetryAfter](err); later {
				b.queue.pending = append(b.queue.pending, m)
			} else if err != nil {
				b.Fatalf("%+v: %v", m, err)
			}
		}
	}
}

// as is the context of a topic's function.
func as(ctx context.Context, topic etl.Topic) context.Context {
	return context.WithValue(ctx, topicKey{}, topic)
}

// granted compares what was asked for, which must come to the wanted at least,
// with what the templates grant.
func (a *asked) granted(t *testing.T, wanted ...string) {
	t.Helper()
	text, err := os.ReadFile(grants)
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if role, rest, ok := strings.Cut(strings.TrimSpace(line), "Role Allow "); ok {
			granted[strings.ToLower(role)+" "+strings.ReplaceAll(rest, "Data.Uploads.Arn/", "")] = true
		}
	}
	got := slices.Sorted(maps.Keys(a.all))
	for _, want := range wanted {
		if !slices.Contains(got, want) {
			t.Errorf("the runs of this test do not come to %q: %q", want, got)
		}
	}
	for _, one := range got {
		if !granted[one] {
			t.Errorf("%q is not among what %s grants", one, grants)
		}
	}
}

// Into Redshift, steps ask for objects of their own: a run is staged, with a
// part that COPY refuses rows of, and published; one is cancelled by a caller of
// the API, who tries a job and tests a credential, too; what a run left that
// nobody knows of is swept.
func TestRedshiftStepsAskForWhatIsGranted(t *testing.T) {
	b := newBench(t)
	a := &asked{Blobs: b.blobs, all: map[string]bool{}}
	server := etltest.Redshift(t, b.blobs)
	server.Exec("CREATE TABLE sales (id INTEGER, name VARCHAR(100), amount NUMERIC(12,2))")
	server.Refuses = func(column, value string) string {
		if column == "amount" && value == "7.50" {
			return "Value out of range"
		}
		return ""
	}
	road, err := redshift.Connect(t.Context(), redshift.Login{Host: server.Host, Port: server.Port, Database: server.Database, Username: server.User, Password: server.Pass, SSLMode: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	dest, err := redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: a, Bucket: server.Bucket, Role: server.Role}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dest.Close(context.Background()) })
	b.steps.Blobs, b.steps.Open = a, func(context.Context, etl.Credential) (etl.FanOut, error) { return dest, nil }
	handlers := b.steps.Handlers()
	asAPI := as(t.Context(), "api")

	if _, err := dest.CheckStaging(asAPI); err != nil {
		t.Fatal(err)
	}
	if _, err := dest.CheckCopy(asAPI); err != nil {
		t.Fatal(err)
	}
	src := b.upload("sales.csv", sales(16000, func(i int) bool { return i%5000 == 11 }))
	j := b.job(src, etl.Job{Table: "sales", Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}})
	if _, err := b.steps.DryRun(asAPI, j); err != nil {
		t.Fatal(err)
	}
	run := b.execute(j)
	b.drain(handlers)
	if run = b.run(run.ID); run.Status != etl.Completed {
		t.Fatalf("%s: %+v\n%s", run.Status, run.Error, b.log(run.ID))
	}
	run = b.execute(j)
	planned := b.queue.pending[0]
	if err := handlers[planned.Topic](as(t.Context(), planned.Topic), planned); err != nil {
		t.Fatal(err)
	}
	if _, err := b.steps.Cancel(asAPI, run.ID); err != nil {
		t.Fatal(err)
	}
	b.drain(handlers)

	// A load of this portal that no run knows.
	table, err := dest.Table(t.Context(), "public", "sales")
	if err != nil {
		t.Fatal(err)
	}
	if err := dest.Prepare(t.Context(), "p1_lost", etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert}); err != nil {
		t.Fatal(err)
	}
	if err := handlers[etl.TopicReconcile](as(t.Context(), etl.TopicReconcile), etl.Message{Topic: etl.TopicReconcile}); err != nil {
		t.Fatal(err)
	}
	if left, err := dest.Stages(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
	// A warehouse may be paid for by the question: it is asked once a day.
	for _, at := range []struct{ hours, want int }{{1, 0}, {23, 0}, {25, 1}, {26, 0}} {
		opened := 0
		b.steps.Now = func() time.Time { return time.Now().Add(time.Duration(at.hours) * time.Hour) }
		b.steps.Open = func(context.Context, etl.Credential) (etl.FanOut, error) { opened++; return dest, nil }
		if err := handlers[etl.TopicReconcile](t.Context(), etl.Message{Topic: etl.TopicReconcile}); err != nil {
			t.Fatal(err)
		}
		if opened != at.want {
			t.Errorf("after %d hours the warehouse was visited %d times, not %d", at.hours, opened, at.want)
		}
	}
	a.granted(t, "api s3:PutObject redshift/*", "api s3:DeleteObject redshift/*", "plan s3:PutObject redshift/*", "load s3:PutObject redshift/*",
		"finalize s3:GetObject redshift/*", "finalize s3:PutObject redshift/*", "finalize s3:DeleteObject redshift/*", "reconcile s3:DeleteObject redshift/*")
}
