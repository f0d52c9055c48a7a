package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
)

const (
	lanes01 = 0x0101010101010101
	lanes7f = 0x7f7f7f7f7f7f7f7f
	lanes80 = 0x8080808080808080
)

// parsed is what one pass over a record found.
type parsed struct {
	fields  [][]byte
	quoted  []bool
	n       int
	scratch []byte
	// anyQuoted: a field is quoted, so the record may hold newlines.
	anyQuoted bool
	// lazy: a stray quote was kept as data.
	lazy bool
	// stray and open are the offsets of the quotes that opened the first field
	// with both a stray quote and a newline inside, and the unterminated field;
	// -1 where there is none.
	stray, open int
}

func (p *parsed) add(field []byte, quoted bool) {
	if p.n == len(p.fields) {
		p.fields = append(p.fields, nil)
		p.fields = p.fields[:cap(p.fields)]
		p.quoted = append(make([]bool, 0, len(p.fields)), p.quoted...)[:len(p.fields)]
	}
	p.fields[p.n], p.quoted[p.n] = field, quoted
	p.n++
}

// parse splits the record at the start of b into r.p. raw is its length without
// newline, n with it; n is 0 where the record does not end in b and more bytes
// may come (not last).
func (r *Reader) parse(b []byte, last bool) (raw, n int) {
	r.p.n, r.p.anyQuoted, r.p.lazy, r.p.stray, r.p.open = 0, false, false, -1, -1
	r.p.scratch = r.p.scratch[:0]
	if r.single {
		return r.parseSingle(b, last)
	}
	return r.parseGeneral(b, last)
}

// parseSingle reads eight bytes at a time, marking delimiters and newlines in
// each word (exact zero-byte test of Hacker's Delight, 6-1).
func (r *Reader) parseSingle(b []byte, last bool) (raw, n int) {
	p := &r.p
	delim, quote, skip := r.delim[0], r.quote(), r.skipSpace
	delims := uint64(delim) * lanes01
	i := 0
field:
	for {
		if skip && p.n > 0 {
			for i < len(b) && b[i] == ' ' {
				i++
			}
		}
		start := i
		if i < len(b) && int(b[i]) == quote {
			next, raw, n := r.quotedField(b, i, last)
			if next < 0 {
				return raw, n
			}
			i = next
			continue
		}
		for ; i+8 <= len(b); i += 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			x, y := w^delims, w^('\n'*lanes01)
			m := lanes80 &^ (nonZero(x) & nonZero(y))
			for ; m != 0; m &= m - 1 {
				at := i + bits.TrailingZeros64(m)>>3
				if b[at] == '\n' {
					return r.endUnquoted(b, start, at, at+1)
				}
				p.add(b[start:at:at], false)
				start = at + 1
				if start < len(b) && (int(b[start]) == quote || skip) {
					i = start
					continue field
				}
			}
		}
		for ; i < len(b); i++ {
			switch b[i] {
			case '\n':
				return r.endUnquoted(b, start, i, i+1)
			case delim:
				p.add(b[start:i:i], false)
				i++
				continue field
			}
		}
		if !last {
			return 0, 0
		}
		return r.endUnquoted(b, start, len(b), len(b))
	}
}

// parseGeneral reads delimiters of several bytes and lone CRs as line ends.
func (r *Reader) parseGeneral(b []byte, last bool) (raw, n int) {
	p := &r.p
	quote, first := r.quote(), r.delim[0]
	cr := r.d.Newline == NewlineCR
	i := 0
field:
	for {
		if r.skipSpace && p.n > 0 {
			for i < len(b) && b[i] == ' ' {
				i++
			}
		}
		start := i
		if i < len(b) && int(b[i]) == quote {
			next, raw, n := r.quotedField(b, i, last)
			if next < 0 {
				return raw, n
			}
			i = next
			continue
		}
		for ; i < len(b); i++ {
			switch c := b[i]; {
			case c == '\n':
				return r.endUnquoted(b, start, i, i+1)
			case c == '\r' && cr:
				if i+1 == len(b) && !last {
					return 0, 0
				}
				p.add(b[start:i:i], false)
				return i, i + r.newlineLen(b[i:])
			case c == first:
				is, undecided := r.delimAt(b[i:])
				if is {
					p.add(b[start:i:i], false)
					i += len(r.delim)
					continue field
				}
				if undecided && !last {
					return 0, 0
				}
			}
		}
		if !last {
			return 0, 0
		}
		return r.endUnquoted(b, start, len(b), len(b))
	}
}

// endUnquoted ends the record with the unquoted field b[start:end]. A CR before
// the newline belongs to it; at the end of the file it is half a CRLF.
func (r *Reader) endUnquoted(b []byte, start, end, n int) (int, int) {
	if end > start && b[end-1] == '\r' {
		end--
	}
	r.p.add(b[start:end:end], false)
	return end, n
}

