package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// SQS's limits.
const (
	maxBatch      = 10
	maxBatchBytes = 1 << 20
	maxDelay      = 15 * time.Minute
	maxVisibility = 11 * time.Hour // a little less than the 12 that count from the receipt on
)

// The defaults of QueueConfig.
const (
	defaultTries      = 5
	defaultVisibility = time.Minute
	defaultWait       = 5 * time.Second
)

// sendTries is how often the entries of a batch are sent that SQS alone did not take.
const sendTries = 5

// The attributes of a message that comes again as a copy.
const (
	// failuresAttribute counts the failed tries of the messages it is a copy of.
	failuresAttribute = "etlportal-failures"
	// dueAttribute is until when, in Unix milliseconds, it stays hidden, where
	// that is longer than SQS hides a message at a time.
	dueAttribute = "etlportal-due"
)

// QueueConfig says where the queues are, and how often a message is tried.
type QueueConfig struct {
	Account

	// URLs are the queues by topic; standard ones, whose visibility timeout is
	// longer than a handler takes.
	URLs map[etl.Topic]string
	// Dead are the dead letter queues that SQS moves messages to; for Redrive.
	// The maxReceiveCount of the redrive policy must be larger than MaxTries, by
	// 5 say: what is left over is for telling OnDead of a message again.
	Dead map[etl.Topic]string
	// MaxTries is after how many failures a message is dead; 0 means 5. Every
	// receipt is a try, and one that nobody said the outcome of is a failed one:
	// the process died, or the function was throttled.
	MaxTries int
	// Backoff is the delay before the next try after so many failures, to the
	// second; nil doubles from one second to a minute, give or take a fifth.
	Backoff func(failures int) time.Duration
	// Visibility is how long Serve takes a message for; it renews that as long
	// as the handler lives. 0 means a minute.
	Visibility time.Duration
	// Wait is how long Serve waits for a message at a time, at most 20 seconds,
	// and so how long it may take to end; 0 means 5 seconds.
	Wait time.Duration
	// Log; nil: slog.Default.
	Log *slog.Logger
}

// Queue is an etl.Queue of SQS queues, one for each topic. Any number of
// processes may send, Take and Serve.
type Queue struct {
	client     *sqs.Client
	urls, dead map[etl.Topic]string
	tries      int
	backoff    func(failures int) time.Duration
	visibility time.Duration
	wait       time.Duration
	log        *slog.Logger

	mu sync.Mutex
	// buried are the ids of messages that OnDead heard of and that SQS is yet to move.
	buried map[string]struct{}
}

var _ etl.Queue = (*Queue)(nil)

// NewQueue makes the adapter; it does not call AWS yet (see Ready).
func NewQueue(ctx context.Context, c QueueConfig) (*Queue, error) {
	loaded, err := c.load(ctx, "the SQS queues")
	if err != nil {
		return nil, err
	}
	q := &Queue{
		client: sqs.NewFromConfig(loaded),
		urls:   c.URLs, dead: c.Dead, tries: cmp.Or(c.MaxTries, defaultTries), backoff: c.Backoff,
		visibility: cmp.Or(c.Visibility, defaultVisibility), wait: min(cmp.Or(c.Wait, defaultWait), 20*time.Second),
		log: c.Log, buried: make(map[string]struct{}),
	}
	if q.backoff == nil {
		q.backoff = backoff
	}
	if q.log == nil {
		q.log = slog.Default()
	}
	return q, nil
}

func backoff(failures int) time.Duration {
	delay := min(time.Minute, time.Second<<min(failures-1, 10))
	return delay*4/5 + rand.N(delay*2/5) //nolint:gosec // spreads retries, protects nothing
}

// outgoing is a message as it is sent.
type outgoing struct {
	etl.Message

	// failures are those of the message that it is a copy of.
	failures int
}

// Send implements etl.Queue. A delay is rounded up to seconds. Where it fails,
// some of the messages may have been sent.
func (q *Queue) Send(ctx context.Context, delay time.Duration, messages ...etl.Message) error {
	all := make([]outgoing, len(messages))
	for i, m := range messages {
		all[i].Message = m
	}
	return q.send(ctx, delay, all)
}

