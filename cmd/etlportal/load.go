package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/source"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

// loadFlags are the flags of load, beside those of reading.
type loadFlags struct {
	readFlags
	to, table, strategy, mapping, duplicates string
	keys                                     []string
	create, dryRun, padShort, quiet          bool
	onBadRow, maxBadRows, rejects, format    string
	parallel                                 int
	layout                                   layoutFlags
}

func newLoad(s streams) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load FILE --to postgres://…|redshift://… --table [schema.]table",
		Short: "Load a file into a table, all or nothing",
		Long: `Load a file into a table, all or nothing.

FILE is a path, - for standard input, or s3://bucket/key; .gz, .zst and .zip with one CSV are unpacked.
S3 is found as other programs of AWS find it: AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role;
AWS_ENDPOINT_URL_S3 names another store. The key is taken as it is written; ?versionId=… at its end names a version.
Where the table exists, its columns say the types, and the file's columns match by name.
With --create the table is made from what the file holds.
The password may come from PGPASSWORD or the password file (PGPASSFILE, ~/.pgpass) instead of the URL.
Redshift loads from S3: its URL has copy_role_arn and staging_bucket as options. access=iam takes temporary credentials
of AWS in the place of a password, workgroup= or cluster_identifier= the Data API; docs/redshift.md shows all.`,
		Example: `  etlportal load sales.csv --to postgres://me@localhost/shop --table sales --create
  etlportal load sales.csv --to postgres://me@localhost/shop --table sales --strategy upsert --key id
  etlportal load sales.csv --to postgres://me@localhost/shop --table sales --on-bad-row skip --max-bad-rows 1% --rejects bad.csv
  etlportal load sales.csv --to 'redshift://me@host:5439/shop?copy_role_arn=arn:aws:iam::123456789012:role/copy&staging_bucket=stage' --table sales
  etlportal load s3://my-bucket/2024/sales.csv.gz --to postgres://me@localhost/shop --table sales
  zcat sales.csv.gz | etlportal load - --to postgres://me@localhost/shop --table sales`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keepSmall()
			return f.run(cmd.Context(), s, args[0])
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&f.to, "to", "", "destination, as postgres://user@host:port/database or redshift://… (default: $DATABASE_URL)")
	set.StringVar(&f.table, "table", "", "destination table, as [schema.]table")
	set.BoolVar(&f.create, "create", false, "make the table from the file's columns")
	f.layout.register(set)
	set.StringVar(&f.strategy, "strategy", "insert", "insert, upsert or truncate_insert")
	set.StringSliceVar(&f.keys, "key", nil, "key column(s) of upsert, separated by commas")
	set.StringVar(&f.duplicates, "duplicate-keys", "last", "which row of the file counts when several have one key: last, first, or fail")
	set.StringVar(&f.mapping, "mapping", "", "mapping file (YAML); its JSON Schema: etlportal schema mapping")
	set.StringVar(&f.onBadRow, "on-bad-row", "", "fail (the default) or skip")
	set.StringVar(&f.maxBadRows, "max-bad-rows", "", "most rows to skip, as a number or a share such as 0.5%")
	set.StringVar(&f.rejects, "rejects", "", "file for the bad rows, in their own columns plus _line, _column, _reason")
	set.BoolVar(&f.padShort, "pad-short-rows", false, "fill the missing last fields of short rows with NULL")
	set.IntVar(&f.parallel, "parallel", 0, "workers that read and convert (default: by the number of cores; 1 for s3://, where more download a plain file twice)")
	set.BoolVar(&f.dryRun, "dry-run", false, "do everything but commit; prints the statement that makes the table")
	set.StringVar(&f.format, "format", "human", "human or json")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	f.register(set)
	return cmd
}

