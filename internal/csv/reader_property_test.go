package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tableReader reads by the table of docs/splitting.md, a byte at a time into growing
// strings: slow, and nothing like the Reader.
type tableReader struct {
	d       Dialect
	state   byte // R F U Q E D X K, C for a CR that ends the record
	field   []byte
	quoted  bool
	part    int // of the delimiter
	fields  [][]byte
	quotes  []bool
	comment bool
	records []tableRecord
	start   int
	rows    int64
}

type tableRecord struct {
	start  int
	fields [][]byte
	quoted []bool
	open   bool // ended inside quotes
}

func readByTable(d Dialect, text []byte) *tableReader {
	t := &tableReader{d: d.normal(), state: 'R'}
	for i := 0; i < len(text); i++ {
		if t.state == 'C' {
			if text[i] == '\n' {
				i++
			}
			t.endRecord(i)
			if i == len(text) {
				break
			}
		}
		t.step(text[i], i)
	}
	if t.state != 'R' {
		if t.state == 'U' {
			t.field = bytes.TrimSuffix(t.field, []byte("\r"))
		}
		t.endRecord(len(text))
	}
	return t
}

func (t *tableReader) step(c byte, i int) {
	d := t.d
	is := func(role byte) bool { return role != 0 && c == role }
	cr := d.Newline == NewlineCR
	switch t.state {
	case 'R', 'F':
		switch {
		case t.state == 'R' && is(d.Comment):
			t.state, t.comment = 'K', true
			return
		case is(d.Quote):
			t.state, t.quoted = 'Q', true
			return
		case t.state == 'F' && c == ' ' && d.SkipInitialSpace && d.Delimiter != " ":
			return
		}
		t.bare(c, i, cr)
	case 'U':
		t.bare(c, i, cr)
	case 'Q':
		switch {
		case is(d.Quote):
			t.state = 'E'
		case is(d.Escape):
			t.state = 'X'
		default:
			t.field = append(t.field, c)
		}
	case 'X':
		if c != d.Quote && c != d.Escape && c != d.Delimiter[0] && c != '\n' && c != '\r' {
			t.field = append(t.field, d.Escape)
		}
		t.field, t.state = append(t.field, c), 'Q'
	case 'E':
		switch {
		case c == d.Delimiter[t.part]:
			if t.part++; t.part == len(d.Delimiter) {
				t.endField()
			}
		case t.part > 0:
			t.field = append(append(t.field, d.Quote), d.Delimiter[:t.part]...)
			t.part, t.state = 0, 'Q'
			t.step(c, i)
		case c == '\n':
			t.endRecord(i + 1)
		case c == '\r' && cr:
			t.state = 'C'
		case c == '\r':
			t.state = 'D'
		case is(d.Quote):
			t.field, t.state = append(t.field, c), 'Q'
		default:
			t.field, t.state = append(t.field, d.Quote, c), 'Q'
		}
	case 'D':
		switch {
		case c == '\n':
			t.endRecord(i + 1)
			return
		case is(d.Quote):
			t.field, t.state = append(t.field, d.Quote, '\r'), 'E'
			return
		}
		t.field, t.state = append(t.field, d.Quote, '\r', c), 'Q'
	case 'K':
		if c == '\r' && cr {
			t.state = 'C'
		}
		if c == '\n' {
			t.endRecord(i + 1)
		}
	}
}

func (t *tableReader) bare(c byte, i int, cr bool) {
	switch {
	case c == '\n':
		t.field = bytes.TrimSuffix(t.field, []byte("\r"))
		t.endRecord(i + 1)
		return
	case c == '\r' && cr:
		t.state = 'C'
		return
	}
	t.field, t.state = append(t.field, c), 'U'
	if bytes.HasSuffix(t.field, []byte(t.d.Delimiter)) {
		t.field = t.field[:len(t.field)-len(t.d.Delimiter)]
		t.endField()
	}
}

func (t *tableReader) endField() {
	t.fields, t.quotes = append(t.fields, bytes.Clone(t.field)), append(t.quotes, t.quoted)
	t.field, t.quoted, t.part, t.state = nil, false, 0, 'F'
}

func (t *tableReader) endRecord(next int) {
	t.rows++
	state := t.state
	switch {
	case state == 'X':
		t.field = append(t.field, t.d.Escape)
	case state == 'E' && t.part > 0:
		t.field = append(append(t.field, t.d.Quote), t.d.Delimiter[:t.part]...)
		state = 'Q'
	}
	t.endField()
	if !t.comment {
		t.records = append(t.records, tableRecord{t.start, t.fields, t.quotes, state == 'Q' || state == 'X'})
	}
	t.fields, t.quotes, t.comment, t.state, t.start = nil, nil, false, 'R', next
}

