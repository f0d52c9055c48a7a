package schema

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"sync"
)

// MaxDigits bounds a Decimal: its coefficient has at most so many digits and
// its scale is at most as much. What would pass it is ErrTooManyDigits, so that
// no expression can fill the memory with one number.
const MaxDigits = 1000

// Errors of decimal arithmetic.
var (
	ErrTooManyDigits  = errors.New("a number would have more than 1000 digits")
	ErrDivisionByZero = errors.New("division by zero")
	ErrNotDecimal     = errors.New("not a decimal number")
)

type form uint8

const (
	finite form = iota
	negInfinity
	posInfinity
	nan
)

// Decimal is an exact decimal number, coefficient × 10^-scale, or one of
// PostgreSQL's NaN, Infinity and -Infinity. The zero value is 0. A Decimal is
// immutable; use Cmp to compare, because 1.0 and 1.00 differ in scale only.
// Numbers whose coefficient fits an int64 need no allocation.
type Decimal struct {
	small int64
	// large is the coefficient where it does not fit an int64, else nil.
	large *big.Int
	scale int32
	form  form
}

// NewDecimal is coefficient × 10^-scale. The scale is held between 0 and MaxDigits.
func NewDecimal(coefficient int64, scale int) Decimal {
	return Decimal{small: coefficient, scale: int32(min(max(scale, 0), MaxDigits))}
}

// NaN is PostgreSQL's numeric 'NaN'.
func NaN() Decimal { return Decimal{form: nan} }

// Infinity is PostgreSQL's numeric 'Infinity', or '-Infinity' for a negative sign.
func Infinity(sign int) Decimal {
	if sign < 0 {
		return Decimal{form: negInfinity}
	}
	return Decimal{form: posInfinity}
}

// DecimalFromFloat is the shortest decimal that reads back as f.
func DecimalFromFloat(f float64) Decimal {
	switch {
	case math.IsNaN(f):
		return NaN()
	case math.IsInf(f, 0):
		return Infinity(int(math.Copysign(1, f)))
	}
	var buf [32]byte
	// The exponent of a float64 is within ±324, so that MaxDigits is out of reach.
	d, _ := ParseDecimal(strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
	return d
}

// ParseDecimal reads sign, digits, point, digits and exponent, or NaN,
// Infinity, inf in any case; no blanks. The scale is the number of digits
// written after the point, less the exponent. Errors: ErrNotDecimal,
// ErrTooManyDigits.
func ParseDecimal(text []byte) (Decimal, error) {
	if d, ok := parseSmall(text); ok {
		return d, nil
	}
	return parseLarge(text)
}

// parseSmall reads what most files hold: at most 18 digits without an exponent.
func parseSmall(text []byte) (Decimal, bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		i = 1
	}
	if n := len(text) - i; n > 19 || n == 0 {
		return Decimal{}, false
	}
	var c uint64
	point := -1
	for j := i; j < len(text); j++ {
		b := text[j] - '0'
		if b <= 9 {
			c = c*10 + uint64(b)
			continue
		}
		if text[j] != '.' || point >= 0 {
			return Decimal{}, false
		}
		point = j
	}
	scale := 0
	digits := len(text) - i
	if point >= 0 {
		scale = len(text) - point - 1
		digits--
	}
	if digits == 0 || digits > 18 {
		return Decimal{}, false
	}
	d := Decimal{small: int64(c), scale: int32(scale)}
	if text[0] == '-' {
		d.small = -d.small
	}
	return d, true
}

