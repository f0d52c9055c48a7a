package csv

// mode is a row of the table of states (docs/splitting.md).
type mode uint8

const (
	recordStart mode = iota // R
	fieldStart              // F
	unquoted                // U; with a matched part of the delimiter, one state per length
	quoted                  // Q
	quoteInside             // E, a quote inside a quoted field; with a matched part of the delimiter too
	crPending               // C
	quoteAndCR              // D
	escaped                 // X
	commentLine             // K
)

// textState is a state of the automaton over symbols: bytes of the text, or
// code units of UTF-16 and UTF-32.
type textState struct {
	mode mode
	// matched is the number of delimiter symbols read, in unquoted and quoteInside.
	matched uint8
	// afterCR says that the symbol before was a CR that counted as a line end,
	// in quoted; it goes without saying in crPending.
	afterCR bool
}

// event is what reading a symbol tells.
type event uint8

const (
	rowBefore event = 1 << iota // a record ended before the symbol
	rowAfter                    // a record ended with the symbol
	lineAfter                   // a line ended with the symbol
)

// symbol is a byte or a code unit; other stands for all that no dialect names.
type symbol uint32

const other symbol = 1<<32 - 1

// grammar is a dialect over symbols. It is the one place in the Scanner that
// says what csv.md's table says.
type grammar struct {
	delimiter              []symbol
	border                 []uint8 // Knuth, Morris, Pratt: where to go on after a mismatch
	quote, escape, comment symbol
	newlineCR, skipSpace   bool
}

// none is a role that no symbol has.
const none symbol = 1<<32 - 2

func newGrammar(d Dialect, in *input) *grammar {
	d = d.normal()
	role := func(b byte) symbol {
		if b == 0 {
			return none
		}
		return symbol(b)
	}
	g := &grammar{
		delimiter: in.delimiter,
		quote:     role(d.Quote), escape: role(d.Escape), comment: role(d.Comment),
		newlineCR: d.Newline == NewlineCR, skipSpace: d.SkipInitialSpace,
	}
	g.border = make([]uint8, len(g.delimiter)+1)
	for i, k := 1, uint8(0); i < len(g.delimiter); i++ {
		for k > 0 && g.delimiter[i] != g.delimiter[k] {
			k = g.border[k]
		}
		if g.delimiter[i] == g.delimiter[k] {
			k++
		}
		g.border[i+1] = k
	}
	return g
}

// step reads one symbol.
func (g *grammar) step(s textState, c symbol) (textState, event) {
	var ev event
	afterCR := s.afterCR || s.mode == crPending
	if c == '\n' && !afterCR || c == '\r' && g.newlineCR {
		ev |= lineAfter
	}
	if s.mode == crPending {
		if c == '\n' {
			return textState{}, ev | rowAfter
		}
		ev |= rowBefore
		s = textState{}
	}
	switch s.mode {
	case quoted, escaped, quoteInside, quoteAndCR:
		next, row := g.stepQuoted(s, c)
		return next, ev | row
	case recordStart:
		if c == g.comment {
			return textState{mode: commentLine}, ev
		}
	case fieldStart:
		if g.skipSpace && c == ' ' && g.delimiter[0] != ' ' {
			return s, ev
		}
	case commentLine:
		if c != '\n' && (c != '\r' || !g.newlineCR) {
			return s, ev
		}
	}
	if next, row, ends := g.newline(c); ends {
		return next, ev | row
	}
	if c == g.quote && (s.mode == recordStart || s.mode == fieldStart) {
		return textState{mode: quoted}, ev
	}
	return g.match(s.matched, c), ev
}

// newline ends a record at c, if c does.
func (g *grammar) newline(c symbol) (next textState, row event, ends bool) {
	switch {
	case c == '\n':
		return textState{}, rowAfter, true
	case c == '\r' && g.newlineCR:
		return textState{mode: crPending}, 0, true
	}
	return textState{}, 0, false
}

// match goes on matching the delimiter outside quotes.
func (g *grammar) match(matched uint8, c symbol) textState {
	for matched > 0 && g.delimiter[matched] != c {
		matched = g.border[matched]
	}
	if g.delimiter[matched] == c {
		matched++
	}
	if int(matched) == len(g.delimiter) {
		return textState{mode: fieldStart}
	}
	return textState{mode: unquoted, matched: matched}
}

// stepQuoted reads a symbol after an opening quote.
func (g *grammar) stepQuoted(s textState, c symbol) (textState, event) {
	inside := textState{mode: quoted, afterCR: c == '\r' && g.newlineCR}
	switch s.mode {
	case escaped:
		return inside, 0
	case quoteAndCR:
		if c == '\n' {
			return textState{}, rowAfter
		}
		if c == g.quote {
			return textState{mode: quoteInside}, 0
		}
		return inside, 0
	case quoteInside:
		switch {
		case c == g.delimiter[s.matched]:
			if int(s.matched)+1 == len(g.delimiter) {
				return textState{mode: fieldStart}, 0
			}
			return textState{mode: quoteInside, matched: s.matched + 1}, 0
		case s.matched > 0: // the delimiter breaks off: it was data, and c is read as such
		case c == '\r' && !g.newlineCR:
			return textState{mode: quoteAndCR}, 0
		case c == '\r' || c == '\n':
			next, row, _ := g.newline(c)
			return next, row
		default: // a doubled quote, or a stray one
			return inside, 0
		}
	}
	switch c {
	case g.quote:
		return textState{mode: quoteInside}, 0
	case g.escape:
		return textState{mode: escaped}, 0
	}
	return inside, 0
}

// rest is the number of rows that end with the file, in s.
func rest(s textState) uint8 {
	if s.mode == recordStart {
		return 0
	}
	return 1
}
