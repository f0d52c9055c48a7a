// Package csv reads delimited text exactly: the same records whether a file is
// read whole, byte by byte, or cut into ranges at any offset.
//
// A Dialect says how a file is written. A Reader turns bytes into records. A
// Scanner finds record boundaries in byte ranges whose start state is unknown
// and composes the results (docs/architecture.md, "Splitting").
package csv

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

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
	// Delimiter separates fields: 1 to 8 bytes of UTF-8 without quote, escape,
	// comment, CR, LF, NUL.
	Delimiter string
	// Quote encloses fields; 0 means that quoting is off.
	Quote byte
	// Escape precedes a literal byte inside quotes; 0 (or the quote itself) means
	// that a quote is written by doubling it. It is dropped before a quote, an
	// escape, CR, LF and a delimiter's first byte; before any other byte both
	// are data, so that "C:\temp" survives.
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

// Where the table of states (docs/splitting.md) leaves room, Reader and Scanner agree
// on the following; bytes are those of the decoded text.
//   - Comment is looked at in state R only (record start) and leads to state K,
//     which stays until LF (or CR with NewlineCR): no quotes inside comments.
//   - SkipInitialSpace keeps state F at a space; R is not F, so a space at the
//     start of a record is data (state U).
//   - A delimiter of several bytes is found leftmost in F and U. After a closing
//     quote it must follow at once and whole: if it breaks off, its bytes are
//     data and the breaking byte is read as in Q (a quote leads to E, the escape
//     to X, LF and CR stay in Q).
//   - Escape acts in Q only: in E and D it is an ordinary byte (to Q). Escape
//     equal to Quote means doubling and is the same as 0.
//   - With Quote 0 only R, F, U, C, K remain.
//   - Rows are the record ends passed, plus one where bytes follow the last one.
//     Physical lines are LFs; with NewlineCR a lone CR is a line end too, also
//     inside quotes and comments, and CRLF is one.

// Validate returns nil where d can be read, else an error in plain words that
// names the field, its value and the fix.
func (d Dialect) Validate() error {
	switch {
	case d.Delimiter == "":
		return errors.New(`csv: the delimiter is empty: name one, such as "," or "\t"`)
	case len(d.Delimiter) > 8:
		return fmt.Errorf("csv: the delimiter %q has %d bytes: 8 are the most", d.Delimiter, len(d.Delimiter))
	case !utf8.ValidString(d.Delimiter):
		return fmt.Errorf("csv: the delimiter %q is not UTF-8", d.Delimiter)
	case strings.ContainsAny(d.Delimiter, "\r\n\x00"):
		return fmt.Errorf("csv: the delimiter %q holds a line end or NUL: these end lines or mark damage", d.Delimiter)
	case d.SkipInitialSpace && len(d.Delimiter) > 1 && d.Delimiter[0] == ' ':
		return fmt.Errorf("csv: the delimiter %q begins with a space, which skipping initial spaces would drop: switch one of them off", d.Delimiter)
	case d.SkipLines < 0:
		return fmt.Errorf("csv: %d lines to skip: use 0 or more", d.SkipLines)
	case d.Header < 0:
		return fmt.Errorf("csv: %d header records: use 0 or more", d.Header)
	case d.Newline > NewlineCR:
		return fmt.Errorf("csv: newline mode %d is unknown: use NewlineLF or NewlineCR", d.Newline)
	}
	roles := []struct {
		name string
		b    byte
	}{{"quote", d.Quote}, {"escape", d.Escape}, {"comment", d.Comment}}
	for i, r := range roles {
		if r.b == 0 {
			continue
		}
		switch {
		case r.b >= utf8.RuneSelf:
			return fmt.Errorf("csv: the %s byte 0x%02x is not ASCII", r.name, r.b)
		case r.b == '\r' || r.b == '\n':
			return fmt.Errorf("csv: the %s is a line end: choose another character", r.name)
		case strings.IndexByte(d.Delimiter, r.b) >= 0:
			return fmt.Errorf("csv: %q is both the %s and part of the delimiter %q: choose different characters", r.b, r.name, d.Delimiter)
		}
		for _, other := range roles[i+1:] {
			if r.b == other.b && other.name != "escape" {
				return fmt.Errorf("csv: %q is both the %s and the %s: choose different characters", r.b, r.name, other.name)
			}
		}
	}
	if d.SkipInitialSpace && d.Quote == ' ' {
		return errors.New("csv: the quote is a space, which skipping initial spaces would drop: switch one of them off")
	}
	return nil
}

// normal returns d with an escape that does nothing removed.
func (d Dialect) normal() Dialect {
	if d.Escape == d.Quote || d.Quote == 0 {
		d.Escape = 0
	}
	return d
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
