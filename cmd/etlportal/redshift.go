package main

import (
	"context"
	"os"
	"strings"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
	cloudhouse "github.com/etlportal/etlportal/internal/warehouse"
)

// openRedshift opens the portal's credentials of type redshift. Files are staged
// in the portal's own bucket where a credential names none, unless that is the
// embedded one, which Redshift cannot reach.
func (b *backend) openRedshift(c *backendConfig) func(context.Context, etl.Credential, string) (etl.FanOut, error) {
	config := cloudhouse.Config{Blobs: b.objects, Bucket: c.bucket, Account: aws.Account{Region: c.region}, Control: portal.Guard}
	return func(ctx context.Context, c etl.Credential, password string) (etl.FanOut, error) {
		return cloudhouse.Open(ctx, config, c, password)
	}
}

// openDestination connects to what --to names. The password of a warehouse may
// come from PGPASSWORD or the password file, as PostgreSQL's does.
func openDestination(ctx context.Context, to string) (etl.Destination, error) {
	if strings.HasPrefix(to, "redshift://") {
		return cloudhouse.OpenURL(ctx, cloudhouse.Config{}, to, os.Getenv("PGPASSWORD"))
	}
	return destination.OpenPostgres(ctx, to, destination.Options{ApplicationName: "etlportal load"})
}
