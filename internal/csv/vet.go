package csv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// vetting remembers what is known of the bytes of buf up to end, so that most
// records need no look of their own.
type vetting struct {
	end      int
	nonASCII bool
	nul      bool
}

const vetWindow = 32 << 10

// finish makes the record out of what parse found, and passes it.
func (r *Reader) finish(b []byte, raw, n int) *Record {
	rec := r.fill(b[:raw:raw])
	if end := r.pos + raw; end > r.vet.end {
		to := min(max(end, r.pos+vetWindow), r.end)
		window := r.buf[r.pos:to]
		r.vet = vetting{end: to, nonASCII: !isASCII(window), nul: bytes.IndexByte(window, 0) >= 0}
	}
	if r.vet.nul || r.vet.nonASCII {
		r.check(rec)
	}
	r.advance(b, raw, n)
	return rec
}

// fill makes a record of the fields found; it starts at pos.
func (r *Reader) fill(raw []byte) *Record {
	p := &r.p
	k := p.n
	if r.d.TrailingDelimiter && k > 1 && !p.quoted[k-1] && len(p.fields[k-1]) == 0 {
		k--
	}
	rec := &r.rec
	rec.Fields, rec.Quoted = p.fields[:k:k], p.quoted[:k:k]
	rec.Pos.Byte, rec.Pos.Line, rec.Pos.Record = r.base+int64(r.pos), r.line, 0
	rec.Raw, rec.Bad = raw, nil
	return rec
}

// advance passes the record at pos.
func (r *Reader) advance(b []byte, raw, n int) {
	if r.p.anyQuoted {
		r.line += r.countLines(b[:raw])
	}
	r.line++
	r.countRow()
	r.pos += n
}

// countRow counts a row; pieces of a record that is read again are not rows.
func (r *Reader) countRow() {
	if r.regionEnd <= r.pos {
		r.rows++
	}
}

// check looks for NUL and bytes that are not UTF-8.
func (r *Reader) check(rec *Record) {
	if at := bytes.IndexByte(rec.Raw, 0); at >= 0 {
		if !r.o.StripNUL {
			r.setBad(rec, CodeNULByte, at, "the record holds a NUL byte, which no database text can: remove it, or have NUL bytes stripped")
			return
		}
		r.stripNUL(rec)
	}
	if utf8.Valid(rec.Raw) {
		return
	}
	at := invalidAt(rec.Raw)
	if r.o.Encoding == "" || r.o.Encoding == UTF8 {
		r.setBad(rec, CodeInvalidUTF8, at, fmt.Sprintf("the byte 0x%02x is not valid UTF-8: name the file's encoding if it is another one", rec.Raw[at]))
		return
	}
	r.setBad(rec, CodeInvalidEncoding, at, fmt.Sprintf("bytes here mean nothing in %s: name the file's encoding if it is another one", r.o.Encoding))
}

func (r *Reader) setBad(rec *Record, code string, at int, reason string) {
	r.bad = BadRecord{
		Code:   code,
		Reason: reason,
		Line:   rec.Pos.Line + r.countLines(rec.Raw[:at]),
		Byte:   rec.Pos.Byte + int64(at),
	}
	rec.Bad = &r.bad
}

func (r *Reader) stripNUL(rec *Record) {
	for i, f := range rec.Fields {
		if bytes.IndexByte(f, 0) < 0 {
			continue
		}
		from := len(r.p.scratch)
		for _, c := range f {
			if c != 0 {
				r.p.scratch = append(r.p.scratch, c)
			}
		}
		to := len(r.p.scratch)
		rec.Fields[i] = r.p.scratch[from:to:to]
		r.nuls += int64(len(f) - (to - from))
	}
}

// invalidAt returns the offset of the first byte of b that is not UTF-8.
func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		c, size := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

func isASCII(b []byte) bool {
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&lanes80 != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
