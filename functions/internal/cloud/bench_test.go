package cloud_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/functions/internal/runtimeapi"
)

// BenchmarkColdStart measures each function from the start of its process to its
// first answer, with its database connected to, on a database that has its
// tables. docs/aws.md has the figures and the command.
func BenchmarkColdStart(b *testing.B) {
	c := newCloud(b)
	request, err := os.ReadFile("testdata/rest-proxy.json")
	require.NoError(b, err)
	messages, err := json.Marshal(events.SQSEvent{})
	require.NoError(b, err)
	for _, name := range []string{"api", "inspect", "plan", "load", "finalize", "schedule", "reconcile"} {
		payload := messages
		if name == "api" {
			payload = request
		}
		answer := func(f *runtimeapi.Function) {
			_, err := f.Call(b.Context(), payload)
			require.NoError(b, err)
		}
		b.Run(name, func(b *testing.B) {
			f := c.function(name)
			answer(f) // the tables, and the file in the cache of the disk
			info, err := os.Stat(bootstrap(b, name))
			require.NoError(b, err)
			f.Close()
			for b.Loop() {
				answer(f)
				b.StopTimer()
				f.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start")
			b.ReportMetric(float64(info.Size())/1e6, "MB")
		})
	}
}
