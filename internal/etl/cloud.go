package etl

import (
	"context"
	"strconv"
	"time"
)

// Tick says that the time of a schedule has come. Clocks deliver ticks at
// least once; ScheduleID and At together name one firing.
type Tick struct {
	ScheduleID int64     `json:"schedule_id"`
	JobID      int64     `json:"job_id"`
	At         time.Time `json:"scheduled_time"`
}

// Timetable is a schedule as a Scheduler outside of the portal's database keeps it.
type Timetable struct {
	ScheduleID, JobID int64
	// Expressions are in the scheduler's own form; each fires for itself.
	Expressions []string
	// Timezone is an IANA name.
	Timezone string
	Enabled  bool
	// From and Until bound the firings; zero is no bound.
	From, Until time.Time
	// Window is how much later than its time a firing may come.
	Window time.Duration
}

// Scheduler is a clock outside of the portal, which sends a Tick for each firing.
// Every method may be repeated. Failures that pass are Weather.
type Scheduler interface {
	// Put makes the schedule's entries, or replaces all that it had. An
	// expression that the scheduler cannot read is a Mistake of code bad_cron.
	Put(ctx context.Context, t Timetable) error
	// Remove takes all of a schedule's entries away; having none is no error.
	Remove(ctx context.Context, scheduleID int64) error
	// List gives every entry of this portal, by schedule id.
	List(ctx context.Context) ([]Timetable, error)
	// Ready says whether the scheduler can be used.
	Ready(ctx context.Context) error
}

// Tasks starts work that takes longer than a function may run.
type Tasks interface {
	// Finalize starts `etlportal finalize --run` elsewhere and returns once that
	// is accepted. It may be repeated: who comes second finds the table's lock taken.
	Finalize(ctx context.Context, runID int64, attempt int) error
}

// Key makes the run of a firing the only one, however often the tick comes.
func (t Tick) Key() IdempotencyKey {
	return IdempotencyKey{Owner: "schedule:" + strconv.FormatInt(t.ScheduleID, 10), Key: "tick " + t.At.UTC().Format(time.RFC3339)}
}
