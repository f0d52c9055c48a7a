package destination_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

const theLoad = "run-1_a"

// piece is chunk n of a made-up file in which every row is 10 bytes long and a line.
type piece struct {
	n    int
	rows [][]schema.Value
}

func claims(pieces []piece) []etl.ChunkClaim {
	var at int64
	out := make([]etl.ChunkClaim, len(pieces))
	for i, p := range pieces {
		end := at + 10*int64(len(p.rows))
		out[i] = etl.ChunkClaim{Chunk: p.n, Attempt: 1, Start: at, End: end, Rows: int64(len(p.rows))}
		at = end
	}
	return out
}

// loadPiece loads the i-th piece.
func loadPiece(ctx context.Context, p *destination.Postgres, spec etl.LoadSpec, pieces []piece, i int) error {
	c := claims(pieces)[i]
	s, err := p.BeginChunk(ctx, theLoad, spec, c)
	if err != nil {
		return err
	}
	b := s.NewBatch()
	first := c.Start/10 + 1
	for k, r := range pieces[i].rows {
		if bad := b.Append(r, first+int64(k)+1, first+int64(k)); bad != nil {
			return errors.New(bad.Reason)
		}
	}
	if err := s.Write(ctx, b); err != nil {
		return errors.Join(err, s.Abort(ctx))
	}
	_, err = s.Finish(ctx)
	return errors.Join(err, s.Abort(ctx))
}

func prepare(t *testing.T, p *destination.Postgres, spec etl.LoadSpec) {
	t.Helper()
	if err := p.Prepare(t.Context(), theLoad, spec); err != nil {
		t.Fatal(err)
	}
}

func loadPieces(t *testing.T, p *destination.Postgres, spec etl.LoadSpec, pieces []piece) {
	t.Helper()
	for i := range slices.Backward(pieces) {
		if err := loadPiece(t.Context(), p, spec, pieces, i); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *database) nothingStaged() {
	d.t.Helper()
	stages, err := d.p.Stages(d.t.Context())
	if err != nil || len(stages) > 0 {
		d.t.Errorf("stages %v, %v", stages, err)
	}
	d.want("SELECT count(*) FROM etl_portal.chunks", "0")
}

func TestFanOut(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int, name text, doc jsonb)", "INSERT INTO t VALUES (0, 'old')")
	ctx := t.Context()
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1, "a", `{"x": 1}`), row(2, "b", nil)}}, {2, [][]schema.Value{row(3, "c", nil)}}, {3, nil}}
	prepare(t, d.p, spec)
	prepare(t, d.p, spec)
	if stages, err := d.p.Stages(ctx); err != nil || !slices.Equal(stages, []string{theLoad}) {
		t.Fatalf("stages %v, %v", stages, err)
	}
	_, err := d.p.Publish(ctx, theLoad, spec, claims(pieces))
	missing, ok := errors.AsType[*etl.ChunksMissing](err)
	if !ok || !slices.Equal(missing.Chunks, []int{1, 2, 3}) {
		t.Fatalf("nothing loaded: %v", err)
	}
	loadPieces(t, d.p, spec, pieces)
	d.want("SELECT count(*) FROM t", "1")
	done, ok := errors.AsType[*etl.ChunkDone](loadPiece(ctx, d.p, spec, pieces, 0))
	if !ok || done.Counts.Loaded != 2 || done.Counts.Read != 2 {
		t.Errorf("loaded twice: %+v", done)
	}
	if found, err := d.p.Published(ctx, theLoad); found != nil || err != nil {
		t.Errorf("published: %+v, %v", found, err)
	}
	for range 2 {
		result, err := d.p.Publish(ctx, theLoad, spec, claims(pieces))
		if err != nil || result.Inserted != 3 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	d.want("SELECT id, name, doc->>'x' FROM t ORDER BY id", "0|old|∅\n1|a|1\n2|b|∅\n3|c|∅")
	d.nothingStaged()
	if found, err := d.p.Published(ctx, theLoad); err != nil || found == nil || found.Inserted != 3 {
		t.Errorf("published: %+v, %v", found, err)
	}
	prepare(t, d.p, spec)
	d.nothingStaged()
	if e := refusal(t, loadPiece(ctx, d.p, spec, pieces, 0)); e.Code != "load_gone" {
		t.Errorf("a late loader: %v", e)
	}
}

