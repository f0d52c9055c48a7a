package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Store is what the steps ask of the portal's database. Every method may be
// repeated; writes of an attempt that is no longer the run's, or of a claim that
// is no longer the chunk's, are refused with a Mistake of code stale_attempt,
// moves that a run may not make with run_state, what is not there with not_found.
type Store interface {
	Source(ctx context.Context, id string) (etl.Source, error)
	UpdateSource(ctx context.Context, src etl.Source) (etl.Source, error)
	SourceProgress(ctx context.Context, id string, bytesProfiled int64) error
	SaveSpans(ctx context.Context, fileID string, spans []csv.Span) error
	Spans(ctx context.Context, fileID string) ([]csv.Span, error)

	Credential(ctx context.Context, id int64) (etl.Credential, error)
	Credentials(ctx context.Context, p etl.Page) (etl.List[etl.Credential], error)

	CreateRun(ctx context.Context, r etl.Run, key etl.IdempotencyKey) (run etl.Run, created bool, err error)
	Run(ctx context.Context, id int64) (etl.Run, error)
	RunByLoad(ctx context.Context, loadID string) (etl.Run, error)
	StartRun(ctx context.Context, id int64, attempt int) (etl.Run, error)
	ReleaseRun(ctx context.Context, id int64) (run etl.Run, released bool, err error)
	AdoptTable(ctx context.Context, id int64, attempt int) (etl.Run, error)
	PlanRun(ctx context.Context, id int64, attempt int, path string, chunks []etl.Chunk) (etl.Run, error)
	Chunks(ctx context.Context, runID int64) ([]etl.Chunk, error)
	ClaimChunk(ctx context.Context, runID int64, number, attempt int, hold time.Duration) (etl.Chunk, error)
	ChunkProgress(ctx context.Context, ref etl.ChunkRef, bytes, rows int64) error
	ChunkLoaded(ctx context.Context, ref etl.ChunkRef, counts etl.Counts, rejects *etl.Rejects, entries ...etl.LogEntry) (remaining int, err error)
	ChunkReleased(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error
	ChunkFailed(ctx context.Context, ref etl.ChunkRef, seen etl.Counts, cause *etl.Error) error
	ReopenChunks(ctx context.Context, runID int64, attempt int, numbers []int) (etl.Run, error)
	BeginPublish(ctx context.Context, id int64, attempt int) (etl.Run, error)
	CompleteRun(ctx context.Context, id int64, attempt int, counts etl.Counts, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error)
	FailRun(ctx context.Context, id int64, attempt int, cause *etl.Error, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error)
	CancelRun(ctx context.Context, id int64, last ...etl.LogEntry) (etl.Run, error)
	RetryRun(ctx context.Context, id int64) (etl.Run, error)
	DeleteRun(ctx context.Context, id int64) error
	// HoldRun takes a running run for whoever publishes it, for a while; held is
	// false where somebody has it. KeepRun prolongs that, or ends it with 0, and
	// does nothing to a run that does not run. Until then Stalled leaves it out.
	HoldRun(ctx context.Context, id int64, attempt int, hold time.Duration) (held bool, err error)
	KeepRun(ctx context.Context, id int64, attempt int, hold time.Duration) error
	Stalled(ctx context.Context, after time.Duration) ([]etl.Stalled, error)
	Sweep(ctx context.Context, keysOlderThan time.Duration) error

	AcquireLease(ctx context.Context, credentialID int64, holder string, limit int, ttl time.Duration) (etl.Lease, error)
	RenewLease(ctx context.Context, l etl.Lease, ttl time.Duration) (etl.Lease, error)
	ReleaseLease(ctx context.Context, l etl.Lease) error

	AppendLog(ctx context.Context, entries ...etl.LogEntry) error
	LogTail(ctx context.Context, runID int64, limit int) ([]etl.LogEntry, error)
}

// Steps move runs and inspections forward, a message at a time. Every handler
// may be given any message any number of times, late, in any order, in several
// processes at once: what it does is decided by the portal's database and, for
// rows, by the destination's own transactions.
type Steps struct {
	Store Store
	Blobs etl.Blobs
	Queue etl.Queue
	// Open connects to a credential's database. The steps do not close what it
	// gives, so that an opener may keep connections for the next chunk.
	Open func(ctx context.Context, c etl.Credential) (etl.FanOut, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log hears of what has no run's log to go to; nil is slog.Default.
	Log *slog.Logger
	// Holder names this process in leases.
	Holder string
	// Parallel is the number of workers that parse one chunk; 0 is 1.
	Parallel int
	// ChunkBytes is the size of a chunk where a job names no batch size; 0 is DefaultChunkBytes.
	ChunkBytes int64
	// Limits of the fan-out; zero values are the defaults.
	MinChunkBytes, MaxChunkBytes int64
	// IndexBytes is the distance of the record index's entries; 0 is DefaultIndexBytes.
	IndexBytes int64
	// KeepFailed is how long a failed run keeps its staged rows for a retry; 0 is DefaultKeepFailed.
	KeepFailed time.Duration
	// Portal tells this portal's loads from those of others in one database; at
	// most eight of a-z and 0-9. Empty: stages of runs that are not known are
	// left alone.
	Portal string
	// Hold is how long a loader's claim and lease last without a sign of life;
	// 0 is DefaultHold.
	Hold time.Duration
	// Tasks publishes elsewhere what takes longer than LongPublish; nil: every
	// run is published by its handler.
	Tasks etl.Tasks
	// Orchestrator executes the runs of jobs that ask for it; nil: such runs cannot be made.
	Orchestrator etl.Orchestrator
	// LongPublish is how long a handler may be estimated to publish; 0 is DefaultLongPublish.
	LongPublish time.Duration

	// swept is when stages were last looked for, in Unix nanoseconds; deliveries
	// numbers the holders of leases.
	swept, deliveries atomic.Int64
	// visited is when databases that stage elsewhere were last swept, by credential.
	visited sync.Map
}

// Defaults of Steps.
const (
	DefaultChunkBytes    int64 = 64 << 20
	DefaultMinChunkBytes int64 = 8 << 20
	DefaultMaxChunkBytes int64 = 1 << 30
	DefaultIndexBytes    int64 = 16 << 20
	DefaultHold                = 60 * time.Second
	DefaultKeepFailed          = 24 * time.Hour
	DefaultLongPublish         = 10 * time.Minute
	// MaxChunks bounds the chunks of a run.
	MaxChunks = 10000
)

// Handlers are the takers of messages, by topic.
func (s *Steps) Handlers() map[etl.Topic]etl.Handler {
	return map[etl.Topic]etl.Handler{
		etl.TopicInspect:   s.guard(s.profileFile),
		etl.TopicPlan:      s.guard(s.planRun),
		etl.TopicLoad:      s.guard(s.loadChunk),
		etl.TopicFinalize:  s.guard(s.finalize),
		etl.TopicReconcile: s.guard(s.reconcile),
	}
}

// guard turns a panic, which is a defect of ours, into an error of its message.
func (s *Steps) guard(h etl.Handler) etl.Handler {
	return func(ctx context.Context, m etl.Message) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = s.panicked(m, p)
			}
		}()
		return h(ctx, m)
	}
}

