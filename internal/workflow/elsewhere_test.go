package workflow_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// taskList notes the tasks that are started.
type taskList struct {
	mu      sync.Mutex
	started []etl.Message
	err     error
}

func (l *taskList) Finalize(_ context.Context, runID int64, attempt int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.started = append(l.started, etl.Message{RunID: runID, Attempt: attempt})
	return nil
}

func (l *taskList) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.started)
}

func (l *taskList) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// elsewhere is a bench on which every publish is a long one, with a run whose
// chunks are loaded and whose message to publish has been handled.
func elsewhere(t *testing.T) (*bench, *taskList, etl.Run) {
	t.Helper()
	b := newBench(t, salesTable)
	tasks := &taskList{}
	b.steps.Tasks, b.steps.LongPublish = tasks, time.Nanosecond
	return b, tasks, b.loaded()
}

// loaded executes a job and handles messages until there are none.
func (b *bench) loaded() etl.Run {
	b.Helper()
	b.exec("DROP TABLE sales; " + salesTable)
	src := b.upload("sales.csv", sales(6000, func(i int) bool { return i == 7 }))
	j := etl.Job{Table: "sales", Mapping: etl.Mapping{OnBadRow: etl.BadRowPolicy{Mode: "skip"}}}
	run := b.execute(b.job(src, j))
	b.queue.serve(b.T, b.steps)
	return b.run(run.ID)
}

// nudge is what the reconciler finds and does, with no patience at all.
func (b *bench) nudge(run etl.Run) {
	b.Helper()
	stalled, err := b.store.Stalled(b.Context(), 0)
	require.NoError(b, err)
	for _, x := range stalled {
		if x.Message.RunID == run.ID {
			require.NoError(b, b.queue.Send(b.Context(), 0, x.Message))
		}
	}
	b.queue.serve(b.T, b.steps)
}

func TestPublishElsewhere(t *testing.T) {
	b, tasks, run := elsewhere(t)
	require.Equal(t, etl.PhasePublish, run.Phase, b.log(run.ID))
	require.Equal(t, []etl.Message{{RunID: run.ID, Attempt: 1}}, tasks.started)
	require.Contains(t, b.log(run.ID), "a task of its own publishes")
	b.want("SELECT count(*)::text FROM sales", "0")

	// The message again, and the reconciler, find that a task is on its way.
	require.NoError(t, b.queue.Send(t.Context(), 0, etl.Message{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: 1}))
	b.queue.serve(t, b.steps)
	b.nudge(run)
	require.Equal(t, 1, tasks.count())
	_, err := b.steps.Cancel(t.Context(), run.ID)
	require.Error(t, err, "publishing is not cancelled")

	done, err := b.steps.Finalize(t.Context(), run.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.Completed, done.Status)
	require.Equal(t, etl.Counts{Read: 6000, Loaded: 5999, Inserted: 5999, Rejected: 1}, done.Counts)
	for range 2 {
		again, err := b.steps.Finalize(t.Context(), run.ID, 0)
		require.NoError(t, err)
		require.Equal(t, done, again, "a second task finds it done")
	}
	b.want("SELECT count(*)::text FROM sales", "5999")
}

// A task that is killed in the middle of publishing leaves nothing; another one
// is started once it gives no sign of life, and not before.
func TestTaskKilledWhilePublishing(t *testing.T) {
	b, tasks, run := elsewhere(t)
	killed := errors.New("killed")
	ctx := etl.WithFaults(t.Context(), func(step string) error {
		if step != "mid-publish" {
			return nil
		}
		// It lives: neither the message nor the reconciler starts another.
		require.NoError(t, b.steps.Handlers()[etl.TopicFinalize](t.Context(), etl.Message{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: 1}))
		b.nudge(run)
		require.Equal(t, 1, tasks.count())
		return killed
	})
	_, err := b.steps.Finalize(ctx, run.ID, 1)
	require.ErrorIs(t, err, killed)
	require.Equal(t, etl.PhasePublish, b.run(run.ID).Phase)
	b.want("SELECT count(*)::text FROM sales", "0")

	b.nudge(run)
	require.Equal(t, 2, tasks.count(), "another task")
	done, err := b.steps.Finalize(t.Context(), run.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.Completed, done.Status)
	b.want("SELECT count(*)::text FROM sales", "5999")
}

