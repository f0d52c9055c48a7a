package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// The targets that templates are made for.
const (
	targetAWS        = "aws"
	targetLocalStack = "localstack"
)

// The choices of users.
const (
	usersCognito = "cognito"
	usersNone    = "none"
)

// defaultName is the portal's name where the context gives none.
const defaultName = "etlportal"

// Settings are what the context (`-c name=value`, cdk.json, CDK_CONTEXT_JSON)
// says about a deployment; docs/aws.md has the table.
type Settings struct {
	// Target is aws or localstack; see docs/aws.md for what the latter leaves out.
	Target string
	// Name begins the name of every function, queue and group, so that one
	// account can hold several portals.
	Name string
	// Account and Region pin the stacks; empty leaves both to the credentials
	// of the deployment.
	Account, Region string
	// Arch is arm64 or amd64, as Go names them.
	Arch string
	// Functions is the folder with one folder per function and a bootstrap in each.
	Functions string
	// UI is the folder of the built web pages.
	UI string
	// Image is the container image of the publishing task; empty builds the Dockerfile.
	Image string
	// Size is the preset that Sizes began with.
	Size string
	Sizes
	// LogDays is how long logs are kept.
	LogDays  int
	LogLevel string
	// Domain is the name users see, with its certificate (ACM, us-east-1).
	Domain, Certificate string
	// Origins are the web pages that may upload, beside https://Domain.
	Origins []string
	// Alarm is the address that alarms are sent to; may be empty.
	Alarm string
	// Reconcile is how many minutes lie between two looks for what stopped. Each
	// wakes a database that pauses.
	Reconcile int
	// NAT is how many NAT gateways lead to databases outside of the VPC and its
	// peers; with 0, AWS's services are reached by Endpoints.
	NAT int
	// Endpoints are the interface endpoints of the VPC.
	Endpoints []string
	// CIDR of the VPC; choose one that the peered networks do not use.
	CIDR string
	// WAF guards the API.
	WAF bool
	// Users is who may sign in beside API tokens: those of a pool in cognito, or none.
	Users string
	// MFA is off, optional or required; Threats turns Cognito's threat protection on.
	MFA     string
	Threats bool
	// SAML is the URL of an identity provider's metadata.
	SAML string
	// OIDC names an identity provider; the client's secret is in Secrets Manager.
	OIDCIssuer, OIDCClient, OIDCSecret string
	// OTLP is an OpenTelemetry receiver; empty sends no traces.
	OTLP string
	// CA is the file of the authorities that sign RDS's certificates, which goes
	// with the functions; TaskCA is where the same file is in the task's image.
	// Without one, a connection is encrypted and the server's name is not checked.
	CA, TaskCA string
	// Quota is how many functions the account may run at a time.
	Quota int
	// MWAA adds a managed Airflow of the version and class; its web pages are
	// reached from the internet (public) or the VPC (private), by IAM either way.
	MWAA                               bool
	MWAAVersion, MWAAClass, MWAAAccess string
	// MWAAWorkers is the most workers it may have.
	MWAAWorkers int
	// MWAAContent is the folder that scripts/mwaa.sh made.
	MWAAContent string
	// Redshift is none, roles (of COPY, and to open the warehouses named) or
	// serverless: a warehouse of the portal's own as well.
	Redshift         string
	RedshiftDatabase string
	// RedshiftBase and RedshiftMax are its RPUs; a max of 0 is no bound.
	RedshiftBase, RedshiftMax int
	// Warehouses are those that are there already: ARNs of workgroups, clusters,
	// their users and databases, secrets, keys, and buckets to stage in.
	Warehouses arns
	// LongPublish is the estimate from which on a publish becomes a task (a Go duration).
	LongPublish string
}

// Sizes are what costs money; a preset gives them and the context changes single ones.
type Sizes struct {
	// Functions has memory in MiB, timeout in seconds and concurrency (0 is no
	// bound) per function.
	Functions map[string]FunctionSize
	// MinACU and MaxACU bound the portal's database; a MinACU of 0 lets it pause.
	MinACU, MaxACU float64
	// Readers are further instances of the database.
	Readers int
	// TaskCPU (1024 is one) and TaskMemory (MiB) of the publishing task.
	TaskCPU, TaskMemory int
	// Reserve keeps each function's concurrency free for it, and bounds it.
	// Accounts begin with ten at a time, of which none can be reserved.
	Reserve bool
	// Rate and Burst are requests per second to the API.
	Rate, Burst int
}

// FunctionSize is how large a function is.
type FunctionSize struct {
	Memory, Timeout, Concurrency int
}

