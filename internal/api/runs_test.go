package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

func (l *lab) job(file string, change map[string]any) string {
	l.t.Helper()
	credential := l.get("/credentials").want(http.StatusOK)
	var id int64
	if len(credential.at("items").([]any)) == 0 {
		id = l.credential()
	} else {
		id = int64(credential.number("items", 0, "id"))
	}
	return fmt.Sprint(int(l.post("/jobs", jobBody(file, id, change)).want(http.StatusCreated).number("id")))
}

func (l *lab) execute(job string, headers ...string) string {
	l.t.Helper()
	return fmt.Sprint(int(l.post("/jobs/execute/"+job, nil, headers...).want(http.StatusAccepted).number("job_run_id")))
}

type event struct {
	name, id string
	data     map[string]any
}

// follow reads a run's events up to the end of the stream.
func (l *lab) follow(ctx context.Context, run, lastID string) ([]event, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/api/v1/job-runs/"+run+"/stream", http.NoBody)
	if err != nil {
		return nil, err
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		return nil, fmt.Errorf("content type %s", kind)
	}
	var events []event
	var e event
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				return nil, err
			}
		case "":
			if e.name != "" {
				events = append(events, e)
			}
			e = event{}
		}
	}
	return events, lines.Err()
}

func TestRun(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	job := l.job(l.file(orders(500)), map[string]any{"load_strategy": "UPSERT", "upsert_keys": []string{"id"}})
	run := l.execute(job, "Idempotency-Key", "once")
	pending := l.get("/job-runs/" + run).want(http.StatusOK)
	require.Equal(t, "PENDING", pending.string("status"))
	again := l.post("/jobs/execute/"+job, map[string]any{}, "Idempotency-Key", "once").want(http.StatusAccepted)
	require.Equal(t, run, fmt.Sprint(int(again.number("job_run_id"))))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	other := l.file(orders(500))
	require.Equal(t, "idempotency_conflict", l.post("/jobs/execute/"+job, map[string]any{"file_id": other}, "Idempotency-Key", "once").want(http.StatusConflict).problem())
	foreign := l.file("a,b\n1,2\n3,4\n")
	require.Equal(t, "unknown_column", l.post("/jobs/execute/"+job, map[string]any{"file_id": foreign}).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "run_state", l.post("/job-runs/"+run+"/retry", nil).want(http.StatusConflict).problem())
	require.Equal(t, "in_use", l.send(http.MethodDelete, "/jobs/"+job, nil).want(http.StatusConflict).problem())

	const clients = 20
	var wait sync.WaitGroup
	streams := make([][]event, clients)
	errs := make([]error, clients)
	for i := range clients {
		wait.Go(func() { streams[i], errs[i] = l.follow(t.Context(), run, "") })
	}
	l.serve()
	wait.Wait()
	got := l.get("/job-runs/" + run).want(http.StatusOK)
	require.Equal(t, "COMPLETED", got.string("status"), got.text)
	require.InDelta(t, 100, got.number("progress_percentage"), 0)
	for _, key := range []string{"rows_read", "rows_loaded", "rows_inserted"} {
		require.InDelta(t, 500, got.number(key), 0, key)
	}
	for i, events := range streams {
		require.NoError(t, errs[i])
		last := events[len(events)-1]
		require.Equal(t, "done", last.name)
		require.Equal(t, got.body, last.data, "the same numbers as GET")
		before := map[string]bool{}
		for _, e := range events {
			before[e.name] = true
		}
		require.True(t, before["progress"] && before["log"], events)
	}
	var rows int
	require.NoError(t, l.target.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&rows))
	require.Equal(t, 500, rows)

	// Who comes back has missed nothing, and is told nothing twice.
	events := streams[0]
	half := events[len(events)/2]
	rest, err := l.follow(t.Context(), run, half.id)
	require.NoError(t, err)
	require.Equal(t, "done", rest[len(rest)-1].name)
	require.Less(t, len(rest), len(events)+1)
	last, err := l.follow(t.Context(), run, events[len(events)-1].id)
	require.NoError(t, err)
	require.Len(t, last, 1)
	odd, err := l.follow(t.Context(), run, "nonsense")
	require.NoError(t, err)
	require.Equal(t, "done", odd[len(odd)-1].name)

	logs := l.get("/job-runs/" + run + "/logs").want(http.StatusOK)
	require.NotEmpty(t, logs.at("items"))
	list := l.get("/job-runs?status=COMPLETED&job_id=" + job).want(http.StatusOK)
	require.Len(t, list.at("items"), 1)
	require.Equal(t, "run_state", l.post("/job-runs/"+run+"/cancel", nil).want(http.StatusConflict).problem())
	l.send(http.MethodDelete, "/job-runs/"+run, nil).want(http.StatusNoContent)
	require.Equal(t, "not_found", l.get("/job-runs/"+run).want(http.StatusNotFound).problem())
}