func (s *Steps) panicked(m etl.Message, p any) error {
	about := []any{"run", m.RunID, "chunk", m.Chunk}
	if m.RunID == 0 {
		about = []any{"file_id", m.FileID}
	}
	s.log().With(about...).Error("a step panicked", "topic", m.Topic, "panic", p, "stack", string(debug.Stack()))
	return &etl.Error{Kind: etl.Internal, Code: "internal", Message: fmt.Sprintf("step %s failed inside: %v", m.Topic, p)}
}

func (s *Steps) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Steps) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}

// or is v, or what stands for it where it is zero.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (s *Steps) hold() time.Duration { return or(s.Hold, DefaultHold) }

// say writes a line of a run's log. A log that cannot be written stops no load.
func (s *Steps) say(ctx context.Context, level string, runID int64, chunk *int, format string, args ...any) {
	e := etl.LogEntry{RunID: runID, Level: level, Chunk: chunk, Message: fmt.Sprintf(format, args...)}
	if err := s.Store.AppendLog(context.WithoutCancel(ctx), e); err != nil {
		s.log().Warn("a line of a run's log is lost", "run", runID, "line", e.Message, "error", err)
	}
}

func (s *Steps) info(ctx context.Context, runID int64, format string, args ...any) {
	s.say(ctx, "info", runID, nil, format, args...)
}

