package portal

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// RunCounts are what a run did with the rows of its file.
type RunCounts struct {
	Read         int64 `json:"rows_read"`
	Loaded       int64 `json:"rows_loaded"`
	Inserted     int64 `json:"rows_inserted"`
	Updated      int64 `json:"rows_updated"`
	Filtered     int64 `json:"rows_filtered"`
	Rejected     int64 `json:"rows_rejected"`
	Deduplicated int64 `json:"rows_deduplicated"`
}

func countsView(c etl.Counts) RunCounts { return RunCounts(c) }

// Run is a run as the API and its events show it.
type Run struct {
	ID       int64   `json:"id"`
	JobID    int64   `json:"job_id"`
	JobName  string  `json:"job_name"`
	Version  int64   `json:"job_version"`
	FileID   string  `json:"file_id" format:"uuid"`
	Status   string  `json:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED"`
	Phase    string  `json:"phase" doc:"plan, load, publish or done; a run that publishes can no longer be cancelled"`
	Trigger  string  `json:"trigger"`
	Attempt  int     `json:"attempt"`
	Path     string  `json:"path,omitempty" doc:"direct or fan-out"`
	Progress float64 `json:"progress_percentage"`
	RunCounts
	BytesTotal  int64      `json:"bytes_total"`
	BytesRead   int64      `json:"bytes_read"`
	ChunksTotal int        `json:"chunks_total"`
	ChunksDone  int        `json:"chunks_done"`
	Error       *Problem   `json:"error,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	StartedAt   *time.Time `json:"started_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	// Seq grows with every change of the run.
	Seq int64 `json:"seq" doc:"Grows with every change of the run"`
	// Held is of a PENDING run.
	Held bool `json:"held,omitempty" doc:"It waits for Airflow to start it"`
	// ParentID is null for a run that loads no bad rows of another one again.
	ParentID *int64     `json:"parent_run_id" doc:"The run whose bad rows this one loads again"`
	Children []ChildRun `json:"child_runs,omitempty" doc:"The runs that load bad rows of this one again; lists leave them out"`
}

// ChildRun is a run that loads bad rows of another one again.
type ChildRun struct {
	ID        int64     `json:"id"`
	Status    string    `json:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED"`
	Loaded    int64     `json:"rows_loaded"`
	Rejected  int64     `json:"rows_rejected"`
	CreatedAt time.Time `json:"created_at"`
}

// Final says that nothing more happens to the run unless it is retried.
func (r *Run) Final() bool { return etl.Status(r.Status).Final() }

func runView(r etl.Run) Run {
	v := Run{
		ID: r.ID, JobID: r.JobID, JobName: r.Job.Name, Version: r.Job.Version, FileID: r.FileID, Status: string(r.Status), Phase: string(r.Phase),
		Trigger: r.Trigger, Attempt: r.Attempt, Path: r.Path, Progress: progress(&r), RunCounts: countsView(r.Counts),
		BytesTotal: r.BytesTotal, BytesRead: r.BytesRead, ChunksTotal: r.ChunksTotal, ChunksDone: r.ChunksDone, Error: problem(r.Error),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, Seq: r.Seq, Held: r.Held && r.Status == etl.Pending,
	}
	if r.ParentID != 0 {
		v.ParentID = &r.ParentID
	}
	return v
}

// progress is by bytes and keeps its last hundredth for publishing: 100 is only
// what is complete.
func progress(r *etl.Run) float64 {
	if r.Status == etl.Completed {
		return 100
	}
	if r.BytesTotal <= 0 {
		return 0
	}
	part := float64(min(r.BytesRead, r.BytesTotal)) / float64(r.BytesTotal)
	return float64(int64(part*9900)) / 100
}

// Started is the answer to an execute.
type Started struct {
	JobRunID int64  `json:"job_run_id"`
	Status   string `json:"status"`
	// Replayed says that the idempotency key had been used for it before.
	Replayed bool `json:"-"`
}

// maxKey is the length of an idempotency key, in bytes.
const maxKey = 255

