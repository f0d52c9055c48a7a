// Package aws holds the adapters of the ports to AWS's services; the object
// store's serves every store that speaks S3, the embedded one included.
package aws

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etlportal/etlportal/internal/etl"
)

// S3's limits.
const (
	maxParts    = 10000
	maxPartSize = 5 << 30
	maxTTL      = 7 * 24 * time.Hour
)

// Put's parts: the first is putPart long, each hundredth doubles up to
// putPartMax, so that small objects take little memory and 600 GB fit into
// maxParts.
const (
	putPart    = 8 << 20
	putPartMax = 64 << 20
	putDoubles = 100
)

// BlobsConfig says where the objects are.
type BlobsConfig struct {
	Bucket string
	// Region; empty: what the environment or the shared AWS files say.
	Region string
	// Endpoint of a store that is not AWS's own, such as http://127.0.0.1:9000.
	Endpoint string
	// PublicEndpoint is how browsers reach the store; it goes into presigned
	// URLs. Empty: Endpoint.
	PublicEndpoint string
	// PathStyle puts the bucket into the path instead of the host name.
	PathStyle bool
	// AccessKey, SecretKey and SessionToken; without AccessKey AWS's usual chain
	// is used (environment, shared files, the role of the machine or function).
	AccessKey, SecretKey, SessionToken string
	// Role is the ARN of a role that is assumed by these keys, and called as; "" is none.
	Role string
	// Origins are the web pages that may put parts and read their ETag; for Prepare.
	Origins []string
	// Transport, where set, replaces the HTTP transport.
	Transport http.RoundTripper
	// Retry is the longest wait between two tries of a request, of which there
	// are at most 4; 0 means 5 seconds.
	Retry time.Duration
}

// Blobs is an etl.Blobs in an S3 bucket. An object's version is pinned by its
// ETag, so that it works in buckets with and without versioning alike.
type Blobs struct {
	bucket  string
	origins []string
	client  *s3.Client
	presign *s3.PresignClient
	retry   time.Duration
	// patience is bodyPatience where it is 0.
	patience time.Duration
}

var _ etl.Blobs = (*Blobs)(nil)

// NewBlobs makes the adapter; it does not call the store yet (see Prepare and Ready).
func NewBlobs(ctx context.Context, c BlobsConfig) (*Blobs, error) {
	if c.Bucket == "" {
		return nil, etl.Mistakef("no_bucket", "Name the bucket.", "no S3 bucket is configured")
	}
	account := Account{
		Region: c.Region, AccessKey: c.AccessKey, SecretKey: c.SecretKey, SessionToken: c.SessionToken, Role: c.Role, Transport: c.Transport, Retry: c.Retry,
	}
	loaded, err := account.load(ctx, fmt.Sprintf("the S3 bucket %q", c.Bucket))
	if err != nil {
		return nil, err
	}
	at := func(endpoint string) *s3.Client {
		return s3.NewFromConfig(loaded, func(o *s3.Options) {
			o.UsePathStyle = c.PathStyle
			o.DisableLogOutputChecksumValidationSkipped = true
			if endpoint != "" {
				o.BaseEndpoint = aws.String(endpoint)
			}
		})
	}
	client := at(c.Endpoint)
	public := client
	if c.PublicEndpoint != "" {
		public = at(c.PublicEndpoint)
	}
	return &Blobs{bucket: c.Bucket, origins: c.Origins, client: client, presign: s3.NewPresignClient(public), retry: cmp.Or(c.Retry, 5*time.Second)}, nil
}

// newClient waits for a slow store, but not for a dead one. It stays a client
// that the SDK can give the certificates of AWS_CA_BUNDLE.
func newClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout, d.KeepAlive = 10*time.Second, 15*time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = 2 * time.Minute
			t.IdleConnTimeout = 30 * time.Second
			t.MaxIdleConnsPerHost = 64
			// Offsets count the bytes of the object, never of a compressed transfer.
			t.DisableCompression = true
		})
}

