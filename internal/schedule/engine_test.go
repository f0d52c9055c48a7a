package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schedule"
	"github.com/etlportal/etlportal/internal/store"
)

// lab is a portal's database whose clock can be set, and a job in it.
type lab struct {
	testing.TB

	url    string
	store  *store.Store
	job    etl.Job
	offset atomic.Int64
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{TB: t, url: etltest.Postgres(t)}
	require.NoError(t, store.MigrateUp(t.Context(), l.url))
	l.store = l.open()
	l.job = l.newJob("job")
	return l
}

// open gives another server's store, by the same clock.
func (l *lab) open() *store.Store {
	l.Helper()
	s, err := store.Open(l.Context(), l.url, store.Options{Now: l.now, MaxConns: 12})
	require.NoError(l, err)
	l.Cleanup(s.Close)
	return s
}

func (l *lab) now() time.Time { return time.Now().Add(time.Duration(l.offset.Load())) }

// set sets the clock, forward or back.
func (l *lab) set(at string) time.Time {
	l.Helper()
	to, err := time.Parse(time.RFC3339, at)
	require.NoError(l, err)
	l.offset.Store(int64(time.Until(to)))
	return to
}

func (l *lab) newJob(name string) etl.Job {
	l.Helper()
	src, err := l.store.CreateSource(l.Context(), etl.Source{Filename: "a.csv", Size: 4, State: etl.SourceSampled, Object: etl.ObjectRef{Key: "k", Size: 4, ETag: "e"}, Names: []string{"a"}})
	require.NoError(l, err)
	c, err := l.store.CreateCredential(l.Context(), etl.Credential{Name: name, Type: "postgresql", Host: "db.example.com", Port: 5432, Database: "d", Username: "u", SSLMode: "require"},
		func(context.Context, int64) (etl.Sealed, error) {
			return etl.Sealed{Ciphertext: []byte("x"), KeyVersion: "1"}, nil
		})
	require.NoError(l, err)
	j, err := l.store.CreateJob(l.Context(), etl.Job{Name: name, FileID: src.ID, CredentialID: c.ID, Schema: "public", Table: "t", Strategy: etl.Insert})
	require.NoError(l, err)
	return j
}

// start makes a run, as the portal does.
func (l *lab) start(s *store.Store) func(context.Context, etl.Schedule, etl.IdempotencyKey) (int64, error) {
	return func(ctx context.Context, v etl.Schedule, key etl.IdempotencyKey) (int64, error) {
		job, err := s.Job(ctx, v.JobID)
		if err != nil {
			return 0, err
		}
		run, _, err := s.CreateRun(ctx, etl.Run{Job: job, Trigger: "schedule", FileID: job.FileID, Object: etl.ObjectRef{Key: "k", Size: 4, ETag: "e"}, BytesTotal: 4}, key)
		return run.ID, err
	}
}

func (l *lab) engine() *schedule.Engine {
	s := l.open()
	return &schedule.Engine{Store: s, Start: l.start(s)}
}

// add stores a schedule as the portal does.
func (l *lab) add(change func(*etl.Schedule)) etl.Schedule {
	l.Helper()
	v := etl.Schedule{
		JobID: l.job.ID, Cron: "* * * * *", Timezone: "UTC", Enabled: true, Engine: etl.EngineNative, Overlap: etl.OverlapAllow, CatchUp: etl.CatchUpNone, CatchUpMax: 10, State: etl.ScheduleActive,
	}
	if change != nil {
		change(&v)
	}
	var due *time.Time
	if v.Enabled {
		v.NextAt, due = schedule.Plan(v, l.now())
	}
	v, err := l.store.CreateSchedule(l.Context(), v, due)
	require.NoError(l, err)
	return v
}

func (l *lab) read(id int64) etl.Schedule {
	l.Helper()
	v, err := l.store.Schedule(l.Context(), id)
	require.NoError(l, err)
	return v
}

func (l *lab) runs() []etl.Run {
	l.Helper()
	list, err := l.store.Runs(l.Context(), etl.RunFilter{}, etl.Page{Limit: 1000})
	require.NoError(l, err)
	return list.Items
}

// until waits for what the engines do beside the test.
func (l *lab) until(what string, is func() bool) {
	l.Helper()
	require.Eventually(l, is, 20*time.Second, 20*time.Millisecond, what)
}

