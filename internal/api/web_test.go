package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The pages get what is outside of the interface, and nothing of it.
func TestWeb(t *testing.T) {
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
	h, err := New(Deps{Web: pages})
	require.NoError(t, err)
	for _, c := range []struct {
		request string
		status  int
		body    string
	}{
		{"GET /", 200, "page /"},
		{"HEAD /", 200, ""},
		{"GET /jobs/7", 200, "page /jobs/7"},
		{"GET /assets/a.js", 200, "page /assets/a.js"},
		{"GET /apiary", 200, "page /apiary"},
		{"GET /healthz", 200, `"ok"`},
		{"GET /docs", 200, "<!doctype html>"},
		{"GET /api", 404, "no_such_path"},
		{"GET /api/v1/nothing", 404, "no_such_path"},
		{"GET /api/v2/jobs", 404, "no_such_path"},
		{"POST /jobs", 404, "no_such_path"},
		{"DELETE /healthz", 405, "method_not_allowed"},
		{"GET /jobs/../api/v1/nothing", 404, "no_such_path"},
	} {
		t.Run(c.request, func(t *testing.T) {
			method, at, _ := strings.Cut(c.request, " ")
			r := httptest.NewRequest(method, at, http.NoBody)
			r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), c.body)
		})
	}
}
