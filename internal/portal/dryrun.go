package portal

import "github.com/etlportal/etlportal/internal/etl"

// DryRun is what a run would do.
type DryRun struct {
	Counts etl.Counts
	// Unchanged is the number of updated rows that would change nothing; -1 where it is not known.
	Unchanged int64
	// SQL are the statements that the run would execute, in order.
	SQL []string
	// Samples are some rows before and after.
	Samples []DryRunSample
	Rejects []etl.Reject
	Notes   []string
}

// DryRunSample is one row: as the file has it, as the table has it (nil where
// it would be new), and as the table would have it.
type DryRunSample struct {
	Line   int64              `json:"line"`
	Action string             `json:"action" enum:"insert,update,unchanged,reject,filter"`
	Source []string           `json:"source"`
	Before map[string]*string `json:"before,omitempty"`
	After  map[string]*string `json:"after,omitempty"`
}
