package schema

import "testing"

// A file may hold a million bad rows, so that a reason must not take long.
func BenchmarkRefuse(b *testing.B) {
	for _, c := range []parseCase{
		{typ: "integer", in: "abc"},
		{typ: "numeric(10,2)", in: "12,5"},
		{typ: "numeric(10,2)", in: "12.345"},
		{typ: "date", in: "hello world"},
		{typ: "date", in: "12345"},
		{typ: "timestamp", in: "31.12.2024"},
		{typ: "date", format: "DD-MM-YYYY", in: "2024-01-31"},
	} {
		b.Run(c.typ+" "+c.in, func(b *testing.B) {
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
