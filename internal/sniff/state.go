package sniff

import (
	"encoding/json"
	"errors"
)

// inferenceState is the stored form of an Inference.
type inferenceState struct {
	Words  []string    `json:"words,omitempty"`
	Given  bool        `json:"given,omitempty"`
	N      []int64     `json:"n"`
	First  []Example   `json:"first"`
	Nulls  []int64     `json:"nulls,omitempty"`
	Padded Example     `json:"padded"`
	Bools  uint64      `json:"bools,omitempty"`
	Ints   intState    `json:"ints"`
	Nums   numberState `json:"nums"`
	Dates  dateState   `json:"dates"`
}

type intState struct {
	Seen bool    `json:"seen,omitempty"`
	Lo   int64   `json:"lo,omitempty"`
	Hi   int64   `json:"hi,omitempty"`
	Sum  int128  `json:"sum"`
	Wide Example `json:"wide"`
	Days bool    `json:"days,omitempty"`
}

type readingState struct {
	Seen    bool             `json:"seen,omitempty"`
	MaxInt  int16            `json:"max_int,omitempty"`
	MaxFrac int16            `json:"max_frac,omitempty"`
	Lo      scaled           `json:"lo"`
	Hi      scaled           `json:"hi"`
	Sums    map[int16]int128 `json:"sums,omitempty"`
}

type numberState struct {
	Styles   style        `json:"styles"`
	Point    readingState `json:"point"`
	Comma    readingState `json:"comma"`
	Against  []Example    `json:"against"`
	Currency []bool       `json:"currency"`
	Suffix   bool         `json:"suffix,omitempty"`
	Percent  bool         `json:"percent,omitempty"`
	Bare     Example      `json:"bare"`
	Exponent Example      `json:"exponent"`
}

type layoutState struct {
	Layout layout  `json:"layout"`
	First  Example `json:"first"`
}

type dateState struct {
	Layouts []layoutState    `json:"layouts,omitempty"`
	Many    bool             `json:"many,omitempty"`
	Orders  order            `json:"orders"`
	Against []Example        `json:"against"`
	Lo      [numOrders]int64 `json:"lo"`
	Hi      [numOrders]int64 `json:"hi"`
	Seen    [numOrders]bool  `json:"seen"`
	Flags   [4]bool          `json:"flags"`
}

// MarshalJSON writes the state so that it can be merged later; its form is
// this package's own.
func (in *Inference) MarshalJSON() ([]byte, error) {
	d := &in.dates
	s := inferenceState{
		N: in.n[:], First: in.first[:], Nulls: in.nulls, Padded: in.padded, Bools: in.bools,
		Ints: intState{in.ints.seen, in.ints.lo, in.ints.hi, in.ints.sum, in.ints.wide, in.ints.days},
		Nums: numberState{
			in.nums.styles, in.nums.point.state(), in.nums.comma.state(), in.nums.against[:], in.nums.currency[:],
			in.nums.suffix, in.nums.percent, in.nums.bare, in.nums.exponent,
		},
		Dates: dateState{
			Many: d.many, Orders: d.orders, Against: d.against[:], Lo: d.lo, Hi: d.hi, Seen: d.seen,
			Flags: [4]bool{d.singleDigit, d.hour1, d.longMonth, d.shortMonth},
		},
	}
	for _, l := range d.layouts {
		s.Dates.Layouts = append(s.Dates.Layouts, layoutState{l.layout, l.first})
	}
	if in.words.given {
		s.Words, s.Given = in.words.words, true
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (in *Inference) UnmarshalJSON(b []byte) error {
	var s inferenceState
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	words := builtin
	if s.Given {
		words = newVocabulary(s.Words, true)
	}
	fresh := newInference(words)
	if len(s.N) != int(numClasses) || len(s.First) != int(numClasses) || len(s.Nulls) != len(words.words) ||
		len(s.Nums.Against) != styleCount || len(s.Nums.Currency) != len(fresh.nums.currency) ||
		len(s.Dates.Against) != numOrders || len(s.Dates.Layouts) > maxLayouts {
		return errors.New("the stored column profile was written by another version")
	}
	copy(fresh.n[:], s.N)
	copy(fresh.first[:], s.First)
	copy(fresh.nulls, s.Nulls)
	fresh.padded, fresh.bools = s.Padded, s.Bools
	fresh.ints = intColumn{s.Ints.Seen, s.Ints.Lo, s.Ints.Hi, s.Ints.Sum, s.Ints.Wide, s.Ints.Days}
	n := &fresh.nums
	n.styles, n.suffix, n.percent, n.bare, n.exponent = s.Nums.Styles, s.Nums.Suffix, s.Nums.Percent, s.Nums.Bare, s.Nums.Exponent
	n.point, n.comma = s.Nums.Point.reading(), s.Nums.Comma.reading()
	copy(n.against[:], s.Nums.Against)
	copy(n.currency[:], s.Nums.Currency)
	d := &fresh.dates
	d.many, d.orders, d.lo, d.hi, d.seen = s.Dates.Many, s.Dates.Orders, s.Dates.Lo, s.Dates.Hi, s.Dates.Seen
	d.singleDigit, d.hour1, d.longMonth, d.shortMonth = s.Dates.Flags[0], s.Dates.Flags[1], s.Dates.Flags[2], s.Dates.Flags[3]
	copy(d.against[:], s.Dates.Against)
	for _, l := range s.Dates.Layouts {
		d.layouts = append(d.layouts, datedLayout{l.Layout, l.First})
	}
	*in = *fresh
	return nil
}

func (r *reading) state() readingState {
	s := readingState{Seen: r.seen, MaxInt: r.maxInt, MaxFrac: r.maxFrac, Lo: r.lo, Hi: r.hi}
	put := func(e int16, x int128) {
		if x == (int128{}) {
			return
		}
		if s.Sums == nil {
			s.Sums = map[int16]int128{}
		}
		s.Sums[e] = x
	}
	for e, x := range r.sums.low {
		put(int16(e), x)
	}
	for e, x := range r.sums.rest {
		put(e, x)
	}
	return s
}

func (s readingState) reading() reading {
	r := reading{seen: s.Seen, maxInt: s.MaxInt, maxFrac: s.MaxFrac, lo: s.Lo, hi: s.Hi}
	for e, x := range s.Sums {
		if uint(e) < uint(len(r.sums.low)) {
			r.sums.low[e] = x
			continue
		}
		if r.sums.rest == nil {
			r.sums.rest = map[int16]int128{}
		}
		r.sums.rest[e] = x
	}
	return r
}
