package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseBooleans(t *testing.T) {
	for word := range strings.FieldsSeq("t T true TRUE True y Y yes YES on On 1") {
		parseCase{typ: "boolean", in: " " + word + " ", want: "true"}.run(t)
	}
	for word := range strings.FieldsSeq("f F false FALSE n N no No off OFF 0") {
		parseCase{typ: "boolean", in: word, want: "false"}.run(t)
	}
	runCases(t, []parseCase{
		{typ: "boolean", in: "2", code: CodeNotBoolean, reason: "the words are true"},
		{typ: "boolean", in: "ja", code: CodeNotBoolean, reason: "(ja|j/nein|n)"},
		{typ: "boolean", in: "", code: CodeNotBoolean, reason: "empty"},
		{typ: "boolean", in: "truely", code: CodeNotBoolean},
		{typ: "boolean", format: "ja|j/nein|n", in: "J", want: "true"},
		{typ: "boolean", format: "Ja/Nein", in: "NEIN", want: "false"},
		{typ: "boolean", format: "да/нет", in: "ДА", want: "true"},
		{typ: "boolean", format: "ja/nein", in: "true", code: CodeNotBoolean, reason: "the format has the words ja/nein"},
		{typ: "boolean", format: "x/-", in: "-", want: "false"},
		{typ: "boolean", format: "K/z", in: "\u212a", want: "true"},
	})
}

func TestParseCharacters(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "varchar(10)", in: "abcdefghijkl", code: CodeTooLong, reason: "'abcdefghijkl' is 12 characters, varchar(10) holds 10"},
		{typ: "varchar(3)", in: "äöü", want: "äöü"},
		{typ: "varchar(3)", in: "äöüß", code: CodeTooLong, reason: "is 4 characters"},
		{typ: "varchar(3)", in: "ab  ", code: CodeTooLong, reason: "RTRIM"},
		{typ: "varchar", in: " x ", want: " x "},
		{typ: "varchar(3)", in: "", want: ""},
		{typ: "char(3)", in: "ab     ", want: "ab "},
		{typ: "char(3)", in: "äöü  ", want: "äöü"},
		{typ: "char(3)", in: "abcd ", code: CodeTooLong, reason: "is 4 characters, char(3) holds 3"},
		{typ: "char(3)", in: "a", want: "a"},
		{typ: "bpchar", in: "abcdef", want: "abcdef"},
		{typ: "text", in: "  keep ", want: "  keep "},
		{typ: "int[]", in: "{1,2}", want: "{1,2}"},
	})
}

func TestParseUUIDsAndBytes(t *testing.T) {
	const id = "550e8400-e29b-41d4-a716-446655440000"
	runCases(t, []parseCase{
		{typ: "uuid", in: id, want: id},
		{typ: "uuid", in: strings.ToUpper(id), want: id},
		{typ: "uuid", in: "{" + id + "}", want: id},
		{typ: "uuid", in: "550e8400e29b41d4a716446655440000", want: id},
		{typ: "uuid", in: "550e-8400-e29b-41d4-a716-4466-5544-0000", want: id},
		{typ: "uuid", in: "urn:uuid:" + id, want: id},
		{typ: "uuid", in: " " + id + " ", want: id},
		{typ: "uuid", in: id[:35], code: CodeNotUUID, reason: "32 hexadecimal digits"},
		{typ: "uuid", in: id + "0", code: CodeNotUUID},
		{typ: "uuid", in: id + "00", code: CodeNotUUID},
		{typ: "uuid", in: id + "-", code: CodeNotUUID},
		{typ: "uuid", in: "-" + id, code: CodeNotUUID},
		{typ: "uuid", in: "55-0e8400e29b41d4a716446655440000", code: CodeNotUUID},
		{typ: "uuid", in: "550e--8400e29b41d4a716446655440000", code: CodeNotUUID},
		{typ: "uuid", in: "g50e8400e29b41d4a716446655440000", code: CodeNotUUID},
		{typ: "uuid", in: "{" + id, code: CodeNotUUID},
		{typ: "uuid", in: "", code: CodeNotUUID, reason: "empty"},
		{typ: "uuid", in: "null", code: CodeNotUUID, reason: "null values"},
		{typ: "bytea", in: `\x01fF`, want: `\x01ff`},
		{typ: "bytea", in: "0x01FF", want: `\x01ff`},
		{typ: "bytea", in: "01ff", want: `\x01ff`},
		{typ: "bytea", in: `\x`, want: `\x`},
		{typ: "bytea", in: "", want: `\x`},
		{typ: "bytea", format: "hex", in: "00", want: `\x00`},
		{typ: "bytea", in: "abc", code: CodeNotBytea, reason: "odd number"},
		{typ: "bytea", in: "AQIDBA==", code: CodeNotBytea, reason: "format base64"},
		{typ: "bytea", in: "0x", want: `\x`},
		{typ: "bytea", format: "base64", in: "AQIDBA==", want: `\x01020304`},
		{typ: "bytea", format: "base64", in: "AQIDBA", want: `\x01020304`},
		{typ: "bytea", format: "base64", in: "-_8", want: `\xfbff`},
		{typ: "bytea", format: "base64", in: "+/8=", want: `\xfbff`},
		{typ: "bytea", format: "base64", in: "AQIDBA=", code: CodeNotBytea, reason: "padding"},
		{typ: "bytea", format: "base64", in: "A", code: CodeNotBytea},
		{typ: "bytea", format: "base64", in: "AB", code: CodeNotBytea},
		{typ: "bytea", format: "base64", in: "", want: `\x`},
		{typ: "varbyte(2)", in: "01ff", want: `\x01ff`},
		{typ: "varbyte(2)", in: `\x01ff00`, code: CodeTooLong, reason: "the value has 3 bytes, and varbyte(2) holds 2"},
		{typ: "varbyte(2)", format: "base64", in: "AQID", code: CodeTooLong, reason: "3 bytes"},
	})
}

