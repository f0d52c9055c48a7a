package schema

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseIntegers(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "smallint", in: "32767", want: "32767"},
		{typ: "smallint", in: "-32768", want: "-32768"},
		{typ: "integer", in: "+5", want: "5"},
		{typ: "integer", in: "007", want: "7"},
		{typ: "integer", in: "\t 12\u00a0", want: "12"},
		{typ: "bigint", in: "9223372036854775807", want: "9223372036854775807"},
		{typ: "bigint", in: "-9223372036854775808", want: "-9223372036854775808"},
		{typ: "integer", in: "12.0", want: "12"},
		{typ: "integer", in: "-12.", want: "-12"},
		{typ: "integer", in: "\u22125", want: "-5"},
		{typ: "bigint", in: strings.Repeat("0", 30) + "7", want: "7"},
		{typ: "smallint", in: "40000", code: CodeOutOfRange, reason: "'40000' does not fit smallint (−32768 to 32767)"},
		{typ: "integer", in: "2147483648", code: CodeOutOfRange, reason: "(−2147483648 to 2147483647); use bigint"},
		{typ: "bigint", in: "9223372036854775808", code: CodeOutOfRange, reason: "use numeric"},
		{typ: "bigint", in: "-9223372036854775809", code: CodeOutOfRange},
		{typ: "integer", in: strings.Repeat("9", 2000), code: CodeOutOfRange},
		{typ: "integer", in: strings.Repeat("9", 5000), code: CodeOutOfRange, reason: "5000 bytes long"},
		{typ: "integer", in: "12.5", code: CodeTooPrecise, reason: "digits after the point"},
		{typ: "integer", format: "round", in: "12.5", want: "13"},
		{typ: "integer", in: "1e5", code: CodeNotInteger, reason: "exponent"},
		{typ: "integer", in: "", code: CodeNotInteger, reason: "it is empty"},
		{typ: "integer", in: " ", code: CodeNotInteger, reason: "it is empty"},
		{typ: "integer", in: "N/A", code: CodeNotInteger, reason: "null values"},
		{typ: "integer", in: "-", code: CodeNotInteger, reason: "null values"},
		{typ: "integer", in: "abc", code: CodeNotInteger, reason: "'abc' is not integer"},
		{typ: "integer", in: "yes", code: CodeNotInteger, reason: "true/false word"},
		{typ: "integer", in: "1,234", code: CodeNotInteger, reason: "format 1,234.56"},
		{typ: "integer", in: "1 234", code: CodeNotInteger, reason: "1 234"},
		{typ: "integer", in: `"5"`, code: CodeNotInteger, reason: "quotes"},
		{typ: "integer", in: "'5", code: CodeNotInteger, reason: "apostrophe"},
		{typ: "integer", in: `="5"`, code: CodeNotInteger, reason: "formula"},
		{typ: "integer", in: "2024-01-31", code: CodeNotInteger},
		{typ: "integer", in: "31/01/2024", code: CodeNotInteger, reason: "looks like a date"},
		{typ: "integer", in: "5 kg", code: CodeNotInteger, reason: "letters after the digits"},
		{typ: "integer", in: "NaN", code: CodeNotInteger},
		{typ: "integer", in: "Infinity", code: CodeNotInteger},
		{typ: "integer", in: "50%", code: CodeNotInteger, reason: "percent"},
		{typ: "integer", format: "1.234", in: "1.234.567", want: "1234567"},
		{typ: "integer", format: "1,234", in: "-1,234", want: "-1234"},
		{typ: "integer", format: "#,##0", in: "12,345", want: "12345"},
		{typ: "integer", format: "1 234", in: "1\u00a0234", want: "1234"},
		{typ: "integer", format: "1 234", in: "1\u202f234", want: "1234"},
		{typ: "integer", format: "1'234", in: "1’234", want: "1234"},
		{typ: "integer", format: "1.234", in: "1.23", code: CodeNotInteger, reason: "not three digits"},
		{typ: "integer", format: "percent", in: "1200 %", want: "12"},
		{typ: "integer", format: "percent", in: "5 %", code: CodeTooPrecise},
	})
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		for _, kind := range []Kind{SmallInt, Integer, BigInt} {
			p, _ := NewParser(Type{Kind: kind}, Format{}, ParserOptions{})
			var v Value
			e := p.Parse(strconv.AppendInt(nil, i, 10), &v)
			if fits := i >= p.low && i <= p.high; fits != (e == nil) || fits && v.Int != i {
				t.Fatalf("%s %d: %v", kind, i, e)
			}
		}
	})
}

