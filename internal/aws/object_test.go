package aws_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/etl"
)

// refusal is a store's answer to one kind of request.
type refusal struct {
	status        int
	code, message string
	more          string
	header        map[string]string
}

func (f refusal) write(w http.ResponseWriter) {
	for name, value := range f.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message>%s</Error>`, f.code, f.message, f.more)
}

func TestObjectRefused(t *testing.T) {
	const keyARN = "arn:aws:kms:eu-central-1:123456789012:key/1"
	denied := refusal{status: 403, code: "AccessDenied", message: "User: arn:aws:iam::123456789012:user/ann is not authorized"}
	for name, c := range map[string]struct {
		get     refusal
		head    map[string]string
		address string
		kind    etl.Kind
		code    etl.Code
		says    []string
	}{
		"denied":          {get: denied, kind: etl.Mistake, code: "object_denied", says: []string{"user/ann", "Allow s3:GetObject on arn:aws:s3:::files/in/a.csv", "s3:ListBucket on arn:aws:s3:::files"}},
		"version denied":  {get: denied, address: "s3://files/in/a.csv?versionId=v1", kind: etl.Mistake, code: "object_denied", says: []string{"s3:GetObjectVersion"}},
		"its key denied":  {get: denied, head: map[string]string{"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": keyARN}, kind: etl.Mistake, code: "key_unusable", says: []string{"kms:Decrypt on " + keyARN}},
		"its key is off":  {get: refusal{status: 400, code: "KMS.DisabledException", message: keyARN + " is disabled."}, kind: etl.Mistake, code: "key_unusable", says: []string{"kms:Decrypt", "is disabled. Allow"}},
		"archived":        {get: refusal{status: 403, code: "InvalidObjectState", more: "<StorageClass>GLACIER</StorageClass>"}, kind: etl.Mistake, code: "object_archived", says: []string{"GLACIER", "aws s3api restore-object --bucket files --key in/a.csv"}},
		"deleted":         {get: refusal{status: 404, code: "NoSuchKey", header: map[string]string{"X-Amz-Delete-Marker": "true"}}, kind: etl.Mistake, code: "file_not_found", says: []string{"was deleted", "versionId"}},
		"no version":      {get: refusal{status: 404, code: "NoSuchVersion"}, address: "s3://files/in/a.csv?versionId=v1", kind: etl.Mistake, code: "file_not_found", says: []string{"s3://files/in/a.csv has no version v1"}},
		"odd version":     {get: refusal{status: 400, code: "InvalidArgument"}, address: "s3://files/in/a.csv?versionId=v1", kind: etl.Mistake, code: "file_not_found", says: []string{"no version v1"}},
		"no bucket":       {get: refusal{status: 404, code: "NoSuchBucket"}, kind: etl.Mistake, code: "no_such_bucket", says: []string{"files"}},
		"may not list":    {get: refusal{status: 404, code: "NoSuchKey"}, kind: etl.Mistake, code: "file_not_found", says: []string{"Check the key"}},
		"expired":         {get: refusal{status: 400, code: "ExpiredToken"}, kind: etl.Mistake, code: "credentials_expired", says: []string{"aws sso login"}},
		"clock":           {get: refusal{status: 403, code: "RequestTimeTooSkewed"}, kind: etl.Mistake, code: "clock_wrong"},
		"moved somewhere": {get: refusal{status: 301, code: "PermanentRedirect"}, kind: etl.Mistake, code: "wrong_region", says: []string{"AWS_REGION"}},
		"busy":            {get: refusal{status: 503, code: "SlowDown"}, kind: etl.Weather, code: "blobs_busy"},
		"away":            {get: refusal{status: 500, code: "InternalError"}, kind: etl.Weather, code: "blobs_unavailable"},
		"something else":  {get: refusal{status: 400, code: "InvalidRequest", message: "a form of Server Side Encryption"}, kind: etl.Mistake, code: "blobs_refused", says: []string{"Server Side Encryption"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodHead && c.head != nil:
					for name, value := range c.head {
						w.Header().Set(name, value)
					}
				case r.Method == http.MethodHead || r.URL.Query().Has("list-type"):
					denied.write(w)
				default:
					c.get.write(w)
				}
			}))
			defer server.Close()
			if c.address == "" {
				c.address = "s3://files/in/a.csv"
			}
			_, err := aws.OpenObject(t.Context(), c.address, elsewhere(server.URL))
			e := is(t, err, c.kind, c.code)
			for _, says := range c.says {
				if !strings.Contains(e.Error(), says) {
					t.Errorf("%q is not said: %v", says, e)
				}
			}
		})
	}
}

// pinned is a store of one object, of which it tells what it was asked.
type pinned struct {
	content string
	mu      sync.Mutex
	asked   []*http.Request
	instead func(w http.ResponseWriter, r *http.Request) bool
}

func (p *pinned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r)
	p.mu.Unlock()
	if p.instead != nil && p.instead(w, r) {
		return
	}
	w.Header().Set("ETag", `"e1"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(p.content))
}

