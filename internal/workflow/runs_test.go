package workflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/store"
	"github.com/etlportal/etlportal/internal/workflow"
)

// bench is a portal without its API: the real store, object store and
// destination, and a queue in memory that several workers serve.
type bench struct {
	*testing.T
	store *store.Store
	blobs etl.Blobs
	dest  *destination.Postgres
	raw   *pgx.Conn
	cred  etl.Credential
	steps *workflow.Steps
	queue *workers
	jobs  int
	at    string
}

// asRole connects to the destination as a role that may log in from now on.
func (b *bench) asRole(role string) {
	b.Helper()
	b.exec("ALTER ROLE " + role + " LOGIN PASSWORD 'pw'")
	u, err := url.Parse(b.at)
	if err != nil {
		b.Fatal(err)
	}
	u.User = url.UserPassword(role, "pw")
	dest, err := destination.OpenPostgres(b.Context(), u.String(), destination.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = dest.Close(context.Background()) })
	b.steps.Open = func(context.Context, etl.Credential) (etl.FanOut, error) { return dest, nil }
}

// workers deliver messages at least once, to handlers that run at the same time.
type workers struct {
	mu      sync.Mutex
	pending []etl.Message
	twice   bool
}

func (w *workers) Ready(context.Context) error { return nil }

func (w *workers) Send(_ context.Context, _ time.Duration, messages ...etl.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, messages...)
	if w.twice {
		w.pending = append(w.pending, messages...)
	}
	return nil
}

// serve handles messages, four at a time, until none is left.
func (w *workers) serve(t *testing.T, s *workflow.Steps) {
	t.Helper()
	handlers := s.Handlers()
	for round := 0; ; round++ {
		w.mu.Lock()
		batch := w.pending
		w.pending = nil
		w.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if round > 500 {
			t.Fatalf("messages do not end: %v", batch)
		}
		var group sync.WaitGroup
		turns := make(chan struct{}, 4)
		for _, m := range batch {
			turns <- struct{}{}
			group.Go(func() {
				defer func() { <-turns }()
				err := handlers[m.Topic](t.Context(), m)
				if _, later := errors.AsType[*etl.RetryAfter](err); later {
					w.mu.Lock()
					w.pending = append(w.pending, m)
					w.mu.Unlock()
				} else if err != nil {
					t.Errorf("%+v: %v", m, err)
				}
			})
		}
		group.Wait()
	}
}

