package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// The names of functions and, where they have one, of their queues.
const (
	functionAPI       = "api"
	functionStream    = "stream"
	functionReconcile = "reconcile"
	stageLoad         = "load"
	stageSchedule     = "schedule"
)

// stageNames are the stages: a queue, its dead letters and a function each.
var stageNames = []string{"inspect", "plan", stageLoad, "finalize", stageSchedule}

const (
	// maxReceive is how often SQS delivers a message before it is dead. The
	// functions give up after five failed tries and say so. A throttled invocation
	// is a receipt of which they know nothing, and it must not be the last: where
	// functions share a small account's concurrency, there are many.
	maxReceive = 20
	// visibilityFactor is AWS's: retries of throttled invocations take time.
	visibilityFactor = 6
	deadDays         = 14
	queueDays        = 4
)

// stage is a queue with the function that serves it.
type stage struct {
	Name        string
	Queue, Dead awssqs.Queue
}

// newStage adds the queue and its dead letters.
func newStage(scope constructs.Construct, s *Settings, name string) *stage {
	dead := awssqs.NewQueue(scope, jsii.String(title(name)+"Dead"), queueProps(s, &awssqs.QueueProps{
		QueueName: s.Called(name + "-dead"), RetentionPeriod: awscdk.Duration_Days(jsii.Number(deadDays)),
	}))
	queue := awssqs.NewQueue(scope, jsii.String(title(name)+"Queue"), queueProps(s, &awssqs.QueueProps{
		QueueName: s.Called(name), RetentionPeriod: awscdk.Duration_Days(jsii.Number(queueDays)),
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(visibilityFactor * s.Sizes.Functions[name].Timeout)),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: jsii.Number(maxReceive)},
	}))
	return &stage{Name: name, Queue: queue, Dead: dead}
}

// queueProps encrypts with SQS's own key: messages carry ids, and a key of ours
// would cost a call per message.
func queueProps(s *Settings, props *awssqs.QueueProps) *awssqs.QueueProps {
	props.Encryption = awssqs.QueueEncryption_SQS_MANAGED
	if !s.LocalStack() {
		props.EnforceSSL = jsii.Bool(true)
	}
	return props
}

// serve lets the function take the queue's messages: one each where a message
// is minutes of work, and only failed ones come back.
func (g *stage) serve(s *Settings, f awslambda.Function) {
	concurrency := s.Sizes.Functions[g.Name].Concurrency
	awslambda.NewEventSourceMapping(f, jsii.String("Source"), &awslambda.EventSourceMappingProps{
		Target: f, EventSourceArn: g.Queue.QueueArn(), BatchSize: jsii.Number(1), MaxConcurrency: jsii.Number(concurrency),
		ReportBatchItemFailures: jsii.Bool(true),
	})
}

// title is a name as it stands in logical ids.
func title(name string) string { return string(name[0]-'a'+'A') + name[1:] }
