package destination_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
)

// listen answers each connection with f.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestConnectionErrors(t *testing.T) {
	const secret = "s3cr3t-word"
	d := newDatabase(t,
		`CREATE ROLE plain LOGIN PASSWORD '`+secret+`'`, `CREATE ROLE full LOGIN PASSWORD '`+secret+`' CONNECTION LIMIT 0`,
		`CREATE ROLE barred LOGIN PASSWORD '`+secret+`'`)
	t.Cleanup(func() { d.dropRoles("plain", "full", "barred") })
	d.exec(`DO $$BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database());
		EXECUTE format('GRANT CONNECT ON DATABASE %I TO plain, "full"', current_database()); END$$`)
	as := func(user, password, more string) string {
		return withURL(t, d.url, func(u *url.URL) {
			u.User = url.UserPassword(user, password)
			u.RawQuery += more
		})
	}
	var held []net.Conn
	t.Cleanup(func() {
		for _, c := range held {
			_ = c.Close()
		}
	})
	silent := listen(t, func(c net.Conn) { held = append(held, c) })
	rude := listen(t, func(c net.Conn) { _ = c.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closed.Addr().String()
	_ = closed.Close()
	at := func(host string) string { return "postgres://plain:" + secret + "@" + host + "/x?sslmode=disable" }
	for _, c := range []struct {
		name, url string
		kind      etl.Kind
		code      etl.Code
		says      string
	}{
		{"empty", "", etl.Mistake, "bad_url", "empty"},
		{"no URL", "host=localhost password=" + secret, etl.Mistake, "bad_url", "not a URL"},
		{"other scheme", "mysql://u:" + secret + "@h/db", etl.Mistake, "bad_url", "postgres://"},
		{"nothing after scheme", "postgres://", etl.Mistake, "bad_url", "ends"},
		{"port is text", "postgres://u:" + secret + "@h:port/db", etl.Mistake, "bad_url", "port"},
		{"port too large", "postgres://u:" + secret + "@h:70000/db", etl.Mistake, "bad_url", "port"},
		{"blank", "postgres://u:" + secret + " @h/db", etl.Mistake, "bad_url", "blank"},
		{"# in password", "postgres://u:12#" + secret + "@h/db", etl.Mistake, "bad_url", "#"},
		{"/ in password", "postgres://u:12/" + secret + "@h/db", etl.Mistake, "bad_url", "percent-encoded"},
		{"? in password", "postgres://u:12?" + secret + "@h/db", etl.Mistake, "bad_url", "percent-encoded"},
		{"% in password", "postgres://u:%zz" + secret + "@h/db", etl.Mistake, "bad_url", "encoding"},
		{"sslmode", at("h") + "x", etl.Mistake, "bad_url", "sslmode"},
		{"connect_timeout", at("h") + "&connect_timeout=soon", etl.Mistake, "bad_url", "connect_timeout"},
		{"missing certificate", at("h") + "&sslrootcert=/no/such/file", etl.Mistake, "bad_url", "file"},
		{"slash in database", at("h/x"), etl.Mistake, "bad_url", "slash"},
		{"unknown host", at("no-such-host.invalid"), etl.Weather, "unknown_host", "no-such-host.invalid"},
		{"refused", at(gone), etl.Weather, "connection_refused", gone},
		{"no answer", at(silent) + "&connect_timeout=1", etl.Weather, "connect_timeout", silent},
		{"hangs up", at(rude), etl.Weather, "not_postgresql", rude},
		{"no socket", "postgres://u:" + secret + "@/x?host=/no/such/dir", etl.Weather, "connection_refused", "/no/such/dir"},
		{"no TLS", strings.Replace(as("plain", secret, ""), "disable", "require", 1), etl.Mistake, "tls_failed", "TLS"},
		{"wrong password", as("plain", secret+"x", ""), etl.Mistake, "wrong_password", `"plain"`},
		{"no password", as("plain", "", ""), etl.Mistake, "wrong_password", "none was given"},
		{"unknown user", as("nobody-here", secret, ""), etl.Mistake, "wrong_password", `"nobody-here"`},
		{"no database", withURL(t, as("plain", secret, ""), func(u *url.URL) { u.Path = "/o'brien" }), etl.Mistake, "no_such_database", `createdb 'o'\''brien'`},
		{"connection limit", as("full", secret, ""), etl.Weather, "too_many_connections", `too many connections for role "full". Try again later, or raise the limit`},
		{"no CONNECT", as("barred", secret, ""), etl.Mistake, "permission_denied", "GRANT CONNECT ON DATABASE"},
		{"unknown parameter", as("plain", secret, "&no_such=1"), etl.Mistake, "bad_url", "no_such"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PGPASSWORD", "")
			t.Setenv("PGPASSFILE", "/dev/null")
			p, err := destination.OpenPostgres(t.Context(), c.url, destination.Options{})
			if err == nil {
				_ = p.Close(t.Context())
				t.Fatal("connected")
			}
			e := refusal(t, err)
			if e.Kind != c.kind || e.Code != c.code || !strings.Contains(e.Error(), c.says) {
				t.Errorf("got %d %s: %v", e.Kind, e.Code, e)
			}
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				if text := fmt.Sprintf("%v %+v %#v", cause, cause, cause); strings.Contains(text, secret) {
					t.Errorf("the password is in %T: %s", cause, text)
				}
			}
		})
	}
	p, err := destination.OpenPostgres(t.Context(), as("plain", secret, ""), destination.Options{ApplicationName: "my load"})
	if err != nil {
		t.Fatal(err)
	}
	d.want(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my load'`, "1")
	if err := errors.Join(p.Close(t.Context()), p.Close(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestConnectCancelled(t *testing.T) {
	var held []net.Conn
	ctx, cancel := context.WithCancel(t.Context())
	silent := listen(t, func(c net.Conn) {
		held = append(held, c)
		cancel()
	})
	_, err := destination.OpenPostgres(ctx, "postgres://u@"+silent+"/x?sslmode=disable", destination.Options{})
	if e := refusal(t, err); e.Code != "cancelled" {
		t.Errorf("got %v", err)
	}
	for _, c := range held {
		_ = c.Close()
	}
}

// dropRoles removes roles, which belong to the server rather than to the test's database.
func (d *database) dropRoles(names ...string) {
	for _, name := range names {
		for _, sql := range []string{`DROP OWNED BY "%s"`, `DROP ROLE "%s"`} {
			if _, err := d.raw.Exec(context.Background(), fmt.Sprintf(sql, name)); err != nil {
				d.t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, tail := range []string{"@h/db", "/x@h/db", "?x@h", "#@h", "@h:99999/db", "@h,i:1/db?sslmode=nothing", "%", "@[::1]:5432/db", "@/db?host=/tmp", ":y@h", " @h", "@h:\x00"} {
		f.Add(tail)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, tail string) {
		const secret = "zQ7secretQz"
		p, err := destination.OpenPostgres(ctx, "postgres://user:"+secret+tail, destination.Options{})
		if err == nil {
			_ = p.Close(context.Background())
			t.Fatal("connected under a cancelled context")
		}
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Fix == "" {
			t.Fatalf("got %v", err)
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			if strings.Contains(cause.Error(), secret) {
				t.Fatalf("the password is in %T: %v", cause, cause)
			}
		}
	})
}