func TestParseNumeric(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "numeric(10,2)", in: "12345.67", want: "12345.67"},
		{typ: "numeric(10,2)", in: "12345678.9", want: "12345678.90"},
		{typ: "numeric(10,2)", in: "-5", want: "-5.00"},
		{typ: "numeric(10,2)", in: "1.5e3", want: "1500.00"},
		{typ: "numeric(10,2)", in: "1.23000", want: "1.23"},
		{typ: "numeric(10,2)", in: ".5", want: "0.50"},
		{typ: "numeric(10,2)", in: "99999999.99", want: "99999999.99"},
		{typ: "numeric(10,2)", in: "100000000", code: CodeOutOfRange, reason: "9 digits before the point, 8 are allowed"},
		{typ: "numeric(10,2)", in: "1.239", code: CodeTooPrecise, reason: "'1.239' has 3 digits after the point, numeric(10,2) holds 2; use ROUND"},
		{typ: "numeric(10,2)", format: "round", in: "1.235", want: "1.24"},
		{typ: "numeric(10,2)", format: "round", in: "-1.235", want: "-1.24"},
		{typ: "numeric(10,2)", format: "round", in: "99999999.995", code: CodeOutOfRange},
		{typ: "numeric(4,4)", in: "0.1234", want: "0.1234"},
		{typ: "numeric(4,4)", in: "1", code: CodeOutOfRange},
		{typ: "numeric(2,4)", in: "0.0012", want: "0.0012"},
		{typ: "numeric(2,4)", in: "0.01", code: CodeOutOfRange},
		{typ: "numeric(3,-2)", in: "12300", want: "12300"},
		{typ: "numeric(3,-2)", in: "12345", code: CodeTooPrecise, reason: "without rounding"},
		{typ: "numeric(3,-2)", in: "100000", code: CodeOutOfRange},
		{typ: "numeric(19,0)", in: "9999999999999999999", want: "9999999999999999999"},
		{typ: "numeric(18,2)", in: "9999999999999999.99", want: "9999999999999999.99"},
		{typ: "numeric(30,10)", in: "12345678901234567890.12", want: "12345678901234567890.1200000000"},
		{typ: "numeric", in: "1.2300", want: "1.2300"},
		{typ: "numeric", in: "1e-30", want: "0." + strings.Repeat("0", 29) + "1"},
		{typ: "numeric", in: "NaN", want: "NaN"},
		{typ: "numeric", in: "-inf", want: "-Infinity"},
		{typ: "numeric(5,2)", in: "nan", want: "NaN"},
		{typ: "numeric(5,2)", in: "Infinity", code: CodeOutOfRange, reason: "infinity"},
		{typ: "numeric", in: strings.Repeat("9", 1001), code: CodeOutOfRange, reason: "more than 1000 digits"},
		{typ: "numeric", in: "1e999999999", code: CodeOutOfRange},
		{typ: "numeric(10,2)", in: "12,5", code: CodeNotNumeric, reason: "'12,5' is not numeric(10,2): did you mean decimal comma? (format decimal_comma)"},
		{typ: "numeric(10,2)", in: "1,234", code: CodeNotNumeric, reason: "decimal comma (format decimal_comma) or thousands with commas (format 1,234.56)?"},
		{typ: "numeric(10,2)", in: "1,234,567", code: CodeNotNumeric, reason: "did you mean thousands with commas? (format 1,234.56)"},
		{typ: "numeric(10,2)", in: "1.234,56", code: CodeNotNumeric, reason: "(format 1.234,56)"},
		{typ: "numeric(10,2)", in: "1 234,56", code: CodeNotNumeric, reason: "(format 1 234,56)"},
		{typ: "numeric(10,2)", in: "1'234.56", code: CodeNotNumeric, reason: "apostrophes"},
		{typ: "numeric(10,2)", in: "12.50-", code: CodeNotNumeric, reason: "a trailing minus? (format trailing_minus)"},
		{typ: "numeric(10,2)", in: "(12.50)", code: CodeNotNumeric, reason: "parentheses"},
		{typ: "numeric(10,2)", in: "$12.50", code: CodeNotNumeric, reason: "(format currency)"},
		{typ: "numeric(10,2)", in: "1.234,56 €", code: CodeNotNumeric, reason: "(format 1.234,56+currency)"},
		{typ: "numeric(10,2)", in: "12 %", code: CodeNotNumeric, reason: "(format percent)"},
		{typ: "numeric(10,2)", in: "12,5%", code: CodeNotNumeric, reason: "(format decimal_comma+percent)"},
		{typ: "numeric(10,2)", in: "12.5.2024", code: CodeNotNumeric, reason: "looks like a date"},
		{typ: "numeric", format: "decimal_comma", in: "-12,5", want: "-12.5"},
		{typ: "numeric", format: "decimal_comma", in: "1.234", code: CodeNotNumeric, reason: "'.'"},
		{typ: "numeric", format: "1.234,56", in: "1.234.567,8", want: "1234567.8"},
		{typ: "numeric", format: "1.234,56", in: "1234,5", want: "1234.5"},
		{typ: "numeric", format: "1.234,56", in: "1234.56", code: CodeNotNumeric},
		{typ: "numeric", format: "1.234,56", in: "1.2345,6", code: CodeNotNumeric, reason: "not three digits"},
		{typ: "numeric", format: "1,234.56", in: "1,5", code: CodeNotNumeric, reason: "did you mean decimal comma"},
		{typ: "numeric", format: "1,234.56", in: "12,34,567.8", want: "1234567.8"},
		{typ: "numeric", format: "1,234.56", in: ",234", code: CodeNotNumeric},
		{typ: "numeric", format: "1,234.56", in: "1,,234", code: CodeNotNumeric},
		{typ: "numeric", format: "1,234.56", in: "1,234,", code: CodeNotNumeric},
		{typ: "numeric", format: "1234,56", in: "1234,56", want: "1234.56"},
		{typ: "numeric", format: "€1.234,56", in: "€ 1.234,56", want: "1234.56"},
		{typ: "numeric", format: "1.234,56 €", in: "1.234,56", want: "1234.56"},
		{typ: "numeric", format: "1.234,56 €", in: "-1.234,56€", want: "-1234.56"},
		{typ: "numeric", format: "€1.234,56", in: "-€5,00", want: "-5.00"},
		{typ: "numeric", format: "€1.234,56", in: "€-5,00", want: "-5.00"},
		{typ: "numeric", format: "1.234,56 €", in: "5,00 $", code: CodeNotNumeric, reason: "'$'"},
		{typ: "numeric", format: "$1,234.56", in: "($1,234.56)", want: "-1234.56"},
		{typ: "numeric", format: "CHF 1'234.50", in: "CHF 12'345.60", want: "12345.60"},
		{typ: "numeric", format: "currency", in: "£12.5", want: "12.5"},
		{typ: "numeric", format: "decimal_comma+currency", in: "12,5 €", want: "12.5"},
		{typ: "numeric", format: "(1,234.56)", in: "(1,234.56)", want: "-1234.56"},
		{typ: "numeric", format: "(1,234.56)", in: "1.5", want: "1.5"},
		{typ: "numeric", format: "1,234.56-", in: "1,234.56-", want: "-1234.56"},
		{typ: "numeric", format: "trailing_minus", in: "-5", want: "-5"},
		{typ: "numeric", format: "trailing_minus", in: "-5-", code: CodeNotNumeric},
		{typ: "numeric", format: "percent", in: "12.5 %", want: "0.125"},
		{typ: "numeric", format: "12,5 %", in: "-12,5%", want: "-0.125"},
		{typ: "numeric", format: "percent", in: "12.5", code: CodeNotNumeric, reason: "no percent sign"},
		{typ: "numeric", format: "decimal_comma+percent", in: "1,5e1%", want: "0.15"},
		{typ: "numeric", format: "decimal_comma", in: "1,5,5", code: CodeNotNumeric},
		{typ: "numeric", format: "decimal_comma", in: "", code: CodeNotNumeric, reason: "empty"},
		{typ: "numeric", format: "1 234,56", in: "1 234\u00a0567,8", want: "1234567.8"},
	})
}

