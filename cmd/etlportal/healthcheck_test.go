package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthcheckAsksWhereTheServerListens(t *testing.T) {
	var answer atomic.Int64
	answer.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(int(answer.Load()))
	}))
	_, port, ok := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	require.True(t, ok)
	listen := "ETLPORTAL_LISTEN=0.0.0.0:" + port

	well := admin(t, []string{listen}, "healthcheck")
	require.Equal(t, exitDone, well.code, well.err)
	require.Contains(t, well.out, "lives")

	answer.Store(http.StatusServiceUnavailable)
	ill := admin(t, []string{listen}, "healthcheck")
	require.Equal(t, exitUnreachable, ill.code)
	require.Contains(t, ill.err, "503")

	server.Close()
	gone := admin(t, []string{listen}, "healthcheck")
	require.Equal(t, exitUnreachable, gone.code)
	require.Contains(t, gone.err, "no server answers")

	require.Equal(t, exitUsage, admin(t, []string{"ETLPORTAL_LISTEN=no address: at all"}, "healthcheck").code)
}
