package etl

import "context"

// Statements runs SQL in a warehouse whose transactions are sent whole: nothing
// can be decided between two statements, so that a connection and an API over
// HTTP serve alike.
type Statements interface {
	// Run runs statements, in order, as one transaction, and gives the result of
	// each. A statement that fails undoes all of them and is a *StatementError.
	// Where the answer of COMMIT is lost the error is Weather, and whether the
	// transaction was committed is not known.
	Run(ctx context.Context, statements ...string) ([]StatementResult, error)
	// Close frees connections; may be repeated.
	Close(ctx context.Context) error
}

// StatementResult is what a statement gave.
type StatementResult struct {
	// Rows are text, nil for NULL, in the order of the statement's columns.
	Rows [][]*string
	// Affected is the number of rows; -1 where the warehouse does not say.
	Affected int64
}

// StatementError is the failure of a statement, after which nothing of its
// transaction is left.
type StatementError struct {
	// Index is the statement's among those of Run, from 0; len for COMMIT.
	Index int
	// State is its SQLSTATE; "" where the road does not tell it.
	State string
	// Message is the warehouse's own, Number the one that it may begin with
	// ("1023 …"), else 0.
	Message string
	Number  int
	Err     error
}

func (e *StatementError) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *StatementError) Unwrap() error { return e.Err }

// StagesAlways is a FanOut that has no direct loads with LoadSpec.BeforeCommit
// and no Outcome: what is one chunk is staged, too.
type StagesAlways interface {
	StagesAlways()
}

// UnenforcedKeys is a Destination whose keys are declared at most: an UPSERT may
// recognise rows by any columns.
type UnenforcedKeys interface {
	UnenforcedKeys()
}
