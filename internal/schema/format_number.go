package schema

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// numberFormat says how a number is written; the zero value is the plain form.
type numberFormat struct {
	// decimal is the decimal sign, '.' or ','.
	decimal byte
	// group separates thousands: ',', '.', ' ' (any kind of blank), '\'' (any
	// kind of apostrophe), or 0 for none.
	group byte
	// currency allows a currency sign before or after the number; where sign is empty,
	// any, and the code of any currency.
	currency bool
	sign     string
	// percent demands a percent sign; the value is a hundredth.
	percent bool
	// parentheses and trailingMinus are further ways to write a minus.
	parentheses, trailingMinus bool
}

const numberExamples = "write an example as 1.234,56 or 1 234,56 or 1,234.56 or 1'234.56 or 1234,56, with € or % where the values have them, or the words decimal_comma, decimal_point, currency, percent, round joined by +"

// parseNumber reads an example of a number or words joined by +.
func (f *Format) parseNumber(k Kind) error {
	n := &f.number
	n.decimal = '.'
	example := ""
	for i, part := range splitWords(f.text) {
		switch strings.ToLower(part) {
		case "decimal_comma":
			n.decimal = ','
		case "decimal_point":
			n.decimal = '.'
		case "currency":
			n.currency, n.parentheses = true, true
		case "percent":
			n.percent = true
		case "trailing_minus":
			n.trailingMinus = true
		case "round":
			f.round = true
		default:
			if i > 0 {
				return fmt.Errorf("%s is not a format of numbers: %s is not a word of it; %s", quote(f.text), quote(part), numberExamples)
			}
			example = part
		}
	}
	if example != "" {
		if why := n.parseExample(example, familyOf(k) == numberFamily && k <= BigInt); why != "" {
			return fmt.Errorf("%s is not a format of numbers: %s; %s", quote(f.text), why, numberExamples)
		}
	}
	return nil
}

// splitWords splits at every + but one before a digit.
func splitWords(s string) []string {
	var parts []string
	for {
		i := strings.LastIndexByte(s, '+')
		if i <= 0 || i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			break
		}
		parts = append([]string{strings.TrimSpace(s[i+1:])}, parts...)
		s = s[:i]
	}
	return append([]string{strings.TrimSpace(s)}, parts...)
}

// parseExample reads the number as a person would write it and returns what is
// wrong with it. Where whole numbers are meant, a lone separator before three
// digits is taken as that of thousands.
func (n *numberFormat) parseExample(s string, whole bool) string {
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		n.parentheses = true
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	if rest, ok := strings.CutSuffix(s, "-"); ok {
		n.trailingMinus = true
		s = rest
	}
	s = strings.TrimSpace(strings.TrimLeft(s, "+-"))
	if rest, ok := strings.CutSuffix(s, "%"); ok {
		n.percent = true
		s = strings.TrimSpace(rest)
	}
	first := strings.IndexFunc(s, isExampleDigit)
	if first < 0 {
		return "it has no digits"
	}
	last := strings.LastIndexFunc(s, isExampleDigit) + 1
	before, after := strings.TrimSpace(s[:first]), strings.TrimSpace(s[last:])
	if before != "" && after != "" {
		return "it has signs on both sides"
	}
	if sign := before + after; sign != "" {
		if !isCurrency(sign) {
			return quote(sign) + " is not a currency sign"
		}
		n.currency, n.parentheses, n.sign = true, true, sign
	}
	return n.parseSeparators(s[first:last], whole)
}

func isExampleDigit(r rune) bool { return '0' <= r && r <= '9' || r == '#' }

// isCurrency says whether s is a currency sign or a short word as EUR, kr, R$.
func isCurrency(s string) bool {
	if utf8.RuneCountInString(s) > 4 || strings.Trim(s, ".") == "" {
		return false
	}
	for _, r := range s {
		if !unicode.Is(unicode.Sc, r) && !unicode.IsLetter(r) && r != '.' {
			return false
		}
	}
	return true
}

// parseSeparators reads what stands between the digits of an example.
func (n *numberFormat) parseSeparators(s string, whole bool) string {
	var separators []byte
	digits := 0
	for _, r := range s {
		switch {
		case isExampleDigit(r):
			digits++
			continue
		case digits == 0 || len(separators) > 0 && digits != 3:
			return "the digits between two separators are not three"
		}
		digits = 0
		switch {
		case r == '.' || r == ',':
			separators = append(separators, byte(r))
		case isBlankRune(r):
			separators = append(separators, ' ')
		case isApostrophe(r):
			separators = append(separators, '\'')
		default:
			return fmt.Sprintf("%q separates no digits", r)
		}
	}
	if len(separators) == 0 {
		return ""
	}
	final := separators[len(separators)-1]
	groups := separators[:len(separators)-1]
	ambiguous := digits == 3 && (final == '.' || final == ',')
	switch {
	case final == ' ' || final == '\'', len(groups) > 0 && groups[0] == final, ambiguous && len(groups) == 0 && (whole || strings.Contains(s, "#")):
		if digits != 3 {
			return "thousands have three digits"
		}
		groups = separators
		n.decimal = '.'
		if final == '.' {
			n.decimal = ','
		}
	case ambiguous && len(groups) == 0:
		return fmt.Sprintf("it reads both as thousands and as decimals: write two decimals, as in 1%c234%c56 or 1234%c56", final, otherSign(final), final)
	default:
		n.decimal = final
	}
	for _, g := range groups {
		if g != groups[0] || g == n.decimal {
			return "its separators do not match"
		}
		n.group = g
	}
	return ""
}

