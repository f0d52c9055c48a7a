package destination

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// targetQuery tells what a load has to know about its table within its own
// transaction: the table may have changed since it was described. $1 is the
// schema or ”, $2 the name.
const targetQuery = `
SELECT json_build_object(
  'schema', n.nspname, 'name', c.relname, 'kind', c.relkind::text,
  'row_security', pg_catalog.row_security_active(c.oid), 'standby', pg_catalog.pg_is_in_recovery(),
  'encoding', pg_catalog.getdatabaseencoding(), 'user', current_user, 'database', current_database(),
  'temp', pg_catalog.has_database_privilege(current_database(), 'TEMP'),
  'usage', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
  'insert', pg_catalog.has_table_privilege(c.oid, 'INSERT'), 'select', pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  'update', pg_catalog.has_table_privilege(c.oid, 'UPDATE'), 'truncate', pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
  'constraints', (
    SELECT coalesce(json_object_agg(k.conname, (
      SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum)), '{}')
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conkey IS NOT NULL),
  'columns', (
    WITH RECURSIVE base AS (
      SELECT a.attnum, a.atttypid AS typid, a.atttypmod AS typmod, false AS no_null, 0 AS depth
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT b.attnum, t.typbasetype, t.typtypmod, t.typnotnull, b.depth + 1
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd'
    )
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(b.typid, b.typmod), 'cast', pg_catalog.format_type(b.typid, -1),
      'own', t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace,
      'receive', p.proname, 'collation', CASE WHEN k.collname <> 'default' THEN quote_ident(kn.nspname) || '.' || quote_ident(k.collname) ELSE '' END,
      'insert', pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT'),
      'select', pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'),
      'update', pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE'),
      'domain', a.atttypid <> b.typid, 'not_null', a.attnotnull, 'default', a.atthasdef OR a.attidentity <> '', 'identity', a.attidentity::text,
      'generated', a.attgenerated <> '') ORDER BY a.attnum), '[]')
    FROM pg_catalog.pg_attribute a
    JOIN (SELECT DISTINCT ON (attnum) * FROM base ORDER BY attnum, depth DESC) b USING (attnum)
    JOIN pg_catalog.pg_type t ON t.oid = b.typid
    JOIN pg_catalog.pg_proc p ON p.oid = t.typreceive
    LEFT JOIN pg_catalog.pg_collation k ON k.oid = a.attcollation
    LEFT JOIN pg_catalog.pg_namespace kn ON kn.oid = k.collnamespace
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $2 AND CASE WHEN $1 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END
  AND c.relkind IN ('r', 'p', 'f')`

// target is targetQuery's answer.
type target struct {
	Schema      string         `json:"schema"`
	Name        string         `json:"name"`
	Kind        string         `json:"kind"`
	RowSecurity bool           `json:"row_security"`
	Standby     bool           `json:"standby"`
	Encoding    string         `json:"encoding"`
	User        string         `json:"user"`
	Database    string         `json:"database"`
	Temp        bool           `json:"temp"`
	Usage       bool           `json:"usage"`
	Insert      bool           `json:"insert"`
	Select      bool           `json:"select"`
	Update      bool           `json:"update"`
	Truncate    bool           `json:"truncate"`
	Columns     []targetColumn `json:"columns"`
	// Constraints are their columns by name.
	Constraints map[string][]string `json:"constraints"`
}

type targetColumn struct {
	Name string `json:"name"`
	// Type is the base type with, Cast without its modifiers.
	Type string `json:"type"`
	Cast string `json:"cast"`
	// Own says that it is no type of PostgreSQL's, whatever its name.
	Own bool `json:"own"`
	// Receive is the function that reads the type's binary form.
	Receive   string `json:"receive"`
	Collation string `json:"collation"`
	Insert    bool   `json:"insert"`
	Select    bool   `json:"select"`
	Update    bool   `json:"update"`
	Domain    bool   `json:"domain"`
	NotNull   bool   `json:"not_null"`
	Default   bool   `json:"default"`
	Identity  string `json:"identity"`
	Generated bool   `json:"generated"`
}

// sql is the table's name in statements.
func (t *target) sql() string { return quote(t.Schema) + "." + quote(t.Name) }

func (t *target) column(name string) *targetColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// textReceivers read the same bytes in binary as in text.
var textReceivers = []string{
	"textrecv", "varcharrecv", "bpcharrecv", "enum_recv", "citextrecv", "json_recv", "xml_recv", "namerecv", "unknownrecv",
}

// travelsAsText says that binary COPY cannot carry the column's values as we
// have them, so that they are staged as text and cast.
func (c *targetColumn) travelsAsText(k schema.Kind) bool {
	return k == schema.Other && !slices.Contains(textReceivers, c.Receive)
}

func readTarget(ctx context.Context, conn *pgx.Conn, t *schema.Table) (*target, error) {
	what := "reading the description of " + qualified(t.Schema, t.Name)
	rows, err := conn.Query(ctx, targetQuery, t.Schema, t.Name)
	if err != nil {
		return nil, wrap(ctx, err, what)
	}
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, wrap(ctx, err, what)
	}
	if len(answers) == 0 {
		return nil, notFound(ctx, conn, t.Schema, t.Name)
	}
	var found target
	if err := json.Unmarshal([]byte(answers[0]), &found); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return &found, nil
}

