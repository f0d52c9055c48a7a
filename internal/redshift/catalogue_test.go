package redshift_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// as runs a test over both roads, as a user who owns nothing; in statements
// USER stands for the user's name.
func as(t *testing.T, statements []string, test func(*testing.T, *etltest.RedshiftServer, *redshift.Redshift, string)) {
	t.Helper()
	for name, connect := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			user := s.Limited()
			for _, sql := range statements {
				s.Exec(strings.ReplaceAll(sql, "USER", user))
			}
			road, err := connect(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			test(t, s, over(t, s, road), user)
		})
	}
}

// Keys are known of tables that belong to others, as most tables do.
func TestKeysOfOthers(t *testing.T) {
	as(t, []string{"CREATE TABLE t (a INTEGER, b INTEGER, c VARCHAR(10), PRIMARY KEY (b, a), UNIQUE (c))", "CREATE TABLE u (x INTEGER UNIQUE)"},
		func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift, _ string) {
			t.Helper()
			table, err := r.Table(t.Context(), "public", "t")
			if err != nil {
				t.Fatal(err)
			}
			want := []schema.Index{{Name: "t_c_key", Columns: []string{"c"}}, {Name: "t_pkey", Primary: true, Columns: []string{"a", "b"}}}
			if !slices.EqualFunc(table.Unique, want, func(a, b schema.Index) bool {
				return a.Name == b.Name && a.Primary == b.Primary && slices.Equal(a.Columns, b.Columns)
			}) {
				t.Errorf("%+v", table.Unique)
			}
		})
}

// Tables are listed of a schema that the user may not use, and with names of
// capitals; nobody is told that rows could be put there.
func TestTablesOfOthers(t *testing.T) {
	as(t, []string{"CREATE SCHEMA closed", "CREATE TABLE closed.t (a INTEGER)", "GRANT INSERT ON closed.t TO USER", "CREATE SCHEMA shop", "GRANT USAGE ON SCHEMA shop TO USER", "CREATE TABLE shop.open (a INTEGER)", "GRANT INSERT ON shop.open TO USER", "CREATE VIEW shop.seen AS SELECT 1 AS a"},
		func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, user string) {
			t.Helper()
			s.ExecCaseSensitive(`CREATE TABLE shop."Orders" (a INTEGER)`, `GRANT INSERT ON shop."Orders" TO `+user, `CREATE TABLE shop."Closed" (a INTEGER)`)
			for in, want := range map[string][]etl.TableInfo{
				"closed": {{Schema: "closed", Name: "t", Kind: "table", Rows: -1}},
				"shop": {
					{Schema: "shop", Name: "Closed", Kind: "table", Rows: -1},
					{Schema: "shop", Name: "Orders", Kind: "table", Rows: -1, CanInsert: true},
					{Schema: "shop", Name: "open", Kind: "table", Rows: -1, CanInsert: true},
				},
			} {
				if got, err := r.Tables(t.Context(), in); err != nil || !slices.Equal(got, want) {
					t.Errorf("%s: %+v, %v", in, got, err)
				}
			}
		})
}

