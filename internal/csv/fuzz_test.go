package csv

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fuzzSeeds = []string{
	"", "\n", "a,b\n1,2\n", "\"a\",\"b\"\r\n1,\"x\ny\"\r\n", `1,"he said "hi" ok",2`, "1,\"x\"y,2\n3,\"a\",4\n",
	"a||b||\"c||d\"\n", "\"a\\\"b\",c\n", "#c \"\n1,2\n", "a\rb\r\rc", "\xef\xbb\xbfa,b\n", "a,\x00\n", "\xff,b\n", "\"", "\"a\"\r", "a, \"b\"\n",
}

// dialectOf makes a dialect out of a number.
func dialectOf(mode uint16) Dialect {
	d := Dialect{Delimiter: []string{",", ";", "||", "aab"}[mode&3], Quote: '"'}
	if mode&4 != 0 {
		d.Escape = '\\'
	}
	if mode&8 != 0 {
		d.Comment = '#'
	}
	if mode&16 != 0 {
		d.Newline = NewlineCR
	}
	d.SkipInitialSpace, d.TrailingDelimiter = mode&32 != 0, mode&64 != 0
	if mode&128 != 0 {
		d.Quote = 0
	}
	return d
}

func FuzzReader(f *testing.F) {
	for i, s := range fuzzSeeds {
		f.Add([]byte(s), uint16(0), uint8(2), uint16(3))
		f.Add([]byte(s), uint16(1<<(i%8)), uint8(0), uint16(0))
	}
	f.Fuzz(func(t *testing.T, text []byte, mode uint16, width uint8, bound uint16) {
		if len(text) > 2000 {
			return
		}
		d := dialectOf(mode)
		whole := dump(tinyReader(t, bytes.NewReader(text), d, Options{Width: int(width % 8), MaxRecord: int(bound)}))
		pieces := &chunks{data: text, sizes: []int{1, 3, 2}}
		require.Equal(t, whole, dump(tinyReader(t, pieces, d, Options{Width: int(width % 8), MaxRecord: int(bound)})))
		if bytes.IndexByte(text, 0) < 0 && validUTF8(text) {
			compareWithTable(t, d, text)
		}
	})
}

func validUTF8(b []byte) bool { return invalidAt(b) == len(b) }

func FuzzEncodingCSV(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\x00") || !validUTF8([]byte(text)) || strings.HasPrefix(text, "\ufeff") {
			return
		}
		compareWithEncodingCSV(t, comma, text)
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		e := encodings[int(which)%len(encodings)]
		whole, err := io.ReadAll(e.Decode(bytes.NewReader(raw)))
		require.NoError(t, err)
		pieces, err := io.ReadAll(e.Decode(&chunks{data: raw, sizes: []int{1, 2, 5}}))
		require.NoError(t, err)
		require.Equal(t, whole, pieces)
	})
}

func FuzzWriter(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, quoted bool) {
		fields := bytes.Split(text, []byte("|"))
		quotes := make([]bool, len(fields))
		for i := range quotes {
			quotes[i] = quoted
		}
		rewritten(t, fields, quotes)
	})
}
