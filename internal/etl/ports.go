package etl

import (
	"context"

	"github.com/etlportal/etlportal/internal/schema"
)

// Destination is a customer's database.
type Destination interface {
	// Table describes a table. A missing one is a Mistake with code
	// table_not_found that lists the nearest names. May be repeated.
	Table(ctx context.Context, schemaName, name string) (*schema.Table, error)
	// CreateTableSQL is the statement that Begin runs for LoadSpec.Create.
	CreateTableSQL(t *schema.Table) string
	// Begin opens the one transaction of a direct load. Nothing is visible to
	// others before Finish returns, and nothing is left after Abort, a crash
	// or a lost connection.
	Begin(ctx context.Context, spec LoadSpec) (LoadSession, error)
	// Close frees the connections; may be repeated.
	Close(ctx context.Context) error
}

// LoadSpec says what a direct load does to its table.
type LoadSpec struct {
	Table *schema.Table
	// Columns are those that rows fill, in the order of a row's values.
	Columns  []schema.Column
	Create   bool
	Strategy Strategy
	// Keys are the columns of UPSERT; a unique index must cover exactly them.
	Keys []string
	// DuplicateKeys says which of several rows with one key counts: "last"
	// (the default) or "first" by file order, or "fail".
	DuplicateKeys string
	// SkipRefused makes rows that the database refuses rejects instead of
	// failing the load.
	SkipRefused bool
	// AllowRefused, where set, is asked by Finish before anything is committed,
	// for each refused row with the number found so far, or for all at once; its
	// error ends the load, as the Err of a RowsRefused.
	AllowRefused func(found int64) error
	// KeepRefused bounds the bytes of LoadResult.Refused, as Rejects.Most; 0 is no
	// bound.
	KeepRefused int64
	// Explain asks that a refused row be found and named even where that
	// needs a staging table; set for the second try of a failed load and for
	// sources that cannot be read twice.
	Explain bool
	// BeforeCommit, where set, is told what the load did and the number of its
	// transaction when nothing but COMMIT is left to do; its error rolls back.
	// Not called in a dry run.
	BeforeCommit func(ctx context.Context, transaction int64, result LoadResult) error
	// OnWait, where set, is told once why Finish waits for others.
	OnWait func(reason string)
	// DryRun makes Finish compute its Result and then roll back.
	DryRun bool
	// Sample asks a dry run for a LoadResult.Comparison with that many rows;
	// it needs a staging table, which Explain asks for.
	Sample int
}

// LoadSession is one direct load. NewBatch and Batch methods may be used by
// several goroutines, each with batches of its own; Write, Finish and Abort by one.
type LoadSession interface {
	NewBatch() Batch
	// Write hands over a full batch and takes it back empty; it blocks while the
	// destination is slower than the source. Batches arrive in file order.
	Write(ctx context.Context, b Batch) error
	// Finish ends the stream, checks that the database took as many rows as
	// were written (COPY's own count; a difference is an Internal error and
	// rolls back), publishes and commits.
	Finish(ctx context.Context) (LoadResult, error)
	// Abort rolls back; may follow any failure, may be repeated, and works
	// after ctx was cancelled.
	Abort(ctx context.Context) error
}

// Batch collects rows in the destination's own form.
type Batch interface {
	// Append adds a row; line is its physical line in the file. A value that the
	// destination cannot hold is returned as a Reject and nothing is added.
	Append(row []schema.Value, line, record int64) *Reject
	// Len is the number of bytes collected, Rows the number of rows.
	Len() int
	Rows() int
	Reset()
}

// LoadResult is what Finish did.
type LoadResult struct {
	Inserted     int64 `json:"inserted"`
	Updated      int64 `json:"updated"`
	Deduplicated int64 `json:"deduplicated"`
	// Refused are the rows that the database refused under SkipRefused, to be
	// closed by who gets them; nil where there are none.
	Refused *Rejects `json:"-"`
	// Notes are things worth telling ("identity column id left to the database").
	Notes []string `json:"notes,omitempty"`
	// Comparison is a dry run's, where LoadSpec.Sample asked for it.
	Comparison *Comparison `json:"comparison,omitempty"`
	// Created is the statement that made the table, or would, where it depends
	// on the rows.
	Created string `json:"created,omitempty"`
}

