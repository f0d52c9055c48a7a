package portal

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

// Reject is a bad row of a run.
type Reject struct {
	Line   int64    `json:"line" doc:"Physical line where the record starts"`
	Record int64    `json:"record"`
	Column string   `json:"column,omitempty"`
	Value  string   `json:"value,omitempty"`
	Code   string   `json:"code"`
	Reason string   `json:"reason"`
	Fields []string `json:"fields,omitempty" doc:"The record as read"`
	Raw    string   `json:"raw,omitempty" doc:"The record's text, where it could not be parsed"`
	// SourceLine differs from Line in a run that loads bad rows of another one again.
	SourceLine int64 `json:"source_line" doc:"Its line in the file that was loaded first; line, but for a run with parent_run_id"`
	// Field is nil where no single cell is at fault.
	Field      *int  `json:"field_index,omitempty" doc:"Which of fields is at fault, from 0"`
	ReloadedBy int64 `json:"reloaded_by,omitempty" doc:"The run that loads the row again, or has"`
}

func rejectView(r *etl.RunReject) Reject {
	v := Reject{
		Line: r.Line, Record: r.Record, Column: r.Column, Value: r.Value, Code: string(r.Code), Reason: r.Reason, Fields: r.Fields,
		Raw: rawText(r.Raw, r.Fields), SourceLine: r.SourceLine, ReloadedBy: r.ReloadedBy,
	}
	if v.SourceLine == 0 {
		v.SourceLine = v.Line
	}
	return v
}

// marked is the view of a reject with its cell marked, by the names of the file's columns.
func marked(r *etl.RunReject, sources []etl.FrozenColumn) Reject {
	v := rejectView(r)
	i := slices.IndexFunc(sources, func(c etl.FrozenColumn) bool { return c.Name == r.Column })
	if i >= 0 && i < len(r.Fields) {
		v.Field = &i
	}
	return v
}

func rawText(raw []byte, fields []string) string {
	if fields != nil {
		return ""
	}
	return string(raw)
}

// RejectGroup sums up the rejects that share code and column.
type RejectGroup struct {
	Code      string `json:"code"`
	Column    string `json:"column,omitempty"`
	Count     int64  `json:"count"`
	FirstLine int64  `json:"first_line"`
	Value     string `json:"value,omitempty"`
	Reason    string `json:"reason"`
}

// Rejects is a page of a run's rejects with the groups of all of them.
type Rejects struct {
	List[Reject]
	Groups  []RejectGroup `json:"groups" doc:"All rejects of the run by code and column"`
	Columns []string      `json:"columns" doc:"The file's columns, in the order of fields"`
	// Total counts all that the run set aside.
	Total int64 `json:"rows_rejected" doc:"All that the run set aside; of very many bad rows not every one is kept"`
}

// Rejects lists a run's bad rows in file order.
func (p *Portal) Rejects(ctx context.Context, runID int64, f etl.RejectFilter, page etl.Page) (*Rejects, error) {
	run, err := p.Store.Run(ctx, runID)
	if err != nil {
		return nil, err
	}
	l, err := p.Store.Rejects(ctx, runID, f, page)
	if err != nil {
		return nil, err
	}
	groups, err := p.Store.RejectGroups(ctx, runID)
	if err != nil {
		return nil, err
	}
	out := &Rejects{
		List:   *viewed(l, func(r etl.RunReject) Reject { return marked(&r, run.Sources) }),
		Groups: make([]RejectGroup, 0, len(groups)), Columns: make([]string, 0, len(run.Sources)), Total: run.Counts.Rejected,
	}
	for _, c := range run.Sources {
		out.Columns = append(out.Columns, c.Name)
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, RejectGroup{string(g.Code), g.Column, g.Count, g.FirstLine, g.Value, g.Reason})
	}
	return out, nil
}

// WriteRejects writes a run's bad rows as CSV: the file's columns, then _line,
// _column and _reason, so that rows can be mended and loaded again. Cells that
// a spreadsheet would take for a formula get an apostrophe in front.
// begin is called once, before the first byte, when nothing can fail for the
// request's sake any more.
func (p *Portal) WriteRejects(ctx context.Context, runID int64, f etl.RejectFilter, begin func() io.Writer) error {
	run, err := p.Store.Run(ctx, runID)
	if err != nil {
		return err
	}
	page := etl.Page{Limit: 500}
	l, err := p.Store.Rejects(ctx, runID, f, page)
	if err != nil {
		return err
	}
	w := csv.NewWriter(begin())
	width := len(run.Sources)
	row := make([][]byte, 0, width+3)
	for _, s := range run.Sources {
		row = append(row, safeCell(s.Name))
	}
	if err := w.Write(append(row, []byte("_line"), []byte("_column"), []byte("_reason")), nil); err != nil {
		return err
	}
	for {
		for i := range l.Items {
			if err := w.Write(rejectRow(row[:0], &l.Items[i].Reject, width), nil); err != nil {
				return err
			}
		}
		if l.Next == "" {
			return w.Flush()
		}
		page.Cursor = l.Next
		if l, err = p.Store.Rejects(ctx, runID, f, page); err != nil {
			return err
		}
	}
}

// rejectRow gives a reject the shape of the file.
func rejectRow(row [][]byte, r *etl.Reject, width int) [][]byte {
	fields := r.Fields
	if fields == nil {
		fields = []string{string(r.Raw)}
	}
	for i, f := range fields {
		if width > 0 && i >= width {
			// A row that is too long keeps all it had, and its neighbours their columns.
			last := &row[width-1]
			*last = append(append(*last, ','), f...)
			continue
		}
		row = append(row, safeCell(f))
	}
	for len(row) < width {
		row = append(row, nil)
	}
	return append(row, strconv.AppendInt(nil, r.Line, 10), safeCell(r.Column), safeCell(r.Reason))
}

// safeCell puts an apostrophe before what a spreadsheet would compute (OWASP,
// "CSV Injection"). A number with its sign is none, and stays one.
func safeCell(s string) []byte {
	if s == "" {
		return nil
	}
	switch s[0] {
	case '=', '@', '\t', '\r':
		return append([]byte{'\''}, s...)
	case '+', '-':
		if !isNumber(s[1:]) {
			return append([]byte{'\''}, s...)
		}
	}
	return []byte(s)
}

// isNumber says whether s is digits with at most signs that group and point them.
func isNumber(s string) bool {
	digits := 0
	for i := range len(s) {
		switch b := s[i]; {
		case b >= '0' && b <= '9':
			digits++
		case b != '.' && b != ',':
			return false
		}
	}
	return digits > 0
}
