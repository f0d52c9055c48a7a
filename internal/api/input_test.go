package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What no operation takes, whatever it is for.
func TestBadRequests(t *testing.T) {
	l := newLab(t)
	upload := "/sources/csv/uploads"
	for _, tc := range []struct {
		name, method, path string
		body               any
		headers            []string
		status             int
		code               string
	}{
		{"no body", "POST", upload, nil, nil, 400, "missing_body"},
		{"empty body", "POST", upload, "", nil, 400, "missing_body"},
		{"wrong JSON", "POST", upload, `{"filename": "a.csv", "size": 5`, nil, 400, "bad_json"},
		{"two values", "POST", upload, `{"filename": "a.csv", "size": 5} {}`, nil, 400, "bad_json"},
		{"a list", "POST", upload, `[1]`, nil, 422, "bad_value"},
		{"null", "POST", upload, `null`, nil, 422, "bad_value"},
		{"unknown field", "POST", upload, `{"filename": "a.csv", "size": 5, "siez": 6}`, nil, 422, "unknown_field"},
		{"field in other case", "POST", upload, `{"Filename": "a.csv", "size": 5}`, nil, 422, "unknown_field"},
		{"missing field", "POST", upload, `{"filename": "a.csv"}`, nil, 422, "missing_field"},
		{"wrong type", "POST", upload, `{"filename": 7, "size": 5}`, nil, 422, "bad_value"},
		{"text for a number", "POST", upload, `{"filename": "a.csv", "size": "5"}`, nil, 422, "bad_value"},
		{"fraction", "POST", upload, `{"filename": "a.csv", "size": 5.5}`, nil, 422, "bad_value"},
		{"1e400", "POST", upload, `{"filename": "a.csv", "size": 1e400}`, nil, 400, "bad_json"},
		{"1e300", "POST", upload, `{"filename": "a.csv", "size": 1e300}`, nil, 422, "bad_value"},
		{"over 64 bits", "POST", upload, `{"filename": "a.csv", "size": 9223372036854775808}`, nil, 422, "bad_value"},
		{"negative size", "POST", upload, `{"filename": "a.csv", "size": -1}`, nil, 422, "bad_size"},
		{"size 0", "POST", upload, `{"filename": "a.csv", "size": 0}`, nil, 422, "empty_file"},
		{"size too large", "POST", upload, `{"filename": "a.csv", "size": 99999999999999}`, nil, 413, "file_too_large"},
		{"text of 10 MB", "POST", upload, `{"filename": "` + strings.Repeat("x", 10<<20) + `", "size": 5}`, nil, 413, "too_large"},
		{"text of 2 KB", "POST", upload, `{"filename": "` + strings.Repeat("x", 2<<10) + `", "size": 5}`, nil, 422, "bad_value"},
		{"NUL in a text", "POST", upload, `{"filename": "a\u0000.csv", "size": 5}`, nil, 400, "bad_json"},
		{"NUL in a field name", "POST", upload, `{"filename": "a.csv", "size": 5, "a\u0000": 1}`, nil, 400, "bad_json"},
		{"invalid UTF-8", "POST", upload, []byte("{\"filename\": \"a\xff.csv\", \"size\": 5}"), nil, 400, "bad_json"},
		{"UTF-16", "POST", upload, []byte("{\x00\"\x00"), nil, 400, "bad_json"},
		{"nested 100,000 deep", "POST", upload, strings.Repeat("[", 100000), nil, 400, "bad_json"},
		{"wrong content type", "POST", upload, `{"filename": "a.csv", "size": 5}`, []string{"Content-Type", "text/plain"}, 415, "unsupported_media"},
		{"form", "POST", upload, "filename=a.csv", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media"},
		{"broken content type", "POST", upload, `{"filename": "a.csv", "size": 5}`, []string{"Content-Type", ";;;"}, 415, "unsupported_media"},
		{"id text", "GET", "/jobs/abc", nil, nil, 422, "bad_id"},
		{"id negative", "GET", "/jobs/-1", nil, nil, 422, "bad_id"},
		{"id 0", "GET", "/jobs/0", nil, nil, 422, "bad_id"},
		{"id fraction", "GET", "/jobs/1.5", nil, nil, 422, "bad_id"},
		{"id huge", "GET", "/jobs/99999999999999999999", nil, nil, 422, "bad_id"},
		{"id missing", "GET", "/jobs/999999", nil, nil, 404, "not_found"},
		{"UUID text", "GET", "/sources/csv/abc/metadata", nil, nil, 422, "bad_id"},
		{"UUID missing", "GET", "/sources/csv/00000000-0000-4000-8000-000000000000/metadata", nil, nil, 404, "not_found"},
		{"unknown parameter", "GET", "/jobs?limt=5", nil, nil, 422, "unknown_parameter"},
		{"limit 0", "GET", "/jobs?limit=0", nil, nil, 422, "bad_parameter"},
		{"limit -1", "GET", "/jobs?limit=-1", nil, nil, 422, "bad_parameter"},
		{"limit 10^9", "GET", "/jobs?limit=1000000000", nil, nil, 422, "bad_parameter"},
		{"limit text", "GET", "/jobs?limit=many", nil, nil, 422, "bad_parameter"},
		{"cursor tampered", "GET", "/jobs?cursor=AAAAAAAAAAAAAAAA", nil, nil, 400, "bad_cursor"},
		{"cursor no base64", "GET", "/jobs?cursor=%00%ff", nil, nil, 400, "bad_cursor"},
		{"cursor long", "GET", "/jobs?cursor=" + strings.Repeat("A", 5000), nil, nil, 422, "bad_parameter"},
		{"status unknown", "GET", "/job-runs?status=DONE", nil, nil, 422, "bad_parameter"},
		{"offset negative", "GET", "/sources/csv/00000000-0000-4000-8000-000000000000/preview?offset=-1", nil, nil, 422, "bad_parameter"},
		{"preview of 10^6 rows", "GET", "/sources/csv/00000000-0000-4000-8000-000000000000/preview?limit=1000000", nil, nil, 422, "bad_parameter"},
		{"wrong method", "PATCH", "/jobs", nil, nil, 405, "method_not_allowed"},
		{"method of one's own", "BREW", "/jobs", nil, nil, 405, "method_not_allowed"},
		{"GET of what is POST", "GET", "/jobs/execute/5", nil, nil, 405, "method_not_allowed"},
		{"no such path", "GET", "/nope", nil, nil, 404, "no_such_path"},
		{"no such version", "GET", "//api/v2/jobs", nil, nil, 404, "no_such_path"},
		{"POST to the root", "POST", "//", nil, nil, 404, "no_such_path"},
		{"dots", "GET", "/jobs/../me", nil, nil, 404, "no_such_path"},
		{"encoded dots", "GET", "/jobs/%2e%2e/me", nil, nil, 404, "no_such_path"},
		{"two slashes", "GET", "/jobs//1", nil, nil, 404, "no_such_path"},
		{"NUL in the path", "GET", "/jobs/%00", nil, nil, 404, "no_such_path"},
		{"execute of no job", "POST", "/jobs/execute/999", nil, nil, 404, "not_found"},
		{"execute with an unknown field", "POST", "/jobs/execute/999", `{"file": "x"}`, nil, 422, "unknown_field"},
		{"long idempotency key", "POST", "/jobs/execute/999", nil, []string{"Idempotency-Key", strings.Repeat("k", 300)}, 422, "bad_parameter"},
		{"part numbers none", "POST", upload + "/00000000-0000-4000-8000-000000000000/parts", `{"part_numbers": []}`, nil, 422, "bad_value"},
		{"part numbers 5,000", "POST", upload + "/00000000-0000-4000-8000-000000000000/parts", `{"part_numbers": [` + strings.Repeat("1,", 5000) + `1]}`, nil, 422, "bad_value"},
		{"part number huge", "POST", upload + "/00000000-0000-4000-8000-000000000000/parts", `{"part_numbers": [99999999999]}`, nil, 422, "bad_value"},
		{"cancel of no run", "POST", "/job-runs/999/cancel", nil, nil, 404, "not_found"},
		{"stream of no run", "GET", "/job-runs/999/stream", nil, nil, 404, "not_found"},
		{"logs of no run", "GET", "/job-runs/999/logs", nil, nil, 404, "not_found"},
		{"rejects of no run", "GET", "/job-runs/999/rejects", nil, nil, 404, "not_found"},
		{"reject file of no run", "GET", "/job-runs/999/rejects?format=csv", nil, nil, 404, "not_found"},
		{"reject file in another form", "GET", "/job-runs/999/rejects?format=xml", nil, nil, 422, "bad_parameter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.send(tc.method, tc.path, tc.body, tc.headers...)
			require.Equal(t, tc.status, r.status, r.text)
			require.Equal(t, tc.code, r.problem(), r.text)
			require.Less(t, len(r.text), 4<<10, "an answer does not repeat the request")
			if tc.status == http.StatusMethodNotAllowed {
				require.NotEmpty(t, r.header.Get("Allow"))
			}
		})
	}
	require.Empty(t, l.get("/sources/csv").want(http.StatusOK).at("items"), "nothing is stored")
	require.Contains(t, l.post(upload, `{"filename": "a.csv", "size": 5, "siez": 6}`).string("errors", 0, "location"), "siez", "the field is named")
	require.NotContains(t, l.log.String(), `"status":500`)
}

