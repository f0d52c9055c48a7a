package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// taskContainer is the container whose entry point is etlportal.
const taskContainer = "etlportal"

// task publishes what takes longer than a function may run: `etlportal finalize`.
type task struct {
	Cluster    awsecs.Cluster
	Definition awsecs.FargateTaskDefinition
	stack      awscdk.Stack
	network    *network
}

// privateImage is an image in ECR, which the task needs leave to pull.
var privateImage = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)[:@](.+)$`)

// notInImage is what the Dockerfile's build does not need.
var notInImage = []string{".git", ".tools", ".data", "bin", "cdk.out", "dist", "node_modules", "infra-cdk", "docs", "**/node_modules"}

func (p *portal) image() (awsecs.ContainerImage, error) {
	if m := privateImage.FindStringSubmatch(p.s.Image); m != nil {
		repository := awsecr.Repository_FromRepositoryAttributes(p.stack, jsii.String("Images"), &awsecr.RepositoryAttributes{
			RepositoryArn: jsii.String(fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", m[2], m[1], m[3])), RepositoryName: jsii.String(m[3]),
		})
		return awsecs.ContainerImage_FromEcrRepository(repository, jsii.String(m[4])), nil
	}
	if p.s.Image != "" {
		return awsecs.ContainerImage_FromRegistry(jsii.String(p.s.Image), nil), nil
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "Dockerfile")); err != nil {
		return nil, fmt.Errorf("the publishing task has no image: give one by the context value image, or run from infra-cdk/ beside the Dockerfile: %w", err)
	}
	platform := awsecrassets.Platform_LINUX_ARM64()
	if p.s.Arch == "amd64" {
		platform = awsecrassets.Platform_LINUX_AMD64()
	}
	return awsecs.ContainerImage_FromAsset(jsii.String(root), &awsecs.AssetImageProps{
		Platform: platform, Exclude: texts(notInImage...), IgnoreMode: awscdk.IgnoreMode_DOCKER,
	}), nil
}

// newTask adds the cluster and the task, which may do what the function of the
// stage finalize may, less taking its messages.
func newTask(p *portal) (*task, error) {
	image, err := p.image()
	if err != nil {
		return nil, err
	}
	cluster := awsecs.NewCluster(p.stack, jsii.String("Tasks"), &awsecs.ClusterProps{
		ClusterName: p.s.Called("tasks"), Vpc: p.Network.VPC, ContainerInsightsV2: awsecs.ContainerInsights_ENABLED,
	})
	may := accessOf["finalize"]
	may.Takes, may.Tasks = "", false
	statements := p.workStatements(p.objects["finalize"], may)
	role := awsiam.NewRole(p.stack, jsii.String("TaskRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil), Description: jsii.String("publishing task of the ETL Portal"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"task": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})},
	})
	p.openers = append(p.openers, role)
	cpu := awsecs.CpuArchitecture_ARM64()
	if p.s.Arch == "amd64" {
		cpu = awsecs.CpuArchitecture_X86_64()
	}
	definition := awsecs.NewFargateTaskDefinition(p.stack, jsii.String("Publish"), &awsecs.FargateTaskDefinitionProps{
		Family: p.s.Called("publish"), Cpu: jsii.Number(p.s.TaskCPU), MemoryLimitMiB: jsii.Number(p.s.TaskMemory), TaskRole: role,
		RuntimePlatform: &awsecs.RuntimePlatform{CpuArchitecture: cpu, OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX()},
	})
	env := p.environment()
	env["AWS_REGION"] = p.stack.Region()
	if p.s.TaskCA != "" {
		env["ETLPORTAL_DATABASE_CA"] = jsii.String(p.s.TaskCA)
	}
	definition.AddContainer(jsii.String(taskContainer), &awsecs.ContainerDefinitionOptions{
		Image: image, Command: texts("finalize", "--help"), Environment: &env, ReadonlyRootFilesystem: jsii.Bool(true), User: jsii.String("65532"),
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
			LogGroup: p.newLogGroup("PublishLog", "/etlportal/"+p.s.Name+"/publish"), StreamPrefix: jsii.String("publish"),
		}),
	})
	return &task{Cluster: cluster, Definition: definition, stack: p.stack, network: p.Network}, nil
}

// environment tells functions how to start it.
func (t *task) environment(env map[string]*string) {
	subnets := t.network.VPC.SelectSubnets(t.network.FunctionSubnets()).SubnetIds
	env["ETLPORTAL_TASK_CLUSTER"] = t.Cluster.ClusterArn()
	env["ETLPORTAL_TASK_DEFINITION"] = t.Definition.TaskDefinitionArn()
	env["ETLPORTAL_TASK_CONTAINER"] = jsii.String(taskContainer)
	env["ETLPORTAL_TASK_SUBNETS"] = awscdk.Fn_Join(jsii.String(","), subnets)
	env["ETLPORTAL_TASK_SECURITY_GROUPS"] = t.network.Functions.SecurityGroupId()
}

// statements let a function start it.
func (t *task) statements() []awsiam.PolicyStatement {
	run := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("RunTask"), Actions: texts("ecs:RunTask"), Resources: &[]*string{t.Definition.TaskDefinitionArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"ecs:cluster": t.Cluster.ClusterArn()}},
	})
	return []awsiam.PolicyStatement{
		run, passRole("TaskRole", t.Definition.TaskRole(), "ecs-tasks.amazonaws.com"),
		passRole("ExecutionRole", t.Definition.ObtainExecutionRole(), "ecs-tasks.amazonaws.com"),
	}
}
