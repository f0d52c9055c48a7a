package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const runColumns = `id, job_id, status, phase, trigger, attempt, load_id, path, job, file_id::text, object, encoding, dialect, source_columns,
	rows_read, rows_loaded, rows_inserted, rows_updated, rows_filtered, rows_rejected, rows_deduplicated,
	bytes_total, bytes_read, chunks_total, chunks_done, error, created_at, started_at, finished_at, seq, parent_run_id, held, adopted`

func scanRun(row pgx.Row) (etl.Run, error) {
	var (
		r       etl.Run
		job     jobDocument
		dialect dialectDocument
		columns []columnDocument
		failure *errorDocument
		parent  *int64
	)
	c := &r.Counts
	err := row.Scan(&r.ID, &r.JobID, &r.Status, &r.Phase, &r.Trigger, &r.Attempt, &r.LoadID, &r.Path, &job, &r.FileID, &r.Object, &r.Encoding, &dialect, &columns,
		&c.Read, &c.Loaded, &c.Inserted, &c.Updated, &c.Filtered, &c.Rejected, &c.Deduplicated,
		&r.BytesTotal, &r.BytesRead, &r.ChunksTotal, &r.ChunksDone, &failure, &r.CreatedAt, &r.StartedAt, &r.FinishedAt, &r.Seq, &parent, &r.Held, &r.Adopted)
	if err != nil {
		return etl.Run{}, err
	}
	if parent != nil {
		r.ParentID = *parent
	}
	r.Job, r.Dialect, r.Error = job.decode(), dialect.decode(), failure.decode()
	r.Sources, err = decodeColumns(columns)
	return r, err
}

// CreateRun makes a PENDING run of r.Job as it is in r, with r.Trigger, FileID,
// Object, Encoding, Dialect, Sources and BytesTotal; all of it is frozen. The
// job's version must exist, and with r.Held it waits for ReleaseRun. LoadID is made where it is empty. With r.ParentID
// the rows of r.Reloaded are those of that run, none of which may be loaded
// again by another run (already_reloaded).
//
// With a key, the same key and request give the run that the first call made,
// and created false; the same key with another request is a Mistake of code
// idempotency_conflict.
func (s *Store) CreateRun(ctx context.Context, r etl.Run, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	if !isUUID(r.FileID) {
		return etl.Run{}, false, notFound("file", r.FileID)
	}
	err = s.tx(ctx, "making the run", func(tx pgx.Tx) (err error) {
		run, created = etl.Run{}, false
		if key.Key != "" {
			if run, err = claimKey(ctx, tx, key); err != nil || run.ID != 0 {
				return err
			}
		}
		run, err = scanRun(tx.QueryRow(ctx, `
			INSERT INTO job_runs (job_id, job_version, trigger, load_id, job, file_id, object, encoding, dialect, source_columns, bytes_total, source_id, credential_id, parent_run_id, held)
			VALUES ($1, $2, $3, coalesce(nullif($4, ''), replace(gen_random_uuid()::text, '-', '')), $5, $6, $7, $8, $9, $10, $11, $6, $12, nullif($13, 0), $14) RETURNING `+runColumns,
			r.Job.ID, r.Job.Version, r.Trigger, r.LoadID, encodeJob(r.Job), r.FileID, r.Object, r.Encoding, encodeDialect(r.Dialect), encodeColumns(r.Sources),
			r.BytesTotal, r.Job.CredentialID, r.ParentID, r.Held))
		if err != nil {
			return err
		}
		created = true
		if err := writeReloaded(ctx, tx, run, r.Reloaded); err != nil {
			return err
		}
		if key.Key != "" {
			_, err = tx.Exec(ctx, `UPDATE idempotency_keys SET run_id = $3 WHERE owner = $1 AND key = $2`, key.Owner, key.Key, run.ID)
		}
		return err
	})
	if err != nil {
		return etl.Run{}, false, err
	}
	return run, created, nil
}

// claimKey takes the key for this transaction, or gives the run that it stands
// for. Its primary key decides: a second request with it waits for the first.
func claimKey(ctx context.Context, tx pgx.Tx, key etl.IdempotencyKey) (etl.Run, error) {
	hash := sha256.Sum256(key.Request)
	tag, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (owner, key, request_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, key.Owner, key.Key, hash[:])
	if err != nil || tag.RowsAffected() == 1 {
		return etl.Run{}, err
	}
	var (
		same bool
		id   *int64
	)
	if err := tx.QueryRow(ctx, `SELECT request_hash = $3, run_id FROM idempotency_keys WHERE owner = $1 AND key = $2`, key.Owner, key.Key, hash[:]).Scan(&same, &id); err != nil {
		return etl.Run{}, err
	}
	switch {
	case !same:
		return etl.Run{}, etl.Mistakef(CodeIdempotencyConflict, "Use a new Idempotency-Key for a new request.", "the Idempotency-Key was used for another request")
	case id == nil:
		return etl.Run{}, etl.Mistakef(CodeIdempotencyConflict, "Use a new Idempotency-Key.", "the Idempotency-Key made a run that has been deleted")
	}
	return scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+` FROM job_runs WHERE id = $1`, *id))
}

