package local

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// keepInterval is how late a delayed message may be noticed, and a dead process's.
const keepInterval = 250 * time.Millisecond

// The statements of the keeper. The last of attempted_by is who has a running message.
const (
	lockHolder = `SELECT pg_try_advisory_lock(hashtextextended('etlportal queue ' || $1, 0))`
	tryHolder  = `SELECT pg_try_advisory_xact_lock(hashtextextended('etlportal queue ' || $1, 0))`
	holders    = `SELECT DISTINCT attempted_by[array_upper(attempted_by, 1)] FROM ` + queueSchema + `.river_job
WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] <> $1`
	// What its sessions are still ending is left to them, and to the next look:
	// River ends messages many at a time, in no order.
	releaseHeld = `WITH left_behind AS (
	SELECT id FROM ` + queueSchema + `.river_job
	WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1 FOR UPDATE SKIP LOCKED
), held AS (
	UPDATE ` + queueSchema + `.river_job j SET state = 'available', scheduled_at = now() FROM left_behind WHERE j.id = left_behind.id
	RETURNING j.queue
), queues AS (SELECT DISTINCT queue FROM held)
SELECT pg_notify('` + queueSchema + `.river_insert', json_build_object('queue', queue)::text) FROM queues`
	promoteDue = `WITH due AS (
	SELECT id FROM ` + queueSchema + `.river_job
	WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now()
	ORDER BY scheduled_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED
), promoted AS (
	UPDATE ` + queueSchema + `.river_job j SET state = 'available' FROM due WHERE j.id = due.id
	RETURNING j.queue
), queues AS (
	SELECT queue FROM promoted
	UNION -- those that River made available before their time, as it does with short delays
	SELECT queue FROM ` + queueSchema + `.river_job
	WHERE state = 'available' AND scheduled_at > now() - interval '1 second' AND scheduled_at <= now()
)
SELECT pg_notify('` + queueSchema + `.river_insert', json_build_object('queue', queue)::text) FROM queues`
)

// keeperOfMessages makes delayed messages available when their time has come,
// which River alone does every five seconds only, and gives back the messages of
// processes that died, for which it would wait days. Each serving process holds
// an advisory lock in its holder's name; PostgreSQL frees it when the process's
// connection ends, so a lock that can be had means a dead holder.
type keeperOfMessages struct {
	queue  *Queue
	holder string
	logger *slog.Logger
	conn   *pgx.Conn
}

// run keeps until stopped tells the outcome, which it returns.
func (k *keeperOfMessages) run(ctx context.Context, stopped <-chan error) error {
	ticker := time.NewTicker(keepInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case err := <-stopped:
			return err
		case <-ticker.C:
		}
		err := k.tick(ctx)
		if err != nil && !failing {
			k.logger.WarnContext(ctx, "the queue's database cannot be reached; trying on", "error", err)
		}
		failing = err != nil
	}
}

func (k *keeperOfMessages) tick(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := k.lock(ctx)
	if err == nil {
		err = k.release(ctx)
	}
	if err == nil {
		_, err = k.conn.Exec(ctx, promoteDue)
	}
	if err != nil {
		k.close()
	}
	return err
}

// lock says that we live, on a new connection where the old one broke.
func (k *keeperOfMessages) lock(ctx context.Context) error {
	if k.conn != nil {
		return nil
	}
	conn, err := k.queue.connect(ctx)
	if err != nil {
		return err
	}
	k.conn = conn
	var got bool
	if err := conn.QueryRow(ctx, lockHolder, k.holder).Scan(&got); err != nil {
		return err
	}
	if !got {
		// The server has not noticed the end of our old connection yet.
		return errors.New("the lock of this process is still taken")
	}
	return nil
}

// release gives back the messages of dead processes.
func (k *keeperOfMessages) release(ctx context.Context) error {
	rows, err := k.conn.Query(ctx, holders, k.holder)
	if err != nil {
		return err
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, other := range others {
		err := pgx.BeginFunc(ctx, k.conn, func(tx pgx.Tx) error {
			var dead bool
			if err := tx.QueryRow(ctx, tryHolder, other).Scan(&dead); err != nil || !dead {
				return err
			}
			tag, err := tx.Exec(ctx, releaseHeld, other)
			if err == nil && tag.RowsAffected() > 0 {
				k.logger.WarnContext(ctx, "messages of a process that died are delivered again", "process", other, "queues", tag.RowsAffected())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// close lets the lock go.
func (k *keeperOfMessages) close() {
	if k.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = k.conn.Close(ctx)
	k.conn = nil
}

// atLeast drops records below a level.
type atLeast struct {
	slog.Handler

	level slog.Level
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
