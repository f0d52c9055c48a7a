package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// heartbeat keeps proxies from closing a quiet stream.
	heartbeat = 15 * time.Second
	// breather is the shortest time between two looks at a run: changes in
	// between melt into one event.
	breather = 200 * time.Millisecond
	// patience is how long a client may take to accept what is sent.
	patience = 20 * time.Second
	// logsAtOnce bounds one look at the log.
	logsAtOnce = 500
)

type streamInput struct {
	IDInput

	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"Sent by browsers when they reconnect: what they have seen is not sent again"`
}

// streamOperation sends a run's progress as server-sent events.
func (s *server) streamOperation(tag string) {
	op := operation(etl.Viewer, http.MethodGet, "/job-runs/{id}/stream", "stream-run", tag, "A run's progress as server-sent events",
		describedAs("event: progress has the run, as GET gives it, as data; event: log an entry of its log; event: done, the last, the run. A comment comes every 15 seconds."))
	op.Responses = map[string]*huma.Response{"200": {Description: "Events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	register(s, op, func(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
		if _, err := s.portal.Run(ctx, in.ID); err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { s.stream(hc, in) }}, nil
	})
}

// position is what a client has seen: the run's change and the log's entry.
// It is the id of every event.
type position struct{ seq, log int64 }

// unseen is the seq of who has seen nothing of the run, but maybe of its log.
const unseen = -1

func (p position) String() string {
	return strconv.FormatInt(p.seq, 10) + "." + strconv.FormatInt(p.log, 10)
}

// parsePosition reads an event id; one that is none of ours starts anew.
func parsePosition(id string) position {
	a, b, _ := strings.Cut(id, ".")
	seq, err1 := strconv.ParseInt(a, 10, 64)
	entry, err2 := strconv.ParseInt(b, 10, 64)
	if err := errors.Join(err1, err2); err != nil || seq < unseen || entry < 0 {
		return position{seq: unseen}
	}
	return position{seq, entry}
}

// streamer writes one stream.
type streamer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	at      position
}

func (s *server) stream(hc huma.Context, in *streamInput) {
	_, w := humago.Unwrap(hc)
	ctx, cancel := context.WithCancel(hc.Context())
	defer cancel()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	out := &streamer{w: w, control: http.NewResponseController(w), at: parsePosition(in.LastEventID)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	_ = out.control.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	if out.send(": hello\n\nretry: 2000\n\n") != nil {
		return
	}
	// Watched before the first look, so that no change falls between.
	changes := s.portal.Watch(ctx, in.ID)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var over <-chan time.Time
	if s.streamFor > 0 {
		over = time.After(s.streamFor)
	}
	for {
		done, err := s.look(ctx, in.ID, out)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && (etl.KindOf(err) != etl.Weather || out.broken(err)):
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "not_found" {
				s.log.WarnContext(ctx, "event stream ended", "request_id", exchangeOf(ctx).requestID, "error", err)
			}
			return
		case done:
			return
		}
		rest := time.NewTimer(breather)
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-s.ending:
			_ = out.send(": the portal is about to end\n\nretry: 1000\n\n") // who has gone needs none
			return
		case _, open := <-changes:
			if !open {
				return
			}
		case <-beat.C:
			if out.send(": beat\n\n") != nil {
				return
			}
		}
	}
}

// look sends what the client has not seen; done says that it was the last.
func (s *server) look(ctx context.Context, id int64, out *streamer) (done bool, err error) {
	// The run is read before its log, so that the log is whole where the run is over.
	run, err := s.portal.Run(ctx, id)
	if err != nil {
		return false, err
	}
	for {
		entries, err := s.portal.LogsAfter(ctx, id, out.at.log, logsAtOnce)
		if err != nil {
			return false, err
		}
		for i := range entries {
			out.at.log = entries[i].ID
			if err := out.event("log", &entries[i]); err != nil {
				return false, err
			}
		}
		if len(entries) < logsAtOnce {
			break
		}
	}
	if run.Seq > out.at.seq {
		out.at.seq = run.Seq
		if err := out.event("progress", run); err != nil {
			return false, err
		}
	}
	if !run.Final() {
		return false, nil
	}
	return true, out.event("done", run)
}

// errWrite says that the client is gone or too slow.
type errWrite struct{ error }

func (*streamer) broken(err error) bool {
	_, ok := errors.AsType[errWrite](err)
	return ok
}

func (o *streamer) event(name string, data any) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\nid: %s\ndata: ", name, o.at)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return err
	}
	b.WriteByte('\n') // Encode has ended the data's line
	return o.send(b.String())
}

func (o *streamer) send(text string) error {
	// Where a writer knows no deadlines or flushing, its server does both.
	_ = o.control.SetWriteDeadline(time.Now().Add(patience))
	if _, err := o.w.Write([]byte(text)); err != nil {
		return errWrite{err}
	}
	if err := o.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errWrite{err}
	}
	return nil
}
