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