func TestParseFloats(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "real", in: "0.1", want: "0.1"},
		{typ: "real", in: "16777217", want: "1.6777216e+07"},
		{typ: "real", in: "999999", want: "999999"},
		{typ: "real", in: "1e6", want: "1e+06"},
		{typ: "real", in: "1e39", code: CodeOutOfRange, reason: "does not fit real"},
		{typ: "real", in: "1e-50", code: CodeOutOfRange},
		{typ: "real", in: "-0", want: "-0"},
		{typ: "float8", in: "0.0001", want: "0.0001"},
		{typ: "float8", in: "0.00001", want: "1e-05"},
		{typ: "float8", in: "1e15", want: "1e+15"},
		{typ: "float8", in: "999999999999999", want: "999999999999999"},
		{typ: "float8", in: "123456789012345680", want: "1.2345678901234568e+17"},
		{typ: "float8", in: "NaN", want: "NaN"},
		{typ: "float8", in: "-infinity", want: "-Infinity"},
		{typ: "float8", in: "+Inf", want: "Infinity"},
		{typ: "float8", in: "5e-324", want: "5e-324"},
		{typ: "float8", in: "0e-999", want: "0"},
		{typ: "float8", in: "1e-400", code: CodeOutOfRange},
		{typ: "float8", in: "1e400", code: CodeOutOfRange},
		{typ: "float8", in: "0x1p3", code: CodeNotNumber},
		{typ: "float8", in: "1_000", code: CodeNotNumber},
		{typ: "float8", in: "12,5", code: CodeNotNumber, reason: "decimal comma"},
		{typ: "float8", in: "\u22122.5", want: "-2.5"},
		{typ: "float8", format: "percent", in: "12.5%", want: "0.125"},
		{typ: "float8", format: "1.234,5", in: "-1.234,5", want: "-1234.5"},
		{typ: "float8", in: ".", code: CodeNotNumber},
		{typ: "float8", in: "", code: CodeNotNumber, reason: "empty"},
		{typ: "float8", format: "percent", in: "1e-324%", code: CodeOutOfRange},
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{0,20})?(e-?[0-9]{1,2})?`).Draw(t, "number")
		for kind, bits := range map[Kind]int{Real: 32, Double: 64} {
			want, err := strconv.ParseFloat(s, bits)
			p, _ := NewParser(Type{Kind: kind}, Format{}, ParserOptions{})
			var v Value
			e := p.Parse([]byte(s), &v)
			if err == nil && e == nil && math.Float64bits(v.Float) != math.Float64bits(want) || err != nil && e == nil {
				t.Fatalf("%s %q: %v, %v; want %v, %v", kind, s, v.Float, e, want, err)
			}
		}
	})
}

func TestParseFormatOfNumbersRefuses(t *testing.T) {
	for in, part := range map[string]string{
		"1.234": "write two decimals, as in 1.234,56 or 1234.56", "1,234": "as in 1,234.56 or 1234,56", "abc": "no digits", "1.23.456,7": "not three", "1.234.56": "three digits", "1,234,5": "three digits", "€1.234,56 $": "both sides", "1.234,56 Taler": "currency sign", "1;234": "separates no digits", "decimal_comma+foo": "'foo' is not a word", ".5": "not a currency sign",
		strings.Repeat("1", 300): "at most 200 bytes", "1.234'567,8": "do not match",
	} {
		if f, err := ParseFormat(Numeric, in); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseFormat(%q) = %+v, %v; want %q", in, f, err, part)
		}
	}
	for _, in := range []string{"1.234.567", "1234", "1 234", "1.234,5", "1234,5", "-1,234.5", "+1,234.5", "R$ 1.234,56", "zł 1", "1,234.567"} {
		if _, err := ParseFormat(Numeric, in); err != nil {
			t.Error(err)
		}
	}
}
