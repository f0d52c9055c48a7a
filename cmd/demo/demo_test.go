package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/etlportal/etlportal/internal/etltest"
)

// The committed samples are what the generator makes.
func TestSamplesAreGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := writeSamples(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sales.csv", "rechnungen.csv"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("examples/%s differs from what `go run ./cmd/demo -samples examples` writes", name)
		}
	}
}

// Every output pasted in the README is what its command prints today.
func TestReadme(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../etlportal")
	if printed, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	t.Chdir(filepath.Join("..", ".."))
	var out bytes.Buffer
	sh := shell{bin: bin, url: etltest.Postgres(t)}
	if err := checkReadme(t.Context(), sh, "README.md", false, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
}

func TestSteps(t *testing.T) {
	got := steps("lost\n$ one\nprinted\n$ two \\\n  --flag\na\nb\n")
	want := []step{
		{"one", "one", "printed\n"},
		{"two \\\n  --flag", "two   --flag", "a\nb\n"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("step %d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1,000 rows in 0.12 s (8.1 MB/s)", "1,000 rows in 12 ms (12.4 MB/s)", true},
		{"in 0.1 s (16.5 KiB, 244.3 KiB/s)", "in 41 ms (16.5 KiB, 1.3 MiB/s)", true},
		{"1,000 rows in 0.12 s", "1,001 rows in 0.12 s", false},
		{"at 127.0.0.1:5432", "at 127.0.0.1:40123", true},
		{"run 0190d3a1-0000-7000-8000-000000000000", "run 0190d3a1-ffff-7000-8000-000000000001", true},
		{"3 columns", "4 columns", false},
	} {
		if got := same(c.a, c.b); got != c.want {
			t.Errorf("same(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// The tables look as psql prints them.
func TestQueryLooksLikePsql(t *testing.T) {
	sh := shell{url: etltest.Postgres(t)}
	for query, want := range map[string]string{
		`SELECT 7 AS number, $$Zoë$$ AS name, NULL AS nothing UNION ALL SELECT 12345678, $$x$$, $$y$$`: "  number  | name | nothing \n----------+------+---------\n        7 | Zoë  | \n 12345678 | x    | y\n(2 rows)\n",

		`SELECT 1.5 AS total`:       " total \n-------\n   1.5\n(1 row)\n",
		`SELECT 1 AS a WHERE false`: " a \n---\n(0 rows)\n",
	} {
		got, err := sh.run(t.Context(), psqlPrefix+query+"'")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", query, got, want)
		}
	}
	if _, err := sh.run(t.Context(), psqlPrefix+"SELECT nonsense'"); err == nil {
		t.Error("a query that fails is no error")
	}
}
