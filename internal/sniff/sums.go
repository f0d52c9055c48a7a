package sniff

import (
	"math/big"
	"math/bits"
	"slices"
)

// int128 sums int64 exactly, so that the mean of a file does not depend on how
// the file was cut.
type int128 struct {
	Hi int64  `json:"hi"`
	Lo uint64 `json:"lo"`
}

func (s *int128) add(v int64) {
	lo, carry := bits.Add64(s.Lo, uint64(v), 0)
	s.Lo = lo
	s.Hi += v>>63 + int64(carry)
}

func (s *int128) merge(o int128) {
	lo, carry := bits.Add64(s.Lo, o.Lo, 0)
	s.Lo = lo
	s.Hi += o.Hi + int64(carry)
}

func (s int128) big() *big.Int {
	b := new(big.Int).Lsh(big.NewInt(s.Hi), 64)
	return b.Add(b, new(big.Int).SetUint64(s.Lo))
}

// intColumn is what the plain integers of a column have in common.
type intColumn struct {
	seen   bool
	lo, hi int64
	sum    int128
	// wide is the first integer beyond 32 bits.
	wide Example
	// days says that all could be dates written as YYYYMMDD.
	days bool
}

func (c *intColumn) add(v, line int64, text []byte) {
	switch {
	case !c.seen:
		c.seen, c.lo, c.hi = true, v, v
	case v < c.lo:
		c.lo = v
	case v > c.hi:
		c.hi = v
	}
	c.sum.add(v)
	if v != int64(int32(v)) {
		c.wide.take(line, text)
	}
	if c.days {
		m, d := v/100%100, v%100
		c.days = v >= 19000101 && v <= 21001231 && m >= 1 && m <= 12 && d >= 1 && d <= 31
	}
}

func (c *intColumn) merge(o *intColumn) {
	if o.seen {
		if !c.seen || o.lo < c.lo {
			c.lo = o.lo
		}
		if !c.seen || o.hi > c.hi {
			c.hi = o.hi
		}
	}
	c.seen = c.seen || o.seen
	c.sum.merge(o.sum)
	c.wide.merge(o.wide)
	c.days = c.days && o.days
}

// scaled is mantissa × 10^-exp.
type scaled struct {
	Mantissa int64 `json:"m"`
	Exp      int16 `json:"e"`
}

