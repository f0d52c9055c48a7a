package destination

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// tableQuery describes one table in one round trip. It reads pg_catalog rather
// than information_schema, which shows only what the role may touch and takes a
// hundred times as long in a large database. $1 is the schema, ” for the search
// path, and $2 the name. A domain is followed down to its base type; the
// constraints of a partitioned table are also those of its partitions.
const tableQuery = `
WITH RECURSIVE target AS (
  SELECT c.oid, c.relkind::text AS relkind, c.relispartition, n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = $2 AND CASE WHEN $1 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c', 't')
), part AS (
  SELECT oid FROM target UNION SELECT relid FROM target, pg_catalog.pg_partition_tree(target.oid)
), attribute AS (
  SELECT a.attnum, a.attname, a.attnotnull, a.atthasdef, a.attidentity::text AS attidentity,
         a.attgenerated::text AS attgenerated, a.atttypid, a.atttypmod, target.oid
  FROM target JOIN pg_catalog.pg_attribute a ON a.attrelid = target.oid
  WHERE a.attnum > 0 AND NOT a.attisdropped
), base AS (
  SELECT a.attnum, a.atttypid AS typid, a.atttypmod AS typmod, false AS no_null, false AS hasdefault, 0 AS depth FROM attribute a
  UNION ALL
  SELECT b.attnum, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL, b.depth + 1
  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd'
), resolved AS (
  SELECT DISTINCT ON (attnum) attnum, typid, typmod, depth,
         bool_or(no_null) OVER w AS no_null, bool_or(hasdefault) OVER w AS hasdefault
  FROM base WINDOW w AS (PARTITION BY attnum) ORDER BY attnum, depth DESC
), described AS (
  SELECT a.attnum, json_build_object(
    'name', a.attname, 'type', pg_catalog.format_type(r.typid, r.typmod), 'own', y.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace,
    'domain', CASE WHEN r.depth > 0 THEN pg_catalog.format_type(a.atttypid, NULL) ELSE '' END,
    'not_null', a.attnotnull OR r.no_null,
    'default', CASE WHEN a.atthasdef THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) ELSE '' END,
    'has_default', a.atthasdef OR a.attidentity <> '' OR r.hasdefault,
    'identity', a.attidentity, 'generated', a.attgenerated <> '') AS described
  FROM attribute a JOIN resolved r USING (attnum) JOIN pg_catalog.pg_type y ON y.oid = r.typid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.oid AND d.adnum = a.attnum
), uniques AS (
  SELECT x.indexrelid, json_build_object('name', i.relname, 'primary', x.indisprimary, 'columns', (
    SELECT json_agg(a.attname ORDER BY k.n)
    FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
    WHERE k.n <= x.indnkeyatts)) AS described
  FROM target JOIN pg_catalog.pg_index x ON x.indrelid = target.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  WHERE x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
), constraints AS (
  SELECT k.contype, k.condeferrable FROM part JOIN pg_catalog.pg_constraint k ON k.conrelid = part.oid
)
SELECT json_build_object(
  'kind', target.relkind, 'schema', target.nspname, 'name', target.relname,
  'columns', (SELECT coalesce(json_agg(described ORDER BY attnum), '[]') FROM described),
  'unique', (SELECT coalesce(json_agg(described ORDER BY indexrelid), '[]') FROM uniques),
  'refuses', json_build_object(
    'unique', EXISTS (SELECT FROM part JOIN pg_catalog.pg_index x ON x.indrelid = part.oid WHERE x.indisunique),
    'check', target.relkind = 'p' OR target.relispartition OR pg_catalog.row_security_active(target.oid)
          OR EXISTS (SELECT FROM constraints WHERE contype = 'c'),
    'foreign_key', EXISTS (SELECT FROM constraints WHERE contype = 'f'),
    'exclusion', EXISTS (SELECT FROM constraints WHERE contype = 'x'),
    'trigger', target.relkind = 'f' OR EXISTS (SELECT FROM part JOIN pg_catalog.pg_trigger t ON t.tgrelid = part.oid
                                               WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'),
    'deferred', EXISTS (SELECT FROM constraints WHERE condeferrable),
    'domain', EXISTS (SELECT FROM base WHERE depth > 0)))
FROM target`

// catalogTable is tableQuery's answer.
type catalogTable struct {
	Kind    string `json:"kind"`
	Schema  string `json:"schema"`
	Name    string `json:"name"`
	Columns []struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		Own        bool   `json:"own"`
		Domain     string `json:"domain"`
		NotNull    bool   `json:"not_null"`
		Default    string `json:"default"`
		HasDefault bool   `json:"has_default"`
		Identity   string `json:"identity"`
		Generated  bool   `json:"generated"`
	} `json:"columns"`
	Unique []struct {
		Name    string   `json:"name"`
		Primary bool     `json:"primary"`
		Columns []string `json:"columns"`
	} `json:"unique"`
	Refuses struct {
		Unique     bool `json:"unique"`
		Check      bool `json:"check"`
		ForeignKey bool `json:"foreign_key"`
		Exclusion  bool `json:"exclusion"`
		Trigger    bool `json:"trigger"`
		Deferred   bool `json:"deferred"`
		Domain     bool `json:"domain"`
	} `json:"refuses"`
}

