package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const chunkColumns = `run_id, number, start_byte, end_byte, rows, first_row, first_line, state, attempt,
	rows_read, rows_loaded, rows_inserted, rows_updated, rows_filtered, rows_rejected, rows_deduplicated, error, bytes_read`

// readChunk is a chunk and its progress in bytes.
type readChunk struct {
	etl.Chunk
	bytes int64
}

func scanReadChunk(row pgx.Row) (readChunk, error) {
	var (
		c       readChunk
		failure *errorDocument
	)
	n := &c.Counts
	err := row.Scan(&c.RunID, &c.Number, &c.Span.Start, &c.Span.End, &c.Span.Rows, &c.Span.FirstRow, &c.Span.FirstLine, &c.State, &c.Attempt,
		&n.Read, &n.Loaded, &n.Inserted, &n.Updated, &n.Filtered, &n.Rejected, &n.Deduplicated, &failure, &c.bytes)
	c.Error = failure.decode()
	return c, err
}

func scanChunk(row pgx.Row) (etl.Chunk, error) {
	c, err := scanReadChunk(row)
	return c.Chunk, err
}

// PlanRun freezes the plan of a run in phase plan and moves it to phase load.
// There is at least one chunk (an empty file has an empty one); they are
// numbered from 0 in file order and tile the data. path is "direct" or
// "fan-out". Repeated within the attempt it keeps the first plan and gives the
// run as it is.
func (s *Store) PlanRun(ctx context.Context, id int64, attempt int, path string, chunks []etl.Chunk) (etl.Run, error) {
	for i, c := range chunks {
		if c.Number != i || i > 0 && c.Span.Start != chunks[i-1].Span.End {
			return etl.Run{}, &etl.Error{Code: "plan_gap", Message: fmt.Sprintf("chunk %d of the plan of run %d does not follow the one before", i, id)}
		}
	}
	if len(chunks) == 0 {
		return etl.Run{}, &etl.Error{Code: "plan_empty", Message: fmt.Sprintf("the plan of run %d has no chunk", id)}
	}
	return s.move(ctx, id, attempt, "planning", func(r etl.Run) bool { return r.Status == etl.Running && r.ChunksTotal > 0 }, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"run_chunks"}, []string{"run_id", "number", "start_byte", "end_byte", "rows", "first_row", "first_line", "run_attempt"},
			pgx.CopyFromSlice(len(chunks), func(i int) ([]any, error) {
				p := chunks[i].Span
				return []any{id, int32(i), p.Start, p.End, p.Rows, p.FirstRow, p.FirstLine, int32(attempt)}, nil
			}))
		return err
	}, `phase = 'load', path = $3, chunks_total = $4`, path, len(chunks))
}

// Chunks lists a run's chunks in file order; empty before it is planned.
func (s *Store) Chunks(ctx context.Context, runID int64) ([]etl.Chunk, error) {
	return all(ctx, s.pool, fmt.Sprintf("listing the chunks of run %d", runID), scanChunk,
		`SELECT `+chunkColumns+` FROM run_chunks WHERE run_id = $1 ORDER BY number`, runID)
}

// chunkOf reads a chunk of a run that the transaction holds.
func chunkOf(ctx context.Context, tx pgx.Tx, runID int64, number int) (readChunk, error) {
	return one(ctx, tx, fmt.Sprintf("chunk of run %d, number", runID), number, scanReadChunk,
		`SELECT `+chunkColumns+` FROM run_chunks WHERE run_id = $1 AND number = $2`, runID, number)
}

