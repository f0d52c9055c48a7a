package portal

import (
	"cmp"
	"context"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// JobInput creates or replaces a job.
type JobInput struct {
	Name          string              `json:"name" minLength:"1" maxLength:"200"`
	FileID        string              `json:"file_id" format:"uuid"`
	CredentialID  int64               `json:"credential_id" minimum:"1"`
	Schema        string              `json:"schema,omitempty" maxLength:"127" doc:"Absent: the search path's"`
	Table         string              `json:"table" minLength:"1" maxLength:"127"`
	CreateTable   bool                `json:"create_table,omitempty" doc:"Make the table; it must not exist yet. Later runs load into the table that was made"`
	TableOptions  schema.TableOptions `json:"table_options,omitzero" doc:"Of the table that is made, in Redshift alone"`
	Strategy      string              `json:"load_strategy,omitempty" enum:"INSERT,UPSERT,TRUNCATE_INSERT" default:"INSERT"`
	UpsertKeys    []string            `json:"upsert_keys,omitempty" maxItems:"32" doc:"For UPSERT: the columns by which rows are recognised; in PostgreSQL those of a unique index of the table, in Redshift any"`
	DuplicateKeys string              `json:"duplicate_keys,omitempty" enum:"last,first,fail" doc:"Which of several rows of the file with one key counts; absent: last"`
	BatchSize     int64               `json:"batch_size,omitempty" minimum:"0" doc:"About so many rows a chunk, which has at least 8 MiB; absent: by bytes"`
	OnBadRow      etl.BadRowPolicy    `json:"on_bad_row,omitzero"`
	Orchestrator  string              `json:"orchestrator,omitempty" enum:"native,airflow" default:"native" doc:"Who executes its runs: the portal, or Airflow's DAG etl_job_executor"`
	Filter        string              `json:"filter,omitempty" doc:"Expression; rows for which it is not true are left out"`
	Columns       []etl.ColumnMapping `json:"column_mappings,omitempty" maxItems:"1600" doc:"Absent: columns match by name"`
}

// Job is a job as it is stored.
type Job struct {
	ID            int64               `json:"id"`
	Name          string              `json:"name"`
	FileID        string              `json:"file_id" format:"uuid"`
	CredentialID  int64               `json:"credential_id"`
	Schema        string              `json:"schema"`
	Table         string              `json:"table"`
	CreateTable   bool                `json:"create_table"`
	TableOptions  schema.TableOptions `json:"table_options,omitzero"`
	Strategy      string              `json:"load_strategy" enum:"INSERT,UPSERT,TRUNCATE_INSERT"`
	UpsertKeys    []string            `json:"upsert_keys"`
	DuplicateKeys string              `json:"duplicate_keys,omitempty"`
	BatchSize     int64               `json:"batch_size,omitempty"`
	OnBadRow      etl.BadRowPolicy    `json:"on_bad_row"`
	Orchestrator  string              `json:"orchestrator" enum:"native,airflow"`
	Filter        string              `json:"filter,omitempty"`
	Columns       []etl.ColumnMapping `json:"column_mappings"`
	Version       int64               `json:"version"`
	CreatedAt     time.Time           `json:"created_at"`
	UpdatedAt     time.Time           `json:"updated_at"`
}

// Tag is the version.
func (j *Job) Tag() int64 { return j.Version }

// CheckedJob is a job as it was checked against its file and its table.
type CheckedJob struct {
	Job
	DDL     string   `json:"ddl" doc:"CREATE TABLE as it would run, or the columns and keys of the table that exists, in its own types"`
	Notes   []string `json:"notes" doc:"Worth knowing: what is left out, what the database fills"`
	Matches []Match  `json:"matches,omitempty" doc:"Where columns were matched by name: which got which"`
}

// Match says which column of the file fills a column of the table.
type Match struct {
	Source      string `json:"source,omitempty"`
	Destination string `json:"destination"`
	Exact       bool   `json:"exact" doc:"The names are equal; else they differ in case, spaces, underscores or hyphens"`
	Note        string `json:"note,omitempty"`
	// Score and Reason are of those that have a source.
	Score           float64 `json:"score,omitempty" doc:"How sure it is, 0 to 1"`
	Reason          string  `json:"reason,omitempty" doc:"Why the two belong together"`
	SourceType      string  `json:"source_type,omitempty"`
	DestinationType string  `json:"destination_type,omitempty"`
}

func jobView(j etl.Job) Job {
	v := Job{
		ID: j.ID, Name: j.Name, FileID: j.FileID, CredentialID: j.CredentialID, Schema: j.Schema, Table: j.Table, CreateTable: j.CreateTable, TableOptions: j.TableOptions,
		Strategy: string(j.Strategy), UpsertKeys: j.UpsertKeys, DuplicateKeys: j.DuplicateKeys, BatchSize: j.BatchSize,
		OnBadRow: j.Mapping.OnBadRow, Orchestrator: string(cmp.Or(j.Orchestrator, etl.EngineNative)), Filter: j.Mapping.Filter, Columns: j.Mapping.Columns,
		Version: j.Version, CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt,
	}
	if v.UpsertKeys == nil {
		v.UpsertKeys = []string{}
	}
	if v.Columns == nil {
		v.Columns = []etl.ColumnMapping{}
	}
	return v
}

func (in *JobInput) job() etl.Job {
	return etl.Job{
		Name: in.Name, FileID: in.FileID, CredentialID: in.CredentialID, Schema: in.Schema, Table: in.Table, CreateTable: in.CreateTable, TableOptions: in.TableOptions,
		Strategy: etl.Strategy(in.Strategy), UpsertKeys: in.UpsertKeys, DuplicateKeys: in.DuplicateKeys, BatchSize: in.BatchSize,
		Mapping: etl.Mapping{Columns: in.Columns, Filter: in.Filter, OnBadRow: in.OnBadRow}, Orchestrator: etl.Engine(in.Orchestrator),
	}
}

func (c *checked) view(j etl.Job) *CheckedJob {
	v := &CheckedJob{Job: jobView(j), DDL: c.ddl, Notes: c.notes, Matches: c.matches}
	if v.Notes == nil {
		v.Notes = []string{}
	}
	return v
}

// CheckJob checks a job against its file and its table and stores nothing.
// Where it has no mapping, the answer's is the one that matches by name.
func (p *Portal) CheckJob(ctx context.Context, in JobInput) (*CheckedJob, error) {
	job := in.job()
	c, err := p.check(ctx, &job)
	if err != nil {
		return nil, err
	}
	return c.view(job), nil
}

// CreateJob checks a job and stores it.
func (p *Portal) CreateJob(ctx context.Context, in JobInput) (*CheckedJob, error) {
	job := in.job()
	c, err := p.check(ctx, &job)
	if err != nil {
		return nil, err
	}
	created, err := p.Store.CreateJob(ctx, job)
	if err != nil {
		return nil, err
	}
	return c.view(created), p.audit(ctx, "create", "job", number(created.ID), nil, jobView(created))
}

// Job reads a job.
func (p *Portal) Job(ctx context.Context, id int64) (*Job, error) {
	j, err := p.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	view := jobView(j)
	return &view, nil
}

// JobItem is a job in a list.
type JobItem struct {
	Job

	Runs []RunItem `json:"recent_runs" doc:"The last ten, newest first"`
}

// RunItem is a run in short.
type RunItem struct {
	ID         int64      `json:"id"`
	Status     string     `json:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED"`
	Trigger    string     `json:"trigger"`
	Loaded     int64      `json:"rows_loaded"`
	Rejected   int64      `json:"rows_rejected"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Error      *Problem   `json:"error,omitempty"`
}

// recentRuns is how many runs of a job a list of jobs shows.
const recentRuns = 10

// Jobs lists the jobs that f chooses with their last runs, newest first.
func (p *Portal) Jobs(ctx context.Context, f etl.JobFilter, page etl.Page) (*List[JobItem], error) {
	l, err := p.Store.Jobs(ctx, f, page)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(l.Items))
	for i := range l.Items {
		ids[i] = l.Items[i].ID
	}
	last, err := p.Store.LastRuns(ctx, ids, recentRuns)
	if err != nil {
		return nil, err
	}
	return viewed(l, func(j etl.Job) JobItem {
		item := JobItem{jobView(j), []RunItem{}}
		for _, r := range last[j.ID] {
			item.Runs = append(item.Runs, RunItem{
				r.ID, string(r.Status), r.Trigger, r.Counts.Loaded, r.Counts.Rejected, r.CreatedAt, r.StartedAt, r.FinishedAt, problem(r.Error),
			})
		}
		return item
	}), nil
}

// UpdateJob checks a job and replaces it; version 0 is any. Runs keep the
// version that they were made with.
func (p *Portal) UpdateJob(ctx context.Context, id, version int64, in JobInput) (*CheckedJob, error) {
	old, err := p.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.replaceJob(ctx, old, version, in.job())
}

func (p *Portal) replaceJob(ctx context.Context, old etl.Job, version int64, job etl.Job) (*CheckedJob, error) {
	if err := checkVersion("job", old.ID, version, old.Version); err != nil {
		return nil, err
	}
	// A table that this job has made is there by now.
	job.ID, job.Version = old.ID, old.Version
	c, err := p.check(ctx, &job)
	if err != nil {
		return nil, err
	}
	updated, err := p.Store.UpdateJob(ctx, job)
	if err != nil {
		return nil, err
	}
	return c.view(updated), p.audit(ctx, "update", "job", number(old.ID), jobView(old), jobView(updated))
}

// DeleteJob removes a job with its runs; one with an active run is refused.
func (p *Portal) DeleteJob(ctx context.Context, id, version int64) error {
	old, err := p.Store.Job(ctx, id)
	if err != nil {
		return err
	}
	if err := checkVersion("job", id, version, old.Version); err != nil {
		return err
	}
	if err := p.Store.DeleteJob(ctx, id); err != nil {
		return err
	}
	return p.audit(ctx, "delete", "job", number(id), jobView(old), nil)
}

// JobVersions lists every version that a job has had, newest first.
func (p *Portal) JobVersions(ctx context.Context, id int64, page etl.Page) (*List[Job], error) {
	l, err := p.Store.JobVersions(ctx, id, page)
	if err != nil {
		return nil, err
	}
	return viewed(l, func(v etl.JobVersion) Job {
		view := jobView(v.Job)
		view.UpdatedAt = v.At
		return view
	}), nil
}

// ExportMapping is the job's mapping as the command line's mapping file.
func (p *Portal) ExportMapping(ctx context.Context, id int64) (yaml []byte, version int64, err error) {
	j, err := p.Store.Job(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	return transform.FormatMapping(j.Mapping), j.Version, nil
}

// ImportMapping replaces the job's mapping by a mapping file; version 0 is any.
func (p *Portal) ImportMapping(ctx context.Context, id, version int64, yaml []byte) (*CheckedJob, error) {
	old, err := p.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	job := old
	if job.Mapping, err = transform.ParseMapping(yaml, "mapping"); err != nil {
		return nil, err
	}
	return p.replaceJob(ctx, old, version, job)
}

// DryRun is what a job would do.
type DryRun struct {
	Counts    RunCounts `json:"counts"`
	Unchanged int64     `json:"rows_unchanged" doc:"Of the updated rows, those that are already as the file says"`
	Complete  bool      `json:"complete" doc:"The whole file was tried, not only its first rows"`
	// Error is a run's; bad rows that the job skips are none.
	Error   *Problem       `json:"error,omitempty" doc:"Why a run would fail; absent where it would not"`
	SQL     []string       `json:"sql" doc:"The statements that would publish the rows"`
	Columns []string       `json:"columns"`
	Samples []DryRunSample `json:"samples"`
	Rejects []Reject       `json:"rejects"`
	Notes   []string       `json:"notes"`
}

// DryRunSample is one row before and after, in the order of columns.
type DryRunSample struct {
	Line   int64     `json:"line"`
	Before []*string `json:"before" doc:"null: the row would be new"`
	After  []*string `json:"after"`
}

// DryRunJob runs a job through the real pipeline and leaves its table as it is.
func (p *Portal) DryRunJob(ctx context.Context, id int64) (*DryRun, error) {
	job, err := p.Store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := p.settle(ctx, &job); err != nil {
		return nil, forAPI(err)
	}
	return p.dryRun(ctx, job)
}

// DryRun runs a job that is not stored, as DryRunJob does.
func (p *Portal) DryRun(ctx context.Context, in JobInput) (*DryRun, error) {
	job := in.job()
	if _, err := p.check(ctx, &job); err != nil {
		return nil, err
	}
	return p.dryRun(ctx, job)
}

func (p *Portal) dryRun(ctx context.Context, job etl.Job) (*DryRun, error) {
	t, err := p.Runs.DryRun(ctx, job)
	if err != nil {
		return nil, forAPI(err)
	}
	out := &DryRun{
		Counts: countsView(t.Counts), Unchanged: t.Unchanged, Complete: t.Complete, Error: problem(t.Failure), SQL: t.SQL, Columns: t.Columns,
		Samples: make([]DryRunSample, 0, len(t.Samples)), Rejects: make([]Reject, 0, len(t.Rejects)), Notes: t.Notes,
	}
	for _, s := range t.Samples {
		out.Samples = append(out.Samples, DryRunSample(s))
	}
	for i := range t.Rejects {
		out.Rejects = append(out.Rejects, rejectView(&etl.RunReject{Reject: t.Rejects[i]}))
	}
	for _, list := range []*[]string{&out.SQL, &out.Columns, &out.Notes} {
		if *list == nil {
			*list = []string{}
		}
	}
	return out, nil
}
