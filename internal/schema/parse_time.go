package schema

import "math"

// parseDate reads a date; one with a time of day only where the format says
// that there is one, because the time would be lost.
func (p *Parser) parseDate(text []byte, v *Value) *ParseError {
	if p.format.time.word == isoWord && len(text) == 10 {
		if days, ok := isoDate(text); ok {
			v.Kind, v.Int = VDate, days
			return nil
		}
	}
	text = trim(text)
	if i, ok := infinite(text); ok {
		v.Kind, v.Int = VDate, i
		return nil
	}
	if p.format.time.word.isCount() {
		wall, e := p.count(CodeNotDate, text)
		if e != nil {
			return e
		}
		v.Kind = VDate
		v.Int, _ = floorDiv(p.zone.toWall(wall), microsPerDay)
		if p.format.time.word == excelWord {
			v.Int, _ = floorDiv(wall, microsPerDay)
		}
		return nil
	}
	m, e := p.moment(CodeNotDate, text)
	if e != nil {
		return e
	}
	if p.format.time.word != patternWord && (m.clock() != 0 || m.rest > 0) && !p.format.round {
		return parseErrorf(CodeTooPrecise, "%s has a time of day, which a date cannot hold; use timestamp, or give a format that names the time (YYYY-MM-DD HH24:MI:SS) to drop it", quote(text))
	}
	days := daysFromCivil(m.year, m.month, m.day)
	if days < minDate || days >= endDate {
		return parseErrorf(CodeOutOfRange, "%s is outside the range of date (4713 BC to 5874897)", quote(text))
	}
	v.Kind, v.Int = VDate, days
	return nil
}

func (p *Parser) parseTimestamp(text []byte, v *Value) *ParseError {
	v.Kind = VTimestamp
	if p.t.Kind == TimestampTZ {
		v.Kind = VTimestampTZ
	}
	if p.format.time.word == isoWord && len(text) >= 19 {
		if wall, offset, hasOffset, ok := isoTimestamp(text); ok {
			v.Int = p.place(wall, offset, hasOffset)
			return nil
		}
	}
	text = trim(text)
	if i, ok := infinite(text); ok {
		v.Int = i
		return nil
	}
	var wall int64
	if p.format.time.word.isCount() {
		instant, e := p.count(CodeNotTimestamp, text)
		if e != nil {
			return e
		}
		wall = p.place(instant, 0, p.format.time.word != excelWord)
	} else {
		m, e := p.moment(CodeNotTimestamp, text)
		if e != nil {
			return e
		}
		if m.rest > 0 && !p.format.round {
			return parseErrorf(CodeTooPrecise, "%s has more than 6 digits after the second, %s holds microseconds; cut it with LEFT, or add +round to the format (iso+round)", quote(text), p.t)
		}
		days := daysFromCivil(m.year, m.month, m.day)
		if days < minDate || days > endTimestamp/microsPerDay {
			return p.timestampRange(text)
		}
		wall = days*microsPerDay + m.clock()
		if m.rest == 2 {
			wall++
		}
		wall = p.place(wall, int64(m.offset), m.hasOffset)
	}
	if wall < minTimestamp || wall >= endTimestamp {
		return p.timestampRange(text)
	}
	v.Int = wall
	return nil
}

func (p *Parser) timestampRange(text []byte) *ParseError {
	return parseErrorf(CodeOutOfRange, "%s is outside the range of %s (4713 BC to 294276)", quote(text), p.t)
}

// place turns a wall clock with or without an offset into what the column
// holds: UTC, or the wall clock of the parser's zone.
func (p *Parser) place(wall, offset int64, hasOffset bool) int64 {
	if hasOffset {
		utc := wall - offset*microsPerSecond
		if p.t.Kind == TimestampTZ {
			return utc
		}
		return p.zone.toWall(utc)
	}
	if p.t.Kind == TimestampTZ {
		return p.zone.toUTC(wall)
	}
	return wall
}

// parseClock reads a time of day.
func (p *Parser) parseClock(text []byte, v *Value) *ParseError {
	text = trim(text)
	m, e := p.moment(CodeNotTime, text)
	if e != nil {
		return e
	}
	if m.rest > 0 && !p.format.round {
		return parseErrorf(CodeTooPrecise, "%s has more than 6 digits after the second, %s holds microseconds; cut it with LEFT, or give the format iso+round", quote(text), p.t)
	}
	micros := m.clock()
	if m.rest == 2 {
		micros++
	}
	v.Kind, v.Int = VTime, micros
	return nil
}

// infinite reads infinity and -infinity.
func infinite(text []byte) (int64, bool) {
	switch {
	case equalFold(text, "infinity"), equalFold(text, "+infinity"):
		return math.MaxInt64, true
	case equalFold(text, "-infinity"):
		return math.MinInt64, true
	}
	return 0, false
}

// isoDate reads YYYY-MM-DD, which text begins with; false is for all else,
// impossible dates included.
func isoDate(text []byte) (days int64, ok bool) {
	_ = text[9]
	if text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	century, yearOf, month, day := twoDigits(text[0:2]), twoDigits(text[2:4]), twoDigits(text[5:7]), twoDigits(text[8:10])
	if century|yearOf|month|day < 0 {
		return 0, false
	}
	year := century*100 + yearOf
	if year == 0 || month == 0 || month > 12 || day == 0 || day > 28 && day > daysIn(year, month) {
		return 0, false
	}
	return daysFromCivil(year, month, day), true
}

