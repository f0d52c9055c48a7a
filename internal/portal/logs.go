package portal

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// LogEntry is a line of a run's log.
type LogEntry struct {
	ID         int64          `json:"id"`
	At         time.Time      `json:"at"`
	Level      string         `json:"level" enum:"debug,info,warn,error"`
	Message    string         `json:"message"`
	Chunk      *int           `json:"chunk,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

func logView(e etl.LogEntry) LogEntry {
	return LogEntry{e.ID, e.At, e.Level, e.Message, e.Chunk, e.Attributes}
}

// LogQuery asks for a part of a log: a page from the start, or from a place in
// either direction.
type LogQuery struct {
	etl.Page

	// Tail asks for the last entries, Before for those before an id, After for
	// those after one; at most one of them is set.
	Tail          bool
	Before, After int64
	// Level is the least that counts; "" is all.
	Level string
}

// LogPage is a part of a log, oldest first.
type LogPage struct {
	List[LogEntry]

	Earlier bool `json:"earlier" doc:"There are entries before the first one: ask with before"`
	Later   bool `json:"later" doc:"There are entries after the last one: ask with after. A run that has not ended may write more at any time"`
}

// levels are in the order of their weight.
var levels = []string{"debug", "info", "warn", "error"}

// Logs lists a run's log.
func (p *Portal) Logs(ctx context.Context, runID int64, q LogQuery) (*LogPage, error) {
	asked := 0
	for _, set := range []bool{q.Tail, q.Before > 0, q.After > 0, q.Cursor != ""} {
		if set {
			asked++
		}
	}
	if asked > 1 {
		return nil, &Invalid{etl.Mistakef("bad_parameter", "Choose one of tail, before, after and cursor", "the log cannot be read from several places"), []Detail{{"query", "has several of tail, before, after and cursor"}}}
	}
	out := &LogPage{}
	var err error
	switch wanted := levels[max(slices.Index(levels, q.Level), 0):]; {
	case q.Tail || q.Before > 0:
		before := q.Before
		if q.Tail {
			before = math.MaxInt64
		}
		var entries []etl.LogEntry
		if entries, err = p.Store.LogsBefore(ctx, runID, before, wanted, q.Limit+1); len(entries) > q.Limit {
			entries, out.Earlier = entries[1:], true
		}
		out.List, out.Later = *viewed(etl.List[etl.LogEntry]{Items: entries}, logView), q.Before > 0
	case q.Level != "" || q.After > 0:
		if q.Cursor != "" {
			return nil, &Invalid{etl.Mistakef("bad_parameter", "Use after with level", "a cursor is of the whole log"), []Detail{{"query.cursor", "does not go with level"}}}
		}
		var entries []etl.LogEntry
		if entries, err = p.Store.LogsSince(ctx, runID, q.After, wanted, q.Limit+1); len(entries) > q.Limit {
			entries, out.Later = entries[:q.Limit], true
		}
		out.List, out.Earlier = *viewed(etl.List[etl.LogEntry]{Items: entries}, logView), q.After > 0
	default:
		var l etl.List[etl.LogEntry]
		l, err = p.Store.Logs(ctx, runID, q.Page)
		out.List, out.Later, out.Earlier = *viewed(l, logView), l.Next != "", q.Cursor != ""
	}
	if err == nil && len(out.Items) == 0 {
		_, err = p.Store.Run(ctx, runID)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// LogsAfter gives at most limit entries of a run's log after one.
func (p *Portal) LogsAfter(ctx context.Context, runID, afterID int64, limit int) ([]LogEntry, error) {
	entries, err := p.Store.LogsAfter(ctx, runID, afterID, limit)
	if err != nil {
		return nil, fmt.Errorf("log of run %d: %w", runID, err)
	}
	out := make([]LogEntry, len(entries))
	for i, e := range entries {
		out[i] = logView(e)
	}
	return out, nil
}
