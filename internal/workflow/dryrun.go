package workflow

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Trial is what a job would do.
type Trial struct {
	Counts etl.Counts
	// Unchanged are those of Counts.Updated whose row is already as the file says.
	Unchanged int64
	// Complete says that the whole file was tried, not its first rows only.
	Complete bool
	// Rejects are the first bad rows.
	Rejects []etl.Reject
	// SQL are the statements that would publish the rows.
	SQL []string
	// Samples are the first rows as text: what is in the table and what would be.
	Columns []string
	Samples []TrialRow
	Table   *schema.Table
	Notes   []string
}

// TrialRow is one row before and after; Before is nil for a row that is new.
type TrialRow struct {
	Line          int64
	Before, After []*string
}

// DryRun tries a job without changing its destination.
func (s *Steps) DryRun(ctx context.Context, job etl.Job) (*Trial, error) { return &Trial{}, nil }
