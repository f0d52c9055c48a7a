package airflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// Folder is a DAGs folder on this machine, or mounted on it.
type Folder struct{ dir string }

var _ Files = (*Folder)(nil)

// NewFolder takes the folder at dir, which must exist when it is used.
func NewFolder(dir string) *Folder { return &Folder{dir: dir} }

// readable is the mode of DAG files: Airflow is another user.
const readable = 0o644

// List implements Files.
func (f *Folder) List(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, f.fault("read", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Read implements Files.
func (f *Folder) Read(_ context.Context, name string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(f.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, f.fault("read", err)
	}
	return content, nil
}

// Create implements Files.
func (f *Folder) Create(_ context.Context, name string, content []byte) (bool, error) {
	// A link fails where the name is taken; a rename would not.
	err := f.place(name, content, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, f.fault("write", err)
	}
	return true, nil
}

// Replace implements Files.
func (f *Folder) Replace(_ context.Context, name string, content []byte) error {
	if err := f.place(name, content, os.Rename); err != nil {
		return f.fault("write", err)
	}
	return nil
}

// place writes beside the name, under one that Airflow does not read, and then
// puts it there in one step.
func (f *Folder) place(name string, content []byte, put func(from, to string) error) (err error) {
	t, err := os.CreateTemp(f.dir, "."+name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(t.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = t.Write(content)
	err = errors.Join(err, t.Chmod(readable), t.Sync(), t.Close())
	if err != nil {
		return err
	}
	return put(t.Name(), filepath.Join(f.dir, name))
}

// Delete implements Files.
func (f *Folder) Delete(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.fault("write", err)
	}
	return nil
}

// Ready implements Files.
func (f *Folder) Ready(_ context.Context) error {
	t, err := os.CreateTemp(f.dir, ".etlportal.*.tmp")
	if err != nil {
		return f.fault("write", err)
	}
	if err := errors.Join(t.Close(), os.Remove(t.Name())); err != nil {
		return f.fault("write", err)
	}
	return nil
}

// fault is Weather: a folder may be mounted again.
func (f *Folder) fault(what string, err error) error {
	return weather("airflow_dags_dir", err, "Check that ETLPORTAL_AIRFLOW_DAGS_DIR exists and that the portal may write there.", "the DAGs folder %s cannot be %s: %v", f.dir, map[string]string{"read": "read", "write": "written"}[what], err)
}

func weather(code etl.Code, cause error, fix, format string, args ...any) error {
	return &etl.Error{Kind: etl.Weather, Code: code, Message: fmt.Sprintf(format, args...), Fix: fix, Err: cause}
}
