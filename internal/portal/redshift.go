package portal

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// typeRedshift is the type of a credential of Amazon Redshift.
const typeRedshift = "redshift"

// The options of such a credential beside those of PostgreSQL, as Open must know them.
const (
	optionRole   = "copy_role_arn"
	optionAccess = "access"
	// accessIAM connects with temporary credentials, dataAPI does not connect.
	accessIAM = "iam"
	dataAPI   = "data_api"
)

func defaultPort(kind string) int {
	if kind == typeRedshift {
		return 5439
	}
	return 5432
}

// usesPassword says that a credential logs in with its username and password.
func usesPassword(c *etl.Credential) bool {
	return c.Type != typeRedshift || c.Options[optionAccess] != accessIAM && c.Options[optionAccess] != dataAPI
}

// hostless says that a credential's warehouse is known without a host.
func hostless(c *etl.Credential) bool {
	return c.Type == typeRedshift && c.Options[optionAccess] == dataAPI && (c.Options["workgroup"] != "" || c.Options["cluster_identifier"] != "")
}

// temporary checks what temporary credentials need: they are sent over TLS only.
func (c *checker) temporary(of *etl.Credential) {
	if of.Type == typeRedshift && of.Options[optionAccess] == accessIAM && of.SSLMode == "disable" {
		c.bad("body.ssl_mode", "bad_ssl_mode", "Use require, verify-ca or verify-full", "temporary credentials are sent over TLS only")
	}
}

// redshiftOptions are their forms, with what a value looks like.
var redshiftOptions = map[string]struct {
	form *regexp.Regexp
	fix  string
}{
	optionRole:           {regexp.MustCompile(`^(default|arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/:-]+)$`), "Give the ARN of a role that is attached to the warehouse, as arn:aws:iam::123456789012:role/copy, or the word default"},
	optionAccess:         {regexp.MustCompile(`^(connection|iam|data_api)$`), "Use connection, iam or data_api"},
	"staging_bucket":     {regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`), "Give the bucket's name alone"},
	"staging_prefix":     {regexp.MustCompile(`^(\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*/)+$`), "Give a prefix that ends with a slash, as etl/stage/"},
	"staging_region":     {regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`), "Give a region, as eu-central-1"},
	"region":             {regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`), "Give a region, as eu-central-1"},
	"workgroup":          {regexp.MustCompile(`^[a-z0-9-]{3,64}$`), "Give the name of a workgroup of Redshift Serverless"},
	"cluster_identifier": {regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`), "Give the identifier of a cluster"},
	"secret_arn":         {regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$`), "Give the ARN of a secret in Secrets Manager"},
}

// warehouse checks an option of a credential of Redshift.
func (c *checker) warehouse(where, key, value string) {
	o, ok := redshiftOptions[key]
	if !ok {
		known := []string{OptionCA, OptionConnectTimeout}
		for name := range redshiftOptions {
			known = append(known, name)
		}
		slices.Sort(known)
		c.bad(where, "unknown_option", "Use one of "+strings.Join(known, ", "), "there is no such option")
		return
	}
	if !o.form.MatchString(value) {
		c.bad(where, "bad_option", o.fix, "%.60q does not look like one", value)
	}
}

// needed names what loading into Redshift cannot do without.
func (c *checker) needed(options map[string]string) {
	if options[optionRole] == "" {
		c.bad("body.options."+optionRole, "missing_option", redshiftOptions[optionRole].fix, "is needed: COPY reads the staged files by it")
	}
	if options["workgroup"] != "" && options["cluster_identifier"] != "" {
		c.bad("body.options.workgroup", "bad_option", "Give one of them", "a warehouse is either a workgroup or a cluster")
	}
}

// Staged is a destination that loads files from a bucket.
type Staged interface {
	// CheckStaging puts a file there and says where.
	CheckStaging(ctx context.Context) (string, error)
	// CheckCopy has the database read such a file, and says by which role.
	CheckCopy(ctx context.Context) (string, error)
}

// credentials has AWS give temporary ones. They are of no use but for the
// connection, which is made with them; what becomes of it is the login's to tell.
func (t *tester) credentials(ctx context.Context) (string, error) {
	t.open(ctx)
	e, ok := errors.AsType[*etl.Error](t.failed)
	// Without a destination AWS was not asked.
	if t.dest == nil || ok && slices.ContainsFunc(notGiven, func(code string) bool { return strings.HasPrefix(string(e.Code), code) }) {
		return "", t.failed
	}
	return "AWS gave temporary credentials", nil
}

// notGiven begin the codes of what keeps AWS from giving credentials: those of
// the request for them, and of the role as which it is made.
var notGiven = []string{"credentials_", "role_", "no_aws_credentials"}

// knowsUser is a destination that connects when it is used first, and can say as whom.
type knowsUser interface {
	CurrentUser(ctx context.Context) (string, error)
}

func (t *tester) staging(ctx context.Context) (string, error) {
	if s, ok := t.dest.(Staged); ok {
		return s.CheckStaging(ctx)
	}
	return "not needed", nil
}

func (t *tester) copyRole(ctx context.Context) (string, error) {
	if s, ok := t.dest.(Staged); ok {
		return s.CheckCopy(ctx)
	}
	return "not needed", nil
}
