package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/local"
)

// patience is how long a test waits for what must come; it never waits that long in vain.
const patience = 90 * time.Second

// server is a portal that runs as a process of its own.
type server struct {
	t   *testing.T
	dir string
	// listen is the address that it is told.
	listen string
	url    string
	cmd    *exec.Cmd
	// logged is the standard error of all servers of the test, answers all that the API said.
	logged  *record
	answers *record
	token   string
	exited  chan error
}

// record is a buffer for several writers.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// dataDir is a directory that the user of PostgreSQL can pass through.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "etlportal-serve-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// cleanEnvironment is ours without the settings of a portal.
func cleanEnvironment(more ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !regexp.MustCompile(`^(ETLPORTAL_.*|OTEL_.*|S3_.*|AWS_.*|PG.*|DATABASE_URL|ENCRYPTION_KEY)$`).MatchString(name) {
			env = append(env, e)
		}
	}
	return append(env, more...)
}

// admin runs a command of the program and gives what it printed.
func admin(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnvironment(env...), &out, &errOut
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// serving starts a server on dir and waits until it says that it is ready.
func serving(t *testing.T, dir string, env ...string) *server {
	t.Helper()
	return servingAt(t, "127.0.0.1:0", dir, env...)
}

func servingAt(t *testing.T, listen, dir string, env ...string) *server {
	t.Helper()
	p := &server{t: t, dir: dir, listen: listen, logged: &record{}, answers: &record{}}
	p.start(env...)
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

func (p *server) start(env ...string) {
	p.t.Helper()
	path, err := binary()
	require.NoError(p.t, err)
	p.cmd = exec.Command(path, "serve", "--data-dir", p.dir, "--listen", p.listen, "--log-level", "debug")
	p.cmd.Env, p.cmd.Stderr = cleanEnvironment(env...), p.logged
	out, err := p.cmd.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, p.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	exited := make(chan error, 1)
	p.exited = exited
	cmd := p.cmd
	go func() { exited <- cmd.Wait(); close(exited) }()
	require.NoError(p.t, err, "%s", p.logged)
	found := regexp.MustCompile(`ready at (http://127\.0\.0\.1:\d+) `).FindStringSubmatch(line)
	require.NotNil(p.t, found, line)
	p.url = found[1]
}

// end sends a signal and gives the exit code once the process is gone.
func (p *server) end(s os.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("the server did not end\n%s", p.logged)
	}
	return p.cmd.ProcessState.ExitCode()
}

// call sends JSON (or a reader's bytes) and reads the JSON answer, which must have the status.
func (p *server) call(method, path string, body any, status int, headers ...string) map[string]any {
	p.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		reader = b
	default:
		text, err := json.Marshal(b)
		require.NoError(p.t, err)
		reader = bytes.NewReader(text)
		headers = append(headers, "Content-Type", "application/json")
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, reader)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err, "%s", p.logged)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	fmt.Fprintf(p.answers, "%s %s\n%v\n%s\n", method, path, response.Header, text)
	require.Equal(p.t, status, response.StatusCode, "%s %s: %s", method, path, text)
	var answer map[string]any
	if len(text) > 0 && strings.Contains(response.Header.Get("Content-Type"), "json") {
		require.NoError(p.t, json.Unmarshal(text, &answer), "%s", text)
	}
	return answer
}

