package destination

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// commitTimeout bounds COMMIT, which may wait for a synchronous standby.
	commitTimeout = 5 * time.Minute
	// inquiry bounds the search for a lost COMMIT's outcome: a server that
	// crashed needs a moment to recover.
	inquiry = 60 * time.Second
)

// commit ends the transaction. From here on the caller's cancellation comes too
// late. Where the answer is lost, the server is asked on another connection what
// became of the transaction. done is for LoadSpec.BeforeCommit.
func (s *session) commit(ctx context.Context, done etl.LoadResult) error {
	what := "publishing the rows of " + qualified(s.target.Schema, s.target.Name)
	// Deferred constraints are checked while their errors still come before COMMIT.
	if err := execute(ctx, s.conn, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return s.deferredError(ctx, err, what)
	}
	var xid *int64
	if err := s.conn.QueryRow(ctx, "SELECT pg_catalog.txid_current_if_assigned()").Scan(&xid); err != nil {
		return wrap(ctx, err, what)
	}
	if s.spec.BeforeCommit != nil {
		var transaction int64 // stays 0 where nothing was written
		if xid != nil {
			transaction = *xid
		}
		if err := s.spec.BeforeCommit(ctx, transaction, done); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return wrap(ctx, err, what)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	tag, err := s.conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	if err == nil {
		if len(tag) == 1 && tag[0].CommandTag.String() == "COMMIT" {
			return nil
		}
		return &etl.Error{Kind: etl.Internal, Code: "not_committed", Message: "the database rolled the load back instead of committing it"}
	}
	// A plain ERROR means rolled back; anything else leaves the question open.
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && severity(e) == "ERROR" {
		return wrap(ctx, err, what)
	}
	if xid == nil {
		return nil // it wrote nothing
	}
	return s.outcome(ctx, *xid, err)
}

func severity(e *pgconn.PgError) string {
	if e.SeverityUnlocalized != "" {
		return e.SeverityUnlocalized
	}
	return e.Severity
}

// outcome finds out what became of a transaction whose COMMIT went unanswered.
func (s *session) outcome(ctx context.Context, xid int64, cause error) error {
	name := qualified(s.target.Schema, s.target.Name)
	ctx, cancel := context.WithTimeout(ctx, inquiry)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		switch s.p.status(ctx, xid) {
		case "committed":
			return nil
		case "aborted":
			return &etl.Error{
				Kind: etl.Weather, Code: "connection_lost", Err: cause,
				Message: fmt.Sprintf("the connection was lost while publishing, and the database rolled back: %s is unchanged", name),
				Fix:     "Try again.",
			}
		}
		select {
		case <-ctx.Done():
			return &etl.Error{
				Kind: etl.Weather, Code: "commit_unknown", Err: cause,
				Message: fmt.Sprintf("the connection was lost while publishing, and the database does not say whether the rows are in %s", name),
				Fix:     fmt.Sprintf("Look into the table before trying again, or ask it: SELECT txid_status(%d).", xid),
			}
		case <-tick.C:
		}
	}
}

// Outcome implements etl.FanOut.
func (p *Postgres) Outcome(ctx context.Context, transaction int64) (string, error) {
	var status *string
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, "SELECT pg_catalog.txid_status($1)", transaction).Scan(&status)
		return wrap(ctx, err, "asking what became of a load")
	})
	if err != nil {
		return "", err
	}
	p.release(conn)
	if status == nil {
		return "", nil
	}
	return *status, nil
}

// status is "committed", "aborted", "in progress", or empty where it cannot be
// known (yet).
func (p *Postgres) status(ctx context.Context, xid int64) string {
	status, err := p.Outcome(ctx, xid)
	if err != nil {
		return ""
	}
	return status
}

// deferredError explains a constraint that was checked at the end.
func (s *session) deferredError(ctx context.Context, err error, what string) error {
	made := wrap(ctx, err, what)
	e, isServer := errors.AsType[*pgconn.PgError](err)
	if refused, ok := errors.AsType[*etl.Error](made); ok && isServer && refused.Kind == etl.Refused {
		s.locate(refused, e, "")
		return s.needsExplain(refused)
	}
	return made
}

func createError(ctx context.Context, conn *pgx.Conn, err error, schemaName, name string) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return wrap(ctx, err, "creating "+name)
	}
	switch e.Code {
	case "42P07":
		return &etl.Error{
			Kind: etl.Mistake, Code: "table_exists", Err: err, Message: fmt.Sprintf("%s exists already", name),
			Fix: "Load into it without creating it, or choose another name.",
		}
	case "3F000":
		if schemaName == "" {
			return &etl.Error{
				Kind: etl.Mistake, Code: "schema_not_found", Err: err, Message: fmt.Sprintf("there is no schema to create %s in", name),
				Fix: "Name one (schema.table), or set the role's search_path.",
			}
		}
		return &etl.Error{
			Kind: etl.Mistake, Code: "schema_not_found", Err: err, Message: fmt.Sprintf("there is no schema %q", schemaName),
			Fix: fmt.Sprintf("Create it (CREATE SCHEMA %s;), or choose another.", quote(schemaName)),
		}
	case "42501":
		if schemaName == "" {
			schemaName = "public"
		}
		return &etl.Error{
			Kind: etl.Mistake, Code: "permission_denied", Err: err,
			Message: fmt.Sprintf("user %q may not create %s", conn.Config().User, name),
			Fix:     fmt.Sprintf("Ask for: GRANT USAGE, CREATE ON SCHEMA %s TO %s;", quote(schemaName), quote(conn.Config().User)),
		}
	}
	return wrap(ctx, err, "creating "+name)
}

func truncateError(ctx context.Context, err error, name string) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "0A000" {
		return &etl.Error{
			Kind: etl.Mistake, Code: "truncate_refused", Err: err,
			Message: fmt.Sprintf("%s cannot be emptied, because another table's foreign key refers to it", name),
			Fix:     "Use strategy upsert, or drop that foreign key for the load.",
		}
	}
	return wrap(ctx, err, "emptying "+name)
}
