package redshift

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// A load keeps beside its parts, in the object store:
//
//   - <load>/stage.json: that it is open, and under which nonce; gone when it is over;
//   - <load>/<nonce>/chunk-<n>.json: that chunk n is staged, in which parts and
//     with what counts. It is written after the parts, so that a chunk is staged
//     whole or not at all.
//
// Two loaders of one chunk write parts of their own; whoever writes the entry
// last counts, and as the plan is frozen both hold the same rows.

// open is the content of stage.json.
type openStage struct {
	Nonce string `json:"nonce"`
}

// null is the word for NULL in a stage's parts.
func (s openStage) null() string { return "NULL-" + s.Nonce }

func (r *Redshift) home(load string) string     { return r.o.Staging.Prefix + load + "/" }
func (r *Redshift) stageKey(load string) string { return r.home(load) + "stage.json" }

func (r *Redshift) chunkKey(load string, s openStage, chunk int) string {
	return fmt.Sprintf("%s%s/chunk-%d.json", r.home(load), s.Nonce, chunk)
}

// entry is the content of chunk-<n>.json.
type entry struct {
	Claim etl.ChunkClaim `json:"claim"`
	Parts []part         `json:"parts"`
}

// stage reads a load's stage; ok is false where it has none.
func (r *Redshift) stage(ctx context.Context, load string) (s openStage, ok bool, err error) {
	ok, err = r.get(ctx, r.stageKey(load), &s)
	return s, ok, err
}

// gets is how often an object is read that is replaced meanwhile, as a chunk's
// entry is by another loader.
const gets = 10

// get reads an object of JSON; ok is false where there is none.
func (r *Redshift) get(ctx context.Context, key string, into any) (ok bool, err error) {
	var text []byte
	for range gets {
		text, err = r.content(ctx, key)
		e, known := errors.AsType[*etl.Error](err)
		if known && e.Code == "object_not_found" {
			return false, nil
		}
		if !known || e.Code != "source_changed" {
			break
		}
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, defect("object %s: %v", key, err)
	}
	return true, nil
}

// content reads an object as it is, or says that it was deleted or replaced meanwhile.
func (r *Redshift) content(ctx context.Context, key string) ([]byte, error) {
	body, err := r.open(ctx, key)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	return text, errors.Join(err, body.Close())
}

// open gives the bytes of an object as it is.
func (r *Redshift) open(ctx context.Context, key string) (io.ReadCloser, error) {
	ref, err := r.o.Staging.Blobs.Head(ctx, key)
	if err != nil {
		return nil, err
	}
	return r.o.Staging.Blobs.Range(ctx, ref, 0, -1)
}

func (r *Redshift) put(ctx context.Context, key string, from any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	_, err = r.o.Staging.Blobs.Put(ctx, key, bytes.NewReader(text))
	return err
}

// chunk is the staging of one chunk.
type chunk struct {
	r      *Redshift
	load   string
	stage  openStage
	claim  etl.ChunkClaim
	parts  *parts
	rows   []stored
	counts etl.Counts
}

var (
	_ etl.LoadSession = (*chunk)(nil)
	_ etl.Counting    = (*chunk)(nil)
)

// BeginChunk implements etl.FanOut. No row waits for the warehouse; a chunk
// that another loader is at is staged twice, and counts once.
func (r *Redshift) BeginChunk(ctx context.Context, load string, spec etl.LoadSpec, c etl.ChunkClaim) (etl.LoadSession, error) {
	if err := etl.Reached(ctx, "before the claim"); err != nil {
		return nil, err
	}
	s, ok, err := r.stage(ctx, load)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, loadGone(load)
	}
	var before entry
	if ok, err = r.get(ctx, r.chunkKey(load, s, c.Chunk), &before); err != nil {
		return nil, err
	}
	if ok {
		if b := before.Claim; b.Start != c.Start || b.End != c.End {
			return nil, mismatch("chunk %d was staged as bytes %d to %d and is planned as %d to %d", c.Chunk, b.Start, b.End, c.Start, c.End)
		}
		b := before.Claim
		return nil, &etl.ChunkDone{Counts: etl.Counts{Read: b.Rows + b.Filtered + b.Rejected, Loaded: b.Rows, Filtered: b.Filtered, Rejected: b.Rejected}}
	}
	if err := etl.Reached(ctx, "after the claim"); err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("%s%s/%d-%d-%s/", r.home(load), s.Nonce, c.Chunk, c.Attempt, nonce())
	return &chunk{r: r, load: load, stage: s, claim: c, parts: &parts{r: r, ctx: ctx, prefix: prefix, bytes: 4 * r.o.PartBytes}, rows: storages(&spec)}, nil
}

