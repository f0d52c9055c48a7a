package redshift

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/etlportal/etlportal/internal/etl"
)

// Login says how to connect over the wire protocol.
type Login struct {
	Host               string
	Port               int // 0: 5439
	Database           string
	Username, Password string
	// SSLMode is libpq's require (the default), verify-ca, verify-full or disable.
	SSLMode string
	// Authority is the certificate of the server's authority, in PEM; empty: those of the system.
	Authority string
	// Timeout of connecting; 0 means 10 seconds.
	Timeout time.Duration
	// Control, where set, is asked before each connection with the very address
	// that is dialled (net.Dialer.Control).
	Control func(network, address string, c syscall.RawConn) error
}

const (
	defaultPort    = 5439
	connectTimeout = 10 * time.Second
	// patience is how long a cancelled statement may take to end before its
	// connection is cut.
	patience = 5 * time.Second
)

// wire is the road over connections, with the simple protocol alone: Redshift
// is no PostgreSQL to its drivers (https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html).
type wire struct {
	config *pgconn.Config

	mu     sync.Mutex
	idle   []*pgconn.PgConn
	closed bool
}

// Connect gives the road to a warehouse over its wire protocol; it connects once, to see that it can.
//
// Errors: the Mistakes bad_ssl_mode, bad_certificate, wrong_password,
// no_such_database; Weather unreachable.
func Connect(ctx context.Context, l Login) (etl.Statements, error) {
	// Only ParseConfig makes a config; all that counts in it is replaced below.
	config, err := pgconn.ParseConfig("host=127.0.0.1 sslmode=disable")
	if err != nil {
		return nil, &etl.Error{
			Kind: etl.Mistake, Code: "bad_environment", Err: err,
			Message: "a PG* variable in the environment cannot be read", Fix: "Remove the PG* variables.",
		}
	}
	config.Host, config.Port, config.Database, config.User, config.Password = l.Host, uint16(cmp.Or(l.Port, defaultPort)), l.Database, l.Username, l.Password
	config.RuntimeParams = map[string]string{"application_name": "etlportal", "client_encoding": "UTF8"}
	config.ConnectTimeout, config.Fallbacks = cmp.Or(l.Timeout, connectTimeout), nil
	config.DialFunc = (&net.Dialer{KeepAlive: 15 * time.Second, Control: l.Control}).DialContext
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: patience}
	}
	if config.TLSConfig, err = tlsOf(&l); err != nil {
		return nil, err
	}
	w := &wire{config: config}
	conn, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	w.release(conn)
	return w, nil
}

// tlsOf reads the mode as libpq does, but knows none that goes on without TLS
// where it was asked for.
func tlsOf(l *Login) (*tls.Config, error) {
	var roots *x509.CertPool
	if l.Authority != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(l.Authority)) {
			return nil, etl.Mistakef("bad_certificate", "Paste the authority's certificate in PEM.", "ssl_root_cert holds no certificate")
		}
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: l.Host, RootCAs: roots}
	switch mode := cmp.Or(l.SSLMode, "require"); {
	case mode == "disable":
		return nil, nil //nolint:nilnil // without TLS
	case mode == "verify-full":
		return config, nil
	case mode == "verify-ca", mode == "require" && roots != nil:
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(s tls.ConnectionState) error {
			o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			if len(s.PeerCertificates) == 0 {
				return errors.New("the server shows no certificate")
			}
			for _, c := range s.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(o)
			return err
		}
		return config, nil
	case mode == "require", mode == "prefer", mode == "allow":
		config.InsecureSkipVerify = true
		return config, nil
	default:
		return nil, etl.Mistakef("bad_ssl_mode", "Use require, verify-ca, verify-full or disable.", "the ssl_mode %q does not exist", mode)
	}
}

func (w *wire) dial(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := pgconn.ConnectConfig(ctx, w.config)
	if err == nil {
		return conn, nil
	}
	at := net.JoinHostPort(w.config.Host, strconv.Itoa(int(w.config.Port)))
	// ConnectError holds the configuration, and so the password: it goes into no error.
	e := &etl.Error{Kind: etl.Weather, Code: "unreachable", Message: "no connection to Redshift at " + at + " could be made", Fix: "Check host, port, network and security group, and that the cluster or workgroup is there."}
	if refusal, ok := errors.AsType[*etl.Error](err); ok {
		return nil, refusal
	}
	var answer *pgconn.PgError
	var timeout net.Error
	switch {
	case errors.As(err, &answer) && (answer.Code == "28P01" || answer.Code == "28000"):
		e.Kind, e.Code = etl.Mistake, "wrong_password"
		e.Message, e.Fix = fmt.Sprintf("Redshift did not accept user %q with this password", w.config.User), "Check user and password."
	case errors.As(err, &answer) && answer.Code == "3D000":
		e.Kind, e.Code = etl.Mistake, "no_such_database"
		e.Message, e.Fix = fmt.Sprintf("there is no database %q", w.config.Database), "Check the database's name."
	case errors.As(err, &answer):
		e.Message += ": " + strings.Join(strings.Fields(answer.Message), " ")
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Code, e.Message = "connection_refused", "no server takes connections at "+at
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Code, e.Message = "connect_timeout", at+" did not answer"
	case w.config.TLSConfig != nil && isTLS(err):
		e.Kind, e.Code, e.Message, e.Fix = etl.Mistake, "tls_failed", "TLS with "+at+" failed", "Check ssl_mode and the authority's certificate."
	}
	return nil, e
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host)
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

// URL is a destination as people write it: redshift://user@host:5439/database
// with the options copy_role_arn, staging_bucket, staging_prefix, staging_region,
// sslmode, and for the Data API, where there is no host, workgroup or
// cluster_identifier, region and secret_arn.
type URL struct {
	Login
	Options map[string]string
}

// ParseURL reads a URL; Mistakes of code bad_url quote no part of it, which may hold a password.
func ParseURL(s string) (URL, error) {
	const fix = "Write it as redshift://user@host:5439/database?copy_role_arn=…&staging_bucket=…, with special characters percent-encoded."
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "redshift" {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL cannot be read")
	}
	out := URL{Options: map[string]string{}}
	out.Host, out.Database = u.Hostname(), strings.TrimPrefix(u.Path, "/")
	if u.Port() != "" {
		if out.Port, err = strconv.Atoi(u.Port()); err != nil || out.Port < 1 || out.Port > 65535 {
			return URL{}, etl.Mistakef("bad_url", fix, "the destination URL's port is not between 1 and 65535")
		}
	}
	out.Username = u.User.Username()
	out.Password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return URL{}, etl.Mistakef("bad_url", fix, "the options of the destination's URL cannot be read")
	}
	for name, values := range query {
		if !knownOption[name] {
			return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL has an option that does not exist")
		}
		out.Options[name] = values[len(values)-1]
	}
	out.SSLMode = out.Options["sslmode"]
	if out.Host == "" && out.Options["workgroup"] == "" && out.Options["cluster_identifier"] == "" {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL names neither a host nor a workgroup or cluster")
	}
	if out.Database == "" || strings.Contains(out.Database, "/") {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL names no database")
	}
	return out, nil
}

var knownOption = map[string]bool{
	"copy_role_arn": true, "staging_bucket": true, "staging_prefix": true, "staging_region": true, "sslmode": true,
	"workgroup": true, "cluster_identifier": true, "region": true, "secret_arn": true,
}
