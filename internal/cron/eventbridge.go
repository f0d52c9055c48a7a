package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrBothDays is of an expression that wants days by month and by week at once,
// as */2 and MON do: EventBridge takes one of the two.
var ErrBothDays = errors.New("EventBridge cannot choose days by month and by week at once; let one of the two be *, or write it without a leading * to have days that match either")

// EventBridge says the expression in EventBridge Scheduler's six fields, with
// the days of the week by name. What matches by month or by week is two
// expressions, which both fire where a day is both: whoever takes their ticks
// must take one of a time. What cannot be said is ErrBothDays.
//
// EventBridge's own rule for changes of the clocks is another one: a time that
// is skipped does not fire there, and one that comes twice fires once.
func (e Expression) EventBridge() ([]string, error) {
	everyDay, everyWeekday := whole(e.day, &fields[2]), whole(e.week, &fields[4])
	say := func(day, week string) string {
		return fmt.Sprintf("cron(%s %s %s %s %s *)", list(e.minute, &fields[0]), list(e.hour, &fields[1]), day, list(e.month, &fields[3]), week)
	}
	byMonth, byWeek := say(list(e.day, &fields[2]), "?"), say("?", list(e.week, &fields[4]))
	switch {
	case e.either() && (everyDay || everyWeekday):
		return []string{say("*", "?")}, nil
	case e.either():
		return []string{byMonth, byWeek}, nil
	case everyWeekday:
		return []string{byMonth}, nil
	case everyDay:
		return []string{byWeek}, nil
	}
	return nil, ErrBothDays
}

// list writes a set as values and ranges.
func list(set uint64, f *field) string {
	if whole(set, f) {
		return "*"
	}
	name := strconv.Itoa
	if f.last == 7 {
		name = func(v int) string { return weekdays[v] }
	}
	var parts []string
	for v := f.first; v <= f.highest(); v++ {
		if set&(1<<v) == 0 {
			continue
		}
		from := v
		for v < f.highest() && set&(1<<(v+1)) != 0 {
			v++
		}
		switch {
		case v == from:
			parts = append(parts, name(v))
		case v == from+1:
			parts = append(parts, name(from), name(v))
		default:
			parts = append(parts, name(from)+"-"+name(v))
		}
	}
	return strings.Join(parts, ",")
}
