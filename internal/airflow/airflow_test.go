package airflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

func refusal(t *testing.T, err error, kind etl.Kind, code etl.Code) *etl.Error {
	t.Helper()
	var e *etl.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, kind, e.Kind, "%v", err)
	require.Equal(t, code, e.Code, "%v", err)
	require.NotEmpty(t, e.Fix)
	require.NotContains(t, err.Error(), password)
	return e
}

const password = "never shown"

// standIn answers as the REST API of an Airflow does, and reads the folder when told.
type standIn struct {
	*httptest.Server

	t     *testing.T
	major int
	dir   string

	mu      sync.Mutex
	dags    map[string]map[string]any
	runs    map[string]map[string]any
	errors  []map[string]any
	tokens  int    // how many were given
	valid   string // the one that is taken
	broken  int    // a status that everything is answered with
	refused int    // a status for what changes something
}

func airflowOf(t *testing.T, major int) (*standIn, *Orchestrator) {
	t.Helper()
	a := &standIn{t: t, major: major, dir: t.TempDir(), dags: map[string]map[string]any{ExecutorDAG: {"is_paused": false}}, runs: map[string]map[string]any{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a, a.orchestrator(password)
}

func (a *standIn) orchestrator(with string) *Orchestrator {
	server, err := NewServer(a.URL+"/", "etl", with)
	require.NoError(a.t, err)
	return New(Config{Files: NewFolder(a.dir), REST: server})
}

// read is Airflow reading its folder.
func (a *standIn) read() {
	a.mu.Lock()
	defer a.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(a.dir, "*.py"))
	require.NoError(a.t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(a.t, err)
		d, readable := parse(content)
		if !readable {
			continue
		}
		tags := []map[string]any{}
		for _, tag := range d.Tags {
			tags = append(tags, map[string]any{"name": tag})
		}
		paused := !d.Enabled
		if known := a.dags[d.DAG]; known != nil {
			paused = known["is_paused"].(bool)
		}
		a.dags[d.DAG] = map[string]any{"dag_id": d.DAG, "is_paused": paused, "tags": tags}
	}
}

func (a *standIn) paused(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.dags[id]["is_paused"].(bool)
}

func (a *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	prefix := map[int]string{2: "/api/v1", 3: "/api/v2"}[a.major]
	say := func(status int, body any) {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		w.WriteHeader(status)
		w.Write(text)
	}
	if a.broken != 0 {
		say(a.broken, "broken")
		return
	}
	at, known := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case a.major == 3 && r.URL.Path == "/auth/token":
		var in map[string]string
		json.NewDecoder(r.Body).Decode(&in)
		if in["username"] != "etl" || in["password"] != password {
			say(http.StatusUnauthorized, map[string]any{"detail": "Invalid credentials"})
			return
		}
		a.tokens++
		a.valid = fmt.Sprintf("token %d", a.tokens)
		say(http.StatusCreated, map[string]any{"access_token": a.valid})
		return
	case !known:
		say(http.StatusNotFound, "no such page")
		return
	case at == "/version":
		say(http.StatusOK, map[string]any{"version": fmt.Sprintf("%d.9.1", a.major)})
		return
	}
	name, secret, _ := r.BasicAuth()
	if a.major == 2 && (name != "etl" || secret != password) || a.major == 3 && r.Header.Get("Authorization") != "Bearer "+a.valid {
		say(http.StatusUnauthorized, map[string]any{"detail": "Unauthorized"})
		return
	}
	if a.refused != 0 && r.Method != http.MethodGet {
		say(a.refused, "refused")
		return
	}
	a.answer(at, r, say)
}

func (a *standIn) answer(at string, r *http.Request, say func(int, any)) {
	id, is := strings.CutPrefix(at, "/dags/")
	var body map[string]any
	json.NewDecoder(r.Body).Decode(&body)
	switch {
	case at == "/importErrors":
		say(http.StatusOK, map[string]any{"import_errors": a.errors})
	case at == "/dags":
		list := []map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(a.dags)) {
			if a.dags[name]["tags"] != nil {
				list = append(list, a.dags[name])
			}
		}
		say(http.StatusOK, map[string]any{"dags": list})
	case is && strings.HasSuffix(id, "/dagRuns"):
		if a.dags[strings.TrimSuffix(id, "/dagRuns")] == nil {
			say(http.StatusNotFound, "no DAG")
			return
		}
		run := body["dag_run_id"].(string)
		_, dated := body["logical_date"]
		if dated != (a.major == 3) {
			say(http.StatusUnprocessableEntity, "logical_date")
			return
		}
		if a.runs[run] != nil {
			say(http.StatusConflict, "it exists")
			return
		}
		a.runs[run] = body["conf"].(map[string]any)
		say(http.StatusOK, map[string]any{})
	case is && a.dags[id] == nil:
		say(http.StatusNotFound, "no DAG")
	case is && r.Method == http.MethodDelete:
		delete(a.dags, id)
		say(http.StatusNoContent, nil)
	case is && r.Method == http.MethodPatch:
		a.dags[id]["is_paused"] = body["is_paused"]
		say(http.StatusOK, a.dags[id])
	case is:
		say(http.StatusOK, a.dags[id])
	default:
		say(http.StatusNotFound, "what?")
	}
}

