package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/profile"
	"github.com/etlportal/etlportal/internal/workflow"
)

func newInspect(s streams) *cobra.Command {
	var f readFlags
	var format string
	var maxRows int64
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show a file's encoding, dialect, columns, types and statistics",
		Long: `Show a file's encoding, dialect, columns, types and statistics.
FILE is a path or - for standard input; .gz, .zst and .zip are unpacked.
The whole file is read, so that a type is named only if every value has it.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "human" && format != "json" {
				return usagef("--format takes human or json, not %q", format)
			}
			if maxRows < 0 {
				return usagef("--max-rows takes 0 (all) or more, not %d", maxRows)
			}
			o, _, err := f.options()
			if err != nil {
				return err
			}
			src, err := f.open(s, args[0])
			if err != nil {
				return err
			}
			defer src.Close()
			in, err := workflow.Inspect(cmd.Context(), src, o, maxRows)
			if err != nil {
				return err
			}
			view := newInspectJSON(src.Name, src.Size(), src.Compression, in)
			if format == "json" {
				enc := json.NewEncoder(s.out)
				enc.SetEscapeHTML(false)
				return enc.Encode(view)
			}
			return printInspection(s.out, &view, in)
		},
	}
	cmd.Flags().StringVar(&format, "format", "human", "human or json")
	cmd.Flags().Int64Var(&maxRows, "max-rows", 0, "stop after so many rows; 0 reads all")
	f.register(cmd.Flags())
	return cmd
}

// inspectJSON is what inspect --format json prints.
type inspectJSON struct {
	Filename    string         `json:"filename"`
	Size        int64          `json:"size"`
	Compression string         `json:"compression,omitempty"`
	Encoding    string         `json:"encoding"`
	BOM         bool           `json:"bom"`
	Dialect     dialectJSON    `json:"dialect"`
	RowCount    int64          `json:"row_count"`
	BlankLines  int64          `json:"blank_lines,omitempty"`
	Profile     profileJSON    `json:"profile"`
	Columns     []columnJSON   `json:"columns"`
	Decisions   []decisionJSON `json:"decisions"`
	BadRows     *badRowsJSON   `json:"bad_rows,omitempty"`
	Notes       []string       `json:"notes,omitempty"`
}

type profileJSON struct {
	State string `json:"state"`
}

type dialectJSON struct {
	Delimiter         string `json:"delimiter"`
	Quote             string `json:"quote"`
	Escape            string `json:"escape"`
	Comment           string `json:"comment"`
	Header            bool   `json:"header"`
	HeaderRows        int    `json:"header_rows"`
	SkipLines         int    `json:"skip_lines"`
	Newline           string `json:"newline"`
	SkipInitialSpace  bool   `json:"skip_initial_space"`
	TrailingDelimiter bool   `json:"trailing_delimiter"`
}

type columnJSON struct {
	Name           string              `json:"name"`
	Type           string              `json:"type"`
	Format         string              `json:"format,omitempty"`
	Nullable       bool                `json:"nullable"`
	NullValues     []string            `json:"null_values,omitempty"`
	Ambiguous      []string            `json:"ambiguous,omitempty"`
	Confidence     float64             `json:"confidence"`
	Evidence       []string            `json:"evidence"`
	CounterExample *exampleJSON        `json:"counter_example,omitempty"`
	Statistics     *profile.Statistics `json:"statistics"`
}

type exampleJSON struct {
	Line  int64  `json:"line"`
	Value string `json:"value"`
}

type decisionJSON struct {
	What       string   `json:"what"`
	Value      string   `json:"value"`
	Confidence float64  `json:"confidence"`
	Evidence   []string `json:"evidence"`
}

type badRowsJSON struct {
	Count  int64  `json:"count"`
	Line   int64  `json:"first_line"`
	Reason string `json:"reason"`
}

func newInspectJSON(name string, size int64, compression string, in *workflow.Inspection) inspectJSON {
	d := in.Sniff.Dialect
	v := inspectJSON{
		Filename: name, Size: size, Compression: compression, Encoding: string(in.Sniff.Encoding), BOM: in.Sniff.BOM > 0,
		RowCount: in.Rows, BlankLines: in.BlankLines, Notes: in.Sniff.Notes, Profile: profileJSON{"complete"},
		Dialect: dialectJSON{
			Delimiter: d.Delimiter, Quote: char(d.Quote), Escape: char(d.Escape), Comment: char(d.Comment),
			Header: d.Header > 0, HeaderRows: d.Header, SkipLines: d.SkipLines, Newline: "lf",
			SkipInitialSpace: d.SkipInitialSpace, TrailingDelimiter: d.TrailingDelimiter,
		},
	}
	if d.Newline == csv.NewlineCR {
		v.Dialect.Newline = "cr"
	}
	if !in.Complete {
		v.Profile.State = "sampled"
	}
	for _, x := range in.Sniff.Decisions {
		if x.What == "newline" {
			v.Dialect.Newline = x.Value
		}
		v.Decisions = append(v.Decisions, decisionJSON{x.What, x.Value, x.Confidence, notNil(x.Evidence)})
	}
	for i := range in.Columns {
		c := &in.Columns[i]
		j := columnJSON{
			Name: c.Name, Type: c.Type.String(), Format: c.Format, Nullable: c.Nullable, NullValues: c.NullWords,
			Ambiguous: c.Ambiguous, Confidence: c.Confidence, Evidence: notNil(c.Evidence), Statistics: &c.Statistics,
		}
		if x := c.CounterExample; x.Line > 0 {
			j.CounterExample = &exampleJSON{x.Line, x.Value}
		}
		v.Columns = append(v.Columns, j)
	}
	if in.FirstBad != nil {
		v.BadRows = &badRowsJSON{in.Bad, in.FirstBad.Line, in.FirstBad.Reason}
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

// printInspection is the human form.
func printInspection(out io.Writer, v *inspectJSON, in *workflow.Inspection) error {
	var b strings.Builder
	rows := plural(v.RowCount, "row")
	if v.Profile.State != "complete" {
		rows += " so far"
	}
	fmt.Fprintf(&b, "%s: %s, %s", v.Filename, rows, plural(int64(len(v.Columns)), "column"))
	if v.Size >= 0 {
		fmt.Fprintf(&b, ", %s", humanBytes(v.Size))
	}
	if v.Compression != "" {
		fmt.Fprintf(&b, " (%s)", v.Compression)
	}
	b.WriteString("\n\n")
	facts := [][]string{}
	for _, d := range v.Decisions {
		facts = append(facts, []string{strings.ReplaceAll(d.What, "_", " "), display(d.Value), percent(d.Confidence), strings.Join(d.Evidence, "; ")})
	}
	table(&b, nil, facts)
	b.WriteByte('\n')
	lines := [][]string{}
	for i, c := range v.Columns {
		s := c.Statistics
		typ := c.Type
		if c.Format != "" {
			typ += " " + c.Format
		}
		if len(c.Ambiguous) > 0 {
			typ += " (" + strings.Join(c.Ambiguous, " or ") + "?)"
		}
		distinct := thousands(s.Distinct)
		if !s.DistinctExact {
			distinct = "~" + distinct
		}
		lines = append(lines, []string{fmt.Sprint(i + 1), c.Name, typ, percent(c.Confidence), thousands(s.Nulls), distinct, clip(optional(s.Min), 20), clip(optional(s.Max), 20), top(s.TopValues)})
	}
	table(&b, []string{"#", "column", "type", "sure", "nulls", "distinct", "min", "max", "most frequent"}, lines)
	said := false
	for _, c := range v.Columns {
		for _, e := range c.Evidence {
			if !said {
				b.WriteString("\nwhy:\n")
				said = true
			}
			fmt.Fprintf(&b, "  %s: %s\n", c.Name, e)
		}
	}
	for _, n := range v.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if v.BadRows != nil {
		fmt.Fprintf(&b, "%s; the first is line %d: %s\n", plural(v.BadRows.Count, "bad row"), v.BadRows.Line, v.BadRows.Reason)
	}
	for i := range in.Columns {
		if len(in.Columns[i].Ambiguous) > 0 {
			fmt.Fprintf(&b, "%v\n", workflow.Ambiguous(v.Filename, in.Columns[i].Column))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func optional(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func top(values []profile.Value) string {
	var parts []string
	for _, v := range values[:min(3, len(values))] {
		parts = append(parts, fmt.Sprintf("%s (%s)", clip(v.Value, 16), thousands(v.Count)))
	}
	return strings.Join(parts, ", ")
}

// display makes invisible characters visible.
func display(s string) string {
	switch s {
	case "\t":
		return "tab"
	case " ":
		return "space"
	case "":
		return "none"
	}
	return clip(s, 40)
}

func percent(x float64) string { return fmt.Sprintf("%.0f %%", x*100) }

// clip cuts s to n characters and keeps control characters out of the terminal.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '·'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// table writes rows in columns as wide as their widest cell.
func table(b *strings.Builder, head []string, rows [][]string) {
	all := rows
	if head != nil {
		all = append([][]string{head}, rows...)
	}
	var widths []int
	for _, r := range all {
		for i, cell := range r {
			if i >= len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range all {
		var line strings.Builder
		for i, cell := range r {
			line.WriteString("  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
