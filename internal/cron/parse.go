// Package cron reads Unix cron expressions of five fields, says when they fire
// in a time zone, and says the same to Amazon EventBridge.
//
// As in crontab(5), a day matches where day-of-month or day-of-week does, if
// neither begins with *; else where both do. Where the clocks change, a time
// that is skipped fires at the first instant after the gap, and one that comes
// twice fires the first time. An hour field that begins with * follows elapsed
// time instead: what falls into the gap does not fire, and what comes twice
// fires twice. No instant fires twice.
package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Expression is a parsed expression; it is a value, and Parse makes it.
type Expression struct {
	text                           string
	minute, hour, day, month, week uint64 // bits by value; week has 0 to 6, Sunday is 0
	// dayStar, weekStar and hourStar say that the field begins with *.
	dayStar, weekStar, hourStar bool
}

// String is the expression as it was given, without space around it.
func (e Expression) String() string { return e.text }

// FieldError is what is wrong with a field, or with the whole ("expression").
type FieldError struct {
	// Field is "minute", "hour", "day_of_month", "month", "day_of_week" or "expression".
	Field string
	// Value is the part that is wrong, Position its offset in the text in bytes.
	Value    string
	Position int
	// Reason says why, Fix what to write instead; sentences without a full stop.
	Reason, Fix string
}

// Error gives field, reason and fix in one line.
func (e *FieldError) Error() string {
	return strings.ReplaceAll(e.Field, "_", " ") + ": " + e.Reason + ". " + e.Fix
}

// Errors are all fields that are wrong, in the order of the text.
type Errors []*FieldError

// Error gives the first, and how many there are beside it.
func (e Errors) Error() string {
	if len(e) > 1 {
		return fmt.Sprintf("%s (and %d more)", e[0].Error(), len(e)-1)
	}
	return e[0].Error()
}

// longest bounds an expression, in bytes; whatever can be said fits.
const longest = 400

type field struct {
	name, words string
	first, last int
	// names stand for first and those after it.
	names []string
}

var (
	months   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

	fields = [5]field{
		{name: "minute", words: "minute", last: 59},
		{name: "hour", words: "hour", last: 23},
		{name: "day_of_month", words: "day of month", first: 1, last: 31},
		{name: "month", words: "month", first: 1, last: 12, names: months},
		{name: "day_of_week", words: "day of week", last: 7, names: weekdays},
	}

	macros = map[string]string{
		"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
		"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
	}
)

// Parse reads an expression. The error is Errors, with every field that is wrong.
func Parse(text string) (Expression, error) {
	trimmed := strings.TrimSpace(text)
	offset := strings.Index(text, trimmed)
	whole := func(reason, fix string) (Expression, error) {
		return Expression{}, Errors{{Field: "expression", Value: cut(trimmed), Position: offset, Reason: reason, Fix: fix}}
	}
	if trimmed == "" {
		return whole("it is empty", `Write minute, hour, day of month, month and day of week, as "0 6 * * MON-FRI"`)
	}
	if len(text) > longest {
		return whole(fmt.Sprintf("it is longer than %d bytes", longest), "Use ranges and steps, as 0-30/5")
	}
	e := Expression{text: trimmed}
	expanded := trimmed
	if strings.HasPrefix(trimmed, "@") {
		macro, ok := macros[strings.ToLower(trimmed)]
		if !ok {
			return whole("there is no such short form", "Use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, or five fields")
		}
		expanded = macro
	}
	parts, at := split(expanded)
	switch n := len(parts); {
	case n == 6 || n == 7:
		return whole(fmt.Sprintf("it has %d fields; there are no seconds and no years", n), "Write five: minute, hour, day of month, month and day of week. The shortest interval is a minute")
	case n != 5:
		return whole(fmt.Sprintf("it has %d field%s and not five", n, plural(n)), `Write minute, hour, day of month, month and day of week, as "0 6 * * MON-FRI"`)
	}
	var found Errors
	for i, to := range []*uint64{&e.minute, &e.hour, &e.day, &e.month, &e.week} {
		set, bad := fields[i].parse(parts[i], offset+at[i])
		*to, found = set, append(found, bad...)
	}
	if len(found) > 0 {
		return Expression{}, found
	}
	if e.week&(1<<7) != 0 {
		e.week = e.week&^(1<<7) | 1
	}
	e.hourStar, e.dayStar, e.weekStar = parts[1][0] == '*', parts[2][0] == '*', parts[4][0] == '*'
	if !e.possible() {
		return Expression{}, Errors{{
			Field: "day_of_month", Value: parts[2], Position: offset + at[2],
			Reason: "no chosen month has such a day (month: " + parts[3] + ")", Fix: "Choose a day that the month has, or another month",
		}}
	}
	return e, nil
}

