package transform

import (
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Match says which source column AutoMap gave to a destination column.
type Match struct {
	Source, Destination string
	// Exact says that the names are equal; else they differ in case, spaces,
	// underscores or hyphens, or the destination's is what schema.UniqueColumnNames
	// makes of the source's.
	Exact bool
	// Note says why a destination column has no source ("the database generates it"); empty where it has one.
	Note string
}

// AutoMap pairs columns by name: exact, then by schema.MatchName, then by the
// name that schema.UniqueColumnNames gives the file's column, which is that of
// a table created for the file. Where that leaves a column over and the table
// has just the columns that one created for the file has, it is taken for that
// table. Columns that the database fills are left out with a note: generated
// ones, identities always, and those that the file lacks and that may be left
// out. A source column that fits no column, or several equally, is a Mistake of
// code unmatched_columns that names it. Repeatable.
func AutoMap(source []Source, target *schema.Table) (etl.Mapping, []Match, error) {
	var m etl.Mapping
	p := pairing{source: source, target: target.Columns, givenTo: make([]int, len(target.Columns)), taken: make([]bool, len(source))}
	if err := p.pair(); err != nil {
		return m, nil, err
	}
	taken, givenTo := p.taken, p.givenTo
	matches := make([]Match, 0, len(target.Columns))
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

// pairing gives source columns to the columns of a table.
type pairing struct {
	source []Source
	target []schema.Column
	// givenTo is the source's index of each column of the table, -1 where it has none.
	givenTo []int
	taken   []bool
}

func (p *pairing) pair() *etl.Error {
	for j := range p.givenTo {
		p.givenTo[j] = -1
	}
	byName := make(map[string]int, len(p.target))
	for j, t := range p.target {
		byName[t.Name] = j
	}
	for i, s := range p.source {
		p.give(i, s.Name, byName)
	}
	headers := make([]string, len(p.source))
	for i, s := range p.source {
		headers[i] = s.Name
	}
	created := schema.UniqueColumnNames(headers)
	err := p.alike()
	if err == nil {
		for i, name := range created {
			if !p.taken[i] {
				p.give(i, name, byName)
			}
		}
	}
	if (err != nil || slices.Contains(p.taken, false)) && p.madeFor(created) {
		for i := range created {
			p.givenTo[i], p.taken[i] = i, true
		}
		return nil
	}
	return err
}

// give gives the i-th source to the column of a name, where that is free.
func (p *pairing) give(i int, name string, byName map[string]int) {
	if j, ok := byName[name]; ok && p.givenTo[j] < 0 {
		p.givenTo[j], p.taken[i] = i, true
	}
}

// alike pairs by schema.MatchName what is free on both sides.
func (p *pairing) alike() *etl.Error {
	const fix = "Write a mapping file that says which one to take (--mapping)"
	given := slices.Clone(p.givenTo)
	for i, s := range p.source {
		if p.taken[i] {
			continue
		}
		at := -1
		for j, t := range p.target {
			if given[j] >= 0 || !schema.MatchName(s.Name, t.Name) {
				continue
			}
			if at >= 0 {
				err := etl.Mistakef("unmatched_columns", fix, "the file's column %s fits both the table's column %s and its column %s",
					quoteName(s.Name), quoteName(p.target[at].Name), quoteName(t.Name))
				err.Column = s.Name
				return err
			}
			at = j
		}
		if at < 0 {
			continue
		}
		if k := p.givenTo[at]; k >= 0 {
			err := etl.Mistakef("unmatched_columns", fix, "the file's columns %s and %s both fit the table's column %s",
				quoteName(p.source[k].Name), quoteName(s.Name), quoteName(p.target[at].Name))
			err.Column = s.Name
			return err
		}
		p.givenTo[at], p.taken[i] = i, true
	}
	return nil
}

// madeFor says whether the table has just the columns of a table created for the file.
func (p *pairing) madeFor(created []string) bool {
	return slices.EqualFunc(p.target, created, func(c schema.Column, name string) bool {
		return c.Name == name && c.Identity == "" && !c.Generated
	})
}

// ResolveKeys turns the names of key columns as a person writes them into those
// of columns: exact, then by schema.MatchName, then as schema.ColumnName makes
// a column's name of them. A name that fits no column is a Mistake of code
// unknown_key that names the nearest one; so is one that fits several equally,
// and a column named twice. Repeatable.
func ResolveKeys(keys []string, columns []schema.Column) ([]string, error) {
	resolved := make([]string, 0, len(keys))
	for _, key := range keys {
		name, err := resolveKey(key, columns)
		if err != nil {
			return nil, err
		}
		if at := slices.Index(resolved, name); at >= 0 {
			what := "the key " + quoteName(key) + " stands twice"
			if keys[at] != key {
				what = "the keys " + quoteName(keys[at]) + " and " + quoteName(key) + " are both the column " + quoteName(name)
			}
			return nil, keyError(key, "Name each column once", what)
		}
		resolved = append(resolved, name)
	}
	return resolved, nil
}

func resolveKey(key string, columns []schema.Column) (string, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	if slices.Contains(names, key) {
		return key, nil
	}
	like := ""
	for _, name := range names {
		switch {
		case !schema.MatchName(name, key):
		case like != "":
			return "", keyError(key, "Write the name as the table has it", "the key "+quoteName(key)+" could be the column "+quoteName(like)+" or "+quoteName(name))
		default:
			like = name
		}
	}
	if like != "" {
		return like, nil
	}
	if name := schema.ColumnName(key); name != "" && slices.Contains(names, name) {
		return name, nil
	}
	return "", keyError(key, didYouMean(key, names, "columns"), "there is no column "+quoteName(key)+" to be the key")
}

func keyError(key, fix, message string) *etl.Error {
	return &etl.Error{Kind: etl.Mistake, Code: "unknown_key", Column: key, Message: message, Fix: fix}
}
