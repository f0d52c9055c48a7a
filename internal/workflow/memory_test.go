package workflow_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/workflow"
)

// memory is a model of the portal's database, with a clock of its own. It keeps
// the rules of workflow.Store: each method is one transaction.
type memory struct {
	mu      sync.Mutex
	now     time.Time
	sources map[string]etl.Source
	spans   map[string][]csv.Span
	creds   map[int64]etl.Credential
	runs    map[int64]*memoryRun
	leases  map[string]etl.Lease
	lastID  int64
	logID   int64
}

type memoryRun struct {
	etl.Run
	chunks  []memoryChunk
	logs    []etl.LogEntry
	rejects []etl.RunReject
	nudge
}

type memoryChunk struct {
	etl.Chunk
	nudge
}

type nudge struct {
	moved, nudged time.Time
	tries         int
}

func (n *nudge) stalled(now time.Time, after time.Duration) bool {
	last := n.moved
	if n.nudged.After(last) {
		last = n.nudged
	}
	if now.Sub(last) < after {
		return false
	}
	n.nudged = now
	n.tries++
	return true
}

func newMemory() *memory {
	return &memory{
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), sources: map[string]etl.Source{}, spans: map[string][]csv.Span{},
		creds: map[int64]etl.Credential{}, runs: map[int64]*memoryRun{}, leases: map[string]etl.Lease{},
	}
}

// gate decides, before and after each transaction, whether its process lives on.
type gate func(ctx context.Context, step string) error

// access is the memory as one process sees it.
type access struct {
	*memory
	gate gate
}

var _ workflow.Store = (*access)(nil)

// do runs a transaction.
func (a *access) do(ctx context.Context, name string, f func() error) error {
	if err := a.gate(ctx, "before "+name); err != nil {
		return err
	}
	a.mu.Lock()
	err := f()
	a.mu.Unlock()
	if err != nil {
		return err
	}
	return a.gate(ctx, "after "+name)
}

func refuse(code etl.Code, format string, args ...any) error {
	return etl.Mistakef(code, "Look again.", format, args...)
}

func (m *memory) run(id int64, attempt int) (*memoryRun, error) {
	r, ok := m.runs[id]
	if !ok {
		return nil, refuse("not_found", "no run %d", id)
	}
	if attempt > 0 && attempt != r.Attempt {
		return nil, refuse("stale_attempt", "run %d is at attempt %d, not %d", id, r.Attempt, attempt)
	}
	return r, nil
}

func (m *memory) moved(r *memoryRun) {
	r.Seq++
	r.moved, r.tries = m.now, 0
}

func (a *access) Source(ctx context.Context, id string) (src etl.Source, err error) {
	err = a.do(ctx, "Source", func() error {
		var ok bool
		if src, ok = a.sources[id]; !ok {
			return refuse("not_found", "no file %s", id)
		}
		return nil
	})
	return src, err
}

func (a *access) UpdateSource(ctx context.Context, src etl.Source) (etl.Source, error) {
	err := a.do(ctx, "UpdateSource", func() error {
		if a.sources[src.ID].Version != src.Version {
			return refuse("version_conflict", "file %s was changed", src.ID)
		}
		src.Version++
		a.sources[src.ID] = src
		return nil
	})
	return src, err
}

func (a *access) SourceProgress(ctx context.Context, id string, n int64) error {
	return a.do(ctx, "SourceProgress", func() error {
		src := a.sources[id]
		src.BytesProfiled = n
		a.sources[id] = src
		return nil
	})
}

func (a *access) SaveSpans(ctx context.Context, id string, spans []csv.Span) error {
	return a.do(ctx, "SaveSpans", func() error { a.spans[id] = slices.Clone(spans); return nil })
}

func (a *access) Spans(ctx context.Context, id string) (spans []csv.Span, err error) {
	err = a.do(ctx, "Spans", func() error { spans = a.spans[id]; return nil })
	return spans, err
}

func (a *access) Credential(ctx context.Context, id int64) (c etl.Credential, err error) {
	err = a.do(ctx, "Credential", func() error { c = a.creds[id]; return nil })
	return c, err
}

func (a *access) Credentials(ctx context.Context, _ etl.Page) (l etl.List[etl.Credential], err error) {
	err = a.do(ctx, "Credentials", func() error { l.Items = slices.Collect(maps.Values(a.creds)); return nil })
	return l, err
}

