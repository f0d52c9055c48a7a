package store

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what the triggers notify of each change of a run and its log.
const channel = "etlportal_runs"

// Watch signals that a run or its log may have changed; runID 0 is any run. The
// first signal is there at once. A signal carries nothing: its receiver reads
// what it wants to know. Signals that are not taken yet melt into one, and the
// loss of the connection makes one when it is back, so that a receiver that
// reads after each signal sees the run's last state, though not each on the
// way. The channel is closed when ctx ends or the Store closes.
//
// All watches of a process share one connection.
func (s *Store) Watch(ctx context.Context, runID int64) <-chan struct{} {
	return s.watch.add(ctx, runID)
}

// watcher listens once for all watches of a Store.
type watcher struct {
	config *pgx.ConnConfig
	// prepare, where set, is called with a copy of config before each connection.
	prepare func(context.Context, *pgx.ConnConfig) error

	mu      sync.Mutex
	watches map[int64]map[chan struct{}]struct{}
	closed  bool
	// sessions counts how often a connection began to listen.
	sessions int
	stop     context.CancelFunc // nil until the first watch
	ended    chan struct{}
}

func newWatcher(config *pgx.ConnConfig, prepare func(context.Context, *pgx.ConnConfig) error) *watcher {
	return &watcher{config: config.Copy(), prepare: prepare, watches: make(map[int64]map[chan struct{}]struct{}), ended: make(chan struct{})}
}

func (w *watcher) add(ctx context.Context, runID int64) <-chan struct{} {
	signals := make(chan struct{}, 1)
	signals <- struct{}{}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(signals)
		return signals
	}
	if w.watches[runID] == nil {
		w.watches[runID] = make(map[chan struct{}]struct{})
	}
	w.watches[runID][signals] = struct{}{}
	if w.stop == nil {
		// The connection outlives the watch that happens to be the first.
		var listening context.Context
		listening, w.stop = context.WithCancel(context.Background())
		go w.listen(listening)
	}
	context.AfterFunc(ctx, func() { w.remove(runID, signals) })
	return signals
}

func (w *watcher) remove(runID int64, signals chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.watches[runID][signals]; !ok {
		return
	}
	close(signals)
	delete(w.watches[runID], signals)
	if len(w.watches[runID]) == 0 {
		delete(w.watches, runID)
	}
}

// signal tells the watches of a run and those of any; all tells everybody.
func (w *watcher) signal(runID int64, everybody bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, watches := range w.watches {
		if !everybody && id != 0 && id != runID {
			continue
		}
		for signals := range watches {
			select {
			case signals <- struct{}{}:
			default: // one is waiting already
			}
		}
	}
}

// close ends the connection and all watches; it may be repeated.
func (w *watcher) close() {
	w.mu.Lock()
	started := w.stop != nil
	if started {
		w.stop()
	}
	first := !w.closed
	w.closed = true
	if first {
		for _, watches := range w.watches {
			for signals := range watches {
				close(signals)
			}
		}
		clear(w.watches)
	}
	w.mu.Unlock()
	if started {
		<-w.ended
	}
}

// listen keeps a connection that listens until ctx ends, with growing pauses
// between failures.
func (w *watcher) listen(ctx context.Context) {
	defer close(w.ended)
	const first, longest = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		if w.session(ctx) {
			pause = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter is no secret
		}
		pause = min(2*pause, longest)
	}
}

// session listens on one connection until it breaks, and says whether it ever listened.
func (w *watcher) session(ctx context.Context) bool {
	const connectTime, quiet = 10 * time.Second, 30 * time.Second
	opening, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	config := w.config.Copy()
	if w.prepare != nil {
		if err := w.prepare(opening, config); err != nil {
			return false
		}
	}
	conn, err := pgx.ConnectConfig(opening, config)
	if err != nil {
		return false
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(opening, `LISTEN `+channel); err != nil {
		return false
	}
	// What changed while nobody listened was missed.
	w.signal(0, true)
	w.mu.Lock()
	w.sessions++
	w.mu.Unlock()
	for ctx.Err() == nil {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		if err != nil {
			// Long silence may be a connection that is dead without a sign.
			probing, cancel := context.WithTimeout(ctx, connectTime)
			err := conn.Ping(probing)
			cancel()
			if err != nil {
				return true
			}
			continue
		}
		if id, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
			w.signal(id, false)
		}
	}
	return true
}
