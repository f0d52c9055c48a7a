package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// patience ends a wait that would be for ever.
const patience = time.Minute

// sessions counts the sessions on a store's database that fit.
func sessions(t *testing.T, at *pgx.Conn, s *Store, fit string) (n int) {
	t.Helper()
	require.NoError(t, at.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = $1 AND `+fit,
		s.pool.Config().ConnConfig.Database).Scan(&n))
	return n
}

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		require.True(t, time.Now().Before(end), what)
		time.Sleep(time.Millisecond)
	}
}

// meet has second begin while first waits for the rows that block locks, and
// lets first go on once second waits, too, or is through. Nobody may be
// chosen as a deadlock's victim, not even one that tries again.
func meet(t *testing.T, s *Store, block string, id any, first, second func(context.Context) error) (of1, of2 error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	watching, err := pgx.Connect(ctx, on(t, "postgres"))
	require.NoError(t, err)
	defer func() { _ = watching.Close(context.WithoutCancel(ctx)) }()
	blocking, err := s.pool.Begin(ctx)
	require.NoError(t, err)
	defer func() { _ = blocking.Rollback(context.WithoutCancel(ctx)) }()
	tag, err := blocking.Exec(ctx, block, id)
	require.NoError(t, err)
	require.Positive(t, tag.RowsAffected(), "something is held")

	const waits = `wait_event_type = 'Lock'`
	one, two := make(chan error, 1), make(chan error, 1)
	go func() { one <- first(ctx) }()
	until(t, "the first waits", func() bool { return sessions(t, watching, s, waits) == 1 })
	go func() { two <- second(ctx) }()
	until(t, "the second waits or is through", func() bool { return len(two) == 1 || sessions(t, watching, s, waits) == 2 })
	require.NoError(t, blocking.Rollback(ctx))
	of1, of2 = <-one, <-two

	// A session tells of its deadlocks at the latest when it ends.
	s.pool.Reset()
	until(t, "the sessions end", func() bool { return sessions(t, watching, s, "true") == 0 })
	var deadlocks int
	require.NoError(t, watching.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = $1`, s.pool.Config().ConnConfig.Database).Scan(&deadlocks))
	require.Zero(t, deadlocks, "%v; %v", of1, of2)
	return of1, of2
}

// reloaded gives a run with bad rows, one of another job, and a failed reload of the first.
func reloaded(t *testing.T, s *Store) (before, other, reload etl.Run) {
	t.Helper()
	before, other = completed(t, s), newRun(t, s, newJob(t, s))
	reload, _, err := s.CreateRun(t.Context(), reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 3}), etl.IdempotencyKey{})
	require.NoError(t, err)
	reload, err = s.FailRun(t.Context(), reload.ID, 1, &etl.Error{Kind: etl.Weather, Code: "gone", Message: "gone", Fix: "wait"}, nil)
	require.NoError(t, err)
	require.NoError(t, s.AppendLog(t.Context(), etl.LogEntry{RunID: before.ID, Message: "said"}))
	return before, other, reload
}

func TestARunAndItsReloadAreLockedInOrder(t *testing.T) {
	t.Run("one is deleted, the other retried", func(t *testing.T) {
		s := open(t, Options{})
		before, _, reload := reloaded(t, s)
		deleted, retried := meet(t, s, `SELECT FROM run_logs WHERE run_id = $1 FOR UPDATE`, before.ID,
			func(ctx context.Context) error { return s.DeleteRun(ctx, before.ID) },
			func(ctx context.Context) error {
				_, err := s.RetryRun(ctx, reload.ID)
				return err
			})
		require.NoError(t, deleted)
		require.NoError(t, retried)
		run, err := s.Run(t.Context(), reload.ID)
		require.NoError(t, err)
		require.Equal(t, []any{etl.Pending, int64(0)}, []any{run.Status, run.ParentID})
	})
	t.Run("one is deleted, the other made", func(t *testing.T) {
		s := open(t, Options{})
		before, _, _ := reloaded(t, s)
		deleted, made := meet(t, s, `SELECT FROM job_runs WHERE id = $1 FOR KEY SHARE`, before.ID,
			func(ctx context.Context) error { return s.DeleteRun(ctx, before.ID) },
			func(ctx context.Context) error {
				_, _, err := s.CreateRun(ctx, reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 2}), etl.IdempotencyKey{})
				return err
			})
		require.NoError(t, deleted)
		require.NoError(t, made)
	})
	t.Run("one is retried, both write their logs", func(t *testing.T) {
		s := open(t, Options{})
		before, other, reload := reloaded(t, s)
		written, retried := meet(t, s, `SELECT FROM job_runs WHERE id = $1 FOR UPDATE`, other.ID,
			func(ctx context.Context) error {
				return s.AppendLog(ctx, etl.LogEntry{RunID: reload.ID, Message: "c"}, etl.LogEntry{RunID: other.ID, Message: "b"}, etl.LogEntry{RunID: before.ID, Message: "a"})
			},
			func(ctx context.Context) error {
				_, err := s.RetryRun(ctx, reload.ID)
				return err
			})
		require.NoError(t, written)
		require.NoError(t, retried)
	})
}

