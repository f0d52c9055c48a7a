package main

import (
	_ "embed" // objects.json
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// dataKeyAction encrypts: an object, or a password.
const dataKeyAction = "kms:GenerateDataKey"

// objectsFile says which function does what below which prefix of the bucket. The
// tests of the functions hold the calls that they make to the same file.
//
//go:embed objects.json
var objectsFile []byte

// objectsOf reads objectsFile: what each function does, by prefix.
func objectsOf() (map[string]map[string][]string, error) {
	var all map[string]map[string][]string
	if err := json.Unmarshal(objectsFile, &all); err != nil {
		return nil, fmt.Errorf("objects.json: %w", err)
	}
	return all, nil
}

// objectActions are S3's for what objectsFile names.
var objectActions = map[string][]string{
	"read":   {"s3:GetObject", "s3:GetObjectVersion"},
	"write":  {"s3:PutObject", "s3:AbortMultipartUpload"},
	"upload": {"s3:ListMultipartUploadParts"},
	"delete": {"s3:DeleteObject"},
}

// access is what one function may do beside its objects. Everything else it may
// not: the test of the templates lists each action with its resource.
type access struct {
	// Sends are the stages whose queues it sends to.
	Sends []string
	// Takes is the stage whose queue it serves.
	Takes string
	// Opens and Seals are about the passwords of customers' databases.
	Opens, Seals bool
	// Schedules keeps entries of the schedules' group; Lists reads them all.
	Schedules, Lists bool
	// Flows runs jobs through Airflow, where there is one; DAGs keeps schedules there, too.
	Flows, DAGs bool
	// Tasks starts the publishing task.
	Tasks bool
	// Token reads the first administrator's token.
	Token bool
}

// accessOf is what each function may do.
var accessOf = map[string]access{
	functionAPI: {
		Sends: []string{"inspect", "plan", stageLoad, "finalize"},
		Opens: true, Seals: true, Schedules: true, Lists: true, Flows: true, DAGs: true, Token: true,
	},
	// The stream's function is the API's binary, asked for two routes only.
	functionStream: {Token: true},
	"inspect":      {Sends: []string{"inspect"}, Takes: "inspect"},
	"plan":         {Sends: []string{"plan", stageLoad, "finalize"}, Takes: "plan", Opens: true},
	stageLoad:      {Sends: []string{stageLoad, "finalize"}, Takes: stageLoad, Opens: true},
	"finalize":     {Sends: []string{stageLoad, "finalize"}, Takes: "finalize", Opens: true, Tasks: true},
	// A job that makes its table is settled when its run starts, in the customer's database.
	stageSchedule:     {Sends: []string{"plan"}, Takes: stageSchedule, Opens: true, Flows: true},
	functionReconcile: {Sends: []string{"inspect", "plan", stageLoad, "finalize"}, Opens: true, Schedules: true, Lists: true, Flows: true, DAGs: true, Tasks: true},
}

// statement allows actions on resources.
func statement(sid string, resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: jsii.String(sid), Resources: &resources, Actions: texts(actions...)})
}

