package transform

import (
	"strings"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
)

// Codes of the errors that Compile, ParseMapping and AutoMap give.
const (
	CodeExpression etl.Code = "expression_error"
	CodeMapping    etl.Code = "mapping_error"
	CodeTransform  etl.Code = "transformation_error"
)

// Codes of bad rows beyond those of schema.ParseError.
const (
	CodeExpressionFailed etl.Code = "expression_failed"
	CodeNotNumeric       etl.Code = "not_numeric"
	CodeNotNull          etl.Code = "not_null"
	CodeOutOfRange       etl.Code = "out_of_range"
	CodeNotInteger       etl.Code = "not_integer"
	CodeInternal         etl.Code = "internal"
)

// excerptWidth is how many characters of a long expression an error shows.
const excerptWidth = 72

// expressionError makes the error of an expression: the message says what is
// wrong at which character and shows the line with a caret under it.
func expressionError(source string, pos, end int, fix, message string) *etl.Error {
	pos = min(max(pos, 0), len(source))
	end = min(max(end, pos), len(source))
	start := strings.LastIndexByte(source[:pos], '\n') + 1
	stop := len(source)
	if i := strings.IndexByte(source[pos:], '\n'); i >= 0 {
		stop = pos + i
	}
	end = min(end, stop)
	column := utf8.RuneCountInString(source[start:pos]) + 1
	width := max(utf8.RuneCountInString(source[pos:end]), 1)
	spanned := width

	line := []rune(printable(source[start:stop]))
	at := column - 1
	if len(line) > excerptWidth {
		from := max(0, min(at-excerptWidth/2, len(line)-excerptWidth))
		to := from + excerptWidth
		cut := line[from:to]
		at -= from
		width = min(width, len(cut)-at)
		if to < len(line) {
			cut = append(append([]rune(nil), cut...), '…')
		}
		if from > 0 {
			cut = append([]rune{'…'}, cut...)
			at++
		}
		line = cut
	}
	where := "position " + itoa(column)
	if n := strings.Count(source[:start], "\n"); n > 0 || stop < len(source) {
		where = "line " + itoa(n+1) + ", position " + itoa(column)
	}
	// The excerpt stands first, so that the message runs on into its fix.
	text := "expression, " + where + ":" +
		"\n  " + string(line) +
		"\n  " + strings.Repeat(" ", at) + strings.Repeat("^", max(width, 1)) +
		"\n" + message
	span := &Span{Line: strings.Count(source[:start], "\n") + 1, Column: column, Length: spanned, Message: message}
	return &etl.Error{Kind: etl.Mistake, Code: CodeExpression, Message: text, Fix: fix, Err: span}
}

// printable replaces what would break the caret's alignment, one character by one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '·'
		}
		return r
	}, s)
}

// nearest is the candidate most like name, or "" where none is near. It
// compares without case, by Levenshtein distance with transpositions as one step.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", 0
	lower := strings.ToLower(name)
	if len(lower) > 128 {
		return ""
	}
	limit := max(1, utf8.RuneCountInString(lower)/3)
	for _, c := range candidates {
		if len(c) > 128 {
			continue
		}
		d := distance([]rune(lower), []rune(strings.ToLower(c)))
		if d <= limit && (best == "" || d < bestDistance) {
			best, bestDistance = c, d
		}
	}
	return best
}

func distance(a, b []rune) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean is the fix for an unknown name: the nearest one, else the first of those there are.
func didYouMean(name string, candidates []string, what string) string {
	if n := nearest(name, candidates); n != "" {
		return "Did you mean " + n + "?"
	}
	if len(candidates) == 0 {
		return "There are no " + what
	}
	const shown = 12
	list := strings.Join(candidates[:min(shown, len(candidates))], ", ")
	if len(candidates) > shown {
		list += ", … (" + itoa(len(candidates)) + " in all)"
	}
	return "The " + what + " are " + list
}

// cut shortens a text for a message to n characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "�")
	}
	// A prefix of 4n bytes holds n characters.
	s = strings.ToValidUTF8(s[:min(len(s), 4*n)], "�")
	i := 0
	for at := range s {
		if i == n {
			return s[:at] + "…"
		}
		i++
	}
	return s
}
