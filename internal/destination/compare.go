package destination

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// comparedText bounds a value of a comparison, in characters.
const comparedText = 200

// compare sets the staged rows against those of the table that they would
// update. Values are compared as text, because not every type knows equality.
func (s *session) compare(ctx context.Context) (*etl.Comparison, error) {
	c := &etl.Comparison{SQL: s.statements()}
	after := make([]string, len(s.layout.names))
	before := make([]string, len(s.layout.names))
	same := make([]string, len(s.layout.names))
	for i, name := range s.layout.names {
		value, old := s.stage.value(i), "t."+quote(name)
		after[i] = fmt.Sprintf("left((%s)::text, %d)", value, comparedText)
		before[i] = fmt.Sprintf("left((%s)::text, %d)", old, comparedText)
		same[i] = fmt.Sprintf("(%s)::text IS NOT DISTINCT FROM (%s)::text", old, value)
	}
	join, found := "", "NULL::text[]"
	if s.spec.Strategy == etl.Upsert {
		equal := make([]string, len(s.stage.merge.keys))
		for n, i := range s.stage.merge.keys {
			equal[n] = s.stage.merge.equal("t."+quote(s.spec.Keys[n]), s.stage.value(i))
		}
		on := strings.Join(equal, " AND ")
		join = fmt.Sprintf(" LEFT JOIN %s t ON %s", s.stage.into, on)
		found = fmt.Sprintf("CASE WHEN t.tableoid IS NOT NULL THEN ARRAY[%s] END", strings.Join(before, ", "))
		sql := fmt.Sprintf("SELECT count(*) FROM %s s JOIN %s t ON %s WHERE %s", s.stage.from, s.stage.into, on, strings.Join(same, " AND "))
		if err := s.conn.QueryRow(ctx, sql).Scan(&c.Unchanged); err != nil {
			return nil, err
		}
	}
	rows, err := s.conn.Query(ctx, fmt.Sprintf("SELECT s._line, %s, ARRAY[%s]::text[] FROM %s s%s ORDER BY s._row LIMIT %d",
		found, strings.Join(after, ", "), s.stage.from, join, s.spec.Sample))
	if err != nil {
		return nil, err
	}
	c.Rows, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r etl.ComparedRow, err error) {
		err = row.Scan(&r.Line, &r.Before, &r.After)
		return r, err
	})
	return c, err
}

// statements are those that publish the load.
func (s *session) statements() []string {
	var sql []string
	if s.spec.Create {
		sql = append(sql, s.spec.Table.CreateSQL())
	}
	if s.spec.Strategy == etl.TruncateInsert && !s.spec.Create {
		sql = append(sql, "TRUNCATE TABLE "+s.target.sql())
	}
	columns := make([]string, len(s.layout.names))
	for i, n := range s.layout.names {
		columns[i] = quote(n)
	}
	list := strings.Join(columns, ", ")
	return append(sql, fmt.Sprintf("INSERT INTO %s AS target (%s) SELECT %s FROM <the file's rows>%s", s.target.sql(), list, list, s.stage.merge.clause))
}
