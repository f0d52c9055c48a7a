package schedule

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/etlportal/etlportal/internal/cron"
	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// compareEvery is how often schedulers are asked for all that they have: that
	// costs a request for each schedule.
	compareEvery = 15 * time.Minute
	// tellFor bounds the telling of a change, which its author waits for.
	tellFor = 15 * time.Second
)

// Accepts says with a Mistake that such a schedule cannot be fired here:
// airflow_not_configured, or cron_not_on_eventbridge.
func (e *Engine) Accepts(s etl.Schedule) error {
	if s.Engine == etl.EngineAirflow {
		if e.Orchestrator == nil {
			return etl.Mistakef("airflow_not_configured", `Set ETLPORTAL_AIRFLOW_URL and its companions, or let the engine be "native"`, "this portal has no Airflow that could fire the schedule")
		}
		return nil
	}
	if e.Scheduler == nil {
		return nil
	}
	expression, err := cron.Parse(s.Cron)
	if err != nil {
		return err
	}
	if _, err := expression.EventBridge(); err != nil {
		bad := etl.Mistakef("cron_not_on_eventbridge", "Let one of day of month and day of week be *, or write it without a leading * (1-31/2 for */2) to have days that match either",
			"EventBridge, which fires this portal's schedules, cannot choose days by month and by week at once")
		bad.Value = s.Cron
		return bad
	}
	return nil
}

// Tells says whether somebody outside of the portal must be told of a schedule.
func (e *Engine) Tells(s etl.Schedule) bool {
	return s.Engine == etl.EngineAirflow || e.Scheduler != nil
}

// Changed tells of a schedule that was stored, and gives it with the state that
// this led to; what fails is told again by Reconcile.
func (e *Engine) Changed(ctx context.Context, before *etl.Schedule, s etl.Schedule) etl.Schedule {
	// What is stored is stored, also where the caller has gone meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellFor)
	defer cancel()
	if before != nil && before.Engine != s.Engine {
		e.forget(ctx, before)
	}
	if e.Tells(s) {
		s.State, s.StateReason = e.tell(ctx, &s)
	}
	return s
}

// Removed tells of a schedule that was deleted; what fails is found by Reconcile.
func (e *Engine) Removed(ctx context.Context, s etl.Schedule) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellFor)
	defer cancel()
	e.forget(ctx, &s)
}

func (e *Engine) forget(ctx context.Context, s *etl.Schedule) {
	var err error
	switch {
	case s.Engine == etl.EngineAirflow && e.Orchestrator != nil:
		err = e.Orchestrator.Remove(ctx, s.ID, s.JobID)
	case s.Engine == etl.EngineNative && e.Scheduler != nil:
		err = e.Scheduler.Remove(ctx, s.ID)
	}
	if err != nil {
		// Its times are dropped, and it is looked for as soon as that can be.
		e.checked.Store(0)
		e.log().WarnContext(ctx, "a schedule could not be taken away, and will be", "schedule_id", s.ID, "engine", s.Engine, "error", err)
	}
}

// tell hands a schedule over and notes how that went.
func (e *Engine) tell(ctx context.Context, s *etl.Schedule) (etl.ScheduleState, string) {
	err := e.handOver(ctx, s)
	state, reason := etl.ScheduleActive, ""
	if err != nil {
		state, reason = etl.SchedulePending, plain(err)
		if k := etl.KindOf(err); k == etl.Mistake || k == etl.Refused {
			state = etl.ScheduleBroken
		}
		e.log().WarnContext(ctx, "a schedule could not be handed over", "schedule_id", s.ID, "engine", s.Engine, "state", state, "error", err)
	}
	if err := e.Store.SetScheduleState(ctx, s.ID, s.Version, state, reason); err != nil {
		e.log().WarnContext(ctx, "a schedule's state could not be noted", "schedule_id", s.ID, "error", err)
		return s.State, s.StateReason
	}
	return state, reason
}

func (e *Engine) handOver(ctx context.Context, s *etl.Schedule) error {
	if err := e.Accepts(*s); err != nil {
		return err
	}
	if s.Engine == etl.EngineAirflow {
		job, err := e.Store.Job(ctx, s.JobID)
		if err != nil {
			return err
		}
		return e.Orchestrator.Apply(ctx, *s, job)
	}
	t, ended, err := e.wanted(ctx, s)
	if err != nil {
		return err
	}
	if ended {
		return e.Scheduler.Remove(ctx, s.ID)
	}
	return e.Scheduler.Put(ctx, t)
}

