package redshift_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// eager is a destination over a road whose waits are short.
func eager(t *testing.T, s *etltest.RedshiftServer, road etl.Statements, turn time.Duration) *redshift.Redshift {
	t.Helper()
	r, err := redshift.New(road, redshift.Options{
		Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role}, Retry: time.Millisecond, Errors: time.Millisecond, Turn: turn,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// roadTo opens a road of a name.
func roadTo(t *testing.T, name string, s *etltest.RedshiftServer) etl.Statements {
	t.Helper()
	road, err := roads[name](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return road
}

// impatientRoad is a connection whose LOCKs are given up soon.
func impatientRoad(t *testing.T, s *etltest.RedshiftServer) etl.Statements {
	t.Helper()
	road, err := redshift.Connect(t.Context(), redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable", LockWait: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return road
}

// written is a direct load that has all its rows.
func written(t *testing.T, d etl.Destination, spec etl.LoadSpec, rows ...[]schema.Value) etl.LoadSession {
	t.Helper()
	session, err := d.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Abort(context.Background()) })
	b := session.NewBatch()
	for i, r := range rows {
		if bad := b.Append(r, int64(i+2), int64(i+1)); bad != nil {
			t.Fatal(bad.Reason)
		}
	}
	if err := session.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return session
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatal("in vain: " + what)
		}
	}
}

// held runs statements in a session of their own, whose transaction is open until the end.
func held(t *testing.T, s *etltest.RedshiftServer, statements ...string) (end func()) {
	t.Helper()
	other := sessionOf(t, s)
	run := func(sql string) {
		t.Helper()
		if _, err := other.Exec(context.Background(), sql).ReadAll(); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range append([]string{"BEGIN"}, statements...) {
		run(sql)
	}
	return sync.OnceFunc(func() { run("COMMIT") })
}

// Two direct loads into one table at the same time follow one another, whatever
// the isolation level: under snapshot isolation nothing but a lock keeps two from
// inserting one key, or from emptying what the other has not filled yet.
func TestDirectLoadsTakeTurns(t *testing.T) {
	t.Parallel()
	for name := range roads {
		for _, isolation := range []etltest.Isolation{etltest.Serializable, etltest.Snapshot} {
			for _, strategy := range []etl.Strategy{etl.Upsert, etl.TruncateInsert} {
				t.Run(name+", "+string(isolation)+", "+string(strategy), func(t *testing.T) {
					s := etltest.Redshift(t, etltest.Blobs(t))
					s.Isolation = isolation
					s.Exec("CREATE TABLE t (id INTEGER, name VARCHAR(10))")
					var sessions []etl.LoadSession
					for range 2 {
						r := eager(t, s, roadTo(t, name, s), time.Minute)
						spec := specOf(t, r, "t")
						if spec.Strategy = strategy; strategy == etl.Upsert {
							spec.Keys = []string{"id"}
						}
						sessions = append(sessions, written(t, r, spec, row(1, "a"), row(2, "b")))
					}
					// Both get as far as they can before either may touch the table.
					free := held(t, s, "LOCK TABLE t")
					var group sync.WaitGroup
					for _, session := range sessions {
						group.Go(func() {
							if result, err := session.Finish(t.Context()); err != nil || result.Inserted+result.Updated != 2 {
								t.Errorf("%+v, %v", result, err)
							}
						})
					}
					until(t, "both wait", func() bool {
						n, err := s.Ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
						return err != nil || n == "2"
					})
					free()
					group.Wait()
					s.Want("SELECT id, name FROM t ORDER BY id", "1|a\n2|b")
					s.Want("SELECT count(*) FROM etl_portal.loads", "2")
				})
			}
		}
	}
}

// A direct load waits for who loads into its table, as long as its turn may take.
func TestDirectWaits(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER)")
	patient := eager(t, s, impatientRoad(t, s), time.Hour)
	spec := specOf(t, patient, "t")
	var told []string
	spec.OnWait = func(reason string) { told = append(told, reason) }
	session := written(t, patient, spec, row(1))
	spec.OnWait = nil
	lock, err := s.Ask("SELECT 'LOCK TABLE etl_portal.' || relname FROM pg_class WHERE relname LIKE 'target%'")
	if err != nil || lock == "" {
		t.Fatalf("%q, %v", lock, err)
	}
	free := held(t, s, lock)
	_, err = written(t, eager(t, s, impatientRoad(t, s), 1), spec, row(2)).Finish(t.Context())
	if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather || e.Code != "table_busy" || !strings.Contains(e.Message, "another load") {
		t.Errorf("%v", err)
	}
	ended := make(chan error, 1)
	before := s.Ran("LOCK TABLE")
	go func() {
		_, err := session.Finish(t.Context())
		ended <- err
	}()
	until(t, "it tries again", func() bool { return s.Ran("LOCK TABLE") >= before+2 })
	free()
	if err := <-ended; err != nil || len(told) != 1 || !strings.Contains(told[0], "another load") {
		t.Errorf("%v, waited for %q", err, told)
	}
	s.Want("SELECT id FROM t", "1")
}

// unsure is a road on which transactions that publish are lost: before they run,
// or their answers after it.
type unsure struct {
	etl.Statements
	// before, after and marks are how many are lost: of whole loads before or
	// after they ran, of those that look for their end.
	before, after, marks int
	// cancel, where set, ends the time of who waits when an answer is lost.
	cancel context.CancelFunc
	last   []string
}

