package transform

import (
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// function is a function of the language; some are transformations too, which
// take the field as the first argument.
type function struct {
	name string
	// signature is its first line in the reference: "replace(text, from, to)".
	signature string
	// least and most are how many arguments it takes; most -1 is any number.
	least, most int
	// transformation says that a mapping may name it.
	transformation bool
	// keepsForm says that it leaves a number or date written as it was, so
	// that the format of its field still reads it.
	keepsForm bool
	build     func(c *compiler, n *node, args []expr) expr
}

// functions are all functions by name and alias. It is filled by init, since
// compiling a call refers back to it.
var functions map[string]*function

func init() { //nolint:gochecknoinits // a variable would be initialised by what refers to it
	functions = make(map[string]*function)
	for _, group := range [][]function{textFunctions(), numberFunctions(), dateFunctions(), conditionFunctions()} {
		for i := range group {
			functions[group[i].name] = &group[i]
		}
	}
	for alias, name := range map[string]string{
		"substr": "substring", "len": "length", "char_length": "length", "ceiling": "ceil", "iif": "if",
		"ifnull": "coalesce", "nvl": "coalesce", "sha256": "hash", "initcap": "title", "to_date": "parse_date",
		"to_char": "format_date", "date_part": "extract", "strpos": "position", "regexp_replace": "regex_replace",
		"startswith": "starts_with", "endswith": "ends_with", "datediff": "date_diff", "dateadd": "date_add",
	} {
		functions[alias] = functions[name]
	}
}

// functionNames are the names and aliases in order; with transformations only, in upper case.
func functionNames(transformations bool) []string {
	var names []string
	for name, f := range functions {
		switch {
		case !transformations:
			names = append(names, name)
		case f.transformation && f.name == name:
			names = append(names, strings.ToUpper(name))
		}
	}
	slices.Sort(names)
	return names
}

func (c *compiler) call(n *node) expr {
	f := functions[n.text]
	if f == nil {
		return c.fail(n, didYouMean(n.text, functionNames(false), "functions"), "there is no function "+cut(n.text, 40))
	}
	if len(n.args) < f.least || f.most >= 0 && len(n.args) > f.most {
		return c.fail(n, "Write "+f.signature, n.text+" takes "+arguments(f.least, f.most)+", not "+itoa(len(n.args)))
	}
	args := make([]expr, len(n.args))
	for i, a := range n.args {
		args[i] = c.compile(a)
	}
	if c.err != nil {
		return null(n)
	}
	return c.apply(f, n, args)
}

func (c *compiler) apply(f *function, n *node, args []expr) expr {
	e := f.build(c, n, args)
	e.n = n
	return e
}

func arguments(least, most int) string {
	switch {
	case most < 0:
		return "at least " + plural(least)
	case least == most:
		return plural(least)
	}
	return itoa(least) + " to " + plural(most)
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return itoa(n) + " arguments"
}

// constantText is an argument that has to be a text written in the expression.
func (c *compiler) constantText(e expr, what string) string {
	if e.kind != kindText || !e.literal {
		c.fail(e.n, "Write it in quotes", "the "+what+" must be a text written in the expression")
		return ""
	}
	return e.lit
}

// constantWhole is a literal's value where e is a whole number written in the expression.
func constantWhole(e expr) (int64, bool) {
	if !e.literal || e.kind != kindNumber {
		return 0, false
	}
	return e.number.Int64()
}

// oneText builds a function of one text; those that return a part of it make nothing new.
func oneText(f func(fr *frame, b []byte) ([]byte, bool)) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		x := c.asText(args[0])
		return textExpr(n, func(fr *frame) ([]byte, bool) {
			b, ok := x(fr)
			if !ok {
				return nil, false
			}
			return f(fr, b)
		})
	}
}

// textAndWhole builds a function of a text and a whole number that cuts the text.
func textAndWhole(f func(b []byte, n int64) []byte) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		x, y := c.asText(args[0]), c.wholeNumber(args[1])
		return textExpr(n, func(fr *frame) ([]byte, bool) {
			b, ok := x(fr)
			if !ok {
				return nil, false
			}
			i, ok := y(fr)
			if !ok || !fr.look(len(b)) {
				return nil, false
			}
			return f(b, i), true
		})
	}
}

func buildTrim(atLeft, atRight bool) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		x := c.asText(args[0])
		if len(args) == 1 {
			return textExpr(n, func(fr *frame) ([]byte, bool) {
				b, ok := x(fr)
				return trim(b, "", atLeft, atRight), ok
			})
		}
		set := c.constantText(args[1], "characters to trim")
		if set == "" {
			return textExpr(n, x)
		}
		return textExpr(n, func(fr *frame) ([]byte, bool) {
			b, ok := x(fr)
			return trim(b, set, atLeft, atRight), ok
		})
	}
}

