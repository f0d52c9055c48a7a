package schema

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *Parser) impossible(code string, text []byte, why string) *ParseError {
	return parseErrorf(code, "%s is not %s: %s", quote(text), p.noun(), why)
}

// noun is what the column holds, in words.
func (p *Parser) noun() string {
	switch p.t.Kind {
	case Date:
		return "a date"
	case Time:
		return "a time of day"
	}
	return "a " + p.t.String()
}

// notMoment says that text is no date or time and which format would read it.
func (p *Parser) notMoment(code string, text []byte) *ParseError {
	s := string(text[:min(len(text), 200)])
	if hint := generalHint(s); hint != "" {
		return p.impossible(code, text, hint)
	}
	if familyOf(p.t.Kind) == momentFamily {
		if e := p.dateHint(code, text, s); e != nil {
			return e
		}
	}
	if !p.format.IsZero() {
		return parseErrorf(code, "%s is not %s in the format %s", quote(text), p.noun(), p.format)
	}
	if p.t.Kind == Time {
		if p.reads("HH12:MI:SS AM", s) || p.reads("HH12:MI AM", s) {
			return p.impossible(code, text, "it is a time of twelve hours: give format HH12:MI AM or HH12:MI:SS AM")
		}
		return p.impossible(code, text, "write it as 14:05 or 14:05:09.123")
	}
	return p.impossible(code, text, "write it as 2024-01-31, or give the format")
}

// timeParts are what may follow a date in a format that a hint names.
var timeParts = []string{
	"", " HH24:MI:SS", " HH24:MI", " HH24:MI:SS.FF", " HH12:MI AM", " HH12:MI:SS AM", " HH24:MI:SS TZ", "THH24:MI:SS", "THH24:MI:SSTZ", " HH24:MI:SS.FFTZ", ", HH24:MI:SS", ", HH12:MI:SS AM", ", HH24:MI", ", HH12:MI AM",
}

// dateHint finds the formats that would read s; where both orders of day and
// month fit, it says so.
func (p *Parser) dateHint(code string, text []byte, s string) *ParseError {
	first, sign, ok := cutDateParts(s)
	if ok {
		year := "YYYY"
		if first == "short" {
			year = "YY"
		}
		for _, rest := range timeParts {
			dmy := "DD" + sign + "MM" + sign + year + rest
			mdy := "MM" + sign + "DD" + sign + year + rest
			day, isDay := p.read(dmy, s)
			month, isMonth := p.read(mdy, s)
			switch {
			case isDay && isMonth && day.day != day.month && p.format.IsZero():
				return parseErrorf(CodeAmbiguousDate, "%s reads both as %s and %s: give format %s or %s", quote(text), day.inWords(), month.inWords(), dmy, mdy)
			case isDay && isMonth && p.format.IsZero():
				return parseErrorf(CodeAmbiguousDate, "%s does not show whether day or month comes first: give format %s or %s", quote(text), dmy, mdy)
			case isDay && dmy != p.format.text:
				return p.impossible(code, text, "did you mean day first? (format "+dmy+")")
			case isMonth && mdy != p.format.text:
				return p.impossible(code, text, "did you mean month first? (format "+mdy+")")
			}
		}
	}
	for _, format := range []string{"DD-Mon-YYYY", "DD Mon YYYY", "DD-Mon-YY", "DD Mon YY", "DD. Month YYYY", "Mon DD, YYYY", "Mon DD YYYY", "Dy, DD Mon YYYY", "Dy Mon DD YYYY"} {
		for _, rest := range timeParts {
			if p.reads(format+rest, s) {
				return p.impossible(code, text, "its month is a word (format "+format+rest+")")
			}
		}
	}
	if word := s; len(word) > 10 && (p.reads("YYYY-MM-DD HH12:MI:SS AM", word) || p.reads("YYYY-MM-DD HH12:MI AM", word)) {
		return p.impossible(code, text, "its hours are those of AM and PM (format YYYY-MM-DD HH12:MI:SS AM)")
	}
	if p.format.IsZero() || p.format.time.word == patternWord {
		if hint := countHint(s); hint != "" {
			return p.impossible(code, text, hint)
		}
		if m, isPlain := readISO(s); isPlain && p.format.time.word == patternWord {
			if why := m.settle(); why == "" {
				return parseErrorf(code, "%s is not %s in the format %s: it is written as ISO 8601 (format iso)", quote(text), p.noun(), p.format)
			}
		}
	}
	return p.zoneHint(code, text, s)
}

// zoneHint explains a named zone after a plain timestamp.
func (p *Parser) zoneHint(code string, text []byte, s string) *ParseError {
	cut := strings.LastIndexAny(s, " [(")
	if cut < 10 || p.format.time.word != isoWord {
		return nil
	}
	m, ok := readISO(strings.TrimRight(s[:cut], " [("))
	name := strings.Trim(s[cut:], " []()")
	if !ok || !m.hasTime || name == "" || !isASCIILetter(name[0]) {
		return nil
	}
	return p.impossible(code, text, fmt.Sprintf("%s is not an offset from UTC: cut it off, and where all values have the same zone name it in the format (iso@Europe/Berlin)", quote(name)))
}

func readISO(s string) (moment, bool) {
	var m moment
	c := cursor{text: []byte(s)}
	return m, c.iso(&m) && c.done()
}

// cutDateParts says whether s begins with a day and a month of one or two
// digits and a year of two ("short") or four ("long"), and which sign is between them.
func cutDateParts(s string) (year, sign string, ok bool) {
	c := cursor{text: []byte(s)}
	if _, ok = c.number(1, 2); !ok {
		return "", "", false
	}
	b := c.peek()
	if b != '/' && b != '.' && b != '-' && b != ' ' {
		return "", "", false
	}
	c.at++
	if _, ok = c.number(1, 2); !ok || !c.skip(b) {
		return "", "", false
	}
	switch c.digits() {
	case 2:
		return "short", string(b), true
	case 4:
		return "long", string(b), true
	}
	return "", "", false
}

// read reads s by a format and checks the result.
func (p *Parser) read(format, s string) (moment, bool) {
	var m moment
	kind := p.t.Kind
	f, err := ParseFormat(kind, format)
	if err != nil {
		return m, false
	}
	c := cursor{text: []byte(s)}
	ok := c.pattern(f.time.elements, &m) && c.done()
	return m, ok && m.settle() == ""
}

func (p *Parser) reads(format, s string) bool {
	_, ok := p.read(format, s)
	return ok
}

// inWords is the date without its year: 3 April.
func (m *moment) inWords() string {
	name := monthNames[m.month]
	return strconv.Itoa(m.day) + " " + strings.ToUpper(name[:1]) + name[1:]
}

// countHint names the count that a lone number may be.
func countHint(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	if _, err := strconv.ParseUint(whole+fraction, 10, 64); err != nil {
		return ""
	}
	switch len(whole) {
	case 10:
		return "it looks like seconds since 1970 (format epoch)"
	case 13:
		return "it looks like milliseconds since 1970 (format epoch_ms)"
	case 16:
		return "it looks like microseconds since 1970 (format epoch_us)"
	case 5:
		return "it looks like the day number of a spreadsheet (format excel)"
	}
	return ""
}
