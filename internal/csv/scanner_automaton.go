package csv

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"
)

// automaton is the grammar over raw bytes, minimal, as a table. State 0 is the
// start of the data.
type automaton struct {
	unit   int
	states int
	// table holds 256 entries a state: the next state and flags.
	table []uint16
	// start marks the states in which a record starts exactly here.
	start []bool
	// rest is the number of rows that end with the file.
	rest []uint8
	// phase is the number of bytes of a code unit read.
	phase []uint8
	// text is a textState of the state, of those that are equal the first found.
	text []textState
	// print tells automata apart.
	print uint64
}

// Entries of the table.
const (
	stateMask uint16 = 1<<13 - 1
	before    uint16 = 1 << 13 // a record ended before the code unit that this byte ends
	row       uint16 = 1 << 14 // a record ended, before the unit or with it
	line      uint16 = 1 << 15 // a line ended with the unit

	rowShift, lineShift = 14, 15
)

func (a *automaton) atStart(s uint16) bool { return a.start[s] }

// tableHook lets a test break the table, to see that the tests notice.
var tableHook func(table []uint16)

type rawState struct {
	text textState
	pos  position
}

// build enumerates the states that can be reached and merges those that no
// input tells apart.
func build(g *grammar, in *input) (automaton, error) {
	index := map[rawState]int{{}: 0}
	order := []rawState{{}}
	var next []int
	var flags []uint16
	for i := 0; i < len(order); i++ {
		if len(order) > int(stateMask) {
			return automaton{}, errors.New("csv: the dialect needs too many states: use a shorter delimiter")
		}
		for b := range 256 {
			to, ev := stepRaw(g, in, order[i], byte(b))
			k, seen := index[to]
			if !seen {
				k = len(order)
				index[to] = k
				order = append(order, to)
			}
			next = append(next, k)
			flags = append(flags, entryFlags(ev))
		}
	}
	class, classes := minimise(g, order, next, flags)
	a := automaton{
		unit: in.unit, states: classes,
		table: make([]uint16, classes*256), start: make([]bool, classes), rest: make([]uint8, classes),
		phase: make([]uint8, classes), text: make([]textState, classes),
	}
	for i, s := range slices.Backward(order) {
		c := class[i]
		a.start[c], a.rest[c] = s == rawState{}, restRaw(g, s)
		a.phase[c], a.text[c] = s.pos.read, s.text
		for b := range 256 {
			a.table[c*256+b] = uint16(class[next[i*256+b]]) | flags[i*256+b]
		}
	}
	if tableHook != nil {
		tableHook(a.table)
	}
	h := fnv.New64a()
	_ = binary.Write(h, binary.BigEndian, a.table) // never fails
	_, _ = h.Write(a.rest)
	_, _ = h.Write([]byte{byte(a.unit)})
	a.print = h.Sum64()
	return a, nil
}

func stepRaw(g *grammar, in *input, s rawState, b byte) (rawState, event) {
	var all event
	pos := in.feed(s.pos, b, func(c symbol) {
		var ev event
		s.text, ev = g.step(s.text, c)
		all |= ev
	})
	s.pos = pos
	return s, all
}

func entryFlags(ev event) uint16 {
	var f uint16
	if ev&rowBefore != 0 {
		f |= row | before
	}
	if ev&rowAfter != 0 {
		f |= row
	}
	if ev&lineAfter != 0 {
		f |= line
	}
	return f
}

// restRaw is the number of rows that end with the file in s. Half a code unit
// at the end is data.
func restRaw(g *grammar, s rawState) uint8 {
	var rows uint8
	if s.pos.read > 0 {
		var ev event
		s.text, ev = g.step(s.text, other)
		if ev&rowBefore != 0 {
			rows++
		}
	}
	return rows + rest(s.text)
}

// minimise is Moore's algorithm: it splits classes of states until all states
// of a class go to the same classes on every byte. The class of state 0 is 0.
func minimise(g *grammar, order []rawState, next []int, flags []uint16) (class []int, classes int) {
	class = make([]int, len(order))
	bytes := distinctBytes(len(order), next, flags)
	var key []byte
	for {
		found := make(map[string]int)
		refined := make([]int, len(order))
		for i, s := range order {
			start := byte(0)
			if s == (rawState{}) {
				start = 1
			}
			key = append(key[:0], start, restRaw(g, s), s.pos.read)
			key = binary.AppendUvarint(key, uint64(class[i]))
			for _, b := range bytes {
				key = binary.AppendUvarint(key, uint64(class[next[i*256+b]]))
				key = binary.BigEndian.AppendUint16(key, flags[i*256+b])
			}
			k, ok := found[string(key)]
			if !ok {
				k = len(found)
				found[string(key)] = k
			}
			refined[i] = k
		}
		class = refined
		if len(found) == classes {
			return class, classes
		}
		classes = len(found)
	}
}

// distinctBytes lists one byte of each set of bytes that no state tells apart.
func distinctBytes(states int, next []int, flags []uint16) []int {
	var list []int
	for b := range 256 {
		same := func(other int) bool {
			for i := range states {
				if next[i*256+b] != next[i*256+other] || flags[i*256+b] != flags[i*256+other] {
					return false
				}
			}
			return true
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, b)
		}
	}
	return list
}
