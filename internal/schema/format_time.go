package schema

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // named zones work where the machine has no zone files
	"unicode/utf8"
)

// timeFormat says how a date or time is written; the zero value is ISO 8601.
type timeFormat struct {
	word     timeWord
	elements []element
	zone     *time.Location
}

type timeWord uint8

const (
	isoWord timeWord = iota
	patternWord
	dmyWord
	mdyWord
	ymdWord
	epochWord
	epochMilliWord
	epochMicroWord
	rfc2822Word
	excelWord
)

var timeWords = map[string]timeWord{
	"iso": isoWord, "iso8601": isoWord, "dmy": dmyWord, "mdy": mdyWord, "ymd": ymdWord,
	"epoch": epochWord, "epoch_s": epochWord, "epoch_ms": epochMilliWord, "epoch_us": epochMicroWord,
	"rfc2822": rfc2822Word, "rfc1123": rfc2822Word, "excel": excelWord,
}

// element is a step of a pattern.
type element struct {
	field field
	// exact wants the full number of digits, because digits follow at once.
	exact bool
	// literal is the text of a literal.
	literal string
}

type field uint8

const (
	literalField field = iota
	blankField         // one or more blanks
	yearField
	shortYearField
	monthField
	monthNameField
	dayField
	weekdayField
	hourField
	hour12Field
	minuteField
	secondField
	fractionField
	meridiemField
	offsetField
)

// A token of a pattern; longer ones stand before those they begin with.
type token struct {
	text  string
	field field
}

// patternTokens are those of PostgreSQL's to_timestamp and of the patterns
// that Java, .NET and JavaScript share with it in any case.
var patternTokens = []token{
	{"yyyy", yearField},
	{"yy", shortYearField},
	{"month", monthNameField},
	{"mmmm", monthNameField},
	{"mmm", monthNameField},
	{"mon", monthNameField},
	{"mm", monthField},
	{"mi", minuteField},
	{"ms", fractionField},
	{"m", monthField},
	{"dddd", weekdayField},
	{"ddd", weekdayField},
	{"dd", dayField},
	{"day", weekdayField},
	{"dy", weekdayField},
	{"d", dayField},
	{"eeee", weekdayField},
	{"eee", weekdayField},
	{"hh24", hourField},
	{"hh12", hour12Field},
	{"hh", hourField},
	{"h", hourField},
	{"ssssss", fractionField},
	{"sss", fractionField},
	{"ss", secondField},
	{"s", secondField},
	{"ff1", fractionField},
	{"ff2", fractionField},
	{"ff3", fractionField},
	{"ff4", fractionField},
	{"ff5", fractionField},
	{"ff6", fractionField},
	{"ff", fractionField},
	{"us", fractionField},
	{"ffffff", fractionField},
	{"fff", fractionField},
	{"a.m.", meridiemField},
	{"p.m.", meridiemField},
	{"am", meridiemField},
	{"pm", meridiemField},
	{"tt", meridiemField},
	{"a", meridiemField},
	{"tzh:tzm", offsetField},
	{"tzhtzm", offsetField},
	{"tzh", offsetField},
	{"tz", offsetField},
	{"of", offsetField},
	{"xxx", offsetField},
	{"xx", offsetField},
	{"zzz", offsetField},
	{"z", offsetField},
}

// directives are those of strftime; %b and %B read either form of a month's name.
var directives = map[byte]string{
	'Y': "YYYY", 'y': "YY", 'm': "MM", 'd': "DD", 'e': "DD", 'b': "Mon", 'B': "Mon", 'h': "Mon", 'a': "Dy", 'A': "Dy",
	'H': "HH24", 'I': "HH12", 'M': "MI", 'S': "SS", 'f': "FF", 'p': "AM", 'z': "TZ",
	'F': "YYYY-MM-DD", 'T': "HH24:MI:SS", 'R': "HH24:MI", 'D': "MM/DD/YY", '%': `"%"`,
}

const timeExamples = "write a pattern as DD/MM/YYYY, YYYY-MM-DD HH24:MI:SS, DD-Mon-YY or %d.%m.%Y, or one of the words iso, dmy, mdy, ymd, epoch, epoch_ms, epoch_us, rfc2822, excel; @Europe/Berlin after it names the zone"

// parseTime reads a word or pattern, then +round, then @zone.
func (f *Format) parseTime(k Kind) error {
	body := f.text
	if at := strings.LastIndexByte(body, '@'); at >= 0 {
		zone, err := loadZone(strings.TrimSpace(body[at+1:]))
		if err != nil {
			return err
		}
		f.time.zone = zone
		body = strings.TrimSpace(body[:at])
	}
	if cut := len(body) - len("round"); cut >= 0 && strings.EqualFold(body[cut:], "round") {
		f.round = true
		body = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(body[:cut]), "+"))
	}
	if body == "" {
		return nil
	}
	word, ok := timeWords[strings.ToLower(body)]
	if ok && (f.family == momentFamily || word == isoWord) {
		f.time.word = word
		return nil
	}
	wrong := func(why string) error {
		return fmt.Errorf("%s is not a format of %s: %s; %s", quote(f.text), k, why, timeExamples)
	}
	if ok {
		return wrong("the word is for dates")
	}
	f.time.word = patternWord
	pattern := body
	if strings.Contains(body, "%") {
		var why string
		if pattern, why = fromDirectives(body); why != "" {
			return wrong(why)
		}
	}
	elements, why := parsePattern(pattern)
	if why == "" {
		why = checkPattern(elements, f.family)
	}
	if why != "" {
		return wrong(why)
	}
	f.time.elements = elements
	return nil
}

