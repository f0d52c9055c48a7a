package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// aside runs f with the messages that wait out of the way, and brings them back.
func (w *workers) aside(f func()) {
	kept := w.pending
	w.pending = nil
	f()
	w.pending = append(kept, w.pending...)
}

// typedSales are the columns of sales, whatever its sample shows.
var typedSales = etl.Mapping{Columns: []etl.ColumnMapping{
	{Source: "id", Destination: "id", Type: "bigint"}, {Source: "name", Destination: "name", Type: "text"}, {Source: "amount", Destination: "amount", Type: "numeric(12,2)"},
}}

// Of two first runs of a job that makes its table one makes it. The other fails
// where it was planned before that, and is retried into the table, without its
// chunks being loaded anew; one that is planned later loads into it at once. A
// table that is dropped then is made by the next try.
func TestTableMadeMeanwhile(t *testing.T) {
	for _, c := range []struct {
		name    string
		rows    int
		dropped bool
	}{{"fan-out", 10000, false}, {"direct", 10, false}, {"fan-out", 10000, true}} {
		name, rows, dropped := c.name, c.rows, c.dropped
		t.Run(fmt.Sprintf("%s, dropped %t", name, dropped), func(t *testing.T) {
			b := newBench(t)
			src := b.upload("sales.csv", sales(rows, nil))
			j := b.job(src, etl.Job{Table: "sales", CreateTable: true, Mapping: typedSales})
			late := b.execute(j)
			i := slices.IndexFunc(b.queue.pending, func(m etl.Message) bool { return m.RunID == late.ID })
			m := b.queue.pending[i]
			b.queue.pending = slices.Delete(b.queue.pending, i, i+1)
			if err := b.steps.Handlers()[m.Topic](t.Context(), m); err != nil {
				t.Fatal(err)
			}
			b.queue.aside(func() {
				b.finish(b.execute(j), etl.Completed)
				b.finish(b.execute(j), etl.Completed)
			})
			b.want("SELECT count(*)::text FROM sales", fmt.Sprint(2*rows))
			late = b.finish(late, etl.Failed)
			if late.Error.Code != "table_exists" {
				t.Fatalf("%+v", late.Error)
			}
			retry := func(want etl.Status) {
				t.Helper()
				done := b.run(late.ID).ChunksDone
				again, err := b.steps.Retry(t.Context(), late.ID)
				if err != nil || again.ChunksDone != done || name == "fan-out" && done < 2 {
					t.Fatalf("%+v, %v", again, err)
				}
				if run := b.finish(again, want); want == etl.Completed && run.Counts.Inserted != int64(rows) {
					t.Errorf("%+v", run.Counts)
				}
			}
			if dropped {
				b.exec("ALTER TABLE sales ADD CHECK (id < 0) NOT VALID")
				retry(etl.Failed)
				b.exec("DROP TABLE sales")
			}
			retry(etl.Completed)
			want := 3 * rows
			if dropped {
				want = rows
			}
			b.want("SELECT count(*)::text FROM sales", fmt.Sprint(want))
		})
	}
}

