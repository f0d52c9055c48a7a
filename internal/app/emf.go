package app

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// metricsNamespace is where CloudWatch keeps the portal's figures.
const metricsNamespace = "ETLPortal"

// valuesAtOnce is how many values a metric of one line may have.
const valuesAtOnce = 100

// EMF collects figures between two calls of its flush, which writes them as
// lines of CloudWatch's embedded metric format: a log line is all that a
// function needs to be measured. Its methods may be used by any number of
// goroutines. Every metric has the dimension portal, because several portals may
// share an account:
//
//   - Messages and MessageSeconds, by topic and outcome (done, again, failed)
//   - Runs, by status (COMPLETED, FAILED, CANCELLED): each run once, by whoever ended it
type EMF struct {
	w      io.Writer
	portal string

	mu       sync.Mutex
	messages map[[2]string][]float64
	runs     map[etl.Status]int
}

// NewEMF writes to w, which is a function's standard output, what the portal of
// that name does.
func NewEMF(w io.Writer, portal string) *EMF {
	return &EMF{w: w, portal: portal, messages: map[[2]string][]float64{}, runs: map[etl.Status]int{}}
}

func (e *EMF) message(topic, outcome string, took time.Duration) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := [2]string{topic, outcome}
	e.messages[key] = append(e.messages[key], took.Seconds())
}

func (e *EMF) run(status etl.Status) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs[status]++
}

// flush writes what was collected, in one write, and forgets it.
func (e *EMF) flush(now time.Time) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	messages, runs := e.messages, e.runs
	e.messages, e.runs = map[[2]string][]float64{}, map[etl.Status]int{}
	e.mu.Unlock()
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for key, seconds := range messages {
		for len(seconds) > 0 {
			n := min(len(seconds), valuesAtOnce)
			line := metricLine(now, []string{"portal", "topic", "outcome"}, metric{"Messages", "Count"}, metric{"MessageSeconds", "Seconds"})
			line["portal"], line["topic"], line["outcome"], line["Messages"], line["MessageSeconds"] = e.portal, key[0], key[1], n, seconds[:n]
			if err := lines.Encode(line); err != nil {
				return err
			}
			seconds = seconds[n:]
		}
	}
	for status, n := range runs {
		line := metricLine(now, []string{"portal", "status"}, metric{"Runs", "Count"})
		line["portal"], line["status"], line["Runs"] = e.portal, status, n
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := e.w.Write(b.Bytes())
	return err
}

type metric struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

// metricLine is a line without its values (Embedded Metric Format Specification).
func metricLine(now time.Time, dimensions []string, metrics ...metric) map[string]any {
	return map[string]any{"_aws": map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": metricsNamespace, "Dimensions": [][]string{dimensions}, "Metrics": metrics,
		}},
	}}
}
