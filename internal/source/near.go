package source

import (
	"os"
	"path/filepath"
	"strings"
)

// nearest finds a file beside a missing one whose name differs in case or extension only.
func nearest(path string) string {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean("./" + dir))
	if filepath.IsAbs(path) {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		return ""
	}
	stem := func(s string) string {
		s = strings.ToLower(s)
		if i := strings.IndexByte(s, '.'); i > 0 {
			s = s[:i]
		}
		return s
	}
	for _, e := range entries {
		if !e.IsDir() && stem(e.Name()) == stem(base) {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}
