package workflow_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// onceRoads are the ways to Redshift, with how many schedules each has time for.
var onceRoads = []struct {
	name      string
	schedules int
	connect   func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error)
}{
	{"wire", 400, func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error) {
		return redshift.Connect(ctx, redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable"})
	}},
	{"data API", 60, func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error) {
		return aws.NewRedshiftData(ctx, aws.Account{Region: "us-east-1", Endpoint: s.DataEndpoint, AccessKey: "test", SecretKey: "test"}, aws.RedshiftData{Workgroup: s.Workgroup, Database: s.Database})
	}},
}

// TestExactlyOnceRedshift is TestExactlyOnce into the stand-in for Redshift. What
// goes wrong there besides: the answer of a transaction is lost, whether or not
// it was committed; a transaction goes on after its process has died, and
// commits when others have begun; error 1023; staged files are deleted.
//
// go test -run TestExactlyOnceRedshift/wire -once.seed N replays a schedule.
func TestExactlyOnceRedshift(t *testing.T) {
	for _, road := range onceRoads {
		t.Run(road.name, func(t *testing.T) {
			schedules := min(*onceSchedules, road.schedules)
			if testing.Short() || underRace {
				schedules = min(schedules, road.schedules/10)
			}
			exactlyOnce(t, schedules, func(t *testing.T) *onceDatabase {
				t.Helper()
				return newOnceWarehouse(t, road.connect)
			})
		})
	}
}

// onceWarehouse is what schedules share of a stand-in.
type onceWarehouse struct {
	server *etltest.RedshiftServer
	road   etl.Statements
	staged *onceStaged
	// sc is the schedule under way.
	sc *schedule
	// faults counts what has gone wrong between portal and warehouse.
	faults int
	// late are transactions that go on without who sent them.
	late []lateTransaction
}

// roadFaults is how often that may be in one schedule, beside its budget of others.
const roadFaults = 2

type lateTransaction struct {
	due        time.Time
	statements []string
}

