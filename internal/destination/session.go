package destination

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

const lockTimeout = 30 * time.Second

// settings hold for the load's transaction alone, so that a pooler may sit
// between. A loader that died frees its locks in seconds rather than after two
// hours of TCP patience; one that lives is not cut off by the role's timeouts.
const settings = `
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL tcp_keepalives_idle = 15;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 3;
SET LOCAL tcp_user_timeout = '30s';
SET LOCAL DateStyle = 'ISO, MDY';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1;
`

// begin opens the transaction. The last settings are refused by servers on
// some systems, whose loads then go without.
func (p *Postgres) begin(ctx context.Context, conn *pgx.Conn) error {
	version := serverVersion(conn)
	settings := settings + setLockTimeout(p.lockTimeout)
	more := ""
	if version >= 14 {
		more += "SET LOCAL client_connection_check_interval = '10s';"
	}
	if version >= 17 {
		more += "SET LOCAL transaction_timeout = 0;"
	}
	err := execute(ctx, conn, settings+more)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == "22023" || e.Code == "42704") && more != "" {
		if err := execute(ctx, conn, "ROLLBACK"); err != nil {
			return err
		}
		err = execute(ctx, conn, settings)
	}
	return err
}

func setLockTimeout(d time.Duration) string {
	return fmt.Sprintf("SET LOCAL lock_timeout = %d;", d.Milliseconds())
}

// execute runs one or more statements without parameters in one round trip.
func execute(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// session implements etl.LoadSession.
type session struct {
	p      *Postgres
	conn   *pgx.Conn
	spec   etl.LoadSpec
	target *target
	layout *layout
	stream *stream
	ledger ledger
	// keys are what is known of duplicates before the server is asked.
	keys keySet
	// stage is nil on the direct path.
	stage *staging
	notes []string
	over  bool
}

// Begin opens the one transaction of a load on a connection of its own, creates
// or empties the table where asked, and starts the COPY.
//
// Rows go straight into the table, unless the database has to merge them, cast
// them, or be asked which of them it refuses; then they go through a temporary
// table. A TRUNCATE locks everybody out until the load's end.
func (p *Postgres) Begin(ctx context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	if spec.Table == nil {
		return nil, errors.New("destination: LoadSpec without a table")
	}
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		return wrap(ctx, p.begin(ctx, conn), "starting a transaction")
	})
	if err != nil {
		return nil, err
	}
	s := &session{p: p, conn: conn, spec: spec}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Abort(ctx))
	}
	return s, nil
}

// openTarget creates the table where asked, looks at it and checks it against
// what the load wants.
func (s *session) openTarget(ctx context.Context) error {
	spec := &s.spec
	if spec.Table.Schema == "pg_catalog" || spec.Table.Schema == "information_schema" {
		return systemTable(qualified(spec.Table.Schema, spec.Table.Name))
	}
	if spec.Create {
		if n := len(spec.Table.Columns); n > maxColumns {
			return etl.Mistakef("too_many_columns", "Map fewer of the file's columns.",
				"%s would have %d columns, and a table of PostgreSQL has at most %d", qualified(spec.Table.Schema, spec.Table.Name), n, maxColumns)
		}
		if err := execute(ctx, s.conn, spec.Table.CreateSQL()); err != nil {
			return createError(ctx, s.conn, err, spec.Table.Schema, qualified(spec.Table.Schema, spec.Table.Name))
		}
	}
	t, err := readTarget(ctx, s.conn, spec.Table)
	if err != nil {
		return err
	}
	if err := t.check(spec); err != nil {
		return err
	}
	s.target, s.layout = t, newLayout(spec.Columns)
	return nil
}

// empty empties the table where the strategy says so.
func (s *session) empty(ctx context.Context) error {
	if s.spec.Strategy != etl.TruncateInsert || s.spec.DryRun || s.spec.Create {
		return nil
	}
	if err := execute(ctx, s.conn, "TRUNCATE TABLE "+s.target.sql()); err != nil {
		return truncateError(ctx, err, qualified(s.target.Schema, s.target.Name))
	}
	return nil
}

func (s *session) prepare(ctx context.Context) error {
	if err := s.openTarget(ctx); err != nil {
		return err
	}
	copySQL := fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", s.target.sql(), quoteAll(s.layout.names))
	if err := s.empty(ctx); err != nil {
		return err
	}
	if s.needsStage() {
		if !stageable(s.spec.Columns) {
			return tooManyColumns(&s.spec)
		}
		var err error
		if copySQL, err = s.openStage(ctx); err != nil {
			return err
		}
	}
	s.stream = startStream(ctx, s.conn.PgConn(), copySQL)
	return nil
}

// NewBatch implements etl.LoadSession.
func (s *session) NewBatch() etl.Batch { return &batch{layout: s.layout} }

// Write implements etl.LoadSession.
func (s *session) Write(ctx context.Context, eb etl.Batch) error {
	b, ok := eb.(*batch)
	if !ok || b.layout != s.layout {
		return errors.New("destination: a batch of another load")
	}
	if b.rows == 0 {
		return nil
	}
	buf := b.buf
	s.ledger.add(b)
	s.keys.add(b.keys)
	empty, err := s.stream.send(ctx, buf)
	if err != nil {
		return s.copyError(ctx, err)
	}
	b.buf = empty
	b.Reset()
	return nil
}

