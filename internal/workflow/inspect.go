// Package workflow moves a run through its steps: inspect, plan, load,
// publish, report. It knows the order of things, not how any of them is done.
package workflow

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/plan"
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
	// StripNUL removes NUL bytes instead of rejecting their rows.
	StripNUL bool
	// PadShort fills the missing last fields of short records with NULL instead
	// of taking them for bad rows.
	PadShort bool
}

// csv is what the options mean for the records of a file.
func (o *ReadOptions) csv(found *Detected) csv.Options {
	return csv.Options{MaxRecord: o.MaxRecord, Width: len(found.Names), BlankRecords: o.BlankRecords, StripNUL: o.StripNUL, Encoding: found.Encoding}
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
	o.Sniff.StripNUL = o.StripNUL
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

// profileBytes is the span that one worker profiles at a time.
const profileBytes = 8 << 20

func inspectAs(ctx context.Context, src *source.Source, found *Detected, o ReadOptions, maxRows int64) (*Inspection, error) {
	at, plain := src.ReaderAt()
	// To split a file takes a pass of its own, which is not worth a second download.
	if maxRows > 0 || !plain || src.Remote() || !found.Encoding.Splittable() || src.Size() < 2*profileBytes {
		r, closer, err := openRecords(ctx, src, found, o)
		if err != nil {
			return nil, err
		}
		defer closer.Close()
		in := &Inspection{Sniff: found, Complete: true}
		p := profile.New(found.Names, o.Sniff)
		if err := in.read(ctx, r, p, found.Names, o.PadShort, maxRows); err != nil {
			return nil, err
		}
		in.Columns = p.Columns()
		return in, nil
	}
	spans, err := plan.Split(ctx, at, src.Size(), found.Encoding, found.Dialect, plan.Options{RangeSize: profileBytes})
	if err != nil {
		return nil, err
	}
	src.Rewind()
	var next atomic.Int64
	workers := make([]*Inspection, min(runtime.GOMAXPROCS(0), len(spans)))
	profiles := make([]*profile.Profile, len(workers))
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		workers[w], profiles[w] = &Inspection{}, profile.New(found.Names, o.Sniff)
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(spans) {
					return nil
				}
				r, verify, err := plan.Open(at, spans[i], found.Encoding, found.Dialect, o.csv(found))
				if err != nil {
					return err
				}
				if err := workers[w].read(ctx, r, profiles[w], found.Names, o.PadShort, 0); err != nil {
					return err
				}
				if err := verify(); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	in := &Inspection{Sniff: found, Complete: true}
	for w, part := range workers {
		in.merge(part)
		if w == 0 {
			continue
		}
		if err := profiles[0].Merge(profiles[w]); err != nil {
			return nil, err
		}
	}
	in.Columns = profiles[0].Columns()
	return in, nil
}

// checkEvery is how many records are read between two looks at the context.
const checkEvery = 4096

// read profiles records up to the last, or to the number maxRows where that is over 0.
func (in *Inspection) read(ctx context.Context, r *csv.Reader, p *profile.Profile, names []string, padShort bool, maxRows int64) error {
	for {
		if in.Rows%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			in.BlankLines += r.Blank()
			return nil
		}
		if err != nil {
			return err
		}
		if maxRows > 0 && in.Rows >= maxRows {
			in.Complete = false
			return nil
		}
		in.Rows++
		if rec.Bad != nil {
			in.bad(&etl.Reject{Line: rec.Pos.Line, Code: etl.Code(rec.Bad.Code), Reason: rec.Bad.Reason})
			continue
		}
		if ragged := load.Fit(rec, names, padShort); ragged != nil {
			in.bad(ragged)
			continue
		}
		p.Add(rec.Fields, rec.Quoted, rec.Pos.Line)
	}
}

// merge adds what another worker read.
func (in *Inspection) merge(other *Inspection) {
	in.Rows += other.Rows
	in.BlankLines += other.BlankLines
	if other.FirstBad != nil {
		in.bad(other.FirstBad)
		in.Bad += other.Bad - 1
	}
}

// bad counts a bad record and keeps the first of the file.
func (in *Inspection) bad(r *etl.Reject) {
	in.Bad++
	if in.FirstBad == nil || r.Line < in.FirstBad.Line {
		in.FirstBad = r
	}
}

// openRecords streams a file's records from its first byte.
func openRecords(ctx context.Context, src *source.Source, found *Detected, o ReadOptions) (*csv.Reader, io.Closer, error) {
	raw, err := src.Reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := csv.NewReader(found.Encoding.Decode(raw), found.Dialect, o.csv(found))
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return r, raw, nil
}
