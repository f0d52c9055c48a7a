package aws_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

const (
	tickQueue = "arn:aws:sqs:us-east-1:000000000000:ticks"
	tickRole  = "arn:aws:iam::000000000000:role/ticks"
	tickDead  = "arn:aws:sqs:us-east-1:000000000000:ticks-dead"
)

var groups atomic.Int64

func openScheduler(t *testing.T) (*aws.Scheduler, *scheduler.Client, string) {
	t.Helper()
	client := scheduler.NewFromConfig(sdkConfig(t))
	group := fmt.Sprint("test-", groups.Add(1))
	if _, err := client.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: &group}); err != nil {
		t.Fatal(err)
	}
	s, err := aws.NewScheduler(t.Context(), aws.SchedulerConfig{
		Account: account(t), Group: group, QueueARN: tickQueue, RoleARN: tickRole, DeadARN: tickDead,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, client, group
}

func TestSchedulerConforms(t *testing.T) {
	etltest.SchedulerSuite(t, func(t *testing.T) etl.Scheduler {
		t.Helper()
		s, _, _ := openScheduler(t)
		return s
	})
}

// TestSchedulerEntry looks at what EventBridge was told: nothing fires here.
func TestSchedulerEntry(t *testing.T) {
	s, client, group := openScheduler(t)
	// What others keep in the group is left alone.
	if _, err := client.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
		Name: sdk.String("schedule-4-job-5-00"), GroupName: &group, ScheduleExpression: sdk.String("rate(1 day)"),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target:             &types.Target{Arn: sdk.String(tickQueue), RoleArn: sdk.String(tickRole)},
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), etl.Timetable{ScheduleID: 4, JobID: 5, Expressions: []string{"rate(1 hour)"}, Enabled: true, Window: 90 * time.Second}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: sdk.String("schedule-4-job-5-0")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Target.Arn != tickQueue || *got.Target.RoleArn != tickRole || *got.Target.DeadLetterConfig.Arn != tickDead ||
		*got.ScheduleExpressionTimezone != "UTC" || *got.FlexibleTimeWindow.MaximumWindowInMinutes != 2 {
		t.Errorf("got %+v, %+v", got, got.Target)
	}
	var tick etl.Tick
	text := strings.Replace(*got.Target.Input, "<aws.scheduler.scheduled-time>", "2026-11-23T06:30:00Z", 1)
	if err := json.Unmarshal([]byte(text), &tick); err != nil || tick != (etl.Tick{ScheduleID: 4, JobID: 5, At: time.Date(2026, 11, 23, 6, 30, 0, 0, time.UTC)}) {
		t.Errorf("%s is %+v, %v", text, tick, err)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := s.Remove(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: &group, Name: sdk.String("schedule-4-job-5-00")}); err != nil {
		t.Error(err)
	}
}

// script answers requests of EventBridge Scheduler by method and path, in turn.
func script(t *testing.T, answers map[string][]string) (*aws.Scheduler, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.Method + " " + r.URL.Path + "?" + r.URL.Query().Get("NextToken")
		asked = append(asked, what)
		if len(answers[what]) == 0 {
			t.Errorf("%s is asked for", what)
			return
		}
		answer := answers[what][0]
		answers[what] = answers[what][1:]
		w.Header().Set("Content-Type", "application/json")
		if kind, ok := strings.CutPrefix(answer, "!"); ok {
			w.Header().Set("X-Amzn-Errortype", kind)
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"Message":"no"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	s, err := aws.NewScheduler(t.Context(), aws.SchedulerConfig{Account: elsewhere(server.URL), Group: "g", QueueARN: tickQueue, RoleARN: tickRole})
	if err != nil {
		t.Fatal(err)
	}
	return s, &asked
}

// TestSchedulerPages lists in pages, while an entry goes.
func TestSchedulerPages(t *testing.T) {
	entry := `{"Name":"schedule-2-job-1-0","State":"ENABLED","ScheduleExpression":"rate(1 day)","ScheduleExpressionTimezone":"UTC"}`
	s, _ := script(t, map[string][]string{
		"GET /schedules?":                    {`{"Schedules":[{"Name":"schedule-3-job-1-0"}],"NextToken":"a"}`},
		"GET /schedules?a":                   {`{"Schedules":[],"NextToken":"b"}`},
		"GET /schedules?b":                   {`{"Schedules":[{"Name":"schedule-2-job-1-0"},{"Name":"other"}]}`},
		"GET /schedules/schedule-2-job-1-0?": {entry},
		"GET /schedules/schedule-3-job-1-0?": {"!ResourceNotFoundException"},
	})
	list, err := s.List(t.Context())
	if err != nil || len(list) != 1 || list[0].ScheduleID != 2 || list[0].Expressions[0] != "rate(1 day)" {
		t.Errorf("got %+v, %v", list, err)
	}
}

// TestSchedulerRaces has others make and delete the same entries meanwhile.
func TestSchedulerRaces(t *testing.T) {
	const none, one = `{"Schedules":[]}`, `{"Schedules":[{"Name":"schedule-2-job-1-0"}]}`
	const get, create, update, remove = "GET /schedules?", "POST /schedules/schedule-2-job-1-0?", "PUT /schedules/schedule-2-job-1-0?", "DELETE /schedules/schedule-2-job-1-0?"
	table := etl.Timetable{ScheduleID: 2, JobID: 1, Expressions: []string{"rate(1 day)"}}
	for name, c := range map[string]struct {
		answers map[string][]string
		kind    etl.Kind
		code    etl.Code
	}{
		"made meanwhile":    {answers: map[string][]string{get: {none}, create: {"!ConflictException"}, update: {`{}`}}},
		"deleted meanwhile": {answers: map[string][]string{get: {one}, update: {"!ResourceNotFoundException"}, create: {`{}`}}},
		"being changed":     {map[string][]string{get: {one}, update: {"!ConflictException"}}, etl.Weather, "schedule_busy"},
		"no group":          {map[string][]string{get: {"!ResourceNotFoundException"}}, etl.Mistake, "no_schedule_group"},
		"group deleted":     {map[string][]string{get: {one}, update: {"!ResourceNotFoundException"}, create: {"!ResourceNotFoundException"}}, etl.Mistake, "no_schedule_group"},
		"back and forth":    {map[string][]string{get: {none}, create: {"!ConflictException"}, update: {"!ResourceNotFoundException"}}, etl.Weather, "schedule_busy"},
		"quota":             {map[string][]string{get: {none}, create: {"!ServiceQuotaExceededException"}}, etl.Mistake, "too_many_schedules"},
		"invalid":           {map[string][]string{get: {none}, create: {"!ValidationException"}}, etl.Mistake, "bad_cron"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := script(t, c.answers)
			err := s.Put(t.Context(), table)
			if c.code == "" && err == nil {
				return
			}
			is(t, err, c.kind, c.code)
		})
	}
	s, asked := script(t, map[string][]string{get: {one}, remove: {"!ResourceNotFoundException"}})
	if err := s.Remove(t.Context(), 2); err != nil || len(*asked) != 2 {
		t.Errorf("removed %v: %v", *asked, err)
	}
}
