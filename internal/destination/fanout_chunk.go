package destination

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// chunkSession is the transaction of one chunk: its claim, its rows in the
// stage, its counts.
type chunkSession struct {
	*session
	home   home
	load   string
	claim  etl.ChunkClaim
	counts etl.Counts
}

var (
	_ etl.LoadSession = (*chunkSession)(nil)
	_ etl.Counting    = (*chunkSession)(nil)
)

// BeginChunk implements etl.FanOut. The claim is a row whose primary key
// decides between two deliveries; the later one waits a moment for the earlier
// and is then sent back.
func (p *Postgres) BeginChunk(ctx context.Context, load string, spec etl.LoadSpec, c etl.ChunkClaim) (etl.LoadSession, error) {
	if err := etl.Reached(ctx, "before the claim"); err != nil {
		return nil, err
	}
	conn, err := p.beginFanOut(ctx, load, fmt.Sprintf("%d/%d", c.Chunk, c.Attempt))
	if err != nil {
		return nil, err
	}
	s := &session{p: p, conn: conn, spec: spec, layout: newLayout(spec.Columns)}
	s.layout.stage()
	s.layout.chunked, s.layout.chunk = true, int32(c.Chunk)
	s.target = &target{Schema: spec.Table.Schema, Name: spec.Table.Name}
	cs := &chunkSession{session: s, load: load, claim: c}
	if err := cs.begin(ctx); err != nil {
		later := busy(err)
		if _, held := errors.AsType[*etl.RetryAfter](later); held {
			later = p.evict(ctx, load, c, later)
		}
		return nil, errors.Join(later, s.Abort(ctx))
	}
	if err := etl.Reached(ctx, "after the claim"); err != nil {
		return nil, errors.Join(err, s.Abort(ctx))
	}
	s.stream = startStream(ctx, conn.PgConn(), s.layout.stageCopy(s.stage.from))
	return cs, nil
}

// NewBatch implements etl.FanOut.
func (p *Postgres) NewBatch(spec etl.LoadSpec) etl.Batch {
	l := newLayout(spec.Columns)
	l.stage()
	return &batch{layout: l}
}

// evict ends the sessions of earlier claims of a chunk. Their loaders were
// fenced out when the chunk was claimed anew, whatever they are waiting for.
func (p *Postgres) evict(ctx context.Context, load string, c etl.ChunkClaim, held error) error {
	prefix := sessionName(load, fmt.Sprintf("%d/", c.Chunk))
	conn, err := p.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE starts_with(application_name, $1) AND usename = current_user AND datname = current_database()
  AND substr(application_name, length($1) + 1) ~ '^[0-9]+$' AND substr(application_name, length($1) + 1)::int < $2`, prefix, c.Attempt)
		return wrap(ctx, err, "ending an earlier claim")
	})
	if err != nil {
		return err
	}
	p.release(conn)
	return held
}

func (s *chunkSession) begin(ctx context.Context) error {
	what := fmt.Sprintf("claiming chunk %d", s.claim.Chunk)
	h, ok, err := staged(ctx, s.conn, s.load)
	if err != nil {
		return wrap(ctx, err, what)
	}
	if !ok {
		return loadGone(s.load)
	}
	s.home, s.stage = h, &staging{name: h.prefix + "stage_" + s.load, from: h.stage(s.load)}
	// The stage's lock comes first, so that whoever drops it either waits for
	// this chunk's rows and claim, or is noticed here.
	err = execute(ctx, s.conn, fmt.Sprintf("%s LOCK TABLE %s IN ROW EXCLUSIVE MODE", setLockTimeout(min(claimLockTimeout, s.p.lockTimeout)), s.stage.from))
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" {
		return loadGone(s.load)
	}
	if err != nil {
		return wrap(ctx, err, what)
	}
	tag, err := s.conn.Exec(ctx, fmt.Sprintf(`INSERT INTO %s (load, chunk, attempt, "start", "end") VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, s.home.chunks()),
		s.load, s.claim.Chunk, s.claim.Attempt, s.claim.Start, s.claim.End)
	if err != nil {
		return wrap(ctx, err, what)
	}
	if tag.RowsAffected() == 0 {
		return s.done(ctx)
	}
	return wrap(ctx, execute(ctx, s.conn, setLockTimeout(s.p.lockTimeout)), what)
}

