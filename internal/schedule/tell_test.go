package schedule_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// outside is a Scheduler and an Orchestrator in memory that can be down.
type outside struct {
	mu   sync.Mutex
	down error
	kept map[int64]etl.Timetable
	dags map[int64]etl.Orchestrated
}

func (o *outside) do(f func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down != nil {
		return o.down
	}
	if o.kept == nil {
		o.kept, o.dags = map[int64]etl.Timetable{}, map[int64]etl.Orchestrated{}
	}
	f()
	return nil
}

func (o *outside) Put(_ context.Context, t etl.Timetable) error {
	return o.do(func() { o.kept[t.ScheduleID] = t })
}

func (o *outside) Remove(_ context.Context, id int64) error {
	return o.do(func() { delete(o.kept, id) })
}

func (o *outside) List(context.Context) (list []etl.Timetable, err error) {
	err = o.do(func() {
		list = slices.SortedFunc(maps.Values(o.kept), func(a, b etl.Timetable) int { return cmp.Compare(a.ScheduleID, b.ScheduleID) })
	})
	return list, err
}
func (o *outside) Ready(context.Context) error { return o.do(func() {}) }

// dags is the other port of an outside.
type dags struct{ *outside }

func (d dags) Apply(_ context.Context, s etl.Schedule, j etl.Job) error {
	return d.do(func() {
		d.dags[s.ID] = etl.Orchestrated{ScheduleID: s.ID, JobID: j.ID, Version: s.Version, Enabled: s.Enabled}
	})
}

func (d dags) Remove(_ context.Context, scheduleID, _ int64) error {
	return d.do(func() { delete(d.outside.dags, scheduleID) })
}

func (d dags) List(context.Context) (list []etl.Orchestrated, err error) {
	err = d.do(func() { list = slices.Collect(maps.Values(d.outside.dags)) })
	return list, err
}
func (d dags) Trigger(context.Context, int64, int64) error { return nil }

var weather = &etl.Error{Kind: etl.Weather, Code: "schedule_unavailable", Message: "EventBridge cannot be reached", Fix: "Try again."}

func TestTold(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:00Z")
	o := &outside{}
	e := l.engine()
	e.Scheduler, e.Orchestrator = o, dags{o}
	o.down = weather
	v := l.add(func(s *etl.Schedule) {
		s.Cron, s.Timezone, s.Jitter = "0 6 1 * MON", "Europe/Berlin", 90*time.Second
		s.State, s.StateReason = etl.SchedulePending, "not yet"
	})
	air := l.add(func(s *etl.Schedule) {
		s.Engine, s.State, s.StateReason = etl.EngineAirflow, etl.SchedulePending, "not yet"
	})
	for _, s := range []etl.Schedule{v, air} {
		told := e.Changed(t.Context(), nil, s)
		require.Equal(t, etl.SchedulePending, told.State)
		require.Contains(t, told.StateReason, "EventBridge cannot be reached")
		require.Equal(t, told, l.read(s.ID))
	}
	require.Error(t, e.Reconcile(t.Context()), "it is down still")
	o.down = etl.Mistakef("schedule_denied", "Allow scheduler:CreateSchedule.", "the role may not make schedules")
	require.Error(t, e.Reconcile(t.Context()))
	require.Equal(t, etl.ScheduleBroken, l.read(v.ID).State)
	require.Contains(t, l.read(v.ID).StateReason, "Allow scheduler:CreateSchedule")
	o.down = nil
	require.NoError(t, e.Reconcile(t.Context()))
	require.Equal(t, etl.ScheduleActive, l.read(v.ID).State)
	require.Empty(t, l.read(v.ID).StateReason)
	want := etl.Timetable{
		ScheduleID: v.ID, JobID: v.JobID, Expressions: []string{"cron(0 6 1 * ? *)", "cron(0 6 ? * MON *)"}, Timezone: "Europe/Berlin", Enabled: true, Window: 2 * time.Minute,
	}
	require.Equal(t, map[int64]etl.Timetable{v.ID: want}, o.kept)
	require.Equal(t, etl.Orchestrated{ScheduleID: air.ID, JobID: air.JobID, Version: 1, Enabled: true}, o.dags[air.ID])

	// What somebody does to the schedulers behind the portal's back is undone.
	for name, harm := range map[string]func(){
		"gone":    func() { clear(o.kept); clear(o.dags) },
		"changed": func() { c := want; c.Expressions, c.Timezone = []string{"cron(1 1 1 1 ? *)"}, "UTC"; o.kept[v.ID] = c },
		"off":     func() { c := want; c.Enabled = false; o.kept[v.ID] = c },
		"stranger": func() {
			c := want
			c.ScheduleID = 77
			o.kept[77] = c
			o.dags[78] = etl.Orchestrated{ScheduleID: 78, JobID: 1}
		},
		"old": func() { d := o.dags[air.ID]; d.Version = 9; o.dags[air.ID] = d },
	} {
		harm()
		other := l.engine() // one that has not compared lately
		other.Scheduler, other.Orchestrator = e.Scheduler, e.Orchestrator
		require.NoError(t, other.Reconcile(t.Context()), name)
		require.Equal(t, map[int64]etl.Timetable{v.ID: want}, o.kept, name)
		require.Equal(t, map[int64]etl.Orchestrated{air.ID: {ScheduleID: air.ID, JobID: air.JobID, Version: 1, Enabled: true}}, o.dags, name)
	}

	// From one engine to the other, and away.
	moved := l.read(v.ID)
	moved.Engine, moved.NextAt = etl.EngineAirflow, nil
	moved, err := l.store.UpdateSchedule(t.Context(), moved, nil)
	require.NoError(t, err)
	require.Equal(t, etl.ScheduleActive, e.Changed(t.Context(), &v, moved).State)
	require.Empty(t, o.kept)
	require.Contains(t, o.dags, v.ID)
	e.Removed(t.Context(), moved)
	require.NotContains(t, o.dags, v.ID)
	o.down = weather
	require.NoError(t, l.store.DeleteSchedule(t.Context(), air.ID))
	e.Removed(t.Context(), air)
	o.down = nil
	require.NoError(t, l.store.DeleteSchedule(t.Context(), v.ID))
	require.NoError(t, e.Reconcile(t.Context()))
	require.Empty(t, o.dags, "what could not be removed is, later")
}

func TestAccepts(t *testing.T) {
	l := newLab(t)
	e := l.engine()
	var bad *etl.Error
	require.ErrorAs(t, e.Accepts(etl.Schedule{Engine: etl.EngineAirflow, Cron: "* * * * *"}), &bad)
	require.Equal(t, etl.Code("airflow_not_configured"), bad.Code)
	require.Contains(t, bad.Fix, "ETLPORTAL_AIRFLOW_URL")
	both := etl.Schedule{Engine: etl.EngineNative, Cron: "0 0 */2 * MON"}
	require.NoError(t, e.Accepts(both), "the portal's own clock can")
	e.Scheduler = &outside{}
	require.ErrorAs(t, e.Accepts(both), &bad)
	require.Equal(t, etl.Code("cron_not_on_eventbridge"), bad.Code)
	both.Cron = "0 0 1-31/2 * MON"
	require.NoError(t, e.Accepts(both))
}
