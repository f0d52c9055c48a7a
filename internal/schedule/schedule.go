// Package schedule fires schedules: it decides which times have come, what
// becomes of each by the schedule's policies, and keeps whoever else fires
// schedules (etl.Scheduler, etl.Orchestrator) told.
//
// A time becomes a tick, a row whose key is schedule and time. Every clock,
// ours or another's, can do no more than add that row, and whoever handles it
// holds its lock; so a time happens once, with any number of clocks and servers.
package schedule

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/etlportal/etlportal/internal/cron"
	"github.com/etlportal/etlportal/internal/etl"
)

// Plan is the first time of a schedule after an instant and when it is to be
// acted on, within its bounds; nil where there is none. Its expression and zone
// were checked when it was stored; where they cannot be read, there is none.
func Plan(s etl.Schedule, after time.Time) (next, due *time.Time) {
	e, loc, err := read(s)
	if err != nil {
		return nil, nil
	}
	at := following(e, loc, &s, after)
	if at.IsZero() {
		return nil, nil
	}
	later := at.Add(delay(&s, at))
	return &at, &later
}

func read(s etl.Schedule) (cron.Expression, *time.Location, error) {
	e, err := cron.Parse(s.Cron)
	if err != nil {
		return e, nil, err
	}
	loc, err := time.LoadLocation(s.Timezone)
	return e, loc, err
}

// following is the first time after an instant, within the schedule's bounds.
func following(e cron.Expression, loc *time.Location, s *etl.Schedule, after time.Time) time.Time {
	if s.StartAt != nil && after.Before(*s.StartAt) {
		after = s.StartAt.Add(-time.Nanosecond)
	}
	at := e.Next(after, loc)
	if at.IsZero() || s.EndAt != nil && !at.Before(*s.EndAt) {
		return time.Time{}
	}
	return at.UTC()
}

// delay is the jitter of a time: by job and time, so that every server finds the same.
func delay(s *etl.Schedule, at time.Time) time.Duration {
	if s.Jitter <= 0 {
		return 0
	}
	var key [16]byte
	binary.BigEndian.PutUint64(key[:8], uint64(s.JobID))
	binary.BigEndian.PutUint64(key[8:], uint64(at.Unix()))
	h := fnv.New64a()
	_, _ = h.Write(key[:])
	return time.Duration(h.Sum64() % uint64(s.Jitter)).Truncate(time.Millisecond)
}

// Upcoming are the next times of a schedule after an instant, within its
// bounds, whether it is on or not. The error is cron's or the zone's.
func Upcoming(s etl.Schedule, after time.Time, n int) ([]cron.Firing, error) {
	e, loc, err := read(s)
	if err != nil {
		return nil, err
	}
	if s.StartAt != nil && after.Before(*s.StartAt) {
		after = s.StartAt.Add(-time.Nanosecond)
	}
	firings := e.Upcoming(after, loc, n)
	for i, f := range firings {
		if s.EndAt != nil && !f.At.Before(*s.EndAt) {
			return firings[:i], nil
		}
	}
	return firings, nil
}

// latest are the last times, most at most, that have come by now, in order;
// s.NextAt is one that has. Years may have passed since, so it looks back from
// now in growing steps.
func latest(e cron.Expression, loc *time.Location, s *etl.Schedule, now time.Time, most int) []time.Time {
	first := *s.NextAt
	for back := time.Hour; ; back *= 4 {
		from := now.Add(-back)
		whole := !from.After(first)
		if whole {
			from = first
		}
		var found []time.Time
		if whole {
			found = append(found, first)
		}
		for at := following(e, loc, s, from); !at.IsZero() && !at.After(now); at = following(e, loc, s, at) {
			found = append(found, at)
		}
		// A time of late may wait for its jitter still.
		for len(found) > 0 && found[len(found)-1].Add(delay(s, found[len(found)-1])).After(now) && !found[len(found)-1].Equal(first) {
			found = found[:len(found)-1]
		}
		if whole || len(found) >= most {
			return found[max(0, len(found)-most):]
		}
	}
}
