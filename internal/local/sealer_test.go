package local_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
)

func openSealer(t *testing.T, o local.SealerOptions) *local.Sealer {
	t.Helper()
	s, err := local.NewSealer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKey(t *testing.T) string {
	t.Helper()
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestSealerConformsWithKeyFile(t *testing.T) {
	etltest.SealerSuite(t, func(t *testing.T) (etl.Sealer, func(t *testing.T), etl.Sealer) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "keys", "keyset.json")
		s := openSealer(t, local.SealerOptions{KeyFile: path})
		// Another process rotates; s must notice.
		rotate := func(t *testing.T) {
			t.Helper()
			if _, err := openSealer(t, local.SealerOptions{KeyFile: path, MustExist: true}).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return s, rotate, openSealer(t, local.SealerOptions{KeyFile: filepath.Join(t.TempDir(), "other.json")})
	})
}

// rotated is a Sealer by ENCRYPTION_KEY whose process starts again with another value.
type rotated struct {
	etl.Sealer

	keys string
}

func TestSealerConformsWithGivenKeys(t *testing.T) {
	etltest.SealerSuite(t, func(t *testing.T) (etl.Sealer, func(t *testing.T), etl.Sealer) {
		t.Helper()
		s := &rotated{keys: newKey(t)}
		s.Sealer = openSealer(t, local.SealerOptions{Keys: s.keys})
		rotate := func(t *testing.T) {
			t.Helper()
			s.keys = newKey(t) + ", " + s.keys
			s.Sealer = openSealer(t, local.SealerOptions{Keys: s.keys})
		}
		return s, rotate, openSealer(t, local.SealerOptions{Keys: newKey(t)})
	})
}

func fault(t *testing.T, err error, code etl.Code) {
	t.Helper()
	if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != code || e.Fix == "" {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyset.json")
	_, err := local.NewSealer(local.SealerOptions{KeyFile: path, MustExist: true})
	fault(t, err, "key_file_missing")
	s := openSealer(t, local.SealerOptions{KeyFile: path})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	sealed, version, err := s.Seal(t.Context(), []byte("secret"), "credential 1")
	if err != nil {
		t.Fatal(err)
	}
	// Started again, it is the same key.
	again := openSealer(t, local.SealerOptions{KeyFile: path})
	if current, err := again.Current(t.Context()); err != nil || current != version {
		t.Errorf("key %s, %v; want %s", current, err, version)
	}
	if got, err := again.Open(t.Context(), sealed, "credential 1"); err != nil || string(got) != "secret" {
		t.Errorf("opened %q, %v", got, err)
	}
	next, err := s.Rotate(t.Context())
	if err != nil || next == version {
		t.Fatalf("rotated from %s to %s, %v", version, next, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode after rotation: %v, %v", info.Mode(), err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.partial")); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := local.NewSealer(local.SealerOptions{KeyFile: path})
		fault(t, err, "key_file_open")
	}
	for _, text := range []string{"", "{}", "not json", `{"primaryKeyId":1,"key":[]}`} {
		damaged := filepath.Join(dir, "damaged.json")
		if err := os.WriteFile(damaged, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := local.NewSealer(local.SealerOptions{KeyFile: damaged})
		fault(t, err, "key_file_damaged")
		if got, _ := os.ReadFile(damaged); string(got) != text {
			t.Error("a damaged key file was overwritten")
		}
	}
}

// TestKeyFileRaces starts and rotates in many places at once: no key is lost.
func TestKeyFileRaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	type sealed struct {
		text  []byte
		owner string
	}
	results := make(chan sealed, 100)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			s, err := local.NewSealer(local.SealerOptions{KeyFile: path})
			if err != nil {
				t.Error(err)
				return
			}
			for j := range 3 {
				owner := fmt.Sprint("credential ", i, j)
				text, _, err := s.Seal(t.Context(), []byte(owner), owner)
				if err != nil {
					t.Error(err)
				}
				results <- sealed{text, owner}
				if _, err := s.Rotate(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(results)
	s := openSealer(t, local.SealerOptions{KeyFile: path, MustExist: true})
	for r := range results {
		if got, err := s.Open(t.Context(), r.text, r.owner); err != nil || string(got) != r.owner {
			t.Errorf("%s: opened %q, %v", r.owner, got, err)
		}
	}
}

func TestGivenKeys(t *testing.T) {
	good := newKey(t)
	for _, keys := range []string{"x", good[:20], good + good, good + ",", "," + good, good + "," + good, base64.StdEncoding.EncodeToString(make([]byte, 31))} {
		_, err := local.NewSealer(local.SealerOptions{Keys: keys})
		fault(t, err, "bad_encryption_key")
		if err != nil && strings.Contains(err.Error(), good[:10]) {
			t.Errorf("the error tells the key: %v", err)
		}
	}
	s := openSealer(t, local.SealerOptions{Keys: good + "\n"})
	_, err := s.Rotate(t.Context())
	fault(t, err, "keys_given")
	one, _ := s.Current(t.Context())
	two, _ := openSealer(t, local.SealerOptions{Keys: good}).Current(t.Context())
	if one != two {
		t.Errorf("one key has versions %s and %s", one, two)
	}
	// A sealer that is printed by mistake shows nothing of its key.
	raw, _ := base64.StdEncoding.DecodeString(good)
	for _, shown := range []string{fmt.Sprintf("%v", s), fmt.Sprintf("%+v", s)} {
		if strings.Contains(shown, good) || bytes.Contains([]byte(shown), raw) || strings.Contains(shown, fmt.Sprint(raw)[1:20]) {
			t.Errorf("shown as %s", shown)
		}
	}
	if _, _, err := s.Seal(context.Background(), nil, ""); err != nil {
		t.Error(err)
	}
}
