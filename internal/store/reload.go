package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// CodeAlreadyReloaded says that another run loads the row again, or has.
const CodeAlreadyReloaded etl.Code = "already_reloaded"

// reloaders are the runs beside $2 that load rows of the run $1 again and have not failed to.
const reloaders = `SELECT w.parent_line, w.run_id FROM reloaded_rows AS w JOIN job_runs AS c ON c.id = w.run_id
	WHERE c.parent_run_id = $1 AND c.id <> $2 AND c.status NOT IN ('FAILED', 'CANCELLED')`

// writeReloaded notes which rows a new run loads again. The lock of the run
// before decides between two that want the same row.
func writeReloaded(ctx context.Context, tx pgx.Tx, run etl.Run, rows []etl.ReloadedRow) error {
	if run.ParentID == 0 {
		return nil
	}
	if _, err := lockRun(ctx, tx, run.ParentID, 0); err != nil {
		return err
	}
	lines, parents := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		lines[i], parents[i] = r.Line, r.ParentLine
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO reloaded_rows (run_id, line, parent_line, source_line)
		SELECT $2, mended.line, mended.parent_line, coalesce(before.source_line, mended.parent_line)
		FROM unnest($3::bigint[], $4::bigint[]) AS mended (line, parent_line)
		LEFT JOIN reloaded_rows AS before ON before.run_id = $1 AND before.line = mended.parent_line`, run.ParentID, run.ID, lines, parents); err != nil {
		return err
	}
	return notTwice(ctx, tx, run)
}

// stillToReload says whether a failed run may load its rows: where it loads bad
// rows of another run again, one made since may have done so. The transaction
// holds both runs.
func stillToReload(ctx context.Context, tx pgx.Tx, run etl.Run) error {
	if run.ParentID == 0 {
		return nil
	}
	return notTwice(ctx, tx, run)
}

func notTwice(ctx context.Context, tx pgx.Tx, run etl.Run) error {
	var (
		line, other int64
		n           int
	)
	err := tx.QueryRow(ctx, `
		SELECT count(*), coalesce(min(mine.parent_line), 0), coalesce(min(theirs.run_id), 0)
		FROM reloaded_rows AS mine JOIN (`+reloaders+`) AS theirs USING (parent_line) WHERE mine.run_id = $2`, run.ParentID, run.ID).Scan(&n, &line, &other)
	if err != nil || n == 0 {
		return err
	}
	e := etl.Mistakef(CodeAlreadyReloaded, fmt.Sprintf("Leave out the rows that run %d loads; what it rejects again can be mended there.", other),
		"run %d loads line %d of run %d again already", other, line, run.ParentID)
	if n > 1 {
		e.Message += fmt.Sprintf(", and %d more of these rows", n-1)
	}
	e.Line = line
	return e
}

// Replaced gives the first run that has replaced the rows of a run's table
// since that run ended (TRUNCATE_INSERT into the same table, by any job); 0 is none.
func (s *Store) Replaced(ctx context.Context, run etl.Run) (int64, error) {
	var id int64
	err := s.pool.QueryRow(ctx, `
		SELECT coalesce(min(id), 0) FROM job_runs
		WHERE finished_at > $1 AND status = 'COMPLETED' AND credential_id = $2
			AND job->>'load_strategy' = 'TRUNCATE_INSERT' AND job->>'schema' = $3 AND job->>'table' = $4`,
		run.FinishedAt, run.Job.CredentialID, run.Job.Schema, run.Job.Table).Scan(&id)
	return id, wrap(ctx, err, fmt.Sprintf("looking for runs after run %d", run.ID))
}

// RejectsAt gives the bad rows of a run at lines of its file, in file order.
func (s *Store) RejectsAt(ctx context.Context, runID int64, lines []int64) ([]etl.RunReject, error) {
	return all(ctx, s.pool, fmt.Sprintf("reading bad rows of run %d", runID), scanReject,
		`SELECT `+rejectColumns+` FROM run_rejects WHERE run_id = $1 AND line = ANY ($2) ORDER BY line, id`, runID, lines)
}
