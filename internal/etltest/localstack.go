package etltest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// LocalStackInfo is how to reach a LocalStack: every service at one endpoint,
// S3 by path-style addresses (no name of LocalStack needs to resolve).
type LocalStackInfo struct {
	// Endpoint is http://127.0.0.1:PORT.
	Endpoint string
	Region   string
	// AccessKey and SecretKey are LocalStack's own; it checks presigned URLs with them.
	AccessKey, SecretKey string
	// Dir holds its data, the unpacked functions and its log, localstack.log.
	Dir string
}

const localStackStart = 90 * time.Second

var localStack = sync.OnceValues(startLocalStack)

// LocalStack gives a LocalStack 4.14.0 whose Lambda functions run as processes.
// A test binary starts one, which ends with it, however it ends; its data go
// then too. Tests share it: name queues, buckets and keys after the test.
//
// Its first use on a machine installs it (scripts/localstack.sh, a minute). The
// test fails where that is impossible, saying what is missing.
func LocalStack(t testing.TB) LocalStackInfo {
	t.Helper()
	info, err := localStack()
	if err != nil {
		t.Fatalf("start LocalStack: %v", err)
	}
	return info
}

func startLocalStack() (LocalStackInfo, error) {
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // the file is what is asked for
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	install := exec.CommandContext(context.Background(), filepath.Join(root, "scripts", "localstack.sh"))
	var stderr strings.Builder
	install.Stderr = &stderr
	out, err := install.Output()
	if err != nil {
		return LocalStackInfo{}, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	dir, err := os.MkdirTemp("", "etlportal-localstack-")
	if err != nil {
		return LocalStackInfo{}, err
	}
	port, err := freePort()
	if err != nil {
		return LocalStackInfo{}, err
	}
	log, err := os.Create(filepath.Join(dir, "localstack.log"))
	if err != nil {
		return LocalStackInfo{}, err
	}
	defer func() { _ = log.Close() }()
	// The launcher ends when the pipe does, and removes its directory: a test
	// binary has no hook at its end, and a crash would skip one.
	launch := exec.CommandContext(context.Background(), strings.TrimSpace(string(out)), "--dir", dir, "--port", port, "--tied", "--remove")
	launch.Stdout, launch.Stderr = log, log
	pipe, err := launch.StdinPipe()
	if err != nil {
		return LocalStackInfo{}, err
	}
	if err := launch.Start(); err != nil {
		return LocalStackInfo{}, err
	}
	tied = append(tied, pipe)
	ended := make(chan error, 1)
	go func() { ended <- launch.Wait() }()
	info := LocalStackInfo{Endpoint: "http://127.0.0.1:" + port, Region: "us-east-1", AccessKey: "test", SecretKey: "test", Dir: dir}
	ctx, cancel := context.WithTimeout(context.Background(), localStackStart)
	defer cancel()
	for {
		if healthy(ctx, info.Endpoint) {
			return info, nil
		}
		select {
		case err := <-ended:
			said := tail(log.Name())
			return LocalStackInfo{}, errors.Join(fmt.Errorf("it ended while it started: %w\n%s", errors.Join(err, errEnded), said), os.RemoveAll(dir))
		case <-ctx.Done():
			_ = pipe.Close()
			return LocalStackInfo{}, fmt.Errorf("it did not answer within %s\n%s", localStackStart, tail(log.Name()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var (
	errEnded = errors.New("see its log below")
	// tied keeps the write ends of the launchers' pipes open for the life of the binary.
	tied []any
)

func healthy(ctx context.Context, endpoint string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_localstack/health", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freePort() (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// tail is the last 30 lines of a log.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
