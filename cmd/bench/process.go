package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// outcome is what a process took.
type outcome struct {
	elapsed time.Duration
	// peak is the largest resident size in bytes.
	peak int64
	// printed is its standard output.
	printed []byte
}

// start runs a program to its end.
func start(ctx context.Context, program string, args ...string) (outcome, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	elapsed := time.Since(began)
	if err != nil {
		return outcome{}, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), withoutURL(args), err, &stdout, &stderr)
	}
	return outcome{elapsed, peakMemory(cmd.ProcessState), stdout.Bytes()}, nil
}

// withoutURL writes arguments for an error message: a database's URL may hold a password.
func withoutURL(args []string) string {
	shown := slices.Clone(args)
	for i, arg := range shown {
		if strings.Contains(arg, "://") {
			shown[i] = "URL"
		}
	}
	return strings.Join(shown, " ")
}

// emptyProcessPeak is what the kernel says of a program that does nothing: a
// child starts with the peak of the process that started it, so nothing below
// can be told.
func emptyProcessPeak(ctx context.Context) (int64, error) {
	o, err := start(ctx, "true")
	return o.peak, err
}

// loadResult is the part of `load --format json` that is checked.
type loadResult struct {
	Status       string `json:"status"`
	RowsLoaded   int    `json:"rows_loaded"`
	RowsInserted int    `json:"rows_inserted"`
	RowsUpdated  int    `json:"rows_updated"`
}

// load runs etlportal and holds its own words against what is expected.
func (b *bench) load(ctx context.Context, file, table string, want loadResult, more ...string) (outcome, error) {
	args := append([]string{"load", file, "--to", b.db.url, "--table", schemaName + "." + table, "--format", "json"}, more...)
	o, err := start(ctx, b.binary, args...)
	if err != nil {
		return o, err
	}
	var got loadResult
	if err := json.Unmarshal(o.printed, &got); err != nil {
		return o, fmt.Errorf("etlportal printed no JSON object: %w\n%s", err, o.printed)
	}
	if got != want {
		return o, fmt.Errorf("etlportal says %+v, not %+v", got, want)
	}
	return o, nil
}

// copyIn runs \copy.
func (b *bench) copyIn(ctx context.Context, file, table string) (outcome, error) {
	return start(ctx, b.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", b.db.url, "-c",
		fmt.Sprintf(`\copy %s.%s (%s) FROM '%s' WITH (FORMAT csv, HEADER true)`, schemaName, table, fileColumns, strings.ReplaceAll(file, "'", "''")))
}

// findPsql gives the real psql: where Debian wraps it in a script that takes
// its own time, the program behind it.
func findPsql(ctx context.Context, out io.Writer) (string, error) {
	if path := installedPsql(); path != "" {
		return path, nil
	}
	if aptGet, err := exec.LookPath("apt-get"); err == nil && os.Geteuid() == 0 {
		fmt.Fprintln(out, "psql is not there: installing postgresql-client")
		for _, args := range [][]string{{"-qq", "update"}, {"-qq", "-y", "install", "postgresql-client"}} {
			cmd := exec.CommandContext(ctx, aptGet, args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if printed, err := cmd.CombinedOutput(); err != nil {
				return "", fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, printed)
			}
		}
		if path := installedPsql(); path != "" {
			return path, nil
		}
	}
	return "", errors.New("the baseline needs psql, and it is neither on PATH nor in /usr/lib/postgresql/*/bin: install postgresql-client")
}

func installedPsql() string {
	// The pattern is correct, which is the only error Glob knows.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b) // 9 comes before 10
			}
			return strings.Compare(a, b)
		})
	}
	path, err := exec.LookPath("psql")
	if err != nil {
		return ""
	}
	return path
}
