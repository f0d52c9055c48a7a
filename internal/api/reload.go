package api

import (
	"context"
	"mime"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

type reloadedAnswer struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true where the key had been used before"`
	Body     *portal.Reloaded
}

func reloaded(r *portal.Reloaded, err error) (*reloadedAnswer, error) {
	if err != nil {
		return nil, err
	}
	out := &reloadedAnswer{Body: r}
	if r.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// reloadOperations load mended bad rows.
func (s *server) reloadOperations(tag string) {
	const how = "Into the same table, by the version of the job that the run was made with. The rows are added, also where the run replaced the table's; what is bad again is reported under the new run. " +
		"Only of a COMPLETED run, and each row once: unless the run that loads it again fails."
	register(s, operation(etl.Editor, http.MethodPost, "/job-runs/{id}/rejects/reload", "reload-rejects", tag, "Load bad rows of a run again, as they were mended",
		status(http.StatusAccepted), withLargeBody, describedAs(how)),
		func(ctx context.Context, in *struct {
			IDInput

			Key  string `header:"Idempotency-Key" maxLength:"255" doc:"The same key for the same request gives the same run"`
			Body portal.ReloadInput
		},
		) (*reloadedAnswer, error) {
			return reloaded(s.portal.Reload(ctx, in.ID, in.Body.Rows, in.Key))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/job-runs/{id}/rejects/reload/csv", "reload-rejects-file", tag, "Load the rows of a mended rejects file",
		status(http.StatusAccepted), withLargeBody, describedAs("The body is the file of GET …/rejects?format=csv with its cells mended; _line says which row is which, rows may be removed. "+how)),
		func(ctx context.Context, in *struct {
			IDInput

			Key         string `header:"Idempotency-Key" maxLength:"255" doc:"The same key for the same request gives the same run"`
			ContentType string `header:"Content-Type" maxLength:"200"`
			RawBody     []byte `contentType:"text/csv"`
		},
		) (*reloadedAnswer, error) {
			if kind, _, err := mime.ParseMediaType(in.ContentType); err != nil || kind != "text/csv" {
				return nil, etl.Mistakef("unsupported_media", "Send Content-Type: text/csv", "the body is not said to be CSV")
			}
			return reloaded(s.portal.ReloadFile(ctx, in.ID, in.RawBody, in.Key))
		})
}

// chunkOperation tells how far the parts of a run have come.
func (s *server) chunkOperation(tag string) {
	register(s, operation(etl.Viewer, http.MethodGet, "/job-runs/{id}/chunks", "list-run-chunks", tag, "The parts of a run's file and how far each has come"),
		func(ctx context.Context, in *IDInput) (*answer[portal.Chunks], error) {
			return answered(s.portal.Chunks(ctx, in.ID))
		})
}
