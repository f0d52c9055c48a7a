package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/plan"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// The paths of a run.
const (
	// PathDirect is one transaction into the table.
	PathDirect = "direct"
	// PathFanOut is many loaders into a stage, published in one transaction.
	PathFanOut = "fan-out"
)

// work is what every step of a run needs: all of it follows from what the run
// froze and from the table as it is.
type work struct {
	run     *etl.Run
	dest    etl.FanOut
	program *transform.Program
	spec    etl.LoadSpec
	names   []string
	matches []transform.Match
	object  *object
}

// prepare compiles a run's mapping for its destination.
func (s *Steps) prepare(ctx context.Context, run *etl.Run) (*work, error) {
	dest, err := s.destination(ctx, run)
	if err != nil {
		return nil, err
	}
	w := &work{run: run, dest: dest, object: &object{blobs: s.Blobs, ref: run.Object}}
	job := &run.Job
	sources := make([]transform.Source, len(run.Sources))
	for i, c := range run.Sources {
		sources[i] = transform.Source{Name: c.Name, Type: c.Type, Format: c.Format, NullWords: c.NullWords, MaxBytes: c.MaxBytes}
		w.names = append(w.names, c.Name)
	}
	src, err := s.Store.Source(ctx, run.FileID)
	if err != nil {
		return nil, err
	}
	options, err := OptionsOf(src)
	if err != nil {
		return nil, err
	}
	// Every chunk's rows see the same time, however late they are loaded.
	o := transform.Options{Location: options.Sniff.Location, Now: run.CreatedAt}
	m := job.Mapping
	var table *schema.Table
	create := job.CreateTable && !run.Adopted
	if create {
		if len(m.Columns) == 0 {
			m.Columns = createMapping(sources).Columns
		}
		if w.program, err = transform.Compile(m, sources, nil, o); err != nil {
			return nil, err
		}
		table = &schema.Table{Schema: job.Schema, Name: job.Table, Columns: w.program.Columns(), Options: job.TableOptions}
		if job.Strategy == etl.Upsert {
			table.Unique = []schema.Index{{Columns: job.UpsertKeys, Primary: true}}
		}
	} else {
		if table, err = dest.Table(ctx, job.Schema, job.Table); err != nil {
			return nil, err
		}
		if len(m.Columns) == 0 {
			auto, matches, err := transform.AutoMap(sources, table)
			if err != nil {
				return nil, err
			}
			m.Columns, w.matches = auto.Columns, matches
		}
		if w.program, err = transform.Compile(m, sources, table.Columns, o); err != nil {
			return nil, err
		}
	}
	w.spec = etl.LoadSpec{
		Table: table, Columns: w.program.Columns(), Create: create, Strategy: job.Strategy,
		Keys: job.UpsertKeys, DuplicateKeys: job.DuplicateKeys, SkipRefused: m.OnBadRow.Mode == "skip",
	}
	return w, nil
}

// csv are the options that records of the run's file are read with.
func (w *work) csv() csv.Options {
	return csv.Options{Width: len(w.names), Encoding: w.run.Encoding}
}

// open reads the records of a chunk, numbered as in the file. verify, to be
// called at the end, proves that the chunk was what the plan says, and ends the request.
func (w *work) open(ctx context.Context, span csv.Span) (r *csv.Reader, verify func() error, err error) {
	o := w.csv()
	o.Start.Record = firstRecord(span, w.run.Dialect)
	at := w.object.at(ctx, span.Start)
	r, proof, err := plan.Open(at, span, w.run.Encoding, w.run.Dialect, o)
	if err != nil {
		at.close()
		return nil, nil, err
	}
	return r, func() error { defer at.close(); return proof() }, nil
}

// firstRecord numbers a span's first record, 0 where the file's header comes
// first. Rows count blank lines too: after them numbers have gaps, but are
// those of the file order, which decides between duplicates.
func firstRecord(span csv.Span, d csv.Dialect) int64 {
	if span.FirstRow == 0 {
		return 0
	}
	return max(span.FirstRow+1-int64(d.Header), 1)
}

// object is a pinned object of the store as plan reads files.
type object struct {
	blobs etl.Blobs
	ref   etl.ObjectRef
}

// at gives an io.ReaderAt for one reader that moves forward from an offset: it
// keeps one ranged GET open and starts another only where the reader jumps.
func (o *object) at(ctx context.Context, from int64) *cursor {
	return &cursor{ctx: ctx, o: o, next: from}
}

