package sniff

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Inference accumulates the values of one column. Its memory is bounded, and
// any order and grouping of Add and Merge gives the same decision. It is not
// safe for use by several goroutines at once.
type Inference struct {
	words *vocabulary
	// n counts values by class, first is the one with the lowest line.
	n     [numClasses]int64
	first [numClasses]Example
	// nulls counts the words of the vocabulary.
	nulls []int64
	// padded is the first value with blanks around it.
	padded Example
	// bools is the set of true/false words, by index.
	bools uint64
	ints  intColumn
	nums  numberColumn
	dates dateColumn
	// scratch
	num  number
	date dateValue
}

// Seen is what Add made of a value, for Again.
type Seen struct {
	mantissa     int64
	point, comma int16
	class        class
	aux          uint8
}

// Null says whether the value is empty and unquoted.
func (s Seen) Null() bool { return s.class == classEmpty }

// Empty says whether the value is a quoted empty string.
func (s Seen) Empty() bool { return s.class == classQuotedEmpty }

// Word says whether the value is a word that may stand for NULL.
func (s Seen) Word() bool { return s.class == classNull }

// vocabulary is a list of null words.
type vocabulary struct {
	words []string
	index map[string]uint8
	// given says that the user chose the words.
	given   bool
	longest int
	starts  [256]bool
}

func newVocabulary(words []string, given bool) *vocabulary {
	v := &vocabulary{index: map[string]uint8{}, given: given}
	for _, w := range words {
		if _, ok := v.index[w]; ok || w == "" || len(v.words) == 255 {
			continue
		}
		v.index[w] = uint8(len(v.words))
		v.words = append(v.words, w)
		v.longest = max(v.longest, len(w))
		v.starts[w[0]] = true
	}
	return v
}

var builtin = newVocabulary(nullWords, false)

// NewInference starts a column. Of the options only NullWords matters here;
// give the same options to Decide.
func NewInference(o Options) *Inference {
	words := builtin
	if o.NullWords != nil {
		words = newVocabulary(*o.NullWords, true)
	}
	return newInference(words)
}

func newInference(words *vocabulary) *Inference {
	in := &Inference{words: words, nulls: make([]int64, len(words.words))}
	in.nums.styles = allStyles
	in.ints.days = true
	in.dates.orders = orderDMY | orderMDY | orderYMD
	return in
}

// NewInferences starts n columns that share what can be shared.
func NewInferences(n int, o Options) []*Inference {
	first := NewInference(o)
	all := make([]*Inference, n)
	for i := range all {
		all[i] = newInference(first.words)
	}
	return all
}

// Add takes the value of one field. quoted says that it was written in quotes,
// line is the physical line of its record. The field is not kept.
func (in *Inference) Add(field []byte, quoted bool, line int64) Seen {
	if len(field) == 0 {
		cl := classEmpty
		if quoted {
			cl = classQuotedEmpty
		}
		in.n[cl]++
		in.first[cl].take(line, field)
		return Seen{class: cl}
	}
	if w := in.words; len(field) <= w.longest && w.starts[field[0]] {
		if i, ok := w.index[string(field)]; ok {
			in.nulls[i]++
			in.n[classNull]++
			in.first[classNull].take(line, field)
			return Seen{class: classNull, aux: i}
		}
	}
	cl, aux := classify(field, &in.num, &in.date)
	in.n[cl]++
	in.first[cl].take(line, field)
	s := Seen{class: cl, aux: aux}
	switch cl {
	case classInt:
		in.ints.add(in.num.mantissa, line, field)
		s.mantissa = in.num.mantissa
	case classNumber:
		in.nums.add(&in.num, line, field)
		s.mantissa, s.point, s.comma = in.num.mantissa, in.num.point, in.num.comma
	case classBool:
		in.bools |= 1 << aux
	case classDate:
		in.dates.add(&in.date, line, field)
	}
	if cl < firstTextClass && (isBlank(field[0]) || isBlank(field[len(field)-1])) {
		in.padded.take(line, field)
	}
	return s
}

// Again counts one more value equal to one that this Inference was given
// before, without looking at it.
func (in *Inference) Again(s Seen) {
	in.n[s.class]++
	switch s.class {
	case classNull:
		in.nulls[s.aux]++
	case classInt:
		in.ints.sum.add(s.mantissa)
	case classNumber:
		in.nums.sum(s.mantissa, s.point, s.comma)
	}
}

// Merge adds what another Inference, made with the same options, has seen.
func (in *Inference) Merge(other *Inference) {
	for i := range in.n {
		in.n[i] += other.n[i]
		in.first[i].merge(other.first[i])
	}
	for i := range min(len(in.nulls), len(other.nulls)) {
		in.nulls[i] += other.nulls[i]
	}
	in.padded.merge(other.padded)
	in.bools |= other.bools
	in.ints.merge(&other.ints)
	in.nums.merge(&other.nums)
	in.dates.merge(&other.dates)
}

