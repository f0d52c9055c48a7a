package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/sniff"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

const (
	maxExpression = 64 << 10
	maxRatio      = 1.0
)

// checked is a job that would run.
type checked struct {
	ddl     string
	notes   []string
	matches []Match
}

// check says whether a job would run: by itself, against its file, and against
// its table. A job without a mapping gets the one that matches by name.
func (p *Portal) check(ctx context.Context, job *etl.Job) (*checked, error) {
	if err := checkAlone(job); err != nil {
		return nil, err
	}
	src, err := p.inspected(ctx, job.FileID)
	if err != nil {
		return nil, at(err, "body.file_id")
	}
	if src.State == etl.SourceFailed {
		return nil, at(etl.Mistakef("source_failed", "Upload the file again", "the file %s could not be read to its end", src.Filename), "body.file_id")
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return nil, err
	}
	out := &checked{}
	err = p.with(ctx, job.CredentialID, func(ctx context.Context, dest etl.FanOut) error {
		if err := namable(dest, job); err != nil {
			return err
		}
		table, err := p.target(ctx, dest, job)
		if err != nil {
			return err
		}
		return out.compile(p, dest, job, src.Filename, columns, table)
	})
	if err != nil {
		return nil, p.place(forAPI(err), job)
	}
	return out, nil
}

// at names the place in the request that a Mistake is about.
func at(err error, location string) error {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || e.Kind != etl.Mistake {
		return err
	}
	if _, ok := errors.AsType[*Invalid](err); ok {
		return err
	}
	return &Invalid{e, []Detail{{location, e.Message}}}
}

// place finds the part of the job that an error is about.
func (p *Portal) place(err error, job *etl.Job) error {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || e.Kind != etl.Mistake {
		return err
	}
	switch e.Code {
	case "not_found":
		return at(err, "body.credential_id")
	case "table_not_found", "table_exists", "not_a_table":
		return at(err, "body.table")
	case "schema_not_found":
		return at(err, "body.schema")
	case "unmatched_columns":
		return at(err, "body.column_mappings")
	}
	if strings.HasPrefix(e.Message, "filter") {
		return at(err, "body.filter")
	}
	for i, m := range job.Mapping.Columns {
		quoted := `"` + m.Destination + `"`
		if e.Column == m.Destination || e.Column != "" && e.Column == m.Source || e.Column == "" && strings.Contains(e.Message, "column "+quoted) {
			location := fmt.Sprintf("body.column_mappings[%d]", i)
			if e.Code == transform.CodeExpression && m.Expression != "" {
				location += ".expression"
			}
			return at(err, location)
		}
	}
	return err
}