// presets are the sizes by name. A loader of 1,769 MiB has one vCPU, which one
// PostgreSQL connection nearly saturates; more loaders beat larger ones. A stream
// of events ends itself after a minute and a half; rejects as a file take longer.
var presets = map[string]Sizes{
	"small": {
		Functions: map[string]FunctionSize{
			"api": {512, 29, 20}, "stream": {256, 300, 20}, "inspect": {1769, 900, 2}, "plan": {512, 300, 2}, "load": {1769, 900, 4},
			"finalize": {512, 900, 2}, "schedule": {256, 60, 2}, "reconcile": {512, 300, 1},
		},
		MinACU: 0, MaxACU: 2, TaskCPU: 512, TaskMemory: 1024, Rate: 50, Burst: 100,
	},
	"medium": {
		Functions: map[string]FunctionSize{
			"api": {1024, 29, 50}, "stream": {256, 300, 100}, "inspect": {1769, 900, 8}, "plan": {1024, 300, 8}, "load": {1769, 900, 64},
			"finalize": {1024, 900, 8}, "schedule": {256, 60, 4}, "reconcile": {1024, 300, 1},
		},
		MinACU: 0.5, MaxACU: 8, Readers: 1, TaskCPU: 1024, TaskMemory: 2048, Reserve: true, Rate: 200, Burst: 400,
	},
	"large": {
		Functions: map[string]FunctionSize{
			"api": {1769, 29, 200}, "stream": {256, 300, 200}, "inspect": {3538, 900, 32}, "plan": {1769, 300, 16}, "load": {1769, 900, 400},
			"finalize": {1769, 900, 32}, "schedule": {512, 60, 16}, "reconcile": {1769, 300, 1},
		},
		MinACU: 2, MaxACU: 64, Readers: 1, TaskCPU: 2048, TaskMemory: 4096, Reserve: true, Rate: 1000, Burst: 2000,
	},
}

// The limits of the services.
const (
	minMemory, maxMemory = 128, 10240
	maxTimeout           = 900
	minStageConcurrency  = 2 // an event source refuses 1
	maxStageConcurrency  = 1000
	maxGatewayTimeout    = 29
	smallestACU, mostACU = 0.5, 256
	maxNameLength        = 20
	defaultLogDays       = 30
	mostReconcile        = 24 * 60
	// accountConcurrency is Lambda's default; unreserved stays free of reservations.
	accountConcurrency, unreserved = 1000, 100
	mostConcurrency                = 1_000_000
)

// logDays are the retentions that CloudWatch knows.
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653}

var databaseForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// context reads values and collects what is wrong with them.
type context struct {
	node constructs.Node
	bad  []string
}

func (c *context) complain(key, format string, args ...any) {
	c.bad = append(c.bad, key+" "+fmt.Sprintf(format, args...))
}

// text is a value as written; the CLI gives strings, cdk.json numbers and booleans, too.
func (c *context) text(key, otherwise string) string {
	switch v := c.node.TryGetContext(jsii.String(key)).(type) {
	case nil:
		return otherwise
	case string:
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
		return otherwise
	case bool, float64:
		return fmt.Sprint(v)
	default:
		c.complain(key, "is no plain value")
		return otherwise
	}
}

func (c *context) choice(key string, choices ...string) string {
	v := c.text(key, choices[0])
	if !slices.Contains(choices, v) {
		c.complain(key, "is %q; choose %s", v, strings.Join(choices, ", "))
	}
	return v
}

func (c *context) flag(key string, otherwise bool) bool {
	v, err := strconv.ParseBool(c.text(key, strconv.FormatBool(otherwise)))
	if err != nil {
		c.complain(key, "is %q; write true or false", c.text(key, ""))
	}
	return v
}

