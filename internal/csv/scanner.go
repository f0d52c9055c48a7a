package csv

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotSplittable says that a file of this dialect and encoding cannot be cut
// into byte ranges: record ends cannot be told from a bounded number of bytes.
// Such a file is read as one stream.
var ErrNotSplittable = errors.New("records cannot be found from the middle of this encoding")

// Scanner finds record boundaries in byte ranges whose start state is unknown.
// It is a finite automaton over raw bytes, made for one Dialect and Encoding;
// it agrees with the Reader on every input, valid or not. A Scanner does not
// change after NewScanner and may be used by several goroutines.
//
// The method is the state-vector scan of ParPaRaw (Stehle and Jacobsen, VLDB
// 2020): a range is scanned for every possible start state, the results
// compose, and a fold from the start of the file picks the true ones.
type Scanner struct {
	auto     automaton
	fast     *jumper // nil where only the table is right
	dialect  Dialect
	encoding Encoding
}

// NewScanner builds the automaton. The error is that of Dialect.Validate, or
// wraps ErrNotSplittable.
func NewScanner(d Dialect, e Encoding) (*Scanner, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	in, err := newInput(d, e)
	if err != nil {
		return nil, err
	}
	auto, err := build(newGrammar(d, in), in)
	if err != nil {
		return nil, err
	}
	s := &Scanner{auto: auto, dialect: d, encoding: e}
	s.fast = newJumper(d, in, &s.auto)
	return s, nil
}

// Unit is the number of bytes of a code unit: 2 for UTF-16, 4 for UTF-32, else
// 1. Ranges may be cut anywhere; ranges cut at multiples of Unit from the start
// of the data scan faster (RangeScan.Align).
func (s *Scanner) Unit() int { return s.auto.unit }

// States is the number of start states that a Vector answers for.
func (s *Scanner) States() int { return s.auto.states }

// Scan is the Vector of a range held in memory.
func (s *Scanner) Scan(p []byte) Vector {
	r := s.NewRangeScan()
	_, _ = r.Write(p) // never fails
	return r.Vector()
}

// Identity is the Vector of the empty range.
func (s *Scanner) Identity() Vector {
	v := Vector{print: s.auto.print, states: make([]outcome, s.auto.states)}
	for i := range v.states {
		v.states[i].end = uint16(i)
	}
	return v
}

// Compose is the Vector of range a followed by range b. It is associative and
// Identity is its unit. Vectors of different scanners compose to the zero
// Vector, which Fold refuses.
func (s *Scanner) Compose(a, b Vector) Vector {
	if !s.owns(a) || !s.owns(b) {
		return Vector{}
	}
	v := Vector{print: a.print, length: a.length + b.length, states: make([]outcome, len(a.states))}
	for i, x := range a.states {
		v.states[i] = x
		if x.end != dead {
			v.states[i].extend(b.states[x.end], a.length)
		}
	}
	return v
}

func (s *Scanner) owns(v Vector) bool {
	return v.print == s.auto.print && len(v.states) == s.auto.states
}

// Fold finds the spans of records of a file from the Vectors of its ranges, in
// file order. start is the offset of the first range, where the header begins:
// after BOM and Dialect.SkipLines. Range i contributes the span from the first
// record start at or after its first byte; one without a record start belongs
// to the span before it. The spans tile [start, end of the last range) exactly,
// each holds at least one row, and none starts inside a record. The end of the
// last range is taken as the end of the file.
//
// Rows are counted as Span says; lines end at LF and CRLF, and with NewlineCR
// at a lone CR too, inside quotes as well; the first is Dialect.SkipLines+1.
func (s *Scanner) Fold(start int64, ranges []Vector) ([]Span, error) {
	var spans []Span
	state, offset := uint16(0), start
	row, line := int64(0), int64(s.dialect.SkipLines)+1
	for i, v := range ranges {
		if !s.owns(v) {
			return nil, fmt.Errorf("the scan of range %d was made with another dialect or encoding", i)
		}
		o := v.states[state]
		if o.end == dead {
			return nil, fmt.Errorf("the scan of range %d took its start for a character boundary, but offset %d is none", i, offset)
		}
		next := Span{Start: offset, FirstRow: row, FirstLine: line}
		found := s.auto.atStart(state)
		if !found && o.rows > 0 {
			found = true
			next = Span{Start: offset + o.first, FirstRow: row + 1, FirstLine: line + o.firstLines}
		}
		if found {
			spans = appendSpan(spans, next)
		}
		state, offset = o.end, offset+v.length
		row, line = row+o.rows, line+o.lines
	}
	row += int64(s.auto.rest[state])
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		last.End, last.Rows = offset, row-last.FirstRow
		if last.Rows == 0 {
			spans = spans[:n-1]
		}
	}
	return spans, nil
}

