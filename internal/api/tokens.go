package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// me is who asks.
type me struct {
	Kind string `json:"kind" enum:"owner,token,user"`
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role" enum:"viewer,editor,admin"`
}

func (s *server) tokenOperations() {
	const tag = "Access"
	register(s, operation(etl.Viewer, http.MethodGet, "/me", "get-me", tag, "Who you are, and your role"),
		func(ctx context.Context, _ *struct{}) (*answer[me], error) {
			p := portal.CallerOf(ctx).Principal
			return answered(&me{p.Kind, p.ID, p.Name, string(p.Role)}, nil)
		})
	register(s, operation(etl.Admin, http.MethodGet, "/tokens", "list-tokens", tag, "List API tokens"),
		func(ctx context.Context, in *PageInput) (*answer[portal.List[portal.Token]], error) {
			return answered(s.portal.Tokens(ctx, in.page()))
		})
	register(s, operation(etl.Admin, http.MethodPost, "/tokens", "create-token", tag, "Make an API token; it is shown this once", status(http.StatusCreated)),
		func(ctx context.Context, in *struct{ Body portal.TokenInput }) (*answer[portal.NewToken], error) {
			return answered(s.portal.CreateToken(ctx, in.Body))
		})
	register(s, operation(etl.Admin, http.MethodDelete, "/tokens/{id}", "delete-token", tag, "End an API token"),
		func(ctx context.Context, in *IDInput) (*nothing, error) {
			return &nothing{}, s.portal.DeleteToken(ctx, in.ID)
		})
}
