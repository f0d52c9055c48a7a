package aws_test

import (
	"net/url"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

func makeSecret(t *testing.T, name, text string) string {
	t.Helper()
	client := secretsmanager.NewFromConfig(sdkConfig(t))
	out, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: sdk.String(t.Name() + "/" + name), SecretString: &text})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

func TestSecret(t *testing.T) {
	arn := makeSecret(t, "text", "open sesame")
	if got, err := aws.Secret(t.Context(), account(t), "ETLPORTAL_X_SECRET", arn); err != nil || got != "open sesame" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err := aws.Secret(t.Context(), account(t), "ETLPORTAL_X_SECRET", "")
	is(t, err, etl.Mistake, "no_secret")
	none := strings.Replace(arn, "/text-", "/none-", 1)
	_, err = aws.Secret(t.Context(), account(t), "ETLPORTAL_X_SECRET", none)
	if e := is(t, err, etl.Mistake, "secret_not_found"); !strings.Contains(e.Message, none) || !strings.Contains(e.Error(), "ETLPORTAL_X_SECRET") {
		t.Errorf("it is not said which: %v", e)
	}
	client := secretsmanager.NewFromConfig(sdkConfig(t))
	if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &arn}); err != nil {
		t.Fatal(err)
	}
	_, err = aws.Secret(t.Context(), account(t), "ETLPORTAL_X_SECRET", arn)
	is(t, err, etl.Mistake, "secret_deleted")
}

func TestDatabaseURL(t *testing.T) {
	odd := "p@ss:w/ör d?#%&"
	for name, c := range map[string]struct {
		text      string
		overrides aws.DatabaseOverrides
		want      string // the URL, with … for the odd password
		lacks     string
	}{
		"RDS":          {text: `{"engine":"postgres","username":"portal","password":"…","host":"db.example","port":6432,"dbname":"portal"}`, want: "postgres://portal:…@db.example:6432/portal?sslmode=require"},
		"port as text": {text: `{"username":"portal","password":"…","host":"db.example","port":"6432","dbname":"portal"}`, want: "postgres://portal:…@db.example:6432/portal?sslmode=require"},
		"aurora":       {text: `{"engine":"aurora-postgresql","username":"portal","password":"…","host":"db.example","dbname":"portal"}`, want: "postgres://portal:…@db.example:5432/portal?sslmode=require"},
		"managed by RDS": {
			text: `{"username":"portal","password":"…"}`, overrides: aws.DatabaseOverrides{Host: "::1", Database: "a b", Port: 1, SSLRootCert: "/var/rds.pem"},
			want: "postgres://portal:…@[::1]:1/a%20b?sslmode=verify-full&sslrootcert=%2Fvar%2Frds.pem",
		},
		"without TLS": {
			text: `{"username":"portal","password":"…","host":"db","port":5432,"dbname":"x"}`, overrides: aws.DatabaseOverrides{SSLMode: "disable"},
			want: "postgres://portal:…@db:5432/x?sslmode=disable",
		},
		"no JSON":      {text: `…`, lacks: "cannot be read"},
		"no password":  {text: `{"username":"portal","host":"db","dbname":"x"}`, lacks: "password"},
		"no host":      {text: `{"username":"portal","password":"…"}`, lacks: "dbname, host"},
		"bad port":     {text: `{"username":"portal","password":"…","host":"db","port":"…","dbname":"x"}`, lacks: "port"},
		"other engine": {text: `{"engine":"mysql","username":"portal","password":"…","host":"db","dbname":"x"}`, lacks: "mysql"},
	} {
		t.Run(name, func(t *testing.T) {
			arn := makeSecret(t, "database", strings.ReplaceAll(c.text, "…", odd))
			got, err := aws.DatabaseURL(t.Context(), account(t), "ETLPORTAL_DATABASE_SECRET", arn, c.overrides)
			if c.want == "" {
				e := is(t, err, etl.Mistake, "bad_database_secret")
				if !strings.Contains(e.Message, c.lacks) || !strings.Contains(e.Message, arn) || strings.Contains(e.Error(), odd) {
					t.Errorf("got %v", e)
				}
				return
			}
			if want := strings.Replace(c.want, "portal:…", url.UserPassword("portal", odd).String(), 1); err != nil || got != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		})
	}
}
