package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/store"
)

// deaf is a queue that nobody serves.
type deaf struct{}

func (deaf) Send(context.Context, time.Duration, ...etl.Message) error { return nil }
func (deaf) Ready(context.Context) error                               { return nil }
func (deaf) Migrate(context.Context) error                             { return nil }
func (deaf) Serve(ctx context.Context, _ map[etl.Topic]etl.Handler, _ app.Serving) error {
	<-ctx.Done()
	return nil
}

// plain seals nothing.
type plain struct{}

func (plain) Seal(_ context.Context, text []byte, _ string) (sealed []byte, version string, err error) {
	return text, "1", nil
}
func (plain) Open(_ context.Context, text []byte, _ string) ([]byte, error) { return text, nil }
func (plain) Current(context.Context) (string, error)                       { return "1", nil }

func open(t *testing.T, url string, change func(*app.Config)) (*app.App, error) {
	t.Helper()
	c := app.Config{
		Listen: "127.0.0.1:0", DatabaseURL: url, Location: time.UTC, Hold: 20 * time.Second, Hosts: []string{"*"},
		Cloud: true, BootstrapToken: strings.Repeat("b", 32),
	}
	if change != nil {
		change(&c)
	}
	a, err := app.New(t.Context(), c, app.Adapters{
		Blobs: etltest.Blobs(t), Sealer: plain{}, Queue: func(*store.Store) (app.Queue, error) { return deaf{}, nil }, Log: slog.New(slog.DiscardHandler), API: api.New,
	})
	if err == nil {
		t.Cleanup(a.Close)
	}
	return a, err
}

// ask gives the status, Retry-After, and body of an answer.
func ask(t *testing.T, a *app.App, path string) (status int, later, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("b", 32))
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, w.Header().Get("Retry-After"), string(text)
}

// A database that is paused, and one that starts again (Aurora does for some 30
// seconds): callers are asked to come again, messages come again, a portal that
// is being made says that it is weather, and all goes on once it is there.
func TestDatabasePaused(t *testing.T) {
	proxy := etltest.NewProxy(t, etltest.Postgres(t))
	a, err := open(t, proxy.URL(), nil)
	require.NoError(t, err)
	status, _, body := ask(t, a, "/api/v1/jobs")
	require.Equal(t, http.StatusOK, status, body)
	for name, away := range map[string]func(){"paused": proxy.Pause, "starting": proxy.Start} {
		t.Run(name, func(t *testing.T) {
			away()
			for _, path := range []string{"/api/v1/jobs", "/readyz", "/api/v1/job-runs/1", "/api/v1/credentials"} {
				status, later, body := ask(t, a, path)
				require.Equal(t, http.StatusServiceUnavailable, status, "%s: %s", path, body)
				require.NotEmpty(t, later, path)
				require.NotContains(t, body, "57P03")
			}
			status, _, _ := ask(t, a, "/healthz")
			require.Equal(t, http.StatusOK, status)
			for topic, handle := range a.Handlers() {
				err := handle(t.Context(), etl.Message{Topic: topic, FileID: "00000000-0000-4000-8000-000000000000", RunID: 1, Attempt: 1})
				require.Equal(t, etl.Weather, etl.KindOf(err), "%s: %v", topic, err)
			}
			_, err := a.Finalize(expired(t), 1, 1)
			require.Equal(t, etl.Weather, etl.KindOf(err), "%v", err)
			_, err = open(t, proxy.URL(), nil)
			require.Equal(t, etl.Weather, etl.KindOf(err), "%v", err)
			require.NotContains(t, err.Error(), "password=")

			proxy.Resume()
			status, _, body = ask(t, a, "/api/v1/jobs")
			require.Equal(t, http.StatusOK, status, body)
			status, _, body = ask(t, a, "/readyz")
			require.Equal(t, http.StatusOK, status, body)
		})
	}
}

// expired is a context that ends before a second try.
func expired(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// A portal in the cloud that nobody could sign in to does not start, and says
// which setting is missing.
func TestCloudIsNeverOpen(t *testing.T) {
	at := etltest.Postgres(t)
	_, err := open(t, at, func(c *app.Config) { c.BootstrapToken = "" })
	var e *etl.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, etl.Code("sign_in_required"), e.Code)
	for _, setting := range []string{"ETLPORTAL_OIDC_ISSUER", "ETLPORTAL_OIDC_AUDIENCE", "ETLPORTAL_BOOTSTRAP_TOKEN_SECRET"} {
		require.Contains(t, e.Fix, setting)
	}
	_, err = open(t, at, func(c *app.Config) { c.BootstrapToken = "short" })
	require.ErrorAs(t, err, &e)
	require.NotContains(t, e.Error(), `"short"`)
	_, err = open(t, at, func(c *app.Config) { c.OIDC.Issuer = "http://example.com" })
	require.ErrorContains(t, err, "ETLPORTAL_OIDC_ISSUER")

	issuer := etltest.NewIssuer(t)
	a, err := open(t, at, func(c *app.Config) {
		c.BootstrapToken = ""
		c.OIDC.Issuer, c.OIDC.Audience, c.OIDC.ViewerGroups = issuer.URL, []string{"portal"}, []string{"*"}
	})
	require.NoError(t, err)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 401, "/metrics": 401, "/openapi.json": 401, "/docs": 401, "/": 401, "/api/v1/me": 401} {
		w := httptest.NewRecorder()
		a.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		require.Equal(t, want, w.Code, path)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/me", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(issuer.Claims("portal", time.Now(), nil)))
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "ada@example.com")
}