func serve(t *testing.T, p *pinned) aws.Account {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return elsewhere(server.URL)
}

func readObject(t *testing.T, o *aws.Object) (string, error) {
	t.Helper()
	body, err := o.Range(t.Context(), 0, -1)
	if err != nil {
		return "", err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return string(b), err
}

func TestObjectVersion(t *testing.T) {
	p := &pinned{content: "a,b\n1,2\n"}
	for _, c := range []struct{ address, path, version string }{
		{"s3://files/in/a.csv?versionId=3L4kqtJlcpXroDTDmJ-rmSpXd3dI.bS_", "/files/in/a.csv", "3L4kqtJlcpXroDTDmJ-rmSpXd3dI.bS_"},
		{"s3://files/in/a.csv?versionId=1?versionId=2", "/files/in/a.csv?versionId=1", "2"},
		{"s3://files/in/a.csv?versionId=1/b", "/files/in/a.csv?versionId=1/b", ""},
		{"s3://files/in/a.csv", "/files/in/a.csv", ""},
	} {
		p.asked = nil
		o, err := aws.OpenObject(t.Context(), c.address, serve(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readObject(t, o); err != nil || got != p.content || o.Size() != int64(len(p.content)) {
			t.Errorf("%s: %q, %v", c.address, got, err)
		}
		for i, r := range p.asked {
			if r.URL.Path != c.path || r.URL.Query().Get("versionId") != c.version || i > 0 && r.Header.Get("If-Match") != `"e1"` {
				t.Errorf("%s was asked as %s with If-Match %s", c.address, r.URL, r.Header.Get("If-Match"))
			}
		}
	}
}

// A bucket of another region is asked for there, once S3 says where it is.
func TestObjectOfAnotherRegion(t *testing.T) {
	p := &pinned{content: "a\n"}
	p.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("Authorization"), "/eu-north-1/s3/") {
			return false
		}
		refusal{status: 400, code: "AuthorizationHeaderMalformed", header: map[string]string{"X-Amz-Bucket-Region": "eu-north-1"}}.write(w)
		return true
	}
	o, err := aws.OpenObject(t.Context(), "s3://files/a.csv", serve(t, p))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readObject(t, o); err != nil || got != "a\n" || len(p.asked) != 3 {
		t.Errorf("%q, %v, after %d requests", got, err, len(p.asked))
	}
}

// A store that ignores ranges or conditions is not read as if it did not.
func TestObjectOfAStoreThatIgnores(t *testing.T) {
	p := &pinned{content: strings.Repeat("a", 100)}
	p.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-Match") == "" {
			return false
		}
		w.Header().Set("ETag", `"e2"`)
		r.Header.Del("If-Match")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(p.content))
		return true
	}
	o, err := aws.OpenObject(t.Context(), "s3://files/a.csv", serve(t, p))
	if err != nil {
		t.Fatal(err)
	}
	_, err = readObject(t, o)
	is(t, err, etl.Mistake, "file_changed")
}

