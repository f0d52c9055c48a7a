package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// publicDir is a temporary directory that the server's user can reach, which
// t.TempDir is not where the tests run as root.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "etlportal-local-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startIn(t *testing.T, o Options) *Postgres {
	t.Helper()
	p, err := StartPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func query(t *testing.T, p *Postgres, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDataOutlivesTheServer(t *testing.T) {
	dir := publicDir(t)
	p := startIn(t, Options{DataDir: dir})
	if got := query(t, p, `SHOW fsync`); got != "on" {
		t.Errorf("fsync = %s on a server that is to keep its data", got)
	}
	query(t, p, `WITH x AS (SELECT set_config('x.y', 'z', false)) SELECT * FROM x`)
	conn, err := pgx.Connect(t.Context(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 'still here' AS word`); err != nil {
		t.Fatal(err)
	}
	// Killed, the server leaves its postmaster.pid behind.
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	pidFile := filepath.Join(dir, "postgres", "data", "postmaster.pid")
	if _, err := os.Stat(pidFile); err != nil {
		t.Fatalf("the test's premise: %v", err)
	}
	// The worst case: its number is now that of a living process.
	stale, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stale), "\n")
	if err := os.WriteFile(pidFile, []byte("1\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}

	again := startIn(t, Options{DataDir: dir, Port: p.Port})
	if again.URL != p.URL {
		t.Errorf("URL changed from %s to %s", p.URL, again.URL)
	}
	if got := query(t, again, `SELECT word FROM kept`); got != "still here" {
		t.Errorf("got %q", got)
	}
	if err := again.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pidFile); !os.IsNotExist(err) {
		t.Errorf("Stop left %s: %v", pidFile, err)
	}
}

func TestTemporaryServerLeavesNothing(t *testing.T) {
	p := startIn(t, Options{})
	if got := query(t, p, `SHOW server_version`); !strings.HasPrefix(Version, got) {
		t.Errorf("server_version = %s", got)
	}
	if _, err := os.Stat(p.dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", p.dir, err)
	}
}

// A process that dies takes its server along: closing the leash without a word
// is all that the death of a process does.
func TestServerDiesWithItsProcess(t *testing.T) {
	p := startIn(t, Options{})
	if err := p.leash.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", p.dir, err)
	}
}

func TestStartErrors(t *testing.T) {
	dir := publicDir(t)
	p := startIn(t, Options{DataDir: dir, Disposable: true})
	for _, c := range []struct {
		name string
		o    Options
		code etl.Code
		says string
	}{
		{"port taken", Options{Port: p.Port}, "postgres_start_failed", "did not start"},
		{"unknown setting", Options{Settings: map[string]string{"no_such_setting": "1"}}, "postgres_start_failed", "no_such_setting"},
		{"a file in the way", Options{DataDir: filepath.Join(dir, "postgres", "password")}, "directory_unwritable", "password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := StartPostgres(t.Context(), c.o)
			if err == nil {
				_ = q.Stop()
				t.Fatal("started")
			}
			e, ok := asError(err)
			if !ok || e.Code != c.code || e.Kind != etl.Mistake || e.Fix == "" || !strings.Contains(e.Message, c.says) {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestDataOfAnotherVersion(t *testing.T) {
	dir := publicDir(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(t.Context(), Options{DataDir: dir})
	if e, ok := asError(err); !ok || e.Code != "data_of_other_version" || !strings.Contains(e.Message, "PostgreSQL 17") {
		t.Errorf("got %v", err)
	}
}

func TestRootNeedsAnOpenDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := reachable("/nowhere"); err != nil {
			t.Errorf("an ordinary user's own directories need no check: %v", err)
		}
		return
	}
	closed := filepath.Join(t.TempDir(), "data")
	_, err := StartPostgres(t.Context(), Options{DataDir: closed})
	if e, ok := asError(err); !ok || e.Code != "directory_closed" || e.Fix == "" {
		t.Errorf("got %v", err)
	}
}

func asError(err error) (*etl.Error, bool) { return errors.AsType[*etl.Error](err) }
