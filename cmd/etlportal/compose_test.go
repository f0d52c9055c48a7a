package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

const checkout = "../.."

// composed is docker-compose.yml with all profiles, as the compose library
// reads it: checked by the specification's schema, with the values of env.
func composed(t *testing.T, env map[string]string) (*types.Project, error) {
	t.Helper()
	dir, err := filepath.Abs(checkout)
	require.NoError(t, err)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, Environment: env, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}},
	}, loader.WithProfiles([]string{"*"}), func(o *loader.Options) { o.SetProjectName("etlportal", true) })
}

func deskSettings(t *testing.T) map[string]string {
	t.Helper()
	env, err := dotenv.Read(filepath.Join(checkout, ".env.example"))
	require.NoError(t, err)
	return env
}

func TestComposeFile(t *testing.T) {
	project, err := composed(t, deskSettings(t))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"postgres", "localstack", "portal", "airflow"}, project.ServiceNames())
	for name, s := range project.Services {
		t.Run(name, func(t *testing.T) {
			if s.Build == nil {
				require.Regexp(t, `^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?(@sha256:[0-9a-f]{64})?$`, s.Image, "an exact version")
			}
			require.NotNil(t, s.HealthCheck)
			require.False(t, s.HealthCheck.Disable)
			require.Equal(t, "CMD", s.HealthCheck.Test[0], "no shell is needed")
			require.Positive(t, *s.HealthCheck.Interval)
			require.Positive(t, *s.HealthCheck.Timeout)
			require.Positive(t, *s.HealthCheck.Retries)
			for on, d := range s.DependsOn {
				require.Equal(t, types.ServiceConditionHealthy, d.Condition, on)
			}
			require.NotEmpty(t, s.Ports)
			for _, p := range s.Ports {
				require.Equal(t, "127.0.0.1", p.HostIP, "nothing is open to other machines")
			}
			require.False(t, s.Privileged)
			require.NotEmpty(t, s.Volumes)
			for _, v := range s.Volumes {
				if v.Type == types.VolumeTypeVolume {
					require.Contains(t, project.Volumes, v.Source)
					continue
				}
				require.FileExists(t, v.Source, "what is mounted exists")
				require.NotContains(t, v.Source, "docker.sock", "a container that has the socket has the machine")
			}
		})
	}
	require.Len(t, project.Volumes, 4)
	require.Equal(t, types.DependsOnConfig{
		"postgres": {Condition: types.ServiceConditionHealthy, Required: true}, "localstack": {Condition: types.ServiceConditionHealthy, Required: true},
	}, project.Services["portal"].DependsOn)
	require.Equal(t, []string{"airflow"}, project.Services["airflow"].Profiles)

	portal := project.Services["portal"]
	require.True(t, portal.ReadOnly)
	require.Equal(t, []string{"ALL"}, portal.CapDrop)
	require.Contains(t, portal.SecurityOpt, "no-new-privileges:true")
	require.Equal(t, "true", *portal.Environment["ETLPORTAL_REQUIRE_TOKEN"], "it listens to the containers' network")
	require.Greater(t, time.Duration(*portal.StopGracePeriod), 20*time.Second, "ETLPORTAL_DRAIN")
}

// What is secret stands in .env alone: without it nothing starts, and the
// message names what is missing.
func TestComposeFileHoldsNoSecrets(t *testing.T) {
	for name := range deskSettings(t) {
		env := deskSettings(t)
		delete(env, name)
		_, err := composed(t, env)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, ".env.example")
	}
	text, err := os.ReadFile(filepath.Join(checkout, "docker-compose.yml"))
	require.NoError(t, err)
	for name, value := range deskSettings(t) {
		require.NotRegexp(t, `(?i)(password|key): *["']?`+regexp.QuoteMeta(value), string(text), name)
	}
}

// directive is what an instruction of the Dockerfile's last stage says.
func directive(t *testing.T, instruction string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, "Dockerfile"))
	require.NoError(t, err)
	stage := string(text[strings.LastIndex(string(text), "\nFROM "):])
	line := regexp.MustCompile(`(?m)^` + instruction + ` .*?\[(.*)\]$`).FindStringSubmatch(stage)
	require.NotNil(t, line, instruction)
	var words []string
	for word := range strings.SplitSeq(line[1], ",") {
		words = append(words, strings.Trim(word, ` "`))
	}
	return words
}

