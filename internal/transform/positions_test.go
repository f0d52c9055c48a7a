package transform

import (
	"errors"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

func TestErrorsOfCompileAreLocated(t *testing.T) {
	source := []Source{{Name: "a", Type: schema.Type{Kind: schema.Text}}, {Name: "n", Type: schema.Type{Kind: schema.Integer}}}
	target := []schema.Column{{Name: "x", Type: schema.Type{Kind: schema.Integer}}, {Name: "y", Type: schema.Type{Kind: schema.Text}}, {Name: "g", Generated: true}}
	const head = "columns:\n- {source: a, destination: y}\n- source: n\n  destination: x\n"
	for _, c := range []struct{ text, path, message string }{
		{"columns:\n- source: b\n  destination: y\n", "columns[0].source", `m.yaml:2:11: mapping of column "y": the file has no column "b"`},
		{"columns:\n- {source: a, destination: z}\n", "columns[0].destination", `m.yaml:2:28: the table has no column "z"`},
		{"columns:\n- {source: a, destination: g}\n", "columns[0].destination", "m.yaml:2:28: the database computes"},
		{head + "  type: text; drop\n", "columns[1].type", `m.yaml:5:9: column "x": 'text; drop' is not a type`},
		{head + "  type: date\n  transformations: [trim]\n", "columns[1].type", `m.yaml:5:9: column "x": type "date": the column's type is integer`},
		{head + "  type: foo\n", "columns[1].type", `m.yaml:5:9: column "x": the table's column is integer, and there is no conversion to it from the type foo`},
		{head + "  format: nonsense\n", "columns[1].format", `m.yaml:5:11: column "x": format "nonsense"`},
		{head + "  default: many\n", "columns[1].default", `m.yaml:5:12: column "x": the default "many"`},
		{head + "  transformations:\n  - TRIM\n  - {fn: REPLACE, args: [a]}\n", "columns[1].transformations[1]", `m.yaml:7:5: column "x", transformation 2 (REPLACE) takes`},
		{head + "  expression: value +\n", "columns[1].expression", `m.yaml:5:15: column "x": expression, position`},
		{"columns:\n- destination: y\n  expression: a\n  transformations: [TRIM]\n", "columns[0].transformations", `m.yaml:4:20: the mapping of column "y"`},
		{"columns:\n- destination: y\n  expression: a\n  null_values: [x]\n", "columns[0].null_values", `m.yaml:4:16: the mapping of column "y"`},
		{head + "filter: zz > 1\n", "filter", "m.yaml:5:9: filter: expression"},
	} {
		m, positions, err := ReadMapping([]byte(c.text), "m.yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(m, source, target, Options{})
		if PathOf(err) != c.path {
			t.Errorf("%s\nis at %q, want %q: %v", c.text, PathOf(err), c.path, err)
		}
		located := positions.Locate(err)
		e, ok := errors.AsType[*etl.Error](located)
		if !ok || !strings.HasPrefix(e.Message, c.message) || e.Line == 0 || e.Fix == "" {
			t.Errorf("got  %v\nwant %s", located, c.message)
		}
		if again := positions.Locate(located); again.Error() != located.Error() {
			t.Errorf("located twice: %v", again)
		}
	}
}

// What has no place of its own has that of the part around it; what is not of the mapping stays as it is.
func TestLocateElsewhere(t *testing.T) {
	m, positions, err := ReadMapping([]byte("\ncolumns:\n- {source: a, destination: y}\n"), "m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Compile(m, []Source{{Name: "a"}}, []schema.Column{{Name: "y"}, {Name: "z", NotNull: true}}, Options{})
	if got := positions.Locate(err); !strings.HasPrefix(got.Error(), `m.yaml:3:1: column "z" is NOT NULL`) {
		t.Error(got)
	}
	inner := within(etl.Mistakef(CodeMapping, "Mend it", "wrong"), "columns[0].transformations[4].args[1]")
	if got := positions.Locate(inner).Error(); got != "m.yaml:3:3: wrong. Mend it" {
		t.Error(got)
	}
	other := errors.New("other")
	if !errors.Is(positions.Locate(other), other) || positions.Locate(nil) != nil || (*Positions)(nil).Locate(err).Error() != err.Error() {
		t.Error("an error without a place is changed")
	}
}

func TestSecondDocument(t *testing.T) {
	const one = "columns: [{source: a, destination: b}]\n"
	if _, err := ParseMapping([]byte("---\n"+one+"---\n"), "m.yaml"); err != nil {
		t.Error(err)
	}
	_, err := ParseMapping([]byte(one+"---\n"+one), "m.yaml")
	if err == nil || !strings.HasPrefix(err.Error(), "m.yaml:3:1: a second YAML document begins here") {
		t.Error(err)
	}
	if _, err = ParseMapping([]byte(one+"---\n[a: b: c\n"), "m.yaml"); err == nil {
		t.Error("what cannot be read is ignored")
	}
}

func TestTypeThatTheTableCannotTake(t *testing.T) {
	for _, c := range []struct {
		typ, target, domain string
		ok                  bool
	}{
		{"foo", "integer", "", false},
		{"foo", "text", "", false},
		{"foo", "mood", "", false},
		{"mood", "shop.mood", "", true},
		{"email", "text", "public.email", true},
		{"timetz", "time with time zone", "", true},
		{"int[]", "integer[]", "", true},
		{"int[]", "integer", "", false},
		{"inet", "text", "", true},
		{"inet", "integer", "", false},
		{"timestamp(3)", "timestamp", "", true},
		{"integer", "bigint", "", true},
		{"integer", "mood", "", true},
		{"date", "boolean", "", false},
	} {
		target, err := schema.ParseType(c.target)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []etl.ColumnMapping{{Destination: "x", Type: c.typ, Source: "a"}, {Destination: "x", Type: c.typ, Expression: "text(a)"}} {
			_, err = Compile(etl.Mapping{Columns: []etl.ColumnMapping{m}}, []Source{{Name: "a", Type: schema.Type{Kind: schema.Text}}}, []schema.Column{{Name: "x", Type: target, Domain: c.domain}}, Options{})
			if (err == nil) != c.ok {
				t.Errorf("%s into %s, expression %q: %v", c.typ, c.target, m.Expression, err)
			}
		}
	}
}
