package csv

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// scanDialects are the modes of csv.md, each alone and some together.
var scanDialects = map[string]Dialect{
	"rfc 4180":          {Delimiter: ",", Quote: '"'},
	"no quote":          {Delimiter: ","},
	"tab, single quote": {Delimiter: "\t", Quote: '\''},
	"escape":            {Delimiter: ",", Quote: '"', Escape: '\\'},
	"escape is quote":   {Delimiter: ",", Quote: '"', Escape: '"'},
	"CR":                {Delimiter: ",", Quote: '"', Newline: NewlineCR},
	"CR, escape":        {Delimiter: ";", Quote: '"', Escape: '\\', Newline: NewlineCR, Comment: '#'},
	"semicolon":         {Delimiter: ";", Quote: '"'},
	"CR, no quote":      {Delimiter: ",", Newline: NewlineCR},
	"comment":           {Delimiter: ",", Quote: '"', Comment: '#'},
	"skip space":        {Delimiter: ",", Quote: '"', SkipInitialSpace: true},
	"skip space, 2":     {Delimiter: "| ", Quote: '"', SkipInitialSpace: true},
	"space, skip space": {Delimiter: " ", Quote: '"', SkipInitialSpace: true},
	"two alike":         {Delimiter: "||", Quote: '"'},
	"two":               {Delimiter: "|~", Quote: '"', Escape: '\\'},
	"three":             {Delimiter: "~|~", Quote: '"', SkipInitialSpace: true},
	"three, no border":  {Delimiter: "|~^", Quote: '"'},
	"eight":             {Delimiter: "||~||~||", Quote: '"', Newline: NewlineCR},
	"section sign":      {Delimiter: "§", Quote: '"'},
	"all":               {Delimiter: "||", Quote: '"', Escape: '\\', Comment: '#', Newline: NewlineCR, SkipInitialSpace: true, SkipLines: 3},
}

var scanEncodings = []Encoding{UTF8, UTF16LE, UTF16BE, UTF32LE, UTF32BE, Windows1252, KOI8R, ShiftJIS, EUCJP, GB18030, Big5, EUCKR}

// A mode is a dialect in an encoding, with what its inputs are made of.
type scanMode struct {
	name    string
	d       Dialect
	e       Encoding
	s       *Scanner
	pieces  [][]byte // the dialect's own characters, parts of the delimiter, and others
	strange [][]byte // bytes that look like syntax, or are broken
}

var scanModes = sync.OnceValue(func() []scanMode {
	modes, _ := makeModes()
	return modes
})

// makeModes makes the scanners of all modes that can be split, and joins the
// errors of the others.
func makeModes() (modes []scanMode, refused error) {
	for name, d := range scanDialects {
		for _, e := range scanEncodings {
			s, err := NewScanner(d, e)
			if err != nil {
				refused = errors.Join(refused, fmt.Errorf("%s in %s: %w", name, e, err))
				continue
			}
			modes = append(modes, scanMode{name + " " + string(e), d, e, s, scanPieces(d, e), strangeBytes})
		}
	}
	slices.SortFunc(modes, func(a, b scanMode) int { return strings.Compare(a.name, b.name) })
	return modes, refused
}

// TestScannerModes: the section sign in the five encodings of several bytes is all
// that the tests of modes leave out.
func TestScannerModes(t *testing.T) {
	if all := len(scanDialects) * len(scanEncodings); len(scanModes()) != all-5 {
		_, refused := makeModes()
		t.Errorf("%d of %d modes: %v", len(scanModes()), all, refused)
	}
}

var strangeBytes = [][]byte{
	{0},
	{0x81},
	{0x8f},
	{0x95, 0x5c},
	{0x95, 0x7c},
	{0x81, 0x30},
	{0x81, 0x30, 0x81},
	{0xff},
	{0x80},
	{0xd8},
	{0xe0},
	{0x22},
	{0x0a},
	{0x0d},
	{0x0a, 0x00},
	{0xfe, 0x7f},
	{0xc2},
}

func scanPieces(d Dialect, e Encoding) [][]byte {
	first, _ := utf8.DecodeRuneInString(d.Delimiter)
	words := []string{"a", " ", "\n", "\r", "\r\n", d.Delimiter, d.Delimiter, string(first), "é", "表", "\U0001F600", "Ċ", "\u0a00\u2200\u220d"}
	for _, b := range []byte{d.Quote, d.Quote, d.Escape, d.Comment} {
		if b != 0 {
			words = append(words, string(rune(b)), string(rune(b)))
		}
	}
	var pieces [][]byte
	for _, w := range words {
		if e == UTF8 {
			pieces = append(pieces, []byte(w))
		} else if b, err := referenceEncodings[e].NewEncoder().Bytes([]byte(w)); err == nil {
			pieces = append(pieces, b)
		}
	}
	return pieces
}

// input makes bytes of random numbers; about one piece in 20 is strange.
func (m *scanMode) input(numbers []uint16) []byte {
	var raw []byte
	for _, k := range numbers {
		if k%20 == 19 {
			raw = append(raw, m.strange[int(k/20)%len(m.strange)]...)
		} else {
			raw = append(raw, m.pieces[int(k/20)%len(m.pieces)]...)
		}
	}
	return raw
}

