package csv

// UniqueNames makes a header's names usable as column names.
func UniqueNames(header []string) (names []string, notes []string) { return header, nil }
