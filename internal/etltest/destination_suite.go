package etltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// DestinationSetup is an empty database with its adapter.
type DestinationSetup struct {
	Dest etl.FanOut
	// Exec runs a statement; Ask gives a query's rows as text: columns joined
	// by |, rows by a newline, NULL as ∅.
	Exec func(sql string)
	Ask  func(sql string) string
}

// DestinationSuite checks what every etl.FanOut promises: all or nothing,
// whatever is repeated, lost or raced. open gives each test a database of its own.
func DestinationSuite(t *testing.T, open func(t *testing.T) DestinationSetup) {
	t.Helper()
	for _, test := range []struct {
		name string
		do   func(*destinationSuite)
	}{
		{"Table", (*destinationSuite).table},
		{"Insert", (*destinationSuite).insert},
		{"Upsert", (*destinationSuite).upsert},
		{"UpsertFirstAndFail", (*destinationSuite).duplicates},
		{"TruncateInsert", (*destinationSuite).truncateInsert},
		{"Create", (*destinationSuite).create},
		{"DryRun", (*destinationSuite).dryRun},
		{"ChunksMissing", (*destinationSuite).missing},
		{"Ledger", (*destinationSuite).ledger},
		{"Drop", (*destinationSuite).drop},
		{"Refused", (*destinationSuite).refused},
		{"Race", (*destinationSuite).race},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &destinationSuite{t: t, DestinationSetup: open(t)}
			s.Exec("CREATE TABLE items (id INTEGER NOT NULL, name VARCHAR(10), PRIMARY KEY (id))")
			s.Exec("INSERT INTO items VALUES (1, 'old')")
			test.do(s)
		})
	}
}

type destinationSuite struct {
	DestinationSetup

	t *testing.T
}

const suiteLoad = "suite-1_a"

// item makes a row; an empty name is NULL.
func item(id int64, name string) []schema.Value {
	row := []schema.Value{{Kind: schema.VInt, Int: id}, {Kind: schema.VText, Bytes: []byte(name)}}
	if name == "" {
		row[1] = schema.Value{}
	}
	return row
}

func (s *destinationSuite) ctx() context.Context { return s.t.Context() }

func (s *destinationSuite) spec(strategy etl.Strategy) etl.LoadSpec {
	s.t.Helper()
	table, err := s.Dest.Table(s.ctx(), "", "items")
	if err != nil {
		s.t.Fatal(err)
	}
	spec := etl.LoadSpec{Table: table, Columns: table.Columns, Strategy: strategy}
	if strategy == etl.Upsert {
		spec.Keys = []string{"id"}
	}
	return spec
}

