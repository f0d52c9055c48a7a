// Package load moves records into a destination: read, parse, transform,
// convert, write, in one pass and in bounded memory. Rows stay in file order
// whatever the number of workers.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// Part is a run of records that one worker reads: a whole stream, or one span of a plan.
type Part struct {
	// Open gives the records. verify is called once after the last of them was
	// read and says whether the part was what its plan says; it may be nil.
	Open func(ctx context.Context) (r *csv.Reader, verify func() error, err error)
}

// Config is what a load needs besides its rows and its destination.
type Config struct {
	Program *transform.Program
	// Names are the source's column names; a record must have as many fields.
	Names []string
	// PadShort fills the missing last fields of a short record with NULL
	// instead of rejecting it.
	PadShort bool
	Policy   etl.BadRowPolicy
	// OnReject is given every reject that was found before the rows reached
	// the database, in file order. It may keep what it is given. May be nil.
	OnReject func(*etl.Reject) error
	// BeforePublish is asked after the last row was read and before anything
	// is published; its error ends the load. May be nil.
	BeforePublish func() error
	// Parallel is the number of workers; 0 is 1.
	Parallel int
	// BatchBytes is the size at which a batch is written; 0 is DefaultBatchBytes.
	BatchBytes int
	// Progress, where not nil, is kept up to date while the load runs.
	Progress *Progress
}

// DefaultBatchBytes amortises a write without holding much.
const DefaultBatchBytes = 256 << 10

// batchesPerWorker lets a worker finish a whole part of PartBytes while an
// earlier one is still being written.
const batchesPerWorker = 8

// PartBytes is the size of span that suits parallel workers best.
const PartBytes = 1 << 20

// scanAfterFailure bounds how far rows are still counted after the first bad
// one of a load that fails: about one chunk.
const scanAfterFailure = 64 << 20

// Progress counts what has been read and written so far. All fields may be
// read at any time.
type Progress struct {
	RowsRead, RowsWritten, RowsRejected, RowsFiltered atomic.Int64
}

// Result is what a finished load did.
type Result struct {
	Counts etl.Counts
	Notes  []string
	// Refused are the rows that the database refused, also those that ended the
	// load, to be closed by who gets them; nil where there are none. They lack
	// Fields and Raw, which are in the file at their Line.
	Refused *etl.Rejects
	// BlankLines were skipped; they are not rows.
	BlankLines int64
	// Created is the statement that made the table, where it depends on the rows.
	Created string
	// Comparison is a dry run's, where the LoadSpec asked for it.
	Comparison *etl.Comparison
}

// Run loads parts, in order, as one transaction of dest. An error leaves the
// destination as it was; it is *etl.Error of kind Refused where bad rows were
// the reason. Result.Counts hold what was seen so far also where Run fails.
func Run(ctx context.Context, dest etl.Destination, spec etl.LoadSpec, parts []Part, cfg Config) (Result, error) {
	l := &loader{cfg: cfg, parts: parts}
	if l.cfg.Progress == nil {
		l.cfg.Progress = &Progress{}
	}
	if l.cfg.BatchBytes == 0 {
		l.cfg.BatchBytes = DefaultBatchBytes
	}
	l.cfg.Parallel = max(1, min(l.cfg.Parallel, len(parts)))
	l.skip = cfg.Policy.Mode == "skip"
	spec.SkipRefused = l.skip
	spec.AllowRefused = func(found int64) error { return l.bound(l.counts.Rejected+found, true) }

	session, err := dest.Begin(ctx, spec)
	if err != nil {
		return Result{}, err
	}
	l.session = session
	result, err := l.run(ctx)
	if err != nil {
		return result, errors.Join(located(err), session.Abort(context.WithoutCancel(ctx)))
	}
	return result, nil
}

