package destination

import (
	"hash/maphash"
	"math/bits"

	"github.com/etlportal/etlportal/internal/schema"
)

// maxDistinct is how many keys are remembered, in about 32 MiB.
const maxDistinct = 3 << 20

// keySet remembers the hashes of the keys of a load. As long as no hash comes
// twice, no key does, and the server need not look for duplicates: a hash
// aggregate over a million keys costs a tenth of their merge. A hash that comes
// twice proves nothing; the server then looks.
type keySet struct {
	slots  []uint64
	used   int
	zero   bool
	unsure bool
}

// add takes the hashes of a batch's keys.
func (k *keySet) add(hashes []uint64) {
	if k.unsure {
		return
	}
	for _, h := range hashes {
		if !k.insert(h) {
			k.unsure, k.slots = true, nil
			return
		}
	}
}

// insert says whether the hash is new, and there is room to remember it.
func (k *keySet) insert(h uint64) bool {
	if h == 0 {
		seen := k.zero
		k.zero = true
		return !seen
	}
	if 4*(k.used+1) > 3*len(k.slots) {
		if k.used >= maxDistinct {
			return false
		}
		k.grow()
	}
	if !place(k.slots, h) {
		return false
	}
	k.used++
	return true
}

func (k *keySet) grow() {
	old := k.slots
	k.slots = make([]uint64, max(1<<12, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			place(k.slots, h)
		}
	}
}

// place puts h, which is not 0, into its slot; false where it is there already.
func place(slots []uint64, h uint64) bool {
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch slots[i] {
		case 0:
			slots[i] = h
			return true
		case h:
			return false
		}
	}
}

// provable says whether keys of these columns are equal to the server only if
// they are equal byte by byte as they are sent; then keySet can tell that there
// are no duplicates. It is not so of numbers with a scale (1.0 = 1.00), of
// floats (-0 = 0), of padded text, and of text whose collation may call
// different texts equal.
func (s *session) provable(keys []int) bool {
	for _, i := range keys {
		c := &s.spec.Columns[i]
		switch s.layout.wires[i] {
		case wireBool, wireInt2, wireInt4, wireInt8, wireDate, wireTime, wireTimestamp, wireTimestampTZ, wireUUID, wireBytea:
		case wireText:
			if c.Type.Kind != schema.Text && c.Type.Kind != schema.Varchar || s.target.column(c.Name).Collation != "" || s.recodes(*c) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// keyed is the part of a layout that hashes keys.
type keyed struct {
	seed maphash.Seed
	// isKey says by column whether it is part of the key.
	isKey []bool
}

// hashKeys makes the batches of a load hash the keys of their rows.
func (l *layout) hashKeys(keys []int) {
	l.keyed = &keyed{seed: maphash.MakeSeed(), isKey: make([]bool, len(l.wires))}
	for _, i := range keys {
		l.keyed.isKey[i] = true
	}
}

// add continues the hash of a row's key with the bytes of one more of its columns.
func (k *keyed) add(h uint64, field []byte) uint64 {
	return bits.RotateLeft64(h, 23)*0x9e3779b97f4a7c15 ^ maphash.Bytes(k.seed, field)
}