func TestParseIntervals(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "interval", in: "1 year 2 mons 3 days 04:05:06.789", want: "1 year 2 mons 3 days 04:05:06.789"},
		{typ: "interval", in: "1 day 02:03:04", want: "1 day 02:03:04"},
		{typ: "interval", in: "02:03", want: "02:03:00"},
		{typ: "interval", in: "-02:03:04", want: "-02:03:04"},
		{typ: "interval", in: "100:00:00", want: "100:00:00"},
		{typ: "interval", in: "3 4:05:06", want: "3 days 04:05:06"},
		{typ: "interval", in: "1-2", want: "1 year 2 mons"},
		{typ: "interval", in: "-1-2 3 -4:05:06", want: "-1 years -2 mons +3 days -04:05:06"},
		{typ: "interval", in: "@ 1 hour 30 mins ago", want: "-01:30:00"},
		{typ: "interval", in: "1.5 days", want: "1 day 12:00:00"},
		{typ: "interval", in: "1.5 hours", want: "01:30:00"},
		{typ: "interval", in: "1.5 weeks", want: "10 days 12:00:00"},
		{typ: "interval", in: "1.5 years", want: "1 year 6 mons"},
		{typ: "interval", in: "0.5 mons", code: CodeTooPrecise, reason: "no fixed length"},
		{typ: "interval", in: "250 ms", want: "00:00:00.25"},
		{typ: "interval", in: "1 us", want: "00:00:00.000001"},
		{typ: "interval", in: "0.5 us", code: CodeTooPrecise},
		{typ: "interval", in: "1 century 2 decades", want: "120 years"},
		{typ: "interval", in: "1h30m", want: "01:30:00"},
		{typ: "interval", in: "2 HOURS", want: "02:00:00"},
		{typ: "interval", in: "0 days", want: "00:00:00"},
		{typ: "interval", in: "P1Y2M3DT4H5M6.5S", want: "1 year 2 mons 3 days 04:05:06.5"},
		{typ: "interval", in: "p2w", want: "14 days"},
		{typ: "interval", in: "PT36H", want: "36:00:00"},
		{typ: "interval", in: "P-1DT-2H", want: "-1 days -02:00:00"},
		{typ: "interval", in: "PT0S", want: "00:00:00"},
		{typ: "interval", in: "P0.5D", want: "12:00:00"},
		{typ: "interval", in: "P", code: CodeNotInterval},
		{typ: "interval", in: "PT", code: CodeNotInterval},
		{typ: "interval", in: "P1H", code: CodeNotInterval},
		{typ: "interval", in: "P1DT", code: CodeNotInterval},
		{typ: "interval", in: "P1", code: CodeNotInterval},
		{typ: "interval", in: "P1D2D", code: CodeNotInterval, reason: "twice"},
		{typ: "interval", in: "5", code: CodeNotInterval, reason: "names no unit"},
		{typ: "interval", in: "1 fortnight", code: CodeNotInterval, reason: "'fortnight' is not a unit"},
		{typ: "interval", in: "1 day 2 days", code: CodeNotInterval, reason: "twice"},
		{typ: "interval", in: "ago", code: CodeNotInterval},
		{typ: "interval", in: "1:60", code: CodeNotInterval},
		{typ: "interval", in: "1:00 2:00", code: CodeNotInterval},
		{typ: "interval", in: "1-12", code: CodeNotInterval},
		{typ: "interval", in: "", code: CodeNotInterval, reason: "empty"},
		{typ: "interval", in: "none", code: CodeNotInterval, reason: "null values"},
		{typ: "interval", in: "x", code: CodeNotInterval, reason: "P1DT2H3M4S"},
		{typ: "interval", in: "200000000 years", code: CodeOutOfRange},
		{typ: "interval", in: "999999999999999999 hours", code: CodeOutOfRange, reason: "too long"},
		{typ: "interval", in: "9999999999:00", code: CodeOutOfRange, reason: "too many hours"},
		{typ: "interval", in: "2562047788:00:54.775807", want: "2562047788:00:54.775807"},
		{typ: "interval", in: "-2562047788:00:54.775808", want: "-2562047788:00:54.775808"},
		{typ: "interval", in: "2562047788:00:54.775808", code: CodeOutOfRange},
		{typ: "interval", in: "-178956970 years -8 mons", want: "-178956970 years -8 mons"},
		{typ: "interval", in: "1 day 00:00:00.0000001", code: CodeTooPrecise},
		{typ: "interval", in: "-1 mons +1 day", want: "-1 mons +1 day"},
	})
}

