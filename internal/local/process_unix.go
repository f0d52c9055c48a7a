//go:build unix

package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// keeper is the parent of the server. Its standard input is a pipe from us:
// a line means "stop", the pipe's end means that we are gone, however we died
// (kill -9 included); then the server is stopped by the signal $2 and the
// directory $1, where one is given, removed. The server alone keeps fd 3, the
// lock of its directory, besides us: so the lock lasts as long as any of its processes.
const keeper = `dir=$1 signal=$2; shift 2
exec 4<&0
"$@" </dev/null 4<&- & server=$!
exec 3<&-
( if read -r _ <&4; then kill -s INT $server; exit 0; fi; kill -s $signal $server; exit 9 ) & watcher=$!
wait $server; code=$?
kill $watcher
wait $watcher
[ $? -ne 9 ] || [ -z "$dir" ] || rm -rf "$dir"
exit $code`

// confine makes a command run as serverUser where we are root, and in a session
// of its own, so that a terminal's Ctrl-C reaches us alone.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: serverUser, Gid: serverUser}
	}
}

// detach gives a command a session of its own, as confine does.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// own gives a path to the server's user.
func own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, serverUser, serverUser)
}

// traversable says whether serverUser may pass through a directory.
func traversable(info os.FileInfo) bool {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == serverUser {
		return info.Mode().Perm()&0o100 != 0
	}
	return info.Mode().Perm()&0o001 != 0
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// acquire takes the lock of a file, waiting for its holder; the lock goes with
// the last process that has the file open.
func acquire(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unwritable(path, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(unwritable(path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, &etl.Error{
				Kind: etl.Mistake, Code: "directory_in_use", Err: ctx.Err(),
				Message: "another process holds " + path,
				Fix:     "Stop it, or choose another directory.",
			}
		case <-tick.C:
		}
	}
}

// kill ends a process at once.
func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

const supported = true
