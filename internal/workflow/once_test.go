package workflow_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/workflow"
)

var (
	onceSeed      = flag.Uint64("once.seed", 0, "replay this schedule of TestExactlyOnce, with its log")
	onceSchedules = flag.Int("once.schedules", 2000, "how many schedules TestExactlyOnce tries")
	onceDuration  = flag.Duration("once.duration", 0, "how long TestExactlyOnce tries schedules, instead of a number of them")
	onceFirst     = flag.Uint64("once.first", 1, "the first seed of TestExactlyOnce")
)

// TestExactlyOnce drives runs through random schedules of everything that goes
// wrong between a queue, a portal, its processes and a database, against a real
// PostgreSQL: messages twice, late, in any order, lost; processes that die at
// any step, or sleep through their leases while others go on; the database
// losing what is not logged. Afterwards the table is what the file says, or
// untouched, the counts agree, and nothing is left behind.
//
// A schedule is a function of its seed, but for how long the database makes
// others wait: go test -run TestExactlyOnce -once.seed N replays one.
func TestExactlyOnce(t *testing.T) {
	schedules := *onceSchedules
	// `make test` runs all of them without the race detector as well.
	if testing.Short() || underRace {
		schedules = min(schedules, 200)
	}
	exactlyOnce(t, schedules, newOnceDatabase)
}

