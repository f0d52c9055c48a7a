package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

const (
	mib = 1 << 20
	// minPart is the size of a part where the file is small; above it, a file
	// has about maxParts of them, so that one list request shows them all.
	minPart  = 64 * mib
	maxParts = 900
	// maxFile is what that many parts of S3's largest size hold, rounded down.
	maxFile = 4 << 40
	// signedFor is how long a signed part may be begun.
	signedFor = time.Hour
	// maxFilename is in bytes.
	maxFilename = 255
)

// NewUpload asks for an upload.
type NewUpload struct {
	Filename string `json:"filename" maxLength:"1024" doc:"The file's name, for people"`
	Size     int64  `json:"size" doc:"Bytes"`
	// Overrides are for a file that inspection would not read as it is meant.
	Overrides *workflow.Overrides `json:"overrides,omitempty" doc:"How to read the file, where it is not to be found out"`
}

// Upload says how to send a file.
type Upload struct {
	FileID    string `json:"file_id" format:"uuid"`
	PartSize  int64  `json:"part_size" doc:"Bytes of every part but the last"`
	PartCount int32  `json:"part_count"`
}

// PartSize is how many bytes each part of an upload has but the last: max(64 MiB,
// size/900) in whole MiB.
func PartSize(size int64) int64 {
	per := (size + maxParts - 1) / maxParts
	return max(minPart, (per+mib-1)/mib*mib)
}

func partCount(size, part int64) int32 { return int32((size + part - 1) / part) }

// newFileID is a random UUID (RFC 9562, version 4).
func newFileID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// objectKey is where a file is kept; the user's name is no part of it.
func objectKey(fileID string) string { return "sources/" + fileID + "/file.csv" }

