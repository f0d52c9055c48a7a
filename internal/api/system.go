package api

import (
	"context"
	"embed"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/etlportal/etlportal/internal/etl"
)

//go:embed docs
var docs embed.FS

// health says that the process, or all that it needs, works.
type health struct {
	Status string `json:"status" enum:"ok"`
}

func (s *server) systemOperations() {
	const tag = "System"
	register(s, operation(public, http.MethodGet, "/healthz", "healthz", tag, "Does the process work"),
		func(context.Context, *struct{}) (*answer[health], error) { return answered(&health{"ok"}, nil) })
	register(s, operation(public, http.MethodGet, "/readyz", "readyz", tag, "Do the database, the object store and the queue work"),
		func(ctx context.Context, _ *struct{}) (*answer[health], error) {
			if err := s.portal.Ready(ctx); err != nil {
				// What is not ready is for the log: this is for everybody.
				s.log.ErrorContext(ctx, "not ready", "request_id", exchangeOf(ctx).requestID, "error", err)
				p := newProblem(ctx, http.StatusServiceUnavailable, "not_ready", "Try again; if it lasts, see the portal's log", "the portal's database, object store or queue does not work")
				p.retryAfter = retrySeconds
				return nil, p
			}
			return answered(&health{"ok"}, nil)
		})
	exposition := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})
	s.raw(operation(etl.Viewer, http.MethodGet, "/metrics", "metrics", tag, "Figures for Prometheus"), "text/plain", exposition.ServeHTTP)
	s.raw(operation(public, http.MethodGet, "/openapi.json", "openapi", tag, "This description"), "application/json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(s.description)
	})
	for _, page := range []struct{ at, id, file, kind string }{
		{"/docs", "docs", "docs.html", "text/html"}, {"/docs/docs.js", "docs-script", "docs.js", "text/javascript"}, {"/docs/docs.css", "docs-style", "docs.css", "text/css"},
	} {
		op := operation(public, http.MethodGet, page.at, page.id, tag, "The documentation of this interface", func(op *huma.Operation) { op.Hidden = page.at != "/docs" })
		s.raw(op, page.kind, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", page.kind+"; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			http.ServeFileFS(w, r, docs, "docs/"+page.file)
		})
	}
}

// raw adds an operation that writes its answer itself.
func (s *server) raw(op huma.Operation, kind string, do http.HandlerFunc) {
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	register(s, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			do(w, r)
		}}, nil
	})
}