func (a *access) CreateRun(ctx context.Context, r etl.Run, _ etl.IdempotencyKey) (etl.Run, bool, error) {
	err := a.do(ctx, "CreateRun", func() error {
		a.lastID++
		r.ID, r.Status, r.Phase, r.Attempt, r.CreatedAt = a.lastID, etl.Pending, etl.PhasePlan, 1, a.now
		a.runs[r.ID] = &memoryRun{Run: r, nudge: nudge{moved: a.now}}
		return nil
	})
	return r, err == nil, err
}

func (a *access) Run(ctx context.Context, id int64) (run etl.Run, err error) {
	err = a.do(ctx, "Run", func() error {
		r, err := a.run(id, 0)
		if err == nil {
			run = r.Run
		}
		return err
	})
	return run, err
}

func (a *access) RunByLoad(ctx context.Context, load string) (run etl.Run, err error) {
	err = a.do(ctx, "RunByLoad", func() error {
		for _, r := range a.runs {
			if r.LoadID == load {
				run = r.Run
				return nil
			}
		}
		return refuse("not_found", "no load %s", load)
	})
	return run, err
}

// move changes a run unless it is there already.
func (a *access) move(ctx context.Context, name string, id int64, attempt int, done func(*memoryRun) bool, legal func(*memoryRun) bool, change func(*memoryRun)) (run etl.Run, err error) {
	err = a.do(ctx, name, func() error {
		r, err := a.run(id, attempt)
		if err != nil {
			return err
		}
		if !done(r) {
			if !legal(r) {
				return refuse("run_state", "run %d is %s in phase %s: no %s", id, r.Status, r.Phase, name)
			}
			change(r)
			if r.Status.Final() {
				at := a.now
				r.FinishedAt = &at
			}
			a.moved(r)
		}
		run = r.Run
		return nil
	})
	return run, err
}

func (a *access) StartRun(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return a.move(ctx, "StartRun", id, attempt, func(r *memoryRun) bool { return r.Status == etl.Running },
		func(r *memoryRun) bool { return r.Status == etl.Pending }, func(r *memoryRun) {
			r.Status = etl.Running
			if r.ChunksTotal > 0 {
				r.Phase = etl.PhaseLoad
			}
		})
}

func (a *access) AdoptTable(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return a.move(ctx, "AdoptTable", id, attempt, func(r *memoryRun) bool {
		return r.Adopted || r.Status != etl.Running || r.Phase == etl.PhasePublish
	}, func(*memoryRun) bool { return true }, func(r *memoryRun) { r.Adopted = true })
}

func (a *access) PlanRun(ctx context.Context, id int64, attempt int, path string, chunks []etl.Chunk) (etl.Run, error) {
	return a.move(ctx, "PlanRun", id, attempt, func(r *memoryRun) bool { return r.Status == etl.Running && r.ChunksTotal > 0 },
		func(r *memoryRun) bool { return r.Status == etl.Running && r.Phase == etl.PhasePlan }, func(r *memoryRun) {
			r.Path, r.Phase, r.ChunksTotal = path, etl.PhaseLoad, len(chunks)
			for i, c := range chunks {
				c.RunID, c.Number, c.State = id, i, etl.ChunkWaiting
				r.chunks = append(r.chunks, memoryChunk{Chunk: c, nudge: nudge{moved: a.now}})
			}
		})
}

func (a *access) Chunks(ctx context.Context, id int64) (chunks []etl.Chunk, err error) {
	err = a.do(ctx, "Chunks", func() error {
		r, err := a.run(id, 0)
		if err != nil {
			return err
		}
		for _, c := range r.chunks {
			chunks = append(chunks, c.Chunk)
		}
		return nil
	})
	return chunks, err
}

func (r *memoryRun) loading() error {
	if r.Status != etl.Running || r.Phase != etl.PhaseLoad {
		return refuse("run_state", "run %d is %s in phase %s", r.ID, r.Status, r.Phase)
	}
	return nil
}

func (a *access) ClaimChunk(ctx context.Context, id int64, number, attempt int, hold time.Duration) (chunk etl.Chunk, err error) {
	err = a.do(ctx, "ClaimChunk", func() error {
		r, err := a.run(id, attempt)
		if err != nil {
			return err
		}
		c := &r.chunks[number]
		if c.State == etl.ChunkLoaded {
			return &etl.ChunkDone{Counts: c.Counts}
		}
		if err := r.loading(); err != nil {
			return err
		}
		if left := c.moved.Add(hold).Sub(a.now); c.State == etl.ChunkLoading && left > 0 {
			return &etl.RetryAfter{Delay: left, Reason: "held"}
		}
		c.State, c.moved = etl.ChunkLoading, a.now
		c.Attempt++
		chunk = c.Chunk
		return nil
	})
	return chunk, err
}

