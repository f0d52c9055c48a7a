package etltest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etltest"
)

// What PostgreSQL takes and Redshift does not, the stand-in does not take, and
// says which page of AWS says so.
func TestRedshiftRefuses(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(4))")
	for _, sql := range []string{
		"INSERT INTO t VALUES (1, 'a') ON CONFLICT DO NOTHING", "INSERT INTO t VALUES (1, 'a') RETURNING id", "COPY t FROM STDIN", "COPY t TO STDOUT",
		"SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_xact_lock(1)", "LOCK TABLE t IN SHARE MODE", "CREATE UNIQUE INDEX i ON t (id)",
		"CREATE UNLOGGED TABLE u (id INTEGER)", "SAVEPOINT x", "SELECT DISTINCT ON (id) id FROM t", "SELECT id FROM t FOR UPDATE",
		"CREATE TABLE u (id UUID)", "CREATE TABLE u (doc JSONB)", "CREATE TABLE u (list INTEGER[])", "CREATE TABLE u (id SERIAL)", "CREATE TABLE u (id INTEGER CHECK (id > 0))",
		"SELECT 1 IS DISTINCT FROM 2", "SELECT HAS_SCHEMA_PRIVILEGE(schema_name, 'create') FROM svv_all_schemas", "SELECT unnest('{1}')", "CREATE EXTENSION hstore",
		"MERGE INTO t AS x USING t AS s ON x.id = s.id WHEN MATCHED THEN DELETE", "MERGE INTO t USING t AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')",
	} {
		_, err := s.Ask(sql)
		var e *pgconn.PgError
		if !errors.As(err, &e) || !strings.Contains(e.Detail, "https://docs.aws.amazon.com/redshift/") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// Words in literals and names are no syntax.
	s.Exec(`CREATE TABLE "on conflict" (a VARCHAR(20))`, `INSERT INTO "on conflict" VALUES ('returning \' it')`)
	s.Want(`SELECT a FROM "on conflict"`, "returning ' it")
}

// The rules that bite.
func TestRedshiftRules(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(4)) DISTSTYLE AUTO SORTKEY AUTO ENCODE AUTO", "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'b')")
	s.Want("SELECT count(*) FROM t", "2")
	var e *pgconn.PgError
	if _, err := s.Ask("INSERT INTO t VALUES (2, 'äöü')"); !errors.As(err, &e) || e.Code != "22001" {
		t.Errorf("six bytes in VARCHAR(4): %v", err)
	}
	s.Want("SELECT constraint_type FROM information_schema.table_constraints WHERE table_name = 't'", "PRIMARY KEY")

	session := func() *pgconn.PgConn {
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
	run := func(c *pgconn.PgConn, sql string) error {
		_, err := c.Exec(t.Context(), sql).ReadAll()
		return err
	}
	a, b := session(), session()
	// TRUNCATE commits, and with it what came before.
	for _, sql := range []string{"BEGIN", "CREATE TABLE u (id INTEGER)", "TRUNCATE t", "ROLLBACK"} {
		if err := run(a, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	s.Want("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)", "0|0")
	// Two that read what the other writes do not both commit.
	for _, sql := range []string{"BEGIN", "SELECT count(*) FROM t"} {
		if err := errors.Join(run(a, sql), run(b, sql)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(run(a, "INSERT INTO t VALUES (1, 'a')"), run(b, "INSERT INTO t VALUES (2, 'b')"), run(a, "COMMIT"), run(b, "COMMIT"))
	if !errors.As(err, &e) || e.Code != "XX000" || e.Message != "1023" {
		t.Errorf("a cycle of transactions: %v", err)
	}
}
