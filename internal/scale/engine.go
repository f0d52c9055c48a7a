package scale

import "time"

// engine runs events in the order of their times, and of their making where
// times are equal.
type engine struct {
	now    time.Duration
	made   int
	events events
}

type event struct {
	at  time.Duration
	nth int
	do  func()
}

// events is a binary heap; container/heap would make an allocation of each.
type events []event

func (q events) before(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].nth < q[j].nth
}

func (q *events) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0 && h.before(i, (i-1)/2); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (q *events) pop() event {
	h := *q
	last := len(h) - 1
	first := h[0]
	h[0], h[last] = h[last], event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

func (e *engine) at(when time.Duration, do func()) {
	e.made++
	e.events.push(event{max(when, e.now), e.made, do})
}

func (e *engine) after(d time.Duration, do func()) { e.at(e.now+d, do) }

// run handles events until there are none; seen is called after each.
func (e *engine) run(seen func()) {
	for len(e.events) > 0 {
		next := e.events.pop()
		e.now = next.at
		next.do()
		seen()
	}
}

// rate admits so many a second, and a burst at once. What comes too early waits
// as a client does that is told to and comes at the best time.
type rate struct {
	every, burst, due time.Duration
	served, late      int
	longest           time.Duration
	// perSecond counts what was admitted in each second.
	perSecond []int
	lateAt    time.Duration
}

func newRate(perSecond float64, burst int) *rate {
	every := time.Duration(float64(time.Second)/perSecond) + 1 // rounded up, so that the limit holds
	return &rate{every: every, burst: time.Duration(burst) * every}
}

// in is how many were admitted in that second.
func (r *rate) in(second int) int {
	if second < len(r.perSecond) {
		return r.perSecond[second]
	}
	return 0
}

// admit gives the time at which n of them may go.
func (r *rate) admit(now time.Duration, n int) time.Duration {
	when := max(now, r.due+time.Duration(n)*r.every-r.burst)
	r.due = max(r.due, when) + time.Duration(n)*r.every
	r.served += n
	second := int(when / time.Second)
	for len(r.perSecond) <= second {
		r.perSecond = append(r.perSecond, 0)
	}
	r.perSecond[second] += n
	if wait := when - now; wait > 0 {
		if r.late == 0 {
			r.lateAt = now
		}
		r.late += n
		r.longest = max(r.longest, wait)
	}
	return when
}

// account is what all functions share.
type account struct {
	limit, active, peak int
	fullAt              time.Duration
	full                bool
	pools               []*pool
}

// pool is a queue and its servers: a function with its concurrency, a
// destination with its cores. Who waits is served in order.
type pool struct {
	e       *engine
	account *account // nil: it shares nothing
	most    int
	// first servers are there at the first call, and more a minute later on; 0 is no ramp.
	first, perMinute int
	begun            bool
	since            time.Duration
	waking           bool

	active, peak int
	queue        []waiting
	head         int
	longest      time.Duration
}

type waiting struct {
	since time.Duration
	start func(done func())
}

// limit is how many servers there are now.
func (p *pool) limit() int {
	if p.perMinute == 0 {
		return p.most
	}
	return min(p.most, p.first+int(int64(p.perMinute)*int64(p.e.now-p.since)/int64(time.Minute)))
}

// take calls start once a server is free; start's done frees it.
func (p *pool) take(start func(done func())) {
	if !p.begun {
		p.begun, p.since = true, p.e.now
	}
	p.queue = append(p.queue, waiting{p.e.now, start})
	p.serve()
}

func (p *pool) serve() {
	for p.head < len(p.queue) {
		if p.active >= p.limit() {
			if p.active < p.most && !p.waking {
				p.waking = true
				p.e.after(time.Minute/time.Duration(p.perMinute)+1, func() {
					p.waking = false
					p.serve()
				})
			}
			return
		}
		if a := p.account; a != nil {
			if a.active >= a.limit {
				return
			}
			a.active++
			a.peak = max(a.peak, a.active)
			if a.active == a.limit && !a.full {
				a.full, a.fullAt = true, p.e.now
			}
		}
		w := p.queue[p.head]
		p.queue[p.head] = waiting{}
		p.head++
		p.active++
		p.peak = max(p.peak, p.active)
		p.longest = max(p.longest, p.e.now-w.since)
		w.start(p.free)
	}
	p.queue, p.head = p.queue[:0], 0
}

func (p *pool) free() {
	p.active--
	if p.account == nil {
		p.serve()
		return
	}
	p.account.active--
	for _, other := range p.account.pools {
		other.serve()
	}
}
