package schema

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseTypeTakesTypesOnly(t *testing.T) {
	for in, want := range map[string]string{
		`shop . "Order  State" [ ]`:            `shop."Order  State"[]`,
		`"a""b"`:                               `"a""b"`,
		"VarChar ( 10 ) [ 3 ]":                 "VarChar(10)[3]",
		"geometry( Point , 4326 )":             "geometry(Point,4326)",
		"public.geometry(PointZ,4326)[]":       "public.geometry(PointZ,4326)[]",
		"integer array":                        "integer array",
		"integer ARRAY[4]":                     "integer array[4]",
		"shop.state array":                     "shop.state array",
		"numeric(10,2) array":                  "numeric(10,2) array",
		"interval day to second (3)":           "interval day to second(3)",
		"bit varying(5)":                       "bit varying(5)",
		"timestamp (3) with time zone":         "timestamp(3) with time zone",
		"time(3) without time zone[]":          "time(3) without time zone[]",
		"national\u00a0character varying ( 9)": "varchar(9)",
		"pg_catalog.char":                      "pg_catalog.char",
		"pg_catalog.int4":                      "integer",
		"foo":                                  "foo",
	} {
		got, err := ParseType(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseType(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for in, why := range map[string]string{
		"text); drop table s1; --":    "its parentheses do not match",
		"text default (select 1)":     "too much",
		"text default 1":              "'1' is too much",
		"integer not null":            "'not null' is too much",
		"integer primary key":         "too much",
		"text collate \"C\"":          "too much",
		"text, b int":                 "a comma outside",
		"foo bar":                     "'bar' is too much",
		"shop.foo bar":                "'bar' is too much",
		"select":                      "'select' is a word of SQL",
		"array":                       "a word of SQL",
		"a.b.c":                       "the character '.'",
		"a.":                          "its name is missing",
		".a":                          "the character '.'",
		`""`:                          "empty",
		`"a" "b"`:                     "too much",
		"setof integer":               "too much",
		"t.c%type":                    "the character '%'",
		"integer array[1][2]":         "one pair of brackets",
		"integer[-1]":                 "only a number",
		"integer[] default 1":         "too much",
		"numeric(10,2,)":              "end with a comma",
		"numeric(10 2)":               "too much",
		"varchar(10) collate x":       "too much",
		"character(10) varying":       "too much",
		"interval year(3)":            "too much",
		"interval(3) year":            "too much",
		"timestamp with time zone(3)": "too much",
		"text[](3)":                   "parentheses",
		"text(5)[]":                   "takes no number",
		"varchar(x)[]":                "not a whole number",
		"geometry('Point')":           "the character '\\''",
		"text -- integer":             "the character '-'",
		"date /* x */":                "the character '/'",
		"a;b":                         "the character ';'",
		"\"a\n":                       "not closed",
		"double precision using x":    "too much",
	} {
		got, err := ParseType(in)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("ParseType(%q) = %+v, %v; want an error with %q", in, got, err, why)
		}
	}
	if _, err := ParseType("text default 1"); !strings.Contains(err.Error(), "a type looks like text, numeric(10,2)") {
		t.Errorf("%v does not say what a type looks like", err)
	}
}

// Words of SQL, signs and names in any order are refused or read to the end.
func TestParseTypePassesNothingOn(t *testing.T) {
	part := rapid.SampledFrom([]string{"text", "numeric", "double", "precision", "timestamp", "with time zone", "foo", "select", "default", "array", `"x y"`, "(", ")", "10", "2", ",", ".", "[", "]", ";", "--", "'", " ", "-", "time", "interval", "second", "varying", "character"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), rapid.SampledFrom([]string{" ", ""}).Draw(t, "between"))
		typ, err := ParseType(s)
		if err != nil {
			return
		}
		text := typ.String()
		if again, err := ParseType(text); err != nil || again != typ {
			t.Fatalf("%q is %q, which reads back as %+v, %v", s, text, again, err)
		}
		outside := strings.NewReplacer(`"x y"`, "q").Replace(text)
		if strings.ContainsAny(outside, `;'"`) || strings.Contains(outside, "--") || strings.Count(outside, "(") > 1 || strings.Count(outside, "(") != strings.Count(outside, ")") ||
			strings.Contains(" "+outside+" ", " default ") {
			t.Fatalf("%q becomes %q", s, text)
		}
	})
}

func TestKnown(t *testing.T) {
	for s, want := range map[string]bool{
		"text": true, "numeric(10,2)": true, "text[]": true, "timestamp(3)": true, "timetz": true, "time with time zone": true, "inet": true, "INET[]": true, "pg_catalog.inet": true,
		`"char"`: true, "interval year to month": true, "bit varying(3)": true, "foo": false, "shop.text": false, `"text"`: false, "foo[]": false, "geometry(Point,4326)": false,
	} {
		typ, err := ParseType(s)
		if err != nil || typ.Known() != want {
			t.Errorf("%s: Known() = %t, %v", s, typ.Known(), err)
		}
	}
	if (Type{}).Known() || (Type{Kind: Other, Name: "a b"}).Known() {
		t.Error("no type is known")
	}
}

func TestSameName(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"mood", "shop.Mood", true},
		{"mood", `"Mood"`, false},
		{`"mood"`, "MOOD", true},
		{"mood", "colour", false},
		{"a.mood", "b.mood", false},
		{"mood[]", "mood", false},
		{"geometry", "geometry(Point,4326)", true},
		{"timetz", "time with time zone", true},
		{"int[]", "integer array", true},
		{"mood", "inet", false},
	} {
		a, _ := ParseType(c.a)
		b, _ := ParseType(c.b)
		if a.SameName(b) != c.want || b.SameName(a) != c.want {
			t.Errorf("%s and %s: %t", c.a, c.b, !c.want)
		}
	}
	if (Type{Kind: Other, Name: "a b"}).SameName(Type{Kind: Other, Name: "a b"}) {
		t.Error("what is no type has no name")
	}
}

func TestElement(t *testing.T) {
	for in, want := range map[string]struct {
		element string
		array   bool
	}{
		"integer": {"integer", false}, "integer[]": {"integer", true}, "timestamp(3)": {"timestamp", false}, "interval day to second(3)": {"interval", false},
		"mood[]": {"mood", true}, "inet": {"inet", false}, "timestamp(3) with time zone array": {"timestamptz", true},
	} {
		typ, _ := ParseType(in)
		if e, array := typ.Element(); e.String() != want.element || array != want.array {
			t.Errorf("%s: %s, %t", in, e, array)
		}
	}
	if e, array := (Type{Kind: Other, Name: "a b"}).Element(); e.Name != "a b" || array {
		t.Errorf("%+v", e)
	}
}

// A type that did not come from ParseType cannot end the definition of its column.
func TestCreateSQLQuotesWhatIsNoType(t *testing.T) {
	table := Table{Name: "t", Columns: []Column{{Name: "a", Type: Type{Kind: Other, Name: `text); drop table "s"; --`}}, {Name: "b", Type: Type{Kind: Other, Name: "geometry( Point,4326 )"}}}}
	want := "CREATE TABLE t (\n  a \"text); drop table \"\"s\"\"; --\",\n  b geometry(Point,4326)\n)"
	if got := table.CreateSQL(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
