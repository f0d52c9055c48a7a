package deploy

import (
	"context"
	"log/slog"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/store"
)

// The settings that name secrets.
const (
	databaseSetting  = "ETLPORTAL_DATABASE_SECRET"
	bootstrapSetting = "ETLPORTAL_BOOTSTRAP_TOKEN_SECRET"
)

// Queue is the portal's queue, which needs no database.
func (s *Settings) Queue(ctx context.Context, log *slog.Logger) (*aws.Queue, error) {
	return aws.NewQueue(ctx, aws.QueueConfig{Account: s.account, URLs: s.queues, Dead: s.dead, MaxTries: tries, Log: log})
}

// sending is a queue as app wants it.
type sending struct{ *aws.Queue }

// Serve implements app.Queue.
func (q sending) Serve(ctx context.Context, handlers map[etl.Topic]etl.Handler, s app.Serving) error {
	return q.Queue.Serve(ctx, handlers, aws.ServeOptions{Workers: s.Workers, OnDead: s.OnDead, Drain: s.Drain})
}

// Connect makes the portal of the settings, with parts that not every process
// has. Close must follow.
func (s *Settings) Connect(ctx context.Context, log *slog.Logger, parts ...Part) (*app.App, error) {
	config := s.Portal
	a := app.Adapters{Log: log}
	// The secrets are read while the rest is made.
	reading, inner := errgroup.WithContext(ctx)
	if s.databaseSecret != "" {
		reading.Go(func() (err error) {
			config.DatabaseURL, err = s.databaseURL(inner)
			return err
		})
		a.DatabasePassword = s.databasePassword
	}
	if s.Bootstrap != "" && config.Cloud {
		reading.Go(func() (err error) {
			config.BootstrapToken, err = aws.Secret(inner, s.account, bootstrapSetting, s.Bootstrap)
			return err
		})
	}
	err := s.adapters(ctx, &a, log)
	for _, part := range parts {
		if err == nil {
			err = part(ctx, s, &a)
		}
	}
	if failed := reading.Wait(); err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return app.New(ctx, config, a)
}

// adapters makes what stands behind the portal's ports.
func (s *Settings) adapters(ctx context.Context, a *app.Adapters, log *slog.Logger) error {
	blobs, err := aws.NewBlobs(ctx, aws.BlobsConfig{
		Bucket: s.bucket, Region: s.account.Region, Endpoint: s.account.Endpoint, PathStyle: s.account.Endpoint != "", Origins: s.Portal.Origins,
	})
	if err != nil {
		return err
	}
	sealer, err := aws.NewSealer(ctx, aws.SealerConfig{Account: s.account, KeyID: s.kmsKey})
	if err != nil {
		return err
	}
	a.Blobs, a.Sealer = blobs, sealer
	if c := s.schedules; c.Group != "" || c.QueueARN != "" || c.RoleARN != "" {
		scheduler, err := aws.NewScheduler(ctx, c)
		if err != nil {
			return err
		}
		a.Scheduler = scheduler
	}
	a.Queue = func(*store.Store) (app.Queue, error) {
		q, err := s.Queue(ctx, log)
		return sending{q}, err
	}
	return nil
}

// Part is what some processes have and others have not.
type Part func(ctx context.Context, s *Settings, a *app.Adapters) error

// WithTasks lets the process have long publishes done by a task, where
// ETLPORTAL_TASK_CLUSTER and its companions say where.
func WithTasks(ctx context.Context, s *Settings, a *app.Adapters) error {
	if s.tasks.Cluster == "" {
		return nil
	}
	tasks, err := aws.NewTasks(ctx, s.tasks)
	if err != nil {
		return err
	}
	a.Tasks = tasks
	return nil
}

func (s *Settings) databaseURL(ctx context.Context) (string, error) {
	return aws.DatabaseURL(ctx, s.account, databaseSetting, s.databaseSecret, s.database)
}

// databasePassword is the one that the secret holds now.
func (s *Settings) databasePassword(ctx context.Context) (string, error) {
	at, err := s.databaseURL(ctx)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	password, _ := u.User.Password()
	return password, nil
}
