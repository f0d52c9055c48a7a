package workflow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
)

// keptRejects bounds the bytes of bad rows that are kept of one chunk, and of
// those that the database refused of one run; those beyond are counted only.
const keptRejects = 32 << 20

// loadChunk loads one chunk of a run: claim, rows, report. The last one sends
// the run to be published.
func (s *Steps) loadChunk(ctx context.Context, m etl.Message) error {
	run, ok, err := s.current(ctx, m)
	if err != nil || !ok || run.Status != etl.Running || run.Phase != etl.PhaseLoad {
		return err
	}
	if m.Chunk < 0 || m.Chunk >= run.ChunksTotal {
		// Somebody's message for another run must not end this one.
		s.log().Warn("a message is dropped: its run has no such chunk", "run", run.ID, "chunk", m.Chunk, "chunks", run.ChunksTotal)
		return nil
	}
	cred, err := s.Store.Credential(ctx, run.Job.CredentialID)
	if err != nil {
		return err
	}
	holder := fmt.Sprintf("%s run %d chunk %d delivery %d", or(s.Holder, "etlportal"), run.ID, m.Chunk, s.deliveries.Add(1))
	lease, err := s.Store.AcquireLease(ctx, cred.ID, holder, max(1, cred.MaxParallel), s.hold())
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Store.ReleaseLease(context.WithoutCancel(ctx), lease); err != nil {
			s.log().Warn("a lease is left to expire", "run", run.ID, "chunk", m.Chunk, "error", err)
		}
	}()
	chunk, err := s.Store.ClaimChunk(ctx, run.ID, m.Chunk, run.Attempt, s.hold())
	if _, done := errors.AsType[*etl.ChunkDone](err); done {
		return s.finishIfLast(ctx, run.ID, run.Attempt)
	}
	if err != nil {
		return s.settle(ctx, &run, err)
	}
	l := &loading{
		s: s, run: &run, chunk: chunk, lease: lease,
		ref: etl.ChunkRef{RunID: run.ID, Number: chunk.Number, RunAttempt: run.Attempt, Attempt: chunk.Attempt},
	}
	defer l.forget()
	return l.handle(ctx)
}

// finishIfLast sends a run to be published whose last chunk was reported by
// somebody who may not have come to it.
func (s *Steps) finishIfLast(ctx context.Context, runID int64, attempt int) error {
	run, ok, err := s.current(ctx, etl.Message{RunID: runID, Attempt: attempt})
	if err != nil || !ok || run.ChunksDone < run.ChunksTotal {
		return err
	}
	return s.Queue.Send(ctx, 0, etl.Message{Topic: etl.TopicFinalize, RunID: runID, Attempt: attempt})
}

// loading is one claim of a chunk.
type loading struct {
	s     *Steps
	run   *etl.Run
	chunk etl.Chunk
	ref   etl.ChunkRef
	lease etl.Lease
	work  *work

	// progress is that of the reading under way.
	progress atomic.Pointer[load.Progress]
	// rejects are the chunk's bad rows as far as they are kept.
	rejects *etl.Rejects
	bytes   int64
	// session is the transaction under way.
	session etl.LoadSession
	// quiet ends the signs of life: from the report on they would be refused.
	quiet atomic.Bool
	// reported says that the chunk was, before its rows are committed, which
	// direct loads do; committing that COMMIT was or is being sent.
	reported, committing bool
}

// errOutrun ends the work on a chunk whose claim or lease is over.
var errOutrun = &etl.RetryAfter{Delay: time.Second, Reason: "the chunk or the right to load it went to another loader"}

func (l *loading) handle(ctx context.Context) error {
	if err := etl.Reached(ctx, "after the chunk's claim"); err != nil {
		return err
	}
	l.progress.Store(&load.Progress{})
	work, cancel := context.WithCancelCause(ctx)
	var beat sync.WaitGroup
	beat.Go(func() { l.heartbeat(work, cancel) })
	err := l.safely(work)
	cause := context.Cause(work)
	cancel(nil)
	beat.Wait()
	if err == nil {
		return nil
	}
	if cause != nil && ctx.Err() == nil {
		err = cause
	}
	return l.settle(ctx, err)
}

