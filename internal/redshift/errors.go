package redshift

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// serialisation is the number of Redshift's serialisation failure, which comes
// with SQLSTATE XX000 (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
const serialisation = 1023

// Some of Redshift's errors have neither a SQLSTATE of their own nor a number:
// only their words, over either road, tell what they are.
var (
	// inTheWay are those of who met another transaction: under snapshot isolation
	// (https://github.com/dbt-labs/dbt-adapters/issues/626), and where a table was
	// replaced that a statement was about to read.
	inTheWay = regexp.MustCompile(`(?i)conflict with concurrent transaction|could not open relation with OID`)
	// passing are those of a COPY that S3 did not serve, by the codes of S3
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
	passing = regexp.MustCompile(`(?i)S3ServiceException.*(Status 5\d\d|Error (SlowDown|InternalError|ServiceUnavailable|RequestTimeout)\b)|S3CurlException`)
	// refusing are those of a COPY that did not take a row; they name the view to look at.
	refusing = regexp.MustCompile(`(?i)stl_load_errors|sys_load_error_detail`)
)

// worded says that a statement failed in some words, without a SQLSTATE that tells more.
func worded(err error, words *regexp.Regexp) bool {
	e, ok := errors.AsType[*etl.StatementError](err)
	return ok && (e.State == "" || e.State == "XX000") && words.MatchString(e.Message)
}

// conflict says that a transaction was undone because of others, so that it may be run again.
func conflict(err error) bool {
	e, ok := errors.AsType[*etl.StatementError](err)
	return ok && (e.Number == serialisation || e.State == "40001" || e.State == "40P01" || worded(err, inTheWay))
}

// failedAt gives the index of the statement that failed; -1 where none did.
func failedAt(err error) int {
	if e, ok := errors.AsType[*etl.StatementError](err); ok {
		return e.Index
	}
	return -1
}

const unchanged = "the table is unchanged."

// explain turns an error of a transaction into what people are shown; what says
// what was being done.
func explain(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*etl.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*etl.RetryAfter](err); ok {
		return err
	}
	if _, ok := errors.AsType[*etl.ChunksMissing](err); ok {
		return err
	}
	made := &etl.Error{Kind: etl.Weather, Err: err}
	if ctx.Err() != nil {
		made.Code, made.Message, made.Fix = "cancelled", "cancelled while "+what, "Start again when you like; "+unchanged
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			made.Code, made.Message, made.Fix = "timeout", "the time allowed ran out while "+what, "Allow more time, then try again."
		}
		return made
	}
	e, ok := errors.AsType[*etl.StatementError](err)
	if !ok {
		made.Code, made.Message = "connection_lost", "the connection to Redshift was lost while "+what
		made.Fix = "Try again; what was committed is found out then."
		return made
	}
	message := limit(strings.Join(strings.Fields(e.Message), " "), 600)
	switch {
	case conflict(err):
		made.Code, made.Message, made.Fix = "conflict", "other transactions were in the way, "+fmt.Sprint(tries)+" times, while "+what, "Try again; "+unchanged
	case e.State == "42501":
		made.Kind, made.Code = etl.Mistake, "permission_denied"
		made.Message, made.Fix = fmt.Sprintf("Redshift did not permit %s: %s", what, message), "Ask the owner for the missing GRANT."
	case e.State == "42P01":
		made.Kind, made.Code = etl.Mistake, "table_not_found"
		made.Message, made.Fix = fmt.Sprintf("a table was missing while %s: %s", what, message), "Check whether it was dropped or renamed meanwhile."
	case e.State == "42P07":
		made.Kind, made.Code = etl.Mistake, "table_exists"
		made.Message, made.Fix = "the table to be created exists already: "+message, "Load into it without creating it, or choose another name."
	case e.State == "3F000":
		made.Kind, made.Code = etl.Mistake, "schema_not_found"
		made.Message, made.Fix = "there is no such schema: "+message, "Create it (CREATE SCHEMA), or choose another."
	case e.State == "57014":
		made.Code, made.Message, made.Fix = "statement_cancelled", "Redshift cancelled a statement while "+what, "Try again, or raise the queue's timeout; "+unchanged
	case strings.HasPrefix(e.State, "57P"), strings.HasPrefix(e.State, "08"), strings.HasPrefix(e.State, "53"):
		made.Code, made.Message, made.Fix = "server_unavailable", fmt.Sprintf("Redshift was not available while %s: %s", what, message), "Try again; "+unchanged
	default:
		made.Kind, made.Code = etl.Mistake, "database_error"
		made.Message, made.Fix = fmt.Sprintf("Redshift failed while %s: %s", what, message), "Correct what it names, then try again; "+unchanged
	}
	return made
}

// limit cuts text at a rune's border.
func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

func loadGone(load string) error {
	return etl.Mistakef("load_gone", "Start a new run.", "the staged rows of load %s were removed, because its run ended", load)
}

func mismatch(format string, args ...any) error {
	return &etl.Error{Kind: etl.Internal, Code: "ledger_mismatch", Message: fmt.Sprintf(format, args...) + "; nothing was published"}
}
