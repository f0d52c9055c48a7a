package destination

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

const urlFix = "Write it as postgres://" + "user:password@host:5432/database, with the characters /:?#[]@% in user and password percent-encoded."

func badURL(format string, args ...any) *etl.Error {
	return etl.Mistakef("bad_url", urlFix, format, args...)
}

// parseURL reads the URL. Parsers' own errors quote their input, which holds a
// password, so what is wrong is found out here and their errors are not passed on.
func parseURL(text string) (*pgx.ConnConfig, error) {
	if strings.TrimSpace(text) == "" {
		return nil, badURL("the destination's URL is empty")
	}
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case !found:
		return nil, badURL("the destination is not a URL, which would start with postgres://")
	case scheme != "postgres" && scheme != "postgresql":
		return nil, badURL("the destination's URL does not start with postgres:// or postgresql://")
	case rest == "":
		return nil, badURL("the destination's URL ends after its %s://", scheme)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, badURL("the destination's URL contains a blank or a control character")
	}
	config, parseErr := pgx.ParseConfig(text)
	// Several hosts (a:1,b:2) are no URL to net/url, but fine with pgx.
	u, err := url.Parse(text)
	if err != nil && parseErr != nil {
		return nil, badURL("the destination's URL cannot be read: its port is not a number, or a character needs encoding")
	}
	if u != nil {
		if err := checkURL(u); err != nil {
			return nil, err
		}
	}
	if parseErr != nil {
		return nil, badURL("the destination's URL cannot be read, or a file that it or the environment (PGSSLROOTCERT, PGSERVICE, …) names cannot")
	}
	return config, nil
}

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// checkURL quotes no part of the URL: where a character in the password was not
// encoded, any part may hold some of it.
func checkURL(u *url.URL) *etl.Error {
	if strings.Contains(u.RawQuery+u.Path, "@") {
		return badURL("the destination's URL contains a /, ? or @ that is not percent-encoded")
	}
	if u.Fragment != "" || strings.HasSuffix(u.String(), "#") {
		return badURL("the destination's URL contains a # that is not percent-encoded")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return badURL("the destination URL's port is not between 1 and 65535")
		}
	}
	if strings.Count(u.Path, "/") > 1 {
		return badURL("the destination URL's database name contains a slash")
	}
	query := u.Query()
	if mode := query.Get("sslmode"); mode != "" && !slices.Contains(sslModes, mode) {
		return etl.Mistakef("bad_url", "Choose one of "+strings.Join(sslModes, ", ")+".", "the destination URL's sslmode does not exist")
	}
	if s := query.Get("connect_timeout"); s != "" {
		if n, err := strconv.Atoi(s); err != nil || n < 0 {
			return etl.Mistakef("bad_url", "Give whole seconds.", "the destination URL's connect_timeout is not a number")
		}
	}
	return nil
}

// stage is how far a connection attempt came.
type stage int32

const (
	resolving stage = iota
	secured         // TCP is up, TLS is not yet
	loggingIn
)

// dial makes a connection. The hooks note how far it came, because a server
// that refuses TLS or hangs up is told apart by nothing else.
func (p *Postgres) dial(ctx context.Context) (*pgx.Conn, error) {
	config := p.config.Copy()
	var reached atomic.Int32
	dialTCP := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialTCP(ctx, network, addr)
		if err == nil {
			reached.Store(int32(secured))
		}
		return conn, err
	}
	config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		reached.Store(int32(loggingIn))
		return conn, nil
	}
	pooled := p.pooled.Load()
	if !pooled {
		for name, value := range sessionSettings {
			if config.RuntimeParams[name] == "" {
				config.RuntimeParams[name] = value
			}
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if !pooled && takesNoSettings(err) {
		p.pooled.Store(true)
		return p.dial(ctx)
	}
	if err != nil {
		return nil, connectError(ctx, &config.Config, stage(reached.Load()), err)
	}
	return conn, nil
}

// sessionSettings free what a process leaves behind that is gone without a word,
// between two transactions too: a function that stands still, a machine that is
// switched off. Within a transaction its own are stricter.
var sessionSettings = map[string]string{"tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}

// takesNoSettings says that the other side refuses to be given settings at the
// start, as poolers do (PgBouncer: 08P01), whose sessions are not ours alone.
func takesNoSettings(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"08P01", "42704", "22023"}, e.Code)
}

