package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/store"
	"github.com/etlportal/etlportal/internal/workflow"
)

// lab is a whole portal behind a real server: PostgreSQL, S3, queue, sealer.
type lab struct {
	t      *testing.T
	url    string
	portal *portal.Portal
	store  *store.Store
	steps  *workflow.Steps
	queue  *local.Queue
	log    *lockedBuffer
	// target is the customer's database.
	target    *pgx.Conn
	targetURL *url.URL
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLab(t *testing.T, adjust ...func(*api.Deps)) *lab {
	t.Helper()
	ctx := t.Context()
	at := etltest.Postgres(t)
	require.NoError(t, store.MigrateUp(ctx, at))
	s, err := store.Open(ctx, at, store.Options{MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	queue, err := local.NewQueue(s.Pool())
	require.NoError(t, err)
	require.NoError(t, queue.Migrate(ctx))
	sealer, err := local.NewSealer(local.SealerOptions{KeyFile: filepath.Join(t.TempDir(), "keys.json")})
	require.NoError(t, err)
	l := &lab{t: t, store: s, queue: queue, log: &lockedBuffer{}}
	log := slog.New(slog.NewJSONHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	open := func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error) {
		return destination.OpenCredential(ctx, c, password, destination.Options{Control: portal.Guard})
	}
	blobs := etltest.Blobs(t)
	l.portal = &portal.Portal{Store: s, Blobs: blobs, Queue: queue, Sealer: sealer, Open: open, Log: log}
	l.steps = &workflow.Steps{Store: s, Blobs: blobs, Queue: queue, Log: log, Holder: "test", Open: func(ctx context.Context, c etl.Credential) (etl.FanOut, error) {
		password, err := l.portal.Password(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		return open(ctx, c, password)
	}}
	l.portal.Runs = l.steps
	deps := api.Deps{Portal: l.portal, Log: log}
	for _, f := range adjust {
		f(&deps)
	}
	handler, err := api.New(deps)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// serve handles messages until the test ends.
func (l *lab) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.queue.Serve(ctx, l.steps.Handlers(), local.ServeOptions{Logger: slog.New(slog.DiscardHandler), OnDead: l.steps.Dead, Drain: time.Second})
	}()
	l.t.Cleanup(func() {
		cancel()
		require.NoError(l.t, <-done)
	})
}

// database makes the customer's database.
func (l *lab) database(statements ...string) {
	l.t.Helper()
	at := etltest.Postgres(l.t)
	u, err := url.Parse(at)
	require.NoError(l.t, err)
	l.targetURL = u
	l.target, err = pgx.Connect(l.t.Context(), at)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = l.target.Close(context.Background()) })
	for _, s := range statements {
		_, err := l.target.Exec(l.t.Context(), s)
		require.NoError(l.t, err, s)
	}
}

// credentialBody is the customer's database as a request's body.
func (l *lab) credentialBody(change map[string]any) map[string]any {
	l.t.Helper()
	port, err := strconv.Atoi(l.targetURL.Port())
	require.NoError(l.t, err)
	password, _ := l.targetURL.User.Password()
	body := map[string]any{
		"name": "warehouse", "type": "postgresql", "host": l.targetURL.Hostname(), "port": port, "database": strings.TrimPrefix(l.targetURL.Path, "/"),
		"username": l.targetURL.User.Username(), "password": password, "ssl_mode": "prefer",
	}
	maps.Copy(body, change)
	return body
}

func (l *lab) credential() int64 {
	l.t.Helper()
	return int64(l.post("/credentials", l.credentialBody(nil)).want(http.StatusCreated).number("id"))
}

// reply is an answer.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (r *reply) want(status int) *reply {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.text)
	return r
}

// problem checks that the answer is a whole problem and gives its code.
func (r *reply) problem() string {
	r.t.Helper()
	require.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"), r.text)
	for _, key := range []string{"type", "title", "detail", "code", "fix", "request_id"} {
		require.NotEmpty(r.t, r.body[key], "%s in %s", key, r.text)
	}
	require.Contains(r.t, r.body, "errors")
	require.InDelta(r.t, float64(r.status), r.body["status"], 0)
	require.Equal(r.t, "urn:etlportal:error:"+r.body["code"].(string), r.body["type"])
	require.Equal(r.t, r.header.Get("X-Request-ID"), r.body["request_id"])
	return r.body["code"].(string)
}

func (r *reply) at(path ...any) any {
	r.t.Helper()
	var v any = r.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(r.t, ok, "%v in %s", path, r.text)
			v = m[p]
		case int:
			a, ok := v.([]any)
			require.True(r.t, ok && p < len(a), "%v in %s", path, r.text)
			v = a[p]
		}
	}
	return v
}

func (r *reply) string(path ...any) string {
	r.t.Helper()
	s, ok := r.at(path...).(string)
	require.True(r.t, ok, "%v in %s", path, r.text)
	return s
}

func (r *reply) number(path ...any) float64 {
	r.t.Helper()
	n, ok := r.at(path...).(float64)
	require.True(r.t, ok, "%v in %s", path, r.text)
	return n
}

func (l *lab) do(req *http.Request) *reply {
	l.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(l.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(l.t, err)
	r := &reply{t: l.t, status: resp.StatusCode, header: resp.Header, text: string(text)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && req.Method != http.MethodHead {
		require.NoError(l.t, json.Unmarshal(text, &r.body), r.text)
	}
	return r
}

// send sends a body, which is text or bytes as it is and anything else as
// JSON; headers are pairs.
func (l *lab) send(method, path string, body any, headers ...string) *reply {
	l.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(l.t, err)
		r = bytes.NewReader(text)
	}
	if !strings.HasPrefix(path, "//") {
		path = "/api/v1" + path
	} else {
		path = path[1:]
	}
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, r)
	require.NoError(l.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	return l.do(req)
}

func (l *lab) get(path string, headers ...string) *reply {
	l.t.Helper()
	return l.send(http.MethodGet, path, nil, headers...)
}

func (l *lab) post(path string, body any, headers ...string) *reply {
	l.t.Helper()
	return l.send(http.MethodPost, path, body, headers...)
}

// upload sends a file directly.
func (l *lab) upload(name, content string) *reply {
	l.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", name)
	require.NoError(l.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(l.t, err)
	require.NoError(l.t, w.Close())
	return l.send(http.MethodPost, "/sources/csv/upload", b.Bytes(), "Content-Type", w.FormDataContentType())
}

func (l *lab) file(content string) string {
	l.t.Helper()
	return l.upload("orders.csv", content).want(http.StatusCreated).string("file_id")
}

// orders is a file of n rows.
func orders(n int) string {
	var b strings.Builder
	b.WriteString("id,customer,amount,day\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,Customer %d,%d.50,2024-01-%02d\n", i+1, i%7, i, i%28+1)
	}
	return b.String()
}