func (a scaled) compare(b scaled) int {
	if a.Exp == b.Exp || a.Mantissa == 0 || b.Mantissa == 0 || (a.Mantissa < 0) != (b.Mantissa < 0) {
		return compareInt(a.Mantissa, b.Mantissa)
	}
	if a.Mantissa < 0 {
		return scaled{-b.Mantissa, b.Exp}.compare(scaled{-a.Mantissa, a.Exp})
	}
	if a.Exp > b.Exp {
		return -b.compare(a)
	}
	// a has fewer decimals: bring it to b's.
	diff := int(b.Exp) - int(a.Exp)
	if diff >= len(powers) {
		return 1 // a mantissa has at most 18 digits
	}
	hi, lo := bits.Mul64(uint64(a.Mantissa), powers[diff])
	if hi != 0 || lo > uint64(b.Mantissa) {
		return 1
	}
	if lo < uint64(b.Mantissa) {
		return -1
	}
	return 0
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// powers of ten that fit 64 bits.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// reading accumulates the numbers of a column under one decimal sign.
type reading struct {
	seen            bool
	maxInt, maxFrac int16
	lo, hi          scaled
	sums            sums
}

func (r *reading) add(v scaled, whole, frac int16) {
	r.maxInt, r.maxFrac = max(r.maxInt, whole), max(r.maxFrac, frac)
	switch {
	case !r.seen:
		r.seen, r.lo, r.hi = true, v, v
	case v.compare(r.lo) < 0:
		r.lo = v
	case v.compare(r.hi) > 0:
		r.hi = v
	}
	r.sums.add(v)
}

func (r *reading) merge(o *reading) {
	r.maxInt, r.maxFrac = max(r.maxInt, o.maxInt), max(r.maxFrac, o.maxFrac)
	if o.seen {
		if !r.seen || o.lo.compare(r.lo) < 0 {
			r.lo = o.lo
		}
		if !r.seen || o.hi.compare(r.hi) > 0 {
			r.hi = o.hi
		}
	}
	r.seen = r.seen || o.seen
	r.sums.merge(&o.sums)
}

// sums are exact sums by decimal exponent.
type sums struct {
	low  [maxIntDigits + 1]int128
	rest map[int16]int128
}

func (s *sums) add(v scaled) {
	if uint(v.Exp) < uint(len(s.low)) {
		s.low[v.Exp].add(v.Mantissa)
		return
	}
	s.addRest(v)
}

func (s *sums) addRest(v scaled) {
	if s.rest == nil {
		s.rest = map[int16]int128{}
	}
	x := s.rest[v.Exp]
	x.add(v.Mantissa)
	s.rest[v.Exp] = x
}

func (s *sums) merge(o *sums) {
	for i := range s.low {
		s.low[i].merge(o.low[i])
	}
	for e, x := range o.rest {
		if s.rest == nil {
			s.rest = map[int16]int128{}
		}
		y := s.rest[e]
		y.merge(x)
		s.rest[e] = y
	}
}

// mean divides all sums, plain integers included, by n.
func (s *sums) mean(plain int128, n int64) float64 {
	total := new(big.Rat).SetInt(plain.big())
	for e, x := range s.low {
		addScaled(total, x, e)
	}
	exps := make([]int16, 0, len(s.rest))
	for e := range s.rest {
		exps = append(exps, e)
	}
	slices.Sort(exps)
	for _, e := range exps {
		addScaled(total, s.rest[e], int(e))
	}
	total.Quo(total, new(big.Rat).SetInt64(n))
	f, _ := total.Float64()
	return f
}

func addScaled(total *big.Rat, x int128, exp int) {
	if x == (int128{}) {
		return
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	r := new(big.Rat).SetInt(x.big())
	if exp >= 0 {
		r.Quo(r, new(big.Rat).SetInt(power))
	} else {
		r.Mul(r, new(big.Rat).SetInt(power))
	}
	total.Add(total, r)
}

// numberColumn is what the numbers with separators, signs or exponents of a
// column have in common. Plain integers are counted apart: they fit all styles.
type numberColumn struct {
	styles       style
	point, comma reading
	// against is the first value that each style does not fit.
	against [styleCount]Example
	// currency counts by 1 + index; 0 is the number without one.
	currency [8]bool
	suffix   bool
	percent  bool
	bare     Example // the first value without currency and percent
	exponent Example
}

const styleCount = 7

func (c *numberColumn) add(n *number, line int64, text []byte) {
	if c.styles&^n.styles != 0 || n.styles != allStyles {
		for i := range c.against {
			if n.styles&(1<<i) == 0 && (c.against[i].Line == 0 || line < c.against[i].Line) {
				c.against[i].take(line, text)
			}
		}
		c.styles &= n.styles
	}
	if n.styles&pointStyles != 0 {
		c.point.add(scaled{n.mantissa, n.point}, n.pointInt, n.pointScale)
	}
	if n.styles&commaStyles != 0 {
		c.comma.add(scaled{n.mantissa, n.comma}, n.commaInt, n.commaScale)
	}
	if n.currency != 0 {
		c.currency[n.currency] = true
		c.suffix = c.suffix || n.suffix
	}
	if n.percent {
		c.percent = true
	}
	if n.currency == 0 && !n.percent {
		c.bare.take(line, text)
	}
	if n.exponent {
		c.exponent.take(line, text)
	}
}

// sum counts a value once more; a reading that does not fit is never used.
func (c *numberColumn) sum(mantissa int64, point, comma int16) {
	c.point.sums.add(scaled{mantissa, point})
	c.comma.sums.add(scaled{mantissa, comma})
}

func (c *numberColumn) merge(o *numberColumn) {
	c.styles &= o.styles
	c.point.merge(&o.point)
	c.comma.merge(&o.comma)
	for i := range c.against {
		c.against[i].merge(o.against[i])
	}
	for i := range c.currency {
		c.currency[i] = c.currency[i] || o.currency[i]
	}
	c.suffix = c.suffix || o.suffix
	c.percent = c.percent || o.percent
	c.bare.merge(o.bare)
	c.exponent.merge(o.exponent)
}
