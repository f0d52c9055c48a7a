// Package deploy makes a portal of the environment that AWS gives a process, be
// that a function or a task: the settings, and the adapters behind the ports.
package deploy

import (
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/app"
	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// The defaults of what a function's portal may do.
const (
	// databaseConns bounds the connections to the portal's own database: many
	// functions share it.
	databaseConns = 4
	// tries is how often a message is received before it is dead. A receipt that a
	// function at its limit of concurrency turned away is one of them, and nobody
	// can tell it from one whose process died. The templates' maxReceiveCount, 20,
	// leaves room to report it.
	tries = 10
	// bufferedFor is how long an event stream lasts behind a gateway that buffers;
	// API Gateway gives up after 29 seconds.
	bufferedFor = 20 * time.Second
	// streamedFor is how long one lasts that is sent as it is made: a client that
	// has left is not told of, and its function waits as long for nobody.
	streamedFor = 90 * time.Second
	// directUpload is the largest file in one request, in bytes: Lambda takes events
	// of 6 MB, in which a file takes a third more than its size.
	directUpload = 4_500_000
)

// topics are those that have a queue.
var topics = []etl.Topic{etl.TopicInspect, etl.TopicPlan, etl.TopicLoad, etl.TopicFinalize}

// Settings are a process's environment; Read makes them.
type Settings struct {
	// Portal are those of the portal itself; they may be changed before Connect.
	Portal app.Config
	// Name tells this portal from others in one account.
	Name string
	// Stream says that the API's answers are sent as they are made.
	Stream bool
	// Bootstrap names the secret with the administrator's token; "" is none. It
	// is read by Connect, where Portal.Cloud is set.
	Bootstrap string

	account        aws.Account
	bucket         string
	databaseSecret string
	database       aws.DatabaseOverrides
	kmsKey         string
	queues, dead   map[etl.Topic]string
	tasks          aws.TasksConfig
	schedules      aws.SchedulerConfig
	flows          flows
	// warehouseRole is assumed for what is asked of warehouses; "" is none.
	warehouseRole string
}

// Read reads the environment. The error is a Mistake of code bad_setting that
// names every variable that is wrong.
func Read(env app.Environment) (Settings, error) {
	var s Settings
	var err error
	if s.Portal, err = app.FromEnvironment(env); err != nil {
		return s, err
	}
	r := app.NewReader(env)
	need := func(name, what string) string {
		value := r.Text(name, "")
		if value == "" {
			r.Bad(name, "is missing: "+what)
		}
		return value
	}
	s.account = aws.Account{Region: r.Text("AWS_REGION", r.Text("AWS_DEFAULT_REGION", "")), Endpoint: r.Text("AWS_ENDPOINT_URL", "")}
	s.Name = r.Text("ETLPORTAL_NAME", "etlportal")
	s.bucket = need("ETLPORTAL_BUCKET", "the bucket of uploaded files")
	s.databaseSecret, s.Portal.DatabaseURL = r.Text("ETLPORTAL_DATABASE_SECRET", ""), r.Text("DATABASE_URL", "")
	if s.databaseSecret == "" && s.Portal.DatabaseURL == "" {
		r.Bad("ETLPORTAL_DATABASE_SECRET", "is missing: the ARN of the secret with user and password of the portal's database, or DATABASE_URL")
	}
	s.database = aws.DatabaseOverrides{
		Host: r.Text("ETLPORTAL_DATABASE_HOST", ""), Database: r.Text("ETLPORTAL_DATABASE_NAME", ""),
		SSLMode: r.Text("ETLPORTAL_DATABASE_SSLMODE", ""), SSLRootCert: r.Text("ETLPORTAL_DATABASE_CA", ""),
	}
	s.kmsKey = need("ETLPORTAL_KMS_KEY", "the key that seals stored passwords")
	s.queues, s.dead = map[etl.Topic]string{}, map[etl.Topic]string{}
	for _, topic := range topics {
		name := strings.ToUpper(string(topic))
		s.queues[topic] = need("ETLPORTAL_QUEUE_"+name+"_URL", "the URL of the topic's queue")
		if dead := r.Text("ETLPORTAL_DLQ_"+name+"_URL", ""); dead != "" {
			s.dead[topic] = dead
		}
	}
	s.tasks = aws.TasksConfig{
		Account: s.account, Cluster: r.Text("ETLPORTAL_TASK_CLUSTER", ""), TaskDefinition: r.Text("ETLPORTAL_TASK_DEFINITION", ""), Container: r.Text("ETLPORTAL_TASK_CONTAINER", "etlportal"),
		Subnets: r.List("ETLPORTAL_TASK_SUBNETS"), SecurityGroups: r.List("ETLPORTAL_TASK_SECURITY_GROUPS"),
	}
	s.schedules = aws.SchedulerConfig{
		Account: s.account, Group: r.Text("ETLPORTAL_SCHEDULE_GROUP", ""), QueueARN: r.Text("ETLPORTAL_SCHEDULE_QUEUE_ARN", ""),
		RoleARN: r.Text("ETLPORTAL_SCHEDULE_ROLE_ARN", ""), DeadARN: r.Text("ETLPORTAL_SCHEDULE_DLQ_ARN", ""),
	}
	s.flows = readFlows(r, s.account)
	s.warehouseRole = r.Text("ETLPORTAL_WAREHOUSE_ROLE_ARN", "")
	s.Portal.LongPublish = r.Duration("ETLPORTAL_LONG_PUBLISH", workflow.DefaultLongPublish, time.Millisecond, 24*time.Hour)
	s.Bootstrap = r.Text("ETLPORTAL_BOOTSTRAP_TOKEN_SECRET", "")
	switch how := r.Text("ETLPORTAL_RESPONSE", "buffered"); how {
	case "buffered":
		s.Portal.StreamFor = bufferedFor
	case "stream":
		s.Stream, s.Portal.StreamFor = true, streamedFor
	default:
		r.Bad("ETLPORTAL_RESPONSE", "is neither buffered nor stream")
	}
	s.Portal.StreamFor = r.Duration("ETLPORTAL_STREAM_FOR", s.Portal.StreamFor, time.Second, 14*time.Minute)
	s.Portal.DatabaseConns = databaseConns
	if s.Portal.MaxUpload == 0 {
		s.Portal.MaxUpload = directUpload
	}
	if len(s.Portal.Hosts) == 0 {
		// No page can use a name of its own to borrow somebody's sign-in: that is a
		// header that its script would have to know.
		s.Portal.Hosts = []string{"*"}
	}
	return s, r.Err()
}
