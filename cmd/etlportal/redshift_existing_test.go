package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A table that is there is shown by the API as it is, one that is to be made as
// the statement makes it.
func TestPortalShowsRedshiftTable(t *testing.T) {
	s, objects, _ := newStandIn(t)
	s.Exec("CREATE TABLE sales (id INTEGER NOT NULL, item VARCHAR(16), PRIMARY KEY (id))")
	p := standInPortal(t, s, objects)
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass, "ssl_mode": "disable",
		"options": map[string]string{"copy_role_arn": s.Role},
	}, http.StatusCreated)["id"]
	asked := map[string]any{"name": "sales", "file_id": p.upload("sales.csv", "id,item\n1,tea\n"), "credential_id": credential, "table": "sales", "load_strategy": "INSERT"}
	const is = "CREATE TABLE \"public\".\"sales\" (\n  \"id\" INTEGER NOT NULL,\n  \"item\" VARCHAR(16),\n  PRIMARY KEY (\"id\")\n)"
	require.Equal(t, is, p.call(http.MethodPost, "/api/v1/jobs/validate", asked, http.StatusOK)["ddl"])
	suggested := map[string]any{"file_id": asked["file_id"], "credential_id": credential, "table": "sales"}
	require.Equal(t, is, p.call(http.MethodPost, "/api/v1/jobs/suggest", suggested, http.StatusOK)["ddl"])
	asked["table"], asked["create_table"] = "made", true
	require.Contains(t, p.call(http.MethodPost, "/api/v1/jobs/validate", asked, http.StatusOK)["ddl"], "DISTSTYLE AUTO")
	suggested["table"], suggested["create_table"] = "made", true
	require.Contains(t, p.call(http.MethodPost, "/api/v1/jobs/suggest", suggested, http.StatusOK)["ddl"], "DISTSTYLE AUTO")
}
