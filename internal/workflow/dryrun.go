package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/schema"
)

const (
	// trialBytes is how much of a file a dry run tries.
	trialBytes = 64 << 20
	// trialRows and trialRejects are how many it shows.
	trialRows    = 20
	trialRejects = 100
)

// Trial is what a job would do.
type Trial struct {
	Counts etl.Counts
	// Unchanged are those of Counts.Updated whose row is already as the file says.
	Unchanged int64
	// Complete says that the whole file was tried, not its first rows only.
	Complete bool
	// Rejects are the first bad rows.
	Rejects []etl.Reject
	// Failure is why a run would fail; nil where it would not.
	Failure *etl.Error
	// SQL are the statements that would publish the rows.
	SQL []string
	// Samples are the first rows as text: what is in the table and what would be.
	Columns []string
	Samples []TrialRow
	Table   *schema.Table
	Notes   []string
}

// TrialRow is one row before and after; Before is nil for a row that is new.
type TrialRow struct {
	Line          int64
	Before, After []*string
}

// DryRun tries a job without changing its destination: its rows go the way that
// they would go in a run, in one transaction that is rolled back. Of a file
// beyond 64 MiB the first rows are tried. Numbers that the database hands out
// (sequences) are used up, as by any transaction that does not commit.
//
// Bad rows are no error of DryRun; Trial.Failure says where they would fail a run.
func (s *Steps) DryRun(ctx context.Context, job etl.Job) (*Trial, error) {
	run, err := s.freeze(ctx, job, "")
	if err != nil {
		return nil, err
	}
	run.CreatedAt, run.Path = s.now(), PathDirect
	w, err := s.prepare(ctx, &run)
	if err != nil {
		return nil, err
	}
	span, complete, err := s.trialSpan(ctx, w)
	if err != nil {
		return nil, err
	}
	t := &Trial{Complete: complete, Table: w.spec.Table, Notes: w.program.Notes()}
	for _, c := range w.program.Columns() {
		t.Columns = append(t.Columns, c.Name)
	}
	for _, m := range w.matches {
		if m.Note != "" {
			t.Notes = append(t.Notes, fmt.Sprintf("column %s: %s", m.Destination, m.Note))
		}
	}
	l := &loading{s: s, run: &run, chunk: etl.Chunk{Span: span}, work: w}
	cfg := l.config()
	// All bad rows are counted here; what they do to a run is judged below.
	cfg.Policy = etl.BadRowPolicy{Mode: "skip"}
	spec := w.spec
	spec.DryRun, spec.Explain, spec.Sample, spec.KeepRefused = true, true, trialRows, keptRejects
	defer l.forget()
	result, err := load.Run(ctx, w.dest, spec, l.parts(), cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = result.Refused.Close() }()
	refused, err := w.find(ctx, []etl.Chunk{l.chunk}, result.Refused)
	defer func() { _ = refused.Close() }()
	if err != nil {
		return nil, err
	}
	bad := &etl.Rejects{}
	defer func() { _ = bad.Close() }()
	if err := errors.Join(bad.AddAll(l.rejects), bad.AddAll(refused)); err != nil {
		return nil, err
	}
	t.Counts, t.Notes = result.Counts, append(t.Notes, result.Notes...)
	for r, err := range bad.All() {
		if err != nil {
			return nil, err
		}
		if t.Rejects = append(t.Rejects, r); len(t.Rejects) == trialRejects {
			break
		}
	}
	t.Failure = failure(&run, t)
	if c := result.Comparison; c != nil {
		t.Unchanged, t.SQL = c.Unchanged, c.SQL
		for _, r := range c.Rows {
			t.Samples = append(t.Samples, TrialRow(r))
		}
	}
	return t, nil
}

// failure is why a run of the job would fail on the rows that were tried.
func failure(run *etl.Run, t *Trial) *etl.Error {
	if t.Counts.Rejected == 0 {
		return nil
	}
	if run.Job.Mapping.OnBadRow.Mode == "skip" {
		if err := judge(run, etl.Counts{Read: t.Counts.Read, Rejected: t.Counts.Rejected}, 0); err != nil {
			return shown(err)
		}
		return nil
	}
	e := &etl.Error{
		Kind: etl.Refused, Code: "bad_row", Message: fmt.Sprintf("%s would fail the run", count(t.Counts.Rejected, "bad row")),
		Fix: "Correct the file or the mapping, or let bad rows be skipped (on_bad_row).",
	}
	if len(t.Rejects) > 0 {
		r := t.Rejects[0]
		e.Code, e.Line, e.Column, e.Value = r.Code, r.Line, r.Column, r.Value
		e.Message += fmt.Sprintf("; the first is line %d: %s", r.Line, r.Reason)
	}
	return e
}

// trialSpan is the part of the file that is tried.
func (s *Steps) trialSpan(ctx context.Context, w *work) (span csv.Span, complete bool, err error) {
	size := w.run.Object.Size
	spans, err := s.index(ctx, w.run)
	if err != nil {
		return span, false, err
	}
	if len(spans) == 0 || coarse(spans, trialBytes) {
		at := &ranges{ctx: ctx, o: w.object}
		defer at.close()
		if spans, err = plan.Split(ctx, at, size, w.run.Encoding, w.run.Dialect, plan.Options{RangeSize: trialBytes, Parallel: s.Parallel}); err != nil {
			return span, false, err
		}
	}
	if len(spans) == 0 {
		return csv.Span{Start: size, End: size, FirstLine: 1}, true, nil
	}
	first := Group(spans, trialBytes)[0].Span
	return first, first.End == size, nil
}
