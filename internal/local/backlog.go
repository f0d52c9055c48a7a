package local

import (
	"context"
	"time"
)

// Backlog counts the messages that wait to be handled, those whose time has not
// come left aside, and says how long the oldest has waited. May be repeated.
func (q *Queue) Backlog(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	var seconds float64
	err = q.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(extract(epoch FROM greatest(now() - min(scheduled_at), interval '0')), 0)::float8
		FROM `+queueSchema+`.river_job WHERE state IN ('available', 'pending') OR state IN ('retryable', 'scheduled') AND scheduled_at <= now()`).Scan(&waiting, &seconds)
	if err != nil {
		return 0, 0, queueFault("be read", err)
	}
	return waiting, time.Duration(seconds * float64(time.Second)), nil
}
