package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/source"
)

// Cat writes a file as RFC 4180 CSV in UTF-8: names first, LF, quotes only
// where needed. Ragged records keep their number of fields. A record that
// cannot be read ends it with a Refused error that names the line; what came
// before has been written.
func Cat(ctx context.Context, src *source.Source, o ReadOptions, out io.Writer) error {
	found, err := Detect(ctx, src, o)
	if err != nil {
		return err
	}
	r, closer, err := openRecords(ctx, src, found, o)
	if err != nil {
		return err
	}
	defer closer.Close()
	w := csv.NewWriter(out)
	if found.Dialect.Header > 0 {
		header, err := r.Header()
		if err != nil {
			return err
		}
		names := make([][]byte, len(header))
		for i, n := range header {
			names[i] = []byte(n)
		}
		if err := w.Write(names, nil); err != nil {
			return err
		}
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err == nil && rec.Bad != nil {
			err = &etl.Error{
				Kind: etl.Refused, Code: etl.Code(rec.Bad.Code), Line: rec.Pos.Line,
				Message: fmt.Sprintf("%s, line %d: %s", src.Name, rec.Pos.Line, rec.Bad.Reason),
				Fix:     "Correct the line, or say how the file is written with --quote, --escape or --encoding",
			}
		}
		if err != nil {
			return errors.Join(err, w.Flush())
		}
		if err := w.Write(rec.Fields, rec.Quoted); err != nil {
			return err
		}
	}
}
