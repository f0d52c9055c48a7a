// Command bench measures etlportal against PostgreSQL's own tools, side by side
// in one run: `make bench`. It loads a file of a million rows and ten columns
// through the built binary and by psql's \copy, alternating, checks that both
// tables hold the same, and prints times, ratios and peak memory.
//
// It uses the database in BENCH_DATABASE_URL (in a schema of its own, which it
// drops), or else starts an embedded PostgreSQL with its default settings, but
// for max_wal_size: no checkpoint shall fall into some runs and not into others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

// options are the flags.
type options struct {
	rows, pairs   int
	scale, upsert bool
	binary, data  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rows, "rows", 1_000_000, "rows of the file")
	flags.IntVar(&o.pairs, "pairs", 5, "pairs of runs, alternating, after one of warm-up")
	flags.BoolVar(&o.scale, "scale", false, "also a tenth and ten times as many rows: is the time linear?")
	flags.BoolVar(&o.upsert, "upsert", false, "also UPSERT with every row conflicting, against the merge from a staged table")
	flags.StringVar(&o.binary, "binary", filepath.Join("bin", "etlportal"), "the etlportal to measure")
	flags.StringVar(&o.data, "data", filepath.Join(".data", "bench"), "where generated files are kept for the next time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("there is no argument %q: everything is said by flags", flags.Arg(0))
	case o.rows < 10 || o.pairs < 1:
		return errors.New("-rows needs at least 10, -pairs at least 1")
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("there is no etlportal at %s: run `make build` first", o.binary)
	}

	psql, err := findPsql(ctx, out)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	b := &bench{options: o, out: out, db: db, psql: psql}
	if err := b.introduce(ctx); err != nil {
		return err
	}
	return b.measure(ctx)
}

// bench is one run of this command.
type bench struct {
	options
	out  io.Writer
	db   *database
	psql string
	rep  report
}

// introduce says what is measured on what.
func (b *bench) introduce(ctx context.Context) error {
	version, err := b.db.text(ctx, "SHOW server_version")
	if err != nil {
		return err
	}
	floor, err := emptyProcessPeak(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, `%s: %d CPUs, %s/%s, %s, PostgreSQL %s (%s), \copy by %s
The \copy table has the file's 10 columns; etlportal's has an 11th, amount * qty, and its mapping trims customer and
upper-cases city. Each time is that of the whole process. Peak memory is the kernel's (ru_maxrss), which shows nothing
below %s here.
`, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), version, b.db.origin, b.psql, mebibytes(floor))
	return nil
}

// measure runs every part that was asked for, and the report.
func (b *bench) measure(ctx context.Context) error {
	if err := b.againstCopy(ctx); err != nil {
		return fmt.Errorf("load against \\copy: %w", err)
	}
	if b.upsert {
		if err := b.againstMerge(ctx); err != nil {
			return fmt.Errorf("UPSERT against the merge: %w", err)
		}
	}
	if b.scale {
		if err := b.linearity(ctx); err != nil {
			return fmt.Errorf("linearity: %w", err)
		}
	}
	b.rep.print(b.out)
	return nil
}
