package portal

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/sniff"
)

// mendedFile reads the rows of a mended rejects file, whatever delimiter and
// encoding a spreadsheet has saved it with.
func mendedFile(run *etl.Run, file []byte) ([]MendedRow, error) {
	one := 1
	found, err := sniff.Detect(file, true, sniff.Options{Header: &one})
	if err != nil {
		return nil, at(etl.Mistakef("not_csv", "Send the file of GET …/rejects?format=csv, mended", "the mended file cannot be read: %v", err), "body")
	}
	d := found.Dialect
	d.Header = 0
	r, err := csv.NewReader(found.Encoding.Decode(strings.NewReader(string(file))), d, csv.Options{Encoding: found.Encoding})
	if err != nil {
		return nil, err
	}
	header, err := r.Read()
	if err != nil {
		return nil, at(etl.Mistakef("not_csv", "Send the file of GET …/rejects?format=csv, mended", "the mended file has no header"), "body")
	}
	names := make([]string, len(header.Fields))
	for i, f := range header.Fields {
		names[i] = string(f)
	}
	order, line, err := mendedColumns(run, names)
	if err != nil {
		return nil, err
	}
	var rows []MendedRow
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if rec.Bad != nil || len(rec.Fields) != len(names) {
			return nil, mendedRowError(rec.Pos.Line, "has %d fields, and the header %d", len(rec.Fields), len(names))
		}
		if len(rows) >= maxReload {
			return nil, at(etl.Mistakef("too_many_rows", "Send it in several files", "the mended file has more than %d rows", maxReload), "body")
		}
		row := MendedRow{Fields: make([]*string, len(order))}
		if row.Line, err = strconv.ParseInt(strings.TrimSpace(string(rec.Fields[line])), 10, 64); err != nil {
			return nil, mendedRowError(rec.Pos.Line, "has %.40q as its %s", rec.Fields[line], etl.RejectColumns[0])
		}
		for i, from := range order {
			text := unsafeCell(string(rec.Fields[from]))
			row.Fields[i] = &text
		}
		rows = append(rows, row)
	}
}

func mendedRowError(line int64, format string, args ...any) error {
	e := etl.Mistakef("bad_mended_row", "Mend the cells only, and leave "+etl.RejectColumns[0]+" as it is", "line %d of the mended file "+format, append([]any{line}, args...)...)
	e.Line = line
	return at(e, "body")
}

// mendedColumns says at which place of the mended file each of the run's
// columns is, and _line.
func mendedColumns(run *etl.Run, names []string) (order []int, line int, err error) {
	const fix = "Send the file of GET …/rejects?format=csv, mended, with all its columns"
	if line = slices.Index(names, etl.RejectColumns[0]); line < 0 {
		return nil, 0, at(etl.Mistakef("missing_column", fix, "the mended file has no column %s, which says which row is which", etl.RejectColumns[0]), "body")
	}
	for _, s := range run.Sources {
		i := slices.Index(names, string(safeCell(s.Name)))
		if i < 0 {
			i = slices.Index(names, s.Name)
		}
		if i < 0 {
			return nil, 0, at(etl.Mistakef("missing_column", fix, "the mended file has no column %q", s.Name), "body")
		}
		order = append(order, i)
	}
	return order, line, nil
}

// unsafeCell takes back what safeCell has put before a formula.
func unsafeCell(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && rest != "" && string(safeCell(rest)) == s {
		return rest
	}
	return s
}