// report changes a chunk under the fence of its claim.
func (a *access) report(ctx context.Context, name string, ref etl.ChunkRef, done func(*memoryChunk) bool, change func(*memoryRun, *memoryChunk)) (run etl.Run, err error) {
	err = a.do(ctx, name, func() error {
		r, err := a.run(ref.RunID, ref.RunAttempt)
		if err != nil {
			return err
		}
		c := &r.chunks[ref.Number]
		if c.Attempt == ref.Attempt && done(c) {
			run = r.Run
			return nil
		}
		if err := r.loading(); err != nil {
			return err
		}
		if c.Attempt != ref.Attempt {
			return refuse("stale_attempt", "claim %d of chunk %d is over", ref.Attempt, ref.Number)
		}
		if c.State != etl.ChunkLoading {
			return refuse("run_state", "chunk %d is %s", ref.Number, c.State)
		}
		change(r, c)
		c.moved = a.now
		a.moved(r)
		run = r.Run
		return nil
	})
	return run, err
}

func (a *access) ChunkProgress(ctx context.Context, ref etl.ChunkRef, _, _ int64) error {
	_, err := a.report(ctx, "ChunkProgress", ref, func(*memoryChunk) bool { return false }, func(*memoryRun, *memoryChunk) {})
	return err
}

func (a *access) ChunkLoaded(ctx context.Context, ref etl.ChunkRef, counts etl.Counts, rejects *etl.Rejects, entries ...etl.LogEntry) (int, error) {
	run, err := a.report(ctx, "ChunkLoaded", ref, func(c *memoryChunk) bool { return c.State == etl.ChunkLoaded }, func(r *memoryRun, c *memoryChunk) {
		c.State, c.Counts, c.tries = etl.ChunkLoaded, counts, 0
		r.ChunksDone++
		r.Counts.Rejected += counts.Rejected
		r.keep(&ref.Number, rejects)
		a.write(r, entries)
	})
	return run.ChunksTotal - run.ChunksDone, err
}

func (r *memoryRun) keep(chunk *int, rejects *etl.Rejects) {
	for _, x := range etltest.Rejects(rejects) {
		r.rejects = append(r.rejects, etl.RunReject{Chunk: chunk, Reject: x})
	}
}

func (a *access) ChunkReleased(ctx context.Context, ref etl.ChunkRef, cause *etl.Error) error {
	_, err := a.report(ctx, "ChunkReleased", ref, func(c *memoryChunk) bool { return c.State == etl.ChunkWaiting || c.State == etl.ChunkLoaded },
		func(_ *memoryRun, c *memoryChunk) { c.State, c.Error = etl.ChunkWaiting, cause })
	return err
}

func (a *access) ChunkFailed(ctx context.Context, ref etl.ChunkRef, _ etl.Counts, cause *etl.Error) error {
	_, err := a.report(ctx, "ChunkFailed", ref, func(c *memoryChunk) bool { return c.State == etl.ChunkFailed },
		func(_ *memoryRun, c *memoryChunk) { c.State, c.Error = etl.ChunkFailed, cause })
	return err
}

func (a *access) ReopenChunks(ctx context.Context, id int64, attempt int, numbers []int) (etl.Run, error) {
	return a.move(ctx, "ReopenChunks", id, attempt, func(*memoryRun) bool { return false },
		func(r *memoryRun) bool {
			return r.Status == etl.Running && (r.Phase == etl.PhasePublish || r.Phase == etl.PhaseLoad)
		},
		func(r *memoryRun) {
			r.Phase = etl.PhaseLoad
			for _, n := range numbers {
				c := &r.chunks[n]
				if c.State != etl.ChunkLoaded {
					continue
				}
				r.ChunksDone--
				r.Counts.Rejected -= c.Counts.Rejected
				c.State, c.Counts, c.moved = etl.ChunkWaiting, etl.Counts{}, a.now
				r.rejects = slices.DeleteFunc(r.rejects, func(x etl.RunReject) bool { return x.Chunk != nil && *x.Chunk == n })
			}
		})
}

func (a *access) BeginPublish(ctx context.Context, id int64, attempt int) (etl.Run, error) {
	return a.move(ctx, "BeginPublish", id, attempt, func(r *memoryRun) bool { return r.Status == etl.Running && r.Phase == etl.PhasePublish },
		func(r *memoryRun) bool { return r.loading() == nil && r.ChunksDone == r.ChunksTotal }, func(r *memoryRun) { r.Phase = etl.PhasePublish })
}

