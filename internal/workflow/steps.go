package workflow

import (
	"context"
	"log/slog"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Store is what the steps ask of the portal's database. Every method may be
// repeated; writes of an attempt that is no longer the run's are refused with a
// Mistake of code stale_attempt, moves that a run may not make with illegal_move.
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
	PlanRun(ctx context.Context, id int64, attempt int, path string, chunks []etl.Chunk) (etl.Run, error)
	Chunks(ctx context.Context, runID int64) ([]etl.Chunk, error)
	ClaimChunk(ctx context.Context, runID int64, number, attempt int, hold time.Duration) (etl.Chunk, error)
	ChunkProgress(ctx context.Context, ref etl.ChunkRef, bytes, rows int64) error
	ChunkLoaded(ctx context.Context, ref etl.ChunkRef, counts etl.Counts, rejects []etl.Reject) (remaining int, err error)
	ChunkReleased(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error
	ChunkFailed(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error
	ReopenChunks(ctx context.Context, runID int64, attempt int, numbers []int) (etl.Run, error)
	BeginPublish(ctx context.Context, id int64, attempt int) (etl.Run, error)
	CompleteRun(ctx context.Context, id int64, attempt int, counts etl.Counts, rejects []etl.Reject) (etl.Run, error)
	FailRun(ctx context.Context, id int64, attempt int, cause *etl.Error, rejects []etl.Reject) (etl.Run, error)
	CancelRun(ctx context.Context, id int64) (etl.Run, error)
	RetryRun(ctx context.Context, id int64) (etl.Run, error)
	DeleteRun(ctx context.Context, id int64) error
	Stalled(ctx context.Context, after time.Duration) ([]etl.Stalled, error)
	Sweep(ctx context.Context, keysOlderThan time.Duration) error

	AcquireLease(ctx context.Context, credentialID int64, holder string, limit int, ttl time.Duration) (etl.Lease, error)
	RenewLease(ctx context.Context, l etl.Lease, ttl time.Duration) (etl.Lease, error)
	ReleaseLease(ctx context.Context, l etl.Lease) error

	AppendLog(ctx context.Context, entries ...etl.LogEntry) error
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
	// Options are how a source's user wants it read (its Overrides); nil: as detected.
	Options func(src etl.Source) (ReadOptions, error)
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
	// Hold is how long a loader's claim and lease last without a sign of life;
	// 0 is DefaultHold.
	Hold time.Duration
}

// Defaults of Steps.
const (
	DefaultChunkBytes    int64 = 64 << 20
	DefaultMinChunkBytes int64 = 8 << 20
	DefaultMaxChunkBytes int64 = 1 << 30
	DefaultIndexBytes    int64 = 16 << 20
	DefaultHold                = 60 * time.Second
	// MaxChunks bounds the chunks of a run.
	MaxChunks = 10000
)

// Handlers are the takers of messages, by topic.
func (s *Steps) Handlers() map[etl.Topic]etl.Handler {
	return map[etl.Topic]etl.Handler{
		etl.TopicInspect:   s.profileFile,
		etl.TopicPlan:      s.planRun,
		etl.TopicLoad:      s.loadChunk,
		etl.TopicFinalize:  s.finalize,
		etl.TopicReconcile: s.reconcile,
	}
}

// Dead hears of a message that the queue has given up: its run fails with the
// reason, its source too. May be repeated.
func (s *Steps) Dead(ctx context.Context, m etl.Message, cause error) error { return nil }

// Execute makes a run of a job with everything frozen, and sends it on its way.
// fileID "" is the job's own file. created is false where key made it before.
func (s *Steps) Execute(ctx context.Context, job etl.Job, fileID, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error) {
	return run, false, nil
}

// Cancel ends a run that is not publishing and removes what it staged.
func (s *Steps) Cancel(ctx context.Context, runID int64) (etl.Run, error) {
	return s.Store.CancelRun(ctx, runID)
}

// Retry sets a failed run going again: the same load, whose chunks that are
// loaded stay loaded.
func (s *Steps) Retry(ctx context.Context, runID int64) (etl.Run, error) {
	return s.Store.RetryRun(ctx, runID)
}

// Delete removes a run that is over, and what it staged.
func (s *Steps) Delete(ctx context.Context, runID int64) error { return s.Store.DeleteRun(ctx, runID) }

func (s *Steps) profileFile(ctx context.Context, m etl.Message) error { return nil }
func (s *Steps) planRun(ctx context.Context, m etl.Message) error     { return nil }
func (s *Steps) loadChunk(ctx context.Context, m etl.Message) error   { return nil }
func (s *Steps) finalize(ctx context.Context, m etl.Message) error    { return nil }
func (s *Steps) reconcile(ctx context.Context, m etl.Message) error   { return nil }
