package sniff

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
)

func detect(sample []byte, atEOF bool, o Options) (*Result, error) {
	if len(sample) > SampleSize {
		sample, atEOF = sample[:SampleSize], false
	}
	if err := checkOptions(o); err != nil {
		return nil, err
	}
	if len(sample) == 0 {
		return nil, refuseEmpty(nil, 0, 0)
	}
	if o.Encoding == nil {
		if err := refuseBinary(sample); err != nil {
			return nil, err
		}
	}
	e, bom, decision := detectEncoding(sample, atEOF, o)
	if o.Encoding == nil && bom == 0 && !wide(e) {
		if err := refuseNoise(sample); err != nil {
			return nil, err
		}
	}
	text, err := decode(sample, e, atEOF)
	if err != nil {
		return nil, &Error{Code: "unreadable_encoding", Message: fmt.Sprintf("the file cannot be read as %s: %v", e, err), Fix: "Name its encoding with --encoding, for example --encoding windows-1252"}
	}
	if err := refuseEmpty(text, len(sample), bom); err != nil {
		return nil, err
	}
	if err := refuseControls(text[:min(len(text), dialectSample)]); err != nil {
		return nil, err
	}
	if err := refuseMarkup(text, atEOF); err != nil {
		return nil, err
	}
	v, err := detectDialect(text, atEOF, o)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Encoding:  e,
		BOM:       bom,
		Dialect:   v.dialect,
		Notes:     v.notes,
		Decisions: append([]Decision{decision}, v.decisions...),
	}
	if err := r.inferColumns(text, atEOF, v.columns(), o); err != nil {
		return nil, err
	}
	return r, nil
}

// wide says whether e writes bytes below 0x20 within characters.
func wide(e csv.Encoding) bool {
	switch e {
	case csv.UTF16LE, csv.UTF16BE, csv.UTF32LE, csv.UTF32BE, csv.ISO2022JP:
		return true
	}
	return false
}

// maxColumns bounds a table's width, well above PostgreSQL's 1,600 columns.
const maxColumns = 16_384

// checkOptions refuses overrides that cannot be.
func checkOptions(o Options) error {
	bad := func(format string, args ...any) error {
		return &Error{Code: "bad_option", Message: fmt.Sprintf(format, args...), Fix: "Correct the flag or leave it out"}
	}
	switch {
	case o.Delimiter != nil && *o.Delimiter == "":
		return bad("the delimiter is empty")
	case o.Delimiter != nil && o.Quote != nil && *o.Quote != 0 && strings.IndexByte(*o.Delimiter, *o.Quote) >= 0:
		return bad("the quote %q is part of the delimiter %q", *o.Quote, *o.Delimiter)
	case o.Header != nil && *o.Header < 0:
		return bad("the number of header rows is %d", *o.Header)
	case o.SkipLines != nil && *o.SkipLines < 0:
		return bad("the number of lines to skip is %d", *o.SkipLines)
	}
	if _, ok := orderOf(o.DateOrder); !ok {
		return bad("the date order %q is none of dmy, mdy, ymd", o.DateOrder)
	}
	switch o.Decimal {
	case "", ".", ",", "point", "comma":
	default:
		return bad("the decimal sign %q is neither . nor ,", o.Decimal)
	}
	return nil
}

