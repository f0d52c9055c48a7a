package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/local"
	"github.com/etlportal/etlportal/internal/store"
)

// The names inside a data directory, and of the embedded databases.
const (
	keyFile        = "keys.json"
	portalDatabase = "etlportal"
	embeddedBucket = "etlportal"
)

// backendConfig says what stands behind the portal's ports on this machine.
type backendConfig struct {
	dataDir       string
	databaseURL   string // empty: embedded
	encryptionKey string // empty: key file
	bucket        string // empty: embedded
	endpoint      string
	public        string
	region        string
	pathStyle     bool
	prepare       bool
}

// backendSettings are the environment variables of backendConfig.
func backendSettings() []app.Setting {
	return []app.Setting{
		{Name: "ETLPORTAL_DATA_DIR", Flag: "--data-dir", Default: "~/.local/share/etlportal; root: /var/lib/etlportal", Meaning: "where everything is kept"},
		{Name: "DATABASE_URL", Default: "embedded PostgreSQL", Meaning: "the portal's own database (not where your rows go)", Secret: true},
		{Name: "ENCRYPTION_KEY", Default: "the file keys.json", Meaning: "keys for stored passwords, 32 bytes in base64 each, separated by commas; the first one seals, all open", Secret: true},
		{Name: "S3_BUCKET", Default: "embedded object store", Meaning: "bucket for uploaded files"},
		{Name: "S3_ENDPOINT", Default: "AWS", Meaning: "URL of an S3 server other than AWS's"},
		{Name: "S3_PUBLIC_ENDPOINT", Default: "S3_ENDPOINT", Meaning: "how browsers reach it"},
		{Name: "S3_PATH_STYLE", Default: "true with S3_ENDPOINT", Meaning: "the bucket stands in the path instead of the host name"},
		{Name: "S3_PREPARE", Default: "false", Meaning: "make the bucket and set its CORS rules at start"},
		{Name: "AWS_REGION", Default: "", Meaning: "region of the bucket; keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the machine's role"},
	}
}

func readBackend(env app.Environment) (backendConfig, error) {
	r := app.NewReader(env)
	c := backendConfig{
		dataDir: r.Text("ETLPORTAL_DATA_DIR", ""), databaseURL: r.Text("DATABASE_URL", ""), encryptionKey: r.Text("ENCRYPTION_KEY", ""),
		bucket: r.Text("S3_BUCKET", ""), endpoint: r.Text("S3_ENDPOINT", ""), public: r.Text("S3_PUBLIC_ENDPOINT", ""),
		region: r.Text("AWS_REGION", r.Text("AWS_DEFAULT_REGION", "")), prepare: r.Bool("S3_PREPARE"),
	}
	c.pathStyle = c.endpoint != ""
	if r.Text("S3_PATH_STYLE", "") != "" {
		c.pathStyle = r.Bool("S3_PATH_STYLE")
	}
	if c.bucket == "" && c.endpoint != "" {
		r.Bad("S3_BUCKET", "is needed beside S3_ENDPOINT")
	}
	if c.dataDir == "" {
		dir, err := local.DefaultDataDir()
		if err != nil {
			return c, err
		}
		c.dataDir = dir
	}
	dir, err := filepath.Abs(c.dataDir)
	if err != nil {
		return c, err
	}
	c.dataDir = dir
	return c, r.Err()
}

func (c *backendConfig) sealer(mustExist bool) (*local.Sealer, error) {
	return local.NewSealer(local.SealerOptions{KeyFile: filepath.Join(c.dataDir, keyFile), Keys: c.encryptionKey, MustExist: mustExist})
}

// backend is what this process runs for the portal; stop ends it.
type backend struct {
	postgres *local.Postgres
	blobs    *local.BlobServer
	// ended is closed when a server of ours ended by itself.
	ended <-chan struct{}

	databaseURL string
	objects     *aws.Blobs
	sealer      *local.Sealer
}

// startBackend starts what is embedded, both at once, and connects to the rest.
// origins are the web pages that upload.
func startBackend(ctx context.Context, c *backendConfig, origins []string) (*backend, error) {
	b := &backend{databaseURL: c.databaseURL}
	group, starting := errgroup.WithContext(ctx)
	group.Go(func() error { return b.startDatabase(starting, c) })
	group.Go(func() error { return b.startObjects(starting, c, origins) })
	err := group.Wait()
	if err == nil {
		b.sealer, err = c.sealer(b.knowsSecrets(c))
	}
	if err != nil {
		return nil, errors.Join(err, b.stop())
	}
	b.watch()
	return b, nil
}

