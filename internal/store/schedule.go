package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const scheduleColumns = `id, job_id, cron_expression, timezone, enabled, engine, overlap_policy, catch_up_policy, catch_up_max, jitter, start_at, end_at,
	next_at, last_at, coalesce(last_run_id, 0), last_outcome, last_reason, state, state_reason, version, created_at, updated_at`

func scanSchedule(row pgx.Row) (s etl.Schedule, err error) {
	err = row.Scan(&s.ID, &s.JobID, &s.Cron, &s.Timezone, &s.Enabled, &s.Engine, &s.Overlap, &s.CatchUp, &s.CatchUpMax, &s.Jitter, &s.StartAt, &s.EndAt,
		&s.NextAt, &s.LastAt, &s.LastRunID, &s.LastOutcome, &s.LastReason, &s.State, &s.StateReason, &s.Version, &s.CreatedAt, &s.UpdatedAt)
	return s, err
}

// scheduleValues are the arguments $1 to $15; due is when s.NextAt is to be acted on.
func scheduleValues(s etl.Schedule, due *time.Time) []any {
	return []any{
		s.Cron, s.Timezone, s.Enabled, s.Engine, s.Overlap, s.CatchUp, s.CatchUpMax, s.Jitter, s.StartAt, s.EndAt, s.NextAt, due, s.State, s.StateReason, s.JobID,
	}
}

// Now is the database's clock, which decides when a time has come.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.pool.QueryRow(ctx, `SELECT portal_now()`).Scan(&now)
	return now, wrap(ctx, err, "asking for the time")
}

// CreateSchedule stores a schedule at version 1; due is when its NextAt is to be
// acted on, nil with that. A job that is not there is not_found.
func (s *Store) CreateSchedule(ctx context.Context, v etl.Schedule, due *time.Time) (etl.Schedule, error) {
	created, err := scanSchedule(s.pool.QueryRow(ctx, `
		INSERT INTO schedules (cron_expression, timezone, enabled, engine, overlap_policy, catch_up_policy, catch_up_max, jitter, start_at, end_at, next_at, due_at, state, state_reason, job_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING `+scheduleColumns, scheduleValues(v, due)...))
	return created, wrap(ctx, err, "creating the schedule")
}

// Schedule reads a schedule.
func (s *Store) Schedule(ctx context.Context, id int64) (etl.Schedule, error) {
	return one(ctx, s.pool, "schedule", id, scanSchedule, `SELECT `+scheduleColumns+` FROM schedules WHERE id = $1`, id)
}

// Schedules lists the schedules that f chooses, newest first.
func (s *Store) Schedules(ctx context.Context, f etl.ScheduleFilter, p etl.Page) (etl.List[etl.Schedule], error) {
	enabled := ""
	if f.Enabled != nil {
		enabled = fmt.Sprint(*f.Enabled)
	}
	w, err := read(p, fmt.Sprintf("schedules %d %s %s", f.JobID, enabled, f.Engine), 1)
	if err != nil {
		return etl.List[etl.Schedule]{}, err
	}
	items, err := all(ctx, s.pool, "listing schedules", scanSchedule, `
		SELECT `+scheduleColumns+` FROM schedules
		WHERE id < $1 AND ($3 = 0 OR job_id = $3) AND ($4::boolean IS NULL OR enabled = $4) AND ($5 = '' OR engine = $5)
		ORDER BY id DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch(), f.JobID, f.Enabled, string(f.Engine))
	return page(w, items, func(v etl.Schedule) []int64 { return []int64{v.ID} }), err
}

// NextSchedules lists the enabled schedules that fire next, soonest first.
func (s *Store) NextSchedules(ctx context.Context, limit int) ([]etl.Schedule, error) {
	return all(ctx, s.pool, "listing the next schedules", scanSchedule,
		`SELECT `+scheduleColumns+` FROM schedules WHERE enabled AND next_at > portal_now() ORDER BY next_at, id LIMIT $1`, limit)
}

// UpdateSchedule replaces a schedule if it is still at v.Version, and gives it
// at the next one; else version_conflict. What it last did stays.
func (s *Store) UpdateSchedule(ctx context.Context, v etl.Schedule, due *time.Time) (etl.Schedule, error) {
	var updated etl.Schedule
	err := s.tx(ctx, fmt.Sprintf("updating schedule %d", v.ID), func(tx pgx.Tx) (err error) {
		updated, err = scanSchedule(tx.QueryRow(ctx, `
			UPDATE schedules SET cron_expression = $1, timezone = $2, enabled = $3, engine = $4, overlap_policy = $5, catch_up_policy = $6, catch_up_max = $7, jitter = $8,
				start_at = $9, end_at = $10, next_at = $11, due_at = $12, state = $13, state_reason = $14, job_id = $15, version = version + 1, updated_at = portal_now()
			WHERE id = $16 AND version = $17 RETURNING `+scheduleColumns, append(scheduleValues(v, due), v.ID, v.Version)...))
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var current int64
		err = tx.QueryRow(ctx, `SELECT version FROM schedules WHERE id = $1`, v.ID).Scan(&current)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("schedule", v.ID)
		}
		if err != nil {
			return err
		}
		return versionConflict("schedule", v.ID, v.Version, current)
	})
	if err != nil {
		return etl.Schedule{}, err
	}
	return updated, nil
}

// SetScheduleState says whether whoever fires the schedule knows this version
// of it; once it is at another version that is of no interest, and nothing is done.
func (s *Store) SetScheduleState(ctx context.Context, id, version int64, state etl.ScheduleState, reason string) error {
	_, err := s.pool.Exec(ctx, `UPDATE schedules SET state = $3, state_reason = $4 WHERE id = $1 AND version = $2 AND (state, state_reason) <> ($3, $4)`,
		id, version, state, clean(reason))
	return wrap(ctx, err, fmt.Sprintf("noting the state of schedule %d", id))
}

// DeleteSchedule removes a schedule with its times; runs stay.
func (s *Store) DeleteSchedule(ctx context.Context, id int64) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM schedules WHERE id = $1`, id)
	if err == nil && tag.RowsAffected() == 0 {
		return notFound("schedule", id)
	}
	return wrap(ctx, err, fmt.Sprintf("deleting schedule %d", id))
}

