package redshift

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/etlportal/etlportal/internal/etl"
)

// Login says how to connect over the wire protocol.
type Login struct {
	Host               string
	Port               int // 0: 5439
	Database           string
	Username, Password string
	// Credentials, where set, gives user and password of each connection in the
	// place of Username and Password: temporary ones, the same as long as they
	// last, or others where renew is set. They go over TLS only.
	Credentials func(ctx context.Context, renew bool) (username, password string, err error)
	// SSLMode is libpq's require (the default), verify-ca, verify-full or disable.
	SSLMode string
	// Authority is the certificate of the server's authority, in PEM; empty: those of the system.
	Authority string
	// Timeout of connecting; 0 means 10 seconds.
	Timeout time.Duration
	// LockWait is how long a LOCK may wait; 0 means etl.LockWait.
	LockWait time.Duration
	// Control, where set, is asked before each connection with the very address
	// that is dialled (net.Dialer.Control).
	Control func(network, address string, c syscall.RawConn) error
}

const (
	defaultPort = 5439
	connectFor  = 10 * time.Second
	// patience is how long a cancelled statement may take to end before its
	// connection is cut.
	patience = 5 * time.Second
)

// The codes of a connection that did not come about.
const (
	unreachable       etl.Code = "unreachable"
	connectionRefused etl.Code = "connection_refused"
	connectTimeout    etl.Code = "connect_timeout"
	unknownHost       etl.Code = "unknown_host"
)

var notConnected = []etl.Code{unreachable, connectionRefused, connectTimeout, unknownHost}

// FiledPassword is the password that libpq would find for this login: that of
// PGPASSWORD, else of the password file (PGPASSFILE, else ~/.pgpass); "" where
// there is none. Connect looks for none by itself.
func (l *Login) FiledPassword() string {
	at := url.URL{
		Scheme: "postgres", User: url.User(l.Username), Host: net.JoinHostPort(l.Host, strconv.Itoa(cmp.Or(l.Port, defaultPort))),
		Path: "/" + l.Database, RawQuery: "sslmode=disable",
	}
	config, err := pgconn.ParseConfig(at.String())
	if err != nil {
		// Connect meets the same, and tells it.
		return ""
	}
	return config.Password
}

// Connect gives the road to a warehouse over its wire protocol. It connects when
// it is used first: who stages rows never does. Mistakes: bad_ssl_mode, bad_certificate.
//
// Errors of connecting: the Mistakes wrong_password, unsupported_password, temporary_login_refused,
// no_such_database and tls_failed; Weather unknown_host, unreachable,
// connection_refused and connect_timeout; those of Login.Credentials.
func Connect(_ context.Context, l Login) (etl.Statements, error) {
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
	config.ConnectTimeout, config.Fallbacks = cmp.Or(l.Timeout, connectFor), nil
	config.DialFunc = (&net.Dialer{KeepAlive: 15 * time.Second, Control: l.Control}).DialContext
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: patience}
	}
	if config.TLSConfig, err = tlsOf(&l); err != nil {
		return nil, err
	}
	if l.Credentials != nil && config.TLSConfig == nil {
		return nil, etl.Mistakef("bad_ssl_mode", "Use require, verify-ca or verify-full.", "temporary credentials are sent over TLS only, and ssl_mode is disable")
	}
	return &wire{config: config, credentials: l.Credentials, lockWait: cmp.Or(l.LockWait, etl.LockWait)}, nil
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

// dial connects. Temporary credentials that were given out before and are not
// taken are asked for once more: the server may know of an end that they do not tell.
func (w *wire) dial(ctx context.Context) (*pgconn.PgConn, error) {
	config := w.config.Copy()
	asked := &authentication{}
	config.BuildFrontend = asked.frontend
	for renew := false; ; renew = true {
		if w.credentials != nil {
			var err error
			if config.User, config.Password, err = w.credentials(ctx, renew); err != nil {
				return nil, err
			}
		}
		conn, err := pgconn.ConnectConfig(ctx, config)
		if err == nil {
			return conn, nil
		}
		if w.credentials == nil || renew || !denied(err) {
			return nil, w.refusal(config, asked, err)
		}
	}
}

// authentication reads along how the server asks who is there.
type authentication struct {
	// head is the beginning of its first message.
	head []byte
	r    io.Reader
}

// digest is the type by which Redshift asks for a password that it keeps as
// SHA-256, in a way of its own (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html).
const digest = 13

