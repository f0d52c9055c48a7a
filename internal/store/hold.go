package store

import (
	"context"
	"fmt"
	"time"
)

// HoldRun takes a RUNNING run of this attempt for whoever is to publish it, for
// a while by the database's clock; held is false where somebody has it, or
// where the run has gone on. Stalled leaves a held run out until the hold has
// ended and its while has passed.
func (s *Store) HoldRun(ctx context.Context, id int64, attempt int, hold time.Duration) (held bool, err error) {
	tag, err := s.pool.Exec(ctx, `
		UPDATE job_runs SET nudged_at = portal_now() + $3::interval
		WHERE id = $1 AND attempt = $2 AND status = 'RUNNING' AND (nudged_at IS NULL OR nudged_at <= portal_now())`, id, attempt, hold)
	return tag.RowsAffected() == 1, wrap(ctx, err, fmt.Sprintf("holding run %d", id))
}

// KeepRun prolongs the hold on a run, whoever has it, to so long from now; 0
// ends it. A run that has ended or is at another attempt is left alone.
func (s *Store) KeepRun(ctx context.Context, id int64, attempt int, hold time.Duration) error {
	_, err := s.pool.Exec(ctx, `UPDATE job_runs SET nudged_at = portal_now() + $3::interval WHERE id = $1 AND attempt = $2 AND status = 'RUNNING'`, id, attempt, hold)
	return wrap(ctx, err, fmt.Sprintf("keeping run %d", id))
}
