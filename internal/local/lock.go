package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// DirLock says that a data directory has one server. It goes with the process,
// however that ends.
type DirLock struct{ f *os.File }

// LockDir makes a data directory where it is missing and takes its lock. Where
// another process has it, the error is a Mistake of code directory_in_use that
// says which.
func LockDir(dir string) (*DirLock, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, unwritable(dir, err)
	}
	path := filepath.Join(dir, "server.lock")
	now, cancel := context.WithCancel(context.Background())
	cancel()
	f, err := acquire(now, path)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "directory_in_use" {
		who := "another etlportal"
		if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
			who += " (" + strings.TrimSpace(string(text)) + ")"
		}
		return nil, etl.Mistakef(e.Code, "Use that one, stop it, or choose another directory with --data-dir.", "%s uses the data directory %s", who, dir)
	}
	if err != nil {
		return nil, err
	}
	l := &DirLock{f}
	if err := l.Say(""); err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	return l, nil
}

// Say adds to the process id what the next one is told about this one.
func (l *DirLock) Say(more string) error {
	text := fmt.Sprintf("process %d", os.Getpid())
	if more != "" {
		text += ", " + more
	}
	err := l.f.Truncate(0)
	if err == nil {
		_, err = l.f.WriteAt([]byte(text+"\n"), 0)
	}
	if err != nil {
		return unwritable(l.f.Name(), err)
	}
	return nil
}

// Unlock gives the directory free.
func (l *DirLock) Unlock() error { return l.f.Close() }
