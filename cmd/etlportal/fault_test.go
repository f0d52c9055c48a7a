package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is the program, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "etlportal-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "etlportal")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a load that runs on its own and reads a pipe.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	errOut bytes.Buffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	p := &process{t: t, cmd: exec.Command(path, args...)}
	p.cmd.Stderr = &p.errOut
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

// wait is the exit code; -1 after a signal.
func (p *process) wait() int {
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// feed writes n rows and leaves the pipe open.
func (p *process) feed(from, n int) {
	p.t.Helper()
	var b bytes.Buffer
	if from == 0 {
		b.WriteString("id,note\n")
	}
	for i := range n {
		fmt.Fprintf(&b, "%d,%s\n", from+i, strings.Repeat("x", 100))
	}
	_, err := p.in.Write(b.Bytes())
	require.NoError(p.t, err)
}

// until waits until a query gives that result; the database is the signal.
func (d *database) until(sql string, want string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool { return strings.Join(d.rows(sql), ",") == want }, 20*time.Second, 5*time.Millisecond, sql)
}

const (
	loads   = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'etlportal%'"
	copying = "SELECT count(*) > 0 FROM pg_stat_progress_copy WHERE datname = current_database() AND tuples_processed > 1000"
)

// A load that is stopped in the middle of its rows, in any way, leaves no trace.
func TestStoppedInTheMiddle(t *testing.T) {
	cases := []struct {
		name string
		stop func(*database, *process)
		code int
		says string
	}{
		{"kill -9", func(_ *database, p *process) { p.cmd.Process.Kill() }, -1, ""},
		{"Ctrl-C", func(_ *database, p *process) { p.cmd.Process.Signal(os.Interrupt) }, exitFailed, "interrupted"},
		{"SIGTERM", func(_ *database, p *process) { p.cmd.Process.Signal(syscall.SIGTERM) }, exitFailed, "interrupted"},
		{"lost connection", func(d *database, p *process) {
			d.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'etlportal%' AND datname = current_database()")
			p.in.Close()
		}, exitUnreachable, "the table is unchanged"},
		{"cancelled by an administrator", func(d *database, p *process) {
			d.exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'etlportal%' AND datname = current_database()")
			p.in.Close()
		}, exitFailed, "the table is unchanged"},
		{"short read", func(_ *database, p *process) { p.in.Write([]byte("1,2,3\n")); p.in.Close() }, exitFailed, "the row has 3 fields"},
	}
	setups := map[string]struct {
		ddl  string
		args []string
	}{
		"insert":   {"CREATE TABLE t (id int, note text); INSERT INTO t VALUES (-1, 'before')", nil},
		"truncate": {"CREATE TABLE t (id int, note text); INSERT INTO t VALUES (-1, 'before')", []string{"--strategy", "truncate_insert"}},
		"upsert":   {"CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (-1, 'before')", []string{"--strategy", "upsert", "--key", "id"}},
	}
	for name, setup := range setups {
		for _, c := range cases {
			t.Run(name+", "+c.name, func(t *testing.T) {
				db := newDatabase(t)
				db.exec(setup.ddl)
				before := db.tables()
				p := start(t, append([]string{"load", "-", "--to", db.url, "--table", "t", "--quiet"}, setup.args...)...)
				p.feed(0, 30_000)
				db.until(copying, "t")
				c.stop(db, p)
				require.Equal(t, c.code, p.wait(), p.errOut.String())
				require.Contains(t, p.errOut.String(), c.says)
				db.until(loads, "0")
				require.Equal(t, []string{"-1|before"}, db.rows("SELECT * FROM t"))
				require.Equal(t, before, db.tables())

				// And the same load, run again, goes through.
				p = start(t, append([]string{"load", "-", "--to", db.url, "--table", "t", "--quiet"}, setup.args...)...)
				p.feed(0, 1000)
				require.NoError(t, p.in.Close())
				require.Equal(t, exitDone, p.wait(), p.errOut.String())
			})
		}
	}
}

// kill -9 at random moments of a whole load: all of it or nothing.
func TestKilledAtRandomMoments(t *testing.T) {
	db := newDatabase(t)
	const rows = 60_000
	var text strings.Builder
	text.WriteString("id,note\n")
	for i := range rows {
		fmt.Fprintf(&text, "%d,%s\n", i, strings.Repeat("y", 80))
	}
	path := file(t, "a.csv", text.String())
	random := rand.New(rand.NewPCG(1, 2))
	whole := 0
	for i := range 12 {
		db.exec("DROP TABLE IF EXISTS t")
		p := start(t, "load", path, "--to", db.url, "--table", "t", "--create", "--quiet")
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(400))*time.Millisecond)
		<-ctx.Done()
		cancel()
		p.cmd.Process.Kill()
		p.wait()
		db.until(loads, "0")
		switch got := db.tables(); {
		case len(got) == 0:
		case len(got) == 1 && db.rows("SELECT count(*) FROM t")[0] == fmt.Sprint(rows):
			whole++
		default:
			t.Fatalf("try %d left %v", i, got)
		}
	}
	t.Logf("%d of 12 loads were done before they were killed", whole)
}
