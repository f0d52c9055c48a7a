package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// follow reads a run after each signal until it has ended, and gives the last
// state; its Seq never falls on the way.
func follow(ctx context.Context, t *testing.T, s *Store, id int64, begun func()) etl.Run {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last etl.Run
	for range s.Watch(ctx, id) {
		r, err := s.Run(ctx, id)
		if err != nil {
			t.Error(err)
			return last
		}
		if r.Seq < last.Seq {
			t.Errorf("run %d went back from %d to %d", id, last.Seq, r.Seq)
		}
		last = r
		begun()
		if r.Status.Final() {
			return r
		}
	}
	t.Errorf("the watch of run %d ended before the run", id)
	return last
}

func TestNoWatcherMissesTheEnd(t *testing.T) {
	const runs, watchers = 10, 200
	s, ctx := open(t, Options{}), t.Context()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	job := newJob(t, s)
	list := make([]etl.Run, runs)
	for i := range list {
		list[i] = newRun(t, s, job)
	}
	var wait, begun sync.WaitGroup
	begun.Add(watchers)
	for i := range watchers {
		wait.Go(func() {
			r := follow(ctx, t, s, list[i%runs].ID, sync.OnceFunc(begun.Done))
			if !r.Status.Final() {
				t.Errorf("watcher %d last saw %s", i, r.Status)
			}
		})
	}
	// Half of the runs move while the watchers are still arriving.
	move := func(list []etl.Run) {
		for _, r := range list {
			_, err := s.StartRun(ctx, r.ID, 1)
			require.NoError(t, err)
			_, err = s.PlanRun(ctx, r.ID, 1, "direct", chunks(1))
			require.NoError(t, err)
			load(t, s, r, 0)
			_, err = s.BeginPublish(ctx, r.ID, 1)
			require.NoError(t, err)
			_, err = s.CompleteRun(ctx, r.ID, 1, etl.Counts{Read: 10, Loaded: 10, Inserted: 10}, nil)
			require.NoError(t, err)
		}
	}
	move(list[:runs/2])
	begun.Wait()
	move(list[runs/2:])
	wait.Wait()
	require.Eventually(t, func() bool {
		s.watch.mu.Lock()
		defer s.watch.mu.Unlock()
		return len(s.watch.watches) == 0
	}, 10*time.Second, time.Millisecond, "watches that have ended are forgotten")
}

// next waits for a signal.
func next(t *testing.T, signals <-chan struct{}) bool {
	t.Helper()
	select {
	case _, ok := <-signals:
		return ok
	case <-time.After(30 * time.Second):
		t.Fatal("no signal")
		return false
	}
}

func TestWatchOutlivesItsConnection(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	r := newRun(t, s, newJob(t, s))
	signals, every := s.Watch(ctx, r.ID), s.Watch(ctx, 0)
	require.True(t, next(t, signals), "at once")
	// listening waits for the n-th time that the process began to listen.
	listening := func(n int) {
		require.Eventually(t, func() bool {
			s.watch.mu.Lock()
			defer s.watch.mu.Unlock()
			return s.watch.sessions == n
		}, 30*time.Second, time.Millisecond)
	}
	listening(1)
	drain(signals)
	var killed bool
	require.NoError(t, s.pool.QueryRow(ctx, `
		SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query = 'LISTEN etlportal_runs' AND datname = current_database()`).Scan(&killed))
	require.True(t, killed)
	// Whatever was missed, the new connection makes a signal after which a reader sees all.
	_, err := s.StartRun(ctx, r.ID, 1)
	require.NoError(t, err)
	listening(2)
	require.True(t, next(t, signals))

	drain(signals)
	drain(every)
	require.NoError(t, s.AppendLog(ctx, etl.LogEntry{RunID: r.ID, Message: "a log entry is news too"}))
	require.True(t, next(t, signals))
	require.True(t, next(t, every))
	_, err = s.CancelRun(ctx, r.ID)
	require.NoError(t, err)
	require.True(t, next(t, signals))
	drain(signals)
	require.NoError(t, s.DeleteRun(ctx, r.ID))
	require.True(t, next(t, signals))

	ended, cancel := context.WithCancel(ctx)
	third := s.Watch(ended, r.ID)
	cancel()
	for next(t, third) {
	}
	s.Close()
	for next(t, signals) {
	}
	closed := s.Watch(ctx, r.ID)
	require.True(t, next(t, closed))
	require.False(t, next(t, closed))
	s.Close()
}

func drain(signals <-chan struct{}) {
	select {
	case <-signals:
	default:
	}
}

