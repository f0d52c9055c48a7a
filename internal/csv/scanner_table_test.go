package csv

import (
	"fmt"
	"testing"
)

// tableState is a row of the table in docs/splitting.md, by its letter, with
// what the table leaves to words: how much of the delimiter is matched, and
// whether the byte before was a CR.
type tableState struct {
	row     byte
	part    int
	afterCR bool
}

// tableStep is the table, transcribed cell by cell for comparison; it shares no
// code with the Scanner.
func tableStep(d Dialect, s tableState, c byte) (next tableState, before, after, line bool) {
	cr := d.Newline == NewlineCR
	line = c == '\n' && !(cr && s.afterCR) || c == '\r' && cr
	if s.row == 'C' && c != '\n' {
		before = true
		s = tableState{row: 'R'}
	}
	quote := d.Quote != 0 && c == d.Quote
	next = tableState{row: s.row, afterCR: c == '\r'}
	switch s.row {
	case 'R', 'F', 'U':
		switch {
		case s.row == 'R' && d.Comment != 0 && c == d.Comment:
			next.row = 'K'
		case s.row != 'U' && quote:
			next.row = 'Q'
		case c == '\n':
			next.row, after = 'R', true
		case c == '\r' && cr:
			next.row = 'C'
		case s.row == 'F' && d.SkipInitialSpace && c == ' ' && d.Delimiter != " ":
			next.row = 'F'
		default:
			next.row, next.part = 'U', longestPart(d.Delimiter[:s.part]+string([]byte{c}), d.Delimiter)
			if next.part == len(d.Delimiter) {
				next.row, next.part = 'F', 0
			}
		}
	case 'C':
		next.row, after = 'R', true
	case 'E':
		switch {
		case c == d.Delimiter[s.part]:
			next.row, next.part = 'E', s.part+1
			if next.part == len(d.Delimiter) {
				next.row, next.part = 'F', 0
			}
		case s.part > 0:
			next.row = tableQuoted(d, c)
		case c == '\n':
			next.row, after = 'R', true
		case c == '\r' && cr:
			next.row = 'C'
		case c == '\r':
			next.row = 'D'
		default:
			next.row = 'Q'
		}
	case 'D':
		switch {
		case c == '\n':
			next.row, after = 'R', true
		case quote:
			next.row = 'E'
		default:
			next.row = 'Q'
		}
	case 'Q':
		next.row = tableQuoted(d, c)
	case 'X':
		next.row = 'Q'
	case 'K':
		if c == '\n' {
			next.row, after = 'R', true
		} else if c == '\r' && cr {
			next.row = 'C'
		}
	}
	return next, before, after, line
}

func tableQuoted(d Dialect, c byte) byte {
	switch {
	case c == d.Quote:
		return 'E'
	case d.Escape != 0 && d.Escape != d.Quote && c == d.Escape:
		return 'X'
	}
	return 'Q'
}

// longestPart is the length of the longest beginning of word that ends text.
func longestPart(text, word string) int {
	for n := min(len(text), len(word)); n > 0; n-- {
		if text[len(text)-n:] == word[:n] {
			return n
		}
	}
	return 0
}

// TestScannerEqualsTable walks through all pairs of states that the Scanner and
// the table reach together and compares what every byte tells: they agree on
// every input there is.
func TestScannerEqualsTable(t *testing.T) {
	for _, m := range scanModes() {
		if m.e == UTF8 {
			if err := m.checkTable(); err != nil {
				t.Error(err)
			}
		}
	}
}

func (m *scanMode) checkTable() error {
	type pair struct {
		scanner uint16
		table   tableState
	}
	first := pair{0, tableState{row: 'R'}}
	seen, queue := map[pair]bool{first: true}, []pair{first}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if start := at.table.row == 'R'; m.s.auto.start[at.scanner] != start || m.s.auto.rest[at.scanner] == 0 != start {
			return fmt.Errorf("%s: scanner state %d is %c of the table", m.name, at.scanner, at.table.row)
		}
		for c := range 256 {
			entry := m.s.auto.table[int(at.scanner)<<8|c]
			next, ahead, after, ends := tableStep(m.d, at.table, byte(c))
			got := [3]bool{entry&row != 0, entry&before != 0, entry&line != 0}
			if want := [3]bool{ahead || after, ahead, ends}; got != want {
				return fmt.Errorf("%s: state %d, table %+v, byte %q: row, before, line %v, want %v", m.name, at.scanner, at.table, byte(c), got, want)
			}
			to := pair{entry & stateMask, next}
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	if len(seen) < m.s.States() {
		return fmt.Errorf("%s: met %d pairs, but there are %d states", m.name, len(seen), m.s.States())
	}
	return nil
}
