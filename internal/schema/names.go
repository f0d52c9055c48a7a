package schema

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxNameBytes is the length to which PostgreSQL cuts names.
const MaxNameBytes = 63

// reserved are the words that PostgreSQL 18 takes as a column name only in
// quotes: the reserved ones of Appendix C, those that may be function or type
// names included.
var reserved = wordSet(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check
	collate collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except
	false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull
	join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order
	outer overlaps placing primary references returning right select session_user similar some symmetric
	system_user table tablesample then to trailing true union unique user using variadic verbose when where
	window with`)

// systemColumns exist in every table, so that no column may be named so.
var systemColumns = wordSet("tableoid xmin cmin xmax cmax ctid")

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// Identifier is name as SQL text, quoted where it has to be: where it is not
// all lower-case ASCII letters, digits and underscores, or is a reserved word.
// NUL bytes, which no name can hold, are dropped.
func Identifier(name string) string {
	if isPlainName(name) && !reserved[name] {
		return name
	}
	return `"` + strings.NewReplacer(`"`, `""`, "\x00", "").Replace(name) + `"`
}

func isPlainName(name string) bool {
	for i := range len(name) {
		switch b := name[i]; {
		case 'a' <= b && b <= 'z', b == '_':
		case '0' <= b && b <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}

// ColumnName makes a column name out of a file's header: letters in lower
// case, digits, and an underscore for each run of anything else; an underscore
// before a leading digit and after the name of a system column; at most
// MaxNameBytes, cut between runes. "" where nothing is left.
func ColumnName(header string) string {
	var b strings.Builder
	gap := false
	for _, r := range header {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError {
			gap = true
			continue
		}
		if gap && b.Len() > 0 || b.Len() == 0 && unicode.IsDigit(r) {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(unicode.ToLower(r))
	}
	name := b.String()
	if systemColumns[name] {
		name += "_"
	}
	return cutName(name, MaxNameBytes)
}

// cutName cuts name to at most n bytes between runes.
func cutName(name string, n int) string {
	if len(name) <= n {
		return name
	}
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// UniqueColumnNames is ColumnName of each header, with repeats numbered (a,
// a_2, a_3) and empty ones named by their position (column_3). A number is
// passed over where a later header bears that name itself.
func UniqueColumnNames(headers []string) []string {
	names := make([]string, len(headers))
	wanted := make(map[string]bool, len(headers))
	for i, header := range headers {
		if names[i] = ColumnName(header); names[i] == "" {
			names[i] = "column_" + strconv.Itoa(i+1)
		}
		wanted[names[i]] = true
	}
	taken := make(map[string]bool, len(headers))
	next := make(map[string]int)
	for i, name := range names {
		unique := name
		for n := max(next[name], 2); taken[unique] || unique != name && wanted[unique]; n++ {
			suffix := "_" + strconv.Itoa(n)
			unique = cutName(name, MaxNameBytes-len(suffix)) + suffix
			next[name] = n + 1
		}
		taken[unique] = true
		names[i] = unique
	}
	return names
}

// MatchName says whether two names are alike but for case, spaces, underscores
// and hyphens, as "Unit Price" and unit_price are.
func MatchName(a, b string) bool {
	for {
		r, n := nextNameRune(a)
		s, m := nextNameRune(b)
		if r != s {
			return false
		}
		if n == 0 {
			return m == 0
		}
		a, b = a[n:], b[m:]
	}
}

// nextNameRune is the first rune that counts, folded, and the bytes up to its
// end; 0, 0 at the end.
func nextNameRune(s string) (rune, int) {
	for end := 0; end < len(s); {
		r, n := utf8.DecodeRuneInString(s[end:])
		end += n
		if r == '_' || r == '-' || unicode.IsSpace(r) || r == '\ufeff' {
			continue
		}
		return unicode.ToLower(unicode.ToUpper(r)), end
	}
	return 0, 0
}
