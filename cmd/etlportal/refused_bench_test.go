package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

var refusedRows = flag.Int("refused.rows", 1_000_000, "how many rows BenchmarkLoadRefused loads, of which PostgreSQL refuses three in ten")

// BenchmarkLoadRefused loads a file three in ten of whose rows break a constraint
// of the table, with the program as a process of its own; peak-MiB is that
// process's largest resident set.
func BenchmarkLoadRefused(b *testing.B) {
	program := filepath.Join(b.TempDir(), "etlportal")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, string(out))
	path := filepath.Join(b.TempDir(), "rows.csv")
	file, err := os.Create(path)
	require.NoError(b, err)
	rows := bufio.NewWriter(file)
	_, err = rows.WriteString("id,parent,v,name\n")
	require.NoError(b, err)
	for i := range *refusedRows {
		id, parent, v := i, 0, i%10
		if v < 3 {
			id, parent = i/10*10+9, -1 // the id comes again, which the last of each ten has
		}
		_, err = fmt.Fprintf(rows, "%d,%d,%d,the name of number %d\n", id, parent, v, i)
		require.NoError(b, err)
	}
	require.NoError(b, rows.Flush())
	require.NoError(b, file.Close())
	for _, c := range []struct{ name, table string }{
		{"check", "CREATE TABLE t (id int, parent int, v int CONSTRAINT enough CHECK (v >= 3), name text)"},
		{"unique", "CREATE TABLE t (id int PRIMARY KEY, parent int, v int, name text)"},
		{"own", "CREATE TABLE t (id int, parent int, v int, name text, k int UNIQUE, FOREIGN KEY (parent) REFERENCES t (k)); INSERT INTO t (k) VALUES (0)"},
	} {
		for _, rejects := range []string{"", filepath.Join(b.TempDir(), "bad.csv")} {
			b.Run(fmt.Sprintf("%s/told=%t", c.name, rejects != ""), func(b *testing.B) {
				for b.Loop() {
					url := etltest.Postgres(b)
					conn, err := pgx.Connect(b.Context(), url)
					require.NoError(b, err)
					_, err = conn.Exec(b.Context(), c.table)
					require.NoError(b, errors.Join(err, conn.Close(b.Context())))
					child := exec.CommandContext(b.Context(), program, "load", path, "--to", url, "--table", "t", "--on-bad-row", "skip", "--rejects", rejects, "--format", "json")
					var answer bytes.Buffer
					child.Stdout, child.Stderr = &answer, os.Stderr
					peak := runToEnd(b, child, &answer)
					var result runJSON
					require.NoError(b, json.Unmarshal(answer.Bytes(), &result))
					require.EqualValues(b, *refusedRows*3/10, result.RowsRejected)
					b.ReportMetric(float64(peak)/1024, "peak-MiB")
				}
			})
		}
	}
}
