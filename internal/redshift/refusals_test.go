package redshift_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// wild are values that make a row several lines, or hold what CSV is made of.
var wild = []string{"two\nlines", "\n", "a\r\nb\r\n\n", `a "quoted", part`, `"`, "käse, 日本語\n🙂", `back\slash`, ""}

// refusals is a load of several chunks of several parts each, some of whose rows
// COPY refuses; rows are of four lines in the user's file.
type refusals struct {
	spec   etl.LoadSpec
	claims []etl.ChunkClaim
	// want are the records that are refused.
	want []int64
}

const (
	refusalChunks = 3
	refusalRows   = 120
)

// stageRefusals stages one with parts as small as can be.
func stageRefusals(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift, load string) *refusals {
	t.Helper()
	s.Refuses = func(column, value string) string {
		if column == "name" && strings.HasPrefix(value, "refuse") {
			return "Value is not to be taken"
		}
		return ""
	}
	x := &refusals{spec: specOf(t, r, "t")}
	x.spec.SkipRefused = true
	if err := r.Prepare(t.Context(), load, x.spec); err != nil {
		t.Fatal(err)
	}
	for n := range refusalChunks {
		c := etl.ChunkClaim{Chunk: n, Attempt: 1, Start: int64(n) * 1000, End: int64(n+1) * 1000, Rows: refusalRows}
		session, err := r.BeginChunk(t.Context(), load, x.spec, c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range refusalRows {
			record := int64(n*refusalRows + i + 1)
			name := wild[int(record)%len(wild)]
			if record%7 == 0 {
				name = "refuse " + name
				x.want = append(x.want, record)
			}
			b := session.NewBatch()
			if bad := b.Append(row(int(record), name, wild[int(record*3)%len(wild)]), 4*record+1, record); bad != nil {
				t.Fatal(bad.Reason)
			}
			if err := session.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := session.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.claims = append(x.claims, c)
	}
	return x
}

// check compares what a load left out, wherever it was asked.
func (x *refusals) check(t *testing.T, result *etl.LoadResult, err error) {
	t.Helper()
	if err != nil || result == nil || len(etltest.Rejects(result.Refused)) != len(x.want) || result.Inserted != refusalChunks*refusalRows-int64(len(x.want)) {
		t.Fatalf("%+v, %v", result, err)
	}
	for i, record := range x.want {
		value := "refuse " + wild[int(record)%len(wild)]
		if got := etltest.Rejects(result.Refused)[i]; got.Record != record || got.Line != 4*record+1 || got.Column != "name" || got.Value != value || !strings.Contains(got.Reason, "not to be taken") {
			t.Errorf("record %d: %+v", record, got)
		}
	}
}

// smallParts is a destination whose parts end with each row, and that waits for
// load errors as long as one would.
func smallParts(t *testing.T, s *etltest.RedshiftServer, road etl.Statements, wait time.Duration) *redshift.Redshift {
	t.Helper()
	r, err := redshift.New(road, redshift.Options{Staging: redshift.Staging{Blobs: s.Blobs, Bucket: s.Bucket, Role: s.Role}, PartBytes: 1, Errors: wait})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Rows that COPY refuses, in many parts, are told by the user's lines and values
// whatever is in them, and told again by who comes after the answer was lost.
func TestRefusedAnywhere(t *testing.T) {
	t.Parallel()
	for name, connect := range roads {
		t.Run(name, func(t *testing.T) {
			s := etltest.Redshift(t, etltest.Blobs(t))
			s.LoadErrorsLate = 300 * time.Millisecond
			s.Exec("CREATE TABLE t (id INTEGER, name VARCHAR(40), other VARCHAR(40))")
			road, err := connect(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			r := smallParts(t, s, road, 5*time.Second)
			x := stageRefusals(t, s, r, "wild")
			var asked int64
			x.spec.AllowRefused = func(n int64) error { asked = n; return nil }
			result, err := r.Publish(t.Context(), "wild", x.spec, x.claims)
			x.check(t, &result, err)
			if asked != int64(len(x.want)) {
				t.Errorf("asked for %d", asked)
			}
			again, err := r.Published(t.Context(), "wild")
			x.check(t, again, err)
			if again, err := r.Publish(t.Context(), "wild", x.spec, x.claims); err != nil || len(etltest.Rejects(again.Refused)) != len(x.want) {
				t.Errorf("%d refused, %v", len(etltest.Rejects(again.Refused)), err)
			}
			s.Want("SELECT count(*), count(DISTINCT id) FROM t", fmt.Sprintf("%d|%d", result.Inserted, result.Inserted))
			s.Want(`SELECT other FROM t WHERE id = 5`, wild[15%len(wild)])
		})
	}
}

// A load that may leave nothing out names a row; one whose errors the warehouse
// does not show yet is tried again, as is a COPY that meets a fault of S3.
func TestRefusalsThatEndALoad(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (id INTEGER, name VARCHAR(40), other VARCHAR(40))")
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = road.Close(t.Context()) })
	r := smallParts(t, s, road, time.Millisecond)
	x := stageRefusals(t, s, r, "whole")
	strict := x.spec
	strict.SkipRefused = false
	var e *etl.Error
	if _, err := r.Publish(t.Context(), "whole", strict, x.claims); !errors.As(err, &e) || e.Kind != etl.Refused || e.Line != 4*7+1 || e.Column != "name" {
		t.Errorf("%+v", err)
	}
	s.LoadErrorsLate = time.Hour
	// The first COPY's are there, those of the one that counts are not.
	if _, err := r.Publish(t.Context(), "whole", x.spec, x.claims); !errors.As(err, &e) || e.Kind != etl.Weather || e.Code != "load_errors_missing" {
		t.Errorf("%+v", err)
	}
	s.LoadErrorsLate = 0
	r.SetMost(int64(len(x.want)))
	if _, err := r.Publish(t.Context(), "whole", x.spec, x.claims); !errors.As(err, &e) || e.Kind != etl.Refused || e.Code != "too_many_bad_rows" || e.Line != 4*7+1 {
		t.Errorf("%+v", err)
	}
	r.SetMost(100_000)
	// A fault of S3 passes, whichever COPY meets it.
	s.FailNext("COPY", 1, etltest.FaultSlowDown)
	s.Want("SELECT count(*) FROM t", "0")
	result, err := r.Publish(t.Context(), "whole", x.spec, x.claims)
	x.check(t, &result, err)
}

// CHAR counts bytes, and takes those of ASCII alone.
func TestChar(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	s.Exec("CREATE TABLE t (c CHAR(4))")
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r := over(t, s, road)
	b := r.NewBatch(specOf(t, r, "t"))
	for value, code := range map[string]etl.Code{"abcd": "", "abcde": "too_long", "äb": "untranslatable_character"} {
		bad := b.Append([]schema.Value{{Kind: schema.VText, Bytes: []byte(value)}}, 2, 1)
		if (bad == nil) != (code == "") || bad != nil && (bad.Code != code || bad.Column != "c") {
			t.Errorf("%s: %+v", value, bad)
		}
	}
}
