package redshift_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// A load that meets another one in its table comes back, over a connection,
// which tells that its wait was ended, as over the Data API, which does not. One
// whose lock is not there does not come back for ever.
func TestLocked(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE t (id INTEGER)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		chunk := etl.ChunkClaim{Attempt: 1, End: 10, Rows: 1}
		stageOne(t, r, "held", spec, chunk)
		marker, err := s.Ask("SELECT table_name FROM svv_tables WHERE table_schema = 'etl_portal' AND table_name LIKE 'target%'")
		if err != nil || marker == "" {
			t.Fatalf("%q, %v", marker, err)
		}
		other := sessionOf(t, s)
		run := func(sql string) {
			t.Helper()
			if _, err := other.Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		run("BEGIN")
		run(`LOCK TABLE etl_portal."` + marker + `"`)
		_, err = r.Publish(t.Context(), "held", spec, []etl.ChunkClaim{chunk})
		if later, ok := errors.AsType[*etl.RetryAfter](err); !ok || later.Delay <= 0 {
			t.Errorf("%v", err)
		}
		run("ROLLBACK")
		s.Want("SELECT count(*) FROM t", "0")
		if _, err = r.Publish(t.Context(), "held", spec, []etl.ChunkClaim{chunk}); err != nil {
			t.Error(err)
		}
		s.Want("SELECT count(*) FROM t", "1")
		stageOne(t, r, "lost", spec, chunk)
		s.Exec(`DROP TABLE etl_portal."` + marker + `"`)
		_, err = r.Publish(t.Context(), "lost", spec, []etl.ChunkClaim{chunk})
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake {
			t.Errorf("%v", err)
		}
		s.Want("SELECT count(*) FROM t", "1")
	})
}

// A LOCK is ended where statement_timeout does not count its wait.
func TestLocksAreEnded(t *testing.T) {
	t.Parallel()
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.LocksOutlast = true
	s.Exec("CREATE TABLE held (id INTEGER)")
	other := sessionOf(t, s)
	for _, sql := range []string{"BEGIN", "LOCK TABLE held"} {
		if _, err := other.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	const wait = 300 * time.Millisecond
	connection, err := redshift.Connect(t.Context(), redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable", LockWait: wait})
	if err != nil {
		t.Fatal(err)
	}
	data, err := aws.NewRedshiftData(t.Context(), aws.Account{Region: "us-east-1", Endpoint: s.DataEndpoint, AccessKey: "test", SecretKey: "test"}, aws.RedshiftData{Workgroup: s.Workgroup, Database: s.Database, LockWait: wait})
	if err != nil {
		t.Fatal(err)
	}
	for name, road := range map[string]etl.Statements{"wire": connection, "data API": data} {
		for _, batch := range []etltest.BatchErrors{etltest.BatchFailed, etltest.BatchAborted, etltest.BatchNumbered} {
			s.BatchErrors = batch
			_, err := road.Run(t.Context(), "SET statement_timeout TO 100", "LOCK TABLE held", "SELECT 1")
			if e, ok := errors.AsType[*etl.StatementError](err); !ok || e.Index != 1 || e.State != "57014" {
				t.Errorf("%s, %d: %+v", name, batch, err)
			}
		}
		if err := road.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A password that is kept in a way that only Amazon's drivers know is told as
// such: no waiting helps.
func TestUnsupportedPassword(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.PasswordSHA256 = true
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = over(t, s, road).CurrentUser(t.Context())
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || e.Kind != etl.Mistake || e.Code != "unsupported_password" || !strings.Contains(e.Fix, "iam") {
		t.Errorf("%+v", err)
	}
}

// stageOne stages a load of one chunk of one row.
func stageOne(t *testing.T, r *redshift.Redshift, load string, spec etl.LoadSpec, chunk etl.ChunkClaim, rows ...[]schema.Value) {
	t.Helper()
	if err := r.Prepare(t.Context(), load, spec); err != nil {
		t.Fatal(err)
	}
	session, err := r.BeginChunk(t.Context(), load, spec, chunk)
	if err != nil {
		t.Fatal(err)
	}
	b := session.NewBatch()
	if rows == nil {
		rows = [][]schema.Value{row(1)}
	}
	for i, x := range rows {
		if bad := b.Append(x, int64(i+2), int64(i+1)); bad != nil {
			t.Fatal(bad.Reason)
		}
	}
	if err := session.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sessionOf is a session of a stand-in beside those of the test's subject.
func sessionOf(t *testing.T, s *etltest.RedshiftServer) *pgconn.PgConn {
	t.Helper()
	config, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	config.Host, config.Port, config.Database, config.User, config.Password = s.Host, uint16(s.Port), s.Database, s.User, s.Pass
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
