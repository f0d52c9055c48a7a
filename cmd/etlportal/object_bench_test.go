package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etltest"
)

var objectRows = flag.Int("object.rows", 1_000_000, "how many rows of about 136 bytes BenchmarkReadObject reads")

// BenchmarkReadObject reads a file from the disk and from the embedded object
// store, with the program as a process of its own; peak-MiB is its largest resident set.
func BenchmarkReadObject(b *testing.B) {
	program := filepath.Join(b.TempDir(), "etlportal")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, string(out))
	path := filepath.Join(b.TempDir(), "orders.csv")
	size := ordersFile(b, path, *objectRows)
	s := newStore(b)
	file, err := os.Open(path)
	require.NoError(b, err)
	defer file.Close()
	_, err = s.blobs.Put(b.Context(), "orders.csv", file)
	require.NoError(b, err)
	database := etltest.Postgres(b)
	for _, from := range []struct{ name, path string }{{"disk", path}, {"S3", "s3://" + bucket + "/orders.csv"}} {
		commands := map[string][]string{"inspect": {"inspect", from.path}, "cat": {"cat", from.path}}
		for _, n := range []int{1, 4} {
			commands["load by "+strconv.Itoa(n)] = []string{
				"load", from.path, "--to", database, "--table", "orders", "--create", "--dry-run", "--quiet", "--parallel", strconv.Itoa(n),
			}
		}
		for name, args := range commands {
			b.Run(name+" from "+from.name, func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					child := exec.CommandContext(b.Context(), program, args...)
					var said bytes.Buffer
					child.Stderr = &said
					start := time.Now()
					peak := runToEnd(b, child, &said)
					b.ReportMetric(float64(size)/1e6/time.Since(start).Seconds(), "MB/s")
					b.ReportMetric(float64(peak)/1024, "peak-MiB")
					b.ReportMetric((child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds(), "cpu-s")
				}
			})
		}
	}
}
