package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// Store is what the engine asks of the portal's database, whose clock decides
// when a time has come. What is not there is a Mistake of code not_found.
type Store interface {
	Clock(ctx context.Context) (etl.ScheduleClock, error)
	ClaimDue(ctx context.Context, late time.Duration, limit int, decide func(etl.Schedule, time.Time) etl.DueDecision) (claimed int, err error)
	AddTick(ctx context.Context, scheduleID int64, at time.Time, decide func(etl.Schedule) (next, due *time.Time, ok bool)) (ok bool, err error)
	TakeTick(ctx context.Context, only *etl.Tick, handle func(context.Context, etl.OpenTick) (etl.TickDecision, error)) (took bool, err error)
	SweepTicks(ctx context.Context, olderThan time.Duration) error
	Schedule(ctx context.Context, id int64) (etl.Schedule, error)
	Schedules(ctx context.Context, f etl.ScheduleFilter, p etl.Page) (etl.List[etl.Schedule], error)
	SetScheduleState(ctx context.Context, id, version int64, state etl.ScheduleState, reason string) error
	Job(ctx context.Context, id int64) (etl.Job, error)
}

// Engine fires the schedules of a portal. Its fields are set once, before use.
// Its methods may be used by any number of goroutines and processes at once.
type Engine struct {
	Store Store
	// Start makes the run of a firing; repeated with the same key it is the same run.
	Start func(ctx context.Context, s etl.Schedule, key etl.IdempotencyKey) (runID int64, err error)
	// Scheduler is the clock of native schedules; nil: Run is.
	Scheduler etl.Scheduler
	// Orchestrator fires those of engine airflow; nil: there are none.
	Orchestrator etl.Orchestrator
	// Log may be nil.
	Log *slog.Logger

	// checked is when the schedulers were last compared, in Unix nanoseconds.
	checked atomic.Int64
}

const (
	// look is how often Run looks at the clock and the table at least: what was
	// changed elsewhere, and a clock that was set, show within that.
	look = 500 * time.Millisecond
	// afterFailure is how long Run waits for a database that does not answer.
	afterFailure = time.Second
	// workers start runs at a time; each takes two connections while it does.
	workers = 4
	// claims is how many schedules are claimed in a transaction.
	claims = 200
	// inTime is how late a firing may be that is not missed yet, and inTimeAfar
	// the same where another clock fires and this one only looks after it.
	inTime, inTimeAfar = time.Minute, 10 * time.Minute
	// afar is how long the other clock is waited for.
	afar = 2 * time.Minute
	// startFor bounds the making of a run.
	startFor = 30 * time.Second
	// queued is how many times of a schedule wait for the end of a run at most.
	queued = 10
	// waitAgain is how often a waiting time is looked at.
	waitAgain = time.Second
	// giveUp is how long a time is tried that cannot make its run for the weather.
	giveUp = time.Hour
	// keepTicks is longer than any queue keeps a tick.
	keepTicks = 30 * 24 * time.Hour
)

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

// Run fires native schedules until ctx ends, and then waits for what is under
// way. It returns at once where a Scheduler fires them.
func (e *Engine) Run(ctx context.Context) {
	if e.Scheduler != nil {
		return
	}
	wake := make(chan struct{}, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { e.work(ctx, wake) })
	}
	failing := false
	for ctx.Err() == nil {
		pause, err := e.step(ctx, wake)
		if err != nil && ctx.Err() == nil && !failing {
			e.log().WarnContext(ctx, "schedules cannot be looked at, and will be again", "error", err)
		}
		failing = err != nil
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	group.Wait()
}

// step claims what is due and says how long there is nothing to do.
func (e *Engine) step(ctx context.Context, wake chan<- struct{}) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	clock, err := e.Store.Clock(ctx)
	if err != nil {
		return afterFailure, err
	}
	open := clock.Open
	if clock.Due != nil && !clock.Due.After(clock.Now) {
		n, err := e.Store.ClaimDue(ctx, 0, claims, func(s etl.Schedule, now time.Time) etl.DueDecision { return e.decide(&s, now, inTime) })
		if err != nil {
			return afterFailure, err
		}
		open = true
		next := clock.Now // there may be more
		if n == 0 {
			next = next.Add(look / 10) // another server has it
		}
		clock.Due = &next
	}
	if open {
		for range workers {
			select {
			case wake <- struct{}{}:
			default: // enough are awake
			}
		}
	}
	if clock.Due == nil {
		return look, nil
	}
	return max(0, min(clock.Due.Sub(clock.Now), look)), nil
}

