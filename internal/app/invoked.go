package app

import (
	"context"
	"errors"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// What follows is for processes that do not Run, but are called with a message
// at a time. They call Rest and Flush before each return: between two calls they stand still.

// Handlers are the takers of messages, by topic. Each counts, traces and logs
// what it does.
func (a *App) Handlers() map[etl.Topic]etl.Handler {
	handlers := make(map[etl.Topic]etl.Handler)
	for topic, h := range a.steps.Handlers() {
		handlers[topic] = a.watched(h)
	}
	return handlers
}

// Dead hears of a message after its last try; see Serving.OnDead.
func (a *App) Dead(ctx context.Context, m etl.Message, last error) error {
	return a.steps.Dead(ctx, m, last)
}

// Reconcile sets going again what has stopped, once, and frees connections that
// nobody has used lately. It may be repeated, by several processes at once.
func (a *App) Reconcile(ctx context.Context) error {
	err := a.Handlers()[etl.TopicReconcile](ctx, etl.Message{Topic: etl.TopicReconcile})
	a.opened.sweep(ctx, time.Now())
	return errors.Join(err, a.clock.Reconcile(ctx))
}

// Tick takes a firing that a clock outside of the portal tells of. Repeated, for
// one schedule and time, it is the same run. What is no schedule's any more is
// no failure.
func (a *App) Tick(ctx context.Context, t etl.Tick) error { return a.clock.Tick(ctx, t) }

// start makes the run of a schedule's time.
func (a *App) start(ctx context.Context, s etl.Schedule, key etl.IdempotencyKey) (int64, error) {
	ctx = portal.WithCaller(ctx, portal.Caller{
		Principal: etl.Principal{Kind: "schedule", ID: key.Owner, Name: key.Owner, Role: etl.Editor}, Trigger: "schedule",
	})
	started, err := a.Portal.Execute(ctx, s.JobID, "", key.Key)
	if err != nil {
		return 0, err
	}
	return started.JobRunID, nil
}

// Rest closes the connections to customers' databases, which a process that
// stands still would hold for as long as it is kept, and no one could use. The
// next call opens them anew. No handler may be at work meanwhile.
func (a *App) Rest(ctx context.Context) { a.opened.closeAll(ctx) }

// Flush writes and sends the figures and spans that wait. What the receiver of
// traces does not take is lost.
func (a *App) Flush(ctx context.Context) {
	if err := a.config.EMF.flush(time.Now()); err != nil {
		a.log.WarnContext(ctx, "metrics could not be written", "error", err)
	}
	a.tracer.flush(ctx)
}
