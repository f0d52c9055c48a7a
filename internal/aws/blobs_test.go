package aws_test

import (
	"testing"
	"time"

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

func TestBlobsConformOnLocalStack(t *testing.T) {
	info := etltest.LocalStack(t)
	etltest.BlobsSuite(t, func(t *testing.T, s etltest.BlobsSetup) etl.Blobs {
		t.Helper()
		b, err := aws.NewBlobs(t.Context(), aws.BlobsConfig{
			Bucket: "conformance", Region: info.Region, Endpoint: info.Endpoint, PathStyle: true, AccessKey: info.AccessKey, SecretKey: info.SecretKey,
			Origins: s.Origins, Transport: s.Transport, Retry: 5 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b
	}, "no signature") // LocalStack takes every request that is not signed at all
}
