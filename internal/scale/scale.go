// Package scale is a model of the portal on AWS at sizes that nobody tries for
// fun: a discrete-event simulation whose chunks and parts are cut by the
// portal's own rules and whose limits are the published ones of AWS. It keeps
// no clock and draws no lots: the same inputs give the same result.
//
// Every queue serves first come first served, so that more of a resource makes
// no file slower by more than a loader's time; docs/scale.md is what cmd/scale
// prints from it.
package scale

import (
	"maps"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/portal"
	"github.com/etlportal/etlportal/internal/workflow"
)

// Scenario is what is asked of the portal at once.
type Scenario struct {
	Name string
	// Files of FileBytes bytes each are uploaded and loaded, by one run each.
	Files     int
	FileBytes int64
	// Clients is how many uploads go on at a time; each sends ClientRate bytes a second.
	Clients    int
	ClientRate float64
	// Destinations are databases with a credential each; files go to them in turn,
	// all of one database's into one table.
	Destinations int
}

// System is the portal's settings, the limits around it and the speeds of its parts.
type System struct {
	Settings Settings
	Limits   Limits
	Speeds   Speeds
}

// Settings are what whoever runs the portal chooses.
type Settings struct {
	// MaxParallel is a credential's concurrent loaders.
	MaxParallel int
	// Concurrency bounds the functions of a topic that run at a time; "api" is the API's.
	Concurrency map[etl.Topic]int
	// Memory of a topic's functions in MiB, which is what they cost by.
	Memory map[etl.Topic]int
	// APIRate and APIBurst are the API's own throttle, in requests.
	APIRate, APIBurst int
	// ChunkBytes is ETLPORTAL_CHUNK_SIZE.
	ChunkBytes int64
	// LongPublish is the estimated time from which publishing is a Fargate task.
	LongPublish time.Duration
	// Hold is how long a claim lasts without a sign of life.
	Hold time.Duration
	// DatabaseConns bounds one function's connections to the portal's database.
	DatabaseConns int
}

// Limits are AWS's, and those of the databases.
type Limits struct {
	// LambdaConcurrency is the account's; LambdaBurst more environments of one
	// function may start every ten seconds.
	LambdaConcurrency, LambdaBurst int
	LambdaTime                     time.Duration
	// PollersAtFirst run when a queue fills, and PollersPerMinute more after that.
	PollersAtFirst, PollersPerMinute int
	// APIRate and APIBurst are API Gateway's requests per second and bucket.
	APIRate, APIBurst int
	// S3Puts and S3Gets are per second and key prefix; the model takes the
	// bucket for one prefix, as it is before S3 has split it.
	S3Puts, S3Gets int
	// Connections is max_connections of the portal's database, ACUs its largest capacity.
	Connections int
	ACUs        float64
	// DestinationSlots are COPYs that one destination runs at full speed: its cores.
	DestinationSlots int
	// DestinationConnections are what a destination grants the portal.
	DestinationConnections int
	Retention              time.Duration
}

// Speeds are bytes per second, and times of single steps. What was measured and
// what is assumed docs/scale.md says.
type Speeds struct {
	// Stream is a function reading S3; Copy one COPY into a staging table; Parse
	// one core that reads, converts and encodes.
	Stream, Copy, Parse float64
	// Scan finds records; Profile collects statistics.
	Scan, Profile float64
	// Publish is INSERT … SELECT of a staging table into one with a key.
	Publish float64
	// Request is an API call in its function; Step the fixed part of a queued one.
	Request, Step time.Duration
	// Turned is a delivery that finds no lease and goes back.
	Turned time.Duration
	// RowLock is how long a transaction holds the row that others wait for: the
	// credential's for a lease, the run's for a claim or a report.
	RowLock time.Duration
	// TransactionsPerACU are short transactions a second.
	TransactionsPerACU float64
}

// apiTopic stands for the API's function beside those of queues.
const apiTopic etl.Topic = "api"

