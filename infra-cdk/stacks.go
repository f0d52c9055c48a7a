package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// localAssets is the bucket that LocalStack's deployment uploads the functions to.
const localAssets = "etlportal-assets"

// build adds the stacks that the settings ask for. On LocalStack there is App
// alone, which then has the storage, too, so that one CreateStack deploys everything.
func build(app awscdk.App, s *Settings) error {
	code, err := bundles(s)
	if err != nil {
		return err
	}
	if s.LocalStack() {
		stack := newStack(app, s, "App", "ETL Portal: API, functions, queues, schedules")
		props := portalProps{Code: code, Storage: newStorage(stack, s)}
		if s.Redshift != redshiftNone {
			props.Warehouse = newWarehouse(stack, s, nil, props.Storage)
		}
		_, err := newPortal(stack, s, props)
		return err
	}
	network := newNetwork(newStack(app, s, "Network", "ETL Portal: VPC"), s)
	data := newStack(app, s, "Data", "ETL Portal: database, uploads, keys; kept when the stack is deleted")
	store := newStorage(data, s)
	store.Database = newDatabase(data, s, network, store)
	var auth *auth
	if s.Users == usersCognito {
		auth = newAuth(newStack(app, s, "Auth", "ETL Portal: users"), s)
	}
	var flows *airflow
	if s.MWAA {
		if flows, err = newAirflow(newStack(app, s, "Mwaa", "ETL Portal: managed Airflow"), s, network); err != nil {
			return err
		}
	}
	props := portalProps{Code: code, Storage: store, Network: network, Auth: auth, Airflow: flows}
	if s.Redshift != redshiftNone {
		props.Warehouse = newWarehouse(newStack(app, s, partWarehouse, "ETL Portal: Amazon Redshift; a warehouse is kept when the stack is deleted"), s, network, store)
	}
	portal, err := newPortal(newStack(app, s, "App", "ETL Portal: API, functions, queues, schedules"), s, props)
	if err != nil {
		return err
	}
	newEdge(newStack(app, s, "Edge", "ETL Portal: CloudFront and the web pages"), s, portal)
	newObservability(newStack(app, s, "Observability", "ETL Portal: alarms and a dashboard"), s, portal)
	return nil
}

// newStack makes the part's stack, with tags that say whose
// everything in it is.
func newStack(scope constructs.Construct, s *Settings, part, description string) awscdk.Stack {
	props := &awscdk.StackProps{Description: jsii.String(description), AnalyticsReporting: jsii.Bool(false)}
	if s.LocalStack() {
		props.Synthesizer = awscdk.NewCliCredentialsStackSynthesizer(&awscdk.CliCredentialsStackSynthesizerProps{
			FileAssetsBucketName: jsii.String(localAssets),
		})
	} else {
		props.Env = &awscdk.Environment{Account: optional(s.Account), Region: optional(s.Region)}
		props.TerminationProtection = jsii.Bool(part == "Data" || part == partWarehouse && s.Redshift == redshiftServerless)
	}
	stack := awscdk.NewStack(scope, jsii.String(s.StackName(part)), props)
	awscdk.Tags_Of(stack).Add(jsii.String("Application"), jsii.String("etl-portal"), nil)
	awscdk.Tags_Of(stack).Add(jsii.String("Portal"), jsii.String(s.Name), nil)
	awscdk.Tags_Of(stack).Add(jsii.String("Part"), jsii.String(part), nil)
	return stack
}

// optional is nil for the empty string.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// texts are strings as jsii takes them.
func texts(items ...string) *[]*string {
	list := make([]*string, len(items))
	for i := range items {
		list[i] = &items[i]
	}
	return &list
}

// output is a value that other programs read off the stack.
func output(stack awscdk.Stack, name, description string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(description)})
}
