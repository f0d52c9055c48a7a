package redshift_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// Tables whose names, columns or schemas have capitals, which Redshift folds
// unless it is told not to, are loaded into like any other.
func TestCapitals(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE plain (id INTEGER)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		s.ExecCaseSensitive(`CREATE SCHEMA "Shop"`, `CREATE TABLE "Shop"."Orders" ("Id" INTEGER, "Name" VARCHAR(10))`, `CREATE VIEW seen AS SELECT "Id" AS id, "Name" AS name FROM "Shop"."Orders"`,
			"CREATE TABLE twice (a INTEGER)", `CREATE TABLE "Twice" (b INTEGER)`)
		for _, c := range []struct{ schema, name, wantSchema, want, column string }{
			{"Shop", "Orders", "Shop", "Orders", "Id"},
			{"", "Plain", "public", "plain", "id"},
			{"Public", "PLAIN", "public", "plain", "id"},
			{"", "twice", "public", "twice", "a"},
			{"", "Twice", "public", "Twice", "b"},
			{"PUBLIC", "TWICE", "public", "twice", "a"},
		} {
			table, err := r.Table(t.Context(), c.schema, c.name)
			if err != nil || table.Schema != c.wantSchema || table.Name != c.want || table.Columns[0].Name != c.column || c.want != "Orders" && len(table.Columns) != 1 {
				t.Errorf("%s.%s: %+v, %v", c.schema, c.name, table, err)
			}
		}
		table, err := r.Table(t.Context(), "Shop", "Orders")
		if err != nil {
			t.Fatal(err)
		}
		s.Refuses = func(column, value string) string {
			if column == "Name" && value == "bad" {
				return "not taken"
			}
			return ""
		}
		spec := etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert}
		if result, err := load(t, r, spec, row(1, "a"), row(2, "b")); err != nil || result.Inserted != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
		spec.SkipRefused = true
		result, err := load(t, r, spec, row(7, "bad"), row(3, "c"))
		if err != nil || result.Inserted != 1 || len(etltest.Rejects(result.Refused)) != 1 || etltest.Rejects(result.Refused)[0].Column != "Name" || etltest.Rejects(result.Refused)[0].Value != "bad" {
			t.Fatalf("%+v, %v", result, err)
		}
		spec.Strategy, spec.Keys = etl.Upsert, []string{"Id"}
		if err := fanOut(t.Context(), r, "capitals", spec, row(1, "x")); err != nil {
			t.Fatal(err)
		}
		spec.DryRun, spec.Sample = true, 5
		result, err = load(t, r, spec, row(2, "y"), row(4, "d"))
		if err != nil || result.Updated != 1 || len(result.Comparison.Rows) != 2 || len(result.Comparison.Rows[0].Before) != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
		spec.DryRun, spec.DuplicateKeys = false, "fail"
		_, err = load(t, r, spec, row(2, "y"), row(2, "z"))
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "duplicate_key" || e.Line != 3 {
			t.Fatalf("%v", err)
		}
		s.Want("SELECT id, name FROM seen ORDER BY id", "1|x\n2|b\n3|c")
		spec.Strategy, spec.Keys, spec.DuplicateKeys = etl.TruncateInsert, nil, ""
		if result, err := load(t, r, spec, row(9, "z")); err != nil || result.Inserted != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
		s.Want("SELECT id, name FROM seen ORDER BY id", "9|z")
		// Whoever comes next folds names again.
		if _, err := load(t, r, specOf(t, r, "plain"), row(1)); err != nil {
			t.Error(err)
		}
	})
}

