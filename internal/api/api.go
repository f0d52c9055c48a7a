// Package api is the portal's HTTP interface: routes, JSON, problem+json,
// events, and who may call what. What the calls do is internal/portal's.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// prefix is where the interface lives.
const prefix = "/api/v1"

// Deps are what the interface needs.
type Deps struct {
	Portal *portal.Portal
	// SignIn says that every caller must show a token. Without it, a caller
	// from this machine who shows none is its owner, an administrator.
	SignIn bool
	// Verify says who shows a bearer token that is none of the portal's own
	// (etlp_…), as internal/oidc does. nil: the portal's own are the only ones.
	// With it every caller must sign in, as by SignIn.
	Verify func(ctx context.Context, token string) (etl.Principal, error)
	// Closed asks for a principal everywhere but at /healthz, whatever an
	// operation says of itself: not even the documentation is public.
	Closed bool
	// Hosts are the names beside localhost under which the portal is reached,
	// without port; "*" accepts every name. Requests for other names are
	// refused, so that no web page can reach the portal by a name of its own.
	Hosts []string
	// Origins are the web pages beside the portal's own that may call it
	// ("http://localhost:5173").
	Origins []string
	// Ending is closed when the process is about to end, so that event streams
	// end whole and their clients go on elsewhere; nil: never.
	Ending <-chan struct{}
	// StreamFor is how long an event stream lasts before its client has to come
	// back, for gateways that cut long answers or hold them back; 0 is no limit.
	StreamFor time.Duration
	// Log may be nil.
	Log *slog.Logger
	// Web serves the pages for people, which everybody may load: every path
	// outside of this interface. nil: none, and / leads to the documentation.
	Web http.Handler
	// Metrics is where /metrics is read from and the interface's own are
	// added; nil makes a new one.
	Metrics *prometheus.Registry
}

type server struct {
	portal         *portal.Portal
	signIn, closed bool
	verify         func(ctx context.Context, token string) (etl.Principal, error)
	hosts, origins []string
	streamFor      time.Duration
	ending         <-chan struct{}
	log            *slog.Logger
	registry       *prometheus.Registry
	metrics        *metrics
	api            huma.API
	mux            *http.ServeMux
	web            http.Handler
	description    []byte
}

// New makes the handler. It fails where an operation declares no role.
//
// Event streams last until their request's context ends, so let the server's
// BaseContext end on shutdown.
func New(d Deps) (http.Handler, error) { return build(d, nil) }

// build is New with further operations, for tests.
func build(d Deps, more func(*server)) (http.Handler, error) {
	s, err := describe(d, more)
	if err != nil {
		return nil, err
	}
	if s.description, err = s.api.OpenAPI().MarshalJSON(); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	return s.observe(secure(s.addressed(s.crossSite(s.neverOpen(http.HandlerFunc(s.route)))))), nil
}

// describe registers every operation.
func describe(d Deps, more func(*server)) (*server, error) {
	installErrors()
	s := &server{portal: d.Portal, signIn: d.SignIn || d.Closed || d.Verify != nil, closed: d.Closed, verify: d.Verify, streamFor: d.StreamFor, ending: d.Ending, log: d.Log, registry: d.Metrics, mux: http.NewServeMux(), web: d.Web}
	for _, h := range d.Hosts {
		s.hosts = append(s.hosts, strings.ToLower(h))
	}
	for _, o := range d.Origins {
		s.origins = append(s.origins, strings.ToLower(strings.TrimSuffix(o, "/")))
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.registry == nil {
		s.registry = prometheus.NewRegistry()
	}
	var err error
	if s.metrics, err = newMetrics(s.registry); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.api = humago.New(mounted{s.mux}, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "ETL Portal", Version: "1", Description: "CSV files into databases: every row exactly once, or told why not."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "An API token (etlp_…), or, where the portal is set up so, the token of a person who signed in at the issuer"}},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
	s.api.UseMiddleware(s.authorize)
	s.systemOperations()
	s.uploadOperations()
	s.sourceOperations()
	s.credentialOperations()
	s.destinationOperations()
	s.jobOperations()
	s.runOperations()
	s.scheduleOperations()
	s.tokenOperations()
	if more != nil {
		more(s)
	}
	return s, s.checkRoles()
}

// checkRoles says which operations declare no role.
func (s *server) checkRoles() error {
	var errs []error
	for at, item := range s.api.OpenAPI().Paths {
		for _, op := range operationsOf(item) {
			if _, ok := op.Metadata[roleKey]; !ok {
				errs = append(errs, fmt.Errorf("the operation %s %s declares no role", op.Method, at))
			}
		}
	}
	return errors.Join(errs...)
}

func operationsOf(item *huma.PathItem) (all []*huma.Operation) {
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Options, item.Head, item.Patch, item.Trace} {
		if op != nil {
			all = append(all, op)
		}
	}
	return all
}

// OpenAPI is the description of the interface in YAML (OpenAPI 3.1).
func OpenAPI() ([]byte, error) {
	s, err := describe(Deps{}, nil)
	if err != nil {
		return nil, err
	}
	return s.api.OpenAPI().YAML()
}

// atRoot are the paths outside of the prefix; they are reached below it, too.
var atRoot = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/openapi.json": true, "/docs": true, "/docs/docs.js": true, "/docs/docs.css": true}

// executePath would meet /jobs/{id}/dry-run at /jobs/execute/dry-run, which
// net/http's mux refuses as ambiguous; so the mux knows it by another name.
const executePath, executeMounted = prefix + "/jobs/execute/", prefix + "/jobs:execute/"

func inMux(at string) string {
	if id, ok := strings.CutPrefix(at, executePath); ok {
		return executeMounted + id
	}
	return at
}

// mounted is the mux as huma sees it.
type mounted struct{ *http.ServeMux }

// HandleFunc takes "METHOD /path".
func (m mounted) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	method, at, _ := strings.Cut(pattern, " ")
	m.ServeMux.HandleFunc(method+" "+inMux(at), h)
}

// route finds the operation: with or without a slash at the end, and with
// problems for paths and methods that there are not.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	at := r.URL.Path
	if trimmed := strings.TrimRight(at, "/"); trimmed != at && trimmed != "" {
		at = trimmed
	}
	if rest, ok := strings.CutPrefix(at, prefix); ok && atRoot[rest] {
		at = rest
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if at == "/" && reads && s.web == nil {
		http.Redirect(w, r, "/docs", http.StatusFound)
		return
	}
	at = inMux(at)
	if at != r.URL.Path {
		u := *r.URL
		u.Path, u.RawPath = at, ""
		r = r.Clone(r.Context())
		r.URL = &u
	}
	notFound := newProblem(r.Context(), http.StatusNotFound, "no_such_path", "See /docs for the paths there are", "there is no such path")
	if path.Clean(at) != at || strings.ContainsRune(at, 0) {
		writeProblem(w, notFound)
		return
	}
	h, pattern := s.mux.Handler(r)
	if pattern == "" {
		refused := &refusal{header: http.Header{}}
		h.ServeHTTP(refused, r)
		if refused.status == http.StatusMethodNotAllowed {
			allow := refused.header.Get("Allow")
			p := newProblem(r.Context(), http.StatusMethodNotAllowed, "method_not_allowed", "Use "+allow, "this path does not take "+quoteMethod(r.Method))
			p.allow = allow
			writeProblem(w, p)
			return
		}
		if s.web != nil && reads && at != "/api" && !strings.HasPrefix(at, "/api/") {
			exchangeOf(r.Context()).route = "web"
			s.web.ServeHTTP(w, r)
			return
		}
		writeProblem(w, notFound)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func quoteMethod(m string) string {
	if methods[m] {
		return m
	}
	return "that method"
}

// refusal takes the mux's own answer, of which only status and Allow are of use.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }
func (r *refusal) WriteHeader(status int)      { r.status = status }
