package destination_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

func upsert(spec etl.LoadSpec, keys ...string) etl.LoadSpec {
	spec.Strategy, spec.Keys = etl.Upsert, keys
	return spec
}

func TestUpsert(t *testing.T) {
	d := newDatabase(t,
		`CREATE TABLE stock (shop text, item int, qty int, at text DEFAULT 'new', PRIMARY KEY (shop, item))`,
		`INSERT INTO stock VALUES ('a', 1, 10, 'old'), ('a', 2, 20, 'old')`)
	spec := upsert(d.spec("stock", "shop", "item", "qty"), "item", "shop")
	rows := [][]schema.Value{row("a", 1, 11), row("b", 1, 1), row("b", 1, 2), row("a", 1, 12), row("c", 3, nil)}
	for _, c := range []struct {
		policy string
		want   string
	}{
		{"", "a|1|12|old\na|2|20|old\nb|1|2|new\nc|3|∅|new"},
		{"first", "a|1|11|old\na|2|20|old\nb|1|1|new\nc|3|∅|new"},
	} {
		d.exec(`DELETE FROM stock WHERE at = 'new'`)
		spec.DuplicateKeys = c.policy
		result := d.load(spec, rows...)
		if result.Inserted != 2 || result.Updated != 1 || result.Deduplicated != 2 {
			t.Errorf("%q: got %+v", c.policy, result)
		}
		d.want(`TABLE stock ORDER BY 1, 2`, c.want)
	}
	before := d.ask(`TABLE stock`)
	spec.DuplicateKeys = "fail"
	_, err := load(t.Context(), d.p, spec, rows...)
	if e := refusal(t, err); e.Kind != etl.Refused || e.Code != "duplicate_key" || e.Line != line(2) ||
		!strings.Contains(e.Message, "lines 4 and 6 have the same key (item, shop)=(1, b)") {
		t.Errorf("got %v", err)
	}
	d.want(`TABLE stock`, before)
	if result := d.load(spec, rows[0], rows[1]); result.Updated != 2 {
		t.Errorf("without duplicates: got %+v", result)
	}
}

func TestUpsertOfKeysAlone(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE tag (name text PRIMARY KEY, n int DEFAULT 7)`, `INSERT INTO tag VALUES ('x', 1)`)
	result := d.load(upsert(d.spec("tag", "name"), "name"), row("x"), row("y"), row("y"))
	if result.Inserted != 1 || result.Updated != 1 || result.Deduplicated != 1 {
		t.Errorf("got %+v", result)
	}
	d.want(`TABLE tag ORDER BY 1`, "x|1\ny|7")
}

func TestUpsertNullKeys(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE n (k int UNIQUE, v text)`, `INSERT INTO n VALUES (NULL, 'there'), (1, 'there')`)
	result := d.load(upsert(d.spec("n"), "k"), row(nil, "a"), row(nil, "b"), row(1, "c"))
	if result.Inserted != 2 || result.Updated != 1 || result.Deduplicated != 0 || len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "2 rows have NULL") {
		t.Errorf("got %+v", result)
	}
	d.want(`SELECT k, v FROM n ORDER BY v`, "∅|a\n∅|b\n1|c\n∅|there")
}

