package redshift_test

import (
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// A column's length counts bytes, so that a text is never refused for its
// characters; what is too long is told in bytes, with the statement that widens
// the column where there is one.
func TestLengthsInBytes(t *testing.T) {
	each(t, []string{`CREATE TABLE t (v VARCHAR(16), "order" VARCHAR(4), c CHAR(3), w VARCHAR(65535))`}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		b := r.NewBatch(spec)
		for _, x := range []struct {
			column int
			text   string
			// says is what is wrong with it; "" where it is taken.
			says string
		}{
			{0, strings.Repeat("ü", 8), ""},
			{0, strings.Repeat("ü", 9), "the value has 18 bytes, and column v takes 16; ALTER TABLE public.t ALTER COLUMN v TYPE VARCHAR(n) widens it"},
			{0, strings.Repeat("x", 17), "the value has 17 bytes, and column v takes 16; ALTER"},
			{1, "12345", `5 bytes, and column order takes 4; ALTER TABLE public.t ALTER COLUMN "order" TYPE VARCHAR(n)`},
			{2, "abc  ", ""},
			{2, "abcd ", "the value has 4 bytes, and column c takes 3"},
			{3, strings.Repeat("x", 65_536), "the value has 65536 bytes, and column w takes 65535"},
		} {
			p, err := schema.NewParser(spec.Columns[x.column].Type, schema.Format{}, schema.ParserOptions{})
			if err != nil {
				t.Fatal(err)
			}
			values := row(nil, nil, nil, nil)
			if err := p.Parse([]byte(x.text), &values[x.column]); err != nil {
				t.Fatalf("%.20s: %s", x.text, err.Reason)
			}
			bad := b.Append(values, 2, 1)
			switch {
			case x.says == "" && bad != nil:
				t.Errorf("%.20s: %s", x.text, bad.Reason)
			case x.says != "" && (bad == nil || bad.Code != "too_long" || bad.Line != 2 || !strings.Contains(bad.Reason, x.says) || strings.Contains(bad.Reason, "ALTER") != strings.Contains(x.says, "ALTER")):
				t.Errorf("%.20s: %+v", x.text, bad)
			}
		}
	})
}
