package csv

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"pgregory.net/rapid"
)

func TestParseEncoding(t *testing.T) {
	for name, want := range map[string]Encoding{
		"utf-8": UTF8, "UTF8": UTF8, "utf-8-sig": UTF8, "US-ASCII": UTF8, "utf_16": UTF16LE, "UTF-16BE": UTF16BE, "utf-32-be": UTF32BE,
		"Latin1": ISO8859x1, "ISO_8859-1": ISO8859x1, "iso8859-15": ISO8859x15, "latin9": ISO8859x15, "latin-2": ISO8859x2,
		"cp1252": Windows1252, "1252": Windows1252, "WIN1251": Windows1251, "windows_1258": Windows1258, "ansi": Windows1252,
		"KOI8-R": KOI8R, "sjis": ShiftJIS, "Shift-JIS": ShiftJIS, "cp932": ShiftJIS, "EUC_JP": EUCJP, "ISO-2022-JP": ISO2022JP,
		"gbk": GB18030, "GB2312": GB18030, "cp936": GB18030, "big5": Big5, "Big5-HKSCS": Big5, "euckr": EUCKR, "cp949": EUCKR,
	} {
		got, err := ParseEncoding(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, e := range encodings {
		got, err := ParseEncoding(string(e))
		require.NoError(t, err)
		require.Equal(t, e, got)
	}
	_, err := ParseEncoding("utf-9")
	require.ErrorContains(t, err, `the encoding "utf-9" is unknown: use one of utf-8, utf-16le,`)
}

func TestDetectBOM(t *testing.T) {
	for head, want := range map[string]Encoding{
		"\xef\xbb\xbfa": UTF8, "\xff\xfea\x00": UTF16LE, "\xfe\xff\x00a": UTF16BE, "\xff\xfe\x00\x00": UTF32LE, "\x00\x00\xfe\xff": UTF32BE,
		"": "", "a,b": "", "\xef\xbb": "", "\xff": "",
	} {
		e, n := DetectBOM([]byte(head))
		require.Equal(t, want, e, "%q", head)
		require.Equal(t, len(want.mark()), n, "%q", head)
	}
}

// mark is the expected mark: the zero Encoding stands for none found.
func (e Encoding) mark() string {
	if e == "" {
		return ""
	}
	return e.bom()
}

// encoderOf gives x/text's encoding, which is not what decodes UTF-16, UTF-32
// and the encodings of one byte here.
func encoderOf(e Encoding) encoding.Encoding {
	switch e {
	case UTF8:
		return encoding.Nop
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case UTF32LE:
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case UTF32BE:
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	if m, ok := charmaps[e]; ok {
		return m
	}
	return multibyte[e]
}

// samples are texts that the encodings can write.
var samples = map[Encoding]string{
	Windows1250: "Zażółć;„gęślą”\n", Windows1251: "Съешь ещё, да выпей чаю\n", Windows1252: "Müller – €5,“naïve”\n", Windows1253: "Ξεσκεπάζω,ψυχή\n",
	Windows1254: "Pijamalı hasta,yağız şoföre\n", Windows1255: "דג סקרן,שט בים\n", Windows1256: "صِف خَلقَ,خَودٍ\n", Windows1257: "Glāžšķūņa,rūķīši\n", Windows1258: "Xin chào,đươ\u0300ng\n",
	ISO8859x1: "Müller,naïve\n", ISO8859x2: "Zażółć,gęślą\n", ISO8859x15: "Cœur,5 €\n", KOI8R: "Съешь,ещё\n",
	ShiftJIS: "表,ソ能\r\n\"いろは\",ｱｲｳ\n", EUCJP: "いろは,匂えど\n", ISO2022JP: "いろは,abc\n匂えど,x\n",
	GB18030: "中文,“引号”\n😀,é\n", Big5: "許功蓋,中文\n", EUCKR: "다람쥐,헌 쳇바퀴\n",
}

func sampleOf(e Encoding) string {
	if s, ok := samples[e]; ok {
		return s
	}
	return "a,\"é\",中文,😀,\ufffd\r\n1,\ufeff2,\x00,3\n"
}

func encode(t require.TestingT, e Encoding, text string) []byte {
	raw, err := encoderOf(e).NewEncoder().String(text)
	require.NoError(t, err, "%s of %q", e, text)
	return []byte(raw)
}

func decoded(t require.TestingT, r io.Reader) string {
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}

func TestDecodeRoundTrip(t *testing.T) {
	for _, e := range encodings {
		t.Run(string(e), func(t *testing.T) {
			text := sampleOf(e)
			raw := encode(t, e, text)
			require.Equal(t, text, decoded(t, e.Decode(bytes.NewReader(raw))))
			require.Equal(t, text, decoded(t, iotest.OneByteReader(e.Decode(bytes.NewReader(raw)))), "read byte by byte")
			require.Equal(t, text, decoded(t, e.Decode(iotest.DataErrReader(bytes.NewReader(raw)))), "EOF with the data")
			for cut := 0; cut <= len(raw); cut++ {
				parts := io.MultiReader(bytes.NewReader(raw[:cut]), bytes.NewReader(raw[cut:]))
				require.Equal(t, text, decoded(t, e.Decode(parts)), "cut at %d", cut)
			}
			long := strings.Repeat(text, 100000/len(text))
			require.Equal(t, long, decoded(t, e.Decode(bytes.NewReader(encode(t, e, long)))), "longer than any buffer")
			if mark := e.bom(); mark != "" {
				marked := mark + string(raw)
				require.Equal(t, text, decoded(t, e.Decode(strings.NewReader(marked))))
				require.Equal(t, "\ufeff"+text, decoded(t, e.DecodeSpan(strings.NewReader(marked))))
				require.Empty(t, decoded(t, e.Decode(strings.NewReader(mark))))
				require.Equal(t, "\ufeff", decoded(t, e.Decode(strings.NewReader(mark+mark))))
			}
			require.Empty(t, decoded(t, e.Decode(strings.NewReader(""))))
		})
	}
}

func TestDecodeInvalid(t *testing.T) {
	tests := []struct {
		name string
		e    Encoding
		raw  string
		want string
	}{
		{"UTF-8 passes", UTF8, "a\xffb\xc3", "a\xffb\xc3"},
		{"odd length", UTF16LE, "a\x00b", "a\xff"},
		{"odd length", UTF16BE, "\x00a\x00", "a\xff"},
		{"lone high surrogate", UTF16LE, "\x3d\xd8a\x00", "\xffa"},
		{"lone low surrogate", UTF16BE, "\xdc\x00\x00a", "\xffa"},
		{"two high surrogates", UTF16BE, "\xd8\x3d\xd8\x3d\xde\x00", "\xff😀"},
		{"high surrogate at the end", UTF16BE, "\x00a\xd8\x3d", "a\xff"},
		{"high surrogate and an odd byte", UTF16BE, "\xd8\x3d\xde", "\xff\xff"},
		{"real U+FFFD", UTF16BE, "\xff\xfd", "\ufffd"},
		{"surrogate", UTF32LE, "\x00\xd8\x00\x00a\x00\x00\x00", "\xffa"},
		{"beyond Unicode", UTF32BE, "\x00\x11\x00\x00\x00\x00\x00a", "\xffa"},
		{"three bytes", UTF32BE, "\x00\x00\x00a\x00\x00\x00", "a\xff"},
		{"no such byte", Windows1253, "a\xd2,b", "a\xff,b"},
		{"lead byte before a quote", ShiftJIS, "\x81\"a\"\n", "\xff\"a\"\n"},
		{"lead byte before a newline", GB18030, "\x81\na", "\xff\na"},
		{"lead byte before a semicolon", GB18030, "\x81;\x810a", "\xff;\xff0a"},
		{"two lead bytes before semicolons", GB18030, "\x81;\x81;\x8130\x810", "\xff;\xff;\xff30\xff0"},
		{"four bytes not assigned", GB18030, "\xfe9\xfe9,", "\xff9\xff9,"},
		{"lead byte before a comma", Big5, "\xa1,b", "\xff,b"},
		{"half a character at the end", EUCKR, "a\xb0", "a\xff"},
	}
	for _, tt := range tests {
		t.Run(string(tt.e)+" "+tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, decoded(t, tt.e.Decode(strings.NewReader(tt.raw))))
			require.Equal(t, tt.want, decoded(t, tt.e.Decode(iotest.OneByteReader(strings.NewReader(tt.raw)))))
		})
	}
}

// Nothing that is not text disappears: it makes its record bad, and only that.
func TestUndecodableBytesMakeABadRecord(t *testing.T) {
	raw := append(encode(t, UTF16LE, "a,b\nc,d\n"), 0x00, 0xd8, ',', 0, 'e', 0, '\n', 0)
	r, err := NewReader(UTF16LE.Decode(bytes.NewReader(raw)), comma, Options{Encoding: UTF16LE})
	require.NoError(t, err)
	require.Equal(t, `line 1 byte 0 record 1: <a> <b> raw="a,b" next=4
line 2 byte 4 record 2: <c> <d> raw="c,d" next=8
line 3 byte 8 record 3: <\xff> <e> | bad invalid_encoding line 3 byte 8 raw="\xff,e" next=12
rows=3 blank=0 nuls=0 end=12: EOF
`, dump(r))

	r, err = NewReader(strings.NewReader("a,b\n\"x\n\xfcy\",\ufffd\n\ufffd,d\n"), comma, Options{})
	require.NoError(t, err)
	require.Equal(t, `line 1 byte 0 record 1: <a> <b> raw="a,b" next=4
line 2 byte 4 record 2: "x\n\xfcy" <`+"\ufffd"+`> | bad invalid_utf8 line 3 byte 7 raw="\"x\n\xfcy\",`+"\ufffd"+`" next=15
line 4 byte 15 record 3: <`+"\ufffd"+`> <d> raw="`+"\ufffd"+`,d" next=21
rows=3 blank=0 nuls=0 end=21: EOF
`, dump(r))
}

func TestDecodePassesErrorsOn(t *testing.T) {
	broken := errors.New("connection reset")
	for _, e := range encodings {
		for n := range 5 {
			raw := encode(t, e, "abcd")[:n]
			got, err := io.ReadAll(e.Decode(io.MultiReader(bytes.NewReader(raw), iotest.ErrReader(broken))))
			require.ErrorIs(t, err, broken)
			require.GreaterOrEqual(t, len(got), n/e.unit())
		}
		_, err := e.Decode(iotest.ErrReader(os.ErrClosed)).Read(make([]byte, 100))
		require.ErrorIs(t, err, os.ErrClosed)
	}
	_, err := io.ReadAll(Encoding("utf-9").Decode(strings.NewReader("abc")))
	require.ErrorContains(t, err, `"utf-9" is unknown`)
	_, err = io.ReadAll(Encoding("UTF8").Decode(strings.NewReader("abc")))
	require.ErrorContains(t, err, "ParseEncoding")
}

// Bytes that give a file its shape survive whatever garbage stands around them,
// so the Scanner, which looks at raw bytes, sees the records that the Reader does.
func TestDecodeKeepsStructure(t *testing.T) {
	structure := func(b []byte) string {
		return string(bytes.Map(func(c rune) rune {
			if strings.ContainsRune("\",;\t\n\r", c) {
				return c
			}
			return -1
		}, b))
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\",;\t\n\r\x81\xfe\x30"))), 0, 60).Draw(t, "raw")
		for _, e := range encodings {
			if e.unit() > 1 || !e.Splittable() || e == UTF8 {
				continue
			}
			var ascii []byte
			for _, c := range raw {
				if c < 0x80 {
					ascii = append(ascii, c)
				}
			}
			text := decoded(t, e.Decode(iotest.HalfReader(bytes.NewReader(raw))))
			require.Equal(t, structure(ascii), structure([]byte(text)), "%s %q", e, raw)
		}
	})
}

