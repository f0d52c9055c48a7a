package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// chunks hands out data in pieces of the given sizes, over and over.
type chunks struct {
	data  []byte
	sizes []int
	i     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(c.sizes[c.i%len(c.sizes)], len(c.data), len(p))
	c.i++
	copy(p, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}

// dump reads everything there is to know of a file, one line a record.
func dump(r *Reader) string {
	var b strings.Builder
	header, err := r.Header()
	if header != nil {
		fmt.Fprintf(&b, "header: %s\n", show(stringFields(header), nil))
	}
	for err == nil {
		var rec *Record
		if rec, err = r.Read(); err == nil {
			b.WriteString(showRecord(rec))
			fmt.Fprintf(&b, " raw=%q next=%d\n", rec.Raw, r.InputOffset())
		}
	}
	fmt.Fprintf(&b, "rows=%d blank=%d nuls=%d end=%d: %v\n", r.Rows(), r.Blank(), r.NULs(), r.InputOffset(), err)
	return b.String()
}

func stringFields(list []string) (fields [][]byte) {
	for _, s := range list {
		fields = append(fields, []byte(s))
	}
	return fields
}

// showRecord writes "line 3 byte 12 record 2: <bare> "quoted" | bad …".
func showRecord(rec *Record) string {
	s := fmt.Sprintf("line %d byte %d record %d: %s", rec.Pos.Line, rec.Pos.Byte, rec.Pos.Record, show(rec.Fields, rec.Quoted))
	if rec.Bad != nil {
		s += fmt.Sprintf(" | bad %s line %d byte %d", rec.Bad.Code, rec.Bad.Line, rec.Bad.Byte)
	}
	return s
}

func show(fields [][]byte, quoted []bool) string {
	var list []string
	for i, f := range fields {
		text := strconv.Quote(string(f))
		if i >= len(quoted) || !quoted[i] {
			text = "<" + strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`) + ">"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// tinyReader is a Reader whose buffer must move and grow for nearly every record.
func tinyReader(t require.TestingT, src io.Reader, d Dialect, o Options) *Reader {
	r, err := newReader(d)
	require.NoError(t, err)
	r.owned = make([]byte, 4)
	r.Reset(src, o)
	return r
}

// readEveryWay reads data whole and in all kinds of pieces and returns the one
// outcome that all must have.
func readEveryWay(t require.TestingT, data []byte, d Dialect, o Options) string {
	r, err := NewBytesReader(bytes.Clone(data), d, o)
	require.NoError(t, err)
	whole := dump(r)
	ways := map[string]io.Reader{
		"in one read":   bytes.NewReader(data),
		"EOF with data": iotest.DataErrReader(bytes.NewReader(data)),
		"one byte":      iotest.OneByteReader(bytes.NewReader(data)),
		"two bytes":     &chunks{data: data, sizes: []int{2}},
		"uneven":        &chunks{data: data, sizes: []int{3, 1, 7, 0, 2}},
	}
	for name, src := range ways {
		require.Equal(t, whole, dump(tinyReader(t, src, d, o)), name)
	}
	if len(data) <= 400 {
		for cut := 1; cut < len(data); cut++ {
			src := &chunks{data: data, sizes: []int{cut, len(data)}}
			r.Reset(src, o)
			require.Equal(t, whole, dump(r), "cut at %d", cut)
		}
	}
	return whole
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name, data string
		header     int
		want       []string
		first      string
	}{
		{"one record", "a,b\n1,2\n", 1, []string{"a", "b"}, `line 2 byte 4 record 1: <1> <2>`},
		{"none", "1,2\n", 0, nil, `line 1 byte 0 record 1: <1> <2>`},
		{"joined", "Price,,Qty\nEUR,Name,\n1,2,3\n", 2, []string{"Price EUR", "Name", "Qty"}, `line 3 byte 21 record 1: <1> <2> <3>`},
		{"second record wider", "a\nb,c\n1,2\n", 2, []string{"a b", "c"}, `line 3 byte 6 record 1: <1> <2>`},
		{"blank line and newline in a name", "\n\"a\nb\",c\n1,2\n", 1, []string{"a\nb", "c"}, `line 4 byte 9 record 1: <1> <2>`},
		{"byte order mark and quotes", "\xef\xbb\xbf\"a\",b\n1,2\n", 1, []string{"a", "b"}, `line 2 byte 9 record 1: <1> <2>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := comma
			d.Header = tt.header
			r, err := NewReader(strings.NewReader(tt.data), d, Options{})
			require.NoError(t, err)
			got, err := r.Header()
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			rec, err := r.Read()
			require.NoError(t, err)
			require.Equal(t, tt.first, showRecord(rec))
			again, err := r.Header()
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
}

// TestUnclosedQuoteAfterEscape: the message names the flag for backslashes that
// are text, only where a backslash escapes.
func TestUnclosedQuoteAfterEscape(t *testing.T) {
	for escape, want := range map[byte]bool{'\\': true, 0: false, '"': false} {
		d := comma
		d.Escape = escape
		r, err := NewReader(strings.NewReader("1,\"C:\\temp\\\"\n2,\"x\n"), d, Options{Width: 2})
		require.NoError(t, err)
		var reasons []string
		for {
			rec, err := r.Read()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			if rec.Bad != nil {
				reasons = append(reasons, rec.Bad.Reason)
			}
		}
		require.NotEmpty(t, reasons)
		require.Equal(t, want, strings.Contains(reasons[0], "--escape double"), reasons[0])
	}
}

func TestHeaderThatCannotBeRead(t *testing.T) {
	d := comma
	d.Header = 1
	for data, want := range map[string]string{
		"":              "EOF",
		"\n\n":          "EOF",
		"a,\xff\n1,2\n": "line 1: the header cannot be read: the byte 0xff is not valid UTF-8: name the file's encoding if it is another one",
		"\n\"a,b\n1,2":  "line 2: the header cannot be read: the quote that opens here is never closed: close it, or remove it",
	} {
		r, err := NewReader(strings.NewReader(data), d, Options{Width: 2})
		require.NoError(t, err)
		_, err = r.Header()
		require.EqualError(t, err, want)
		_, again := r.Read()
		require.Equal(t, err, again)
		_, again = r.Header()
		require.Equal(t, err, again)
	}
}

// The width is that of the data: a header is never read again line by line.
func TestHeaderOfAnotherWidth(t *testing.T) {
	d := comma
	d.Header = 1
	r, err := NewReader(strings.NewReader("a,\"b \"c\" \nd\"\n1,2,3\n"), d, Options{Width: 3})
	require.NoError(t, err)
	header, err := r.Header()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b \"c\" \nd"}, header)
}

func TestHeaderBeforeAnErrorOfTheSource(t *testing.T) {
	d := comma
	d.Header = 1
	broken := errors.New("broken pipe")
	r, err := NewReader(io.MultiReader(strings.NewReader("a,b\n1,2\n3,"), iotest.ErrReader(broken)), d, Options{})
	require.NoError(t, err)
	header, err := r.Header()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, header)
	rec, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, "<1> <2>", show(rec.Fields, rec.Quoted))
	for range 2 {
		_, err = r.Read()
		require.ErrorIs(t, err, broken)
	}
}

