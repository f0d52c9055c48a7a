package aws_test

import (
	"encoding/json"
	"fmt"
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
