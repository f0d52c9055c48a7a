package etltest

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// RedshiftSwitches are what warehouses of Redshift do differently from one
// another, or at times. Their zero values are the mildest; they are set while no
// statement runs, and hold for sessions begun after that.
type RedshiftSwitches struct {
	// Isolation is what transactions see of each other: Serializable, or
	// Snapshot, which is the default of Serverless and of clusters made since May
	// 2024 (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
	Isolation Isolation
	// LoadErrorsLate is after what time the views of load errors show the first
	// half of those of a COPY; the other half is shown after twice that. System
	// views are filled asynchronously
	// (https://docs.aws.amazon.com/redshift/latest/dg/c_intro_system_views.html).
	LoadErrorsLate time.Duration
	// Unreadable are tables and views that whoever logs in may not read, as
	// "stl_load_errors" on Serverless.
	Unreadable []string
	// KeepsCase is a warehouse whose enable_case_sensitive_identifier is on: quoted
	// names keep their capitals, else they are folded, too
	// (https://docs.aws.amazon.com/redshift/latest/dg/r_enable_case_sensitive_identifier.html).
	KeepsCase bool
	// PasswordSHA256 has the user's password kept as SHA-256, for which the login
	// asks in a way (type 13) that drivers of PostgreSQL do not know
	// (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html).
	PasswordSHA256 bool
	// LocksOutlast has LOCK wait however short statement_timeout is.
	LocksOutlast bool
	// BatchErrors is how the Data API describes a batch that failed.
	BatchErrors BatchErrors
	// DataTexts has the Data API word errors as Redshift's drivers do ("Invalid
	// operation: 1023 Details: …"), and tell deadlocks as such.
	DataTexts bool
}

// Isolation is the isolation level of a database.
type Isolation string

// The isolation levels of Redshift, as PostgreSQL names what they do.
const (
	Serializable Isolation = "serializable"
	Snapshot     Isolation = "repeatable read"
)

// BatchErrors is how the Data API describes a batch that failed
// (https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_SubStatementData.html).
type BatchErrors int

const (
	// BatchFailed has the statement that failed FAILED, those after it ABORTED.
	BatchFailed BatchErrors = iota
	// BatchAborted has those before it ABORTED, too, as they were undone.
	BatchAborted
	// BatchNumbered has all ABORTED; the batch's own error tells which one failed.
	BatchNumbered
)

// Ran counts the statements with a text in them, in whatever case, that were run
// by who had logged in.
func (s *RedshiftServer) Ran(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sql := range s.ran {
		if strings.Contains(strings.ToLower(sql), strings.ToLower(text)) {
			n++
		}
	}
	return n
}

// Logins counts the sessions begun.
func (s *RedshiftServer) Logins() int { return int(s.keys.Load()) }

var identifier = regexp.MustCompile(`\w+`)

// unreadable gives the relation that a statement may not read; "" where there is none.
func (s *RedshiftServer) unreadable(sql string) string {
	if len(s.Unreadable) == 0 {
		return ""
	}
	for _, name := range identifier.FindAllString(strings.ToLower(bare(sql)), -1) {
		if slices.Contains(s.Unreadable, name) {
			return name
		}
	}
	return ""
}