func TestStartInsideAFile(t *testing.T) {
	d := comma
	d.Header, d.SkipLines = 1, 3
	r, err := NewReader(strings.NewReader("1,2\n3,4\n"), d, Options{Start: Position{Byte: 1000, Line: 50, Record: 40}})
	require.NoError(t, err)
	header, err := r.Header()
	require.NoError(t, err)
	require.Nil(t, header)
	rec, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, Position{Byte: 1000, Line: 50, Record: 40}, rec.Pos)
	rec, err = r.Read()
	require.NoError(t, err)
	require.Equal(t, Position{Byte: 1004, Line: 51, Record: 41}, rec.Pos)
	require.Equal(t, int64(1008), r.InputOffset())

	r.Reset(strings.NewReader("a,b\n1,2\n"), Options{Start: Position{Byte: 30, Line: 4}})
	header, err = r.Header()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, header)
	rec, err = r.Read()
	require.NoError(t, err)
	require.Equal(t, Position{Byte: 34, Line: 5, Record: 1}, rec.Pos)
	require.Equal(t, int64(2), r.Rows())
}

func TestSourceThatGivesNothing(t *testing.T) {
	r, err := NewReader(&chunks{data: []byte("x"), sizes: []int{0}}, comma, Options{})
	require.NoError(t, err)
	_, err = r.Read()
	require.ErrorIs(t, err, io.ErrNoProgress)
}