func (s *destinationSuite) want(sql, want string) {
	s.t.Helper()
	if got := s.Ask(sql); got != want {
		s.t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

const allItems = "SELECT id, name FROM items ORDER BY id"

// suiteClaims plans chunks of a file in which every row is 10 bytes long and a line.
func suiteClaims(chunks [][][]schema.Value) []etl.ChunkClaim {
	var at int64
	out := make([]etl.ChunkClaim, len(chunks))
	for i, rows := range chunks {
		end := at + 10*int64(len(rows))
		out[i] = etl.ChunkClaim{Chunk: i, Attempt: 1, Start: at, End: end, Rows: int64(len(rows))}
		at = end
	}
	return out
}

// stage loads one chunk.
func (s *destinationSuite) stage(spec etl.LoadSpec, chunks [][][]schema.Value, i int) error {
	c := suiteClaims(chunks)[i]
	session, err := s.Dest.BeginChunk(s.ctx(), suiteLoad, spec, c)
	if err != nil {
		return err
	}
	return s.send(session, chunks[i], c.Start/10)
}

func (s *destinationSuite) send(session etl.LoadSession, rows [][]schema.Value, before int64) error {
	b := session.NewBatch()
	for k, row := range rows {
		record := before + int64(k) + 1
		if bad := b.Append(row, record+1, record); bad != nil {
			return errors.Join(fmt.Errorf("line %d: %s", bad.Line, bad.Reason), session.Abort(s.ctx()))
		}
	}
	if err := session.Write(s.ctx(), b); err != nil {
		return errors.Join(err, session.Abort(s.ctx()))
	}
	_, err := session.Finish(s.ctx())
	return errors.Join(err, session.Abort(s.ctx()), session.Abort(s.ctx()))
}

func (s *destinationSuite) prepare(spec etl.LoadSpec) {
	s.t.Helper()
	for range 2 {
		if err := s.Dest.Prepare(s.ctx(), suiteLoad, spec); err != nil {
			s.t.Fatal(err)
		}
	}
}

// load does a whole load, every method of it twice, and the chunks backwards.
func (s *destinationSuite) load(spec etl.LoadSpec, chunks ...[][]schema.Value) etl.LoadResult {
	s.t.Helper()
	before := s.Ask(allItems)
	s.prepare(spec)
	for i := range slices.Backward(chunks) {
		if err := s.stage(spec, chunks, i); err != nil {
			s.t.Fatal(err)
		}
		var done *etl.ChunkDone
		if err := s.stage(spec, chunks, i); !errors.As(err, &done) || done.Counts.Loaded != int64(len(chunks[i])) {
			s.t.Errorf("chunk %d twice: %v", i, err)
		}
	}
	s.want(allItems, before)
	if found, err := s.Dest.Published(s.ctx(), suiteLoad); found != nil || err != nil {
		s.t.Errorf("published already: %+v, %v", found, err)
	}
	result, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
	if err != nil {
		s.t.Fatal(err)
	}
	after := s.Ask(allItems)
	again, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
	if err != nil || again.Inserted != result.Inserted || again.Updated != result.Updated || again.Deduplicated != result.Deduplicated {
		s.t.Errorf("published twice: %+v, then %+v, %v", result, again, err)
	}
	if found, err := s.Dest.Published(s.ctx(), suiteLoad); err != nil || found == nil || found.Inserted != result.Inserted || found.Updated != result.Updated {
		s.t.Errorf("published: %+v, %v", found, err)
	}
	// What comes late changes nothing.
	if err := s.Dest.Prepare(s.ctx(), suiteLoad, spec); err != nil {
		s.t.Errorf("prepared after it was published: %v", err)
	}
	if err := s.stage(spec, chunks, 0); !hasErrorCode(err, "load_gone") {
		s.t.Errorf("a late loader: %v", err)
	}
	s.want(allItems, after)
	s.nothingStaged()
	return result
}

func hasErrorCode(err error, code etl.Code) bool {
	var e *etl.Error
	return errors.As(err, &e) && e.Code == code
}

func (s *destinationSuite) nothingStaged() {
	s.t.Helper()
	if stages, err := s.Dest.Stages(s.ctx()); err != nil || len(stages) > 0 {
		s.t.Errorf("stages %v, %v", stages, err)
	}
}

func (s *destinationSuite) table() {
	spec := s.spec(etl.Insert)
	if c := spec.Table.Columns; len(c) != 2 || c[0].Name != "id" || !c[0].NotNull || c[0].Type.Kind != schema.Integer || c[1].Type.Kind != schema.Varchar || c[1].Type.Length != 10 {
		s.t.Errorf("%+v", c)
	}
	if u := spec.Table.Unique; len(u) != 1 || !u[0].Primary || !slices.Equal(u[0].Columns, []string{"id"}) {
		s.t.Errorf("%+v", u)
	}
	_, err := s.Dest.Table(s.ctx(), "", "item")
	if !hasErrorCode(err, "table_not_found") {
		s.t.Errorf("a table that is not there: %v", err)
	}
}

func (s *destinationSuite) insert() {
	result := s.load(s.spec(etl.Insert), [][]schema.Value{item(2, `a,"b"`), item(3, "c\nd")}, [][]schema.Value{item(4, "")}, nil)
	if result.Inserted != 3 || result.Updated != 0 {
		s.t.Errorf("%+v", result)
	}
	s.want(allItems, "1|old\n2|a,\"b\"\n3|c\nd\n4|∅")
}

func (s *destinationSuite) upsert() {
	result := s.load(s.spec(etl.Upsert), [][]schema.Value{item(1, "new"), item(2, "first")}, [][]schema.Value{item(2, "last"), item(3, "c")})
	if result.Inserted != 2 || result.Updated != 1 || result.Deduplicated != 1 {
		s.t.Errorf("%+v", result)
	}
	s.want(allItems, "1|new\n2|last\n3|c")
}

func (s *destinationSuite) duplicates() {
	spec := s.spec(etl.Upsert)
	spec.DuplicateKeys = "fail"
	chunks := [][][]schema.Value{{item(2, "first")}, {item(3, "c"), item(2, "last")}}
	s.prepare(spec)
	for i := range chunks {
		if err := s.stage(spec, chunks, i); err != nil {
			s.t.Fatal(err)
		}
	}
	_, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
	if etl.KindOf(err) != etl.Refused {
		s.t.Errorf("a key twice: %v", err)
	}
	s.want(allItems, "1|old")
	spec.DuplicateKeys = "first"
	if result, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks)); err != nil || result.Inserted != 2 || result.Deduplicated != 1 {
		s.t.Errorf("%+v, %v", result, err)
	}
	s.want(allItems, "1|old\n2|first\n3|c")
}