// ClaimChunk takes a chunk of a run in phase load for one loader; the chunk's
// Attempt names the claim. A chunk that is loaded is *etl.ChunkDone. One whose
// loader has given a sign of life within hold is *etl.RetryAfter; one whose
// loader has not is taken over, and the loader before is fenced out. A run of
// another attempt is stale_attempt, one that is not loading run_state.
func (s *Store) ClaimChunk(ctx context.Context, runID int64, number, attempt int, hold time.Duration) (etl.Chunk, error) {
	var claimed etl.Chunk
	err := s.tx(ctx, fmt.Sprintf("claiming chunk %d of run %d", number, runID), func(tx pgx.Tx) error {
		if _, err := lockRun(ctx, tx, runID, attempt); err != nil {
			return err
		}
		before, err := chunkOf(ctx, tx, runID, number)
		if err != nil {
			return err
		}
		if before.State == etl.ChunkLoaded {
			return &etl.ChunkDone{Counts: before.Counts}
		}
		if before.State == etl.ChunkLoading {
			var left float64
			if err := tx.QueryRow(ctx, `SELECT extract(epoch FROM moved_at + $3::interval - portal_now())::float8 FROM run_chunks WHERE run_id = $1 AND number = $2`,
				runID, number, hold).Scan(&left); err != nil {
				return err
			}
			if left > 0 {
				return &etl.RetryAfter{Delay: time.Duration(left * float64(time.Second)), Reason: fmt.Sprintf("chunk %d of run %d is being loaded", number, runID)}
			}
		}
		claimed, err = scanChunk(tx.QueryRow(ctx, `
			UPDATE run_chunks SET state = 'loading', attempt = attempt + 1, run_attempt = $3, error = NULL, rows_read = 0, rows_loaded = 0, rows_inserted = 0,
				rows_updated = 0, rows_filtered = 0, rows_rejected = 0, rows_deduplicated = 0, bytes_read = 0
			WHERE run_id = $1 AND number = $2 RETURNING `+chunkColumns, runID, number, attempt))
		if err != nil {
			return err
		}
		_, err = account(ctx, tx, runID, attempt, difference(etl.Counts{}, before.Counts), -before.bytes, 0)
		return err
	})
	return claimed, err
}

// difference is after minus before.
func difference(after, before etl.Counts) etl.Counts {
	return etl.Counts{
		Read: after.Read - before.Read, Loaded: after.Loaded - before.Loaded, Inserted: after.Inserted - before.Inserted, Updated: after.Updated - before.Updated,
		Filtered: after.Filtered - before.Filtered, Rejected: after.Rejected - before.Rejected, Deduplicated: after.Deduplicated - before.Deduplicated,
	}
}

// account adds a chunk's progress to its run and gives the chunks that remain.
// Nothing to add is no change of the run.
func account(ctx context.Context, tx pgx.Tx, runID int64, attempt int, c etl.Counts, bytes int64, done int) (remaining int, err error) {
	if c == (etl.Counts{}) && bytes == 0 && done == 0 {
		return 0, nil
	}
	err = tx.QueryRow(ctx, `UPDATE job_runs SET `+progress+` WHERE id = $1 RETURNING chunks_total - chunks_done`, progressed(runID, attempt, c, bytes, done)...).Scan(&remaining)
	return remaining, err
}

// progress is the SET of a run's UPDATE whose arguments progressed gives.
const progress = `attempt = $2, rows_read = rows_read + $3, rows_loaded = rows_loaded + $4, rows_inserted = rows_inserted + $5, rows_updated = rows_updated + $6,
	rows_filtered = rows_filtered + $7, rows_rejected = rows_rejected + $8, rows_deduplicated = rows_deduplicated + $9,
	bytes_read = bytes_read + $10, chunks_done = chunks_done + $11`

func progressed(runID int64, attempt int, c etl.Counts, bytes int64, done int) []any {
	return []any{runID, attempt, c.Read, c.Loaded, c.Inserted, c.Updated, c.Filtered, c.Rejected, c.Deduplicated, bytes, done}
}

