package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Identity gives eight letters and digits that tell this database from others:
// the same for every process on it, another one after a restore elsewhere.
// Empty where the server does not tell (it may be forbidden to).
func (s *Store) Identity(ctx context.Context) (string, error) {
	var id string
	err := s.pool.QueryRow(ctx, `SELECT left(md5(system_identifier::text || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())), 8) FROM pg_control_system()`).Scan(&id)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42501" {
		return "", nil
	}
	return id, wrap(ctx, err, "asking for the database's identity")
}