// Run reads a run.
func (s *Store) Run(ctx context.Context, id int64) (etl.Run, error) {
	return one(ctx, s.pool, "run", id, scanRun, `SELECT `+runColumns+` FROM job_runs WHERE id = $1`, id)
}

// RunByLoad reads the run of a load id, by which a stage in a destination finds its run.
func (s *Store) RunByLoad(ctx context.Context, loadID string) (etl.Run, error) {
	return one(ctx, s.pool, "run of load", loadID, scanRun, `SELECT `+runColumns+` FROM job_runs WHERE load_id = $1`, clean(loadID))
}

// Runs lists the runs that the filter chooses, newest first.
func (s *Store) Runs(ctx context.Context, f etl.RunFilter, p etl.Page) (etl.List[etl.Run], error) {
	w, err := read(p, fmt.Sprintf("runs %d %s %d %d %d", f.JobID, f.Status, f.ParentID, f.Since.UnixMicro(), f.Until.UnixMicro()), 1)
	if err != nil {
		return etl.List[etl.Run]{}, err
	}
	items, err := all(ctx, s.pool, "listing runs", scanRun, `
		SELECT `+runColumns+` FROM job_runs
		WHERE id < $1 AND ($3 = 0 OR job_id = $3) AND ($4 = '' OR status = $4) AND ($5 = 0 OR parent_run_id = $5)
			AND ($6::timestamptz IS NULL OR created_at >= $6) AND ($7::timestamptz IS NULL OR created_at < $7)
		ORDER BY id DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch(), f.JobID, string(f.Status), f.ParentID, moment(f.Since), moment(f.Until))
	return page(w, items, func(r etl.Run) []int64 { return []int64{r.ID} }), err
}

// moment is a time as an argument; the zero time is NULL.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// lockRun reads a run and holds it until the transaction ends. Every
// transaction that touches a run or its chunks begins with it, so that none
// waits for another in a circle; one that holds several takes them in the order
// of their ids, a run before those that load its bad rows again, and after its
// job's version, its file and its credential. attempt 0 is any; another one than
// the run's is stale_attempt.
func lockRun(ctx context.Context, tx pgx.Tx, id int64, attempt int) (etl.Run, error) {
	run, err := one(ctx, tx, "run", id, scanRun, `SELECT `+runColumns+` FROM job_runs WHERE id = $1 FOR NO KEY UPDATE`, id)
	if err == nil && attempt != 0 && attempt != run.Attempt {
		return run, etl.Mistakef(CodeStaleAttempt, "Drop what belongs to the older attempt.", "attempt %d of run %d is over: attempt %d has begun", attempt, id, run.Attempt)
	}
	return run, err
}

// move locks a run, lets done say whether it is there already, and else moves
// it by an UPDATE whose $1 is the id and $2 the attempt.
func (s *Store) move(ctx context.Context, id int64, attempt int, what string, done func(etl.Run) bool, before func(tx pgx.Tx) error, set string, args ...any) (etl.Run, error) {
	var run etl.Run
	moved := false
	err := s.tx(ctx, fmt.Sprintf("%s run %d", what, id), func(tx pgx.Tx) (err error) {
		moved = false
		if run, err = lockRun(ctx, tx, id, attempt); err != nil || done(run) {
			return err
		}
		moved = true
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		run, err = scanRun(tx.QueryRow(ctx, `UPDATE job_runs SET attempt = $2, `+set+` WHERE id = $1 RETURNING `+runColumns, append([]any{id, run.Attempt}, args...)...))
		return err
	})
	if err != nil {
		return etl.Run{}, err
	}
	if moved && run.Status.Final() && s.ended != nil {
		s.ended(run)
	}
	return run, nil
}

// StartRun makes a PENDING run RUNNING: in phase plan, or, where a retried run
// is planned already, in phase load. Repeated within the attempt it gives the
// run as it is.
func (s *Store) StartRun(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return s.move(ctx, id, attempt, "starting", func(r etl.Run) bool { return r.Status == etl.Running }, nil,
		`status = 'RUNNING', phase = CASE WHEN chunks_total > 0 THEN 'load' ELSE 'plan' END`)
}

// AdoptTable makes a run that is to make its table load into one that is there
// by now. Repeated, or once the run publishes, it gives the run as it is.
func (s *Store) AdoptTable(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	done := func(r etl.Run) bool {
		return r.Adopted || r.Status != etl.Running || r.Phase == etl.PhasePublish
	}
	return s.move(ctx, id, attempt, "choosing the table of", done, nil, `adopted = true`)
}

// ReleaseRun lets a held run go; released is false where it was not held any
// more, or is over.
func (s *Store) ReleaseRun(ctx context.Context, id int64) (run etl.Run, released bool, err error) {
	err = s.tx(ctx, fmt.Sprintf("releasing run %d", id), func(tx pgx.Tx) (err error) {
		released = false
		if run, err = lockRun(ctx, tx, id, 0); err != nil || !run.Held || run.Status != etl.Pending {
			return err
		}
		released = true
		run, err = scanRun(tx.QueryRow(ctx, `UPDATE job_runs SET held = false WHERE id = $1 RETURNING `+runColumns, id))
		return err
	})
	if err != nil {
		return etl.Run{}, false, err
	}
	return run, released, nil
}

// BeginPublish moves a run whose chunks are all loaded from RUNNING/load to
// RUNNING/publish. It is where publishing and cancelling meet: a cancelled run
// is refused here (run_state), a publishing one by CancelRun. Repeated within
// the attempt it gives the run as it is, so that a finalizer that died can be
// followed by another; the destination's marker decides between two.
func (s *Store) BeginPublish(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return s.move(ctx, id, attempt, "publishing", func(r etl.Run) bool { return r.Status == etl.Running && r.Phase == etl.PhasePublish }, nil, `phase = 'publish'`)
}

// CompleteRun ends a publishing run with its verified counts and the rows that
// were refused while publishing. Counts that do not add up are an Internal
// error of code counts_differ. Repeated within the attempt it gives the run as
// it is. The last entries of its log, whose RunID is ignored, become visible
// with the end, so that who sees a run ended sees its log whole.
func (s *Store) CompleteRun(ctx context.Context, id int64, attempt int, c etl.Counts, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error) {
	return s.move(ctx, id, attempt, "completing", func(r etl.Run) bool { return r.Status == etl.Completed },
		func(tx pgx.Tx) error {
			return errors.Join(writeRejects(ctx, tx, id, nil, rejects), writeLog(ctx, tx, id, last))
		},
		`status = 'COMPLETED', phase = 'done', bytes_read = bytes_total, rows_read = $3, rows_loaded = $4, rows_inserted = $5, rows_updated = $6,
			rows_filtered = $7, rows_rejected = $8, rows_deduplicated = $9`,
		c.Read, c.Loaded, c.Inserted, c.Updated, c.Filtered, c.Rejected, c.Deduplicated)
}

// unpublished are the counts of a run that ends without publishing: what was
// staged is in no table, what was read and refused was so all the same.
const unpublished = `rows_loaded = 0, rows_inserted = 0, rows_updated = 0, rows_deduplicated = 0`

// FailRun ends a PENDING or RUNNING run with its cause and the rows that were to
// blame, and the last entries of its log, as CompleteRun. No row counts as
// loaded then; those read, filtered and rejected are the sums over its chunks,
// and at least the rejects that are listed. Repeated within the attempt it
// gives the run with the first cause.
func (s *Store) FailRun(ctx context.Context, id int64, attempt int, cause *etl.Error, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error) {
	if cause == nil {
		cause = &etl.Error{Code: "internal", Message: "the run failed without saying why"}
	}
	return s.move(ctx, id, attempt, "failing", func(r etl.Run) bool { return r.Status == etl.Failed },
		func(tx pgx.Tx) error {
			return errors.Join(writeRejects(ctx, tx, id, nil, rejects), writeLog(ctx, tx, id, last))
		},
		`status = 'FAILED', error = $3, `+unpublished+`,
			rows_rejected = greatest(rows_rejected, (SELECT count(*) FROM run_rejects WHERE run_id = $1)),
			rows_read = greatest(rows_read, rows_filtered + (SELECT count(*) FROM run_rejects WHERE run_id = $1))`, encodeError(cause))
}

// CancelRun ends a PENDING or RUNNING run that is not publishing yet; a
// publishing or ended one is run_state. Its counts are as FailRun's. Repeated it
// gives the run as it is. The last entries of its log are as CompleteRun's.
func (s *Store) CancelRun(ctx context.Context, id int64, last ...etl.LogEntry) (etl.Run, error) {
	return s.move(ctx, id, 0, "cancelling", func(r etl.Run) bool { return r.Status == etl.Cancelled },
		func(tx pgx.Tx) error { return writeLog(ctx, tx, id, last) }, `status = 'CANCELLED', `+unpublished)
}

// RetryRun makes a FAILED run PENDING again under the next attempt and the same
// load id. Loaded chunks stay loaded, all others wait again, and the counts and
// rejects are those of the loaded ones; whether its table is there is asked anew. Any
// other run is run_state.
func (s *Store) RetryRun(ctx context.Context, id int64) (etl.Run, error) {
	var run etl.Run
	err := s.tx(ctx, fmt.Sprintf("retrying run %d", id), func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, `SELECT FROM job_runs WHERE id = (SELECT parent_run_id FROM job_runs WHERE id = $1) FOR NO KEY UPDATE`, id); err != nil {
			return err
		}
		if run, err = lockRun(ctx, tx, id, 0); err != nil {
			return err
		}
		if run.Status != etl.Failed {
			fix := "Execute the job again."
			if !run.Status.Final() {
				fix = "Wait for its end, and retry it if it fails."
			}
			return etl.Mistakef(CodeRunState, fix, "run %d is %s: only a FAILED run can be retried", id, run.Status)
		}
		if err := stillToReload(ctx, tx, run); err != nil {
			return err
		}
		run, err = scanRun(tx.QueryRow(ctx, `
			UPDATE job_runs SET attempt = $2, status = 'PENDING', phase = 'plan', held = false, adopted = false, error = NULL, rows_read = c.rows_read, rows_loaded = c.rows_loaded,
				rows_inserted = c.rows_inserted, rows_updated = c.rows_updated, rows_filtered = c.rows_filtered, rows_rejected = c.rows_rejected,
				rows_deduplicated = c.rows_deduplicated, bytes_read = c.bytes_read, chunks_done = c.done
			FROM (SELECT coalesce(sum(rows_read), 0) AS rows_read, coalesce(sum(rows_loaded), 0) AS rows_loaded, coalesce(sum(rows_inserted), 0) AS rows_inserted,
				coalesce(sum(rows_updated), 0) AS rows_updated, coalesce(sum(rows_filtered), 0) AS rows_filtered, coalesce(sum(rows_rejected), 0) AS rows_rejected,
				coalesce(sum(rows_deduplicated), 0) AS rows_deduplicated, coalesce(sum(bytes_read), 0) AS bytes_read, count(*) AS done
				FROM run_chunks WHERE run_id = $1 AND state = 'loaded') AS c
			WHERE id = $1 RETURNING `+prefixed(runColumns, "job_runs."), id, run.Attempt+1))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE run_chunks SET state = 'waiting', run_attempt = $2, error = NULL, rows_read = 0, rows_loaded = 0, rows_inserted = 0, rows_updated = 0,
				rows_filtered = 0, rows_rejected = 0, rows_deduplicated = 0, bytes_read = 0
			WHERE run_id = $1 AND state <> 'loaded'`, id, run.Attempt); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			DELETE FROM run_rejects WHERE run_id = $1
				AND NOT EXISTS (SELECT FROM run_chunks AS c WHERE c.run_id = $1 AND c.number = run_rejects.chunk AND c.state = 'loaded')`, id)
		return err
	})
	if err != nil {
		return etl.Run{}, err
	}
	return run, nil
}

// DeleteRun removes an ended run with its chunks, log and rejects; one that is
// PENDING or RUNNING is in_use, and so is one that has loaded bad rows of
// another run again: without it they would pass for never loaded.
func (s *Store) DeleteRun(ctx context.Context, id int64) error {
	return s.tx(ctx, fmt.Sprintf("deleting run %d", id), func(tx pgx.Tx) error {
		// At once as the DELETE locks them: a reload that is being made has a weaker
		// lock of the run that does not let that pass, and waits for ours.
		if _, err := tx.Exec(ctx, `SELECT FROM job_runs WHERE id = $1 OR parent_run_id = $1 ORDER BY id FOR UPDATE`, id); err != nil {
			return err
		}
		run, err := lockRun(ctx, tx, id, 0)
		if err != nil {
			return err
		}
		if run.ParentID != 0 && run.Status == etl.Completed {
			return etl.Mistakef(CodeInUse, fmt.Sprintf("Delete run %d first.", run.ParentID), "run %d has loaded mended rows of run %d, which would pass for never loaded without it", id, run.ParentID)
		}
		_, err = tx.Exec(ctx, `DELETE FROM job_runs WHERE id = $1`, id)
		return err
	})
}
