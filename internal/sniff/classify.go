package sniff

import (
	"bytes"
	"strings"
)

// class is what one value looks like by itself, whatever its column.
type class uint8

const (
	classEmpty       class = iota // nothing, unquoted
	classQuotedEmpty              // ""
	classNull                     // a null word; aux is its index
	classInt                      // an integer of at most 18 digits without separators
	classNumber                   // any other number: decimals, grouped, currency, percent, exponent
	classBool                     // a true/false word; aux is its index
	classDate                     // a date or timestamp
	// From here on a value makes its column text.
	classLeadingZero
	classLongInt
	classPlus
	classExponent
	classUUID
	classTime
	classTooPrecise
	classText
	numClasses
)

const firstTextClass = classLeadingZero

// why names the classes that keep a column text, of one value and of several.
var why = [numClasses][2]string{
	classLeadingZero: {"starts with 0, which a number would lose", "start with 0, which a number would lose"},
	classLongInt:     {"has more than 18 digits, as identifiers do", "have more than 18 digits, as identifiers do"},
	classPlus:        {"starts with +, as telephone numbers do", "start with +, as telephone numbers do"},
	classExponent:    {"looks like 1e5, which may be an identifier", "look like 1e5, which may be an identifier"},
	classUUID:        {"is a UUID", "are UUIDs"},
	classTime:        {"is a time of day", "are times of day"},
	classTooPrecise:  {"is a time finer than a microsecond", "are times finer than a microsecond"},
	classText:        {"is other text", "are other text"},
}

// nullWords are the spellings that may stand for NULL, most specific last.
// The order is part of the stored form of an Inference.
var nullWords = []string{
	"NA", "N/A", "n/a", "na", "null", "NULL", "Null", "None", "none", "NONE",
	"nan", "NaN", "NAN", "-", "--", "---", `\N`, "#N/A", "(null)", "<NA>", "<null>",
	"nil", "NIL", "?", ".", "N.A.", "n.a.", " ", "  ", "   ", "    ",
}

// boolPair is a way of writing true and false.
type boolPair struct{ yes, no string }

var boolPairs = []boolPair{
	{"true", "false"},
	{"yes", "no"},
	{"t", "f"},
	{"y", "n"},
	{"on", "off"},
	{"ja", "nein"},
	{"j", "n"},
	{"oui", "non"},
	{"si", "no"},
	{"sí", "no"},
	{"wahr", "falsch"},
	{"vrai", "faux"},
	{"sim", "não"},
	{"да", "нет"},
	{"enabled", "disabled"},
	{"active", "inactive"},
}

// boolIndex numbers the words of boolPairs.
var boolIndex = func() map[string]uint8 {
	index := map[string]uint8{}
	for _, p := range boolPairs {
		for _, w := range []string{p.yes, p.no} {
			if _, ok := index[w]; !ok {
				index[w] = uint8(len(index))
			}
		}
	}
	return index
}()

// opposites says whether one word means true and the other false.
func opposites(a, b string) bool {
	for _, p := range boolPairs {
		if strings.EqualFold(a, p.yes) && strings.EqualFold(b, p.no) || strings.EqualFold(a, p.no) && strings.EqualFold(b, p.yes) {
			return true
		}
	}
	return false
}

const longestWord = 8

// isBlank says whether c is trimmed around numbers, dates and words.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim drops blanks around b.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// classify says what v looks like, and leaves details in n or d. It looks at
// the first byte first, because most values are plainly one thing. v is not
// empty, and no null word.
func classify(v []byte, n *number, d *dateValue) (class, uint8) {
	if isBlank(v[0]) || isBlank(v[len(v)-1]) {
		v = trim(v)
		if len(v) == 0 {
			return classText, 0
		}
	}
	c := v[0]
	switch {
	case c >= '0' && c <= '9':
		return classifyDigits(v, n, d)
	case c == '-' || c == '+' || c == '.' || c == '$' || c == '(' || c == 0xC2 || c == 0xE2:
		if cl := parseNumber(v, n); cl != classText {
			return cl, 0
		}
		return classText, 0
	}
	if len(v) <= longestWord {
		if i, ok := lookUp(boolIndex, v); ok {
			return classBool, i
		}
	}
	if len(v) == 36 && isUUID(v) {
		return classUUID, 0
	}
	if len(v) >= 8 && len(v) <= maxDateLength && startsMonthOrDay(v) {
		if cl := parseDate(v, d); cl != classText {
			return cl, 0
		}
	}
	return classText, 0
}

func classifyDigits(v []byte, n *number, d *dateValue) (class, uint8) {
	if len(v) == 36 && isUUID(v) {
		return classUUID, 0
	}
	i := 1
	for i < len(v) && v[i] >= '0' && v[i] <= '9' {
		i++
	}
	if i == len(v) {
		return parseNumber(v, n), 0
	}
	switch v[i] {
	case '-', '/':
		if len(v) > maxDateLength {
			return classText, 0
		}
		return parseDate(v, d), 0
	case ':':
		if isTime(v) {
			return classTime, 0
		}
		return classText, 0
	}
	if cl := parseNumber(v, n); cl != classText {
		// 01.02.2024 is no number: its groups are too short.
		return cl, 0
	}
	if len(v) >= 6 && len(v) <= maxDateLength {
		return parseDate(v, d), 0
	}
	return classText, 0
}

// lookUp finds v in an index of lower-case words, ignoring ASCII case.
func lookUp(index map[string]uint8, v []byte) (uint8, bool) {
	var low [longestWord]byte
	for i, c := range v {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	i, ok := index[string(low[:len(v)])]
	return i, ok
}

func isUUID(v []byte) bool {
	for i, c := range v {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return len(v) == 36
}

// isTime says whether v is H:MM, HH:MM:SS or finer, with AM or PM perhaps.
func isTime(v []byte) bool {
	var t clock
	rest, ok := parseClock(v, &t)
	return ok && len(bytes.TrimSpace(rest)) == 0
}
