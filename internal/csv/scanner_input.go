package csv

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// input says how raw bytes become the symbols of a grammar.
type input struct {
	// unit is the number of bytes of a symbol.
	unit      int
	bigEndian bool
	delimiter []symbol
	// wide are the symbols told apart where unit > 1.
	wide []symbol
	// single are the symbols of each byte where unit is 1: itself, or what a
	// single-byte encoding makes of it.
	single [256][]symbol
	// lead and trail are the bytes of two-byte characters whose second byte may
	// be a syntax byte; lead is nil where none can be.
	lead, trail func(byte) bool
	// plain says that every byte is its own symbol or other, which byte searches rely on.
	plain bool
}

// position is where within a character the next byte stands.
type position struct {
	read  uint8  // bytes of the unit read
	fits  uint16 // which of input.wide those bytes still fit
	trail bool   // after a lead byte
}

func newInput(d Dialect, e Encoding) (*input, error) {
	d = d.normal()
	in := &input{unit: 1, plain: true}
	for _, b := range []byte(d.Delimiter) {
		in.delimiter = append(in.delimiter, symbol(b))
	}
	for b := range in.single {
		in.single[b] = []symbol{symbol(b)}
	}
	switch e {
	case UTF8, "":
		return in, nil
	case UTF16LE, UTF16BE, UTF32LE, UTF32BE:
		in.setWide(d, e)
		return in, nil
	case ShiftJIS, GB18030, Big5, EUCJP, EUCKR:
		return in, in.setMultiByte(d, e)
	}
	if !e.Splittable() {
		return nil, fmt.Errorf("%w: %s", ErrNotSplittable, e)
	}
	return in, in.setSingleByte(e)
}

// setWide makes symbols of code units.
func (in *input) setWide(d Dialect, e Encoding) {
	in.plain = false
	in.bigEndian = e == UTF16BE || e == UTF32BE
	in.unit, in.delimiter = 4, nil
	if e == UTF16LE || e == UTF16BE {
		in.unit = 2
	}
	for _, r := range d.Delimiter {
		if in.unit == 2 && r >= 0x10000 {
			high, low := utf16.EncodeRune(r)
			in.delimiter = append(in.delimiter, symbol(high), symbol(low))
		} else {
			in.delimiter = append(in.delimiter, symbol(r))
		}
	}
	in.wide = []symbol{'\n', '\r', ' '}
	for _, b := range []byte{d.Quote, d.Escape, d.Comment} {
		if b != 0 {
			in.wide = append(in.wide, symbol(b))
		}
	}
	in.wide = append(in.wide, in.delimiter...)
}

// setMultiByte makes characters of several bytes opaque. Their first byte is at
// least 0x80; what follows is told apart as far as golang.org/x/text reads it,
// broken characters included.
func (in *input) setMultiByte(d Dialect, e Encoding) error {
	syntax := d.Delimiter + string(rune(d.Quote)) + string(rune(d.Escape)) + string(rune(d.Comment))
	within := func(low, high byte) bool {
		return strings.ContainsFunc(syntax, func(r rune) bool { return rune(low) <= r && r <= rune(high) })
	}
	refuse := func(what string) error {
		return fmt.Errorf("%w: %s in %s may be part of another character", ErrNotSplittable, what, e)
	}
	if strings.ContainsFunc(syntax, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return refuse("a delimiter beyond ASCII")
	}
	for b := utf8.RuneSelf; b < len(in.single); b++ {
		in.single[b] = []symbol{other}
	}
	high := within(0x40, 0x7f)
	switch e {
	case EUCKR: // a letter after a lead byte is its trail only where the pair is assigned
		if within('A', 'Z') || within('a', 'z') {
			return refuse("a letter as delimiter, quote, escape or comment")
		}
	case GB18030: // a digit after a lead byte is known by the two bytes behind it
		if within('0', '9') {
			return refuse("a digit as delimiter, quote, escape or comment")
		}
		if high {
			in.lead = func(b byte) bool { return 0x81 <= b && b <= 0xfe }
			in.trail = func(b byte) bool { return 0x40 <= b && b != 0x7f && b != 0xff }
		}
	case ShiftJIS:
		if high {
			in.lead = func(b byte) bool { return 0x81 <= b && b <= 0x9f || 0xe0 <= b && b <= 0xfc }
			in.trail = func(b byte) bool { return 0x40 <= b && b != 0x7f }
		}
	case Big5:
		if high {
			in.lead = func(b byte) bool { return 0x81 <= b && b <= 0xfe }
			in.trail = func(b byte) bool { return 0x40 <= b }
		}
	}
	in.plain = in.lead == nil
	return nil
}

// setSingleByte asks the decoder what each byte from 0x80 on means.
func (in *input) setSingleByte(e Encoding) error {
	for b := utf8.RuneSelf; b < len(in.single); b++ {
		text, err := io.ReadAll(e.DecodeSpan(bytes.NewReader([]byte{byte(b)})))
		if err != nil {
			return err
		}
		in.single[b] = nil
		for _, c := range text {
			in.single[b] = append(in.single[b], symbol(c))
		}
	}
	for _, c := range in.delimiter {
		in.plain = in.plain && c < utf8.RuneSelf
	}
	return nil
}

// feed emits the symbols that byte b completes at p and gives the position after
// it. A character of several bytes is emitted with its first: what follows
// cannot be syntax, and a record pending behind a CR starts there.
func (in *input) feed(p position, b byte, emit func(symbol)) position {
	if in.unit > 1 {
		return in.feedWide(p, b, emit)
	}
	if p.trail && in.trail(b) {
		return position{}
	}
	for _, c := range in.single[b] {
		emit(c)
	}
	return position{trail: in.lead != nil && in.lead(b)}
}

func (in *input) feedWide(p position, b byte, emit func(symbol)) position {
	if p.read == 0 {
		p.fits = 1<<len(in.wide) - 1
	}
	shift := 8 * int(p.read)
	if in.bigEndian {
		shift = 8 * (in.unit - 1 - int(p.read))
	}
	for i, c := range in.wide {
		if byte(c>>shift) != b {
			p.fits &^= 1 << i
		}
	}
	p.read++
	if int(p.read) < in.unit {
		return p
	}
	for i, c := range in.wide {
		if p.fits>>i&1 == 1 {
			emit(c)
			return position{}
		}
	}
	emit(other)
	return position{}
}
