// Package web is the user interface as the program carries it: the pages that
// `npm run build` made, and how they are served.
package web

import (
	"bytes"
	"crypto/rand"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// dist holds app/ once the UI was built, and the page that says so otherwise.
//
//go:embed all:dist
var dist embed.FS

const (
	nonceMark = "__CSP_NONCE__"
	forever   = "public, max-age=31536000, immutable"
)

// types are named here, because what a system's own table says may differ.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json", ".csv": "text/csv; charset=utf-8", ".png": "image/png",
}

// Handler serves the UI: its assets, and its page for every other path that a
// browser opens, because the page has the routes. What is no file is answered
// with 404 to whoever does not ask for HTML. Assets with a hash in their name
// may be kept for ever, and everything else is asked for again.
//
// connect are the origins beside the portal's own that pages may call: where
// files are uploaded to ("https://bucket.s3.amazonaws.com").
func Handler(connect ...string) http.Handler { return handler(dist, connect) }

// Built says whether the UI is in the program; if not, Handler shows a page that says how to build it.
func Built() bool {
	_, err := fs.Stat(dist, "dist/app/index.html")
	return err == nil
}

type site struct {
	files   fs.FS
	index   []byte
	policy  string
	started time.Time
}

func handler(files fs.FS, connect []string) http.Handler {
	s := &site{started: time.Now()}
	s.policy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonceMark + "'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src " + strings.Join(append([]string{"'self'"}, connect...), " ") + "; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	index, err := fs.ReadFile(files, "dist/app/index.html")
	if err != nil {
		index, err = fs.ReadFile(files, "dist/placeholder.html")
	}
	if err != nil {
		index = []byte("<!doctype html><title>ETL Portal</title><p>The UI is not in this program.")
	}
	s.index = index
	// An fs.FS without the folder answers every name with "does not exist".
	s.files, _ = fs.Sub(files, "dist/app")
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this path takes GET alone", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch {
	case name != "" && name != "index.html" && s.asset(w, r, name):
	case acceptsHTML(r):
		s.page(w, r)
	default:
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file", http.StatusNotFound)
	}
}

// page writes index.html with a nonce of its own, which lets style elements of
// the libraries in and of nobody else.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", types[".html"])
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", strings.ReplaceAll(s.policy, nonceMark, nonce))
	h.Set("X-Frame-Options", "DENY")
	body := bytes.ReplaceAll(s.index, []byte(nonceMark), []byte(nonce))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// asset serves a file as it was compressed at build time, where the caller
// takes that; false: there is no such file.
func (s *site) asset(w http.ResponseWriter, r *http.Request, name string) bool {
	kind := path.Ext(name)
	if kind == ".br" || kind == ".gz" || !s.is(name) {
		return false
	}
	h := w.Header()
	contentType := types[kind]
	if contentType == "" {
		contentType = mime.TypeByExtension(kind)
	}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", forever)
	}
	h.Add("Vary", "Accept-Encoding")
	served := name
	for _, e := range []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if accepts(r, e.coding) && s.is(name+e.suffix) {
			h.Set("Content-Encoding", e.coding)
			served = name + e.suffix
			break
		}
	}
	body, err := fs.ReadFile(s.files, served)
	if err != nil {
		return false
	}
	// Embedded files have no time of their own; the program's start is when they may have changed.
	http.ServeContent(w, r, "", s.started, bytes.NewReader(body))
	return true
}

func (s *site) is(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Stat(s.files, name)
	return err == nil && info.Mode().IsRegular()
}

// accepts reads Accept-Encoding; a coding with q=0 is refused.
func accepts(r *http.Request, coding string) bool {
	for each := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(each), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			weight, isWeight := strings.CutPrefix(strings.ReplaceAll(q, " ", ""), "q=")
			return !isWeight || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}

// acceptsHTML tells a browser that opens a page from programs and from parts of
// a page that ask for something else.
func acceptsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
