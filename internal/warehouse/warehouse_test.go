package warehouse_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/warehouse"
)

const region = "eu-central-1"

func config(s *etltest.RedshiftServer) warehouse.Config {
	return warehouse.Config{
		Blobs: s.Blobs, Bucket: s.Bucket,
		Account: aws.Account{Region: region, Endpoint: s.DataEndpoint, AccessKey: "test", SecretKey: "test", Retry: time.Millisecond},
	}
}

// credential is one with temporary credentials; options are key, value.
func credential(s *etltest.RedshiftServer, user string, options ...string) etl.Credential {
	c := etl.Credential{
		Type: "redshift", Host: s.Host, Port: s.Port, Database: s.Database, Username: user, SSLMode: "verify-full",
		Options: map[string]string{warehouse.OptionAccess: warehouse.IAM, warehouse.OptionRole: s.Role, "ssl_root_cert": s.Authority},
	}
	for i := 0; i < len(options); i += 2 {
		c.Options[options[i]] = options[i+1]
	}
	return c
}

// roads are the ways by which temporary credentials are had, with the user that each gives.
func roads(s *etltest.RedshiftServer) map[string]etl.Credential {
	return map[string]etl.Credential{
		"workgroup":           credential(s, "", warehouse.OptionWorkgroup, s.Workgroup),
		"user of a cluster":   credential(s, s.User, warehouse.OptionCluster, s.Cluster),
		"role's in a cluster": credential(s, "", warehouse.OptionCluster, s.Cluster),
		"Data API, workgroup": credential(s, "", warehouse.OptionWorkgroup, s.Workgroup, warehouse.OptionAccess, warehouse.DataAPI),
		"Data API, cluster":   credential(s, s.User, warehouse.OptionCluster, s.Cluster, warehouse.OptionAccess, warehouse.DataAPI),
	}
}

func open(t *testing.T, s *etltest.RedshiftServer, c etl.Credential) (*redshift.Redshift, error) {
	t.Helper()
	return opened(t, config(s), c)
}

// opened is a warehouse that was connected to.
func opened(t *testing.T, config warehouse.Config, c etl.Credential) (*redshift.Redshift, error) {
	t.Helper()
	r, err := warehouse.Open(t.Context(), config, c, "")
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, err = r.CurrentUser(t.Context())
	return r, err
}

func TestRoads(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	for name, c := range roads(s) {
		t.Run(name, func(t *testing.T) {
			s.Throttle(2)
			r, err := open(t, s, c)
			if err != nil {
				t.Fatal(err)
			}
			if detail, err := r.CheckCopy(t.Context()); err != nil || !strings.Contains(detail, s.Role) {
				t.Errorf("%s, %v", detail, err)
			}
		})
	}
}

// Connections share a pair while it lasts; one that is about to end, or that the
// server takes no more, is replaced.
func TestCredentialsAreRenewed(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	c := credential(s, "", warehouse.OptionWorkgroup, s.Workgroup)
	run := func(road etl.Statements, at int) {
		t.Helper()
		var group sync.WaitGroup
		for range at {
			group.Go(func() {
				if _, err := road.Run(t.Context(), "SELECT 1", "SELECT pg_sleep(0.05)"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	given := func(want int) {
		t.Helper()
		if n := s.CredentialsGiven(); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
	}
	road, err := warehouse.Road(t.Context(), config(s), address(s), "")
	if err != nil {
		t.Fatal(err)
	}
	run(road, 4)
	given(1)
	s.RevokeCredentials()
	run(road, 12)
	if n := s.CredentialsGiven(); n < 2 {
		t.Errorf("asked %d times", n)
	}
	if err := road.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.CredentialsLast(time.Minute)
	before := s.CredentialsGiven()
	r, err := open(t, s, c)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if _, err := r.CheckCopy(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := s.CredentialsGiven(); n == before {
		t.Error("a pair that is about to end was not replaced")
	}
}

// address is the stand-in's as a URL that asks for temporary credentials.
func address(s *etltest.RedshiftServer) string {
	return strings.Replace(s.URL(), "sslmode=disable", "access=iam&sslmode=require&workgroup="+s.Workgroup, 1)
}

// What is wrong is said with what to do, and without the password that was given.
func TestCredentialErrors(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	denied := map[string]string{
		"workgroup": "redshift-serverless:GetCredentials on the ARN of workgroup etlportal-test", "user of a cluster": "redshift:GetClusterCredentials on arn:aws:redshift:eu-central-1:*:dbuser:etlportal-cluster/awsuser and arn:aws:redshift:eu-central-1:*:dbname:etlportal-cluster/dev",
		"role's in a cluster": "redshift:GetClusterCredentialsWithIAM on arn:aws:redshift:eu-central-1:*:dbname:etlportal-cluster/dev",
	}
	refused := func(name string, c etl.Credential, kind etl.Kind, code etl.Code, fix string) {
		t.Helper()
		_, err := open(t, s, c)
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Kind != kind || e.Code != code || !strings.Contains(e.Fix, fix) {
			t.Errorf("%s: %+v", name, err)
		}
	}
	for name, c := range roads(s) {
		action, ok := denied[name]
		if !ok {
			continue
		}
		for _, code := range []string{"AccessDenied", "AccessDeniedException"} {
			s.RefuseCredentials(code)
			refused(name, c, etl.Mistake, "credentials_denied", action)
		}
		s.RefuseCredentials("ExpiredToken")
		refused(name, c, etl.Mistake, "credentials_expired", "Renew")
		s.RefuseCredentials("ServiceUnavailable")
		refused(name, c, etl.Weather, "credentials_unavailable", "Try again")
		s.RefuseCredentials("")
		s.Throttle(1000)
		refused(name, c, etl.Weather, "credentials_busy", "Wait")
		s.Throttle(0)
	}
	refused("workgroup", credential(s, "", warehouse.OptionWorkgroup, "another"), etl.Mistake, "credentials_not_found", "workgroup")
	refused("cluster", credential(s, "", warehouse.OptionCluster, "another"), etl.Mistake, "credentials_not_found", "cluster_identifier")
	refused("neither", credential(s, ""), etl.Mistake, "no_warehouse", "workgroup")
	refused("user", credential(s, "nobody", warehouse.OptionCluster, s.Cluster), etl.Mistake, "temporary_login_refused", `CREATE USER "nobody" PASSWORD DISABLE`)
	plain := credential(s, "", warehouse.OptionWorkgroup, s.Workgroup)
	plain.SSLMode = "disable"
	refused("without TLS", plain, etl.Mistake, "bad_ssl_mode", "require")
	elsewhere := credential(s, "", warehouse.OptionWorkgroup, s.Workgroup)
	elsewhere.Database = "nothere"
	refused("database", elsewhere, etl.Mistake, "no_such_database", "name")
	away := credential(s, "", warehouse.OptionWorkgroup, s.Workgroup)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away.Port = listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	refused("no server", away, etl.Weather, "connection_refused", "port")
	nowhere := config(s)
	nowhere.Account.Endpoint = "http://" + listener.Addr().String()
	_, err = opened(t, nowhere, credential(s, "", warehouse.OptionWorkgroup, s.Workgroup))
	if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Weather || e.Code != "credentials_unreachable" {
		t.Errorf("no API: %v", err)
	}
}
