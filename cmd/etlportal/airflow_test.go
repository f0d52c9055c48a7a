package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// airflowPatience is how long Airflow may take for what it does once a minute,
// twice over, on a machine that is busy.
const airflowPatience = 4 * time.Minute

// airflowVersions are the Airflows that the tests run with: one of each line
// that MWAA offers, or those of ETLPORTAL_TEST_AIRFLOW (make airflow-matrix).
func airflowVersions() []string {
	if named := strings.Fields(os.Getenv("ETLPORTAL_TEST_AIRFLOW")); len(named) > 0 {
		return named
	}
	return []string{"2.11.0", "3.0.6"}
}

// flow is an Airflow of its own, with a folder of DAGs.
type flow struct {
	t              *testing.T
	version        string
	bin, dags      string
	env            []string
	port           string
	token          string
	standalone     *exec.Cmd
	said           *record
	user, password string
}

// newFlow installs the version where it is not yet, and makes its database. Its
// connection leads to the portal at that address.
func newFlow(t *testing.T, version, portal string) *flow {
	t.Helper()
	installed, err := exec.CommandContext(t.Context(), filepath.Join("..", "..", "scripts", "airflow.sh"), version).Output()
	require.NoError(t, err, "scripts/airflow.sh %s: %s", version, installed)
	home := dataDir(t)
	f := &flow{
		t: t, version: version, bin: filepath.Join(strings.TrimSpace(string(installed)), "bin"), dags: filepath.Join(home, "dags"),
		port: freePort(t), said: &record{}, user: "admin", password: "of-the-tests",
	}
	require.NoError(t, os.Mkdir(f.dags, 0o755))
	executor, err := os.ReadFile(filepath.Join("..", "..", "airflow-mwaa", "dags", "etl_job_executor.py"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(f.dags, "etl_job_executor.py"), executor, 0o600))
	passwords := filepath.Join(home, "passwords.json")
	require.NoError(t, os.WriteFile(passwords, fmt.Appendf(nil, `{%q: %q}`, f.user, f.password), 0o600))
	f.env = cleanEnvironment(
		"PATH="+f.bin+":"+os.Getenv("PATH"), "AIRFLOW_HOME="+home, "AIRFLOW__CORE__DAGS_FOLDER="+f.dags, "AIRFLOW__CORE__LOAD_EXAMPLES=False",
		"AIRFLOW_CONN_ETL_PORTAL_API="+portal, "PYTHONWARNINGS=ignore", "NO_PROXY=*", "AIRFLOW__LOGGING__LOGGING_LEVEL=INFO",
		// What takes minutes on a production Airflow is done every second here.
		"AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL=1", "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL=1",
		"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=1", "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL=1", "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL=1",
		// 2.x
		"AIRFLOW__API__AUTH_BACKENDS=airflow.api.auth.backend.basic_auth", "AIRFLOW__WEBSERVER__WEB_SERVER_PORT="+f.port, "AIRFLOW__WEBSERVER__WORKERS=1",
		// 3.x
		"AIRFLOW__API__PORT="+f.port, "AIRFLOW__API__WORKERS=1", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://127.0.0.1:"+f.port+"/execution/",
		"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="+f.user+":admin", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="+passwords,
		"AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT="+freePort(t), "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT="+freePort(t),
	)
	f.run("db", "migrate")
	if version[0] == '2' {
		f.run("users", "create", "--username", f.user, "--password", f.password, "--role", "Admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.com")
	}
	return f
}

func (f *flow) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(f.bin, "airflow"), args...)
	cmd.Env, cmd.Dir = f.env, f.dags
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Its children have its pipes, too.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs Airflow's command line and gives all that it said.
func (f *flow) run(args ...string) string {
	f.t.Helper()
	said, err := f.try(args...)
	require.NoError(f.t, err, "airflow %s\n%s", strings.Join(args, " "), said)
	return said
}

func (f *flow) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(f.t.Context(), airflowPatience)
	defer cancel()
	said, err := f.command(ctx, args...).CombinedOutput()
	return string(said), err
}

