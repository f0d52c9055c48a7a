package main

import (
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3deployment"
	"github.com/aws/jsii-runtime-go"
)

const (
	hstsDays = 365
	// originSeconds is how long CloudFront waits for the next byte; event
	// streams send one every 15 seconds.
	originSeconds = 60
	apiPaths      = "/api/*"
	// hashedFiles have their content's hash in their names.
	hashedFiles  = "assets/*"
	hashedDays   = 365
	deployMemory = 512 // MiB
)

// pagesOnly answers a path of the application with its one page. It runs for the UI
// alone: what the API does not know stays a 404.
const pagesOnly = `function handler(event) {
  var request = event.request;
  var last = request.uri.substring(request.uri.lastIndexOf('/') + 1);
  if (last.indexOf('.') === -1) {
    request.uri = '/index.html';
  }
  return request;
}
`

// viewerAddress writes the address that CloudFront sees over whatever stood there.
const viewerAddress = `function handler(event) {
  var request = event.request;
  request.headers['` + viewerHeader + `'] = {value: event.viewer.ip};
  return request;
}
`

// newEdge puts the web pages and the API under one name.
func newEdge(stack awscdk.Stack, s *Settings, p *portal) {
	pages := awss3.NewBucket(stack, jsii.String("Pages"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_S3_MANAGED, BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2), ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED, Versioned: jsii.Bool(true),
		// What is in it is made by every deployment.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("old"), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(oldVersionDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
		ServerAccessLogsBucket: newLogBucket(stack, s, "PagesLog", awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED), ServerAccessLogsPrefix: jsii.String("pages/"),
	})
	spa := awscloudfront.NewFunction(stack, jsii.String("PagesOnly"), &awscloudfront.FunctionProps{
		Code: awscloudfront.FunctionCode_FromInline(jsii.String(pagesOnly)), Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
		Comment: jsii.String("paths of the application are its one page"),
	})
	props := &awscloudfront.DistributionProps{
		Comment: jsii.String("ETL Portal " + s.Name), DefaultRootObject: jsii.String("index.html"),
		DefaultBehavior: &awscloudfront.BehaviorOptions{
			Origin:               awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(pages, nil),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS, CachePolicy: awscloudfront.CachePolicy_CACHING_OPTIMIZED(), Compress: jsii.Bool(true),
			ResponseHeadersPolicy: pageHeaders(stack, s, p),
			FunctionAssociations:  &[]*awscloudfront.FunctionAssociation{{Function: spa, EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST}},
		},
		AdditionalBehaviors: &map[string]*awscloudfront.BehaviorOptions{apiPaths: {
			Origin:         awscloudfrontorigins.NewRestApiOrigin(p.API.API, &awscloudfrontorigins.RestApiOriginProps{ReadTimeout: awscdk.Duration_Seconds(jsii.Number(originSeconds))}),
			AllowedMethods: awscloudfront.AllowedMethods_ALLOW_ALL(), CachePolicy: awscloudfront.CachePolicy_CACHING_DISABLED(),
			// API Gateway tells its APIs apart by the Host header.
			OriginRequestPolicy:  awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER(),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY, Compress: jsii.Bool(false),
		}},
		HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3, MinimumProtocolVersion: awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2021,
		PriceClass: awscloudfront.PriceClass_PRICE_CLASS_100, EnableLogging: jsii.Bool(true),
		LogBucket: newLogBucket(stack, s, "EdgeLog", awss3.ObjectOwnership_BUCKET_OWNER_PREFERRED),
	}
	if s.Domain != "" {
		props.DomainNames = texts(s.Domain)
		props.Certificate = awscertificatemanager.Certificate_FromCertificateArn(stack, jsii.String("Certificate"), jsii.String(s.Certificate))
	}
	if p.EdgeMark != nil {
		markViewers(stack, p, props)
	}
	door := awscloudfront.NewDistribution(stack, jsii.String("Door"), props)
	if _, err := os.Stat(filepath.Join(s.UI, "index.html")); err == nil {
		deployPages(stack, s, pages, door)
	} else {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("etlportal:no-ui"), jsii.String("there is no index.html in "+s.UI+": the stack comes without web pages; run `make web` first"))
	}
	output(stack, "UiUrl", "address of the portal", awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("https://"), door.DistributionDomainName()}))
	output(stack, "PagesBucket", "bucket of the web pages", pages.BucketName())
}