// Execute makes a run of a job with everything frozen and sets it going. fileID
// "" is the job's own file. The same key, by the same principal and for the
// same request, gives the same run.
func (p *Portal) Execute(ctx context.Context, jobID int64, fileID, key string) (*Started, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	job, err := p.Store.Job(ctx, jobID)
	if err != nil {
		return nil, err
	}
	if fileID != "" && fileID != job.FileID {
		if err := p.fits(ctx, &job, fileID); err != nil {
			return nil, err
		}
	}
	caller := CallerOf(ctx)
	trigger := caller.Trigger
	if trigger == "" {
		trigger = "api"
	}
	request, err := json.Marshal(map[string]any{"job_id": jobID, "file_id": fileID})
	if err != nil {
		return nil, err
	}
	if err := p.settle(ctx, &job); err != nil {
		return nil, forAPI(err)
	}
	run, created, err := p.Runs.Execute(ctx, job, fileID, trigger, etl.IdempotencyKey{Owner: caller.Principal.ID, Key: key, Request: request})
	if err != nil {
		return nil, forAPI(err)
	}
	out := &Started{JobRunID: run.ID, Status: string(run.Status), Replayed: !created}
	if !created {
		return out, nil
	}
	return out, p.audit(ctx, "execute", "job", number(jobID), nil, map[string]any{"job_run_id": run.ID, "job_version": run.Job.Version, "file_id": run.FileID})
}

// fits says whether another file has the columns that a job's mapping reads.
func (p *Portal) fits(ctx context.Context, job *etl.Job, fileID string) error {
	src, err := p.inspected(ctx, fileID)
	if err != nil {
		return at(err, "body.file_id")
	}
	for _, m := range job.Mapping.Columns {
		if m.Source != "" && !slices.ContainsFunc(src.Names, func(name string) bool { return schema.MatchName(name, m.Source) }) {
			return at(etl.Mistakef("unknown_column", "Execute it with a file that has the same columns, or make a job for this one",
				"the file %s has no column %q, which the job's mapping reads", src.Filename, m.Source), "body.file_id")
		}
	}
	return nil
}

// Run reads a run.
func (p *Portal) Run(ctx context.Context, id int64) (*Run, error) {
	r, err := p.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	view := runView(r)
	children, err := p.Store.Runs(ctx, etl.RunFilter{ParentID: id}, etl.Page{Limit: maxChildren})
	if err != nil {
		return nil, err
	}
	for _, c := range children.Items {
		view.Children = append(view.Children, ChildRun{c.ID, string(c.Status), c.Counts.Loaded, c.Counts.Rejected, c.CreatedAt})
	}
	return &view, nil
}

// maxChildren is how many of a run's children its view shows; the list of runs has all.
const maxChildren = 100

// RunsPage lists the runs that f chooses, newest first.
func (p *Portal) RunsPage(ctx context.Context, f etl.RunFilter, page etl.Page) (*List[Run], error) {
	l, err := p.Store.Runs(ctx, f, page)
	if err != nil {
		return nil, err
	}
	return viewed(l, runView), nil
}

// Watch tells whenever something about a run may have changed, until ctx ends;
// the channel is then closed. Read the run after each, and once at the start.
func (p *Portal) Watch(ctx context.Context, runID int64) <-chan struct{} {
	return p.Store.Watch(ctx, runID)
}

// StartRun lets a run go that waits for its orchestrator, which calls it; any
// other run it gives as it is.
func (p *Portal) StartRun(ctx context.Context, id int64) (*Run, error) {
	return p.move(ctx, id, "start", p.Runs.Start)
}

// CancelRun ends a run that is not publishing yet.
func (p *Portal) CancelRun(ctx context.Context, id int64) (*Run, error) {
	return p.move(ctx, id, "cancel", p.Runs.Cancel)
}

// RetryRun sets a failed run going again; chunks that are loaded stay loaded.
func (p *Portal) RetryRun(ctx context.Context, id int64) (*Run, error) {
	return p.move(ctx, id, "retry", p.Runs.Retry)
}

func (p *Portal) move(ctx context.Context, id int64, action string, do func(context.Context, int64) (etl.Run, error)) (*Run, error) {
	before, err := p.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	after, err := do(ctx, id)
	if err != nil {
		return nil, forAPI(err)
	}
	view := runView(after)
	return &view, p.audit(ctx, action, "run", number(id), runView(before), view)
}

// DeleteRun removes a run that is over, with its logs and rejects.
func (p *Portal) DeleteRun(ctx context.Context, id int64) error {
	before, err := p.Store.Run(ctx, id)
	if err != nil {
		return err
	}
	if err := p.Runs.Delete(ctx, id); err != nil {
		return forAPI(err)
	}
	return p.audit(ctx, "delete", "run", number(id), runView(before), nil)
}
