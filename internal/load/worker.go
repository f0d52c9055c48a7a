package load

import (
	"context"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// rejectsPerItem bounds the memory that rejects take on their way to the collector.
const rejectsPerItem = 64

// maxRejectValue is where a reject's value is cut, in bytes.
const maxRejectValue = 200

// worker turns the records of parts into batches. It belongs to one goroutine.
type worker struct {
	l      *loader
	runner *transform.Runner
	row    []schema.Value
	free   chan etl.Batch
	width  int
	item   item
	failed bool
	// rejectBytes is about what item.rejects hold.
	rejectBytes int
}

func newWorker(l *loader) *worker {
	w := &worker{
		l: l, runner: l.cfg.Program.NewRunner(), row: make([]schema.Value, len(l.cfg.Program.Columns())),
		free: make(chan etl.Batch, batchesPerWorker), width: len(l.cfg.Names),
	}
	for range batchesPerWorker {
		w.free <- l.session.NewBatch()
	}
	return w
}

// do reads one part to its end.
func (w *worker) do(ctx context.Context, f *flight) error {
	f.free = w.free
	defer close(f.out)
	r, verify, err := f.part.Open(ctx)
	if err != nil {
		return err
	}
	w.item, w.failed = item{}, false
	var failedAt int64
	for {
		if w.item.batch == nil && !w.failed {
			select {
			case w.item.batch = <-w.free:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		rec, err := r.Read()
		if isEOF(err) {
			break
		}
		if err != nil {
			return err
		}
		w.item.read++
		if bad := w.record(rec); bad != nil {
			w.reject(rec, bad)
			if !w.failed && !w.l.skip {
				w.failed, failedAt = true, rec.Pos.Byte
			}
		}
		switch {
		case w.failed && rec.Pos.Byte-failedAt > scanAfterFailure:
			return w.flush(ctx, f)
		case w.rejectBytes >= w.l.cfg.BatchBytes, len(w.item.rejects) >= rejectsPerItem, w.item.batch != nil && w.item.batch.Len() >= w.l.cfg.BatchBytes:
			if err := w.flush(ctx, f); err != nil {
				return err
			}
		}
	}
	w.item.blank = r.Blank()
	if verify != nil {
		if err := verify(); err != nil {
			return err
		}
	}
	return w.flush(ctx, f)
}

// record converts one record and adds it to the batch; nil where it was
// added or filtered out.
func (w *worker) record(rec *csv.Record) *etl.Reject {
	if rec.Bad != nil {
		line := rec.Bad.Line
		if line == 0 {
			line = rec.Pos.Line
		}
		return &etl.Reject{Line: line, Code: etl.Code(rec.Bad.Code), Reason: rec.Bad.Reason}
	}
	if len(rec.Fields) != w.width {
		if bad := Fit(rec, w.l.cfg.Names, w.l.cfg.PadShort); bad != nil {
			return bad
		}
	}
	keep, bad := w.runner.Run(rec.Fields, rec.Quoted, w.row)
	if bad != nil {
		return bad
	}
	if !keep {
		w.item.filtered++
		return nil
	}
	if w.failed {
		return nil
	}
	return w.item.batch.Append(w.row, rec.Pos.Line, rec.Pos.Record)
}

// reject keeps a bad row, or, after the first of a load that fails, counts it.
func (w *worker) reject(rec *csv.Record, found *etl.Reject) {
	w.item.rejected++
	if w.failed && w.l.cfg.OnReject == nil {
		return
	}
	kept := *found
	bad := &kept
	if bad.Line == 0 {
		bad.Line = rec.Pos.Line
	}
	bad.Record = rec.Pos.Record
	bad.Value = cut(bad.Value)
	bad.Raw = append([]byte(nil), rec.Raw...)
	w.rejectBytes += 2 * len(bad.Raw)
	if rec.Bad == nil || legible(rec.Bad.Code) {
		bad.Fields = make([]string, len(rec.Fields))
		for i, f := range rec.Fields {
			bad.Fields[i] = string(f)
		}
	}
	w.item.rejects = append(w.item.rejects, bad)
}

// legible says that a bad record's fields are told apart all the same.
func legible(code string) bool {
	return code == csv.CodeInvalidUTF8 || code == csv.CodeInvalidEncoding || code == csv.CodeNULByte
}

// cut shortens a value at a rune boundary.
func cut(s string) string {
	if len(s) <= maxRejectValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxRejectValue], "") + "…"
}

// flush hands over what was collected.
func (w *worker) flush(ctx context.Context, f *flight) error {
	it := w.item
	w.item, w.rejectBytes = item{}, 0
	select {
	case f.out <- it:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
