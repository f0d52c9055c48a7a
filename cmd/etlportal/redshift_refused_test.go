package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusing has COPY refuse what holds a word.
func refusing(column, value string) string {
	if column == "item" && strings.Contains(value, "refuse") {
		return "Value is not to be taken"
	}
	return ""
}

const refusedFile = "id,item\n1,tea\n2,refuse it\n3,käse\n4,refused\n5,cake\n6,refuse\n"

// Rows that COPY refuses beyond what is allowed are told as those that are found
// before: the first of all by its line, and each in the rejects file.
func TestLoadRedshiftRefusesTooMany(t *testing.T) {
	s, _, env := newStandIn(t)
	s.Refuses = refusing
	s.Exec("CREATE TABLE sales (id INTEGER NOT NULL, item VARCHAR(40))")
	for name, x := range map[string]struct {
		file, first string
		rejected    int
		lines       []string
	}{
		"refused by COPY": {refusedFile, `the first is line 3, column "item": Value is not to be taken`, 3, []string{"2,refuse it,3,item,Value is not to be taken", "4,refused,5,", "6,refuse,7,"}},
		"and before it, later": {
			refusedFile + "x,tea\n", `the first is line 3, column "item": Value is not to be taken`, 4, []string{"2,refuse it,3,item,Value is not to be taken", "4,refused,5,", "6,refuse,7,", "x,tea,8,id,"},
		},
		"and before it, sooner": {
			strings.Replace(refusedFile, "2,refuse", "x,tea\n2,refuse", 1), `the first is line 3, column "id"`, 4, []string{"x,tea,3,id,", "2,refuse it,4,", "4,refused,6,", "6,refuse,8,"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, rejects := filepath.Join(t.TempDir(), "sales.csv"), filepath.Join(t.TempDir(), "bad.csv")
			require.NoError(t, os.WriteFile(file, []byte(x.file), 0o600))
			o := admin(t, env, "load", file, "--to", s.URL(), "--table", "sales", "--on-bad-row", "skip", "--max-bad-rows", "2", "--rejects", rejects, "--format", "json")
			require.Equal(t, exitFailed, o.code, o.err)
			require.Contains(t, o.err, x.first)
			var told struct {
				Rejected int `json:"rows_rejected"`
			}
			require.NoError(t, json.Unmarshal([]byte(o.out), &told), o.out)
			require.Equal(t, x.rejected, told.Rejected)
			kept, err := os.ReadFile(rejects)
			require.NoError(t, err)
			at := 0
			for _, line := range x.lines {
				n := strings.Index(string(kept[at:]), "\n"+line)
				require.GreaterOrEqual(t, n, 0, "%s: %s", line, kept)
				at += n
			}
			require.Equal(t, x.rejected+1, strings.Count(string(kept), "\n"))
			s.Want("SELECT count(*) FROM sales", "0")
		})
	}
}

// A run of the portal keeps them, and names the first.
func TestPortalRedshiftRefusesTooMany(t *testing.T) {
	s, objects, _ := newStandIn(t)
	s.Refuses = refusing
	s.Exec("CREATE TABLE sales (id INTEGER NOT NULL, item VARCHAR(40))")
	p := standInPortal(t, s, objects)
	credential := p.call(http.MethodPost, "/api/v1/credentials", map[string]any{
		"name": "warehouse", "type": "redshift", "host": s.Host, "port": s.Port, "database": s.Database, "username": s.User, "password": s.Pass, "ssl_mode": "disable",
		"options": map[string]string{"copy_role_arn": s.Role},
	}, http.StatusCreated)["id"]
	for name, policy := range map[string]map[string]any{
		"beyond the bound": {"mode": "skip", "max_rows": 2},
		"none allowed":     {"mode": "fail"},
	} {
		t.Run(name, func(t *testing.T) {
			done := p.finish(p.execute(map[string]any{"name": name, "file_id": p.upload("sales.csv", refusedFile), "credential_id": credential, "table": "sales", "on_bad_row": policy}))
			require.Equal(t, "FAILED", done["status"], "%v", done)
			require.Contains(t, fmt.Sprint(done["error"]), `line 3`)
			require.Contains(t, fmt.Sprint(done["error"]), `Value is not to be taken`)
			items := p.call(http.MethodGet, fmt.Sprintf("/api/v1/job-runs/%v/rejects", done["id"]), nil, http.StatusOK)["items"].([]any)
			require.NotEmpty(t, items)
			require.InDelta(t, float64(len(items)), done["rows_rejected"], 0, "%v", done)
			require.InDelta(t, 3.0, items[0].(map[string]any)["line"], 0)
			require.Contains(t, fmt.Sprint(items[0]), "refuse it")
			if name != "none allowed" {
				require.Len(t, items, 3)
			}
			s.Want("SELECT count(*) FROM sales", "0")
		})
	}
}