// check is rapid.Check with ten times its number of checks.
func check(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	for range 10 {
		rapid.Check(t, property)
	}
}

// anyDialect draws every mode there is.
func anyDialect(t *rapid.T) Dialect {
	d := Dialect{
		Delimiter:         rapid.SampledFrom([]string{",", ";", "\t", " ", "||", "|;|", "aab", "::"}).Draw(t, "delimiter"),
		Quote:             rapid.SampledFrom([]byte{'"', '\'', 0}).Draw(t, "quote"),
		Escape:            rapid.SampledFrom([]byte{0, '\\', '"'}).Draw(t, "escape"),
		Comment:           rapid.SampledFrom([]byte{0, 0, '#'}).Draw(t, "comment"),
		Newline:           rapid.SampledFrom([]Newline{NewlineLF, NewlineCR}).Draw(t, "newline"),
		SkipInitialSpace:  rapid.Bool().Draw(t, "skip space"),
		TrailingDelimiter: rapid.Bool().Draw(t, "trailing"),
		SkipLines:         rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "skip"),
		Header:            rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "header"),
	}
	return d
}

// anyText draws text in which the dialect's own characters abound.
func anyText(t *rapid.T, d Dialect) []byte {
	pieces := []string{d.Delimiter, d.Delimiter, d.Delimiter[:1], "\n", "\n", "\r\n", "\r", `"`, `""`, `\`, "'", " ", "#", "a", "x,y", "é", "longer text"}
	if d.Quote != 0 {
		q := string(d.Quote)
		pieces = append(pieces, q, q, d.Delimiter+q, q+d.Delimiter, q+"\n", q+q)
	}
	return []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "text"), ""))
}

func TestReaderFollowsTheTable(t *testing.T) {
	check(t, func(t *rapid.T) {
		d := anyDialect(t)
		d.SkipLines, d.Header = 0, 0
		compareWithTable(t, d, anyText(t, d))
	})
}

// Every text of up to five pieces, after enough bytes for the Reader to look at
// eight at once.
func TestReaderFollowsTheTableExhaustively(t *testing.T) {
	alphabet := []string{"a", ",", `"`, "\n", "\r", `\`}
	dialects := []Dialect{
		{Delimiter: ",", Quote: '"'},
		{Delimiter: ",", Quote: '"', Escape: '\\'},
		{Delimiter: ",", Quote: '"', Escape: '\\', Newline: NewlineCR},
		{Delimiter: ",,", Quote: '"', Escape: '\\', SkipInitialSpace: true},
	}
	var grow func(text []byte, more int)
	grow = func(text []byte, more int) {
		for _, d := range dialects {
			compareWithTable(t, d, text)
			compareWithTable(t, d, append([]byte("12345678,"), text...))
		}
		if more > 0 {
			for _, piece := range alphabet {
				grow(append(slices.Clip(text), piece...), more-1)
			}
		}
	}
	grow([]byte(nil), 4)
	grow([]byte(`"`), 4)
	grow([]byte("\"a\"\r"), 3)
}

func compareWithTable(t require.TestingT, d Dialect, text []byte) {
	want := readByTable(d, text)
	r, err := NewBytesReader(text, d, Options{BlankRecords: true, Start: Position{Record: 1}})
	require.NoError(t, err)
	for i, w := range want.records {
		rec, err := r.Read()
		require.NoError(t, err, "record %d", i)
		require.Equal(t, int64(w.start), rec.Pos.Byte, "record %d", i)
		if w.open {
			require.NotNil(t, rec.Bad)
			for err == nil {
				_, err = r.Read()
			}
			break
		}
		require.Nil(t, rec.Bad)
		n := len(w.fields)
		if d.TrailingDelimiter && n > 1 && len(w.fields[n-1]) == 0 && !w.quoted[n-1] {
			n--
		}
		require.Equal(t, show(w.fields[:n], w.quoted[:n]), show(rec.Fields, rec.Quoted), "record %d", i)
	}
	_, err = r.Read()
	require.Equal(t, io.EOF, err)
	require.Equal(t, want.rows, r.Rows())
	require.Equal(t, int64(len(text)), r.InputOffset())
}

func TestReaderIsTheSameInAnyPieces(t *testing.T) {
	check(t, func(t *rapid.T) {
		d := anyDialect(t)
		text := anyText(t, d)
		for range rapid.IntRange(0, 2).Draw(t, "damage") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			text = append(text[:at:at], append([]byte{rapid.SampledFrom([]byte{0, 0xff, 0xc3}).Draw(t, "byte")}, text[at:]...)...)
		}
		o := Options{
			Width:        rapid.IntRange(0, 3).Draw(t, "width"),
			MaxRecord:    rapid.SampledFrom([]int{0, 0, 1, 5, 20}).Draw(t, "bound"),
			BlankRecords: rapid.Bool().Draw(t, "blank"),
			StripNUL:     rapid.Bool().Draw(t, "strip"),
		}
		readEveryWay(t, text, d, o)
	})
}

