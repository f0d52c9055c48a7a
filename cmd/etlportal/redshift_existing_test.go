package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// A text that is too long is told in bytes, which is what a column counts, with
// the statement that widens it, on the command line as in a run.
func TestRedshiftTooLongIsToldInBytes(t *testing.T) {
	s, objects, env := newStandIn(t)
	s.Exec("CREATE TABLE sales (id INTEGER NOT NULL, item VARCHAR(8))")
	const content, told = "id,item\n1,küche\n2,küüüüche\n", "the value has 12 bytes, and column item takes 8; ALTER TABLE public.sales ALTER COLUMN item TYPE VARCHAR(n) widens it"
	path := filepath.Join(t.TempDir(), "sales.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	o := admin(t, env, "load", path, "--to", s.URL(), "--table", "sales")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, `line 3, column "item": `+told)
	require.Contains(t, o.err, "widen the column")

	p := standInPortal(t, s, objects)
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass, "ssl_mode": "disable",
		"options": map[string]string{"copy_role_arn": s.Role},
	}, http.StatusCreated)["id"]
	done := p.finish(p.execute(map[string]any{"name": "sales", "file_id": p.upload("sales.csv", content), "credential_id": credential, "table": "sales", "on_bad_row": map[string]any{"mode": "skip"}}))
	require.Equal(t, "COMPLETED", done["status"], "%v", done)
	items := p.call(http.MethodGet, fmt.Sprintf("/api/v1/job-runs/%v/rejects", done["id"]), nil, http.StatusOK)["items"].([]any)
	require.Len(t, items, 1)
	require.Equal(t, told, items[0].(map[string]any)["reason"])
	s.Want("SELECT id, item FROM sales", "1|küche")
}
