package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
)

// newStandIn starts a stand-in for Redshift beside an object store that this
// process's environment names.
func newStandIn(t testing.TB) (s *etltest.RedshiftServer, objects *local.BlobServer, env []string) {
	t.Helper()
	objects, err := local.StartBlobs(t.Context(), local.BlobsOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, objects.Stop()) })
	s = etltest.Redshift(t, etltest.OpenBucket(t, objects, "etlportal-staging", etltest.BlobsSetup{}))
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_REDSHIFT": s.DataEndpoint, "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": s.DataEndpoint, "AWS_ENDPOINT_URL_REDSHIFT_DATA": s.DataEndpoint,
		"AWS_ACCESS_KEY_ID": objects.AccessKey, "AWS_SECRET_ACCESS_KEY": objects.SecretKey, "AWS_REGION": local.Region, "AWS_ENDPOINT_URL_S3": objects.Endpoint,
	} {
		t.Setenv(name, value)
		env = append(env, name+"="+value)
	}
	return s, objects, append(env, "PGPASSWORD="+s.Pass)
}

func TestLoadRedshift(t *testing.T) {
	s, _, env := newStandIn(t)
	s.Exec("CREATE TABLE sales (id INTEGER NOT NULL, item VARCHAR(5), PRIMARY KEY (id))")
	file := filepath.Join(t.TempDir(), "sales.csv")
	require.NoError(t, os.WriteFile(file, []byte("id,item\n1,tea\n2,käse\n3,schnaps\n"), 0o600))
	o := admin(t, env, "load", file, "--to", s.URL(), "--table", "sales")
	require.Equal(t, exitFailed, o.code, o.err)
	require.Contains(t, o.err, "line 4")
	s.Want("SELECT count(*) FROM sales", "0")
	o = admin(t, env, "load", file, "--to", s.URL(), "--table", "sales", "--on-bad-row", "skip", "--rejects", filepath.Join(t.TempDir(), "bad.csv"))
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT id, item FROM sales ORDER BY id", "1|tea\n2|käse")
	o = admin(t, env, "load", file, "--to", s.URL(), "--table", "made", "--create")
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT id, item FROM made ORDER BY id", "1|tea\n2|käse\n3|schnaps")
	for _, wrong := range []string{"x=1", "access=psychic"} {
		o = admin(t, env, "load", file, "--to", "redshift://me@127.0.0.1/dev?"+wrong, "--table", "made")
		require.Equal(t, exitUsage, o.code, o.err)
	}
	// The role's own user, by both ways that need no password.
	for n, to := range []string{
		strings.Replace(s.URL(), "sslmode=disable", "access=iam&workgroup="+s.Workgroup, 1),
		fmt.Sprintf("redshift:///%s?cluster_identifier=%s&copy_role_arn=%s&staging_bucket=%s", s.Database, s.Cluster, s.Role, s.Bucket),
	} {
		table := fmt.Sprintf("made_%d", n)
		o = admin(t, append(env, "PGPASSWORD="), "load", file, "--to", to, "--table", table, "--create")
		require.Equal(t, exitDone, o.code, o.err)
		s.Want("SELECT count(*) FROM "+table, "3")
	}
	s.RefuseCredentials("AccessDeniedException")
	o = admin(t, env, "load", file, "--to", strings.Replace(s.URL(), "sslmode=disable", "access=iam&workgroup="+s.Workgroup, 1), "--table", "made")
	require.Equal(t, exitUsage, o.code, o.err)
	require.Contains(t, o.err, "redshift-serverless:GetCredentials")
}

// standInPortal is a portal whose credentials may be of the stand-in.
func standInPortal(t *testing.T, s *etltest.RedshiftServer, objects *local.BlobServer) *server {
	t.Helper()
	t.Setenv("ETLPORTAL_DATA_DIR", dataDir(t))
	t.Setenv("DATABASE_URL", newDatabase(t).url)
	t.Setenv("S3_ENDPOINT", objects.Endpoint)
	t.Setenv("S3_BUCKET", s.Bucket)
	t.Setenv("ETLPORTAL_CHUNK_SIZE", "8MiB")
	config, err := app.FromEnvironment(withFlags(nil))
	require.NoError(t, err)
	where, err := readBackend(withFlags(nil))
	require.NoError(t, err)
	back, err := startBackend(t.Context(), &where, nil)
	require.NoError(t, err)
	config.DatabaseURL = back.databaseURL
	portal, err := app.New(t.Context(), config, app.Adapters{Blobs: back.objects, Sealer: back.sealer, Queue: newQueue, Warehouse: back.openRedshift(&where), API: api.New})
	require.NoError(t, err)
	t.Cleanup(portal.Close)
	work, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- portal.Run(work) }()
	t.Cleanup(func() { stop(); <-ended })
	at := httptest.NewServer(portal.Handler)
	t.Cleanup(at.Close)
	return &server{t: t, url: at.URL, logged: &record{}, answers: &record{}}
}