func (s *destinationSuite) truncateInsert() {
	result := s.load(s.spec(etl.TruncateInsert), [][]schema.Value{item(7, "g")})
	if result.Inserted != 1 {
		s.t.Errorf("%+v", result)
	}
	s.want(allItems, "7|g")
}

func (s *destinationSuite) create() {
	table := &schema.Table{Name: "made", Columns: []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}, {Name: "name", Type: schema.Type{Kind: schema.Text}}}}
	s.load(etl.LoadSpec{Table: table, Columns: table.Columns, Create: true, Strategy: etl.Insert}, [][]schema.Value{item(1, "a")}, [][]schema.Value{item(2, "b")})
	s.want("SELECT id, name FROM made ORDER BY id", "1|a\n2|b")
}

func (s *destinationSuite) dryRun() {
	for strategy, want := range map[etl.Strategy][2]int64{etl.Insert: {1, 0}, etl.TruncateInsert: {1, 0}, etl.Upsert: {1, 1}} {
		spec := s.spec(strategy)
		spec.DryRun, spec.Explain, spec.Sample = true, true, 5
		rows := [][]schema.Value{item(5, "e")}
		if strategy == etl.Upsert {
			rows = append(rows, item(1, "new"))
		}
		session, err := s.Dest.Begin(s.ctx(), spec)
		if err != nil {
			s.t.Fatal(err)
		}
		b := session.NewBatch()
		for i, row := range rows {
			b.Append(row, int64(i+2), int64(i+1))
		}
		err = session.Write(s.ctx(), b)
		var result etl.LoadResult
		if err == nil {
			result, err = session.Finish(s.ctx())
		}
		if err := errors.Join(err, session.Abort(s.ctx())); err != nil {
			s.t.Fatalf("%s: %v", strategy, err)
		}
		c := result.Comparison
		if result.Inserted != want[0] || result.Updated != want[1] || c == nil || len(c.Rows) != len(rows) || len(c.SQL) == 0 {
			s.t.Errorf("%s: %+v", strategy, result)
			continue
		}
		if last := c.Rows[len(rows)-1]; strategy == etl.Upsert && (last.Before == nil || *last.Before[1] != "old" || *last.After[1] != "new" || c.Rows[0].Before != nil) {
			s.t.Errorf("%+v", c)
		}
	}
	s.want(allItems, "1|old")
}

func (s *destinationSuite) missing() {
	spec := s.spec(etl.Insert)
	chunks := [][][]schema.Value{{item(2, "b")}, {item(3, "c")}, {item(4, "d")}}
	s.prepare(spec)
	if stages, err := s.Dest.Stages(s.ctx()); err != nil || !slices.Equal(stages, []string{suiteLoad}) {
		s.t.Errorf("stages %v, %v", stages, err)
	}
	if err := s.stage(spec, chunks, 1); err != nil {
		s.t.Fatal(err)
	}
	_, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
	var lost *etl.ChunksMissing
	if !errors.As(err, &lost) || !slices.Equal(lost.Chunks, []int{0, 2}) {
		s.t.Errorf("two chunks lack: %v", err)
	}
	s.want(allItems, "1|old")
}

