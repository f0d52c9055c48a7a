package csv

import (
	"bytes"
	"fmt"
)

// resync decides whether a record with a damaged quote is several lines of a
// damaged file. Then it returns the part up to the end of the line in which the
// quote was opened as a bad record, and the rest is read again from there; else
// it returns nil, with r.p parsed as before.
//
// A field that holds both a stray quote and a newline is text of somebody who
// did not double quotes, or a quote closed too early that ran on to the next
// one. It is taken for the latter where the record's width is wrong, or where
// the lines it swallowed are flawless records of the right width: the last line
// of an honest text ends in an unpaired quote and is none.
func (r *Reader) resync(b []byte, raw, n int, last, header bool) *Record {
	p := &r.p
	open, unterminated := p.stray, p.open >= 0
	if open < 0 || unterminated && p.open < open {
		open = p.open
	}
	hasStray := p.stray >= 0
	cut := raw
	if i := r.lineEnd(b[open:raw]); i >= 0 {
		cut = open + i
	}
	if !unterminated {
		if header || r.o.Width == 0 {
			return nil
		}
		if r.width() == r.o.Width {
			rest := b[cut+r.newlineLen(b[cut:]) : n]
			r.budget -= len(rest)
			if !r.flawless(rest) {
				r.parse(b, last)
				return nil
			}
		}
	}
	rest := n
	if cut < raw {
		rest = cut + r.newlineLen(b[cut:])
	}
	row := r.regionEnd <= r.pos
	end := r.pos + n
	if row {
		r.budget = 8*n + 64<<10
	} else {
		r.budget -= n
		end = r.regionEnd
	}

	piece := b[:cut:cut]
	if cut > 0 && piece[cut-1] == '\r' {
		piece = b[: cut-1 : cut-1]
	}
	r.parse(piece, true)
	rec := r.fill(piece)
	code, reason := CodeUnterminatedQuote, "the quote that opens here is never closed: close it, or remove it"
	if hasStray {
		code = CodeStrayQuote
		reason = `a quote inside this quoted field is neither doubled nor followed by a delimiter, so the field would swallow the lines after it: write "" for a quote inside quotes`
	}
	r.setBad(rec, code, open, reason)
	r.line += r.countLines(b[:rest])
	r.pos += rest
	r.regionEnd = end
	if row {
		r.rows++
	}
	return rec
}

// width is the number of fields parsed, without a trailing delimiter's.
func (r *Reader) width() int {
	return len(r.fill(nil).Fields)
}

// flawless reports whether b consists of records of the right width (at least
// one) in which no quote is out of place.
func (r *Reader) flawless(b []byte) bool {
	some := false
	for len(b) > 0 {
		if r.d.Comment != 0 && b[0] == r.d.Comment {
			i := r.lineEnd(b)
			if i < 0 {
				break
			}
			b = b[i+r.newlineLen(b[i:]):]
			continue
		}
		raw, n := r.parse(b, true)
		if raw > 0 {
			if r.p.open >= 0 || r.width() != r.o.Width || r.p.lazy {
				return false
			}
			for i, f := range r.rec.Fields {
				if !r.rec.Quoted[i] && bytes.IndexByte(f, r.d.Quote) >= 0 {
					return false
				}
			}
			some = true
		}
		b = b[n:]
	}
	return some
}

// tooLong passes the record at pos, however long it is, and returns it as bad.
func (r *Reader) tooLong() (*Record, error) {
	r.p.n, r.p.anyQuoted = 0, false
	rec := r.fill(nil)
	r.p.scratch = r.p.scratch[:0]
	m, err := newMachine(r.d)
	if err != nil {
		return nil, err
	}
	var total int64
	for {
		b, last := r.window()
		n, done := m.run(b)
		if room := min(longPrefix, r.o.MaxRecord) - len(r.p.scratch); room > 0 {
			r.p.scratch = append(r.p.scratch, b[:min(room, n)]...)
		}
		total += int64(n)
		r.pos += n
		if done || last {
			break
		}
		if err := r.more(0); err != nil {
			return nil, err
		}
	}
	rec.Raw = r.p.scratch
	reason := fmt.Sprintf("the record that begins in line %d is longer than %d bytes (it has %d, on %d lines)",
		r.line, r.o.MaxRecord, total, m.lines-m.ended+1)
	if m.lines > m.ended {
		reason += ": a quote in it may lack its end; mend it, or raise the bound for records"
	} else {
		reason += ": raise the bound for records if it is meant to be"
	}
	r.bad = BadRecord{Code: CodeRecordTooLong, Reason: reason, Line: rec.Pos.Line, Byte: rec.Pos.Byte}
	rec.Bad = &r.bad
	r.line += m.lines
	r.rows++
	return rec, nil
}