// checkCuts cuts raw at the given offsets and compares what is folded with the
// reference. It returns an error so that the mutation test can use it.
func (m *scanMode) checkCuts(want *reference, starts []found, raw []byte, cuts ...int) error {
	var ranges []Vector
	from := 0
	for _, to := range append(slices.Clone(cuts), len(raw)) {
		ranges = append(ranges, m.s.Scan(raw[from:to]))
		from = to
	}
	return m.checkFold(want, starts, ranges, cuts)
}

func (m *scanMode) checkFold(want *reference, starts []found, ranges []Vector, cuts []int) error {
	const base = 1000
	spans, err := m.s.Fold(base, ranges)
	if err != nil {
		return err
	}
	return checkSpans(m.s, want, starts, spans, base, cuts)
}

// checkAllCuts cuts raw at every offset, at every pair of offsets, and into single bytes.
func (m *scanMode) checkAllCuts(raw []byte) error {
	want := newReference(m.d, m.e, raw)
	starts := want.starts()
	n := len(raw)
	head, tail, each := make([]Vector, n+1), make([]Vector, n+1), make([]int, n)
	for i := range n + 1 {
		head[i], tail[i] = m.s.Scan(raw[:i]), m.s.Scan(raw[i:])
	}
	for i := range n + 1 {
		if i < n {
			each[i] = i
		}
		for k := i; k <= n; k++ {
			if err := m.checkFold(want, starts, []Vector{head[i], m.s.Scan(raw[i:k]), tail[k]}, []int{i, k}); err != nil {
				return fmt.Errorf("%s: %q: %w", m.name, raw, err)
			}
		}
	}
	if err := m.checkCuts(want, starts, raw, each...); err != nil {
		return fmt.Errorf("%s: %q: %w", m.name, raw, err)
	}
	return nil
}

func checkSpans(s *Scanner, want *reference, starts []found, spans []Span, base int64, cuts []int) error {
	if len(starts) == 0 {
		if len(spans) != 0 {
			return fmt.Errorf("spans %v of nothing", spans)
		}
		return nil
	}
	var expected []Span // of cuts between characters
	at := 0
	for i, cut := range append([]int{0}, cuts...) {
		for at < len(starts) && starts[at].offset < int64(cut) {
			at++
		}
		if at == len(starts) || at == 0 && i > 0 {
			continue
		}
		next := Span{Start: base + starts[at].offset, FirstRow: int64(at), FirstLine: starts[at].line}
		if n := len(expected); n > 0 && expected[n-1].Start == next.Start {
			continue
		}
		expected = append(expected, next)
	}
	for i := range expected {
		expected[i].End, expected[i].Rows = base+want.size, int64(len(starts))-expected[i].FirstRow
		if i+1 < len(expected) {
			expected[i].End, expected[i].Rows = expected[i+1].Start, expected[i+1].FirstRow-expected[i].FirstRow
		}
	}
	if allAligned(append(slices.Clone(cuts), int(want.size)), s.Unit()) {
		if !slices.Equal(spans, expected) {
			return fmt.Errorf("cuts %v: spans\n%v, want\n%v", cuts, spans, expected)
		}
		return nil
	}
	// A cut within a code unit may find the record start just before it, and half
	// a unit at the end may hide one.
	offset, row := base, int64(0)
	for _, span := range spans {
		k := span.FirstRow
		if span.Start != offset || k != row || k >= int64(len(starts)) || span.Start != base+starts[k].offset || span.FirstLine != starts[k].line || span.Rows <= 0 {
			return fmt.Errorf("cuts %v: span %v of\n%v does not fit records %v", cuts, span, spans, starts)
		}
		offset, row = span.End, row+span.Rows
	}
	if offset != base+want.size || row != int64(len(starts)) {
		return fmt.Errorf("cuts %v: spans\n%v, want %d rows to %d", cuts, spans, len(starts), base+want.size)
	}
	return nil
}

func allAligned(cuts []int, unit int) bool {
	return !slices.ContainsFunc(cuts, func(c int) bool { return c%unit != 0 })
}

// someModes is one mode in sixteen, another part for each draw: a check of all
// would leave no time for different inputs.
func someModes(t *rapid.T) []scanMode {
	const parts = 16
	part := rapid.IntRange(0, parts-1).Draw(t, "part")
	var some []scanMode
	for i, m := range scanModes() {
		if i%parts == part {
			some = append(some, m)
		}
	}
	return some
}

// drawNumbers draws as many long lists as short ones.
func drawNumbers(t *rapid.T, most int) []uint16 {
	n := rapid.IntRange(0, most).Draw(t, "n")
	return rapid.SliceOfN(rapid.Uint16(), n, n).Draw(t, "numbers")
}

