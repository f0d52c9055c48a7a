package destination_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

// refusals: a table, its good row 0, a row that it refuses, and why.
var refusals = []struct {
	name    string
	setup   []string
	good    []schema.Value
	bad     []schema.Value
	code    etl.Code
	column  string
	value   string
	reason  string
	explain bool // only a second, explaining load can name the row
}{
	{
		name: "unique", setup: []string{`CREATE TABLE t (id int CONSTRAINT sales_pkey PRIMARY KEY, v int)`, `INSERT INTO t VALUES (7, 1)`},
		good: row(1, 2), bad: row(7, 2), code: "unique_violation", column: "id", value: "7", reason: "key (id)=(7) already exists (constraint sales_pkey)",
	},
	{
		name: "unique index over two", setup: []string{`CREATE TABLE t (id int, v text)`, `CREATE UNIQUE INDEX two ON t (v, id)`, `INSERT INTO t VALUES (7, 'x')`},
		good: row(1, "x"), bad: row(7, "x"), code: "unique_violation", column: "v, id", value: "x, 7", reason: "key (v, id)=(x, 7) already exists (constraint two)",
	},
	{
		name: "unique expression", setup: []string{`CREATE TABLE t (id int, v text)`, `CREATE UNIQUE INDEX low ON t (lower(v))`, `INSERT INTO t VALUES (7, 'x')`},
		good: row(1, "y"), bad: row(2, "X"), code: "unique_violation", column: "v", value: "X", reason: "(lower(v))=(x)",
	},
	{
		name: "not null", setup: []string{`CREATE TABLE t (id int, v int NOT NULL)`},
		good: row(1, 2), bad: row(7, nil), code: "not_null_violation", column: "v", reason: `column "v" takes no NULL`,
	},
	{
		name: "check", setup: []string{`CREATE TABLE t (id int, v int CONSTRAINT few CHECK (v > 0))`},
		good: row(1, 2), bad: row(7, -1), code: "check_violation", column: "v", value: "-1", reason: "(v)=(-1) does not meet CHECK ((v > 0)) (constraint few)",
	},
	{
		name: "check over two", setup: []string{`CREATE TABLE t (id int, v int, CONSTRAINT less CHECK (v > id))`},
		good: row(1, 2), bad: row(7, 1), code: "check_violation", column: "v, id", value: "1, 7", reason: "(v, id)=(1, 7) does not meet",
	},
	{
		name: "foreign key", setup: []string{`CREATE TABLE other (id int PRIMARY KEY)`, `INSERT INTO other VALUES (2)`, `CREATE TABLE t (id int, v int CONSTRAINT ref REFERENCES other)`},
		good: row(1, 2), bad: row(7, 99), code: "foreign_key_violation", column: "v", value: "99", reason: "key (v)=(99) is not in table other (constraint ref)", explain: true,
	},
	{
		name:  "deferred foreign key",
		setup: []string{`CREATE TABLE other (id int PRIMARY KEY)`, `INSERT INTO other VALUES (2)`, `CREATE TABLE t (id int, v int CONSTRAINT ref REFERENCES other DEFERRABLE INITIALLY DEFERRED)`},
		good:  row(1, 2), bad: row(7, 99), code: "foreign_key_violation", column: "v", value: "99", reason: "key (v)=(99) is not in table other (constraint ref)", explain: true,
	},
	{
		name: "deferred unique", setup: []string{`CREATE TABLE t (id int, v int CONSTRAINT later UNIQUE DEFERRABLE INITIALLY DEFERRED)`, `INSERT INTO t VALUES (1, 3)`},
		good: row(1, 2), bad: row(7, 3), code: "unique_violation", column: "v", value: "3", reason: "key (v)=(3) already exists (constraint later)", explain: true,
	},
	{
		name: "exclusion", setup: []string{`CREATE TABLE t (id int, v int, CONSTRAINT apart EXCLUDE USING btree (v WITH =))`, `INSERT INTO t VALUES (1, 3)`},
		good: row(1, 2), bad: row(7, 3), code: "exclusion_violation", column: "v", value: "3", reason: "key (v)=(3) conflicts with an existing one (constraint apart)",
	},
	{
		name: "domain", setup: []string{`CREATE DOMAIN positive AS int CHECK (VALUE > 0)`, `CREATE TABLE t (id int, v positive)`},
		good: row(1, 2), bad: row(7, -1), code: "check_violation", column: "v", value: "-1", reason: "positive",
	},
	{
		name: "trigger", setup: []string{
			`CREATE TABLE t (id int, v int)`,
			`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.v = 13 THEN RAISE 'bad luck'; END IF; RETURN NEW; END$$`,
			`CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()`,
		},
		good: row(1, 2), bad: row(7, 13), code: "refused_by_trigger", reason: "bad luck",
	},
	{
		name: "partition", setup: []string{`CREATE TABLE t (id int, v int) PARTITION BY RANGE (v)`, `CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)`},
		good: row(1, 2), bad: row(7, 13), code: "check_violation", column: "v", value: "13", reason: "no partition of the table takes (v)=(13)",
	},
	{
		name: "jsonb", setup: []string{`CREATE TABLE t (id int, v jsonb)`},
		good: row(1, "{}"), bad: row(7, `"\u0000"`), code: "untranslatable_character", column: "v", value: `"\u0000"`, reason: "\\u0000",
	},
	{
		name: "array", setup: []string{`CREATE TABLE t (id int, v int[])`},
		good: row(1, "{1,2}"), bad: row(7, "{1"), code: "invalid_value", column: "v", value: "{1", reason: "array",
	},
	{
		name: "enum", setup: []string{`CREATE TYPE mood AS ENUM ('ok')`, `CREATE TABLE t (id int, v mood, w int[])`},
		good: row(1, "ok", "{}"), bad: row(7, "great", "{}"), code: "invalid_value", column: "v", value: "great", reason: "great",
	},
	{
		name: "bit", setup: []string{`CREATE TABLE t (id int, v bit(3))`},
		good: row(1, "101"), bad: row(7, "10101"), code: "invalid_value", column: "v", value: "10101", reason: "bit",
	},
	{
		name: "trigger with a state of its own", setup: []string{
			`CREATE TABLE t (id int, v int)`,
			`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.v = 13 THEN RAISE 'bad luck' USING ERRCODE = 'AB123'; END IF; RETURN NEW; END$$`,
			`CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()`,
		},
		good: row(1, 2), bad: row(7, 13), code: "refused_by_trigger", reason: "bad luck",
	},
	{
		name: "too long for its index", setup: []string{`CREATE TABLE t (id int, v text)`, `CREATE INDEX ON t (v)`, `ALTER TABLE t ADD CHECK (id > 0)`},
		good: row(1, "short"), bad: row(7, incompressible(20_000)), code: "too_long", reason: "index",
	},
	{
		name: "tsvector", setup: []string{`CREATE TABLE t (id int, v tsvector)`},
		good: row(1, "a b"), bad: row(7, `'a`), code: "invalid_value", column: "v", value: `'a`, reason: "tsvector",
	},
	{
		name: "jsonpath", setup: []string{`CREATE TABLE t (id int, v jsonpath)`},
		good: row(1, "$.a"), bad: row(7, `$$$`), code: "invalid_value", column: "v", value: `$$$`, reason: "jsonpath",
	},
	{
		name: "xml", setup: []string{`CREATE TABLE t (id int, v xml)`},
		good: row(1, "<a/>"), bad: row(7, "<a>\n<b"), code: "invalid_value", column: "v", value: "<a>\n<b", reason: "XML",
	},
	{
		name: "deep JSON", setup: []string{`CREATE TABLE t (id int, v jsonb)`},
		good: row(1, "[]"), bad: row(7, strings.Repeat("[", 50_000)+strings.Repeat("]", 50_000)), code: "invalid_value",
		column: "v", value: strings.Repeat("[", 200) + "…", reason: "stack depth",
	},
	{
		name: "trigger with a hint", setup: []string{
			`CREATE TABLE t (id int, v int)`,
			`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.v = 13 THEN RAISE E'bad\nluck' USING HINT = 'Try 14.'; END IF; RETURN NULL; END$$`,
			`CREATE TRIGGER no AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()`,
		},
		good: row(1, 2), bad: row(7, 13), code: "refused_by_trigger", reason: "bad luck; hint: Try 14", explain: true,
	},
	{
		name: "hostile names", setup: []string{
			`CREATE TABLE t (id int, "v'); DROP TABLE t; --" text, CONSTRAINT "$$ 'x' %s" UNIQUE ("v'); DROP TABLE t; --"))`,
			`INSERT INTO t VALUES (1, '$etlportal$')`,
		},
		good: row(1, "'"), bad: row(7, "$etlportal$"), code: "unique_violation", column: `v'); DROP TABLE t; --`, value: "$etlportal$", reason: `constraint $$ 'x' %s`,
	},
}

