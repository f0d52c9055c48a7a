package redshift

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// URL is a destination as people write it: redshift://user@host:5439/database
// with the options copy_role_arn, staging_bucket, staging_prefix, staging_region,
// sslmode, access (connection, iam or data_api), and where the host does not tell
// them, or there is none, workgroup or cluster_identifier, region and secret_arn.
type URL struct {
	Login
	Options map[string]string
}

// ParseURL reads a URL; Mistakes of code bad_url quote no part of it, which may hold a password.
func ParseURL(s string) (URL, error) {
	const fix = "Write it as redshift://user@host:5439/database?copy_role_arn=…&staging_bucket=…, with special characters percent-encoded."
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "redshift" {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL cannot be read")
	}
	out := URL{Options: map[string]string{}}
	out.Host, out.Database = u.Hostname(), strings.TrimPrefix(u.Path, "/")
	if u.Port() != "" {
		if out.Port, err = strconv.Atoi(u.Port()); err != nil || out.Port < 1 || out.Port > 65535 {
			return URL{}, etl.Mistakef("bad_url", fix, "the destination URL's port is not between 1 and 65535")
		}
	}
	out.Username = u.User.Username()
	out.Password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return URL{}, etl.Mistakef("bad_url", fix, "the options of the destination's URL cannot be read")
	}
	for name, values := range query {
		if !knownOption[name] {
			return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL has an option that does not exist")
		}
		out.Options[name] = values[len(values)-1]
	}
	out.SSLMode = out.Options["sslmode"]
	access, named := out.Options["access"]
	switch {
	case named && access != "connection" && access != "iam" && access != "data_api":
		return URL{}, etl.Mistakef("bad_url", "Use access=connection, access=iam or access=data_api.", "the destination URL's access does not exist")
	case out.Host == "" && (access == "connection" || access == "iam"):
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL names no host, to which access=%s connects", access)
	}
	if out.Host == "" && out.Options["workgroup"] == "" && out.Options["cluster_identifier"] == "" {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL names neither a host nor a workgroup or cluster")
	}
	if out.Database == "" || strings.Contains(out.Database, "/") {
		return URL{}, etl.Mistakef("bad_url", fix, "the destination's URL names no database")
	}
	return out, nil
}

var knownOption = map[string]bool{
	"copy_role_arn": true, "staging_bucket": true, "staging_prefix": true, "staging_region": true, "sslmode": true,
	"access": true, "workgroup": true, "cluster_identifier": true, "region": true, "secret_arn": true,
}
