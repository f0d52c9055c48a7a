package redshift

import (
	"context"
	"errors"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
)

// direct is a load of one process: its parts, and the transaction at the end,
// which has a lock and an entry as that of any other load.
type direct struct {
	r     *Redshift
	spec  etl.LoadSpec
	rows  []stored
	stage openStage
	// mark is the table of the target's lock.
	mark  string
	parts *parts
}

// Begin implements etl.Destination. No row goes to the warehouse before Finish.
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
	d := &direct{r: r, spec: spec, rows: storages(&spec), stage: openStage{Nonce: nonce()}}
	mark, err := r.mark(ctx, &spec)
	if err == nil {
		err = r.entitled(ctx, &spec, "loads", mark)
	}
	if err == nil && !spec.DryRun {
		d.mark, err = mark, r.ledgers(ctx, mark)
	}
	if err != nil {
		return nil, err
	}
	d.parts = &parts{r: r, ctx: ctx, bytes: r.o.PartBytes, prefix: r.home(d.load())}
	return d, nil
}

// load is its id.
func (d *direct) load() string { return "direct-" + d.stage.Nonce }

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

// directTries is how often a transaction is sent whose answer is lost.
const directTries = 3

// Finish implements etl.LoadSession. It waits for others who load into the
// table. A transaction whose answer is lost is sent again: by its id it is
// known whether it was committed.
func (d *direct) Finish(ctx context.Context) (etl.LoadResult, error) {
	if err := d.parts.finish(); err != nil {
		return etl.LoadResult{}, err
	}
	p := &publication{
		r: d.r, spec: &d.spec, columns: d.rows, direct: true, mark: d.mark, prefix: d.parts.prefix, null: d.stage.null(), parts: d.parts.done, rows: d.parts.rows, notes: notes(&d.spec),
	}
	if !d.spec.DryRun {
		p.load = d.load()
	}
	defer func() { d.sweep(ctx) }()
	until := time.Now().Add(d.r.o.Turn)
	for try, told := 1, d.spec.OnWait == nil; ; {
		result, err := p.publish(ctx)
		d.drop(ctx, p.manifest)
		if errors.Is(err, errPublished) {
			return d.published(ctx, p)
		}
		later, busy := errors.AsType[*etl.RetryAfter](err)
		switch {
		case err == nil:
			return result, nil
		case busy && time.Now().After(until):
			err = &etl.Error{Kind: etl.Weather, Code: "table_busy", Err: err, Message: later.Reason + ", and has been for " + d.r.o.Turn.String(), Fix: "Try again later; " + unchanged}
		case busy:
			if !told {
				d.spec.OnWait(later.Reason)
				told = true
			}
			if pause(ctx, d.r.o.Retry) == nil {
				continue // LOCK itself has waited
			}
			err = explain(ctx, ctx.Err(), "waiting for others who load into "+p.target())
		case p.unknown && ctx.Err() == nil && try < directTries:
			if pause(ctx, d.r.o.Retry) == nil {
				try++
				continue
			}
		}
		if p.unknown && p.load != "" {
			return d.settle(ctx, p, err)
		}
		return etl.LoadResult{}, err
	}
}

// settleFor is how long a load whose end is not known is looked for, beyond the
// time of who has given up.
const settleFor = 20 * time.Second

// settle finds out how a transaction ended whose answer was lost. One that is
// still on its way meets the mark and leaves nothing.
func (d *direct) settle(ctx context.Context, p *publication, cause error) (etl.LoadResult, error) {
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleFor)
	defer cancel()
	s := &script{}
	p.lock(s)
	_, err := d.r.transaction(rest, s.sql...)
	if s.failed(err) == "once" {
		return d.published(rest, p)
	}
	told, ok := errors.AsType[*etl.Error](cause)
	if !ok {
		return etl.LoadResult{}, errors.Join(cause, err)
	}
	e := *told
	e.Fix = "Try again; " + unchanged
	if err != nil {
		e.Message += "; whether the rows are in the table is not known"
		e.Fix = "See whether SELECT count(*) FROM " + ledger() + " WHERE load = " + literal(p.load) + " gives 1: then they are. Else load them again."
	}
	return etl.LoadResult{}, &e
}

// published is the result of a load that was committed although its answer was lost.
func (d *direct) published(ctx context.Context, p *publication) (etl.LoadResult, error) {
	done, err := d.r.Published(ctx, p.load)
	if err != nil {
		return etl.LoadResult{}, err
	}
	if done == nil {
		return etl.LoadResult{}, defect("load %s is marked as published and has no entry", p.load)
	}
	done.Refused = p.refused
	if p.spec.Create {
		done.Created = d.r.CreateTableSQL(p.made())
	}
	return *done, nil
}

// sweep deletes what was staged; what is left over the bucket's lifecycle rule deletes.
func (d *direct) sweep(ctx context.Context) {
	for _, p := range d.parts.done {
		d.drop(ctx, p.Key)
	}
	d.parts.done = nil
}

func (d *direct) drop(ctx context.Context, key string) {
	if key != "" {
		_ = d.r.o.Staging.Blobs.Delete(context.WithoutCancel(ctx), key)
	}
}

// Abort implements etl.LoadSession.
func (d *direct) Abort(ctx context.Context) error {
	d.parts.abort()
	d.sweep(ctx)
	return nil
}
