package etltest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// weather is a transport that spoils what passes through it.
type weather struct {
	base http.RoundTripper

	mu   sync.Mutex
	all  *answer
	once *answer
	// cuts are after how many bytes the bodies of the next GETs end, with how.
	cuts []int64
	how  error
}

// answer is what a request gets instead of the store's.
type answer struct {
	status int
	code   string
	err    error
}

func (w *weather) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all, w.once, w.cuts = nil, nil, nil
}

func (w *weather) answerAll(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = &a
}

func (w *weather) answerOnce(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.once = &a
}

func (w *weather) cutBodies(how error, after ...int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.how, w.cuts = how, after
}

func (w *weather) cutsLeft() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.cuts)
}

// RoundTrip implements http.RoundTripper.
func (w *weather) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	instead := w.all
	if instead == nil {
		instead, w.once = w.once, nil
	}
	w.mu.Unlock()
	if instead != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return instead.response(r)
	}
	got, err := w.base.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet {
		return got, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.cuts) > 0 {
		got.Body = &cutBody{ReadCloser: got.Body, left: w.cuts[0], how: w.how}
		w.cuts = w.cuts[1:]
	}
	return got, nil
}

func (a *answer) response(r *http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	body := ""
	if a.code != "" && r.Method != http.MethodHead {
		body = fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>Not now</Message></Error>`, a.code)
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// cutBody ends early.
type cutBody struct {
	io.ReadCloser

	left int64
	how  error
}

// Read implements io.Reader.
func (c *cutBody) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.how
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	return n, err
}
