package api

import (
	"context"
	"net/http"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

// me is who asks.
type me struct {
	Kind string `json:"kind" enum:"owner,token,bootstrap,user" doc:"How you are signed in: as who sits at this machine, by an API token, by the token that the deployment began with, or as a person at the issuer"`
	ID   string `json:"id"`
	Name string `json:"name" doc:"The token's name, or the person's address or user name"`
	Role string `json:"role" enum:"viewer,editor,admin"`
	// Issuer and ExpiresAt are null where there is none.
	Issuer    *string    `json:"issuer" doc:"Who vouches for the person"`
	ExpiresAt *time.Time `json:"expires_at" doc:"When the sign-in or the token ends"`
}

func meOf(p etl.Principal) *me {
	m := &me{Kind: p.Kind, ID: p.ID, Name: p.Name, Role: string(p.Role)}
	if p.Issuer != "" {
		m.Issuer = &p.Issuer
	}
	if !p.ExpiresAt.IsZero() {
		m.ExpiresAt = &p.ExpiresAt
	}
	return m
}

func (s *server) tokenOperations() {
	const tag = "Access"
	register(s, operation(etl.Viewer, http.MethodGet, "/me", "get-me", tag, "Who you are, and your role"),
		func(ctx context.Context, _ *struct{}) (*answer[me], error) {
			return answered(meOf(portal.CallerOf(ctx).Principal), nil)
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