func TestSystem(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"//healthz", "//healthz/", "/healthz", "//readyz"} {
		require.Equal(t, "ok", l.get(path).want(http.StatusOK).string("status"))
	}
	l.get("/me").want(http.StatusOK)
	metrics := l.get("//metrics").want(http.StatusOK)
	require.Contains(t, metrics.text, `etlportal_http_requests_total{method="GET",route="/api/v1/me",status="200"} 1`)
	description := l.get("//openapi.json").want(http.StatusOK)
	require.Equal(t, "3.1.0", description.string("openapi"))
	docs := l.get("//docs").want(http.StatusOK)
	require.Equal(t, docs.text, l.get("//").want(http.StatusOK).text, "the root leads there")
	require.Contains(t, docs.header.Get("Content-Type"), "text/html")
	for _, file := range []string{"/docs/docs.js", "/docs/docs.css"} {
		require.Contains(t, docs.text, file)
		got := l.get("/" + file).want(http.StatusOK)
		require.NotContains(t, got.text, "http://")
		require.NotContains(t, got.text, "https://")
	}
	require.NotContains(t, docs.header.Get("Content-Security-Policy"), "unsafe")
	require.NotRegexp(t, `<script>|<style|style=|onclick|//[a-z]+\.[a-z]`, docs.text, "the page's policy forbids it")
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		require.Equal(t, want, docs.header.Get(name))
	}
	given := l.get("/me", "X-Request-Id", "abc-1").want(http.StatusOK)
	require.Equal(t, "abc-1", given.header.Get("X-Request-ID"))
	forged := l.get("/me", "X-Request-Id", `x","status":"200`).want(http.StatusOK)
	require.Regexp(t, `^[0-9a-f]{24}$`, forged.header.Get("X-Request-ID"))
	require.Contains(t, l.log.String(), `"request_id":"abc-1"`)
	require.NotContains(t, l.log.String(), "Authorization")
}
