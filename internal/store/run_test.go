package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

func TestRunFromBeginningToEnd(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	job := newJob(t, s)
	r := newRun(t, s, job)
	want := frozen(job)
	require.Equal(t, etl.Pending, r.Status)
	require.Equal(t, 1, r.Attempt)
	require.Len(t, r.LoadID, 32)
	require.Equal(t, want.Sources, r.Sources)
	require.Equal(t, want.Dialect, r.Dialect)
	require.Equal(t, want.Object, r.Object)
	require.Equal(t, job, r.Job)
	require.Nil(t, r.StartedAt)

	r, err := s.StartRun(ctx, r.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.PhasePlan, r.Phase)
	require.NotNil(t, r.StartedAt)
	r, err = s.PlanRun(ctx, r.ID, 1, "fan-out", chunks(3))
	require.NoError(t, err)
	require.Equal(t, etl.PhaseLoad, r.Phase)
	require.Equal(t, 3, r.ChunksTotal)
	again, err := s.PlanRun(ctx, r.ID, 1, "direct", chunks(1))
	require.NoError(t, err)
	require.Equal(t, r, again, "the first plan stays")

	_, err = s.BeginPublish(ctx, r.ID, 1)
	refused(t, err, CodeRunState)
	require.Equal(t, 2, load(t, s, r, 1))
	require.Equal(t, 1, load(t, s, r, 0, etl.Reject{Line: 3, Record: 2, Code: "not_numeric", Value: "x", Reason: "no"}))
	_, err = s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	done, ok := errors.AsType[*etl.ChunkDone](err)
	require.Truef(t, ok, "%v", err)
	require.Equal(t, etl.Counts{Read: 10, Loaded: 9, Rejected: 1}, done.Counts)

	c, err := s.ClaimChunk(ctx, r.ID, 2, 1, time.Minute)
	require.NoError(t, err)
	require.Equal(t, etl.ChunkLoading, c.State)
	require.NoError(t, s.ChunkProgress(ctx, ref(r, c), 60, 6))
	require.NoError(t, s.ChunkProgress(ctx, ref(r, c), 40, 4), "late")
	r, err = s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.EqualValues(t, 260, r.BytesRead)
	require.EqualValues(t, 26, r.Counts.Read)
	_, err = s.ClaimChunk(ctx, r.ID, 2, 1, time.Hour)
	wait, ok := errors.AsType[*etl.RetryAfter](err)
	require.Truef(t, ok, "%v", err)
	require.Positive(t, wait.Delay)

	for range 2 {
		remaining, err := s.ChunkLoaded(ctx, ref(r, c), etl.Counts{Read: 10, Loaded: 8, Filtered: 2}, nil, etl.LogEntry{Message: "last chunk", Chunk: &c.Number})
		require.NoError(t, err)
		require.Zero(t, remaining)
	}
	for range 2 {
		r, err = s.BeginPublish(ctx, r.ID, 1)
		require.NoError(t, err)
		require.Equal(t, etl.PhasePublish, r.Phase)
	}
	require.Equal(t, etl.Counts{Read: 30, Loaded: 27, Filtered: 2, Rejected: 1}, r.Counts)
	_, err = s.CancelRun(ctx, r.ID)
	refused(t, err, CodeRunState, "publish")

	_, err = s.CompleteRun(ctx, r.ID, 1, etl.Counts{Read: 30, Loaded: 20, Inserted: 20}, nil, etl.LogEntry{Message: "of no end"})
	require.Equal(t, CodeCounts, codeOf(err))
	require.Equal(t, etl.Internal, etl.KindOf(err))
	counts := etl.Counts{Read: 30, Loaded: 26, Inserted: 20, Updated: 6, Filtered: 2, Rejected: 2}
	r, err = s.CompleteRun(ctx, r.ID, 1, counts, etltest.RejectsOf(etl.Reject{Line: 9, Code: "unique_violation", Reason: "twice"}), etl.LogEntry{Message: "end"})
	require.NoError(t, err)
	require.Equal(t, etl.Completed, r.Status)
	require.Equal(t, counts, r.Counts)
	require.EqualValues(t, 400, r.BytesRead)
	require.NotNil(t, r.FinishedAt)
	again, err = s.CompleteRun(ctx, r.ID, 1, counts, etltest.RejectsOf(etl.Reject{Line: 9, Code: "unique_violation", Reason: "twice"}), etl.LogEntry{Message: "end"})
	require.NoError(t, err)
	require.Equal(t, r, again)
	rejects, err := s.Rejects(ctx, r.ID, etl.RejectFilter{}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, rejects.Items, 2)
	entries, err := s.LogsAfter(ctx, r.ID, 0, 10)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, []string{"last chunk", "end"}, []string{entries[0].Message, entries[1].Message})
	_, err = s.FailRun(ctx, r.ID, 1, nil, nil)
	refused(t, err, CodeRunState, "COMPLETED")
	_, err = s.RetryRun(ctx, r.ID)
	refused(t, err, CodeRunState, "COMPLETED")
	require.NoError(t, s.DeleteRun(ctx, r.ID))
	refused(t, s.DeleteRun(ctx, r.ID), CodeNotFound)
}