func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(checkout, "Dockerfile"))
	require.NoError(t, err)
	stages := regexp.MustCompile(`(?m)^FROM (?:--platform=(\S+) )?(\S+)`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, stages, 3)
	for _, s := range stages[:2] {
		require.Regexp(t, `^\w+:\d+\.\d+\.\d+-`, s[2], "an exact version")
		require.Equal(t, "$BUILDPLATFORM", s[1], "an image for another processor is compiled on this one's")
	}
	require.Equal(t, []string{"", "gcr.io/distroless/static-debian12:nonroot"}, stages[2][1:])
	require.Regexp(t, `(?m)^ARG TARGETARCH\nRUN GOOS=linux GOARCH="\$TARGETARCH" make build `, string(text))
	require.Regexp(t, `(?m)^USER 65532:65532$`, string(text))
	module, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	require.NoError(t, err)
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	require.Equal(t, "golang:"+string(wanted[1]), stages[1][2][:len("golang:")+len(wanted[1])], "the Go that go.mod asks for")

	project, err := composed(t, deskSettings(t))
	require.NoError(t, err)
	portal := project.Services["portal"]
	require.Equal(t, directive(t, "HEALTHCHECK"), []string(portal.HealthCheck.Test[1:]))
	require.Equal(t, directive(t, "CMD"), []string(portal.Command))
	require.Equal(t, directive(t, "ENTRYPOINT"), directive(t, "HEALTHCHECK")[:1])
	require.Equal(t, directive(t, "VOLUME")[0], portal.Volumes[0].Target)
}

// Every command and healthcheck of the file runs as a process, with the names of
// the containers' network replaced by addresses of this machine. Airflow's alone
// do not: it is a program of its own, and its DAGs have tests.
func TestComposeCommandsAsProcesses(t *testing.T) {
	project, err := composed(t, deskSettings(t))
	require.NoError(t, err)

	// PostgreSQL, as the image prepares it.
	settings := project.Services["postgres"]
	require.Equal(t, types.ShellCommand{"postgres", "-c", "max_connections=200"}, settings.Command)
	database := etltest.PostgresServer(t, map[string]string{"max_connections": "200"})
	at, err := url.Parse(database.URL)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), database.URL)
	require.NoError(t, err)
	owner := settings.Environment
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, *owner["POSTGRES_USER"], *owner["POSTGRES_PASSWORD"]))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, *owner["POSTGRES_DB"], *owner["POSTGRES_USER"]))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	check(t, settings.HealthCheck, "5432", at.Port(), nil)

	// LocalStack.
	stack := etltest.LocalStack(t)
	s3, err := url.Parse(stack.Endpoint)
	require.NoError(t, err)
	check(t, project.Services["localstack"].HealthCheck, "4566", s3.Port(), nil)

	// The portal.
	portal := project.Services["portal"]
	port := freePort(t)
	names := strings.NewReplacer("postgres:5432", at.Host, "http://localstack:4566", stack.Endpoint, "http://localhost:4566", stack.Endpoint, "0.0.0.0:8080", "0.0.0.0:"+port)
	env := []string{"ETLPORTAL_DATA_DIR=" + dataDir(t)}
	for name, value := range portal.Environment {
		require.NotNil(t, value, name)
		env = append(env, name+"="+names.Replace(*value))
	}
	path, err := binary()
	require.NoError(t, err)
	require.Equal(t, []string{"/etlportal"}, directive(t, "ENTRYPOINT"))
	serve := exec.Command(path, portal.Command...)
	logged := &record{}
	serve.Env, serve.Stderr = cleanEnvironment(env...), logged
	out, err := serve.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, serve.Start())
	exited := make(chan error, 1)
	t.Cleanup(func() { _ = serve.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s", logged)
	require.Contains(t, line, "ready at http://127.0.0.1:"+port)
	go func() { exited <- serve.Wait() }()
	check(t, portal.HealthCheck, "/etlportal", path, cleanEnvironment(env...))

	require.Equal(t, http.StatusUnauthorized, status(t, port, "", ""))
	made := admin(t, env, "token", "create", "--name", "desk", "--role", "admin")
	require.Equal(t, exitDone, made.code, made.err)
	token := regexp.MustCompile(`etlp_\S+`).FindString(made.out)
	require.NotEmpty(t, token)
	require.Equal(t, http.StatusOK, status(t, port, token, ""))
	require.Equal(t, http.StatusOK, status(t, port, token, "portal:"+port), "Airflow reaches it by the service's name")
	require.NotEqual(t, http.StatusOK, status(t, port, token, "elsewhere.example:"+port))

	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-exited:
		require.NoError(t, err, "%s", logged)
	case <-time.After(time.Duration(*portal.StopGracePeriod)):
		require.Fail(t, "the portal outlives its grace", "%s", logged)
	}
}

// check runs a healthcheck's command with one of its words' parts replaced.
func check(t *testing.T, h *types.HealthCheckConfig, from, to string, env []string) {
	t.Helper()
	words := slices.Clone([]string(h.Test[1:]))
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], from, to)
	}
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%v: %s", words, out)
}

// status asks the portal who the caller is.
func status(t *testing.T, port, token, host string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/api/v1/me", http.NoBody)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}
