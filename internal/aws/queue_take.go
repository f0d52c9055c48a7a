package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/etlportal/etlportal/internal/etl"
)

// aftermath is how long it may take to say what becomes of a message, after the
// context of its handler has ended too.
const aftermath = 5 * time.Second

// manyBuried bounds what Queue remembers of dead messages.
const manyBuried = 1000

// Delivery is one received message.
type Delivery struct {
	// Queue is the URL or the ARN of the queue that it came from.
	Queue string
	// ID is the message's id, Receipt the handle of this receipt.
	ID, Receipt string
	Body        string
	// Receives is SQS's ApproximateReceiveCount, this receipt included.
	Receives int
	// Attributes are the message attributes, as text.
	Attributes map[string]string
}

// failures is how many tries have failed before this one.
func (d *Delivery) failures() int {
	return max(0, int(number(d.Attributes[failuresAttribute]))) + max(0, d.Receives-1)
}

// OnDead hears of a message after its last try, with the last error. It may hear
// of one message more than once. Where it fails, it is asked again later.
type OnDead func(ctx context.Context, m etl.Message, last error) error

// Take has a message handled, and nothing goes on once it returns. nil says that
// the message is dealt with and is to be deleted; that includes etl.RetryAfter,
// for which a delayed copy was sent that carries the number of failures. An error
// says that it is to be left in its queue, where it is hidden for its backoff;
// after the last try, that is after onDead has heard of it, it is visible at
// once, until SQS has delivered it maxReceiveCount times and moves it to the dead
// letters itself, so that SQS's own redrive brings it back.
//
// A handler that fails when ctx was cancelled has had no try; one that fails at
// ctx's deadline has. ctx must end some seconds before the process may be
// stopped, because what becomes of the message is said after.
func (q *Queue) Take(ctx context.Context, d Delivery, handlers map[etl.Topic]etl.Handler, onDead OnDead) error {
	return q.take(ctx, d, handlers, onDead, func() func() { return func() {} })
}

// take is Take, where keep is called before the handler, and what it returns after.
func (q *Queue) take(ctx context.Context, d Delivery, handlers map[etl.Topic]etl.Handler, onDead OnDead, keep func() func()) error {
	m, err := q.message(d)
	if err != nil {
		q.log.ErrorContext(ctx, "a message that is none of ours goes to the dead letters", "queue", nameOf(d.Queue), "message", d.ID, "error", err)
		q.showAgain(ctx, d, 0)
		return err
	}
	failed := d.failures()
	if due := number(d.Attributes[dueAttribute]); due > 0 {
		if wait := time.Until(time.UnixMilli(due)); wait > 0 {
			return q.comeAgain(ctx, d, m, wait, failed)
		}
	}
	tries := failed + 1
	if tries <= q.tries {
		release := keep()
		err = handle(ctx, m, handlers)
		release()
	} else {
		err = errors.New("the last try failed, or its process ended")
	}
	if err == nil {
		return nil
	}
	if later, ok := errors.AsType[*etl.RetryAfter](err); ok && tries <= q.tries {
		return q.comeAgain(ctx, d, m, later.Delay, failed)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return q.comeAgain(ctx, d, m, 0, failed)
	}
	log := q.log.With("topic", m.Topic, "file_id", m.FileID, "run_id", m.RunID, "chunk", m.Chunk, "attempt", m.Attempt, "try", tries, "error", err)
	if tries < q.tries {
		log.WarnContext(ctx, "a message failed and will come again")
		q.showAgain(ctx, d, q.backoff(tries))
		return err
	}
	if !q.isBuried(d.ID) {
		log.ErrorContext(ctx, "a message failed for the last time")
		if dead := bury(ctx, m, err, onDead); dead != nil {
			log.ErrorContext(ctx, "a dead message could not be reported and will come again", "cause", dead)
			q.showAgain(ctx, d, q.backoff(tries))
			return err
		}
		q.setBuried(d.ID)
	}
	q.showAgain(ctx, d, 0)
	return err
}

