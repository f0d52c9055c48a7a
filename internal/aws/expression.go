package aws

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// EventBridge's expressions that are not cron.
var (
	rateExpression = regexp.MustCompile(`^rate\([1-9]\d{0,5} (minute|hour|day)s?\)$`)
	atExpression   = regexp.MustCompile(`^at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)$`)
)

// cronField is a field of a cron expression.
type cronField struct {
	name        string
	first, last int
	// words stand for first and those after it.
	words []string
	// day fields may be ?, and end in what special matches.
	special *regexp.Regexp
}

var cronFields = []cronField{
	{name: "minute", first: 0, last: 59},
	{name: "hour", first: 0, last: 23},
	{name: "day of month", first: 1, last: 31, special: regexp.MustCompile(`^(\?|L|LW|L-\d{1,2}|\d{1,2}W)$`)},
	{name: "month", first: 1, last: 12, words: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of week", first: 1, last: 7, words: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, special: regexp.MustCompile(`^(\?|L|[1-7]L|(SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])|[1-7]#[1-5])$`)},
	{name: "year", first: 1970, last: 2199},
}

// checkExpression says what is wrong with an expression of EventBridge
// Scheduler; "" where nothing is. EventBridge itself says less, and only after
// the expressions before this one are in effect.
func checkExpression(e string) string {
	if rateExpression.MatchString(e) || atExpression.MatchString(e) {
		return ""
	}
	inner, isCron := strings.CutPrefix(e, "cron(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !isCron || !closed {
		return "it is not cron(…), rate(…) or at(…)"
	}
	fields := strings.Fields(inner)
	if len(fields) != len(cronFields) {
		return fmt.Sprintf("it has %d fields, not minute, hour, day of month, month, day of week and year", len(fields))
	}
	for i, f := range cronFields {
		if reason := f.check(fields[i]); reason != "" {
			return reason
		}
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return "one of day of month and day of week must be ?, and the other not"
	}
	return ""
}

func (f *cronField) check(text string) string {
	if f.special != nil && f.special.MatchString(text) {
		return ""
	}
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		ok := span == "*" || f.value(from) >= 0 && (!ranged || f.value(to) >= f.value(from))
		if stepped {
			n, err := strconv.Atoi(step)
			ok = ok && err == nil && n > 0 && n <= f.last
		}
		if !ok {
			return fmt.Sprintf("%q is no %s", part, f.name)
		}
	}
	return ""
}

// value is the number of a word or number; -1 for none of the field's.
func (f *cronField) value(text string) int {
	if i := slices.Index(f.words, strings.ToUpper(text)); i >= 0 {
		return f.first + i
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.first || n > f.last {
		return -1
	}
	return n
}
