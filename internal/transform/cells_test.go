package transform

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Cells says of every row what Run says of it, and more.
func TestCellsAgreeWithRun(t *testing.T) {
	sources := []Source{{Name: "a", Type: schema.Type{Kind: schema.Integer}}, {Name: "b", Type: schema.Type{Kind: schema.Text}}}
	zero := "0"
	m := etl.Mapping{Filter: "a > 1", Columns: []etl.ColumnMapping{
		{Source: "a", Destination: "a", Type: "smallint"},
		{Source: "b", Destination: "b", Type: "numeric", Default: &zero},
		{Destination: "c", Expression: "a * 1000 + a"},
		{Source: "b", Destination: "d", Required: true, Transformations: []etl.Transform{{Fn: "UPPER"}}},
	}}
	p, err := Compile(m, sources, nil, Options{})
	require.NoError(t, err)
	run, cells := p.NewRunner(), p.NewRunner()
	for _, row := range [][2]string{{"2", "5"}, {"1", "5"}, {"x", "5"}, {"70000", "5"}, {"2", "y"}, {"2", ""}, {"", ""}, {"99999", "zz"}, {"3", "1.5"}} {
		fields, quoted := [][]byte{[]byte(row[0]), []byte(row[1])}, []bool{false, false}
		out := make([]schema.Value, 4)
		kept, bad := run.Run(fields, quoted, out)
		texts := make([]string, 4)
		for i := range out {
			texts[i] = string(out[i].AppendText(nil, p.Columns()[i].Type))
		}
		var first *etl.Reject
		seen := 0
		keep, filter := cells.Cells(fields, quoted, func(i int, v *schema.Value, fault *etl.Reject) {
			require.Equal(t, seen, i)
			seen++
			if fault != nil && first == nil {
				first = fault
			}
			if kept {
				require.Nil(t, fault, row)
				require.Equal(t, texts[i], string(v.AppendText(nil, p.Columns()[i].Type)), row)
			}
		})
		require.Equal(t, 4, seen)
		switch {
		case kept:
			require.True(t, keep && filter == nil, row)
		case bad == nil:
			require.False(t, keep, row)
		case filter != nil:
			require.Equal(t, bad, filter, row)
		default:
			require.Equal(t, bad, first, row)
		}
	}
}

func TestSpanOfAnError(t *testing.T) {
	for expression, want := range map[string]Span{
		"a + nope": {Line: 1, Column: 5, Length: 4}, "a\n  + nope": {Line: 2, Column: 5, Length: 4}, "a +": {Line: 1, Column: 4, Length: 1}, "'ü' + nö": {Line: 1, Column: 7, Length: 2},
	} {
		_, err := Compile(etl.Mapping{Columns: []etl.ColumnMapping{{Destination: "x", Expression: expression}}}, []Source{{Name: "a", Type: schema.Type{Kind: schema.Integer}}}, nil, Options{})
		span := SpanOf(err)
		require.NotNil(t, span, expression)
		require.NotEmpty(t, span.Message)
		require.NotContains(t, span.Message, "\n")
		require.Equal(t, want, Span{Line: span.Line, Column: span.Column, Length: span.Length}, expression)
		require.Equal(t, "columns[0].expression", PathOf(err))
	}
	require.Nil(t, SpanOf(errors.New("another")))
}
