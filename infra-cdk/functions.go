package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// retentions are CloudWatch's, by days.
var retentions = map[int]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS, 7: awslogs.RetentionDays_ONE_WEEK,
	14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH, 60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS,
	120: awslogs.RetentionDays_FOUR_MONTHS, 150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
	1827: awslogs.RetentionDays_FIVE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
}

// newFunction adds a function that runs the binary, under a role that has what
// accessOf says and nothing else.
func (p *portal) newFunction(name, binary string) awslambda.Function {
	size := p.s.Sizes.Functions[name]
	logs := p.newLogGroup(title(name)+"Log", "/aws/lambda/"+*p.s.Called(name))
	role := awsiam.NewRole(p.stack, jsii.String(title(name)+"Role"), &awsiam.RoleProps{
		AssumedBy:      awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description:    jsii.String("function " + name + " of the ETL Portal"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"function": p.policy(name, logs)},
	})
	if accessOf[name].Opens {
		p.openers = append(p.openers, role)
	}
	env := p.environment()
	if name == functionStream {
		env["ETLPORTAL_RESPONSE"] = jsii.String("stream")
	}
	if p.s.CA != "" {
		env["ETLPORTAL_DATABASE_CA"] = jsii.String(codeFolder + "/" + caFile)
	}
	props := &awslambda.FunctionProps{
		FunctionName: p.s.Called(name), Description: jsii.String("ETL Portal: " + name),
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String("bootstrap"), Code: p.Code[binary], Architecture: architecture(p.s),
		MemorySize: jsii.Number(size.Memory), Timeout: awscdk.Duration_Seconds(jsii.Number(size.Timeout)),
		Environment: &env, LogGroup: logs,
		// CDK would add its own statements to the role.
		Role: role.WithoutPolicyUpdates(nil),
		// A stage that sends a message back to its own queue for later is no loop
		// gone wild; tries are counted in the message.
		RecursiveLoop: awslambda.RecursiveLoop_ALLOW,
	}
	if name == functionReconcile {
		// A look that failed is made up for by the next one.
		props.RetryAttempts, props.MaxEventAge = jsii.Number(0), awscdk.Duration_Minutes(jsii.Number(1))
	}
	if p.s.Reserve && size.Concurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(size.Concurrency)
	}
	if p.Network != nil {
		props.Vpc, props.VpcSubnets = p.Network.VPC, p.Network.FunctionSubnets()
		props.SecurityGroups = &[]awsec2.ISecurityGroup{p.Network.Functions}
	}
	return awslambda.NewFunction(p.stack, jsii.String(title(name)+"Function"), props)
}

// newLogGroup keeps logs as long as the settings say.
func (p *portal) newLogGroup(id, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(p.stack, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName: jsii.String(name), Retention: retentions[p.s.LogDays], EncryptionKey: p.Storage.logKey, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

func architecture(s *Settings) awslambda.Architecture {
	if s.Arch == "amd64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}
