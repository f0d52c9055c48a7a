package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// askFor bounds a request to the issuer.
	askFor = 5 * time.Second
	// fresh is how long keys are used before they are asked for again, so that
	// one that the issuer has withdrawn is soon believed no more.
	fresh = 15 * time.Minute
	// stale is how long keys are used while the issuer cannot be reached.
	stale = 6 * time.Hour
	// burst and refill bound how often the issuer is asked, whatever tokens
	// come: so many times at once, and then once in that time.
	burst  = 3
	refill = 10 * time.Second
	// maxAnswer bounds an answer of the issuer, in bytes.
	maxAnswer = 1 << 20
	// minRSA is the size of key below which a signature can be forged.
	minRSA = 2048
)

// failureKey is where Verify has keys note a failure: go-oidc loses its type.
type failureKey struct{}

// keys are the issuer's public keys, an oidc.KeySet. go-oidc's own asks the
// issuer for every token that it has no key for, so that whoever sends
// nonsense could have us storm it.
type keys struct {
	issuer string
	now    func() time.Time
	client *http.Client

	mu      sync.Mutex
	set     []jose.JSONWebKey
	fetched time.Time
	// allowed is how many requests may be made as of since.
	allowed int
	since   time.Time
	asking  *asking
	last    error
}

// asking is a request under way, for which several may wait.
type asking struct {
	done chan struct{}
	err  error
}

func newKeys(issuer string, now func() time.Time) *keys {
	return &keys{issuer: issuer, now: now, client: client(), allowed: burst, since: now()}
}

// VerifySignature implements oidc.KeySet.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, allowedAlgorithms())
	if err != nil {
		return nil, err
	}
	header := signed.Signatures[0].Header
	fitting, err := k.fitting(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		if failure, ok := ctx.Value(failureKey{}).(*error); ok {
			*failure = err
		}
		return nil, err
	}
	for i := range fitting {
		if payload, err := signed.Verify(&fitting[i]); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key of the issuer has made the signature")
}

func allowedAlgorithms() []jose.SignatureAlgorithm {
	all := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		all[i] = jose.SignatureAlgorithm(a)
	}
	return all
}

// fitting are the keys of an id, or all where a token names none, that may sign
// by the algorithm. The issuer is asked where the id is new or the keys are
// old. That it may not be asked again yet is no failure: then it has just said
// that it has no such key.
func (k *keys) fitting(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	found, age := k.known(id, algorithm)
	if len(found) > 0 && age < fresh {
		return found, nil
	}
	err := k.refresh(ctx)
	if ctx.Err() != nil {
		return nil, &etl.Error{Kind: etl.Weather, Code: "cancelled", Message: "the request was broken off", Fix: "Send it again.", Err: ctx.Err()}
	}
	found, age = k.known(id, algorithm)
	if err != nil && (len(found) == 0 || age >= stale) {
		return nil, err
	}
	return found, nil
}

// known are the fitting keys that are here, and how old they are.
func (k *keys) known(id, algorithm string) (found []jose.JSONWebKey, age time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.set {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			found = append(found, key)
		}
	}
	return found, k.now().Sub(k.fetched)
}

// refresh asks the issuer for its keys, together with whoever asks at the same
// time. Where it may not be asked again yet, the last answer counts.
func (k *keys) refresh(ctx context.Context) error {
	k.mu.Lock()
	a := k.asking
	if a == nil {
		now := k.now()
		if n := int(now.Sub(k.since) / refill); n > 0 {
			k.allowed, k.since = min(k.allowed+n, burst), k.since.Add(time.Duration(n)*refill)
		}
		if k.allowed == 0 {
			defer k.mu.Unlock()
			return k.last
		}
		k.allowed--
		a = &asking{done: make(chan struct{})}
		k.asking = a
		// Who asked first may leave; the others wait on.
		go k.ask(context.WithoutCancel(ctx), a)
	}
	k.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return a.err
	}
}

func (k *keys) ask(ctx context.Context, a *asking) {
	set, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.set, k.fetched = set, k.now()
	}
	k.last, k.asking, a.err = err, nil, err
	close(a.done)
}

// fetch asks where the keys are, which may change, and then for them.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	away := func(err error) error {
		return &etl.Error{
			Kind: etl.Weather, Code: "issuer_unavailable", Message: "the issuer cannot be asked for the keys of its sign-ins", Fix: "Try again in a moment, or use an API token (etlp_…)", Err: err,
		}
	}
	ctx = oidc.InsecureIssuerURLContext(oidc.ClientContext(ctx, k.client), k.issuer) // what it says of itself is compared below
	provider, err := oidc.NewProvider(ctx, k.issuer)
	if err != nil {
		return nil, away(err)
	}
	var says struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, away(err)
	}
	if says.Issuer != k.issuer {
		return nil, etl.Mistakef("issuer_mismatch", "Set ETLPORTAL_OIDC_ISSUER to what the issuer calls itself", "the issuer that is configured calls itself %q", says.Issuer)
	}
	if !trusted(says.Keys) || strings.HasPrefix(says.Keys, "http:") && strings.HasPrefix(k.issuer, "https:") {
		return nil, away(fmt.Errorf("its keys are at %q, which is not protected", says.Keys))
	}
	set, err := k.download(ctx, says.Keys)
	if err != nil {
		return nil, away(err)
	}
	return set, nil
}

// download gives the keys that may sign tokens. One that is not understood is
// left out, as RFC 7517 asks.
func (k *keys) download(ctx context.Context, at string) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", at, resp.Status)
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	var set []jose.JSONWebKey
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) == nil && signs(&key) {
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s has no key that may sign", at)
	}
	return set, nil
}

// signs says whether tokens may be signed by a key: a public one, and no secret
// that somebody published.
func signs(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok {
		return public.N.BitLen() >= minRSA
	}
	return true
}

// bounded ends answers that are longer than any of an issuer.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