// run does the load and shows its result.
func (f *loadFlags) run(ctx context.Context, s streams, path string) error {
	if f.format != "human" && f.format != "json" {
		return usagef("--format takes human or json, not %q", f.format)
	}
	id, started := newRunID(), time.Now()
	rep, src, err := f.load(ctx, s, path)
	var size int64
	if src != nil {
		size = src.BytesRead()
		if n := src.Size(); n >= 0 && err == nil {
			size = n
		}
		err = errors.Join(err, src.Close())
	}
	if f.format == "json" {
		if werr := json.NewEncoder(s.out).Encode(newRunJSON(ctx, id, rep, size, time.Since(started), f.dryRun, err)); werr != nil {
			return afterwards(rep, errors.Join(err, werr))
		}
		if err != nil {
			fmt.Fprintln(s.err, "etlportal: "+errorLine(ctx, err))
			return errors.Join(errReported, err)
		}
		return nil
	}
	if rep != nil && rep.DDL != "" && f.dryRun {
		fmt.Fprintf(s.out, "%s;\n", rep.DDL)
	}
	if err != nil {
		return err
	}
	return afterwards(rep, printLoad(s.out, src.Name, rep, size, time.Since(started), f))
}

// load parses the flags, opens both ends and runs the load.
func (f *loadFlags) load(ctx context.Context, s streams, path string) (*workflow.Report, *source.Source, error) {
	d := &workflow.Direct{Create: f.create, DuplicateKeys: strings.ToLower(f.duplicates), DryRun: f.dryRun, Progress: &load.Progress{}}
	var err error
	if d.Read, d.Location, err = f.options(); err != nil {
		return nil, nil, err
	}
	d.Read.PadShort = f.padShort
	if d.Options, err = f.layout.options(f.create); err != nil {
		return nil, nil, err
	}
	if err := f.spec(d); err != nil {
		return nil, nil, err
	}
	if err := f.policy(d); err != nil {
		return nil, nil, err
	}
	src, err := f.open(ctx, s, path)
	if err != nil {
		return nil, nil, err
	}
	d.Source = src
	if d.Parallel == 0 {
		d.Parallel = defaultParallel(src)
	}
	rejects, err := newRejectFile(f.rejects, path)
	if err != nil {
		return nil, src, err
	}
	dest, err := openDestination(ctx, f.to)
	if err != nil {
		return nil, src, err
	}
	defer func() { _ = dest.Close(context.WithoutCancel(ctx)) }()
	d.Dest = dest
	if f.rejects != "" {
		d.OnReject, d.OnRestart, d.BeforePublish = rejects.write, rejects.restart, rejects.flush
	}
	progress := newProgress(s.err, src, d.Progress, f.quiet || f.dryRun && f.format == "json")
	d.OnStep, d.OnWait = progress.step, progress.waits
	rejects.columns = d.SourceNames
	rep, err := d.Run(ctx)
	progress.stop()
	if failed := rejects.close(err == nil); failed != nil && err == nil {
		err = failed
	}
	return rep, src, afterwards(rep, err)
}

// afterwards says of an error that came when the rows were in the table already, that they are.
func afterwards(rep *workflow.Report, err error) error {
	if err == nil || rep == nil || !rep.Published {
		return err
	}
	e := &etl.Error{Kind: etl.Refused, Code: "after_load", Message: "the rows are loaded, but " + err.Error(), Err: err}
	if cause, ok := errors.AsType[*etl.Error](err); ok {
		e.Code, e.Message, e.Fix = cause.Code, "the rows are loaded, but "+cause.Message, cause.Fix
	}
	return e
}