// run lets engines fire until the test or the function that it gives ends them.
func (l *lab) run(engines ...*schedule.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, e := range engines {
		group.Go(func() { e.Run(ctx) })
	}
	stop = sync.OnceFunc(func() { cancel(); group.Wait() })
	l.Cleanup(stop)
	return stop
}

// Three servers on one database fire each time of each schedule once.
func TestOnceWithThreeServers(t *testing.T) {
	l := newLab(t)
	base := l.set("2026-05-04T09:59:58Z")
	const schedules = 40
	var ids []int64
	for range schedules {
		ids = append(ids, l.add(nil).ID)
	}
	l.run(l.engine(), l.engine(), l.engine())
	due := base.Add(2 * time.Second)
	fired := func(at time.Time) func() bool {
		return func() bool {
			return !slices.ContainsFunc(ids, func(id int64) bool { v := l.read(id); return v.LastAt == nil || !v.LastAt.Equal(at) })
		}
	}
	l.until("the first minute", fired(due))
	require.Len(t, l.runs(), schedules)
	var latest time.Duration
	for _, r := range l.runs() {
		latest = max(latest, r.CreatedAt.Sub(due))
		require.False(t, r.CreatedAt.Before(due), "a run is made before its time")
	}
	t.Logf("%d schedules of one minute, three servers: the first run came %s after its time, the last %s", schedules, l.runs()[schedules-1].CreatedAt.Sub(due), latest)
	l.set("2026-05-04T10:00:59.5Z") // the clock is set forward
	l.until("the second minute", fired(due.Add(time.Minute)))
	require.Len(t, l.runs(), 2*schedules)
	l.set("2026-05-04T09:59:59.5Z") // and back: these minutes have been
	again := l.add(nil)
	l.until("a schedule that is new", func() bool { return l.read(again.ID).LastAt != nil })
	require.Len(t, l.runs(), 2*schedules+1)
	for _, id := range ids {
		require.Equal(t, due.Add(2*time.Minute), l.read(id).NextAt.UTC())
	}
}

// What becomes of times that passed while nothing fired: after a restart, and
// where the clock leaps.
func TestCatchUp(t *testing.T) {
	const created = "2026-05-04T10:00:30Z"
	for _, tc := range []struct {
		name, now string
		change    func(*etl.Schedule)
		runs      int
		last      string
		outcome   etl.TickOutcome
	}{
		{"a moment late", "2026-05-04T10:01:20Z", nil, 1, "10:01", etl.TickStarted},
		{"none", "2026-05-04T13:30:10Z", func(s *etl.Schedule) { s.Cron = "0 * * * *" }, 0, "13:00", etl.TickMissed},
		{"none, just now", "2026-05-04T13:00:10Z", func(s *etl.Schedule) { s.Cron = "0 * * * *" }, 1, "13:00", etl.TickStarted},
		{"one", "2026-05-04T13:30:10Z", func(s *etl.Schedule) { s.Cron, s.CatchUp = "0 * * * *", etl.CatchUpOne }, 1, "13:00", etl.TickStarted},
		{"all", "2026-05-04T13:30:10Z", func(s *etl.Schedule) { s.Cron, s.CatchUp = "0 * * * *", etl.CatchUpAll }, 3, "13:00", etl.TickStarted},
		{"all, bounded", "2026-05-04T13:30:10Z", func(s *etl.Schedule) { s.CatchUp, s.CatchUpMax = etl.CatchUpAll, 7 }, 7, "13:30", etl.TickStarted},
		{"all, years later", "2031-05-04T13:30:10Z", func(s *etl.Schedule) { s.CatchUp = etl.CatchUpAll }, 10, "13:30", etl.TickStarted},
		{"all, yearly", "2031-07-04T13:30:10Z", func(s *etl.Schedule) { s.Cron, s.CatchUp = "0 12 1 6 *", etl.CatchUpAll }, 6, "12:00", etl.TickStarted},
		{"ended meanwhile", "2026-05-04T13:30:10Z", func(s *etl.Schedule) {
			end := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
			s.Cron, s.CatchUp, s.EndAt = "0 * * * *", etl.CatchUpAll, &end
		}, 1, "11:00", etl.TickStarted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLab(t)
			l.set(created)
			v := l.add(tc.change)
			now := l.set(tc.now)
			l.run(l.engine(), l.engine())
			l.until("all is decided", func() bool {
				got := l.read(v.ID)
				return got.LastAt != nil && got.LastAt.UTC().Format("15:04") == tc.last && len(l.runs()) >= tc.runs
			})
			got := l.read(v.ID)
			require.Len(t, l.runs(), tc.runs)
			require.Equal(t, tc.outcome, got.LastOutcome, got.LastReason)
			require.Equal(t, tc.outcome == etl.TickMissed, got.LastReason != "")
			if v.EndAt == nil {
				require.True(t, got.NextAt.After(now), "no storm: the next time is ahead")
			} else {
				require.Nil(t, got.NextAt)
			}
		})
	}
}