// work handles ticks, whenever there may be some.
func (e *Engine) work(ctx context.Context, wake <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		if err := e.drain(ctx); err != nil && ctx.Err() == nil {
			e.log().WarnContext(ctx, "a schedule's time could not be handled, and will be again", "error", err)
		}
	}
}

// drain handles the open ticks whose time has come.
func (e *Engine) drain(ctx context.Context) error {
	for ctx.Err() == nil {
		if took, err := e.Store.TakeTick(ctx, nil, e.handle); err != nil || !took {
			return err
		}
	}
	return nil
}

// decide says which times of a schedule have come by now.
func (e *Engine) decide(s *etl.Schedule, now time.Time, grace time.Duration) etl.DueDecision {
	expression, loc, err := read(*s)
	if err != nil || s.NextAt == nil {
		e.log().Error("a stored schedule cannot be read, and does not fire", "schedule_id", s.ID, "error", err)
		return etl.DueDecision{}
	}
	most := 1
	if s.CatchUp == etl.CatchUpAll {
		most = max(1, s.CatchUpMax)
	}
	came := latest(expression, loc, s, now, most)
	d := etl.DueDecision{}
	last := came[len(came)-1]
	punctual := last.Add(delay(s, last)).Add(grace).After(now)
	if s.CatchUp == etl.CatchUpNone && !punctual {
		d.Ticks = []etl.DueTick{{At: last, Outcome: etl.TickMissed, Reason: fmt.Sprintf("nothing could fire it until %s, and missed times are not caught up", now.UTC().Format(time.RFC3339))}}
	} else {
		for i, at := range came {
			t := etl.DueTick{At: at, Outcome: etl.TickDue}
			// Those that are caught up go one after the other.
			if i > 0 && s.Overlap == etl.OverlapSkip {
				t.Outcome = etl.TickWaiting
			}
			d.Ticks = append(d.Ticks, t)
		}
	}
	d.Next, d.Due = Plan(*s, last)
	return d
}

// handle decides what becomes of a time, and starts its run.
func (e *Engine) handle(ctx context.Context, t etl.OpenTick) (etl.TickDecision, error) {
	s := &t.Schedule
	log := e.log().With("schedule_id", s.ID, "job_id", s.JobID, "at", t.At)
	if d, over := policy(&t); over {
		if d.Outcome == etl.TickSkipped {
			log.InfoContext(ctx, "a schedule's time is skipped", "reason", d.Reason)
		}
		return d, nil
	}
	starting, cancel := context.WithTimeout(ctx, startFor)
	defer cancel()
	run, err := e.Start(starting, *s, etl.Tick{ScheduleID: s.ID, JobID: s.JobID, At: t.At}.Key())
	if err == nil {
		log.InfoContext(ctx, "a schedule's time has come", "run_id", run)
		return etl.TickDecision{Outcome: etl.TickStarted, RunID: run}, nil
	}
	if ctx.Err() != nil {
		return etl.TickDecision{}, err
	}
	reason := "no run could be made: " + plain(err)
	if etl.KindOf(err) == etl.Weather && time.Duration(t.Tries)*time.Minute < giveUp {
		log.WarnContext(ctx, "a schedule's time has come, and its run will be tried again", "error", err)
		return etl.TickDecision{Outcome: t.Outcome, Reason: reason, Again: min(time.Second<<min(t.Tries, 6), time.Minute), Failed: true}, nil
	}
	log.ErrorContext(ctx, "a schedule's time has come, and no run could be made", "error", err)
	return etl.TickDecision{Outcome: etl.TickFailed, Reason: reason}, nil
}

// policy says what becomes of a time without making a run; over is false where
// one is to be made.
func policy(t *etl.OpenTick) (d etl.TickDecision, over bool) {
	s := &t.Schedule
	busy := t.Active
	switch {
	case t.Made != 0:
		// Whoever made it did not come to say so.
		return etl.TickDecision{Outcome: etl.TickStarted, RunID: t.Made}, true
	case !s.Enabled:
		return etl.TickDecision{Outcome: etl.TickSkipped, Reason: "the schedule was switched off"}, true
	case s.Overlap == etl.OverlapAllow || busy == 0 && t.Before == 0:
		return d, false
	case s.Overlap == etl.OverlapQueue && t.Outcome == etl.TickDue && t.Before >= queued:
		return etl.TickDecision{Outcome: etl.TickSkipped, Reason: fmt.Sprintf("%d earlier times wait already for run %d to end", t.Before, busy)}, true
	case s.Overlap == etl.OverlapQueue || t.Outcome == etl.TickWaiting:
		return etl.TickDecision{Outcome: etl.TickWaiting, Reason: waits(busy), Again: waitAgain}, true
	case busy == 0: // earlier times are caught up before this one
		return etl.TickDecision{Outcome: etl.TickSkipped, Reason: "earlier times are being caught up"}, true
	}
	return etl.TickDecision{Outcome: etl.TickSkipped, Reason: fmt.Sprintf("run %d was under way", busy)}, true
}

