package schema

import (
	"cmp"
	"math/big"
	"math/bits"
)

// Cmp is -1, 0 or 1; as in PostgreSQL, NaN equals itself and is above all
// else, Infinity above and -Infinity below every number.
func (d Decimal) Cmp(e Decimal) int {
	if d.form != finite || e.form != finite {
		return cmp.Compare(rank(d), rank(e))
	}
	if d.scale == e.scale && d.large == nil && e.large == nil {
		return cmp.Compare(d.small, e.small)
	}
	if s, t := d.Sign(), e.Sign(); s != t {
		return cmp.Compare(s, t)
	}
	if a, b, ok := alignSmall(d, e); ok {
		return cmp.Compare(a, b)
	}
	a, b, _ := alignBig(d, e)
	return a.Cmp(b)
}

// rank orders the forms.
func rank(d Decimal) int {
	switch d.form {
	case negInfinity:
		return -1
	case finite:
		return 0
	case posInfinity:
		return 1
	}
	return 2
}

// alignSmall brings two small coefficients to the larger scale where both still fit.
func alignSmall(d, e Decimal) (a, b int64, ok bool) {
	if d.large != nil || e.large != nil {
		return 0, 0, false
	}
	a, b = d.small, e.small
	switch diff := int(d.scale) - int(e.scale); {
	case diff > 0:
		b, ok = mulPow10(b, diff)
	case diff < 0:
		a, ok = mulPow10(a, -diff)
	default:
		ok = true
	}
	return a, b, ok
}

func alignBig(d, e Decimal) (a, b *big.Int, scale int) {
	a, b = d.coefficient(), e.coefficient()
	switch diff := int(d.scale) - int(e.scale); {
	case diff > 0:
		b = new(big.Int).Mul(b, bigPow10(diff))
	case diff < 0:
		a = new(big.Int).Mul(a, bigPow10(-diff))
	}
	return a, b, int(max(d.scale, e.scale))
}

// mulPow10 is c × 10^n where it fits.
func mulPow10(c int64, n int) (int64, bool) {
	if c == 0 {
		return 0, true
	}
	if n >= len(pow10) {
		return 0, false
	}
	return mulInt64(c, pow10[n])
}

// mulInt64 is a × b where it fits with room for the sign.
func mulInt64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > 1<<63-1 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

// Add is d + e; its scale is the larger one. The only error is ErrTooManyDigits.
func (d Decimal) Add(e Decimal) (Decimal, error) {
	if d.form != finite || e.form != finite {
		switch {
		case d.form == finite:
			return e, nil
		case e.form == finite || d.form == e.form:
			return d, nil
		}
		return NaN(), nil
	}
	if a, b, ok := alignSmall(d, e); ok {
		if sum := a + b; (sum > a) == (b > 0) {
			return Decimal{small: sum, scale: max(d.scale, e.scale)}, nil
		}
	}
	a, b, scale := alignBig(d, e)
	return fromBig(new(big.Int).Add(a, b), scale)
}

// Sub is d - e; its scale is the larger one. The only error is ErrTooManyDigits.
func (d Decimal) Sub(e Decimal) (Decimal, error) { return d.Add(e.Neg()) }

// Mul is d × e; its scale is the sum. The only error is ErrTooManyDigits.
func (d Decimal) Mul(e Decimal) (Decimal, error) {
	if d.form != finite || e.form != finite {
		return product(d, e), nil
	}
	scale := int(d.scale) + int(e.scale)
	if d.large == nil && e.large == nil && scale <= MaxDigits {
		if c, ok := mulInt64(d.small, e.small); ok {
			return Decimal{small: c, scale: int32(scale)}, nil
		}
	}
	return fromBig(new(big.Int).Mul(d.coefficient(), e.coefficient()), scale)
}

// product is d × e where one of them is not finite.
func product(d, e Decimal) Decimal {
	if d.form == nan || e.form == nan || d.Sign() == 0 || e.Sign() == 0 {
		return NaN()
	}
	return Infinity(d.Sign() * e.Sign())
}

// minQuotientDigits is PostgreSQL's NUMERIC_MIN_SIG_DIGITS.
const minQuotientDigits = 16

// Quo is d / e by PostgreSQL's rule for the scale: at least 16 significant
// digits and no fewer decimals than d or e, rounded half away from zero
// (select_div_scale in src/backend/utils/adt/numeric.c).
// Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) Quo(e Decimal) (Decimal, error) {
	if d.form != finite || e.form != finite {
		return d.QuoScale(e, 0)
	}
	weight, first := d.leading()
	divisorWeight, divisorFirst := e.leading()
	quotientWeight := weight - divisorWeight
	if first <= divisorFirst {
		quotientWeight--
	}
	scale := max(minQuotientDigits-quotientWeight*4, int(d.scale), int(e.scale), 0)
	return d.QuoScale(e, min(scale, MaxDigits))
}

// leading is the first base-10000 digit of d, which is finite, and its weight.
func (d Decimal) leading() (weight, digit int) {
	if d.Sign() == 0 {
		return 0, 0
	}
	n := d.Digits()
	exponent := n - int(d.scale) - 1
	weight = exponent >> 2
	wanted := exponent - weight*4 + 1
	if d.large != nil {
		c := new(big.Int).Quo(d.large, bigPow10(n-wanted))
		return weight, int(c.Abs(c).Int64())
	}
	c := magnitude(d.small)
	if n >= wanted {
		return weight, int(c / uint64(pow10[n-wanted]))
	}
	return weight, int(c) * int(pow10[wanted-n])
}