func incompressible(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	return b.String()
}

// around puts the bad row in the third place.
func around(good, bad []schema.Value, unique bool) [][]schema.Value {
	rows := [][]schema.Value{good, good, bad, good}
	if unique {
		rows = [][]schema.Value{good, bad}
	}
	return rows
}

func isUnique(code etl.Code) bool { return code == "unique_violation" || code == "exclusion_violation" }

func TestRefusedRowIsNamed(t *testing.T) {
	shared := newDatabase(t)
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			d := *shared
			d.t = t
			for _, sql := range append([]string{`DROP SCHEMA public CASCADE`, `CREATE SCHEMA public`}, c.setup...) {
				d.exec(sql)
			}
			before := d.ask(`TABLE t`)
			rows := around(c.good, c.bad, isUnique(c.code))
			badLine := line(slices.IndexFunc(rows, func(r []schema.Value) bool { return &r[0] == &c.bad[0] }))

			spec := d.spec("t")
			_, err := load(t.Context(), d.p, spec, rows...)
			if needs, ok := errors.AsType[*etl.NeedsExplain](err); ok != c.explain {
				t.Errorf("plain load: got %v, needs explanation %v", err, needs)
			}
			if e := refusal(t, err); e.Kind != etl.Refused || e.Code != c.code || !c.explain && e.Line != badLine || e.Column != c.column && e.Column != "" {
				t.Errorf("plain load: got %s line %d column %q: %v", e.Code, e.Line, e.Column, e)
			}
			d.want(`TABLE t`, before)

			spec.Explain = true
			_, err = load(t.Context(), d.p, spec, rows...)
			e := refusal(t, err)
			if e.Kind != etl.Refused || e.Code != c.code || e.Line != badLine || e.Column != c.column || e.Value != c.value || !strings.Contains(e.Message, c.reason) ||
				!strings.Contains(e.Message, c.column) || strings.Contains(e.Error(), "\n") || !strings.Contains(e.Fix, "--rejects FILE") {
				t.Errorf("explained: got %s line %d column %q value %q: %v", e.Code, e.Line, e.Column, e.Value, e)
			}
			d.want(`TABLE t`, before)

			spec.Explain, spec.SkipRefused = false, true
			result := d.load(spec, rows...)
			if len(etltest.Rejects(result.Refused)) != 1 || result.Inserted != int64(len(rows)-1) {
				t.Fatalf("skip: got %+v", result)
			}
			r := etltest.Rejects(result.Refused)[0]
			if r.Line != badLine || r.Record != badLine/2 || r.Code != c.code || r.Column != c.column || r.Value != c.value || !strings.Contains(r.Reason, c.reason) {
				t.Errorf("skip: got %+v", r)
			}
			if got, want := strings.Count(d.ask(`TABLE t`), "\n"), strings.Count(before, "\n")+len(rows)-1; before != "" && got != want {
				t.Errorf("skip: %d rows more, want %d", got, want)
			}
		})
	}
}

