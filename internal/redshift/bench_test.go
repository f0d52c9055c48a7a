package redshift_test

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// sink is an object store that counts the bytes of parts and keeps the rest.
type sink struct {
	etl.Blobs
	mu   sync.Mutex
	kept map[string]string
	// sizes are those of the parts, by key.
	sizes map[string]int64
}

func newSink() *sink { return &sink{kept: map[string]string{}, sizes: map[string]int64{}} }

func (s *sink) Put(_ context.Context, key string, r io.Reader) (etl.ObjectRef, error) {
	if strings.HasSuffix(key, ".zst") {
		n, err := io.Copy(io.Discard, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sizes[key] = n
		return etl.ObjectRef{Key: key, Size: n}, err
	}
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[key] = string(text)
	return etl.ObjectRef{Key: key, Size: int64(len(text))}, err
}

func (s *sink) Head(_ context.Context, key string) (etl.ObjectRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.kept[key]
	if !ok {
		return etl.ObjectRef{}, &etl.Error{Kind: etl.Mistake, Code: "object_not_found"}
	}
	return etl.ObjectRef{Key: key, Size: int64(len(text))}, nil
}

func (s *sink) Range(_ context.Context, ref etl.ObjectRef, _, _ int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return io.NopCloser(strings.NewReader(s.kept[ref.Key])), nil
}

// A chunk gives a part of a good size, and a file of some size gives several.
func TestStagedChunk(t *testing.T) {
	r, err := redshift.New(nil, redshift.Options{Staging: redshift.Staging{Blobs: newSink(), Bucket: "bucket", Role: "default"}})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[int64]int64{0: 64 << 20, 1 << 30: 64 << 20, 2 << 30: 128 << 20, 100 << 30: 192 << 20} {
		if got := r.StagedChunk(file); got != want {
			t.Errorf("a file of %d bytes: chunks of %d, want %d", file, got, want)
		}
	}
}

// benchColumns are of orders, as cmd/bench makes them: ten columns, 136 bytes a row in the file.
var benchColumns = []schema.Column{
	{Name: "id", Type: schema.Type{Kind: schema.BigInt}},
	{Name: "customer", Type: schema.Type{Kind: schema.Varchar, Length: 100}},
	{Name: "city", Type: schema.Type{Kind: schema.Varchar, Length: 100}},
	{Name: "product", Type: schema.Type{Kind: schema.Varchar, Length: 100}},
	{Name: "note", Type: schema.Type{Kind: schema.Varchar, Length: 100}},
	{Name: "amount", Type: schema.Type{Kind: schema.Numeric, Precision: 12, Scale: 2}},
	{Name: "qty", Type: schema.Type{Kind: schema.Integer}},
	{Name: "ordered_at", Type: schema.Type{Kind: schema.Timestamp}},
	{Name: "ship_date", Type: schema.Type{Kind: schema.Date}},
	{Name: "paid", Type: schema.Type{Kind: schema.Boolean}},
}

const (
	benchRows     = 1_000_000
	benchRowBytes = 136
)

func benchRow(r []schema.Value, i int, random *rand.Rand) {
	one := func(words ...string) schema.Value {
		return schema.Value{Kind: schema.VText, Bytes: []byte(words[random.IntN(len(words))])}
	}
	day := int64(18262 + random.IntN(5*365))
	customer := one("Alexandra", "Benjamin", "Charlotte", "Dominik", "Eleonora", "Friedrich", "Gabriela", "Henrik")
	customer.Bytes = append(append(customer.Bytes, ' '), one("Andersen", "Bianchi", "Castellanos", "Dvorak", "Eriksson", "Fitzgerald", "Grabowski", "Hoffmann").Bytes...)
	copy(r, []schema.Value{
		{Kind: schema.VInt, Int: int64(1_000_000 + i)},
		customer,
		one("Amsterdam", "Barcelona", "Copenhagen", "Dublin", "Edinburgh", "Florence", "Gothenburg", "Hamburg"),
		one("Adjustable chair", "Bluetooth keyboard", "Ceramic coffee mug", "Desk lamp, dimmable", "Ergonomic mouse", "Felt pen set", "Glass whiteboard", `27" monitor`),
		one("please deliver before ten o'clock in the morning", "leave the parcel with the neighbour", "invoice by post to the head office, not by e-mail", "gift wrapping and a card with the name", "", `customer wrote: "call me first"`),
		{Kind: schema.VDecimal, Dec: schema.NewDecimal(int64(random.IntN(1_000_000)), 2)},
		{Kind: schema.VInt, Int: int64(1 + random.IntN(99))},
		{Kind: schema.VTimestamp, Int: day*86_400_000_000 + int64(random.IntN(86400))*1_000_000},
		{Kind: schema.VDate, Int: day + int64(1+random.IntN(9))},
		{Kind: schema.VBool, Int: int64(random.IntN(2))},
	})
}

// BenchmarkStaging writes a million rows into parts: what a loader does after
// it has read and converted them. zipped is the share of the file's bytes that
// the parts have.
func BenchmarkStaging(b *testing.B) {
	rows := make([][]schema.Value, 50_000)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range rows {
		rows[i] = make([]schema.Value, len(benchColumns))
		benchRow(rows[i], i, random)
	}
	store := newSink()
	store.kept["redshift/bench/stage.json"] = `{"nonce": "n"}`
	r, err := redshift.New(nil, redshift.Options{Staging: redshift.Staging{Blobs: store, Bucket: "bucket", Role: "default"}})
	if err != nil {
		b.Fatal(err)
	}
	spec := etl.LoadSpec{Table: &schema.Table{Name: "orders", Columns: benchColumns}, Columns: benchColumns}
	b.SetBytes(benchRows * benchRowBytes)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		session, err := r.BeginChunk(b.Context(), "bench", spec, etl.ChunkClaim{Chunk: n, Attempt: 1})
		if err != nil {
			b.Fatal(err)
		}
		batch := session.NewBatch()
		for i := range benchRows {
			if bad := batch.Append(rows[i%len(rows)], int64(i+2), int64(i+1)); bad != nil {
				b.Fatal(bad.Reason)
			}
			if batch.Len() >= 256<<10 {
				if err := session.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := session.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		if _, err := session.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	var parts int64
	for _, size := range store.sizes {
		parts += size
	}
	b.ReportMetric(float64(parts)/float64(b.N)/(benchRows*benchRowBytes), "zipped")
}
