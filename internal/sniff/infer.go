package sniff

// Inference accumulates the values of one column. Its memory is bounded. Any
// order of Add and Merge gives the same decision. It is not safe for use by
// several goroutines at once.
type Inference struct{}

// NewInference starts a column. Of the options NullWords counts here; give
// the same ones to Decide.
func NewInference(o Options) *Inference { return &Inference{} }

// Seen is what Add made of a value, for Again.
type Seen uint16

// Add takes the value of one field. quoted says that it was written in quotes,
// line is the physical line of its record. The field is not kept.
func (in *Inference) Add(field []byte, quoted bool, line int64) Seen { return 0 }

// Again counts one more value equal to one that this Inference has been given
// before, without looking at it.
func (in *Inference) Again(s Seen) {}

// Merge adds what another Inference, made with the same options, has seen.
func (in *Inference) Merge(other *Inference) {}

// Decide names the narrowest type that loses nothing.
func (in *Inference) Decide(name string, o Options) Column { return Column{Name: name} }
