package destination

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// kindOfState tells the kinds of failure apart by SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func kindOfState(state string) etl.Kind {
	switch state {
	case "40001", "40P01", // serialisation, deadlock
		"55P03",                   // lock timeout
		"57014",                   // statement timeout, cancelled by an administrator
		"25P03", "25P04", "57P05", // idle, transaction and session timeouts
		"25006", // a standby: a failover may be on its way
		"58000", "58030", "XX001", "XX002":
		return etl.Weather
	case "53400":
		return etl.Mistake
	}
	switch {
	case len(state) != 5:
		return etl.Internal
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "53"), strings.HasPrefix(state, "57P"):
		return etl.Weather
	case isRowState(state):
		return etl.Refused
	case strings.HasPrefix(state, "XX"):
		return etl.Weather
	}
	return etl.Mistake
}

// statementClasses are the classes of SQLSTATE that are about a statement, a
// session or the server, so that no row can be at fault.
var statementClasses = []string{
	"00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "24", "25", "26", "28", "2B", "2D", "2F",
	"34", "3B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "72", "F0", "HV", "XX",
}

// castClasses are those of statementClasses with which the cast of a value may
// fail, too: 42601 a tsvector, 42622 a name, 54001 JSON nested too deep.
var castClasses = []string{"0A", "42", "54"}

const (
	// indexRowTooLarge is an exception: a value too long for an index.
	indexRowTooLarge = "54000"
	// rowSecurityViolation is also the state of every other lack of permission.
	rowSecurityViolation = "42501"
)

// skipFix is what helps against a refused row.
const skipFix = "Correct the row, or let such rows be skipped (--on-bad-row skip --rejects FILE)."

// isRowState says whether a statement that puts rows into a table may fail with
// this state because of a row: data exceptions, constraints, checks, and
// whatever a trigger raises, whose state may be anyone's invention.
func isRowState(state string) bool {
	return len(state) == 5 && (state == indexRowTooLarge || !slices.Contains(statementClasses, state[:2]))
}

// wrap turns an error of a statement into what people are shown. what says
// what was being done ("writing to table sales").
func wrap(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*etl.Error](err); ok {
		return err
	}
	made := &etl.Error{Err: err}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if ok {
		plain := *e
		plain.Message, plain.Detail, plain.Hint = oneLine(e.Message), oneLine(e.Detail), oneLine(e.Hint)
		e = &plain
	}
	switch {
	case ctx.Err() != nil && (!ok || e.Code == "57014"):
		made.Kind, made.Code = etl.Weather, "cancelled"
		made.Message, made.Fix = "cancelled while "+what, "Start again when you like; the table is unchanged."
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			made.Code, made.Message, made.Fix = "timeout", "the time allowed ran out while "+what, "Allow more time; the table is unchanged."
		}
	case !ok:
		made.Kind, made.Code = etl.Weather, "connection_lost"
		made.Message = "the connection to the database was lost while " + what
		made.Fix = "Try again; the table is unchanged."
	default:
		made.Kind = kindOfState(e.Code)
		made.Code, made.Message, made.Fix = explainState(e, what)
	}
	return made
}