func TestCancelledRun(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	run := l.execute(l.job(l.file(orders(10)), nil))
	require.Equal(t, "CANCELLED", l.post("/job-runs/"+run+"/cancel", nil).want(http.StatusOK).string("status"))
	events, err := l.follow(t.Context(), run, "")
	require.NoError(t, err)
	require.Equal(t, "done", events[len(events)-1].name)
	audits, err := l.store.Audits(t.Context(), etl.AuditFilter{Object: "run", ObjectID: run}, etl.Page{})
	require.NoError(t, err)
	require.Len(t, audits.Items, 1)
	require.Contains(t, string(audits.Items[0].Before), "PENDING")
	require.Contains(t, string(audits.Items[0].After), "CANCELLED")
}

func TestRejects(t *testing.T) {
	l := newLab(t)
	l.database(`CREATE TABLE orders (id int PRIMARY KEY, note text, amount numeric(6,2))`)
	file := "id,note,amount\n1,ok,1.50\n2,=cmd|x,oops\n3,\"@SUM(A1)\",-\n4,-5,nope\n5,+1+2,12x\n6,fine,7\n"
	job := l.job(l.file(file), map[string]any{"on_bad_row": map[string]any{"mode": "skip"}, "column_mappings": []map[string]any{
		{"source": "id", "destination": "id"}, {"source": "note", "destination": "note"}, {"source": "amount", "destination": "amount", "type": "numeric(6,2)", "null_values": []string{"-"}},
	}})
	run := l.execute(job)
	l.serve()
	events, err := l.follow(t.Context(), run, "")
	require.NoError(t, err)
	require.Equal(t, "COMPLETED", events[len(events)-1].data["status"], events[len(events)-1].data)
	r := l.get("/job-runs/" + run + "/rejects").want(http.StatusOK)
	require.Len(t, r.at("items"), 3)
	require.InDelta(t, 3, r.number("items", 0, "line"), 0)
	require.Equal(t, "amount", r.string("items", 0, "column"))
	require.Equal(t, "oops", r.string("items", 0, "value"))
	require.InDelta(t, 3, r.number("groups", 0, "count"), 0)
	page := l.get("/job-runs/" + run + "/rejects?limit=2").want(http.StatusOK)
	next := l.get("/job-runs/" + run + "/rejects?limit=2&cursor=" + page.string("next_cursor")).want(http.StatusOK)
	require.Len(t, next.at("items"), 1)
	require.Empty(t, l.get("/job-runs/"+run+"/rejects?code=none").want(http.StatusOK).at("items"))
	csv := l.get("/job-runs/" + run + "/rejects?format=csv").want(http.StatusOK)
	require.Equal(t, `attachment; filename="rejects-run-`+run+`.csv"`, csv.header.Get("Content-Disposition"))
	lines := strings.Split(csv.text, "\n")
	require.Equal(t, "id,note,amount,_line,_column,_reason", lines[0])
	require.True(t, strings.HasPrefix(lines[1], "2,'=cmd|x,oops,3,amount,"), lines[1])
	require.True(t, strings.HasPrefix(lines[2], "4,-5,nope,5,amount,"), "a number is no formula: %s", lines[2])
	require.True(t, strings.HasPrefix(lines[3], "5,'+1+2,12x,6,amount,"), lines[3])
}