// Finish implements etl.LoadSession.
func (s *session) Finish(ctx context.Context) (etl.LoadResult, error) {
	copied, err := s.stream.finish(ctx)
	if err != nil {
		return etl.LoadResult{}, s.copyError(ctx, err)
	}
	if copied != s.ledger.rows {
		return etl.LoadResult{}, s.countError(copied)
	}
	result := etl.LoadResult{Inserted: copied}
	if s.stage != nil {
		if result, err = s.publish(ctx); err != nil {
			return etl.LoadResult{}, unkept(result, err)
		}
	}
	result.Notes = s.notes
	if s.spec.DryRun {
		return result, s.Abort(ctx)
	}
	if err := s.commit(ctx, result); err != nil {
		return etl.LoadResult{}, unkept(result, err)
	}
	s.over = true
	s.p.release(s.conn)
	return result, nil
}

// unkept gives the refused rows of a failed load back, unless its error has them.
func unkept(result etl.LoadResult, err error) error {
	if _, told := errors.AsType[*etl.RowsRefused](err); told {
		return err
	}
	return errors.Join(err, result.Refused.Close())
}

// Abort implements etl.LoadSession.
func (s *session) Abort(ctx context.Context) error {
	if s.over {
		return nil
	}
	s.over = true
	if s.stream != nil {
		s.stream.abort()
	}
	// The load's context may be the reason for the abort.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if !s.conn.IsClosed() {
		// Whatever this says, the server rolls back when the connection closes,
		// which release sees to where the transaction is still open.
		_ = execute(ctx, s.conn, "ROLLBACK")
	}
	s.p.release(s.conn)
	return nil
}

// countError says that the database took other rows than were sent.
func (s *session) countError(got int64) error {
	name := qualified(s.target.Schema, s.target.Name)
	if s.spec.Table.Refusals.Trigger && got < s.ledger.rows {
		return &etl.Error{
			Kind: etl.Refused, Code: "rows_suppressed",
			Message: fmt.Sprintf("a trigger of %s kept %d of %d rows out without an error", name, s.ledger.rows-got, s.ledger.rows),
			Fix:     "Filter those rows out with the mapping's filter, or disable the trigger.",
		}
	}
	return &etl.Error{
		Kind: etl.Internal, Code: "count_mismatch",
		Message: fmt.Sprintf("%d rows were sent to %s and the database counted %d; nothing was kept", s.ledger.rows, name, got),
	}
}

// copyError explains a COPY that failed.
func (s *session) copyError(ctx context.Context, err error) error {
	name := qualified(s.target.Schema, s.target.Name)
	made := wrap(ctx, err, "writing to "+name)
	e, isServer := errors.AsType[*pgconn.PgError](err)
	if bad := badField(e, isServer); bad != nil {
		made = bad
	}
	refused, ok := errors.AsType[*etl.Error](made)
	if !isServer || !ok || refused.Kind != etl.Refused {
		return made
	}
	table := s.target.Name
	if s.stage != nil {
		table = s.stage.name
	}
	row, column, known := copyRow(e, table)
	s.locate(refused, e, column)
	if known {
		if line, ok := s.ledger.line(row); ok {
			refused.Line = line
			return refused
		}
	}
	if s.stage != nil {
		return refused
	}
	return s.needsExplain(refused)
}

// badField is the refusal of a value whose state is usually a statement's, such
// as that of JSON nested too deep.
func badField(e *pgconn.PgError, ok bool) error {
	if !ok || len(e.Code) != 5 || !slices.Contains(castClasses, e.Code[:2]) {
		return nil
	}
	if m := copyContext.FindStringSubmatch(e.Where); m == nil || m[3] == "" {
		return nil
	}
	return &etl.Error{Kind: etl.Refused, Code: valueCode(e), Fix: skipFix, Err: e}
}

// locate names the column of a refusal, and its value, where the server tells them.
func (s *session) locate(refused *etl.Error, e *pgconn.PgError, column string) {
	refused.Column = cmp.Or(e.ColumnName, column)
	if refused.Column == "" {
		columns := s.target.Constraints[e.ConstraintName]
		for _, index := range s.spec.Table.Unique {
			if index.Name == e.ConstraintName {
				columns = index.Columns
			}
		}
		refused.Column = strings.Join(columns, ", ")
		// In every language the detail holds (columns)=(values).
		if _, after, ok := strings.Cut(e.Detail, ")=("); ok && len(columns) > 0 && strings.Count(after, ")") == 1 {
			value, _, _ := strings.Cut(after, ")")
			refused.Value = limit(value, 200)
		}
	}
	refused.Message = "the database refused a row: " + naming(refused.Column, sentence(e))
}

// needsExplain asks for a second load, unless it could not tell more.
func (s *session) needsExplain(refused *etl.Error) error {
	if stageable(s.spec.Columns) {
		return &etl.NeedsExplain{Err: refused}
	}
	refused.Message += fmt.Sprintf(" (its line cannot be told for a load of more than %d columns)", maxColumns-2)
	return refused
}
