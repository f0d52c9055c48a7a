package redshift

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Limits of a table (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_usage.html,
// https://docs.aws.amazon.com/redshift/latest/dg/r_names.html).
const (
	maxColumns     = 1600
	maxName        = 127
	maxCompound    = 400
	maxInterleaved = 8
)

// The words of schema.TableOptions.
const (
	byUse       = "AUTO"
	byKey       = "KEY"
	compound    = "COMPOUND"
	interleaved = "INTERLEAVED"
)

const (
	numbers = "SMALLINT INTEGER BIGINT NUMERIC "
	times   = "DATE TIMESTAMP TIMESTAMPTZ "
)

// encodings are the types that each one compresses; RAW takes all of them
// (https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html; TIME by AZ64 and
// VARBYTE by LZO are in https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html).
var encodings = map[string]string{
	"RAW":       "",
	"AZ64":      numbers + times + "TIME TIMETZ",
	"BYTEDICT":  numbers + times + "REAL DOUBLE VARCHAR",
	"DELTA":     numbers + "DATE TIMESTAMP",
	"DELTA32K":  "INTEGER BIGINT NUMERIC DATE TIMESTAMP",
	"LZO":       numbers + times + "VARCHAR SUPER VARBYTE",
	"MOSTLY8":   numbers,
	"MOSTLY16":  "INTEGER BIGINT NUMERIC",
	"MOSTLY32":  "BIGINT NUMERIC",
	"RUNLENGTH": numbers + times + "REAL DOUBLE BOOLEAN VARCHAR",
	"TEXT255":   "VARCHAR",
	"TEXT32K":   "VARCHAR",
	"ZSTD":      numbers + times + "REAL DOUBLE BOOLEAN VARCHAR SUPER",
}

// typeWord is the first word of a column's SQL type.
func typeWord(c *schema.Column) string {
	word, _, _ := strings.Cut(columnType(c), "(")
	word, _, _ = strings.Cut(word, " ")
	return word
}

// layout are the attributes of a new table
// (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html). What nobody
// chose is left to Redshift, which decides by use.
func layout(o *schema.TableOptions) string {
	var lines []string
	switch {
	case o.DistKey != "":
		lines = append(lines, "DISTSTYLE KEY", "DISTKEY ("+quote(o.DistKey)+")")
	case o.DistStyle != "":
		lines = append(lines, "DISTSTYLE "+o.DistStyle)
	default:
		lines = append(lines, "DISTSTYLE AUTO")
	}
	switch {
	case len(o.SortKeys) == 0:
		lines = append(lines, "SORTKEY AUTO")
	case o.SortStyle == interleaved:
		lines = append(lines, "INTERLEAVED SORTKEY ("+names(o.SortKeys)+")")
	default:
		lines = append(lines, "COMPOUND SORTKEY ("+names(o.SortKeys)+")")
	}
	// One column with an encoding of its own ends ENCODE AUTO for the table.
	if len(o.Encodings) == 0 {
		lines = append(lines, "ENCODE AUTO")
	}
	return "\n" + strings.Join(lines, "\n")
}

// tableCheck collects what is wrong with a table to be made.
type tableCheck struct {
	t        *schema.Table
	problems []etl.TableProblem
}

func (k *tableCheck) bad(field, column string, code etl.Code, fix, format string, args ...any) {
	k.problems = append(k.problems, etl.TableProblem{Field: field, Column: column, Code: code, Fix: fix, Reason: fmt.Sprintf(format, args...)})
}

// CheckTable implements etl.TableMaker.
func (r *Redshift) CheckTable(t *schema.Table) []etl.TableProblem {
	k := &tableCheck{t: t, problems: unstageable(t.Columns, false)}
	k.names()
	k.types()
	k.distribution()
	k.sortOrder()
	k.encodings()
	return k.problems
}

// column is the table's column of a name; nil where it has none.
func (k *tableCheck) column(field, name string) *schema.Column {
	for i := range k.t.Columns {
		if k.t.Columns[i].Name == name {
			return &k.t.Columns[i]
		}
	}
	all := make([]string, len(k.t.Columns))
	for i, c := range k.t.Columns {
		all[i] = c.Name
	}
	const shown = 10
	fix := "Use one of " + strings.Join(all[:min(len(all), shown)], ", ")
	if len(all) > shown {
		fix += ", …"
	}
	k.bad(field, name, "unknown_column", fix, "the new table has no column %q", name)
	return nil
}

// names checks them as Redshift keeps them: folded to lower case, quoted or
// not (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html). A capital letter is
// kept only where enable_case_sensitive_identifier is on, and what finds the
// table again must not depend on that.
func (k *tableCheck) names() {
	k.name("schema", "", k.t.Schema)
	k.name("table", "", k.t.Name)
	folded := make(map[string]string, len(k.t.Columns))
	for _, c := range k.t.Columns {
		low := lower(c.Name)
		switch first, twice := folded[low]; {
		case twice:
			k.bad("columns", c.Name, "duplicate_column", "Give one of them another name", "columns %q and %q are one and the same to Redshift, which folds names to lower case", first, c.Name)
		case stageColumns[low]: // told by unstageable
		case systemColumns[low]:
			k.bad("columns", c.Name, "reserved_name", "Give it another name, such as "+low+"_", "%q is a column that every table has of its own", c.Name)
		default:
			folded[low] = c.Name
			k.name("columns", c.Name, c.Name)
		}
	}
}

// types refuses those of which only the name is known: Redshift has few, and
// makes none.
func (k *tableCheck) types() {
	for _, c := range k.t.Columns {
		if t := c.Type; t.Kind == schema.Other && otherTypes[t.Name] == "" {
			k.bad("columns", c.Name, "unknown_type", "Use "+typesMade, "column %q: Redshift has no type %.60q that a load fills", c.Name, t.Name)
		}
	}
}

// unstageable is what keeps columns that a load fills from having a stage, whose
// own columns are beside them; inTable says that a table has them already, whose
// names are not folded.
func unstageable(columns []schema.Column, inTable bool) []etl.TableProblem {
	k := &tableCheck{}
	name, rename, many := lower, "Give it another name", "the table would have"
	if inTable {
		name, rename, many = strings.Clone, "Rename the table's column, or leave it out of the mapping", "the load would fill"
	}
	if n := len(columns); n > maxColumns-len(stageColumns) {
		k.bad("columns", "", "too_many_columns", "Map fewer columns", "%s %d columns; %d are the most, as a table has 1,600 and a load needs %d of its own", many, n, maxColumns-len(stageColumns), len(stageColumns))
	}
	for _, c := range columns {
		if stageColumns[name(c.Name)] {
			k.bad("columns", c.Name, "reserved_name", rename, "a load needs the column name %q for itself", c.Name)
		}
	}
	return k.problems
}

// stageColumns are those that a stage has beside the table's.
var stageColumns = map[string]bool{rowColumn: true, lineColumn: true}

// systemColumns are in every table, so that no other may be named so.
var systemColumns = map[string]bool{"oid": true, "tableoid": true, "xmin": true, "cmin": true, "xmax": true, "cmax": true, "ctid": true}

func (k *tableCheck) name(field, column, name string) {
	what := field
	if column != "" {
		what = "column"
	}
	switch {
	case len(name) > maxName:
		k.bad(field, column, "name_too_long", "Shorten it", "the %s name %.40q… has %d bytes; Redshift cuts names at %d", what, name, len(name), maxName)
	case lower(name) != name:
		k.bad(field, column, "name_folded", "Write it as "+lower(name), "Redshift would make %q as %s: it folds names to lower case", name, lower(name))
	case strings.HasPrefix(name, "#") && field == "table":
		k.bad(field, column, "bad_name", "Leave out the #", "a table named %q would be a temporary one", name)
	}
}

// lower folds what Redshift folds: ASCII letters.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// keyable says whether a column may be a distribution or sort key
// (https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html,
// https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html#varbyte-limitations).
func (k *tableCheck) keyable(field, name, what string) {
	c := k.column(field, name)
	if c == nil {
		return
	}
	if word := typeWord(c); word == "SUPER" || word == "VARBYTE" {
		k.bad(field, name, "bad_key_type", "Choose a column of another type", "column %q is a %s, which cannot be a %s key", name, word, what)
	}
}

func (k *tableCheck) distribution() {
	o := &k.t.Options
	const style, key = "table_options.dist_style", "table_options.dist_key"
	switch o.DistStyle {
	case "", byUse, "EVEN", "ALL", byKey:
	default:
		k.bad(style, "", "bad_value", "Use AUTO, EVEN, ALL or KEY", "%.40q is no distribution style", o.DistStyle)
	}
	switch {
	case o.DistStyle == byKey && o.DistKey == "":
		k.bad(key, "", "missing_dist_key", "Name the column whose value decides where a row is", "dist_style KEY needs a dist_key")
	case o.DistKey != "" && o.DistStyle != "" && o.DistStyle != byKey:
		k.bad(key, "", "unused_dist_key", "Leave it out, or set dist_style to KEY", "dist_style %s has no dist_key", o.DistStyle)
	case o.DistKey != "":
		k.keyable(key, o.DistKey, "distribution")
	}
}

func (k *tableCheck) sortOrder() {
	o := &k.t.Options
	const style, keys = "table_options.sort_style", "table_options.sort_keys"
	limit := maxCompound
	switch o.SortStyle {
	case "", compound:
	case interleaved:
		limit = maxInterleaved
	case byUse:
		if len(o.SortKeys) > 0 {
			k.bad(keys, "", "unused_sort_keys", "Leave them out, or set sort_style to COMPOUND or INTERLEAVED", "sort_style AUTO has no sort_keys")
			return
		}
	default:
		k.bad(style, "", "bad_value", "Use AUTO, COMPOUND or INTERLEAVED", "%.40q is no sort style", o.SortStyle)
		return
	}
	switch n := len(o.SortKeys); {
	case n == 0 && o.SortStyle != "" && o.SortStyle != byUse:
		k.bad(keys, "", "missing_sort_keys", "Name the columns by which rows are ordered", "sort_style %s needs sort_keys", o.SortStyle)
	case n > limit:
		k.bad(keys, "", "too_many_sort_keys", fmt.Sprintf("Name %d at most", limit), "%d sort keys; %s takes %d", n, cmp.Or(o.SortStyle, compound), limit)
		return
	}
	for i, name := range o.SortKeys {
		field := fmt.Sprintf("%s[%d]", keys, i)
		if slices.Contains(o.SortKeys[:i], name) {
			k.bad(field, name, "duplicate_key", "Name it once", "names %q again", name)
			continue
		}
		k.keyable(field, name, "sort")
	}
}

func (k *tableCheck) encodings() {
	for _, name := range slices.Sorted(maps.Keys(k.t.Options.Encodings)) {
		word := k.t.Options.Encodings[name]
		field := "table_options.encodings." + name
		c := k.column(field, name)
		switch _, known := encodings[word]; {
		case !known:
			k.bad(field, name, "bad_encoding", "Use "+strings.Join(slices.Sorted(maps.Keys(encodings)), ", "), "%.40q is no encoding", word)
		case c != nil && !slices.Contains(fitting(typeWord(c)), word):
			k.bad(field, name, "bad_encoding", "Use "+strings.Join(fitting(typeWord(c)), ", "), "encoding %s does not compress column %q, a %s", word, name, typeWord(c))
		}
	}
}

// fitting are the encodings for a type.
func fitting(word string) []string {
	var out []string
	for _, e := range slices.Sorted(maps.Keys(encodings)) {
		if e == "RAW" || slices.Contains(strings.Fields(encodings[e]), word) {
			out = append(out, e)
		}
	}
	return out
}
