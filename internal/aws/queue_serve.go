package aws

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// defaultDrain is that of ServeOptions.
const defaultDrain = 20 * time.Second

// ServeOptions say how messages are handled.
type ServeOptions struct {
	// Workers is how many messages of a topic are handled at a time; 1 where it is missing.
	Workers map[etl.Topic]int
	// OnDead hears of a message after its last try; nil: it is only logged.
	OnDead OnDead
	// Drain is how long handlers may finish once Serve is told to stop, before
	// their contexts are cancelled; 0 means 20 seconds.
	Drain time.Duration
}

// Serve handles messages, for a process that no function is called by: it waits
// for those of the topics that have a handler and a queue, until ctx ends; then
// it takes no more, lets those under way finish, and returns. A handler's context
// outlives ctx by Drain. Messages cut off then are sent again without a failure.
func (q *Queue) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, o ServeOptions) error {
	if err := q.Ready(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var workers sync.WaitGroup
	for topic := range handlers {
		if q.urls[topic] == "" {
			continue
		}
		for range max(1, o.Workers[topic]) {
			workers.Go(func() { q.work(ctx, work, topic, handlers, o.OnDead) })
		}
	}
	ended := make(chan struct{})
	go func() {
		workers.Wait()
		close(ended)
	}()
	<-ctx.Done()
	drain := time.NewTimer(cmp.Or(o.Drain, defaultDrain))
	defer drain.Stop()
	select {
	case <-ended:
		return nil
	case <-drain.C:
	}
	cut()
	select {
	case <-ended:
		return nil
	case <-time.After(q.wait + 3*aftermath):
		return errors.New("handlers of messages did not end")
	}
}

// work handles one message at a time until ctx ends.
func (q *Queue) work(ctx, work context.Context, topic etl.Topic, handlers map[etl.Topic]etl.Handler, onDead OnDead) {
	for failures := 0; ctx.Err() == nil; {
		d, err := q.receive(work, topic)
		switch {
		case err != nil && work.Err() != nil:
			return
		case err != nil:
			if failures == 0 {
				q.log.WarnContext(ctx, "messages cannot be received; trying on", "topic", topic, "error", err)
			}
			failures++
			select {
			case <-ctx.Done():
			case <-time.After(backoff(failures)):
			}
			continue
		case d == nil:
		case ctx.Err() != nil:
			q.handBack(work, *d)
		case q.take(work, *d, handlers, onDead, func() func() { return q.keep(work, *d) }) == nil:
			q.remove(work, *d)
		}
		failures = 0
	}
}

// receive waits for a message; nil where none came. It is not cut short when
// Serve is to stop: SQS might be handing a message over just then, which would
// be hidden in vain.
func (q *Queue) receive(ctx context.Context, topic etl.Topic) (*Delivery, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.wait+2*aftermath)
	defer cancel()
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(q.urls[topic]), MaxNumberOfMessages: 1,
		WaitTimeSeconds: seconds(q.wait, q.wait), VisibilityTimeout: seconds(q.visibility, maxVisibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
		MessageAttributeNames:       []string{failuresAttribute, dueAttribute},
	})
	if err != nil {
		return nil, q.fault("receive from", "sqs:ReceiveMessage", topic, err)
	}
	if len(out.Messages) == 0 {
		return nil, nil
	}
	m := out.Messages[0]
	d := &Delivery{
		Queue: q.urls[topic], ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Receives:   int(number(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])),
		Attributes: make(map[string]string, len(m.MessageAttributes)),
	}
	for name, value := range m.MessageAttributes {
		d.Attributes[name] = aws.ToString(value.StringValue)
	}
	return d, nil
}

// handBack gives a message to somebody else that came after the stop.
func (q *Queue) handBack(ctx context.Context, d Delivery) {
	m, err := q.message(d)
	if failed := d.failures(); err == nil && failed < q.tries {
		if q.comeAgain(ctx, d, m, 0, failed) == nil {
			q.remove(ctx, d)
		}
		return
	}
	q.showAgain(ctx, d, 0)
}

// keep renews the hold on a message until what it returns is called, which
// returns when no request for that is under way any more.
func (q *Queue) keep(ctx context.Context, d Delivery) (release func()) {
	// A hold that is renewed after the stop is still ours.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() {
		ticker := time.NewTicker(q.visibility / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := q.hide(ctx, d, q.visibility); err != nil && ctx.Err() == nil {
				q.log.WarnContext(ctx, "the hold on a message could not be renewed", "message", d.ID, "error", err)
			}
		}
	})
	return func() {
		cancel()
		keeper.Wait()
	}
}
