package destination_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

func TestInsertTruncateCreate(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY, v text)`, `INSERT INTO t VALUES (9, 'old')`)
	spec := d.spec("t")
	if result := d.load(spec, row(1, "a"), row(2, nil), row(3, ""), row(4, "d")); result.Inserted != 4 {
		t.Errorf("insert: got %+v", result)
	}
	d.want(`TABLE t ORDER BY id`, "1|a\n2|∅\n3|\n4|d\n9|old")
	spec.Strategy = etl.TruncateInsert
	if result := d.load(spec, row(5, "e")); result.Inserted != 1 {
		t.Errorf("truncate: got %+v", result)
	}
	d.want(`TABLE t`, "5|e")
	if result := d.load(spec); result.Inserted != 0 {
		t.Errorf("empty file: got %+v", result)
	}
	d.want(`TABLE t`, "")

	table := &schema.Table{Name: "New Table", Columns: []schema.Column{
		{Name: "id", Type: schema.Type{Kind: schema.BigInt}, NotNull: true}, {Name: "v", Type: schema.Type{Kind: schema.Text}},
	}}
	made := etl.LoadSpec{Table: table, Columns: table.Columns, Create: true, Strategy: etl.TruncateInsert}
	d.load(made, row(1, "x"))
	d.want(`TABLE "New Table"`, "1|x")
	_, err := load(t.Context(), d.p, made, row(1, "x"))
	if e := refusal(t, err); e.Code != "table_exists" || e.Kind != etl.Mistake {
		t.Errorf("got %v", err)
	}
	table.Name, made.Strategy, made.Keys = "merged", etl.Upsert, []string{"id"}
	if result := d.load(made, row(1, "x"), row(1, "y")); result.Inserted != 1 || result.Deduplicated != 1 || len(result.Notes) != 1 {
		t.Errorf("create and upsert: got %+v", result)
	}
	d.want(`TABLE merged`, "1|y")
	table.Schema, table.Name = "nowhere", "t"
	_, err = load(t.Context(), d.p, made)
	if e := refusal(t, err); e.Code != "schema_not_found" || !strings.Contains(e.Fix, `CREATE SCHEMA "nowhere"`) {
		t.Errorf("got %v", err)
	}
}

func TestBeginMistakes(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int NOT NULL, v text, g int GENERATED ALWAYS AS (id) STORED)`, `CREATE TABLE parent (id int PRIMARY KEY)`,
		`CREATE TABLE child (id int REFERENCES parent)`)
	base := d.spec("t")
	with := func(change func(s *etl.LoadSpec)) etl.LoadSpec {
		s := base
		change(&s)
		return s
	}
	column := func(name string, kind schema.Kind) schema.Column {
		return schema.Column{Name: name, Type: schema.Type{Kind: kind}}
	}
	emptied := d.spec("parent")
	emptied.Strategy = etl.TruncateInsert
	for _, c := range []struct {
		name string
		spec etl.LoadSpec
		code etl.Code
		says string
	}{
		{"no columns", with(func(s *etl.LoadSpec) { s.Columns = nil }), "no_columns", "no column"},
		{"unknown column", with(func(s *etl.LoadSpec) { s.Columns = []schema.Column{column("x", schema.Text)} }), "column_not_found", "no column x"},
		{"twice", with(func(s *etl.LoadSpec) { s.Columns = append(s.Columns, s.Columns[0]) }), "duplicate_column", "twice"},
		{"generated", with(func(s *etl.LoadSpec) { s.Columns = []schema.Column{column("g", schema.Integer)} }), "generated_column", "computed"},
		{"other type", with(func(s *etl.LoadSpec) { s.Columns = []schema.Column{column("id", schema.Text)} }), "table_changed", "integer, not text"},
		{"not null left out", with(func(s *etl.LoadSpec) { s.Columns = []schema.Column{column("v", schema.Text)} }), "not_null_unmapped", "id"},
		{"strategy", with(func(s *etl.LoadSpec) { s.Strategy = "MERGE" }), "unknown_strategy", "MERGE"},
		{"gone", with(func(s *etl.LoadSpec) { s.Table = &schema.Table{Schema: "public", Name: "tt"} }), "table_not_found", "Did you mean public.t?"},
		{"truncate of a referenced table", emptied, "truncate_refused", "foreign key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t.Context(), d.p, c.spec)
			if e := refusal(t, err); e.Kind != etl.Mistake || e.Code != c.code || !strings.Contains(e.Message+e.Fix, c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	d := newDatabase(t, `CREATE ROLE loader LOGIN PASSWORD 'x'`, `CREATE SCHEMA shop`, `CREATE TABLE shop.t (id int PRIMARY KEY, v text)`)
	t.Cleanup(func() { d.dropRoles("loader") })
	limited := *d
	limited.url = withURL(t, d.url, func(u *url.URL) { u.User = url.UserPassword("loader", "x") })
	limited.p = open(t, limited.url)
	base := limited.spec("shop.t")
	strategy := func(s etl.Strategy) etl.LoadSpec {
		spec := base
		spec.Strategy = s
		if s == etl.Upsert {
			spec.Keys = []string{"id"}
		}
		return spec
	}
	created := etl.LoadSpec{Table: &schema.Table{Schema: "shop", Name: "new", Columns: base.Columns}, Columns: base.Columns, Create: true, Strategy: etl.Insert}
	// Each statement that the error asks for is then run, and the next one is missing.
	for _, c := range []struct {
		spec etl.LoadSpec
		want []string
	}{
		{created, []string{`GRANT USAGE, CREATE ON SCHEMA "shop" TO "loader"`}},
		{strategy(etl.Insert), []string{`GRANT INSERT ON TABLE shop.t TO loader`}},
		{strategy(etl.Upsert), []string{`GRANT UPDATE ON TABLE shop.t TO loader`, `GRANT SELECT ON TABLE shop.t TO loader`}},
		{strategy(etl.TruncateInsert), []string{`GRANT TRUNCATE ON TABLE shop.t TO loader`}},
	} {
		for _, grant := range c.want {
			_, err := load(t.Context(), limited.p, c.spec, row(1, "x"))
			e := refusal(t, err)
			if e.Kind != etl.Mistake || e.Code != "permission_denied" || !strings.Contains(e.Fix, grant) {
				t.Fatalf("%s: got %v", c.spec.Strategy, err)
			}
			d.exec(strings.TrimPrefix(e.Fix, "Ask for: "))
		}
		limited.load(c.spec, row(1, "x"))
	}
	d.exec(`DO $$BEGIN EXECUTE format('REVOKE TEMP ON DATABASE %I FROM public', current_database()); END$$`)
	_, err := load(t.Context(), limited.p, strategy(etl.Upsert), row(1, "x"))
	if e := refusal(t, err); e.Code != "permission_denied" || !strings.Contains(e.Fix, "GRANT TEMPORARY ON DATABASE") {
		t.Errorf("got %v", err)
	}
	// Column privileges are enough.
	d.exec(`REVOKE INSERT ON shop.t FROM loader`)
	d.exec(`GRANT INSERT (id) ON shop.t TO loader`)
	d.exec(`TRUNCATE shop.t`)
	limited.load(limited.spec("shop.t", "id"), row(2))
	// With row security COPY is not possible, and the policy judges each row.
	d.exec(`DO $$BEGIN EXECUTE format('GRANT TEMP ON DATABASE %I TO public', current_database()); END$$`)
	d.exec(`ALTER TABLE shop.t ENABLE ROW LEVEL SECURITY`)
	d.exec(`CREATE POLICY own ON shop.t USING (id < 10)`)
	limited.load(limited.spec("shop.t", "id"), row(3))
	_, err = load(t.Context(), limited.p, limited.spec("shop.t", "id"), row(33))
	if e := refusal(t, err); e.Code != "row_security_violation" {
		t.Errorf("got %v", err)
	}
}

func TestManyColumns(t *testing.T) {
	d := newDatabase(t)
	wide := func(name string, n int) *schema.Table {
		table := &schema.Table{Name: name}
		for i := range n {
			table.Columns = append(table.Columns, schema.Column{Name: fmt.Sprintf("c%d", i), Type: schema.Type{Kind: schema.SmallInt}})
		}
		return table
	}
	one := make([]schema.Value, 1600)
	for i := range one {
		one[i] = row(1)[0]
	}
	table := wide("wide", 1600)
	d.load(etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert, Create: true}, one)
	d.exec(`CREATE TABLE other (id smallint PRIMARY KEY)`)
	d.exec(`ALTER TABLE wide ADD CONSTRAINT ref FOREIGN KEY (c7) REFERENCES other NOT VALID`)
	spec := d.spec("wide")
	for _, spec.Explain = range []bool{false, true} {
		_, err := load(t.Context(), d.p, spec, one)
		if _, asks := errors.AsType[*etl.NeedsExplain](err); asks {
			t.Error("a second load cannot tell more")
		}
		if e := refusal(t, err); e.Code != "foreign_key_violation" || e.Column != "c7" || e.Value != "1" || !strings.Contains(e.Message, "its line cannot be told") {
			t.Errorf("got column %q value %q: %v", e.Column, e.Value, err)
		}
	}
	spec.SkipRefused = true
	_, err := load(t.Context(), d.p, spec, one)
	if e := refusal(t, err); e.Code != "too_many_columns" || !strings.Contains(e.Message, "1602") || !strings.Contains(e.Fix, "1598") {
		t.Errorf("got %v", err)
	}
	table = wide("wider", 5000)
	_, err = load(t.Context(), d.p, etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert, Create: true})
	if e := refusal(t, err); e.Code != "too_many_columns" || !strings.Contains(e.Message, "5000 columns") || !strings.Contains(e.Fix, "fewer") {
		t.Errorf("got %v", err)
	}
	for _, create := range []bool{false, true} {
		table = &schema.Table{Schema: "pg_catalog", Name: "pg_class", Columns: wide("", 1).Columns}
		_, err = load(t.Context(), d.p, etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert, Create: create})
		if e := refusal(t, err); e.Code != "system_table" || !strings.Contains(e.Message, "not possible") {
			t.Errorf("got %v", err)
		}
	}
}

