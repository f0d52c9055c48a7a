package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (s *server) uploadOperations() {
	const tag = "Uploads"
	register(s, operation(etl.Editor, http.MethodPost, "/sources/csv/uploads", "create-upload", tag, "Begin to upload a file in parts", status(http.StatusCreated)),
		func(ctx context.Context, in *struct{ Body portal.NewUpload }) (*answer[portal.Upload], error) {
			return answered(s.portal.CreateUpload(ctx, in.Body))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/sources/csv/uploads/{file_id}/parts", "sign-parts", tag, "Where to PUT parts, for an hour"),
		func(ctx context.Context, in *struct {
			FileInput

			Body struct {
				PartNumbers []int32 `json:"part_numbers" minItems:"1" maxItems:"1000"`
			} `nameHint:"SignParts"`
		},
		) (*answer[portal.SignedParts], error) {
			return answered(s.portal.SignParts(ctx, in.FileID, in.Body.PartNumbers))
		})
	register(s, operation(etl.Editor, http.MethodGet, "/sources/csv/uploads/{file_id}/parts", "list-parts", tag, "Which parts have arrived, to resume"),
		func(ctx context.Context, in *FileInput) (*answer[portal.Arrived], error) {
			return answered(s.portal.Parts(ctx, in.FileID))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/sources/csv/uploads/{file_id}/complete", "complete-upload", tag, "Join the parts and look at the file",
		describedAs("May be repeated. A file that is no CSV is refused with the reason, and nothing of it is kept.")),
		func(ctx context.Context, in *struct {
			FileInput

			Body *struct {
				Parts []portal.CompletedPart `json:"parts,omitempty" maxItems:"10000"`
			} `nameHint:"CompleteUpload"`
		},
		) (*tagged[portal.Metadata], error) {
			var parts []portal.CompletedPart
			if in.Body != nil {
				parts = in.Body.Parts
			}
			m, err := s.portal.CompleteUpload(ctx, in.FileID, parts)
			return metadataAnswer(m, err)
		})
	register(s, operation(etl.Editor, http.MethodDelete, "/sources/csv/uploads/{file_id}", "abort-upload", tag, "End an upload and forget it"),
		func(ctx context.Context, in *FileInput) (*nothing, error) {
			return &nothing{}, s.portal.AbortUpload(ctx, in.FileID)
		})
	direct := operation(etl.Editor, http.MethodPost, "/sources/csv/upload", "upload", tag, "Upload a file in one request", status(http.StatusCreated),
		describedAs("multipart/form-data with the file in the field \"file\". The file is passed on as it arrives and never held whole."))
	register(s, direct, func(ctx context.Context, _ *struct{}) (*tagged[portal.Metadata], error) {
		m, err := s.directUpload(ctx)
		return metadataAnswer(m, err)
	})
	// Told after registering, so that huma does not read the body itself.
	s.api.OpenAPI().Paths[direct.Path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}}}},
	}}
}

func (s *server) directUpload(ctx context.Context) (*portal.Metadata, error) {
	x := exchangeOf(ctx)
	kind, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, etl.Mistakef("unsupported_media", `Send it as curl does: curl -F file=@FILE`, "the body is not multipart/form-data")
	}
	parts, err := x.request.MultipartReader()
	if err != nil {
		return nil, etl.Mistakef("bad_multipart", "Send it as curl does: curl -F file=@FILE", "the body is not multipart/form-data: %v", err)
	}
	// A large file takes longer than other requests may.
	control := http.NewResponseController(x.writer)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, io.EOF):
		return nil, missingFile()
	case err != nil:
		return nil, etl.Mistakef("bad_multipart", "Send it as curl does: curl -F file=@FILE", "the body is not multipart/form-data")
	case part.FormName() != "file":
		return nil, &portal.Invalid{
			Err:     etl.Mistakef("unknown_field", "Send the file in the field file, and no other", "there is no field %.60q", part.FormName()),
			Details: []portal.Detail{{Location: "body", Message: "holds another field than file"}},
		}
	case part.FileName() == "":
		return nil, missingFile()
	}
	body := &uploadReader{r: part, form: parts}
	m, err := s.portal.UploadDirect(ctx, part.FileName(), body)
	if etl.KindOf(body.err) == etl.Mistake {
		return nil, body.err
	}
	if err != nil && body.err != nil && etl.KindOf(err) != etl.Mistake {
		return nil, etl.Mistakef("body_interrupted", "Send it again, or in parts: POST /sources/csv/uploads can be resumed", "the upload broke off after %d bytes", body.n)
	}
	return m, err
}

func missingFile() error {
	return &portal.Invalid{
		Err:     etl.Mistakef("missing_field", "Send it as curl does: curl -F file=@FILE", "the form has no file in the field file"),
		Details: []portal.Detail{{Location: "body.file", Message: "is missing"}},
	}
}

// uploadReader remembers that reading failed: what it was read for reports it in its own words.
type uploadReader struct {
	r    io.Reader
	form *multipart.Reader
	n    int64
	err  error
	// ended says that the form has no more parts.
	ended bool
}

func (u *uploadReader) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	u.n += int64(n)
	if errors.Is(err, io.EOF) {
		err = u.last()
	}
	if !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// last is io.EOF where the form has no more parts.
func (u *uploadReader) last() error {
	if u.err != nil {
		return u.err
	}
	if u.ended {
		return io.EOF
	}
	_, err := u.form.NextPart()
	if err == nil {
		return etl.Mistakef("bad_multipart", "Send each file in a request of its own, and no other fields", "the form has more than one part")
	}
	u.ended = errors.Is(err, io.EOF)
	return err
}
