package destination

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// The options of a credential that OpenCredential knows.
const (
	optionCA             = "ssl_root_cert"   // PEM
	optionConnectTimeout = "connect_timeout" // seconds
)

// OpenCredential connects as OpenPostgres does, to the database of a stored
// credential. Nothing comes from the environment: no PG* variable, password
// file, service or socket. Further errors: the Mistakes bad_certificate and bad_ssl_mode.
func OpenCredential(ctx context.Context, c etl.Credential, password string, o Options) (*Postgres, error) {
	// Only ParseConfig makes a config; all that counts in it is replaced below.
	config, err := pgx.ParseConfig("host=127.0.0.1 sslmode=disable")
	if err != nil {
		return nil, &etl.Error{
			Kind: etl.Mistake, Code: "bad_environment", Err: err,
			Message: "a PG* variable in the portal's own environment cannot be read", Fix: "Remove the PG* variables from the portal's environment.",
		}
	}
	config.Host, config.Port, config.Database, config.User, config.Password = c.Host, uint16(c.Port), c.Database, c.Username, password
	config.RuntimeParams = map[string]string{}
	config.ConnectTimeout = connectTimeout
	if n, err := strconv.Atoi(c.Options[optionConnectTimeout]); err == nil && n > 0 {
		config.ConnectTimeout = time.Duration(n) * time.Second
	}
	config.DialFunc = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	modes, err := tlsModes(c)
	if err != nil {
		return nil, err
	}
	config.TLSConfig, config.Fallbacks = modes[0], nil
	for _, next := range modes[1:] {
		config.Fallbacks = append(config.Fallbacks, &pgconn.FallbackConfig{Host: config.Host, Port: config.Port, TLSConfig: next})
	}
	return open(ctx, config, o)
}

// tlsModes are the ways to try, in order, by libpq's meaning of the modes; nil is without TLS.
func tlsModes(c etl.Credential) ([]*tls.Config, error) {
	var roots *x509.CertPool
	if pem := c.Options[optionCA]; pem != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(pem)) {
			return nil, etl.Mistakef("bad_certificate", "Paste the authority's certificate in PEM.", "the credential's %s holds no certificate", optionCA)
		}
	}
	base := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Host, RootCAs: roots}
	// Encrypted against listeners; whoever answers is believed.
	trusting := base.Clone()
	trusting.InsecureSkipVerify = true
	authority := trusting.Clone()
	authority.VerifyConnection = func(s tls.ConnectionState) error { return signedBy(s.PeerCertificates, roots) }
	switch c.SSLMode {
	case "disable":
		return []*tls.Config{nil}, nil
	case "allow":
		return []*tls.Config{nil, trusting}, nil
	case "prefer", "":
		return []*tls.Config{trusting, nil}, nil
	case "require":
		if roots != nil {
			return []*tls.Config{authority}, nil
		}
		return []*tls.Config{trusting}, nil
	case "verify-ca":
		return []*tls.Config{authority}, nil
	case "verify-full":
		return []*tls.Config{base}, nil
	}
	return nil, etl.Mistakef("bad_ssl_mode", "Use one of "+strings.Join(sslModes, ", ")+".", "the credential's ssl_mode %q does not exist", c.SSLMode)
}

// signedBy verifies a chain without looking at the host name.
func signedBy(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the server shows no certificate")
	}
	others := x509.NewCertPool()
	for _, c := range chain[1:] {
		others.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others})
	return err
}
