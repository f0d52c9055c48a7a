// Package airflow has Apache Airflow, 2.10 to 3.x, fire schedules and run jobs:
// a schedule is a file in its DAGs folder, which calls the portal by the
// provider of airflow-mwaa/; its REST API pauses, deletes and triggers.
package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// ExecutorDAG runs jobs whose orchestrator is Airflow; airflow-mwaa/dags has it.
const ExecutorDAG = "etl_job_executor"

// Files is the folder that Airflow reads DAGs from. Every method may be
// repeated; failures that pass are Weather.
type Files interface {
	// List gives the names of the files right in the folder that begin with prefix.
	List(ctx context.Context, prefix string) ([]string, error)
	// Read gives a file; nil where there is none.
	Read(ctx context.Context, name string) ([]byte, error)
	// Create makes a file that is not there yet; false where there is one.
	// Nobody sees a part of it, neither here nor in Replace.
	Create(ctx context.Context, name string, content []byte) (bool, error)
	// Replace writes a file anew.
	Replace(ctx context.Context, name string, content []byte) error
	// Delete removes a file; its not being there is no error.
	Delete(ctx context.Context, name string) error
	// Ready says whether files can be written.
	Ready(ctx context.Context) error
}

// REST is a way to Airflow's REST API, signed in.
type REST interface {
	// Call makes one request; at is a path below /api/v1 or /api/v2, as
	// /dags/x. An answer of 4xx is no error, but one of 401 and 403 is a Mistake,
	// as what had been signed in with is wrong, and 5xx, 429 and no answer are Weather.
	Call(ctx context.Context, method, at string, query url.Values, body []byte) (status int, answer []byte, err error)
	// Major is the first number of Airflow's version.
	Major(ctx context.Context) (int, error)
}

// Config is what an Orchestrator works with.
type Config struct {
	Files Files
	REST  REST
	// Connection is the Airflow connection that leads back to the portal. It also
	// tells this portal's DAGs from those of others in the same Airflow.
	Connection string
	// Log may be nil.
	Log *slog.Logger
}

// Orchestrator implements etl.Orchestrator by an Airflow.
type Orchestrator struct {
	files      Files
	rest       REST
	connection string
	log        *slog.Logger
}

var _ etl.Orchestrator = (*Orchestrator)(nil)

// DefaultConnection is the Airflow connection to the portal where none is named.
const DefaultConnection = "etl_portal_api"