func TestSplittable(t *testing.T) {
	for _, e := range encodings {
		require.Equal(t, e != ISO2022JP, e.Splittable(), e)
	}
}

func TestSkipLines(t *testing.T) {
	for _, e := range []Encoding{UTF8, UTF16LE, UTF16BE, UTF32LE, UTF32BE, ShiftJIS} {
		unit := int64(e.unit())
		mark := ""
		if unit > 1 {
			mark = e.bom()
		}
		tests := []struct {
			text string
			n    int
			nl   Newline
			want int
		}{
			{"a\nb\nc\n", 0, NewlineLF, 0},
			{"a\nb\nc\n", 1, NewlineLF, 2},
			{"a\nb\nc\n", 2, NewlineLF, 4},
			{"a\nb\nc", 3, NewlineLF, 5},
			{"a\nb\nc", 9, NewlineLF, 5},
			{"a\r\nb\r\nc", 2, NewlineLF, 6},
			{"a\rb\nc", 1, NewlineLF, 4},
			{"\"a\nb\"\n", 1, NewlineLF, 3},
			{"a\rb\rc", 1, NewlineCR, 2},
			{"a\rb\rc", 2, NewlineCR, 4},
			{"a\r\nb\r\nc", 1, NewlineCR, 3},
			{"a\r\nb\r\nc", 2, NewlineCR, 6},
			{"a\r\r\nb", 2, NewlineCR, 4},
			{"a\nb\rc", 2, NewlineCR, 4},
			{"a\n\nb", 2, NewlineCR, 3},
			{"a\r", 1, NewlineCR, 2},
			{"a\r\n", 1, NewlineCR, 3},
			{"", 1, NewlineCR, 0},
			{"a\rb", 0, NewlineCR, 0},
			{strings.Repeat("x", 70000) + "\nb", 1, NewlineLF, 70001},
			{strings.Repeat("x", 65535) + "\r\nb", 1, NewlineCR, 65537},
		}
		for _, tt := range tests {
			raw := mark + string(encode(t, e, tt.text))
			got, err := SkipLines(strings.NewReader(raw), int64(len(raw)), e, len(mark), tt.n, tt.nl)
			require.NoError(t, err)
			require.Equal(t, int64(len(mark))+int64(tt.want)*unit, got, "%s %.20q %d", e, tt.text, tt.n)

			d := Dialect{Delimiter: ",", SkipLines: tt.n, Newline: tt.nl}
			r, err := NewReader(strings.NewReader(tt.text), d, Options{BlankRecords: true})
			require.NoError(t, err)
			first, err := r.Read()
			if err == nil {
				require.Equal(t, int64(tt.want), first.Pos.Byte, "the Reader skips the same")
			} else {
				require.Equal(t, int64(tt.want), r.InputOffset())
			}
		}
	}
	_, err := SkipLines(failingReaderAt{}, 100, UTF8, 0, 1, NewlineLF)
	require.ErrorIs(t, err, os.ErrClosed)
}

