package schema

import (
	"math"
	"math/bits"
)

// intervalUnit is a unit of an interval in months, days or microseconds.
type intervalUnit struct {
	part   uint8
	factor int64
	// bit tells the units apart, so that none stands twice.
	bit uint16
}

const (
	monthPart uint8 = iota
	dayPart
	microPart
)

var (
	unitYear   = intervalUnit{monthPart, 12, 1}
	unitMonth  = intervalUnit{monthPart, 1, 2}
	unitWeek   = intervalUnit{dayPart, 7, 4}
	unitDay    = intervalUnit{dayPart, 1, 8}
	unitHour   = intervalUnit{microPart, microsPerHour, 16}
	unitMinute = intervalUnit{microPart, microsPerMinute, 32}
	unitSecond = intervalUnit{microPart, microsPerSecond, 64}
	unitMilli  = intervalUnit{microPart, 1000, 128}
	unitMicro  = intervalUnit{microPart, 1, 256}
)

// clockBits are the units that HH:MM:SS stands for.
const clockBits = 16 | 32 | 64

// intervalUnits are the names that PostgreSQL knows, in lower case.
var intervalUnits = map[string]intervalUnit{
	"millennium": {monthPart, 12000, 512}, "millennia": {monthPart, 12000, 512}, "mil": {monthPart, 12000, 512}, "mils": {monthPart, 12000, 512},
	"century": {monthPart, 1200, 1024}, "centuries": {monthPart, 1200, 1024}, "cent": {monthPart, 1200, 1024}, "c": {monthPart, 1200, 1024},
	"decade": {monthPart, 120, 2048}, "decades": {monthPart, 120, 2048}, "dec": {monthPart, 120, 2048}, "decs": {monthPart, 120, 2048},
	"year": unitYear, "years": unitYear, "yr": unitYear, "yrs": unitYear, "y": unitYear,
	"month": unitMonth, "months": unitMonth, "mon": unitMonth, "mons": unitMonth,
	"week": unitWeek, "weeks": unitWeek, "w": unitWeek,
	"day": unitDay, "days": unitDay, "d": unitDay,
	"hour": unitHour, "hours": unitHour, "hr": unitHour, "hrs": unitHour, "h": unitHour,
	"minute": unitMinute, "minutes": unitMinute, "min": unitMinute, "mins": unitMinute, "m": unitMinute,
	"second": unitSecond, "seconds": unitSecond, "sec": unitSecond, "secs": unitSecond, "s": unitSecond,
	"millisecond": unitMilli, "milliseconds": unitMilli, "msec": unitMilli, "msecs": unitMilli, "ms": unitMilli,
	"microsecond": unitMicro, "microseconds": unitMicro, "usec": unitMicro, "usecs": unitMicro, "us": unitMicro,
}

// maxUnitBytes is the length of the longest name of a unit.
const maxUnitBytes = 12

// intervalSum adds up the parts of an interval.
type intervalSum struct {
	months, days, micros int64
	seen                 uint16
	// why is what is wrong in words, where more than the form is.
	code, why string
}

func (s *intervalSum) fail(code, why string) bool {
	s.code, s.why = code, why
	return false
}

