package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/local"
)

// The password of a redshift:// URL is found where psql would find it.
func TestRedshiftPassword(t *testing.T) {
	s, _, env := newStandIn(t)
	env = env[:len(env)-1] // without PGPASSWORD
	home := t.TempDir()
	file := filepath.Join(home, "a.csv")
	require.NoError(t, os.WriteFile(file, []byte("id\n1\n"), 0o600))
	s.Exec("CREATE TABLE a (id INTEGER)")
	passwords := func(name, line string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte("# the others\nelsewhere:*:*:*:x\n"+line+"\n"), 0o600))
	}
	load := func(to string, more ...string) outcome {
		return admin(t, append(append(env, "HOME="+home), more...), "load", file, "--to", to, "--table", "a")
	}
	o := load(s.URL())
	require.Equal(t, exitUsage, o.code, o.err)
	require.Contains(t, o.err, "none was given")
	require.Contains(t, o.err, "PGPASSWORD")

	escaped := strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(s.Pass)
	passwords(".pgpass", fmt.Sprintf("%s:%d:*:%s:%s", s.Host, s.Port, s.User, escaped))
	o = load(s.URL())
	require.Equal(t, exitDone, o.code, o.err)
	passwords(".pgpass", fmt.Sprintf("%s:%d:another:*:%s", s.Host, s.Port, escaped))
	o = load(s.URL())
	require.Equal(t, exitUsage, o.code, o.err)
	require.Contains(t, o.err, "none was given")
	passwords("named", fmt.Sprintf("*:*:%s:*:%s", s.Database, escaped))
	o = load(s.URL(), "PGPASSFILE="+filepath.Join(home, "named"))
	require.Equal(t, exitDone, o.code, o.err)

	// What is nearer counts before the file.
	o = load(s.URL(), "PGPASSFILE="+filepath.Join(home, "named"), "PGPASSWORD=no"+s.Pass)
	require.Equal(t, exitUsage, o.code, o.err)
	require.Contains(t, o.err, "with this password")
	require.NotContains(t, o.err, s.Pass)
	s.Want("SELECT count(*) FROM a", "2")
}

// What is wrong with a redshift:// URL is told before anything is connected to.
func TestRedshiftURLMistakes(t *testing.T) {
	s, _, env := newStandIn(t)
	file := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(file, []byte("id\n1\n"), 0o600))
	nowhere := "redshift://me@no-such-host.invalid/dev?copy_role_arn=default&staging_bucket=" + s.Bucket
	for to, c := range map[string]struct {
		code int
		says []string
	}{
		nowhere:                                {exitUnreachable, []string{`the host "no-such-host.invalid" is not known`}},
		nowhere + "&sslmod=require":            {exitUsage, []string{"sslmod", "ssl_mode, sslmode", "staging_prefix"}},
		nowhere + "&ssl_mode=psychic":          {exitUsage, []string{`ssl_mode "psychic"`, "verify-full"}},
		nowhere + "&sslmode=psychic":           {exitUsage, []string{`ssl_mode "psychic"`, "verify-full"}},
		nowhere + "&staging_prefix=pre":        {exitUsage, []string{`"pre"`, "staging_prefix", "slash"}},
		nowhere + "&staging_prefix=/../x/":     {exitUsage, []string{`"/../x/"`, "staging_prefix"}},
		nowhere + "&secret_arn=arn&access=iam": {exitUsage, []string{"secret_arn", "access=data_api"}},
		nowhere + "&secret_arn=arn":            {exitUsage, []string{"workgroup", "cluster_identifier"}},
		strings.Replace(nowhere, "me@", "", 1): {exitUsage, []string{"names no user", "user@host"}},
	} {
		o := admin(t, env, "load", file, "--to", to, "--table", "a")
		require.Equal(t, c.code, o.code, "%s: %s", to, o.err)
		for _, word := range c.says {
			require.Contains(t, o.err, word, to)
		}
	}
}

// The secret alone means the Data API, of the warehouse that the host names.
func TestRedshiftSecretMeansDataAPI(t *testing.T) {
	s, _, env := newStandIn(t)
	file := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(file, []byte("id\n1\n"), 0o600))
	to := fmt.Sprintf("redshift://%s.abc123.%s.redshift.amazonaws.com/%s?secret_arn=%s&copy_role_arn=%s&staging_bucket=%s",
		s.Cluster, local.Region, s.Database, "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stand-in", s.Role, s.Bucket)
	o := admin(t, env, "load", file, "--to", to, "--table", "a", "--create")
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT count(*) FROM a", "1")
}
