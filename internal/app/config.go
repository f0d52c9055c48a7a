package app

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/oidc"
)

// Config says how a portal runs; FromEnvironment makes it.
type Config struct {
	// Version of the program, for traces.
	Version string
	// Listen is the address of the API, host:port; Check refuses one that
	// others can reach unless RequireToken is set.
	Listen string
	// RequireToken asks every caller for an API token. Without it, a caller from
	// this machine is its owner.
	RequireToken bool
	// Cloud is a portal that the whole world can reach: every caller shows who
	// they are, everywhere but at /healthz, and Check refuses a portal into which
	// nobody could sign in. Listen is not looked at.
	Cloud bool
	// OIDC says whose sign-ins are believed beside API tokens; with an empty
	// Issuer nobody's are. With one, every caller must sign in.
	OIDC oidc.Config
	// BootstrapToken is an administrator's token from outside of the database, by
	// which a new deployment is set up. Empty: there is none.
	BootstrapToken string
	// LongPublish is how long publishing a run may be estimated to take for it
	// to be done in a handler of messages; what takes longer goes to
	// Adapters.Tasks, if there is one. 0 is workflow.DefaultLongPublish.
	LongPublish time.Duration
	// Hosts are the names, beside localhost and the address itself, under which
	// the portal is reached; "*" is every name.
	Hosts []string
	// Origins are the web pages beside the portal's own that may call it.
	Origins []string
	// DatabaseURL is the portal's own database.
	DatabaseURL string
	// DatabaseConns bounds the connections to it; 0 is 20.
	DatabaseConns int32
	// StreamFor is how long an event stream lasts; its client comes back and goes
	// on where it was. 0 is as long as the run.
	StreamFor time.Duration
	// EMF, where set, gets figures for CloudWatch; see App.Flush.
	EMF *EMF
	// MaxUpload bounds a direct upload in bytes; 0 is no bound.
	MaxUpload int64
	// Loaders is how many chunks are loaded at a time, over all runs.
	Loaders int
	// ChunkBytes is the size of a chunk where a job does not say.
	ChunkBytes int64
	// Hold is how long a loader may give no sign of life before another takes
	// over its chunk.
	Hold time.Duration
	// Location is the zone of times without one.
	Location *time.Location
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// Drain is how long work under way may go on after the end was asked for.
	Drain time.Duration
	// Traces says where spans go.
	Traces Traces
}

// Traces are the settings of OpenTelemetry; an empty Endpoint turns them off.
type Traces struct {
	// Endpoint is the URL of an OTLP receiver over HTTP, without /v1/traces.
	Endpoint string
	// Headers are sent along (an API key).
	Headers map[string]string
	// Service names this program among others.
	Service string
}

// Setting is one environment variable.
type Setting struct {
	// Flag of `etlportal serve` that sets it, too; it comes first. May be empty.
	Name, Flag, Default, Meaning string
	// Secret values are never shown.
	Secret bool
}

// Settings are the environment variables of the portal itself; those of its
// adapters are the command's.
func Settings() []Setting {
	return []Setting{
		{"ETLPORTAL_LISTEN", "--listen", "127.0.0.1:8080", "address of the API; any that other machines reach needs ETLPORTAL_REQUIRE_TOKEN", false},
		{"ETLPORTAL_REQUIRE_TOKEN", "--require-token", "false", "every caller shows an API token; without it, whoever is on this machine is its owner (admin)", false},
		{"ETLPORTAL_OIDC_ISSUER", "", "", "URL of the OpenID Connect issuer whose sign-ins are taken beside API tokens (https://cognito-idp.eu-central-1.amazonaws.com/…)", false},
		{"ETLPORTAL_OIDC_AUDIENCE", "", "", "the client ids that its tokens are made for, separated by commas; needed beside the issuer", false},
		{"ETLPORTAL_OIDC_GROUPS_CLAIM", "", "cognito:groups", "the claim of a token that lists the person's groups (groups, roles, realm_access.roles)", false},
		{"ETLPORTAL_OIDC_ADMIN_GROUPS", "", "", "groups whose members are administrators, separated by commas", false},
		{"ETLPORTAL_OIDC_EDITOR_GROUPS", "", "", "groups whose members may upload, make jobs and run them", false},
		{"ETLPORTAL_OIDC_VIEWER_GROUPS", "", "", "groups whose members may look; * is whoever can sign in", false},
		{"ETLPORTAL_HOSTS", "", "", "names under which the portal is reached beside localhost, separated by commas; * is every name", false},
		{"ETLPORTAL_ORIGINS", "", "", "web pages of other origins that may call the API and upload, separated by commas (https://app.example.com)", false},
		{"ETLPORTAL_MAX_UPLOAD", "", "no bound", "the largest direct upload (10GiB); uploads in parts have the object store's bound", false},
		{"ETLPORTAL_WORKERS", "", "one per core, 2 to 8", "chunks that are loaded at a time", false},
		{"ETLPORTAL_CHUNK_SIZE", "", "64MiB", "size of a chunk where a job does not say, 8MiB to 1GiB", false},
		{"ETLPORTAL_HOLD", "", "20s", "how long a loader may give no sign of life before another takes over its chunk", false},
		{"ETLPORTAL_TIMEZONE", "", "UTC", "zone of times in files that name none (Europe/Berlin)", false},
		{"ETLPORTAL_LOG_LEVEL", "--log-level", "info", "debug, info, warn or error", false},
		{"ETLPORTAL_DRAIN", "", "20s", "how long work under way may go on after SIGTERM; what is cut off then is taken up at the next start", false},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "", "no traces", "an OTLP receiver over HTTP that takes JSON (http://localhost:4318)", false},
		{"OTEL_EXPORTER_OTLP_HEADERS", "", "", "headers to send along, as name=value,name=value", true},
		{"OTEL_SERVICE_NAME", "", "etlportal", "the name of the service in traces", false},
	}
}