func TestRetryGoesOnWhereTheRunFailed(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 3)
	load(t, s, r, 0, etl.Reject{Line: 2, Record: 1, Code: "x", Reason: "kept"})
	late, err := s.ClaimChunk(ctx, r.ID, 1, 1, 0)
	require.NoError(t, err)
	require.NoError(t, s.ChunkProgress(ctx, ref(r, late), 50, 5))
	broken, err := s.ClaimChunk(ctx, r.ID, 2, 1, 0)
	require.NoError(t, err)
	cause := &etl.Error{Kind: etl.Refused, Code: "bad_rows", Message: "line 22: 'x' is not a number\x00", Fix: "Correct it.", Line: 22, Column: "a", Value: "x"}
	for range 2 {
		require.NoError(t, s.ChunkFailed(ctx, ref(r, broken), etl.Counts{Read: 4, Filtered: 1}, cause))
	}
	r, err = s.FailRun(ctx, r.ID, 1, cause, etltest.RejectsOf(etl.Reject{Line: 22, Code: "bad", Reason: "of the failed try"}))
	require.NoError(t, err)
	require.Equal(t, etl.Failed, r.Status)
	require.Equal(t, etl.Refused, r.Error.Kind)
	require.Equal(t, "line 22: 'x' is not a number\uFFFD", r.Error.Message)
	require.Equal(t, etl.PhaseLoad, r.Phase)
	require.Equal(t, etl.Counts{Read: 19, Filtered: 1, Rejected: 2}, r.Counts, "nothing is loaded, though a chunk is staged; no reject that is listed is missing")
	refused(t, s.ChunkProgress(ctx, ref(r, late), 60, 6), CodeRunState, "FAILED")

	r, err = s.RetryRun(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, 2, r.Attempt)
	require.Nil(t, r.Error)
	require.Equal(t, etl.Counts{Read: 10, Loaded: 9, Rejected: 1}, r.Counts)
	require.EqualValues(t, 100, r.BytesRead)
	require.Equal(t, 1, r.ChunksDone)
	_, err = s.RetryRun(ctx, r.ID)
	refused(t, err, CodeRunState, "PENDING")
	list, err := s.Chunks(ctx, r.ID)
	require.NoError(t, err)
	states := make([]etl.ChunkState, 0, 3)
	for _, c := range list {
		states = append(states, c.State)
		require.Nil(t, c.Error)
	}
	require.Equal(t, []etl.ChunkState{etl.ChunkLoaded, etl.ChunkWaiting, etl.ChunkWaiting}, states)
	rejects, err := s.Rejects(ctx, r.ID, etl.RejectFilter{}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, rejects.Items, 1)
	require.Equal(t, "kept", rejects.Items[0].Reason)

	_, err = s.StartRun(ctx, r.ID, 1)
	refused(t, err, CodeStaleAttempt, "attempt 1")
	r, err = s.StartRun(ctx, r.ID, 2)
	require.NoError(t, err)
	require.Equal(t, etl.PhaseLoad, r.Phase, "planned already")
	for what, err := range map[string]error{
		"progress": s.ChunkProgress(ctx, etl.ChunkRef{RunID: r.ID, Number: 1, RunAttempt: 1, Attempt: 1}, 1, 1),
		"released": s.ChunkReleased(ctx, etl.ChunkRef{RunID: r.ID, Number: 1, RunAttempt: 1, Attempt: 1}, nil),
	} {
		require.Equal(t, CodeStaleAttempt, codeOf(err), what)
	}
	_, err = s.ChunkLoaded(ctx, etl.ChunkRef{RunID: r.ID, Number: 1, RunAttempt: 1, Attempt: 1}, etl.Counts{}, nil)
	refused(t, err, CodeStaleAttempt)
	require.Equal(t, 1, load(t, s, r, 1))
	require.Zero(t, load(t, s, r, 2))
}

