package etltest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// difference is something that PostgreSQL takes and Redshift does not.
type difference struct {
	pattern *regexp.Regexp
	what    string
	// page says so.
	page string
}

const awsDocs = "https://docs.aws.amazon.com/redshift/latest/dg/"

func differs(pattern, what, page string) difference {
	return difference{regexp.MustCompile(`(?is)` + pattern), what, awsDocs + page}
}

// differences are looked for in statements whose literals and quoted names are blanked.
var differences = []difference{
	differs(`\bON\s+CONFLICT\b`, "ON CONFLICT", "r_INSERT_30.html"),
	differs(`\bRETURNING\b`, "RETURNING", "r_INSERT_30.html"),
	differs(`^\s*COPY\b.*\bFROM\s+STDIN\b`, "COPY FROM STDIN", "r_COPY.html"),
	differs(`^\s*COPY\b.*\bTO\b`, "COPY TO", "r_UNLOAD.html"),
	differs(`\bpg_(try_)?advisory_`, "advisory locks", "c_unsupported-postgresql-functions.html"),
	differs(`^\s*LOCK\b.*\bIN\b.*\bMODE\b`, "lock modes", "r_LOCK.html"),
	differs(`^\s*CREATE\s+(UNIQUE\s+)?INDEX\b`, "indexes", "c_unsupported-postgresql-features.html"),
	differs(`^\s*CREATE\s+UNLOGGED\b`, "UNLOGGED tables", "r_CREATE_TABLE_NEW.html"),
	differs(`^\s*CREATE\s+(OR\s+REPLACE\s+)?(TRIGGER|RULE|DOMAIN|TYPE|EXTENSION|SEQUENCE|TABLESPACE)\b`, "this kind of object", "c_unsupported-postgresql-features.html"),
	differs(`^\s*(SAVEPOINT|ROLLBACK\s+TO|RELEASE)\b`, "savepoints", "c_unsupported-postgresql-features.html"),
	differs(`\bDISTINCT\s+ON\b`, "DISTINCT ON", "r_SELECT_list.html"),
	differs(`\bFOR\s+(UPDATE|SHARE)\b`, "FOR UPDATE", "r_SELECT_synopsis.html"),
	differs(`\b(json_agg|jsonb_\w+|json_build_\w+|unnest|string_agg|to_regclass|hashtext\w*|pg_terminate_backend\w+|generate_subscripts|array_agg)\s*\(`, "this function", "c_unsupported-postgresql-functions.html"),
	differs(`\bIS\s+(NOT\s+)?DISTINCT\s+FROM\b`, "IS DISTINCT FROM", "r_comparison_condition.html"),
	differs(`\bLIMIT\s+ALL\b`, "LIMIT ALL", "r_ORDER_BY_clause.html"),
	differs(`\bWITH\s+RECURSIVE\b.*\bpg_`, "recursion over catalogues", "r_WITH_clause.html"),
	differs(`^\s*CREATE\s+TABLE\b.*\b(UUID|JSONB?|BYTEA|MONEY|INET|CIDR|MACADDR|XML|TSVECTOR|TSQUERY|BIT|HSTORE|POINT|BOX|CIRCLE|(BIG|SMALL)?SERIAL)\b`, "a type of the table", "c_unsupported-postgresql-datatypes.html"),
	differs(`^\s*CREATE\s+TABLE\b.*\[\s*\]`, "arrays", "c_unsupported-postgresql-datatypes.html"),
	differs(`^\s*CREATE\s+TABLE\b.*\b(CHECK|EXCLUDE)\b`, "this constraint", "t_Defining_constraints.html"),
	differs(`\bsvv_all_\w+.*\bhas_\w+_privilege\b|\bhas_\w+_privilege\b.*\bsvv_all_`, "a function of the leader node with this view", "c_SQL_functions_leader_node_only.html"),
	differs(`^\s*CREATE\s+TABLE\b.*\bSTORED\b`, "generated columns", "r_CREATE_TABLE_NEW.html"),
}

var (
	literals   = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'`)
	quotedName = regexp.MustCompile(`"(?:[^"]|"")*"`)
	mergeForm  = regexp.MustCompile(`(?is)^\s*MERGE\s+INTO\s+\S+\s+USING\b.*\bWHEN\s+MATCHED\s+THEN\s+(UPDATE|DELETE)\b.*\bWHEN\s+NOT\s+MATCHED\s+THEN\s+INSERT\b`)
)

// bare is a statement without what is in its literals and quoted names.
func bare(sql string) string {
	return quotedName.ReplaceAllString(literals.ReplaceAllString(sql, "''"), "name")
}

// refuses says what of a statement Redshift would not take.
func refuses(sql string) error {
	plain := bare(sql)
	for _, d := range differences {
		if d.pattern.MatchString(plain) {
			return &pgconn.PgError{Code: "0A000", Message: d.what + " is not supported", Detail: d.page}
		}
	}
	// Both clauses, in this order, no alias of the target
	// (https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html).
	if firstWord(sql) == "MERGE" && !mergeForm.MatchString(plain) {
		return &pgconn.PgError{Code: "42601", Message: "syntax error in MERGE", Detail: awsDocs + "r_MERGE.html"}
	}
	return nil
}

// identityOf is an IDENTITY column as PostgreSQL has it
// (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html).
func identityOf(sql string) string {
	m := identity.FindStringSubmatch(sql)
	if m[1] == "" {
		m[1] = "GENERATED ALWAYS AS "
	}
	return m[1] + "IDENTITY (START WITH " + m[2] + " INCREMENT BY " + m[3] + ")"
}

