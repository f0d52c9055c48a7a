package destination

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// constraint is what the catalogue says of one.
type constraint struct {
	kind       string
	columns    []string
	definition string
	references string
	// self says that it refers to its own table.
	self bool
}

// partitionsOf begins the name under which the way a table is partitioned is
// among its constraints.
const partitionsOf = "partitions of "

const constraintsQuery = `
WITH part AS (SELECT $1::regclass::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::regclass))
SELECT k.conname, k.contype::text, ARRAY(
    SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.n),
  pg_catalog.pg_get_constraintdef(k.oid), CASE WHEN k.confrelid = 0 THEN '' ELSE k.confrelid::regclass::text END,
  k.confrelid IN (SELECT oid FROM part)
FROM part JOIN pg_catalog.pg_constraint k ON k.conrelid = part.oid
UNION ALL
SELECT i.relname, CASE WHEN x.indexprs IS NULL THEN 'u' ELSE 'expression' END, CASE WHEN x.indexprs IS NULL THEN ARRAY(
    SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS u(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum WHERE u.n <= x.indnkeyatts ORDER BY u.n)
  ELSE ARRAY(
    SELECT DISTINCT a.attname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = x.indexrelid AND d.refobjid = x.indrelid AND d.refobjsubid > 0 ORDER BY 1) END,
  pg_catalog.pg_get_indexdef(x.indexrelid), '', false
FROM part JOIN pg_catalog.pg_index x ON x.indrelid = part.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
WHERE x.indisunique AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = x.indrelid)
UNION ALL
SELECT '` + partitionsOf + `' || c.relname, 'partition', ARRAY(
    SELECT a.attname::text FROM unnest(x.partattrs::int2[]) WITH ORDINALITY AS u(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.partrelid AND a.attnum = u.attnum ORDER BY u.n), '', '', false
FROM part JOIN pg_catalog.pg_partitioned_table x ON x.partrelid = part.oid JOIN pg_catalog.pg_class c ON c.oid = part.oid`

func (v *sieve) readConstraints(ctx context.Context) error {
	if v.constraints != nil {
		return nil
	}
	v.constraints = map[string]constraint{}
	rows, err := v.conn.Query(ctx, constraintsQuery, v.stage.into)
	if err != nil {
		return err
	}
	var name string
	var c constraint
	_, err = pgx.ForEachRow(rows, []any{&name, &c.kind, &c.columns, &c.definition, &c.references, &c.self}, func() error {
		v.constraints[name] = c
		c.columns = nil
		return nil
	})
	return err
}

// explain puts a refusal into words. They are ours wherever the catalogue tells
// enough, because the server's may be in another language.
func (v *sieve) explain(r *refusedRow) etl.Reject {
	e := &r.error
	bad := etl.Reject{Line: r.line, Record: r.record, Code: refusalCode(e), Reason: sentence(e)}
	name := e.ConstraintName
	if name == "" && e.Code == "23514" {
		name = partitionsOf + e.TableName
	}
	c, known := v.constraints[name]
	if known && v.emptiesOnTrial() && (c.kind == "u" || c.kind == "p") {
		// The temporary copy's index has a name of its own.
		for _, index := range v.spec.Table.Unique {
			if slices.Equal(index.Columns, c.columns) {
				name = index.Name
			}
		}
	}
	columns := c.columns
	switch {
	case e.ColumnName != "":
		columns = []string{e.ColumnName}
	case r.culprit > 0:
		columns = []string{v.layout.names[r.culprit-1]}
	}
	bad.Column = strings.Join(columns, ", ")
	if values, ok := v.values(r, columns, 200); ok && (len(columns) > 1 || r.texts[slices.Index(v.layout.names, columns[0])] != nil) {
		bad.Value = limit(strings.Join(values, ", "), 200)
	}
	if r.culprit > 0 {
		bad.Code = valueCode(e)
	}
	if e.Code == "23502" && e.ColumnName != "" {
		bad.Reason = fmt.Sprintf("column %q takes no NULL", e.ColumnName)
	}
	if !known || e.ColumnName != "" {
		return bad
	}
	key := v.key(r, c.columns)
	switch {
	case key == "", c.kind == "expression":
	case c.kind == "partition":
		bad.Reason = fmt.Sprintf("no partition of the table takes %s", key)
	case e.Code == "23505":
		bad.Reason = fmt.Sprintf("key %s already exists (constraint %s)", key, name)
	case e.Code == "23503" && c.references != "":
		bad.Reason = fmt.Sprintf("key %s is not in table %s (constraint %s)", key, c.references, name)
	case e.Code == "23514":
		bad.Reason = fmt.Sprintf("%s does not meet %s (constraint %s)", key, c.definition, name)
	case e.Code == "23P01":
		bad.Reason = fmt.Sprintf("key %s conflicts with an existing one (constraint %s)", key, name)
	}
	return bad
}

// values are those of columns as text, each cut to n characters; not ok where a
// column is not one that the load fills.
func (v *sieve) values(r *refusedRow, columns []string, n int) (values []string, ok bool) {
	for _, c := range columns {
		at := slices.Index(v.layout.names, c)
		if at < 0 {
			return nil, false
		}
		value := "null"
		if r.texts[at] != nil {
			value = limit(*r.texts[at], n)
		}
		values = append(values, value)
	}
	return values, len(values) > 0
}

// key shows columns and values: (id)=(7).
func (v *sieve) key(r *refusedRow, columns []string) string {
	values, ok := v.values(r, columns, 60)
	if !ok {
		return ""
	}
	return fmt.Sprintf("(%s)=(%s)", identifiers(columns), oneLine(strings.Join(values, ", ")))
}
