package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsmwaa"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3deployment"
	"github.com/aws/jsii-runtime-go"
)

// dagFolder is the folder of DAGs in the environment's bucket.
const dagFolder = "dags"

var (
	// mwaaVersions are those that the provider of airflow-mwaa/ is tested with and
	// MWAA offers, the default first.
	mwaaVersions = []string{"3.0.6", "2.11.0", "2.10.3"}
	mwaaClasses  = []string{"mw1.small", "mw1.micro", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge"}
)

// airflow is the managed Airflow that fires schedules and runs jobs.
type airflow struct {
	Bucket awss3.Bucket
	// Name and ARN are the environment's, Role that of its API's user.
	Name, ARN, Role *string
}

// newAirflow adds the environment with the provider, its DAG and a role that has
// what the environment's parts need.
func newAirflow(stack awscdk.Stack, s *Settings, n *network) (*airflow, error) {
	plugins, err := placed(s, "plugins-*.zip")
	if err != nil {
		return nil, err
	}
	requirements, err := placed(s, "requirements-*.txt")
	if err != nil {
		return nil, err
	}
	a := &airflow{Name: s.Called("airflow")}
	arn := func(resource, item string) *string {
		return stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("airflow"), Resource: jsii.String(resource), ResourceName: jsii.String(item)})
	}
	// User may look at DAGs, pause, delete and run them.
	a.ARN, a.Role = arn("environment", *a.Name), arn("role", *a.Name+"/User")
	a.Bucket = awss3.NewBucket(stack, jsii.String("Dags"), &awss3.BucketProps{
		// The environment takes no other bucket than a versioned, closed one.
		Versioned: jsii.Bool(true), Encryption: awss3.BucketEncryption_S3_MANAGED, BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2), ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		RemovalPolicy: keep(s), ServerAccessLogsBucket: newLogBucket(stack, s, "DagsLog", awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED),
		ServerAccessLogsPrefix: jsii.String("dags/"),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("leftovers"), Enabled: jsii.Bool(true), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(accessLogDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abortUploadDays)),
		}},
	})
	content := awss3deployment.NewBucketDeployment(stack, jsii.String("Content"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket: a.Bucket, Sources: &[]awss3deployment.ISource{awss3deployment.Source_Asset(jsii.String(s.MWAAContent), nil)},
		// The portal writes files beside these, and the environment names the
		// plugins of before until it has been updated.
		Prune: jsii.Bool(false), MemoryLimit: jsii.Number(512),
	})
	group := awsec2.NewSecurityGroup(stack, jsii.String("AirflowGroup"), &awsec2.SecurityGroupProps{
		Vpc: n.VPC, Description: jsii.String("managed Airflow of the ETL Portal"),
		// The portal, AWS's services and whatever other DAGs call.
		AllowAllOutbound: jsii.Bool(true),
	})
	group.AddIngressRule(group, awsec2.Port_AllTraffic(), jsii.String("the environment's parts among each other"), nil)
	role := a.executionRole(stack, s)
	log := &awsmwaa.CfnEnvironment_ModuleLoggingConfigurationProperty{Enabled: jsii.Bool(true), LogLevel: jsii.String("INFO")}
	environment := awsmwaa.NewCfnEnvironment(stack, jsii.String("Environment"), &awsmwaa.CfnEnvironmentProps{
		Name: a.Name, AirflowVersion: jsii.String(s.MWAAVersion), EnvironmentClass: jsii.String(s.MWAAClass), ExecutionRoleArn: role.RoleArn(),
		SourceBucketArn: a.Bucket.BucketArn(), DagS3Path: jsii.String(dagFolder), PluginsS3Path: jsii.String(plugins), RequirementsS3Path: jsii.String(requirements),
		MaxWorkers: jsii.Number(s.MWAAWorkers), WebserverAccessMode: jsii.String(map[string]string{"public": "PUBLIC_ONLY", "private": "PRIVATE_ONLY"}[s.MWAAAccess]),
		NetworkConfiguration: &awsmwaa.CfnEnvironment_NetworkConfigurationProperty{
			SubnetIds: n.VPC.SelectSubnets(n.FunctionSubnets()).SubnetIds, SecurityGroupIds: &[]*string{group.SecurityGroupId()},
		},
		LoggingConfiguration: &awsmwaa.CfnEnvironment_LoggingConfigurationProperty{DagProcessingLogs: log, SchedulerLogs: log, TaskLogs: log, WebserverLogs: log, WorkerLogs: log},
		AirflowConfigurationOptions: map[string]string{
			// The connection to the portal, with its token, is a secret.
			"secrets.backend":        "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
			"secrets.backend_kwargs": fmt.Sprintf(`{"connections_prefix": "%s/connections", "variables_prefix": null, "config_prefix": null}`, s.Name),
		},
	})
	environment.Node().AddDependency(content)
	environment.Node().AddDependency(role)
	output(stack, "AirflowEnvironment", "managed Airflow", a.Name)
	output(stack, "AirflowUrl", "its web pages", environment.AttrWebserverUrl())
	output(stack, "AirflowBucket", "bucket of its DAGs", a.Bucket.BucketName())
	output(stack, "AirflowConnection", "name of the secret with the connection to the portal; docs/aws.md has its form", jsii.String(s.Name+"/connections/etl_portal_api"))
	return a, nil
}

