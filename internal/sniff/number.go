package sniff

// style is a set of ways to write decimals and thousands. A value belongs to
// every style it fits; a column is written in a style that all its values fit.
type style uint8

const (
	stylePoint      style = 1 << iota // 1234.56
	styleUS                           // 1,234.56
	styleSpacePoint                   // 1 234.56
	styleSwiss                        // 1'234.56
	styleComma                        // 1234,56
	styleEuro                         // 1.234,56
	styleSpaceComma                   // 1 234,56

	pointStyles = stylePoint | styleUS | styleSpacePoint | styleSwiss
	commaStyles = styleComma | styleEuro | styleSpaceComma
	allStyles   = pointStyles | commaStyles
)

// currencies are the signs that schema's number formats know.
var currencies = []string{"$", "€", "£", "¥", "₹"}

// number is what a classNumber or classInt value was read as.
type number struct {
	// mantissa holds the first 18 significant digits with the sign.
	mantissa int64
	// point and comma are the decimal exponents under the two readings: the
	// value is mantissa × 10^-point where '.' is the decimal sign.
	point, comma int16
	// digits and scales are before and after the decimal sign, per reading.
	pointInt, pointScale, commaInt, commaScale int16
	styles                                     style
	// currency is 1 + the index in currencies, 0 for none; suffix says that it follows.
	currency uint8
	suffix   bool
	percent  bool
	exponent bool
}

const (
	maxIntDigits = 18
	maxExponent  = 400
	maxRuns      = 12
	maxNumber    = 64
)

// parseNumber reads a number in any style. It returns classInt, classNumber,
// classText, or the reason why something made of digits is no number.
func parseNumber(v []byte, n *number) class {
	*n = number{}
	if len(v) > maxNumber {
		if allDigits(v) {
			return classLongInt
		}
		return classText
	}
	negative, paren := false, false
	if v[0] == '(' && v[len(v)-1] == ')' {
		paren, negative = true, true
		v = trim(v[1 : len(v)-1])
	}
	v, negative, plus := takeSign(v, negative)
	if c, w := currencyAt(v); c != 0 {
		n.currency = c
		v = skipSpace(v[w:])
		if !plus && !negative {
			v, negative, plus = takeSign(v, false)
		}
	}
	if len(v) > 0 && v[len(v)-1] == '%' {
		n.percent = true
		v = trimSpaceRight(v[:len(v)-1])
	} else if c, w := currencyBefore(v); c != 0 && n.currency == 0 {
		n.currency, n.suffix = c, true
		v = trimSpaceRight(v[:len(v)-w])
	}
	if paren && n.currency == 0 {
		return classText
	}
	cl := parseBody(v, n)
	if cl == classText {
		return cl
	}
	if plus {
		return classPlus
	}
	if negative {
		n.mantissa = -n.mantissa
	}
	if cl == classInt && (n.currency != 0 || n.percent) {
		return classNumber
	}
	return cl
}

func takeSign(v []byte, negative bool) ([]byte, bool, bool) {
	if len(v) == 0 {
		return v, negative, false
	}
	switch v[0] {
	case '-':
		return v[1:], !negative, false
	case '+':
		return v[1:], negative, true
	}
	return v, negative, false
}

// parseBody reads digits with separators and an exponent.
func parseBody(v []byte, n *number) class {
	var runs [maxRuns]int // digits between separators
	var seps [maxRuns]byte
	nsep, run, digits, kept := 0, 0, 0, 0
	lead := byte('1')
	var m int64
	i := 0
	for i < len(v) {
		c := v[i]
		if c >= '0' && c <= '9' {
			if i == 0 {
				lead = c
			}
			if kept < maxIntDigits {
				m = m*10 + int64(c-'0')
				if m != 0 {
					kept++
				}
			} else {
				digits++ // dropped from the mantissa
			}
			run++
			i++
			continue
		}
		sep, w := separatorAt(v[i:])
		if w == 0 {
			break
		}
		if nsep == maxRuns-1 {
			return classText
		}
		runs[nsep], seps[nsep] = run, sep
		nsep++
		run = 0
		i += w
	}
	runs[nsep] = run
	n.mantissa = m
	dropped := digits
	if i == 0 || nsep == 0 && run == 0 || nsep == 1 && runs[0] == 0 && run == 0 {
		return classText
	}
	if i < len(v) {
		return parseExponent(v[i:], n, runs, nsep, seps[0], dropped, lead)
	}
	if lead == '0' && runs[0] > 1 {
		if nsep > 1 || nsep == 1 && seps[0] != '.' && seps[0] != ',' {
			return classText // a date or an article number
		}
		return classLeadingZero
	}
	if nsep == 0 {
		if run > maxIntDigits {
			return classLongInt
		}
		n.styles = allStyles
		n.pointInt, n.commaInt = int16(run), int16(run)
		return classInt
	}
	return n.separated(&runs, &seps, nsep, dropped, lead)
}