// A limit that whoever runs the warehouse has set is the connection's again.
func TestStatementTimeoutStays(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER)")
	admin, err := pgx.Connect(t.Context(), s.PostgresURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(t.Context()) }()
	if _, err := admin.Exec(t.Context(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout TO 3600000', current_database()); END $$"); err != nil {
		t.Fatal(err)
	}
	road := roadTo(t, "wire", s)
	r := over(t, s, road)
	spec := specOf(t, r, "t")
	if _, err := load(t, r, spec, row(1)); err != nil {
		t.Fatal(err)
	}
	if err := fanOut(t.Context(), r, "timed", spec, row(2)); err != nil {
		t.Fatal(err)
	}
	logins := s.Logins()
	results, err := road.Run(t.Context(), "SELECT current_setting('statement_timeout')")
	if err != nil || *results[0].Rows[0][0] != "1h" {
		t.Errorf("%v", err)
	}
	if s.Logins() != logins {
		t.Error("it is another connection")
	}
}

// Keys that nothing enforces are told where rows may break them.
func TestKeyNotes(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER NOT NULL, name VARCHAR(10), PRIMARY KEY (id))")
	r := over(t, s, roadTo(t, "wire", s))
	spec := specOf(t, r, "t")
	for i, c := range []struct {
		strategy etl.Strategy
		keys     []string
		create   bool
		says     string
	}{
		{etl.Insert, nil, false, "of the file or the table"},
		{etl.TruncateInsert, nil, false, "rows of the file"},
		{etl.Upsert, []string{"id"}, false, ""},
		{etl.Upsert, []string{"name"}, false, "of the file or the table"},
		{etl.Insert, nil, true, "rows of the file"},
		{etl.Upsert, []string{"id"}, true, ""},
	} {
		spec := spec
		spec.Strategy, spec.Keys = c.strategy, c.keys
		if c.create {
			made := *spec.Table
			made.Name = "made_" + string(rune('a'+i))
			spec.Table, spec.Create = &made, true
		}
		result, err := load(t, r, spec, row(i, "a"))
		if err != nil || (len(result.Notes) > 0) != (c.says != "") {
			t.Fatalf("%+v: %v, %v", c, result.Notes, err)
		}
		if c.says != "" && (!strings.Contains(result.Notes[0], c.says) || !strings.Contains(result.Notes[0], "wrong results") || !strings.Contains(result.Notes[0], "(id)")) {
			t.Errorf("%+v: %v", c, result.Notes)
		}
	}
}

// Rows that are wider than what Redshift sorts are merged: their keys alone are
// sorted. Where it does not process rows at all, that is told as what it is.
func TestWideRows(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER, a VARCHAR(65535), b VARCHAR(65535))"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
		wide := strings.Repeat("x", 40000)
		rows := [][]schema.Value{row(1, wide, "first"), row(2, wide, wide), row(1, wide, wide), row(nil, "a", "n"), row(nil, "b", "n")}
		for _, c := range []struct{ duplicates, want string }{{"first", "1|40000|5\n2|40000|40000\n∅|1|1\n∅|1|1"}, {"", "1|40000|40000\n2|40000|40000\n∅|1|1\n∅|1|1\n∅|1|1\n∅|1|1"}} {
			spec.DuplicateKeys = c.duplicates
			if result, err := load(t, r, spec, rows...); err != nil || result.Deduplicated != 1 || result.Inserted+result.Updated != 4 {
				t.Fatalf("%+v, %v", result, err)
			}
			s.Want("SELECT id, length(a), length(b) FROM t ORDER BY id, a", c.want)
		}
		spec.DuplicateKeys = "fail"
		_, err := load(t, r, spec, rows...)
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Code != "duplicate_key" || e.Line != 4 || e.Value != "1" {
			t.Errorf("%v", err)
		}
		spec.DuplicateKeys = ""
		s.FailNext("MERGE", 1, etltest.FaultTooWide)
		_, err = load(t, r, spec, rows...)
		if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != "rows_too_wide" || !strings.Contains(e.Fix, "wide columns") {
			t.Errorf("%v", err)
		}
	})
}

