package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (l *lab) token(role etl.Role) string {
	l.t.Helper()
	ctx := portal.WithCaller(l.t.Context(), portal.Caller{Principal: portal.Owner()})
	made, err := l.portal.CreateToken(ctx, portal.TokenInput{Name: string(role), Role: string(role)})
	require.NoError(l.t, err)
	return made.Secret
}

func (l *lab) expiredToken() string {
	l.t.Helper()
	secret := "etlp_" + strings.Repeat("A", 43)
	past := time.Now().Add(-time.Hour)
	_, err := l.store.CreateToken(l.t.Context(), etl.Token{Name: "old", Role: etl.Admin, ExpiresAt: &past}, portal.HashToken(secret))
	require.NoError(l.t, err)
	return secret
}

// operations are those that the description tells, with their roles.
func (l *lab) operations() map[string]etl.Role {
	l.t.Helper()
	var description struct {
		Paths map[string]map[string]struct {
			Role etl.Role `json:"x-role"`
		}
	}
	require.NoError(l.t, json.Unmarshal([]byte(l.get("//openapi.json").want(http.StatusOK).text), &description))
	out := map[string]etl.Role{}
	for path, methods := range description.Paths {
		for method, op := range methods {
			out[strings.ToUpper(method)+" "+path] = op.Role
		}
	}
	return out
}

// Every route is asked by everybody. A caller who may not is told 401 or 403;
// one who may gets any other answer, here mostly that there is no such thing.
func TestEveryRouteForEveryCaller(t *testing.T) {
	l := newLab(t, func(d *api.Deps) { d.SignIn = true })
	callers := map[string]struct {
		header string
		role   etl.Role
	}{
		"no token":     {"", ""},
		"wrong token":  {"Bearer etlp_" + strings.Repeat("x", 43), ""},
		"short token":  {"Bearer etlp_x", ""},
		"other scheme": {"Basic YTpi", ""},
		"expired":      {"Bearer " + l.expiredToken(), ""},
		"viewer":       {"Bearer " + l.token(etl.Viewer), etl.Viewer},
		"editor":       {"Bearer " + l.token(etl.Editor), etl.Editor},
		"admin":        {"bearer " + l.token(etl.Admin), etl.Admin},
	}
	operations := l.operations()
	require.Greater(t, len(operations), 40)
	values := strings.NewReplacer("{file_id}", "00000000-0000-4000-8000-000000000000", "{id}", "999", "{credential_id}", "999")
	for op, needed := range operations {
		require.True(t, needed.Valid() || needed == "public", op)
		method, path, _ := strings.Cut(op, " ")
		for name, caller := range callers {
			var headers []string
			if caller.header != "" {
				headers = []string{"Authorization", caller.header}
			}
			r := l.send(method, "/"+values.Replace(path), nil, headers...)
			switch {
			case needed == "public":
				require.Equal(t, http.StatusOK, r.status, "%s as %s: %s", op, name, r.text)
			case caller.role == "":
				require.Equal(t, http.StatusUnauthorized, r.status, "%s as %s: %s", op, name, r.text)
				require.NotEmpty(t, r.header.Get("WWW-Authenticate"))
				r.problem()
			case !caller.role.Includes(needed):
				require.Equal(t, http.StatusForbidden, r.status, "%s as %s: %s", op, name, r.text)
				require.Equal(t, "role_required", r.problem())
			default:
				require.NotContains(t, []int{401, 403, 500}, r.status, "%s as %s: %s", op, name, r.text)
			}
		}
	}
	for _, caller := range callers {
		if _, secret, ok := strings.Cut(caller.header, " "); ok {
			require.NotContains(t, l.log.String(), secret)
		}
	}
}