// possible says whether there is a day at all.
func (e Expression) possible() bool {
	if e.either() {
		return true
	}
	for m, days := range [12]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31} {
		if e.month&(1<<(m+1)) != 0 && e.day&(1<<(days+1)-1) != 0 {
			return true
		}
	}
	return false
}

// either says that a day matches by month or by week.
func (e Expression) either() bool { return !e.dayStar && !e.weekStar }

// split gives the fields and where they begin.
func split(text string) (parts []string, at []int) {
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r' {
			i++
			continue
		}
		end := len(text)
		if n := strings.IndexAny(text[i:], " \t\r\n"); n >= 0 {
			end = i + n
		}
		parts, at = append(parts, text[i:end]), append(at, i)
		i = end
	}
	return parts, at
}

func (f *field) parse(text string, at int) (set uint64, found Errors) {
	for part := range strings.SplitSeq(text, ",") {
		values, reason, fix := f.part(part)
		if reason != "" {
			found = append(found, &FieldError{Field: f.name, Value: cut(part), Position: at, Reason: reason, Fix: fix})
		}
		set |= values
		at += len(part) + 1
	}
	return set, found
}

// part reads one element of a list.
func (f *field) part(text string) (set uint64, reason, fix string) {
	all := f.span()
	if text == "" {
		return 0, "an element of the list is empty", "Take away the comma that is too many"
	}
	if strings.ContainsAny(text, "?LW#") && f.value(text) < 0 && !f.wordy(text) {
		return 0, strconv.Quote(cut(text)) + " is of another kind of cron (?, L, W and #)", "Use *, " + all + ", lists, ranges and steps"
	}
	span, stepText, stepped := strings.Cut(text, "/")
	fromText, toText, ranged := strings.Cut(span, "-")
	from, to := f.first, f.highest()
	if span != "*" {
		if from = f.value(fromText); from < 0 {
			return 0, f.no(fromText), "Use " + all
		}
		to = from
		if ranged {
			if to = f.value(toText); to < 0 {
				return 0, f.no(toText), "Use " + all
			}
			if f.last == 7 && to == 0 && from > 0 {
				to = 7 // a week that ends on Sunday
			}
		}
		if from > to {
			return 0, fmt.Sprintf("the range %s runs backwards", cut(span)), fmt.Sprintf("Write %s-%d,%d-%s", cut(fromText), f.highest(), f.first, cut(toText))
		}
	}
	step := 1
	if stepped {
		var ok bool
		if step, ok = number(stepText); !ok || step == 0 {
			return 0, fmt.Sprintf("the step %q is not a number from 1 on", cut(stepText)), "Write it as */5 or 0-30/5"
		}
		if span != "*" && !ranged {
			return 0, fmt.Sprintf("the step of %s has no range", cut(text)), fmt.Sprintf("Write %s-%d/%s", cut(fromText), f.highest(), cut(stepText))
		}
		if size := f.highest() - f.first + 1; step >= size {
			return 0, fmt.Sprintf("the step %d goes past the field's %d values", step, size), fmt.Sprintf("Use a step below %d, or choose values", size)
		}
	}
	for v := from; v <= to; v += step {
		set |= 1 << v
	}
	return set, "", ""
}

// highest is the last value, where each has one number: Sunday has two.
func (f *field) highest() int {
	if f.last == 7 {
		return 6
	}
	return f.last
}

// span words what the field takes.
func (f *field) span() string {
	s := fmt.Sprintf("%d to %d", f.first, f.last)
	if f.names != nil {
		s += " or " + f.names[0] + " to " + f.names[len(f.names)-1]
	}
	return s
}

func (f *field) no(text string) string {
	if n, ok := number(text); ok {
		return fmt.Sprintf("there is no %s %d", f.words, n)
	}
	return fmt.Sprintf("%q is no %s", cut(text), f.words)
}

// wordy says that every name in a range is one of the field's, as in JUL-AUG.
func (f *field) wordy(text string) bool {
	span, _, _ := strings.Cut(text, "/")
	from, to, ranged := strings.Cut(span, "-")
	return f.value(from) >= 0 && (!ranged || f.value(to) >= 0)
}

// value reads a number or a name; -1 is none.
func (f *field) value(text string) int {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.first + i
		}
	}
	if n, ok := number(text); ok && n >= f.first && n <= f.last {
		return n
	}
	return -1
}

// number reads digits.
func number(text string) (int, bool) {
	if text == "" || len(text) > 9 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

func cut(text string) string {
	const most = 40
	if len(text) <= most {
		return strings.ToValidUTF8(text, "?")
	}
	return strings.ToValidUTF8(text[:most], "?") + "…"
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// whole says that the set has every value of a field.
func whole(set uint64, f *field) bool {
	return bits.OnesCount64(set) == f.highest()-f.first+1
}