func buildPad(atLeft bool) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		x, y := c.asText(args[0]), c.wholeNumber(args[1])
		fill := func(*frame) ([]byte, bool) { return []byte(" "), true }
		if len(args) == 3 {
			fill = c.asText(args[2])
		}
		return textExpr(n, func(fr *frame) ([]byte, bool) {
			b, ok := x(fr)
			if !ok {
				return nil, false
			}
			i, ok := y(fr)
			if !ok {
				return nil, false
			}
			f, ok := fill(fr)
			if !ok || !fr.look(len(b)+len(f)) {
				return nil, false
			}
			return fr.pad(b, i, f, atLeft)
		})
	}
}

// buildConcat joins texts; NULL counts as empty, as in PostgreSQL.
func buildConcat(c *compiler, n *node, args []expr) expr {
	parts := make([]textFunc, len(args))
	for i, a := range args {
		parts[i] = c.asText(a)
	}
	return textExpr(n, func(fr *frame) ([]byte, bool) { return fr.joinAll(nil, parts) })
}

// buildConcatWS joins texts with a separator; a NULL is left out with its separator.
func buildConcatWS(c *compiler, n *node, args []expr) expr {
	parts := make([]textFunc, len(args)-1)
	for i, a := range args[1:] {
		parts[i] = c.asText(a)
	}
	separator := c.asText(args[0])
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		s, ok := separator(fr)
		if !ok {
			return nil, false
		}
		return fr.joinAll(s, parts)
	})
}

func (fr *frame) joinAll(separator []byte, parts []textFunc) ([]byte, bool) {
	first := len(fr.pieces)
	total := 0
	for _, f := range parts {
		if b, ok := f(fr); ok {
			if len(fr.pieces) > first {
				total += len(separator)
			}
			fr.pieces = append(fr.pieces, b)
			total += len(b)
		}
	}
	pieces := fr.pieces[first:]
	fr.pieces = fr.pieces[:first]
	if fr.failed {
		return nil, false
	}
	out, ok := fr.make(total)
	if !ok {
		return nil, false
	}
	at := out
	for i, b := range pieces {
		if i > 0 {
			at = at[copy(at, separator):]
		}
		at = at[copy(at, b):]
	}
	return out, true
}

func textFunctions() []function {
	return []function{
		{name: "trim", signature: "trim(text[, characters])", least: 1, most: 2, transformation: true, keepsForm: true, build: buildTrim(true, true)},
		{name: "ltrim", signature: "ltrim(text[, characters])", least: 1, most: 2, transformation: true, keepsForm: true, build: buildTrim(true, false)},
		{name: "rtrim", signature: "rtrim(text[, characters])", least: 1, most: 2, transformation: true, keepsForm: true, build: buildTrim(false, true)},
		{name: "upper", signature: "upper(text)", least: 1, most: 1, transformation: true, keepsForm: true, build: oneText((*frame).upper)},
		{name: "lower", signature: "lower(text)", least: 1, most: 1, transformation: true, keepsForm: true, build: oneText((*frame).lower)},
		{name: "title", signature: "title(text)", least: 1, most: 1, transformation: true, keepsForm: true, build: oneText(func(fr *frame, b []byte) ([]byte, bool) { return fr.mapped(b, titleRune) })},
		{name: "replace", signature: "replace(text, from, to)", least: 3, most: 3, transformation: true, build: buildReplace},
		{name: "substring", signature: "substring(text, start[, length])", least: 2, most: 3, transformation: true, build: buildSubstring},
		{name: "left", signature: "left(text, n)", least: 2, most: 2, transformation: true, build: textAndWhole(left)},
		{name: "right", signature: "right(text, n)", least: 2, most: 2, transformation: true, build: textAndWhole(right)},
		{name: "lpad", signature: "lpad(text, length[, fill])", least: 2, most: 3, transformation: true, build: buildPad(true)},
		{name: "rpad", signature: "rpad(text, length[, fill])", least: 2, most: 3, transformation: true, build: buildPad(false)},
		{name: "split_part", signature: "split_part(text, delimiter, n)", least: 3, most: 3, transformation: true, build: buildSplitPart},
		{name: "concat", signature: "concat(value, …)", least: 1, most: -1, transformation: true, build: buildConcat},
		{name: "concat_ws", signature: "concat_ws(separator, value, …)", least: 2, most: -1, build: buildConcatWS},
		{name: "repeat", signature: "repeat(text, n)", least: 2, most: 2, build: buildRepeat},
		{name: "length", signature: "length(text)", least: 1, most: 1, build: buildLength},
		{name: "position", signature: "position(text, part)", least: 2, most: 2, build: buildPosition},
		{name: "contains", signature: "contains(text, part)", least: 2, most: 2, build: buildTest("contains")},
		{name: "starts_with", signature: "starts_with(text, part)", least: 2, most: 2, build: buildTest("startsWith")},
		{name: "ends_with", signature: "ends_with(text, part)", least: 2, most: 2, build: buildTest("endsWith")},
		{name: "regex_replace", signature: "regex_replace(text, pattern, replacement)", least: 3, most: 3, transformation: true, build: buildRegexReplace},
		{name: "regex_extract", signature: "regex_extract(text, pattern[, group])", least: 2, most: 3, transformation: true, build: buildRegexExtract},
		{name: "regex_match", signature: "regex_match(text, pattern)", least: 2, most: 2, build: func(c *compiler, n *node, args []expr) expr { return c.match(n, "matches", args[0], args[1]) }},
		{name: "hash", signature: "hash(text[, key])", least: 1, most: 2, transformation: true, build: buildHash},
		{name: "text", signature: "text(value)", least: 1, most: 1, build: func(c *compiler, n *node, args []expr) expr { return textExpr(n, c.asText(args[0])) }},
	}
}

