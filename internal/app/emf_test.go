package app

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

func TestEMF(t *testing.T) {
	var none *EMF
	none.message("load", "done", time.Second)
	none.run(etl.Failed)
	require.NoError(t, none.flush(time.Now()))

	var b bytes.Buffer
	e := NewEMF(&b, "here")
	require.NoError(t, e.flush(time.Now()))
	require.Empty(t, b.String())
	for range 150 {
		e.message("load", "done", 250*time.Millisecond)
	}
	e.message("load", "failed", time.Second)
	e.run(etl.Completed)
	e.run(etl.Completed)
	require.NoError(t, e.flush(time.UnixMilli(1700000000000)))
	messages, runs := map[string]float64{}, map[string]float64{}
	for line := range strings.Lines(b.String()) {
		var m struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"`
			Portal, Topic, Outcome, Status string
			Messages, Runs                 float64
			MessageSeconds                 []float64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		require.Equal(t, int64(1700000000000), m.AWS.Timestamp)
		require.Equal(t, "here", m.Portal)
		require.Equal(t, "ETLPortal", m.AWS.CloudWatchMetrics[0].Namespace)
		if m.Status != "" {
			require.Equal(t, [][]string{{"portal", "status"}}, m.AWS.CloudWatchMetrics[0].Dimensions)
			runs[m.Status] += m.Runs
			continue
		}
		require.Equal(t, [][]string{{"portal", "topic", "outcome"}}, m.AWS.CloudWatchMetrics[0].Dimensions)
		require.LessOrEqual(t, len(m.MessageSeconds), 100, "CloudWatch takes a hundred values at most")
		require.Len(t, m.MessageSeconds, int(m.Messages))
		messages[m.Topic+" "+m.Outcome] += m.Messages
	}
	require.Equal(t, map[string]float64{"load done": 150, "load failed": 1}, messages)
	require.Equal(t, map[string]float64{"COMPLETED": 2}, runs)
	b.Reset()
	require.NoError(t, e.flush(time.Now()))
	require.Empty(t, b.String(), "it is written once")
}
