package etltest

import (
	"bufio"
	"errors"
	"io"
)

// copyReader reads a part as COPY reads CSV
// (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html#copy-csv):
// what stands between quotes is taken byte for byte, line ends of any kind, too.
// It is not encoding/csv, which makes \n of \r\n everywhere.
type copyReader struct {
	in *bufio.Reader
	// line is the line that is read, from 1.
	line int64
}

func newCopyReader(in io.Reader) *copyReader {
	return &copyReader{in: bufio.NewReaderSize(in, 1<<16), line: 1}
}

// errQuotes says that quotes do not stand as CSV has them.
var errQuotes = errors.New("a quote is not doubled, or has no end")

// read gives a row and the line at which it begins, io.EOF after the last.
func (r *copyReader) read() (row []string, line int64, err error) {
	line = r.line
	if _, err := r.in.Peek(1); err != nil {
		return nil, line, err
	}
	for {
		field, last, err := r.field()
		if err != nil {
			return nil, line, err
		}
		if row = append(row, field); last {
			return row, line, nil
		}
	}
}

// field reads one, and what ends it; last says that the row ends with it.
func (r *copyReader) field() (field string, last bool, err error) {
	var text []byte
	first, err := r.in.Peek(1)
	quoted := err == nil && first[0] == '"'
	if quoted {
		_, _ = r.in.Discard(1) // it was peeked at
		if text, err = r.quoted(); err != nil {
			return "", false, err
		}
	}
	for before := len(text); ; {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return string(text), true, nil
		case err != nil:
			return "", false, err
		case c == '\n':
			r.line++
			if n := len(text); n > before && text[n-1] == '\r' {
				text = text[:n-1]
			}
			return string(text), true, nil
		case c == '"', quoted && len(text) > before, quoted && c != ',' && c != '\r':
			return "", false, errQuotes
		case c == ',':
			return string(text), false, nil
		}
		text = append(text, c)
	}
}

// quoted reads what is between quotes, and the second of them.
func (r *copyReader) quoted() ([]byte, error) {
	var text []byte
	for {
		more, err := r.in.ReadSlice('"')
		for _, c := range more {
			if c == '\n' {
				r.line++
			}
		}
		text = append(text, more...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil, errQuotes
		case err != nil:
			return nil, err
		}
		if next, err := r.in.Peek(1); err != nil || next[0] != '"' {
			return text[:len(text)-1], nil //nolint:nilerr // what follows tells
		}
		_, _ = r.in.Discard(1) // it was peeked at
	}
}
