package etltest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// API is a portal as its callers reach it: in one process, behind a gateway, deployed.
type API struct {
	// BaseURL is what comes before /api/v1, without a slash at the end.
	BaseURL string
	// Token is an administrator's. Without one nothing but /healthz answers.
	Token string
	// Destination is the URL of an empty PostgreSQL database, as the portal reaches it.
	Destination string
	// Patience is how long a run may take; 0 is a minute.
	Patience time.Duration
}

// APISuite checks what every portal's API promises, wherever it runs: health,
// refusals, an upload in parts, its profile, a credential, a job, a dry run, a
// run with its events, and its rejects.
func APISuite(t *testing.T, a API) {
	t.Helper()
	if a.Patience == 0 {
		a.Patience = time.Minute
	}
	s := &apiSuite{API: a}
	for _, step := range []struct {
		name string
		test func(*apiSuite, *testing.T)
	}{
		{"Health", (*apiSuite).health},
		{"NobodyWithoutAToken", (*apiSuite).nobody},
		{"NoSuchPath", (*apiSuite).noSuchPath},
		{"BadRequests", (*apiSuite).badRequests},
		{"UploadInParts", (*apiSuite).upload},
		{"DirectUpload", (*apiSuite).direct},
		{"Credential", (*apiSuite).connect},
		{"JobAndDryRun", (*apiSuite).makeJob},
		{"RunAndStream", (*apiSuite).run},
		{"Rejects", (*apiSuite).rejects},
	} {
		// Each step needs those before it.
		if !t.Run(step.name, func(t *testing.T) { step.test(s, t) }) {
			return
		}
	}
}

// apiSuite is what the steps have made so far.
type apiSuite struct {
	API

	file, credential, job, runID string
}

// apiReply is an answer.
type apiReply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	text   string
	body   map[string]any
}

// call sends a request; a body that is not bytes goes as JSON, headers are pairs.
func (s *apiSuite) call(t testing.TB, method, path string, body any, headers ...string) *apiReply {
	t.Helper()
	var content []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		content = b
	default:
		var err error
		if content, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := &apiReply{t: t, what: method + " " + path, status: response.StatusCode, header: response.Header, text: string(text)}
	// A gateway may name a type where there is no body.
	if len(text) > 0 && strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(text, &r.body); err != nil {
			t.Fatalf("%s: %v in %s", r.what, err, text)
		}
	}
	return r
}

func (r *apiReply) want(status int) *apiReply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: %d instead of %d: %s", r.what, r.status, status, r.text)
	}
	return r
}

// problem checks that the answer is a whole problem of that status and code.
func (r *apiReply) problem(status int, code string) {
	r.t.Helper()
	r.want(status)
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		r.t.Errorf("%s: a problem of type %q", r.what, kind)
	}
	for _, key := range []string{"type", "title", "detail", "code", "fix", "request_id", "errors", "status"} {
		if v, ok := r.body[key]; !ok || v == "" {
			r.t.Errorf("%s: a problem without %s: %s", r.what, key, r.text)
		}
	}
	if r.body["code"] != code || r.body["type"] != "urn:etlportal:error:"+code {
		r.t.Errorf("%s: code %v instead of %s: %s", r.what, r.body["code"], code, r.text)
	}
}

func (r *apiReply) string(key string) string {
	r.t.Helper()
	v, ok := r.body[key].(string)
	if !ok {
		r.t.Fatalf("%s: no text %s in %s", r.what, key, r.text)
	}
	return v
}

// id is a number of the answer as it stands in paths.
func (r *apiReply) id(key string) string {
	r.t.Helper()
	v, ok := r.body[key].(float64)
	if !ok {
		r.t.Fatalf("%s: no number %s in %s", r.what, key, r.text)
	}
	return strconv.FormatInt(int64(v), 10)
}

func (s *apiSuite) health(t *testing.T) {
	if status := s.call(t, http.MethodGet, "/healthz", nil, "Authorization", "").want(http.StatusOK).string("status"); status != "ok" {
		t.Errorf("status %q", status)
	}
	s.call(t, http.MethodGet, "/api/v1/healthz/", nil, "Authorization", "").want(http.StatusOK)
	s.call(t, http.MethodGet, "/readyz", nil).want(http.StatusOK)
	if role := s.call(t, http.MethodGet, "/api/v1/me", nil).want(http.StatusOK).string("role"); role != "admin" {
		t.Errorf("the token is not an administrator's but a %s's", role)
	}
}