func (a *access) CompleteRun(ctx context.Context, id int64, attempt int, counts etl.Counts, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error) {
	return a.move(ctx, "CompleteRun", id, attempt, func(r *memoryRun) bool { return r.Status == etl.Completed },
		func(r *memoryRun) bool {
			return r.Status == etl.Running && r.Phase == etl.PhasePublish && counts.Balanced()
		},
		func(r *memoryRun) {
			r.Status, r.Phase, r.Counts = etl.Completed, etl.PhaseDone, counts
			r.keep(nil, rejects)
			a.write(r, last)
		})
}

func (a *access) FailRun(ctx context.Context, id int64, attempt int, cause *etl.Error, rejects *etl.Rejects, last ...etl.LogEntry) (etl.Run, error) {
	return a.move(ctx, "FailRun", id, attempt, func(r *memoryRun) bool { return r.Status == etl.Failed },
		func(r *memoryRun) bool { return !r.Status.Final() }, func(r *memoryRun) {
			r.Status, r.Error = etl.Failed, cause
			r.keep(nil, rejects)
			a.write(r, last)
		})
}

func (a *access) CancelRun(ctx context.Context, id int64, last ...etl.LogEntry) (etl.Run, error) {
	return a.move(ctx, "CancelRun", id, 0, func(r *memoryRun) bool { return r.Status == etl.Cancelled },
		func(r *memoryRun) bool { return !r.Status.Final() && r.Phase != etl.PhasePublish }, func(r *memoryRun) {
			r.Status = etl.Cancelled
			a.write(r, last)
		})
}

func (a *access) ReleaseRun(ctx context.Context, id int64) (run etl.Run, released bool, err error) {
	run, err = a.move(ctx, "ReleaseRun", id, 0, func(r *memoryRun) bool { return !r.Held || r.Status != etl.Pending },
		func(*memoryRun) bool { return true }, func(r *memoryRun) { r.Held, released = false, true })
	return run, released, err
}

func (a *access) RetryRun(ctx context.Context, id int64) (etl.Run, error) {
	return a.move(ctx, "RetryRun", id, 0, func(*memoryRun) bool { return false },
		func(r *memoryRun) bool { return r.Status == etl.Failed }, func(r *memoryRun) {
			r.Attempt++
			r.Status, r.Phase, r.Held, r.Adopted, r.Error, r.FinishedAt = etl.Pending, etl.PhasePlan, false, false, nil, nil
			loaded := map[int]bool{}
			for i := range r.chunks {
				c := &r.chunks[i]
				if loaded[i] = c.State == etl.ChunkLoaded; !loaded[i] {
					c.State, c.Error, c.Counts, c.nudge = etl.ChunkWaiting, nil, etl.Counts{}, nudge{moved: a.now}
				}
			}
			r.rejects = slices.DeleteFunc(r.rejects, func(x etl.RunReject) bool { return x.Chunk == nil || !loaded[*x.Chunk] })
		})
}

func (a *access) DeleteRun(ctx context.Context, id int64) error {
	return a.do(ctx, "DeleteRun", func() error { delete(a.runs, id); return nil })
}

func (a *access) Stalled(ctx context.Context, after time.Duration) (found []etl.Stalled, err error) {
	err = a.do(ctx, "Stalled", func() error {
		for _, id := range slices.Sorted(maps.Keys(a.runs)) {
			r := a.runs[id]
			m := etl.Message{RunID: id, Attempt: r.Attempt, Topic: etl.TopicFinalize}
			switch {
			case r.Status.Final():
			case r.Phase != etl.PhaseLoad || r.ChunksDone == r.ChunksTotal:
				if r.Phase == etl.PhasePlan {
					m.Topic = etl.TopicPlan
				}
				if r.stalled(a.now, after) {
					found = append(found, etl.Stalled{Message: m, Held: r.Held, Since: r.moved, Tries: r.tries})
				}
			default:
				still := a.now.Sub(r.moved) >= after
				for i := range r.chunks {
					c := &r.chunks[i]
					if (c.State == etl.ChunkLoading || c.State == etl.ChunkWaiting && still) && c.stalled(a.now, after) {
						m.Topic, m.Chunk = etl.TopicLoad, i
						found = append(found, etl.Stalled{Message: m, Since: c.moved, Tries: c.tries})
					}
				}
			}
		}
		return nil
	})
	return found, err
}

