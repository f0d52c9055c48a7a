package redshift

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
)

// direct is a load of one process: its parts, and the transaction at the end.
type direct struct {
	r     *Redshift
	spec  etl.LoadSpec
	rows  []stored
	stage openStage
	parts *parts
}

// Begin implements etl.Destination. Nothing runs in the warehouse before Finish.
func (r *Redshift) Begin(ctx context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	if spec.BeforeCommit != nil {
		return nil, defect("a transaction cannot be looked at before its end")
	}
	if err := r.check(ctx, &spec); err != nil {
		return nil, err
	}
	if err := r.fits(&spec); err != nil {
		return nil, err
	}
	s := openStage{Nonce: nonce()}
	return &direct{r: r, spec: spec, rows: storages(&spec), stage: s, parts: &parts{r: r, ctx: ctx, bytes: r.o.PartBytes, prefix: r.o.Staging.Prefix + "direct-" + s.Nonce + "/"}}, nil
}

// NewBatch implements etl.LoadSession.
func (d *direct) NewBatch() etl.Batch { return newBatch(d.rows, d.stage.null()) }

// Write implements etl.LoadSession.
func (d *direct) Write(_ context.Context, b etl.Batch) error {
	rows, err := rowsOf(b)
	if err != nil {
		return err
	}
	defer rows.Reset()
	return d.parts.add(rows)
}

// Finish implements etl.LoadSession.
func (d *direct) Finish(ctx context.Context) (etl.LoadResult, error) {
	if err := d.parts.finish(); err != nil {
		return etl.LoadResult{}, err
	}
	p := &publication{
		r: d.r, spec: &d.spec, columns: d.rows, prefix: d.parts.prefix, null: d.stage.null(), parts: d.parts.done, rows: d.parts.rows, notes: notes(&d.spec),
	}
	result, err := p.publish(ctx)
	d.sweep(ctx, p.manifest)
	return result, err
}

// sweep deletes what was staged; what is left over the bucket's lifecycle rule deletes.
func (d *direct) sweep(ctx context.Context, manifest string) {
	rest := context.WithoutCancel(ctx)
	for _, p := range d.parts.done {
		_ = d.r.o.Staging.Blobs.Delete(rest, p.Key)
	}
	if manifest != "" {
		_ = d.r.o.Staging.Blobs.Delete(rest, manifest)
	}
	d.parts.done = nil
}

// Abort implements etl.LoadSession.
func (d *direct) Abort(ctx context.Context) error {
	d.parts.abort()
	d.sweep(ctx, "")
	return nil
}
