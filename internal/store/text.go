package store

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// clean makes text that was read from a file storable: PostgreSQL takes neither
// NUL nor bytes that are not UTF-8. Both become U+FFFD; where the exact bytes
// matter they are stored beside it.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cleanAll keeps nil nil.
func cleanAll(texts []string) []string {
	if texts == nil {
		return nil
	}
	cleaned := make([]string, len(texts))
	for i, t := range texts {
		cleaned[i] = clean(t)
	}
	return cleaned
}

// list gives the empty list for nil, where the column takes no NULL.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// unlist gives nil for the empty list.
func unlist(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// enumerate writes `job "a"`, `jobs "a" and "b"`, `jobs "a", "b" and others` (more than five).
func enumerate(noun string, names []string) string {
	quoted := make([]string, 0, len(names))
	for _, n := range names[:min(len(names), 5)] {
		quoted = append(quoted, strconv.Quote(n))
	}
	switch {
	case len(names) == 0:
		return "another " + noun
	case len(names) == 1:
		return noun + " " + quoted[0]
	case len(names) > 5:
		return noun + "s " + strings.Join(quoted, ", ") + " and others"
	}
	last := len(quoted) - 1
	return noun + "s " + strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}

// isUUID says whether s is a UUID in its usual form, so that any other text is
// not found instead of an error of the database.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
				return false
			}
		}
	}
	return true
}

// uuidBytes is the binary form for COPY; the text must be a UUID.
func uuidBytes(s string) ([16]byte, error) {
	var id [16]byte
	_, err := hex.Decode(id[:], []byte(strings.ReplaceAll(s, "-", "")))
	return id, err
}

// prefixed puts a table's name before each column of a list.
func prefixed(columns, table string) string {
	parts := strings.Split(columns, ",")
	for i, p := range parts {
		parts[i] = table + strings.TrimSpace(p)
	}
	return strings.Join(parts, ", ")
}
