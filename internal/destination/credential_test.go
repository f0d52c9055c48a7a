package destination

import (
	"errors"
	"net/url"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

func TestOpenCredential(t *testing.T) {
	at, err := url.Parse(etltest.Postgres(t))
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	password, _ := at.User.Password()
	good := etl.Credential{Host: at.Hostname(), Port: port, Database: at.Path[1:], Username: at.User.Username()}
	with := func(change func(*etl.Credential)) etl.Credential {
		c := good
		change(&c)
		return c
	}
	refused := errors.New("not there")
	cases := []struct {
		name       string
		credential etl.Credential
		password   string
		options    Options
		code       etl.Code
	}{
		{"plain", good, password, Options{}, ""},
		{"prefer goes on without TLS", with(func(c *etl.Credential) { c.SSLMode = "prefer" }), password, Options{}, ""},
		{"allow", with(func(c *etl.Credential) { c.SSLMode = "allow" }), password, Options{}, ""},
		{"disable", with(func(c *etl.Credential) { c.SSLMode = "disable" }), password, Options{}, ""},
		{"require", with(func(c *etl.Credential) { c.SSLMode = "require" }), password, Options{}, "tls_failed"},
		{"verify-full", with(func(c *etl.Credential) { c.SSLMode = "verify-full" }), password, Options{}, "tls_failed"},
		{"unknown mode", with(func(c *etl.Credential) { c.SSLMode = "maybe" }), password, Options{}, "bad_ssl_mode"},
		{"no certificate", with(func(c *etl.Credential) { c.Options = map[string]string{optionCA: "x"} }), password, Options{}, "bad_certificate"},
		{"no password: none is found elsewhere", good, "", Options{}, "wrong_password"},
		{"wrong password", good, "x", Options{}, "wrong_password"},
		{"no database", with(func(c *etl.Credential) { c.Database = "nope" }), password, Options{}, "no_such_database"},
		{"a password with every trick", good, "a b'\\@:/?# sslmode=disable", Options{}, "wrong_password"},
		{"guarded", good, password, Options{Control: func(string, string, syscall.RawConn) error { return refused }}, "connection_failed"},
	}
	t.Setenv("PGPASSWORD", password)
	t.Setenv("PGDATABASE", "elsewhere")
	t.Setenv("PGOPTIONS", "-c no_such_setting=1")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := OpenCredential(t.Context(), c.credential, c.password, c.options)
			if c.code == "" {
				require.NoError(t, err)
				require.NoError(t, p.Close(t.Context()))
				return
			}
			var e *etl.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.code, e.Code, "%v: %v", e, e.Err)
			require.NotContains(t, e.Error(), password)
		})
	}
}
