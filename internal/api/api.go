// Package api is the portal's HTTP interface: routes, JSON, problem+json,
// events, and who may call what. What the calls do is internal/portal's.
package api

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/etlportal/etlportal/internal/portal"
)

// Deps are what the interface needs.
type Deps struct {
	Portal *portal.Portal
	// Version is shown by the API description.
	Version string
	// SignIn says that every caller must show a token. Without it, a caller
	// from this machine who shows none is its owner, an administrator.
	SignIn bool
	// Hosts are the names beside localhost under which the portal is reached,
	// without port; "*" accepts every name. Requests for other names are
	// refused, so that no web page can reach the portal by a name of its own.
	Hosts []string
	// Origins are the web pages beside the portal's own that may call it
	// ("http://localhost:5173").
	Origins []string
	// Log may be nil.
	Log *slog.Logger
	// Metrics is where /metrics is read from and the interface's own are
	// added; nil makes a new one.
	Metrics *prometheus.Registry
}

// New makes the handler. It fails where an operation declares no role.
//
// The server's base context ends event streams, so cancel it on shutdown.
func New(d Deps) (http.Handler, error) {
	return http.NotFoundHandler(), nil
}

// OpenAPI is the description of the interface in YAML (OpenAPI 3.1).
func OpenAPI() ([]byte, error) { return nil, nil }
