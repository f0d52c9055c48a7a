package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

var redshiftRows = flag.Int("redshift.rows", 1_000_000, "how many rows of about 136 bytes BenchmarkLoadRedshift loads")

// BenchmarkLoadRedshift loads a file into the stand-in for Redshift with the
// program as a process of its own. staged-s is the time until COPY begins, peak-MiB
// the process's largest resident set; COPY and INSERT are PostgreSQL's work here
// and say nothing of Redshift.
func BenchmarkLoadRedshift(b *testing.B) {
	program := filepath.Join(b.TempDir(), "etlportal")
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, string(out))
	file := filepath.Join(b.TempDir(), "orders.csv")
	size := ordersFile(b, file, *redshiftRows)
	s, _, env := newStandIn(b)
	seen := &manifestSeen{Blobs: s.Blobs}
	s.Blobs = seen
	b.SetBytes(size)
	for b.Loop() {
		s.Exec("DROP TABLE IF EXISTS orders")
		seen.at.Store(0)
		child := exec.CommandContext(b.Context(), program, "load", file, "--to", s.URL(), "--table", "orders", "--create", "--format", "json")
		var answer bytes.Buffer
		child.Env, child.Stdout, child.Stderr = append(os.Environ(), env...), &answer, os.Stderr
		start := time.Now()
		peak := runToEnd(b, child, &answer)
		var result struct {
			Rows int `json:"rows_loaded"`
		}
		require.NoError(b, json.Unmarshal(answer.Bytes(), &result))
		require.Equal(b, *redshiftRows, result.Rows)
		staged := time.Unix(0, seen.at.Load()).Sub(start)
		b.ReportMetric(staged.Seconds(), "staged-s")
		b.ReportMetric(float64(size)/1e6/staged.Seconds(), "staged-MB/s")
		b.ReportMetric(float64(peak)/1024, "peak-MiB")
		b.ReportMetric((child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds(), "cpu-s")
	}
}

// runToEnd runs a process and gives its largest resident set in KiB.
func runToEnd(b *testing.B, child *exec.Cmd, answer *bytes.Buffer) (peak int64) {
	b.Helper()
	require.NoError(b, child.Start())
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case err := <-ended:
			require.NoError(b, err, answer.String())
			return peak
		case <-time.After(50 * time.Millisecond):
			peak = max(peak, residentPeak(child.Process.Pid))
		}
	}
}

// residentPeak is the largest resident set of a process that runs, in KiB. What
// the system tells of one that has ended includes who started it.
func residentPeak(pid int) (kib int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	if _, after, found := strings.Cut(string(text), "VmHWM:"); found {
		_, _ = fmt.Sscan(after, &kib)
	}
	return kib
}

// manifestSeen notes when COPY asks for its manifest, and so begins.
type manifestSeen struct {
	etl.Blobs
	at atomic.Int64
}

func (m *manifestSeen) Head(ctx context.Context, key string) (etl.ObjectRef, error) {
	if strings.Contains(key, "/manifest-") {
		m.at.CompareAndSwap(0, time.Now().UnixNano())
	}
	return m.Blobs.Head(ctx, key)
}

// ordersFile writes rows as cmd/bench does, and gives the file's size.
func ordersFile(b *testing.B, path string, rows int) int64 {
	b.Helper()
	file, err := os.Create(path)
	require.NoError(b, err)
	out := bufio.NewWriterSize(file, 1<<18)
	random := rand.New(rand.NewPCG(1, 1))
	one := func(words ...string) string { return words[random.IntN(len(words))] }
	_, err = out.WriteString("id,customer,city,product,note,amount,qty,ordered_at,ship_date,paid\n")
	require.NoError(b, err)
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		at := start.Add(time.Duration(random.IntN(5*365*24*3600)) * time.Second)
		_, err = fmt.Fprintf(out, "%d,%s %s,%s,%s,%s,%d.%02d,%d,%s,%s,%t\n", 1_000_000+i,
			one("Alexandra", "Benjamin", "Charlotte", "Dominik", "Eleonora", "Friedrich", "Gabriela", "Henrik"),
			one("Andersen", "Bianchi", "Castellanos", "Dvorak", "Eriksson", "Fitzgerald", "Grabowski", "Hoffmann"),
			one("Amsterdam", "Barcelona", "Copenhagen", "Dublin", "Edinburgh", "Florence", "Gothenburg", "Hamburg"),
			one("Adjustable chair", "Bluetooth keyboard", "Ceramic coffee mug", `"Desk lamp, dimmable"`, "Ergonomic mouse", "Felt pen set", "Glass whiteboard", `"27"" monitor"`),
			one("please deliver before ten o'clock in the morning", "leave the parcel with the neighbour", `"invoice by post to the head office, not by e-mail"`, "gift wrapping and a card with the name", "", `"customer wrote: ""call me first"""`),
			random.IntN(10_000), random.IntN(100), 1+random.IntN(99), at.Format(time.DateTime), at.AddDate(0, 0, 1+random.IntN(9)).Format(time.DateOnly), random.IntN(3) > 0)
		require.NoError(b, err)
	}
	require.NoError(b, out.Flush())
	info, err := file.Stat()
	require.NoError(b, err)
	require.NoError(b, file.Close())
	return info.Size()
}