func newOnceWarehouse(t *testing.T, connect func(context.Context, *etltest.RedshiftServer) (etl.Statements, error)) *onceDatabase {
	t.Helper()
	w := &onceWarehouse{staged: &onceStaged{&blobs{objects: map[string][]byte{}}}}
	w.server = etltest.Redshift(t, w.staged)
	w.server.Refuses = func(column, value string) string {
		if column == "qty" && len(value) > 3 {
			return "Value out of range"
		}
		return ""
	}
	w.server.Exec("CREATE TABLE plain (id INTEGER, name VARCHAR(100), qty INTEGER)", "CREATE TABLE keyed (id INTEGER, name VARCHAR(100), qty INTEGER, PRIMARY KEY (id))")
	var err error
	if w.road, err = connect(t.Context(), w.server); err != nil {
		t.Fatal(err)
	}
	dest, err := redshift.New(&onceRoad{w}, redshift.Options{
		Staging: redshift.Staging{Blobs: w.staged, Bucket: w.server.Bucket, Role: w.server.Role}, Retry: time.Millisecond, Errors: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(w.server.PostgresURL())
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
	return &onceDatabase{dest: dest, raw: raw, described: map[string]*schema.Table{}, warehouse: w}
}

// target is the destination as a process sees it.
func (sc *schedule) target(p *process) etl.FanOut {
	d := &onceTarget{sc.db.dest, p}
	if sc.db.warehouse != nil {
		return &onceStagedTarget{d}
	}
	return d
}

// onceStagedTarget stages always, as Redshift does.
type onceStagedTarget struct{ *onceTarget }

// StagedChunk leaves the schedule's chunks as small as they are.
func (*onceStagedTarget) StagedChunk(int64) int64 { return 1 }

// onceStaged is the store of staged files, in which a process may die before
// and after each file that says something. Those of rows are put by a goroutine of their own.
type onceStaged struct{ *blobs }

func (b *onceStaged) Put(ctx context.Context, key string, r io.Reader) (etl.ObjectRef, error) {
	if !strings.HasSuffix(key, ".json") {
		return b.blobs.Put(ctx, key, r)
	}
	name := key[strings.LastIndexByte(key, '/')+1:]
	if err := etl.Reached(ctx, "before "+name); err != nil {
		return etl.ObjectRef{}, err
	}
	ref, err := b.blobs.Put(ctx, key, r)
	if err != nil {
		return ref, err
	}
	return ref, etl.Reached(ctx, "after "+name)
}

// onceRoad is a road to the warehouse that loses what is sent, or its answer.
type onceRoad struct{ w *onceWarehouse }

func (r *onceRoad) Close(ctx context.Context) error { return r.w.road.Close(ctx) }

func (r *onceRoad) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	sc := r.w.sc
	if sc == nil {
		return r.w.road.Run(ctx, statements...)
	}
	if err := etl.Reached(ctx, "before a transaction"); err != nil {
		return nil, err
	}
	lost := &etl.Error{Kind: etl.Weather, Code: "connection_lost", Message: "the connection was lost", Fix: "Try again."}
	fault, odds := -1, 30
	if len(statements) > 1 {
		odds = 12
	}
	if r.w.faults < roadFaults && sc.rng.IntN(odds) == 0 {
		r.w.faults++
		fault = sc.rng.IntN(4)
	}
	switch fault {
	case 0:
		sc.note("a transaction gets lost")
		return nil, lost
	case 1:
		sc.note("a transaction meets error 1023")
		return nil, &etl.StatementError{Index: len(statements), State: "XX000", Message: "1023", Number: 1023}
	}
	if fault == 3 && len(statements) > 1 {
		sc.note("a transaction goes on without who sent it")
		r.w.late = append(r.w.late, lateTransaction{sc.mem.now.Add(time.Duration(sc.rng.IntN(240)) * time.Second), statements})
		return nil, lost
	}
	results, err := r.w.road.Run(ctx, statements...)
	if err != nil {
		return nil, err
	}
	if fault == 2 {
		sc.note("the answer of a transaction gets lost")
		return nil, lost
	}
	return results, etl.Reached(ctx, "after a transaction")
}

// bury runs transactions whose sender has lost sight of them.
func (w *onceWarehouse) bury(all bool) {
	w.late = slices.DeleteFunc(w.late, func(l lateTransaction) bool {
		if !all && l.due.After(w.sc.mem.now) {
			return false
		}
		_, err := w.road.Run(context.Background(), l.statements...)
		w.sc.note("a late transaction: %v", err)
		return true
	})
}

// lose deletes staged files, as a lifecycle rule does, but for those that are
// read as soon as they are made.
func (w *onceWarehouse) lose(load string) {
	w.staged.mu.Lock()
	defer w.staged.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(w.staged.objects)) {
		if strings.Contains(key, "/"+load+"/") && !strings.Contains(key, "/manifest-") && !strings.Contains(key, "/refused-") && w.sc.rng.IntN(2) == 0 {
			w.sc.note("staged file %s is deleted", key)
			delete(w.staged.objects, key)
		}
	}
}

// check says what is left of a load.
func (w *onceWarehouse) check(run *etl.Run, fail func(format string, args ...any)) {
	w.sc.t.Helper()
	stages, err := w.sc.db.dest.Stages(context.Background())
	if err != nil || slices.Contains(stages, run.LoadID) {
		fail("stages %v are left, %v", stages, err)
	}
	if _, err := w.staged.Head(context.Background(), "redshift/"+run.LoadID+"/stage.json"); err == nil {
		fail("the stage is open still")
	}
	if len(w.sc.rows("SELECT relname::text FROM pg_class WHERE relname = 'loads'")) == 0 {
		return
	}
	want := 0
	if run.Status == etl.Completed {
		want = 1
	}
	for _, table := range append(w.sc.rows("SELECT 'etl_portal.' || relname FROM pg_class WHERE relname LIKE 'target\\_%'"), "etl_portal.loads") {
		rows := w.sc.rows(fmt.Sprintf("SELECT load FROM %s WHERE load = '%s'", table, run.LoadID))
		if table == "etl_portal.loads" && len(rows) != want || len(rows) > want {
			fail("%d markers in %s", len(rows), table)
		}
	}
}
