package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/source"
	"github.com/etlportal/etlportal/internal/workflow"
)

// runJSON is the one object that load --format json prints.
type runJSON struct {
	RunID            string     `json:"run_id"`
	Status           string     `json:"status"`
	DryRun           bool       `json:"dry_run,omitempty"`
	RowsRead         int64      `json:"rows_read"`
	RowsLoaded       int64      `json:"rows_loaded"`
	RowsInserted     int64      `json:"rows_inserted"`
	RowsUpdated      int64      `json:"rows_updated"`
	RowsFiltered     int64      `json:"rows_filtered"`
	RowsRejected     int64      `json:"rows_rejected"`
	RowsDeduplicated int64      `json:"rows_deduplicated"`
	Bytes            int64      `json:"bytes"`
	DurationMS       int64      `json:"duration_ms"`
	DDL              string     `json:"ddl,omitempty"`
	Notes            []string   `json:"notes,omitempty"`
	Error            *errorJSON `json:"error"`
}

type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Column  string `json:"column,omitempty"`
	Value   string `json:"value,omitempty"`
}

func newErrorJSON(ctx context.Context, err error) *errorJSON {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return &errorJSON{Code: string(e.Code), Message: redact(e.Message), Fix: e.Fix, Line: e.Line, Column: e.Column, Value: e.Value}
	}
	code := "internal"
	if _, ok := errors.AsType[*usageError](err); ok {
		code = "usage"
	} else if errors.Is(err, context.Canceled) {
		code = "cancelled"
	}
	return &errorJSON{Code: code, Message: errorLine(ctx, err)}
}

func newRunJSON(ctx context.Context, id string, rep *workflow.Report, size int64, took time.Duration, dryRun bool, err error) runJSON {
	j := runJSON{RunID: id, Status: "COMPLETED", DryRun: dryRun, Bytes: size, DurationMS: took.Milliseconds(), Error: newErrorJSON(ctx, err)}
	switch {
	case rep != nil && rep.Published:
	case err != nil && ctx.Err() != nil:
		j.Status = "CANCELLED"
	case err != nil:
		j.Status = "FAILED"
	}
	if rep != nil {
		c := rep.Counts
		j.RowsRead, j.RowsLoaded, j.RowsInserted, j.RowsUpdated = c.Read, c.Loaded, c.Inserted, c.Updated
		j.RowsFiltered, j.RowsRejected, j.RowsDeduplicated = c.Filtered, c.Rejected, c.Deduplicated
		j.DDL, j.Notes = rep.DDL, rep.Notes
	}
	return j
}

// printLoad tells a person what a load did.
func printLoad(out io.Writer, file string, rep *workflow.Report, size int64, took time.Duration, f *loadFlags) error {
	var b strings.Builder
	c := rep.Counts
	verb := "loaded into"
	if f.dryRun {
		verb = "would be loaded into"
	}
	fmt.Fprintf(&b, "%s: %s %s %s in %s", file, plural(c.Loaded, "row"), verb, f.table, humanDuration(took))
	if size > 0 {
		fmt.Fprintf(&b, " (%s, %s/s)", humanBytes(size), humanBytes(int64(float64(size)/took.Seconds())))
	}
	b.WriteByte('\n')
	if rep.DDL != "" && !f.dryRun {
		fmt.Fprintf(&b, "  created table %s with %s\n", f.table, plural(int64(len(rep.Table.Columns)), "column"))
	}
	if f.strategy != "insert" || c.Updated > 0 {
		fmt.Fprintf(&b, "  %s inserted, %s updated\n", thousands(c.Inserted), thousands(c.Updated))
	}
	fmt.Fprintf(&b, "  read %s = loaded %s + filtered %s + rejected %s + deduplicated %s\n",
		thousands(c.Read), thousands(c.Loaded), thousands(c.Filtered), thousands(c.Rejected), thousands(c.Deduplicated))
	if rep.BlankLines > 0 {
		fmt.Fprintf(&b, "  %s skipped\n", plural(rep.BlankLines, "blank line"))
	}
	if c.Rejected > 0 {
		if f.rejects != "" {
			fmt.Fprintf(&b, "  rejected rows with their reasons: %s\n", f.rejects)
		} else {
			fmt.Fprintf(&b, "  --rejects FILE keeps the rejected rows with their reasons\n")
		}
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	if f.dryRun {
		b.WriteString("  dry run: nothing was changed\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func humanBytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func humanDuration(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func newRunID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// defaultParallel leaves a core to the database, which often is on this machine.
// Several workers need a pass over the file that finds where records begin, which
// is not worth a second download.
func defaultParallel(src *source.Source) int {
	if src.Remote() {
		return 1
	}
	return max(1, min(4, runtime.NumCPU()-1))
}
