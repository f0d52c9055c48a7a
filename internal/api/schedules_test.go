package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/schedule"
)

func TestSchedules(t *testing.T) {
	l := newLab(t)
	l.portal.Schedules = &schedule.Engine{Store: l.store}
	l.database(itemsTable)
	job := l.job(l.file(itemsFile), map[string]any{"name": "nightly", "table": "items", "column_mappings": mapping("id", "id")})
	path := fmt.Sprint("/schedules?job_id=", job)
	made := l.post(path, map[string]any{"cron_expression": " 30 2 * * MON-FRI ", "timezone": "Europe/Berlin"}).want(http.StatusCreated)
	id := fmt.Sprint(int(made.number("id")))
	for key, want := range map[string]any{
		"job_name": "nightly", "cron_expression": "30 2 * * MON-FRI", "timezone": "Europe/Berlin", "enabled": true, "engine": "native", "overlap_policy": "skip",
		"catch_up_policy": "none", "catch_up_max": 10.0, "jitter_seconds": 0.0, "start_at": nil, "end_at": nil, "last_run_at": nil, "last_run": nil,
		"last_outcome": "", "state": "active", "state_reason": "", "version": 1.0,
	} {
		require.Equal(t, want, made.at(key), key)
	}
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	next, err := time.Parse(time.RFC3339, made.string("next_run_at"))
	require.NoError(t, err)
	require.True(t, next.After(time.Now()))
	require.Equal(t, made.text, l.get("/schedules/"+id).want(http.StatusOK).text)

	// Changes, by version.
	body := map[string]any{"cron_expression": "@hourly", "overlap_policy": "queue", "catch_up_policy": "all", "catch_up_max": 3, "jitter_seconds": 60, "enabled": false, "end_at": "2999-01-01T00:00:00Z"}
	l.send("PUT", "/schedules/"+id, body, "If-Match", `"7"`).want(http.StatusPreconditionFailed)
	changed := l.send("PUT", "/schedules/"+id, body, "If-Match", `"1"`).want(http.StatusOK)
	require.Equal(t, false, changed.at("enabled"))
	require.Nil(t, changed.at("next_run_at"))
	require.Equal(t, "UTC", changed.string("timezone"), "a PUT replaces all of it")
	on := l.post("/schedules/"+id+"/enable", nil).want(http.StatusOK)
	require.NotNil(t, on.at("next_run_at"))
	require.InDelta(t, 3, on.number("version"), 0)
	require.InDelta(t, 3, l.post("/schedules/"+id+"/enable", nil).want(http.StatusOK).number("version"), 0, "it is on already")
	summary := l.get("/summary").want(http.StatusOK)
	require.Equal(t, "nightly", summary.string("next_schedules", 0, "job_name"))
	require.Equal(t, "@hourly", summary.string("next_schedules", 0, "cron_expression"))
	l.post("/schedules/"+id+"/disable", nil).want(http.StatusOK)
	require.Empty(t, l.get("/summary").want(http.StatusOK).at("next_schedules"))

	// Lists.
	l.post(path, map[string]any{"cron_expression": "* * * * *"}).want(http.StatusCreated)
	require.Len(t, l.get("/schedules").want(http.StatusOK).at("items"), 2)
	require.Len(t, l.get("/schedules?enabled=false").want(http.StatusOK).at("items"), 1)
	require.Empty(t, l.get("/schedules?job_id=999").want(http.StatusOK).at("items"))
	first := l.get("/schedules?limit=1").want(http.StatusOK)
	require.Len(t, l.get("/schedules?limit=1&cursor="+first.string("next_cursor")).want(http.StatusOK).at("items"), 1)

	// The next times, as if it were on, by two clocks.
	times := l.get("/schedules/" + id + "/next?count=3&timezone=Asia/Kolkata").want(http.StatusOK)
	require.Len(t, times.at("next"), 3)
	require.Contains(t, times.string("next", 0, "local"), ":30:00+05:30")
	require.Equal(t, "UTC", l.get("/schedules/"+id+"/next").want(http.StatusOK).string("timezone"))

	// A job does not go while something would run it.
	refused := l.send("DELETE", fmt.Sprint("/jobs/", job), nil).want(http.StatusConflict)
	require.Equal(t, "in_use", refused.problem())
	require.Contains(t, refused.string("detail"), "schedules "+id+", ")
	for _, item := range l.get("/schedules").at("items").([]any) {
		l.send("DELETE", fmt.Sprint("/schedules/", item.(map[string]any)["id"]), nil).want(http.StatusNoContent)
	}
	l.send("DELETE", fmt.Sprint("/jobs/", job), nil).want(http.StatusNoContent)
	l.post(path, map[string]any{"cron_expression": "* * * * *"}).want(http.StatusNotFound)
}

