package etl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// CheckKeys says whether an UPSERT by those keys can go into a table, of whose
// columns rows fill some. Where the destination enforces no keys, note tells what
// follows from one that the table does not declare.
//
// Errors: the Mistakes unknown_key and key_not_mapped, whose Column is the key,
// and key_not_unique, whose fix is the statement that makes it so.
func CheckKeys(d Destination, keys []string, table *schema.Table, filled []schema.Column) (note string, err error) {
	about := func(key string, code Code, fix, format string, args ...any) error {
		e := Mistakef(code, fix, format, args...)
		e.Column = key
		return e
	}
	for _, key := range keys {
		is := func(c schema.Column) bool { return c.Name == key }
		switch i := slices.IndexFunc(table.Columns, is); {
		case i < 0:
			return "", about(key, "unknown_key", "Use the names of the table's columns", "the table has no column %q to be the key", key)
		case slices.ContainsFunc(filled, is):
		case table.Columns[i].Identity == "always":
			return "", about(key, "key_not_mapped", "Choose other columns as the key, by which the file's rows are known", "the database numbers the key column %q itself, so that no row of a file has its value", key)
		default:
			return "", about(key, "key_not_mapped", "Map a column of the file to it", "nothing is mapped to the key column %q", key)
		}
	}
	var have []string
	for _, u := range table.Unique {
		if len(u.Columns) == len(keys) && !slices.ContainsFunc(u.Columns, func(c string) bool { return !slices.Contains(keys, c) }) {
			return "", nil
		}
		have = append(have, "("+strings.Join(u.Columns, ", ")+")")
	}
	named := strings.Join(keys, ", ")
	if _, declared := d.(UnenforcedKeys); declared {
		return fmt.Sprintf("the table declares no key (%s), and would enforce none: where several of its rows have one key, all of them are updated", named), nil
	}
	quoted := make([]string, len(keys))
	for i, k := range keys {
		quoted[i] = schema.Identifier(k)
	}
	fix := fmt.Sprintf("Run: CREATE UNIQUE INDEX ON %s (%s)", table.QualifiedName(), strings.Join(quoted, ", "))
	if len(have) > 0 {
		fix += "; or use the columns of one that exists: " + strings.Join(have, ", ")
	}
	return "", Mistakef("key_not_unique", fix, "the table %s has no unique index over exactly (%s)", table.QualifiedName(), named)
}