// report changes a claimed chunk: set is an UPDATE's SET beyond the fence,
// whose $1 to $4 are run, number, run attempt and claim.
func (s *Store) report(ctx context.Context, ref etl.ChunkRef, what string, done func(readChunk) bool, do func(tx pgx.Tx, before readChunk) error) (run etl.Run, err error) {
	err = s.tx(ctx, fmt.Sprintf("%s chunk %d of run %d", what, ref.Number, ref.RunID), func(tx pgx.Tx) (err error) {
		if run, err = lockRun(ctx, tx, ref.RunID, ref.RunAttempt); err != nil {
			return err
		}
		before, err := chunkOf(ctx, tx, ref.RunID, ref.Number)
		if err != nil || before.Attempt == ref.Attempt && done(before) {
			return err
		}
		return do(tx, before)
	})
	return run, err
}

// fenced changes a chunk under the fence of its claim and run; $1 to $4 are the ref.
func fenced(ctx context.Context, tx pgx.Tx, ref etl.ChunkRef, set string, args ...any) (readChunk, error) {
	return scanReadChunk(tx.QueryRow(ctx, `UPDATE run_chunks SET run_attempt = $3, attempt = $4, `+set+` WHERE run_id = $1 AND number = $2 RETURNING `+chunkColumns,
		append([]any{ref.RunID, ref.Number, ref.RunAttempt, ref.Attempt}, args...)...))
}

// ChunkProgress is a loader's sign of life: bytes and rows that it has read of
// its chunk so far. Its error run_state or stale_attempt tells the loader to
// stop: the run was cancelled, failed or retried, or the chunk taken over.
func (s *Store) ChunkProgress(ctx context.Context, ref etl.ChunkRef, bytes, rows int64) error {
	_, err := s.report(ctx, ref, "noting the progress of", func(readChunk) bool { return false }, func(tx pgx.Tx, before readChunk) error {
		after, err := fenced(ctx, tx, ref, `state = 'loading', bytes_read = greatest(bytes_read, $5), rows_read = greatest(rows_read, $6)`, bytes, rows)
		if err != nil {
			return err
		}
		_, err = account(ctx, tx, ref.RunID, ref.RunAttempt, difference(after.Counts, before.Counts), after.bytes-before.bytes, 0)
		return err
	})
	return err
}

// ChunkLoaded reports that the destination has a claimed chunk, with its counts
// and bad rows, and gives the number of chunks that are not loaded yet: the one
// who gets 0 sends the run to be finalized. Repeated it changes nothing and
// gives that number again. Entries of the run's log become visible with the
// report, so that the run's end cannot come before them.
func (s *Store) ChunkLoaded(ctx context.Context, ref etl.ChunkRef, counts etl.Counts, rejects *etl.Rejects, entries ...etl.LogEntry) (remaining int, err error) {
	reported := false
	run, err := s.report(ctx, ref, "reporting", func(c readChunk) bool { return c.State == etl.ChunkLoaded }, func(tx pgx.Tx, before readChunk) error {
		reported = true
		after, err := fenced(ctx, tx, ref, `state = 'loaded', error = NULL, bytes_read = end_byte - start_byte, rows_read = $5, rows_loaded = $6, rows_inserted = $7,
			rows_updated = $8, rows_filtered = $9, rows_rejected = $10, rows_deduplicated = $11`,
			counts.Read, counts.Loaded, counts.Inserted, counts.Updated, counts.Filtered, counts.Rejected, counts.Deduplicated)
		if err != nil {
			return err
		}
		if err := writeRejects(ctx, tx, ref.RunID, &ref.Number, rejects); err != nil {
			return err
		}
		remaining, err = account(ctx, tx, ref.RunID, ref.RunAttempt, difference(after.Counts, before.Counts), after.bytes-before.bytes, 1)
		if err != nil {
			return err
		}
		return writeLog(ctx, tx, ref.RunID, entries)
	})
	if err == nil && !reported {
		remaining = run.ChunksTotal - run.ChunksDone
	}
	return remaining, err
}

