package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/api"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/store"
)

const dataDirUsage = "directory of the server's data (default $ETLPORTAL_DATA_DIR); $DATABASE_URL goes before it"

func newOpenAPI(s streams) *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the description of the API (OpenAPI 3.1, YAML)", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			text, err := api.OpenAPI()
			if err != nil {
				return err
			}
			_, err = s.out.Write(text)
			return err
		},
	}
}

// group is a command that only has others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: known, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// forPortal reads where the portal is and runs do on its database.
func forPortal(ctx context.Context, dataDir string, do func(c *backendConfig, url string, alone bool) error) error {
	c, err := readBackend(withFlags(map[string]string{"ETLPORTAL_DATA_DIR": dataDir}))
	if err != nil {
		return err
	}
	return withPortalDatabase(ctx, &c, func(url string, alone bool) error { return do(&c, url, alone) })
}

// openStore opens the portal's database; one of ours alone is migrated first.
func openStore(ctx context.Context, url string, alone bool) (*store.Store, error) {
	if alone {
		if err := store.MigrateUp(ctx, url); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, url, store.Options{ApplicationName: "etlportal admin", MaxConns: 2})
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func newMigrate(s streams) *cobra.Command {
	var dataDir string
	var to int64
	up := &cobra.Command{
		Use: "up", Short: "Bring the tables of the portal's database up to this program; serve does so by itself", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return forPortal(cmd.Context(), dataDir, func(_ *backendConfig, url string, _ bool) error {
				if err := store.MigrateUp(cmd.Context(), url); err != nil {
					return err
				}
				if err := migrateQueue(cmd.Context(), url, true); err != nil {
					return err
				}
				return printMigrations(cmd.Context(), s, url)
			})
		},
	}
	down := &cobra.Command{
		Use: "down", Short: "Take the tables back to an older version; what only the newer ones hold is lost",
		Long: `Take the tables of the portal's database back to the version given by --to; 0 removes them all, and the queue's.
What only the newer tables hold is lost, so make a backup first. No server may be running.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("to") {
				return usagef("--to is missing: the version to go back to, see: etlportal migrate status")
			}
			return forPortal(cmd.Context(), dataDir, func(c *backendConfig, url string, alone bool) error {
				if c.databaseURL == "" && !alone {
					return etl.Mistakef("server_running", "Stop it first.", "a server runs on %s", c.dataDir)
				}
				if to == 0 {
					if err := migrateQueue(cmd.Context(), url, false); err != nil {
						return err
					}
				}
				if err := store.MigrateDown(cmd.Context(), url, to); err != nil {
					return err
				}
				return printMigrations(cmd.Context(), s, url)
			})
		},
	}
	down.Flags().Int64Var(&to, "to", 0, "version to go back to; 0 removes everything")
	status := &cobra.Command{
		Use: "status", Short: "List the migrations and when each was applied", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return forPortal(cmd.Context(), dataDir, func(_ *backendConfig, url string, _ bool) error {
				return printMigrations(cmd.Context(), s, url)
			})
		},
	}
	cmd := group("migrate", "Move the portal's database between versions", up, down, status)
	cmd.PersistentFlags().StringVar(&dataDir, "data-dir", "", dataDirUsage)
	return cmd
}

func migrateQueue(ctx context.Context, url string, up bool) error {
	st, err := store.Open(ctx, url, store.Options{ApplicationName: "etlportal migrate", MaxConns: 2})
	if err != nil {
		return err
	}
	defer st.Close()
	q, err := newQueue(st)
	if err != nil {
		return err
	}
	if up {
		return q.Migrate(ctx)
	}
	return q.(databaseQueue).MigrateDown(ctx) //nolint:forcetypeassert // newQueue made it
}

func printMigrations(ctx context.Context, s streams, url string) error {
	list, err := store.Migrations(ctx, url)
	if err != nil {
		return err
	}
	for _, m := range list {
		state := "pending"
		if m.AppliedAt != nil {
			state = "applied " + m.AppliedAt.UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
		fmt.Fprintf(s.out, "%3d  %-28s %s\n", m.Version, m.Name, state)
	}
	return nil
}

func newToken(s streams) *cobra.Command {
	var dataDir, name, role, expires string
	create := &cobra.Command{
		Use: "create", Short: "Make an API token and print it, this once",
		Long: `Make an API token and print it on standard output. It is shown this once: only its hash is kept.
Callers send it as "Authorization: Bearer etlp_…". GET and DELETE /api/v1/tokens list and end tokens.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" || role == "" {
				return usagef("--name and --role are needed, as: etlportal token create --name ci --role editor --expires 90d")
			}
			until, err := expiry(expires, time.Now())
			if err != nil {
				return err
			}
			return forPortal(cmd.Context(), dataDir, func(_ *backendConfig, url string, alone bool) error {
				st, err := openStore(cmd.Context(), url, alone)
				if err != nil {
					return err
				}
				defer st.Close()
				ctx := portal.WithCaller(cmd.Context(), portal.Caller{Principal: portal.Owner()})
				made, err := (&portal.Portal{Store: st}).CreateToken(ctx, portal.TokenInput{Name: name, Role: role, ExpiresAt: until})
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintln(s.out, made.Secret); err != nil {
					return err
				}
				valid := "without end"
				if until != nil {
					valid = "until " + until.UTC().Format("2006-01-02 15:04 UTC")
				}
				fmt.Fprintf(s.err, "token %d (%s, %s), valid %s; it is not shown again\n", made.ID, made.Name, made.Role, valid)
				return nil
			})
		},
	}
	create.Flags().StringVar(&name, "name", "", "what it is for")
	create.Flags().StringVar(&role, "role", "", "viewer, editor or admin")
	create.Flags().StringVar(&expires, "expires", "never", "90d, 12h, a date (2027-12-31, its end in UTC), or never")
	cmd := group("token", "API tokens", create)
	cmd.PersistentFlags().StringVar(&dataDir, "data-dir", "", dataDirUsage)
	return cmd
}