// loadZone gives the zone of the IANA database with that name.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("%s is not a time zone: use a name of the IANA database, as Europe/Berlin or UTC", quote(name))
	}
	return zone, nil
}

// fromDirectives turns a strftime pattern into one of tokens.
func fromDirectives(s string) (pattern, why string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if isASCIILetter(s[i]) {
				b.WriteString(`"` + string(s[i]) + `"`)
			} else {
				b.WriteByte(s[i])
			}
			continue
		}
		if i++; i < len(s) && (s[i] == '-' || s[i] == '#') {
			i++
		}
		if i == len(s) {
			return "", "it ends in %"
		}
		tokens, ok := directives[s[i]]
		if !ok {
			return "", "%" + s[i:i+1] + " is not known"
		}
		b.WriteString(tokens)
	}
	return b.String(), ""
}

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// parsePattern reads tokens, quoted text and signs.
func parsePattern(s string) ([]element, string) {
	var elements []element
	for s != "" {
		if s[0] == '"' {
			text, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return nil, "a quote in it is not closed"
			}
			elements = append(elements, element{literal: text})
			s = rest
			continue
		}
		if isASCIILetter(s[0]) {
			e, n := nextToken(s, elements)
			if n == 0 {
				return nil, fmt.Sprintf("%q in it is not known (text that stands for itself goes in double quotes)", letters(s))
			}
			elements = append(elements, e)
			s = s[n:]
			continue
		}
		if s[0] == ' ' || s[0] == '\t' {
			s = strings.TrimLeft(s, " \t")
			elements = append(elements, element{field: blankField})
			continue
		}
		if s[0] >= '0' && s[0] <= '9' {
			return nil, "it holds digits: write the parts of the date, not an example"
		}
		n := 1
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n++
		}
		elements = append(elements, element{literal: s[:n]})
		s = s[n:]
	}
	for i := range elements[:max(len(elements)-1, 0)] {
		next := elements[i+1].field
		elements[i].exact = next >= yearField && next != monthNameField && next != weekdayField && next != meridiemField && next != offsetField
	}
	return elements, ""
}

// nextToken is the token that s begins with. MM right after the hour means
// minutes, as those write it who have HH:MM:SS in mind.
func nextToken(s string, before []element) (element, int) {
	for _, t := range patternTokens {
		if len(s) < len(t.text) || !strings.EqualFold(s[:len(t.text)], t.text) {
			continue
		}
		e := element{field: t.field}
		if t.field == monthField && followsHour(before) {
			e.field = minuteField
		}
		return e, len(t.text)
	}
	if s[0] == 'T' || s[0] == 't' {
		return element{literal: "T"}, 1
	}
	return element{}, 0
}

func followsHour(elements []element) bool {
	for _, e := range slices.Backward(elements) {
		if e.field > blankField {
			return e.field == hourField || e.field == hour12Field
		}
	}
	return false
}

func letters(s string) string {
	n := 0
	for n < len(s) && isASCIILetter(s[n]) {
		n++
	}
	return s[:n]
}

// checkPattern makes HH beside AM the hour of twelve and says what is missing or twice.
func checkPattern(elements []element, f family) string {
	var has [offsetField + 1]int
	for _, e := range elements {
		if e.field > blankField {
			has[e.field]++
		}
	}
	if has[meridiemField] > 0 {
		for i := range elements {
			if elements[i].field == hourField {
				elements[i].field = hour12Field
				has[hourField]--
				has[hour12Field]++
			}
		}
	}
	years, months := has[yearField]+has[shortYearField], has[monthField]+has[monthNameField]
	hours := has[hourField] + has[hour12Field]
	clock := hours + has[minuteField] + has[secondField] + has[fractionField] + has[meridiemField]
	for _, count := range []int{years, months, has[dayField], hours, has[minuteField], has[secondField], has[fractionField], has[meridiemField], has[offsetField]} {
		if count > 1 {
			return "a part of it stands twice (MM is the month, MI the minute)"
		}
	}
	switch {
	case f == momentFamily && years == 0:
		return "it has no year (YYYY)"
	case f == momentFamily && months == 0:
		return "it has no month (MM or Mon)"
	case f == momentFamily && has[dayField] == 0:
		return "it has no day (DD)"
	case f == clockFamily && years+months+has[dayField]+has[weekdayField]+has[offsetField] > 0:
		return "a time of day has neither date nor zone"
	case (f == clockFamily || clock > 0) && hours == 0:
		return "it has no hour (HH24, or HH12 with AM)"
	case has[hour12Field] > 0 && has[meridiemField] == 0:
		return "HH12 needs AM"
	case has[secondField] > 0 && has[minuteField] == 0, has[fractionField] > 0 && has[secondField] == 0:
		return "between hour and seconds something is missing (HH24:MI:SS.FF)"
	}
	return ""
}
