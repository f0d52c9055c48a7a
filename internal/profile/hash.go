package profile

import (
	"encoding/binary"
	"math/bits"
)

// Constants of wyhash. They are part of the stored form of a profile.
const (
	wy0 = 0xa0761d6478bd642f
	wy1 = 0xe7037ed1a0b428db
	wy2 = 0x8ebc6af09c88c6e3
)

// hash64 is Wang Yi's wyhash without a seed: it must be the same on every
// machine, because stored profiles merge.
func hash64(b []byte) uint64 {
	size := uint64(len(b))
	h := uint64(wy0)
	for len(b) > 16 {
		h = fold(binary.LittleEndian.Uint64(b)^wy1, binary.LittleEndian.Uint64(b[8:])^h)
		b = b[16:]
	}
	var lo, hi uint64
	switch n := len(b); {
	case n >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		lo = uint64(b[0])<<16 | uint64(b[n/2])<<8 | uint64(b[n-1])
	}
	return fold(wy2^size, fold(lo^wy1, hi^h))
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