// TestScannerCuts: cut anywhere, composed, the spans are those of the reference.
func TestScannerCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.Uint16(), 0, 14).Draw(t, "numbers")
		for _, m := range someModes(t) {
			raw := m.input(numbers)
			if err := m.checkAllCuts(raw[:min(len(raw), 8+8*m.s.Unit())]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestScannerExhaustive: every text of up to four characters of syntax, in every
// dialect, whole and cut into single bytes.
func TestScannerExhaustive(t *testing.T) {
	for _, m := range scanModes() {
		if m.e != UTF8 {
			continue
		}
		alphabet := slices.Compact(slices.Sorted(strings.SplitSeq(strings.Trim("a \n\r"+m.d.Delimiter+string(rune(m.d.Quote))+string(rune(m.d.Escape))+string(rune(m.d.Comment)), "\x00"), "")))
		alphabet = slices.DeleteFunc(alphabet, func(c string) bool { return c == "\x00" })
		if err := m.checkTexts(alphabet, nil, 4); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *scanMode) checkTexts(alphabet []string, raw []byte, more int) error {
	want := newReference(m.d, m.e, raw)
	starts := want.starts()
	if err := m.checkCuts(want, starts, raw); err != nil {
		return fmt.Errorf("%s: %q: %w", m.name, raw, err)
	}
	each := make([]int, len(raw))
	for i := range each {
		each[i] = i
	}
	if err := m.checkCuts(want, starts, raw, each...); err != nil {
		return fmt.Errorf("%s: %q: %w", m.name, raw, err)
	}
	if more == 0 {
		return nil
	}
	for _, c := range alphabet {
		if err := m.checkTexts(alphabet, append(slices.Clip(raw), c...), more-1); err != nil {
			return err
		}
	}
	return nil
}

// TestScannerJumps: searching for quotes finds what reading every byte finds,
// from every state, over several blocks.
func TestScannerJumps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := drawNumbers(t, 300)
		for _, m := range scanModes() {
			if m.s.fast == nil {
				continue
			}
			raw := m.input(numbers)
			if err := m.checkJumps(raw); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func (m *scanMode) checkJumps(raw []byte) error {
	for s := range m.s.auto.states {
		lines := -1
		if got, want := m.s.fast.run(uint16(s), raw, &lines), m.s.auto.run(uint16(s), raw); got != want {
			return fmt.Errorf("%s: %q from state %d: %+v, want %+v", m.name, raw, s, got, want)
		}
	}
	return nil
}

// TestScannerWrites: how a range is divided into writes makes no difference,
// and where the start is aligned the states left out are the only difference.
func TestScannerWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := drawNumbers(t, 200)
		sizes := rapid.SliceOfN(rapid.IntRange(0, 100), 1, 20).Draw(t, "sizes")
		for _, m := range someModes(t) {
			raw := m.input(numbers)
			whole := m.s.Scan(raw)
			parts, aligned := m.s.NewRangeScan(), m.s.NewRangeScan()
			aligned.Align()
			rest := raw
			for i := 0; len(rest) > 0; i++ {
				n := min(sizes[i%len(sizes)]+i%2, len(rest))
				_, _ = parts.Write(rest[:n])
				_, _ = aligned.Write(rest[:n])
				rest = rest[n:]
			}
			if got := parts.Vector(); !equalVectors(got, whole) {
				t.Fatalf("%s: %q in parts: %v, want %v", m.name, raw, got, whole)
			}
			got := aligned.Vector()
			for s, o := range got.states {
				if want := whole.states[s]; m.s.auto.phase[s] == 0 && o != want || m.s.auto.phase[s] != 0 && o.end != dead {
					t.Fatalf("%s: %q aligned, state %d: %v, want %v", m.name, raw, s, o, want)
				}
			}
		}
	})
}

func equalVectors(a, b Vector) bool {
	return a.print == b.print && a.length == b.length && slices.Equal(a.states, b.states)
}

// TestVectorAlgebra: Compose is associative, has Identity as its unit, equals the
// scan of the whole, and survives storage.
func TestVectorAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts [3][]uint16
		for i := range parts {
			parts[i] = rapid.SliceOfN(rapid.Uint16(), 0, 30).Draw(t, "numbers")
		}
		for _, m := range someModes(t) {
			s := m.s
			a, b, c := m.input(parts[0]), m.input(parts[1]), m.input(parts[2])
			va, vb, vc := s.Scan(a), s.Scan(b), s.Scan(c)
			left, right := s.Compose(s.Compose(va, vb), vc), s.Compose(va, s.Compose(vb, vc))
			whole := s.Scan(slices.Concat(a, b, c))
			if !equalVectors(left, right) || !equalVectors(left, whole) {
				t.Fatalf("%s: %q %q %q: (ab)c %v, a(bc) %v, whole %v", m.name, a, b, c, left, right, whole)
			}
			if !equalVectors(s.Compose(va, s.Identity()), va) || !equalVectors(s.Compose(s.Identity(), va), va) {
				t.Fatalf("%s: identity changes %v", m.name, va)
			}
			stored, err := whole.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var read Vector
			if err := read.UnmarshalBinary(stored); err != nil || !equalVectors(read, whole) {
				t.Fatalf("%s: stored %v, read %v (%v)", m.name, whole, read, err)
			}
		}
	})
}
