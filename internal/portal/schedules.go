package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etlportal/etlportal/internal/cron"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schedule"
)

// ScheduleInput creates or replaces a schedule.
type ScheduleInput struct {
	Cron          string     `json:"cron_expression" minLength:"1" maxLength:"400" doc:"Minute, hour, day of month, month and day of week, as 0 6 * * MON-FRI, or @hourly, @daily, @weekly, @monthly, @yearly"`
	Timezone      string     `json:"timezone,omitempty" maxLength:"64" default:"UTC" doc:"IANA name, as Europe/Berlin"`
	Enabled       *bool      `json:"enabled,omitempty" default:"true"`
	Engine        string     `json:"engine,omitempty" enum:"native,airflow" default:"native" doc:"Whose clock fires it"`
	Overlap       string     `json:"overlap_policy,omitempty" enum:"skip,queue,allow" default:"skip" doc:"What happens while a run of the job is under way: skip the time, queue it until that run ends (ten at most), or run beside it"`
	CatchUp       string     `json:"catch_up_policy,omitempty" enum:"none,one,all" default:"none" doc:"What happens to times that passed while nothing could fire them: none runs, the latest one, or all of the latest catch_up_max"`
	CatchUpMax    int        `json:"catch_up_max,omitempty" minimum:"1" maximum:"1000" default:"10"`
	JitterSeconds int        `json:"jitter_seconds,omitempty" minimum:"0" maximum:"86400" default:"0" doc:"A run begins up to so much later than its time"`
	StartAt       *time.Time `json:"start_at,omitempty" doc:"Nothing fires before"`
	EndAt         *time.Time `json:"end_at,omitempty" doc:"Nothing fires from then on"`
}

// Schedule is a schedule as it is stored.
type Schedule struct {
	ID            int64         `json:"id"`
	JobID         int64         `json:"job_id"`
	JobName       string        `json:"job_name"`
	Cron          string        `json:"cron_expression"`
	Timezone      string        `json:"timezone"`
	Enabled       bool          `json:"enabled"`
	Engine        string        `json:"engine" enum:"native,airflow"`
	Overlap       string        `json:"overlap_policy" enum:"skip,queue,allow"`
	CatchUp       string        `json:"catch_up_policy" enum:"none,one,all"`
	CatchUpMax    int           `json:"catch_up_max"`
	JitterSeconds int           `json:"jitter_seconds"`
	StartAt       *time.Time    `json:"start_at"`
	EndAt         *time.Time    `json:"end_at"`
	NextAt        *time.Time    `json:"next_run_at" doc:"Without jitter; null: it is off, or has no more times"`
	LastAt        *time.Time    `json:"last_run_at" doc:"The last time that came, whatever became of it"`
	LastRun       *ScheduledRun `json:"last_run" doc:"null: the last time made no run, or the run was deleted"`
	LastOutcome   string        `json:"last_outcome" enum:",started,skipped,missed,failed" doc:"What became of the last time; empty before the first"`
	LastReason    string        `json:"last_reason" doc:"Why it was skipped, missed or failed"`
	State         string        `json:"state" enum:"active,pending,broken" doc:"pending: whoever fires it could not be told yet, and is told again; broken: it refused, and something must be changed"`
	StateReason   string        `json:"state_reason"`
	Version       int64         `json:"version"`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

// Tag is the version.
func (s *Schedule) Tag() int64 { return s.Version }

// ScheduledRun is a run that a schedule made.
type ScheduledRun struct {
	ID     int64  `json:"id"`
	Status string `json:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED"`
}

// Firing is a time at which a schedule fires.
type Firing struct {
	At    time.Time `json:"at"`
	Local string    `json:"local" doc:"On the clock of the zone, with its offset, as 2026-03-29T03:00:00+02:00"`
	Note  string    `json:"note,omitempty" doc:"What a change of the clocks does to it"`
}

// Firings are the next times of a schedule.
type Firings struct {
	Timezone string   `json:"timezone" doc:"Of local"`
	Next     []Firing `json:"next"`
}

// SchedulePreviewInput asks what an expression would do.
type SchedulePreviewInput struct {
	Cron     string `json:"cron_expression" maxLength:"400"`
	Timezone string `json:"timezone,omitempty" maxLength:"64" default:"UTC"`
	Count    int    `json:"count,omitempty" minimum:"1" maximum:"100" default:"10"`
	JobID    int64  `json:"job_id,omitempty" minimum:"1" doc:"Compare with how long this job's runs take"`

	StartAt *time.Time `json:"start_at,omitempty" doc:"Nothing fires before"`
	EndAt   *time.Time `json:"end_at,omitempty" doc:"Nothing fires from then on"`
}

// SchedulePreview says what an expression would do, or what is wrong with it.
type SchedulePreview struct {
	Valid  bool             `json:"valid"`
	Next   []Firing         `json:"next"`
	Errors []ExpressionFlaw `json:"errors" doc:"Every field that is wrong"`
	// ShortestSeconds is of the times in Next.
	ShortestSeconds int64    `json:"shortest_interval_seconds,omitempty" doc:"Between two of the next times"`
	AverageSeconds  *float64 `json:"average_run_seconds" doc:"Of the job's last completed runs; null where there are none"`
	Warning         string   `json:"warning,omitempty"`
	Engines         []string `json:"engines" enum:"native,airflow" doc:"Whose clocks can fire schedules of this portal"`
}

// ExpressionFlaw is a field that is wrong.
type ExpressionFlaw struct {
	Field    string `json:"field" enum:"expression,minute,hour,day_of_month,month,day_of_week,timezone"`
	Value    string `json:"value"`
	Reason   string `json:"reason"`
	Fix      string `json:"fix"`
	Position int    `json:"position" doc:"Offset of the value in the expression, in bytes"`
}

func (in *ScheduleInput) schedule(jobID int64) etl.Schedule {
	return etl.Schedule{
		JobID: jobID, Cron: in.Cron, Timezone: in.Timezone, Enabled: in.Enabled == nil || *in.Enabled, Engine: etl.Engine(in.Engine), Overlap: etl.Overlap(in.Overlap),
		CatchUp: etl.CatchUp(in.CatchUp), CatchUpMax: in.CatchUpMax, Jitter: time.Duration(in.JitterSeconds) * time.Second, StartAt: in.StartAt, EndAt: in.EndAt,
	}
}

// zone finds a time zone; where is its place in the request.
func zone(name, where string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, &Invalid{etl.Mistakef("bad_timezone", "Use an IANA name such as Europe/Berlin or UTC", "there is no time zone %q", name), []Detail{{where, "there is no such zone"}}}
	}
	return loc, nil
}

