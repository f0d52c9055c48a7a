package etltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// RedshiftFault is an error that Redshift gives at times, as it gives it.
type RedshiftFault struct{ Code, Message, Detail string }

// Faults that have been met by those who load into Redshift.
var (
	// FaultSerialisation is error 1023 (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
	FaultSerialisation = RedshiftFault{"XX000", "1023", "Serializable isolation violation on table - 100123, transactions forming the cycle are: 1, 2 (pid:3)"}
	// FaultConflict is what snapshot isolation says instead, without a number.
	FaultConflict = RedshiftFault{"XX000", "could not complete because of conflict with concurrent transaction", ""}
	// FaultRelation is what who reads a table meets that another replaces.
	FaultRelation = RedshiftFault{"XX000", "could not open relation with OID 100123", ""}
	// FaultSlowDown, FaultS3Internal and FaultS3Timeout are errors of S3 that pass, met by COPY
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
	FaultSlowDown   = RedshiftFault{"XX000", "S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid 0,CanRetry 1", ""}
	FaultS3Internal = RedshiftFault{"XX000", "S3ServiceException:We encountered an internal error. Please try again.,Status 500,Error InternalError,Rid 0,CanRetry 1", ""}
	FaultS3Timeout  = RedshiftFault{"XX000", "S3ServiceException:Your socket connection to the server was not read from or written to within the timeout period.,Status 400,Error RequestTimeout,Rid 0,CanRetry 1", ""}
	// FaultTooWide is of a query over rows that are too wide for it.
	FaultTooWide = RedshiftFault{"XX000", "8001", "The combined length of columns processed in the SQL statement exceeded the query-processing limit of 65535 characters (pid:3)"}
	// FaultCancelled is of a statement that its user, statement_timeout or a queue's rule ended.
	FaultCancelled = RedshiftFault{"57014", "Query (150) cancelled on user's request", ""}
	FaultDeadlock  = RedshiftFault{"40P01", "deadlock detected", ""}
)

func (f RedshiftFault) error() *pgconn.PgError {
	return &pgconn.PgError{Code: f.Code, Message: f.Message, Detail: f.Detail}
}

// failing are faults still to come.
type failing struct {
	statement string
	times     int
	fault     RedshiftFault
}

// FailNext fails statements of who has logged in, as often as is said: those
// whose first word, or some text in which, is statement.
func (s *RedshiftServer) FailNext(statement string, times int, fault RedshiftFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = append(s.failing, &failing{statement, times, fault})
}

// faulty gives the fault that a statement meets; nil without any.
func (s *RedshiftServer) faulty(sql string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, sql)
	for _, f := range s.failing {
		if f.times > 0 && (strings.EqualFold(firstWord(sql), f.statement) || strings.ContainsAny(f.statement, " _(") && strings.Contains(sql, f.statement)) {
			f.times--
			return f.fault.error()
		}
	}
	return nil
}

// met gives what a statement of who has logged in meets before it runs.
func (x *redshiftSession) met(ctx context.Context, sql string) error {
	if x.owner {
		return nil
	}
	if err := x.s.faulty(sql); err != nil {
		return err
	}
	if name := x.s.unreadable(sql); name != "" {
		return &pgconn.PgError{Code: "42501", Message: "permission denied for relation " + name}
	}
	return x.tooWide(ctx, sql)
}

var numbered = regexp.MustCompile(`(?is)\(\s*SELECT\s+([^()]+?),\s*ROW_NUMBER\(\)\s+OVER\s*\([^()]*\)\s+AS\s+\w+\s+FROM\s+("[^"]+"|\w+)`)

// maxProcessed is how long the columns may be together that a query sorts.
const maxProcessed = 65535

// tooWide is the error of a query that numbers rows which are too wide to be sorted.
func (x *redshiftSession) tooWide(ctx context.Context, sql string) error {
	m := numbered.FindStringSubmatch(sql)
	if m == nil {
		return nil
	}
	a, err := x.forward(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT %s FROM %s) AS q WHERE octet_length(CAST(q AS text)) > %d", m[1], m[2], maxProcessed))
	if err == nil && *a.rows[0][0] != "0" {
		return FaultTooWide.error()
	}
	return nil // an error of it is one of the statement, too
}

// redshiftError gives PostgreSQL's errors as Redshift words them.
func (x *redshiftSession) redshiftError(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if err != nil && !errors.Is(err, io.EOF) {
			return &pgconn.PgError{Code: "XX000", Message: err.Error()}
		}
		return err
	}
	switch {
	case e.Code == "40001" && x.s.Isolation == Snapshot:
		return FaultConflict.error()
	case e.Code == "40001", e.Code == "40P01" && !x.s.DataTexts:
		return FaultSerialisation.error()
	case e.Code == "57014":
		return FaultCancelled.error()
	case e.Code == "23514" && strings.HasPrefix(e.ConstraintName, bytesConstraint):
		return &pgconn.PgError{Code: "22001", Message: "Value too long for character type"}
	}
	return e
}

// dataText is an error as the Data API tells it: the message is all there is, no SQLSTATE.
func (s *RedshiftServer) dataText(e *pgconn.PgError) string {
	switch {
	case s.DataTexts && e.Detail != "":
		return "ERROR: Invalid operation: " + e.Message + " Details: " + e.Detail
	case e.Detail != "":
		return "ERROR: " + e.Message + "\n  Detail: " + e.Detail
	}
	return "ERROR: " + e.Message
}

// substatement is the status and error of statement i of a batch that failed,
// among those that failed or are said to have been undone.
func (s *RedshiftServer) substatement(b *dataBatch, i int) (status, failure string) {
	if i == b.failed && s.BatchErrors != BatchNumbered {
		return "FAILED", b.failure
	}
	return "ABORTED", ""
}

// batchError is the error of a batch as a whole.
func (s *RedshiftServer) batchError(b *dataBatch) string {
	if b.batch && b.failed >= 0 && s.BatchErrors == BatchNumbered {
		return fmt.Sprintf("Query #%d failed with %s", b.failed+1, b.failure)
	}
	return b.failure
}
