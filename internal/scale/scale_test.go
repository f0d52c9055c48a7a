package scale

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// anything is a small scenario in a system with tight limits.
func anything(t *rapid.T) (Scenario, System) {
	s := Scenario{
		Name: "drawn", Files: rapid.IntRange(1, 40).Draw(t, "files"), FileBytes: rapid.Int64Range(1, 3<<30).Draw(t, "bytes"),
		Clients: rapid.IntRange(1, 40).Draw(t, "clients"), ClientRate: rapid.Float64Range(1e6, 1e9).Draw(t, "rate"), Destinations: rapid.IntRange(1, 4).Draw(t, "destinations"),
	}
	y := Default()
	y.Settings.MaxParallel = rapid.IntRange(1, 70).Draw(t, "max_parallel")
	for _, topic := range topics {
		y.Settings.Concurrency[topic] = rapid.IntRange(2, 60).Draw(t, "concurrency "+string(topic))
	}
	y.Settings.ChunkBytes = rapid.Int64Range(1<<20, 2<<30).Draw(t, "chunk")
	y.Limits.LambdaConcurrency = rapid.IntRange(3, 80).Draw(t, "lambda")
	y.Limits.Connections = rapid.IntRange(4, 200).Draw(t, "connections")
	y.Limits.DestinationSlots = rapid.IntRange(1, 16).Draw(t, "cores")
	y.Limits.DestinationConnections = rapid.IntRange(2, 50).Draw(t, "destination's connections")
	y.Limits.PollersPerMinute = rapid.IntRange(1, 300).Draw(t, "pollers")
	y.Limits.APIRate, y.Limits.APIBurst = rapid.IntRange(1, 100).Draw(t, "api rate"), rapid.IntRange(1, 50).Draw(t, "api burst")
	y.Limits.S3Puts, y.Limits.S3Gets = rapid.IntRange(1, 100).Draw(t, "puts"), rapid.IntRange(1, 100).Draw(t, "gets")
	y.Limits.ACUs = rapid.Float64Range(0.5, 8).Draw(t, "acus")
	return s, y
}

func TestEveryChunkIsLoadedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, y := anything(t)
		r := Simulate(s, y)
		require.Equal(t, s.Files, r.FilesDone)
		require.Len(t, r.Loads, s.Files*r.ChunksPerFile)
		for _, n := range r.Loads {
			require.Equal(t, 1, n)
		}
		require.Equal(t, int64(s.Files)*s.FileBytes, r.Use.Bytes)
	})
}

func TestTheSameInputsGiveTheSameResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, y := anything(t)
		first, second := Simulate(s, y), Simulate(s, y)
		require.Equal(t, first, second)
	})
}

func TestNoLimitIsEverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, y := anything(t)
		l := y.Limits
		var last time.Duration
		simulate(s, y, func(now sample) {
			require.GreaterOrEqual(t, now.at, last, "time goes forward")
			last = now.at
			require.LessOrEqual(t, now.account, l.LambdaConcurrency)
			require.LessOrEqual(t, now.connections, l.Connections)
			require.LessOrEqual(t, now.load, min(now.ramp, y.Settings.Concurrency[etl.TopicLoad]))
			require.LessOrEqual(t, now.leases, min(y.Settings.MaxParallel, l.DestinationConnections-1))
			require.LessOrEqual(t, now.slots, l.DestinationSlots)
		})
	})
}

// A rate holds for every number of seconds that follow one another.
func TestRatesHoldInEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.IntRange(1, 500).Draw(t, "rate"), rapid.IntRange(1, 200).Draw(t, "burst")
		r := newRate(float64(perSecond), burst)
		var now time.Duration
		var admitted []time.Duration
		for range rapid.IntRange(1, 400).Draw(t, "requests") {
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "pause"))
			admitted = append(admitted, r.admit(now, 1))
			require.GreaterOrEqual(t, admitted[len(admitted)-1], now)
		}
		require.True(t, slices.IsSorted(admitted))
		for i := range admitted {
			for j := i; j < len(admitted); j += 7 {
				window := (admitted[j] - admitted[i]).Seconds()
				require.LessOrEqual(t, float64(j-i+1), float64(burst)+window*float64(perSecond)+1e-6)
			}
		}
	})
}

// more doubles one thing.
var more = map[string]func(*System, *Scenario){
	"load concurrency": func(y *System, _ *Scenario) { y.Settings.allow(etl.TopicLoad, 2*y.Settings.Concurrency[etl.TopicLoad]) },
	"inspect concurrency": func(y *System, _ *Scenario) {
		y.Settings.allow(etl.TopicInspect, 2*y.Settings.Concurrency[etl.TopicInspect])
	},
	"max_parallel": func(y *System, _ *Scenario) { y.Settings.MaxParallel *= 2 },
	"functions":    func(y *System, _ *Scenario) { y.Limits.LambdaConcurrency *= 2 },
	"connections":  func(y *System, _ *Scenario) { y.Limits.Connections *= 2 },
	"cores":        func(y *System, _ *Scenario) { y.Limits.DestinationSlots *= 2 },
	"API rate": func(y *System, _ *Scenario) {
		y.Settings.APIRate, y.Limits.APIRate = 2*y.Settings.APIRate, 2*y.Limits.APIRate
	},
	"S3 rates":           func(y *System, _ *Scenario) { y.Limits.S3Puts, y.Limits.S3Gets = 2*y.Limits.S3Puts, 2*y.Limits.S3Gets },
	"pollers":            func(y *System, _ *Scenario) { y.Limits.PollersPerMinute *= 2 },
	"COPY":               func(y *System, _ *Scenario) { y.Speeds.Copy *= 2 },
	"publishing":         func(y *System, _ *Scenario) { y.Speeds.Publish *= 2 },
	"the clients' lines": func(_ *System, s *Scenario) { s.ClientRate *= 2 },
}