// connectError says what went wrong and what to do about it.
func connectError(ctx context.Context, config *pgconn.Config, reached stage, err error) *etl.Error {
	// ConnectError holds the configuration, and so the password.
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = e.Unwrap()
	}
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	fail := func(kind etl.Kind, code etl.Code, fix, format string, args ...any) *etl.Error {
		return &etl.Error{Kind: kind, Code: code, Fix: fix, Message: fmt.Sprintf(format, args...), Err: err}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fail(etl.Weather, "cancelled", "Start again when you like.", "cancelled while connecting to %s", at)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return loginError(config, at, e, err)
	}
	_, unknownCA := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherHost := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	dns, noName := errors.AsType[*net.DNSError](err)
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case unknownCA:
		return fail(etl.Mistake, "tls_failed", "Give its authority's certificate with sslrootcert=FILE.",
			"the certificate of %s is signed by an authority that is not known here", at)
	case otherHost:
		return fail(etl.Mistake, "tls_failed", "Use the host name that the certificate is for, or sslmode=verify-ca.",
			"the certificate of %s is for another host name", at)
	case invalid:
		return fail(etl.Mistake, "tls_failed", "Ask its administrator to renew it, and check this machine's clock.",
			"the certificate of %s is not valid (expired, not yet valid, or not made for servers)", at)
	case unverified:
		return fail(etl.Mistake, "tls_failed", "Check the server's certificate and the URL's sslrootcert.",
			"the certificate of %s could not be verified", at)
	case noName && (dns.IsNotFound || !dns.IsTimeout):
		return fail(etl.Weather, "unknown_host", "Check the host name in the URL, and the network.", "the host %q is not known", config.Host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(etl.Weather, "connection_refused", "Check host and port, and that PostgreSQL runs there and listens on that address.",
			"no server takes connections at %s", at)
	case errors.Is(err, syscall.ENOENT) && strings.HasPrefix(config.Host, "/"):
		return fail(etl.Weather, "connection_refused", "Check the directory of the socket, and that PostgreSQL runs.",
			"no server listens on a socket in %s for port %d", config.Host, config.Port)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), isNet && netErr.Timeout():
		return fail(etl.Weather, "connect_timeout", "Check host and port, and that no firewall is between.",
			"%s did not answer within %s", at, config.ConnectTimeout)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fail(etl.Weather, "unreachable", "Check the network, a VPN, and the host name.", "there is no route to %s", at)
	case reached == secured && config.TLSConfig != nil:
		return fail(etl.Mistake, "tls_failed", "Enable TLS on the server, or, on a network that you trust, use sslmode=disable.",
			"%s does not speak TLS, which the URL's sslmode asks for", at)
	case reached == loggingIn, reached == secured:
		return fail(etl.Weather, "not_postgresql", "Check that host and port are those of a PostgreSQL server that is running.",
			"%s closed the connection during login", at)
	}
	return fail(etl.Weather, "connection_failed", "Check host, port and network, then try again.", "no connection to %s could be made", at)
}

// loginError explains the server's own refusal.
func loginError(config *pgconn.Config, at string, e *pgconn.PgError, err error) *etl.Error {
	fail := func(kind etl.Kind, code etl.Code, fix, format string, args ...any) *etl.Error {
		return &etl.Error{Kind: kind, Code: code, Fix: fix, Message: fmt.Sprintf(format, args...), Err: err}
	}
	switch e.Code {
	case "28P01":
		if config.Password == "" {
			return fail(etl.Mistake, "wrong_password", "Give it in the URL, in PGPASSWORD or in the password file.",
				"%s asks for a password of user %q, and none was given", at, config.User)
		}
		return fail(etl.Mistake, "wrong_password", "Check user and password; special characters in the URL must be percent-encoded.",
			"%s refused user %q with this password", at, config.User)
	case "28000":
		return fail(etl.Mistake, "connect_denied", "Check the user, whether the server wants TLS (sslmode=require), and its pg_hba.conf.",
			"%s does not let user %q into database %q from here", at, config.User, config.Database)
	case "3D000":
		return fail(etl.Mistake, "no_such_database", fmt.Sprintf("Check its name, or create it: createdb %s", quoteShell(config.Database)),
			"there is no database %q at %s", config.Database, at)
	case "42501":
		return fail(etl.Mistake, "permission_denied",
			fmt.Sprintf("Ask for: GRANT CONNECT ON DATABASE %s TO %s;", quote(config.Database), quote(config.User)),
			"user %q may not connect to database %q", config.User, config.Database)
	case "53300":
		return fail(etl.Weather, "too_many_connections", connectionsFix,
			"%s has no connection left for user %q: %s", at, config.User, oneLine(e.Message))
	case "57P03", "57P01", "57P02":
		return fail(etl.Weather, "server_unavailable", "Try again in a moment.", "%s is starting up or shutting down", at)
	case "22023", "42704":
		return fail(etl.Mistake, "bad_url", "Remove or correct the parameter after the URL's question mark.",
			"the server does not take a parameter of the URL: %s", e.Message)
	}
	if kindOfState(e.Code) == etl.Weather {
		return fail(etl.Weather, "server_unavailable", "Try again later.", "%s does not take the connection: %s", at, e.Message)
	}
	return fail(etl.Mistake, "connect_denied", "Check the URL.", "%s does not take the connection: %s (SQLSTATE %s)", at, e.Message, e.Code)
}

func limit(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quote writes a name as an SQL identifier, always quoted.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
