package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

// clock is the time that a store under test goes by.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// template makes, once, a migrated database to copy from; the server and all
// that is on it end with the test binary.
var template = struct {
	once sync.Once
	url  string
}{}

const templateName = "store_template"

// open gives a store on a migrated database of its own.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	ctx := t.Context()
	template.once.Do(func() {
		template.url = etltest.Postgres(t)
		execute(t, template.url, "CREATE DATABASE "+templateName)
		require.NoError(t, MigrateUp(ctx, on(t, templateName)))
	})
	name := fmt.Sprint("store_", serial.Add(1))
	execute(t, on(t, "postgres"), "CREATE DATABASE "+name+" TEMPLATE "+templateName+" STRATEGY file_copy")
	s, err := Open(ctx, on(t, name), o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// on gives the URL of another database of the template's server.
func on(t testing.TB, database string) string {
	t.Helper()
	at, err := url.Parse(template.url)
	require.NoError(t, err)
	at.Path = "/" + database
	return at.String()
}

func execute(t testing.TB, at, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

var serial atomic.Int64

func seal(_ context.Context, id int64) (etl.Sealed, error) {
	return etl.Sealed{Ciphertext: fmt.Appendf(nil, "sealed for %d", id), KeyVersion: "1"}, nil
}

func source(t testing.TB, s *Store) etl.Source {
	t.Helper()
	src, err := s.CreateSource(t.Context(), etl.Source{
		Filename: "sales.csv", Size: 400, State: etl.SourceSampled, Object: etl.ObjectRef{Key: "sources/1", Size: 400, ETag: `"e"`},
		Encoding: "utf-8", Dialect: csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}, Names: []string{"a", "b"},
	})
	require.NoError(t, err)
	return src
}

func credential(t testing.TB, s *Store) etl.Credential {
	t.Helper()
	c, err := s.CreateCredential(t.Context(), etl.Credential{
		Name: fmt.Sprint("warehouse ", serial.Add(1)), Type: "postgresql", Host: "db.example.com", Port: 5432, Database: "dw", Username: "loader", SSLMode: "require",
	}, seal)
	require.NoError(t, err)
	return c
}

func newJob(t testing.TB, s *Store) etl.Job {
	t.Helper()
	j, err := s.CreateJob(t.Context(), etl.Job{
		Name: fmt.Sprint("job ", serial.Add(1)), FileID: source(t, s).ID, CredentialID: credential(t, s).ID, Schema: "public", Table: "sales", Strategy: etl.Insert,
		Mapping: etl.Mapping{Columns: []etl.ColumnMapping{{Source: "a", Destination: "a"}, {Source: "b", Destination: "b"}}},
	})
	require.NoError(t, err)
	return j
}

func newRun(t testing.TB, s *Store, j etl.Job) etl.Run {
	t.Helper()
	r, created, err := s.CreateRun(t.Context(), frozen(j), etl.IdempotencyKey{})
	require.NoError(t, err)
	require.True(t, created)
	return r
}

func frozen(j etl.Job) etl.Run {
	return etl.Run{
		Job: j, Trigger: "manual", FileID: j.FileID, Object: etl.ObjectRef{Key: "sources/1", Size: 400, ETag: `"e"`, VersionID: "v"},
		Encoding: "utf-8", Dialect: csv.Dialect{Delimiter: ";", Quote: '"', Header: 1, SkipLines: 2}, BytesTotal: 400,
		Sources: []etl.FrozenColumn{
			{Name: "a", Type: schema.Type{Kind: schema.Numeric, Precision: 10, Scale: 2}, Format: "1.234,56", NullWords: []string{"NA"}},
			{Name: "b", Type: schema.Type{Kind: schema.Varchar, Length: 5}, NullWords: []string{}, MaxBytes: 12},
			{Name: "c"},
		},
	}
}

// spans cuts 100 bytes and 10 rows per chunk.
func chunks(n int) []etl.Chunk {
	list := make([]etl.Chunk, n)
	for i := range list {
		k := int64(i)
		list[i] = etl.Chunk{Number: i, Span: csv.Span{Start: k * 100, End: k*100 + 100, Rows: 10, FirstRow: k * 10, FirstLine: k*10 + 1}}
	}
	return list
}

// loading gives a run in phase load with n chunks.
func loading(t testing.TB, s *Store, n int) etl.Run {
	t.Helper()
	r := newRun(t, s, newJob(t, s))
	_, err := s.StartRun(t.Context(), r.ID, 1)
	require.NoError(t, err)
	r, err = s.PlanRun(t.Context(), r.ID, 1, "fan-out", chunks(n))
	require.NoError(t, err)
	return r
}

// load claims a chunk and reports it loaded.
func load(t testing.TB, s *Store, r etl.Run, number int, rejects ...etl.Reject) int {
	t.Helper()
	c, err := s.ClaimChunk(t.Context(), r.ID, number, r.Attempt, time.Minute)
	require.NoError(t, err)
	bad := int64(len(rejects))
	remaining, err := s.ChunkLoaded(t.Context(), ref(r, c), etl.Counts{Read: 10, Loaded: 10 - bad, Rejected: bad}, etltest.RejectsOf(rejects...))
	require.NoError(t, err)
	return remaining
}

func ref(r etl.Run, c etl.Chunk) etl.ChunkRef {
	return etl.ChunkRef{RunID: r.ID, Number: c.Number, RunAttempt: r.Attempt, Attempt: c.Attempt}
}

func codeOf(err error) etl.Code {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e.Code
	}
	return ""
}

// refused checks a Mistake's code and that it says what to do.
func refused(t testing.TB, err error, code etl.Code, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*etl.Error](err)
	require.Truef(t, ok, "%v is no *etl.Error", err)
	require.Equalf(t, code, e.Code, "%v: %v", e, e.Err)
	require.Equal(t, etl.Mistake, e.Kind)
	require.NotEmpty(t, e.Fix)
	for _, w := range words {
		require.Contains(t, e.Message, w)
	}
}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
