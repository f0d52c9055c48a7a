package csv

import (
	"fmt"
	"testing"
)

// scanData is about 32 MiB of rows of ten columns; every quotedEvery-th field is
// quoted (0: none).
func scanData(quotedEvery int) []byte {
	var b []byte
	for n := 0; len(b) < 32<<20; n++ {
		for c := range 10 {
			if c > 0 {
				b = append(b, ',')
			}
			field := fmt.Sprintf("v%08d", n*10+c)
			if quotedEvery > 0 && c%quotedEvery == 0 {
				field = `"` + field + `"`
			}
			b = append(b, field...)
		}
		b = append(b, '\n')
	}
	return b
}

func BenchmarkScan(b *testing.B) {
	rfc := Dialect{Delimiter: ",", Quote: '"'}
	for _, c := range []struct {
		name  string
		d     Dialect
		e     Encoding
		every int
	}{
		{"NoQuotes", rfc, UTF8, 0},
		{"TenPercentQuoted", rfc, UTF8, 10},
		{"AllQuoted", rfc, UTF8, 1},
		{"QuotingOff", Dialect{Delimiter: ","}, UTF8, 0},
		{"Escape", Dialect{Delimiter: ",", Quote: '"', Escape: '\\'}, UTF8, 10},
		{"TwoByteDelimiter", Dialect{Delimiter: "|~", Quote: '"'}, UTF8, 10},
		{"Comment", Dialect{Delimiter: ",", Quote: '"', Comment: '#'}, UTF8, 10},
		{"CR", Dialect{Delimiter: ",", Quote: '"', Newline: NewlineCR}, UTF8, 10},
		{"UTF16", rfc, UTF16LE, 10},
		{"ShiftJISPipe", Dialect{Delimiter: "|", Quote: '"'}, ShiftJIS, 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := scanData(c.every)
			if c.e == UTF16LE {
				var err error
				if data, err = referenceEncodings[c.e].NewEncoder().Bytes(data); err != nil {
					b.Fatal(err)
				}
			}
			s, err := NewScanner(c.d, c.e)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r := s.NewRangeScan()
				r.Align()
				_, _ = r.Write(data)
			}
		})
	}
}
