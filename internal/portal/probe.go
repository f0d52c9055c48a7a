package portal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// testsPerMinute bounds the connection tests of one principal, so that
	// nobody maps a network with them.
	testsPerMinute = 30
	// testFor is how long a whole test may take, stepFor a step of the network.
	testFor = 30 * time.Second
	stepFor = 5 * time.Second
)

// refused are addresses that are never a database's: link-local ones, at which
// clouds keep their metadata and with it their keys, and those without a host.
func refused(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsMulticast() || a.IsUnspecified() ||
		slices.Contains(metadataAddresses, a) || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || embedsRefused(a)
}

// metadataAddresses are those of clouds outside the link-local range
// (AWS over IPv6, Alibaba, Oracle).
var metadataAddresses = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}

// embedsRefused looks into NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses.
func embedsRefused(a netip.Addr) bool {
	if !a.Is6() {
		return false
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return refused(netip.AddrFrom4([4]byte(b[12:16])))
	case b[0] == 0x20 && b[1] == 0x02:
		return refused(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return false
}

// Guard is a net.Dialer.Control that refuses the addresses that no database
// has. It sees the very address that is dialled, so that a name that resolves
// to something else the second time gains nothing.
func Guard(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if refused(at.Addr()) {
		return errRefused
	}
	return nil
}

var errRefused = etl.Mistakef("address_refused", "Use the database's own address", "the host's address is one that is never a database's")

// TestStep is one step of a connection test.
type TestStep struct {
	Name       string `json:"name" enum:"dns,tcp,tls,credentials,login,privileges,staging,copy_role"`
	OK         bool   `json:"ok"`
	Detail     string `json:"detail" doc:"What was found"`
	Code       string `json:"code,omitempty"`
	Fix        string `json:"fix,omitempty" doc:"What to do; for a missing privilege, the GRANT"`
	DurationMS int64  `json:"duration_ms"`
}

// ConnectionTest is the result of one; the first step that fails is the last.
type ConnectionTest struct {
	OK    bool       `json:"ok"`
	Steps []TestStep `json:"steps"`
}

// TestCredential tries a connection step by step: name, network, TLS, login, privileges.
func (p *Portal) TestCredential(ctx context.Context, id int64) (*ConnectionTest, error) {
	if wait, ok := p.tests.allow(CallerOf(ctx).Principal.ID, testsPerMinute, time.Now()); !ok {
		return nil, etl.Mistakef("too_many_tests", fmt.Sprintf("Wait %d seconds", int(wait.Seconds())+1), "more than %d connection tests in a minute", testsPerMinute)
	}
	c, err := p.Store.Credential(ctx, id)
	if err != nil {
		return nil, err
	}
	password, err := p.Password(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, testFor)
	defer cancel()
	t := &tester{c: c, password: password, opener: p.Open}
	t.run(ctx, p.log())
	t.close(context.WithoutCancel(ctx))
	last := t.steps[len(t.steps)-1]
	return &ConnectionTest{OK: last.OK, Steps: t.steps}, nil
}

const (
	stepStaging = "staging"
	// noStaging is the code of warehouse.Open where no bucket is named.
	noStaging etl.Code = "no_staging"
)

// probing is one step of a test.
type probing struct {
	name string
	do   func(context.Context) (string, error)
}

type tester struct {
	c         etl.Credential
	password  string
	opener    func(context.Context, etl.Credential, string) (etl.FanOut, error)
	addresses []netip.Addr
	conn      net.Conn
	// dest is open, and user logged in, unless that failed; dest is nil, with failed
	// set, where it could not even be opened.
	dest   etl.FanOut
	user   string
	failed error
	steps  []TestStep
}

// run takes the steps until one fails.
func (t *tester) run(ctx context.Context, log *slog.Logger) {
	for _, step := range t.plan() {
		start := time.Now()
		detail, err := step.do(ctx)
		s := TestStep{Name: step.name, OK: err == nil, Detail: detail, DurationMS: time.Since(start).Milliseconds()}
		if err != nil {
			e, ok := errors.AsType[*etl.Error](err)
			if !ok {
				log.ErrorContext(ctx, "connection test", "step", step.name, "error", err)
				e = etl.Mistakef("failed", "Try again", "the step failed")
			}
			if e.Code == noStaging {
				// Without a bucket the warehouse is not even opened: that is no fault of the login.
				s.Name = stepStaging
			}
			s.Detail, s.Code, s.Fix = e.Message, string(e.Code), e.Fix
		}
		t.steps = append(t.steps, s)
		if err != nil {
			break
		}
	}
}

// plan are the steps: a warehouse that is reached by an API has none of the
// network, and one that copies files from a bucket has two more; temporary
// credentials are had before the login.
func (t *tester) plan() []probing {
	network := []probing{{"dns", t.resolve}, {"tcp", t.connect}, {"tls", t.secure}}
	steps := []probing{{"login", t.login}, {"privileges", t.privileges}}
	if t.c.Type == typeRedshift {
		steps = append(steps, probing{stepStaging, t.staging}, probing{"copy_role", t.copyRole})
		switch t.c.Options[optionAccess] {
		case dataAPI:
			return steps
		case accessIAM:
			network = append(network, probing{"credentials", t.credentials})
		}
	}
	return append(network, steps...)
}

func (t *tester) close(ctx context.Context) {
	if t.conn != nil {
		_ = t.conn.Close()
	}
	if t.dest != nil {
		ctx, cancel := context.WithTimeout(ctx, stepFor)
		defer cancel()
		_ = t.dest.Close(ctx)
	}
}

func (t *tester) resolve(ctx context.Context) (string, error) {
	if a, err := netip.ParseAddr(t.c.Host); err == nil {
		t.addresses = []netip.Addr{a}
	} else {
		ctx, cancel := context.WithTimeout(ctx, stepFor)
		defer cancel()
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.c.Host)
		if err != nil || len(found) == 0 {
			return "", &etl.Error{Kind: etl.Weather, Code: "unknown_host", Message: fmt.Sprintf("the host %q is not known", t.c.Host), Fix: "Check the host name, and that this machine's network knows it", Err: err}
		}
		t.addresses = found
	}
	texts := make([]string, 0, len(t.addresses))
	for _, a := range t.addresses {
		if refused(a) {
			return "", errRefused
		}
		texts = append(texts, a.Unmap().String())
	}
	return strings.Join(texts, ", "), nil
}

// connect dials the addresses that were resolved and checked, and no others.
func (t *tester) connect(ctx context.Context) (string, error) {
	var last error
	for _, a := range t.addresses {
		d := net.Dialer{Timeout: stepFor, Control: Guard}
		conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(a, uint16(t.c.Port)).String())
		if err == nil {
			t.conn = conn
			return "connected to " + conn.RemoteAddr().String(), nil
		}
		last = err
	}
	at := net.JoinHostPort(t.c.Host, strconv.Itoa(t.c.Port))
	e := &etl.Error{Kind: etl.Weather, Code: "unreachable", Message: "no connection to " + at + " could be made", Fix: "Check host, port, network and firewall", Err: last}
	var timeout net.Error
	switch {
	case errors.Is(last, syscall.ECONNREFUSED):
		e.Code, e.Message, e.Fix = "connection_refused", "no server takes connections at "+at, "Check host and port, and that the database runs and listens on that address"
	case errors.As(last, &timeout) && timeout.Timeout():
		e.Code, e.Message, e.Fix = "connect_timeout", at+" did not answer", "Check host and port, and that no firewall (or security group) is between"
	}
	return "", e
}