type failingReaderAt struct{}

func (failingReaderAt) ReadAt([]byte, int64) (int, error) { return 0, os.ErrClosed }

func TestUniqueNames(t *testing.T) {
	tests := []struct {
		header, want, notes []string
	}{
		{[]string{"a", " b ", "\ufeffc"}, []string{"a", "b", "c"}, nil},
		{[]string{"a", "a", "a"}, []string{"a", "a_2", "a_3"}, []string{`column 2 is named "a" like an earlier one: called "a_2"`, `column 3 is named "a" like an earlier one: called "a_3"`}},
		{[]string{"a", "a", "a_2"}, []string{"a", "a_3", "a_2"}, []string{`column 2 is named "a" like an earlier one: called "a_3"`}},
		{[]string{"", " ", "x", ""}, []string{"column_1", "column_2", "x", "column_4"}, []string{`column 1 has no name: called "column_1"`, `column 2 has no name: called "column_2"`, `column 4 has no name: called "column_4"`}},
		{[]string{"column_2", ""}, []string{"column_2", "column_3"}, []string{`column 2 has no name: called "column_3"`}},
		{[]string{"A", "a"}, []string{"A", "a"}, nil},
		{nil, []string{}, nil},
	}
	for _, tt := range tests {
		names, notes := UniqueNames(tt.header)
		require.Equal(t, tt.want, names)
		require.Equal(t, tt.notes, notes)
	}
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a_2", "a_3", "", "column_1", "column_2", "b "}), 0, 12).Draw(t, "header")
		names, _ := UniqueNames(header)
		seen := map[string]bool{}
		for _, n := range names {
			require.NotEmpty(t, n)
			require.False(t, seen[n], "%q twice in %q", n, names)
			seen[n] = true
		}
	})
}