// safely turns a panic into an error, so that the chunk is given back and not
// held until its claim runs out.
func (l *loading) safely(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if l.session != nil {
				err = l.session.Abort(ctx)
			}
			err = errors.Join(err, l.s.panicked(etl.Message{Topic: etl.TopicLoad, RunID: l.run.ID, Chunk: l.chunk.Number}, p))
		}
	}()
	return l.load(ctx)
}

// heartbeat shows signs of life until ctx ends, and ends the work where the
// claim or the lease is over.
func (l *loading) heartbeat(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(l.s.hold() / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		rows := l.progress.Load().RowsRead.Load()
		var read int64
		if n := l.chunk.Span.Rows; n > 0 {
			read = int64(float64(rows) / float64(n) * float64(l.chunk.Span.End-l.chunk.Span.Start))
		}
		_, lost := l.s.Store.RenewLease(ctx, l.lease, l.s.hold())
		if l.quiet.Load() {
			continue
		}
		err := l.s.Store.ChunkProgress(ctx, l.ref, min(read, l.chunk.Span.End-l.chunk.Span.Start), rows)
		switch {
		case l.quiet.Load():
		case outrun(err):
			stop(err)
			return
		case codeOf(lost) == "lease_lost":
			stop(errOutrun)
			return
		}
	}
}

// settle says what becomes of a chunk that was not loaded.
func (l *loading) settle(ctx context.Context, err error) error {
	rest := context.WithoutCancel(ctx)
	if outrun(err) {
		return nil
	}
	release := func(cause *etl.Error) error {
		if l.reported {
			return l.takeBack(rest)
		}
		if err := l.s.Store.ChunkReleased(rest, l.ref, cause); err != nil && !outrun(err) {
			return err
		}
		return nil
	}
	if later, ok := errors.AsType[*etl.RetryAfter](err); ok {
		return errors.Join(later, release(nil))
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		// This counts as a try: a chunk begins anew each time, and one that never
		// fits would go round for ever.
		err = &etl.Error{
			Kind: etl.Weather, Code: "out_of_time", Err: err,
			Message: fmt.Sprintf("the %d bytes of the chunk were not loaded in the time that a loader has", l.chunk.Span.End-l.chunk.Span.Start),
			Fix:     "If it happens again and again, make chunks smaller (batch_size of the job, ETLPORTAL_CHUNK_SIZE), or see what slows the database down.",
		}
	case ctx.Err() != nil:
		return errors.Join(&etl.RetryAfter{Reason: "the process is told to stop"}, release(nil))
	}
	if l.s.over(ctx, l.run, err) {
		return nil
	}
	if codeOf(err) == "load_gone" {
		return l.rebuild(ctx, release)
	}
	if needs, ok := errors.AsType[*etl.NeedsExplain](err); ok {
		err = needs.Err
	}
	e, known := errors.AsType[*etl.Error](err)
	if known && (e.Kind == etl.Mistake || e.Kind == etl.Refused || isDefect(e.Code)) {
		if !l.reported {
			if err := l.s.Store.ChunkFailed(rest, l.ref, l.seen(), e); err != nil && !outrun(err) {
				return err
			}
		}
		l.s.say(ctx, "error", l.run.ID, &l.chunk.Number, "chunk %d of %d failed: %s", l.chunk.Number+1, l.run.ChunksTotal, e.Message)
		rejects := l.rejects
		if l.reported {
			rejects = nil // they were reported with the chunk
		}
		if refused, ok := errors.AsType[*etl.RowsRefused](err); ok {
			defer func() { _ = refused.Rows.Close() }()
			found := l.s.findRefused(ctx, l.work, []etl.Chunk{l.chunk}, refused.Rows)
			defer func() { _ = found.Close() }()
			if rejects == nil {
				rejects = found
			} else if err := rejects.AddAll(found); err != nil {
				return err
			}
		}
		return l.s.fail(ctx, l.run, err, rejects)
	}
	l.s.say(ctx, "warn", l.run.ID, &l.chunk.Number, "chunk %d of %d, try %d: %s", l.chunk.Number+1, l.run.ChunksTotal, l.chunk.Attempt, shown(err).Message)
	return errors.Join(err, release(shown(err)))
}

