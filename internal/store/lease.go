package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// longestWait bounds how long a full credential asks to be left alone: leases
// are given back long before they expire.
const longestWait = 5 * time.Second

// AcquireLease makes holder one of at most limit loaders of a credential's
// database, for ttl by the database's clock. Where all are taken it is
// *etl.RetryAfter. A holder that has a lease gets the same one, renewed.
func (s *Store) AcquireLease(ctx context.Context, credentialID int64, holder string, limit int, ttl time.Duration) (etl.Lease, error) {
	if limit < 1 || ttl <= 0 || holder == "" {
		return etl.Lease{}, &etl.Error{Code: "internal", Message: fmt.Sprintf("a lease needs a holder, a limit and a time to live, not %q, %d, %s", holder, limit, ttl)}
	}
	lease := etl.Lease{CredentialID: credentialID, Holder: holder}
	err := s.tx(ctx, fmt.Sprintf("acquiring a lease of credential %d", credentialID), func(tx pgx.Tx) error {
		// The row's lock is what makes the count and the slot one decision.
		var one int
		err := tx.QueryRow(ctx, `SELECT 1 FROM credentials WHERE id = $1 FOR NO KEY UPDATE`, credentialID).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("credential", credentialID)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM leases WHERE credential_id = $1 AND expires_at <= portal_now()`, credentialID); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO leases AS l (credential_id, slot, holder, expires_at)
			SELECT $1, slot, $2, portal_now() + $4::interval FROM (
				SELECT slot FROM leases WHERE credential_id = $1 AND holder = $2
				UNION ALL
				(SELECT slot FROM generate_series(1, $3) AS slot
				WHERE (SELECT count(*) FROM leases WHERE credential_id = $1) < $3
					AND NOT EXISTS (SELECT FROM leases AS taken WHERE taken.credential_id = $1 AND taken.slot = slot.slot)
				ORDER BY slot LIMIT 1)
				LIMIT 1) AS free
			ON CONFLICT ON CONSTRAINT leases_holder_key DO UPDATE SET expires_at = excluded.expires_at
			RETURNING l.expires_at`, credentialID, holder, limit, ttl).Scan(&lease.ExpiresAt)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err := etl.Reached(ctx, "all leases are taken"); err != nil {
			return err
		}
		// A holder may let go at any moment, so that by now there may be no lease at all.
		var wait float64
		if err := tx.QueryRow(ctx, `SELECT coalesce(extract(epoch FROM min(expires_at) - portal_now()), 0)::float8 FROM leases WHERE credential_id = $1`, credentialID).Scan(&wait); err != nil {
			return err
		}
		delay := min(max(time.Duration(wait*float64(time.Second)), 100*time.Millisecond), longestWait)
		return &etl.RetryAfter{Delay: delay, Reason: fmt.Sprintf("credential %d has its %d loaders", credentialID, limit)}
	})
	if err != nil {
		return etl.Lease{}, err
	}
	return lease, nil
}

// RenewLease prolongs a lease to ttl from now. One that has expired or was
// released is a Mistake of code lease_lost: its holder must stop.
func (s *Store) RenewLease(ctx context.Context, l etl.Lease, ttl time.Duration) (etl.Lease, error) {
	err := s.pool.QueryRow(ctx, `
		UPDATE leases SET expires_at = portal_now() + $3::interval WHERE credential_id = $1 AND holder = $2 AND expires_at > portal_now() RETURNING expires_at`,
		l.CredentialID, l.Holder, ttl).Scan(&l.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return etl.Lease{}, etl.Mistakef("lease_lost", "Stop, and acquire it anew.", "the lease of %s on credential %d has expired", l.Holder, l.CredentialID)
	}
	return l, wrap(ctx, err, "renewing a lease")
}

// ReleaseLease gives a lease back; it may be repeated.
func (s *Store) ReleaseLease(ctx context.Context, l etl.Lease) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM leases WHERE credential_id = $1 AND holder = $2`, l.CredentialID, l.Holder)
	return wrap(ctx, err, "releasing a lease")
}
