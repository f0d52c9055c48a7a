package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bounds of what waits to be sent: what is beyond is dropped and counted, so
// that a receiver that is down costs no memory.
const (
	spansWaiting = 4096
	spansAtOnce  = 512
	spansEvery   = 5 * time.Second
	spansFor     = 5 * time.Second
)

// tracer sends spans to an OpenTelemetry receiver: OTLP over HTTP, in its JSON
// encoding (opentelemetry-proto, collector/trace/v1), which needs no library.
// Without an endpoint it does nothing. Names and attributes hold ids and routes
// only, never values of rows or secrets.
type tracer struct {
	url     string
	headers map[string]string
	service []attribute
	// portal makes the trace ids of runs differ from those of other portals.
	portal string
	client *http.Client
	log    *slog.Logger
	spans  chan span
}

// span is one, as OTLP writes it.
type span struct {
	TraceID      string      `json:"traceId"`
	SpanID       string      `json:"spanId"`
	ParentSpanID string      `json:"parentSpanId,omitempty"`
	Name         string      `json:"name"`
	Kind         int         `json:"kind"`
	Start        string      `json:"startTimeUnixNano"`
	End          string      `json:"endTimeUnixNano"`
	Attributes   []attribute `json:"attributes,omitempty"`
	Status       status      `json:"status"`
}

type attribute struct {
	Key   string         `json:"key"`
	Value map[string]any `json:"value"`
}

type status struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// OTLP's numbers.
const (
	kindServer   = 2
	kindConsumer = 5
	statusError  = 2
)

func newTracer(c Config, portal string, log *slog.Logger) *tracer {
	t := &tracer{
		headers: c.Traces.Headers, portal: portal, log: log, client: &http.Client{Timeout: spansFor}, spans: make(chan span, spansWaiting),
		service: []attribute{text("service.name", c.Traces.Service), text("service.version", c.Version)},
	}
	if c.Traces.Endpoint != "" {
		t.url = strings.TrimSuffix(c.Traces.Endpoint, "/") + "/v1/traces"
	}
	return t
}

func text(key, value string) attribute {
	return attribute{key, map[string]any{"stringValue": value}}
}

func attributes(attrs []slog.Attr) []attribute {
	var all []attribute
	for _, a := range attrs {
		if a.Value.Kind() == slog.KindInt64 {
			all = append(all, attribute{a.Key, map[string]any{"intValue": strconv.FormatInt(a.Value.Int64(), 10)}})
			continue
		}
		all = append(all, text(a.Key, a.Value.String()))
	}
	return all
}

type spanKey struct{}

// place is where a span is in its trace.
type place struct{ trace, span string }

// begin opens a span; the function that it gives ends it.
func (t *tracer) begin(ctx context.Context, name string, kind int, parent place, attrs ...slog.Attr) (context.Context, func(failure string, more ...slog.Attr)) {
	if t.url == "" {
		return ctx, func(string, ...slog.Attr) {}
	}
	here := place{parent.trace, random(8)}
	if here.trace == "" {
		here.trace = random(16)
	}
	start := time.Now()
	return context.WithValue(ctx, spanKey{}, here), func(failure string, more ...slog.Attr) {
		s := span{
			TraceID: here.trace, SpanID: here.span, ParentSpanID: parent.span, Name: name, Kind: kind,
			Start: nanos(start), End: nanos(time.Now()), Attributes: attributes(append(attrs, more...)),
		}
		if failure != "" {
			s.Status = status{statusError, hide(failure)}
		}
		select {
		case t.spans <- s:
		default:
		}
	}
}

// message opens the span of a message. All messages of a run are in one trace.
func (t *tracer) message(ctx context.Context, topic string, runID int64, attrs ...slog.Attr) (context.Context, func(err error)) {
	var parent place
	if runID != 0 {
		sum := sha256.Sum256(fmt.Appendf(nil, "etlportal run %s/%d", t.portal, runID))
		parent.trace = hex.EncodeToString(sum[:16])
	}
	ctx, end := t.begin(ctx, "message "+topic, kindConsumer, parent, attrs...)
	return ctx, func(err error) {
		failure := ""
		if err != nil && outcomeOf(err) == "failed" {
			failure = err.Error()
		}
		end(failure)
	}
}

// traceparent is the W3C header, version 00.
var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)

// ids in paths would make a name of each.
var pathID = regexp.MustCompile(`/(\d+|[0-9a-f]{8}-[0-9a-f-]{27})(/|$)`)

// handler makes a span of each request, below the caller's where it names one.
func (t *tracer) handler(next http.Handler) http.Handler {
	if t.url == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var parent place
		if m := traceparent.FindStringSubmatch(r.Header.Get("Traceparent")); m != nil {
			parent = place{m[1], m[2]}
		}
		route := pathID.ReplaceAllString(r.URL.Path, "/{id}$2")
		ctx, end := t.begin(r.Context(), r.Method+" "+route, kindServer, parent, slog.String("http.request.method", r.Method), slog.String("url.path", r.URL.Path))
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		failure := ""
		if seen.status >= http.StatusInternalServerError {
			failure = http.StatusText(seen.status)
		}
		end(failure, slog.Int("http.response.status_code", seen.status), slog.String("request_id", w.Header().Get("X-Request-ID")))
	})
}

// statusWriter remembers the status; http.ResponseController sees through it.
type statusWriter struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher.
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// run sends spans until ctx ends; flush must follow.
func (t *tracer) run(ctx context.Context) {
	if t.url == "" {
		return
	}
	ticker := time.NewTicker(spansEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.flush(ctx)
		}
	}
}

// flush sends what waits. What the receiver does not take is lost.
func (t *tracer) flush(ctx context.Context) {
	for {
		var batch []span
	collect:
		for len(batch) < spansAtOnce {
			select {
			case s := <-t.spans:
				batch = append(batch, s)
			default:
				break collect
			}
		}
		if len(batch) == 0 {
			return
		}
		if err := t.send(ctx, batch); err != nil {
			t.log.WarnContext(ctx, "traces could not be sent", "spans", len(batch), "error", err)
			return
		}
	}
}

func (t *tracer) send(ctx context.Context, spans []span) error {
	body, err := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{
		"resource":   map[string]any{"attributes": t.service},
		"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "etlportal"}, "spans": spans}},
	}}})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range t.headers {
		request.Header.Set(name, value)
	}
	answer, err := t.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the receiver answered %s", answer.Status)
	}
	return nil
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