func (s *apiSuite) nobody(t *testing.T) {
	for _, path := range []string{
		"/api/v1/me", "/api/v1/jobs", "/api/v1/job-runs", "/api/v1/job-runs/1/stream", "/api/v1/credentials", "/api/v1/sources/csv", "/api/v1/tokens",
		"/readyz", "/metrics", "/openapi.json", "/docs",
	} {
		s.call(t, http.MethodGet, path, nil, "Authorization", "").problem(http.StatusUnauthorized, "token_missing")
	}
	s.call(t, http.MethodPost, "/api/v1/sources/csv/uploads", map[string]any{"filename": "a.csv", "size": 1}, "Authorization", "").problem(http.StatusUnauthorized, "token_missing")
	for _, header := range []string{"Bearer etlp_" + strings.Repeat("x", 43), "Bearer etlp_x", "Basic YTpi"} {
		s.call(t, http.MethodGet, "/api/v1/me", nil, "Authorization", header).problem(http.StatusUnauthorized, "bad_token")
	}
	made := s.call(t, http.MethodPost, "/api/v1/tokens", map[string]any{"name": "viewer", "role": "viewer"}).want(http.StatusCreated)
	viewer := "Bearer " + made.string("token")
	if role := s.call(t, http.MethodGet, "/api/v1/me", nil, "Authorization", viewer).want(http.StatusOK).string("role"); role != "viewer" {
		t.Errorf("a viewer is %s", role)
	}
	s.call(t, http.MethodPost, "/api/v1/tokens", map[string]any{"name": "x", "role": "admin"}, "Authorization", viewer).problem(http.StatusForbidden, "role_required")
	s.call(t, http.MethodDelete, "/api/v1/tokens/"+made.id("id"), nil).want(http.StatusNoContent)
	s.call(t, http.MethodGet, "/api/v1/me", nil, "Authorization", viewer).problem(http.StatusUnauthorized, "bad_token")
}

func (s *apiSuite) noSuchPath(t *testing.T) {
	s.call(t, http.MethodGet, "/api/v1/nothing", nil).problem(http.StatusNotFound, "no_such_path")
	s.call(t, http.MethodGet, "/api/v1/jobs/999999999", nil).problem(http.StatusNotFound, "not_found")
	s.call(t, http.MethodPatch, "/api/v1/jobs", nil).problem(http.StatusMethodNotAllowed, "method_not_allowed")
}

func (s *apiSuite) badRequests(t *testing.T) {
	s.call(t, http.MethodPost, "/api/v1/jobs", []byte(`{"name":`)).want(http.StatusBadRequest)
	refused := s.call(t, http.MethodPost, "/api/v1/sources/csv/uploads", map[string]any{"filename": "a.csv", "size": 1, "colour": "red"}).want(http.StatusUnprocessableEntity)
	if places, _ := refused.body["errors"].([]any); len(places) != 1 || !strings.Contains(refused.text, "colour") {
		t.Errorf("a field that there is not is not named: %s", refused.text)
	}
	s.call(t, http.MethodPost, "/api/v1/jobs", []byte("a=b"), "Content-Type", "application/x-www-form-urlencoded").problem(http.StatusUnsupportedMediaType, "unsupported_media")
	if s.call(t, http.MethodGet, "/api/v1/jobs?limit=0", nil).status != http.StatusUnprocessableEntity {
		t.Error("a limit of 0 is taken")
	}
}

// suiteRows is a file of n rows; of every hundredth the amount is no number.
func suiteRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString("id,customer,amount,day\n")
	for i := range n {
		amount := fmt.Sprintf("%d.50", i)
		if i%100 == 99 {
			amount = "=1+1"
		}
		fmt.Fprintf(&b, "%d,\"Größe, %d\",%s,2024-01-%02d\n", i+1, i%7, amount, i%28+1)
	}
	return b.Bytes()
}

// suiteCount is how many rows the suite loads.
const suiteCount = 2000

func (s *apiSuite) upload(t *testing.T) {
	content := suiteRows(suiteCount)
	begun := s.call(t, http.MethodPost, "/api/v1/sources/csv/uploads", map[string]any{"filename": "orders & more.csv", "size": len(content)}).want(http.StatusCreated)
	s.file = begun.string("file_id")
	at := "/api/v1/sources/csv/uploads/" + s.file
	s.call(t, http.MethodPost, at+"/complete", nil).want(http.StatusConflict)
	signed := s.call(t, http.MethodPost, at+"/parts", map[string]any{"part_numbers": []int{1}}).want(http.StatusOK)
	var urls struct {
		URLs []struct {
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
		} `json:"urls"`
	}
	if err := json.Unmarshal([]byte(signed.text), &urls); err != nil || len(urls.URLs) != 1 {
		t.Fatalf("no URL in %s", signed.text)
	}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, urls.URLs[0].URL, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range urls.URLs[0].Headers {
		put.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the part is refused: %s", response.Status)
	}
	if arrived := s.call(t, http.MethodGet, at+"/parts", nil).want(http.StatusOK); !strings.Contains(arrived.text, `"part_number":1`) {
		t.Errorf("the part is not listed: %s", arrived.text)
	}
	s.call(t, http.MethodPost, at+"/complete", nil).want(http.StatusOK)
	s.call(t, http.MethodPost, at+"/complete", nil).want(http.StatusOK)
	s.until(t, "the profile", func() bool {
		meta := s.call(t, http.MethodGet, "/api/v1/sources/csv/"+s.file+"/metadata", nil).want(http.StatusOK)
		profile, _ := meta.body["profile"].(map[string]any)
		return profile["state"] == "complete"
	})
	preview := s.call(t, http.MethodGet, "/api/v1/sources/csv/"+s.file+"/preview?offset=1&limit=2", nil).want(http.StatusOK)
	if rows, _ := preview.body["rows"].([]any); len(rows) != 2 || !strings.Contains(preview.text, "Größe, 1") {
		t.Errorf("preview: %s", preview.text)
	}
}

