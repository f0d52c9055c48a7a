package etltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// SchedulerSuite checks every promise of etl.Scheduler, as far as it can be
// seen without waiting for a firing. open makes an adapter that has no entries.
// Expressions are in EventBridge's form.
func SchedulerSuite(t *testing.T, open func(t *testing.T) etl.Scheduler) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, etl.Scheduler){
		"Put": scheduled, "PutReplaces": scheduledAnew, "Disabled": scheduleDisabled, "Bounds": scheduleBounds, "Mistakes": scheduleMistakes,
		"Remove": scheduleRemoved, "Alike": scheduleAlike, "Many": schedulesMany, "Cancelled": scheduleCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantSchedules(t, s)
			test(t, s)
		})
	}
}

const (
	weekdays = "cron(30 6 ? * MON-FRI *)"
	monthly  = "cron(0 0 1 * ? *)"
)

// timetable is one that every test may change.
func timetable(schedule, job int64) etl.Timetable {
	return etl.Timetable{ScheduleID: schedule, JobID: job, Expressions: []string{weekdays}, Timezone: "Europe/Berlin", Enabled: true}
}

func putSchedule(t *testing.T, s etl.Scheduler, table etl.Timetable) {
	t.Helper()
	if err := s.Put(t.Context(), table); err != nil {
		t.Fatal(err)
	}
}

// wantSchedules compares what there is, in the order of schedule ids.
func wantSchedules(t *testing.T, s etl.Scheduler, want ...etl.Timetable) {
	t.Helper()
	got, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same := slices.EqualFunc(got, want, func(a, b etl.Timetable) bool {
		return a.ScheduleID == b.ScheduleID && a.JobID == b.JobID && slices.Equal(a.Expressions, b.Expressions) && a.Timezone == b.Timezone &&
			a.Enabled == b.Enabled && a.From.Equal(b.From) && a.Until.Equal(b.Until) && a.Window == b.Window
	})
	if !same {
		t.Errorf("kept are\n%+v, want\n%+v", got, want)
	}
}

func scheduled(t *testing.T, s etl.Scheduler) {
	one, two := timetable(12, 5), timetable(3, 1<<60)
	two.Expressions = []string{weekdays, monthly, "rate(5 minutes)"}
	two.Window = 15 * time.Minute
	for range 3 {
		putSchedule(t, s, one)
		putSchedule(t, s, two)
		wantSchedules(t, s, two, one)
	}
}

func scheduledAnew(t *testing.T, s etl.Scheduler) {
	other := timetable(2, 1)
	putSchedule(t, s, other)
	table := timetable(1, 1)
	change := func(f func()) {
		t.Helper()
		f()
		putSchedule(t, s, table)
		wantSchedules(t, s, table, other)
	}
	change(func() {})
	change(func() { table.Expressions = []string{monthly, weekdays, "cron(0 12 ? * SUN *)"} })
	change(func() { table.Timezone = "America/New_York" })
	change(func() { table.Window = time.Hour })
	change(func() { table.Expressions = []string{weekdays} })
	change(func() { table.Window = 0 })
	change(func() { table.JobID = 9 }) // the entries of the other job are gone
}

func scheduleDisabled(t *testing.T, s etl.Scheduler) {
	table := timetable(1, 1)
	table.Expressions = []string{weekdays, monthly}
	for _, enabled := range []bool{false, true, false, false, true} {
		table.Enabled = enabled
		putSchedule(t, s, table)
		wantSchedules(t, s, table)
	}
}

func scheduleBounds(t *testing.T, s etl.Scheduler) {
	table := timetable(1, 1)
	day := time.Now().UTC().Truncate(time.Second)
	table.From, table.Until = day.AddDate(0, 0, 1), day.AddDate(1, 0, 0)
	putSchedule(t, s, table)
	wantSchedules(t, s, table)
	table.From = time.Time{}
	putSchedule(t, s, table)
	wantSchedules(t, s, table)
	table.Until = time.Time{}
	putSchedule(t, s, table)
	wantSchedules(t, s, table)
}

func scheduleMistakes(t *testing.T, s etl.Scheduler) {
	good := timetable(1, 1)
	putSchedule(t, s, good)
	for name, c := range map[string]struct {
		change func(*etl.Timetable)
		code   etl.Code
	}{
		"five fields":   {func(t *etl.Timetable) { t.Expressions = []string{"cron(0 9 * * 1-5)"} }, "bad_cron"},
		"words":         {func(t *etl.Timetable) { t.Expressions = []string{"every morning"} }, "bad_cron"},
		"minute 61":     {func(t *etl.Timetable) { t.Expressions = []string{"cron(61 9 ? * MON *)"} }, "bad_cron"},
		"no expression": {func(t *etl.Timetable) { t.Expressions = nil }, "bad_cron"},
		"time zone":     {func(t *etl.Timetable) { t.Timezone = "Europe/Atlantis" }, "bad_timezone"},
		"backwards": {func(t *etl.Timetable) {
			t.From, t.Until = time.Now().Add(48*time.Hour), time.Now().Add(24*time.Hour)
		}, "bad_bounds"},
		"over": {func(t *etl.Timetable) { t.Until = time.Now().Add(-time.Hour) }, "bad_bounds"},
	} {
		bad := good
		c.change(&bad)
		err := s.Put(t.Context(), bad)
		if etl.KindOf(err) != etl.Mistake || code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
			continue
		}
		for _, e := range bad.Expressions {
			if c.code == "bad_cron" && !strings.Contains(err.Error(), e) {
				t.Errorf("%s: the expression is not named: %v", name, err)
			}
		}
		wantSchedules(t, s, good)
	}
}

func scheduleRemoved(t *testing.T, s etl.Scheduler) {
	table, other := timetable(1, 1), timetable(2, 1)
	table.Expressions = []string{weekdays, monthly}
	putSchedule(t, s, table)
	putSchedule(t, s, other)
	for range 2 {
		if err := s.Remove(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		wantSchedules(t, s, other)
	}
	putSchedule(t, s, table)
	wantSchedules(t, s, table, other)
}

// scheduleAlike has ids that begin with one another.
func scheduleAlike(t *testing.T, s etl.Scheduler) {
	tables := []etl.Timetable{timetable(1, 11), timetable(11, 1), timetable(111, 1)}
	for _, table := range tables {
		putSchedule(t, s, table)
	}
	putSchedule(t, s, tables[0])
	wantSchedules(t, s, tables...)
	if err := s.Remove(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	wantSchedules(t, s, tables[1:]...)
}

func schedulesMany(t *testing.T, s etl.Scheduler) {
	const n = 230
	var want []etl.Timetable
	for i := range int64(n) {
		table := timetable(i+1, i%7+1)
		table.Expressions = []string{fmt.Sprintf("cron(%d 6 ? * MON-FRI *)", i%60)}
		table.Enabled = i%3 > 0
		want = append(want, table)
	}
	for _, i := range []int{0, 1, 2} {
		for j := i; j < n; j += 3 {
			putSchedule(t, s, want[j])
		}
	}
	wantSchedules(t, s, want...)
}

func scheduleCancelled(t *testing.T, s etl.Scheduler) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, timetable(1, 1)); err == nil {
		t.Error("put although cancelled")
	}
	wantSchedules(t, s)
}
