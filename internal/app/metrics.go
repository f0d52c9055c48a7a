package app

import "github.com/prometheus/client_golang/prometheus"

// messageMetrics count what the queue's handlers do.
type messageMetrics struct {
	handled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMessageMetrics() *messageMetrics {
	return &messageMetrics{
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "etlportal_messages_total", Help: "Messages handled, by topic and outcome: done, again (asked to come later), failed.",
		}, []string{"topic", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "etlportal_message_seconds", Help: "How long the handling of a message took.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 60, 300, 1800},
		}, []string{"topic"}),
	}
}

func newRunMetrics() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "etlportal_runs_total", Help: "Runs that this process ended, by status.",
	}, []string{"status"})
}

func (m *messageMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.handled, m.seconds}
}
