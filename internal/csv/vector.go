package csv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Vector is what scanning a byte range tells for every state in which the range
// may start: the end state, the offset of the first record start, and the
// numbers of record starts and line ends. Vectors of neighbouring ranges
// compose (Scanner.Compose) and may be stored (MarshalBinary). The zero Vector
// is that of no scanner.
type Vector struct {
	print  uint64 // of the scanner's automaton
	length int64
	states []outcome
}

// outcome is a Vector's answer for one start state.
type outcome struct {
	// end is the end state, or dead where the range was not scanned from this state.
	end uint16
	// rows is the number of record ends, each followed by a record start or the
	// end of the file. A record end behind a lone CR is known, and counted, at the byte
	// after it.
	rows int64
	// first is the offset in the range of the first record start that follows a
	// record end, where there is one; it is negative where a code unit that
	// crosses into the range showed that the record ended before it.
	first int64
	// firstLines is the number of line ends before first, lines that in the range.
	firstLines, lines int64
}

// dead is no state.
const dead = math.MaxUint16

// extend appends the outcome of the following bytes; length is that of the bytes before.
func (o *outcome) extend(next outcome, length int64) {
	if o.rows == 0 && next.rows > 0 {
		o.first = length + next.first
		o.firstLines = o.lines + next.firstLines
	}
	o.end = next.end
	o.rows += next.rows
	o.lines += next.lines
}

// Len is the number of bytes of the range.
func (v Vector) Len() int64 { return v.length }

const vectorVersion = 1

// MarshalBinary encodes the Vector in about 12 bytes per state.
func (v Vector) MarshalBinary() ([]byte, error) {
	b := append(make([]byte, 0, 16+16*len(v.states)), vectorVersion)
	b = binary.BigEndian.AppendUint64(b, v.print)
	b = binary.AppendUvarint(b, uint64(v.length))
	b = binary.AppendUvarint(b, uint64(len(v.states)))
	for _, o := range v.states {
		b = binary.AppendUvarint(b, uint64(o.end))
		b = binary.AppendUvarint(b, uint64(o.rows))
		b = binary.AppendUvarint(b, uint64(o.lines))
		if o.rows > 0 {
			b = binary.AppendVarint(b, o.first)
			b = binary.AppendUvarint(b, uint64(o.firstLines))
		}
	}
	return b, nil
}

var errVector = errors.New("not the stored scan of a range")

// UnmarshalBinary decodes what MarshalBinary made; anything else is an error
// and leaves v unchanged.
func (v *Vector) UnmarshalBinary(b []byte) error {
	if len(b) < 9 || b[0] != vectorVersion {
		return errVector
	}
	d := varints{b: b[9:]}
	n := Vector{print: binary.BigEndian.Uint64(b[1:])}
	n.length = d.count()
	states := d.count()
	if d.bad || states > int64(len(d.b)) || states > dead {
		return errVector
	}
	n.states = make([]outcome, states)
	for i := range n.states {
		o := &n.states[i]
		end := d.count()
		if end >= states && end != dead {
			return fmt.Errorf("%w: state %d of %d", errVector, end, states)
		}
		o.end, o.rows, o.lines = uint16(end), d.count(), d.count()
		if o.rows > 0 {
			o.first, o.firstLines = d.signed(), d.count()
		}
		if o.rows > n.length+1 || o.lines > n.length || o.firstLines > o.lines || o.first > n.length {
			return errVector
		}
	}
	if d.bad || len(d.b) > 0 {
		return errVector
	}
	*v = n
	return nil
}

// varints reads varints and remembers that one was missing.
type varints struct {
	b   []byte
	bad bool
}

func (d *varints) count() int64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 || x > math.MaxInt64 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return int64(x)
}

func (d *varints) signed() int64 {
	x, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return x
}
