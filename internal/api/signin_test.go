package api_test

import (
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/oidc"
)

// bootstrap is the token that a deployment begins with.
var bootstrap = strings.Repeat("b", 40)

// newClosed is a lab as the cloud has it.
func newClosed(t *testing.T) (*lab, *etltest.Issuer) {
	t.Helper()
	issuer := etltest.NewIssuer(t)
	verifier, err := oidc.New(t.Context(), oidc.Config{
		Issuer: issuer.URL, Audience: []string{"portal"}, AdminGroups: []string{"admins"}, EditorGroups: []string{"editors"}, ViewerGroups: []string{"viewers"},
	})
	require.NoError(t, err)
	l := newLab(t, func(d *api.Deps) {
		d.Closed, d.Verify = true, verifier.Verify
		d.Portal.Bootstrap = bootstrap
	})
	return l, issuer
}

func person(issuer *etltest.Issuer, group string, change map[string]any) string {
	claims := map[string]any{"cognito:groups": []string{group}}
	maps.Copy(claims, change)
	return "Bearer " + issuer.Token(issuer.Claims("portal", time.Now(), claims))
}

// routes are every route of the contract, with ids filled in.
func routes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	var contract struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(text, &contract))
	values := strings.NewReplacer("{file_id}", "00000000-0000-4000-8000-000000000000")
	var all []string
	for path, methods := range contract.Paths {
		path = values.Replace(path)
		for strings.Contains(path, "{") {
			from, to := strings.Index(path, "{"), strings.Index(path, "}")
			path = path[:from] + "1" + path[to+1:]
		}
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	require.Greater(t, len(all), 40)
	return all
}

// In the cloud nobody gets an answer to anything but /healthz without being
// known: no route of the contract, no page of the documentation, no path that
// there is not, whatever is sent instead of a token.
func TestNeverOpen(t *testing.T) {
	l, issuer := newClosed(t)
	paths := routes(t)
	paths = append(paths,
		"GET /", "GET /docs/", "GET /docs/docs.js", "GET /docs/docs.css", "GET /api/v1/docs", "GET /api/v1/readyz", "GET /api/v1/openapi.json", "GET /api/v1/metrics/",
		"GET /nowhere", "POST /api/v1/nowhere", "TRACE /api/v1/jobs", "OPTIONS /api/v1/jobs", "HEAD /api/v1/me", "GET /healthz/../docs", "GET //docs", "GET /%64ocs", "GET /api/v1/healthz/me",
		"GET /healthzz", "PATCH /openapi.json",
	)
	strangers := map[string]string{
		"nothing": "", "nonsense": "Bearer x", "no scheme": "etlp_" + strings.Repeat("x", 43), "password": "Basic YTpi",
		"unknown token": "Bearer etlp_" + strings.Repeat("x", 43), "expired token": "Bearer " + l.expiredToken(), "bootstrap, nearly": "Bearer " + bootstrap[1:], "bootstrap and more": "Bearer " + bootstrap + "b",
		"expired sign-in":     person(issuer, "admins", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"another application": person(issuer, "admins", map[string]any{"aud": "other"}),
		"unsigned":            "Bearer " + etltest.Token(t, map[string]any{"alg": "none"}, issuer.Claims("portal", time.Now(), nil), func([]byte) []byte { return nil }),
	}
	for _, route := range paths {
		method, path, _ := strings.Cut(route, " ")
		for name, header := range strangers {
			var headers []string
			if header != "" {
				headers = []string{"Authorization", header}
			}
			r := l.send(method, "/"+path, nil, headers...)
			if path == "/healthz" {
				r.want(http.StatusOK)
				continue
			}
			require.Equal(t, http.StatusUnauthorized, r.status, "%s as %s: %s", route, name, r.text)
			require.NotEmpty(t, r.header.Get("WWW-Authenticate"))
			if method != http.MethodHead {
				r.problem()
			}
		}
	}
	for _, header := range strangers {
		if _, secret, ok := strings.Cut(header, " "); ok && len(secret) > 20 {
			require.NotContains(t, l.log.String(), secret)
		}
	}
	nobody := person(issuer, "others", nil)
	require.Equal(t, "role_required", l.get("/me", "Authorization", nobody).want(http.StatusForbidden).problem())
	require.Equal(t, "role_required", l.get("//docs", "Authorization", nobody).want(http.StatusForbidden).problem())
	viewer := person(issuer, "viewers", nil)
	for _, path := range []string{"//docs", "//openapi.json", "//readyz", "//metrics", "/jobs"} {
		l.get(path, "Authorization", viewer).want(http.StatusOK)
	}
}

// Who is signed in by an issuer is told so, and stands in the audit log.
func TestSignedIn(t *testing.T) {
	l, issuer := newClosed(t)
	editor := person(issuer, "editors", nil)
	me := l.get("/me", "Authorization", editor).want(http.StatusOK)
	require.Equal(t, "user", me.string("kind"))
	require.Equal(t, "user:7c9e6679-7425-40de-944b-e07fc1f90ae7", me.string("id"))
	require.Equal(t, "ada@example.com", me.string("name"))
	require.Equal(t, "editor", me.string("role"))
	require.Equal(t, issuer.URL, me.string("issuer"))
	ends, err := time.Parse(time.RFC3339, me.string("expires_at"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), ends, time.Minute)
	require.Equal(t, "role_required", l.get("/tokens", "Authorization", editor).want(http.StatusForbidden).problem())

	admin := person(issuer, "admins", map[string]any{"email": "grace@example.com", "sub": "grace"})
	made := l.post("/tokens", map[string]any{"name": "ci", "role": "viewer"}, "Authorization", admin).want(http.StatusCreated)
	entries, err := l.store.Audits(t.Context(), etl.AuditFilter{Object: "token"}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, entries.Items, 1)
	require.Equal(t, etl.Principal{Kind: "user", ID: "user:grace", Name: "grace@example.com", Role: etl.Admin}, entries.Items[0].Principal)
	require.Contains(t, l.log.String(), `"principal":"user:grace"`)

	me = l.get("/me", "Authorization", "Bearer "+made.string("token")).want(http.StatusOK)
	require.Equal(t, "token", me.string("kind"))
	require.Nil(t, me.at("issuer"))
	require.Nil(t, me.at("expires_at"))
	me = l.get("/me", "Authorization", "Bearer "+bootstrap).want(http.StatusOK)
	require.Equal(t, "bootstrap", me.string("kind"))
	require.Equal(t, "admin", me.string("role"))
}

// An issuer that is away keeps people out for a while, and no token of the portal's own.
func TestIssuerIsAway(t *testing.T) {
	l, issuer := newClosed(t)
	issuer.Down(true)
	r := l.get("/me", "Authorization", person(issuer, "admins", nil)).want(http.StatusServiceUnavailable)
	require.Equal(t, "issuer_unavailable", r.problem())
	require.NotEmpty(t, r.header.Get("Retry-After"))
	l.get("/me", "Authorization", "Bearer "+bootstrap).want(http.StatusOK)
	l.get("//healthz").want(http.StatusOK)
}
