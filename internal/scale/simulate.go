package scale

import (
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// presignBatch is how many parts a client asks URLs for at a time; the API
	// takes up to 1,000.
	presignBatch = 100
	// margin is what a function keeps of its time to hand work back.
	margin = 30 * time.Second
	// taskStart is how long a Fargate task takes to come up.
	taskStart = time.Minute
	// turnedDelay is when a delivery comes again that found no lease: leases are
	// renewed long before they end, so that it is the longest that is asked for.
	turnedDelay = 5 * time.Second
	// requestTransactions is what an API call costs the portal's database: who
	// calls, and what for.
	requestTransactions = 2
	// connections that a function uses at a time: its step's and its heartbeat's.
	connections = 2
	// turnedTransactions are Run, Credential and AcquireLease.
	turnedTransactions = 3
)

// chunkCalls are the calls of the portal's database for a chunk that is loaded
// at the first try, a transaction each; beatCalls those of a sign of life. A
// test compares them with the code of the steps.
var (
	chunkCalls = []string{"Run", "Credential", "AcquireLease", "ClaimChunk", "Source", "ChunkLoaded", "ReleaseLease"}
	beatCalls  = []string{"RenewLease", "ChunkProgress"}
)

// Result is what a simulation found.
type Result struct {
	Scenario Scenario
	System   System
	// Uploaded, Inspected, Loaded and Done are when the last file was.
	Uploaded, Inspected, Loaded, Done time.Duration
	// FilesDone are the runs that were published.
	FilesDone int
	// ChunksPerFile, ChunkBytes (the largest) and Parts follow from the portal's rules.
	ChunksPerFile, Parts int
	ChunkBytes           int64
	// Loads counts how often each chunk was loaded.
	Loads []int
	// LongestChunk is a loader's longest time, LongestPublish a publishing's.
	LongestChunk, LongestPublish time.Duration
	// Ages of the oldest message of each queue when it was taken up.
	Ages map[etl.Topic]time.Duration
	// Peaks of functions running, by topic; "" is all, "api" the API's.
	Peaks map[etl.Topic]int
	// PeakDestination is the loads that ran at a time on the busiest destination.
	PeakDestination int
	// PeakConnections are those of the portal's database.
	PeakConnections int
	// PeakTransactions is the busiest second of the portal's database.
	PeakTransactions int
	Turned           int64
	Use              Use
	Breaks           []Break
}

// Use is what is paid for.
type Use struct {
	Requests, S3Puts, S3Gets, Messages, Invocations, Transactions int64
	// FunctionGBSeconds are of functions by their memory; TaskSeconds of Fargate
	// tasks; ACUSeconds of the portal's database.
	FunctionGBSeconds, TaskSeconds, ACUSeconds float64
	// Bytes are stored.
	Bytes int64
}

// Break is a limit that was met.
type Break struct {
	Name string
	// At is when it was met first.
	At time.Duration
	// What is met, and what comes of it; Moves is the setting that moves it.
	What, Moves string
	// Stops says that files or chunks are never done.
	Stops bool
}

// sample is what the limits are compared with after every event.
type sample struct {
	at                         time.Duration
	account, load, connections int
	ramp, leases, slots        int
}

type simulation struct {
	engine
	s      Scenario
	y      System
	r      Result
	chunks []int64
	parts  int

	gateway, puts, gets, database      *rate
	account                            *account
	api, inspect, plan, load, finalize *pool
	destinations                       []*destination
	nextFile                           int
	watch                              func(sample)
	ticking                            bool
	turnedNow, turnedPeak              int
	broken                             map[string]bool
}

// destination is a customer's database behind one credential.
type destination struct {
	leases    int
	waiting   []*chunk
	head      int
	slots     *pool
	publisher *pool
}

type run struct {
	file, left int
	to         *destination
}

type chunk struct {
	run   *run
	n     int
	bytes int64
	sent  time.Duration
}

// Simulate runs a scenario to its end. The same arguments give the same result.
func Simulate(s Scenario, y System) Result { return simulate(s, y, nil) }

func simulate(s Scenario, y System, watch func(sample)) Result {
	m := &simulation{s: s, y: y, watch: watch, broken: map[string]bool{}}
	m.chunks, m.parts = Chunks(s.FileBytes, y.Settings.ChunkBytes), Parts(s.FileBytes)
	m.r = Result{
		Scenario: s, System: y, ChunksPerFile: len(m.chunks), Parts: m.parts, Loads: make([]int, s.Files*len(m.chunks)),
		Ages: map[etl.Topic]time.Duration{}, Peaks: map[etl.Topic]int{},
	}
	for _, n := range m.chunks {
		m.r.ChunkBytes = max(m.r.ChunkBytes, n)
	}
	l, c := y.Limits, y.Settings
	m.gateway = newRate(float64(min(c.APIRate, l.APIRate)), min(c.APIBurst, l.APIBurst))
	m.puts, m.gets = newRate(float64(l.S3Puts), 1), newRate(float64(l.S3Gets), 1)
	transactions := l.ACUs * y.Speeds.TransactionsPerACU
	m.database = newRate(transactions, int(transactions/10))
	m.account = &account{limit: min(l.LambdaConcurrency, l.Connections/connections)}
	function := func(topic etl.Topic, first, perMinute int) *pool {
		p := &pool{e: &m.engine, account: m.account, most: min(c.Concurrency[topic], m.account.limit), first: first, perMinute: perMinute}
		m.account.pools = append(m.account.pools, p)
		return p
	}
	m.api = function(apiTopic, l.LambdaBurst, 6*l.LambdaBurst)
	m.inspect = function(etl.TopicInspect, l.PollersAtFirst, l.PollersPerMinute)
	m.plan = function(etl.TopicPlan, l.PollersAtFirst, l.PollersPerMinute)
	m.load = function(etl.TopicLoad, l.PollersAtFirst, l.PollersPerMinute)
	m.finalize = function(etl.TopicFinalize, l.PollersAtFirst, l.PollersPerMinute)
	for range s.Destinations {
		m.destinations = append(m.destinations, &destination{
			slots: &pool{e: &m.engine, most: l.DestinationSlots}, publisher: &pool{e: &m.engine, most: 1},
		})
	}
	for range min(s.Clients, s.Files) {
		m.at(0, m.upload)
	}
	m.run(m.observe)
	m.finish()
	return m.r
}

