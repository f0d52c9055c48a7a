// Package schema knows column types: how they are written in SQL, how text
// becomes a value of one, how two of them widen to a common one, and how names
// become identifiers. It is the only place that parses a value.
package schema

// Kind is the family of a column type.
type Kind uint8

// The kinds that a destination column may have. Other is every type without a
// kind of its own (arrays, enums, ranges, …): its values travel as text and
// the database casts them.
const (
	Unknown Kind = iota
	Text
	Char
	Varchar
	Boolean
	SmallInt
	Integer
	BigInt
	Real
	Double
	Numeric
	Date
	Time
	Timestamp
	TimestampTZ
	Interval
	UUID
	JSON
	JSONB
	Bytea
	Other
)

// Type is a column type with its modifiers.
type Type struct {
	Kind Kind
	// Precision and Scale are those of numeric(p,s); Precision 0 means
	// numeric without either.
	Precision, Scale int
	// Length is that of char(n) and varchar(n), in characters, and of bytea, in
	// bytes, where a database bounds it; 0 means none.
	Length int
	// InBytes says that the Length of char(n) and varchar(n) counts bytes, as that
	// of a column in Redshift does. The destination tells values that are longer,
	// as it knows how the column is widened.
	InBytes bool
	// Name is the SQL name of a type of kind Other, as format_type prints it.
	Name string
}

// Column is a column of a destination table.
type Column struct {
	Name string
	Type Type
	// Domain is the domain's SQL name where the column's type is one; Type is then its base type.
	Domain string
	// NotNull says that NULL is refused.
	NotNull bool
	// HasDefault says that the column may be left out of an INSERT.
	HasDefault bool
	// Default is the default's expression, as the database prints it.
	Default string
	// Identity is "always", "by default" or "".
	Identity string
	// Generated says that the database computes the column.
	Generated bool
	// MaxBytes is how long a text of a column of a table to be made gets at most,
	// as UTF-8, as far as is known; 0 where it is not.
	MaxBytes int
}

// Index is a unique index or primary key that ON CONFLICT can use.
type Index struct {
	Name    string
	Columns []string
	Primary bool
}

// Table is a destination table.
type Table struct {
	Schema, Name string
	Columns      []Column
	// Unique lists the unique, non-partial, immediate indexes over plain columns.
	Unique []Index
	// Refusals says what else may refuse a row on its way in; a table without
	// any takes every row whose values have the right types.
	Refusals Refusals
	// Options are those of a table to be made in Redshift.
	Options TableOptions
}

// Refusals are the constraints and hooks of a table beyond its column types.
type Refusals struct {
	Unique, Check, ForeignKey, Exclusion, Trigger, Deferred, Domain bool
}
