package schema

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// newParser makes the parser of a type and format written as text.
func newParser(t testing.TB, typ, format string) *Parser {
	t.Helper()
	ty, err := ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFormat(ty.Kind, format)
	if err != nil {
		t.Fatal(err)
	}
	if f.String() != format || f.IsZero() != (format == "") {
		t.Errorf("format %q says that it is %q", format, f)
	}
	p, err := NewParser(ty, f, ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// parseCase is one value: want is its canonical text, or code and a part of the reason.
type parseCase struct {
	typ, format, in string
	want            string
	code, reason    string
}

func (c parseCase) run(t *testing.T) {
	t.Helper()
	p := newParser(t, c.typ, c.format)
	var v Value
	if e := p.Parse([]byte(c.in), &v); e != nil {
		if c.code == "" || e.Code != c.code || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s [%s] %q: %s: %s; want %q %s %q", c.typ, c.format, c.in, e.Code, e.Reason, c.want, c.code, c.reason)
		}
		return
	}
	if got := string(v.AppendText(nil, p.Type())); got != c.want || c.code != "" {
		t.Errorf("%s [%s] %q = %q; want %q %s %q", c.typ, c.format, c.in, got, c.want, c.code, c.reason)
	}
}

func runCases(t *testing.T, cases []parseCase) {
	t.Helper()
	for _, c := range cases {
		c.run(t)
	}
}

// genValue draws a value of each kind and the type that it belongs to.
func genValue() *rapid.Generator[typed] {
	return rapid.Custom(func(t *rapid.T) typed {
		typ := Type{Kind: Kind(rapid.IntRange(int(Text), int(Other)).Draw(t, "kind"))}
		v := Value{}
		switch typ.Kind {
		case Text, Char, Varchar, Other:
			v.Kind, v.Bytes = VText, []byte(rapid.String().Draw(t, "text"))
		case JSON, JSONB:
			v.Kind, v.Bytes = VText, []byte(rapid.SampledFrom([]string{`{"a": [1, -2.5e3, null]}`, `"x\n"`, `[]`, `{}`, `0`, `[[], {}, {"b": {}}]`, `"null"`}).Draw(t, "json"))
		case Boolean:
			v.Kind, v.Int = VBool, rapid.Int64Range(0, 1).Draw(t, "bool")
		case SmallInt:
			v.Kind, v.Int = VInt, int64(rapid.Int16().Draw(t, "int"))
		case Integer:
			v.Kind, v.Int = VInt, int64(rapid.Int32().Draw(t, "int"))
		case BigInt:
			v.Kind, v.Int = VInt, rapid.Int64().Draw(t, "int")
		case Real:
			v.Kind, v.Float = VFloat, float64(math.Float32frombits(rapid.Uint32().Draw(t, "float")))
		case Double:
			v.Kind, v.Float = VFloat, math.Float64frombits(rapid.Uint64().Draw(t, "float"))
		case Numeric:
			v.Kind, v.Dec = VDecimal, genDecimal().Draw(t, "decimal")
			if rapid.IntRange(0, 9).Draw(t, "special") == 0 {
				v.Dec = rapid.SampledFrom([]Decimal{NaN(), Infinity(1), Infinity(-1)}).Draw(t, "which")
			}
		case Date:
			v.Kind, v.Int = VDate, rapid.OneOf(rapid.Int64Range(minDate, endDate-1), rapid.Int64Range(-40000, 40000), rapid.SampledFrom([]int64{minDate, endDate - 1, math.MaxInt64, math.MinInt64})).Draw(t, "days")
		case Time:
			v.Kind, v.Int = VTime, rapid.OneOf(rapid.Int64Range(0, microsPerDay), rapid.Just[int64](microsPerDay)).Draw(t, "micros")
		case Timestamp, TimestampTZ:
			v.Kind = VTimestamp
			if typ.Kind == TimestampTZ {
				v.Kind = VTimestampTZ
			}
			v.Int = rapid.OneOf(rapid.Int64Range(minTimestamp, endTimestamp-1), rapid.Int64Range(-1e15, 1e15), rapid.SampledFrom([]int64{minTimestamp, endTimestamp - 1, math.MaxInt64, math.MinInt64})).Draw(t, "micros")
		case Interval:
			v.Kind = VInterval
			v.Span = Duration{Months: rapid.Int32().Draw(t, "months"), Days: rapid.Int32().Draw(t, "days"), Micros: rapid.Int64().Draw(t, "micros")}
		case UUID:
			v.Kind, v.Bytes = VBytes, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")
		case Bytea:
			v.Kind, v.Bytes = VBytes, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		return typed{typ, v}
	})
}

type typed struct {
	typ   Type
	value Value
}

// same compares what a value's kind says that counts.
func same(a, b *Value) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case VText, VBytes:
		return bytes.Equal(a.Bytes, b.Bytes)
	case VFloat:
		return math.Float64bits(a.Float) == math.Float64bits(b.Float) || math.IsNaN(a.Float) && math.IsNaN(b.Float)
	case VDecimal:
		return a.Dec.Cmp(b.Dec) == 0
	case VInterval:
		return a.Span == b.Span
	}
	return a.Int == b.Int
}

func TestTextOfEveryValueReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := genValue().Draw(t, "value")
		p, err := NewParser(x.typ, Format{}, ParserOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text := x.value.AppendText(nil, x.typ)
		var back Value
		if e := p.Parse(text, &back); e != nil || !same(&back, &x.value) {
			t.Fatalf("%s %q reads back as %+v, %v; was %+v", x.typ, text, back, e, x.value)
		}
	})
}

var successes = []parseCase{
	{typ: "text", in: "some text"},
	{typ: "varchar(10)", in: "größer"},
	{typ: "char(3)", in: "ab   "},
	{typ: "boolean", in: "true"},
	{typ: "boolean", format: "ja/nein", in: "NEIN"},
	{typ: "smallint", in: "-123"},
	{typ: "integer", in: "123456789"},
	{typ: "bigint", in: "-1234567890123456"},
	{typ: "integer", in: " 12.00 "},
	{typ: "integer", format: "1.234", in: "1.234.567"},
	{typ: "real", in: "0.1"},
	{typ: "double precision", in: "3.14159"},
	{typ: "double precision", in: "1.7976931348623157e308"},
	{typ: "double precision", format: "decimal_comma", in: "3,14"},
	{typ: "numeric(10,2)", in: "12345.67"},
	{typ: "numeric", in: "1e10"},
	{typ: "numeric(12,2)", format: "1.234,56 €", in: "-1.234.567,89 €"},
	{typ: "numeric", format: "percent", in: "12.5 %"},
	{typ: "numeric(10,2)", in: " 5.10 "},
	{typ: "date", in: "2024-01-31"},
	{typ: "date", format: "DD/MM/YYYY", in: "31/01/2024"},
	{typ: "date", format: "dmy", in: "31. January 2024"},
	{typ: "date", format: "excel", in: "45322"},
	{typ: "date", in: "2024/1/31"},
	{typ: "time", in: "10:11:12.5"},
	{typ: "time", format: "HH12:MI AM", in: "10:11 pm"},
	{typ: "timestamp", in: "2024-01-31 10:11:12"},
	{typ: "timestamp", in: "2024-01-31T10:11:12.123456Z"},
	{typ: "timestamp", in: "20240131T101112"},
	{typ: "timestamptz", in: "2024-01-31 10:11:12.5+02:00"},
	{typ: "timestamptz", format: "iso@Europe/Berlin", in: "2024-07-31 10:11:12"},
	{typ: "timestamptz", format: "%d/%b/%Y:%H:%M:%S %z", in: "31/Jan/2024:10:11:12 +0100"},
	{typ: "timestamptz", format: "epoch_ms", in: "1706695872123"},
	{typ: "timestamptz", format: "rfc2822", in: "Wed, 31 Jan 2024 10:11:12 GMT"},
	{typ: "interval", in: "1 year 2 mons 3 days 04:05:06.7"},
	{typ: "interval", in: "P1Y2M3DT4H5M6.7S"},
	{typ: "uuid", in: "550e8400-e29b-41d4-a716-446655440000"},
	{typ: "json", in: `{"a": [1, 2.5, "x\u00e9", null, true], "b": {}}`},
	{typ: "jsonb", in: `{"a": ["\ud83d\ude00", -1e5]}`},
	{typ: "bytea", in: `\x0123abcd`},
	{typ: "bytea", format: "base64", in: "AQIDBA=="},
}

