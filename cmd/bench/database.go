package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/local"
)

// schemaName holds the bench's tables.
const schemaName = "etlportal_bench"

// database is where both sides load.
type database struct {
	url, origin string
	conn        *pgx.Conn
	server      *local.Postgres
	dir         string
}

// openDatabase connects to BENCH_DATABASE_URL, or starts a server of its own
// that is as durable as a user's: fsync decides much of a load's time.
func openDatabase(ctx context.Context) (*database, error) {
	db := &database{url: os.Getenv("BENCH_DATABASE_URL"), origin: "BENCH_DATABASE_URL"}
	if db.url == "" {
		dir, err := os.MkdirTemp("", "etlportal-bench-")
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server may run as another user, in a closed directory below
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		server, err := local.StartPostgres(ctx, local.Options{DataDir: dir, Settings: map[string]string{"max_wal_size": "8GB"}})
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		db.url, db.origin, db.server, db.dir = server.URL, "embedded, default settings but max_wal_size = 8GB", server, dir
	}
	var err error
	if db.conn, err = pgx.Connect(ctx, db.url); err == nil {
		err = db.exec(ctx, "DROP SCHEMA IF EXISTS "+schemaName+" CASCADE", "CREATE SCHEMA "+schemaName, "SET search_path = "+schemaName)
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// close drops the schema or stops the server, also after an interrupt.
func (db *database) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if db.conn != nil {
		if db.server == nil {
			err = db.exec(ctx, "DROP SCHEMA IF EXISTS "+schemaName+" CASCADE")
		}
		err = errors.Join(err, db.conn.Close(ctx))
	}
	if db.server != nil {
		err = errors.Join(err, db.server.Stop(), os.RemoveAll(db.dir))
	}
	return err
}

// exec runs statements one after another.
func (db *database) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := db.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// text gives the single value of a query.
func (db *database) text(ctx context.Context, sql string) (value string, err error) {
	if err = db.conn.QueryRow(ctx, sql).Scan(&value); err != nil {
		err = fmt.Errorf("%s: %w", sql, err)
	}
	return value, err
}

// settle empties what a run would otherwise pay for its predecessor.
func (db *database) settle(ctx context.Context) error {
	if err := db.exec(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("the bench needs a user who may CHECKPOINT: %w", err)
	}
	return nil
}

// fingerprint tells two tables with different rows apart: the number of rows,
// sums of the numbers, and a sum of hashes over whole rows. It takes
// expressions for the columns, so that it can do to one table what etlportal
// did on its way to the other.
func (db *database) fingerprint(ctx context.Context, table, customer, city, total string) (string, error) {
	return db.text(ctx, fmt.Sprintf(`SELECT concat_ws(' ', count(*), sum(id), sum(amount), sum(qty), sum(%[3]s), sum(hashtextextended(ROW(id, %[1]s, %[2]s, product, note,
		amount, qty, ordered_at, ship_date, paid, %[3]s)::text, 0)::numeric)) FROM %[4]s`, customer, city, total, table))
}
