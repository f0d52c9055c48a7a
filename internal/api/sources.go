package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (s *server) sourceOperations() {
	const tag = "Sources"
	register(s, operation(etl.Viewer, http.MethodGet, "/sources/csv", "list-sources", tag, "List files"),
		func(ctx context.Context, in *PageInput) (*answer[portal.List[portal.SourceItem]], error) {
			return answered(s.portal.Sources(ctx, in.page()))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/sources/csv/{file_id}/metadata", "get-source", tag, "What is known of a file: encoding, dialect, columns, types, statistics"),
		func(ctx context.Context, in *FileInput) (*tagged[portal.Metadata], error) {
			m, err := s.portal.Source(ctx, in.FileID)
			return metadataAnswer(m, err)
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/sources/csv/{file_id}/preview", "preview-source", tag, "Rows of a file, from any offset"),
		func(ctx context.Context, in *struct {
			FileInput

			Offset int64 `query:"offset" minimum:"0" maximum:"1000000000000000" default:"0"`
			Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		},
		) (*answer[portal.Preview], error) {
			return answered(s.portal.Preview(ctx, in.FileID, in.Offset, in.Limit))
		})
	s.fitOperation(tag)
	register(s, operation(etl.Editor, http.MethodPatch, "/sources/csv/{file_id}", "update-source", tag, "Correct how a file is read; it is inspected anew",
		describedAs("What is absent stays as it is. Null, and what is empty (a text, the list, dialect or types), takes an override back to what was found. All else replaces what was given before.")),
		func(ctx context.Context, in *struct {
			FileInput
			Condition

			Body portal.SourcePatch
		},
		) (*tagged[portal.Metadata], error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			m, err := s.portal.PatchSource(ctx, in.FileID, v, in.Body)
			return metadataAnswer(m, err)
		})
	// To JSON Schema null is a value of the list like others, and a tag cannot name it.
	for _, name := range []string{"date_order", "decimal"} {
		text := s.api.OpenAPI().Components.Schemas.Map()["SourcePatch"].Properties[name]
		text.Enum = append(text.Enum, nil)
	}
	register(s, operation(etl.Editor, http.MethodDelete, "/sources/csv/{file_id}", "delete-source", tag, "Delete a file that no job uses"),
		func(ctx context.Context, in *struct {
			FileInput
			Condition
		},
		) (*nothing, error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			return &nothing{}, s.portal.DeleteSource(ctx, in.FileID, v)
		})
}

func metadataAnswer(m *portal.Metadata, err error) (*tagged[portal.Metadata], error) {
	if err != nil {
		return nil, err
	}
	return withTag(m, m.Tag(), nil)
}
