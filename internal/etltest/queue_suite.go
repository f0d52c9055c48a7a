package etltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// QueueServer is a queue with the side that takes messages.
type QueueServer interface {
	etl.Queue
	// Serve handles messages until ctx ends, then drains and returns.
	Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, o QueueSetup) error
}

// QueueSetup is how a conformance suite wants its messages handled.
type QueueSetup struct {
	Workers  map[etl.Topic]int
	MaxTries int
	Backoff  func(failures int) time.Duration
	OnDead   func(ctx context.Context, m etl.Message, last error) error
	Drain    time.Duration
}

// patience is how long the suite waits for what must happen.
const patience = 20 * time.Second

// QueueSuite checks every promise of etl.Queue and etl.Handler. open makes an
// adapter to an empty queue, and other a second one to the same queue, as
// another process would.
func QueueSuite(t *testing.T, open func(t *testing.T) (queue, other QueueServer)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, QueueServer, QueueServer){
		"EveryMessageArrives": everyMessage, "DelayHides": delayHides, "RetryAfterDoesNotCount": retryAfter,
		"ErrorsComeBack": errorsComeBack, "DeadLetters": deadLetters, "DeadLetterReportFails": deadAgain,
		"PanicIsAnError": panics, "DrainLetsFinish": drainLets, "DrainEnds": drainEnds,
		"OnlyHandledTopics": onlyHandled, "LivingConsumersKeepTheirs": living, "Workers": workersLimit, "NothingToSend": nothing,
	} {
		t.Run(name, func(t *testing.T) {
			queue, other := open(t)
			if err := queue.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, queue, other)
		})
	}
}

// consumer is a Serve under way.
type consumer struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

func serve(t *testing.T, q QueueServer, handlers map[etl.Topic]etl.Handler, o QueueSetup) *consumer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &consumer{t: t, stop: cancel, done: make(chan error, 1)}
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return 0 }
	}
	go func() { c.done <- q.Serve(ctx, handlers, o) }()
	t.Cleanup(c.end)
	return c
}

// end stops the consumer and waits for it; may be repeated.
func (c *consumer) end() {
	c.t.Helper()
	c.stop()
	select {
	case err := <-c.done:
		if err != nil {
			c.t.Errorf("serve: %v", err)
		}
		c.done <- nil
	case <-time.After(patience):
		c.t.Error("serve does not end")
	}
}

func sendMessages(t *testing.T, q etl.Queue, delay time.Duration, messages ...etl.Message) {
	t.Helper()
	if err := q.Send(t.Context(), delay, messages...); err != nil {
		t.Fatal(err)
	}
}

// next waits for something to happen.
func next[T any](t *testing.T, events <-chan T, what string) T {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(patience):
		t.Fatalf("%s does not happen", what)
		panic("unreachable")
	}
}

func everyMessage(t *testing.T, q, other QueueServer) {
	const n = 200
	want := []etl.Message{{Topic: etl.TopicPlan, RunID: 7}}
	for i := range n {
		want = append(want, etl.Message{Topic: etl.TopicLoad, RunID: 1 << 60, Chunk: i, Attempt: 2, FileID: "0b5e7c9e-5e0e-4c11-9d0d-0f9e1b7ad111"})
	}
	sendMessages(t, q, 0, want[:100]...)
	got := make(chan etl.Message, 2*n)
	handler := func(_ context.Context, m etl.Message) error { got <- m; return nil }
	handlers := map[etl.Topic]etl.Handler{etl.TopicLoad: handler, etl.TopicPlan: handler}
	serve(t, q, handlers, QueueSetup{Workers: map[etl.Topic]int{etl.TopicLoad: 4}})
	serve(t, other, handlers, QueueSetup{})
	sendMessages(t, q, 0, want[100:]...)
	missing := make(map[etl.Message]bool)
	for _, m := range want {
		missing[m] = true
	}
	for len(missing) > 0 {
		m := next(t, got, fmt.Sprintf("the arrival of %d messages", len(missing)))
		if !slices.Contains(want, m) {
			t.Fatalf("a message that nobody sent: %+v", m)
		}
		delete(missing, m)
	}
}

func delayHides(t *testing.T, q, _ QueueServer) {
	const delay = 700 * time.Millisecond
	got := make(chan time.Time, 10)
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(context.Context, etl.Message) error { got <- time.Now(); return nil }}, QueueSetup{})
	sent := time.Now()
	sendMessages(t, q, delay, etl.Message{Topic: etl.TopicPlan, RunID: 1})
	if hidden := next(t, got, "a delayed message").Sub(sent); hidden < delay {
		t.Errorf("hidden for %s only", hidden)
	}
}

