package etltest

// redshiftCatalogue are the views and functions that Redshift has, over
// PostgreSQL's, and what the stand-in keeps. What is ruled differently from
// PostgreSQL's:
//
//   - svv_tables and svv_columns show what the user may not use, too
//     (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLES.html), the
//     constraints of the information schema only tables of the user's own;
//   - the default of an IDENTITY column is a call of "identity" or "default_identity";
//   - JSON_SERIALIZE and FROM_VARBYTE give VARCHAR, 65,535 bytes at most
//     (https://docs.aws.amazon.com/redshift/latest/dg/JSON_SERIALIZE.html,
//     https://docs.aws.amazon.com/redshift/latest/dg/r_FROM_VARBYTE.html), and the
//     former of NULL the text null;
//   - a name given to HAS_TABLE_PRIVILEGE is folded as in a statement.
const redshiftCatalogue = `
CREATE SCHEMA rs;
GRANT USAGE ON SCHEMA rs TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA rs GRANT SELECT, INSERT, DELETE ON TABLES TO PUBLIC;
CREATE TABLE rs.keys (table_schema text, table_name text, constraint_name text, constraint_type text, column_name text, ordinal_position int);
CREATE TABLE rs.load_errors (query_id bigint, file_name text, line_number bigint, column_name text, error_code int, error_message text, shown timestamptz);
CREATE VIEW rs.sys_load_error_detail AS SELECT query_id, rpad(file_name, 256)::char(256) AS file_name, line_number, column_name, error_code, error_message FROM rs.load_errors WHERE shown <= clock_timestamp();
CREATE VIEW rs.stl_load_errors AS SELECT query_id AS query, rpad(file_name, 256)::char(256) AS filename, line_number, column_name AS colname, error_code AS err_code, error_message AS err_reason FROM rs.load_errors WHERE shown <= clock_timestamp();
CREATE VIEW rs.svv_tables AS SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'p') AND n.nspname <> 'rs';
CREATE VIEW rs.svv_all_schemas AS SELECT current_database() AS database_name, nspname::text AS schema_name, 'local' AS schema_type FROM pg_catalog.pg_namespace WHERE nspname <> 'rs';
CREATE VIEW rs.svv_columns AS SELECT n.nspname::text AS table_schema, c.relname::text AS table_name, a.attname::text AS column_name,
  CASE t.typname WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE format_type(a.atttypid, NULL) END AS data_type,
  CASE t.typname WHEN 'bytea' THEN (SELECT substring(pg_get_constraintdef(k.oid) from '<= (\d+)')::int FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] AND k.conname LIKE 'rs!_bytes!_%' ESCAPE '!')
    ELSE information_schema._pg_char_max_length(a.atttypid, a.atttypmod) END AS character_maximum_length,
  information_schema._pg_numeric_precision(a.atttypid, a.atttypmod) AS numeric_precision, information_schema._pg_numeric_scale(a.atttypid, a.atttypmod) AS numeric_scale,
  CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
  CASE a.attidentity WHEN 'a' THEN '"identity"(100123, 0, ''1,1''::text)' WHEN 'd' THEN '"default_identity"(100123, 0, ''1,1''::text)' ELSE pg_get_expr(d.adbin, d.adrelid) END AS column_default,
  a.attnum AS ordinal_position
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'p') AND n.nspname <> 'rs';
CREATE TABLE rs.pg_external_schema (esoid oid);
INSERT INTO rs.pg_external_schema SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'rs';
CREATE VIEW rs.declared AS SELECT DISTINCT k.*, c.oid AS relid, c.relnamespace, c.relowner, a.attnum FROM rs.keys k JOIN pg_catalog.pg_namespace n ON n.nspname = k.table_schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = k.table_name JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = k.column_name;
CREATE VIEW rs.pg_constraint AS SELECT constraint_name::name AS conname, relnamespace AS connamespace, relid AS conrelid, (CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' ELSE 'u' END)::"char" AS contype,
  array_agg(attnum ORDER BY ordinal_position) AS conkey FROM rs.declared GROUP BY 1, 2, 3, 4;
CREATE VIEW rs.table_constraints AS SELECT DISTINCT table_schema, table_name, constraint_name, constraint_type, table_schema AS constraint_schema FROM rs.declared WHERE pg_has_role(relowner, 'USAGE');
CREATE VIEW rs.key_column_usage AS SELECT table_schema, table_name, constraint_name, table_schema AS constraint_schema, column_name, ordinal_position FROM rs.declared WHERE pg_has_role(relowner, 'USAGE');
CREATE FUNCTION rs.taken(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  IF octet_length($1) > 65535 THEN RAISE EXCEPTION 'Value too long for character type' USING ERRCODE = '22001'; END IF; RETURN $1; END $$;
CREATE FUNCTION rs.from_varbyte(bytea, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT rs.taken(encode($1, 'hex')) $$;
CREATE FUNCTION rs.serialised(jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT rs.taken(coalesce($1::text, 'null')) $$;
CREATE FUNCTION rs.json_size(jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT octet_length($1::text) $$;
CREATE FUNCTION rs.has_table_privilege(oid, text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT pg_catalog.has_table_privilege($1, $2) $$;
CREATE FUNCTION rs.has_table_privilege(text, text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.has_table_privilege(CASE WHEN current_setting('rs.sensitive', true) = 'on' THEN $1 ELSE lower($1) END, $2) $$;
GRANT CREATE ON SCHEMA public TO PUBLIC;
`