// expiry reads --expires; nil is never.
func expiry(text string, now time.Time) (*time.Time, error) {
	var at time.Time
	if text == "never" || text == "" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err == nil && n > 0 && n <= 36500 {
			at = now.AddDate(0, 0, n)
			return &at, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		at = now.Add(d)
		return &at, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return &t, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		at = t.AddDate(0, 0, 1)
		return &at, nil
	}
	return nil, usagef("--expires takes 90d, 12h, a date as 2027-12-31, or never, not %q", text)
}

func newKeys(s streams) *cobra.Command {
	var dataDir string
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make a new key and encrypt all stored passwords with it",
		Long: `Add a new key to the key file and encrypt all stored passwords with it. A running server takes the new key by itself.
Old keys stay in the file, for backups of the database. With $ENCRYPTION_KEY, put the new key in front of the old one, restart the
server, and run this; then the old one may go.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return forPortal(ctx, dataDir, func(c *backendConfig, url string, alone bool) error {
				sealer, err := c.sealer(true)
				if err != nil {
					return err
				}
				st, err := openStore(ctx, url, alone)
				if err != nil {
					return err
				}
				defer st.Close()
				if c.encryptionKey == "" {
					if _, err := sealer.Rotate(ctx); err != nil {
						return err
					}
				}
				current, err := sealer.Current(ctx)
				if err != nil {
					return err
				}
				ctx := portal.WithCaller(ctx, portal.Caller{Principal: portal.Owner()})
				n, err := (&portal.Portal{Store: st, Sealer: sealer}).RotateCredentials(ctx)
				if err != nil {
					return errors.Join(err, fmt.Errorf("%d passwords are encrypted with the new key; run this again for the others", n))
				}
				_, err = fmt.Fprintf(s.out, "key %s is the current one; %d password(s) encrypted with it\n", current, n)
				return err
			})
		},
	}
	cmd := group("keys", "The keys that stored passwords are encrypted with", rotate)
	cmd.PersistentFlags().StringVar(&dataDir, "data-dir", "", dataDirUsage)
	return cmd
}
