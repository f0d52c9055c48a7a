package transform

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

func typeOf(t testing.TB, s string) schema.Type {
	t.Helper()
	if s == "" {
		return schema.Type{}
	}
	typ, err := schema.ParseType(s)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func words(w ...string) *[]string { return &w }

// oneField compiles a mapping of column a (of the given type and format) to
// column x of a table and runs it over one field; `""` is a quoted empty one.
type oneField struct {
	name          string
	found, format string
	nullWords     []string
	mapping       etl.ColumnMapping
	target        string
	notNull       bool
	location      string
	field, want   string
	quoted        bool
}

func step(fn string, args ...any) etl.Transform { return etl.Transform{Fn: fn, Args: args} }

func steps(list ...etl.Transform) etl.ColumnMapping { return etl.ColumnMapping{Transformations: list} }

func (c oneField) run(t *testing.T) string {
	t.Helper()
	m := c.mapping
	m.Destination = "x"
	if m.Source == "" {
		m.Source = "a"
	}
	if m.Source == "-" {
		m.Source = ""
	}
	var target []schema.Column
	if c.target != "" {
		target = []schema.Column{{Name: "x", Type: typeOf(t, c.target), NotNull: c.notNull}}
	}
	o := Options{Now: testNow}
	if c.location != "" {
		loc, err := time.LoadLocation(c.location)
		if err != nil {
			t.Fatal(err)
		}
		o.Location = loc
	}
	p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{m}}, []Source{{Name: "a", Type: typeOf(t, c.found), Format: c.format, NullWords: c.nullWords}}, target, o)
	if err != nil {
		var e *etl.Error
		if !errors.As(err, &e) || e.Kind != etl.Mistake || e.Fix == "" || !strings.Contains(e.Message, `"x"`) {
			t.Fatalf("not a Mistake with a fix that names the column: %#v", err)
		}
		return "error: " + e.Error()
	}
	return runText(t, p, [][]byte{[]byte(c.field)}, []bool{c.quoted})
}

