package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// Clock says when the next schedule is due.
func (s *Store) Clock(ctx context.Context) (etl.ScheduleClock, error) {
	var c etl.ScheduleClock
	err := s.pool.QueryRow(ctx, `
		SELECT portal_now(), (SELECT min(due_at) FROM schedules WHERE enabled AND engine = 'native' AND due_at IS NOT NULL),
			EXISTS (SELECT FROM schedule_ticks WHERE outcome IN ('due', 'waiting') AND try_at <= portal_now())`).Scan(&c.Now, &c.Due, &c.Open)
	return c, wrap(ctx, err, "asking when the next schedule is due")
}

// ClaimDue asks decide of up to limit schedules whose time has come, late or
// longer ago, and stores the ticks and the next time that it gives, in one
// transaction; of several servers each schedule goes to one. decide must be
// quick, and may be asked again. claimed is the number of schedules.
func (s *Store) ClaimDue(ctx context.Context, late time.Duration, limit int, decide func(v etl.Schedule, now time.Time) etl.DueDecision) (claimed int, err error) {
	err = s.tx(ctx, "looking for schedules that are due", func(tx pgx.Tx) error {
		var now time.Time
		if err := tx.QueryRow(ctx, `SELECT portal_now()`).Scan(&now); err != nil {
			return err
		}
		due, err := all(ctx, tx, "looking for schedules that are due", scanSchedule, `
			SELECT `+scheduleColumns+` FROM schedules
			WHERE enabled AND engine = 'native' AND due_at <= $1::timestamptz - $2::interval
			ORDER BY due_at, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED`, now, late, limit)
		if err != nil {
			return err
		}
		claimed = len(due)
		batch := &pgx.Batch{}
		for _, v := range due {
			d := decide(v, now)
			for _, t := range d.Ticks {
				queueTick(batch, v.ID, t)
			}
			batch.Queue(`UPDATE schedules SET next_at = $2, due_at = $3 WHERE id = $1`, v.ID, d.Next, d.Due)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return claimed, err
}

// queueTick adds a tick, and what the schedule last did where that is decided.
func queueTick(batch *pgx.Batch, schedule int64, t etl.DueTick) {
	batch.Queue(`INSERT INTO schedule_ticks (schedule_id, at, outcome, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, schedule, t.At, t.Outcome, t.Reason)
	if t.Outcome == etl.TickMissed {
		batch.Queue(`UPDATE schedules SET last_at = $2, last_outcome = $3, last_reason = $4, last_run_id = NULL WHERE id = $1 AND (last_at IS NULL OR last_at < $2)`,
			schedule, t.At, t.Outcome, t.Reason)
	}
}

// AddTick stores a tick that another clock tells of, unless decide refuses it
// (ok false) or it is there already, and the next time of its schedule. A
// schedule that is not there is not_found.
func (s *Store) AddTick(ctx context.Context, scheduleID int64, at time.Time, decide func(v etl.Schedule) (next, due *time.Time, ok bool)) (ok bool, err error) {
	err = s.tx(ctx, fmt.Sprintf("noting a time of schedule %d", scheduleID), func(tx pgx.Tx) error {
		v, err := one(ctx, tx, "schedule", scheduleID, scanSchedule, `SELECT `+scheduleColumns+` FROM schedules WHERE id = $1 FOR NO KEY UPDATE`, scheduleID)
		if err != nil {
			return err
		}
		var next, due *time.Time
		if next, due, ok = decide(v); !ok {
			return nil
		}
		batch := &pgx.Batch{}
		queueTick(batch, scheduleID, etl.DueTick{At: at, Outcome: etl.TickDue})
		batch.Queue(`UPDATE schedules SET next_at = $2, due_at = $3 WHERE id = $1 AND next_at <= $4`, scheduleID, next, due, at)
		return tx.SendBatch(ctx, batch).Close()
	})
	return ok, err
}

// TakeTick hands an open tick whose time has come, the oldest, to handle, or the
// one that only names, and stores what handle says. Until then nobody else gets
// it; whoever dies meanwhile leaves it as it was. Of two ticks of one job that
// may not overlap, the second waits here for the first. took is false where
// there is none. handle's error leaves the tick as it was, and comes back.
func (s *Store) TakeTick(ctx context.Context, only *etl.Tick, handle func(ctx context.Context, t etl.OpenTick) (etl.TickDecision, error)) (took bool, err error) {
	var schedule *int64
	var at *time.Time
	if only != nil {
		schedule, at = &only.ScheduleID, &only.At
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		t := etl.OpenTick{}
		var id int64
		// The tick that is named is worth waiting for; of all others any will do.
		// Schedules are locked before their ticks, as whoever deletes one does.
		locks := "FOR UPDATE OF k SKIP LOCKED FOR KEY SHARE OF v SKIP LOCKED"
		if only != nil {
			locks = "FOR UPDATE OF k"
			if _, err := tx.Exec(ctx, `SELECT FROM schedules WHERE id = $1 FOR KEY SHARE`, schedule); err != nil {
				return err
			}
		}
		err := tx.QueryRow(ctx, `
			SELECT k.schedule_id, k.at, k.outcome, k.tries, k.created_at FROM schedule_ticks AS k JOIN schedules AS v ON v.id = k.schedule_id
			WHERE k.outcome IN ('due', 'waiting') AND ($1::bigint IS NULL AND k.try_at <= portal_now() OR k.schedule_id = $1 AND k.at = $2)
			ORDER BY k.try_at, k.at LIMIT 1 `+locks, schedule, at).Scan(&id, &t.At, &t.Outcome, &t.Tries, &t.Since)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		took = true
		if t.Schedule, err = one(ctx, tx, "schedule", id, scanSchedule, `SELECT `+scheduleColumns+` FROM schedules WHERE id = $1`, id); err != nil {
			return err
		}
		if err := situation(ctx, tx, &t); err != nil {
			return err
		}
		d, err := handle(ctx, t)
		if err != nil {
			return err
		}
		return decided(ctx, tx, &t, d)
	})
	return took, wrap(ctx, err, "handling a schedule's time")
}

// tickLock is the class of the advisory locks that keep the ticks of one job apart.
const tickLock = 0x746963

// situation finds out what a tick's policy wants to know. Before a time that
// waits for its turn is also the first one, which is due and may be in other hands.
func situation(ctx context.Context, tx pgx.Tx, t *etl.OpenTick) error {
	key := etl.Tick{ScheduleID: t.Schedule.ID, At: t.At}.Key()
	if t.Schedule.Overlap != etl.OverlapAllow {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, ($2::bigint % 2147483647)::int)`, tickLock, t.Schedule.JobID); err != nil {
			return err
		}
	}
	return tx.QueryRow(ctx, `
		SELECT coalesce((SELECT run_id FROM idempotency_keys WHERE owner = $1 AND key = $2), 0),
			coalesce((SELECT min(id) FROM job_runs WHERE job_id = $3 AND status IN ('PENDING', 'RUNNING')), 0),
			(SELECT count(*) FROM schedule_ticks WHERE schedule_id = $4 AND at < $5 AND (outcome = 'waiting' OR outcome = 'due' AND $6))`,
		key.Owner, key.Key, t.Schedule.JobID, t.Schedule.ID, t.At, t.Outcome == etl.TickWaiting).Scan(&t.Made, &t.Active, &t.Before)
}

func decided(ctx context.Context, tx pgx.Tx, t *etl.OpenTick, d etl.TickDecision) error {
	tries := t.Tries
	if d.Failed {
		tries++
	}
	batch := &pgx.Batch{}
	// The schedule first: AddTick locks it and then waits for a tick that is being changed.
	if d.Outcome != etl.TickDue && d.Outcome != etl.TickWaiting {
		batch.Queue(`UPDATE schedules SET last_at = $2, last_outcome = $3, last_reason = $4, last_run_id = nullif($5, 0) WHERE id = $1 AND (last_at IS NULL OR last_at <= $2)`,
			t.Schedule.ID, t.At, d.Outcome, clean(d.Reason), d.RunID)
	}
	batch.Queue(`UPDATE schedule_ticks SET outcome = $3, reason = $4, run_id = nullif($5, 0), try_at = portal_now() + $6::interval, tries = $7 WHERE schedule_id = $1 AND at = $2`,
		t.Schedule.ID, t.At, d.Outcome, clean(d.Reason), d.RunID, d.Again, tries)
	return tx.SendBatch(ctx, batch).Close()
}

// SweepTicks removes decided ticks older than given. Those that others hold at
// the moment are left to the next time.
func (s *Store) SweepTicks(ctx context.Context, olderThan time.Duration) error {
	_, err := s.pool.Exec(ctx, `
		DELETE FROM schedule_ticks WHERE (schedule_id, at) IN (
			SELECT schedule_id, at FROM schedule_ticks WHERE created_at <= portal_now() - $1::interval AND outcome NOT IN ('due', 'waiting') FOR UPDATE SKIP LOCKED)`, olderThan)
	return wrap(ctx, err, "sweeping ticks")
}
