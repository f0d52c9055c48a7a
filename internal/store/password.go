package store

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// keyring gives new connections the password that holds: the one they were
// opened with, and after a refusal the one that read gives.
type keyring struct {
	read func(ctx context.Context) (string, error)

	mu       sync.Mutex
	password string
	stale    bool
}

// newKeyring watches the connections of config for refusals.
func newKeyring(config *pgx.ConnConfig, read func(ctx context.Context) (string, error)) *keyring {
	k := &keyring{read: read, password: config.Password}
	fatal := config.OnPgError
	config.OnPgError = func(c *pgconn.PgConn, e *pgconn.PgError) bool {
		if signInRefused(e) {
			k.mu.Lock()
			k.stale = true
			k.mu.Unlock()
		}
		return fatal == nil || fatal(c, e)
	}
	return k
}

// beforeConnect is for pgxpool. Connections that are opened at once read a new
// password once.
func (k *keyring) beforeConnect(ctx context.Context, config *pgx.ConnConfig) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stale {
		password, err := k.read(ctx)
		if err != nil {
			return err
		}
		k.password, k.stale = password, false
	}
	config.Password = k.password
	return nil
}

// signInRefused says that the user or the password is not known.
func signInRefused(e *pgconn.PgError) bool { return e.Code == "28P01" || e.Code == "28000" }

func passwordRefused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && signInRefused(e)
}

// firstRefusal makes a Mistake of the refusal of a password that was never right.
func firstRefusal(err error) error {
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == CodeRefused {
		e.Kind = etl.Mistake
	}
	return err
}
