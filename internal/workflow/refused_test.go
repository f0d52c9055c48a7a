package workflow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/source"
	"github.com/etlportal/etlportal/internal/workflow"
)

// However much the database refuses, a process holds a bounded part of it: the
// rows beyond are counted, and their number is told.
func TestRefusedRowsAreBounded(t *testing.T) {
	const rows = 60
	b := newBench(t, "CREATE TABLE wide (id int, name text CHECK (length(name) < 10))")
	b.steps.ChunkBytes = 16 << 20
	var file strings.Builder
	file.WriteString("id,name\n")
	for i := range rows {
		fmt.Fprintf(&file, "%d,%s\n", i, strings.Repeat("x", 900_000))
	}
	src := b.upload("wide.csv", file.String())
	for name, most := range map[string]*int64{"skipped": nil, "too many": new(int64(10))} {
		t.Run(name, func(t *testing.T) {
			status := etl.Completed
			if most != nil {
				status = etl.Failed
			}
			run := b.finish(b.execute(b.job(src, etl.Job{Table: "wide", Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip", MaxRows: most}}})), status)
			if most == nil && run.Counts != (etl.Counts{Read: rows, Rejected: rows}) {
				t.Errorf("%+v", run.Counts)
			}
			kept, err := b.store.Rejects(t.Context(), run.ID, etl.RejectFilter{}, etl.Page{Limit: rows})
			if err != nil {
				t.Fatal(err)
			}
			bytes := 0
			for _, r := range kept.Items {
				bytes += len(r.Raw)
				for _, f := range r.Fields {
					bytes += len(f)
				}
			}
			if n := len(kept.Items); n == 0 || bytes > 32<<20 || bytes == 0 {
				t.Errorf("%d rows of %d bytes are kept", n, bytes)
			}
			if most == nil && !slices.ContainsFunc(strings.Split(b.log(run.ID), "\n"), func(line string) bool { return strings.Contains(line, "beyond what is kept") }) {
				t.Errorf("%s", b.log(run.ID))
			}
		})
	}
}

// What was told of a refused row is not held as well.
func TestToldRowsAreNotHeld(t *testing.T) {
	b := newBench(t, "CREATE TABLE few (id int CHECK (id < 2), name text)")
	path := filepath.Join(t.TempDir(), "few.csv")
	if err := os.WriteFile(path, []byte("id,name\n1,a\n2,b\n3,c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := source.Open(path, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	var told []string
	d := workflow.Direct{
		Source: src, Dest: b.dest, Table: "few", Strategy: etl.Insert, Policy: etl.BadRowPolicy{Mode: "skip"},
		OnReject: func(r *etl.Reject) error { told = append(told, string(r.Raw)); return nil },
	}
	rep, err := d.Run(t.Context())
	if err != nil || !slices.Equal(told, []string{"2,b", "3,c"}) || len(etltest.Rejects(rep.Refused)) != 2 {
		t.Fatalf("%q, %+v, %v", told, etltest.Rejects(rep.Refused), err)
	}
	for _, r := range etltest.Rejects(rep.Refused) {
		if r.Raw != nil || r.Fields != nil {
			t.Errorf("%+v", r)
		}
	}
}