func firstWord(sql string) string {
	sql = strings.TrimSpace(sql)
	if i := strings.IndexFunc(sql, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '(' }); i > 0 {
		sql = sql[:i]
	}
	return strings.ToUpper(sql)
}

// bytesConstraint begins the names of the checks that stand for VARCHAR(n),
// which counts bytes (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html).
const bytesConstraint = "rs_bytes_"

var (
	createTable = regexp.MustCompile(`(?is)^\s*CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?((?:"[^"]+"|[\w.]+)+)\s*\(`)
	tableWords  = regexp.MustCompile(`(?i)\s+(DISTSTYLE\s+(AUTO|EVEN|ALL|KEY)|DISTKEY\s*\([^)]*\)|(COMPOUND\s+|INTERLEAVED\s+)?SORTKEY\s*(AUTO|\([^)]*\))|ENCODE\s+AUTO|BACKUP\s+(YES|NO))`)
	columnWords = regexp.MustCompile(`(?i)\s+(ENCODE\s+\w+|DISTKEY|SORTKEY)\b`)
	tableKey    = regexp.MustCompile(`(?is),\s*(PRIMARY\s+KEY|UNIQUE)\s*\(([^)]*)\)`)
	columnKey   = regexp.MustCompile(`(?i)("[^"]+"|\w+)(\s+\w+(?:\([\d, ]+\))?(?:\s+NOT\s+NULL)?)\s+(PRIMARY\s+KEY|UNIQUE)\b`)
	varchar     = regexp.MustCompile(`(?i)("[^"]+"|\w+)\s+(?:VARCHAR|CHAR|CHARACTER VARYING|BPCHAR)\s*\((\d+)\)`)
	textType    = regexp.MustCompile(`(?i)(("[^"]+"|\w+)\s+)TEXT\b`)
	superType   = regexp.MustCompile(`(?i)\bSUPER\b`)
	varbyteType = regexp.MustCompile(`(?i)\b(VARBYTE|VARBINARY|BINARY VARYING)\s*(\(\d+\))?`)
	identity    = regexp.MustCompile(`(?i)\b(GENERATED\s+BY\s+DEFAULT\s+AS\s+)?IDENTITY\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)`)
	varbyteSize = regexp.MustCompile(`(?i)("[^"]+"|\w+)\s+(?:VARBYTE|VARBINARY|BINARY VARYING)\s*\((\d+)\)`)
	ownViews    = regexp.MustCompile(`(?i)\b(?:information_schema\.(table_constraints|key_column_usage)|(?:pg_catalog\.)?(pg_constraint|has_table_privilege))\b`)
	serialise   = regexp.MustCompile(`(?i)\bJSON_SERIALIZE\b`)
)

// translate gives the statements of PostgreSQL for one of Redshift.
func translate(sql string) ([]string, error) {
	sql = rewrite(sql, func(s string) string {
		return serialise.ReplaceAllString(ownViews.ReplaceAllString(s, "rs.$1$2"), "rs.serialised")
	}, asIs)
	word := firstWord(sql)
	if word != "CREATE" && word != "ALTER" {
		return []string{sql}, nil
	}
	var design *tableDesign
	if at := createTable.FindStringIndex(sql); at != nil {
		var err error
		if design, err = designOf(sql, at[1]); err != nil {
			return nil, err
		}
	}
	sized := varbyteSize.FindAllStringSubmatch(sql, -1)
	sql = superType.ReplaceAllString(varbyteType.ReplaceAllString(sql, "bytea"), "jsonb")
	m := createTable.FindStringSubmatch(sql)
	if m == nil {
		return []string{sql}, nil
	}
	sql = textType.ReplaceAllString(sql, "${1}VARCHAR(256)") // https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html
	sql = identity.ReplaceAllStringFunc(sql, identityOf)
	sql = columnWords.ReplaceAllString(tableWords.ReplaceAllString(sql, ""), "")
	name := m[2]
	schemaName, table := "current_schema()", name
	if before, after, found := strings.Cut(name, "."); found {
		schemaName, table = "'"+strings.Trim(before, `"`)+"'", after
	}
	table = strings.Trim(table, `"`)
	// Keys are declared and not enforced
	// (https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html).
	var keys []string
	note := func(kind, columns string) {
		kind = strings.ToUpper(strings.Join(strings.Fields(kind), " "))
		name := table + "_pkey"
		if kind == "UNIQUE" {
			name = table + "_" + strings.Join(identifier.FindAllString(columns, -1), "_") + "_key"
		}
		for i, c := range strings.Split(columns, ",") {
			keys = append(keys, fmt.Sprintf("INSERT INTO rs.keys VALUES (%s, '%s', '%s', '%s', '%s', %d)", schemaName, table, name, kind, strings.Trim(strings.TrimSpace(c), `"`), i+1))
		}
	}
	for _, k := range tableKey.FindAllStringSubmatch(sql, -1) {
		note(k[1], k[2])
	}
	sql = tableKey.ReplaceAllString(sql, "")
	for _, k := range columnKey.FindAllStringSubmatch(sql, -1) {
		note(k[3], k[1])
	}
	sql = columnKey.ReplaceAllString(sql, "$1$2")
	end := strings.LastIndexByte(sql, ')')
	var checks strings.Builder
	for i, c := range append(varchar.FindAllStringSubmatch(sql, -1), sized...) {
		fmt.Fprintf(&checks, ", CONSTRAINT %s%d CHECK (octet_length(%s) <= %s)", bytesConstraint, i, c[1], c[2])
	}
	return append(append(keys, design.keep(schemaName, table)...), sql[:end]+checks.String()+sql[end:]), nil
}
