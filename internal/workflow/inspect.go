// Package workflow moves a run through its steps: inspect, plan, load,
// publish, report. It knows the order of things, not how any of them is done.
package workflow

import (
	"context"
	"errors"
	"io"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/profile"
	"github.com/etlportal/etlportal/internal/sniff"
	"github.com/etlportal/etlportal/internal/source"
)

// SampleBytes is how much of a file is looked at before the rest.
const SampleBytes = 1 << 20

// ReadOptions say how a file is to be read, beyond what is found out about it.
type ReadOptions struct {
	Sniff sniff.Options
	// MaxRecord bounds one record, in bytes; 0 is the csv package's default.
	MaxRecord int
	// BlankRecords reads blank lines as records of one empty field.
	BlankRecords bool
}

// Inspection is what is known of a file.
type Inspection struct {
	Sniff *Detected
	// Columns hold types and statistics: of the whole file where Complete, else of the sample.
	Columns  []profile.Column
	Rows     int64
	Complete bool
	// Bad counts records that cannot be read or have the wrong number of
	// fields; FirstBad is the first of them.
	Bad      int64
	FirstBad *etl.Reject
	// BlankLines were skipped.
	BlankLines int64
}

// Detected is what the sample of a file shows.
type Detected struct {
	*sniff.Result
	// Whole says that the sample is all of the file.
	Whole bool
}

// Detect looks at the sample of a file: encoding, dialect, names and the types so far.
func Detect(ctx context.Context, src *source.Source, o ReadOptions) (*Detected, error) {
	sample, atEOF, err := src.Sample(ctx, SampleBytes)
	if err != nil {
		return nil, err
	}
	found, err := sniff.Detect(sample, atEOF, o.Sniff)
	if err != nil {
		return nil, mistake(src.Name, err)
	}
	return &Detected{found, atEOF}, nil
}

// mistake turns the errors of the packages that know no etl.Error into one.
func mistake(name string, err error) error {
	if e, ok := errors.AsType[*sniff.Error](err); ok {
		return &etl.Error{Kind: etl.Mistake, Code: etl.Code(e.Code), Message: name + ": " + e.Message, Fix: e.Fix, Err: err}
	}
	return err
}

// Inspect reads the whole file, or at most maxRows records of it where that is
// over 0, and finds the types that hold for all values and their statistics.
func Inspect(ctx context.Context, src *source.Source, o ReadOptions, maxRows int64) (*Inspection, error) {
	found, err := Detect(ctx, src, o)
	if err != nil {
		return nil, err
	}
	return inspectAs(ctx, src, found, o, maxRows)
}

func inspectAs(ctx context.Context, src *source.Source, found *Detected, o ReadOptions, maxRows int64) (*Inspection, error) {
	r, closer, err := openRecords(ctx, src, found, o)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	in := &Inspection{Sniff: found, Complete: true}
	p := profile.New(found.Names, o.Sniff)
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if maxRows > 0 && in.Rows >= maxRows {
			in.Complete = false
			break
		}
		in.Rows++
		if rec.Bad != nil {
			in.bad(rec.Pos.Line, rec.Bad.Code, rec.Bad.Reason)
			continue
		}
		p.Add(rec.Fields, rec.Quoted, rec.Pos.Line)
	}
	in.BlankLines = r.Blank()
	in.Columns = p.Columns()
	return in, nil
}

func (in *Inspection) bad(line int64, code, reason string) {
	in.Bad++
	if in.FirstBad == nil {
		in.FirstBad = &etl.Reject{Line: line, Code: etl.Code(code), Reason: reason}
	}
}

// openRecords streams a file's records from its first byte.
func openRecords(ctx context.Context, src *source.Source, found *Detected, o ReadOptions) (*csv.Reader, io.Closer, error) {
	raw, err := src.Reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := csv.NewReader(found.Encoding.Decode(raw), found.Dialect, csv.Options{MaxRecord: o.MaxRecord, Width: len(found.Names), BlankRecords: o.BlankRecords})
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return r, raw, nil
}
