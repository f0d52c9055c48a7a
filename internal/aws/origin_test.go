package aws_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/aws"
)

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		name   string
		config aws.BlobsConfig
		want   string
	}{
		{"AWS", aws.BlobsConfig{Region: "eu-central-1"}, "https://my-bucket.s3.eu-central-1.amazonaws.com"},
		{"path style", aws.BlobsConfig{Endpoint: "http://127.0.0.1:9000", PathStyle: true}, "http://127.0.0.1:9000"},
		{"as browsers reach it", aws.BlobsConfig{Endpoint: "http://store:9000", PublicEndpoint: "https://files.example.org", PathStyle: true}, "https://files.example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.Bucket, c.config.AccessKey, c.config.SecretKey = "my-bucket", "key", "word"
			if c.config.Region == "" {
				c.config.Region = "us-east-1"
			}
			b, err := aws.NewBlobs(t.Context(), c.config)
			require.NoError(t, err)
			origin, err := b.Origin(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.want, origin)
		})
	}
}
