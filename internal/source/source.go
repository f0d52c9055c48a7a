// Package source opens the bytes of a CSV file: a path, standard input or a file
// elsewhere, plain or compressed, read as often as the caller needs them and
// never held in memory whole.
package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// Options bound what a source may cost.
type Options struct {
	// Stdin replaces os.Stdin for the path "-".
	Stdin *os.File
	// Member names the file to read in a zip that holds several.
	Member string
	// TempDir is where standard input is spooled to; "" is the system's.
	TempDir string
}

// Source is an opened file. Its methods may be used by one goroutine, except
// for ReaderAt's result and BytesRead, which any number may use.
type Source struct {
	// Name is the path or address as given, "standard input" for "-".
	Name string
	// Compression is "", "gzip", "zstd" or "zip".
	Compression string

	options Options
	file    *os.File
	remote  *blocks
	// at is file or remote, where that can be read at any place.
	at      io.ReaderAt
	temp    bool
	piped   bool
	size    int64
	mtime   time.Time
	member  zipMember
	pipe    pipeReader
	prefix  []byte
	pending *reader
	taken   bool
	read    atomic.Int64
}

// Open opens a path, or standard input for "-". Errors are *etl.Error of kind
// Mistake: file_not_found, is_a_directory, permission_denied, not_a_file, and
// those of a broken or unsuitable archive.
func Open(path string, o Options) (*Source, error) {
	s := &Source{Name: path, options: o, size: -1}
	if path == "-" {
		s.Name = "standard input"
		s.file = o.Stdin
		if s.file == nil {
			s.file = os.Stdin
		}
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, openError(path, err)
		}
		s.file = f
	}
	info, err := s.file.Stat()
	if err != nil {
		return nil, errors.Join(openError(path, err), s.Close())
	}
	if info.IsDir() {
		return nil, errors.Join(etl.Mistakef("is_a_directory", "Name a file in it", "%s is a directory", s.Name), s.Close())
	}
	if info.Mode().IsRegular() {
		s.size, s.mtime = info.Size(), info.ModTime()
		if pos, err := s.file.Seek(0, io.SeekCurrent); path == "-" && (err != nil || pos != 0) {
			s.size, s.piped = -1, true
		}
	} else {
		s.piped = true
	}
	s.pipe.r, s.at = s.file, s.file
	if err := s.detect(context.Background()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenRemote opens a file that is read over a network, by ranges of a MiB of
// which several are under way at a time, in 10 MiB of memory. Requests end with
// ctx, at the latest with Close. Errors are those of r, and of Open for archives.
func OpenRemote(ctx context.Context, name string, r Remote, o Options) (*Source, error) {
	s := &Source{Name: name, options: o, remote: newBlocks(ctx, r), size: r.Size()}
	s.at = s.remote
	if err := s.detect(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openError says in plain words why a file cannot be opened.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fix := "Check the path"
		if near := nearest(path); near != "" {
			fix = fmt.Sprintf("Did you mean %s?", near)
		}
		return &etl.Error{Kind: etl.Mistake, Code: "file_not_found", Message: path + " does not exist", Fix: fix, Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &etl.Error{
			Kind: etl.Mistake, Code: "permission_denied", Message: path + " cannot be read: permission denied",
			Fix: "Give yourself read permission (chmod u+r) or run as its owner", Err: err,
		}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return &etl.Error{Kind: etl.Mistake, Code: "file_not_found", Message: path + " is not a path to a file", Fix: "Check the path", Err: err}
	}
	return &etl.Error{Kind: etl.Mistake, Code: "cannot_open", Message: fmt.Sprintf("%s cannot be opened: %v", path, err), Fix: "Check the path and the disk", Err: err}
}

// detect looks at the first bytes for compression.
func (s *Source) detect(ctx context.Context) error {
	head, err := s.peek(ctx, 4)
	if err != nil {
		return err
	}
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		s.Compression = "gzip"
	case len(head) == 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd:
		s.Compression = "zstd"
	case len(head) == 4 && head[0] == 'P' && head[1] == 'K' && (head[2] == 3 && head[3] == 4 || head[2] == 5 && head[3] == 6):
		s.Compression = "zip"
		// A zip's directory is at its end.
		if err := s.Spool(ctx); err != nil {
			return err
		}
		return s.openZip()
	}
	return nil
}

// peek returns up to n first raw bytes without consuming them.
func (s *Source) peek(ctx context.Context, n int) ([]byte, error) {
	if !s.piped {
		b := make([]byte, n)
		k, err := s.at.ReadAt(b, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, readError(s.Name, err)
		}
		return b[:k], nil
	}
	for len(s.prefix) < n {
		b := make([]byte, n-len(s.prefix))
		k, err := s.pipe.read(ctx, b)
		s.prefix = append(s.prefix, b[:k]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(s.Name, err)
		}
	}
	return s.prefix[:min(n, len(s.prefix))], nil
}

// Size is the number of raw (compressed) bytes; -1 where it is unknown, as for a pipe.
func (s *Source) Size() int64 { return s.size }

// BytesRead is how many raw bytes have been read by the newest Reader and by
// all readers over ReaderAt since the last Rewind.
func (s *Source) BytesRead() int64 { return s.read.Load() }

// Rewind sets BytesRead to 0, before another pass.
func (s *Source) Rewind() {
	s.read.Store(0)
	if s.remote != nil {
		s.remote.again()
	}
}

// Rereadable says whether Reader may be called more than once.
func (s *Source) Rereadable() bool { return !s.piped }

// Remote says whether the file is read over a network, where a second pass over
// it costs as much as the first.
func (s *Source) Remote() bool { return s.remote != nil }

// ReaderAt gives random access where the file is plain; ok is false for
// compressed files and pipes. Reading past Size at the time of Open is EOF,
// so that a growing file has one content.
func (s *Source) ReaderAt() (r io.ReaderAt, ok bool) {
	if s.piped || s.Compression != "" {
		return nil, false
	}
	return &countingReaderAt{io.NewSectionReader(s.at, 0, s.size), &s.read}, true
}

type countingReaderAt struct {
	r io.ReaderAt
	n *atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// raw is the stream of raw bytes from the start.
func (s *Source) raw(of *reader) io.Reader {
	s.Rewind()
	if s.remote != nil {
		return &countingReader{io.NewSectionReader(readerAtFunc(func(p []byte, off int64) (int, error) { return s.remote.readAt(of.ctx, p, off) }), 0, s.size), &s.read}
	}
	if !s.piped {
		return &countingReader{io.NewSectionReader(s.at, 0, s.size), &s.read}
	}
	head := s.prefix
	s.prefix, s.taken = nil, true
	return &countingReader{io.MultiReader(&sliceReader{head}, readerFunc(func(p []byte) (int, error) { return s.pipe.read(of.ctx, p) })), &s.read}
}

// sliceReader lets go of its bytes once they are read.
type sliceReader struct{ b []byte }

func (r *sliceReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		r.b = nil
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Reader gives the file's content from its first byte, decompressed. A second
// call is allowed where Rereadable says so; the earlier reader must be closed
// by then. Cancelling ctx ends reads with ctx's error. A broken archive is an *etl.Error.
func (s *Source) Reader(ctx context.Context) (io.ReadCloser, error) {
	if r := s.pending; r != nil {
		s.pending = nil
		r.ctx = ctx
		return r, nil
	}
	if s.piped && s.taken {
		return nil, fmt.Errorf("%s was already read and cannot be read again", s.Name)
	}
	out := &reader{ctx: ctx, s: s}
	switch s.Compression {
	case "gzip", "zstd":
		d, closer, err := decompress(s.Compression, bufio.NewReaderSize(s.raw(out), 128<<10))
		if err != nil {
			return nil, s.archiveError(err)
		}
		out.r, out.closer = d, closer
	case "zip":
		z, closer, err := s.zipReader()
		if err != nil {
			return nil, err
		}
		out.r, out.closer = z, closer
	default:
		out.r, out.closer = s.raw(out), func() {}
	}
	return out, nil
}

type reader struct {
	ctx    context.Context //nolint:containedctx // a Read has no context of its own
	s      *Source
	r      io.Reader
	once   sync.Once
	closer func()
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if r.s.Compression != "" {
			err = r.s.archiveError(err)
		} else {
			err = readError(r.s.Name, err)
		}
	}
	return n, err
}

func (r *reader) Close() error {
	r.once.Do(r.closer)
	return nil
}

// Sample returns up to n first bytes of the decompressed content, and whether
// that is all of it. It may be called before, and instead of, a first Reader,
// also for pipes.
func (s *Source) Sample(ctx context.Context, n int) (sample []byte, atEOF bool, err error) {
	if s.piped && s.Compression == "" {
		b, err := s.peek(ctx, n+1)
		if err != nil {
			return nil, false, err
		}
		return b[:min(n, len(b))], len(b) <= n, nil
	}
	rc, err := s.Reader(ctx)
	if err != nil {
		return nil, false, err
	}
	b := make([]byte, n+1)
	k, err := io.ReadFull(rc, b)
	if r, ok := rc.(*reader); ok && s.piped {
		// The stream cannot start again: what was taken from it is put back in front.
		r.r = io.MultiReader(&sliceReader{b[:k:k]}, r.r)
		s.pending = r
	} else {
		err = errors.Join(err, rc.Close())
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, err
	}
	return b[:min(k, n)], k <= n, nil
}

// Spool copies a pipe into a temporary file that goes with the Source, so
// that it can be read again; it does nothing for a file. A full disk is an *etl.Error.
func (s *Source) Spool(ctx context.Context) error {
	if !s.piped {
		return nil
	}
	f, err := os.CreateTemp(s.options.TempDir, "etlportal-*")
	if err != nil {
		return &etl.Error{
			Kind: etl.Mistake, Code: "no_temp_space", Message: fmt.Sprintf("%s must be kept in a temporary file, which cannot be made: %v", s.Name, err),
			Fix: "Set TMPDIR to a folder that you can write to", Err: err,
		}
	}
	name := f.Name()
	// Unlinked at once where the system allows it, so that not even a crash leaves it behind.
	s.temp = os.Remove(name) != nil
	var in io.Reader
	if s.pending != nil {
		s.pending.ctx, in, s.Compression = ctx, s.pending, ""
	} else {
		plain := &reader{ctx: ctx, s: s}
		plain.r = s.raw(plain)
		in = plain
	}
	n, err := io.Copy(f, in)
	if err != nil {
		err = errors.Join(err, f.Close())
		if s.temp {
			err = errors.Join(err, os.Remove(name))
		}
		if errors.Is(err, syscall.ENOSPC) {
			return &etl.Error{
				Kind: etl.Mistake, Code: "disk_full", Message: fmt.Sprintf("no space left for the temporary copy of %s in %s", s.Name, filepath.Dir(name)),
				Fix: "Set TMPDIR to a folder with more room, or load from a file", Err: err,
			}
		}
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.file, s.at, s.piped, s.taken, s.pending, s.size, s.mtime = f, f, false, false, nil, n, info.ModTime()
	return nil
}

// Changed returns an *etl.Error if the file's size or modification time is no
// longer what it was when it was opened. All that is read of a remote file is of
// one content, whatever has become of it since.
func (s *Source) Changed() error {
	if s.piped || s.remote != nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return readError(s.Name, err)
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
		return etl.Mistakef("file_changed", "Run it again when nothing writes to the file any more",
			"%s changed while it was read (%d bytes at first, %d now)", s.Name, s.size, info.Size())
	}
	return nil
}

// Close frees the file; may be repeated.
func (s *Source) Close() error {
	if s.remote != nil {
		s.remote.close()
	}
	if s.file == nil || s.file == os.Stdin {
		return nil
	}
	err := s.file.Close()
	if s.temp {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}

// readError explains a read that failed; a remote file's has explained itself.
func readError(name string, err error) error {
	if _, ok := errors.AsType[*etl.Error](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	return &etl.Error{
		Kind: etl.Weather, Code: "read_failed", Message: fmt.Sprintf("%s cannot be read: %v", name, err),
		Fix: "Check the disk or the network share, then run it again", Err: err,
	}
}
