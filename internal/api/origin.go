package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// hostname is a Host header's name in lower case, without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// localName says whether a name can only mean this machine.
func localName(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// addressed refuses requests for names that are not the portal's: a web page
// may let a name of its own resolve to this machine (DNS rebinding), and the
// Host header is then that name.
func (s *server) addressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostname(r.Host)
		if !localName(name) && !slices.Contains(s.hosts, name) && !slices.Contains(s.hosts, "*") {
			writeProblem(w, newProblem(r.Context(), http.StatusForbidden, "host_refused",
				"Use http://localhost or http://127.0.0.1, or add the name to the portal's hosts", "the portal is not reached by the name in the Host header"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// crossSite refuses what web pages of others send, and lets the named ones in
// (CORS). Programs send no Origin and are not concerned.
func (s *server) crossSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func() {
			writeProblem(w, newProblem(r.Context(), http.StatusForbidden, "cross_site",
				"Call the portal from its own page, or add the page's origin to the portal's origins", "the request comes from a web page of another site"))
		}
		w.Header().Add("Vary", "Origin")
		origins := r.Header.Values("Origin")
		if len(origins) == 0 {
			site := r.Header.Get("Sec-Fetch-Site")
			safe := r.Method == http.MethodGet || r.Method == http.MethodHead
			if (site == "cross-site" || site == "same-site") && (!safe || r.Header.Get("Sec-Fetch-Mode") != "navigate") {
				refuse()
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		allowed := slices.Contains(s.origins, strings.ToLower(origins[0]))
		if len(origins) > 1 || !allowed && !sameOrigin(r, origins[0]) {
			refuse()
			return
		}
		if allowed {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origins[0])
			h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id, Content-Disposition, Idempotency-Replayed")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h := w.Header()
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Idempotency-Key, Last-Event-ID, X-Request-Id")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin compares an Origin with where the request went; the scheme may
// differ, because a proxy may have taken TLS off.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
