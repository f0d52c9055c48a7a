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

// The catalogue is read from the SVV views (https://docs.aws.amazon.com/redshift/latest/dg/svv_views.html),
// which show what the user may see; declared keys, which Redshift keeps for its
// planner alone, from the information schema.

const columnsQuery = `SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, column_default
FROM svv_columns WHERE table_name = %s AND table_schema = %s ORDER BY ordinal_position`

// Table implements etl.Destination. An empty schema is the search path's first.
// Names are matched as they are stored: Redshift folds them to lower case, unless
// its enable_case_sensitive_identifier is on.
func (r *Redshift) Table(ctx context.Context, schemaName, name string) (*schema.Table, error) {
	in := "CURRENT_SCHEMA()"
	if schemaName != "" {
		in = literal(schemaName)
	}
	rows, err := r.ask(ctx, "reading the table", fmt.Sprintf(columnsQuery, literal(name), in))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, r.notFound(ctx, schemaName, name)
	}
	t := &schema.Table{Schema: text(rows[0][0]), Name: text(rows[0][1])}
	for _, row := range rows {
		t.Columns = append(t.Columns, columnOf(row))
	}
	t.Unique, err = r.keys(ctx, t)
	return t, err
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
	if strings.Contains(c.Default, `"identity"(`) {
		c.Identity = "always"
		if strings.Contains(c.Default, "default_identity") {
			c.Identity = "by default"
		}
		c.Default = ""
	}
	switch word := strings.ToLower(text(row[3])); word {
	case "character varying":
		c.Type = schema.Type{Kind: schema.Varchar, Length: number(4)}
	case "character":
		c.Type = schema.Type{Kind: schema.Char, Length: cmp.Or(number(4), 1)}
	case "numeric":
		c.Type = schema.Type{Kind: schema.Numeric, Precision: number(5), Scale: number(6)}
	case super:
		c.Type = schema.Type{Kind: schema.JSONB}
	case "binary varying", "varbyte":
		c.Type = schema.Type{Kind: schema.Bytea}
	default:
		t, err := schema.ParseType(word)
		if err != nil {
			t = schema.Type{Kind: schema.Other, Name: word}
		}
		c.Type = t
	}
	return c
}

// keys are the declared keys of a table. Nothing enforces them, but they say
// what an UPSERT may recognise rows by.
func (r *Redshift) keys(ctx context.Context, t *schema.Table) ([]schema.Index, error) {
	rows, err := r.ask(ctx, "reading the table's keys", fmt.Sprintf(`SELECT c.constraint_name, c.constraint_type, k.column_name
FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k
  ON k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name AND k.table_name = c.table_name
WHERE c.table_schema = %s AND c.table_name = %s AND c.constraint_type IN ('PRIMARY KEY', 'UNIQUE') ORDER BY c.constraint_name, k.ordinal_position`,
		literal(t.Schema), literal(t.Name)))
	if err != nil {
		return nil, err
	}
	var out []schema.Index
	for _, row := range rows {
		name := text(row[0])
		if n := len(out); n == 0 || out[n-1].Name != name {
			out = append(out, schema.Index{Name: name, Primary: text(row[1]) == "PRIMARY KEY"})
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
	rows, err := r.ask(ctx, "listing the schemas", `SELECT schema_name, CASE WHEN HAS_SCHEMA_PRIVILEGE(schema_name, 'create') THEN 1 ELSE 0 END, CASE WHEN schema_name = CURRENT_SCHEMA() THEN 1 ELSE 0 END
FROM svv_all_schemas WHERE database_name = CURRENT_DATABASE() AND schema_type = 'local'
  AND schema_name NOT IN ('pg_catalog', 'information_schema', 'pg_internal', 'pg_automv', 'catalog_history', 'etl_portal') AND schema_name NOT LIKE 'pg!_%' ESCAPE '!'
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
	rows, err := r.ask(ctx, "listing the tables", fmt.Sprintf(`SELECT t.table_schema, t.table_name, CASE WHEN HAS_TABLE_PRIVILEGE(QUOTE_IDENT(t.table_schema) || '.' || QUOTE_IDENT(t.table_name), 'insert') THEN 1 ELSE 0 END
FROM svv_tables t WHERE t.table_schema = %s AND t.table_type = 'BASE TABLE' ORDER BY 2`, in))
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

// Privileges implements portal.Catalogue.
func (r *Redshift) Privileges(ctx context.Context) ([]etl.Privilege, error) {
	rows, err := r.ask(ctx, "looking at the privileges", `SELECT CURRENT_DATABASE(), CURRENT_USER, CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'create') THEN 1 ELSE 0 END,
CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'temporary') THEN 1 ELSE 0 END`)
	if err != nil {
		return nil, err
	}
	row := rows[0]
	database, user := schema.Identifier(text(row[0])), schema.Identifier(text(row[1]))
	there, err := r.initialised(ctx)
	if err != nil {
		return nil, err
	}
	held := func(name string, has bool, yes, no, grant string) etl.Privilege {
		p := etl.Privilege{Name: name, Held: has, Required: true, Message: yes}
		if !has {
			p.Message, p.Grant = no, grant
		}
		return p
	}
	return []etl.Privilege{
		held("create", there || text(row[2]) == "1", "loads can be kept in schema "+ownSchema, "the user may not make the schema "+ownSchema+", where loads are kept",
			fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", database, user)),
		held("temporary", text(row[3]) == "1", "temporary tables can be made", "the user may not make temporary tables, through which all rows come",
			fmt.Sprintf("GRANT TEMPORARY ON DATABASE %s TO %s;", database, user)),
	}, nil
}
