package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"
)

// accepted are cdk-nag's findings that stay, as patterns of "stack/resource
// rule", each with its reason. One that is no longer found is an error, too.
var accepted = map[string]string{
	`App/(Api|Stream|Inspect|Plan|Load|Finalize|Schedule|Reconcile)Role IAM5\[Resource::\*\]`: "network interfaces and the list of schedules, which have no narrower resource; TestLeastPrivilege names the actions",
	`App/\w+Role IAM5\[Resource::.*Uploads.*/(sources|inspections|runs|redshift)/\*\]`:        "objects of uploads and what steps keep: their keys are made as files come",
	`App/WarehouseRole IAM5\[Resource::\*\]`:                                                  "statements of the Data API have no ARN; the condition names whose they are",
	`(App/WarehouseRole|Warehouse/CopyRole) IAM5\[Resource::.*/redshift/\*\]`:                 "parts of loads into Redshift: their keys are made as loads run",
	`App/\w+Role IAM5\[Resource::.*:schedule/etlportal-schedules/\*\]`:                        "entries of the portal's own group: they are made as schedules are",
	`App/Publish/ExecutionRole/DefaultPolicy IAM5\[Resource::\*\]`:                            "ecr:GetAuthorizationToken has no resource",
	`App/EdgeMark SMG4`:         "CloudFront and the firewall take it from the templates: rotated by itself, one would show what the other does not know",
	`App/BootstrapToken SMG4`:   "whoever deployed reads it once and deletes it in favour of a token with a name; rotated by itself it would lock them out",
	`Data/Database/Secret SMG4`: "it is rotated every 30 days, through its attachment to the cluster, which the rule does not see; TestDatabase does",
	`App/Gateway APIG2`:         "the portal checks every request against its OpenAPI description and says what is wrong, where and why; the gateway's own check knows less",
	`App/Gateway/CloudWatchRole IAM4\[.*AmazonAPIGatewayPushToCloudWatchLogs\]`: "AWS's own role for the gateway's logs: one of an account, used by the gateway alone",

	`App/Gateway/Default/.* APIG4`:                  "the portal itself asks who calls, on every route, for tokens of its own beside the user pool's",
	`App/Gateway/Default/.* COG4`:                   "as APIG4: the user pool's tokens are checked in the portal",
	`App/Gateway/DeploymentStage.live APIG3`:        "the firewall is a choice (context waf): it costs by the request",
	`App/Publish ECS2`:                              "the environment has names and addresses; secrets are read by the program from Secrets Manager",
	`Auth/Users COG2`:                               "MFA is a choice (context mfa), and optional unless it is made; federated users bring their own",
	`Auth/Users COG3`:                               "threat protection is a choice (context threats): it costs by the user",
	`(Edge|Mwaa)/Custom::CDKBucketDeployment\w+ L1`: "CDK's own function, which copies the pages at a deployment; CDK chooses its runtime",
	`(Edge|Mwaa)/Custom::CDKBucketDeployment.*/ServiceRole IAM4\[.*AWSLambdaBasicExecutionRole\]`: "as L1: it writes its log",
	`(Edge|Mwaa)/Custom::CDKBucketDeployment.*/DefaultPolicy IAM5\[.*\]`:                          "as L1: it reads the assets' bucket, writes that of the pages, and clears CloudFront's cache, which has no narrower resource",
	`Edge/Door CFR1`:  "customers are anywhere",
	`Edge/Door CFR2`:  "behind it are public files and the API, which has a firewall of its own (context waf)",
	`Edge/Door CFR4`:  "only without a domain: CloudFront's own certificate fixes the least TLS version; with a domain it is 1.2",
	`Edge/EdgeLog S1`: "it is the log",
	`App/(Api|Reconcile)Role IAM5\[Resource::.*Dags.*/dags/etl_job_\*\]`: "DAG files that the portal writes: they are made as schedules are",
	`Mwaa/AirflowRole IAM5\[Resource::\*\]`:                              "whether the account is closed to the public, the list of log groups, and metrics of its own namespace, which have no narrower resource",
	`Mwaa/AirflowRole IAM5\[Resource::<Dags\w+\.Arn>/\*\]`:               "objects of Airflow's own bucket",
	`Mwaa/AirflowRole IAM5\[Resource::.*:log-group:airflow-.*-\*\]`:      "the environment makes its own log groups, under its name",
	`Mwaa/AirflowRole IAM5\[Resource::.*:secret:.*/connections/\*\]`:     "its connections: people make them",
	`Mwaa/AirflowRole IAM5\[Resource::.*:airflow-celery-\*\]`:            "the queue of its workers is in an account of AWS's, under a name of AWS's",
}

// TestNag holds the stacks to cdk-nag's AwsSolutions.
func TestNag(t *testing.T) {
	found := map[string]bool{}
	for _, context := range []map[string]string{{}, everything, managed(t)} {
		app := newApp(jsii.String(t.TempDir()))
		app.Node().SetContext(jsii.String("functions"), placeholders(t))
		app.Node().SetContext(jsii.String("image"), "ghcr.io/etlportal/etlportal:1.0.0")
		app.Node().SetContext(jsii.String("ui"), pages(t))
		for key, value := range context {
			app.Node().SetContext(jsii.String(key), value)
		}
		settings, err := settingsOf(app.Node())
		require.NoError(t, err)
		require.NoError(t, build(app, settings))
		awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{}), nil)
		for _, child := range *app.Node().Children() {
			stack, ok := child.(awscdk.Stack)
			if !ok {
				stack = awscdk.Stack_Of(child)
			}
			notes := assertions.Annotations_FromStack(stack)
			all := append(*notes.FindError(jsii.String("*"), assertions.Match_StringLikeRegexp(jsii.String("AwsSolutions-.*"))),
				*notes.FindWarning(jsii.String("*"), assertions.Match_StringLikeRegexp(jsii.String("AwsSolutions-.*")))...)
			for _, m := range all {
				text, _ := m.Entry.Data.(string) //nolint:staticcheck // where the type moves to, Go has nothing yet
				rule, _, _ := strings.Cut(strings.TrimPrefix(text, "AwsSolutions-"), ":")
				if i := strings.Index(text, "]:"); strings.Contains(text, "[") && i > 0 {
					rule = strings.TrimPrefix(text[:i+1], "AwsSolutions-")
				}
				found[strings.TrimSuffix(strings.TrimPrefix(*m.Id, "/EtlPortal-"), "/Resource")+" "+rule] = true //nolint:staticcheck // as above
			}
		}
	}
	used := map[string]bool{}
	for _, finding := range slices.Sorted(maps.Keys(found)) {
		known := false
		for pattern := range accepted {
			if regexp.MustCompile("^(?:" + pattern + ")$").MatchString(finding) {
				known, used[pattern] = true, true
			}
		}
		if !known {
			t.Errorf("cdk-nag: %s", finding)
		}
	}
	for pattern := range accepted {
		if !used[pattern] {
			t.Errorf("accepted, but cdk-nag finds it no longer: %s", pattern)
		}
	}
}
