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

// wholeRecords counts the records of a sample but its last.
func wholeRecords(sample []byte, found *Detected, o ReadOptions) (int64, error) {
	r, err := csv.NewReader(found.Encoding.Decode(bytes.NewReader(sample)), found.Dialect, o.csv(found))
	if err != nil {
		return 0, err
	}
	for n := int64(0); ; n++ {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return max(n-1, 0), nil
		} else if err != nil {
			return 0, err
		}
	}
}
