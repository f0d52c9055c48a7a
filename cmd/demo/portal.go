package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// portalAddress is where the README's portal listens; the one that the commands
// are run against has a free port instead.
const portalAddress = "127.0.0.1:8080"

// portal is a running `etlportal serve` with data of its own.
type portal struct {
	address, dir string
	cmd          *exec.Cmd
}

var readyLine = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

// startPortal runs the etlportal in bin until stop.
func startPortal(ctx context.Context, bin string) (*portal, error) {
	dir, err := os.MkdirTemp("", "etlportal-readme-")
	if err != nil {
		return nil, err
	}
	// Started as root, PostgreSQL runs as another user, who must pass through.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as said
		return nil, err
	}
	p := &portal{dir: dir}
	p.cmd = exec.CommandContext(ctx, filepath.Join(bin, "etlportal"), "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--log-level", "error")
	p.cmd.Env, p.cmd.Stderr = withoutSettings(os.Environ()), os.Stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = time.Minute
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	found := readyLine.FindStringSubmatch(line)
	if found == nil {
		return nil, errors.Join(fmt.Errorf("the portal did not start: %q", line), err, p.stop())
	}
	p.address = found[1]
	return p, nil
}

// stop ends the portal and removes its data.
func (p *portal) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // where it has ended, Wait says how
	return errors.Join(p.cmd.Wait(), os.RemoveAll(p.dir))
}

// withoutSettings drops what would change the portal.
func withoutSettings(env []string) []string {
	var kept []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if name != "DATABASE_URL" && name != "ENCRYPTION_KEY" && !strings.HasPrefix(name, "ETLPORTAL_") && !strings.HasPrefix(name, "S3_") && !strings.HasPrefix(name, "OTEL_") {
			kept = append(kept, e)
		}
	}
	return kept
}