func TestTakenOverChunkFencesItsFirstLoader(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 2)
	slow, err := s.ClaimChunk(ctx, r.ID, 0, 1, time.Hour)
	require.NoError(t, err)
	require.NoError(t, s.ChunkProgress(ctx, ref(r, slow), 70, 7))
	next, err := s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	require.NoError(t, err)
	require.Equal(t, slow.Attempt+1, next.Attempt)
	_, err = s.ChunkLoaded(ctx, ref(r, slow), etl.Counts{Read: 10, Loaded: 10}, nil)
	refused(t, err, CodeStaleAttempt, "claim 1 of chunk 0")
	require.Equal(t, CodeStaleAttempt, codeOf(s.ChunkProgress(ctx, ref(r, slow), 80, 8)))
	require.Equal(t, CodeStaleAttempt, codeOf(s.ChunkFailed(ctx, ref(r, slow), etl.Counts{}, nil)))
	for range 2 {
		require.NoError(t, s.ChunkReleased(ctx, ref(r, next), &etl.Error{Kind: etl.Weather, Code: "connection_lost", Message: "gone"}))
	}
	r, err = s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.Zero(t, r.BytesRead)
	require.Zero(t, r.Counts.Read)
	require.Equal(t, 1, load(t, s, r, 0))
	_, err = s.ClaimChunk(ctx, r.ID, 7, 1, 0)
	refused(t, err, CodeNotFound, "7")
}

func TestReopenedChunksAreLoadedAgain(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 3)
	load(t, s, r, 0, etl.Reject{Line: 1, Code: "x"})
	load(t, s, r, 1, etl.Reject{Line: 11, Code: "x"})
	load(t, s, r, 2)
	_, err := s.BeginPublish(ctx, r.ID, 1)
	require.NoError(t, err)
	for range 2 {
		r, err = s.ReopenChunks(ctx, r.ID, 1, []int{1, 2})
		require.NoError(t, err)
		require.Equal(t, etl.PhaseLoad, r.Phase)
		require.Equal(t, 1, r.ChunksDone)
		require.Equal(t, etl.Counts{Read: 10, Loaded: 9, Rejected: 1}, r.Counts)
		require.EqualValues(t, 100, r.BytesRead)
	}
	rejects, err := s.Rejects(ctx, r.ID, etl.RejectFilter{}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, rejects.Items, 1)
	_, err = s.CancelRun(ctx, r.ID)
	require.NoError(t, err)
	_, err = s.ReopenChunks(ctx, r.ID, 1, []int{0})
	refused(t, err, CodeRunState, "CANCELLED")
}

func TestCancelledRunCannotPublish(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 1)
	c, err := s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	require.NoError(t, err)
	load := func() error {
		_, err := s.ChunkLoaded(ctx, ref(r, c), etl.Counts{Read: 10, Loaded: 10}, nil)
		return err
	}
	require.NoError(t, load())
	for range 2 {
		r, err = s.CancelRun(ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, etl.Cancelled, r.Status)
		require.Equal(t, etl.Counts{Read: 10}, r.Counts, "nothing is loaded")
	}
	_, err = s.RetryRun(ctx, r.ID)
	refused(t, err, CodeRunState, "CANCELLED")
	require.EqualError(t, err, fmt.Sprintf("run %d is CANCELLED: only a FAILED run can be retried. Execute the job again.", r.ID))
	_, err = s.BeginPublish(ctx, r.ID, 1)
	refused(t, err, CodeRunState, "CANCELLED")
	_, err = s.CompleteRun(ctx, r.ID, 1, etl.Counts{}, nil)
	refused(t, err, CodeRunState, "CANCELLED")
	require.NoError(t, load(), "a repeated report changes nothing")
	refused(t, s.ChunkProgress(ctx, ref(r, c), 1, 1), CodeRunState)
}

