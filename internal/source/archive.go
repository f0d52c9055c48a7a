package source

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/etlportal/etlportal/internal/etl"
)

// maxWindow bounds the memory that a zstd frame may ask for.
const maxWindow = 32 << 20

// decompress opens a gzip or zstd stream. Concatenated members are one content.
func decompress(compression string, r io.Reader) (io.Reader, func(), error) {
	if compression == "gzip" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { _ = z.Close() }, nil
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

type zipMember struct{ file *zip.File }

// openZip finds the one file of a zip that is meant.
func (s *Source) openZip() error {
	z, err := zip.NewReader(&countingReaderAt{io.NewSectionReader(s.at, 0, s.size), &s.read}, s.size)
	if err != nil {
		return s.archiveError(err)
	}
	var files []*zip.File
	for _, f := range z.File {
		if f.Name == "[Content_Types].xml" || f.Name == "mimetype" {
			return etl.Mistakef("not_csv", "Save it as CSV from the program that made it", "%s is a spreadsheet or document (zip with %s inside), not a CSV file", s.Name, f.Name)
		}
		base := path.Base(f.Name)
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || base == ".DS_Store" || base == "Thumbs.db" {
			continue
		}
		if s.options.Member == "" || f.Name == s.options.Member {
			files = append(files, f)
		}
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, fmt.Sprintf("%.80q", f.Name))
	}
	switch {
	case len(files) == 0 && s.options.Member != "":
		return etl.Mistakef("zip_member", "List its files with: unzip -l", "%s holds no file %q", s.Name, s.options.Member)
	case len(files) == 0:
		return etl.Mistakef("empty_file", "Check how the archive was made", "%s is a zip without a file in it", s.Name)
	case len(files) > 1:
		list := strings.Join(names[:min(5, len(names))], ", ")
		if len(names) > 5 {
			list += ", …"
		}
		return etl.Mistakef("zip_member", "Name one with --member", "%s holds %d files (%s); only a zip with one CSV can be read as it is", s.Name, len(files), list)
	}
	f := files[0]
	if f.Flags&1 != 0 {
		return etl.Mistakef("encrypted", "Unpack it first: unzip "+s.Name, "%s is encrypted", s.Name)
	}
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return etl.Mistakef("unsupported_archive", "Unpack it first, or pack it with ordinary deflate", "%s uses zip compression method %d", s.Name, f.Method)
	}
	s.member = zipMember{f}
	return nil
}

func (s *Source) zipReader() (io.Reader, func(), error) {
	s.Rewind()
	r, err := s.member.file.Open()
	if err != nil {
		return nil, nil, s.archiveError(err)
	}
	return r, func() { _ = r.Close() }, nil
}

// archiveError explains a broken archive; reads that fail below it keep their own error.
func (s *Source) archiveError(err error) error {
	if e, ok := errors.AsType[*etl.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return readError(s.Name, err)
	}
	what, fix := "is damaged", "Copy or download it again; test it with "+map[string]string{"gzip": "gzip -t", "zstd": "zstd -t", "zip": "unzip -t"}[s.Compression]
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		what = "ends too early"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		what = "does not match its checksum"
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		what, fix = fmt.Sprintf("needs more than %d MiB of window to decompress", maxWindow>>20), "Pipe it in: zstd -dc --long=31 FILE | etlportal … -"
	}
	return &etl.Error{Kind: etl.Mistake, Code: "damaged_archive", Message: fmt.Sprintf("the %s archive %s %s", s.Compression, s.Name, what), Fix: fix, Err: err}
}
