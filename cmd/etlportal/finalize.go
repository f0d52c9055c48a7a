package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/deploy"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/local"
)

func newFinalize(s streams) *cobra.Command {
	var (
		run     int64
		attempt int
		dataDir string
	)
	cmd := &cobra.Command{
		Use:   "finalize",
		Short: "Publish a run whose chunks are loaded, however long that takes",
		Long: `Publish a run whose chunks are all loaded, with no limit of time, and end. In the cloud a portal starts this as a task
where publishing takes longer than a function may run; it may be started any number of times: one publishes, the others
find it done. It works on AWS where $ETLPORTAL_BUCKET is set, with the settings of the functions, and else on what
` + "`etlportal serve`" + ` works on, whose embedded database and object store no server may be using meanwhile.

Exit codes: 0 published, now or before, or being published by another process; 1 the run failed or was cancelled; 2 bad
usage, or a run that cannot be published yet; 3 the destination cannot be reached.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if run < 1 || attempt < 0 {
				return usagef("--run is missing: the number of the run to publish, as: etlportal finalize --run 12")
			}
			env := withFlags(map[string]string{"ETLPORTAL_DATA_DIR": dataDir})
			return withPortal(cmd.Context(), s, env, func(ctx context.Context, portal *app.App) error {
				end, err := portal.Finalize(ctx, run, attempt)
				portal.Flush(context.WithoutCancel(ctx))
				if err != nil {
					return err
				}
				return s.published(&end)
			})
		},
	}
	cmd.Flags().Int64Var(&run, "run", 0, "the run")
	cmd.Flags().IntVar(&attempt, "attempt", 0, "the attempt that it must be at (default: whichever it is at)")
	cmd.Flags().StringVar(&dataDir, "data-dir", "", dataDirUsage)
	return cmd
}

// published says how a run ended.
func (s streams) published(run *etl.Run) error {
	switch {
	case run.Status == etl.Completed:
		c := run.Counts
		_, err := fmt.Fprintf(s.out, "run %d is published: %d rows inserted, %d updated, of %d read\n", run.ID, c.Inserted, c.Updated, c.Read)
		return err
	case run.Status == etl.Failed && run.Error != nil:
		fmt.Fprintf(s.err, "etlportal: run %d failed: %s\n", run.ID, redact(run.Error.Error()))
		return errReported
	case run.Status.Final():
		fmt.Fprintf(s.err, "etlportal: run %d is %s; nothing was published\n", run.ID, run.Status)
		return errReported
	case run.Phase == etl.PhasePublish:
		_, err := fmt.Fprintf(s.out, "run %d is being published by another process\n", run.ID)
		return err
	}
	_, err := fmt.Fprintf(s.out, "run %d: the destination has lost chunks, which the portal loads again\n", run.ID)
	return err
}

// withPortal runs do with a portal that serves nobody.
func withPortal(ctx context.Context, s streams, env app.Environment, do func(context.Context, *app.App) error) (err error) {
	if bucket, _ := env("ETLPORTAL_BUCKET"); bucket != "" {
		return withDeployed(ctx, s, env, do)
	}
	config, err := app.FromEnvironment(env)
	if err != nil {
		return err
	}
	config.Version = version
	where, err := readBackend(env)
	if err != nil {
		return err
	}
	log := app.NewLogger(s.err, config.LogLevel)
	slog.SetDefault(log)
	lock, err := local.LockDir(where.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	back, err := startBackend(ctx, &where, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back.stop()) }()
	config.DatabaseURL = back.databaseURL
	portal, err := app.New(ctx, config, app.Adapters{Blobs: back.objects, Sealer: back.sealer, Queue: newQueue, Warehouse: back.openRedshift(&where), Log: log})
	if err != nil {
		return err
	}
	defer portal.Close()
	return do(ctx, portal)
}

// withDeployed is withPortal on AWS.
func withDeployed(ctx context.Context, s streams, env app.Environment, do func(context.Context, *app.App) error) error {
	settings, err := deploy.Read(env)
	if err != nil {
		return err
	}
	settings.Portal.Version = version
	log := app.NewLogger(s.err, settings.Portal.LogLevel)
	slog.SetDefault(log)
	settings.Portal.EMF = app.NewEMF(s.err, settings.Name)
	portal, err := settings.Connect(ctx, log, deploy.WithWarehouse)
	if err != nil {
		return err
	}
	defer portal.Close()
	return do(ctx, portal)
}