type cursor struct {
	ctx  context.Context //nolint:containedctx // ReadAt has no context of its own
	o    *object
	body io.ReadCloser
	next int64
}

// ReadAt implements io.ReaderAt for one goroutine.
func (c *cursor) ReadAt(p []byte, off int64) (int, error) {
	if off >= c.o.ref.Size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), c.o.ref.Size-off)
	if c.body != nil && c.next != off {
		c.close()
	}
	if c.body == nil {
		body, err := c.o.blobs.Range(c.ctx, c.o.ref, off, c.o.ref.Size-off)
		if err != nil {
			return 0, err
		}
		c.body, c.next = body, off
	}
	n, err := io.ReadFull(c.body, p[:want])
	c.next += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = &etl.Error{
			Kind: etl.Weather, Code: "read_failed", Fix: "Try again.", Err: err,
			Message: fmt.Sprintf("the object store ended the file at byte %d of %d", off+int64(n), c.o.ref.Size),
		}
	}
	if err != nil {
		c.close()
		return n, err
	}
	if int64(n) < int64(len(p)) {
		return n, io.EOF
	}
	return n, nil
}

func (c *cursor) close() {
	if c.body != nil {
		// The next read asks anew, whatever becomes of this body.
		_ = c.body.Close()
		c.body = nil
	}
}

// openRequests is how many requests a scan of several ranges keeps open.
const openRequests = 8

// ranges reads an object for several goroutines, each of which moves forward
// through ranges of its own: a request stays open until nobody reads on from it.
type ranges struct {
	ctx  context.Context //nolint:containedctx // ReadAt has no context of its own
	o    *object
	mu   sync.Mutex
	idle []*cursor
}

// ReadAt implements io.ReaderAt.
func (r *ranges) ReadAt(p []byte, off int64) (int, error) {
	c := r.take(off)
	n, err := c.ReadAt(p, off)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
	if len(r.idle) > openRequests {
		r.idle[0].close()
		r.idle = r.idle[1:]
	}
	return n, err
}

func (r *ranges) take(off int64) *cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.idle {
		if c.next == off {
			r.idle = slices.Delete(r.idle, i, i+1)
			return c
		}
	}
	return r.o.at(r.ctx, off)
}

func (r *ranges) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.idle {
		c.close()
	}
	r.idle = nil
}

// find looks refused rows, whose lines alone are known, up in the file and gives
// them with their fields, as many as are kept: of their bytes, keptRejects. Those
// behind one that is not found are as they were.
func (w *work) find(ctx context.Context, chunks []etl.Chunk, refused *etl.Rejects) (found *etl.Rejects, err error) {
	found = &etl.Rejects{}
	l := &lookup{work: w, chunks: chunks}
	defer l.close()
	room := int64(keptRejects)
	for bad, unread := range refused.All() {
		if unread != nil {
			return found, errors.Join(err, unread)
		}
		if err == nil {
			err = l.fill(ctx, &bad)
		}
		if room -= bad.Bytes(); room < 0 && err == nil {
			return found, nil
		}
		if full := found.Add(&bad); full != nil {
			return found, errors.Join(err, full)
		}
	}
	return found, err
}

// lookup reads a file's chunks for rows whose lines come in their order.
type lookup struct {
	*work
	chunks []etl.Chunk
	r      *csv.Reader
	cancel context.CancelFunc
}

// fill reads the row of a line, in the chunk that has it.
func (l *lookup) fill(ctx context.Context, bad *etl.Reject) error {
	for len(l.chunks) > 1 && bad.Line >= l.chunks[1].Span.FirstLine {
		l.close()
		l.chunks = l.chunks[1:]
	}
	if l.r == nil {
		reading, cancel := context.WithCancel(ctx)
		r, _, err := l.open(reading, l.chunks[0].Span)
		if err != nil {
			cancel()
			return err
		}
		l.r, l.cancel = r, cancel
	}
	for {
		rec, err := l.r.Read()
		if err != nil {
			return fmt.Errorf("line %d, which the database refused, is not found again: %w", bad.Line, err)
		}
		if rec.Pos.Line < bad.Line {
			continue
		}
		bad.Record, bad.Raw = rec.Pos.Record, rec.Raw
		bad.Fields = make([]string, len(rec.Fields))
		for k, f := range rec.Fields {
			bad.Fields[k] = string(f)
		}
		return nil
	}
}

// close ends the request of a chunk, which is not read to its end.
func (l *lookup) close() {
	if l.r != nil {
		l.cancel()
		l.r, l.cancel = nil, nil
	}
}
