package portal

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/store"
)

// The options of a credential that Open must know.
const (
	// OptionCA is the certificate of the authority that signed the server's, in PEM.
	OptionCA = "ssl_root_cert"
	// OptionConnectTimeout is in seconds.
	OptionConnectTimeout = "connect_timeout"
)

// SSLModes are libpq's, weakest first.
var SSLModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

const (
	maxName     = 200
	maxHost     = 253
	maxPassword = 1024
	// maxIdentifier is the length of PostgreSQL's names.
	maxIdentifier = 63
)

// CredentialInput creates or replaces a credential.
type CredentialInput struct {
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	Type     string `json:"type,omitempty" enum:"postgresql,redshift" default:"postgresql"`
	Host     string `json:"host,omitempty" maxLength:"1024" doc:"Name or address, without port; needed, unless options name a warehouse that is reached by the Data API"`
	Port     int    `json:"port,omitempty" minimum:"1" maximum:"65535" doc:"Left out it is 5432, of redshift 5439"`
	Database string `json:"database" minLength:"1" maxLength:"1024"`
	Username string `json:"username,omitempty" maxLength:"1024" doc:"Needed, unless AWS tells the user (redshift with access iam or data_api)"`
	// Password nil keeps the one there is.
	Password    *string           `json:"password,omitempty" writeOnly:"true" doc:"Never shown again; left out of an update, the old one stays"`
	SSLMode     string            `json:"ssl_mode,omitempty" enum:"disable,allow,prefer,require,verify-ca,verify-full" default:"prefer"`
	Options     map[string]string `json:"options,omitempty" doc:"ssl_root_cert: the authority's certificate in PEM; connect_timeout: seconds. Of redshift also: copy_role_arn (needed): the role by which COPY reads staged files; staging_bucket, staging_prefix, staging_region: where they are; access: connection (with username and password), iam (a connection with temporary credentials) or data_api; region, workgroup, cluster_identifier: the warehouse's for iam and data_api, where the host does not tell them; secret_arn: user and password for data_api"`
	MaxParallel int               `json:"max_parallel,omitempty" minimum:"1" maximum:"64" default:"4" doc:"Loaders that may work on the database at a time"`
}