// upload sends a file as a browser's form does.
func (p *server) upload(name, content string) string {
	p.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	require.NoError(p.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(p.t, err)
	require.NoError(p.t, w.Close())
	return p.call(http.MethodPost, "/api/v1/sources/csv/upload", &form, http.StatusCreated, "Content-Type", w.FormDataContentType())["file_id"].(string)
}

// uploadInParts puts a file into the object store by signed URLs, as a browser
// does; between is called once the first part has arrived.
func (p *server) uploadInParts(name, content string, between func()) string {
	p.t.Helper()
	begun := p.call(http.MethodPost, "/api/v1/sources/csv/uploads", map[string]any{"filename": name, "size": len(content)}, http.StatusCreated)
	at := "/api/v1/sources/csv/uploads/" + begun["file_id"].(string)
	size, count := int(begun["part_size"].(float64)), int(begun["part_count"].(float64))
	require.Greater(p.t, count, 1)
	numbers := make([]int, count)
	for i := range numbers {
		numbers[i] = i + 1
	}
	signed := p.call(http.MethodPost, at+"/parts", map[string]any{"part_numbers": numbers}, http.StatusOK)["urls"].([]any)
	parts := []any{}
	for i, u := range signed {
		part := u.(map[string]any)
		body := content[i*size : min((i+1)*size, len(content))]
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPut, part["url"].(string), strings.NewReader(body))
		require.NoError(p.t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(p.t, err)
		response.Body.Close()
		require.Equal(p.t, http.StatusOK, response.StatusCode)
		parts = append(parts, map[string]any{"part_number": part["part_number"], "etag": response.Header.Get("ETag")})
		if i == 0 {
			between()
			arrived := p.call(http.MethodGet, at+"/parts", nil, http.StatusOK)["parts"].([]any)
			require.Len(p.t, arrived, 1)
		}
	}
	return p.call(http.MethodPost, at+"/complete", map[string]any{"parts": parts}, http.StatusOK)["file_id"].(string)
}

// warehouse is the id of the ready-made credential.
func (p *server) warehouse() float64 {
	p.t.Helper()
	for _, item := range p.call(http.MethodGet, "/api/v1/credentials", nil, http.StatusOK)["items"].([]any) {
		if c := item.(map[string]any); c["name"] == warehouseName {
			return c["id"].(float64)
		}
	}
	p.t.Fatal("there is no local warehouse")
	return 0
}

func (p *server) execute(job map[string]any) (run string) {
	p.t.Helper()
	id := p.call(http.MethodPost, "/api/v1/jobs", job, http.StatusCreated)["id"].(float64)
	started := p.call(http.MethodPost, fmt.Sprintf("/api/v1/jobs/execute/%.0f", id), nil, http.StatusAccepted)
	return fmt.Sprintf("%.0f", started["job_run_id"].(float64))
}

// follow reads a run's events until one is enough, or the run is done, and gives the run.
func (p *server) follow(run string, enough func(run map[string]any) bool) map[string]any {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/job-runs/"+run+"/stream", http.NoBody)
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer response.Body.Close()
	require.Equal(p.t, http.StatusOK, response.StatusCode)
	lines := bufio.NewScanner(io.TeeReader(response.Body, p.answers))
	lines.Buffer(nil, 1<<20)
	event := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "data":
			if event == "log" {
				continue
			}
			var run map[string]any
			require.NoError(p.t, json.Unmarshal([]byte(value), &run))
			if event == "done" || enough(run) {
				return run
			}
		}
	}
	p.t.Fatalf("the stream ended without an end of the run: %v\n%s", lines.Err(), p.logged)
	return nil
}

func (p *server) finish(run string) map[string]any {
	p.t.Helper()
	return p.follow(run, func(map[string]any) bool { return false })
}

// query asks the local warehouse.
func (p *server) query(sql string) []string {
	p.t.Helper()
	o := admin(p.t, nil, "warehouse", "--data-dir", p.dir)
	require.Equal(p.t, exitDone, o.code, o.err)
	conn, err := pgx.Connect(p.t.Context(), strings.TrimSpace(o.out))
	require.NoError(p.t, err)
	defer conn.Close(context.Background())
	return (&database{t: p.t, conn: conn}).rows(sql)
}