func TestIdempotencyKey(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	job := newJob(t, s)
	key := etl.IdempotencyKey{Owner: "token 1", Key: "k", Request: []byte(`{"a":1}`)}
	type answer struct {
		run     etl.Run
		created bool
		err     error
	}
	answers := make(chan answer)
	for range 8 {
		go func() {
			run, created, err := s.CreateRun(ctx, frozen(job), key)
			answers <- answer{run, created, err}
		}()
	}
	made, ids := 0, map[int64]bool{}
	for range 8 {
		a := <-answers
		require.NoError(t, a.err)
		ids[a.run.ID] = true
		if a.created {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.Len(t, ids, 1)

	other := key
	other.Request = []byte(`{"a":2}`)
	_, _, err := s.CreateRun(ctx, frozen(job), other)
	refused(t, err, CodeIdempotencyConflict, "another request")
	other = key
	other.Owner = "token 2"
	r, created, err := s.CreateRun(ctx, frozen(job), other)
	require.NoError(t, err)
	require.True(t, created)
	_, err = s.CancelRun(ctx, r.ID)
	require.NoError(t, err)
	require.NoError(t, s.DeleteRun(ctx, r.ID))
	_, _, err = s.CreateRun(ctx, frozen(job), other)
	refused(t, err, CodeIdempotencyConflict, "deleted")

	stale := frozen(job)
	stale.Job.Version = 99
	_, _, err = s.CreateRun(ctx, stale, etl.IdempotencyKey{})
	refused(t, err, CodeNotFound, "version")
	require.NoError(t, s.Sweep(ctx, -time.Second))
	_, created, err = s.CreateRun(ctx, frozen(job), key)
	require.NoError(t, err)
	require.True(t, created, "the key has been swept")
}

func TestRunsArePaged(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	a, b := newJob(t, s), newJob(t, s)
	var want []int64
	for i := range 7 {
		r := newRun(t, s, a)
		want = append([]int64{r.ID}, want...)
		if i%2 == 0 {
			newRun(t, s, b)
		}
	}
	var got []int64
	filter, page := etl.RunFilter{JobID: a.ID, Status: etl.Pending}, etl.Page{Limit: 3}
	for {
		l, err := s.Runs(ctx, filter, page)
		require.NoError(t, err)
		for _, r := range l.Items {
			got = append(got, r.ID)
		}
		newRun(t, s, a) // must not shift the pages
		if l.Next == "" {
			break
		}
		_, err = s.Runs(ctx, etl.RunFilter{JobID: b.ID}, etl.Page{Cursor: l.Next})
		refused(t, err, CodeBadCursor)
		page.Cursor = l.Next
	}
	require.Equal(t, want, got)
	r, err := s.Run(ctx, got[0])
	require.NoError(t, err)
	byLoad, err := s.RunByLoad(ctx, r.LoadID)
	require.NoError(t, err)
	require.Equal(t, r, byLoad)
	_, err = s.RunByLoad(ctx, "none\x00such")
	refused(t, err, CodeNotFound)
}

func TestReleaseLeavesALoadedChunk(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := loading(t, s, 2)
	c, err := s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	require.NoError(t, err)
	_, err = s.ChunkLoaded(ctx, ref(r, c), etl.Counts{Read: 10, Loaded: 10}, nil)
	require.NoError(t, err)
	before, err := s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.NoError(t, s.ChunkReleased(ctx, ref(r, c), nil))
	after, err := s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, before, after)
	list, err := s.Chunks(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, etl.ChunkLoaded, list[0].State)
}