func (s *destinationSuite) ledger() {
	spec := s.spec(etl.Insert)
	chunks := [][][]schema.Value{{item(2, "b")}, {item(3, "c")}}
	s.prepare(spec)
	for i := range chunks {
		if err := s.stage(spec, chunks, i); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, change := range map[string]func(c []etl.ChunkClaim){
		"rows": func(c []etl.ChunkClaim) { c[1].Rows++ }, "filtered": func(c []etl.ChunkClaim) { c[0].Filtered++ },
		"span": func(c []etl.ChunkClaim) { c[1].End++ }, "gap": func(c []etl.ChunkClaim) { c[1].Start++ },
	} {
		c := suiteClaims(chunks)
		change(c)
		if _, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, c); !hasErrorCode(err, "ledger_mismatch") {
			s.t.Errorf("%s: %v", name, err)
		}
	}
	s.want(allItems, "1|old")
}

func (s *destinationSuite) drop() {
	spec := s.spec(etl.Insert)
	chunks := [][][]schema.Value{{item(2, "b")}}
	s.prepare(spec)
	session, err := s.Dest.BeginChunk(s.ctx(), suiteLoad, spec, suiteClaims(chunks)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	for range 2 {
		if err := s.Dest.Drop(s.ctx(), suiteLoad); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.send(session, chunks[0], 0); err == nil {
		s.t.Error("a chunk was staged in a load that was dropped")
	}
	if err := s.stage(spec, chunks, 0); !hasErrorCode(err, "load_gone") {
		s.t.Errorf("a chunk after the drop: %v", err)
	}
	if _, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks)); !hasErrorCode(err, "load_gone") {
		s.t.Errorf("published after the drop: %v", err)
	}
	s.nothingStaged()
	s.want(allItems, "1|old")
	// A load that begins anew begins empty.
	s.prepare(spec)
	_, err = s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
	if _, lost := errors.AsType[*etl.ChunksMissing](err); !lost {
		s.t.Errorf("a load that began anew: %v", err)
	}
}

// refused sends a NULL into a column that takes none: the batch refuses it, or the database.
func (s *destinationSuite) refused() {
	spec := s.spec(etl.TruncateInsert)
	spec.SkipRefused = true
	session, err := s.Dest.Begin(s.ctx(), spec)
	if err != nil {
		s.t.Fatal(err)
	}
	b := session.NewBatch()
	var refused []int64
	for i, row := range [][]schema.Value{item(2, "b"), {{}, {}}, item(3, "c")} {
		if bad := b.Append(row, int64(i+2), int64(i+1)); bad != nil {
			refused = append(refused, bad.Line)
		}
	}
	if err := session.Write(s.ctx(), b); err != nil {
		s.t.Fatal(err)
	}
	result, err := session.Finish(s.ctx())
	if err := errors.Join(err, session.Abort(s.ctx())); err != nil {
		s.t.Fatal(err)
	}
	for _, bad := range Rejects(result.Refused) {
		refused = append(refused, bad.Line)
	}
	if result.Inserted != 2 || !slices.Equal(refused, []int64{3}) {
		s.t.Errorf("%+v, refused %v", result, refused)
	}
	s.want(allItems, "2|b\n3|c")
}

// race has everything done by several at once.
func (s *destinationSuite) race() {
	spec := s.spec(etl.Insert)
	chunks := [][][]schema.Value{{item(2, "b")}, {item(3, "c")}}
	s.prepare(spec)
	var group sync.WaitGroup
	for n := range 6 {
		group.Go(func() {
			for {
				err := s.stage(spec, chunks, n%2)
				var done *etl.ChunkDone
				var later *etl.RetryAfter
				switch {
				case err == nil, errors.As(err, &done):
					return
				case !errors.As(err, &later):
					s.t.Errorf("delivery %d: %v", n, err)
					return
				}
			}
		})
	}
	group.Wait()
	for range 4 {
		group.Go(func() {
			result, err := s.Dest.Publish(s.ctx(), suiteLoad, spec, suiteClaims(chunks))
			var later *etl.RetryAfter
			if hasErrorCode(err, "publishing_elsewhere") || errors.As(err, &later) {
				return
			}
			if err != nil || result.Inserted != 2 {
				s.t.Errorf("%+v, %v", result, err)
			}
		})
	}
	group.Wait()
	s.want(allItems, "1|old\n2|b\n3|c")
}
