package transform

import (
	"github.com/etlportal/etlportal/internal/schema"
)

func numberFunctions() []function {
	return []function{
		{name: "round", signature: "round(number[, places])", least: 1, most: 2, transformation: true, build: buildRound(schema.Decimal.Round)},
		{name: "trunc", signature: "trunc(number[, places])", least: 1, most: 2, build: buildRound(schema.Decimal.Trunc)},
		{name: "abs", signature: "abs(number)", least: 1, most: 1, transformation: true, build: oneNumber(never(schema.Decimal.Abs))},
		{name: "floor", signature: "floor(number)", least: 1, most: 1, build: oneNumber(never(schema.Decimal.Floor))},
		{name: "ceil", signature: "ceil(number)", least: 1, most: 1, build: oneNumber(never(schema.Decimal.Ceil))},
		{name: "sign", signature: "sign(number)", least: 1, most: 1, build: oneNumber(never(func(d schema.Decimal) schema.Decimal { return schema.NewDecimal(int64(d.Sign()), 0) }))},
		{name: "mod", signature: "mod(number, divisor)", least: 2, most: 2, build: buildMod},
		{name: "int", signature: "int(number)", least: 1, most: 1, build: oneNumber(func(d schema.Decimal) (schema.Decimal, error) { return d.Trunc(0) })},
		{name: "number", signature: "number(text[, format])", least: 1, most: 2, build: buildNumber},
	}
}

// never gives a function that cannot fail the form of one that can.
func never(f func(schema.Decimal) schema.Decimal) func(schema.Decimal) (schema.Decimal, error) {
	return func(d schema.Decimal) (schema.Decimal, error) { return f(d), nil }
}

func oneNumber(f func(schema.Decimal) (schema.Decimal, error)) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		x := c.number(args[0])
		return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
			d, ok := x(fr)
			if !ok {
				return d, false
			}
			d, err := f(d)
			if err != nil {
				fr.failErr(err)
			}
			return d, err == nil
		})
	}
}

func buildRound(f func(schema.Decimal, int) (schema.Decimal, error)) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		if len(args) == 1 {
			return oneNumber(func(d schema.Decimal) (schema.Decimal, error) { return f(d, 0) })(c, n, args)
		}
		if i, ok := constantWhole(args[1]); ok && (i > schema.MaxDigits || i < -schema.MaxDigits) {
			return c.fail(args[1].n, "Round to at most 1000 places", "there are not so many places")
		}
		x, places := c.number(args[0]), c.wholeNumber(args[1])
		return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
			d, ok := x(fr)
			if !ok {
				return d, false
			}
			p, ok := places(fr)
			if !ok {
				return d, false
			}
			d, err := f(d, int(max(-schema.MaxDigits-1, min(p, schema.MaxDigits+1))))
			if err != nil {
				fr.failErr(err)
				return d, false
			}
			return d, true
		})
	}
}

func buildMod(c *compiler, n *node, args []expr) expr {
	m := *n
	m.text = "%"
	return c.arithmetic(&m, args[0], args[1])
}

// buildNumber reads a text as a number, in a format where one is given.
func buildNumber(c *compiler, n *node, args []expr) expr {
	if len(args) == 1 {
		if args[0].kind == kindBool {
			return c.fail(n, "Write condition ? 1 : 0", "a condition is no number")
		}
		return numExpr(n, c.number(args[0]))
	}
	format := c.constantText(args[1], "format")
	return c.readWith(args[1].n, args[0], reading{schema.Type{Kind: schema.Numeric}, format}, kindNumber)
}

func conditionFunctions() []function {
	return []function{
		{
			name: "coalesce", signature: "coalesce(value, …)", least: 2, most: -1, transformation: true, keepsForm: true,
			build: func(c *compiler, n *node, args []expr) expr { return c.coalesce(n, args) },
		},
		{name: "nullif", signature: "nullif(value, other)", least: 2, most: 2, transformation: true, keepsForm: true, build: buildNullIf},
		{
			name: "if", signature: "if(condition, then, else)", least: 3, most: 3,
			build: func(c *compiler, n *node, args []expr) expr {
				return c.choose(n, c.condition(args[0]), args[1], args[2])
			},
		},
		{name: "greatest", signature: "greatest(value, …)", least: 1, most: -1, build: buildExtreme(1)},
		{name: "least", signature: "least(value, …)", least: 1, most: -1, build: buildExtreme(-1)},
		{name: "boolean", signature: "boolean(text[, format])", least: 1, most: 2, build: buildBoolean},
	}
}

// buildNullIf is NULL where both are equal, else the first.
func buildNullIf(c *compiler, n *node, args []expr) expr {
	if args[1].kind == kindNull || args[0].kind == kindNull {
		return args[0]
	}
	take, x := c.hold(args[0])
	var same boolFunc
	if args[0].raw != nil && args[1].literal && args[1].kind == kindText {
		x.raw = args[0].raw
	}
	same = c.compare(n, "==", x, args[1]).cond
	if c.err != nil {
		return null(n)
	}
	out := c.choose(n, func(fr *frame) tri { return truth(take(fr) && same(fr) != yes) }, x, null(n))
	out.as, out.column = args[0].as, args[0].column
	return out
}

// buildExtreme is the greatest or least that is not NULL; NULL where all are.
func buildExtreme(sign int) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		k, list := c.unify(args)
		if c.err != nil || k == kindNull {
			return null(n)
		}
		best := list[0]
		for _, e := range list[1:] {
			takeA, a := c.hold(best)
			takeB, b := c.hold(e)
			order := c.order(a, b)
			first := func(fr *frame) tri {
				hasA := takeA(fr)
				if fr.failed || !takeB(fr) {
					return yes
				}
				if !hasA {
					return no
				}
				o, _ := order(fr)
				return truth(o*sign >= 0)
			}
			best = c.choose(n, first, a, b)
		}
		return best
	}
}

func buildBoolean(c *compiler, n *node, args []expr) expr {
	r := reading{t: schema.Type{Kind: schema.Boolean}}
	if len(args) == 2 {
		r.format = c.constantText(args[1], "format")
	} else if args[0].cond != nil {
		return boolExpr(n, args[0].cond)
	}
	return c.readWith(n, args[0], r, kindBool)
}
