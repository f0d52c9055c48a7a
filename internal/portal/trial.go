package portal

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

// TrialInput asks what a mapping makes of rows of a file. Nothing of it needs
// to be finished: what cannot be used is told, and the rest is shown.
type TrialInput struct {
	FileID  string              `json:"file_id" format:"uuid"`
	Columns []etl.ColumnMapping `json:"column_mappings,omitempty" maxItems:"1600"`
	Filter  string              `json:"filter,omitempty" maxLength:"65536"`
	// Target are the columns of the table, as POST …/schema lists them.
	Target []TrialTarget `json:"target_columns,omitempty" maxItems:"1600" doc:"The table's columns; absent: the mapping, its expressions and the file decide the types"`
	Offset int64         `json:"offset,omitempty" minimum:"0" maximum:"1000000000000000"`
	Limit  int           `json:"limit,omitempty" minimum:"1" maximum:"200" default:"20"`
}

// TrialTarget is a column of a table.
type TrialTarget struct {
	Name     string `json:"name" minLength:"1" maxLength:"127"`
	Type     string `json:"type" maxLength:"200"`
	Required bool   `json:"required,omitempty" doc:"NULL makes a bad row"`
}

// MappingTrial is what a mapping makes of rows.
type MappingTrial struct {
	// Sources are the file's columns, in the order of a row's source.
	Sources []string         `json:"sources" doc:"The file's columns, in the order of a row's source"`
	Columns []TrialColumn    `json:"columns" doc:"As column_mappings, in their order; the order of a row's values"`
	Filter  *MappingProblem  `json:"filter_error,omitempty" doc:"Why the filter cannot be used; the rows are shown without it"`
	Other   []MappingProblem `json:"errors" doc:"What is wrong with the mapping as a whole"`
	Rows    []TrialRow       `json:"rows"`
	Notes   []string         `json:"notes"`
	Offset  int64            `json:"offset"`
	Limit   int              `json:"limit"`
	// NextOffset is null on the last page.
	NextOffset *int64 `json:"next_offset" doc:"Where the next page starts; null on the last one"`
	TotalRows  int64  `json:"total_rows"`
	Complete   bool   `json:"total_rows_exact" doc:"false until the profile is complete"`
}

// TrialColumn is a mapped column.
type TrialColumn struct {
	Destination string          `json:"destination"`
	Type        string          `json:"type,omitempty" doc:"SQL type of the values; absent where the mapping cannot be used"`
	Error       *MappingProblem `json:"error,omitempty" doc:"Why the mapping cannot be used; its values are then null"`
}

// MappingProblem is what is wrong with a part of a mapping.
type MappingProblem struct {
	// Location is as in problems: body.column_mappings[2].expression.
	Location string    `json:"location" doc:"As body.column_mappings[2].expression or body.filter"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Fix      string    `json:"fix,omitempty"`
	Position *Position `json:"position,omitempty" doc:"The part of the expression that it is about"`
}

// Position is a part of an expression, in characters.
type Position struct {
	Line   int `json:"line" doc:"From 1"`
	Column int `json:"column" doc:"From 1"`
	Length int `json:"length"`
}

// TrialRow is a row before and after.
type TrialRow struct {
	Line   int64     `json:"line"`
	Source []*string `json:"source" doc:"The fields as text; null for NULL"`
	Result string    `json:"result" enum:"loaded,filtered,rejected"`
	Values []*string `json:"values" doc:"null for NULL, and where errors or the column's error say why there is none"`
	// Errors are of single columns; a run reports the first of them.
	Errors []TrialError `json:"errors,omitempty" doc:"Why the row would be rejected"`
}

// TrialError is why a row has no value in a column, or is bad as a whole.
type TrialError struct {
	Index  *int   `json:"column_index,omitempty" doc:"Of columns; absent where the row as a whole or the filter is at fault"`
	Column string `json:"column,omitempty" doc:"The source's name where that is at fault, else the destination's"`
	Value  string `json:"value,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// TryMapping shows what a mapping makes of rows of a file, without a
// destination and whether or not the mapping is whole.
func (p *Portal) TryMapping(ctx context.Context, in TrialInput) (*MappingTrial, error) {
	src, err := p.inspected(ctx, in.FileID)
	if err != nil {
		return nil, at(err, "body.file_id")
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return nil, err
	}
	t := &trial{out: &MappingTrial{Sources: src.Names, Columns: make([]TrialColumn, len(in.Columns)), Other: []MappingProblem{}, Rows: []TrialRow{}}}
	for i, m := range in.Columns {
		t.out.Columns[i].Destination = m.Destination
	}
	if err := t.compile(&in, sourcesOf(columns), p.zoneOf(&src)); err != nil {
		return nil, err
	}
	if in.Limit == 0 {
		in.Limit = 20
	}
	page, err := p.page(ctx, src, in.Offset, in.Limit, t.row)
	if err != nil {
		return nil, err
	}
	t.join(page)
	return t.out, nil
}

// zoneOf is the zone of a file's times without one.
func (p *Portal) zoneOf(src *etl.Source) transform.Options {
	if read, err := workflow.OptionsOf(*src); err == nil && read.Sniff.Location != nil {
		return transform.Options{Location: read.Sniff.Location}
	}
	return transform.Options{Location: p.Location}
}

// trial is a mapping being tried.
type trial struct {
	out    *MappingTrial
	runner *transform.Runner
	types  []schema.Type
	// at says for each compiled column which of the request's it is; -1 is none of them.
	at    []int
	width int
}

// nothing is the column of a program without any.
const nothing = "no column yet"

// compile makes a program of what can be used.
func (t *trial) compile(in *TrialInput, sources []transform.Source, o transform.Options) error {
	t.width = len(sources)
	target, err := trialTarget(in.Target)
	if err != nil {
		return err
	}
	m := etl.Mapping{Filter: in.Filter}
	for i, c := range in.Columns {
		m.Columns, t.at = append(m.Columns, c), append(t.at, i)
	}
	for {
		usable := m
		if len(m.Columns) == 0 {
			usable.Columns, t.at = []etl.ColumnMapping{{Destination: nothing, Expression: "true"}}, []int{-1}
			if target != nil {
				target = append(target, schema.Column{Name: nothing, Type: schema.Type{Kind: schema.Boolean}})
			}
		}
		program, err := transform.Compile(usable, sources, target, o)
		if err == nil {
			t.runner = program.NewRunner()
			for i, c := range program.Columns() {
				t.types = append(t.types, c.Type)
				if t.at[i] >= 0 {
					t.out.Columns[t.at[i]].Type = c.Type.String()
				}
			}
			if len(m.Columns) > 0 {
				t.out.Notes = program.Notes()
			}
			return nil
		}
		e, ok := errors.AsType[*etl.Error](err)
		if !ok {
			return err
		}
		where := transform.PathOf(err)
		i, rest := columnAt(where)
		switch {
		case i >= 0 && i < len(m.Columns):
			location := "body.column_mappings[" + strconv.Itoa(t.at[i]) + "]"
			t.out.Columns[t.at[i]].Error = mappingProblem(e, strings.TrimSuffix(location+"."+rest, "."))
			m.Columns, t.at = append(m.Columns[:i:i], m.Columns[i+1:]...), append(t.at[:i:i], t.at[i+1:]...)
		case where == "filter":
			t.out.Filter, m.Filter = mappingProblem(e, "body.filter"), ""
		default:
			return forAPI(err)
		}
	}
}

// columnAt reads columns[2].expression.
func columnAt(where string) (i int, rest string) {
	number, ok := strings.CutPrefix(where, "columns[")
	if !ok {
		return -1, ""
	}
	number, rest, ok = strings.Cut(number, "]")
	i, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1, ""
	}
	return i, strings.TrimPrefix(rest, ".")
}