func newBench(t *testing.T, statements ...string) *bench {
	t.Helper()
	ctx := t.Context()
	portal, at := etltest.Postgres(t), etltest.Postgres(t)
	if err := store.MigrateUp(ctx, portal); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, portal, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dest, err := destination.OpenPostgres(ctx, at, destination.Options{LockTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close(context.Background()); _ = dest.Close(context.Background()) })
	b := &bench{T: t, store: s, blobs: etltest.Blobs(t), dest: dest, raw: raw, queue: &workers{}, at: at}
	for _, sql := range statements {
		b.exec(sql)
	}
	b.cred, err = s.CreateCredential(ctx, etl.Credential{Name: "here", Type: "postgresql", Host: "h", Port: 5432, Database: "d", Username: "u", SSLMode: "disable", MaxParallel: 3},
		func(context.Context, int64) (etl.Sealed, error) {
			return etl.Sealed{Ciphertext: []byte("x"), KeyVersion: "1"}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	b.steps = &workflow.Steps{
		Store: s, Blobs: b.blobs, Queue: b.queue, Open: func(context.Context, etl.Credential) (etl.FanOut, error) { return dest, nil },
		Log: slog.New(slog.DiscardHandler), Parallel: 2, ChunkBytes: 64 << 10, MinChunkBytes: 1 << 10, IndexBytes: 4 << 10, Portal: "p1",
	}
	return b
}

func (b *bench) exec(sql string) {
	b.Helper()
	if _, err := b.raw.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

func (b *bench) want(sql, want string) {
	b.Helper()
	var got string
	if err := b.raw.QueryRow(b.Context(), sql, pgx.QueryExecModeSimpleProtocol).Scan(&got); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	if got != want {
		b.Errorf("%s is %s, want %s", sql, got, want)
	}
}

// upload stores a file and looks at its sample, as an upload does.
func (b *bench) upload(name, text string) etl.Source {
	b.Helper()
	ctx := b.Context()
	ref, err := b.blobs.Put(ctx, "sources/"+name, strings.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	sample := text[:min(len(text), 4<<10)]
	in, _, err := workflow.InspectSample(ctx, name, []byte(sample), len(sample) == len(text), workflow.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	view, err := json.Marshal(workflow.NewView(name, ref.Size, "", in))
	if err != nil {
		b.Fatal(err)
	}
	src, err := b.store.CreateSource(ctx, etl.Source{
		Filename: name, Size: ref.Size, State: etl.SourceSampled, Object: ref, Encoding: in.Sniff.Encoding, Dialect: in.Sniff.Dialect,
		Names: in.Sniff.Names, Inspection: view, RowCount: in.Rows,
	})
	if err != nil {
		b.Fatal(err)
	}
	return src
}

func (b *bench) job(src etl.Source, j etl.Job) etl.Job {
	b.Helper()
	b.jobs++
	j.Name, j.FileID, j.CredentialID = fmt.Sprintf("job %d", b.jobs), src.ID, b.cred.ID
	if j.Strategy == "" {
		j.Strategy = etl.Insert
	}
	created, err := b.store.CreateJob(b.Context(), j)
	if err != nil {
		b.Fatal(err)
	}
	return created
}

func (b *bench) execute(j etl.Job) etl.Run {
	b.Helper()
	run, created, err := b.steps.Execute(b.Context(), j, "", "manual", etl.IdempotencyKey{})
	if err != nil || !created {
		b.Fatal(created, err)
	}
	return run
}

func (b *bench) run(id int64) etl.Run {
	b.Helper()
	run, err := b.store.Run(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return run
}

func (b *bench) finish(run etl.Run, want etl.Status) etl.Run {
	b.Helper()
	b.queue.serve(b.T, b.steps)
	run = b.run(run.ID)
	if run.Status != want {
		b.Fatalf("the run is %s %s, not %s: %+v\n%s", run.Status, run.Phase, want, run.Error, b.log(run.ID))
	}
	return run
}

func (b *bench) log(id int64) string {
	b.Helper()
	entries, err := b.store.LogTail(b.Context(), id, 200)
	if err != nil {
		b.Fatal(err)
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, e.Level+" "+e.Message)
	}
	return strings.Join(lines, "\n")
}

// sales is a file of n rows; bad says which rows have no number.
func sales(n int, bad func(i int) bool) string {
	var b bytes.Buffer
	b.WriteString("id,name,amount\n")
	for i := range n {
		amount := fmt.Sprintf("%d.50", i)
		if bad != nil && bad(i) {
			amount = "oops"
		}
		fmt.Fprintf(&b, "%d,\"customer\n%d\",%s\n", i, i%10, amount)
	}
	return b.String()
}

const salesTable = "CREATE TABLE sales (id int PRIMARY KEY, name text, amount numeric(12,2) CHECK (amount <> 7.50))"

func TestProfile(t *testing.T) {
	b := newBench(t)
	src := b.upload("sales.csv", sales(5000, func(i int) bool { return i == 4999 }))
	m := etl.Message{Topic: etl.TopicInspect, FileID: src.ID}
	// A process dies after two checkpoints; the next one goes on from there.
	checkpoints := 0
	dying := etl.WithFaults(t.Context(), func(step string) error {
		if step == "before the checkpoint" {
			if checkpoints++; checkpoints == 2 {
				return errCrash
			}
		}
		return nil
	})
	if err := b.steps.Handlers()[m.Topic](dying, m); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	found, err := b.store.Source(t.Context(), src.ID)
	if err != nil || found.State != etl.SourceRunning || found.BytesProfiled == 0 || found.BytesProfiled >= found.Size {
		t.Fatalf("%s, %d of %d bytes, %v", found.State, found.BytesProfiled, found.Size, err)
	}
	for range 2 {
		if err := b.steps.Handlers()[m.Topic](t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	found, err = b.store.Source(t.Context(), src.ID)
	if err != nil || found.State != etl.SourceComplete || found.RowCount != 5000 || found.BytesProfiled != found.Size {
		t.Fatalf("%+v, %v", found, err)
	}
	var view workflow.View
	if err := json.Unmarshal(found.Inspection, &view); err != nil {
		t.Fatal(err)
	}
	amount := view.Columns[2]
	if amount.Type != "text" || amount.CounterExample == nil || amount.CounterExample.Value != "oops" || amount.CounterExample.Line != 2+2*4999 {
		t.Errorf("amount is %s, counter-example %+v", amount.Type, amount.CounterExample)
	}
	if s := view.Columns[0].Statistics; s.Rows != 5000 || *s.Max != "4999" || view.Columns[0].Type != "integer" {
		t.Errorf("id: %s %+v", view.Columns[0].Type, s)
	}
	spans, err := b.store.Spans(t.Context(), src.ID)
	if err != nil || len(spans) < 5 || spans[len(spans)-1].End != found.Size {
		t.Errorf("%d spans, %v", len(spans), err)
	}
}

// A scan for the record index that is cut off is gone on with, so that a file
// of any size is indexed by processes that live for minutes.
func TestScanGoesOn(t *testing.T) {
	b := newBench(t)
	src := b.upload("sales.csv", sales(40000, nil))
	m := etl.Message{Topic: etl.TopicInspect, FileID: src.ID}
	blocks := 0
	dying := etl.WithFaults(t.Context(), func(step string) error {
		if step == "after a block of the scan" {
			blocks++
			return errCrash
		}
		return nil
	})
	var err error
	deaths := 0
	for err = b.steps.Handlers()[m.Topic](dying, m); errors.Is(err, errCrash); err = b.steps.Handlers()[m.Topic](dying, m) {
		if deaths++; deaths > 10 {
			t.Fatal("every process scans the same block")
		}
	}
	if err != nil || blocks < 3 || deaths != blocks {
		t.Fatalf("%d blocks, %d deaths, %v", blocks, deaths, err)
	}
	found, err := b.store.Source(t.Context(), src.ID)
	if err != nil || found.State != etl.SourceComplete || found.RowCount != 40000 {
		t.Fatalf("%+v, %v", found, err)
	}
	spans, err := b.store.Spans(t.Context(), src.ID)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := plan.Split(t.Context(), strings.NewReader(sales(40000, nil)), src.Size, src.Encoding, src.Dialect, plan.Options{RangeSize: b.steps.IndexBytes})
	if err != nil || !slices.Equal(spans, whole) {
		t.Fatalf("%d spans, and %d of a scan in one go, %v", len(spans), len(whole), err)
	}
}

func TestRunFanOut(t *testing.T) {
	b := newBench(t, salesTable)
	b.queue.twice = true
	src := b.upload("sales.csv", sales(20000, func(i int) bool { return i%5000 == 11 }))
	if err := b.queue.Send(t.Context(), 0, etl.Message{Topic: etl.TopicInspect, FileID: src.ID}); err != nil {
		t.Fatal(err)
	}
	b.queue.serve(t, b.steps)
	j := etl.Job{Table: "sales", Mapping: etl.Mapping{
		Filter: "id % 100 != 3", OnBadRow: etl.BadRowPolicy{Mode: "skip"},
		Columns: []etl.ColumnMapping{
			{Source: "id", Destination: "id"}, {Source: "name", Destination: "name", Transformations: []etl.Transform{{Fn: "UPPER"}}}, {Source: "amount", Destination: "amount", Type: "numeric(12,2)"},
		},
	}}
	run := b.finish(b.execute(b.job(src, j)), etl.Completed)
	want := etl.Counts{Read: 20000, Loaded: 19795, Inserted: 19795, Filtered: 200, Rejected: 5}
	if run.Counts != want || run.Path != workflow.PathFanOut || run.ChunksTotal < 5 || run.ChunksDone != run.ChunksTotal || run.BytesRead != run.BytesTotal {
		t.Errorf("%s, %d chunks, %+v, want %+v", run.Path, run.ChunksTotal, run.Counts, want)
	}
	b.want("SELECT count(*) || ' ' || min(name) || ' ' || sum(id) FROM sales", fmt.Sprintf("19795 CUSTOMER\n0 %d", sumOfLoaded()))
	rejects, err := b.store.Rejects(t.Context(), run.ID, etl.RejectFilter{}, etl.Page{})
	if err != nil || len(rejects.Items) != 5 {
		t.Fatalf("%d rejects, %v", len(rejects.Items), err)
	}
	lines := make([]int64, 0, 5)
	for _, r := range rejects.Items {
		lines = append(lines, r.Line)
		if len(r.Fields) != 3 {
			t.Errorf("line %d: fields %q", r.Line, r.Fields)
		}
		if r.Code == "check_violation" && (r.Chunk != nil || r.Line != 16 || r.Record != 8 || r.Fields[0] != "7") {
			t.Errorf("refused: %+v", r)
		}
	}
	slices.Sort(lines)
	if !slices.Equal(lines, []int64{16, 24, 10024, 20024, 30024}) {
		t.Errorf("rejects on lines %v", lines)
	}
	if stages, err := b.dest.Stages(t.Context()); err != nil || len(stages) > 0 {
		t.Errorf("stages %v, %v", stages, err)
	}
	for _, part := range []string{"info planned:", "chunk 1 of", "completed: 20000 rows read, 19795 inserted"} {
		if log := b.log(run.ID); !strings.Contains(log, part) {
			t.Errorf("no %q in the log\n%s", part, log)
		}
	}
}

func sumOfLoaded() int {
	sum := 0
	for i := range 20000 {
		if i%5000 != 11 && i%100 != 3 && i != 7 {
			sum += i
		}
	}
	return sum
}

func TestRunDirect(t *testing.T) {
	b := newBench(t, salesTable, "INSERT INTO sales VALUES (1, 'old', 1)")
	src := b.upload("small.csv", sales(20, nil))
	j := b.job(src, etl.Job{Table: "sales", Strategy: etl.Upsert, UpsertKeys: []string{"id"}, Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}})
	run := b.finish(b.execute(j), etl.Completed)
	if want := (etl.Counts{Read: 20, Loaded: 19, Inserted: 18, Updated: 1, Rejected: 1}); run.Counts != want || run.Path != workflow.PathDirect {
		t.Errorf("%s %+v", run.Path, run.Counts)
	}
	b.want("SELECT count(*)::text FROM sales", "19")
	// The process dies between COMMIT and report: the transaction is found.
	b.exec("TRUNCATE sales")
	run = b.execute(j)
	m := etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}
	b.queue.pending = nil
	if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	b.queue.pending = nil
	m.Topic = etl.TopicLoad
	dying := etl.WithFaults(t.Context(), func(step string) error {
		if step == "after the publishing commit" {
			return errCrash
		}
		return nil
	})
	if err := b.steps.Handlers()[etl.TopicLoad](dying, m); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	if run := b.run(run.ID); run.Status != etl.Running || run.Phase != etl.PhasePublish {
		t.Fatalf("%s %s", run.Status, run.Phase)
	}
	if err := b.queue.Send(t.Context(), 0, m, m); err != nil {
		t.Fatal(err)
	}
	if err := b.queue.Send(t.Context(), 0, etl.Message{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	run = b.finish(run, etl.Completed)
	if want := (etl.Counts{Read: 20, Loaded: 19, Inserted: 19, Rejected: 1}); run.Counts != want {
		t.Errorf("%+v", run.Counts)
	}
	b.want("SELECT count(*)::text FROM sales", "19")
}

func TestRunFailsAndIsRetried(t *testing.T) {
	b := newBench(t, salesTable, "INSERT INTO sales VALUES (9000, 'in the way', 1)")
	src := b.upload("sales.csv", sales(10000, nil))
	j := b.job(src, etl.Job{Table: "sales", Mapping: etl.Mapping{Filter: "id != 7"}})
	run := b.finish(b.execute(j), etl.Failed)
	if e := run.Error; e.Code != "unique_violation" || e.Line != 2+2*9000 || e.Fix == "" || strings.Contains(e.Fix, "--") {
		t.Errorf("%+v", e)
	}
	b.want("SELECT count(*)::text FROM sales", "1")
	loaded := run.ChunksDone
	b.exec("DELETE FROM sales")
	again, err := b.steps.Retry(t.Context(), run.ID)
	if err != nil || again.Attempt != 2 || again.LoadID != run.LoadID || again.ChunksDone != loaded || loaded < 2 {
		t.Fatalf("%+v, %v", again, err)
	}
	run = b.finish(again, etl.Completed)
	if want := (etl.Counts{Read: 10000, Loaded: 9999, Inserted: 9999, Filtered: 1}); run.Counts != want {
		t.Errorf("%+v", run.Counts)
	}
	if n := strings.Count(b.log(run.ID), "chunk 1 of"); n != 1 {
		t.Errorf("chunk 1 was loaded %d times", n)
	}
	if err := b.steps.Delete(t.Context(), run.ID); err != nil {
		t.Error(err)
	}
}

func TestBadRowsOfARun(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(6000, func(i int) bool { return i%1000 == 500 }))
	few, share := int64(3), 0.0001
	for name, c := range map[string]struct {
		policy etl.BadRowPolicy
		code   etl.Code
	}{
		"fail":  {etl.BadRowPolicy{}, "not_numeric"},
		"rows":  {etl.BadRowPolicy{Mode: "skip", MaxRows: &few}, "too_many_bad_rows"},
		"share": {etl.BadRowPolicy{Mode: "skip", MaxRatio: &share}, "too_many_bad_rows"},
	} {
		run := b.finish(b.execute(b.job(src, etl.Job{Table: "sales", Mapping: etl.Mapping{OnBadRow: c.policy}})), etl.Failed)
		if run.Error.Code != c.code || run.Error.Kind != etl.Refused || strings.Contains(run.Error.Fix, "--") {
			t.Errorf("%s: %+v", name, run.Error)
		}
		b.unpublished(run, workflow.PathFanOut)
	}
	b.want("SELECT count(*)::text FROM sales", "0")
}

// unpublished checks that a failed run counts no row as loaded, and those that
// it read and rejected all the same.
func (b *bench) unpublished(run etl.Run, path string) {
	b.Helper()
	rejects, err := b.store.Rejects(b.Context(), run.ID, etl.RejectFilter{}, etl.Page{Limit: 100})
	if err != nil {
		b.Fatal(err)
	}
	c, listed := run.Counts, int64(len(rejects.Items))
	if run.Path != path || c.Loaded != 0 || c.Inserted != 0 || c.Updated != 0 || c.Deduplicated != 0 || listed == 0 || c.Rejected < listed || c.Read < c.Rejected+c.Filtered {
		b.Errorf("%s, %d rejects listed: %+v", run.Path, listed, c)
	}
}

// TestCountsOfAFailedDirectRun: what the only loader had met when it stopped is told.
func TestCountsOfAFailedDirectRun(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(100, func(i int) bool { return i%30 == 20 }))
	few := int64(1)
	for name, c := range map[string]struct {
		policy etl.BadRowPolicy
		want   etl.Counts
	}{
		"fail": {etl.BadRowPolicy{}, etl.Counts{Read: 100, Filtered: 1, Rejected: 3}},
		"rows": {etl.BadRowPolicy{Mode: "skip", MaxRows: &few}, etl.Counts{Read: 100, Filtered: 1, Rejected: 3}},
	} {
		run := b.finish(b.execute(b.job(src, etl.Job{Table: "sales", Mapping: etl.Mapping{Filter: "id != 8", OnBadRow: c.policy}})), etl.Failed)
		b.unpublished(run, workflow.PathDirect)
		if run.Counts != c.want {
			t.Errorf("%s: %+v, want %+v", name, run.Counts, c.want)
		}
	}
	b.want("SELECT count(*)::text FROM sales", "0")
}

// TestCancelWhileLoading: the loader whose stage and connection are taken away
// drops its message; nobody is told of a failure.
func TestCancelWhileLoading(t *testing.T) {
	b := newBench(t, salesTable)
	var out bytes.Buffer
	b.steps.Log = slog.New(slog.NewTextHandler(&out, nil))
	src := b.upload("sales.csv", sales(6000, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	b.queue.pending = nil
	load := func(ctx context.Context, chunk int) error {
		return b.steps.Handlers()[etl.TopicLoad](ctx, etl.Message{Topic: etl.TopicLoad, RunID: run.ID, Chunk: chunk, Attempt: 1})
	}
	if err := load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if run = b.run(run.ID); run.Counts.Loaded == 0 {
		t.Errorf("staged rows are progress: %+v", run.Counts)
	}
	cancelled := false
	err := load(etl.WithFaults(t.Context(), func(step string) error {
		if step != "after the rows" {
			return nil
		}
		cancelled = true
		if _, err := b.steps.Cancel(t.Context(), run.ID); err != nil {
			t.Error(err)
		}
		return &etl.Error{Kind: etl.Weather, Code: "connection_lost", Message: "an administrator ended the connection", Fix: "Try again."}
	}), 1)
	if err != nil || !cancelled {
		t.Errorf("cancelled %t: %v", cancelled, err)
	}
	if text := out.String(); !strings.Contains(text, "level=INFO msg=\"a message is dropped") || strings.Contains(text, "level=WARN") {
		t.Error(text)
	}
	if text := b.log(run.ID); strings.Contains(text, "warn") || strings.Contains(text, "error") {
		t.Error(text)
	}
	run = b.finish(run, etl.Cancelled)
	if c := run.Counts; c.Loaded != 0 || c.Read == 0 {
		t.Errorf("%+v", c)
	}
}

func TestCancel(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(6000, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	m := etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}
	if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if stages, err := b.dest.Stages(t.Context()); err != nil || len(stages) != 1 {
		t.Fatal(stages, err)
	}
	if _, err := b.steps.Cancel(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if stages, err := b.dest.Stages(t.Context()); err != nil || len(stages) != 0 {
		t.Error(stages, err)
	}
	b.finish(run, etl.Cancelled)
	b.want("SELECT count(*)::text FROM sales", "0")
}

// TestDead: a message that the queue gives up fails its run with the reason.
func TestDead(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(10, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	m := etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}
	if err := b.steps.Dead(t.Context(), m, &etl.Error{Kind: etl.Weather, Code: "unreachable", Message: "no route", Fix: "Check."}); err != nil {
		t.Fatal(err)
	}
	if run = b.run(run.ID); run.Status != etl.Failed || run.Error.Code != "unreachable" {
		t.Errorf("%s %+v", run.Status, run.Error)
	}
	if err := b.steps.Dead(t.Context(), etl.Message{Topic: etl.TopicInspect, FileID: src.ID}, errors.New("poison")); err != nil {
		t.Fatal(err)
	}
	if src, err := b.store.Source(t.Context(), src.ID); err != nil || src.State != etl.SourceFailed {
		t.Error(src.State, err)
	}
}

// TestPoison: a chunk whose loading panics is given back each time, and fails
// its run in the end.
func TestPoison(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(6000, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	b.queue.pending = nil
	m := etl.Message{Topic: etl.TopicLoad, RunID: run.ID, Chunk: 1, Attempt: 1}
	poison := etl.WithFaults(t.Context(), func(step string) error {
		if step == "after the rows" {
			panic("poison")
		}
		return nil
	})
	for range 3 {
		err := b.steps.Handlers()[etl.TopicLoad](poison, m)
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Internal || !strings.Contains(e.Message, "poison") {
			t.Fatal(err)
		}
		if err := b.steps.Dead(t.Context(), m, err); err != nil {
			t.Fatal(err)
		}
		if run = b.run(run.ID); run.Status != etl.Failed || !strings.Contains(run.Error.Message, "poison") {
			t.Fatalf("%s %+v", run.Status, run.Error)
		}
		again, err := b.steps.Retry(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		m.Attempt = again.Attempt
		if _, err := b.store.StartRun(t.Context(), run.ID, m.Attempt); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.queue.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: m.Attempt}); err != nil {
		t.Fatal(err)
	}
	b.exec("ALTER TABLE sales DROP CONSTRAINT sales_amount_check")
	b.finish(run, etl.Completed)
	b.want("SELECT count(*)::text FROM sales", "6000")
}

func TestDryRun(t *testing.T) {
	b := newBench(t, salesTable, "INSERT INTO sales VALUES (1, E'customer\\n1', 1.50), (2, 'old', 2)")
	src := b.upload("small.csv", sales(20, func(i int) bool { return i == 12 }))
	j := b.job(src, etl.Job{Table: "sales", Strategy: etl.Upsert, UpsertKeys: []string{"id"}})
	trial, err := b.steps.DryRun(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if want := (etl.Counts{Read: 20, Loaded: 18, Inserted: 16, Updated: 2, Rejected: 2}); trial.Counts != want || trial.Unchanged != 1 || !trial.Complete {
		t.Errorf("%+v, %d unchanged", trial.Counts, trial.Unchanged)
	}
	if len(trial.Rejects) != 2 || trial.Rejects[0].Line != 16 || trial.Rejects[1].Line != 26 || len(trial.Rejects[0].Fields) != 3 || trial.Failure == nil {
		t.Errorf("%+v, %v", trial.Rejects, trial.Failure)
	}
	if r := trial.Samples[2]; r.Line != 6 || r.Before == nil || *r.Before[1] != "old" || *r.After[1] != "customer\n2" || trial.Samples[0].Before != nil {
		t.Errorf("%+v", r)
	}
	if len(trial.SQL) != 1 || !strings.Contains(trial.SQL[0], "ON CONFLICT") {
		t.Errorf("%q", trial.SQL)
	}
	b.want("SELECT count(*) || ' ' || max(name) FROM sales", "2 old")
	made, err := b.steps.DryRun(t.Context(), b.job(src, etl.Job{Table: "fresh", CreateTable: true, Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}}))
	if err != nil || made.Counts.Inserted != 20 || !strings.HasPrefix(made.SQL[0], "CREATE TABLE") || made.Failure != nil {
		t.Errorf("%+v, %v", made, err)
	}
	b.want("SELECT count(*)::text FROM pg_class WHERE relname = 'fresh'", "0")
}

// A message for a chunk that there is not, which no plan of this run has sent,
// does not end the run.
func TestStrayChunk(t *testing.T) {
	b := newBench(t, salesTable)
	run := b.execute(b.job(b.upload("sales.csv", sales(20000, nil)), etl.Job{Table: "sales", Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}}))
	first := b.queue.pending[0]
	b.queue.pending = nil
	if err := b.steps.Handlers()[first.Topic](t.Context(), first); err != nil {
		t.Fatal(err)
	}
	chunks := b.run(run.ID).ChunksTotal
	for _, number := range []int{-1, chunks, chunks + 100} {
		b.queue.pending = append(b.queue.pending, etl.Message{Topic: etl.TopicLoad, RunID: run.ID, Attempt: run.Attempt, Chunk: number})
	}
	slices.Reverse(b.queue.pending)
	if run = b.finish(run, etl.Completed); run.Counts.Read != 20000 || run.ChunksDone != chunks {
		t.Errorf("%+v", run)
	}
}
