package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
)

// The attributes of the log entry that a direct load writes before its COMMIT,
// from which another process finds out what became of it.
const (
	transactionAttribute = "destination_transaction"
	resultAttribute      = "result"
)

// direct loads the run's only chunk in one transaction of its table. The chunk
// is reported and the run made to publish after everything but the COMMIT.
func (l *loading) direct(ctx context.Context) error {
	var counts etl.Counts
	spec := l.work.spec
	spec.KeepRefused = keptRejects
	spec.BeforeCommit = func(ctx context.Context, transaction int64, result etl.LoadResult) error {
		counts = l.seen()
		counts.Loaded = counts.Read - counts.Filtered - counts.Rejected
		if err := etl.Reached(ctx, "before the report"); err != nil {
			return err
		}
		l.quiet.Store(true)
		if _, err := l.s.Store.ChunkLoaded(ctx, l.ref, counts, l.rejects, l.entry(counts)); err != nil {
			return err
		}
		l.reported = true
		if err := etl.Reached(ctx, "after the report"); err != nil {
			return err
		}
		if _, err := l.s.Store.BeginPublish(ctx, l.run.ID, l.run.Attempt); err != nil {
			return err
		}
		if err := l.witness(ctx, transaction, result); err != nil {
			return err
		}
		l.committing = true
		return etl.Reached(ctx, "mid-publish")
	}
	run := func() (load.Result, error) {
		return load.Run(ctx, target{l.work.dest, l}, spec, l.parts(), l.config())
	}
	result, err := run()
	if again, ok := errors.AsType[*etl.NeedsExplain](err); ok && !l.committing {
		l.forget()
		spec.Explain = true
		if result, err = run(); err != nil {
			if _, still := errors.AsType[*etl.NeedsExplain](err); still {
				err = again.Err
			}
		}
	}
	if err != nil {
		return err
	}
	if err := etl.Reached(ctx, "after the publishing commit"); err != nil {
		return err
	}
	chunks := []etl.Chunk{l.chunk}
	chunks[0].Counts = counts
	return l.s.complete(ctx, l.work, chunks, etl.LoadResult{
		Inserted: result.Counts.Inserted, Updated: result.Counts.Updated, Deduplicated: result.Counts.Deduplicated, Refused: result.Refused, Notes: result.Notes,
	})
}

// witness notes, before COMMIT, by what another process can find out whether
// the load was committed, and what it did. Cells are left out of it.
func (l *loading) witness(ctx context.Context, transaction int64, result etl.LoadResult) error {
	return l.s.Store.AppendLog(ctx, etl.LogEntry{
		RunID: l.run.ID, Level: "info", Message: fmt.Sprintf("committing as transaction %d of the database", transaction),
		Attributes: map[string]any{
			transactionAttribute: fmt.Sprint(transaction),
			resultAttribute:      witnessed{result, result.Refused.Len()},
		},
	})
}

// witnessed is a LoadResult whose refused rows are counted only.
type witnessed struct {
	etl.LoadResult
	RefusedRows int64 `json:"refused_rows"`
}

// finalize publishes a run whose chunks are all loaded, once, whoever and
// however many try.
func (s *Steps) finalize(ctx context.Context, m etl.Message) error { return s.publishRun(ctx, m, true) }

// publishRun is finalize; elsewhere says that what takes long goes to a task.
func (s *Steps) publishRun(ctx context.Context, m etl.Message, elsewhere bool) error {
	run, ok, err := s.current(ctx, m)
	if err != nil || !ok || run.Status != etl.Running || run.Phase == etl.PhasePlan {
		return err
	}
	if run.Phase == etl.PhaseLoad && run.ChunksDone < run.ChunksTotal {
		return nil // too early: whoever reports the last chunk sends again
	}
	chunks, err := s.Store.Chunks(ctx, run.ID)
	if err != nil {
		return s.settle(ctx, &run, err)
	}
	if err := judge(&run, total(chunks), 0); err != nil {
		return s.settle(ctx, &run, err)
	}
	if err := etl.Reached(ctx, "before publishing"); err != nil {
		return err
	}
	publishing, err := s.Store.BeginPublish(ctx, m.RunID, m.Attempt)
	if err != nil {
		return s.settle(ctx, &run, err)
	}
	run = publishing
	if expected, long := s.takesLong(&run, total(chunks)); long && elsewhere {
		return s.handOver(ctx, &run, fmt.Sprintf("publishing %s may take %s", count(total(chunks).Loaded, "row"), expected.Round(time.Second)))
	}
	w, err := s.prepare(ctx, &run)
	if err != nil {
		return s.unpublished(ctx, &run, err)
	}
	if run.Path == PathDirect {
		return s.settlePublish(ctx, w, chunks, s.resume(ctx, w, chunks))
	}
	err = s.publish(ctx, w, chunks)
	if err != nil && elsewhere {
		if over, err := s.outOfTime(ctx, &run); over {
			return err
		}
	}
	return s.settlePublish(ctx, w, chunks, err)
}

