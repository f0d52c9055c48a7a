package csv

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestFoldByHand(t *testing.T) {
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"', SkipLines: 2}, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		ranges []string
		want   []Span
	}{
		{"nothing", nil, nil},
		{"empty ranges", []string{"", ""}, nil},
		{"one row without newline", []string{"a"}, []Span{{10, 11, 1, 0, 3}}},
		{"cut after the newline", []string{"a\n", "b\n"}, []Span{{10, 12, 1, 0, 3}, {12, 14, 1, 1, 4}}},
		{"cut in the newline", []string{"a\r", "\nb"}, []Span{{10, 13, 1, 0, 3}, {13, 14, 1, 1, 4}}},
		{"cut in quotes", []string{"\"a\n", "\n\"\nb\nc"}, []Span{{10, 16, 1, 0, 3}, {16, 19, 2, 1, 6}}},
		{"a record over three ranges", []string{"a\nb", "bb", "b\nc"}, []Span{{10, 17, 2, 0, 3}, {17, 18, 1, 2, 5}}},
		{"only the end follows the last newline", []string{"a", "\n"}, []Span{{10, 12, 1, 0, 3}}},
		{"a blank line is a row", []string{"\n", "\n"}, []Span{{10, 11, 1, 0, 3}, {11, 12, 1, 1, 4}}},
	} {
		var ranges []Vector
		for _, text := range c.ranges {
			ranges = append(ranges, s.Scan([]byte(text)))
		}
		got, err := s.Fold(10, ranges)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v (%v), want %v", c.name, got, err, c.want)
		}
	}
}

func TestVectorIsSmall(t *testing.T) {
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	r := s.NewRangeScan()
	row := []byte(strings.Repeat("some,fields,of a row\n", 50000))
	for range 64 {
		_, _ = r.Write(row)
	}
	v := r.Vector()
	stored, err := v.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if v.Len() != 64*int64(len(row)) || len(stored) > 16+17*s.States() {
		t.Errorf("%d states of %d bytes take %d bytes", s.States(), v.Len(), len(stored))
	}
}

func TestVectorRefused(t *testing.T) {
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF8)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.Scan([]byte("a,b\n\"c\n")).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for n := range stored {
		var v Vector
		if v.UnmarshalBinary(stored[:n]) == nil {
			t.Errorf("read from %d of %d bytes", n, len(stored))
		}
	}
	var v Vector
	if v.UnmarshalBinary(append(slices.Clone(stored), 0)) == nil {
		t.Error("read with a byte too many")
	}
	if _, err := s.Fold(0, []Vector{{}}); err == nil {
		t.Error("folded the zero Vector")
	}
	u, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF16LE)
	if err != nil {
		t.Fatal(err)
	}
	odd := u.NewRangeScan()
	odd.Align()
	_, _ = odd.Write([]byte("abc"))
	if _, err := u.Fold(0, []Vector{u.Scan([]byte("a")), odd.Vector()}); err == nil {
		t.Error("folded a range that was said to be aligned and is not")
	}
}

func TestNotSplittable(t *testing.T) {
	for _, c := range []struct {
		d  Dialect
		e  Encoding
		ok bool
	}{
		{Dialect{Delimiter: ","}, ISO2022JP, false},
		{Dialect{Delimiter: ","}, GB18030, true},
		{Dialect{Delimiter: ";"}, GB18030, true},
		{Dialect{Delimiter: "0"}, GB18030, false},
		{Dialect{Delimiter: "|", Comment: '1'}, GB18030, false},
		{Dialect{Delimiter: "、"}, ShiftJIS, false},
		{Dialect{Delimiter: "|", Escape: '\\', Quote: '"'}, ShiftJIS, true},
		{Dialect{Delimiter: "x"}, EUCKR, false},
		{Dialect{Delimiter: "|"}, EUCKR, true},
		{Dialect{Delimiter: "§"}, Windows1252, true},
		{Dialect{Delimiter: "\U0001F600"}, UTF16BE, true},
	} {
		_, err := NewScanner(c.d, c.e)
		if errors.Is(err, ErrNotSplittable) == c.ok || c.ok && err != nil {
			t.Errorf("%+v in %s: %v", c.d, c.e, err)
		}
	}
	if _, err := NewScanner(Dialect{}, UTF8); err == nil || errors.Is(err, ErrNotSplittable) {
		t.Errorf("an empty dialect: %v", err)
	}
	if _, err := NewScanner(Dialect{Delimiter: ","}, "klingon"); err == nil {
		t.Error("scanned Klingon")
	}
}