// deployPages copies what has its content's hash in its name first, for browsers
// to keep; then the rest, which they ask for each time. Nothing is taken away: a
// page that is open still asks for the files of the deployment that it came with.
func deployPages(stack awscdk.Stack, s *Settings, pages awss3.Bucket, door awscloudfront.Distribution) {
	source := &[]awss3deployment.ISource{awss3deployment.Source_Asset(jsii.String(s.UI), nil)}
	hashed := awss3deployment.NewBucketDeployment(stack, jsii.String("HashedFiles"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket: pages, Sources: source, Exclude: texts("*"), Include: texts(hashedFiles),
		CacheControl: &[]awss3deployment.CacheControl{
			awss3deployment.CacheControl_SetPublic(), awss3deployment.CacheControl_MaxAge(awscdk.Duration_Days(jsii.Number(hashedDays))), awss3deployment.CacheControl_Immutable(),
		},
		Prune: jsii.Bool(false), MemoryLimit: jsii.Number(deployMemory),
	})
	rest := awss3deployment.NewBucketDeployment(stack, jsii.String("OtherFiles"), &awss3deployment.BucketDeploymentProps{
		DestinationBucket: pages, Sources: source, Exclude: texts(hashedFiles),
		CacheControl: &[]awss3deployment.CacheControl{awss3deployment.CacheControl_NoCache()},
		Prune:        jsii.Bool(false), MemoryLimit: jsii.Number(deployMemory), Distribution: door, DistributionPaths: texts("/*"),
	})
	rest.Node().AddDependency(hashed)
}

// markViewers tells the firewall that a request came through CloudFront, and from
// where. Whoever calls the API past CloudFront knows no mark, and what he writes
// into the other header himself counts for nothing.
func markViewers(stack awscdk.Stack, p *portal, props *awscloudfront.DistributionProps) {
	api := (*props.AdditionalBehaviors)[apiPaths]
	api.Origin = awscloudfrontorigins.NewRestApiOrigin(p.API.API, &awscloudfrontorigins.RestApiOriginProps{
		ReadTimeout:   awscdk.Duration_Seconds(jsii.Number(originSeconds)),
		CustomHeaders: &map[string]*string{edgeHeader: p.EdgeMark.SecretValue().UnsafeUnwrap()},
	})
	api.FunctionAssociations = &[]*awscloudfront.FunctionAssociation{{
		EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST,
		Function: awscloudfront.NewFunction(stack, jsii.String("Viewer"), &awscloudfront.FunctionProps{
			Code: awscloudfront.FunctionCode_FromInline(jsii.String(viewerAddress)), Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
			Comment: jsii.String("says where a request came from, for the firewall"),
		}),
	}}
}

// pageHeaders say what the pages may do: their own scripts, their own API, the
// bucket that they upload to, and the page to sign in.
func pageHeaders(stack awscdk.Stack, s *Settings, p *portal) awscloudfront.ResponseHeadersPolicy {
	policy := []*string{
		jsii.String("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self' https://"),
		p.Storage.Uploads.BucketRegionalDomainName(), jsii.String(" https://"), p.Storage.Uploads.BucketDomainName(),
	}
	if p.Auth != nil {
		policy = append(policy, jsii.String(" "), p.Auth.Domain.BaseUrl(nil))
	}
	policy = append(policy, jsii.String("; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"))
	return awscloudfront.NewResponseHeadersPolicy(stack, jsii.String("PageHeaders"), &awscloudfront.ResponseHeadersPolicyProps{
		ResponseHeadersPolicyName: jsii.String(s.Name + "-pages"), Comment: jsii.String("ETL Portal: what its pages may do"),
		SecurityHeadersBehavior: &awscloudfront.ResponseSecurityHeadersBehavior{
			ContentSecurityPolicy: &awscloudfront.ResponseHeadersContentSecurityPolicy{
				ContentSecurityPolicy: awscdk.Fn_Join(jsii.String(""), &policy), Override: jsii.Bool(true),
			},
			ContentTypeOptions: &awscloudfront.ResponseHeadersContentTypeOptions{Override: jsii.Bool(true)},
			FrameOptions:       &awscloudfront.ResponseHeadersFrameOptions{FrameOption: awscloudfront.HeadersFrameOption_DENY, Override: jsii.Bool(true)},
			ReferrerPolicy:     &awscloudfront.ResponseHeadersReferrerPolicy{ReferrerPolicy: awscloudfront.HeadersReferrerPolicy_NO_REFERRER, Override: jsii.Bool(true)},
			StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{
				AccessControlMaxAge: awscdk.Duration_Days(jsii.Number(hstsDays)), IncludeSubdomains: jsii.Bool(true), Override: jsii.Bool(true),
			},
		},
	})
}
