package schema

import (
	"encoding/binary"
	"math/big"
)

// The sign words of PostgreSQL's binary numeric.
const (
	wirePositive    = 0x0000
	wireNegative    = 0x4000
	wireNaN         = 0xC000
	wirePosInfinity = 0xD000
	wireNegInfinity = 0xF000
)

// AppendBase10000 appends PostgreSQL's binary form of numeric: ndigits, weight,
// sign, dscale and the base-10000 digits, each a big-endian 16-bit integer,
// without the length word before it (numeric_send and numeric_recv in
// src/backend/utils/adt/numeric.c).
func (d Decimal) AppendBase10000(dst []byte) []byte {
	switch d.form {
	case nan:
		return appendWireHeader(dst, 0, 0, wireNaN, 0)
	case posInfinity:
		return appendWireHeader(dst, 0, 0, wirePosInfinity, 0)
	case negInfinity:
		return appendWireHeader(dst, 0, 0, wireNegInfinity, 0)
	}
	if d.large != nil {
		return d.appendLargeBase10000(dst)
	}
	var sign uint16
	if d.small < 0 {
		sign = wireNegative
	}
	// The groups of four are counted from the point, so that the last one may
	// be short by up to three digits; once it is split off, the others are the
	// plain base-10000 digits of what is left.
	var groups [6]uint16
	n := len(groups)
	u := magnitude(d.small)
	switch d.scale & 3 {
	case 1:
		n--
		groups[n] = uint16(u%10) * 1000
		u /= 10
	case 2:
		n--
		groups[n] = uint16(u%100) * 100
		u /= 100
	case 3:
		n--
		groups[n] = uint16(u%1000) * 10
		u /= 1000
	}
	for u != 0 {
		n--
		groups[n] = uint16(u % 10000)
		u /= 10000
	}
	weight := len(groups) - n - int(d.scale+3)>>2 - 1
	end := len(groups)
	for end > n && groups[end-1] == 0 {
		end--
	}
	if end == n {
		weight = 0
	}
	dst = appendWireHeader(dst, end-n, weight, sign, int(d.scale))
	for _, g := range groups[n:end] {
		dst = append(dst, byte(g>>8), byte(g))
	}
	return dst
}

func appendWireHeader(dst []byte, digits, weight int, sign uint16, scale int) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(digits)<<48|uint64(uint16(weight))<<32|uint64(sign)<<16|uint64(scale))
}

func (d Decimal) appendLargeBase10000(dst []byte) []byte {
	sign := uint16(wirePositive)
	if d.large.Sign() < 0 {
		sign = wireNegative
	}
	scale := int(d.scale)
	fraction := (scale + 3) / 4
	digits := make([]byte, 0, MaxDigits+8)
	digits = new(big.Int).Abs(d.large).Append(digits, 10)
	for range fraction*4 - scale {
		digits = append(digits, '0')
	}
	head := len(digits) % 4
	groups := make([]uint16, 0, len(digits)/4+1)
	if head > 0 {
		groups = append(groups, group(digits[:head]))
	}
	for ; head < len(digits); head += 4 {
		groups = append(groups, group(digits[head:head+4]))
	}
	weight := len(groups) - fraction - 1
	for groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	dst = appendWireHeader(dst, len(groups), weight, sign, scale)
	for _, g := range groups {
		dst = binary.BigEndian.AppendUint16(dst, g)
	}
	return dst
}

func group(digits []byte) uint16 {
	var g uint16
	for _, b := range digits {
		g = g*10 + uint16(b-'0')
	}
	return g
}
