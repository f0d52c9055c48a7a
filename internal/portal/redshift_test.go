package portal

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// Each way into a warehouse asks for what it needs, and for no more.
func TestRedshiftCredentials(t *testing.T) {
	p := &Portal{Types: []string{"postgresql", "redshift"}}
	const host = "wg.123456789012.eu-central-1.redshift-serverless.amazonaws.com"
	for _, c := range []struct {
		host, user, sslMode string
		port                int
		options             []string // key, value
		code                etl.Code
		location            string
	}{
		{host: host, user: "loader", sslMode: "require"},
		{host: host, user: "loader", sslMode: "require", options: []string{"access", "connection"}, port: 5440},
		{host: host, sslMode: "require", code: "missing_value", location: "body.username"},
		{user: "loader", sslMode: "require", options: []string{"workgroup", "etl"}, code: "bad_host", location: "body.host"},
		{host: host, sslMode: "require", options: []string{"access", "iam"}},
		{host: "10.0.0.5", user: "loader", sslMode: "verify-full", options: []string{"access", "iam", "cluster_identifier", "main", "region", "eu-central-1"}},
		{host: host, sslMode: "disable", options: []string{"access", "iam"}, code: "bad_ssl_mode", location: "body.ssl_mode"},
		{sslMode: "require", options: []string{"access", "iam", "workgroup", "etl"}, code: "bad_host", location: "body.host"},
		{sslMode: "prefer", options: []string{"access", "data_api", "workgroup", "etl"}},
		{sslMode: "prefer", user: "loader", options: []string{"access", "data_api", "cluster_identifier", "main"}},
		{host: host, sslMode: "prefer", options: []string{"access", "data_api"}},
		{sslMode: "prefer", options: []string{"access", "data_api"}, code: "bad_host", location: "body.host"},
		{sslMode: "prefer", user: "a\nb", options: []string{"access", "data_api", "workgroup", "etl"}, code: "bad_character", location: "body.username"},
		{host: host, sslMode: "prefer", options: []string{"access", "data_api", "workgroup", "etl", "cluster_identifier", "main"}, code: "bad_option", location: "body.options.workgroup"},
		{host: host, user: "loader", sslMode: "require", options: []string{"access", "psychic"}, code: "bad_option", location: "body.options.access"},
		{host: host, user: "loader", sslMode: "require", options: []string{"staging_prefix", "etl/.hidden/a..b/"}},
		{host: host, user: "loader", sslMode: "require", options: []string{"staging_prefix", "pre"}, code: "bad_option", location: "body.options.staging_prefix"},
		{host: host, user: "loader", sslMode: "require", options: []string{"staging_prefix", "etl/../x/"}, code: "bad_option", location: "body.options.staging_prefix"},
	} {
		in := CredentialInput{
			Name: "warehouse", Type: "redshift", Host: c.host, Port: c.port, Database: "shop", Username: c.user, SSLMode: c.sslMode, MaxParallel: 4, Options: map[string]string{"copy_role_arn": "default"},
		}
		for i := 0; i < len(c.options); i += 2 {
			in.Options[c.options[i]] = c.options[i+1]
		}
		made, err := p.credentialOf(&in)
		if c.code == "" {
			require.NoError(t, err, "%+v", c)
			want := c.port
			if want == 0 {
				want = 5439
			}
			require.Equal(t, want, made.Port)
			continue
		}
		var invalid *Invalid
		require.ErrorAs(t, err, &invalid, "%+v", c)
		require.Equal(t, c.code, invalid.Err.Code, "%+v: %v", c, err)
		require.Len(t, invalid.Details, 1, "%+v", c)
		require.Equal(t, c.location, invalid.Details[0].Location)
	}
	made, err := p.credentialOf(&CredentialInput{Name: "shop", Type: "postgresql", Host: "db", Database: "shop", Username: "me", SSLMode: "prefer", MaxParallel: 1})
	require.NoError(t, err)
	require.Equal(t, 5432, made.Port)
}

