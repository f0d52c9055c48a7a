package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

// fitBytes is how much of a file is tried against types, in bytes.
const fitBytes = 8 << 20

// FitInput asks which types hold a column.
type FitInput struct {
	Column string `json:"column" minLength:"1"`
	// Choices is what to try.
	Choices    []FitChoice `json:"choices,omitempty" maxItems:"50" doc:"Absent: the common types"`
	NullValues *[]string   `json:"null_values,omitempty" maxItems:"255" doc:"The words that mean NULL; absent: as inspection found"`
}

// FitChoice is a type and how it is written.
type FitChoice struct {
	Type   string `json:"type" maxLength:"200"`
	Format string `json:"format,omitempty" maxLength:"200"`
}

// Fits are the choices for a column's type.
type Fits struct {
	Column string    `json:"column"`
	Found  FitChoice `json:"found" doc:"What inspection found"`
	Fits   []Fit     `json:"choices"`
	Rows   int64     `json:"rows_tried"`
	// Complete says that the whole file was tried.
	Complete bool `json:"complete" doc:"Every row was tried, not only those of the first 8 MiB"`
}

// Fit says whether a type holds a column.
type Fit struct {
	FitChoice

	Fits     bool  `json:"fits"`
	Rejected int64 `json:"rejected" doc:"Of the rows tried"`
	// CounterExample is the first value that does not fit.
	CounterExample *Counter `json:"counter_example,omitempty" doc:"The first value that does not fit"`
	Error          string   `json:"error,omitempty" doc:"Why the type or its format cannot be used at all"`
}

// Counter is a value that a type does not hold.
type Counter struct {
	Line   int64  `json:"line"`
	Value  string `json:"value"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// commonTypes are what a person may choose from.
var commonTypes = []string{"boolean", "smallint", "integer", "bigint", "numeric", "double precision", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "jsonb", "text"}

// Fit tries types on a column of a file.
func (p *Portal) Fit(ctx context.Context, id string, in FitInput) (*Fits, error) {
	src, err := p.inspected(ctx, id)
	if err != nil {
		return nil, err
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(columns, func(c workflow.ColumnView) bool { return c.Name == in.Column })
	if i < 0 {
		return nil, at(etl.Mistakef("unknown_column", "Use the names that the metadata lists", "the file has no column %q", in.Column), "body.column")
	}
	found := &columns[i]
	out := &Fits{Column: in.Column, Found: FitChoice{found.Type, found.Format}, Fits: []Fit{}}
	choices := in.Choices
	if len(choices) == 0 {
		choices = choicesFor(found)
	}
	sources := sourcesOf(columns)
	runners := make([]*transform.Runner, len(choices))
	for k, c := range choices {
		fit := Fit{FitChoice: c}
		m := etl.Mapping{Columns: []etl.ColumnMapping{{Source: in.Column, Destination: in.Column, Type: c.Type, Format: c.Format, NullValues: in.NullValues}}}
		program, err := transform.Compile(m, sources, nil, p.zoneOf(&src))
		if err != nil {
			fit.Error = err.Error()
		} else {
			runners[k], fit.Fits = program.NewRunner(), true
		}
		out.Fits = append(out.Fits, fit)
	}
	value := make([]schema.Value, 1)
	fields, quoted := make([][]byte, len(sources)), make([]bool, len(sources))
	try := func(field []byte, wasQuoted bool, line int64) {
		fields[i], quoted[i] = field, wasQuoted
		for k, r := range runners {
			if r == nil {
				continue
			}
			if _, bad := r.Run(fields, quoted, value); bad != nil {
				out.Fits[k].refused(line, bad)
			}
		}
	}
	out.Complete, err = p.scan(ctx, &src, func(rec *csv.Record) {
		if rec.Bad == nil && len(rec.Fields) == len(sources) {
			out.Rows++
			try(rec.Fields[i], rec.Quoted[i], rec.Pos.Line)
		}
	})
	if err != nil {
		return nil, err
	}
	if x := found.CounterExample; x != nil && !out.Complete {
		// The profile has seen more of the file.
		try([]byte(x.Value), false, x.Line)
	}
	return out, nil
}

func (f *Fit) refused(line int64, bad *etl.Reject) {
	f.Fits = false
	f.Rejected++
	if f.CounterExample == nil {
		f.CounterExample = &Counter{line, bad.Value, string(bad.Code), bad.Reason}
	}
}

// choicesFor are the common types, the one found in its place, and the formats
// between which only a person can choose.
func choicesFor(found *workflow.ColumnView) []FitChoice {
	var out []FitChoice
	if !slices.Contains(commonTypes, found.Type) || found.Format != "" {
		out = append(out, FitChoice{found.Type, found.Format})
	}
	for _, format := range found.Ambiguous {
		if format != found.Format {
			out = append(out, FitChoice{found.Type, format})
		}
	}
	for _, t := range commonTypes {
		out = append(out, FitChoice{Type: t})
	}
	return out
}

// scan reads the records of a file's first bytes; complete says that they are all of it.
func (p *Portal) scan(ctx context.Context, src *etl.Source, each func(*csv.Record)) (complete bool, err error) {
	read, err := workflow.OptionsOf(*src)
	if err != nil {
		return false, err
	}
	n := min(src.Object.Size, fitBytes)
	complete = n == src.Object.Size
	body, err := p.Blobs.Range(ctx, src.Object, 0, n)
	if err != nil {
		return false, err
	}
	defer body.Close()
	r, err := csv.NewReader(src.Encoding.Decode(body), src.Dialect, csv.Options{
		MaxRecord: read.MaxRecord, Width: len(src.Names), BlankRecords: read.BlankRecords, StripNUL: read.StripNUL, Encoding: src.Encoding,
	})
	if err != nil {
		return false, err
	}
	// The last record of a part may be cut off.
	var last *csv.Record
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			if complete && last != nil {
				each(last)
			}
			return complete, nil
		}
		if err != nil {
			return false, fmt.Errorf("file %s: %w", src.ID, err)
		}
		if last != nil {
			each(last)
		}
		last = clone(rec)
	}
}
