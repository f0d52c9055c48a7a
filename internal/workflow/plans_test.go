package workflow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// TestPlanSizes: chunks follow the job's batch size within their bounds, by the
// record index where it is fine enough and by a scan of their own where not.
func TestPlanSizes(t *testing.T) {
	b := newBench(t, "CREATE TABLE sales (id int, name text, amount numeric(12,2))")
	src := b.upload("sales.csv", sales(6000, nil))
	if err := b.steps.Handlers()[etl.TopicInspect](t.Context(), etl.Message{FileID: src.ID}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		batch       int64
		min, max    int64
		least, most int
	}{
		{batch: 0, least: 2, most: 4},
		{batch: 500, least: 10, most: 16},
		{batch: 50, least: 100, most: 140}, // finer than the index
		{batch: 1, min: 32 << 10, least: 4, most: 7},
		{batch: 1 << 40, max: 48 << 10, least: 3, most: 5},
		{batch: 1 << 40, least: 1, most: 1},
	} {
		b.steps.MinChunkBytes, b.steps.MaxChunkBytes = max(c.min, 1<<10), c.max
		run := b.execute(b.job(src, etl.Job{Table: "sales", BatchSize: c.batch}))
		b.queue.pending = nil
		if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), etl.Message{RunID: run.ID, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
		chunks, err := b.store.Chunks(t.Context(), run.ID)
		if err != nil || len(chunks) < c.least || len(chunks) > c.most {
			t.Errorf("%+v: %d chunks, %v", c, len(chunks), err)
		}
		run = b.finish(run, etl.Completed)
		if run.Counts.Inserted != 6000 {
			t.Errorf("%+v: %+v", c, run.Counts)
		}
	}
	b.want("SELECT count(*)::text FROM sales", "36000")
}

// wantsChunks is a destination that stages always, in chunks of a size of its own.
type wantsChunks struct {
	etl.FanOut
	bytes int64
}

// StagedChunk implements etl.StagesAlways.
func (w wantsChunks) StagedChunk(int64) int64 { return w.bytes }

// TestPlanStaged: a destination that stages always has its larger chunks, unless
// the job asks for some, and even what is one chunk is staged.
func TestPlanStaged(t *testing.T) {
	b := newBench(t, "CREATE TABLE sales (id int, name text, amount numeric(12,2))")
	src := b.upload("sales.csv", sales(6000, nil))
	if err := b.steps.Handlers()[etl.TopicInspect](t.Context(), etl.Message{FileID: src.ID}); err != nil {
		t.Fatal(err)
	}
	b.steps.MinChunkBytes = 1 << 10
	usual := b.steps.ChunkBytes
	for _, c := range []struct{ bytes, batch, least, most int64 }{
		{bytes: 1, least: 2, most: 4},
		{bytes: usual / 4, least: 2, most: 4},
		{bytes: 1 << 30, least: 1, most: 1},
		{bytes: 1 << 30, batch: 500, least: 10, most: 16},
	} {
		b.steps.Open = func(context.Context, etl.Credential) (etl.FanOut, error) { return wantsChunks{b.dest, c.bytes}, nil }
		run := b.finish(b.execute(b.job(src, etl.Job{Table: "sales", BatchSize: c.batch})), etl.Completed)
		if n := int64(run.ChunksTotal); n < c.least || n > c.most || run.Path != workflow.PathFanOut || run.Counts.Inserted != 6000 {
			t.Errorf("%+v: %d chunks, %s, %+v", c, n, run.Path, run.Counts)
		}
	}
}

// TestPlanWithoutStage: where no stage can be made, one loader does it all.
func TestPlanWithoutStage(t *testing.T) {
	b := newBench(t, "CREATE TABLE sales (id int, name text, amount numeric(12,2))")
	src := b.upload("sales.csv", sales(6000, nil))
	b.exec("CREATE ROLE narrow")
	t.Cleanup(func() { b.exec("DROP OWNED BY narrow; DROP ROLE narrow") })
	b.exec("GRANT USAGE ON SCHEMA public TO narrow; GRANT ALL ON sales TO narrow; REVOKE CREATE ON SCHEMA public FROM public")
	b.asRole("narrow")
	run := b.finish(b.execute(b.job(src, etl.Job{Table: "sales"})), etl.Completed)
	if run.Path != workflow.PathDirect || run.Counts.Inserted != 6000 || run.ChunksTotal != 1 {
		t.Errorf("%s %+v", run.Path, run.Counts)
	}
	if log := b.log(run.ID); !strings.Contains(log, "one loader does it all") {
		t.Error(log)
	}
}

// TestSweep: stages of runs that are over go, those of runs that may be
// retried, of others' and of running ones stay.
func TestSweep(t *testing.T) {
	b := newBench(t, salesTable, "INSERT INTO sales VALUES (0, 'in the way', 1)")
	now := time.Now()
	b.steps.Now = func() time.Time { return now }
	src := b.upload("sales.csv", sales(6000, nil))
	failed := b.finish(b.execute(b.job(src, etl.Job{Table: "sales"})), etl.Failed)
	running := b.execute(b.job(src, etl.Job{Table: "sales"}))
	b.queue.pending = nil
	if err := b.steps.Handlers()[etl.TopicPlan](t.Context(), etl.Message{RunID: running.ID, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	b.exec(`CREATE TABLE etl_portal.stage_p2_other (); CREATE TABLE etl_portal.stage_p1_lost ()`)
	sweep := func(want ...string) {
		t.Helper()
		if err := b.steps.Handlers()[etl.TopicReconcile](t.Context(), etl.Message{}); err != nil {
			t.Fatal(err)
		}
		got, err := b.dest.Stages(t.Context())
		if err != nil || len(got) != len(want) {
			t.Errorf("stages %v, want %v, %v", got, want, err)
		}
	}
	sweep(failed.LoadID, running.LoadID, "p2_other")
	now = now.Add(25 * time.Hour)
	sweep(running.LoadID, "p2_other")
	// What was swept is loaded again by a retry.
	b.exec("DELETE FROM sales; ALTER TABLE sales DROP CONSTRAINT sales_amount_check")
	again, err := b.steps.Retry(t.Context(), failed.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.queue.pending = []etl.Message{{Topic: etl.TopicPlan, RunID: again.ID, Attempt: again.Attempt}}
	b.finish(again, etl.Completed)
	b.want("SELECT count(*)::text FROM sales", "6000")
}

// TestChangedFile: a file that is overwritten under a run fails it clearly.
func TestChangedFile(t *testing.T) {
	b := newBench(t, salesTable)
	src := b.upload("sales.csv", sales(6000, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	if _, err := b.blobs.Put(t.Context(), src.Object.Key, strings.NewReader(sales(5000, nil))); err != nil {
		t.Fatal(err)
	}
	run = b.finish(run, etl.Failed)
	if run.Error.Code != "source_changed" || run.Error.Fix == "" {
		t.Errorf("%+v", run.Error)
	}
	b.want("SELECT count(*)::text FROM sales", "0")
}
