package redshift

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Columns are read from SVV_COLUMNS (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_COLUMNS.html),
// the rest from the catalogue of PostgreSQL that Redshift has
// (https://docs.aws.amazon.com/redshift/latest/dg/c_join_PG.html). All of it shows what
// the user may not use, too; the constraints of the information schema would be
// those of the user's own tables alone.

const columnsQuery = `SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, column_default
FROM svv_columns WHERE table_name IN (%s, %s) AND table_schema IN (%s, %s)
ORDER BY CASE WHEN table_schema = %[3]s THEN 0 ELSE 1 END, CASE WHEN table_name = %[1]s THEN 0 ELSE 1 END, ordinal_position`

// Table implements etl.Destination. An empty schema is the search path's first.
// Names are matched as they are given, which are those of tables made with
// enable_case_sensitive_identifier, else in lower case, to which Redshift folds.
func (r *Redshift) Table(ctx context.Context, schemaName, name string) (*schema.Table, error) {
	in, folded := "CURRENT_SCHEMA()", "CURRENT_SCHEMA()"
	if schemaName != "" {
		in, folded = literal(schemaName), literal(lower(schemaName))
	}
	rows, err := r.ask(ctx, "reading the table", fmt.Sprintf(columnsQuery, literal(name), literal(lower(name)), in, folded))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, r.notFound(ctx, schemaName, name)
	}
	t := &schema.Table{Schema: text(rows[0][0]), Name: text(rows[0][1])}
	for _, row := range rows {
		if text(row[0]) == t.Schema && text(row[1]) == t.Name {
			t.Columns = append(t.Columns, columnOf(row))
		}
	}
	if t.Unique, err = r.keys(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// columnOf reads a row of columnsQuery.
func columnOf(row []*string) schema.Column {
	number := func(i int) int {
		n, err := strconv.Atoi(text(row[i]))
		if err != nil {
			return 0
		}
		return n
	}
	c := schema.Column{Name: text(row[2]), NotNull: text(row[7]) == "NO", HasDefault: row[8] != nil, Default: text(row[8])}
	// The former has the latter's word in it.
	for _, i := range [...]struct{ word, identity string }{{"default_identity", "by default"}, {"identity", "always"}} {
		if strings.Contains(c.Default, i.word+"(") || strings.Contains(c.Default, i.word+`"(`) {
			c.Identity, c.Default = i.identity, ""
		}
	}
	switch word := strings.ToLower(text(row[3])); word {
	case "character varying":
		c.Type = schema.Type{Kind: schema.Varchar, Length: number(4), InBytes: true}
	case "character":
		c.Type = schema.Type{Kind: schema.Char, Length: cmp.Or(number(4), 1), InBytes: true}
	case "numeric":
		c.Type = schema.Type{Kind: schema.Numeric, Precision: number(5), Scale: number(6)}
	case super:
		c.Type = schema.Type{Kind: schema.JSONB}
	case "binary varying", "varbyte":
		c.Type = schema.Type{Kind: schema.Bytea, Length: number(4)}
	default:
		t, err := schema.ParseType(word)
		if err != nil {
			t = schema.Type{Kind: schema.Other, Name: word}
		}
		c.Type = t
	}
	return c
}

// keys are the declared keys of a table; the Mistake not_a_table for a view.
// Nothing enforces them, but they say what an UPSERT may recognise rows by.
func (r *Redshift) keys(ctx context.Context, t *schema.Table) ([]schema.Index, error) {
	is := fmt.Sprintf("n.nspname = %s AND c.relname = %s", literal(t.Schema), literal(t.Name))
	results, err := r.transaction(ctx, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND "+is, `SELECT k.conname, CASE WHEN k.contype = 'p' THEN 1 ELSE 0 END, a.attname
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
WHERE `+is+` AND k.contype IN ('p', 'u') ORDER BY k.conname, a.attnum`)
	if err != nil {
		return nil, explain(ctx, err, "reading the table's keys")
	}
	if text(results[0].Rows[0][0]) != "0" {
		return nil, etl.Mistakef("not_a_table", "Load into the table behind it.", "%s is a view, not a table", t.QualifiedName())
	}
	var out []schema.Index
	for _, row := range results[1].Rows {
		name := text(row[0])
		if n := len(out); n == 0 || out[n-1].Name != name {
			out = append(out, schema.Index{Name: name, Primary: text(row[1]) == "1"})
		}
		out[len(out)-1].Columns = append(out[len(out)-1].Columns, text(row[2]))
	}
	return out, nil
}

// notFound names the tables whose names are alike.
func (r *Redshift) notFound(ctx context.Context, schemaName, name string) error {
	e := etl.Mistakef("table_not_found", "Check schema and name.", "there is no table %s that the user may see", qualified(schemaName, name))
	tables, err := r.Tables(ctx, schemaName)
	if err != nil {
		return e
	}
	var near []string
	for _, t := range tables {
		if schema.MatchName(t.Name, name) || strings.HasPrefix(t.Name, name) || strings.HasPrefix(name, t.Name) {
			near = append(near, t.Name)
		}
	}
	if len(near) > 0 {
		e.Fix = "Did you mean " + strings.Join(near[:min(len(near), 5)], ", ") + "?"
	}
	return e
}

// Schemas implements portal.Catalogue.
func (r *Redshift) Schemas(ctx context.Context) ([]etl.SchemaInfo, error) {
	rows, err := r.ask(ctx, "listing the schemas", `SELECT n.nspname, CASE WHEN HAS_SCHEMA_PRIVILEGE(n.nspname, 'create') THEN 1 ELSE 0 END, CASE WHEN n.nspname = CURRENT_SCHEMA() THEN 1 ELSE 0 END
FROM pg_namespace n LEFT JOIN pg_external_schema e ON e.esoid = n.oid
WHERE e.esoid IS NULL AND n.nspname NOT IN ('information_schema', 'catalog_history', 'etl_portal') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!'
ORDER BY 3 DESC, 1`)
	out := make([]etl.SchemaInfo, 0, len(rows))
	for _, row := range rows {
		out = append(out, etl.SchemaInfo{Name: text(row[0]), CanCreate: text(row[1]) == "1", Default: text(row[2]) == "1"})
	}
	return out, err
}

// Tables implements portal.Catalogue.
func (r *Redshift) Tables(ctx context.Context, schemaName string) ([]etl.TableInfo, error) {
	in := "CURRENT_SCHEMA()"
	if schemaName != "" {
		in = literal(schemaName)
	}
	// A table is named by its OID: a name would be folded, and looked for in a
	// schema that the user may have no USAGE of, which is an error.
	rows, err := r.ask(ctx, "listing the tables", fmt.Sprintf(`SELECT n.nspname, c.relname, CASE WHEN NOT HAS_SCHEMA_PRIVILEGE(n.nspname, 'usage') THEN 0 WHEN HAS_TABLE_PRIVILEGE(c.oid, 'insert') THEN 1 ELSE 0 END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY 2`, in))
	if err != nil {
		return nil, err
	}
	var out []etl.TableInfo
	for _, row := range rows {
		out = append(out, etl.TableInfo{Schema: text(row[0]), Name: text(row[1]), Kind: "table", Rows: -1, CanInsert: text(row[2]) == "1"})
	}
	if len(out) > 0 || schemaName == "" {
		return out, nil
	}
	schemas, err := r.Schemas(ctx)
	if err == nil && !slices.ContainsFunc(schemas, func(s etl.SchemaInfo) bool { return s.Name == schemaName }) {
		err = etl.Mistakef("schema_not_found", "Choose one of those that the database has, or create it (CREATE SCHEMA).", "there is no schema %q", schemaName)
	}
	return nil, err
}