func TestParseJSON(t *testing.T) {
	for _, s := range []string{`{}`, `[]`, `null`, `true`, `false`, `0`, `-0.5e+10`, `""`, `"\"\\\/\b\f\n\r\t\u00e9"`, `{"a":{"b":[1,{"c":[]}]},"d":""}`, ` [ 1 , 2 ] `, `"ä😀"`, strings.Repeat("[", 1024) + strings.Repeat("]", 1024), `{"":0}`, `[[],[]]`, `[{},{}]`} {
		for _, typ := range []string{"json", "jsonb"} {
			parseCase{typ: typ, in: s, want: strings.TrimSpace(s)}.run(t)
		}
	}
	for _, s := range []string{`{`, `[`, `[1,]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{'a':1}`, `01`, `1.`, `.5`, `+1`, `1e`, `- 1`, `tru`, `nulll`, `"`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\t\"", `[1 2]`, `1 2`, `[}`, `{]`, `]`, `{"a":1 "b":2}`, `NaN`, `Infinity`, `// x`, ``, strings.Repeat("[", 1025), `{1:2}`, `"a" "b"`, "\"a\x00\""} {
		for _, typ := range []string{"json", "jsonb"} {
			parseCase{typ: typ, in: s, code: CodeNotJSON}.run(t)
		}
	}
	runCases(t, []parseCase{
		{typ: "json", in: `"\u0000"`, want: `"\u0000"`},
		{typ: "jsonb", in: `"\u0000"`, code: CodeNotJSON, reason: `cannot hold \u0000`},
		{typ: "json", in: `"\ud800"`, want: `"\ud800"`},
		{typ: "jsonb", in: `"\ud800"`, code: CodeNotJSON, reason: "surrogate"},
		{typ: "jsonb", in: `"\udc00"`, code: CodeNotJSON, reason: "surrogate"},
		{typ: "jsonb", in: `"\ud800\u0041"`, code: CodeNotJSON, reason: "surrogate"},
		{typ: "jsonb", in: `"\ud83d\ude00"`, want: `"\ud83d\ude00"`},
		{typ: "jsonb", in: "1e131071", want: "1e131071"},
		{typ: "jsonb", in: "1e131072", code: CodeNotJSON, reason: "so large"},
		{typ: "json", in: "1e131072", want: "1e131072"},
		{typ: "jsonb", in: "1e-16383", want: "1e-16383"},
		{typ: "jsonb", in: "1e-16384", code: CodeNotJSON},
		{typ: "json", in: "{a:1}", code: CodeNotJSON, reason: "byte 2 ('a') is not allowed there"},
		{typ: "json", in: "[1,2", code: CodeNotJSON, reason: "ends too early, after 4 bytes"},
		{typ: "json", in: strings.Repeat("[", 5000), code: CodeNotJSON, reason: "deeper than 1024"},
		{typ: "json", in: "N/A", code: CodeNotJSON, reason: "null values"},
		{typ: "json", in: "\"\x01\"", code: CodeNotJSON, reason: "must be escaped"},
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[\[\]{}",:0-9eE.+\-\\utrfalsn ]{0,24}`).Draw(t, "text")
		p, _ := NewParser(Type{Kind: JSON}, Format{}, ParserOptions{})
		var v Value
		if e := p.Parse([]byte(s), &v); (e == nil) != json.Valid([]byte(s)) {
			t.Fatalf("%q: %v, but encoding/json says %t", s, e, json.Valid([]byte(s)))
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,null,"\u00e9"]}`, `[[[]]]`, `"\ud83d"`, `-0`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := jsonCheck{text: text}
		// encoding/json allows deeper nesting than we do.
		if got := c.document(); got != json.Valid(text) && !strings.Contains(c.why, "nested") {
			t.Fatalf("%q: %t", text, got)
		}
	})
}
