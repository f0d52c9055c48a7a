package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

const (
	zones        = 2
	subnetMask   = 20
	postgresPort = 5432
	// The names of the subnets.
	functionSubnets, databaseSubnets = "functions", "database"
)

// network is the VPC: functions with a way to customers' databases, and the
// portal's own database without any way out.
type network struct {
	VPC                 awsec2.Vpc
	Functions, Database awsec2.SecurityGroup
}

// FunctionSubnets are where functions and tasks run.
func (n *network) FunctionSubnets() *awsec2.SubnetSelection {
	return &awsec2.SubnetSelection{SubnetGroupName: jsii.String(functionSubnets)}
}

// endpointNames are the interface endpoints that can be asked for, sorted;
// closedEndpoints those of them that any portal needs that has no other way out.
var (
	endpointNames   = []string{"ecr", "ecr-docker", "ecs", "kms", "logs", "redshift", "redshift-data", "redshift-serverless", "scheduler", "secretsmanager", "sqs", "sts"}
	closedEndpoints = []string{"ecr", "ecr-docker", "ecs", "kms", "logs", "scheduler", "secretsmanager", "sqs"}
)

// endpointServices are the interface endpoints that can be asked for. Each
// costs by the hour and zone; all together cost more than a NAT gateway.
func endpointServices() map[string]awsec2.InterfaceVpcEndpointAwsService {
	return map[string]awsec2.InterfaceVpcEndpointAwsService{
		"redshift":            awsec2.InterfaceVpcEndpointAwsService_REDSHIFT(),
		"redshift-data":       awsec2.InterfaceVpcEndpointAwsService_REDSHIFT_DATA(),
		"redshift-serverless": awsec2.InterfaceVpcEndpointAwsService_REDSHIFT_SERVERLESS(),
		"sts":                 awsec2.InterfaceVpcEndpointAwsService_STS(),
		"ecr":                 awsec2.InterfaceVpcEndpointAwsService_ECR(),
		"ecr-docker":          awsec2.InterfaceVpcEndpointAwsService_ECR_DOCKER(),
		"ecs":                 awsec2.InterfaceVpcEndpointAwsService_ECS(),
		"kms":                 awsec2.InterfaceVpcEndpointAwsService_KMS(),
		"logs":                awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS(),
		"scheduler":           awsec2.NewInterfaceVpcEndpointAwsService(jsii.String("scheduler"), nil, nil, nil),
		"secretsmanager":      awsec2.InterfaceVpcEndpointAwsService_SECRETS_MANAGER(),
		"sqs":                 awsec2.InterfaceVpcEndpointAwsService_SQS(),
	}
}

// anyZones has the VPC span the first zones of wherever it is deployed. CDK would
// look a known account's zones up, and take invented ones where it cannot.
func anyZones(stack awscdk.Stack, s *Settings) {
	if s.Account == "" || s.Region == "" {
		return
	}
	all, first := awscdk.Fn_GetAzs(jsii.String("")), make([]any, zones)
	for i := range first {
		first[i] = *awscdk.Fn_Select(jsii.Number(i), all)
	}
	stack.Node().SetContext(jsii.String(fmt.Sprintf("availability-zones:account=%s:region=%s", s.Account, s.Region)), first)
}

