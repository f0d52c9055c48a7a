package transform

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
)

// Bounds of an expression's text; what passes them is a Mistake.
const (
	maxSource = 64 << 10
	maxDepth  = 200
	maxNodes  = 10_000
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenText
	tokenName
	tokenOperator
)

type token struct {
	kind     tokenKind
	pos, end int
	// text is an operator or a name as written, a number without underscores,
	// or a text without its quotes and escapes.
	text string
}

// is says whether the token is the given operator or, in any case, word.
func (t token) is(word string) bool {
	switch t.kind {
	case tokenOperator:
		return t.text == word
	case tokenName:
		return len(t.text) == len(word) && strings.EqualFold(t.text, word)
	}
	return false
}

type lexer struct {
	source string
	at     int
}

// operators are tried in this order, so the long ones come first.
var operators = []string{
	"==", "!=", "<>", "<=", ">=", "&&", "||", "??",
	"<", ">", "=", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")", "[", "]", ",",
}

func (l *lexer) next() (token, *etl.Error) {
	for l.at < len(l.source) {
		r, size := utf8.DecodeRuneInString(l.source[l.at:])
		if !unicode.IsSpace(r) && r != '\ufeff' {
			break
		}
		l.at += size
	}
	start := l.at
	if start == len(l.source) {
		return token{kind: tokenEnd, pos: start, end: start}, nil
	}
	c := l.source[start]
	switch {
	case c == '"' || c == '\'':
		return l.quoted(c)
	case isDigit(c), c == '.' && start+1 < len(l.source) && isDigit(l.source[start+1]):
		return l.number()
	}
	for _, op := range operators {
		if strings.HasPrefix(l.source[start:], op) {
			l.at += len(op)
			return token{tokenOperator, start, l.at, op}, nil
		}
	}
	for l.at < len(l.source) {
		r, size := utf8.DecodeRuneInString(l.source[l.at:])
		if r == utf8.RuneError || !(r == '_' || unicode.IsLetter(r) || l.at > start && (unicode.IsDigit(r) || unicode.IsMark(r))) {
			break
		}
		l.at += size
	}
	if l.at > start {
		return token{tokenName, start, l.at, l.source[start:l.at]}, nil
	}
	r, size := utf8.DecodeRuneInString(l.source[start:])
	fix := "Put texts in quotes, and odd column names in col(\"…\")"
	switch r {
	case '“', '”', '‘', '’', '„', '«', '»', '`':
		fix = "Use the plain quotes ' or \""
	case '×':
		fix = "Multiply with *"
	case '÷':
		fix = "Divide with /"
	case '&':
		fix = "Write and, or && twice"
	case '|':
		fix = "Write or, or || twice"
	case ';':
		fix = "An expression has no semicolon"
	}
	return token{}, expressionError(l.source, start, start+size, fix, "unexpected character "+strconv.QuoteRune(r))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads digits with underscores between them, a fraction and an exponent.
func (l *lexer) number() (token, *etl.Error) {
	start := l.at
	digits := func() {
		for l.at < len(l.source) && (isDigit(l.source[l.at]) || l.source[l.at] == '_') {
			l.at++
		}
	}
	digits()
	if l.at < len(l.source) && l.source[l.at] == '.' {
		l.at++
		digits()
	}
	if l.at < len(l.source) && (l.source[l.at] == 'e' || l.source[l.at] == 'E') {
		mark := l.at
		l.at++
		if l.at < len(l.source) && (l.source[l.at] == '+' || l.source[l.at] == '-') {
			l.at++
		}
		if l.at < len(l.source) && isDigit(l.source[l.at]) {
			digits()
		} else {
			l.at = mark
		}
	}
	if r, size := utf8.DecodeRuneInString(l.source[l.at:]); size > 0 && (r == '_' || r == '.' || unicode.IsLetter(r)) {
		return token{}, expressionError(l.source, start, l.at+size,
			"Put a column whose name starts with a digit in col(\"…\")", "a number runs into a name")
	}
	return token{tokenNumber, start, l.at, strings.ReplaceAll(l.source[start:l.at], "_", "")}, nil
}

// quoted reads a text. A doubled quote and \' \" \\ \n \t \r \uXXXX are
// escapes; any other backslash stands for itself, so that '\d+' is a pattern.
func (l *lexer) quoted(quote byte) (token, *etl.Error) {
	start := l.at
	var b strings.Builder
	for i := start + 1; i < len(l.source); i++ {
		c := l.source[i]
		switch {
		case c == quote && i+1 < len(l.source) && l.source[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			l.at = i + 1
			return token{tokenText, start, l.at, b.String()}, nil
		case c == '\\' && i+1 < len(l.source):
			i++
			switch e := l.source[i]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case '\\', '\'', '"':
				b.WriteByte(e)
			case 'u':
				if i+4 >= len(l.source) {
					return token{}, expressionError(l.source, i-1, len(l.source), `Write four hexadecimal digits: \u00e9`, `\u without its digits`)
				}
				n, err := strconv.ParseUint(l.source[i+1:i+5], 16, 16)
				if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
					return token{}, expressionError(l.source, i-1, i+5, `Write four hexadecimal digits of a character: \u00e9`, `wrong \u escape`)
				}
				b.WriteRune(rune(n))
				i += 4
			default:
				// The character after the backslash is taken by the next turn.
				b.WriteByte('\\')
				i--
			}
		default:
			b.WriteByte(c)
		}
	}
	return token{}, expressionError(l.source, start, start+1, "Close the text with "+string(quote), "a text is not closed")
}