// Prepare makes the bucket, where it is missing, and sets its CORS rules for
// Origins. It may be repeated. Where the infrastructure is set up by other means
// it is not needed.
func (b *Blobs) Prepare(ctx context.Context) error {
	input := &s3.CreateBucketInput{Bucket: &b.bucket}
	if region := b.client.Options().Region; region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	if _, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.bucket}); err != nil {
		_, err := b.client.CreateBucket(ctx, input)
		if err != nil && !hasCode(err, "BucketAlreadyOwnedByYou") {
			return b.fault("make the bucket", "", err)
		}
	}
	if len(b.origins) == 0 {
		return nil
	}
	_, err := b.client.PutBucketCors(ctx, &s3.PutBucketCorsInput{
		Bucket: &b.bucket,
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
			AllowedOrigins: b.origins,
			AllowedMethods: []string{http.MethodPut},
			AllowedHeaders: []string{"*"},
			ExposeHeaders:  []string{"ETag"},
			MaxAgeSeconds:  aws.Int32(3600),
		}}},
	})
	if err != nil {
		return b.fault("set the CORS rules", "", err)
	}
	return nil
}

// Ready implements etl.Blobs.
func (b *Blobs) Ready(ctx context.Context) error {
	if _, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.bucket}); err != nil {
		if status(err) == http.StatusNotFound {
			return b.noBucket(err)
		}
		return b.fault("reach the bucket", "", err)
	}
	return nil
}

// CreateUpload implements etl.Blobs.
func (b *Blobs) CreateUpload(ctx context.Context, key string) (string, error) {
	mark := rand.Text()[:markLength]
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.bucket, Key: &key, Metadata: map[string]string{markName: mark},
	})
	if err != nil {
		return "", b.fault("start the upload of", key, err)
	}
	return aws.ToString(out.UploadId) + markSeparator + mark, nil
}

// An upload id of ours is the store's, and the mark that the finished object
// carries: an encrypted object tells by nothing else which upload made it.
const (
	markName      = "etlportal-upload"
	markSeparator = "~"
	markLength    = 16
)

// storeID is the store's part of an upload id.
func storeID(uploadID string) *string {
	id, _, _ := strings.Cut(uploadID, markSeparator)
	return &id
}

// SignParts implements etl.Blobs. It does not call the store.
func (b *Blobs) SignParts(ctx context.Context, key, uploadID string, sizes map[int32]int64, ttl time.Duration) ([]etl.SignedPart, error) {
	if ttl < time.Second || ttl > maxTTL {
		return nil, etl.Mistakef("bad_expiry", "Choose from one second to 7 days.", "upload URLs cannot be good for %s", ttl)
	}
	numbers := slices.Sorted(maps.Keys(sizes))
	signed := make([]etl.SignedPart, 0, len(numbers))
	for _, number := range numbers {
		size := sizes[number]
		if number < 1 || number > maxParts {
			return nil, etl.Mistakef("bad_part_number", "Number the parts from 1 to 10,000; choose larger parts for a larger file.", "there is no part %d", number)
		}
		if size < 1 || size > maxPartSize {
			return nil, etl.Mistakef("bad_part_size", "Choose parts of 5 MiB to 5 GiB; only the last may be smaller.", "part %d cannot have %d bytes", number, size)
		}
		// ContentLength becomes a signed header, which binds the size; a checksum
		// algorithm would sign the checksum of an empty body.
		request, err := b.presign.PresignUploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.bucket, Key: &key, UploadId: storeID(uploadID), PartNumber: aws.Int32(number), ContentLength: aws.Int64(size),
		}, s3.WithPresignExpires(ttl))
		if err != nil {
			return nil, b.fault("sign a part of", key, err)
		}
		headers := make(map[string]string)
		for name, values := range request.SignedHeader {
			// Every client sets these two by itself, and a browser lets nobody else.
			if !strings.EqualFold(name, "Host") && !strings.EqualFold(name, "Content-Length") {
				headers[name] = strings.Join(values, ",")
			}
		}
		signed = append(signed, etl.SignedPart{Number: number, URL: request.URL, Headers: headers})
	}
	return signed, nil
}

