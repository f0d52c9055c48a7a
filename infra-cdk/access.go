package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// access is what one function may do. Everything else it may not: the test of
// the templates lists each action with its resource.
type access struct {
	// Reads, Writes and Deletes are about objects below sources/.
	Reads, Writes, Deletes bool
	// Uploads lists and aborts multipart uploads.
	Uploads bool
	// Sends are the stages whose queues it sends to.
	Sends []string
	// Takes is the stage whose queue it serves.
	Takes string
	// Opens and Seals are about the passwords of customers' databases.
	Opens, Seals bool
	// Schedules keeps entries of the schedules' group; Lists reads them all.
	Schedules, Lists bool
	// Tasks starts the publishing task.
	Tasks bool
	// Token reads the first administrator's token.
	Token bool
}

// accessOf is what each function may do.
var accessOf = map[string]access{
	functionAPI: {
		Reads: true, Writes: true, Deletes: true, Uploads: true, Sends: []string{"inspect", "plan", stageLoad, "finalize"},
		Opens: true, Seals: true, Schedules: true, Lists: true, Token: true,
	},
	// The stream's function is the API's binary, asked for one route only.
	functionStream:    {Token: true},
	"inspect":         {Reads: true, Writes: true, Deletes: true, Sends: []string{"inspect"}, Takes: "inspect"},
	"plan":            {Reads: true, Sends: []string{"plan", stageLoad, "finalize"}, Takes: "plan", Opens: true},
	stageLoad:         {Reads: true, Sends: []string{stageLoad, "finalize"}, Takes: stageLoad, Opens: true},
	"finalize":        {Reads: true, Sends: []string{stageLoad, "finalize"}, Takes: "finalize", Opens: true, Tasks: true},
	stageSchedule:     {Sends: []string{"plan"}, Takes: stageSchedule},
	functionReconcile: {Sends: []string{"inspect", "plan", stageLoad, "finalize"}, Opens: true, Schedules: true, Lists: true, Tasks: true},
}

// statement allows actions on resources.
func statement(sid string, resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Sid: jsii.String(sid), Resources: &resources, Actions: texts(actions...)})
}

// policy is the function's whole policy.
func (p *portal) policy(name string, logs awslogs.LogGroup) awsiam.PolicyDocument {
	a := accessOf[name]
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
	statements = append(statements, p.workStatements(a)...)
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// workStatements are those that a function and a task of the same access share.
func (p *portal) workStatements(a access) []awsiam.PolicyStatement {
	var all []awsiam.PolicyStatement
	all = append(all, p.objectStatements(a)...)
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
	if a.Tasks && p.task != nil {
		all = append(all, p.task.statements()...)
	}
	return all
}

func (p *portal) objectStatements(a access) []awsiam.PolicyStatement {
	var actions []string
	if a.Reads {
		actions = append(actions, "s3:GetObject", "s3:GetObjectVersion")
	}
	if a.Writes {
		actions = append(actions, "s3:PutObject", "s3:AbortMultipartUpload")
	}
	if a.Uploads {
		actions = append(actions, "s3:ListMultipartUploadParts")
	}
	if a.Deletes {
		actions = append(actions, "s3:DeleteObject")
	}
	if len(actions) == 0 {
		return nil
	}
	bucket, key := p.Storage.Uploads, []string{"kms:Decrypt"}
	if a.Writes {
		key = append(key, "kms:GenerateDataKey")
	}
	return []awsiam.PolicyStatement{
		statement("Objects", []*string{bucket.ArnForObjects(jsii.String("sources/*"))}, actions...),
		// Without it a missing object looks like a forbidden one.
		statement("Bucket", []*string{bucket.BucketArn()}, "s3:ListBucket"),
		statement("ObjectKey", []*string{p.Storage.DataKey.KeyArn()}, key...),
	}
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
		seal = append(seal, "kms:DescribeKey", "kms:GenerateDataKey")
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