// Rows that exclude each other within the file: the first one wins, whatever
// the ranges are in which they are tried.
func TestSkipMatchesModel(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE m (a int UNIQUE, b int UNIQUE, v int CHECK (v < 10))`)
	base := d.spec("m")
	base.SkipRefused = true
	rapid.Check(t, func(rt *rapid.T) {
		d.exec(`TRUNCATE m`)
		d.exec(`INSERT INTO m VALUES (1000, 1000, 0)`)
		seenA, seenB := map[int]bool{1000: true}, map[int]bool{1000: true}
		var rows [][]schema.Value
		var want []int64
		n := rapid.SampledFrom([]int{5, 300, 1100}).Draw(rt, "n")
		seed := rapid.IntRange(1, 1<<20).Draw(rt, "seed")
		density := rapid.SampledFrom([]int{2, 50, 4000}).Draw(rt, "density")
		for i := range n {
			// A cheap deterministic sequence: drawing thousands of values would drown the shrinker.
			seed = (seed*1103515245 + 12345) & 0x7fffffff
			a, b, v := i+2000, i+2000, 1
			switch pick := (seed >> 8) % (density * 3); pick {
			case 0:
				a = (seed >> 12) % (i + 1001)
			case 1:
				b = (seed >> 12) % (i + 1001)
			case 2:
				v = 10
			}
			rows = append(rows, row(a, b, v))
			if seenA[a] || seenB[b] || v == 10 {
				want = append(want, line(i))
				continue
			}
			seenA[a], seenB[b] = true, true
		}
		result := d.load(base, rows...)
		var got []int64
		for _, r := range etltest.Rejects(result.Refused) {
			got = append(got, r.Line)
		}
		if !slices.Equal(got, want) || result.Inserted != int64(n-len(want)) {
			rt.Fatalf("refused lines\n got %v\nwant %v\n%+v", got, want, result.Inserted)
		}
	})
}

// A cast to name would cut it short without a word.
func TestNamesTooLong(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (v name, w int[])`)
	for _, spec := range []etl.LoadSpec{d.spec("t", "v"), d.spec("t")} {
		s, err := d.p.Begin(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		for n, code := range map[int]etl.Code{63: "", 64: "too_long"} {
			bad := s.NewBatch().Append(row(strings.Repeat("x", n), "{}")[:len(spec.Columns)], 5, 4)
			if (bad != nil) != (code != "") || bad != nil && (bad.Code != code || bad.Line != 5 || bad.Column != "v") {
				t.Errorf("%d bytes: got %+v", n, bad)
			}
		}
		if err := s.Abort(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Foreign keys fail at the end of a statement, checks on the way.
func TestSkipAmongMany(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE other (id int PRIMARY KEY)`, `INSERT INTO other VALUES (1)`,
		`CREATE TABLE many (id int PRIMARY KEY, v int REFERENCES other, w int CHECK (w > 0))`)
	spec := d.spec("many")
	spec.SkipRefused = true
	var rows [][]schema.Value
	var want []int64
	for i := range 5000 {
		r := row(i, 1, 1)
		switch {
		case i%1100 == 7:
			r = row(i, 2, 1)
		case i%900 == 8, i > 4900 && i%2 == 0:
			r = row(i, 1, 0)
		case i%700 == 9:
			r = row(i-9, 1, 1)
		default:
			want = append(want, int64(i))
		}
		rows = append(rows, r)
	}
	result := d.load(spec, rows...)
	if result.Inserted != int64(len(want)) || len(etltest.Rejects(result.Refused)) != len(rows)-len(want) {
		t.Errorf("inserted %d of %d, refused %d", result.Inserted, len(want), len(etltest.Rejects(result.Refused)))
	}
	if !slices.IsSortedFunc(etltest.Rejects(result.Refused), func(a, b etl.Reject) int { return int(a.Line - b.Line) }) {
		t.Error("the refused rows are not in file order")
	}
	d.want(`SELECT count(*) FROM many`, fmt.Sprint(len(want)))
}

func TestRowSecurityRefusesRows(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE guarded (id int, v int)`, `ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`,
		`CREATE POLICY own ON guarded USING (id < 10)`, `ALTER TABLE guarded FORCE ROW LEVEL SECURITY`,
		`DROP ROLE IF EXISTS guarded_loader`, `CREATE ROLE guarded_loader LOGIN PASSWORD 'x'`, `GRANT SELECT, INSERT ON guarded TO guarded_loader`)
	t.Cleanup(func() {
		if _, err := d.raw.Exec(context.Background(), `DROP OWNED BY guarded_loader; DROP ROLE guarded_loader`); err != nil {
			t.Error(err)
		}
	})
	limited := newDatabaseAt(t, withURL(t, d.url, func(u *url.URL) { u.User = url.UserPassword("guarded_loader", "x") }))
	spec := limited.spec("guarded")
	rows := [][]schema.Value{row(1, 1), row(33, 1), row(2, 2)}
	_, err := load(t.Context(), limited.p, spec, rows...)
	if e := refusal(t, err); e.Kind != etl.Refused || e.Code != "row_security_violation" || e.Line != line(1) {
		t.Errorf("got %v", err)
	}
	spec.SkipRefused = true
	if result := limited.load(spec, rows...); result.Inserted != 2 || len(etltest.Rejects(result.Refused)) != 1 || etltest.Rejects(result.Refused)[0].Line != line(1) {
		t.Errorf("got %+v", result)
	}
}

// A row may refer to one that comes later in the file, as it may in one INSERT.
func TestSkipWithinATree(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree)`)
	spec := d.spec("tree")
	spec.SkipRefused = true
	const n = 600
	var rows [][]schema.Value
	for i := range n {
		rows = append(rows, row(i, i+1)) // each one's parent comes next
	}
	rows = append(rows, row(n, nil), row(n, nil), row(n+1, n+2), row(n+2, 99_999))
	result := d.load(spec, rows...)
	var lines []int64
	for _, r := range etltest.Rejects(result.Refused) {
		lines = append(lines, r.Line)
	}
	if result.Inserted != n+1 || !slices.Equal(lines, []int64{line(n + 1), line(n + 2), line(n + 3)}) {
		t.Errorf("inserted %d, refused lines %v", result.Inserted, lines)
	}
	spec.SkipRefused, spec.Explain = false, true
	d.exec(`TRUNCATE tree`)
	_, err := load(t.Context(), d.p, spec, row(1, 2), row(2, nil), row(3, 4))
	if e := refusal(t, err); e.Code != "foreign_key_violation" || e.Line != line(2) {
		t.Errorf("got line %d: %v", e.Line, err)
	}
}

func TestSkipStopsWhenToldSo(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY)`)
	spec := d.spec("t")
	spec.SkipRefused = true
	enough := errors.New("enough")
	var asked []int64
	spec.AllowRefused = func(found int64) error {
		asked = append(asked, found)
		if found > 2 {
			return enough
		}
		return nil
	}
	_, err := load(t.Context(), d.p, spec, row(1), row(1), row(1), row(1), row(1))
	if !errors.Is(err, enough) || fmt.Sprint(asked) != "[1 2 3]" {
		t.Errorf("got %v after %v", err, asked)
	}
	d.want(`SELECT count(*) FROM t`, "0")
	if result := d.load(spec, row(1), row(1), row(1)); result.Inserted != 1 || len(etltest.Rejects(result.Refused)) != 2 {
		t.Errorf("got %+v", result)
	}
}