func storages(spec *etl.LoadSpec) []stored {
	out := make([]stored, len(spec.Columns))
	for i, c := range spec.Columns {
		if spec.Create && isKey(spec.Table, c.Name) {
			c.NotNull = true
		}
		out[i] = storage(c, spec.Create)
		if !spec.Create && c.Type.Kind == schema.Varchar && out[i].bytes < maxVarchar {
			// https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
			out[i].widened = fmt.Sprintf("; ALTER TABLE %s ALTER COLUMN %s TYPE VARCHAR(n) widens it", spec.Table.QualifiedName(), schema.Identifier(c.Name))
		}
	}
	return out
}

// NewBatch implements etl.FanOut.
func (r *Redshift) NewBatch(spec etl.LoadSpec) etl.Batch {
	return newBatch(storages(&spec), openStage{}.null())
}

// NewBatch implements etl.LoadSession.
func (c *chunk) NewBatch() etl.Batch { return newBatch(c.rows, c.stage.null()) }

// Count implements etl.Counting.
func (c *chunk) Count(n etl.Counts) { c.counts = n }

// Write implements etl.LoadSession.
func (c *chunk) Write(_ context.Context, b etl.Batch) error {
	rows, err := rowsOf(b)
	if err != nil {
		return err
	}
	defer rows.Reset()
	return c.parts.add(rows)
}

// Finish implements etl.LoadSession: Inserted is the number of rows staged.
func (c *chunk) Finish(ctx context.Context) (etl.LoadResult, error) {
	if err := c.parts.finish(); err != nil {
		return etl.LoadResult{}, err
	}
	if err := etl.Reached(ctx, "after the rows"); err != nil {
		return etl.LoadResult{}, err
	}
	// A load that ended meanwhile takes no more.
	now, ok, err := c.r.stage(ctx, c.load)
	if err != nil {
		return etl.LoadResult{}, err
	}
	if !ok || now != c.stage {
		return etl.LoadResult{}, loadGone(c.load)
	}
	e := entry{Claim: c.claim, Parts: c.parts.done}
	e.Claim.Rows, e.Claim.Filtered, e.Claim.Rejected = c.parts.rows, c.counts.Filtered, c.counts.Rejected
	if err := c.r.put(ctx, c.r.chunkKey(c.load, c.stage, c.claim.Chunk), e); err != nil {
		return etl.LoadResult{}, err
	}
	return etl.LoadResult{Inserted: c.parts.rows}, nil
}

// Abort implements etl.LoadSession: parts without an entry are nobody's.
func (c *chunk) Abort(context.Context) error {
	c.parts.abort()
	return nil
}

// staged collects the parts of a load's chunks, as its finalizer counted them.
func (r *Redshift) staged(ctx context.Context, load string, s openStage, chunks []etl.ChunkClaim) (all []part, rows int64, err error) {
	var missing []int
	for i, want := range chunks {
		var e entry
		ok, err := r.get(ctx, r.chunkKey(load, s, want.Chunk), &e)
		if err != nil {
			return nil, 0, err
		}
		got := e.Claim
		switch {
		case !ok:
			missing = append(missing, want.Chunk)
			continue
		case i > 0 && want.Start != chunks[i-1].End:
			return nil, 0, mismatch("chunk %d starts at byte %d, where the one before ends at %d", want.Chunk, want.Start, chunks[i-1].End)
		case got.Start != want.Start || got.End != want.End:
			return nil, 0, mismatch("chunk %d was staged as bytes %d to %d and is planned as %d to %d", want.Chunk, got.Start, got.End, want.Start, want.End)
		case got.Rows != want.Rows || got.Filtered != want.Filtered || got.Rejected != want.Rejected:
			return nil, 0, mismatch("chunk %d has %d rows, %d filtered, %d rejected in the stage; %d, %d and %d were counted",
				want.Chunk, got.Rows, got.Filtered, got.Rejected, want.Rows, want.Filtered, want.Rejected)
		}
		var sum int64
		for k := range e.Parts {
			e.Parts[k].chunk = want.Chunk
			sum += e.Parts[k].Rows
		}
		if sum != got.Rows {
			return nil, 0, mismatch("the parts of chunk %d have %d rows, its entry %d", want.Chunk, sum, got.Rows)
		}
		all, rows = append(all, e.Parts...), rows+sum
	}
	if len(missing) > 0 {
		return nil, 0, &etl.ChunksMissing{Chunks: missing}
	}
	return all, rows, nil
}