func newNetwork(stack awscdk.Stack, s *Settings) *network {
	anyZones(stack, s)
	functions := awsec2.SubnetType_PRIVATE_ISOLATED
	subnets := []*awsec2.SubnetConfiguration{}
	if s.NAT > 0 {
		functions = awsec2.SubnetType_PRIVATE_WITH_EGRESS
		subnets = append(subnets, &awsec2.SubnetConfiguration{
			Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC, CidrMask: jsii.Number(24), MapPublicIpOnLaunch: jsii.Bool(false),
		})
	}
	subnets = append(subnets,
		&awsec2.SubnetConfiguration{Name: jsii.String(functionSubnets), SubnetType: functions, CidrMask: jsii.Number(subnetMask)},
		&awsec2.SubnetConfiguration{Name: jsii.String(databaseSubnets), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED, CidrMask: jsii.Number(24)})
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{
		IpAddresses: awsec2.IpAddresses_Cidr(jsii.String(s.CIDR)), MaxAzs: jsii.Number(zones), NatGateways: jsii.Number(s.NAT),
		SubnetConfiguration: &subnets, RestrictDefaultSecurityGroup: jsii.Bool(false),
		// Files go to and from S3 by this one, which costs nothing; through a NAT
		// gateway a terabyte would cost $45.
		GatewayEndpoints: &map[string]*awsec2.GatewayVpcEndpointOptions{"S3": {Service: awsec2.GatewayVpcEndpointAwsService_S3()}},
	})
	flowLog(stack, s, vpc)
	n := &network{VPC: vpc}
	n.Functions = awsec2.NewSecurityGroup(stack, jsii.String("FunctionsGroup"), &awsec2.SecurityGroupProps{
		Vpc: vpc, Description: jsii.String("functions and tasks of the ETL Portal"),
		// Customers' databases listen at any port of any address.
		AllowAllOutbound: jsii.Bool(true),
	})
	n.Database = awsec2.NewSecurityGroup(stack, jsii.String("DatabaseGroup"), &awsec2.SecurityGroupProps{
		Vpc: vpc, Description: jsii.String("database of the ETL Portal"), AllowAllOutbound: jsii.Bool(false),
	})
	n.Database.AddIngressRule(n.Functions, awsec2.Port_Tcp(jsii.Number(postgresPort)), jsii.String("functions and tasks"), nil)
	if len(s.Endpoints) > 0 {
		n.endpoints(stack, s)
	}
	return n
}

// endpoints lets the functions reach services without leaving the VPC.
func (n *network) endpoints(stack awscdk.Stack, s *Settings) {
	group := awsec2.NewSecurityGroup(stack, jsii.String("EndpointsGroup"), &awsec2.SecurityGroupProps{
		Vpc: n.VPC, Description: jsii.String("endpoints of AWS services"), AllowAllOutbound: jsii.Bool(false),
	})
	group.AddIngressRule(n.Functions, awsec2.Port_Tcp(jsii.Number(443)), jsii.String("functions and tasks"), nil)
	known := endpointServices()
	for _, name := range s.Endpoints {
		n.VPC.AddInterfaceEndpoint(jsii.String("Endpoint-"+name), &awsec2.InterfaceVpcEndpointOptions{
			Service: known[name], Subnets: n.FunctionSubnets(), SecurityGroups: &[]awsec2.ISecurityGroup{group}, Open: jsii.Bool(false),
		})
	}
}

// flowLog keeps who spoke with whom, refusals and all. Its key is a stack of
// its own making: that of the data comes later.
func flowLog(stack awscdk.Stack, s *Settings, vpc awsec2.Vpc) {
	key := newKey(stack, s, "FlowLogKey", "flow-logs", "flow logs of the ETL Portal's network")
	allowLogs(stack, key)
	group := awslogs.NewLogGroup(stack, jsii.String("FlowLogGroup"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("/etlportal/" + s.Name + "/flow"), Retention: retentions[s.LogDays], EncryptionKey: key, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	awsec2.NewFlowLog(stack, jsii.String("FlowLog"), &awsec2.FlowLogProps{
		ResourceType: awsec2.FlowLogResourceType_FromVpc(vpc), Destination: awsec2.FlowLogDestination_ToCloudWatchLogs(group, nil),
		TrafficType: awsec2.FlowLogTrafficType_ALL,
	})
}

// allowLogs lets CloudWatch encrypt this account's log groups by the key.
func allowLogs(stack awscdk.Stack, key awskms.Key) {
	arn := stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: jsii.String("*"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("Logs"), Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("logs."), stack.Region(), jsii.String(".amazonaws.com")}), nil)},
		Actions: texts("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"), Resources: texts("*"),
		Conditions: &map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": arn}},
	}), nil)
}
