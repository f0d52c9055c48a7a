package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// localAssets is the bucket that LocalStack's deployment uploads the functions to.
const localAssets = "etlportal-assets"

// stacks are what an app consists of; on LocalStack there is App alone, which
// then has the storage, too, so that one CreateStack deploys everything.
type stacks struct {
	App awscdk.Stack
}

// build adds the stacks that the settings ask for.
func build(app awscdk.App, s *Settings) (*stacks, error) {
	code, err := bundles(s)
	if err != nil {
		return nil, err
	}
	all := &stacks{App: newStack(app, s, "App", "ETL Portal: API, functions, queues, schedules")}
	store := newStorage(all.App, s)
	newPortal(all.App, s, portalProps{Code: code, Storage: store})
	return all, nil
}

// newStack makes a stack of the name EtlPortal-<part>, with tags that say whose
// everything in it is.
func newStack(scope constructs.Construct, s *Settings, part, description string) awscdk.Stack {
	props := &awscdk.StackProps{Description: jsii.String(description), AnalyticsReporting: jsii.Bool(false)}
	if s.LocalStack() {
		props.Synthesizer = awscdk.NewCliCredentialsStackSynthesizer(&awscdk.CliCredentialsStackSynthesizerProps{
			FileAssetsBucketName: jsii.String(localAssets),
		})
	} else {
		props.Env = &awscdk.Environment{Account: optional(s.Account), Region: optional(s.Region)}
		props.TerminationProtection = jsii.Bool(part == "Data")
	}
	stack := awscdk.NewStack(scope, jsii.String("EtlPortal-"+part), props)
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
