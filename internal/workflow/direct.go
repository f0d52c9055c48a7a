package workflow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/sniff"
	"github.com/etlportal/etlportal/internal/source"
	"github.com/etlportal/etlportal/internal/transform"
)

// Direct is a load by one process in one transaction: from a file into a
// table, all or nothing.
type Direct struct {
	Source *source.Source
	Dest   etl.Destination
	Read   ReadOptions
	// Schema and Table name the destination; Schema "" is the search path's.
	Schema, Table string
	// Create makes the table; it must not exist yet.
	Create bool
	// Options are those of the table that is made.
	Options  schema.TableOptions
	Strategy etl.Strategy
	// Keys are UPSERT's; DuplicateKeys is as in etl.LoadSpec.
	Keys          []string
	DuplicateKeys string
	// Mapping is nil where columns match by name; Positions are those of its file, if it has one.
	Mapping   *etl.Mapping
	Positions *transform.Positions
	Policy    etl.BadRowPolicy
	DryRun    bool
	// Parallel is the number of workers that parse and convert.
	Parallel int
	// Location is the time zone of times without one.
	Location *time.Location
	OnReject func(*etl.Reject) error
	Progress *load.Progress
	// BeforePublish is asked after the last row was read and before anything is
	// published; its error ends the load. May be nil.
	BeforePublish func() error
	// OnStep is told what begins ("inspect", "load", "publish"). May be nil.
	OnStep func(step string)
	// OnWait is told once why the load waits for others. May be nil.
	OnWait func(reason string)
	// OnRestart is told that rejects reported so far will be reported again,
	// because the file is read once more to explain a refused row. May be nil.
	OnRestart func() error

	found *Detected
}

// SourceNames are the file's column names; nil before they are known.
func (d *Direct) SourceNames() []string {
	if d.found == nil {
		return nil
	}
	return d.found.Names
}

// Report is what a direct load did, or would do.
type Report struct {
	load.Result
	// Published says that the rows are in the table, whatever failed afterwards.
	Published bool
	// DDL is the statement that made the table; "" where it existed.
	DDL   string
	Table *schema.Table
	// Keys are UPSERT's, as the table spells them.
	Keys []string
	// Matches say which source column fills which destination column.
	Matches []transform.Match
	Found   *Detected
}

// Run does the load. The report is of use also where it fails.
func (d *Direct) Run(ctx context.Context) (*Report, error) {
	rep := &Report{}
	d.step("inspect")
	found, err := Detect(ctx, d.Source, d.Read)
	if err != nil {
		return rep, err
	}
	rep.Found, d.found = found, found
	table, err := d.target(ctx)
	if err != nil {
		return rep, err
	}
	sources, err := d.columns(ctx, found, table)
	if err != nil {
		return rep, err
	}
	program, err := d.compile(rep, sources, table)
	if err != nil {
		return rep, err
	}
	spec := etl.LoadSpec{
		Table: rep.Table, Columns: program.Columns(), Create: d.Create, Strategy: d.Strategy,
		Keys: rep.Keys, DuplicateKeys: d.DuplicateKeys, DryRun: d.DryRun, Explain: !d.Source.Rereadable(), OnWait: d.OnWait,
	}
	if d.OnReject == nil {
		spec.KeepRefused = 1 // nobody is told of them
	}
	if d.OnReject != nil && d.Policy.Mode == "skip" && rep.Table.Refusals != (schema.Refusals{}) {
		// The rows that the database refuses are looked up in the file afterwards.
		if err := d.Source.Spool(ctx); err != nil {
			return rep, err
		}
	}
	parts, err := d.parts(ctx, found)
	if err != nil {
		return rep, err
	}
	cfg := load.Config{
		Program: program, Names: found.Names, PadShort: d.Read.PadShort, Policy: d.Policy, OnReject: d.OnReject,
		Parallel: d.Parallel, Progress: d.Progress, BeforePublish: d.beforePublish,
	}
	d.step("load")
	told := rep.Notes
	rep.Result, err = load.Run(ctx, d.Dest, spec, parts, cfg)
	if again, ok := errors.AsType[*etl.NeedsExplain](err); ok && d.Source.Rereadable() {
		if d.OnRestart != nil {
			if err := d.OnRestart(); err != nil {
				return rep, err
			}
		}
		spec.Explain = true
		// What refused the row may be gone by now, and then all of them are in.
		rep.Result, err = load.Run(ctx, d.Dest, spec, parts, cfg)
		if _, still := errors.AsType[*etl.NeedsExplain](err); still {
			err = again.Err
		}
	}
	rep.DDL = cmp.Or(rep.Result.Created, rep.DDL)
	if err == nil {
		rep.Published = !d.DryRun
		err = d.refused(ctx, found, rep.Refused)
	} else if d.Source.Rereadable() {
		// Those that ended the load are told, too.
		err = errors.Join(err, d.refused(ctx, found, rep.Refused))
	}
	notes := slices.Concat(found.Notes, program.Notes(), told)
	for _, m := range rep.Matches {
		if m.Note != "" {
			notes = append(notes, fmt.Sprintf("column %s: %s", m.Destination, m.Note))
		}
	}
	rep.Notes = append(notes, rep.Notes...)
	if err == nil && !rep.Counts.Balanced() {
		return rep, fmt.Errorf("counts do not add up: %+v", rep.Counts)
	}
	return rep, err
}

