package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// run scans p from one state. lines caches the number of LFs in p, or is -1.
func (s *Scanner) run(state uint16, p []byte, lines *int) outcome {
	if s.fast != nil {
		return s.fast.run(state, p, lines)
	}
	return s.auto.run(state, p)
}

// run scans p byte by byte.
func (a *automaton) run(state uint16, p []byte) outcome {
	o := outcome{}
	table := a.table
	s := int(state)
	i := 0
	for ; i < len(p) && o.rows == 0; i++ {
		t := table[s<<8|int(p[i])]
		s = int(t & stateMask)
		if t&row != 0 {
			o.rows, o.first, o.firstLines = 1, int64(i+1), o.lines+int64(t>>lineShift)
			if t&before != 0 {
				o.first, o.firstLines = int64(i+1-a.unit), o.lines
			}
		}
		o.lines += int64(t >> lineShift)
	}
	var rows, lines uint64
	for _, b := range p[i:] {
		t := table[s<<8|int(b)]
		s = int(t & stateMask)
		rows += uint64(t >> rowShift & 1)
		lines += uint64(t >> lineShift)
	}
	o.rows += int64(rows)
	o.lines += int64(lines)
	o.end = uint16(s)
	return o
}

// jumper scans by searching for quotes instead of reading every byte. It is
// right where records end at LF alone, there are no comments, bytes are
// symbols, and no part of the delimiter both begins and ends it, so that the
// last few bytes before a place outside quotes tell its state.
type jumper struct {
	auto          *automaton
	quote, escape byte // escape 0: none
	hasQuote      bool
	skipSpace     bool
	window        int  // bytes of the delimiter
	lastByte      bool // the last byte tells the state
	// kind says how to go on from a state.
	kind []uint8
	// plain is the state unquoted, inside the state quoted, after an escape the state escaped.
	plain, inside, after uint16
}

const (
	stepping uint8 = iota // byte by byte
	outside               // R, F, U: to the next quote
	within                // Q: to the next quote
)

// newJumper is nil where jumping would not be right.
func newJumper(d Dialect, in *input, a *automaton) *jumper {
	d = d.normal()
	if !in.plain || d.Newline != NewlineLF || d.Comment != 0 || hasBorder(d.Delimiter) {
		return nil
	}
	return makeJumper(d, a)
}

func makeJumper(d Dialect, a *automaton) *jumper {
	j := &jumper{
		auto: a, quote: d.Quote, escape: d.Escape, hasQuote: d.Quote != 0,
		skipSpace: d.SkipInitialSpace, window: len(d.Delimiter), kind: make([]uint8, a.states),
		lastByte: len(d.Delimiter) == 1 && !d.SkipInitialSpace,
	}
	for s, t := range a.text {
		switch t {
		case textState{mode: unquoted}:
			j.kind[s], j.plain = outside, uint16(s)
		case textState{mode: recordStart}, textState{mode: fieldStart}:
			j.kind[s] = outside
		case textState{mode: quoted}:
			j.kind[s], j.inside = within, uint16(s)
		case textState{mode: escaped}:
			j.after = uint16(s)
		}
	}
	return j
}

// hasBorder says whether a proper part both begins and ends s.
func hasBorder(s string) bool {
	for n := 1; n < len(s); n++ {
		if s[:n] == s[len(s)-n:] {
			return true
		}
	}
	return false
}

func (j *jumper) run(state uint16, p []byte, lines *int) outcome {
	if *lines < 0 {
		*lines = bytes.Count(p, newlineLF)
	}
	table := j.auto.table
	inQuotes := 0 // LFs that ended no record
	first := -1
	firstLines := 0
	s := state
	for i := 0; i < len(p); {
		// A quoted field passes through all three cases.
		switch j.kind[s] {
		case outside:
			if p[i] != j.quote || !j.hasQuote {
				end := len(p)
				if j.hasQuote {
					if k := bytes.IndexByte(p[i:], j.quote); k >= 0 {
						end = i + k
					}
				}
				if first < 0 {
					if k := bytes.IndexByte(p[i:end], '\n'); k >= 0 {
						first, firstLines = i+k+1, inQuotes+1
					}
				}
				s = j.settle(s, p[i:end])
				if i = end; i == len(p) {
					continue
				}
			}
			s = table[int(s)<<8|int(p[i])] & stateMask
			if i++; s != j.inside || i == len(p) {
				continue
			}
			fallthrough
		case within:
			k, lfs := j.closing(p[i:])
			inQuotes += lfs
			end := len(p)
			if k >= 0 {
				end = i + k
			}
			if j.escape != 0 {
				escapes := 0
				for escapes < end-i && p[end-1-escapes] == j.escape {
					escapes++
				}
				if escapes&1 == 1 {
					s = j.after
				}
			}
			if i = end; i == len(p) {
				continue
			}
			s = table[int(s)<<8|int(p[i])] & stateMask
			if i++; s == j.inside || i == len(p) {
				continue
			}
			fallthrough
		default:
			t := table[int(s)<<8|int(p[i])]
			s = t & stateMask
			i++
			if t&line == 0 {
				continue
			}
			if t&row == 0 {
				inQuotes++
			} else if first < 0 {
				first, firstLines = i, inQuotes+1
			}
		}
	}
	o := outcome{end: s, rows: int64(*lines - inQuotes), lines: int64(*lines)}
	if first >= 0 {
		o.first, o.firstLines = int64(first), int64(firstLines)
	}
	return o
}

// closing finds the first quote in p, or -1, and counts the LFs before it. Most
// quoted fields are short, so the first words are looked at without a call
// (zero bytes of a word: Hacker's Delight, 6-1).
func (j *jumper) closing(p []byte) (k, lfs int) {
	quotes := uint64(j.quote) * lanes01
	i := 0
	for ; i+8 <= len(p) && i < 32; i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		x, y := w^quotes, w^('\n'*lanes01)
		found := ^((x&lanes7f + lanes7f) | x) & lanes80
		ends := ^((y&lanes7f + lanes7f) | y) & lanes80
		if found != 0 {
			if ends != 0 {
				lfs += bits.OnesCount64(ends & (found&-found - 1))
			}
			return i + bits.TrailingZeros64(found)>>3, lfs
		}
		if ends != 0 {
			lfs += bits.OnesCount64(ends)
		}
	}
	k = bytes.IndexByte(p[i:], j.quote)
	if k < 0 {
		return -1, lfs + bytes.Count(p[i:], newlineLF)
	}
	if k > 0 {
		lfs += bytes.Count(p[i:i+k], newlineLF)
	}
	return i + k, lfs
}

var newlineLF = []byte{'\n'}

// settle is the state after p, which holds no quote, from s outside quotes.
func (j *jumper) settle(s uint16, p []byte) uint16 {
	from := len(p)
	if from == 0 {
		return s
	}
	if j.lastByte {
		return j.auto.table[int(j.plain)<<8|int(p[from-1])] & stateMask
	}
	if j.skipSpace {
		for from > 0 && p[from-1] == ' ' {
			from--
		}
	}
	if from -= j.window; from <= 0 {
		from = 0
	} else {
		s = j.plain
	}
	table := j.auto.table
	for _, b := range p[from:] {
		s = table[int(s)<<8|int(b)] & stateMask
	}
	return s
}
