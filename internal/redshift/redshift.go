// Package redshift writes rows into Amazon Redshift.
//
// Rows are encoded as CSV (encode.go), compressed and put into the object store
// (parts.go); loaders never talk to the warehouse. Publishing is one
// transaction that is sent whole (publish.go), because it goes over a
// connection (wire.go) or over the Data API (etl.Statements), which decides
// nothing between two statements: what must hold is asserted by a statement
// that fails where it does not. Which chunks were staged is in the object store
// (stage.go), which loads were published in the warehouse (ledger.go).
package redshift

import (
	"cmp"
	"context"
	secret "crypto/rand"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// Staging says where the parts are and how the warehouse reads them.
type Staging struct {
	// Blobs holds the parts, in Bucket, under keys that begin with Prefix
	// ("redshift/" where it is empty). A lifecycle rule deletes them there.
	Blobs          etl.Blobs
	Bucket, Prefix string
	// Region is the bucket's where it is not the warehouse's own; "" else.
	Region string
	// Role is the ARN of the role by which COPY reads them.
	Role string
}

// Options say how loads are made.
type Options struct {
	Staging Staging
	// PartBytes is the compressed size at which a part of a direct load ends, of
	// which nobody knows how long it will be; one of a chunk ends at four times
	// that, so that a chunk is one part as a rule. 0 means 32 MiB.
	PartBytes int64
	// Retry is the first wait before a transaction that met others is tried
	// again; it doubles, up to fifty times as much. 0 means 200 ms.
	Retry time.Duration
	// Turn is how long a direct load waits for others into its table; 0 means 15 minutes.
	Turn time.Duration
	// Errors is how long load errors are waited for that the warehouse does not
	// show at once; 0 means 5 seconds.
	Errors time.Duration
}

const (
	defaultPrefix = "redshift/"
	// maxFileName is how long a file's name is in the views of load errors
	// (https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html), and
	// ownKey how long a part's key may be behind the prefix.
	maxFileName, ownKey = 256, 100
	defaultPart         = 32 << 20
	// ownSchema is where the ledgers are.
	ownSchema = "etl_portal"
	// tries is how often a transaction that met others is run.
	tries = 10
)

// Redshift is a database of Amazon Redshift. It may be used by several goroutines.
type Redshift struct {
	run etl.Statements
	o   Options
	// most is the number of refused rows at which COPY gives up.
	most int64
}

var (
	_ etl.FanOut         = (*Redshift)(nil)
	_ etl.StagesAlways   = (*Redshift)(nil)
	_ etl.UnenforcedKeys = (*Redshift)(nil)
	_ etl.LayoutTeller   = (*Redshift)(nil)
)

var (
	roleForm   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+(,arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+)*$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionForm = regexp.MustCompile(`^[a-z0-9-]{0,32}$`)
	// prefixForm leaves out what a client may take for a way up.
	prefixForm = regexp.MustCompile(`^(\.*[A-Za-z0-9_-][A-Za-z0-9_.-]*/)+$`)
)

// New makes the destination over a road to the warehouse, which it closes with
// itself. Mistakes: bad_copy_role, bad_staging.
func New(run etl.Statements, o Options) (*Redshift, error) {
	s := &o.Staging
	s.Prefix = cmp.Or(s.Prefix, defaultPrefix)
	o.PartBytes, o.Retry, o.Errors = cmp.Or(o.PartBytes, defaultPart), cmp.Or(o.Retry, 200*time.Millisecond), cmp.Or(o.Errors, 5*time.Second)
	o.Turn = cmp.Or(o.Turn, 15*time.Minute)
	switch {
	case s.Role == "default" || roleForm.MatchString(s.Role):
	default:
		return nil, etl.Mistakef("bad_copy_role", "Give copy_role_arn the ARN of a role that is attached to the cluster or namespace (arn:aws:iam::123456789012:role/name), or the word default.",
			"%q is no role by which COPY can read the staged files", s.Role)
	}
	switch {
	case s.Blobs == nil || !bucketForm.MatchString(s.Bucket):
		return nil, etl.Mistakef("bad_staging", "Give staging_bucket the name of an S3 bucket in the warehouse's region.",
			"%q is no bucket for staged files", s.Bucket)
	case !regionForm.MatchString(s.Region):
		return nil, etl.Mistakef("bad_staging", "Give staging_region a region, as eu-central-1.", "%q is no region of a bucket", s.Region)
	case !prefixForm.MatchString(s.Prefix):
		return nil, etl.Mistakef("bad_staging", "Give staging_prefix one that ends with a slash, as etl/stage/.", "%q is no prefix for staged files", s.Prefix)
	}
	if most := maxFileName - ownKey - len("s3://"+s.Bucket+"/"); len(s.Prefix) > most {
		return nil, etl.Mistakef("bad_staging", fmt.Sprintf("Give a prefix of at most %d bytes.", most),
			"the prefix of staged files has %d bytes, so that Redshift could not tell which of them it refuses", len(s.Prefix))
	}
	return &Redshift{run: run, o: o, most: maxErrors}, nil
}

// A warehouse reads parts of 16 to 128 MB compressed, one a slice at a time, and
// those of a large file should keep all slices busy
// (https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-use-multiple-files.html).
// Rows of orders have, packed, a quarter of their bytes in the file
// (BenchmarkStaging); what packs half or three times as well stays within.
const (
	leastChunk  = 64 << 20
	mostChunk   = 192 << 20
	wantedParts = 16
)

// StagedChunk implements etl.StagesAlways.
func (r *Redshift) StagedChunk(file int64) int64 {
	return min(max(file/wantedParts, leastChunk), mostChunk)
}

// UnenforcedKeys implements etl.UnenforcedKeys.
func (r *Redshift) UnenforcedKeys() {}

// Close implements etl.Destination.
func (r *Redshift) Close(ctx context.Context) error { return r.run.Close(ctx) }

// Outcome implements etl.FanOut: there are no transactions to ask for.
func (r *Redshift) Outcome(context.Context, int64) (string, error) { return "", nil }

// location is the S3 URL of a key.
func (r *Redshift) location(key string) string { return "s3://" + r.o.Staging.Bucket + "/" + key }

// transaction runs statements, again where another transaction was in the way:
// what failed so has left nothing.
func (r *Redshift) transaction(ctx context.Context, statements ...string) ([]etl.StatementResult, error) {
	wait := r.o.Retry
	for try := 1; ; try++ {
		results, err := r.run.Run(ctx, statements...)
		if err == nil || !conflict(err) || try == tries {
			return results, err
		}
		// Those who met do not come back together.
		if err := pause(ctx, wait/2+rand.N(wait/2+1)); err != nil { //nolint:gosec // spreads transactions, no secret
			return nil, err
		}
		wait = min(2*wait, 50*r.o.Retry)
	}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// ask runs one query.
func (r *Redshift) ask(ctx context.Context, what, sql string) ([][]*string, error) {
	results, err := r.transaction(ctx, sql)
	if err != nil {
		return nil, explain(ctx, err, what)
	}
	return results[0].Rows, nil
}

// text is a cell, "" for NULL.
func text(cell *string) string {
	if cell == nil {
		return ""
	}
	return *cell
}

// literal writes text as SQL that means the same whether or not a backslash
// escapes: it does in Redshift.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if !strings.Contains(s, `\`) {
		return quoted
	}
	return "(" + strings.ReplaceAll(quoted, `\`, "' || chr(92) || '") + ")"
}

// quote writes a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func qualified(schemaName, name string) string {
	if schemaName == "" {
		return quote(name)
	}
	return quote(schemaName) + "." + quote(name)
}

func nonce() string { return strings.ToLower(secret.Text()[:10]) }

func defect(format string, args ...any) error {
	return &etl.Error{Kind: etl.Internal, Code: "internal", Message: "redshift: " + fmt.Sprintf(format, args...)}
}