// exactlyOnce tries schedules, each in one of a few databases.
func exactlyOnce(t *testing.T, schedules int, open func(t *testing.T) *onceDatabase) {
	t.Helper()
	const workers = 4
	var next atomic.Uint64
	next.Store(*onceFirst)
	start := time.Now()
	more := func() (uint64, bool) {
		seed := next.Add(1) - 1
		if *onceSeed > 0 {
			return *onceSeed, seed == *onceFirst
		}
		if *onceDuration > 0 {
			return seed, time.Since(start) < *onceDuration
		}
		return seed, seed < *onceFirst+uint64(schedules)
	}
	var ends [4]atomic.Int64
	var faults atomic.Int64
	var group sync.WaitGroup
	for range workers {
		db := open(t)
		group.Go(func() {
			for !t.Failed() {
				seed, ok := more()
				if !ok {
					return
				}
				sc := newSchedule(t, db, seed)
				sc.run()
				sc.check()
				faults.Add(int64(sc.faults))
				switch sc.final().Status {
				case etl.Completed:
					ends[0].Add(1)
				case etl.Failed:
					ends[1].Add(1)
				case etl.Cancelled:
					ends[2].Add(1)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d completed, %d failed on their data, %d cancelled, %d faults", ends[0].Load(), ends[1].Load(), ends[2].Load(), faults.Load())
}

// onceDatabase is a destination that schedules share one after another.
type onceDatabase struct {
	dest      etl.FanOut
	raw       *pgx.Conn
	described map[string]*schema.Table
	// warehouse is set where the destination is Redshift.
	warehouse *onceWarehouse
}

func newOnceDatabase(t *testing.T) *onceDatabase {
	t.Helper()
	at := etltest.Postgres(t)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	dest, err := destination.OpenPostgres(t.Context(), u.String(), destination.Options{LockTimeout: 4 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(at)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	raw, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = raw.Close(context.Background())
		_ = dest.Close(context.Background())
	})
	for _, table := range []string{"plain (%s)", "keyed (%s, UNIQUE (id))"} {
		if _, err := raw.Exec(t.Context(), "CREATE TABLE "+fmt.Sprintf(table, "id int, name text, qty int CHECK (qty < 1000)")); err != nil {
			t.Fatal(err)
		}
	}
	return &onceDatabase{dest: dest, raw: raw, described: map[string]*schema.Table{}}
}

var errCrash = errors.New("the process died")

// process is what handles one message; it may die at any step.
type process struct {
	sc    *schedule
	dead  bool
	depth int
	what  string
}

// delivery is a message on its way.
type delivery struct {
	etl.Message
	due   time.Time
	tries int
}

// schedule is one run from a file into a table, and what happens to it.
type schedule struct {
	t      *testing.T
	rng    *rand.Rand
	seed   uint64
	db     *onceDatabase
	mem    *memory
	blobs  *blobs
	table  string
	file   onceFile
	job    etl.Job
	chunk  int64
	runID  int64
	queue  []delivery
	steps  *workflow.Steps
	budget int
	faults int
	// zombies are sessions of processes that died without the database noticing.
	zombies []etl.LoadSession
	retries int
	cancels bool
	// elsewhere says that tasks publish, which are started, fail to start, and
	// die, like everything else.
	elsewhere bool
	trace     []string
}

func newSchedule(t *testing.T, db *onceDatabase, seed uint64) *schedule {
	t.Helper()
	sc := &schedule{t: t, rng: rand.New(rand.NewPCG(seed, 1)), seed: seed, db: db, mem: newMemory(), blobs: &blobs{objects: map[string][]byte{}}}
	sc.file = makeOnceFile(sc.rng)
	sc.job = sc.makeJob()
	sc.chunk = int64(20 + sc.rng.IntN(90))
	sc.budget = sc.rng.IntN(9)
	sc.cancels = sc.rng.IntN(8) == 0
	sc.elsewhere = sc.rng.IntN(3) == 0
	sc.exec(fmt.Sprintf("DELETE FROM %[1]s; INSERT INTO %[1]s VALUES (1, 'old', 1), (3, 'old', 3), (90, 'old', 90)", sc.table))
	key := "file"
	sc.blobs.objects[key] = sc.file.text
	src := etl.Source{ID: "f", Filename: "f.csv", State: etl.SourceSampled, Object: sc.blobs.ref(key), Size: int64(len(sc.file.text)), Dialect: csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}, Encoding: csv.UTF8, Names: []string{"id", "name", "qty"}}
	if !sc.file.header {
		src.Dialect.Header = 0
	}
	sc.mem.sources["f"] = src
	sc.mem.creds[1] = etl.Credential{ID: 1, MaxParallel: 1 + sc.rng.IntN(3)}
	sc.steps = sc.newSteps(&process{sc: sc, what: "api", depth: 99})
	if db.warehouse != nil {
		db.warehouse.sc, db.warehouse.faults = sc, 0
	}
	return sc
}

func (sc *schedule) makeJob() etl.Job {
	j := etl.Job{ID: 1, FileID: "f", CredentialID: 1, Version: 1}
	j.Strategy = []etl.Strategy{etl.Insert, etl.Upsert, etl.TruncateInsert}[sc.rng.IntN(3)]
	sc.table = "plain"
	if j.Strategy == etl.Upsert {
		sc.table = "keyed"
		j.UpsertKeys = []string{"id"}
		j.DuplicateKeys = []string{"", "last", "first"}[sc.rng.IntN(3)]
	}
	j.Table = sc.table
	j.Mapping.Columns = []etl.ColumnMapping{{Source: "id", Destination: "id"}, {Source: "name", Destination: "name", Transformations: []etl.Transform{{Fn: "UPPER"}}}, {Source: "qty", Destination: "qty"}}
	j.Mapping.Filter = "id % 7 != 5"
	j.Mapping.OnBadRow.Mode = "skip"
	switch sc.rng.IntN(6) {
	case 0:
		j.Mapping.OnBadRow.Mode = "fail"
	case 1:
		n := int64(sc.rng.IntN(3))
		j.Mapping.OnBadRow.MaxRows = &n
	}
	return j
}

// newSteps are the steps as one process takes them.
func (sc *schedule) newSteps(p *process) *workflow.Steps {
	steps := &workflow.Steps{
		Store: &access{sc.mem, p.at}, Blobs: sc.blobs, Queue: onceQueue{p}, Now: func() time.Time { return sc.mem.now },
		Open:       func(context.Context, etl.Credential) (etl.FanOut, error) { return sc.target(p), nil },
		ChunkBytes: sc.chunk, MinChunkBytes: 1, Holder: p.what, Log: slog.New(slog.DiscardHandler), Portal: fmt.Sprintf("s%d", sc.seed),
	}
	if sc.elsewhere {
		steps.Tasks, steps.LongPublish = onceTasks{p}, time.Nanosecond
	}
	return steps
}

// onceTasks starts tasks, of which some are lost, doubled, or refused.
type onceTasks struct{ p *process }

// taskTopic is the topic of what is a task and no message.
const taskTopic etl.Topic = "task"

func (o onceTasks) Finalize(ctx context.Context, runID int64, attempt int) error {
	sc := o.p.sc
	if err := o.p.at(ctx, "before the task's start"); err != nil {
		return err
	}
	n := 1
	if sc.faults < sc.budget {
		switch sc.rng.IntN(8) {
		case 0:
			sc.faults++
			sc.note("a task cannot be started")
			return &etl.Error{Kind: etl.Weather, Code: "no_capacity", Message: "no capacity", Fix: "Wait."}
		case 1:
			sc.faults++
			n = 2
		case 2:
			sc.faults++
			n = 0
		}
	}
	sc.note("%d tasks are started", n)
	for range n {
		sc.queue = append(sc.queue, delivery{Message: etl.Message{Topic: taskTopic, RunID: runID, Attempt: attempt}, due: sc.mem.now.Add(time.Duration(sc.rng.IntN(60)) * time.Second)})
	}
	return nil
}

// at is a step of a process: it may be its last, others may come in between,
// and time may pass.
func (p *process) at(_ context.Context, step string) error {
	sc := p.sc
	if p.dead {
		return errCrash
	}
	if p.depth > 2 || sc.faults >= sc.budget || sc.rng.IntN(25) > 0 {
		return nil
	}
	sc.faults++
	switch k := sc.rng.IntN(10); {
	case sc.cancels && k < 4:
		sc.note("while %s is %s:", p.what, step)
		sc.cancel()
	case k < 5:
		sc.note("%s dies %s", p.what, step)
		p.dead = true
		return errCrash
	case k < 8:
		if sc.rng.IntN(2) == 0 {
			sc.note("%s sleeps %s", p.what, step)
			sc.mem.now = sc.mem.now.Add(90 * time.Second)
		}
		n := 1 + sc.rng.IntN(3)
		sc.note("%s is overtaken by %d %s", p.what, n, step)
		for range n {
			sc.deliver(p.depth + 1)
		}
	case k < 9:
		sc.note("the database restarts while %s is %s", p.what, step)
		sc.restart()
	default:
		sc.note("%s sleeps %s", p.what, step)
		sc.mem.now = sc.mem.now.Add(5 * time.Minute)
	}
	return nil
}

func (sc *schedule) note(format string, args ...any) {
	sc.trace = append(sc.trace, fmt.Sprintf(format, args...))
}

// restart is what a crash of the database does to a load: sessions end, and
// what is not logged is empty.
func (sc *schedule) restart() {
	load := sc.final().LoadID
	if sc.db.warehouse != nil {
		sc.db.warehouse.lose(load)
		return
	}
	sc.exec(fmt.Sprintf(`SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'etlportal%%'`))
	var stage *string
	if err := sc.db.raw.QueryRow(context.Background(), "SELECT to_regclass($1)::text", "etl_portal.stage_"+load).Scan(&stage); err != nil {
		sc.t.Error(err)
	}
	if stage != nil {
		sc.exec(fmt.Sprintf("TRUNCATE %s; DELETE FROM etl_portal.chunks WHERE load = '%s'", *stage, load))
	}
}

// onceQueue loses and doubles messages.
type onceQueue struct{ p *process }

func (q onceQueue) Ready(context.Context) error { return nil }

func (q onceQueue) Send(ctx context.Context, delay time.Duration, messages ...etl.Message) error {
	sc := q.p.sc
	if err := q.p.at(ctx, "before sending"); err != nil {
		return err
	}
	for _, m := range messages {
		n := 1
		if sc.faults < sc.budget {
			switch sc.rng.IntN(30) {
			case 0:
				n = 0
			case 1, 2:
				n = 2
			}
			if n != 1 {
				sc.faults++
				sc.note("message %v comes %d times", m, n)
			}
		}
		for range n {
			sc.queue = append(sc.queue, delivery{Message: m, due: sc.mem.now.Add(delay)})
		}
	}
	return q.p.at(ctx, "after sending")
}

// onceTarget is the destination as one process sees it.
type onceTarget struct {
	etl.FanOut
	p *process
}

// Table describes a table once; it does not change.
func (d *onceTarget) Table(ctx context.Context, schemaName, name string) (*schema.Table, error) {
	sc := d.p.sc
	if t := sc.db.described[name]; t != nil {
		return t, nil
	}
	t, err := d.FanOut.Table(ctx, schemaName, name)
	if err == nil {
		sc.db.described[name] = t
	}
	return t, err
}

func (d *onceTarget) Begin(ctx context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	return d.session(ctx, func(ctx context.Context) (etl.LoadSession, error) { return d.FanOut.Begin(ctx, spec) })
}

func (d *onceTarget) BeginChunk(ctx context.Context, load string, spec etl.LoadSpec, c etl.ChunkClaim) (etl.LoadSession, error) {
	return d.session(ctx, func(ctx context.Context) (etl.LoadSession, error) { return d.FanOut.BeginChunk(ctx, load, spec, c) })
}

func (d *onceTarget) session(ctx context.Context, begin func(ctx context.Context) (etl.LoadSession, error)) (etl.LoadSession, error) {
	if d.p.dead {
		return nil, errCrash
	}
	s, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	return &onceSession{s, d.p}, nil
}

func (d *onceTarget) Publish(ctx context.Context, load string, spec etl.LoadSpec, chunks []etl.ChunkClaim) (etl.LoadResult, error) {
	if d.p.dead {
		return etl.LoadResult{}, errCrash
	}
	return d.FanOut.Publish(ctx, load, spec, chunks)
}

func (d *onceTarget) Prepare(ctx context.Context, load string, spec etl.LoadSpec) error {
	if d.p.dead {
		return errCrash
	}
	return d.FanOut.Prepare(ctx, load, spec)
}

func (d *onceTarget) Drop(ctx context.Context, load string) error {
	if d.p.dead {
		return errCrash
	}
	return d.FanOut.Drop(ctx, load)
}

// onceSession is a transaction of a process, which the database may not notice
// at once to be dead.
type onceSession struct {
	etl.LoadSession
	p *process
}

func (s *onceSession) Write(ctx context.Context, b etl.Batch) error {
	if err := s.p.at(ctx, "before rows"); err != nil {
		return err
	}
	if err := s.LoadSession.Write(ctx, b); err != nil {
		return err
	}
	return s.p.at(ctx, "mid-COPY")
}

func (s *onceSession) Count(c etl.Counts) {
	if counting, ok := s.LoadSession.(etl.Counting); ok {
		counting.Count(c)
	}
}

func (s *onceSession) Abort(ctx context.Context) error {
	sc := s.p.sc
	if s.p.dead && sc.rng.IntN(2) == 0 {
		sc.zombies = append(sc.zombies, s.LoadSession)
		return nil
	}
	return s.LoadSession.Abort(ctx)
}

// deliver hands one message over that is due, whichever.
func (sc *schedule) deliver(depth int) {
	var due []int
	for i, d := range sc.queue {
		if !d.due.After(sc.mem.now) {
			due = append(due, i)
		}
	}
	if len(due) == 0 {
		return
	}
	i := due[sc.rng.IntN(len(due))]
	d := sc.queue[i]
	sc.queue = slices.Delete(sc.queue, i, i+1)
	p := &process{sc: sc, depth: depth, what: fmt.Sprintf("%s %d", d.Topic, d.Chunk)}
	steps := sc.newSteps(p)
	ctx := etl.WithFaults(context.Background(), func(step string) error { return p.at(context.Background(), step) })
	if d.Topic == taskTopic {
		// A task that ends comes back by the reconciler alone.
		run, err := steps.Finalize(ctx, d.RunID, d.Attempt)
		sc.note("%d: task of attempt %d: %s in %s, %v", depth, d.Attempt, run.Status, run.Phase, err)
		return
	}
	err := steps.Handlers()[d.Topic](ctx, d.Message)
	sc.note("%d: %s of attempt %d: %v", depth, p.what, d.Attempt, err)
	switch later, ok := errors.AsType[*etl.RetryAfter](err); {
	case err == nil && !p.dead:
		return
	case p.dead:
		// The queue notices after the message's visibility.
		d.due = sc.mem.now.Add(time.Minute)
	case ok:
		d.due = sc.mem.now.Add(max(later.Delay, time.Second))
	default:
		d.tries++
		d.due = sc.mem.now.Add(time.Duration(1<<min(d.tries, 6)) * time.Second)
	}
	if d.tries >= 8 {
		if err := sc.steps.Dead(context.Background(), d.Message, err); err != nil {
			sc.t.Errorf("seed %d: dead: %v", sc.seed, err)
		}
		return
	}
	sc.queue = append(sc.queue, d)
}

func (sc *schedule) final() etl.Run {
	sc.mem.mu.Lock()
	defer sc.mem.mu.Unlock()
	if r := sc.mem.runs[sc.runID]; r != nil {
		return r.Run
	}
	return etl.Run{}
}

// run executes the job and goes on until its run has ended for good.
func (sc *schedule) run() {
	ctx := context.Background()
	run, _, err := sc.steps.Execute(ctx, sc.job, "", "api", etl.IdempotencyKey{})
	if err != nil {
		sc.t.Fatalf("seed %d: %v", sc.seed, err)
	}
	sc.runID = run.ID
	for n := 0; ; n++ {
		if n > 2000 {
			sc.t.Errorf("seed %d does not end: %+v\n%s", sc.seed, sc.final(), strings.Join(sc.trace[max(0, len(sc.trace)-60):], "\n"))
			return
		}
		sc.bury(false)
		if sc.cancels && sc.rng.IntN(20) == 0 {
			sc.cancel()
		}
		if status := sc.final().Status; status.Final() && len(sc.queue) == 0 {
			if status == etl.Failed && sc.retries < 1 && sc.final().Error.Kind == etl.Weather {
				sc.retries++
				_, err := sc.steps.Retry(ctx, sc.runID)
				sc.note("retry: %v", err)
				continue
			}
			break
		}
		before := len(sc.queue)
		sc.deliver(0)
		if len(sc.queue) == before && !slices.ContainsFunc(sc.queue, func(d delivery) bool { return !d.due.After(sc.mem.now) }) {
			sc.mem.now = sc.mem.now.Add(20 * time.Second)
			if len(sc.queue) == 0 {
				sc.mem.now = sc.mem.now.Add(3 * time.Minute)
				sc.queue = append(sc.queue, delivery{Message: etl.Message{Topic: etl.TopicReconcile}, due: sc.mem.now})
			}
		}
	}
	sc.bury(true)
	// A failed run's stage is kept for a day.
	sc.mem.now = sc.mem.now.Add(25 * time.Hour)
	sc.faults = sc.budget
	if w := sc.db.warehouse; w != nil {
		w.faults = roadFaults
	}
	if err := sc.newSteps(&process{sc: sc, what: "sweep", depth: 99}).Handlers()[etl.TopicReconcile](ctx, etl.Message{Topic: etl.TopicReconcile}); err != nil {
		sc.t.Errorf("seed %d: %v", sc.seed, err)
	}
}

// cancel is a person's, who tries once.
func (sc *schedule) cancel() {
	sc.cancels = false
	_, err := sc.steps.Cancel(context.Background(), sc.runID)
	sc.note("cancel: %v", err)
}

// bury ends sessions of dead processes.
func (sc *schedule) bury(all bool) {
	if sc.db.warehouse != nil {
		sc.db.warehouse.bury(all)
	}
	for len(sc.zombies) > 0 && (all || sc.rng.IntN(6) == 0) {
		if err := sc.zombies[0].Abort(context.Background()); err != nil {
			sc.t.Errorf("seed %d: %v", sc.seed, err)
		}
		sc.zombies = sc.zombies[1:]
	}
}

func (sc *schedule) exec(sql string) {
	sc.t.Helper()
	if _, err := sc.db.raw.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
		sc.t.Errorf("seed %d: %s: %v", sc.seed, sql, err)
	}
}

// rows lists a table.
func (sc *schedule) rows(sql string) []string {
	rows, err := sc.db.raw.Query(context.Background(), sql)
	if err != nil {
		sc.t.Errorf("seed %d: %v", sc.seed, err)
		return nil
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		sc.t.Errorf("seed %d: %v", sc.seed, err)
	}
	slices.Sort(found)
	return found
}

// check compares what is with what should be.
func (sc *schedule) check() {
	run := sc.final()
	fail := func(format string, args ...any) {
		sc.t.Helper()
		text := fmt.Sprintf(format, args...)
		sc.t.Errorf("seed %d: %s\nrun %s %s, job %s %s %+v, counts %+v, error %v\n%s\n%s", sc.seed, text, run.Status, run.Path, run.Job.Strategy, run.Job.DuplicateKeys,
			run.Job.Mapping.OnBadRow, run.Counts, run.Error, sc.file.text, strings.Join(sc.trace, "\n"))
	}
	if sc.seed == *onceSeed {
		sc.t.Logf("%s\n%s", sc.file.text, strings.Join(sc.trace, "\n"))
	}
	got := sc.rows("SELECT id || ' ' || name || ' ' || qty FROM " + sc.table)
	want, counts, refusal := sc.file.expect(sc.job, sc.db.warehouse != nil)
	before := []string{"1 old 1", "3 old 3", "90 old 90"}
	switch run.Status {
	case etl.Completed:
		if refusal {
			fail("completed in spite of its bad rows")
		}
		if !slices.Equal(got, want) {
			fail("the table has\n%q, want\n%q", got, want)
		}
		if run.Counts != counts {
			fail("counts, want %+v", counts)
		}
		if n := len(sc.mem.runs[run.ID].rejects); int64(n) != counts.Rejected && !sc.silent() {
			fail("%d rejects kept", n)
		}
	case etl.Failed:
		if !refusal && run.Error.Kind != etl.Weather {
			fail("failed without a reason in the data")
		}
		if !slices.Equal(got, before) {
			fail("failed, and the table has %q", got)
		}
	case etl.Cancelled:
		if !slices.Equal(got, before) {
			fail("cancelled, and the table has %q", got)
		}
	default:
		fail("did not end")
	}
	if sc.db.warehouse != nil {
		sc.db.warehouse.check(&run, fail)
	} else {
		sc.checkStage(&run, fail)
	}
	if len(sc.mem.leases) > 0 {
		fail("leases %v are left", sc.mem.leases)
	}
}

// checkStage says what is left of a load in PostgreSQL.
func (sc *schedule) checkStage(run *etl.Run, fail func(format string, args ...any)) {
	sc.t.Helper()
	if left := sc.rows(`SELECT relname::text FROM pg_class WHERE relname LIKE 'stage_` + run.LoadID + `'`); len(left) > 0 {
		fail("stage %q is left", left)
	}
	if len(sc.rows("SELECT relname::text FROM pg_class WHERE relname = 'chunks'")) > 0 {
		if left := sc.rows("SELECT chunk::text FROM etl_portal.chunks WHERE load = '" + run.LoadID + "'"); len(left) > 0 {
			fail("claims of chunks %q are left", left)
		}
		if marks := sc.rows("SELECT load FROM etl_portal.loads WHERE load = '" + run.LoadID + "'"); run.Path == workflow.PathFanOut && (len(marks) == 1) != (run.Status == etl.Completed) {
			fail("%d markers", len(marks))
		}
	}
}

// silent says that a process died between the COMMIT of a direct load and its
// report, so that which rows the database refused was never told; their number was.
func (sc *schedule) silent() bool {
	return slices.ContainsFunc(sc.mem.runs[sc.runID].logs, func(e etl.LogEntry) bool { return strings.Contains(e.Message, "ended before it could say which") })
}

// onceFile is a file and what is in it.
type onceFile struct {
	text   []byte
	rows   []onceRow
	header bool
}

type onceRow struct {
	id, qty int
	name    string
	bad     bool
}

func makeOnceFile(rng *rand.Rand) onceFile {
	f := onceFile{header: rng.IntN(4) > 0}
	var b strings.Builder
	if f.header {
		b.WriteString("id,name,qty\n")
	}
	badness := []int{1000000, 12, 5}[rng.IntN(3)]
	for i := range 1 + rng.IntN(24) {
		r := onceRow{id: rng.IntN(16), qty: i, name: fmt.Sprintf("n%d", i)}
		if rng.IntN(4) == 0 {
			r.name += "\nx,\"y"
		}
		qty := fmt.Sprint(i)
		switch {
		case rng.IntN(badness) == 0:
			r.bad, qty = true, "many"
		case rng.IntN(2*badness) == 0:
			r.qty = 1000 + i
			qty = fmt.Sprint(r.qty)
		}
		f.rows = append(f.rows, r)
		fmt.Fprintf(&b, "%d,\"%s\",%s\n", r.id, strings.ReplaceAll(r.name, `"`, `""`), qty)
	}
	f.text = []byte(b.String())
	return f
}

// expect is the table after the job, its counts, and whether the file's bad
// rows must fail it. PostgreSQL refuses a quantity of 1000 in the table, where
// of several rows with one key one is left; COPY of Redshift, copies, refuses each.
func (f *onceFile) expect(j etl.Job, copies bool) (table []string, c etl.Counts, refusal bool) {
	line := func(r onceRow) string { return fmt.Sprintf("%d %s %d", r.id, strings.ToUpper(r.name), r.qty) }
	old := map[int]string{1: "1 old 1", 3: "3 old 3", 90: "90 old 90"}
	var staged []onceRow
	for _, r := range f.rows {
		c.Read++
		switch {
		case r.id%7 == 5:
			c.Filtered++
		case r.bad || copies && r.qty >= 1000:
			c.Rejected++
		default:
			staged = append(staged, r)
		}
	}
	if j.Strategy == etl.Upsert {
		kept := map[int]int{}
		for i, r := range staged {
			if _, ok := kept[r.id]; !ok || j.DuplicateKeys != "first" {
				kept[r.id] = i
			}
		}
		var chosen []onceRow
		for i, r := range staged {
			if kept[r.id] == i {
				chosen = append(chosen, r)
			} else {
				c.Deduplicated++
			}
		}
		staged = chosen
	}
	if j.Strategy == etl.TruncateInsert {
		clear(old)
	}
	for _, r := range staged {
		switch _, there := old[r.id]; {
		case r.qty >= 1000:
			c.Rejected++
		case j.Strategy == etl.Upsert && there:
			c.Updated++
			old[r.id] = line(r)
		default:
			c.Inserted++
			table = append(table, line(r))
		}
	}
	for _, r := range old {
		table = append(table, r)
	}
	slices.Sort(table)
	c.Loaded = c.Inserted + c.Updated
	p := j.Mapping.OnBadRow
	refusal = c.Rejected > 0 && (p.Mode == "fail" || p.MaxRows != nil && c.Rejected > *p.MaxRows)
	return table, c, refusal
}
