package transform

import (
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// tenColumns is the usual load: ten columns, TRIM, UPPER, one calculated numeric column.
func tenColumns(t testing.TB) (*Program, [][]byte, []bool) {
	t.Helper()
	source := []Source{
		{Name: "id", Type: schema.Type{Kind: schema.BigInt}},
		{Name: "first", Type: schema.Type{Kind: schema.Text}},
		{Name: "last", Type: schema.Type{Kind: schema.Text}},
		{Name: "city", Type: schema.Type{Kind: schema.Text}},
		{Name: "note", Type: schema.Type{Kind: schema.Text}},
		{Name: "amount", Type: schema.Type{Kind: schema.Numeric, Precision: 10, Scale: 2}},
		{Name: "qty", Type: schema.Type{Kind: schema.Integer}},
		{Name: "at", Type: schema.Type{Kind: schema.Timestamp}},
		{Name: "day", Type: schema.Type{Kind: schema.Date}},
		{Name: "ok", Type: schema.Type{Kind: schema.Boolean}},
	}
	var m etl.Mapping
	var target []schema.Column
	for _, s := range source {
		c := etl.ColumnMapping{Source: s.Name, Destination: s.Name}
		switch s.Name {
		case "first":
			c.Transformations = []etl.Transform{{Fn: "TRIM"}}
		case "city":
			c.Transformations = []etl.Transform{{Fn: "UPPER"}}
		}
		m.Columns = append(m.Columns, c)
		target = append(target, schema.Column{Name: s.Name, Type: s.Type})
	}
	m.Columns = append(m.Columns, etl.ColumnMapping{Destination: "total", Expression: "amount * qty"})
	target = append(target, schema.Column{Name: "total", Type: schema.Type{Kind: schema.Numeric, Precision: 12, Scale: 2}})
	p, err := Compile(m, source, target, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p, fieldsOf([]string{"4711", "  Anna ", "Müller", "Wien und Umgebung", "a longer note, as notes are", "1234.50", "12", "2024-01-31 13:45:06.123", "2024-01-31", "true"}), make([]bool, 10)
}

func BenchmarkRun(b *testing.B) {
	p, fields, quoted := tenColumns(b)
	r, out := p.NewRunner(), make([]schema.Value, len(p.Columns()))
	b.ReportAllocs()
	for b.Loop() {
		if keep, bad := r.Run(fields, quoted, out); !keep {
			b.Fatal(bad)
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	p, fields, quoted := tenColumns(t)
	r, out := p.NewRunner(), make([]schema.Value, len(p.Columns()))
	if got := runText(t, p, fields, quoted); got != "4711|Anna|Müller|WIEN UND UMGEBUNG|a longer note, as notes are|1234.50|12|2024-01-31 13:45:06.123|2024-01-31|true|14814.00" {
		t.Fatal(got)
	}
	if n := testing.AllocsPerRun(200, func() { r.Run(fields, quoted, out) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
	filters := []string{
		"amount > 100 and city startsWith 'W' and day >= '2024-01-01'",
		"first in ['a', 'b'] or concat(first, last, qty) != 'x'",
		"round(amount * 1.19, 2) between 1 and 10000 and date_trunc('month', day) == '2024-01-01'",
		"lower(city) contains 'wien' and coalesce(nullif(note, 'x'), 'y') != 'z' and greatest(qty, 3) > 1",
	}
	for _, filter := range filters {
		m := etl.Mapping{Columns: []etl.ColumnMapping{{Source: "id", Destination: "id"}}, Filter: filter}
		p, err := Compile(m, p.pool.columns, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := p.NewRunner()
		if keep, bad := r.Run(fields, quoted, out); !keep {
			t.Fatalf("%s: %v", filter, bad)
		}
		if n := testing.AllocsPerRun(200, func() { r.Run(fields, quoted, out) }); n != 0 {
			t.Errorf("%s: %v allocations a row", filter, n)
		}
	}
}
