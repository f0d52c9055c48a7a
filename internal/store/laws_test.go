package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// state is where a run can stand: its status and phase.
type state struct {
	status etl.Status
	phase  etl.Phase
}

var states = []state{
	{etl.Pending, etl.PhasePlan},
	{etl.Running, etl.PhasePlan},
	{etl.Running, etl.PhaseLoad},
	{etl.Running, etl.PhasePublish},
	{etl.Completed, etl.PhaseDone},
	{etl.Failed, etl.PhasePlan},
	{etl.Failed, etl.PhaseLoad},
	{etl.Failed, etl.PhasePublish},
	{etl.Cancelled, etl.PhasePlan},
	{etl.Cancelled, etl.PhaseLoad},
}

// reach brings a new run there by the methods; a retried one of attempt 1
// would be in the way, so each is at attempt 1.
func (want state) reach(t *testing.T, s *Store, job etl.Job) etl.Run {
	t.Helper()
	ctx := t.Context()
	r := newRun(t, s, job)
	step := func(run etl.Run, err error) {
		require.NoError(t, err)
		r = run
	}
	if want.status != etl.Pending && (want != state{etl.Cancelled, etl.PhasePlan}) && (want != state{etl.Failed, etl.PhasePlan}) {
		step(s.StartRun(ctx, r.ID, 1))
		if want.phase != etl.PhasePlan {
			step(s.PlanRun(ctx, r.ID, 1, "direct", chunks(1)))
		}
		if want.phase == etl.PhasePublish || want.phase == etl.PhaseDone {
			load(t, s, r, 0)
			step(s.BeginPublish(ctx, r.ID, 1))
		}
	}
	switch want.status {
	case etl.Completed:
		step(s.CompleteRun(ctx, r.ID, 1, etl.Counts{Read: 10, Loaded: 10, Inserted: 10}, nil))
	case etl.Failed:
		step(s.FailRun(ctx, r.ID, 1, &etl.Error{Code: "x", Message: "m"}, nil))
	case etl.Cancelled:
		step(s.CancelRun(ctx, r.ID))
	}
	require.Equal(t, want, state{r.Status, r.Phase})
	return r
}

// TestOnlyLegalMoves tries with raw SQL every move from every state to every
// other, with every attempt near the run's.
func TestOnlyLegalMoves(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	job := newJob(t, s)
	plan, load, publish := state{etl.Running, etl.PhasePlan}, state{etl.Running, etl.PhaseLoad}, state{etl.Running, etl.PhasePublish}
	pending := state{etl.Pending, etl.PhasePlan}
	legal := map[state][]state{
		pending: {pending, plan, {etl.Failed, etl.PhasePlan}, {etl.Cancelled, etl.PhasePlan}},
		plan:    {plan, {etl.Failed, etl.PhasePlan}, {etl.Cancelled, etl.PhasePlan}}, // load needs chunks
		load:    {load, {etl.Failed, etl.PhaseLoad}, {etl.Cancelled, etl.PhaseLoad}}, // publish needs them loaded
		publish: {publish, load, {etl.Failed, etl.PhasePublish}, {etl.Completed, etl.PhaseDone}},
	}
	statuses := []etl.Status{etl.Pending, etl.Running, etl.Completed, etl.Failed, etl.Cancelled, "PUBLISHING"}
	phases := []etl.Phase{etl.PhasePlan, etl.PhaseLoad, etl.PhasePublish, etl.PhaseDone, "other"}
	for _, from := range states {
		r := from.reach(t, s, job)
		for _, status := range statuses {
			for _, phase := range phases {
				for _, attempt := range []int{0, 1, 2, 3} {
					to := state{status, phase}
					want := false
					for _, l := range legal[from] {
						want = want || l == to && attempt == 1
					}
					if from.status == etl.Failed && to == pending {
						want = attempt == 2 // the retry
					}
					got := try(t, s, `UPDATE job_runs SET status = $2, phase = $3, attempt = $4, error = $5, rows_inserted = CASE WHEN $2 = 'COMPLETED' THEN rows_loaded ELSE 0 END,
						rows_loaded = CASE WHEN $2 IN ('FAILED', 'CANCELLED') THEN 0 ELSE rows_loaded END WHERE id = $1`,
						r.ID, string(status), string(phase), attempt, failure(status))
					require.Equalf(t, want, got == nil, "%v → %v at attempt %d: %v", from, to, attempt, got)
				}
			}
		}
	}
	after, err := s.Runs(ctx, etl.RunFilter{}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, after.Items, len(states))
}

func failure(s etl.Status) any {
	if s == etl.Failed {
		return errorDocument{Code: "x"}
	}
	return nil
}

var errUndo = errors.New("undo")

// try gives the error of a statement and takes it back.
func try(t *testing.T, s *Store, sql string, args ...any) error {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(t.Context(), sql, args...)
		if err != nil {
			return err
		}
		require.EqualValues(t, 1, tag.RowsAffected())
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	_, ok := errors.AsType[*pgconn.PgError](err)
	require.Truef(t, ok, "%v", err)
	return err
}

