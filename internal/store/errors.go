package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// The codes of the store's Mistakes.
const (
	CodeNotFound        etl.Code = "not_found"
	CodeVersionConflict etl.Code = "version_conflict"
	CodeDuplicateName   etl.Code = "duplicate_name"
	CodeInUse           etl.Code = "in_use"
	// CodeRunState says that the run or chunk is past what was asked.
	CodeRunState etl.Code = "run_state"
	// CodeStaleAttempt says that a newer attempt of the run, or a newer claim of the chunk, has begun.
	CodeStaleAttempt        etl.Code = "stale_attempt"
	CodeIdempotencyConflict etl.Code = "idempotency_conflict"
	CodeBadCursor           etl.Code = "bad_cursor"
	CodeBadLimit            etl.Code = "bad_limit"
	CodeInvalidText         etl.Code = "invalid_text"
	CodeInvalidValue        etl.Code = "invalid_value"
)

// Codes of failures that are not the caller's.
const (
	CodeUnavailable etl.Code = "portal_database_unavailable"
	CodeBusy        etl.Code = "portal_database_busy"
	// CodeRefused is a Mistake where the database has never let us in, else Weather.
	CodeRefused etl.Code = "portal_database_refused"
	// CodeCounts is an Internal error: a run was to be completed whose counts do not add up.
	CodeCounts etl.Code = "counts_differ"
)

func notFound(kind string, id any) error {
	return etl.Mistakef(CodeNotFound, "Check the id; it may have been deleted.", "there is no %s %v", kind, id)
}

func versionConflict(kind string, id any, given, current int64) error {
	return etl.Mistakef(CodeVersionConflict, "Read it again, apply your change to what you find, and send that.",
		"%s %v was changed meanwhile: the change is for version %d, and it is at version %d", kind, id, given, current)
}

// badURL does not quote the error, which may hold the password.
func badURL(err error) error {
	return &etl.Error{ //nolint:gosec // a pattern, no password
		Kind: etl.Mistake, Code: "bad_url", Message: "the portal's database URL cannot be read",
		Fix: "Write it as postgres://user:password@host:5432/database.", Err: err,
	}
}

// rules are the constraints and triggers' rules that a caller can run into;
// message and fix with a %s get the constraint's detail.
var rules = map[string]struct {
	kind         etl.Kind
	code         etl.Code
	message, fix string
}{
	"credentials_name_key": {etl.Mistake, CodeDuplicateName, "there is a credential of that name already", "Choose another name."},
	"etl_jobs_name_key":    {etl.Mistake, CodeDuplicateName, "there is a job of that name already", "Choose another name."},
	"api_tokens_hash_key":  {etl.Mistake, CodeDuplicateName, "that token exists already", "Make a new one."},

	"etl_jobs_source_fk":       {etl.Mistake, CodeNotFound, "the job's file does not exist", "Upload it first."},
	"etl_jobs_credential_fk":   {etl.Mistake, CodeNotFound, "the job's credential does not exist", "Create it first."},
	"job_runs_job_fk":          {etl.Mistake, CodeNotFound, "the run's job, in that version, does not exist", "Execute an existing job."},
	"job_runs_source_fk":       {etl.Mistake, CodeNotFound, "the run's file does not exist", "Upload it first."},
	"job_runs_credential_fk":   {etl.Mistake, CodeNotFound, "the run's credential does not exist", "Create it first."},
	"job_runs_parent_fk":       {etl.Mistake, CodeNotFound, "the run whose bad rows are loaded again does not exist", "Check the id; it may have been deleted."},
	"source_spans_source_fk":   {etl.Mistake, CodeNotFound, "the file does not exist", "Upload it first."},
	"leases_credential_fk":     {etl.Mistake, CodeNotFound, "the credential does not exist", "Create it first."},
	"run_logs_run_fk":          {etl.Mistake, CodeNotFound, "the run does not exist", "Check the id."},
	"run_rejects_run_fk":       {etl.Mistake, CodeNotFound, "the run does not exist", "Check the id."},
	"schedules_job_fk":         {etl.Mistake, CodeNotFound, "the schedule's job does not exist", "Create it first."},
	"job_runs_balance_check":   {etl.Internal, CodeCounts, "the run's counts do not add up: read = loaded + filtered + rejected + deduplicated, and loaded = inserted + updated", ""},
	"run_chunks_balance_check": {etl.Internal, CodeCounts, "the chunk's counts do not add up: read = loaded + filtered + rejected + deduplicated", ""},
	"job_runs_chunks_check":    {etl.Mistake, CodeRunState, "the run has chunks that are not loaded", "Wait until they are."},

	"column_mappings_destination_key": {etl.Mistake, CodeInvalidValue, "two mappings fill one destination column", "Remove one of them."},
	"etl_jobs_upsert_keys_check":      {etl.Mistake, CodeInvalidValue, "UPSERT needs key columns", "Name them in upsert_keys."},
}

