package local_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
)

// server gives local.Queue the shape that the suite wants.
type server struct{ *local.Queue }

func (s server) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, o etltest.QueueSetup) error {
	return s.Queue.Serve(ctx, handlers, local.ServeOptions{
		Workers: o.Workers, MaxTries: o.MaxTries, Backoff: o.Backoff, OnDead: o.OnDead, Drain: o.Drain,
		Logger: slog.New(slog.DiscardHandler),
	})
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func openQueue(t *testing.T, pool *pgxpool.Pool) *local.Queue {
	t.Helper()
	q, err := local.NewQueue(pool)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueueConforms(t *testing.T) {
	etltest.QueueSuite(t, func(t *testing.T) (queue, other etltest.QueueServer) {
		t.Helper()
		url := etltest.Postgres(t)
		q := openQueue(t, openPool(t, url))
		if err := q.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return server{q}, server{openQueue(t, openPool(t, url))}
	})
}

func TestQueueMigratesUpAndDown(t *testing.T) {
	pool := openPool(t, etltest.Postgres(t))
	q := openQueue(t, pool)
	tables := func() (n int) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('river', 'public')").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	missing := func() {
		t.Helper()
		for _, err := range []error{q.Ready(t.Context()), q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan})} {
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "queue_not_migrated" || e.Kind != etl.Mistake {
				t.Errorf("without tables: %v", err)
			}
		}
	}
	missing()
	full := 0
	for range 2 {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := q.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := q.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if full == 0 {
			full = tables()
		}
		if n := tables(); n == 0 || n != full {
			t.Errorf("%d relations after migration, want %d", n, full)
		}
		if err := q.MigrateDown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := tables(); n != 0 {
			t.Errorf("%d relations are left", n)
		}
		missing()
	}
}

// TestQueueOfADeadProcess finds messages that a process had when it was killed.
func TestQueueOfADeadProcess(t *testing.T) {
	pool := openPool(t, etltest.Postgres(t))
	q := openQueue(t, pool)
	if err := q.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicLoad, Chunk: i}); err != nil {
			t.Fatal(err)
		}
	}
	// As River leaves a message behind whose process is killed in its try number chunk+1.
	if _, err := pool.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempted_at = now(), attempted_by = '{another,killed}',
		attempt = (args->>'chunk')::int + 1 WHERE args ? 'chunk'`); err != nil {
		t.Fatal(err)
	}
	// Chunk 0 is left out of the JSON, for it is zero.
	if _, err := pool.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempted_at = now(), attempted_by = '{killed}', attempt = 1 WHERE state = 'available'`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan string, 10)
	served := make(chan error, 1)
	go func() {
		served <- q.Serve(ctx, map[etl.Topic]etl.Handler{etl.TopicLoad: func(_ context.Context, m etl.Message) error {
			events <- fmt.Sprint("handled ", m.Chunk)
			return nil
		}}, local.ServeOptions{MaxTries: 3, Logger: slog.New(slog.DiscardHandler), OnDead: func(_ context.Context, m etl.Message, _ error) error {
			events <- fmt.Sprint("dead ", m.Chunk)
			return nil
		}})
	}()
	got := map[string]bool{}
	for range 3 {
		select {
		case e := <-events:
			got[e] = true
		case <-time.After(20 * time.Second):
			t.Fatalf("only %v", got)
		}
	}
	// A message that kills every process that tries it must not go on for ever.
	for _, want := range []string{"handled 0", "handled 1", "dead 2"} {
		if !got[want] {
			t.Errorf("want %q, got %v", want, got)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestQueueOfAHalfDeadProcess finds what a process had whose sessions still end
// some of it.
func TestQueueOfAHalfDeadProcess(t *testing.T) {
	pool := openPool(t, etltest.Postgres(t))
	q := openQueue(t, pool)
	if err := q.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan, RunID: 1}, etl.Message{Topic: etl.TopicPlan, RunID: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE river.river_job SET state = 'running', attempted_at = now(), attempted_by = '{killed}', attempt = 1`); err != nil {
		t.Fatal(err)
	}
	ending, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ending.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := ending.Exec(t.Context(), `SELECT FROM river.river_job WHERE args->>'run_id' = '1' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	handled, served := make(chan int64, 10), make(chan error, 1)
	go func() {
		served <- q.Serve(ctx, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error {
			handled <- m.RunID
			return nil
		}}, local.ServeOptions{Logger: slog.New(slog.DiscardHandler)})
	}()
	for _, want := range []int64{2, 1} {
		select {
		case got := <-handled:
			if got != want {
				t.Fatalf("handled %d, want %d", got, want)
			}
		case err := <-served:
			t.Fatalf("stopped: %v", err)
		case <-time.After(30 * time.Second):
			t.Fatalf("message %d does not arrive", want)
		}
		_ = ending.Rollback(t.Context())
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestQueueOutlivesItsDatabase restarts PostgreSQL under a consumer.
func TestQueueOutlivesItsDatabase(t *testing.T) {
	pg := etltest.PostgresServer(t, nil)
	pool := openPool(t, pg.URL)
	q := openQueue(t, pool)
	if err := q.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	handled, served := make(chan int64, 10), make(chan error, 1)
	go func() {
		served <- q.Serve(ctx, map[etl.Topic]etl.Handler{etl.TopicPlan: func(_ context.Context, m etl.Message) error {
			handled <- m.RunID
			return nil
		}}, local.ServeOptions{Logger: slog.New(slog.DiscardHandler)})
	}()
	expect := func(id int64) {
		t.Helper()
		select {
		case got := <-handled:
			if got != id {
				t.Fatalf("handled %d, want %d", got, id)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("message %d does not arrive", id)
		}
	}
	if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan, RunID: 1}); err != nil {
		t.Fatal(err)
	}
	expect(1)
	pg.Stop()
	err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan, RunID: 2})
	if etl.KindOf(err) != etl.Weather {
		t.Errorf("sent without a database: %v", err)
	}
	if err := q.Ready(t.Context()); etl.KindOf(err) != etl.Weather {
		t.Errorf("ready without a database: %v", err)
	}
	pg.Start()
	if err := q.Send(t.Context(), 0, etl.Message{Topic: etl.TopicPlan, RunID: 3}); err != nil {
		t.Fatal(err)
	}
	expect(3)
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
