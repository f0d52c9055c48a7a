package store

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// asksPasswords is a server whose role "portal" signs in with a password only.
func asksPasswords(t *testing.T, password string) (role *url.URL, change func(string)) {
	t.Helper()
	at := etltest.Postgres(t)
	require.NoError(t, MigrateUp(t.Context(), at))
	owner, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(context.Background()) })
	do := func(sql string) {
		_, err := owner.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	role, err = url.Parse(at)
	require.NoError(t, err)
	name := "portal_" + role.Path[1:]
	do(`CREATE ROLE ` + name + ` LOGIN SUPERUSER PASSWORD '` + password + `'`)
	t.Cleanup(func() { _, _ = owner.Exec(context.Background(), `DROP ROLE `+name) })
	role.User = url.UserPassword(name, password)
	return role, func(next string) { do(`ALTER ROLE ` + name + ` PASSWORD '` + next + `'`) }
}

// A password that changes under a portal costs at most the requests of that moment.
func TestPasswordThatChanges(t *testing.T) {
	at, change := asksPasswords(t, "first")
	var current atomic.Value
	current.Store("first")
	var reads atomic.Int64
	s, err := Open(t.Context(), at.String(), Options{MaxConns: 8, Password: func(context.Context) (string, error) {
		reads.Add(1)
		return current.Load().(string), nil
	}})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Ready(t.Context()))
	require.Zero(t, reads.Load(), "the password that was given is right")

	change("second")
	s.Pool().Reset() // connections that are open live on: have none
	err = s.Ready(t.Context())
	require.Equal(t, etl.Weather, etl.KindOf(err), "the secret may change a moment after the password: %v", err)
	current.Store("second")
	// This one is refused, or one before it was, and has it read anew.
	_ = s.Ready(t.Context())
	var group sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		group.Go(func() { errs[i] = s.Ready(t.Context()) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Less(t, reads.Load(), int64(5), "connections that are opened at once read it once")

	// Watches have a connection of their own.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	change("third")
	current.Store("third")
	for range s.Watch(ctx, 0) {
		if s.Ready(ctx) == nil {
			cancel()
		}
	}
}

// A password in the URL that was changed meanwhile is no failure to start.
func TestPasswordOfYesterday(t *testing.T) {
	at, change := asksPasswords(t, "old")
	change("new")
	_, err := Open(t.Context(), at.String(), Options{})
	e, ok := err.(*etl.Error) //nolint:errorlint // it is what Open says it gives
	require.True(t, ok)
	require.Equal(t, CodeRefused, e.Code)
	require.Equal(t, etl.Mistake, e.Kind)
	require.Equal(t, etl.Mistake, etl.KindOf(MigrateUp(t.Context(), at.String())))
	s, err := Open(t.Context(), at.String(), Options{Password: func(context.Context) (string, error) { return "new", nil }})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Ready(t.Context()))
}

// Functions start twenty at a time: those that find the tables as they need
// them wait for nobody, and on an empty database one makes them.
func TestManyStartAtOnce(t *testing.T) {
	for name, prepared := range map[string]bool{"empty": false, "prepared": true} {
		t.Run(name, func(t *testing.T) {
			at := etltest.Postgres(t)
			if prepared {
				require.NoError(t, MigrateUp(t.Context(), at))
				// Whoever waited for the lock of migrations would wait for ever.
				holder, err := pgx.Connect(t.Context(), at)
				require.NoError(t, err)
				defer func() { _ = holder.Close(context.Background()) }()
				_, err = holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, migrationLock)
				require.NoError(t, err)
			}
			var group sync.WaitGroup
			errs := make([]error, 20)
			for i := range errs {
				group.Go(func() { errs[i] = MigrateUp(t.Context(), at) })
			}
			group.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			s, err := Open(t.Context(), at, Options{})
			require.NoError(t, err)
			defer s.Close()
			require.NoError(t, s.Ready(t.Context()))
		})
	}
}
