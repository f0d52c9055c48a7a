package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// tokenLength is 256 bits of letters and digits.
const tokenLength = 43

// portalProps is what the App stack is given.
type portalProps struct {
	Code    map[string]awslambda.Code
	Storage *storage
	Network *network
	Auth    *auth
	// Airflow is nil without one.
	Airflow *airflow
	// Warehouse is nil where nothing is set up for Redshift.
	Warehouse *warehouse
}

// portal is the App stack: functions, queues, API, clock and task.
type portal struct {
	s     *Settings
	stack awscdk.Stack
	portalProps

	Stages    map[string]*stage
	Functions map[string]awslambda.Function
	Token     awssecretsmanager.Secret
	// EdgeMark is what CloudFront shows the firewall; nil without one.
	EdgeMark awssecretsmanager.Secret
	API      *gateway
	clock    *clock
	task     *task
	// openers are the roles of what opens customers' databases.
	openers []awsiam.Role
	// objects is what functions do in the bucket, by function and prefix.
	objects map[string]map[string][]string
	// database and the endpoints are parameters of LocalStack's template.
	database, endpoint, redshift *string
}

// newPortal fills the App stack.
func newPortal(stack awscdk.Stack, s *Settings, props portalProps) (*portal, error) {
	objects, err := objectsOf()
	if err != nil {
		return nil, err
	}
	p := &portal{s: s, stack: stack, portalProps: props, objects: objects, Stages: map[string]*stage{}, Functions: map[string]awslambda.Function{}}
	for _, name := range stageNames {
		p.Stages[name] = newStage(stack, s, name)
	}
	p.Token = awssecretsmanager.NewSecret(stack, jsii.String("BootstrapToken"), &awssecretsmanager.SecretProps{
		SecretName:  s.Called("bootstrap-token"),
		Description: jsii.String("the first administrator's API token of the ETL Portal"), EncryptionKey: props.Storage.DataKey,
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(tokenLength), ExcludePunctuation: jsii.Bool(true), IncludeSpace: jsii.Bool(false),
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	if s.LocalStack() {
		p.database = awscdk.NewCfnParameter(stack, jsii.String("DatabaseUrl"), &awscdk.CfnParameterProps{
			Type: jsii.String("String"), NoEcho: jsii.Bool(true), MinLength: jsii.Number(1),
			Description: jsii.String("the portal's own PostgreSQL: postgres://user:password@host:port/database"),
		}).ValueAsString()
		p.endpoint = awscdk.NewCfnParameter(stack, jsii.String("AwsEndpointUrl"), &awscdk.CfnParameterProps{
			Type: jsii.String("String"), Default: jsii.String("http://127.0.0.1:4566"), Description: jsii.String("where the functions reach LocalStack"),
		}).ValueAsString()
		p.redshift = awscdk.NewCfnParameter(stack, jsii.String("RedshiftEndpointUrl"), &awscdk.CfnParameterProps{
			Type: jsii.String("String"), Default: jsii.String(""), Description: jsii.String("where the functions reach a stand-in of the Redshift Data API, which LocalStack has not"),
		}).ValueAsString()
	}
	p.clock = newClock(p)
	p.API = newGateway(p)
	if p.Network != nil {
		if p.task, err = newTask(p); err != nil {
			return nil, err
		}
	}
	for _, name := range functionNames {
		p.Functions[name] = p.newFunction(name, name)
	}
	for _, name := range stageNames {
		p.Stages[name].serve(s, p.Functions[name])
	}
	if !s.LocalStack() {
		p.Functions[functionStream] = p.newFunction(functionStream, functionAPI)
	}
	p.API.route(p)
	if s.WAF {
		p.API.guard(p)
	}
	p.warehouseRole()
	p.reconcile()
	p.outputs()
	return p, nil
}

// reconcile wakes the reconciler every minute, or as the settings say; what was
// missed is found the next time.
func (p *portal) reconcile() {
	awsevents.NewRule(p.stack, jsii.String("Reconcile"), &awsevents.RuleProps{
		RuleName: p.s.Called("reconcile"), Description: jsii.String("wakes what stopped and clears what is left over"),
		Schedule: awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(p.s.Reconcile))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(p.Functions[functionReconcile], &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(0), MaxEventAge: awscdk.Duration_Minutes(jsii.Number(1)),
		})},
	})
}

