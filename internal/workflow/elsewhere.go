package workflow

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// What a published row costs the destination, as BenchmarkPublish of
// internal/destination measures it; docs/publishing.md has the figures. A
// database of a customer's has other work besides, and slower discs.
const (
	insertRow  = 2 * time.Microsecond
	upsertRow  = 15 * time.Microsecond
	publishMiB = 16 * time.Millisecond
	// caution is by how much a destination may be slower than the one measured.
	caution = 2
)

const (
	// taskStart is how long a task may take until its first sign of life: a
	// container is placed, its image fetched.
	taskStart = 5 * time.Minute
	// handOverFor bounds the handing over of a run whose handler's time is up.
	handOverFor = 5 * time.Second
)

// PublishEstimate is how long it may take to publish so many rows from a stage
// into their table, of a file of so many bytes.
func PublishEstimate(strategy etl.Strategy, rows, bytes int64) time.Duration {
	row := insertRow
	if strategy == etl.Upsert {
		row = upsertRow
	}
	wide := time.Duration(bytes>>20) * publishMiB
	return caution * max(time.Duration(rows)*row, wide)
}

// takesLong says whether a run is to be published by a task, and how long that may take.
func (s *Steps) takesLong(run *etl.Run, sum etl.Counts) (time.Duration, bool) {
	if s.Tasks == nil || run.Path != PathFanOut {
		return 0, false
	}
	bytes := run.BytesTotal
	if sum.Read > 0 {
		bytes = int64(float64(bytes) * float64(sum.Loaded) / float64(sum.Read))
	}
	expected := PublishEstimate(run.Job.Strategy, sum.Loaded, bytes)
	return expected, expected > or(s.LongPublish, DefaultLongPublish)
}

// handOver starts a task that publishes a run, unless one is at it. Should the
// task end without having published, its signs of life do too, the reconciler
// finds the run stalled, and its message starts another.
func (s *Steps) handOver(ctx context.Context, run *etl.Run, why string) error {
	held, err := s.Store.HoldRun(ctx, run.ID, run.Attempt, taskStart)
	if err != nil {
		return s.settle(ctx, run, err)
	}
	if !held {
		return nil
	}
	if err := etl.Reached(ctx, "before the task"); err != nil {
		return err
	}
	if err := s.Tasks.Finalize(ctx, run.ID, run.Attempt); err != nil {
		s.letGo(ctx, run)
		if ctx.Err() != nil {
			return &etl.RetryAfter{Reason: "the process is told to stop"}
		}
		// Not even a mistake in the tasks' settings fails the run: whether its
		// rows are published is the destination's to say.
		s.say(ctx, "warn", run.ID, nil, "no task could be started to publish: %s; it will be tried again", shown(err).Error())
		return err
	}
	s.info(ctx, run.ID, "%s: a task of its own publishes", why)
	return nil
}

// letGo ends the hold on a run, so that the next message about it finds it free.
func (s *Steps) letGo(ctx context.Context, run *etl.Run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	if err := s.Store.KeepRun(ctx, run.ID, run.Attempt, 0); err != nil {
		s.log().Warn("a run is held for longer than needed", "run", run.ID, "error", err)
	}
}

// outOfTime hands a run over whose publishing was cut off by its handler's end;
// ok is false where that is not what happened.
func (s *Steps) outOfTime(ctx context.Context, run *etl.Run) (ok bool, err error) {
	if s.Tasks == nil || run.Path != PathFanOut || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverFor)
	defer cancel()
	return true, s.handOver(ctx, run, "publishing takes longer than a handler of messages may")
}

// Finalize publishes a run whose chunks are all loaded, with no limit of time:
// what Steps.Tasks starts comes here. It gives the run as it is afterwards,
// which may be COMPLETED or FAILED; RUNNING in phase publish where another
// process publishes it at this moment, or in phase load where the destination
// has lost chunks, which are loaded again. attempt 0 is the run's own.
//
// Errors: not_found; stale_attempt where the run is at another attempt;
// run_state where it is not loaded yet; *etl.RetryAfter while another load is
// published into the table; Weather. It may be repeated, also at the same time:
// the load's lock and marker let one publish, and the others find it done.
func (s *Steps) Finalize(ctx context.Context, runID int64, attempt int) (etl.Run, error) {
	run, err := s.Store.Run(ctx, runID)
	if err != nil {
		return run, err
	}
	switch {
	case attempt != 0 && attempt != run.Attempt:
		return run, etl.Mistakef("stale_attempt", "Leave it to the newer attempt.", "attempt %d of run %d is over: it is at attempt %d", attempt, runID, run.Attempt)
	case run.Status.Final():
		return run, nil
	case run.Status != etl.Running || run.Phase == etl.PhasePlan || run.ChunksDone < run.ChunksTotal:
		return run, etl.Mistakef("run_state", "Wait until they are; the portal publishes it then by itself.", "run %d is %s: %d of %d chunks are loaded", runID, run.Status, run.ChunksDone, run.ChunksTotal)
	}
	stop := s.signOfLife(ctx, &run)
	err = s.guard(func(ctx context.Context, m etl.Message) error { return s.publishRun(ctx, m, false) })(ctx, etl.Message{Topic: etl.TopicFinalize, RunID: runID, Attempt: run.Attempt})
	stop()
	if err != nil {
		return run, err
	}
	return s.Store.Run(ctx, runID)
}

// signOfLife keeps the reconciler from starting another process for a run as
// long as this one lives, until stop is called.
func (s *Steps) signOfLife(ctx context.Context, run *etl.Run) (stop func()) {
	beat := func() {
		if err := s.Store.KeepRun(ctx, run.ID, run.Attempt, s.hold()); err != nil && ctx.Err() == nil {
			s.log().Warn("a run's publisher could not give a sign of life", "run", run.ID, "error", err)
		}
	}
	beat()
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(s.hold() / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				beat()
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
		s.letGo(ctx, run)
	}
}
