package transform

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// datePiece is a token of a date format, or literal text where token is "".
type datePiece struct {
	token, text string
}

// dateTokens are matched in any case, longest first.
var dateTokens = []string{
	"TZH:TZM", "MONTH", "HH24", "HH12", "YYYY", "DDD", "DAY", "MON", "FF6", "FF3", "YY", "MM", "MI", "MS", "US", "DD", "DY", "HH", "SS", "FF", "AM", "PM", "TZ", "OF", "IW", "Q", "M", "D",
}

// strftime gives the token of each letter.
var strftime = map[byte]string{
	'Y': "YYYY", 'y': "YY", 'm': "MM", 'd': "DD", 'e': "D", 'H': "HH24", 'I': "HH12", 'M': "MI", 'S': "SS", 'f': "US",
	'p': "AM", 'b': "MON", 'h': "MON", 'B': "MONTH", 'a': "DY", 'A': "DAY", 'j': "DDD", 'z': "OF", 'Z': "TZ", 'V': "IW",
}

var formatWords = map[string]string{
	"iso": "", "epoch": "EPOCH", "epoch_ms": "EPOCH_MS", "epoch_us": "EPOCH_US",
}

// parseDateFormat reads a format of format_date: the date patterns of
// docs/formats.md, strftime, or the words iso, epoch, epoch_ms, epoch_us. An
// empty what means that it is fine.
func parseDateFormat(format string, k kind) (pieces []datePiece, what string) {
	if word, ok := formatWords[strings.ToLower(format)]; ok {
		switch {
		case word != "":
			return []datePiece{{token: word}}, ""
		case k == kindDate:
			return parseDateFormat("YYYY-MM-DD", k)
		case k == kindTime:
			return parseDateFormat("HH24:MI:SS", k)
		case k == kindTimestampTZ:
			return parseDateFormat(`YYYY-MM-DD"T"HH24:MI:SSTZH:TZM`, k)
		}
		return parseDateFormat(`YYYY-MM-DD"T"HH24:MI:SS`, k)
	}
	percent := strings.Contains(format, "%")
	literal := func(s string) {
		if n := len(pieces); n > 0 && pieces[n-1].token == "" {
			pieces[n-1].text += s
			return
		}
		pieces = append(pieces, datePiece{text: s})
	}
scan:
	for i := 0; i < len(format); {
		if percent {
			switch {
			case format[i] != '%':
				literal(format[i : i+1])
				i++
			case i+1 < len(format) && format[i+1] == '%':
				literal("%")
				i += 2
			default:
				if i+1 == len(format) || strftime[format[i+1]] == "" {
					return nil, "%" + cut(format[i+1:], 1) + " is not known"
				}
				pieces = append(pieces, datePiece{strftime[format[i+1]], "Xx"})
				i += 2
			}
			continue
		}
		if format[i] == '"' {
			end := strings.IndexByte(format[i+1:], '"')
			if end < 0 {
				return nil, "a quote is not closed"
			}
			literal(format[i+1 : i+1+end])
			i += end + 2
			continue
		}
		for _, t := range dateTokens {
			if len(format)-i >= len(t) && strings.EqualFold(format[i:i+len(t)], t) {
				pieces = append(pieces, datePiece{t, format[i : i+len(t)]})
				i += len(t)
				continue scan
			}
		}
		if c := format[i]; c < 0x80 && unicode.IsLetter(rune(c)) && c != 'T' && c != 'Z' {
			return nil, "it has the letter " + strconv.Quote(format[i:i+1]) + ", which stands for nothing"
		}
		literal(format[i : i+1])
		i++
	}
	for _, p := range pieces {
		if p.token != "" {
			return pieces, ""
		}
	}
	return nil, "it has no part of a date"
}

// formatKind says what a date format describes: a date, a timestamp, or one with time zone.
func formatKind(format string) kind {
	switch strings.ToLower(format) {
	case "epoch", "epoch_ms", "epoch_us", "rfc2822":
		return kindTimestampTZ
	}
	pattern, zone := format, ""
	if i := strings.LastIndexByte(format, '@'); i >= 0 {
		pattern, zone = format[:i], format[i:]
	}
	pieces, _ := parseDateFormat(pattern, kindTimestamp)
	k := kindDate
	if strings.EqualFold(pattern, "iso") {
		pieces = nil
	}
	for _, p := range pieces {
		switch p.token {
		case "HH24", "HH12", "HH", "MI", "SS", "FF", "FF3", "FF6", "MS", "US", "AM", "PM":
			k = max(k, kindTimestamp)
		case "TZ", "OF", "TZH:TZM":
			k = kindTimestampTZ
		}
	}
	if zone != "" && k == kindTimestamp {
		k = kindTimestampTZ
	}
	return k
}

