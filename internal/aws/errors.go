package aws

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is made with it
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/etlportal/etlportal/internal/etl"
)

// hasCode says whether S3 answered with one of the codes.
func hasCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// status is the HTTP status of the answer; 0 where there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return answer.HTTPStatusCode()
	}
	return 0
}

// fault explains a failed request; key may be empty.
func (b *Blobs) fault(what, key string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*etl.Error](err); ok {
		// It was not sent: the credentials for it are explained already.
		return e
	}
	if b.mistake(err) {
		return b.explain(key, err)
	}
	what = "cannot " + what
	if key != "" {
		what += " " + key
	}
	e := &etl.Error{Err: err, Message: fmt.Sprintf("%s in the object store (bucket %s): %s", what, b.bucket, short(err))}
	code := status(err)
	switch {
	case hasCode(err, "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests") || code == http.StatusTooManyRequests:
		e.Kind, e.Code, e.Fix = etl.Weather, "blobs_busy", "Wait a little and try again."
	case code >= 500 || hasCode(err, "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted"):
		e.Kind, e.Code, e.Fix = etl.Weather, "blobs_unavailable", "Try again; if it stays so, look into the object store."
	case code == 0 && noCredentials(err):
		e.Kind, e.Code, e.Fix = etl.Mistake, "no_aws_credentials", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role."
	case code == 0:
		e.Kind, e.Code, e.Fix = etl.Weather, "blobs_unreachable", "See that the object store runs and that its endpoint is right."
	default:
		e.Kind, e.Code, e.Fix = etl.Mistake, "blobs_refused", "Correct what the object store complains of."
	}
	return e
}

// The answers that name what the caller, or whoever configured us, did wrong.
var (
	codesChanged = []string{"PreconditionFailed", "InvalidRange"}
	codesMissing = []string{"NoSuchKey", "NotFound"}
	codesDenied  = []string{
		"AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled",
	}
	codesParts = []string{"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge"}
)

func (b *Blobs) mistake(err error) bool {
	return hasCode(err, codesChanged...) || hasCode(err, codesMissing...) || hasCode(err, codesDenied...) || hasCode(err, codesParts...) ||
		hasCode(err, "NoSuchBucket", "NoSuchUpload", "RequestTimeTooSkewed")
}

func (b *Blobs) explain(key string, err error) error {
	e := &etl.Error{Kind: etl.Mistake, Err: err}
	switch {
	case hasCode(err, codesChanged...):
		return changed(key)
	case hasCode(err, "NoSuchBucket"):
		return b.noBucket(err)
	case hasCode(err, codesMissing...):
		e.Code, e.Fix = "object_not_found", "Upload the file again."
		e.Message = fmt.Sprintf("the object %s is not in the bucket %s", key, b.bucket)
	case hasCode(err, "NoSuchUpload"):
		return uploadGone(key, err)
	case hasCode(err, codesParts...):
		e.Code, e.Fix = "bad_parts", "List the parts that have arrived, and put those again that are missing or differ."
		e.Message = fmt.Sprintf("the upload of %s cannot be completed of these parts: %s", key, short(err))
	case hasCode(err, "RequestTimeTooSkewed"):
		e.Code, e.Fix = "clock_wrong", "Set the clock of this machine."
		e.Message = "the object store refuses requests because the clocks differ"
	default:
		e.Code, e.Fix = "blobs_denied", "Check the access key and what its policy allows on the bucket; without s3:ListBucket a missing object is denied, too."
		e.Message = fmt.Sprintf("the object store denies access to the bucket %s: %s", b.bucket, short(err))
	}
	return e
}

func (b *Blobs) noBucket(err error) error {
	return &etl.Error{
		Kind: etl.Mistake, Code: "no_such_bucket", Err: err,
		Message: fmt.Sprintf("the bucket %s does not exist", b.bucket), Fix: "Create it, or name another one.",
	}
}

func uploadGone(key string, err error) error {
	return &etl.Error{
		Kind: etl.Mistake, Code: "upload_not_found", Err: err, Fix: "Start the upload again.",
		Message: fmt.Sprintf("the upload of %s is not known: it was aborted, or was completed with other parts", key),
	}
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*etl.Error](err)
	return ok && e.Code == "object_not_found"
}

func changed(key string) error {
	return etl.Mistakef("source_changed", "Inspect the file again, or upload it under another name.",
		"the object %s is not the one that was inspected: it has been replaced", key)
}

// short is what the store said, without the SDK's account of the request.
func short(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorCode() + ", " + strings.TrimSuffix(api.ErrorMessage(), ".")
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// unquote and quote turn a header's ETag into the bare one and back.
func unquote(etag string) string { return strings.Trim(etag, `"`) }
func quote(etag string) string   { return `"` + etag + `"` }

// compositeETag is the ETag that S3 gives to an object of these parts, where
// it does not encrypt: the MD5 of the parts' MD5s, and their number.
func compositeETag(parts []etl.Part) string {
	sum := md5.New() //nolint:gosec // as above
	for _, p := range parts {
		raw, err := hex.DecodeString(unquote(p.ETag))
		if err != nil {
			return ""
		}
		sum.Write(raw)
	}
	return hex.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(parts))
}

func totalSize(parts []etl.Part) int64 {
	var n int64
	for _, p := range parts {
		n += p.Size
	}
	return n
}

// noCredentials says that a request was never sent because nobody signs it; the
// SDK has no type for it.
func noCredentials(err error) bool { return strings.Contains(err.Error(), "get credentials") }
