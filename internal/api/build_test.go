package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

func TestAnOperationWithoutARoleDoesNotStart(t *testing.T) {
	_, err := build(Deps{}, func(s *server) {
		huma.Register(s.api, huma.Operation{Method: http.MethodGet, Path: "/api/v1/open"}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	})
	require.ErrorContains(t, err, "GET /api/v1/open declares no role")
	_, err = New(Deps{})
	require.NoError(t, err)
}

// What goes wrong inside is told to the log, and to callers only as far as it helps them.
func TestFailuresInside(t *testing.T) {
	causes := map[string]func() error{
		"/panic":    func() error { panic("canary") },
		"/internal": func() error { return errors.New("canary") },
		"/defect":   func() error { return &etl.Error{Kind: etl.Internal, Code: "counts_differ", Message: "canary"} },
		"/weather": func() error {
			return &etl.Error{Kind: etl.Weather, Code: "connection_lost", Message: "gone", Fix: "Try again"}
		},
		"/mistake": func() error { return etl.Mistakef("some_mistake", "Mend it", "wrong") },
	}
	h, err := build(Deps{}, func(s *server) {
		for at, fail := range causes {
			register(s, operation(public, http.MethodGet, at, at[1:], "Test", "fails"), func(context.Context, *struct{}) (*nothing, error) { return nil, fail() })
		}
	})
	require.NoError(t, err)
	for at, want := range map[string]struct {
		status      int
		code, retry string
	}{
		"/panic": {500, "internal", ""}, "/internal": {500, "internal", ""}, "/defect": {500, "internal", ""},
		"/weather": {503, "connection_lost", "5"}, "/mistake": {422, "some_mistake", ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/api/v1"+at, http.NoBody))
		require.Equal(t, want.status, w.Code, at)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), at)
		require.Contains(t, w.Body.String(), `"code":"`+want.code+`"`, at)
		require.Contains(t, w.Body.String(), `"request_id":"`+w.Header().Get("X-Request-ID")+`"`, at)
		require.NotContains(t, w.Body.String(), "canary", at)
		require.Equal(t, want.retry, w.Header().Get("Retry-After"), at)
	}
}

func TestPositions(t *testing.T) {
	for id, want := range map[string]position{
		"7.12": {7, 12}, "0.0": {0, 0}, "": {seq: -1}, "7": {seq: -1}, "7.x": {seq: -1}, "-1.2": {-1, 2}, "-2.2": {seq: -1}, "99999999999999999999.1": {seq: -1},
	} {
		require.Equal(t, want, parsePosition(id), id)
	}
	require.Equal(t, "7.12", position{7, 12}.String())
}

func TestOwnerOnlyFromHere(t *testing.T) {
	h, err := New(Deps{Hosts: []string{"*"}})
	require.NoError(t, err)
	for remote, status := range map[string]int{"127.0.0.1:5": 200, "[::1]:5": 200, "[::ffff:127.0.0.1]:5": 200, "192.168.1.5:5": 401, "[fe80::1]:5": 401, "": 401} {
		r := httptest.NewRequest(http.MethodGet, "http://portal/api/v1/me", http.NoBody)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, status, w.Code, remote)
	}
}

// A client that leaves is no failure of the portal, however deep it is noticed.
func TestClientThatLeft(t *testing.T) {
	gone := &etl.Error{Kind: etl.Weather, Code: "cancelled", Message: "cancelled while reading", Fix: "Try again."}
	left, leave := context.WithCancel(t.Context())
	leave()
	require.Equal(t, statusGone, problemOf(left, gone).Status)
	require.Equal(t, http.StatusServiceUnavailable, problemOf(t.Context(), gone).Status)
}
