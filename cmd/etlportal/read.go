package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/etlportal/etlportal/internal/aws"
	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/source"
	"github.com/etlportal/etlportal/internal/workflow"
)

// readFlags are the flags of every command that reads a file; each overrides
// what would be found out.
type readFlags struct {
	encoding, delimiter, quote, escape, comment, newline string
	header, noHeader, skipSpace, stripNUL                bool
	headerRows, skipLines                                int
	nullValues, types                                    []string
	dateOrder, decimal, timezone                         string
	maxRecord, blankLines, member                        string
	set                                                  *pflag.FlagSet
}

func (f *readFlags) register(set *pflag.FlagSet) {
	f.set = set
	set.StringVar(&f.encoding, "encoding", "", "character encoding: utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis, gb18030, euc-kr, …")
	set.StringVarP(&f.delimiter, "delimiter", "d", "", `field delimiter, up to 8 bytes: , ; tab | space "||"`)
	set.StringVar(&f.quote, "quote", "", `quote character, or none`)
	set.StringVar(&f.escape, "escape", "", `escape character inside quotes: double (a quote is doubled) or \`)
	set.StringVar(&f.comment, "comment", "", "character that starts a comment line, or none")
	set.StringVar(&f.newline, "newline", "", "what ends a record: lf (LF and CRLF) or cr")
	set.BoolVar(&f.header, "header", false, "the first record holds the column names")
	set.BoolVar(&f.noHeader, "no-header", false, "there is no header; columns are called column_1, column_2, …")
	set.IntVar(&f.headerRows, "header-rows", 1, "number of header records, joined with a space")
	set.IntVar(&f.skipLines, "skip-lines", 0, "number of lines before the header")
	set.BoolVar(&f.skipSpace, "skip-initial-space", false, "ignore spaces after a delimiter")
	set.StringArrayVar(&f.nullValues, "null-value", nil, "word that means NULL (may be repeated)")
	set.StringArrayVar(&f.types, "type", nil, "type of a column, as NAME=TYPE (may be repeated)")
	set.StringVar(&f.dateOrder, "date-order", "", "how dates are written: dmy, mdy or ymd")
	set.StringVar(&f.decimal, "decimal", "", "decimal sign: point or comma")
	set.StringVar(&f.timezone, "timezone", "UTC", "zone of times without one, as Europe/Berlin")
	set.StringVar(&f.maxRecord, "max-record", "8MiB", "longest record that is read")
	set.StringVar(&f.blankLines, "blank-lines", "skip", "what a blank line is: skip, or record (one empty field)")
	set.BoolVar(&f.stripNUL, "strip-nul", false, "remove NUL bytes instead of rejecting their rows")
	set.StringVar(&f.member, "member", "", "file to read in a zip that holds several")
}

// options turns the flags into what the packages take.
func (f *readFlags) options() (workflow.ReadOptions, *time.Location, error) {
	var o workflow.ReadOptions
	s := &o.Sniff
	if f.encoding != "" {
		e, err := csv.ParseEncoding(f.encoding)
		if err != nil {
			return o, nil, usagef("--encoding: %v", err)
		}
		s.Encoding = &e
	}
	if f.set.Changed("delimiter") {
		d, err := delimiter(f.delimiter)
		if err != nil {
			return o, nil, err
		}
		s.Delimiter = &d
	}
	var err error
	if s.Quote, err = f.char("quote", f.quote, ""); err != nil {
		return o, nil, err
	}
	if s.Escape, err = f.char("escape", f.escape, "double"); err != nil {
		return o, nil, err
	}
	if s.Comment, err = f.char("comment", f.comment, ""); err != nil {
		return o, nil, err
	}
	switch strings.ToLower(f.newline) {
	case "":
	case "lf", "crlf":
		n := csv.NewlineLF
		s.Newline = &n
	case "cr":
		n := csv.NewlineCR
		s.Newline = &n
	default:
		return o, nil, usagef("--newline takes lf or cr, not %q", f.newline)
	}
	switch {
	case f.noHeader && (f.header || f.set.Changed("header-rows")):
		return o, nil, usagef("--no-header contradicts --header")
	case f.headerRows < 0 || f.headerRows > 100:
		return o, nil, usagef("--header-rows takes 0 to 100, not %d", f.headerRows)
	case f.noHeader:
		s.Header = new(int)
	case f.header || f.set.Changed("header-rows"):
		s.Header = &f.headerRows
	}
	if f.set.Changed("skip-lines") {
		if f.skipLines < 0 {
			return o, nil, usagef("--skip-lines takes 0 or more, not %d", f.skipLines)
		}
		s.SkipLines = &f.skipLines
	}
	if f.set.Changed("skip-initial-space") {
		s.SkipInitialSpace = &f.skipSpace
	}
	if f.set.Changed("null-value") {
		s.NullWords = &f.nullValues
	}
	if s.DateOrder = strings.ToLower(f.dateOrder); s.DateOrder != "" && s.DateOrder != "dmy" && s.DateOrder != "mdy" && s.DateOrder != "ymd" {
		return o, nil, usagef("--date-order takes dmy, mdy or ymd, not %q", f.dateOrder)
	}
	switch strings.ToLower(f.decimal) {
	case "":
	case "point", ".":
		s.Decimal = "."
	case "comma", ",":
		s.Decimal = ","
	default:
		return o, nil, usagef("--decimal takes point or comma, not %q", f.decimal)
	}
	for _, t := range f.types {
		name, typ, ok := strings.Cut(t, "=")
		if !ok || name == "" || typ == "" {
			return o, nil, usagef("--type takes NAME=TYPE, not %q", t)
		}
		if _, err := schema.ParseType(typ); err != nil {
			return o, nil, usagef("--type of column %q: %v", name, err)
		}
		if s.Types == nil {
			s.Types = map[string]string{}
		}
		s.Types[name] = typ
	}
	loc, err := time.LoadLocation(f.timezone)
	if err != nil || strings.EqualFold(f.timezone, "local") {
		return o, nil, usagef("--timezone: there is no zone %q. Use a name such as Europe/Berlin, America/New_York or UTC", f.timezone)
	}
	s.Location = loc
	n, err := parseBytes(f.maxRecord)
	if err != nil || n < 1 || n > 1<<30 {
		return o, nil, usagef("--max-record takes a size up to 1GiB such as 8MiB, not %q", f.maxRecord)
	}
	o.MaxRecord, o.StripNUL = int(n), f.stripNUL
	switch f.blankLines {
	case "skip":
	case "record":
		o.BlankRecords = true
	default:
		return o, nil, usagef("--blank-lines takes skip or record, not %q", f.blankLines)
	}
	return o, loc, nil
}

// open opens the file of a command; what AWS needs is looked for only where the file is there.
func (f *readFlags) open(ctx context.Context, s streams, path string) (*source.Source, error) {
	o := source.Options{Stdin: s.in, Member: f.member}
	if !strings.HasPrefix(path, aws.Scheme) {
		return source.Open(path, o)
	}
	object, err := aws.OpenObject(ctx, path, aws.Account{})
	if err != nil {
		return nil, err
	}
	return source.OpenRemote(ctx, path, object, o)
}

// char is a flag of one ASCII character; "none" or the given word is 0.
func (f *readFlags) char(name, value, zero string) (*byte, error) {
	if !f.set.Changed(name) {
		return nil, nil //nolint:nilnil // nil is "not given"
	}
	switch v := strings.ToLower(value); {
	case v == "" || v == "none" || v == zero && zero != "":
		return new(byte), nil
	case v == "backslash":
		b := byte('\\')
		return &b, nil
	case len(value) == 1 && value[0] < 0x80 && value[0] > ' ':
		b := value[0]
		return &b, nil
	}
	return nil, usagef("--%s takes one character or none, not %q", name, value)
}

// delimiter reads a delimiter and its names.
func delimiter(s string) (string, error) {
	switch strings.ToLower(s) {
	case "":
		return "", usagef("--delimiter must not be empty")
	case "tab", `\t`:
		return "\t", nil
	case "comma":
		return ",", nil
	case "semicolon":
		return ";", nil
	case "pipe":
		return "|", nil
	case "colon":
		return ":", nil
	case "space":
		return " ", nil
	}
	if len(s) > 8 || strings.ContainsAny(s, "\r\n\x00") {
		return "", usagef("--delimiter takes 1 to 8 bytes without newlines, not %q", s)
	}
	return s, nil
}

// parseBytes reads "64MiB", "1G", "500000".
func parseBytes(s string) (int64, error) {
	digits := strings.TrimRight(s, "KkMmGgTtIiBb ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, err
	}
	factor := 1.0
	switch unit := strings.ToLower(strings.TrimSpace(s[len(digits):])); unit {
	case "", "b":
	case "k", "kb", "kib":
		factor = 1 << 10
	case "m", "mb", "mib":
		factor = 1 << 20
	case "g", "gb", "gib":
		factor = 1 << 30
	case "t", "tb", "tib":
		factor = 1 << 40
	default:
		return 0, fmt.Errorf("unknown unit %q", unit)
	}
	if n*factor > math.MaxInt64/2 {
		return 0, fmt.Errorf("%s is too large", s)
	}
	return int64(n * factor), nil
}
