package redshift_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
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
	if u, err := redshift.ParseURL("redshift://me@host/shop?ssl_mode=verify-ca"); err != nil || u.SSLMode != "verify-ca" {
		t.Errorf("%+v, %v", u, err)
	}
	for s, access := range map[string]string{
		"redshift://me@host/shop": "connection", "redshift:///shop?workgroup=wg": "data_api", "redshift://host/shop?cluster_identifier=c": "data_api",
		"redshift://host/shop?secret_arn=arn": "data_api", "redshift://host/shop?access=iam&workgroup=wg": "iam",
	} {
		if u, err := redshift.ParseURL(s); err != nil || u.Options["access"] != access {
			t.Errorf("%q: %+v, %v", s, u, err)
		}
	}
	for _, s := range []string{
		"postgres://me@host/shop", "redshift://me:hidden@host:0/shop", "redshift://me:hidden@host:x/shop", "redshift://me:hidden@host", "redshift://me:hidden@host/",
		"redshift://me:hidden@host/a/b", "redshift://me:hidden@host/shop?service=x", "redshift:///shop", "redshift://me:hidden@host/shop?a=%zz", "",
		// A password whose characters were not encoded is beside the place for one.
		"redshift://me:1?hidden=2@host/shop", "redshift://me:1/shop?hidden=2@host/shop", "redshift://me:1#hidden@host/shop", "redshift://me:1/shop?hidden2%zz",
	} {
		_, err := redshift.ParseURL(s)
		var e *etl.Error
		if !errors.As(err, &e) || e.Code != "bad_url" || e.Fix == "" || strings.Contains(e.Error(), "hidden") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// What is wrong with a URL is named, with what it may have instead.
func TestParseURLNames(t *testing.T) {
	for s, wants := range map[string][2]string{
		"redshift://me@host/shop?ssl-mode=require":                    {"the option ssl-mode", "secret_arn, ssl_mode, sslmode, staging_bucket"},
		"redshift://me@host/shop?z=1&bucket=b":                        {"the option bucket", "staging_bucket"},
		"redshift://me@host/shop?sslmode=disable&ssl_mode=require":    {"both ssl_mode and sslmode", "one"},
		"redshift://me@host/shop?access=iam&access=connection":        {"access several times", "once"},
		"redshift://host/shop":                                        {"names no user", "access=iam"},
		"redshift://:word@host/shop?access=connection":                {"names no user", "user@host"},
		"redshift://me@host/shop?secret_arn=arn&access=connection":    {"secret_arn", "access=data_api"},
		"redshift://host/shop?secret_arn=arn&access=iam&workgroup=wg": {"secret_arn", "access=data_api"},
		"redshift:///shop?secret_arn=arn":                             {"neither a host nor a workgroup", "redshift://"},
		"redshift:///shop?access=connection":                          {"names no host", "redshift://"},
	} {
		_, err := redshift.ParseURL(s)
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Code != "bad_url" || !strings.Contains(e.Message, wants[0]) || !strings.Contains(e.Fix, wants[1]) {
			t.Errorf("%q: %+v", s, e)
		}
	}
}

// A prefix that a client may take for another one is refused, as the portal does.
func TestStagingPrefix(t *testing.T) {
	blobs := etltest.Blobs(t)
	for prefix, good := range map[string]bool{
		"": true, "etl/": true, "etl/stage.2/": true, ".hidden/": true, "a..b/": true,
		"pre": false, "/": false, "/etl/": false, "../x/": false, "etl/../x/": false, "./": false, "etl//x/": false, "a b/": false,
	} {
		_, err := redshift.New(nil, redshift.Options{Staging: redshift.Staging{Blobs: blobs, Bucket: "bucket", Role: "default", Prefix: prefix}})
		e, ok := errors.AsType[*etl.Error](err)
		if good && err != nil || !good && (!ok || e.Code != "bad_staging" || !strings.Contains(e.Fix, "staging_prefix")) {
			t.Errorf("%q: %v", prefix, err)
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
