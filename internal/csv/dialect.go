// Package csv reads delimited text exactly: the same records whether a file is
// read whole, byte by byte, or cut into ranges at any offset.
//
// A Dialect says how a file is written. A Reader turns bytes into records. A
// Scanner finds record boundaries in byte ranges whose start state is unknown
// and composes the results (docs/architecture.md, "Splitting").
package csv

// Newline says what ends a record outside quotes.
type Newline uint8

const (
	// NewlineLF ends records at LF and CRLF, mixed freely; a lone CR is data.
	NewlineLF Newline = iota
	// NewlineCR ends records at a lone CR as well (files of old Macintosh
	// programs); CRLF still counts once.
	NewlineCR
)

// Dialect is how a file is written. The zero value is not usable: Delimiter is
// required. RFC 4180 is Dialect{Delimiter: ",", Quote: '"', Header: 1}.
//
// Quotes are read lazily: a quote opens a field only as its first byte, and
// closes it only before a delimiter, a newline or the end; any other quote is
// data.
type Dialect struct {
	// Delimiter separates fields: 1 to 8 bytes of UTF-8 without quote, CR, LF.
	Delimiter string
	// Quote encloses fields; 0 means that quoting is off.
	Quote byte
	// Escape precedes a literal byte inside quotes; 0 means that a quote is
	// written by doubling it.
	Escape byte
	// Comment starts a line that is skipped; 0 means that there are none.
	Comment byte
	// SkipLines is the number of physical lines before the header (preamble,
	// "sep=;"), read without regard to quotes.
	SkipLines int
	// Header is the number of records that hold column names, joined by a
	// space where it is more than one; 0 means that the file has no header.
	Header int
	// Newline says what ends a record.
	Newline Newline
	// SkipInitialSpace drops spaces after a delimiter, so that `, "x"` opens a quote.
	SkipInitialSpace bool
	// TrailingDelimiter says that every record ends in a delimiter that opens
	// no further field.
	TrailingDelimiter bool
}

// Position is where a record starts.
type Position struct {
	// Byte is the 0-based offset in the bytes given to the Reader, after
	// decoding to UTF-8, plus the Reader's start offset.
	Byte int64
	// Line is the 1-based physical line; newlines inside quotes count.
	Line int64
	// Record is the 1-based number of the data record (header, comments and
	// blank lines are not counted).
	Record int64
}

// Span is an exact range of records in a file: Start is the first byte of a
// record, End the first byte after the last one.
type Span struct {
	Start, End int64
	// Rows counts what the scanner counts: every record, header, comments and
	// blank lines included. A Reader over the span must count as many.
	Rows int64
	// FirstRow and FirstLine number the span's first row (0-based) and
	// physical line (1-based) within the file.
	FirstRow, FirstLine int64
}
