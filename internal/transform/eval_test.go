package transform

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// testNow is what now() gives in tests.
var testNow = time.Date(2024, 2, 29, 23, 30, 15, 123456000, time.UTC)

// row is a record for the tests: columns of every kind.
var rowSources = []Source{
	{Name: "name", Type: schema.Type{Kind: schema.Text}},
	{Name: "amount", Type: schema.Type{Kind: schema.Numeric, Precision: 10, Scale: 2}},
	{Name: "qty", Type: schema.Type{Kind: schema.Integer}},
	{Name: "ok", Type: schema.Type{Kind: schema.Boolean}, Format: "ja/nein"},
	{Name: "day", Type: schema.Type{Kind: schema.Date}, Format: "DD.MM.YYYY"},
	{Name: "at", Type: schema.Type{Kind: schema.Timestamp}},
	{Name: "seen", Type: schema.Type{Kind: schema.TimestampTZ}},
	{Name: "clock", Type: schema.Type{Kind: schema.Time}},
	{Name: "ratio", Type: schema.Type{Kind: schema.Double}},
	{Name: "code", Type: schema.Type{Kind: schema.Text}},
	{Name: "Unit Price", Type: schema.Type{Kind: schema.Numeric}, Format: "1.234,56"},
	{Name: "missing", Type: schema.Type{Kind: schema.Text}},
	{Name: "nonumber", Type: schema.Type{Kind: schema.Numeric}},
	{Name: "nodate", Type: schema.Type{Kind: schema.Date}},
	{Name: "bad", Type: schema.Type{Kind: schema.Numeric}},
}

var rowFields = []string{
	"Ärger & Söhne", "19.99", "3", "ja", "31.01.2024", "2024-02-29 13:45:06.5", "2024-07-01 12:00:00+02", "08:30:00", "0.5", "007", "1.234,50", "", "", "", "oops",
}

func fieldsOf(values []string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

// evaluate runs an expression over the row and gives its text; null and bad rows have their own forms.
func evaluate(t testing.TB, expression string) string {
	t.Helper()
	p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, rowSources, nil, Options{Now: testNow})
	if err != nil {
		var e *etl.Error
		if !errors.As(err, &e) || e.Kind != etl.Mistake || e.Fix == "" {
			t.Fatalf("%s: not a Mistake with a fix: %#v", expression, err)
		}
		return "error: " + e.Error()
	}
	return runText(t, p, fieldsOf(rowFields), nil)
}

func runText(t testing.TB, p *Program, fields [][]byte, quoted []bool) string {
	t.Helper()
	out := make([]schema.Value, len(p.Columns()))
	keep, bad := p.NewRunner().Run(fields, quoted, out)
	switch {
	case bad != nil:
		return "bad: " + string(bad.Code) + " " + bad.Column + ": " + bad.Reason
	case !keep:
		return "filtered"
	}
	var parts []string
	for i := range out {
		if out[i].Kind == schema.VNull {
			parts = append(parts, "NULL")
			continue
		}
		parts = append(parts, string(out[i].AppendText(nil, p.Columns()[i].Type)))
	}
	return strings.Join(parts, "|")
}