func TestTokens(t *testing.T) {
	l := newLab(t)
	me := l.get("/me").want(http.StatusOK)
	require.Equal(t, "owner", me.string("kind"))
	require.Equal(t, "admin", me.string("role"))
	made := l.post("/tokens", map[string]any{"name": "ci", "role": "viewer", "expires_at": time.Now().Add(time.Hour)}).want(http.StatusCreated)
	secret := made.string("token")
	require.Regexp(t, `^etlp_[A-Za-z0-9_-]{43}$`, secret)
	me = l.get("/me", "Authorization", "Bearer "+secret).want(http.StatusOK)
	require.Equal(t, "viewer", me.string("role"))
	require.Equal(t, "ci", me.string("name"))
	list := l.get("/tokens").want(http.StatusOK)
	require.NotContains(t, list.text, secret)
	require.NotContains(t, list.text, "hash")
	require.NotNil(t, list.at("items", 0, "last_used_at"))
	require.Equal(t, "role_required", l.get("/tokens", "Authorization", "Bearer "+secret).want(http.StatusForbidden).problem())
	l.send(http.MethodDelete, fmt.Sprintf("/tokens/%d", int(made.number("id"))), nil).want(http.StatusNoContent)
	require.Equal(t, "bad_token", l.get("/me", "Authorization", "Bearer "+secret).want(http.StatusUnauthorized).problem())
	require.Equal(t, "expired", l.post("/tokens", map[string]any{"name": "x", "role": "viewer", "expires_at": time.Now().Add(-time.Hour)}).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "bad_value", l.post("/tokens", map[string]any{"name": "x", "role": "king"}).want(http.StatusUnprocessableEntity).problem())
	audits, err := l.store.Audits(t.Context(), etl.AuditFilter{Object: "token"}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, audits.Items, 2)
	require.Equal(t, "owner", audits.Items[0].Principal.ID)
	require.NotEmpty(t, audits.Items[0].RequestID)
	require.NotContains(t, l.log.String(), secret)
}

func TestHostsAndOrigins(t *testing.T) {
	l := newLab(t, func(d *api.Deps) {
		d.Hosts, d.Origins = []string{"Portal.example.com"}, []string{"http://localhost:5173"}
	})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:8080": 200, "portal.localhost": 200, "portal.example.com": 200, "PORTAL.example.com:443": 200,
		"evil.example.com": 403, "127.0.0.1.evil.com": 403, "10.0.0.1": 403, "localhost.evil.com": 403, "169.254.169.254": 403,
	} {
		r := l.get("/me", "Host", host)
		require.Equal(t, status, r.status, host)
		if status == 403 {
			require.Equal(t, "host_refused", r.problem())
		}
	}
	own := l.url
	for _, tc := range []struct {
		method  string
		headers []string
		status  int
	}{
		{"POST", nil, 201},
		{"POST", []string{"Origin", own}, 201},
		{"POST", []string{"Origin", "http://localhost:5173"}, 201},
		{"POST", []string{"Origin", "http://evil.example.com"}, 403},
		{"POST", []string{"Origin", "null"}, 403},
		{"POST", []string{"Origin", "http://localhost:5174"}, 403},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"}, 403},
		{"POST", []string{"Sec-Fetch-Site", "same-origin"}, 201},
		{"GET", []string{"Origin", "http://evil.example.com"}, 403},
		{"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200},
		{"GET", []string{"Sec-Fetch-Site", "none"}, 200},
	} {
		var r *reply
		if tc.method == "GET" {
			r = l.get("/me", tc.headers...)
		} else {
			r = l.post("/tokens", map[string]any{"name": "x", "role": "viewer"}, tc.headers...)
		}
		require.Equal(t, tc.status, r.status, "%s %v: %s", tc.method, tc.headers, r.text)
		if tc.status == 403 {
			require.Equal(t, "cross_site", r.problem())
		}
	}
	pre := l.send(http.MethodOptions, "/jobs", nil, "Origin", "http://localhost:5173", "Access-Control-Request-Method", "POST").want(http.StatusNoContent)
	require.Equal(t, "http://localhost:5173", pre.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, pre.header.Get("Access-Control-Allow-Headers"), "If-Match")
	refused := l.send(http.MethodOptions, "/jobs", nil, "Origin", "http://evil.example.com", "Access-Control-Request-Method", "POST").want(http.StatusForbidden)
	require.Empty(t, refused.header.Get("Access-Control-Allow-Origin"))
}