// placed is the one file of the content that the pattern names, by which a
// changed file has another path and the environment is updated.
func placed(s *Settings, pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(s.MWAAContent, pattern))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the content of the MWAA environment has %d files %s in %s, not one; run `scripts/mwaa.sh %s` first", len(found), pattern, s.MWAAContent, s.MWAAVersion)
	}
	if _, err := os.Stat(filepath.Join(s.MWAAContent, dagFolder)); err != nil {
		return "", err
	}
	return filepath.Base(found[0]), nil
}

// executionRole is what scheduler, workers and web server run as; the list is
// that of AWS's documentation, action by action.
func (a *airflow) executionRole(stack awscdk.Stack, s *Settings) awsiam.Role {
	arn := func(service, resource, name string, format awscdk.ArnFormat) *string {
		return stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: optional(name), ArnFormat: format})
	}
	celery := awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("arn:"), stack.Partition(), jsii.String(":sqs:"), stack.Region(), jsii.String(":*:airflow-celery-*")})
	return awsiam.NewRole(stack, jsii.String("AirflowRole"), &awsiam.RoleProps{
		Description: jsii.String("managed Airflow of the ETL Portal"),
		AssumedBy: awsiam.NewCompositePrincipal(
			awsiam.NewServicePrincipal(jsii.String("airflow.amazonaws.com"), nil), awsiam.NewServicePrincipal(jsii.String("airflow-env.amazonaws.com"), nil)),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"airflow": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			statement("Heartbeat", []*string{a.ARN}, "airflow:PublishMetrics"),
			statement("Dags", []*string{a.Bucket.ArnForObjects(jsii.String("*"))}, "s3:GetObject", "s3:GetObjectVersion"),
			statement("Bucket", []*string{a.Bucket.BucketArn()},
				"s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"),
			statement("PublicAccess", []*string{jsii.String("*")}, "s3:GetAccountPublicAccessBlock"),
			statement("Logs", []*string{arn("logs", "log-group", "airflow-"+*a.Name+"-*", awscdk.ArnFormat_COLON_RESOURCE_NAME)},
				"logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:GetLogGroupFields", "logs:GetQueryResults"),
			statement("LogGroups", []*string{jsii.String("*")}, "logs:DescribeLogGroups"),
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid: jsii.String("Metrics"), Actions: texts("cloudwatch:PutMetricData"), Resources: texts("*"),
				Conditions: &map[string]any{"StringEquals": map[string]any{"cloudwatch:namespace": "AmazonMWAA"}},
			}),
			// The queue of its workers is in an account of AWS's, and so is its key.
			statement("Celery", []*string{celery}, "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage"),
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid: jsii.String("CeleryKey"), Actions: texts("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:Encrypt"),
				NotResources: &[]*string{arn("kms", "key", "*", awscdk.ArnFormat_SLASH_RESOURCE_NAME)},
				Conditions: &map[string]any{"StringEquals": map[string]any{"kms:ViaService": awscdk.Fn_Join(jsii.String(""), &[]*string{
					jsii.String("sqs."), stack.Region(), jsii.String(".amazonaws.com"),
				})}},
			}),
			statement("Connections", []*string{arn("secretsmanager", "secret", s.Name+"/connections/*", awscdk.ArnFormat_COLON_RESOURCE_NAME)}, "secretsmanager:GetSecretValue"),
		}})},
	})
}

// statements are those of a function that runs jobs through Airflow, and with
// dags of one that keeps schedules there.
func (a *airflow) statements(dags bool) []awsiam.PolicyStatement {
	all := []awsiam.PolicyStatement{
		statement("Airflow", []*string{a.ARN}, "airflow:GetEnvironment"),
		statement("AirflowApi", []*string{a.Role}, "airflow:InvokeRestApi"),
	}
	if dags {
		all = append(all,
			statement("DagFiles", []*string{a.Bucket.ArnForObjects(jsii.String(dagFolder + "/etl_job_*"))}, "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
			statement("DagBucket", []*string{a.Bucket.BucketArn()}, "s3:ListBucket"))
	}
	return all
}

// environment tells the functions where Airflow is.
func (a *airflow) environment(env map[string]*string) {
	env["ETLPORTAL_MWAA_ENVIRONMENT"] = a.Name
	env["ETLPORTAL_MWAA_BUCKET"] = a.Bucket.BucketName()
}
