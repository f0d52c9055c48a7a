package csv

import (
	"bytes"
	"encoding/binary"
	"io"
)

// A Writer writes records by RFC 4180: comma, LF, quotes only where they are
// needed. It buffers; call Flush at the end. It is not safe for concurrent use.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

const writeBuffer = 64 << 10

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, buf: make([]byte, 0, writeBuffer+4<<10)}
}

// Write writes one record. An empty field is written as "" where quoted, which
// may be nil, says that it was, and as the only field of its record, where
// nothing would be a blank line. The error is that of the underlying writer and
// stays.
func (w *Writer) Write(fields [][]byte, quoted []bool) error {
	if w.err != nil {
		return w.err
	}
	for i, f := range fields {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if len(f) == 0 {
			if len(fields) == 1 || i < len(quoted) && quoted[i] {
				w.buf = append(w.buf, '"', '"')
			}
			continue
		}
		w.field(f)
	}
	return w.end()
}

// WriteStrings is Write of strings.
func (w *Writer) WriteStrings(fields []string) error {
	if w.err != nil {
		return w.err
	}
	for i, f := range fields {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if f == "" && len(fields) == 1 {
			w.buf = append(w.buf, '"', '"')
		}
		if f != "" {
			w.field([]byte(f))
		}
	}
	return w.end()
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
		w.buf = w.buf[:0]
	}
	return w.err
}

func (w *Writer) end() error {
	w.buf = append(w.buf, '\n')
	if len(w.buf) >= writeBuffer {
		return w.Flush()
	}
	return nil
}

func (w *Writer) field(f []byte) {
	if !needsQuotes(f) {
		w.buf = append(w.buf, f...)
		return
	}
	w.buf = append(w.buf, '"')
	for {
		i := bytes.IndexByte(f, '"')
		if i < 0 {
			break
		}
		w.buf = append(w.buf, f[:i+1]...)
		w.buf = append(w.buf, '"')
		f = f[i+1:]
	}
	w.buf = append(w.buf, f...)
	w.buf = append(w.buf, '"')
}

// needsQuotes reports whether f, unquoted, would be read as something else: it
// holds a comma, a quote or a line end, or begins with U+FEFF, which is lost as
// a byte order mark at the start of a file.
func needsQuotes(f []byte) bool {
	if f[0] == 0xef && bytes.HasPrefix(f, []byte("\ufeff")) {
		return true
	}
	i := 0
	for ; i+8 <= len(f); i += 8 {
		w := binary.LittleEndian.Uint64(f[i:])
		m := lanes80 &^ (nonZero(w^','*lanes01) & nonZero(w^'"'*lanes01) & nonZero(w^'\n'*lanes01) & nonZero(w^'\r'*lanes01))
		if m != 0 {
			return true
		}
	}
	for _, c := range f[i:] {
		if c == ',' || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}

// nonZero sets the high bit of every byte of x that is not zero (Hacker's
// Delight, 6-1); the other bits are noise.
func nonZero(x uint64) uint64 { return (x&lanes7f + lanes7f) | x }