// New makes an Orchestrator; it calls nobody yet.
func New(c Config) *Orchestrator {
	o := &Orchestrator{files: c.Files, rest: c.REST, connection: c.Connection, log: c.Log}
	if o.connection == "" {
		o.connection = DefaultConnection
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	return o
}

// names are the DAGs that a schedule may be: the job's, and one of its own where
// another schedule of the job has that.
func names(scheduleID, jobID int64) []string {
	first := fmt.Sprintf("etl_job_%d_scheduled", jobID)
	return []string{first, fmt.Sprintf("%s_%d", first, scheduleID)}
}

// Apply implements etl.Orchestrator. A DAG that Airflow has not read yet is
// Weather of code airflow_reading: it will do as its file says, but not now.
func (o *Orchestrator) Apply(ctx context.Context, s etl.Schedule, j etl.Job) error {
	id, err := o.write(ctx, &s, &j)
	if err != nil {
		return err
	}
	dag, err := o.dag(ctx, id)
	if err != nil {
		return err
	}
	if dag == nil {
		if !s.Enabled {
			return nil // it is paused from the moment on that Airflow knows it
		}
		return o.unread(ctx, id)
	}
	// A pause holds for any version. What fires must be what the file says: the
	// version before may have another time, and a time that has passed since.
	if s.Enabled && !slices.Contains(dag.tags(), versionTag(s.Version)) {
		return o.unread(ctx, id)
	}
	if dag.Paused == !s.Enabled {
		return nil
	}
	return o.pause(ctx, id, !s.Enabled)
}

// write makes or replaces the schedule's file and gives the DAG's id.
func (o *Orchestrator) write(ctx context.Context, s *etl.Schedule, j *etl.Job) (string, error) {
	for _, id := range names(s.ID, s.JobID) {
		present, err := o.files.Read(ctx, id+".py")
		if err != nil {
			return "", err
		}
		before, readable := parse(present)
		if present != nil && (!readable || before.ScheduleID != s.ID || before.Connection != o.connection) {
			continue
		}
		made, err := document(s, j, id, o.connection, before)
		if err != nil {
			return "", err
		}
		content, err := render(made)
		if err != nil {
			return "", err
		}
		if present == nil {
			created, err := o.files.Create(ctx, id+".py", content)
			if err != nil || created {
				return id, err
			}
			continue
		}
		if bytes.Equal(content, present) {
			return id, nil
		}
		return id, o.files.Replace(ctx, id+".py", content)
	}
	return "", etl.Mistakef("airflow_file_taken", "Give each portal its own ETLPORTAL_AIRFLOW_CONNECTION and DAGs folder, or remove the file.",
		"the DAGs folder has a file %s.py that is not of this schedule", names(s.ID, s.JobID)[1])
}

// unread says why Airflow does not know a DAG, or not as its file is now.
func (o *Orchestrator) unread(ctx context.Context, id string) error {
	reason, err := o.importError(ctx, id)
	if err != nil {
		return err
	}
	if reason != "" {
		return &etl.Error{
			Kind: etl.Weather, Code: "airflow_import_error", Message: fmt.Sprintf("Airflow cannot import %s.py: %s", id, reason),
			Fix: "Install the package etl-portal-provider where Airflow runs (airflow-mwaa/README.md); it is tried again every minute.",
		}
	}
	return &etl.Error{
		Kind: etl.Weather, Code: "airflow_reading", Message: fmt.Sprintf("Airflow has not read %s.py yet", id),
		Fix: "Wait: it looks for new files every few minutes. If it stays so, check that ETLPORTAL_AIRFLOW_DAGS_DIR is Airflow's DAGs folder.",
	}
}

// Remove implements etl.Orchestrator: the file goes first, or Airflow would
// make the DAG anew.
func (o *Orchestrator) Remove(ctx context.Context, scheduleID, jobID int64) error {
	for _, id := range names(scheduleID, jobID) {
		present, err := o.files.Read(ctx, id+".py")
		if err != nil {
			return err
		}
		if d, readable := parse(present); present != nil {
			if !readable || d.ScheduleID != scheduleID || d.Connection != o.connection {
				continue
			}
			if err := o.files.Delete(ctx, id+".py"); err != nil {
				return err
			}
		}
		dag, err := o.dag(ctx, id)
		if err != nil {
			return err
		}
		if dag == nil || !o.owns(dag, scheduleID) {
			continue
		}
		if err := o.deleteDAG(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// owns says whether Airflow had the DAG from this schedule.
func (o *Orchestrator) owns(d *dagView, scheduleID int64) bool {
	tags := d.tags()
	return slices.Contains(tags, scheduleTag(scheduleID)) && slices.Contains(tags, portalTag(o.connection))
}

// List implements etl.Orchestrator: what has a file, and what Airflow still has
// without one.
func (o *Orchestrator) List(ctx context.Context) ([]etl.Orchestrated, error) {
	dags, err := o.dags(ctx)
	if err != nil {
		return nil, err
	}
	files, err := o.files.List(ctx, "etl_job_")
	if err != nil {
		return nil, err
	}
	var found []etl.Orchestrated
	for _, name := range files {
		id, ok := strings.CutSuffix(name, ".py")
		if !ok || id == ExecutorDAG {
			continue
		}
		content, err := o.files.Read(ctx, name)
		if err != nil {
			return nil, err
		}
		d, readable := parse(content)
		if !readable || d.Connection != o.connection || d.DAG != id {
			continue
		}
		known, there := dags[id]
		delete(dags, id)
		found = append(found, etl.Orchestrated{
			ScheduleID: d.ScheduleID, JobID: d.JobID, Version: d.Version,
			// What Airflow has not read yet will begin as its file says.
			Enabled: there && !known.Paused || !there && d.Enabled,
		})
	}
	for _, dag := range dags {
		if e, ok := o.orphan(dag); ok {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b etl.Orchestrated) int { return int(a.ScheduleID - b.ScheduleID) })
	return found, nil
}

// orphan is a DAG of this portal whose file has gone.
func (o *Orchestrator) orphan(d *dagView) (etl.Orchestrated, bool) {
	e := etl.Orchestrated{Enabled: !d.Paused}
	mine := false
	for _, tag := range d.tags() {
		mine = mine || tag == portalTag(o.connection)
		for prefix, into := range map[string]*int64{"schedule:": &e.ScheduleID, "job:": &e.JobID} {
			if digits, ok := strings.CutPrefix(tag, prefix); ok {
				*into, _ = strconv.ParseInt(digits, 10, 64) // 0 is nobody's
			}
		}
	}
	return e, mine && e.ScheduleID != 0 && e.JobID != 0
}

// Trigger implements etl.Orchestrator. The DAG run is named after the run, so
// that one that Airflow has already is none of the errors.
func (o *Orchestrator) Trigger(ctx context.Context, jobID, runID int64) error {
	major, err := o.rest.Major(ctx)
	if err != nil {
		return err
	}
	request := map[string]any{
		"dag_run_id": fmt.Sprintf("etl_portal__%s__run_%d", o.connection, runID),
		"conf":       map[string]any{"job_id": jobID, "job_run_id": runID},
	}
	if major >= 3 {
		request["logical_date"] = nil
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	status, answer, err := o.rest.Call(ctx, http.MethodPost, path.Join("/dags", ExecutorDAG, "dagRuns"), nil, body)
	switch {
	case err != nil:
		return err
	case status == http.StatusConflict || status/100 == 2:
		return nil
	case status == http.StatusNotFound:
		return etl.Mistakef("airflow_dag_missing", "Put airflow-mwaa/dags/etl_job_executor.py into its DAGs folder, beside the package etl-portal-provider.",
			"Airflow has no DAG %s, which runs this job", ExecutorDAG)
	}
	return refused("triggering "+ExecutorDAG, status, answer)
}

// Ready implements etl.Orchestrator.
func (o *Orchestrator) Ready(ctx context.Context) error {
	if err := o.files.Ready(ctx); err != nil {
		return err
	}
	status, answer, err := o.rest.Call(ctx, http.MethodGet, "/dags", url.Values{"limit": {"1"}}, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refused("listing its DAGs", status, answer)
	}
	return nil
}

// refused is an answer that nothing was prepared for.
func refused(what string, status int, answer []byte) error {
	const most = 300
	if len(answer) > most {
		answer = answer[:most]
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "airflow_refused", Message: fmt.Sprintf("Airflow answered %d to %s: %s", status, what, strings.ToValidUTF8(string(answer), "�")),
		Fix: "Check that it is Airflow 2.10 or later, and its log.",
	}
}

// moment is how DAG files write times.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