func schedule() etl.Schedule {
	return etl.Schedule{ID: 5, JobID: 3, Cron: "0 6 * * mon", Timezone: "Europe/Berlin", Enabled: true, Overlap: etl.OverlapSkip, CatchUp: etl.CatchUpNone, Version: 1, UpdatedAt: time.Unix(1e9, 0)}
}

// A schedule from its making to its end.
func TestApply(t *testing.T) {
	for _, major := range []int{2, 3} {
		t.Run(fmt.Sprintf("Airflow %d", major), func(t *testing.T) {
			a, o := airflowOf(t, major)
			ctx, s, j := t.Context(), schedule(), etl.Job{ID: 3, Name: "people"}
			require.NoError(t, o.Ready(ctx))
			refusal(t, o.Apply(ctx, s, j), etl.Weather, "airflow_reading")
			file := filepath.Join(a.dir, "etl_job_3_scheduled.py")
			require.FileExists(t, file)
			list, err := o.List(ctx)
			require.NoError(t, err)
			require.Equal(t, []etl.Orchestrated{{ScheduleID: 5, JobID: 3, Version: 1, Enabled: true}}, list)

			a.read()
			require.NoError(t, o.Apply(ctx, s, j))
			require.False(t, a.paused("etl_job_3_scheduled"))

			// A pause holds at once; what fires must have been read.
			s.Version, s.Enabled = 2, false
			require.NoError(t, o.Apply(ctx, s, j))
			require.True(t, a.paused("etl_job_3_scheduled"))
			s.Version, s.Enabled = 3, true
			refusal(t, o.Apply(ctx, s, j), etl.Weather, "airflow_reading")
			require.True(t, a.paused("etl_job_3_scheduled"))
			a.read()
			require.NoError(t, o.Apply(ctx, s, j))
			require.False(t, a.paused("etl_job_3_scheduled"))
			require.NoError(t, o.Apply(ctx, s, j), "it may be repeated")

			// Another schedule of the job has a file of its own.
			other := schedule()
			other.ID, other.Enabled = 6, false
			require.NoError(t, o.Apply(ctx, other, j), "paused as soon as Airflow knows it")
			require.FileExists(t, filepath.Join(a.dir, "etl_job_3_scheduled_6.py"))
			a.read()
			list, err = o.List(ctx)
			require.NoError(t, err)
			require.Equal(t, []etl.Orchestrated{{ScheduleID: 5, JobID: 3, Version: 3, Enabled: true}, {ScheduleID: 6, JobID: 3, Version: 1}}, list)

			require.NoError(t, o.Remove(ctx, 5, 3))
			require.NoError(t, o.Remove(ctx, 5, 3), "it may be repeated")
			require.NoFileExists(t, file)
			// A file that somebody else removed leaves a DAG behind.
			require.NoError(t, os.Remove(filepath.Join(a.dir, "etl_job_3_scheduled_6.py")))
			list, err = o.List(ctx)
			require.NoError(t, err)
			require.Equal(t, []etl.Orchestrated{{ScheduleID: 6, JobID: 3}}, list)
			require.NoError(t, o.Remove(ctx, 6, 3))
			list, err = o.List(ctx)
			require.NoError(t, err)
			require.Empty(t, list)
		})
	}
}