// quotedField reads the field whose quote is at b[open]. next is where the next
// field starts, or -1 where the record ended (raw, n) or needs more (n is 0).
func (r *Reader) quotedField(b []byte, open int, last bool) (next, raw, n int) {
	p := &r.p
	p.anyQuoted = true
	quote := r.d.Quote
	start := open + 1
	clean, stray := true, false
	for i := start; ; {
		k := r.indexQuote(b, i)
		if k < 0 || b[k] != quote && k+1 == len(b) {
			if !last {
				return -1, 0, 0
			}
			p.open = open
			r.addQuoted(b, open, len(b), clean && k < 0, stray)
			return -1, len(b), len(b)
		}
		if b[k] != quote {
			clean = false
			i = k + 2
			continue
		}
		e := k + 1
		if e == len(b) {
			if !last {
				return -1, 0, 0
			}
			r.addQuoted(b, open, k, clean, stray)
			return -1, e, e
		}
		switch c := b[e]; {
		case c == quote:
			clean = false
			i = e + 1
			continue
		case c == '\n':
			r.addQuoted(b, open, k, clean, stray)
			return -1, e, e + 1
		case c == '\r':
			if e+1 == len(b) && !last {
				return -1, 0, 0
			}
			if e+1 == len(b) || b[e+1] == '\n' || r.d.Newline == NewlineCR {
				r.addQuoted(b, open, k, clean, stray)
				return -1, e, e + r.newlineLen(b[e:])
			}
		case c == r.delim[0]:
			is, undecided := r.delimAt(b[e:])
			if is {
				r.addQuoted(b, open, k, clean, stray)
				return e + len(r.delim), 0, 0
			}
			if undecided && !last {
				return -1, 0, 0
			}
		}
		stray = true
		i = r.afterStray(b, e)
		if r.d.Escape != 0 {
			clean = false
		}
	}
}

// afterStray returns where reading goes on after the byte b[e] that makes the
// quote before it stray: that byte is data even if it is the escape, and so is
// an escape after a CR (states E and D).
func (r *Reader) afterStray(b []byte, e int) int {
	if b[e] == '\r' && e+1 < len(b) && r.d.Escape != 0 && b[e+1] == r.d.Escape {
		return e + 2
	}
	return e + 1
}

func (r *Reader) addQuoted(b []byte, open, end int, clean, stray bool) {
	p := &r.p
	text := b[open+1 : end : end]
	p.lazy = p.lazy || stray
	if stray && p.stray < 0 && r.lineEnd(text) >= 0 {
		p.stray = open
	}
	if !clean {
		text = r.unescape(text)
	}
	p.add(text, true)
}

// unescape returns the value of what stands between the quotes.
func (r *Reader) unescape(text []byte) []byte {
	from := len(r.p.scratch)
	out := r.p.scratch
	for i := 0; i < len(text); {
		k := r.indexQuote(text, i)
		if k < 0 || k+1 == len(text) {
			out = append(out, text[i:]...)
			break
		}
		out = append(out, text[i:k]...)
		c := text[k+1]
		switch {
		case text[k] == r.d.Quote && c == r.d.Quote:
			out = append(out, c)
			i = k + 2
		case text[k] == r.d.Quote:
			i = r.afterStray(text, k+1)
			out = append(out, text[k:i]...)
		default:
			if !(c == r.d.Quote || c == r.d.Escape || c == r.delim[0] || c == '\n' || c == '\r') {
				out = append(out, text[k])
			}
			out = append(out, c)
			i = k + 2
		}
	}
	r.p.scratch = out
	return out[from:len(out):len(out)]
}

// indexQuote returns the index in b, from i on, of the next quote or escape.
func (r *Reader) indexQuote(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	if r.d.Escape == 0 {
		if k := bytes.IndexByte(b[i:], r.d.Quote); k >= 0 {
			return i + k
		}
		return -1
	}
	quotes, escapes := uint64(r.d.Quote)*lanes01, uint64(r.d.Escape)*lanes01
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		x, y := w^quotes, w^escapes
		if m := lanes80 &^ (nonZero(x) & nonZero(y)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] == r.d.Quote || b[i] == r.d.Escape {
			return i
		}
	}
	return -1
}

// delimAt reports whether b starts with the delimiter, or may once more bytes
// are there.
func (r *Reader) delimAt(b []byte) (is, undecided bool) {
	if len(b) < len(r.delim) {
		return false, strings.HasPrefix(r.delim, string(b))
	}
	return string(b[:len(r.delim)]) == r.delim, false
}

// quote returns the quote as an int that no byte equals where quoting is off.
func (r *Reader) quote() int {
	if r.d.Quote == 0 {
		return -1
	}
	return int(r.d.Quote)
}

// lineEnd returns the index of the first line end in b, or -1.
func (r *Reader) lineEnd(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if r.d.Newline == NewlineLF {
		return lf
	}
	if lf >= 0 {
		b = b[:lf]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// newlineLen returns the length of the newline at the start of b.
func (r *Reader) newlineLen(b []byte) int {
	if b[0] == '\r' && len(b) > 1 && b[1] == '\n' {
		return 2
	}
	return 1
}

// countLines returns the number of line ends in b.
func (r *Reader) countLines(b []byte) int64 {
	n := bytes.Count(b, []byte{'\n'})
	if r.d.Newline == NewlineCR {
		n += bytes.Count(b, []byte{'\r'}) - bytes.Count(b, []byte("\r\n"))
	}
	return int64(n)
}
