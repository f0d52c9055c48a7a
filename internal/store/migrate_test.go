package store

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// catalog writes down everything in the schema that a migration can make.
func catalog(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `
		SELECT 'relation ' || relname || ' ' || relkind::text || ' ' || relpersistence::text || ' ' || coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class
			WHERE relnamespace = 'public'::regnamespace
		UNION ALL
		SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || attidentity::text || ' ' || attnum
			|| ' ' || coalesce(pg_get_expr(adbin, adrelid), '') || ' ' || coalesce(col_description(attrelid, attnum), '')
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) AND attnum > 0 AND NOT attisdropped
		UNION ALL
		SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL
		SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
		UNION ALL
		SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		UNION ALL
		SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL
		SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
		ORDER BY 1`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

func TestMigrationsGoUpAndDown(t *testing.T) {
	url, ctx := etltest.Postgres(t), t.Context()
	// The table of versions stays, so it is in all pictures.
	require.NoError(t, MigrateDown(ctx, url, 0))
	steps := [][]string{catalog(t, url)}
	list, err := Migrations(ctx, url)
	require.NoError(t, err)
	require.Len(t, list, int(latestMigration()))
	require.Nil(t, list[0].AppliedAt)
	require.Equal(t, "00001_sources.sql", list[0].Name)

	require.NoError(t, MigrateUp(ctx, url))
	full := catalog(t, url)
	require.Greater(t, len(full), 100)
	require.NoError(t, MigrateUp(ctx, url), "it may be repeated")
	list, err = Migrations(ctx, url)
	require.NoError(t, err)
	for _, m := range list {
		require.NotNil(t, m.AppliedAt, m.Name)
	}

	// Down one by one, and up again to the same pictures.
	downs := map[int64][]string{}
	for v := latestMigration() - 1; v >= 0; v-- {
		require.NoError(t, MigrateDown(ctx, url, v))
		downs[v] = catalog(t, url)
	}
	require.Equal(t, steps[0], downs[0], "down leaves nothing")
	require.NoError(t, MigrateUp(ctx, url))
	require.Equal(t, full, catalog(t, url))
	for v := latestMigration() - 1; v >= 0; v-- {
		require.NoError(t, MigrateDown(ctx, url, v))
		require.Equalf(t, downs[v], catalog(t, url), "version %d", v)
	}
	refused(t, MigrateDown(ctx, url, 99), "bad_version")
}

func TestEveryConstraintIsNamed(t *testing.T) {
	s := open(t, Options{})
	// What PostgreSQL names by itself ends like this; ours of these kinds say what they are about.
	var unnamed []string
	require.NoError(t, s.pool.QueryRow(t.Context(), `
		SELECT coalesce(array_agg(conname::text), '{}') FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND conrelid <> 'etlportal_migrations'::regclass
			AND (contype = 'f' AND conname NOT LIKE '%\_fk' OR contype NOT IN ('f', 'c', 'p', 'u', 'n', 't') OR conname ~ '[0-9]$')`).Scan(&unnamed))
	require.Empty(t, unnamed)
}

func TestManyMigrateAtOnce(t *testing.T) {
	url := etltest.Postgres(t)
	done := make(chan error)
	for range 3 {
		go func() { done <- MigrateUp(t.Context(), url) }()
	}
	for range 3 {
		require.NoError(t, <-done)
	}
}

func TestReady(t *testing.T) {
	url, ctx := etltest.Postgres(t), t.Context()
	s, err := Open(ctx, url, Options{})
	require.NoError(t, err)
	defer s.Close()
	refused(t, s.Ready(ctx), "migrations_pending", "version 0")
	_, err = s.Job(ctx, 1)
	refused(t, err, "migrations_pending")
	require.NoError(t, MigrateUp(ctx, url))
	require.NoError(t, s.Ready(ctx))
	require.NoError(t, MigrateDown(ctx, url, 2))
	refused(t, s.Ready(ctx), "migrations_pending", "version 2")
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	const secret = "s3cret-canary"
	for url, want := range map[string]struct {
		kind etl.Kind
		code etl.Code
	}{
		"postgres://user:" + secret + "@127.0.0.1:1/x":         {etl.Weather, CodeUnavailable},
		"postgres://user:" + secret + "@host:notaport/x":       {etl.Mistake, "bad_url"},
		"postgres://user:" + secret + "@host/x?sslmode=banana": {etl.Mistake, "bad_url"},
	} {
		for what, do := range map[string]func() error{
			"open":    func() error { _, err := Open(t.Context(), url, Options{}); return err },
			"migrate": func() error { return MigrateUp(t.Context(), url) },
		} {
			err := do()
			require.Equal(t, want.code, codeOf(err), "%s %s: %v", what, url, err)
			require.Equal(t, want.kind, etl.KindOf(err))
			require.NotContains(t, err.Error(), secret)
		}
	}
	_, err := Open(t.Context(), strings.Replace(etltest.Postgres(t), "/test_", "/missing_", 1), Options{})
	refused(t, err, "portal_database_refused", "missing_")
}
