package transform

import (
	"bytes"
	"math"
)

var orders = map[string]func(int) bool{
	"==": func(o int) bool { return o == 0 }, "!=": func(o int) bool { return o != 0 },
	"<": func(o int) bool { return o < 0 }, "<=": func(o int) bool { return o <= 0 },
	">": func(o int) bool { return o > 0 }, ">=": func(o int) bool { return o >= 0 },
}

// compare is a comparison by the order of PostgreSQL; texts compare byte by byte, as under the C collation.
func (c *compiler) compare(n *node, op string, a, b expr) expr {
	if c.err != nil {
		return null(n)
	}
	for _, e := range []expr{a, b} {
		if e.n != nil && e.n.kind == nodeNull {
			return c.fail(n, "Write x is null or x is not null", "a comparison with null is never true")
		}
	}
	a, b = c.comparable(op, a, b)
	if c.err != nil {
		return null(n)
	}
	if a.kind == kindText && (op == "==" || op == "!=") {
		return negateIf(op == "!=", boolExpr(n, equalTexts(a.text, b.text)))
	}
	holds := orders[op]
	order := c.order(a, b)
	return boolExpr(n, func(fr *frame) tri {
		o, ok := order(fr)
		if !ok {
			return unknown
		}
		return truth(holds(o))
	})
}

// comparable turns both sides of a comparison into one kind.
func (c *compiler) comparable(op string, a, b expr) (expr, expr) {
	if a.kind == kindText && b.kind != kindText && a.literal {
		b, a = c.comparable(op, b, a)
		return a, b
	}
	if b.kind == kindText && b.literal && a.kind != kindText && a.kind != kindNull {
		if x, ok := c.constant(b, a.kind, a.as); ok {
			return a, x
		}
		if a.raw != nil && (op == "==" || op == "!=") {
			return textExpr(a.n, a.raw), b
		}
		c.fail(b.n, "Write "+map[bool]string{true: "a number without quotes", false: momentExample(a.kind)}[a.kind == kindNumber],
			"'"+cut(b.lit, 40)+"' cannot be compared: "+c.describe(a))
		return a, b
	}
	isNumber := func(e expr) bool { return e.kind == kindNumber || e.kind == kindFloat }
	switch {
	case a.kind == kindText && isNumber(b):
		a = numExpr(a.n, c.number(a))
	case b.kind == kindText && isNumber(a):
		b = numExpr(b.n, c.number(b))
	}
	_, list := c.unify([]expr{a, b})
	return list[0], list[1]
}

// order is -1, 0 or 1; false where a side is NULL.
func (c *compiler) order(a, b expr) func(*frame) (int, bool) {
	switch a.kind {
	case kindNumber:
		f, g := a.num, b.num
		return func(fr *frame) (int, bool) {
			x, ok := f(fr)
			if !ok {
				return 0, false
			}
			y, ok := g(fr)
			return x.Cmp(y), ok
		}
	case kindText:
		f, g := a.text, b.text
		return func(fr *frame) (int, bool) {
			x, ok := f(fr)
			if !ok {
				return 0, false
			}
			y, ok := g(fr)
			if !ok || !fr.look(min(len(x), len(y))) {
				return 0, false
			}
			return bytes.Compare(x, y), true
		}
	case kindFloat:
		f, g := a.float, b.float
		return func(fr *frame) (int, bool) {
			x, ok := f(fr)
			if !ok {
				return 0, false
			}
			y, ok := g(fr)
			return compareFloats(x, y), ok
		}
	case kindBool:
		f, g := a.cond, b.cond
		return func(fr *frame) (int, bool) {
			x := f(fr)
			if x == unknown {
				return 0, false
			}
			y := g(fr)
			return int(x) - int(y), y != unknown
		}
	}
	f, g := a.tick, b.tick
	return func(fr *frame) (int, bool) {
		x, ok := f(fr)
		if !ok {
			return 0, false
		}
		y, ok := g(fr)
		if !ok {
			return 0, false
		}
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
}

// compareFloats orders as PostgreSQL does: NaN equals itself and is above all else.
func compareFloats(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	case math.IsNaN(x) && math.IsNaN(y):
		return 0
	case math.IsNaN(x):
		return 1
	}
	return -1
}

func equalTexts(a, b textFunc) boolFunc {
	return func(fr *frame) tri {
		x, ok := a(fr)
		if !ok {
			return unknown
		}
		y, ok := b(fr)
		if !ok || len(x) == len(y) && !fr.look(len(x)) {
			return unknown
		}
		return truth(bytes.Equal(x, y))
	}
}

func (c *compiler) between(n *node) expr {
	take, x := c.hold(c.compile(n.args[0]))
	low := c.compare(n, ">=", x, c.compile(n.args[1]))
	high := c.compare(n, "<=", x, c.compile(n.args[2]))
	if c.err != nil {
		return null(n)
	}
	both := and(n, low.cond, high.cond).cond
	return negateIf(n.flag, boolExpr(n, func(fr *frame) tri {
		if !take(fr) {
			return unknown
		}
		return both(fr)
	}))
}

// in is SQL's: unknown where nothing equals and something was NULL.
func (c *compiler) in(n *node) expr {
	x := c.compile(n.args[0])
	if x.kind == kindText {
		if e, ok := c.inTexts(n, x); ok {
			return e
		}
	}
	take, held := c.hold(x)
	if x.raw != nil {
		// A literal that the column's type cannot hold is compared with the text in the file.
		held.raw = x.raw
	}
	var tests []boolFunc
	for _, m := range n.args[1:] {
		e := c.compile(m)
		if e.kind == kindNull {
			tests = append(tests, e.cond)
			continue
		}
		tests = append(tests, c.compare(n, "==", held, e).cond)
	}
	if c.err != nil {
		return null(n)
	}
	return negateIf(n.flag, boolExpr(n, func(fr *frame) tri {
		if !take(fr) {
			return unknown
		}
		result := no
		for _, test := range tests {
			switch test(fr) {
			case yes:
				return yes
			case unknown:
				result = unknown
			}
			if fr.failed {
				return unknown
			}
		}
		return result
	}))
}

// inTexts is in for a list of literal texts: one look-up.
func (c *compiler) inTexts(n *node, x expr) (expr, bool) {
	set := make(map[string]struct{}, len(n.args)-1)
	missing := no
	for _, m := range n.args[1:] {
		switch m.kind {
		case nodeText:
			set[m.text] = struct{}{}
		case nodeNull:
			missing = unknown
		default:
			return expr{}, false
		}
	}
	f := x.text
	return negateIf(n.flag, boolExpr(n, func(fr *frame) tri {
		b, ok := f(fr)
		if !ok || !fr.look(len(b)) {
			return unknown
		}
		if _, ok := set[string(b)]; ok {
			return yes
		}
		return missing
	})), true
}
