package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/etlportal/etlportal/internal/etl"
)

// queueSchema holds the queue's tables, apart from the portal's own.
const queueSchema = "river"

// How often new messages are looked for: at once when PostgreSQL notifies, at
// most every queueCooldown, and every queuePoll without a notification.
const (
	queueCooldown = 5 * time.Millisecond
	queuePoll     = 500 * time.Millisecond
)

// The defaults of ServeOptions.
const (
	defaultTries = 8
	defaultDrain = 20 * time.Second
)

// Queue is an etl.Queue in PostgreSQL (River). Any number of processes may send
// and serve on one database.
type Queue struct {
	pool   *pgxpool.Pool
	sender *river.Client[pgx.Tx]
}

var _ etl.Queue = (*Queue)(nil)

// NewQueue makes the queue of a database; Migrate must have run on it once. A
// serving process takes two connections of the pool and one beside it for itself.
func NewQueue(pool *pgxpool.Pool) (*Queue, error) {
	sender, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema: queueSchema, FetchCooldown: time.Millisecond, FetchPollInterval: queuePoll,
		Logger: slog.New(slog.DiscardHandler), // what fails is returned by Send
	})
	if err != nil {
		return nil, err
	}
	return &Queue{pool: pool, sender: sender}, nil
}

// delivery is a message as River keeps it.
type delivery struct{ etl.Message }

// Kind implements river.JobArgs.
func (delivery) Kind() string { return "message" }

// Send implements etl.Queue.
func (q *Queue) Send(ctx context.Context, delay time.Duration, messages ...etl.Message) error {
	if len(messages) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(messages))
	for i, m := range messages {
		if m.Topic == "" {
			return &etl.Error{Kind: etl.Internal, Code: "no_topic", Message: "a message without a topic was sent"}
		}
		// Tries are counted by deliver, which hears of the last one; River's own
		// limit would drop a message whose process died silently.
		options := &river.InsertOpts{Queue: string(m.Topic), MaxAttempts: math.MaxInt16}
		if delay > 0 {
			options.ScheduledAt = time.Now().Add(delay)
		}
		params[i] = river.InsertManyParams{Args: delivery{m}, InsertOpts: options}
	}
	if _, err := q.sender.InsertManyFast(ctx, params); err != nil {
		return queueFault("take a message", err)
	}
	return nil
}

// Ready implements etl.Queue.
func (q *Queue) Ready(ctx context.Context) error {
	if _, err := q.pool.Exec(ctx, "SELECT FROM "+queueSchema+".river_job LIMIT 0"); err != nil {
		return queueFault("be read", err)
	}
	return nil
}

// Migrate makes or updates the queue's tables. It may be repeated, by several processes at once.
func (q *Queue) Migrate(ctx context.Context) error {
	return q.migrate(ctx, func(migrator *rivermigrate.Migrator[pgx.Tx]) error {
		if _, err := q.pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+queueSchema); err != nil {
			return err
		}
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
}

// MigrateDown removes the queue's tables, and all messages with them.
func (q *Queue) MigrateDown(ctx context.Context) error {
	return q.migrate(ctx, func(migrator *rivermigrate.Migrator[pgx.Tx]) error {
		if _, err := migrator.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
			return err
		}
		_, err := q.pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+queueSchema)
		return err
	})
}

func (q *Queue) migrate(ctx context.Context, step func(*rivermigrate.Migrator[pgx.Tx]) error) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(q.pool), &rivermigrate.Config{Schema: queueSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	conn, err := q.connect(ctx)
	if err != nil {
		return queueFault("be migrated", err)
	}
	// Closing the connection frees the lock.
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", "etlportal queue migration"); err != nil {
		return queueFault("be migrated", err)
	}
	if err := step(migrator); err != nil {
		return queueFault("be migrated", err)
	}
	return nil
}

// connect opens a connection beside the pool, which long holders would drain.
func (q *Queue) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, q.pool.Config().ConnConfig)
}

// ServeOptions say how messages are handled.
type ServeOptions struct {
	// Workers is how many messages of a topic are handled at a time; 1 where it is missing.
	Workers map[etl.Topic]int
	// MaxTries is after how many failures a message is dead; 0 means 8. The
	// death of the process during a try counts as a failure of it.
	MaxTries int
	// Backoff is the delay before the next try after so many failures; nil
	// doubles from one second to a minute, give or take a fifth.
	Backoff func(failures int) time.Duration
	// OnDead hears of a message after its last try, with the last error. Where
	// it fails, it is asked again later. nil: the message is only logged.
	OnDead func(ctx context.Context, m etl.Message, last error) error
	// Drain is how long handlers may finish once Serve is told to stop, before
	// their contexts are cancelled; 0 means 20 seconds.
	Drain time.Duration
	// Logger; nil: slog.Default.
	Logger *slog.Logger
}

