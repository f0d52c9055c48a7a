package redshift

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// batch implements etl.Batch: rows as CSV (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html#copy-csv),
// each with its record and line number at the end. Texts are quoted always, so
// that an empty one is no NULL; NULL is a word that is in no file.
type batch struct {
	columns []stored
	null    string
	buf     []byte
	rows    int
	// longest is how many bytes the texts of each measured column have at most.
	longest []int
}

func newBatch(columns []stored, null string) *batch {
	return &batch{columns: columns, null: null, longest: make([]int, len(columns))}
}

func (b *batch) Len() int  { return len(b.buf) }
func (b *batch) Rows() int { return b.rows }
func (b *batch) Reset()    { b.buf, b.rows = b.buf[:0], 0; clear(b.longest) }

// maxRow is what a row of CSV may have, in bytes
// (https://docs.aws.amazon.com/redshift/latest/dg/t_splitting-data-files.html: 4 MB a line).
const maxRow = 4 << 20

// Append adds a row. It allocates nothing once the batch has reached its usual size.
func (b *batch) Append(row []schema.Value, line, record int64) *etl.Reject {
	start := len(b.buf)
	if len(row) != len(b.columns) {
		return refused(line, record, "", "internal", fmt.Sprintf("a row of %d values for %d columns", len(row), len(b.columns)))
	}
	for i := range row {
		at := len(b.buf)
		if bad := b.field(&b.columns[i], &row[i]); bad != nil {
			b.buf = b.buf[:start]
			bad.Line, bad.Record, bad.Column = line, record, b.columns[i].name
			return bad
		}
		if b.columns[i].measured && row[i].Kind != schema.VNull {
			n := len(row[i].Bytes)
			if row[i].Kind != schema.VText {
				n = len(b.buf) - at
			}
			b.longest[i] = max(b.longest[i], n)
		}
		b.buf = append(b.buf, ',')
	}
	b.buf = strconv.AppendInt(b.buf, record, 10)
	b.buf = append(b.buf, ',')
	b.buf = strconv.AppendInt(b.buf, line, 10)
	b.buf = append(b.buf, '\n')
	if len(b.buf)-start > maxRow {
		b.buf = b.buf[:start]
		return refused(line, record, "", "too_long", "the row is larger than the 4 MB that COPY takes")
	}
	b.rows++
	return nil
}

func refused(line, record int64, column string, code etl.Code, reason string) *etl.Reject {
	return &etl.Reject{Line: line, Record: record, Column: column, Code: code, Reason: reason}
}

// Moments that Redshift takes are between 4713 BC and the year 294276; what has
// no ISO form is left out (https://docs.aws.amazon.com/redshift/latest/dg/r_Datetime_types.html).
const (
	firstDay = -730119    // 0001-01-01
	lastDay  = 106_752_00 // far below the last one, and as ISO four to six digits of year
	dayMicro = 86_400_000_000
)

func (b *batch) field(c *stored, v *schema.Value) *etl.Reject {
	bad := func(code etl.Code, format string, args ...any) *etl.Reject {
		return &etl.Reject{Code: code, Reason: fmt.Sprintf(format, args...), Value: limit(string(v.AppendText(nil, c.typ)), 200)}
	}
	switch v.Kind {
	case schema.VNull:
		if c.notNull {
			return &etl.Reject{Code: "not_null_violation", Reason: fmt.Sprintf("column %s must have a value", c.name)}
		}
		b.buf = append(b.buf, b.null...)
		return nil
	case schema.VText:
		switch {
		case c.bytes > 0 && len(v.Bytes) > c.bytes:
			return bad("too_long", "the value has %d bytes, and column %s takes %d%s", len(v.Bytes), c.name, c.bytes, c.widened)
		case c.sql == "SUPER" && len(v.Bytes) > maxSuper:
			return bad("too_long", "the value has %d bytes, and column %s, a SUPER, takes %d", len(v.Bytes), c.name, maxSuper)
		case string(v.Bytes) == b.null:
			return bad("invalid_value", "the value is the word that stands for NULL in the staged files of this load")
		case c.typ.Kind == schema.Char && strings.HasPrefix(c.sql, "CHAR") && !ascii(v.Bytes):
			// https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html
			return bad("untranslatable_character", "column %s, a CHAR, takes characters of one byte only", c.name)
		case bytes.IndexByte(v.Bytes, 0) >= 0:
			return bad("untranslatable_character", "the value holds a NUL byte, which Redshift cannot keep")
		}
		if c.sql == "SUPER" {
			if n := longText(v.Bytes); n > 0 {
				return bad("too_long", "a text in the value has %d bytes, and column %s, a SUPER, takes texts of %d", n, c.name, maxVarchar)
			}
		}
		b.quoted(v.Bytes)
		return nil
	case schema.VFloat:
		if math.IsInf(v.Float, 0) || math.IsNaN(v.Float) {
			return bad("out_of_range", "COPY takes no infinity and no NaN")
		}
		if c.typ.Kind == schema.Real && math.IsInf(float64(float32(v.Float)), 0) {
			return bad("out_of_range", "the value does not fit into column %s", c.name)
		}
	case schema.VDecimal:
		if v.Dec.IsNaN() || v.Dec.IsInfinite() {
			return bad("out_of_range", "NUMERIC has no infinity and no NaN in Redshift")
		}
		precision, scale := 38, 10
		if c.typ.Precision > 0 {
			precision, scale = min(c.typ.Precision, maxPrecision), max(c.typ.Scale, 0)
		}
		if !v.Dec.Fits(precision, scale) {
			return bad("out_of_range", "the value does not fit into NUMERIC(%d,%d)", precision, scale)
		}
	case schema.VDate:
		if v.Int < firstDay || v.Int > lastDay {
			return bad("out_of_range", "the date is not between the years 1 and 31228")
		}
	case schema.VTimestamp, schema.VTimestampTZ:
		if v.Int < firstDay*dayMicro || v.Int > lastDay*dayMicro {
			return bad("out_of_range", "the time is not between the years 1 and 31228")
		}
	case schema.VBytes:
		if c.typ.Kind != schema.UUID {
			if most := cmp.Or(c.typ.Length, maxVarbyte); len(v.Bytes) > most {
				return bad("too_long", "the value has %d bytes, and column %s takes %d", len(v.Bytes), c.name, most)
			}
			b.buf = hex.AppendEncode(b.buf, v.Bytes)
			return nil
		}
	}
	b.buf = v.AppendText(b.buf, c.typ)
	return nil
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// quoted appends a text with its quotes doubled.
func (b *batch) quoted(text []byte) {
	b.buf = append(b.buf, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		b.buf = append(append(b.buf, text[:i+1]...), '"')
		text = text[i+1:]
	}
	b.buf = append(append(b.buf, text...), '"')
}