// unpublished says what becomes of a publishing run that could not even be
// prepared. Where it was published already, as after the loss of the report,
// whatever stands in the way now (the table was dropped) is no reason to fail.
func (s *Steps) unpublished(ctx context.Context, run *etl.Run, cause error) error {
	dest, err := s.destination(ctx, run)
	if err == nil && run.Path == PathFanOut {
		var found *etl.LoadResult
		if found, err = dest.Published(ctx, run.LoadID); err == nil && found != nil {
			chunks, err := s.Store.Chunks(ctx, run.ID)
			if err != nil {
				return err
			}
			return s.complete(ctx, &work{run: run, dest: dest, object: &object{blobs: s.Blobs, ref: run.Object}, names: sourceNames(run)}, chunks, *found)
		}
	}
	if err != nil && etl.KindOf(err) != etl.Mistake {
		return s.settle(ctx, run, err)
	}
	return s.settle(ctx, run, cause)
}

func sourceNames(run *etl.Run) []string {
	names := make([]string, len(run.Sources))
	for i, c := range run.Sources {
		names[i] = c.Name
	}
	return names
}

// publish moves the staged rows into the table.
func (s *Steps) publish(ctx context.Context, w *work, chunks []etl.Chunk) error {
	sum := total(chunks)
	claims := make([]etl.ChunkClaim, len(chunks))
	for i, c := range chunks {
		claims[i] = etl.ChunkClaim{
			Chunk: c.Number, Attempt: c.Attempt, Start: c.Span.Start, End: c.Span.End,
			Rows: c.Counts.Loaded, Filtered: c.Counts.Filtered, Rejected: c.Counts.Rejected,
		}
	}
	spec := w.spec
	spec.AllowRefused = func(found int64) error { return judge(w.run, sum, found) }
	spec.KeepRefused = keptRejects
	result, err := w.dest.Publish(ctx, w.run.LoadID, spec, claims)
	if err != nil {
		return err
	}
	return s.complete(ctx, w, chunks, result)
}

// settlePublish says what becomes of a message whose run was not published.
func (s *Steps) settlePublish(ctx context.Context, w *work, chunks []etl.Chunk, err error) error {
	run := w.run
	if refused, ok := errors.AsType[*etl.RowsRefused](err); ok && ctx.Err() == nil {
		defer func() { _ = refused.Rows.Close() }()
		kept := s.findRefused(ctx, w, chunks, refused.Rows)
		defer func() { _ = kept.Close() }()
		return s.fail(ctx, run, firstRefused(err, refused.Rows), kept)
	}
	if missing, ok := errors.AsType[*etl.ChunksMissing](err); ok {
		return s.settle(ctx, run, s.reload(ctx, w, missing.Chunks))
	}
	if codeOf(err) == "load_gone" {
		all := make([]int, run.ChunksTotal)
		for i := range all {
			all[i] = i
		}
		return s.settle(ctx, run, s.reload(ctx, w, all))
	}
	if codeOf(err) == "publishing_elsewhere" {
		return nil // should that process die, its own message or the reconciler comes back
	}
	if later, ok := errors.AsType[*etl.RetryAfter](err); ok {
		s.info(ctx, run.ID, "publishing waits: %s", later.Reason)
	}
	return s.settle(ctx, run, err)
}

// firstRefused has the error of too many bad rows name the first of those that
// the database refused.
func firstRefused(err error, rows *etl.Rejects) error {
	e := shown(err)
	if e.Code != etl.TooManyBadRows || e.Line > 0 || rows.First() == nil {
		return err
	}
	named, r := *e, rows.First()
	named.Line, named.Column, named.Value = r.Line, r.Column, r.Value
	named.Message += "; the first that the database refused is " + r.Place() + ": " + r.Reason
	return &named
}

