package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"
)

// stackOf is a stack as the assertions of CDK take it.
func stackOf(t *testing.T, a *assembly, name string) assertions.Template {
	t.Helper()
	stack, ok := a.app.Node().FindChild(jsii.String(a.prefix + name)).(awscdk.Stack)
	require.True(t, ok)
	return assertions.Template_FromStack(stack, nil)
}

// has wants a resource with these properties; the assertions themselves panic.
func has(t *testing.T, tpl assertions.Template, kind string, properties any) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%v", p)
		}
	}()
	tpl.HasResourceProperties(jsii.String(kind), properties)
}

// TestStages: what keeps messages from being lost, delivered too early, or
// dropped as a loop.
func TestStages(t *testing.T) {
	for _, target := range []string{"aws", "everything", "localstack"} {
		app := sharedApp(t, target).stacks["App"]
		queues, functions := app.of("AWS::SQS::Queue"), app.of("AWS::Lambda::Function")
		byName := map[string]resource{}
		for _, q := range queues {
			byName[q.Properties["QueueName"].(string)] = q
			require.Equal(t, true, q.Properties["SqsManagedSseEnabled"])
		}
		sources := app.of("AWS::Lambda::EventSourceMapping")
		require.Len(t, sources, len(stageNames))
		require.Len(t, queues, 2*len(stageNames))
		for _, source := range sources {
			function := functions[source.Properties["FunctionName"].(map[string]any)["Ref"].(string)]
			queue := queues[source.Properties["EventSourceArn"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)]
			require.Equal(t, function.Properties["FunctionName"], queue.Properties["QueueName"], "a stage's function serves its queue")
			require.GreaterOrEqual(t, queue.Properties["VisibilityTimeout"], 6*function.Properties["Timeout"].(float64))
			redrive := queue.Properties["RedrivePolicy"].(map[string]any)
			require.GreaterOrEqual(t, redrive["maxReceiveCount"], 20.0, "five failed tries, and more for throttled receipts")
			require.EqualValues(t, 14*24*3600, byName[queue.Properties["QueueName"].(string)+"-dead"].Properties["MessageRetentionPeriod"])
			require.Equal(t, []any{"ReportBatchItemFailures"}, source.Properties["FunctionResponseTypes"])
			require.EqualValues(t, 1, source.Properties["BatchSize"])
			require.GreaterOrEqual(t, source.Properties["ScalingConfig"].(map[string]any)["MaximumConcurrency"], 2.0)
			require.Equal(t, "Allow", function.Properties["RecursiveLoop"])
		}
	}
}

func TestFunctions(t *testing.T) {
	for target, arch := range map[string]string{"aws": "arm64", "everything": "arm64", "localstack": "x86_64"} {
		app := sharedApp(t, target).stacks["App"]
		groups := map[any]resource{}
		for _, g := range app.of("AWS::Logs::LogGroup") {
			groups[g.Properties["LogGroupName"]] = g
		}
		seen := 0
		for id, f := range app.of("AWS::Lambda::Function") {
			seen++
			require.Equal(t, []any{arch}, f.Properties["Architectures"], id)
			require.Equal(t, "provided.al2023", f.Properties["Runtime"], id)
			group, ok := groups["/aws/lambda/"+f.Properties["FunctionName"].(string)]
			require.True(t, ok, "%s has a log group whose retention is set", id)
			require.EqualValues(t, 30, group.Properties["RetentionInDays"])
			env := f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			for _, name := range []string{
				"BUCKET", "KMS_KEY", "QUEUE_INSPECT_URL", "QUEUE_PLAN_URL", "QUEUE_LOAD_URL", "QUEUE_FINALIZE_URL",
				"DLQ_LOAD_URL", "SCHEDULE_GROUP", "SCHEDULE_QUEUE_ARN", "SCHEDULE_ROLE_ARN", "BOOTSTRAP_TOKEN_SECRET", "HOSTS", "LONG_PUBLISH",
			} {
				require.Contains(t, env, "ETLPORTAL_"+name, id)
			}
			if target == "localstack" {
				require.Equal(t, map[string]any{"Ref": "DatabaseUrl"}, env["DATABASE_URL"])
				require.NotContains(t, env, "ETLPORTAL_RESPONSE", "LocalStack cannot stream")
				continue
			}
			require.Contains(t, f.Properties, "VpcConfig", id)
			require.NotContains(t, env, "DATABASE_URL", "the address is a secret")
			for _, name := range []string{"DATABASE_SECRET", "OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_ADMIN_GROUPS", "TASK_CLUSTER", "TASK_DEFINITION", "TASK_SUBNETS", "TASK_SECURITY_GROUPS", "TASK_CONTAINER"} {
				require.Contains(t, env, "ETLPORTAL_"+name, id)
			}
			require.Equal(t, strings.HasPrefix(id, "Stream"), env["ETLPORTAL_RESPONSE"] == "stream", id)
			require.Equal(t, target == "everything", f.Properties["ReservedConcurrentExecutions"] != nil, "%s: small accounts cannot reserve", id)
			require.Contains(t, group.Properties, "KmsKeyId")
		}
		require.Equal(t, len(functionNames)+map[bool]int{true: 0, false: 1}[target == "localstack"], seen)
	}
}