func (d *Direct) beforePublish() error {
	d.step("publish")
	if d.BeforePublish != nil {
		if err := d.BeforePublish(); err != nil {
			return err
		}
	}
	return d.Source.Changed()
}

// refused reports the rows that the database refused, with their fields,
// which are read from the file once more.
func (d *Direct) refused(ctx context.Context, found *Detected, rejects *etl.Rejects) error {
	if d.OnReject == nil || rejects.Len() == 0 {
		return nil
	}
	r, closer, err := openRecords(ctx, d.Source, found, d.Read)
	if err != nil {
		return err
	}
	defer closer.Close()
	for bad, err := range rejects.All() {
		if err != nil {
			return err
		}
		for {
			rec, err := r.Read()
			if err != nil {
				return fmt.Errorf("line %d, which the database refused, is not found again: %w", bad.Line, err)
			}
			if rec.Pos.Line < bad.Line {
				continue
			}
			bad.Record, bad.Raw = rec.Pos.Record, bytes.Clone(rec.Raw)
			for _, f := range rec.Fields {
				bad.Fields = append(bad.Fields, string(f))
			}
			break
		}
		if err := d.OnReject(&bad); err != nil {
			return err
		}
	}
	return nil
}

func (d *Direct) step(name string) {
	if d.OnStep != nil {
		d.OnStep(name)
	}
}

// target describes the existing table; nil where it is to be created.
func (d *Direct) target(ctx context.Context) (*schema.Table, error) {
	t, err := d.Dest.Table(ctx, d.Schema, d.Table)
	if !d.Create {
		if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "table_not_found" {
			e.Fix = strings.TrimSuffix(strings.TrimSpace(e.Fix+" Or add --create to make it from the file"), ".")
		}
		return t, err
	}
	if err == nil {
		return nil, etl.Mistakef("table_exists", "Leave out --create to load into it, or name another table", "table %s exists already", t.Name)
	}
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "table_not_found" {
		return nil, nil //nolint:nilnil // no table and no error: it will be made
	}
	return nil, err
}

