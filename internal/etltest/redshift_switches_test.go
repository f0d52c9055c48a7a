package etltest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etltest"
)

// logIn opens a session over the wire protocol.
func logIn(t *testing.T, s *etltest.RedshiftServer) (*pgconn.PgConn, error) {
	t.Helper()
	config, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	config.Host, config.Port, config.Database, config.User, config.Password = s.Host, uint16(s.Port), s.Database, s.User, s.Pass
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
	}
	return conn, err
}

// client is a session in which statements are run.
type client struct {
	t    *testing.T
	conn *pgconn.PgConn
}

func clientOf(t *testing.T, s *etltest.RedshiftServer) *client {
	t.Helper()
	conn, err := logIn(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, conn}
}

// run runs statements, the last of which gives the answer: its rows and its error.
func (c *client) run(statements ...string) (string, error) {
	c.t.Helper()
	var answer []string
	for i, sql := range statements {
		results, err := c.conn.Exec(c.t.Context(), sql).ReadAll()
		if err != nil {
			if i < len(statements)-1 {
				c.t.Fatalf("%s: %v", sql, err)
			}
			return "", err
		}
		answer = nil
		for _, r := range results {
			for _, row := range r.Rows {
				answer = append(answer, string(row[0]))
			}
		}
	}
	return strings.Join(answer, ","), nil
}

func (c *client) want(want string, statements ...string) {
	c.t.Helper()
	if got, err := c.run(statements...); err != nil || got != want {
		c.t.Errorf("%s: %q, %v, not %q", statements[len(statements)-1], got, err, want)
	}
}

func (c *client) refused(code, message string, statements ...string) {
	c.t.Helper()
	_, err := c.run(statements...)
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, message) {
		c.t.Errorf("%s: %v, not %s (%s)", statements[len(statements)-1], err, message, code)
	}
}

// Under snapshot isolation two who look for a row and insert it both do; the
// snapshot is taken by what looks, not by LOCK.
func TestRedshiftSnapshot(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Isolation = etltest.Snapshot
	s.Exec("CREATE TABLE t (id INTEGER)", "CREATE TABLE l (id INTEGER)")
	a, b := clientOf(t, s), clientOf(t, s)
	a.want("0", "BEGIN", "SELECT count(*) FROM t")
	b.want("0", "BEGIN", "SELECT count(*) FROM t")
	a.want("", "INSERT INTO t VALUES (1)", "COMMIT")
	b.want("", "INSERT INTO t VALUES (1)", "COMMIT")
	s.Want("SELECT count(*) FROM t", "2")
	// What changes tables takes the snapshot, LOCK does not.
	a.want("", "BEGIN", "CREATE TABLE u (id INTEGER)")
	b.want("", "BEGIN", "LOCK TABLE l")
	s.Exec("INSERT INTO t VALUES (2)")
	a.want("2", "SELECT count(*) FROM t")
	b.want("3", "SELECT count(*) FROM t")
	// Who changes what another has changed is told so, without a number.
	s.Exec("UPDATE t SET id = 3 WHERE id = 2")
	b.refused("XX000", etltest.FaultConflict.Message, "UPDATE t SET id = 4 WHERE id = 2")
}

// Quoted names are folded unless the session says otherwise.
func TestRedshiftNames(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.ExecCaseSensitive(`CREATE TABLE "Orders" ("Id" INTEGER)`, `INSERT INTO "Orders" VALUES (1)`)
	c := clientOf(t, s)
	c.refused("42P01", `"orders" does not exist`, `SELECT * FROM "Orders"`)
	c.want("1", "SET enable_case_sensitive_identifier TO true", `SELECT "Id" FROM "Orders"`)
	c.refused("42P01", "does not exist", "RESET enable_case_sensitive_identifier", `SELECT HAS_TABLE_PRIVILEGE('"Orders"', 'insert')`)
	c.want("t", "SELECT HAS_TABLE_PRIVILEGE(oid, 'insert') FROM pg_class WHERE relname = 'Orders'")
	s.KeepsCase = true
	clientOf(t, s).want("1", `SELECT "Id" FROM "Orders"`)
}

// A user who owns nothing sees all tables and columns in the SVV views, in the
// information schema no constraints of others' tables, and all of them in pg_constraint.
func TestRedshiftLimited(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	user := s.Limited()
	s.Exec("CREATE SCHEMA closed", "CREATE TABLE closed.t (a INTEGER, b INTEGER, c INTEGER, PRIMARY KEY (b, a), UNIQUE (c))")
	c := clientOf(t, s)
	c.want(user, "SELECT CURRENT_USER")
	c.want("t", "SELECT table_name FROM svv_tables WHERE table_schema = 'closed'")
	c.want("3", "SELECT count(*) FROM svv_columns WHERE table_schema = 'closed'")
	c.want("0", "SELECT count(*) FROM information_schema.table_constraints")
	c.want("t_c_key c,t_pkey a,t_pkey b", `SELECT k.conname || ' ' || a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey) ORDER BY 1`)
	c.refused("42501", "permission denied for schema closed", "SELECT HAS_TABLE_PRIVILEGE('closed.t', 'insert')")
	c.want("", "CREATE TABLE own (a INTEGER, PRIMARY KEY (a))")
	c.want("own", "SELECT table_name FROM information_schema.table_constraints")
}

