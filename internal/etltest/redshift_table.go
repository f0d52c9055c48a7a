package etltest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// tableDesign is what a CREATE TABLE says beyond PostgreSQL's.
type tableDesign struct {
	columns           []designedColumn
	style, distKey    string
	sortStyle         string
	sortKeys          []string
	styled, automatic bool
}

type designedColumn struct {
	name, typ, encoding string
}

const createTablePage = awsDocs + "r_CREATE_TABLE_NEW.html"

func badDesign(page, format string, args ...any) error {
	return &pgconn.PgError{Code: "0A000", Message: fmt.Sprintf(format, args...), Detail: page}
}

var quotedText = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"`)

// fold makes quoted names lower case, as Redshift does unless
// enable_case_sensitive_identifier is on (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html).
func fold(sql string) string {
	return quotedText.ReplaceAllStringFunc(sql, func(s string) string {
		if s[0] != '"' {
			return s
		}
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, s)
	})
}

// word is what a statement is made of: a quoted text or name, a word, or one character.
var word = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|[\pL\pN_$#.]+|\S`)

func unquoted(name string) string {
	if strings.HasPrefix(name, `"`) {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

// designOf reads the columns, which begin behind the parenthesis at start, and
// the attributes of a table, and refuses what Redshift would.
func designOf(sql string, start int) (*tableDesign, error) {
	d := &tableDesign{style: "AUTO", sortStyle: "AUTO"}
	words := word.FindAllString(sql[start:], -1)
	depth, item := 1, []string{}
	for depth > 0 && len(words) > 0 {
		w := words[0]
		words = words[1:]
		switch {
		case w == "(":
			depth++
		case w == ")":
			depth--
		}
		if depth == 0 || depth == 1 && w == "," {
			if err := d.column(item); err != nil {
				return nil, err
			}
			item = item[:0]
			continue
		}
		item = append(item, w)
	}
	if err := d.attributes(words); err != nil {
		return nil, err
	}
	return d, d.check()
}

// column reads a column with its attributes; a constraint of the table is none.
func (d *tableDesign) column(item []string) error {
	if len(item) < 2 || slices.Contains([]string{"PRIMARY", "UNIQUE", "FOREIGN", "LIKE"}, strings.ToUpper(item[0])) {
		return nil
	}
	c := designedColumn{name: unquoted(item[0]), typ: strings.ToUpper(item[1])}
	for i := 2; i < len(item); i++ {
		switch strings.ToUpper(item[i]) {
		case "ENCODE":
			if i+1 == len(item) {
				return syntaxError("ENCODE", "r_CREATE_TABLE_NEW.html")
			}
			c.encoding = strings.ToUpper(item[i+1])
		case "DISTKEY":
			if d.distKey != "" {
				return badDesign(createTablePage, "only one column can be the distribution key")
			}
			d.distKey = c.name
		case "SORTKEY":
			d.sortKeys, d.sortStyle = append(d.sortKeys, c.name), "COMPOUND"
		}
	}
	d.columns = append(d.columns, c)
	return nil
}

// attributes reads what follows the columns.
func (d *tableDesign) attributes(words []string) error {
	list := func() ([]string, bool) {
		if len(words) == 0 || words[0] != "(" {
			return nil, false
		}
		end := slices.Index(words, ")")
		if end < 0 {
			return nil, false
		}
		var out []string
		for _, w := range words[1:end] {
			if w != "," {
				out = append(out, unquoted(w))
			}
		}
		words = words[end+1:]
		return out, len(out) > 0
	}
	for len(words) > 0 {
		head := strings.ToUpper(words[0])
		next := ""
		if len(words) > 1 {
			next = strings.ToUpper(words[1])
		}
		words = words[1:]
		ok := true
		switch head {
		case "DISTSTYLE":
			ok = !d.styled && slices.Contains([]string{"AUTO", "EVEN", "KEY", "ALL"}, next)
			d.style, d.styled, words = next, true, words[min(1, len(words)):]
		case "DISTKEY":
			var keys []string
			if keys, ok = list(); ok && (len(keys) > 1 || d.distKey != "") {
				return badDesign(createTablePage, "only one column can be the distribution key")
			}
			if ok {
				d.distKey = keys[0]
			}
		case "COMPOUND", "INTERLEAVED":
			ok = next == "SORTKEY" && len(words) > 1 && words[1] == "("
			d.sortStyle = head
		case "SORTKEY":
			if next == "AUTO" {
				words = words[1:]
				break
			}
			if d.sortStyle == "AUTO" {
				d.sortStyle = "COMPOUND"
			}
			d.sortKeys, ok = list()
		case "ENCODE":
			ok = next == "AUTO"
			words, d.automatic = words[min(1, len(words)):], true
		case "BACKUP":
			words = words[min(1, len(words)):]
		default:
			ok = false
		}
		if !ok {
			return syntaxError(head, "r_CREATE_TABLE_NEW.html")
		}
	}
	return nil
}

func (d *tableDesign) find(name string) *designedColumn {
	for i := range d.columns {
		if d.columns[i].name == name {
			return &d.columns[i]
		}
	}
	return nil
}

// keyTypes may be distribution and sort keys.
var keyTypes = strings.Fields("BOOLEAN BOOL REAL FLOAT4 FLOAT FLOAT8 DOUBLE SMALLINT INT2 INTEGER INT INT4 BIGINT INT8 DECIMAL NUMERIC DATE TIME TIMETZ TIMESTAMP TIMESTAMPTZ CHAR CHARACTER VARCHAR NVARCHAR TEXT BPCHAR")

func (d *tableDesign) check() error {
	if n := len(d.columns); n > 1600 {
		return badDesign(awsDocs+"r_CREATE_TABLE_usage.html", "tables can have at most 1600 columns, not %d", n)
	}
	if d.styled && d.style == "KEY" && d.distKey == "" {
		return badDesign(createTablePage, "DISTSTYLE KEY needs a DISTKEY")
	}
	if d.distKey != "" {
		if d.styled && d.style != "KEY" {
			return badDesign(awsDocs+"r_CREATE_TABLE_usage.html", "DISTSTYLE %s takes no DISTKEY", d.style)
		}
		d.style = "KEY"
	}
	most := 400
	if d.sortStyle == "INTERLEAVED" {
		most = 8
	}
	if len(d.sortKeys) > most {
		return badDesign(createTablePage, "at most %d columns can be a sort key", most)
	}
	for i, key := range append(slices.Clone(d.sortKeys), d.distKey) {
		if key == "" {
			continue
		}
		c := d.find(key)
		switch {
		case c == nil:
			return &pgconn.PgError{Code: "42703", Message: "column " + strconv.Quote(key) + " named in key does not exist", Detail: createTablePage}
		case !slices.Contains(keyTypes, c.typ):
			return badDesign(createTablePage, "column %q of type %s cannot be a key", key, c.typ)
		case i < len(d.sortKeys) && slices.Contains(d.sortKeys[:i], key):
			return badDesign(createTablePage, "column %q is twice in the sort key", key)
		}
	}
	for _, c := range d.columns {
		if err := c.checkEncoding(); err != nil {
			return err
		}
	}
	return nil
}

// encodingsOf are the encodings that a type takes beside RAW, by the table of
// https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html.
var encodingsOf = map[string]string{
	"SMALLINT": "AZ64 BYTEDICT DELTA LZO MOSTLY8 RUNLENGTH ZSTD",
	"INTEGER":  "AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 RUNLENGTH ZSTD",
	"BIGINT":   "AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 MOSTLY32 RUNLENGTH ZSTD",
	"NUMERIC":  "AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 MOSTLY32 RUNLENGTH ZSTD",
	"REAL":     "BYTEDICT RUNLENGTH ZSTD", "DOUBLE": "BYTEDICT RUNLENGTH ZSTD",
	"BOOLEAN": "RUNLENGTH ZSTD", "CHAR": "BYTEDICT LZO RUNLENGTH ZSTD",
	"VARCHAR": "BYTEDICT LZO RUNLENGTH TEXT255 TEXT32K ZSTD",
	"DATE":    "AZ64 BYTEDICT DELTA DELTA32K LZO RUNLENGTH ZSTD", "TIMESTAMP": "AZ64 BYTEDICT DELTA DELTA32K LZO RUNLENGTH ZSTD",
	"TIMESTAMPTZ": "AZ64 BYTEDICT LZO RUNLENGTH ZSTD", "TIME": "AZ64", "TIMETZ": "AZ64", "SUPER": "LZO ZSTD", "VARBYTE": "LZO",
}

func (c *designedColumn) checkEncoding() error {
	if c.encoding == "" || c.encoding == "RAW" || slices.Contains(strings.Fields(encodingsOf[c.typ]), c.encoding) {
		return nil
	}
	return badDesign(awsDocs+"c_Compression_encodings.html", "invalid encoding type %s specified for column %q, a %s", c.encoding, c.name, c.typ)
}

// keep gives the statements that note the design of a table, in the stand-in's catalogue.
func (d *tableDesign) keep(schemaName, table string) []string {
	text := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	into := schemaName + ", " + text(table)
	style := d.style
	if style == "KEY" {
		style = "KEY(" + d.distKey + ")"
	}
	out := []string{
		fmt.Sprintf("DELETE FROM rs.column_designs WHERE table_schema = %s AND table_name = %s", schemaName, text(table)),
		fmt.Sprintf("DELETE FROM rs.table_designs WHERE table_schema = %s AND table_name = %s", schemaName, text(table)),
	}
	encodeAuto := d.automatic
	var values []string
	for _, c := range d.columns {
		place := slices.Index(d.sortKeys, c.name) + 1
		if d.sortStyle == "INTERLEAVED" && place%2 == 0 {
			place = -place
		}
		encoding := strings.ToLower(c.encoding)
		encodeAuto = encodeAuto && c.encoding == ""
		values = append(values, fmt.Sprintf("(%s, %s, %s, %t, %d)", into, text(c.name), text(encoding), c.name == d.distKey, place))
	}
	if len(values) > 0 {
		out = append(out, "INSERT INTO rs.column_designs VALUES "+strings.Join(values, ", "))
	}
	first := ""
	if len(d.sortKeys) > 0 {
		first = d.sortKeys[0]
		if d.sortStyle == "INTERLEAVED" {
			first = "INTERLEAVED"
		}
	} else {
		first = "AUTO(SORTKEY)"
	}
	return append(out, fmt.Sprintf("INSERT INTO rs.table_designs VALUES (%s, %s, %s, %d, %t)", into, text(style), text(first), len(d.sortKeys), encodeAuto))
}

// designCatalogue is where designs are kept, and the views that show them:
//
//   - svv_redshift_columns (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html)
//     to those who have access to the table; no compression is none, and of the
//     places in an INTERLEAVED sort key every other one is negative;
//   - pg_class_info (https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html)
//     to the table's owner; AUTO begins as AUTO (ALL), 10
//     (https://docs.aws.amazon.com/redshift/latest/dg/viewing-distribution-styles.html);
//   - svv_table_info (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html).
const designCatalogue = `
CREATE TABLE rs.table_designs (table_schema text, table_name text, diststyle text, sortkey1 text, sortkey_num int, encode_auto boolean);
CREATE TABLE rs.column_designs (table_schema text, table_name text, column_name text, encoding text, distkey boolean, sortkey int);
CREATE VIEW rs.svv_redshift_columns AS SELECT current_database()::text AS database_name, d.table_schema AS schema_name, d.table_name, d.column_name, CASE d.encoding WHEN 'raw' THEN 'none' ELSE d.encoding END AS encoding, d.distkey, d.sortkey
  FROM rs.column_designs d JOIN pg_catalog.pg_namespace n ON n.nspname = d.table_schema JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.table_name
  WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE');
CREATE VIEW rs.pg_class_info AS SELECT c.oid AS reloid, c.relname, c.relnamespace, CASE split_part(d.diststyle, '(', 1) WHEN 'EVEN' THEN 0 WHEN 'KEY' THEN 1 WHEN 'ALL' THEN 8 WHEN 'AUTO' THEN 10 END AS releffectivediststyle
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN rs.table_designs d ON d.table_schema = n.nspname AND d.table_name = c.relname
  WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE');
CREATE VIEW rs.svv_table_info AS SELECT current_database()::text AS database, table_schema AS "schema", table_name AS "table", diststyle, sortkey1, sortkey_num FROM rs.table_designs;
`