// columns gives the file's columns with types and formats. The sample is
// enough where the table says the types and no format is in doubt; else the
// whole file decides.
func (d *Direct) columns(ctx context.Context, found *Detected, table *schema.Table) ([]transform.Source, error) {
	cols := found.Columns
	longest := make([]int, len(cols))
	if !found.Whole && (d.Create || d.doubtful(cols, table)) {
		if err := d.Source.Spool(ctx); err != nil {
			return nil, err
		}
		in, err := inspectAs(ctx, d.Source, found, d.Read, 0)
		if err != nil {
			return nil, err
		}
		cols = make([]sniff.Column, len(in.Columns))
		longest = make([]int, len(in.Columns))
		for i, c := range in.Columns {
			cols[i] = c.Column
			if in.Complete {
				longest[i] = int(min(c.Statistics.MaxBytes, math.MaxInt32))
			}
		}
	}
	sources := make([]transform.Source, len(cols))
	for i, c := range cols {
		sources[i] = transform.Source{Name: c.Name, Type: c.Type, Format: c.Format, NullWords: c.NullWords, NullsGiven: d.Read.Sniff.NullWords != nil, MaxBytes: longest[i]}
		if len(c.Ambiguous) > 0 && d.needsFormat(c, table) {
			return nil, Ambiguous(d.Source.Name, c)
		}
	}
	return sources, nil
}

// doubtful says whether the sample leaves a format open that this load needs.
func (d *Direct) doubtful(cols []sniff.Column, table *schema.Table) bool {
	return slices.ContainsFunc(cols, func(c sniff.Column) bool { return len(c.Ambiguous) > 0 && d.needsFormat(c, table) })
}

// needsFormat says whether this load reads the column as something other than
// text without being told its format.
func (d *Direct) needsFormat(c sniff.Column, table *schema.Table) bool {
	typed := func(name string) bool {
		if table == nil {
			return true
		}
		if given, err := schema.ParseType(d.givenType(c.Name)); err == nil {
			return !isCharacters(given)
		}
		for _, t := range table.Columns {
			if schema.MatchName(t.Name, name) {
				return !isCharacters(t.Type)
			}
		}
		return false
	}
	if d.Mapping == nil {
		return typed(c.Name)
	}
	for _, m := range d.Mapping.Columns {
		if m.Source != "" && schema.MatchName(m.Source, c.Name) && m.Format == "" && len(m.Transformations) == 0 {
			if m.Type != "" {
				t, err := schema.ParseType(m.Type)
				if err == nil && isCharacters(t) {
					continue
				}
				return true
			}
			return typed(m.Destination)
		}
	}
	return false
}

func isCharacters(t schema.Type) bool {
	return t.Kind == schema.Text || t.Kind == schema.Char || t.Kind == schema.Varchar
}

// Ambiguous is the error that asks the user to decide how a column is read.
func Ambiguous(file string, c sniff.Column) error {
	var orders []string
	for _, format := range c.Ambiguous {
		order := map[byte]string{'D': "dmy", 'M': "mdy", 'Y': "ymd"}[format[0]]
		if order != "" && !slices.Contains(orders, "--date-order "+order) {
			orders = append(orders, "--date-order "+order)
		}
	}
	fix := "Say which with " + strings.Join(orders, " or ") + ", or give the column a format in a mapping"
	code := etl.Code("ambiguous_date")
	if c.Type.Kind != schema.Date && c.Type.Kind != schema.Timestamp && c.Type.Kind != schema.TimestampTZ {
		code, fix = "ambiguous_number", "Say which with --decimal point or --decimal comma, or give the column a format in a mapping"
	}
	e := etl.Mistakef(code, fix, "%s: every value of column %q can be read both as %s", file, c.Name, strings.Join(c.Ambiguous, " and as "))
	e.Column = c.Name
	if c.CounterExample.Line > 0 {
		e.Line, e.Value = c.CounterExample.Line, c.CounterExample.Value
		e.Message += fmt.Sprintf(" (line %d: %q)", e.Line, e.Value)
	}
	return e
}

