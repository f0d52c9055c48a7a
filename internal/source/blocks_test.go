package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// elsewhere is a Remote in memory.
type elsewhere struct {
	content []byte
	// before is asked ahead of every request; its error is the answer.
	before func(off int64) error

	mu    sync.Mutex
	asked map[int64]int
	bytes int64
	under atomic.Int64
}

func (e *elsewhere) Size() int64 { return int64(len(e.content)) }

func (e *elsewhere) Range(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	e.under.Add(1)
	e.mu.Lock()
	if e.asked == nil {
		e.asked = map[int64]int{}
	}
	e.asked[off]++
	e.bytes += n
	e.mu.Unlock()
	var err error
	if e.before != nil {
		err = e.before(off)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		e.under.Add(-1)
		return nil, err
	}
	return &remoteBody{bytes.NewReader(e.content[off : off+n]), e}, nil
}

type remoteBody struct {
	io.Reader

	e *elsewhere
}

func (b *remoteBody) Close() error {
	b.e.under.Add(-1)
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func openRemote(t *testing.T, e *elsewhere) *Source {
	t.Helper()
	s, err := OpenRemote(t.Context(), "far", e, Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.Zero(t, e.under.Load(), "requests are left open")
	})
	return s
}

// Readers that move forward as one front, or each through a part of its own, ask for each byte once.
func TestEachBlockIsAskedForOnce(t *testing.T) {
	const blocks = 30
	content := random(blocks*blockBytes + 12345)
	for name, c := range map[string]struct {
		span    int64
		readers int
	}{
		"a front": {256 << 10, 3}, "spans of a block": {blockBytes, 3}, "spans across blocks": {blockBytes + 777, 3}, "long spans": {8 * blockBytes, 3},
		"one reader": {blockBytes, 1}, "more readers than are kept": {blockBytes, 2 * keptBlocks},
	} {
		t.Run(name, func(t *testing.T) {
			span := c.span
			e := &elsewhere{content: content}
			s := openRemote(t, e)
			at, ok := s.ReaderAt()
			require.True(t, ok)
			for range 2 {
				s.Rewind()
				e.mu.Lock()
				e.bytes = 0
				e.mu.Unlock()
				got := make([]byte, len(content))
				var next atomic.Int64
				var readers sync.WaitGroup
				for range c.readers {
					readers.Go(func() {
						for {
							from := (next.Add(1) - 1) * span
							if from >= int64(len(content)) {
								return
							}
							to := min(from+span, int64(len(content)))
							for from < to {
								n, err := at.ReadAt(got[from:min(to, from+100_000)], from)
								if err != nil {
									t.Error(err)
									return
								}
								from += int64(n)
							}
						}
					})
				}
				readers.Wait()
				require.True(t, bytes.Equal(content, got))
				require.Equal(t, int64(len(content)), s.BytesRead())
				e.mu.Lock()
				// A block that two spans share may have gone before the second came to it.
				require.LessOrEqual(t, e.bytes, int64(len(content)+4*blockBytes))
				e.mu.Unlock()
			}
		})
	}
}

func TestAnywhere(t *testing.T) {
	content := random(40*blockBytes + 1)
	e := &elsewhere{content: content}
	s := openRemote(t, e)
	at, _ := s.ReaderAt()
	var readers sync.WaitGroup
	for seed := range 8 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			for range 30 {
				off := r.Int64N(int64(len(content)))
				p := make([]byte, r.IntN(3*blockBytes))
				n, err := at.ReadAt(p, off)
				want := content[off:min(off+int64(len(p)), int64(len(content)))]
				if !bytes.Equal(want, p[:n]) || n < len(p) != errors.Is(err, io.EOF) {
					t.Errorf("%d bytes at %d: %d, %v", len(p), off, n, err)
				}
			}
		})
	}
	readers.Wait()
	s.remote.mu.Lock()
	defer s.remote.mu.Unlock()
	require.LessOrEqual(t, len(s.remote.kept), keptBlocks+mostReaders+8)
}

// A second pass without Rewind is found out, and goes ahead as the first did.
func TestAnotherPass(t *testing.T) {
	content := random(60 * blockBytes)
	e := &elsewhere{content: content}
	s := openRemote(t, e)
	at, _ := s.ReaderAt()
	for range 3 {
		got, err := io.ReadAll(io.NewSectionReader(at, 0, s.Size()))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
		s.remote.mu.Lock()
		require.Positive(t, s.remote.pace)
		require.LessOrEqual(t, len(s.remote.kept), keptBlocks)
		s.remote.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	require.LessOrEqual(t, e.bytes, int64(3*len(content)))
}

// Of a file whose beginning alone is wanted, little more is asked for.
func TestBeginningAlone(t *testing.T) {
	e := &elsewhere{content: random(60 * blockBytes)}
	s := openRemote(t, e)
	_, _, err := s.Sample(t.Context(), blockBytes)
	require.NoError(t, err)
	s.remote.fetching.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	require.LessOrEqual(t, e.bytes, int64(4*blockBytes))
}

func TestFailureOfARange(t *testing.T) {
	refused := etl.Mistakef("file_changed", "Run it again.", "far was replaced")
	fail := atomic.Bool{}
	e := &elsewhere{content: random(20 * blockBytes), before: func(off int64) error {
		if fail.Load() && off == 5*blockBytes {
			return refused
		}
		return nil
	}}
	s := openRemote(t, e)
	fail.Store(true)
	r, err := s.Reader(t.Context())
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, r)
	require.Equal(t, int64(5*blockBytes), n)
	require.ErrorIs(t, err, refused)
	require.NoError(t, r.Close())
	// It may have passed.
	fail.Store(false)
	require.Equal(t, e.content, readAll(t, s))
}

// A reader that is cancelled does not wait for a request that hangs.
func TestCancelledReader(t *testing.T) {
	hang, hanging := make(chan struct{}), make(chan struct{}, 99)
	e := &elsewhere{content: random(20 * blockBytes), before: func(off int64) error {
		if off >= 5*blockBytes {
			hanging <- struct{}{}
			<-hang
		}
		return nil
	}}
	s := openRemote(t, e)
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Reader(ctx)
	require.NoError(t, err)
	go func() {
		<-hanging
		cancel()
	}()
	_, err = io.Copy(io.Discard, r)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, r.Close())
}

func TestShortBody(t *testing.T) {
	e := &elsewhere{content: random(3 * blockBytes)}
	_, err := OpenRemote(t.Context(), "far", short{e}, Options{})
	kind, code := kindOf(err)
	require.Equal(t, etl.Weather, kind)
	require.Equal(t, etl.Code("read_failed"), code)
}

type short struct{ *elsewhere }

func (s short) Range(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return s.elsewhere.Range(ctx, off, n-1)
}

func kindOf(err error) (etl.Kind, etl.Code) {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok {
		return etl.Internal, ""
	}
	return e.Kind, e.Code
}
