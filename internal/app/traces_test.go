package app

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// receiver is an OTLP endpoint that keeps what it gets.
func receiver(t *testing.T, status int) (c Config, got func() []span) {
	t.Helper()
	bodies := make(chan []byte, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && r.Header.Get("Api-Key") == "k" && r.Header.Get("Content-Type") == "application/json" {
			bodies <- body
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	c = Config{Traces: Traces{Endpoint: server.URL + "/", Headers: map[string]string{"api-key": "k"}, Service: "etlportal"}}
	return c, func() (all []span) {
		for {
			select {
			case body := <-bodies:
				var sent struct {
					ResourceSpans []struct {
						Resource   struct{ Attributes []attribute }
						ScopeSpans []struct{ Spans []span }
					}
				}
				require.NoError(t, json.Unmarshal(body, &sent))
				require.Equal(t, "etlportal", sent.ResourceSpans[0].Resource.Attributes[0].Value["stringValue"])
				all = append(all, sent.ResourceSpans[0].ScopeSpans[0].Spans...)
			default:
				return all
			}
		}
	}
}

func TestTraces(t *testing.T) {
	c, got := receiver(t, http.StatusOK)
	tr := newTracer(c, "portal", slog.New(slog.DiscardHandler))
	handler := tr.handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-ID", "r-1")
		w.WriteHeader(http.StatusInternalServerError)
	}))
	request := httptest.NewRequest(http.MethodGet, "/api/v1/job-runs/17/logs", http.NoBody)
	request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/sources/csv/0190d3a1-0000-7000-8000-000000000000", http.NoBody))
	for _, err := range []error{nil, errors.New("postgres://a:sesame@b is down"), &etl.RetryAfter{Reason: "busy"}} {
		_, end := tr.message(t.Context(), "load", 5, slog.Int("chunk", 2))
		end(err)
	}
	tr.flush(t.Context())
	spans := got()
	require.Len(t, spans, 5)
	require.Equal(t, "GET /api/v1/job-runs/{id}/logs", spans[0].Name)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", spans[0].TraceID)
	require.Equal(t, "b7ad6b7169203331", spans[0].ParentSpanID)
	require.Equal(t, statusError, spans[0].Status.Code)
	require.Equal(t, "GET /api/v1/sources/csv/{id}", spans[1].Name)
	require.Len(t, spans[1].TraceID, 32)
	require.Len(t, spans[1].SpanID, 16)
	require.Equal(t, spans[2].TraceID, spans[3].TraceID, "a run is one trace")
	require.NotEqual(t, spans[2].SpanID, spans[3].SpanID)
	require.Equal(t, []int{0, statusError, 0}, []int{spans[2].Status.Code, spans[3].Status.Code, spans[4].Status.Code})
	require.NotContains(t, spans[3].Status.Message, "sesame")
}

// A receiver that fails stops nothing, and no endpoint means no work.
func TestTracesThatCannotBeSent(t *testing.T) {
	c, _ := receiver(t, http.StatusServiceUnavailable)
	tr := newTracer(c, "", slog.New(slog.DiscardHandler))
	for range spansWaiting + 10 {
		_, end := tr.message(t.Context(), "plan", 0)
		end(nil)
	}
	require.Len(t, tr.spans, spansWaiting)
	tr.flush(t.Context())
	require.Len(t, tr.spans, spansWaiting-spansAtOnce)

	off := newTracer(Config{}, "", slog.New(slog.DiscardHandler))
	_, end := off.message(t.Context(), "plan", 1)
	end(nil)
	require.Empty(t, off.spans)
}
