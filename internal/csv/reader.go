package csv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Codes of BadRecord.
const (
	// CodeStrayQuote: a quote inside a quoted field is neither doubled nor at
	// the field's end, and the field swallowed lines that are records.
	CodeStrayQuote = "stray_quote"
	// CodeUnterminatedQuote: a quote is never closed.
	CodeUnterminatedQuote = "unterminated_quote"
	// CodeInvalidUTF8: a byte is not UTF-8 in a file read as UTF-8.
	CodeInvalidUTF8 = "invalid_utf8"
	// CodeInvalidEncoding: bytes mean nothing in the file's (other) encoding.
	CodeInvalidEncoding = "invalid_encoding"
	// CodeNULByte: the record holds a NUL byte, which PostgreSQL cannot store.
	CodeNULByte = "nul_byte"
	// CodeRecordTooLong: the record is longer than Options.MaxRecord.
	CodeRecordTooLong = "record_too_long"
)

const (
	// DefaultMaxRecord is the record bound where Options name none, in bytes.
	DefaultMaxRecord = 8 << 20

	bufferSize = 256 << 10
	// longPrefix is how much of a too long record Raw shows, in bytes.
	longPrefix = 4 << 10
)

// Options say how a Reader reads; the zero value reads a whole UTF-8 file.
type Options struct {
	// MaxRecord bounds a record in bytes of UTF-8, its newline excluded; 0 means
	// DefaultMaxRecord. A longer record is returned as Bad, and reading goes on
	// after it. The Reader's memory is bounded by about this and 512 KiB.
	MaxRecord int
	// Start is where src begins. Zero means the start of a file: a byte order
	// mark and Dialect.SkipLines are skipped, then the header is read. With
	// Record 0 (and Byte or Line set) only the header is read, with Record ≥ 1
	// the first record is data and gets that number. Line 0 counts as 1.
	Start Position
	// Width is the number of fields that records should have; 0 means unknown.
	// Records of other widths are returned all the same; it only decides whether
	// a record with stray quotes is several lines of a damaged file (docs/csv.md).
	Width int
	// BlankRecords makes a blank line a record of one empty field, for files of
	// one column. Blank lines before and within the header are always skipped.
	BlankRecords bool
	// StripNUL removes NUL bytes from fields and counts them, where otherwise
	// they make a record bad.
	StripNUL bool
	// Encoding is what src was decoded from; it only chooses between
	// CodeInvalidUTF8 (UTF8 and "") and CodeInvalidEncoding.
	Encoding Encoding
}

// BadRecord says what is wrong with a record, for people.
type BadRecord struct {
	// Code is one of the Code constants.
	Code string
	// Reason says in plain words what is wrong and how to mend it.
	Reason string
	// Line is the 1-based physical line of the damage: where a quote was opened,
	// where the bad byte is, where a too long record begins.
	Line int64
	// Byte is the offset of the damage, counted as Position.Byte is.
	Byte int64
}

// Error returns line and reason.
func (b *BadRecord) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Reason) }

// Record is one record. All its memory is valid until the next Read only.
type Record struct {
	// Fields are the values, without quotes and escapes.
	Fields [][]byte
	// Quoted tells per field whether it was written in quotes, which tells ""
	// from nothing.
	Quoted []bool
	// Pos is where the record starts.
	Pos Position
	// Raw is the record as it is in the file, in UTF-8 without its newline; of a
	// record that is too long the first 4 KiB.
	Raw []byte
	// Bad is nil for a good record. Fields of a bad one are filled as far as
	// they could be told.
	Bad *BadRecord
}

// A Reader turns UTF-8 bytes into records. It returns the same records however
// src hands out its bytes. It is not safe for concurrent use.
type Reader struct {
	d     Dialect
	o     Options
	delim string
	// single: delimiter of one byte and records that end in LF (the fast parser).
	single    bool
	skipSpace bool

	src   io.Reader
	err   error // what src ended with, but for io.EOF
	ended bool  // src has ended well
	buf   []byte
	owned []byte // buf's memory when src is a reader, kept over Resets
	pos   int    // next unread byte in buf
	end   int    // end of the bytes in buf
	base  int64  // offset of buf[0]
	vet   vetting

	line     int64
	record   int64
	rows     int64
	blank    int64
	nuls     int64
	headLeft int
	header   []string
	started  bool
	fail     error // sticky

	regionEnd int // > pos: inside a record that is read again line by line
	budget    int // bytes that may be looked at before lines are taken singly

	p   parsed
	rec Record
	bad BadRecord
}

