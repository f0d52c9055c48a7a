package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

const (
	// metricsNamespace is where the portal's own figures are.
	metricsNamespace = "ETLPortal"
	// oldMessage is when a message has waited too long, in seconds: a file's
	// loaders are busy, or nobody takes messages any more.
	oldMessage = 1800
	// manyErrors is how many of a hundred invocations may fail.
	manyErrors = 5
	// fullDatabase is how many percent of its largest size the database may be at.
	fullDatabase = 90
	// connectionsPerACU is a careful share of what Aurora allows: 2 GiB each,
	// and one connection per 9,531,392 bytes.
	connectionsPerACU = 150
	periodMinutes     = 5
)

// watch makes alarms that tell one topic.
type watch struct {
	stack awscdk.Stack
	s     *Settings
	topic awssns.Topic
	made  []interfacesawscloudwatch.IAlarmRef
}

// newObservability adds alarms, the topic they tell, and a dashboard.
func newObservability(stack awscdk.Stack, s *Settings, p *portal) {
	w := &watch{stack: stack, s: s}
	w.topic = awssns.NewTopic(stack, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName: s.Called("alarms"), DisplayName: jsii.String("ETL Portal"), MasterKey: p.Storage.DataKey, EnforceSSL: jsii.Bool(true),
	})
	// The statement that wants TLS is a policy, and a policy replaces the default
	// one, by which the account's alarms may publish.
	w.topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("Alarms"), Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions: texts("sns:Publish"), Resources: &[]*string{w.topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()}},
	}))
	if s.Alarm != "" {
		w.topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(s.Alarm), nil))
	}
	for _, name := range stageNames {
		p.Stages[name].alarms(w)
	}
	for _, name := range append([]string{functionStream}, functionNames...) {
		w.errors(name, p)
	}
	w.alarm("FailedRuns", "a run failed; its log in the portal says why", w.runs("FAILED"), 1, nil)
	w.alarm("GatewayErrors", "the API answers with 5xx", p.API.API.MetricServerError(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: period()}), manyErrors, nil)
	database := p.Storage.Database.Cluster
	w.alarm("DatabaseFull", "the database is at its largest size (context acu.max)",
		database.MetricACUUtilization(&awscloudwatch.MetricOptions{Statistic: jsii.String("Average"), Period: period()}), fullDatabase, jsii.Number(3))
	w.alarm("DatabaseConnections", "the database runs out of connections; fewer functions at a time (context concurrency.*) or a larger acu.max",
		database.MetricDatabaseConnections(&awscloudwatch.MetricOptions{Statistic: jsii.String("Maximum"), Period: period()}), connectionsPerACU*s.MaxACU, nil)
	w.dashboard(p)
	output(stack, "AlarmsTopic", "topic of the alarms", w.topic.TopicArn())
}

// period is what one figure of an alarm or graph is about.
func period() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(periodMinutes)) }

// runs is how many of this portal's runs ended so.
func (w *watch) runs(status string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metricsNamespace), MetricName: jsii.String("Runs"), DimensionsMap: &map[string]*string{"portal": jsii.String(w.s.Name), "status": jsii.String(status)},
		Statistic: jsii.String("Sum"), Period: period(), Label: jsii.String(status),
	})
}

// alarm tells the topic where the metric reaches the threshold in as many
// periods of five minutes (nil: one). No figure is a good one.
func (w *watch) alarm(id, about string, metric awscloudwatch.IMetric, threshold float64, periods *float64) {
	if periods == nil {
		periods = jsii.Number(1)
	}
	alarm := awscloudwatch.NewAlarm(w.stack, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmName: w.s.Called(id), AlarmDescription: jsii.String(about), Metric: metric, Threshold: jsii.Number(threshold), EvaluationPeriods: periods,
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(w.topic))
	alarm.AddOkAction(awscloudwatchactions.NewSnsAction(w.topic))
	w.made = append(w.made, alarm)
}

// errors tells where too many invocations of a function end without an answer.
func (w *watch) errors(name string, p *portal) {
	f := p.Functions[name]
	rate := awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("IF(invocations > 0, 100 * errors / invocations, 0)"), Label: jsii.String("errors in percent"), Period: period(),
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			"errors":      f.MetricErrors(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: period()}),
			"invocations": f.MetricInvocations(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: period()}),
		},
	})
	w.alarm(title(name)+"Errors", "function "+name+" fails; its log group says why", rate, manyErrors, nil)
}

func (w *watch) dashboard(p *portal) {
	board := awscloudwatch.NewDashboard(w.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(w.s.Name)})
	graph := func(name string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(name), Left: &metrics, Width: jsii.Number(12)})
	}
	var depths, ages, durations, throttles []awscloudwatch.IMetric
	for _, name := range stageNames {
		g := p.Stages[name]
		depths = append(depths, g.Queue.MetricApproximateNumberOfMessagesVisible(labelled(name, "Maximum")), g.Dead.MetricApproximateNumberOfMessagesVisible(labelled(name+" dead", "Maximum")))
		ages = append(ages, g.Queue.MetricApproximateAgeOfOldestMessage(labelled(name, "Maximum")))
	}
	for _, name := range append([]string{functionStream}, functionNames...) {
		durations = append(durations, p.Functions[name].MetricDuration(labelled(name, "p95")))
		throttles = append(throttles, p.Functions[name].MetricThrottles(labelled(name, "Sum")))
	}
	database := p.Storage.Database.Cluster
	board.AddWidgets(
		awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: jsii.String("Alarms"), Alarms: &w.made, Width: jsii.Number(24), Height: jsii.Number(5)}),
		graph("Runs that ended", w.runs("COMPLETED"), w.runs("FAILED"), w.runs("CANCELLED")), graph("Messages waiting", depths...),
		graph("Age of the oldest message, seconds", ages...), graph("Duration of functions, 95th percentile", durations...), graph("Throttled invocations", throttles...),
		graph("Database", database.MetricServerlessDatabaseCapacity(labelled("ACU", "Maximum")), database.MetricDatabaseConnections(labelled("connections", "Maximum"))),
		graph("API", p.API.API.MetricCount(labelled("requests", "Sum")), p.API.API.MetricClientError(labelled("4xx", "Sum")), p.API.API.MetricServerError(labelled("5xx", "Sum"))),
		graph("Latency of the API, ms", p.API.API.MetricLatency(labelled("p95", "p95"))),
	)
}

func labelled(label, statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Label: jsii.String(label), Statistic: jsii.String(statistic), Period: period()}
}

// alarms tell of dead letters and of messages that nobody takes.
func (g *stage) alarms(w *watch) {
	w.alarm(title(g.Name)+"Dead", fmt.Sprintf("stage %s has dead letters; docs/aws.md says how to bring them back", g.Name),
		g.Dead.MetricApproximateNumberOfMessagesVisible(labelled("dead", "Maximum")), 1, nil)
	w.alarm(title(g.Name)+"Age", fmt.Sprintf("messages of stage %s wait for more than %d minutes", g.Name, oldMessage/60),
		g.Queue.MetricApproximateAgeOfOldestMessage(labelled("age", "Maximum")), oldMessage, nil)
}
