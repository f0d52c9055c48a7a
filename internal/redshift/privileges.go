package redshift

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// shared is what a user needs of the tables in ownSchema that another one has
// made: whoever makes a table there owns it. LOCK asks for a privilege to change rows.
const shared = "SELECT, INSERT, DELETE"

// Privileges implements portal.Catalogue.
func (r *Redshift) Privileges(ctx context.Context) ([]etl.Privilege, error) {
	return r.privileges(ctx, nil)
}

// privileges are those that loads need whose ledgers are some tables of
// ownSchema, all that are there where none is named.
func (r *Redshift) privileges(ctx context.Context, tables []string) ([]etl.Privilege, error) {
	rows, err := r.ask(ctx, "looking at the privileges", `SELECT CURRENT_DATABASE(), CURRENT_USER, CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'create') THEN 1 ELSE 0 END,
CASE WHEN HAS_DATABASE_PRIVILEGE(CURRENT_DATABASE(), 'temporary') THEN 1 ELSE 0 END`)
	if err != nil {
		return nil, err
	}
	row := rows[0]
	database, user := schema.Identifier(text(row[0])), schema.Identifier(text(row[1]))
	keeps, err := r.keeps(ctx, database, user, text(row[2]) == "1", tables)
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
func (r *Redshift) keeps(ctx context.Context, database, user string, creates bool, tables []string) (*etl.Privilege, error) {
	p := &etl.Privilege{Name: "create", Required: true, Held: true, Message: "loads can be kept in schema " + ownSchema}
	among := ""
	if tables != nil {
		among = " AND c.relname IN (" + literals(tables) + ")"
	}
	rows, err := r.ask(ctx, "looking at the privileges", fmt.Sprintf(`SELECT CASE WHEN HAS_SCHEMA_PRIVILEGE(nspname, 'create') THEN 1 ELSE 0 END, CASE WHEN HAS_SCHEMA_PRIVILEGE(nspname, 'usage') THEN 1 ELSE 0 END,
(SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid%s) FROM pg_namespace n WHERE nspname = %s`, among, literal(ownSchema)))
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
	complete := tables != nil && text(rows[0][2]) == strconv.Itoa(len(tables))
	if text(rows[0][1]) != "1" || text(rows[0][0]) != "1" && !complete {
		grants = append(grants, fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s;", ownSchema, user))
	}
	// Owners whose tables the user may not use.
	rows, err = r.ask(ctx, "looking at the privileges", fmt.Sprintf(`SELECT DISTINCT PG_GET_USERBYID(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r'%s AND NOT (HAS_TABLE_PRIVILEGE(c.oid, 'select') AND HAS_TABLE_PRIVILEGE(c.oid, 'insert') AND HAS_TABLE_PRIVILEGE(c.oid, 'delete')) ORDER BY 1`, literal(ownSchema), among))
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

// fills says what the user lacks to fill a load's target, or to make it there.
func (r *Redshift) fills(ctx context.Context, spec *etl.LoadSpec) ([]etl.Privilege, error) {
	rights, of, from := []string{"select", "insert"}, "HAS_TABLE_PRIVILEGE(c.oid, '%s')", " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = "+literal(spec.Table.Name)
	switch {
	case spec.Create:
		rights, of, from = []string{"usage", "create"}, "HAS_SCHEMA_PRIVILEGE(n.nspname, '%s')", ""
	case spec.Strategy == etl.Upsert:
		rights = append(rights, "update")
	case spec.Strategy == etl.TruncateInsert:
		rights = append(rights, "delete")
	}
	in := "CURRENT_SCHEMA()"
	if spec.Table.Schema != "" {
		in = literal(spec.Table.Schema)
	}
	held := make([]string, len(rights))
	for i, right := range rights {
		held[i] = fmt.Sprintf(", CASE WHEN "+of+" THEN 1 ELSE 0 END", right)
	}
	rows, err := r.ask(ctx, "looking at the privileges", "SELECT CURRENT_USER, n.nspname"+strings.Join(held, "")+" FROM pg_namespace n"+from+" WHERE n.nspname = "+in)
	if err != nil || len(rows) == 0 {
		return nil, err // what the catalogue does not have is told by whoever reads or makes it
	}
	var lacks []string
	for i, right := range rights {
		if text(rows[0][2+i]) != "1" {
			lacks = append(lacks, strings.ToUpper(right))
		}
	}
	if lacks == nil {
		return nil, nil
	}
	what, at, user := "table", schema.Identifier(text(rows[0][1]))+"."+schema.Identifier(spec.Table.Name), schema.Identifier(text(rows[0][0]))
	if spec.Create {
		what, at = "schema", schema.Identifier(text(rows[0][1]))
	}
	list := strings.Join(lacks, ", ")
	return []etl.Privilege{{
		Name: "target", Required: true, Message: fmt.Sprintf("the user may not %s in %s %s", list, what, at), Grant: fmt.Sprintf("GRANT %s ON %s %s TO %s;", list, strings.ToUpper(what), at, user),
	}}, nil
}

// entitled says whether the user may fill the target of a load, where one is
// given, keep it in tables of ownSchema and make temporary ones: the Mistake
// missing_privilege names every GRANT that is missing, to the user and of the
// database as they are called. What the catalogue denies is tried, too, and left
// without a trace: whether it counts what a role brings is not documented.
func (r *Redshift) entitled(ctx context.Context, spec *etl.LoadSpec, tables ...string) error {
	all, err := r.privileges(ctx, tables)
	if err != nil {
		return err
	}
	if spec != nil {
		target, err := r.fills(ctx, spec)
		if err != nil {
			return err
		}
		all = append(target, all...)
	}
	lacking := missing(all)
	if lacking == nil {
		return nil
	}
	s, err := r.tried(ctx, spec, tables)
	if err != nil {
		return err
	}
	if _, err := r.transaction(ctx, s.sql...); stateOf(err) != "42501" {
		return nil // the load itself tells what else is wrong
	}
	return lacking
}

// missing is the error of privileges that are required and not held.
func missing(all []etl.Privilege) error {
	var lacks, grants []string
	for _, p := range all {
		if p.Required && !p.Held {
			lacks, grants = append(lacks, p.Message), append(grants, p.Grant)
		}
	}
	if lacks == nil {
		return nil
	}
	return etl.Mistakef("missing_privilege", "Let an administrator run: "+strings.Join(grants, " "), "%s", strings.Join(lacks, "; "))
}

// tried are statements that need the privileges of a load, and change nothing.
func (r *Redshift) tried(ctx context.Context, spec *etl.LoadSpec, tables []string) (*script, error) {
	there, err := r.there(ctx, tables)
	if err != nil {
		return nil, err
	}
	name := "etl_check_" + nonce()
	s := &script{}
	// Others who load may hold locks for long.
	s.briefly(func() {
		s.add("temporary", "CREATE TEMP TABLE %s (load VARCHAR(64))", name)
		s.add("no temporary", "DROP TABLE %s", name)
		if spec != nil {
			s.fill(spec, name)
		}
		if there == nil {
			s.add("schema", "CREATE SCHEMA %s", name)
			s.add("no schema", "DROP SCHEMA %s", name)
			tables = nil
		}
		for _, table := range tables {
			at := qualified(ownSchema, table)
			if !there[table] {
				at = qualified(ownSchema, name)
				s.add("table", "CREATE TABLE %s (load VARCHAR(64))", at)
			}
			s.add("insert", "INSERT INTO %s (load) SELECT load FROM %s WHERE 1 = 0", at, at)
			s.add("delete", "DELETE FROM %s WHERE 1 = 0", at)
			if !there[table] {
				s.add("no table", "DROP TABLE %s", at)
			}
		}
	})
	return s, nil
}

// fill adds what takes the privileges to fill a load's target.
func (s *script) fill(spec *etl.LoadSpec, name string) {
	if spec.Create {
		made := qualified(spec.Table.Schema, name+"_made")
		s.add("made", "CREATE TABLE %s (load VARCHAR(64))", made)
		s.add("not made", "DROP TABLE %s", made)
		return
	}
	at, column := qualified(spec.Table.Schema, spec.Table.Name), quote(spec.Columns[0].Name)
	s.add("fill", "INSERT INTO %s (%s) SELECT %s FROM %s WHERE 1 = 0", at, column, column, at)
	switch spec.Strategy {
	case etl.Upsert:
		s.add("change", "UPDATE %s SET %s = %s WHERE 1 = 0", at, column, column)
	case etl.TruncateInsert:
		s.add("clear", "DELETE FROM %s WHERE 1 = 0", at)
	}
}

// there says which of some tables of ownSchema are made; nil without the schema.
func (r *Redshift) there(ctx context.Context, tables []string) (map[string]bool, error) {
	found, err := r.ask(ctx, "looking for the schema "+ownSchema, fmt.Sprintf("SELECT c.relname FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname IN (%s) WHERE n.nspname = %s", literals(tables), literal(ownSchema)))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	made := make(map[string]bool, len(found))
	for _, row := range found {
		made[text(row[0])] = true
	}
	return made, nil
}

func literals(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = literal(name)
	}
	return strings.Join(list, ", ")
}