// QuoScale is d / e rounded half away from zero to scale (0 to MaxDigits)
// digits after the point. Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) QuoScale(e Decimal, scale int) (Decimal, error) {
	switch {
	case d.form == nan || e.form == nan:
		return NaN(), nil
	case e.Sign() == 0:
		return Decimal{}, ErrDivisionByZero
	case d.form != finite && e.form != finite:
		return NaN(), nil
	case d.form != finite:
		return Infinity(d.Sign() * e.Sign()), nil
	case e.form != finite:
		return Decimal{}, nil
	case scale > MaxDigits || scale < 0:
		return Decimal{}, ErrTooManyDigits
	}
	shift := scale + int(e.scale) - int(d.scale)
	if d.large == nil && e.large == nil && shift >= 0 && shift < len(pow10) {
		if c, ok := quoSmall(d.small, pow10[shift], e.small); ok {
			return Decimal{small: c, scale: int32(scale)}, nil
		}
	}
	a, b := d.coefficient(), e.coefficient()
	if shift >= 0 {
		a = new(big.Int).Mul(a, bigPow10(shift))
	} else {
		b = new(big.Int).Mul(b, bigPow10(-shift))
	}
	return fromBig(quoHalfAway(a, b), scale)
}

// quoSmall is a × power / b rounded half away from zero, where it fits.
func quoSmall(a, power, b int64) (int64, bool) {
	divisor := magnitude(b)
	hi, lo := bits.Mul64(magnitude(a), uint64(power))
	if hi >= divisor {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, divisor)
	if q >= 1<<63-1 {
		return 0, false
	}
	if r >= divisor-r {
		q++
	}
	if (a < 0) != (b < 0) {
		return -int64(q), true
	}
	return int64(q), true
}

// quoHalfAway is a / b rounded half away from zero.
func quoHalfAway(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Lsh(r, 1).CmpAbs(b) >= 0 {
		q.Add(q, big.NewInt(int64(a.Sign()*b.Sign())))
	}
	return q
}

// Mod is the remainder of d / e truncated towards zero: it has the sign of d
// and the larger scale. Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) Mod(e Decimal) (Decimal, error) {
	switch {
	case d.form == nan || e.form == nan:
		return NaN(), nil
	case e.Sign() == 0:
		return Decimal{}, ErrDivisionByZero
	case d.form != finite:
		return NaN(), nil
	case e.form != finite:
		return d, nil
	}
	if a, b, ok := alignSmall(d, e); ok {
		return Decimal{small: a % b, scale: max(d.scale, e.scale)}, nil
	}
	a, b, scale := alignBig(d, e)
	return fromBig(new(big.Int).Rem(a, b), scale)
}

// Round rounds half away from zero to places digits after the point; negative
// places round before it. The result has max(places, 0) digits after the
// point. The only error is ErrTooManyDigits.
func (d Decimal) Round(places int) (Decimal, error) { return d.cut(places, true) }

// Trunc cuts to places digits after the point, towards zero; otherwise it is as Round.
func (d Decimal) Trunc(places int) (Decimal, error) { return d.cut(places, false) }

func (d Decimal) cut(places int, round bool) (Decimal, error) {
	if d.form != finite {
		return d, nil
	}
	if places > MaxDigits {
		return Decimal{}, ErrTooManyDigits
	}
	drop := int(d.scale) - places
	if drop <= 0 {
		if c, ok := mulPow10(d.small, -drop); ok && d.large == nil {
			return Decimal{small: c, scale: int32(places)}, nil
		}
		return fromBig(new(big.Int).Mul(d.coefficient(), bigPow10(-drop)), places)
	}
	if drop > d.Digits() {
		return Decimal{scale: int32(max(places, 0))}, nil
	}
	if d.large == nil && drop < len(pow10) && places >= 0 {
		unit := pow10[drop]
		c, rest := d.small/unit, d.small%unit
		if round && magnitude(rest) >= uint64(unit)-magnitude(rest) {
			c += int64(d.Sign())
		}
		return Decimal{small: c, scale: int32(places)}, nil
	}
	var c *big.Int
	if unit := bigPow10(drop); round {
		c = quoHalfAway(d.coefficient(), unit)
	} else {
		c = new(big.Int).Quo(d.coefficient(), unit)
	}
	if places < 0 {
		return fromBig(c.Mul(c, bigPow10(-places)), 0)
	}
	return fromBig(c, places)
}

// Floor is the largest whole number not above d.
func (d Decimal) Floor() Decimal { return d.whole(-1) }

// Ceil is the smallest whole number not below d.
func (d Decimal) Ceil() Decimal { return d.whole(1) }

// whole rounds away from zero on the side of sign, else towards zero. Neither
// lengthens the number, so that there is no error.
func (d Decimal) whole(sign int64) Decimal {
	t, _ := d.Trunc(0)
	if d.form == finite && int64(d.Sign()) == sign && t.Cmp(d) != 0 {
		t, _ = t.Add(Decimal{small: sign})
	}
	return t
}

// Abs is d without its sign.
func (d Decimal) Abs() Decimal {
	if d.Sign() < 0 {
		return d.Neg()
	}
	return d
}

// Neg is -d.
func (d Decimal) Neg() Decimal {
	switch {
	case d.form != finite:
		if d.IsInfinite() {
			return Infinity(-d.Sign())
		}
		return d
	case d.large != nil:
		// Back to the small form where d is -MinInt64.
		n, _ := fromBig(new(big.Int).Neg(d.large), int(d.scale))
		return n
	case d.small == -1<<63:
		return Decimal{large: new(big.Int).Neg(big.NewInt(d.small)), scale: d.scale}
	}
	d.small = -d.small
	return d
}
