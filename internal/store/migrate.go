package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/etlportal/etlportal/internal/etl"
)

// versionTable is where the applied migrations are noted.
const versionTable = "etlportal_migrations"

// migrationLock keeps two servers that start at once from migrating at once.
const migrationLock = 0x65746c706f7274

//go:embed migrations/*.sql
var migrations embed.FS

// MigrationStatus is one migration and when it was applied.
type MigrationStatus struct {
	Version int64
	Name    string
	// AppliedAt is nil where it was not.
	AppliedAt *time.Time
}

// MigrateUp brings the tables up to this program's version. It may be repeated,
// and by several processes at once: one works, the others wait. Where nothing is
// to be done it takes one query and waits for nobody.
func MigrateUp(ctx context.Context, url string) error {
	if current, err := upToDate(ctx, url); err != nil || current {
		return err
	}
	return migrate(ctx, url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// MigrateDown takes the tables back to a version; 0 removes them with all that
// is in them.
func MigrateDown(ctx context.Context, url string, version int64) error {
	if version < 0 || version > latestMigration() {
		return etl.Mistakef("bad_version", fmt.Sprintf("Use 0 to %d.", latestMigration()), "there is no version %d of the tables", version)
	}
	return migrate(ctx, url, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, version)
		return err
	})
}

// Migrations lists all migrations, oldest first.
func Migrations(ctx context.Context, url string) ([]MigrationStatus, error) {
	var list []MigrationStatus
	err := migrate(ctx, url, func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		for _, s := range status {
			m := MigrationStatus{Version: s.Source.Version, Name: strings.TrimPrefix(s.Source.Path, "migrations/")}
			if s.State == goose.StateApplied {
				m.AppliedAt = &s.AppliedAt
			}
			list = append(list, m)
		}
		return err
	})
	return list, err
}

func migrate(ctx context.Context, url string, do func(*goose.Provider) error) error {
	const what = "migrating the portal's database"
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return badURL(err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	provider, err := newProvider(db)
	if err != nil {
		return wrap(ctx, err, what)
	}
	return firstRefusal(wrap(ctx, do(provider), what))
}

// upToDate says whether the tables are those of this program, or newer.
func upToDate(ctx context.Context, url string) (bool, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		if _, bad := errors.AsType[*pgconn.ParseConfigError](err); bad {
			return false, badURL(err)
		}
		return false, firstRefusal(wrap(ctx, err, "connecting to the portal's database"))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	version, err := tablesVersion(ctx, conn)
	return version >= latestMigration(), wrap(ctx, err, "asking for the version of the tables")
}

// tablesVersion is the newest migration that was applied; 0 where there are no tables.
func tablesVersion(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) (version int64, err error) {
	err = q.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable+` WHERE is_applied`).Scan(&version)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" {
		return 0, nil
	}
	return version, err
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	// Every second for five minutes: a migration of much data takes a while.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versionTable), goose.WithSessionLocker(locker))
}

// latestMigration is the newest version among the embedded files.
func latestMigration() int64 {
	var latest int64
	entries, _ := migrations.ReadDir("migrations")
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		if v, err := strconv.ParseInt(number, 10, 64); err == nil {
			latest = max(latest, v)
		}
	}
	return latest
}
