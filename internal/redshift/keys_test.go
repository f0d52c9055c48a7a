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

// A key of NULL is recognised in no load: how many rows have one is told, also to
// who asks for the result later.
func TestNullKeysAreTold(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE t (id INTEGER, kind VARCHAR(10), name VARCHAR(10))", "CREATE TABLE u (id INTEGER NOT NULL)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		spec.Strategy, spec.Keys = etl.Upsert, []string{"id", "kind"}
		told := func(notes []string) bool {
			return len(notes) == 1 && strings.HasPrefix(notes[0], "2 rows have NULL in their key (id, kind)")
		}
		for range 3 {
			result, err := load(t, r, spec, row(1, "a", "x"), row(nil, "a", "y"), row(2, nil, "z"))
			if err != nil || !told(result.Notes) {
				t.Errorf("%+v, %v", result, err)
			}
		}
		s.Want("SELECT count(*) FROM t", "7")
		chunk := etl.ChunkClaim{Attempt: 1, End: 10, Rows: 2}
		stageOne(t, r, "null", spec, chunk, row(nil, nil, "a"), row(3, nil, "b"))
		if result, err := r.Publish(t.Context(), "null", spec, []etl.ChunkClaim{chunk}); err != nil || !told(result.Notes) {
			t.Errorf("%+v, %v", result, err)
		}
		if result, err := r.Published(t.Context(), "null"); err != nil || result == nil || !told(result.Notes) {
			t.Errorf("%+v, %v", result, err)
		}
		if result, err := load(t, r, spec, row(1, "a", "w")); err != nil || len(result.Notes) != 0 {
			t.Errorf("%+v, %v", result, err)
		}
		spec.DryRun = true
		if result, err := load(t, r, spec, row(nil, "a", "y"), row(2, nil, "z")); err != nil || !told(result.Notes) {
			t.Errorf("%+v, %v", result, err)
		}
		spec = specOf(t, r, "u")
		spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
		if result, err := load(t, r, spec, row(1)); err != nil || len(result.Notes) != 0 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// Counts are of the file's rows, as in PostgreSQL, and add up: how many rows of the
// table were updated, where it has a key several times, and how many only stay,
// is told, also to who asks for the result later.
func TestUpdatedRowsAreTold(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		note, rows string
		quiet      []schema.Value
	}{
		"a key several times":  {"the table has several rows of one key (id): 4 of its rows are updated by 2 of the file", "1|x\n1|x\n1|x\n2|y\n3|z", row(3, "w")},
		"nothing but keys":     {"2 rows are in the table already and stay as they are", "1|x\n1|x\n1|x\n2|y\n3|z", row(4, "w")},
		"keys and both causes": {"", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, []string{"CREATE TABLE t (id INTEGER, name VARCHAR(10))", "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, 'y')"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
				t.Helper()
				spec := specOf(t, r, "t")
				spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
				if name == "nothing but keys" {
					spec.Keys = []string{"id", "name"}
				}
				want := etl.LoadResult{Inserted: 1, Updated: 2, Deduplicated: 1}
				rows := [][]schema.Value{row(1, "x"), row(2, "y"), row(3, "z"), row(3, "z")}
				notes := []string{x.note}
				if x.note == "" {
					rows, want.Inserted = append(rows, row(nil, "n")), 2
					notes = []string{"1 rows have NULL", "the table has several rows of one key"}
				}
				is := func(result *etl.LoadResult, err error) {
					t.Helper()
					if err != nil || result == nil || result.Inserted != want.Inserted || result.Updated != want.Updated || result.Deduplicated != want.Deduplicated || len(result.Notes) != len(notes) {
						t.Fatalf("%+v, %v", result, err)
					}
					for i, note := range notes {
						if !strings.HasPrefix(result.Notes[i], note) {
							t.Errorf("%q", result.Notes[i])
						}
					}
				}
				spec.DryRun = true
				result, err := load(t, r, spec, rows...)
				is(&result, err)
				spec.DryRun = false
				chunk := etl.ChunkClaim{Attempt: 1, End: 10, Rows: int64(len(rows))}
				stageOne(t, r, "told", spec, chunk, rows...)
				result, err = r.Publish(t.Context(), "told", spec, []etl.ChunkClaim{chunk})
				is(&result, err)
				is(r.Published(t.Context(), "told"))
				if x.rows == "" {
					return
				}
				s.Want("SELECT id, name FROM t ORDER BY id", x.rows)
				if result, err := load(t, r, spec, x.quiet); err != nil || len(result.Notes) != 0 {
					t.Errorf("%+v, %v", result, err)
				}
			})
		})
	}
}

// Of a key of several columns all values are told.
func TestDuplicateOfSeveralColumns(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER, kind VARCHAR(10), name VARCHAR(10))"}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		spec.Strategy, spec.Keys, spec.DuplicateKeys = etl.Upsert, []string{"kind", "id"}, "fail"
		_, err := load(t, r, spec, row(1, "a", "x"), row(1, "b", "y"), row(1, "b", "z"))
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Code != "duplicate_key" || e.Line != 4 || e.Value != "b, 1" || !strings.Contains(e.Message, "(kind, id)=(b, 1)") {
			t.Errorf("%+v", err)
		}
		if !slices.Equal(strings.Split(e.Column, ", "), spec.Keys) {
			t.Errorf("%s", e.Column)
		}
	})
}

// A column that Redshift numbers can be no key, and mapping it is no way out.
func TestIdentityIsNoKey(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id BIGINT IDENTITY(1,1), name VARCHAR(10))"}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		spec.Columns, spec.Strategy, spec.Keys = spec.Columns[1:], etl.Upsert, []string{"id"}
		_, err := r.Begin(t.Context(), spec)
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Code != "key_not_mapped" || !strings.Contains(e.Message, "numbers") || strings.Contains(e.Fix, "Map") {
			t.Errorf("%+v", err)
		}
	})
}
