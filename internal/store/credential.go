package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// SealFunc seals a credential's password, bound to the id that the credential
// has or will have.
type SealFunc func(ctx context.Context, credentialID int64) (etl.Sealed, error)

const credentialColumns = `id, name, type, host, port, database, username, ssl_mode, options, max_parallel, version, created_at, updated_at` //nolint:gosec // names of columns

func scanCredential(row pgx.Row) (c etl.Credential, err error) {
	err = row.Scan(&c.ID, &c.Name, &c.Type, &c.Host, &c.Port, &c.Database, &c.Username, &c.SSLMode, &c.Options, &c.MaxParallel, &c.Version, &c.CreatedAt, &c.UpdatedAt)
	if len(c.Options) == 0 {
		c.Options = nil
	}
	return c, err
}

// credentialValues are the arguments $1 to $9.
func credentialValues(c etl.Credential) []any {
	if c.MaxParallel == 0 {
		c.MaxParallel = 4
	}
	if c.Options == nil {
		c.Options = map[string]string{}
	}
	return []any{c.Name, c.Type, c.Host, c.Port, c.Database, c.Username, c.SSLMode, c.Options, c.MaxParallel}
}

// CreateCredential stores a credential at version 1. seal is called once,
// outside any transaction, with the id that the credential gets; its error is
// returned as it is. A name that is taken is duplicate_name.
func (s *Store) CreateCredential(ctx context.Context, c etl.Credential, seal SealFunc) (etl.Credential, error) {
	const what = "creating the credential"
	var id int64
	if err := s.pool.QueryRow(ctx, `SELECT nextval(pg_get_serial_sequence('credentials', 'id'))`).Scan(&id); err != nil {
		return etl.Credential{}, wrap(ctx, err, what)
	}
	secret, err := seal(ctx, id)
	if err != nil {
		return etl.Credential{}, err
	}
	created, err := scanCredential(s.pool.QueryRow(ctx, `
		INSERT INTO credentials (name, type, host, port, database, username, ssl_mode, options, max_parallel, id, secret, key_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING `+credentialColumns,
		append(credentialValues(c), id, secret.Ciphertext, secret.KeyVersion)...))
	return created, wrap(ctx, err, what)
}

// Credential reads a credential.
func (s *Store) Credential(ctx context.Context, id int64) (etl.Credential, error) {
	return one(ctx, s.pool, "credential", id, scanCredential, `SELECT `+credentialColumns+` FROM credentials WHERE id = $1`, id)
}

// CredentialSecret reads a credential's sealed password.
func (s *Store) CredentialSecret(ctx context.Context, id int64) (etl.Sealed, error) {
	return one(ctx, s.pool, "credential", id, func(row pgx.Row) (secret etl.Sealed, err error) {
		err = row.Scan(&secret.Ciphertext, &secret.KeyVersion)
		return secret, err
	}, `SELECT secret, key_version FROM credentials WHERE id = $1`, id)
}

// Credentials lists the credentials, newest first.
func (s *Store) Credentials(ctx context.Context, p etl.Page) (etl.List[etl.Credential], error) {
	w, err := read(p, "credentials", 1)
	if err != nil {
		return etl.List[etl.Credential]{}, err
	}
	items, err := all(ctx, s.pool, "listing credentials", scanCredential,
		`SELECT `+credentialColumns+` FROM credentials WHERE id < $1 ORDER BY id DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch())
	return page(w, items, func(c etl.Credential) []int64 { return []int64{c.ID} }), err
}

// UpdateCredential replaces a credential if it is still at c.Version, and gives
// it with the next one; else version_conflict. seal nil keeps the password.
func (s *Store) UpdateCredential(ctx context.Context, c etl.Credential, seal SealFunc) (etl.Credential, error) {
	var secret etl.Sealed
	if seal != nil {
		var err error
		if secret, err = seal(ctx, c.ID); err != nil {
			return etl.Credential{}, err
		}
	}
	updated, err := scanCredential(s.pool.QueryRow(ctx, `
		UPDATE credentials SET name = $1, type = $2, host = $3, port = $4, database = $5, username = $6, ssl_mode = $7, options = $8, max_parallel = $9,
			secret = CASE WHEN $12 THEN $13::bytea ELSE secret END, key_version = CASE WHEN $12 THEN $14::text ELSE key_version END,
			version = version + 1, updated_at = portal_now()
		WHERE id = $10 AND version = $11 RETURNING `+credentialColumns,
		append(credentialValues(c), c.ID, c.Version, seal != nil, secret.Ciphertext, secret.KeyVersion)...))
	if errors.Is(err, pgx.ErrNoRows) {
		current, err := s.Credential(ctx, c.ID)
		if err != nil {
			return etl.Credential{}, err
		}
		return etl.Credential{}, versionConflict("credential", c.ID, c.Version, current.Version)
	}
	return updated, wrap(ctx, err, fmt.Sprintf("updating credential %d", c.ID))
}

// DeleteCredential removes a credential. One that jobs or active runs use is a
// Mistake of code in_use that names them.
func (s *Store) DeleteCredential(ctx context.Context, id int64) error {
	err := s.deleteInput(ctx, "credential", id, fmt.Sprintf("deleting credential %d", id),
		`SELECT FROM credentials WHERE id = $1 FOR UPDATE`,
		`SELECT FROM job_runs WHERE credential_id = $1 ORDER BY id FOR NO KEY UPDATE`,
		`DELETE FROM credentials WHERE id = $1`)
	if users, found := s.users(ctx, err, "etl_jobs_credential_fk", `SELECT name FROM etl_jobs WHERE credential_id = $1 ORDER BY id LIMIT 6`, id); found {
		return etl.Mistakef(CodeInUse, "Delete these jobs, or give them another credential.", "credential %d is used by %s", id, users)
	}
	return err
}

// CredentialsToRotate gives credentials, oldest first, whose password is sealed
// with another key version than current.
func (s *Store) CredentialsToRotate(ctx context.Context, current string, limit int) ([]etl.Credential, error) {
	return all(ctx, s.pool, "listing credentials to rotate", scanCredential,
		`SELECT `+credentialColumns+` FROM credentials WHERE key_version <> $1 ORDER BY id LIMIT $2`, current, limit)
}

// RotateCredential replaces a sealed password by the same one sealed anew, if it
// is still old; false says that somebody changed it meanwhile. The credential's
// version stays.
func (s *Store) RotateCredential(ctx context.Context, id int64, old, sealed etl.Sealed) (bool, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE credentials SET secret = $1, key_version = $2 WHERE id = $3 AND secret = $4`, sealed.Ciphertext, sealed.KeyVersion, id, old.Ciphertext)
	return tag.RowsAffected() == 1, wrap(ctx, err, fmt.Sprintf("rotating credential %d", id))
}
