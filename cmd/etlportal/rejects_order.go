package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"strconv"
)

// rejectRows are written rows in the order of their lines.
type rejectRows struct {
	in *bufio.Reader
	// width is how many fields are before the one with the line.
	width int
	row   []byte
	line  int64
	ended bool
}

// next goes on to the next row.
func (r *rejectRows) next() error {
	r.row = r.row[:0]
	for quotes := 0; ; {
		more, err := r.in.ReadSlice('\n')
		r.row = append(r.row, more...)
		quotes += bytes.Count(more, []byte{'"'})
		switch {
		case errors.Is(err, io.EOF) && len(r.row) == 0:
			r.ended = true
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		case err == nil && quotes%2 == 0:
			return r.number()
		}
	}
}

// number finds the row's line.
func (r *rejectRows) number() error {
	at, fields, quoted := 0, 0, false
	for ; at < len(r.row) && fields < r.width; at++ {
		switch {
		case r.row[at] == '"':
			quoted = !quoted
		case r.row[at] == ',' && !quoted:
			fields++
		}
	}
	end := bytes.IndexByte(r.row[at:], ',')
	if end < 0 {
		return io.ErrUnexpectedEOF
	}
	var err error
	r.line, err = strconv.ParseInt(string(r.row[at:at+end]), 10, 64)
	return err
}

// ordered copies file, whose rows are in the order of their lines up to an
// offset and again from there on, into one where all are.
func (r *rejectFile) ordered(file *os.File) (*os.File, error) {
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return file, err
	}
	out, err := r.part("-ordered")
	if err != nil {
		return file, err
	}
	if err := r.merge(out, io.NewSectionReader(file, r.header, r.second-r.header), io.NewSectionReader(file, r.second, end-r.second), io.NewSectionReader(file, 0, r.header)); err != nil {
		return file, errors.Join(err, out.Close(), os.Remove(out.Name()))
	}
	return out, errors.Join(file.Close(), os.Remove(file.Name()))
}

// merge writes the header, then the rows of two lists by their lines.
func (r *rejectFile) merge(to io.Writer, a, b, header io.Reader) error {
	out := bufio.NewWriter(to)
	if _, err := io.Copy(out, header); err != nil {
		return err
	}
	first, second := &rejectRows{in: bufio.NewReader(a), width: r.width}, &rejectRows{in: bufio.NewReader(b), width: r.width}
	if err := cmp.Or(first.next(), second.next()); err != nil {
		return err
	}
	for !first.ended || !second.ended {
		from := first
		if first.ended || !second.ended && second.line < first.line {
			from = second
		}
		if _, err := out.Write(from.row); err != nil {
			return err
		}
		if err := from.next(); err != nil {
			return err
		}
	}
	return out.Flush()
}
