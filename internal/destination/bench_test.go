package destination_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

const (
	benchRows  = 1_000_000
	benchBatch = 256 << 10
)

const benchTable = `CREATE TABLE %s (id bigint PRIMARY KEY, a text, b text, c text, d text, price numeric(10,2), qty integer, at timestamp, day date, ok boolean)`

func benchRow(r []schema.Value, i int) {
	r[0] = schema.Value{Kind: schema.VInt, Int: int64(i)}
	r[5] = schema.Value{Kind: schema.VDecimal, Dec: schema.NewDecimal(int64(i*7), 2)}
	r[6] = schema.Value{Kind: schema.VInt, Int: int64(i % 1000)}
	r[7] = schema.Value{Kind: schema.VTimestamp, Int: int64(i) * 1_000_003}
	r[8] = schema.Value{Kind: schema.VDate, Int: int64(i % 9000)}
	r[9] = schema.Value{Kind: schema.VBool, Int: int64(i & 1)}
	for c, word := range []string{"the quick brown fox", "Zürich", "customer@example.com", "a somewhat longer text field here"} {
		r[c+1] = schema.Value{Kind: schema.VText, Bytes: []byte(word)}
	}
}

// benchLoad gives the time until all rows are handed over, and the time after that.
func benchLoad(b *testing.B, d *database, spec etl.LoadSpec, n int) (result etl.LoadResult, copied, published time.Duration) {
	b.Helper()
	started := time.Now()
	s, err := d.p.Begin(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	batch := s.NewBatch()
	r := make([]schema.Value, 10)
	benchRow(r, 0)
	for i := range n {
		benchRow(r, i)
		if bad := batch.Append(r, int64(i+2), int64(i+1)); bad != nil {
			b.Fatal(bad.Reason)
		}
		if batch.Len() >= benchBatch {
			if err := s.Write(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := s.Write(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	copied = time.Since(started)
	if result, err = s.Finish(b.Context()); err != nil {
		b.Fatal(err)
	}
	return result, copied, time.Since(started) - copied
}

// BenchmarkDirect and the others load a million rows of ten columns.
func BenchmarkDirect(b *testing.B) {
	d := newDatabase(b, fmt.Sprintf(benchTable, "t"))
	for b.Loop() {
		d.exec(`TRUNCATE t`)
		benchLoad(b, d, d.spec("t"), benchRows)
	}
}

func BenchmarkSkipRefused(b *testing.B) {
	d := newDatabase(b, fmt.Sprintf(benchTable, "t"))
	spec := d.spec("t")
	spec.SkipRefused = true
	for b.Loop() {
		d.exec(`TRUNCATE t`)
		benchLoad(b, d, spec, benchRows)
	}
}

// BenchmarkSkipConflicts loads 400,000 rows of which none, one or a thousand are
// in the table already.
func BenchmarkSkipConflicts(b *testing.B) {
	const rows = 400_000
	d := newDatabase(b, fmt.Sprintf(benchTable, "t"))
	for _, conflicts := range []int{0, 1, 1000} {
		b.Run(fmt.Sprint(conflicts), func(b *testing.B) {
			spec := d.spec("t")
			spec.SkipRefused = true
			for b.Loop() {
				d.exec(`TRUNCATE t`)
				d.exec(`INSERT INTO t (id) SELECT i * $1::bigint / ($2::bigint + 1) FROM generate_series(1, $2::bigint) i`, rows, conflicts)
				result, _, _ := benchLoad(b, d, spec, rows)
				if len(etltest.Rejects(result.Refused)) != conflicts {
					b.Fatalf("refused %d", len(etltest.Rejects(result.Refused)))
				}
			}
		})
	}
}

// BenchmarkUpsert merges a million rows that all conflict, and reports how much
// longer that takes after the rows have been staged than the database's own
// INSERT … SELECT … ON CONFLICT from a table with the same rows.
func BenchmarkUpsert(b *testing.B) {
	d := newDatabase(b, fmt.Sprintf(benchTable, "t"))
	benchLoad(b, d, d.spec("t"), benchRows)
	d.exec(`CREATE UNLOGGED TABLE same AS SELECT * FROM t ORDER BY id`)
	spec := upsert(d.spec("t"), "id")
	var ours, theirs time.Duration
	for b.Loop() {
		d.exec(`VACUUM FULL t`)
		_, _, published := benchLoad(b, d, spec, benchRows)
		ours += published
		d.exec(`VACUUM FULL t`)
		started := time.Now()
		d.exec(`INSERT INTO t SELECT * FROM same ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b, c = excluded.c, d = excluded.d,
			price = excluded.price, qty = excluded.qty, at = excluded.at, day = excluded.day, ok = excluded.ok`)
		theirs += time.Since(started)
	}
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "×merge")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s-merge")
}

// BenchmarkPublish reports what a row costs to be published from a stage:
// inserted into an empty table with a key, and merged into one that has every row.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name string
		of   func(etl.LoadSpec) etl.LoadSpec
		full bool
	}{
		{"insert", func(s etl.LoadSpec) etl.LoadSpec { return s }, false},
		{"upsert", func(s etl.LoadSpec) etl.LoadSpec { return upsert(s, "id") }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newDatabase(b, fmt.Sprintf(benchTable, "t"))
			spec := c.of(d.spec("t"))
			claim := etl.ChunkClaim{Chunk: 0, Attempt: 1, End: 136 << 20, Rows: benchRows}
			var published time.Duration
			for n := 0; b.Loop(); n++ {
				load := fmt.Sprintf("bench%d", n)
				d.exec(`TRUNCATE t`)
				if c.full {
					benchLoad(b, d, d.spec("t"), benchRows)
				}
				stage(b, d, load, spec, claim)
				started := time.Now()
				if _, err := d.p.Publish(b.Context(), load, spec, []etl.ChunkClaim{claim}); err != nil {
					b.Fatal(err)
				}
				published += time.Since(started)
			}
			b.ReportMetric(float64(published.Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

// stage loads the rows of a chunk.
func stage(b *testing.B, d *database, load string, spec etl.LoadSpec, claim etl.ChunkClaim) {
	b.Helper()
	if err := d.p.Prepare(b.Context(), load, spec); err != nil {
		b.Fatal(err)
	}
	s, err := d.p.BeginChunk(b.Context(), load, spec, claim)
	if err != nil {
		b.Fatal(err)
	}
	batch := s.NewBatch()
	r := make([]schema.Value, 10)
	for i := range int(claim.Rows) {
		benchRow(r, i)
		if bad := batch.Append(r, int64(i+2), int64(i+1)); bad != nil {
			b.Fatal(bad.Reason)
		}
		if batch.Len() >= benchBatch {
			if err := s.Write(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := s.Write(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Finish(b.Context()); err != nil {
		b.Fatal(err)
	}
}
