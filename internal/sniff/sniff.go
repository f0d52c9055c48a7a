// Package sniff looks at the first bytes of a file and says how it is written:
// encoding, delimiter, quotes, header, and the type of every column. Every
// answer carries how sure it is and why, and every answer can be overridden.
//
// An Inference accumulates what the values of one column have in common; it
// merges, so that the types of a whole file can be found range by range.
package sniff

import (
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/schema"
)

// SampleSize is how many raw bytes of a file Detect can make good use of; it
// reads no more.
const SampleSize = 1 << 20

// Options are a user's overrides. A nil pointer or empty field leaves the
// decision to Detect; anything else is taken as given, with confidence 1.
type Options struct {
	Encoding  *csv.Encoding
	Delimiter *string
	// Quote, Escape and Comment: 0 turns the feature off.
	Quote, Escape, Comment *byte
	// Header is the number of header records.
	Header *int
	// SkipLines is the number of physical lines before the header.
	SkipLines *int
	Newline   *csv.Newline
	// StripNUL says that NUL bytes will be removed, so that they damage nothing.
	StripNUL bool
	// SkipInitialSpace and TrailingDelimiter are as in csv.Dialect.
	SkipInitialSpace, TrailingDelimiter *bool
	// NullWords replaces the built-in words that may stand for NULL; the words
	// given here are NULL wherever they stand alone in a field.
	NullWords *[]string
	// DateOrder is "dmy", "mdy" or "ymd" (also "day-first", "month-first",
	// "year-first"); "" lets the column decide.
	DateOrder string
	// Decimal is "." or "," (also "point", "comma"); "" lets the column decide.
	Decimal string
	// Location is the zone of timestamps without one. It does not change the
	// type: such a column is a timestamp, not a timestamptz.
	Location *time.Location
	// Types fixes the type of columns by name, as SQL ("numeric(10,2)").
	Types map[string]string
}

// Result is all that Detect found.
type Result struct {
	Encoding csv.Encoding
	// BOM is the length of the byte order mark, in bytes.
	BOM     int
	Dialect csv.Dialect
	// Names are the column names, unique and never empty.
	Names []string
	// Notes tell what the user should know and did not ask: renamed columns,
	// overrides that contradict the file, and the notes of the columns as far as
	// the sample shows them.
	Notes     []string
	Decisions []Decision
	// Columns are the types that the sample suggests, in file order.
	Columns []Column
}

// Decision is one answer with its grounds.
type Decision struct {
	// What is the subject: encoding, newline, delimiter, quote, escape,
	// comment, skip_lines, header, skip_initial_space, trailing_delimiter.
	What  string `json:"what"`
	Value string `json:"value"`
	// Confidence is 0 to 1; 1 is what the user said or the bytes prove.
	Confidence float64  `json:"confidence"`
	Evidence   []string `json:"evidence"`
}

// Error is a file that is not a readable CSV, or an override that makes no
// sense. Code is stable; Message says what and where; Fix what to
// do, in a sentence of its own.
type Error struct {
	Code, Message, Fix string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Message
	}
	return e.Message + ". " + e.Fix
}

// Detect reads a sample of a file's raw bytes, taken from its start. atEOF
// says that the sample is the whole file. The error is an *Error: empty_file,
// binary_file, not_csv, unreadable_encoding, bad_option. The same sample and
// options give the same result.
func Detect(sample []byte, atEOF bool, o Options) (*Result, error) {
	return detect(sample, atEOF, o)
}

// Column is what is known of one column's values.
type Column struct {
	Name string
	Type schema.Type
	// Format is how the values are written, for schema.ParseFormat; "" is the
	// type's own way of writing.
	Format string
	// Nullable says that some values are empty or null words.
	Nullable bool
	// NullWords are the words that stand for NULL in this column; the empty
	// unquoted field always does.
	NullWords  []string
	Confidence float64
	Evidence   []string
	// Notes are what the user should know and did not ask: words read as NULL,
	// overrides that do not fit. They do not name the column.
	Notes []string
	// Ambiguous lists the formats that all fit every value and mean different
	// things; Format is empty then, and the user must be asked.
	Ambiguous []string
	// CounterExample is the first value that forbids the next narrower type;
	// its Line is 0 where there is none.
	CounterExample Example
}

// Example is one value of a file and the physical line of its record.
type Example struct {
	Line  int64  `json:"line"`
	Value string `json:"value"`
}
