package schema

import (
	"fmt"
	"time"
	"unicode/utf8"
)

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
	t      Type
	format Format
	zone   zone
	// low and high bound an integer type.
	low, high int64
	// limit is the first coefficient too long for the numeric at its full
	// scale; 0 where that does not fit an int64.
	limit   uint64
	scratch []byte
}

// NewParser makes the parser of a column. A type of kind Unknown is read as
// text. The error says that f is no format of t's kind.
func NewParser(t Type, f Format, o ParserOptions) (*Parser, error) {
	if f.family != noFamily && f.family != familyOf(t.Kind) {
		return nil, fmt.Errorf("%s is no format of a column of type %s", quote(f.text), t)
	}
	p := &Parser{t: t, format: f}
	if f.time.zone != nil {
		o.Location = f.time.zone
	}
	switch t.Kind {
	case Timestamp, TimestampTZ, Date:
		p.zone = newZone(o.Location)
	case SmallInt:
		p.low, p.high = -1<<15, 1<<15-1
	case Integer:
		p.low, p.high = -1<<31, 1<<31-1
	case BigInt:
		p.low, p.high = -1<<63, 1<<63-1
	case Numeric:
		if t.Precision > 0 && t.Precision < len(pow10) {
			p.limit = uint64(pow10[t.Precision])
		}
	}
	return p, nil
}

// Type is the type that the Parser was made for.
func (p *Parser) Type() Type { return p.t }

// Parse reads text, which is valid UTF-8 without NUL bytes, into v and returns
// nil, or says why it is no value of the column's type; v is then undefined.
// Blanks around it are ignored unless the type is one of text. v.Bytes may
// point into text or into the Parser's scratch memory and is valid until the
// next Parse. Success allocates nothing, but for numbers whose digits pass an
// int64 and for scratch memory that grows to the longest value seen. A Parser
// knows no NULL: the null words are the caller's.
func (p *Parser) Parse(text []byte, v *Value) *ParseError {
	switch p.t.Kind {
	case Char, Varchar:
		return p.parseCharacters(text, v)
	case Boolean:
		return p.parseBoolean(text, v)
	case SmallInt, Integer, BigInt:
		return p.parseInteger(text, v)
	case Real, Double:
		return p.parseFloat(text, v)
	case Numeric:
		return p.parseNumeric(text, v)
	case Date:
		return p.parseDate(text, v)
	case Time:
		return p.parseClock(text, v)
	case Timestamp, TimestampTZ:
		return p.parseTimestamp(text, v)
	case Interval:
		return p.parseInterval(text, v)
	case UUID:
		return p.parseUUID(text, v)
	case JSON, JSONB:
		return p.parseJSON(text, v)
	case Bytea:
		return p.parseBytea(text, v)
	}
	v.Kind, v.Bytes = VText, text
	return nil
}

// The codes of a ParseError.
const (
	CodeNotInteger    = "not_integer"
	CodeNotNumeric    = "not_numeric"
	CodeNotNumber     = "not_number"
	CodeNotBoolean    = "not_boolean"
	CodeNotDate       = "not_date"
	CodeNotTime       = "not_time"
	CodeNotTimestamp  = "not_timestamp"
	CodeNotInterval   = "not_interval"
	CodeNotUUID       = "not_uuid"
	CodeNotJSON       = "not_json"
	CodeNotBytea      = "not_bytea"
	CodeOutOfRange    = "out_of_range"
	CodeTooPrecise    = "too_precise"
	CodeTooLong       = "too_long"
	CodeAmbiguousDate = "ambiguous_date"
)

// ParseError says why a text is no value of a type.
type ParseError struct {
	// Code names the reason for programs and never changes its meaning.
	Code string
	// Reason says it in plain words, with the value (cut to 60 characters) and,
	// where another reading fits, a hint.
	Reason string
}

// Error is the reason.
func (e *ParseError) Error() string { return e.Reason }

func parseErrorf(code, format string, args ...any) *ParseError {
	return &ParseError{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// trim cuts blanks off both ends: those of ASCII, the no-break spaces of
// spreadsheets and the byte order mark.
func trim(text []byte) []byte {
	if n := len(text); n > 0 && text[0] > ' ' && text[0] < 0x7f && text[n-1] > ' ' && text[n-1] < 0x7f {
		return text
	}
	return trimSlow(text)
}

func trimSlow(text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if !isOuterBlank(r) {
			break
		}
		text = text[size:]
	}
	for len(text) > 0 {
		r, size := utf8.DecodeLastRune(text)
		if !isOuterBlank(r) {
			break
		}
		text = text[:len(text)-size]
	}
	return text
}

func isOuterBlank(r rune) bool {
	return r == ' ' || r >= '\t' && r <= '\r' || r == '\u00a0' || r == '\u202f' || r == '\ufeff' || r == '\u3000'
}
