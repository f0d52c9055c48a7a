package local_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
)

func startBlobs(t *testing.T, o local.BlobsOptions) *local.BlobServer {
	t.Helper()
	s, err := local.StartBlobs(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func readObject(t *testing.T, b etl.Blobs, ref etl.ObjectRef) []byte {
	t.Helper()
	body, err := b.Range(t.Context(), ref, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	p, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestObjectsOutliveTheServer stops it, and kills it, in the middle of an upload.
func TestObjectsOutliveTheServer(t *testing.T) {
	dir, here := t.TempDir(), workingDir(t)
	part := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	s := startBlobs(t, local.BlobsOptions{DataDir: dir})
	blobs := etltest.OpenBucket(t, s, "uploads", etltest.BlobsSetup{})
	ref, err := blobs.Put(t.Context(), "whole", bytes.NewReader(part))
	if err != nil {
		t.Fatal(err)
	}
	id, err := blobs.CreateUpload(t.Context(), "resumed")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := blobs.SignParts(t.Context(), "resumed", id, map[int32]int64{1: int64(len(part)), 2: 3}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put := func(p etl.SignedPart, body []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.URL, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("part %d: %s", p.Number, answer.Status)
		}
	}
	put(signed[0], part)
	for _, end := range []func(*local.BlobServer) error{(*local.BlobServer).Kill, (*local.BlobServer).Stop} {
		if err := end(s); err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		if err := blobs.Ready(t.Context()); etl.KindOf(err) != etl.Weather {
			t.Errorf("ready without a server: %v", err)
		}
		again := startBlobs(t, local.BlobsOptions{DataDir: dir})
		if again.AccessKey != s.AccessKey || again.SecretKey != s.SecretKey || again.Endpoint != s.Endpoint {
			t.Errorf("started again as %s with other keys, or elsewhere than %s", again.Endpoint, s.Endpoint)
		}
		s = again
		if got := readObject(t, blobs, ref); !bytes.Equal(got, part) {
			t.Error("an object changed over a restart")
		}
	}
	// The URL that was signed before goes on to serve.
	put(signed[1], []byte("end"))
	parts, err := blobs.Parts(t.Context(), "resumed", id)
	if err != nil || len(parts) != 2 {
		t.Fatalf("parts %v, %v", parts, err)
	}
	resumed, err := blobs.Complete(t.Context(), "resumed", id, parts)
	if err != nil {
		t.Fatal(err)
	}
	if got := readObject(t, blobs, resumed); !bytes.Equal(got, append(bytes.Clone(part), "end"...)) {
		t.Error("the resumed upload is another file")
	}
	if now := workingDir(t); now != here {
		t.Errorf("the working directory became %s", now)
	}
}

func workingDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestObjectFilesAreClosedToOthers(t *testing.T) {
	dir := t.TempDir()
	s := startBlobs(t, local.BlobsOptions{DataDir: dir})
	for name, mode := range map[string]os.FileMode{"": 0o700, "keys.json": 0o600, "log": 0o600} {
		info, err := os.Stat(filepath.Join(dir, "blobs", name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v; want mode %04o", name, info.Mode(), err, mode)
		}
	}
	if len(s.SecretKey) < 32 || s.AccessKey == s.SecretKey {
		t.Error("weak keys")
	}
	// Without keys nothing is told.
	answer, err := http.Get(s.Endpoint + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("an unsigned request: %s", answer.Status)
	}
}

func TestObjectStoreOfADirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	first := startBlobs(t, local.BlobsOptions{DataDir: dir})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := local.StartBlobs(ctx, local.BlobsOptions{DataDir: dir})
	fault(t, err, "directory_in_use")
	_, err = local.StartBlobs(t.Context(), local.BlobsOptions{DataDir: t.TempDir(), Port: first.Port})
	fault(t, err, "blobs_start_failed")
	// A taken port of last time is no obstacle.
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	startBlobs(t, local.BlobsOptions{DataDir: t.TempDir(), Port: first.Port})
	if moved := startBlobs(t, local.BlobsOptions{DataDir: dir}); moved.Port == first.Port {
		t.Error("two servers on one port")
	}
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "blobs", "keys.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = local.StartBlobs(t.Context(), local.BlobsOptions{DataDir: broken})
	fault(t, err, "keys_unreadable")
}

func TestTemporaryObjectStoreLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := startBlobs(t, local.BlobsOptions{})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
