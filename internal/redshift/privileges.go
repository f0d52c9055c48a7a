package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// shared is what a user needs of the tables in ownSchema that another one has
// made: whoever makes a table there owns it. LOCK asks for a privilege to change rows.
const shared = "SELECT, INSERT, DELETE"

// Privileges implements portal.Catalogue.
func (r *Redshift) Privileges(ctx context.Context) ([]etl.Privilege, error) {
	rows, err := r.ask(ctx, "looking at the privileges", `SELECT CURRENT_DATABASE(), CURRENT_USER, CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'create') THEN 1 ELSE 0 END,
CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'temporary') THEN 1 ELSE 0 END`)
	if err != nil {
		return nil, err
	}
	row := rows[0]
	database, user := schema.Identifier(text(row[0])), schema.Identifier(text(row[1]))
	keeps, err := r.keeps(ctx, database, user, text(row[2]) == "1")
	if err != nil {
		return nil, err
	}
	temporary := etl.Privilege{Name: "temporary", Held: text(row[3]) == "1", Required: true, Message: "temporary tables can be made"}
	if !temporary.Held {
		temporary.Message = "the user may not make temporary tables, through which all rows come"
		temporary.Grant = fmt.Sprintf("GRANT TEMPORARY ON DATABASE %s TO %s;", database, user)
	}
	return []etl.Privilege{*keeps, temporary}, nil
}

// keeps says whether the user may keep loads in ownSchema: make it, or use what is there.
func (r *Redshift) keeps(ctx context.Context, database, user string, creates bool) (*etl.Privilege, error) {
	p := &etl.Privilege{Name: "create", Required: true, Held: true, Message: "loads can be kept in schema " + ownSchema}
	rows, err := r.ask(ctx, "looking at the privileges", "SELECT CASE WHEN HAS_SCHEMA_PRIVILEGE(nspname, 'create') AND HAS_SCHEMA_PRIVILEGE(nspname, 'usage') THEN 1 ELSE 0 END FROM pg_namespace WHERE nspname = "+literal(ownSchema))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		if !creates {
			p.Held, p.Message = false, "the user may not make the schema "+ownSchema+", where loads are kept"
			p.Grant = fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;", database, user)
		}
		return p, nil
	}
	var grants []string
	if text(rows[0][0]) != "1" {
		grants = append(grants, fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s;", ownSchema, user))
	}
	// Owners whose tables the user may not use.
	rows, err = r.ask(ctx, "looking at the privileges", fmt.Sprintf(`SELECT DISTINCT PG_GET_USERBYID(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r' AND NOT (HAS_TABLE_PRIVILEGE(c.oid, 'select') AND HAS_TABLE_PRIVILEGE(c.oid, 'insert') AND HAS_TABLE_PRIVILEGE(c.oid, 'delete')) ORDER BY 1`, literal(ownSchema)))
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		grants = append(grants, fmt.Sprintf("GRANT %s ON ALL TABLES IN SCHEMA %s TO %s;", shared, ownSchema, user))
	}
	for _, row := range rows {
		grants = append(grants, fmt.Sprintf("ALTER DEFAULT PRIVILEGES FOR USER %s IN SCHEMA %s GRANT %s ON TABLES TO %s;", schema.Identifier(text(row[0])), ownSchema, shared, user))
	}
	if len(grants) > 0 {
		p.Held, p.Grant = false, strings.Join(grants, " ")
		p.Message = "the user may not use the schema " + ownSchema + ", where loads are kept, with the tables that other users have made there"
	}
	return p, nil
}