// Whatever is damaged, no byte is dropped in silence and every row is counted.
func TestReaderAccountsForEveryByte(t *testing.T) {
	check(t, func(t *rapid.T) {
		d := anyDialect(t)
		d.SkipLines, d.Header = 0, 0
		text := anyText(t, d)
		o := Options{Width: rapid.IntRange(0, 3).Draw(t, "width"), BlankRecords: true, Start: Position{Record: 1}}
		r, err := NewBytesReader(text, d, o)
		require.NoError(t, err)
		at := int64(0)
		for {
			rec, err := r.Read()
			if err != nil {
				require.Equal(t, io.EOF, err)
				break
			}
			if d.Comment == 0 {
				require.Equal(t, at, rec.Pos.Byte)
			}
			between := text[rec.Pos.Byte+int64(len(rec.Raw)) : r.InputOffset()]
			require.Contains(t, []string{"", "\n", "\r\n", "\r"}, string(between))
			at = r.InputOffset()
		}
		require.Equal(t, readByTable(d, text).rows, r.Rows())
	})
}

// The Scanner finds the rows that the Reader reads.
func TestReaderAgreesWithScanner(t *testing.T) {
	check(t, func(t *rapid.T) {
		d := anyDialect(t)
		d.SkipLines, d.Header = 0, 0
		text := anyText(t, d)
		s, err := NewScanner(d, UTF8)
		require.NoError(t, err)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		spans, err := s.Fold(0, []Vector{s.Scan(text[:cut]), s.Scan(text[cut:])})
		require.NoError(t, err)
		var rows int64
		o := Options{Width: rapid.IntRange(0, 3).Draw(t, "width")}
		for _, span := range spans {
			o.Start = Position{Byte: span.Start, Line: span.FirstLine, Record: span.FirstRow + 1}
			r, err := NewBytesReader(text[span.Start:span.End], d, o)
			require.NoError(t, err)
			for err == nil {
				_, err = r.Read()
			}
			require.Equal(t, span.Rows, r.Rows())
			require.Equal(t, span.End, r.InputOffset())
			require.Equal(t, rows, span.FirstRow)
			rows += r.Rows()
		}
	})
}

// encoding/csv with LazyQuotes reads the same from any text without lone CRs
// (it drops them before LF even in quotes) and unterminated quotes (ours are
// bad rows).
func TestReaderAgreesWithEncodingCSV(t *testing.T) {
	check(t, func(t *rapid.T) {
		d := Dialect{
			Delimiter: rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter"),
			Quote:     '"',
			Comment:   rapid.SampledFrom([]byte{0, '#'}).Draw(t, "comment"),
		}
		pieces := []string{d.Delimiter, d.Delimiter, "\n", "\n", `"`, `""`, d.Delimiter + `"`, `"` + d.Delimiter, "\"\n", " ", "#", "a", "é", "\ufffd", "longer text"}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "text"), "")
		compareWithEncodingCSV(t, d, text)
	})
}

func compareWithEncodingCSV(t require.TestingT, d Dialect, text string) {
	std := stdcsv.NewReader(strings.NewReader(text))
	std.Comma, std.Comment = rune(d.Delimiter[0]), rune(d.Comment)
	std.LazyQuotes, std.FieldsPerRecord = true, -1
	r, err := NewReader(strings.NewReader(text), d, Options{})
	require.NoError(t, err)
	for {
		rec, err := r.Read()
		if err == nil && rec.Bad != nil {
			return
		}
		want, stdErr := std.Read()
		if stdErr != nil || err != nil {
			require.True(t, errors.Is(stdErr, io.EOF) && errors.Is(err, io.EOF), "%v, %v", stdErr, err)
			return
		}
		got := make([]string, len(rec.Fields))
		for i, f := range rec.Fields {
			got[i] = string(f)
		}
		require.Equal(t, want, got)
		require.Equal(t, std.InputOffset(), r.InputOffset())
	}
}
