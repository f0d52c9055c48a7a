package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummary(t *testing.T) {
	l := newLab(t)
	l.database(itemsTable)
	empty := l.get("/summary").want(http.StatusOK)
	require.Nil(t, empty.at("reject_rate"))
	require.Len(t, empty.at("throughput"), 24)
	require.Len(t, empty.at("days"), 14)
	waiting := l.execute(l.job(l.file(itemsFile), map[string]any{"name": "waits", "table": "items", "column_mappings": mapping("id", "id")}))
	pending := l.get("/summary").want(http.StatusOK)
	require.InDelta(t, 1, pending.number("runs_pending"), 0)
	require.NotNil(t, pending.at("oldest_pending_since"))
	require.InDelta(t, 1, pending.number("queue", "waiting"), 0, pending.text)
	l.serve()
	require.Equal(t, "COMPLETED", l.followed(waiting).string("status"))
	failed := l.execute(l.job(l.file(itemsFile), map[string]any{"name": "fails", "table": "items", "column_mappings": mapping("id", "id")}))
	require.Equal(t, "FAILED", l.followed(failed).string("status"))
	_, err := l.target.Exec(t.Context(), `TRUNCATE items`)
	require.NoError(t, err)
	l.itemsRun(nil)

	r := l.get("/summary?hours=48&days=3&timezone=Pacific/Auckland").want(http.StatusOK)
	for key, want := range map[string]float64{"runs_failed": 1, "runs_completed": 2, "runs_cancelled": 0, "rows_read": 10, "rows_loaded": 7, "rows_rejected": 3, "reject_rate": 0.3, "runs_pending": 0, "bucket_seconds": 7200} {
		require.InDelta(t, want, r.number(key), 1e-9, "%s in %s", key, r.text)
	}
	require.Equal(t, failed, fmt.Sprint(int(r.number("failing_runs", 0, "id"))))
	require.Len(t, r.at("days"), 3)
	require.Len(t, r.at("recent_files"), 3)
	var loaded float64
	for i := range r.at("throughput").([]any) {
		loaded += r.number("throughput", i, "rows_loaded")
	}
	require.InDelta(t, 7, loaded, 0)
	require.Len(t, l.get("/job-runs?status=FAILED&since="+r.string("since")).want(http.StatusOK).at("items"), 1)
	require.Empty(t, l.get("/job-runs?until="+r.string("since")).want(http.StatusOK).at("items"))
	require.Equal(t, "bad_timezone", l.get("/summary?timezone=Nowhere").want(http.StatusUnprocessableEntity).problem())

	jobs := l.get("/jobs?status=FAILED").want(http.StatusOK)
	require.Len(t, jobs.at("items"), 1)
	require.Equal(t, "fails", jobs.string("items", 0, "name"))
	require.Equal(t, "FAILED", jobs.string("items", 0, "recent_runs", 0, "status"))
	require.Len(t, l.get("/jobs?q=ORDERS").want(http.StatusOK).at("items"), 1)
	require.Empty(t, l.get("/jobs?q=public").want(http.StatusOK).at("items"))
	require.Empty(t, l.get("/jobs?status=NEVER").want(http.StatusOK).at("items"))
	credential := fmt.Sprint(int(jobs.number("items", 0, "credential_id")))
	require.Len(t, l.get("/jobs?credential_id="+credential).want(http.StatusOK).at("items"), 3)
	file := jobs.string("items", 0, "file_id")
	require.Len(t, l.get("/jobs?file_id="+file).want(http.StatusOK).at("items"), 1)
	patched := l.send(http.MethodPatch, "/sources/csv/"+file, map[string]any{"timezone": "Europe/Berlin"}).want(http.StatusOK)
	require.Equal(t, "fails", patched.string("affected_jobs", 0, "name"))
}

