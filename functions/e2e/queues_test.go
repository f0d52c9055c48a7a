package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

// send puts a message into a stage's queue, as anybody may who has the right to.
func (d *deployment) send(t *testing.T, stage string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	_, err = d.queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(d.outputs[stage+"QueueUrl"]), MessageBody: aws.String(string(text))})
	require.NoError(t, err)
}

func (c *cloud) attributes(t require.TestingT, queue string) map[string]string {
	out, err := c.queues.GetQueueAttributes(context.Background(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	require.NoError(t, err)
	return out.Attributes
}

// depth is how many messages wait in a queue, and how many are being worked on.
func (c *cloud) depth(t require.TestingT, queue string) string {
	a := c.attributes(t, queue)
	return a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"]
}

// twice delivers every message of a run a second time, and all of them again
// when it is over.
func (d *deployment) twice(t *testing.T) {
	c := d.admin()
	g := newGate(t, d.warehouse)
	d.table(t, "doubled")
	file := c.file(t, "twice.csv", rows(narrowRows, narrow))
	job := c.job(t, file, "doubled", c.credential(t, "doubled", g))
	g.close()
	run := c.execute(t, job)
	standing(t, g, 1)
	chunks := c.get(t, fmt.Sprintf("/job-runs/%d", run)).number(t, "chunks_total")
	require.GreaterOrEqual(t, chunks, int64(2))
	again := func() {
		d.send(t, "Inspect", etl.Message{Topic: etl.TopicInspect, FileID: file})
		d.send(t, "Plan", etl.Message{Topic: etl.TopicPlan, RunID: run, Attempt: 1})
		for chunk := range chunks {
			d.send(t, "Load", etl.Message{Topic: etl.TopicLoad, RunID: run, Chunk: int(chunk), Attempt: 1})
		}
		d.send(t, "Finalize", etl.Message{Topic: etl.TopicFinalize, RunID: run, Attempt: 1})
	}
	again()
	g.open()
	c.completed(t, run, "doubled", narrowRows)
	again()
	dead := d.quiet(t)
	assert.Equal(t, []string{"0 0", "0 0", "0 0", "0 0"}, dead)
	c.exactly(t, "doubled", narrowRows)
}

// quiet waits until no message waits, and gives the dead letters of each stage.
func (d *deployment) quiet(t *testing.T) (dead []string) {
	t.Helper()
	for _, stage := range []string{"Inspect", "Plan", "Load", "Finalize"} {
		require.EventuallyWithT(t, func(check *assert.CollectT) {
			// A killed loader's message is still hidden in the queue of chunks.
			assert.Equal(check, "0", d.attributes(check, d.outputs[stage+"QueueUrl"])["ApproximateNumberOfMessages"], stage)
		}, patience, 200*time.Millisecond)
		dead = append(dead, d.depth(t, d.outputs[stage+"DeadUrl"]))
	}
	return dead
}

// mapping switches a function's queue on or off.
func (d *deployment) mapping(t *testing.T, function string, on bool) {
	t.Helper()
	found, err := d.functions.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(d.outputs[function+"FunctionName"])})
	require.NoError(t, err)
	require.Len(t, found.EventSourceMappings, 1)
	id, want := found.EventSourceMappings[0].UUID, "Disabled"
	if on {
		want = "Enabled"
	}
	_, err = d.functions.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: id, Enabled: &on})
	require.NoError(t, err)
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		got, err := d.functions.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: id})
		require.NoError(check, err)
		assert.Equal(check, want, aws.ToString(got.State))
	}, patience, 100*time.Millisecond)
}

// deadLetters follows a message that went to the wrong queue, whose function
// refuses it until SQS lays it aside, and that the operator then moves to the right one.
func (d *deployment) deadLetters(t *testing.T) {
	c := d.admin()
	d.table(t, "redriven")
	file := c.file(t, "redriven.csv", rows(100, 10))
	job := c.job(t, file, "redriven", c.credential(t, "redriven", newGate(t, d.warehouse)))
	d.mapping(t, "Plan", false)
	run := c.execute(t, job)
	// The run's own message is lost.
	_, err := d.queues.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: aws.String(d.outputs["PlanQueueUrl"])})
	require.NoError(t, err)
	d.send(t, "Finalize", etl.Message{Topic: etl.TopicPlan, RunID: run, Attempt: 1})
	d.send(t, "Finalize", "not a message")
	require.EventuallyWithT(t, func(check *assert.CollectT) { assert.Equal(check, "2 0", d.depth(check, d.outputs["FinalizeDeadUrl"])) }, patience, 200*time.Millisecond)
	assert.Equal(t, "PENDING", c.get(t, fmt.Sprintf("/job-runs/%d", run)).body["status"])

	_, err = d.queues.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{
		SourceArn:      aws.String(d.attributes(t, d.outputs["FinalizeDeadUrl"])["QueueArn"]),
		DestinationArn: aws.String(d.attributes(t, d.outputs["PlanQueueUrl"])["QueueArn"]),
	})
	require.NoError(t, err)
	d.mapping(t, "Plan", true)
	c.completed(t, run, "redriven", 100)
	// What nobody can read is laid aside again.
	require.EventuallyWithT(t, func(check *assert.CollectT) { assert.Equal(check, "1 0", d.depth(check, d.outputs["PlanDeadUrl"])) }, patience, 200*time.Millisecond)
}

// tick is what EventBridge Scheduler sends, twice, as it may.
func (d *deployment) tick(t *testing.T) {
	c := d.admin()
	d.table(t, "ticked")
	file := c.file(t, "ticked.csv", rows(100, 10))
	job := c.job(t, file, "ticked", c.credential(t, "ticked", newGate(t, d.warehouse)))
	schedule := c.post(t, http.StatusCreated, fmt.Sprintf("/schedules?job_id=%d", job), map[string]any{"cron_expression": "* * * * *"}).number(t, "id")
	tick := etl.Tick{ScheduleID: schedule, JobID: job, At: time.Now().UTC().Truncate(time.Minute)}
	d.send(t, "Schedule", tick)
	d.send(t, "Schedule", tick)
	runs := func(check require.TestingT) []any {
		r, err := c.ask(t.Context(), http.MethodGet, fmt.Sprintf("/job-runs?job_id=%d", job), nil)
		require.NoError(check, err)
		items, _ := r.body["items"].([]any)
		return items
	}
	require.EventuallyWithT(t, func(check *assert.CollectT) {
		require.Equal(check, "0 0", d.depth(check, d.outputs["ScheduleQueueUrl"]))
		require.Len(check, runs(check), 1)
	}, patience, 200*time.Millisecond)
	run, ok := runs(t)[0].(map[string]any)
	require.True(t, ok)
	assert.Equal(t, "schedule", run["trigger"], run)
	id, ok := run["id"].(float64)
	require.True(t, ok, run)
	c.completed(t, int64(id), "ticked", 100)
}
