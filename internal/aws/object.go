package aws

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etlportal/etlportal/internal/etl"
)

// Scheme begins the addresses of objects: s3://bucket/key.
const Scheme = "s3://"

// anyRegion is where a bucket is asked for whose region nothing names; S3 says
// there where it is.
const anyRegion = "us-east-1"

// Object is a file in S3 as a person names it, pinned to the content that it
// had when it was opened. Its methods may be used by any number of goroutines.
type Object struct {
	address string
	version *string
	blobs   *Blobs
	ref     etl.ObjectRef
}

// OpenObject finds the object of an address, s3://bucket/key, of which the key
// is taken as it is written; only ?versionId=… at its end names a version.
// The account's empty fields are what the environment, the shared AWS files and
// the machine's role say; where no region is known, the bucket's is found out,
// as it is where the bucket is in another one. A store at an endpoint of its own
// is asked path style.
//
// Errors are *etl.Error. Mistakes: bad_s3_address, bad_aws_configuration,
// no_aws_credentials, no_such_bucket, file_not_found (with the keys that are
// nearest, where they may be listed), is_a_directory, object_denied,
// object_archived, key_unusable, clock_wrong, and blobs_refused. Weather:
// blobs_busy, blobs_unavailable, blobs_unreachable.
func OpenObject(ctx context.Context, address string, account Account) (*Object, error) {
	bucket, key, version, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	account.otherwise = anyRegion
	loaded, err := account.load(ctx, address)
	if err != nil {
		return nil, err
	}
	at := func(region string) *s3.Client {
		return s3.NewFromConfig(loaded, func(o *s3.Options) {
			o.UsePathStyle = o.BaseEndpoint != nil
			o.DisableLogOutputChecksumValidationSkipped = true
			o.Region = cmp.Or(region, o.Region)
		})
	}
	o := &Object{
		address: address, ref: etl.ObjectRef{Key: key},
		blobs: &Blobs{bucket: bucket, client: at(""), retry: cmp.Or(account.Retry, 5*time.Second), patience: account.Patience},
	}
	if version != "" {
		o.version = &version
	}
	err = o.pin(ctx)
	if region := regionOf(err); region != "" && region != o.blobs.client.Options().Region {
		o.blobs.client = at(region)
		err = o.pin(ctx)
	}
	if err != nil {
		return nil, o.absent(ctx, err)
	}
	return o, nil
}

var (
	bucketForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`)
	versionForm = regexp.MustCompile(`\?versionId=([^?&=/]*)$`)
)

// parseAddress reads s3://bucket/key[?versionId=…].
func parseAddress(address string) (bucket, key, version string, err error) {
	const form, code = "Write s3://bucket/key, as s3://my-bucket/folder/sales.csv", "bad_s3_address"
	bucket, key, _ = strings.Cut(strings.TrimPrefix(address, Scheme), "/")
	switch {
	case strings.ContainsAny(bucket, "@:"):
		// What stands there may be a key pair, and is not repeated.
		return "", "", "", etl.Mistakef(code, form+"; credentials come from AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", "what follows s3:// is no name of a bucket")
	case bucket == "":
		return "", "", "", etl.Mistakef(code, form+".", "%s names no bucket", address)
	case !bucketForm.MatchString(bucket):
		return "", "", "", etl.Mistakef(code, form+".", "%q is no name of a bucket", bucket)
	}
	if m := versionForm.FindStringSubmatchIndex(key); m != nil {
		key, version = key[:m[0]], key[m[2]:]
		if version == "" {
			return "", "", "", etl.Mistakef(code, "Write the version's id after ?versionId=, or leave both out for the newest.", "%s names no version", address)
		}
	}
	if key == "" || strings.HasSuffix(key, "/") {
		what := fmt.Sprintf("%s names a bucket, not a file in it", address)
		if key != "" {
			what = fmt.Sprintf("%s names a folder, not a file in it", address)
		}
		return "", "", "", etl.Mistakef(code, fmt.Sprintf("Write s3://%s/%sFILE.csv; `aws s3 ls s3://%s/%s` lists what is there.", bucket, key, bucket, key), "%s", what)
	}
	return bucket, key, version, nil
}

// pin learns what the object is. It is asked for a byte of it: unlike the answer
// to a HEAD request, a refusal then says why.
func (o *Object) pin(ctx context.Context) error {
	out, err := o.blobs.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &o.blobs.bucket, Key: &o.ref.Key, VersionId: o.version, Range: aws.String("bytes=0-0"),
	})
	if hasCode(err, "InvalidRange") || status(err) == http.StatusRequestedRangeNotSatisfiable {
		// It has no first byte.
		head, err := o.head(ctx)
		if err != nil {
			return err
		}
		o.ref.Size, o.ref.ETag = aws.ToInt64(head.ContentLength), unquote(aws.ToString(head.ETag))
		return nil
	}
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(out.Body, 1))
	_ = out.Body.Close()
	o.ref.Size, o.ref.ETag = aws.ToInt64(out.ContentLength), unquote(aws.ToString(out.ETag))
	if _, total, ok := strings.Cut(aws.ToString(out.ContentRange), "/"); ok {
		if o.ref.Size, err = strconv.ParseInt(total, 10, 64); err != nil {
			return &etl.Error{
				Kind: etl.Mistake, Code: "blobs_refused", Err: err, Fix: "Use a store that speaks S3.",
				Message: fmt.Sprintf("%s tells the size of %s as %q", o.endpoint(), o.address, total),
			}
		}
	}
	return nil
}

func (o *Object) head(ctx context.Context) (*s3.HeadObjectOutput, error) {
	return o.blobs.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.blobs.bucket, Key: &o.ref.Key, VersionId: o.version})
}

// Size is the object's length in bytes.
func (o *Object) Size() int64 { return o.ref.Size }

// Range reads n bytes from off, or all from there where n < 0, of exactly the
// content that the object had when it was opened. The body goes on by itself
// where the connection breaks or nothing arrives for a minute. Errors are
// *etl.Error: the Mistake file_changed where the object was replaced or deleted
// meanwhile, and those of OpenObject; Weather comes after several tries.
func (o *Object) Range(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	r := &body{blobs: o.blobs, ctx: ctx, ref: o.ref, version: o.version, fault: o.fault, changed: o.changed}
	if err := r.span(off, n); err != nil {
		return nil, err
	}
	if r.off == r.end {
		return http.NoBody, nil
	}
	err := r.open()
	if err != nil && etl.KindOf(err) == etl.Weather {
		err = r.reopen(err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// endpoint is who is asked, for people.
func (o *Object) endpoint() string {
	options := o.blobs.client.Options()
	if options.BaseEndpoint == nil {
		return "S3 in " + options.Region
	}
	if u, err := url.Parse(*options.BaseEndpoint); err == nil && u.Host != "" {
		return "the object store at " + u.Host
	}
	return "the object store"
}

// arn is the object's, or the bucket's for the key "".
func (o *Object) arn(key string) string {
	partition, region := "aws", o.blobs.client.Options().Region
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	at := "arn:" + partition + ":s3:::" + o.blobs.bucket
	if key != "" {
		at += "/" + key
	}
	return at
}
