package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/etlportal/etlportal/internal/etl"
)

// answered is the header of the answer to a failed request; "" where there is none.
func answered(err error, header string) string {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil {
		return answer.Response.Header.Get(header)
	}
	return ""
}

// regionOf is the region in which S3 says that a bucket is, of a failed request
// that may have gone to another; else "".
func regionOf(err error) string {
	if err == nil || status(err) >= http.StatusInternalServerError {
		return ""
	}
	return answered(err, "X-Amz-Bucket-Region")
}

// changed is the error of an object that is no longer what was opened.
func (o *Object) changed() error {
	return etl.Mistakef("file_changed", "Run it again when nothing writes to it any more; in a bucket with versions, ?versionId=… after the key names the one to read.",
		"%s was replaced or deleted while it was read (its ETag was %s at first)", o.address, o.ref.ETag)
}

// fault explains a failed request for the object's bytes.
func (o *Object) fault(err error) error {
	e := &etl.Error{Kind: etl.Mistake, Err: err}
	code := status(err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, known := errors.AsType[*etl.Error](err)
	switch {
	case known || errors.Is(err, context.Canceled):
		return err
	case hasCode(err, codesChanged...) || hasCode(err, "NoSuchKey", "NotFound", "NoSuchVersion", "NoSuchBucket") || code == http.StatusPreconditionFailed:
		return o.changed()
	case hasCode(err, codesExpired...) || hasCode(err, "TokenRefreshRequired"):
		e.Code, e.Message = "credentials_expired", "the AWS credentials have expired: "+short(err)
		e.Fix = "Renew them, as by aws sso login, and see that this machine's clock is right."
	case hasCode(err, "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound"): // the last is versitygw's
		e.Code, e.Message = "object_denied", fmt.Sprintf("%s does not take the credentials: %s", o.endpoint(), short(err))
		e.Fix = "Check AWS_PROFILE, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."
	case strings.HasPrefix(codeOf(err), "KMS."):
		e.Code, e.Message = "key_unusable", fmt.Sprintf("%s is encrypted with a KMS key that cannot be used: %s", o.address, short(err))
		e.Fix = "Allow kms:Decrypt on the key to the role or user that this runs as, and see that the key is enabled."
	case hasCode(err, "InvalidObjectState"):
		return o.archived(err)
	case hasCode(err, "RequestTimeTooSkewed"):
		e.Code, e.Fix = "clock_wrong", "Set the clock of this machine."
		e.Message = o.endpoint() + " refuses requests because the clocks differ"
	case code == http.StatusForbidden || hasCode(err, "AccessDenied", "AllAccessDisabled"):
		e.Code, e.Message = "object_denied", fmt.Sprintf("%s may not be read: %s", o.address, short(err))
		e.Fix = o.needs()
	case code == http.StatusMovedPermanently || code == http.StatusTemporaryRedirect:
		e.Code, e.Message = "wrong_region", fmt.Sprintf("the bucket %s is not in %s", o.blobs.bucket, o.blobs.client.Options().Region)
		e.Fix = "Set AWS_REGION to the bucket's region."
	case code == 0 && noCredentials(err):
		e.Code, e.Message = "no_aws_credentials", fmt.Sprintf("%s cannot be read without AWS credentials: %s", o.address, short(err))
		e.Fix = "Set AWS_PROFILE (after aws sso login, where it uses that), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role."
	case certificate:
		e.Code, e.Message = "untrusted_certificate", fmt.Sprintf("the certificate of %s is not trusted: %s", o.endpoint(), short(err))
		e.Fix = "Name the file of the authority that signed it in AWS_CA_BUNDLE, or correct the endpoint."
	case code == 0:
		e.Kind, e.Code, e.Message = etl.Weather, "blobs_unreachable", fmt.Sprintf("%s cannot be reached: %s", o.endpoint(), short(err))
		e.Fix = "Check the network, AWS_REGION and, for a store that is not AWS's own, AWS_ENDPOINT_URL_S3."
	default:
		return o.blobs.fault("read", o.ref.Key, err)
	}
	return e
}

// needs says what policy lets the object be read.
func (o *Object) needs() string {
	action := "s3:GetObject"
	if o.version != nil {
		action = "s3:GetObjectVersion"
	}
	return fmt.Sprintf("Allow %s on %s to the role or user that this runs as, in its policy and the bucket's; "+
		"without s3:ListBucket on %s a missing object is denied, too.", action, o.arn(o.ref.Key), o.arn(""))
}

// archived is the error of an object that must be brought back first.
func (o *Object) archived(err error) error {
	class := "an archive"
	if state, ok := errors.AsType[*types.InvalidObjectState](err); ok && state.StorageClass != "" {
		class = string(state.StorageClass)
	}
	return &etl.Error{
		Kind: etl.Mistake, Code: "object_archived", Err: err, Message: fmt.Sprintf("%s is archived (%s) and cannot be read at once", o.address, class),
		Fix: fmt.Sprintf("Restore it (aws s3api restore-object --bucket %s --key %s --restore-request Days=1) and load it when that is done, in minutes to two days.",
			o.blobs.bucket, shellWord(o.ref.Key)),
	}
}

// shellWord quotes a word for a shell where it must be.
func shellWord(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@%+", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// absent explains why the object cannot be opened; it asks the store what is
// there instead, or how the object is encrypted, as far as that is allowed.
func (o *Object) absent(ctx context.Context, err error) error {
	bucket := &o.blobs.bucket
	notFound := func(code etl.Code, fix, format string, args ...any) error {
		return &etl.Error{Kind: etl.Mistake, Code: code, Message: fmt.Sprintf(format, args...), Fix: fix, Err: err}
	}
	switch {
	case hasCode(err, "NoSuchBucket"):
		return notFound("no_such_bucket", "Check its name; for a store that is not AWS's own, set AWS_ENDPOINT_URL_S3.", "%s knows no bucket %s", o.endpoint(), *bucket)
	case answered(err, "X-Amz-Delete-Marker") == "true":
		return notFound("file_not_found", fmt.Sprintf("Name an older version with ?versionId=…; aws s3api list-object-versions --bucket %s --prefix %s lists them.", *bucket, shellWord(o.ref.Key)),
			"%s was deleted", o.address)
	case hasCode(err, "NoSuchVersion") || o.version != nil && hasCode(err, "InvalidArgument", "NoSuchKey", "NotFound"):
		return notFound("file_not_found", fmt.Sprintf("List its versions: aws s3api list-object-versions --bucket %s --prefix %s.", *bucket, shellWord(o.ref.Key)),
			"s3://%s/%s has no version %s", *bucket, o.ref.Key, aws.ToString(o.version))
	case hasCode(err, codesMissing...):
		near, folder := o.near(ctx)
		switch {
		case folder:
			return notFound("is_a_directory", "Name a file in it: aws s3 ls "+shellWord(o.address+"/")+" lists them.", "%s is a folder, not a file", o.address)
		case len(near) > 0:
			return notFound("file_not_found", "Did you mean "+strings.Join(near, " or ")+"?", "%s does not exist", o.address)
		}
		return notFound("file_not_found", "Check the key: it is taken as it is written, upper and lower case differ.", "%s does not exist", o.address)
	}
	told := o.fault(err)
	if e, ok := errors.AsType[*etl.Error](told); ok && e.Code == "object_denied" && hasCode(err, "AccessDenied") {
		// HEAD takes no key: where it is allowed, the key is what is denied.
		if head, err := o.head(ctx); err == nil && head.SSEKMSKeyId != nil {
			e.Code, e.Message = "key_unusable", fmt.Sprintf("%s is encrypted with a KMS key that may not be used: %s", o.address, short(e.Err))
			e.Fix = fmt.Sprintf("Allow kms:Decrypt on %s to the role or user that this runs as, in its policy and the key's.", *head.SSEKMSKeyId)
		}
	}
	return told
}

// listed bounds how many keys of a folder are compared with one that is missing.
const listed = 1000

// near gives the addresses of the keys in the same folder that are most like
// the object's, the nearest first, and says whether the object is a folder.
func (o *Object) near(ctx context.Context) (addresses []string, folder bool) {
	parent, name := o.ref.Key[:strings.LastIndexByte(o.ref.Key, '/')+1], o.ref.Key[strings.LastIndexByte(o.ref.Key, '/')+1:]
	page, err := o.blobs.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &o.blobs.bucket, Prefix: &parent, Delimiter: aws.String("/"), MaxKeys: aws.Int32(listed),
	})
	if err != nil {
		return nil, false
	}
	for _, p := range page.CommonPrefixes {
		if aws.ToString(p.Prefix) == o.ref.Key+"/" {
			return nil, true
		}
	}
	type candidate struct {
		key  string
		away int
	}
	var candidates []candidate
	for _, c := range page.Contents {
		key := aws.ToString(c.Key)
		other := strings.TrimPrefix(key, parent)
		away := distance(strings.ToLower(name), strings.ToLower(other))
		if stem(name) == stem(other) {
			away = min(away, 1)
		}
		if other != "" && away <= max(2, len(name)/4) {
			candidates = append(candidates, candidate{key, away})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.away - b.away })
	for _, c := range candidates[:min(3, len(candidates))] {
		addresses = append(addresses, Scheme+o.blobs.bucket+"/"+c.key)
	}
	return addresses, false
}

// stem is a name without its extensions, in lower case.
func stem(name string) string {
	name = strings.ToLower(name)
	if i := strings.IndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// distance is the number of bytes to insert, remove or replace between two names (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			step := before
			if a[i] != b[j] {
				step++
			}
			before, row[j+1] = row[j+1], min(step, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// codeOf is what S3 answered with; "" where it answered nothing.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
