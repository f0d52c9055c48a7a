// Package app puts a portal together: its database, the steps of runs, the API,
// and whoever serves the queue. It knows ports, not what is behind them, so
// that a laptop and a cloud differ in the Adapters alone.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/oidc"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/schedule"
	"github.com/etlportal/etlportal/internal/store"
	"github.com/etlportal/etlportal/internal/workflow"
)

const (
	// reconcileEvery is how often what has stopped is set going again.
	reconcileEvery = time.Minute
	// reconcileFor bounds one such look.
	reconcileFor = 5 * time.Minute
	// databaseConns bounds the pool of the portal's own database, unless Config does.
	databaseConns = 20
)

// Adapters are what stands behind the ports.
type Adapters struct {
	Blobs  etl.Blobs
	Sealer etl.Sealer
	// Queue makes the queue, which may live in the portal's database.
	Queue func(*store.Store) (Queue, error)
	// DatabasePassword, where set, gives the password of the portal's database
	// anew once the one of before is refused.
	DatabasePassword func(ctx context.Context) (string, error)
	// Tasks publishes what takes longer than a handler may; nil: handlers do.
	Tasks etl.Tasks
	// Scheduler is the clock of native schedules; nil: Run is.
	Scheduler etl.Scheduler
	// Orchestrator fires the schedules of engine airflow; nil: there can be none.
	Orchestrator etl.Orchestrator
	// Warehouse opens a credential of type redshift; nil: there can be none.
	Warehouse func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error)
	// API makes the interface; it is api.New, or nil in a process that does not
	// answer requests and then need not carry it.
	API func(api.Deps) (http.Handler, error)
	// Web serves the pages for people; nil: there are none.
	Web http.Handler
	// Log is where the portal logs; nil: nowhere.
	Log *slog.Logger
}

// Queue is an etl.Queue that this process serves, too.
type Queue interface {
	etl.Queue
	// Migrate makes or updates what the queue needs. It may be repeated.
	Migrate(ctx context.Context) error
	// Serve handles messages until ctx ends, and then waits for those under way.
	Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, s Serving) error
}

// Serving says how messages are handled.
type Serving struct {
	// Workers is how many messages of a topic are handled at a time.
	Workers map[etl.Topic]int
	// OnDead hears of a message after its last try.
	OnDead func(ctx context.Context, m etl.Message, last error) error
	// Drain is how long handlers may finish once Serve is told to stop.
	Drain time.Duration
	Log   *slog.Logger
}

// App is a portal, ready to serve.
type App struct {
	// Handler is the API, nil without Adapters.API. The server's base context
	// ends event streams.
	Handler http.Handler
	// Portal holds the use cases.
	Portal *portal.Portal
	// Store is the portal's database, open until Close.
	Store *store.Store

	config   Config
	log      *slog.Logger
	queue    Queue
	steps    *workflow.Steps
	clock    *schedule.Engine
	opened   *opened
	metrics  *messageMetrics
	tracer   *tracer
	draining atomic.Bool
	ending   chan struct{}
	close    sync.Once
}

// New migrates the portal's database, connects everything and checks the
// declarations of the API. It starts nothing: see Run. Close must follow.
func New(ctx context.Context, c Config, a Adapters) (*App, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	log := a.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	runs := newRunMetrics()
	s, err := store.Open(ctx, c.DatabaseURL, store.Options{
		MaxConns: cmp.Or(c.DatabaseConns, databaseConns), Password: a.DatabasePassword,
		Ended: func(r etl.Run) {
			runs.WithLabelValues(string(r.Status)).Inc()
			c.EMF.run(r.Status)
		},
	})
	if err != nil {
		return nil, err
	}
	app, err := assemble(ctx, c, a, s, runs, log)
	if err != nil {
		s.Close()
		return nil, err
	}
	return app, nil
}

