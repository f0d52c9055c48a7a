package load_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/load"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// memory is a destination that keeps rows as text, and fails when told to.
type memory struct {
	rows             []string
	spec             etl.LoadSpec
	failWrite        int
	refuse           func(row string) bool
	failFinish       error
	writes, finished int
	aborted          int
}

func (m *memory) Table(context.Context, string, string) (*schema.Table, error) { return nil, nil }
func (m *memory) CreateTableSQL(*schema.Table) string                          { return "" }
func (m *memory) Close(context.Context) error                                  { return nil }

func (m *memory) Begin(_ context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	m.spec = spec
	return m, nil
}
func (m *memory) NewBatch() etl.Batch { return &rows{} }

func (m *memory) Write(_ context.Context, b etl.Batch) error {
	if m.writes++; m.writes == m.failWrite {
		return errors.New("the destination went away")
	}
	m.rows = append(m.rows, b.(*rows).text...)
	return nil
}

func (m *memory) Finish(context.Context) (etl.LoadResult, error) {
	if m.failFinish != nil {
		return etl.LoadResult{}, m.failFinish
	}
	var done etl.LoadResult
	for _, r := range m.rows {
		if m.refuse == nil || !m.refuse(r) {
			done.Inserted++
			continue
		}
		bad := etl.Reject{Reason: "refused", Code: "check_violation", Column: "a"}
		if _, err := fmt.Sscanf(r, "%d|", &bad.Line); err != nil {
			return etl.LoadResult{}, err
		}
		if done.Refused == nil {
			done.Refused = &etl.Rejects{}
		}
		if err := done.Refused.Add(&bad); err != nil {
			return etl.LoadResult{}, err
		}
		if err := m.spec.AllowRefused(done.Refused.Len()); err != nil {
			return etl.LoadResult{}, &etl.RowsRefused{Err: err, Rows: done.Refused}
		}
	}
	m.finished++
	return done, nil
}

func (m *memory) Abort(context.Context) error {
	m.aborted++
	return nil
}

type rows struct {
	text  []string
	bytes int
}

func (b *rows) Append(row []schema.Value, line, _ int64) *etl.Reject {
	text := fmt.Sprintf("%d", line)
	for i := range row {
		text += "|" + string(row[i].AppendText(nil, schema.Type{Kind: schema.Text}))
	}
	if strings.Contains(text, "unencodable") {
		return &etl.Reject{Code: "unencodable", Reason: "the destination cannot hold it", Column: "b"}
	}
	b.text, b.bytes = append(b.text, text), b.bytes+len(text)
	return nil
}
func (b *rows) Len() int  { return b.bytes }
func (b *rows) Rows() int { return len(b.text) }
func (b *rows) Reset()    { b.text, b.bytes = nil, 0 }

var dialect = csv.Dialect{Delimiter: ",", Quote: '"'}

// program passes columns a and b on as text; b must be short and "drop" is filtered out.
func program(t require.TestingT) *transform.Program {
	m := etl.Mapping{Filter: `a != "drop"`, Columns: []etl.ColumnMapping{{Source: "a", Destination: "a", Type: "text"}, {Source: "b", Destination: "b", Type: "varchar(12)"}}}
	text := schema.Type{Kind: schema.Text}
	p, err := transform.Compile(m, []transform.Source{{Name: "a", Type: text}, {Name: "b", Type: text}}, nil, transform.Options{})
	require.NoError(t, err)
	return p
}

// pieces cuts text into parts of n lines each.
func pieces(text string, n int) []load.Part {
	var parts []load.Part
	lines := strings.SplitAfter(text, "\n")
	line := int64(1)
	for chunk := range slices.Chunk(lines, n) {
		body, start := strings.Join(chunk, ""), csv.Position{Line: line, Byte: 1}
		line += int64(strings.Count(body, "\n"))
		parts = append(parts, load.Part{Open: func(context.Context) (*csv.Reader, func() error, error) {
			r, err := csv.NewReader(strings.NewReader(body), dialect, csv.Options{Start: start})
			return r, nil, err
		}})
	}
	return parts
}

func config(t require.TestingT) load.Config {
	return load.Config{Program: program(t), Names: []string{"a", "b"}, BatchBytes: 64}
}

func TestRowsStayInFileOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "rows")
		var text strings.Builder
		var want []string
		var filtered, rejected int64
		for i := range n {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				fmt.Fprintf(&text, "drop,%d\n", i)
				filtered++
			case 1:
				fmt.Fprintf(&text, "x,far too long for it\n")
				rejected++
			case 2:
				fmt.Fprintf(&text, "x\n")
				rejected++
			default:
				fmt.Fprintf(&text, "x,%d\n", i)
				want = append(want, fmt.Sprintf("%d|x|%d", i+1, i))
			}
		}
		dest := &memory{}
		cfg := config(t)
		cfg.Policy.Mode = "skip"
		cfg.Parallel = rapid.IntRange(1, 5).Draw(t, "workers")
		var lines []int64
		cfg.OnReject = func(r *etl.Reject) error {
			lines = append(lines, r.Line)
			return nil
		}
		got, err := load.Run(t.Context(), dest, etl.LoadSpec{}, pieces(text.String(), rapid.IntRange(1, 50).Draw(t, "lines a part")), cfg)
		require.NoError(t, err)
		require.Equal(t, want, dest.rows)
		require.Equal(t, etl.Counts{Read: int64(n), Loaded: int64(len(want)), Inserted: int64(len(want)), Filtered: filtered, Rejected: rejected}, got.Counts)
		require.True(t, got.Counts.Balanced())
		require.True(t, slices.IsSorted(lines))
		require.Len(t, lines, int(rejected))
		require.Equal(t, 1, dest.finished)
	})
}

func TestFirstBadRowFailsTheLoad(t *testing.T) {
	text := "x,1\nx,2\nx,far too long for it\nx,4\nx,also far too long\n"
	for parallel := 1; parallel <= 3; parallel++ {
		dest := &memory{}
		cfg := config(t)
		cfg.Parallel = parallel
		_, err := load.Run(t.Context(), dest, etl.LoadSpec{}, pieces(text, 100), cfg)
		e, ok := errors.AsType[*etl.Error](err)
		require.True(t, ok)
		require.Equal(t, etl.Refused, e.Kind)
		require.Equal(t, int64(3), e.Line)
		require.Equal(t, "b", e.Column)
		require.Contains(t, e.Message, "and 1 more bad row among the 5 rows")
		require.Equal(t, 1, dest.aborted)
		require.Zero(t, dest.finished)
	}
}

func TestPolicyBounds(t *testing.T) {
	one, three, half, little := int64(1), int64(3), 0.5, 0.1
	text := "x,1\nx,far too long for it\nx,3\nx,also far too long\n"
	cases := []struct {
		name   string
		policy etl.BadRowPolicy
		refuse func(string) bool
		fails  string
	}{
		{"no bound", etl.BadRowPolicy{Mode: "skip"}, nil, ""},
		{"enough rows", etl.BadRowPolicy{Mode: "skip", MaxRows: &three}, nil, ""},
		{"too many rows", etl.BadRowPolicy{Mode: "skip", MaxRows: &one}, nil, "2 bad rows, more than the 1 allowed; the first is line 2"},
		{"half of them", etl.BadRowPolicy{Mode: "skip", MaxRatio: &half}, nil, ""},
		{"a tenth of them", etl.BadRowPolicy{Mode: "skip", MaxRatio: &little}, nil, "more than the 10% of 4 rows"},
		{"refused ones count", etl.BadRowPolicy{Mode: "skip", MaxRows: &three}, func(string) bool { return true }, "4 bad rows, more than the 3 allowed"},
		{"refused ones count in the share", etl.BadRowPolicy{Mode: "skip", MaxRatio: &half}, func(r string) bool { return strings.HasPrefix(r, "3|") }, "3 bad rows"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dest := &memory{refuse: c.refuse}
			cfg := config(t)
			cfg.Policy = c.policy
			got, err := load.Run(t.Context(), dest, etl.LoadSpec{}, pieces(text, 100), cfg)
			if c.fails == "" {
				require.NoError(t, err)
				require.Equal(t, int64(2), got.Counts.Rejected)
				require.Zero(t, dest.aborted)
				return
			}
			require.ErrorContains(t, err, c.fails)
			require.Equal(t, etl.Refused, etl.KindOf(err))
			require.Equal(t, 1, dest.aborted)
			require.Zero(t, dest.finished)
		})
	}
}

func TestRaggedRows(t *testing.T) {
	text := "x\nx,1,,\nx,1,2\n"
	run := func(pad bool) (dest *memory, rejects []*etl.Reject) {
		dest = &memory{}
		cfg := config(t)
		cfg.Policy.Mode, cfg.PadShort = "skip", pad
		cfg.OnReject = func(r *etl.Reject) error {
			rejects = append(rejects, r)
			return nil
		}
		_, err := load.Run(t.Context(), dest, etl.LoadSpec{}, pieces(text, 100), cfg)
		require.NoError(t, err)
		return dest, rejects
	}
	dest, rejects := run(false)
	require.Equal(t, []string{"2|x|1"}, dest.rows)
	require.Len(t, rejects, 2)
	require.Equal(t, etl.Code("short_row"), rejects[0].Code)
	require.Equal(t, `the row has 1 field, the header has 2: "b" is the first that is missing`, rejects[0].Reason)
	require.Equal(t, etl.Code("long_row"), rejects[1].Code)
	require.Equal(t, []string{"x", "1", "2"}, rejects[1].Fields)
	require.Equal(t, "x,1,2", string(rejects[1].Raw))
	dest, rejects = run(true)
	require.Equal(t, []string{"1|x|", "2|x|1"}, dest.rows)
	require.Len(t, rejects, 1)
}