func retryAfter(t *testing.T, q, _ QueueServer) {
	const times, delay = 5, 20 * time.Millisecond
	got := make(chan time.Time, 10)
	var calls atomic.Int64
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(context.Context, etl.Message) error {
		n := calls.Add(1)
		got <- time.Now()
		if n <= times {
			return fmt.Errorf("busy: %w", &etl.RetryAfter{Delay: delay, Reason: "the destination is busy"})
		}
		return nil
	}}, QueueSetup{MaxTries: 2, OnDead: func(context.Context, etl.Message, error) error {
		t.Error("RetryAfter counted as a failure")
		return nil
	}})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 1})
	last := next(t, got, "the first try")
	for range times {
		now := next(t, got, "a later try")
		if pause := now.Sub(last); pause < delay {
			t.Errorf("again after %s", pause)
		}
		last = now
	}
}

func errorsComeBack(t *testing.T, q, _ QueueServer) {
	const fails = 3
	got := make(chan time.Time, 10)
	var calls atomic.Int64
	var mu sync.Mutex
	var asked []int
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(context.Context, etl.Message) error {
		n := calls.Add(1)
		got <- time.Now()
		if n <= fails {
			return errors.New("not yet")
		}
		return nil
	}}, QueueSetup{MaxTries: fails + 1, Backoff: func(failures int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, failures)
		return time.Duration(failures) * 50 * time.Millisecond
	}})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 1})
	last := next(t, got, "the first try")
	for i := range fails {
		now := next(t, got, "a later try")
		if pause, least := now.Sub(last), time.Duration(i+1)*50*time.Millisecond; pause < least {
			t.Errorf("try %d after %s, want %s at least", i+2, pause, least)
		}
		last = now
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(asked, []int{1, 2, 3}) {
		t.Errorf("delays were asked for after failures %v", asked)
	}
}

type dead struct {
	message etl.Message
	last    error
}

func deadLetters(t *testing.T, q, _ QueueServer) {
	graves := make(chan dead, 10)
	var calls atomic.Int64
	serve(t, q, map[etl.Topic]etl.Handler{
		etl.TopicPlan: func(_ context.Context, m etl.Message) error {
			if m.RunID == 1 {
				return fmt.Errorf("failure %d", calls.Add(1))
			}
			return nil
		},
	}, QueueSetup{MaxTries: 3, OnDead: func(_ context.Context, m etl.Message, last error) error {
		graves <- dead{m, last}
		return nil
	}})
	m := etl.Message{Topic: etl.TopicPlan, RunID: 1, Chunk: 4, Attempt: 1}
	sendMessages(t, q, 0, m)
	got := next(t, graves, "a dead letter")
	if got.message != m || got.last == nil || got.last.Error() != "failure 3" || calls.Load() != 3 {
		t.Errorf("after %d tries: %+v", calls.Load(), got)
	}
	// It stays dead: a later, delayed message finds it so.
	sendMessages(t, q, 300*time.Millisecond, etl.Message{Topic: etl.TopicPlan, RunID: 1, Attempt: 2})
	if got := next(t, graves, "another dead letter"); got.message.Attempt != 2 || calls.Load() != 6 {
		t.Errorf("after %d tries: %+v", calls.Load(), got)
	}
}

func deadAgain(t *testing.T, q, _ QueueServer) {
	graves := make(chan dead, 10)
	var asked atomic.Int64
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(context.Context, etl.Message) error { return errors.New("never") }},
		QueueSetup{MaxTries: 1, OnDead: func(_ context.Context, m etl.Message, last error) error {
			switch asked.Add(1) {
			case 1:
				return errors.New("the portal's database is away")
			case 2:
				panic("a defect")
			}
			graves <- dead{m, last}
			return nil
		}})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 9})
	if got := next(t, graves, "the report of a dead letter"); got.message.RunID != 9 {
		t.Errorf("got %+v", got)
	}
}

func panics(t *testing.T, q, _ QueueServer) {
	graves := make(chan dead, 10)
	var calls atomic.Int64
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(context.Context, etl.Message) error {
		calls.Add(1)
		panic("a defect")
	}}, QueueSetup{MaxTries: 2, OnDead: func(_ context.Context, m etl.Message, last error) error {
		graves <- dead{m, last}
		return nil
	}})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 3})
	if got := next(t, graves, "a dead letter"); got.last == nil || calls.Load() != 2 {
		t.Errorf("after %d tries: %+v", calls.Load(), got)
	}
}

