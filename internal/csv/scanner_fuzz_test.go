package csv

import (
	"slices"
	"testing"
)

// FuzzScanner cuts any bytes at any two places in any mode, against the
// reference and the Reader.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n1,2\n", "\"x\n\",\"\"\"\"\r\n\n\"a\"b\",c", "\"never closed\n,\"\n", "# \"\n#\r\r\n1", "\"a\\\"\n\\", "a||\"b\n\"|\"|\r",
		"~|~|~\"", "a, \"b\n\"\n \"c\n", "\xff\xfe\"\x00\n\x00", "\x00\"\x00\r\x00\n\x00", "\x95\\\x95|\"\n", "\x81\x30\x81\x30\n", "\xa7\"\n\"\xa7",
	} {
		for mode := range uint16(8) {
			f.Add([]byte(seed), mode*29, uint16(3), uint16(5))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, mode, first, second uint16) {
		raw = raw[:min(len(raw), 1000)]
		m := scanModes()[int(mode)%len(scanModes())]
		cuts := []int{int(first) % (len(raw) + 1), int(second) % (len(raw) + 1)}
		slices.Sort(cuts)
		want := newReference(m.d, m.e, raw)
		if err := m.checkCuts(want, want.starts(), raw, cuts...); err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		if err := m.checkReader(raw, cuts); err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		if m.s.fast != nil {
			if err := m.checkJumps(raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzScannerStandard compares with encoding/csv on any bytes.
func FuzzScannerStandard(f *testing.F) {
	for _, seed := range []string{"", "a,b\r\n\r\n\"x\n\"\"\",\r", "\"a\"\r\r\n\"", "a\"b,\"c\"d\n\"e\n", "\r\r\n,\"\"\"\"\n"} {
		f.Add([]byte(seed))
	}
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF8)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := checkStandard(s, raw); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzVector reads any bytes as a stored Vector: it is refused, or can be
// composed, folded and stored again.
func FuzzVector(f *testing.F) {
	s, err := NewScanner(Dialect{Delimiter: ",", Quote: '"'}, UTF8)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "a\n", "\"a\nb\"\n\n"} {
		stored, err := s.Scan([]byte(text)).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored)
		f.Add(stored[:len(stored)-1])
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		var v Vector
		if v.UnmarshalBinary(stored) != nil {
			if v.states != nil {
				t.Fatal("a refused Vector was kept")
			}
			return
		}
		again, err := v.MarshalBinary()
		var w Vector
		if err != nil || w.UnmarshalBinary(again) != nil || !equalVectors(v, w) {
			t.Fatalf("stored again: %v, %v", w, err)
		}
		if spans, err := s.Fold(0, []Vector{v, s.Compose(v, v)}); err == nil {
			for _, span := range spans {
				_ = span.Rows
			}
		}
	})
}
