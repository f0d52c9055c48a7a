package etltest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etltest"
)

// Tables that Redshift does not make, each with the page that says so.
func TestRedshiftRefusesDesigns(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	keys := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf("k%d", i)
		}
		return strings.Join(all, ", ")
	}
	columns := strings.ReplaceAll(keys(401), ",", " INTEGER,") + " INTEGER"
	for _, sql := range []string{
		"CREATE TABLE u (a INTEGER) DISTSTYLE KEY", "CREATE TABLE u (a INTEGER) DISTSTYLE EVEN DISTKEY (a)", "CREATE TABLE u (a INTEGER DISTKEY, b INTEGER DISTKEY)",
		"CREATE TABLE u (a INTEGER DISTKEY, b INTEGER) DISTKEY (b)", "CREATE TABLE u (a INTEGER, b INTEGER) DISTKEY (a, b)", "CREATE TABLE u (a INTEGER) DISTSTYLE RANDOM",
		"CREATE TABLE u (a INTEGER) DISTSTYLE ALL DISTSTYLE EVEN", "CREATE TABLE u (a SUPER) SORTKEY (a)", "CREATE TABLE u (a VARBYTE(10) DISTKEY)", "CREATE TABLE u (a INTEGER) SORTKEY (a, a)",
		"CREATE TABLE u (a INTEGER) SORTKEY", "CREATE TABLE u (a INTEGER) COMPOUND SORTKEY AUTO", "CREATE TABLE u (a INTEGER) SORTKEY (b)", "CREATE TABLE u (a VARCHAR(5) ENCODE DELTA)",
		"CREATE TABLE u (a SUPER ENCODE BYTEDICT)", "CREATE TABLE u (a INTEGER ENCODE GZIP)", "CREATE TABLE u (a INTEGER) ENCODE ZSTD", "CREATE TABLE u (a INTEGER) WITH (fillfactor = 70)",
		"CREATE TABLE u (" + columns + ") SORTKEY (" + keys(401) + ")", "CREATE TABLE u (" + columns + ") INTERLEAVED SORTKEY (" + keys(9) + ")",
	} {
		_, err := s.Ask(sql)
		var e *pgconn.PgError
		if !errors.As(err, &e) || !strings.Contains(e.Detail, "https://docs.aws.amazon.com/redshift/") {
			t.Errorf("%.80s: %v", sql, err)
		}
	}
	s.Exec("CREATE TABLE u (" + columns + ") COMPOUND SORTKEY (" + keys(400) + ")")
	s.Want("SELECT count(*) FROM svv_redshift_columns WHERE table_name = 'u' AND sortkey > 0", "400")
}

func TestRedshiftDesigns(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec(`CREATE TABLE "T" ("Id" INTEGER ENCODE AZ64 NOT NULL, "a, (b" VARCHAR(9) ENCODE ZSTD SORTKEY, "select" NUMERIC(9,2), PRIMARY KEY ("Id")) DISTKEY ("ID") BACKUP NO`)
	s.Want("SELECT column_name, encoding, distkey, sortkey FROM svv_redshift_columns WHERE table_name = 't'", "id|az64|t|0\na, (b|zstd|f|1\nselect||f|0")
	s.Want(`SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = 't'`, "KEY(id)|a, (b|1")
	// Names are folded, quoted or not.
	s.Exec(`INSERT INTO t ("ID", "A, (B") VALUES (1, 'AbC "X"')`)
	s.Want(`SELECT "A, (b" FROM "T"`, `AbC "X"`)
	var e *pgconn.PgError
	if _, err := s.Ask(`CREATE TABLE u ("a" INTEGER, "A" INTEGER)`); !errors.As(err, &e) || e.Code != "42701" {
		t.Errorf("two names that differ by case: %v", err)
	}
}