// parseLarge reads every form.
func parseLarge(text []byte) (Decimal, error) {
	rest := text
	negative := false
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		negative = rest[0] == '-'
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return Decimal{}, ErrNotDecimal
	}
	if rest[0] != '.' && (rest[0] < '0' || rest[0] > '9') {
		return parseSpecial(text, rest, negative)
	}
	var digits [MaxDigits]byte
	n, seen, scale, point, tooMany := 0, 0, 0, false, false
	i := 0
	for ; i < len(rest); i++ {
		b := rest[i]
		if b == '.' && !point {
			point = true
			continue
		}
		if b < '0' || b > '9' {
			break
		}
		seen++
		if point {
			scale++
		}
		if n == 0 && b == '0' {
			continue
		}
		if n == len(digits) {
			tooMany = true
			continue
		}
		digits[n] = b
		n++
	}
	if seen == 0 {
		return Decimal{}, ErrNotDecimal
	}
	if i < len(rest) {
		exponent, ok := parseExponent(rest[i:])
		if !ok {
			return Decimal{}, ErrNotDecimal
		}
		scale -= exponent
	}
	if n == 0 {
		scale = max(scale, 0)
	}
	if tooMany || scale > MaxDigits || n-scale > MaxDigits {
		return Decimal{}, ErrTooManyDigits
	}
	for ; scale < 0; scale++ {
		digits[n] = '0'
		n++
	}
	d := Decimal{scale: int32(scale)}
	if n <= 18 {
		for _, b := range digits[:n] {
			d.small = d.small*10 + int64(b-'0')
		}
		if negative {
			d.small = -d.small
		}
		return d, nil
	}
	c, _ := new(big.Int).SetString(string(digits[:n]), 10)
	if negative {
		c.Neg(c)
	}
	return fromBig(c, scale)
}

// parseExponent reads e, sign and digits; an exponent beyond ±100,000 is held
// there, which is far enough for every bound to notice.
func parseExponent(text []byte) (int, bool) {
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, false
	}
	e := 0
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
		e = min(e*10+int(b-'0'), 100_000)
	}
	if negative {
		e = -e
	}
	return e, true
}

func parseSpecial(text, unsigned []byte, negative bool) (Decimal, error) {
	switch {
	case equalFold(unsigned, "infinity"), equalFold(unsigned, "inf"):
		if negative {
			return Infinity(-1), nil
		}
		return Infinity(1), nil
	case equalFold(text, "nan"):
		return NaN(), nil
	}
	return Decimal{}, ErrNotDecimal
}

// equalFold compares text with a lower-case ASCII word, ignoring case.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, b := range text {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}

// String is the number as PostgreSQL prints it, never with an exponent.
func (d Decimal) String() string { return string(d.AppendText(nil)) }

