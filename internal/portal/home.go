package portal

import (
	"context"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// Backlog is a queue that tells how much waits in it.
type Backlog interface {
	// Backlog counts the messages that wait to be handled, and says how long
	// the oldest has waited.
	Backlog(ctx context.Context) (waiting int64, oldest time.Duration, err error)
}

// Summary is what needs attention, and how much was done.
type Summary struct {
	Since time.Time `json:"since" doc:"Start of the window; give it as since to /job-runs for the same runs"`
	Until time.Time `json:"until"`
	// Failed, Completed and Cancelled count runs that ended within the window.
	Failed     int64    `json:"runs_failed" doc:"Runs that ended so within the window"`
	Completed  int64    `json:"runs_completed"`
	Cancelled  int64    `json:"runs_cancelled"`
	Read       int64    `json:"rows_read" doc:"Of the completed runs"`
	Loaded     int64    `json:"rows_loaded"`
	Rejected   int64    `json:"rows_rejected"`
	Bytes      int64    `json:"bytes"`
	RejectRate *float64 `json:"reject_rate" doc:"rows_rejected of rows_read, 0 to 1; null where nothing was read"`
	Failing    []Run    `json:"failing_runs" doc:"The last FAILED runs of the window, at most ten"`

	Pending     int64      `json:"runs_pending"`
	Running     int64      `json:"runs_running"`
	OldestSince *time.Time `json:"oldest_pending_since" doc:"When the run that waits longest was made"`
	Queue       *Queue     `json:"queue,omitempty" doc:"Absent where the queue does not tell"`
	// Waiting are parts of running runs.
	Waiting int64 `json:"chunks_waiting" doc:"Chunks of running runs that no loader has begun"`

	Schedules []Schedule `json:"next_schedules" doc:"The schedules that fire next, soonest first, at most six"`

	BucketSeconds int64        `json:"bucket_seconds"`
	Throughput    []Tally      `json:"throughput" doc:"The window in buckets, oldest first"`
	Days          []Tally      `json:"days" doc:"The last days, today last"`
	Files         []SourceItem `json:"recent_files" doc:"The files that were uploaded or loaded last"`
}

// Queue is what waits in the queue.
type Queue struct {
	Waiting int64   `json:"waiting"`
	Oldest  float64 `json:"oldest_seconds"`
}

// Tally counts the runs that ended within a bucket or a day.
type Tally struct {
	At        time.Time `json:"at" doc:"When it begins"`
	Completed int64     `json:"runs_completed"`
	Failed    int64     `json:"runs_failed"`
	Cancelled int64     `json:"runs_cancelled"`
	Read      int64     `json:"rows_read"`
	Loaded    int64     `json:"rows_loaded"`
	Rejected  int64     `json:"rows_rejected"`
	Bytes     int64     `json:"bytes"`
}

const (
	// summaryBuckets is about how many buckets a window has.
	summaryBuckets = 24
	summaryFailing = 10
	summaryFiles   = 6
	// summarySchedules is how many of the next schedules are shown.
	summarySchedules = 6
)

// Summary gives the figures of the last hours and of the last days in a zone,
// "" is UTC. A zone that there is not is a Mistake of code bad_timezone.
func (p *Portal) Summary(ctx context.Context, hours, days int, zone string) (*Summary, error) {
	if zone == "" {
		zone = "UTC"
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
		return nil, &Invalid{etl.Mistakef("bad_timezone", "Use a name such as Europe/Berlin or UTC", "there is no time zone %q", zone), []Detail{{"query.timezone", "there is no such zone"}}}
	}
	window := time.Duration(hours) * time.Hour
	bucket := window / summaryBuckets
	o, err := p.Store.Overview(ctx, window, bucket, days, zone)
	if err != nil {
		return nil, err
	}
	out := &Summary{
		Since: o.Since, Until: o.Until, Pending: o.Pending, Running: o.Running, OldestSince: o.OldestPending, Waiting: o.WaitingChunks,
		BucketSeconds: int64(bucket / time.Second), Throughput: talliesView(o.Buckets), Days: talliesView(o.ByDay), Failing: []Run{}, Files: []SourceItem{},
	}
	for _, b := range o.Buckets {
		out.Failed, out.Completed, out.Cancelled = out.Failed+b.Failed, out.Completed+b.Completed, out.Cancelled+b.Cancelled
		out.Read, out.Loaded, out.Rejected, out.Bytes = out.Read+b.Read, out.Loaded+b.Loaded, out.Rejected+b.Rejected, out.Bytes+b.Bytes
	}
	if out.Read > 0 {
		rate := float64(out.Rejected) / float64(out.Read)
		out.RejectRate = &rate
	}
	failing, err := p.Store.Runs(ctx, etl.RunFilter{Status: etl.Failed, Since: o.Since}, etl.Page{Limit: summaryFailing})
	if err != nil {
		return nil, err
	}
	for i := range failing.Items {
		out.Failing = append(out.Failing, runView(failing.Items[i]))
	}
	files, err := p.Store.RecentSources(ctx, summaryFiles)
	if err != nil {
		return nil, err
	}
	for i := range files {
		out.Files = append(out.Files, sourceItem(files[i]))
	}
	next, err := p.Store.NextSchedules(ctx, summarySchedules)
	if err != nil {
		return nil, err
	}
	if out.Schedules, err = p.scheduleViews(ctx, next); err != nil {
		return nil, err
	}
	if b, ok := p.Queue.(Backlog); ok {
		waiting, oldest, err := b.Backlog(ctx)
		if err != nil {
			return nil, fmt.Errorf("the queue's backlog: %w", err)
		}
		out.Queue = &Queue{waiting, oldest.Seconds()}
	}
	return out, nil
}

func talliesView(tallies []etl.Tally) []Tally {
	out := make([]Tally, len(tallies))
	for i, t := range tallies {
		out[i] = Tally{t.At, t.Completed, t.Failed, t.Cancelled, t.Read, t.Loaded, t.Rejected, t.Bytes}
	}
	return out
}