// knowsSecrets says that a missing key file would be a loss: the embedded
// database has run before.
func (b *backend) knowsSecrets(c *backendConfig) bool {
	_, err := os.Stat(filepath.Join(c.dataDir, warehouseFile))
	return b.postgres != nil && err == nil
}

func (b *backend) startDatabase(ctx context.Context, c *backendConfig) error {
	if c.databaseURL != "" {
		return nil
	}
	server, err := startPostgres(ctx, c.dataDir)
	if err != nil {
		return err
	}
	b.postgres = server
	b.databaseURL, err = server.Database(ctx, portalDatabase)
	return err
}

// startPostgres prefers the port of last time, which stored credentials name.
func startPostgres(ctx context.Context, dataDir string) (*local.Postgres, error) {
	o := local.Options{DataDir: dataDir, Port: local.LastPort(dataDir), Settings: map[string]string{"max_connections": "200"}}
	server, err := local.StartPostgres(ctx, o)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "postgres_start_failed" && o.Port != 0 {
		o.Port = 0
		server, err = local.StartPostgres(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if err := local.KeepPort(dataDir, server.Port); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

func (b *backend) startObjects(ctx context.Context, c *backendConfig, origins []string) error {
	o := aws.BlobsConfig{Bucket: c.bucket, Region: c.region, Endpoint: c.endpoint, PublicEndpoint: c.public, PathStyle: c.pathStyle, Origins: origins}
	if c.bucket == "" {
		server, err := local.StartBlobs(ctx, local.BlobsOptions{DataDir: c.dataDir})
		if err != nil {
			return err
		}
		b.blobs = server
		o.Bucket, o.Region, o.Endpoint, o.PathStyle = embeddedBucket, local.Region, server.Endpoint, true
		o.AccessKey, o.SecretKey = server.AccessKey, server.SecretKey
	}
	objects, err := aws.NewBlobs(ctx, o)
	if err != nil {
		return err
	}
	b.objects = objects
	if b.blobs != nil || c.prepare {
		return objects.Prepare(ctx)
	}
	return objects.Ready(ctx)
}

func (b *backend) watch() {
	ended := make(chan struct{}, 2)
	b.ended = ended
	if b.postgres != nil {
		go func() { <-b.postgres.Done(); ended <- struct{}{} }()
	}
	if b.blobs != nil {
		go func() { <-b.blobs.Done(); ended <- struct{}{} }()
	}
}

// stop ends the servers of ours.
func (b *backend) stop() error {
	var errs []error
	if b.blobs != nil {
		errs = append(errs, b.blobs.Stop())
	}
	if b.postgres != nil {
		errs = append(errs, b.postgres.Stop())
	}
	return errors.Join(errs...)
}

// databaseQueue is the queue in the portal's database as app wants it.
type databaseQueue struct{ *local.Queue }

func newQueue(s *store.Store) (app.Queue, error) {
	q, err := local.NewQueue(s.Pool())
	return databaseQueue{q}, err
}

// Serve implements app.Queue.
func (q databaseQueue) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, s app.Serving) error {
	return q.Queue.Serve(ctx, handlers, local.ServeOptions{Workers: s.Workers, OnDead: s.OnDead, Drain: s.Drain, Logger: s.Log})
}

// ownOrigins are those under which a portal at the address serves its own pages.
func ownOrigins(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil
	}
	if p, err := strconv.Atoi(port); err != nil || p == 0 {
		return nil
	}
	origins := []string{"http://localhost:" + port, "http://127.0.0.1:" + port}
	if host = cmp.Or(host, "127.0.0.1"); host != "127.0.0.1" && host != "localhost" {
		origins = append(origins, "http://"+net.JoinHostPort(host, port))
	}
	return origins
}

// withPortalDatabase runs do with the URL of the portal's database: of
// DATABASE_URL, of the server that runs on the data directory, or of the
// embedded PostgreSQL started for as long as do takes. alone says that no server
// of this data directory runs meanwhile.
func withPortalDatabase(ctx context.Context, c *backendConfig, do func(url string, alone bool) error) (err error) {
	if c.databaseURL != "" {
		return do(c.databaseURL, false)
	}
	lock, err := local.LockDir(c.dataDir)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "directory_in_use" {
		if url, running := local.RunningPostgres(ctx, c.dataDir, portalDatabase); running {
			return do(url, false)
		}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	server, err := startPostgres(ctx, c.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	url, err := server.Database(ctx, portalDatabase)
	if err != nil {
		return err
	}
	return do(url, true)
}