// checkAlone checks what needs neither file nor table.
func checkAlone(job *etl.Job) error {
	k := &checker{}
	k.text("body.name", job.Name, maxName)
	k.text("body.table", job.Table, maxName)
	if job.Schema != "" {
		k.text("body.schema", job.Schema, maxName)
	}
	switch job.Strategy {
	case etl.Insert, etl.TruncateInsert:
		if len(job.UpsertKeys) > 0 {
			k.bad("body.upsert_keys", "keys_without_upsert", "Leave them out, or set load_strategy to UPSERT", "has keys, which only UPSERT uses")
		}
	case etl.Upsert:
		if len(job.UpsertKeys) == 0 {
			k.bad("body.upsert_keys", "upsert_without_keys", "Name the columns by which rows are recognised: in PostgreSQL those of a unique index of the table, in Redshift any", "is empty, and UPSERT needs keys")
		}
		for i, key := range job.UpsertKeys {
			if slices.Contains(job.UpsertKeys[:i], key) {
				k.bad(fmt.Sprintf("body.upsert_keys[%d]", i), "duplicate_key", "Name it once", "names %q again", key)
			}
		}
	default:
		k.bad("body.load_strategy", "bad_strategy", "Use INSERT, UPSERT or TRUNCATE_INSERT", "%q is no strategy", job.Strategy)
	}
	switch job.DuplicateKeys {
	case "", "last", "first", "fail":
	default:
		k.bad("body.duplicate_keys", "bad_value", "Use last, first or fail", "%q is not known", job.DuplicateKeys)
	}
	if !job.CreateTable && !job.TableOptions.IsZero() {
		k.bad("body.table_options", "options_without_table", "Leave them out, or set create_table", "are those of a table that is made")
	}
	if job.BatchSize < 0 {
		k.bad("body.batch_size", "bad_value", "Give a number of rows, or leave it out", "%d is negative", job.BatchSize)
	}
	policy := job.Mapping.OnBadRow
	switch policy.Mode {
	case "", "fail":
		if policy.MaxRows != nil || policy.MaxRatio != nil {
			k.bad("body.on_bad_row", "bad_value", "Set mode to skip, or leave the bounds out", "has bounds, which only mode skip uses")
		}
	case "skip":
		if policy.MaxRows != nil && *policy.MaxRows < 0 {
			k.bad("body.on_bad_row.max_rows", "bad_value", "Use 0 or more", "%d is negative", *policy.MaxRows)
		}
		if r := policy.MaxRatio; r != nil && !(*r >= 0 && *r <= maxRatio) {
			k.bad("body.on_bad_row.max_ratio", "bad_value", "Use a share from 0 to 1: 0.05 is 5 %", "%g is not between 0 and 1", *r)
		}
	default:
		k.bad("body.on_bad_row.mode", "bad_value", "Use fail or skip", "%q is not known", policy.Mode)
	}
	checkColumns(k, job.Mapping.Columns)
	if len(job.Mapping.Filter) > maxExpression {
		k.bad("body.filter", "too_long", "Shorten it", "has %d bytes; %d are the most", len(job.Mapping.Filter), maxExpression)
	}
	return k.err()
}

func checkColumns(k *checker, columns []etl.ColumnMapping) {
	first := map[string]int{}
	for i, m := range columns {
		where := fmt.Sprintf("body.column_mappings[%d]", i)
		switch j, twice := first[m.Destination]; {
		case m.Destination == "":
			k.bad(where+".destination", "mapping_error", "Name a column of the table", "is empty")
		case twice:
			k.bad(where+".destination", "duplicate_destination", "Remove one of them", "%q is filled by column_mappings[%d] already", m.Destination, j)
		default:
			first[m.Destination] = i
		}
		if m.Source == "" && m.Expression == "" {
			k.bad(where, "mapping_error", "Add a source, or an expression", "has neither source nor expression")
		}
		if len(m.Expression) > maxExpression {
			k.bad(where+".expression", "too_long", "Shorten it", "has %d bytes; %d are the most", len(m.Expression), maxExpression)
		}
	}
}

// target is the table that a job fills; nil where it is to be made.
func (p *Portal) target(ctx context.Context, dest etl.FanOut, job *etl.Job) (*schema.Table, error) {
	t, err := dest.Table(ctx, job.Schema, job.Table)
	switch {
	case err == nil && !job.CreateTable:
		return t, nil
	case err == nil:
		if p.madeBy(ctx, job) {
			return t, nil
		}
		return nil, tableExists(t)
	case job.CreateTable && isCode(err, "table_not_found"):
		return nil, p.checkSchema(ctx, dest, job)
	}
	return nil, err
}

// namable says whether a table may have the name that the job gives. One whose
// database has limits of its own says so where it makes the table.
func namable(dest etl.Destination, job *etl.Job) error {
	if _, ok := dest.(etl.TableMaker); ok {
		return nil
	}
	k := &checker{}
	k.text("body.table", job.Table, maxIdentifier)
	if job.Schema != "" {
		k.text("body.schema", job.Schema, maxIdentifier)
	}
	return k.err()
}

