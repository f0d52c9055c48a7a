package redshift_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// What COPY refuses is told by the user's line, column, value and reason, and
// left out where the policy says so.
func TestLoadErrors(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER, name VARCHAR(20), doc SUPER)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := specOf(t, r, "t")
		rows := [][]schema.Value{row(1, "two\nlines", `{"a": 1}`), row(2, "x", "{bad"), row(3, "y", "[1]"), row(4, "z", "]")}
		_, err := load(t, r, spec, rows...)
		var e *etl.Error
		if !errors.As(err, &e) || e.Kind != etl.Refused || e.Line != 3 || e.Column != "doc" || e.Value != "{bad" {
			t.Fatalf("%+v", err)
		}
		s.Want("SELECT count(*) FROM t", "0")
		spec.SkipRefused = true
		var asked []int64
		spec.AllowRefused = func(n int64) error { asked = append(asked, n); return nil }
		result, err := load(t, r, spec, rows...)
		if err != nil || result.Inserted != 2 || len(etltest.Rejects(result.Refused)) != 2 || fmt.Sprint(asked) != "[2]" {
			t.Fatalf("%+v, %v, asked %v", result, err, asked)
		}
		for i, want := range []etl.Reject{{Line: 3, Record: 2, Value: "{bad"}, {Line: 5, Record: 4, Value: "]"}} {
			if got := etltest.Rejects(result.Refused)[i]; got.Line != want.Line || got.Record != want.Record || got.Value != want.Value || got.Column != "doc" || got.Reason == "" {
				t.Errorf("%+v", got)
			}
		}
		s.Want("SELECT id FROM t ORDER BY id", "1\n3")
		spec.AllowRefused = func(int64) error { return etl.Mistakef("too_many", "Fewer.", "too many") }
		if _, err := load(t, r, spec, rows...); !errors.As(err, &e) || e.Code != "too_many" {
			t.Errorf("%v", err)
		}
		s.Want("SELECT count(*) FROM t", "2")
	})
}

// A batch refuses what a column cannot hold before it is staged.
func TestBatchRefuses(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (v VARCHAR(4), n NUMERIC(5,2), d DATE)")
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r := over(t, s, road)
	b := r.NewBatch(specOf(t, r, "t"))
	number := func(text string) schema.Value {
		d, err := schema.ParseDecimal([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Value{Kind: schema.VDecimal, Dec: d}
	}
	for i, c := range []struct {
		row  []schema.Value
		code etl.Code
	}{
		{row("äö", nil, nil), ""},
		{row("äöü", nil, nil), "too_long"},
		{row("a\x00", nil, nil), "untranslatable_character"},
		{row(nil, number("999.99"), nil), ""},
		{row(nil, number("1000"), nil), "out_of_range"},
		{row(nil, number("NaN"), nil), "out_of_range"},
		{row(nil, nil, schema.Value{Kind: schema.VDate, Int: 0}), ""},
		{row(nil, nil, schema.Value{Kind: schema.VDate, Int: -1 << 40}), "out_of_range"},
	} {
		rows := b.Rows()
		bad := b.Append(c.row, 7, 6)
		switch {
		case c.code == "" && (bad != nil || b.Rows() != rows+1):
			t.Errorf("%d: %+v", i, bad)
		case c.code != "" && (bad == nil || bad.Code != c.code || bad.Line != 7 || bad.Column == "" || b.Rows() != rows):
			t.Errorf("%d: %+v", i, bad)
		}
	}
}

// Loads into one table and into several, at the same time, all get there:
// transactions that meet error 1023 are run again.
func TestConcurrentLoads(t *testing.T) {
	each(t, []string{"CREATE TABLE a (id INTEGER, name VARCHAR(10))", "CREATE TABLE b (id INTEGER, name VARCHAR(10))"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		var group sync.WaitGroup
		for n := range 6 {
			table := []string{"a", "b"}[n%2]
			spec := specOf(t, r, table)
			spec.Strategy, spec.Keys = etl.Upsert, []string{"id"}
			group.Go(func() {
				if err := fanOut(t.Context(), r, fmt.Sprintf("load-%d", n), spec, row(n, "x")); err != nil {
					t.Errorf("%s: %v", table, err)
				}
			})
		}
		group.Wait()
		s.Want("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM etl_portal.loads)", "3|3|6")
		if stages, err := r.Stages(t.Context()); err != nil || len(stages) > 0 {
			t.Errorf("%v, %v", stages, err)
		}
	})
}

// fanOut does a load of one chunk and one row.
func fanOut(ctx context.Context, r *redshift.Redshift, name string, spec etl.LoadSpec, values []schema.Value) error {
	if err := r.Prepare(ctx, name, spec); err != nil {
		return err
	}
	c := etl.ChunkClaim{Attempt: 1, End: 10, Rows: 1}
	session, err := r.BeginChunk(ctx, name, spec, c)
	if err != nil {
		return err
	}
	b := session.NewBatch()
	if bad := b.Append(values, 2, 1); bad != nil {
		return errors.New(bad.Reason)
	}
	if err := session.Write(ctx, b); err != nil {
		return errors.Join(err, session.Abort(ctx))
	}
	if _, err := session.Finish(ctx); err != nil {
		return err
	}
	for {
		_, err = r.Publish(ctx, name, spec, []etl.ChunkClaim{c})
		if _, later := errors.AsType[*etl.RetryAfter](err); !later {
			return err
		}
	}
}

// A role that the warehouse does not have, a bucket that it may not read: the
// error names both, and what to allow.
func TestCopyDenied(t *testing.T) {
	t.Parallel()
	each(t, []string{"CREATE TABLE t (id INTEGER)"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		if detail, err := r.CheckStaging(t.Context()); err != nil || !strings.Contains(detail, s.Bucket) {
			t.Errorf("%s, %v", detail, err)
		}
		if detail, err := r.CheckCopy(t.Context()); err != nil || !strings.Contains(detail, s.Role) {
			t.Errorf("%s, %v", detail, err)
		}
		s.Role = "arn:aws:iam::123456789012:role/another"
		_, err := r.CheckCopy(t.Context())
		var e *etl.Error
		if !errors.As(err, &e) || e.Code != "copy_failed" || !strings.Contains(e.Fix, "etlportal-copy") {
			t.Errorf("%v", err)
		}
		if _, err := load(t, r, specOf(t, r, "t"), row(1)); !errors.As(err, &e) || e.Code != "copy_failed" {
			t.Errorf("%v", err)
		}
		s.Want("SELECT count(*) FROM t", "0")
	})
}
