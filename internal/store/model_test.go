package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// modelChunk and modelRun say in the plainest way what the store should hold.
type modelChunk struct {
	state   etl.ChunkState
	attempt int
	rejects int
}

type modelRun struct {
	status  etl.Status
	phase   etl.Phase
	attempt int
	chunks  []modelChunk
	adopted bool
}

func (m *modelRun) loading() bool { return m.status == etl.Running && m.phase == etl.PhaseLoad }

func (m *modelRun) done() (n int) {
	for _, c := range m.chunks {
		if c.state == etl.ChunkLoaded {
			n++
		}
	}
	return n
}

// fits says whether a report's reference is the chunk's current claim.
func (m *modelRun) fits(attempt int, c *modelChunk, claim int) bool {
	return m.loading() && attempt == m.attempt && c.attempt == claim && c.state == etl.ChunkLoading
}

// TestRunsFollowTheModel drives one run through random steps, with references
// that may be old, and compares every answer and the state with the model.
func TestRunsFollowTheModel(t *testing.T) {
	s := open(t, Options{})
	job := newJob(t, s)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		created, _, err := s.CreateRun(ctx, frozen(job), etl.IdempotencyKey{})
		require.NoError(t, err)
		id := created.ID
		n := rapid.IntRange(1, 3).Draw(t, "chunks")
		m := &modelRun{status: etl.Pending, phase: etl.PhasePlan, attempt: 1}
		attempt := func() int { return max(1, m.attempt-rapid.IntRange(0, 3).Draw(t, "behind")/3) }
		report := func() (*modelChunk, etl.ChunkRef) {
			if len(m.chunks) == 0 {
				t.Skip("no chunks")
			}
			k := rapid.IntRange(0, n-1).Draw(t, "chunk")
			c := &m.chunks[k]
			return c, etl.ChunkRef{RunID: id, Number: k, RunAttempt: attempt(), Attempt: max(0, c.attempt-rapid.IntRange(0, 3).Draw(t, "old claim")/3)}
		}
		agree := func(ok bool, err error) {
			t.Helper()
			if ok {
				require.NoError(t, err)
				return
			}
			require.Contains(t, []etl.Code{CodeRunState, CodeStaleAttempt}, codeOf(err), "%v", err)
		}
		move := func(ok bool, do func() error, then func()) {
			t.Helper()
			agree(ok, do())
			if ok {
				then()
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"start": func(*rapid.T) {
				a := attempt()
				move(a == m.attempt && (m.status == etl.Pending || m.status == etl.Running), func() error { _, err := s.StartRun(ctx, id, a); return err }, func() {
					if m.status == etl.Pending {
						m.status = etl.Running
						if m.chunks != nil {
							m.phase = etl.PhaseLoad
						}
					}
				})
			},
			"plan": func(*rapid.T) {
				a := attempt()
				move(a == m.attempt && m.status == etl.Running, func() error { _, err := s.PlanRun(ctx, id, a, "fan-out", chunks(n)); return err }, func() {
					if m.phase == etl.PhasePlan {
						m.phase, m.chunks = etl.PhaseLoad, make([]modelChunk, n)
						for i := range m.chunks {
							m.chunks[i].state = etl.ChunkWaiting
						}
					}
				})
			},
			"adopt": func(*rapid.T) {
				a := attempt()
				move(a == m.attempt, func() error { _, err := s.AdoptTable(ctx, id, a); return err }, func() {
					m.adopted = m.adopted || m.status == etl.Running && m.phase != etl.PhasePublish
				})
			},
			"claim": func(*rapid.T) {
				c, r := report()
				_, err := s.ClaimChunk(ctx, id, r.Number, r.RunAttempt, 0)
				if _, done := errors.AsType[*etl.ChunkDone](err); done {
					require.Equal(t, etl.ChunkLoaded, c.state)
					return
				}
				ok := m.loading() && r.RunAttempt == m.attempt && c.state != etl.ChunkFailed
				agree(ok, err)
				if ok {
					c.state = etl.ChunkLoading
					c.attempt++
				}
			},
			"progress": func(*rapid.T) {
				c, r := report()
				agree(m.fits(r.RunAttempt, c, r.Attempt), s.ChunkProgress(ctx, r, rapid.Int64Range(0, 100).Draw(t, "bytes"), rapid.Int64Range(0, 10).Draw(t, "rows")))
			},
			"loaded": func(*rapid.T) {
				c, r := report()
				bad := rapid.IntRange(0, 2).Draw(t, "bad")
				again := r.RunAttempt == m.attempt && c.attempt == r.Attempt && c.state == etl.ChunkLoaded
				ok := m.fits(r.RunAttempt, c, r.Attempt)
				remaining, err := s.ChunkLoaded(ctx, r, etl.Counts{Read: 10, Loaded: 10 - int64(bad), Rejected: int64(bad)}, etltest.RejectsOf(make([]etl.Reject, bad)...))
				agree(ok || again, err)
				if ok {
					c.state, c.rejects = etl.ChunkLoaded, bad
				}
				if err == nil {
					require.Equal(t, n-m.done(), remaining)
				}
			},
			"release": func(*rapid.T) {
				c, r := report()
				again := r.RunAttempt == m.attempt && c.attempt == r.Attempt && (c.state == etl.ChunkWaiting || c.state == etl.ChunkLoaded)
				fits := m.fits(r.RunAttempt, c, r.Attempt)
				agree(fits || again, s.ChunkReleased(ctx, r, nil))
				if fits {
					c.state = etl.ChunkWaiting
				}
			},
			"fail chunk": func(*rapid.T) {
				c, r := report()
				again := r.RunAttempt == m.attempt && c.attempt == r.Attempt && c.state == etl.ChunkFailed
				move(m.fits(r.RunAttempt, c, r.Attempt) || again, func() error { return s.ChunkFailed(ctx, r, etl.Counts{Read: 7, Filtered: 2, Rejected: 1}, nil) }, func() { c.state = etl.ChunkFailed })
			},
			"publish": func(*rapid.T) {
				a := attempt()
				ok := a == m.attempt && m.status == etl.Running && (m.phase == etl.PhasePublish || m.phase == etl.PhaseLoad && m.done() == n)
				move(ok, func() error { _, err := s.BeginPublish(ctx, id, a); return err }, func() { m.phase = etl.PhasePublish })
			},
			"reopen": func(*rapid.T) {
				c, r := report()
				ok := r.RunAttempt == m.attempt && m.status == etl.Running && m.phase != etl.PhasePlan
				_, err := s.ReopenChunks(ctx, id, r.RunAttempt, []int{r.Number})
				if !ok && err == nil {
					require.Equal(t, m.attempt, r.RunAttempt)
					require.NotEqual(t, etl.ChunkLoaded, c.state, "nothing to do is no error")
					return
				}
				agree(ok, err)
				if ok {
					m.phase = etl.PhaseLoad
					if c.state == etl.ChunkLoaded {
						c.state, c.rejects = etl.ChunkWaiting, 0
					}
				}
			},
			"complete": func(*rapid.T) {
				a := attempt()
				ok := a == m.attempt && (m.status == etl.Completed || m.status == etl.Running && m.phase == etl.PhasePublish)
				move(ok, func() error {
					_, err := s.CompleteRun(ctx, id, a, etl.Counts{Read: int64(10 * n), Deduplicated: int64(10 * n)}, nil)
					return err
				}, func() { m.status, m.phase = etl.Completed, etl.PhaseDone })
			},
			"fail": func(*rapid.T) {
				a := attempt()
				ok := a == m.attempt && (m.status == etl.Failed || !m.status.Final())
				move(ok, func() error { _, err := s.FailRun(ctx, id, a, nil, nil); return err }, func() { m.status = etl.Failed })
			},
			"cancel": func(*rapid.T) {
				ok := m.status == etl.Cancelled || !m.status.Final() && m.phase != etl.PhasePublish
				move(ok, func() error { _, err := s.CancelRun(ctx, id); return err }, func() { m.status = etl.Cancelled })
			},
			"retry": func(*rapid.T) {
				move(m.status == etl.Failed, func() error { _, err := s.RetryRun(ctx, id); return err }, func() {
					m.status, m.phase, m.adopted = etl.Pending, etl.PhasePlan, false
					m.attempt++
					for i := range m.chunks {
						if c := &m.chunks[i]; c.state != etl.ChunkLoaded {
							c.state = etl.ChunkWaiting
						}
					}
				})
			},
			"": func(*rapid.T) { compare(ctx, t, s, id, m) },
		})
	})
}

