package aws

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/etl"
)

// EventBridge Scheduler's limits.
const (
	schedulePage   = 100
	maxWindow      = 24 * time.Hour
	schedulesFetch = 8 // requests at a time, far below the account's rate
)

// SchedulerConfig says where schedules are kept and where they send their ticks.
type SchedulerConfig struct {
	Account

	// Group is the schedule group, of this portal alone.
	Group string
	// QueueARN is the SQS queue that ticks are sent to, RoleARN the role that
	// EventBridge sends as, DeadARN the queue of ticks that could not be sent (may
	// be empty).
	QueueARN, RoleARN, DeadARN string
}

// Scheduler is an etl.Scheduler of EventBridge Scheduler. Each expression is a
// schedule named schedule-<id>-job-<id>-<n>; it sends an etl.Tick in JSON.
type Scheduler struct {
	client *scheduler.Client
	config SchedulerConfig
}

var _ etl.Scheduler = (*Scheduler)(nil)

// NewScheduler makes the adapter; it does not call AWS yet (see Ready).
func NewScheduler(ctx context.Context, c SchedulerConfig) (*Scheduler, error) {
	names := missing(map[string]string{
		"ETLPORTAL_SCHEDULE_GROUP": c.Group, "ETLPORTAL_SCHEDULE_QUEUE_ARN": c.QueueARN, "ETLPORTAL_SCHEDULE_ROLE_ARN": c.RoleARN,
	})
	if len(names) > 0 {
		return nil, etl.Mistakef("no_schedule_settings", "Set "+strings.Join(names, ", ")+".", "the settings of schedules are incomplete")
	}
	loaded, err := c.load(ctx, "the schedule group "+c.Group)
	if err != nil {
		return nil, err
	}
	return &Scheduler{client: scheduler.NewFromConfig(loaded), config: c}, nil
}

// prefixOf begins the names of a schedule's entries.
func prefixOf(scheduleID int64) string { return fmt.Sprintf("schedule-%d-", scheduleID) }

// idsOf reads a name; ok is false for one that is none of ours.
func idsOf(name string) (scheduleID, jobID int64, n int, ok bool) {
	read, err := fmt.Sscanf(name, "schedule-%d-job-%d-%d", &scheduleID, &jobID, &n)
	return scheduleID, jobID, n, err == nil && read == 3 && name == nameOfEntry(scheduleID, jobID, n)
}

func nameOfEntry(scheduleID, jobID int64, n int) string {
	return prefixOf(scheduleID) + fmt.Sprintf("job-%d-%d", jobID, n)
}

// Put implements etl.Scheduler. It makes the entries before it takes away what
// is too many; where it fails, it may be repeated.
func (s *Scheduler) Put(ctx context.Context, t etl.Timetable) error {
	if err := check(t); err != nil {
		return err
	}
	had, err := s.names(ctx, prefixOf(t.ScheduleID))
	if err != nil {
		return err
	}
	for n, expression := range t.Expressions {
		name := nameOfEntry(t.ScheduleID, t.JobID, n)
		if err := s.put(ctx, name, expression, t, slices.Contains(had, name)); err != nil {
			return err
		}
		had = slices.DeleteFunc(had, func(h string) bool { return h == name })
	}
	return s.delete(ctx, had)
}