var evaluations = []struct{ expression, want string }{
	// Literals, columns, precedence.
	{"1 + 2 * 3", "7"},
	{"(1 + 2) * 3", "9"},
	{"-2 * -3", "6"},
	{"10 - 4 - 3", "3"},
	{"2 - -1", "3"},
	{"1_000 + 1e3", "2000"},
	{".5 + 1.50", "2.00"},
	{"7 % 3", "1"},
	{"-7 % 3", "-1"},
	{"amount * qty", "59.97"},
	{"AMOUNT * Qty", "59.97"},
	{`col("Unit Price") * 2`, "2469.00"},
	{`col('unit_price')`, "1234.50"},
	{"unit_price + 1", "1235.50"},
	{"0.1 + 0.2 == 0.3", "true"},
	{"99999999999999999999 * 99999999999999999999", "9999999999999999999800000000000000000001"},
	{"10.00 / 4", "2.50"},
	{"1 / 8", "0.125"},
	{"1 / 3", "0.33333333333333333333"},
	{"6 / 2", "3"},
	{"amount / 0", "bad: expression_failed x: division by zero"},
	{"1 % 0", "bad: expression_failed x: division by zero"},
	{"name", "Ärger & Söhne"},
	{"qty", "3"},
	{"ok", "true"},
	{"day", "2024-01-31"},
	{"clock", "08:30:00"},
	{"ratio", "0.5"},
	{"ratio * 2 + qty", "4"},
	{"ratio / 0", "bad: expression_failed x: division by zero"},
	{"null", "NULL"},
	{"true", "true"},
	{"'it''s' + \" \\\"q\\\" \\u00e9\"", `it's "q" é`},
	{`'\d+'`, `\d+`},
	{`'a\\d'`, `a\d`},
	{`'tab\tend'`, "tab\tend"},
	// Text.
	{"name + '!'", "Ärger & Söhne!"},
	{"name || '!' || code", "Ärger & Söhne!007"},
	{"'N' + qty", "N3"},
	{"name + missing", "NULL"},
	{"code + 1", "error"},
	{"code * 2", "14"},
	{"number(code) + 1", "8"},
	{"name * 2", "bad: not_numeric name: 'Ärger & Söhne' is not a number"},
	{"upper(name)", "ÄRGER & SÖHNE"},
	{"lower('ÀÉ ΟΔΟΣ')", "àé οδος"},
	{"upper('straße ﬁx')", "STRASSE FIX"},
	{"UPPER('abc')", "ABC"},
	{"upper(missing)", "NULL"},
	{"upper(qty)", "3"},
	{"title('hello wORLD o''neil ñandú')", "Hello World O'Neil Ñandú"},
	{"initcap('x')", "X"},
	{"trim('  a b\u00a0 ')", "a b"},
	{"ltrim('  a ')", "a "},
	{"rtrim('  a ')", "  a"},
	{"trim('--a-', '-')", "a"},
	{"trim('äöaö', 'äö')", "a"},
	{"ltrim('xxa','x')", "a"},
	{"trim('')", ""},
	{"replace('banana', 'an', 'X')", "bXXa"},
	{"replace('abc', '', 'X')", "abc"},
	{"replace('abc', 'b', '')", "ac"},
	{"replace(name, missing, 'x')", "NULL"},
	{"substring('Ärger', 2, 3)", "rge"},
	{"substring('Ärger', 2)", "rger"},
	{"substring('abc', 0, 2)", "a"},
	{"substring('abc', -1, 1)", ""},
	{"substring('abc', 9, 1)", ""},
	{"substring('abc', 1, -1)", "error"},
	{"substring('abc', 1, qty - 4)", "bad: expression_failed x: the length of substring is negative"},
	{"substr('abc', 2)", "bc"},
	{"left('Ärger', 2)", "Är"},
	{"left('abc', -1)", "ab"},
	{"left('abc', 99)", "abc"},
	{"left('abc', 0)", ""},
	{"right('söhne', 3)", "hne"},
	{"right('söhne', 4)", "öhne"},
	{"right('abc', -1)", "bc"},
	{"left('abc', -9)", ""},
	{"lpad('7', 3, '0')", "007"},
	{"lpad('abcd', 2)", "ab"},
	{"lpad('a', 3)", "  a"},
	{"rpad('ä', 4, 'xy')", "äxyx"},
	{"lpad('a', 4, '')", "a"},
	{"lpad('a', 0)", ""},
	{"lpad(qty, 5, 0)", "00003"},
	{"split_part('a,b,c', ',', 2)", "b"},
	{"split_part('a,b,c', ',', -1)", "c"},
	{"split_part('a,b,c', ',', -3)", "a"},
	{"split_part('a,b', ',', 5)", ""},
	{"split_part('a,b', ',', -5)", ""},
	{"split_part('a', '', 1)", "a"},
	{"split_part('a', ',', 0)", "error"},
	{"concat('a', missing, 1, true, null)", "a1true"},
	{"concat(missing)", ""},
	{"concat_ws('-', 'a', missing, 'b')", "a-b"},
	{"concat_ws(missing, 'a', 'b')", "NULL"},
	{"concat(name, concat('x', 'y'), concat(name))", "Ärger & SöhnexyÄrger & Söhne"},
	{"repeat('ab', 3)", "ababab"},
	{"repeat('ab', 0)", ""},
	{"length(name)", "13"},
	{"len(missing)", "NULL"},
	{"position('söhne', 'h')", "3"},
	{"position('a', 'x')", "0"},
	{"hash('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"hash('what do ya want for nothing?', 'Jefe')", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{"hash(missing)", "NULL"},
	{"text(amount) + ''", "19.99"},
	{`text(col("Unit Price"))`, "1.234,50"},
	{`concat(col("Unit Price") + 0)`, "1234.50"},
	{"text(day)", "31.01.2024"},
	{"text(date(day))", "2024-01-31"},
	// Regular expressions.
	{`regex_replace('a1b22', '[0-9]+', '#')`, "a#b#"},
	{`regex_replace('John Smith', '(\w+) (\w+)', '\2, $1')`, "Smith, John"},
	{`regex_replace('aaa', '', '-')`, "-a-a-a-"},
	{`regex_replace('x', '(x)', '$1a')`, "xa"},
	{`regex_extract('order 4711', '\d+')`, "4711"},
	{`regex_extract('k=v', '(\w)=(\w)')`, "k"},
	{`regex_extract('k=v', '(\w)=(\w)', 2)`, "v"},
	{`regex_extract('k=v', '(\w)=(\w)', 0)`, "k=v"},
	{`regex_extract('abc', 'x')`, "NULL"},
	{`regex_extract('abc', 'x', 1)`, "error"},
	{`name matches '^Ä'`, "true"},
	{`name not matches 'Söhne$'`, "false"},
	{`missing matches 'x'`, "NULL"},
	{`'a.c' like 'a.%'`, "true"},
	{`'abc' like 'a.%'`, "false"},
	{`'ABC' ilike 'a_c'`, "true"},
	{`'a%' like 'a\%'`, "true"},
	{`'ab' like 'a\%'`, "false"},
	{`regex_match('abc', 'b')`, "true"},
	{`name matches code`, "error"},
	{`name matches '('`, "error"},
	{`name matches '(a{1000}){1000}'`, "error"},
	{`name matches '(?=a)'`, "error"},
	// Comparison and logic.
	{"amount > 19.98 and qty <= 3", "true"},
	{"qty = 3", "true"},
	{"qty <> 3", "false"},
	{"qty != 4", "true"},
	{"1.0 == 1.00", "true"},
	{"'a' < 'b'", "true"},
	{"code == '007'", "true"},
	{"code == 7", "true"},
	{"qty == '3'", "true"},
	{"ok == 'ja'", "true"},
	{"ok == true", "true"},
	{"ok", "true"},
	{"not ok", "false"},
	{"!ok or ok", "true"},
	{"not qty == 3", "false"},
	{"ok && qty == 3 || false", "true"},
	{"amount == 'N/A'", "false"},
	{"amount > 'N/A'", "error"},
	{"missing == 'x'", "NULL"},
	{"missing == 'x' and false", "false"},
	{"missing == 'x' and true", "NULL"},
	{"missing == 'x' or true", "true"},
	{"not (missing == 'x')", "NULL"},
	{"true and (missing == 'x')", "NULL"},
	{"false or (missing == 'x')", "NULL"},
	{"qty == null", "error"},
	{"missing is null", "true"},
	{"qty is not null", "true"},
	{"bad is null", "false"},
	{"null is null", "true"},
	{"name is null", "false"},
	{"qty in [1, 2, 3]", "true"},
	{"qty in (1, 2)", "false"},
	{"qty not in [1, 2]", "true"},
	{"name in ['a', 'b']", "false"},
	{"code in ['007']", "true"},
	{"missing in ['a']", "NULL"},
	{"qty in [1, null]", "NULL"},
	{"qty in [3, null]", "true"},
	{"code in ['x', null]", "NULL"},
	{"name in []", "error"},
	{"day in ['2024-01-31', '2024-02-01']", "true"},
	{"ok in ['ja', 'oui']", "true"},
	{"name in [code, name]", "true"},
	{"qty between 1 and 3", "true"},
	{"qty not between 1 and 2 and true", "true"},
	{"missing between 'a' and 'b'", "NULL"},
	{"day between '2024-01-01' and '2024-01-31'", "true"},
	{"name contains 'Söhne'", "true"},
	{"name startsWith 'Ä'", "true"},
	{"name endsWith 'x'", "false"},
	{"contains(name, 'x')", "false"},
	{"starts_with(name, 'Är')", "true"},
	{"ends_with(name, missing)", "NULL"},
	{"name not contains 'x'", "true"},
	{"qty > 2 ? 'many' : 'few'", "many"},
	{"missing == '' ? 1 : 2", "2"},
	{"if(qty > 5, 1, 2.5)", "2.5"},
	{"iif(ok, null, 1)", "NULL"},
	{"ok ? 1 : 'x'", "error"},
	{"ok ? 1 : '2'", "1"},
	{"false ? 1 : true ? 2 : 3", "2"},
	{"missing ?? 'none'", "none"},
	{"nonumber ?? 0", "0"},
	{"coalesce(nonumber, missing * 1, 5)", "5"},
	{"coalesce(null, null)", "NULL"},
	{"nullif(qty, 3)", "NULL"},
	{"nullif(qty, 4)", "3"},
	{"nullif(name, 'x')", "Ärger & Söhne"},
	{"nullif(missing, 'x')", "NULL"},
	{"nullif(amount, nonumber)", "19.99"},
	{"nullif(1, null)", "1"},
	{"coalesce(bad, 1)", "bad: not_numeric bad"},
	{"false and bad > 1", "false"},
	{"ok or bad > 1", "true"},
	{"bad + 1", "bad: not_numeric bad"},
	{"greatest(1, qty, nonumber)", "3"},
	{"least(qty, 2.5, 9)", "2.5"},
	{"greatest('a', name, 'b')", "Ärger & Söhne"},
	{"least(nonumber)", "NULL"},
	{"greatest(day, '2024-03-01', today())", "2024-03-01"},
	{"greatest(nonumber, nonumber)", "NULL"},
	{"greatest(nonumber, 4)", "4"},
	// Numbers.
	{"round(2.5)", "3"},
	{"round(-2.5)", "-3"},
	{"round(2.345, 2)", "2.35"},
	{"round(1234, -2)", "1200"},
	{"round(nonumber)", "NULL"},
	{"round('2.5')", "3"},
	{"round(1, 5000)", "error"},
	{"abs(-3.5)", "3.5"},
	{"floor(-1.5)", "-2"},
	{"ceil(1.2)", "2"},
	{"ceiling(-1.2)", "-1"},
	{"trunc(-1.9)", "-1"},
	{"trunc(1.239, 2)", "1.23"},
	{"int('12.9')", "12"},
	{"sign(-4)", "-1"},
	{"mod(7, 4)", "3"},
	{"number('1.234,5', '1.234,56')", "1234.5"},
	{"number('abc')", "error"},
	{"number(name)", "bad: not_numeric name"},
	{"-amount", "-19.99"},
	{"+amount", "19.99"},
	{"-name", "bad: not_numeric name"},
	{"1 + true", "error"},
	{"boolean('ja', 'ja/nein')", "true"},
	{"boolean('true')", "true"},
	// Dates.
	{"day + 1", "2024-02-01"},
	{"1 + day", "2024-02-01"},
	{"day - 31", "2023-12-31"},
	{"today() - day", "29"},
	{"day - '2024-01-01'", "30"},
	{"day + 0.5", "bad: expression_failed x: a whole number is needed, not 0.5"},
	{"day + 999999999", "bad: out_of_range"},
	{"day + day", "error"},
	{"at + 1", "error"},
	{"nodate + 1", "NULL"},
	{"day > '2024-01-30'", "true"},
	{"day == at", "false"},
	{"at > day", "true"},
	{"day > 'yesterday-ish'", "error"},
	{"day == '31.01.2024'", "true"},
	{"at >= '2024-02-29'", "true"},
	{"seen > at", "true"},
	{"name > day", "error"},
	{"year(day)", "2024"},
	{"month(day)", "1"},
	{"day(day)", "31"},
	{"quarter(day)", "1"},
	{"week(day)", "5"},
	{"weekday(day)", "3"},
	{"extract(dow from day)", "3"},
	{"extract('doy', at)", "60"},
	{"hour(at)", "13"},
	{"minute(at)", "45"},
	{"second(at)", "6.500000"},
	{"hour(seen)", "10"},
	{"hour(clock)", "8"},
	{"year(clock)", "error"},
	{"extract(epoch from seen)", "1719828000"},
	{"extract(isoyear from date('2021-01-03'))", "2020"},
	{"week('2021-01-03')", "53"},
	{"year('2024-05-06')", "2024"},
	{"year(name)", "bad: not_timestamp name"},
	{"extract(foo from day)", "error"},
	{"year(qty)", "error"},
	{"date_trunc('month', day)", "2024-01-01"},
	{"date_trunc('week', at)", "2024-02-26 00:00:00"},
	{"date_trunc('hour', at)", "2024-02-29 13:00:00"},
	{"date_trunc('quarter', date('2024-05-31'))", "2024-04-01"},
	{"date_trunc('year', seen)", "2024-01-01 00:00:00+00"},
	{"date_add('month', 1, day)", "2024-02-29"},
	{"date_add('day', -31, day)", "2023-12-31"},
	{"date_add('hours', 2, day)", "2024-01-31 02:00:00"},
	{"date_add('year', 1, date('2024-02-29'))", "2025-02-28"},
	{"date_add('quarter', -1, day)", "2023-10-31"},
	{"date_add('year', 999999999, day)", "bad: out_of_range"},
	{"date_add('week', 999999999999, at)", "bad: out_of_range"},
	{"date_diff('day', day, today())", "29"},
	{"date_diff('month', day, '2024-02-01')", "1"},
	{"date_diff('year', '2023-12-31', '2024-01-01')", "1"},
	{"date_diff('week', '2024-01-07', '2024-01-08')", "1"},
	{"date_diff('minute', clock, '09:00')", "error"},
	{"date_diff('second', '2024-01-01', '2024-01-01 00:00:59.9')", "59"},
	{"date('31/12/2023', 'DD/MM/YYYY')", "2023-12-31"},
	{"date(at)", "2024-02-29"},
	{"timestamp(day)", "2024-01-31 00:00:00"},
	{"timestamp('2024-01-31 10:11', 'YYYY-MM-DD HH24:MI')", "2024-01-31 10:11:00"},
	{"time(at)", "13:45:06.5"},
	{"timestamptz(day)", "2024-01-31 00:00:00+00"},
	{"parse_date('20240131', 'YYYYMMDD')", "2024-01-31"},
	{"parse_date('31.01.2024 10:00', 'DD.MM.YYYY HH24:MI')", "2024-01-31 10:00:00"},
	{"parse_date(name, 'DD.MM.YYYY')", "bad: not_date name"},
	{"date('x')", "error"},
	{"date('x', 'nonsense')", "error"},
	{"format_date(day, 'DD/MM/YY')", "31/01/24"},
	{"format_date(at, 'YYYY-MM-DD HH24:MI:SS.MS')", "2024-02-29 13:45:06.500"},
	{"format_date(at, '%d.%m.%Y %H:%M')", "29.02.2024 13:45"},
	{"format_date(at, 'HH12:MI AM')", "01:45 PM"},
	{"format_date(day, 'D Mon YYYY, Day')", "31 Jan 2024, Wednesday"},
	{"format_date(day, 'MON')", "JAN"},
	{"format_date(seen, 'iso')", "2024-07-01T10:00:00+00:00"},
	{"format_date(day, 'iso')", "2024-01-31"},
	{"format_date(seen, 'epoch')", "1719828000"},
	{"format_date('2024-01-31', 'YYYY\"Q\"Q')", "2024Q1"},
	{"format_date(day, 'xyz')", "error"},
	{"format_date(clock, 'YYYY')", "error"},
	{"format_date(nodate, 'YYYY')", "NULL"},
	{"format_date(day, '%Q')", "error"},
	{"now()", "2024-02-29 23:30:15.123456+00"},
	{"today()", "2024-02-29"},
	{"now() - 1", "error"},
	{"at - day", "error"},
	{"day - at", "error"},
	{"at - at", "error"},
	{"seen - day", "error"},
	{"at - '2024-01-01'", "error"},
	{"day - '2024-01-31 10:00'", "error"},
	{"date(at) - day", "29"},
	{"date_diff('hour', day, at)", "709"},
}

func TestEvaluate(t *testing.T) {
	for _, c := range evaluations {
		got := evaluate(t, c.expression)
		if got == c.want || c.want == "error" && strings.HasPrefix(got, "error: ") || strings.HasPrefix(c.want, "bad: ") && strings.HasPrefix(got, c.want) {
			continue
		}
		t.Errorf("%s\n got %s\nwant %s", c.expression, got, c.want)
	}
}

// The time of day is never dropped on the way to a number of days.
func TestSubtractedTimestamps(t *testing.T) {
	for expression, want := range map[string]string{
		"at - day":  "there is no - where a timestamp stands beside a date: in which unit?",
		"day - at":  "there is no - where a timestamp stands beside a date: in which unit?",
		"at - seen": "there is no - where a timestamp stands beside a timestamp with time zone: in which unit?",
	} {
		got := evaluate(t, expression)
		if !strings.Contains(got, want) || !strings.Contains(got, "date_diff('hour', a, b)") || !strings.Contains(got, "date(a) - date(b)") {
			t.Errorf("%s: %s", expression, got)
		}
	}
}
