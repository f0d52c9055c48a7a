package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A file goes again into the table that --create made of it.
func TestCreateThenLoadAgain(t *testing.T) {
	db := newDatabase(t)
	path := file(t, "a.csv", "Order #,Price (EUR),SELECT,a.b,a,a,,😀,Rechnungsnr.\n1,2.50,x,y,z,w,v,u,R-1\n2,3.50,x,y,z,w,v,u,R-2\n")
	db.loaded(path, "--create")
	db.loaded(path)
	require.Equal(t, []string{"4"}, db.rows("SELECT count(*) FROM t"))
	require.Equal(t, []string{"1"}, db.rows("SELECT count(DISTINCT n) FROM (SELECT count(*) n FROM t GROUP BY t) x"))
	db.loaded("../../examples/rechnungen.csv", "--table", "r", "--create")
	db.loaded("../../examples/rechnungen.csv", "--table", "r")
	require.Equal(t, []string{"480"}, db.rows("SELECT count(*) FROM r"))
}

// Words that inspection takes for NULL among numbers are text in a text column.
func TestNullWordsOfATextColumn(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (v text, n int)")
	path := file(t, "a.csv", "v,n\n1,1\nNA,NA\n3,3\n4,4\n")
	o := db.loaded(path)
	require.Contains(t, o.out, "read as NULL")
	require.Equal(t, []string{"1|1", "NA|∅", "3|3", "4|4"}, db.rows("SELECT * FROM t"))
	db.loaded(path, "--strategy", "truncate_insert", "--null-value", "NA")
	require.Equal(t, []string{"1|1", "∅|∅", "3|3", "4|4"}, db.rows("SELECT * FROM t"))
}

// --on-bad-row skip keeps the bounds of the mapping.
func TestFlagsKeepTheMappingsBounds(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int)")
	path := file(t, "a.csv", "a\n1\nx\ny\n")
	m := file(t, "m.yaml", "columns:\n  - {source: a, destination: a}\non_bad_row: {mode: skip, max_rows: 1}\n")
	o := db.load(path, "--mapping", m, "--on-bad-row", "skip")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "more than the 1 allowed")
	db.loaded(path, "--mapping", m, "--on-bad-row", "skip", "--max-bad-rows", "2")
	require.Equal(t, []string{"1"}, db.rows("SELECT * FROM t"))
}