// start runs scheduler, triggerer and REST API until the test ends.
func (f *flow) start() {
	f.t.Helper()
	f.standalone = f.command(context.Background(), "standalone")
	f.standalone.Stdout, f.standalone.Stderr = f.said, f.said
	require.NoError(f.t, f.standalone.Start())
	f.t.Cleanup(func() {
		// It ends its children, and they theirs, some of which are in groups of their own.
		syscall.Kill(f.standalone.Process.Pid, syscall.SIGINT)
		ended := make(chan struct{})
		go func() { f.standalone.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(time.Minute):
		}
		syscall.Kill(-f.standalone.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	f.until("Airflow answers", func() bool {
		status, _ := f.ask(http.MethodGet, "/dags", nil)
		return status == http.StatusOK
	})
}

// until waits for what must come.
func (f *flow) until(what string, is func() bool) {
	f.t.Helper()
	require.Eventually(f.t, is, airflowPatience, 500*time.Millisecond, "%s\n%s", what, tail{f.said})
}

// tail is the end of what a process said, asked for when it is printed.
type tail struct{ r *record }

func (s tail) String() string {
	const most = 20000
	text := s.r.String()
	return text[max(0, len(text)-most):]
}

// ask calls the REST API; status 0: it does not answer.
func (f *flow) ask(method, at string, body any) (status int, answer map[string]any) {
	f.t.Helper()
	if f.version[0] == '2' {
		return f.send(method, "/api/v1"+at, body, func(r *http.Request) { r.SetBasicAuth(f.user, f.password) })
	}
	if f.token == "" {
		_, granted := f.send(http.MethodPost, "/auth/token", map[string]string{"username": f.user, "password": f.password}, func(*http.Request) {})
		f.token, _ = granted["access_token"].(string)
	}
	return f.send(method, "/api/v2"+at, body, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+f.token) })
}

func (f *flow) send(method, at string, body any, sign func(*http.Request)) (int, map[string]any) {
	f.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(f.t, err)
	ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:"+f.port+at, bytes.NewReader(text))
	require.NoError(f.t, err)
	request.Header.Set("Content-Type", "application/json")
	sign(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	var answer map[string]any
	if json.Unmarshal(text, &answer) != nil {
		answer = nil
	}
	return response.StatusCode, answer
}

// imported imports every file in the folder, which must be a DAG of its name.
func (f *flow) imported(files int) {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.dags, "*.py"))
	require.NoError(f.t, err)
	require.Len(f.t, found, files)
	for _, file := range found {
		cmd := exec.CommandContext(f.t.Context(), filepath.Join(f.bin, "python"), "-c", "import runpy, sys; print('DAG', runpy.run_path(sys.argv[1])['dag'].dag_id)", file)
		cmd.Env, cmd.Dir = f.env, f.dags
		said, err := cmd.CombinedOutput()
		require.NoError(f.t, err, "%s", said)
		require.Contains(f.t, string(said), "DAG "+strings.TrimSuffix(filepath.Base(file), ".py")+"\n")
	}
}

// airflowJob stores a job with a hostile name.
func airflowJob(p *server, table, orchestrator, rows string, create bool) float64 {
	p.t.Helper()
	return p.call(http.MethodPost, "/api/v1/jobs", map[string]any{
		"name": table + ` """'); raise SystemExit # \" {{ 7*7 }} é😀`, "orchestrator": orchestrator, "file_id": p.upload(table+".csv", "id,name\n"+rows), "credential_id": p.warehouse(),
		"table": table, "create_table": create,
		"column_mappings": []any{map[string]any{"source": "id", "destination": "id", "type": "integer"}, map[string]any{"source": "name", "destination": "name"}},
	}, http.StatusCreated)["id"].(float64)
}

// lastRun is a job's newest run that airflow made; nil before it.
func lastRun(p *server, job float64) map[string]any {
	p.t.Helper()
	items := p.call(http.MethodGet, fmt.Sprintf("/api/v1/job-runs?job_id=%.0f", job), nil, http.StatusOK)["items"].([]any)
	if len(items) == 0 {
		return nil
	}
	return items[0].(map[string]any)
}

// The generated DAGs in real Airflows: as files, tried by hand, and from the
// making of a schedule to its deletion with scheduler and REST API.
func TestAirflow(t *testing.T) {
	for _, version := range airflowVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel() // most of the time each waits for its next minute
			listen := "127.0.0.1:" + freePort(t)
			f := newFlow(t, version, "http://"+listen)
			p := servingAt(t, listen, dataDir(t), "ETLPORTAL_AIRFLOW_URL=http://127.0.0.1:"+f.port, "ETLPORTAL_AIRFLOW_USERNAME="+f.user,
				"ETLPORTAL_AIRFLOW_PASSWORD="+f.password, "ETLPORTAL_AIRFLOW_DAGS_DIR="+f.dags)
			job := airflowJob(p, "people", "native", "1,Ada\n2,Zoë\n", true)

			// Airflow is down: the schedule is kept, and says why it waits.
			made := p.call(http.MethodPost, fmt.Sprintf("/api/v1/schedules?job_id=%.0f", job), map[string]any{
				"cron_expression": "* * * * *", "timezone": "Europe/Berlin", "enabled": false, "engine": "airflow", "overlap_policy": "skip", "catch_up_policy": "none",
			}, http.StatusCreated)
			schedule := fmt.Sprintf("/api/v1/schedules/%.0f", made["id"].(float64))
			require.Equal(t, "pending", made["state"], "%v", made)
			require.Contains(t, made["state_reason"], "does not answer")
			dag := fmt.Sprintf("etl_job_%.0f_scheduled", job)
			require.FileExists(t, filepath.Join(f.dags, dag+".py"))
			f.imported(2)

			f.byHand(p, job, dag)
			f.failing(p)
			f.start()
			f.scheduled(p, job, schedule, dag)
			f.orchestrated(p)

			p.call(http.MethodDelete, schedule, nil, http.StatusNoContent)
			require.NoFileExists(t, filepath.Join(f.dags, dag+".py"))
			f.until("the DAG is deleted", func() bool {
				status, _ := f.ask(http.MethodGet, "/dags/"+dag, nil)
				return status == http.StatusNotFound
			})
		})
	}
}

