package deploy_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/deploy"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/portal"
)

// A deployed portal keeps its schedules in EventBridge: made, changed, switched
// off, taken away, repaired, and kept here while EventBridge cannot be reached.
func TestSchedulesInEventBridge(t *testing.T) {
	cloud := etltest.LocalStack(t)
	t.Setenv("AWS_ACCESS_KEY_ID", cloud.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", cloud.SecretKey)
	database := etltest.Postgres(t)
	scheduling := aws.SchedulerConfig{
		Account: aws.Account{Region: cloud.Region, Endpoint: cloud.Endpoint, AccessKey: cloud.AccessKey, SecretKey: cloud.SecretKey},
		Group:   "default", QueueARN: "arn:aws:sqs:" + cloud.Region + ":000000000000:schedule", RoleARN: "arn:aws:iam::000000000000:role/clock",
	}
	connect := func(endpoint string) *app.App {
		t.Helper()
		env := map[string]string{
			"AWS_REGION": cloud.Region, "AWS_ENDPOINT_URL": endpoint, "DATABASE_URL": database, "ETLPORTAL_BUCKET": "b", "ETLPORTAL_KMS_KEY": "alias/k",
			"ETLPORTAL_SCHEDULE_GROUP": scheduling.Group, "ETLPORTAL_SCHEDULE_QUEUE_ARN": scheduling.QueueARN, "ETLPORTAL_SCHEDULE_ROLE_ARN": scheduling.RoleARN,
		}
		for _, topic := range []string{"INSPECT", "PLAN", "LOAD", "FINALIZE"} {
			env["ETLPORTAL_QUEUE_"+topic+"_URL"] = endpoint + "/000000000000/" + strings.ToLower(topic)
		}
		s, err := deploy.Read(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		require.NoError(t, err)
		a, err := s.Connect(t.Context(), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		t.Cleanup(a.Close)
		return a
	}
	a := connect(cloud.Endpoint)
	clock, err := aws.NewScheduler(t.Context(), scheduling)
	require.NoError(t, err)
	kept := func() []etl.Timetable {
		t.Helper()
		list, err := clock.List(t.Context())
		require.NoError(t, err)
		return list
	}
	job := newJob(t, a)
	in := portal.ScheduleInput{
		Cron: "30 6 1 * MON", Timezone: "Europe/Berlin", Engine: "native", Overlap: "skip", CatchUp: "none", CatchUpMax: 1, JitterSeconds: 90,
	}
	made, err := a.Portal.CreateSchedule(t.Context(), job.ID, in)
	require.NoError(t, err)
	require.Equal(t, "active", made.State, made.StateReason)
	want := etl.Timetable{
		ScheduleID: made.ID, JobID: job.ID, Expressions: []string{"cron(30 6 1 * ? *)", "cron(30 6 ? * MON *)"}, Timezone: "Europe/Berlin", Enabled: true, Window: 2 * time.Minute,
	}
	require.Equal(t, []etl.Timetable{want}, kept())
	_, err = a.Portal.EnableSchedule(t.Context(), made.ID, 0, false)
	require.NoError(t, err)
	require.False(t, kept()[0].Enabled)
	in.Cron, in.JitterSeconds = "*/5 * * * *", 0
	_, err = a.Portal.UpdateSchedule(t.Context(), made.ID, 0, in)
	require.NoError(t, err)
	want.Expressions, want.Window = []string{"cron(0,5,10,15,20,25,30,35,40,45,50,55 * * * ? *)"}, 0
	require.Equal(t, []etl.Timetable{want}, kept())

	// Harm done to EventBridge, and an outage, are mended by the reconciler.
	require.NoError(t, clock.Remove(t.Context(), made.ID))
	stranger := want
	stranger.ScheduleID = 4711
	require.NoError(t, clock.Put(t.Context(), stranger))
	down := connect("http://127.0.0.1:1")
	in.Cron = "0 0 */2 * MON"
	var refused *etl.Error
	_, err = down.Portal.CreateSchedule(t.Context(), job.ID, in)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, etl.Code("cron_not_on_eventbridge"), refused.Code)
	in.Cron = "@daily"
	later, err := down.Portal.CreateSchedule(t.Context(), job.ID, in)
	require.NoError(t, err, "it is kept")
	require.Equal(t, "pending", later.State)
	require.NotEmpty(t, later.StateReason)
	// Its other half, the queues, are not there either; that is told, too.
	_ = a.Reconcile(t.Context())
	second := etl.Timetable{ScheduleID: later.ID, JobID: job.ID, Expressions: []string{"cron(0 0 * * ? *)"}, Timezone: "Europe/Berlin", Enabled: true}
	require.Equal(t, []etl.Timetable{want, second}, kept())
	now, err := a.Portal.Schedule(t.Context(), later.ID)
	require.NoError(t, err)
	require.Equal(t, "active", now.State)
	for _, id := range []int64{made.ID, later.ID} {
		require.NoError(t, a.Portal.DeleteSchedule(t.Context(), id, 0))
	}
	require.Empty(t, kept())
}

func newJob(t *testing.T, a *app.App) etl.Job {
	t.Helper()
	src, err := a.Store.CreateSource(t.Context(), etl.Source{Filename: "a.csv", Size: 4, State: etl.SourceComplete, Object: etl.ObjectRef{Key: "k", Size: 4, ETag: "e"}, Names: []string{"a"}})
	require.NoError(t, err)
	c, err := a.Store.CreateCredential(t.Context(), etl.Credential{Name: "w", Type: "postgresql", Host: "db.example.com", Port: 5432, Database: "d", Username: "u", SSLMode: "require"},
		func(_ context.Context, id int64) (etl.Sealed, error) {
			return etl.Sealed{Ciphertext: fmt.Append(nil, id), KeyVersion: "1"}, nil
		})
	require.NoError(t, err)
	j, err := a.Store.CreateJob(t.Context(), etl.Job{Name: "j", FileID: src.ID, CredentialID: c.ID, Schema: "public", Table: "t", Strategy: etl.Insert})
	require.NoError(t, err)
	return j
}