func TestUpsertNullKeysThatAreEqual(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE n (k int, k2 text, v text, UNIQUE NULLS NOT DISTINCT (k, k2))`)
	spec := upsert(d.spec("n"), "k2", "k")
	rows := [][]schema.Value{row(nil, "x", "a"), row(nil, "x", "b"), row(1, "x", "c"), row(nil, nil, "d"), row(1, nil, "e"), row(nil, nil, "f")}
	for _, c := range []struct{ there, policy, want string }{
		{`INSERT INTO n VALUES (NULL, 'x', 'there'), (1, 'x', 'there')`, "", "1|x|c\n1|∅|e\n∅|x|b\n∅|∅|f"},
		{`INSERT INTO n VALUES (NULL, NULL, 'there'), (1, NULL, 'there')`, "first", "1|x|c\n1|∅|e\n∅|x|a\n∅|∅|d"},
	} {
		d.exec(`TRUNCATE n`)
		d.exec(c.there)
		spec.DuplicateKeys = c.policy
		result := d.load(spec, rows...)
		if result.Inserted != 2 || result.Updated != 2 || result.Deduplicated != 2 || len(result.Notes) != 0 {
			t.Errorf("%q: got %+v", c.policy, result)
		}
		d.want(`SELECT * FROM n ORDER BY k, k2`, c.want)
	}
	spec.DuplicateKeys = "fail"
	_, err := load(t.Context(), d.p, spec, rows...)
	if e := refusal(t, err); e.Code != "duplicate_key" || e.Line != line(1) || !strings.Contains(e.Message, "lines 2 and 4 have the same key (k2, k)=(x, null)") {
		t.Errorf("got %v", err)
	}
	spec.DuplicateKeys, spec.DryRun, spec.Explain, spec.Sample = "", true, true, 9
	result := d.load(spec, row(nil, nil, "d"), row(2, nil, "g"))
	if c := result.Comparison; c == nil || c.Unchanged != 1 || len(c.Rows) != 2 || c.Rows[0].Before == nil || c.Rows[1].Before != nil {
		t.Errorf("got %+v", result.Comparison)
	}
}

// A key that cannot be cast is a row's fault like any other value.
func TestUpsertKeyThatCannotBeCast(t *testing.T) {
	d := newDatabase(t, `CREATE TYPE mood AS ENUM ('ok', 'sad')`, `CREATE TABLE t (k mood, at int[], v int, PRIMARY KEY (k, at))`)
	spec := upsert(d.spec("t"), "k", "at")
	rows := [][]schema.Value{row("ok", "{1}", 1), row("great", "{1}", 2), row("ok", "{1}", 3), row("sad", "{", 4), row("sad", "{}", 5)}
	for _, policy := range []string{"last", "fail"} {
		spec.DuplicateKeys, spec.SkipRefused = policy, false
		_, err := load(t.Context(), d.p, spec, rows...)
		if e := refusal(t, err); e.Kind != etl.Refused || e.Code != "invalid_value" || e.Line == 0 || e.Column == "" || e.Value == "" {
			t.Errorf("%s: got line %d column %q value %q: %v", policy, e.Line, e.Column, e.Value, err)
		}
	}
	spec.DuplicateKeys, spec.SkipRefused = "last", true
	for _, dry := range []bool{true, false} {
		spec.DryRun, spec.Sample = dry, 0
		if dry {
			spec.Sample = 5
		}
		result := d.load(spec, rows...)
		if result.Inserted != 2 || result.Deduplicated != 1 || len(etltest.Rejects(result.Refused)) != 2 ||
			etltest.Rejects(result.Refused)[0].Line != line(1) || etltest.Rejects(result.Refused)[0].Column != "k" || etltest.Rejects(result.Refused)[1].Line != line(3) || etltest.Rejects(result.Refused)[1].Column != "at" {
			t.Errorf("dry run %v: got %+v", dry, result)
		}
	}
	d.want(`TABLE t ORDER BY 1`, "ok|{1}|3\nsad|{}|5")
}

func TestUpsertMistakes(t *testing.T) {
	d := newDatabase(t,
		`CREATE SCHEMA "My Shop"`, `CREATE TABLE "My Shop"."Items" ("Item No" int, qty int, v int)`,
		`CREATE UNIQUE INDEX ON "My Shop"."Items" (v) WHERE qty > 0`,
		`ALTER TABLE "My Shop"."Items" ADD CONSTRAINT later UNIQUE (qty) DEFERRABLE`)
	base := d.spec("My Shop.Items")
	for _, c := range []struct {
		name string
		keys []string
		code etl.Code
		fix  string
	}{
		{"no index", []string{"Item No", "qty"}, "no_unique_index", `CREATE UNIQUE INDEX ON "My Shop"."Items" ("Item No", qty);`},
		{"partial index", []string{"v"}, "no_unique_index", "CREATE UNIQUE INDEX"},
		{"deferrable constraint", []string{"qty"}, "no_unique_index", "CREATE UNIQUE INDEX"},
		{"no keys", nil, "keys_required", "--key"},
		{"no such column", []string{"item no"}, "column_not_found", "name"},
		{"twice", []string{"v", "v"}, "duplicate_column", "once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t.Context(), d.p, upsert(base, c.keys...), row(1, 2, 3))
			if e := refusal(t, err); e.Kind != etl.Mistake || e.Code != c.code || !strings.Contains(e.Fix, c.fix) {
				t.Errorf("got %v: %v", e.Code, e)
			}
		})
	}
	_, err := load(t.Context(), d.p, upsert(d.spec("My Shop.Items", "qty"), "v"), row(1))
	if e := refusal(t, err); e.Code != "key_not_filled" {
		t.Errorf("got %v", err)
	}
	// The statement that the error gives is the one that helps.
	_, err = load(t.Context(), d.p, upsert(base, "Item No", "qty"), row(1, 2, 3))
	d.exec(strings.TrimPrefix(refusal(t, err).Fix, "Create one: "))
	if result := d.load(upsert(d.spec("My Shop.Items"), "Item No", "qty"), row(1, 2, 3)); result.Inserted != 1 {
		t.Errorf("got %+v", result)
	}
}

// An index dropped after the table was described is noticed all the same.
func TestUpsertIndexDroppedMeanwhile(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE t (k int, v int)`, `CREATE UNIQUE INDEX i ON t (k)`)
	spec := upsert(d.spec("t"), "k")
	d.exec(`DROP INDEX i`)
	_, err := load(t.Context(), d.p, spec, row(1, 2))
	if e := refusal(t, err); e.Code != "no_unique_index" {
		t.Errorf("got %v", err)
	}
}