func TestSkipUnderUpsert(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v > 0), u int UNIQUE)`, `INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)`)
	spec := upsert(d.spec("t"), "id")
	spec.SkipRefused = true
	result := d.load(spec, row(1, 5, 1), row(2, -1, 2), row(3, 3, 1), row(4, 4, 4), row(4, 5, 5))
	if result.Inserted != 1 || result.Updated != 1 || result.Deduplicated != 1 || len(etltest.Rejects(result.Refused)) != 2 {
		t.Fatalf("got %+v", result)
	}
	if a, b := etltest.Rejects(result.Refused)[0], etltest.Rejects(result.Refused)[1]; a.Line != line(1) || a.Code != "check_violation" || b.Line != line(2) || b.Code != "unique_violation" {
		t.Errorf("got %+v", etltest.Rejects(result.Refused))
	}
	d.want(`TABLE t ORDER BY 1`, "1|5|1\n2|2|2\n4|5|5")
}

// A trigger that drops rows without a word must not make the counts wrong.
func TestSuppressedRows(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (id int PRIMARY KEY)`,
		`CREATE FUNCTION drop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END$$`,
		`CREATE TRIGGER drop BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION drop()`)
	plain := d.spec("t")
	explained, merged, skipping := plain, upsert(plain, "id"), plain
	explained.Explain, skipping.SkipRefused = true, true
	for name, spec := range map[string]etl.LoadSpec{"direct": plain, "staged": explained, "upsert": merged, "skip": skipping} {
		_, err := load(t.Context(), d.p, spec, row(1), row(2), row(3))
		if e := refusal(t, err); e.Code != "rows_suppressed" || !strings.Contains(e.Message, "kept 1 of 3 rows out") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	d.want(`SELECT count(*) FROM t`, "0")
}