func (c *context) number(key string, otherwise, low, high float64) float64 {
	text := c.text(key, "")
	if text == "" {
		return otherwise
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < low || v > high {
		c.complain(key, "is %q; write a number from %v to %v", text, low, high)
		return otherwise
	}
	return v
}

func (c *context) integer(key string, otherwise, low, high int) int {
	v := c.number(key, float64(otherwise), float64(low), float64(high))
	if v != float64(int(v)) {
		c.complain(key, "is %v; write a whole number", v)
	}
	return int(v)
}

func (c *context) list(key, otherwise string) []string {
	var items []string
	for item := range strings.SplitSeq(c.text(key, otherwise), ",") {
		if item = strings.TrimSpace(item); item != "" && item != "none" {
			items = append(items, item)
		}
	}
	return items
}

// settingsOf reads the context; the error names every value that is wrong.
func settingsOf(node constructs.Node) (*Settings, error) {
	c := &context{node: node}
	s := &Settings{
		Target:      c.choice("target", targetAWS, targetLocalStack),
		Name:        c.text("name", defaultName),
		Account:     c.text("account", ""),
		Region:      c.text("region", ""),
		UI:          c.text("ui", filepath.Join("..", "web", "dist", "app")),
		Image:       c.text("image", ""),
		Size:        c.choice("size", "small", "medium", "large"),
		LogDays:     c.integer("logDays", defaultLogDays, 1, slices.Max(logDays)),
		LogLevel:    c.choice("logLevel", "info", "debug", "warn", "error"),
		Domain:      c.text("domain", ""),
		Certificate: c.text("certificate", ""),
		Origins:     c.list("origins", ""),
		Alarm:       c.text("alarm", ""),
		Reconcile:   c.integer("reconcile", 1, 1, mostReconcile),
		NAT:         c.integer("nat", 1, 0, zones),
		Endpoints:   c.list("endpoints", ""),
		CIDR:        c.text("cidr", "10.40.0.0/16"),
		WAF:         c.flag("waf", false),
		Users:       c.choice("users", usersCognito, usersNone),
		MFA:         c.choice("mfa", "optional", "off", "required"),
		Threats:     c.flag("threats", false),
		SAML:        c.text("saml", ""),
		OIDCIssuer:  c.text("oidc.issuer", ""),
		OIDCClient:  c.text("oidc.client", ""),
		OIDCSecret:  c.text("oidc.secret", ""),
		OTLP:        c.text("otlp", ""),
		MWAA:        c.flag("mwaa", false),
		MWAAVersion: c.choice("mwaa.version", mwaaVersions...),
		MWAAClass:   c.choice("mwaa.class", mwaaClasses...),
		MWAAAccess:  c.choice("mwaa.access", "public", "private"),
		MWAAWorkers: c.integer("mwaa.workers", 5, 1, 25),
		CA:          c.text("ca", ""),
		TaskCA:      c.text("task.ca", ""),
		Quota:       c.integer("quota", accountConcurrency, 10, mostConcurrency),
		LongPublish: c.text("longPublish", "10m"),

		Redshift:         c.choice("redshift", redshiftNone, redshiftRoles, redshiftServerless),
		RedshiftDatabase: c.text("redshift.database", "warehouse"),
		RedshiftBase:     c.integer("redshift.base", 8, leastRPU, mostRPU),
		RedshiftMax:      c.integer("redshift.max", 0, 0, 5632),
		Warehouses:       c.list("redshift.warehouses", ""),
	}
	s.Arch = "arm64"
	if s.LocalStack() {
		s.Arch = "amd64"
	}
	if s.Arch = c.text("arch", s.Arch); s.Arch != "arm64" && s.Arch != "amd64" {
		c.complain("arch", "is %q; choose arm64 or amd64", s.Arch)
	}
	s.MWAAContent = c.text("mwaa.content", filepath.Join("..", "dist", "mwaa", s.MWAAVersion))
	s.Functions = c.text("functions", filepath.Join("..", "dist", "functions", s.Arch))
	if s.NAT == 0 && len(s.Endpoints) == 0 {
		// Without a way out, the services that the functions call need doors of their own.
		s.Endpoints = slices.Concat(closedEndpoints, s.redshiftEndpoints())
	}
	s.sizes(c)
	s.check(c)
	if len(c.bad) > 0 {
		return nil, errors.New("context: " + strings.Join(c.bad, "; ") + " (docs/aws.md has the table)")
	}
	return s, nil
}

func (s *Settings) sizes(c *context) {
	preset, ok := presets[s.Size]
	if !ok {
		preset = presets["small"]
	}
	s.Sizes = preset
	s.Sizes.Functions = maps.Clone(preset.Functions)
	for _, name := range slices.Sorted(maps.Keys(preset.Functions)) {
		f := preset.Functions[name]
		low, high, timeout := 0, maxStageConcurrency, maxTimeout
		if slices.Contains(stageNames, name) {
			low = minStageConcurrency
		}
		if name == functionAPI {
			timeout = maxGatewayTimeout
		}
		f.Memory = c.integer("memory."+name, f.Memory, minMemory, maxMemory)
		f.Timeout = c.integer("timeout."+name, f.Timeout, 3, timeout)
		f.Concurrency = c.integer("concurrency."+name, f.Concurrency, low, high)
		s.Sizes.Functions[name] = f
	}
	s.MinACU = c.number("acu.min", s.MinACU, 0, mostACU)
	s.MaxACU = c.number("acu.max", s.MaxACU, 1, mostACU)
	s.Readers = c.integer("readers", s.Readers, 0, 15)
	s.TaskCPU = c.integer("task.cpu", s.TaskCPU, 256, 16384)
	s.TaskMemory = c.integer("task.memory", s.TaskMemory, 512, 122880)
	s.Reserve = c.flag("reserve", s.Reserve)
	s.Rate = c.integer("rate", s.Rate, 1, 10000)
	s.Burst = c.integer("burst", s.Burst, 1, 5000)
}

// check compares settings with each other and with what the services take.
func (s *Settings) check(c *context) {
	if !nameForm.MatchString(s.Name) || len(s.Name) > maxNameLength {
		c.complain("name", "is %q; use up to %d lower-case letters, digits and hyphens, a letter first", s.Name, maxNameLength)
	}
	if !slices.Contains(logDays, s.LogDays) {
		c.complain("logDays", "is %d; CloudWatch knows %v", s.LogDays, logDays)
	}
	if s.MinACU > s.MaxACU || s.MinACU != 0 && s.MinACU < smallestACU {
		c.complain("acu.min", "is %v; write 0 (pauses) or from %v to acu.max, which is %v", s.MinACU, smallestACU, s.MaxACU)
	}
	if (s.Domain == "") != (s.Certificate == "") {
		c.complain("domain", "and certificate go together: the certificate is the domain's ARN in ACM, us-east-1")
	}
	for _, origin := range s.Origins {
		if !strings.HasPrefix(origin, "https://") && !(s.LocalStack() && strings.HasPrefix(origin, "http://")) || strings.Count(origin, "/") != 2 || strings.Contains(origin, "*") {
			c.complain("origins", "has %q; write https://portal.example.com, without a path", origin)
		}
	}
	if s.MWAA && s.NAT == 0 {
		c.complain("mwaa", "needs nat=1 or more: its workers reach the portal and AWS's services through it")
	}
	if s.MWAA && s.LocalStack() {
		c.complain("mwaa", "is not on LocalStack")
	}
	s.checkRedshift(c)
	for _, name := range s.Endpoints {
		if !slices.Contains(endpointNames, name) {
			c.complain("endpoints", "has %q, which is none of %s", name, strings.Join(endpointNames, ", "))
		}
	}
	if s.Users == usersCognito && s.NAT == 0 && !s.LocalStack() {
		c.complain("nat", "is 0, and without a way out the functions cannot ask the user pool for its keys: AWS's private endpoint serves no pool with a domain; write users=none (API tokens alone) or nat=1")
	}
	if s.Users == usersNone && (s.SAML != "" || s.OIDCIssuer != "") {
		c.complain("users", "is none, and saml and oidc.issuer bring users of a pool; write users=cognito")
	}
	if s.Reserve && s.Reserved() > s.Quota-unreserved {
		c.complain("reserve", "is true, and the functions reserve %d at a time of the account's %d, of which %d stay free for all others; lower concurrency.*, or write the account's quota (quota=3000)", s.Reserved(), s.Quota, unreserved)
	}
	if s.CA != "" {
		if err := readCA(s.CA); err != nil {
			c.complain("ca", "%v; write the path of RDS's certificates, as https://truststore.pki.rds.amazonaws.com/<region>/<region>-bundle.pem gives them", err)
		}
	}
	if s.TaskCA != "" && (s.CA == "" || s.Image == "") {
		c.complain("task.ca", "goes with ca and image: the image given has the file of ca at that path")
	}
	if given := []string{s.OIDCIssuer, s.OIDCClient, s.OIDCSecret}; slices.Contains(given, "") && strings.Join(given, "") != "" {
		c.complain("oidc.issuer,", "oidc.client and oidc.secret (the name of a secret in Secrets Manager) go together")
	}
}

// LocalStack says whether the templates are for LocalStack.
func (s *Settings) LocalStack() bool { return s.Target == targetLocalStack }

// Reserved is how many functions at a time are kept free for the portal's.
func (s *Settings) Reserved() int {
	sum := 0
	for _, f := range s.Sizes.Functions {
		sum += f.Concurrency
	}
	return sum
}

// StackName is the name of the part's stack. Only a portal of another name than
// the default has it in there.
func (s *Settings) StackName(part string) string {
	if s.Name == defaultName {
		return "EtlPortal-" + part
	}
	return "EtlPortal-" + s.Name + "-" + part
}

// Called names a resource of this portal.
func (s *Settings) Called(name string) *string { return jsii.String(s.Name + "-" + name) }

// UIOrigins are the web pages that may call the API and upload.
func (s *Settings) UIOrigins() []string {
	origins := slices.Clone(s.Origins)
	if s.Domain != "" {
		origins = append(origins, "https://"+s.Domain)
	}
	return origins
}