// Environment looks a variable up; os.LookupEnv is one.
type Environment func(name string) (value string, ok bool)

// FromEnvironment reads the settings and checks each by itself; see Check. The
// error is a Mistake of code bad_setting that names every variable that is wrong.
func FromEnvironment(env Environment) (Config, error) {
	r := NewReader(env)
	c := Config{
		Listen:       r.Text("ETLPORTAL_LISTEN", "127.0.0.1:8080"),
		RequireToken: r.Bool("ETLPORTAL_REQUIRE_TOKEN"),
		Hosts:        r.List("ETLPORTAL_HOSTS"),
		Origins:      r.List("ETLPORTAL_ORIGINS"),
		MaxUpload:    r.Size("ETLPORTAL_MAX_UPLOAD", 0, 1, 1<<50),
		Loaders:      int(r.Int("ETLPORTAL_WORKERS", int64(min(max(runtime.GOMAXPROCS(0), 2), 8)), 1, 256)),
		ChunkBytes:   r.Size("ETLPORTAL_CHUNK_SIZE", 64<<20, 8<<20, 1<<30),
		Hold:         r.Duration("ETLPORTAL_HOLD", 20*time.Second, 2*time.Second, time.Hour),
		OIDC: oidc.Config{
			Issuer: r.Text("ETLPORTAL_OIDC_ISSUER", ""), Audience: r.List("ETLPORTAL_OIDC_AUDIENCE"),
			GroupsClaim: r.Text("ETLPORTAL_OIDC_GROUPS_CLAIM", oidc.DefaultGroupsClaim),
			AdminGroups: r.List("ETLPORTAL_OIDC_ADMIN_GROUPS"), EditorGroups: r.List("ETLPORTAL_OIDC_EDITOR_GROUPS"), ViewerGroups: r.List("ETLPORTAL_OIDC_VIEWER_GROUPS"),
		},
		LogLevel: slog.LevelInfo,
		Drain:    r.Duration("ETLPORTAL_DRAIN", 20*time.Second, 0, time.Hour),
		Traces: Traces{
			Endpoint: r.Text("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
			Headers:  map[string]string{},
			Service:  r.Text("OTEL_SERVICE_NAME", "etlportal"),
		},
	}
	r.parse("ETLPORTAL_TIMEZONE", "UTC", "a time zone as Europe/Berlin", func(s string) (err error) {
		c.Location, err = time.LoadLocation(s)
		return err
	})
	r.parse("ETLPORTAL_LOG_LEVEL", "info", "debug, info, warn or error", func(s string) error { return c.LogLevel.UnmarshalText([]byte(s)) })
	for _, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			r.Bad("ETLPORTAL_ORIGINS", fmt.Sprintf("%q is no origin as https://app.example.com, without a path", origin))
		}
	}
	if e := c.Traces.Endpoint; e != "" {
		if u, err := url.Parse(e); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			r.Bad("OTEL_EXPORTER_OTLP_ENDPOINT", "is no URL as http://localhost:4318")
		}
	}
	for _, pair := range r.List("OTEL_EXPORTER_OTLP_HEADERS") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || strings.TrimSpace(name) == "" {
			r.Bad("OTEL_EXPORTER_OTLP_HEADERS", "is not name=value,name=value")
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		c.Traces.Headers[strings.TrimSpace(name)] = value
	}
	return c, r.Err()
}

// minBootstrap is the least length of a bootstrap token, in bytes.
const minBootstrap = 32

