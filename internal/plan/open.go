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
// are numbered as in the file; records from 1 within the span, unless o.Start
// says otherwise. The header is read in the first span only.
//
// verify is to be called after the Reader's io.EOF, and again whenever wanted.
// It is nil where the Reader took the span to its last byte, left off between
// two records and counted Span.Rows; else an *etl.Error: source_changed where
// the bytes are no longer those that were scanned, span_mismatch (Internal)
// where they are and Reader and Scanner disagree. Rows of a span whose verify
// failed must not be published.
func Open(src io.ReaderAt, span csv.Span, enc csv.Encoding, d csv.Dialect, o csv.Options) (r *csv.Reader, verify func() error, err error) {
	raw := &section{src: src, at: span.Start, end: span.End}
	o.Start.Byte, o.Start.Line = span.Start, span.FirstLine
	r, err = csv.NewReader(enc.DecodeSpan(raw), spanDialect(span, d), o)
	if err != nil {
		return nil, nil, err
	}
	return r, func() error { return nil }, nil
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