// A newcomer's first minute, by the real program and HTTP alone.
func TestServe(t *testing.T) {
	p := serving(t, dataDir(t))
	p.call(http.MethodGet, "/healthz", nil, http.StatusOK)
	p.call(http.MethodGet, "/readyz", nil, http.StatusOK)
	p.call(http.MethodGet, "/metrics", nil, http.StatusOK)
	p.call(http.MethodGet, "/docs", nil, http.StatusOK)
	require.Equal(t, "owner", p.call(http.MethodGet, "/api/v1/me", nil, http.StatusOK)["kind"])

	file := p.upload("people.csv", "id,name,born\n1,Ada,1815-12-10\n2,Zoë,1990-01-02\nthree,Bob,1999-09-09\n")
	job := map[string]any{
		"name": "people", "file_id": file, "credential_id": p.warehouse(), "table": "people", "create_table": true, "on_bad_row": map[string]any{"mode": "skip"},
		"column_mappings": []any{
			map[string]any{"source": "id", "destination": "id", "type": "integer"},
			map[string]any{"source": "name", "destination": "name", "transformations": []any{map[string]any{"fn": "UPPER"}}},
			map[string]any{"source": "born", "destination": "born", "type": "date"},
		},
	}
	run := p.execute(job)
	done := p.finish(run)
	require.Equal(t, "COMPLETED", done["status"], "%v", done)
	require.Equal(t, []any{3., 2., 1.}, []any{done["rows_read"], done["rows_loaded"], done["rows_rejected"]})
	require.Equal(t, []string{"1|ADA|1815-12-10", "2|ZOË|1990-01-02"}, p.query("SELECT * FROM people ORDER BY id"))
	rejects := p.call(http.MethodGet, "/api/v1/job-runs/"+run+"/rejects", nil, http.StatusOK)["items"].([]any)
	require.InDelta(t, 4, rejects[0].(map[string]any)["line"], 0)

	// A second server on the same directory says whose it is.
	second := admin(t, nil, "serve", "--data-dir", p.dir, "--listen", "127.0.0.1:0")
	require.Equal(t, exitUsage, second.code)
	require.Contains(t, second.err, fmt.Sprintf("process %d", p.cmd.Process.Pid))
	require.Contains(t, second.err, p.url)
	taken := admin(t, nil, "serve", "--data-dir", dataDir(t), "--listen", strings.TrimPrefix(p.url, "http://"))
	require.Equal(t, exitUsage, taken.code)
	require.Contains(t, taken.err, "--listen")

	// What was there is there after a clean end and a start, and in a backup.
	require.Equal(t, exitDone, p.end(syscall.SIGTERM), "%s", p.logged)
	require.Contains(t, p.logged.String(), `"stopping"`)
	backup := dataDir(t)
	text, err := exec.Command("cp", "-a", p.dir+"/.", backup).CombinedOutput()
	require.NoError(t, err, "%s", text)
	require.NoError(t, os.RemoveAll(p.dir))
	p.dir = backup
	p.start()
	require.Equal(t, "COMPLETED", p.call(http.MethodGet, "/api/v1/job-runs/"+run, nil, http.StatusOK)["status"])
	require.Equal(t, []string{"2"}, p.query("SELECT count(*) FROM people"))
	require.Equal(t, "Zoë", p.call(http.MethodGet, "/api/v1/sources/csv/"+file+"/preview?offset=1&limit=1", nil, http.StatusOK)["rows"].([]any)[0].([]any)[1])
}

// A killed server's uploads and runs go on after the next start, each row once;
// one that is told to stop in the middle leaves its runs no worse.
func TestServeIsKilledWhileLoading(t *testing.T) {
	const rows, chunk = 160_000, 8 << 20
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s\n", i, strings.Repeat("x", 470))
	}
	require.Greater(t, b.Len(), 5*chunk)
	env := []string{"ETLPORTAL_CHUNK_SIZE=8MiB", "ETLPORTAL_WORKERS=1", "ETLPORTAL_HOLD=2s", "ETLPORTAL_DRAIN=0s"}
	p := serving(t, dataDir(t), env...)
	file := p.uploadInParts("big.csv", b.String(), func() {
		p.end(syscall.SIGKILL)
		p.start(env...)
	})
	run := p.execute(map[string]any{"name": "big", "file_id": file, "credential_id": p.warehouse(), "table": "big", "create_table": true})

	loaded := func(n float64) func(map[string]any) bool {
		return func(run map[string]any) bool { return run["chunks_done"].(float64) >= n }
	}
	for i, signal := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		at := p.follow(run, loaded(float64(i+1)))
		require.Equal(t, "RUNNING", at["status"], "%v", at)
		require.Less(t, at["chunks_done"], at["chunks_total"], "it was too fast to be interrupted")
		p.end(signal)
		p.start(env...)
	}
	done := p.finish(run)
	require.Equal(t, "COMPLETED", done["status"], "%v\n%s", done, p.logged)
	require.Equal(t, "fan-out", done["path"])
	require.InDelta(t, rows, done["rows_loaded"], 0)
	require.Equal(t, []string{fmt.Sprintf("%d|%d|0|%d", rows, rows, rows-1)}, p.query("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM big"))
	require.Equal(t, []string{}, p.query("SELECT relname FROM pg_class WHERE relname LIKE 'stage%' AND relkind = 'r'"))
}