// findRefused finds refused rows in the file, and gives those that are kept.
// Where that fails line, column, value and reason are there all the same.
func (s *Steps) findRefused(ctx context.Context, w *work, chunks []etl.Chunk, refused *etl.Rejects) *etl.Rejects {
	if refused.Len() == 0 {
		return nil
	}
	kept, err := w.find(ctx, chunks, refused)
	if err != nil {
		s.say(ctx, "warn", w.run.ID, nil, "the refused rows could not be read from the file again: %s", shown(err).Message)
	}
	if lost := refused.Len() - kept.Len(); lost > 0 {
		s.say(ctx, "warn", w.run.ID, nil, "%d rows were refused by the database, %d of them beyond what is kept", refused.Len(), lost)
	}
	return kept
}

// reload has chunks loaded again that the destination does not have.
func (s *Steps) reload(ctx context.Context, w *work, numbers []int) error {
	if w.run.Path == PathFanOut {
		if err := w.dest.Prepare(ctx, w.run.LoadID, w.spec); err != nil {
			return err
		}
	}
	if err := etl.Reached(ctx, "before chunks are reopened"); err != nil {
		return err
	}
	run, err := s.Store.ReopenChunks(ctx, w.run.ID, w.run.Attempt, numbers)
	if err != nil {
		return err
	}
	s.say(ctx, "warn", run.ID, nil, "the database has lost %d of %d chunks, as after a crash; they are loaded again", len(numbers), run.ChunksTotal)
	return s.sendChunks(ctx, &run)
}

// complete reports what was published.
func (s *Steps) complete(ctx context.Context, w *work, chunks []etl.Chunk, result etl.LoadResult) error {
	if err := etl.Reached(ctx, "before completion"); err != nil {
		return err
	}
	run := w.run
	c := total(chunks)
	defer func() { _ = result.Refused.Close() }()
	c.Rejected += result.Refused.Len()
	c.Inserted, c.Updated, c.Deduplicated = result.Inserted, result.Updated, result.Deduplicated
	c.Loaded = c.Inserted + c.Updated
	refused := s.findRefused(ctx, w, chunks, result.Refused)
	defer func() { _ = refused.Close() }()
	var last []etl.LogEntry
	for _, message := range append(slices.Clip(result.Notes), fmt.Sprintf("completed: %s read, %d inserted, %d updated, %d filtered out, %d rejected, %d duplicates", count(c.Read, "row"), c.Inserted, c.Updated, c.Filtered, c.Rejected, c.Deduplicated)) {
		last = append(last, etl.LogEntry{RunID: run.ID, Level: "info", Message: message})
	}
	if _, err := s.Store.CompleteRun(ctx, run.ID, run.Attempt, c, refused, last...); err != nil && !outrun(err) {
		return err
	}
	return nil
}

// total adds up what the chunks of a run held.
func total(chunks []etl.Chunk) etl.Counts {
	var sum etl.Counts
	for _, c := range chunks {
		sum.Read += c.Counts.Read
		sum.Loaded += c.Counts.Loaded
		sum.Filtered += c.Counts.Filtered
		sum.Rejected += c.Counts.Rejected
	}
	return sum
}

// judge compares the bad rows of a whole run, and those refused so far while
// publishing, with what its job allows.
func judge(run *etl.Run, sum etl.Counts, refused int64) error {
	p := run.Job.Mapping.OnBadRow
	n := sum.Rejected + refused
	var limit string
	switch {
	case n == 0 || p.Mode != "skip":
		return nil
	case p.MaxRows != nil && n > *p.MaxRows:
		limit = fmt.Sprintf("%d", *p.MaxRows)
	case p.MaxRatio != nil && float64(n) > *p.MaxRatio*float64(sum.Read):
		limit = fmt.Sprintf("%g%% of %d rows", *p.MaxRatio*100, sum.Read)
	default:
		return nil
	}
	return &etl.Error{
		Kind: etl.Refused, Code: etl.TooManyBadRows, Message: fmt.Sprintf("%d bad rows, more than the %s allowed; nothing was loaded", n, limit),
		Fix: "Look at the rejected rows, correct the file or the mapping, or allow more (on_bad_row).",
	}
}

// resume finds out what became of a direct load whose process died between
// its last report and the end. Where it was not committed, it is loaded again.
func (s *Steps) resume(ctx context.Context, w *work, chunks []etl.Chunk) error {
	const tail = 200
	entries, err := s.Store.LogTail(ctx, w.run.ID, tail)
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, ok := e.Attributes[transactionAttribute].(string)
		if !ok {
			continue
		}
		var transaction int64
		if _, err := fmt.Sscan(text, &transaction); err != nil {
			return fmt.Errorf("the log of run %d names transaction %q: %w", w.run.ID, text, err)
		}
		outcome, err := w.dest.Outcome(ctx, transaction)
		if err != nil {
			return err
		}
		switch outcome {
		case "committed":
			return s.recovered(ctx, w, chunks, e)
		case "in progress":
			return &etl.RetryAfter{Delay: 2 * time.Second, Reason: "the load's transaction is still at work"}
		case "":
			return &etl.Error{
				Kind: etl.Mistake, Code: "commit_unknown",
				Message: fmt.Sprintf("the database does not say any more whether transaction %d, by which the rows were loaded, was committed", transaction),
				Fix:     "Look into the table; if the rows are not there, execute the job again.",
			}
		}
	}
	return &etl.ChunksMissing{Chunks: []int{chunks[0].Number}}
}

