package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

// outcome is what a command did.
type outcome struct {
	code     int
	out, err string
}

// etlportal runs a command line in this process.
func etlportal(t *testing.T, args ...string) outcome {
	t.Helper()
	return etlportalIn(t, nil, args...)
}

// etlportalIn is etlportal with a standard input that is a pipe.
func etlportalIn(t *testing.T, stdin []byte, args ...string) outcome {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	go func() {
		w.Write(stdin)
		w.Close()
	}()
	defer r.Close()
	var out, errOut bytes.Buffer
	code := execute(args, r, &out, &errOut)
	return outcome{code, out.String(), errOut.String()}
}

// runOf reads the one object of --format json.
func runOf(t *testing.T, o outcome) runJSON {
	t.Helper()
	var j runJSON
	dec := json.NewDecoder(strings.NewReader(o.out))
	require.NoError(t, dec.Decode(&j), "%+v", o)
	require.False(t, dec.More())
	return j
}

// file writes a file of that content.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// database is a fresh database.
type database struct {
	t    *testing.T
	url  string
	conn *pgx.Conn
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	return newDatabaseAt(t, etltest.Postgres(t))
}

// newDatabaseAt is another session of a database.
func newDatabaseAt(t *testing.T, url string) *database {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(t.Context()) })
	return &database{t, url, conn}
}

func (d *database) exec(sql string) {
	d.t.Helper()
	_, err := d.conn.Exec(d.t.Context(), sql)
	require.NoError(d.t, err)
}

// rows is the result of a query, a line per row, columns separated by "|", NULL as "∅".
func (d *database) rows(sql string) []string {
	d.t.Helper()
	rows, err := d.conn.Query(d.t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(d.t, err)
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var cells []string
		for _, raw := range rows.RawValues() {
			if raw == nil {
				cells = append(cells, "∅")
			} else {
				cells = append(cells, string(raw))
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	require.NoError(d.t, rows.Err())
	return out
}

// tables lists what is in the database beside the system's own.
func (d *database) tables() []string {
	return d.rows(`SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','v','m','S') AND n.nspname NOT IN ('pg_catalog','information_schema','pg_toast') ORDER BY 1`)
}

// load is "etlportal load FILE --to … --table t" with more arguments.
func (d *database) load(path string, more ...string) outcome {
	d.t.Helper()
	return etlportal(d.t, append([]string{"load", path, "--to", d.url, "--quiet", "--table", "t"}, more...)...)
}

// loaded is load that must succeed.
func (d *database) loaded(path string, more ...string) outcome {
	d.t.Helper()
	o := d.load(path, more...)
	require.Equal(d.t, exitDone, o.code, "%s%s", o.out, o.err)
	return o
}
