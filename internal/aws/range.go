package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etlportal/etlportal/internal/etl"
)

const (
	// bodyTries is how often in a row a body is opened again without a byte gained.
	bodyTries = 5
	// bodyPatience is how long a read waits for a byte before the body is opened
	// again, where the account says nothing else.
	bodyPatience = time.Minute
)

// Range implements etl.Blobs. A range past the object's end ends there.
func (b *Blobs) Range(ctx context.Context, ref etl.ObjectRef, off, n int64) (io.ReadCloser, error) {
	r := &body{
		blobs: b, ctx: ctx, ref: ref,
		fault:   func(err error) error { return b.fault("read", ref.Key, err) },
		changed: func() error { return changed(ref.Key) },
	}
	if err := r.span(off, n); err != nil {
		return nil, err
	}
	if r.off == r.end {
		return http.NoBody, nil
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// body reads the bytes from off to end, on a new connection wherever one ends early.
type body struct {
	blobs *Blobs
	ctx   context.Context //nolint:containedctx // io.Reader has no room for it
	ref   etl.ObjectRef
	// version is that of the object to read; nil is the newest, which must be ref's.
	version *string
	// fault explains a failed request, changed an object that is not ref's any more.
	fault   func(error) error
	changed func() error
	// off is the next byte to read.
	off, end int64
	current  io.ReadCloser
	// stalled ends the current request where nothing arrives.
	stalled *time.Timer
	cancel  context.CancelFunc
	// tries counts openings since the last byte.
	tries int
	err   error
}

// span sets the bytes to read: n from off, or all from there where n < 0.
func (r *body) span(off, n int64) error {
	if off < 0 || off > r.ref.Size {
		return etl.Mistakef("range_outside", "Ask for bytes within the object.", "%s has %d bytes, there is no byte %d", r.ref.Key, r.ref.Size, off)
	}
	r.off, r.end = off, r.ref.Size
	if n >= 0 && n < r.end-off {
		r.end = off + n
	}
	return nil
}

func (r *body) patience() time.Duration { return cmp.Or(r.blobs.patience, bodyPatience) }

func (r *body) open() error {
	input := &s3.GetObjectInput{
		Bucket: &r.blobs.bucket, Key: &r.ref.Key, VersionId: r.version,
		Range:   aws.String(fmt.Sprintf("bytes=%d-%d", r.off, r.end-1)),
		IfMatch: aws.String(quote(r.ref.ETag)),
	}
	ctx, cancel := context.WithCancel(r.ctx)
	out, err := r.blobs.client.GetObject(ctx, input)
	if err != nil {
		cancel()
		return r.fault(err)
	}
	// A store that ignores the condition or the range must not pass unnoticed.
	want := fmt.Sprintf("bytes %d-%d/%d", r.off, r.end-1, r.ref.Size)
	if unquote(aws.ToString(out.ETag)) != r.ref.ETag || !strings.EqualFold(aws.ToString(out.ContentRange), want) {
		_ = out.Body.Close()
		cancel()
		return r.changed()
	}
	r.current, r.cancel = out.Body, cancel
	r.stalled = time.AfterFunc(r.patience(), cancel)
	r.stalled.Stop()
	return nil
}

// Read implements io.Reader.
func (r *body) Read(p []byte) (int, error) {
	for {
		switch {
		case r.err != nil:
			return 0, r.err
		case r.off == r.end:
			return 0, io.EOF
		case r.ctx.Err() != nil:
			return 0, r.ctx.Err()
		case len(p) == 0:
			return 0, nil
		}
		if int64(len(p)) > r.end-r.off {
			p = p[:r.end-r.off]
		}
		r.stalled.Reset(r.patience())
		n, err := r.current.Read(p)
		r.stalled.Stop()
		r.off += int64(n)
		if n > 0 {
			r.tries = 0
		}
		if err != nil && r.off < r.end {
			r.err = r.reopen(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// reopen goes on at the offset reached after the connection ended by cause,
// which io.EOF is too.
func (r *body) reopen(cause error) error {
	r.drop()
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if r.tries == bodyTries {
			if known, ok := errors.AsType[*etl.Error](cause); ok {
				return known
			}
			if errors.Is(cause, io.EOF) {
				cause = io.ErrUnexpectedEOF
			}
			return &etl.Error{
				Kind: etl.Weather, Code: "body_ended_early", Err: cause,
				Message: fmt.Sprintf("the object store ends %s at byte %d of %d", r.ref.Key, r.off, r.ref.Size),
				Fix:     "Try again; if it stays so, look into the object store.",
			}
		}
		if r.tries > 0 {
			select {
			case <-r.ctx.Done():
				return r.ctx.Err()
			case <-time.After(min(r.blobs.retry, 50*time.Millisecond<<r.tries)):
			}
		}
		r.tries++
		err := r.open()
		if err == nil {
			return nil
		}
		if etl.KindOf(err) != etl.Weather {
			return err
		}
		cause = err
	}
}

// drop ends the current request, where there is one.
func (r *body) drop() {
	if r.current == nil {
		return
	}
	r.stalled.Stop()
	// What is left of it is asked for anew.
	_ = r.current.Close()
	r.cancel()
	r.current = nil
}

// Close implements io.Closer.
func (r *body) Close() error {
	r.err = errors.New("read of a closed object")
	r.drop()
	return nil
}
