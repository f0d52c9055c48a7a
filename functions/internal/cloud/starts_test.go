package cloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/functions/internal/runtimeapi"
	"github.com/etlportal/etlportal/internal/etltest"
)

// secretDatabase has the portal's database named by a secret, as RDS keeps it.
func (c *cloud) secretDatabase() {
	c.t.Helper()
	at, err := url.Parse(c.env["DATABASE_URL"])
	require.NoError(c.t, err)
	delete(c.env, "DATABASE_URL")
	port, err := strconv.Atoi(at.Port())
	require.NoError(c.t, err)
	password, _ := at.User.Password()
	text, err := json.Marshal(map[string]any{
		"engine": "postgres", "username": at.User.Username(), "password": password, "host": at.Hostname(), "port": port, "dbname": strings.TrimPrefix(at.Path, "/"),
	})
	require.NoError(c.t, err)
	made, err := c.secrets.CreateSecret(c.t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String(fmt.Sprintf("database-%d", time.Now().UnixNano())), SecretString: aws.String(string(text)),
	})
	require.NoError(c.t, err)
	c.env["ETLPORTAL_DATABASE_SECRET"], c.env["ETLPORTAL_DATABASE_SSLMODE"] = *made.ARN, "disable"
}

// Twenty functions that start at once on an empty database make its tables once,
// and all of them answer.
func TestTwentyColdStarts(t *testing.T) {
	c := newCloud(t)
	c.secretDatabase()
	api := c.function("api", "ETLPORTAL_RESPONSE=stream")
	server := httptest.NewServer(&runtimeapi.Gateway{Function: api, Stage: "prod"})
	t.Cleanup(server.Close)
	for _, path := range []string{"/readyz", "/api/v1/jobs"} {
		var group sync.WaitGroup
		statuses := make([]string, 20)
		for i := range statuses {
			group.Go(func() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
				if err != nil {
					statuses[i] = err.Error()
					return
				}
				request.Header.Set("Authorization", "Bearer "+c.token)
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					statuses[i] = err.Error()
					return
				}
				statuses[i] = answer.Status
				_ = answer.Body.Close()
			})
		}
		group.Wait()
		for _, status := range statuses {
			require.Equal(t, "200 OK", status)
		}
	}
	require.GreaterOrEqual(t, api.Environments(), 10, "most of them were there at once")
	require.Equal(t, api.Environments(), strings.Count(c.log.String(), `"msg":"started"`), "no function connected twice")
}

// A tick starts its job's run once, however often it comes.
func TestScheduleAndReconcile(t *testing.T) {
	c := newCloud(t)
	ask := c.gateway(c.function("api"))
	file, job := smallJob(c, ask, `"create_table":true,`)

	schedule := c.function("schedule")
	tick := func(bodies ...string) events.SQSEventResponse {
		var e events.SQSEvent
		for i, body := range bodies {
			e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
		}
		payload, err := json.Marshal(e)
		require.NoError(t, err)
		text, err := schedule.Call(t.Context(), payload)
		require.NoError(t, err)
		var answer events.SQSEventResponse
		require.NoError(t, json.Unmarshal(text, &answer))
		return answer
	}
	made := ask("POST", fmt.Sprintf("/schedules?job_id=%v", job), `{"cron_expression":"0 18 * * *","overlap_policy":"allow"}`)
	due := fmt.Sprintf(`{"schedule_id":%v,"job_id":%v,"scheduled_time":"2026-11-23T18:00:00Z"}`, made["id"], job)
	answer := tick(due, due, "nonsense", `{"schedule_id":6,"job_id":999999,"scheduled_time":"2026-11-23T18:00:00Z"}`, `{"schedule_id":6}`)
	require.Equal(t, []events.SQSBatchItemFailure{{ItemIdentifier: "2"}, {ItemIdentifier: "4"}}, answer.BatchItemFailures, "a deleted schedule's time passes")
	require.Empty(t, tick(due).BatchItemFailures)
	runs, _ := ask("GET", "/job-runs?limit=100", "")["items"].([]any)
	require.Len(t, runs, 1)
	require.Equal(t, "schedule", runs[0].(map[string]any)["trigger"])
	// A time at which the job cannot be run passes; hours later nobody waits for it.
	portal, err := pgx.Connect(t.Context(), c.env["DATABASE_URL"])
	require.NoError(t, err)
	defer func() { _ = portal.Close(context.Background()) }()
	_, err = portal.Exec(t.Context(), `UPDATE sources SET state = 'failed', error = '{"code":"x","message":"x"}' WHERE file_id = $1`, file)
	require.NoError(t, err)
	require.Empty(t, tick(strings.Replace(due, "11-23", "11-22", 1)).BatchItemFailures)
	c.logs("a schedule's time has come, and no run could be made")
	runs, _ = ask("GET", "/job-runs?limit=100", "")["items"].([]any)
	require.Len(t, runs, 1)

	// What the rule sends, as EventBridge's documentation has it.
	text, err := c.function("reconcile").Call(t.Context(), []byte(`{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event",
		"source":"aws.events","account":"123456789012","time":"2015-10-08T16:53:06Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:123456789012:rule/minute"],"detail":{}}`))
	require.NoError(t, err, string(text))
	c.logs(`"topic":"reconcile"`)
}

// A database that is away costs messages no try: they come again later.
func TestNoDatabase(t *testing.T) {
	c := newCloud(t)
	server := etltest.PostgresServer(t, nil)
	c.env["DATABASE_URL"] = server.URL
	server.Stop()
	load := c.function("load")
	name := c.env["ETLPORTAL_QUEUE_LOAD_URL"]
	payload, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "m", ReceiptHandle: "r", Body: `{"topic":"load","run_id":1,"attempt":1}`, Attributes: map[string]string{"ApproximateReceiveCount": "1"},
		EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:" + name[strings.LastIndex(name, "/")+1:],
	}}})
	require.NoError(t, err)
	text, err := load.Call(t.Context(), payload)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(text), "a copy was sent, and the original may go")
	api := httptest.NewServer(&runtimeapi.Gateway{Function: c.function("api"), Stage: "prod"})
	t.Cleanup(api.Close)
	ask := func() *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL+"/api/v1/jobs", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.token)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer
	}
	away := ask()
	require.Equal(t, http.StatusServiceUnavailable, away.StatusCode)
	require.Equal(t, "5", away.Header.Get("Retry-After"))
	server.Start() // it resumes
	require.Equal(t, http.StatusOK, ask().StatusCode, "the same function starts with the next request")
}
