package local

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/xi2/xz"

	"github.com/etlportal/etlportal/internal/etl"
)

// Version is the PostgreSQL release that StartPostgres runs.
const Version = "18.3.0"

const repository = "https://repo1.maven.org/maven2/io/zonky/test/postgres/"

// maxArchive bounds the download; the real ones are 13 to 16 MB.
const maxArchive = 256 << 20

// archives pins what is downloaded: SHA-256 of each platform's archive (the
// zonky.io builds of PostgreSQL on Maven Central). Change them with Version.
var archives = map[string]string{
	"linux-amd64":        "1974c3a59c3ae010e9818e81637e425aad94eaac26e4ef533b42e081fe7ca345",
	"linux-arm64v8":      "1fb555a6602c13a113ab1f0cc9224d599948e85e51ac5f001393605505eaf78e",
	"linux-amd64-alpine": "510fd314da39f1eeccef774a92428474168fedf55403342548e2adeaed66b483",
	"darwin-amd64":       "cb68c57232945f5e74db946e6077d70cec56bfed35959b21acc750cc80ca0977",
	"darwin-arm64v8":     "a18ec9ec6a905e04f5a08a8f7870bddadd635feb54dee332a3daf80fada3cb1a",
}

// platform is the archive's name for this machine.
func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/etc/alpine-release"); err == nil {
			arch += "-alpine"
		}
	}
	return runtime.GOOS + "-" + arch
}

// binaries gives the directory that holds bin/postgres, downloading and
// unpacking it first where this machine has not yet done so. Several processes
// may call it at once: one works, the others wait for its lock, and the
// directory appears by rename, so that it is never seen half full.
func binaries(ctx context.Context, cache string) (string, error) {
	cache, err := cacheDir(cache)
	if err != nil {
		return "", err
	}
	name := "postgres-" + Version + "-" + platform()
	final := filepath.Join(cache, name)
	if _, err := os.Stat(filepath.Join(final, "bin", "postgres")); err == nil {
		return final, nil
	}
	want, ok := archives[platform()]
	if !ok {
		return "", etl.Mistakef("postgres_unavailable", "Run a PostgreSQL of your own and give its URL instead.",
			"there is no embedded PostgreSQL %s for %s", Version, platform())
	}
	lock, err := acquire(ctx, filepath.Join(cache, name+".lock"))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(filepath.Join(final, "bin", "postgres")); err == nil {
		return final, nil
	}
	jar, err := download(ctx, want)
	if err != nil {
		return "", err
	}
	partial := final + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", unwritable(cache, err)
	}
	if err := unpack(jar, partial); err != nil {
		return "", unwritable(cache, errors.Join(err, os.RemoveAll(partial)))
	}
	if err := os.Rename(partial, final); err != nil {
		return "", unwritable(cache, err)
	}
	return final, nil
}

func download(ctx context.Context, want string) ([]byte, error) {
	p := platform()
	url := fmt.Sprintf("%sembedded-postgres-binaries-%s/%s/embedded-postgres-binaries-%s-%s.jar", repository, p, Version, p, Version)
	weather := func(cause error) error {
		return &etl.Error{
			Kind: etl.Weather, Code: "postgres_download_failed", Err: cause,
			Message: fmt.Sprintf("the embedded PostgreSQL could not be downloaded from %s", url),
			Fix:     "Check the network (HTTPS_PROXY is honoured) and try again, or run a PostgreSQL of your own and give its URL.",
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, weather(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, weather(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, weather(fmt.Errorf("HTTP status %s", resp.Status))
	}
	jar, err := io.ReadAll(io.LimitReader(resp.Body, maxArchive))
	if err != nil {
		return nil, weather(err)
	}
	if sum := sha256.Sum256(jar); hex.EncodeToString(sum[:]) != want {
		return nil, weather(fmt.Errorf("SHA-256 is %x, not %s", sum, want))
	}
	return jar, nil
}

// unpack writes the .txz inside the jar to dir.
func unpack(jar []byte, dir string) error {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return err
	}
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		decoded, err := xz.NewReader(r, 0)
		if err != nil {
			return err
		}
		return untar(tar.NewReader(decoded), dir)
	}
	return errors.New("the archive holds no .txz")
}

// untar writes through os.Root, so that no name or link leads out of dir, and
// with modes that let another user run the programs whatever the umask is.
func untar(r *tar.Reader, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(h.Name)
		if name == "." {
			continue
		}
		if err := makeParents(root, name); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = makeDir(root, name)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
		case tar.TypeReg:
			err = writeFile(root, name, r, 0o644|h.FileInfo().Mode().Perm()&0o111)
		}
		if err != nil {
			return err
		}
	}
}

func makeParents(root *os.Root, name string) error {
	parent := filepath.Dir(name)
	if parent == "." {
		return nil
	}
	if err := makeParents(root, parent); err != nil {
		return err
	}
	return makeDir(root, parent)
}

func makeDir(root *os.Root, name string) error {
	if err := root.Mkdir(name, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	return root.Chmod(name, 0o755)
}

func writeFile(root *os.Root, name string, r io.Reader, mode os.FileMode) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	return err
}
