package redshift_test

import (
	"reflect"
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

func layoutsOf(t *testing.T, r *redshift.Redshift, want map[string]schema.TableLayout) {
	t.Helper()
	for name, want := range want {
		table, err := r.Table(t.Context(), "", name)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Layout(t.Context(), table); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, want)
		}
	}
}

// How tables are kept is told as they were made.
func TestLayoutTold(t *testing.T) {
	type encodings = map[string]string
	each(t, []string{
		"CREATE TABLE by_key (id INTEGER ENCODE AZ64, day DATE ENCODE RAW, note VARCHAR(9)) DISTKEY (id) COMPOUND SORTKEY (day, id)",
		"CREATE TABLE everywhere (a INTEGER, b INTEGER, c INTEGER, d INTEGER) DISTSTYLE ALL INTERLEAVED SORTKEY (c, a, b)",
		"CREATE TABLE in_turn (a INTEGER, b VARCHAR(9) ENCODE ZSTD) DISTSTYLE EVEN SORTKEY (a)",
		"CREATE TABLE by_use (a INTEGER) DISTSTYLE AUTO SORTKEY AUTO ENCODE AUTO",
	}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		layoutsOf(t, r, map[string]schema.TableLayout{
			"by_key":     {DistStyle: "KEY", DistKey: "id", SortStyle: "COMPOUND", SortKeys: []string{"day", "id"}, Encodings: encodings{"id": "AZ64", "day": "RAW"}},
			"everywhere": {DistStyle: "ALL", SortStyle: "INTERLEAVED", SortKeys: []string{"c", "a", "b"}},
			"in_turn":    {DistStyle: "EVEN", SortKeys: []string{"a"}, Encodings: encodings{"b": "ZSTD"}},
			"by_use":     {DistStyle: "AUTO(ALL)"},
		})
	})
}

// What the user may not see is left out: of a table of others their distribution
// style, of one without a grant all of it; a view that may not be read is no
// reason not to ask the other one.
func TestLayoutOfOthers(t *testing.T) {
	const made = " (a INTEGER ENCODE AZ64, b INTEGER ENCODE AZ64) DISTKEY (b) SORTKEY (a, b)"
	as(t, []string{"CREATE TABLE granted" + made, "GRANT INSERT ON granted TO USER", "CREATE TABLE closed" + made, "CREATE TABLE own" + made, "ALTER TABLE own OWNER TO USER"},
		func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, _ string) {
			t.Helper()
			granted := schema.TableLayout{DistKey: "b", SortStyle: "COMPOUND", SortKeys: []string{"a", "b"}, Encodings: map[string]string{"a": "AZ64", "b": "AZ64"}}
			own := granted
			own.DistStyle = "KEY"
			layoutsOf(t, r, map[string]schema.TableLayout{"granted": granted, "closed": {}, "own": own})
			s.Exec("REVOKE SELECT ON svv_redshift_columns FROM PUBLIC")
			layoutsOf(t, r, map[string]schema.TableLayout{"own": {DistStyle: "KEY"}})
			s.Exec("DROP VIEW pg_class_info")
			layoutsOf(t, r, map[string]schema.TableLayout{"own": {}})
		})
}
