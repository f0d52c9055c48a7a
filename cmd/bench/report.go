package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"
)

// series are the runs of one side.
type series []outcome

// median is the middle time; of an even number the mean of the middle two.
func (s series) median() time.Duration {
	all := make([]float64, len(s))
	for i, o := range s {
		all[i] = o.elapsed.Seconds()
	}
	return time.Duration(middle(all) * float64(time.Second))
}

// peak is the largest of all runs.
func (s series) peak() int64 {
	var largest int64
	for _, o := range s {
		largest = max(largest, o.peak)
	}
	return largest
}

// ratio is a's time over b's.
func ratio(a, b outcome) float64 { return a.elapsed.Seconds() / b.elapsed.Seconds() }

// medianRatio is the middle of the pairs' ratios: runs of one pair saw the same machine.
func medianRatio(a, b series) float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = ratio(a[i], b[i])
	}
	return middle(all)
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// report collects the lines of the closing table.
type report struct{ lines []string }

func (r *report) add(what string, median time.Duration, comparison string, peak int64) {
	memory := "–"
	if peak > 0 {
		memory = mebibytes(peak)
	}
	r.lines = append(r.lines, fmt.Sprintf("| %s | %s | %s | %s |", what, seconds(median), comparison, memory))
}

func (r *report) print(out io.Writer) {
	fmt.Fprintln(out, "\n| What | Median | Compared | Peak memory |\n|---|---|---|---|")
	for _, line := range r.lines {
		fmt.Fprintln(out, line)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

func mebibytes(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }

func sizeOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.0f MB", float64(info.Size())/1e6)
}

// thousands writes 1000000 as 1,000,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