func otherSign(sign byte) byte {
	if sign == '.' {
		return ','
	}
	return '.'
}

// isBlankRune knows the blanks that stand between thousands.
func isBlankRune(r rune) bool {
	return r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\u2009'
}

func isApostrophe(r rune) bool { return r == '\'' || r == '\u2019' }

// rewrite appends text, which is blank-free at both ends, to dst as a plain
// number and says what is wrong in words otherwise.
func (n *numberFormat) rewrite(dst, text []byte) (plain []byte, hundredth bool, why string) {
	negative := false
	if n.parentheses && len(text) > 1 && text[0] == '(' && text[len(text)-1] == ')' {
		negative = true
		text = trim(text[1 : len(text)-1])
	}
	text, signed := cutMinus(text, &negative)
	if n.percent {
		if len(text) == 0 || text[len(text)-1] != '%' {
			return nil, false, "it has no percent sign, as in the format"
		}
		text = trim(text[:len(text)-1])
		hundredth = true
	}
	if n.currency {
		text = n.cutCurrency(text)
		if !signed {
			text, signed = cutMinus(text, &negative)
		}
	}
	if !signed && n.trailingMinus && len(text) > 1 && text[len(text)-1] == '-' {
		negative = !negative
		text = trim(text[:len(text)-1])
	}
	if negative {
		dst = append(dst, '-')
	}
	plain, why = n.rewriteDigits(dst, text)
	return plain, hundredth, why
}

// cutMinus cuts a sign off the front; a plus counts as one too.
func cutMinus(text []byte, negative *bool) (rest []byte, signed bool) {
	switch {
	case len(text) > 0 && text[0] == '+':
		return trim(text[1:]), true
	case len(text) > 0 && text[0] == '-':
		*negative = !*negative
		return trim(text[1:]), true
	case len(text) > 3 && string(text[:3]) == "\u2212":
		*negative = !*negative
		return trim(text[3:]), true
	}
	return text, false
}

func (n *numberFormat) cutCurrency(text []byte) []byte {
	if n.sign != "" {
		if len(text) > len(n.sign) && string(text[:len(n.sign)]) == n.sign {
			return trim(text[len(n.sign):])
		}
		if cut := len(text) - len(n.sign); cut > 0 && string(text[cut:]) == n.sign {
			return trim(text[:cut])
		}
		return text
	}
	if r, size := utf8.DecodeRune(text); unicode.Is(unicode.Sc, r) {
		return trim(text[size:])
	}
	if r, size := utf8.DecodeLastRune(text); unicode.Is(unicode.Sc, r) {
		return trim(text[:len(text)-size])
	}
	if n := len(text); n > currencyCode {
		switch {
		case isCurrencyCode(text[:currencyCode]):
			return trim(text[currencyCode:])
		case isCurrencyCode(text[n-currencyCode:]):
			return trim(text[:n-currencyCode])
		}
	}
	return text
}

// rewriteDigits appends digits, decimal point and exponent to dst, without the
// separators of thousands, which must stand where they belong.
func (n *numberFormat) rewriteDigits(dst, text []byte) (plain []byte, why string) {
	groups, digits := 0, 0
	i := 0
	for i < len(text) {
		b := text[i]
		if b >= '0' && b <= '9' {
			dst = append(dst, b)
			digits++
			i++
			continue
		}
		size := n.groupSize(text[i:])
		if size == 0 {
			break
		}
		if digits == 0 || digits > 3 || groups > 0 && digits != 3 && (digits != 2 || n.group != ',') {
			return nil, "its thousands are not three digits, as in the format"
		}
		groups++
		digits = 0
		i += size
	}
	if groups > 0 && digits != 3 {
		return nil, "its thousands are not three digits, as in the format"
	}
	if i < len(text) && text[i] == n.decimal {
		dst = append(dst, '.')
		i++
	}
	for ; i < len(text); i++ {
		b := text[i]
		if (b < '0' || b > '9') && b != 'e' && b != 'E' && b != '-' && b != '+' {
			odd := trim(text[i:])
			return nil, fmt.Sprintf("it has %s, unlike the format", quote(odd[:runeSize(odd)]))
		}
		dst = append(dst, b)
	}
	return dst, ""
}

// groupSize is the length of the separator of thousands that text begins with.
func (n *numberFormat) groupSize(text []byte) int {
	switch n.group {
	case 0:
		return 0
	case ' ', '\'':
		r, size := utf8.DecodeRune(text)
		if n.group == ' ' && isBlankRune(r) || n.group == '\'' && isApostrophe(r) {
			return size
		}
		return 0
	}
	if text[0] == n.group {
		return 1
	}
	return 0
}

func runeSize(text []byte) int {
	_, size := utf8.DecodeRune(text)
	return size
}
