package transform

import (
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// write prints a tree so that it reads back as the same tree, with as few parentheses as that needs.
func write(n *node) string {
	var b strings.Builder
	writeTo(&b, n, bindConditional)
	return b.String()
}

func powerOf(n *node) int {
	switch n.kind {
	case nodeConditional:
		return bindConditional
	case nodeBinary:
		return infix[strings.ToLower(n.text)].power
	case nodeIn, nodeBetween, nodeIsNull:
		return bindCompare
	case nodeUnary:
		if n.text == "not" {
			return bindNot
		}
		return bindUnary
	}
	return bindUnary + 1
}

func writeTo(b *strings.Builder, n *node, power int) {
	own := powerOf(n)
	if own < power {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	list := func(items []*node) {
		for i, a := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeTo(b, a, bindConditional)
		}
	}
	not := func() {
		if n.flag {
			b.WriteString(" not")
		}
	}
	switch n.kind {
	case nodeText:
		b.WriteString("'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(n.text) + "'")
	case nodeColumn:
		b.WriteString("col('" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(n.text) + "')")
	case nodeCall:
		b.WriteString(n.text + "(")
		list(n.args)
		b.WriteByte(')')
	case nodeUnary:
		b.WriteString(n.text + " ")
		writeTo(b, n.args[0], own)
	case nodeBinary:
		writeTo(b, n.args[0], own)
		b.WriteString(" " + n.text + " ")
		writeTo(b, n.args[1], own+1)
	case nodeConditional:
		writeTo(b, n.args[0], own+1)
		b.WriteString(" ? ")
		writeTo(b, n.args[1], own)
		b.WriteString(" : ")
		writeTo(b, n.args[2], own)
	case nodeIn:
		writeTo(b, n.args[0], own)
		not()
		b.WriteString(" in [")
		list(n.args[1:])
		b.WriteByte(']')
	case nodeBetween:
		writeTo(b, n.args[0], own)
		not()
		b.WriteString(" between ")
		writeTo(b, n.args[1], bindAdd)
		b.WriteString(" and ")
		writeTo(b, n.args[2], bindAdd)
	case nodeIsNull:
		writeTo(b, n.args[0], own)
		b.WriteString(" is")
		not()
		b.WriteString(" null")
	default:
		b.WriteString(n.text)
	}
}

func sameTree(a, b *node) bool {
	if a.kind != b.kind || a.text != b.text || len(a.args) != len(b.args) || a.kind != nodeColumn && a.flag != b.flag {
		return false
	}
	for i := range a.args {
		if !sameTree(a.args[i], b.args[i]) {
			return false
		}
	}
	return true
}

func TestPrecedence(t *testing.T) {
	for source, want := range map[string]string{
		"1+2*3-4":                 "1 + 2 * 3 - 4",
		"(1+2)*3":                 "(1 + 2) * 3",
		"1-(2-3)":                 "1 - (2 - 3)",
		"not true and false":      "not true and false",
		"not (true and false)":    "not (true and false)",
		"! true == false":         "(not true) == false",
		"not 1 == 2":              "not 1 == 2",
		"true ? 1 : false ? 2:3":  "true ? 1 : false ? 2 : 3",
		"1 = 2 OR 3 <> 4 && true": "1 == 2 or 3 != 4 and true",
		"'a' ?? 'b' ?? 'c'":       "'a' ?? 'b' ?? 'c'",
		"1 NOT IN (1,2) and true": "1 not in [1, 2] and true",
		"1 between 2 and 3 and 4": "1 between 2 and 3 and 4",
		"null IS NOT NULL":        "null is not null",
		"- 1 * 2":                 "- 1 * 2",
		"'a' not like 'b'":        "not 'a' like 'b'",
		"a STARTSWITH 'b'":        "col('a') startsWith 'b'",
	} {
		n, err := parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := write(n); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}

func trees() *rapid.Generator[*node] {
	leaf := rapid.Custom(func(t *rapid.T) *node {
		switch rapid.IntRange(0, 4).Draw(t, "leaf") {
		case 0:
			return &node{kind: nodeNumber, text: strconv.Itoa(rapid.IntRange(0, 999).Draw(t, "n"))}
		case 1:
			return &node{kind: nodeText, text: rapid.StringOf(rapid.SampledFrom([]rune(`a'"\näß d{`))).Draw(t, "s")}
		case 2:
			return &node{kind: nodeColumn, text: rapid.SampledFrom([]string{"name", "amount", "Unit Price", "in", "null"}).Draw(t, "column")}
		case 3:
			b := rapid.Bool().Draw(t, "b")
			return &node{kind: nodeBool, text: strconv.FormatBool(b), flag: b}
		}
		return &node{kind: nodeNull, text: "null"}
	})
	var tree func(depth int) *rapid.Generator[*node]
	tree = func(depth int) *rapid.Generator[*node] {
		if depth == 0 {
			return leaf
		}
		return rapid.Custom(func(t *rapid.T) *node {
			part := func() *node { return tree(depth-1).Draw(t, "part") }
			switch rapid.IntRange(0, 8).Draw(t, "kind") {
			case 0:
				return leaf.Draw(t, "leaf")
			case 1:
				return &node{kind: nodeUnary, text: rapid.SampledFrom([]string{"-", "+", "not"}).Draw(t, "op"), args: []*node{part()}}
			case 2:
				return &node{kind: nodeConditional, text: "?", args: []*node{part(), part(), part()}}
			case 3:
				return &node{kind: nodeIn, text: "in", flag: rapid.Bool().Draw(t, "not"), args: []*node{part(), part(), part()}}
			case 4:
				return &node{kind: nodeBetween, text: "between", flag: rapid.Bool().Draw(t, "not"), args: []*node{part(), part(), part()}}
			case 5:
				return &node{kind: nodeIsNull, text: "is", flag: rapid.Bool().Draw(t, "not"), args: []*node{part()}}
			case 6:
				return &node{kind: nodeCall, text: rapid.SampledFrom([]string{"upper", "concat", "round", "if", "coalesce"}).Draw(t, "fn"), args: []*node{part(), part()}}
			}
			op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%", "==", "!=", "<", ">=", "and", "or", "||", "??", "matches", "contains", "startsWith", "like"}).Draw(t, "op")
			return &node{kind: nodeBinary, text: op, args: []*node{part(), part()}}
		})
	}
	return tree(4)
}

// Whatever tree there is, its text reads back as it.
func TestParseIsInverseOfWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := trees().Draw(t, "tree")
		text := write(n)
		got, err := parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !sameTree(n, got) {
			t.Fatalf("%s reads back as %s", text, write(got))
		}
	})
}

