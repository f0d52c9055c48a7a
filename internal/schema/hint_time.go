package schema

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
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
		if candidates().clocks.find(s) != "" {
			return p.impossible(code, text, "it is a time of twelve hours: give format HH12:MI AM or HH12:MI:SS AM")
		}
		return p.impossible(code, text, "write it as 14:05 or 14:05:09.123")
	}
	return p.impossible(code, text, "write it as 2024-01-31, or give the format")
}

// candidate is a format that a hint may name.
type candidate struct {
	format   string
	elements []element
}

// read reads s by the candidate and checks the result.
func (c *candidate) read(s string) (moment, bool) {
	var m moment
	at := cursor{text: []byte(s)}
	ok := at.pattern(c.elements, &m) && at.done()
	return m, ok && m.settle() == ""
}

type candidateList []candidate

// find is the first format that reads s, "" where none does.
func (l candidateList) find(s string) string {
	for i := range l {
		if _, ok := l[i].read(s); ok {
			return l[i].format
		}
	}
	return ""
}

// candidates are made once, because a file may hold a million bad dates.
// orders holds day first and month first by turns, by separator and length of the year.
var candidates = sync.OnceValue(func() (all struct {
	orders                   map[string]candidateList
	words, meridiems, clocks candidateList
},
) {
	list := func(formats ...string) (l candidateList) {
		for _, format := range formats {
			elements, _ := parsePattern(format)
			_ = checkPattern(elements, momentFamily) // settles what HH is; the formats are known to be good
			l = append(l, candidate{format, elements})
		}
		return l
	}
	// What may follow a date.
	times := []string{
		"", " HH24:MI:SS", " HH24:MI", " HH24:MI:SS.FF", " HH12:MI AM", " HH12:MI:SS AM", " HH24:MI:SS TZ", "THH24:MI:SS", "THH24:MI:SSTZ",
		" HH24:MI:SS.FFTZ", ", HH24:MI:SS", ", HH12:MI:SS AM", ", HH24:MI", ", HH12:MI AM",
	}
	all.orders = make(map[string]candidateList)
	for _, sign := range []string{"/", ".", "-", " "} {
		for name, year := range map[string]string{"long": "YYYY", "short": "YY"} {
			for _, rest := range times {
				l := list("DD"+sign+"MM"+sign+year+rest, "MM"+sign+"DD"+sign+year+rest)
				all.orders[sign+name] = append(all.orders[sign+name], l...)
			}
		}
	}
	for _, date := range []string{"DD-Mon-YYYY", "DD Mon YYYY", "DD-Mon-YY", "DD Mon YY", "DD. Month YYYY", "Mon DD, YYYY", "Mon DD YYYY", "Dy, DD Mon YYYY", "Dy Mon DD YYYY"} {
		for _, rest := range times {
			all.words = append(all.words, list(date+rest)...)
		}
	}
	all.meridiems = list("YYYY-MM-DD HH12:MI:SS AM", "YYYY-MM-DD HH12:MI AM")
	all.clocks = list("HH12:MI:SS AM", "HH12:MI AM")
	return all
})

// dateHint finds the formats that would read s; where both orders of day and
// month fit, it says so.
func (p *Parser) dateHint(code string, text []byte, s string) *ParseError {
	first, sign, ok := cutDateParts(s)
	if ok {
		orders := candidates().orders[sign+first]
		for i := 0; i < len(orders); i += 2 {
			dmy, mdy := orders[i].format, orders[i+1].format
			day, isDay := orders[i].read(s)
			month, isMonth := orders[i+1].read(s)
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
	if format := candidates().words.find(s); format != "" && format != p.format.text {
		return p.impossible(code, text, "its month is a word (format "+format+")")
	}
	if format := candidates().meridiems.find(s); format != "" && format != p.format.text {
		return p.impossible(code, text, "its hours are those of AM and PM (format "+format+")")
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