func (s *apiSuite) direct(t *testing.T) {
	form := func(content []byte) ([]byte, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		part, err := w.CreateFormFile("file", "small.csv")
		if err == nil {
			_, err = part.Write(content)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes(), w.FormDataContentType()
	}
	body, kind := form([]byte("a,b\n1,\xe4\n2,\xf6\n")) // not UTF-8
	made := s.call(t, http.MethodPost, "/api/v1/sources/csv/upload", body, "Content-Type", kind).want(http.StatusCreated)
	s.call(t, http.MethodDelete, "/api/v1/sources/csv/"+made.string("file_id"), nil).want(http.StatusNoContent)
}

func (s *apiSuite) connect(t *testing.T) {
	at, err := url.Parse(s.Destination)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := at.User.Password()
	made := s.call(t, http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "postgresql", "host": at.Hostname(), "port": port, "database": strings.TrimPrefix(at.Path, "/"),
		"username": at.User.Username(), "password": password, "ssl_mode": "prefer",
	}).want(http.StatusCreated)
	s.credential = made.id("id")
	if password != "" && strings.Contains(made.text, `"`+password+`"`) {
		t.Error("the password is shown")
	}
	if tested := s.call(t, http.MethodPost, "/api/v1/credentials/"+s.credential+"/test", nil).want(http.StatusOK); tested.body["ok"] != true {
		t.Fatalf("the database cannot be reached: %s", tested.text)
	}
	s.call(t, http.MethodPost, "/api/v1/destinations/"+s.credential+"/schemas", nil).want(http.StatusOK)
}

func (s *apiSuite) makeJob(t *testing.T) {
	credential, err := strconv.Atoi(s.credential)
	if err != nil {
		t.Fatal(err)
	}
	var mappings []map[string]any
	for _, c := range [][2]string{{"id", "bigint"}, {"customer", "text"}, {"amount", "numeric(12,2)"}, {"day", "date"}} {
		mappings = append(mappings, map[string]any{"source": c[0], "destination": c[0], "type": c[1]})
	}
	body := map[string]any{
		"name": "orders", "file_id": s.file, "credential_id": credential, "table": "suite_orders", "create_table": true,
		"load_strategy": "UPSERT", "upsert_keys": []string{"id"}, "on_bad_row": map[string]any{"mode": "skip"}, "column_mappings": mappings,
	}
	made := s.call(t, http.MethodPost, "/api/v1/jobs", body).want(http.StatusCreated)
	s.job = made.id("id")
	s.call(t, http.MethodPost, "/api/v1/jobs", body).problem(http.StatusConflict, "duplicate_name")
	stale := made.header.Get("ETag")
	body["filter"] = "id > 0"
	s.call(t, http.MethodPut, "/api/v1/jobs/"+s.job, body, "If-Match", stale).want(http.StatusOK)
	s.call(t, http.MethodPut, "/api/v1/jobs/"+s.job, body, "If-Match", stale).problem(http.StatusPreconditionFailed, "version_conflict")
	trial := s.call(t, http.MethodPost, "/api/v1/jobs/"+s.job+"/dry-run", nil).want(http.StatusOK)
	counts, _ := trial.body["counts"].(map[string]any)
	if n, _ := counts["rows_rejected"].(float64); n == 0 {
		t.Errorf("the dry run finds no bad row: %s", trial.text)
	}
}

