package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// Metadata is what is known of a file: the inspection, in the form that
// `etlportal inspect --format json` prints, and where the portal has it.
type Metadata struct {
	FileID string `json:"file_id" format:"uuid"`
	workflow.View
	ETag      string              `json:"etag,omitempty" doc:"The object's, as the store gives it"`
	Overrides *workflow.Overrides `json:"overrides,omitempty" doc:"What the user corrected"`
	Error     *Problem            `json:"error,omitempty" doc:"Why the profile failed"`
	// Affected are in the answer to a change only.
	Affected  []JobName `json:"affected_jobs,omitempty" doc:"After a change: the jobs that load the file, which will read it so"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// JobName names a job.
type JobName struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Tag is the version.
func (m *Metadata) Tag() int64 { return m.Version }

// Problem is an etl.Error in JSON.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Column  string `json:"column,omitempty"`
	Value   string `json:"value,omitempty"`
}

func problem(e *etl.Error) *Problem {
	if e == nil {
		return nil
	}
	return &Problem{string(e.Code), e.Message, e.Fix, e.Line, e.Column, e.Value}
}

// SourceItem is a file in a list.
type SourceItem struct {
	FileID    string    `json:"file_id" format:"uuid"`
	Filename  string    `json:"filename"`
	Size      int64     `json:"size"`
	State     string    `json:"state" enum:"uploading,sampled,running,complete,failed"`
	RowCount  int64     `json:"row_count"`
	Columns   int       `json:"column_count"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// source reads a source.
func (p *Portal) source(ctx context.Context, id string) (etl.Source, error) {
	return p.Store.Source(ctx, id)
}

// inspected is a source that can be loaded and previewed.
func (p *Portal) inspected(ctx context.Context, id string) (etl.Source, error) {
	src, err := p.source(ctx, id)
	if err == nil && (src.State == etl.SourceUploading || len(src.Inspection) == 0) {
		err = etl.Mistakef("upload_incomplete", "Send its parts and complete the upload", "the file %s has not arrived yet", src.Filename)
	}
	return src, err
}

// metadata is the view of a source.
func metadata(src *etl.Source) (*Metadata, error) {
	m := &Metadata{FileID: src.ID, ETag: src.Object.ETag, Error: problem(src.Error), Version: src.Version, CreatedAt: src.CreatedAt, UpdatedAt: src.UpdatedAt}
	if len(src.Inspection) > 0 {
		if err := json.Unmarshal(src.Inspection, &m.View); err != nil {
			return nil, fmt.Errorf("the stored inspection of %s: %w", src.ID, err)
		}
	}
	if len(src.Overrides) > 0 {
		if err := json.Unmarshal(src.Overrides, &m.Overrides); err != nil {
			return nil, fmt.Errorf("the stored overrides of %s: %w", src.ID, err)
		}
	}
	m.Filename, m.Size = src.Filename, src.Size
	m.Profile = workflow.ProfileView{State: string(src.State), BytesDone: src.BytesProfiled}
	if src.RowCount > 0 {
		m.RowCount = src.RowCount
	}
	if m.Columns == nil {
		m.Columns, m.Decisions = []workflow.ColumnView{}, []workflow.DecisionView{}
	}
	return m, nil
}

// Sources lists the files, newest first.
func (p *Portal) Sources(ctx context.Context, page etl.Page) (*List[SourceItem], error) {
	l, err := p.Store.Sources(ctx, page)
	if err != nil {
		return nil, err
	}
	return viewed(l, sourceItem), nil
}

func sourceItem(s etl.Source) SourceItem {
	return SourceItem{s.ID, s.Filename, s.Size, string(s.State), s.RowCount, len(s.Names), s.Version, s.CreatedAt, s.UpdatedAt}
}

// Source tells what is known of a file.
func (p *Portal) Source(ctx context.Context, id string) (*Metadata, error) {
	src, err := p.source(ctx, id)
	if err != nil {
		return nil, err
	}
	return metadata(&src)
}

// maxAffected is how many jobs the answer to a file's change names.
const maxAffected = 100

// PatchSource corrects how a file is read and inspects it anew; version 0 is
// any. Runs that exist keep the reading that they were made with.
func (p *Portal) PatchSource(ctx context.Context, id string, version int64, patch SourcePatch) (*Metadata, error) {
	src, err := p.inspected(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := checkVersion("file", id, version, src.Version); err != nil {
		return nil, err
	}
	before, err := metadata(&src)
	if err != nil {
		return nil, err
	}
	merged := workflow.Overrides{}
	if before.Overrides != nil {
		merged = *before.Overrides
	}
	patch.apply(&merged)
	if _, err := merged.Options(); err != nil {
		return nil, err
	}
	if src.Overrides, err = encodeOverrides(&merged); err != nil {
		return nil, err
	}
	if err := p.inspect(ctx, &src); err != nil {
		return nil, err
	}
	if name := merged.Unknown(src.Names); name != "" {
		return nil, &Invalid{
			etl.Mistakef("unknown_column", "Use the names that the metadata lists", "types: the file has no column %q", name),
			[]Detail{{"body.types." + name, "the file has no such column"}},
		}
	}
	after, err := p.saveInspected(ctx, src)
	if err != nil {
		return nil, err
	}
	affected, err := p.Store.Jobs(ctx, etl.JobFilter{FileID: id}, etl.Page{Limit: maxAffected})
	if err != nil {
		return nil, err
	}
	for _, j := range affected.Items {
		after.Affected = append(after.Affected, JobName{j.ID, j.Name})
	}
	return after, p.audit(ctx, "update", "source", id, before.Overrides, merged)
}

// DeleteSource removes a file; one that jobs use is refused, naming them.
func (p *Portal) DeleteSource(ctx context.Context, id string, version int64) error {
	src, err := p.source(ctx, id)
	if err != nil {
		return err
	}
	if err := checkVersion("file", id, version, src.Version); err != nil {
		return err
	}
	if err := p.Store.DeleteSource(ctx, id); err != nil {
		return err
	}
	// From here on the file is gone for everybody; its bytes follow.
	after := context.WithoutCancel(ctx)
	if src.State == etl.SourceUploading && src.UploadID != "" {
		err = p.Blobs.Abort(after, src.Object.Key, src.UploadID)
	} else {
		err = p.Blobs.Delete(after, src.Object.Key)
	}
	if err != nil {
		p.log().WarnContext(ctx, "the bytes of a deleted file remain", "file_id", id, "key", src.Object.Key, "error", err)
	}
	return p.audit(ctx, "delete", "source", id, NewUpload{Filename: src.Filename, Size: src.Size}, nil)
}

// isCode says whether err is a Mistake of that code.
func isCode(err error, code etl.Code) bool {
	e, ok := errors.AsType[*etl.Error](err)
	return ok && e.Code == code
}
