package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-lambda-go/events"
)

// stream answers with what the handler writes, while it writes it. It returns
// once status and headers are known; done is called when the handler has ended.
//
// A client that is gone, or a gateway that gave up, closes the answer: the
// handler's next write fails, its context ends, and so does it. A handler that panics after its
// headers are sent is told to the gateway by the stream's error.
func stream(h http.Handler, r *http.Request, done func()) *events.APIGatewayProxyStreamingResponse {
	// A handler that waits for something to send does not write.
	ctx, leave := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	read, write := io.Pipe()
	w := &streamWriter{header: http.Header{}, body: write, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer leave()
		defer done()
		defer func() {
			if p := recover(); p != nil {
				_ = write.CloseWithError(fmt.Errorf("the answer broke off: %v", p))
				w.begin(http.StatusInternalServerError)
				return
			}
			_ = write.Close()
			w.begin(http.StatusOK)
		}()
		h.ServeHTTP(w, r)
	}()
	<-w.begun
	return &events.APIGatewayProxyStreamingResponse{StatusCode: w.status, MultiValueHeaders: w.sent, Body: &streamBody{read, leave, ended}}
}

// streamBody is what the runtime sends. Closing it waits for the handler, so
// that nothing of it goes on while the function stands still.
type streamBody struct {
	*io.PipeReader

	leave context.CancelFunc
	ended <-chan struct{}
}

var errClientGone = errors.New("the client has left")

// Close implements io.Closer.
func (b *streamBody) Close() error {
	err := b.CloseWithError(errClientGone)
	b.leave()
	<-b.ended
	return err
}

// streamWriter is an http.ResponseWriter whose writes wait until they are sent.
type streamWriter struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	begun  chan struct{}

	// status and sent are set before begun is closed.
	status int
	sent   http.Header
}

// Header implements http.ResponseWriter.
func (w *streamWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *streamWriter) WriteHeader(status int) { w.begin(status) }

func (w *streamWriter) begin(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

// Write implements http.ResponseWriter.
func (w *streamWriter) Write(b []byte) (int, error) {
	w.once.Do(func() {
		if w.header.Get("Content-Type") == "" {
			w.header.Set("Content-Type", http.DetectContentType(b))
		}
		w.status, w.sent = http.StatusOK, w.header.Clone()
		close(w.begun)
	})
	return w.body.Write(b)
}

// Flush implements http.Flusher: what was written has been taken already.
func (*streamWriter) Flush() {}
