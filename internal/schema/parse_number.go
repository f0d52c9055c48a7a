package schema

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// maxNumberBytes bounds the text of a number, leading zeros and separators included.
const maxNumberBytes = 4 * MaxDigits

// plain gives text as a plain number and the power of ten by which it is to be
// divided, or the reason why it is none.
func (p *Parser) plain(code string, text []byte) (number []byte, hundredths int, e *ParseError) {
	text = trim(text)
	if len(text) > maxNumberBytes {
		return nil, 0, parseErrorf(CodeOutOfRange, "%s is %d bytes long, which no number is", quote(text), len(text))
	}
	if p.format.family == noFamily {
		return text, 0, nil
	}
	rewritten, hundredth, why := p.format.number.rewrite(p.scratch[:0], text)
	if why != "" || len(rewritten) == 0 {
		return nil, 0, p.notNumber(code, text, why)
	}
	p.scratch = rewritten
	if hundredth {
		hundredths = 2
	}
	return rewritten, hundredths, nil
}

// parseInteger reads the plain form at once and leaves all else to decimals.
func (p *Parser) parseInteger(text []byte, v *Value) *ParseError {
	if p.format.family == noFamily {
		if i, ok := parseInt64(text); ok && i >= p.low && i <= p.high {
			v.Kind, v.Int = VInt, i
			return nil
		}
	}
	number, hundredths, e := p.plain(CodeNotInteger, text)
	if e != nil {
		return e
	}
	if i, ok := parseInt64(number); ok && hundredths == 0 && i >= p.low && i <= p.high {
		v.Kind, v.Int = VInt, i
		return nil
	}
	d, err := p.decimal(number, hundredths)
	switch {
	case errors.Is(err, ErrTooManyDigits):
		return p.outOfRange(text)
	case err != nil || d.form != finite:
		return p.notNumber(CodeNotInteger, text, "")
	case bytes.ContainsAny(number, "eE"):
		return parseErrorf(CodeNotInteger, "%s is not %s: it has an exponent, as spreadsheets write it when the last digits are already lost; if it is exact, use numeric", quote(trim(text)), p.t)
	}
	if p.format.round {
		if d, err = d.Round(0); err != nil {
			return p.outOfRange(text)
		}
	}
	if !d.IsInt() {
		return parseErrorf(CodeTooPrecise, "%s is not %s: it has digits after the point; use numeric, or ROUND it", quote(trim(text)), p.t)
	}
	i, ok := d.Int64()
	if !ok || i < p.low || i > p.high {
		return p.outOfRange(text)
	}
	v.Kind, v.Int = VInt, i
	return nil
}

