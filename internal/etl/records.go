package etl

import (
	"encoding/json"
	"time"
)

// Page asks for a part of a list.
type Page struct {
	// Cursor is the List.Next of the page before; empty for the first one.
	Cursor string
	// Limit is the number of items at most; 0 means 50, and 1,000 is the most.
	Limit int
}

// List is a page of a list.
type List[T any] struct {
	Items []T
	// Next is the cursor of the next page; empty on the last one.
	Next string
}

// Sealed is a secret as a Sealer made it.
type Sealed struct {
	Ciphertext []byte
	KeyVersion string
}

// JobVersion is a job as it was: every change of a job makes one.
type JobVersion struct {
	Job Job
	At  time.Time
}

// RunFilter chooses runs; its zero value chooses all.
type RunFilter struct {
	JobID  int64
	Status Status
	// ParentID chooses the runs that load bad rows of that one again.
	ParentID int64
	// Since and Until choose by when runs were made, Until exclusive; zero is no bound.
	Since, Until time.Time
}

// IdempotencyKey makes the creation of a run repeatable.
type IdempotencyKey struct {
	// Owner is the principal's id: keys of different principals do not meet.
	Owner string
	// Key is the client's; empty means none.
	Key string
	// Request is what the client asked for. The same key with another request
	// is refused with code idempotency_conflict.
	Request []byte
}

// ChunkRef names one claim of a chunk: every report of its loader carries it,
// and is refused once the run was retried or the chunk was claimed anew.
type ChunkRef struct {
	RunID  int64
	Number int
	// RunAttempt is Run.Attempt, Attempt is Chunk.Attempt.
	RunAttempt, Attempt int
}

// Lease is the right to be one of the loaders of a credential's database.
type Lease struct {
	CredentialID int64
	Holder       string
	ExpiresAt    time.Time
}

// LogEntry is a line of a run's log.
type LogEntry struct {
	// ID orders the entries of a run; it is set by the store.
	ID    int64
	RunID int64
	// At is set by the store.
	At time.Time
	// Level is "debug", "info", "warn" or "error".
	Level   string
	Message string
	// Chunk is the chunk's number where the entry is about one.
	Chunk *int
	// Attributes are further facts, without secrets and without values of cells.
	Attributes map[string]any
}

// RunReject is a stored reject of a run.
type RunReject struct {
	ID int64
	// Chunk is nil where the row was refused while publishing.
	Chunk *int
	// SourceLine is the row's line in the file that was loaded first, where the
	// run loads bad rows of another one again; else it is Line.
	SourceLine int64
	// ReloadedBy is the run that loads the row again, or has; 0 is none.
	ReloadedBy int64
	Reject
}

// RejectFilter chooses rejects; its zero value chooses all.
type RejectFilter struct {
	Code Code
	// Column chooses by column where it is not nil; "" is the whole row.
	Column *string
}

// RejectGroup sums up the rejects of a run that share code and column.
type RejectGroup struct {
	Code   Code
	Column string
	Count  int64
	// FirstLine, Value and Reason are those of the first of them in the file.
	FirstLine     int64
	Value, Reason string
}

// Stalled is something that has not moved for a while, and the message that sets it going.
type Stalled struct {
	Message Message
	// Held says that it is a run which waits for its orchestrator; Message starts it all the same.
	Held bool
	// Since is when it last moved.
	Since time.Time
	// Tries is how often in a row Stalled has named it, this time included,
	// without a move in between.
	Tries int
}

// Token is an API token. The secret is not in it.
type Token struct {
	ID        int64
	Name      string
	Role      Role
	CreatedBy string
	CreatedAt time.Time
	// ExpiresAt nil means never, LastUsedAt nil not yet (it is kept to the minute).
	ExpiresAt, LastUsedAt *time.Time
}

// AuditEntry says who changed what.
type AuditEntry struct {
	ID int64
	// At is set by the store.
	At        time.Time
	Principal Principal
	// Action is what was done ("create", "update", "delete", "execute", …),
	// Object the kind of thing ("job", "credential", …) and ObjectID its id.
	Action, Object, ObjectID string
	RequestID                string
	// Before and After are the thing in JSON, without secrets; nil where it was not.
	Before, After json.RawMessage
}

// AuditFilter chooses audit entries; its zero value chooses all.
type AuditFilter struct {
	Object, ObjectID string
}
