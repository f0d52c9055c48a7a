package redshift_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/redshift"
)

func TestParseURL(t *testing.T) {
	u, err := redshift.ParseURL("redshift://me:p%40ss@host:5440/shop?copy_role_arn=default&staging_bucket=stage&sslmode=verify-full")
	if err != nil || u.Host != "host" || u.Port != 5440 || u.Database != "shop" || u.Username != "me" || u.Password != "p@ss" || u.SSLMode != "verify-full" || u.Options["staging_bucket"] != "stage" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := redshift.ParseURL("redshift:///shop?workgroup=wg"); err != nil {
		t.Error(err)
	}
	for _, s := range []string{
		"postgres://me@host/shop", "redshift://me:hidden@host:0/shop", "redshift://me:hidden@host:x/shop", "redshift://me:hidden@host", "redshift://me:hidden@host/",
		"redshift://me:hidden@host/a/b", "redshift://me:hidden@host/shop?service=x", "redshift:///shop", "redshift://me:hidden@host/shop?a=%zz", "",
	} {
		_, err := redshift.ParseURL(s)
		var e *etl.Error
		if !errors.As(err, &e) || e.Code != "bad_url" || e.Fix == "" || strings.Contains(e.Error(), "hidden") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// A role, a bucket, a prefix that could be more than that is refused: they go into statements.
func TestStagingIsChecked(t *testing.T) {
	for _, s := range []redshift.Staging{
		{Role: "arn:aws:iam::123456789012:role/x' OR", Bucket: "bucket"},
		{Role: "", Bucket: "bucket"},
		{Role: "default", Bucket: "b'"},
		{Role: "default", Bucket: "bucket", Prefix: "a'b/"},
		{Role: "default", Bucket: "bucket"},
	} {
		_, err := redshift.New(nil, redshift.Options{Staging: s})
		if etl.KindOf(err) != etl.Mistake {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
