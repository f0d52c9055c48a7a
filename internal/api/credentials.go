package api

import (
	"context"
	"net/http"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
)

func (s *server) credentialOperations() {
	const tag = "Credentials"
	register(s, operation(etl.Viewer, http.MethodGet, "/credentials", "list-credentials", tag, "List databases"),
		func(ctx context.Context, in *PageInput) (*answer[portal.List[portal.Credential]], error) {
			return answered(s.portal.Credentials(ctx, in.page()))
		})
	register(s, operation(etl.Admin, http.MethodPost, "/credentials", "create-credential", tag, "Store a database's address and login; the password is encrypted and never shown again", status(http.StatusCreated)),
		func(ctx context.Context, in *struct{ Body portal.CredentialInput }) (*tagged[portal.Credential], error) {
			c, err := s.portal.CreateCredential(ctx, in.Body)
			return credentialAnswer(c, err)
		})
	register(s, operation(etl.Viewer, http.MethodGet, "/credentials/{id}", "get-credential", tag, "A database without its password"),
		func(ctx context.Context, in *IDInput) (*tagged[portal.Credential], error) {
			c, err := s.portal.Credential(ctx, in.ID)
			return credentialAnswer(c, err)
		})
	register(s, operation(etl.Admin, http.MethodPut, "/credentials/{id}", "update-credential", tag, "Replace a database's address and login",
		describedAs("Without a password the stored one stays, unless host or port change or TLS is weakened: then it must be given again.")),
		func(ctx context.Context, in *struct {
			IDInput
			Condition

			Body portal.CredentialInput
		},
		) (*tagged[portal.Credential], error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			c, err := s.portal.UpdateCredential(ctx, in.ID, v, in.Body)
			return credentialAnswer(c, err)
		})
	register(s, operation(etl.Admin, http.MethodDelete, "/credentials/{id}", "delete-credential", tag, "Delete a database that no job uses"),
		func(ctx context.Context, in *struct {
			IDInput
			Condition
		},
		) (*nothing, error) {
			v, err := in.version()
			if err != nil {
				return nil, err
			}
			return &nothing{}, s.portal.DeleteCredential(ctx, in.ID, v)
		})
	register(s, operation(etl.Editor, http.MethodPost, "/credentials/{id}/test", "test-credential", tag, "Try the connection step by step: name, network, TLS, login, privileges"),
		func(ctx context.Context, in *IDInput) (*answer[portal.ConnectionTest], error) {
			return answered(s.portal.TestCredential(ctx, in.ID))
		})
}

func credentialAnswer(c *portal.Credential, err error) (*tagged[portal.Credential], error) {
	if err != nil {
		return nil, err
	}
	return withTag(c, c.Tag(), nil)
}

// DatabaseInput names a database.
type DatabaseInput struct {
	ID int64 `path:"credential_id" minimum:"1"`
}

func (s *server) destinationOperations() {
	const tag = "Destinations"
	register(s, operation(etl.Editor, http.MethodPost, "/destinations/{credential_id}/schemas", "list-schemas", tag, "Schemas of a database"),
		func(ctx context.Context, in *DatabaseInput) (*answer[portal.Schemas], error) {
			return answered(s.portal.Schemas(ctx, in.ID))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/destinations/{credential_id}/tables", "list-tables", tag, "Tables of a schema"),
		func(ctx context.Context, in *struct {
			DatabaseInput

			Body struct {
				Schema string `json:"schema" minLength:"1" maxLength:"127"`
			} `nameHint:"ListTables"`
		},
		) (*answer[portal.Tables], error) {
			return answered(s.portal.Tables(ctx, in.ID, in.Body.Schema))
		})
	register(s, operation(etl.Editor, http.MethodPost, "/destinations/{credential_id}/schema", "describe-table", tag, "Columns, keys and unique indexes of a table"),
		func(ctx context.Context, in *struct {
			DatabaseInput

			Body struct {
				Schema string `json:"schema,omitempty" maxLength:"127" doc:"Absent: the search path's"`
				Table  string `json:"table" minLength:"1" maxLength:"127"`
			} `nameHint:"DescribeTable"`
		},
		) (*answer[portal.Table], error) {
			return answered(s.portal.Table(ctx, in.ID, in.Body.Schema, in.Body.Table))
		})
}
