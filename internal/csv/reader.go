package csv

import "io"

// Codes of BadRecord.
const (
	CodeStrayQuote        = "stray_quote"
	CodeUnterminatedQuote = "unterminated_quote"
	CodeInvalidUTF8       = "invalid_utf8"
	CodeInvalidEncoding   = "invalid_encoding"
	CodeNULByte           = "nul_byte"
	CodeRecordTooLong     = "record_too_long"
)

// Options say how a Reader reads.
type Options struct {
	MaxRecord    int
	Start        Position
	Width        int
	BlankRecords bool
	StripNUL     bool
	Encoding     Encoding
}

// BadRecord says what is wrong with a record.
type BadRecord struct {
	Code   string
	Reason string
	Line   int64
	Byte   int64
}

func (b *BadRecord) Error() string { return b.Reason }

// Record is one record; its memory is valid until the next Read.
type Record struct {
	Fields [][]byte
	Quoted []bool
	Pos    Position
	Raw    []byte
	Bad    *BadRecord
}

// Reader reads records.
type Reader struct{}

// NewReader returns a Reader over UTF-8 bytes.
func NewReader(src io.Reader, d Dialect, o Options) (*Reader, error) {
	return &Reader{}, d.Validate()
}

// NewBytesReader returns a Reader over b without copying it.
func NewBytesReader(b []byte, d Dialect, o Options) (*Reader, error) {
	return &Reader{}, d.Validate()
}

// Reset makes r read src with the same dialect, re-using its memory.
func (r *Reader) Reset(src io.Reader, o Options) {}

// ResetBytes makes r read b with the same dialect, without copying it.
func (r *Reader) ResetBytes(b []byte, o Options) {}

// Read returns the next data record, io.EOF at the end.
func (r *Reader) Read() (*Record, error) { return nil, io.EOF }

// Header returns the column names as written, nil when the dialect has none.
func (r *Reader) Header() ([]string, error) { return nil, nil }

// Rows is the number of rows so far as a Scanner counts them.
func (r *Reader) Rows() int64 { return 0 }

// Blank is the number of blank lines skipped.
func (r *Reader) Blank() int64 { return 0 }

// NULs is the number of NUL bytes stripped.
func (r *Reader) NULs() int64 { return 0 }

// InputOffset is the offset after the record last returned.
func (r *Reader) InputOffset() int64 { return 0 }