// NewReader returns a Reader of src, which must be UTF-8 (Encoding.Decode). The
// error is that of d.Validate.
func NewReader(src io.Reader, d Dialect, o Options) (*Reader, error) {
	r, err := newReader(d)
	if err != nil {
		return nil, err
	}
	r.Reset(src, o)
	return r, nil
}

// NewBytesReader is NewReader over b, which is neither copied nor changed.
// Records point into b, so they stay valid for as long as b does, but for
// fields that had to be unescaped.
func NewBytesReader(b []byte, d Dialect, o Options) (*Reader, error) {
	r, err := newReader(d)
	if err != nil {
		return nil, err
	}
	r.ResetBytes(b, o)
	return r, nil
}

func newReader(d Dialect) (*Reader, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	d = d.normal()
	return &Reader{
		d:         d,
		delim:     d.Delimiter,
		single:    len(d.Delimiter) == 1 && d.Newline == NewlineLF,
		skipSpace: d.SkipInitialSpace && d.Delimiter[0] != ' ',
	}, nil
}

// Reset makes r read src in the same dialect, re-using its memory. Counts and
// header start anew.
func (r *Reader) Reset(src io.Reader, o Options) {
	r.reset(o)
	if r.owned == nil {
		r.owned = make([]byte, bufferSize)
	}
	r.src, r.ended, r.buf, r.end = src, false, r.owned, 0
}

// ResetBytes is Reset over b, which is neither copied nor changed.
func (r *Reader) ResetBytes(b []byte, o Options) {
	r.reset(o)
	r.src, r.ended, r.buf, r.end = nil, true, b, len(b)
}

func (r *Reader) reset(o Options) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	r.o = o
	r.err, r.pos, r.base, r.vet = nil, 0, o.Start.Byte, vetting{}
	r.line, r.record = max(o.Start.Line, 1), max(o.Start.Record, 1)
	r.rows, r.blank, r.nuls = 0, 0, 0
	r.headLeft, r.header, r.started, r.fail = 0, nil, false, nil
	if o.Start.Record == 0 {
		r.headLeft = r.d.Header
	}
	r.regionEnd = 0
}

// Rows is the number of rows consumed, as a Scanner counts them: header,
// comments, blank lines and bad records included, lines skipped by
// Dialect.SkipLines not. A damaged record that is read again line by line is
// one row.
func (r *Reader) Rows() int64 { return r.rows }

// Blank is the number of blank lines skipped so far.
func (r *Reader) Blank() int64 { return r.blank }

// NULs is the number of NUL bytes that Options.StripNUL removed so far.
func (r *Reader) NULs() int64 { return r.nuls }

// InputOffset is the offset of the first byte after what was consumed, counted
// as Position.Byte is.
func (r *Reader) InputOffset() int64 { return r.base + int64(r.pos) }

// Header returns the column names as written, with the records of a header of
// several joined by a space, and nil where the header is not read (no header,
// or Options.Start after it). A file without any record gives io.EOF; a header
// that cannot be read gives a *BadRecord, and so does every Read then.
func (r *Reader) Header() ([]string, error) {
	if r.headLeft > 0 && r.fail == nil {
		r.readHeader()
	}
	if r.header == nil && r.fail != nil {
		return nil, r.fail
	}
	return r.header, nil
}

func (r *Reader) readHeader() {
	var names []string
	for r.headLeft > 0 && r.fail == nil {
		rec, err := r.next(true)
		switch {
		case err != nil:
			r.fail = err
		case rec.Bad != nil:
			bad := *rec.Bad
			bad.Reason = "the header cannot be read: " + bad.Reason
			r.fail, names = &bad, nil
		default:
			r.headLeft--
			for i, f := range rec.Fields {
				switch {
				case i >= len(names):
					names = append(names, string(f))
				case names[i] == "":
					names[i] = string(f)
				case len(f) > 0:
					names[i] += " " + string(f)
				}
			}
		}
	}
	r.header = names
}

// Read returns the next data record. The error is io.EOF at the end, that of
// the source (whole records before it are returned first), or the one that
// Header returns. It is the same at every further call.
func (r *Reader) Read() (*Record, error) {
	if r.headLeft > 0 && r.fail == nil {
		r.readHeader()
	}
	if r.fail != nil {
		return nil, r.fail
	}
	rec, err := r.next(false)
	if err != nil {
		r.fail = err
		return nil, err
	}
	rec.Pos.Record = r.record
	r.record++
	return rec, nil
}