// parseInt64 reads sign and up to 19 digits.
func parseInt64(text []byte) (int64, bool) {
	i := 0
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		i = 1
	}
	if n := len(text) - i; n == 0 || n > 19 {
		return 0, false
	}
	var u uint64
	for _, b := range text[i:] {
		d := b - '0'
		if d > 9 {
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	if text[0] == '-' {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// decimal reads a plain number and divides it by 10^hundredths.
func (p *Parser) decimal(number []byte, hundredths int) (Decimal, error) {
	negative := false
	if len(number) > 3 && string(number[:3]) == "\u2212" {
		negative = true
		number = number[3:]
	}
	d, err := ParseDecimal(number)
	if err != nil || d.form != finite {
		if negative {
			err = ErrNotDecimal
		}
		return d, err
	}
	if negative {
		d = d.Neg()
	}
	if hundredths == 0 {
		return d, nil
	}
	if int(d.scale)+hundredths > MaxDigits {
		return d, ErrTooManyDigits
	}
	d.scale += int32(hundredths)
	return d, nil
}

func (p *Parser) parseNumeric(text []byte, v *Value) *ParseError {
	d, ok := Decimal{}, false
	if p.format.family == noFamily {
		d, ok = parseSmall(text)
	}
	if !ok {
		number, hundredths, e := p.plain(CodeNotNumeric, text)
		if e != nil {
			return e
		}
		var err error
		if d, err = p.decimal(number, hundredths); err != nil {
			if errors.Is(err, ErrTooManyDigits) {
				return parseErrorf(CodeOutOfRange, "%s has more than %d digits", quote(trim(text)), MaxDigits)
			}
			return p.notNumber(CodeNotNumeric, text, "")
		}
	}
	// The common case: no more digits after the point than the scale, and few
	// enough before it.
	if p.limit > 0 && d.large == nil && d.form == finite && int(d.scale) <= p.t.Scale {
		if missing := p.t.Scale - int(d.scale); missing < p.t.Precision && magnitude(d.small) < p.limit/uint64(pow10[missing]) {
			v.Kind, v.Dec = VDecimal, d
			return nil
		}
	}
	if !d.Fits(p.t.Precision, p.t.Scale) {
		var e *ParseError
		if d, e = p.fit(d, text); e != nil {
			return e
		}
	}
	v.Kind, v.Dec = VDecimal, d
	return nil
}

// fit rounds d where the format says so, and else says why it does not fit.
func (p *Parser) fit(d Decimal, text []byte) (Decimal, *ParseError) {
	rounded, err := d.Round(p.t.Scale)
	if d.form == finite && err == nil && rounded.Cmp(d) != 0 && !p.format.round {
		if p.t.Scale < 0 {
			return d, parseErrorf(CodeTooPrecise, "%s does not fit %s without rounding; use ROUND, or a format with round", quote(trim(text)), p.t)
		}
		_, written := d.stripped(0)
		return d, parseErrorf(CodeTooPrecise, "%s has %d digits after the point, %s holds %d; use ROUND, a format with round, or a wider type",
			quote(trim(text)), written, p.t, p.t.Scale)
	}
	if d.form == finite && err == nil && rounded.Fits(p.t.Precision, p.t.Scale) {
		return rounded, nil
	}
	if d.form != finite {
		return d, parseErrorf(CodeOutOfRange, "%s does not fit %s: only numeric without precision holds an infinity", quote(trim(text)), p.t)
	}
	return d, parseErrorf(CodeOutOfRange, "%s does not fit %s: it has %d digits before the point, %d are allowed",
		quote(trim(text)), p.t, max(d.Digits()-int(d.scale), 0), max(p.t.Precision-p.t.Scale, 0))
}

func (p *Parser) parseFloat(text []byte, v *Value) *ParseError {
	number, hundredths, e := p.plain(CodeNotNumber, text)
	if e != nil {
		return e
	}
	if f, ok := p.exactFloat(number, hundredths); ok {
		v.Kind, v.Float = VFloat, f
		return nil
	}
	if nonzero, ok := isNumber(number); ok && hundredths == 0 {
		f, err := p.parseBits(number)
		if err != nil || f == 0 && nonzero {
			return p.floatRange(text)
		}
		v.Kind, v.Float = VFloat, f
		return nil
	}
	d, err := p.decimal(number, hundredths)
	switch {
	case errors.Is(err, ErrNotDecimal):
		return p.notNumber(CodeNotNumber, text, "")
	case err != nil:
		return p.floatRange(text)
	}
	f := d.Float64()
	if d.form == finite {
		p.scratch = d.AppendText(p.scratch[:0])
		if f, err = p.parseBits(p.scratch); err != nil || f == 0 && d.Sign() != 0 {
			return p.floatRange(text)
		}
	}
	v.Kind, v.Float = VFloat, f
	return nil
}

// isNumber says whether text is a decimal number, perhaps with an exponent,
// and whether it is not zero.
func isNumber(text []byte) (nonzero, ok bool) {
	c := cursor{text: text}
	if !c.skip('-') {
		c.skip('+')
	}
	start := c.at
	n := c.digits()
	c.at += n
	if c.skip('.') {
		fraction := c.digits()
		c.at += fraction
		n += fraction
	}
	for _, b := range text[start:c.at] {
		nonzero = nonzero || b >= '1'
	}
	if n == 0 {
		return false, false
	}
	if !c.done() {
		_, ok = parseExponent(text[c.at:])
		return nonzero, ok
	}
	return nonzero, true
}

// exactFloat reads numbers of which both coefficient and power of ten are
// exact, so that one correctly rounded division gives the nearest float
// (Clinger, "How to read floating point numbers accurately", 1990).
func (p *Parser) exactFloat(number []byte, hundredths int) (float64, bool) {
	d, ok := parseSmall(number)
	if !ok || d.small == 0 && number[0] == '-' {
		return 0, false
	}
	scale := int(d.scale) + hundredths
	if p.t.Kind == Real {
		if magnitude(d.small) >= 1<<24 || scale > 10 {
			return 0, false
		}
		return float64(float32(d.small) / float32(pow10[scale])), true
	}
	if magnitude(d.small) >= 1<<53 || scale >= len(pow10) {
		return 0, false
	}
	return float64(d.small) / float64(pow10[scale]), true
}

// parseBits reads a number that is known to be well-formed, straight to the
// type's own precision, so that it is rounded only once.
func (p *Parser) parseBits(number []byte) (float64, error) {
	bitSize := 64
	if p.t.Kind == Real {
		bitSize = 32
	}
	// Up to 32 bytes, which no sensible float passes, the copy lives on the stack.
	return strconv.ParseFloat(string(number), bitSize)
}

func (p *Parser) floatRange(text []byte) *ParseError {
	low, high := "1e-307", "1e+308"
	if p.t.Kind == Real {
		low, high = "1e-37", "1e+38"
	}
	return parseErrorf(CodeOutOfRange, "%s does not fit %s (about %s to %s); use numeric", quote(trim(text)), p.t, low, high)
}

// outOfRange names the bounds of the integer type.
func (p *Parser) outOfRange(text []byte) *ParseError {
	wider := ""
	switch p.t.Kind {
	case SmallInt:
		wider = "; use integer or bigint"
	case Integer:
		wider = "; use bigint"
	case BigInt:
		wider = "; use numeric"
	}
	return parseErrorf(CodeOutOfRange, "%s does not fit %s (%s to %s)%s", quote(trim(text)), p.t, minusSign(p.low), strconv.FormatInt(p.high, 10), wider)
}

// minusSign writes i with a true minus sign, for people.
func minusSign(i int64) string {
	if i < 0 {
		return "\u2212" + strconv.FormatUint(magnitude(i), 10)
	}
	return strconv.FormatInt(i, 10)
}

// appendFloat appends f as PostgreSQL prints real and double precision: the
// shortest digits that read back, with an exponent below 1e-4 and from 1e15
// (real: 1e6) on (src/common/d2s.c and f2s.c). Where those digits lie exactly
// between two floats, PostgreSQL prints one digit more for the same value.
func appendFloat(dst []byte, f float64, bitSize int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	high := 1e15
	if bitSize == 32 {
		high = 1e6
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= high) {
		return strconv.AppendFloat(dst, f, 'e', -1, bitSize)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bitSize)
}
