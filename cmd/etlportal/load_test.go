package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sales = `Order ID,Customer,Amount,Ordered at,Paid,Day
1,"Müller, Jürgen",1234.50,2024-01-31 10:00:00,true,2024-01-31
2,O'Neil,-7.25,2024-02-01 23:59:59.5,false,2024-02-01
3,"say ""hi""
twice",0.00,,true,
`

func TestCreateMakesTheTableThatTheFileSays(t *testing.T) {
	db := newDatabase(t)
	o := db.loaded(file(t, "sales.csv", sales), "--create")
	require.Contains(t, o.out, "3 rows loaded into t")
	require.Contains(t, o.out, "created table t with 6 columns")
	require.Contains(t, o.out, "read 3 = loaded 3 + filtered 0 + rejected 0 + deduplicated 0")
	require.Equal(t, []string{"order_id|integer", "customer|text", "amount|numeric(6,2)", "ordered_at|timestamp without time zone", "paid|boolean", "day|date"},
		db.rows(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum`))
	require.Equal(t, []string{
		"1|Müller, Jürgen|1234.50|2024-01-31 10:00:00|t|2024-01-31",
		"2|O'Neil|-7.25|2024-02-01 23:59:59.5|f|2024-02-01",
		"3|say \"hi\"\ntwice|0.00|∅|t|∅",
	}, db.rows("SELECT * FROM t"))

	again := db.load(file(t, "sales.csv", sales), "--create")
	require.Equal(t, exitUsage, again.code)
	require.Contains(t, again.err, "Leave out --create")
}

func TestDryRunPrintsTheStatementAndChangesNothing(t *testing.T) {
	db := newDatabase(t)
	o := db.loaded(file(t, "sales.csv", sales), "--create", "--dry-run")
	require.Contains(t, o.out, "CREATE TABLE t (\n")
	require.Contains(t, o.out, "numeric(6,2)")
	require.Contains(t, o.out, "3 rows would be loaded")
	require.Empty(t, db.tables())
	db.exec("CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1, 'old')")
	path := file(t, "a.csv", "a,b\n1,new\n2,new\n")
	for _, strategy := range [][]string{{"--strategy", "upsert", "--key", "a"}, {"--strategy", "truncate_insert"}} {
		db.loaded(path, append(strategy, "--dry-run")...)
		require.Equal(t, []string{"1|old"}, db.rows("SELECT * FROM t"))
	}
	j := runOf(t, db.loaded(path, "--strategy", "upsert", "--key", "a", "--dry-run", "--format", "json"))
	require.Equal(t, [3]int64{2, 1, 1}, [3]int64{j.RowsLoaded, j.RowsInserted, j.RowsUpdated})
}

func TestExistingTableSaysTheTypes(t *testing.T) {
	db := newDatabase(t)
	db.exec(`CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, "Order ID" varchar(5), amount numeric(12,4), day date, note text DEFAULT 'none', twice numeric GENERATED ALWAYS AS (amount * 2) STORED)`)
	o := db.loaded(file(t, "a.csv", "order id,AMOUNT,Day\n007,1.5,2024-12-31\n"))
	require.Contains(t, o.out, "note: ")
	require.Equal(t, []string{"1|007|1.5000|2024-12-31|none|3.0000"}, db.rows("SELECT * FROM t"))

	o = db.load(file(t, "b.csv", "order id,AMOUNT,Colour\n1,2,red\n"))
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "Colour")
}

func TestJSONIsTheContract(t *testing.T) {
	db := newDatabase(t)
	path := file(t, "a.csv", "a,b\n1,x\n2,y\n")
	o := db.loaded(path, "--create", "--format", "json")
	for _, key := range []string{"run_id", "status", "rows_read", "rows_loaded", "rows_inserted", "rows_updated", "rows_filtered", "rows_rejected", "rows_deduplicated", "bytes", "duration_ms", "error"} {
		require.Contains(t, o.out, `"`+key+`"`)
	}
	j := runOf(t, o)
	require.Equal(t, "COMPLETED", j.Status)
	require.Equal(t, int64(2), j.RowsLoaded)
	require.Equal(t, int64(12), j.Bytes)
	require.NotEmpty(t, j.RunID)
	require.Nil(t, j.Error)

	o = db.load(file(t, "b.csv", "a,b\n1,x\nzwei,y\n"), "--format", "json")
	require.Equal(t, exitFailed, o.code)
	j = runOf(t, o)
	require.Equal(t, "FAILED", j.Status)
	require.Equal(t, int64(3), j.Error.Line)
	require.Equal(t, "a", j.Error.Column)
	require.Equal(t, "zwei", j.Error.Value)
	require.Equal(t, []string{"2"}, db.rows("SELECT count(*) FROM t"))
}

func TestSources(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("id,name\n")
	for i := range 5000 {
		fmt.Fprintf(&rows, "%d,\"name\n%d\"\n", i, i)
	}
	text := []byte(rows.String())
	var gz, zp bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write(text)
	require.NoError(t, g.Close())
	z := zip.NewWriter(&zp)
	f, err := z.Create("names.csv")
	require.NoError(t, err)
	f.Write(text)
	require.NoError(t, z.Close())
	for name, content := range map[string][]byte{"names.csv": text, "names.csv.gz": gz.Bytes(), "names.zip": zp.Bytes()} {
		t.Run(name, func(t *testing.T) {
			db := newDatabase(t)
			db.loaded(file(t, name, string(content)), "--create")
			o := etlportalIn(t, content, "load", "-", "--to", db.url, "--table", "t", "-q")
			require.Equal(t, exitDone, o.code, o.err)
			db.exec("CREATE TABLE first AS TABLE t; DROP TABLE t")
			o = etlportalIn(t, content, "load", "-", "--to", db.url, "--table", "t", "-q", "--create")
			require.Equal(t, exitDone, o.code, o.err)
			require.Equal(t, []string{"10000|5000|24995000|name\n999"}, db.rows("SELECT count(*), count(DISTINCT id), sum(id), max(name) FROM first"))
			require.Equal(t, []string{"5000|5000|12497500|name\n999"}, db.rows("SELECT count(*), count(DISTINCT id), sum(id), max(name) FROM t"))
		})
	}
}

func TestUpsert(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int, b text, c text, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, 'x', 'old'), (2, 'x', 'old')")
	path := file(t, "a.csv", "a,b,c\n1,x,new\n3,x,first\n3,x,last\n")
	o := db.loaded(path, "--strategy", "upsert", "--key", "a,b", "--format", "json")
	j := runOf(t, o)
	require.Equal(t, [5]int64{3, 2, 1, 1, 1}, [5]int64{j.RowsRead, j.RowsLoaded, j.RowsInserted, j.RowsUpdated, j.RowsDeduplicated})
	require.Equal(t, []string{"1|x|new", "2|x|old", "3|x|last"}, db.rows("SELECT * FROM t ORDER BY 1"))
	db.loaded(path, "--strategy", "upsert", "--key", "a,b", "--duplicate-keys", "first")
	require.Equal(t, []string{"first"}, db.rows("SELECT c FROM t WHERE a = 3"))
	o = db.load(path, "--strategy", "upsert", "--key", "a,b", "--duplicate-keys", "fail")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "lines 3 and 4")
	o = db.load(path, "--strategy", "upsert", "--key", "a")
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "CREATE UNIQUE INDEX")
}

// Keys that the database calls equal though they are written differently are duplicates.
func TestKeysThatAreEqualButNotAlike(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
	cases := []struct{ typ, one, other string }{
		{"numeric", "1.0", "1.00"},
		{"double precision", "0", "-0"},
		{"char(5)", "ab", "ab  "},
		{"text COLLATE loose", "abc", "ABC"},
		{"varchar(9) COLLATE loose", "abc", "ABC"},
		{"jsonb", `'{"a":1,"b":2}'`, `'{"b":2,"a":1}'`},
		{"interval", "1 day", "24:00:00"},
		{"int4range", "'[1,5)'", "'[1,4]'"},
		{"text", "same", "same"},
		{"integer", "7", "7"},
		{"uuid", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"},
		{"timestamptz", "2024-01-01 00:00:00Z", "2024-01-01 01:00:00+01"},
	}
	for _, c := range cases {
		t.Run(c.typ, func(t *testing.T) {
			db.exec("DROP TABLE IF EXISTS t; CREATE TABLE t (k " + c.typ + " PRIMARY KEY, n int)")
			path := file(t, "a.csv", fmt.Sprintf("k;n\n%s;1\n%s;2\n", c.one, c.other))
			j := runOf(t, db.loaded(path, "--strategy", "upsert", "--key", "k", "--format", "json", "--delimiter", ";", "--quote", "'", "--header"))
			require.Equal(t, int64(1), j.RowsDeduplicated)
			require.Equal(t, []string{"2"}, db.rows("SELECT n FROM t"))
		})
	}
}

func TestUpsertCanMakeItsTable(t *testing.T) {
	db := newDatabase(t)
	path := file(t, "a.csv", "a,b\n1,x\n1,y\n2,z\n")
	db.loaded(path, "--create", "--strategy", "upsert", "--key", "a")
	db.loaded(path, "--strategy", "upsert", "--key", "A")
	require.Equal(t, []string{"1|y", "2|z"}, db.rows("SELECT * FROM t ORDER BY 1"))
}

func TestTruncateInsertReplaces(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int); INSERT INTO t VALUES (7)")
	db.loaded(file(t, "a.csv", "a\n1\n2\n"), "--strategy", "truncate_insert")
	require.Equal(t, []string{"1", "2"}, db.rows("SELECT * FROM t"))
	o := db.load(file(t, "b.csv", "a\n3\nx\n"), "--strategy", "truncate_insert")
	require.Equal(t, exitFailed, o.code)
	require.Equal(t, []string{"1", "2"}, db.rows("SELECT * FROM t"))
}

func TestBadRowsAreKeptWithTheirReasons(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (id int PRIMARY KEY, amount numeric(10,2) NOT NULL CHECK (amount >= 0), day date)")
	path := file(t, "a.csv", "id;amount;day\n1;10.00;2024-01-01\n2;12,5;2024-01-02\n3;5.00;2024-02-30\n1;7.00;2024-01-03\n4;-1.00;2024-01-04\n5;;2024-01-05\n6;6.00\n7;7.00;2024-01-07\n")
	rejects := filepath.Join(t.TempDir(), "bad.csv")
	o := db.load(path)
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "line 3")
	require.Contains(t, o.err, "decimal comma")
	require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))

	o = db.loaded(path, "--on-bad-row", "skip", "--rejects", rejects)
	require.Contains(t, o.out, "read 8 = loaded 2 + filtered 0 + rejected 6 + deduplicated 0")
	require.Equal(t, []string{"1|10.00|2024-01-01", "7|7.00|2024-01-07"}, db.rows("SELECT * FROM t ORDER BY id"))
	b, err := os.ReadFile(rejects)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	require.Equal(t, "id,amount,day,_line,_column,_reason", lines[0])
	require.Len(t, lines, 7)
	for i, want := range []string{`2,"12,5",2024-01-02,3,amount,`, "3,5.00,2024-02-30,4,day,", "1,7.00,2024-01-03,5,", "4,-1.00,2024-01-04,6,", "5,,2024-01-05,7,amount,", "6,6.00,,8,"} {
		require.Contains(t, lines[i+1], want)
	}
	require.Contains(t, lines[3], "t_pkey")
	require.Contains(t, lines[4], "t_amount_check")

	o = db.load(path, "--on-bad-row", "skip", "--max-bad-rows", "5", "--strategy", "truncate_insert")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "6 bad rows, more than the 5 allowed")
	require.Equal(t, []string{"2"}, db.rows("SELECT count(*) FROM t"))
	db.loaded(path, "--on-bad-row", "skip", "--max-bad-rows", "75%", "--strategy", "truncate_insert")
}

func TestConstraintsAreExplainedWithTheirLine(t *testing.T) {
	cases := []struct{ name, ddl, text, says, line string }{
		{"unique", "CREATE TABLE t (a int CONSTRAINT t_a_key UNIQUE)", "a\n1\n2\n1\n", "t_a_key", "line 4"},
		{"not null", "CREATE TABLE t (a int, b int NOT NULL)", "a,b\n1,1\n2,\n", "b", "line 3"},
		{"check", "CREATE TABLE t (a int CONSTRAINT positive CHECK (a > 0))", "a\n1\n\n0\n", "positive", "line 4"},
		{"foreign key", "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE t (a int CONSTRAINT t_a_fkey REFERENCES p)", "a\n1\n9\n", "t_a_fkey", "line 3"},
		{"exclusion", "CREATE TABLE t (a int4range, CONSTRAINT apart EXCLUDE USING gist (a WITH &&))", "a\n\"[1,5)\"\n\"[7,9)\"\n\"[4,6)\"\n", "apart", "line 4"},
		{"domain", "CREATE DOMAIN even AS int CONSTRAINT is_even CHECK (value % 2 = 0); CREATE TABLE t (a even)", "a\n2\n3\n", "is_even", "line 3"},
		{"enum", "CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE TABLE t (a mood)", "a\nok\nangry\n", "mood", "line 3"},
		{"array", "CREATE TABLE t (a int[])", "a\n\"{1,2}\"\nnone\n", "none", "line 3"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			db := newDatabase(t)
			db.exec(c.ddl)
			for _, how := range []string{"file", "pipe"} {
				args := []string{"load", file(t, "a.csv", c.text), "--to", db.url, "--table", "t", "--quiet", "--header", "--delimiter", ","}
				if how == "pipe" {
					args[1] = "-"
				}
				o := etlportalIn(t, []byte(c.text), args...)
				require.Equal(t, exitFailed, o.code, o.err)
				require.Contains(t, o.err, c.line, how)
				require.Contains(t, o.err, c.says, how)
				require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))
			}
		})
	}
}

func TestAmbiguousDatesAreAsked(t *testing.T) {
	db := newDatabase(t)
	path := file(t, "a.csv", "id,day\n1,03/04/2024\n2,05/06/2024\n")
	db.exec("CREATE TABLE t (id int, day date)")
	o := db.load(path)
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "--date-order")
	db.loaded(path, "--date-order", "dmy")
	require.Equal(t, []string{"2024-04-03", "2024-06-05"}, db.rows("SELECT day FROM t"))
	db.loaded(path, "--date-order", "mdy", "--strategy", "truncate_insert")
	require.Equal(t, []string{"2024-03-04", "2024-05-06"}, db.rows("SELECT day FROM t"))

	// The one value that decides may be far behind the sample.
	var long strings.Builder
	long.WriteString("id,day\n")
	for i := range 100_000 {
		fmt.Fprintf(&long, "%d,03/04/2024\n", i)
	}
	long.WriteString("100000,13/04/2024\n")
	db.loaded(file(t, "b.csv", long.String()), "--strategy", "truncate_insert")
	require.Equal(t, []string{"2024-04-03|100000", "2024-04-13|1"}, db.rows("SELECT day, count(*) FROM t GROUP BY 1 ORDER BY 1"))
}

func TestMapping(t *testing.T) {
	db := newDatabase(t)
	path := file(t, "a.csv", "Nr;Name;Preis;Menge;Datum\n001; Anna ;1.234,56;3;31.12.2024\n002;bert;0,10;0;01.01.2025\n")
	m := file(t, "m.yaml", `
columns:
  - {source: Nr, destination: nr, type: varchar(3)}
  - source: Name
    destination: name
    transformations: [TRIM, UPPER]
  - {source: Preis, destination: price, type: "numeric(10,2)", format: "1.234,56"}
  - {destination: total, type: "numeric(12,2)", expression: "Preis * Menge"}
  - {source: Datum, destination: day, type: date, format: DD.MM.YYYY}
filter: Menge > 0
`)
	db.loaded(path, "--mapping", m, "--create")
	require.Equal(t, []string{"001|ANNA|1234.56|3703.68|2024-12-31"}, db.rows("SELECT * FROM t"))
}

func TestLastOfTheFileWinsWhateverTheWorkers(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,n\n")
	for i := range 400_000 {
		fmt.Fprintf(&text, "%d,%d\n", i%1000, i)
	}
	path := file(t, "a.csv", text.String())
	for _, n := range []string{"1", "4"} {
		db := newDatabase(t)
		j := runOf(t, db.loaded(path, "--create", "--strategy", "upsert", "--key", "id", "--parallel", n, "--format", "json"))
		require.Equal(t, int64(399_000), j.RowsDeduplicated)
		require.Equal(t, []string{"1000|399000|399999"}, db.rows("SELECT count(*), min(n), max(n) FROM t"))
	}
}

func TestParallelEqualsOneWorker(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,note,amount\n")
	for i := range 60_000 {
		fmt.Fprintf(&text, "%d,\"line %d\n\"\"quoted\"\", and more\",%d.%02d\n", i, i, i, i%100)
	}
	path := file(t, "a.csv", text.String())
	var sums []string
	for _, n := range []string{"1", "2", "4"} {
		db := newDatabase(t)
		db.loaded(path, "--create", "--parallel", n)
		sums = append(sums, strings.Join(db.rows("SELECT count(*), md5(string_agg(t::text, '' ORDER BY ctid)) FROM t"), ""))
	}
	require.Equal(t, sums[0], sums[1])
	require.Equal(t, sums[0], sums[2])
	require.True(t, strings.HasPrefix(sums[0], "60000|"))
}