// A portal loads into Redshift: credential, connection test, job, run.
func TestPortalRedshift(t *testing.T) {
	s, objects, _ := newStandIn(t)
	p := standInPortal(t, s, objects)
	body := map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass, "ssl_mode": "disable",
	}
	require.Equal(t, "missing_option", p.call(http.MethodPost, "/api/v1/credentials", body, http.StatusUnprocessableEntity)["code"])
	body["options"] = map[string]string{"copy_role_arn": s.Role}
	credential := p.call(http.MethodPost, "/api/v1/credentials", body, http.StatusCreated)["id"]
	tested := p.call(http.MethodPost, fmt.Sprintf("/api/v1/credentials/%v/test", credential), nil, http.StatusOK)
	require.Equal(t, true, tested["ok"], "%v", tested)
	require.Len(t, tested["steps"], 7, "%v", tested)

	// What changes into a login by password asks for one.
	body["password"], body["options"], body["ssl_mode"] = "", map[string]string{"copy_role_arn": s.Role, "access": "iam", "cluster_identifier": s.Cluster}, "require"
	entry := fmt.Sprintf("/api/v1/credentials/%v", p.call(http.MethodPost, "/api/v1/credentials", named(body, "temporary"), http.StatusCreated)["id"])
	steps := func(want int) []any {
		tested := p.call(http.MethodPost, entry+"/test", nil, http.StatusOK)
		require.Len(t, tested["steps"], want, "%v", tested)
		return tested["steps"].([]any)
	}
	require.Equal(t, true, steps(8)[7].(map[string]any)["ok"])
	s.RefuseCredentials("AccessDenied")
	failed := steps(4)[3].(map[string]any)
	require.Equal(t, "credentials", failed["name"])
	require.Contains(t, failed["fix"], "redshift:GetClusterCredentials")
	s.RefuseCredentials("")
	delete(body, "password")
	body["options"] = map[string]string{"copy_role_arn": s.Role}
	require.Equal(t, "password_required", p.call(http.MethodPut, entry, named(body, "temporary"), http.StatusUnprocessableEntity)["code"])
	body["options"], body["host"], body["username"] = map[string]string{"copy_role_arn": s.Role, "access": "data_api", "workgroup": s.Workgroup}, "", ""
	p.call(http.MethodPut, entry, named(body, "temporary"), http.StatusOK)
	require.Equal(t, true, steps(4)[3].(map[string]any)["ok"])

	const rows = 40_000
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%s\n", i, strings.Repeat("x", 470))
	}
	s.Exec("CREATE TABLE big (id BIGINT, text VARCHAR(500))")
	file := p.upload("big.csv", b.String())
	for n, job := range []map[string]any{
		{"name": "big", "file_id": file, "credential_id": credential, "table": "big"},
		{"name": "made", "file_id": p.upload("small.csv", "id,text\n1,a\n2,b\n"), "credential_id": credential, "table": "small", "create_table": true, "load_strategy": "UPSERT", "upsert_keys": []string{"id"}},
	} {
		done := p.finish(p.execute(job))
		require.Equal(t, "COMPLETED", done["status"], "%v", done)
		want := float64([]int{rows, 2}[n])
		require.InDelta(t, want, done["rows_inserted"], 0, "%v", done)
	}
	s.Want("SELECT count(*), count(DISTINCT id) FROM big", "40000|40000")
	s.Want("SELECT id, text FROM small ORDER BY id", "1|a\n2|b")
}

// named is a body with another name.
func named(body map[string]any, name string) map[string]any {
	out := maps.Clone(body)
	out["name"] = name
	return out
}