// What is held of refused rows does not grow with them, be they refused at once
// or after all others, for a parent that never comes.
func TestRefusedRowsAreNotHeld(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree, v int CHECK (v > 0))`, `INSERT INTO tree VALUES (0, NULL, 1)`)
	spec := d.spec("tree")
	spec.SkipRefused = true
	const n = 10_000
	for name, refuse := range map[string]func(i int) []schema.Value{
		"check":  func(i int) []schema.Value { return row(i, 0, 0) },
		"parent": func(i int) []schema.Value { return row(i, -i, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			rows := make([][]schema.Value, n)
			for i := range rows {
				rows[i] = refuse(i + 1)
			}
			before := held()
			result := d.load(spec, rows...)
			if grown := held() - before; grown > 3<<20 {
				t.Errorf("%d bytes are held of %d refused rows", grown, n)
			}
			all := etltest.Rejects(result.Refused)
			if result.Inserted != 0 || result.Refused.Len() != n || len(all) != n || all[0].Line != line(0) || all[n-1].Line != line(n-1) {
				t.Errorf("%+v, %d refused", result, len(all))
			}
			if err := result.Refused.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// held is how many bytes are.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Refused rows of a published load come again, however many they are.
func TestManyRefusedArePublishedOnce(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int, name text CHECK (name <> 'bad'))")
	spec := d.spec("t")
	spec.SkipRefused = true
	rows := [][]schema.Value{row(1, "good")}
	for i := range 3000 {
		rows = append(rows, row(i, "bad"))
	}
	pieces := []piece{{1, rows}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	var first []etl.Reject
	for range 2 {
		result, err := d.p.Publish(t.Context(), theLoad, spec, claims(pieces))
		if err != nil || result.Inserted != 1 || result.Refused.Len() != 3000 {
			t.Fatalf("%+v, %v", result, err)
		}
		all := etltest.Rejects(result.Refused)
		if first == nil {
			first = all
		}
		if !reflect.DeepEqual(all, first) {
			t.Errorf("%d rows came again, not %d, or others", len(all), len(first))
		}
	}
	d.want("SELECT count(*) > 2, max(length(result::text)) < 1000000 FROM etl_portal.loads", "t|t")
}

// Of what a load does not want kept the number alone is.
func TestRefusedRowsAreCounted(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int, name text CHECK (name <> 'bad'))")
	spec := d.spec("t")
	spec.SkipRefused, spec.KeepRefused = true, 1
	pieces := []piece{{1, [][]schema.Value{row(1, "bad"), row(2, "good"), row(3, "bad")}}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	for range 2 {
		result, err := d.p.Publish(t.Context(), theLoad, spec, claims(pieces))
		if err != nil || result.Inserted != 1 || result.Refused.Len() != 2 || len(etltest.Rejects(result.Refused)) != 1 || result.Refused.First().Line != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
}
