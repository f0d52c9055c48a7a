// Package portal holds the use cases behind the API: what may be asked of the
// portal, what is checked before anything is stored, and what is told about it.
// It knows no HTTP; its views are the JSON that the API speaks.
package portal

import (
	"context"
	"log/slog"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/store"
	"github.com/etlportal/etlportal/internal/workflow"
)

// Portal answers the API. Its fields are set once, before use; those that may
// be nil say so. Its methods may be used by any number of goroutines.
//
// Errors are *etl.Error, or *Invalid around one where places in the request
// can be named. Anything else is a defect or the end of the context.
type Portal struct {
	Store  *store.Store
	Blobs  etl.Blobs
	Queue  etl.Queue
	Sealer etl.Sealer
	// Open connects to a customer's database. A destination that is also a
	// Catalogue can be browsed and its privileges looked at.
	Open func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error)
	// Bootstrap is an administrator's token from outside of the database, by
	// which a new deployment is set up; "" is none.
	Bootstrap string
	// Runs makes, ends, repeats and tries runs.
	Runs Runner
	// Schedules tells whoever fires schedules of their changes; nil: nobody is told.
	Schedules Schedules
	// Types are the types of credentials that Open knows; nil: postgresql.
	Types []string
	// MaxUpload bounds the direct upload, in bytes; 0 means no bound.
	MaxUpload int64
	// Location is the zone of times without one; nil is UTC.
	Location *time.Location
	// Log may be nil.
	Log *slog.Logger

	tests   limiter
	counted marks
}

// Runner is what moves runs; *workflow.Steps is one.
type Runner interface {
	Execute(ctx context.Context, job etl.Job, fileID, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error)
	Reload(ctx context.Context, before etl.Run, src etl.Source, rows []etl.ReloadedRow, trigger string, key etl.IdempotencyKey) (run etl.Run, created bool, err error)
	Start(ctx context.Context, runID int64) (etl.Run, error)
	Cancel(ctx context.Context, runID int64) (etl.Run, error)
	Retry(ctx context.Context, runID int64) (etl.Run, error)
	Delete(ctx context.Context, runID int64) error
	DryRun(ctx context.Context, job etl.Job) (*workflow.Trial, error)
}

// Schedules is whoever fires schedules; *schedule.Engine is one.
type Schedules interface {
	// Accepts says with a Mistake that nobody here can fire such a schedule.
	Accepts(s etl.Schedule) error
	// Tells says whether somebody outside of the portal must be told of such a schedule.
	Tells(s etl.Schedule) bool
	// Changed tells of a schedule that was stored, before is nil for a new one,
	// and gives it with the state that this led to.
	Changed(ctx context.Context, before *etl.Schedule, s etl.Schedule) etl.Schedule
	// Removed tells of one that was deleted.
	Removed(ctx context.Context, s etl.Schedule)
}

// Ready says whether everything that the portal needs answers.
func (p *Portal) Ready(ctx context.Context) error {
	if err := p.Store.Ready(ctx); err != nil {
		return err
	}
	if err := p.Blobs.Ready(ctx); err != nil {
		return err
	}
	return p.Queue.Ready(ctx)
}

func (p *Portal) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}

// Catalogue is a destination that tells what it holds.
type Catalogue interface {
	// Schemas lists the schemas that the user may look into, without the database's own.
	Schemas(ctx context.Context) ([]etl.SchemaInfo, error)
	// Tables lists the tables of a schema; "" is the search path's first.
	Tables(ctx context.Context, schemaName string) ([]etl.TableInfo, error)
	// Privileges tells what the user lacks to load, each with the GRANT that gives it.
	Privileges(ctx context.Context) ([]etl.Privilege, error)
}

// Caller is who asks, and the request by which.
type Caller struct {
	Principal etl.Principal
	RequestID string
	// Trigger is what started a run: "manual" or "api"; "" is "api".
	Trigger string
}

type callerKey struct{}

// WithCaller says who asks.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is who asks; the zero Caller where nobody said.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Detail is one place of a request and what is wrong with it.
type Detail struct {
	Location string
	Message  string
}

// Invalid is an error with the places in the request that it is about.
type Invalid struct {
	Err     *etl.Error
	Details []Detail
}

func (e *Invalid) Error() string { return e.Err.Error() }

// Unwrap gives the error.
func (e *Invalid) Unwrap() error { return e.Err }
