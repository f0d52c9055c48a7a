package workflow

import (
	"maps"
	"slices"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// withTypes is a mapping onto an existing table whose columns are read as the
// types that were given for the file's columns. What the mapping says itself
// wins. The table's type alone would leave a value as it is written where the
// column is a text, and a key that a load before has converted would be a new one.
func (d *Direct) withTypes(m etl.Mapping) etl.Mapping {
	m.Columns = slices.Clone(m.Columns)
	for i := range m.Columns {
		if c := &m.Columns[i]; c.Type == "" && c.Source != "" && c.Expression == "" {
			c.Type = d.givenType(c.Source)
		}
	}
	return m
}

// givenType is the type that was given for a column of the file, as a mapping
// names it; "" where none was, or one that leaves every text as it is.
func (d *Direct) givenType(source string) string {
	types := d.Read.Sniff.Types
	given := types[source]
	if !slices.Contains(d.SourceNames(), source) {
		for _, name := range slices.Sorted(maps.Keys(types)) {
			if schema.MatchName(name, source) {
				given = types[name]
			}
		}
	}
	if t, err := schema.ParseType(given); err == nil && t.Kind == schema.Text {
		return ""
	}
	return given
}