// compile makes the program and the table that it fills.
func (d *Direct) compile(rep *Report, sources []transform.Source, table *schema.Table) (*transform.Program, error) {
	o := transform.Options{Location: d.Location}
	m := d.Mapping
	if table == nil {
		if m == nil {
			m = createMapping(withoutReasons(rep, sources, nil))
		}
		program, err := transform.Compile(*m, sources, nil, o)
		if err != nil {
			return nil, d.Positions.Locate(err)
		}
		t := &schema.Table{Schema: d.Schema, Name: d.Table, Columns: program.Columns(), Options: d.Options}
		if d.Strategy == etl.Upsert {
			if rep.Keys, err = transform.ResolveKeys(d.Keys, t.Columns); err != nil {
				return nil, err
			}
			t.Unique = []schema.Index{{Columns: rep.Keys, Primary: true}}
		}
		if err := etl.TableMistake(etl.CheckTable(d.Dest, t)); err != nil {
			return nil, err
		}
		rep.Table, rep.DDL = t, d.Dest.CreateTableSQL(t)
		return program, nil
	}
	if m == nil {
		auto, matches, err := transform.AutoMap(withoutReasons(rep, sources, table), table)
		if err != nil {
			return nil, err
		}
		m, rep.Matches = &auto, matches
	}
	rep.Table = table
	if d.Strategy == etl.Upsert {
		var err error
		if rep.Keys, err = transform.ResolveKeys(d.Keys, table.Columns); err != nil {
			return nil, err
		}
	}
	program, err := transform.Compile(d.withTypes(*m), sources, table.Columns, o)
	return program, d.Positions.Locate(err)
}

// withoutReasons leaves out the three columns that a rejects file has more than
// the file that its rows are from, so that it can be loaded once it is mended.
func withoutReasons(rep *Report, sources []transform.Source, table *schema.Table) []transform.Source {
	n := len(sources) - len(etl.RejectColumns)
	if n < 1 {
		return sources
	}
	for i, name := range etl.RejectColumns {
		if sources[n+i].Name != name || table != nil && slices.ContainsFunc(table.Columns, func(c schema.Column) bool { return c.Name == name }) {
			return sources
		}
	}
	rep.Notes = append(rep.Notes, strings.Join(etl.RejectColumns, ", ")+" of a rejects file were left out")
	return sources[:n]
}

// createMapping maps every column of a file to one of a new table.
func createMapping(sources []transform.Source) *etl.Mapping {
	headers := make([]string, len(sources))
	for i, s := range sources {
		headers[i] = s.Name
	}
	names := schema.UniqueColumnNames(headers)
	m := &etl.Mapping{}
	for i, s := range sources {
		m.Columns = append(m.Columns, etl.ColumnMapping{Source: s.Name, Destination: names[i], Type: s.Type.String(), Format: s.Format})
	}
	return m
}

// parts splits a plain file for several workers; everything else is one stream.
func (d *Direct) parts(ctx context.Context, found *Detected) ([]load.Part, error) {
	options := d.Read.csv(found)
	at, plain := d.Source.ReaderAt()
	if d.Parallel > 1 && plain && found.Encoding.Splittable() {
		spans, err := plan.Split(ctx, at, d.Source.Size(), found.Encoding, found.Dialect, plan.Options{RangeSize: load.PartBytes, Parallel: d.Parallel})
		if err != nil {
			return nil, err
		}
		d.Source.Rewind()
		parts := make([]load.Part, len(spans))
		for i, span := range spans {
			parts[i].Open = func(context.Context) (*csv.Reader, func() error, error) {
				o := options
				o.Start.Record = firstRecord(span, found.Dialect)
				return plan.Open(at, span, found.Encoding, found.Dialect, o)
			}
		}
		return parts, nil
	}
	return []load.Part{{Open: func(ctx context.Context) (*csv.Reader, func() error, error) {
		r, closer, err := openRecords(ctx, d.Source, found, d.Read)
		if err != nil {
			return nil, nil, err
		}
		return r, closer.Close, nil
	}}}, nil
}