// separated finds the styles that fit, and the two readings.
func (n *number) separated(runs *[maxRuns]int, seps *[maxRuns]byte, nsep, dropped int, lead byte) class {
	last, first := seps[nsep-1], seps[0]
	tail := runs[nsep]
	total := 0
	for i := 0; i <= nsep; i++ {
		total += runs[i]
	}
	if nsep == 1 {
		switch first {
		case '.':
			n.styles |= stylePoint | styleUS | styleSpacePoint | styleSwiss
		case ',':
			if runs[0] > 0 && tail > 0 {
				n.styles |= styleComma | styleEuro | styleSpaceComma
			}
		}
	}
	// Thousands: the first group has 1 to 3 digits and no zero in front, the
	// others 3; the last separator may be the decimal sign.
	if lead != '0' && runs[0] >= 1 && runs[0] <= 3 {
		whole := nsep
		decimal := byte(0)
		if last != first {
			whole, decimal = nsep-1, last
		}
		ok := whole > 0 && (decimal == 0 || tail > 0)
		for i := 0; i < whole && ok; i++ {
			ok = seps[i] == first && runs[i+1] == 3
		}
		if ok {
			n.styles |= groupStyles(first, decimal)
		}
	}
	if n.styles == 0 {
		return classText
	}
	scale := 0
	if last == '.' || last == ',' {
		scale = tail
	}
	// The last separator is the decimal sign under one reading and groups
	// thousands, or does not occur, under the other.
	n.pointInt, n.commaInt = int16(total), int16(total)
	n.point, n.comma = int16(-dropped), int16(-dropped)
	if n.styles&pointStyles != 0 && last == '.' {
		n.setScale(true, scale, total, dropped)
	}
	if n.styles&commaStyles != 0 && last == ',' {
		n.setScale(false, scale, total, dropped)
	}
	if n.styles&pointStyles != 0 && n.pointInt > maxIntDigits || n.styles&commaStyles != 0 && n.commaInt > maxIntDigits {
		return classText
	}
	return classNumber
}

func (n *number) setScale(point bool, scale, total, dropped int) {
	whole := int16(total - scale)
	if point {
		n.point, n.pointScale, n.pointInt = int16(scale-dropped), int16(scale), whole
		return
	}
	n.comma, n.commaScale, n.commaInt = int16(scale-dropped), int16(scale), whole
}

// groupStyles are the styles whose thousands sign is group and whose decimal
// sign, where there is one, is decimal.
func groupStyles(group, decimal byte) style {
	var s style
	switch group {
	case ',':
		s = styleUS
	case '.':
		s = styleEuro
	case ' ':
		s = styleSpacePoint | styleSpaceComma
	case '\'':
		s = styleSwiss
	}
	switch decimal {
	case '.':
		s &= pointStyles
	case ',':
		s &= commaStyles
	case 0:
	default:
		s = 0
	}
	return s
}

// parseExponent reads what follows the digits: e-05. 1e5 without sign or point
// may be an article number, so it is none.
func parseExponent(rest []byte, n *number, runs [maxRuns]int, nsep int, sep byte, dropped int, lead byte) class {
	if rest[0] != 'e' && rest[0] != 'E' || len(rest) < 2 || nsep > 1 || nsep == 1 && sep != '.' {
		return classText
	}
	e := rest[1:]
	signed, negative := false, false
	if e[0] == '-' || e[0] == '+' {
		signed, negative = true, e[0] == '-'
		e = e[1:]
	}
	if len(e) == 0 || len(e) > 3 {
		return classText
	}
	x := 0
	for _, c := range e {
		if c < '0' || c > '9' {
			return classText
		}
		x = x*10 + int(c-'0')
	}
	if x > maxExponent {
		return classText
	}
	if nsep == 0 && !signed {
		return classExponent
	}
	if lead == '0' && runs[0] > 1 {
		return classText
	}
	if negative {
		x = -x
	}
	frac := 0
	if nsep == 1 {
		frac = runs[1]
	}
	n.exponent = true
	n.styles = stylePoint
	n.point = int16(frac - x - dropped)
	n.pointScale = int16(max(frac-x, 0))
	n.pointInt = int16(max(runs[0]+x, 1))
	return classNumber
}

// separatorAt is the separator at the start of v with its width: '.', ',',
// '\” (also ’) or ' ' (also the no-break spaces).
func separatorAt(v []byte) (byte, int) {
	switch v[0] {
	case '.', ',', '\'', ' ':
		return v[0], 1
	case 0xC2:
		if len(v) > 1 && v[1] == 0xA0 {
			return ' ', 2
		}
	case 0xE2:
		if len(v) > 2 && v[1] == 0x80 {
			switch v[2] {
			case 0xAF:
				return ' ', 3
			case 0x99:
				return '\'', 3
			}
		}
	}
	return 0, 0
}

func currencyAt(v []byte) (uint8, int) {
	if len(v) == 0 || v[0] >= '0' && v[0] <= '9' {
		return 0, 0
	}
	for i, c := range currencies {
		if len(v) >= len(c) && string(v[:len(c)]) == c {
			return uint8(i + 1), len(c)
		}
	}
	return 0, 0
}

func currencyBefore(v []byte) (uint8, int) {
	if len(v) == 0 || v[len(v)-1] >= '0' && v[len(v)-1] <= '9' {
		return 0, 0
	}
	for i, c := range currencies {
		if len(v) >= len(c) && string(v[len(v)-len(c):]) == c {
			return uint8(i + 1), len(c)
		}
	}
	return 0, 0
}

func skipSpace(v []byte) []byte {
	for len(v) > 0 {
		sep, w := separatorAt(v)
		if w == 0 || sep != ' ' {
			break
		}
		v = v[w:]
	}
	return v
}

func trimSpaceRight(v []byte) []byte {
	for len(v) > 0 {
		switch {
		case v[len(v)-1] == ' ':
			v = v[:len(v)-1]
		case len(v) > 1 && v[len(v)-2] == 0xC2 && v[len(v)-1] == 0xA0:
			v = v[:len(v)-2]
		case len(v) > 2 && v[len(v)-3] == 0xE2 && v[len(v)-2] == 0x80 && v[len(v)-1] == 0xAF:
			v = v[:len(v)-3]
		default:
			return v
		}
	}
	return v
}

func allDigits(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
