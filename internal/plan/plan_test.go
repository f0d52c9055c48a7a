package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

var rfc = csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}

func code(err error) etl.Code {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e.Code
	}
	return ""
}

// readSpan lists the records of a span and verifies it.
func readSpan(src io.ReaderAt, span csv.Span, enc csv.Encoding, d csv.Dialect) ([]string, error) {
	r, verify, err := Open(src, span, enc, d, csv.Options{})
	if err != nil {
		return nil, err
	}
	records, err := list(r)
	if err != nil {
		return nil, err
	}
	return records, verify()
}

func list(r *csv.Reader) (records []string, err error) {
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		bad := ""
		if rec.Bad != nil {
			bad = rec.Bad.Code
		}
		records = append(records, fmt.Sprintf("line %d %q %v %s", rec.Pos.Line, rec.Fields, rec.Quoted, bad))
	}
}

// checkSplit splits raw, reads every span, and compares with the file read whole.
func checkSplit(raw []byte, enc csv.Encoding, d csv.Dialect, o Options) error {
	src := bytes.NewReader(raw)
	spans, err := Split(context.Background(), src, int64(len(raw)), enc, d, o)
	if err != nil {
		return err
	}
	whole, err := csv.NewReader(enc.DecodeSpan(bytes.NewReader(raw)), d, csv.Options{Encoding: enc})
	if err != nil {
		return err
	}
	want, wholeErr := list(whole)
	var got []string
	var spanErr error
	row := int64(0)
	for i, span := range spans {
		if span.FirstRow != row || span.Rows <= 0 || i > 0 && span.Start != spans[i-1].End {
			return fmt.Errorf("spans %+v do not tile", spans)
		}
		row += span.Rows
		records, err := readSpan(src, span, enc, d)
		if err != nil {
			spanErr = err
			break
		}
		got = append(got, records...)
	}
	switch {
	case wholeErr != nil || spanErr != nil:
		if len(spans) > 0 && fmt.Sprint(wholeErr) != fmt.Sprint(spanErr) {
			return fmt.Errorf("error %w, read whole %w", spanErr, wholeErr)
		}
	case !slices.Equal(got, want):
		return fmt.Errorf("spans %+v\n%q\nwhole\n%q", spans, got, want)
	case row != whole.Rows():
		return fmt.Errorf("%d rows, whole %d", row, whole.Rows())
	case len(spans) > 0 && spans[len(spans)-1].End != int64(len(raw)):
		return fmt.Errorf("spans %+v of %d bytes", spans, len(raw))
	}
	return nil
}

// TestSplit: random files in ranges of one byte and more read as they read whole.
func TestSplit(t *testing.T) {
	dialects := []csv.Dialect{
		rfc,
		{Delimiter: ","},
		{Delimiter: ";", Quote: '"', Escape: '\\', Header: 2, SkipLines: 1},
		{Delimiter: "||", Quote: '"', Comment: '#', SkipInitialSpace: true},
		{Delimiter: "\t", Quote: '\'', Newline: csv.NewlineCR, Header: 1, SkipLines: 2},
		{Delimiter: "|", Quote: '"', TrailingDelimiter: true},
	}
	encodings := []csv.Encoding{csv.UTF8, csv.UTF16LE, csv.UTF16BE, csv.Windows1252, csv.ShiftJIS, csv.GB18030, csv.ISO2022JP}
	rapid.Check(t, func(t *rapid.T) {
		o := Options{RangeSize: rapid.Int64Range(1, 20).Draw(t, "range"), Parallel: rapid.IntRange(1, 4).Draw(t, "parallel")}
		numbers := rapid.SliceOfN(rapid.Uint8(), 0, 60).Draw(t, "numbers")
		bom := rapid.Bool().Draw(t, "bom")
		for range 2 {
			d := rapid.SampledFrom(dialects).Draw(t, "dialect")
			pieces := []string{"a", "b,", "\n", "\r", "\r\n", d.Delimiter, d.Delimiter, " ", "'", "\"", "\"", "\\", "#", "|", "\ufeff"}
			var text strings.Builder
			for _, k := range numbers {
				text.WriteString(pieces[int(k)%len(pieces)])
			}
			for range 2 {
				enc := rapid.SampledFrom(encodings).Draw(t, "encoding")
				if err := checkSplit(encode(text.String(), enc, bom), enc, d, o); err != nil {
					t.Fatalf("%s, %+v, ranges of %d: %q: %v", enc, d, o.RangeSize, text.String(), err)
				}
			}
		}
	})
}