func (a *authentication) frontend(r io.Reader, w io.Writer) *pgproto3.Frontend {
	a.r, a.head = r, nil
	return pgproto3.NewFrontend(a, w)
}

// Read implements io.Reader.
func (a *authentication) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if more := min(n, authenticationHead-len(a.head)); more > 0 {
		a.head = append(a.head, p[:more]...)
	}
	return n, err
}

// authenticationHead is the letter R, a length, and the type.
const authenticationHead = 1 + 4 + 4

// digest says that the server asked so.
func (a *authentication) digest() bool { return a.kind() == digest }

// kind is the type of authentication that the server asked for; 0 is none.
func (a *authentication) kind() uint32 {
	if len(a.head) < authenticationHead || a.head[0] != 'R' {
		return 0
	}
	return binary.BigEndian.Uint32(a.head[5:])
}

// denied says that the server let the user not in: as PostgreSQL says it, and as
// Redshift's older ground says that there is no such user (42704).
func denied(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == "28P01" || answer.Code == "28000" || answer.Code == "42704")
}

// refusal explains why no connection came about. ConnectError holds the
// configuration, and so the password: it goes into no error.
func (w *wire) refusal(config *pgconn.Config, asked *authentication, err error) error {
	if refusal, ok := errors.AsType[*etl.Error](err); ok {
		return refusal
	}
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	e := &etl.Error{Kind: etl.Weather, Code: unreachable, Message: "no connection to Redshift at " + at + " could be made", Fix: "Check host, port, network and security group, and that the cluster or workgroup is there."}
	var answer *pgconn.PgError
	var timeout net.Error
	var name *net.DNSError
	switch {
	case asked.digest():
		e.Kind, e.Code = etl.Mistake, "unsupported_password"
		e.Message = fmt.Sprintf("the password of user %q is kept as SHA-256, which is asked for in a way that only Amazon's own drivers know", config.User)
		e.Fix = "Use access iam or data_api, or have the password kept as MD5: ALTER USER … PASSWORD 'md5…'."
	case denied(err) && w.credentials != nil:
		e.Kind, e.Code = etl.Mistake, "temporary_login_refused"
		e.Message = fmt.Sprintf("Redshift did not let %q in with temporary credentials", config.User)
		// AWS gives credentials for a user that does not exist, too
		// (https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html).
		e.Fix = fmt.Sprintf("Make the user, where it does not exist: CREATE USER %s PASSWORD DISABLE; and check that the host is that of the workgroup or cluster named.", quote(databaseUser(config.User)))
	case config.Password == "" && asked.kind() != 0:
		e.Kind, e.Code = etl.Mistake, "wrong_password"
		e.Message = fmt.Sprintf("Redshift asks for a password of user %q, and none was given", config.User)
		e.Fix = "Give it: on the command line in PGPASSWORD or the password file; or use access=iam, which needs none."
	case denied(err):
		e.Kind, e.Code = etl.Mistake, "wrong_password"
		e.Message, e.Fix = fmt.Sprintf("Redshift did not accept user %q with this password", config.User), "Check user and password."
	case errors.As(err, &answer) && answer.Code == "3D000":
		e.Kind, e.Code = etl.Mistake, "no_such_database"
		e.Message, e.Fix = fmt.Sprintf("there is no database %q", config.Database), "Check the database's name."
	case errors.As(err, &answer):
		e.Message += ": " + strings.Join(strings.Fields(answer.Message), " ")
	case errors.As(err, &name) && !name.IsTimeout:
		e.Code, e.Message = unknownHost, fmt.Sprintf("the host %q is not known", config.Host)
		e.Fix = "Check the host's name and the network, and that the cluster or workgroup is there."
	case errors.As(err, &name):
		e.Code, e.Message = unknownHost, fmt.Sprintf("no name server told in time where the host %q is", config.Host)
		e.Fix = "Check the network and its name servers, then try again."
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Code, e.Message = connectionRefused, "no server takes connections at "+at
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Code, e.Message = connectTimeout, at+" did not answer"
	case config.TLSConfig != nil && isTLS(err):
		e.Kind, e.Code, e.Message, e.Fix = etl.Mistake, "tls_failed", "TLS with "+at+" failed", "Check ssl_mode and the authority's certificate."
	}
	return e
}

// databaseUser is the name in the database of a user as GetClusterCredentials
// gives it, IAM:name; that of a role, IAMR:name, is so in the database.
func databaseUser(user string) string { return strings.TrimPrefix(user, "IAM:") }

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host)
}
