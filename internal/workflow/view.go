package workflow

import (
	"math"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/profile"
)

// View is an inspection as `etlportal inspect --format json` prints it and as
// the API's metadata of a source holds it.
type View struct {
	Filename    string         `json:"filename"`
	Size        int64          `json:"size" doc:"Bytes; -1 where it is unknown"`
	Compression string         `json:"compression,omitempty"`
	Encoding    string         `json:"encoding"`
	BOM         bool           `json:"bom" doc:"The file starts with a byte order mark"`
	Dialect     DialectView    `json:"dialect"`
	RowCount    int64          `json:"row_count" doc:"Data rows; those of the sample until the profile is complete"`
	BlankLines  int64          `json:"blank_lines,omitempty"`
	Profile     ProfileView    `json:"profile"`
	Columns     []ColumnView   `json:"columns"`
	Decisions   []DecisionView `json:"decisions"`
	BadRows     *BadRowsView   `json:"bad_rows,omitempty"`
	Notes       []string       `json:"notes,omitempty"`
}

// ProfileView says how much of the file the figures are of.
type ProfileView struct {
	State string `json:"state" enum:"uploading,sampled,running,complete,failed" doc:"sampled: from the first MiB; complete: from every row"`
	// BytesDone is the progress of a running profile.
	BytesDone int64 `json:"bytes_done,omitempty" doc:"Progress of a running profile"`
}

// DialectView is a csv.Dialect with its characters as text; "" is none.
type DialectView struct {
	Delimiter         string `json:"delimiter"`
	Quote             string `json:"quote"`
	Escape            string `json:"escape"`
	Comment           string `json:"comment"`
	Header            bool   `json:"header"`
	HeaderRows        int    `json:"header_rows"`
	SkipLines         int    `json:"skip_lines"`
	Newline           string `json:"newline" doc:"lf, crlf, mixed or cr"`
	SkipInitialSpace  bool   `json:"skip_initial_space"`
	TrailingDelimiter bool   `json:"trailing_delimiter"`
}

// ColumnView is a column's type with its grounds and its statistics.
type ColumnView struct {
	Name           string              `json:"name"`
	Type           string              `json:"type" doc:"SQL type that holds every value seen"`
	Format         string              `json:"format,omitempty" doc:"How the values are written, where it is not the type's own way"`
	Nullable       bool                `json:"nullable"`
	NullValues     []string            `json:"null_values,omitempty" doc:"Words that stand for NULL"`
	Ambiguous      []string            `json:"ambiguous,omitempty" doc:"Formats that all fit and mean different things: choose one"`
	Confidence     float64             `json:"confidence" doc:"0 to 1"`
	Evidence       []string            `json:"evidence"`
	CounterExample *ExampleView        `json:"counter_example,omitempty" doc:"The first value that forbids the next narrower type"`
	Statistics     *profile.Statistics `json:"statistics"`
}

// ExampleView is one value and its physical line.
type ExampleView struct {
	Line  int64  `json:"line"`
	Value string `json:"value"`
}

// DecisionView is one answer about the file with its grounds.
type DecisionView struct {
	What       string   `json:"what"`
	Value      string   `json:"value"`
	Confidence float64  `json:"confidence"`
	Evidence   []string `json:"evidence"`
}

// BadRowsView counts the records that cannot be read and names the first.
type BadRowsView struct {
	Count  int64  `json:"count"`
	Line   int64  `json:"first_line"`
	Reason string `json:"reason"`
}

// NewView makes the view of an inspection. The size is in bytes, -1 where it is unknown.
func NewView(name string, size int64, compression string, in *Inspection) *View {
	v := &View{
		Filename: name, Size: size, Compression: compression, Encoding: string(in.Sniff.Encoding), BOM: in.Sniff.BOM > 0,
		RowCount: in.Rows, BlankLines: in.BlankLines, Notes: in.Sniff.Notes, Profile: ProfileView{State: "complete"},
		Dialect: NewDialectView(in.Sniff.Dialect),
	}
	if !in.Complete {
		v.Profile.State = "sampled"
	}
	for _, x := range in.Sniff.Decisions {
		if x.What == "newline" {
			v.Dialect.Newline = x.Value
		}
		v.Decisions = append(v.Decisions, DecisionView{x.What, x.Value, x.Confidence, notNil(x.Evidence)})
	}
	v.SetColumns(in.Columns)
	if in.FirstBad != nil {
		v.BadRows = &BadRowsView{in.Bad, in.FirstBad.Line, in.FirstBad.Reason}
	}
	return v
}

// SetColumns replaces the columns, as a longer look at the file finds them.
func (v *View) SetColumns(columns []profile.Column) {
	v.Columns = make([]ColumnView, 0, len(columns))
	for i := range columns {
		c := &columns[i]
		j := ColumnView{
			Name: c.Name, Type: c.Type.String(), Format: c.Format, Nullable: c.Nullable, NullValues: c.NullWords,
			Ambiguous: c.Ambiguous, Confidence: c.Confidence, Evidence: notNil(c.Evidence), Statistics: &c.Statistics,
		}
		if x := c.CounterExample; x.Line > 0 {
			j.CounterExample = &ExampleView{x.Line, x.Value}
		}
		v.Columns = append(v.Columns, j)
	}
}

// MaxBytes is how many bytes the longest value of one of its columns has; 0
// where the figures are not of every row.
func (v *View) MaxBytes(c *ColumnView) int {
	if v.Profile.State != "complete" || c.Statistics == nil {
		return 0
	}
	return int(min(c.Statistics.MaxBytes, math.MaxInt32))
}

// NewDialectView is the view of a dialect; Newline is "lf" or "cr", which is all that a dialect tells.
func NewDialectView(d csv.Dialect) DialectView {
	v := DialectView{
		Delimiter: d.Delimiter, Quote: char(d.Quote), Escape: char(d.Escape), Comment: char(d.Comment),
		Header: d.Header > 0, HeaderRows: d.Header, SkipLines: d.SkipLines, Newline: "lf",
		SkipInitialSpace: d.SkipInitialSpace, TrailingDelimiter: d.TrailingDelimiter,
	}
	if d.Newline == csv.NewlineCR {
		v.Newline = "cr"
	}
	return v
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func char(b byte) string {
	if b == 0 {
		return ""
	}
	return string(rune(b))
}
