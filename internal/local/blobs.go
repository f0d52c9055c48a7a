package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// Region is the embedded object store's; signatures name it.
const Region = "us-east-1"

const blobsStartTimeout = 30 * time.Second

// BlobsOptions say how to run an object store.
type BlobsOptions struct {
	// DataDir gets a directory "blobs" with all of the store's files, closed to
	// other users. A store started again on it has its old objects, unfinished
	// uploads and keys. Empty: a temporary directory, removed when the server
	// ends, however this process ended.
	DataDir string
	// Port on 127.0.0.1; 0 takes the one of last time where it is still free, so
	// that URLs signed before a restart stay good, else a free one.
	Port int
}

// BlobServer is a running object store that speaks S3 on the loopback
// interface, path style.
type BlobServer struct {
	// Endpoint is its URL, http://127.0.0.1:port.
	Endpoint string
	Port     int
	// AccessKey and SecretKey are its only user's; made once and kept in a file
	// that only the owner can read.
	AccessKey, SecretKey string

	dir       string
	temporary bool
	server    *exec.Cmd
	leash     io.WriteCloser
	done      chan struct{}
	stop      sync.Once
	stopErr   error
}

// StartBlobs runs an S3 server (versitygw, in a process of its own) and returns
// once it answers. It takes over a directory whose server or whose process was
// killed, and waits for a predecessor that is still stopping. The server ends
// with this process, whichever way that ends.
func StartBlobs(ctx context.Context, o BlobsOptions) (*BlobServer, error) {
	if !supported {
		return nil, etl.Mistakef("blobs_unavailable", "Give an S3 bucket of your own instead.",
			"the embedded object store does not run on this system")
	}
	ctx, cancel := context.WithTimeout(ctx, blobsStartTimeout)
	defer cancel()
	dir, temporary, err := blobsDir(o.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := startBlobs(ctx, gatewayConfig{Dir: dir, Port: o.Port, Temporary: temporary})
	if err != nil {
		if temporary {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, err
	}
	s.temporary = temporary
	return s, nil
}

func blobsDir(base string) (dir string, temporary bool, err error) {
	if base == "" {
		if dir, err = os.MkdirTemp("", "etlportal-blobs-"); err != nil {
			return "", true, unwritable(os.TempDir(), err)
		}
		temporary = true
	} else {
		if base, err = filepath.Abs(base); err != nil {
			return "", false, unwritable(base, err)
		}
		dir = filepath.Join(base, "blobs")
		if err := os.MkdirAll(base, 0o755); err != nil {
			return "", false, unwritable(base, err)
		}
	}
	for _, d := range []string{dir, filepath.Join(dir, objectsDir), filepath.Join(dir, metadataDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return "", temporary, unwritable(d, err)
		}
	}
	return dir, temporary, nil
}

func startBlobs(ctx context.Context, config gatewayConfig) (*BlobServer, error) {
	dir := config.Dir
	lock, err := acquire(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	// The server inherits the lock; ours may go.
	defer func() { _ = lock.Close() }()
	if config.AccessKey, config.SecretKey, err = rootKeys(filepath.Join(dir, "keys.json")); err != nil {
		return nil, err
	}
	last := filepath.Join(dir, "port")
	candidates := []int{config.Port}
	if config.Port == 0 {
		candidates = nil
		if text, err := os.ReadFile(last); err == nil {
			if p, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && p > 0 {
				candidates = append(candidates, p)
			}
		}
		for range 3 {
			p, err := freePort(ctx)
			if err != nil {
				return nil, blobsFailed("found no free port on 127.0.0.1", "", err)
			}
			candidates = append(candidates, p)
		}
	}
	var s *BlobServer
	for _, config.Port = range candidates {
		s, err = launchBlobs(ctx, lock, config)
		if err == nil || !errors.Is(err, errExited) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(last, []byte(strconv.Itoa(s.Port)+"\n"), 0o600); err != nil {
		return nil, errors.Join(unwritable(last, err), s.Stop())
	}
	return s, nil
}

type keyPair struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// rootKeys reads the store's keys, or makes them.
func rootKeys(path string) (access, secret string, err error) {
	var keys keyPair
	text, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(text, &keys); err != nil || keys.AccessKey == "" || keys.SecretKey == "" {
			return "", "", etl.Mistakef("keys_unreadable", "Delete it; new keys are made at the next start, and no object is lost.",
				"%s does not hold the object store's keys", path)
		}
		return keys.AccessKey, keys.SecretKey, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", "", unwritable(path, err)
	}
	keys = keyPair{AccessKey: "ETLPORTAL" + rand.Text()[:11], SecretKey: rand.Text() + rand.Text()}
	text, err = json.Marshal(keys) //nolint:gosec // writing the secret into its file, which only the owner can read, is the purpose
	if err != nil {
		return "", "", err
	}
	if err := replaceFile(path, text); err != nil {
		return "", "", err
	}
	return keys.AccessKey, keys.SecretKey, nil
}

func launchBlobs(ctx context.Context, lock *os.File, config gatewayConfig) (*BlobServer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, blobsFailed("could not start", "", err)
	}
	logPath := filepath.Join(config.Dir, "log")
	if err := os.Rename(logPath, logPath+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, unwritable(logPath, err)
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, unwritable(logPath, err)
	}
	defer func() { _ = log.Close() }()
	ready, readyChild, err := os.Pipe()
	if err != nil {
		return nil, blobsFailed("could not start", "", err)
	}
	defer func() { _ = ready.Close() }()
	cmd := exec.Command(program) //nolint:noctx // the server outlives this call, whose context ctx is
	cmd.Args = []string{gatewayName}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = config.Dir, environment(config.Dir), log, log
	cmd.ExtraFiles = []*os.File{lock, readyChild}
	detach(cmd)
	leash, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	_ = readyChild.Close()
	if err != nil {
		return nil, blobsFailed("could not start", "", err)
	}
	s := &BlobServer{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", config.Port), Port: config.Port,
		AccessKey: config.AccessKey, SecretKey: config.SecretKey,
		dir: config.Dir, server: cmd, leash: leash, done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = cmd.Wait()
	}()
	if err := s.ready(ctx, ready, config); err != nil {
		out, _ := os.ReadFile(logPath)
		return nil, errors.Join(blobsFailed("did not start", string(bytes.TrimSpace(out)), err), s.Stop())
	}
	return s, nil
}

// ready hands the configuration over and waits until the server listens.
func (s *BlobServer) ready(ctx context.Context, signal io.Reader, config gatewayConfig) error {
	line, err := json.Marshal(config) //nolint:gosec // the secret goes through a pipe to our own child
	if err != nil {
		return err
	}
	if _, err := s.leash.Write(append(line, '\n')); err != nil {
		return errExited
	}
	listening := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(signal, make([]byte, 1))
		listening <- err
	}()
	select {
	case err := <-listening:
		if err != nil {
			return errExited
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *BlobServer) Done() <-chan struct{} { return s.done }

// Stop ends the server, giving requests under way a moment, and waits for it. It may be repeated.
func (s *BlobServer) Stop() error {
	s.stop.Do(func() {
		_ = s.leash.Close()
		select {
		case <-s.done:
		case <-time.After(stopTimeout):
			s.stopErr = s.Kill()
		}
		if s.temporary {
			s.stopErr = errors.Join(s.stopErr, os.RemoveAll(s.dir))
		}
	})
	return s.stopErr
}

// Kill ends the server as a crash would (kill -9) and waits for it; Stop must still follow.
func (s *BlobServer) Kill() error {
	if err := s.server.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.done
	return nil
}

func blobsFailed(what, detail string, err error) error {
	if detail != "" {
		what += ": " + detail
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "blobs_start_failed", Err: err,
		Message: "the embedded object store " + what,
		Fix:     "Free the port or the space that it names, or give an S3 bucket of your own.",
	}
}