// scheduled says which schedules keep a job, which tx holds, from being deleted.
func scheduled(ctx context.Context, tx pgx.Tx, jobID int64) error {
	const named = 5
	ids, err := all(ctx, tx, "looking for the job's schedules", func(row pgx.Row) (id int64, err error) {
		return id, row.Scan(&id)
	}, `SELECT id FROM schedules WHERE job_id = $1 ORDER BY id LIMIT $2`, jobID, named+1)
	if err != nil || len(ids) == 0 {
		return err
	}
	texts := make([]string, 0, named)
	for _, id := range ids[:min(len(ids), named)] {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	names := strings.Join(texts, ", ")
	if len(ids) > named {
		names += " and others"
	}
	noun, them := "schedule", "it"
	if len(ids) != 1 {
		noun, them = "schedules", "them"
	}
	return etl.Mistakef(CodeInUse, "Delete "+them+" first.", "%s %s would run job %d", noun, names, jobID)
}

// AverageRun is how long the job's last completed runs took; 0 where there are none.
func (s *Store) AverageRun(ctx context.Context, jobID int64) (time.Duration, error) {
	var average time.Duration
	err := s.pool.QueryRow(ctx, `
		SELECT coalesce(avg(took), '0') FROM (SELECT finished_at - started_at AS took FROM job_runs
			WHERE job_id = $1 AND status = 'COMPLETED' ORDER BY id DESC LIMIT 20) AS last`, jobID).Scan(&average)
	return average, wrap(ctx, err, fmt.Sprintf("averaging the runs of job %d", jobID))
}

// JobNames gives the names of jobs by id.
func (s *Store) JobNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	return byID[string](ctx, s, "naming jobs", `SELECT id, name FROM etl_jobs WHERE id = ANY ($1)`, ids)
}

// RunStatuses gives the statuses of runs by id.
func (s *Store) RunStatuses(ctx context.Context, ids []int64) (map[int64]etl.Status, error) {
	return byID[etl.Status](ctx, s, "reading the states of runs", `SELECT id, status FROM job_runs WHERE id = ANY ($1)`, ids)
}

// byID reads pairs of id and value.
func byID[T any](ctx context.Context, s *Store, what, sql string, ids []int64) (map[int64]T, error) {
	type pair struct {
		id    int64
		value T
	}
	pairs, err := all(ctx, s.pool, what, func(row pgx.Row) (p pair, err error) {
		return p, row.Scan(&p.id, &p.value)
	}, sql, ids)
	values := make(map[int64]T, len(pairs))
	for _, p := range pairs {
		values[p.id] = p.value
	}
	return values, err
}
