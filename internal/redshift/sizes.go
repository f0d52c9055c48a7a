package redshift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// made is the table of LoadSpec.Create with columns as wide as what was staged
// for them, or as what is known of the whole file, whichever is more. The table
// is made when all rows are staged, so that no value is cut or refused which
// VARCHAR takes at its widest.
func (p *publication) made() *schema.Table {
	t := *p.spec.Table
	t.Columns = slices.Clone(t.Columns)
	at := make(map[string]*schema.Column, len(t.Columns))
	for i := range t.Columns {
		at[t.Columns[i].Name] = &t.Columns[i]
	}
	for i, c := range p.columns {
		column := at[c.name]
		if !c.measured || column == nil {
			continue
		}
		if n, known := p.longest(i); known {
			column.MaxBytes = max(column.MaxBytes, n)
		} else {
			column.MaxBytes = 0
		}
	}
	return &t
}

// longest is how many bytes the texts of a column have at most in all parts;
// known is false where a part does not tell.
func (p *publication) longest(column int) (n int, known bool) {
	for i := range p.parts {
		if column >= len(p.parts[i].Longest) {
			return 0, false
		}
		n = max(n, p.parts[i].Longest[column])
	}
	return n, true
}

// types are those of the stage's columns: the table's, because wide columns
// cost memory in temporary tables, too.
func (p *publication) types() []string {
	types := make([]string, len(p.columns))
	sized := map[string]string{}
	if p.spec.Create {
		t := p.made()
		for i := range t.Columns {
			sized[t.Columns[i].Name] = columnType(&t.Columns[i])
		}
	}
	for i, c := range p.columns {
		types[i] = c.sql
		if sql := sized[c.name]; c.measured && sql != "" {
			types[i] = sql
		}
	}
	return types
}

// MadeAs implements etl.TableMaker.
func (r *Redshift) MadeAs(want, have schema.Type) bool {
	made := storage(schema.Column{Type: want}, true)
	there := storage(schema.Column{Type: have}, false)
	return made.sql == there.sql || made.measured && have.Kind == schema.Varchar
}

// TableNotes implements etl.TableMaker: it names the columns whose width is
// known only when their values are staged.
func (r *Redshift) TableNotes(t *schema.Table) []string {
	var open []string
	for i := range t.Columns {
		if c := &t.Columns[i]; c.MaxBytes == 0 && storage(*c, true).measured {
			open = append(open, c.Name)
		}
	}
	if len(open) == 0 {
		return nil
	}
	const shown = 10
	list := strings.Join(open[:min(len(open), shown)], ", ")
	if n := len(open) - shown; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return []string{"VARCHAR(65535) is the most that these columns are made with; the longest value that is loaded decides: " + list}
}
