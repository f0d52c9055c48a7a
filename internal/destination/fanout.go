package destination

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

var _ etl.FanOut = (*Postgres)(nil)

// A load of many chunks keeps three relations beside its table:
//
//   - stage_<load>: the rows of all chunks, UNLOGGED, without an index;
//   - chunks: which chunks are in it, UNLOGGED too, so that a crash of the
//     server empties both together;
//   - loads: which loads were published, with what result; logged.
//
// A chunk's claim, rows and counts are one transaction, and so are the marker of
// a published load, its rows' way into the table and the end of its stage. Locks
// are taken in the order load and target (advisory), marker, stage, claim.

// ownSchema is where these relations are; with a role that may not create it
// they are in the target's schema, under names that begin with ownPrefix.
const (
	ownSchema = "etl_portal"
	ownPrefix = "etl_portal_"
)

const (
	// claimLockTimeout is how long a second delivery of a chunk waits for the
	// first, at most.
	claimLockTimeout = 250 * time.Millisecond
	// heldDelay is when a chunk or load that another process works on is looked at again.
	heldDelay = 5 * time.Second
)

// home is where the relations of a load are.
type home struct{ schema, prefix string }

func (h home) relation(name string) string { return quote(h.schema) + "." + quote(h.prefix+name) }
func (h home) stage(load string) string    { return h.relation("stage_" + load) }
func (h home) chunks() string              { return h.relation("chunks") }
func (h home) loads() string               { return h.relation("loads") }

var loadID = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

// Prepare implements etl.FanOut. It creates the stage where it is missing and
// does nothing for a load that was published.
//
// Errors besides no_stage_privilege are those of Begin: what the table, the
// role or the keys do not allow is found before a row is read.
func (p *Postgres) Prepare(ctx context.Context, load string, spec etl.LoadSpec) error {
	if !loadID.MatchString(load) {
		return fmt.Errorf("destination: %q is no load id", load)
	}
	err := p.prepare(ctx, load, spec)
	if err == nil {
		return nil
	}
	// A load that was published has changed what is checked: its new table exists.
	if done, asked := p.Published(ctx, load); asked == nil && done != nil {
		return nil
	}
	return err
}

func (p *Postgres) prepare(ctx context.Context, load string, spec etl.LoadSpec) error {
	return p.inTransaction(ctx, load, "prepare", "preparing the load", func(conn *pgx.Conn) error {
		s := &session{p: p, conn: conn, spec: spec}
		if err := execute(ctx, conn, "SAVEPOINT trial"); err != nil {
			return err
		}
		columns, err := s.tryStage(ctx)
		if err != nil {
			return err
		}
		// The table of LoadSpec.Create was made to be described; it comes with Publish.
		if err := execute(ctx, conn, "ROLLBACK TO SAVEPOINT trial"); err != nil {
			return err
		}
		h, err := settle(ctx, conn, s.target.Schema)
		if err != nil {
			return err
		}
		published, err := h.published(ctx, conn, load)
		if err != nil || published != nil {
			return err
		}
		// The rows of a stage are read once, whole; statistics of them are no use.
		return execute(ctx, conn, fmt.Sprintf("CREATE UNLOGGED TABLE IF NOT EXISTS %s (%s, _chunk integer NOT NULL, _row bigint NOT NULL, _line bigint NOT NULL) WITH (autovacuum_enabled = false)",
			h.stage(load), strings.Join(columns, ", ")))
	})
}

// tryStage finds out whether the load can be published as things are, and the
// columns of its stage.
func (s *session) tryStage(ctx context.Context) ([]string, error) {
	if err := s.openTarget(ctx); err != nil {
		return nil, err
	}
	st, columns := s.stageColumns()
	s.stage = st
	if s.spec.Strategy == etl.Upsert {
		if err := s.planMerge(ctx); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// homesQuery tells what can be a home for a load into schema $1 (” for the
// search path's first).
const homesQuery = `
SELECT coalesce(nullif($1, ''), current_schema()),
  (SELECT count(*) FROM pg_catalog.pg_namespace n WHERE n.nspname = 'etl_portal'),
  (SELECT count(*) FROM pg_catalog.pg_namespace n WHERE n.nspname = 'etl_portal'
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname IN ('chunks', 'loads')
                     AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))),
  pg_catalog.has_database_privilege(current_database(), 'CREATE'),
  (SELECT count(*) FROM pg_catalog.pg_namespace n WHERE n.nspname = coalesce(nullif($1, ''), current_schema())
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname IN ('etl_portal_chunks', 'etl_portal_loads')
                     AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))),
  current_user, current_database()`

// settle chooses the home of a load into a schema and sees to its ledgers.
func settle(ctx context.Context, conn *pgx.Conn, target string) (home, error) {
	// Two first loads would create the same things.
	if err := advisoryLock(ctx, conn, "etlportal home"); err != nil {
		return home{}, err
	}
	var schemaName *string
	var there, usable, targetUsable int
	var mayCreate bool
	var user, database string
	err := conn.QueryRow(ctx, homesQuery, target).Scan(&schemaName, &there, &usable, &mayCreate, &targetUsable, &user, &database)
	if err != nil {
		return home{}, err
	}
	h := home{schema: ownSchema}
	create := ""
	switch {
	case usable > 0:
	case there == 0 && mayCreate:
		create = "CREATE SCHEMA " + ownSchema + ";"
	case targetUsable > 0:
		h = home{schema: *schemaName, prefix: ownPrefix}
	default:
		return home{}, etl.Mistakef("no_stage_privilege",
			fmt.Sprintf("To load in parallel ask for: GRANT CREATE ON DATABASE %s TO %s; without it one loader does it all.", quote(database), quote(user)),
			"user %q may create a staging table neither in schema %s nor beside the table", user, ownSchema)
	}
	return h, execute(ctx, conn, fmt.Sprintf(`%[1]s
CREATE UNLOGGED TABLE IF NOT EXISTS %[2]s (load text, chunk integer, attempt integer NOT NULL, "start" bigint NOT NULL, "end" bigint NOT NULL,
  rows bigint, filtered bigint, rejected bigint, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (load, chunk));
CREATE TABLE IF NOT EXISTS %[3]s (load text PRIMARY KEY, target text NOT NULL, result jsonb, at timestamptz NOT NULL DEFAULT now());`,
		create, h.chunks(), h.loads()))
}

func advisoryLock(ctx context.Context, conn *pgx.Conn, what string) error {
	_, err := conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))", what)
	return err
}