func TestRunOneField(t *testing.T) {
	for _, c := range []oneField{
		// Types from the table, from the mapping, from the source.
		{name: "text", found: "text", target: "text", field: " a ", want: " a "},
		{name: "integer", found: "integer", target: "bigint", field: "42", want: "42"},
		{name: "integer from text", found: "text", target: "integer", field: "42", want: "42"},
		{name: "not integer", found: "integer", target: "integer", field: "4x", want: "bad: not_integer a"},
		{name: "source type", found: "date", format: "DD.MM.YYYY", field: "31.01.2024", want: "2024-01-31"},
		{name: "unknown source type", field: "abc", want: "abc"},
		{name: "mapping type", found: "text", mapping: etl.ColumnMapping{Type: "int4"}, field: "7", want: "7"},
		{name: "source format with table", found: "numeric", format: "1.234,56", target: "numeric(10,2)", field: "1.234,50", want: "1234.50"},
		{name: "mapping format", found: "text", mapping: etl.ColumnMapping{Format: "DD/MM/YYYY"}, target: "date", field: "31/12/2023", want: "2023-12-31"},
		{name: "date format into timestamp", found: "date", format: "DD.MM.YYYY", target: "timestamp", field: "31.01.2024", want: "2024-01-31 00:00:00"},
		{name: "date into timestamptz", found: "date", format: "DD.MM.YYYY", target: "timestamptz", location: "Europe/Berlin", field: "01.07.2024", want: "2024-06-30 22:00:00+00"},
		{name: "bad type", found: "text", mapping: etl.ColumnMapping{Type: "numeric(5"}, target: "numeric", want: "error"},
		{name: "bad format", found: "text", mapping: etl.ColumnMapping{Format: "nonsense"}, target: "date", want: "error"},
		{name: "varchar too long", found: "text", target: "varchar(3)", field: "abcd", want: "bad: too_long a"},
		{name: "uuid", found: "text", target: "uuid", field: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", want: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{name: "jsonb", found: "text", target: "jsonb", field: `{"a":`, want: "bad: not_json a"},
		{name: "array as text", found: "text", target: "text[]", field: "{a,b}", want: "{a,b}"},
		// Mapping type, then the table's.
		{name: "numeric then integer", found: "text", mapping: etl.ColumnMapping{Type: "numeric"}, target: "integer", field: "12.00", want: "12"},
		{name: "numeric then integer, not whole", found: "text", mapping: etl.ColumnMapping{Type: "numeric"}, target: "integer", field: "12.5", want: "bad: not_integer a"},
		{name: "numeric then numeric(5,1), exactly", found: "text", mapping: etl.ColumnMapping{Type: "numeric"}, target: "numeric(5,1)", field: "1.25", want: "bad: too_precise a"},
		{name: "smallint range", found: "text", mapping: etl.ColumnMapping{Type: "bigint"}, target: "smallint", field: "40000", want: "bad: out_of_range a"},
		{name: "date then timestamp", found: "text", mapping: etl.ColumnMapping{Type: "date", Format: "dmy"}, target: "timestamp", field: "1.2.2024", want: "2024-02-01 00:00:00"},
		{name: "boolean then integer", found: "text", mapping: etl.ColumnMapping{Type: "boolean"}, target: "integer", want: "error"},
		{name: "timestamp then date", found: "text", mapping: etl.ColumnMapping{Type: "timestamp"}, target: "date", want: "error"},
		{name: "date then text", found: "text", mapping: etl.ColumnMapping{Type: "date", Format: "dmy"}, target: "text", field: "1.2.2024", want: "2024-02-01"},
		{name: "boolean then text", found: "text", mapping: etl.ColumnMapping{Type: "boolean", Format: "ja/nein"}, target: "text", field: "ja", want: "true"},
		{name: "numeric then double", found: "text", mapping: etl.ColumnMapping{Type: "numeric", Format: "1.234,56"}, target: "float8", field: "1.234,5", want: "1234.5"},
		// NULL.
		{name: "empty text unquoted", found: "text", target: "text", want: "NULL"},
		{name: "empty text quoted", found: "text", target: "text", quoted: true, want: ""},
		{name: "empty integer quoted", found: "integer", target: "integer", quoted: true, want: "NULL"},
		{name: "blank integer", found: "integer", target: "integer", field: "  ", want: "NULL"},
		{name: "null word", found: "integer", target: "integer", mapping: etl.ColumnMapping{NullValues: words("NA")}, field: "NA", want: "NULL"},
		{name: "null word with blanks", found: "integer", target: "integer", mapping: etl.ColumnMapping{NullValues: words("NA")}, field: " NA ", want: "NULL"},
		{name: "null word quoted", found: "text", target: "text", mapping: etl.ColumnMapping{NullValues: words("NA")}, field: "NA", quoted: true, want: "NULL"},
		{name: "null word without empty", found: "text", target: "text", mapping: etl.ColumnMapping{NullValues: words("NA")}, want: ""},
		{name: "empty list", found: "text", target: "text", mapping: etl.ColumnMapping{NullValues: words()}, want: ""},
		{name: "empty list, integer", found: "integer", target: "integer", mapping: etl.ColumnMapping{NullValues: words()}, want: "bad: not_integer a"},
		{name: "empty in list, quoted", found: "text", target: "text", mapping: etl.ColumnMapping{NullValues: words("")}, quoted: true, want: "NULL"},
		{name: "found words", found: "integer", nullWords: []string{"-"}, target: "integer", field: "-", want: "NULL"},
		{name: "found words, not with the mapping's", found: "text", nullWords: []string{"-"}, mapping: etl.ColumnMapping{NullValues: words("NA")}, target: "text", field: "-", want: "-"},
		{name: "not null", found: "text", target: "text", notNull: true, want: "bad: not_null a"},
		{name: "required", found: "text", target: "text", mapping: etl.ColumnMapping{Required: true}, want: "bad: not_null a"},
		{name: "default", found: "integer", target: "integer", notNull: true, mapping: etl.ColumnMapping{Default: new(string)}, want: "error"},
		{name: "default text", found: "text", target: "text", notNull: true, mapping: etl.ColumnMapping{Default: &[]string{"none"}[0]}, want: "none"},
		{name: "default date, plain form", found: "date", format: "DD.MM.YYYY", target: "date", mapping: etl.ColumnMapping{Default: &[]string{"2024-01-31"}[0]}, want: "2024-01-31"},
		{name: "default not used", found: "integer", target: "integer", mapping: etl.ColumnMapping{Default: &[]string{"1"}[0]}, field: "2", want: "2"},
		// Transformations.
		{name: "trim upper", found: "text", target: "text", mapping: steps(step("TRIM"), step("Upper")), field: " ä ", want: "Ä"},
		{name: "trim to nothing", found: "integer", target: "integer", mapping: steps(step("TRIM")), field: "   ", want: "NULL"},
		{name: "replace drops the found format", found: "numeric", format: "1.234,56", target: "numeric", mapping: steps(step("REPLACE", ".", ""), step("REPLACE", ",", ".")), field: "1.234,56", want: "1234.56"},
		{name: "trim keeps the found format", found: "numeric", format: "1.234,56", target: "numeric", mapping: steps(step("TRIM")), field: " 1.234,56", want: "1234.56"},
		{name: "round reads the found format", found: "numeric", format: "1.234,56", target: "numeric", mapping: steps(step("ROUND", 1)), field: "1.234,56", want: "1234.6"},
		{name: "round into text", found: "numeric", target: "text", mapping: steps(step("ROUND", 1), step("CONCAT", " EUR")), field: "1.25", want: "1.3 EUR"},
		{name: "abs", found: "integer", target: "integer", mapping: steps(step("ABS")), field: "-5", want: "5"},
		{name: "round fails", found: "text", target: "numeric", mapping: steps(step("ROUND", 1)), field: "abc", want: "bad: not_numeric a"},
		{name: "nullif", found: "text", target: "text", mapping: steps(step("NULLIF", "x")), field: "x", want: "NULL"},
		{name: "nullif number argument", found: "text", target: "integer", mapping: steps(step("NULLIF", 0)), field: "0", want: "NULL"},
		{name: "coalesce", found: "text", target: "text", mapping: steps(step("COALESCE", "none")), want: "none"},
		{name: "coalesce number argument", found: "integer", target: "integer", mapping: steps(step("COALESCE", 0)), want: "0"},
		{name: "concat of null", found: "text", target: "text", mapping: steps(step("CONCAT", "a", "b")), want: "ab"},
		{name: "lpad of a number", found: "integer", target: "text", mapping: steps(step("LPAD", 5, 0)), field: "42", want: "00042"},
		{name: "json numbers", found: "text", target: "text", mapping: steps(step("LEFT", 2.0)), field: "abc", want: "ab"},
		{name: "parse_date", found: "text", target: "date", mapping: steps(step("PARSE_DATE", "YYYYMMDD")), field: "20240131", want: "2024-01-31"},
		{name: "parse_date fails", found: "text", target: "date", mapping: steps(step("PARSE_DATE", "YYYYMMDD")), field: "nope", want: "bad: not_date a"},
		{name: "parse_date into text", found: "text", target: "text", mapping: steps(step("PARSE_DATE", "DD.MM.YYYY")), field: "31.01.2024", want: "2024-01-31"},
		{name: "parse and format", found: "text", target: "text", mapping: steps(step("PARSE_DATE", "DD.MM.YYYY"), step("FORMAT_DATE", "YYYY/MM")), field: "31.01.2024", want: "2024/01"},
		{name: "format_date reads the found format", found: "date", format: "DD.MM.YYYY", target: "text", mapping: steps(step("FORMAT_DATE", "YYYY")), field: "31.01.2024", want: "2024"},
		{name: "format_date reads ISO", found: "text", target: "text", mapping: steps(step("FORMAT_DATE", "YY")), field: "2024-01-31", want: "24"},
		{name: "regex_extract", found: "text", target: "integer", mapping: steps(step("REGEX_EXTRACT", `\d+`)), field: "No. 15", want: "15"},
		{name: "hash", found: "text", target: "char(64)", mapping: steps(step("HASH")), field: "abc", want: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{name: "wrong count", found: "text", target: "text", mapping: steps(step("REPLACE", "a")), want: "error: column \"x\", transformation 1 (REPLACE) takes 2 arguments, not 1. Its form is REPLACE(from, to)"},
		{name: "wrong count, optional", found: "text", target: "text", mapping: steps(step("TRIM", "a", "b")), want: "error: column \"x\", transformation 1 (TRIM) takes 0 to 1 argument, not 2. Its form is TRIM([characters])"},
		{name: "wrong type", found: "text", target: "text", mapping: steps(step("TRIM"), step("LEFT", "two")), want: "error: column \"x\", transformation 2 (LEFT): a number should stand here, but 'two' is a text. Its form is LEFT(n). Write a number without quotes"},
		{name: "no such", found: "text", target: "text", mapping: steps(step("TRMI")), want: "error: column \"x\", transformation 1: there is no transformation \"TRMI\". Did you mean TRIM?"},
		{name: "function, no transformation", found: "text", target: "text", mapping: steps(step("NOW")), want: "error"},
		{name: "structured argument", found: "text", target: "text", mapping: steps(step("CONCAT", []any{"a"})), want: "error"},
		{name: "NUL argument", found: "text", target: "text", mapping: steps(step("CONCAT", "\x00")), want: "error"},
		{name: "number into boolean", found: "text", target: "boolean", mapping: steps(step("ROUND")), want: "error"},
		// Expressions with a source.
		{name: "value of the source's type", found: "date", format: "DD.MM.YYYY", target: "integer", mapping: etl.ColumnMapping{Expression: "year(value)"}, field: "31.01.2024", want: "2024"},
		{name: "value by type", found: "text", target: "numeric(8,2)", mapping: etl.ColumnMapping{Type: "numeric", Format: "1.234,56", Expression: "value * 1.19"}, field: "10,00", want: "11.90"},
		{name: "value by format and table", found: "text", target: "numeric(8,2)", mapping: etl.ColumnMapping{Format: "1.234,56", Expression: "value * 2"}, field: "10,50", want: "21.00"},
		{name: "value transformed", found: "text", target: "text", mapping: etl.ColumnMapping{Transformations: []etl.Transform{step("TRIM")}, Expression: "value + '!' + a"}, field: " a ", want: "a! a "},
		{name: "value null", found: "text", target: "text", mapping: etl.ColumnMapping{Expression: "value ?? 'none'"}, want: "none"},
		{name: "value uuid as text", found: "uuid", target: "text", mapping: etl.ColumnMapping{Expression: "left(value, 4)"}, field: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", want: "a0ee"},
		{name: "value bad", found: "integer", target: "integer", mapping: etl.ColumnMapping{Expression: "value + 1"}, field: "x", want: "bad: not_integer a"},
		{name: "expression decides the type", found: "date", mapping: etl.ColumnMapping{Expression: "value + 1"}, field: "2024-01-31", want: "2024-02-01"},
		// Expressions without.
		{name: "rounds to scale", found: "text", target: "numeric(5,1)", mapping: etl.ColumnMapping{Source: "-", Expression: "1.25 + 0"}, want: "1.3"},
		{name: "overflows", found: "text", target: "numeric(3,1)", mapping: etl.ColumnMapping{Source: "-", Expression: "99.99 + 0"}, want: "bad: out_of_range x"},
		{name: "integer must be whole", found: "text", target: "integer", mapping: etl.ColumnMapping{Source: "-", Expression: "7 / 2"}, want: "bad: not_integer x"},
		{name: "integer range", found: "text", target: "integer", mapping: etl.ColumnMapping{Source: "-", Expression: "3000000000 * 1"}, want: "bad: out_of_range x"},
		{name: "text to type", found: "text", target: "date", mapping: etl.ColumnMapping{Source: "-", Expression: "concat('2024-01-', 31)"}, want: "2024-01-31"},
		{name: "text by format", found: "text", target: "date", mapping: etl.ColumnMapping{Source: "-", Format: "DD.MM.YYYY", Expression: "concat('31', '.01.2024')"}, want: "2024-01-31"},
		{name: "empty text is null", found: "text", target: "integer", mapping: etl.ColumnMapping{Source: "-", Expression: "concat('', '')"}, want: "NULL"},
		{name: "condition into integer", found: "text", target: "integer", mapping: etl.ColumnMapping{Source: "-", Expression: "1 > 0"}, want: "error"},
		{name: "number into text", found: "text", target: "varchar(5)", mapping: etl.ColumnMapping{Source: "-", Expression: "1.50 * 10"}, want: "15.00"},
		{name: "number into varchar, too long", found: "text", target: "varchar(4)", mapping: etl.ColumnMapping{Source: "-", Expression: "12345 * 1"}, want: "bad: too_long x"},
		{name: "number into real", found: "text", target: "real", mapping: etl.ColumnMapping{Source: "-", Expression: "1e39 * 1"}, want: "bad: out_of_range x"},
		{name: "expression by type, then table", found: "text", target: "integer", mapping: etl.ColumnMapping{Source: "-", Type: "numeric(10,1)", Expression: "2.04 * 1"}, want: "2"},
		{name: "field is named value", found: "text", target: "text", mapping: etl.ColumnMapping{Source: "-", Expression: "value"}, want: "error"},
		{name: "transformations without source", found: "text", target: "text", mapping: etl.ColumnMapping{Source: "-", Expression: "1", Transformations: []etl.Transform{step("TRIM")}}, want: "error"},
		{name: "null_values without source", found: "text", target: "text", mapping: etl.ColumnMapping{Source: "-", Expression: "1", NullValues: words()}, want: "error"},
		{name: "neither", found: "text", target: "text", mapping: etl.ColumnMapping{Source: "-"}, want: "error"},
		{name: "unknown source", found: "text", target: "text", mapping: etl.ColumnMapping{Source: "b"}, want: "error: mapping of column \"x\": the file has no column \"b\". Did you mean a?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.run(t)
			if got == c.want || c.want == "error" && strings.HasPrefix(got, "error: ") || strings.HasPrefix(c.want, "bad: ") && strings.HasPrefix(got, c.want) {
				return
			}
			t.Errorf("got %s, want %s", got, c.want)
		})
	}
}

func TestCompileErrors(t *testing.T) {
	source := []Source{{Name: "Order ID", Type: schema.Type{Kind: schema.Integer}}, {Name: "a b"}, {Name: "A_B"}}
	target := []schema.Column{
		{Name: "order_id", Type: schema.Type{Kind: schema.Integer}, NotNull: true},
		{Name: "note", Type: schema.Type{Kind: schema.Text}},
		{Name: "made", Type: schema.Type{Kind: schema.Timestamp}, NotNull: true, HasDefault: true},
		{Name: "nr", Type: schema.Type{Kind: schema.Integer}, NotNull: true, Identity: "always"},
		{Name: "sum", Type: schema.Type{Kind: schema.Integer}, Generated: true},
	}
	order := etl.ColumnMapping{Source: "order_id", Destination: "order_id"}
	ratio := 2.0
	for _, c := range []struct {
		name         string
		mapping      etl.Mapping
		message, fix string
	}{
		{"none", etl.Mapping{}, "the mapping has no columns", "columns"},
		{"two for one", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "a b", Destination: "order_id"}}}, `two mappings fill the column "order_id"`, "Remove"},
		{"unknown destination", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "a b", Destination: "noote"}}}, `the table has no column "noote"`, "note"},
		{"ambiguous source", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "AB", Destination: "note"}}}, `mapping of column "note": column "AB" could be "a b" or "A_B"`, "as the file"},
		{"generated", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "a b", Destination: "sum"}}}, `the database computes column "sum"`, "Remove"},
		{"identity", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "a b", Destination: "nr"}}}, `the database numbers column "nr"`, "Remove"},
		{"not null unmapped", etl.Mapping{Columns: []etl.ColumnMapping{{Source: "a b", Destination: "note"}}}, `column "order_id" is NOT NULL and has no default, but nothing is mapped to it`, "Order ID"},
		{"no destination", etl.Mapping{Columns: []etl.ColumnMapping{order, {Source: "a b"}}}, "column 2 of the mapping has no destination", "destination"},
		{"filter no condition", etl.Mapping{Columns: []etl.ColumnMapping{order}, Filter: "order_id + 1"}, "filter: expression, position 10:\n  order_id + 1\n           ^\na condition should stand here", "x > 0"},
		{"filter unknown", etl.Mapping{Columns: []etl.ColumnMapping{order}, Filter: "orderid > 1 and oder_id < 3"}, "filter: expression, position 17:", "Order ID"},
		{"policy", etl.Mapping{Columns: []etl.ColumnMapping{order}, OnBadRow: etl.BadRowPolicy{Mode: "stop"}}, `on_bad_row: mode is "stop"`, "skip"},
		{"ratio", etl.Mapping{Columns: []etl.ColumnMapping{order}, OnBadRow: etl.BadRowPolicy{MaxRatio: &ratio}}, "on_bad_row: max_ratio is 2", "0.05"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(c.mapping, source, target, Options{})
			var e *etl.Error
			if !errors.As(err, &e) || e.Kind != etl.Mistake {
				t.Fatalf("got %#v", err)
			}
			if !strings.HasPrefix(e.Message, c.message) || !strings.Contains(e.Fix, c.fix) {
				t.Errorf("got %q, fix %q\nwant %q, fix with %q", e.Message, e.Fix, c.message, c.fix)
			}
		})
	}
}

