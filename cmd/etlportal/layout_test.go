package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/schema"
)

func TestLayoutFlags(t *testing.T) {
	o, err := (&layoutFlags{distKey: "id", sortStyle: "interleaved", sortKeys: []string{"day", " id "}, encodings: []string{"note=zstd", "a=b=lzo"}}).options(true)
	require.NoError(t, err)
	require.Equal(t, schema.TableOptions{DistKey: "id", SortStyle: "INTERLEAVED", SortKeys: []string{"day", "id"}, Encodings: map[string]string{"note": "ZSTD", "a=b": "LZO"}}, o)
	for _, wrong := range []layoutFlags{{encodings: []string{"note"}}, {encodings: []string{"=zstd"}}, {encodings: []string{"a=zstd", "a=lzo"}}} {
		_, err := wrong.options(true)
		require.ErrorContains(t, err, "--encode")
	}
	_, err = (&layoutFlags{distStyle: "all"}).options(false)
	require.ErrorContains(t, err, "--create")
	o, err = (&layoutFlags{}).options(false)
	require.NoError(t, err)
	require.True(t, o.IsZero())
}

// A dry run shows the table as the load then makes it.
func TestLoadRedshiftLayout(t *testing.T) {
	s, _, env := newStandIn(t)
	file := filepath.Join(t.TempDir(), "sales.csv")
	require.NoError(t, os.WriteFile(file, []byte("id,day,item\n1,2024-01-31,tea\n2,2024-02-01,käsekuchen\n"), 0o600))
	load := func(flags ...string) outcome {
		return admin(t, env, append([]string{"load", file, "--to", s.URL(), "--table", "made", "--create"}, flags...)...)
	}
	layout := []string{"--dist-key", "id", "--sort-key", "day,id", "--encode", "item=zstd,day=az64"}
	o := load(append(layout, "--dry-run")...)
	require.Equal(t, exitDone, o.code, o.err)
	require.Contains(t, o.out, `CREATE TABLE "made" (
  "id" INTEGER,
  "day" DATE ENCODE AZ64,
  "item" VARCHAR(32) ENCODE ZSTD
)
DISTSTYLE KEY
DISTKEY ("id")
COMPOUND SORTKEY ("day", "id");`)
	s.Want("SELECT count(*) FROM svv_tables WHERE table_name = 'made'", "0")
	for flag, reason := range map[string]string{
		"--dist-key=nope": `no column "nope"`, "--dist-style=key": "needs a dist_key", "--encode=item=az64": "does not compress", "--sort-style=compound": "needs sort_keys",
	} {
		o = load(flag)
		require.Equal(t, exitUsage, o.code, "%s: %s", flag, o.err)
		require.Contains(t, o.err, reason)
	}
	o = load(layout...)
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT id, day, item FROM made ORDER BY id", "1|2024-01-31|tea\n2|2024-02-01|käsekuchen")
	s.Want(`SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = 'made'`, "KEY(id)|day|2")
	o = admin(t, env, "load", file, "--to", newDatabase(t).url, "--table", "made", "--create", "--dist-style", "all")
	require.Equal(t, exitUsage, o.code, o.err)
	require.Contains(t, o.err, "only tables in Amazon Redshift")
}

