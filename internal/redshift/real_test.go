package redshift_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/warehouse"
)

// reals are the roads to a real warehouse that the environment names, by the
// variable; the tests use what they name as their own. Without one this file
// has no tests to run.
func reals() map[string]string {
	found := map[string]string{}
	for _, name := range []string{"REDSHIFT_TEST_URL", "REDSHIFT_TEST_WORKGROUP"} {
		if at := os.Getenv(name); at != "" {
			found[name] = at
		}
	}
	return found
}

// TestReal runs the conformance suite against Amazon Redshift: docs/redshift.md
// has the command. The tables items and made of the search path's first schema,
// and the schema etl_portal, are dropped before each test.
func TestReal(t *testing.T) {
	for name, at := range reals() {
		t.Run(name, func(t *testing.T) {
			etltest.DestinationSuite(t, func(t *testing.T) etltest.DestinationSetup {
				t.Helper()
				ctx := context.Background()
				r, err := warehouse.OpenURL(t.Context(), warehouse.Config{}, at, os.Getenv("PGPASSWORD"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = r.Close(ctx) })
				road, err := warehouse.Road(t.Context(), warehouse.Config{}, at, os.Getenv("PGPASSWORD"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = road.Close(ctx) })
				run := func(sql string) etl.StatementResult {
					results, err := road.Run(ctx, sql)
					if err != nil {
						t.Fatalf("%s: %v", sql, err)
					}
					return results[0]
				}
				for _, sql := range []string{"DROP TABLE IF EXISTS items", "DROP TABLE IF EXISTS made", "DROP SCHEMA IF EXISTS etl_portal CASCADE"} {
					run(sql)
				}
				return etltest.DestinationSetup{Dest: r, Exec: func(sql string) { run(sql) }, Ask: func(sql string) string { return shown(run(sql)) }}
			})
		})
	}
}

// shown joins columns by | and rows by a newline; NULL is ∅.
func shown(r etl.StatementResult) string {
	lines := make([]string, 0, len(r.Rows))
	for _, row := range r.Rows {
		cells := make([]string, 0, len(row))
		for _, v := range row {
			if v == nil {
				cells = append(cells, "∅")
				continue
			}
			cells = append(cells, *v)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n")
}