func TestGatewayStreams(t *testing.T) {
	a := sharedApp(t, "aws")
	tpl := stackOf(t, a, "App")
	has(t, tpl, "AWS::ApiGateway::RestApi", map[string]any{"EndpointConfiguration": map[string]any{"Types": []string{"REGIONAL"}}, "BinaryMediaTypes": []string{"*/*"}})
	has(t, tpl, "AWS::ApiGateway::Method", map[string]any{
		"HttpMethod": "GET", "Integration": assertions.Match_ObjectLike(&map[string]any{"ResponseTransferMode": "STREAM", "TimeoutInMillis": 300000}),
	})
	streams := 0
	for _, m := range a.stacks["App"].of("AWS::ApiGateway::Method") {
		integration := m.Properties["Integration"].(map[string]any)
		uri := plain(integration["Uri"])
		if strings.Contains(uri, "StreamFunction") {
			streams++
			require.Contains(t, uri, "/response-streaming-invocations")
		} else {
			require.NotContains(t, integration, "ResponseTransferMode")
		}
	}
	require.Equal(t, 2, streams, "events, and rejects as a file")
	// Every path reaches a function: where a resource has a name of its own, a greedy one is beside it.
	greedy := map[string]bool{}
	for _, r := range a.stacks["App"].of("AWS::ApiGateway::Resource") {
		greedy[fmt.Sprint(r.Properties["PathPart"], " below ", plain(r.Properties["ParentId"]))] = true
	}
	for _, want := range []string{"{proxy+} below Gateway.RootResourceId", "{proxy+} below Gatewayapi", "{proxy+} below Gatewayapiv1", "{proxy+} below Gatewayapiv1jobrunsid", "rejects below Gatewayapiv1jobrunsid", "{proxy+} below Gatewayapiv1jobrunsidrejects"} {
		require.Contains(t, greedy, want)
	}
	for _, m := range sharedApp(t, "localstack").stacks["App"].of("AWS::ApiGateway::Method") {
		require.NotContains(t, m.Properties["Integration"], "ResponseTransferMode", "LocalStack refuses it")
	}
	has(t, stackOf(t, a, "App"), "AWS::ApiGateway::Stage", map[string]any{
		"AccessLogSetting": assertions.Match_AnyValue(), "MethodSettings": []any{map[string]any{
			"DataTraceEnabled": false, "HttpMethod": "*", "LoggingLevel": "ERROR", "MetricsEnabled": true, "ResourcePath": "/*", "ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50,
		}},
	})
}