// Requests that fail for a while are tried again, those that fail for ever not for ever.
func TestObjectInBadWeather(t *testing.T) {
	const size = 1 << 16
	var n, until int
	p := &pinned{content: strings.Repeat("abcdefgh", size/8)}
	p.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-Match") == "" {
			return false
		}
		if n++; n > until {
			return false
		}
		refusal{status: 503, code: "SlowDown"}.write(w)
		return true
	}
	account := serve(t, p)
	o, err := aws.OpenObject(t.Context(), "s3://files/a.csv", account)
	if err != nil {
		t.Fatal(err)
	}
	until = 10
	if got, err := readObject(t, o); err != nil || got != p.content {
		t.Errorf("%d bytes, %v, after %d requests", len(got), err, n)
	}
	n, until = 0, 1000
	_, err = readObject(t, o)
	is(t, err, etl.Weather, "blobs_busy")
	if n > 30 {
		t.Errorf("%d requests", n)
	}
	for _, outside := range []int64{-1, size + 1} {
		_, err := o.Range(t.Context(), outside, 1)
		is(t, err, etl.Mistake, "range_outside")
	}
}

// A store that falls silent in the middle of a body is asked anew.
func TestObjectThatStalls(t *testing.T) {
	const size = 1 << 16
	silent := make(chan struct{})
	p := &pinned{content: strings.Repeat("abcdefgh", size/8)}
	var stalls int
	p.instead = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != fmt.Sprintf("bytes=0-%d", size-1) {
			return false
		}
		stalls++
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", size-1, size))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, p.content[:1000])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-silent:
		}
		return true
	}
	account := serve(t, p)
	defer close(silent)
	account.Patience = 50 * time.Millisecond
	o, err := aws.OpenObject(t.Context(), "s3://files/a.csv", account)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readObject(t, o); err != nil || got != p.content || stalls != 1 {
		t.Errorf("%d bytes, %v, after %d stalls", len(got), err, stalls)
	}
}

// TestObjectOnLocalStack reads versions of an object of a store that has them.
func TestObjectOnLocalStack(t *testing.T) {
	a := account(t)
	client := s3.NewFromConfig(sdkConfig(t), func(o *s3.Options) { o.UsePathStyle = true })
	const bucket, key = "versions", "in/räksmörgås +%.csv"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: sdk.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	put := func(content string) string {
		out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String(bucket), Key: sdk.String(key), Body: strings.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
		return *out.VersionId
	}
	// Of a key that looks as if it named a version, null is the one without a version.
	const plain, odd = "no-versions", "a?versionId=7"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: sdk.String(plain)}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: sdk.String(plain), Key: sdk.String(odd), Body: strings.NewReader("odd")}); err != nil {
		t.Fatal(err)
	}
	o, err := aws.OpenObject(t.Context(), "s3://"+plain+"/"+odd+"?versionId=null", a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readObject(t, o); err != nil || got != "odd" {
		t.Errorf("%q, %v", got, err)
	}
	first := put("a\n1\n")
	newest, err := aws.OpenObject(t.Context(), "s3://"+bucket+"/"+key, a)
	if err != nil {
		t.Fatal(err)
	}
	put("a\n2\n")
	_, err = readObject(t, newest)
	is(t, err, etl.Mistake, "file_changed")
	o, err = aws.OpenObject(t.Context(), "s3://"+bucket+"/"+key+"?versionId="+first, a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readObject(t, o); err != nil || got != "a\n1\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String(bucket), Key: sdk.String(key)}); err != nil {
		t.Fatal(err)
	}
	_, err = aws.OpenObject(t.Context(), "s3://"+bucket+"/"+key, a)
	is(t, err, etl.Mistake, "file_not_found")
	_, err = aws.OpenObject(t.Context(), "s3://"+bucket+"/"+key+"?versionId=nonsense", a)
	is(t, err, etl.Mistake, "file_not_found")
}
