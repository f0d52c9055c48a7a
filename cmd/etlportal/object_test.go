package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/local"
)

// objectStore is a bucket that this process's environment gives access to.
type objectStore struct {
	t        testing.TB
	server   *local.BlobServer
	blobs    etl.Blobs
	endpoint string
}

const bucket = "my-files"

func newStore(t testing.TB) *objectStore {
	t.Helper()
	server, err := local.StartBlobs(t.Context(), local.BlobsOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	s := &objectStore{t, server, etltest.OpenBucket(t, server, bucket, etltest.BlobsSetup{}), server.Endpoint}
	nothing := filepath.Join(t.TempDir(), "nothing")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing, "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_SESSION_TOKEN": "",
		"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey, "AWS_ENDPOINT_URL": server.Endpoint,
	} {
		t.Setenv(name, value)
	}
	return s
}

// put stores an object and gives its address.
func (s *objectStore) put(key string, content []byte) string {
	s.t.Helper()
	_, err := s.blobs.Put(s.t.Context(), key, bytes.NewReader(content))
	require.NoError(s.t, err)
	return "s3://" + bucket + "/" + key
}

// through has the commands reach the store by way of a handler.
func (s *objectStore) through(handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)) {
	s.t.Helper()
	s.t.Setenv("AWS_ENDPOINT_URL", etltest.BlobsProxy(s.t, s.endpoint, handle))
}

// orders is a file of several blocks.
func orders(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("id,note,amount\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,\"line %d\n\"\"quoted\"\", %s\",%d.%02d\n", i, i, strings.Repeat("and more ", i%30), i, i%100)
	}
	return b.Bytes()
}

const content = "SELECT count(*), md5(string_agg(t::text, '' ORDER BY ctid)) FROM t"

// packed is a content as it is, and in every archive that is unpacked.
func packed(t *testing.T, text []byte) map[string][]byte {
	t.Helper()
	var gz, zp bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, err := g.Write(text)
	require.NoError(t, err)
	require.NoError(t, g.Close())
	z := zip.NewWriter(&zp)
	f, err := z.Create("orders.csv")
	require.NoError(t, err)
	_, err = f.Write(text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	e, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return map[string][]byte{"orders.csv": text, "orders.csv.gz": gz.Bytes(), "orders.csv.zst": e.EncodeAll(text, nil), "orders.zip": zp.Bytes()}
}

func TestObjectsAreReadAsFilesAre(t *testing.T) {
	s := newStore(t)
	for name, b := range packed(t, orders(50_000)) {
		t.Run(name, func(t *testing.T) {
			path, address := file(t, name, string(b)), s.put("in/"+name, b)
			db := newDatabase(t)
			db.loaded(path, "--create")
			want := db.rows(content)
			for _, n := range []string{"1", "4"} {
				db := newDatabase(t)
				o := db.loaded(address, "--create", "--parallel", n)
				require.Contains(t, o.out, address+": 50,000 rows loaded into t")
				require.Equal(t, want, db.rows(content))
				j := runOf(t, db.loaded(address, "--strategy", "truncate_insert", "--parallel", n, "--format", "json"))
				require.Equal(t, int64(len(b)), j.Bytes)
				require.Equal(t, want, db.rows(content))
			}
			for _, command := range []string{"inspect", "cat"} {
				far := etlportal(t, command, address)
				require.Equal(t, exitDone, far.code, far.err)
				require.Equal(t, etlportal(t, command, path).out, strings.ReplaceAll(far.out, address, path))
			}
		})
	}
}

func TestKeysAreTakenAsTheyAreWritten(t *testing.T) {
	s := newStore(t)
	for i, key := range []string{
		"with space.csv", "a+b.csv", "50%25.csv", "100%.csv", "what?.csv", "a?versionId=3/b.csv", "#1 & co;=,'\"!.csv", "日本/räksmörgås 🧂.csv", "a//b.csv", ".csv", "a:b@c.csv",
	} {
		o := etlportal(t, "cat", s.put(key, fmt.Appendf(nil, "a,b\n%d,x\n", i)))
		require.Equal(t, outcome{exitDone, fmt.Sprintf("a,b\n%d,x\n", i), ""}, o, key)
	}
}

func TestObjectsByTheSharedFiles(t *testing.T) {
	s := newStore(t)
	address := s.put("a.csv", []byte("a\n1\n"))
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"} {
		require.NoError(t, os.Unsetenv(name)) // restored by newStore's Setenv
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file(t, "credentials", fmt.Sprintf("[shop]\naws_access_key_id=%s\naws_secret_access_key=%s\n", s.server.AccessKey, s.server.SecretKey)))
	t.Setenv("AWS_CONFIG_FILE", file(t, "config", fmt.Sprintf("[profile shop]\nregion=%s\nservices=there\n[services there]\ns3 =\n  endpoint_url=http://localhost:%d\n", local.Region, s.server.Port)))
	t.Setenv("AWS_PROFILE", "shop")
	o := etlportal(t, "cat", address)
	require.Equal(t, outcome{exitDone, "a\n1\n", ""}, o)
	t.Setenv("AWS_PROFILE", "nope")
	o = etlportal(t, "cat", address)
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "nope")
}