func TestSchedulePreview(t *testing.T) {
	l := newLab(t)
	good := l.post("/schedules/preview", map[string]any{"cron_expression": "*/5 * * * *", "timezone": "America/New_York", "count": 4}).want(http.StatusOK)
	require.Equal(t, true, good.at("valid"))
	require.Len(t, good.at("next"), 4)
	require.Empty(t, good.at("errors"))
	require.InDelta(t, 300, good.number("shortest_interval_seconds"), 0)
	require.Nil(t, good.at("average_run_seconds"))
	require.Len(t, l.post("/schedules/preview", map[string]any{"cron_expression": "0 0 29 2 *", "count": 1}).want(http.StatusOK).at("next"), 1)
	bad := l.post("/schedules/preview", map[string]any{"cron_expression": "61 * * JANUARY *", "timezone": "Europe/Atlantis"}).want(http.StatusOK)
	require.Equal(t, false, bad.at("valid"))
	require.Empty(t, bad.at("next"))
	for i, field := range []string{"minute", "month", "timezone"} {
		require.Equal(t, field, bad.string("errors", i, "field"))
		require.NotEmpty(t, bad.string("errors", i, "fix"))
	}
	require.InDelta(t, 7, bad.number("errors", 1, "position"), 0)
}

func TestScheduleMistakes(t *testing.T) {
	l := newLab(t)
	l.portal.Schedules = &schedule.Engine{Store: l.store}
	l.database(itemsTable)
	job := fmt.Sprint("/schedules?job_id=", l.job(l.file(itemsFile), map[string]any{"name": "j", "table": "items", "column_mappings": mapping("id", "id")}))
	for _, tc := range []struct {
		name, path, body string
		status           int
		code, says       string
	}{
		{"no job", "/schedules", `{"cron_expression": "* * * * *"}`, 422, "missing_field", "job_id"},
		{"job that there is not", "/schedules?job_id=999", `{"cron_expression": "* * * * *"}`, 404, "not_found", "job 999"},
		{"no expression", job, `{}`, 422, "missing_field", "cron_expression"},
		{"seconds", job, `{"cron_expression": "0 0 * * * *"}`, 422, "bad_cron", "seconds"},
		{"two fields wrong", job, `{"cron_expression": "61 25 * * *"}`, 422, "bad_cron", "hour: there is no hour 25"},
		{"31 February", job, `{"cron_expression": "0 0 31 2 *"}`, 422, "bad_cron", "no chosen month"},
		{"zone", job, `{"cron_expression": "* * * * *", "timezone": "Europe/Atlantis"}`, 422, "bad_timezone", "Europe/Atlantis"},
		{"the server's zone", job, `{"cron_expression": "* * * * *", "timezone": "Local"}`, 422, "bad_timezone", ""},
		{"a file as zone", job, `{"cron_expression": "* * * * *", "timezone": "../../etc/passwd"}`, 422, "bad_timezone", ""},
		{"ends first", job, `{"cron_expression": "* * * * *", "start_at": "2999-01-02T00:00:00Z", "end_at": "2999-01-01T00:00:00Z"}`, 422, "bad_bounds", "before it begins"},
		{"over", job, `{"cron_expression": "* * * * *", "end_at": "2001-01-01T00:00:00Z"}`, 422, "bad_bounds", "ended already"},
		{"never", job, `{"cron_expression": "0 0 1 1 *", "start_at": "2999-02-01T00:00:00Z", "end_at": "2999-03-01T00:00:00Z"}`, 422, "bad_bounds", "no time"},
		{"jitter", job, `{"cron_expression": "* * * * *", "jitter_seconds": 86401}`, 422, "bad_value", "jitter_seconds"},
		{"negative jitter", job, `{"cron_expression": "* * * * *", "jitter_seconds": -1}`, 422, "bad_value", "jitter_seconds"},
		{"overlap", job, `{"cron_expression": "* * * * *", "overlap_policy": "kill"}`, 422, "bad_value", "overlap_policy"},
		{"catch up too much", job, `{"cron_expression": "* * * * *", "catch_up_max": 100000}`, 422, "bad_value", "catch_up_max"},
		{"long", job, `{"cron_expression": "` + strings.Repeat("1,", 300) + `1 * * * *"}`, 422, "bad_value", "cron_expression"},
		{"no Airflow", job, `{"cron_expression": "* * * * *", "engine": "airflow"}`, 422, "airflow_not_configured", "ETLPORTAL_AIRFLOW_URL"},
		{"unknown field", job, `{"cron_expression": "* * * * *", "cron": "x"}`, 422, "unknown_field", "cron"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.post(tc.path, tc.body)
			require.Equal(t, tc.status, r.status, r.text)
			require.Equal(t, tc.code, r.problem(), r.text)
			require.Contains(t, r.text, tc.says)
		})
	}
	require.Empty(t, l.get("/schedules").want(http.StatusOK).at("items"))
	l.get("/schedules/9").want(http.StatusNotFound)
	l.post("/schedules/9/enable", nil).want(http.StatusNotFound)
	l.send("DELETE", "/schedules/9", nil).want(http.StatusNotFound)
	l.get("/schedules/9/next?count=1000").want(http.StatusUnprocessableEntity)
}