// sslRequest asks a PostgreSQL server for TLS (protocol chapter "SSL Session Encryption").
const sslRequest = 80877103

func (t *tester) secure(ctx context.Context) (string, error) {
	if t.c.SSLMode == "disable" {
		return "not asked for (ssl_mode disable): password and data cross the network in the clear, or as the login method protects them", nil
	}
	_ = t.conn.SetDeadline(time.Now().Add(stepFor))
	request := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), sslRequest)
	answer := make([]byte, 1)
	_, err := t.conn.Write(request)
	if err == nil {
		_, err = io.ReadFull(t.conn, answer)
	}
	if err != nil || answer[0] != 'S' && answer[0] != 'N' {
		return "", &etl.Error{Kind: etl.Weather, Code: "not_postgresql", Message: "what answers there does not speak PostgreSQL's protocol", Fix: "Check host and port", Err: err}
	}
	mode := slices.Index(SSLModes, t.c.SSLMode)
	if answer[0] == 'N' {
		if mode < slices.Index(SSLModes, "require") {
			return "the server offers none; ssl_mode " + t.c.SSLMode + " goes on without", nil
		}
		return "", etl.Mistakef("tls_failed", "Enable TLS on the server, or, on a network that you trust, use ssl_mode disable", "the server does not offer TLS, which ssl_mode %s asks for", t.c.SSLMode)
	}
	config := &tls.Config{ServerName: t.c.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // verified below, as libpq's modes ask for
	conn := tls.Client(t.conn, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return "", &etl.Error{Kind: etl.Mistake, Code: "tls_failed", Message: "the TLS handshake failed: " + err.Error(), Fix: "Check that the server speaks TLS 1.2 or later", Err: err}
	}
	state := conn.ConnectionState()
	detail := tls.VersionName(state.Version)
	// As with libpq, require with an authority's certificate is verify-ca.
	if mode < slices.Index(SSLModes, "require") || t.c.SSLMode == "require" && t.c.Options[OptionCA] == "" {
		return detail + ", certificate not verified (ssl_mode " + t.c.SSLMode + ")", nil
	}
	return detail + ", certificate verified", t.verify(state.PeerCertificates)
}

