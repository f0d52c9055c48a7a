package redshift

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// wire is the road over connections, with the simple protocol alone: Redshift
// is no PostgreSQL to its drivers (https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html).
type wire struct {
	config *pgconn.Config
	// credentials are Login's.
	credentials func(ctx context.Context, renew bool) (username, password string, err error)

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
}

// Run implements etl.Statements.
func (w *wire) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	conn, reused, err := w.acquire(ctx)
	if err != nil {
		return nil, err
	}
	begun := false
	if len(statements) > 1 {
		// A connection that died while idle is found out before anything is at stake.
		if _, err = one(ctx, conn, "BEGIN"); err != nil && reused && conn.IsClosed() && ctx.Err() == nil {
			if conn, err = w.dial(ctx); err == nil {
				_, err = one(ctx, conn, "BEGIN")
			}
		}
		if err != nil {
			w.drop(conn)
			return nil, err
		}
		begun = true
	}
	var results []etl.StatementResult
	for i, sql := range statements {
		r, err := one(ctx, conn, sql)
		if err != nil && !begun && reused && conn.IsClosed() && ctx.Err() == nil && strings.HasPrefix(sql, "SELECT") {
			if conn, err = w.dial(ctx); err != nil {
				return nil, err
			}
			r, err = one(ctx, conn, sql)
		}
		if err != nil {
			w.drop(conn)
			return nil, at(err, i)
		}
		results = append(results, r)
	}
	if begun {
		if _, err := one(ctx, conn, "COMMIT"); err != nil {
			w.drop(conn)
			return nil, at(err, len(statements))
		}
	}
	w.release(conn)
	return results, nil
}

// one runs a statement with the simple protocol.
func one(ctx context.Context, conn *pgconn.PgConn, sql string) (etl.StatementResult, error) {
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
