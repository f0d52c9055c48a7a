package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/source"
)

// Damage is what Cat found wrong with the records that it printed as far as they could be told.
type Damage struct {
	Rows  int64
	First etl.Reject
}

// Cat writes a file as RFC 4180 CSV in UTF-8: names first, LF, quotes only
// where needed. Ragged records keep their number of fields, damaged ones are
// written as far as their fields can be told, and counted. A record over the
// bound ends it with an error. A file without content gives none.
func Cat(ctx context.Context, src *source.Source, o ReadOptions, out io.Writer) (Damage, error) {
	var damage Damage
	found, err := Detect(ctx, src, o)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "empty_file" {
		return damage, nil
	}
	if err != nil {
		return damage, err
	}
	r, closer, err := openRecords(ctx, src, found, o)
	if err != nil {
		return damage, err
	}
	defer closer.Close()
	w := csv.NewWriter(out)
	if found.Dialect.Header > 0 {
		header, err := r.Header()
		if err != nil {
			return damage, err
		}
		if err := w.WriteStrings(header); err != nil {
			return damage, err
		}
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return damage, w.Flush()
		}
		if err != nil {
			return damage, errors.Join(err, w.Flush())
		}
		if bad := rec.Bad; bad != nil {
			if bad.Code == csv.CodeRecordTooLong {
				err := &etl.Error{
					Kind: etl.Refused, Code: etl.Code(bad.Code), Line: rec.Pos.Line,
					Message: fmt.Sprintf("%s, line %d: %s", src.Name, rec.Pos.Line, bad.Reason), Fix: load.FixOf(etl.Code(bad.Code)),
				}
				return damage, errors.Join(err, w.Flush())
			}
			if damage.Rows++; damage.Rows == 1 {
				damage.First = etl.Reject{Line: rec.Pos.Line, Code: etl.Code(bad.Code), Reason: bad.Reason}
			}
			for i, f := range rec.Fields {
				rec.Fields[i] = bytes.ToValidUTF8(f, []byte("\ufffd"))
			}
		}
		if err := w.Write(rec.Fields, rec.Quoted); err != nil {
			return damage, err
		}
	}
}