// inTransaction runs f in a transaction of its own, named in pg_stat_activity
// by load and step, and commits.
func (p *Postgres) inTransaction(ctx context.Context, load, step, what string, f func(conn *pgx.Conn) error) error {
	conn, err := p.beginFanOut(ctx, load, step)
	if err != nil {
		return err
	}
	s := &session{p: p, conn: conn}
	if err := f(conn); err != nil {
		return errors.Join(busy(wrap(ctx, err, what)), s.Abort(ctx))
	}
	if err := execute(ctx, conn, "COMMIT"); err != nil {
		return errors.Join(wrap(ctx, err, what), s.Abort(ctx))
	}
	p.release(conn)
	return nil
}

// beginFanOut opens a transaction whose session can be found by its load.
func (p *Postgres) beginFanOut(ctx context.Context, load, step string) (*pgx.Conn, error) {
	return p.with(ctx, func(conn *pgx.Conn) error {
		if err := p.begin(ctx, conn); err != nil {
			return wrap(ctx, err, "starting a transaction")
		}
		_, err := conn.Exec(ctx, "SELECT pg_catalog.set_config('application_name', $1, true)", sessionName(load, step))
		return wrap(ctx, err, "starting a transaction")
	})
}

func sessionName(load, step string) string { return "etlportal " + load + " " + step }

// busy turns a lock timeout into a wish to try again.
func busy(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "55P03" {
		return &etl.RetryAfter{Delay: heldDelay, Reason: "another session holds what this step needs"}
	}
	return err
}

// staged finds the home of a load's stage; ok is false where there is none.
func staged(ctx context.Context, conn *pgx.Conn, load string) (h home, ok bool, err error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname IN ('stage_' || $1, 'etl_portal_stage_' || $1) AND c.relkind = 'r' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
  AND (n.nspname = 'etl_portal') = (c.relname = 'stage_' || $1)`, load)
	if err != nil {
		return home{}, false, err
	}
	var schemaName, name string
	_, err = pgx.ForEachRow(rows, []any{&schemaName, &name}, func() error {
		h, ok = home{schemaName, strings.TrimSuffix(name, "stage_"+load)}, true
		return nil
	})
	return h, ok, err
}

// homes lists where loads of this role have ledgers.
func homes(ctx context.Context, conn *pgx.Conn) ([]home, error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname, CASE c.relname WHEN 'loads' THEN '' ELSE 'etl_portal_' END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) = ('etl_portal', 'loads') OR c.relname = 'etl_portal_loads'
  AND c.relkind = 'r' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h home, err error) {
		err = row.Scan(&h.schema, &h.prefix)
		return h, err
	})
}

// Published implements etl.FanOut.
func (p *Postgres) Published(ctx context.Context, load string) (*etl.LoadResult, error) {
	var result *etl.LoadResult
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		found, err := homes(ctx, conn)
		for i := 0; err == nil && result == nil && i < len(found); i++ {
			result, err = found[i].published(ctx, conn, load)
		}
		return wrap(ctx, err, "looking for a published load")
	})
	if err != nil {
		return nil, err
	}
	p.release(conn)
	return result, nil
}

// Drop implements etl.FanOut. Loaders of the load that are still at work are
// cut off.
func (p *Postgres) Drop(ctx context.Context, load string) error {
	return p.inTransaction(ctx, load, "drop", "removing the staged rows", func(conn *pgx.Conn) error {
		h, ok, err := staged(ctx, conn, load)
		if err != nil || !ok {
			return err
		}
		if _, err := conn.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE starts_with(application_name, $1) AND pid <> pg_catalog.pg_backend_pid() AND usename = current_user AND datname = current_database()`,
			sessionName(load, "")); err != nil {
			return err
		}
		if err := execute(ctx, conn, "DROP TABLE IF EXISTS "+h.stage(load)); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "DELETE FROM "+h.chunks()+" WHERE load = $1", load)
		return err
	})
}

// Stages implements etl.FanOut: those that this role may drop.
func (p *Postgres) Stages(ctx context.Context) ([]string, error) {
	var loads []string
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT substr(c.relname, CASE n.nspname WHEN 'etl_portal' THEN 7 ELSE 18 END)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname = 'etl_portal' AND starts_with(c.relname, 'stage_') OR starts_with(c.relname, 'etl_portal_stage_'))
  AND c.relkind = 'r' AND pg_catalog.pg_has_role(c.relowner, 'USAGE') ORDER BY 1`)
		if err == nil {
			loads, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return wrap(ctx, err, "listing the staged loads")
	})
	if err != nil {
		return nil, err
	}
	p.release(conn)
	return loads, nil
}