func (u *unsure) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	all := strings.Join(statements, "\n")
	lost := errors.New("the connection is gone")
	switch whole := strings.Contains(all, `INSERT INTO "etl_portal"."loads"`); {
	case whole && u.before > 0:
		u.before, u.last = u.before-1, statements
		return nil, lost
	case whole && u.after > 0:
		if _, err := u.Statements.Run(ctx, statements...); err != nil {
			return nil, err
		}
		u.after--
		if u.cancel != nil {
			u.cancel()
			return nil, ctx.Err()
		}
		return nil, lost
	case !whole && u.marks > 0 && strings.Contains(all, `INSERT INTO "etl_portal"."target_`):
		u.marks--
		return nil, lost
	}
	return u.Statements.Run(ctx, statements...)
}

// A direct load whose COMMIT is not answered is in once, or not at all, and says
// which, or how that is found out.
func TestDirectLostAnswers(t *testing.T) {
	t.Parallel()
	for name := range roads {
		for _, c := range []struct {
			what                 string
			before, after, marks int
			cancelled            bool
			code                 etl.Code
			says, rows           string
		}{
			{"an answer", 0, 1, 0, false, "", "", "1"},
			{"all answers", 0, 9, 0, false, "", "", "1"},
			{"a connection", 1, 0, 0, false, "", "", "1"},
			{"a connection, then an answer", 1, 1, 0, false, "", "", "1"},
			{"all connections but that of the mark", 9, 0, 0, false, "connection_lost", "unchanged", "0"},
			{"all connections", 9, 0, 9, false, "connection_lost", "etl_portal", "0"},
			{"an answer, as the time is over", 0, 1, 0, true, "", "", "1"},
		} {
			t.Run(name+", "+c.what, func(t *testing.T) {
				s := etltest.Redshift(t, etltest.Blobs(t))
				road := &unsure{Statements: roadTo(t, name, s), before: c.before, after: c.after, marks: c.marks}
				r := eager(t, s, road, time.Minute)
				s.Refuses = func(_, value string) string {
					if value == "bad" {
						return "not taken"
					}
					return ""
				}
				made := &schema.Table{Name: "made", Columns: []schema.Column{{Name: "name", Type: schema.Type{Kind: schema.Text}}}}
				session := written(t, r, etl.LoadSpec{Table: made, Columns: made.Columns, Strategy: etl.Insert, Create: true, SkipRefused: true}, row("a"), row("bad"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancelled {
					road.cancel = cancel
				}
				result, err := session.Finish(ctx)
				e, told := errors.AsType[*etl.Error](err)
				switch {
				case c.code == "" && (err != nil || result.Inserted != 1 || !strings.Contains(result.Created, "CREATE TABLE")):
					t.Errorf("%+v, %v", result, err)
				case c.code == "" && (len(etltest.Rejects(result.Refused)) != 1 || etltest.Rejects(result.Refused)[0].Line != 3):
					t.Errorf("%+v", etltest.Rejects(result.Refused))
				case c.code != "" && (!told || e.Kind != etl.Weather || e.Code != c.code || !strings.Contains(e.Fix, c.says)):
					t.Errorf("%+v", e)
				}
				if c.rows == "0" {
					s.Want("SELECT count(*) FROM pg_class WHERE relname = 'made'", "0")
				} else {
					s.Want("SELECT count(*) FROM made", c.rows)
				}
				if c.before > directLosses && c.marks == 0 {
					// What was lost on its way, and comes yet, leaves nothing.
					_, err := road.Statements.Run(t.Context(), road.last...)
					if f, failed := errors.AsType[*etl.StatementError](err); !failed || f.Index > 4 {
						t.Errorf("%v", err)
					}
				}
			})
		}
	}
}

// A session that ends with the COMMIT is no end of a direct load.
func TestDirectSessionEnds(t *testing.T) {
	for name := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec("CREATE TABLE t (id INTEGER)")
			r := eager(t, s, roadTo(t, name, s), time.Minute)
			session := written(t, r, specOf(t, r, "t"), row(1))
			s.FailNext("COMMIT", 1, etltest.RedshiftFault{Code: "57P01", Message: "terminating connection due to administrator command"})
			if result, err := session.Finish(t.Context()); err != nil || result.Inserted != 1 {
				t.Errorf("%+v, %v", result, err)
			}
			s.Want("SELECT id FROM t", "1")
		})
	}
}

// directLosses are as many as a load gets over.
const directLosses = 2

// unconnected is a road on which no transaction with a COPY is even begun.
type unconnected struct {
	etl.Statements
	code  etl.Code
	tries int
}

func (u *unconnected) Run(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	if !slices.ContainsFunc(statements, func(sql string) bool { return strings.HasPrefix(sql, "COPY ") }) {
		return u.Statements.Run(ctx, statements...)
	}
	u.tries++
	return nil, &etl.Error{Kind: etl.Weather, Code: u.code, Message: "there is no connection", Fix: "Try again."}
}

// A transaction that was never begun is not looked for, and leaves no doubt.
func TestDirectIsNotConnected(t *testing.T) {
	for _, code := range []etl.Code{"unknown_host", "unreachable", "connection_refused", "connect_timeout"} {
		t.Run(string(code), func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec("CREATE TABLE t (id INTEGER)")
			road := &unconnected{Statements: roadTo(t, "wire", s), code: code}
			r := eager(t, s, road, time.Minute)
			session := written(t, r, specOf(t, r, "t"), row(1))
			_, err := session.Finish(t.Context())
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != code || e.Fix != "Try again." || road.tries != 1 {
				t.Errorf("%+v after %d tries", err, road.tries)
			}
		})
	}
}
