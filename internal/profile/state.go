package profile

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/axiomhq/hyperloglog"

	"github.com/etlportal/etlportal/internal/sniff"
)

const stateVersion = 1

type profileState struct {
	Version int           `json:"version"`
	Names   []string      `json:"names"`
	Rows    int64         `json:"rows"`
	Columns []columnState `json:"columns"`
}

type columnState struct {
	Inference *sniff.Inference `json:"inference"`
	Absent    int64            `json:"absent,omitempty"`
	N         int64            `json:"n,omitempty"`
	Min       []byte           `json:"min,omitempty"`
	Max       []byte           `json:"max,omitempty"`
	MinLen    int64            `json:"min_len,omitempty"`
	MaxLen    int64            `json:"max_len,omitempty"`
	SumLen    int64            `json:"sum_len,omitempty"`
	MaxBytes  int64            `json:"max_bytes,omitempty"`
	Lost      int64            `json:"lost,omitempty"`
	Values    []entryState     `json:"values,omitempty"`
	Sketch    []byte           `json:"sketch,omitempty"`
}

type entryState struct {
	Value []byte `json:"v"`
	Count int64  `json:"c"`
	// Hash as a string: JSON numbers end at 2^53 for some readers.
	Hash  uint64 `json:"h,string"`
	Size  uint32 `json:"s"`
	Chars uint32 `json:"r"`
}

// MarshalJSON writes the whole state, so that it can be stored and merged
// later; its form is this package's own. The options are not part of it,
// except for the null words.
func (p *Profile) MarshalJSON() ([]byte, error) {
	s := profileState{Version: stateVersion, Names: p.names, Rows: p.rows, Columns: make([]columnState, len(p.columns))}
	for i := range p.columns {
		c := &p.columns[i]
		if c.failed != nil {
			return nil, c.failed
		}
		cs := columnState{
			Inference: c.inference, Absent: c.absent, N: c.text.n, Min: c.text.min, Max: c.text.max,
			MinLen: c.text.minLen, MaxLen: c.text.maxLen, SumLen: c.text.sumLen, MaxBytes: c.text.maxBytes, Lost: c.values.lost,
		}
		for j := range c.values.entries {
			e := &c.values.entries[j]
			cs.Values = append(cs.Values, entryState{c.values.arena[e.at : e.at+e.stored()], e.count, e.hash, e.size, e.chars})
		}
		if c.values.sketch != nil {
			b, err := c.values.sketch.MarshalBinary()
			if err != nil {
				return nil, err
			}
			cs.Sketch = b
		}
		s.Columns[i] = cs
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote. The receiver's options stay, so
// start from New(nil, options) where there were any.
func (p *Profile) UnmarshalJSON(b []byte) error {
	var s profileState
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s.Version != stateVersion || len(s.Names) != len(s.Columns) {
		return fmt.Errorf("the stored profile has version %d and %d columns for %d names; this program reads version %d",
			s.Version, len(s.Columns), len(s.Names), stateVersion)
	}
	limits := boundsFor(len(s.Names))
	columns := make([]column, len(s.Columns))
	for i, cs := range s.Columns {
		if cs.Inference == nil || len(cs.Values) > limits.values {
			return fmt.Errorf("the stored profile of column %q is damaged", s.Names[i])
		}
		c := &columns[i]
		c.start(cs.Inference, limits)
		c.absent = cs.Absent
		c.text = textRange{n: cs.N, min: cs.Min, max: cs.Max, minLen: cs.MinLen, maxLen: cs.MaxLen, sumLen: cs.SumLen, maxBytes: cs.MaxBytes}
		if cs.MaxBytes == 0 {
			// Stored before bytes were counted: at the most so many.
			c.text.maxBytes = utf8.UTFMax * cs.MaxLen
		}
		for _, e := range cs.Values {
			if len(e.Value) != int(min(e.Size, storedBytes)) {
				return fmt.Errorf("the stored profile of column %q is damaged", s.Names[i])
			}
			n := entry{hash: e.Hash, count: e.Count, size: e.Size, chars: e.Chars}
			if err := c.values.insert(c.values.vacant(e.Hash), n, e.Value); err != nil {
				return err
			}
		}
		c.values.lost = cs.Lost
		if len(cs.Sketch) > 0 {
			c.values.sketch = &hyperloglog.Sketch{}
			if err := c.values.sketch.UnmarshalBinary(cs.Sketch); err != nil {
				return fmt.Errorf("the stored profile of column %q is damaged: %w", s.Names[i], err)
			}
		}
	}
	p.names, p.rows, p.columns = s.Names, s.Rows, columns
	return nil
}
