package cloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/functions/internal/runtimeapi"
)

// asking sends a request that is not refused, and gives the answer's JSON.
type asking func(method, path, body string) map[string]any

// send sends an administrator's request through a gateway before the function;
// a body that begins with --x is a form.
func (c *cloud) send(at, method, path, body string) *http.Response {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, at+"/api/v1"+path, strings.NewReader(body))
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(body, "--x") {
		request.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	return answer
}

// gateway is one before the function.
func (c *cloud) gateway(f *runtimeapi.Function) asking {
	c.t.Helper()
	server := httptest.NewServer(&runtimeapi.Gateway{Function: f, Stage: "prod"})
	c.t.Cleanup(server.Close)
	return func(method, path, body string) map[string]any {
		c.t.Helper()
		answer := c.send(server.URL, method, path, body)
		defer func() { _ = answer.Body.Close() }()
		var made map[string]any
		require.NoError(c.t, json.NewDecoder(answer.Body).Decode(&made))
		require.Less(c.t, answer.StatusCode, 300, made)
		return made
	}
}

// logs waits for what a function has written, which may come after its answer.
func (c *cloud) logs(text string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return strings.Contains(c.log.String(), text) }, time.Minute, 20*time.Millisecond, text)
}

// form is a file as a page sends it.
func form(content string) string {
	return "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n" + content + "\r\n--x--\r\n"
}

// smallJob makes a job that loads two rows into the table t.
func smallJob(c *cloud, ask asking, more string) (file string, job int64) {
	c.t.Helper()
	file, ok := ask("POST", "/sources/csv/upload", form("id,name\n1,a\n2,b\n"))["file_id"].(string)
	require.True(c.t, ok)
	at, err := pgx.ParseConfig(c.destination)
	require.NoError(c.t, err)
	credential := ask("POST", "/credentials", fmt.Sprintf(`{"name":"w","type":"postgresql","host":%q,"port":%d,"database":%q,"username":%q,"password":%q,"ssl_mode":"disable"}`,
		at.Host, at.Port, at.Database, at.User, at.Password))["id"]
	id, ok := ask("POST", "/jobs", fmt.Sprintf(`{"name":"j","file_id":%q,"credential_id":%v,"table":"t",%s
		"column_mappings":[{"source":"id","destination":"id","type":"bigint"},{"source":"name","destination":"name","type":"text"}]}`, file, credential, more))["id"].(float64)
	require.True(c.t, ok)
	return file, int64(id)
}

// connect is the operator's connection to a database.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func value[T any](t require.TestingT, conn *pgx.Conn, sql string) (v T) {
	require.NoError(t, conn.QueryRow(context.Background(), sql).Scan(&v), sql)
	return v
}

// A loader whose time runs out, because somebody locks the table, gives its chunk
// and its right to load back before it is stopped, and says why; the next one
// loads it.
func TestOutOfTime(t *testing.T) {
	c := newCloud(t)
	portal, warehouse := connect(t, c.env["DATABASE_URL"]), connect(t, c.destination)
	_, err := warehouse.Exec(t.Context(), "CREATE TABLE t (id bigint, name text)")
	require.NoError(t, err)
	ask := c.gateway(c.function("api"))
	_, job := smallJob(c, ask, "")
	run := ask("POST", fmt.Sprintf("/jobs/execute/%d", job), "")["job_run_id"]
	plan, load := c.function("plan"), c.timed("load", 5*time.Second)
	state := func() string {
		return value[string](t, portal, `SELECT coalesce(string_agg(state || ' ' || coalesce(error->>'code', ''), ','), 'none') FROM run_chunks`)
	}
	for state() == "none" {
		c.deliver(t.Context(), plan, c.env["ETLPORTAL_QUEUE_PLAN_URL"])
	}
	lock, err := warehouse.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	for !strings.Contains(state(), "out_of_time") {
		require.NoError(t, t.Context().Err())
		c.deliver(t.Context(), load, c.env["ETLPORTAL_QUEUE_LOAD_URL"])
	}
	require.Equal(t, "waiting out_of_time", state())
	require.Zero(t, value[int](t, portal, `SELECT count(*) FROM leases`), "the right to load")
	require.Equal(t, 1, load.Environments(), "the function lives")
	require.NoError(t, lock.Rollback(t.Context()))
	c.serve()
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		assert.Equal(check, "COMPLETED", ask("GET", fmt.Sprintf("/job-runs/%v", run), "")["status"])
	}, time.Minute, 100*time.Millisecond)
	require.Equal(t, 2, value[int](t, warehouse, `SELECT count(*) FROM t`))
}

// What a function's API refuses, and how its event streams end, of a run that nobody serves.
func TestStreamsAndUploadsEnd(t *testing.T) {
	c := newCloud(t)
	_, err := connect(t, c.destination).Exec(t.Context(), "CREATE TABLE t (id bigint, name text)")
	require.NoError(t, err)
	api := c.function("api", "ETLPORTAL_STREAM_FOR=1s")
	server := httptest.NewServer(&runtimeapi.Gateway{Function: api, Stage: "prod"})
	t.Cleanup(server.Close)
	ask := c.gateway(api)
	_, job := smallJob(c, ask, "")
	run := ask("POST", fmt.Sprintf("/jobs/execute/%d", job), "")["job_run_id"]
	stream := fmt.Sprintf("/job-runs/%v/stream", run)

	// A gateway that buffers has it at its end, which the client is to come back after.
	answer := c.send(server.URL, http.MethodGet, stream, "")
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, string(text), "retry: ")
	require.Contains(t, string(text), "event: progress")
	require.NotContains(t, string(text), "event: done")

	answer = c.send(server.URL, http.MethodPost, "/sources/csv/upload", form("id,name\n"+strings.Repeat("1,a\n", 4_500_000/4)))
	text, err = io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode, string(text))
	require.Contains(t, string(text), `"code":"too_large"`)
	require.Contains(t, string(text), "/sources/csv/uploads")
	require.Equal(t, 1, api.Environments())

	// Who leaves a stream of which nothing comes is noticed at its end at the latest;
	// the Runtime API's client takes the cut for the end of the process.
	e := events.APIGatewayProxyRequest{
		Path: "/api/v1" + stream, HTTPMethod: http.MethodGet, MultiValueHeaders: map[string][]string{"Authorization": {"Bearer " + c.token}, "Host": {"portal"}},
		RequestContext: events.APIGatewayProxyRequestContext{Identity: events.APIGatewayRequestIdentity{SourceIP: "192.0.2.1"}},
	}
	payload, err := json.Marshal(e)
	require.NoError(t, err)
	environment, err := runtimeapi.Start(t.Context(), c.options("api", 15*time.Minute, "ETLPORTAL_RESPONSE=stream", "ETLPORTAL_STREAM_FOR=2s"))
	require.NoError(t, err)
	t.Cleanup(environment.Close)
	left, err := environment.Invoke(t.Context(), payload)
	require.NoError(t, err)
	require.True(t, left.Streamed())
	seen := ""
	for one := make([]byte, 1024); !strings.Contains(seen, "event: progress"); {
		n, err := left.Body.Read(one)
		require.NoError(t, err, seen)
		seen += string(one[:n])
	}
	require.NoError(t, left.Body.Close())
	next, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = environment.Invoke(next, payload)
	require.ErrorIs(t, err, runtimeapi.ErrEnded)
	c.logs("error occurred when sending the function functionResponse")
}