// A test of temporary credentials has a step of its own for them, one of the
// Data API none of the network.
func TestConnectionTestSteps(t *testing.T) {
	for access, want := range map[string][]string{
		"":           {"dns", "tcp", "tls", "login", "privileges", "staging", "copy_role"},
		"connection": {"dns", "tcp", "tls", "login", "privileges", "staging", "copy_role"},
		"iam":        {"dns", "tcp", "tls", "credentials", "login", "privileges", "staging", "copy_role"},
		"data_api":   {"login", "privileges", "staging", "copy_role"},
	} {
		x := &tester{c: etl.Credential{Type: "redshift", Options: map[string]string{"access": access}}}
		var names []string
		for _, step := range x.plan() {
			names = append(names, step.name)
		}
		require.Equal(t, want, names, access)
	}
}

// lazy is a destination that connects when it is asked who is there.
type lazy struct {
	etl.FanOut
	err error
}

func (l lazy) CurrentUser(context.Context) (string, error) { return "IAMR:loads", l.err }

// What keeps AWS from giving credentials fails their own step; what they do not
// help against is the login's.
func TestCredentialsStep(t *testing.T) {
	for name, c := range map[string]struct {
		// open fails the opening, asked the first connection.
		open, asked error
		given, in   bool
	}{
		"all well":        {given: true, in: true},
		"login refused":   {asked: etl.Mistakef("temporary_login_refused", "", ""), given: true},
		"no server":       {asked: &etl.Error{Kind: etl.Weather, Code: "connection_refused"}, given: true},
		"denied":          {asked: etl.Mistakef("credentials_denied", "", "")},
		"role denied":     {asked: etl.Mistakef("role_denied", "", "")},
		"no keys":         {asked: etl.Mistakef("no_aws_credentials", "", "")},
		"no warehouse":    {open: etl.Mistakef("no_warehouse", "", "")},
		"nowhere to go":   {open: etl.Mistakef("no_staging", "", "")},
		"not told apart":  {open: errors.New("what")},
		"bad certificate": {open: etl.Mistakef("bad_certificate", "", "")},
	} {
		t.Run(name, func(t *testing.T) {
			opened := 0
			x := &tester{
				c: etl.Credential{Type: "redshift", Options: map[string]string{"access": "iam"}},
				opener: func(context.Context, etl.Credential, string) (etl.FanOut, error) {
					if opened++; c.open != nil {
						return nil, c.open
					}
					return lazy{err: c.asked}, nil
				},
			}
			_, err := x.credentials(t.Context())
			require.Equal(t, c.given, err == nil, "%v", err)
			if !c.given {
				require.Equal(t, cmp.Or(c.open, c.asked), err)
				return
			}
			_, err = x.login(t.Context())
			require.Equal(t, c.in, err == nil, "%v", err)
			require.Equal(t, 1, opened, "one connection is made, and its credentials are asked for once")
		})
	}
}

// Where no bucket is named it is the staging that fails, whichever step opens
// the warehouse.
func TestNoStagingIsNoLogin(t *testing.T) {
	x := &tester{
		c: etl.Credential{Type: "redshift", Options: map[string]string{"access": "data_api"}},
		opener: func(context.Context, etl.Credential, string) (etl.FanOut, error) {
			return nil, etl.Mistakef("no_staging", "Give staging_bucket the name of a bucket.", "no bucket is named")
		},
	}
	x.run(t.Context(), slog.New(slog.DiscardHandler))
	require.Len(t, x.steps, 1)
	require.Equal(t, "staging", x.steps[0].Name)
	require.Equal(t, "no_staging", x.steps[0].Code)
	require.False(t, x.steps[0].OK)
	require.NotEmpty(t, x.steps[0].Fix)
}

// A key that the database numbers cannot be mapped, so that nobody is told to.
func TestIdentityIsNoKey(t *testing.T) {
	table := tableOf("id", "name")
	table.Columns[0].Identity = "always"
	job := &etl.Job{Strategy: etl.Upsert, UpsertKeys: []string{"id"}}
	_, err := checkKeys(nil, job, table, table.Columns[1:])
	invalid := &Invalid{}
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, etl.Code("key_not_mapped"), invalid.Err.Code)
	require.NotContains(t, invalid.Err.Fix, "Map ")
	require.Equal(t, "body.upsert_keys[0]", invalid.Details[0].Location)
}
