package plan

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Open gives a Reader over exactly the bytes of a span that Split found. Lines
// are numbered as in the file; records from 1 within the span, unless
// o.Start.Record says otherwise, and the rest of o.Start is set here. The header
// is read in the first span only.
//
// verify is to be called after the Reader's io.EOF; it may be repeated. It is nil
// where the span was read to its last byte, ended between two records (or with
// the file) and held Span.Rows rows, by the count of the Reader and by a second scan of
// the decoded text. Else it is an *etl.Error: source_changed where the bytes
// are not those that Split saw, span_mismatch (Internal) where they are and
// Reader and Scanner disagree. Rows of a span whose verify failed must not be
// published.
func Open(src io.ReaderAt, span csv.Span, enc csv.Encoding, d csv.Dialect, o csv.Options) (r *csv.Reader, verify func() error, err error) {
	text, err := newScanned(enc.DecodeSpan(&section{src: src, at: span.Start, end: span.End}), d)
	if err != nil {
		return nil, nil, err
	}
	o.Encoding = enc
	o.Start.Byte, o.Start.Line = span.Start, span.FirstLine
	if span.FirstRow > 0 {
		o.Start.Record = max(o.Start.Record, 1)
	}
	r, err = csv.NewReader(text, spanDialect(span, d), o)
	if err != nil {
		return nil, nil, err
	}
	verify = func() error {
		switch {
		case !text.ended:
			return mismatch(span, "it was not read to its end")
		case r.Rows() != span.Rows:
			return explain(src, span, enc, d, fmt.Sprintf("%d rows were read", r.Rows()))
		case !text.matches(src, span):
			return explain(src, span, enc, d, "the last one did not end with the span")
		case r.InputOffset() != span.Start+text.bytes:
			return mismatch(span, fmt.Sprintf("the reader left off at byte %d of %d", r.InputOffset()-span.Start, text.bytes))
		}
		return nil
	}
	return r, verify, nil
}

// scanned counts the rows of the text that is read through it.
type scanned struct {
	src   io.Reader
	scan  *csv.RangeScan
	bytes int64
	ended bool
}

func newScanned(src io.Reader, d csv.Dialect) (*scanned, error) {
	s, err := csv.NewScanner(d, csv.UTF8)
	if err != nil {
		return nil, err
	}
	return &scanned{src: src, scan: s.NewSpanScan()}, nil
}

func (t *scanned) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	_, _ = t.scan.Write(p[:n]) // never fails
	t.bytes += int64(n)
	t.ended = t.ended || err == io.EOF
	return n, err
}

// matches says whether what was read is the span.
func (t *scanned) matches(src io.ReaderAt, span csv.Span) bool {
	rows, whole := t.scan.Rows()
	return rows == span.Rows && (whole || atEnd(src, span.End))
}

// atEnd says whether src has no byte at offset.
func atEnd(src io.ReaderAt, offset int64) bool {
	var b [1]byte
	n, err := src.ReadAt(b[:], offset)
	return n == 0 && err == io.EOF
}

// explain tells a changed file from a defect of ours by scanning the span's
// bytes again, as Split did.
func explain(src io.ReaderAt, span csv.Span, enc csv.Encoding, d csv.Dialect, what string) error {
	s, err := csv.NewScanner(d, enc)
	if err != nil {
		return changed(fmt.Sprintf("the scan found %d rows, then %s", span.Rows, what))
	}
	raw := &scanned{src: &section{src: src, at: span.Start, end: span.End}, scan: s.NewSpanScan()}
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{raw}, make([]byte, bufferSize)); err != nil {
		return unreadable(err)
	}
	if raw.matches(src, span) {
		return mismatch(span, what)
	}
	return changed(fmt.Sprintf("bytes %d to %d held %d rows when they were scanned, then %s", span.Start, span.End, span.Rows, what))
}

func mismatch(span csv.Span, what string) error {
	return &etl.Error{
		Kind: etl.Internal, Code: SpanMismatch,
		Message: fmt.Sprintf("the span of bytes %d to %d with %d rows was not read as planned: %s", span.Start, span.End, span.Rows, what),
	}
}

// spanDialect is the dialect of a span: lines are skipped before it, and only
// the first has the header.
func spanDialect(span csv.Span, d csv.Dialect) csv.Dialect {
	d.SkipLines = 0
	if span.FirstRow > 0 {
		d.Header = 0
	}
	return d
}

// section reads src from at to end and takes an earlier end for a changed file.
type section struct {
	src     io.ReaderAt
	at, end int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.at >= s.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.end-s.at)]
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.src.ReadAt(p, s.at)
	s.at += int64(n)
	switch {
	case n > 0:
		return n, nil // what is behind err will come again
	case err == io.EOF || err == nil:
		return 0, changed(fmt.Sprintf("it ends at byte %d, where more was expected", s.at))
	}
	return 0, unreadable(err)
}

// Guard notices that a file was written to.
type Guard struct {
	file  interface{ Stat() (fs.FileInfo, error) }
	size  int64
	mtime time.Time
}

// NewGuard remembers size and time of last change of src, where src has a Stat
// method (as *os.File has); of anything else it knows nothing and Check is nil.
func NewGuard(src any) (*Guard, error) {
	file, ok := src.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return &Guard{}, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, unreadable(err)
	}
	return &Guard{file: file, size: info.Size(), mtime: info.ModTime()}, nil
}

// Check is source_changed where the file was written to since NewGuard. To be
// called before what was read is published; may be repeated.
func (g *Guard) Check() error {
	if g.file == nil {
		return nil
	}
	info, err := g.file.Stat()
	if err != nil {
		return unreadable(err)
	}
	switch {
	case info.Size() != g.size:
		return changed(fmt.Sprintf("it had %d bytes and has %d now", g.size, info.Size()))
	case !info.ModTime().Equal(g.mtime):
		return changed("it was written to at " + info.ModTime().Format(time.RFC3339Nano))
	}
	return nil
}

func changed(how string) *etl.Error {
	return &etl.Error{
		Kind: etl.Mistake, Code: SourceChanged,
		Message: "the file changed while it was read: " + how,
		Fix:     "Load it again when nothing writes to it, or load a copy",
	}
}