// Credential is a customer's database without its password.
type Credential struct {
	ID          int64             `json:"id"`
	Name        string            `json:"name"`
	Type        string            `json:"type" enum:"postgresql,redshift"`
	Host        string            `json:"host"`
	Port        int               `json:"port"`
	Database    string            `json:"database"`
	Username    string            `json:"username"`
	SSLMode     string            `json:"ssl_mode"`
	Options     map[string]string `json:"options"`
	MaxParallel int               `json:"max_parallel"`
	Version     int64             `json:"version"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// Tag is the version.
func (c *Credential) Tag() int64 { return c.Version }

func credentialView(c etl.Credential) Credential {
	options := c.Options
	if options == nil {
		options = map[string]string{}
	}
	return Credential{c.ID, c.Name, c.Type, c.Host, c.Port, c.Database, c.Username, c.SSLMode, options, c.MaxParallel, c.Version, c.CreatedAt, c.UpdatedAt}
}

// checker collects what is wrong with a request.
type checker struct {
	code    etl.Code
	fix     string
	details []Detail
}

func (c *checker) bad(location string, code etl.Code, fix, format string, args ...any) {
	if len(c.details) == 0 {
		c.code, c.fix = code, fix
	}
	c.details = append(c.details, Detail{location, fmt.Sprintf(format, args...)})
}

func (c *checker) err() error {
	if len(c.details) == 0 {
		return nil
	}
	message := strings.TrimPrefix(c.details[0].Location, "body.") + ": " + c.details[0].Message
	if n := len(c.details) - 1; n > 0 {
		message += fmt.Sprintf(" (and %d more, see errors)", n)
	}
	return &Invalid{etl.Mistakef(c.code, c.fix, "%s", message), c.details}
}

// text checks a text that people write: not empty, not too long, no control characters.
func (c *checker) text(location, s string, limit int) {
	switch {
	case strings.TrimSpace(s) == "":
		c.bad(location, "missing_value", "Give it a value", "is empty")
	case len(s) > limit:
		c.bad(location, "too_long", "Shorten it", "has %d bytes; %d are the most", len(s), limit)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
		c.bad(location, "bad_character", "Remove it", "holds a control character")
	}
}

func (p *Portal) credentialOf(in *CredentialInput) (etl.Credential, error) {
	c := etl.Credential{
		Name: strings.TrimSpace(in.Name), Type: in.Type, Host: in.Host, Port: in.Port, Database: in.Database, Username: in.Username,
		SSLMode: in.SSLMode, Options: in.Options, MaxParallel: in.MaxParallel,
	}
	types := p.Types
	if types == nil {
		types = []string{"postgresql"}
	}
	if c.Port == 0 {
		c.Port = defaultPort(c.Type)
	}
	k := &checker{}
	k.text("body.name", c.Name, maxName)
	if !slices.Contains(types, c.Type) {
		k.bad("body.type", "unsupported_type", "Use "+strings.Join(types, " or "), "this portal cannot load into %s yet", c.Type)
	}
	if c.Host != "" || !hostless(&c) {
		k.host(c.Host)
	}
	if c.Port < 1 || c.Port > 65535 {
		k.bad("body.port", "bad_port", "PostgreSQL's is 5432 by default, Redshift's 5439", "%d is not between 1 and 65535", c.Port)
	}
	k.text("body.database", c.Database, maxIdentifier)
	if c.Username != "" || usesPassword(&c) {
		k.text("body.username", c.Username, maxIdentifier)
	}
	if in.Password != nil && (len(*in.Password) > maxPassword || strings.Contains(*in.Password, "\x00")) {
		k.bad("body.password", "bad_password", "Check what was pasted", "has more than %d bytes, or holds NUL", maxPassword)
	}
	if !slices.Contains(SSLModes, c.SSLMode) {
		k.bad("body.ssl_mode", "bad_ssl_mode", "Use one of "+strings.Join(SSLModes, ", "), "%q is no mode", c.SSLMode)
	}
	k.options(c.Type, c.Options)
	k.temporary(&c)
	return c, k.err()
}

func (c *checker) host(host string) {
	const where, code = "body.host", etl.Code("bad_host")
	switch {
	case strings.TrimSpace(host) == "":
		c.bad(where, code, "Name the server, as db.example.com", "is empty")
		return
	case len(host) > maxHost:
		c.bad(where, code, "Check what was pasted", "has %d bytes; %d are the most", len(host), maxHost)
		return
	case strings.Contains(host, "://"):
		c.bad(where, code, "Give the host alone; port, database and user have fields of their own", "is a URL")
		return
	case strings.HasPrefix(host, "/"):
		c.bad(where, code, "Use a host name or an address", "is the path of a socket, which only the server's own machine could reach")
		return
	case strings.Contains(host, ","):
		c.bad(where, code, "Make a credential for each", "names several hosts")
		return
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if refused(a) {
			c.bad(where, "address_refused", "Use the database's own address", "is an address that is never a database's")
		}
		return
	}
	if name, port, ok := strings.Cut(host, ":"); ok && name != "" {
		if _, err := strconv.Atoi(port); err == nil {
			c.bad(where, code, "Put the port into its own field", "holds a port")
			return
		}
	}
	for _, r := range host {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_' {
			c.bad(where, code, "Use a host name or an address; names in other scripts in their xn-- form", "holds %q", r)
			return
		}
	}
	// Old forms of addresses (2852039166, 0xA9.0xFE.0xA9.0xFE) are names to nobody else.
	if last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]; last != "" && last[0] >= '0' && last[0] <= '9' {
		c.bad(where, code, "Write an address as 192.0.2.1", "ends in a number but is no address")
	}
}

func (c *checker) options(kind string, options map[string]string) {
	if kind == typeRedshift {
		c.needed(options)
	}
	keys := make([]string, 0, len(options))
	for k := range options {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		where, value := "body.options."+key, options[key]
		switch key {
		case OptionCA:
			if len(value) > 64<<10 || !holdsCertificates(value) {
				c.bad(where, "bad_certificate", "Paste the file that begins with -----BEGIN CERTIFICATE-----", "is no certificate in PEM")
			}
		case OptionConnectTimeout:
			if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 300 {
				c.bad(where, "bad_option", "Give whole seconds, 1 to 300, as text", "%.20q is no such number", value)
			}
		default:
			if kind == typeRedshift {
				c.warehouse(where, key, value)
				continue
			}
			c.bad(where, "unknown_option", "Use "+OptionCA+" or "+OptionConnectTimeout, "there is no such option")
		}
	}
}

func holdsCertificates(text string) bool {
	found := false
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found && strings.TrimSpace(string(rest)) == ""
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return false
		}
		found = true
	}
}

// sealContext binds a password to its credential: moved to another one, it does not open.
func sealContext(id int64) string { return "credential:" + number(id) }

func (p *Portal) sealing(password string) store.SealFunc {
	return func(ctx context.Context, id int64) (etl.Sealed, error) {
		ciphertext, version, err := p.Sealer.Seal(ctx, []byte(password), sealContext(id))
		return etl.Sealed{Ciphertext: ciphertext, KeyVersion: version}, err
	}
}

// Password opens a credential's password.
func (p *Portal) Password(ctx context.Context, id int64) (string, error) {
	sealed, err := p.Store.CredentialSecret(ctx, id)
	if err != nil {
		return "", err
	}
	plain, err := p.Sealer.Open(ctx, sealed.Ciphertext, sealContext(id))
	return string(plain), err
}

// CreateCredential stores a credential; its password is sealed first.
func (p *Portal) CreateCredential(ctx context.Context, in CredentialInput) (*Credential, error) {
	c, err := p.credentialOf(&in)
	if err != nil {
		return nil, err
	}
	password := ""
	if in.Password != nil {
		password = *in.Password
	}
	created, err := p.Store.CreateCredential(ctx, c, p.sealing(password))
	if err != nil {
		return nil, err
	}
	view := credentialView(created)
	return &view, p.audit(ctx, "create", "credential", number(view.ID), nil, view)
}

// Credential tells all of a credential but its password.
func (p *Portal) Credential(ctx context.Context, id int64) (*Credential, error) {
	c, err := p.Store.Credential(ctx, id)
	if err != nil {
		return nil, err
	}
	view := credentialView(c)
	return &view, nil
}

// Credentials lists them, newest first.
func (p *Portal) Credentials(ctx context.Context, page etl.Page) (*List[Credential], error) {
	l, err := p.Store.Credentials(ctx, page)
	if err != nil {
		return nil, err
	}
	return viewed(l, credentialView), nil
}

// UpdateCredential replaces a credential; version 0 is any. The stored password
// is not sent to another server than the one it was given for: who changes
// host, port or user, or takes TLS back, gives it again.
func (p *Portal) UpdateCredential(ctx context.Context, id, version int64, in CredentialInput) (*Credential, error) {
	old, err := p.Store.Credential(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := checkVersion("credential", id, version, old.Version); err != nil {
		return nil, err
	}
	c, err := p.credentialOf(&in)
	if err != nil {
		return nil, err
	}
	c.ID, c.Version = id, old.Version
	weaker := slices.Index(SSLModes, c.SSLMode) < slices.Index(SSLModes, old.SSLMode) || c.Options[OptionCA] != old.Options[OptionCA]
	var seal store.SealFunc
	switch {
	case in.Password != nil:
		seal = p.sealing(*in.Password)
	case !usesPassword(&c):
	case !usesPassword(&old):
		return nil, &Invalid{
			etl.Mistakef("password_required", "Send the password along", "the credential has used no password so far; whose it would be is not known"), []Detail{{"body.password", "is needed for this change"}},
		}
	case c.Host != old.Host || c.Port != old.Port || weaker:
		return nil, &Invalid{
			etl.Mistakef("password_required", "Send the password along", "the stored password is for %s:%d as it was; for another server, or with less TLS, give it again", old.Host, old.Port),
			[]Detail{{"body.password", "is needed for this change"}},
		}
	}
	updated, err := p.Store.UpdateCredential(ctx, c, seal)
	if err != nil {
		return nil, err
	}
	view := credentialView(updated)
	return &view, p.audit(ctx, "update", "credential", number(id), credentialView(old), view)
}

// DeleteCredential removes one; one that jobs use is refused, naming them.
func (p *Portal) DeleteCredential(ctx context.Context, id, version int64) error {
	old, err := p.Store.Credential(ctx, id)
	if err != nil {
		return err
	}
	if err := checkVersion("credential", id, version, old.Version); err != nil {
		return err
	}
	if err := p.Store.DeleteCredential(ctx, id); err != nil {
		return err
	}
	return p.audit(ctx, "delete", "credential", number(id), credentialView(old), nil)
}
