package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// homeOperation gives the figures of the first page.
func (s *server) homeOperation(tag string) {
	register(s, operation(etl.Viewer, http.MethodGet, "/summary", "get-summary", tag, "What needs attention, and how much was done"),
		func(ctx context.Context, in *struct {
			Hours int    `query:"hours" minimum:"1" maximum:"720" default:"24" doc:"The window of the figures"`
			Days  int    `query:"days" minimum:"1" maximum:"92" default:"14"`
			Zone  string `query:"timezone" maxLength:"64" doc:"Whose days, as Europe/Berlin; absent: UTC"`
		},
		) (*answer[portal.Summary], error) {
			return answered(s.portal.Summary(ctx, in.Hours, in.Days, in.Zone))
		})
}