// seen are the rows that were met until now.
func (l *loading) seen() etl.Counts {
	p := l.progress.Load()
	return etl.Counts{Read: p.RowsRead.Load(), Filtered: p.RowsFiltered.Load(), Rejected: p.RowsRejected.Load()}
}

// takeBack takes back the report of a direct load that was rolled back. Where
// COMMIT was sent, its outcome is found out by the finalizer instead.
func (l *loading) takeBack(ctx context.Context) error {
	if l.committing {
		return nil
	}
	if _, err := l.s.Store.ReopenChunks(ctx, l.run.ID, l.run.Attempt, []int{l.chunk.Number}); err != nil && !outrun(err) {
		return err
	}
	return nil
}

// rebuild makes the stage anew of a run that goes on without it: it was swept
// between a failure and a retry, or an administrator dropped it.
func (l *loading) rebuild(ctx context.Context, release func(*etl.Error) error) error {
	if err := release(nil); err != nil {
		return err
	}
	if run, err := l.s.Store.Run(ctx, l.run.ID); err != nil || run.Status.Final() {
		return err
	}
	if err := l.work.dest.Prepare(ctx, l.run.LoadID, l.work.spec); err != nil {
		return l.s.settle(ctx, l.run, err)
	}
	l.s.say(ctx, "warn", l.run.ID, nil, "the staged rows were gone; they are loaded again")
	return &etl.RetryAfter{Delay: 100 * time.Millisecond, Reason: "the stage was made anew"}
}

func (l *loading) load(ctx context.Context) (err error) {
	if l.work, err = l.s.prepare(ctx, l.run); err != nil {
		return err
	}
	if l.run.Path == PathDirect {
		return l.direct(ctx)
	}
	counts, err := l.stage(ctx)
	if err != nil {
		return err
	}
	if err := etl.Reached(ctx, "before the report"); err != nil {
		return err
	}
	l.quiet.Store(true)
	remaining, err := l.s.Store.ChunkLoaded(ctx, l.ref, counts, l.rejects, l.entry(counts))
	if err != nil {
		return err
	}
	l.reported, l.committing = true, true
	if remaining > 0 {
		return l.judge(ctx, counts)
	}
	if err := etl.Reached(ctx, "after the last report"); err != nil {
		return err
	}
	return l.s.Queue.Send(ctx, 0, etl.Message{Topic: etl.TopicFinalize, RunID: l.run.ID, Attempt: l.run.Attempt})
}

// judge stops a run early that has more bad rows already than it may have.
func (l *loading) judge(ctx context.Context, counts etl.Counts) error {
	p := l.run.Job.Mapping.OnBadRow
	if counts.Rejected == 0 || p.MaxRows == nil {
		return nil
	}
	run, err := l.s.Store.Run(ctx, l.run.ID)
	if err != nil {
		return err
	}
	run.Job.Mapping.OnBadRow.MaxRatio = nil // a share is known at the end only
	return judge(&run, run.Counts, 0)
}

// entry is what the run's log says of the loaded chunk.
func (l *loading) entry(c etl.Counts) etl.LogEntry {
	text := fmt.Sprintf("chunk %d of %d: %s read", l.chunk.Number+1, l.run.ChunksTotal, count(c.Read, "row"))
	if c.Filtered > 0 {
		text += fmt.Sprintf(", %d filtered out", c.Filtered)
	}
	if c.Rejected > 0 {
		text += fmt.Sprintf(", %d bad", c.Rejected)
	}
	if lost := c.Rejected - l.rejects.Len(); lost > 0 {
		text += fmt.Sprintf(" (%d of them beyond what is kept)", lost)
	}
	return etl.LogEntry{RunID: l.run.ID, Level: "info", Chunk: &l.chunk.Number, Message: text}
}

// config is how the chunk's rows are read and judged. Bounds on the number of
// bad rows are the run's, so that the chunk alone can only break the absolute one.
func (l *loading) config() load.Config {
	policy := l.run.Job.Mapping.OnBadRow
	if l.run.Path != PathDirect {
		policy.MaxRatio = nil
	}
	l.progress.Store(&load.Progress{})
	return load.Config{
		Program: l.work.program, Names: l.work.names, Policy: policy, OnReject: l.keep, Parallel: l.s.Parallel, Progress: l.progress.Load(),
	}
}

