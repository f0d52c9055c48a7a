package etl

import (
	"context"
	"time"
)

// Engine says whose clock fires a schedule.
type Engine string

// The engines.
const (
	// EngineNative is the portal's own clock, or the Scheduler that it keeps its schedules in.
	EngineNative Engine = "native"
	// EngineAirflow is an Orchestrator.
	EngineAirflow Engine = "airflow"
)

// Overlap says what a firing does while a run of the job is under way, whoever started it.
type Overlap string

// The overlap policies.
const (
	OverlapSkip  Overlap = "skip"
	OverlapQueue Overlap = "queue"
	OverlapAllow Overlap = "allow"
)

// CatchUp says what becomes of firings whose time has passed while nothing could fire them.
type CatchUp string

// The catch-up policies.
const (
	CatchUpNone CatchUp = "none"
	CatchUpOne  CatchUp = "one"
	// CatchUpAll fires the latest Schedule.CatchUpMax of them.
	CatchUpAll CatchUp = "all"
)

// ScheduleState says whether whoever fires a schedule knows it.
type ScheduleState string

// The states of a schedule.
const (
	ScheduleActive ScheduleState = "active"
	// SchedulePending waits to be told to a scheduler that cannot be reached; it is tried again.
	SchedulePending ScheduleState = "pending"
	// ScheduleBroken was refused; something must be changed first.
	ScheduleBroken ScheduleState = "broken"
)

// Schedule says when a job runs by itself. A job may have several.
type Schedule struct {
	ID, JobID int64
	// Cron has five fields, or is one of @hourly and its like.
	Cron string
	// Timezone is an IANA name.
	Timezone string
	Enabled  bool
	Engine   Engine
	Overlap  Overlap
	CatchUp  CatchUp
	// CatchUpMax bounds CatchUpAll.
	CatchUpMax int
	// Jitter is how much later than its time a firing may come; how much, its time decides.
	Jitter time.Duration
	// StartAt and EndAt bound the firings, EndAt exclusive; nil is no bound.
	StartAt, EndAt *time.Time
	// NextAt is the time of the next firing, without jitter; nil where there is none.
	NextAt *time.Time
	// LastAt is the time of the last firing that was decided, LastOutcome what
	// became of it and LastReason why; nil and "" before the first.
	LastAt      *time.Time
	LastRunID   int64 // 0: it made no run
	LastOutcome TickOutcome
	LastReason  string
	State       ScheduleState
	// StateReason says why the state is not ScheduleActive.
	StateReason          string
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// TickOutcome is what became of a firing.
type TickOutcome string

// The outcomes of firings.
const (
	// TickDue has not been looked at, TickWaiting waits for a run of the job to end.
	TickDue     TickOutcome = "due"
	TickWaiting TickOutcome = "waiting"
	TickStarted TickOutcome = "started"
	// TickSkipped started nothing, as the overlap policy says.
	TickSkipped TickOutcome = "skipped"
	// TickMissed came too late, as the catch-up policy says.
	TickMissed TickOutcome = "missed"
	TickFailed TickOutcome = "failed"
)

// ScheduleFilter chooses schedules; its zero value chooses all.
type ScheduleFilter struct {
	JobID   int64
	Enabled *bool
	Engine  Engine
}

// Orchestrator fires schedules of EngineAirflow and runs jobs, outside of the
// portal, by calling its API. Every method may be repeated. Failures that pass
// (it is down, it answers 5xx) are Weather; what has to be changed first (a
// wrong password) is a Mistake.
type Orchestrator interface {
	// Apply makes what fires the schedule, or replaces it; it fires only where
	// s.Enabled. Nothing that a person has written (the job's name) may be taken
	// for more than a text. It returns once the orchestrator will do as s says.
	Apply(ctx context.Context, s Schedule, j Job) error
	// Remove takes it away; its not being there is no error.
	Remove(ctx context.Context, scheduleID, jobID int64) error
	// List gives what there is of this portal's schedules, by schedule id.
	List(ctx context.Context) ([]Orchestrated, error)
	// Trigger has a run that was made be executed by the orchestrator.
	Trigger(ctx context.Context, jobID, runID int64) error
	// Ready says whether the orchestrator can be used.
	Ready(ctx context.Context) error
}

// Orchestrated is a schedule as an Orchestrator has it.
type Orchestrated struct {
	ScheduleID, JobID int64
	// Version is Schedule.Version of what was applied; 0 where it cannot be read.
	Version int64
	Enabled bool
}

// ScheduleClock is what the portal's database knows of time and schedules.
type ScheduleClock struct {
	Now time.Time
	// Due is when the next time of a schedule is to be acted on; nil: never.
	Due *time.Time
	// Open says that a tick waits to be handled.
	Open bool
}

// DueTick is a time that has come: TickDue, TickWaiting, or TickMissed with why.
type DueTick struct {
	At      time.Time
	Outcome TickOutcome
	Reason  string
}

// DueDecision says which times of a schedule have come, and its next one, with
// when it is to be acted on; nil: there is none.
type DueDecision struct {
	Ticks     []DueTick
	Next, Due *time.Time
}

// OpenTick is a time that has come, to be decided upon.
type OpenTick struct {
	Schedule Schedule
	At       time.Time
	// Outcome is TickDue or TickWaiting.
	Outcome TickOutcome
	// Tries is how often it failed by Weather.
	Tries int
	// Since is when it was noted.
	Since time.Time
	// Made is the run that was made for it before, Active the oldest of the job's
	// runs that is under way; 0 is none.
	Made, Active int64
	// Before counts the earlier ticks of the schedule that wait.
	Before int
}

// TickDecision says what becomes of a tick; one that is TickDue or TickWaiting
// is looked at again after a while.
type TickDecision struct {
	Outcome TickOutcome
	Reason  string
	RunID   int64
	Again   time.Duration
	// Failed counts the try.
	Failed bool
}
