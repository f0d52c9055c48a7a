package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		"dist/app/index.html":            {Data: []byte(`<meta name="csp-nonce" content="__CSP_NONCE__">page`)},
		"dist/app/theme.js":              {Data: []byte("theme")},
		"dist/app/assets/index-a1.js":    {Data: []byte("plain")},
		"dist/app/assets/index-a1.js.br": {Data: []byte("brotli")},
		"dist/app/assets/index-a1.js.gz": {Data: []byte("gzip")},
		"dist/app/samples/a.csv":         {Data: []byte("a\n1\n")},
	}
}

func get(h http.Handler, method, at string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, at, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestServes(t *testing.T) {
	h := handler(built(), []string{"http://127.0.0.1:9000"})
	for _, c := range []struct {
		name, method, at, accept, coding string
		status                           int
		body, kind, cache, encoded       string
	}{
		{"root", "GET", "/", browser, "", 200, "page", "text/html", "no-cache", ""},
		{"a route of the page", "GET", "/jobs/7", browser, "", 200, "page", "text/html", "no-cache", ""},
		{"a route with a dot", "GET", "/files/a.csv", browser, "", 200, "page", "text/html", "no-cache", ""},
		{"the page has no name of its own", "GET", "/index.html", browser, "", 200, "page", "text/html", "no-cache", ""},
		{"a program gets no page", "GET", "/jobs/7", "application/json", "", 404, "no such file", "text/plain", "no-store", ""},
		{"a missing asset is no page", "GET", "/assets/gone-b2.js", "*/*", "", 404, "no such file", "text/plain", "no-store", ""},
		{"plain", "GET", "/assets/index-a1.js", "*/*", "", 200, "plain", "text/javascript", forever, ""},
		{"brotli first", "GET", "/assets/index-a1.js", "*/*", "gzip, deflate, br", 200, "brotli", "text/javascript", forever, "br"},
		{"gzip", "GET", "/assets/index-a1.js", "*/*", "gzip;q=0.5", 200, "gzip", "text/javascript", forever, "gzip"},
		{"refused coding", "GET", "/assets/index-a1.js", "*/*", "br;q=0, gzip;q=0.0", 200, "plain", "text/javascript", forever, ""},
		{"the compressed file has no address", "GET", "/assets/index-a1.js.br", "*/*", "", 404, "no such file", "text/plain", "no-store", ""},
		{"without a hash", "GET", "/theme.js", "*/*", "br", 200, "theme", "text/javascript", "no-cache", ""},
		{"sample", "GET", "/samples/a.csv", browser, "", 200, "a\n1\n", "text/csv", "no-cache", ""},
		{"a folder is no file", "GET", "/assets", "*/*", "", 404, "no such file", "text/plain", "no-store", ""},
		{"no way out", "GET", "/../embed.go", "*/*", "", 404, "no such file", "text/plain", "no-store", ""},
		{"other methods", "POST", "/jobs", browser, "", 405, "GET", "text/plain", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := get(h, c.method, c.at, "Accept", c.accept, "Accept-Encoding", c.coding)
			require.Equal(t, c.status, w.Code)
			require.Contains(t, w.Body.String(), c.body)
			require.Contains(t, w.Header().Get("Content-Type"), c.kind)
			require.Equal(t, c.cache, w.Header().Get("Cache-Control"))
			require.Equal(t, c.encoded, w.Header().Get("Content-Encoding"))
		})
	}
}

// Every page has a nonce of its own, in the policy as in the page, and the policy allows nothing inline without it.
func TestPolicy(t *testing.T) {
	h := handler(built(), []string{"http://127.0.0.1:9000"})
	seen := map[string]bool{}
	for range 3 {
		w := get(h, "GET", "/", "Accept", browser)
		policy := w.Header().Get("Content-Security-Policy")
		_, rest, found := strings.Cut(policy, "'nonce-")
		require.True(t, found)
		nonce, _, _ := strings.Cut(rest, "'")
		require.GreaterOrEqual(t, len(nonce), 20)
		require.False(t, seen[nonce])
		seen[nonce] = true
		require.Contains(t, w.Body.String(), `content="`+nonce+`"`)
		require.NotContains(t, policy, "unsafe")
		require.NotContains(t, policy, nonceMark)
		require.Contains(t, policy, "connect-src 'self' http://127.0.0.1:9000;")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	}
}

func TestHead(t *testing.T) {
	w := get(handler(built(), nil), "HEAD", "/", "Accept", browser)
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Body.String())
	require.NotEmpty(t, w.Header().Get("Content-Length"))
}

// A program that was compiled without the UI says how to get it.
func TestNotBuilt(t *testing.T) {
	page, err := dist.ReadFile("dist/placeholder.html")
	require.NoError(t, err)
	h := handler(fstest.MapFS{"dist/placeholder.html": {Data: page}}, nil)
	require.Contains(t, get(h, "GET", "/", "Accept", browser).Body.String(), "make build")
	require.Equal(t, http.StatusNotFound, get(h, "GET", "/theme.js", "Accept", "*/*").Code)
}
