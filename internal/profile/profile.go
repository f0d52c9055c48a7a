// Package profile gathers the statistics of a file's columns in one pass and
// in bounded memory. Profiles of ranges of a file merge into that of the whole.
package profile

import "github.com/etlportal/etlportal/internal/sniff"

// Profile is a table's statistics so far. It is not safe for use by several
// goroutines at once: give each its own and Merge.
type Profile struct{}

// New starts a profile of the named columns.
func New(names []string, o sniff.Options) *Profile { return &Profile{} }

// Add takes one record. Missing fields count as absent, fields beyond the
// names are ignored. Nothing of fields is kept.
func (p *Profile) Add(fields [][]byte, quoted []bool, line int64) {}

// Merge adds another profile of the same columns. It fails where the columns
// differ.
func (p *Profile) Merge(other *Profile) error { return nil }

// Rows is the number of records added.
func (p *Profile) Rows() int64 { return 0 }

// Columns gives the types and statistics, in file order.
func (p *Profile) Columns() []Column { return nil }

// Column is a column's type and its statistics.
type Column struct {
	sniff.Column
	Statistics Statistics
}

// Statistics are figures over all values of a column. Figures without Approx
// in their comment are exact.
type Statistics struct {
	// Rows is the number of values, NULL ones included.
	Rows int64 `json:"rows"`
	// Nulls counts unquoted empty fields, missing fields, and null words that
	// stand for NULL in this column.
	Nulls int64 `json:"nulls"`
	// Empty counts quoted empty fields.
	Empty int64 `json:"empty"`
	// Distinct counts different values other than NULL; Approx where DistinctExact is false
	// (HyperLogLog, standard error about 0.8 %).
	Distinct      int64 `json:"distinct"`
	DistinctExact bool  `json:"distinct_exact"`
	// Min and Max are the smallest and largest value in the order of the
	// column's type, written as PostgreSQL writes it; text is compared by
	// bytes and cut at 256 bytes. nil where there is no value.
	Min *string `json:"min"`
	Max *string `json:"max"`
	// Mean is that of numeric columns, nil for others.
	Mean *float64 `json:"mean"`
	// Lengths are in characters, of values other than NULL.
	MinLength  int64   `json:"min_length"`
	MaxLength  int64   `json:"max_length"`
	MeanLength float64 `json:"mean_length"`
	// TopValues are the most frequent values, at most 20, most frequent first.
	TopValues []Value `json:"top_values"`
	// TopExact says that the counts of TopValues are exact; otherwise they are lower bounds (Approx).
	TopExact bool `json:"top_exact"`
	// NullWordCounts counts the words that may stand for NULL, whether or not they do here.
	NullWordCounts map[string]int64 `json:"null_word_counts,omitempty"`
}

// Value is a value with its number of occurrences.
type Value struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}