// TestFanOutRace: of many deliveries of a chunk and many finalizers one wins, the
// others are told so or sent back.
func TestFanOutRace(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int)")
	ctx := t.Context()
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, d.p, spec)
	var group sync.WaitGroup
	for n := range 12 {
		group.Go(func() {
			for {
				err := loadPiece(ctx, d.p, spec, pieces, n%2)
				_, done := errors.AsType[*etl.ChunkDone](err)
				_, later := errors.AsType[*etl.RetryAfter](err)
				if err == nil || done {
					return
				}
				if !later {
					t.Errorf("delivery %d: %v", n, err)
					return
				}
			}
		})
	}
	group.Wait()
	for range 4 {
		group.Go(func() {
			result, err := d.p.Publish(ctx, theLoad, spec, claims(pieces))
			if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "publishing_elsewhere" {
				return
			}
			if err != nil || result.Inserted != 2 {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
	group.Wait()
	d.want("SELECT count(*), sum(id) FROM t", "2|3")
	d.nothingStaged()
}

// TestFanOutHeld: a loader that lives keeps its claim, one that was cut off loses it.
func TestFanOutHeld(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int)")
	ctx := t.Context()
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1)}}}
	prepare(t, d.p, spec)
	slow, err := d.p.BeginChunk(ctx, theLoad, spec, claims(pieces)[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*etl.RetryAfter](loadPiece(ctx, d.p, spec, pieces, 0)); !ok {
		t.Error("a chunk that another loader holds was not sent back")
	}
	if err := d.p.Drop(ctx, theLoad); err != nil {
		t.Fatal(err)
	}
	b := slow.NewBatch()
	b.Append(row(1), 1, 1)
	err = slow.Write(ctx, b)
	if err == nil {
		_, err = slow.Finish(ctx)
	}
	if etl.KindOf(err) != etl.Weather {
		t.Errorf("a loader whose stage was dropped: %v", err)
	}
	if err := slow.Abort(ctx); err != nil {
		t.Error(err)
	}
	if e := refusal(t, loadPiece(ctx, d.p, spec, pieces, 0)); e.Code != "load_gone" {
		t.Error(e)
	}
	if _, err := d.p.Publish(ctx, theLoad, spec, claims(pieces)); refusal(t, err).Code != "load_gone" {
		t.Error(err)
	}
	if err := d.p.Drop(ctx, theLoad); err != nil {
		t.Error(err)
	}
	d.nothingStaged()
}

// TestFanOutCrash: a server that crashed has emptied stage and ledger together,
// and the chunks are loaded again.
func TestFanOutCrash(t *testing.T) {
	server := etltest.PostgresServer(t, map[string]string{"synchronous_commit": "on"})
	d := newDatabaseAt(t, server.URL, "CREATE TABLE t (id int)")
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	server.Kill()
	server.Start()
	p := open(t, server.URL)
	_, err := p.Publish(t.Context(), theLoad, spec, claims(pieces))
	missing, ok := errors.AsType[*etl.ChunksMissing](err)
	if !ok || !slices.Equal(missing.Chunks, []int{1, 2}) {
		t.Fatalf("after the crash: %v", err)
	}
	prepare(t, p, spec)
	loadPieces(t, p, spec, pieces)
	result, err := p.Publish(t.Context(), theLoad, spec, claims(pieces))
	if err != nil || result.Inserted != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
}

// TestFanOutMerge: duplicates are decided by file order across chunks, and
// refused rows are found and named.
func TestFanOutMerge(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name <> 'bad'))", "INSERT INTO t VALUES (1, 'old')")
	ctx := t.Context()
	spec := d.spec("t")
	spec.Strategy, spec.Keys, spec.SkipRefused = etl.Upsert, []string{"id"}, true
	pieces := []piece{{1, [][]schema.Value{row(1, "a"), row(2, "bad")}}, {2, [][]schema.Value{row(3, "c"), row(1, "b")}}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	var result etl.LoadResult
	for range 2 {
		var err error
		if result, err = d.p.Publish(ctx, theLoad, spec, claims(pieces)); err != nil {
			t.Fatal(err)
		}
		if result.Inserted != 1 || result.Updated != 1 || result.Deduplicated != 1 || len(etltest.Rejects(result.Refused)) != 1 {
			t.Fatalf("%+v", result)
		}
		if r := etltest.Rejects(result.Refused)[0]; r.Line != 3 || r.Code != "check_violation" || r.Value != "bad" {
			t.Errorf("%+v", r)
		}
	}
	d.want("SELECT id, name FROM t ORDER BY id", "1|b\n3|c")
	d.nothingStaged()
	d.want("SELECT count(*) FROM pg_proc WHERE proname LIKE 'sift%'", "0")
}