// checkSchema says whether the schema of a table to be made is there.
func (p *Portal) checkSchema(ctx context.Context, dest etl.FanOut, job *etl.Job) error {
	c, ok := dest.(Catalogue)
	if !ok || job.Schema == "" {
		return nil
	}
	schemas, err := c.Schemas(ctx)
	if err != nil {
		return err
	}
	for _, s := range schemas {
		switch {
		case s.Name != job.Schema:
		case !s.CanCreate:
			return etl.Mistakef("permission_denied", "Ask for: GRANT CREATE ON SCHEMA "+schema.Identifier(s.Name), "the user may not create tables in schema %q", s.Name)
		default:
			return nil
		}
	}
	return etl.Mistakef("schema_not_found", "Create it (CREATE SCHEMA), or choose another", "there is no schema %q that the user may look into", job.Schema)
}

// columnsOf are the columns of a file as its inspection describes them.
func columnsOf(src *etl.Source) ([]workflow.ColumnView, error) {
	var v workflow.View
	if err := json.Unmarshal(src.Inspection, &v); err != nil {
		return nil, fmt.Errorf("the stored inspection of %s: %w", src.ID, err)
	}
	for i := range v.Columns {
		// Of a part of the rows it would tell nothing of the others.
		if c := &v.Columns[i]; c.Statistics != nil {
			c.Statistics.MaxBytes = int64(v.MaxBytes(c))
		}
	}
	return v.Columns, nil
}

// sourcesOf are they as a mapping sees them.
func sourcesOf(columns []workflow.ColumnView) []transform.Source {
	out := make([]transform.Source, len(columns))
	for i, c := range columns {
		t, err := schema.ParseType(c.Type)
		if err != nil {
			t = schema.Type{Kind: schema.Text}
		}
		out[i] = transform.Source{Name: c.Name, Type: t, Format: c.Format, NullWords: c.NullValues}
		if c.Statistics != nil {
			out[i].MaxBytes = int(c.Statistics.MaxBytes)
		}
	}
	return out
}

// compile checks the mapping; table is nil where it is to be made.
func (c *checked) compile(p *Portal, dest etl.Destination, job *etl.Job, file string, columns []workflow.ColumnView, table *schema.Table) error {
	sources := sourcesOf(columns)
	if len(job.Mapping.Columns) == 0 {
		if err := c.match(job, sources, table); err != nil {
			return err
		}
	}
	if err := unambiguous(job, file, columns, table); err != nil {
		return err
	}
	var target []schema.Column
	if table != nil {
		target = table.Columns
	}
	program, err := transform.Compile(job.Mapping, sources, target, transform.Options{Location: p.Location})
	if err != nil {
		return err
	}
	c.notes = append(c.notes, program.Notes()...)
	if err := c.clashes(p, job, columns, table); err != nil {
		return err
	}
	if job.BatchSize > 0 {
		c.notes = append(c.notes, fmt.Sprintf("batch_size: a chunk has at least %d MiB, however few rows are asked for", workflow.DefaultMinChunkBytes>>20))
	}
	switch {
	case table == nil:
		table = &schema.Table{Schema: job.Schema, Name: job.Table, Columns: program.Columns(), Options: job.TableOptions}
		if job.Strategy == etl.Upsert {
			table.Unique = []schema.Index{{Columns: job.UpsertKeys, Primary: true}}
		}
		if err := makeable(dest, job, table); err != nil {
			return err
		}
		if m, ok := dest.(etl.TableMaker); ok {
			c.notes = append(c.notes, m.TableNotes(table)...)
		}
	case !job.TableOptions.IsZero():
		c.notes = append(c.notes, "the table is there already: table_options no longer change it")
	}
	if target == nil {
		c.ddl = dest.CreateTableSQL(table)
	} else {
		c.ddl = etl.TableSQL(dest, table)
	}
	note, err := checkKeys(dest, job, table, program.Columns())
	if note != "" {
		c.notes = append(c.notes, note)
	}
	return err
}

