package etl_test

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

// A list gives what it was given, by lines, however it came and however often it is asked.
func TestRejects(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.Map(rapid.IntRange(1000, 300_000), func(n int) string { return strings.Repeat("x", n) }))
	rows := rapid.Custom(func(t *rapid.T) etl.Reject {
		r := etl.Reject{
			Line: rapid.Int64Range(1, 50).Draw(t, "line"), Record: rapid.Int64().Draw(t, "record"), Column: rapid.String().Draw(t, "column"),
			Value: texts.Draw(t, "value"), Code: etl.Code(rapid.String().Draw(t, "code")), Reason: texts.Draw(t, "reason"),
		}
		if rapid.Bool().Draw(t, "parsed") {
			r.Fields = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "fields")
			r.Raw = []byte(texts.Draw(t, "raw"))
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		list := &etl.Rejects{}
		defer list.Close()
		var want []etl.Reject
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			for _, r := range rapid.SliceOfN(rows, 0, 30).Draw(t, "rows") {
				if err := list.Add(&r); err != nil {
					t.Fatal(err)
				}
				want = append(want, r)
			}
			got := etltest.Rejects(list)
			sorted := slices.SortedStableFunc(slices.Values(want), func(a, b etl.Reject) int { return int(a.Line - b.Line) })
			if len(got) != len(sorted) || len(got) > 0 && !reflect.DeepEqual(got, sorted) || list.Len() != int64(len(want)) {
				t.Fatalf("%d rows of %d, %d counted", len(got), len(want), list.Len())
			}
			if first := list.First(); len(want) == 0 && first != nil || len(want) > 0 && (first.Line != sorted[0].Line || first.Reason != sorted[0].Reason) {
				t.Fatalf("%+v is not the first", first)
			}
		}
	})
}

// What a list holds in memory does not grow with its rows.
func TestRejectsAreBounded(t *testing.T) {
	for name, line := range map[string]func(i int64) int64{
		"forth": func(i int64) int64 { return i },
		"back":  func(i int64) int64 { return 1_000_000 - i },
	} {
		t.Run(name, func(t *testing.T) {
			list := &etl.Rejects{}
			defer list.Close()
			before := heap()
			const rows = 200_000
			for i := range int64(rows) {
				if err := list.Add(&etl.Reject{Line: line(i), Column: "v", Value: "-1", Code: "check_violation", Reason: fmt.Sprintf("(v)=(%d) does not meet CHECK ((v > 0)) (constraint few)", i)}); err != nil {
					t.Fatal(err)
				}
			}
			if grown := heap() - before; grown > 8<<20 {
				t.Errorf("%d bytes are held", grown)
			}
			n, last := 0, int64(-1)
			for r, err := range list.All() {
				if err != nil || r.Line <= last {
					t.Fatal(r.Line, last, err)
				}
				last = r.Line
				n++
			}
			if n != rows || list.Len() != rows {
				t.Errorf("%d of %d", n, list.Len())
			}
			if err := list.Close(); err != nil || list.Len() != 0 || list.Close() != nil {
				t.Error(err)
			}
		})
	}
}

// heap is how many bytes are held.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Beyond its bound a list counts only; it can be given what others counted.
func TestRejectsBeyondTheirBound(t *testing.T) {
	list, others := &etl.Rejects{Most: 10}, &etl.Rejects{}
	for i := range int64(4) {
		if err := list.Add(&etl.Reject{Line: 9 - i, Reason: "sixsix"}); err != nil {
			t.Fatal(err)
		}
	}
	others.Count(2)
	if err := others.AddAll(list); err != nil {
		t.Fatal(err)
	}
	if got := etltest.Rejects(others); len(got) != 2 || got[0].Line != 8 || others.Len() != 6 || list.Len() != 4 || list.First().Line != 6 {
		t.Errorf("%+v, %d, %d", got, others.Len(), list.Len())
	}
	var none *etl.Rejects
	if none.Len() != 0 || none.First() != nil || etltest.Rejects(none) != nil || none.Close() != nil {
		t.Error("nil is not empty")
	}
}

// Where no file can be made, it is told what to do.
func TestRejectsWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	list := &etl.Rejects{}
	err := list.Add(&etl.Reject{Reason: strings.Repeat("x", 2<<20)})
	if e, ok := err.(*etl.Error); !ok || e.Kind != etl.Mistake || e.Code != "no_temp_space" || !strings.Contains(e.Fix, "TMPDIR") { //nolint:errorlint // it is that one
		t.Errorf("%v", err)
	}
}
