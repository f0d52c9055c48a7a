package scale

import (
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const terabyte = int64(1e12)

// Scenarios are those of docs/scale.md.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "1 TB in one file", Files: 1, FileBytes: terabyte, Clients: 1, ClientRate: 125e6, Destinations: 1},
		{Name: "1 TB in 10,000 files", Files: 10000, FileBytes: terabyte / 10000, Clients: 64, ClientRate: 25e6, Destinations: 1},
		{Name: "10,000 concurrent uploads", Files: 10000, FileBytes: terabyte / 10000, Clients: 10000, ClientRate: 2.5e6, Destinations: 100},
	}
}

// variant is a line of the table of settings.
type variant struct {
	Name string
	Set  func(*System)
	// One says that it moves the line before one busy destination only.
	One bool
}

func variants() []variant {
	parallel := func(n int) variant {
		return variant{fmt.Sprintf("max_parallel %d", n), func(y *System) { y.Settings.MaxParallel = n }, true}
	}
	loaders := func(n int) variant {
		return variant{fmt.Sprintf("load concurrency %d", n), func(y *System) { y.Settings.allow(etl.TopicLoad, n) }, true}
	}
	all := []variant{
		{"**large: max_parallel 4, load concurrency 400, chunks of 64 MiB**", func(*System) {}, false},
		parallel(16), parallel(64),
		{"max_parallel 64, destination with 32 cores", func(y *System) { y.Settings.MaxParallel, y.Limits.DestinationSlots = 64, 32 }, true},
		loaders(8), loaders(100), loaders(900),
		{"max_parallel 64, 32 cores, load concurrency 64", func(y *System) {
			y.Settings.MaxParallel, y.Limits.DestinationSlots = 64, 32
			y.Settings.allow(etl.TopicLoad, 64)
		}, true},
		{"chunks of 256 MiB", func(y *System) { y.Settings.ChunkBytes = 256 << 20 }, false},
		{"chunks of 1 GiB", func(y *System) { y.Settings.ChunkBytes = 1 << 30 }, false},
		{"inspect concurrency 200", func(y *System) { y.Settings.allow(etl.TopicInspect, 200) }, false},
	}
	for _, p := range presets[:len(presets)-1] {
		all = append(all, variant{"preset " + p.name, p.set, false})
	}
	return all
}

// Report writes docs/scale.md.
func Report(w io.Writer) error {
	y := Default()
	var results []*Result
	for _, s := range Scenarios() {
		r := Simulate(s, y)
		results = append(results, &r)
	}
	functions := template.FuncMap{
		"size": size, "clock": clock, "count": func(n any) string { return count(whole(n)) }, "dollars": func(v float64) string { return fmt.Sprintf("%.2f", v) },
		"age": func(r *Result, topic string) string { return clock(r.Ages[etl.Topic(topic)]) }, "peak": func(r *Result, topic string) int { return r.Peaks[etl.Topic(topic)] },
		"cost": func(p Price, r *Result) float64 { return p.Cost(r) }, "rate": func(v float64) string { return size(int64(v)) + "/s" },
		"moment": func(b Break) string { return clock(b.At) }, "lines": strings.Fields, "short": func(d time.Duration) string { return d.String() },
	}
	t, err := template.New("scale").Funcs(functions).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{
		"System": y, "Results": results, "Prices": Prices(), "PricesOf": pricesOf.Format("2 January 2006"),
		"Tables": tables(), "PerChunk": strings.Join(chunkCalls, ", "), "Calls": len(chunkCalls), "Beat": strings.Join(beatCalls, " and "),
		"Turned": turnedTransactions, "Indexable": int64(min(y.Speeds.Scan, y.Speeds.Stream) * (y.Limits.LambdaTime - margin).Seconds()),
		"Gibibyte": y.Speeds.Step + took(1<<30, min(y.Speeds.Stream, y.Speeds.Copy, y.Speeds.Parse)),
		"Short":    int64(y.Speeds.Publish * y.Settings.LongPublish.Seconds()),
		"Loaders":  y.Settings.Concurrency[etl.TopicLoad], "Warm": y.Settings.Concurrency[etl.TopicLoad] * y.Settings.DatabaseConns,
	})
}

// table is how one scenario answers to the settings.
type table struct {
	Name string
	Rows []row
}

type row struct {
	Name string
	R    *Result
	Cost float64
}

func tables() []table {
	var all []table
	for _, s := range Scenarios() {
		t := table{Name: s.Name}
		for _, v := range variants() {
			if v.One && s.Destinations > 1 {
				continue
			}
			y := Default()
			v.Set(&y)
			r := Simulate(s, y)
			t.Rows = append(t.Rows, row{v.Name, &r, r.Cost()})
		}
		all = append(all, t)
	}
	return all
}

func whole(n any) int64 {
	switch v := n.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}
