package app

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/store"
)

// What follows is for processes that do not Run, but are called with a message
// at a time. They call Flush before each return: between two calls they stand still.

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
	return err
}

// Tick starts a run of the job whose time has come. Repeated, for one schedule
// and time, it is the same run. A job that was deleted meanwhile is no failure.
func (a *App) Tick(ctx context.Context, t etl.Tick) error {
	id := "schedule:" + strconv.FormatInt(t.ScheduleID, 10)
	ctx = portal.WithCaller(ctx, portal.Caller{
		Principal: etl.Principal{Kind: "schedule", ID: id, Name: id, Role: etl.Editor}, Trigger: "schedule",
	})
	_, err := a.Store.Job(ctx, t.JobID)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == store.CodeNotFound {
		a.log.WarnContext(ctx, "a schedule's job is gone, and its time passes", "schedule_id", t.ScheduleID, "job_id", t.JobID, "at", t.At)
		return nil
	}
	if err != nil {
		return err
	}
	started, err := a.Portal.Execute(ctx, t.JobID, "", "tick "+t.At.UTC().Format(time.RFC3339))
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "a schedule's time has come", "schedule_id", t.ScheduleID, "job_id", t.JobID, "at", t.At, "run_id", started.JobRunID, "repeated", started.Replayed)
	return nil
}

// Flush writes and sends the figures and spans that wait. What the receiver of
// traces does not take is lost.
func (a *App) Flush(ctx context.Context) {
	if err := a.config.EMF.flush(time.Now()); err != nil {
		a.log.WarnContext(ctx, "metrics could not be written", "error", err)
	}
	a.tracer.flush(ctx)
}
