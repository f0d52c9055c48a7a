package etl

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// rejectsHeld is how many bytes of Rejects are in memory at most, beside those
// of one row.
const rejectsHeld = 1 << 20

// Rejects are bad rows by their lines, however many, in bounded memory: beyond a
// mebibyte they are in a temporary file, which goes with Close and, where the
// system allows it, with the process. The zero value is empty; so is nil, which
// takes none. Its methods are for one goroutine at a time.
type Rejects struct {
	// Most bounds the bytes of values, reasons and rows that are kept; rows beyond
	// it are counted only. 0 is no bound.
	Most int64

	count, bytes int64
	first        *Reject
	// buf are rows that are not in the file yet, and at is where they begin.
	buf  []byte
	at   []placed
	file *os.File
	// linked says that the file must be removed by its name.
	linked bool
	// runs are parts of the file whose rows are in order.
	runs []sortedRun
	size int64
}

// placed is where the row of a line begins.
type placed struct {
	line int64
	from int
}

// sortedRun is from one offset of a file to another, whose last row has that line.
type sortedRun struct{ from, to, last int64 }

// Add takes a row, whose memory it does not keep. Its error is a Mistake where
// there is no room for a temporary file.
func (l *Rejects) Add(r *Reject) error {
	l.count++
	if l.first == nil || r.Line < l.first.Line {
		one := *r
		one.Fields, one.Raw = nil, nil
		l.first = &one
	}
	if l.Most != 0 && l.bytes >= l.Most {
		return nil
	}
	l.bytes += r.Bytes()
	l.at = append(l.at, placed{r.Line, len(l.buf)})
	l.buf = appendReject(l.buf, r)
	if len(l.buf) < rejectsHeld {
		return nil
	}
	return l.spill()
}

// AddAll takes the rows of others.
func (l *Rejects) AddAll(others *Rejects) error {
	kept := int64(0)
	for r, err := range others.All() {
		if err != nil {
			return err
		}
		if err := l.Add(&r); err != nil {
			return err
		}
		kept++
	}
	l.Count(others.Len() - kept)
	return nil
}

// Count counts n rows of which nothing more is known.
func (l *Rejects) Count(n int64) { l.count += n }

// Len is how many rows it was given, also those that are counted only.
func (l *Rejects) Len() int64 {
	if l == nil {
		return 0
	}
	return l.count
}

// First is the row with the lowest line, without Fields and Raw; nil where there is none.
func (l *Rejects) First() *Reject {
	if l == nil {
		return nil
	}
	return l.first
}

// All gives the rows that are kept by their lines, those of one line in the order
// in which they came. It may be repeated; an error is the last that it gives.
func (l *Rejects) All() iter.Seq2[Reject, error] {
	return func(yield func(Reject, error) bool) {
		if l == nil || l.count == 0 {
			return
		}
		m := make(merge, 0, len(l.runs)+1)
		const least, most = 4 << 10, 64 << 10
		size := min(max(rejectsHeld/(len(l.runs)+1), least), most)
		for _, run := range l.runs {
			m = append(m, &rejectReader{in: bufio.NewReaderSize(io.NewSectionReader(l.file, run.from, run.to-run.from), size), rank: len(m)})
		}
		m = append(m, &rejectReader{in: bufio.NewReader(bytes.NewReader(l.ordered())), rank: len(m)})
		open := m[:0]
		for _, r := range m {
			more, err := r.read()
			if err != nil {
				yield(Reject{}, err)
				return
			}
			if more {
				open = append(open, r)
			}
		}
		for heap.Init(&open); len(open) > 0; {
			least := open[0]
			if !yield(least.row, nil) {
				return
			}
			more, err := least.read()
			switch {
			case err != nil:
				yield(Reject{}, err)
				return
			case more:
				heap.Fix(&open, 0)
			default:
				heap.Pop(&open)
			}
		}
	}
}

// Close gives the temporary file back; the rows are gone then. It may be repeated.
func (l *Rejects) Close() error {
	if l == nil {
		return nil
	}
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	if l.linked {
		err = errors.Join(err, os.Remove(l.file.Name()))
	}
	*l = Rejects{Most: l.Most}
	return err
}

// ordered are the rows that are not in the file by their lines.
func (l *Rejects) ordered() []byte {
	byLine := func(a, b placed) int { return cmp.Compare(a.line, b.line) }
	if slices.IsSortedFunc(l.at, byLine) {
		return l.buf
	}
	ends := make(map[int]int, len(l.at))
	for i := range l.at {
		if ends[l.at[i].from] = len(l.buf); i+1 < len(l.at) {
			ends[l.at[i].from] = l.at[i+1].from
		}
	}
	slices.SortStableFunc(l.at, byLine)
	out := make([]byte, 0, len(l.buf))
	for i := range l.at {
		from := len(out)
		out = append(out, l.buf[l.at[i].from:ends[l.at[i].from]]...)
		l.at[i].from = from
	}
	l.buf = out
	return l.buf
}

