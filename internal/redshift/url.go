package redshift

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// URL is a destination as people write it: redshift://user@host:5439/database
// with the options copy_role_arn, staging_bucket, staging_prefix, staging_region,
// ssl_mode (or libpq's sslmode), access (connection, iam or data_api), and where
// the host does not tell them, or there is none, workgroup or cluster_identifier,
// region and secret_arn.
type URL struct {
	Login
	// Options have access always: without one it is data_api where only the Data
	// API has use of another option, else connection.
	Options map[string]string
}

const urlFix = "Write it as redshift://user@host:5439/database?copy_role_arn=…&staging_bucket=…, with special characters percent-encoded."

// ParseURL reads a URL. Mistakes of code bad_url quote no part of it that may
// hold a password: where a character was not encoded, any part may.
func ParseURL(s string) (URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "redshift":
		return URL{}, badURL("the destination's URL cannot be read")
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return URL{}, badURL("the destination's URL contains a # that is not percent-encoded")
	}
	out := URL{}
	out.Host, out.Database = u.Hostname(), strings.TrimPrefix(u.Path, "/")
	if u.Port() != "" {
		if out.Port, err = strconv.Atoi(u.Port()); err != nil || out.Port < 1 || out.Port > 65535 {
			return URL{}, badURL("the destination URL's port is not between 1 and 65535")
		}
	}
	out.Username = u.User.Username()
	out.Password, _ = u.User.Password()
	if out.Options, err = options(u.RawQuery); err != nil {
		return URL{}, err
	}
	out.SSLMode = out.Options["ssl_mode"]
	if out.Database == "" || strings.Contains(out.Database, "/") {
		return URL{}, badURL("the destination's URL names no database")
	}
	return out, out.reach()
}

// reach finds out how the warehouse is reached, and whether that is told.
func (u *URL) reach() error {
	o := u.Options
	named := o["access"] != ""
	if !named {
		o["access"] = "connection"
		if o["workgroup"] != "" || o["cluster_identifier"] != "" || o["secret_arn"] != "" {
			o["access"] = "data_api"
		}
	}
	switch access := o["access"]; {
	case access != "connection" && access != "iam" && access != "data_api":
		return etl.Mistakef("bad_url", "Use access=connection, access=iam or access=data_api.", "the destination URL's access does not exist")
	case access != "data_api" && o["secret_arn"] != "":
		return etl.Mistakef("bad_url", "Use access=data_api, or leave secret_arn out.", "the destination URL's secret_arn is for the Data API alone, and not for access=%s", access)
	case u.Host == "" && access != "data_api" && named:
		return badURL("the destination's URL names no host, to which access=%s connects", access)
	case u.Host == "" && o["workgroup"] == "" && o["cluster_identifier"] == "":
		return badURL("the destination's URL names neither a host nor a workgroup or cluster")
	case u.Username == "" && access == "connection":
		return etl.Mistakef("bad_url", "Write the user before the host, as redshift://user@host:5439/database, or use access=iam.", "the destination's URL names no user")
	}
	return nil
}

// options reads those of a URL.
func options(query string) (map[string]string, error) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, badURL("the options of the destination's URL cannot be read")
	}
	out := make(map[string]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		values := given[name]
		switch {
		case slices.Contains(knownOptions, name):
		case !optionForm.MatchString(name) || strings.Contains(query, "@"):
			return nil, etl.Mistakef("bad_url", optionsFix, "the destination's URL has an option that does not exist")
		default:
			return nil, etl.Mistakef("bad_url", optionsFix, "the destination's URL has the option %s, which does not exist", name)
		}
		if len(values) > 1 {
			return nil, etl.Mistakef("bad_url", "Give each option once.", "the destination's URL has the option %s several times", name)
		}
		out[name] = values[0]
	}
	if mode, ok := out["sslmode"]; ok {
		if _, twice := out["ssl_mode"]; twice {
			return nil, etl.Mistakef("bad_url", "Give one of them.", "the destination's URL has both ssl_mode and sslmode, which are the same")
		}
		delete(out, "sslmode")
		out["ssl_mode"] = mode
	}
	return out, nil
}

// knownOptions are those of a URL; sslmode is ssl_mode as libpq calls it.
var knownOptions = []string{
	"access", "cluster_identifier", "copy_role_arn", "region", "secret_arn", "ssl_mode", "sslmode", "staging_bucket", "staging_prefix", "staging_region", "workgroup",
}

var (
	// optionForm is what an option may be called that is told by its name.
	optionForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,30}$`)
	optionsFix = "Use one of " + strings.Join(knownOptions, ", ") + ", and percent-encode special characters."
)

func badURL(format string, args ...any) error {
	return etl.Mistakef("bad_url", urlFix, format, args...)
}
