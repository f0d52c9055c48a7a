package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/sniff"
)

// Overrides are a user's corrections of what inspection found, as the API takes
// and etl.Source.Overrides keeps them. What is nil or empty is left to inspection.
type Overrides struct {
	Encoding   string            `json:"encoding,omitempty" maxLength:"40" doc:"utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis, gb18030, …"`
	Dialect    *DialectOverrides `json:"dialect,omitempty"`
	Types      map[string]string `json:"types,omitempty" doc:"SQL type by column name"`
	NullValues []string          `json:"null_values,omitempty" maxItems:"255" doc:"The words that mean NULL, wherever they stand alone in a field; a list with nothing but an empty text: no word"`
	DateOrder  string            `json:"date_order,omitempty" enum:"dmy,mdy,ymd"`
	Decimal    string            `json:"decimal,omitempty" enum:"point,comma"`
	Timezone   string            `json:"timezone,omitempty" maxLength:"64" doc:"Zone of times without one, as Europe/Berlin"`
}

// DialectOverrides are the parts of a dialect that the user decides. An empty
// text turns quote, escape or comment off.
type DialectOverrides struct {
	Delimiter         *string `json:"delimiter,omitempty" maxLength:"8"`
	Quote             *string `json:"quote,omitempty" maxLength:"1"`
	Escape            *string `json:"escape,omitempty" maxLength:"1"`
	Comment           *string `json:"comment,omitempty" maxLength:"1"`
	Header            *bool   `json:"header,omitempty"`
	HeaderRows        *int    `json:"header_rows,omitempty" minimum:"0" maximum:"100"`
	SkipLines         *int    `json:"skip_lines,omitempty" minimum:"0" maximum:"1000000"`
	Newline           *string `json:"newline,omitempty" enum:"lf,crlf,cr"`
	SkipInitialSpace  *bool   `json:"skip_initial_space,omitempty"`
	TrailingDelimiter *bool   `json:"trailing_delimiter,omitempty"`
}

func badOverride(fix, format string, args ...any) error {
	return etl.Mistakef("bad_override", fix, format, args...)
}

// Options are the overrides as inspection takes them, or a Mistake of code bad_override.
func (o *Overrides) Options() (ReadOptions, error) {
	var r ReadOptions
	s := &r.Sniff
	if o.Encoding != "" {
		e, err := csv.ParseEncoding(o.Encoding)
		if err != nil {
			return r, badOverride("Use a name such as utf-8, windows-1252, iso-8859-15, shift_jis or gb18030", "the encoding %q is not known", o.Encoding)
		}
		s.Encoding = &e
	}
	for name, typ := range o.Types {
		if _, err := schema.ParseType(typ); err != nil {
			return r, badOverride("Write a PostgreSQL type such as numeric(10,2)", "types: column %q: %v", name, err)
		}
	}
	s.Types, s.DateOrder = o.Types, o.DateOrder
	if len(o.NullValues) > 0 {
		s.NullWords = &o.NullValues
	}
	switch o.DateOrder {
	case "", "dmy", "mdy", "ymd":
	default:
		return r, badOverride("Use dmy, mdy or ymd", "the date order %q is not known", o.DateOrder)
	}
	switch o.Decimal {
	case "":
	case "point":
		s.Decimal = "."
	case "comma":
		s.Decimal = ","
	default:
		return r, badOverride("Use point or comma", "the decimal sign %q is not known", o.Decimal)
	}
	if o.Timezone != "" {
		zone, err := time.LoadLocation(o.Timezone)
		if err != nil || strings.EqualFold(o.Timezone, "local") {
			return r, badOverride("Use a name such as Europe/Berlin, America/New_York or UTC", "there is no time zone %q", o.Timezone)
		}
		s.Location = zone
	}
	if o.Dialect == nil {
		return r, nil
	}
	return r, o.Dialect.apply(s)
}

func (d *DialectOverrides) apply(s *sniff.Options) error {
	s.Delimiter, s.SkipLines, s.SkipInitialSpace, s.TrailingDelimiter = d.Delimiter, d.SkipLines, d.SkipInitialSpace, d.TrailingDelimiter
	if d.Delimiter != nil && *d.Delimiter == "" {
		return badOverride(`Name one, such as "," or "\t", or leave delimiter out`, "the delimiter is empty")
	}
	for _, c := range []struct {
		name string
		text *string
		to   **byte
	}{{"quote", d.Quote, &s.Quote}, {"escape", d.Escape, &s.Escape}, {"comment", d.Comment, &s.Comment}} {
		if c.text == nil {
			continue
		}
		b := new(byte)
		switch t := *c.text; {
		case t == "":
		case len(t) == 1 && t[0] < 0x80 && t[0] > ' ':
			*b = t[0]
		default:
			return badOverride("Use one ASCII character, or an empty text for none", "the %s %q is not one character", c.name, t)
		}
		*c.to = b
	}
	switch {
	case d.Header != nil && d.HeaderRows != nil && *d.Header != (*d.HeaderRows > 0):
		return badOverride("Leave one of them out", "header is %t and header_rows is %d", *d.Header, *d.HeaderRows)
	case d.HeaderRows != nil:
		s.Header = d.HeaderRows
	case d.Header != nil:
		s.Header = new(int)
		if *d.Header {
			*s.Header = 1
		}
	}
	if d.Newline != nil {
		n := csv.NewlineLF
		switch *d.Newline {
		case "lf", "crlf":
		case "cr":
			n = csv.NewlineCR
		default:
			return badOverride("Use lf, crlf or cr", "the newline %q is not known", *d.Newline)
		}
		s.Newline = &n
	}
	return nil
}

// Unknown names the column that Types speaks of and the file lacks; "" where there is none.
func (o *Overrides) Unknown(names []string) string {
	unknown := ""
	for name := range o.Types {
		if !slices.Contains(names, name) && (unknown == "" || name < unknown) {
			unknown = name
		}
	}
	return unknown
}

// OptionsOf are the overrides stored with a source, as inspection takes them.
func OptionsOf(src etl.Source) (ReadOptions, error) {
	var o Overrides
	if len(src.Overrides) > 0 {
		if err := json.Unmarshal(src.Overrides, &o); err != nil {
			return ReadOptions{}, fmt.Errorf("the overrides of source %s: %w", src.ID, err)
		}
	}
	return o.Options()
}
