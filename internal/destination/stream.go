package destination

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// inFlight is how many batches wait between those who fill them and the
	// socket: one being read, one ready.
	inFlight = 2
	// keepBuffer is the largest buffer worth keeping for the next batch; one
	// that a huge row has blown up is given back.
	keepBuffer = 4 << 20
)

var errAborted = errors.New("the load was aborted")

// stream feeds one COPY. The goroutine that runs the COPY owns the connection
// until done is closed; abort and wait end and join it.
type stream struct {
	conn   *pgconn.PgConn
	full   chan []byte
	spare  chan []byte
	stop   chan struct{}
	done   chan struct{}
	cancel context.CancelFunc

	stopOnce, endOnce sync.Once

	// The reader's own.
	rest    []byte
	current []byte
	ended   bool

	// Valid once done is closed.
	rows int64
	err  error
}

func startStream(ctx context.Context, conn *pgconn.PgConn, sql string) *stream {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &stream{
		conn: conn, full: make(chan []byte, inFlight), spare: make(chan []byte, inFlight),
		stop: make(chan struct{}), done: make(chan struct{}), cancel: cancel, rest: copyHeader,
	}
	for range inFlight {
		s.spare <- nil
	}
	go func() {
		defer close(s.done)
		tag, err := conn.CopyFrom(ctx, s, sql)
		s.rows, s.err = tag.RowsAffected(), err
		// Where the connection broke, pgconn's writer may still wait in Read.
		s.interrupt()
	}()
	return s
}

// Read implements io.Reader for COPY.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if s.current != nil {
			s.recycle()
		}
		select {
		case <-s.stop:
			return 0, errAborted
		case buf, ok := <-s.full:
			if !ok {
				s.rest, s.ended = copyTrailer, true
				continue
			}
			s.current, s.rest = buf, buf
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) recycle() {
	if cap(s.current) > keepBuffer {
		s.current = nil
	}
	s.spare <- s.current[:0]
	s.current = nil
}

// send hands a full buffer over and gives an empty one back.
func (s *stream) send(ctx context.Context, full []byte) ([]byte, error) {
	select {
	case <-s.done:
		return full, s.err
	case <-ctx.Done():
		return full, ctx.Err()
	case empty := <-s.spare:
		// There are as many buffers as full has room for.
		s.full <- full
		return empty, nil
	}
}

// finish ends the data and waits until the server has taken it all.
func (s *stream) finish(ctx context.Context) (int64, error) {
	s.endOnce.Do(func() { close(s.full) })
	select {
	case <-s.done:
		return s.rows, s.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s *stream) interrupt() { s.stopOnce.Do(func() { close(s.stop) }) }

// abort ends the COPY without its data and waits for its goroutine: politely by
// CopyFail, by a cancel request where the server does not listen (it may wait
// for a lock), at last by cutting the connection.
func (s *stream) abort() {
	s.interrupt()
	defer s.cancel()
	select {
	case <-s.done:
		return
	case <-time.After(time.Second):
	}
	// Cancelling the context sends the cancel request and sets a deadline of
	// patience on the connection.
	s.cancel()
	<-s.done
}