// TestFanOutRefused: without skipping, the first refused row fails the load,
// which stays as it is until it is dropped.
func TestFanOutRefused(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (2)")
	ctx := t.Context()
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	_, err := d.p.Publish(ctx, theLoad, spec, claims(pieces))
	if e := refusal(t, err); e.Kind != etl.Refused || e.Line != 3 {
		t.Errorf("%+v", e)
	}
	d.want("SELECT count(*) FROM t", "1")
	d.exec("DELETE FROM t")
	if result, err := d.p.Publish(ctx, theLoad, spec, claims(pieces)); err != nil || result.Inserted != 2 {
		t.Errorf("after the conflict went: %+v, %v", result, err)
	}
	d.nothingStaged()
}

// TestFanOutNewTable: the table comes with the rows, and TRUNCATE with them too.
func TestFanOutNewTable(t *testing.T) {
	d := newDatabase(t)
	ctx := t.Context()
	table := &schema.Table{Name: "n", Columns: []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}}}
	spec := etl.LoadSpec{Table: table, Columns: table.Columns, Create: true, Strategy: etl.Insert}
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, d.p, spec)
	d.want("SELECT count(*) FROM pg_class WHERE relname = 'n'", "0")
	loadPieces(t, d.p, spec, pieces)
	for range 2 {
		if _, err := d.p.Publish(ctx, theLoad, spec, claims(pieces)); err != nil {
			t.Fatal(err)
		}
	}
	d.want("SELECT count(*) FROM n", "2")
}

// TestFanOutLedger: what does not fit together is not published.
func TestFanOutLedger(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int)")
	ctx := t.Context()
	spec := d.spec("t")
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, d.p, spec)
	loadPieces(t, d.p, spec, pieces)
	for name, change := range map[string]func(c []etl.ChunkClaim){
		"rows":     func(c []etl.ChunkClaim) { c[1].Rows++ },
		"filtered": func(c []etl.ChunkClaim) { c[0].Filtered++ },
		"span":     func(c []etl.ChunkClaim) { c[1].End++ },
		"gap":      func(c []etl.ChunkClaim) { c[1].Start++ },
	} {
		c := claims(pieces)
		change(c)
		if _, err := d.p.Publish(ctx, theLoad, spec, c); refusal(t, err).Code != "ledger_mismatch" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.p.Publish(ctx, theLoad, spec, claims(pieces)[:1]); refusal(t, err).Code != "ledger_mismatch" {
		t.Errorf("one chunk too many: %v", err)
	}
	d.exec(fmt.Sprintf(`DELETE FROM etl_portal."stage_%s" WHERE _chunk = 2`, theLoad))
	if _, err := d.p.Publish(ctx, theLoad, spec, claims(pieces)); refusal(t, err).Code != "ledger_mismatch" {
		t.Errorf("a lost row: %v", err)
	}
	d.want("SELECT count(*) FROM t", "0")
}

// TestFanOutPrivileges: without CREATE on the database the stage is beside the
// table, without that either only one loader can do it.
func TestFanOutPrivileges(t *testing.T) {
	d := newDatabase(t, "CREATE TABLE t (id int)")
	role := fmt.Sprintf("fan_%s", strings.ReplaceAll(t.Name(), "/", "_"))
	d.exec(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'pw'", pgx.Identifier{role}.Sanitize()))
	t.Cleanup(func() {
		_, _ = d.raw.Exec(context.Background(), fmt.Sprintf("DROP OWNED BY %[1]s; DROP ROLE %[1]s", pgx.Identifier{role}.Sanitize()))
	})
	d.exec(fmt.Sprintf("GRANT ALL ON t TO %[1]s; GRANT USAGE ON SCHEMA public TO %[1]s", pgx.Identifier{role}.Sanitize()))
	p := open(t, withURL(t, d.url, func(u *url.URL) { u.User = url.UserPassword(role, "pw") }))
	spec := d.spec("t")
	if e := refusal(t, p.Prepare(t.Context(), theLoad, spec)); e.Code != "no_stage_privilege" || !strings.Contains(e.Fix, "GRANT CREATE ON DATABASE") {
		t.Errorf("%v", e)
	}
	d.exec(fmt.Sprintf("GRANT CREATE ON SCHEMA public TO %s", pgx.Identifier{role}.Sanitize()))
	pieces := []piece{{1, [][]schema.Value{row(1)}}, {2, [][]schema.Value{row(2)}}}
	prepare(t, p, spec)
	d.want("SELECT count(*) FROM pg_class WHERE relname = 'etl_portal_chunks'", "1")
	loadPieces(t, p, spec, pieces)
	for range 2 {
		if result, err := p.Publish(t.Context(), theLoad, spec, claims(pieces)); err != nil || result.Inserted != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	d.want("SELECT count(*) FROM t", "2")
	if stages, err := p.Stages(t.Context()); err != nil || len(stages) > 0 {
		t.Errorf("stages %v, %v", stages, err)
	}
}