// parseInterval reads PostgreSQL's "1 year 2 mons 3 days 04:05:06", the SQL
// standard's "1-2 3 4:05:06" and ISO 8601's "P1Y2M3DT4H5M6S".
func (p *Parser) parseInterval(text []byte, v *Value) *ParseError {
	text = trim(text)
	var s intervalSum
	c := cursor{text: text}
	var ok bool
	if c.peek() == 'P' || c.peek() == 'p' {
		ok = c.isoInterval(&s)
	} else {
		ok = c.interval(&s)
	}
	if !ok || !c.done() || s.seen == 0 {
		if s.why != "" {
			return parseErrorf(s.code, "%s is not interval: %s", quote(text), s.why)
		}
		hint := generalHint(string(text[:min(len(text), 200)]))
		switch _, number := parseSmall(text); {
		case hint != "":
		case number:
			hint = "it names no unit; write it as 5 days or 02:03:04"
		default:
			hint = "write it as 1 day 02:03:04, 02:03:04 or P1DT2H3M4S"
		}
		return parseErrorf(CodeNotInterval, "%s is not interval: %s", quote(text), hint)
	}
	if s.months < math.MinInt32 || s.months > math.MaxInt32 || s.days < math.MinInt32 || s.days > math.MaxInt32 {
		return parseErrorf(CodeOutOfRange, "%s is outside the range of interval (178,000,000 years)", quote(text))
	}
	v.Kind, v.Span = VInterval, Duration{Months: int32(s.months), Days: int32(s.days), Micros: s.micros}
	return nil
}

// interval reads numbers with units, Y-M, days and HH:MM:SS, each with a sign of its own.
func (c *cursor) interval(s *intervalSum) bool {
	if c.skip('@') {
		c.blanks()
	}
	for !c.done() {
		if c.skipWord("ago") {
			return s.seen != 0 && c.done() && s.negate()
		}
		start := c.at
		negative := c.peek() == '-'
		if negative || c.peek() == '+' {
			c.at++
		}
		n := c.digits()
		next := byte(0)
		if c.at+n < len(c.text) {
			next = c.text[c.at+n]
		}
		var ok bool
		switch {
		case n > 0 && next == ':':
			ok = c.intervalClock(s, negative)
		case n > 0 && next == '-':
			ok = c.yearMonth(s, negative)
		default:
			c.at = start
			ok = c.quantity(s)
		}
		if !ok {
			return false
		}
		c.blanks()
	}
	return true
}

func (s *intervalSum) negate() bool {
	if s.micros == math.MinInt64 {
		return false
	}
	s.months, s.days, s.micros = -s.months, -s.days, -s.micros
	return true
}

// intervalClock reads HH:MM, HH:MM:SS or HH:MM:SS.ffffff, with any number of hours.
func (c *cursor) intervalClock(s *intervalSum, negative bool) bool {
	n := c.digits()
	if n > 10 || s.seen&clockBits != 0 {
		return false
	}
	s.seen |= clockBits
	hours := uint64(c.take(n))
	c.at++
	var m moment
	var ok bool
	if m.minute, ok = c.number(2, 2); !ok || m.minute > 59 {
		return false
	}
	if c.skip(':') {
		if m.second, ok = c.number(2, 2); !ok || m.second > 59 {
			return false
		}
		if c.skip('.') || c.skip(',') {
			if !c.fraction(&m) {
				return false
			}
		}
	}
	if m.rest > 0 {
		return s.fail(CodeTooPrecise, "it is finer than a microsecond")
	}
	high, low := bits.Mul64(hours, microsPerHour)
	total, carry := bits.Add64(low, uint64(m.clock()), 0)
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	if high+carry > 0 || total > limit {
		return s.fail(CodeOutOfRange, "it has too many hours")
	}
	if negative {
		return s.add(&s.micros, -int64(total))
	}
	return s.add(&s.micros, int64(total))
}

// yearMonth reads Y-M.
func (c *cursor) yearMonth(s *intervalSum, negative bool) bool {
	years, ok := c.number(1, 9)
	if !ok || s.seen&(unitYear.bit|unitMonth.bit) != 0 {
		return false
	}
	c.at++
	months, ok := c.number(1, 2)
	if !ok || months > 11 {
		return false
	}
	s.seen |= unitYear.bit | unitMonth.bit
	total := int64(years)*12 + int64(months)
	if negative {
		total = -total
	}
	return s.add(&s.months, total)
}