// twoDigits is the number that two digits write, negative for anything else.
func twoDigits(b []byte) int {
	_ = b[1]
	hi, lo := int(b[0])-'0', int(b[1])-'0'
	if uint(hi) > 9 || uint(lo) > 9 {
		return -1
	}
	return hi*10 + lo
}

// isoTimestamp reads YYYY-MM-DD, T or a blank, HH:MM:SS, up to six digits of a
// fraction, and Z, ±HH, ±HHMM or ±HH:MM; false is for all else.
func isoTimestamp(text []byte) (wall, offset int64, hasOffset, ok bool) {
	_ = text[18]
	days, ok := isoDate(text)
	if !ok || text[10] != ' ' && text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, 0, false, false
	}
	hour, minute, second := twoDigits(text[11:13]), twoDigits(text[14:16]), twoDigits(text[17:19])
	if hour|minute|second < 0 || hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false, false
	}
	wall = days*microsPerDay + int64(hour*3600+minute*60+second)*microsPerSecond
	rest := text[19:]
	if len(rest) == 0 {
		return wall, 0, false, true
	}
	if rest[0] == '.' {
		n := 1
		micros := int64(0)
		for n < len(rest) && isDigit(rest[n]) {
			micros = micros*10 + int64(rest[n]-'0')
			if n++; n > 7 {
				return 0, 0, false, false
			}
		}
		if n == 1 {
			return 0, 0, false, false
		}
		wall += micros * pow10[7-n]
		if rest = rest[n:]; len(rest) == 0 {
			return wall, 0, false, true
		}
	}
	offset, ok = isoOffset(rest)
	return wall, offset, true, ok
}

func isoOffset(rest []byte) (int64, bool) {
	if rest[0] == 'Z' {
		return 0, len(rest) == 1
	}
	hours, minutes := -1, 0
	switch {
	case rest[0] != '+' && rest[0] != '-':
	case len(rest) == 3:
		hours = twoDigits(rest[1:])
	case len(rest) == 5:
		hours, minutes = twoDigits(rest[1:]), twoDigits(rest[3:])
	case len(rest) == 6 && rest[3] == ':':
		hours, minutes = twoDigits(rest[1:]), twoDigits(rest[4:])
	}
	if hours < 0 || hours > 15 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	offset := int64(hours*3600 + minutes*60)
	if rest[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// moment reads text by the format and checks it.
func (p *Parser) moment(code string, text []byte) (moment, *ParseError) {
	var m moment
	c := cursor{text: text}
	var ok bool
	switch p.format.time.word {
	case patternWord:
		ok = c.pattern(p.format.time.elements, &m)
	case dmyWord, mdyWord, ymdWord:
		ok = c.ordered(p.format.time.word, &m)
	case rfc2822Word:
		ok = c.rfc2822(&m)
	default:
		if p.t.Kind == Time {
			ok = c.time(&m)
		} else {
			ok = c.iso(&m)
		}
	}
	if !ok || !c.done() {
		return m, p.notMoment(code, text)
	}
	why := m.settle()
	if why == "" {
		return m, nil
	}
	// A month above 12 mostly means that day and month have changed places.
	if m.hasDate && m.month > 12 && p.format.time.word != isoWord {
		if e := p.dateHint(code, text, string(text)); e != nil {
			return m, e
		}
	}
	return m, p.impossible(code, text, why)
}

// iso reads the forms of ISO 8601 in which the year comes first, with any of
// - / . between year, month and day, or none.
func (c *cursor) iso(m *moment) bool {
	n := c.digits()
	basic := n == 8
	switch {
	case basic:
		m.year, m.month, m.day = c.take(4), c.take(2), c.take(2)
	case n < 4 || n > 7:
		return false
	default:
		m.year = c.take(n)
		sign := c.peek()
		if sign != '-' && sign != '/' && sign != '.' {
			return false
		}
		c.at++
		var ok bool
		if m.month, ok = c.number(1, 2); !ok || !c.skip(sign) {
			return false
		}
		if m.day, ok = c.number(1, 2); !ok {
			return false
		}
	}
	m.hasDate = true
	if c.skip('T') || c.skip('t') || c.blanks() && isDigit(c.peek()) {
		n := c.digits()
		if basic && (n == 4 || n == 6) {
			return c.basicTime(m, n) && c.zoneAndEra(m)
		}
		if !c.time(m) {
			return false
		}
	}
	return c.zoneAndEra(m)
}

// basicTime reads HHMM, or HHMMSS and perhaps a fraction.
func (c *cursor) basicTime(m *moment, n int) bool {
	m.hour, m.minute = c.take(2), c.take(2)
	m.hasTime = true
	if n == 4 {
		return true
	}
	m.second = c.take(2)
	if c.skip('.') || c.skip(',') {
		return c.fraction(m)
	}
	return true
}

// zoneAndEra reads an offset, which needs a time before it, and BC or AD.
func (c *cursor) zoneAndEra(m *moment) bool {
	c.blanks()
	if m.hasTime && c.offset(m) {
		c.blanks()
	}
	if c.skipWord("bc") {
		m.bc = true
	} else {
		c.skipWord("ad")
	}
	return true
}
