package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/etlportal/etlportal/internal/etl"
)

// serverUser is the user that PostgreSQL runs as where we are root, which it
// refuses to be: "nobody", who owns nothing else.
const serverUser = 65534

// cacheDir makes and gives the directory of unpacked programs. Root's own home
// is closed to serverUser, hence its other place.
func cacheDir(dir string) (string, error) {
	if dir == "" {
		base := "/var/cache"
		if os.Geteuid() != 0 {
			var err error
			if base, err = os.UserCacheDir(); err != nil {
				return "", etl.Mistakef("no_cache_directory", "Set HOME or XDG_CACHE_HOME.",
					"there is no place for the embedded PostgreSQL: %v", err)
			}
		}
		dir = filepath.Join(base, "etlportal")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", unwritable(dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", unwritable(dir, err)
	}
	return dir, reachable(dir)
}

// DefaultDataDir is where a server's data goes unless told otherwise:
// /var/lib/etlportal for root, else $XDG_DATA_HOME or ~/.local/share.
func DefaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/etlportal", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "etlportal"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", etl.Mistakef("no_data_directory", "Set HOME or XDG_DATA_HOME.", "there is no place for the data: %v", err)
	}
	return filepath.Join(home, ".local", "share", "etlportal"), nil
}

// reachable says which directory keeps serverUser out, where we are root.
func reachable(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return unwritable(dir, err)
		}
		if !traversable(info) {
			return etl.Mistakef("directory_closed", "Choose a directory elsewhere (such as /var/lib/etlportal), or run as an ordinary user.",
				"PostgreSQL refuses to run as root, and the other user that it would run as cannot reach %s, because %s is closed to it", dir, d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func unwritable(dir string, err error) error {
	fix := "Make it writable, or choose another directory."
	code := etl.Code("directory_unwritable")
	if diskFull(err) {
		fix, code = "Free some space; the embedded PostgreSQL needs about 150 MB.", "disk_full"
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		dir = path.Path
	}
	return &etl.Error{Kind: etl.Mistake, Code: code, Message: fmt.Sprintf("%s cannot be written: %v", dir, err), Fix: fix, Err: err}
}