// AppendText appends String to dst.
func (d Decimal) AppendText(dst []byte) []byte {
	switch d.form {
	case nan:
		return append(dst, "NaN"...)
	case posInfinity:
		return append(dst, "Infinity"...)
	case negInfinity:
		return append(dst, "-Infinity"...)
	}
	if d.Sign() < 0 {
		dst = append(dst, '-')
	}
	start := len(dst)
	if d.large != nil {
		dst = new(big.Int).Abs(d.large).Append(dst, 10)
	} else {
		dst = strconv.AppendUint(dst, magnitude(d.small), 10)
	}
	if d.scale == 0 {
		return dst
	}
	scale := int(d.scale)
	for len(dst)-start <= scale {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	dst = append(dst, 0)
	point := len(dst) - 1 - scale
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// Sign is -1, 0 or 1; 0 for NaN.
func (d Decimal) Sign() int {
	switch {
	case d.form == nan:
		return 0
	case d.form == posInfinity:
		return 1
	case d.form == negInfinity:
		return -1
	case d.large != nil:
		return d.large.Sign()
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// IsNaN says whether d is NaN.
func (d Decimal) IsNaN() bool { return d.form == nan }

// IsInfinite says whether d is Infinity or -Infinity.
func (d Decimal) IsInfinite() bool { return d.form == posInfinity || d.form == negInfinity }

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Digits is the number of digits of the coefficient; 1 for zero.
func (d Decimal) Digits() int {
	if d.large != nil {
		return bigDigits(d.large)
	}
	return uintDigits(magnitude(d.small))
}

// IsInt says whether d is a whole number, whatever its scale.
func (d Decimal) IsInt() bool {
	_, scale := d.stripped(0)
	return d.form == finite && scale <= 0
}

// Int64 is the value where it is whole and fits.
func (d Decimal) Int64() (int64, bool) {
	if d.form != finite {
		return 0, false
	}
	s, scale := d.stripped(0)
	return s.small, scale == 0 && s.large == nil
}

// Float64 is the nearest float64; infinite where the number is too large.
func (d Decimal) Float64() float64 {
	switch d.form {
	case nan:
		return math.NaN()
	case posInfinity:
		return math.Inf(1)
	case negInfinity:
		return math.Inf(-1)
	}
	// Both operands are exact, so that the quotient is rounded only once.
	if d.large == nil && magnitude(d.small) < 1<<53 && d.scale <= 18 {
		return float64(d.small) / float64(pow10[d.scale])
	}
	var buf [64]byte
	f, _ := strconv.ParseFloat(string(d.AppendText(buf[:0])), 64)
	return f
}

// Fits says whether numeric(precision, scale) holds d without rounding;
// precision 0 holds all. NaN fits every numeric, an infinity none with a precision.
func (d Decimal) Fits(precision, scale int) bool {
	if precision == 0 || d.form == nan {
		return true
	}
	if d.form != finite {
		return false
	}
	if d.Sign() == 0 {
		return true
	}
	s, left := d.stripped(scale)
	return left <= scale && s.Digits()-left <= precision-scale
}

// stripped drops trailing zeros of the coefficient until the scale, which may
// be negative here, is down to least.
func (d Decimal) stripped(least int) (Decimal, int) {
	scale := int(d.scale)
	if d.form != finite || scale <= least {
		return d, scale
	}
	if d.Sign() == 0 {
		return Decimal{}, least
	}
	if d.large != nil {
		ten, rest := big.NewInt(10), new(big.Int)
		c := new(big.Int).Set(d.large)
		for next := new(big.Int); scale > least; scale-- {
			if next.QuoRem(c, ten, rest); rest.Sign() != 0 {
				break
			}
			c, next = next, c
		}
		if !c.IsInt64() {
			return Decimal{large: c}, scale
		}
		return Decimal{small: c.Int64()}, scale
	}
	for scale > least && d.small%10 == 0 {
		d.small /= 10
		scale--
	}
	return Decimal{small: d.small}, scale
}

// pow10 holds the powers of ten that fit an int64.
var pow10 = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// bigPow10 is 10^n.
func bigPow10(n int) *big.Int {
	if n < len(pow10) {
		return big.NewInt(pow10[n])
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// tooLarge is the first coefficient with more than MaxDigits digits.
var tooLarge = sync.OnceValue(func() *big.Int { return bigPow10(MaxDigits) })

// fromBig makes a Decimal that owns c, or says that it is too long.
func fromBig(c *big.Int, scale int) (Decimal, error) {
	if c.IsInt64() && scale <= MaxDigits {
		return Decimal{small: c.Int64(), scale: int32(scale)}, nil
	}
	if scale > MaxDigits || c.BitLen() > MaxDigits*3 && c.CmpAbs(tooLarge()) >= 0 {
		return Decimal{}, ErrTooManyDigits
	}
	return Decimal{large: c, scale: int32(scale)}, nil
}

// coefficient is the coefficient as a big.Int that must not be changed.
func (d Decimal) coefficient() *big.Int {
	if d.large != nil {
		return d.large
	}
	return big.NewInt(d.small)
}

// magnitude is |i|, which for MinInt64 fits a uint64 only.
func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// uintDigits is the number of decimal digits of u, 1 for 0.
func uintDigits(u uint64) int {
	// 1233/4096 is just above log10(2).
	n := bits.Len64(u|1) * 1233 >> 12
	if n < 19 && u >= uint64(pow10[n]) || n == 19 && u >= 1e19 {
		n++
	}
	return max(n, 1)
}

// bigDigits is the number of decimal digits of c, which is not zero.
func bigDigits(c *big.Int) int {
	// log10(2) from below, then corrected upwards.
	n := int(float64(c.BitLen()-1) * 0.30102999566398114)
	for c.CmpAbs(bigPow10(n)) >= 0 {
		n++
	}
	return n
}
