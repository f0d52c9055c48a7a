package transform

import (
	"math"

	"github.com/etlportal/etlportal/internal/schema"
)

func (c *compiler) unary(n *node) expr {
	e := c.compile(n.args[0])
	if n.text == "not" {
		return negateIf(true, boolExpr(n, c.condition(e)))
	}
	if e.kind == kindFloat {
		f, sign := e.float, 1.0
		if n.text == "-" {
			sign = -1
		}
		return expr{kind: kindFloat, n: n, float: func(fr *frame) (float64, bool) {
			x, ok := f(fr)
			return sign * x, ok
		}}
	}
	if e.literal && e.kind == kindNumber {
		if n.text == "-" {
			return numberLiteral(n, e.number.Neg(), "-"+e.lit)
		}
		return e
	}
	f := c.number(e)
	if n.text == "+" {
		return numExpr(n, f)
	}
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		d, ok := f(fr)
		return d.Neg(), ok
	})
}

func negateIf(negate bool, e expr) expr {
	if !negate {
		return e
	}
	f := e.cond
	return boolExpr(e.n, func(fr *frame) tri {
		switch f(fr) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	})
}

// and is SQL's: false beats unknown. The right side runs only where it matters.
func and(n *node, a, b boolFunc) expr {
	return boolExpr(n, func(fr *frame) tri {
		x := a(fr)
		if x == no || fr.failed {
			return x
		}
		y := b(fr)
		if y == yes {
			return x
		}
		return y
	})
}

func or(n *node, a, b boolFunc) expr {
	return boolExpr(n, func(fr *frame) tri {
		x := a(fr)
		if x == yes || fr.failed {
			return x
		}
		y := b(fr)
		if y == no {
			return x
		}
		return y
	})
}

func (c *compiler) binary(n *node) expr {
	a, b := c.compile(n.args[0]), c.compile(n.args[1])
	if c.err != nil {
		return null(n)
	}
	switch n.text {
	case "??":
		return c.coalesce(n, []expr{a, b})
	case "and":
		return and(n, c.condition(a), c.condition(b))
	case "or":
		return or(n, c.condition(a), c.condition(b))
	case "||":
		isCondition := func(e expr) bool { return e.kind == kindBool }
		switch {
		case isCondition(a) && isCondition(b), isCondition(a) && b.kind == kindNull, a.kind == kindNull && isCondition(b):
			return or(n, a.cond, b.cond)
		case isCondition(a) != isCondition(b):
			return c.fail(n, "Put parentheses around what is joined, or write or between conditions",
				"|| stands between a condition and something else")
		}
		return c.join(n, a, b)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.compare(n, n.text, a, b)
	case "contains", "startsWith", "endsWith":
		return testTexts(n, c.asText(a), c.asText(b), tests[n.text])
	case "matches", "like", "ilike":
		return c.match(n, n.text, a, b)
	case "+":
		return c.add(n, a, b)
	case "-":
		return c.subtract(n, a, b)
	}
	return c.arithmetic(n, a, b)
}

func testTexts(n *node, a, b textFunc, test func(a, b []byte) bool) expr {
	return boolExpr(n, func(fr *frame) tri {
		x, ok := a(fr)
		if !ok {
			return unknown
		}
		y, ok := b(fr)
		if !ok || !fr.look(len(x)+len(y)) {
			return unknown
		}
		return truth(test(x, y))
	})
}

// join is SQL's ||: NULL where either text is.
func (c *compiler) join(n *node, a, b expr) expr {
	f, g := c.asText(a), c.asText(b)
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		x, ok := f(fr)
		if !ok {
			return nil, false
		}
		y, ok := g(fr)
		if !ok {
			return nil, false
		}
		z, ok := fr.make(len(x) + len(y))
		if ok {
			copy(z[copy(z, x):], y)
		}
		return z, ok
	})
}

// isWords says whether e is a literal text that is no number.
func isWords(e expr) bool {
	if e.kind != kindText || !e.literal {
		return false
	}
	_, err := schema.ParseDecimal(trimBlanks([]byte(e.lit)))
	return err != nil
}

func (c *compiler) add(n *node, a, b expr) expr {
	switch {
	case a.kind == kindText && b.kind == kindText, isWords(a), isWords(b),
		a.kind == kindText && b.kind == kindNull, a.kind == kindNull && b.kind == kindText:
		return c.join(n, a, b)
	case a.kind == kindText || b.kind == kindText:
		return c.fail(n, "Write number(x) + y to add, or concat(x, y) to join", "+ stands between a text and "+c.other(a, b).kind.String())
	case a.kind == kindDate:
		return c.shiftDate(n, a, b, 1)
	case b.kind == kindDate:
		return c.shiftDate(n, b, a, 1)
	}
	return c.arithmetic(n, a, b)
}

func (c *compiler) other(a, b expr) expr {
	if a.kind == kindText {
		return b
	}
	return a
}

