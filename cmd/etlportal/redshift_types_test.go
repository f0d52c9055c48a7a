package main

import (
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