// encode writes text in enc. What is beyond ASCII is written as UTF-8 in the
// encodings of one byte, which makes other characters or broken ones of it.
func encode(text string, enc csv.Encoding, bom bool) []byte {
	var b []byte
	if enc != csv.UTF16LE && enc != csv.UTF16BE {
		if bom && enc == csv.UTF8 {
			b = append(b, "\ufeff"...)
		}
		return append(b, text...)
	}
	if bom {
		text = "\ufeff" + text
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if enc == csv.UTF16LE {
			b = append(b, byte(u), byte(u>>8))
		} else {
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return b
}

// TestSplitSizes: spans are about as long as asked for.
func TestSplitSizes(t *testing.T) {
	raw := []byte("id,text\n" + strings.Repeat("1,\"a\nb\"\n", 100000))
	for _, size := range []int64{1 << 10, 8 << 10, 100 << 10, 1 << 30} {
		spans, err := Split(context.Background(), bytes.NewReader(raw), int64(len(raw)), csv.UTF8, rfc, Options{RangeSize: size, Parallel: 3})
		if err != nil {
			t.Fatal(err)
		}
		if want := (int64(len(raw)) + size - 1) / size; int64(len(spans)) != want {
			t.Errorf("ranges of %d: %d spans, want %d", size, len(spans), want)
		}
		for _, span := range spans {
			if span.End-span.Start > size+8 {
				t.Errorf("ranges of %d: span %+v", size, span)
			}
		}
	}
}

// TestHeaderIsInOneSpan: a header of several records does not cross spans.
func TestHeaderIsInOneSpan(t *testing.T) {
	raw := []byte("\n\ngroup,\"\n\"\n\nname,unit\n1,2\n3,4\n")
	d := csv.Dialect{Delimiter: ",", Quote: '"', Header: 2}
	spans, err := Split(context.Background(), bytes.NewReader(raw), int64(len(raw)), csv.UTF8, d, Options{RangeSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(spans) != 3 || spans[0].Rows != 5 || spans[1].FirstRow != 5 || spans[1].FirstLine != 7 {
		t.Fatalf("spans %+v", spans)
	}
	r, _, err := Open(bytes.NewReader(raw), spans[0], csv.UTF8, d, csv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := r.Header(); err != nil || !slices.Equal(names, []string{"group name", "\n unit"}) {
		t.Errorf("header %q, %v", names, err)
	}
}

// TestVerifyNotices changes one byte of a file between Split and Open. What changes
// rows or states must be called source_changed; what does not, reads.
func TestVerifyNotices(t *testing.T) {
	raw := []byte("id,text\n1,\"a\nb\"\n2,c\n\n3,\"d,e\"\n4,f\n")
	spans, err := Split(context.Background(), bytes.NewReader(raw), int64(len(raw)), csv.UTF8, rfc, Options{RangeSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(spans) < 3 {
		t.Fatalf("spans %+v", spans)
	}
	noticed := 0
	for i := range raw {
		for _, c := range []byte("\n\",x") {
			other := slices.Clone(raw)
			other[i] = c
			for _, span := range spans {
				_, err := readSpan(bytes.NewReader(other), span, csv.UTF8, rfc)
				part := other[span.Start:span.End]
				same := checkRows(t, part, span.Rows, span.End == int64(len(raw)))
				if same != (err == nil) || err != nil && code(err) != SourceChanged {
					t.Errorf("%q as byte %d, span %+v %q: %v", c, i, span, part, err)
				}
				if err != nil {
					noticed++
				}
			}
		}
	}
	if noticed < 30 {
		t.Errorf("%d changes noticed", noticed)
	}
	for n := range raw {
		last := spans[len(spans)-1]
		if _, err := readSpan(bytes.NewReader(raw[:n]), last, csv.UTF8, rfc); code(err) != SourceChanged {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
		if _, err := Split(context.Background(), bytes.NewReader(raw[:n]), int64(len(raw)), csv.UTF8, rfc, Options{}); code(err) != SourceChanged {
			t.Errorf("cut to %d bytes before the scan: %v", n, err)
		}
	}
}

// checkRows says whether part still has as many rows and ends with one.
func checkRows(t *testing.T, part []byte, rows int64, last bool) bool {
	t.Helper()
	s, err := csv.NewScanner(rfc, csv.UTF8)
	if err != nil {
		t.Fatal(err)
	}
	scan := s.NewSpanScan()
	_, _ = scan.Write(part)
	n, whole := scan.Rows()
	return n == rows && (whole || last)
}

// TestVerifyBlamesUs: where the bytes are those of the scan, a difference is a
// defect and says so.
func TestVerifyBlamesUs(t *testing.T) {
	raw := []byte("a\nb\nc\n")
	span := csv.Span{Start: 0, End: 6, Rows: 3, FirstLine: 1}
	r, verify, err := Open(bytes.NewReader(raw), span, csv.UTF8, rfc, csv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(); code(err) != SpanMismatch {
		t.Errorf("before it was read: %v", err)
	}
	if _, err := list(r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := verify(); err != nil {
			t.Errorf("after it was read: %v", err)
		}
	}
	e := explain(bytes.NewReader(raw), span, csv.UTF8, rfc, "2 rows were read")
	if code(e) != SpanMismatch || etl.KindOf(e) != etl.Internal {
		t.Errorf("a reader that lost a row: %v", e)
	}
}

func TestGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	guard, err := NewGuard(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Check(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("a,b\n1,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime().Add(1)); err != nil {
		t.Fatal(err)
	}
	if err := guard.Check(); code(err) != SourceChanged {
		t.Errorf("same size, other time: %v", err)
	}
	if err := os.WriteFile(path, []byte("a,b\n1,2\n3,4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := guard.Check(); code(err) != SourceChanged {
		t.Errorf("grown: %v", err)
	}
	if guard, err := NewGuard(strings.NewReader("")); err != nil || guard.Check() != nil {
		t.Errorf("what cannot be watched: %v", err)
	}
}

// faulty fails to read after some bytes.
type faulty struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("input/output error")

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		n, _ := f.ReaderAt.ReadAt(p[:max(f.from-off, 0)], off)
		return n, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestSplitErrors(t *testing.T) {
	raw := bytes.Repeat([]byte("some,row\n"), 1000)
	size := int64(len(raw))
	ctx := context.Background()
	_, err := Split(ctx, faulty{bytes.NewReader(raw), 5000}, size, csv.UTF8, rfc, Options{RangeSize: 1000})
	if code(err) != SourceUnreadable || !errors.Is(err, errDisk) || etl.KindOf(err) != etl.Weather {
		t.Errorf("a broken disk: %v", err)
	}
	if _, err := readSpan(faulty{bytes.NewReader(raw), 5000}, csv.Span{End: size, Rows: 1000}, csv.UTF8, rfc); code(err) != SourceUnreadable {
		t.Errorf("a disk that breaks later: %v", err)
	}
	if _, err := Split(ctx, bytes.NewReader(raw), size, csv.UTF8, csv.Dialect{}, Options{}); etl.KindOf(err) != etl.Mistake {
		t.Errorf("no delimiter: %v", err)
	}
	if _, err := Split(ctx, bytes.NewReader(raw), size, "klingon", rfc, Options{}); code(err) != BadDialect {
		t.Errorf("unknown encoding: %v", err)
	}
	if _, err := Split(ctx, bytes.NewReader(raw), -1, csv.UTF8, rfc, Options{}); code(err) != SourceUnreadable {
		t.Errorf("unknown size: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, enc := range []csv.Encoding{csv.UTF8, csv.ISO2022JP} {
		if _, err := Split(cancelled, bytes.NewReader(raw), size, enc, rfc, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled, %s: %v", enc, err)
		}
	}
	for _, empty := range []string{"", "\xef\xbb\xbf"} {
		spans, err := Split(ctx, strings.NewReader(empty), int64(len(empty)), csv.UTF8, rfc, Options{})
		if err != nil || len(spans) != 0 {
			t.Errorf("%q: %v, %v", empty, spans, err)
		}
	}
}

// TestSplitDamagedHeader: a file is split whatever its header is; who opens it is told.
func TestSplitDamagedHeader(t *testing.T) {
	for _, text := range []string{"\n\n\n", "a\x00b\n1\n2\n", "\"a\n1\n2\n", "\n\xff\n1\n"} {
		if err := checkSplit([]byte(text), csv.UTF8, rfc, Options{RangeSize: 1}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var raw []byte
	for len(raw) < 32<<20 {
		raw = fmt.Appendf(raw, "%d,\"%d\",some text of a row,%d,%d\n", rng.Uint64(), rng.Uint32(), rng.Uint64(), rng.Uint64())
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Split(context.Background(), bytes.NewReader(raw), int64(len(raw)), csv.UTF8, rfc, Options{Parallel: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
