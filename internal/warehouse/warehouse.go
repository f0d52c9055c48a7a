// Package warehouse opens Amazon Redshift as people name it, by a stored
// credential or a URL: it chooses the road and the place for staged files.
package warehouse

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/redshift"
)

// The options of a credential of type redshift, and of a redshift:// URL.
const (
	// OptionAccess is connection (the default), iam or data_api.
	OptionAccess = "access"
	// OptionRole is the ARN of the role by which COPY reads the staged files.
	OptionRole = "copy_role_arn"
	// OptionBucket and OptionPrefix are where files are staged.
	OptionBucket = "staging_bucket"
	OptionPrefix = "staging_prefix"
	// OptionRegion is the warehouse's, where the host does not tell it.
	OptionRegion = "region"
	// OptionBucketRegion is the bucket's where it is not the warehouse's.
	OptionBucketRegion = "staging_region"
	// OptionWorkgroup and OptionCluster name the warehouse where the host does not.
	OptionWorkgroup = "workgroup"
	OptionCluster   = "cluster_identifier"
	// OptionSecret is the ARN of a secret with user and password; without it
	// the Data API logs in with temporary credentials.
	OptionSecret = "secret_arn"

	optionCA      = "ssl_root_cert"
	optionTimeout = "connect_timeout"
	// Connection is OptionAccess for connections with a password, IAM for those
	// with temporary credentials, DataAPI for going without a connection.
	Connection = "connection"
	IAM        = "iam"
	DataAPI    = "data_api"
)

// Config is what does not follow from a credential.
type Config struct {
	// Blobs and Bucket are the portal's own object store: files are staged there
	// where a credential names no bucket. Bucket is empty where Redshift cannot reach it.
	Blobs  etl.Blobs
	Bucket string
	// Account is whose S3 and Data API are called.
	Account aws.Account
	// Control sees every address that is dialled (net.Dialer.Control).
	Control func(network, address string, c syscall.RawConn) error
}

// hostForm is what AWS calls its warehouses: name.id.region.redshift.amazonaws.com
// and name.account.region.redshift-serverless.amazonaws.com.
var hostForm = regexp.MustCompile(`^([a-z0-9-]+)\.[a-z0-9-]+\.([a-z0-9-]+)\.redshift(-serverless)?\.amazonaws\.com(\.cn)?$`)

// Open gives the warehouse of a credential, which is connected to when it is
// asked something. Errors are those of redshift.Connect and redshift.New, of
// aws.NewRedshiftLogin and aws.NewRedshiftData; the Mistake no_staging where no
// bucket is named.
func Open(ctx context.Context, config Config, c etl.Credential, password string) (*redshift.Redshift, error) {
	o := c.Options
	staging := redshift.Staging{Blobs: config.Blobs, Bucket: config.Bucket, Prefix: o[OptionPrefix], Region: o[OptionBucketRegion], Role: o[OptionRole]}
	if bucket := o[OptionBucket]; bucket != "" && bucket != config.Bucket {
		account := config.Account
		blobs, err := aws.NewBlobs(ctx, aws.BlobsConfig{
			Bucket: bucket, Region: cmp.Or(o[OptionBucketRegion], o[OptionRegion], regionOf(c.Host), account.Region),
			AccessKey: account.AccessKey, SecretKey: account.SecretKey, SessionToken: account.SessionToken, Role: account.Role, Transport: account.Transport, Retry: account.Retry,
		})
		if err != nil {
			return nil, err
		}
		staging.Blobs, staging.Bucket = blobs, bucket
	}
	if staging.Bucket == "" {
		return nil, etl.Mistakef("no_staging", "Give staging_bucket the name of an S3 bucket in the warehouse's region.", "Redshift loads files from S3, and no bucket is named for them")
	}
	road, err := connect(ctx, config, c, password)
	if err != nil {
		return nil, err
	}
	r, err := redshift.New(road, redshift.Options{Staging: staging})
	if err != nil {
		_ = road.Close(ctx)
		return nil, err
	}
	return r, nil
}

func regionOf(host string) string {
	if m := hostForm.FindStringSubmatch(host); m != nil {
		return m[2]
	}
	return ""
}

func connect(ctx context.Context, config Config, c etl.Credential, password string) (etl.Statements, error) {
	if c.Options[OptionAccess] == DataAPI {
		account, d := known(config.Account, c)
		return aws.NewRedshiftData(ctx, account, d)
	}
	l := redshift.Login{
		Host: c.Host, Port: c.Port, Database: c.Database, Username: c.Username, Password: password, SSLMode: c.SSLMode, Authority: c.Options[optionCA], Control: config.Control,
	}
	if n, err := strconv.Atoi(c.Options[optionTimeout]); err == nil && n > 0 {
		l.Timeout = time.Duration(n) * time.Second
	}
	if c.Options[OptionAccess] == IAM {
		account, d := known(config.Account, c)
		temporary, err := aws.NewRedshiftLogin(ctx, account, d)
		if err != nil {
			return nil, err
		}
		l.Username, l.Password, l.Credentials = "", "", temporary.Credentials
	}
	return redshift.Connect(ctx, l)
}

// known gives the names by which AWS's APIs know a warehouse: those of its host,
// unless the options name others.
func known(account aws.Account, c etl.Credential) (aws.Account, aws.RedshiftData) {
	o := c.Options
	account.Region = cmp.Or(o[OptionRegion], regionOf(c.Host), account.Region)
	d := aws.RedshiftData{Workgroup: o[OptionWorkgroup], Cluster: o[OptionCluster], Database: c.Database}
	if m := hostForm.FindStringSubmatch(c.Host); m != nil && d.Workgroup == "" && d.Cluster == "" {
		if m[3] == "" {
			d.Cluster = m[1]
		} else {
			d.Workgroup = m[1]
		}
	}
	if o[OptionAccess] == DataAPI {
		d.Secret = o[OptionSecret]
	}
	if d.Cluster != "" && d.Secret == "" {
		d.User = c.Username
	}
	return account, d
}

// OpenURL gives the warehouse of a redshift:// URL. Where neither it nor the
// caller has a password, it is that of the password file (PGPASSFILE, else
// ~/.pgpass), as with psql. Errors are those of redshift.ParseURL and of Open.
func OpenURL(ctx context.Context, config Config, at, password string) (*redshift.Redshift, error) {
	c, password, err := named(at, password)
	if err != nil {
		return nil, err
	}
	return Open(ctx, config, c, password)
}

// Road gives the road to the warehouse of a redshift:// URL alone, to run
// statements of one's own.
func Road(ctx context.Context, config Config, at, password string) (etl.Statements, error) {
	c, password, err := named(at, password)
	if err != nil {
		return nil, err
	}
	return connect(ctx, config, c, password)
}

// named reads a URL; its own password counts before the other, and that before
// the one of the password file.
func named(at, otherwise string) (c etl.Credential, password string, err error) {
	u, err := redshift.ParseURL(at)
	if err != nil {
		return c, "", err
	}
	c = etl.Credential{Type: "redshift", Host: u.Host, Port: u.Port, Database: u.Database, Username: u.Username, SSLMode: u.SSLMode, Options: u.Options}
	if password = cmp.Or(u.Password, otherwise); password == "" && u.Options[OptionAccess] == Connection {
		password = u.FiledPassword()
	}
	return c, password, nil
}
