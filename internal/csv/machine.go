package csv

// machine passes one record symbol by symbol, holding none of it.
type machine struct {
	g     *grammar
	state textState
	// lines counts the line ends passed, ended those of them (0 or 1) that end
	// the record.
	lines, ended int64
}

func newMachine(d Dialect) (*machine, error) {
	in, err := newInput(d, UTF8)
	if err != nil {
		return nil, err
	}
	return &machine{g: newGrammar(d, in)}, nil
}

// run passes bytes of b until the record has ended; n is how many.
func (m *machine) run(b []byte) (n int, done bool) {
	for i, c := range b {
		next, ev := m.g.step(m.state, symbol(c))
		if ev&rowBefore != 0 {
			m.ended = 1
			return i, true
		}
		if ev&lineAfter != 0 {
			m.lines++
		}
		if ev&rowAfter != 0 {
			m.ended = 1
			return i + 1, true
		}
		m.state = next
	}
	if m.state.mode == crPending {
		m.ended = 1
	}
	return len(b), false
}