// A table may be named as what a load names its own.
func TestTableNamedAsAnAlias(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE s (id INTEGER, name VARCHAR(10))", "CREATE TABLE t (id INTEGER, name VARCHAR(10))"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		for _, name := range []string{"s", "t"} {
			for _, columns := range [][]string{{"id", "name"}, {"id"}} {
				spec := specOf(t, r, name)
				spec.Columns = slices.DeleteFunc(slices.Clone(spec.Columns), func(c schema.Column) bool { return !slices.Contains(columns, c.Name) })
				spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
				for range 2 {
					if _, err := load(t, r, spec, row(len(columns), "a")[:len(columns)]); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				spec.DryRun, spec.Sample = true, 1
				if result, err := load(t, r, spec, row(len(columns), "a")[:len(columns)]); err != nil || result.Updated != 1 {
					t.Errorf("%s: %+v, %v", name, result, err)
				}
			}
			s.Want("SELECT id, name FROM "+name+" ORDER BY id", "1|∅\n2|a")
		}
	})
}

// Transactions that meet others time and again are tried longer, and then come
// back later: that is no failure of the load.
func TestConflictsThatLast(t *testing.T) {
	t.Parallel()
	for name := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec("CREATE TABLE t (id INTEGER)")
			r := eager(t, s, roadTo(t, name, s), time.Minute)
			spec := specOf(t, r, "t")
			chunk := etl.ChunkClaim{Attempt: 1, End: 10, Rows: 1}
			stageOne(t, r, "often", spec, chunk)
			const entry = `INTO "etl_portal"."loads"`
			s.FailNext(entry, 10, etltest.FaultSerialisation)
			_, err := r.Publish(t.Context(), "often", spec, []etl.ChunkClaim{chunk})
			if later, ok := errors.AsType[*etl.RetryAfter](err); !ok || later.Delay <= 0 {
				t.Errorf("%v", err)
			}
			s.FailNext(entry, 9, etltest.FaultSerialisation)
			if result, err := r.Publish(t.Context(), "often", spec, []etl.ChunkClaim{chunk}); err != nil || result.Inserted != 1 {
				t.Errorf("%+v, %v", result, err)
			}
			s.FailNext(entry, 25, etltest.FaultSerialisation)
			if result, err := load(t, r, spec, row(2)); err != nil || result.Inserted != 1 {
				t.Errorf("%+v, %v", result, err)
			}
			s.Want("SELECT id FROM t ORDER BY id", "1\n2")
		})
	}
}

// Whoever prepares a load does not wait for ever for the list of those that are open.
func TestOpenLoadsAreLocked(t *testing.T) {
	t.Parallel()
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER)")
	r := eager(t, s, impatientRoad(t, s), time.Minute)
	spec := specOf(t, r, "t")
	if err := r.Prepare(t.Context(), "first", spec); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"INSERT INTO etl_portal.stages VALUES ('other')", "LOCK TABLE etl_portal.stages"} {
		free := held(t, s, sql)
		err := r.Prepare(t.Context(), "second", spec)
		if later, ok := errors.AsType[*etl.RetryAfter](err); !ok || later.Delay <= 0 {
			t.Errorf("%v", err)
		}
		free()
	}
	if err := r.Prepare(t.Context(), "second", spec); err != nil {
		t.Error(err)
	}
}

// However a table is named, its loads have one lock.
func TestOneLockOfATable(t *testing.T) {
	each(t, nil, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		made := &schema.Table{Name: "made", Columns: []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}}}
		spec := etl.LoadSpec{Table: made, Columns: made.Columns, Strategy: etl.Insert, Create: true}
		if err := fanOut(t.Context(), r, "one", spec, row(1)); err != nil {
			t.Fatal(err)
		}
		table, err := r.Table(t.Context(), "public", "MADE")
		if err != nil {
			t.Fatal(err)
		}
		spec = etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert}
		if _, err := load(t, r, spec, row(2)); err != nil {
			t.Fatal(err)
		}
		s.Want("SELECT count(*) FROM pg_class WHERE relname LIKE 'target%'", "1")
		s.Want("SELECT count(*) FROM made", "2")
	})
}
