package schema

import (
	"fmt"
	"strings"
)

// moment is what a text says of a point in time, before it is checked.
type moment struct {
	// year counts 1 BC as 0 once settled; bc says that it was written with BC.
	year, month, day             int
	hour, minute, second, micros int
	// offset is in seconds east of Greenwich.
	offset                      int
	hasDate, hasTime, hasOffset bool
	bc                          bool
	// meridiem is 'a' or 'p' where AM or PM was written.
	meridiem byte
	// rest holds the first digits beyond the microseconds: 0 none, 1 below a
	// half, 2 from a half up.
	rest uint8
}

// settle checks each part and applies BC and AM/PM; it returns what is wrong in words.
func (m *moment) settle() string {
	if m.hasDate {
		if why := m.settleDate(); why != "" {
			return why
		}
	}
	if m.meridiem != 0 {
		if m.hour < 1 || m.hour > 12 {
			return fmt.Sprintf("there is no hour %d with AM or PM", m.hour)
		}
		m.hour %= 12
		if m.meridiem == 'p' {
			m.hour += 12
		}
	}
	switch {
	case m.hour > 24 || m.hour == 24 && (m.minute > 0 || m.second > 0 || m.micros > 0 || m.rest > 0):
		return fmt.Sprintf("there is no hour %d (24:00:00 is the end of the day)", m.hour)
	case m.minute > 59:
		return fmt.Sprintf("there is no minute %d", m.minute)
	case m.second > 60, m.clock() > microsPerDay, m.clock() == microsPerDay && m.rest > 0:
		return fmt.Sprintf("there is no second %d", m.second)
	case m.offset >= 16*3600 || m.offset <= -16*3600:
		return "the offset from UTC is 16 hours or more"
	}
	return ""
}

func (m *moment) settleDate() string {
	switch {
	case m.year == 0:
		return "there is no year 0 (the year before 1 is 0001 BC)"
	case m.month < 1 || m.month > 12:
		return fmt.Sprintf("there is no month %d", m.month)
	}
	if m.bc {
		m.year = 1 - m.year
	}
	if n := daysIn(m.year, m.month); m.day < 1 || m.day > n {
		name := monthNames[m.month]
		name = strings.ToUpper(name[:1]) + name[1:]
		if m.month == 2 && m.day == 29 {
			return fmt.Sprintf("February %d has 28 days", m.year)
		}
		return fmt.Sprintf("%s has no day %d", name, m.day)
	}
	return ""
}

// clock is the time of day in microseconds.
func (m *moment) clock() int64 {
	return int64(m.hour)*microsPerHour + int64(m.minute)*microsPerMinute + int64(m.second)*microsPerSecond + int64(m.micros)
}

// cursor reads the parts of a date or time from text.
type cursor struct {
	text []byte
	at   int
}

func (c *cursor) done() bool { return c.at >= len(c.text) }

// peek is the next byte, 0 at the end.
func (c *cursor) peek() byte {
	if c.done() {
		return 0
	}
	return c.text[c.at]
}