func TestDatabaseRestarts(t *testing.T) {
	server := etltest.PostgresServer(t, map[string]string{"synchronous_commit": "on"})
	ctx := t.Context()
	require.NoError(t, MigrateUp(ctx, server.URL))
	s, err := Open(ctx, server.URL, Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	r := newRun(t, s, newJob(t, s))
	signals := s.Watch(ctx, r.ID)
	require.True(t, next(t, signals))
	server.Kill()
	_, err = s.Run(ctx, r.ID)
	require.Equal(t, etl.Weather, etl.KindOf(err), "%v", err)
	require.Equal(t, CodeUnavailable, codeOf(err))
	require.Equal(t, etl.Weather, etl.KindOf(s.Ready(ctx)))
	server.Start()
	for {
		// Connections that died without a word are found out one by one.
		started, err := s.StartRun(ctx, r.ID, 1)
		if err == nil {
			require.Equal(t, etl.Running, started.Status)
			break
		}
		require.Equal(t, etl.Weather, etl.KindOf(err), "%v", err)
	}
	require.True(t, next(t, signals), "the watch has found back")
}

func TestStalled(t *testing.T) {
	c := newClock()
	s, ctx := open(t, Options{Now: c.Now}), t.Context()
	const after = time.Minute
	stalled := func() map[etl.Message]int {
		t.Helper()
		list, err := s.Stalled(ctx, after)
		require.NoError(t, err)
		found := map[etl.Message]int{}
		for _, f := range list {
			require.False(t, f.Since.After(c.Now().Add(-after)))
			found[f.Message] = f.Tries
		}
		require.Len(t, found, len(list))
		return found
	}
	r := loading(t, s, 3)
	file := etl.Message{Topic: etl.TopicInspect, FileID: r.FileID}
	require.Empty(t, stalled())
	c.pass(59 * time.Second)
	require.Empty(t, stalled())
	require.NoError(t, s.SourceProgress(ctx, r.FileID, 1))
	c.pass(time.Second)
	chunk := func(n int) etl.Message {
		return etl.Message{Topic: etl.TopicLoad, RunID: r.ID, Chunk: n, Attempt: 1}
	}
	require.Equal(t, map[etl.Message]int{chunk(0): 1, chunk(1): 1, chunk(2): 1}, stalled())
	require.Empty(t, stalled(), "it has been said")
	c.pass(after)
	require.Equal(t, map[etl.Message]int{file: 1, chunk(0): 2, chunk(1): 2, chunk(2): 2}, stalled())

	// A loader is at work on 0, one has died on 1, and 2 is queued behind them.
	zero, err := s.ClaimChunk(ctx, r.ID, 0, 1, 0)
	require.NoError(t, err)
	_, err = s.ClaimChunk(ctx, r.ID, 1, 1, 0)
	require.NoError(t, err)
	c.pass(after)
	require.NoError(t, s.ChunkProgress(ctx, ref(r, zero), 10, 1))
	require.Equal(t, map[etl.Message]int{file: 2, chunk(1): 3}, stalled())

	src, err := s.Source(ctx, r.FileID)
	require.NoError(t, err)
	src.State = etl.SourceComplete
	_, err = s.UpdateSource(ctx, src)
	require.NoError(t, err)
	load(t, s, r, 2)
	_, err = s.ChunkLoaded(ctx, ref(r, zero), etl.Counts{}, nil)
	require.NoError(t, err)
	one, err := s.ClaimChunk(ctx, r.ID, 1, 1, 0)
	require.NoError(t, err)
	_, err = s.ChunkLoaded(ctx, ref(r, one), etl.Counts{}, nil)
	require.NoError(t, err)
	c.pass(after)
	finalize := etl.Message{Topic: etl.TopicFinalize, RunID: r.ID, Attempt: 1}
	require.Equal(t, map[etl.Message]int{finalize: 1}, stalled(), "all loaded, and nobody finalizes")
	before, err := s.Run(ctx, r.ID)
	require.NoError(t, err)
	_, err = s.BeginPublish(ctx, r.ID, 1)
	require.NoError(t, err)
	c.pass(after)
	require.Equal(t, map[etl.Message]int{finalize: 1}, stalled(), "counted anew after a move")
	published, err := s.Run(ctx, r.ID)
	require.NoError(t, err)
	require.Equal(t, before.Seq+1, published.Seq, "being named is no change")
	r, err = s.FailRun(ctx, r.ID, 1, nil, nil)
	require.NoError(t, err)
	c.pass(after)
	require.Empty(t, stalled())
	r, err = s.RetryRun(ctx, r.ID)
	require.NoError(t, err)
	c.pass(after)
	plan := etl.Message{Topic: etl.TopicPlan, RunID: r.ID, Attempt: 2}
	require.Equal(t, map[etl.Message]int{plan: 1}, stalled())
	_, err = s.StartRun(ctx, r.ID, 2)
	require.NoError(t, err)
	other := newRun(t, s, r.Job)
	_, err = s.StartRun(ctx, other.ID, 1)
	require.NoError(t, err)
	c.pass(after)
	require.Equal(t, map[etl.Message]int{{Topic: etl.TopicFinalize, RunID: r.ID, Attempt: 2}: 1, {Topic: etl.TopicPlan, RunID: other.ID, Attempt: 1}: 1}, stalled())
}

func TestStalledSpeaksToOneOfMany(t *testing.T) {
	c := newClock()
	s, ctx := open(t, Options{Now: c.Now}), t.Context()
	loading(t, s, 300)
	c.pass(time.Hour)
	var (
		mu    sync.Mutex
		times = map[etl.Message]int{}
		wait  sync.WaitGroup
	)
	for range 4 {
		wait.Go(func() {
			list, err := s.Stalled(ctx, time.Minute)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, f := range list {
				times[f.Message]++
			}
		})
	}
	wait.Wait()
	require.Greater(t, len(times), 256)
	for m, n := range times {
		require.Equal(t, 1, n, m)
	}
}