// Where the clocks change, in the engine as it runs.
func TestEngineAtClockChange(t *testing.T) {
	l := newLab(t)
	l.set("2026-03-29T00:59:58Z") // 01:59:58 in Berlin
	daily := l.add(func(s *etl.Schedule) { s.Cron, s.Timezone = "30 2 * * *", "Europe/Berlin" })
	l.run(l.engine(), l.engine())
	l.until("the gap's end", func() bool { return l.read(daily.ID).LastAt != nil })
	require.Equal(t, "2026-03-29T01:00:00Z", l.read(daily.ID).LastAt.UTC().Format(time.RFC3339))
	require.Equal(t, "2026-03-30T00:30:00Z", l.read(daily.ID).NextAt.UTC().Format(time.RFC3339))
}

func TestOverlap(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:30Z")
	made := map[etl.Overlap]etl.Schedule{}
	before := map[etl.Overlap]int64{}
	for _, o := range []etl.Overlap{etl.OverlapSkip, etl.OverlapQueue, etl.OverlapAllow} {
		l.job = l.newJob(string(o))
		made[o] = l.add(func(s *etl.Schedule) { s.Overlap = o })
		run, err := l.start(l.store)(t.Context(), made[o], etl.IdempotencyKey{})
		require.NoError(t, err)
		before[o] = run
	}
	l.run(l.engine(), l.engine())
	l.set("2026-05-04T10:01:00Z")
	last := func(o etl.Overlap) etl.Schedule { return l.read(made[o].ID) }
	l.until("two are decided", func() bool { return last(etl.OverlapSkip).LastAt != nil && last(etl.OverlapAllow).LastAt != nil })
	require.Equal(t, etl.TickSkipped, last(etl.OverlapSkip).LastOutcome)
	require.Contains(t, last(etl.OverlapSkip).LastReason, fmt.Sprintf("run %d", before[etl.OverlapSkip]))
	require.Zero(t, last(etl.OverlapSkip).LastRunID)
	require.Equal(t, etl.TickStarted, last(etl.OverlapAllow).LastOutcome)
	require.Nil(t, last(etl.OverlapQueue).LastAt, "it waits")
	require.Len(t, l.runs(), 4)
	_, err := l.store.CancelRun(t.Context(), before[etl.OverlapQueue])
	require.NoError(t, err)
	l.until("the queue moves", func() bool { return last(etl.OverlapQueue).LastRunID != 0 })
	require.Len(t, l.runs(), 5)
}

// Times that are caught up do not skip each other, and run one after the other.
func TestCatchUpInTurn(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:30Z")
	v := l.add(func(s *etl.Schedule) { s.Cron, s.CatchUp, s.Overlap = "*/10 * * * *", etl.CatchUpAll, etl.OverlapSkip })
	l.set("2026-05-04T10:35:00Z")
	l.run(l.engine(), l.engine(), l.engine())
	for n := 1; n <= 3; n++ {
		l.until("a run", func() bool { return len(l.runs()) == n && l.read(v.ID).LastRunID == l.runs()[0].ID })
		require.Equal(t, 10*n, l.read(v.ID).LastAt.Minute(), "in the order of time")
		_, err := l.store.CancelRun(t.Context(), l.runs()[0].ID)
		require.NoError(t, err)
	}
}

// A worker that is first at a later time leaves it to the earlier one, which
// another has taken and not decided yet.
func TestCatchUpWhoeverIsFirst(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:30Z")
	v := l.add(func(s *etl.Schedule) { s.Cron, s.CatchUp, s.Overlap = "*/10 * * * *", etl.CatchUpAll, etl.OverlapSkip })
	first, second := l.set("2026-05-04T10:10:00Z"), l.set("2026-05-04T10:20:00Z")
	claimed, err := l.store.ClaimDue(t.Context(), 0, 1, func(s etl.Schedule, _ time.Time) etl.DueDecision {
		d := etl.DueDecision{Ticks: []etl.DueTick{{At: first, Outcome: etl.TickDue}, {At: second, Outcome: etl.TickWaiting}}}
		d.Next, d.Due = schedule.Plan(s, second)
		return d
	})
	require.NoError(t, err)
	require.Equal(t, 1, claimed)
	e := l.engine()
	require.NoError(t, e.Tick(t.Context(), etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: second}))
	require.Empty(t, l.runs(), "the first time is not over")
	require.NoError(t, e.Tick(t.Context(), etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: first}))
	require.Len(t, l.runs(), 1)
	require.Equal(t, first, l.read(v.ID).LastAt.UTC())
	_, err = l.store.CancelRun(t.Context(), l.runs()[0].ID)
	require.NoError(t, err)
	require.NoError(t, e.Tick(t.Context(), etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: second}))
	require.Len(t, l.runs(), 2)
	require.Equal(t, second, l.read(v.ID).LastAt.UTC())
}