// explainState says what an error of the server means and what to do.
func explainState(e *pgconn.PgError, what string) (code etl.Code, message, fix string) {
	say := func(code etl.Code, message, fix string) (etl.Code, string, string) { return code, message, fix }
	switch e.Code {
	case "42501":
		return say("permission_denied", fmt.Sprintf("the database did not permit %s: %s", what, e.Message), "Ask the table's owner for the missing GRANT.")
	case "42P01":
		return say("table_not_found", fmt.Sprintf("a table was missing while %s: %s", what, e.Message), "Check whether it was dropped or renamed meanwhile.")
	case "42P07":
		return say("table_exists", fmt.Sprintf("the table to be created exists already: %s", e.Message), "Load into it without creating it, or choose another name.")
	case "3F000":
		return say("schema_not_found", fmt.Sprintf("there is no such schema: %s", e.Message), "Create it (CREATE SCHEMA), or choose another.")
	case "42704":
		return say("unknown_type", fmt.Sprintf("the database lacks something that the table needs: %s", e.Message), "Choose another type, or create it first.")
	case "53100":
		return say("disk_full", "the database server's disk is full", "Free space on the server, then try again; the table is unchanged.")
	case "53200":
		return say("out_of_memory", "the database server is out of memory", "Try again later; the table is unchanged.")
	case "53300":
		return say("too_many_connections", "the database server has no connection left: "+e.Message, connectionsFix)
	case "57P01", "57P02", "57P03":
		return say("server_unavailable", "the database server shut down, or an administrator ended the connection, while "+what, "Try again; the table is unchanged.")
	case "57014":
		return say("statement_cancelled", "the database server cancelled the statement while "+what, "Try again, or raise the role's statement_timeout; the table is unchanged.")
	case "40001", "40P01":
		return say("conflict", "another transaction was in the way while "+what, "Try again; the table is unchanged.")
	case "55P03":
		return say("table_locked", fmt.Sprintf("another session held a lock too long while %s", what), "Try again when it has ended; pg_stat_activity shows who it is.")
	case "25006":
		return say("read_only", "the database takes no writes: it is a standby, or read-only", "Connect to the primary, or try again after its failover.")
	case "0A000":
		return say("not_supported", fmt.Sprintf("the database cannot do this while %s: %s", what, e.Message), hint(e, "Choose another table or strategy."))
	}
	if isRowState(e.Code) {
		return say(refusalCode(e), fmt.Sprintf("the database refused a row: %s", sentence(e)), skipFix)
	}
	return say("database_error", fmt.Sprintf("the database failed while %s: %s (SQLSTATE %s)", what, sentence(e), e.Code), hint(e, "Correct what it names, then try again; the table is unchanged."))
}

func hint(e *pgconn.PgError, otherwise string) string {
	if e.Hint != "" {
		return strings.TrimRight(e.Hint, ". ") + "."
	}
	return otherwise
}

// sentence joins the server's message and detail, and the hint of a trigger,
// which its author wrote for whoever loads.
func sentence(e *pgconn.PgError) string {
	s := strings.TrimRight(oneLine(e.Message), ". ")
	if e.Detail != "" {
		s += " (" + strings.TrimRight(oneLine(e.Detail), ". ") + ")"
	}
	if e.Hint != "" && isRowState(e.Code) && refusalCode(e) == "refused_by_trigger" {
		s += "; hint: " + strings.TrimRight(oneLine(e.Hint), ". ")
	}
	return limit(s, 600)
}

// oneLine makes blanks of newlines and the blanks around them.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// valueCode is refusalCode where a value is known to be at fault.
func valueCode(e *pgconn.PgError) etl.Code {
	if code := refusalCode(e); code != "refused_by_trigger" {
		return code
	}
	return "invalid_value"
}

// naming puts the column in front of a reason that does not name it.
func naming(column, reason string) string {
	if column == "" || strings.Contains(reason, `"`+column+`"`) || strings.Contains(reason, "("+column+")=") {
		return reason
	}
	return fmt.Sprintf("column %q: %s", column, reason)
}

// connectionsFix serves for the limits of server, database and role, which
// differ in nothing but the server's words.
const connectionsFix = "Try again later, or raise the limit that was reached: the server's max_connections, or the CONNECTION LIMIT of the role or database."

// refusalCode names why a row was refused, as in a Reject.
func refusalCode(e *pgconn.PgError) etl.Code {
	switch e.Code {
	case "23502":
		return "not_null_violation"
	case "23503", "23001":
		return "foreign_key_violation"
	case "23505":
		return "unique_violation"
	case "23514":
		return "check_violation"
	case "23P01":
		return "exclusion_violation"
	case "21000":
		return "duplicate_key"
	case rowSecurityViolation:
		return "row_security_violation"
	case "22001", "42622", indexRowTooLarge:
		return "too_long"
	case "22003", "22008":
		return "out_of_range"
	case "22021", "22P05":
		return "untranslatable_character"
	case "44000":
		return "check_violation"
	}
	switch {
	case strings.HasPrefix(e.Code, "22"):
		return "invalid_value"
	case strings.HasPrefix(e.Code, "23"):
		return "refused"
	}
	return "refused_by_trigger"
}
