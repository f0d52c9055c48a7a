package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// tokenPrefix lets scanners of leaked secrets know the tokens.
	tokenPrefix = "etlp_"
	// tokenBytes is 256 bits.
	tokenBytes = 32
)

// TokenInput asks for a token.
type TokenInput struct {
	Name      string     `json:"name" minLength:"1" maxLength:"200"`
	Role      string     `json:"role" enum:"viewer,editor,admin"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: never"`
}

// Token is an API token without its secret.
type Token struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"viewer,editor,admin"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// NewToken is a token as it is shown once.
type NewToken struct {
	Token
	Secret string `json:"token" doc:"Shown this once: only its hash is kept"`
}

func tokenView(t etl.Token) Token {
	return Token{t.ID, t.Name, string(t.Role), t.CreatedBy, t.CreatedAt, t.ExpiresAt, t.LastUsedAt}
}

// HashToken is what is stored of a token. A token has 256 random bits, so that
// a fast hash is as good as a slow one.
func HashToken(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// CreateToken makes a token; its secret is in the answer and nowhere else.
func (p *Portal) CreateToken(ctx context.Context, in TokenInput) (*NewToken, error) {
	k := &checker{}
	k.text("body.name", in.Name, maxName)
	if !etl.Role(in.Role).Valid() {
		k.bad("body.role", "bad_role", "Use viewer, editor or admin", "%q is no role", in.Role)
	}
	if in.ExpiresAt != nil && !in.ExpiresAt.After(time.Now()) {
		k.bad("body.expires_at", "expired", "Give a time to come, or leave it out", "%s is over", in.ExpiresAt.Format(time.RFC3339))
	}
	if err := k.err(); err != nil {
		return nil, err
	}
	var random [tokenBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	secret := tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	caller := CallerOf(ctx).Principal
	created, err := p.Store.CreateToken(ctx, etl.Token{Name: strings.TrimSpace(in.Name), Role: etl.Role(in.Role), ExpiresAt: in.ExpiresAt, CreatedBy: caller.Name}, HashToken(secret))
	if err != nil {
		return nil, err
	}
	view := tokenView(created)
	return &NewToken{view, secret}, p.audit(ctx, "create", "token", number(view.ID), nil, view)
}

// Tokens lists the tokens, newest first.
func (p *Portal) Tokens(ctx context.Context, page etl.Page) (*List[Token], error) {
	l, err := p.Store.Tokens(ctx, page)
	if err != nil {
		return nil, err
	}
	return viewed(l, tokenView), nil
}

// DeleteToken ends a token.
func (p *Portal) DeleteToken(ctx context.Context, id int64) error {
	if err := p.Store.DeleteToken(ctx, id); err != nil {
		return err
	}
	return p.audit(ctx, "delete", "token", number(id), nil, nil)
}

// Authenticate says whose token it is. An unknown one is a Mistake of code
// bad_token, an expired one of code token_expired.
func (p *Portal) Authenticate(ctx context.Context, secret string) (etl.Principal, error) {
	const fix = "Ask an administrator for a token (POST /tokens, or etlportal token create)"
	bad := etl.Mistakef("bad_token", fix, "the token is not known")
	if p.isBootstrap(secret) {
		return etl.Principal{Kind: "bootstrap", ID: "bootstrap", Name: "bootstrap token", Role: etl.Admin}, nil
	}
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) != len(tokenPrefix)+base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return etl.Principal{}, bad
	}
	t, err := p.Store.TokenByHash(ctx, HashToken(secret))
	switch {
	case isCode(err, "not_found"):
		return etl.Principal{}, bad
	case err != nil:
		return etl.Principal{}, err
	case t.ExpiresAt != nil && !t.ExpiresAt.After(time.Now()):
		return etl.Principal{}, etl.Mistakef("token_expired", fix, "the token has expired")
	}
	made := etl.Principal{Kind: "token", ID: "token:" + number(t.ID), Name: t.Name, Role: t.Role}
	if t.ExpiresAt != nil {
		made.ExpiresAt = *t.ExpiresAt
	}
	return made, nil
}

// IsOwn says whether a secret is, or means to be, a token of the portal's own
// rather than one of an issuer.
func (p *Portal) IsOwn(secret string) bool {
	return strings.HasPrefix(secret, tokenPrefix) || p.isBootstrap(secret)
}

// isBootstrap takes the same time whatever the secret has in common with the token.
func (p *Portal) isBootstrap(secret string) bool {
	return p.Bootstrap != "" && subtle.ConstantTimeCompare(HashToken(secret), HashToken(p.Bootstrap)) == 1
}

// Owner is who asks on a laptop without sign-in.
func Owner() etl.Principal {
	return etl.Principal{Kind: "owner", ID: "owner", Name: "owner of this machine", Role: etl.Admin}
}
