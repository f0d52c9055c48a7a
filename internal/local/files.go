package local

import (
	"errors"
	"os"
	"path/filepath"
)

// replaceFile writes a file that only its owner can read; after a crash it has
// either the old content or the new.
func replaceFile(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(unwritable(path, err), os.Remove(temporary))
	}
	return syncDir(filepath.Dir(path))
}

// createFile is replaceFile for a file that must not exist yet; where it does,
// the error is os.ErrExist.
func createFile(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	// Unlike a rename, a link never replaces.
	err = os.Link(temporary, path)
	if removed := os.Remove(temporary); removed != nil && err == nil {
		err = unwritable(temporary, removed)
	}
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return os.ErrExist
		}
		return unwritable(path, err)
	}
	return syncDir(filepath.Dir(path))
}

// writeBeside writes content durably to a new file in path's directory and gives its name.
func writeBeside(path string, content []byte) (string, error) {
	// CreateTemp gives mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.partial")
	if err != nil {
		return "", unwritable(path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(unwritable(path, err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return unwritable(dir, err)
	}
	return nil
}
