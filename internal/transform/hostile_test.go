package transform

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// hostile are expressions that ask for more than a row may have. Each must end
// as an error of Compile or as a bad row, and make little.
func hostile() map[string]string {
	nest := func(n int, open, in, end string) string {
		return strings.Repeat(open, n) + in + strings.Repeat(end, n)
	}
	doubling := "name"
	for range 30 {
		doubling = "concat(" + doubling + ", 'xxxxxxxxxxxxxxxx')"
	}
	squares := "amount"
	for range 12 {
		squares = "(" + squares + ") * (" + squares + ")"
	}
	return map[string]string{
		"1 MB":                strings.Repeat("1+", 500_000) + "1",
		"parentheses":         nest(10_000, "(", "1", ")"),
		"unclosed":            strings.Repeat("(", 60_000),
		"minus":               strings.Repeat("-", 60_000) + "1",
		"not":                 strings.Repeat("not ", 16_000) + "true",
		"brackets":            strings.Repeat("[", 60_000),
		"calls":               nest(5_000, "upper(", "name", ")"),
		"conditionals":        strings.Repeat("ok ? 1 : ", 7_000) + "1",
		"parts":               strings.Repeat("1+", 10_001) + "1",
		"arguments":           "concat(" + strings.Repeat("1,", 20_000) + "1)",
		"digits":              strings.Repeat("9", 2_000),
		"exponent":            "1e999999999",
		"small exponent":      "1e-999999999",
		"repeat":              "repeat('x', 1000000000000)",
		"repeat huge":         "repeat(name, 999999999999999)",
		"repeat of repeat":    "repeat(repeat(repeat('x', 1000), 1000), 1000)",
		"lpad":                "lpad('x', 999999999999999, 'äöü')",
		"rpad":                "rpad('x', 100000000)",
		"replace":             "replace(repeat('a', 100000), 'a', repeat('b', 100000))",
		"regex replace":       "regex_replace(repeat('a', 1000000), '', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')",
		"regex replace group": "regex_replace(repeat('a', 1000000), '(.*)', '$1$1$1$1$1$1$1$1$1')",
		"concat":              "concat(" + strings.Repeat("repeat('x', 4000000),", 1000) + "'')",
		"compare":             "concat(" + strings.Repeat("if(repeat('x', 4000000) == repeat('x', 4000000), 1, 2),", 100) + "'')",
		"work":                "(" + strings.Repeat("contains(repeat('x', 3000000), 'y') or ", 100) + "length(repeat('x', 3000000)) > 0) ? 'a' : 'b'",
		"upper":               strings.Repeat("upper(", 150) + "repeat('aä', 1000000)" + strings.Repeat(")", 150),
		"digits of a product": strings.Repeat("9999999999999999999999999999999999999999*", 200) + "1",
		"squares":             squares,
		"division":            strings.Repeat("1/(3+", 60) + "0" + strings.Repeat(")", 60) + " + 1/0",
		"round":               "round(1.5, 999999999)",
		"round by column":     "round(1.5, 999999999 * qty)",
		"pattern repeats":     "name matches '(a{1000}){1000}'",
		"pattern size":        "name matches '" + strings.Repeat("a{1000}", 100) + "'",
		"pattern length":      "name matches '" + strings.Repeat("a", 5_000) + "'",
		"pattern nesting":     "name matches '" + nest(400, "(", "a", ")") + "('",
		"patterns":            "name matches '" + strings.Repeat("[a-z]{900}", 10) + "'" + strings.Repeat(" and name matches '"+strings.Repeat("[a-z]{900}", 10)+"'", 10),
		"pattern by column":   "name matches (name + '*')",
		"slow pattern":        "repeat('a', 4000000) matches '(x+x+)+y|(a?){900}b' or 1/0 > 1",
		"years":               "date_add('year', 999999999999999, day)",
		"date overflow":       "day + 999999999999999",
		"microseconds":        "date_add('microsecond', 999999999999999, date('294276-12-31'))",
		"int":                 "left(name, 99999999999999999999)",
		"bytes":               "name == '\xff\xfe'",
		"NUL":                 "name == '\x00'",
		"control":             "\x01\x02",
		"deep between":        nest(150, "(", "ok", " between false and true)") + " and 1/0 > 1",
		"deep nullif":         nest(150, "nullif(", "name", ", 'x')") + " > repeat('x', 99999999)",
		"deep greatest":       nest(150, "greatest(", "qty", ", 1, 2, 3)") + " > 1/0",
		"in":                  "qty in [" + strings.Repeat("1/0,", 2_000) + "1]",
	}
}

func TestHostileExpressions(t *testing.T) {
	var before, after runtime.MemStats
	for name, expression := range hostile() {
		t.Run(name, func(t *testing.T) {
			runtime.ReadMemStats(&before)
			p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, rowSources, nil, Options{Now: testNow})
			if err != nil {
				var e *etl.Error
				if !errors.As(err, &e) || e.Kind != etl.Mistake || e.Fix == "" || len(e.Error()) > 2000 {
					t.Fatalf("not a short Mistake with a fix: %.300v", err)
				}
				return
			}
			_, bad := p.NewRunner().Run(fieldsOf(rowFields), nil, make([]schema.Value, 1))
			if bad == nil || bad.Code == CodeInternal || bad.Reason == "" {
				t.Fatalf("got %+v, want a bad row", bad)
			}
			runtime.ReadMemStats(&after)
			if made := after.TotalAlloc - before.TotalAlloc; made > 256<<20 {
				t.Errorf("%d MiB were made", made>>20)
			}
		})
	}
}

// Large fields are no amplification: what is done with them stays possible.
func TestLargeFields(t *testing.T) {
	source := []Source{{Name: "a", Type: schema.Type{Kind: schema.Text}}}
	field := []byte(strings.Repeat("ab ", 3<<20)) // 9 MiB
	for _, expression := range []string{"upper(a)", "replace(a, 'b', '')", "trim(a)", "regex_extract(a, '^ab')", "hash(a)", "text(length(a))", "a contains 'x' ? 'y' : 'n'"} {
		p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, source, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, bad := p.NewRunner().Run([][]byte{field}, nil, make([]schema.Value, 1)); bad != nil {
			t.Errorf("%s: %+v", expression, bad)
		}
	}
	for _, expression := range []string{"concat(a, a)", "repeat(a, 3)", "lpad(a, 20000000)"} {
		p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, source, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, bad := p.NewRunner().Run([][]byte{field}, nil, make([]schema.Value, 1)); bad == nil || bad.Code != CodeExpressionFailed {
			t.Errorf("%s: %+v", expression, bad)
		}
	}
}

// A scratch memory that one row has blown up does not stay with the Runner.
func TestScratchIsGivenBack(t *testing.T) {
	source := []Source{{Name: "n", Type: schema.Type{Kind: schema.Integer}}}
	p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: "repeat('x', n)"}}}, source, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, out := p.NewRunner(), make([]schema.Value, 1)
	for _, n := range []int{4 << 20, 1} {
		if _, bad := r.Run(fieldsOf([]string{fmt.Sprint(n)}), nil, out); bad != nil || len(out[0].Bytes) != n {
			t.Fatalf("%d: %d bytes, %+v", n, len(out[0].Bytes), bad)
		}
	}
	if cap(r.fr.buf) > keepScratch {
		t.Errorf("%d bytes are kept", cap(r.fr.buf))
	}
}