// TestOnlyLegalMovesOfChunks does the same with chunks, in runs of every state.
func TestOnlyLegalMovesOfChunks(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 4)
	loaded, waiting := 0, 3
	load(t, s, r, loaded)
	c, err := s.ClaimChunk(ctx, r.ID, 1, 1, 0)
	require.NoError(t, err)
	c2, err := s.ClaimChunk(ctx, r.ID, 2, 1, 0)
	require.NoError(t, err)
	require.NoError(t, s.ChunkFailed(ctx, ref(r, c2), etl.Counts{}, nil))

	begin := map[int]etl.ChunkState{loaded: etl.ChunkLoaded, c.Number: etl.ChunkLoading, c2.Number: etl.ChunkFailed, waiting: etl.ChunkWaiting}
	claims := map[int]int{loaded: 1, c.Number: 1, c2.Number: 1, waiting: 0}
	check := func(run etl.Run) {
		t.Helper()
		for number, from := range begin {
			for _, to := range []etl.ChunkState{etl.ChunkWaiting, etl.ChunkLoading, etl.ChunkLoaded, etl.ChunkFailed, "lost"} {
				for _, claim := range []int{-1, 0, 1, 2} {
					for _, attempt := range []int{0, 1, 2, 3} {
						is, running := claims[number], run.Status == etl.Running && run.Phase == etl.PhaseLoad
						same, next := claim == is, claim == is+1
						want := false
						switch {
						case attempt != run.Attempt:
						case running && to == etl.ChunkLoading:
							want = next && (from == etl.ChunkWaiting || from == etl.ChunkLoading) || same && from == etl.ChunkLoading
						case running && (to == etl.ChunkLoaded || to == etl.ChunkFailed):
							want = same && from == etl.ChunkLoading
						case running && to == etl.ChunkWaiting:
							want = same && from != etl.ChunkFailed
						case run.Status == etl.Pending && to == etl.ChunkWaiting:
							want = same
						}
						got := try(t, s, `UPDATE run_chunks SET state = $3, attempt = $4, run_attempt = $5, error = '{}' WHERE run_id = $1 AND number = $2`, run.ID, number, string(to), claim, attempt)
						require.Equalf(t, want, got == nil, "%s in run %s/%s: %s → %s, claim %d, attempt %d: %v", run.LoadID, run.Status, run.Phase, from, to, claim, attempt, got)
					}
				}
			}
		}
	}
	check(r)
	r, err = s.FailRun(ctx, r.ID, 1, nil, nil)
	require.NoError(t, err)
	check(r)
	r, err = s.RetryRun(ctx, r.ID)
	require.NoError(t, err)
	begin[c.Number], begin[c2.Number] = etl.ChunkWaiting, etl.ChunkWaiting
	check(r)
	r, err = s.StartRun(ctx, r.ID, 2)
	require.NoError(t, err)
	check(r)
	r, err = s.CancelRun(ctx, r.ID)
	require.NoError(t, err)
	check(r)
}

// TestFrozen tries to change what does not change.
func TestFrozen(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	job := newJob(t, s)
	r := newRun(t, s, job)
	planned := loading(t, s, 2)
	require.NoError(t, s.Audit(ctx, etl.AuditEntry{Action: "create", Object: "job", ObjectID: "1"}))
	for sql, rule := range map[string]string{
		`UPDATE job_runs SET load_id = 'x' WHERE id = $1`:                                           "job_runs_frozen",
		`UPDATE job_runs SET job = '{}' WHERE id = $1`:                                              "job_runs_frozen",
		`UPDATE job_runs SET object = '{}' WHERE id = $1`:                                           "job_runs_frozen",
		`UPDATE job_runs SET bytes_total = 1 WHERE id = $1`:                                         "job_runs_frozen",
		`UPDATE job_runs SET seq = 0 WHERE id = $1`:                                                 "job_runs_frozen",
		`UPDATE job_runs SET finished_at = now() WHERE id = $1`:                                     "job_runs_frozen",
		`UPDATE job_runs SET chunks_total = 3 WHERE id = $1`:                                        "job_runs_plan",
		`UPDATE job_runs SET source_id = NULL WHERE id = $1`:                                        "job_runs_inputs",
		`UPDATE job_runs SET rows_read = -1 WHERE id = $1`:                                          "job_runs_counts_check",
		`UPDATE job_runs SET status = 'CANCELLED', rows_loaded = 1 WHERE id = $1`:                   "job_runs_unpublished_check",
		`DELETE FROM job_runs WHERE id = $1`:                                                        "job_runs_end",
		fmt.Sprintf(`UPDATE run_chunks SET end_byte = 7 WHERE run_id = %d`, planned.ID):             "run_chunks_frozen",
		fmt.Sprintf(`UPDATE job_runs SET chunks_total = 9 WHERE id = %d`, planned.ID):               "job_runs_plan",
		fmt.Sprintf(`UPDATE job_runs SET chunks_done = 9 WHERE id = %d`, planned.ID):                "job_runs_chunks_check",
		fmt.Sprintf(`UPDATE job_runs SET phase = 'publish' WHERE id = %d`, planned.ID):              "job_runs_chunks_check",
		`UPDATE audit_log SET action = 'nothing'`:                                                   "audit_log_frozen",
		fmt.Sprintf(`UPDATE etl_jobs SET version = version + 1 WHERE id = %d`, job.ID):              "etl_jobs_version_fk",
		fmt.Sprintf(`INSERT INTO run_chunks SELECT %d, 2, 0, 1, 1, 1, 1, 'waiting', 1`, planned.ID): "run_chunks_plan",
		fmt.Sprintf(`INSERT INTO run_chunks SELECT %d, 0, 0, 1, 1, 1, 1, 'loaded', 1`, r.ID):        "run_chunks_plan",
		`INSERT INTO job_runs (job_id, job_version, trigger, load_id, job, file_id, object, encoding, dialect, source_columns, bytes_total, status, started_at)
			SELECT job_id, job_version, trigger, 'y', job, file_id, object, encoding, dialect, source_columns, bytes_total, 'RUNNING', now() FROM job_runs WHERE id = $1`: "job_runs_begin",
	} {
		var args []any
		if strings.Contains(sql, "$1") {
			args = append(args, r.ID)
		}
		_, err := s.pool.Exec(ctx, sql, args...)
		require.Truef(t, violates(err, rule), "%s: %v", sql, err)
	}
}