func TestNotesUnusedColumns(t *testing.T) {
	source := []Source{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	m := etl.Mapping{Columns: []etl.ColumnMapping{{Source: "a", Destination: "a"}}, Filter: "c != 'x'"}
	p, err := Compile(m, source, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Notes(), "; "); got != `not used of the file: "b", "d"` {
		t.Error(got)
	}
}

func TestFilter(t *testing.T) {
	m := etl.Mapping{Columns: []etl.ColumnMapping{{Source: "n", Destination: "n"}}, Filter: "n > 2"}
	p, err := Compile(m, []Source{{Name: "n", Type: schema.Type{Kind: schema.Integer}}}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"3": "3", "2": "filtered", "": "filtered", "x": "bad: not_numeric n: 'x' is not numeric"} {
		if got := runText(t, p, [][]byte{[]byte(field)}, nil); got != want {
			t.Errorf("%q: got %s, want %s", field, got, want)
		}
	}
	if got := runText(t, p, nil, nil); got != "filtered" {
		t.Errorf("a record without fields: %s", got)
	}
}

// An expression sees a column as the mapping that takes it says.
func TestMappingDecidesHowExpressionsRead(t *testing.T) {
	source := []Source{{Name: "d", Type: schema.Type{Kind: schema.Text}}, {Name: "n", Type: schema.Type{Kind: schema.Text}}}
	m := etl.Mapping{Filter: "d > '2024-01-15' and n > 5 or n is null", Columns: []etl.ColumnMapping{
		{Source: "d", Destination: "d", Type: "date", Format: "DD/MM/YYYY"},
		{Source: "n", Destination: "n", Type: "numeric", Format: "1.234,5", NullValues: words("?")},
	}}
	p, err := Compile(m, source, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ d, n, want string }{
		{"01/02/2024", "10,5", "2024-02-01|10.5"},
		{"31/12/2023", "10,5", "filtered"},
		{"31/12/2023", "?", "2023-12-31|NULL"},
	} {
		if got := runText(t, p, fieldsOf([]string{c.d, c.n}), nil); got != c.want {
			t.Errorf("%v: got %s", c, got)
		}
	}
}

func TestRejectNamesColumnAndValue(t *testing.T) {
	long := strings.Repeat("ä", 1000)
	m := etl.Mapping{Columns: []etl.ColumnMapping{{Source: "Betrag", Destination: "amount", Type: "integer"}}}
	p, err := Compile(m, []Source{{Name: "Betrag"}}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, bad := p.NewRunner().Run([][]byte{[]byte(long)}, nil, make([]schema.Value, 1))
	if bad == nil || bad.Column != "Betrag" || bad.Value != strings.Repeat("ä", 200)+"…" || bad.Code != "not_integer" {
		t.Errorf("%+v", bad)
	}
}

// A defect stays within its row and names the column.
func TestDefectBecomesReject(t *testing.T) {
	p, fields, quoted := tenColumns(t)
	p.plans[3].finish = func(*frame, *schema.Value) { _ = p.plans[len(p.plans)+len(fields)] }
	keep, bad := p.NewRunner().Run(fields, quoted, make([]schema.Value, len(p.Columns())))
	if keep || bad == nil || bad.Code != CodeInternal || bad.Column != "city" || !strings.Contains(bad.Reason, "index out of range") {
		t.Errorf("keep %v, bad %+v", keep, bad)
	}
}

func TestAutoMap(t *testing.T) {
	column := func(name string) schema.Column { return schema.Column{Name: name} }
	for _, c := range []struct {
		name, file string
		target     []schema.Column
		want       string
	}{
		{"exact", "a,b", []schema.Column{column("b"), column("a")}, "b<b a<a"},
		{"alike", "Order ID,unit-price", []schema.Column{column("order_id"), column("UnitPrice")}, "order_id<Order ID UnitPrice<unit-price"},
		{"exact before alike", "ID,id", []schema.Column{column("id"), column("Id")}, "id<id Id<ID"},
		{"left to the database", "a,id,sum", []schema.Column{{Name: "id", Identity: "always"}, {Name: "sum", Generated: true}, column("a"), {Name: "c", HasDefault: true}}, "a<a"},
		{"identity by default taken", "id", []schema.Column{{Name: "id", Identity: "by default"}}, "id<id"},
		{"unmatched", "a,custmer,zzz", []schema.Column{column("a"), column("customer")}, `columns "custmer" (did you mean customer?), "zzz" of the file have no match in the table t`},
		{"several", "A B,a_b", []schema.Column{column("ab")}, `the file's columns "A B" and "a_b" both fit the table's column "ab"`},
		{"two in the table", "ID", []schema.Column{column("Id"), column("id")}, `the file's column "ID" fits both the table's column "Id" and its column "id"`},
		{"exact leaves one", "ID,id", []schema.Column{column("id"), column("ID"), column("Id")}, "id<id ID<ID"},
		{
			"as created", "Rechnungsnr.;Price (EUR);Order #;a.b;SELECT",
			[]schema.Column{column("select"), column("rechnungsnr"), column("price_eur"), column("order"), column("a_b")},
			"select<SELECT rechnungsnr<Rechnungsnr. price_eur<Price (EUR) order<Order # a_b<a.b",
		},
		{"as created, beside others", "Qty.;x", []schema.Column{column("x"), column("qty"), column("z")}, "x<x qty<Qty."},
		{"alike before as created", "A.B;ab.", []schema.Column{column("AB."), column("a_b")}, "AB.<ab. a_b<A.B"},
		{"created name is taken", "Qty.;qty", []schema.Column{column("qty"), column("x")}, `column "Qty." of the file has no match in the table t`},
		{"made for the file", "Order #;order", []schema.Column{column("order"), column("order_2")}, "order<Order # order_2<order"},
		{"made for the file, alike", "A B;A-B", []schema.Column{column("a_b"), column("a_b_2")}, "a_b<A B a_b_2<A-B"},
		{"nothing", "", []schema.Column{column("a")}, "no column of the file fits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var source []Source
			for _, n := range strings.FieldsFunc(c.file, func(r rune) bool { return r == ',' || r == ';' }) {
				source = append(source, Source{Name: n})
			}
			m, matches, err := AutoMap(source, &schema.Table{Name: "t", Columns: c.target})
			var got []string
			for _, x := range m.Columns {
				got = append(got, x.Destination+"<"+x.Source)
			}
			text := strings.Join(got, " ")
			if err != nil {
				text = err.Error()
			} else if len(matches) != len(c.target) {
				t.Errorf("%d matches for %d columns", len(matches), len(c.target))
			}
			if !strings.HasPrefix(text, c.want) {
				t.Errorf("got %s, want %s", text, c.want)
			}
			for _, match := range matches {
				if err == nil && (match.Source == "") && match.Note == "" {
					t.Errorf("%s has neither source nor note", match.Destination)
				}
			}
		})
	}
}

// What is known of a column's length is known of the table's, as long as
// nothing may make its texts longer.
func TestMaxBytes(t *testing.T) {
	long := strings.Repeat("d", 50)
	for _, tc := range []struct {
		name    string
		mapping etl.ColumnMapping
		known   int
		want    int
	}{
		{"as it is", etl.ColumnMapping{Source: "a"}, 40, 40},
		{"not known", etl.ColumnMapping{Source: "a"}, 0, 0},
		{"shortened", steps(step("TRIM"), step("substring", 2, 5), step("nullif", "x")), 40, 40},
		{"padded", steps(step("trim"), step("lpad", 80)), 40, 0},
		{"other letters, perhaps of more bytes", steps(step("upper")), 40, 0},
		{"calculated", etl.ColumnMapping{Source: "a", Expression: "value || '!'"}, 40, 0},
		{"of no source", etl.ColumnMapping{Expression: "'x'"}, 40, 0},
		{"a longer default", etl.ColumnMapping{Source: "a", Default: &long}, 40, 50},
	} {
		m := tc.mapping
		m.Destination = "x"
		if len(m.Transformations) > 0 {
			m.Source = "a"
		}
		sources := []Source{{Name: "a", Type: schema.Type{Kind: schema.Text}, MaxBytes: tc.known}}
		p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{m}}, sources, nil, Options{})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := p.Columns()[0].MaxBytes; got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Source: "a", Destination: "x"}}}, []Source{{Name: "a", MaxBytes: 9}}, []schema.Column{{Name: "x", Type: schema.Type{Kind: schema.Text}}}, Options{})
	if err != nil || p.Columns()[0].MaxBytes != 0 {
		t.Errorf("a table that exists has its sizes: %+v, %v", p.Columns(), err)
	}
}
