package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/etlportal/etlportal/internal/schema"
)

// layoutFlags say how a table that is made in Redshift is kept.
type layoutFlags struct {
	distStyle, distKey, sortStyle string
	sortKeys, encodings           []string
}

func (f *layoutFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.distStyle, "dist-style", "", "with --create in Redshift: auto (the default), even, all or key")
	set.StringVar(&f.distKey, "dist-key", "", "with --create in Redshift: the column whose value decides where a row is")
	set.StringVar(&f.sortStyle, "sort-style", "", "with --create in Redshift: compound (the default with --sort-key), interleaved or auto")
	set.StringSliceVar(&f.sortKeys, "sort-key", nil, "with --create in Redshift: the column(s) by which rows are ordered, separated by commas")
	set.StringSliceVar(&f.encodings, "encode", nil, "with --create in Redshift: compression of columns, as column=zstd,…")
}

// options reads the flags; what they name, the destination checks.
func (f *layoutFlags) options(create bool) (schema.TableOptions, error) {
	o := schema.TableOptions{DistStyle: strings.ToUpper(f.distStyle), DistKey: strings.TrimSpace(f.distKey), SortStyle: strings.ToUpper(f.sortStyle), SortKeys: columnNames(f.sortKeys)}
	for _, e := range f.encodings {
		column, word, ok := cutLast(e, "=")
		if !ok || column == "" || word == "" {
			return o, usagef("--encode takes column=encoding, as --encode name=zstd, not %q", e)
		}
		if o.Encodings == nil {
			o.Encodings = map[string]string{}
		}
		if _, twice := o.Encodings[column]; twice {
			return o, usagef("--encode names column %q twice", column)
		}
		o.Encodings[column] = strings.ToUpper(word)
	}
	if !create && !o.IsZero() {
		return o, usagef("--dist-style, --dist-key, --sort-style, --sort-key and --encode are of use with --create only: they do not change a table that exists")
	}
	return o, nil
}

// cutLast cuts at the last separator: a column's name may hold one, too.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+len(separator):]), true
}
