package etl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/schema"
)

// LockWait is how long a LOCK may wait where nothing else is said. Roads see to it
// themselves: it is not known whether Redshift's statement_timeout counts the wait.
const LockWait = 10 * time.Second

// Statements runs SQL in a warehouse whose transactions are sent whole: nothing
// can be decided between two statements, so that a connection and an API over
// HTTP serve alike.
type Statements interface {
	// Run runs statements, in order, as one transaction, and gives the result of
	// each. A statement that fails undoes all of them and is a *StatementError.
	// A LOCK that waits for too long fails so with State 57014.
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
	// StagedChunk is the size in bytes of the chunks of a file of that many, where
	// its job asks for none: what is staged of each suits the destination's reading.
	StagedChunk(file int64) int64
}

// UnenforcedKeys is a Destination whose keys are declared at most: an UPSERT may
// recognise rows by any columns.
type UnenforcedKeys interface {
	UnenforcedKeys()
}

// LayoutTeller is a Destination that tells how it keeps its tables.
type LayoutTeller interface {
	// Layout reads how a table is kept that Table describes. What the user may not
	// see is left out, as is what could not be read: it is worth no error.
	Layout(ctx context.Context, t *schema.Table) schema.TableLayout
}

// TableProblem is something that keeps a table from being made.
type TableProblem struct {
	// Field is "schema", "table", "columns", or a field of the table's options as
	// "table_options.sort_keys[1]"; Column the column that it is about, if any.
	Field, Column string
	Code          Code
	Reason, Fix   string
}

// TableMaker is a Destination that knows beforehand what keeps a table from
// being made. One that is none takes no schema.TableOptions.
type TableMaker interface {
	// CheckTable lists all that is wrong with a table to be made; it asks no database.
	CheckTable(t *schema.Table) []TableProblem
	// MadeAs says whether a column of a type that Table describes may be one that
	// was made for another type; how wide it is made the rows decide.
	MadeAs(want, have schema.Type) bool
	// TableNotes are what is worth knowing of CreateTableSQL.
	TableNotes(t *schema.Table) []string
	// TableSQL shows a table that is there, as Table describes it: what that does
	// not tell is left out, so that it is no statement to make another one by.
	TableSQL(t *schema.Table) string
}

// TableSQL shows a table that is there.
func TableSQL(d Destination, t *schema.Table) string {
	if m, ok := d.(TableMaker); ok {
		return m.TableSQL(t)
	}
	return d.CreateTableSQL(t)
}

// MadeAlike says whether a table that is there has exactly the columns that a
// destination would make.
func MadeAlike(d Destination, want, have []schema.Column) bool {
	alike := func(want, have schema.Type) bool { return want == have }
	if m, ok := d.(TableMaker); ok {
		alike = m.MadeAs
	}
	return slices.EqualFunc(want, have, func(want, have schema.Column) bool { return want.Name == have.Name && alike(want.Type, have.Type) })
}

// maxColumns is PostgreSQL's limit of a table (MaxHeapAttributeNumber).
const maxColumns = 1600

// CheckTable lists what keeps a destination from making a table.
func CheckTable(d Destination, t *schema.Table) []TableProblem {
	if m, ok := d.(TableMaker); ok {
		return m.CheckTable(t)
	}
	var problems []TableProblem
	if n := len(t.Columns); n > maxColumns {
		problems = append(problems, TableProblem{
			Field: "columns", Code: "too_many_columns", Fix: "Map fewer columns", Reason: fmt.Sprintf("the table would have %d columns; %d are the most", n, maxColumns),
		})
	}
	for _, c := range t.Columns {
		if n := len(c.Name); n > schema.MaxNameBytes {
			problems = append(problems, TableProblem{
				Field: "columns", Column: c.Name, Code: "name_too_long", Fix: "Shorten it",
				Reason: fmt.Sprintf("the column name %.40s… has %d bytes; %d are the most", c.Name, n, schema.MaxNameBytes),
			})
		}
	}
	if !t.Options.IsZero() {
		problems = append(problems, TableProblem{
			Field: "table_options", Code: "unsupported_option", Fix: "Leave them out", Reason: "only tables in Amazon Redshift have distribution, sort order and encodings",
		})
	}
	return problems
}

// TableMistake is the error for problems of a table; nil without any.
func TableMistake(problems []TableProblem) error {
	if len(problems) == 0 {
		return nil
	}
	reasons := make([]string, len(problems))
	var fixes []string
	for i, p := range problems {
		reasons[i] = p.Reason
		if fix := strings.TrimSuffix(p.Fix, "."); fix != "" && !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	e := Mistakef(problems[0].Code, strings.Join(fixes, "; "), "%s", strings.Join(reasons, "; "))
	e.Column = problems[0].Column
	return e
}

// Bounded is a Statements that takes no more than so many statements, of no more
// than some length.
type Bounded interface {
	// Takes gives the Mistake of statements that Run would not take; it runs nothing.
	Takes(statements ...string) error
}