func plus(a, b etl.Counts) etl.Counts { return difference(a, difference(etl.Counts{}, b)) }

func compare(ctx context.Context, t require.TestingT, s *Store, id int64, m *modelRun) {
	r, err := s.Run(ctx, id)
	require.NoError(t, err)
	require.Equal(t, [3]any{m.status, m.phase, m.attempt}, [3]any{r.Status, r.Phase, r.Attempt})
	require.Equal(t, m.adopted, r.Adopted)
	require.Equal(t, len(m.chunks), r.ChunksTotal)
	require.Equal(t, m.done(), r.ChunksDone)
	list, err := s.Chunks(ctx, id)
	require.NoError(t, err)
	rejects, loaded := 0, etl.Counts{}
	for i, c := range list {
		require.Equal(t, m.chunks[i].state, c.State)
		require.Equal(t, m.chunks[i].attempt, c.Attempt)
		rejects += m.chunks[i].rejects
		loaded = plus(loaded, c.Counts)
	}
	if r.Status == etl.Failed || r.Status == etl.Cancelled {
		loaded.Loaded = 0
	}
	if r.Status != etl.Completed {
		require.Equal(t, loaded, r.Counts, "the run's progress is the sum of its chunks'")
	}
	var stored int
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FROM run_rejects WHERE run_id = $1`, id).Scan(&stored))
	require.Equal(t, rejects, stored)
}

// TestConcurrentActors lets loaders, finalizers, somebody who cancels and
// somebody who retries loose on one run at once. However they interleave, one
// loader per claim wins, the last one is told so, publishing and cancelling
// exclude each other, and the counts add up.
func TestConcurrentActors(t *testing.T) {
	s := open(t, Options{MaxConns: 8})
	job := newJob(t, s)
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		created, _, err := s.CreateRun(ctx, frozen(job), etl.IdempotencyKey{})
		require.NoError(t, err)
		id, n := created.ID, rapid.IntRange(1, 4).Draw(t, "chunks")
		_, err = s.StartRun(ctx, id, 1)
		require.NoError(t, err)
		_, err = s.PlanRun(ctx, id, 1, "fan-out", chunks(n))
		require.NoError(t, err)

		var (
			wait      sync.WaitGroup
			mu        sync.Mutex
			published = map[int]bool{} // attempts
			cancelled bool
			accepted  = map[string]int{}
			strange   []error
		)
		note := func(do func()) { mu.Lock(); defer mu.Unlock(); do() }
		// expected are the refusals that a latecomer may meet.
		expected := func(err error) bool {
			_, done := errors.AsType[*etl.ChunkDone](err)
			_, held := errors.AsType[*etl.RetryAfter](err)
			if code := codeOf(err); !done && !held && code != CodeRunState && code != CodeStaleAttempt {
				note(func() { strange = append(strange, err) })
			}
			return false
		}
		finalize := func(attempt int) {
			if _, err := s.BeginPublish(ctx, id, attempt); err != nil {
				expected(err)
				return
			}
			note(func() { published[attempt] = true })
			rows := int64(10 * n)
			if _, err := s.CompleteRun(ctx, id, attempt, etl.Counts{Read: rows, Loaded: rows, Inserted: rows}, nil); err != nil {
				expected(err)
			}
		}
		loader := func(order []int, attempt int, die bool) {
			for _, number := range order {
				c, err := s.ClaimChunk(ctx, id, number, attempt, 0)
				if err != nil {
					expected(err)
					continue
				}
				claim := etl.ChunkRef{RunID: id, Number: number, RunAttempt: attempt, Attempt: c.Attempt}
				if die {
					return
				}
				if err := s.ChunkProgress(ctx, claim, 50, 5); err != nil {
					expected(err)
					continue
				}
				remaining, err := s.ChunkLoaded(ctx, claim, etl.Counts{Read: 10, Loaded: 10}, nil)
				if err != nil {
					expected(err)
					continue
				}
				note(func() { accepted[fmt.Sprint(number, " ", c.Attempt)]++ })
				if remaining == 0 {
					finalize(attempt)
				}
			}
		}
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i
		}
		for range rapid.IntRange(1, 4).Draw(t, "loaders") {
			order, die := rapid.Permutation(numbers).Draw(t, "order"), rapid.IntRange(0, 4).Draw(t, "dies") == 0
			wait.Go(func() { loader(order, 1, die) })
		}
		if rapid.Bool().Draw(t, "cancel") {
			wait.Go(func() {
				if _, err := s.CancelRun(ctx, id); err != nil {
					expected(err)
				} else {
					note(func() { cancelled = true })
				}
			})
		}
		if rapid.Bool().Draw(t, "fail and retry") {
			order := rapid.Permutation(numbers).Draw(t, "order")
			wait.Go(func() {
				if _, err := s.FailRun(ctx, id, 1, nil, nil); err != nil {
					expected(err)
					return
				}
				if _, err := s.RetryRun(ctx, id); err != nil {
					expected(err)
					return
				}
				if _, err := s.StartRun(ctx, id, 2); err != nil {
					expected(err)
					return
				}
				loader(order, 2, false)
			})
		}
		wait.Go(func() { finalize(1) })
		wait.Wait()

		require.Empty(t, strange)
		// Whoever comes last finds a run that can be brought to its end.
		r, err := s.Run(ctx, id)
		require.NoError(t, err)
		if !r.Status.Final() {
			loader(numbers, r.Attempt, false)
			finalize(r.Attempt)
			require.Empty(t, strange)
			r, err = s.Run(ctx, id)
			require.NoError(t, err)
		}
		require.True(t, r.Status == etl.Completed || r.Status == etl.Cancelled, r.Status)
		require.Equal(t, cancelled, r.Status == etl.Cancelled)
		require.Equal(t, r.Status == etl.Completed, published[r.Attempt], "published exactly where completed")
		list, err := s.Chunks(ctx, id)
		require.NoError(t, err)
		var sum etl.Counts
		for _, c := range list {
			sum = plus(sum, c.Counts)
		}
		require.Equal(t, sum.Read, r.Counts.Read)
		for claim, times := range accepted {
			require.Equal(t, 1, times, claim)
		}
	})
}