// done tells what the ledger says of a chunk that was loaded before.
func (s *chunkSession) done(ctx context.Context) error {
	found, err := s.home.ledger(ctx, s.conn, s.load)
	if err != nil {
		return wrap(ctx, err, "reading the ledger")
	}
	c, ok := found[s.claim.Chunk]
	if !ok {
		// Rolled back or dropped since the claim was refused.
		return &etl.RetryAfter{Delay: heldDelay, Reason: "the chunk's ledger changed meanwhile"}
	}
	if c.Start != s.claim.Start || c.End != s.claim.End {
		return ledgerMismatch(s.claim.Chunk, fmt.Sprintf("it was loaded as bytes %d to %d and is planned as %d to %d", c.Start, c.End, s.claim.Start, s.claim.End))
	}
	return &etl.ChunkDone{Counts: etl.Counts{Read: c.Rows + c.Filtered + c.Rejected, Loaded: c.Rows, Filtered: c.Filtered, Rejected: c.Rejected}}
}

// Count implements etl.Counting.
func (s *chunkSession) Count(c etl.Counts) { s.counts = c }

// Finish implements etl.LoadSession: Inserted is the number of rows staged.
func (s *chunkSession) Finish(ctx context.Context) (etl.LoadResult, error) {
	copied, err := s.stream.finish(ctx)
	if err != nil {
		return etl.LoadResult{}, s.copyError(ctx, err)
	}
	if copied != s.ledger.rows {
		return etl.LoadResult{}, s.countError(copied)
	}
	if err := etl.Reached(ctx, "after the rows"); err != nil {
		return etl.LoadResult{}, err
	}
	_, err = s.conn.Exec(ctx, fmt.Sprintf("UPDATE %s SET rows = $3, filtered = $4, rejected = $5, at = now() WHERE load = $1 AND chunk = $2", s.home.chunks()),
		s.load, s.claim.Chunk, copied, s.counts.Filtered, s.counts.Rejected)
	if err != nil {
		return etl.LoadResult{}, wrap(ctx, err, "writing the ledger")
	}
	if err := s.commit(ctx, etl.LoadResult{Inserted: copied}); err != nil {
		return etl.LoadResult{}, err
	}
	s.over = true
	s.p.release(s.conn)
	return etl.LoadResult{Inserted: copied}, nil
}

// ledger reads the committed chunks of a load, by number.
func (h home) ledger(ctx context.Context, conn *pgx.Conn, load string) (map[int]etl.ChunkClaim, error) {
	rows, err := conn.Query(ctx, `SELECT chunk, attempt, "start", "end", rows, filtered, rejected FROM `+h.chunks()+" WHERE load = $1", load)
	if err != nil {
		return nil, err
	}
	found := map[int]etl.ChunkClaim{}
	var c etl.ChunkClaim
	_, err = pgx.ForEachRow(rows, []any{&c.Chunk, &c.Attempt, &c.Start, &c.End, &c.Rows, &c.Filtered, &c.Rejected}, func() error {
		found[c.Chunk] = c
		return nil
	})
	return found, err
}

func loadGone(load string) error {
	return etl.Mistakef("load_gone", "Start a new run.", "the staged rows of load %s were removed, because its run ended", load)
}

func ledgerMismatch(chunk int, how string) error {
	return &etl.Error{Kind: etl.Internal, Code: "ledger_mismatch", Message: fmt.Sprintf("chunk %d of the load is not as the destination's ledger has it: %s; nothing was published", chunk, how)}
}