// NullWordCounts are the numbers of values that are words that may stand for NULL.
func (in *Inference) NullWordCounts() map[string]int64 {
	var m map[string]int64
	for i, n := range in.nulls {
		if n > 0 {
			if m == nil {
				m = map[string]int64{}
			}
			m[in.words.words[i]] = n
		}
	}
	return m
}

// Empties are the number of unquoted empty values and of quoted ones.
func (in *Inference) Empties() (unquoted, quoted int64) {
	return in.n[classEmpty], in.n[classQuotedEmpty]
}

const exampleBytes = 80

// take keeps the value if it is on an earlier line than the one kept, or on
// the same and smaller, so that the order of arrival does not matter.
func (e *Example) take(line int64, v []byte) {
	if e.Line != 0 && line >= e.Line {
		if line != e.Line || strings.Compare(e.Value, cut(v)) <= 0 {
			return
		}
	}
	*e = Example{Line: line, Value: cut(v)}
}

func (e *Example) merge(o Example) {
	if o.Line != 0 && (e.Line == 0 || o.Line < e.Line || o.Line == e.Line && o.Value < e.Value) {
		*e = o
	}
}

// cut copies at most exampleBytes of v, at a character's end.
func cut(v []byte) string {
	if len(v) <= exampleBytes {
		return string(v)
	}
	n := exampleBytes
	for n > exampleBytes-utf8.UTFMax && !utf8.RuneStart(v[n]) {
		n--
	}
	return string(v[:n]) + "…"
}

// dateColumn is what the dates of a column have in common.
type dateColumn struct {
	layouts []datedLayout
	// many says that there are more layouts than are kept.
	many   bool
	orders order
	// against are the first values that are no date in each order.
	against [numOrders]Example
	// lo and hi bound the values, per order, in microseconds since 1970.
	lo, hi [numOrders]int64
	seen   [numOrders]bool

	singleDigit, hour1, longMonth, shortMonth bool
}

type datedLayout struct {
	layout layout
	first  Example
}

const maxLayouts = 8

func (c *dateColumn) add(d *dateValue, line int64, v []byte) {
	c.remember(d.layout, Example{}, line, v)
	if d.orders != orderDMY|orderMDY|orderYMD {
		for i := range c.against {
			if d.orders&(1<<i) == 0 {
				c.against[i].take(line, v)
			}
		}
		c.orders &= d.orders
	}
	for i := range d.micros {
		if d.orders&(1<<i) == 0 {
			continue
		}
		if !c.seen[i] || d.micros[i] < c.lo[i] {
			c.lo[i] = d.micros[i]
		}
		if !c.seen[i] || d.micros[i] > c.hi[i] {
			c.hi[i] = d.micros[i]
		}
		c.seen[i] = true
	}
	c.singleDigit = c.singleDigit || d.singleDigit
	c.hour1 = c.hour1 || d.hour1
	c.longMonth = c.longMonth || d.longMonth
	c.shortMonth = c.shortMonth || d.shortMonth
}

// remember keeps a layout with its first value.
func (c *dateColumn) remember(l layout, e Example, line int64, v []byte) {
	for i := range c.layouts {
		if c.layouts[i].layout == l {
			if e.Line == 0 {
				c.layouts[i].first.take(line, v)
			} else {
				c.layouts[i].first.merge(e)
			}
			return
		}
	}
	if e.Line == 0 {
		e = Example{Line: line, Value: cut(v)}
	}
	c.layouts = append(c.layouts, datedLayout{l, e})
	slices.SortFunc(c.layouts, func(a, b datedLayout) int { return a.layout.compare(b.layout) })
	if len(c.layouts) > maxLayouts {
		// The largest goes, whatever came first, so that merging commutes.
		c.layouts = c.layouts[:maxLayouts]
		c.many = true
	}
}

func (c *dateColumn) merge(o *dateColumn) {
	for _, l := range o.layouts {
		c.remember(l.layout, l.first, 0, nil)
	}
	c.many = c.many || o.many
	for i := range c.against {
		c.against[i].merge(o.against[i])
	}
	for i := range c.lo {
		if !o.seen[i] {
			continue
		}
		if !c.seen[i] || o.lo[i] < c.lo[i] {
			c.lo[i] = o.lo[i]
		}
		if !c.seen[i] || o.hi[i] > c.hi[i] {
			c.hi[i] = o.hi[i]
		}
		c.seen[i] = true
	}
	c.orders &= o.orders
	c.singleDigit = c.singleDigit || o.singleDigit
	c.hour1 = c.hour1 || o.hour1
	c.longMonth = c.longMonth || o.longMonth
	c.shortMonth = c.shortMonth || o.shortMonth
}

func (l layout) compare(m layout) int { return int(l.key()) - int(m.key()) }

func (l layout) key() uint32 {
	k := uint32(l.Form)<<8 | uint32(l.Sep)
	for _, b := range []bool{l.Year2, l.Weekday, l.Comma, l.ZSep, l.TSep == 'T', l.Half == 'a', l.Half == ' '} {
		k <<= 1
		if b {
			k |= 1
		}
	}
	return k<<5 | uint32(l.Time)<<3 | uint32(l.Zone)
}
