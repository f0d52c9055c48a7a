package main

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"
)

func TestRowsAreTheSameEveryTime(t *testing.T) {
	var first, second, other bytes.Buffer
	for _, c := range []struct {
		out  *bytes.Buffer
		seed uint64
	}{{&first, 1}, {&second, 1}, {&other, 2}} {
		if err := writeRows(c.out, 1000, c.seed); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("one seed made two files")
	}
	if bytes.Equal(first.Bytes(), other.Bytes()) {
		t.Error("two seeds made one file")
	}
	records, err := csv.NewReader(&first).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1001 || len(records[0]) != 10 {
		t.Errorf("%d records of %d fields, want 1001 of 10", len(records), len(records[0]))
	}
	if perRow := float64(other.Len()) / 1000; perRow < 120 || perRow > 150 {
		t.Errorf("%.0f bytes a row, want about 136", perRow)
	}
}

// The data directory gets a whole file or none, and a kept one is not made again.
func TestDataFileIsKept(t *testing.T) {
	dir := t.TempDir()
	first, err := dataFile(dir, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := dataFile(dir, 100, 1)
	if err != nil || again != first {
		t.Errorf("got %s, %v; want %s", again, err, first)
	}
	other, err := dataFile(dir, 100, 2)
	if err != nil || other == first {
		t.Errorf("another seed has the same file: %s, %v", other, err)
	}
}

func TestMedianRatio(t *testing.T) {
	of := func(all ...time.Duration) series {
		s := make(series, len(all))
		for i, d := range all {
			s[i] = outcome{elapsed: d}
		}
		return s
	}
	if got := medianRatio(of(30, 10, 20), of(10, 10, 10)); got != 2 {
		t.Errorf("of three pairs: %v", got)
	}
	if got := medianRatio(of(10, 20), of(10, 10)); got != 1.5 {
		t.Errorf("of two pairs: %v", got)
	}
	if got := of(3*time.Second, time.Second, 2*time.Second).median(); got != 2*time.Second {
		t.Errorf("median %v", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 10000000: "10,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

// What a failed command was is shown without a password.
func TestErrorsHideTheURL(t *testing.T) {
	const want = "load file.csv --to URL"
	if got := withoutURL([]string{"load", "file.csv", "--to", "postgres://me:secret@localhost/shop"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := start(t.Context(), "false", "postgres://me:secret@localhost/shop"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}