func drainLets(t *testing.T, q, other QueueServer) {
	started, finish, finished := make(chan int64, 10), make(chan struct{}), make(chan error, 10)
	c := serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(ctx context.Context, m etl.Message) error {
		started <- m.RunID
		<-finish
		finished <- ctx.Err()
		return nil
	}}, QueueSetup{})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 1})
	next(t, started, "the start")
	c.stop()
	// What is sent now is another's.
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 2})
	theirs := make(chan int64, 10)
	serve(t, other, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error { theirs <- m.RunID; return nil }}, QueueSetup{})
	if got := next(t, theirs, "the next message"); got != 2 {
		t.Errorf("message %d was taken from a consumer that was at it", got)
	}
	select {
	case err := <-c.done:
		t.Fatalf("serve returned before its handler: %v", err)
	default:
	}
	close(finish)
	if err := next(t, finished, "the end"); err != nil {
		t.Errorf("the handler's context ended during the drain: %v", err)
	}
	c.end()
	if len(started) != 0 {
		t.Error("a message was taken after the stop")
	}
}

// drainEnds is a restart in the middle of a message.
func drainEnds(t *testing.T, q, other QueueServer) {
	started := make(chan struct{}, 10)
	c := serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(ctx context.Context, _ etl.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}, QueueSetup{MaxTries: 1, Drain: 50 * time.Millisecond, OnDead: func(context.Context, etl.Message, error) error {
		t.Error("being cut off counted as a failure")
		return nil
	}})
	m := etl.Message{Topic: etl.TopicPlan, RunID: 5}
	sendMessages(t, q, 0, m)
	next(t, started, "the start")
	c.end()
	got := make(chan etl.Message, 10)
	serve(t, other, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error { got <- m; return nil }}, QueueSetup{MaxTries: 1})
	if again := next(t, got, "the second delivery"); again != m {
		t.Errorf("delivered %+v, want %+v", again, m)
	}
}

func onlyHandled(t *testing.T, q, other QueueServer) {
	plans, loads := make(chan etl.Message, 10), make(chan etl.Message, 10)
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error { plans <- m; return nil }}, QueueSetup{})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicLoad, RunID: 1}, etl.Message{Topic: etl.TopicPlan, RunID: 2})
	if m := next(t, plans, "the plan message"); m.RunID != 2 {
		t.Errorf("got %+v", m)
	}
	serve(t, other, map[etl.Topic]etl.Handler{etl.TopicLoad: func(_ context.Context, m etl.Message) error { loads <- m; return nil }}, QueueSetup{})
	if m := next(t, loads, "the load message"); m.RunID != 1 || len(plans) != 0 {
		t.Errorf("got %+v", m)
	}
}

// living has a slow handler watched by another consumer.
func living(t *testing.T, q, other QueueServer) {
	slow, finish, quick := make(chan int64, 10), make(chan struct{}), make(chan int64, 10)
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error {
		slow <- m.RunID
		<-finish
		return nil
	}}, QueueSetup{})
	sendMessages(t, q, 0, etl.Message{Topic: etl.TopicPlan, RunID: 1})
	next(t, slow, "the slow message")
	defer close(finish)
	serve(t, other, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error { quick <- m.RunID; return nil }}, QueueSetup{})
	for i := range int64(3) {
		// A delayed message is the clock: the other one has looked for dead consumers meanwhile.
		sendMessages(t, q, 400*time.Millisecond, etl.Message{Topic: etl.TopicPlan, RunID: 2 + i})
		if got := next(t, quick, "the clock's message"); got == 1 {
			t.Error("a message was taken from a living consumer")
		}
	}
}

func workersLimit(t *testing.T, q, _ QueueServer) {
	const limit, n = 3, 12
	var now, most atomic.Int64
	full, done := make(chan struct{}), make(chan struct{}, n)
	serve(t, q, map[etl.Topic]etl.Handler{etl.TopicLoad: func(context.Context, etl.Message) error {
		k := now.Add(1)
		for old := most.Load(); k > old && !most.CompareAndSwap(old, k); old = most.Load() {
		}
		if k == limit {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full // nobody goes on before as many as may are here
		now.Add(-1)
		done <- struct{}{}
		return nil
	}}, QueueSetup{Workers: map[etl.Topic]int{etl.TopicLoad: limit}})
	for i := range n {
		sendMessages(t, q, 0, etl.Message{Topic: etl.TopicLoad, Chunk: i})
	}
	for range n {
		next(t, done, "every message")
	}
	if most.Load() != limit {
		t.Errorf("%d messages at a time, want %d", most.Load(), limit)
	}
}

func nothing(t *testing.T, q, _ QueueServer) {
	sendMessages(t, q, 0)
	if err := q.Send(t.Context(), 0, etl.Message{RunID: 1}); err == nil {
		t.Error("a message without a topic was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Send(ctx, 0, etl.Message{Topic: etl.TopicPlan}); err == nil {
		t.Error("sent although cancelled")
	}
}
