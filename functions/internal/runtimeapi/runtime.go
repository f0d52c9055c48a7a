// Package runtimeapi runs a function's bootstrap as Lambda does: it serves the
// Lambda Runtime API (version 2018-06-01) to it, and has it answer events, one
// at a time. Tests and measurements use it; it needs no network and no container.
package runtimeapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

const prefix = "/2018-06-01/runtime/"

// Options say what is run.
type Options struct {
	// Bootstrap is the function's program, Env its whole environment
	// (NAME=value); the address of the Runtime API is added.
	Bootstrap string
	Env       []string
	// Timeout is how long an event may take; 0 is a minute. Unlike Lambda's, it
	// kills nothing: the function is told of it, and is to end by itself.
	Timeout time.Duration
	// Log takes what the function writes.
	Log io.Writer
}

// Environment is a running function. Close must follow.
type Environment struct {
	options Options
	server  *http.Server
	process *exec.Cmd
	ended   chan struct{}
	events  chan *event

	mu   sync.Mutex
	next int
	open map[string]*event
}

// event is one on its way through the function.
type event struct {
	id       string
	payload  []byte
	deadline time.Time
	answer   chan *Answer
}

// Answer is what the function makes of an event.
type Answer struct {
	// Failed says that it is the function's error, in JSON.
	Failed      bool
	ContentType string
	// Body must be closed. Closed before its end it is a client that left: the
	// connection to the function is cut.
	Body io.ReadCloser
	// Trailer is what came behind a body that was streamed; read the body first.
	Trailer func() http.Header
}

// Streamed says that the function sent its answer in the form for streams.
func (a *Answer) Streamed() bool {
	return a.ContentType == "application/vnd.awslambda.http-integration-response"
}

// Start starts the function and does not wait for it. ctx ends it.
func Start(ctx context.Context, o Options) (*Environment, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &Environment{options: o, ended: make(chan struct{}), events: make(chan *event), open: map[string]*event{}}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	go func() { _ = e.server.Serve(listener) }()
	e.process = exec.CommandContext(ctx, o.Bootstrap)
	e.process.Env = append(append([]string{}, o.Env...), "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	e.process.Stdout, e.process.Stderr = o.Log, o.Log
	if err := e.process.Start(); err != nil {
		_ = e.server.Close()
		return nil, err
	}
	go func() {
		_ = e.process.Wait() // whoever waits for an answer is told by ended
		close(e.ended)
	}()
	return e, nil
}

// Close kills the function, as Lambda does.
func (e *Environment) Close() {
	_ = e.process.Process.Kill() // it may have ended
	<-e.ended
	_ = e.server.Close()
}

// Kill ends the process in the middle of whatever it does.
func (e *Environment) Kill() { _ = e.process.Process.Kill() }

// ErrEnded says that the function's process has ended without an answer.
var ErrEnded = errors.New("the function's process has ended")

// Invoke hands an event over and gives the answer as soon as it begins.
func (e *Environment) Invoke(ctx context.Context, payload []byte) (*Answer, error) {
	e.mu.Lock()
	e.next++
	ev := &event{id: strconv.Itoa(e.next), payload: payload, deadline: time.Now().Add(e.options.Timeout), answer: make(chan *Answer, 1)}
	e.open[ev.id] = ev
	e.mu.Unlock()
	select {
	case e.events <- ev:
	case <-e.ended:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-ev.answer:
		return a, nil
	case <-e.ended:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ServeHTTP is the Runtime API.
func (e *Environment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, prefix+"invocation/")
	switch {
	case ok && r.Method == http.MethodGet && rest == "next":
		select {
		case ev := <-e.events:
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", ev.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(ev.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:test")
			_, _ = w.Write(ev.payload)
		case <-r.Context().Done():
		}
	case ok && r.Method == http.MethodPost:
		id, kind, _ := strings.Cut(rest, "/")
		e.mu.Lock()
		ev := e.open[id]
		delete(e.open, id)
		e.mu.Unlock()
		if ev == nil {
			http.Error(w, "no such event", http.StatusNotFound)
			return
		}
		body := &body{r: r.Body, ended: make(chan struct{})}
		ev.answer <- &Answer{Failed: kind == "error", ContentType: r.Header.Get("Content-Type"), Body: body, Trailer: func() http.Header { return r.Trailer }}
		select {
		case <-body.ended:
		case <-r.Context().Done():
		}
		if body.cut {
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		http.Error(w, "no such path", http.StatusNotFound)
	}
}

// body is an answer's; ended says that its reader has had enough.
type body struct {
	r     io.Reader
	ended chan struct{}
	once  sync.Once
	whole bool
	cut   bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		b.whole = true
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.once.Do(func() {
		b.cut = !b.whole
		close(b.ended)
	})
	return nil
}

// Function is a function with as many environments as events come at once, as
// Lambda has it. Close must follow.
type Function struct {
	options Options

	mu   sync.Mutex
	idle []*Environment
	all  []*Environment
}

// NewFunction starts nothing yet.
func NewFunction(o Options) *Function { return &Function{options: o} }

// Close ends all environments.
func (f *Function) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.all {
		e.Close()
	}
	f.all, f.idle = nil, nil
}

// Environments counts the cold starts.
func (f *Function) Environments() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

func (f *Function) take() (*Environment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.idle) > 0 {
		e := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		select {
		case <-e.ended:
		default:
			return e, nil
		}
	}
	e, err := Start(context.Background(), f.options)
	if err == nil {
		f.all = append(f.all, e)
	}
	return e, err
}

// Invoke has an idle environment, or a new one, answer; it is free again when the
// body is closed.
func (f *Function) Invoke(ctx context.Context, payload []byte) (*Answer, error) {
	e, err := f.take()
	if err != nil {
		return nil, err
	}
	a, err := e.Invoke(ctx, payload)
	if err != nil {
		e.Kill() // it may still be at the event
		return nil, err
	}
	a.Body = &freeing{a.Body, func() {
		f.mu.Lock()
		f.idle = append(f.idle, e)
		f.mu.Unlock()
	}}
	return a, nil
}

// Call is Invoke for an answer that is not streamed; a function's error is one.
func (f *Function) Call(ctx context.Context, payload []byte) ([]byte, error) {
	a, err := f.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err == nil && a.Failed {
		err = fmt.Errorf("the function failed: %s", bytes.TrimSpace(text))
	}
	return text, err
}

type freeing struct {
	io.ReadCloser

	free func()
}

// Close implements io.Closer.
func (f *freeing) Close() error {
	err := f.ReadCloser.Close()
	f.free()
	return err
}
