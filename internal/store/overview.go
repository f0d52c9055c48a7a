package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// Overview gives figures over the runs that ended within the last window and
// those that have not ended; days is how many days, today's included, ByDay
// has, in the zone.
func (s *Store) Overview(ctx context.Context, window, bucket time.Duration, days int, zone string) (etl.Overview, error) {
	var o etl.Overview
	// One snapshot, so that the parts agree.
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT portal_now()`).Scan(&o.Until); err != nil {
			return err
		}
		o.Since = o.Until.Add(-window)
		if err := tx.QueryRow(ctx, `
			SELECT count(*) FILTER (WHERE status = 'PENDING'), count(*) FILTER (WHERE status = 'RUNNING'), min(created_at) FILTER (WHERE status = 'PENDING'),
				(SELECT count(*) FROM run_chunks AS c JOIN job_runs AS r ON r.id = c.run_id WHERE r.status = 'RUNNING' AND r.phase = 'load' AND c.state = 'waiting')
			FROM job_runs WHERE status IN ('PENDING', 'RUNNING')`).Scan(&o.Pending, &o.Running, &o.OldestPending, &o.WaitingChunks); err != nil {
			return err
		}
		var err error
		if o.Buckets, err = tallies(ctx, tx, `
			SELECT at, `+tallyColumns+` FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 microsecond', $3::interval) AS at
			LEFT JOIN job_runs AS r ON r.finished_at >= at AND r.finished_at < at + $3::interval AND r.finished_at < $2
			GROUP BY at ORDER BY at`, o.Since, o.Until, bucket); err != nil {
			return err
		}
		o.ByDay, err = tallies(ctx, tx, `
			SELECT at, `+tallyColumns+`
			FROM (SELECT (date_trunc('day', $1::timestamptz AT TIME ZONE $3) - make_interval(days => n)) AT TIME ZONE $3 AS at,
				(date_trunc('day', $1::timestamptz AT TIME ZONE $3) - make_interval(days => n - 1)) AT TIME ZONE $3 AS next FROM generate_series(0, $2::integer - 1) AS n) AS d
			LEFT JOIN job_runs AS r ON r.finished_at >= d.at AND r.finished_at < d.next
			GROUP BY at ORDER BY at`, o.Until, days, zone)
		return err
	})
	return o, wrap(ctx, err, "reading the overview")
}

const tallyColumns = `count(r.id) FILTER (WHERE r.status = 'COMPLETED'), count(r.id) FILTER (WHERE r.status = 'FAILED'), count(r.id) FILTER (WHERE r.status = 'CANCELLED'),
	coalesce(sum(r.rows_read) FILTER (WHERE r.status = 'COMPLETED'), 0)::bigint, coalesce(sum(r.rows_loaded), 0)::bigint,
	coalesce(sum(r.rows_rejected) FILTER (WHERE r.status = 'COMPLETED'), 0)::bigint, coalesce(sum(r.bytes_total) FILTER (WHERE r.status = 'COMPLETED'), 0)::bigint`

func tallies(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]etl.Tally, error) {
	return all(ctx, tx, "reading the overview", func(row pgx.Row) (t etl.Tally, err error) {
		err = row.Scan(&t.At, &t.Completed, &t.Failed, &t.Cancelled, &t.Read, &t.Loaded, &t.Rejected, &t.Bytes)
		return t, err
	}, sql, args...)
}

// LastRuns gives the last n runs of each of the jobs, newest first.
func (s *Store) LastRuns(ctx context.Context, jobs []int64, n int) (map[int64][]etl.Run, error) {
	runs, err := all(ctx, s.pool, "reading the last runs of jobs", scanRun, `
		SELECT `+prefixed(runColumns, "r.")+` FROM unnest($1::bigint[]) AS j (id)
		CROSS JOIN LATERAL (SELECT * FROM job_runs WHERE job_runs.job_id = j.id ORDER BY job_runs.id DESC LIMIT $2) AS r ORDER BY r.id DESC`, jobs, n)
	byJob := make(map[int64][]etl.Run, len(jobs))
	for i := range runs {
		byJob[runs[i].JobID] = append(byJob[runs[i].JobID], runs[i])
	}
	return byJob, err
}

// RecentSources gives the files that were uploaded or loaded last, the latest
// first, without their inspections.
func (s *Store) RecentSources(ctx context.Context, n int) ([]etl.Source, error) {
	listed, err := all(ctx, s.pool, "listing recent files", scanListed, `
		SELECT ordinal, file_id::text, filename, size, state, object, upload_id, part_size, encoding, dialect, names, NULL::json, NULL::json,
			row_count, bytes_profiled, error, version, created_at, updated_at
		FROM (SELECT s.*, greatest(s.created_at, (SELECT max(r.created_at) FROM job_runs AS r WHERE r.source_id = s.file_id)) AS used
			FROM sources AS s) AS s
		WHERE state <> 'uploading' ORDER BY used DESC, ordinal DESC LIMIT $1`, n)
	sources := make([]etl.Source, len(listed))
	for i, l := range listed {
		sources[i] = l.Source
	}
	return sources, err
}

// LogsBefore gives the last entries of a run's log with IDs below beforeID that
// are of at least a level, oldest first.
func (s *Store) LogsBefore(ctx context.Context, runID, beforeID int64, levels []string, limit int) ([]etl.LogEntry, error) {
	return all(ctx, s.pool, "reading the log of a run", scanLog, `
		SELECT `+logColumns+` FROM (SELECT * FROM run_logs WHERE run_id = $1 AND id < $2 AND level = ANY ($3) ORDER BY id DESC LIMIT $4) AS last ORDER BY id`,
		runID, beforeID, levels, limit)
}

// LogsSince is LogsAfter of the entries that have one of the levels.
func (s *Store) LogsSince(ctx context.Context, runID, afterID int64, levels []string, limit int) ([]etl.LogEntry, error) {
	return all(ctx, s.pool, "reading the log of a run", scanLog,
		`SELECT `+logColumns+` FROM run_logs WHERE run_id = $1 AND id > $2 AND level = ANY ($3) ORDER BY id LIMIT $4`, runID, afterID, levels, limit)
}
