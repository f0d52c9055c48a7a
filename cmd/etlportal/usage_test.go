package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every mistake gets one line that says what and how to mend it, and a code.
func TestBadInput(t *testing.T) {
	db := newDatabase(t)
	db.exec(`CREATE TABLE t (a int, b text); CREATE VIEW v AS TABLE t; CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT SELECT ON t TO reader`)
	good := file(t, "a.csv", "a,b\n1,x\n2,y\n")
	with := func(user, rest string) string {
		_, after, ok := strings.Cut(db.url, "@")
		require.True(t, ok)
		host, _, _ := strings.Cut(after, "/")
		return "postgres://" + user + "@" + host + rest
	}
	name := db.url[strings.LastIndex(db.url, "/"):]
	before, _, _ := strings.Cut(db.url, "@")
	admin := strings.TrimPrefix(before, "postgres://")
	load := func(path, url string, more ...string) []string {
		return append([]string{"load", path, "--to", url, "--table", "t", "--quiet"}, more...)
	}
	bytesOf := func(name string, b ...byte) string { return file(t, name, string(b)) }
	mapping := func(text string) []string {
		return load(good, db.url, "--mapping", file(t, "m.yaml", text))
	}
	cases := []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"no command of that name", []string{"lode"}, 2, []string{"lode"}},
		{"unknown flag", []string{"load", good, "--tabel", "t"}, 2, []string{"--tabel", "--help"}},
		{"no file", []string{"load"}, 2, []string{"takes 1 argument"}},
		{"no --to", []string{"load", good, "--table", "t"}, 2, []string{"--to is missing"}},
		{"no --table", []string{"load", good, "--to", db.url}, 2, []string{"--table is missing"}},
		{"three-part table", load(good, db.url, "--table", "a.b.c"), 2, []string{"[schema.]table"}},
		{"unknown strategy", load(good, db.url, "--strategy", "merge"), 2, []string{"upsert"}},
		{"upsert without key", load(good, db.url, "--strategy", "upsert"), 2, []string{"--key"}},
		{"missing file", load("/nowhere/x.csv", db.url), 2, []string{"/nowhere/x.csv does not exist"}},
		{"folder", load(t.TempDir(), db.url), 2, []string{"is a directory"}},
		{"empty file", load(bytesOf("e.csv"), db.url), 2, []string{"empty"}},
		{"only a BOM", load(bytesOf("e.csv", 0xef, 0xbb, 0xbf), db.url), 2, []string{"empty"}},
		{"PNG", load(bytesOf("p.csv", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00")...), db.url), 2, []string{"PNG"}},
		{"PDF", load(bytesOf("p.csv", []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")...), db.url), 2, []string{"PDF"}},
		{"HTML", load(bytesOf("p.csv", []byte("<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n")...), db.url), 2, []string{"HTML"}},
		{"JSON", load(bytesOf("p.csv", []byte("{\"a\": 1,\n \"b\": [1, 2]}\n")...), db.url), 2, []string{"JSON"}},
		{"unknown encoding", load(good, db.url, "--encoding", "klingon"), 2, []string{"klingon"}},
		{"not a URL", load(good, "localhost"), 2, []string{"postgres://"}},
		{"other scheme", load(good, "mysql://root@localhost/db"), 2, []string{"postgres://"}},
		{"bad port", load(good, "postgres://localhost:99999/db"), 2, []string{"65535"}},
		{"nobody listens", load(good, "postgres://u:geheim@127.0.0.1:1/db"), 3, []string{"127.0.0.1"}},
		{"unknown host", load(good, "postgres://u:geheim@no-such-host.invalid/db"), 3, []string{"no-such-host.invalid"}},
		{"wrong password", load(good, with("reader:geheim", name)), 2, []string{"reader", "password"}},
		{"no database", load(good, with(admin, "/nope")), 2, []string{"nope"}},
		{"no table", load(good, db.url, "--table", "tt"), 2, []string{`tt`, "--create"}},
		{"no schema", load(good, db.url, "--table", "nope.t"), 2, []string{"nope"}},
		{"a view", load(good, db.url, "--table", "v"), 2, []string{"view"}},
		{"no permission", load(good, with("reader:secret", name)), 2, []string{"GRANT INSERT"}},
		{"unknown column", load(file(t, "x.csv", "a,c\n1,2\n"), db.url), 2, []string{`"c"`}},
		{"mapping is missing", load(good, db.url, "--mapping", "/nowhere.yaml"), 2, []string{"/nowhere.yaml"}},
		{"mapping with a typo", mapping("columns:\n  - source: a\n    destinaton: a\n"), 2, []string{"m.yaml:3", "destination"}},
		{"mapping with an unknown function", mapping("columns:\n  - {source: b, destination: b, transformations: [TRIMM]}\n"), 2, []string{"m.yaml:2", "TRIMM", "TRIM"}},
		{"mapping with an unknown source", mapping("columns:\n  - {source: bb, destination: b}\n"), 2, []string{"m.yaml:2", "bb"}},
		{"expression with a syntax error", mapping("columns:\n  - {destination: b, expression: \"upper(b\"}\n"), 2, []string{"8"}},
		{"expression with an unknown name", mapping("columns:\n  - {destination: b, expression: \"upper(bee)\"}\n"), 2, []string{"bee"}},
		{"two columns to one", mapping("columns:\n  - {source: b, destination: b}\n  - {source: a, destination: b}\n"), 2, []string{"b"}},
		{"rejects nowhere", load(file(t, "x.csv", "a,b\nx,2\n"), db.url, "--on-bad-row", "skip", "--rejects", "/nowhere/r.csv"), 2, []string{"/nowhere/r.csv"}},
		{"bad max", load(good, db.url, "--on-bad-row", "skip", "--max-bad-rows", "many"), 2, []string{"many"}},
		{"bad time zone", load(good, db.url, "--timezone", "Europe/Atlantis"), 2, []string{"Europe/Atlantis"}},
		{"bad row", load(file(t, "x.csv", "a,b\n1,x\nzwei,y\n"), db.url), 1, []string{"line 3", "zwei"}},
		{"inspect a PNG", []string{"inspect", bytesOf("p.csv", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00")...)}, 2, []string{"PNG"}},
		{"cat a folder", []string{"cat", t.TempDir()}, 2, []string{"directory"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("DATABASE_URL", "")
			o := etlportal(t, c.args...)
			require.Equal(t, c.code, o.code, o.err)
			require.Empty(t, o.out)
			require.True(t, strings.HasPrefix(o.err, "etlportal: "), o.err)
			for _, s := range c.says {
				require.Contains(t, o.err, s)
			}
			for _, secret := range []string{"geheim", "secret", strings.SplitN(admin, ":", 2)[1]} {
				require.NotContains(t, o.err, secret)
			}
			for _, noise := range []string{"goroutine", "panic", "runtime error"} {
				require.NotContains(t, o.err, noise)
			}
			require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))
		})
	}
	require.Equal(t, []string{"public.t", "public.v"}, db.tables())
}

// What was given as the rejects file is never destroyed.
func TestRejectsPath(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int)")
	input := file(t, "in.csv", "a\nx\n2\n")
	skip := func(path string) outcome { return db.load(input, "--on-bad-row", "skip", "--rejects", path) }
	read := func(path string) string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}

	for _, path := range []string{input, t.TempDir(), "-", filepath.Join(t.TempDir(), "no", "x.csv")} {
		o := skip(path)
		require.Equal(t, exitUsage, o.code, "%s: %s", path, o.err)
		require.Contains(t, o.err, "rejects")
	}
	require.Equal(t, "a\nx\n2\n", read(input))
	require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))

	dir := t.TempDir()
	target, link := filepath.Join(dir, "target.csv"), filepath.Join(dir, "link.csv")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
	require.NoError(t, os.Symlink(target, link))
	require.Equal(t, exitDone, skip(link).code)
	require.Contains(t, read(target), "x,2,a,")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)

	o := skip("/dev/null")
	require.Equal(t, exitDone, o.code, o.err)
	info, err = os.Stat("/dev/null")
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeCharDevice)

	// A full disk is noticed before anything is published.
	before := db.rows("SELECT count(*) FROM t")
	o = skip("/dev/full")
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "/dev/full cannot be written: no space left")
	require.Equal(t, before, db.rows("SELECT count(*) FROM t"))

	// A load that never got to its rows leaves the old file.
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
	require.Equal(t, exitUsage, db.load(input, "--table", "nosuch", "--on-bad-row", "skip", "--rejects", target).code)
	require.Equal(t, "old", read(target))
}

