package redshift_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// A key of NULL is recognised in no load: how many rows have one is told, also to
// who asks for the result later.
func TestNullKeysAreTold(t *testing.T) {
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
