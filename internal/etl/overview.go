package etl

import "time"

// Overview are figures over runs.
type Overview struct {
	// Since and Until are the window of Buckets; Until is exclusive.
	Since, Until time.Time
	// Pending and Running are the runs that have not ended, OldestPending is
	// when the oldest of those that wait was made; nil where none does.
	Pending, Running int64
	OldestPending    *time.Time
	// WaitingChunks are those of running runs that no loader has begun.
	WaitingChunks int64
	// Buckets are those of the window in order, ByDay the last days.
	Buckets, ByDay []Tally
}

// Tally counts the runs that ended within a while from At on.
type Tally struct {
	At                           time.Time
	Completed, Failed, Cancelled int64
	// Read, Rejected and Bytes are of the COMPLETED ones, as is Loaded: others load nothing.
	Read, Loaded, Rejected, Bytes int64
}

// JobFilter chooses jobs; its zero value chooses all.
type JobFilter struct {
	// Text is looked for in name, schema and table, in any case.
	Text         string
	CredentialID int64
	FileID       string
	// Status chooses by the last run's; Never are the jobs without one.
	Status Status
	Never  bool
}
