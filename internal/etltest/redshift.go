package etltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	pgerror "github.com/jeroenrinzema/psql-wire/errors"

	"github.com/etlportal/etlportal/internal/etl"
)

// RedshiftServer stands in for a warehouse of Amazon Redshift: it speaks the
// wire protocol and the Data API, runs statements on a PostgreSQL of its own,
// refuses what Redshift refuses (redshift_sql.go) and does what it does
// differently (redshift_copy.go). It is no proof that Redshift takes a
// statement, but one that takes none of the known differences for granted.
type RedshiftServer struct {
	Host     string
	Port     int
	Database string
	User     string
	// Pass is what User logs in with.
	Pass string
	// Role is the one by which COPY may read Bucket, through Blobs.
	Role, Bucket string
	Blobs        etl.Blobs
	// DataEndpoint is that of the Data API, and of the APIs that give temporary
	// credentials; they know the stand-in as Workgroup and as Cluster.
	DataEndpoint, Workgroup, Cluster string
	// Authority is the certificate of who signed the one of the wire protocol's
	// server, in PEM.
	Authority string

	// Refuses, where set, gives the reason for which COPY refuses a value beside
	// what its column's type does not take; "" where it takes it.
	Refuses func(column, value string) string

	RedshiftSwitches

	t        testing.TB
	postgres string
	keys     atomic.Int32
	queries  atomic.Int64
	// throttled counts the requests of the Data API still to be refused.
	throttled atomic.Int64
	// pairs counts the temporary credentials given out.
	pairs atomic.Int64

	mu       sync.Mutex
	given    []temporary
	last     time.Duration
	refusing string
	sessions map[int32]*redshiftSession
	batches  map[string]*dataBatch
	// ran are the statements of who had logged in, failing the faults still to come.
	ran     []string
	failing []*failing
	// runsAs is the user as whom they run, of the users made so far.
	runsAs string
	users  int
}

// Redshift starts a stand-in, ended with the test, that reads the bucket of blobs.
func Redshift(t testing.TB, blobs etl.Blobs) *RedshiftServer {
	t.Helper()
	s := &RedshiftServer{
		Host: "127.0.0.1", Database: "dev", User: "awsuser", Pass: "Loaded-1", Role: "arn:aws:iam::123456789012:role/etlportal-copy", Bucket: "etlportal-staging",
		Blobs: blobs, Workgroup: "etlportal-test", Cluster: "etlportal-cluster", last: 15 * time.Minute, t: t, postgres: Postgres(t), sessions: map[int32]*redshiftSession{}, batches: map[string]*dataBatch{},
	}
	execute(t, s.postgres, redshiftCatalogue+designCatalogue)
	secured, authority := certificate()
	s.Authority = authority
	server, err := wire.NewServer(s.parse, wire.TLSConfig(secured), wire.Logger(slog.New(slog.DiscardHandler)), wire.SessionAuthStrategy(s.asks()),
		wire.BackendKeyData(func(ctx context.Context) (int32, int32) { return sessionOf(ctx).key, 1 }),
		wire.CancelRequest(s.cancel), wire.CloseConn(func(ctx context.Context) error { s.end(sessionOf(ctx)); return nil }))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	s.Port = listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of a TCP listener
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	data := httptest.NewServer(s.dataHandler())
	s.DataEndpoint = data.URL
	t.Cleanup(func() {
		data.Close()
		s.endAll()
		_ = listener.Close()
		_ = server.Close()
		<-served
	})
	return s
}

// URL is the stand-in as the command line names it, without the password.
func (s *RedshiftServer) URL() string {
	u := url.URL{Scheme: "redshift", User: url.User(s.User), Host: fmt.Sprintf("%s:%d", s.Host, s.Port), Path: "/" + s.Database}
	u.RawQuery = url.Values{"sslmode": {"disable"}, "copy_role_arn": {s.Role}, "staging_bucket": {s.Bucket}}.Encode()
	return u.String()
}

