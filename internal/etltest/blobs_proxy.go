package etltest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// BlobsProxy stands between a program and an object store, whose URL it gives;
// it ends with the test. Every request goes through handle, which may forward
// it, spoil the answer, or give one of its own.
func BlobsProxy(t testing.TB, endpoint string, handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)) string {
	t.Helper()
	at, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(at)
		// The signature covers the name by which the store was asked.
		p.Out.Host = p.In.Host
	}, ErrorLog: log.New(io.Discard, "", 0)} // a client that has gone is no error
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, forward) }))
	t.Cleanup(server.Close)
	return server.URL
}

// CutAfter is an answer whose connection breaks after so many bytes of its body.
func CutAfter(w http.ResponseWriter, bytes int64) http.ResponseWriter { return &cutAnswer{w, bytes} }

type cutAnswer struct {
	http.ResponseWriter

	left int64
}

// Write implements io.Writer.
func (c *cutAnswer) Write(p []byte) (int, error) {
	if int64(len(p)) < c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler) //nolint:forbidigo // so a handler of net/http breaks its connection
}

// SlowDown is the answer of a store that is asked too much.
func SlowDown(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`))
}
