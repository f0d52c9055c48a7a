package redshift_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// roads are the ways to a stand-in.
var roads = map[string]func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error){
	"wire": func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error) {
		return redshift.Connect(ctx, redshift.Login{Host: s.Host, Port: s.Port, Database: s.Database, Username: s.User, Password: s.Pass, SSLMode: "disable"})
	},
	"data API": func(ctx context.Context, s *etltest.RedshiftServer) (etl.Statements, error) {
		return aws.NewRedshiftData(ctx, aws.Account{Region: "us-east-1", Endpoint: s.DataEndpoint, AccessKey: "test", SecretKey: "test"}, aws.RedshiftData{Workgroup: s.Workgroup, Database: s.Database})
	},
}

// each runs a test over both roads, each with a warehouse of its own.
func each(t *testing.T, statements []string, test func(*testing.T, *etltest.RedshiftServer, *redshift.Redshift)) {
	t.Helper()
	for name, connect := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.Exec(statements...)
			road, err := connect(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			test(t, s, over(t, s, road))
		})
	}
}

func over(t *testing.T, s *etltest.RedshiftServer, road etl.Statements) *redshift.Redshift {
	t.Helper()
	r, err := redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role}, Errors: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
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
	t.Parallel()
	each(t, []string{"CREATE TABLE t (id INTEGER NOT NULL, name VARCHAR(10), doc SUPER, PRIMARY KEY (id)) DISTSTYLE AUTO SORTKEY AUTO"}, direct)
}

func direct(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
	t.Helper()
	s.Throttle(3)
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

func TestDestination(t *testing.T) {
	t.Parallel()
	for _, isolation := range []etltest.Isolation{etltest.Serializable, etltest.Snapshot} {
		for name, connect := range roads {
			t.Run(name+", "+string(isolation), func(t *testing.T) {
				t.Parallel()
				etltest.DestinationSuite(t, func(t *testing.T) etltest.DestinationSetup {
					t.Helper()
					s := etltest.Redshift(t, etltest.Blobs(t))
					s.Isolation = isolation
					road, err := connect(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					ask := func(sql string) string {
						answer, err := s.Ask(sql)
						if err != nil {
							t.Fatalf("%s: %v", sql, err)
						}
						return answer
					}
					return etltest.DestinationSetup{Dest: over(t, s, road), Exec: func(sql string) { s.Exec(sql) }, Ask: ask}
				})
			})
		}
	}
}