func mappingProblem(e *etl.Error, location string) *MappingProblem {
	worded := *e
	if shown, ok := errors.AsType[*etl.Error](forAPI(e)); ok {
		worded = *shown
	}
	out := &MappingProblem{Location: location, Code: string(e.Code), Message: worded.Message, Fix: worded.Fix}
	if span := transform.SpanOf(e); span != nil {
		out.Message, out.Position = span.Message, &Position{span.Line, span.Column, span.Length}
		if !strings.HasSuffix(location, "expression") && !strings.HasSuffix(location, "filter") {
			out.Location += ".expression"
		}
	}
	return out
}

// trialTarget are the table's columns; none of them must be mapped yet.
func trialTarget(columns []TrialTarget) ([]schema.Column, error) {
	var out []schema.Column
	for i, c := range columns {
		t, err := schema.ParseType(c.Type)
		if err != nil {
			return nil, at(etl.Mistakef("bad_type", "Use the types that the table's description lists", "target_columns: column %q: %v", c.Name, err), "body.target_columns["+strconv.Itoa(i)+"].type")
		}
		out = append(out, schema.Column{Name: c.Name, Type: t, NotNull: c.Required, HasDefault: true})
	}
	return out, nil
}

// row makes the values of a record.
func (t *trial) row(rec *csv.Record) {
	out := TrialRow{Line: rec.Pos.Line, Result: "loaded", Values: make([]*string, len(t.out.Columns))}
	defer func() { t.out.Rows = append(t.out.Rows, out) }()
	if rec.Bad != nil || len(rec.Fields) != t.width {
		// Why, the page says.
		out.Result = "rejected"
		return
	}
	keep, bad := t.runner.Cells(rec.Fields, rec.Quoted, func(i int, v *schema.Value, bad *etl.Reject) {
		column := t.at[i]
		switch {
		case column < 0:
		case bad != nil:
			out.Errors = append(out.Errors, TrialError{&column, bad.Column, bad.Value, string(bad.Code), bad.Reason})
		case v.Kind != schema.VNull:
			text := string(v.AppendText(nil, t.types[i]))
			text = strings.ToValidUTF8(text[:min(len(text), previewCell)], "\ufffd")
			out.Values[column] = &text
		}
	})
	switch {
	case bad != nil:
		out.Errors = append(out.Errors, TrialError{Column: bad.Column, Value: bad.Value, Code: string(bad.Code), Reason: bad.Reason})
		out.Result = "rejected"
	case !keep:
		// What the filter drops is never converted.
		out.Result = "filtered"
	case len(out.Errors) > 0:
		out.Result = "rejected"
	}
}

// join adds what the page of the file knows.
func (t *trial) join(page *Preview) {
	out := t.out
	for i := range out.Rows {
		out.Rows[i].Source = page.Rows[i]
	}
	for _, bad := range page.Bad {
		out.Rows[bad.Row].Errors = []TrialError{{Code: bad.Code, Reason: bad.Reason}}
	}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	out.Offset, out.Limit, out.NextOffset, out.TotalRows, out.Complete = page.Offset, page.Limit, page.NextOffset, page.TotalRows, page.Complete
}
