// Package store is the portal's own PostgreSQL: sources, credentials, jobs,
// runs, their chunks, logs and rejects, and who may do what.
//
// Legal moves of runs and chunks and the fencing of attempts are enforced by
// the database (migrations/00003_runs.sql); the methods here are no more than
// the polite way to ask. Every time is the database's. Errors are *etl.Error:
// Mistakes carry the codes not_found, version_conflict, duplicate_name, in_use,
// run_state, stale_attempt, idempotency_conflict, bad_cursor, bad_limit and
// invalid_text; a database that cannot be reached is Weather.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/etlportal/etlportal/internal/etl"
)

// Options adjust Open; the zero value is right for one server.
type Options struct {
	// ApplicationName is shown in pg_stat_activity; "etlportal" by default.
	ApplicationName string
	// MaxConns bounds the pool; 10 by default. Watch uses one connection more.
	MaxConns int32
	// Now replaces the database's clock in tests.
	Now func() time.Time
	// Password, where set, is asked for a password anew once the database has
	// refused the one of before, as after its rotation. It must not use the Store.
	Password func(ctx context.Context) (string, error)
	// Ended, where set, hears of every run that this Store ended, once, after
	// that is committed. It must be quick.
	Ended func(r etl.Run)
}

// Store is the portal's database. Its methods may be used by any number of
// goroutines and by any number of processes on one database.
type Store struct {
	pool  *pgxpool.Pool
	watch *watcher
	ended func(etl.Run)
}

// Open connects to a database that MigrateUp has prepared. A URL that cannot be
// read is a Mistake of code bad_url, a database that does not answer is Weather
// of code portal_database_unavailable, and one that does not know the user or
// the password is a Mistake of code portal_database_refused: once open it is
// Weather, because a password that was right is being changed.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(err)
	}
	name := o.ApplicationName
	if name == "" {
		name = "etlportal"
	}
	config.ConnConfig.RuntimeParams["application_name"] = name
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.MaxConns = 10
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
		return nil
	}
	if o.Now != nil {
		config.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
			_, err := c.Exec(ctx, `SELECT set_config('etlportal.now', $1, false)`, o.Now().UTC().Format(time.RFC3339Nano))
			return err == nil, err
		}
	}
	if o.Password != nil {
		k := newKeyring(config.ConnConfig, o.Password)
		config.BeforeConnect = k.beforeConnect
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, badURL(err)
	}
	s := &Store{pool: pool, watch: newWatcher(config.ConnConfig, config.BeforeConnect), ended: o.Ended}
	err = pool.Ping(ctx)
	if o.Password != nil && passwordRefused(err) {
		err = pool.Ping(ctx)
	}
	if err != nil {
		s.Close()
		return nil, firstRefusal(wrap(ctx, err, "connecting to the portal's database"))
	}
	return s, nil
}

// Close ends all watches and waits for the connections to come back; it may be repeated.
func (s *Store) Close() {
	s.watch.close()
	s.pool.Close()
}

// Pool is the pool of connections, for a queue in the same database.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ready says whether the database answers and has this program's tables:
// Weather of code portal_database_unavailable or Mistake of code migrations_pending.
func (s *Store) Ready(ctx context.Context) error {
	version, err := tablesVersion(ctx, s.pool)
	if err != nil {
		return wrap(ctx, err, "asking whether the portal's database is ready")
	}
	if latest := latestMigration(); version < latest {
		return etl.Mistakef("migrations_pending", "Run: etlportal migrate up", "the portal's database has version %d of the tables, this program needs %d", version, latest)
	}
	return nil
}

// tx runs do in a transaction. A deadlock or serialisation failure starts it
// anew, so do must not keep what it learnt in an earlier try.
func (s *Store) tx(ctx context.Context, what string, do func(pgx.Tx) error) error {
	const tries = 4
	var err error
	for range tries {
		err = pgx.BeginFunc(ctx, s.pool, do)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "40P01" && e.Code != "40001" {
			break
		}
	}
	return wrap(ctx, err, what)
}

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// one reads a row by scan; no row is not_found.
func one[T any](ctx context.Context, q queryer, kind string, id any, scan func(pgx.Row) (T, error), sql string, args ...any) (T, error) {
	v, err := scan(q.QueryRow(ctx, sql, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return v, notFound(kind, id)
	}
	return v, wrap(ctx, err, fmt.Sprintf("reading %s %v", kind, id))
}

// all reads every row by scan.
func all[T any](ctx context.Context, q queryer, what string, scan func(pgx.Row) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(ctx, err, what)
	}
	items, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) { return scan(row) })
	return items, wrap(ctx, err, what)
}
