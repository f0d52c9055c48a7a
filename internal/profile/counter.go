package profile

import (
	"bytes"
	"slices"

	"github.com/axiomhq/hyperloglog"

	"github.com/etlportal/etlportal/internal/sniff"
)

// storedBytes is how much of a value is kept; longer ones are told apart by
// hash and length.
const storedBytes = 64

// entry is a counted value.
type entry struct {
	hash  uint64
	count int64
	seen  sniff.Seen
	// known says that seen is valid; a stored profile does not hold it.
	known bool
	// at is where the value's first storedBytes start in the arena.
	at uint32
	// size is the value's length in bytes, chars in characters.
	size, chars uint32
}

func (e *entry) stored() uint32 { return min(e.size, storedBytes) }

// counter counts values: exactly while there are few, by the Misra-Gries
// method in the mergeable form of Agarwal et al. ("Mergeable Summaries", 2012)
// when there are more: a full table loses the median count from every entry.
type counter struct {
	limit     int
	precision uint8
	entries   []entry
	// slots is a hash table of 1 + index in entries.
	slots []uint16
	arena []byte
	spare []byte
	// sketch estimates the number of different values once the table was full.
	sketch *hyperloglog.Sketch
	// lost bounds what any count lacks.
	lost int64
}

// find is the entry of v, or -1 and the slot for it.
func (c *counter) find(hash uint64, v []byte) (int, uint64) {
	mask := uint64(len(c.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := c.slots[i]
		if s == 0 {
			return -1, i
		}
		e := &c.entries[s-1]
		if e.hash == hash && int(e.size) == len(v) && bytes.Equal(c.arena[e.at:e.at+e.stored()], v[:min(len(v), storedBytes)]) {
			return int(s - 1), i
		}
	}
}

// insert adds a new value at a slot that find returned.
func (c *counter) insert(slot uint64, e entry, prefix []byte) error {
	if len(c.entries) == c.limit {
		if err := c.overflow(); err != nil {
			return err
		}
		c.purge()
		slot = c.vacant(e.hash)
	}
	if c.sketch != nil {
		c.sketch.InsertHash(e.hash)
	}
	e.at = uint32(len(c.arena))
	c.arena = append(c.arena, prefix...)
	c.entries = append(c.entries, e)
	c.slots[slot] = uint16(len(c.entries))
	if 2*len(c.entries) > len(c.slots) {
		c.index(2 * len(c.slots))
	}
	return nil
}

// vacant is a free slot for a hash that is not in the table.
func (c *counter) vacant(hash uint64) uint64 {
	mask := uint64(len(c.slots) - 1)
	i := hash & mask
	for c.slots[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// index rebuilds the hash table with n slots.
func (c *counter) index(n int) {
	if n == len(c.slots) {
		clear(c.slots)
	} else {
		c.slots = make([]uint16, n)
	}
	for i := range c.entries {
		slot := c.vacant(c.entries[i].hash)
		c.slots[slot] = uint16(i + 1)
	}
}

// overflow turns to estimating: the sketch takes over all values so far.
func (c *counter) overflow() error {
	if c.sketch != nil {
		return nil
	}
	sketch, err := hyperloglog.NewSketch(c.precision, false)
	if err != nil {
		return err
	}
	c.sketch = sketch
	for i := range c.entries {
		sketch.InsertHash(c.entries[i].hash)
	}
	return nil
}

// purge takes the median count from every entry and drops those without a rest.
func (c *counter) purge() {
	counts := make([]int64, len(c.entries))
	for i := range c.entries {
		counts[i] = c.entries[i].count
	}
	slices.Sort(counts)
	median := counts[len(counts)/2]
	c.lost += median
	kept := c.entries[:0]
	arena := c.spare[:0]
	for _, e := range c.entries {
		if e.count <= median {
			continue
		}
		e.count -= median
		prefix := c.arena[e.at : e.at+e.stored()]
		e.at = uint32(len(arena))
		arena = append(arena, prefix...)
		kept = append(kept, e)
	}
	c.entries = kept
	c.arena, c.spare = arena, c.arena
	c.index(len(c.slots))
}

// merge adds what another counter has counted.
func (c *counter) merge(o *counter) error {
	if o.sketch != nil {
		if err := c.overflow(); err != nil {
			return err
		}
	}
	c.lost += o.lost
	for _, e := range o.entries {
		prefix := o.arena[e.at : e.at+e.stored()]
		i, slot := c.same(&e, prefix)
		if i >= 0 {
			c.entries[i].count += e.count
			continue
		}
		if err := c.insert(slot, e, prefix); err != nil {
			return err
		}
	}
	if o.sketch != nil {
		return c.sketch.Merge(o.sketch)
	}
	return nil
}

// same finds another counter's entry in this one.
func (c *counter) same(o *entry, prefix []byte) (int, uint64) {
	mask := uint64(len(c.slots) - 1)
	for i := o.hash & mask; ; i = (i + 1) & mask {
		s := c.slots[i]
		if s == 0 {
			return -1, i
		}
		e := &c.entries[s-1]
		if e.hash == o.hash && e.size == o.size && bytes.Equal(c.arena[e.at:e.at+e.stored()], prefix) {
			return int(s - 1), i
		}
	}
}

// distinct is the number of different values, and whether it is exact.
func (c *counter) distinct() (int64, bool) {
	if c.sketch == nil {
		return int64(len(c.entries)), true
	}
	return int64(c.sketch.Estimate()), false
}
