package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// whileAway is when a message comes again that found no portal to take it.
const whileAway = 15 * time.Second

// Messages handles messages of a topic, one after the other, and says which of
// them are to stay in the queue. What is not handled in time is given back.
func (f *Function) Messages(topic etl.Topic) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		defer f.flush(ctx)
		ctx, cancel := inTime(ctx)
		defer cancel()
		queue, err := f.queue(ctx)
		if err != nil {
			return events.SQSEventResponse{}, err
		}
		handlers, dead := f.handlers(ctx, topic)
		return each(e, func(m *events.SQSMessage) error { return queue.Take(ctx, delivery(m), handlers, dead) }), nil
	}
}

// handlers are the portal's. Where there is no portal, because its database is
// away or still asleep, messages come again without having had a try.
func (f *Function) handlers(ctx context.Context, topic etl.Topic) (map[etl.Topic]etl.Handler, aws.OnDead) {
	portal, err := f.open(ctx)
	take := func(context.Context, etl.Message) error { return err }
	switch {
	case err == nil:
		take = portal.Handlers()[topic]
	case etl.KindOf(err) == etl.Weather:
		take = func(context.Context, etl.Message) error {
			return &etl.RetryAfter{Delay: whileAway, Reason: "the portal cannot start: " + err.Error()}
		}
	}
	unlessLate := func(ctx context.Context, m etl.Message) error {
		if ctx.Err() != nil {
			return &etl.RetryAfter{Reason: "the function's time is up"}
		}
		return take(ctx, m)
	}
	return map[etl.Topic]etl.Handler{topic: unlessLate}, func(ctx context.Context, m etl.Message, last error) error {
		if err != nil {
			return err
		}
		return portal.Dead(ctx, m, last)
	}
}

// Ticks starts the runs whose time has come. Where that is refused, by the job's
// own fault, the time passes: a run started hours later helps nobody.
func (f *Function) Ticks(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	defer f.flush(ctx)
	ctx, cancel := inTime(ctx)
	defer cancel()
	portal, err := f.open(ctx)
	if err != nil {
		return events.SQSEventResponse{}, err
	}
	return each(e, func(m *events.SQSMessage) error {
		var t etl.Tick
		err := json.Unmarshal([]byte(m.Body), &t)
		if err == nil && (t.ScheduleID == 0 || t.JobID == 0 || t.At.IsZero()) {
			err = fmt.Errorf("schedule_id, job_id or scheduled_time is missing")
		}
		if err == nil {
			err = portal.Tick(ctx, t)
		}
		if err != nil {
			f.log.ErrorContext(ctx, "a schedule's time has come, and no run was started", "message", m.MessageId, "schedule_id", t.ScheduleID, "job_id", t.JobID, "error", err)
		}
		if etl.KindOf(err) == etl.Mistake {
			return nil
		}
		return err
	}), nil
}

// each hands records over, and answers with those that failed.
func each(e events.SQSEvent, take func(*events.SQSMessage) error) events.SQSEventResponse {
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i := range e.Records {
		m := &e.Records[i]
		if err := guarded(func() error { return take(m) }); err != nil {
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return answer
}

func guarded(do func() error) (err error) {
	defer recovered(&err)
	return do()
}

// delivery is a record as the queue knows it.
func delivery(m *events.SQSMessage) aws.Delivery {
	receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		receives = 1
	}
	d := aws.Delivery{Queue: m.EventSourceARN, ID: m.MessageId, Receipt: m.ReceiptHandle, Body: m.Body, Receives: receives, Attributes: map[string]string{}}
	for name, a := range m.MessageAttributes {
		if a.StringValue != nil {
			d.Attributes[name] = *a.StringValue
		}
	}
	return d
}
