package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a user may not do is told before a row is staged, with the GRANTs to ask
// for, and a dry run foretells it.
func TestLoadRedshiftLacksPrivileges(t *testing.T) {
	s, _, env := newStandIn(t)
	s.Exec("CREATE TABLE sales (id INTEGER)")
	user := s.Limited()
	database, err := s.Ask("SELECT CURRENT_DATABASE()")
	require.NoError(t, err)
	s.Exec("GRANT ALL ON sales TO "+user, "REVOKE TEMPORARY ON DATABASE "+database+" FROM PUBLIC")
	file := filepath.Join(t.TempDir(), "sales.csv")
	require.NoError(t, os.WriteFile(file, []byte("id\n1\n2\n"), 0o600))
	arguments := []string{"load", file, "--to", s.URL(), "--table", "sales"}
	grants := []string{"GRANT CREATE ON DATABASE " + database + " TO " + user + ";", "GRANT TEMPORARY ON DATABASE " + database + " TO " + user + ";"}
	for _, more := range [][]string{{"--dry-run"}, nil} {
		o := admin(t, env, append(arguments, more...)...)
		require.NotZero(t, o.code)
		for _, grant := range grants {
			require.Contains(t, o.err, grant)
		}
	}
	s.Exec(grants...)
	o := admin(t, env, append(arguments, "--dry-run")...)
	require.Zero(t, o.code, o.err)
	o = admin(t, env, arguments...)
	require.Zero(t, o.code, o.err)
	s.Want("SELECT count(*) FROM sales", "2")
}