// codeOf is the code of the first etl.Error in err's chain, or "".
func codeOf(err error) etl.Code {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e.Code
	}
	return ""
}

// outrun says that a step was refused because the run has gone on without it:
// its attempt or claim is over, it ended, or it is gone.
func outrun(err error) bool {
	switch codeOf(err) {
	case "stale_attempt", "run_state", "not_found":
		return true
	}
	return false
}

// current reads the run that a message is about; ok is false where the message
// is late: the run is gone, has ended, or is at another attempt.
func (s *Steps) current(ctx context.Context, m etl.Message) (run etl.Run, ok bool, err error) {
	run, err = s.Store.Run(ctx, m.RunID)
	if codeOf(err) == "not_found" {
		return run, false, nil
	}
	return run, err == nil && !run.Status.Final() && run.Attempt == m.Attempt, err
}

// shown is any failure as a person is shown it.
func shown(err error) *etl.Error {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e
	}
	return &etl.Error{Kind: etl.Internal, Code: "internal", Message: "something of the portal's own failed: " + err.Error(), Err: err}
}

// settle says what becomes of a message whose step failed: what will fail again
// fails the run, everything else brings the message back.
func (s *Steps) settle(ctx context.Context, run *etl.Run, err error) error {
	if _, later := errors.AsType[*etl.RetryAfter](err); later || err == nil {
		return err
	}
	if ctx.Err() != nil {
		return &etl.RetryAfter{Reason: "the process is told to stop"}
	}
	e, known := errors.AsType[*etl.Error](err)
	switch {
	case known && outrun(err) && e.Code != "not_found":
		return nil
	case known && (e.Kind == etl.Mistake || e.Kind == etl.Refused || isDefect(e.Code)):
		return s.fail(ctx, run, err, nil)
	}
	if s.over(ctx, run, err) {
		return nil
	}
	s.say(ctx, "warn", run.ID, nil, "%s; it will be tried again", shown(err).Message)
	return err
}

// over says that a step failed because its run has ended or gone on without it:
// who cancels a run removes what its loaders are writing to, and ends their connections.
func (s *Steps) over(ctx context.Context, run *etl.Run, cause error) bool {
	now, current, err := s.current(context.WithoutCancel(ctx), etl.Message{RunID: run.ID, Attempt: run.Attempt})
	if err != nil || current {
		return false
	}
	s.log().Info("a message is dropped: its run has ended or gone on", "run", run.ID, "status", or(now.Status, "DELETED"), "attempt", run.Attempt, "cause", cause)
	return true
}

// isDefect names the defects of ours that come again with every try.
func isDefect(code etl.Code) bool {
	return code == "ledger_mismatch" || code == "count_mismatch" || code == "span_mismatch"
}

// fail ends a run with its reason.
func (s *Steps) fail(ctx context.Context, run *etl.Run, cause error, rejects *etl.Rejects) error {
	e := *shown(cause)
	if e.Kind == etl.Refused && strings.Contains(e.Fix, "--") {
		e.Fix = "Look at the rejected rows and correct the file or the job's mapping, or let bad rows be skipped (on_bad_row)."
	}
	entry := etl.LogEntry{RunID: run.ID, Level: "error", Message: "failed: " + e.Error()}
	if _, err := s.Store.FailRun(context.WithoutCancel(ctx), run.ID, run.Attempt, &e, rejects, entry); err != nil && !outrun(err) {
		return err
	}
	return nil
}