// check finds mistakes before anything is changed, and tells apart what
// EventBridge reports as one.
func check(t etl.Timetable) error {
	if len(t.Expressions) == 0 {
		return etl.Mistakef("bad_cron", "Give it at least one.", "schedule %d has no expression", t.ScheduleID)
	}
	for _, e := range t.Expressions {
		if reason := checkExpression(e); reason != "" {
			err := etl.Mistakef("bad_cron", "Correct the expression.", "schedule %d cannot be kept with the expression %q: %s", t.ScheduleID, e, reason)
			err.Value = e
			return err
		}
	}
	if _, err := time.LoadLocation(t.Timezone); err != nil || t.Timezone == "Local" {
		return etl.Mistakef("bad_timezone", "Use an IANA name such as Europe/Berlin.", "schedule %d has the time zone %q, which does not exist", t.ScheduleID, t.Timezone)
	}
	if !t.From.IsZero() && !t.Until.IsZero() && !t.From.Before(t.Until) {
		return etl.Mistakef("bad_bounds", "Let it begin before it ends.", "schedule %d ends at %s, before it begins", t.ScheduleID, t.Until.UTC().Format(time.RFC3339))
	}
	if !t.Until.IsZero() && !t.Until.After(time.Now()) {
		return etl.Mistakef("bad_bounds", "Choose a later end, or none.", "schedule %d has ended at %s", t.ScheduleID, t.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// put makes one entry or replaces it.
func (s *Scheduler) put(ctx context.Context, name, expression string, t etl.Timetable, exists bool) error {
	create := s.entry(name, expression, t)
	update := scheduler.UpdateScheduleInput{
		Name: create.Name, GroupName: create.GroupName, ScheduleExpression: create.ScheduleExpression, ScheduleExpressionTimezone: create.ScheduleExpressionTimezone,
		State: create.State, StartDate: create.StartDate, EndDate: create.EndDate, FlexibleTimeWindow: create.FlexibleTimeWindow,
		Target: create.Target, Description: create.Description, ActionAfterCompletion: create.ActionAfterCompletion,
	}
	// Whoever puts the same schedule at the same time may be faster, one way or the other.
	var err error
	for range 2 {
		if exists {
			_, err = s.client.UpdateSchedule(ctx, &update)
		} else {
			_, err = s.client.CreateSchedule(ctx, create)
		}
		switch {
		case err == nil:
			return nil
		case exists && hasCode(err, "ResourceNotFoundException"), !exists && hasCode(err, "ConflictException"):
			exists = !exists
		case hasCode(err, "ValidationException"):
			return &etl.Error{
				Kind: etl.Mistake, Code: "bad_cron", Value: expression, Err: err,
				Message: fmt.Sprintf("schedule %d cannot be kept with the expression %q: %s", t.ScheduleID, expression, short(err)),
				Fix:     "Correct the expression.",
			}
		default:
			return s.fault("put the schedule "+name+" into", "scheduler:CreateSchedule, scheduler:UpdateSchedule (and iam:PassRole on "+s.config.RoleARN+")", err)
		}
	}
	return s.busy("put the schedule "+name+" into", err)
}

func (s *Scheduler) entry(name, expression string, t etl.Timetable) *scheduler.CreateScheduleInput {
	target := &types.Target{
		Arn: &s.config.QueueARN, RoleArn: &s.config.RoleARN,
		// EventBridge puts the time that was meant in the place of the last word.
		Input: aws.String(fmt.Sprintf(`{"schedule_id":%d,"job_id":%d,"scheduled_time":"<aws.scheduler.scheduled-time>"}`, t.ScheduleID, t.JobID)),
		RetryPolicy: &types.RetryPolicy{
			MaximumEventAgeInSeconds: aws.Int32(int32(time.Hour / time.Second)), MaximumRetryAttempts: aws.Int32(20),
		},
	}
	if s.config.DeadARN != "" {
		target.DeadLetterConfig = &types.DeadLetterConfig{Arn: &s.config.DeadARN}
	}
	input := &scheduler.CreateScheduleInput{
		Name: &name, GroupName: &s.config.Group, ScheduleExpression: &expression, ScheduleExpressionTimezone: aws.String(cmp.Or(t.Timezone, "UTC")),
		State: types.ScheduleStateDisabled, Target: target, ActionAfterCompletion: types.ActionAfterCompletionNone,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Description:        aws.String(fmt.Sprintf("Runs job %d", t.JobID)),
	}
	if t.Enabled {
		input.State = types.ScheduleStateEnabled
	}
	if !t.From.IsZero() {
		input.StartDate = &t.From
	}
	if !t.Until.IsZero() {
		input.EndDate = &t.Until
	}
	if t.Window > 0 {
		minutes := int32((min(t.Window, maxWindow) + time.Minute - 1) / time.Minute)
		input.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: &minutes}
	}
	return input
}

// Remove implements etl.Scheduler.
func (s *Scheduler) Remove(ctx context.Context, scheduleID int64) error {
	names, err := s.names(ctx, prefixOf(scheduleID))
	if err != nil {
		return err
	}
	return s.delete(ctx, names)
}

func (s *Scheduler) delete(ctx context.Context, names []string) error {
	for _, name := range names {
		_, err := s.client.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{GroupName: &s.config.Group, Name: &name})
		if err != nil && !hasCode(err, "ResourceNotFoundException") {
			return s.fault("delete the schedule "+name+" from", "scheduler:DeleteSchedule", err)
		}
	}
	return nil
}

// List implements etl.Scheduler. It takes a request for every entry, since
// EventBridge lists names only.
func (s *Scheduler) List(ctx context.Context) ([]etl.Timetable, error) {
	names, err := s.names(ctx, "")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int {
		aSchedule, aJob, aN, _ := idsOf(a)
		bSchedule, bJob, bN, _ := idsOf(b)
		return cmp.Or(cmp.Compare(aSchedule, bSchedule), cmp.Compare(aJob, bJob), cmp.Compare(aN, bN))
	})
	entries := make([]*scheduler.GetScheduleOutput, len(names))
	group, fetch := errgroup.WithContext(ctx)
	group.SetLimit(schedulesFetch)
	for i, name := range names {
		group.Go(func() error {
			out, err := s.client.GetSchedule(fetch, &scheduler.GetScheduleInput{GroupName: &s.config.Group, Name: &name})
			if hasCode(err, "ResourceNotFoundException") {
				return nil // deleted meanwhile
			}
			if err != nil {
				return s.fault("read the schedule "+name+" of", "scheduler:GetSchedule", err)
			}
			entries[i] = out
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := make(map[[2]int64]*etl.Timetable)
	for _, e := range entries {
		if e == nil {
			continue
		}
		scheduleID, jobID, _, _ := idsOf(aws.ToString(e.Name))
		ids := [2]int64{scheduleID, jobID}
		if all[ids] == nil {
			all[ids] = timetable(scheduleID, jobID, e)
		}
		all[ids].Expressions = append(all[ids].Expressions, aws.ToString(e.ScheduleExpression))
	}
	list := make([]etl.Timetable, 0, len(all))
	for _, ids := range slices.SortedFunc(maps.Keys(all), func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) }) {
		list = append(list, *all[ids])
	}
	return list, nil
}

func timetable(scheduleID, jobID int64, e *scheduler.GetScheduleOutput) *etl.Timetable {
	t := &etl.Timetable{
		ScheduleID: scheduleID, JobID: jobID, Timezone: aws.ToString(e.ScheduleExpressionTimezone), Enabled: e.State == types.ScheduleStateEnabled,
		From: aws.ToTime(e.StartDate).UTC(), Until: aws.ToTime(e.EndDate).UTC(),
	}
	if e.FlexibleTimeWindow != nil && e.FlexibleTimeWindow.Mode == types.FlexibleTimeWindowModeFlexible {
		t.Window = time.Duration(aws.ToInt32(e.FlexibleTimeWindow.MaximumWindowInMinutes)) * time.Minute
	}
	return t
}

// names lists the names of our entries that begin with prefix.
func (s *Scheduler) names(ctx context.Context, prefix string) ([]string, error) {
	input := &scheduler.ListSchedulesInput{GroupName: &s.config.Group, MaxResults: aws.Int32(schedulePage)}
	if prefix != "" {
		input.NamePrefix = &prefix
	}
	var names []string
	pages := scheduler.NewListSchedulesPaginator(s.client, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.fault("list the schedules of", "scheduler:ListSchedules", err)
		}
		for _, e := range page.Schedules {
			if _, _, _, ok := idsOf(aws.ToString(e.Name)); ok && strings.HasPrefix(*e.Name, prefix) {
				names = append(names, *e.Name)
			}
		}
	}
	return names, nil
}