// The connection breaks and the store asks for patience, again and again.
func TestObjectThroughBadWeather(t *testing.T) {
	s := newStore(t)
	var requests, cut, slowed atomic.Int64
	s.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		switch n := requests.Add(1); {
		case n%40 == 5: // the program waits a while after each
			slowed.Add(1)
			etltest.SlowDown(w)
		case n%3 == 0 && r.Header.Get("Range") != "bytes=0-0":
			cut.Add(1)
			forward.ServeHTTP(etltest.CutAfter(w, n*7919), r)
		default:
			forward.ServeHTTP(w, r)
		}
	})
	for name, b := range packed(t, orders(50_000)) {
		db := newDatabase(t)
		db.loaded(file(t, name, string(b)), "--create")
		want := db.rows(content)
		for _, n := range []string{"1", "4"} {
			db := newDatabase(t)
			db.loaded(s.put(name, b), "--create", "--parallel", n)
			require.Equal(t, want, db.rows(content))
		}
	}
	require.Positive(t, cut.Load())
	require.Positive(t, slowed.Load())
}

func TestObjectReplacedMeanwhile(t *testing.T) {
	s := newStore(t)
	text := orders(100_000)
	for _, n := range []string{"1", "4"} {
		for what, replace := range map[string]func(key string){
			"replaced": func(key string) { s.put(key, bytes.ToUpper(text)) },
			"deleted":  func(key string) { require.NoError(t, s.blobs.Delete(t.Context(), key)) },
		} {
			key := what + n + ".csv"
			address := s.put(key, text)
			once := sync.OnceFunc(func() { replace(key) })
			s.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
				if !strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
					once()
				}
				forward.ServeHTTP(w, r)
			})
			db := newDatabase(t)
			db.exec("CREATE TABLE t (id int, note text, amount numeric)")
			o := db.load(address, "--parallel", n)
			require.Equal(t, exitUsage, o.code, o.err)
			require.Contains(t, o.err, address+" was replaced or deleted while it was read")
			require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))
			t.Setenv("AWS_ENDPOINT_URL", s.endpoint)
		}
	}
}

func TestObjectWithBadRows(t *testing.T) {
	s := newStore(t)
	db := newDatabase(t)
	db.exec("CREATE TABLE t (id int PRIMARY KEY)")
	address := s.put("a.csv", []byte("id\n1\nzwei\n1\n3\n"))
	rejects := filepath.Join(t.TempDir(), "bad.csv")
	o := db.loaded(address, "--dry-run", "--on-bad-row", "skip")
	require.Contains(t, o.out, "2 rows would be loaded")
	require.Equal(t, []string{"0"}, db.rows("SELECT count(*) FROM t"))
	db.loaded(address, "--on-bad-row", "skip", "--rejects", rejects)
	require.Equal(t, []string{"1", "3"}, db.rows("SELECT * FROM t ORDER BY 1"))
	b, err := os.ReadFile(rejects)
	require.NoError(t, err)
	require.Contains(t, string(b), "zwei,3,id,")
	require.Contains(t, string(b), "1,4,")
	o = db.load(address, "--strategy", "truncate_insert")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "line 3")
}