func TestManyEqualNames(t *testing.T) {
	header := make([]string, 10000)
	for i := range header {
		header[i] = "value"
	}
	names, notes := UniqueNames(header)
	require.Equal(t, "value_10000", names[9999])
	require.Len(t, notes, 9999)
}

func TestValidate(t *testing.T) {
	for want, d := range map[string]Dialect{
		"":                                {Delimiter: ",", Quote: '"', Escape: '"', Comment: '#', SkipInitialSpace: true, Header: 1},
		"the delimiter is empty":          {},
		"has 9 bytes: 8 are the most":     {Delimiter: "123456789"},
		"is not UTF-8":                    {Delimiter: "\xff"},
		"holds a line end":                {Delimiter: "a\n"},
		"begins with a space":             {Delimiter: " |", SkipInitialSpace: true},
		"-1 lines to skip":                {Delimiter: ",", SkipLines: -1},
		"-1 header records":               {Delimiter: ",", Header: -1},
		"newline mode 7":                  {Delimiter: ",", Newline: 7},
		"quote byte 0xe9 is not ASCII":    {Delimiter: ",", Quote: 0xe9},
		"escape is a line end":            {Delimiter: ",", Quote: '"', Escape: '\n'},
		"both the quote and part of":      {Delimiter: `|"|`, Quote: '"'},
		"both the comment and part of":    {Delimiter: "#", Comment: '#'},
		"both the quote and the comment":  {Delimiter: ",", Quote: '#', Comment: '#'},
		"both the escape and the comment": {Delimiter: ",", Quote: '"', Escape: '#', Comment: '#'},
		"the quote is a space":            {Delimiter: ",", Quote: ' ', SkipInitialSpace: true},
	} {
		err := d.Validate()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
		_, err = NewReader(strings.NewReader(""), d, Options{})
		require.ErrorContains(t, err, want)
	}
}
