// Package transform turns the fields of a record into typed values: a mapping
// and its expressions are compiled once, then run row by row. It owns the
// expression language, the transformations and the mapping file.
package transform

import (
	"time"

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
	// NullsGiven says that a person named the words. Others were found, for a
	// type other than text, and mean nothing where the column is read as text.
	NullsGiven bool
	// MaxBytes is how many bytes the column's longest value has as UTF-8; 0
	// where that is not known of every row.
	MaxBytes int
}

// nullWords are the words that mean NULL where the column is read as text, or not.
func (s *Source) nullWords(asText bool) []string {
	if asText && !s.NullsGiven && s.Type.Kind != schema.Text {
		return nil
	}
	return s.NullWords
}

// Options are what Compile needs beside the mapping.
type Options struct {
	// Location is the zone of timestamps that name none; nil is UTC.
	Location *time.Location
	// Now is what now() and today() give, the same for every row; zero is the time of Compile.
	Now time.Time
}