func TestChunksAndLogs(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	run := l.execute(l.job(l.file(orders(50)), nil))
	require.Empty(t, l.get("/job-runs/"+run+"/chunks").want(http.StatusOK).at("items"))
	l.serve()
	require.Equal(t, "COMPLETED", l.followed(run).string("status"))
	r := l.get("/job-runs/" + run + "/chunks").want(http.StatusOK)
	require.InDelta(t, 50, r.number("items", 0, "rows_loaded"), 0)
	require.InDelta(t, 1, r.number("loaded"), 0)
	require.Equal(t, "not_found", l.get("/job-runs/999/chunks").want(http.StatusNotFound).problem())

	at := "/job-runs/" + run + "/logs"
	all := l.get(at).want(http.StatusOK)
	n := len(all.at("items").([]any))
	require.Greater(t, n, 2)
	last := l.get(at + "?tail=true&limit=2").want(http.StatusOK)
	require.Equal(t, true, last.at("earlier"))
	require.Equal(t, false, last.at("later"))
	require.Equal(t, all.at("items", n-1), last.at("items", 1))
	before := l.get(fmt.Sprintf("%s?before=%d", at, int(last.number("items", 0, "id")))).want(http.StatusOK)
	require.Len(t, before.at("items"), n-2)
	require.Equal(t, []any{false, true}, []any{before.at("earlier"), before.at("later")})
	after := l.get(fmt.Sprintf("%s?after=%d&limit=1", at, int(all.number("items", 0, "id")))).want(http.StatusOK)
	require.Equal(t, all.at("items", 1), after.at("items", 0))
	require.Equal(t, true, after.at("later"))
	require.Empty(t, l.get(at+"?level=error").want(http.StatusOK).at("items"))
	require.Empty(t, l.get(at+"?level=error&tail=true").want(http.StatusOK).at("items"))
	require.Equal(t, "bad_parameter", l.get(at+"?tail=true&after=1").want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "not_found", l.get("/job-runs/999/logs?tail=true").want(http.StatusNotFound).problem())
}

func TestChangesOfAJob(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	file, credential := l.file(orders(10)), l.credential()
	at := "/jobs/" + fmt.Sprint(int(l.post("/jobs", jobBody(file, credential, nil)).want(http.StatusCreated).number("id")))
	columns := append(mapping("id", "id", "customer", "customer"), map[string]any{"source": "amount", "destination": "amount", "expression": "value * 2"})
	l.send(http.MethodPut, at, jobBody(file, credential, map[string]any{"filter": "id > 1", "column_mappings": columns})).want(http.StatusOK)
	r := l.get(at + "/versions/2/changes").want(http.StatusOK)
	require.Len(t, r.at("fields"), 1, r.text)
	require.Equal(t, []any{"filter", nil, "id > 1"}, []any{r.at("fields", 0, "field"), r.at("fields", 0, "before"), r.at("fields", 0, "after")})
	require.Len(t, r.at("columns"), 2, r.text)
	require.Equal(t, map[string]any{"destination": "amount", "change": "changed", "fields": []any{map[string]any{"field": "expression", "before": nil, "after": "value * 2"}}}, r.at("columns", 0))
	require.Equal(t, []any{"day", "removed"}, []any{r.at("columns", 1, "destination"), r.at("columns", 1, "change")})
	back := l.get(at + "/versions/1/changes?from=2").want(http.StatusOK)
	require.Equal(t, "added", back.string("columns", 1, "change"), back.text)
	first := l.get(at + "/versions/1/changes").want(http.StatusOK)
	require.InDelta(t, 0, first.number("from_version"), 0)
	require.Len(t, first.at("columns"), 4)
	require.Equal(t, "not_found", l.get(at+"/versions/3/changes").want(http.StatusNotFound).problem())
}

func TestDrift(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	job := l.job(l.file(orders(10)), map[string]any{"column_mappings": append(mapping("id", "id", "customer", "customer"), map[string]any{"destination": "amount", "expression": "amount * 2"})})
	same := l.get("/jobs/" + job + "/drift?file_id=" + l.file(orders(20))).want(http.StatusOK)
	require.Equal(t, true, same.at("compatible"))
	for _, key := range []string{"missing", "added"} {
		require.Empty(t, same.at(key), same.text)
	}
	other := l.file("Customer,ID,price,day\nann,x1,1.5,2024-01-31\nbob,x2,2.5,2024-02-01\n")
	r := l.get("/jobs/" + job + "/drift?file_id=" + other).want(http.StatusOK)
	require.Equal(t, []any{false, true}, []any{r.at("compatible"), r.at("reordered")}, r.text)
	require.Equal(t, "mapping.columns[2].expression", r.string("problem", "location"))
	require.InDelta(t, 1, r.number("problem", "position", "column"), 0)
	require.Equal(t, "amount", r.string("missing", 0, "name"))
	require.Equal(t, "price", r.string("added", 0, "name"))
	require.Equal(t, []any{"ID", "integer", "text", true}, []any{r.at("changed", 0, "name"), r.at("changed", 0, "type_before"), r.at("changed", 0, "type"), r.at("changed", 0, "widened")}, r.text)
	require.Equal(t, []any{"id"}, r.at("changed", 0, "destinations"))
	require.Equal(t, "not_found", l.get("/jobs/99/drift?file_id="+other).want(http.StatusNotFound).problem())
	require.Equal(t, "missing_field", l.get("/jobs/"+job+"/drift").want(http.StatusUnprocessableEntity).problem())
}
