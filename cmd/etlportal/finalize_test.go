package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/local"
)

// noted are the runs that tasks are to publish.
type noted chan int64

func (n noted) Finalize(_ context.Context, runID int64, _ int) error {
	n <- runID
	return nil
}

// A portal hands a long publish to a task, which is this program as a process
// of its own: killed while it publishes, started twice, and asked for nonsense.
func TestFinalizeCommand(t *testing.T) {
	objects, err := local.StartBlobs(t.Context(), local.BlobsOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, objects.Stop()) })
	db, target := newDatabase(t), newDatabase(t)
	set := map[string]string{
		"ETLPORTAL_DATA_DIR": dataDir(t), "DATABASE_URL": db.url, "ENCRYPTION_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)),
		"S3_ENDPOINT": objects.Endpoint, "S3_BUCKET": "mine", "S3_PREPARE": "true", "AWS_REGION": local.Region, "ETLPORTAL_CHUNK_SIZE": "8MiB",
		"AWS_ACCESS_KEY_ID": objects.AccessKey, "AWS_SECRET_ACCESS_KEY": objects.SecretKey,
	}
	var env []string
	for name, value := range set {
		env = append(env, name+"="+value)
		t.Setenv(name, value)
	}
	config, err := app.FromEnvironment(withFlags(nil))
	require.NoError(t, err)
	where, err := readBackend(withFlags(nil))
	require.NoError(t, err)
	back, err := startBackend(t.Context(), &where, nil)
	require.NoError(t, err)
	config.DatabaseURL, config.LongPublish = back.databaseURL, time.Millisecond
	tasks := make(noted, 4)
	portal, err := app.New(t.Context(), config, app.Adapters{Blobs: back.objects, Sealer: back.sealer, Queue: newQueue, Tasks: tasks, API: api.New})
	require.NoError(t, err)
	t.Cleanup(portal.Close)
	work, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- portal.Run(work) }()
	t.Cleanup(func() { stop(); <-ended })
	at := httptest.NewServer(portal.Handler)
	t.Cleanup(at.Close)
	p := &server{t: t, url: at.URL, logged: &record{}, answers: &record{}}

	u, err := url.Parse(target.url)
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	password, _ := u.User.Password()
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "own", "host": u.Hostname(), "port": port, "database": u.Path[1:], "username": u.User.Username(), "password": password,
	}, http.StatusCreated)["id"]
	const rows = 40_000
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s\n", i, strings.Repeat("x", 470))
	}
	target.exec("CREATE TABLE big (id bigint PRIMARY KEY, text text)")
	run := p.execute(map[string]any{"name": "big", "file_id": p.upload("big.csv", b.String()), "credential_id": credential, "table": "big"})
	select {
	case id := <-tasks:
		require.Equal(t, run, strconv.FormatInt(id, 10))
	case <-time.After(patience):
		t.Fatalf("no task was started: %v", p.call(http.MethodGet, "/api/v1/job-runs/"+run, nil, http.StatusOK))
	}
	require.Equal(t, "run_state", p.call(http.MethodPost, "/api/v1/job-runs/"+run+"/cancel", nil, http.StatusConflict)["code"])

	// Somebody holds the table, so that the task can be killed while it publishes.
	target.exec("BEGIN")
	target.exec("LOCK TABLE big IN SHARE MODE")
	program, err := binary()
	require.NoError(t, err)
	task := exec.Command(program, "finalize", "--run", run, "--attempt", "1")
	task.Env = cleanEnvironment(env...)
	require.NoError(t, task.Start())
	other := newDatabaseAt(t, target.url)
	require.Eventually(t, func() bool {
		return other.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'etlportal%publish%'")[0] == "1"
	}, patience, 50*time.Millisecond)
	require.NoError(t, task.Process.Kill())
	_ = task.Wait() // killed
	target.exec("COMMIT")
	require.Equal(t, "RUNNING", p.call(http.MethodGet, "/api/v1/job-runs/"+run, nil, http.StatusOK)["status"])

	for range 2 {
		o := admin(t, env, "finalize", "--run", run)
		if strings.Contains(o.out, "by another process") { // the killed one's session ends a moment later
			require.Equal(t, exitDone, o.code)
			require.Eventually(t, func() bool {
				o = admin(t, env, "finalize", "--run", run)
				return !strings.Contains(o.out, "by another process")
			}, patience, 100*time.Millisecond)
		}
		require.Equal(t, exitDone, o.code, "%s\n%s", o.out, o.err)
		require.Equal(t, fmt.Sprintf("run %s is published: %d rows inserted, 0 updated, of %d read\n", run, rows, rows), o.out)
	}
	done := p.finish(run)
	require.Equal(t, "COMPLETED", done["status"])
	require.Equal(t, []string{strconv.Itoa(rows)}, target.rows("SELECT count(*) FROM big"))

	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no run":          {[]string{}, exitUsage, "--run"},
		"no such run":     {[]string{"--run", "999"}, exitUsage, "there is no run 999"},
		"another attempt": {[]string{"--run", run, "--attempt", "7"}, exitUsage, "attempt"},
		"no number":       {[]string{"--run", "x"}, exitUsage, "--run"},
	} {
		t.Run(name, func(t *testing.T) {
			o := admin(t, env, append([]string{"finalize"}, c.args...)...)
			require.Equal(t, c.code, o.code, o.err)
			require.Contains(t, o.err, c.says)
		})
	}
	o := admin(t, []string{"ETLPORTAL_BUCKET=files"}, "finalize", "--run", "1")
	require.Equal(t, exitUsage, o.code)
	for _, setting := range []string{"ETLPORTAL_DATABASE_SECRET", "ETLPORTAL_KMS_KEY", "ETLPORTAL_QUEUE_LOAD_URL"} {
		require.Contains(t, o.err, setting)
	}
}