// inferColumns reads the sample as the dialect says and gives each column its type.
func (r *Result) inferColumns(text []byte, atEOF bool, width int, o Options) error {
	reader, err := csv.NewBytesReader(text, r.Dialect, csv.Options{Width: width, StripNUL: o.StripNUL})
	if err != nil {
		return &Error{Code: "bad_option", Message: err.Error(), Fix: "Correct the flags of the dialect"}
	}
	header, err := reader.Header()
	if err != nil && !errors.Is(err, io.EOF) {
		return &Error{Code: "not_csv", Message: err.Error(), Fix: headerFix(err)}
	}
	named := len(header)
	for named > width && strings.TrimSpace(header[named-1]) == "" {
		named--
	}
	width = max(width, named)
	if width > maxColumns {
		return &Error{
			Code:    "not_csv",
			Message: fmt.Sprintf("the rows have %d columns with the delimiter %q, more than the %d that are read", width, r.Dialect.Delimiter, maxColumns),
			Fix:     "Set --delimiter, or the end of line if rows run into each other",
		}
	}
	inferences := NewInferences(width, o)
	r.readSample(reader, inferences, text, atEOF)
	if header != nil {
		// What only trailing delimiters open is no column.
		for len(inferences) > named && inferences[len(inferences)-1].values()+inferences[len(inferences)-1].n[classNull] == 0 {
			inferences = inferences[:len(inferences)-1]
		}
		if named < len(inferences) {
			r.Notes = append(r.Notes, fmt.Sprintf("the header names %d columns, but the rows have %d: the others are called after their place", named, len(inferences)))
		}
	}
	names := make([]string, len(inferences))
	copy(names, header)
	unique, notes := csv.UniqueNames(names)
	r.Names = unique
	if header != nil {
		r.Notes = append(r.Notes, notes...)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Types)) {
		if !slices.Contains(unique, name) {
			r.Notes = append(r.Notes, fmt.Sprintf("a type was given by flag for the column %q, which the file does not have", name))
		}
	}
	for j, in := range inferences {
		r.Columns = append(r.Columns, in.Decide(unique[j], o))
	}
	r.noteColumns(atEOF)
	return nil
}

// maxColumnNotes bounds the columns whose notes become the file's.
const maxColumnNotes = 20

// noteColumns makes the notes of the columns those of the file.
func (r *Result) noteColumns(whole bool) {
	noted := 0
	for _, c := range r.Columns {
		if len(c.Notes) == 0 {
			continue
		}
		if noted++; noted > maxColumnNotes {
			continue
		}
		sample := ""
		if !whole {
			sample = " (in the sample)"
		}
		for _, n := range c.Notes {
			r.Notes = append(r.Notes, fmt.Sprintf("column %q%s: %s", c.Name, sample, n))
		}
	}
	if more := noted - maxColumnNotes; more > 0 {
		r.Notes = append(r.Notes, "the like in "+plural(more, "more column", "more columns")+"; inspect lists them all")
	}
}

// headerFix says what lets a header be read that the reader refused.
func headerFix(err error) string {
	bad, _ := errors.AsType[*csv.BadRecord](err)
	if bad == nil {
		return "Set --skip-lines or --header"
	}
	switch bad.Code {
	case csv.CodeUnterminatedQuote, csv.CodeStrayQuote:
		return "Set --quote none if quotes are part of the values"
	case csv.CodeNULByte:
		return "Set --strip-nul to have NUL bytes removed"
	case csv.CodeInvalidUTF8, csv.CodeInvalidEncoding:
		return "Name the encoding with --encoding"
	case csv.CodeRecordTooLong:
		return "Set --skip-lines or --quote none if the header is shorter"
	}
	return "Set --skip-lines or --header"
}

// cells are the fields of a record as a trial has them.
func cells(rec *csv.Record) []cell {
	out := make([]cell, len(rec.Fields))
	for i, f := range rec.Fields {
		out[i] = cell{text: f, quoted: i < len(rec.Quoted) && rec.Quoted[i]}
	}
	return out
}

// readSample gives the records to the inferences, and notes bad ones. A record
// that the end of the sample may have cut is left out.
func (r *Result) readSample(reader *csv.Reader, inferences []*Inference, text []byte, whole bool) {
	bad, reason := 0, ""
	size := int64(len(text))
	d := r.Dialect
	plain := trial{delimiter: d.Delimiter, quote: d.Quote, escape: d.Escape, comment: d.Comment, spaces: d.SkipInitialSpace, cr: d.Newline == csv.NewlineCR}
	for {
		rec, err := reader.Read()
		if err != nil || !whole && reader.InputOffset() >= size {
			break
		}
		if rec.Bad != nil {
			if !whole && rec.Bad.Code == csv.CodeUnterminatedQuote && !plain.tableGoesOn(text[min(max(rec.Bad.Byte, rec.Pos.Byte), size):], len(inferences), cells(rec)) {
				break // its closing quote comes after the sample
			}
			if bad == 0 {
				reason = rec.Bad.Reason
			}
			bad++
			continue
		}
		for j, f := range rec.Fields[:min(len(rec.Fields), len(inferences))] {
			inferences[j].Add(f, rec.Quoted[j], rec.Pos.Line)
		}
	}
	if bad > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("bad rows in the sample: %d, the first: %s", bad, reason))
	}
}
