package redshift

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// The most that Redshift's types hold
// (https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html).
const (
	maxVarchar   = 65535
	maxChar      = 4096
	maxPrecision = 38
	// maxVarbyte is the smaller of those that AWS has given
	// (https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html).
	maxVarbyte = 1_024_000
	// maxSuper is what a value of type SUPER may have, in bytes; a text in it 65,535.
	maxSuper = 16 << 20
)

// varcharSizes are what a column of texts is made with: widths that are not
// used cost memory in queries
// (https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-smallest-column-size.html).
var varcharSizes = [...]int{16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768}

// varcharFor is the size of a column whose longest value has n bytes, with
// half as much again for the values of later files.
func varcharFor(n int) int {
	for _, size := range varcharSizes {
		if n+n/2+n%2 <= size {
			return size
		}
	}
	return maxVarchar
}

// otherTypes are the types of Redshift that have no kind of their own.
var otherTypes = map[string]string{"timetz": "TIMETZ", "time with time zone": "TIMETZ"}

// typesMade are those that a column of a new table may have.
const typesMade = "smallint, integer, bigint, numeric(p,s), real, double precision, boolean, text, varchar(n), date, time, timetz, timestamp, timestamptz, interval, uuid, super or varbyte(n)"

// columnType is the SQL type of a column of a table that is made.
// VARCHAR(n) counts bytes (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html),
// so that n characters are given four bytes each. A text without a length has
// the size that its longest value asks for, where that is known.
func columnType(c *schema.Column) string {
	t := c.Type
	switch t.Kind {
	case schema.SmallInt, schema.Integer, schema.BigInt, schema.Boolean, schema.Date, schema.Time, schema.Timestamp, schema.TimestampTZ, schema.Real, schema.Double:
		return strings.ToUpper(t.Kind.String())
	case schema.Numeric:
		if t.Precision == 0 {
			return "NUMERIC(38,10)"
		}
		return fmt.Sprintf("NUMERIC(%d,%d)", min(t.Precision, maxPrecision), min(max(t.Scale, 0), maxPrecision-1, t.Precision))
	case schema.Char, schema.Varchar:
		if t.Length > 0 {
			return fmt.Sprintf("VARCHAR(%d)", min(4*t.Length, maxVarchar))
		}
	case schema.UUID:
		return "VARCHAR(36)"
	case schema.Interval:
		return "VARCHAR(64)"
	case schema.JSON, schema.JSONB:
		return "SUPER"
	case schema.Bytea:
		return fmt.Sprintf("VARBYTE(%d)", cmp.Or(min(t.Length, maxVarbyte), maxVarbyte))
	case schema.Other:
		if word := otherTypes[t.Name]; word != "" {
			return word
		}
	}
	if c.MaxBytes > 0 {
		return fmt.Sprintf("VARCHAR(%d)", varcharFor(c.MaxBytes))
	}
	return fmt.Sprintf("VARCHAR(%d)", maxVarchar)
}

// CreateTableSQL implements etl.Destination.
func (r *Redshift) CreateTableSQL(t *schema.Table) string {
	lines := make([]string, 0, len(t.Columns)+1)
	for i := range t.Columns {
		c := &t.Columns[i]
		line := quote(c.Name) + " " + columnType(c)
		if word := t.Options.Encodings[c.Name]; word != "" {
			line += " ENCODE " + word
		}
		if c.NotNull || isKey(t, c.Name) {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	for _, u := range t.Unique {
		kind := "UNIQUE"
		if u.Primary {
			kind = "PRIMARY KEY"
		}
		lines = append(lines, kind+" ("+names(u.Columns)+")")
	}
	return "CREATE TABLE " + qualified(t.Schema, t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)" + layout(&t.Options)
}

func isKey(t *schema.Table, column string) bool {
	for _, u := range t.Unique {
		for _, c := range u.Columns {
			if u.Primary && c == column {
				return true
			}
		}
	}
	return false
}

func names(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	return strings.Join(quoted, ", ")
}

// stored is how a column holds values: in a type of the table, or in the one
// that CreateTableSQL gives it.
type stored struct {
	name    string
	typ     schema.Type
	sql     string
	notNull bool
	// bytes is what a text may have; 0 where it is no text.
	bytes int
	// measured says that the column is made as wide as what was staged for it.
	measured bool
}

// super is the Name of a column of type SUPER as Table describes it.
const super = "super"

// storage says how a column that a load fills holds its values.
func storage(c schema.Column, made bool) stored {
	s := stored{name: c.Name, typ: c.Type, notNull: c.NotNull}
	if made {
		wide := schema.Column{Type: c.Type}
		s.sql = columnType(&wide)
		wide.MaxBytes = 1
		s.measured = columnType(&wide) != s.sql
		if n, ok := strings.CutPrefix(s.sql, "VARCHAR("); ok {
			s.bytes, _ = strconv.Atoi(strings.TrimSuffix(n, ")"))
		}
		return s
	}
	switch t := c.Type; t.Kind {
	case schema.Varchar, schema.Char:
		s.bytes = t.Length
		if t.Length == 0 {
			s.bytes = maxVarchar
		}
		s.sql = fmt.Sprintf("%s(%d)", strings.ToUpper(t.Kind.String()), s.bytes)
	case schema.Text:
		s.bytes, s.sql = maxVarchar, fmt.Sprintf("VARCHAR(%d)", maxVarchar)
	case schema.Numeric:
		s.sql = fmt.Sprintf("NUMERIC(%d,%d)", t.Precision, t.Scale)
	case schema.JSONB, schema.JSON:
		s.sql = "SUPER"
	case schema.Bytea:
		s.sql = fmt.Sprintf("VARBYTE(%d)", cmp.Or(t.Length, maxVarbyte))
	default:
		s.sql = cmp.Or(otherTypes[t.Name], strings.ToUpper(t.String()))
	}
	return s
}