// check compares what a load wants with what the table is and permits.
func (t *target) check(spec *etl.LoadSpec) error {
	name := qualified(t.Schema, t.Name)
	if t.Standby {
		return &etl.Error{
			Kind: etl.Weather, Code: "read_only", Message: fmt.Sprintf("database %q takes no writes: the server is a standby", t.Database),
			Fix: "Connect to the primary, or try again after its failover.",
		}
	}
	if t.Schema == "pg_catalog" || t.Schema == "information_schema" {
		return systemTable(name)
	}
	if len(spec.Columns) == 0 {
		return etl.Mistakef("no_columns", "Map at least one column.", "no column of %s is to be filled", name)
	}
	filled := map[string]bool{}
	for _, c := range spec.Columns {
		if filled[c.Name] {
			return etl.Mistakef("duplicate_column", "Map it once.", "column %s of %s is to be filled twice", schema.Identifier(c.Name), name)
		}
		filled[c.Name] = true
		if err := t.checkColumn(c, name); err != nil {
			return err
		}
	}
	for _, c := range t.Columns {
		if c.NotNull && !c.Default && !c.Generated && !filled[c.Name] && !spec.Table.Refusals.Trigger {
			return etl.Mistakef("not_null_unmapped", "Map it, or give it a default value.",
				"column %s of %s takes no NULL and has no default, but is not filled", schema.Identifier(c.Name), name)
		}
	}
	return t.checkPrivileges(spec, name)
}

func (t *target) checkColumn(c schema.Column, table string) error {
	column := schema.Identifier(c.Name)
	found := t.column(c.Name)
	if found == nil {
		return etl.Mistakef("column_not_found", "Check the mapping against the table.", "%s has no column %s", table, column)
	}
	if found.Generated {
		return etl.Mistakef("generated_column", "Leave it out.", "column %s of %s is computed by the database and takes no values", column, table)
	}
	have, err := schema.ParseType(found.Type)
	if err != nil || found.Own {
		have = schema.Type{Kind: schema.Other}
	}
	// The form in which values are sent is the kind's; a wrong one would be
	// refused as garbage at best.
	if have.Kind != c.Type.Kind && wireOf(have.Kind, found) != wireOf(c.Type.Kind, found) {
		return etl.Mistakef("table_changed", "Start again, so that the table is looked at anew.",
			"column %s of %s is %s, not %s", column, table, found.Type, c.Type)
	}
	return nil
}

func systemTable(name string) error {
	return etl.Mistakef("system_table", "Load into a table in a schema of your own, such as public.", "loading into %s is not possible: that schema is the database's own", name)
}

// maxColumns is how many a table can have.
const maxColumns = 1600

// stageable says that a staging table has room for the load's columns besides
// its own two.
func stageable(columns []schema.Column) bool { return len(columns)+2 <= maxColumns }

func tooManyColumns(spec *etl.LoadSpec) error {
	return etl.Mistakef("too_many_columns", fmt.Sprintf("Map at most %d of them.", maxColumns-2),
		"loading %d columns at once with UPSERT, with bad rows to be skipped or with values to be cast needs a staging table of %d, and PostgreSQL's tables have at most %d",
		len(spec.Columns), len(spec.Columns)+2, maxColumns)
}

// wireOf tells forms apart as far as the server does.
func wireOf(k schema.Kind, c *targetColumn) wire {
	if k == schema.Other && c.travelsAsText(k) {
		return wireText + 100
	}
	return wires[k]
}

// checkPrivileges finds the missing GRANT before rows are sent.
func (t *target) checkPrivileges(spec *etl.LoadSpec, name string) error {
	denied := func(what, on string) error {
		return etl.Mistakef("permission_denied", fmt.Sprintf("Ask for: GRANT %s ON %s TO %s;", what, on, schema.Identifier(t.User)),
			"user %q lacks %s on %s", t.User, strings.ToLower(what), strings.ToLower(on[:strings.IndexByte(on, ' ')])+on[strings.IndexByte(on, ' '):])
	}
	table := "TABLE " + name
	if !t.Usage {
		return denied("USAGE", "SCHEMA "+schema.Identifier(t.Schema))
	}
	every := func(columns []string, ok func(*targetColumn) bool) bool {
		return !slices.ContainsFunc(columns, func(c string) bool { return !ok(t.column(c)) })
	}
	names := columnNames(spec.Columns)
	if !t.Insert && !every(names, func(c *targetColumn) bool { return c.Insert }) {
		return denied("INSERT", table)
	}
	switch spec.Strategy {
	case etl.TruncateInsert:
		if spec.DryRun && !t.Select {
			return denied("SELECT", table)
		}
		if !spec.DryRun && !t.Truncate {
			return denied("TRUNCATE", table)
		}
	case etl.Upsert:
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(spec.Keys, n) })
		if len(others) > 0 && !t.Update && !every(others, func(c *targetColumn) bool { return c.Update }) {
			return denied("UPDATE", table)
		}
		if !t.Select {
			return denied("SELECT", table)
		}
	case etl.Insert:
	default:
		return etl.Mistakef("unknown_strategy", "Choose INSERT, UPSERT or TRUNCATE_INSERT.", "there is no load strategy %q", spec.Strategy)
	}
	return nil
}

func columnNames(columns []schema.Column) []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].Name
	}
	return names
}

// quoteAll writes names as an SQL list.
func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
