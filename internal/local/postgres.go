// Package local holds what a laptop runs in place of the cloud's services:
// PostgreSQL, an object store, a queue and a key file.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	user         = "etlportal"
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Options say how to run a server.
type Options struct {
	// DataDir gets a directory "postgres" with all of the server's files. A
	// server started again on it has its old data. Empty: a temporary directory,
	// which Stop removes; implies Disposable.
	DataDir string
	// Port on 127.0.0.1; 0 chooses a free one.
	Port int
	// CacheDir is where the programs are unpacked, once per machine; empty:
	// /var/cache/etlportal for root, else the user's cache directory.
	CacheDir string
	// Disposable trades durability for speed (no fsync), and has the server's
	// files removed should this process die without Stop. For tests and trials.
	Disposable bool
	// Settings are further server settings (shared_buffers=64MB).
	Settings map[string]string
}

// Postgres is a running server.
type Postgres struct {
	// URL of its database "postgres", with user and password.
	URL string
	// Port is where it listens, on 127.0.0.1.
	Port int

	dir       string
	temporary bool
	server    *exec.Cmd
	leash     io.WriteCloser
	done      chan struct{}
	stop      sync.Once
	stopErr   error
}

// StartPostgres runs a server of release Version and returns once it answers.
// The first call on a machine downloads the programs (15 MB); the first on a
// DataDir makes the database. It recovers a directory whose server or whose
// process was killed, and waits for a predecessor that is still stopping. The
// server ends with this process, whichever way that ends.
func StartPostgres(ctx context.Context, o Options) (*Postgres, error) {
	if !supported {
		return nil, etl.Mistakef("postgres_unavailable", "Run a PostgreSQL of your own and give its URL instead.",
			"the embedded PostgreSQL does not run on this system")
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	programs, err := binaries(ctx, o.CacheDir)
	if err != nil {
		return nil, err
	}
	dir, temporary, err := serverDir(&o)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, programs, dir, o)
	if err != nil {
		if temporary {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, err
	}
	p.temporary = temporary
	return p, nil
}

// serverDir makes the directory of the server's files: closed to all but its user.
func serverDir(o *Options) (dir string, temporary bool, err error) {
	if o.DataDir == "" {
		o.Disposable = true
		if dir, err = os.MkdirTemp("", "etlportal-postgres-"); err != nil {
			return "", true, unwritable(os.TempDir(), err)
		}
		temporary = true
	} else {
		base, err := filepath.Abs(o.DataDir)
		if err != nil {
			return "", false, unwritable(o.DataDir, err)
		}
		if err := os.MkdirAll(base, 0o755); err != nil {
			return "", false, unwritable(base, err)
		}
		dir = filepath.Join(base, "postgres")
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return "", false, unwritable(dir, err)
		}
	}
	if err := own(dir); err != nil {
		return "", temporary, unwritable(dir, err)
	}
	return dir, temporary, reachable(dir)
}

func start(ctx context.Context, programs, dir string, o Options) (*Postgres, error) {
	waiting, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	lock, err := acquire(waiting, filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	// The server inherits the lock; ours may go.
	defer func() { _ = lock.Close() }()
	data := filepath.Join(dir, "data")
	password, err := initialise(ctx, programs, dir, data, o.Disposable)
	if err != nil {
		return nil, err
	}
	// We hold the lock, so the server that wrote this is dead, whatever process
	// has its number today.
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, unwritable(data, err)
	}
	for attempt := 1; ; attempt++ {
		p, err := launch(ctx, programs, dir, lock, password, o)
		// A free port that was chosen may have been taken since.
		if err == nil || o.Port != 0 || attempt == 4 || !errors.Is(err, errExited) {
			return p, err
		}
	}
}

// initialise makes the database where there is none yet and gives its password.
func initialise(ctx context.Context, programs, dir, data string, disposable bool) (string, error) {
	secret := filepath.Join(dir, "password")
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		if have, want := strings.TrimSpace(string(version)), strings.Split(Version, ".")[0]; have != want {
			return "", etl.Mistakef("data_of_other_version", "Start with the etlportal that wrote it, dump the database, and restore it into a new directory.",
				"%s holds data of PostgreSQL %s, this etlportal runs %s", data, have, want)
		}
		password, err := os.ReadFile(secret)
		if err != nil {
			return "", unwritable(secret, err)
		}
		return string(password), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", unwritable(data, err)
	}
	password := rand.Text()
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return "", unwritable(dir, err)
	}
	if err := own(secret); err != nil {
		return "", unwritable(dir, err)
	}
	// The directory appears complete, by rename, or not at all.
	partial := data + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", unwritable(partial, err)
	}
	args := []string{
		"-D", partial, "-U", user, "--pwfile", secret, "-A", "scram-sha-256", "--encoding", "UTF8",
		"--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
	}
	if disposable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "bin", "initdb"), args...)
	cmd.Dir, cmd.Env = dir, environment(dir)
	confine(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", failed("could not make its database", lastLine(out), err)
	}
	if err := os.Rename(partial, data); err != nil {
		return "", unwritable(data, err)
	}
	return password, nil
}

