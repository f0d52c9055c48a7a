package etltest

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Limited makes a database user who owns nothing and may do what everybody may,
// as whom statements run of all who log in from now on; those of Exec and Ask
// run as the owner of everything, to grant the user more. It gives the name.
func (s *RedshiftServer) Limited() string {
	s.t.Helper()
	config, err := pgconn.ParseConfig(s.postgres)
	if err != nil {
		s.t.Fatal(err)
	}
	s.users++
	name := "limited_" + strings.Repeat("i", s.users) + "_" + config.Database
	s.Exec("CREATE ROLE " + name)
	s.mu.Lock()
	s.runsAs = name
	s.mu.Unlock()
	return name
}

// become makes a session the user's as whom statements run.
func (x *redshiftSession) become(ctx context.Context) error {
	x.s.mu.Lock()
	name := x.s.runsAs
	x.s.mu.Unlock()
	if name == "" || x.owner {
		return nil
	}
	_, err := x.forward(ctx, "SET SESSION AUTHORIZATION "+name)
	return err
}
