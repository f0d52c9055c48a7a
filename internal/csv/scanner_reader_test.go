package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestScannerSpansRead: the records of the spans, read one span at a time, are those of
// the file read whole, with their lines and offsets, and as many as were counted.
func TestScannerSpansRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := drawNumbers(t, 60)
		cuts := rapid.SliceOfN(rapid.IntRange(0, 150), 0, 12).Draw(t, "cuts")
		for _, m := range someModes(t) {
			raw := m.input(numbers)
			cuts := slices.DeleteFunc(slices.Clone(cuts), func(c int) bool { return c > len(raw) })
			slices.Sort(cuts)
			if err := m.checkReader(raw, cuts); err != nil {
				t.Fatalf("%s: %q cut at %v: %v", m.name, raw, cuts, err)
			}
		}
	})
}

func (m *scanMode) checkReader(raw []byte, cuts []int) error {
	whole, rows, err := m.read(raw, Span{FirstLine: int64(m.d.SkipLines) + 1})
	if err != nil {
		return err
	}
	var ranges []Vector
	from := 0
	for _, to := range append(slices.Clone(cuts), len(raw)) {
		ranges = append(ranges, m.s.Scan(raw[from:to]))
		from = to
	}
	spans, err := m.s.Fold(0, ranges)
	if err != nil {
		return err
	}
	var records []string
	row := int64(0)
	for _, span := range spans {
		part, n, err := m.read(raw[span.Start:span.End], span)
		if err != nil {
			return err
		}
		if n != span.Rows || row != span.FirstRow {
			return fmt.Errorf("the reader counts %d rows after %d in span %+v", n, row, span)
		}
		row += n
		records = append(records, part...)
	}
	if row != rows || !slices.Equal(records, whole) {
		return fmt.Errorf("by span %d rows\n%q\nwhole %d rows\n%q", row, records, rows, whole)
	}
	return nil
}

// read lists the records of raw, a span of a file.
func (m *scanMode) read(raw []byte, span Span) (records []string, rows int64, err error) {
	start := Position{Line: span.FirstLine, Record: 1}
	if m.e == UTF8 {
		start.Byte = span.Start
	}
	r, err := NewReader(m.e.DecodeSpan(bytes.NewReader(raw)), m.d, Options{Start: start, Encoding: m.e})
	if err != nil {
		return nil, 0, err
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, r.Rows(), nil
		}
		if err != nil {
			return nil, 0, err
		}
		at := rec.Pos
		if m.e != UTF8 {
			at.Byte = 0
		}
		bad := ""
		if rec.Bad != nil {
			bad = fmt.Sprintf("%s in line %d", rec.Bad.Code, rec.Bad.Line)
		}
		records = append(records, fmt.Sprintf("line %d byte %d %q %v %q %s", at.Line, at.Byte, rec.Fields, rec.Quoted, rec.Raw, bad))
	}
}

// checkStandard compares record ends with encoding/csv in LazyQuotes mode, which
// has the same rules but skips blank lines.
func checkStandard(s *Scanner, raw []byte) error {
	ends := []int64{}
	r := stdcsv.NewReader(bytes.NewReader(raw))
	r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	for {
		_, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%q: encoding/csv: %w", raw, err)
		}
		ends = append(ends, r.InputOffset())
	}
	ranges := make([]Vector, len(raw))
	for i := range raw {
		ranges[i] = s.Scan(raw[i : i+1])
	}
	spans, err := s.Fold(0, ranges)
	if err != nil {
		return err
	}
	var got []int64
	for _, span := range spans {
		if line := bytes.TrimSuffix(bytes.TrimSuffix(raw[span.Start:span.End], []byte("\n")), []byte("\r")); len(line) > 0 {
			got = append(got, span.End)
		}
	}
	if !slices.Equal(got, ends) && len(got)+len(ends) > 0 {
		return fmt.Errorf("%q: records end at %v, by encoding/csv at %v", raw, got, ends)
	}
	return nil
}

// TestScannerEqualsStandard compares with encoding/csv where the rules agree.
func TestScannerEqualsStandard(t *testing.T) {
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 50 {
			n := rapid.IntRange(0, 40).Draw(t, "n")
			raw := rapid.SliceOfN(rapid.SampledFrom([]byte("a,,\"\"\"\n\n\r ")), n, n).Draw(t, "raw")
			if err := checkStandard(s, raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}