// PostgresURL is the database on which the stand-in runs statements, to look
// into what it has done.
func (s *RedshiftServer) PostgresURL() string { return s.postgres }

// Exec runs statements as Redshift would, each for itself.
func (s *RedshiftServer) Exec(statements ...string) {
	s.t.Helper()
	for _, sql := range statements {
		if _, err := s.Ask(sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// Ask runs one statement and gives its rows as text: columns joined by |, rows
// by a newline, NULL as ∅.
func (s *RedshiftServer) Ask(sql string) (string, error) {
	x, err := s.begin(context.Background(), true)
	if err != nil {
		return "", err
	}
	defer s.end(x)
	a, err := x.exec(context.Background(), sql)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, row := range a.rows {
		var cells []string
		for _, v := range row {
			if v == nil {
				cells = append(cells, "∅")
				continue
			}
			cells = append(cells, *v)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n"), nil
}

// Want compares the answer of a query.
func (s *RedshiftServer) Want(sql, want string) {
	s.t.Helper()
	got, err := s.Ask(sql)
	if err != nil || got != want {
		s.t.Errorf("%s\n got %q, %v\nwant %q", sql, got, err, want)
	}
}

// Throttle makes the next n requests of the Data API fail as those beyond its rate.
func (s *RedshiftServer) Throttle(n int64) { s.throttled.Store(n) }

// redshiftSession is a session of the stand-in: one of PostgreSQL.
type redshiftSession struct {
	s   *RedshiftServer
	key int32
	pg  *pgconn.PgConn
	// inside is set in a transaction block.
	inside bool
	// owner is a session of the test's own; sensitive says that quoted names keep
	// their capitals.
	owner, sensitive bool
}

// replied is what a statement gave.
type replied struct {
	columns []pgconn.FieldDescription
	rows    [][]*string
	tag     string
}

func (s *RedshiftServer) begin(ctx context.Context, owner bool) (*redshiftSession, error) {
	config, err := pgconn.ParseConfig(s.postgres)
	if err != nil {
		return nil, err
	}
	// A backslash in a literal escapes.
	config.RuntimeParams = map[string]string{
		"default_transaction_isolation": string(cmp.Or(s.Isolation, Serializable)), "standard_conforming_strings": "off", "escape_string_warning": "off", "search_path": "public, rs", "rs.sensitive": onOff(s.KeepsCase),
	}
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	x := &redshiftSession{s: s, key: s.keys.Add(1), pg: pg, owner: owner, sensitive: s.KeepsCase}
	if err := x.become(ctx); err != nil {
		return nil, errors.Join(err, pg.Close(ctx))
	}
	s.mu.Lock()
	s.sessions[x.key] = x
	s.mu.Unlock()
	return x, nil
}

func (s *RedshiftServer) end(x *redshiftSession) {
	if x == nil {
		return
	}
	s.mu.Lock()
	delete(s.sessions, x.key)
	s.mu.Unlock()
	_ = x.pg.Close(context.Background())
}

func (s *RedshiftServer) endAll() {
	s.mu.Lock()
	var all []*redshiftSession
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.mu.Unlock()
	for _, x := range all {
		_ = x.pg.CancelRequest(context.Background())
		_ = x.pg.Conn().Close()
	}
}

type sessionKey struct{}

func sessionOf(ctx context.Context) *redshiftSession {
	x, _ := ctx.Value(sessionKey{}).(*redshiftSession)
	return x
}

func (s *RedshiftServer) cancel(ctx context.Context, key, _ int32) error {
	s.mu.Lock()
	x := s.sessions[key]
	s.mu.Unlock()
	if x == nil {
		return nil
	}
	return x.pg.CancelRequest(ctx)
}

// parse runs a statement of the simple protocol; its answer is known when its columns are.
func (s *RedshiftServer) parse(ctx context.Context, q wire.Query) (wire.PreparedStatements, error) {
	if !q.SimpleQuery {
		return nil, pgerror.WithCode(errors.New("the stand-in takes the simple protocol only"), codes.FeatureNotSupported)
	}
	a, err := sessionOf(ctx).exec(ctx, q.Query)
	if err != nil {
		if e, ok := errors.AsType[*pgconn.PgError](err); ok {
			return nil, pgerror.WithDetail(pgerror.WithCode(errors.New(e.Message), codes.Code(e.Code)), e.Detail)
		}
		return nil, err
	}
	columns := make(wire.Columns, len(a.columns))
	for i, c := range a.columns {
		columns[i] = wire.Column{Name: c.Name, Oid: pgtype.TextOID, Width: -1}
	}
	return wire.Prepared(wire.NewStatement(func(_ context.Context, w wire.DataWriter, _ []wire.Parameter) error {
		for _, row := range a.rows {
			cells := make([]any, len(row))
			for i, v := range row {
				if v != nil {
					cells[i] = *v
				}
			}
			if err := w.Row(cells); err != nil {
				return err
			}
		}
		return w.Complete(a.tag)
	}, wire.WithColumns(columns))), nil
}

// exec runs one statement.
func (x *redshiftSession) exec(ctx context.Context, sql string) (replied, error) {
	sql = strings.TrimRight(strings.TrimSpace(sql), "; \n")
	if !x.sensitive {
		sql = fold(sql)
	}
	if err := cmp.Or(x.met(ctx, sql), refuses(sql)); err != nil {
		return replied{}, x.failed(ctx, sql, err)
	}
	x.s.queries.Add(1)
	done, a, err := x.setting(ctx, sql)
	if done {
		return a, x.redshiftError(err)
	}
	switch word := firstWord(sql); word {
	case "COPY":
		a, err = x.copy(ctx, sql)
		if err != nil {
			err = x.failed(ctx, sql, err)
		}
	case "TRUNCATE":
		// It commits the transaction in which it runs
		// (https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html).
		if a, err = x.forward(ctx, sql); err == nil && x.inside {
			x.inside = false
			_, err = x.forward(ctx, "COMMIT")
		}
	default:
		if x.inside && (word == "CREATE" || word == "DROP" || word == "ALTER") {
			// The snapshot of a transaction is taken by what changes tables, too, not by LOCK and SET
			// (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
			if _, err = x.forward(ctx, "SELECT 1"); err != nil {
				break
			}
		}
		statements, refusal := translate(sql)
		if refusal != nil {
			return replied{}, x.failed(ctx, sql, refusal)
		}
		for _, statement := range statements {
			if a, err = x.forward(ctx, statement); err != nil {
				break
			}
		}
		switch {
		case word == "BEGIN" || word == "START":
			x.inside = err == nil
		case word == "COMMIT" || word == "END" || word == "ROLLBACK" || word == "ABORT":
			x.inside = false
		}
	}
	return a, x.redshiftError(err)
}

// failed makes a refusal of the stand-in's own end PostgreSQL's transaction, too.
func (x *redshiftSession) failed(ctx context.Context, sql string, refusal error) error {
	switch word := firstWord(sql); {
	case !x.inside:
	case word == "COMMIT" || word == "END":
		x.inside = false
		_, _ = x.forward(ctx, "ROLLBACK")
	default:
		_, _ = x.forward(ctx, "SELECT 1 / 0")
	}
	return refusal
}

// forward runs a statement on PostgreSQL.
func (x *redshiftSession) forward(ctx context.Context, sql string) (replied, error) {
	results := x.pg.Exec(ctx, sql)
	var a replied
	for results.NextResult() {
		r := results.ResultReader()
		a = replied{columns: append([]pgconn.FieldDescription(nil), r.FieldDescriptions()...)}
		for r.NextRow() {
			row := make([]*string, len(a.columns))
			for i, v := range r.Values() {
				if v != nil {
					s := string(v)
					row[i] = &s
				}
			}
			a.rows = append(a.rows, row)
		}
		tag, err := r.Close()
		if err != nil {
			break
		}
		a.tag = tag.String()
	}
	return a, results.Close()
}