func TestObjectToRedshift(t *testing.T) {
	s, objects, env := newStandIn(t)
	blobs := etltest.OpenBucket(t, objects, bucket, etltest.BlobsSetup{})
	_, err := blobs.Put(t.Context(), "sales.csv", strings.NewReader("id,item\n1,tea\n2,käse\n"))
	require.NoError(t, err)
	o := admin(t, env, "load", "s3://"+bucket+"/sales.csv", "--to", s.URL(), "--table", "sales", "--create")
	require.Equal(t, exitDone, o.code, o.err)
	s.Want("SELECT id, item FROM sales ORDER BY id", "1|tea\n2|käse")
}

func TestObjectsThatCannotBeRead(t *testing.T) {
	s := newStore(t)
	s.put("in/Sales-2024.csv", []byte("a\n1\n"))
	s.put("empty.csv", nil)
	for _, c := range []struct {
		name, address string
		env           map[string]string
		code          int
		says          []string
	}{
		{"no bucket", "s3://", nil, 2, []string{"names no bucket", "s3://bucket/key"}},
		{"bucket alone", "s3://my-files", nil, 2, []string{"names a bucket", "s3://my-files/FILE.csv"}},
		{"bucket with a slash", "s3://my-files/", nil, 2, []string{"names a bucket", "aws s3 ls s3://my-files/"}},
		{"folder with a slash", "s3://my-files/in/", nil, 2, []string{"names a folder", "s3://my-files/in/FILE.csv"}},
		{"folder", "s3://my-files/in", nil, 2, []string{"is a folder", "aws s3 ls s3://my-files/in/"}},
		{"no such bucket", "s3://no-files/a.csv", nil, 2, []string{"no-files", "AWS_ENDPOINT_URL_S3"}},
		{"not a bucket", "s3://no files/a.csv", nil, 2, []string{`"no files"`}},
		{"other letters", "s3://my-files/in/sales-2024.CSV", nil, 2, []string{"does not exist. Did you mean s3://my-files/in/Sales-2024.csv?"}},
		{"a letter missing", "s3://my-files/in/Sales-204.csv", nil, 2, []string{"Did you mean s3://my-files/in/Sales-2024.csv?"}},
		{"nothing like it", "s3://my-files/in/customers.csv", nil, 2, []string{"s3://my-files/in/customers.csv does not exist. Check the key"}},
		{"empty", "s3://my-files/empty.csv", nil, 2, []string{"s3://my-files/empty.csv", "empty"}},
		{"no version", "s3://my-files/in/Sales-2024.csv?versionId=", nil, 2, []string{"names no version"}},
		{"keys in the address", "s3://AKIAX:geheim/x@my-files/a.csv", nil, 2, []string{"AWS_PROFILE"}},
		{"unknown key", "s3://my-files/a.csv", map[string]string{"AWS_ACCESS_KEY_ID": "NOBODY"}, 2, []string{"does not take the credentials", "AWS_ACCESS_KEY_ID"}},
		{"wrong secret", "s3://my-files/a.csv", map[string]string{"AWS_SECRET_ACCESS_KEY": "geheim"}, 2, []string{"does not take the credentials"}},
		{"no credentials", "s3://my-files/a.csv", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 2, []string{"without AWS credentials", "AWS_PROFILE", "aws sso login"}},
		{"nobody listens", "s3://my-files/a.csv", map[string]string{"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}, 1, []string{"127.0.0.1:1 cannot be reached", "AWS_ENDPOINT_URL_S3"}},
		{"unknown host", "s3://my-files/a.csv", map[string]string{"AWS_ENDPOINT_URL_S3": "http://no-such-host.invalid"}, 1, []string{"no-such-host.invalid cannot be reached"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			o := etlportal(t, "inspect", c.address)
			require.Equal(t, c.code, o.code, o.err)
			require.Empty(t, o.out)
			for _, says := range c.says {
				require.Contains(t, o.err, says)
			}
			for _, secret := range []string{"geheim", s.server.SecretKey} {
				require.NotContains(t, o.err, secret)
			}
			require.Equal(t, 1, strings.Count(o.err, "\n"), o.err)
		})
	}
}

// A program that reads no object asks nobody for credentials.
func TestNothingIsAskedOfAWSInVain(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", file(t, "config", "[profile broken\n"))
	t.Setenv("AWS_PROFILE", "broken")
	require.Equal(t, exitDone, etlportal(t, "version").code)
	require.Equal(t, exitDone, etlportal(t, "cat", file(t, "a.csv", "a\n1\n")).code)
	o := etlportal(t, "cat", "s3://my-files/a.csv")
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.err, "AWS configuration")
}