func TestRecordBound(t *testing.T) {
	const data = "a,b\nlong,\"0123456789\nabc\"\nc,d\n"
	o := Options{MaxRecord: 20}
	require.Equal(t, `line 1 byte 0 record 1: <a> <b> raw="a,b" next=4
line 2 byte 4 record 2:  | bad record_too_long line 2 byte 4 raw="long,\"0123456789\nabc" next=26
line 4 byte 26 record 3: <c> <d> raw="c,d" next=30
rows=3 blank=0 nuls=0 end=30: EOF
`, readEveryWay(t, []byte(data), comma, o))

	r, err := NewReader(strings.NewReader(data), comma, Options{MaxRecord: 21})
	require.NoError(t, err)
	require.NotContains(t, dump(r), "bad", "a record of just the bound's length is good")

	r.Reset(strings.NewReader(data), o)
	_, err = r.Read()
	require.NoError(t, err)
	rec, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, "the record that begins in line 2 is longer than 20 bytes (it has 22, on 2 lines): a quote in it may lack its end; mend it, or raise the bound with --max-record", rec.Bad.Reason)

	for _, d := range []Dialect{comma, {Delimiter: ",", Quote: '"', Newline: NewlineCR}, {Delimiter: ",", Quote: '"', Escape: '\\'}} {
		for _, end := range []string{"", "\n", "\r\n", "\r"} {
			text := strings.ReplaceAll("aaaaaaaaa,b\nc\n\"ddddddddddddd\"\"dd\nd\"\ne", "\n", cmpOr(end, "\n")) + end
			readEveryWay(t, []byte(text), d, Options{MaxRecord: 8})
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A record of any length passes in bounded memory.
func TestTooLongRecordTakesNoMemory(t *testing.T) {
	const size = 16 << 20
	src := io.MultiReader(strings.NewReader("a,b\n\""), io.LimitReader(endless('x'), size), strings.NewReader("\",1\nc,d\n"))
	r, err := NewReader(src, comma, Options{MaxRecord: 1 << 20})
	require.NoError(t, err)
	var codes []string
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if rec.Bad != nil {
			codes = append(codes, rec.Bad.Code)
			require.Len(t, rec.Raw, longPrefix)
			continue
		}
		codes = append(codes, show(rec.Fields, rec.Quoted))
	}
	require.Equal(t, []string{"<a> <b>", CodeRecordTooLong, "<c> <d>"}, codes)
	require.Equal(t, int64(4+1+size+4+4), r.InputOffset())
	require.LessOrEqual(t, cap(r.buf), 1<<20+2*bufferSize)
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestLongField(t *testing.T) {
	long := strings.Repeat("long \"\"text\"\"\n", 1<<20)
	r, err := NewReader(strings.NewReader("1,\""+long+"\",2\n3,4,5\n"), comma, Options{MaxRecord: 100 << 20})
	require.NoError(t, err)
	rec, err := r.Read()
	require.NoError(t, err)
	require.Nil(t, rec.Bad)
	require.Equal(t, strings.Count(long, `""`), bytes.Count(rec.Fields[1], []byte{'"'}))
	require.Len(t, rec.Fields[1], len(long)-strings.Count(long, `""`))
	rec, err = r.Read()
	require.NoError(t, err)
	require.Equal(t, int64(1<<20+2), rec.Pos.Line)
	require.Equal(t, "<3> <4> <5>", show(rec.Fields, rec.Quoted))
}

func TestManyColumns(t *testing.T) {
	row := strings.Repeat("x,", 9999) + "y\n"
	r, err := NewReader(strings.NewReader(row+row), comma, Options{})
	require.NoError(t, err)
	for range 2 {
		rec, err := r.Read()
		require.NoError(t, err)
		require.Len(t, rec.Fields, 10000)
		require.Len(t, rec.Quoted, 10000)
		require.Equal(t, "y", string(rec.Fields[9999]))
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	for name, data := range map[string][]byte{
		"plain": typical(3000, 0, false), "quoted": typical(3000, 1, true),
		"doubled": bytes.ReplaceAll(typical(3000, 1, false), []byte("xx"), []byte(`""x`)),
	} {
		r, err := NewReader(nil, comma, Options{})
		require.NoError(t, err)
		src := bytes.NewReader(nil)
		read := func() {
			src.Reset(data)
			r.Reset(src, Options{Width: 10})
			for {
				if _, err := r.Read(); err != nil {
					break
				}
			}
		}
		require.Zero(t, testing.AllocsPerRun(3, read), name)
	}
}

// The cost of reading a damaged region again is bounded: this would take hours
// if every line were tried against all that follow.
func TestDamagedRegionIsLinear(t *testing.T) {
	data := strings.Repeat("\"x\"y,\"a\n", 300000)
	r, err := NewReader(strings.NewReader(data), comma, Options{Width: 2})
	require.NoError(t, err)
	n := 0
	for {
		if _, err := r.Read(); err != nil {
			break
		}
		n++
	}
	require.Greater(t, n, 100000)
	require.Equal(t, int64(len(data)), r.InputOffset())
}
