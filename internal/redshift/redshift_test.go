package redshift_test

import (
	"errors"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// newWarehouse starts a stand-in and opens it over the wire.
func newWarehouse(t *testing.T, statements ...string) (*etltest.RedshiftServer, *redshift.Redshift) {
	t.Helper()
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec(statements...)
	road, err := redshift.Connect(t.Context(), redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	return s, over(t, s, road)
}

func over(t *testing.T, s *etltest.RedshiftServer, road etl.Statements) *redshift.Redshift {
	t.Helper()
	r, err := redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func row(values ...any) []schema.Value {
	made := make([]schema.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			made[i] = schema.Value{Kind: schema.VText, Bytes: []byte(v)}
		case int:
			made[i] = schema.Value{Kind: schema.VInt, Int: int64(v)}
		case schema.Value:
			made[i] = v
		}
	}
	return made
}

func load(t *testing.T, d etl.Destination, spec etl.LoadSpec, rows ...[]schema.Value) (etl.LoadResult, error) {
	t.Helper()
	s, err := d.Begin(t.Context(), spec)
	if err != nil {
		return etl.LoadResult{}, err
	}
	b := s.NewBatch()
	for i, r := range rows {
		if bad := b.Append(r, int64(i+2), int64(i+1)); bad != nil {
			return etl.LoadResult{}, errors.Join(errors.New(bad.Reason), s.Abort(t.Context()))
		}
	}
	if err := s.Write(t.Context(), b); err != nil {
		return etl.LoadResult{}, errors.Join(err, s.Abort(t.Context()))
	}
	result, err := s.Finish(t.Context())
	return result, errors.Join(err, s.Abort(t.Context()))
}

func specOf(t *testing.T, d etl.Destination, name string) etl.LoadSpec {
	t.Helper()
	table, err := d.Table(t.Context(), "", name)
	if err != nil {
		t.Fatal(err)
	}
	return etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: etl.Insert}
}

func TestDirect(t *testing.T) {
	s, r := newWarehouse(t, "CREATE TABLE t (id INTEGER NOT NULL, name VARCHAR(10), doc SUPER, PRIMARY KEY (id)) DISTSTYLE AUTO SORTKEY AUTO")
	spec := specOf(t, r, "t")
	result, err := load(t, r, spec, row(1, `a "b"\n`, `{"x": [1, 2]}`), row(2, "", nil), row(3, nil, nil))
	if err != nil || result.Inserted != 3 {
		t.Fatalf("%+v, %v", result, err)
	}
	s.Want("SELECT id, name, doc FROM t ORDER BY id", "1|a \"b\"\\n|{\"x\": [1, 2]}\n2||∅\n3|∅|∅")
	spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
	result, err = load(t, r, spec, row(3, "c", nil), row(4, "d", nil), row(3, "cc", nil))
	if err != nil || result.Inserted != 1 || result.Updated != 1 || result.Deduplicated != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	s.Want("SELECT id, name FROM t WHERE id > 2 ORDER BY id", "3|cc\n4|d")
	spec.Strategy, spec.Keys = etl.TruncateInsert, nil
	if result, err = load(t, r, spec, row(9, "z", nil)); err != nil || result.Inserted != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	s.Want("SELECT id, name FROM t", "9|z")
}

func TestFanOut(t *testing.T) {
	s, r := newWarehouse(t, "CREATE TABLE t (id INTEGER, name VARCHAR(10))")
	spec := specOf(t, r, "t")
	ctx := t.Context()
	const name = "run-1_a"
	for range 2 {
		if err := r.Prepare(ctx, name, spec); err != nil {
			t.Fatal(err)
		}
	}
	chunks := []etl.ChunkClaim{{Chunk: 0, Attempt: 1, Start: 0, End: 10, Rows: 1}, {Chunk: 1, Attempt: 1, Start: 10, End: 20, Rows: 1}}
	for i, c := range chunks {
		session, err := r.BeginChunk(ctx, name, spec, c)
		if err != nil {
			t.Fatal(err)
		}
		b := session.NewBatch()
		b.Append(row(i, "x"), int64(i+2), int64(i+1))
		if err := session.Write(ctx, b); err != nil {
			t.Fatal(err)
		}
		if result, err := session.Finish(ctx); err != nil || result.Inserted != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	for range 2 {
		if result, err := r.Publish(ctx, name, spec, chunks); err != nil || result.Inserted != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	s.Want("SELECT count(*) FROM t", "2")
	if stages, err := r.Stages(ctx); err != nil || len(stages) > 0 {
		t.Errorf("%v, %v", stages, err)
	}
}
