// Package plan cuts a file into exact spans of records and opens them.
//
// Split scans byte ranges in parallel and folds the results (csv.Scanner); Open
// reads a span and proves, when it is through, that the span was what Split
// said (docs/splitting.md).
package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// DefaultRangeSize is the number of bytes between two record starts that Split
// looks for.
const DefaultRangeSize = 4 << 20

// bufferSize is the memory of one scanning goroutine.
const bufferSize = 256 << 10

// Codes of the errors of this package.
const (
	// SourceChanged says that the file is not the one that was scanned.
	SourceChanged etl.Code = "source_changed"
	// SourceUnreadable says that reading the file failed.
	SourceUnreadable etl.Code = "source_unreadable"
	// BadDialect says that a dialect contradicts itself, or an encoding is unknown.
	BadDialect etl.Code = "bad_dialect"
	// SpanMismatch says that Reader and Scanner disagree, a defect of ours.
	SpanMismatch etl.Code = "span_mismatch"
)

// Options say how Split works; the zero value is good.
type Options struct {
	// RangeSize is the number of bytes of a span, about: a span ends with the
	// record that crosses the range's end. 0 means DefaultRangeSize; 1 makes
	// every record a span of its own.
	RangeSize int64
	// Parallel is the number of ranges scanned at a time, each in 256 KiB of
	// memory; 0 means one per core.
	Parallel int
	// Keeper, where set, keeps what a long scan has found, so that one that is
	// cut off is gone on with instead of begun again.
	Keeper Keeper
}

// KeptRanges is the number of ranges in a block of a Keeper.
const KeptRanges = 64

// Keeper stores the scans of a file's blocks: every KeptRanges ranges, in file
// order. What it gives must be of the same file, dialect, encoding and RangeSize.
type Keeper interface {
	// Block gives what was kept of a block; nil where nothing was.
	Block(ctx context.Context, block int) ([]csv.Vector, error)
	// KeepBlock stores a block; it may be repeated.
	KeepBlock(ctx context.Context, block int, ranges []csv.Vector) error
}

// Split cuts a file of size bytes into spans of records that tile it from the
// first byte after BOM and Dialect.SkipLines to its end; the header is in the
// first. An empty file has none. Where records cannot be found from the middle
// (csv.ErrNotSplittable) there is one span. Memory is 256 KiB a goroutine and
// about 300 bytes a range. It may be repeated; on the same bytes it gives the
// same spans.
//
// Errors are of *etl.Error: source_unreadable, source_changed (the file is
// shorter than size or, where src has a Stat method, was written to meanwhile),
// and bad_dialect.
func Split(ctx context.Context, src io.ReaderAt, size int64, enc csv.Encoding, d csv.Dialect, o Options) ([]csv.Span, error) {
	scanner, err := csv.NewScanner(d, enc)
	if err != nil && !errors.Is(err, csv.ErrNotSplittable) {
		return nil, &etl.Error{Kind: etl.Mistake, Code: BadDialect, Message: err.Error(), Fix: "Name the dialect and the encoding that the file has", Err: err}
	}
	if size < 0 {
		return nil, &etl.Error{Kind: etl.Internal, Code: SourceUnreadable, Message: fmt.Sprintf("a file of %d bytes cannot be split", size)}
	}
	guard, err := NewGuard(src)
	if err != nil {
		return nil, err
	}
	start, err := dataStart(src, size, enc, d)
	if err != nil {
		return nil, unreadable(err)
	}
	var spans []csv.Span
	if scanner == nil {
		spans, err = oneSpan(ctx, src, start, size, enc, d)
	} else {
		spans, err = scan(ctx, scanner, src, start, size, o)
	}
	if err == nil {
		spans, err = joinHeader(src, spans, enc, d)
	}
	if changed := guard.Check(); changed != nil {
		return nil, changed
	}
	if err != nil {
		return nil, unreadable(err)
	}
	return spans, nil
}

// dataStart is the offset after BOM and lines to skip.
func dataStart(src io.ReaderAt, size int64, enc csv.Encoding, d csv.Dialect) (int64, error) {
	head := make([]byte, min(size, 4))
	if err := readFull(src, head, 0); err != nil {
		return 0, err
	}
	bom := 0
	if e, n := csv.DetectBOM(head); e == enc {
		bom = n
	}
	return csv.SkipLines(src, size, enc, bom, d.SkipLines, d.Newline)
}

