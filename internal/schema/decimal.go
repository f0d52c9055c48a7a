package schema

import (
	"errors"
	"math/big"
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

// NewDecimal is coefficient × 10^-scale; a negative scale is taken as 0.
func NewDecimal(coefficient int64, scale int) Decimal {
	return Decimal{small: coefficient, scale: int32(max(scale, 0))}
}

// NaN is PostgreSQL's numeric 'NaN'.
func NaN() Decimal { return Decimal{form: nan} }

// Infinity is PostgreSQL's numeric 'Infinity', negative for a negative sign.
func Infinity(sign int) Decimal {
	if sign < 0 {
		return Decimal{form: negInfinity}
	}
	return Decimal{form: posInfinity}
}

// ParseDecimal reads sign, digits, point, digits and exponent, or NaN,
// Infinity, inf in any case; no blanks.
func ParseDecimal(text []byte) (Decimal, error) { return Decimal{}, ErrNotDecimal }

// DecimalFromFloat is the shortest decimal that reads back as f.
func DecimalFromFloat(f float64) (Decimal, error) { return Decimal{}, nil }

// String is the number as PostgreSQL prints it, never with an exponent.
func (d Decimal) String() string { return string(d.AppendText(nil)) }

// AppendText appends String to dst.
func (d Decimal) AppendText(dst []byte) []byte { return dst }

// Cmp is -1, 0 or 1; as in PostgreSQL, NaN equals itself and is above all else.
func (d Decimal) Cmp(e Decimal) int { return 0 }

// Sign is -1, 0 or 1; 0 for NaN.
func (d Decimal) Sign() int { return 0 }

// IsNaN says whether d is NaN.
func (d Decimal) IsNaN() bool { return d.form == nan }

// IsInfinite says whether d is Infinity or -Infinity.
func (d Decimal) IsInfinite() bool { return d.form == posInfinity || d.form == negInfinity }

// IsInt says whether d is a whole number, whatever its scale.
func (d Decimal) IsInt() bool { return false }

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Digits is the number of digits of the coefficient; 1 for zero.
func (d Decimal) Digits() int { return 0 }

// Int64 is the value where it is whole and fits.
func (d Decimal) Int64() (int64, bool) { return 0, false }

// Float64 is the nearest float64; infinite where the number is too large.
func (d Decimal) Float64() float64 { return 0 }

// Add is d + e; its scale is the larger one. The only error is ErrTooManyDigits.
func (d Decimal) Add(e Decimal) (Decimal, error) { return d, nil }

// Sub is d - e; its scale is the larger one. The only error is ErrTooManyDigits.
func (d Decimal) Sub(e Decimal) (Decimal, error) { return d, nil }

// Mul is d × e; its scale is the sum. The only error is ErrTooManyDigits.
func (d Decimal) Mul(e Decimal) (Decimal, error) { return d, nil }

// Quo is d / e by PostgreSQL's rule for the scale: at least 16 significant
// digits and no fewer decimals than d or e, rounded half away from zero.
// Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) Quo(e Decimal) (Decimal, error) { return d, nil }

// QuoScale is d / e rounded half away from zero to scale digits after the point.
// Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) QuoScale(e Decimal, scale int) (Decimal, error) { return d, nil }

// Mod is the remainder of d / e truncated towards zero; it has the sign of d.
// Errors: ErrDivisionByZero, ErrTooManyDigits.
func (d Decimal) Mod(e Decimal) (Decimal, error) { return d, nil }

// Round rounds half away from zero to places digits after the point; negative
// places round before it. The result has max(places, 0) digits after the point.
func (d Decimal) Round(places int) (Decimal, error) { return d, nil }

// Trunc cuts to places digits after the point, towards zero, as Round does.
func (d Decimal) Trunc(places int) (Decimal, error) { return d, nil }

// Floor is the largest whole number not above d.
func (d Decimal) Floor() (Decimal, error) { return d, nil }

// Ceil is the smallest whole number not below d.
func (d Decimal) Ceil() (Decimal, error) { return d, nil }

// Abs is d without its sign.
func (d Decimal) Abs() Decimal { return d }

// Neg is -d.
func (d Decimal) Neg() Decimal { return d }

// Fits says whether numeric(precision, scale) holds d without rounding;
// precision 0 holds all.
func (d Decimal) Fits(precision, scale int) bool { return false }

// AppendBase10000 appends PostgreSQL's binary form of numeric: ndigits, weight,
// sign, dscale and the base-10000 digits, each a big-endian 16-bit integer,
// without the length word before it (src/backend/utils/adt/numeric.c, numeric_recv).
func (d Decimal) AppendBase10000(dst []byte) []byte { return dst }
