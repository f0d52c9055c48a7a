package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// followed follows a run to its end and gives it.
func (l *lab) followed(run string) *reply {
	l.t.Helper()
	_, err := l.follow(l.t.Context(), run, "")
	require.NoError(l.t, err)
	return l.get("/job-runs/" + run).want(http.StatusOK)
}

func (l *lab) rows(sql string) string {
	l.t.Helper()
	var text string
	require.NoError(l.t, l.target.QueryRow(l.t.Context(), sql).Scan(&text))
	return text
}

func runOf(r *reply) string { return fmt.Sprint(int(r.number("job_run_id"))) }

const (
	itemsTable = `CREATE TABLE items (id int PRIMARY KEY, note text, amount numeric(6,2), day date)`
	// The quotes around nothing are a text, and the date's form is one that few rows would not show.
	itemsFile = "id;note;amount;day\n1;ok;1,50;13.02.2024\n2;\"\";oops;01.02.2024\n3;\"a\nb\";x;02.02.2024\n4;;4,00;30.02.2024\n5;\"=1;2\";5,00;05.02.2024\n"
)

func (l *lab) itemsRun(change map[string]any) (job, run string) {
	l.t.Helper()
	body := map[string]any{
		"table": "items", "on_bad_row": map[string]any{"mode": "skip", "max_ratio": 0.7},
		"column_mappings": []map[string]any{
			{"source": "id", "destination": "id"},
			{"source": "note", "destination": "note"},
			{"source": "amount", "destination": "amount", "format": "1.234,56"},
			{"source": "day", "destination": "day", "format": "DD.MM.YYYY"},
		},
	}
	maps.Copy(body, change)
	job = l.job(l.file(itemsFile), body)
	run = l.execute(job)
	r := l.followed(run)
	require.Equal(l.t, "COMPLETED", r.string("status"), r.text)
	require.InDelta(l.t, 3, r.number("rows_rejected"), 0, r.text)
	return job, run
}

func mended(line int, fields ...any) map[string]any {
	return map[string]any{"line": line, "fields": fields}
}

func TestReload(t *testing.T) {
	l := newLab(t)
	l.database(itemsTable)
	l.serve()
	_, run := l.itemsRun(map[string]any{"load_strategy": "TRUNCATE_INSERT"})
	at := "/job-runs/" + run + "/rejects"
	list := l.get(at).want(http.StatusOK)
	require.Equal(t, []any{"id", "note", "amount", "day"}, list.at("columns"))
	require.InDelta(t, 2, list.number("items", 0, "field_index"), 0, "the cell is marked")
	require.InDelta(t, 3, list.number("items", 0, "source_line"), 0)

	for name, test := range map[string]struct {
		body     any
		status   int
		code, at string
	}{
		"no such row":     {[]any{mended(2, "1", "x", "1,00", "01.02.2024")}, 422, "unknown_reject", "body.rows[0].line"},
		"too few fields":  {[]any{mended(3, "2", "x")}, 422, "field_count", "body.rows[0].fields"},
		"the same twice":  {[]any{mended(3, "2", "", "1", "01.02.2024"), mended(3, "2", "", "1", "01.02.2024")}, 422, "duplicate_row", "body.rows[1].line"},
		"nothing at all":  {[]any{}, 422, "bad_value", "body.rows"},
		"no line of file": {[]any{mended(0, "1")}, 422, "bad_value", "body.rows[0].line"},
	} {
		r := l.post(at+"/reload", map[string]any{"rows": test.body}).want(test.status)
		require.Equal(t, test.code, r.problem(), name)
		require.Equal(t, test.at, r.string("errors", 0, "location"), name)
	}

	// Line 6 stays bad; line 3 keeps its empty text.
	body := map[string]any{"rows": []any{mended(6, "4", nil, "4,00", "31.02.2024"), mended(3, "2", "", "2,25", "01.02.2024")}}
	first := l.post(at+"/reload", body, "Idempotency-Key", "mend").want(http.StatusAccepted)
	require.InDelta(t, 2, first.number("rows"), 0)
	child := runOf(first)
	again := l.post(at+"/reload", body, "Idempotency-Key", "mend").want(http.StatusAccepted)
	require.Equal(t, child, runOf(again))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Len(t, l.get("/sources/csv").want(http.StatusOK).at("items"), 2, "no second file is made")
	r := l.followed(child)
	require.Equal(t, "COMPLETED", r.string("status"), r.text)
	require.Equal(t, run, fmt.Sprint(int(r.number("parent_run_id"))))
	require.InDelta(t, 1, r.number("rows_loaded"), 0, r.text)
	require.Equal(t, "2 1:ok 2: 5:=1;2", l.rows(`SELECT '2 ' || string_agg(id || ':' || note, ' ' ORDER BY id) FROM items`), "added, not replaced; the empty text stayed one")
	parent := l.get("/job-runs/" + run).want(http.StatusOK)
	require.Equal(t, child, fmt.Sprint(int(parent.number("child_runs", 0, "id"))))
	require.InDelta(t, 1, parent.number("child_runs", 0, "rows_rejected"), 0)
	require.Nil(t, parent.at("parent_run_id"))
	require.Len(t, l.get("/job-runs?parent_run_id="+run).want(http.StatusOK).at("items"), 1)

	// What is bad again is told with its line in the first file.
	bad := l.get("/job-runs/" + child + "/rejects").want(http.StatusOK)
	require.Len(t, bad.at("items"), 1)
	require.InDelta(t, 3, bad.number("items", 0, "line"), 0)
	require.InDelta(t, 6, bad.number("items", 0, "source_line"), 0)
	require.InDelta(t, r.number("id"), l.get(at).want(http.StatusOK).number("items", 0, "reloaded_by"), 0)
	twice := l.post(at+"/reload", map[string]any{"rows": []any{mended(3, "2", "", "2,25", "01.02.2024")}}).want(http.StatusConflict)
	require.Equal(t, "already_reloaded", twice.problem())
	require.Equal(t, "body.rows[0].line", twice.string("errors", 0, "location"))
	l.send(http.MethodDelete, "/job-runs/"+child, nil).want(http.StatusConflict)

	// Mended once more, through the child, by a file: the third row was left over.
	grandchild := l.post("/job-runs/"+child+"/rejects/reload", map[string]any{"rows": []any{mended(3, "4", nil, "4,00", "29.02.2024")}}).want(http.StatusAccepted)
	require.Equal(t, "COMPLETED", l.followed(runOf(grandchild)).string("status"))
	require.Equal(t, "2024-02-29 t", l.rows(`SELECT day || ' ' || (note IS NULL)::text::char(1) FROM items WHERE id = 4`))
	file := l.get(at + "?format=csv").want(http.StatusOK).text
	lines := strings.SplitAfter(file, "\n")
	require.Len(t, lines, 6, file)
	edited := lines[0] + strings.Replace(lines[2]+lines[3], ",x,", `,"7,75",`, 1)
	third := l.post(at+"/reload/csv", edited, "Content-Type", "text/csv").want(http.StatusAccepted)
	require.Equal(t, "COMPLETED", l.followed(runOf(third)).string("status"))
	require.Equal(t, "a\nb 7.75 2024-02-02", l.rows(`SELECT note || ' ' || amount || ' ' || day FROM items WHERE id = 3`))
	require.Equal(t, "unsupported_media", l.post(at+"/reload/csv", edited, "Content-Type", "text/plain").want(http.StatusUnsupportedMediaType).problem())
	require.Equal(t, "missing_column", l.post(at+"/reload/csv", "id,note\n1,2\n", "Content-Type", "text/csv").want(http.StatusUnprocessableEntity).problem())

	l.send(http.MethodDelete, "/job-runs/"+run, nil).want(http.StatusNoContent)
	require.Nil(t, l.get("/job-runs/"+child).want(http.StatusOK).at("parent_run_id"))
}

