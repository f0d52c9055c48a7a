package redshift

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// wire is the road over connections, with the simple protocol alone: Redshift
// is no PostgreSQL to its drivers (https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html).
type wire struct {
	config *pgconn.Config
	// credentials are Login's.
	credentials func(ctx context.Context, renew bool) (username, password string, err error)
	lockWait    time.Duration

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
}

// Run implements etl.Statements.
func (w *wire) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	begins := len(statements) > 1
	conn, err := w.ready(ctx, begins)
	if err != nil {
		return nil, err
	}
	var results []etl.StatementResult
	for i, sql := range statements {
		r, err := w.one(ctx, conn, sql)
		if err != nil {
			w.drop(conn)
			return nil, at(err, i)
		}
		results = append(results, r)
	}
	if begins {
		if _, err := w.one(ctx, conn, "COMMIT"); err != nil {
			w.drop(conn)
			return nil, at(err, len(statements))
		}
	}
	w.release(conn)
	return results, nil
}

// ready gives a connection, in a transaction where it begins one. A connection
// that died while idle is found out before anything is at stake.
func (w *wire) ready(ctx context.Context, begins bool) (*pgconn.PgConn, error) {
	conn, reused, err := w.acquire(ctx)
	if err != nil {
		return nil, err
	}
	first := "SELECT 1"
	if begins {
		first = "BEGIN"
	}
	if !begins && !reused {
		return conn, nil
	}
	_, err = w.one(ctx, conn, first)
	if err == nil {
		return conn, nil
	}
	w.drop(conn)
	if !reused || ctx.Err() != nil {
		return nil, at(err, 0)
	}
	if conn, err = w.dial(ctx); err != nil || !begins {
		return conn, err
	}
	if _, err = w.one(ctx, conn, first); err != nil {
		w.drop(conn)
		return nil, at(err, 0)
	}
	return conn, nil
}

// one runs a statement. A LOCK is given up where it waits for too long.
func (w *wire) one(ctx context.Context, conn *pgconn.PgConn, sql string) (etl.StatementResult, error) {
	if !strings.HasPrefix(sql, "LOCK ") {
		return exec(ctx, conn, sql)
	}
	until, cancel := context.WithTimeout(ctx, w.lockWait)
	defer cancel()
	r, err := exec(until, conn, sql)
	if err != nil && until.Err() != nil && ctx.Err() == nil {
		err = &etl.StatementError{State: "57014", Message: "the lock was not free in time", Err: err}
	}
	return r, err
}

// exec runs a statement with the simple protocol.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) (etl.StatementResult, error) {
	answer := conn.Exec(ctx, sql)
	r := etl.StatementResult{Affected: -1}
	for answer.NextResult() {
		rows := answer.ResultReader()
		r.Rows = nil
		for rows.NextRow() {
			var row []*string
			for _, v := range rows.Values() {
				if v == nil {
					row = append(row, nil)
					continue
				}
				s := string(v)
				row = append(row, &s)
			}
			r.Rows = append(r.Rows, row)
		}
		tag, err := rows.Close()
		if err != nil {
			break
		}
		r.Affected = tag.RowsAffected()
	}
	return r, answer.Close()
}

// at says which statement a server's error is of.
func at(err error, index int) error {
	if e, ok := errors.AsType[*etl.StatementError](err); ok {
		e.Index = index
		return e
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	message := e.Message
	if e.Detail != "" {
		message += " (" + e.Detail + ")"
	}
	return &etl.StatementError{Index: index, State: e.Code, Message: message, Number: leadingNumber(e.Message), Err: err}
}

// leadingNumber is Redshift's own number of an error, which its message begins with.
func leadingNumber(message string) int {
	message = strings.TrimSpace(message)
	end := 0
	for end < len(message) && message[end] >= '0' && message[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(message[:end])
	return n
}

func (w *wire) acquire(ctx context.Context) (conn *pgconn.PgConn, reused bool, err error) {
	w.mu.Lock()
	for len(w.idle) > 0 {
		last := len(w.idle) - 1
		conn := w.idle[last]
		w.idle = w.idle[:last]
		if !conn.IsClosed() {
			w.mu.Unlock()
			return conn, true, nil
		}
	}
	w.mu.Unlock()
	conn, err = w.dial(ctx)
	return conn, false, err
}

// release keeps a connection that is out of any transaction.
func (w *wire) release(conn *pgconn.PgConn) {
	w.mu.Lock()
	keep := !w.closed && !conn.IsClosed()
	if keep {
		w.idle = append(w.idle, conn)
	}
	w.mu.Unlock()
	if !keep {
		w.drop(conn)
	}
}

// drop closes a connection, by which its transaction is undone.
func (w *wire) drop(conn *pgconn.PgConn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = conn.Close(ctx)
}

// Close implements etl.Statements.
func (w *wire) Close(context.Context) error {
	w.mu.Lock()
	idle := w.idle
	w.idle, w.closed = nil, true
	w.mu.Unlock()
	for _, conn := range idle {
		w.drop(conn)
	}
	return nil
}