// Serve handles the messages of the topics that have a handler until ctx ends;
// then it takes no more, lets those under way finish, and returns. A handler's
// context outlives ctx by Drain. Messages cut off then, and those of processes
// that died, are delivered again, at the latest when the next process serves.
func (q *Queue) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, o ServeOptions) error {
	o.MaxTries = cmp.Or(o.MaxTries, defaultTries)
	o.Drain = cmp.Or(o.Drain, defaultDrain)
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	queues := make(map[string]river.QueueConfig, len(handlers))
	for topic := range handlers {
		queues[string(topic)] = river.QueueConfig{MaxWorkers: max(1, o.Workers[topic])}
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{handlers: handlers, options: o}); err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		Schema: queueSchema, Queues: queues, Workers: workers, RetryPolicy: retryPolicy(o.Backoff),
		FetchCooldown: queueCooldown, FetchPollInterval: queuePoll,
		JobTimeout: -1, RescueStuckJobsAfter: 7 * 24 * time.Hour, // keep delivers what dead processes had
		CancelledJobRetentionPeriod: 7 * 24 * time.Hour, CompletedJobRetentionPeriod: time.Hour,
		SoftStopTimeout: o.Drain, MaxAttempts: math.MaxInt16,
		Logger: slog.New(atLeast{o.Logger.Handler(), slog.LevelWarn}),
	})
	if err != nil {
		return err
	}
	k := &keeperOfMessages{queue: q, holder: client.ID(), logger: o.Logger}
	defer k.close()
	if err := k.tick(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return queueFault("be served", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return queueFault("be served", err)
	}
	// The keeper goes on during the drain: our messages are still ours then.
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain+10*time.Second)
		defer cancel()
		stopped <- client.Stop(limit)
	}()
	if err := k.run(context.WithoutCancel(ctx), stopped); err != nil {
		return fmt.Errorf("handlers of messages did not end: %w", err)
	}
	return nil
}

type retryPolicy func(failures int) time.Duration

// NextRetry implements river.ClientRetryPolicy.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(p(job.Attempt))
}

func backoff(failures int) time.Duration {
	delay := min(time.Minute, time.Second<<min(failures-1, 10))
	return delay*4/5 + rand.N(delay*2/5) //nolint:gosec // spreads retries, protects nothing
}

// worker hands deliveries to handlers.
type worker struct {
	river.WorkerDefaults[delivery]

	handlers map[etl.Topic]etl.Handler
	options  ServeOptions
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, job *river.Job[delivery]) error {
	m := job.Args.Message
	var err error
	if job.Attempt > w.options.MaxTries {
		err = errors.New("the process ended during the last try")
	} else {
		err = w.handle(ctx, m)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		// The drain is over; this was no try of the message's.
		return river.JobSnooze(0)
	}
	if later, ok := errors.AsType[*etl.RetryAfter](err); ok && job.Attempt <= w.options.MaxTries {
		return river.JobSnooze(max(0, later.Delay))
	}
	about := []any{"topic", m.Topic, "run_id", m.RunID, "chunk", m.Chunk, "attempt", m.Attempt}
	if m.FileID != "" {
		about = []any{"topic", m.Topic, "file_id", m.FileID}
	}
	log := w.options.Logger.With(append(about, "try", job.Attempt, "error", err)...)
	if job.Attempt < w.options.MaxTries {
		log.WarnContext(ctx, "a message failed and will come again")
		return err
	}
	log.ErrorContext(ctx, "a message failed for the last time")
	if w.options.OnDead != nil {
		if dead := w.bury(ctx, m, err); dead != nil {
			log.ErrorContext(ctx, "a dead message could not be reported and will come again", "cause", dead)
			return err
		}
	}
	return river.JobCancel(err)
}

// handle calls the handler; a panic of it is an error.
func (w *worker) handle(ctx context.Context, m etl.Message) (err error) {
	defer recovered(&err)
	handler, ok := w.handlers[m.Topic]
	if !ok {
		return fmt.Errorf("no handler takes messages of topic %q", m.Topic)
	}
	return handler(ctx, m)
}

func (w *worker) bury(ctx context.Context, m etl.Message, last error) (err error) {
	defer recovered(&err)
	return w.options.OnDead(ctx, m, last)
}

func recovered(err *error) { //nolint:gocritic // it sets its caller's result
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

func queueFault(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "42P01" || pg.Code == "3F000") {
		return &etl.Error{
			Kind: etl.Mistake, Code: "queue_not_migrated", Err: err,
			Message: "the queue's tables are missing in the portal's database", Fix: "Run `etlportal migrate up`.",
		}
	}
	return &etl.Error{
		Kind: etl.Weather, Code: "queue_unavailable", Err: err,
		Message: "the queue cannot " + what + ": " + err.Error(), Fix: "See that the portal's database runs.",
	}
}
