package transform

import (
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Match says which source column AutoMap gave to a destination column.
type Match struct {
	Source, Destination string
	// Exact says that the names are equal; else they differ in case, spaces, underscores or hyphens.
	Exact bool
	// Note says why a destination column has no source ("the database generates it"); empty where it has one.
	Note string
}

// AutoMap pairs columns by name: exact, then by schema.MatchName. Columns that
// the database fills are left out with a note: generated ones, identities
// always, and those that the file lacks and that may be left out. A source
// column that fits no column, or several, is a Mistake of code unmatched_columns
// that names it. Repeatable.
func AutoMap(source []Source, target *schema.Table) (etl.Mapping, []Match, error) {
	var m etl.Mapping
	taken := make([]bool, len(source))
	matches := make([]Match, 0, len(target.Columns))
	givenTo := make([]int, len(target.Columns))
	for j, t := range target.Columns {
		givenTo[j] = -1
		for i, s := range source {
			if !taken[i] && s.Name == t.Name {
				givenTo[j], taken[i] = i, true
				break
			}
		}
	}
	for j, t := range target.Columns {
		if givenTo[j] >= 0 {
			continue
		}
		for i, s := range source {
			if taken[i] || !schema.MatchName(s.Name, t.Name) {
				continue
			}
			if k := givenTo[j]; k >= 0 {
				return m, nil, etl.Mistakef("unmatched_columns", "Write a mapping file that says which one to take (--mapping)",
					"the file's columns %s and %s both fit the table's column %s", quoteName(source[k].Name), quoteName(s.Name), quoteName(t.Name))
			}
			givenTo[j] = i
		}
		if i := givenTo[j]; i >= 0 {
			taken[i] = true
		}
	}
	var names []string
	for j, t := range target.Columns {
		i := givenTo[j]
		match := Match{Destination: t.Name}
		switch {
		case t.Generated:
			match.Note = "the database computes it"
		case t.Identity == "always":
			match.Note = "the database numbers it"
		case i < 0 && t.Identity != "":
			match.Note = "the file has no such column; the database numbers it"
		case i < 0 && t.HasDefault:
			match.Note = "the file has no such column; its default fills it"
		case i < 0:
			match.Note = "the file has no such column; it stays NULL"
		}
		if i >= 0 {
			match.Source, match.Exact = source[i].Name, source[i].Name == t.Name
		}
		if match.Note == "" {
			m.Columns = append(m.Columns, etl.ColumnMapping{Source: match.Source, Destination: t.Name})
		}
		if i < 0 && !t.Generated && t.Identity != "always" {
			names = append(names, t.Name)
		}
		matches = append(matches, match)
	}
	var unmatched []string
	for i, s := range source {
		if !taken[i] {
			unmatched = append(unmatched, s.Name)
		}
	}
	if len(unmatched) > 0 {
		return m, matches, unmatchedError(unmatched, names, target)
	}
	if len(m.Columns) == 0 {
		return m, matches, etl.Mistakef("unmatched_columns", "Check that the first line of the file holds the column names", "no column of the file fits a column of the table %s", target.Name)
	}
	return m, matches, nil
}

func unmatchedError(unmatched, free []string, target *schema.Table) *etl.Error {
	const shown = 10
	quoted := make([]string, 0, shown)
	for _, u := range unmatched[:min(shown, len(unmatched))] {
		q := quoteName(u)
		if n := nearest(u, free); n != "" {
			q += " (did you mean " + n + "?)"
		}
		quoted = append(quoted, q)
	}
	list := strings.Join(quoted, ", ")
	if n := len(unmatched) - shown; n > 0 {
		list += " and " + itoa(n) + " more"
	}
	fix := "Write a mapping file that maps or leaves out those columns (--mapping)"
	if len(free) > 0 {
		fix += "; still free in the table: " + strings.Join(free[:min(shown, len(free))], ", ")
	}
	what := "column " + list + " of the file has"
	if len(unmatched) > 1 {
		what = "columns " + list + " of the file have"
	}
	err := etl.Mistakef("unmatched_columns", fix, "%s no match in the table %s", what, target.Name)
	err.Column = unmatched[0]
	return err
}
