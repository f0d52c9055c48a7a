package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// spectator follows a run's events over one connection after another, as a
// browser does.
type spectator struct {
	url string
	// cuts says that it drops the connection after every event and comes again
	// with the event's id.
	cuts bool
	// last is the id of the last event, connections how many it took.
	last        string
	connections int
	seq         float64
	logs        []float64
	done        map[string]any
}

// follow reads until the run is done and its stream has ended. arrived is
// called after the first event and may hold the spectator up.
func (s *spectator) follow(ctx context.Context, client *http.Client, arrived func() error) error {
	for s.done == nil {
		if err := s.connect(ctx, client, arrived); err != nil {
			return fmt.Errorf("connection %d of %s, last event %q: %w", s.connections, s.url, s.last, err)
		}
	}
	return nil
}

func (s *spectator) connect(ctx context.Context, client *http.Client, arrived func() error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/stream", http.NoBody)
	if err != nil {
		return err
	}
	if s.last != "" {
		request.Header.Set("Last-Event-ID", s.last)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	s.connections++
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	var event, id string
	for seen := 0; lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			if err := s.take(event, value); err != nil {
				return err
			}
			s.last = id
			if seen++; seen == 1 && s.connections == 1 {
				if err := arrived(); err != nil {
					return err
				}
			}
			if s.cuts && s.done == nil {
				return nil
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if s.done == nil {
		return errors.New("the stream ended before the run")
	}
	return nil
}

// take accepts an event that brings something new.
func (s *spectator) take(event, text string) error {
	var data map[string]any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return err
	}
	if s.done != nil {
		return fmt.Errorf("%s after done: %s", event, text)
	}
	switch event {
	case "log":
		id := data["id"].(float64)
		if n := len(s.logs); n > 0 && id <= s.logs[n-1] {
			return fmt.Errorf("log entry %.0f again or late, after %v", id, s.logs)
		}
		s.logs = append(s.logs, id)
	case "progress":
		if seq := data["seq"].(float64); seq <= s.seq {
			return fmt.Errorf("change %.0f after %.0f", seq, s.seq)
		}
		s.seq = data["seq"].(float64)
	case "done":
		s.done = data
	default:
		return fmt.Errorf("unknown event %q", event)
	}
	return nil
}

// A crowd at the portal: 20 runs of several chunks at a time, 200 spectators
// at a time. Nobody misses an entry of a log or the end, whose numbers are
// those of GET and of the table.
func TestServeCrowd(t *testing.T) {
	const runs, each, rows, width = 20, 10, 280, 64 << 10
	p := serving(t, dataDir(t), "ETLPORTAL_CHUNK_SIZE=8MiB")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o := admin(t, nil, "warehouse", "--data-dir", p.dir)
	require.Equal(t, exitDone, o.code, o.err)
	conn, err := pgx.Connect(ctx, strings.TrimSpace(o.out))
	require.NoError(t, err)
	defer conn.Close(context.Background())
	tables := &database{t: t, conn: conn}

	// Long values are many bytes, thus chunks, for little work.
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s\n", i, strings.Repeat("x", width))
	}
	file, credential := p.upload("wide.csv", b.String()), p.warehouse()

	// No run can publish, and so end, before everybody is there.
	for i := range runs {
		tables.exec(fmt.Sprintf("CREATE TABLE crowd_%d (id int, text text)", i))
	}
	hold, err := conn.Begin(ctx)
	require.NoError(t, err)
	for i := range runs {
		tables.exec(fmt.Sprintf("LOCK TABLE crowd_%d IN SHARE MODE", i))
	}

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ids := make([]string, runs)
	var crowd []*spectator
	present, crowded := make(chan struct{}, runs*each), make(chan struct{})
	watching, watched := errgroup.WithContext(ctx)
	for i := range ids {
		ids[i] = p.execute(map[string]any{
			"name": fmt.Sprintf("crowd %d", i), "file_id": file, "credential_id": credential, "table": fmt.Sprintf("crowd_%d", i),
			"batch_size": 100, "filter": fmt.Sprintf("id >= %d", i),
		})
		for n := range each {
			s := &spectator{url: p.url + "/api/v1/job-runs/" + ids[i], cuts: n < each/3}
			crowd = append(crowd, s)
			watching.Go(func() error {
				return s.follow(watched, client, func() error {
					present <- struct{}{}
					select {
					case <-crowded:
						return nil
					case <-watched.Done():
						return watched.Err()
					}
				})
			})
		}
	}
	for range crowd {
		select {
		case <-present:
		case <-watched.Done():
			require.NoError(t, watching.Wait(), "%s", p.logged)
		}
	}
	require.Equal(t, fmt.Sprint(runs*each), p.metric("etlportal_http_event_streams"))
	close(crowded)
	require.NoError(t, hold.Commit(ctx))
	require.NoError(t, watching.Wait(), "%s", p.logged)

	// Those who come when all is over, anew or again, are told, too.
	late := make([]*spectator, 0, 2*runs)
	coming, came := errgroup.WithContext(ctx)
	for i := range ids {
		before := crowd[i*each]
		late = append(late, &spectator{url: before.url},
			&spectator{url: before.url, last: before.last, seq: before.seq, logs: slices.Clip(before.logs)})
	}
	for _, s := range late {
		coming.Go(func() error { return s.follow(came, client, func() error { return nil }) })
	}
	require.NoError(t, coming.Wait(), "%s", p.logged)

	for i, id := range ids {
		run := p.call(http.MethodGet, "/api/v1/job-runs/"+id, nil, http.StatusOK)
		require.Equal(t, "COMPLETED", run["status"], "%v", run)
		require.Equal(t, []any{"fan-out", float64(rows), float64(rows - i), float64(i), 0.}, []any{run["path"], run["rows_read"], run["rows_loaded"], run["rows_filtered"], run["rows_rejected"]})
		require.Greater(t, run["chunks_total"], 1.)
		require.Equal(t, run["chunks_total"], run["chunks_done"])
		require.Equal(t, []string{fmt.Sprintf("%d|%d|%d", rows-i, i, rows-1)}, tables.rows(fmt.Sprintf("SELECT count(*), min(id), max(id) FROM crowd_%d", i)))
		var entries []float64
		for _, e := range p.call(http.MethodGet, "/api/v1/job-runs/"+id+"/logs?limit=100", nil, http.StatusOK)["items"].([]any) {
			entries = append(entries, e.(map[string]any)["id"].(float64))
		}
		require.NotEmpty(t, entries)
		for _, s := range append(crowd[i*each:(i+1)*each:(i+1)*each], late[2*i:2*i+2]...) {
			require.Equal(t, run, s.done)
			require.Equal(t, entries, s.logs)
			require.Equal(t, s.cuts, s.connections > 1)
		}
	}
}

// metric is the value of a metric without labels.
func (p *server) metric(name string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+"/metrics", http.NoBody)
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	_, after, found := strings.Cut(string(text), "\n"+name+" ")
	require.True(p.t, found, "%s", text)
	value, _, _ := strings.Cut(after, "\n")
	return value
}