// message reads a delivery.
func (q *Queue) message(d Delivery) (etl.Message, error) {
	var m etl.Message
	if err := json.Unmarshal([]byte(d.Body), &m); err != nil {
		return m, &etl.Error{Kind: etl.Internal, Code: "unreadable_message", Message: "a message in the queue " + nameOf(d.Queue) + " cannot be read", Err: err}
	}
	if url := q.urls[m.Topic]; url == "" || nameOf(url) != nameOf(d.Queue) {
		return m, &etl.Error{
			Kind: etl.Internal, Code: "unreadable_message",
			Message: fmt.Sprintf("a message of the topic %q is in the queue %s", m.Topic, nameOf(d.Queue)),
		}
	}
	return m, nil
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// handle calls the handler; a panic of it is an error.
func handle(ctx context.Context, m etl.Message, handlers map[etl.Topic]etl.Handler) (err error) {
	defer recovered(&err)
	handler, ok := handlers[m.Topic]
	if !ok {
		return fmt.Errorf("no handler takes messages of topic %q", m.Topic)
	}
	return handler(ctx, m)
}

// bury reports a dead message, after the end of its handler's context too.
func bury(ctx context.Context, m etl.Message, last error, onDead OnDead) (err error) {
	if onDead == nil {
		return nil
	}
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aftermath)
	defer cancel()
	return onDead(ctx, m, last)
}

func recovered(err *error) { //nolint:gocritic // it sets its caller's result
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// comeAgain sends a copy, after which the original may go. Where that fails, the
// original stays, at the cost of a try.
func (q *Queue) comeAgain(ctx context.Context, d Delivery, m etl.Message, delay time.Duration, failures int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aftermath)
	defer cancel()
	err := q.send(ctx, delay, []outgoing{{Message: m, failures: failures}})
	if err != nil {
		q.log.WarnContext(ctx, "a message that is to come again could not be sent and stays", "topic", m.Topic, "run_id", m.RunID, "chunk", m.Chunk, "error", err)
		q.showAgain(ctx, d, delay)
	}
	return err
}

// showAgain makes a message visible after a while. Where that fails it is visible
// when its queue's visibility timeout is over.
func (q *Queue) showAgain(ctx context.Context, d Delivery, after time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aftermath)
	defer cancel()
	if err := q.hide(ctx, d, after); err != nil {
		q.log.WarnContext(ctx, "a message comes again later than it should", "queue", nameOf(d.Queue), "message", d.ID, "error", err)
	}
}

// hide sets how long a message stays hidden from now on.
func (q *Queue) hide(ctx context.Context, d Delivery, after time.Duration) error {
	topic, url := q.queueOf(d)
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: &d.Receipt, VisibilityTimeout: seconds(after, maxVisibility),
	})
	if err != nil {
		return q.fault("hide a message in", "sqs:ChangeMessageVisibility", topic, err)
	}
	return nil
}

// queueOf is where a delivery came from; SQS has its word where we do not know it.
func (q *Queue) queueOf(d Delivery) (etl.Topic, string) {
	for topic, url := range q.urls {
		if nameOf(url) == nameOf(d.Queue) {
			return topic, url
		}
	}
	return "", d.Queue
}

func (q *Queue) isBuried(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.buried[id]
	return ok
}

func (q *Queue) setBuried(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.buried) == manyBuried {
		// Whoever is forgotten is reported once more.
		clear(q.buried)
	}
	q.buried[id] = struct{}{}
}

// remove deletes a message that is dealt with.
func (q *Queue) remove(ctx context.Context, d Delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aftermath)
	defer cancel()
	topic, url := q.queueOf(d)
	if _, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String(d.Receipt)}); err != nil {
		q.log.WarnContext(ctx, "a message that was handled could not be deleted and will come again",
			"message", d.ID, "error", q.fault("delete a message of", "sqs:DeleteMessage", topic, err))
	}
}