// What takes several runs along takes them in the order in which others lock them.
func TestRunsAreTakenAlongInOrder(t *testing.T) {
	for name, remove := range map[string]func(ctx context.Context, s *Store, j etl.Job) error{
		"job":        func(ctx context.Context, s *Store, j etl.Job) error { return s.DeleteJob(ctx, j.ID) },
		"file":       func(ctx context.Context, s *Store, j etl.Job) error { return s.DeleteSource(ctx, j.FileID) },
		"credential": func(ctx context.Context, s *Store, j etl.Job) error { return s.DeleteCredential(ctx, j.CredentialID) },
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := open(t, Options{}), t.Context()
			job := newJob(t, s)
			first, between := newRun(t, s, job), newRun(t, s, newJob(t, s))
			last := newRun(t, s, job)
			// The first comes after the last in the table.
			for _, r := range []etl.Run{last, first} {
				_, err := s.CancelRun(ctx, r.ID)
				require.NoError(t, err)
			}
			moved := job
			moved.FileID, moved.CredentialID = source(t, s).ID, credential(t, s).ID
			_, err := s.UpdateJob(ctx, moved)
			require.NoError(t, err)
			written, removed := meet(t, s, `SELECT FROM job_runs WHERE id = $1 FOR UPDATE`, between.ID,
				func(ctx context.Context) error {
					return s.AppendLog(ctx, etl.LogEntry{RunID: first.ID, Message: "a"}, etl.LogEntry{RunID: between.ID, Message: "b"}, etl.LogEntry{RunID: last.ID, Message: "c"})
				},
				func(ctx context.Context) error { return remove(ctx, s, job) })
			require.NoError(t, written)
			require.NoError(t, removed)
		})
	}
}

// Chunks are reopened while somebody tries to delete the run's file.
func TestReopeningLocksTheRunAlone(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 1)
	load(t, s, r, 0)
	_, err := s.BeginPublish(ctx, r.ID, 1)
	require.NoError(t, err)
	moved := r.Job
	moved.FileID = source(t, s).ID
	_, err = s.UpdateJob(ctx, moved)
	require.NoError(t, err)
	require.NoError(t, s.SaveSpans(ctx, r.FileID, []csv.Span{{End: 400, Rows: 4, FirstLine: 1}}))
	deleted, reopened := meet(t, s, `SELECT FROM source_spans WHERE file_id = $1 FOR UPDATE`, r.FileID,
		func(ctx context.Context) error { return s.DeleteSource(ctx, r.FileID) },
		func(ctx context.Context) error {
			run, err := s.ReopenChunks(ctx, r.ID, 1, []int{0})
			if err == nil && (run.Phase != etl.PhaseLoad || run.ChunksDone != 0 || run.Counts != etl.Counts{}) {
				err = fmt.Errorf("reopened as %+v", run)
			}
			return err
		})
	refused(t, deleted, CodeInUse)
	require.NoError(t, reopened)
}

// What is swept while others hold some of it is the rest.
func TestSweepingWaitsForNobody(t *testing.T) {
	c := newClock()
	s := open(t, Options{Now: c.Now})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lender := credential(t, s).ID
	job := newJob(t, s)
	schedule, err := s.CreateSchedule(ctx, etl.Schedule{JobID: job.ID, Cron: "* * * * *", Timezone: "UTC", Engine: etl.EngineNative, Overlap: etl.OverlapSkip, CatchUp: etl.CatchUpNone, CatchUpMax: 1, State: etl.ScheduleActive}, nil)
	require.NoError(t, err)
	for i := range 3 {
		_, err := s.AcquireLease(ctx, lender, fmt.Sprint(i), 3, time.Minute)
		require.NoError(t, err)
		_, _, err = s.CreateRun(ctx, frozen(job), etl.IdempotencyKey{Owner: "me", Key: fmt.Sprint(i)})
		require.NoError(t, err)
		_, err = s.pool.Exec(ctx, `INSERT INTO schedule_ticks (schedule_id, at, outcome) VALUES ($1, $2, 'started')`, schedule.ID, c.Now().Add(time.Duration(i)*time.Minute))
		require.NoError(t, err)
	}
	c.pass(48 * time.Hour)
	held, err := s.pool.Begin(ctx)
	require.NoError(t, err)
	for _, sql := range []string{
		`SELECT FROM leases WHERE slot = 2 FOR UPDATE`, `SELECT FROM idempotency_keys WHERE key = '1' FOR UPDATE`,
		`SELECT FROM schedule_ticks WHERE at = (SELECT max(at) FROM schedule_ticks) FOR UPDATE`,
	} {
		tag, err := held.Exec(ctx, sql)
		require.NoError(t, err)
		require.Equal(t, int64(1), tag.RowsAffected())
	}
	left := func(want int) {
		t.Helper()
		require.NoError(t, s.Sweep(ctx, time.Hour))
		require.NoError(t, s.SweepTicks(ctx, time.Hour))
		for _, table := range []string{"leases", "idempotency_keys", "schedule_ticks"} {
			var n int
			require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n))
			require.Equal(t, want, n, table)
		}
	}
	left(1)
	require.NoError(t, held.Rollback(ctx))
	left(0)
}