func TestUpsertIntoOddTables(t *testing.T) {
	d := newDatabase(t,
		`CREATE TABLE part (k int, region text, v int, PRIMARY KEY (k, region)) PARTITION BY LIST (region)`,
		`CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a')`, `CREATE TABLE part_b PARTITION OF part DEFAULT`,
		`INSERT INTO part VALUES (1, 'a', 1), (2, 'b', 2)`,
		`CREATE TABLE child (id int PRIMARY KEY, v text, n int GENERATED ALWAYS AS IDENTITY, twice text GENERATED ALWAYS AS (v || v) STORED)`,
		`CREATE TABLE grandchild (id int REFERENCES child)`, `INSERT INTO child VALUES (1, 'x')`, `INSERT INTO grandchild VALUES (1)`,
		`CREATE EXTENSION IF NOT EXISTS citext`, `CREATE TYPE colour AS ENUM ('red', 'blue')`,
		`CREATE TABLE odd (k citext, c colour, tags text[], PRIMARY KEY (k, c))`, `INSERT INTO odd VALUES ('KEY', 'red', '{old}')`)
	if result := d.load(upsert(d.spec("part"), "region", "k"), row(1, "a", 10), row(1, "b", 20), row(2, "b", 30)); result.Inserted != 1 || result.Updated != 2 {
		t.Errorf("partitions: got %+v", result)
	}
	d.want(`SELECT * FROM part ORDER BY 1, 2`, "1|a|10\n1|b|20\n2|b|30")
	if result := d.load(upsert(d.spec("child"), "id"), row(1, "y"), row(2, "z")); result.Inserted != 1 || result.Updated != 1 {
		t.Errorf("referenced: got %+v", result)
	}
	d.want(`SELECT id, v, twice FROM child ORDER BY 1`, "1|y|yy\n2|z|zz")
	result := d.load(upsert(d.spec("odd"), "k", "c"), row("a", "red", "{1}"), row("A", "red", "{2,\"x y\"}"), row("key", "red", "{}"), row("key", "blue", nil))
	if result.Inserted != 2 || result.Updated != 1 || result.Deduplicated != 1 {
		t.Errorf("citext and enum: got %+v", result)
	}
	d.want(`SELECT lower(k), c, tags FROM odd ORDER BY 1, 2`, "a|red|{2,\"x y\"}\nkey|red|{}\nkey|blue|∅")
}

// An upsert is what a sequence of single upserts in file order would be.
func TestUpsertMatchesModel(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE m (a int, b text, v int, UNIQUE (a, b))`)
	base := d.spec("m")
	rapid.Check(t, func(rt *rapid.T) {
		type key struct{ a, b string }
		table := map[key]string{}
		nulls := 0
		d.exec(`TRUNCATE m`)
		draw := func(label string) (key, []schema.Value, bool) {
			a, b := rapid.IntRange(0, 4).Draw(rt, label+" a"), rapid.SampledFrom([]string{"x", "y", ""}).Draw(rt, label+" b")
			v := rapid.IntRange(0, 99).Draw(rt, label+" v")
			r := row(a, b, v)
			if a == 4 {
				r[0] = schema.Value{}
			}
			text := r[2].AppendText(nil, schema.Type{Kind: schema.Integer})
			return key{string(r[0].AppendText(nil, schema.Type{Kind: schema.Integer})), b}, append(r, schema.Value{Kind: schema.VText, Bytes: text}), a == 4
		}
		for range rapid.IntRange(0, 6).Draw(rt, "there") {
			k, r, null := draw("there")
			if _, ok := table[k]; null || ok {
				continue
			}
			d.exec(`INSERT INTO m VALUES ($1, $2, $3)`, r[0].Int, string(r[1].Bytes), r[2].Int)
			table[k] = string(r[3].Bytes)
		}
		existing := len(table)
		policy := rapid.SampledFrom([]string{"last", "first"}).Draw(rt, "policy")
		seen := map[key]bool{}
		updated := map[key]bool{}
		old := map[key]bool{}
		for k := range table {
			old[k] = true
		}
		var rows [][]schema.Value
		dropped := int64(0)
		for range rapid.IntRange(0, 20).Draw(rt, "rows") {
			k, r, null := draw("row")
			rows = append(rows, r[:3])
			switch {
			case null:
				nulls++
				continue
			case seen[k]:
				dropped++
				if policy == "first" {
					continue
				}
			}
			seen[k] = true
			table[k] = string(r[3].Bytes)
			if old[k] {
				updated[k] = true
			}
		}
		spec := upsert(base, "a", "b")
		spec.DuplicateKeys = policy
		result := d.load(spec, rows...)
		want := etl.LoadResult{Inserted: int64(len(table) - existing + nulls), Updated: int64(len(updated)), Deduplicated: dropped}
		if result.Inserted != want.Inserted || result.Updated != want.Updated || result.Deduplicated != want.Deduplicated {
			rt.Fatalf("got %+v, want %+v", result, want)
		}
		got := map[key]string{}
		for l := range strings.SplitSeq(d.ask(`SELECT a, b, v FROM m WHERE a IS NOT NULL`), "\n") {
			if f := strings.Split(l, "|"); len(f) == 3 {
				got[key{f[0], f[1]}] = f[2]
			}
		}
		if len(got) != len(table) {
			rt.Fatalf("got %v, want %v", got, table)
		}
		for k, v := range table {
			if got[k] != v {
				rt.Fatalf("%v: got %s, want %s", k, got[k], v)
			}
		}
	})
}