// checkFilename refuses names that would mislead whoever reads them.
func checkFilename(name string) error {
	bad := func(fix, format string, args ...any) error {
		return &Invalid{etl.Mistakef("bad_filename", fix, format, args...), []Detail{{"body.filename", fmt.Sprintf(format, args...)}}}
	}
	switch {
	case strings.TrimSpace(name) == "":
		return bad("Send the file's name", "the filename is empty")
	case !utf8.ValidString(name):
		return bad("Send it in UTF-8", "the filename is not UTF-8")
	case len(name) > maxFilename:
		return bad("Shorten it", "the filename has %d bytes; %d are the most", len(name), maxFilename)
	case strings.ContainsAny(name, `/\`) || name == "." || name == "..":
		return bad("Send the last part of the path only", "the filename %q holds a path", name)
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return bad("Rename the file", "the filename holds the invisible character %U", r)
		}
	}
	return nil
}

// CreateUpload starts an upload in parts.
func (p *Portal) CreateUpload(ctx context.Context, in NewUpload) (*Upload, error) {
	if err := checkFilename(in.Filename); err != nil {
		return nil, err
	}
	switch {
	case in.Size == 0:
		return nil, etl.Mistakef("empty_file", "Send a file with a header and rows", "the file %s is empty", in.Filename)
	case in.Size < 0:
		return nil, &Invalid{etl.Mistakef("bad_size", "Send the file's size in bytes", "the size %d is negative", in.Size), []Detail{{"body.size", "must be over 0"}}}
	case in.Size > maxFile:
		return nil, &Invalid{etl.Mistakef("file_too_large", "Split the file", "the file has %d bytes; %d (4 TiB) are the most", in.Size, int64(maxFile)), []Detail{{"body.size", "is too large"}}}
	}
	var overrides []byte
	if in.Overrides != nil {
		if _, err := in.Overrides.Options(); err != nil {
			return nil, err
		}
		text, err := encodeOverrides(in.Overrides)
		if err != nil {
			return nil, err
		}
		overrides = text
	}
	id := newFileID()
	uploadID, err := p.Blobs.CreateUpload(ctx, objectKey(id))
	if err != nil {
		return nil, err
	}
	src, err := p.Store.CreateSource(ctx, etl.Source{
		ID: id, Filename: in.Filename, Size: in.Size, State: etl.SourceUploading, UploadID: uploadID, PartSize: PartSize(in.Size),
		Object: etl.ObjectRef{Key: objectKey(id)}, Overrides: overrides,
	})
	if err != nil {
		return nil, errors.Join(err, p.Blobs.Abort(context.WithoutCancel(ctx), objectKey(id), uploadID))
	}
	if err := p.audit(ctx, "create", "source", src.ID, nil, in); err != nil {
		return nil, err
	}
	return &Upload{FileID: src.ID, PartSize: src.PartSize, PartCount: partCount(src.Size, src.PartSize)}, nil
}

// uploading is a source that is still being sent.
func (p *Portal) uploading(ctx context.Context, id string) (etl.Source, error) {
	src, err := p.source(ctx, id)
	if err == nil && src.State != etl.SourceUploading {
		err = etl.Mistakef("upload_complete", "Nothing more can be sent; create another upload for another file", "the upload of %s is complete", src.Filename)
	}
	return src, err
}

// sized is a file in parts.
type sized struct {
	size, part int64
	count      int32
}

// of is the size of a part, in bytes.
func (s sized) of(number int32) int64 {
	if number == s.count {
		return s.size - int64(s.count-1)*s.part
	}
	return s.part
}

func sizesOf(src *etl.Source) sized {
	return sized{src.Size, src.PartSize, partCount(src.Size, src.PartSize)}
}

// SignedParts are where and how to put parts.
type SignedParts struct {
	URLs []etl.SignedPart `json:"urls"`
}

// SignParts signs PUT URLs, valid for an hour, each for its part and size.
func (p *Portal) SignParts(ctx context.Context, id string, numbers []int32) (*SignedParts, error) {
	src, err := p.uploading(ctx, id)
	if err != nil {
		return nil, err
	}
	sizes := sizesOf(&src)
	wanted := make(map[int32]int64, len(numbers))
	for i, n := range numbers {
		if n < 1 || n > sizes.count {
			message := fmt.Sprintf("there is no part %d: the parts are 1 to %d", n, sizes.count)
			return nil, &Invalid{etl.Mistakef("bad_part_number", "Ask for parts of this upload", "%s", message), []Detail{{fmt.Sprintf("body.part_numbers[%d]", i), message}}}
		}
		wanted[n] = sizes.of(n)
	}
	signed, err := p.Blobs.SignParts(ctx, src.Object.Key, src.UploadID, wanted, signedFor)
	if err != nil {
		return nil, err
	}
	return &SignedParts{signed}, nil
}

// Arrived are the parts of an upload that have arrived, to resume it.
type Arrived struct {
	Upload
	Parts []etl.Part `json:"parts"`
}

// Parts lists what has arrived.
func (p *Portal) Parts(ctx context.Context, id string) (*Arrived, error) {
	src, err := p.uploading(ctx, id)
	if err != nil {
		return nil, err
	}
	parts, err := p.Blobs.Parts(ctx, src.Object.Key, src.UploadID)
	if err != nil {
		return nil, err
	}
	if parts == nil {
		parts = []etl.Part{}
	}
	return &Arrived{Upload{src.ID, src.PartSize, partCount(src.Size, src.PartSize)}, parts}, nil
}

// CompletedPart is a part as the client has sent it.
type CompletedPart struct {
	Number int32  `json:"part_number" minimum:"1"`
	ETag   string `json:"etag,omitempty" maxLength:"200" doc:"As the store answered; compared with what has arrived"`
}

// CompleteUpload joins the parts and looks at the file. It may be repeated. A
// file that is no CSV is refused with the reason, and nothing of it is kept.
func (p *Portal) CompleteUpload(ctx context.Context, id string, given []CompletedPart) (*Metadata, error) {
	src, err := p.source(ctx, id)
	if err != nil {
		return nil, err
	}
	if src.State != etl.SourceUploading {
		return metadata(&src)
	}
	parts, err := p.checkParts(ctx, &src, given)
	if err == nil {
		src.Object, err = p.Blobs.Complete(ctx, src.Object.Key, src.UploadID, parts)
	}
	if err != nil {
		// The same request sent twice at once: the other one has done it.
		if again, e := p.source(ctx, id); e == nil && again.State != etl.SourceUploading {
			return metadata(&again)
		}
		return nil, err
	}
	if src.Object.Size != src.Size {
		p.forget(ctx, &src)
		return nil, etl.Mistakef("size_differs", "Upload the file again", "%s was announced with %d bytes, and %d have arrived", src.Filename, src.Size, src.Object.Size)
	}
	return p.arrived(ctx, src)
}

// checkParts compares what has arrived with the plan, and with what the client says.
func (p *Portal) checkParts(ctx context.Context, src *etl.Source, given []CompletedPart) ([]etl.Part, error) {
	parts, err := p.Blobs.Parts(ctx, src.Object.Key, src.UploadID)
	if err != nil {
		return nil, err
	}
	byNumber := make(map[int32]etl.Part, len(parts))
	for _, part := range parts {
		byNumber[part.Number] = part
	}
	sizes := sizesOf(src)
	var missing []string
	lacking := 0
	for n := int32(1); n <= sizes.count; n++ {
		part, ok := byNumber[n]
		if !ok || part.Size != sizes.of(n) {
			lacking++
			if len(missing) < 10 {
				missing = append(missing, fmt.Sprint(n))
			}
		}
	}
	if lacking > 0 {
		list := strings.Join(missing, ", ")
		if lacking > len(missing) {
			list += ", …"
		}
		return nil, etl.Mistakef("parts_missing", "Send them, then complete the upload again; GET …/parts lists what has arrived",
			"%d of %d parts of %s have not arrived whole: %s", lacking, sizes.count, src.Filename, list)
	}
	for i, g := range given {
		part, ok := byNumber[g.Number]
		where := fmt.Sprintf("body.parts[%d]", i)
		if !ok {
			return nil, &Invalid{etl.Mistakef("bad_part_number", "List the parts of this upload", "there is no part %d", g.Number), []Detail{{where + ".part_number", "no such part"}}}
		}
		if g.ETag != "" && strings.Trim(g.ETag, `"`) != strings.Trim(part.ETag, `"`) {
			return nil, &Invalid{etl.Mistakef("part_differs", "Send the part again", "part %d has another ETag than the one given", g.Number), []Detail{{where + ".etag", "is not that of the part"}}}
		}
	}
	return parts, nil
}

// AbortUpload ends an upload and forgets it.
func (p *Portal) AbortUpload(ctx context.Context, id string) error {
	src, err := p.uploading(ctx, id)
	if err != nil {
		return err
	}
	if err := p.Blobs.Abort(ctx, src.Object.Key, src.UploadID); err != nil {
		return err
	}
	if err := p.Store.DeleteSource(ctx, id); err != nil {
		return err
	}
	return p.audit(ctx, "abort", "source", id, NewUpload{Filename: src.Filename, Size: src.Size}, nil)
}

// UploadDirect streams a file into the store without holding it.
func (p *Portal) UploadDirect(ctx context.Context, filename string, r io.Reader) (*Metadata, error) {
	if err := checkFilename(filename); err != nil {
		return nil, err
	}
	id := newFileID()
	if p.MaxUpload > 0 {
		r = &bounded{r, p.MaxUpload}
	}
	object, err := p.Blobs.Put(ctx, objectKey(id), r)
	if err != nil {
		// A store may have something, an error may be the reader's.
		_ = p.Blobs.Delete(context.WithoutCancel(ctx), objectKey(id))
		return nil, err
	}
	src := etl.Source{ID: id, Filename: filename, Size: object.Size, State: etl.SourceUploading, Object: object, PartSize: minPart}
	if object.Size == 0 {
		_ = p.Blobs.Delete(context.WithoutCancel(ctx), object.Key)
		return nil, etl.Mistakef("empty_file", "Send a file with a header and rows", "the file %s is empty", filename)
	}
	created, err := p.Store.CreateSource(ctx, src)
	if err != nil {
		return nil, errors.Join(err, p.Blobs.Delete(context.WithoutCancel(ctx), object.Key))
	}
	if err := p.audit(ctx, "create", "source", id, nil, NewUpload{Filename: filename, Size: object.Size}); err != nil {
		return nil, err
	}
	created.Object = object
	return p.arrived(ctx, created)
}

// bounded is a reader that fails beyond left bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(buf []byte) (int, error) {
	n, err := b.r.Read(buf)
	if b.left -= int64(n); b.left < 0 {
		return 0, etl.Mistakef("too_large", "Send it in parts: POST /sources/csv/uploads", "the file is larger than may be sent directly")
	}
	return n, err
}

// arrived looks at the first bytes of a file whose bytes are all there and
// asks for the rest to be looked at.
func (p *Portal) arrived(ctx context.Context, src etl.Source) (*Metadata, error) {
	before := src.Version
	if err := p.inspect(ctx, &src); err != nil {
		if etl.KindOf(err) == etl.Mistake {
			p.forget(ctx, &src)
		}
		return nil, err
	}
	src.Version = before
	return p.saveInspected(ctx, src)
}

// saveInspected stores what inspect has found, and asks for the rest.
func (p *Portal) saveInspected(ctx context.Context, src etl.Source) (*Metadata, error) {
	saved, err := p.Store.UpdateSource(ctx, src)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "version_conflict" {
		if again, err := p.source(ctx, src.ID); err == nil && again.State != etl.SourceUploading {
			return metadata(&again)
		}
	}
	if err != nil {
		return nil, err
	}
	if saved.State != etl.SourceComplete {
		if err := p.Queue.Send(ctx, 0, etl.Message{Topic: etl.TopicInspect, FileID: saved.ID}); err != nil {
			// The reconciler finds it; the file can be used meanwhile.
			p.log().WarnContext(ctx, "the profile was not asked for", "file_id", saved.ID, "error", err)
		}
	}
	return metadata(&saved)
}

// forget removes a source that was refused.
func (p *Portal) forget(ctx context.Context, src *etl.Source) {
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(p.Store.DeleteSource(ctx, src.ID), p.Blobs.Delete(ctx, src.Object.Key)); err != nil {
		p.log().WarnContext(ctx, "a refused file was not removed", "file_id", src.ID, "error", err)
	}
}

// inspect reads the sample of a file and sets what it shows.
func (p *Portal) inspect(ctx context.Context, src *etl.Source) error {
	options, err := workflow.OptionsOf(*src)
	if err != nil {
		return err
	}
	body, err := p.Blobs.Range(ctx, src.Object, 0, min(workflow.SampleBytes, src.Object.Size))
	if err != nil {
		return err
	}
	sample, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	whole := int64(len(sample)) >= src.Object.Size
	in, spans, err := workflow.InspectSample(ctx, src.Filename, sample, whole, options)
	if err != nil {
		return forAPI(err)
	}
	view := workflow.NewView(src.Filename, src.Object.Size, "", in)
	if src.Inspection, err = encode(view); err != nil {
		return err
	}
	src.Size, src.Encoding, src.Dialect, src.Names = src.Object.Size, in.Sniff.Encoding, in.Sniff.Dialect, in.Sniff.Names
	src.RowCount, src.BytesProfiled, src.State, src.Error = in.Rows, 0, etl.SourceSampled, nil
	if !whole {
		return nil
	}
	src.State, src.BytesProfiled = etl.SourceComplete, src.Size
	return p.Store.SaveSpans(ctx, src.ID, spans)
}

// forAPI words the fixes of the engine, which speak of the command line's
// flags, for those who have none.
func forAPI(err error) error {
	e, ok := errors.AsType[*etl.Error](err)
	if !ok || !strings.Contains(e.Fix+e.Message, "--") && !strings.Contains(e.Fix, ".csv.") {
		return err
	}
	worded := *e
	worded.Fix = flags.Replace(e.Fix)
	if strings.Contains(e.Fix, ".csv.") || strings.Contains(e.Fix, "(.zip") {
		worded.Fix = "Unpack it and send the CSV inside"
	}
	return &worded
}

var flags = strings.NewReplacer(
	"(--create)", "(create_table)",
	"(--mapping)", "(column_mappings)", "Write a mapping file that", "Send column_mappings that say", "say says", "say",
	"--date-order dmy or --date-order mdy", "PATCH …/sources/csv/{file_id} and date_order dmy or mdy",
	"--decimal point or --decimal comma", "PATCH …/sources/csv/{file_id} and decimal point or comma",
	"with --encoding, for example --encoding windows-1252", "as encoding, for example windows-1252",
	"with --encoding", "as encoding", "in a mapping", "in column_mappings",
	"--skip-lines", "skip_lines", "--header", "header", "--delimiter", "delimiter", "--quote", "quote", "--escape", "escape", "--comment", "comment",
)

// encode writes JSON without escaping what only HTML needs escaped.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
