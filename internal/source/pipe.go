package source

import (
	"context"
	"io"
)

// pipeChunk is how much is read from a pipe at a time.
const pipeChunk = 128 << 10

// pipeReader reads a pipe so that a cancelled context ends a read that waits
// for data; a system call cannot be interrupted, so it is left to finish on
// its own and what it brings is kept for the next read.
type pipeReader struct {
	r       io.Reader
	buf     []byte
	rest    []byte
	err     error
	waiting chan result
}

type result struct {
	n   int
	err error
}

func (p *pipeReader) read(ctx context.Context, b []byte) (int, error) {
	if len(p.rest) == 0 && p.err == nil {
		if p.waiting == nil {
			if p.buf == nil {
				p.buf = make([]byte, pipeChunk)
			}
			done := make(chan result, 1)
			p.waiting = done
			go func() {
				n, err := p.r.Read(p.buf)
				done <- result{n, err}
			}()
		}
		select {
		case got := <-p.waiting:
			p.waiting, p.rest, p.err = nil, p.buf[:got.n], got.err
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// readerFunc is a Read method.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readerAtFunc is a ReadAt method.
type readerAtFunc func([]byte, int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }
