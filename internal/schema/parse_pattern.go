package schema

import (
	"bytes"
	"math"
)

// pattern reads text by the elements of a pattern. A point and the fraction
// after it may be missing, because many programs leave .000 out.
func (c *cursor) pattern(elements []element, m *moment) bool {
	for i := 0; i < len(elements); i++ {
		e := &elements[i]
		ok := true
		if e.literal == "." && c.peek() != '.' && i+1 < len(elements) && elements[i+1].field == fractionField {
			i++
			continue
		}
		switch e.field {
		case literalField:
			ok = c.literal(e.literal)
		case blankField:
			// Blanks in the value are as many as they like, none only before AM or at the end.
			ok = c.blanks() || c.done() || i+1 < len(elements) && (elements[i+1].field == meridiemField || elements[i+1].field == offsetField)
		case yearField:
			m.hasDate = true
			m.year, ok = c.width(e, 4, 4)
		case shortYearField:
			m.hasDate = true
			if m.year, ok = c.width(e, 2, 2); ok {
				m.year = shortYear(m.year)
			}
		case monthField:
			m.month, ok = c.width(e, 1, 2)
		case monthNameField:
			m.month, ok = c.monthName()
		case dayField:
			m.day, ok = c.width(e, 1, 2)
		case weekdayField:
			ok = len(c.word()) > 1
		case hourField, hour12Field:
			m.hasTime = true
			m.hour, ok = c.width(e, 1, 2)
		case minuteField:
			m.minute, ok = c.width(e, 1, 2)
		case secondField:
			m.second, ok = c.width(e, 1, 2)
		case fractionField:
			ok = c.fraction(m)
		case meridiemField:
			ok = c.meridiem(m)
		case offsetField:
			c.blanks()
			ok = c.offset(m)
		}
		if !ok {
			return false
		}
	}
	return true
}

// fixed reads exactly n digits, whatever follows.
func (c *cursor) fixed(n int) (int, bool) {
	if c.digits() < n {
		return 0, false
	}
	return c.take(n), true
}

// width reads a number of low to high digits, or of exactly high where digits follow at once.
func (c *cursor) width(e *element, low, high int) (int, bool) {
	if e.exact {
		return c.fixed(high)
	}
	return c.number(low, high)
}

// literal reads what stands for itself, letters in any case.
func (c *cursor) literal(s string) bool {
	if len(s) == 1 && c.skip(s[0]) {
		return true
	}
	if len(c.text)-c.at < len(s) || !bytes.EqualFold(c.text[c.at:c.at+len(s)], []byte(s)) {
		return false
	}
	c.at += len(s)
	return true
}

// ordered reads three parts of a date in the order that the word names, with
// any of - / . , or blanks between them and months by number or name, then
// perhaps a time with AM or PM and an offset.
func (c *cursor) ordered(word timeWord, m *moment) bool {
	day, month, year := func() bool { return c.day(m) }, func() bool { return c.month(m) }, func() bool { return c.year(m) }
	parts := [3]func() bool{day, month, year}
	switch word {
	case mdyWord:
		parts = [3]func() bool{month, day, year}
	case ymdWord:
		parts = [3]func() bool{year, month, day}
	}
	for i, part := range parts {
		if i > 0 && !c.separator() || !part() {
			return false
		}
	}
	m.hasDate = true
	start := c.at
	if c.skip('T') || c.skip('t') || c.skip(',') || c.blanks() {
		c.blanks()
		if !isDigit(c.peek()) {
			c.at = start
			return c.zoneAndEra(m)
		}
		if !c.time(m) {
			return false
		}
		c.meridiem(m)
	}
	return c.zoneAndEra(m)
}

func (c *cursor) separator() bool {
	blank := c.blanks()
	if b := c.peek(); b == '-' || b == '/' || b == '.' || b == ',' {
		c.at++
		c.blanks()
		return true
	}
	return blank
}

func (c *cursor) day(m *moment) (ok bool) {
	m.day, ok = c.number(1, 2)
	return ok
}

func (c *cursor) month(m *moment) (ok bool) {
	if isASCIILetter(c.peek()) {
		m.month, ok = c.monthName()
		return ok
	}
	m.month, ok = c.number(1, 2)
	return ok
}