func TestUploadsBucket(t *testing.T) {
	for _, name := range []string{"aws", "everything"} {
		a := sharedApp(t, name)
		for id, bucket := range a.stacks["Data"].of("AWS::S3::Bucket") {
			require.Equal(t, map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true}, bucket.Properties["PublicAccessBlockConfiguration"], id)
			require.Equal(t, "Retain", bucket.DeletionPolicy, id)
			require.Contains(t, bucket.Properties, "BucketEncryption", id)
			if !strings.HasPrefix(id, "UploadsLog") {
				require.Equal(t, map[string]any{"Status": "Enabled"}, bucket.Properties["VersioningConfiguration"])
				require.EqualValues(t, 7, bucket.Properties["LifecycleConfiguration"].(map[string]any)["Rules"].([]any)[0].(map[string]any)["AbortIncompleteMultipartUpload"].(map[string]any)["DaysAfterInitiation"])
			}
		}
		has(t, stackOf(t, a, "Data"), "AWS::S3::BucketPolicy", map[string]any{"PolicyDocument": map[string]any{
			"Statement": assertions.Match_ArrayWith(&[]any{assertions.Match_ObjectLike(&map[string]any{
				"Effect": "Deny", "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			})}),
		}})
	}
	has(t, stackOf(t, sharedApp(t, "everything"), "Data"), "AWS::S3::Bucket", map[string]any{"CorsConfiguration": map[string]any{"CorsRules": []any{map[string]any{
		"AllowedOrigins": []string{"https://other.example.com", "https://portal.example.com"}, "AllowedMethods": []string{"PUT"}, "AllowedHeaders": []string{"*"},
		"ExposedHeaders": []string{"ETag"}, "MaxAge": 3600,
	}}}})
	for _, bucket := range sharedApp(t, "aws").stacks["Data"].of("AWS::S3::Bucket") {
		require.NotContains(t, bucket.Properties, "CorsConfiguration", "without a known page no browser may upload")
	}
}

func TestDatabase(t *testing.T) {
	data := stackOf(t, sharedApp(t, "aws"), "Data")
	data.HasResource(jsii.String("AWS::RDS::DBCluster"), map[string]any{
		"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
		"Properties": assertions.Match_ObjectLike(&map[string]any{
			"StorageEncrypted": true, "DeletionProtection": true, "Engine": "aurora-postgresql",
			"ServerlessV2ScalingConfiguration": map[string]any{"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 300},
		}),
	})
	has(t, data, "AWS::SecretsManager::RotationSchedule", map[string]any{
		"SecretId": map[string]any{"Ref": assertions.Match_StringLikeRegexp(jsii.String("^DatabaseSecretAttachment"))}, "RotationRules": map[string]any{"ScheduleExpression": "rate(30 days)"},
	})
	data.ResourceCountIs(jsii.String("AWS::EC2::SecurityGroupIngress"), jsii.Number(0))
	has(t, stackOf(t, sharedApp(t, "everything"), "Data"), "AWS::RDS::DBCluster", map[string]any{
		"ServerlessV2ScalingConfiguration": map[string]any{"MinCapacity": 2, "MaxCapacity": 64, "SecondsUntilAutoPause": assertions.Match_Absent()},
	})
	for _, name := range []string{"Network", "Data"} {
		for id, key := range sharedApp(t, "aws").stacks[name].of("AWS::KMS::Key") {
			require.Equal(t, true, key.Properties["EnableKeyRotation"], id)
			require.Equal(t, "Retain", key.DeletionPolicy, id)
		}
	}
}

func TestNetwork(t *testing.T) {
	open, closed := stackOf(t, sharedApp(t, "aws"), "Network"), stackOf(t, sharedApp(t, "closed"), "Network")
	open.ResourceCountIs(jsii.String("AWS::EC2::NatGateway"), jsii.Number(1))
	closed.ResourceCountIs(jsii.String("AWS::EC2::NatGateway"), jsii.Number(0))
	closed.ResourceCountIs(jsii.String("AWS::EC2::InternetGateway"), jsii.Number(0))
	open.ResourceCountIs(jsii.String("AWS::EC2::VPCEndpoint"), jsii.Number(1))
	closed.ResourceCountIs(jsii.String("AWS::EC2::VPCEndpoint"), jsii.Number(1+len(closedEndpoints)))
	for _, subnet := range sharedApp(t, "closed").stacks["Network"].of("AWS::EC2::Subnet") {
		require.Contains(t, subnet.Properties["AvailabilityZone"], "Fn::Select", "a zone that the account has, not one that was invented")
	}
	for _, name := range []string{"aws", "everything", "closed"} {
		for id, group := range sharedApp(t, name).stacks["Network"].of("AWS::EC2::SecurityGroup") {
			for _, rule := range several(group.Properties["SecurityGroupIngress"]) {
				if rule != nil {
					require.NotEqual(t, "0.0.0.0/0", rule.(map[string]any)["CidrIp"], id)
				}
			}
		}
	}
}

func TestUsers(t *testing.T) {
	plainAuth, all := stackOf(t, sharedApp(t, "aws"), "Auth"), stackOf(t, sharedApp(t, "everything"), "Auth")
	for _, role := range roles {
		has(t, plainAuth, "AWS::Cognito::UserPoolGroup", map[string]any{"GroupName": role})
	}
	has(t, plainAuth, "AWS::Cognito::UserPoolClient", map[string]any{
		"AllowedOAuthFlows": []string{"code"}, "GenerateSecret": false, "CallbackURLs": []string{localPage + "/"}, "SupportedIdentityProviders": []string{"COGNITO"},
	})
	has(t, plainAuth, "AWS::Cognito::UserPool", map[string]any{
		"AdminCreateUserConfig": map[string]any{"AllowAdminCreateUserOnly": true}, "MfaConfiguration": "OPTIONAL", "DeletionProtection": "ACTIVE",
	})
	has(t, all, "AWS::Cognito::UserPool", map[string]any{"MfaConfiguration": "ON", "UserPoolTier": "PLUS"})
	all.ResourceCountIs(jsii.String("AWS::Cognito::UserPoolIdentityProvider"), jsii.Number(2))
	has(t, all, "AWS::Cognito::UserPoolClient", map[string]any{"CallbackURLs": []string{"https://other.example.com/", "https://portal.example.com/"}})
	require.NotContains(t, string(sharedApp(t, "everything").stacks["Auth"].raw), "client_secret\": \"portal/oidc", "the client's secret stays in Secrets Manager")
}

// TestEdge: an unknown path of the API stays the API's answer.
func TestEdge(t *testing.T) {
	edge := sharedApp(t, "everything").stacks["Edge"]
	for _, d := range edge.of("AWS::CloudFront::Distribution") {
		config := d.Properties["DistributionConfig"].(map[string]any)
		require.NotContains(t, config, "CustomErrorResponses", "they would rewrite the API's 404s")
		require.Contains(t, config["DefaultCacheBehavior"], "FunctionAssociations")
		behaviors := config["CacheBehaviors"].([]any)
		require.Len(t, behaviors, 1)
		api := behaviors[0].(map[string]any)
		require.Equal(t, "/api/*", api["PathPattern"])
		require.NotContains(t, plain(api["FunctionAssociations"]), "PagesOnly")
		require.Contains(t, plain(api["FunctionAssociations"]), "Viewer")
		require.Equal(t, "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", api["CachePolicyId"], "AWS's CachingDisabled")
		require.Equal(t, []any{"portal.example.com"}, config["Aliases"])
		require.Equal(t, "TLSv1.2_2021", config["ViewerCertificate"].(map[string]any)["MinimumProtocolVersion"])
	}
	tpl := stackOf(t, sharedApp(t, "aws"), "Edge")
	tpl.ResourceCountIs(jsii.String("AWS::CloudFront::OriginAccessControl"), jsii.Number(1))
	has(t, tpl, "AWS::CloudFront::ResponseHeadersPolicy", map[string]any{"ResponseHeadersPolicyConfig": map[string]any{
		"SecurityHeadersConfig": map[string]any{"FrameOptions": map[string]any{"FrameOption": "DENY", "Override": true}, "StrictTransportSecurity": assertions.Match_AnyValue()},
	}})
	stackOf(t, sharedApp(t, "everything"), "App").ResourceCountIs(jsii.String("AWS::WAFv2::WebACLAssociation"), jsii.Number(1))
	stackOf(t, sharedApp(t, "aws"), "App").ResourceCountIs(jsii.String("AWS::WAFv2::WebACLAssociation"), jsii.Number(0))
}

// TestPagesOnly runs the function of CloudFront in Node.
func TestPagesOnly(t *testing.T) {
	script := pagesOnly + `
for (const uri of JSON.parse(process.argv[1])) console.log(handler({request: {uri: uri}}).uri);`
	out, err := exec.Command("node", "-e", script, `["/","/runs/7","/runs/7/","/assets/index-4f.js","/v1.2/runs","/favicon.svg"]`).Output()
	require.NoError(t, err)
	require.Equal(t, "/index.html\n/index.html\n/index.html\n/assets/index-4f.js\n/index.html\n/favicon.svg\n", string(out))
}

func TestAlarms(t *testing.T) {
	a := sharedApp(t, "everything")
	names := []string{}
	for _, alarm := range a.stacks["Observability"].of("AWS::CloudWatch::Alarm") {
		names = append(names, alarm.Properties["AlarmName"].(string))
		require.Len(t, alarm.Properties["AlarmActions"], 1)
		require.NotEmpty(t, alarm.Properties["AlarmDescription"])
	}
	for _, stage := range stageNames {
		require.Contains(t, names, "etlportal-"+title(stage)+"Dead")
		require.Contains(t, names, "etlportal-"+title(stage)+"Age")
	}
	for _, name := range []string{"LoadErrors", "StreamErrors", "ApiErrors", "GatewayErrors", "FailedRuns", "DatabaseFull", "DatabaseConnections"} {
		require.Contains(t, names, "etlportal-"+name)
	}
	tpl := stackOf(t, a, "Observability")
	has(t, tpl, "AWS::CloudWatch::Alarm", map[string]any{
		"AlarmName": "etlportal-FailedRuns", "Threshold": 1, "TreatMissingData": "notBreaching",
		"Metrics": []any{assertions.Match_ObjectLike(&map[string]any{"MetricStat": assertions.Match_ObjectLike(&map[string]any{
			"Metric": map[string]any{"Namespace": "ETLPortal", "MetricName": "Runs", "Dimensions": []any{map[string]any{"Name": "portal", "Value": "etlportal"}, map[string]any{"Name": "status", "Value": "FAILED"}}},
		})})},
	})
	has(t, tpl, "AWS::SNS::Subscription", map[string]any{"Endpoint": "ops@example.com", "Protocol": "email"})
	has(t, tpl, "AWS::SNS::Topic", map[string]any{"KmsMasterKeyId": assertions.Match_AnyValue()})
	tpl.ResourceCountIs(jsii.String("AWS::CloudWatch::Dashboard"), jsii.Number(1))
	// Whose policy wants TLS has no default one any more, which let alarms in.
	has(t, tpl, "AWS::SNS::TopicPolicy", map[string]any{"PolicyDocument": map[string]any{
		"Statement": assertions.Match_ArrayWith(&[]any{assertions.Match_ObjectLike(&map[string]any{
			"Effect": "Allow", "Action": "sns:Publish", "Principal": map[string]any{"Service": "cloudwatch.amazonaws.com"},
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": map[string]any{"Ref": "AWS::AccountId"}}},
		})}),
	}})
	for _, f := range sharedApp(t, "closed").stacks["App"].of("AWS::Lambda::Function") {
		require.Equal(t, "sales", f.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)["ETLPORTAL_NAME"], "the dimension portal of its figures")
	}
}

// TestLocalStackHasAllOfIt: only services that LocalStack's free edition has.
func TestLocalStackHasAllOfIt(t *testing.T) {
	app := sharedApp(t, "localstack").stacks["App"]
	known := regexp.MustCompile(`^AWS::(S3|SQS|KMS|SecretsManager|IAM|Lambda|ApiGateway|Events|Scheduler|Logs)::`)
	for id, r := range app.Resources {
		require.Regexp(t, known, r.Type, id)
	}
	require.Equal(t, true, app.Parameters["DatabaseUrl"]["NoEcho"])
	require.Len(t, app.Parameters, 3, "no parameter of a bootstrap")
	assets, err := os.ReadFile(strings.Replace(app.file, ".template.json", ".assets.json", 1))
	require.NoError(t, err)
	require.NotContains(t, string(assets), `"packaging": "zip"`, "files are uploaded as they are")
	archives, err := filepath.Glob(filepath.Join(filepath.Dir(app.file), "asset.*.zip"))
	require.NoError(t, err)
	require.Len(t, archives, len(functionNames))
	for _, archive := range archives {
		r, err := zip.OpenReader(archive)
		require.NoError(t, err)
		require.Len(t, r.File, 1)
		require.Equal(t, "bootstrap", r.File[0].Name)
		require.Equal(t, os.FileMode(0o755), r.File[0].Mode().Perm(), "the bit that lets it run")
		body, err := r.File[0].Open()
		require.NoError(t, err)
		content, err := io.ReadAll(body)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(content, []byte("#!/bin/sh")))
		require.NoError(t, r.Close())
	}
	outputs := []string{"ApiUrl", "BucketName", "BootstrapTokenSecret", "LoadQueueUrl", "LoadDeadUrl", "LoadFunctionName", "ApiFunctionName", "SealKeyId"}
	for _, name := range outputs {
		require.Contains(t, app.Outputs, name)
	}
}

// TestDeterministic: the same settings give the same templates, so that a
// deployment without changes changes nothing.
func TestDeterministic(t *testing.T) {
	first := sharedApp(t, "aws")
	again := assembled(t, placeholders(t), filepath.Join(t.TempDir(), "again"), nil)
	for name, tpl := range first.stacks {
		require.Equal(t, string(tpl.raw), string(again.stacks[name].raw), name)
	}
}

func TestTags(t *testing.T) {
	for name, tpl := range sharedApp(t, "aws").stacks {
		tagged := 0
		for _, r := range tpl.Resources {
			if users, ok := r.Properties["UserPoolTags"].(map[string]any); ok && users["Portal"] == "etlportal" || strings.Contains(plain(r.Properties["Tags"]), "Key=Portal") {
				tagged++
			}
		}
		require.Positive(t, tagged, name)
	}
}

// TestMistakes: a value that is wrong is named, with what is right.
func TestMistakes(t *testing.T) {
	app := newApp(jsii.String(t.TempDir()))
	for i, c := range []struct {
		context map[string]string
		want    string
	}{
		{map[string]string{"target": "azure"}, `target is "azure"; choose aws, localstack`},
		{map[string]string{"size": "huge"}, `size is "huge"; choose small, medium, large`},
		{map[string]string{"name": "My Portal"}, `name is "My Portal"`},
		{map[string]string{"memory.load": "lots"}, `memory.load is "lots"; write a number from 128 to 10240`},
		{map[string]string{"concurrency.load": "1"}, `concurrency.load is "1"; write a number from 2 to 1000`},
		{map[string]string{"timeout.api": "60"}, `timeout.api is "60"; write a number from 3 to 29`},
		{map[string]string{"acu.min": "0.2"}, `acu.min is 0.2; write 0 (pauses)`},
		{map[string]string{"acu.min": "4"}, `acu.max, which is 2`},
		{map[string]string{"domain": "portal.example.com"}, `domain and certificate go together`},
		{map[string]string{"origins": "https://*.example.com"}, `origins has "https://*.example.com"`},
		{map[string]string{"endpoints": "sqs,mail"}, `endpoints has "mail", which is none of`},
		{map[string]string{"logDays": "31"}, `logDays is 31; CloudWatch knows`},
		{map[string]string{"waf": "maybe"}, `waf is "maybe"; write true or false`},
		{map[string]string{"oidc.issuer": "https://login.example.com"}, `oidc.client and oidc.secret`},
		{map[string]string{"size": "huge", "arch": "mips"}, `arch is "mips"`},
		{map[string]string{"nat": "0"}, `nat is 0, and without a way out the functions cannot ask the user pool for its keys`},
		{map[string]string{"nat": "0"}, `write users=none (API tokens alone) or nat=1`},
		{map[string]string{"users": "none", "nat": "0", "endpoints": "cognito"}, `endpoints has "cognito", which is none of`},
		{map[string]string{"users": "none", "saml": "https://idp.example.com/metadata"}, `users is none, and saml`},
		{map[string]string{"size": "large", "concurrency.load": "404"}, `the functions reserve 901 at a time of the account's 1000, of which 100 stay free`},
		{map[string]string{"size": "medium", "quota": "300"}, `write the account's quota`},
		{map[string]string{"ca": "nowhere.pem"}, `truststore.pki.rds.amazonaws.com`},
		{map[string]string{"ca": "stacks_test.go"}, `ca stacks_test.go has no certificate`},
		{map[string]string{"task.ca": "/etc/rds.pem"}, `task.ca goes with ca and image`},
	} {
		stack := awscdk.NewStage(app, jsii.String(fmt.Sprintf("Case%d", i)), nil)
		for key, value := range c.context {
			stack.Node().SetContext(jsii.String(key), value)
		}
		_, err := settingsOf(stack.Node())
		require.ErrorContains(t, err, c.want)
		require.ErrorContains(t, err, "docs/aws.md")
	}
	settings := &Settings{Functions: filepath.Join(t.TempDir(), "none"), Target: targetLocalStack}
	require.ErrorContains(t, build(app, settings), "run `make functions` first")
}

// TestCfnLint checks the templates with AWS's own linter.
func TestCfnLint(t *testing.T) {
	tool, err := exec.Command("../scripts/cfn-lint.sh").Output()
	require.NoError(t, err, "scripts/cfn-lint.sh says on stderr what is missing")
	var files []string
	for _, name := range []string{"aws", "everything", "localstack"} {
		for _, tpl := range sharedApp(t, name).stacks {
			files = append(files, tpl.file)
		}
	}
	slices.Sort(files)
	// W3005: CDK names dependencies that a reference implies, too.
	out, err := exec.Command(strings.TrimSpace(string(tool)), append([]string{"--ignore-checks", "W3005", "--format", "parseable", "--"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}