// A task that dies after its COMMIT and before its report is followed by one
// that finds the marker.
func TestTaskKilledAfterPublishing(t *testing.T) {
	b, _, run := elsewhere(t)
	killed := errors.New("killed")
	ctx := etl.WithFaults(t.Context(), func(step string) error {
		if step == "after the publishing commit" {
			return killed
		}
		return nil
	})
	_, err := b.steps.Finalize(ctx, run.ID, 1)
	require.ErrorIs(t, err, killed)
	b.want("SELECT count(*)::text FROM sales", "5999")
	done, err := b.steps.Finalize(t.Context(), run.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.Counts{Read: 6000, Loaded: 5999, Inserted: 5999, Rejected: 1}, done.Counts)
	b.want("SELECT count(*)::text FROM sales", "5999")
}

func TestTasksAtTheSameTime(t *testing.T) {
	b, _, run := elsewhere(t)
	ends := make([]etl.Run, 4)
	var group sync.WaitGroup
	for i := range ends {
		group.Go(func() {
			var err error
			if ends[i], err = b.steps.Finalize(t.Context(), run.ID, 1); err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		})
	}
	group.Wait()
	for i := range ends {
		require.True(t, ends[i].Status == etl.Completed || ends[i].Phase == etl.PhasePublish, "%s %s", ends[i].Status, ends[i].Phase)
	}
	require.Equal(t, etl.Completed, b.run(run.ID).Status)
	b.want("SELECT count(*)::text FROM sales", "5999")
}

// Tasks that cannot be started fail no run: the message comes back, and the
// reconciler goes on.
func TestTaskCannotBeStarted(t *testing.T) {
	for name, cause := range map[string]*etl.Error{
		"weather": {Kind: etl.Weather, Code: "throttled", Message: "Fargate is busy", Fix: "Wait."},
		"mistake": {Kind: etl.Mistake, Code: "denied", Message: "ecs:RunTask is denied", Fix: "Allow it."},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, salesTable)
			run := b.loaded()
			require.Equal(t, etl.Completed, run.Status, "without tasks the handler publishes")

			b, tasks, run := elsewhere(t)
			killed := errors.New("killed")
			ctx := etl.WithFaults(t.Context(), func(step string) error {
				if step == "mid-publish" {
					return killed
				}
				return nil
			})
			_, err := b.steps.Finalize(ctx, run.ID, 1)
			require.ErrorIs(t, err, killed)
			tasks.fail(cause)
			m := etl.Message{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: 1}
			for range 3 {
				require.ErrorIs(t, b.steps.Handlers()[etl.TopicFinalize](t.Context(), m), cause)
			}
			require.NoError(t, b.steps.Dead(t.Context(), m, cause))
			require.Equal(t, etl.Running, b.run(run.ID).Status)
			require.Contains(t, b.log(run.ID), "no task could be started to publish: "+cause.Message)
			tasks.fail(nil)
			b.nudge(run)
			require.Equal(t, 2, tasks.count())
			done, err := b.steps.Finalize(t.Context(), run.ID, 1)
			require.NoError(t, err)
			require.Equal(t, etl.Completed, done.Status)
		})
	}
}

// What is not to be published is not.
func TestFinalizeRefuses(t *testing.T) {
	b := newBench(t, salesTable)
	b.steps.Tasks, b.steps.LongPublish = &taskList{}, time.Nanosecond
	_, err := b.steps.Finalize(t.Context(), 999, 0)
	require.ErrorContains(t, err, "no run 999")
	src := b.upload("sales.csv", sales(6000, nil))
	run := b.execute(b.job(src, etl.Job{Table: "sales"}))
	_, err = b.steps.Finalize(t.Context(), run.ID, 1)
	var e *etl.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, etl.Code("run_state"), e.Code)
	require.NotEmpty(t, e.Fix)
	_, err = b.steps.Finalize(t.Context(), run.ID, 2)
	require.ErrorAs(t, err, &e)
	require.Equal(t, etl.Code("stale_attempt"), e.Code)
	_, err = b.steps.Cancel(t.Context(), run.ID)
	require.NoError(t, err)
	over, err := b.steps.Finalize(t.Context(), run.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.Cancelled, over.Status)
	b.want("SELECT count(*)::text FROM sales", "0")
}

