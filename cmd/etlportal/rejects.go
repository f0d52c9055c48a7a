package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// rejectFile receives bad rows as CSV in their own columns plus _line,
// _column and _reason. It is written beside its name and renamed when it is
// complete, so that a file of that name always is.
type rejectFile struct {
	path    string
	columns func() []string
	file    *os.File
	buf     *bufio.Writer
	csv     *csv.Writer
	row     [][]byte
	width   int
	failed  bool
}

func (r *rejectFile) write(bad *etl.Reject) error {
	if r.file == nil {
		if err := r.start(); err != nil {
			return err
		}
	}
	r.row = r.row[:0]
	if bad.Fields == nil {
		r.row = append(r.row, bad.Raw)
	}
	for i, f := range bad.Fields {
		if i >= r.width && r.width > 0 {
			// A row that is too long keeps all it had, and its neighbours their columns.
			last := &r.row[r.width-1]
			*last = append(append(*last, ','), f...)
			continue
		}
		r.row = append(r.row, []byte(f))
	}
	for len(r.row) < r.width {
		r.row = append(r.row, nil)
	}
	r.row = append(r.row, strconv.AppendInt(nil, bad.Line, 10), []byte(bad.Column), []byte(bad.Reason))
	return r.wrap(r.csv.Write(r.row, nil))
}

func (r *rejectFile) start() error {
	f, err := os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*.part")
	if err != nil {
		return r.wrap(err)
	}
	r.file = f
	return r.begin()
}

func (r *rejectFile) begin() error {
	r.buf = bufio.NewWriter(r.file)
	r.csv = csv.NewWriter(r.buf)
	r.row = r.row[:0]
	names := r.columns()
	r.width = len(names)
	for _, n := range names {
		r.row = append(r.row, []byte(n))
	}
	r.row = append(r.row, []byte("_line"), []byte("_column"), []byte("_reason"))
	return r.wrap(r.csv.Write(r.row, nil))
}

// restart forgets what was written.
func (r *rejectFile) restart() error {
	if r.file == nil {
		return nil
	}
	if _, err := r.file.Seek(0, 0); err != nil {
		return r.wrap(err)
	}
	if err := r.file.Truncate(0); err != nil {
		return r.wrap(err)
	}
	return r.begin()
}

// close puts the file into place. A load without bad rows leaves a file with
// the header only, so that an old one is not taken for its result.
func (r *rejectFile) close() error {
	if r.path == "" || r.failed || r.file == nil && r.columns() == nil {
		return nil
	}
	if r.file == nil {
		if err := r.start(); err != nil {
			return err
		}
	}
	err := errors.Join(r.csv.Flush(), r.buf.Flush(), r.file.Chmod(0o644), r.file.Close())
	if err == nil {
		err = os.Rename(r.file.Name(), r.path)
	}
	return r.wrap(err)
}

// wrap explains a failed write, and leaves nothing half-written.
func (r *rejectFile) wrap(err error) error {
	if err == nil {
		return nil
	}
	r.failed = true
	if r.file != nil {
		err = errors.Join(err, r.file.Close(), os.Remove(r.file.Name()))
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "cannot_write", Message: fmt.Sprintf("the rejects file %s cannot be written: %v", r.path, err),
		Fix: "Name a file in a folder with room that you can write to", Err: err,
	}
}
