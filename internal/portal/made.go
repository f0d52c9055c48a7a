package portal

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// settle decides for a run whether its table is still to be made: one that the
// job has made, or would make just so, is loaded into; another is table_exists.
func (p *Portal) settle(ctx context.Context, job *etl.Job) error {
	if !job.CreateTable {
		return nil
	}
	err := p.with(ctx, job.CredentialID, func(ctx context.Context, dest etl.FanOut) error {
		t, err := dest.Table(ctx, job.Schema, job.Table)
		switch {
		case isCode(err, "table_not_found"):
			return nil
		case err != nil:
			return err
		case p.madeBy(ctx, job) || p.wouldMake(ctx, dest, job, t):
			job.CreateTable = false
			return nil
		}
		return tableExists(t)
	})
	if etl.KindOf(err) == etl.Weather {
		// The run waits for the database, and needs an answer until then.
		job.CreateTable = !p.madeBy(ctx, job)
		return nil
	}
	return err
}

func tableExists(t *schema.Table) error {
	return etl.Mistakef("table_exists", "Set create_table to false to load into it, or name another table", "the table %s exists already", t.QualifiedName())
}

// madeBy says whether the table that a job is to make was filled by a run of it.
func (p *Portal) madeBy(ctx context.Context, job *etl.Job) bool {
	if job.ID == 0 {
		return false
	}
	// The last run tells: before it, the job may have had another table.
	runs, err := p.Store.Runs(ctx, etl.RunFilter{JobID: job.ID, Status: etl.Completed}, etl.Page{Limit: 1})
	if err != nil || len(runs.Items) == 0 {
		return false
	}
	last := runs.Items[0].Job
	return last.CredentialID == job.CredentialID && last.Schema == job.Schema && last.Table == job.Table
}

// wouldMake says whether a table has exactly the columns that the job would make there.
func (p *Portal) wouldMake(ctx context.Context, dest etl.Destination, job *etl.Job, t *schema.Table) bool {
	src, err := p.inspected(ctx, job.FileID)
	if err != nil {
		return false
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return false
	}
	program, err := transform.Compile(job.Mapping, sourcesOf(columns), nil, transform.Options{Location: p.Location})
	if err != nil {
		return false
	}
	note, err := checkKeys(dest, job, t, program.Columns())
	return err == nil && note == "" && etl.MadeAlike(dest, program.Columns(), t.Columns)
}
