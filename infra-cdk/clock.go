package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/jsii-runtime-go"
)

// clock is the group that the portal keeps its schedules in, and the role by
// which they send their ticks.
type clock struct {
	// Group is the group's name; Schedules the ARN of everything in it.
	Group, GroupARN, Schedules *string
	Role                       awsiam.Role
}

func newClock(p *portal) *clock {
	name := p.s.Called("schedules")
	group := awsscheduler.NewCfnScheduleGroup(p.stack, jsii.String("Schedules"), &awsscheduler.CfnScheduleGroupProps{Name: name})
	ticks := p.Stages[stageSchedule]
	arn := func(resource string, item *string) *string {
		return p.stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("scheduler"), Resource: jsii.String(resource), ResourceName: item})
	}
	role := awsiam.NewRole(p.stack, jsii.String("ClockRole"), &awsiam.RoleProps{
		Description: jsii.String("schedules of the ETL Portal send their ticks"),
		// Only schedules of this account's group may wear the role.
		AssumedBy: awsiam.NewPrincipalWithConditions(awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), nil), &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": p.stack.Account(), "aws:SourceArn": arn("schedule-group", name)},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"ticks": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
			Statements: &[]awsiam.PolicyStatement{statement("Ticks", []*string{ticks.Queue.QueueArn(), ticks.Dead.QueueArn()}, "sqs:SendMessage")},
		})},
	})
	return &clock{Group: group.Ref(), GroupARN: arn("schedule-group", name), Schedules: arn("schedule", jsii.String(*name+"/*")), Role: role}
}
