package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// trialOperations try mappings and types on real rows; they change nothing.
func (s *server) trialOperations(tag string) {
	register(s, operation(etl.Viewer, http.MethodPost, "/jobs/preview", "preview-mapping", tag, "What a mapping makes of rows of a file, finished or not", withLargeBody,
		describedAs("Needs no destination. Each column is computed on its own: what cannot be used is told with its position, and the others are shown.")),
		func(ctx context.Context, in *struct{ Body portal.TrialInput }) (*answer[portal.MappingTrial], error) {
			return answered(s.portal.TryMapping(ctx, in.Body))
		})
}

// fitOperation tries types on a column.
func (s *server) fitOperation(tag string) {
	register(s, operation(etl.Viewer, http.MethodPost, "/sources/csv/{file_id}/fits", "fit-types", tag, "Which types hold a column, each with the first value that it does not"),
		func(ctx context.Context, in *struct {
			FileInput

			Body portal.FitInput
		},
		) (*answer[portal.Fits], error) {
			return answered(s.portal.Fit(ctx, in.FileID, in.Body))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/sources/csv/{file_id}/histograms", "get-histograms", tag, "How the numbers and times of a file's first rows are spread"),
		func(ctx context.Context, in *struct {
			FileInput

			Bins int `query:"bins" minimum:"1" maximum:"100" default:"20"`
		},
		) (*answer[portal.Histograms], error) {
			return answered(s.portal.Histograms(ctx, in.FileID, in.Bins))
		})
}
