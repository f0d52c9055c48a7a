package workflow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/profile"
	"github.com/etlportal/etlportal/internal/sniff"
)

// InspectSample looks at the first bytes of a file, whose name is for its
// errors; atEOF says that they are all of it. Without atEOF the last record,
// which may be cut off, does not count. The spans are the file's record index
// where the sample is all of it, else nil. The error is an *etl.Error with the
// codes of sniff.Detect.
func InspectSample(ctx context.Context, name string, sample []byte, atEOF bool, o ReadOptions) (*Inspection, []csv.Span, error) {
	o.Sniff.StripNUL = o.StripNUL
	result, err := sniff.Detect(sample, atEOF, o.Sniff)
	if err != nil {
		return nil, nil, mistake(name, err)
	}
	found := &Detected{result, atEOF}
	rows := int64(math.MaxInt64)
	if !atEOF {
		if rows, err = wholeRecords(sample, found, o); err != nil {
			return nil, nil, err
		}
	}
	in := &Inspection{Sniff: found, Complete: true}
	p := profile.New(found.Names, o.Sniff)
	if rows > 0 {
		r, err := csv.NewReader(found.Encoding.Decode(bytes.NewReader(sample)), found.Dialect, o.csv(found))
		if err != nil {
			return nil, nil, err
		}
		if err := in.read(ctx, r, p, found.Names, o.PadShort, rows); err != nil {
			return nil, nil, err
		}
	}
	in.Columns = p.Columns()
	in.Complete = atEOF
	if !atEOF {
		return in, nil, nil
	}
	spans, err := plan.Split(ctx, bytes.NewReader(sample), int64(len(sample)), found.Encoding, found.Dialect, plan.Options{Parallel: 1})
	return in, spans, err
}

// wholeRecords counts the records of a sample but its last. The reader takes a
// quote that is open at the end of the sample for damage and reads the lines
// after it as records; where most are none, it opened the last record.
func wholeRecords(sample []byte, found *Detected, o ReadOptions) (int64, error) {
	r, err := csv.NewReader(found.Encoding.Decode(bytes.NewReader(sample)), found.Dialect, o.csv(found))
	if err != nil {
		return 0, err
	}
	width := len(found.Names)
	open, fit, misfit := int64(-1), 0, 0
	for n := int64(0); ; n++ {
		rec, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && open >= 0 && (width < 2 || fit <= misfit):
			return open, nil
		case errors.Is(err, io.EOF):
			return max(n-1, 0), nil
		case err != nil:
			return 0, err
		case open >= 0 && rec.Bad == nil && len(rec.Fields) == width:
			fit++
		case open >= 0:
			misfit++
		case rec.Bad != nil && rec.Bad.Code == csv.CodeUnterminatedQuote:
			open = n
		}
	}
}
