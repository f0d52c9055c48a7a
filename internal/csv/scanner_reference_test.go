package csv

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// reference finds records by looking ahead from field to field, as a person
// would: no automaton, no state that outlives a record, one pass over text that
// was decoded character by character. It shares no code with the Scanner.
type reference struct {
	d    Dialect
	text []byte  // UTF-8
	at   []int64 // raw offset of the character that text[i] belongs to
	size int64   // raw
}

// found is where a record starts.
type found struct{ offset, line int64 }

var referenceEncodings = map[Encoding]encoding.Encoding{
	UTF16LE: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), UTF16BE: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	UTF32LE: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), UTF32BE: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	Windows1252: charmap.Windows1252, KOI8R: charmap.KOI8R, ShiftJIS: japanese.ShiftJIS, EUCJP: japanese.EUCJP,
	GB18030: simplifiedchinese.GB18030, Big5: traditionalchinese.Big5, EUCKR: korean.EUCKR,
}

func newReference(d Dialect, e Encoding, raw []byte) *reference {
	r := &reference{d: d, size: int64(len(raw))}
	if e == UTF8 {
		r.text = raw
		for i := range raw {
			r.at = append(r.at, int64(i))
		}
		return r
	}
	enc := referenceEncodings[e]
	for i := 0; i < len(raw); {
		if e == GB18030 && i+1 < len(raw) && 0x81 <= raw[i] && raw[i] <= 0xfe && 0x3a <= raw[i+1] && raw[i+1] <= 0x3f {
			// The standard has only digits here, which golang.org/x/text v0.41 gets wrong.
			r.text, r.at = append(r.text, 0xff), append(r.at, int64(i))
			i++
			continue
		}
		var text [8]byte
		n, size := 0, 1
		for ; n == 0 && size <= len(text); size++ { // room for one character only
			var wrote int
			wrote, n, _ = enc.NewDecoder().Transform(text[:size], raw[i:], true)
			if n > 0 {
				for _, c := range text[:wrote] {
					r.text, r.at = append(r.text, c), append(r.at, int64(i))
				}
			}
		}
		i += n // text/encoding always reads at least a byte of what is complete
	}
	return r
}

// starts lists where records start, in order.
func (r *reference) starts() []found {
	var list []found
	line, counted := int64(r.d.SkipLines)+1, 0
	for i := 0; i < len(r.text); {
		for ; counted < i; counted++ {
			c, previous := r.text[counted], byte(0)
			if counted > 0 {
				previous = r.text[counted-1]
			}
			cr := r.d.Newline == NewlineCR
			if c == '\n' && !(cr && previous == '\r') || cr && c == '\r' {
				line++
			}
		}
		list = append(list, found{r.at[i], line})
		i = r.recordEnd(i)
	}
	return list
}

func (r *reference) byteAt(i int) int {
	if i >= len(r.text) {
		return -1
	}
	return int(r.text[i])
}

// newline is the length of the record end at i, where there is one.
func (r *reference) newline(i int) int {
	switch {
	case r.byteAt(i) == '\n':
		return 1
	case r.byteAt(i) == '\r' && r.byteAt(i+1) == '\n':
		return 2
	case r.byteAt(i) == '\r' && r.d.Newline == NewlineCR:
		return 1
	}
	return 0
}

// delimiter is how much of the delimiter stands at i.
func (r *reference) delimiter(i int) int {
	n := 0
	for n < len(r.d.Delimiter) && r.byteAt(i+n) == int(r.d.Delimiter[n]) {
		n++
	}
	return n
}

func (r *reference) recordEnd(i int) int {
	if r.d.Comment != 0 && r.byteAt(i) == int(r.d.Comment) {
		return r.bareEnd(i, false)
	}
	for first := true; ; first = false {
		if !first && r.d.SkipInitialSpace && r.d.Delimiter != " " {
			for r.byteAt(i) == ' ' {
				i++
			}
		}
		if r.d.Quote != 0 && r.byteAt(i) == int(r.d.Quote) {
			i = r.quotedEnd(i + 1)
		} else {
			i = r.bareEnd(i, true)
		}
		if i >= len(r.text) {
			return i
		}
		if r.delimiter(i) == len(r.d.Delimiter) {
			i += len(r.d.Delimiter)
			continue
		}
		return i + r.newline(i)
	}
}

// bareEnd is the place of the delimiter or record end that ends a field; for a
// comment the place after its newline.
func (r *reference) bareEnd(i int, field bool) int {
	for ; i < len(r.text); i++ {
		if n := r.newline(i); n > 0 {
			if !field {
				return i + n
			}
			return i
		}
		if field && r.delimiter(i) == len(r.d.Delimiter) {
			return i
		}
	}
	return i
}

// quotedEnd is the place after the quote that closes a field, given the place
// after the one that opened it.
func (r *reference) quotedEnd(i int) int {
	for i < len(r.text) {
		c := r.byteAt(i)
		if c == int(r.d.Escape) && r.d.Escape != 0 && r.d.Escape != r.d.Quote {
			i += 2
			continue
		}
		i++
		if c != int(r.d.Quote) {
			continue
		}
		if i >= len(r.text) || r.newline(i) > 0 {
			return i
		}
		switch n := r.delimiter(i); {
		case n == len(r.d.Delimiter):
			return i
		case n > 0:
			i += n
			continue
		}
		wasCR := r.byteAt(i) == '\r'
		i++ // doubled or stray: whatever follows the quote is data
		if wasCR && r.byteAt(i) == int(r.d.Escape) && r.d.Escape != 0 && r.d.Escape != r.d.Quote {
			i++
		}
	}
	return len(r.text)
}