// now is a time at which a schedule that was just made may fire.
func now() string { return time.Now().UTC().Add(time.Second).Format(time.RFC3339) }

// byHand runs the generated DAG without a scheduler.
func (f *flow) byHand(p *server, job float64, dag string) {
	f.t.Helper()
	said := f.run("dags", "test", dag, now())
	run := lastRun(p, job)
	require.NotNil(f.t, run, said)
	require.Equal(f.t, []any{"COMPLETED", "airflow", 2.}, []any{run["status"], run["trigger"], run["rows_loaded"]}, "%v\n%s", run, said)
	require.Contains(f.t, said, fmt.Sprintf("run %.0f is COMPLETED: 2 rows read, 2 loaded, 0 rejected", run["id"]))
	require.Equal(f.t, []string{"1|Ada", "2|Zoë"}, p.query("SELECT * FROM people ORDER BY id"))
}

// failing runs a DAG whose run fails: its task does, with the portal's words.
func (f *flow) failing(p *server) {
	f.t.Helper()
	p.query("CREATE TABLE broken (id integer PRIMARY KEY, name text)")
	job := airflowJob(p, "broken", "native", "1,Ada\n1,Bob\n", false)
	p.call(http.MethodPost, fmt.Sprintf("/api/v1/schedules?job_id=%.0f", job), map[string]any{
		"cron_expression": "@daily", "timezone": "UTC", "enabled": false, "engine": "airflow",
	}, http.StatusCreated)
	// Whether the command fails with its DAG run depends on the version.
	said, _ := f.try("dags", "test", fmt.Sprintf("etl_job_%.0f_scheduled", job), now())
	run := lastRun(p, job)
	require.NotNil(f.t, run, said)
	require.Equal(f.t, "FAILED", run["status"], said)
	why := run["error"].(map[string]any)
	require.Contains(f.t, said, why["message"])
	require.Contains(f.t, said, why["fix"])
	require.NotContains(f.t, said, "Marking task as SUCCESS")
}

// scheduled enables a schedule, waits for a run at its time, and disables it.
func (f *flow) scheduled(p *server, job float64, schedule, dag string) {
	f.t.Helper()
	before := lastRun(p, job)["id"]
	p.call(http.MethodPost, schedule+"/enable", nil, http.StatusOK)
	f.until("the schedule is active", func() bool {
		return p.call(http.MethodGet, schedule, nil, http.StatusOK)["state"] == "active"
	})
	status, broken := f.ask(http.MethodGet, "/importErrors", nil)
	require.Equal(f.t, http.StatusOK, status)
	require.Empty(f.t, broken["import_errors"])
	f.until("Airflow fires", func() bool {
		run := lastRun(p, job)
		return run["id"] != before && run["status"] == "COMPLETED" && run["trigger"] == "airflow"
	})
	f.until("the DAG run is a success", func() bool {
		_, runs := f.ask(http.MethodGet, "/dags/"+dag+"/dagRuns?state=success", nil)
		items, _ := runs["dag_runs"].([]any)
		return len(items) > 0
	})
	after := p.call(http.MethodPost, schedule+"/disable", nil, http.StatusOK)
	require.Equal(f.t, "active", after["state"], "%v", after)
	status, known := f.ask(http.MethodGet, "/dags/"+dag, nil)
	require.Equal(f.t, http.StatusOK, status)
	require.Equal(f.t, true, known["is_paused"])
}

// orchestrated executes a job whose runs Airflow starts.
func (f *flow) orchestrated(p *server) {
	f.t.Helper()
	job := airflowJob(p, "orchestrated", "airflow", "1,Ada\n", true)
	started := p.call(http.MethodPost, fmt.Sprintf("/api/v1/jobs/execute/%.0f", job), nil, http.StatusAccepted)
	require.Equal(f.t, "PENDING", started["status"])
	run := fmt.Sprintf("%.0f", started["job_run_id"].(float64))
	f.until("Airflow executes the run", func() bool {
		return p.call(http.MethodGet, "/api/v1/job-runs/"+run, nil, http.StatusOK)["status"] == "COMPLETED"
	})
	f.until("its DAG run is a success", func() bool {
		_, of := f.ask(http.MethodGet, "/dags/etl_job_executor/dagRuns/etl_portal__etl_portal_api__run_"+run, nil)
		return of["state"] == "success"
	})
	require.Equal(f.t, []string{"1|Ada"}, p.query("SELECT * FROM orchestrated"))
}