// Table describes a table, in one round trip. An empty schemaName means the
// connection's search path, as in SQL; names are taken literally, whatever
// their case. Mistakes: table_not_found with the nearest names, and not_a_table
// for a view and its like.
func (p *Postgres) Table(ctx context.Context, schemaName, name string) (*schema.Table, error) {
	var table *schema.Table
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		var err error
		table, err = readTable(ctx, conn, schemaName, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	p.release(conn)
	return table, nil
}

func readTable(ctx context.Context, conn *pgx.Conn, schemaName, name string) (*schema.Table, error) {
	what := "reading the description of " + qualified(schemaName, name)
	rows, err := conn.Query(ctx, tableQuery, schemaName, name)
	if err != nil {
		return nil, wrap(ctx, err, what)
	}
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, wrap(ctx, err, what)
	}
	if len(answers) == 0 {
		return nil, notFound(ctx, conn, schemaName, name)
	}
	var found catalogTable
	if err := json.Unmarshal([]byte(answers[0]), &found); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return found.table()
}

var notTables = map[string]string{
	"v": "a view", "m": "a materialized view", "S": "a sequence", "c": "a composite type", "t": "a TOAST table",
}

func (c *catalogTable) table() (*schema.Table, error) {
	if kind, ok := notTables[c.Kind]; ok {
		return nil, etl.Mistakef("not_a_table", "Load into the table behind it.", "%s is %s, not a table", qualified(c.Schema, c.Name), kind)
	}
	t := &schema.Table{Schema: c.Schema, Name: c.Name, Refusals: schema.Refusals{
		Unique: c.Refuses.Unique, Check: c.Refuses.Check, ForeignKey: c.Refuses.ForeignKey, Exclusion: c.Refuses.Exclusion,
		Trigger: c.Refuses.Trigger, Deferred: c.Refuses.Deferred, Domain: c.Refuses.Domain,
	}}
	for _, column := range c.Columns {
		typ, err := schema.ParseType(column.Type)
		if err != nil || column.Own && typ.Kind != schema.Other {
			typ = schema.Type{Kind: schema.Other, Name: column.Type}
		}
		identity := map[string]string{"a": "always", "d": "by default"}[column.Identity]
		t.Columns = append(t.Columns, schema.Column{
			Name: column.Name, Type: typ, Domain: column.Domain, NotNull: column.NotNull, HasDefault: column.HasDefault,
			Default: column.Default, Identity: identity, Generated: column.Generated,
		})
	}
	for _, index := range c.Unique {
		t.Unique = append(t.Unique, schema.Index{Name: index.Name, Columns: index.Columns, Primary: index.Primary})
	}
	return t, nil
}

// qualified names a table for people.
func qualified(schemaName, name string) string {
	if schemaName == "" {
		return schema.Identifier(name)
	}
	return schema.Identifier(schemaName) + "." + schema.Identifier(name)
}

// candidates bounds how many names are compared for a "did you mean".
const candidates = 20000

const namesQuery = `
SELECT n.nspname, c.relname, pg_catalog.pg_table_is_visible(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_t%'
ORDER BY n.nspname = $1 DESC, c.relname LIMIT $2`

// notFound says which tables have a similar name.
func notFound(ctx context.Context, conn *pgx.Conn, schemaName, name string) error {
	rows, err := conn.Query(ctx, namesQuery, schemaName, candidates)
	if err != nil {
		return wrap(ctx, err, "listing the tables")
	}
	type candidate struct {
		label    string
		distance int
	}
	var near []candidate
	schemaExists := schemaName == ""
	var nsp, rel string
	var visible bool
	_, err = pgx.ForEachRow(rows, []any{&nsp, &rel, &visible}, func() error {
		elsewhere := nsp != schemaName && (schemaName != "" || !visible)
		schemaExists = schemaExists || nsp == schemaName
		distance := nameDistance(name, rel)
		if distance > max(1, len(name)/3) || elsewhere && distance > 0 {
			return nil
		}
		label := qualified("", rel)
		if elsewhere || schemaName != "" {
			label = qualified(nsp, rel)
		}
		near = append(near, candidate{label, distance})
		return nil
	})
	if err != nil {
		return wrap(ctx, err, "listing the tables")
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.label, b.label))
	})
	fix := "Check the name."
	if len(near) > 0 {
		labels := make([]string, 0, 3)
		for _, c := range near[:min(3, len(near))] {
			labels = append(labels, c.label)
		}
		fix = "Did you mean " + strings.Join(labels, " or ") + "?"
	}
	message := "there is no table %s in database %q"
	if !schemaExists {
		message += "; nor does its schema hold any other table"
	}
	return etl.Mistakef("table_not_found", fix, message, qualified(schemaName, name), conn.Config().Database)
}

// nameDistance is 0 for names that differ in case, spaces and underscores only,
// else the Levenshtein distance of their lower-case forms.
func nameDistance(a, b string) int {
	if schema.MatchName(a, b) {
		return 0
	}
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			cost := 1
			if r == s {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(y)]
}
