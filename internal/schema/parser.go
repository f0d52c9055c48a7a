package schema

import "time"

// ParserOptions are what a Parser needs beyond type and format.
type ParserOptions struct {
	// Location is the zone of a timestamptz written without an offset, and the
	// zone whose wall clock a timestamp written with one is turned into; nil
	// is UTC. A format's @zone wins.
	Location *time.Location
}

// Parser reads the values of one column. It keeps scratch memory, so each
// goroutine needs one of its own.
type Parser struct {
	t Type
}

// NewParser makes the parser of a column. The error says that f is no format
// of t's kind.
func NewParser(t Type, f Format, o ParserOptions) (*Parser, error) { return &Parser{t: t}, nil }

// Parse reads text, which is valid UTF-8 without NUL bytes, into v and
// returns nil, or says why it is no value of the column's type. Blanks around
// it are ignored unless the type is text. v.Bytes may point into text or into the Parser's scratch
// memory and is valid until the next Parse. Success allocates nothing.
// A Parser knows no NULL: the null words are the caller's.
func (p *Parser) Parse(text []byte, v *Value) *ParseError { return nil }

// Type is the type that the Parser was made for.
func (p *Parser) Type() Type { return p.t }

// ParseError says why a text is no value of a type. Parse builds it anew for each failure.
type ParseError struct {
	// Code names the reason for programs: not_integer, not_numeric, not_number,
	// not_boolean, not_date, not_time, not_timestamp, not_interval, not_uuid,
	// not_json, not_bytea, out_of_range, too_precise, too_long, ambiguous_date.
	Code string
	// Reason says it in plain words, with the value (cut to 60 characters) and,
	// where another reading fits, a hint.
	Reason string
}

// Error is the reason.
func (e *ParseError) Error() string { return e.Reason }

// AppendText appends v as PostgreSQL prints a value of type t (boolean as
// true/false, timestamptz in UTC); NULL appends nothing. The Parser of t
// without a format reads it back as v.
func (v *Value) AppendText(dst []byte, t Type) []byte { return dst }
