package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// CurrentUser is the database's user as whom statements run.
func (r *Redshift) CurrentUser(ctx context.Context) (string, error) {
	rows, err := r.ask(ctx, "asking for the user", "SELECT CURRENT_USER")
	if err != nil {
		return "", err
	}
	return text(rows[0][0]), nil
}

// CheckStaging puts a file where loads are staged, and deletes it. It says where.
func (r *Redshift) CheckStaging(ctx context.Context) (string, error) {
	key := r.o.Staging.Prefix + "check-" + nonce()
	if _, err := r.o.Staging.Blobs.Put(ctx, key, strings.NewReader("a check of access")); err != nil {
		return "", r.unstaged(err)
	}
	if err := r.o.Staging.Blobs.Delete(ctx, key); err != nil {
		return "", err
	}
	return "files are staged in s3://" + r.o.Staging.Bucket + "/" + r.o.Staging.Prefix, nil
}

// unstaged explains why no file could be put. Only a denial is one of privileges;
// whatever else the bucket's store says it has a fix for itself.
func (r *Redshift) unstaged(err error) error {
	e := &etl.Error{
		Kind: etl.KindOf(err), Code: "staging_denied", Err: err, Message: "no file could be put into the staging bucket " + r.o.Staging.Bucket + ": " + err.Error(),
		Fix: fmt.Sprintf("Allow s3:PutObject, s3:GetObject and s3:DeleteObject on s3://%s/%s* to the portal.", r.o.Staging.Bucket, r.o.Staging.Prefix),
	}
	if cause, ok := errors.AsType[*etl.Error](err); ok && cause.Code != "blobs_denied" {
		e.Code, e.Message, e.Fix = cause.Code, "no file could be put into the staging bucket "+r.o.Staging.Bucket+": "+cause.Message, cause.Fix
	}
	return e
}

// CheckCopy has the warehouse copy one row into a temporary table, by which the
// role and its access to the bucket are known to be right.
func (r *Redshift) CheckCopy(ctx context.Context) (detail string, err error) {
	s := openStage{Nonce: nonce()}
	p := &parts{r: r, ctx: ctx, bytes: r.o.PartBytes, prefix: r.o.Staging.Prefix + "check-" + s.Nonce + "/"}
	defer p.abort()
	columns := []schema.Column{{Name: "checked", Type: schema.Type{Kind: schema.Integer}}}
	spec := &etl.LoadSpec{Table: &schema.Table{Name: "checked", Columns: columns}, Columns: columns}
	b := newBatch(storages(spec), s.null())
	if bad := b.Append([]schema.Value{{Kind: schema.VInt, Int: 1}}, 1, 1); bad != nil {
		return "", defect("%s", bad.Reason)
	}
	if err := errors.Join(p.add(b), p.finish()); err != nil {
		return "", err
	}
	x := &publication{r: r, spec: spec, columns: b.columns, prefix: p.prefix, null: s.null(), parts: p.done, rows: 1}
	if err := x.write(ctx); err != nil {
		return "", err
	}
	defer func() {
		for _, key := range []string{p.done[0].Key, x.manifest} {
			_ = r.o.Staging.Blobs.Delete(context.WithoutCancel(ctx), key)
		}
	}()
	t := &script{}
	x.copyInto(t, 0)
	t.assert("count", "count(*) = 1", x.stage())
	t.add("sweep", "DROP TABLE %s", x.stage())
	if _, err := r.transaction(ctx, t.sql...); err != nil {
		if t.failed(err) == "copy" {
			err = x.copyFailure(ctx, err)
		}
		return "", explain(ctx, err, "copying a file by the role")
	}
	return "COPY reads the staged files by " + r.o.Staging.Role, nil
}