func (s *apiSuite) run(t *testing.T) {
	started := s.call(t, http.MethodPost, "/api/v1/jobs/execute/"+s.job, nil, "Idempotency-Key", "suite").want(http.StatusAccepted)
	s.runID = started.id("job_run_id")
	again := s.call(t, http.MethodPost, "/api/v1/jobs/execute/"+s.job, nil, "Idempotency-Key", "suite").want(http.StatusAccepted)
	if again.id("job_run_id") != s.runID {
		t.Error("the same key made another run")
	}
	last := s.follow(t)
	final := s.call(t, http.MethodGet, "/api/v1/job-runs/"+s.runID, nil).want(http.StatusOK)
	if final.body["status"] != "COMPLETED" {
		t.Fatalf("the run is not completed: %s", final.text)
	}
	const bad = suiteCount / 100
	for key, want := range map[string]float64{"rows_read": suiteCount, "rows_loaded": suiteCount - bad, "rows_rejected": bad, "rows_inserted": suiteCount - bad, "progress_percentage": 100} {
		if final.body[key] != want || last[key] != want {
			t.Errorf("%s is %v, and %v in the last event, instead of %v", key, final.body[key], last[key], want)
		}
	}
	conn, err := pgx.Connect(t.Context(), s.Destination)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var rows, ids int
	if err := conn.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT id) FROM suite_orders`).Scan(&rows, &ids); err != nil {
		t.Fatal(err)
	}
	if rows != suiteCount-bad || ids != rows {
		t.Errorf("%d rows with %d ids are in the table", rows, ids)
	}
	s.call(t, http.MethodPost, "/api/v1/job-runs/"+s.runID+"/cancel", nil).problem(http.StatusConflict, "run_state")
}

// follow reads the run's events to the end, as a browser does: where the stream
// ends before the run, it comes back with the last id. It gives the data of done.
func (s *apiSuite) follow(t *testing.T) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.Patience)
	defer cancel()
	seen := map[string]int{}
	var id string
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.BaseURL+"/api/v1/job-runs/"+s.runID+"/stream", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.Token)
		if id != "" {
			request.Header.Set("Last-Event-ID", id)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
			t.Fatalf("the stream answers %s, %q", response.Status, kind)
		}
		done := readEvents(t, response.Body, &id, seen)
		_ = response.Body.Close()
		if done != nil {
			for _, name := range []string{"progress", "log"} {
				if seen[name] == 0 {
					t.Errorf("the stream had no event %s", name)
				}
			}
			return done
		}
	}
	t.Fatalf("the run did not end in %s; events seen: %v", s.Patience, seen)
	return nil
}

// readEvents reads a stream to its end; nil: it had no done. An event that comes
// with an id that was seen before is an error.
func readEvents(t *testing.T, r io.Reader, id *string, seen map[string]int) (done map[string]any) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var name, data string
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "event":
			name = value
		case "id":
			*id = value
		case "data":
			data = value
		case "":
			if name == "log" {
				if seen[data]++; seen[data] > 1 {
					t.Errorf("an entry of the log came twice: %s", data)
				}
			}
			if name != "" {
				seen[name]++
			}
			if name == "done" {
				if err := json.Unmarshal([]byte(data), &done); err != nil {
					t.Fatal(err)
				}
			}
			name, data = "", ""
		}
	}
	return done
}

func (s *apiSuite) rejects(t *testing.T) {
	const bad = suiteCount / 100
	r := s.call(t, http.MethodGet, "/api/v1/job-runs/"+s.runID+"/rejects?limit=5", nil).want(http.StatusOK)
	items, _ := r.body["items"].([]any)
	if len(items) != 5 {
		t.Fatalf("rejects: %s", r.text)
	}
	first, _ := items[0].(map[string]any)
	if first["line"] != float64(101) || first["column"] != "amount" || first["value"] != "=1+1" {
		t.Errorf("the first reject is %v", first)
	}
	next := s.call(t, http.MethodGet, "/api/v1/job-runs/"+s.runID+"/rejects?limit=1000&cursor="+url.QueryEscape(r.string("next_cursor")), nil).want(http.StatusOK)
	if more, _ := next.body["items"].([]any); len(more) != bad-5 {
		t.Errorf("%d rejects follow the first 5, not %d", len(more), bad-5)
	}
	csv := s.call(t, http.MethodGet, "/api/v1/job-runs/"+s.runID+"/rejects?format=csv", nil).want(http.StatusOK)
	if lines := strings.Count(csv.text, "\n"); lines != bad+1 || !strings.Contains(csv.text, "'=1+1") || !strings.Contains(csv.text, "Größe") {
		t.Errorf("the rejects' file has %d lines: %.300s", lines, csv.text)
	}
	if logs := s.call(t, http.MethodGet, "/api/v1/job-runs/"+s.runID+"/logs", nil).want(http.StatusOK); !strings.Contains(logs.text, `"items":[{`) {
		t.Errorf("the run has no log: %s", logs.text)
	}
}

// until waits for a condition.
func (s *apiSuite) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.NewTimer(s.Patience)
	defer end.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-end.C:
			t.Fatalf("%s does not happen in %s", what, s.Patience)
		case <-look.C:
		}
	}
}
