package redshift_test

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// Why no connection came about is told by what was wrong.
func TestLoginRefusals(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	for name, c := range map[string]struct {
		change func(*redshift.Login)
		kind   etl.Kind
		code   etl.Code
		says   string
		fix    string
	}{
		"no password":    {func(l *redshift.Login) { l.Password = "" }, etl.Mistake, "wrong_password", "none was given", "PGPASSWORD"},
		"wrong password": {func(l *redshift.Login) { l.Password += "x" }, etl.Mistake, "wrong_password", "with this password", "password"},
		"no database":    {func(l *redshift.Login) { l.Database = "nothere" }, etl.Mistake, "no_such_database", "nothere", "name"},
		"unknown host":   {func(l *redshift.Login) { l.Host = "no-such-host.invalid" }, etl.Weather, "unknown_host", `"no-such-host.invalid"`, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			l := redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable"}
			c.change(&l)
			road, err := redshift.Connect(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			_, err = road.Run(t.Context(), "SELECT 1")
			e, ok := errors.AsType[*etl.Error](err)
			if !ok || e.Kind != c.kind || e.Code != c.code || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Fix, c.fix) {
				t.Errorf("%+v", err)
			}
		})
	}
}

// A server that hangs up where it asked for a password says as much as one that refuses.
func TestNoPasswordHungUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		// AuthenticationMD5Password, once the client has begun.
		_, _ = conn.Read(make([]byte, 512))
		_, _ = conn.Write([]byte{'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4})
		_, _ = conn.Read(make([]byte, 512))
		_ = conn.Close()
	}()
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	road, err := redshift.Connect(t.Context(), redshift.Login{Host: host, Port: n, Database: "dev", Username: "me", SSLMode: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = road.Run(t.Context(), "SELECT 1")
	if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "wrong_password" || !strings.Contains(e.Message, `"me", and none was given`) {
		t.Errorf("%+v", err)
	}
	_ = listener.Close()
	<-served
}