// spec fills in what the flags say of table and strategy.
func (f *loadFlags) spec(d *workflow.Direct) error {
	if f.to == "" {
		if f.to = os.Getenv("DATABASE_URL"); f.to == "" {
			return usagef("--to is missing. Name the destination, as --to postgres://user@host:5432/database")
		}
	}
	if f.table == "" {
		return usagef("--table is missing. Name the table, as --table sales or --table public.sales")
	}
	var err error
	if d.Schema, d.Table, err = splitTable(f.table); err != nil {
		return err
	}
	d.Strategy = etl.Strategy(strings.ToUpper(strings.ReplaceAll(f.strategy, "-", "_")))
	if !slices.Contains([]etl.Strategy{etl.Insert, etl.Upsert, etl.TruncateInsert}, d.Strategy) {
		return usagef("--strategy takes insert, upsert or truncate_insert, not %q", f.strategy)
	}
	d.Keys = columnNames(f.keys)
	switch {
	case d.Strategy == etl.Upsert && len(d.Keys) == 0:
		return usagef("--strategy upsert needs --key: the column(s) by which rows are recognised")
	case d.Strategy != etl.Upsert && len(d.Keys) > 0:
		return usagef("--key is of use with --strategy upsert only")
	case d.DuplicateKeys != "last" && d.DuplicateKeys != "first" && d.DuplicateKeys != "fail":
		return usagef("--duplicate-keys takes last, first or fail, not %q", f.duplicates)
	case f.parallel < 0 || f.parallel > 64:
		return usagef("--parallel takes 1 to 64, not %d", f.parallel)
	}
	d.Parallel = f.parallel
	if f.mapping == "" {
		return nil
	}
	text, err := os.ReadFile(f.mapping)
	if err != nil {
		return &etl.Error{Kind: etl.Mistake, Code: "file_not_found", Message: fmt.Sprintf("the mapping %s cannot be read: %v", f.mapping, err), Fix: "Check the path", Err: err}
	}
	m, positions, err := transform.ReadMapping(text, f.mapping)
	if err != nil {
		return err
	}
	d.Mapping, d.Positions, d.Policy = &m, positions, m.OnBadRow
	return nil
}

// columnNames are those of a flag that lists columns.
func columnNames(list []string) (names []string) {
	for _, name := range list {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// policy lets the flags override the mapping's bad-row policy.
func (f *loadFlags) policy(d *workflow.Direct) error {
	switch f.onBadRow {
	case "":
	case "fail":
		d.Policy = etl.BadRowPolicy{Mode: "fail"}
	case "skip":
		d.Policy.Mode = "skip" // within the mapping's bounds, where it has any
	default:
		return usagef("--on-bad-row takes fail or skip, not %q", f.onBadRow)
	}
	if f.maxBadRows == "" {
		return nil
	}
	if d.Policy.Mode != "skip" {
		return usagef("--max-bad-rows is of use with --on-bad-row skip only")
	}
	d.Policy.MaxRows, d.Policy.MaxRatio = nil, nil
	if share, ok := strings.CutSuffix(f.maxBadRows, "%"); ok {
		x, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err != nil || x < 0 || x > 100 {
			return usagef("--max-bad-rows takes a number or a share from 0%% to 100%%, not %q", f.maxBadRows)
		}
		x /= 100
		d.Policy.MaxRatio = &x
		return nil
	}
	n, err := strconv.ParseInt(f.maxBadRows, 10, 64)
	if err != nil || n < 0 {
		return usagef("--max-bad-rows takes a number or a share such as 0.5%%, not %q", f.maxBadRows)
	}
	d.Policy.MaxRows = &n
	return nil
}

// splitTable reads [schema.]table; double quotes keep dots and case.
func splitTable(s string) (schemaName, table string, err error) {
	var parts []string
	for rest := s; ; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			var b strings.Builder
			rest = rest[1:]
			for {
				i := strings.IndexByte(rest, '"')
				if i < 0 {
					return "", "", usagef("--table %s: a double quote is not closed", s)
				}
				b.WriteString(rest[:i])
				rest = rest[i+1:]
				if !strings.HasPrefix(rest, `"`) {
					break
				}
				b.WriteByte('"')
				rest = rest[1:]
			}
			part = b.String()
		} else {
			i := strings.IndexByte(rest, '.')
			if i < 0 {
				i = len(rest)
			}
			part, rest = rest[:i], rest[i:]
		}
		if part == "" || strings.ContainsRune(part, 0) {
			return "", "", usagef("--table takes [schema.]table, not %q", s)
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return "", "", usagef("--table takes [schema.]table, not %q", s)
		}
		rest = rest[1:]
	}
	switch len(parts) {
	case 1:
		return "", parts[0], nil
	case 2:
		return parts[0], parts[1], nil
	}
	return "", "", usagef("--table takes [schema.]table, not %q; the database is named in --to", s)
}