// appendSpan closes the last span where next starts. Two ranges may name one
// record start: the first as its end, the second as its beginning.
func appendSpan(spans []Span, next Span) []Span {
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		if last.Start == next.Start {
			return spans
		}
		last.End, last.Rows = next.Start, next.FirstRow-last.FirstRow
	}
	return append(spans, next)
}

// RangeScan scans one range as its bytes arrive. It is an io.Writer; how the
// bytes are divided into writes makes no difference. Memory is constant.
type RangeScan struct {
	s     *Scanner
	v     Vector
	block int
	live  []uint16
}

// The first blocks of a range are small: all start states are run over them,
// and a few bytes make most of them equal.
const (
	firstBlock = 64
	maxBlock   = 16 << 10 // stays in the first-level cache while it is counted and searched
)

// NewRangeScan starts a range about whose beginning nothing is known.
func (s *Scanner) NewRangeScan() *RangeScan {
	return &RangeScan{s: s, v: s.Identity(), block: firstBlock}
}

// Align says that the range starts between two code units, which spares UTF-16
// and UTF-32 the scan of every other alignment. To be called before Write.
func (r *RangeScan) Align() {
	for i := range r.v.states {
		if r.s.auto.phase[i] != 0 {
			r.v.states[i] = outcome{end: dead}
		}
	}
}

// NewSpanScan starts a range that starts with a record; Rows tells its rows.
func (s *Scanner) NewSpanScan() *RangeScan {
	r := s.NewRangeScan()
	r.block = maxBlock
	for i := range r.v.states {
		if i > 0 {
			r.v.states[i] = outcome{end: dead}
		}
	}
	return r
}

// Rows is the number of rows in what was written, if it starts with a record, a last
// one without a newline included; whole says that the last one had its newline.
func (r *RangeScan) Rows() (n int64, whole bool) {
	o := r.v.states[0]
	rest := r.s.auto.rest[o.end]
	return o.rows + int64(rest), rest == 0 || r.s.auto.text[o.end].mode == crPending && rest == 1
}

// Write scans the next bytes of the range; it never fails.
func (r *RangeScan) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		b := p[:min(r.block, len(p))]
		r.extend(b)
		p = p[len(b):]
		r.block = min(2*r.block, maxBlock)
	}
	return n, nil
}

// extend runs every distinct state in which the range may be now over p.
func (r *RangeScan) extend(p []byte) {
	r.live = r.live[:0]
	v := &r.v
	for i := range v.states {
		if e := v.states[i].end; e != dead && !slices.Contains(r.live, e) {
			r.live = append(r.live, e)
		}
	}
	lines := -1
	length := v.length
	var outcomes [8]outcome
	results := outcomes[:0]
	for _, e := range r.live {
		results = append(results, r.s.run(e, p, &lines))
	}
	for i := range v.states {
		for k, e := range r.live {
			if v.states[i].end == e {
				v.states[i].extend(results[k], length)
				break
			}
		}
	}
	v.length += int64(len(p))
}

// Vector is the result so far, independent of later writes.
func (r *RangeScan) Vector() Vector {
	v := r.v
	v.states = slices.Clone(r.v.states)
	return v
}