func (l *loading) keep(r *etl.Reject) error {
	if l.bytes += r.Bytes(); l.bytes > keptRejects {
		return nil
	}
	if l.rejects == nil {
		l.rejects = &etl.Rejects{}
	}
	return l.rejects.Add(r)
}

// forget lets go of the bad rows.
func (l *loading) forget() {
	_ = l.rejects.Close()
	l.rejects, l.bytes = nil, 0
}

func (l *loading) parts() []load.Part {
	return []load.Part{{Open: func(ctx context.Context) (*csv.Reader, func() error, error) { return l.work.open(ctx, l.chunk.Span) }}}
}

// stage loads the chunk into the run's stage.
func (l *loading) stage(ctx context.Context) (etl.Counts, error) {
	cfg := l.config()
	cfg.BeforePublish = func() error {
		if counting, ok := l.session.(etl.Counting); ok {
			counting.Count(etl.Counts{Filtered: cfg.Progress.RowsFiltered.Load(), Rejected: cfg.Progress.RowsRejected.Load()})
		}
		return nil
	}
	result, err := load.Run(ctx, target{l.work.dest, l}, l.work.spec, l.parts(), cfg)
	if done, ok := errors.AsType[*etl.ChunkDone](err); ok {
		return l.again(ctx, done.Counts)
	}
	if err != nil {
		return etl.Counts{}, err
	}
	c := result.Counts
	// Nothing is in the table yet: what is inserted and what updated, publishing tells.
	return etl.Counts{Read: c.Read, Loaded: c.Inserted, Filtered: c.Filtered, Rejected: c.Rejected}, nil
}

// again tells what a chunk held that an earlier loader staged without living to
// report it. Its bad rows are in the file only.
func (l *loading) again(ctx context.Context, counts etl.Counts) (etl.Counts, error) {
	l.forget()
	if counts.Rejected == 0 {
		return counts, nil
	}
	cfg := l.config()
	cfg.Policy = etl.BadRowPolicy{Mode: "skip"}
	read, err := load.Run(ctx, discard{l.work.dest}, l.work.spec, l.parts(), cfg)
	if err != nil {
		return counts, err
	}
	if c := read.Counts; c.Read != counts.Read || c.Filtered != counts.Filtered || c.Rejected != counts.Rejected {
		return counts, &etl.Error{
			Kind: etl.Internal, Code: "ledger_mismatch",
			Message: fmt.Sprintf("chunk %d was read twice with different results: %+v and %+v", l.chunk.Number+1, counts, c),
		}
	}
	return counts, nil
}

// target is where load.Run puts the chunk's rows: the stage, or on the direct
// path the table itself.
type target struct {
	etl.FanOut
	l *loading
}

// Begin implements etl.Destination.
func (t target) Begin(ctx context.Context, spec etl.LoadSpec) (session etl.LoadSession, err error) {
	c := &t.l.chunk
	if t.l.run.Path == PathDirect {
		session, err = t.FanOut.Begin(ctx, spec)
	} else {
		session, err = t.BeginChunk(ctx, t.l.run.LoadID, spec, etl.ChunkClaim{Chunk: c.Number, Attempt: c.Attempt, Start: c.Span.Start, End: c.Span.End})
	}
	t.l.session = session
	return session, err
}

// discard takes rows as the destination would and keeps none.
type discard struct{ etl.FanOut }

// Begin implements etl.Destination.
func (d discard) Begin(_ context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	return &nowhere{d.FanOut, spec}, nil
}

// nowhere is the session of discard.
type nowhere struct {
	dest etl.FanOut
	spec etl.LoadSpec
}

// NewBatch implements etl.LoadSession.
func (n *nowhere) NewBatch() etl.Batch { return n.dest.NewBatch(n.spec) }

// Write implements etl.LoadSession.
func (n *nowhere) Write(_ context.Context, b etl.Batch) error {
	b.Reset()
	return nil
}

// Finish implements etl.LoadSession.
func (n *nowhere) Finish(context.Context) (etl.LoadResult, error) { return etl.LoadResult{}, nil }

// Abort implements etl.LoadSession.
func (n *nowhere) Abort(context.Context) error { return nil }
