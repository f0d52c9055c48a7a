package source

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

var content = []byte("id,name\n1,a\n2,b\n" + strings.Repeat("3,ccccccccccccccccccc\n", 20_000))

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, errors.Join(err, w.Close()))
	return out.Bytes()
}

func zstandard(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return w.EncodeAll(b, nil)
}

type member struct {
	name    string
	content []byte
}

func zipped(t *testing.T, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		f, err := w.Create(m.name)
		require.NoError(t, err)
		_, err = f.Write(m.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func file(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// pipe is a standard input that cannot be read twice.
func pipe(t *testing.T, b []byte) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	go func() {
		w.Write(b)
		w.Close()
	}()
	t.Cleanup(func() { r.Close() })
	return r
}

func readAll(t *testing.T, s *Source) []byte {
	t.Helper()
	r, err := s.Reader(t.Context())
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return b
}

func TestEveryFormGivesTheSameContent(t *testing.T) {
	forms := map[string][]byte{
		"plain": content, "gzip": gzipped(t, content), "zstd": zstandard(t, content),
		"gzip of two members": append(gzipped(t, content[:1000]), gzipped(t, content[1000:])...),
		"zip":                 zipped(t, member{"__MACOSX/._x", []byte("x")}, member{"dir/sales.csv", content}),
	}
	for name, b := range forms {
		t.Run(name+" file", func(t *testing.T) {
			s, err := Open(file(t, "data", b), Options{})
			require.NoError(t, err)
			defer s.Close()
			for range 2 {
				sample, all, err := s.Sample(t.Context(), 10)
				require.NoError(t, err)
				require.Equal(t, content[:10], sample)
				require.False(t, all)
				require.Equal(t, content, readAll(t, s))
			}
			require.True(t, s.Rereadable())
			require.Equal(t, int64(len(b)), s.Size())
			require.NoError(t, s.Changed())
		})
		t.Run(name+" elsewhere", func(t *testing.T) {
			s := openRemote(t, &elsewhere{content: b})
			for range 2 {
				sample, all, err := s.Sample(t.Context(), 10)
				require.NoError(t, err)
				require.Equal(t, content[:10], sample)
				require.False(t, all)
				require.Equal(t, content, readAll(t, s))
			}
			require.True(t, s.Rereadable())
			require.Equal(t, int64(len(b)), s.Size())
			require.NoError(t, errors.Join(s.Changed(), s.Spool(t.Context())))
			_, plain := s.ReaderAt()
			require.Equal(t, s.Compression == "", plain)
		})
		t.Run(name+" pipe", func(t *testing.T) {
			s, err := Open("-", Options{Stdin: pipe(t, b), TempDir: t.TempDir()})
			require.NoError(t, err)
			defer s.Close()
			sample, all, err := s.Sample(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, content[:10], sample)
			require.False(t, all)
			require.Equal(t, content, readAll(t, s))
		})
		t.Run(name+" pipe, spooled after the sample", func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open("-", Options{Stdin: pipe(t, b), TempDir: dir})
			require.NoError(t, err)
			_, _, err = s.Sample(t.Context(), 100)
			require.NoError(t, err)
			require.NoError(t, s.Spool(t.Context()))
			require.Equal(t, content, readAll(t, s))
			require.Equal(t, content, readAll(t, s))
			require.NoError(t, s.Close())
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestSampleOfTheWholeFile(t *testing.T) {
	s, err := Open(file(t, "a.csv", []byte("a,b\n")), Options{})
	require.NoError(t, err)
	defer s.Close()
	for _, n := range []int{4, 5, 100} {
		sample, all, err := s.Sample(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, "a,b\n", string(sample))
		require.True(t, all)
	}
}

func TestRedirectedFileIsReadLikeAFile(t *testing.T) {
	f, err := os.Open(file(t, "a.csv", content))
	require.NoError(t, err)
	s, err := Open("-", Options{Stdin: f})
	require.NoError(t, err)
	defer s.Close()
	require.True(t, s.Rereadable())
	at, ok := s.ReaderAt()
	require.True(t, ok)
	b := make([]byte, 7)
	_, err = at.ReadAt(b, 8)
	require.NoError(t, err)
	require.Equal(t, content[8:15], b)
	require.Equal(t, int64(7), s.BytesRead())
}

func TestWhatCannotBeRead(t *testing.T) {
	gz := gzipped(t, content)
	broken := bytes.Clone(gz)
	broken[len(broken)-6] ^= 0xff
	dir := t.TempDir()
	cases := []struct {
		name, path string
		code       etl.Code
		says       string
	}{
		{"missing", filepath.Join(dir, "x.csv"), "file_not_found", "does not exist"},
		{"a folder", dir, "is_a_directory", "is a directory"},
		{"below a file", file(t, "f", nil) + "/x", "file_not_found", "not a path"},
		{"cut gzip", file(t, "cut.csv.gz", gz[:len(gz)/2]), "damaged_archive", "ends too early"},
		{"wrong checksum", file(t, "sum.csv.gz", broken), "damaged_archive", "checksum"},
		{"cut zstd", file(t, "cut.csv.zst", zstandard(t, content)[:50]), "damaged_archive", "ends too early"},
		{"two files", file(t, "two.zip", zipped(t, member{"a.csv", content}, member{"b.csv", content})), "zip_member", `"a.csv", "b.csv"`},
		{"no file", file(t, "none.zip", zipped(t, member{"dir/", nil})), "empty_file", "without a file"},
		{"a workbook", file(t, "book.csv", zipped(t, member{"[Content_Types].xml", nil}, member{"xl/workbook.xml", nil})), "not_csv", "spreadsheet"},
		{"not really a zip", file(t, "x.zip", []byte("PK\x03\x04 and nothing more")), "damaged_archive", "zip"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(c.path, Options{})
			if err == nil {
				defer s.Close()
				var r io.ReadCloser
				if r, err = s.Reader(context.Background()); err == nil {
					_, err = io.Copy(io.Discard, r)
				}
			}
			e, ok := errors.AsType[*etl.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, etl.Mistake, e.Kind)
			require.Contains(t, e.Message, c.says)
			require.NotEmpty(t, e.Fix)
		})
	}
}

func TestMissingFileNamesItsNeighbour(t *testing.T) {
	path := file(t, "Sales.CSV", content)
	_, err := Open(strings.TrimSuffix(path, "Sales.CSV")+"sales.csv", Options{})
	require.ErrorContains(t, err, "Did you mean "+path)
}

func TestMemberOfAZip(t *testing.T) {
	path := file(t, "two.zip", zipped(t, member{"a.csv", content[:100]}, member{"b.csv", content[:200]}))
	s, err := Open(path, Options{Member: "b.csv"})
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, content[:200], readAll(t, s))
	_, err = Open(path, Options{Member: "c.csv"})
	require.ErrorContains(t, err, `no file "c.csv"`)
}

func TestGrowingFile(t *testing.T) {
	path := file(t, "log.csv", []byte("a\n1\n"))
	s, err := Open(path, Options{})
	require.NoError(t, err)
	defer s.Close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("2\n")
	require.NoError(t, errors.Join(err, f.Close()))
	require.Equal(t, "a\n1\n", string(readAll(t, s)), "the content stays that of the time it was opened")
	e, ok := errors.AsType[*etl.Error](s.Changed())
	require.True(t, ok)
	require.Equal(t, etl.Code("file_changed"), e.Code)
}

func TestCancelEndsAReadThatWaits(t *testing.T) {
	in, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	_, err = w.WriteString("a,b\n1,2\n")
	require.NoError(t, err)
	s, err := Open("-", Options{Stdin: in})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Reader(ctx)
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 8))
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		_, err := r.Read(make([]byte, 1))
		failed <- err
	}()
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	// The read that still waits must not race with the end of its file.
	require.NoError(t, w.Close())
}
