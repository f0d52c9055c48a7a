package redshift

import (
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
	maxVarbyte   = 1 << 20
	// maxSuper is what a value of type SUPER may have, in bytes; a text in it 65,535.
	maxSuper = 16 << 20
)

// columnType is the SQL type of a column that holds values of a type.
// VARCHAR(n) counts bytes (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html),
// so that n characters are given four bytes each.
func columnType(t schema.Type) string {
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
		return fmt.Sprintf("VARBYTE(%d)", maxVarbyte)
	}
	return fmt.Sprintf("VARCHAR(%d)", maxVarchar)
}

// CreateTableSQL implements etl.Destination. Distribution, sort order and
// encodings are left to Redshift, which chooses by use
// (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html).
func (r *Redshift) CreateTableSQL(t *schema.Table) string {
	lines := make([]string, 0, len(t.Columns)+1)
	for _, c := range t.Columns {
		line := quote(c.Name) + " " + columnType(c.Type)
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
	return "CREATE TABLE " + qualified(t.Schema, t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)\nDISTSTYLE AUTO\nSORTKEY AUTO\nENCODE AUTO"
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
}

// super is the Name of a column of type SUPER as Table describes it.
const super = "super"

// storage says how a column that a load fills holds its values.
func storage(c schema.Column, made bool) stored {
	s := stored{name: c.Name, typ: c.Type, notNull: c.NotNull}
	if made {
		s.sql = columnType(c.Type)
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
		s.sql = fmt.Sprintf("VARBYTE(%d)", maxVarbyte)
	default:
		s.sql = strings.ToUpper(t.String())
	}
	return s
}