// A handler whose time runs out while it publishes hands the run over.
func TestHandlerOutOfTime(t *testing.T) {
	b := newBench(t, salesTable)
	tasks := &taskList{}
	b.steps.Tasks = tasks
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	late := &deadline{Context: ctx, over: make(chan struct{})}
	b.steps.LongPublish = time.Nanosecond
	run := b.loaded()
	require.Equal(t, 1, tasks.count())
	require.NoError(t, b.store.KeepRun(t.Context(), run.ID, 1, 0), "as where no task was started")
	b.steps.LongPublish = time.Hour
	handling := etl.WithFaults(late, func(step string) error {
		if step == "mid-publish" {
			close(late.over)
			return context.DeadlineExceeded
		}
		return nil
	})
	require.NoError(t, b.steps.Handlers()[etl.TopicFinalize](handling, etl.Message{Topic: etl.TopicFinalize, RunID: run.ID, Attempt: 1}))
	require.Equal(t, 2, tasks.count())
	require.Contains(t, b.log(run.ID), "longer than a handler of messages may")
	done, err := b.steps.Finalize(t.Context(), run.ID, 1)
	require.NoError(t, err)
	require.Equal(t, etl.Completed, done.Status)
	b.want("SELECT count(*)::text FROM sales", "5999")
}

// A chunk that is cut off by the time of its loader costs a try, so that one
// which never fits ends its run instead of going round; a process that is told
// to stop costs none.
func TestLoaderOutOfTime(t *testing.T) {
	b := newBench(t, salesTable)
	run := b.execute(b.job(b.upload("sales.csv", sales(6000, nil)), etl.Job{Table: "sales"}))
	require.NoError(t, b.steps.Handlers()[etl.TopicPlan](t.Context(), etl.Message{Topic: etl.TopicPlan, RunID: run.ID, Attempt: 1}))
	b.queue.pending = nil
	m := etl.Message{Topic: etl.TopicLoad, RunID: run.ID, Attempt: 1}
	cut := func(ctx context.Context, end func()) error {
		return b.steps.Handlers()[m.Topic](etl.WithFaults(ctx, func(step string) error {
			if step == "after the rows" {
				end()
				return ctx.Err()
			}
			return nil
		}), m)
	}
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	_, again := errors.AsType[*etl.RetryAfter](cut(stopped, stop))
	require.True(t, again, "told to stop")
	late := &deadline{Context: t.Context(), over: make(chan struct{})}
	err := cut(late, func() { close(late.over) })
	_, again = errors.AsType[*etl.RetryAfter](err)
	require.False(t, again)
	e, _ := errors.AsType[*etl.Error](err)
	require.NotNil(t, e)
	require.Equal(t, etl.Weather, e.Kind)
	require.Equal(t, etl.Code("out_of_time"), e.Code)
	require.Contains(t, b.log(run.ID), "were not loaded in the time that a loader has")
	require.NoError(t, b.steps.Handlers()[m.Topic](t.Context(), m), "the chunk was given back")
}

// deadline is a context whose time is up when over is closed.
type deadline struct {
	context.Context

	over chan struct{}
}

func (d *deadline) Done() <-chan struct{} { return d.over }

func (d *deadline) Err() error {
	select {
	case <-d.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestPublishEstimate(t *testing.T) {
	for _, c := range []struct {
		strategy    etl.Strategy
		rows, bytes int64
		long        bool
	}{
		{etl.Insert, 100_000_000, 13 << 30, false},
		{etl.TruncateInsert, 160_000_000, 13 << 30, true},
		{etl.Insert, 1000, 30 << 30, true}, // few, and huge
		{etl.Upsert, 10_000_000, 1 << 30, false},
		{etl.Upsert, 25_000_000, 3 << 30, true},
		{etl.Upsert, 0, 0, false},
	} {
		got := workflow.PublishEstimate(c.strategy, c.rows, c.bytes)
		require.Equal(t, c.long, got > workflow.DefaultLongPublish, "%s of %d rows: %s", c.strategy, c.rows, got)
	}
}
