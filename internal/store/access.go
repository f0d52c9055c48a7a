package store

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const tokenColumns = `id, name, role, created_by, created_at, expires_at, last_used_at` //nolint:gosec // names of columns

func scanToken(row pgx.Row) (t etl.Token, err error) {
	err = row.Scan(&t.ID, &t.Name, &t.Role, &t.CreatedBy, &t.CreatedAt, &t.ExpiresAt, &t.LastUsedAt)
	return t, err
}

// CreateToken stores a token's name, role, author and end, and the SHA-256 of
// its secret (32 bytes), by which alone it is found again.
func (s *Store) CreateToken(ctx context.Context, t etl.Token, hash []byte) (etl.Token, error) {
	created, err := scanToken(s.pool.QueryRow(ctx,
		`INSERT INTO api_tokens (name, role, hash, created_by, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING `+tokenColumns,
		t.Name, t.Role, hash, t.CreatedBy, t.ExpiresAt))
	return created, wrap(ctx, err, "creating the token")
}

// TokenByHash finds the token of a secret's SHA-256 and notes, to the minute,
// that it was used. One that has expired by the database's clock is not_found.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (etl.Token, error) {
	return one(ctx, s.pool, "token", "with that secret", scanToken, `
		WITH used AS (
			UPDATE api_tokens SET last_used_at = portal_now()
			WHERE hash = $1 AND (expires_at IS NULL OR expires_at > portal_now()) AND (last_used_at IS NULL OR last_used_at <= portal_now() - interval '1 minute'))
		SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1 AND (expires_at IS NULL OR expires_at > portal_now())`, hash)
}

// Tokens lists the tokens, the expired among them, newest first.
func (s *Store) Tokens(ctx context.Context, p etl.Page) (etl.List[etl.Token], error) {
	w, err := read(p, "tokens", 1)
	if err != nil {
		return etl.List[etl.Token]{}, err
	}
	items, err := all(ctx, s.pool, "listing tokens", scanToken,
		`SELECT `+tokenColumns+` FROM api_tokens WHERE id < $1 ORDER BY id DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch())
	return page(w, items, func(t etl.Token) []int64 { return []int64{t.ID} }), err
}

// DeleteToken removes a token, which ends its use at once.
func (s *Store) DeleteToken(ctx context.Context, id int64) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM api_tokens WHERE id = $1`, id)
	if err == nil && tag.RowsAffected() == 0 {
		return notFound("token", id)
	}
	return wrap(ctx, err, fmt.Sprintf("deleting token %d", id))
}

// Audit writes an entry of the audit log.
func (s *Store) Audit(ctx context.Context, e etl.AuditEntry) error {
	p := e.Principal
	_, err := s.pool.Exec(ctx, `
		INSERT INTO audit_log (principal_kind, principal_id, principal_name, principal_role, action, object, object_id, request_id, before, after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		p.Kind, p.ID, clean(p.Name), p.Role, e.Action, e.Object, clean(e.ObjectID), clean(e.RequestID), rawJSON(e.Before), rawJSON(e.After))
	return wrap(ctx, err, "writing to the audit log")
}

// Audits lists the entries of the audit log that the filter chooses, newest first.
func (s *Store) Audits(ctx context.Context, f etl.AuditFilter, p etl.Page) (etl.List[etl.AuditEntry], error) {
	w, err := read(p, fmt.Sprintf("audits %q %q", f.Object, f.ObjectID), 1)
	if err != nil {
		return etl.List[etl.AuditEntry]{}, err
	}
	items, err := all(ctx, s.pool, "reading the audit log", func(row pgx.Row) (e etl.AuditEntry, err error) {
		err = row.Scan(&e.ID, &e.At, &e.Principal.Kind, &e.Principal.ID, &e.Principal.Name, &e.Principal.Role, &e.Action, &e.Object, &e.ObjectID, &e.RequestID, &e.Before, &e.After)
		return e, err
	}, `
		SELECT id, at, principal_kind, principal_id, principal_name, principal_role, action, object, object_id, request_id, before, after FROM audit_log
		WHERE id < $1 AND ($3 = '' OR object = $3) AND ($4 = '' OR object_id = $4) ORDER BY id DESC LIMIT $2`,
		w.key(0, math.MaxInt64), w.fetch(), f.Object, clean(f.ObjectID))
	return page(w, items, func(e etl.AuditEntry) []int64 { return []int64{e.ID} }), err
}