// topics are those whose functions the model runs.
var topics = []etl.Topic{apiTopic, etl.TopicInspect, etl.TopicPlan, etl.TopicLoad, etl.TopicFinalize}

// preset are the sizes of a deployment, as infra-cdk/settings.go has them; a
// test compares the two.
type preset struct {
	name string
	// concurrency and memory are in the order of topics.
	concurrency, memory [5]int
	rate, burst         int
	least, most         float64
	// connections are Aurora's default of max_connections for that capacity.
	connections int
}

var presets = []preset{
	{"small", [5]int{20, 2, 2, 4, 2}, [5]int{512, 1769, 512, 1769, 512}, 50, 100, 0, 2, 400},
	{"medium", [5]int{50, 8, 8, 64, 8}, [5]int{1024, 1769, 1024, 1769, 1024}, 200, 400, 0.5, 8, 1669},
	{"large", [5]int{200, 32, 16, 400, 32}, [5]int{1769, 3538, 1769, 1769, 1769}, 1000, 2000, 2, 64, 5000},
}

// set makes the system's settings those of the preset.
func (p *preset) set(y *System) {
	c := &y.Settings
	c.Concurrency, c.Memory = map[etl.Topic]int{}, map[etl.Topic]int{}
	for i, topic := range topics {
		c.Concurrency[topic], c.Memory[topic] = p.concurrency[i], p.memory[i]
	}
	c.APIRate, c.APIBurst = p.rate, p.burst
	y.Limits.ACUs, y.Limits.Connections = p.most, p.connections
}

// allow gives a topic's functions another bound.
func (c *Settings) allow(topic etl.Topic, n int) {
	c.Concurrency = maps.Clone(c.Concurrency)
	c.Concurrency[topic] = n
}

// Default is a large deployment in an account with AWS's default quotas.
func Default() System {
	y := System{
		Settings: Settings{
			MaxParallel: 4, ChunkBytes: workflow.DefaultChunkBytes, LongPublish: 10 * time.Minute, Hold: 20 * time.Second, DatabaseConns: 4,
		},
		Limits: Limits{
			LambdaConcurrency: 1000, LambdaBurst: 1000, LambdaTime: 15 * time.Minute, PollersAtFirst: 5, PollersPerMinute: 300,
			APIRate: 10000, APIBurst: 5000, S3Puts: 3500, S3Gets: 5500,
			DestinationSlots: 8, DestinationConnections: 100, Retention: 14 * 24 * time.Hour,
		},
		Speeds: Speeds{
			Stream: 75e6, Copy: 115e6, Parse: 388e6, Scan: 1166e6, Profile: 206e6, Publish: 194e6,
			Request: 30 * time.Millisecond, Step: 300 * time.Millisecond, Turned: 30 * time.Millisecond,
			RowLock: 3 * time.Millisecond, TransactionsPerACU: 300,
		},
	}
	presets[len(presets)-1].set(&y)
	return y
}

// Chunks are the sizes in bytes that the portal cuts a file into, by its own
// rules over a record index of even spans.
func Chunks(file, asked int64) []int64 {
	var spans []csv.Span
	for at := int64(0); at < file; at += workflow.DefaultIndexBytes {
		spans = append(spans, csv.Span{Start: at, End: min(at+workflow.DefaultIndexBytes, file), FirstLine: 1})
	}
	size := workflow.ChunkSize(asked, workflow.DefaultMinChunkBytes, workflow.DefaultMaxChunkBytes, file)
	return sizes(workflow.Group(spans, size))
}

func sizes(chunks []etl.Chunk) []int64 {
	n := make([]int64, len(chunks))
	for i, c := range chunks {
		n[i] = c.Span.End - c.Span.Start
	}
	return n
}

// Parts is how many parts a file is uploaded in.
func Parts(file int64) int {
	size := portal.PartSize(file)
	return int((file + size - 1) / size)
}