// policy is the function's whole policy.
func (p *portal) policy(name string, logs awslogs.LogGroup) awsiam.PolicyDocument {
	statements := []awsiam.PolicyStatement{
		// The group's ARN ends in :*, which is its streams.
		statement("Logs", []*string{logs.LogGroupArn()}, "logs:CreateLogStream", "logs:PutLogEvents"),
	}
	if p.Network != nil {
		// EC2 knows no narrower resource: the interface does not exist yet.
		statements = append(statements, statement("NetworkInterfaces", []*string{jsii.String("*")},
			"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
			"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"))
	}
	statements = append(statements, p.workStatements(p.objects[name], accessOf[name])...)
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// workStatements are those that a function and a task of the same access share.
func (p *portal) workStatements(objects map[string][]string, a access) []awsiam.PolicyStatement {
	var all []awsiam.PolicyStatement
	all = append(all, p.objectStatements(objects)...)
	all = append(all, p.queueStatements(a)...)
	all = append(all, p.secretStatements(a)...)
	if a.Schedules {
		all = append(all,
			statement("Schedules", []*string{p.clock.Schedules}, "scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule"),
			statement("ScheduleGroup", []*string{p.clock.GroupARN}, "scheduler:GetScheduleGroup"),
			passRole("ScheduleRole", p.clock.Role, "scheduler.amazonaws.com"))
	}
	if a.Lists {
		// A list has no resource to name; its answer is bounded by the group asked for.
		all = append(all, statement("ListSchedules", []*string{jsii.String("*")}, "scheduler:ListSchedules"))
	}
	if a.Flows && p.Airflow != nil {
		all = append(all, p.Airflow.statements(a.DAGs)...)
	}
	if a.Tasks && p.task != nil {
		all = append(all, p.task.statements()...)
	}
	return all
}

func (p *portal) objectStatements(prefixes map[string][]string) []awsiam.PolicyStatement {
	if len(prefixes) == 0 {
		return nil
	}
	bucket, key := p.Storage.Uploads, []string{"kms:Decrypt"}
	var all []awsiam.PolicyStatement
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		var actions []string
		for _, what := range prefixes[prefix] {
			actions = append(actions, objectActions[what]...)
			if what == "write" && !slices.Contains(key, dataKeyAction) {
				key = append(key, dataKeyAction)
			}
		}
		name := strings.TrimSuffix(prefix, "/")
		all = append(all, statement("Objects"+title(name), []*string{bucket.ArnForObjects(jsii.String(prefix + "*"))}, actions...))
	}
	return append(all,
		// Without it a missing object looks like a forbidden one.
		statement("Bucket", []*string{bucket.BucketArn()}, "s3:ListBucket"),
		statement("ObjectKey", []*string{p.Storage.DataKey.KeyArn()}, key...))
}

func (p *portal) queueStatements(a access) []awsiam.PolicyStatement {
	var all []awsiam.PolicyStatement
	if len(a.Sends) > 0 {
		var queues []*string
		for _, name := range a.Sends {
			queues = append(queues, p.Stages[name].Queue.QueueArn())
		}
		all = append(all, statement("Send", queues, "sqs:SendMessage", "sqs:GetQueueAttributes"))
	}
	if a.Takes != "" {
		all = append(all, statement("Take", []*string{p.Stages[a.Takes].Queue.QueueArn()},
			"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"))
	}
	return all
}

func (p *portal) secretStatements(a access) []awsiam.PolicyStatement {
	var secrets []*string
	if p.Storage.Database != nil {
		secrets = append(secrets, p.Storage.Database.Secret.SecretArn())
	}
	if a.Token {
		secrets = append(secrets, p.Token.SecretArn())
	}
	var all []awsiam.PolicyStatement
	if len(secrets) > 0 {
		all = append(all, statement("Secrets", secrets, "secretsmanager:GetSecretValue"),
			statement("SecretKey", []*string{p.Storage.DataKey.KeyArn()}, "kms:Decrypt"))
	}
	var seal []string
	if a.Opens {
		seal = append(seal, "kms:Decrypt")
	}
	if a.Seals {
		seal = append(seal, "kms:DescribeKey", dataKeyAction)
	}
	if a.Opens && p.s.opensWarehouses() {
		all = append(all, statement("Warehouses", []*string{p.warehouseRoleARN()}, "sts:AssumeRole"))
	}
	if len(seal) > 0 {
		all = append(all, statement("Passwords", []*string{p.Storage.SealKey.KeyArn()}, seal...))
	}
	return all
}

// passRole hands a role to one service.
func passRole(sid string, role awsiam.IRole, service string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: texts("iam:PassRole"), Resources: &[]*string{role.RoleArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"iam:PassedToService": service}},
	})
}