func TestDryRunLeavesNothing(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int CONSTRAINT first PRIMARY KEY, v int CHECK (v > 0))`, `INSERT INTO t VALUES (1, 1)`)
	spec := d.spec("t")
	spec.DryRun, spec.SkipRefused = true, true
	if result := d.load(spec, row(1, 2), row(2, 2), row(3, -3)); result.Inserted != 1 || len(etltest.Rejects(result.Refused)) != 2 {
		t.Errorf("insert: got %+v", result)
	}
	if result := d.load(upsert(spec, "id"), row(1, 2), row(2, 2), row(3, -3)); result.Inserted != 1 || result.Updated != 1 || len(etltest.Rejects(result.Refused)) != 1 {
		t.Errorf("upsert: got %+v", result)
	}
	// The dry run of TRUNCATE_INSERT locks nobody out.
	spec.Strategy = etl.TruncateInsert
	d.exec(`BEGIN`)
	d.ask(`TABLE t`)
	result := d.load(spec, row(1, 2), row(1, 2), row(3, -3))
	d.exec(`ROLLBACK`)
	if result.Inserted != 1 || len(etltest.Rejects(result.Refused)) != 2 || !strings.Contains(etltest.Rejects(result.Refused)[0].Reason, "constraint first") {
		t.Errorf("truncate: got %+v", result)
	}
	table := &schema.Table{Name: "new", Columns: []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}}}
	if result := d.load(etl.LoadSpec{Table: table, Columns: table.Columns, Create: true, Strategy: etl.Insert, DryRun: true}, row(1)); result.Inserted != 1 {
		t.Errorf("create: got %+v", result)
	}
	d.want(`TABLE t`, "1|1")
	d.want(`SELECT to_regclass('new')`, "∅")
}

func TestAbortLeavesNothing(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int)`, `INSERT INTO t VALUES (7)`)
	spec := d.spec("t")
	spec.Strategy = etl.TruncateInsert
	s, err := d.p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	_ = b.Append(row(1), 1, 1)
	if err := s.Write(t.Context(), b); err != nil || b.Rows() != 0 || b.Len() != 0 {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(s.Abort(cancelled), s.Abort(cancelled)); err != nil {
		t.Error(err)
	}
	d.want(`TABLE t`, "7")
	d.want(`SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND pid <> pg_backend_pid()`, "0")
}

