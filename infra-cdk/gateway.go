package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"
)

// apiStage is the stage's name, which API Gateway puts before every path.
const apiStage = "live"

// requestsPerAddress are what one address may send in five minutes.
const requestsPerAddress = 3000

// tooLarge is what the gateway says of a body that it does not hand on, in the
// form in which the portal says that something is wrong.
const tooLarge = `{"type":"urn:etlportal:error:too_large","title":"Request Entity Too Large","status":413,` +
	`"detail":"the request is larger than the gateway and the function take at once","code":"too_large",` +
	`"fix":"Send the file in parts: POST /api/v1/sources/csv/uploads","errors":[],"request_id":"$context.requestId"}`

// The headers by which CloudFront tells the firewall that a request came through
// it, and from which address.
const edgeHeader, viewerHeader = "x-portal-edge", "x-portal-viewer"

// gateway is the REST API: HTTP APIs cannot stream.
type gateway struct {
	API awsapigateway.RestApi
	// endpoint is LocalStack's.
	endpoint *string
}

func newGateway(p *portal) *gateway {
	stage := &awsapigateway.StageOptions{
		StageName: jsii.String(apiStage), ThrottlingRateLimit: jsii.Number(p.s.Rate), ThrottlingBurstLimit: jsii.Number(p.s.Burst),
	}
	if !p.s.LocalStack() {
		stage.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(p.newLogGroup("AccessLog", "/etlportal/"+p.s.Name+"/access"))
		stage.AccessLogFormat = awsapigateway.AccessLogFormat_JsonWithStandardFields(&awsapigateway.JsonWithStandardFieldProps{
			Caller: jsii.Bool(false), User: jsii.Bool(false), Ip: jsii.Bool(true), HttpMethod: jsii.Bool(true), Protocol: jsii.Bool(true),
			RequestTime: jsii.Bool(true), ResourcePath: jsii.Bool(true), ResponseLength: jsii.Bool(true), Status: jsii.Bool(true),
		})
		stage.LoggingLevel = awsapigateway.MethodLoggingLevel_ERROR
		stage.MetricsEnabled = jsii.Bool(true)
		// Bodies hold passwords and customers' rows.
		stage.DataTraceEnabled = jsii.Bool(false)
	}
	api := awsapigateway.NewRestApi(p.stack, jsii.String("Gateway"), &awsapigateway.RestApiProps{
		RestApiName: p.s.Called("api"), Description: jsii.String("ETL Portal"),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// Bodies come as they were sent: forms with files hold any byte.
		BinaryMediaTypes: texts("*/*"), CloudWatchRole: jsii.Bool(!p.s.LocalStack()), DeployOptions: stage,
	})
	if !p.s.LocalStack() {
		api.AddGatewayResponse(jsii.String("TooLarge"), &awsapigateway.GatewayResponseOptions{
			Type: awsapigateway.ResponseType_REQUEST_TOO_LARGE(), StatusCode: jsii.String("413"),
			Templates: &map[string]*string{"application/json": jsii.String(tooLarge)},
		})
	}
	return &gateway{API: api, endpoint: p.endpoint}
}

// Host is the name under which the gateway calls the portal.
func (g *gateway) Host() *string {
	return awscdk.Fn_Join(jsii.String(""), &[]*string{g.API.RestApiId(), jsii.String(".execute-api."), awscdk.Aws_REGION(), jsii.String("."), awscdk.Aws_URL_SUFFIX()})
}

// URL is the address of the API's root.
func (g *gateway) URL() *string {
	if g.endpoint != nil {
		return awscdk.Fn_Join(jsii.String(""), &[]*string{g.endpoint, jsii.String("/_aws/execute-api/"), g.API.RestApiId(), jsii.String("/" + apiStage + "/")})
	}
	return g.API.Url()
}

// route sends everything to the API's function and, where answers can be
// streamed, a run's events and rejects to the stream's. A resource with a name hides the
// greedy one beside it for what is below it, so each gets a greedy one again.
func (g *gateway) route(p *portal) {
	api := integration(p.Functions[functionAPI], awsapigateway.ResponseTransferMode_BUFFERED, p.s)
	all := func(r awsapigateway.IResource) { r.AddMethod(jsii.String("ANY"), api, open) }
	below := func(r awsapigateway.IResource, name string) awsapigateway.IResource {
		return r.AddResource(jsii.String(name), nil)
	}
	root := g.API.Root()
	all(root)
	all(below(root, "{proxy+}"))
	stream, ok := p.Functions[functionStream]
	if !ok {
		return
	}
	at := root
	for _, name := range []string{"api", "v1"} {
		at = below(at, name)
		all(at)
		all(below(at, "{proxy+}"))
	}
	runs := below(at, "job-runs")
	all(runs)
	run := below(runs, "{id}")
	all(run)
	all(below(run, "{proxy+}"))
	events := below(run, "stream")
	events.AddMethod(jsii.String("GET"), integration(stream, awsapigateway.ResponseTransferMode_STREAM, p.s), open)
	events.AddMethod(jsii.String("OPTIONS"), api, open)
	// As a file they are longer than a whole answer may be.
	rejects := below(run, "rejects")
	rejects.AddMethod(jsii.String("GET"), integration(stream, awsapigateway.ResponseTransferMode_STREAM, p.s), open)
	all(rejects)
	all(below(rejects, "{proxy+}"))
}

