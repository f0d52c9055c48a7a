package transform

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
)

const fullMapping = `
columns:
  - source: Name
    destination: name
    transformations: [TRIM, {fn: replace, args: [a, "b"]}, {fn: LPAD, args: [5, 0]}]
    default: unknown
    null_values: ["", NA, 0]
    required: yes
  - {source: Preis, destination: price, type: "numeric(10,2)", format: "1.234,56"}
  - destination: total
    expression: price * 1.19
    default: 0
filter: price > 0
on_bad_row: {mode: skip, max_rows: 100, max_ratio: 0.05}
`

func TestParseMapping(t *testing.T) {
	got, err := ParseMapping([]byte(strings.Replace(fullMapping, "required: yes", "required: true", 1)), "m.yaml")
	if err != nil {
		t.Fatal(err)
	}
	unknown, zero, rows, ratio := "unknown", "0", int64(100), 0.05
	want := etl.Mapping{
		Columns: []etl.ColumnMapping{
			{Source: "Name", Destination: "name", Default: &unknown, NullValues: &[]string{"", "NA", "0"}, Required: true, Transformations: []etl.Transform{
				{Fn: "TRIM"}, {Fn: "replace", Args: []any{"a", "b"}}, {Fn: "LPAD", Args: []any{5, 0}},
			}},
			{Source: "Preis", Destination: "price", Type: "numeric(10,2)", Format: "1.234,56"},
			{Destination: "total", Expression: "price * 1.19", Default: &zero},
		},
		Filter:   "price > 0",
		OnBadRow: etl.BadRowPolicy{Mode: "skip", MaxRows: &rows, MaxRatio: &ratio},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	again, err := ParseMapping(FormatMapping(got), "again")
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("round trip: %v\n%s", err, FormatMapping(got))
	}
}

func TestParseMappingErrors(t *testing.T) {
	for _, c := range []struct{ name, text, message, fix string }{
		{"empty", "", "m.yaml: the file is empty", "columns"},
		{"comment", "# nothing\n", "m.yaml: the file is empty", "columns"},
		{"not yaml", "columns: [a: b: c", "m.yaml: ", "indentation"},
		{"list", "- a\n", "m.yaml:1:1: the mapping should be keys with values, not a list", "columns"},
		{"typo", "colums: []\n", `m.yaml:1:1: the mapping has no key "colums"`, "columns"},
		{"column typo", "columns:\n- source: a\n  destnation: b\n", `m.yaml:3:3: a column has no key "destnation"`, "destination"},
		{"twice", "columns:\n- source: a\n  destination: b\n  source: c\n", "m.yaml:4:3: the key source stands twice, first in line 2", "Remove"},
		{"no destination", "columns:\n- source: a\n", "m.yaml:2:3: a column has no destination", "destination"},
		{"no source", "columns:\n- destination: a\n", "m.yaml:2:3: the column \"a\" has neither", "source"},
		{"columns text", "columns: a\n", "m.yaml:1:10: columns should be a list, not the text \"a\"", "list"},
		{"column text", "columns:\n- a\n", "m.yaml:2:3: a column should be keys", "source"},
		{"no columns", "columns: []\n", "m.yaml:1:1: the mapping has no columns", "columns"},
		{"only filter", "filter: a\n", "m.yaml:1:1: the mapping has no columns", "columns"},
		{"same destination", "columns:\n- {source: a, destination: x}\n- {source: b, destination: x}\n", "m.yaml:3:28: two mappings fill the column \"x\"", "Remove"},
		{"function typo", "columns:\n- source: a\n  destination: b\n  transformations: [TRIM, UPPR]\n", `m.yaml:4:27: there is no transformation "UPPR"`, "UPPER"},
		{"function call", "columns:\n- source: a\n  destination: b\n  transformations: ['REPLACE(a, b)']\n", "m.yaml:4:21: a transformation with arguments", "{fn: REPLACE"},
		{"argument list", "columns:\n- source: a\n  destination: b\n  transformations: [{fn: REPLACE, args: [[a], b]}]\n", "m.yaml:4:42: an argument should be one value, not a list", "text"},
		{"source list", "columns:\n- source: [a]\n  destination: b\n", "m.yaml:2:11: source should be a text, not a list", "text"},
		{"required", "columns:\n- source: a\n  destination: b\n  required: maybe\n", "m.yaml:4:13: required should be true or false", "true"},
		{"null_values", "columns:\n- source: a\n  destination: b\n  null_values: NA\n", "m.yaml:4:16: null_values should be a list", "list"},
		{"mode", "on_bad_row: {mode: skp}\n", `m.yaml:1:20: on_bad_row: mode is "skp"`, "skip"},
		{"max_rows", "on_bad_row: {max_rows: few}\n", "m.yaml:1:24: max_rows should be a whole number", "whole"},
		{"max_ratio", "on_bad_row: {max_ratio: 5}\n", "m.yaml:1:25: on_bad_row: max_ratio is 5", "0.05"},
		{"latin1", "filter: '\xe4'\n", "m.yaml: the file is not UTF-8", "UTF-8"},
		{"nan", "on_bad_row: {max_ratio: .nan}\n", "m.yaml:1:25: on_bad_row: max_ratio is NaN", "0.05"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseMapping([]byte(c.text), "m.yaml")
			var e *etl.Error
			if !errors.As(err, &e) || e.Code != CodeMapping || e.Kind != etl.Mistake {
				t.Fatalf("got %#v", err)
			}
			if !strings.HasPrefix(e.Message, c.message) || !strings.Contains(e.Fix, c.fix) {
				t.Errorf("got %q, fix %q\nwant %q, fix with %q", e.Message, e.Fix, c.message, c.fix)
			}
		})
	}
}