// verify checks the chain, and for verify-full the name.
func (t *tester) verify(certificates []*x509.Certificate) error {
	o := x509.VerifyOptions{Intermediates: x509.NewCertPool()}
	if ca := t.c.Options[OptionCA]; ca != "" {
		o.Roots = x509.NewCertPool()
		o.Roots.AppendCertsFromPEM([]byte(ca))
	}
	for _, c := range certificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := certificates[0].Verify(o); err != nil {
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			return etl.Mistakef("tls_failed", "Give its authority's certificate as option "+OptionCA, "the server's certificate is signed by an authority that is not known here")
		}
		return etl.Mistakef("tls_failed", "Ask its administrator to renew it, and check this machine's clock", "the server's certificate is not valid: %v", err)
	}
	if t.c.SSLMode == "verify-full" {
		if err := certificates[0].VerifyHostname(t.c.Host); err != nil {
			return etl.Mistakef("tls_failed", "Use the host name that the certificate is for, or ssl_mode verify-ca", "the server's certificate is for another host name: %v", err)
		}
	}
	return nil
}

// open opens the destination, and connects to it, once.
func (t *tester) open(ctx context.Context) {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
	if t.dest != nil || t.failed != nil {
		return
	}
	dest, err := t.opener(ctx, t.c, t.password)
	if t.failed = err; err != nil {
		return
	}
	t.dest, t.user = dest, t.c.Username
	if k, ok := dest.(knowsUser); ok {
		var user string
		if user, t.failed = k.CurrentUser(ctx); !usesPassword(&t.c) {
			t.user = user
		}
	}
}

func (t *tester) login(ctx context.Context) (string, error) {
	if t.open(ctx); t.failed != nil {
		return "", t.failed
	}
	return fmt.Sprintf("logged in as %s to database %s", t.user, t.c.Database), nil
}

func (t *tester) privileges(ctx context.Context) (string, error) {
	catalogue, ok := t.dest.(Catalogue)
	if !ok {
		return "not looked at: this kind of database does not tell", nil
	}
	held, err := catalogue.Privileges(ctx)
	if err != nil {
		return "", err
	}
	var notes, missing, grants []string
	for _, h := range held {
		switch {
		case h.Held:
			notes = append(notes, h.Message)
		case h.Required:
			missing, grants = append(missing, h.Message), append(grants, h.Grant)
		default:
			notes = append(notes, h.Message+" ("+h.Grant+")")
		}
	}
	if len(missing) > 0 {
		return "", etl.Mistakef("missing_privilege", strings.Join(grants, " "), "%s", strings.Join(missing, "; "))
	}
	return strings.Join(notes, "; "), nil
}