// A reload goes into the table as the run before left it, or nowhere.
func TestReloadOfWhatIsGone(t *testing.T) {
	l := newLab(t)
	l.database(itemsTable)
	job, run := "", ""
	l.serve()
	job, run = l.itemsRun(map[string]any{"load_strategy": "TRUNCATE_INSERT"})
	rows := map[string]any{"rows": []any{mended(3, "2", "", "2,25", "01.02.2024")}}
	require.Equal(t, "COMPLETED", l.followed(l.execute(job)).string("status"))
	require.Equal(t, "superseded", l.post("/job-runs/"+run+"/rejects/reload", rows).want(http.StatusConflict).problem())

	failing := l.job(l.file(itemsFile), map[string]any{"name": "strict", "table": "items", "column_mappings": mapping("id", "id")})
	failed := l.execute(failing)
	require.Equal(t, "FAILED", l.followed(failed).string("status"), "the ids are there already")
	r := l.post("/job-runs/"+failed+"/rejects/reload", rows).want(http.StatusConflict)
	require.Equal(t, "run_state", r.problem())
	require.Equal(t, "not_found", l.post("/job-runs/999/rejects/reload", rows).want(http.StatusNotFound).problem())
}

// A reload that failed loaded nothing: its rows can be loaded by another, and then not by it any more.
func TestReloadThatFails(t *testing.T) {
	l := newLab(t)
	l.database(itemsTable)
	l.serve()
	_, run := l.itemsRun(nil)
	_, err := l.target.Exec(t.Context(), `ALTER TABLE items RENAME TO elsewhere`)
	require.NoError(t, err)
	at := "/job-runs/" + run + "/rejects/reload"
	rows := map[string]any{"rows": []any{mended(3, "2", "", "2,25", "01.02.2024")}}
	lost := runOf(l.post(at, rows).want(http.StatusAccepted))
	require.Equal(t, "FAILED", l.followed(lost).string("status"))
	_, err = l.target.Exec(t.Context(), `ALTER TABLE elsewhere RENAME TO items`)
	require.NoError(t, err)
	found := runOf(l.post(at, rows).want(http.StatusAccepted))
	require.Equal(t, "COMPLETED", l.followed(found).string("status"))
	require.Equal(t, "already_reloaded", l.post("/job-runs/"+lost+"/retry", nil).want(http.StatusConflict).problem())
	require.Equal(t, "3", l.rows(`SELECT count(*)::text FROM items`))
	l.send(http.MethodDelete, "/job-runs/"+lost, nil).want(http.StatusNoContent)
}