// What SUPER and VARBYTE give as text is bounded; identities and lengths are
// told by the catalogue.
func TestRedshiftValues(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (i BIGINT IDENTITY(1, 1), d BIGINT GENERATED BY DEFAULT AS IDENTITY(1, 1), doc SUPER, b VARBYTE(40000))",
		"INSERT INTO t (doc) VALUES (NULL)")
	s.Want("SELECT JSON_SERIALIZE(doc), JSON_SIZE(doc) FROM t", "null|∅")
	s.Want("SELECT data_type, character_maximum_length, SUBSTRING(column_default FROM 1 FOR 10) FROM svv_columns WHERE table_name = 't' ORDER BY ordinal_position",
		"bigint|∅|\"identity\"\nbigint|∅|\"default_i\nsuper|∅|∅\nbinary varying|40000|∅")
	c := clientOf(t, s)
	c.want("", `UPDATE t SET doc = CAST('"' || REPEAT('x', 70000) || '"' AS jsonb), b = CAST(REPEAT('x', 35000) AS bytea)`)
	c.refused("22001", "too long", "SELECT JSON_SERIALIZE(doc) FROM t")
	c.refused("22001", "too long", "SELECT FROM_VARBYTE(b, 'hex') FROM t")
	c.want("7878", "SELECT FROM_VARBYTE(SUBSTRING(b, 1, 2), 'hex') FROM t")
	c.refused("22001", "too long", "UPDATE t SET b = CAST(REPEAT('x', 40001) AS bytea)")
	c.refused("XX000", "8001", "SELECT _n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY i ORDER BY d) AS _n FROM t) AS numbered")
	c.want("1", "SELECT _n FROM (SELECT i, d, ROW_NUMBER() OVER (PARTITION BY i ORDER BY d) AS _n FROM t) AS numbered")
}

// Faults come as often as they were ordered, and undo the transaction.
func TestRedshiftFaults(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER)")
	c := clientOf(t, s)
	for _, fault := range []etltest.RedshiftFault{
		etltest.FaultSerialisation, etltest.FaultConflict, etltest.FaultRelation, etltest.FaultSlowDown, etltest.FaultS3Internal, etltest.FaultS3Timeout,
		etltest.FaultTooWide, etltest.FaultCancelled, etltest.FaultDeadlock,
	} {
		s.FailNext("COMMIT", 1, fault)
		c.refused(fault.Code, fault.Message, "BEGIN", "INSERT INTO t VALUES (1)", "COMMIT")
	}
	s.FailNext("INTO t", 1, etltest.FaultConflict)
	c.refused("XX000", "conflict", "INSERT INTO t VALUES (1)")
	s.Unreadable = []string{"stl_load_errors"}
	c.refused("42501", "permission denied for relation stl_load_errors", "SELECT * FROM STL_LOAD_ERRORS")
	c.want("0", "SELECT count(*) FROM sys_load_error_detail")
	s.Want("SELECT count(*) FROM t", "0")
	if n := s.Ran("stl_load_errors"); n != 1 {
		t.Errorf("stl_load_errors was asked for %d times", n)
	}
	s.PasswordSHA256 = true
	if _, err := logIn(t, s); err == nil || !strings.Contains(err.Error(), "unknown authentication type: 13") {
		t.Errorf("a password kept as SHA-256: %v", err)
	}
}

// Statements that time out say so as Redshift does; one that waits for a lock
// may not time out.
func TestRedshiftPatience(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER)")
	a, b := clientOf(t, s), clientOf(t, s)
	a.want("", "BEGIN", "LOCK TABLE t")
	b.refused("57014", "cancelled on user's request", "SET statement_timeout TO 20", "BEGIN", "LOCK TABLE t")
	s.LocksOutlast = true
	patient := clientOf(t, s)
	free := make(chan error, 1)
	go func() {
		_, err := patient.run("SET statement_timeout TO 1", "BEGIN", "LOCK TABLE t")
		free <- err
	}()
	waits := "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK%' AND clock_timestamp() > query_start + interval '50 milliseconds' AND datname = current_database()"
	for end := time.Now().Add(10 * time.Second); ; {
		answer, err := s.Ask(waits)
		if err != nil || time.Now().After(end) {
			t.Fatalf("nobody waits: %v", err)
		}
		if answer == "1" {
			break
		}
	}
	a.want("", "COMMIT")
	if err := <-free; err != nil {
		t.Error(err)
	}
}

// Load errors are shown late, half of them first.
func TestRedshiftLoadErrorsLate(t *testing.T) {
	blobs := etltest.Blobs(t)
	s := etltest.Redshift(t, blobs)
	s.Exec("CREATE TABLE t (id INTEGER)")
	put := func(key, text string) {
		if _, err := blobs.Put(t.Context(), key, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "x\ny\n")
	put("m", `{"entries": [{"url": "s3://`+s.Bucket+`/a", "mandatory": true, "meta": {"content_length": 4}}]}`)
	copied := fmt.Sprintf("COPY t FROM 's3://%s/m' IAM_ROLE '%s' MANIFEST CSV MAXERROR 2", s.Bucket, s.Role)
	c := clientOf(t, s)
	s.LoadErrorsLate = time.Hour
	c.refused("XX000", "sys_load_error_detail", copied)
	c.want("0", "SELECT count(*) FROM sys_load_error_detail")
	s.LoadErrorsLate = 0
	c.refused("XX000", "sys_load_error_detail", copied)
	c.want("2", "SELECT count(*) FROM sys_load_error_detail")
	s.Want("SELECT count(*) FROM rs.load_errors WHERE shown > clock_timestamp() + interval '90 minutes'", "1")
}
