package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/etlportal/etlportal/internal/etl"
)

// Secret reads the current value of a secret in Secrets Manager. arn is its ARN
// or name, setting the name of the setting that holds it, for the errors.
func Secret(ctx context.Context, a Account, setting, arn string) (string, error) {
	if arn == "" {
		return "", etl.Mistakef("no_secret", "Set "+setting+" to the ARN of a secret.", "%s is not set", setting)
	}
	loaded, err := a.load(ctx, "the secret of "+setting)
	if err != nil {
		return "", err
	}
	out, err := secretsmanager.NewFromConfig(loaded).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	switch {
	case hasCode(err, "ResourceNotFoundException"):
		return "", &etl.Error{
			Kind: etl.Mistake, Code: "secret_not_found", Err: err,
			Message: fmt.Sprintf("there is no secret %s with a value, which %s names", arn, setting),
			Fix:     "Correct " + setting + ", or make the secret and give it a value.",
		}
	case hasCode(err, "InvalidRequestException"):
		return "", &etl.Error{
			Kind: etl.Mistake, Code: "secret_deleted", Err: err,
			Message: fmt.Sprintf("the secret %s, which %s names, cannot be read: %s", arn, setting, short(err)),
			Fix:     "Restore the secret, or name another one.",
		}
	case err != nil:
		return "", fault(request{
			prefix: "secret", what: fmt.Sprintf("read the secret %s, which %s names", arn, setting),
			action: "secretsmanager:GetSecretValue (and kms:Decrypt on its key)", resource: arn, look: "Secrets Manager",
		}, err)
	case aws.ToString(out.SecretString) == "":
		return "", etl.Mistakef("secret_empty", "Give the secret a text.", "the secret %s, which %s names, holds no text", arn, setting)
	}
	return *out.SecretString, nil
}

// DatabaseOverrides are the parts of a database's address that are not as the
// secret says; the zero value changes nothing.
type DatabaseOverrides struct {
	Host, Database string
	Port           int
	// SSLMode is one of libpq's; empty: verify-full with SSLRootCert, require without.
	SSLMode string
	// SSLRootCert is the file of the authority that signed the server's certificate.
	SSLRootCert string
}

// DatabaseURL makes the URL of a PostgreSQL database of a secret as RDS keeps it:
// JSON with username and password, and host, port and dbname where overrides do
// not have them. setting is as for Secret.
func DatabaseURL(ctx context.Context, a Account, setting, arn string, o DatabaseOverrides) (string, error) {
	text, err := Secret(ctx, a, setting, arn)
	if err != nil {
		return "", err
	}
	// The cause is left out of the errors: it may quote what it read.
	bad := func(what string) error {
		return etl.Mistakef("bad_database_secret", "Use a secret that RDS made, or give it these keys.",
			"the secret %s, which %s names, is not JSON with username, password, host, port and dbname: %s", arn, setting, what)
	}
	var s struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Host     string `json:"host"`
		DBName   string `json:"dbname"`
		Engine   string `json:"engine"`
		// Port is a number, or the text of one.
		Port json.RawMessage `json:"port"`
	}
	if json.Unmarshal([]byte(text), &s) != nil {
		return "", bad("it cannot be read")
	}
	port := o.Port
	if written := strings.Trim(string(s.Port), `"`); port == 0 && written != "" && written != "null" {
		if port, err = strconv.Atoi(written); err != nil || port < 1 || port > 65535 {
			return "", bad("its port is none")
		}
	}
	host, database := cmp.Or(o.Host, s.Host), cmp.Or(o.Database, s.DBName)
	if names := missing(map[string]string{"username": s.Username, "password": s.Password, "host": host, "dbname": database}); len(names) > 0 {
		return "", bad("it lacks " + strings.Join(names, ", "))
	}
	if s.Engine != "" && !strings.Contains(s.Engine, "postgres") {
		return "", bad("its engine is " + s.Engine)
	}
	query := url.Values{}
	switch {
	case o.SSLMode != "":
		query.Set("sslmode", o.SSLMode)
	case o.SSLRootCert != "":
		query.Set("sslmode", "verify-full")
	default:
		query.Set("sslmode", "require")
	}
	if o.SSLRootCert != "" {
		query.Set("sslrootcert", o.SSLRootCert)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.Username, s.Password), Path: "/" + database,
		Host: net.JoinHostPort(host, strconv.Itoa(cmp.Or(port, 5432))), RawQuery: query.Encode(),
	}
	return u.String(), nil
}