func (p *portal) outputs() {
	output(p.stack, "ApiUrl", "address of the API, without /api/v1", p.API.URL())
	output(p.stack, "BootstrapTokenSecret", "secret with the first administrator's token", p.Token.SecretArn())
	output(p.stack, "ScheduleGroup", "group of the schedules", p.clock.Group)
	for _, name := range stageNames {
		g := p.Stages[name]
		output(p.stack, title(name)+"QueueUrl", "queue of the stage "+name, g.Queue.QueueUrl())
		output(p.stack, title(name)+"DeadUrl", "dead letters of the stage "+name, g.Dead.QueueUrl())
	}
	for _, name := range append([]string{functionStream}, functionNames...) {
		if f, ok := p.Functions[name]; ok {
			output(p.stack, title(name)+"FunctionName", "function "+name, f.FunctionName())
		}
	}
}

// environment is what every function and the task read.
func (p *portal) environment() map[string]*string {
	env := map[string]*string{
		"ETLPORTAL_NAME":                   jsii.String(p.s.Name),
		"ETLPORTAL_BUCKET":                 p.Storage.Uploads.BucketName(),
		"ETLPORTAL_KMS_KEY":                p.Storage.SealKey.KeyArn(),
		"ETLPORTAL_SCHEDULE_GROUP":         p.clock.Group,
		"ETLPORTAL_SCHEDULE_QUEUE_ARN":     p.Stages[stageSchedule].Queue.QueueArn(),
		"ETLPORTAL_SCHEDULE_DLQ_ARN":       p.Stages[stageSchedule].Dead.QueueArn(),
		"ETLPORTAL_SCHEDULE_ROLE_ARN":      p.clock.Role.RoleArn(),
		"ETLPORTAL_BOOTSTRAP_TOKEN_SECRET": p.Token.SecretArn(),
		"ETLPORTAL_HOSTS":                  p.API.Host(),
		"ETLPORTAL_LOG_LEVEL":              jsii.String(p.s.LogLevel),
		"ETLPORTAL_LONG_PUBLISH":           jsii.String(p.s.LongPublish),
	}
	for _, name := range stageNames {
		if name == stageSchedule {
			continue
		}
		env[fmt.Sprintf("ETLPORTAL_QUEUE_%s_URL", strings.ToUpper(name))] = p.Stages[name].Queue.QueueUrl()
		env[fmt.Sprintf("ETLPORTAL_DLQ_%s_URL", strings.ToUpper(name))] = p.Stages[name].Dead.QueueUrl()
	}
	if origins := p.s.UIOrigins(); len(origins) > 0 {
		env["ETLPORTAL_ORIGINS"] = jsii.String(strings.Join(origins, ","))
	}
	if p.s.OTLP != "" {
		env["OTEL_EXPORTER_OTLP_ENDPOINT"] = jsii.String(p.s.OTLP)
	}
	if p.database != nil {
		env["DATABASE_URL"], env["AWS_ENDPOINT_URL"], env["AWS_ENDPOINT_URL_REDSHIFT_DATA"] = p.database, p.endpoint, p.redshift
	} else {
		env["ETLPORTAL_DATABASE_SECRET"] = p.Storage.Database.Secret.SecretArn()
	}
	if p.Auth != nil {
		p.Auth.environment(env)
	}
	if p.task != nil {
		p.task.environment(env)
	}
	if p.s.opensWarehouses() {
		env["ETLPORTAL_WAREHOUSE_ROLE_ARN"] = p.warehouseRoleARN()
	}
	if p.Airflow != nil {
		p.Airflow.environment(env)
	}
	return env
}