var errExited = errors.New("the server exited")

func launch(ctx context.Context, programs, dir string, lock *os.File, password string, o Options) (*Postgres, error) {
	port := o.Port
	if port == 0 {
		var err error
		if port, err = freePort(ctx); err != nil {
			return nil, failed("found no free port on 127.0.0.1", "", err)
		}
	}
	logPath := filepath.Join(dir, "log")
	if err := os.Rename(logPath, logPath+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, unwritable(logPath, err)
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, unwritable(logPath, err)
	}
	defer func() { _ = log.Close() }()
	// The server outlives the context of its start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", append([]string{"-c", keeper, "sh"}, serverCommand(programs, dir, port, o)...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, environment(dir), log, log
	cmd.ExtraFiles = []*os.File{lock}
	confine(cmd)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, failed("could not start", "", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, failed("could not start", "", err)
	}
	at := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Path: "/postgres", RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	}
	p := &Postgres{URL: at.String(), Port: port, dir: dir, server: cmd, leash: leash, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	if err := p.ready(ctx); err != nil {
		out, _ := os.ReadFile(logPath)
		return nil, errors.Join(failed("did not start", lastLine(out), err), p.Stop())
	}
	return p, nil
}

func serverCommand(programs, dir string, port int, o Options) []string {
	remove, signal := "", "INT"
	settings := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(port), "unix_socket_directories": "",
		"timezone": "UTC", "log_timezone": "UTC", "lc_messages": "C",
	}
	if o.Disposable {
		remove, signal = dir, "QUIT"
		settings["fsync"], settings["full_page_writes"], settings["synchronous_commit"] = "off", "off", "off"
	}
	maps.Copy(settings, o.Settings)
	command := []string{remove, signal, filepath.Join(programs, "bin", "postgres"), "-D", filepath.Join(dir, "data")}
	for name, value := range settings {
		command = append(command, "-c", name+"="+value)
	}
	return command
}

// ready waits until the server takes our password, which no other server would.
func (p *Postgres) ready(ctx context.Context) error {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-p.done:
			return errExited
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Done is closed when the server has ended, by Stop or by itself.
func (p *Postgres) Done() <-chan struct{} { return p.done }

// Stop ends the server cleanly, breaking its connections, and waits for it. It may be repeated.
func (p *Postgres) Stop() error {
	p.stop.Do(func() {
		// An error here means that the server has ended already.
		_, _ = io.WriteString(p.leash, "stop\n")
		select {
		case <-p.done:
		case <-time.After(stopTimeout):
			p.stopErr = p.Kill()
		}
		_ = p.leash.Close()
		if p.temporary {
			p.stopErr = errors.Join(p.stopErr, os.RemoveAll(p.dir))
		}
	})
	return p.stopErr
}

// Kill ends the server as a crash would (kill -9) and waits for all of its
// processes; Stop must still follow.
func (p *Postgres) Kill() error {
	text, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	if err := kill(pid); err != nil {
		return err
	}
	<-p.done
	// Its other processes notice in a moment; one that is in the middle of a
	// statement may finish that first.
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	lock, err := acquire(ctx, filepath.Join(p.dir, "lock"))
	if err != nil {
		return err
	}
	return lock.Close()
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("unexpected address %v", l.Addr())
	}
	return address.Port, nil
}

// environment keeps our own PG* settings and locale from the server.
func environment(dir string) []string {
	return []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "LC_ALL=C", "TZ=UTC"}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if strings.Contains(line, "FATAL:") || strings.Contains(line, "error:") {
			return line
		}
	}
	return lines[len(lines)-1]
}

func failed(what, detail string, err error) error {
	if detail != "" {
		what += ": " + detail
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "postgres_start_failed", Err: err,
		Message: "the embedded PostgreSQL " + what,
		Fix:     "Free the port or the space that it names, or run a PostgreSQL of your own and give its URL.",
	}
}