// quantity reads a number and its unit; a number right before HH:MM:SS is one of days.
func (c *cursor) quantity(s *intervalSum) bool {
	d, ok := c.decimal()
	if !ok {
		return false
	}
	c.blanks()
	start := c.at
	word := c.word()
	unit := unitDay
	if len(word) == 0 {
		if !c.clockFollows() {
			return false
		}
	} else {
		var name [maxUnitBytes]byte
		unit, ok = intervalUnits[string(lowerInto(name[:0], word))]
		if !ok {
			return s.fail(CodeNotInterval, quote(c.text[start:c.at])+" is not a unit; use years, months, weeks, days, hours, minutes or seconds")
		}
	}
	return s.addUnits(d, unit)
}

func (c *cursor) clockFollows() bool {
	ahead := *c
	if !ahead.skip('-') {
		ahead.skip('+')
	}
	n := ahead.digits()
	ahead.at += n
	return n > 0 && ahead.peek() == ':'
}

// decimal reads sign, digits and a fraction of at most 18 digits together.
func (c *cursor) decimal() (Decimal, bool) {
	start := c.at
	if c.peek() == '-' || c.peek() == '+' {
		c.at++
	}
	c.at += c.digits()
	if c.peek() == '.' {
		c.at++
		c.at += c.digits()
	}
	return parseSmall(c.text[start:c.at])
}

// addUnits adds d units. A part of a day becomes hours, as in PostgreSQL; a part of a month has
// no fixed length and is refused.
func (s *intervalSum) addUnits(d Decimal, unit intervalUnit) bool {
	if s.seen&unit.bit != 0 {
		return s.fail(CodeNotInterval, "a unit stands twice")
	}
	s.seen |= unit.bit
	// Neither bound of Decimal is near: d has 18 digits.
	total, _ := d.Mul(NewDecimal(unit.factor, 0))
	whole, _ := total.Trunc(0)
	n, ok := whole.Int64()
	if !ok {
		return s.fail(CodeOutOfRange, "it is too long")
	}
	rest, _ := total.Sub(whole)
	switch {
	case unit.part == monthPart && rest.Sign() != 0:
		return s.fail(CodeTooPrecise, "a part of a month has no fixed length; write it in days")
	case unit.part == monthPart:
		return s.add(&s.months, n)
	case unit.part == dayPart:
		rest, _ = rest.Mul(NewDecimal(microsPerDay, 0))
		micros, exact := rest.Int64()
		if !exact {
			return s.fail(CodeTooPrecise, "it is finer than a microsecond")
		}
		return s.add(&s.days, n) && s.add(&s.micros, micros)
	case rest.Sign() != 0:
		return s.fail(CodeTooPrecise, "it is finer than a microsecond")
	}
	return s.add(&s.micros, n)
}

func (s *intervalSum) add(to *int64, n int64) bool {
	sum := *to + n
	if (sum > *to) != (n > 0) && n != 0 {
		return s.fail(CodeOutOfRange, "it is too long")
	}
	*to = sum
	return true
}

// isoInterval reads P, numbers with designators, T and numbers with designators.
func (c *cursor) isoInterval(s *intervalSum) bool {
	c.at++
	clock := false
	for !c.done() {
		if !clock && (c.skip('T') || c.skip('t')) {
			clock = true
			if c.done() {
				return false
			}
			continue
		}
		d, ok := c.decimal()
		if !ok {
			return false
		}
		b := c.peek()
		c.at++
		var unit intervalUnit
		switch {
		case !clock && b|0x20 == 'y':
			unit = unitYear
		case !clock && b|0x20 == 'm':
			unit = unitMonth
		case !clock && b|0x20 == 'w':
			unit = unitWeek
		case !clock && b|0x20 == 'd':
			unit = unitDay
		case clock && b|0x20 == 'h':
			unit = unitHour
		case clock && b|0x20 == 'm':
			unit = unitMinute
		case clock && b|0x20 == 's':
			unit = unitSecond
		default:
			return false
		}
		if !s.addUnits(d, unit) {
			return false
		}
	}
	return true
}