// buildFormatDate writes a date by a format.
func buildFormatDate(c *compiler, n *node, args []expr) expr {
	f, k := c.anyMoment(args[0])
	format := c.constantText(args[1], "format")
	if c.err != nil {
		return null(n)
	}
	pieces, what := parseDateFormat(format, k)
	if what == "" && k == kindTime {
		for _, p := range pieces {
			switch p.token {
			case "", "HH24", "HH12", "HH", "MI", "SS", "FF", "FF3", "FF6", "MS", "US", "AM", "PM":
			default:
				what = "a time has no " + p.token
			}
		}
	}
	if what != "" {
		return c.fail(args[1].n, "Write a format such as 'DD.MM.YYYY' or 'YYYY-MM-DD HH24:MI:SS'", "the format '"+cut(format, 40)+"' cannot be used: "+what)
	}
	loc := c.loc
	if k != kindTimestampTZ {
		loc = time.UTC
	}
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		t, ok := f(fr)
		if !ok {
			return nil, false
		}
		if infinite(t) {
			fr.fail(CodeExpressionFailed, "an infinite date has no "+cut(format, 40))
			return nil, false
		}
		start := len(fr.buf)
		for i := range pieces {
			fr.buf = pieces[i].append(fr.buf, t, loc)
		}
		return fr.since(start)
	})
}

func (p *datePiece) append(dst []byte, t int64, loc *time.Location) []byte {
	if p.token == "" {
		return append(dst, p.text...)
	}
	days := floorDiv(t, microsPerDay)
	micros := t - days*microsPerDay
	y, m, d := civil(days)
	if y <= 0 {
		y = 1 - y
	}
	hour, minute, second, fraction := micros/unitMicros["hour"], micros/unitMicros["minute"]%60, micros/microsPerSecond%60, micros%microsPerSecond
	switch p.token {
	case "YYYY":
		return pad0(dst, y, 4)
	case "YY":
		return pad0(dst, y%100, 2)
	case "MM":
		return pad0(dst, m, 2)
	case "M":
		return pad0(dst, m, 1)
	case "DD":
		return pad0(dst, d, 2)
	case "D":
		return pad0(dst, d, 1)
	case "DDD":
		return pad0(dst, days-daysFromCivil(civilYear(days), 1, 1)+1, 3)
	case "Q":
		return pad0(dst, (m+2)/3, 1)
	case "IW":
		week, _ := datePart("week", t).Int64()
		return pad0(dst, week, 2)
	case "MONTH":
		return p.word(dst, time.Month(m).String())
	case "MON":
		return p.word(dst, time.Month(m).String()[:3])
	case "DAY", "DY":
		name := time.Weekday(floorMod(days+6, 7)).String()
		if p.token == "DY" {
			name = name[:3]
		}
		return p.word(dst, name)
	case "HH24":
		return pad0(dst, hour, 2)
	case "HH12", "HH":
		return pad0(dst, floorMod(hour-1, 12)+1, 2)
	case "MI":
		return pad0(dst, minute, 2)
	case "SS":
		return pad0(dst, second, 2)
	case "MS", "FF3":
		return pad0(dst, fraction/1000, 3)
	case "US", "FF", "FF6":
		return pad0(dst, fraction, 6)
	case "AM", "PM":
		if hour < 12 {
			return p.word(dst, "Am")
		}
		return p.word(dst, "Pm")
	case "EPOCH":
		return strconv.AppendInt(dst, floorDiv(fromWall(t, loc), microsPerSecond)+epochUnix, 10)
	case "EPOCH_MS":
		return strconv.AppendInt(dst, floorDiv(fromWall(t, loc), 1000)+epochUnix*1000, 10)
	case "EPOCH_US":
		return strconv.AppendInt(dst, fromWall(t, loc)+epochUnix*microsPerSecond, 10)
	}
	utc := fromWall(t, loc)
	name, offset := time.Unix(floorDiv(utc, microsPerSecond)+epochUnix, 0).In(loc).Zone()
	if p.token == "TZ" {
		return append(dst, name...)
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = pad0(append(dst, sign), int64(offset/3600), 2)
	return pad0(append(dst, ':'), int64(offset/60%60), 2)
}

func civilYear(days int64) int64 {
	y, _, _ := civil(days)
	return y
}

// word writes a name in the case of its token: MON, Mon, mon.
func (p *datePiece) word(dst []byte, name string) []byte {
	switch {
	case p.text == strings.ToUpper(p.text):
		name = strings.ToUpper(name)
	case p.text == strings.ToLower(p.text):
		name = strings.ToLower(name)
	case len(name) == 2:
		name = strings.ToUpper(name)
	}
	return append(dst, name...)
}

func pad0(dst []byte, n int64, width int) []byte {
	start := len(dst)
	dst = strconv.AppendInt(dst, n, 10)
	for len(dst)-start < width {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	return dst
}