// A job keeps its table's options, in all its versions, and makes the table by them.
func TestPortalRedshiftLayout(t *testing.T) {
	s, objects, _ := newStandIn(t)
	p := standInPortal(t, s, objects)
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass,
		"ssl_mode": "disable", "options": map[string]string{"copy_role_arn": s.Role},
	}, http.StatusCreated)["id"]
	job := func(options map[string]any) map[string]any {
		return map[string]any{
			"name": "made", "credential_id": credential, "table": "made", "create_table": true, "table_options": options,
			"column_mappings": []map[string]any{
				{"source": "id", "destination": "id"}, {"source": "Name", "destination": "name"}, {"destination": "shout", "expression": "upper(Name) || '!!!'"},
			},
		}
	}
	file := p.upload("made.csv", "id,Name\n1,Zoë\n2,"+strings.Repeat("n", 100)+"\n")
	with := func(body map[string]any, field string, value any) map[string]any {
		body[field] = value
		return body
	}
	refused := func(location string, body map[string]any) {
		t.Helper()
		answer := p.call(http.MethodPost, "/api/v1/jobs/validate", with(body, "file_id", file), http.StatusUnprocessableEntity)
		errs, _ := answer["errors"].([]any)
		require.NotEmpty(t, errs, "%v", answer)
		require.Equal(t, location, errs[0].(map[string]any)["location"], "%v", answer)
		require.NotEmpty(t, answer["fix"])
	}
	refused("body.table_options.dist_key", job(map[string]any{"dist_style": "KEY"}))
	refused("body.table_options.sort_keys[1]", job(map[string]any{"sort_keys": []string{"id", "nope"}}))
	refused("body.table_options.encodings.id", job(map[string]any{"encodings": map[string]string{"id": "TEXT255"}}))
	refused("body.table", with(job(nil), "table", "Made"))
	clash := job(nil)
	clash["column_mappings"] = []map[string]any{{"source": "id", "destination": "id"}, {"source": "Name", "destination": "ID"}}
	refused("body.column_mappings[1].destination", clash)

	made := p.call(http.MethodPost, "/api/v1/jobs", with(job(map[string]any{"dist_style": "ALL"}), "file_id", file), http.StatusCreated)
	at := fmt.Sprintf("/api/v1/jobs/%v", made["id"])
	body := with(job(map[string]any{"dist_key": "id", "sort_style": "INTERLEAVED", "sort_keys": []string{"id", "name"}, "encodings": map[string]string{"name": "LZO"}}), "file_id", file)
	changed := p.call(http.MethodPut, at, body, http.StatusOK)
	require.Equal(t, map[string]any{"dist_style": "ALL"}, made["table_options"])
	require.Equal(t, "CREATE TABLE \"made\" (\n  \"id\" INTEGER,\n  \"name\" VARCHAR(256) ENCODE LZO,\n  \"shout\" VARCHAR(65535)\n)\nDISTSTYLE KEY\nDISTKEY (\"id\")\nINTERLEAVED SORTKEY (\"id\", \"name\")", changed["ddl"])
	require.Contains(t, fmt.Sprint(changed["notes"]), "shout", "its width is known when it is loaded")
	fields := p.call(http.MethodGet, at+"/versions/2/changes", nil, http.StatusOK)["fields"].([]any)
	require.Len(t, fields, 1, "%v", fields)
	require.Equal(t, "table_options", fields[0].(map[string]any)["field"])

	execute := func(job any) {
		t.Helper()
		run := p.call(http.MethodPost, fmt.Sprintf("/api/v1/jobs/execute/%v", job), nil, http.StatusAccepted)
		done := p.finish(fmt.Sprint(run["job_run_id"]))
		require.Equal(t, "COMPLETED", done["status"], "%v", done)
	}
	twin := p.call(http.MethodPost, "/api/v1/jobs", named(body, "twin"), http.StatusCreated)
	execute(made["id"])
	s.Want(`SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = 'made'`, "KEY(id)|INTERLEAVED|2")
	s.Want("SELECT column_name, character_maximum_length FROM svv_columns WHERE table_name = 'made' ORDER BY ordinal_position", "id|∅\nname|256\nshout|256")
	s.Want("SELECT shout FROM made WHERE id = 1", "ZOË!!!")
	described := p.call(http.MethodPost, fmt.Sprintf("/api/v1/destinations/%v/schema", credential), map[string]any{"table": "made"}, http.StatusOK)
	require.Equal(t, map[string]any{
		"dist_style": "KEY", "dist_key": "id", "sort_style": "INTERLEAVED", "sort_keys": []any{"id", "name"}, "encodings": map[string]any{"name": "LZO"},
	}, described["layout"])
	// The table that the job has made is loaded into, also by one that would make it so.
	execute(made["id"])
	execute(twin["id"])
	s.Want("SELECT count(*) FROM made", "6")
}