// ChunkReleased gives a claimed chunk back after a failure that passes, for
// another claim; cause may be nil. It may be repeated. A chunk that the claim
// has reported as loaded stays so: only ReopenChunks takes that back.
func (s *Store) ChunkReleased(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error {
	done := func(c readChunk) bool { return c.State == etl.ChunkWaiting || c.State == etl.ChunkLoaded }
	_, err := s.report(ctx, ref, "releasing", done, func(tx pgx.Tx, before readChunk) error {
		return giveUp(ctx, tx, ref, before, `state = 'waiting', error = $5, rows_read = 0, bytes_read = 0`, encodeError(cause))
	})
	return err
}

// ChunkFailed notes why a claimed chunk cannot be loaded, and the rows read,
// filtered and rejected until then; FailRun ends its run. It may be repeated.
func (s *Store) ChunkFailed(ctx context.Context, ref etl.ChunkRef, seen etl.Counts, cause *etl.Error) error {
	if cause == nil {
		cause = &etl.Error{Code: "internal", Message: "the chunk failed without saying why"}
	}
	done := func(c readChunk) bool { return c.State == etl.ChunkFailed }
	_, err := s.report(ctx, ref, "failing", done, func(tx pgx.Tx, before readChunk) error {
		return giveUp(ctx, tx, ref, before, `state = 'failed', error = $5, rows_read = $6, rows_filtered = $7, rows_rejected = $8`,
			encodeError(cause), seen.Read, seen.Filtered, seen.Rejected)
	})
	return err
}

// giveUp changes a chunk that its claim will not load, and its run's progress.
func giveUp(ctx context.Context, tx pgx.Tx, ref etl.ChunkRef, before readChunk, set string, args ...any) error {
	after, err := fenced(ctx, tx, ref, set, args...)
	if err != nil {
		return err
	}
	_, err = account(ctx, tx, ref.RunID, ref.RunAttempt, difference(after.Counts, before.Counts), after.bytes-before.bytes, 0)
	return err
}

// ReopenChunks makes loaded chunks wait again that the destination has lost
// (etl.ChunksMissing), without their counts and rejects, and takes a publishing
// run back to phase load. Chunks that are not loaded stay as they are.
func (s *Store) ReopenChunks(ctx context.Context, runID int64, attempt int, numbers []int) (etl.Run, error) {
	var run etl.Run
	err := s.tx(ctx, fmt.Sprintf("reopening chunks of run %d", runID), func(tx pgx.Tx) (err error) {
		if run, err = lockRun(ctx, tx, runID, attempt); err != nil || len(numbers) == 0 {
			return err
		}
		lost, err := all(ctx, tx, "reading the chunks to reopen", scanReadChunk,
			`SELECT `+chunkColumns+` FROM run_chunks WHERE run_id = $1 AND number = ANY ($2) AND state = 'loaded'`, runID, numbers)
		if err != nil {
			return err
		}
		var counts etl.Counts
		var bytes int64
		for _, c := range lost {
			counts, bytes = difference(counts, c.Counts), bytes-c.bytes
		}
		if run.Phase == etl.PhasePublish || len(lost) > 0 {
			// Once: whoever changes a row for the second time in a transaction has its
			// foreign keys looked at again, and so locks what is locked before runs.
			run, err = scanRun(tx.QueryRow(ctx, `UPDATE job_runs SET phase = CASE phase WHEN 'publish' THEN 'load' ELSE phase END, `+progress+` WHERE id = $1 RETURNING `+runColumns,
				progressed(runID, attempt, counts, bytes, -len(lost))...))
			if err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `
			UPDATE run_chunks SET state = 'waiting', run_attempt = $3, rows_read = 0, rows_loaded = 0, rows_inserted = 0, rows_updated = 0,
				rows_filtered = 0, rows_rejected = 0, rows_deduplicated = 0, bytes_read = 0
			WHERE run_id = $1 AND number = ANY ($2) AND state = 'loaded'`, runID, numbers, attempt); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			DELETE FROM run_rejects USING run_chunks AS c
			WHERE run_rejects.run_id = $1 AND c.run_id = $1 AND c.number = run_rejects.chunk AND c.number = ANY ($2) AND c.state = 'waiting'`, runID, numbers)
		return err
	})
	if err != nil {
		return etl.Run{}, err
	}
	return run, nil
}
