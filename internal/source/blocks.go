package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/etlportal/etlportal/internal/etl"
)

// Remote is a file that is read over a network, pinned to one content.
type Remote interface {
	// Size is its length in bytes.
	Size() int64
	// Range reads n bytes from off. Errors, of the body's Read too, are
	// *etl.Error that the caller is shown; what passes was tried again.
	Range(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

const (
	// blockBytes is what one request asks for: much more than a round trip
	// costs, and as long as the spans of a load.
	blockBytes = 1 << 20
	// keptBlocks bounds the memory of a remote file. More are kept only while
	// that many readers read at different places.
	keptBlocks = 10
	// aheadBlocks is how far in front of a reader blocks are asked for, all at a time.
	aheadBlocks = 6
	// mostReaders is how many blocks beyond keptBlocks are kept for readers that are in them.
	mostReaders = 64
	// leftAfter is after how many reads elsewhere a reader will not come back to a block.
	leftAfter = 512
)

// blocks is an io.ReaderAt over a Remote for readers that move forward, each
// through parts of its own. They find the next blocks asked for already, as far
// as no other reader has had them.
type blocks struct {
	remote   Remote
	size     int64
	ctx      context.Context //nolint:containedctx // requests ahead belong to no one reader
	cancel   context.CancelFunc
	fetching sync.WaitGroup

	mu   sync.Mutex
	kept map[int64]*block
	// had are the blocks that were asked for in this pass over the file, a bit each.
	had []uint64
	// pace counts the blocks that readers came to in this pass: a file of which
	// only the beginning is wanted is not asked for far ahead.
	pace int64
	tick int64
	free []byte
}

// block is a piece of the file, there once ready is closed. All else but data
// and err is guarded by blocks.mu.
type block struct {
	ready chan struct{}
	data  []byte
	err   error

	there bool
	// read counts the bytes that were given to readers in this pass.
	read  int
	pins  int
	used  int64
	stale bool
}

// newBlocks reads r until close, or until ctx ends.
func newBlocks(ctx context.Context, r Remote) *blocks {
	ctx, cancel := context.WithCancel(ctx)
	size := r.Size()
	return &blocks{remote: r, size: size, ctx: ctx, cancel: cancel, kept: map[int64]*block{}, had: make([]uint64, (size/blockBytes)/64+1)}
}

// close ends every request.
func (r *blocks) close() {
	r.cancel()
	r.fetching.Wait()
}

// ReadAt implements io.ReaderAt.
func (r *blocks) ReadAt(p []byte, off int64) (int, error) { return r.readAt(r.ctx, p, off) }

// readAt is ReadAt that gives up with ctx.
func (r *blocks) readAt(ctx context.Context, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off >= r.size {
			return n, io.EOF
		}
		b := r.pin(off / blockBytes)
		select {
		case <-b.ready:
		case <-ctx.Done():
			r.unpin(b, 0)
			return n, context.Cause(ctx)
		}
		if b.err != nil {
			r.unpin(b, 0)
			return n, b.err
		}
		k := copy(p[n:], b.data[off%blockBytes:])
		r.unpin(b, k)
		n, off = n+k, off+int64(k)
	}
	return n, nil
}

// again begins another pass over the file.
func (r *blocks) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restart()
}

func (r *blocks) restart() {
	clear(r.had)
	r.pace = 0
	for _, b := range r.kept {
		b.read, b.stale = 0, true
	}
}

// pin gives a block, which may still be on its way, and keeps it until unpin.
func (r *blocks) pin(i int64) *block {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.kept[i]
	if b == nil {
		if r.had[i/64]&(1<<(i%64)) != 0 {
			// Somebody reads once more what was read and let go.
			r.restart()
		}
		b = r.fetch(i, r.room(true))
	}
	if b.read == 0 {
		r.pace++
	}
	r.tick++
	b.used, b.stale = r.tick, false
	b.pins++
	r.had[i/64] |= 1 << (i % 64)
	for next := i + 1; next <= i+min(aheadBlocks, r.pace) && next*blockBytes < r.size; next++ {
		if r.kept[next] != nil || r.had[next/64]&(1<<(next%64)) != 0 {
			continue
		}
		into := r.room(false)
		if into == nil {
			break
		}
		r.fetch(next, into)
	}
	return b
}

func (r *blocks) unpin(b *block, read int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.pins--
	b.read += read
}

// room gives memory for a block: that of one that is of no more use, else new
// memory. It is nil where a block that will only be wanted soon has to wait.
func (r *blocks) room(now bool) []byte {
	for len(r.kept) >= keptBlocks {
		data := r.evict()
		if data == nil {
			break
		}
		r.free = data
	}
	if len(r.kept) >= keptBlocks && !now {
		return nil
	}
	data := r.free
	if r.free = nil; data == nil {
		data = make([]byte, blockBytes)
	}
	return data
}

// evict lets go of the block that is longest of no more use, and gives its
// memory; nil where there is none. Of use are those that are asked for ahead, and
// those that a reader is in.
func (r *blocks) evict() []byte {
	crowded := len(r.kept) >= keptBlocks+mostReaders
	best := int64(-1)
	for i, b := range r.kept {
		read := b.stale || b.read >= len(b.data) || b.read > 0 && (crowded || r.tick-b.used > leftAfter)
		if b.there && b.pins == 0 && read && (best < 0 || b.used < r.kept[best].used) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	data := r.kept[best].data
	delete(r.kept, best)
	return data[:blockBytes]
}

// fetch asks for a block.
func (r *blocks) fetch(i int64, into []byte) *block {
	b := &block{ready: make(chan struct{}), used: r.tick}
	r.kept[i] = b
	r.had[i/64] |= 1 << (i % 64)
	r.fetching.Go(func() {
		data := into[:min(blockBytes, r.size-i*blockBytes)]
		err := r.get(data, i*blockBytes)
		r.mu.Lock()
		defer r.mu.Unlock()
		b.data, b.err, b.there = data, err, true
		if err != nil {
			// Whoever comes next asks anew.
			delete(r.kept, i)
			r.had[i/64] &^= 1 << (i % 64)
		}
		close(b.ready)
	})
	return b
}

func (r *blocks) get(p []byte, off int64) error {
	body, err := r.remote.Range(r.ctx, off, int64(len(p)))
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &etl.Error{
			Kind: etl.Weather, Code: "read_failed", Err: err, Fix: "Run it again",
			Message: fmt.Sprintf("the store ended the file at byte %d of %d", off+int64(n), r.size),
		}
	}
	return err
}
