package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// Database gives the URL of a database of the server, as its superuser, and
// makes it first where it is missing. No other user may connect to it. It may be repeated.
func (p *Postgres) Database(ctx context.Context, name string) (string, error) {
	if err := p.ensure(ctx, name, ""); err != nil {
		return "", err
	}
	return p.urlOf(name, nil)
}

// UserDatabase gives the URL of a database of a user of its own, who owns it and
// can do nothing else in the server. Both are made where they are missing; the
// password is set. It may be repeated.
func (p *Postgres) UserDatabase(ctx context.Context, name, owner, password string) (string, error) {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return "", databaseFault(name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var there bool
	if err := conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_roles WHERE rolname = $1", owner).Scan(&there); err != nil {
		return "", databaseFault(name, err)
	}
	role := pgx.Identifier{owner}.Sanitize()
	statements := []string{
		"ALTER ROLE " + role + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '" + strings.ReplaceAll(password, "'", "''") + "'",
		"REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC",
	}
	if !there {
		statements = append([]string{"CREATE ROLE " + role}, statements...)
	}
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", databaseFault(name, err)
		}
	}
	if err := p.ensure(ctx, name, owner); err != nil {
		return "", err
	}
	return p.urlOf(name, url.UserPassword(owner, password))
}

// ensure makes a database and closes it to everybody but its owner.
func (p *Postgres) ensure(ctx context.Context, name, owner string) error {
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		return databaseFault(name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var there bool
	if err := conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_database WHERE datname = $1", name).Scan(&there); err != nil {
		return databaseFault(name, err)
	}
	quoted := pgx.Identifier{name}.Sanitize()
	if !there {
		create := "CREATE DATABASE " + quoted
		if owner != "" {
			create += " OWNER " + pgx.Identifier{owner}.Sanitize()
		}
		if _, err := conn.Exec(ctx, create); err != nil {
			return databaseFault(name, err)
		}
	}
	if _, err := conn.Exec(ctx, "REVOKE CONNECT, TEMPORARY ON DATABASE "+quoted+" FROM PUBLIC"); err != nil {
		return databaseFault(name, err)
	}
	return nil
}

func (p *Postgres) urlOf(database string, user *url.Userinfo) (string, error) {
	at, err := url.Parse(p.URL)
	if err != nil {
		return "", databaseFault(database, err)
	}
	at.Path = "/" + database
	if user != nil {
		at.User = user
	}
	return at.String(), nil
}

func databaseFault(name string, err error) error {
	return &etl.Error{
		Kind: etl.Weather, Code: "database_unavailable", Err: err,
		Message: fmt.Sprintf("the database %q of the embedded PostgreSQL cannot be prepared: %v", name, err), Fix: "Start again.",
	}
}

// RunningPostgres gives the URL of a database of the server that another process
// runs on a data directory; ok is false where none answers.
func RunningPostgres(ctx context.Context, dataDir, database string) (at string, ok bool) {
	dir := filepath.Join(dataDir, "postgres")
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return "", false
	}
	port, err := postmasterPort(dir)
	if err != nil {
		return "", false
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, string(password)), Path: "/" + database, RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	}
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return "", false
	}
	return u.String(), conn.Close(ctx) == nil
}

// LastPort is the port that KeepPort noted; 0 where none was.
func LastPort(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, portFile))
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return port
}

const portFile = "postgres.port"

// KeepPort notes a server's port for LastPort.
func KeepPort(dataDir string, port int) error {
	return replaceFile(filepath.Join(dataDir, portFile), []byte(strconv.Itoa(port)+"\n"))
}

// postmasterPort reads the fourth line of the server's lock file.
func postmasterPort(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 4 {
		return 0, errors.New("the file is not complete")
	}
	return strconv.Atoi(strings.TrimSpace(lines[3]))
}
