package aws

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Origin is where browsers send parts to, as a page's content security policy
// names it: "https://bucket.s3.eu-central-1.amazonaws.com". It asks the store
// nothing.
func (b *Blobs) Origin(ctx context.Context) (string, error) {
	signed, err := b.presign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(b.bucket), Key: aws.String("x")})
	if err != nil {
		return "", fmt.Errorf("sign a request to bucket %q: %w", b.bucket, err)
	}
	u, err := url.Parse(signed.URL)
	if err != nil {
		return "", fmt.Errorf("the store's address: %w", err)
	}
	return u.Scheme + "://" + u.Host, nil
}