// Parts implements etl.Blobs.
func (b *Blobs) Parts(ctx context.Context, key, uploadID string) ([]etl.Part, error) {
	parts := []etl.Part{}
	pages := s3.NewListPartsPaginator(b.client, &s3.ListPartsInput{Bucket: &b.bucket, Key: &key, UploadId: storeID(uploadID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.fault("list the parts of", key, err)
		}
		for _, p := range page.Parts {
			parts = append(parts, etl.Part{Number: aws.ToInt32(p.PartNumber), ETag: unquote(aws.ToString(p.ETag)), Size: aws.ToInt64(p.Size)})
		}
	}
	return parts, nil
}

// Complete implements etl.Blobs.
func (b *Blobs) Complete(ctx context.Context, key, uploadID string, parts []etl.Part) (etl.ObjectRef, error) {
	if len(parts) == 0 {
		return etl.ObjectRef{}, etl.Mistakef("no_parts", "Upload at least one part, or upload the file directly.", "the upload of %s has no parts", key)
	}
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b etl.Part) int { return cmp.Compare(a.Number, b.Number) })
	completed := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		completed[i] = types.CompletedPart{PartNumber: aws.Int32(p.Number), ETag: aws.String(quote(unquote(p.ETag)))}
	}
	out, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.bucket, Key: &key, UploadId: storeID(uploadID),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	})
	if hasCode(err, "NoSuchUpload") {
		return b.completed(ctx, key, uploadID, parts, err)
	}
	if err != nil {
		return etl.ObjectRef{}, b.fault("complete the upload of", key, err)
	}
	return b.pinned(ctx, key, unquote(aws.ToString(out.ETag)), aws.ToString(out.VersionId))
}

// completed recognises the object that an earlier Complete made of these parts.
func (b *Blobs) completed(ctx context.Context, key, uploadID string, parts []etl.Part, gone error) (etl.ObjectRef, error) {
	ref, encryptedMark, err := b.head(ctx, key)
	_, mark, _ := strings.Cut(uploadID, markSeparator)
	switch {
	case err == nil && ref.ETag == compositeETag(parts):
		return ref, nil
	case err == nil && mark != "" && encryptedMark == mark && ref.Size == totalSize(parts) && strings.HasSuffix(ref.ETag, "-"+strconv.Itoa(len(parts))):
		// An encrypted object's ETag cannot be computed from its parts'.
		return ref, nil
	case err != nil && etl.KindOf(err) != etl.Mistake:
		return etl.ObjectRef{}, err
	}
	return etl.ObjectRef{}, b.fault("complete the upload of", key, gone)
}

// pinned describes the object that a completion made. Some stores also report
// success for an upload that another call is just completing, and for one that
// they no longer know.
func (b *Blobs) pinned(ctx context.Context, key, etag, version string) (etl.ObjectRef, error) {
	ref, _, err := b.head(ctx, key)
	if isMissing(err) {
		return etl.ObjectRef{}, &etl.Error{
			Kind: etl.Weather, Code: "upload_completing", Err: err,
			Message: "the upload of " + key + " is being completed by another request", Fix: "Try again in a moment.",
		}
	}
	if err != nil {
		return etl.ObjectRef{}, err
	}
	if ref.ETag != etag {
		return etl.ObjectRef{}, uploadGone(key, nil)
	}
	if version != "" {
		ref.VersionID = version
	}
	return ref, nil
}

// Abort implements etl.Blobs.
func (b *Blobs) Abort(ctx context.Context, key, uploadID string) error {
	_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.bucket, Key: &key, UploadId: storeID(uploadID)})
	if err != nil && !hasCode(err, "NoSuchUpload") {
		return b.fault("abort the upload of", key, err)
	}
	return nil
}

