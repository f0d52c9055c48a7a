package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (s *server) runOperations() {
	const tag = "Runs"
	register(s, operation(etl.Viewer, http.MethodGet, "/job-runs", "list-runs", tag, "List runs"),
		func(ctx context.Context, in *struct {
			PageInput

			JobID    int64     `query:"job_id" minimum:"1"`
			Status   string    `query:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED"`
			ParentID int64     `query:"parent_run_id" minimum:"1" doc:"Only runs that load bad rows of that one again"`
			Since    time.Time `query:"since" doc:"Only runs made at or after this time"`
			Until    time.Time `query:"until" doc:"Only runs made before this time"`
		},
		) (*answer[portal.List[portal.Run]], error) {
			f := etl.RunFilter{JobID: in.JobID, Status: etl.Status(in.Status), ParentID: in.ParentID, Since: in.Since, Until: in.Until}
			return answered(s.portal.RunsPage(ctx, f, in.page()))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/job-runs/{id}", "get-run", tag, "A run"),
		func(ctx context.Context, in *IDInput) (*answer[portal.Run], error) {
			return answered(s.portal.Run(ctx, in.ID))
		})
	register(s, operation(etl.Editor, http.MethodDelete, "/job-runs/{id}", "delete-run", tag, "Delete a run that is over, with its log and its rejects"),
		func(ctx context.Context, in *IDInput) (*nothing, error) {
			return &nothing{}, s.portal.DeleteRun(ctx, in.ID)
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/job-runs/{id}/logs", "get-run-logs", tag, "A run's log"),
		func(ctx context.Context, in *struct {
			IDInput
			PageInput

			Tail   bool   `query:"tail" doc:"The last entries instead of the first"`
			Before int64  `query:"before" minimum:"1" doc:"The last entries before this id"`
			After  int64  `query:"after" minimum:"0" doc:"The first entries after this id"`
			Level  string `query:"level" enum:"debug,info,warn,error" doc:"Only entries of this level and above"`
		},
		) (*answer[portal.LogPage], error) {
			return answered(s.portal.Logs(ctx, in.ID, portal.LogQuery{Page: in.page(), Tail: in.Tail, Before: in.Before, After: in.After, Level: in.Level}))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/job-runs/{id}/start", "start-run", tag, "Start a run that waits for Airflow; its DAG etl_job_executor calls this"),
		func(ctx context.Context, in *IDInput) (*answer[portal.Run], error) {
			return answered(s.portal.StartRun(ctx, in.ID))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/job-runs/{id}/cancel", "cancel-run", tag, "Cancel a run that is not publishing yet"),
		func(ctx context.Context, in *IDInput) (*answer[portal.Run], error) {
			return answered(s.portal.CancelRun(ctx, in.ID))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/job-runs/{id}/retry", "retry-run", tag, "Set a failed run going again; what is loaded stays loaded"),
		func(ctx context.Context, in *IDInput) (*answer[portal.Run], error) {
			return answered(s.portal.RetryRun(ctx, in.ID))
		})
	s.rejectOperation(tag)
	s.reloadOperations(tag)
	s.chunkOperation(tag)
	s.homeOperation(tag)
	s.streamOperation(tag)
}

// schemaOf is a type's schema, for answers that huma does not see.
func schemaOf[T any](s *server) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

func yamlResponses() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The mapping file", Content: map[string]*huma.MediaType{"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
}

func isYAML(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains([]string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"}, kind)
}

type rejectsInput struct {
	IDInput
	PageInput

	Code   string `query:"code" maxLength:"100" doc:"Only those of this code"`
	Column string `query:"column" maxLength:"1000" doc:"Only those of this column"`
	Format string `query:"format" enum:"json,csv" default:"json" doc:"csv: all of them, in the file's own columns, to be mended and loaded"`
}

// rejectOperation lists rejects, or gives them as a file.
func (s *server) rejectOperation(tag string) {
	op := operation(etl.Viewer, http.MethodGet, "/job-runs/{id}/rejects", "get-run-rejects", tag, "A run's bad rows, with their reasons",
		describedAs("As CSV, cells that a spreadsheet would take for a formula get an apostrophe in front."))
	op.Responses = map[string]*huma.Response{"200": {Description: "Rejects", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[portal.Rejects](s)}, "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	register(s, op, func(ctx context.Context, in *rejectsInput) (*huma.StreamResponse, error) {
		f := etl.RejectFilter{Code: etl.Code(in.Code)}
		if in.Column != "" {
			f.Column = &in.Column
		}
		if in.Format != "csv" {
			list, err := s.portal.Rejects(ctx, in.ID, f, in.page())
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				hc.SetHeader("Content-Type", "application/json")
				hc.SetStatus(http.StatusOK)
				_ = marshal(hc.BodyWriter(), list) // a client that has gone needs no answer
			}}, nil
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { s.rejectFile(hc, in.ID, f) }}, nil
	})
}

func (s *server) rejectFile(hc huma.Context, id int64, f etl.RejectFilter) {
	_, w := humago.Unwrap(hc)
	begun := false
	err := s.portal.WriteRejects(hc.Context(), id, f, func() io.Writer {
		begun = true
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="rejects-run-%d.csv"`, id))
		w.WriteHeader(http.StatusOK)
		return w
	})
	if err == nil {
		return
	}
	p := s.fail(hc.Context(), err)
	if !begun {
		writeProblem(w, p)
		return
	}
	// Half a file must not pass for a whole one.
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
}