// wanted is the schedule as the Scheduler should have it; ended: not at all.
func (e *Engine) wanted(ctx context.Context, s *etl.Schedule) (t etl.Timetable, ended bool, err error) {
	expression, err := cron.Parse(s.Cron)
	if err != nil {
		return t, false, etl.Mistakef("bad_cron", "Correct the expression.", "the schedule's expression cannot be read: %s", err)
	}
	expressions, err := expression.EventBridge()
	if err != nil {
		return t, false, err
	}
	clock, err := e.Store.Clock(ctx)
	if err != nil {
		return t, false, err
	}
	return timetable(s, expressions), s.EndAt != nil && !s.EndAt.After(clock.Now), nil
}

// repair tells anew of what was not taken, and now and then compares everything.
func (e *Engine) repair(ctx context.Context) error {
	if e.Scheduler == nil && e.Orchestrator == nil {
		return nil
	}
	now := time.Now().UnixNano()
	was := e.checked.Load()
	compare := was == 0 || now-was >= int64(compareEvery) || now < was
	var have map[int64]etl.Timetable
	var dags map[int64]etl.Orchestrated
	var errs []error
	if compare {
		var err error
		if have, dags, err = e.ask(ctx); err != nil {
			// It is down: what waits for it goes on waiting.
			errs = append(errs, err)
			compare = false
		}
	}
	page := etl.Page{Limit: 500}
	for {
		l, err := e.Store.Schedules(ctx, etl.ScheduleFilter{}, page)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for i := range l.Items {
			s := &l.Items[i]
			if !e.Tells(*s) {
				continue
			}
			drifted := compare && e.drifted(ctx, s, have, dags)
			delete(have, s.ID)
			delete(dags, s.ID)
			if s.State != etl.ScheduleActive || drifted {
				e.tell(ctx, s)
			}
		}
		if page.Cursor = l.Next; page.Cursor == "" {
			break
		}
	}
	if !compare {
		return errors.Join(errs...)
	}
	errs = append(errs, e.takeAway(ctx, have, dags))
	err := errors.Join(errs...)
	if err == nil {
		e.checked.Store(now)
	}
	return err
}

// ask asks the schedulers for all that they have.
func (e *Engine) ask(ctx context.Context) (have map[int64]etl.Timetable, dags map[int64]etl.Orchestrated, err error) {
	have, dags = map[int64]etl.Timetable{}, map[int64]etl.Orchestrated{}
	if e.Scheduler != nil {
		list, err := e.Scheduler.List(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range list {
			// One that is kept for two jobs is wrong, whichever is compared.
			if _, twice := have[t.ScheduleID]; twice {
				t.Expressions = nil
			}
			have[t.ScheduleID] = t
		}
	}
	if e.Orchestrator != nil {
		list, err := e.Orchestrator.List(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range list {
			dags[d.ScheduleID] = d
		}
	}
	return have, dags, nil
}

// drifted says that a schedule is not kept outside as it is here.
func (e *Engine) drifted(ctx context.Context, s *etl.Schedule, have map[int64]etl.Timetable, dags map[int64]etl.Orchestrated) bool {
	if s.Engine == etl.EngineAirflow {
		d, ok := dags[s.ID]
		return e.Orchestrator != nil && (!ok || d.JobID != s.JobID || d.Enabled != s.Enabled || d.Version != 0 && d.Version != s.Version)
	}
	want, ended, err := e.wanted(ctx, s)
	got, ok := have[s.ID]
	if err != nil || ended {
		return ok
	}
	return !ok || got.JobID != want.JobID || got.Timezone != want.Timezone || got.Enabled != want.Enabled || got.Window != want.Window ||
		!got.From.Equal(want.From) || !got.Until.Equal(want.Until) || !slices.Equal(got.Expressions, want.Expressions)
}

// takeAway removes what is kept outside and not here. What was made meanwhile
// is looked at once more.
func (e *Engine) takeAway(ctx context.Context, have map[int64]etl.Timetable, dags map[int64]etl.Orchestrated) error {
	var errs []error
	gone := func(id int64, engine etl.Engine) bool {
		s, err := e.Store.Schedule(ctx, id)
		if err == nil {
			return s.Engine != engine
		}
		if code(err) != "not_found" {
			errs = append(errs, err)
			return false
		}
		return true
	}
	for id := range have {
		if gone(id, etl.EngineNative) {
			errs = append(errs, e.Scheduler.Remove(ctx, id))
		}
	}
	for id, d := range dags {
		if gone(id, etl.EngineAirflow) {
			errs = append(errs, e.Orchestrator.Remove(ctx, id, d.JobID))
		}
	}
	return errors.Join(errs...)
}
