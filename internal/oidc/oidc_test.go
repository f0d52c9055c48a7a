package oidc_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/oidc"
)

const client = "4example23client45678901"

// desk is an issuer and a verifier with one clock.
type desk struct {
	t        *testing.T
	issuer   *etltest.Issuer
	verifier *oidc.Verifier
	mu       sync.Mutex
	now      time.Time
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func newDesk(t *testing.T, change ...func(*oidc.Config)) *desk {
	t.Helper()
	d := &desk{t: t, issuer: etltest.NewIssuer(t), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	c := oidc.Config{
		Issuer: d.issuer.URL, Audience: []string{client, "second"}, Now: d.clock,
		AdminGroups: []string{"etl-admins", "root"}, EditorGroups: []string{"etl-editors"}, ViewerGroups: []string{"etl-viewers"},
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	d.verifier, err = oidc.New(t.Context(), c)
	require.NoError(t, err)
	return d
}

// claims are an id token's with changes.
func (d *desk) claims(change map[string]any) map[string]any {
	return d.issuer.Claims(client, d.clock(), change)
}

func (d *desk) verify(change map[string]any) (etl.Principal, error) {
	return d.verifier.Verify(d.t.Context(), d.issuer.Token(d.claims(change)))
}

func codeOf(t *testing.T, err error) etl.Code {
	t.Helper()
	var e *etl.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Fix)
	return e.Code
}

func TestWhoAndWhatRole(t *testing.T) {
	d := newDesk(t)
	p, err := d.verify(nil)
	require.NoError(t, err)
	require.Equal(t, etl.Principal{
		Kind: "user", ID: "user:7c9e6679-7425-40de-944b-e07fc1f90ae7", Name: "ada@example.com", Role: etl.Editor, Issuer: d.issuer.URL, ExpiresAt: d.now.Add(time.Hour),
	}, p)
	accessToken := map[string]any{ // as Cognito makes it: no aud, no address
		"aud": nil, "client_id": client, "token_use": "access", "scope": "openid", "username": "ada", "cognito:username": nil, "email": nil, "email_verified": nil,
	}
	for name, c := range map[string]struct {
		change map[string]any
		role   etl.Role
		name   string
	}{
		"access token":               {accessToken, etl.Editor, "ada"},
		"several groups":             {map[string]any{"cognito:groups": []string{"etl-viewers", "root", "etl-editors", "others"}}, etl.Admin, "ada@example.com"},
		"one group as text":          {map[string]any{"cognito:groups": "etl-viewers"}, etl.Viewer, "ada@example.com"},
		"one of several audiences":   {map[string]any{"aud": []string{"other", "second"}}, etl.Editor, "ada@example.com"},
		"address not verified":       {map[string]any{"email_verified": false}, etl.Editor, "ada"},
		"address verified as text":   {map[string]any{"email_verified": "true"}, etl.Editor, "ada@example.com"},
		"address not, as text":       {map[string]any{"email_verified": "false", "preferred_username": "ada.l"}, etl.Editor, "ada.l"},
		"no name at all":             {map[string]any{"email": nil, "cognito:username": nil}, etl.Editor, "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
		"a name that would forge":    {map[string]any{"email": "ada\n2026 root\u202e\u0000"}, etl.Editor, "ada2026 root"},
		"a name beyond all measures": {map[string]any{"email": strings.Repeat("ä", 5000)}, etl.Editor, strings.Repeat("ä", 200)},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := d.verify(c.change)
			require.NoError(t, err)
			require.Equal(t, c.role, p.Role)
			require.Equal(t, c.name, p.Name)
		})
	}
	for name, groups := range map[string]any{"other groups": []string{"etl", "ETL-ADMINS"}, "none": nil, "no list": 7, "no texts": []int{1}, "the star": []string{"*"}} {
		t.Run(name, func(t *testing.T) {
			_, err := d.verify(map[string]any{"cognito:groups": groups})
			require.Equal(t, etl.Code("role_required"), codeOf(t, err))
			require.Equal(t, etl.Mistake, etl.KindOf(err))
		})
	}
}

func TestGroupsOfOtherIssuers(t *testing.T) {
	keycloak := newDesk(t, func(c *oidc.Config) { c.GroupsClaim = "realm_access.roles" })
	p, err := keycloak.verify(map[string]any{"realm_access": map[string]any{"roles": []string{"root"}}})
	require.NoError(t, err)
	require.Equal(t, etl.Admin, p.Role)
	dotted := newDesk(t, func(c *oidc.Config) { c.GroupsClaim = "https://example.com/groups" })
	p, err = dotted.verify(map[string]any{"https://example.com/groups": []string{"etl-viewers"}})
	require.NoError(t, err)
	require.Equal(t, etl.Viewer, p.Role)
	everybody := newDesk(t, func(c *oidc.Config) { c.ViewerGroups = []string{"*"} })
	p, err = everybody.verify(map[string]any{"cognito:groups": nil})
	require.NoError(t, err)
	require.Equal(t, etl.Viewer, p.Role)
}

func TestTokensThatAreNotBelieved(t *testing.T) {
	d := newDesk(t)
	id, private := d.issuer.Key()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rs256 := func(key *rsa.PrivateKey) func([]byte) []byte {
		return func(text []byte) []byte {
			sum := sha256.Sum256(text)
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			require.NoError(t, err)
			return signature
		}
	}
	hs256 := func(secret []byte) func([]byte) []byte {
		return func(text []byte) []byte {
			mac := hmac.New(sha256.New, secret)
			mac.Write(text)
			return mac.Sum(nil)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	require.NoError(t, err)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	none := func([]byte) []byte { return nil }
	embedded := map[string]any{"kty": "RSA", "n": base64.RawURLEncoding.EncodeToString(other.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(other.E)).Bytes())}
	good := d.issuer.Token(d.claims(nil))
	parts := strings.Split(good, ".")
	now := d.clock()
	for name, c := range map[string]struct {
		token string
		code  etl.Code
	}{
		"alg none":                      {etltest.Token(t, map[string]any{"alg": "none"}, d.claims(nil), none), "bad_token"},
		"alg None":                      {etltest.Token(t, map[string]any{"alg": "None", "kid": id}, d.claims(nil), none), "bad_token"},
		"HS256 with the public key":     {etltest.Token(t, map[string]any{"alg": "HS256", "kid": id}, d.claims(nil), hs256(asPEM)), "bad_token"},
		"HS256 with its bytes":          {etltest.Token(t, map[string]any{"alg": "HS256", "kid": id}, d.claims(nil), hs256(public)), "bad_token"},
		"signed by another":             {etltest.Token(t, map[string]any{"alg": "RS256", "kid": id}, d.claims(nil), rs256(other)), "bad_token"},
		"a key of its own":              {etltest.Token(t, map[string]any{"alg": "RS256", "jwk": embedded}, d.claims(nil), rs256(other)), "bad_token"},
		"a key from elsewhere":          {etltest.Token(t, map[string]any{"alg": "RS256", "kid": "x", "jku": "http://127.0.0.1:1/keys"}, d.claims(nil), rs256(other)), "bad_token"},
		"another algorithm of the key":  {etltest.Token(t, map[string]any{"alg": "RS512", "kid": id}, d.claims(nil), rs256(private)), "bad_token"},
		"unknown critical header":       {etltest.Token(t, map[string]any{"alg": "RS256", "kid": id, "crit": []string{"x"}, "x": 1}, d.claims(nil), rs256(private)), "bad_token"},
		"claims exchanged":              {parts[0] + "." + strings.Split(d.issuer.Token(d.claims(map[string]any{"cognito:groups": []string{"root"}})), ".")[1] + "." + parts[2], "bad_token"},
		"signature cut":                 {parts[0] + "." + parts[1] + ".", "bad_token"},
		"two parts":                     {parts[0] + "." + parts[1], "bad_token"},
		"JSON form":                     {`{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, "bad_token"},
		"nothing":                       {"", "bad_token"},
		"noise":                         {"a.b.c", "bad_token"},
		"endless":                       {strings.Repeat("x", 1<<20), "bad_token"},
		"claims no object":              {etltest.Token(t, map[string]any{"alg": "RS256", "kid": id}, nil, rs256(private)), "token_expired"},
		"another issuer":                {d.issuer.Token(d.claims(map[string]any{"iss": d.issuer.URL + "/other"})), "bad_token"},
		"the issuer with a slash":       {d.issuer.Token(d.claims(map[string]any{"iss": d.issuer.URL + "/"})), "bad_token"},
		"another audience":              {d.issuer.Token(d.claims(map[string]any{"aud": "other"})), "bad_token"},
		"no audience":                   {d.issuer.Token(d.claims(map[string]any{"aud": nil})), "bad_token"},
		"audience other, client ours":   {d.issuer.Token(d.claims(map[string]any{"aud": "other", "client_id": client, "token_use": "access"})), "bad_token"},
		"access token of another":       {d.issuer.Token(d.claims(map[string]any{"aud": nil, "client_id": "other", "token_use": "access"})), "bad_token"},
		"id token with a client_id":     {d.issuer.Token(d.claims(map[string]any{"aud": nil, "client_id": client})), "bad_token"},
		"for something else":            {d.issuer.Token(d.claims(map[string]any{"token_use": "refresh"})), "bad_token"},
		"expired":                       {d.issuer.Token(d.claims(map[string]any{"exp": now.Add(-31 * time.Second).Unix()})), "token_expired"},
		"without an end":                {d.issuer.Token(d.claims(map[string]any{"exp": nil})), "token_expired"},
		"not yet valid":                 {d.issuer.Token(d.claims(map[string]any{"nbf": now.Add(31 * time.Second).Unix()})), "bad_token"},
		"without a subject":             {d.issuer.Token(d.claims(map[string]any{"sub": nil})), "bad_token"},
		"a subject of several lines":    {d.issuer.Token(d.claims(map[string]any{"sub": "a\nb"})), "bad_token"},
		"a subject beyond all measures": {d.issuer.Token(d.claims(map[string]any{"sub": strings.Repeat("s", 256)})), "bad_token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.verifier.Verify(t.Context(), c.token)
			require.Equal(t, c.code, codeOf(t, err), "%v", err)
			require.Equal(t, etl.Mistake, etl.KindOf(err))
			if len(c.token) > 20 {
				require.NotContains(t, err.Error(), c.token[len(c.token)-20:])
			}
		})
	}
	_, err = d.verifier.Verify(t.Context(), good)
	require.NoError(t, err)
}

// The clocks may differ by the skew, and no more.
func TestSkew(t *testing.T) {
	d := newDesk(t, func(c *oidc.Config) { c.Skew = 10 * time.Second })
	now := d.clock()
	for seconds, good := range map[int]bool{-60: false, -11: false, -9: true, 0: true, 9: true} {
		_, err := d.verify(map[string]any{"exp": now.Add(time.Duration(seconds) * time.Second).Unix()})
		require.Equal(t, good, err == nil, "exp %d s from now: %v", seconds, err)
	}
	for seconds, good := range map[int]bool{-60: true, 0: true, 10: true, 11: false, 200: false} {
		_, err := d.verify(map[string]any{"nbf": now.Add(time.Duration(seconds) * time.Second).Unix()})
		require.Equal(t, good, err == nil, "nbf %d s from now: %v", seconds, err)
	}
}

func TestRotation(t *testing.T) {
	d := newDesk(t)
	before := d.issuer.Token(d.claims(map[string]any{"exp": d.clock().Add(24 * time.Hour).Unix()}))
	_, err := d.verifier.Verify(t.Context(), before)
	require.NoError(t, err)
	require.Equal(t, 1, d.issuer.Asked())
	for range 20 {
		_, err = d.verifier.Verify(t.Context(), before)
		require.NoError(t, err)
	}
	require.Equal(t, 1, d.issuer.Asked(), "keys are kept")

	d.issuer.Rotate()
	_, err = d.verify(nil)
	require.NoError(t, err, "a new key is asked for at once")
	_, err = d.verifier.Verify(t.Context(), before)
	require.Equal(t, etl.Code("bad_token"), codeOf(t, err), "a key that was withdrawn is believed no more")
}

// A key that is withdrawn without another in use is believed for a while only.
func TestWithdrawnKey(t *testing.T) {
	d := newDesk(t)
	token := d.issuer.Token(d.claims(map[string]any{"exp": d.clock().Add(24 * time.Hour).Unix()}))
	_, err := d.verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	d.issuer.Rotate()
	d.pass(16 * time.Minute)
	_, err = d.verifier.Verify(t.Context(), token)
	require.Equal(t, etl.Code("bad_token"), codeOf(t, err))
}

// Whoever sends tokens of keys that there are not has the issuer asked no more
// than a few times, and does not keep those out who are signed in.
func TestStormOfUnknownKeys(t *testing.T) {
	d := newDesk(t)
	good := d.issuer.Token(d.claims(nil))
	_, err := d.verifier.Verify(t.Context(), good)
	require.NoError(t, err)
	_, private := d.issuer.Key()
	forge := func(id string) string {
		return etltest.Token(t, map[string]any{"alg": "RS256", "kid": id}, d.claims(nil), func([]byte) []byte { return make([]byte, private.Size()) })
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 50 {
				_, err := d.verifier.Verify(t.Context(), forge(strings.Repeat("x", worker*50+n+1)))
				if e, ok := err.(*etl.Error); !ok || e.Code != "bad_token" { //nolint:errorlint // the verifier's own
					t.Errorf("a forged token: %v", err)
				}
				if _, err := d.verifier.Verify(t.Context(), good); err != nil {
					t.Errorf("a good one beside them: %v", err)
				}
			}
		})
	}
	group.Wait()
	require.LessOrEqual(t, d.issuer.Asked(), 3)
	d.pass(10 * time.Second)
	for range 50 {
		_, err := d.verifier.Verify(t.Context(), forge("y"))
		require.Equal(t, etl.Code("bad_token"), codeOf(t, err))
	}
	require.LessOrEqual(t, d.issuer.Asked(), 4)
	d.issuer.Rotate()
	d.pass(10 * time.Second)
	_, err = d.verify(nil)
	require.NoError(t, err, "after the storm new keys are found again")
}

func TestIssuerAway(t *testing.T) {
	d := newDesk(t)
	d.issuer.Down(true)
	for range 10 {
		_, err := d.verify(nil)
		require.Equal(t, etl.Code("issuer_unavailable"), codeOf(t, err))
		require.Equal(t, etl.Weather, etl.KindOf(err))
	}
	d.issuer.Down(false)
	d.pass(10 * time.Second)
	_, err := d.verify(nil)
	require.NoError(t, err, "it is asked again by itself")

	long := d.issuer.Token(d.claims(map[string]any{"exp": d.clock().Add(24 * time.Hour).Unix()}))
	d.issuer.Down(true)
	d.pass(5 * time.Hour)
	_, err = d.verifier.Verify(t.Context(), long)
	require.NoError(t, err, "known keys serve on while the issuer is away")
	d.pass(2 * time.Hour)
	_, err = d.verifier.Verify(t.Context(), long)
	require.Equal(t, etl.Weather, etl.KindOf(err), "but not without end: %v", err)
}

func TestIssuerThatIsAnother(t *testing.T) {
	d := newDesk(t)
	d.issuer.Say("https://issuer.example.com")
	_, err := d.verify(nil)
	require.Equal(t, etl.Code("issuer_mismatch"), codeOf(t, err))
}

// Keys that must not sign are not among those that may, whoever publishes them.
func TestPublishedKeysThatMayNotSign(t *testing.T) {
	d := newDesk(t)
	secret := []byte("a secret that somebody published")
	d.issuer.Publish(map[string]any{"kty": "oct", "kid": "shared", "k": base64.RawURLEncoding.EncodeToString(secret)})
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for id, use := range map[string]string{"weak": "sig", "encrypts": "enc"} {
		key := weak
		if use == "enc" {
			_, key = d.issuer.Key()
		}
		d.issuer.Publish(map[string]any{
			"kty": "RSA", "kid": id, "use": use, "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	d.issuer.Publish(map[string]any{"kty": "new", "kid": "unknown"})
	_, strong := d.issuer.Key()
	for id, key := range map[string]*rsa.PrivateKey{"weak": weak, "encrypts": strong} {
		_, err := d.verifier.Verify(t.Context(), etltest.Token(t, map[string]any{"alg": "RS256", "kid": id}, d.claims(nil), func(text []byte) []byte {
			sum := sha256.Sum256(text)
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			require.NoError(t, err)
			return signature
		}))
		require.Equal(t, etl.Code("bad_token"), codeOf(t, err), id)
	}
	_, err = d.verify(nil)
	require.NoError(t, err, "beside them the good one serves")
}

func TestCallerLeaves(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.verifier.Verify(ctx, d.issuer.Token(d.claims(nil)))
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.verify(nil)
	require.NoError(t, err)
}

func TestSettings(t *testing.T) {
	good := oidc.Config{Issuer: "https://issuer.example.com/pool", Audience: []string{"a"}, ViewerGroups: []string{"*"}}
	_, err := oidc.New(t.Context(), good)
	require.NoError(t, err, "the issuer is not asked before it is needed")
	for name, change := range map[string]func(*oidc.Config){
		"no protection":    func(c *oidc.Config) { c.Issuer = "http://issuer.example.com" },
		"no URL":           func(c *oidc.Config) { c.Issuer = "cognito" },
		"a password":       func(c *oidc.Config) { c.Issuer = "https://u:p@issuer.example.com" },
		"no audience":      func(c *oidc.Config) { c.Audience = nil },
		"empty audience":   func(c *oidc.Config) { c.Audience = []string{""} },
		"everybody admin":  func(c *oidc.Config) { c.AdminGroups = []string{"*"} },
		"everybody editor": func(c *oidc.Config) { c.EditorGroups = []string{"*"} },
		"nobody":           func(c *oidc.Config) { c.ViewerGroups = nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			_, err := oidc.New(t.Context(), c)
			require.Equal(t, etl.Code("bad_setting"), codeOf(t, err))
			require.Contains(t, err.Error(), "ETLPORTAL_OIDC_")
		})
	}
	for _, issuer := range []string{"http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"} {
		c := good
		c.Issuer = issuer
		_, err := oidc.New(t.Context(), c)
		require.NoError(t, err, issuer)
	}
}