func (q *Queue) send(ctx context.Context, delay time.Duration, messages []outgoing) error {
	byTopic := make(map[etl.Topic][]types.SendMessageBatchRequestEntry)
	for _, m := range messages {
		if m.Topic == "" {
			return &etl.Error{Kind: etl.Internal, Code: "no_topic", Message: "a message without a topic was sent"}
		}
		if q.urls[m.Topic] == "" {
			return noQueue(m.Topic)
		}
		body, err := json.Marshal(m.Message)
		if err != nil {
			return err
		}
		entry := types.SendMessageBatchRequestEntry{MessageBody: aws.String(string(body)), DelaySeconds: seconds(delay, maxDelay)}
		attributes := make(map[string]types.MessageAttributeValue)
		number := func(name string, value int64) {
			attributes[name] = types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: aws.String(strconv.FormatInt(value, 10))}
		}
		if m.failures > 0 {
			number(failuresAttribute, int64(m.failures))
		}
		if delay > maxDelay {
			number(dueAttribute, time.Now().Add(delay).UnixMilli())
		}
		if len(attributes) > 0 {
			entry.MessageAttributes = attributes
		}
		byTopic[m.Topic] = append(byTopic[m.Topic], entry)
	}
	for _, topic := range slices.Sorted(maps.Keys(byTopic)) {
		for batch := range batches(byTopic[topic]) {
			if err := q.sendBatch(ctx, topic, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// batches cuts entries where SQS's limits are reached.
func batches(entries []types.SendMessageBatchRequestEntry) func(func([]types.SendMessageBatchRequestEntry) bool) {
	return func(yield func([]types.SendMessageBatchRequestEntry) bool) {
		const ofAttributes = 200 // more than the two of ours take
		size, start := 0, 0
		for i := range entries {
			n := len(*entries[i].MessageBody) + ofAttributes
			if i > start && (i-start == maxBatch || size+n > maxBatchBytes) {
				if !yield(entries[start:i]) {
					return
				}
				size, start = 0, i
			}
			size += n
		}
		if start < len(entries) {
			yield(entries[start:])
		}
	}
}

// sendBatch sends, and sends again what SQS did not take of it.
func (q *Queue) sendBatch(ctx context.Context, topic etl.Topic, batch []types.SendMessageBatchRequestEntry) error {
	for i := range batch {
		batch[i].Id = aws.String(strconv.Itoa(i))
	}
	for try := 1; ; try++ {
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(q.urls[topic]), Entries: batch})
		if err != nil {
			return q.fault("send to", "sqs:SendMessage", topic, err)
		}
		if len(out.Failed) == 0 {
			return nil
		}
		left := make([]types.SendMessageBatchRequestEntry, 0, len(out.Failed))
		for _, f := range out.Failed {
			if f.SenderFault {
				return &etl.Error{
					Kind: etl.Internal, Code: "queue_refused",
					Message: fmt.Sprintf("the queue %s refuses a message: %s, %s", nameOf(q.urls[topic]), aws.ToString(f.Code), aws.ToString(f.Message)),
				}
			}
			for _, entry := range batch {
				if aws.ToString(entry.Id) == aws.ToString(f.Id) {
					left = append(left, entry)
				}
			}
		}
		if try == sendTries {
			return &etl.Error{
				Kind: etl.Weather, Code: "queue_busy", Fix: "Wait a little and try again.",
				Message: fmt.Sprintf("the queue %s takes %d of %d messages only: %s, %s", nameOf(q.urls[topic]), len(batch)-len(left), len(batch),
					aws.ToString(out.Failed[0].Code), aws.ToString(out.Failed[0].Message)),
			}
		}
		batch = left
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond << try):
		}
	}
}

// Ready implements etl.Queue; it looks at every queue.
func (q *Queue) Ready(ctx context.Context) error {
	for _, topic := range slices.Sorted(maps.Keys(q.urls)) {
		_, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: aws.String(q.urls[topic]), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
		})
		if err != nil {
			return q.fault("look at", "sqs:GetQueueAttributes", topic, err)
		}
	}
	return nil
}

// Migrate has nothing to do: queues are made with the infrastructure.
func (q *Queue) Migrate(context.Context) error { return nil }

// Redrive makes SQS move the dead messages of a topic back to its queue, and
// returns at once. While a move is under way, another one is refused.
func (q *Queue) Redrive(ctx context.Context, topic etl.Topic) error {
	url := q.dead[topic]
	if url == "" {
		return etl.Mistakef("no_queue", "Set the URL of its dead letter queue.", "no dead letter queue of the topic %q is configured", topic)
	}
	about := request{
		prefix: "queue", what: "move messages out of the queue " + nameOf(url), action: "sqs:StartMessageMoveTask, sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes",
		resource: nameOf(url), look: "SQS",
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err == nil {
		_, err = q.client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{
			SourceArn: aws.String(out.Attributes[string(types.QueueAttributeNameQueueArn)]),
		})
	}
	if err != nil {
		return queueFault(about, url, err)
	}
	return nil
}

func noQueue(topic etl.Topic) error {
	return etl.Mistakef("no_queue", fmt.Sprintf("Set ETLPORTAL_QUEUE_%s_URL.", strings.ToUpper(string(topic))), "no queue of the topic %q is configured", topic)
}

// nameOf is the name of a queue by its URL or ARN.
func nameOf(queue string) string {
	return queue[strings.LastIndexAny(queue, "/:")+1:]
}

func (q *Queue) fault(what, action string, topic etl.Topic, err error) error {
	name := nameOf(q.urls[topic])
	return queueFault(request{prefix: "queue", what: what + " the queue " + name, action: action, resource: name, look: "SQS"}, q.urls[topic], err)
}

func queueFault(about request, url string, err error) error {
	if hasCode(err, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFoundException") {
		return &etl.Error{
			Kind: etl.Mistake, Code: "no_such_queue", Err: err,
			Message: "there is no queue " + url, Fix: "Correct the URL, or make the queue.",
		}
	}
	return fault(about, err)
}
