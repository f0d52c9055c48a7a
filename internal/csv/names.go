package csv

import (
	"fmt"
	"strings"
)

// UniqueNames makes names of columns out of a header as written: without
// surrounding white space and byte order mark, never empty (column_3 for the
// third), never twice (a, a_2, a_3, past names that the header has itself).
// Names differ where their bytes do. notes tell every change but trimming, one
// sentence each. The same header always gives the same names.
func UniqueNames(header []string) (names []string, notes []string) {
	names = make([]string, len(header))
	written := make(map[string]bool, len(header))
	for i, h := range header {
		names[i] = strings.TrimSpace(strings.ReplaceAll(h, "\ufeff", ""))
		written[names[i]] = true
	}
	used := make(map[string]bool, len(header))
	next := make(map[string]int)
	for i, name := range names {
		if name != "" && !used[name] {
			used[name] = true
			continue
		}
		base, n := name, max(next[name], 2)
		if name == "" {
			base, n = "column", i+1
		}
		free := fmt.Sprintf("%s_%d", base, n)
		for used[free] || written[free] {
			n++
			free = fmt.Sprintf("%s_%d", base, n)
		}
		if name == "" {
			notes = append(notes, fmt.Sprintf("column %d has no name: called %q", i+1, free))
		} else {
			next[name] = n + 1
			notes = append(notes, fmt.Sprintf("column %d is named %q like an earlier one: called %q", i+1, name, free))
		}
		names[i], used[free] = free, true
	}
	return names, notes
}