func (a *access) HoldRun(ctx context.Context, id int64, attempt int, hold time.Duration) (held bool, err error) {
	err = a.do(ctx, "HoldRun", func() error {
		if r := a.runs[id]; r != nil && r.Attempt == attempt && r.Status == etl.Running && !r.nudged.After(a.now) {
			r.nudged, held = a.now.Add(hold), true
		}
		return nil
	})
	return held, err
}

func (a *access) KeepRun(ctx context.Context, id int64, attempt int, hold time.Duration) error {
	return a.do(ctx, "KeepRun", func() error {
		if r := a.runs[id]; r != nil && r.Attempt == attempt && r.Status == etl.Running {
			r.nudged = a.now.Add(hold)
		}
		return nil
	})
}

func (a *access) Sweep(ctx context.Context, _ time.Duration) error {
	return a.do(ctx, "Sweep", func() error { a.expire(); return nil })
}

func (m *memory) expire() {
	maps.DeleteFunc(m.leases, func(_ string, l etl.Lease) bool { return !l.ExpiresAt.After(m.now) })
}

func (a *access) AcquireLease(ctx context.Context, id int64, holder string, limit int, ttl time.Duration) (l etl.Lease, err error) {
	err = a.do(ctx, "AcquireLease", func() error {
		a.expire()
		if len(a.leases) >= limit {
			return &etl.RetryAfter{Delay: time.Second, Reason: "no lease"}
		}
		l = etl.Lease{CredentialID: id, Holder: holder, ExpiresAt: a.now.Add(ttl)}
		a.leases[holder] = l
		return nil
	})
	return l, err
}

func (a *access) RenewLease(ctx context.Context, l etl.Lease, ttl time.Duration) (etl.Lease, error) {
	err := a.do(ctx, "RenewLease", func() error {
		a.expire()
		if _, ok := a.leases[l.Holder]; !ok {
			return refuse("lease_lost", "lease of %s", l.Holder)
		}
		l.ExpiresAt = a.now.Add(ttl)
		a.leases[l.Holder] = l
		return nil
	})
	return l, err
}

func (a *access) ReleaseLease(ctx context.Context, l etl.Lease) error {
	return a.do(ctx, "ReleaseLease", func() error { delete(a.leases, l.Holder); return nil })
}

func (a *access) write(r *memoryRun, entries []etl.LogEntry) {
	for _, e := range entries {
		a.logID++
		e.ID, e.At = a.logID, a.now
		r.logs = append(r.logs, e)
	}
}

func (a *access) AppendLog(ctx context.Context, entries ...etl.LogEntry) error {
	return a.do(ctx, "AppendLog", func() error {
		for _, e := range entries {
			r, err := a.run(e.RunID, 0)
			if err != nil {
				return err
			}
			a.write(r, []etl.LogEntry{e})
		}
		return nil
	})
}

func (a *access) LogTail(ctx context.Context, id int64, limit int) (entries []etl.LogEntry, err error) {
	err = a.do(ctx, "LogTail", func() error {
		r, err := a.run(id, 0)
		if err == nil {
			entries = slices.Clone(r.logs[max(0, len(r.logs)-limit):])
		}
		return err
	})
	return entries, err
}

// blobs is an object store of one object per key.
type blobs struct {
	etl.Blobs
	mu      sync.Mutex
	objects map[string][]byte
	ranges  int
}

func (b *blobs) ref(key string) etl.ObjectRef {
	b.mu.Lock()
	defer b.mu.Unlock()
	return etl.ObjectRef{Key: key, Size: int64(len(b.objects[key])), ETag: fmt.Sprint(len(b.objects[key]))}
}

func (b *blobs) Range(_ context.Context, ref etl.ObjectRef, off, n int64) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ranges++
	text, ok := b.objects[ref.Key]
	if !ok || fmt.Sprint(len(text)) != ref.ETag {
		return nil, refuse("source_changed", "object %s is another one", ref.Key)
	}
	end := int64(len(text))
	if n >= 0 {
		end = min(end, off+n)
	}
	return io.NopCloser(bytes.NewReader(text[min(off, end):end])), nil
}

func (b *blobs) Put(_ context.Context, key string, r io.Reader) (etl.ObjectRef, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return etl.ObjectRef{}, err
	}
	b.mu.Lock()
	b.objects[key] = text
	b.mu.Unlock()
	return b.ref(key), nil
}

func (b *blobs) Head(_ context.Context, key string) (etl.ObjectRef, error) {
	b.mu.Lock()
	_, ok := b.objects[key]
	b.mu.Unlock()
	if !ok {
		return etl.ObjectRef{}, refuse("object_not_found", "no object %s", key)
	}
	return b.ref(key), nil
}

func (b *blobs) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}
