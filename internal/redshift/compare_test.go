package redshift_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// Values that are larger than a text may be are compared all the same, and what
// is NULL is shown as such.
func TestCompareLargeValues(t *testing.T) {
	each(t, []string{
		"CREATE TABLE t (id INTEGER, doc SUPER, b VARBYTE(100000), PRIMARY KEY (id))", "INSERT INTO t (id) VALUES (1)",
	}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		spec.DryRun, spec.Sample = true, 10
		large := schema.Value{Kind: schema.VBytes, Bytes: bytes.Repeat([]byte{0xab}, 50000)}
		result, err := load(t, r, spec, row(1, `["`+strings.Repeat("x", 35000)+`", "`+strings.Repeat("x", 35000)+`"]`, large), row(2, nil, nil), row(3, `{"a": 1}`, schema.Value{Kind: schema.VBytes, Bytes: []byte{1, 2}}))
		if err != nil || result.Comparison == nil || len(result.Comparison.Rows) != 3 {
			t.Fatalf("%+v, %v", result, err)
		}
		want := [][]string{{"1", "(large)", strings.Repeat("ab", 100)}, {"2", "∅", "∅"}, {"3", `{"a": 1}`, "0102"}}
		for i, got := range result.Comparison.Rows {
			if !slices.Equal(cells(got.After), want[i]) {
				t.Errorf("row %d: %q", i, cells(got.After))
			}
		}
		spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
		result, err = load(t, r, spec, row(1, "[]", nil))
		if err != nil || !slices.Equal(cells(result.Comparison.Rows[0].Before), []string{"1", "∅", "∅"}) {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

func cells(row []*string) []string {
	var out []string
	for _, c := range row {
		if c == nil {
			out = append(out, "∅")
			continue
		}
		out = append(out, *c)
	}
	return out
}