func TestWhatTheDestinationCannotEncodeIsABadRow(t *testing.T) {
	cfg := config(t)
	_, err := load.Run(t.Context(), &memory{}, etl.LoadSpec{}, pieces("x,1\nunencodable,2\n", 100), cfg)
	require.ErrorContains(t, err, `line 2, column "b": the destination cannot hold it`)
}

// Every failure ends the load, joins every goroutine and rolls back once.
func TestFailuresRollBack(t *testing.T) {
	text := strings.Repeat("x,1234567890\n", 2000)
	broken := errors.New("broken")
	cases := map[string]func(*memory, *load.Config, *[]load.Part) context.Context{
		"first write": func(m *memory, _ *load.Config, _ *[]load.Part) context.Context { m.failWrite = 1; return t.Context() },
		"later write": func(m *memory, _ *load.Config, _ *[]load.Part) context.Context { m.failWrite = 7; return t.Context() },
		"finish": func(m *memory, _ *load.Config, _ *[]load.Part) context.Context {
			m.failFinish = broken
			return t.Context()
		},
		"before publish": func(_ *memory, c *load.Config, _ *[]load.Part) context.Context {
			c.BeforePublish = func() error { return broken }
			return t.Context()
		},
		"open": func(_ *memory, _ *load.Config, p *[]load.Part) context.Context {
			(*p)[3].Open = func(context.Context) (*csv.Reader, func() error, error) { return nil, nil, broken }
			return t.Context()
		},
		"verify": func(_ *memory, _ *load.Config, p *[]load.Part) context.Context {
			open := (*p)[3].Open
			(*p)[3].Open = func(ctx context.Context) (*csv.Reader, func() error, error) {
				r, _, err := open(ctx)
				return r, func() error { return broken }, err
			}
			return t.Context()
		},
		"read": func(_ *memory, _ *load.Config, p *[]load.Part) context.Context {
			(*p)[3].Open = func(context.Context) (*csv.Reader, func() error, error) {
				r, err := csv.NewReader(failingReader{broken}, dialect, csv.Options{})
				return r, nil, err
			}
			return t.Context()
		},
		"rejects": func(_ *memory, c *load.Config, p *[]load.Part) context.Context {
			c.Policy.Mode, c.OnReject = "skip", func(*etl.Reject) error { return broken }
			*p = append(*p, pieces("short\n", 1)...)
			return t.Context()
		},
		"cancelled": func(_ *memory, _ *load.Config, p *[]load.Part) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			open := (*p)[5].Open
			(*p)[5].Open = func(ctx context.Context) (*csv.Reader, func() error, error) {
				cancel()
				return open(ctx)
			}
			return ctx
		},
	}
	for name, breakIt := range cases {
		for parallel := 1; parallel <= 3; parallel++ {
			t.Run(fmt.Sprintf("%s, %d workers", name, parallel), func(t *testing.T) {
				dest, cfg, parts := &memory{}, config(t), pieces(text, 100)
				cfg.Parallel = parallel
				ctx := breakIt(dest, &cfg, &parts)
				_, err := load.Run(ctx, dest, etl.LoadSpec{}, parts, cfg)
				require.Error(t, err)
				require.Equal(t, 1, dest.aborted)
				require.Zero(t, dest.finished)
			})
		}
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// Memory must not grow with the number of bad rows or the size of the file.
func TestEndlessInputIsBounded(t *testing.T) {
	row := []byte("x,1234567890\nx,far too long for it\n")
	dest := &counting{}
	cfg := load.Config{Program: program(t), Names: []string{"a", "b"}, Policy: etl.BadRowPolicy{Mode: "skip"}}
	part := load.Part{Open: func(context.Context) (*csv.Reader, func() error, error) {
		r, err := csv.NewReader(&repeated{row: row, left: 20 << 20}, dialect, csv.Options{})
		return r, nil, err
	}}
	got, err := load.Run(t.Context(), dest, etl.LoadSpec{}, []load.Part{part}, cfg)
	require.NoError(t, err)
	require.Equal(t, got.Counts.Read, 2*got.Counts.Rejected)
	require.LessOrEqual(t, dest.most, load.DefaultBatchBytes+200)
}

// counting is a destination that keeps nothing.
type counting struct {
	memory
	inserted int64
	most     int
}

func (c *counting) Begin(_ context.Context, spec etl.LoadSpec) (etl.LoadSession, error) {
	c.spec = spec
	return c, nil
}

func (c *counting) Write(_ context.Context, b etl.Batch) error {
	c.inserted += int64(b.Rows())
	c.most = max(c.most, b.Len())
	return nil
}

func (c *counting) Finish(context.Context) (etl.LoadResult, error) {
	return etl.LoadResult{Inserted: c.inserted}, nil
}

type repeated struct {
	row  []byte
	rest []byte
	left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left <= 0 {
			return 0, io.EOF
		}
		r.rest = bytes.Repeat(r.row, 100)
		r.left -= len(r.rest)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
