package portal

import (
	"sync"
	"time"
)

// limiter allows so many events a minute to each key.
type limiter struct {
	mu     sync.Mutex
	start  time.Time
	counts map[string]int
}

// allow says whether key may go on now, and if not, when.
func (l *limiter) allow(key string, perMinute int, now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.start) >= time.Minute || l.counts == nil {
		l.start, l.counts = now, map[string]int{}
	}
	l.counts[key]++
	if l.counts[key] > perMinute {
		return time.Minute - now.Sub(l.start), false
	}
	return 0, true
}