// makeable says what keeps a table from being made, and where the request says so.
func makeable(dest etl.Destination, job *etl.Job, table *schema.Table) error {
	k := &checker{}
	for _, p := range etl.CheckTable(dest, table) {
		where := "body." + p.Field
		if p.Field == "columns" {
			where = "body.column_mappings"
			if i := slices.IndexFunc(job.Mapping.Columns, func(m etl.ColumnMapping) bool { return m.Destination == p.Column }); i >= 0 {
				where = fmt.Sprintf("%s[%d].destination", where, i)
				if p.Code == "unknown_type" {
					where = fmt.Sprintf("body.column_mappings[%d].type", i)
				}
			}
		}
		k.bad(where, p.Code, p.Fix, "%s", p.Reason)
	}
	return k.err()
}

// match gives the job the mapping that matches columns by name.
func (c *checked) match(job *etl.Job, sources []transform.Source, table *schema.Table) error {
	if table == nil {
		names := make([]string, len(sources))
		for i, s := range sources {
			names[i] = s.Name
		}
		for i, name := range schema.UniqueColumnNames(names) {
			job.Mapping.Columns = append(job.Mapping.Columns, etl.ColumnMapping{Source: names[i], Destination: name, Type: sources[i].Type.String(), Format: sources[i].Format})
			m := scored(Match{Source: names[i], Destination: name, Exact: names[i] == name}, &sources[i], nil)
			m.DestinationType = m.SourceType
			c.matches = append(c.matches, m)
		}
		return nil
	}
	m, matches, err := transform.AutoMap(sources, table)
	if err != nil {
		return err
	}
	job.Mapping.Columns = m.Columns
	c.matches = matchViews(matches, sources, table)
	return nil
}

// unambiguous refuses a column that reads in several ways where the mapping does not say which.
func unambiguous(job *etl.Job, file string, columns []workflow.ColumnView, table *schema.Table) error {
	for i := range columns {
		c := &columns[i]
		if len(c.Ambiguous) == 0 {
			continue
		}
		for j, m := range job.Mapping.Columns {
			if !schema.MatchName(m.Source, c.Name) || m.Format != "" || len(m.Transformations) > 0 || !typed(m, table) {
				continue
			}
			t, err := schema.ParseType(c.Type)
			if err != nil {
				return err
			}
			column := sniff.Column{Name: c.Name, Type: t, Ambiguous: c.Ambiguous}
			if x := c.CounterExample; x != nil {
				column.CounterExample = sniff.Example{Line: x.Line, Value: x.Value}
			}
			return at(forAPI(workflow.Ambiguous(file, column)), fmt.Sprintf("body.column_mappings[%d].format", j))
		}
	}
	return nil
}

// typed says whether a mapping reads its source as something other than text.
func typed(m etl.ColumnMapping, table *schema.Table) bool {
	var t schema.Type
	switch {
	case m.Type != "":
		parsed, err := schema.ParseType(m.Type)
		if err != nil {
			return false // for Compile to tell
		}
		t = parsed
	case table == nil:
		return true
	default:
		for _, c := range table.Columns {
			if c.Name == m.Destination {
				t = c.Type
			}
		}
	}
	return t.Kind != schema.Text && t.Kind != schema.Varchar && t.Kind != schema.Char && t.Kind != schema.Unknown
}

// checkKeys checks the keys of UPSERT against the table, and says where the
// request names the one that is wrong.
func checkKeys(dest etl.Destination, job *etl.Job, table *schema.Table, mapped []schema.Column) (note string, err error) {
	if job.Strategy != etl.Upsert {
		return "", nil
	}
	note, err = etl.CheckKeys(dest, job.UpsertKeys, table, mapped)
	where := "body.upsert_keys"
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Column != "" {
		where = fmt.Sprintf("%s[%d]", where, slices.Index(job.UpsertKeys, e.Column))
	}
	return note, at(err, where)
}
