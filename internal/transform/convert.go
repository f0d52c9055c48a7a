package transform

import (
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// asText is e as text: the file's own for a source column, else the plain form of its value.
func (c *compiler) asText(e expr) textFunc {
	if e.text != nil {
		return e.text
	}
	if e.raw != nil {
		return e.raw
	}
	return canonicalText(e)
}

// canonicalText is the value of e as PostgreSQL prints it.
func canonicalText(e expr) textFunc {
	t := columnType(e.kind)
	return func(fr *frame) ([]byte, bool) {
		var v schema.Value
		if !load(fr, e, &v) {
			return nil, false
		}
		start := len(fr.buf)
		fr.buf = v.AppendText(fr.buf, t)
		return fr.since(start)
	}
}

// load evaluates e into v; false is NULL.
func load(fr *frame, e expr, v *schema.Value) bool {
	ok := false
	switch e.kind {
	case kindNull:
	case kindText:
		v.Kind = schema.VText
		v.Bytes, ok = e.text(fr)
	case kindNumber:
		v.Kind = schema.VDecimal
		v.Dec, ok = e.num(fr)
	case kindFloat:
		v.Kind = schema.VFloat
		v.Float, ok = e.float(fr)
	case kindBool:
		t := e.cond(fr)
		v.Kind, v.Int, ok = schema.VBool, int64(t), t != unknown
	default:
		v.Kind = [...]schema.ValueKind{
			kindDate: schema.VDate, kindTime: schema.VTime, kindTimestamp: schema.VTimestamp, kindTimestampTZ: schema.VTimestampTZ,
		}[e.kind]
		v.Int, ok = e.tick(fr)
	}
	if !ok || fr.failed {
		v.Kind = schema.VNull
		return false
	}
	return true
}

// condition is e as a condition.
func (c *compiler) condition(e expr) boolFunc {
	if e.cond != nil {
		return e.cond
	}
	fix := "Compare it with something, such as x > 0 or name == 'a'"
	if e.kind == kindText && !e.literal {
		fix = "Compare it with a text, such as x == 'yes'"
	}
	return c.fail(e.n, fix, "a condition should stand here, but "+c.describe(e)).cond
}

// number is e as an exact number; a text is read row by row.
func (c *compiler) number(e expr) numFunc {
	switch {
	case e.num != nil:
		return e.num
	case e.kind == kindFloat:
		return func(fr *frame) (schema.Decimal, bool) {
			f, ok := e.float(fr)
			if !ok {
				return schema.Decimal{}, false
			}
			return schema.DecimalFromFloat(f), true
		}
	case e.kind == kindText && e.literal:
		d, err := schema.ParseDecimal(trimBlanks([]byte(e.lit)))
		if err != nil {
			return c.fail(e.n, "Write a number without quotes", "a number should stand here, but '"+cut(e.lit, 40)+"' is a text").num
		}
		return numberLiteral(e.n, d, e.lit).num
	case e.kind == kindText:
		return c.readNumber(e)
	}
	return c.fail(e.n, c.numberFix(e), "a number should stand here, but "+c.describe(e)).num
}

func (c *compiler) numberFix(e expr) string {
	switch e.kind {
	case kindBool:
		return "Write condition ? 1 : 0"
	case kindDate, kindTimestamp, kindTimestampTZ:
		return "Take a part of it, such as year(x), or count with date_diff('day', a, b)"
	}
	return "Use a number"
}

// readNumber reads a text as a number, in the format of its field where one is known.
func (c *compiler) readNumber(e expr) numFunc {
	if e.as != nil && e.as.format != "" && kindOf(e.as.t) == kindNumber {
		return c.readWith(e.n, e, *e.as, kindNumber).num
	}
	text, column := e.text, e.column
	return func(fr *frame) (schema.Decimal, bool) {
		b, ok := text(fr)
		if !ok || !fr.look(len(b)) {
			return schema.Decimal{}, false
		}
		d, err := schema.ParseDecimal(trimBlanks(b))
		if err != nil {
			fr.failValue(CodeNotNumeric, "'"+cut(string(b[:min(len(b), 400)]), 60)+"' is not a number", column, b)
			return schema.Decimal{}, false
		}
		return d, true
	}
}

// readWith parses a text row by row as a value of r's type; at is where the format stands.
func (c *compiler) readWith(at *node, e expr, r reading, k kind) expr {
	p, err := c.parser(r)
	if err != nil {
		return c.fail(at, "Look up the formats in docs/formats.md", err.Error())
	}
	text, column := c.asText(e), e.column
	out := expr{kind: k, n: e.n}
	fromValue(&out, func(fr *frame) *schema.Value {
		b, ok := text(fr)
		if !ok || !fr.look(len(b)) {
			return nil
		}
		v := &fr.scratch
		if err := fr.parsers[p].Parse(b, v); err != nil {
			fr.failValue(etl.Code(err.Code), err.Reason, column, b)
			return nil
		}
		return v
	})
	return out
}

// floating is e as a floating-point number.
func (c *compiler) floating(e expr) floatFunc {
	if e.float != nil {
		return e.float
	}
	num := c.number(e)
	return func(fr *frame) (float64, bool) {
		d, ok := num(fr)
		return d.Float64(), ok
	}
}

// moment is e as a date, timestamp or timestamp with time zone; a literal is read at once.
func (c *compiler) moment(e expr, k kind) tickFunc {
	switch {
	case e.kind == kindNull:
		return e.tick
	case e.kind == k:
		return e.tick
	case e.kind == kindText && e.literal:
		if x, ok := c.constant(e, k, nil); ok {
			return x.tick
		}
		return c.fail(e.n, "Write "+momentExample(k), "'"+cut(e.lit, 40)+"' is not "+k.String()).tick
	case e.kind == kindText && e.as != nil && kindOf(e.as.t) == k:
		return c.readWith(e.n, e, *e.as, k).tick
	case e.kind == kindText:
		return c.readWith(e.n, e, reading{t: columnType(k)}, k).tick
	case e.kind.isMoment() && k.isMoment():
		return convertMoment(e.tick, e.kind, k, c.loc)
	}
	return c.fail(e.n, "Use a column of that type, or "+momentExample(k), k.String()+" should stand here, but "+c.describe(e)).tick
}

func momentExample(k kind) string {
	switch k {
	case kindDate:
		return "a date such as '2024-01-31', or date(x, 'DD.MM.YYYY')"
	case kindTime:
		return "a time such as '13:45:00'"
	}
	return "a timestamp such as '2024-01-31 13:45:00'"
}

// constant reads a text literal as a value of kind k: in plain form, else as the column it meets is written.
func (c *compiler) constant(e expr, k kind, as *reading) (expr, bool) {
	readings := []reading{{t: columnType(k)}}
	if as != nil && kindOf(as.t) == k {
		readings = append(readings, *as)
	}
	for _, r := range readings {
		p, err := r.parser(c.loc)
		if err != nil {
			continue
		}
		v := new(schema.Value)
		if p.Parse([]byte(e.lit), v) == nil && v.Kind != schema.VNull {
			out := expr{kind: k, n: e.n, literal: true, lit: e.lit}
			if v.Kind == schema.VDecimal {
				out.number = v.Dec
			}
			fromValue(&out, func(*frame) *schema.Value { return v })
			return out, true
		}
	}
	return expr{}, false
}

// unify finds the kind that all of the expressions can have and turns them into it.
func (c *compiler) unify(list []expr) (kind, []expr) {
	k := kindNull
	for _, e := range list {
		if e.kind == kindNull || e.kind == kindText && e.literal {
			continue
		}
		switch {
		case k == kindNull || k == e.kind:
			k = e.kind
		case k.isMoment() && e.kind.isMoment():
			k = max(k, e.kind)
		case k == kindNumber && e.kind == kindFloat, k == kindFloat && e.kind == kindNumber:
			k = kindFloat
		default:
			c.fail(e.n, "Turn one into the other: text(x), number(x) or date(x)",
				"the values should be of one kind, but here stand "+k.String()+" and "+e.kind.String())
			return kindNull, list
		}
	}
	if k == kindNull {
		for _, e := range list {
			if e.kind == kindText {
				k = kindText
			}
		}
	}
	out := make([]expr, len(list))
	for i, e := range list {
		out[i] = c.to(e, k)
	}
	return k, out
}

// to turns e into kind k, which unify has found possible or which is a literal's only chance.
func (c *compiler) to(e expr, k kind) expr {
	if e.kind == k || k == kindNull {
		return e
	}
	out := expr{kind: k, n: e.n}
	switch {
	case e.kind == kindNull:
		out = e
		out.kind = k
	case k == kindText:
		out.text = c.asText(e)
	case e.kind == kindText && e.literal:
		x, ok := c.constant(e, k, nil)
		if !ok {
			return c.fail(e.n, "Make all values of one kind", "'"+cut(e.lit, 40)+"' is not "+k.String()+", as the other values are")
		}
		out = x
	case k == kindFloat:
		out.float = c.floating(e)
	case k == kindNumber:
		out.num = c.number(e)
	default:
		out.tick = c.moment(e, k)
	}
	return out
}