func assemble(ctx context.Context, c Config, a Adapters, s *store.Store, runs prometheus.Collector, log *slog.Logger) (*App, error) {
	err := s.Ready(ctx)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "migrations_pending" {
		err = store.MigrateUp(ctx, c.DatabaseURL)
	}
	if err != nil {
		return nil, err
	}
	queue, err := a.Queue(s)
	if err != nil {
		return nil, err
	}
	if err := queue.Migrate(ctx); err != nil {
		return nil, err
	}
	identity, err := s.Identity(ctx)
	if err != nil {
		return nil, err
	}
	p := &portal.Portal{
		Store: s, Blobs: a.Blobs, Queue: queue, Sealer: a.Sealer, Open: a.open, Types: a.types(), MaxUpload: c.MaxUpload, Location: c.Location, Log: log,
		Bootstrap: c.BootstrapToken,
	}
	kept := &opened{open: a.open, password: p.Password, all: map[int64]*keptDestination{}}
	steps := &workflow.Steps{
		Store: s, Blobs: a.Blobs, Queue: queue, Open: kept.get, Log: log, Holder: holder(), Portal: identity, ChunkBytes: c.ChunkBytes, Hold: c.Hold,
		Tasks: a.Tasks, Orchestrator: a.Orchestrator, LongPublish: c.LongPublish,
	}
	p.Runs = steps
	app := &App{
		Portal: p, Store: s, config: c, log: log, queue: queue, steps: steps, opened: kept, metrics: newMessageMetrics(),
		tracer: newTracer(c, identity, log), ending: make(chan struct{}),
	}
	app.clock = &schedule.Engine{Store: s, Start: app.start, Scheduler: a.Scheduler, Orchestrator: a.Orchestrator, Log: log}
	p.Schedules = app.clock
	if a.API == nil {
		return app, nil
	}
	return app, app.answer(ctx, a, runs)
}

// answer makes the API's handler.
func (a *App) answer(ctx context.Context, adapters Adapters, runs prometheus.Collector) error {
	c := &a.config
	d := api.Deps{
		Portal: a.Portal, SignIn: c.RequireToken, Closed: c.Cloud, Hosts: hosts(c), Origins: c.Origins, StreamFor: c.StreamFor, Ending: a.ending, Web: adapters.Web,
		Log: a.log, Metrics: prometheus.NewRegistry(),
	}
	if c.OIDC.Issuer != "" {
		verifier, err := oidc.New(ctx, c.OIDC)
		if err != nil {
			return err
		}
		d.Verify = verifier.Verify
	}
	d.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d.Metrics.MustRegister(append(a.metrics.all(), runs)...)
	handler, err := adapters.API(d)
	if err != nil {
		return err
	}
	a.Handler = a.tracer.handler(a.whileUp(handler))
	return nil
}

// open connects to a customer's database.
func (a *Adapters) open(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error) {
	switch {
	case c.Type == "" || c.Type == typePostgreSQL:
		return destination.OpenCredential(ctx, c, password, destination.Options{Control: portal.Guard})
	case c.Type == typeRedshift && a.Warehouse != nil:
		return a.Warehouse(ctx, c, password)
	}
	return nil, etl.Mistakef("unsupported_type", "Use a PostgreSQL database.", "this portal cannot load into %s", c.Type)
}

// The types of credentials.
const (
	typePostgreSQL = "postgresql"
	typeRedshift   = "redshift"
)

// types are those that can be opened.
func (a *Adapters) types() []string {
	if a.Warehouse == nil {
		return []string{typePostgreSQL}
	}
	return []string{typePostgreSQL, typeRedshift}
}

// hosts adds the name that the portal listens under.
func hosts(c *Config) []string {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || host == "" || loopback(host) {
		return c.Hosts
	}
	if a := net.ParseIP(host); a != nil && a.IsUnspecified() {
		return c.Hosts
	}
	return append([]string{host}, c.Hosts...)
}

// holder names this process in leases.
func holder() string {
	name, err := os.Hostname()
	if err != nil {
		name = "host"
	}
	return fmt.Sprintf("%s/%d/%s", name, os.Getpid(), rand.Text()[:6])
}