// next returns the next record that is neither a comment nor blank.
func (r *Reader) next(header bool) (*Record, error) {
	if !r.started {
		if err := r.start(); err != nil {
			return nil, err
		}
	}
	for {
		b, last := r.window()
		if len(b) == 0 {
			if last {
				return nil, io.EOF
			}
			if err := r.more(0); err != nil {
				return nil, err
			}
			continue
		}
		if r.d.Comment != 0 && b[0] == r.d.Comment {
			r.countRow()
			if err := r.skipLine(); err != nil {
				return nil, err
			}
			continue
		}
		raw, n := r.parse(b, last)
		if n == 0 && len(b) <= r.o.MaxRecord+2 {
			if err := r.more(len(b)); err != nil {
				return nil, err
			}
			continue
		}
		if n == 0 || raw > r.o.MaxRecord {
			return r.tooLong()
		}
		if raw == 0 && (header || !r.o.BlankRecords) {
			r.blank++
			r.advance(b, raw, n)
			continue
		}
		if r.p.open >= 0 || r.p.stray >= 0 {
			if rec := r.resync(b, raw, n, last, header); rec != nil {
				return rec, nil
			}
		}
		return r.finish(b, raw, n), nil
	}
}

// window returns the bytes to parse, and whether they are all there will be.
func (r *Reader) window() (b []byte, last bool) {
	if r.regionEnd <= r.pos {
		return r.buf[r.pos:r.end], r.ended
	}
	b = r.buf[r.pos:r.regionEnd]
	if r.budget < 0 {
		if i := r.lineEnd(b); i >= 0 {
			b = b[:i+r.newlineLen(b[i:])]
		}
	}
	return b, true
}

// start skips what stands before the first record of a file.
func (r *Reader) start() error {
	r.started = true
	if r.o.Start != (Position{}) {
		return nil
	}
	const bom = "\xef\xbb\xbf"
	for {
		b, last := r.window()
		if len(b) >= len(bom) || last || !strings.HasPrefix(bom, string(b)) {
			if bytes.HasPrefix(b, []byte(bom)) {
				r.pos += len(bom)
			}
			break
		}
		if err := r.more(len(b)); err != nil {
			return err
		}
	}
	for range r.d.SkipLines {
		if err := r.skipLine(); err != nil {
			return err
		}
	}
	return nil
}

// skipLine passes one physical line, of any length.
func (r *Reader) skipLine() error {
	for {
		b, last := r.window()
		if i := r.lineEnd(b); i >= 0 {
			if b[i] == '\r' && i+1 == len(b) && !last {
				r.pos += i
				if err := r.more(1); err != nil {
					return err
				}
				continue
			}
			r.pos += i + r.newlineLen(b[i:])
			r.line++
			return nil
		}
		r.pos += len(b)
		if last {
			return nil
		}
		if err := r.more(0); err != nil {
			return err
		}
	}
}

// more reads until at least one byte follows the have unread ones; of a long
// record at least as many again, so that parsing it anew stays linear.
func (r *Reader) more(have int) error {
	want := have + 1
	if have >= 4<<10 {
		want = min(2*have, max(r.o.MaxRecord+3, have+1))
	}
	for idle := 0; r.end-r.pos < want; {
		if r.ended {
			return nil
		}
		if r.err != nil {
			return r.err
		}
		if r.pos == r.end {
			r.shift()
		} else if r.end == len(r.buf) {
			r.shift()
			if r.end == len(r.buf) {
				r.grow()
			}
		}
		n, err := r.src.Read(r.buf[r.end:])
		if n < 0 || n > len(r.buf)-r.end {
			return errors.New("csv: the source returned an impossible count from Read")
		}
		r.end += n
		if r.ended = err == io.EOF; !r.ended {
			r.err = err
		}
		if n > 0 {
			idle = 0
		} else if idle++; idle > 100 && err == nil {
			r.err = io.ErrNoProgress
		}
	}
	return nil
}

func (r *Reader) shift() {
	copy(r.buf, r.buf[r.pos:r.end])
	r.base += int64(r.pos)
	r.end -= r.pos
	r.vet.end -= r.pos
	r.pos, r.regionEnd = 0, 0 // no more is read within a region
}

func (r *Reader) grow() {
	size := min(2*len(r.buf), max(r.o.MaxRecord+bufferSize, len(r.buf)+bufferSize))
	buf := make([]byte, size)
	copy(buf, r.buf[:r.end])
	r.buf, r.owned = buf, buf
}
