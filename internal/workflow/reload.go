package workflow

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
)

// Reload makes a run that loads mended bad rows of another one, and sends it on
// its way. src holds just those rows, with a header, and is read as its own
// Encoding and Dialect say; everything else is as the run before froze it, its
// columns included, because a few rows tell less of types than a whole file.
// created is false where key made the run before.
//
// Three things differ from the run before: the table exists, so it is not made;
// rows are added even where that run replaced the table's; and what is bad
// again is set aside and reported again, however many rows that is. The errors
// are those of Execute, and already_reloaded.
func (s *Steps) Reload(ctx context.Context, before etl.Run, src etl.Source, rows []etl.ReloadedRow, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	job := before.Job
	job.CreateTable = false
	if job.Strategy == etl.TruncateInsert {
		job.Strategy = etl.Insert
	}
	job.Mapping.OnBadRow = etl.BadRowPolicy{Mode: "skip"}
	made := etl.Run{
		JobID: before.JobID, Job: job, FileID: src.ID, Object: src.Object, Encoding: src.Encoding, Dialect: src.Dialect,
		Sources: before.Sources, BytesTotal: src.Object.Size, ParentID: before.ID, Reloaded: rows,
	}
	return s.create(ctx, made, trigger, key)
}
