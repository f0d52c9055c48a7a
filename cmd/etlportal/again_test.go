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