func (c *cursor) year(m *moment) bool {
	switch n := c.digits(); {
	case n == 2:
		m.year = shortYear(c.take(2))
	case n >= 4 && n <= 7:
		m.year = c.take(n)
	default:
		return false
	}
	return true
}

// rfc2822Zones are the zones that RFC 2822 names, in hours.
var rfc2822Zones = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}

// rfc2822 reads "Wed, 31 Jan 2024 10:11:12 +0100".
func (c *cursor) rfc2822(m *moment) bool {
	if isASCIILetter(c.peek()) {
		c.word()
		if !c.skip(',') {
			return false
		}
		c.blanks()
	}
	if !c.day(m) || !c.separator() || !isASCIILetter(c.peek()) || !c.month(m) || !c.separator() || !c.year(m) || !c.blanks() || !c.time(m) || !c.blanks() {
		return false
	}
	m.hasDate = true
	if b := c.peek(); b == '+' || b == '-' {
		return c.offset(m)
	}
	var name [3]byte
	hours, ok := rfc2822Zones[string(lowerInto(name[:0], c.word()))]
	m.offset, m.hasOffset = hours*3600, true
	return ok
}

// lowerInto appends the first letters of word, as many as dst has room for, in lower case.
func lowerInto(dst, word []byte) []byte {
	if len(word) > cap(dst) {
		return dst
	}
	for _, b := range word {
		dst = append(dst, b|0x20)
	}
	return dst
}

func (w timeWord) isCount() bool {
	return w == epochWord || w == epochMilliWord || w == epochMicroWord || w == excelWord
}

// count reads a number of seconds, milliseconds or microseconds since 1970 in
// UTC, or a spreadsheet's day number, as microseconds since 2000.
func (p *Parser) count(code string, text []byte) (int64, *ParseError) {
	d, err := ParseDecimal(text)
	if err != nil || d.form != finite {
		return 0, p.notMoment(code, text)
	}
	if p.format.time.word == excelWord {
		return p.serial(code, text, d)
	}
	shift := 6
	switch p.format.time.word {
	case epochMilliWord:
		shift = 3
	case epochMicroWord:
		shift = 0
	}
	// Bounded here, so that shifting cannot leave the range of an int64.
	if d.Digits()-int(d.scale)+shift > 18 {
		return 0, p.timestampRange(text)
	}
	micros, exact := d.shifted(shift)
	if !exact && !p.format.round {
		return 0, parseErrorf(CodeTooPrecise, "%s is finer than a microsecond; cut it with LEFT, or add +round to the format", quote(text))
	}
	return micros - unixToEpoch*microsPerSecond, nil
}

// shifted is d × 10^places, rounded to a whole number, of at most 18 digits.
func (d Decimal) shifted(places int) (whole int64, exact bool) {
	if d.large == nil && int(d.scale) <= places {
		if c, ok := mulPow10(d.small, places-int(d.scale)); ok {
			return c, true
		}
	}
	r, err := d.Round(places)
	if err != nil {
		return 0, false
	}
	exact = r.Cmp(d) == 0
	r.scale = 0
	whole, _ = r.Int64()
	return whole, exact
}

// The day number 60 is the 29 February 1900 that never was; days before it
// count from 1899-12-31, days after it from 1899-12-30.
const (
	fictitiousSerial = 60
	lastSerial       = 2_958_465 // 9999-12-31
)

// serial reads a spreadsheet's day number; its fraction is a time of day that
// is only as exact as a double, and is rounded to milliseconds.
func (p *Parser) serial(code string, text []byte, d Decimal) (int64, *ParseError) {
	number := d.Float64()
	whole := math.Floor(number)
	millis := int64(math.Round((number - whole) * 86_400_000))
	switch {
	case number < 1 || whole > lastSerial:
		return 0, parseErrorf(CodeOutOfRange, "%s is no day number of a spreadsheet (1 is 1900-01-01, 2958465 is 9999-12-31)", quote(text))
	case whole == fictitiousSerial:
		return 0, p.impossible(code, text, "day 60 of a spreadsheet is 29 February 1900, which there was not")
	}
	days := int64(whole) + daysFromCivil(1899, 12, 30)
	if whole < fictitiousSerial {
		days++
	}
	return days*microsPerDay + millis*1000, nil
}
