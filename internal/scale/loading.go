package scale

import (
	"fmt"
	"math"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

func (m *simulation) leasesPer() int {
	return max(1, min(m.y.Settings.MaxParallel, m.y.Limits.DestinationConnections-1))
}

// waits is how many chunks wait for a lease of the destination.
func (d *destination) waits() int { return len(d.waiting) - d.head }

// lease gives free leases to the chunks that wait longest.
func (m *simulation) lease(d *destination, pickedUp time.Duration) {
	for d.leases < m.leasesPer() && d.waits() > 0 {
		c := d.waiting[d.head]
		d.waiting[d.head] = nil
		d.head++
		d.leases++
		m.after(pickedUp, func() { m.loadChunk(c) })
	}
	if d.waits() == 0 {
		d.waiting, d.head = d.waiting[:0], 0
	}
}

// loadChunk is a delivery that has its lease.
func (m *simulation) loadChunk(c *chunk) {
	d, speeds := c.run.to, m.y.Speeds
	m.load.take(func(done func()) {
		began := m.now
		m.age(etl.TopicLoad, c.sent)
		m.at(m.database.admit(m.now, len(chunkCalls)), func() {
			d.slots.take(func(release func()) {
				m.r.PeakDestination = max(m.r.PeakDestination, d.slots.active)
				m.r.Use.S3Gets++
				get := m.gets.admit(m.now, 1)
				m.at(get+speeds.Step+took(c.bytes, min(speeds.Stream, speeds.Copy, speeds.Parse)), func() {
					release()
					m.loaded(c, m.now-began)
					done()
					d.leases--
					m.lease(d, turnedDelay/time.Duration(d.waits()+1))
				})
			})
		})
	})
}

func (m *simulation) loaded(c *chunk, took time.Duration) {
	m.paid(etl.TopicLoad, took)
	m.r.Loads[c.run.file*len(m.chunks)+c.n]++
	m.r.LongestChunk = max(m.r.LongestChunk, took)
	m.r.Loaded = max(m.r.Loaded, m.now)
	if beats := int(took / (m.y.Settings.Hold / 4)); beats > 0 {
		m.database.admit(m.now, beats*len(beatCalls))
	}
	if took > m.y.Limits.LambdaTime-margin {
		m.broke("function time", false, fmt.Sprintf("a chunk of %s took %s", size(c.bytes), clock(took)), "a smaller ETLPORTAL_CHUNK_SIZE, or a smaller max_parallel")
	}
	if c.run.left--; c.run.left > 0 {
		return
	}
	if len(m.chunks) == 1 {
		m.published() // in the chunk's own transaction
		return
	}
	m.publish(c.run)
}

// publish moves a run's staged rows, one run of a table at a time.
func (m *simulation) publish(r *run) {
	d := m.y.Speeds.Step + took(m.s.FileBytes, m.y.Speeds.Publish)
	m.r.LongestPublish = max(m.r.LongestPublish, d)
	m.database.admit(m.now, 5)
	r.to.publisher.take(func(release func()) {
		end := func() {
			release()
			m.published()
		}
		if d > m.y.Settings.LongPublish {
			m.broke("publishing", true, fmt.Sprintf("moving %s into the table takes %s", size(m.s.FileBytes), clock(d)),
				"ETLPORTAL_LONG_PUBLISH decides from when it is a Fargate task; a faster destination, or a table without indexes, makes it shorter")
			m.r.Use.TaskSeconds += d.Seconds()
			m.after(taskStart+d, end)
			return
		}
		m.function(m.finalize, etl.TopicFinalize, d, end)
	})
}

func (m *simulation) published() {
	m.r.FilesDone++
	m.r.Done = max(m.r.Done, m.now)
}

// tick counts, second by second, the deliveries that find no lease and go back.
// They take functions that loaders leave free, never those of loaders.
func (m *simulation) tick() {
	if m.ticking {
		return
	}
	m.ticking = true
	m.turn()
}

func (m *simulation) turn() {
	const second = time.Second
	lock := 1 / m.y.Speeds.RowLock.Seconds()
	free := float64(m.idle())
	var waiting, asked, held float64
	for _, d := range m.destinations {
		w := float64(d.waits())
		offered := w / turnedDelay.Seconds()
		waiting += w
		asked += min(offered, lock)
		if offered > lock {
			// All but those that are delayed stand in line for the credential's row.
			held += w - lock*turnedDelay.Seconds()
		} else {
			held += offered * m.y.Speeds.Turned.Seconds()
		}
	}
	if waiting == 0 {
		m.ticking, m.turnedNow = false, 0
		return
	}
	held = min(math.Ceil(held), free)
	// A function that does nothing else turns so many away in a second, and the
	// database has what its other work leaves it.
	asked = min(asked, held/m.y.Speeds.Turned.Seconds(), float64(m.spare())/turnedTransactions)
	m.turnedNow = int(held)
	n := int64(asked)
	m.r.Turned += n
	m.r.Use.Invocations += n
	m.r.Use.Messages += 3 * n // received, sent again with a delay, deleted
	m.r.Use.FunctionGBSeconds += held * m.gigabytes(etl.TopicLoad)
	m.database.admit(m.now, int(n)*turnedTransactions)
	m.noteTurned(asked)
	m.after(second, m.turn)
}

// idle is how many more loaders could run.
func (m *simulation) idle() int {
	return max(0, min(m.load.limit()-m.load.active, m.account.limit-m.account.active))
}

// spare is what the portal's database can do in this second beside what is waiting.
func (m *simulation) spare() int {
	return max(0, int((m.now-m.database.due+m.database.burst)/m.database.every))
}

func (m *simulation) noteTurned(perSecond float64) {
	longest := 0
	for _, d := range m.destinations {
		longest = max(longest, d.waits())
	}
	line := turnedDelay.Seconds() / m.y.Speeds.RowLock.Seconds()
	if float64(longest) > line {
		m.broke("line for leases", true, fmt.Sprintf("%d chunks wait for the %d loaders of one database and ask every %s, more than the %d that its credential's row serves in that time; the others stand in line, in every function of the load queue that no loader needs (%d at most)",
			longest, m.leasesPer(), clock(turnedDelay), int(line), m.load.most), "max_parallel of the credential; maximumConcurrency of the load queue bounds the functions that stand in line; larger chunks make fewer deliveries")
	} else if perSecond > 20 {
		m.broke("waiting for leases", true, fmt.Sprintf("%d chunks wait for the %d loaders of one database; %.0f deliveries a second find none and go back", longest, m.leasesPer(), perSecond),
			"max_parallel of the credential, as far as the database has cores; larger chunks")
	}
}

// broke notes the first time that a limit was met.
func (m *simulation) broke(name string, goesOn bool, what, moves string) {
	if m.broken[name] {
		return
	}
	m.broken[name] = true
	m.r.Breaks = append(m.r.Breaks, Break{Name: name, At: m.now, What: what, Moves: moves, Stops: !goesOn})
}

func (m *simulation) observe() {
	turned := min(m.turnedNow, m.idle())
	m.turnedPeak = max(m.turnedPeak, turned+m.load.active)
	held := (m.account.active + turned) * connections
	m.r.PeakConnections = max(m.r.PeakConnections, held)
	m.r.PeakTransactions = max(m.r.PeakTransactions, m.database.in(int(m.now/time.Second)))
	if m.watch == nil {
		return
	}
	s := sample{at: m.now, account: m.account.active + turned, load: m.load.active + turned, connections: held, ramp: m.load.limit()}
	for _, d := range m.destinations {
		s.leases, s.slots = max(s.leases, d.leases), max(s.slots, d.slots.active)
	}
	m.watch(s)
}

// finish tells what can be said at the end only.
func (m *simulation) finish() {
	r, l, c := &m.r, m.y.Limits, m.y.Settings
	r.Use.Transactions = int64(m.database.served)
	for second := range max(1, int(m.now/time.Second)) {
		// The capacity follows the load, and does not go below half a unit.
		r.Use.ACUSeconds += min(l.ACUs, max(0.5, float64(m.database.in(second))/m.y.Speeds.TransactionsPerACU))
	}
	for topic, p := range map[etl.Topic]*pool{apiTopic: m.api, etl.TopicInspect: m.inspect, etl.TopicPlan: m.plan, etl.TopicLoad: m.load, etl.TopicFinalize: m.finalize} {
		r.Peaks[topic] = p.peak
	}
	r.Peaks[etl.TopicLoad] = max(m.load.peak, m.turnedPeak)
	r.Peaks[""] = m.account.peak

	late := func(name string, x *rate, what, moves string) {
		if x.longest >= time.Second {
			r.Breaks = append(r.Breaks, Break{Name: name, At: x.lateAt, What: fmt.Sprintf("%s; the longest wait is %s", what, clock(x.longest)), Moves: moves})
		}
	}
	late("API Gateway", m.gateway, fmt.Sprintf("more than %d requests at once or %d a second are answered with 429, and come again", min(c.APIBurst, l.APIBurst), min(c.APIRate, l.APIRate)), "the stage's throttle (context rate and burst) up to the account's 10,000 and 5,000; clients that start spread out")
	late("S3 PUT rate", m.puts, fmt.Sprintf("more than %d a second into one prefix get 503 SlowDown, and come again", l.S3Puts), "S3 splits the prefix under load; file ids are random, so that they spread")
	late("portal database", m.database, fmt.Sprintf("more than %.0f short transactions a second", l.ACUs*m.y.Speeds.TransactionsPerACU), "the database's largest capacity (ACUs)")
	if m.account.full {
		name, moves := "Lambda concurrency", "the account's quota of concurrent executions"
		if l.Connections/connections <= l.LambdaConcurrency {
			name, moves = "functions and connections", "the account's quota of concurrent executions together with max_connections: a smallest capacity of 1 ACU or more lifts the cap of 2,000"
		}
		r.Breaks = append(r.Breaks, Break{Name: name, At: m.account.fullAt, What: fmt.Sprintf("%d functions run at a time, with %d connections; the others wait", m.account.limit, m.account.limit*connections), Moves: moves})
	}
	if wait := r.Ages[etl.TopicInspect]; wait > time.Minute {
		r.Breaks = append(r.Breaks, Break{Name: "inspection queue", At: r.Uploaded, What: fmt.Sprintf("%d functions inspect; the oldest file waits %s", m.inspect.peak, clock(wait)), Moves: "maximumConcurrency of the inspect queue"})
	}
	if r.PeakDestination == l.DestinationSlots && m.leasesPer() > l.DestinationSlots {
		r.Breaks = append(r.Breaks, Break{Name: "destination's cores", What: fmt.Sprintf("%d loaders for %d cores: who waits for one is paid for all the same", m.leasesPer(), l.DestinationSlots), Moves: "a larger destination, or a smaller max_parallel"})
	}
	if age := r.Ages[etl.TopicLoad]; age > l.Retention {
		r.Breaks = append(r.Breaks, Break{Name: "message retention", At: l.Retention, What: "chunks wait " + clock(age), Moves: "max_parallel; the reconciler sends lost chunks again"})
	}
	for _, d := range m.destinations {
		if d.publisher.longest > time.Minute {
			r.Breaks = append(r.Breaks, Break{Name: "one publishing at a time", At: r.Loaded, What: fmt.Sprintf("runs into one table are published one after the other; the longest wait is %s", clock(d.publisher.longest)), Moves: "fewer, larger files; files of at most one chunk need no publishing"})
			break
		}
	}
	sortBreaks(r.Breaks)
}
