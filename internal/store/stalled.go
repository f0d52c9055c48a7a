package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// Stalled gives what has not moved for a while, with the message that sets each
// going again: files whose inspection stopped, runs that wait to be planned or
// finalized, chunks whose loader is silent, and chunks that wait in a run in
// which nothing moves at all (in one that moves they are merely queued).
//
// What it gives it notes, and gives again only after the same while, with
// Stalled.Tries one higher; of two that ask at once each thing goes to one.
// A caller that dies before it sends loses nothing but that while. Of one run
// it gives 256 chunks at most.
func (s *Store) Stalled(ctx context.Context, after time.Duration) ([]etl.Stalled, error) {
	var found []etl.Stalled
	err := s.tx(ctx, "looking for what has stalled", func(tx pgx.Tx) error {
		found = nil
		for _, look := range []func(context.Context, pgx.Tx, time.Duration) ([]etl.Stalled, error){stalledSources, stalledRuns, stalledChunks} {
			more, err := look(ctx, tx, after)
			if err != nil {
				return err
			}
			found = append(found, more...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func stalledSources(ctx context.Context, tx pgx.Tx, after time.Duration) ([]etl.Stalled, error) {
	return all(ctx, tx, "looking for stalled inspections", func(row pgx.Row) (etl.Stalled, error) {
		found := etl.Stalled{Message: etl.Message{Topic: etl.TopicInspect}}
		err := row.Scan(&found.Message.FileID, &found.Since, &found.Tries)
		return found, err
	}, `
		UPDATE sources SET nudged_at = portal_now(), nudges = nudges + 1
		WHERE file_id IN (
			SELECT file_id FROM sources WHERE state IN ('sampled', 'running') AND greatest(updated_at, nudged_at) <= portal_now() - $1::interval
			FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING file_id::text, updated_at, nudges`, after)
}

func stalledRuns(ctx context.Context, tx pgx.Tx, after time.Duration) ([]etl.Stalled, error) {
	return all(ctx, tx, "looking for stalled runs", func(row pgx.Row) (etl.Stalled, error) {
		var (
			found etl.Stalled
			phase etl.Phase
		)
		m := &found.Message
		err := row.Scan(&m.RunID, &m.Attempt, &phase, &found.Held, &found.Since, &found.Tries)
		m.Topic = etl.TopicFinalize
		if phase == etl.PhasePlan {
			m.Topic = etl.TopicPlan
		}
		return found, err
	}, `
		UPDATE job_runs SET nudged_at = portal_now(), nudges = nudges + 1
		WHERE id IN (
			SELECT id FROM job_runs
			WHERE status IN ('PENDING', 'RUNNING') AND (phase <> 'load' OR chunks_done = chunks_total) AND greatest(moved_at, nudged_at) <= portal_now() - $1::interval
			FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING id, attempt, phase, held, moved_at, nudges`, after)
}

func stalledChunks(ctx context.Context, tx pgx.Tx, after time.Duration) ([]etl.Stalled, error) {
	return all(ctx, tx, "looking for stalled chunks", func(row pgx.Row) (etl.Stalled, error) {
		found := etl.Stalled{Message: etl.Message{Topic: etl.TopicLoad}}
		m := &found.Message
		err := row.Scan(&m.RunID, &m.Chunk, &m.Attempt, &found.Since, &found.Tries)
		return found, err
	}, `
		UPDATE run_chunks AS c SET nudged_at = portal_now(), nudges = c.nudges + 1
		FROM job_runs AS r CROSS JOIN LATERAL (
			SELECT number FROM run_chunks
			WHERE run_id = r.id AND greatest(moved_at, nudged_at) <= portal_now() - $1::interval
				AND (state = 'loading' OR state = 'waiting' AND r.moved_at <= portal_now() - $1::interval)
			ORDER BY number LIMIT 256 FOR NO KEY UPDATE SKIP LOCKED) AS still
		WHERE r.status = 'RUNNING' AND r.phase = 'load' AND c.run_id = r.id AND c.number = still.number
		RETURNING c.run_id, c.number, r.attempt, c.moved_at, c.nudges`, after)
}

// Sweep removes leases that have expired and idempotency keys older than given.
// Those that others hold at the moment are left to the next time.
func (s *Store) Sweep(ctx context.Context, keysOlderThan time.Duration) error {
	for _, sweep := range []struct {
		what, sql string
		args      []any
	}{
		{"leases", `DELETE FROM leases WHERE (credential_id, slot) IN (SELECT credential_id, slot FROM leases WHERE expires_at <= portal_now() FOR UPDATE SKIP LOCKED)`, nil},
		{"idempotency keys", `DELETE FROM idempotency_keys WHERE (owner, key) IN (
			SELECT owner, key FROM idempotency_keys WHERE created_at <= portal_now() - $1::interval FOR UPDATE SKIP LOCKED)`, []any{keysOlderThan}},
	} {
		if _, err := s.pool.Exec(ctx, sweep.sql, sweep.args...); err != nil {
			return wrap(ctx, err, fmt.Sprintf("sweeping %s", sweep.what))
		}
	}
	return nil
}
