package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

type jobInput struct{ Body portal.JobInput }

type jobChange struct {
	IDInput
	Condition

	Body portal.JobInput
}

type yamlAnswer struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (s *server) jobOperations() {
	const tag = "Jobs"
	register(s, operation(etl.Viewer, http.MethodGet, "/jobs", "list-jobs", tag, "List jobs"),
		func(ctx context.Context, in *struct {
			PageInput

			Text         string `query:"q" maxLength:"200" doc:"Looked for in name, schema and table, in any case"`
			Status       string `query:"status" enum:"PENDING,RUNNING,COMPLETED,FAILED,CANCELLED,NEVER" doc:"Of the last run; NEVER: has not run yet"`
			CredentialID int64  `query:"credential_id" minimum:"1" doc:"Only jobs that use this credential"`
			FileID       string `query:"file_id" format:"uuid" doc:"Only jobs that load this file"`
		},
		) (*answer[portal.List[portal.JobItem]], error) {
			f := etl.JobFilter{Text: in.Text, CredentialID: in.CredentialID, FileID: in.FileID, Status: etl.Status(in.Status)}
			if f.Status == "NEVER" {
				f.Status, f.Never = "", true
			}
			return answered(s.portal.Jobs(ctx, f, in.page()))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/jobs", "create-job", tag, "Create a job, checked against its file and its table", status(http.StatusCreated), withLargeBody),
		func(ctx context.Context, in *jobInput) (*tagged[portal.CheckedJob], error) {
			j, err := s.portal.CreateJob(ctx, in.Body)
			return checkedAnswer(j, err)
		})
	register(s, operation(etl.Editor, http.MethodPost, "/jobs/validate", "validate-job", tag, "Check a job and show its DDL without storing it", withLargeBody),
		func(ctx context.Context, in *jobInput) (*answer[portal.CheckedJob], error) {
			return answered(s.portal.CheckJob(ctx, in.Body))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/jobs/dry-run", "dry-run", tag, "Run a job that is not stored without changing its table", withLargeBody),
		func(ctx context.Context, in *jobInput) (*answer[portal.DryRun], error) {
			return answered(s.portal.DryRun(ctx, in.Body))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/jobs/suggest", "suggest-mapping", tag, "Match a file's columns with a table's by name"),
		func(ctx context.Context, in *struct{ Body portal.SuggestInput }) (*answer[portal.Suggestion], error) {
			return answered(s.portal.Suggest(ctx, in.Body))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/jobs/{id}", "get-job", tag, "A job"),
		func(ctx context.Context, in *IDInput) (*tagged[portal.Job], error) {
			j, err := s.portal.Job(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return withTag(j, j.Tag(), nil)
		})
	register(s, operation(etl.Editor, http.MethodPut, "/jobs/{id}", "update-job", tag, "Replace a job; its runs keep the version they were made with", withLargeBody),
		func(ctx context.Context, in *jobChange) (*tagged[portal.CheckedJob], error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			j, err := s.portal.UpdateJob(ctx, in.ID, v, in.Body)
			return checkedAnswer(j, err)
		})
	register(s, operation(etl.Editor, http.MethodDelete, "/jobs/{id}", "delete-job", tag, "Delete a job with its runs"),
		func(ctx context.Context, in *struct {
			IDInput
			Condition
		},
		) (*nothing, error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			return &nothing{}, s.portal.DeleteJob(ctx, in.ID, v)
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/jobs/{id}/versions", "list-job-versions", tag, "Every version that a job has had"),
		func(ctx context.Context, in *struct {
			IDInput
			PageInput
		},
		) (*answer[portal.List[portal.Job]], error) {
			return answered(s.portal.JobVersions(ctx, in.ID, in.page()))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/jobs/{id}/versions/{version}/changes", "get-job-changes", tag, "In which fields a version of a job differs from another"),
		func(ctx context.Context, in *struct {
			IDInput

			Version int64 `path:"version" minimum:"1"`
			From    int64 `query:"from" minimum:"1" doc:"The version to compare with; absent: the one before"`
		},
		) (*answer[portal.Changes], error) {
			return answered(s.portal.JobChanges(ctx, in.ID, in.From, in.Version))
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/jobs/{id}/drift", "get-job-drift", tag, "How a file differs from the one that a job was made for"),
		func(ctx context.Context, in *struct {
			IDInput

			FileID string `query:"file_id" format:"uuid" required:"true" doc:"The file that the job might be executed with"`
		},
		) (*answer[portal.Drift], error) {
			return answered(s.portal.Drift(ctx, in.ID, in.FileID))
		})
	s.mappingOperations(tag)
	s.trialOperations(tag)
	register(s, operation(etl.Editor, http.MethodPost, "/jobs/{id}/dry-run", "dry-run-job", tag, "Run a job without changing its table: counts, rows before and after, SQL"),
		func(ctx context.Context, in *IDInput) (*answer[portal.DryRun], error) {
			return answered(s.portal.DryRunJob(ctx, in.ID))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/jobs/execute/{id}", "execute-job", tag, "Run a job", status(http.StatusAccepted)),
		func(ctx context.Context, in *struct {
			IDInput

			Key  string `header:"Idempotency-Key" maxLength:"255" doc:"The same key for the same request gives the same run"`
			Body *struct {
				FileID string `json:"file_id,omitempty" format:"uuid" doc:"Another file with the same columns; absent: the job's own"`
			} `nameHint:"ExecuteJob"`
		},
		) (*startedAnswer, error) {
			file := ""
			if in.Body != nil {
				file = in.Body.FileID
			}
			started, err := s.portal.Execute(ctx, in.ID, file, in.Key)
			if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "table_exists" {
				// The request is as it should be; it is the table that stands in its way.
				p := problemOf(ctx, err)
				p.Status, p.Title = http.StatusConflict, http.StatusText(http.StatusConflict)
				return nil, p
			}
			if err != nil {
				return nil, err
			}
			out := &startedAnswer{Body: started}
			if started.Replayed {
				out.Replayed = "true"
			}
			return out, nil
		})
}

type startedAnswer struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true where the key had been used before"`
	Body     *portal.Started
}

func checkedAnswer(j *portal.CheckedJob, err error) (*tagged[portal.CheckedJob], error) {
	if err != nil {
		return nil, err
	}
	return withTag(j, j.Tag(), nil)
}

// mappingOperations are the mapping as the command line's mapping file.
func (s *server) mappingOperations(tag string) {
	export := operation(etl.Viewer, http.MethodGet, "/jobs/{id}/mapping", "export-mapping", tag, "The mapping as a file for etlportal load --mapping")
	export.Responses = yamlResponses()
	register(s, export, func(ctx context.Context, in *IDInput) (*yamlAnswer, error) {
		text, version, err := s.portal.ExportMapping(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return &yamlAnswer{"application/yaml", strconv.Quote(strconv.FormatInt(version, 10)), text}, nil
	})
	register(s, operation(etl.Editor, http.MethodPut, "/jobs/{id}/mapping", "import-mapping", tag, "Replace the mapping by a mapping file", withLargeBody),
		func(ctx context.Context, in *struct {
			IDInput
			Condition

			ContentType string `header:"Content-Type" maxLength:"200"`
			RawBody     []byte `contentType:"application/yaml"`
		},
		) (*tagged[portal.CheckedJob], error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			if !isYAML(in.ContentType) {
				return nil, etl.Mistakef("unsupported_media", "Send Content-Type: application/yaml", "the body is not said to be YAML")
			}
			j, err := s.portal.ImportMapping(ctx, in.ID, v, in.RawBody)
			return checkedAnswer(j, err)
		})
}
