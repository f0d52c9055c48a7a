package transform

import (
	"math"
	"strconv"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// sink stores an expression's value in a column's type; NULL and faults leave VNull.
type sink func(fr *frame, out *schema.Value)

// sink converts e to type t. A text is read by format. Numbers round to the
// scale of a numeric column as PostgreSQL does on assignment, unless exact
// asks that nothing be lost; an integer column takes whole numbers only.
func (c *compiler) sink(e expr, t schema.Type, format string, exact bool) sink {
	if e.kind == kindNull {
		return func(_ *frame, out *schema.Value) { out.Kind = schema.VNull }
	}
	k := kindOf(t)
	if e.kind == kindText && t.Kind != schema.Text || k == kindText && t.Kind != schema.Text {
		return c.parsed(e, t, format)
	}
	switch {
	case k == kindText:
		f := c.asText(e)
		if e.kind != kindText {
			f = canonicalText(e)
		}
		return func(fr *frame, out *schema.Value) {
			b, ok := f(fr)
			if !ok || fr.failed {
				out.Kind = schema.VNull
				return
			}
			out.Kind, out.Bytes = schema.VText, b
		}
	case k == kindNumber && (e.kind == kindNumber || e.kind == kindFloat):
		if t.Kind == schema.Numeric {
			return numericSink(c.number(e), t, exact)
		}
		return integerSink(c.number(e), t)
	case k == kindFloat && (e.kind == kindNumber || e.kind == kindFloat):
		return floatSink(c.floating(e), t)
	case k == e.kind, k == kindTimestamp && e.kind.isMoment(), k == kindTimestampTZ && e.kind.isMoment():
		out := expr{kind: k, n: e.n, cond: e.cond, tick: e.tick}
		if k != e.kind {
			out.tick = convertMoment(e.tick, e.kind, k, c.loc)
			tick := out.tick
			out.tick = func(fr *frame) (int64, bool) {
				v, ok := tick(fr)
				if !ok || infinite(v) {
					return v, ok
				}
				return checkTimestamp(fr, v)
			}
		}
		return func(fr *frame, v *schema.Value) { load(fr, out, v) }
	}
	fix := "Convert it in the expression, or change the column's type"
	switch {
	case k == kindNumber && e.kind == kindBool:
		fix = "Write condition ? 1 : 0"
	case k == kindBool:
		fix = "Write a condition such as x == 1"
	case k == kindDate && e.kind.isMoment():
		fix = "Write date(…) around it to drop the time of day; around a mapped source that is the expression date(value)"
	case k.isMoment():
		fix = "Write date(x, 'DD.MM.YYYY') to read a date"
	}
	c.fail(e.n, fix, "the column's type is "+t.String()+", but the value is "+e.kind.String())
	return func(_ *frame, out *schema.Value) { out.Kind = schema.VNull }
}

// parsed reads e's text as a value of type t; an empty text is NULL where t cannot hold one.
func (c *compiler) parsed(e expr, t schema.Type, format string) sink {
	p, err := c.ownParser(reading{t, format})
	if err != nil {
		c.fail(e.n, "Look up the formats in docs/formats.md", err.Error())
		return func(*frame, *schema.Value) {}
	}
	f, column := e.text, e.column
	if f == nil {
		f = canonicalText(e)
	}
	emptyIsNull := !holdsEmpty(t)
	return func(fr *frame, out *schema.Value) {
		out.Kind = schema.VNull
		b, ok := f(fr)
		if !ok || fr.failed || emptyIsNull && len(trimBlanks(b)) == 0 {
			return
		}
		if err := fr.parsers[p].Parse(b, out); err != nil {
			out.Kind = schema.VNull
			fr.failValue(etl.Code(err.Code), err.Reason, column, b)
		}
	}
}

// holdsEmpty says whether the empty text is a value of a type.
func holdsEmpty(t schema.Type) bool {
	switch t.Kind {
	case schema.Text, schema.Char, schema.Varchar, schema.Other, schema.Unknown:
		return true
	}
	return false
}

func numericSink(f numFunc, t schema.Type, exact bool) sink {
	return func(fr *frame, out *schema.Value) {
		out.Kind = schema.VNull
		d, ok := f(fr)
		if !ok || fr.failed {
			return
		}
		if t.Precision > 0 {
			if d.Scale() > t.Scale && !d.IsNaN() && !d.IsInfinite() {
				r, err := d.Round(t.Scale)
				if err != nil {
					fr.failErr(err)
					return
				}
				if exact && r.Cmp(d) != 0 {
					fr.fail("too_precise", cut(d.String(), 60)+" has more decimals than "+t.String())
					return
				}
				d = r
			}
			if !d.Fits(t.Precision, t.Scale) {
				fr.fail(CodeOutOfRange, cut(d.String(), 60)+" does not fit "+t.String())
				return
			}
		}
		out.Kind, out.Dec = schema.VDecimal, d
	}
}

func integerSink(f numFunc, t schema.Type) sink {
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.Kind {
	case schema.SmallInt:
		least, most = math.MinInt16, math.MaxInt16
	case schema.Integer:
		least, most = math.MinInt32, math.MaxInt32
	}
	return func(fr *frame, out *schema.Value) {
		out.Kind = schema.VNull
		d, ok := f(fr)
		if !ok || fr.failed {
			return
		}
		i, ok := d.Int64()
		switch {
		case ok && i >= least && i <= most:
			out.Kind, out.Int = schema.VInt, i
		case d.IsInt():
			fr.fail(CodeOutOfRange, cut(d.String(), 60)+" is out of range for "+t.String())
		default:
			fr.fail(CodeNotInteger, cut(d.String(), 60)+" is not a whole number; round(…) makes it one")
		}
	}
}

func floatSink(f floatFunc, t schema.Type) sink {
	return func(fr *frame, out *schema.Value) {
		out.Kind = schema.VNull
		x, ok := f(fr)
		if !ok || fr.failed {
			return
		}
		if t.Kind == schema.Real && math.Abs(x) > math.MaxFloat32 && !math.IsInf(x, 0) {
			fr.fail(CodeOutOfRange, strconv.FormatFloat(x, 'g', -1, 64)+" is out of range for real")
			return
		}
		out.Kind, out.Float = schema.VFloat, x
	}
}
