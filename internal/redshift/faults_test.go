package redshift_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// impatient runs a test over both roads with a destination whose waits are short,
// that for load errors as it is said.
func impatient(t *testing.T, wait time.Duration, test func(*testing.T, *etltest.RedshiftServer, *redshift.Redshift)) {
	t.Helper()
	for name, connect := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec("CREATE TABLE t (id INTEGER, doc SUPER)")
			road, err := connect(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			r, err := redshift.New(road, redshift.Options{
				Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role}, Retry: time.Millisecond, Errors: wait,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close(context.Background()) })
			test(t, s, r)
		})
	}
}

// Transactions that others were in the way of are run again, also where Redshift
// says so by its words alone.
func TestConflicts(t *testing.T) {
	t.Parallel()
	impatient(t, time.Millisecond, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		for i, fault := range []etltest.RedshiftFault{etltest.FaultConflict, etltest.FaultRelation, etltest.FaultSerialisation, etltest.FaultDeadlock} {
			s.BatchErrors, s.DataTexts = etltest.BatchErrors(i%3), i%2 == 1
			for _, statement := range []string{"COPY", "INSERT"} {
				s.FailNext(statement, 2, fault)
				if result, err := load(t, r, spec, row(i, "1")); err != nil || result.Inserted != 1 {
					t.Errorf("%s, %s: %+v, %v", fault.Message, statement, result, err)
				}
			}
			s.FailNext("COPY", 2, fault)
			if _, err := r.CheckCopy(t.Context()); err != nil {
				t.Errorf("%s: %v", fault.Message, err)
			}
		}
		s.Want("SELECT count(*), count(DISTINCT id) FROM t", "8|4")
		s.FailNext("COPY", 100, etltest.FaultSerialisation)
		_, err := r.CheckCopy(t.Context())
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather || e.Code != "conflict" {
			t.Errorf("%+v", err)
		}
	})
}

// What S3 does not serve for a while is no mistake of the role.
func TestCopyUnserved(t *testing.T) {
	t.Parallel()
	impatient(t, time.Millisecond, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		for _, fault := range []etltest.RedshiftFault{etltest.FaultSlowDown, etltest.FaultS3Internal, etltest.FaultS3Timeout} {
			s.FailNext("COPY", 3, fault)
			_, err := load(t, r, spec, row(1, "1"))
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather || !strings.Contains(e.Message, fault.Message) {
				t.Errorf("%s: %+v", fault.Message, err)
			}
			s.FailNext("COPY", 1, fault)
			_, err = r.CheckCopy(t.Context())
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather {
				t.Errorf("%s: %+v", fault.Message, err)
			}
		}
		s.Want("SELECT count(*) FROM t", "0")
		if result, err := load(t, r, spec, row(1, "1")); err != nil || result.Inserted != 1 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// Load errors that are not shown yet are no mistake of the role, either.
func TestLoadErrorsLate(t *testing.T) {
	impatient(t, time.Millisecond, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		s.LoadErrorsLate = time.Hour
		spec := specOf(t, r, "t")
		for _, spec.SkipRefused = range []bool{false, true} {
			_, err := load(t, r, spec, row(1, "{bad"))
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather || e.Code != "load_errors_missing" {
				t.Errorf("%+v", err)
			}
		}
	})
}

// A view that the user may not read is asked for once; where that is each of
// them, it is told what to grant.
func TestLoadErrorsUnreadable(t *testing.T) {
	t.Parallel()
	for _, view := range []string{"stl_load_errors", "sys_load_error_detail"} {
		// The first look takes longer than all of them may, and the next one is the last.
		impatient(t, time.Millisecond, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
			t.Helper()
			s.LoadErrorsLate, s.Unreadable = 200*time.Millisecond, []string{view}
			spec := specOf(t, r, "t")
			spec.SkipRefused = true
			result, err := load(t, r, spec, row(1, "{bad"), row(2, "2"), row(3, "]"), row(4, "]"))
			if err != nil || result.Inserted != 1 || len(etltest.Rejects(result.Refused)) != 3 {
				t.Errorf("%+v, %v", result, err)
			}
			if n := s.Ran("FROM " + view + "\n"); n != 1 {
				t.Errorf("%s was asked for %d times", view, n)
			}
		})
	}
	impatient(t, time.Millisecond, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		s.Unreadable = []string{"stl_load_errors", "sys_load_error_detail"}
		_, err := load(t, r, specOf(t, r, "t"), row(1, "{bad"))
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != "load_errors_unreadable" || !strings.Contains(e.Fix, "GRANT") {
			t.Errorf("%+v", err)
		}
	})
}

// Names of staged files are as long as the views of load errors can tell.
func TestLongPrefix(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER, name VARCHAR(40), other VARCHAR(40))")
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = road.Close(context.Background()) })
	var r *redshift.Redshift
	longest := 0
	for n := 2; n < 256; n++ {
		made, err := redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role, Prefix: strings.Repeat("p", n-1) + "/"}, PartBytes: 1})
		if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "bad_staging" && strings.Contains(e.Fix, fmt.Sprint(longest)) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r, longest = made, n
	}
	if longest == 255 || longest < 64 {
		t.Fatalf("a prefix may have %d bytes", longest)
	}
	x := stageRefusals(t, s, r, strings.Repeat("l", 40))
	result, err := r.Publish(t.Context(), strings.Repeat("l", 40), x.spec, x.claims)
	x.check(t, &result, err)
	s.Want("SELECT count(*) FROM sys_load_error_detail WHERE length(file_name) < 200", "0")
}

// A connection that died while nobody used it costs no statement, alone or not.
func TestDeadConnection(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	between := relayTo(t, fmt.Sprintf("%s:%d", s.Host, s.Port))
	road, err := redshift.Connect(t.Context(), redshift.Login{Host: "127.0.0.1", Port: between.port(), Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = road.Close(context.Background()) })
	for _, statements := range [][]string{{"SELECT 1"}, {"CREATE TABLE IF NOT EXISTS made (id INTEGER)"}, {"INSERT INTO made VALUES (1)", "SELECT 1"}, {"SELECT count(*) FROM made"}} {
		if _, err := road.Run(t.Context(), statements...); err != nil {
			t.Errorf("%s: %v", statements, err)
		}
		between.cut()
	}
	s.Want("SELECT count(*) FROM made", "1")
	if n := s.Logins(); n < 4 {
		t.Errorf("%d connections", n)
	}
}

// relay is a network between a client and a server that can be cut.
type relay struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func relayTo(t *testing.T, server string) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l}
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			ahead, err := (&net.Dialer{}).Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, client, ahead)
			r.mu.Unlock()
			go func() { _, _ = io.Copy(ahead, client) }()
			go func() { _, _ = io.Copy(client, ahead) }()
		}
	}()
	return r
}

func (r *relay) port() int {
	if at, ok := r.Addr().(*net.TCPAddr); ok {
		return at.Port
	}
	return 0
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}