// told are the triggers' rules, whose message and hint are written for people.
var told = map[string]etl.Code{
	"job_runs_begin":           CodeRunState,
	"job_runs_frozen":          CodeRunState,
	"job_runs_status_move":     CodeRunState,
	"job_runs_phase_move":      CodeRunState,
	"job_runs_plan":            CodeRunState,
	"job_runs_inputs":          CodeInUse,
	"job_runs_end":             CodeInUse,
	"job_runs_attempt_fence":   CodeStaleAttempt,
	"run_chunks_plan":          CodeRunState,
	"run_chunks_frozen":        CodeRunState,
	"run_chunks_state_move":    CodeRunState,
	"run_chunks_run_state":     CodeRunState,
	"run_chunks_attempt_fence": CodeStaleAttempt,
	"audit_log_frozen":         CodeInvalidValue,
}

// wrap turns a failure into an *etl.Error; what says what was being done
// ("reading job 5"). It judges by SQLSTATE and constraint, never by text.
func wrap(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*etl.Error](err); ok {
		return err
	}
	// Answers of the ports' own kinds are no failures.
	if _, ok := errors.AsType[*etl.RetryAfter](err); ok {
		return err
	}
	if _, ok := errors.AsType[*etl.ChunkDone](err); ok {
		return err
	}
	made := &etl.Error{Err: err}
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ctx.Err() != nil && (!ok || e.Code == "57014"):
		made.Kind, made.Code = etl.Weather, "cancelled"
		made.Message, made.Fix = "cancelled while "+what, "Try again."
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			made.Code, made.Message = "timeout", "the time allowed ran out while "+what
		}
	case !ok && isConnection(err):
		made.Kind, made.Code = etl.Weather, CodeUnavailable
		made.Message, made.Fix = "the portal's database cannot be reached while "+what, "Try again; if it lasts, see whether its server runs."
	case !ok:
		made.Kind, made.Code, made.Message = etl.Internal, "internal", "something of the portal's own failed while "+what
	default:
		explain(made, e, what)
	}
	return made
}

// isConnection tells failures of the wire from those of encoding and decoding.
func isConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func explain(made *etl.Error, e *pgconn.PgError, what string) {
	if code, ok := told[e.ConstraintName]; ok && e.Code == "23514" {
		made.Kind, made.Code, made.Message, made.Fix = etl.Mistake, code, e.Message, e.Hint
		return
	}
	if r, ok := rules[e.ConstraintName]; ok {
		made.Kind, made.Code, made.Message, made.Fix = r.kind, r.code, r.message, r.fix
		return
	}
	switch {
	case e.Code == "22021" || e.Code == "22P05":
		made.Kind, made.Code = etl.Mistake, CodeInvalidText
		made.Message, made.Fix = "a text holds NUL or is not UTF-8", "Send texts without U+0000, in UTF-8."
	case e.Code == "40001" || e.Code == "40P01" || e.Code == "55P03":
		made.Kind, made.Code = etl.Weather, CodeBusy
		made.Message, made.Fix = "others were in the way while "+what, "Try again."
	case strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "57"), strings.HasPrefix(e.Code, "58"), e.Code == "25006":
		made.Kind, made.Code = etl.Weather, CodeUnavailable
		made.Message, made.Fix = "the portal's database cannot serve now, while "+what, "Try again; if it lasts, see what its server's log says."
	case e.Code == "42P01" || e.Code == "42703" || e.Code == "42883":
		made.Kind, made.Code = etl.Mistake, "migrations_pending"
		made.Message, made.Fix = "the portal's database lacks something that this program needs: "+e.Message, "Run: etlportal migrate up"
	case signInRefused(e):
		made.Kind, made.Code = etl.Weather, CodeRefused
		made.Message, made.Fix = "the portal's database refuses us: "+e.Message, "Check user, password, database and rights in its URL."
	case e.Code == "3D000" || e.Code == "42501":
		made.Kind, made.Code = etl.Mistake, CodeRefused
		made.Message, made.Fix = "the portal's database refuses us: "+e.Message, "Check user, password, database and rights in its URL."
	case strings.HasPrefix(e.Code, "23"):
		made.Kind, made.Code = etl.Mistake, CodeInvalidValue
		made.Message = fmt.Sprintf("a value is not allowed while %s (%s)", what, e.ConstraintName)
		made.Fix = "Correct what the rule's name says."
	case strings.HasPrefix(e.Code, "22"):
		made.Kind, made.Code = etl.Mistake, CodeInvalidValue
		made.Message, made.Fix = fmt.Sprintf("a value is not allowed while %s: %s", what, e.Message), "Correct the value."
	default:
		made.Kind, made.Code = etl.Internal, "internal"
		made.Message = fmt.Sprintf("the portal's database failed while %s: %s (SQLSTATE %s)", what, e.Message, e.Code)
	}
}

// violates says whether err is the violation of that constraint.
func violates(err error, constraint string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.ConstraintName == constraint
}