// Files that are not this portal's are left alone.
func TestOthersFiles(t *testing.T) {
	a, o := airflowOf(t, 3)
	own := filepath.Join(a.dir, "etl_job_3_scheduled.py")
	require.NoError(t, os.WriteFile(own, []byte("# written by hand\n"), 0o600))
	s := schedule()
	s.Enabled = false
	require.NoError(t, o.Apply(t.Context(), s, etl.Job{}))
	require.FileExists(t, filepath.Join(a.dir, "etl_job_3_scheduled_5.py"))
	neighbour := a.orchestrator(password)
	neighbour.connection = "another_portal"
	refusal(t, neighbour.Apply(t.Context(), s, etl.Job{}), etl.Mistake, "airflow_file_taken")
	list, err := neighbour.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	a.read()
	require.NoError(t, neighbour.Remove(t.Context(), 5, 3))
	require.FileExists(t, filepath.Join(a.dir, "etl_job_3_scheduled_5.py"))
	require.NoError(t, o.Remove(t.Context(), 5, 3))
	content, err := os.ReadFile(own)
	require.NoError(t, err)
	require.Equal(t, "# written by hand\n", string(content))
	leftovers, err := filepath.Glob(filepath.Join(a.dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

func TestTrigger(t *testing.T) {
	for _, major := range []int{2, 3} {
		t.Run(fmt.Sprintf("Airflow %d", major), func(t *testing.T) {
			a, o := airflowOf(t, major)
			for range 2 {
				require.NoError(t, o.Trigger(t.Context(), 3, 44))
			}
			require.Equal(t, map[string]map[string]any{"etl_portal__etl_portal_api__run_44": {"job_id": 3., "job_run_id": 44.}}, a.runs)
			delete(a.dags, ExecutorDAG)
			refusal(t, o.Trigger(t.Context(), 3, 45), etl.Mistake, "airflow_dag_missing")
		})
	}
}

func TestFaults(t *testing.T) {
	for _, major := range []int{2, 3} {
		t.Run(fmt.Sprintf("Airflow %d", major), func(t *testing.T) {
			a, o := airflowOf(t, major)
			ctx, s := t.Context(), schedule()

			e := refusal(t, a.orchestrator("wrong").Ready(ctx), etl.Mistake, "airflow_password")
			require.Contains(t, e.Message, "ETLPORTAL_AIRFLOW_PASSWORD")

			a.errors = []map[string]any{
				{"filename": "/dags/else.py", "stack_trace": "x"},
				{"filename": "/dags/etl_job_3_scheduled.py", map[int]string{2: "stack_trace", 3: "stacktrace"}[major]: "Traceback\n  line\nModuleNotFoundError: No module named 'etl_portal_provider'\n"},
			}
			e = refusal(t, o.Apply(ctx, s, etl.Job{}), etl.Weather, "airflow_import_error")
			require.Contains(t, e.Message, "No module named 'etl_portal_provider'")

			a.read()
			s.Enabled, s.Version = false, 2
			for status, want := range map[int]struct {
				kind etl.Kind
				code etl.Code
			}{
				http.StatusForbidden: {etl.Mistake, "airflow_role"}, http.StatusBadRequest: {etl.Mistake, "airflow_refused"},
				http.StatusServiceUnavailable: {etl.Weather, "airflow_down"}, http.StatusTooManyRequests: {etl.Weather, "airflow_down"},
			} {
				a.refused = status
				refusal(t, o.Apply(ctx, s, etl.Job{}), want.kind, want.code)
			}
			a.refused = http.StatusConflict
			refusal(t, o.Remove(ctx, 5, 3), etl.Weather, "airflow_dag_runs")
			a.refused = 0
			require.NoError(t, o.Remove(ctx, 5, 3))

			a.broken = http.StatusBadGateway
			refusal(t, a.orchestrator(password).Ready(ctx), etl.Weather, "airflow_down")
			a.broken = http.StatusNotFound
			refusal(t, a.orchestrator(password).Ready(ctx), etl.Mistake, "airflow_not_there")
			a.broken = http.StatusFound
			refusal(t, o.Ready(ctx), etl.Mistake, "airflow_password")
			a.Close()
			refusal(t, o.Ready(ctx), etl.Weather, "airflow_down")

			require.NoError(t, os.RemoveAll(a.dir))
			refusal(t, o.Apply(ctx, s, etl.Job{}), etl.Weather, "airflow_dags_dir")
			refusal(t, o.Ready(ctx), etl.Weather, "airflow_dags_dir")
		})
	}
}

// A token is used until it is refused, and then renewed; an Airflow that comes
// back as another version is found out.
func TestSignInIsRenewed(t *testing.T) {
	a, o := airflowOf(t, 3)
	for range 3 {
		require.NoError(t, o.Ready(t.Context()))
	}
	require.Equal(t, 1, a.tokens)
	a.valid = "another"
	require.NoError(t, o.Ready(t.Context()))
	require.Equal(t, 2, a.tokens)
}

func TestNewServer(t *testing.T) {
	for _, base := range []string{"", "airflow:8080", "ftp://x", "http://", "http://u:p@h", "http://h?x=1", "http://h:%"} {
		_, err := NewServer(base, "", "")
		refusal(t, err, etl.Mistake, "bad_setting")
	}
}

// Two who make a file at once do not overwrite each other's.
func TestFolderCreates(t *testing.T) {
	f := NewFolder(t.TempDir())
	var made sync.Map
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			created, err := f.Create(t.Context(), "x.py", fmt.Appendf(nil, "%d", i))
			if err != nil || created {
				made.Store(i, err)
			}
		})
	}
	group.Wait()
	winners := 0
	made.Range(func(i, err any) bool {
		winners++
		content, read := f.Read(t.Context(), "x.py")
		require.NoError(t, errors.Join(read))
		require.Nil(t, err)
		require.Equal(t, fmt.Sprint(i), string(content))
		return true
	})
	require.Equal(t, 1, winners)
	require.NoError(t, f.Replace(t.Context(), "x.py", []byte("new")))
	names, err := f.List(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, []string{"x.py"}, names)
}