// A view is told from a table before anything is staged for it.
func TestViewIsNoTable(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER)", "CREATE VIEW seen AS SELECT id FROM t"}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		view := *spec.Table
		view.Name, spec.Table = "seen", &view
		_, described := r.Table(t.Context(), "public", "seen")
		_, begun := r.Begin(t.Context(), spec)
		for what, err := range map[string]error{"Table": described, "Begin": begun, "Prepare": r.Prepare(t.Context(), "view", spec)} {
			if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != "not_a_table" || !strings.Contains(e.Message, "seen is a view") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Schemas are those in which a load may be, with what the user may do there.
func TestSchemas(t *testing.T) {
	as(t, []string{"CREATE SCHEMA shop", "GRANT CREATE ON SCHEMA shop TO USER", "CREATE SCHEMA closed", "CREATE SCHEMA etl_portal", "CREATE SCHEMA lake", "INSERT INTO pg_external_schema SELECT oid FROM pg_namespace WHERE nspname = 'lake'"},
		func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift, _ string) {
			t.Helper()
			got, err := r.Schemas(t.Context())
			want := []etl.SchemaInfo{{Name: "public", CanCreate: true, Default: true}, {Name: "closed"}, {Name: "shop", CanCreate: true}}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
}

// A second user is told which GRANTs make the ledgers of the first one its own, too.
func TestPrivilegesOfSecondUser(t *testing.T) {
	t.Parallel()
	ledgers := []string{
		"CREATE SCHEMA etl_portal",
		"CREATE TABLE etl_portal.loads (load VARCHAR(64) NOT NULL, target VARCHAR(512), staged BIGINT, inserted BIGINT, updated BIGINT, refused VARCHAR(65535), notes VARCHAR(65535), at TIMESTAMP)",
		"CREATE TABLE etl_portal.stages (load VARCHAR(64) NOT NULL)", "GRANT USAGE, CREATE ON SCHEMA etl_portal TO USER",
	}
	for name, c := range map[string]struct {
		made []string
		held bool
		// grants are parts of what is to be granted.
		grants []string
	}{
		"nothing made, and nothing may be":       {nil, false, []string{"GRANT CREATE ON DATABASE"}},
		"nothing made":                           {[]string{"GRANT CREATE ON DATABASE DATABASE TO USER"}, true, nil},
		"schema of its own, still empty":         {[]string{"CREATE SCHEMA etl_portal AUTHORIZATION USER"}, true, nil},
		"schema of another, not even to be used": {[]string{"CREATE SCHEMA etl_portal"}, false, []string{"GRANT USAGE, CREATE ON SCHEMA etl_portal TO USER;"}},
		"tables of another": {
			append(ledgers, "GRANT SELECT, INSERT ON etl_portal.loads TO USER"),
			false,
			[]string{"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA etl_portal TO USER;", "ALTER DEFAULT PRIVILEGES FOR USER OWNER IN SCHEMA etl_portal GRANT SELECT, INSERT, DELETE ON TABLES TO USER;"},
		},
		"tables of another that are shared": {
			append(ledgers, "GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA etl_portal TO USER"),
			true, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			as(t, []string{"CREATE TABLE t (id INTEGER)", "GRANT ALL ON t TO USER"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, user string) {
				t.Helper()
				names := namesIn(t, s, user)
				for _, sql := range c.made {
					s.Exec(names.Replace(sql))
				}
				got, err := r.Privileges(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got[0].Name != "create" || got[0].Held != c.held || !got[0].Required {
					t.Errorf("%+v", got[0])
				}
				for _, part := range c.grants {
					if !strings.Contains(got[0].Grant, names.Replace(part)) {
						t.Errorf("%q is not in %q", names.Replace(part), got[0].Grant)
					}
				}
				// What was said is so.
				if err := r.Prepare(t.Context(), "l", specOf(t, r, "t")); (err == nil) != c.held {
					t.Errorf("preparing a load: %v", err)
				}
			})
		})
	}
}

// What identities and VARBYTE columns are, their defaults and lengths tell.
func TestColumns(t *testing.T) {
	each(t, []string{"CREATE TABLE t (a BIGINT IDENTITY(1, 1), d BIGINT GENERATED BY DEFAULT AS IDENTITY(1, 1), b VARBYTE(4), n INTEGER DEFAULT 7)"},
		func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
			t.Helper()
			table, err := r.Table(t.Context(), "", "t")
			if err != nil {
				t.Fatal(err)
			}
			c := table.Columns
			if c[0].Identity != "always" || c[1].Identity != "by default" || c[0].Default != "" || c[1].Default != "" || c[3].Identity != "" || c[3].Default != "7" {
				t.Errorf("%+v", c)
			}
			if c[2].Type.Length != 4 {
				t.Errorf("%+v", c[2])
			}
			spec := etl.LoadSpec{Table: table, Columns: c[2:3], Strategy: etl.Insert}
			if _, err := load(t, r, spec, row(schema.Value{Kind: schema.VBytes, Bytes: []byte("12345")})); err == nil || !strings.Contains(err.Error(), "column b takes 4") {
				t.Errorf("five bytes in VARBYTE(4): %v", err)
			}
			if _, err := load(t, r, spec, row(schema.Value{Kind: schema.VBytes, Bytes: []byte("1234")})); err != nil {
				t.Error(err)
			}
			s.Want("SELECT FROM_VARBYTE(b, 'hex') FROM t", "31323334")
		})
}

// A table that is there is shown as it is: with the lengths that it has, in
// bytes, and nothing about it that was not read.
func TestTableSQL(t *testing.T) {
	each(t, []string{
		`CREATE TABLE t (id BIGINT IDENTITY(1, 1), d BIGINT GENERATED BY DEFAULT AS IDENTITY(1, 1), name VARCHAR(16) NOT NULL, c CHAR(3), n NUMERIC(7,2) DEFAULT 7, at TIMESTAMP, doc SUPER, b VARBYTE(4), f DOUBLE PRECISION, "order" BOOLEAN, PRIMARY KEY (id), UNIQUE (name))`,
	}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		table, err := r.Table(t.Context(), "", "t")
		if err != nil {
			t.Fatal(err)
		}
		want := `CREATE TABLE "public"."t" (
  "id" BIGINT IDENTITY NOT NULL,
  "d" BIGINT GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  "name" VARCHAR(16) NOT NULL,
  "c" CHAR(3),
  "n" NUMERIC(7,2) DEFAULT 7,
  "at" TIMESTAMP,
  "doc" SUPER,
  "b" VARBYTE(4),
  "f" DOUBLE PRECISION,
  "order" BOOLEAN,
  UNIQUE ("name"),
  PRIMARY KEY ("id")
)`
		if got := etl.TableSQL(r, table); got != want {
			t.Errorf("%s", got)
		}
	})
}
