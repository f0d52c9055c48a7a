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
// did not double quotes, or a quote closed too early (or never) that ran on to a
// later one. It is taken for the latter where the record's width is wrong, or
// where its last line is a record of the right width with an even number of
// quotes: the last line of an honest text holds the closing quote without its
// opening one. When in doubt a bad row is better than rows that vanish in a field.
func (r *Reader) resync(b []byte, raw, n int, last, header bool) *Record {
	p := &r.p
	open, unterminated := p.stray, p.open >= 0
	if open < 0 || unterminated && p.open < open {
		open = p.open
	}
	cut := raw
	if i := r.lineEnd(b[open:raw]); i >= 0 {
		cut = open + i
	}
	if !unterminated {
		if header || r.o.Width == 0 {
			return nil
		}
		if r.width() == r.o.Width {
			r.budget -= n
			if !r.endsInRecord(b[cut+r.newlineLen(b[cut:]) : raw]) {
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
	if p.lazy {
		code = CodeStrayQuote
		reason = `a quote inside this quoted field is neither doubled nor followed by a delimiter, so the field would swallow the lines after it: write "" for a quote inside quotes`
	}
	if r.d.Escape != 0 && r.d.Escape != r.d.Quote {
		reason += fmt.Sprintf("; if %c is plain text in this file, read it with --escape double", r.d.Escape)
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

// endsInRecord reports whether the last line of text, or else the last of the
// records that text holds, looks like a whole record.
func (r *Reader) endsInRecord(text []byte) bool {
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	if r.d.Newline == NewlineCR {
		line = line[bytes.LastIndexByte(line, '\r')+1:]
	}
	if r.looksWhole(line) {
		return true
	}
	for {
		_, n := r.parse(text, true)
		if n == len(text) {
			return r.looksWhole(text)
		}
		text = text[n:]
	}
}

func (r *Reader) looksWhole(text []byte) bool {
	quotes := bytes.Count(text, []byte{r.d.Quote})
	if r.d.Escape != 0 {
		quotes -= bytes.Count(text, []byte{r.d.Escape, r.d.Quote})
	}
	if quotes%2 != 0 {
		return false
	}
	r.parse(text, true)
	return r.p.open < 0 && r.width() == r.o.Width
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
		reason += ": a quote in it may lack its end; mend it, or raise the bound with --max-record"
	} else {
		reason += ": raise the bound with --max-record if it is meant to be"
	}
	r.bad = BadRecord{Code: CodeRecordTooLong, Reason: reason, Line: rec.Pos.Line, Byte: rec.Pos.Byte}
	rec.Bad = &r.bad
	r.line += m.lines
	r.rows++
	return rec, nil
}
