package etltest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Issuer is an OpenID Connect issuer on this machine: its discovery document,
// its keys, and the tokens that it makes. It may be used by several goroutines.
type Issuer struct {
	// URL is what tokens name as iss.
	URL string

	t      testing.TB
	server *httptest.Server
	mu     sync.Mutex
	keys   []issuerKey
	made   int
	asked  int
	down   bool
	extra  []map[string]any
	says   string
}

type issuerKey struct {
	id      string
	private *rsa.PrivateKey
}

// NewIssuer starts one with a key; it ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		says := i.says
		i.mu.Unlock()
		if says == "" {
			says = i.URL
		}
		i.answer(w, map[string]any{"issuer": says, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		i.asked++
		set := append([]map[string]any{}, i.extra...)
		for _, k := range i.keys {
			set = append(set, map[string]any{
				"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.id,
				"n": encoded(k.private.N.Bytes()), "e": encoded(big.NewInt(int64(k.private.E)).Bytes()),
			})
		}
		i.mu.Unlock()
		i.answer(w, map[string]any{"keys": set})
	})
	i.server = httptest.NewServer(mux)
	t.Cleanup(i.server.Close)
	i.URL = i.server.URL
	i.Rotate()
	return i
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // who asked may have gone
}

// Rotate makes a new key, by which alone tokens are signed and known from now on.
func (i *Issuer) Rotate() {
	i.t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	i.keys = []issuerKey{{fmt.Sprintf("key-%d", i.made), private}}
}

// Publish adds a key, as JSON, to those that the issuer shows.
func (i *Issuer) Publish(key map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.extra = append(i.extra, key)
}

// Say lets the discovery document name another issuer.
func (i *Issuer) Say(issuer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.says = issuer
}

// Down lets every request fail, or no longer.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Asked is how often the keys were asked for.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// Key is the current key and its id.
func (i *Issuer) Key() (id string, private *rsa.PrivateKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0].id, i.keys[0].private
}

// Claims are those of an id token as Cognito makes it, valid for an hour from
// now on, with changes: a nil value removes a claim.
func (i *Issuer) Claims(client string, now time.Time, change map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "aud": client, "token_use": "id",
		"cognito:username": "ada", "email": "ada@example.com", "email_verified": true, "cognito:groups": []string{"etl-editors"},
		"iat": now.Unix(), "auth_time": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// Token signs claims by the current key.
func (i *Issuer) Token(claims map[string]any) string {
	i.t.Helper()
	id, private := i.Key()
	return Token(i.t, map[string]any{"alg": "RS256", "kid": id}, claims, func(text []byte) []byte {
		sum := sha256.Sum256(text)
		signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
		if err != nil {
			i.t.Fatal(err)
		}
		return signature
	})
}

// Token makes a JWT of any header, honest or not, with what sign says of its
// first two parts.
func Token(t testing.TB, header, claims map[string]any, sign func(text []byte) []byte) string {
	t.Helper()
	var parts [2]string
	for n, v := range []map[string]any{header, claims} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		parts[n] = encoded(text)
	}
	text := parts[0] + "." + parts[1]
	return text + "." + encoded(sign([]byte(text)))
}