// Comparison says what a load would change.
type Comparison struct {
	// Unchanged counts the rows of an UPSERT that are in the table as they are already.
	Unchanged int64 `json:"unchanged"`
	// Rows are the first ones in file order, as text in the order of LoadSpec.Columns.
	Rows []ComparedRow `json:"rows"`
	// SQL are the statements that would publish.
	SQL []string `json:"sql"`
}

// ComparedRow is a row before and after; Before is nil for a row that is new.
type ComparedRow struct {
	Line   int64     `json:"line"`
	Before []*string `json:"before"`
	After  []*string `json:"after"`
}

// NeedsExplain says that the database refused a row that only a second load,
// with LoadSpec.Explain, can name.
type NeedsExplain struct{ Err *Error }

func (e *NeedsExplain) Error() string { return e.Err.Error() }

// Unwrap gives the refusal as far as it is known.
func (e *NeedsExplain) Unwrap() error { return e.Err }

// RowsRefused says which rows the database refused, of a load that they end, to
// be closed by who gets them: Err is why, that of AllowRefused or of a policy that skips none.
type RowsRefused struct {
	Err  error
	Rows *Rejects
}

func (e *RowsRefused) Error() string { return e.Err.Error() }

// Unwrap gives why they end the load.
func (e *RowsRefused) Unwrap() error { return e.Err }

// FanOut is a Destination that many loaders fill at once. Everything is keyed
// by load id; every method may be repeated, by any process, at any time.
type FanOut interface {
	Destination
	// Prepare makes the stage and the ledger of a load. It says with a Mistake
	// of code no_stage_privilege that only a direct load is possible here.
	Prepare(ctx context.Context, load string, spec LoadSpec) error
	// BeginChunk claims a chunk and opens its transaction; rows become visible
	// in the stage with Finish. A chunk that is loaded already is *ChunkDone;
	// one that another loader holds is *RetryAfter; a load that was dropped is a
	// Mistake of code load_gone.
	BeginChunk(ctx context.Context, load string, spec LoadSpec, c ChunkClaim) (LoadSession, error)
	// Publish checks that the chunks tile the file and that ledger and stage
	// agree, moves the rows into the table by file order in one transaction,
	// and drops the stage. Published before: the stored result again. Chunks
	// that the ledger lacks (a destination that lost its unlogged tables) are
	// *ChunksMissing. While another process publishes this load it is Weather of
	// code publishing_elsewhere, while one publishes another load into the table *RetryAfter.
	Publish(ctx context.Context, load string, spec LoadSpec, chunks []ChunkClaim) (LoadResult, error)
	// Published gives the result of a load that was published; nil where it was not.
	Published(ctx context.Context, load string) (*LoadResult, error)
	// Drop removes the stage and claims of a load that will not be published.
	Drop(ctx context.Context, load string) error
	// Stages lists the load ids that have a stage.
	Stages(ctx context.Context) ([]string, error)
	// Outcome says what became of a transaction of LoadSpec.BeforeCommit:
	// "committed", "aborted" or "in progress"; "" where the database no longer knows.
	Outcome(ctx context.Context, transaction int64) (string, error)
	// NewBatch gives a batch that belongs to no load, to find out which rows
	// could be sent.
	NewBatch(spec LoadSpec) Batch
}

// Counting is a LoadSession of a chunk: Count is told, before Finish, what
// became of the chunk's rows, for the ledger that ChunkDone and Publish read.
type Counting interface {
	Count(c Counts)
}

// ChunkClaim is a chunk as its loader and the finalizer know it. Rows (those in
// the stage), Filtered and Rejected are what the loader counted; set for Publish.
type ChunkClaim struct {
	Chunk, Attempt           int
	Start, End               int64
	Rows, Filtered, Rejected int64
}

// ChunkDone says that a chunk was loaded before, with these counts.
type ChunkDone struct{ Counts Counts }

func (*ChunkDone) Error() string { return "the chunk is loaded already" }

// ChunksMissing says which chunks must be loaded again.
type ChunksMissing struct{ Chunks []int }

func (*ChunksMissing) Error() string { return "the destination has lost chunks of the load" }