// recovered completes a direct load by what its log says of its result.
func (s *Steps) recovered(ctx context.Context, w *work, chunks []etl.Chunk, e etl.LogEntry) error {
	text, err := json.Marshal(e.Attributes[resultAttribute])
	if err != nil {
		return err
	}
	var result witnessed
	if err := json.Unmarshal(text, &result); err != nil {
		return fmt.Errorf("the log of run %d has no result: %w", w.run.ID, err)
	}
	if result.RefusedRows > 0 {
		s.say(ctx, "warn", w.run.ID, nil, "%d rows were refused by the database; the process ended before it could say which", result.RefusedRows)
		chunks[0].Counts.Rejected += result.RefusedRows
		chunks[0].Counts.Loaded -= result.RefusedRows
	}
	return s.complete(ctx, w, chunks, result.LoadResult)
}

// maxTries is how often what does not move is sent again before it fails: a day
// for publishing, of which only the destination can say whether it happened.
func maxTries(t etl.Topic) int {
	if t == etl.TopicFinalize {
		return 24 * 60
	}
	return 8
}

// sweepEvery is how often stages without a run are looked for.
const sweepEvery = 15 * time.Minute

// reconcile sends again what has stopped, fails what is out of tries, and
// sweeps stages that no run needs.
func (s *Steps) reconcile(ctx context.Context, _ etl.Message) error {
	// What cannot be sent would count as tried, and an outage of the queue would
	// fail what waits for it.
	if err := s.Queue.Ready(ctx); err != nil {
		return err
	}
	stalled, err := s.Store.Stalled(ctx, 2*s.hold())
	if err != nil {
		return err
	}
	var errs []error
	for _, x := range stalled {
		errs = append(errs, s.revive(ctx, x))
	}
	const week = 7 * 24 * time.Hour
	errs = append(errs, s.Store.Sweep(ctx, week))
	now := s.now()
	if last := s.swept.Load(); last == 0 || now.Sub(time.Unix(0, last)) >= sweepEvery {
		s.swept.Store(now.UnixNano())
		errs = append(errs, s.sweepStages(ctx))
	}
	return errors.Join(errs...)
}

func (s *Steps) revive(ctx context.Context, x etl.Stalled) error {
	m := x.Message
	if x.Held {
		return s.remind(ctx, x)
	}
	if x.Tries <= maxTries(m.Topic) {
		return s.Queue.Send(ctx, 0, m)
	}
	reason := &etl.Error{
		Kind: etl.Weather, Code: "no_progress", Message: fmt.Sprintf("step %s made no progress since %s, after %d tries", m.Topic, x.Since.UTC().Format(time.RFC3339), x.Tries-1),
		Fix: "See the run's log for the reason; retry the run once it is gone.",
	}
	if m.Topic == etl.TopicInspect {
		return s.failSource(ctx, m.FileID, reason)
	}
	run, ok, err := s.current(ctx, m)
	if err != nil || !ok {
		return err
	}
	if m.Topic == etl.TopicLoad {
		chunk, err := s.chunk(ctx, m)
		if err != nil {
			return err
		}
		// A chunk that nobody has claimed so often is waiting for its turn, behind other runs.
		if chunk.Attempt < maxTries(m.Topic) {
			return s.Queue.Send(ctx, 0, m)
		}
		if chunk.Error != nil {
			reason.Message += ": " + chunk.Error.Message
		}
		reason.Message = fmt.Sprintf("chunk %d of %d: %s", m.Chunk+1, run.ChunksTotal, reason.Message)
	}
	return s.fail(ctx, &run, reason, nil)
}

func (s *Steps) chunk(ctx context.Context, m etl.Message) (etl.Chunk, error) {
	chunks, err := s.Store.Chunks(ctx, m.RunID)
	if err != nil || m.Chunk >= len(chunks) {
		return etl.Chunk{}, cmp.Or(err, fmt.Errorf("run %d has no chunk %d", m.RunID, m.Chunk))
	}
	return chunks[m.Chunk], nil
}
