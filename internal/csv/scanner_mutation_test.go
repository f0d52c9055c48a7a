package csv

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestScannerMutations breaks the table in single places and asks whether
// random cuts and the walk through the table notice; both must.
func TestScannerMutations(t *testing.T) {
	d := Dialect{Delimiter: ",", Quote: '"'}
	good, err := NewScanner(d, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	state := func(m mode) int {
		i := slices.Index(good.auto.text, textState{mode: m})
		if i < 0 {
			t.Fatalf("no state of mode %d", m)
		}
		return i
	}
	mutations := []struct {
		name string
		from mode
		on   byte
		to   uint16
	}{
		{"a newline in quotes ends the record", quoted, '\n', row | line},
		{"a stray quote closes the field", quoteInside, 'a', uint16(state(unquoted))},
		{"a doubled quote closes the field", quoteInside, '"', uint16(state(fieldStart))},
		{"quote, CR, LF goes on in quotes", quoteAndCR, '\n', uint16(state(quoted)) | line},
		{"quote, CR, quote is data", quoteAndCR, '"', uint16(state(quoted))},
		{"a quote in an unquoted field opens", unquoted, '"', uint16(state(quoted))},
		{"a quote after a delimiter is data", fieldStart, '"', uint16(state(unquoted))},
		{"a line end is not counted", unquoted, '\n', row},
		{"a record end is not counted", fieldStart, '\n', line},
	}
	for _, mutation := range mutations {
		t.Run(mutation.name, func(t *testing.T) {
			tableHook = func(table []uint16) { table[state(mutation.from)<<8|int(mutation.on)] = mutation.to }
			defer func() { tableHook = nil }()
			broken, err := NewScanner(d, UTF8)
			if err != nil {
				t.Fatal(err)
			}
			if err := broken.checkOwnVectors(good); err != nil {
				t.Fatal(err)
			}
			broken.fast = nil // it never reads some entries
			m := scanMode{name: "mutant", d: d, e: UTF8, s: broken, pieces: scanPieces(d, UTF8), strange: strangeBytes}
			if m.checkTable() == nil {
				t.Error("the walk through the table did not notice")
			}
			if !m.noticed(func(raw []byte) error {
				want := newReference(m.d, m.e, raw)
				return m.checkCuts(want, want.starts(), raw, len(raw)/3, len(raw)/2)
			}) {
				t.Error("random cuts did not notice")
			}
		})
	}
}

// noticed says whether check fails on one of many random inputs.
func (m *scanMode) noticed(check func(raw []byte) error) bool {
	rng := rand.New(rand.NewPCG(4, 7))
	for range 20000 {
		numbers := make([]uint16, 5+rng.IntN(20))
		for i := range numbers {
			numbers[i] = uint16(rng.Uint32())
		}
		if check(m.input(numbers)) != nil {
			return true
		}
	}
	return false
}

// TestScannerJumpMutations breaks what searching for quotes relies on.
func TestScannerJumpMutations(t *testing.T) {
	for _, mutation := range []struct {
		name string
		d    Dialect
		do   func(*jumper)
	}{
		{"escapes overlooked", Dialect{Delimiter: ",", Quote: '"', Escape: '\\'}, func(j *jumper) { j.escape = 0 }},
		{"spaces before a quote overlooked", Dialect{Delimiter: ",", Quote: '"', SkipInitialSpace: true}, func(j *jumper) { j.lastByte = true }},
		{"half the delimiter suffices", Dialect{Delimiter: "|~", Quote: '"'}, func(j *jumper) { j.window = 1 }},
		{"a delimiter that overlaps itself", Dialect{Delimiter: "||", Quote: '"'}, func(*jumper) {}},
		{"comments have quotes", Dialect{Delimiter: ",", Quote: '"', Comment: '#'}, func(*jumper) {}},
	} {
		t.Run(mutation.name, func(t *testing.T) {
			s, err := NewScanner(mutation.d, UTF8)
			if err != nil {
				t.Fatal(err)
			}
			if s.fast == nil { // what newJumper refuses, forced upon it
				s.fast = makeJumper(mutation.d, &s.auto)
			}
			mutation.do(s.fast)
			m := scanMode{name: "mutant", d: mutation.d, e: UTF8, s: s, pieces: scanPieces(mutation.d, UTF8), strange: strangeBytes}
			if !m.noticed(m.checkJumps) {
				t.Error("TestScannerJumps would not notice")
			}
		})
	}
}

// checkOwnVectors sees that Vectors of two tables do not mix.
func (s *Scanner) checkOwnVectors(foreign *Scanner) error {
	if _, err := s.Fold(0, []Vector{foreign.Scan([]byte("a"))}); err == nil {
		return errors.New("folded a Vector of another table")
	}
	if v := s.Compose(s.Identity(), foreign.Identity()); v.states != nil {
		return errors.New("composed a Vector of another table")
	}
	return nil
}