// waitFor asks until the database gives the answer; the test's deadline ends it.
func (d *database) waitFor(sql, want string) {
	d.t.Helper()
	for d.ask(sql) != want {
		if d.t.Context().Err() != nil {
			d.t.Fatalf("%s never became %s", sql, want)
		}
	}
}

const loaders = `FROM pg_stat_activity WHERE application_name = 'etlportal' AND datname = current_database() AND state <> 'idle'`

func TestCancelWhileTheServerWaits(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int)`)
	spec := d.spec("t")
	d.exec(`BEGIN`)
	d.exec(`LOCK TABLE t`)
	s, err := d.p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error)
	go func() {
		_, err := send(ctx, s, row(1), row(2))
		finished <- err
	}()
	d.waitFor(`SELECT count(*) `+loaders+` AND wait_event_type = 'Lock'`, "1")
	cancel()
	if e := refusal(t, <-finished); e.Code != "cancelled" || e.Kind != etl.Weather {
		t.Errorf("got %v", e)
	}
	if err := s.Abort(ctx); err != nil {
		t.Error(err)
	}
	d.exec(`COMMIT`)
	d.waitFor(`SELECT count(*) `+loaders, "0")
	d.want(`SELECT count(*) FROM t`, "0")
}

func TestBackendIsTerminated(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY)`)
	for _, c := range []struct {
		name string
		spec etl.LoadSpec
		sent int // rows before the end of the backend
	}{
		{"at the start", d.spec("t"), 0},
		{"within the stream", d.spec("t"), 200_000},
		{"within a staged stream", upsert(d.spec("t"), "id"), 200_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := d.p.Begin(t.Context(), c.spec)
			if err != nil {
				t.Fatal(err)
			}
			b := s.NewBatch()
			fill := func(n int) error {
				for i := range n {
					if bad := b.Append(row(i), int64(i), int64(i)); bad != nil {
						t.Fatal(bad.Reason)
					}
					if b.Len() > 1<<16 {
						if err := s.Write(t.Context(), b); err != nil {
							return err
						}
					}
				}
				return s.Write(t.Context(), b)
			}
			if err := fill(c.sent); err != nil {
				t.Fatal(err)
			}
			if got := d.ask(`SELECT pg_terminate_backend(pid) ` + loaders); got != "t" {
				t.Fatalf("terminated: %q", got)
			}
			err = fill(1000)
			if err == nil {
				_, err = s.Finish(t.Context())
			}
			if e := refusal(t, err); e.Kind != etl.Weather {
				t.Errorf("got %v", err)
			}
			if err := s.Abort(t.Context()); err != nil {
				t.Error(err)
			}
			d.want(`SELECT count(*) FROM t`, "0")
			d.waitFor(`SELECT count(*) `+loaders, "0")
		})
	}
	// A connection that died while idle is replaced without a word.
	d.ask(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'etlportal' AND datname = current_database()`)
	if result := d.load(d.spec("t"), row(1)); result.Inserted != 1 {
		t.Errorf("got %+v", result)
	}
}

func TestServerCrashes(t *testing.T) {
	server := etltest.PostgresServer(t, nil)
	p := open(t, server.URL)
	table := &schema.Table{Name: "t", Columns: []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}}}
	spec := etl.LoadSpec{Table: table, Columns: table.Columns, Create: true, Strategy: etl.Insert}
	s, err := p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	_, err = send(t.Context(), s, row(1))
	if e := refusal(t, err); e.Kind != etl.Weather {
		t.Errorf("got %v", err)
	}
	_ = s.Abort(t.Context())
	_, err = p.Begin(t.Context(), spec)
	if e := refusal(t, err); e.Kind != etl.Weather || e.Code != "connection_refused" {
		t.Errorf("while it is down: got %v", err)
	}
	server.Start()
	if result, err := load(t.Context(), p, spec, row(1), row(2)); err != nil || result.Inserted != 2 {
		t.Errorf("after the restart: got %+v, %v", result, err)
	}
}

func TestOtherEncodings(t *testing.T) {
	d := newDatabase(t)
	name := strings.TrimPrefix(mustParse(t, d.url).Path, "/") + "_latin1"
	d.exec(`CREATE DATABASE ` + name + ` ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	latin := newDatabaseAt(t, withURL(t, d.url, func(u *url.URL) { u.Path = "/" + name }), `CREATE TABLE t (id int, v text)`)
	t.Cleanup(func() {
		if _, err := d.raw.Exec(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	})
	spec := latin.spec("t")
	latin.load(spec, row(1, "Zürich"))
	latin.want(`SELECT v, octet_length(v) FROM t`, "Zürich|6")
	_, err := load(t.Context(), latin.p, spec, row(1, "a"), row(2, "日本"))
	if e := refusal(t, err); e.Code != "untranslatable_character" || e.Kind != etl.Refused || e.Line != line(1) {
		t.Errorf("got line %d: %v", e.Line, err)
	}
	spec.SkipRefused = true
	result := latin.load(spec, row(1, "a"), row(2, "日本"), row(3, "ß"))
	if len(etltest.Rejects(result.Refused)) != 1 || etltest.Rejects(result.Refused)[0].Line != line(1) || etltest.Rejects(result.Refused)[0].Column != "v" {
		t.Errorf("got %+v", result)
	}
	latin.want(`SELECT count(*) FROM t`, "3")
}

func TestTwoLoadsAtOnce(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int)`)
	spec := d.spec("t")
	one, err := d.p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	two, err := d.p.Begin(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	foreign := one.NewBatch()
	_ = foreign.Append(row(1), 1, 1)
	if err := two.Write(t.Context(), foreign); err == nil {
		t.Error("a batch of another load was taken")
	}
	for i, s := range []etl.LoadSession{one, two} {
		if _, err := send(t.Context(), s, row(i)); err != nil {
			t.Error(err)
		}
	}
	d.want(`SELECT id FROM t ORDER BY 1`, "0\n1")
}

func TestIdentityAlwaysTakesGivenValues(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)`)
	spec := d.spec("t", "id", "v")
	d.load(spec, row(5, "a"))
	spec.Explain = true
	d.load(spec, row(6, "b"))
	d.load(upsert(spec, "id"), row(6, "c"), row(7, "d"))
	d.want(`TABLE t ORDER BY id`, "5|a\n6|c\n7|d")
}

func mustParse(t *testing.T, at string) *url.URL {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func ExampleOpenPostgres() {
	_, err := destination.OpenPostgres(context.Background(), "postgres://me:p/w@db.example.com/sales", destination.Options{})
	fmt.Println(err)
	// Output: the destination's URL cannot be read: its port is not a number, or a character needs encoding. Write it as postgres://user:password@host:5432/database, with the characters /:?#[]@% in user and password percent-encoded.
}
