// Package oidc checks the tokens of an OpenID Connect issuer (Cognito, Entra,
// Keycloak, Auth0 …) and says who shows one and what they may do.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/etlportal/etlportal/internal/etl"
)

// Config says whose tokens are believed, and who gets which role.
type Config struct {
	// Issuer is the URL that tokens name as iss and below which
	// /.well-known/openid-configuration is found; https, or http on this machine.
	Issuer string
	// Audience are the clients and APIs for which tokens may be made: one of
	// them must be in aud, or, in Cognito's access tokens, be the client_id.
	Audience []string
	// GroupsClaim is the claim with the groups; where no claim has this name,
	// dots lead into objects (realm_access.roles). Empty is DefaultGroupsClaim.
	GroupsClaim string
	// AdminGroups, EditorGroups and ViewerGroups give their members the role; of
	// several the highest counts. "*" in ViewerGroups is whoever can sign in.
	AdminGroups, EditorGroups, ViewerGroups []string
	// Skew is how far the clocks of issuer and portal may differ; 0 is DefaultSkew.
	Skew time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Defaults of Config.
const (
	DefaultGroupsClaim = "cognito:groups"
	DefaultSkew        = 30 * time.Second
)

const (
	// maxSkew bounds Config.Skew: what has ended ends.
	maxSkew = 5 * time.Minute
	// maxToken bounds what is looked at as a token, in bytes.
	maxToken = 16 << 10
	// everybody in ViewerGroups is whoever can sign in.
	everybody = "*"
)

// algorithms are those that a token may be signed by: with a private key that
// the issuer alone has. Neither none nor the HMACs are among them.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// Verifier checks tokens. It may be used by any number of goroutines.
type Verifier struct {
	config   Config
	keys     *keys
	verifier *oidc.IDTokenVerifier
}

// New checks the settings, which is a Mistake of code bad_setting where they
// make no sense. It asks the issuer nothing: that is done with the first token,
// so that a portal starts while its issuer is down.
func New(_ context.Context, c Config) (*Verifier, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = DefaultGroupsClaim
	}
	if c.Skew == 0 {
		c.Skew = DefaultSkew
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	v := &Verifier{config: c, keys: newKeys(c.Issuer, c.Now)}
	// Issuer and audience are checked here, so that the answer can say which of
	// them is wrong; go-oidc's errors about them have no type.
	v.verifier = oidc.NewVerifier(c.Issuer, v.keys, &oidc.Config{
		SupportedSigningAlgs: algorithms, SkipClientIDCheck: true, SkipIssuerCheck: true,
		Now: func() time.Time { return c.Now().Add(-c.Skew) },
	})
	return v, nil
}

func (c *Config) check() error {
	bad := func(setting, format string, args ...any) error {
		return etl.Mistakef("bad_setting", "Correct the environment; README.md has the table of settings.", "%s: %s", setting, fmt.Sprintf(format, args...))
	}
	if !trusted(c.Issuer) {
		return bad("ETLPORTAL_OIDC_ISSUER", "%q is not the https URL of an issuer (http is taken on this machine alone)", c.Issuer)
	}
	if len(c.Audience) == 0 || slices.Contains(c.Audience, "") {
		return bad("ETLPORTAL_OIDC_AUDIENCE", "is needed beside the issuer: the client ids that tokens are made for")
	}
	if slices.Contains(c.AdminGroups, everybody) || slices.Contains(c.EditorGroups, everybody) {
		return bad("ETLPORTAL_OIDC_ADMIN_GROUPS, ETLPORTAL_OIDC_EDITOR_GROUPS", "* is for ETLPORTAL_OIDC_VIEWER_GROUPS alone")
	}
	if len(c.AdminGroups)+len(c.EditorGroups)+len(c.ViewerGroups) == 0 {
		return bad("ETLPORTAL_OIDC_ADMIN_GROUPS", "no group has a role, so that nobody who signs in might do anything")
	}
	if c.Skew < 0 || c.Skew > maxSkew {
		return fmt.Errorf("a clock's skew of %s is not between 0 and %s", c.Skew, maxSkew)
	}
	return nil
}

// trusted says whether keys that come from a URL are whose they seem: nobody
// can be in between.
func trusted(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// Verify says who shows the token: a Principal of kind "user".
//
// A token that is not to be believed is a Mistake of code bad_token, one that
// was and is over of code token_expired, a person without a role one of code
// role_required; an issuer whose keys cannot be had is Weather of code
// issuer_unavailable, or, where it says that it is another, a Mistake of code
// issuer_mismatch. Tokens are neither kept nor quoted.
func (v *Verifier) Verify(ctx context.Context, token string) (etl.Principal, error) {
	if len(token) > maxToken {
		return etl.Principal{}, badToken("the token is longer than any of an issuer")
	}
	// The JSON form of a signed text is not that of a bearer token.
	if strings.ContainsRune(token, '{') {
		return etl.Principal{}, badToken("the token is not one that the issuer signed")
	}
	var failure error
	found, err := v.verifier.Verify(context.WithValue(ctx, failureKey{}, &failure), token)
	switch {
	case failure != nil:
		return etl.Principal{}, failure
	case err != nil:
		if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
			return etl.Principal{}, etl.Mistakef("token_expired", "Sign in again", "the sign-in has ended")
		}
		return etl.Principal{}, badToken("the token is not one that the issuer signed")
	}
	var c claims
	if err := found.Claims(&c); err != nil {
		return etl.Principal{}, badToken("the token's claims cannot be read")
	}
	if err := found.Claims(&c.all); err != nil {
		return etl.Principal{}, badToken("the token's claims cannot be read")
	}
	if err := v.believe(found, &c); err != nil {
		return etl.Principal{}, err
	}
	role := v.role(c.groups(v.config.GroupsClaim))
	if role == "" {
		return etl.Principal{}, etl.Mistakef("role_required", "Ask an administrator to add you to a group that has a role, then sign in again", "you are signed in, but none of your groups has a role here")
	}
	return etl.Principal{
		Kind: "user", ID: "user:" + found.Subject, Name: c.name(found.Subject), Role: role, Issuer: found.Issuer, ExpiresAt: found.Expiry.UTC(),
	}, nil
}

// believe checks what go-oidc left: whose token it is, for whom, and since when.
func (v *Verifier) believe(t *oidc.IDToken, c *claims) error {
	if t.Issuer != v.config.Issuer {
		return badToken("the token is of another issuer")
	}
	switch {
	case len(t.Audience) > 0:
		if !slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(v.config.Audience, a) }) {
			return badToken("the token was made for another application")
		}
	case c.TokenUse != "access" || !slices.Contains(v.config.Audience, c.ClientID):
		// Cognito's access tokens have no audience but the client that asked for them.
		return badToken("the token was made for another application")
	}
	if c.TokenUse != "" && c.TokenUse != "access" && c.TokenUse != "id" {
		return badToken("the token is not for signing in")
	}
	if c.NotBefore > float64(v.config.Now().Add(v.config.Skew).Unix()) {
		return badToken("the token is not valid yet")
	}
	if t.Subject == "" || strings.ContainsFunc(t.Subject, control) || len(t.Subject) > 255 {
		return badToken("the token does not say who signed in")
	}
	return nil
}