// request is a call of the API.
func (m *simulation) request(then func()) {
	m.r.Use.Requests++
	m.at(m.database.admit(m.gateway.admit(m.now, 1), requestTransactions), func() {
		m.function(m.api, apiTopic, m.y.Speeds.Request, then)
	})
}

// function runs for that long once it may.
func (m *simulation) function(p *pool, topic etl.Topic, d time.Duration, then func()) {
	sent := m.now
	p.take(func(done func()) {
		m.age(topic, sent)
		m.paid(topic, d)
		m.after(d, func() {
			done()
			then()
		})
	})
}

func (m *simulation) paid(topic etl.Topic, d time.Duration) {
	m.r.Use.Invocations++
	m.r.Use.FunctionGBSeconds += d.Seconds() * m.gigabytes(topic)
}

func (m *simulation) gigabytes(topic etl.Topic) float64 {
	return float64(m.y.Settings.Memory[topic]) / 1024
}

func (m *simulation) age(topic etl.Topic, sent time.Duration) {
	m.r.Ages[topic] = max(m.r.Ages[topic], m.now-sent)
	if topic != apiTopic {
		m.r.Use.Messages += 3 // sent, received, deleted
	}
}

// upload is a client that sends files one after the other.
func (m *simulation) upload() {
	if m.nextFile == m.s.Files {
		return
	}
	file := m.nextFile
	m.nextFile++
	m.request(func() { m.send(file, 0) })
}

// send sends a part and those after it.
func (m *simulation) send(file, part int) {
	if part == m.parts {
		m.request(func() { // complete: ListParts and CompleteMultipartUpload
			m.r.Use.S3Puts += 2
			m.r.Uploaded = max(m.r.Uploaded, m.now)
			m.r.Use.Bytes += m.s.FileBytes
			m.index(file, m.s.FileBytes)
			m.upload()
		})
		return
	}
	put := func() {
		m.r.Use.S3Puts++
		m.at(m.puts.admit(m.now, 1), func() {
			m.after(took(m.s.FileBytes/int64(m.parts), m.s.ClientRate), func() { m.send(file, part+1) })
		})
	}
	if part%presignBatch == 0 {
		m.request(put)
		return
	}
	put()
}

func took(bytes int64, perSecond float64) time.Duration {
	return time.Duration(float64(bytes) / perSecond * float64(time.Second))
}

// index finds a file's records, in as many calls as it needs: each keeps the
// blocks that it scanned.
func (m *simulation) index(file int, left int64) {
	speed := min(m.y.Speeds.Scan, m.y.Speeds.Stream)
	one := min(left, int64(speed*(m.y.Limits.LambdaTime-margin).Seconds()))
	if left > one {
		m.broke("record index", true, fmt.Sprintf("a scan of %s takes %s, and a function has %s; the next one goes on", size(m.s.FileBytes), clock(took(m.s.FileBytes, speed)), clock(m.y.Limits.LambdaTime-margin)),
			"nothing to set: it costs time only, and runs of the file wait for its end")
	}
	m.r.Use.S3Gets += one/int64(256<<20) + 1
	m.r.Use.S3Puts += one >> 30 // a block kept is 64 ranges of 16 MiB
	m.database.admit(m.now, 3)
	m.function(m.inspect, etl.TopicInspect, m.y.Speeds.Step+took(one, speed), func() {
		if left > one {
			m.index(file, left-one)
			return
		}
		m.profile(file, m.s.FileBytes)
	})
}

// profile goes over a file in as many calls as it needs: each keeps what it did.
func (m *simulation) profile(file int, left int64) {
	speed := min(m.y.Speeds.Profile, m.y.Speeds.Stream)
	one := min(left, int64(speed*(m.y.Limits.LambdaTime-margin).Seconds()))
	m.database.admit(m.now, 3+int(one>>27)) // SourceProgress after every eight spans
	m.r.Use.S3Gets += one>>24 + 1
	m.function(m.inspect, etl.TopicInspect, m.y.Speeds.Step+took(one, speed), func() {
		if left > one {
			m.profile(file, left-one)
			return
		}
		m.r.Inspected = max(m.r.Inspected, m.now)
		m.request(func() { m.request(func() { m.planRun(file) }) }) // the job, its run
	})
}

func (m *simulation) planRun(file int) {
	m.database.admit(m.now, 6)
	m.function(m.plan, etl.TopicPlan, m.y.Speeds.Step, func() {
		r := &run{file: file, left: len(m.chunks), to: m.destinations[file%len(m.destinations)]}
		for n, bytes := range m.chunks {
			r.to.waiting = append(r.to.waiting, &chunk{r, n, bytes, m.now})
		}
		m.lease(r.to, 0)
		m.tick()
	})
}