// More of anything never makes a file slower. Its chunks cannot be parted, so
// that the last ones may fall otherwise: by no more than a loader's time.
func TestMoreIsNeverSlower(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(more)) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s, y := anything(t)
				s.Files = 1
				before := Simulate(s, y)
				more[name](&y, &s)
				after := Simulate(s, y)
				require.LessOrEqual(t, after.Done, before.Done+max(before.LongestChunk, after.LongestChunk)+turnedDelay)
			})
		})
	}
}

// Where files meet in one queue, which of them comes first changes with every
// setting. In what the page shows, a tenth of it here, that is no matter.
func TestMoreIsNeverSlowerOnThePage(t *testing.T) {
	for _, s := range Scenarios() {
		s.Files, s.Clients = (s.Files+9)/10, (s.Clients+9)/10
		before := Simulate(s, Default())
		for _, name := range slices.Sorted(maps.Keys(more)) {
			y, larger := Default(), s
			more[name](&y, &larger)
			after := Simulate(larger, y)
			require.LessOrEqual(t, after.Done, before.Done+before.LongestChunk+turnedDelay, "%s, more of %s", s.Name, name)
		}
	}
}

// The model's chunks are the portal's: they hold the file, and there are never too many.
func TestChunksAreThePortals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, asked := rapid.Int64Range(1, 4<<40).Draw(t, "file"), rapid.Int64Range(1, 4<<30).Draw(t, "asked")
		var sum int64
		chunks := Chunks(file, asked)
		for _, n := range chunks {
			sum += n
		}
		require.Equal(t, file, sum)
		require.LessOrEqual(t, len(chunks), workflow.MaxChunks)
		require.LessOrEqual(t, Parts(file), 900)
	})
}

func TestALargeChunkFitsIntoAFunction(t *testing.T) {
	s := Scenario{Name: "a large chunk", Files: 1, FileBytes: 8 << 30, Clients: 1, ClientRate: 1e9, Destinations: 1}
	y := Default()
	y.Settings.ChunkBytes = 1 << 30
	r := Simulate(s, y)
	require.Equal(t, int64(1<<30), r.ChunkBytes)
	require.Less(t, r.LongestChunk, time.Minute)
	require.Equal(t, 1, r.FilesDone)
}

func TestAFileThatOutlastsAFunctionIsIndexedBySeveral(t *testing.T) {
	r := Simulate(Scenarios()[0], Default())
	require.Equal(t, 1, r.FilesDone)
	require.Equal(t, "record index", r.Breaks[0].Name)
	require.False(t, r.Breaks[0].Stops)
}

func TestALongPublishingLeavesTheFunctions(t *testing.T) {
	s := Scenario{Name: "long", Files: 1, FileBytes: 4 << 30, Clients: 1, ClientRate: 1e9, Destinations: 1}
	y := Default()
	require.Zero(t, Simulate(s, y).Use.TaskSeconds)
	y.Settings.LongPublish = time.Second
	r := Simulate(s, y)
	require.Positive(t, r.Use.TaskSeconds)
	require.Zero(t, r.Peaks[etl.TopicFinalize])
}

// The presets are those of the deployment.
func TestPresetsAreThoseOfTheDeployment(t *testing.T) {
	text, err := os.ReadFile("../../infra-cdk/settings.go")
	require.NoError(t, err)
	for _, p := range presets {
		body := regexp.MustCompile(`(?ms)^\t"` + p.name + `": \{.*?^\t\},`).Find(text)
		require.NotNil(t, body, p.name)
		for i, topic := range topics {
			require.Contains(t, string(body), fmt.Sprintf("%q: {%d, ", topic, p.memory[i]), p.name)
			require.Regexp(t, fmt.Sprintf(`%q: \{\d+, \d+, %d\}`, topic, p.concurrency[i]), string(body), p.name)
		}
		require.Contains(t, string(body), fmt.Sprintf("MinACU: %v, MaxACU: %v,", p.least, p.most), p.name)
		require.Contains(t, string(body), fmt.Sprintf("Rate: %d, Burst: %d,", p.rate, p.burst), p.name)
	}
}

// The transactions that the model counts are the calls of the code.
func TestTransactionsOfAChunkAreThoseOfTheCode(t *testing.T) {
	calls := storeCalls(t, "../workflow/loading.go", "loadChunk", "load", "heartbeat")
	maps.Copy(calls, storeCalls(t, "../workflow/steps.go", "current"))
	maps.Copy(calls, storeCalls(t, "../workflow/work.go", "prepare"))
	expected := map[string]bool{}
	for _, name := range slices.Concat(chunkCalls, beatCalls) {
		expected[name] = true
	}
	require.Equal(t, expected, calls)
}

// storeCalls are the methods of a Store that functions of a file call.
func storeCalls(t *testing.T, path string, functions ...string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	calls := map[string]bool{}
	for _, name := range functions {
		body := regexp.MustCompile(`(?ms)^func (?:\([^)]*\) )?` + name + `\(.*?^}`).Find(text)
		require.NotNil(t, body, "%s has no function %s", path, name)
		for _, call := range regexp.MustCompile(`\.Store\.(\w+)\(`).FindAllSubmatch(body, -1) {
			calls[string(call[1])] = true
		}
	}
	return calls
}
