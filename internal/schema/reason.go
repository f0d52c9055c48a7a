package schema

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuoted is the number of characters of a value that a reason shows.
const maxQuoted = 60

// quote is a value in single quotes, cut to maxQuoted characters, with control
// characters made visible.
func quote[T string | []byte](value T) string {
	var b strings.Builder
	b.WriteByte('\'')
	n := 0
	for _, r := range string(value[:min(len(value), maxQuoted*utf8.UTFMax)]) {
		if n == maxQuoted {
			break
		}
		n++
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r) || r == '\u00a0' || r == '\u202f':
			b.WriteRune(r)
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	if utf8.RuneCountInString(string(value[:min(len(value), (maxQuoted+1)*utf8.UTFMax)])) > maxQuoted {
		b.WriteString("…")
	}
	b.WriteByte('\'')
	return b.String()
}
