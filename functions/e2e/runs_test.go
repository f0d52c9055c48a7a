package e2e_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// wide rows make a large file of few rows: two parts, eight chunks of 8 MiB.
	wideRows, wide = 66_000, 1000
	// narrow is a file of two chunks.
	narrowRows, narrow = 20_000, 1000
)

// table makes a table in the warehouse.
func (d *deployment) table(t *testing.T, name string) {
	t.Helper()
	query[string](t, d.warehouse, "CREATE TABLE "+name+" (id bigint NOT NULL, customer text NOT NULL, amount numeric(12,2), day date, note text)")
}

// job makes a job over a file, in chunks as small as they may be.
func (c *client) job(t *testing.T, file, table string, credential int64) int64 {
	t.Helper()
	return c.post(t, http.StatusCreated, "/jobs", map[string]any{
		"name": "load " + table, "file_id": file, "credential_id": credential, "table": table, "batch_size": 1000,
	}).number(t, "id")
}

func (c *client) execute(t *testing.T, job int64) int64 {
	t.Helper()
	return c.post(t, http.StatusAccepted, fmt.Sprintf("/jobs/execute/%d", job), nil).number(t, "job_run_id")
}

// follow reads a run's events, coming back where the stream ends, as a browser
// does behind a gateway that buffers. It gives what `done` says.
func (c *client) follow(t *testing.T, run int64) (done map[string]any, seen []string) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		r := c.get(t, fmt.Sprintf("/job-runs/%d/stream", run), "Last-Event-ID", last)
		require.Contains(t, r.header.Get("Content-Type"), "text/event-stream")
		require.Contains(t, r.text, "retry: ")
		name := ""
		lines := bufio.NewScanner(strings.NewReader(r.text))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "event":
				name = value
				seen = append(seen, name)
			case "id":
				last = value
			case "data":
				if name == "done" {
					require.NoError(t, json.Unmarshal([]byte(value), &done))
					return done, seen
				}
			}
		}
		require.NoError(t, lines.Err())
	}
	t.Fatalf("run %d is not done", run)
	return nil, nil
}

// completed follows a run to its end and compares the warehouse with the file.
func (c *client) completed(t *testing.T, run int64, table string, want int) {
	t.Helper()
	done, seen := c.follow(t, run)
	require.Equal(t, "COMPLETED", done["status"], done)
	for _, name := range []string{"rows_read", "rows_loaded", "rows_inserted"} {
		assert.EqualValues(t, want, done[name], name)
	}
	assert.Contains(t, seen, "progress")
	c.exactly(t, table, want)
}

// exactly checks that a table has rows 1 to n, each once.
func (c *client) exactly(t *testing.T, table string, n int) {
	t.Helper()
	assert.Equal(t, []string{fmt.Sprintf("%d %d %d", n, n, n*(n+1)/2)},
		query[string](t, c.warehouse, "SELECT concat_ws(' ', count(*), count(DISTINCT id), sum(id)) FROM "+table))
}

// standing waits until so many loaders stand still in the middle of their chunks.
func standing(t *testing.T, g *gate, n int) {
	t.Helper()
	for range n {
		select {
		case <-g.stuck:
		case <-time.After(patience):
			t.Fatalf("no %d loaders came to their chunks' rows", n)
		}
	}
}

func (d *deployment) fanOut(t *testing.T) {
	c := d.admin()
	g := newGate(t, d.warehouse)
	d.table(t, "fanned")
	content := rows(wideRows, wide)
	file := c.file(t, "wide.csv", content)
	metadata := c.profiled(t, file)
	assert.EqualValues(t, wideRows, metadata.body["row_count"], metadata.text)
	job := c.job(t, file, "fanned", c.credential(t, "fanned", g))
	g.close()
	run := c.execute(t, job)
	// Several loaders are at it at the same time: processes of their own, chunks of their own.
	standing(t, g, 3)
	pids, chunks := map[int]bool{}, map[int]bool{}
	for _, l := range d.loaders(t, run) {
		pids[l.pid], chunks[l.chunk] = true, true
	}
	assert.GreaterOrEqual(t, len(pids), 3)
	assert.GreaterOrEqual(t, len(chunks), 3)
	g.open()
	c.completed(t, run, "fanned", wideRows)
}

func (d *deployment) rejects(t *testing.T) {
	c := d.admin()
	d.table(t, "mixed")
	file := c.file(t, "mixed.csv", []byte("id,customer,amount,day,note\n1,Ada,1.5,2024-01-01,a\n2,Bo,2.5,2024-01-02,b\n3,Cy,3.5,2024-02-31,c\n4,Di,4.5,2024-01-04,d\n"))
	job := c.post(t, http.StatusCreated, "/jobs", map[string]any{
		"name": "mixed", "file_id": file, "credential_id": c.credential(t, "mixed", newGate(t, d.warehouse)), "table": "mixed",
		"on_bad_row": map[string]any{"mode": "skip"},
	}).number(t, "id")
	run := c.execute(t, job)
	done, _ := c.follow(t, run)
	require.Equal(t, "COMPLETED", done["status"], done)
	assert.EqualValues(t, 3, done["rows_loaded"])
	assert.EqualValues(t, 1, done["rows_rejected"])
	r := c.get(t, fmt.Sprintf("/job-runs/%d/rejects?format=csv", run))
	assert.Contains(t, r.header.Get("Content-Type"), "text/csv")
	read, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(r.text, "\ufeff"))).ReadAll()
	require.NoError(t, err, r.text)
	require.Len(t, read, 2, r.text)
	assert.Contains(t, strings.Join(read[1], "|"), "2024-02-31")
}

func (d *deployment) cancelled(t *testing.T) {
	c := d.admin()
	g := newGate(t, d.warehouse)
	d.table(t, "given_up")
	file := c.file(t, "cancelled.csv", rows(narrowRows, narrow))
	job := c.job(t, file, "given_up", c.credential(t, "given_up", g))
	g.close()
	run := c.execute(t, job)
	standing(t, g, 1)
	c.post(t, http.StatusOK, fmt.Sprintf("/job-runs/%d/cancel", run), nil)
	g.open()
	done, _ := c.follow(t, run)
	assert.Equal(t, "CANCELLED", done["status"], done)
	assert.Equal(t, []int64{0}, query[int64](t, d.warehouse, "SELECT count(*) FROM given_up"))
}

// killed starts a run and kills a loader in the middle of its chunk; the rest,
// for later, waits for the run's end: who sees that the loader is gone is the
// reconciler, which the rule wakes every minute.
func (d *deployment) killed(t *testing.T) func(*testing.T) {
	t.Helper()
	c := d.admin()
	g := newGate(t, d.warehouse)
	d.table(t, "survived")
	file := c.file(t, "killed.csv", rows(narrowRows, narrow))
	job := c.job(t, file, "survived", c.credential(t, "survived", g))
	g.close()
	run := c.execute(t, job)
	standing(t, g, 1)
	victims := d.loaders(t, run)
	require.NotEmpty(t, victims)
	require.NoError(t, syscall.Kill(victims[0].pid, syscall.SIGKILL))
	g.open()
	return func(t *testing.T) {
		t.Helper()
		c.completed(t, run, "survived", narrowRows)
		claims := query[int64](t, d.portal, "SELECT max(attempt)::bigint FROM run_chunks WHERE run_id = "+strconv.FormatInt(run, 10))
		assert.Greater(t, claims[0], int64(1), "a chunk was claimed again")
	}
}
