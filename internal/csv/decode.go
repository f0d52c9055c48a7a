package csv

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// invalidByte stands in decoded text for bytes that mean nothing in their
// encoding. No UTF-8 holds it, so a Reader flags the record, while a genuine
// U+FFFD stays data.
const invalidByte = 0xff

// Decode returns r's bytes as UTF-8, without a byte order mark at the start.
// UTF-8 passes through unchanged and unchecked; in any other encoding each run
// of bytes that means nothing becomes the byte 0xFF, which is never valid UTF-8:
// either way a Reader returns the record as Bad. What breaks off at the end of r
// (half a character, an odd byte of UTF-16) counts as such. Errors of r come
// after all text before them. An unknown e gives that error on the first Read.
func (e Encoding) Decode(r io.Reader) io.Reader {
	return &bomStripper{r: r, mark: e.bom(), open: e.DecodeSpan}
}

// DecodeSpan is Decode for bytes that begin at a record inside a file, where
// U+FEFF is data. e must be Splittable or r the start of the file.
func (e Encoding) DecodeSpan(r io.Reader) io.Reader {
	var c converter
	switch e {
	case UTF8, "":
		return r
	case UTF16LE, UTF16BE:
		c = wide16{big: e.bigEndian()}
	case UTF32LE, UTF32BE:
		c = wide32{big: e.bigEndian()}
	default:
		var err error
		if c, err = newConverter(e); err != nil {
			return failingReader{err}
		}
	}
	return &decodeReader{r: r, c: c, in: make([]byte, 32<<10)}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// bomStripper reads as many bytes as decide whether r begins with mark.
type bomStripper struct {
	r    io.Reader
	mark string
	open func(io.Reader) io.Reader
	out  io.Reader
}

func (b *bomStripper) Read(p []byte) (int, error) {
	if b.out == nil {
		b.strip()
	}
	return b.out.Read(p)
}

func (b *bomStripper) strip() {
	head := make([]byte, len(b.mark))
	n, err := io.ReadFull(b.r, head)
	head = head[:n]
	if string(head) == b.mark {
		head = nil
	}
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		b.out = b.open(bytes.NewReader(head))
	case err != nil:
		b.out = b.open(io.MultiReader(bytes.NewReader(head), failingReader{err}))
	case len(head) == 0:
		b.out = b.open(b.r)
	default:
		b.out = b.open(io.MultiReader(bytes.NewReader(head), b.r))
	}
}

// A converter writes src as UTF-8 to dst until either is used up, leaving an
// incomplete character of src unless atEOF. dst has room for at least one
// character.
type converter interface {
	convert(dst, src []byte, atEOF bool) (nDst, nSrc int)
}

type decodeReader struct {
	r        io.Reader
	c        converter
	in       []byte
	from, to int
	err      error
	// small holds text where the caller's slice has no room for a character.
	small, rest []byte
}

// room is more than any converter writes for one character.
const room = 16

func (d *decodeReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.rest) == 0 {
		if len(p) >= room {
			return d.fill(p)
		}
		if d.small == nil {
			d.small = make([]byte, room)
		}
		n, err := d.fill(d.small)
		if n == 0 {
			return 0, err
		}
		d.rest = d.small[:n]
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// fill returns at least one byte or an error.
func (d *decodeReader) fill(p []byte) (int, error) {
	for idle := 0; ; {
		n, used := d.c.convert(p, d.in[d.from:d.to], d.err != nil)
		d.from += used
		if n > 0 {
			return n, nil
		}
		if used > 0 {
			continue
		}
		if d.err != nil {
			return 0, d.err
		}
		copy(d.in, d.in[d.from:d.to])
		d.from, d.to = 0, d.to-d.from
		n, err := d.r.Read(d.in[d.to:])
		d.to += n
		d.err = err
		if n > 0 {
			idle = 0
		} else if idle++; idle > 100 && err == nil {
			d.err = io.ErrNoProgress
		}
	}
}

type wide16 struct{ big bool }

func (c wide16) convert(dst, src []byte, atEOF bool) (n, used int) {
	for n+4 <= len(dst) && used+2 <= len(src) {
		// Four ASCII units at a time: their high bytes are zero.
		for n+4 <= len(dst) && used+8 <= len(src) {
			w := binary.LittleEndian.Uint64(src[used:])
			if c.big {
				w = binary.BigEndian.Uint64(src[used:])
			}
			if w&0xff80ff80ff80ff80 != 0 {
				break
			}
			w = (w | w>>8) & 0x0000ffff0000ffff
			if w |= w >> 16; c.big {
				binary.BigEndian.PutUint32(dst[n:], uint32(w))
			} else {
				binary.LittleEndian.PutUint32(dst[n:], uint32(w))
			}
			n, used = n+4, used+8
		}
		if n+4 > len(dst) || used+2 > len(src) {
			break
		}
		u := rune(c.unit(src[used:]))
		size := 2
		if utf16.IsSurrogate(u) {
			if used+4 > len(src) && !atEOF && u < 0xdc00 {
				return n, used
			}
			low := rune(-1)
			if used+4 <= len(src) {
				low = rune(c.unit(src[used+2:]))
			}
			if u = utf16.DecodeRune(u, low); u != utf8.RuneError {
				size = 4
			} else {
				u = -1
			}
		}
		used += size
		n += putRune(dst[n:], u)
	}
	if atEOF && used+1 == len(src) && n < len(dst) {
		dst[n] = invalidByte
		n, used = n+1, used+1
	}
	return n, used
}

func (c wide16) unit(b []byte) uint16 {
	if c.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

type wide32 struct{ big bool }

func (c wide32) convert(dst, src []byte, atEOF bool) (n, used int) {
	for n+4 <= len(dst) && used+4 <= len(src) {
		u := binary.LittleEndian.Uint32(src[used:])
		if c.big {
			u = binary.BigEndian.Uint32(src[used:])
		}
		v := rune(-1)
		if u <= utf8.MaxRune && !utf16.IsSurrogate(rune(u)) {
			v = rune(u)
		}
		used += 4
		n += putRune(dst[n:], v)
	}
	if left := len(src) - used; atEOF && left > 0 && left < 4 && n < len(dst) {
		dst[n] = invalidByte
		n, used = n+1, len(src)
	}
	return n, used
}

// putRune writes v to dst, or invalidByte where v is negative.
func putRune(dst []byte, v rune) int {
	if v < 0 {
		dst[0] = invalidByte
		return 1
	}
	return utf8.EncodeRune(dst, v)
}

// asciiPrefix copies the ASCII bytes that src begins with.
func asciiPrefix(dst, src []byte) int {
	n := 0
	for n+8 <= len(src) && n+8 <= len(dst) {
		w := binary.LittleEndian.Uint64(src[n:])
		if w&lanes80 != 0 {
			break
		}
		binary.LittleEndian.PutUint64(dst[n:], w)
		n += 8
	}
	for n < len(src) && n < len(dst) && src[n] < utf8.RuneSelf {
		dst[n] = src[n]
		n++
	}
	return n
}

// replacement is what x/text writes for bytes that mean nothing.
var replacement = []byte("\ufffd")
