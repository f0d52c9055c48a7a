package redshift

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// compare adds what sets the staged rows against those of the table that they
// would change. Values are compared as text.
func (p *publication) compare(s *script) {
	if p.spec.Sample == 0 {
		return
	}
	upsert := p.spec.Strategy == etl.Upsert && !p.spec.Create
	selected := []string{source + lineColumn}
	var same []string
	for _, c := range p.columns {
		selected = append(selected, shown(source+quote(c.name), c))
	}
	join := ""
	if upsert {
		selected = append(selected, "CASE WHEN t."+quote(p.spec.Keys[0])+" IS NULL THEN 0 ELSE 1 END")
		for _, c := range p.columns {
			selected = append(selected, shown("t."+quote(c.name), c))
			a, b := "t."+quote(c.name), source+quote(c.name)
			same = append(same, fmt.Sprintf("(%[1]s = %[2]s OR %[1]s IS NULL AND %[2]s IS NULL)", a, b))
		}
		join = fmt.Sprintf(" LEFT JOIN %s AS t ON %s", p.target(), p.equal("t."))
		s.add("unchanged", "SELECT count(*) FROM %s AS _etl_s JOIN %s AS t ON %s WHERE %s", p.final(), p.target(), p.equal("t."), strings.Join(same, " AND "))
	}
	s.add("sample", "SELECT %s FROM %s AS _etl_s%s ORDER BY _etl_s.%s LIMIT %d", strings.Join(selected, ", "), p.stage(), join, rowColumn, p.spec.Sample)
}

// largest is the size up to which a SUPER is shown, in bytes: as text it must
// fit into a VARCHAR (https://docs.aws.amazon.com/redshift/latest/dg/JSON_SERIALIZE.html).
const largest = 60000

// shown is a value as text.
func shown(value string, c stored) string {
	switch {
	case c.sql == "SUPER":
		// JSON_SERIALIZE of NULL would be the text null.
		return fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN NULL WHEN JSON_SIZE(%[1]s) < %[2]d THEN LEFT(JSON_SERIALIZE(%[1]s), 200) ELSE '(large)' END", value, largest)
	case strings.HasPrefix(c.sql, "VARBYTE"):
		return "FROM_VARBYTE(SUBSTRING(" + value + ", 1, 100), 'hex')"
	case c.bytes > 0:
		return "LEFT(" + value + ", 200)"
	case c.sql == "BOOLEAN":
		// BOOLEAN has no cast to text (https://docs.aws.amazon.com/redshift/latest/dg/r_Boolean_type.html).
		return "CASE WHEN " + value + " THEN 'true' WHEN NOT " + value + " THEN 'false' END"
	}
	return "CAST(" + value + " AS VARCHAR(200))"
}

// comparison reads the answers of compare.
func (p *publication) comparison(s *script, results []etl.StatementResult) (*etl.Comparison, error) {
	c := &etl.Comparison{SQL: p.statements()}
	if at, ok := s.at["unchanged"]; ok {
		var err error
		if c.Unchanged, err = strconv.ParseInt(text(results[at].Rows[0][0]), 10, 64); err != nil {
			return nil, defect("the number of rows that stay: %v", err)
		}
	}
	n := len(p.columns)
	for _, row := range results[s.at["sample"]].Rows {
		line, err := strconv.ParseInt(text(row[0]), 10, 64)
		if err != nil {
			return nil, defect("a sample's line: %v", err)
		}
		r := etl.ComparedRow{Line: line, After: row[1 : n+1]}
		if len(row) > n+1 && text(row[n+1]) == "1" {
			r.Before = row[n+2:]
		}
		c.Rows = append(c.Rows, r)
	}
	return c, nil
}

// statements are those that would publish.
func (p *publication) statements() []string {
	var sql []string
	if p.spec.Create {
		sql = append(sql, p.r.CreateTableSQL(p.made()))
	}
	s := &script{}
	p.move(s)
	for _, x := range s.sql {
		x = strings.ReplaceAll(x, p.stage(), "<the file's rows>")
		sql = append(sql, strings.ReplaceAll(x, p.final(), "<the file's rows, one of each key>"))
	}
	return sql
}