func anyMapping() *rapid.Generator[etl.Mapping] {
	text := rapid.OneOf(rapid.StringN(0, 12, -1), rapid.SampledFrom([]string{"yes", "null", "~", "1", "1.0", "0x1", "- a", "a: b", "#", "'", "\"", "|", "", " ", "2024-01-31", "a\nb", "Unit Price", "{", "=", "<<", "é", "1_000", "1e3", ".inf"}))
	word := text.Filter(func(s string) bool { return s != "" })
	argument := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.IntRange(-1<<40, 1<<40), func(i int) any { return i }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) any { return f }), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil))
	return rapid.Custom(func(t *rapid.T) (m etl.Mapping) {
		destinations := rapid.SliceOfNDistinct(word, 1, 4, rapid.ID[string]).Draw(t, "destinations")
		for _, d := range destinations {
			c := etl.ColumnMapping{Destination: d, Source: word.Draw(t, "source"), Type: text.Draw(t, "type"), Format: text.Draw(t, "format"), Expression: text.Draw(t, "expression"), Required: rapid.Bool().Draw(t, "required")}
			for range rapid.IntRange(0, 2).Draw(t, "steps") {
				step := etl.Transform{Fn: rapid.SampledFrom(functionNames(true)).Draw(t, "fn")}
				if args := rapid.SliceOfN(argument, 0, 3).Draw(t, "args"); len(args) > 0 {
					step.Args = args
				}
				c.Transformations = append(c.Transformations, step)
			}
			if rapid.Bool().Draw(t, "default") {
				s := text.Draw(t, "default")
				c.Default = &s
			}
			if rapid.Bool().Draw(t, "nulls") {
				words := rapid.SliceOfN(text, 0, 3).Draw(t, "words")
				c.NullValues = &words
			}
			m.Columns = append(m.Columns, c)
		}
		m.Filter = text.Draw(t, "filter")
		m.OnBadRow.Mode = rapid.SampledFrom([]string{"", "fail", "skip"}).Draw(t, "mode")
		if rapid.Bool().Draw(t, "bounded") {
			i, f := rapid.Int64Range(0, 1<<62).Draw(t, "rows"), rapid.Float64Range(0, 1).Draw(t, "ratio")
			m.OnBadRow.MaxRows, m.OnBadRow.MaxRatio = &i, &f
		}
		return m
	})
}

func TestMappingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMapping().Draw(t, "mapping")
		text := FormatMapping(m)
		got, err := ParseMapping(text, "m.yaml")
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("got  %#v\nwant %#v\n%s", got, m, text)
		}
	})
}

func FuzzParseMapping(f *testing.F) {
	f.Add([]byte(fullMapping))
	f.Add([]byte("columns: &a\n- *a\n"))
	f.Add([]byte("columns:\n- <<: {source: a}\n  destination: b\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("columns: [{source: a, destination: b, default: !!binary aGk=}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMapping(text, "f")
		if err != nil {
			var e *etl.Error
			if !errors.As(err, &e) || e.Fix == "" || e.Kind != etl.Mistake {
				t.Fatalf("%#v", err)
			}
			return
		}
		again, err := ParseMapping(FormatMapping(m), "f")
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("round trip: %v\n%#v\n%#v", err, m, again)
		}
	})
}

func TestMappingJSONSchema(t *testing.T) {
	var s struct {
		Schema     string         `json:"$schema"`
		Properties map[string]any `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]struct {
				Description string `json:"description"`
			} `json:"properties"`
			Enum []string `json:"enum"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(MappingJSONSchema(), &s); err != nil {
		t.Fatal(err)
	}
	for _, k := range mappingKeys {
		if s.Properties[k] == nil {
			t.Errorf("no property %s", k)
		}
	}
	for _, k := range columnKeys {
		if s.Defs["column"].Properties[k].Description == "" {
			t.Errorf("no description of column property %s", k)
		}
	}
	for _, f := range []string{"TRIM", "LTRIM", "RTRIM", "UPPER", "LOWER", "TITLE", "REPLACE", "SUBSTRING", "LEFT", "RIGHT", "LPAD", "RPAD", "SPLIT_PART", "NULLIF", "COALESCE", "ROUND", "ABS", "REGEX_REPLACE", "REGEX_EXTRACT", "PARSE_DATE", "FORMAT_DATE", "CONCAT", "HASH"} {
		if !strings.Contains(strings.Join(s.Defs["function"].Enum, " ")+" ", f+" ") {
			t.Errorf("the schema lacks %s", f)
		}
	}
	// The keys of the Go types are those of the file.
	for _, c := range []struct {
		value any
		keys  []string
	}{{etl.Mapping{}, mappingKeys}, {etl.ColumnMapping{}, columnKeys}, {etl.Transform{}, transformKeys}, {etl.BadRowPolicy{}, policyKeys}} {
		var tags []string
		for f := range reflect.TypeOf(c.value).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			tags = append(tags, name)
		}
		if strings.Join(tags, " ") != strings.Join(c.keys, " ") {
			t.Errorf("%T has keys %v, the reader %v", c.value, tags, c.keys)
		}
	}
}
