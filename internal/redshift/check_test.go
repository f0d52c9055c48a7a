package redshift_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
)

// closedBlobs is an object store that takes nothing.
type closedBlobs struct {
	etl.Blobs
	err error
}

func (b closedBlobs) Put(context.Context, string, io.Reader) (etl.ObjectRef, error) {
	return etl.ObjectRef{}, b.err
}

// A check of the staging bucket tells privileges from whatever else is wrong with it.
func TestStagingRefused(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	for name, c := range map[string]struct {
		err       error
		kind      etl.Kind
		code      etl.Code
		says, fix string
	}{
		"no bucket": {&etl.Error{Kind: etl.Mistake, Code: "no_such_bucket", Message: "it does not exist", Fix: "Create it."}, etl.Mistake, "no_such_bucket", "it does not exist", "Create it."},
		"no store":  {&etl.Error{Kind: etl.Weather, Code: "blobs_unreachable", Message: "nobody answers", Fix: "See that it runs."}, etl.Weather, "blobs_unreachable", "nobody answers", "See that it runs."},
		"denied":    {&etl.Error{Kind: etl.Mistake, Code: "blobs_denied", Message: "access denied", Fix: "Check the key."}, etl.Mistake, "staging_denied", "access denied", "s3:PutObject"},
	} {
		r, err := redshift.New(roadTo(t, "wire", s), redshift.Options{Staging: redshift.Staging{Blobs: closedBlobs{err: c.err}, Bucket: "stage", Role: s.Role}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.CheckStaging(t.Context())
		e, ok := errors.AsType[*etl.Error](err)
		if !ok || e.Kind != c.kind || e.Code != c.code || !strings.Contains(e.Message, "staging bucket stage: ") || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Fix, c.fix) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}