// A database, an object store and a key of one's own replace what is embedded.
func TestServeOnServersOfOnesOwn(t *testing.T) {
	objects, err := local.StartBlobs(t.Context(), local.BlobsOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, objects.Stop()) })
	db, target := newDatabase(t), newDatabase(t)
	dir := dataDir(t)
	p := serving(t, dir, "DATABASE_URL="+db.url, "ENCRYPTION_KEY="+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)),
		"S3_ENDPOINT="+objects.Endpoint, "S3_BUCKET=mine", "S3_PREPARE=true", "AWS_REGION="+local.Region,
		"AWS_ACCESS_KEY_ID="+objects.AccessKey, "AWS_SECRET_ACCESS_KEY="+objects.SecretKey)
	require.Empty(t, p.call(http.MethodGet, "/api/v1/credentials", nil, http.StatusOK)["items"])
	at, err := url.Parse(target.url)
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	password, _ := at.User.Password()
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "own", "host": at.Hostname(), "port": port, "database": at.Path[1:], "username": at.User.Username(), "password": password,
	}, http.StatusCreated)["id"]
	file := p.upload("a.csv", "a,b\n1,x\n2,y\n")
	done := p.finish(p.execute(map[string]any{"name": "own", "file_id": file, "credential_id": credential, "table": "t", "create_table": true}))
	require.Equal(t, "COMPLETED", done["status"], "%v", done)
	require.Equal(t, []string{"1|x", "2|y"}, target.rows("SELECT * FROM t ORDER BY a"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "%v", left) // the lock
	require.Equal(t, exitUsage, admin(t, nil, "warehouse", "--data-dir", dir).code)
	require.Equal(t, exitDone, p.end(syscall.SIGTERM), "%s", p.logged)
}

// Whoever can be reached by others asks for tokens, or does not start.
func TestServeRefusesToBeOpen(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"} {
		o := admin(t, nil, "serve", "--data-dir", dataDir(t), "--listen", address)
		require.Equal(t, exitUsage, o.code, o.err)
		require.Contains(t, o.err, "ETLPORTAL_REQUIRE_TOKEN")
		require.Contains(t, o.err, "administrator")
	}
	o := admin(t, []string{"ETLPORTAL_WORKERS=many"}, "serve", "--data-dir", dataDir(t))
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "ETLPORTAL_WORKERS")
	o = admin(t, []string{"S3_ENDPOINT=http://127.0.0.1:1"}, "serve", "--data-dir", dataDir(t))
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "S3_BUCKET")
}

// Secrets are in no log, no answer of the API and no file but their own.
func TestServeKeepsSecrets(t *testing.T) {
	dir := dataDir(t)
	made := admin(t, nil, "token", "create", "--data-dir", dir, "--name", "canary", "--role", "admin", "--expires", "1d")
	require.Equal(t, exitDone, made.code, made.err)
	token := strings.TrimSpace(made.out)
	require.Regexp(t, `^etlp_\S{43}$`, token)
	require.NotContains(t, made.err, token)

	p := serving(t, dir, "ETLPORTAL_REQUIRE_TOKEN=true")
	p.call(http.MethodGet, "/api/v1/me", nil, http.StatusUnauthorized)
	p.token = "etlp_" + strings.Repeat("c", 43)
	p.call(http.MethodGet, "/api/v1/me", nil, http.StatusUnauthorized)
	p.token = token
	require.Equal(t, "admin", p.call(http.MethodGet, "/api/v1/me", nil, http.StatusOK)["role"])

	const password = "c4nary-pässword-\"'{}"
	credential := map[string]any{"name": "canary", "type": "postgresql", "host": "127.0.0.1", "port": 1, "database": "db", "username": "u", "password": password, "ssl_mode": "prefer"}
	id := p.call(http.MethodPost, "/api/v1/credentials", credential, http.StatusCreated)["id"].(float64)
	at := fmt.Sprintf("/api/v1/credentials/%.0f", id)
	p.call(http.MethodPost, at+"/test", nil, http.StatusOK)
	credential["port"] = 70000
	p.call(http.MethodPut, at, credential, http.StatusUnprocessableEntity)
	credential["port"], credential["host"] = 2, "localhost"
	p.call(http.MethodPut, at, credential, http.StatusOK)
	var warehouseAt string
	for _, path := range []string{"/credentials", at[len("/api/v1"):], "/tokens", "/me", "/jobs", "/job-runs", "/sources/csv"} {
		p.call(http.MethodGet, "/api/v1"+path, nil, http.StatusOK)
	}
	warehouseAt = fmt.Sprintf("/api/v1/destinations/%.0f/schemas", p.warehouse())
	p.call(http.MethodPost, warehouseAt, nil, http.StatusOK)
	p.call(http.MethodPost, fmt.Sprintf("/api/v1/destinations/%.0f/schemas", id), nil, http.StatusServiceUnavailable)

	old := keyMaterial(t, dir)
	rotated := admin(t, nil, "keys", "rotate", "--data-dir", dir)
	require.Equal(t, exitDone, rotated.code, rotated.err)
	require.Contains(t, rotated.out, "2 password(s)")
	// The running server reads with the new key.
	p.call(http.MethodPost, warehouseAt, nil, http.StatusOK)
	keys := slices.Concat(old, keyMaterial(t, dir))
	require.Greater(t, len(keys), len(old)+1)
	require.Equal(t, exitDone, p.end(syscall.SIGTERM), "%s", p.logged)

	w, err := readWarehouse(dir)
	require.NoError(t, err)
	said := p.logged.String() + p.answers.String() + made.err + rotated.out + rotated.err
	require.Contains(t, said, `"name":"canary"`)
	require.Contains(t, said, `"level":"DEBUG"`)
	mustNotHold(t, "logs and answers", said, append(keys, token, password, w.Password)...)
	mustNotHold(t, "logs and answers", said, string(mustJSON(t, password)))
	own := map[string][]string{keyFile: keys, warehouseFile: {w.Password}}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		name, _ := filepath.Rel(dir, path)
		secrets := []string{token, password}
		if _, home := own[name]; !home {
			secrets = append(append(secrets, keys...), w.Password)
		} else {
			info, err := d.Info()
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o077, name)
		}
		mustNotHold(t, name, string(content), secrets...)
		return nil
	}))
}

