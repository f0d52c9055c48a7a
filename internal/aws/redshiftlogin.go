package aws

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"

	"github.com/etlportal/etlportal/internal/etl"
)

// RedshiftLogin gives temporary credentials of a warehouse, for connections
// over the wire protocol. It may be used by several goroutines.
//
//   - Workgroup: redshift-serverless:GetCredentials; the database's user is the
//     one of the role that this runs as;
//   - Cluster and User: redshift:GetClusterCredentials of that user, whether or
//     not the database has it;
//   - Cluster alone: redshift:GetClusterCredentialsWithIAM, of the role's user.
type RedshiftLogin struct {
	d          RedshiftData
	region     string
	cluster    *redshift.Client
	serverless *redshiftserverless.Client

	mu   sync.Mutex
	kept loginPair
}

// loginPair is a user with a password that ends.
type loginPair struct {
	user, password string
	until          time.Time
}

// loginMargin is how long before its end a pair is given out no more: it must
// last until the connection is made, and clocks differ.
const loginMargin = 2 * time.Minute

// NewRedshiftLogin makes the adapter; it does not ask AWS yet. Secret is not
// used. Mistakes: no_warehouse, no_region, bad_aws_configuration.
func NewRedshiftLogin(ctx context.Context, a Account, d RedshiftData) (*RedshiftLogin, error) {
	if (d.Workgroup == "") == (d.Cluster == "") {
		return nil, noWarehouse("temporary credentials are of one workgroup or one cluster")
	}
	loaded, err := a.load(ctx, "the warehouse")
	if err != nil {
		return nil, err
	}
	l := &RedshiftLogin{d: d, region: loaded.Region}
	if d.Workgroup != "" {
		l.serverless = redshiftserverless.NewFromConfig(loaded)
	} else {
		l.cluster = redshift.NewFromConfig(loaded)
	}
	return l, nil
}

// noWarehouse says that a warehouse is not named, or twice.
func noWarehouse(why string) error {
	return etl.Mistakef("no_warehouse", "Give either workgroup (Serverless) or cluster_identifier, or the host name that AWS shows for it.", "%s", why)
}

// Credentials gives user and password, those of the last time while they last;
// renew asks for others.
//
// Errors: Mistakes credentials_denied, credentials_expired (of AWS, by which
// this runs), credentials_not_found (no such warehouse), credentials_refused
// and no_aws_credentials; Weather credentials_busy, _unavailable, _unreachable.
func (l *RedshiftLogin) Credentials(ctx context.Context, renew bool) (user, password string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !renew && time.Until(l.kept.until) > loginMargin {
		return l.kept.user, l.kept.password, nil
	}
	l.kept = loginPair{}
	pair, err := l.ask(ctx)
	if err != nil {
		return "", "", err
	}
	if pair.user == "" || pair.password == "" {
		return "", "", &etl.Error{Kind: etl.Weather, Code: "credentials_unavailable", Message: "AWS gave no temporary credentials of " + l.d.name(), Fix: "Try again."}
	}
	l.kept = pair
	return pair.user, pair.password, nil
}

// ask gets a pair of the shortest life that AWS gives, 15 minutes.
func (l *RedshiftLogin) ask(ctx context.Context) (loginPair, error) {
	switch {
	case l.serverless != nil:
		out, err := l.serverless.GetCredentials(ctx, &redshiftserverless.GetCredentialsInput{WorkgroupName: &l.d.Workgroup, DbName: &l.d.Database})
		if err != nil {
			return loginPair{}, l.fault("redshift-serverless:GetCredentials", err)
		}
		return loginPair{aws.ToString(out.DbUser), aws.ToString(out.DbPassword), aws.ToTime(out.Expiration)}, nil
	case l.d.User != "":
		out, err := l.cluster.GetClusterCredentials(ctx, &redshift.GetClusterCredentialsInput{ClusterIdentifier: &l.d.Cluster, DbName: &l.d.Database, DbUser: &l.d.User})
		if err != nil {
			return loginPair{}, l.fault("redshift:GetClusterCredentials", err)
		}
		return loginPair{aws.ToString(out.DbUser), aws.ToString(out.DbPassword), aws.ToTime(out.Expiration)}, nil
	default:
		out, err := l.cluster.GetClusterCredentialsWithIAM(ctx, &redshift.GetClusterCredentialsWithIAMInput{ClusterIdentifier: &l.d.Cluster, DbName: &l.d.Database})
		if err != nil {
			return loginPair{}, l.fault("redshift:GetClusterCredentialsWithIAM", err)
		}
		return loginPair{aws.ToString(out.DbUser), aws.ToString(out.DbPassword), aws.ToTime(out.Expiration)}, nil
	}
}

// resource is what a policy must allow: a workgroup's ARN ends in its id, which
// its name does not tell.
func (l *RedshiftLogin) resource() string {
	if l.d.Workgroup != "" {
		return "the ARN of workgroup " + l.d.Workgroup
	}
	arn := func(kind, name string) string {
		return fmt.Sprintf("arn:%s:redshift:%s:*:%s:%s/%s", partition(l.region), l.region, kind, l.d.Cluster, name)
	}
	if l.d.User == "" {
		return arn("dbname", l.d.Database)
	}
	return arn("dbuser", l.d.User) + " and " + arn("dbname", l.d.Database)
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// What these services answer where the warehouse is not there: a cluster, a
// workgroup, as they name it with and without the suffix.
var codesNoWarehouse = []string{"ClusterNotFound", "ClusterNotFoundFault", "ResourceNotFoundException"}

func (l *RedshiftLogin) fault(action string, err error) error {
	if hasCode(err, codesNoWarehouse...) {
		return &etl.Error{
			Kind: etl.Mistake, Code: "credentials_not_found", Err: err, Message: fmt.Sprintf("there is no %s in region %s of this AWS account", l.d.name(), l.region),
			Fix: "Check workgroup or cluster_identifier, and the region.",
		}
	}
	return fault(request{
		prefix: "credentials", what: "get temporary credentials of " + l.d.name(), action: action, resource: l.resource(), look: "the API of Amazon Redshift in " + l.region,
	}, err)
}
