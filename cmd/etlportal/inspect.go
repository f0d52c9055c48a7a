package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

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
FILE is a path, - for standard input, or s3://bucket/key (see: etlportal load --help); .gz, .zst and .zip are unpacked.
The whole file is read, so that a type is named only if every value has it.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keepSmall()
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
			src, err := f.open(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			defer src.Close()
			in, err := workflow.Inspect(cmd.Context(), src, o, maxRows)
			if err != nil {
				return err
			}
			view := workflow.NewView(src.Name, src.Size(), src.Compression, in)
			if format == "json" {
				enc := json.NewEncoder(s.out)
				enc.SetEscapeHTML(false)
				return enc.Encode(view)
			}
			return printInspection(s.out, view, in)
		},
	}
	cmd.Flags().StringVar(&format, "format", "human", "human or json")
	cmd.Flags().Int64Var(&maxRows, "max-rows", 0, "stop after so many rows; 0 reads all")
	f.register(cmd.Flags())
	return cmd
}

// printInspection is the human form.
func printInspection(out io.Writer, v *workflow.View, in *workflow.Inspection) error {
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
	for _, d := range inOrder(v.Decisions) {
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

// inOrder puts the decisions that matter most to a reader first.
func inOrder(decisions []workflow.DecisionView) []workflow.DecisionView {
	rank := map[string]int{"encoding": -9, "delimiter": -8, "quote": -7, "escape": -6, "header": -5, "skip_lines": -4, "newline": -3}
	sorted := slices.Clone(decisions)
	slices.SortStableFunc(sorted, func(a, b workflow.DecisionView) int { return rank[a.What] - rank[b.What] })
	return sorted
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
