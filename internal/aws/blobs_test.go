package aws_test

import (
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
)

func TestBlobsConform(t *testing.T) {
	etltest.BlobsSuite(t, func(t *testing.T, s etltest.BlobsSetup) etl.Blobs {
		t.Helper()
		return etltest.Bucket(t, s)
	})
}
