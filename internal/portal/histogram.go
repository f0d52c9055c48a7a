package portal

import (
	"context"
	"math"
	"strconv"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

const (
	// histogramColumns and histogramValues bound what one request holds: of more
	// values a column's later ones are left out.
	histogramColumns = 200
	histogramValues  = 100_000
)

// Histograms are those of a file's columns of numbers and times.
type Histograms struct {
	Columns []Histogram `json:"columns" doc:"Those of numbers, dates and timestamps, in the file's order"`
	Rows    int64       `json:"rows" doc:"The rows that were counted"`
	// Complete says that they are all of the file's.
	Complete bool `json:"complete" doc:"Every row was counted, not only the first ones"`
}

// Histogram counts a column's values in bins of equal width.
type Histogram struct {
	Column string `json:"column"`
	Type   string `json:"type"`
	Bins   []Bin  `json:"bins" doc:"From the smallest to the largest value; empty without values"`
}

// Bin is a part of a histogram.
type Bin struct {
	From  string `json:"from" doc:"Inclusive"`
	To    string `json:"to" doc:"Exclusive, but for the last bin"`
	Count int64  `json:"count"`
}

// Histograms counts the values of the first rows of a file, those of 8 MiB.
func (p *Portal) Histograms(ctx context.Context, id string, bins int) (*Histograms, error) {
	src, err := p.inspected(ctx, id)
	if err != nil {
		return nil, err
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return nil, err
	}
	sources := sourcesOf(columns)
	var m etl.Mapping
	for _, s := range sources {
		if measured(s.Type.Kind) && len(m.Columns) < histogramColumns {
			m.Columns = append(m.Columns, etl.ColumnMapping{Source: s.Name, Destination: s.Name})
		}
	}
	out := &Histograms{Columns: []Histogram{}, Complete: true}
	if len(m.Columns) == 0 {
		return out, nil
	}
	program, err := transform.Compile(m, sources, nil, p.zoneOf(&src))
	if err != nil {
		return nil, forAPI(err)
	}
	runner, found := program.NewRunner(), make([]measures, len(m.Columns))
	out.Complete, err = p.scan(ctx, &src, func(rec *csv.Record) {
		if rec.Bad != nil || len(rec.Fields) != len(sources) {
			return
		}
		out.Rows++
		_, _ = runner.Cells(rec.Fields, rec.Quoted, func(i int, v *schema.Value, bad *etl.Reject) {
			if bad == nil {
				found[i].add(v)
			}
		})
	})
	for i, c := range program.Columns() {
		out.Complete = out.Complete && !found[i].cut
		out.Columns = append(out.Columns, Histogram{m.Columns[i].Source, c.Type.String(), found[i].bins(bins)})
	}
	return out, err
}

// measured says whether values of a kind have distances.
func measured(k schema.Kind) bool {
	switch k {
	case schema.SmallInt, schema.Integer, schema.BigInt, schema.Numeric, schema.Real, schema.Double, schema.Date, schema.Timestamp, schema.TimestampTZ:
		return true
	}
	return false
}

// measures are a column's values as numbers.
type measures struct {
	kind   schema.ValueKind
	values []float64
	cut    bool
}

func (m *measures) add(v *schema.Value) {
	x := float64(v.Int)
	switch v.Kind {
	case schema.VNull:
		return
	case schema.VDecimal:
		x = v.Dec.Float64()
	case schema.VFloat:
		x = v.Float
	case schema.VDate, schema.VTimestamp, schema.VTimestampTZ:
		// The ends of the range are infinity and its opposite.
		if v.Int == math.MaxInt64 || v.Int == math.MinInt64 {
			return
		}
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return
	}
	if len(m.values) >= histogramValues {
		m.cut = true
		return
	}
	m.kind, m.values = v.Kind, append(m.values, x)
}

// bins cuts the range into at most n parts, of whole numbers where the values are.
func (m *measures) bins(n int) []Bin {
	if len(m.values) == 0 {
		return []Bin{}
	}
	low, high := m.values[0], m.values[0]
	for _, x := range m.values {
		low, high = min(low, x), max(high, x)
	}
	whole := m.kind != schema.VDecimal && m.kind != schema.VFloat
	width := (high - low) / float64(n)
	if whole {
		width = max(math.Ceil((high-low+1)/float64(n)), 1)
	}
	if width <= 0 || math.IsInf(width, 0) {
		return []Bin{{m.text(low), m.text(high), int64(len(m.values))}}
	}
	count := n
	if whole {
		count = int((high-low)/width) + 1
	}
	out := make([]Bin, count)
	for i := range out {
		out[i].From, out[i].To = m.text(low+float64(i)*width), m.text(low+float64(i+1)*width)
	}
	if !whole {
		out[count-1].To = m.text(high)
	}
	for _, x := range m.values {
		out[min(int((x-low)/width), count-1)].Count++
	}
	return out
}

// text writes a number as its column would.
func (m *measures) text(x float64) string {
	switch m.kind {
	case schema.VDate, schema.VTimestamp, schema.VTimestampTZ:
		v := schema.Value{Kind: m.kind, Int: int64(x)}
		return string(v.AppendText(nil, schema.Type{}))
	case schema.VInt:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 12, 64)
}
