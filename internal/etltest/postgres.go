// Package etltest is what the tests of all packages share: a real PostgreSQL
// and, later, the conformance suites of the ports.
package etltest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/local"
)

var (
	shared    = sync.OnceValues(func() (*local.Postgres, error) { return local.StartPostgres(context.Background(), local.Options{}) })
	databases atomic.Int64
)

// Postgres gives the URL of a fresh, empty database (its owner is a superuser),
// dropped when the test ends, on a server that the test binary starts once and
// that ends with it.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	execute(t, server.URL, "CREATE DATABASE "+name+" STRATEGY file_copy")
	t.Cleanup(func() { execute(t, server.URL, "DROP DATABASE "+name+" WITH (FORCE)") })
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.Path = "/" + name
	return at.String()
}

// Server is a PostgreSQL of a test's own, to be restarted and killed.
type Server struct {
	// URL of its database; the same after a restart.
	URL string

	t       testing.TB
	dir     string
	options local.Options
	running *local.Postgres
}

// PostgresServer starts a server with the given settings
// ("max_connections" → "5"), stopped when the test ends.
func PostgresServer(t testing.TB, settings map[string]string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "etlportal-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// The server's user must be able to pass through where we are root.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, options: local.Options{DataDir: dir, Disposable: true, Settings: settings}}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts the server again after Stop or Kill, on the same port.
func (s *Server) Start() {
	s.t.Helper()
	running, err := local.StartPostgres(context.Background(), s.options)
	if err != nil {
		s.t.Fatalf("start PostgreSQL: %v", err)
	}
	s.running, s.URL, s.options.Port = running, running.URL, running.Port
}

// Stop stops the server cleanly, breaking its connections. It may be repeated.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.running.Stop(); err != nil {
		s.t.Errorf("stop PostgreSQL: %v", err)
	}
}

// Kill ends the server as kill -9 would.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.running.Kill(); err != nil {
		s.t.Fatalf("kill PostgreSQL: %v", err)
	}
	s.Stop()
}

func execute(t testing.TB, at, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Errorf("connect: %v", err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}
