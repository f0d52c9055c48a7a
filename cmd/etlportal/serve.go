package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/local"
	"github.com/etlportal/etlportal/web"
)

const (
	// serveMemory is a soft ceiling: many chunks are loaded at a time.
	serveMemory = 512 << 20
	// answerFor is how long requests under way may take once the end was asked
	// for; event streams end then, too, and their clients come again.
	answerFor = 3 * time.Second
)

type serveFlags struct {
	listen, dataDir, logLevel string
	requireToken              bool
}

func newServe(s streams) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the portal: web pages, API, inspection, loads, with PostgreSQL and object store included",
		Long: `Run the portal: web pages, API, inspection, loads. PostgreSQL and an object store come with it; $DATABASE_URL and $S3_BUCKET replace
them. Everything is kept under the data directory. It prints its URL once it can be used, and logs JSON on standard error.
Ctrl-C or SIGTERM end it after work under way; a killed server goes on where it was at the next start.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := serve(cmd.Context(), s, &f)
			if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
				return nil // told to stop while it started
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", "", "address of the API (default 127.0.0.1:8080)")
	cmd.Flags().StringVar(&f.dataDir, "data-dir", "", "directory of all data (default ~/.local/share/etlportal; root: /var/lib/etlportal)")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "", "debug, info (default), warn or error")
	cmd.Flags().BoolVar(&f.requireToken, "require-token", false, "ask every caller for an API token")
	return cmd
}

func (f *serveFlags) environment() app.Environment {
	given := map[string]string{"ETLPORTAL_LISTEN": f.listen, "ETLPORTAL_DATA_DIR": f.dataDir, "ETLPORTAL_LOG_LEVEL": f.logLevel}
	if f.requireToken {
		given["ETLPORTAL_REQUIRE_TOKEN"] = "true"
	}
	return withFlags(given)
}

// serve runs the portal until ctx ends.
func serve(ctx context.Context, s streams, f *serveFlags) (err error) {
	config, err := app.FromEnvironment(f.environment())
	if err != nil {
		return err
	}
	config.Version = version
	if err := config.Check(); err != nil {
		return err
	}
	where, err := readBackend(f.environment())
	if err != nil {
		return err
	}
	flows, err := readAirflow(f.environment())
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(serveMemory)
	}
	log := app.NewLogger(s.err, config.LogLevel)
	slog.SetDefault(log)

	lock, err := local.LockDir(where.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	listener, err := listen(ctx, config.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	config.Listen = listener.Addr().String()
	at := "http://" + reachedAt(config.Listen)
	if err := lock.Say(at); err != nil {
		return err
	}

	back, err := startBackend(ctx, &where, append(ownOrigins(config.Listen), config.Origins...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back.stop()) }()
	config.DatabaseURL = back.databaseURL
	uploads, err := back.objects.Origin(ctx)
	if err != nil {
		return err
	}
	orchestrator, err := flows.orchestrator(log)
	if err != nil {
		return err
	}
	portal, err := app.New(ctx, config, app.Adapters{
		Blobs: back.objects, Sealer: back.sealer, Queue: newQueue, Orchestrator: orchestrator, Warehouse: back.openRedshift(&where), API: api.New, Web: web.Handler(uploads), Log: log,
	})
	if err != nil {
		return err
	}
	defer portal.Close()
	if back.postgres != nil {
		if err := prepareWarehouse(ctx, where.dataDir, back.postgres, portal.Portal); err != nil {
			return err
		}
	}
	return answer(ctx, portal, back, listener, func() {
		fmt.Fprintf(s.out, "ETL Portal is ready at %s (API at %s/api/v1, documentation at %s/docs)\n", at, at, at)
		log.InfoContext(ctx, "ready", "url", at, "version", version, "data_dir", where.dataDir)
	}, log)
}

// answer serves HTTP and the queue until ctx ends or one of them fails, then
// lets both finish what they are at.
func answer(ctx context.Context, portal *app.App, back *backend, listener net.Listener, ready func(), log *slog.Logger) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler: portal.Handler, BaseContext: func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	served, worked := make(chan error, 1), make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	go func() { worked <- portal.Run(work) }()
	ready()

	var failure error
	running := true
	select {
	case <-ctx.Done():
		log.InfoContext(context.WithoutCancel(ctx), "stopping")
	case failure = <-served:
	case failure = <-worked:
		running = false
		failure = cmp.Or(failure, errors.New("the queue is no longer served"))
	case <-back.ended:
		failure = &etl.Error{
			Kind: etl.Weather, Code: "embedded_server_ended",
			Message: "the embedded PostgreSQL or object store has ended", Fix: "Look at postgres/log and blobs/log in the data directory, then start again.",
		}
	}
	portal.Drain()
	stop()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerFor)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		cut()
		// What was cut off ends by itself now; nothing more can be done about it.
		_ = server.Close()
	}
	if running {
		failure = errors.Join(failure, <-worked)
	}
	return failure
}

// listen takes the address, and says who may have it where it cannot.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	e := &etl.Error{Kind: etl.Mistake, Code: "cannot_listen", Err: err, Message: fmt.Sprintf("%s cannot be listened at: %v", address, err), Fix: "Choose another address with --listen."}
	if errors.Is(err, syscall.EADDRINUSE) {
		e.Code, e.Message = "address_in_use", "another program listens at "+address+" already"
		e.Fix = "Stop it, or choose another port, as --listen 127.0.0.1:8081."
		if _, port, err := net.SplitHostPort(address); err == nil {
			if n, err := strconv.Atoi(port); err == nil && n != 8080 {
				e.Fix = "Stop it, or choose another port with --listen."
			}
		}
	}
	return nil, e
}

// reachedAt is the address as a browser on this machine reaches it.
func reachedAt(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
