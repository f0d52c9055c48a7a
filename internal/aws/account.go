package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/etlportal/etlportal/internal/etl"
)

// Account says where AWS is, and as whom it is called. The zero Account is what
// the environment, the shared files and the role of the machine or function say.
type Account struct {
	// Region; empty: what the environment or the shared AWS files say.
	Region string
	// Endpoint of services that are not AWS's own, such as http://127.0.0.1:4566.
	Endpoint string
	// AccessKey, SecretKey and SessionToken; without AccessKey AWS's usual chain is used.
	AccessKey, SecretKey, SessionToken string
	// Role is the ARN of a role that is assumed by these keys, and called as; "" is none.
	Role string
	// Transport, where set, replaces the HTTP transport.
	Transport http.RoundTripper
	// Retry is the longest wait between two tries of a request, of which there
	// are at most 4; 0 means 5 seconds.
	Retry time.Duration
	// Patience is how long OpenObject's reads wait for a byte before they ask
	// anew; 0 means a minute.
	Patience time.Duration

	// otherwise is the region where nothing names one; "" makes that a mistake.
	otherwise string
}

// load reads the configuration; what it is for goes into the errors.
func (a *Account) load(ctx context.Context, what string) (aws.Config, error) {
	longest := cmp.Or(a.Retry, 5*time.Second)
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(newClient()),
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = 4, longest
				// One budget for all requests would make an outage fail those after it.
				o.RateLimiter = ratelimit.None
			})
		}),
	}
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	if a.otherwise != "" {
		options = append(options, config.WithDefaultRegion(a.otherwise))
	}
	if a.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, a.SessionToken)))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, &etl.Error{
			Kind: etl.Mistake, Code: "bad_aws_configuration", Err: err,
			Message: "the AWS configuration cannot be read: " + err.Error(), Fix: "Correct the environment variable or file that it names.",
		}
	}
	if loaded.Region == "" {
		return aws.Config{}, etl.Mistakef("no_region", "Set AWS_REGION.", "the region of %s is not known", what)
	}
	if a.Transport != nil {
		loaded.HTTPClient = &http.Client{Transport: a.Transport}
	}
	if a.Endpoint != "" {
		loaded.BaseEndpoint = &a.Endpoint
	}
	if a.Role != "" {
		loaded.Credentials = aws.NewCredentialsCache(assumed{stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), a.Role, func(o *stscreds.AssumeRoleOptions) {
			// Policies tell statements of the Data API by the session that began them.
			o.RoleSessionName = roleSession
		}), a.Role})
	}
	return loaded, nil
}

// roleSession is what AWS's logs call who has assumed a role.
const roleSession = "etlportal"

// assumed are a role's credentials, with errors that say which role it is.
type assumed struct {
	aws.CredentialsProvider
	role string
}

// Retrieve implements aws.CredentialsProvider.
func (p assumed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = fault(request{prefix: "role", what: "assume the role " + p.role, action: "sts:AssumeRole", resource: p.role, look: "AWS STS"}, err)
	}
	return c, err
}

// Codes that several services answer with.
var (
	codesBusy = []string{
		"SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "KmsThrottled", "KMS.ThrottlingException", "LimitExceededException", "OverLimit",
	}
	codesAway = []string{
		"InternalError", "InternalFailure", "InternalServiceError", "InternalServerException", "InternalServerError", "KMSInternalException", "KeyUnavailableException",
		"DependencyTimeoutException", "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "ServerException",
	}
	codesForbidden = []string{
		"AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorized", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "InvalidToken", "OptInRequired",
		"KMS.AccessDeniedException", "KmsAccessDenied",
	}
	// codesExpired are of temporary credentials of AWS, which no policy mends.
	codesExpired = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
)

// request describes a request that failed, for people.
type request struct {
	// prefix begins the codes of its errors.
	prefix etl.Code
	// what was tried, on what: "send to the queue load".
	what string
	// action is what IAM calls it, resource what it must be allowed on.
	action, resource string
	// look is where to look when it is not there.
	look string
}

// fault explains a failed request. Codes that mean something particular to one
// service are its adapter's to explain before.
func fault(r request, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*etl.Error](err); ok {
		// It was not sent: the credentials for it are explained already.
		return e
	}
	e := &etl.Error{Err: err, Message: fmt.Sprintf("cannot %s: %s", r.what, short(err))}
	code := status(err)
	switch {
	case hasCode(err, codesBusy...) || code == http.StatusTooManyRequests:
		e.Kind, e.Code, e.Fix = etl.Weather, r.prefix+"_busy", "Wait a little and try again."
	case code >= 500 || hasCode(err, codesAway...):
		e.Kind, e.Code, e.Fix = etl.Weather, r.prefix+"_unavailable", "Try again; if it stays so, look at AWS's health dashboard."
	case hasCode(err, codesExpired...):
		e.Kind, e.Code, e.Fix = etl.Mistake, r.prefix+"_expired", "Renew the AWS credentials that this runs with: they have expired; and check this machine's clock."
	case hasCode(err, codesForbidden...) || code == http.StatusForbidden || code == http.StatusUnauthorized:
		e.Kind, e.Code = etl.Mistake, r.prefix+"_denied"
		e.Fix = fmt.Sprintf("Allow %s on %s to the role or user that this runs as.", r.action, r.resource)
	case code == 0 && noCredentials(err):
		e.Kind, e.Code, e.Fix = etl.Mistake, "no_aws_credentials", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role."
	case code == 0:
		e.Kind, e.Code, e.Fix = etl.Weather, r.prefix+"_unreachable", "See that "+r.look+" can be reached from here, and that its endpoint is right."
	default:
		e.Kind, e.Code, e.Fix = etl.Mistake, r.prefix+"_refused", "Correct what AWS complains of."
	}
	return e
}

// seconds rounds a delay up to what AWS counts in, and down to the most it takes.
func seconds(d, most time.Duration) int32 {
	d = min(max(d, 0), most)
	return int32((d + time.Second - 1) / time.Second)
}

// missing gives the names those of the settings that are empty, in order.
func missing(settings map[string]string) []string {
	var names []string
	for name, value := range settings {
		if value == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