// Ready implements etl.Scheduler.
func (s *Scheduler) Ready(ctx context.Context) error {
	if _, err := s.client.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: &s.config.Group}); err != nil {
		return s.fault("look at", "scheduler:GetScheduleGroup", err)
	}
	return nil
}

func (s *Scheduler) noGroup(err error) error {
	return &etl.Error{
		Kind: etl.Mistake, Code: "no_schedule_group", Err: err,
		Message: "there is no schedule group " + s.config.Group, Fix: "Correct ETLPORTAL_SCHEDULE_GROUP, or make the group.",
	}
}

func (s *Scheduler) busy(what string, err error) error {
	return &etl.Error{
		Kind: etl.Weather, Code: "schedule_busy", Err: err, Fix: "Try again in a moment.",
		Message: "cannot " + what + " the schedule group " + s.config.Group + ": it is being changed by another request",
	}
}

func (s *Scheduler) fault(what, action string, err error) error {
	switch {
	case hasCode(err, "ResourceNotFoundException"):
		return s.noGroup(err)
	case hasCode(err, "ConflictException"):
		return s.busy(what, err)
	case hasCode(err, "ServiceQuotaExceededException"):
		return &etl.Error{
			Kind: etl.Mistake, Code: "too_many_schedules", Err: err, Fix: "Delete schedules, or ask AWS for a higher quota.",
			Message: "the account may have no more schedules",
		}
	}
	return fault(request{
		prefix: "schedule", what: what + " the schedule group " + s.config.Group, action: action, resource: s.config.Group, look: "EventBridge Scheduler",
	}, err)
}
