package etl

import "fmt"

// Mapping says how the columns of a file become the columns of a table. It is
// equal in the CLI's YAML file, in the API and in the UI.
type Mapping struct {
	Columns  []ColumnMapping `yaml:"columns" json:"columns"`
	Filter   string          `yaml:"filter,omitempty" json:"filter,omitempty"`
	OnBadRow BadRowPolicy    `yaml:"on_bad_row,omitempty" json:"on_bad_row,omitzero"`
}

// ColumnMapping fills one destination column. It has a source, an expression,
// or both; the expression then sees the converted source as `value`.
// The steps are: null words, transformations, conversion to Type by Format,
// expression, default.
type ColumnMapping struct {
	Source          string      `yaml:"source,omitempty" json:"source,omitempty"`
	Destination     string      `yaml:"destination" json:"destination"`
	Type            string      `yaml:"type,omitempty" json:"type,omitempty"`
	Format          string      `yaml:"format,omitempty" json:"format,omitempty"`
	Transformations []Transform `yaml:"transformations,omitempty" json:"transformations,omitempty"`
	Expression      string      `yaml:"expression,omitempty" json:"expression,omitempty"`
	// Default is used where the value is NULL; it is text in the plain form of
	// Type ("0", "2024-01-31"), whatever Format says.
	Default *string `yaml:"default,omitempty" json:"default,omitempty"`
	// NullValues are the words that mean NULL. Absent: an empty unquoted field
	// is NULL, and for every type but text so is an empty quoted one. The empty
	// list: nothing is NULL, the empty field is the empty string. "" in the
	// list: every empty field is NULL, quoted or not.
	NullValues *[]string `yaml:"null_values,omitempty" json:"null_values,omitempty"`
	// Required makes NULL a bad row.
	Required bool `yaml:"required,omitempty" json:"required,omitempty"`
}

// Transform is one step on the text of a field: a function name in any case and its arguments.
type Transform struct {
	Fn   string `yaml:"fn" json:"fn"`
	Args []any  `yaml:"args,omitempty" json:"args,omitempty"`
}

// BadRowPolicy says what a bad row does to its run.
type BadRowPolicy struct {
	// Mode is "fail" (the default) or "skip".
	Mode string `yaml:"mode,omitempty" json:"mode,omitempty"`
	// MaxRows and MaxRatio (0 to 1, of rows read) bound mode skip; nil means no bound.
	MaxRows  *int64   `yaml:"max_rows,omitempty" json:"max_rows,omitempty"`
	MaxRatio *float64 `yaml:"max_ratio,omitempty" json:"max_ratio,omitempty"`
}

// Reject is a bad row: data, not an error.
type Reject struct {
	// Line is the 1-based physical line where the record starts, Record its
	// 1-based number among the data records.
	Line   int64 `json:"line"`
	Record int64 `json:"record"`
	// Column is the source column's name where one is at fault, else the
	// destination column's or the constraint's; empty where the whole row is.
	Column string `json:"column,omitempty"`
	// Value is the offending text, cut to 200 characters.
	Value string `json:"value,omitempty"`
	// Code names the reason for programs ("not_numeric", "too_long", "unique_violation", …).
	Code Code `json:"code"`
	// Reason says it to people, in plain words.
	Reason string `json:"reason"`
	// Fields are the record as read; nil where it could not be parsed, Raw then holds its bytes.
	Fields []string `json:"fields,omitempty"`
	Raw    []byte   `json:"raw,omitempty"`
}

// Place says where a bad row is, for people.
func (r *Reject) Place() string {
	if r.Column == "" {
		return fmt.Sprintf("line %d", r.Line)
	}
	return fmt.Sprintf("line %d, column %q", r.Line, r.Column)
}

// TooManyBadRows is the code of a load that has more bad rows than it may.
const TooManyBadRows Code = "too_many_bad_rows"

// RejectColumns are what a rejects file has beyond the columns of its source, in this order.
var RejectColumns = []string{"_line", "_column", "_reason"}

// Counts are what a run did with the rows of its file. They add up:
// Read = Loaded + Filtered + Rejected + Deduplicated, and Loaded = Inserted + Updated.
type Counts struct {
	Read, Loaded, Inserted, Updated, Filtered, Rejected, Deduplicated int64
}

// Balanced says whether the counts add up.
func (c Counts) Balanced() bool {
	return c.Read == c.Loaded+c.Filtered+c.Rejected+c.Deduplicated && c.Loaded == c.Inserted+c.Updated
}

// Strategy is how rows enter the table; each is all or nothing.
type Strategy string

// The load strategies.
const (
	Insert         Strategy = "INSERT"
	Upsert         Strategy = "UPSERT"
	TruncateInsert Strategy = "TRUNCATE_INSERT"
)
