package aws_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// What is called as a role is signed by the role's keys, which are asked for
// once; a role that may not be assumed is what the error is about.
func TestAccountRole(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/etlportal-warehouse"
	assumed, denied := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := r.Header.Get("Authorization")
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "" && r.FormValue("Action") == "AssumeRole" && denied:
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>`)
		case target == "" && r.FormValue("Action") == "AssumeRole" && r.FormValue("RoleArn") == role && r.FormValue("RoleSessionName") == "etlportal" && strings.Contains(signed, "Credential=own/"):
			assumed++
			_, _ = fmt.Fprint(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>borrowed</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
				`<SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
		case strings.Contains(signed, "Credential=borrowed/") && r.Header.Get("X-Amz-Security-Token") == "t" && strings.HasSuffix(target, ".ExecuteStatement"):
			_, _ = fmt.Fprint(w, `{"Id": "a"}`)
		case strings.Contains(signed, "Credential=borrowed/") && strings.HasSuffix(target, ".DescribeStatement"):
			_, _ = fmt.Fprint(w, `{"Id": "a", "Status": "FINISHED"}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	account := aws.Account{Region: "eu-central-1", Endpoint: server.URL, AccessKey: "own", SecretKey: "s", Role: role}
	road, err := aws.NewRedshiftData(t.Context(), account, aws.RedshiftData{Workgroup: "w", Database: "d"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := road.Run(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	if assumed != 1 {
		t.Errorf("the role was assumed %d times", assumed)
	}
	denied = true
	if road, err = aws.NewRedshiftData(t.Context(), account, aws.RedshiftData{Workgroup: "w", Database: "d"}); err != nil {
		t.Fatal(err)
	}
	_, err = road.Run(t.Context(), "SELECT 1")
	t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	blobs, wrong := aws.NewBlobs(t.Context(), aws.BlobsConfig{
		Bucket: "stage", Region: "eu-central-1", Endpoint: server.URL, PathStyle: true, AccessKey: "own", SecretKey: "s", Role: role,
	})
	if wrong != nil {
		t.Fatal(wrong)
	}
	_, put := blobs.Put(t.Context(), "redshift/part", strings.NewReader("1"))
	for what, err := range map[string]error{"statements": err, "a bucket": put} {
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Kind != etl.Mistake || e.Code != "role_denied" || !strings.Contains(e.Fix, "sts:AssumeRole") || !strings.Contains(e.Message, role) {
			t.Errorf("%s: %+v", what, err)
		}
	}
}
