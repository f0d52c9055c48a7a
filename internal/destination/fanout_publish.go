package destination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// Publish implements etl.FanOut. Everything it does is one transaction: the
// marker in loads, the rows' way into the table, the end of the stage.
func (p *Postgres) Publish(ctx context.Context, load string, spec etl.LoadSpec, chunks []etl.ChunkClaim) (etl.LoadResult, error) {
	if result, err := p.Published(ctx, load); err != nil || result != nil {
		if err != nil {
			return etl.LoadResult{}, err
		}
		return *result, nil
	}
	if err := etl.Reached(ctx, "before the marker"); err != nil {
		return etl.LoadResult{}, err
	}
	conn, err := p.beginFanOut(ctx, load, "publish")
	if err != nil {
		return etl.LoadResult{}, err
	}
	s := &publication{session: &session{p: p, conn: conn, spec: spec}, load: load, chunks: chunks}
	result, err := s.run(ctx)
	if err != nil {
		return etl.LoadResult{}, errors.Join(busy(unkept(result, err)), s.Abort(ctx))
	}
	return result, nil
}

// publication is the transaction that publishes a load.
type publication struct {
	*session
	home   home
	load   string
	chunks []etl.ChunkClaim
}

func (s *publication) run(ctx context.Context) (etl.LoadResult, error) {
	what := "publishing the rows of " + qualified(s.spec.Table.Schema, s.spec.Table.Name)
	before, err := s.mark(ctx)
	if err != nil {
		return etl.LoadResult{}, wrap(ctx, err, what)
	}
	if before != nil {
		return *before, s.Abort(ctx)
	}
	if err := s.verify(ctx); err != nil {
		return etl.LoadResult{}, wrap(ctx, err, what)
	}
	if err := s.openTarget(ctx); err != nil {
		return etl.LoadResult{}, err
	}
	if err := s.empty(ctx); err != nil {
		return etl.LoadResult{}, err
	}
	st, _ := s.stageColumns()
	st.name, st.from, st.sifter = s.home.prefix+"stage_"+s.load, s.home.stage(s.load), s.home.relation("sift_"+s.load)
	s.stage = st
	if s.spec.Strategy == etl.Upsert {
		if err := s.planMerge(ctx); err != nil {
			return etl.LoadResult{}, err
		}
	}
	result, err := s.publish(ctx)
	if err != nil {
		return result, err
	}
	result.Notes = s.notes
	if err := s.sweep(ctx, result); err != nil {
		return result, wrap(ctx, err, what)
	}
	if err := etl.Reached(ctx, "mid-publish"); err != nil {
		return result, err
	}
	if err := s.commit(ctx, result); err != nil {
		return result, err
	}
	s.over = true
	s.p.release(s.conn)
	return result, etl.Reached(ctx, "after the publishing commit")
}

// mark inserts the marker, or gives the result of the load that has it already.
func (s *publication) mark(ctx context.Context) (*etl.LoadResult, error) {
	var first bool
	if err := s.conn.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))", "etlportal load "+s.load).Scan(&first); err != nil {
		return nil, err
	}
	if !first {
		return nil, &etl.Error{
			Kind: etl.Weather, Code: "publishing_elsewhere", Message: fmt.Sprintf("another process publishes load %s at this moment", s.load),
			Fix: "Wait for its end.",
		}
	}
	// Whoever waits for another load's publishing does so in the queue.
	if err := execute(ctx, s.conn, setLockTimeout(min(claimLockTimeout, s.p.lockTimeout))); err != nil {
		return nil, err
	}
	// By the name alone: two loads into one table take turns, wherever their stages are.
	if err := advisoryLock(ctx, s.conn, "etlportal table "+s.spec.Table.Schema+"."+s.spec.Table.Name); err != nil {
		return nil, err
	}
	found, err := homes(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	for _, h := range found {
		if result, err := h.published(ctx, s.conn, s.load); err != nil || result != nil {
			return result, err
		}
	}
	h, ok, err := staged(ctx, s.conn, s.load)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, loadGone(s.load)
	}
	s.home = h
	_, err = s.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (load, target) VALUES ($1, $2)", h.loads()), s.load, qualified(s.spec.Table.Schema, s.spec.Table.Name))
	if err != nil {
		return nil, err
	}
	return nil, execute(ctx, s.conn, fmt.Sprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; %s", h.stage(s.load), setLockTimeout(s.p.lockTimeout)))
}

// verify compares what the portal counted with the ledger, and the ledger with
// the stage, and checks that the chunks follow one another without a gap.
func (s *publication) verify(ctx context.Context) error {
	ledger, err := s.home.ledger(ctx, s.conn, s.load)
	if err != nil {
		return err
	}
	rows, err := s.conn.Query(ctx, "SELECT _chunk, count(*) FROM "+s.home.stage(s.load)+" GROUP BY 1")
	if err != nil {
		return err
	}
	inStage := map[int]int64{}
	var chunk int
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&chunk, &n}, func() error {
		inStage[chunk] = n
		return nil
	}); err != nil {
		return err
	}
	var missing []int
	for i, want := range s.chunks {
		got, ok := ledger[want.Chunk]
		switch {
		case !ok:
			missing = append(missing, want.Chunk)
			continue
		case i > 0 && want.Start != s.chunks[i-1].End:
			return ledgerMismatch(want.Chunk, fmt.Sprintf("it starts at byte %d, where the one before ends at %d", want.Start, s.chunks[i-1].End))
		case got.Start != want.Start || got.End != want.End:
			return ledgerMismatch(want.Chunk, fmt.Sprintf("bytes %d to %d were loaded, %d to %d are planned", got.Start, got.End, want.Start, want.End))
		case got.Rows != want.Rows || got.Filtered != want.Filtered || got.Rejected != want.Rejected:
			return ledgerMismatch(want.Chunk, fmt.Sprintf("%d rows, %d filtered, %d rejected there; %d, %d and %d counted here",
				got.Rows, got.Filtered, got.Rejected, want.Rows, want.Filtered, want.Rejected))
		case inStage[want.Chunk] != got.Rows:
			return ledgerMismatch(want.Chunk, fmt.Sprintf("%d rows are in the stage, %d in the ledger", inStage[want.Chunk], got.Rows))
		}
		s.ledger.rows += got.Rows
		delete(ledger, want.Chunk)
		delete(inStage, want.Chunk)
	}
	if len(missing) > 0 {
		return &etl.ChunksMissing{Chunks: missing}
	}
	for c := range ledger {
		return ledgerMismatch(c, "it is not planned")
	}
	for c := range inStage {
		return ledgerMismatch(c, "it has rows in the stage and no entry")
	}
	return nil
}

// sweep stores the result and removes the load's stage and claims.
func (s *publication) sweep(ctx context.Context, result etl.LoadResult) error {
	stored, err := json.Marshal(entry{LoadResult: result, RefusedRows: result.Refused.Len()})
	if err != nil {
		return err
	}
	if err := s.storeRefused(ctx, result.Refused); err != nil {
		return err
	}
	if _, err := s.conn.Exec(ctx, "UPDATE "+s.home.loads()+" SET result = $2::jsonb, at = now() WHERE load = $1", s.load, string(stored)); err != nil {
		return err
	}
	if _, err := s.conn.Exec(ctx, "DELETE FROM "+s.home.chunks()+" WHERE load = $1", s.load); err != nil {
		return err
	}
	return execute(ctx, s.conn, "DROP TABLE "+s.home.stage(s.load))
}