func numberProgram(t testing.TB, expression string) *Program {
	t.Helper()
	source := []Source{{Name: "a", Type: schema.Type{Kind: schema.Numeric}}, {Name: "b", Type: schema.Type{Kind: schema.Text}}, {Name: "c", Type: schema.Type{Kind: schema.Integer}}}
	p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, source, nil, Options{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decimalText(t *rapid.T, label string) string {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,12})?`).Draw(t, label)
}

// Arithmetic is that of math/big's rationals.
func TestArithmeticIsExact(t *testing.T) {
	programs := map[string]*Program{}
	for _, op := range []string{"+", "-", "*", "/", "%", "<", "=="} {
		programs[op] = numberProgram(t, "a "+op+" b * 1")
	}
	programs["nested"] = numberProgram(t, "(a + number(b)) * (a - b) == a * a - number(b) * number(b)")
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimalText(t, "a"), decimalText(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		run := func(op string) string {
			out := make([]schema.Value, 1)
			_, bad := programs[op].NewRunner().Run(fieldsOf([]string{a, b, ""}), nil, out)
			if bad != nil {
				return bad.Reason
			}
			return string(out[0].AppendText(nil, programs[op].Columns()[0].Type))
		}
		check := func(op string, want *big.Rat) {
			got, ok := new(big.Rat).SetString(run(op))
			if !ok || got.Cmp(want) != 0 {
				t.Fatalf("%s %s %s is %s, want %s", a, op, b, run(op), want.FloatString(40))
			}
		}
		check("+", new(big.Rat).Add(x, y))
		check("-", new(big.Rat).Sub(x, y))
		check("*", new(big.Rat).Mul(x, y))
		if got, want := run("<"), strconv.FormatBool(x.Cmp(y) < 0); got != want {
			t.Fatalf("%s < %s is %s", a, b, got)
		}
		if got, want := run("=="), strconv.FormatBool(x.Cmp(y) == 0); got != want {
			t.Fatalf("%s == %s is %s", a, b, got)
		}
		if run("nested") != "true" {
			t.Fatalf("(a+b)(a-b) differs from aa-bb for %s and %s", a, b)
		}
		if y.Sign() == 0 {
			if run("/") != "division by zero" || run("%") != "division by zero" {
				t.Fatalf("%s / %s is %s", a, b, run("/"))
			}
			return
		}
		// The remainder is below the divisor, has the sign of the dividend, and the rest is a multiple.
		r, _ := new(big.Rat).SetString(run("%"))
		if r.Sign()*x.Sign() < 0 || new(big.Rat).Abs(r).Cmp(new(big.Rat).Abs(y)) >= 0 || !new(big.Rat).Quo(new(big.Rat).Sub(x, r), y).IsInt() {
			t.Fatalf("%s %% %s is %s", a, b, run("%"))
		}
		// A quotient has 16 significant digits or is exact: its error is below 1e-15 of it.
		q, _ := new(big.Rat).SetString(run("/"))
		exact := new(big.Rat).Quo(x, y)
		off := new(big.Rat).Abs(new(big.Rat).Sub(q, exact))
		if off.Cmp(new(big.Rat).Mul(new(big.Rat).Abs(exact), big.NewRat(1, 1e15))) > 0 {
			t.Fatalf("%s / %s is %s", a, b, run("/"))
		}
	})
}

// A function of NULL is NULL, but for those whose purpose it is to take it away.
func TestNullPropagates(t *testing.T) {
	for _, e := range []string{
		"a + 1", "1 - a", "a * a", "a / 0", "a % 0", "-a", "b + 'x'", "'x' || b", "a > 1", "a == c", "b == 'x'", "not (a > 1)", "a in [1]", "a between 1 and 2", "1 between a and 2",
		"b matches 'x'", "b like 'x'", "b contains 'x'", "'x' contains b", "upper(b)", "lower(b)", "title(b)", "trim(b)", "trim(b, 'x')", "replace(b, 'x', 'y')", "replace('x', b, 'y')", "substring(b, 1)", "substring('x', a)", "left(b, 1)", "left('x', a)", "right(b, 1)",
		"lpad(b, 3)", "lpad('x', a)", "lpad('x', 3, b)", "rpad(b, 3)", "split_part(b, ',', 1)", "split_part('x', b, 1)", "split_part('x', ',', a)", "repeat(b, 2)", "length(b)", "position(b, 'x')", "regex_replace(b, 'x', 'y')", "regex_extract(b, 'x')", "hash(b)", "text(a)",
		"round(a)", "round(1, a)", "abs(a)", "floor(a)", "ceil(a)", "trunc(a)", "int(a)", "sign(a)", "mod(a, 2)", "number(b)", "number(b, '1.234,5')", "date(b)", "date(b, 'DD.MM.YYYY')", "timestamp(b)", "year(b)", "date_trunc('day', date(b))", "date_add('day', a, today())", "date_add('day', 1, date(b))", "date_diff('day', date(b), today())", "format_date(date(b), 'YYYY')", "parse_date(b, 'YYYYMMDD')", "today() + a", "today() - date(b)",
		"nullif(b, 'x')", "coalesce(b, b)", "greatest(a, c)", "b ?? null", "a is null ? b : 'x'", "if(a > 1, 'x', b)",
	} {
		if got := runText(t, numberProgram(t, e), fieldsOf([]string{"", "", ""}), nil); got != "NULL" {
			t.Errorf("%s is %s", e, got)
		}
	}
}

// Cutting, joining and padding agree with the same on runes.
func TestTextFunctionsCountCharacters(t *testing.T) {
	fr := &frame{input: -1}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("aß€😀 ,"))).Draw(t, "s")
		n := rapid.Int64Range(-12, 12).Draw(t, "n")
		fr.begin(nil, nil)
		runes := []rune(s)
		size := int64(len(runes))
		clamp := func(i int64) int64 { return max(0, min(i, size)) }
		want := clamp(n)
		if n < 0 {
			want = clamp(size + n)
		}
		if got := string(left([]byte(s), n)); got != string(runes[:want]) {
			t.Fatalf("left(%q, %d) = %q", s, n, got)
		}
		if got := string(right([]byte(s), n)); n >= 0 && got != string(runes[size-clamp(n):]) || n < 0 && got != string(runes[clamp(-n):]) {
			t.Fatalf("right(%q, %d) = %q", s, n, got)
		}
		length := rapid.Int64Range(0, 12).Draw(t, "length")
		from, to := clamp(n-1), clamp(n-1+length)
		if got := string(substring([]byte(s), n, length)); got != string(runes[from:max(from, to)]) {
			t.Fatalf("substring(%q, %d, %d) = %q", s, n, length, got)
		}
		parts := strings.Split(s, ",")
		if i := rapid.IntRange(1, len(parts)).Draw(t, "part"); string(splitPart([]byte(s), []byte(","), int64(i))) != parts[i-1] ||
			string(splitPart([]byte(s), []byte(","), int64(i-1-len(parts)))) != parts[i-1] {
			t.Fatalf("split_part(%q, %d)", s, i)
		}
		if b, ok := fr.pad([]byte(s), length, []byte("ä-"), true); !ok || int64(characters(b)) != length || length >= size && !strings.HasSuffix(string(b), s) {
			t.Fatalf("lpad(%q, %d) = %q", s, length, b)
		}
		if b, ok := fr.replace([]byte(s), []byte("ß"), []byte("€€")); !ok || string(b) != strings.ReplaceAll(s, "ß", "€€") {
			t.Fatalf("replace(%q) = %q", s, b)
		}
		b, ok := fr.lower([]byte(s))
		if want := strings.ToLower(s); !ok || string(b) != want {
			t.Fatalf("lower(%q) = %q", s, b)
		}
	})
}

// Days and civil dates agree with package time over the whole range.
func TestCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int64Range(firstDay, lastDay).Draw(t, "days")
		y, m, d := civil(days)
		if daysFromCivil(y, m, d) != days {
			t.Fatalf("%d is %d-%d-%d and back %d", days, y, m, d, daysFromCivil(y, m, d))
		}
		when := time.Unix((days+epochDays)*86400, 0).UTC()
		if int64(when.Year()) != y || int64(when.Month()) != m || int64(when.Day()) != d {
			t.Fatalf("%d is %d-%d-%d, not %s", days, y, m, d, when)
		}
		year, week := when.ISOWeek()
		if got, _ := datePart("week", days*microsPerDay).Int64(); got != int64(week) {
			t.Fatalf("%s is in week %d of %d, not %d", when, week, year, got)
		}
		if got, _ := datePart("dow", days*microsPerDay).Int64(); got != int64(when.Weekday()) {
			t.Fatalf("%s: weekday %d", when, got)
		}
		if got, _ := datePart("doy", days*microsPerDay).Int64(); got != int64(when.YearDay()) {
			t.Fatalf("%s: day of year %d", when, got)
		}
	})
}