// digits is the number of digits that follow.
func (c *cursor) digits() int {
	n := 0
	for c.at+n < len(c.text) && isDigit(c.text[c.at+n]) {
		n++
	}
	return n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// number reads low to high digits, of which there may be no more.
func (c *cursor) number(low, high int) (int, bool) {
	n := c.digits()
	if n < low || n > high {
		return 0, false
	}
	return c.take(n), true
}

// take reads n digits, which are there.
func (c *cursor) take(n int) int {
	v := 0
	for range n {
		v = v*10 + int(c.text[c.at]-'0')
		c.at++
	}
	return v
}

func (c *cursor) skip(b byte) bool {
	if c.peek() != b || c.done() {
		return false
	}
	c.at++
	return true
}

func (c *cursor) blanks() bool {
	start := c.at
	for c.peek() == ' ' || c.peek() == '\t' {
		c.at++
	}
	return c.at > start
}

// word reads the letters that follow; points after and between them belong to it.
func (c *cursor) word() []byte {
	start := c.at
	for isASCIILetter(c.peek()) || c.at > start && c.peek() == '.' {
		c.at++
	}
	return c.text[start:c.at]
}

// skipWord reads a word if it is the given one, in any case.
func (c *cursor) skipWord(word string) bool {
	start := c.at
	if equalFold(c.word(), word) {
		return true
	}
	c.at = start
	return false
}

// time reads HH:MM, HH:MM:SS and HH:MM:SS.ffffff.
func (c *cursor) time(m *moment) bool {
	var ok bool
	if m.hour, ok = c.number(1, 2); !ok || !c.skip(':') {
		return false
	}
	if m.minute, ok = c.number(2, 2); !ok {
		return false
	}
	m.hasTime = true
	if !c.skip(':') {
		return true
	}
	if m.second, ok = c.number(2, 2); !ok {
		return false
	}
	if c.peek() == '.' || c.peek() == ',' {
		c.at++
		return c.fraction(m)
	}
	return true
}

// fraction reads the digits after the second.
func (c *cursor) fraction(m *moment) bool {
	n := c.digits()
	if n == 0 {
		return false
	}
	unit := microsPerSecond
	for i := range n {
		d := int(c.text[c.at+i] - '0')
		if unit /= 10; unit > 0 {
			m.micros += d * unit
		} else if i == 6 && d >= 5 {
			m.rest = 2
		} else if d > 0 && m.rest == 0 {
			m.rest = 1
		}
	}
	c.at += n
	return true
}

// meridiem reads AM or PM after blanks.
func (c *cursor) meridiem(m *moment) bool {
	start := c.at
	c.blanks()
	switch word := c.word(); {
	case equalFold(word, "am"), equalFold(word, "a.m."), equalFold(word, "a.m"), equalFold(word, "a"):
		m.meridiem = 'a'
	case equalFold(word, "pm"), equalFold(word, "p.m."), equalFold(word, "p.m"), equalFold(word, "p"):
		m.meridiem = 'p'
	default:
		c.at = start
		return false
	}
	return true
}

// offset reads Z, UTC, GMT, ±HH, ±HHMM, ±HH:MM or ±HH:MM:SS, or stays where it is.
func (c *cursor) offset(m *moment) bool {
	start := c.at
	if !c.readOffset(m) {
		c.at = start
		return false
	}
	return true
}

func (c *cursor) readOffset(m *moment) bool {
	sign := 1
	switch b := c.peek(); {
	case b == '+':
	case b == '-':
		sign = -1
	default:
		if c.skipWord("z") || c.skipWord("utc") || c.skipWord("gmt") {
			m.hasOffset = true
			return true
		}
		return false
	}
	c.at++
	var hours, minutes, seconds int
	switch c.digits() {
	case 1:
		hours = c.take(1)
	case 2:
		hours = c.take(2)
		if c.peek() != ':' {
			break
		}
		c.at++
		var ok bool
		if minutes, ok = c.number(2, 2); !ok {
			return false
		}
		if c.skip(':') {
			if seconds, ok = c.number(2, 2); !ok {
				return false
			}
		}
	case 4:
		hours, minutes = c.take(2), c.take(2)
	default:
		return false
	}
	if minutes > 59 || seconds > 59 {
		return false
	}
	m.offset = sign * (hours*3600 + minutes*60 + seconds)
	m.hasOffset = true
	return true
}

// monthName reads an English month, whole or cut to three letters.
func (c *cursor) monthName() (int, bool) {
	start := c.at
	name := c.word()
	for len(name) > 0 && name[len(name)-1] == '.' {
		name = name[:len(name)-1]
	}
	for i := 1; i <= 12; i++ {
		full := monthNames[i]
		if equalFold(name, full) || equalFold(name, full[:3]) || i == 9 && equalFold(name, "sept") {
			return i, true
		}
	}
	c.at = start
	return 0, false
}

// shortYear gives a year of two digits its century: 00 to 69 are 2000 to 2069,
// 70 to 99 are 1970 to 1999, as PostgreSQL reads YY.
func shortYear(y int) int {
	if y < 70 {
		return 2000 + y
	}
	return 1900 + y
}
