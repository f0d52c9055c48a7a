package transform

import (
	"errors"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

func FuzzParse(f *testing.F) {
	for _, c := range evaluations {
		f.Add(c.expression)
	}
	f.Fuzz(func(t *testing.T, source string) {
		n, err := parse(source)
		if err != nil {
			if err.Fix == "" || !strings.Contains(err.Message, "position ") {
				t.Fatalf("%q: %#v", source, err)
			}
			return
		}
		text := write(n)
		if len(text) > maxSource {
			return
		}
		again, err := parse(text)
		if err != nil {
			// Parentheses that the text needs may pass the bound on nesting.
			if strings.Contains(err.Message, "deep") {
				return
			}
			t.Fatalf("%q: %v", text, err)
		}
		if write(again) != text {
			t.Fatalf("%q became %q", text, write(again))
		}
	})
}

// FuzzEvaluate runs any expression over any fields: no panic, only bad rows.
func FuzzEvaluate(f *testing.F) {
	for _, c := range evaluations {
		f.Add(c.expression, strings.Join(rowFields, "\x1f"))
	}
	f.Add("amount * qty", strings.Repeat("\x1f", len(rowFields)))
	f.Fuzz(func(t *testing.T, source, row string) {
		if len(source) > 2000 || len(row) > 2000 {
			return
		}
		row = strings.ToValidUTF8(strings.ReplaceAll(row, "\x00", ""), "")
		var fields [][]byte
		for v := range strings.SplitSeq(row, "\x1f") {
			fields = append(fields, []byte(v))
		}
		for _, target := range []string{"", "numeric(10,2)", "integer", "text", "date", "timestamptz", "boolean", "float8", "varchar(5)", "uuid"} {
			var columns []schema.Column
			if target != "" {
				columns = []schema.Column{{Name: "x", Type: typeOf(t, target)}}
			}
			p, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: source}}}, rowSources, columns, Options{Now: testNow})
			if err != nil {
				var e *etl.Error
				if !errors.As(err, &e) || e.Kind != etl.Mistake || e.Fix == "" {
					t.Fatalf("%q: %#v", source, err)
				}
				continue
			}
			_, bad := p.NewRunner().Run(fields, nil, make([]schema.Value, 1))
			if bad != nil && (bad.Code == CodeInternal || bad.Reason == "") {
				t.Fatalf("%q over %q: %+v", source, row, bad)
			}
		}
	})
}
