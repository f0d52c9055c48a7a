package sniff

import (
	"fmt"
	"math/big"

	"github.com/etlportal/etlportal/internal/schema"
)

// Figures are the statistics that depend on the type of a column. Numbers are
// exact to 18 significant digits.
type Figures struct {
	// Min and Max are written as PostgreSQL writes the type; "" where there
	// is no value of that type.
	Min, Max string
	// Mean is that of the numbers; Numbers is how many there are.
	Mean    float64
	Numbers int64
}

// Figures gives the statistics of the column under the type that Decide
// found. ok is false for text, for ambiguous columns, and for types that were
// given and do not fit the values: compare such values as text.
func (in *Inference) Figures(c Column) (f Figures, ok bool) {
	if len(c.Ambiguous) > 0 || in.values() == 0 {
		return f, false
	}
	switch family(c.Type.Kind) {
	case familyNumber:
		return in.numberFigures(c)
	case familyTime:
		return in.dateFigures(c)
	}
	return f, false
}

func (in *Inference) numberFigures(c Column) (f Figures, ok bool) {
	n := in.n[classInt] + in.n[classNumber]
	if n == 0 || n != in.values() {
		return f, false
	}
	f.Numbers = n
	shift := int16(0)
	if in.nums.percent {
		shift = 2
	}
	lo, hi := scaled{in.ints.lo, 0}, scaled{in.ints.hi, 0}
	r := &in.nums.point
	if in.n[classNumber] > 0 {
		if chosen, _ := patternOf(in.nums.styles & stylesOf(c.Format)); chosen&commaStyles != 0 {
			r = &in.nums.comma
		}
		if !r.seen {
			return f, false
		}
		if !in.ints.seen || r.lo.compare(lo) < 0 {
			lo = r.lo
		}
		if !in.ints.seen || r.hi.compare(hi) > 0 {
			hi = r.hi
		}
	}
	f.Mean = r.sums.mean(in.ints.sum, n)
	if in.nums.percent {
		f.Mean /= 100
	}
	lo.Exp += shift
	hi.Exp += shift
	f.Min, f.Max = lo.String(), hi.String()
	return f, true
}

// stylesOf are the styles that a number format can mean.
func stylesOf(format string) style {
	if format == "" {
		return pointStyles
	}
	for _, p := range patterns {
		for _, sign := range append([]string{""}, currencies...) {
			for _, suffix := range []bool{false, true} {
				for _, percent := range []bool{false, true} {
					if dressed(p.pattern, sign, suffix, percent) == format {
						return p.style
					}
				}
			}
		}
	}
	return allStyles
}

// String writes the number without an exponent.
func (a scaled) String() string {
	m := big.NewInt(a.Mantissa)
	if a.Exp <= 0 {
		m.Mul(m, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-a.Exp)), nil))
		return m.String()
	}
	sign := ""
	if m.Sign() < 0 {
		sign = "-"
		m.Neg(m)
	}
	digits := m.String()
	for len(digits) <= int(a.Exp) {
		digits = "0" + digits
	}
	at := len(digits) - int(a.Exp)
	return sign + digits[:at] + "." + digits[at:]
}

func (in *Inference) dateFigures(c Column) (f Figures, ok bool) {
	if in.n[classDate] != in.values() {
		return f, false
	}
	d := &in.dates
	for i := range numOrders {
		if d.orders&(1<<i) == 0 {
			continue
		}
		if d.orders != 1<<i && in.dateFormat(c.Type, i) != c.Format {
			continue
		}
		f.Min, f.Max = dateText(d.lo[i], c.Type.Kind), dateText(d.hi[i], c.Type.Kind)
		return f, true
	}
	return f, false
}

func dateText(micros int64, k schema.Kind) string {
	days := micros / microsPerDay
	if micros%microsPerDay < 0 {
		days--
	}
	rest := micros - days*microsPerDay
	y, m, d := civil(days)
	s := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	if k == schema.Date {
		return s
	}
	seconds := rest / microsPerSecond
	s += fmt.Sprintf(" %02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if fine := rest % microsPerSecond; fine != 0 {
		frac := fmt.Sprintf(".%06d", fine)
		for frac[len(frac)-1] == '0' {
			frac = frac[:len(frac)-1]
		}
		s += frac
	}
	if k == schema.TimestampTZ {
		s += "+00"
	}
	return s
}

// civil is the inverse of daysFromCivil.
func civil(days int64) (y, m, d int64) {
	days += 719468
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}
