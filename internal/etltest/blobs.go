package etltest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/local"
)

var (
	sharedBlobs = sync.OnceValues(func() (*local.BlobServer, error) {
		return local.StartBlobs(context.Background(), local.BlobsOptions{})
	})
	buckets atomic.Int64
)

// Blobs gives an empty object store: a bucket of its own on a server that the
// test binary starts once and that ends with it.
func Blobs(t testing.TB) etl.Blobs {
	t.Helper()
	return Bucket(t, BlobsSetup{})
}

// Bucket is Blobs as a conformance suite wants it.
func Bucket(t testing.TB, s BlobsSetup) etl.Blobs {
	t.Helper()
	server, err := sharedBlobs()
	if err != nil {
		t.Fatalf("start the object store: %v", err)
	}
	return OpenBucket(t, server, fmt.Sprintf("test-%d", buckets.Add(1)), s)
}

// OpenBucket gives a bucket of a server, made where it is missing.
func OpenBucket(t testing.TB, server *local.BlobServer, bucket string, s BlobsSetup) etl.Blobs {
	t.Helper()
	blobs, err := aws.NewBlobs(t.Context(), aws.BlobsConfig{
		Bucket: bucket, Region: local.Region, Endpoint: server.Endpoint, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		Origins: s.Origins, Transport: s.Transport, Retry: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := blobs.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return blobs
}

// BlobsSetup is how a conformance suite wants its adapter made.
type BlobsSetup struct {
	// Origins are the web pages that may upload.
	Origins []string
	// Transport carries the adapter's requests and makes them fail.
	Transport http.RoundTripper
}