func TestMendedRejectsCanBeLoaded(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int, b text)")
	rejects := filepath.Join(t.TempDir(), "bad.csv")
	db.loaded(file(t, "in.csv", "a,b\n1,x\ntwo,y\n3,\"z\xff\"\n"), "--encoding", "utf-8", "--on-bad-row", "skip", "--rejects", rejects)
	b, err := os.ReadFile(rejects)
	require.NoError(t, err)
	mended := strings.NewReplacer("two", "2", "\xff", "!").Replace(string(b))
	o := db.loaded(file(t, "mended.csv", mended))
	require.Contains(t, o.out, "_line, _column, _reason of a rejects file were left out")
	require.Equal(t, []string{"1|x", "2|y", "3|z!"}, db.rows("SELECT * FROM t ORDER BY a"))
}

func TestLoadedThoughTheOutputCannotBeWritten(t *testing.T) {
	db := newDatabase(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	var errOut strings.Builder
	code := execute([]string{"load", file(t, "a.csv", "a\n1\n"), "--to", db.url, "--table", "t", "--create", "-q"}, nil, full, &errOut)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut.String(), "the rows are loaded, but")
	require.Equal(t, []string{"1"}, db.rows("SELECT * FROM t"))
}

func TestJSONAlsoOfWhatNeverStarted(t *testing.T) {
	for _, args := range [][]string{{"load", "--format", "json"}, {"load", "x.csv", "--format=json", "--nope"}, {"inspect", "/nowhere.csv", "--format", "json"}} {
		o := etlportal(t, args...)
		require.Equal(t, exitUsage, o.code)
		j := runOf(t, o)
		require.Equal(t, "FAILED", j.Status)
		require.NotEmpty(t, j.Error.Message)
	}
	o := etlportal(t, "load", "postgres://me:geheim@host/db", "--to", "postgres://me:geheim@127.0.0.1:1/db", "--table", "postgres://me:geheim@host/db")
	require.NotContains(t, o.err, "geheim")
}

func TestRejectsFileIsWholeOrNotThere(t *testing.T) {
	db := newDatabase(t)
	db.exec("CREATE TABLE t (a int)")
	dir := t.TempDir()
	rejects := filepath.Join(dir, "bad.csv")
	require.NoError(t, os.WriteFile(rejects, []byte("old"), 0o600))
	db.loaded(file(t, "a.csv", "a\n1\n"), "--on-bad-row", "skip", "--rejects", rejects)
	b, err := os.ReadFile(rejects)
	require.NoError(t, err)
	require.Equal(t, "a,_line,_column,_reason\n", string(b))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
