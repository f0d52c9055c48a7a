package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/etlportal/etlportal/internal/etl"
)

// part is a compressed file of rows.
type part struct {
	Key  string `json:"key"`
	Rows int64  `json:"rows"`
	Size int64  `json:"size"`
	// Longest is how many bytes the texts of each column have at most; 0 where
	// no size depends on it.
	Longest []int `json:"longest,omitempty"`

	chunk int
}

// measure takes note of how long the texts of a batch are.
func (p *part) measure(b *batch) {
	if p.Longest == nil {
		p.Longest = make([]int, len(b.longest))
	}
	for i, n := range b.longest {
		p.Longest[i] = max(p.Longest[i], n)
	}
}

// parts writes rows into compressed objects, one after the other.
type parts struct {
	r      *Redshift
	prefix string
	// ctx is the session's: a part outlasts the call of Write that begins it.
	ctx context.Context //nolint:containedctx // the uploads are the session's work
	// bytes is the compressed size at which a part ends.
	bytes int64

	done []part
	open *openPart
	// zip is the encoder of all parts, one after the other.
	zip  *zstd.Encoder
	rows int64
}

// openPart is the part that is being written.
type openPart struct {
	part
	pipe  *io.PipeWriter
	sent  int64
	ended chan error
}

// Write counts what is compressed.
func (o *openPart) Write(p []byte) (int, error) {
	n, err := o.pipe.Write(p)
	o.sent += int64(n)
	return n, err
}

// add appends the rows of a batch.
func (p *parts) add(b *batch) error {
	if b.rows == 0 {
		return nil
	}
	if p.open == nil {
		if err := p.start(); err != nil {
			return err
		}
	}
	if _, err := p.zip.Write(b.buf); err != nil {
		return p.broken(err)
	}
	p.open.Rows += int64(b.rows)
	p.open.measure(b)
	p.rows += int64(b.rows)
	if p.open.sent >= p.bytes {
		return p.finish()
	}
	return nil
}

func (p *parts) start() error {
	reader, writer := io.Pipe()
	o := &openPart{part: part{Key: fmt.Sprintf("%spart-%04d.csv.zst", p.prefix, len(p.done))}, pipe: writer, ended: make(chan error, 1)}
	if p.zip == nil {
		var err error
		// A larger window packs rows no better and costs memory.
		if p.zip, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true)); err != nil {
			return err
		}
	}
	p.zip.Reset(o)
	go func() {
		ref, err := p.r.o.Staging.Blobs.Put(p.ctx, o.Key, reader)
		o.Size = ref.Size
		// Who still writes hears why.
		_ = reader.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		o.ended <- err
	}()
	p.open = o
	return nil
}

// broken gives the store's reason for a write that failed.
func (p *parts) broken(err error) error {
	o := p.open
	p.open = nil
	_ = o.pipe.CloseWithError(err)
	if cause := <-o.ended; cause != nil {
		return cause
	}
	return err
}

// finish ends the part under way and waits until it is safe.
func (p *parts) finish() error {
	o := p.open
	if o == nil {
		return nil
	}
	if err := p.zip.Close(); err != nil {
		return p.broken(err)
	}
	p.open = nil
	if err := o.pipe.Close(); err != nil {
		return err
	}
	if err := <-o.ended; err != nil {
		return err
	}
	p.done = append(p.done, o.part)
	return nil
}

// abort gives up the part under way.
func (p *parts) abort() {
	if p.open != nil {
		_ = p.broken(errAborted)
	}
}

var errAborted = errors.New("the load was aborted")

// read gives the rows of a part as CSV.
func (r *Redshift) read(ctx context.Context, key string) (io.ReadCloser, error) {
	body, err := r.open(ctx, key)
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(body)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return &unpacked{d, body}, nil
}

type unpacked struct {
	*zstd.Decoder
	body io.Closer
}

// Close implements io.Closer.
func (u *unpacked) Close() error {
	u.Decoder.Close()
	return u.body.Close()
}

// rowsOf gives the batch behind the port.
func rowsOf(b etl.Batch) (*batch, error) {
	rows, ok := b.(*batch)
	if !ok {
		return nil, defect("a batch of type %T", b)
	}
	return rows, nil
}
