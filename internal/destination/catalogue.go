package destination

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// schemasQuery lists the schemas that the role may use, the search path's first one first.
const schemasQuery = `
SELECT n.nspname, pg_catalog.has_schema_privilege(n.oid, 'CREATE'), n.nspname = coalesce(pg_catalog.current_schema(), '')
FROM pg_catalog.pg_namespace n
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'etl_portal') AND n.nspname !~ '^pg_(toast_)?temp_'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
ORDER BY 3 DESC, 1`

// Schemas lists the schemas that the role may use, without the database's own
// and the stages' one. May be repeated.
func (p *Postgres) Schemas(ctx context.Context) ([]etl.SchemaInfo, error) {
	return listed(ctx, p, "listing the schemas", func(row pgx.CollectableRow) (s etl.SchemaInfo, err error) {
		err = row.Scan(&s.Name, &s.CanCreate, &s.Default)
		return s, err
	}, schemasQuery)
}

// tablesQuery reads pg_catalog in one pass; information_schema takes seconds in
// databases of many tables.
const tablesQuery = `
SELECT n.nspname, c.relname, CASE c.relkind WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
       c.reltuples::bigint, CASE WHEN c.relkind = 'r' THEN coalesce(pg_catalog.pg_total_relation_size(c.oid), 0) ELSE 0 END,
       pg_catalog.has_table_privilege(c.oid, 'INSERT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = CASE WHEN $1 = '' THEN pg_catalog.current_schema() ELSE $1 END
  AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
  AND (pg_catalog.has_table_privilege(c.oid, 'INSERT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
ORDER BY c.relname`

// Tables lists the tables of a schema that the role may see into, without the
// partitions of others. A schema that is not there is a Mistake of code
// schema_not_found. May be repeated.
func (p *Postgres) Tables(ctx context.Context, schemaName string) ([]etl.TableInfo, error) {
	tables, err := listed(ctx, p, "listing the tables", func(row pgx.CollectableRow) (t etl.TableInfo, err error) {
		err = row.Scan(&t.Schema, &t.Name, &t.Kind, &t.Rows, &t.Bytes, &t.CanInsert)
		return t, err
	}, tablesQuery, schemaName)
	if err != nil || len(tables) > 0 || schemaName == "" {
		return tables, err
	}
	found, err := listed(ctx, p, "looking for the schema", pgx.RowTo[bool], `SELECT true FROM pg_catalog.pg_namespace WHERE nspname = $1`, schemaName)
	if err == nil && len(found) == 0 {
		err = etl.Mistakef("schema_not_found", "Choose one of those that the database has, or create it (CREATE SCHEMA).", "there is no schema %q", schemaName)
	}
	return nil, err
}

// privilegesQuery asks for what a load needs whatever its table.
const privilegesQuery = `
SELECT pg_catalog.current_database(), current_user,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'),
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
       coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('etl_portal')::oid, 'CREATE'), false),
       EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
               AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')),
       EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
               AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'INSERT'))`

// Privileges tells which of the privileges that loading needs the role has,
// with the GRANT for each that it lacks. May be repeated.
func (p *Postgres) Privileges(ctx context.Context) ([]etl.Privilege, error) {
	type answer struct {
		database, user                                  string
		temporary, create, stage, createTable, loadable bool
	}
	answers, err := listed(ctx, p, "looking at the privileges", func(row pgx.CollectableRow) (a answer, err error) {
		err = row.Scan(&a.database, &a.user, &a.temporary, &a.create, &a.stage, &a.createTable, &a.loadable)
		return a, err
	}, privilegesQuery)
	if err != nil {
		return nil, err
	}
	a := answers[0]
	database, user := schema.Identifier(a.database), schema.Identifier(a.user)
	held := func(name string, has, required bool, yes, no, grant string) etl.Privilege {
		if has {
			return etl.Privilege{Name: name, Held: true, Required: required, Message: yes}
		}
		return etl.Privilege{Name: name, Required: required, Message: no, Grant: grant}
	}
	return []etl.Privilege{
		held("load", a.loadable || a.createTable, true, "there are tables to load into, or schemas to make them in",
			"the user may insert into no table and create none",
			fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO %s; GRANT USAGE, CREATE ON SCHEMA public TO %s;", user, user)),
		held("temporary", a.temporary, true, "temporary tables can be made",
			"the user may not make temporary tables, which UPSERT and the naming of refused rows need",
			fmt.Sprintf("GRANT TEMPORARY ON DATABASE %s TO %s;", database, user)),
		held("stage", a.create || a.stage, false, "large files can be loaded by several loaders",
			"several loaders at once need a schema of their own; without it the stage is made beside the table, or one loader works alone",
			fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", database, user)),
	}, nil
}

// listed runs a query that changes nothing and collects its rows.
func listed[T any](ctx context.Context, p *Postgres, what string, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	var out []T
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err == nil {
			out, err = pgx.CollectRows(rows, scan)
		}
		return wrap(ctx, err, what)
	})
	if err != nil {
		return nil, err
	}
	p.release(conn)
	return out, nil
}