// spill moves the rows in memory to the file.
func (l *Rejects) spill() error {
	if l.file == nil {
		file, err := os.CreateTemp("", "etlportal-rejects-*")
		if err != nil {
			return noRoom(err, "")
		}
		// Unlinked at once where the system allows it, so that not even a crash leaves it behind.
		l.file, l.linked = file, os.Remove(file.Name()) != nil
	}
	if _, err := l.file.WriteAt(l.ordered(), l.size); err != nil {
		return noRoom(err, l.file.Name())
	}
	run := sortedRun{l.size, l.size + int64(len(l.buf)), l.at[len(l.at)-1].line}
	if n := len(l.runs); n > 0 && l.runs[n-1].last <= l.at[0].line {
		l.runs[n-1].to, l.runs[n-1].last = run.to, run.last
	} else {
		l.runs = append(l.runs, run)
	}
	l.size, l.buf, l.at = run.to, l.buf[:0], l.at[:0]
	return nil
}

// noRoom explains a temporary file that cannot be made or written.
func noRoom(err error, name string) error {
	e := &Error{
		Kind: Mistake, Code: "no_temp_space", Err: err, Message: fmt.Sprintf("the bad rows must be kept in a temporary file, which cannot be made: %v", err),
		Fix: "Set TMPDIR to a folder that you can write to",
	}
	if errors.Is(err, syscall.ENOSPC) {
		e.Code, e.Message, e.Fix = "disk_full", "no space left for the bad rows in "+filepath.Dir(name), "Set TMPDIR to a folder with more room, or allow fewer bad rows"
	}
	return e
}

// Bytes is about how many bytes the row's texts take.
func (r *Reject) Bytes() int64 {
	size := len(r.Raw) + len(r.Value) + len(r.Reason)
	for _, f := range r.Fields {
		size += len(f) + 16
	}
	return int64(size)
}

// merge is a heap of readers by the line of the next row.
type merge []*rejectReader

// Len implements heap.Interface, as do the others.
func (m merge) Len() int { return len(m) }

// Less orders by line, then by who came first.
func (m merge) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(m[i].row.Line, m[j].row.Line), cmp.Compare(m[i].rank, m[j].rank)) < 0
}

// Swap swaps two.
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }

// Push is never called.
func (*merge) Push(any) {}

// Pop drops the last.
func (m *merge) Pop() any {
	last := len(*m) - 1
	r := (*m)[last]
	*m = (*m)[:last]
	return r
}

// rejectReader reads a run.
type rejectReader struct {
	in   *bufio.Reader
	buf  []byte
	rank int
	row  Reject
}

// read reads the next row; more is false at the end.
func (r *rejectReader) read() (more bool, err error) {
	n, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err == nil && n > math.MaxInt32 {
		err = errRejects
	}
	if err != nil {
		return false, err
	}
	r.buf = slices.Grow(r.buf[:0], int(n))[:n]
	if _, err := io.ReadFull(r.in, r.buf); err != nil {
		return false, err
	}
	r.row, err = decodeReject(r.buf)
	return err == nil, err
}

// appendReject writes a row with its length before it.
func appendReject(to []byte, r *Reject) []byte {
	size := len(r.Raw) + len(r.Column) + len(r.Value) + len(r.Code) + len(r.Reason) + 8*binary.MaxVarintLen64
	for _, f := range r.Fields {
		size += len(f) + binary.MaxVarintLen64
	}
	row := make([]byte, 0, size)
	row = binary.AppendVarint(row, r.Line)
	row = binary.AppendVarint(row, r.Record)
	for _, text := range [...]string{r.Column, r.Value, string(r.Code), r.Reason} {
		row = append(binary.AppendUvarint(row, uint64(len(text))), text...)
	}
	// 0 is what is nil.
	if r.Fields == nil {
		row = append(row, 0)
	} else {
		row = binary.AppendUvarint(row, uint64(len(r.Fields))+1)
	}
	for _, f := range r.Fields {
		row = append(binary.AppendUvarint(row, uint64(len(f))), f...)
	}
	if r.Raw == nil {
		row = append(row, 0)
	} else {
		row = append(binary.AppendUvarint(row, uint64(len(r.Raw))+1), r.Raw...)
	}
	return append(binary.AppendUvarint(to, uint64(len(row))), row...)
}

// errRejects is of a temporary file that something else has written to.
var errRejects = &Error{Kind: Internal, Code: "rejects_damaged", Message: "the temporary file of bad rows is damaged"}

// decodeReject reads what appendReject wrote.
func decodeReject(row []byte) (r Reject, err error) {
	text := string(row) // all texts are parts of it
	number := func(read func([]byte) (int64, int)) int64 {
		n, used := read(row[len(row)-len(text):])
		if used <= 0 {
			err = errRejects
			return 0
		}
		text = text[used:]
		return n
	}
	unsigned := func(b []byte) (int64, int) {
		n, used := binary.Uvarint(b)
		if n > math.MaxInt32 {
			return 0, 0
		}
		return int64(n), used
	}
	take := func(n int64) string {
		if n < 0 || n > int64(len(text)) {
			err = errRejects
			return ""
		}
		taken := text[:n]
		text = text[n:]
		return taken
	}
	r.Line, r.Record = number(binary.Varint), number(binary.Varint)
	r.Column, r.Value, r.Code, r.Reason = take(number(unsigned)), take(number(unsigned)), Code(take(number(unsigned))), take(number(unsigned))
	switch n := number(unsigned); {
	case n > int64(len(text))+1:
		return r, errRejects
	case n > 0:
		r.Fields = make([]string, n-1)
	}
	for i := range r.Fields {
		r.Fields[i] = take(number(unsigned))
	}
	if n := number(unsigned); n > 0 {
		r.Raw = []byte(take(n - 1))
	}
	return r, err
}
