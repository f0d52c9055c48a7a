package csv

// state is a row of the table in docs/csv.md.
type state uint8

const (
	stateRecord  state = iota // R: nothing of the record read
	stateField                // F: after a delimiter
	stateBare                 // U: in an unquoted field
	stateQuoted               // Q: in quotes
	stateQuote                // E: after a quote inside quotes
	stateCR                   // C: after a CR that ends the record
	stateQuoteCR              // D: after a quote and a CR that is data so far
	stateEscape               // X: after an escape inside quotes
	stateComment              // K: in a comment
)

// machine passes one record byte by byte, holding none of it.
type machine struct {
	d     *Dialect
	state state
	// part is how much of the delimiter has been matched.
	part   int
	lastCR bool
	// lines counts the line ends passed, ended those of them (0 or 1) that end
	// the record.
	lines, ended int64
}

// run passes bytes of b until the record has ended; n is how many.
func (m *machine) run(b []byte) (n int, done bool) {
	cr := m.d.Newline == NewlineCR
	for i, c := range b {
		if m.state == stateCR {
			m.ended = 1
			if c == '\n' {
				i++
			}
			return i, true
		}
		if c == '\n' && !(cr && m.lastCR) || c == '\r' && cr {
			m.lines++
		}
		m.lastCR = c == '\r'
		if m.step(c, cr) {
			m.ended = 1
			return i + 1, true
		}
	}
	return len(b), false
}

// step reports whether c ends the record.
func (m *machine) step(c byte, cr bool) bool {
	d := m.d
	quote := d.Quote != 0 && c == d.Quote
	switch m.state {
	case stateRecord:
		if d.Comment != 0 && c == d.Comment {
			m.state = stateComment
			return false
		}
		if quote {
			m.state = stateQuoted
			return false
		}
		return m.bare(c, cr)
	case stateField:
		if quote {
			m.state = stateQuoted
			return false
		}
		if d.SkipInitialSpace && c == ' ' && d.Delimiter[0] != ' ' {
			return false
		}
		return m.bare(c, cr)
	case stateBare:
		return m.bare(c, cr)
	case stateQuoted:
		m.quoted(c)
	case stateEscape:
		m.state = stateQuoted
	case stateQuote:
		return m.afterQuote(c, cr)
	case stateQuoteCR:
		switch {
		case c == '\n':
			return true
		case quote:
			m.state = stateQuote
		default:
			m.state = stateQuoted
		}
	case stateComment:
		if cr && c == '\r' {
			m.state = stateCR
		}
		return c == '\n'
	}
	return false
}

func (m *machine) quoted(c byte) {
	switch {
	case c == m.d.Quote:
		m.state = stateQuote
	case m.d.Escape != 0 && c == m.d.Escape:
		m.state = stateEscape
	}
}

func (m *machine) bare(c byte, cr bool) bool {
	if c == '\n' {
		return true
	}
	if cr && c == '\r' {
		m.state = stateCR
		return false
	}
	m.state = stateBare
	delim := m.d.Delimiter
	for m.part > 0 && delim[m.part] != c {
		m.part = border(delim[:m.part])
	}
	if delim[m.part] == c {
		m.part++
	}
	if m.part == len(delim) {
		m.state, m.part = stateField, 0
	}
	return false
}

func (m *machine) afterQuote(c byte, cr bool) bool {
	delim := m.d.Delimiter
	switch {
	case c == delim[m.part]:
		if m.part++; m.part == len(delim) {
			m.state, m.part = stateField, 0
		}
	case m.part > 0:
		m.state, m.part = stateQuoted, 0
		m.quoted(c)
	case c == '\n':
		return true
	case c == '\r' && cr:
		m.state = stateCR
	case c == '\r':
		m.state = stateQuoteCR
	default: // a doubled quote, or a stray one
		m.state = stateQuoted
	}
	return false
}

// border is the length of the longest proper prefix of s that is a suffix too
// (the failure function of Knuth, Morris, Pratt 1977).
func border(s string) int {
	for k := len(s) - 1; k > 0; k-- {
		if s[:k] == s[len(s)-k:] {
			return k
		}
	}
	return 0
}