// keyMaterial are the keys of the key file.
func keyMaterial(t *testing.T, dir string) (keys []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`"value":\s*"([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		keys = append(keys, found[1])
	}
	require.NotEmpty(t, keys)
	return keys
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return bytes.Trim(text, `"`)
}

// mustNotHold fails without printing the secret's surroundings.
func mustNotHold(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for i, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s: holds secret %d (%.6s…)", where, i, secret)
		}
	}
}

func TestMigrateCommand(t *testing.T) {
	db := newDatabase(t)
	env := []string{"DATABASE_URL=" + db.url, "ETLPORTAL_DATA_DIR=" + t.TempDir()}
	pending := admin(t, env, "token", "create", "--name", "x", "--role", "viewer")
	require.Equal(t, exitUsage, pending.code)
	require.Contains(t, pending.err, "migrate up")
	for range 2 {
		up := admin(t, env, "migrate", "up")
		require.Equal(t, exitDone, up.code, up.err)
		require.NotContains(t, up.out, "pending")
	}
	status := admin(t, env, "migrate", "status")
	require.Contains(t, status.out, "applied")
	require.Equal(t, exitUsage, admin(t, env, "migrate", "down").code)
	for _, to := range []string{"1", "0"} {
		down := admin(t, env, "migrate", "down", "--to", to)
		require.Equal(t, exitDone, down.code, down.err)
		require.Contains(t, down.out, "pending")
	}
	require.NotContains(t, strings.Join(db.tables(), " "), "etl_jobs")
	require.NotContains(t, strings.Join(db.tables(), " "), "river.")
	up := admin(t, env, "migrate", "up")
	require.Equal(t, exitDone, up.code, up.err)
}

func TestOpenAPICommand(t *testing.T) {
	o := admin(t, nil, "openapi")
	require.Equal(t, exitDone, o.code, o.err)
	committed, err := os.ReadFile(filepath.Join("..", "..", "internal", "api", "openapi.yaml"))
	require.NoError(t, err)
	require.Equal(t, string(committed), o.out)
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"90d": "2026-07-30T12:00:00Z", "12h": "2026-05-02T00:00:00Z", "2027-12-31": "2028-01-01T00:00:00Z", "2027-01-02T03:04:05Z": "2027-01-02T03:04:05Z",
	} {
		at, err := expiry(text, now)
		require.NoError(t, err)
		require.Equal(t, want, at.Format(time.RFC3339))
	}
	for _, text := range []string{"never", ""} {
		at, err := expiry(text, now)
		require.NoError(t, err)
		require.Nil(t, at)
	}
	for _, text := range []string{"soon", "0d", "-1d", "-1h", "0s", "99999999d", "31.12.2027"} {
		_, err := expiry(text, now)
		require.Error(t, err, text)
	}
}
