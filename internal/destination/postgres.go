// Package destination writes rows into customers' databases.
//
// A load is one transaction of the database (session.go): rows are encoded as
// binary COPY (encode.go) and go straight into the table, or first into a
// temporary table (stage.go) where the database has to merge (upsert.go), cast,
// or be asked which row it refuses (refused.go). Errors of the database are told
// apart by type and SQLSTATE, never by text (errors.go, connect.go).
package destination

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

const (
	defaultApplicationName = "etlportal"
	connectTimeout         = 10 * time.Second
	// patience is how long a cancelled statement may take to end before its
	// connection is cut, and how long a rollback may take.
	patience = 5 * time.Second
	// oldest is the first release whose catalogue has all that is asked of it
	// (pg_attribute.attgenerated).
	oldest = 12
)

// Options say how to connect.
type Options struct {
	// ApplicationName is shown by pg_stat_activity; empty: "etlportal".
	ApplicationName string
	// Control, where set, is asked before each connection with the very address
	// that is dialled (net.Dialer.Control).
	Control func(network, address string, c syscall.RawConn) error
	// LockTimeout is how long a statement waits for others' locks; 0: 30
	// seconds. A second claim of a chunk waits for a quarter of a second at most.
	LockTimeout time.Duration
}

// Postgres is a PostgreSQL database, version 12 or later, behind a pooler in
// transaction mode or not: it uses no named prepared statements, and settings
// and temporary tables only within a transaction. It may be used by several
// goroutines; each load has a connection of its own.
type Postgres struct {
	config      *pgx.ConnConfig
	lockTimeout time.Duration
	// pooled says that something between takes no settings of a session.
	pooled atomic.Bool

	mu     sync.Mutex
	idle   []*pgx.Conn
	closed bool
}

var _ etl.Destination = (*Postgres)(nil)

// OpenPostgres connects to the database of a postgres:// URL, in 10 seconds
// unless the URL's connect_timeout says otherwise. Whatever the URL leaves out
// comes from the environment (PGUSER, PGPASSWORD, the password file, …) as with psql.
//
// The error is an *etl.Error: a Mistake bad_url, wrong_password,
// no_such_database, connect_denied, tls_failed, server_too_old or
// encoding_refused; Weather unknown_host, connection_refused, connect_timeout,
// unreachable, too_many_connections, server_unavailable, not_postgresql.
// No error holds the password, nor does anything that it wraps.
func OpenPostgres(ctx context.Context, url string, o Options) (*Postgres, error) {
	config, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	return open(ctx, config, o)
}

func open(ctx context.Context, config *pgx.ConnConfig, o Options) (*Postgres, error) {
	if o.Control != nil {
		config.DialFunc = (&net.Dialer{KeepAlive: 15 * time.Second, Control: o.Control}).DialContext
	}
	name := o.ApplicationName
	if name == "" {
		name = defaultApplicationName
	}
	config.RuntimeParams["application_name"] = name
	// Text is sent as UTF-8 whatever the database's own encoding is.
	config.RuntimeParams["client_encoding"] = "UTF8"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	// A cancelled statement is cancelled on the server, too, rather than left
	// to find out that nobody listens.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: patience}
	}
	p := &Postgres{config: config, lockTimeout: cmp.Or(o.LockTimeout, lockTimeout)}
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	if version := serverVersion(conn); version < oldest {
		p.drop(conn)
		return nil, etl.Mistakef("server_too_old", "Load into PostgreSQL 12 or later.",
			"the server runs PostgreSQL %s, which is not supported", conn.PgConn().ParameterStatus("server_version"))
	}
	p.release(conn)
	return p, nil
}

// serverVersion is the major version ("18.3", "15.2 (Debian 15.2-1)", "19beta1").
func serverVersion(conn *pgx.Conn) int {
	text := conn.PgConn().ParameterStatus("server_version")
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		text = text[:end]
	}
	version, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return version
}

// Close frees the connections; a load that still runs keeps its own until it ends. It may be repeated.
func (p *Postgres) Close(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	var errs []error
	for _, conn := range idle {
		errs = append(errs, conn.Close(ctx))
	}
	return errors.Join(errs...)
}

// CreateTableSQL is the statement that Begin runs for LoadSpec.Create.
func (p *Postgres) CreateTableSQL(t *schema.Table) string { return t.CreateSQL() }

// acquire gives a connection that nobody else uses; reused says that it has
// been idle, so that it may have died meanwhile.
func (p *Postgres) acquire(ctx context.Context) (conn *pgx.Conn, reused bool, err error) {
	p.mu.Lock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		conn := p.idle[last]
		p.idle = p.idle[:last]
		if !conn.IsClosed() {
			p.mu.Unlock()
			return conn, true, nil
		}
	}
	p.mu.Unlock()
	conn, err = p.dial(ctx)
	return conn, false, err
}

// with runs f, which must change nothing that outlasts a failure, on a
// connection; once more on a fresh one, where the first had died while idle.
func (p *Postgres) with(ctx context.Context, f func(conn *pgx.Conn) error) (*pgx.Conn, error) {
	for {
		conn, reused, err := p.acquire(ctx)
		if err != nil {
			return nil, err
		}
		err = f(conn)
		if err == nil {
			return conn, nil
		}
		died := conn.IsClosed()
		p.drop(conn)
		if !reused || !died || ctx.Err() != nil {
			return nil, err
		}
	}
}

// release takes back a connection that is out of any transaction.
func (p *Postgres) release(conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().TxStatus() != 'I' {
		p.drop(conn)
		return
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.idle = append(p.idle, conn)
	}
	p.mu.Unlock()
	if closed {
		p.drop(conn)
	}
}

// drop closes a connection, whatever its state.
func (p *Postgres) drop(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// The server rolls back when a connection goes, so there is nothing to do
	// about an error of saying goodbye.
	_ = conn.Close(ctx)
}