// Check says whether the portal may run so: an address that others can reach,
// and a cloud, need sign-in.
func (c *Config) Check() error {
	if c.BootstrapToken != "" && len(c.BootstrapToken) < minBootstrap {
		return etl.Mistakef("bad_setting", fmt.Sprintf("Make it of at least %d random characters.", minBootstrap), "the bootstrap token is too short to be a secret")
	}
	if c.Cloud {
		if c.OIDC.Issuer == "" && c.BootstrapToken == "" {
			return etl.Mistakef("sign_in_required",
				"Set ETLPORTAL_OIDC_ISSUER and ETLPORTAL_OIDC_AUDIENCE to the user pool and its client, or ETLPORTAL_BOOTSTRAP_TOKEN_SECRET to the secret with an administrator's token.",
				"nobody could sign in: neither an OpenID Connect issuer nor a bootstrap token is configured, and a portal in the cloud is never open")
		}
		return nil
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return etl.Mistakef("bad_listen", "Write it as 127.0.0.1:8080.", "the address %q to listen at is not host:port", c.Listen)
	}
	if c.RequireToken || c.OIDC.Issuer != "" || loopback(host) {
		return nil
	}
	where := "the address " + host
	if host == "" {
		where = "an address without a host, which is every address of this machine,"
	}
	return etl.Mistakef("sign_in_required", "Listen at 127.0.0.1, or set ETLPORTAL_REQUIRE_TOKEN=true and make a token with `etlportal token create`, or set ETLPORTAL_OIDC_ISSUER.",
		"%s can be reached by other machines, and without sign-in whoever reaches the portal is its administrator", where)
}

// loopback says whether only this machine reaches the host.
func loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// Reader reads settings and collects what is wrong with them.
type Reader struct {
	env Environment
	bad []string
}

// NewReader reads from env; empty values count as not set.
func NewReader(env Environment) *Reader { return &Reader{env: env} }

// Bad notes what is wrong with a variable.
func (r *Reader) Bad(name, what string) { r.bad = append(r.bad, name+": "+what) }

// Err names everything that was wrong.
func (r *Reader) Err() error {
	if len(r.bad) == 0 {
		return nil
	}
	return etl.Mistakef("bad_setting", "Correct the environment; README.md has the table of settings.", "%s", strings.Join(r.bad, "; "))
}

// Text is a variable's value.
func (r *Reader) Text(name, otherwise string) string {
	value, _ := r.env(name)
	return cmp.Or(strings.TrimSpace(value), otherwise)
}

// List is a value with commas, taken apart; empty items are dropped.
func (r *Reader) List(name string) []string {
	var list []string
	for item := range strings.SplitSeq(r.Text(name, ""), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// parse hands a value to read; its failure is noted as "is not "+want.
func (r *Reader) parse(name, otherwise, want string, read func(string) error) {
	if text := r.Text(name, otherwise); read(text) != nil {
		r.Bad(name, fmt.Sprintf("%q is not %s", text, want))
	}
}

// Bool is true, false, yes, no, on, off, 1 or 0; not set is false.
func (r *Reader) Bool(name string) (value bool) {
	r.parse(name, "false", "true or false", func(s string) error {
		switch {
		case slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(s)):
			value = true
		case !slices.Contains([]string{"false", "no", "off", "0"}, strings.ToLower(s)):
			return strconv.ErrSyntax
		}
		return nil
	})
	return value
}

// Int is a whole number from low to high.
func (r *Reader) Int(name string, otherwise, low, high int64) int64 {
	value := otherwise
	r.parse(name, strconv.FormatInt(otherwise, 10), fmt.Sprintf("a whole number from %d to %d", low, high), func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err == nil && n != otherwise && (n < low || n > high) {
			err = strconv.ErrRange
		}
		value = n
		return err
	})
	return value
}

// Duration is a Go duration (90s, 1m30s) from low to high.
func (r *Reader) Duration(name string, otherwise, low, high time.Duration) time.Duration {
	value := otherwise
	r.parse(name, otherwise.String(), fmt.Sprintf("a duration from %s to %s, as 30s", low, high), func(s string) error {
		d, err := time.ParseDuration(s)
		if err == nil && (d < low || d > high) {
			err = strconv.ErrRange
		}
		value = d
		return err
	})
	return value
}

// Size is a number of bytes, with kB, MB, GB, KiB, MiB or GiB behind it, from low to high.
func (r *Reader) Size(name string, otherwise, low, high int64) int64 {
	if r.Text(name, "") == "" {
		return otherwise
	}
	value := otherwise
	r.parse(name, "", fmt.Sprintf("a size from %s to %s", sizeText(low), sizeText(high)), func(s string) error {
		n, err := parseSize(s)
		if err == nil && (n < low || n > high) {
			err = strconv.ErrRange
		}
		value = n
		return err
	})
	return value
}

var units = []struct {
	name  string
	bytes int64
}{
	{"KIB", 1 << 10},
	{"MIB", 1 << 20},
	{"GIB", 1 << 30},
	{"TIB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

func parseSize(s string) (int64, error) {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > (1<<62)/u.bytes {
			return 0, strconv.ErrRange
		}
		return n * u.bytes, nil
	}
	return 0, strconv.ErrSyntax
}

func sizeText(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
