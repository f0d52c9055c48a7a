package aws_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

func TestBlobsConform(t *testing.T) {
	etltest.BlobsSuite(t, func(t *testing.T, s etltest.BlobsSetup) etl.Blobs {
		t.Helper()
		return etltest.Bucket(t, s)
	})
}

// The bucket is once as LocalStack makes it, and once as the infrastructure does.
func TestBlobsConformOnLocalStack(t *testing.T) {
	client := s3.NewFromConfig(sdkConfig(t), func(o *s3.Options) { o.UsePathStyle = true })
	for bucket, prepare := range map[string]func(*testing.T, *string){
		"plain":     func(*testing.T, *string) {},
		"encrypted": encrypt(client, kms.NewFromConfig(sdkConfig(t))),
	} {
		t.Run(bucket, func(t *testing.T) {
			a := account(t)
			etltest.BlobsSuite(t, func(t *testing.T, s etltest.BlobsSetup) etl.Blobs {
				t.Helper()
				b, err := aws.NewBlobs(t.Context(), aws.BlobsConfig{
					Bucket: bucket, Region: a.Region, Endpoint: a.Endpoint, PathStyle: true, AccessKey: a.AccessKey, SecretKey: a.SecretKey,
					Origins: s.Origins, Transport: s.Transport, Retry: a.Retry,
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				prepare(t, &bucket)
				return b
			}, "no signature") // LocalStack takes every request that is not signed at all
		})
	}
}

// encrypt gives a bucket versions and a key.
func encrypt(client *s3.Client, keys *kms.Client) func(*testing.T, *string) {
	return func(t *testing.T, bucket *string) {
		t.Helper()
		key := makeKey(t, keys)
		_, versions := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		_, encryption := client.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
			Bucket: bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key},
			}}},
		})
		if err := errors.Join(versions, encryption); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBlobsEncryptedCompletion completes twice where the ETag tells nothing, as
// that of objects under a key does on AWS.
func TestBlobsEncryptedCompletion(t *testing.T) {
	var mark, size string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			mark = r.Header.Get("X-Amz-Meta-Etlportal-Upload")
			_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>theirs</UploadId></InitiateMultipartUploadResult>`)
		case r.Method == http.MethodPost && r.URL.Query().Get("uploadId") == "theirs":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `<Error><Code>NoSuchUpload</Code></Error>`)
		case r.Method == http.MethodHead:
			w.Header().Set("X-Amz-Server-Side-Encryption", "aws:kms")
			w.Header().Set("X-Amz-Meta-Etlportal-Upload", mark)
			w.Header().Set("Content-Length", size)
			w.Header().Set("ETag", `"opaque-1"`)
		default:
			t.Errorf("%s %s", r.Method, r.URL)
		}
	}))
	defer server.Close()
	b, err := aws.NewBlobs(t.Context(), aws.BlobsConfig{Bucket: "b", Region: "us-east-1", Endpoint: server.URL, PathStyle: true, AccessKey: "test", SecretKey: "test"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.CreateUpload(t.Context(), "a.csv")
	if err != nil || mark == "" {
		t.Fatalf("upload %q, %v", id, err)
	}
	parts := []etl.Part{{Number: 1, ETag: "opaque", Size: 10}}
	size = "10"
	if ref, err := b.Complete(t.Context(), "a.csv", id, parts); err != nil || ref.ETag != "opaque-1" {
		t.Errorf("completed again: %+v, %v", ref, err)
	}
	size = "11"
	_, err = b.Complete(t.Context(), "a.csv", id, parts)
	is(t, err, etl.Mistake, "upload_not_found")
	size, mark = "10", "another"
	_, err = b.Complete(t.Context(), "a.csv", id, parts)
	is(t, err, etl.Mistake, "upload_not_found")
	mark = ""
	_, err = b.Complete(t.Context(), "a.csv", "theirs", parts)
	is(t, err, etl.Mistake, "upload_not_found")
}