// A server that dies in the midst of a time: before its run is made, and after.
func TestServerDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after making the run: %t", after), func(t *testing.T) {
			l := newLab(t)
			l.set("2026-05-04T10:00:59Z")
			v := l.add(func(s *etl.Schedule) { s.Overlap = etl.OverlapSkip })
			dying := l.engine()
			reached := make(chan struct{})
			start := dying.Start
			var once sync.Once
			dying.Start = func(ctx context.Context, s etl.Schedule, key etl.IdempotencyKey) (int64, error) {
				if after {
					if _, err := start(ctx, s, key); err != nil {
						return 0, err
					}
				}
				once.Do(func() { close(reached) })
				<-ctx.Done()
				return 0, ctx.Err()
			}
			stop := l.run(dying)
			<-reached
			stop()
			require.Nil(t, l.read(v.ID).LastAt)
			l.run(l.engine())
			l.until("another server", func() bool { return l.read(v.ID).LastRunID != 0 })
			require.Equal(t, etl.TickStarted, l.read(v.ID).LastOutcome, "its own run is none that is in its way")
			require.Len(t, l.runs(), 1)
		})
	}
}

// Weather is tried again, a mistake is told, and neither stops the other schedules.
func TestRunCannotBeMade(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:59.5Z")
	bad, wet, good := l.add(nil), l.add(nil), l.add(nil)
	e := l.engine()
	start := e.Start
	var tries atomic.Int64
	e.Start = func(ctx context.Context, s etl.Schedule, key etl.IdempotencyKey) (int64, error) {
		switch {
		case s.ID == bad.ID:
			return 0, etl.Mistakef("unknown_column", "Mend it.", "a column is gone")
		case s.ID == wet.ID && tries.Add(1) < 3:
			return 0, &etl.Error{Kind: etl.Weather, Code: "busy", Message: "busy"}
		}
		return start(ctx, s, key)
	}
	l.run(e)
	l.until("all are decided", func() bool {
		return l.read(bad.ID).LastAt != nil && l.read(wet.ID).LastAt != nil && l.read(good.ID).LastAt != nil
	})
	require.Equal(t, etl.TickFailed, l.read(bad.ID).LastOutcome)
	require.Contains(t, l.read(bad.ID).LastReason, "a column is gone. Mend it.")
	require.Equal(t, etl.TickStarted, l.read(wet.ID).LastOutcome)
	require.Len(t, l.runs(), 2)
}

// A tick of another clock, any number of times at once, is one run; what is
// none of the schedule's is dropped.
func TestTick(t *testing.T) {
	l := newLab(t)
	l.set("2026-05-04T10:00:00.5Z")
	end := time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC)
	v := l.add(func(s *etl.Schedule) { s.Cron, s.EndAt, s.Overlap = "*/5 * * * *", &end, etl.OverlapSkip })
	off := l.add(func(s *etl.Schedule) { s.Enabled = false })
	e, other := l.engine(), l.engine()
	e.Scheduler, other.Scheduler = &outside{}, &outside{}
	at := time.Date(2026, 5, 4, 10, 5, 0, 0, time.UTC)
	for _, dropped := range []etl.Tick{
		{ScheduleID: 999, JobID: v.JobID, At: at},
		{ScheduleID: v.ID, JobID: 999, At: at},
		{ScheduleID: off.ID, JobID: off.JobID, At: at},
		{ScheduleID: v.ID, JobID: v.JobID, At: at.Add(time.Minute)},
		{ScheduleID: v.ID, JobID: v.JobID, At: end},
	} {
		require.NoError(t, e.Tick(t.Context(), dropped))
	}
	require.Empty(t, l.runs())
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			errs[i] = []*schedule.Engine{e, other}[i%2].Tick(t.Context(), etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: at})
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, l.runs(), 1)
	require.Equal(t, at.Add(5*time.Minute), l.read(v.ID).NextAt.UTC())
	require.Equal(t, l.runs()[0].ID, l.read(v.ID).LastRunID)
	// One that never comes is fired all the same, some minutes later, and once.
	l.set("2026-05-04T10:12:30Z")
	require.NoError(t, e.Reconcile(t.Context()))
	require.Equal(t, etl.TickSkipped, l.read(v.ID).LastOutcome, "the first run is under way still")
	require.Equal(t, at.Add(5*time.Minute), l.read(v.ID).LastAt.UTC())
	require.NoError(t, other.Tick(t.Context(), etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: at.Add(5 * time.Minute)}))
	require.Len(t, l.runs(), 1)
}