// located puts the line of a refused row in front of what the database says.
func located(err error) error {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || e.Kind != etl.Refused || e.Line == 0 || strings.HasPrefix(e.Message, "line") || e.Code == etl.TooManyBadRows {
		return err
	}
	e.Message = fmt.Sprintf("line %d: %s", e.Line, e.Message)
	return err
}

type loader struct {
	cfg     Config
	parts   []Part
	session etl.LoadSession
	skip    bool
	counts  etl.Counts
	blank   int64
	first   *etl.Reject
}

// item is what a worker hands to the collector: a batch, rejects, or both.
type item struct {
	batch    etl.Batch
	rejects  []*etl.Reject
	read     int64
	filtered int64
	rejected int64
	blank    int64
}

// flight is a part on its way through a worker.
type flight struct {
	part Part
	out  chan item
	free chan etl.Batch
}

func (l *loader) run(ctx context.Context) (Result, error) {
	group, working := errgroup.WithContext(ctx)
	// Workers take flights from work; the collector meets the same flights in
	// file order in line, whose capacity bounds how far they run ahead.
	work := make(chan *flight)
	line := make(chan *flight, l.cfg.Parallel)
	group.Go(func() error {
		defer close(work)
		defer close(line)
		for _, p := range l.parts {
			f := &flight{part: p, out: make(chan item, batchesPerWorker)}
			select {
			case line <- f:
			case <-working.Done():
				return context.Cause(working)
			}
			select {
			case work <- f:
			case <-working.Done():
				return context.Cause(working)
			}
		}
		return nil
	})
	for range l.cfg.Parallel {
		group.Go(func() error {
			w := newWorker(l)
			for f := range work {
				if err := w.do(working, f); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error { return l.collect(working, line) })
	err := group.Wait()
	result := Result{Counts: l.counts, BlankLines: l.blank}
	if err != nil {
		return result, err
	}
	return l.publish(ctx, result)
}

// collect writes the workers' batches in file order.
func (l *loader) collect(ctx context.Context, line <-chan *flight) error {
	for f := range line {
		for {
			var it item
			var open bool
			select {
			case it, open = <-f.out:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if !open {
				break
			}
			if err := l.take(ctx, f, it); err != nil {
				return err
			}
		}
		if l.first != nil && !l.skip {
			return l.badRow()
		}
	}
	return nil
}

func (l *loader) take(ctx context.Context, f *flight, it item) error {
	l.counts.Read += it.read
	l.counts.Filtered += it.filtered
	l.counts.Rejected += it.rejected
	l.blank += it.blank
	p := l.cfg.Progress
	p.RowsRead.Add(it.read)
	p.RowsFiltered.Add(it.filtered)
	p.RowsRejected.Add(it.rejected)
	for _, r := range it.rejects {
		if l.first == nil {
			l.first = r
		}
		if l.cfg.OnReject != nil {
			if err := l.cfg.OnReject(r); err != nil {
				return err
			}
		}
	}
	if l.skip && it.rejected > 0 {
		if err := l.tooMany(l.counts.Rejected, false); err != nil {
			return err
		}
	}
	if it.batch == nil {
		return nil
	}
	if l.first == nil || l.skip {
		rows := int64(it.batch.Rows())
		if err := l.session.Write(ctx, it.batch); err != nil {
			return err
		}
		p.RowsWritten.Add(rows)
	}
	it.batch.Reset()
	f.free <- it.batch
	return nil
}

// publish checks what must hold before anything becomes visible, and commits.
func (l *loader) publish(ctx context.Context, result Result) (Result, error) {
	if err := l.tooMany(l.counts.Rejected, true); err != nil {
		return result, err
	}
	if l.cfg.BeforePublish != nil {
		if err := l.cfg.BeforePublish(); err != nil {
			return result, err
		}
	}
	done, err := l.session.Finish(ctx)
	if refused, ok := errors.AsType[*etl.RowsRefused](err); ok {
		result.Refused = refused.Rows
		result.Counts.Rejected += result.Refused.Len()
		if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == etl.TooManyBadRows && e.Line == 0 {
			l.name(e, result.Refused.First())
		}
	}
	if err != nil {
		return result, err
	}
	c := &result.Counts
	c.Rejected += done.Refused.Len()
	c.Inserted, c.Updated, c.Deduplicated = done.Inserted, done.Updated, done.Deduplicated
	c.Loaded = c.Inserted + c.Updated
	result.Notes, result.Refused, result.Comparison, result.Created = done.Notes, done.Refused, done.Comparison, done.Created
	return result, nil
}

// badRow is the error of a load whose policy is to fail.
func (l *loader) badRow() error {
	r := l.first
	msg := r.Place() + ": " + r.Reason
	if more := l.counts.Rejected - 1; more == 1 {
		msg += fmt.Sprintf(" (and 1 more bad row among the %d rows read so far)", l.counts.Read)
	} else if more > 1 {
		msg += fmt.Sprintf(" (and %d more bad rows among the %d rows read so far)", more, l.counts.Read)
	}
	return &etl.Error{
		Kind: etl.Refused, Code: r.Code, Message: msg, Line: r.Line, Column: r.Column, Value: r.Value,
		Fix: FixOf(r.Code) + ", or load the good rows with --on-bad-row skip --rejects FILE; nothing was loaded",
	}
}

// FixOf says how a file with a bad row of that code is mended.
func FixOf(code etl.Code) string {
	switch code {
	case csv.CodeRecordTooLong:
		return "Raise the bound with --max-record, as 200MiB"
	case csv.CodeNULByte:
		return "Remove the NUL bytes with --strip-nul"
	case csv.CodeStrayQuote, csv.CodeUnterminatedQuote:
		return "Correct the line, or say how the file is written with --quote or --escape"
	case csv.CodeInvalidUTF8, csv.CodeInvalidEncoding:
		return "Correct the line, or name the file's --encoding"
	case codeShortRow:
		return "Correct the line, fill its missing fields with NULL by --pad-short-rows"
	case codeLongRow:
		return "Correct the line"
	case schema.CodeTooLong:
		return "Shorten the value, widen the column"
	}
	return "Correct the file, set the column's format in a mapping"
}

// tooMany is bound, whose error names the first bad row.
func (l *loader) tooMany(n int64, atEnd bool) error {
	err := l.bound(n, atEnd)
	if e, ok := errors.AsType[*etl.Error](err); ok {
		l.name(e, nil)
	}
	return err
}

// name adds the first bad row of the file, which may be one that the database refused.
func (l *loader) name(e *etl.Error, refused *etl.Reject) {
	r := l.first
	if refused != nil && (r == nil || refused.Line < r.Line) {
		r = refused
	}
	if r != nil {
		e.Line, e.Column, e.Value = r.Line, r.Column, r.Value
		e.Message += "; the first is " + r.Place() + ": " + r.Reason
	}
}

// bound is nil while the policy allows n rejects. A share of the rows can only
// be judged once all are read.
func (l *loader) bound(n int64, atEnd bool) error {
	p := l.cfg.Policy
	if !l.skip || n == 0 {
		return nil
	}
	limit := ""
	switch {
	case p.MaxRows != nil && n > *p.MaxRows:
		limit = fmt.Sprintf("%d", *p.MaxRows)
	case p.MaxRatio != nil && atEnd && float64(n) > *p.MaxRatio*float64(l.counts.Read):
		limit = strconv.FormatFloat(*p.MaxRatio*100, 'f', -1, 32) + fmt.Sprintf("%% of %d rows", l.counts.Read)
	default:
		return nil
	}
	return &etl.Error{
		Kind: etl.Refused, Code: etl.TooManyBadRows, Message: fmt.Sprintf("at least %d bad rows, more than the %s allowed", n, limit),
		Fix: "Look at the rejected rows, correct the file or the mapping, or allow more with --max-bad-rows; nothing was loaded",
	}
}

// isEOF tells the end of a part from a failed read.
func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }
