package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// typical returns a file of ten columns of about 13 bytes; every quoteEvery-th
// field is quoted (0: none).
func typical(records, quoteEvery int, accents bool) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	k := 0
	for range records {
		for c := range 10 {
			if c > 0 {
				b.WriteByte(',')
			}
			text := strings.Repeat("x", 6+rng.IntN(9)) + fmt.Sprint(rng.IntN(1000))
			if accents && c == 3 {
				text = "Müller-Lüdenscheidt"
			}
			if k++; quoteEvery > 0 && k%quoteEvery == 0 {
				text = `"` + text + `"`
			}
			b.WriteString(text)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func benchmarkReader(b *testing.B, data []byte, d Dialect) {
	b.Helper()
	r, err := NewReader(bytes.NewReader(data), d, Options{Width: 10})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	src := bytes.NewReader(nil)
	for b.Loop() {
		src.Reset(data)
		r.Reset(src, Options{Width: 10})
		for {
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(rec.Fields) != 10 {
				b.Fatal(err, rec)
			}
		}
	}
}

func BenchmarkReaderPlain(b *testing.B) { benchmarkReader(b, typical(50000, 0, false), comma) }
func BenchmarkReaderSomeQ(b *testing.B) { benchmarkReader(b, typical(50000, 12, false), comma) }
func BenchmarkReaderAllQ(b *testing.B)  { benchmarkReader(b, typical(50000, 1, false), comma) }
func BenchmarkReaderUTF8(b *testing.B)  { benchmarkReader(b, typical(50000, 12, true), comma) }
func BenchmarkReaderEscape(b *testing.B) {
	benchmarkReader(b, typical(50000, 1, false), Dialect{Delimiter: ",", Quote: '"', Escape: '\\'})
}

func BenchmarkReaderTwoByteDelimiter(b *testing.B) {
	benchmarkReader(b, bytes.ReplaceAll(typical(50000, 12, false), []byte(","), []byte("||")), Dialect{Delimiter: "||", Quote: '"'})
}

var comma = Dialect{Delimiter: ",", Quote: '"'}

func BenchmarkWriter(b *testing.B) {
	data := typical(5000, 12, true)
	r, err := NewBytesReader(data, comma, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	w := NewWriter(io.Discard)
	for b.Loop() {
		r.ResetBytes(data, Options{})
		for {
			rec, err := r.Read()
			if err != nil {
				break
			}
			if err := w.Write(rec.Fields, rec.Quoted); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, e := range []Encoding{UTF16LE, Windows1252, ShiftJIS, GB18030} {
		b.Run(string(e), func(b *testing.B) {
			raw := encode(b, e, strings.Repeat("some text,12345,more text\n", 40000)+sampleOf(e))
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := io.Copy(io.Discard, e.Decode(bytes.NewReader(raw))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