// flaws are the fields that an error of cron is about.
func flaws(err error) []ExpressionFlaw {
	found := []ExpressionFlaw{}
	if list, ok := errors.AsType[cron.Errors](err); ok {
		for _, f := range list {
			found = append(found, ExpressionFlaw{Field: f.Field, Value: f.Value, Reason: f.Reason, Fix: f.Fix, Position: f.Position})
		}
	}
	return found
}

// badCron is an expression that cannot be, as an answer.
func badCron(text string, err error) error {
	list, ok := errors.AsType[cron.Errors](err)
	if !ok {
		return err
	}
	invalid := &Invalid{Err: etl.Mistakef("bad_cron", list[0].Fix, "the cron expression cannot be read, %s: %s", plainField(list[0].Field), list[0].Reason)}
	invalid.Err.Value = text
	for _, f := range list {
		invalid.Details = append(invalid.Details, Detail{"body.cron_expression", plainField(f.Field) + ": " + f.Reason + "; " + f.Fix})
	}
	return invalid
}

func plainField(name string) string {
	switch name {
	case "day_of_month":
		return "day of month"
	case "day_of_week":
		return "day of week"
	}
	return name
}

// checkSchedule says what is wrong with a schedule that is to be stored.
func (p *Portal) checkSchedule(s *etl.Schedule, now time.Time) error {
	e, err := cron.Parse(s.Cron)
	if err != nil {
		return badCron(s.Cron, err)
	}
	s.Cron = e.String()
	if _, err := zone(s.Timezone, "body.timezone"); err != nil {
		return err
	}
	bounds := func(where, fix, format string, args ...any) error {
		made := etl.Mistakef("bad_bounds", fix, format, args...)
		return &Invalid{made, []Detail{{where, made.Message}}}
	}
	if s.StartAt != nil && s.EndAt != nil && !s.StartAt.Before(*s.EndAt) {
		return bounds("body.end_at", "Let it begin before it ends", "the schedule ends before it begins")
	}
	if s.EndAt != nil && !s.EndAt.After(now) {
		return bounds("body.end_at", "Choose a later end, or none", "the schedule has ended already")
	}
	if next, _ := schedule.Plan(*s, now); next == nil {
		return bounds("body.end_at", "Choose other times, a later end, or none", "the schedule has no time between its beginning and its end")
	}
	if p.Schedules == nil {
		return nil
	}
	return p.Schedules.Accepts(*s)
}

// CreateSchedule stores a schedule of a job. Where whoever fires it cannot be
// told now, its state says so, and it is told later.
func (p *Portal) CreateSchedule(ctx context.Context, jobID int64, in ScheduleInput) (*Schedule, error) {
	if _, err := p.Store.Job(ctx, jobID); err != nil {
		return nil, err
	}
	s := in.schedule(jobID)
	now, err := p.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.checkSchedule(&s, now); err != nil {
		return nil, err
	}
	due := p.plan(&s, now)
	created, err := p.Store.CreateSchedule(ctx, s, due)
	if err != nil {
		return nil, err
	}
	return p.told(ctx, "create", nil, created)
}

