// Package transform turns the fields of a record into typed values: a mapping
// and its expressions are compiled once, then run row by row. It owns the
// expression language, the transformations and the mapping file.
package transform

import (
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Source is a column of a file with what inspection says of it.
type Source struct {
	Name string
	Type schema.Type
	// Format is the format found, in the form of schema.ParseFormat.
	Format string
	// NullWords are the words that mean NULL where a mapping names none.
	NullWords []string
}

// Options are what Compile needs beside the mapping.
type Options struct {
	// Location is the zone of timestamps that name none; nil is UTC.
	Location *time.Location
	// Now is what now() and today() give, the same for every row; zero is the time of Compile.
	Now time.Time
}

// Match says which source column AutoMap gave to a destination column.
type Match struct {
	Source, Destination string
	// Exact says that the names are equal; else they differ in case, spaces, underscores or hyphens.
	Exact bool
	// Note says why a destination column has no source ("the database generates it"); empty where it has one.
	Note string
}

// AutoMap pairs columns by name: exact, then by schema.MatchName. Identity
// columns and generated ones are left to the database with a note; a source
// column that matches none is a Mistake that names it. Repeatable.
func AutoMap(source []Source, target *schema.Table) (etl.Mapping, []Match, error) {
	return etl.Mapping{}, nil, nil
}

// ParseMapping reads a mapping file. Unknown keys, wrong types and duplicates
// are Mistakes of code mapping_error that name file, line, column and the nearest valid word.
func ParseMapping(yaml []byte, filename string) (etl.Mapping, error) { return etl.Mapping{}, nil }

// FormatMapping writes a mapping as YAML; ParseMapping gives back an equal one.
func FormatMapping(m etl.Mapping) []byte { return nil }

// MappingJSONSchema is the JSON Schema (draft 2020-12) of a mapping file.
func MappingJSONSchema() []byte { return nil }

// Program is a compiled mapping; it may be shared by goroutines.
type Program struct {
	columns []schema.Column
	notes   []string
}

// Compile checks a mapping against the columns of a file and of a table and
// compiles it. With a nil target the types come from the mapping, its
// expressions or the source. Every error is a Mistake. Repeatable.
func Compile(m etl.Mapping, source []Source, target []schema.Column, o Options) (*Program, error) {
	return &Program{}, nil
}

// Columns are the destination columns that a row fills, in the order of the mapping.
func (p *Program) Columns() []schema.Column { return p.columns }

// Notes are things worth telling a person.
func (p *Program) Notes() []string { return p.notes }

// Runner runs a Program; it belongs to one goroutine.
type Runner struct{ p *Program }

// NewRunner makes a Runner with scratch memory of its own.
func (p *Program) NewRunner() *Runner { return &Runner{p: p} }

// Run converts one record into out, which has a Value for each of Columns.
// keep is false where the filter drops the row or where it is bad; bad is
// valid until the next call and lacks line, record and fields, which only the
// caller knows. Values may point into fields and into the Runner's scratch
// memory and are valid until the next call.
func (r *Runner) Run(fields [][]byte, quoted []bool, out []schema.Value) (keep bool, bad *etl.Reject) {
	return true, nil
}
