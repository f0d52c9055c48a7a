package schema

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// notNumber says that text is no number and which other reading fits.
func (p *Parser) notNumber(code string, text []byte, why string) *ParseError {
	text = trim(text)
	s := string(text[:min(len(text), 200)])
	hint := generalHint(s)
	if hint == "" {
		hint = p.numberHint(s)
	}
	if p.format.family != noFamily {
		if why == "" {
			why = "it does not follow the format"
		}
		why += " " + quote(p.format.text)
	}
	if hint != "" && why != "" {
		why += "; "
	}
	if why += hint; why == "" {
		return parseErrorf(code, "%s is not %s", quote(text), p.t)
	}
	return parseErrorf(code, "%s is not %s: %s", quote(text), p.t, why)
}

// nullWords are what people write for a missing value.
var nullWords = wordSet(`na n/a #n/a n.a. null none nil nan - -- --- ? . unknown missing undefined (null) \n #null! #ref! #value! #div/0! #name? #num! tbd void`)

// generalHint explains what is foreign to every type but text.
func generalHint(s string) string {
	switch {
	case s == "":
		return "it is empty; if that means NULL, name the empty text among the null values"
	case nullWords[strings.ToLower(s)]:
		return "if it means NULL, name it among the null values"
	case len(s) > 2 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\''):
		return "it has quotes around it; is the file's quote character right? Else REPLACE them"
	case strings.HasPrefix(s, "\u201c") || strings.HasPrefix(s, "\u2018"):
		return "it has typographic quotes around it; REPLACE them"
	case len(s) > 1 && s[0] == '\'':
		return "it begins with the apostrophe with which spreadsheets mark text; REPLACE it"
	case strings.HasPrefix(s, "=\""):
		return "it is a spreadsheet formula; REGEX_EXTRACT what is between the quotes"
	}
	return ""
}

// numberHint finds the format that would read s.
func (p *Parser) numberHint(s string) string {
	if word := strings.ToLower(s); p.t.Kind <= BigInt && (defaultTrue[word] || defaultFalse[word]) {
		return "it is a true/false word; use boolean"
	}
	suffixes := []string{"", "+percent", "+currency", "+trailing_minus"}
	switch {
	case strings.Contains(s, "%"):
		suffixes = []string{"+percent"}
	case strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Sc, r) }) >= 0, namesCurrency(s):
		suffixes = []string{"+currency"}
	}
	var names, formats []string
	for _, suffix := range suffixes {
		for _, r := range readings {
			format := r.format + suffix
			if format != p.format.text && strings.Contains(s, r.needs) && readsAs(format, s) {
				name := r.name
				switch suffix {
				case "+percent":
					name = "percent"
				case "+currency":
					name = "a currency sign"
				}
				names, formats = append(names, name), append(formats, strings.TrimPrefix(format, "decimal_point+"))
			}
		}
		if len(formats) > 0 {
			break
		}
	}
	switch {
	case len(formats) == 0:
		return otherHint(s)
	case len(formats) == 1 || len(suffixes) == 1:
		return fmt.Sprintf("did you mean %s? (format %s)", names[0], formats[0])
	}
	return fmt.Sprintf("did you mean %s (format %s) or %s (format %s)?", names[0], formats[0], names[1], formats[1])
}

// namesCurrency says whether s begins or ends with the code of a currency.
func namesCurrency(s string) bool {
	s = strings.Trim(s, "+-() ")
	n := len(s)
	return n > currencyCode && (isCurrencyCode([]byte(s[:currencyCode])) || isCurrencyCode([]byte(s[n-currencyCode:])))
}

// readings are the formats that a hint may name, the likeliest first, and the
// sign without which they read nothing that another does not.
var readings = []struct{ format, name, needs string }{
	{"decimal_point", "decimal point", ""},
	{"decimal_comma", "decimal comma", ","},
	{"1,234.56", "thousands with commas", ","},
	{"1.234,56", "decimal comma and thousands", "."},
	{"1 234,56", "decimal comma and thousands", " "},
	{"1 234,56", "decimal comma and thousands", "\u00a0"},
	{"1 234,56", "decimal comma and thousands", "\u202f"},
	{"1 234.56", "thousands with blanks", " "},
	{"1'234.56", "thousands with apostrophes", "'"},
	{"1'234.56", "thousands with apostrophes", "\u2019"},
	{"(1,234.56)", "a negative number in parentheses", "("},
	{"trailing_minus", "a trailing minus", "-"},
}

// readsAs says whether the format makes a number of s.
func readsAs(format, s string) bool {
	f, err := ParseFormat(Numeric, format)
	if err != nil {
		return false
	}
	plain, _, why := f.number.rewrite(nil, []byte(s))
	if why != "" || bytes.ContainsAny(plain, "eE") {
		return false
	}
	_, err = ParseDecimal(plain)
	return err == nil
}

func otherHint(s string) string {
	digits := strings.IndexFunc(s, unicode.IsDigit) >= 0
	switch {
	case digits && looksLikeDate(s):
		return "it looks like a date"
	case digits && strings.TrimFunc(s, unicode.IsDigit) != s && strings.IndexFunc(s, unicode.IsLetter) > 0:
		return "it has letters after the digits; REGEX_EXTRACT the number"
	}
	return ""
}

// looksLikeDate knows three numbers between equal signs.
func looksLikeDate(s string) bool {
	first, _, ok := cutDateParts(s)
	return ok && first != ""
}