// Put implements etl.Blobs. It holds one part of 8 MiB, and up to 64 MiB for
// objects of more than a gigabyte. Where it fails it leaves nothing behind, as
// far as the store can still be reached. A failure of r comes back as it is.
func (b *Blobs) Put(ctx context.Context, key string, r io.Reader) (etl.ObjectRef, error) {
	part := bytes.NewBuffer(nil)
	last, err := fill(part, r, putPart)
	if err != nil {
		return etl.ObjectRef{}, err
	}
	if last {
		out, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(part.Bytes())})
		if err != nil {
			return etl.ObjectRef{}, b.fault("write", key, err)
		}
		return etl.ObjectRef{Key: key, Size: int64(part.Len()), ETag: unquote(aws.ToString(out.ETag)), VersionID: aws.ToString(out.VersionId)}, nil
	}
	id, err := b.CreateUpload(ctx, key)
	if err != nil {
		return etl.ObjectRef{}, err
	}
	ref, err := b.putParts(ctx, key, id, part, r)
	if err != nil {
		// The caller's context may be what ended the upload.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = b.Abort(clean, key, id)
		return etl.ObjectRef{}, err
	}
	return ref, nil
}

func (b *Blobs) putParts(ctx context.Context, key, id string, part *bytes.Buffer, r io.Reader) (etl.ObjectRef, error) {
	var parts []etl.Part
	size, last := putPart, false
	for {
		number := int32(len(parts) + 1)
		if number > maxParts {
			return etl.ObjectRef{}, etl.Mistakef("object_too_large", "Split the file.", "%s has more than %d parts of %d MiB", key, maxParts, putPartMax>>20)
		}
		out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.bucket, Key: &key, UploadId: storeID(id), PartNumber: &number, Body: bytes.NewReader(part.Bytes()),
		})
		if err != nil {
			return etl.ObjectRef{}, b.fault("write", key, err)
		}
		parts = append(parts, etl.Part{Number: number, ETag: unquote(aws.ToString(out.ETag)), Size: int64(part.Len())})
		if last {
			return b.Complete(ctx, key, id, parts)
		}
		if len(parts)%putDoubles == 0 {
			size = min(2*size, putPartMax)
		}
		part.Reset()
		if last, err = fill(part, r, size); err != nil {
			return etl.ObjectRef{}, err
		}
		if part.Len() == 0 {
			return b.Complete(ctx, key, id, parts)
		}
	}
}

// fill reads up to size bytes into part; last says that r has ended.
func fill(part *bytes.Buffer, r io.Reader, size int) (last bool, err error) {
	// A small object takes little memory, a large one its part at once: doubling
	// would take, and throw away, twice as much.
	const first = 256 << 10
	n, err := io.CopyN(part, r, int64(min(size, first)))
	if err == nil && size > first {
		part.Grow(size - first + bytes.MinRead)
		var rest int64
		rest, err = io.CopyN(part, r, int64(size-first))
		n += rest
	}
	if err == io.EOF { //nolint:errorlint // CopyN's own, never wrapped
		return n < int64(size), nil
	}
	return false, err
}

// Head implements etl.Blobs.
func (b *Blobs) Head(ctx context.Context, key string) (etl.ObjectRef, error) {
	ref, _, err := b.head(ctx, key)
	return ref, err
}

// head gives the mark of an encrypted object, too.
func (b *Blobs) head(ctx context.Context, key string) (ref etl.ObjectRef, encryptedMark string, err error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return etl.ObjectRef{}, "", b.fault("look at", key, err)
	}
	if out.ServerSideEncryption == types.ServerSideEncryptionAwsKms || out.ServerSideEncryption == types.ServerSideEncryptionAwsKmsDsse {
		encryptedMark = out.Metadata[markName]
	}
	return etl.ObjectRef{
		Key: key, Size: aws.ToInt64(out.ContentLength), ETag: unquote(aws.ToString(out.ETag)), VersionID: aws.ToString(out.VersionId),
	}, encryptedMark, nil
}

// Delete implements etl.Blobs; a missing object is deleted already.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil && !hasCode(err, "NoSuchKey") {
		return b.fault("delete", key, err)
	}
	return nil
}