// Run serves the queue, fires schedules unless another clock does, and
// reconciles, at once and every minute, until ctx ends;
// then it lets work under way finish, for Config.Drain at most. What is cut off
// then is taken up by the next process.
func (a *App) Run(ctx context.Context) error {
	handlers := a.Handlers()
	var group sync.WaitGroup
	group.Go(func() { a.tracer.run(ctx) })
	group.Go(func() { a.reconcile(ctx, handlers[etl.TopicReconcile]) })
	group.Go(func() { a.clock.Run(ctx) })
	err := a.queue.Serve(ctx, handlers, Serving{
		Workers: map[etl.Topic]int{
			etl.TopicInspect: 2, etl.TopicPlan: 2, etl.TopicLoad: a.config.Loaders, etl.TopicFinalize: 4, etl.TopicReconcile: 1,
		},
		OnDead: a.steps.Dead, Drain: a.config.Drain, Log: a.log,
	})
	if err != nil && ctx.Err() == nil {
		// The others end with the process.
		return err
	}
	group.Wait()
	a.tracer.flush(context.WithoutCancel(ctx))
	return err
}

// reconcile looks after what has stopped. It does not go through the queue,
// because it is what helps where the queue lost something.
func (a *App) reconcile(ctx context.Context, handle etl.Handler) {
	ticker := time.NewTicker(reconcileEvery)
	defer ticker.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, reconcileFor)
		if err := handle(once, etl.Message{Topic: etl.TopicReconcile}); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "reconciling failed and will be tried again", "error", err)
		}
		if err := a.clock.Reconcile(once); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "schedules were not all looked after, and will be", "error", err)
		}
		cancel()
		a.opened.sweep(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Drain makes /readyz say that this process is about to end, and ends event
// streams, whose clients come back elsewhere; it may be repeated.
func (a *App) Drain() {
	if !a.draining.Swap(true) {
		close(a.ending)
	}
}

func (a *App) whileUp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() && (r.URL.Path == "/readyz" || r.URL.Path == "/readyz/") {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"title":"Service Unavailable","status":503,"code":"draining","detail":"this process is about to end"}`+"\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Close frees the connections; it may be repeated.
func (a *App) Close() {
	a.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		a.opened.closeAll(ctx)
		a.Store.Close()
	})
}

// watched gives a handler's logs the ids of its message, counts it and traces it.
func (a *App) watched(h etl.Handler) etl.Handler {
	return func(ctx context.Context, m etl.Message) error {
		attrs := []slog.Attr{slog.String("topic", string(m.Topic))}
		if m.RunID != 0 {
			attrs = append(attrs, slog.Int64("run_id", m.RunID), slog.Int("attempt", m.Attempt))
		}
		if m.Topic == etl.TopicLoad {
			attrs = append(attrs, slog.Int("chunk", m.Chunk))
		}
		if m.FileID != "" {
			attrs = append(attrs, slog.String("file_id", m.FileID))
		}
		if m.RunID != 0 {
			if run, err := a.Store.Run(ctx, m.RunID); err == nil {
				attrs = append(attrs, slog.Int64("job_id", run.JobID))
			}
		}
		ctx = withAttrs(ctx, attrs...)
		ctx, end := a.tracer.message(ctx, string(m.Topic), m.RunID, attrs...)
		start := time.Now()
		err := h(ctx, m)
		took := time.Since(start)
		outcome := outcomeOf(err)
		a.metrics.handled.WithLabelValues(string(m.Topic), outcome).Inc()
		a.metrics.seconds.WithLabelValues(string(m.Topic)).Observe(took.Seconds())
		a.config.EMF.message(string(m.Topic), outcome, took)
		end(err)
		level := slog.LevelDebug
		if m.Topic != etl.TopicReconcile && outcome != "again" {
			level = slog.LevelInfo
		}
		record := []any{"outcome", outcome, "duration_ms", took.Milliseconds()}
		if err != nil {
			record = append(record, "error", err)
		}
		a.log.Log(ctx, level, "message handled", record...)
		return err
	}
}

func outcomeOf(err error) string {
	if err == nil {
		return "done"
	}
	if _, ok := errors.AsType[*etl.RetryAfter](err); ok {
		return "again"
	}
	return "failed"
}