func (c *compiler) subtract(n *node, a, b expr) expr {
	if hasClock(a) && b.kind.isMoment() || a.kind.isMoment() && hasClock(b) {
		return c.fail(n, "Write date_diff('hour', a, b), with the unit you want and the earlier one first; or date(a) - date(b) for days, without the times of day",
			"there is no - where a timestamp stands beside "+c.beside(a, b).String()+": in which unit?")
	}
	if a.kind == kindDate && b.kind != kindNumber && b.kind != kindNull && b.kind != kindFloat || b.kind == kindDate {
		f, g := c.moment(a, kindDate), c.moment(b, kindDate)
		return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
			x, ok := f(fr)
			if !ok {
				return schema.Decimal{}, false
			}
			y, ok := g(fr)
			if !ok {
				return schema.Decimal{}, false
			}
			if infinite(x) || infinite(y) {
				fr.fail(CodeExpressionFailed, "an infinite date cannot be subtracted")
				return schema.Decimal{}, false
			}
			return schema.NewDecimal(x-y, 0), true
		})
	}
	if a.kind == kindDate {
		return c.shiftDate(n, a, b, -1)
	}
	return c.arithmetic(n, a, b)
}

// hasClock says whether e is a date with a time of day.
func hasClock(e expr) bool { return e.kind.isMoment() && e.kind != kindDate }

// beside is the kind of what stands beside the timestamp.
func (c *compiler) beside(a, b expr) kind {
	if hasClock(a) {
		return b.kind
	}
	return a.kind
}

func infinite(ticks int64) bool { return ticks == math.MaxInt64 || ticks == math.MinInt64 }

// shiftDate is date ± days.
func (c *compiler) shiftDate(n *node, date, days expr, sign int64) expr {
	if days.kind.isMoment() {
		return c.fail(n, "Subtract dates to get days between them", "two dates cannot be added")
	}
	f, g := date.tick, c.wholeNumber(days)
	return tickExpr(n, kindDate, func(fr *frame) (int64, bool) {
		x, ok := f(fr)
		if !ok {
			return 0, false
		}
		d, ok := g(fr)
		if !ok || infinite(x) {
			return x, ok
		}
		return checkDate(fr, x, sign*d)
	})
}

// wholeNumber is e as an int64 of at most 15 digits, enough for every count and date.
func (c *compiler) wholeNumber(e expr) func(*frame) (int64, bool) {
	f := c.number(e)
	return func(fr *frame) (int64, bool) {
		d, ok := f(fr)
		if !ok {
			return 0, false
		}
		i, ok := d.Int64()
		if !ok || i > 1e15 || i < -1e15 {
			fr.fail(CodeExpressionFailed, "a whole number is needed, not "+cut(d.String(), 40))
			return 0, false
		}
		return i, true
	}
}

type decimalOp func(a, b schema.Decimal) (schema.Decimal, error)

func (c *compiler) arithmetic(n *node, a, b expr) expr {
	if hasClock(a) || hasClock(b) {
		return c.fail(n, "Write date_add('hour', 2, x) or date_diff('second', a, b)", "there is no "+n.text+" for timestamps")
	}
	if a.kind == kindFloat || b.kind == kindFloat {
		return c.floatArithmetic(n, a, b)
	}
	f, g := c.number(a), c.number(b)
	op := map[string]decimalOp{
		"+": schema.Decimal.Add, "-": schema.Decimal.Sub, "*": schema.Decimal.Mul,
		"/": quotient, "%": schema.Decimal.Mod,
	}[n.text]
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		x, ok := f(fr)
		if !ok {
			return x, false
		}
		y, ok := g(fr)
		if !ok {
			return y, false
		}
		z, err := op(x, y)
		if err != nil {
			fr.failErr(err)
			return z, false
		}
		return z, true
	})
}

// quotient is Quo without the zeros that its scale adds: 10.00 / 4 is 2.50, 1 / 8 is 0.125.
func quotient(a, b schema.Decimal) (schema.Decimal, error) {
	q, err := a.Quo(b)
	if err != nil || q.IsNaN() || q.IsInfinite() {
		return q, err
	}
	for shortest := max(a.Scale(), b.Scale()); q.Scale() > shortest; {
		t, err := q.Trunc(q.Scale() - 1)
		if err != nil {
			return q, err
		}
		if t.Cmp(q) != 0 {
			break
		}
		q = t
	}
	return q, nil
}

func (c *compiler) floatArithmetic(n *node, a, b expr) expr {
	f, g, op := c.floating(a), c.floating(b), n.text
	return expr{kind: kindFloat, n: n, float: func(fr *frame) (float64, bool) {
		x, ok := f(fr)
		if !ok {
			return 0, false
		}
		y, ok := g(fr)
		if !ok {
			return 0, false
		}
		if y == 0 && (op == "/" || op == "%") {
			fr.failErr(schema.ErrDivisionByZero)
			return 0, false
		}
		var z float64
		switch op {
		case "+":
			z = x + y
		case "-":
			z = x - y
		case "*":
			z = x * y
		case "/":
			z = x / y
		default:
			z = math.Mod(x, y)
		}
		if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
			fr.fail(CodeExpressionFailed, "the result is too large for double precision")
			return 0, false
		}
		return z, true
	}}
}
