package cron

import (
	"fmt"
	"math/bits"
	"time"
)

// years is how far ahead is looked: 29 February on one day of the week comes
// after 40 years at the latest.
const years = 45

// Firing is an instant at which an expression fires.
type Firing struct {
	At time.Time
	// Note says what a change of the clocks does to it; mostly "".
	Note string
}

// Next is the first firing after an instant, in loc; zero where there is none
// in the next decades.
func (e Expression) Next(after time.Time, loc *time.Location) time.Time { return e.next(after, loc).At }

// Upcoming are the next n firings after an instant, in order, fewer where there are none.
func (e Expression) Upcoming(after time.Time, loc *time.Location, n int) []Firing {
	firings := make([]Firing, 0, max(n, 0))
	for len(firings) < n {
		f := e.next(after, loc)
		if f.At.IsZero() {
			break
		}
		firings, after = append(firings, f), f.At
	}
	return firings
}

// Fires says whether an instant is a firing.
func (e Expression) Fires(at time.Time, loc *time.Location) bool {
	return e.Next(at.Add(-time.Nanosecond), loc).Equal(at)
}

func (e Expression) next(after time.Time, loc *time.Location) Firing {
	after = after.In(loc)
	if e.hourStar {
		return e.elapsed(after)
	}
	return e.walls(after)
}

func (e Expression) onDay(year int, month time.Month, day int) bool {
	if e.month&(1<<month) == 0 {
		return false
	}
	byMonth := e.day&(1<<day) != 0
	byWeek := e.week&(1<<time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()) != 0
	if e.either() {
		return byMonth || byWeek
	}
	return byMonth && byWeek
}

// elapsed finds the first minute whose time on the wall matches.
func (e Expression) elapsed(after time.Time) Firing {
	loc := after.Location()
	t := after.Truncate(time.Minute).Add(time.Minute)
	end := after.AddDate(years, 0, 0)
	for t.Before(end) {
		year, month, day := t.Date()
		hour, minute := t.Hour(), t.Minute()
		var to time.Time
		switch {
		case e.month&(1<<month) == 0:
			to, _ = instant(year, month+1, 1, 0, 0, loc)
		case !e.onDay(year, month, day):
			to, _ = instant(year, month, day+1, 0, 0, loc)
		case e.hour&(1<<hour) == 0:
			to = t.Add(time.Duration(60-minute) * time.Minute)
		case e.minute&(1<<minute) == 0:
			ahead := bits.TrailingZeros64(e.minute>>minute | 1<<(60-minute))
			to = t.Add(time.Duration(ahead) * time.Minute)
		default:
			note := ""
			if first, how := instant(year, month, day, hour, minute, loc); how == twice {
				note = fmt.Sprintf("the clocks go back: %s comes twice, and it fires both times", t.Format("15:04"))
				if first.Equal(t) {
					return Firing{t, note}
				}
				note = fmt.Sprintf("the clocks have gone back: %s comes again, and it fires again", t.Format("15:04"))
			}
			return Firing{t, note}
		}
		// No jump passes a change of the clocks unseen, and none stands still.
		if _, change := t.ZoneBounds(); !change.IsZero() && change.Before(to) {
			to = change
		}
		if !to.After(t) {
			to = t.Add(time.Minute)
		}
		t = to.In(loc)
	}
	return Firing{}
}

// walls finds the first time on the wall whose instant is after.
func (e Expression) walls(after time.Time) Firing {
	loc := after.Location()
	from := after
	// A time that was skipped lately fires later than it says.
	if change, _ := after.ZoneBounds(); !change.IsZero() && after.Sub(change) < 26*time.Hour {
		from = after.Add(-50 * time.Hour)
	}
	year, month, day := from.Date()
	hour, minute := from.Hour(), from.Minute()
	for last := year + years; year <= last; {
		if e.onDay(year, month, day) {
			for h := hour; h < 24; h++ {
				if e.hour&(1<<h) == 0 {
					continue
				}
				first := 0
				if h == hour {
					first = minute
				}
				for set := e.minute >> first << first; set != 0; set &= set - 1 {
					m := bits.TrailingZeros64(set)
					if at, how := instant(year, month, day, h, m, loc); at.After(after) {
						return Firing{at, noteOf(how, h, m, at)}
					}
				}
			}
		}
		hour, minute = 0, 0
		step := 1
		if e.month&(1<<month) == 0 {
			day, month = 1, month+1
			step = 0
		}
		year, month, day = time.Date(year, month, day+step, 0, 0, 0, 0, time.UTC).Date()
	}
	return Firing{}
}

// mapping is how a time on the wall relates to instants.
type mapping uint8

const (
	once mapping = iota
	never
	twice
)

func noteOf(how mapping, hour, minute int, at time.Time) string {
	switch how {
	case never:
		return fmt.Sprintf("the clocks go forward: there is no %02d:%02d, and it fires at %s", hour, minute, at.Format("15:04"))
	case twice:
		return fmt.Sprintf("the clocks go back: %02d:%02d comes twice, and it fires the first time", hour, minute)
	}
	return ""
}

// instant is the first instant that has this time on the wall; where there is
// none, the first after the gap.
func instant(year int, month time.Month, day, hour, minute int, loc *time.Location) (time.Time, mapping) {
	t := time.Date(year, month, day, hour, minute, 0, 0, loc)
	wall := time.Date(year, month, day, hour, minute, 0, 0, time.UTC).Unix()
	begin, end := t.ZoneBounds()
	_, offset := t.Zone()
	if shown := t.Unix() + int64(offset); shown != wall {
		// time.Date counts on from before a gap, or back from after it.
		if shown > wall {
			return begin, never
		}
		return end, never
	}
	// The same time may come on the other side of a change near by.
	if !begin.IsZero() {
		_, before := begin.Add(-time.Second).Zone()
		if other := time.Unix(wall-int64(before), 0); other.Before(begin) {
			return other.In(loc), twice
		}
	}
	if !end.IsZero() {
		_, later := end.Zone()
		if other := time.Unix(wall-int64(later), 0); !other.Before(end) {
			return t, twice
		}
	}
	return t, once
}
