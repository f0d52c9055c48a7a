package transform

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

var documented = []Source{
	{Name: "order_id", Type: schema.Type{Kind: schema.Text}},
	{Name: "Customer Name", Type: schema.Type{Kind: schema.Text}},
	{Name: "country", Type: schema.Type{Kind: schema.Text}},
	{Name: "amount", Type: schema.Type{Kind: schema.Numeric, Precision: 4, Scale: 2}},
	{Name: "qty", Type: schema.Type{Kind: schema.Integer}},
	{Name: "Unit Price", Type: schema.Type{Kind: schema.Numeric}, Format: "1.234,56"},
	{Name: "ordered", Type: schema.Type{Kind: schema.Date}, Format: "DD.MM.YYYY"},
	{Name: "paid", Type: schema.Type{Kind: schema.Boolean}, Format: "ja/nein"},
	{Name: "note", Type: schema.Type{Kind: schema.Text}},
}

var documentedRow = []string{"1001", "  anna müller ", "de", "19.99", "3", "1.234,50", "31.01.2024", "ja", ""}

func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(text, -1) {
		found = append(found, string(m[1]))
	}
	if len(found) == 0 {
		t.Fatalf("docs/mapping.md has no examples in %s", language)
	}
	return found
}

func TestDocumentedMapping(t *testing.T) {
	for _, text := range blocks(t, "yaml") {
		m, err := ParseMapping([]byte(text), "mapping.md")
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(m, documented, nil, Options{Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		want := "1001|Anna Mueller|1234.50|2024-01-31|none|59.97|2024-01-01"
		if got := runText(t, p, fieldsOf(documentedRow), nil); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDocumentedExpressions(t *testing.T) {
	shown := map[string]bool{}
	name := regexp.MustCompile(`([a-z_0-9]+)\(`)
	for _, block := range blocks(t, "expr") {
		for line := range strings.Lines(block) {
			expression, want, ok := strings.Cut(strings.TrimSpace(line), "→")
			if !ok {
				t.Fatalf("no result: %s", line)
			}
			expression, want = strings.TrimSpace(expression), strings.TrimSpace(want)
			p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, documented, nil, Options{Now: testNow})
			if err != nil {
				t.Error(err)
				continue
			}
			if got := runText(t, p, fieldsOf(documentedRow), nil); got != want {
				t.Errorf("%s\n got %s\nwant %s", expression, got, want)
			}
			for _, m := range name.FindAllStringSubmatch(expression, -1) {
				shown[m[1]] = true
			}
		}
	}
	text, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	for n, f := range functions {
		if n == f.name && !shown[n] {
			t.Errorf("no example of %s", n)
		}
		if n != f.name && !bytes.Contains(text, []byte("`"+n+"`")) {
			t.Errorf("the alias %s is not documented", n)
		}
	}
}
