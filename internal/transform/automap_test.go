package transform

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// A file goes back into the table that was created for it, in the same columns.
func TestAutoMapFindsTheTableMadeForTheFile(t *testing.T) {
	check := func(t *rapid.T, headers []string) {
		source := make([]Source, len(headers))
		table := &schema.Table{Name: "t"}
		for i, name := range schema.UniqueColumnNames(headers) {
			source[i].Name = headers[i]
			table.Columns = append(table.Columns, schema.Column{Name: name})
		}
		m, _, err := AutoMap(source, table)
		if err != nil {
			t.Fatalf("%q: %v", headers, err)
		}
		if len(m.Columns) != len(headers) {
			t.Fatalf("%q: %+v", headers, m.Columns)
		}
		for i, c := range m.Columns {
			if c.Source != headers[i] {
				t.Fatalf("%q: %+v", headers, m.Columns)
			}
		}
	}
	long := strings.Repeat("Ein sehr langer Name ", 5)
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{"Rechnungsnr.", "Price (EUR)", "Order #", "order", "Qty.", "a.b", "a b", "a_b", "SELECT", "a", "A", "a_2", "A 2", "\U0001F600", "\u2603", "column_1", "1", "_1", "ctid", long + "x", long + "y", "Größe", "Straße", ""})
		check(t, rapid.SliceOfNDistinct(header, 1, 10, rapid.ID[string]).Draw(t, "headers"))
	})
}

func TestResolveKeys(t *testing.T) {
	columns := func(names ...string) (list []schema.Column) {
		for _, n := range names {
			list = append(list, schema.Column{Name: n})
		}
		return list
	}
	for _, c := range []struct {
		keys    string
		columns []schema.Column
		want    string
	}{
		{"a,b", columns("a", "b"), "a,b"},
		{"A,B", columns("a", "b", "c"), "a,b"},
		{"B,A", columns("a", "b"), "b,a"},
		{"Order ID", columns("order_id"), "order_id"},
		{"Id", columns("id", "Id"), "Id"},
		{"Order #", columns("order"), "order"},
		{"ID", columns("id", "Id"), `the key "ID" could be the column "id" or "Id". Write the name as the table has it`},
		{"a,A", columns("a"), `the keys "a" and "A" are both the column "a". Name each column once`},
		{"a,a", columns("a"), `the key "a" stands twice. Name each column once`},
		{"custmer", columns("customer", "b"), `there is no column "custmer" to be the key. Did you mean customer?`},
		{"###", columns("a"), `there is no column "###" to be the key. The columns are a`},
		{"", columns("a"), ""},
	} {
		got, err := ResolveKeys(strings.FieldsFunc(c.keys, func(r rune) bool { return r == ',' }), c.columns)
		text := strings.Join(got, ",")
		if err != nil {
			text = err.Error()
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "unknown_key" || e.Kind != etl.Mistake || e.Column == "" {
				t.Errorf("%s: %#v", c.keys, err)
			}
		}
		if text != c.want {
			t.Errorf("%s: got %s, want %s", c.keys, text, c.want)
		}
	}
}
