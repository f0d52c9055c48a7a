package profile

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/sniff"
)

const (
	// textBytes is how much of the smallest and largest text is kept.
	textBytes = 256
	topValues = 20
)

// column gathers one column. Null words are counted by the Inference alone,
// because only the whole column says whether they are NULL.
type column struct {
	inference *sniff.Inference
	values    counter
	// absent counts records too short to have this field.
	absent int64
	// failed is the first error of a sketch; there is none with valid bounds.
	failed error
	text   textRange
}

// textRange is what the values have in common as text.
type textRange struct {
	n        int64
	min, max []byte
	// lengths are in characters, maxBytes is in bytes.
	minLen, maxLen, sumLen, maxBytes int64
}

func (c *column) start(in *sniff.Inference, b bounds) {
	c.inference = in
	c.values = counter{limit: b.values, precision: b.precision, slots: make([]uint16, 16)}
}

func (c *column) add(field []byte, quoted bool, line int64) {
	if len(field) == 0 {
		c.inference.Add(field, quoted, line)
		return
	}
	hash := hash64(field)
	i, slot := c.values.find(hash, field)
	if i >= 0 {
		e := &c.values.entries[i]
		e.count++
		c.text.n++
		c.text.sumLen += int64(e.chars)
		if e.known {
			c.inference.Again(e.seen)
			return
		}
		e.seen, e.known = c.inference.Add(field, quoted, line), true
		return
	}
	seen := c.inference.Add(field, quoted, line)
	if seen.Word() {
		return
	}
	chars := utf8.RuneCount(field)
	c.text.add(field, int64(chars), 1)
	e := entry{hash: hash, count: 1, seen: seen, known: true, size: uint32(len(field)), chars: uint32(chars)}
	if err := c.values.insert(slot, e, field[:min(len(field), storedBytes)]); err != nil && c.failed == nil {
		c.failed = err
	}
}

// add takes a value that occurs n times.
func (t *textRange) add(v []byte, chars, n int64) {
	if t.n == 0 {
		t.min, t.max = append(t.min[:0], cut(v)...), append(t.max[:0], cut(v)...)
		t.minLen, t.maxLen = chars, chars
	} else {
		if bytes.Compare(v, t.min) < 0 {
			t.min = append(t.min[:0], cut(v)...)
		} else if bytes.Compare(v, t.max) > 0 {
			t.max = append(t.max[:0], cut(v)...)
		}
		t.minLen, t.maxLen = min(t.minLen, chars), max(t.maxLen, chars)
	}
	t.maxBytes = max(t.maxBytes, int64(len(v)))
	t.n += n
	t.sumLen += chars * n
}

func cut(v []byte) []byte { return v[:min(len(v), textBytes)] }

func (t *textRange) merge(o *textRange) {
	if o.n == 0 {
		return
	}
	if t.n == 0 {
		*t = textRange{n: o.n, min: slices.Clone(o.min), max: slices.Clone(o.max), minLen: o.minLen, maxLen: o.maxLen, sumLen: o.sumLen, maxBytes: o.maxBytes}
		return
	}
	if bytes.Compare(o.min, t.min) < 0 {
		t.min = slices.Clone(o.min)
	}
	if bytes.Compare(o.max, t.max) > 0 {
		t.max = slices.Clone(o.max)
	}
	t.minLen, t.maxLen = min(t.minLen, o.minLen), max(t.maxLen, o.maxLen)
	t.maxBytes = max(t.maxBytes, o.maxBytes)
	t.n += o.n
	t.sumLen += o.sumLen
}

func (c *column) merge(o *column) error {
	if o.failed != nil {
		return o.failed
	}
	c.inference.Merge(o.inference)
	c.absent += o.absent
	c.text.merge(&o.text)
	return c.values.merge(&o.values)
}

func (c *column) result(name string, o sniff.Options) Column {
	out := Column{Column: c.inference.Decide(name, o)}
	s := &out.Statistics
	unquoted, quoted := c.inference.Empties()
	s.Nulls = unquoted + c.absent
	s.Empty = quoted
	s.NullWordCounts = c.inference.NullWordCounts()
	if c.absent > 0 {
		out.Nullable = true
	}
	text := c.text
	text.min, text.max = slices.Clone(text.min), slices.Clone(text.max)
	s.Distinct, s.DistinctExact = c.values.distinct()
	top := c.top()
	s.TopExact, s.TopError = c.values.lost == 0, c.values.lost
	other := func(v string, n int64) {
		text.add([]byte(v), int64(utf8.RuneCountInString(v)), n)
		s.Distinct++
		top = append(top, Value{v, n})
	}
	words := make([]string, 0, len(s.NullWordCounts))
	for w := range s.NullWordCounts {
		words = append(words, w)
	}
	slices.Sort(words)
	for _, w := range words {
		if slices.Contains(out.NullWords, w) {
			s.Nulls += s.NullWordCounts[w]
			continue
		}
		other(w, s.NullWordCounts[w])
	}
	if quoted > 0 && out.Type.Kind == schema.Text {
		other("", quoted)
	}
	s.Rows = text.n + s.Nulls
	if quoted > 0 && out.Type.Kind != schema.Text {
		s.Rows += quoted
	}
	s.Distinct = min(s.Distinct, text.n)
	if text.n > 0 {
		s.MinLength, s.MaxLength, s.MaxBytes = text.minLen, text.maxLen, text.maxBytes
		s.MeanLength = float64(text.sumLen) / float64(text.n)
	}
	c.extremes(&out, &text)
	slices.SortFunc(top, func(a, b Value) int {
		if a.Count != b.Count {
			if a.Count > b.Count {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Value, b.Value)
	})
	s.TopValues = top[:min(len(top), topValues)]
	return out
}

// extremes fills Min, Max and Mean in the order of the column's type.
func (c *column) extremes(out *Column, text *textRange) {
	s := &out.Statistics
	if text.n == 0 {
		return
	}
	if f, ok := c.inference.Figures(out.Column); ok {
		s.Min, s.Max = &f.Min, &f.Max
		if f.Numbers > 0 && !math.IsInf(f.Mean, 0) {
			s.Mean = &f.Mean
		}
		return
	}
	lo, hi := valid(text.min), valid(text.max)
	s.Min, s.Max = &lo, &hi
}

// top are the counted values. Of an inexact count single occurrences say nothing.
func (c *column) top() []Value {
	top := make([]Value, 0, len(c.values.entries)+4)
	for i := range c.values.entries {
		e := &c.values.entries[i]
		if c.values.sketch != nil && e.count < 2 {
			continue
		}
		v := valid(c.values.arena[e.at : e.at+e.stored()])
		if e.size > storedBytes {
			v += "…"
		}
		top = append(top, Value{v, e.count})
	}
	return top
}

// valid makes UTF-8 of a value that may be cut within a character or bad itself.
func valid(b []byte) string {
	for range utf8.UTFMax - 1 {
		if r, w := utf8.DecodeLastRune(b); r != utf8.RuneError || w != 1 || len(b) < storedBytes {
			break
		}
		b = b[:len(b)-1]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