// A table that others made otherwise is none of the run's.
func TestTableOfOthers(t *testing.T) {
	b := newBench(t, "CREATE TABLE sales (id bigint, name text, amount text)")
	j := b.job(b.upload("sales.csv", sales(10, nil)), etl.Job{Table: "sales", CreateTable: true})
	run := b.finish(b.execute(j), etl.Failed)
	if run.Error.Code != "table_exists" {
		t.Fatalf("%+v", run.Error)
	}
	again, err := b.steps.Retry(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.finish(again, etl.Failed)
	b.want("SELECT count(*)::text FROM sales", "0")
}

// unseen is a destination whose tables may not be looked at.
type unseen struct{ etl.FanOut }

func (unseen) Table(context.Context, string, string) (*schema.Table, error) {
	return nil, etl.Mistakef("permission_denied", "Grant it.", "the catalogue is closed")
}

// handle works through the messages one by one, until none is left or a process dies.
func (b *bench) handle(ctx context.Context) {
	b.Helper()
	for len(b.queue.pending) > 0 {
		m := b.queue.pending[0]
		b.queue.pending = b.queue.pending[1:]
		if err := b.steps.Handlers()[m.Topic](ctx, m); err != nil && !errors.Is(err, errCrash) {
			b.Fatalf("%+v: %v", m, err)
		}
	}
}

// A retried run's plan that comes again, whatever it meets, is no reason to fail
// a run whose rows are in the table.
func TestPlanAgain(t *testing.T) {
	for name, when := range map[string]string{"while it publishes": "before completion", "of a published run": ""} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			j := b.job(b.upload("sales.csv", sales(10000, nil)), etl.Job{Table: "sales", CreateTable: true, Mapping: typedSales})
			open := b.steps.Open
			closed := func(ctx context.Context, c etl.Credential) (etl.FanOut, error) {
				dest, err := open(ctx, c)
				return unseen{dest}, err
			}
			fail := func(run etl.Run) {
				t.Helper()
				if _, err := b.store.FailRun(t.Context(), run.ID, run.Attempt, nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			run := b.execute(j)
			if when != "" {
				fail(run)
				again, err := b.steps.Retry(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				run = again
			}
			again := etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: run.Attempt}
			b.handle(etl.WithFaults(t.Context(), func(step string) error {
				switch {
				case step != "before completion":
				case when == "":
					return errCrash
				default:
					b.steps.Open = closed
					if err := b.steps.Handlers()[again.Topic](t.Context(), again); err != nil {
						t.Error(err)
					}
					b.steps.Open = open
				}
				return nil
			}))
			if when == "" {
				fail(run)
				again, err := b.steps.Retry(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				run, b.steps.Open = again, closed
			}
			run = b.finish(run, etl.Completed)
			if run.Counts.Inserted != 10000 || run.Adopted {
				t.Errorf("%+v", run)
			}
			b.want("SELECT count(*)::text FROM sales", "10000")
		})
	}
}

// The keys of an UPSERT are checked against a table that was made meanwhile as
// against any other: without a unique index the run ends with the statement that
// creates one, before a row is read where it has not been planned, and may then
// be retried.
func TestKeysOfTableMadeMeanwhile(t *testing.T) {
	const bare = "CREATE TABLE sales (id bigint, name text, amount numeric(12,2))"
	job := etl.Job{Table: "sales", CreateTable: true, Mapping: typedSales, Strategy: etl.Upsert, UpsertKeys: []string{"id"}}
	for _, planned := range []bool{false, true} {
		t.Run(fmt.Sprintf("planned %t", planned), func(t *testing.T) {
			b := newBench(t)
			run := b.execute(b.job(b.upload("sales.csv", sales(10000, nil)), job))
			retry := func(want etl.Status) etl.Run {
				t.Helper()
				again, err := b.steps.Retry(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				return b.finish(again, want)
			}
			if planned {
				m := b.queue.pending[0]
				b.queue.pending = b.queue.pending[1:]
				if err := b.steps.Handlers()[m.Topic](t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			b.exec(bare)
			run = b.finish(run, etl.Failed)
			if planned {
				run = retry(etl.Failed)
			}
			want := etl.Code("key_not_unique")
			if planned {
				want = "no_unique_index"
			}
			_, statement, found := strings.Cut(run.Error.Fix, ": ")
			if run.Error.Code != want || !found || !strings.HasPrefix(statement, "CREATE UNIQUE INDEX ON ") || (run.ChunksTotal > 0) != planned {
				t.Fatalf("%d chunks, %+v", run.ChunksTotal, run.Error)
			}
			if told := strings.Contains(b.log(run.ID), "warn the table public.sales has no unique index over exactly (id)"); told != planned {
				t.Errorf("%s", b.log(run.ID))
			}
			b.exec(statement)
			if run = retry(etl.Completed); run.Counts.Inserted != 10000 {
				t.Errorf("%+v", run.Counts)
			}
		})
	}
}

// Redshift enforces no key: into a table that declares none rows are loaded, and
// the run's log says what that means.
func TestKeysOfTableMadeMeanwhileInRedshift(t *testing.T) {
	for _, declared := range []bool{false, true} {
		t.Run(fmt.Sprintf("declared %t", declared), func(t *testing.T) {
			b := newBench(t)
			w := etltest.Redshift(t, b.blobs)
			b.steps.Open = func(ctx context.Context, _ etl.Credential) (etl.FanOut, error) {
				road, err := onceRoads[0].connect(ctx, w)
				if err != nil {
					return nil, err
				}
				return redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: b.blobs, Bucket: w.Bucket, Role: w.Role}})
			}
			run := b.execute(b.job(b.upload("sales.csv", sales(10, nil)), etl.Job{Table: "sales", CreateTable: true, Mapping: typedSales, Strategy: etl.Upsert, UpsertKeys: []string{"id"}}))
			key := ""
			if declared {
				key = ", PRIMARY KEY (id)"
			}
			w.Exec("CREATE TABLE sales (id BIGINT, name VARCHAR(100), amount NUMERIC(12,2)" + key + ")")
			b.finish(run, etl.Completed)
			if told := strings.Contains(b.log(run.ID), "warn the table declares no key (id), and would enforce none"); told == declared {
				t.Errorf("%s", b.log(run.ID))
			}
			w.Want("SELECT count(*) FROM sales", "10")
		})
	}
}
