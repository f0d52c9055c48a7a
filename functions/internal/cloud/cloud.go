// Package cloud is what the functions share: it makes a portal of a function's
// environment, once, when the first event needs it, and hands events to it.
package cloud

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/deploy"
	"github.com/etlportal/etlportal/internal/etl"
)

// The time that a function keeps for itself at its end, to give back what it
// will not finish, and to write its figures: a tenth of what it has, within these.
const (
	leastMargin = 500 * time.Millisecond
	mostMargin  = 15 * time.Second
)

// flushFor bounds how long figures and spans may take to be sent.
const flushFor = 2 * time.Second

// Function is a Lambda function of the portal. Its methods are handlers for
// lambda.Start; they may be called at the same time.
type Function struct {
	settings deploy.Settings
	log      *slog.Logger
	// Of the parts that not every function needs, those that a function does not
	// name stay out of its program.
	parts []Part

	mu     sync.Mutex
	taken  *aws.Queue
	portal *app.App
}

// Start reads a function's environment and connects to nothing yet. Logs and
// metrics go to w. The error is a Mistake that names every setting that is wrong.
func Start(env app.Environment, w io.Writer, parts ...Part) (*Function, error) {
	s, err := deploy.Read(env)
	if err != nil {
		return nil, err
	}
	// Messages and ticks are from queues that only the portal may write to.
	s.Portal.RequireToken = true
	return start(s, env, w, parts), nil
}

// StartAPI is Start for the function that answers the API. A portal into which
// nobody could sign in is a Mistake of code sign_in_required.
func StartAPI(env app.Environment, w io.Writer) (*Function, error) {
	s, err := deploy.Read(env)
	if err != nil {
		return nil, err
	}
	s.Portal.Cloud = true
	check := s.Portal
	if s.Bootstrap != "" {
		check.BootstrapToken = strings.Repeat("x", 64) // it is read with the first event
	}
	if err := check.Check(); err != nil {
		return nil, err
	}
	return start(s, env, w, []Part{withAPI, WithAirflow, WithWarehouse}), nil
}

func start(s deploy.Settings, env app.Environment, w io.Writer, parts []Part) *Function {
	w = &wholeWrites{w: w}
	log := app.NewLogger(w, s.Portal.LogLevel)
	slog.SetDefault(log)
	s.Portal.EMF = app.NewEMF(w, s.Name)
	limitMemory(env)
	return &Function{settings: s, log: log, parts: parts}
}

// memoryShare is the part of a function's memory that Go may fill: the rest is
// for stacks, buffers of the kernel and the runtime's own.
const memoryShare = 0.85

// limitMemory makes Go collect in time, unless GOMEMLIMIT says how.
func limitMemory(env app.Environment) {
	size, _ := env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
	mebibytes, err := strconv.Atoi(size)
	if err != nil || mebibytes <= 0 || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(int64(float64(mebibytes<<20) * memoryShare))
}

// wholeWrites keeps the lines of several goroutines apart.
type wholeWrites struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *wholeWrites) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// open gives the portal, and makes it where no event has yet. A failure is not
// kept: the next event tries again.
func (f *Function) open(ctx context.Context) (*app.App, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.portal != nil {
		return f.portal, nil
	}
	start := time.Now()
	portal, err := f.settings.Connect(ctx, f.log, f.parts...)
	if err != nil {
		f.log.ErrorContext(ctx, "the portal cannot start", "error", err)
		return nil, err
	}
	f.portal = portal
	f.log.InfoContext(ctx, "started", "duration_ms", time.Since(start).Milliseconds())
	return portal, nil
}

// Part is what some functions have and others have not.
type Part = deploy.Part

func withAPI(_ context.Context, _ *deploy.Settings, a *app.Adapters) error {
	a.API = api.New
	return nil
}

// WithTasks lets the function have long publishes done by a task, where
// ETLPORTAL_TASK_CLUSTER and its companions say where.
func WithTasks(ctx context.Context, s *deploy.Settings, a *app.Adapters) error {
	return deploy.WithTasks(ctx, s, a)
}

// WithWarehouse lets the function load into Amazon Redshift.
func WithWarehouse(ctx context.Context, s *deploy.Settings, a *app.Adapters) error {
	return deploy.WithWarehouse(ctx, s, a)
}

// WithAirflow lets the function hand schedules and runs to a managed Airflow,
// where ETLPORTAL_MWAA_ENVIRONMENT and its companions name one.
func WithAirflow(ctx context.Context, s *deploy.Settings, a *app.Adapters) error {
	return deploy.WithAirflow(ctx, s, a)
}

// queue is the portal's, which needs no database.
func (f *Function) queue(ctx context.Context) (*aws.Queue, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken == nil {
		q, err := f.settings.Queue(ctx, f.log)
		if err != nil {
			return nil, err
		}
		f.taken = q
	}
	return f.taken, nil
}

// inTime ends some time before the function does.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(max(time.Until(end)/10, leastMargin), mostMargin)
	return context.WithDeadline(ctx, end.Add(-margin))
}

// flush lets customers' databases go, and writes what was measured, before the
// function stands still.
func (f *Function) flush(ctx context.Context) {
	f.mu.Lock()
	portal := f.portal
	f.mu.Unlock()
	if portal == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	portal.Rest(ctx)
	portal.Flush(ctx)
}

// Reconcile sets going again what has stopped. Whatever the event says is not looked at.
func (f *Function) Reconcile(ctx context.Context) (err error) {
	defer f.flush(ctx)
	defer recovered(&err)
	ctx, cancel := inTime(ctx)
	defer cancel()
	portal, err := f.open(ctx)
	if err != nil {
		return err
	}
	return portal.Reconcile(ctx)
}

// recovered makes an error of a panic.
func recovered(err *error) { //nolint:gocritic // it sets its caller's result
	if p := recover(); p != nil {
		slog.Error("a function panicked", "panic", p, "stack", string(debug.Stack()))
		*err = &etl.Error{Kind: etl.Internal, Code: "internal", Message: "something of the portal's own failed; the log has it"}
	}
}