// plan sets the schedule's next time and its state until it has been told of.
func (p *Portal) plan(s *etl.Schedule, now time.Time) (due *time.Time) {
	s.NextAt = nil
	if s.Enabled {
		s.NextAt, due = schedule.Plan(*s, now)
	}
	s.State, s.StateReason = etl.ScheduleActive, ""
	if p.Schedules != nil && p.Schedules.Tells(*s) {
		s.State, s.StateReason = etl.SchedulePending, "it has not been handed over yet"
	}
	return due
}

// told tells whoever fires the schedule of what was stored, and writes it down.
func (p *Portal) told(ctx context.Context, action string, before *etl.Schedule, after etl.Schedule) (*Schedule, error) {
	if p.Schedules != nil {
		after = p.Schedules.Changed(ctx, before, after)
	}
	views, err := p.scheduleViews(ctx, []etl.Schedule{after})
	if err != nil {
		return nil, err
	}
	var was any
	if before != nil {
		old, err := p.scheduleViews(ctx, []etl.Schedule{*before})
		if err != nil {
			return nil, err
		}
		was = old[0]
	}
	return &views[0], p.audit(ctx, action, "schedule", number(after.ID), was, views[0])
}

// Schedule reads a schedule.
func (p *Portal) Schedule(ctx context.Context, id int64) (*Schedule, error) {
	s, err := p.Store.Schedule(ctx, id)
	if err != nil {
		return nil, err
	}
	views, err := p.scheduleViews(ctx, []etl.Schedule{s})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// SchedulesPage lists the schedules that f chooses, newest first.
func (p *Portal) SchedulesPage(ctx context.Context, f etl.ScheduleFilter, page etl.Page) (*List[Schedule], error) {
	l, err := p.Store.Schedules(ctx, f, page)
	if err != nil {
		return nil, err
	}
	views, err := p.scheduleViews(ctx, l.Items)
	if err != nil {
		return nil, err
	}
	return &List[Schedule]{Items: views, NextCursor: l.Next}, nil
}

func (p *Portal) scheduleViews(ctx context.Context, list []etl.Schedule) ([]Schedule, error) {
	var jobs, runs []int64
	for i := range list {
		jobs = append(jobs, list[i].JobID)
		if list[i].LastRunID != 0 {
			runs = append(runs, list[i].LastRunID)
		}
	}
	names, err := p.Store.JobNames(ctx, jobs)
	if err != nil {
		return nil, err
	}
	statuses, err := p.Store.RunStatuses(ctx, runs)
	if err != nil {
		return nil, err
	}
	views := make([]Schedule, len(list))
	for i, s := range list {
		views[i] = Schedule{
			ID: s.ID, JobID: s.JobID, JobName: names[s.JobID], Cron: s.Cron, Timezone: s.Timezone, Enabled: s.Enabled, Engine: string(s.Engine),
			Overlap: string(s.Overlap), CatchUp: string(s.CatchUp), CatchUpMax: s.CatchUpMax, JitterSeconds: int(s.Jitter / time.Second),
			StartAt: s.StartAt, EndAt: s.EndAt, NextAt: s.NextAt, LastAt: s.LastAt, LastOutcome: string(s.LastOutcome), LastReason: s.LastReason,
			State: string(s.State), StateReason: s.StateReason, Version: s.Version, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		}
		if status, ok := statuses[s.LastRunID]; ok {
			views[i].LastRun = &ScheduledRun{s.LastRunID, string(status)}
		}
	}
	return views, nil
}

// UpdateSchedule replaces a schedule; version 0 is any.
func (p *Portal) UpdateSchedule(ctx context.Context, id, version int64, in ScheduleInput) (*Schedule, error) {
	return p.changeSchedule(ctx, "update", id, version, func(old etl.Schedule) etl.Schedule {
		return in.schedule(old.JobID)
	})
}

// EnableSchedule switches a schedule on or off; version 0 is any. What is as it
// should be is told of again, and changes nothing.
func (p *Portal) EnableSchedule(ctx context.Context, id, version int64, enabled bool) (*Schedule, error) {
	action := "disable"
	if enabled {
		action = "enable"
	}
	return p.changeSchedule(ctx, action, id, version, func(old etl.Schedule) etl.Schedule {
		old.Enabled = enabled
		return old
	})
}

func (p *Portal) changeSchedule(ctx context.Context, action string, id, version int64, change func(etl.Schedule) etl.Schedule) (*Schedule, error) {
	old, err := p.Store.Schedule(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := checkVersion("schedule", id, version, old.Version); err != nil {
		return nil, err
	}
	s := change(old)
	if action != "update" && s.Enabled == old.Enabled && old.State == etl.ScheduleActive {
		return p.Schedule(ctx, id)
	}
	s.ID, s.Version = old.ID, old.Version
	now, err := p.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	// Off can be anything; only what is to fire must be able to.
	if action != "disable" {
		if err := p.checkSchedule(&s, now); err != nil {
			return nil, err
		}
	}
	due := p.plan(&s, now)
	updated, err := p.Store.UpdateSchedule(ctx, s, due)
	if err != nil {
		return nil, err
	}
	return p.told(ctx, action, &old, updated)
}

// DeleteSchedule removes a schedule; version 0 is any. Its runs stay.
func (p *Portal) DeleteSchedule(ctx context.Context, id, version int64) error {
	old, err := p.Store.Schedule(ctx, id)
	if err != nil {
		return err
	}
	if err := checkVersion("schedule", id, version, old.Version); err != nil {
		return err
	}
	views, err := p.scheduleViews(ctx, []etl.Schedule{old})
	if err != nil {
		return err
	}
	if err := p.Store.DeleteSchedule(ctx, id); err != nil {
		return err
	}
	if p.Schedules != nil {
		p.Schedules.Removed(ctx, old)
	}
	return p.audit(ctx, "delete", "schedule", number(id), views[0], nil)
}

// ScheduleNext gives the next times of a schedule as if it were on, by the
// clocks of a zone; "" is the schedule's.
func (p *Portal) ScheduleNext(ctx context.Context, id int64, count int, timezone string) (*Firings, error) {
	s, err := p.Store.Schedule(ctx, id)
	if err != nil {
		return nil, err
	}
	if timezone == "" {
		timezone = s.Timezone
	}
	local, err := zone(timezone, "query.timezone")
	if err != nil {
		return nil, err
	}
	now, err := p.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	firings, err := schedule.Upcoming(s, now, count)
	if err != nil {
		return nil, err
	}
	return &Firings{timezone, firingViews(firings, local)}, nil
}

func firingViews(firings []cron.Firing, local *time.Location) []Firing {
	views := make([]Firing, 0, len(firings))
	for _, f := range firings {
		views = append(views, Firing{f.At.UTC(), f.At.In(local).Format(time.RFC3339), f.Note})
	}
	return views
}

// engines are those whose schedules can be fired here.
func (p *Portal) engines() []string {
	list := []string{string(etl.EngineNative)}
	if p.Schedules != nil && p.Schedules.Accepts(etl.Schedule{Engine: etl.EngineAirflow}) == nil {
		list = append(list, string(etl.EngineAirflow))
	}
	return list
}

// PreviewSchedule says what an expression would do. One that cannot be read is
// an answer and no error, because that is what it is asked for.
func (p *Portal) PreviewSchedule(ctx context.Context, in SchedulePreviewInput) (*SchedulePreview, error) {
	out := &SchedulePreview{Next: []Firing{}, Engines: p.engines()}
	_, err := cron.Parse(in.Cron)
	out.Errors = flaws(err)
	loc, badZone := zone(in.Timezone, "body.timezone")
	if badZone != nil {
		out.Errors = append(out.Errors, ExpressionFlaw{Field: "timezone", Value: in.Timezone, Reason: fmt.Sprintf("there is no time zone %q", in.Timezone), Fix: "Use an IANA name such as Europe/Berlin or UTC"})
	}
	var average time.Duration
	if in.JobID != 0 {
		if average, err = p.Store.AverageRun(ctx, in.JobID); err != nil {
			return nil, err
		}
		if average > 0 {
			seconds := average.Seconds()
			out.AverageSeconds = &seconds
		}
	}
	if len(out.Errors) > 0 {
		return out, nil
	}
	now, err := p.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	out.Valid = true
	firings, err := schedule.Upcoming(etl.Schedule{Cron: in.Cron, Timezone: in.Timezone, StartAt: in.StartAt, EndAt: in.EndAt}, now, max(in.Count, 2))
	if err != nil {
		return nil, err
	}
	var gaps []time.Duration
	for i := 1; i < len(firings); i++ {
		gaps = append(gaps, firings[i].At.Sub(firings[i-1].At))
	}
	if len(gaps) > 0 {
		shortest := slices.Min(gaps)
		out.ShortestSeconds = int64(shortest / time.Second)
		if average > shortest {
			out.Warning = fmt.Sprintf("the job's runs take %s on average, and this fires every %s: times will meet a run that is still under way", average.Round(time.Second), shortest)
		}
	}
	out.Next = firingViews(firings[:min(len(firings), in.Count)], loc)
	return out, nil
}
