package redshift_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// A load that meets another one in its table comes back, over a connection,
// which tells that its wait was ended, as over the Data API, which does not. One
// whose lock is not there does not come back for ever.
func TestLocked(t *testing.T) {
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

// stageOne stages a load of one chunk of one row.
func stageOne(t *testing.T, r *redshift.Redshift, load string, spec etl.LoadSpec, chunk etl.ChunkClaim) {
	t.Helper()
	if err := r.Prepare(t.Context(), load, spec); err != nil {
		t.Fatal(err)
	}
	session, err := r.BeginChunk(t.Context(), load, spec, chunk)
	if err != nil {
		t.Fatal(err)
	}
	b := session.NewBatch()
	if bad := b.Append(row(1), 2, 1); bad != nil {
		t.Fatal(bad.Reason)
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
