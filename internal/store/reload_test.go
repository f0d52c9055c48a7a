package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// completed gives a run with bad rows at lines 2 to 4.
func completed(t *testing.T, s *Store) etl.Run {
	t.Helper()
	ctx := t.Context()
	r := loading(t, s, 1)
	var rejects []etl.Reject
	for line := int64(2); line <= 4; line++ {
		rejects = append(rejects, etl.Reject{Line: line, Record: line - 1, Code: "not_numeric", Reason: "is no number", Fields: []string{"x"}})
	}
	chunk, err := s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	require.NoError(t, err)
	_, err = s.ChunkLoaded(ctx, etl.ChunkRef{RunID: r.ID, Number: 0, RunAttempt: 1, Attempt: chunk.Attempt}, etl.Counts{Read: 3, Rejected: 3}, etltest.RejectsOf(rejects...))
	require.NoError(t, err)
	_, err = s.BeginPublish(ctx, r.ID, 1)
	require.NoError(t, err)
	r, err = s.CompleteRun(ctx, r.ID, 1, etl.Counts{Read: 3, Rejected: 3}, nil)
	require.NoError(t, err)
	return r
}

func reloadOf(before etl.Run, rows ...etl.ReloadedRow) etl.Run {
	r := frozen(before.Job)
	r.ParentID, r.Reloaded = before.ID, rows
	return r
}

// Of many that want to load a row again at once, one does.
func TestARowIsReloadedOnce(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	before := completed(t, s)
	const many = 8
	errs := make(chan error, many)
	for range many {
		go func() {
			_, _, err := s.CreateRun(ctx, reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 3}, etl.ReloadedRow{Line: 3, ParentLine: 4}), etl.IdempotencyKey{})
			errs <- err
		}()
	}
	made := 0
	for range many {
		if err := <-errs; err != nil {
			refused(t, err, CodeAlreadyReloaded, "line 3", "1 more")
			continue
		}
		made++
	}
	require.Equal(t, 1, made)
	children, err := s.Runs(ctx, etl.RunFilter{ParentID: before.ID}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, children.Items, 1)
	child := children.Items[0]
	require.Equal(t, before.ID, child.ParentID)
	found, err := s.RejectsAt(ctx, before.ID, []int64{2, 3})
	require.NoError(t, err)
	require.Equal(t, []int64{0, child.ID}, []int64{found[0].ReloadedBy, found[1].ReloadedBy})
	other, _, err := s.CreateRun(ctx, reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 2}), etl.IdempotencyKey{})
	require.NoError(t, err, "another row may be")

	// One that failed gives its rows back, until it is retried.
	_, err = s.FailRun(ctx, child.ID, 1, &etl.Error{Kind: etl.Weather, Code: "gone", Message: "gone", Fix: "wait"}, nil)
	require.NoError(t, err)
	_, err = s.RetryRun(ctx, child.ID)
	require.NoError(t, err)
	_, _, err = s.CreateRun(ctx, reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 3}), etl.IdempotencyKey{})
	refused(t, err, CodeAlreadyReloaded)
	_, err = s.CancelRun(ctx, child.ID)
	require.NoError(t, err)
	_, _, err = s.CreateRun(ctx, reloadOf(before, etl.ReloadedRow{Line: 2, ParentLine: 3}), etl.IdempotencyKey{})
	require.NoError(t, err)

	// A row keeps its line in the first file through all reloads.
	var line int64
	_, err = s.FailRun(ctx, other.ID, 1, &etl.Error{Kind: etl.Weather, Code: "gone", Message: "gone", Fix: "wait"}, nil)
	require.NoError(t, err)
	last, _, err := s.CreateRun(ctx, reloadOf(child, etl.ReloadedRow{Line: 9, ParentLine: 2}), etl.IdempotencyKey{})
	require.NoError(t, err)
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT source_line FROM reloaded_rows WHERE run_id = $1`, last.ID).Scan(&line))
	require.Equal(t, int64(3), line)

	// A job takes its runs and their reloads along.
	runs, err := s.Runs(ctx, etl.RunFilter{JobID: before.JobID}, etl.Page{})
	require.NoError(t, err)
	for _, r := range runs.Items {
		if !r.Status.Final() {
			_, err := s.CancelRun(ctx, r.ID)
			require.NoError(t, err)
		}
	}
	require.NoError(t, s.DeleteJob(ctx, before.JobID))
}