func TestSuccessAllocatesNothing(t *testing.T) {
	for _, c := range successes {
		p := newParser(t, c.typ, c.format)
		var v Value
		text := []byte(c.in)
		if e := p.Parse(text, &v); e != nil {
			t.Errorf("%s %q: %v", c.typ, c.in, e)
			continue
		}
		if n := testing.AllocsPerRun(20, func() { _ = p.Parse(text, &v) }); n > 0 {
			t.Errorf("%s [%s] %q: %v allocations", c.typ, c.format, c.in, n)
		}
		dst := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(20, func() { dst = v.AppendText(dst[:0], p.Type()) }); n > 0 {
			t.Errorf("the text of %s %q: %v allocations", c.typ, c.in, n)
		}
	}
}

func TestNewParserRefusesForeignFormat(t *testing.T) {
	f, err := ParseFormat(Date, "DD/MM/YYYY")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewParser(Type{Kind: Integer}, f, ParserOptions{}); err == nil || !strings.Contains(err.Error(), "no format of a column of type integer") {
		t.Errorf("got %v", err)
	}
	if _, err := NewParser(Type{Kind: TimestampTZ}, f, ParserOptions{}); err != nil {
		t.Errorf("a date's format suits a timestamp: %v", err)
	}
}

func TestReasonsAreCut(t *testing.T) {
	p := newParser(t, "integer", "")
	var v Value
	e := p.Parse([]byte(strings.Repeat("ä", 5000)), &v)
	if want := "'" + strings.Repeat("ä", 60) + "…' is"; e == nil || !strings.HasPrefix(e.Reason, want) || e.Error() != e.Reason {
		t.Errorf("got %v", e)
	}
	if e = p.Parse([]byte("1\n2\x01"), &v); e == nil || !strings.HasPrefix(e.Reason, `'1\n2`) || strings.ContainsAny(e.Reason, "\n\x01") {
		t.Errorf("got %q", e.Reason)
	}
	if e = p.Parse([]byte(strings.Repeat("x", 60)), &v); e == nil || strings.Contains(e.Reason, "…") {
		t.Errorf("got %q", e.Reason)
	}
}

// Whatever is read is read the same again from its canonical text.
func FuzzParse(f *testing.F) {
	for _, c := range successes {
		typ, _ := ParseType(c.typ)
		f.Add(uint8(typ.Kind), c.format, []byte(c.in))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, format string, text []byte) {
		typ := Type{Kind: Kind(kind % uint8(Other+1))}
		parsed, err := ParseFormat(typ.Kind, format)
		if err != nil {
			return
		}
		if again, err := ParseFormat(typ.Kind, parsed.String()); err != nil || again.String() != parsed.String() {
			t.Fatalf("format %q reads back as %q, %v", parsed, again, err)
		}
		p, err := NewParser(typ, parsed, ParserOptions{Location: berlin})
		if err != nil {
			t.Fatal(err)
		}
		var v, back Value
		if e := p.Parse(text, &v); e != nil {
			if e.Code == "" || e.Reason == "" {
				t.Fatalf("an empty reason for %q", text)
			}
			return
		}
		plain, err := NewParser(typ, Format{}, ParserOptions{})
		if err != nil {
			t.Fatal(err)
		}
		canonical := v.AppendText(nil, typ)
		if e := plain.Parse(canonical, &back); e != nil || !same(&v, &back) {
			t.Fatalf("%s [%s] %q is %q, which reads back as %+v, %v", typ, parsed, text, canonical, back, e)
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"DD/MM/YYYY HH24:MI:SS.FF TZ", "%d.%m.%y %I:%M %p", "1.234,56 €", "(1'234.56)", "ja|j/nein|n", "decimal_comma+percent+round", "iso+round@Europe/Berlin", `"on" Dy, Month DD YYYY`} {
		f.Add(s, "12,5 31/01/2024")
	}
	f.Fuzz(func(t *testing.T, s, text string) {
		for k := Unknown; k <= Other; k++ {
			parsed, err := ParseFormat(k, s)
			if err != nil {
				continue
			}
			p, err := NewParser(Type{Kind: k}, parsed, ParserOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var v Value
			_ = p.Parse([]byte(text), &v)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, c := range successes {
		b.Run(strings.ReplaceAll(c.typ+" "+c.format+" "+c.in, "/", "|"), func(b *testing.B) {
			p := newParser(b, c.typ, c.format)
			text := []byte(c.in)
			var v Value
			b.ReportAllocs()
			for b.Loop() {
				_ = p.Parse(text, &v)
			}
		})
	}
}
