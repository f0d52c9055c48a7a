package schema

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseType(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Type
		text string
	}{
		{"text", Type{Kind: Text}, "text"},
		{" TEXT ", Type{Kind: Text}, "text"},
		{"pg_catalog.text", Type{Kind: Text}, "text"},
		{"int", Type{Kind: Integer}, "integer"},
		{"INT4", Type{Kind: Integer}, "integer"},
		{"serial", Type{Kind: Integer}, "integer"},
		{"bigserial", Type{Kind: BigInt}, "bigint"},
		{"int8", Type{Kind: BigInt}, "bigint"},
		{"smallserial", Type{Kind: SmallInt}, "smallint"},
		{"varchar", Type{Kind: Varchar}, "varchar"},
		{"character varying(10)", Type{Kind: Varchar, Length: 10}, "varchar(10)"},
		{"VarChar ( 10 )", Type{Kind: Varchar, Length: 10}, "varchar(10)"},
		{"char", Type{Kind: Char, Length: 1}, "char(1)"},
		{"character(5)", Type{Kind: Char, Length: 5}, "char(5)"},
		{"bpchar", Type{Kind: Char}, "bpchar"},
		{"numeric", Type{Kind: Numeric}, "numeric"},
		{"numeric(10)", Type{Kind: Numeric, Precision: 10}, "numeric(10,0)"},
		{"decimal(10, 2)", Type{Kind: Numeric, Precision: 10, Scale: 2}, "numeric(10,2)"},
		{"numeric(3,-2)", Type{Kind: Numeric, Precision: 3, Scale: -2}, "numeric(3,-2)"},
		{"float", Type{Kind: Double}, "double precision"},
		{"float(24)", Type{Kind: Real}, "real"},
		{"float(25)", Type{Kind: Double}, "double precision"},
		{"double   precision", Type{Kind: Double}, "double precision"},
		{"float4", Type{Kind: Real}, "real"},
		{"bool", Type{Kind: Boolean}, "boolean"},
		{"date", Type{Kind: Date}, "date"},
		{"interval", Type{Kind: Interval}, "interval"},
		{"uuid", Type{Kind: UUID}, "uuid"},
		{"json", Type{Kind: JSON}, "json"},
		{"jsonb", Type{Kind: JSONB}, "jsonb"},
		{"bytea", Type{Kind: Bytea}, "bytea"},
		{"super", Type{Kind: JSONB}, "jsonb"},
		{"VARBYTE", Type{Kind: Bytea}, "bytea"},
		{"binary varying(9)", Type{Kind: Bytea, Length: 9}, "varbyte(9)"},
		{"nvarchar(9)", Type{Kind: Varchar, Length: 9}, "varchar(9)"},
		{`"super"`, Type{Kind: Other, Name: `"super"`}, `"super"`},
		{"time", Type{Kind: Time}, "time"},
		{"time without time zone", Type{Kind: Time}, "time"},
		{"timestamp with time zone", Type{Kind: TimestampTZ}, "timestamptz"},
		{"Timestamp(6) With Time Zone", Type{Kind: TimestampTZ}, "timestamptz"},
		{"timestamp without time zone", Type{Kind: Timestamp}, "timestamp"},
		{"timestamp(3)", Type{Kind: Other, Name: "timestamp(3)"}, "timestamp(3)"},
		{"time with time zone", Type{Kind: Other, Name: "time with time zone"}, "time with time zone"},
		{"interval year to month", Type{Kind: Other, Name: "interval year to month"}, "interval year to month"},
		{"text[]", Type{Kind: Other, Name: "text[]"}, "text[]"},
		{"integer[3][]", Type{Kind: Other, Name: "integer[3][]"}, "integer[3][]"},
		{"numeric(10,2)[]", Type{Kind: Other, Name: "numeric(10,2)[]"}, "numeric(10,2)[]"},
		{`shop."Order State"`, Type{Kind: Other, Name: `shop."Order State"`}, `shop."Order State"`},
		{`"char"`, Type{Kind: Other, Name: `"char"`}, `"char"`},
		{`"text"`, Type{Kind: Other, Name: `"text"`}, `"text"`},
		{"public.text", Type{Kind: Other, Name: "public.text"}, "public.text"},
		{"geometry(Point,4326)", Type{Kind: Other, Name: "geometry(Point,4326)"}, "geometry(Point,4326)"},
		{"bit(3)", Type{Kind: Other, Name: "bit(3)"}, "bit(3)"},
		{"Größe", Type{Kind: Other, Name: "Größe"}, "Größe"},
	} {
		got, err := ParseType(c.in)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("ParseType(%q) = %+v (%s), %v; want %+v (%s)", c.in, got, got, err, c.want, c.text)
		}
		if again, err := ParseType(got.String()); err != nil || again != got {
			t.Errorf("%q does not read back: %+v, %v", got, again, err)
		}
	}
}

