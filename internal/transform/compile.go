package transform

import (
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// pool collects what the expressions of one Program share.
type pool struct {
	columns []Source
	// nulls and formats are what the mapping says of a source column, by its index.
	nulls    []nullRule
	readings []reading
	sources  []sourceColumn
	parsers  []reading
	// slots is how many values expressions hold while they look at them twice.
	slots int
	loc   *time.Location
	now   time.Time
}

// parser is the index that the parser of a reading has in every frame.
func (p *pool) parser(r reading) (int, error) {
	for i, q := range p.parsers {
		if q == r {
			return i, nil
		}
	}
	return p.ownParser(r)
}

// ownParser is parser for a column whose values point into the parser's memory, which no other may use.
func (p *pool) ownParser(r reading) (int, error) {
	if _, err := r.parser(p.loc); err != nil {
		return 0, err
	}
	p.parsers = append(p.parsers, r)
	return len(p.parsers) - 1, nil
}

// find is the index of the source column of a name, exact before alike; what
// says why there is none.
func (p *pool) find(name string) (index int, what, fix string) {
	at := -1
	for i, c := range p.columns {
		if c.Name == name {
			return i, "", ""
		}
		if schema.MatchName(c.Name, name) {
			if at >= 0 {
				return -1, "column " + quoteName(name) + " could be " + quoteName(p.columns[at].Name) + " or " + quoteName(c.Name),
					"Write the name as the file has it"
			}
			at = i
		}
	}
	if at >= 0 {
		return at, "", ""
	}
	names := make([]string, len(p.columns))
	for i, c := range p.columns {
		names[i] = c.Name
	}
	return -1, "the file has no column " + quoteName(name), didYouMean(name, names, "columns")
}

func quoteName(s string) string { return `"` + cut(s, 80) + `"` }

// compiler checks and compiles one expression. The first error sticks; what
// is compiled after it is never run.
type compiler struct {
	*pool
	source string
	// value is the mapped source, nil where the column has none.
	value *expr
	err   *etl.Error
	// where turns an error of a transformation into one that names it; nil in expressions.
	where func(fix, message string) *etl.Error
	regex int
}

// compileExpression parses, checks and compiles source.
func (p *pool) compileExpression(source string, value *expr) (expr, *etl.Error) {
	n, err := parse(source)
	if err != nil {
		return expr{}, err
	}
	c := &compiler{pool: p, source: source, value: value}
	e := c.compile(n)
	return e, c.err
}

func (c *compiler) fail(n *node, fix, message string) expr {
	if c.err == nil {
		if c.where != nil {
			c.err = c.where(fix, message)
		} else {
			c.err = expressionError(c.source, n.pos, n.end, fix, message)
		}
	}
	return null(n)
}

// describe is a subexpression for a message: its kind, and its name where it has one.
func (c *compiler) describe(e expr) string {
	switch {
	case e.n != nil && e.n.kind == nodeColumn:
		return quoteName(e.n.text) + " is " + e.kind.String()
	case e.literal && e.kind == kindText:
		return "'" + cut(e.lit, 40) + "' is a text"
	case e.literal:
		return cut(e.lit, 40) + " is " + e.kind.String()
	case e.n != nil && e.n.kind == nodeCall:
		return e.n.text + "(…) is " + e.kind.String()
	}
	return "this is " + e.kind.String()
}

func null(n *node) expr {
	return expr{
		kind: kindNull, n: n,
		text:  func(*frame) ([]byte, bool) { return nil, false },
		num:   func(*frame) (schema.Decimal, bool) { return schema.Decimal{}, false },
		float: func(*frame) (float64, bool) { return 0, false },
		cond:  func(*frame) tri { return unknown },
		tick:  func(*frame) (int64, bool) { return 0, false },
	}
}

func textExpr(n *node, f textFunc) expr { return expr{kind: kindText, n: n, text: f} }
func numExpr(n *node, f numFunc) expr   { return expr{kind: kindNumber, n: n, num: f} }
func boolExpr(n *node, f boolFunc) expr { return expr{kind: kindBool, n: n, cond: f} }
func tickExpr(n *node, k kind, f tickFunc) expr {
	return expr{kind: k, n: n, tick: f}
}

func textLiteral(n *node, s string) expr {
	b := []byte(s)
	e := textExpr(n, func(*frame) ([]byte, bool) { return b, true })
	e.literal, e.lit = true, s
	return e
}

func numberLiteral(n *node, d schema.Decimal, s string) expr {
	e := numExpr(n, func(*frame) (schema.Decimal, bool) { return d, true })
	e.literal, e.lit, e.number = true, s, d
	return e
}

func (c *compiler) compile(n *node) expr {
	if c.err != nil {
		return null(n)
	}
	switch n.kind {
	case nodeNull:
		return null(n)
	case nodeBool:
		t := truth(n.flag)
		e := boolExpr(n, func(*frame) tri { return t })
		e.literal, e.lit = true, n.text
		return e
	case nodeNumber:
		return numberLiteral(n, n.number, n.text)
	case nodeText:
		return textLiteral(n, n.text)
	case nodeColumn:
		return c.column(n)
	case nodeCall:
		return c.call(n)
	case nodeUnary:
		return c.unary(n)
	case nodeBinary:
		return c.binary(n)
	case nodeConditional:
		cond := c.condition(c.compile(n.args[0]))
		return c.choose(n, cond, c.compile(n.args[1]), c.compile(n.args[2]))
	case nodeIn:
		return c.in(n)
	case nodeBetween:
		return c.between(n)
	default: // nodeIsNull
		return c.isNull(n, c.compile(n.args[0]), n.flag)
	}
}

func (c *compiler) column(n *node) expr {
	if !n.flag && strings.EqualFold(n.text, "value") {
		if c.value != nil {
			e := *c.value
			e.n = n
			return e
		}
		if i, _, _ := c.find(n.text); i < 0 {
			return c.fail(n, "Give the column a source, or use a column's name", "value is the converted source, and there is none here")
		}
	}
	i, what, fix := c.find(n.text)
	if i < 0 {
		for name := range functions {
			if strings.EqualFold(name, n.text) {
				fix = "A function needs parentheses: " + name + "(…)"
			}
		}
		return c.fail(n, fix, what)
	}
	return c.reference(n, i)
}

// reference reads the i-th source column.
func (c *compiler) reference(n *node, i int) expr {
	r := c.readings[i]
	k := kindOf(r.t)
	at := -1
	for j, s := range c.sources {
		if s.index == i {
			at = j
		}
	}
	if at < 0 {
		s := sourceColumn{index: i, name: c.columns[i].Name, nulls: c.nulls[i], parser: -1}
		if k != kindText {
			p, err := c.parser(r)
			if err != nil {
				return c.fail(n, "Give the column a type and a format that fits it", "column "+quoteName(c.columns[i].Name)+": "+err.Error())
			}
			s.parser = p
		}
		at = len(c.sources)
		c.sources = append(c.sources, s)
	}
	e := expr{kind: k, n: n, column: c.columns[i].Name, as: &r}
	raw := func(fr *frame) ([]byte, bool) { return fr.text(at) }
	if k == kindText {
		e.text = raw
		return e
	}
	e.raw = raw
	fromValue(&e, func(fr *frame) *schema.Value { return fr.typed(at) })
	return e
}

// fromValue sets the function of e's kind to read a Value; nil is NULL.
func fromValue(e *expr, v func(*frame) *schema.Value) {
	switch e.kind {
	case kindNumber:
		e.num = func(fr *frame) (schema.Decimal, bool) {
			v := v(fr)
			if v == nil {
				return schema.Decimal{}, false
			}
			if v.Kind == schema.VInt {
				return schema.NewDecimal(v.Int, 0), true
			}
			return v.Dec, true
		}
	case kindFloat:
		e.float = func(fr *frame) (float64, bool) {
			if v := v(fr); v != nil {
				return v.Float, true
			}
			return 0, false
		}
	case kindBool:
		e.cond = func(fr *frame) tri {
			if v := v(fr); v != nil {
				return truth(v.Int != 0)
			}
			return unknown
		}
	default:
		e.tick = func(fr *frame) (int64, bool) {
			if v := v(fr); v != nil {
				return v.Int, true
			}
			return 0, false
		}
	}
}

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

// choose is cond ? a : b.
func (c *compiler) choose(n *node, cond boolFunc, a, b expr) expr {
	k, list := c.unify([]expr{a, b})
	if c.err != nil {
		return null(n)
	}
	a, b = list[0], list[1]
	out := expr{kind: k, n: n}
	switch k {
	case kindNull:
		return null(n)
	case kindText:
		out.text = func(fr *frame) ([]byte, bool) {
			if cond(fr) == yes {
				return a.text(fr)
			}
			return b.text(fr)
		}
	case kindNumber:
		out.num = func(fr *frame) (schema.Decimal, bool) {
			if cond(fr) == yes {
				return a.num(fr)
			}
			return b.num(fr)
		}
	case kindFloat:
		out.float = func(fr *frame) (float64, bool) {
			if cond(fr) == yes {
				return a.float(fr)
			}
			return b.float(fr)
		}
	case kindBool:
		out.cond = func(fr *frame) tri {
			if cond(fr) == yes {
				return a.cond(fr)
			}
			return b.cond(fr)
		}
	default:
		out.tick = func(fr *frame) (int64, bool) {
			if cond(fr) == yes {
				return a.tick(fr)
			}
			return b.tick(fr)
		}
	}
	return out
}

// coalesce is the first of the expressions that is not NULL.
func (c *compiler) coalesce(n *node, list []expr) expr {
	k, list := c.unify(list)
	if c.err != nil || k == kindNull {
		return null(n)
	}
	out := list[len(list)-1]
	for i := len(list) - 2; i >= 0; i-- {
		out = orElse(n, k, list[i], out)
	}
	return out
}

func orElse(n *node, k kind, a, b expr) expr {
	out := expr{kind: k, n: n}
	switch k {
	case kindText:
		out.text = func(fr *frame) ([]byte, bool) {
			if v, ok := a.text(fr); ok || fr.failed {
				return v, ok
			}
			return b.text(fr)
		}
	case kindNumber:
		out.num = func(fr *frame) (schema.Decimal, bool) {
			if v, ok := a.num(fr); ok || fr.failed {
				return v, ok
			}
			return b.num(fr)
		}
	case kindFloat:
		out.float = func(fr *frame) (float64, bool) {
			if v, ok := a.float(fr); ok || fr.failed {
				return v, ok
			}
			return b.float(fr)
		}
	case kindBool:
		out.cond = func(fr *frame) tri {
			if v := a.cond(fr); v != unknown || fr.failed {
				return v
			}
			return b.cond(fr)
		}
	default:
		out.tick = func(fr *frame) (int64, bool) {
			if v, ok := a.tick(fr); ok || fr.failed {
				return v, ok
			}
			return b.tick(fr)
		}
	}
	return out
}

// present says whether e is not NULL, in a form that costs least.
func (c *compiler) present(e expr) func(*frame) bool {
	switch {
	case e.raw != nil:
		raw := e.raw
		return func(fr *frame) bool { _, ok := raw(fr); return ok }
	case e.text != nil:
		return func(fr *frame) bool { _, ok := e.text(fr); return ok }
	case e.num != nil:
		return func(fr *frame) bool { _, ok := e.num(fr); return ok }
	case e.float != nil:
		return func(fr *frame) bool { _, ok := e.float(fr); return ok }
	case e.cond != nil:
		return func(fr *frame) bool { return e.cond(fr) != unknown }
	}
	return func(fr *frame) bool { _, ok := e.tick(fr); return ok }
}

// hold makes an expression that is needed twice run once: take evaluates it,
// the other expression then reads what it gave.
func (c *compiler) hold(e expr) (take func(*frame) bool, held expr) {
	if e.kind == kindNull {
		return func(*frame) bool { return false }, e
	}
	slot := c.slots
	c.slots++
	held = e
	held.raw = nil
	held.text, held.num, held.float, held.cond, held.tick = nil, nil, nil, nil, nil
	read := func(fr *frame) *schema.Value {
		if v := &fr.slots[slot]; v.Kind != schema.VNull {
			return v
		}
		return nil
	}
	if e.kind == kindText {
		held.text = func(fr *frame) ([]byte, bool) {
			v := &fr.slots[slot]
			return v.Bytes, v.Kind != schema.VNull
		}
	} else {
		fromValue(&held, read)
	}
	return func(fr *frame) bool { return load(fr, e, &fr.slots[slot]) }, held
}

func (c *compiler) isNull(n *node, e expr, negated bool) expr {
	if e.kind == kindNull {
		return boolExpr(n, func(*frame) tri { return truth(!negated) })
	}
	has := c.present(e)
	return boolExpr(n, func(fr *frame) tri { return truth(has(fr) == negated) })
}
