package portal

import (
	"fmt"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

// clashes refuses a column whose type the table's does not take, shown by a
// value of the file. Where the job may leave that value out, it is a note.
func (c *checked) clashes(p *Portal, job *etl.Job, columns []workflow.ColumnView, table *schema.Table) error {
	sources := sourcesOf(columns)
	for j, m := range job.Mapping.Columns {
		if m.Source == "" || m.Expression != "" || m.Format != "" || len(m.Transformations) > 0 {
			continue
		}
		t, known := takenType(m, table)
		if !known {
			continue
		}
		for i := range columns {
			if !schema.MatchName(m.Source, columns[i].Name) || converts(sources[i].Type, t) {
				continue
			}
			x, refused := counterExample(m, t, sources, i, &columns[i], transform.Options{Location: p.Location})
			if !refused {
				continue
			}
			where := ""
			if x.Line > 0 {
				where = fmt.Sprintf("line %d: ", x.Line)
			}
			message := fmt.Sprintf("column %q of the file is %s, and %q takes %s (%s%q)", columns[i].Name, sources[i].Type, m.Destination, t, where, x.Value)
			if m.NullValues != nil || job.Mapping.Filter != "" || job.Mapping.OnBadRow.Mode == "skip" {
				c.notes = append(c.notes, message)
				continue
			}
			e := etl.Mistakef("type_clash", "Map another column, or add a format, transformations, null_values or an expression that converts it", "%s", message)
			e.Column, e.Line, e.Value = columns[i].Name, x.Line, x.Value
			return at(e, fmt.Sprintf("body.column_mappings[%d]", j))
		}
	}
	return nil
}

// takenType is the type that a mapping reads its source as.
func takenType(m etl.ColumnMapping, table *schema.Table) (schema.Type, bool) {
	if m.Type != "" {
		t, err := schema.ParseType(m.Type)
		return t, err == nil
	}
	if table != nil {
		for _, c := range table.Columns {
			if c.Name == m.Destination {
				return c.Type, true
			}
		}
	}
	return schema.Type{}, false
}

// converts says whether values of one type are, as a rule, those of another:
// single ones that are too large or too long are the run's to refuse.
func converts(from, to schema.Type) bool {
	switch to.Kind {
	case schema.SmallInt, schema.Integer, schema.BigInt:
		return whole(from) || from.Kind == schema.Numeric && from.Precision > 0 && from.Scale == 0
	case schema.Numeric, schema.Real, schema.Double:
		return whole(from) || from.Kind == schema.Numeric || from.Kind == schema.Real || from.Kind == schema.Double
	case schema.Date, schema.Timestamp, schema.TimestampTZ:
		return from.Kind == schema.Date || from.Kind == schema.Timestamp || from.Kind == schema.TimestampTZ
	case schema.Boolean, schema.Time, schema.UUID, schema.Interval:
		return from.Kind == to.Kind
	}
	return true
}

func whole(t schema.Type) bool {
	return t.Kind == schema.SmallInt || t.Kind == schema.Integer || t.Kind == schema.BigInt
}

// counterExample is a value of the column that is refused as the type: the one
// that made inspection decide as it did, or a frequent one, whose line is not known.
func counterExample(m etl.ColumnMapping, t schema.Type, sources []transform.Source, i int, column *workflow.ColumnView, o transform.Options) (workflow.ExampleView, bool) {
	// Whether NULL may be is no question of type.
	alone := etl.ColumnMapping{Source: sources[i].Name, Destination: m.Destination, Type: m.Type, NullValues: m.NullValues}
	program, err := transform.Compile(etl.Mapping{Columns: []etl.ColumnMapping{alone}}, sources, []schema.Column{{Name: m.Destination, Type: t}}, o)
	if err != nil {
		return workflow.ExampleView{}, false
	}
	var examples []workflow.ExampleView
	if column.CounterExample != nil {
		examples = append(examples, *column.CounterExample)
	}
	if s := column.Statistics; s != nil {
		for _, v := range s.TopValues {
			if len(v.Value) < cutValue {
				examples = append(examples, workflow.ExampleView{Value: v.Value})
			}
		}
	}
	runner := program.NewRunner()
	fields, quoted, out := make([][]byte, len(sources)), make([]bool, len(sources)), make([]schema.Value, 1)
	for _, x := range examples {
		if strings.TrimSpace(x.Value) == "" {
			continue
		}
		fields[i] = []byte(x.Value)
		if _, bad := runner.Run(fields, quoted, out); bad != nil {
			return x, true
		}
	}
	return workflow.ExampleView{}, false
}

// cutValue is a little below the length, in bytes, at which a profile cuts frequent values.
const cutValue = 60