// open leaves the question who asks to the portal, which every route of it puts.
var open = &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}

func integration(f awslambda.Function, mode awsapigateway.ResponseTransferMode, s *Settings) awsapigateway.LambdaIntegration {
	options := &awsapigateway.LambdaIntegrationOptions{
		Proxy: jsii.Bool(true), AllowTestInvoke: jsii.Bool(false), ScopePermissionToMethod: jsii.Bool(false),
	}
	if mode == awsapigateway.ResponseTransferMode_STREAM {
		options.ResponseTransferMode = mode
		options.Timeout = awscdk.Duration_Seconds(jsii.Number(s.Sizes.Functions[functionStream].Timeout))
	}
	return awsapigateway.NewLambdaIntegration(f, options)
}

// guard puts a firewall before the API. What comes through CloudFront is counted
// by the address that CloudFront saw, and all else by its own: X-Forwarded-For
// begins with whatever a caller wrote there.
func (g *gateway) guard(p *portal) {
	visible := func(name string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
		return &awswafv2.CfnWebACL_VisibilityConfigProperty{
			CloudWatchMetricsEnabled: jsii.Bool(true), SampledRequestsEnabled: jsii.Bool(true), MetricName: p.s.Called(name),
		}
	}
	managed := func(priority int, name string, counted ...string) *awswafv2.CfnWebACL_RuleProperty {
		var overrides []any
		for _, rule := range counted {
			overrides = append(overrides, &awswafv2.CfnWebACL_RuleActionOverrideProperty{
				Name: jsii.String(rule), ActionToUse: &awswafv2.CfnWebACL_RuleActionProperty{Count: map[string]any{}},
			})
		}
		return &awswafv2.CfnWebACL_RuleProperty{
			Name: jsii.String(name), Priority: jsii.Number(priority), OverrideAction: &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
			VisibilityConfig: visible(name),
			Statement: &awswafv2.CfnWebACL_StatementProperty{ManagedRuleGroupStatement: &awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{
				VendorName: jsii.String("AWS"), Name: jsii.String(name), RuleActionOverrides: &overrides,
			}},
		}
	}
	p.EdgeMark = awssecretsmanager.NewSecret(p.stack, jsii.String("EdgeMark"), &awssecretsmanager.SecretProps{
		Description: jsii.String("what CloudFront shows the firewall of the ETL Portal"), EncryptionKey: p.Storage.DataKey,
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(tokenLength), ExcludePunctuation: jsii.Bool(true), IncludeSpace: jsii.Bool(false),
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	asItIs := []any{&awswafv2.CfnWebACL_TextTransformationProperty{Priority: jsii.Number(0), Type: jsii.String("NONE")}}
	marked := &awswafv2.CfnWebACL_StatementProperty{ByteMatchStatement: &awswafv2.CfnWebACL_ByteMatchStatementProperty{
		FieldToMatch:         &awswafv2.CfnWebACL_FieldToMatchProperty{SingleHeader: map[string]any{"Name": edgeHeader}},
		PositionalConstraint: jsii.String("EXACTLY"), SearchString: p.EdgeMark.SecretValue().UnsafeUnwrap(), TextTransformations: &asItIs,
	}}
	rate := func(priority int, name string, counted *awswafv2.CfnWebACL_RateBasedStatementProperty) *awswafv2.CfnWebACL_RuleProperty {
		counted.Limit = jsii.Number(requestsPerAddress)
		return &awswafv2.CfnWebACL_RuleProperty{
			Name: jsii.String(name), Priority: jsii.Number(priority), Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: map[string]any{}}, VisibilityConfig: visible(name),
			Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: counted},
		}
	}
	acl := awswafv2.NewCfnWebACL(p.stack, jsii.String("Firewall"), &awswafv2.CfnWebACLProps{
		Name: p.s.Called("api"), Scope: jsii.String("REGIONAL"), DefaultAction: &awswafv2.CfnWebACL_DefaultActionProperty{Allow: map[string]any{}},
		VisibilityConfig: visible("firewall"),
		Rules: &[]any{
			rate(0, "RateOfViewers", &awswafv2.CfnWebACL_RateBasedStatementProperty{
				AggregateKeyType: jsii.String("CUSTOM_KEYS"), ScopeDownStatement: marked,
				CustomKeys: &[]any{&awswafv2.CfnWebACL_RateBasedStatementCustomKeyProperty{
					Header: &awswafv2.CfnWebACL_RateLimitHeaderProperty{Name: jsii.String(viewerHeader), TextTransformations: &asItIs},
				}},
			}),
			rate(1, "RateOfOthers", &awswafv2.CfnWebACL_RateBasedStatementProperty{
				AggregateKeyType:   jsii.String("IP"),
				ScopeDownStatement: &awswafv2.CfnWebACL_StatementProperty{NotStatement: &awswafv2.CfnWebACL_NotStatementProperty{Statement: marked}},
			}),
			// Mappings and small files are longer than eight kilobytes, and rows hold anything.
			managed(2, "AWSManagedRulesCommonRuleSet", "SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY"),
			managed(3, "AWSManagedRulesKnownBadInputsRuleSet"),
		},
	})
	awswafv2.NewCfnWebACLAssociation(p.stack, jsii.String("FirewallOfApi"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: g.API.DeploymentStage().StageArn(), WebAclArn: acl.AttrArn(),
	})
}