// role is the highest of a person's groups; "" is none.
func (v *Verifier) role(groups []string) etl.Role {
	for _, r := range []struct {
		role   etl.Role
		groups []string
	}{{etl.Admin, v.config.AdminGroups}, {etl.Editor, v.config.EditorGroups}, {etl.Viewer, v.config.ViewerGroups}} {
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(r.groups, g) && g != everybody }) {
			return r.role
		}
	}
	if slices.Contains(v.config.ViewerGroups, everybody) {
		return etl.Viewer
	}
	return ""
}

func badToken(message string) error {
	return etl.Mistakef("bad_token", "Sign in again, or use an API token (etlp_…)", "%s", message)
}

// claims are what a token says beside what go-oidc reads.
type claims struct {
	TokenUse  string  `json:"token_use"` // Cognito: id or access
	ClientID  string  `json:"client_id"`
	NotBefore float64 `json:"nbf"`
	Email     string  `json:"email"`
	// Verified is true, false, or, of some issuers, a text; absent where the
	// issuer vouches for every address.
	Verified  any    `json:"email_verified"`
	Preferred string `json:"preferred_username"`
	Cognito   string `json:"cognito:username"`
	Username  string `json:"username"`

	all map[string]json.RawMessage
}

// name is what a person is called in the audit log: an address that the issuer
// does not vouch for might be another's.
func (c *claims) name(subject string) string {
	email := c.Email
	if c.Verified != nil && c.Verified != true && c.Verified != "true" {
		email = ""
	}
	const longest = 200
	for _, name := range []string{email, c.Preferred, c.Cognito, c.Username} {
		name = strings.TrimSpace(strings.Map(func(r rune) rune {
			if control(r) {
				return -1
			}
			return r
		}, name))
		if runes := []rune(name); len(runes) > longest {
			name = string(runes[:longest])
		}
		if name != "" {
			return name
		}
	}
	return subject
}

func control(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e'
}

// groups are those of a claim: a list, or one group as a text.
func (c *claims) groups(claim string) []string {
	value, ok := c.all[claim]
	if !ok {
		object := c.all
		path := strings.Split(claim, ".")
		for _, step := range path[:len(path)-1] {
			var inner map[string]json.RawMessage
			if json.Unmarshal(object[step], &inner) != nil {
				return nil
			}
			object = inner
		}
		value = object[path[len(path)-1]]
	}
	var list []string
	if json.Unmarshal(value, &list) == nil {
		return list
	}
	var one string
	if json.Unmarshal(value, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// client asks the issuer. Redirects are not followed: they could lead to where
// no https protects the keys.
func client() *http.Client {
	return &http.Client{
		Timeout: askFor, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