// waiting ends when a session of the portal's database waits for a lock.
func (l *lab) waiting() {
	l.Helper()
	conn, err := pgx.Connect(l.Context(), l.url)
	require.NoError(l, err)
	defer func() { _ = conn.Close(context.WithoutCancel(l.Context())) }()
	l.until("a session waits for a lock", func() (waits bool) {
		require.NoError(l, conn.QueryRow(l.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())`).Scan(&waits))
		return waits
	})
}

// A time that is told again, or whose schedule is deleted, while it is decided:
// whoever comes second waits, and nobody is chosen as a deadlock's victim.
func TestTickMeanwhile(t *testing.T) {
	at := time.Date(2026, 5, 4, 10, 5, 0, 0, time.UTC)
	for name, meanwhile := range map[string]func(l *lab, v etl.Schedule, holds chan<- struct{}) error{
		"told again": func(l *lab, v etl.Schedule, holds chan<- struct{}) error {
			_, err := l.store.AddTick(l.Context(), v.ID, at, func(etl.Schedule) (next, due *time.Time, ok bool) {
				close(holds)
				l.waiting()
				return nil, nil, true
			})
			return err
		},
		"deleted": func(l *lab, v etl.Schedule, holds chan<- struct{}) error {
			deleted := make(chan error, 1)
			go func() { deleted <- l.store.DeleteSchedule(l.Context(), v.ID) }()
			l.waiting()
			close(holds)
			return <-deleted
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.set("2026-05-04T10:05:00.5Z")
			v := l.add(func(s *etl.Schedule) { s.Overlap = etl.OverlapSkip })
			_, err := l.store.AddTick(t.Context(), v.ID, at, func(etl.Schedule) (next, due *time.Time, ok bool) { return nil, nil, true })
			require.NoError(t, err)
			tick := etl.Tick{ScheduleID: v.ID, JobID: v.JobID, At: at}
			holds, done := make(chan struct{}), make(chan error, 1)
			took, err := l.store.TakeTick(t.Context(), &tick, func(context.Context, etl.OpenTick) (etl.TickDecision, error) {
				go func() { done <- meanwhile(l, v, holds) }()
				<-holds
				return etl.TickDecision{Outcome: etl.TickSkipped, Reason: "test"}, nil
			})
			require.NoError(t, errors.Join(err, <-done))
			require.True(t, took)
		})
	}
}

// BenchmarkTenThousand is the processor's time for a second in which none, and
// a minute in which a tenth of 10,000 schedules is due. Reported by a server.
func BenchmarkTenThousand(b *testing.B) {
	l := newLab(b)
	l.set("2026-05-04T10:00:05Z")
	for i := range 10_000 {
		l.add(func(s *etl.Schedule) { s.Cron = fmt.Sprintf("%d * * * *", 1+i%10) })
	}
	e := l.engine()
	stop := l.run(e)
	b.ResetTimer()
	for range b.N {
		began, cpu := time.Now(), processor()
		time.Sleep(10 * time.Second)
		b.ReportMetric(100*(processor()-cpu).Seconds()/time.Since(began).Seconds(), "idle-cpu-%")
	}
	b.StopTimer()
	due := l.set("2026-05-04T10:01:00Z")
	cpu := processor()
	l.until("the minute", func() bool { return len(l.runs()) == 1000 })
	list := l.runs()
	b.ReportMetric((processor() - cpu).Seconds(), "cpu-s/1000-runs")
	b.ReportMetric(list[len(list)-1].CreatedAt.Sub(due).Seconds(), "first-s")
	b.ReportMetric(list[0].CreatedAt.Sub(due).Seconds(), "last-s")
	stop()
}

func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
