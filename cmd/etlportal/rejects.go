package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// rejectFile receives bad rows as CSV in their own columns plus
// etl.RejectColumns, by their lines. A regular file is written beside its name
// and renamed when it is complete, so that a file of that name always is; into a
// device or a pipe the rows go directly, those that the database refused last.
type rejectFile struct {
	path string
	// direct says that path is no regular file.
	direct  bool
	columns func() []string
	file    *os.File
	buf     *bufio.Writer
	csv     *csv.Writer
	row     [][]byte
	width   int
	rows    int
	// last is the line of the row that was written last; header and second are
	// where the rows begin, and where those that the database refused begin
	// anew before it, 0 where they do not.
	last, header, second int64
}

// newRejectFile checks that path can be written and is not the input.
func newRejectFile(path, input string) (*rejectFile, error) {
	r := &rejectFile{path: path}
	if path == "" {
		return r, nil
	}
	if path == "-" {
		return nil, usagef("--rejects takes the name of a file, not -; /dev/stderr shows them on the terminal")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, r.explain(err)
	case info.IsDir():
		return nil, usagef("--rejects %s is a directory. Name a file in it", path)
	case !info.Mode().IsRegular():
		r.direct = true
		return r, nil
	default:
		if source, err := os.Stat(input); err == nil && os.SameFile(info, source) {
			return nil, usagef("--rejects %s is the file that is loaded. Name another one", path)
		}
		// A link stays one, and its target is what is written.
		if r.path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, r.explain(err)
		}
	}
	// Whether the folder takes a file is known only by making one.
	probe, err := os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*.part")
	if err != nil {
		return nil, r.explain(err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, r.explain(err)
	}
	return r, nil
}

func (r *rejectFile) write(bad *etl.Reject) error {
	if r.file == nil {
		if err := r.start(); err != nil {
			return err
		}
	}
	if bad.Line < r.last && r.second == 0 && !r.direct {
		var err error
		if r.second, err = r.offset(); err != nil {
			return err
		}
	}
	r.rows++
	r.last = bad.Line
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
	return r.fail(r.csv.Write(r.row, nil))
}

func (r *rejectFile) start() error {
	var err error
	if r.direct {
		r.file, err = os.OpenFile(r.path, os.O_WRONLY, 0)
	} else {
		r.file, err = r.part("")
	}
	if err != nil {
		r.file = nil
		return r.explain(err)
	}
	return r.begin()
}

// part makes a file beside the one that it becomes, anew, so that the user's
// umask decides who may read it.
func (r *rejectFile) part(which string) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("%s.%d%s.part", r.path, os.Getpid(), which), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666) //nolint:gosec // as every program makes its output files
}

func (r *rejectFile) begin() error {
	r.rows, r.last, r.second = 0, 0, 0
	r.buf = bufio.NewWriter(r.file)
	r.csv = csv.NewWriter(r.buf)
	r.row = r.row[:0]
	names := r.columns()
	r.width = len(names)
	for _, n := range names {
		r.row = append(r.row, []byte(n))
	}
	for _, n := range etl.RejectColumns {
		r.row = append(r.row, []byte(n))
	}
	if err := r.csv.Write(r.row, nil); err != nil || r.direct {
		return r.fail(err)
	}
	var err error
	r.header, err = r.offset()
	return err
}

// offset is where the next row goes.
func (r *rejectFile) offset() (int64, error) {
	err := errors.Join(r.csv.Flush(), r.buf.Flush())
	if err != nil {
		return 0, r.fail(err)
	}
	at, err := r.file.Seek(0, io.SeekCurrent)
	return at, r.fail(err)
}

// restart forgets what was written.
func (r *rejectFile) restart() error {
	if r.file == nil || r.direct {
		return nil
	}
	if _, err := r.file.Seek(0, 0); err != nil {
		return r.fail(err)
	}
	if err := r.file.Truncate(0); err != nil {
		return r.fail(err)
	}
	return r.begin()
}

// flush brings what was written so far to the disk, before the rows that were
// not rejected become visible.
func (r *rejectFile) flush() error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.csv.Flush(), r.buf.Flush())
	if err == nil && !r.direct {
		err = r.file.Sync()
	}
	return r.fail(err)
}

// close puts the file into place. A load that succeeds without bad rows leaves
// a file with the header only, so that an old one is not taken for its result;
// one that fails without any leaves the old one.
func (r *rejectFile) close(done bool) error {
	if r.path == "" || r.columns() == nil {
		return nil
	}
	if r.file == nil {
		if !done {
			return nil
		}
		if err := r.start(); err != nil {
			return err
		}
	}
	if !done && r.rows == 0 {
		return r.fail(errNotWanted)
	}
	if err := errors.Join(r.csv.Flush(), r.buf.Flush()); err != nil {
		return r.fail(err)
	}
	if r.second > 0 {
		var err error
		if r.file, err = r.ordered(r.file); err != nil {
			return r.fail(err)
		}
	}
	file := r.file
	r.file = nil
	err := file.Close()
	if err == nil && !r.direct {
		err = os.Rename(file.Name(), r.path)
	}
	return r.explain(err)
}

// errNotWanted makes fail remove the unfinished file and nothing else.
var errNotWanted = errors.New("not wanted")

// fail explains a failed write, and leaves nothing half-written.
func (r *rejectFile) fail(err error) error {
	if err == nil || r.file == nil {
		return r.explain(err)
	}
	file := r.file
	r.file, r.path = nil, ""
	failure := &rejectFile{path: file.Name()}
	if !r.direct {
		failure.path = trimPart(file.Name())
		// What is left of it is of no use; the first error is the one that counts.
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	if errors.Is(err, errNotWanted) {
		return nil
	}
	return failure.explain(err)
}

// trimPart is the name that an unfinished file would have got.
func trimPart(name string) string {
	for range 2 {
		name = name[:len(name)-len(filepath.Ext(name))]
	}
	return name
}

func (r *rejectFile) explain(err error) error {
	if err == nil {
		return nil
	}
	cause := err
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		cause = path.Err
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "cannot_write", Message: fmt.Sprintf("the rejects file %s cannot be written: %v", r.path, cause),
		Fix: "Name a file in a folder with room that you can write to", Err: err,
	}
}
