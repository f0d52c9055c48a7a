package sniff

import (
	"fmt"
	"math"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// maxPrecision is what both PostgreSQL and Redshift hold in numeric(p,s).
const maxPrecision = 38

// patterns are the styles as schema.ParseFormat writes them, plainest first.
var patterns = []struct {
	style   style
	pattern string
}{
	{stylePoint, "1234.56"},
	{styleComma, "1234,56"},
	{styleUS, "1,234.56"},
	{styleEuro, "1.234,56"},
	{styleSpaceComma, "1 234,56"},
	{styleSpacePoint, "1 234.56"},
	{styleSwiss, "1'234.56"},
}

func patternOf(s style) (style, string) {
	for _, p := range patterns {
		if s&p.style != 0 {
			return p.style, p.pattern
		}
	}
	return 0, ""
}

func (in *Inference) decideNumber(c *Column, values int64, o Options) {
	if in.n[classNumber] == 0 {
		in.decideInteger(c, values)
		if in.nans() > 0 {
			// Integers have no NaN.
			digits := max(intDigits(in.ints.lo), intDigits(in.ints.hi))
			c.Type = schema.Type{Kind: schema.Numeric, Precision: digits}
			if in.nans() == in.n[classNull] {
				c.CounterExample = in.first[classNull]
			}
		}
		return
	}
	n := &in.nums
	sign, ok := in.currencyOf(c)
	if !ok {
		return
	}
	styles := n.styles
	switch o.Decimal {
	case ",", "comma":
		styles &= commaStyles
	case ".", "point":
		styles &= pointStyles
	}
	if styles == 0 {
		in.mixedNumbers(c, o)
		return
	}
	chosen, pattern := patternOf(styles)
	r := &n.point
	if chosen&commaStyles != 0 {
		r = &n.comma
	}
	ambiguous := styles&pointStyles != 0 && styles&commaStyles != 0 &&
		(n.point.maxFrac != n.comma.maxFrac) && (styles&stylePoint == 0 || sign != "")
	whole, frac := r.maxInt, r.maxFrac
	if ambiguous {
		// Wide enough for either reading.
		whole, frac = max(n.point.maxInt, n.comma.maxInt), max(n.point.maxFrac, n.comma.maxFrac)
	}
	whole = max(whole, int16(intDigits(in.ints.lo)), int16(intDigits(in.ints.hi)), 1)
	written := fmt.Sprintf("%s with up to %s before and %d after the decimal sign", are(values, "a number", "numbers"), plural(int(whole), "digit", "digits"), frac)
	if n.percent {
		frac += 2
		whole = max(whole-2, 1)
	}
	in.setNumeric(c, whole, frac, sign == "" && !n.percent)
	c.Evidence = append(c.Evidence, written)
	if n.exponent.Line != 0 {
		c.Evidence = append(c.Evidence, "some have an exponent, first "+at(n.exponent))
	}
	if c.Type.Kind == schema.Numeric && in.n[classInt] > 0 {
		c.CounterExample = in.first[classNumber]
		c.Evidence = append(c.Evidence, "not all are integers: first "+at(in.first[classNumber]))
	}
	dress := func(p string) string { return dressed(p, sign, n.suffix, n.percent) }
	if ambiguous {
		_, a := patternOf(styles & pointStyles)
		_, b := patternOf(styles & commaStyles)
		c.Ambiguous = []string{dress(a), dress(b)}
		c.Confidence = min(c.Confidence, 0.5)
		c.Evidence = append(c.Evidence, fmt.Sprintf("every value reads both as %s and as %s, first %s", a, b, at(in.first[classNumber])))
		return
	}
	if chosen != stylePoint || sign != "" || n.percent {
		c.Format = dress(pattern)
	}
	if chosen == stylePoint && styles&styleEuro != 0 && n.point.maxFrac > 0 {
		c.Confidence = min(c.Confidence, 0.8)
		c.Evidence = append(c.Evidence, "where there is a point, exactly three digits follow it; if the point separates thousands, say --decimal ,")
	}
}

// setNumeric chooses numeric(p,s), or an integer type where grouped numbers
// have no decimals.
func (in *Inference) setNumeric(c *Column, whole, frac int16, plain bool) {
	switch {
	case frac == 0 && plain && in.nans() == 0 && whole <= 9 && in.nums.exponent.Line == 0:
		c.Type = schema.Type{Kind: schema.Integer}
	case frac == 0 && plain && in.nans() == 0 && whole <= maxIntDigits && in.nums.exponent.Line == 0:
		c.Type = schema.Type{Kind: schema.BigInt}
	case int(whole)+int(frac) <= maxPrecision:
		c.Type = schema.Type{Kind: schema.Numeric, Precision: int(whole) + int(frac), Scale: int(frac)}
	default:
		c.Type = schema.Type{Kind: schema.Numeric}
	}
}

// currencyOf is the one currency sign of the column. Numbers with different
// signs, or some with and some without, would lose it.
func (in *Inference) currencyOf(c *Column) (string, bool) {
	n := &in.nums
	var signs []string
	for i, seen := range n.currency {
		if seen {
			signs = append(signs, currencies[i-1])
		}
	}
	bare := n.bare
	bare.merge(in.first[classInt])
	switch {
	case len(signs) > 1:
		c.CounterExample = in.first[classNumber]
		c.Evidence = append(c.Evidence, "several currencies: "+strings.Join(signs, ", "))
		return "", false
	case (len(signs) == 1 || n.percent) && bare.Line != 0, len(signs) == 1 && n.percent:
		c.CounterExample = bare
		what := "%"
		if len(signs) == 1 {
			what = signs[0]
		}
		c.Evidence = append(c.Evidence, fmt.Sprintf("only some values carry %s; the first without is %s", what, at(bare)))
		return "", false
	case len(signs) == 1:
		c.Evidence = append(c.Evidence, "every value carries "+signs[0])
		return signs[0], true
	case n.percent:
		c.Evidence = append(c.Evidence, "every value is a percentage: 12.5 % becomes 0.125")
	}
	return "", true
}

// mixedNumbers says which two values are written in ways that exclude each other.
func (in *Inference) mixedNumbers(c *Column, o Options) {
	n := &in.nums
	if n.styles != 0 {
		c.CounterExample = in.first[classNumber]
		why := fmt.Sprintf("the decimal sign %q given by flag does not fit, first %s", o.Decimal, at(in.first[classNumber]))
		c.Evidence = append(c.Evidence, why)
		c.Notes = append(c.Notes, why+": the column stays text")
		return
	}
	var late Example
	for _, e := range n.against {
		if e.Line > late.Line {
			late = e
		}
	}
	c.CounterExample = late
	c.Evidence = append(c.Evidence, fmt.Sprintf("numbers are written in several ways: %s, but %s", at(in.first[classNumber]), at(late)))
}

func (in *Inference) decideInteger(c *Column, values int64) {
	c.Type = schema.Type{Kind: schema.Integer}
	what := are(values, "an integer", "integers")
	if in.ints.lo == in.ints.hi {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%s: %d", what, in.ints.lo))
	} else {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%s from %d to %d", what, in.ints.lo, in.ints.hi))
	}
	if in.ints.lo < math.MinInt32 || in.ints.hi > math.MaxInt32 {
		c.Type.Kind = schema.BigInt
		c.CounterExample = in.ints.wide
		c.Evidence = append(c.Evidence, "too large for integer: first "+at(in.ints.wide))
	}
	lo, hi := in.ints.lo, in.ints.hi
	switch {
	case lo == 0 && hi == 1:
		c.Evidence = append(c.Evidence, "only 0 and 1: may be boolean")
	case in.ints.days:
		c.Evidence = append(c.Evidence, "may be dates written as YYYYMMDD")
	case lo >= 946684800 && hi <= 4102444800:
		c.Evidence = append(c.Evidence, "may be times in seconds since 1970 (epoch)")
	case lo >= 946684800000 && hi <= 4102444800000:
		c.Evidence = append(c.Evidence, "may be times in milliseconds since 1970 (epoch_ms)")
	}
}

func intDigits(v int64) int {
	n := 1
	for v /= 10; v != 0; v /= 10 {
		n++
	}
	return n
}

// dressed adds currency and percent to a number pattern.
func dressed(pattern, sign string, suffix, percent bool) string {
	switch {
	case sign != "" && suffix:
		return pattern + " " + sign
	case sign != "":
		return sign + pattern
	case percent:
		return pattern + " %"
	}
	return pattern
}
