package portal

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
)

// rotateAtOnce is how many credentials are read at a time.
const rotateAtOnce = 100

// RotateCredentials seals every password anew that is sealed with another key
// than the current one, and says how many. It may be repeated, also after it
// failed in the middle; passwords that somebody changes meanwhile are left alone.
func (p *Portal) RotateCredentials(ctx context.Context) (rotated int, err error) {
	current, err := p.Sealer.Current(ctx)
	if err != nil {
		return 0, err
	}
	for {
		old, err := p.Store.CredentialsToRotate(ctx, current, rotateAtOnce)
		if err != nil || len(old) == 0 {
			return rotated, err
		}
		for _, c := range old {
			done, err := p.rotate(ctx, c.ID)
			if err != nil {
				return rotated, err
			}
			if done {
				rotated++
			}
		}
	}
}

func (p *Portal) rotate(ctx context.Context, id int64) (bool, error) {
	sealed, err := p.Store.CredentialSecret(ctx, id)
	if isCode(err, "not_found") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	plain, err := p.Sealer.Open(ctx, sealed.Ciphertext, sealContext(id))
	if err != nil {
		return false, err
	}
	ciphertext, version, err := p.Sealer.Seal(ctx, plain, sealContext(id))
	if err != nil {
		return false, err
	}
	done, err := p.Store.RotateCredential(ctx, id, sealed, etl.Sealed{Ciphertext: ciphertext, KeyVersion: version})
	if err != nil || !done {
		return false, err
	}
	return true, p.audit(ctx, "rotate", "credential", number(id), nil, nil)
}