// scan makes the Vectors of all ranges and folds them.
func scan(ctx context.Context, s *csv.Scanner, src io.ReaderAt, start, size int64, o Options) ([]csv.Span, error) {
	step := o.RangeSize
	if step <= 0 {
		step = DefaultRangeSize
	}
	if unit := int64(s.Unit()); step%unit != 0 {
		step += unit - step%unit
	}
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	ranges := make([]csv.Vector, (max(size-start, 0)+step-1)/step)
	if o.Keeper == nil || len(ranges) <= KeptRanges {
		if err := scanRanges(ctx, s, src, start, size, step, parallel, 0, ranges); err != nil {
			return nil, err
		}
		return s.Fold(start, ranges)
	}
	for first := 0; first < len(ranges); first += KeptRanges {
		block := ranges[first:min(first+KeptRanges, len(ranges))]
		kept, err := o.Keeper.Block(ctx, first/KeptRanges)
		if err != nil {
			return nil, err
		}
		if len(kept) == len(block) {
			copy(block, kept)
			continue
		}
		if err := scanRanges(ctx, s, src, start, size, step, parallel, first, block); err != nil {
			return nil, err
		}
		if err := o.Keeper.KeepBlock(ctx, first/KeptRanges, block); err != nil {
			return nil, err
		}
	}
	return s.Fold(start, ranges)
}

// scanRanges fills ranges, the first of which is the file's range number first.
func scanRanges(ctx context.Context, s *csv.Scanner, src io.ReaderAt, start, size, step int64, parallel, first int, ranges []csv.Vector) error {
	parallel = min(parallel, len(ranges))
	group, ctx := errgroup.WithContext(ctx)
	for worker := range parallel {
		group.Go(func() error {
			buffer := make([]byte, min(bufferSize, size-start))
			// Neighbouring ranges go to different goroutines, so that reading moves
			// forward through the file as one front.
			for i := worker; i < len(ranges); i += parallel {
				from := start + int64(first+i)*step
				v, err := scanRange(ctx, s, src, from, min(from+step, size), buffer)
				if err != nil {
					return err
				}
				ranges[i] = v
			}
			return nil
		})
	}
	return group.Wait()
}

func scanRange(ctx context.Context, s *csv.Scanner, src io.ReaderAt, from, to int64, buffer []byte) (csv.Vector, error) {
	r := s.NewRangeScan()
	r.Align()
	for from < to {
		if err := ctx.Err(); err != nil {
			return csv.Vector{}, err
		}
		b := buffer[:min(int64(len(buffer)), to-from)]
		if err := readFull(src, b, from); err != nil {
			return csv.Vector{}, err
		}
		_, _ = r.Write(b) // never fails
		from += int64(len(b))
	}
	return r.Vector(), nil
}

// oneSpan counts the rows of a file that must be read from its start.
func oneSpan(ctx context.Context, src io.ReaderAt, start, size int64, enc csv.Encoding, d csv.Dialect) ([]csv.Span, error) {
	s, err := csv.NewScanner(d, csv.UTF8)
	if err != nil {
		return nil, err
	}
	r := s.NewRangeScan()
	raw := &section{src: src, at: start, end: size}
	text := enc.DecodeSpan(raw)
	buffer := make([]byte, bufferSize)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := text.Read(buffer)
		_, _ = r.Write(buffer[:n]) // never fails
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	spans, err := s.Fold(0, []csv.Vector{r.Vector()})
	if len(spans) == 1 { // its offsets are those of the decoded text
		spans[0].Start, spans[0].End = start, size
	}
	return spans, err
}

// joinHeader makes the first span hold the whole header and a row more.
func joinHeader(src io.ReaderAt, spans []csv.Span, enc csv.Encoding, d csv.Dialect) ([]csv.Span, error) {
	if len(spans) < 2 || d.Header == 0 {
		return spans, nil
	}
	file := csv.Span{Start: spans[0].Start, End: spans[len(spans)-1].End, FirstLine: spans[0].FirstLine}
	r, err := csv.NewReader(enc.DecodeSpan(&section{src: src, at: file.Start, end: file.End}), spanDialect(file, d), csv.Options{})
	if err != nil {
		return nil, err
	}
	// A header that is damaged or missing is for whoever opens the span to tell.
	_, err = r.Header()
	if _, damaged := errors.AsType[*csv.BadRecord](err); err != nil && !errors.Is(err, io.EOF) && !damaged {
		return nil, err
	}
	for len(spans) > 1 && spans[0].Rows < r.Rows() {
		spans[1].Start, spans[1].FirstRow, spans[1].FirstLine = spans[0].Start, spans[0].FirstRow, spans[0].FirstLine
		spans[1].Rows += spans[0].Rows
		spans = spans[1:]
	}
	return spans, nil
}

// readFull fills b from offset; a file that ends earlier was cut.
func readFull(src io.ReaderAt, b []byte, offset int64) error {
	n, err := src.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF || err == nil:
		return changed(fmt.Sprintf("it ends at byte %d, where more was expected", offset+int64(n)))
	}
	return err
}

func unreadable(err error) error {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &etl.Error{
		Kind: etl.Weather, Code: SourceUnreadable,
		Message: "reading the file failed: " + err.Error(),
		Fix:     "Check the disk or the connection it is on, and try again", Err: err,
	}
}