func buildReplace(c *compiler, n *node, args []expr) expr {
	x, from, to := c.asText(args[0]), c.asText(args[1]), c.asText(args[2])
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok {
			return nil, false
		}
		f, ok := from(fr)
		if !ok {
			return nil, false
		}
		t, ok := to(fr)
		if !ok {
			return nil, false
		}
		return fr.replace(b, f, t)
	})
}

func buildSubstring(c *compiler, n *node, args []expr) expr {
	x, start := c.asText(args[0]), c.wholeNumber(args[1])
	length := func(*frame) (int64, bool) { return 1 << 53, true }
	if len(args) == 3 {
		if i, ok := constantWhole(args[2]); ok && i < 0 {
			return c.fail(args[2].n, "Write "+functions["substring"].signature, "the length of substring is negative")
		}
		length = c.wholeNumber(args[2])
	}
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok {
			return nil, false
		}
		s, ok := start(fr)
		if !ok {
			return nil, false
		}
		l, ok := length(fr)
		if !ok || !fr.look(len(b)) {
			return nil, false
		}
		if l < 0 {
			fr.fail(CodeExpressionFailed, "the length of substring is negative")
			return nil, false
		}
		return substring(b, s, l), true
	})
}

func buildSplitPart(c *compiler, n *node, args []expr) expr {
	x, delimiter, part := c.asText(args[0]), c.asText(args[1]), c.wholeNumber(args[2])
	if i, ok := constantWhole(args[2]); ok && i == 0 {
		return c.fail(args[2].n, "Write 1 for the first part, -1 for the last", "split_part counts from 1")
	}
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok {
			return nil, false
		}
		d, ok := delimiter(fr)
		if !ok {
			return nil, false
		}
		i, ok := part(fr)
		if !ok || !fr.look(len(b)) {
			return nil, false
		}
		if i == 0 {
			fr.fail(CodeExpressionFailed, "split_part counts from 1, not 0")
			return nil, false
		}
		return splitPart(b, d, i), true
	})
}

func buildRepeat(c *compiler, n *node, args []expr) expr {
	x, times := c.asText(args[0]), c.wholeNumber(args[1])
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok {
			return nil, false
		}
		i, ok := times(fr)
		if !ok || i <= 0 || len(b) == 0 {
			return nil, ok
		}
		if i > 1<<40/int64(len(b)) {
			i = 1 << 40 / int64(len(b))
		}
		out, ok := fr.make(len(b) * int(i))
		for rest := out; len(rest) > 0; {
			rest = rest[copy(rest, b):]
		}
		return out, ok
	})
}

func buildLength(c *compiler, n *node, args []expr) expr {
	x := c.asText(args[0])
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		b, ok := x(fr)
		if !ok || !fr.look(len(b)) {
			return schema.Decimal{}, false
		}
		return schema.NewDecimal(int64(characters(b)), 0), true
	})
}

// buildPosition is the 1-based place of a part in characters, 0 where it is not.
func buildPosition(c *compiler, n *node, args []expr) expr {
	x, part := c.asText(args[0]), c.asText(args[1])
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		b, ok := x(fr)
		if !ok {
			return schema.Decimal{}, false
		}
		p, ok := part(fr)
		if !ok || !fr.look(len(b)+len(p)) {
			return schema.Decimal{}, false
		}
		return schema.NewDecimal(int64(position(b, p)), 0), true
	})
}

func buildTest(operator string) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		return testTexts(n, c.asText(args[0]), c.asText(args[1]), tests[operator])
	}
}