func waits(run int64) string {
	if run == 0 {
		return "an earlier time waits, too"
	}
	return fmt.Sprintf("it waits for run %d to end", run)
}

func plain(err error) string {
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Kind != etl.Internal {
		return e.Error()
	}
	return "something of the portal's own failed; the log has it"
}

// Tick takes a firing that another clock tells of, any number of times. One
// whose schedule is gone, off or of other times is dropped. Weather wants it again.
func (e *Engine) Tick(ctx context.Context, t etl.Tick) error {
	log := e.log().With("schedule_id", t.ScheduleID, "job_id", t.JobID, "at", t.At)
	why := ""
	ok, err := e.Store.AddTick(ctx, t.ScheduleID, t.At, func(s etl.Schedule) (next, due *time.Time, ok bool) {
		if why = refuses(&s, t); why != "" {
			return nil, nil, false
		}
		next, due = Plan(s, t.At)
		return next, due, true
	})
	if code(err) == "not_found" {
		why = "there is no such schedule"
	} else if err != nil {
		return err
	}
	if !ok {
		log.WarnContext(ctx, "a time is dropped that is none of a schedule's", "reason", why)
		return nil
	}
	var made etl.TickDecision
	_, err = e.Store.TakeTick(ctx, &t, func(ctx context.Context, open etl.OpenTick) (etl.TickDecision, error) {
		var err error
		made, err = e.handle(ctx, open)
		return made, err
	})
	if err == nil && made.Failed {
		return &etl.Error{Kind: etl.Weather, Code: "schedule_not_started", Message: made.Reason, Fix: "It is tried again."}
	}
	return err
}

// refuses says why a tick is not this schedule's to take; "" where it is.
func refuses(s *etl.Schedule, t etl.Tick) string {
	expression, loc, err := read(*s)
	switch {
	case err != nil:
		return "the schedule cannot be read: " + err.Error()
	case s.JobID != t.JobID:
		return "the schedule is of another job"
	case s.Engine != etl.EngineNative:
		return "the schedule is " + string(s.Engine) + "'s"
	case !s.Enabled:
		return "the schedule is off"
	case s.StartAt != nil && t.At.Before(*s.StartAt):
		return "the schedule begins later"
	case s.EndAt != nil && !t.At.Before(*s.EndAt):
		return "the schedule has ended"
	case !expression.Fires(t.At, loc):
		return "the schedule has been changed and does not fire then"
	}
	return ""
}

func code(err error) etl.Code {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e.Code
	}
	return ""
}

// Reconcile looks after what the other clocks should have done: times that they
// did not tell of are fired, they are told anew of what they do not know, and
// old ticks are swept. It may be repeated, by several processes at once.
func (e *Engine) Reconcile(ctx context.Context) error {
	errs := []error{e.Store.SweepTicks(ctx, keepTicks)}
	if e.Scheduler != nil {
		for {
			n, err := e.Store.ClaimDue(ctx, afar, claims, func(s etl.Schedule, now time.Time) etl.DueDecision {
				return e.decide(&s, now, inTimeAfar)
			})
			if errs = append(errs, err); err != nil || n < claims {
				break
			}
		}
		errs = append(errs, e.drain(ctx))
	}
	return errors.Join(append(errs, e.repair(ctx))...)
}

// timetable is the schedule as a Scheduler keeps it; the jitter is its window.
func timetable(s *etl.Schedule, expressions []string) etl.Timetable {
	t := etl.Timetable{
		ScheduleID: s.ID, JobID: s.JobID, Expressions: expressions, Timezone: cmp.Or(s.Timezone, "UTC"), Enabled: s.Enabled,
		Window: (s.Jitter + time.Minute - 1).Truncate(time.Minute),
	}
	if s.StartAt != nil {
		t.From = s.StartAt.UTC()
	}
	if s.EndAt != nil {
		t.Until = s.EndAt.UTC()
	}
	return t
}