func TestParseTypeRefuses(t *testing.T) {
	for in, part := range map[string]string{
		"": "missing", "   ": "missing", "varchar(0)": "between 1 and 10485760", "varchar(x)": `"x" is not a whole number`, "varchar(1,2)": "must be varchar(n)", "numeric(1001)": "between 1 and 1000", "numeric(10,2000)": "between -1000 and 1000", "numeric(1,2,3)": "must be numeric(p,s)",
		"text(5)": "takes no number", "bytea(5)": "takes no number", "varbyte(0)": "between 1 and", "integer(4)": "takes no number", "float8(3)": "takes no number", "float(54)": "between 1 and 53", "timestamp(7)": "between 0 and 6",
		"text; drop table x": "the character ';'", "text)": "parentheses", "text(": "parenthesis", `"text`: "not closed", "text--": "the character '-'", "a,b": "comma", "text[": "not closed", "text]": "brackets", "text[x]": "only a number", "varchar()": "empty", "(5)": "parentheses", "5text": "begins with a letter",
		"int) as x, (int": "parentheses", "te\x00xt": "not text", strings.Repeat("x", 501): "longer than 500", "x'y": "the character", "numeric(10,2)(3)": "parentheses", "a/*b*/": "the character",
	} {
		if got, err := ParseType(in); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseType(%q) = %+v, %v; want an error with %q", in, got, err, part)
		}
	}
}

func TestWiden(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"smallint", "integer", "integer"},
		{"integer", "bigint", "bigint"},
		{"bigint", "numeric(10,2)", "numeric(21,2)"},
		{"integer", "numeric(12,2)", "numeric(12,2)"},
		{"numeric(5,2)", "numeric(6,4)", "numeric(7,4)"},
		{"numeric", "integer", "numeric"},
		{"smallint", "real", "real"},
		{"integer", "real", "double precision"},
		{"bigint", "float8", "numeric"},
		{"numeric(3,1)", "float8", "numeric"},
		{"real", "float8", "double precision"},
		{"date", "timestamp", "timestamp"},
		{"date", "timestamptz", "timestamptz"},
		{"timestamp", "timestamptz", "timestamptz"},
		{"date", "time", "text"},
		{"date", "integer", "text"},
		{"boolean", "integer", "text"},
		{"varchar(5)", "varchar(9)", "varchar(9)"},
		{"varchar(5)", "varchar", "varchar"},
		{"char(5)", "varchar(3)", "varchar(5)"},
		{"char(5)", "char(7)", "char(7)"},
		{"varchar(5)", "text", "text"},
		{"varchar(5)", "integer", "text"},
		{"json", "jsonb", "json"},
		{"uuid", "uuid", "uuid"},
		{"uuid", "text", "text"},
		{"mood", "mood", "mood"},
		{"mood", "colour", "text"},
		{"numeric(1000,0)", "numeric(1000,1000)", "numeric"},
	} {
		a, _ := ParseType(c.a)
		b, _ := ParseType(c.b)
		if got := Widen(a, b); got.String() != c.want {
			t.Errorf("Widen(%s, %s) = %s, want %s", a, b, got, c.want)
		}
	}
	if got := Widen(Type{}, Type{Kind: Date}); got.Kind != Date {
		t.Errorf("Unknown widens to %s", got)
	}
}

func genType() *rapid.Generator[Type] {
	return rapid.Custom(func(t *rapid.T) Type {
		typ := Type{Kind: Kind(rapid.IntRange(int(Unknown), int(Other)).Draw(t, "kind"))}
		switch typ.Kind {
		case Char, Varchar:
			typ.Length = rapid.IntRange(0, 4).Draw(t, "length")
		case Numeric:
			if typ.Precision = rapid.SampledFrom([]int{0, 1, 3, 9, 20, 999, 1000}).Draw(t, "precision"); typ.Precision > 0 {
				typ.Scale = rapid.IntRange(-3, 5).Draw(t, "scale")
			}
		case Other:
			typ.Name = rapid.SampledFrom([]string{"a", "b[]"}).Draw(t, "name")
		}
		return typ
	})
}

func TestWidenIsASemilattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := genType().Draw(t, "a"), genType().Draw(t, "b"), genType().Draw(t, "c")
		if Widen(a, a) != a || Widen(a, b) != Widen(b, a) || Widen(Widen(a, b), c) != Widen(a, Widen(b, c)) {
			t.Fatalf("%v %v %v: %v %v", a, b, c, Widen(Widen(a, b), c), Widen(a, Widen(b, c)))
		}
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"numeric(10,2)", `a."b c"[]`, "timestamp(3) with time zone", "float(3)", "((", "varchar(99999999999999999999)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := ParseType(s)
		if err != nil {
			return
		}
		again, err := ParseType(typ.String())
		if err != nil || again != typ {
			t.Fatalf("%q is %+v, reads back as %+v, %v", s, typ, again, err)
		}
		if typ.Kind != Other && strings.ContainsAny(typ.String(), `"';`) {
			t.Fatalf("%q becomes %q", s, typ)
		}
	})
}
