package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// exchange is one request and its answer, as the layers around it know it.
type exchange struct {
	requestID string
	request   *http.Request
	writer    http.ResponseWriter
	// route and principal are for the log; set once they are known.
	route, principal string
	// caller is who asks, once that is known.
	caller *etl.Principal
}

type exchangeKey struct{}

// exchangeOf is the exchange of a request's context; an empty one outside of any.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// recorder notes what is answered. Its Unwrap lets http.ResponseController
// reach flushing and deadlines.
type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// observe is the outermost layer: request id, log, metrics, and the catching of panics.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{requestID: r.Header.Get("X-Request-ID"), route: "unknown"}
		if !goodRequestID.MatchString(x.requestID) {
			x.requestID = newRequestID()
		}
		rec := &recorder{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		x.request, x.writer = r, rec
		w.Header().Set("X-Request-ID", x.requestID)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			if caught := recover(); caught != nil {
				if caught == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
					panic(caught) //nolint:forbidigo // net/http's own way to cut a connection
				}
				s.log.ErrorContext(r.Context(), "panic", "request_id", x.requestID, "method", r.Method, "route", x.route, "panic", caught, "stack", string(debug.Stack()))
				if rec.status == 0 {
					writeProblem(rec, newProblem(r.Context(), http.StatusInternalServerError, "internal", "Try again; if it happens again, report it with the request_id", "something of the portal's own failed"))
				}
			}
			took := time.Since(start)
			s.metrics.seen(r.Method, x.route, rec.status, took)
			level := slog.LevelInfo
			if rec.status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
			// Neither query nor headers: what must not be logged cannot be then.
			s.log.LogAttrs(r.Context(), level, "request", slog.String("request_id", x.requestID), slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.String("route", x.route), slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("principal", x.principal))
		}()
		next.ServeHTTP(rec, r)
	})
}

// secure sets the headers that keep a browser from doing more with an answer
// than it should.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
