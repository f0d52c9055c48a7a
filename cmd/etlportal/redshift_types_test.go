package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same UPSERT twice leaves the rows of one, also where the key's type is
// one that Redshift keeps as text.
func TestLoadRedshiftGivenTypes(t *testing.T) {
	s, _, env := newStandIn(t)
	file := filepath.Join(t.TempDir(), "keys.csv")
	require.NoError(t, os.WriteFile(file, []byte("U,span,n\n6F9619FF-8B86-D011-B42D-00CF4FC964FF,90 minutes,1\n{6f9619ff8b86d011b42d00cf4fc964fe},P1D,2\n"), 0o600))
	mapping := filepath.Join(t.TempDir(), "map.yaml")
	require.NoError(t, os.WriteFile(mapping, []byte("columns:\n  - {source: u, destination: u, transformations: [{fn: TRIM}]}\n  - {source: span, destination: span}\n  - {source: n, destination: n}\n"), 0o600))
	load := func(flags ...string) outcome {
		return admin(t, env, append([]string{"load", file, "--to", s.URL(), "--table", "keyed"}, flags...)...)
	}
	upsert := []string{"--strategy", "upsert", "--key", "u,span", "--type", "U=uuid", "--type", "span=interval"}
	for _, more := range [][]string{{"--create"}, nil, {"--mapping", mapping}} {
		o := load(append(more, upsert...)...)
		require.Equal(t, exitDone, o.code, o.err)
		s.Want("SELECT u, span, n FROM keyed ORDER BY n", "6f9619ff-8b86-d011-b42d-00cf4fc964ff|01:30:00|1\n6f9619ff-8b86-d011-b42d-00cf4fc964fe|1 day|2")
	}
	for flag, reason := range map[string]string{
		"n=foo": "no conversion to it from the type foo", "n=boolean": `column "n"`, "n=varchar(max)": `column "n"`,
	} {
		o := load("--type", flag)
		require.Equal(t, exitUsage, o.code, o.err)
		require.Contains(t, o.err, reason)
	}
	o := load("--type", "n=date")
	require.NotEqual(t, exitDone, o.code)
	s.Want("SELECT count(*) FROM keyed", "2")
}

// A new table has the types that were named, or none is made.
func TestRedshiftTypesOfNewTables(t *testing.T) {
	s, objects, env := newStandIn(t)
	file := filepath.Join(t.TempDir(), "types.csv")
	require.NoError(t, os.WriteFile(file, []byte("id,j,b,at,n\n1,\"{\"\"a\"\": [1, \"\"x\"\"]}\",\\x3132,13:45:00+02,né\n"), 0o600))
	load := func(to, table string, types ...string) outcome {
		flags := []string{"load", file, "--to", to, "--table", table, "--create"}
		for _, t := range types {
			flags = append(flags, "--type", t)
		}
		return admin(t, env, flags...)
	}
	o := load(s.URL(), "made", "j=super", "b=varbyte(10)", "at=timetz", "n=nvarchar(2)")
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT j, FROM_VARBYTE(b, 'hex'), at, n FROM made", "{\"a\": [1, \"x\"]}|3132|13:45:00+02|né")
	database := newDatabase(t).url
	for _, wrong := range []string{"integr", "geometry", "money", "text[]", "timestamp(3)", "varchar(max)"} {
		o = load(s.URL(), "none", "id="+wrong)
		require.Equal(t, exitUsage, o.code, "%s: %s", wrong, o.err)
		require.Contains(t, o.err, `column "id"`)
		require.Contains(t, o.err, wrong)
	}
	require.Contains(t, load(s.URL(), "none", "id=integr").err, "Use smallint, integer")
	s.Want("SELECT count(*) FROM svv_tables WHERE table_name = 'none'", "0")
	o = load(database, "none", "id=integr")
	require.NotEqual(t, exitDone, o.code)
	require.Contains(t, o.err, "integr")
	// PostgreSQL has Redshift's types by its own names.
	o = load(database, "made", "j=super", "b=varbyte(2)", "n=nvarchar(2)")
	require.Equal(t, exitDone, o.code, o.err)
	found := newDatabaseAt(t, database).rows("SELECT format('%s %s %s', pg_typeof(j), pg_typeof(b), encode(b, 'hex')) FROM made")
	require.Equal(t, []string{"jsonb bytea 3132"}, found)
	o = load(database, "shorter", "b=varbyte(1)")
	require.Equal(t, exitFailed, o.code, o.err)
	require.Contains(t, o.err, "varbyte(1) holds 1")

	p := standInPortal(t, s, objects)
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass,
		"ssl_mode": "disable", "options": map[string]string{"copy_role_arn": s.Role},
	}, http.StatusCreated)["id"]
	job := func(kind string) map[string]any {
		return map[string]any{
			"name": "typed", "credential_id": credential, "file_id": p.upload("typed.csv", "id,j\n1,{}\n"), "table": "typed", "create_table": true,
			"column_mappings": []map[string]any{{"source": "id", "destination": "id"}, {"source": "j", "destination": "j", "type": kind}},
		}
	}
	require.Contains(t, p.call(http.MethodPost, "/api/v1/jobs/validate", job("super"), http.StatusOK)["ddl"], `"j" SUPER`)
	refused := p.call(http.MethodPost, "/api/v1/jobs/validate", job("supr"), http.StatusUnprocessableEntity)
	require.Equal(t, "unknown_type", refused["code"], "%v", refused)
	require.Contains(t, fmt.Sprint(refused["errors"]), "body.column_mappings[1].type")
}
