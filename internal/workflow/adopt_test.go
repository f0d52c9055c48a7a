package workflow_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
)

// aside runs f with the messages that wait out of the way, and brings them back.
func (w *workers) aside(f func()) {
	kept := w.pending
	w.pending = nil
	f()
	w.pending = append(kept, w.pending...)
}

// Of two first runs of a job that makes its table one makes it. The other fails
// where it was planned before that, and is retried into the table, without its
// chunks being loaded anew; one that is planned later loads into it at once.
func TestTableMadeMeanwhile(t *testing.T) {
	for name, rows := range map[string]int{"fan-out": 10000, "direct": 10} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			src := b.upload("sales.csv", sales(rows, nil))
			j := b.job(src, etl.Job{Table: "sales", CreateTable: true, Mapping: etl.Mapping{Columns: []etl.ColumnMapping{
				{Source: "id", Destination: "id", Type: "bigint"}, {Source: "name", Destination: "name", Type: "text"}, {Source: "amount", Destination: "amount", Type: "numeric(12,2)"},
			}}})
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
			done := late.ChunksDone
			again, err := b.steps.Retry(t.Context(), late.ID)
			if err != nil || again.ChunksDone != done || name == "fan-out" && done < 2 {
				t.Fatalf("%+v, %v", again, err)
			}
			if run := b.finish(again, etl.Completed); run.Counts.Inserted != int64(rows) {
				t.Errorf("%+v", run.Counts)
			}
			b.want("SELECT count(*)::text FROM sales", fmt.Sprint(3*rows))
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
