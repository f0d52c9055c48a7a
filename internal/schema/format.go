package schema

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Format says how the text of a value is written, beyond the plain form of its
// type. The zero value is the plain form. docs/formats.md describes the grammar.
type Format struct {
	text   string
	family family
	// round accepts digits that the type cannot hold.
	round  bool
	number numberFormat
	time   timeFormat
	// trues and falses are the words of a boolean.
	trues, falses []string
	base64        bool
}

// family is what a format is written for; formats of one family suit every kind in it.
type family uint8

const (
	noFamily family = iota
	booleanFamily
	numberFamily
	momentFamily // date, timestamp, timestamptz
	clockFamily  // time
	byteaFamily
)

func familyOf(k Kind) family {
	switch k {
	case Boolean:
		return booleanFamily
	case SmallInt, Integer, BigInt, Real, Double, Numeric:
		return numberFamily
	case Date, Timestamp, TimestampTZ:
		return momentFamily
	case Time:
		return clockFamily
	case Bytea:
		return byteaFamily
	}
	return noFamily
}

// maxFormatBytes bounds a format's text.
const maxFormatBytes = 200

// ParseFormat reads the format of a column of kind k: a date pattern
// ("DD/MM/YYYY HH24:MI", "%d/%m/%Y") or word ("dmy", "epoch_ms"), a number
// pattern ("1.234,56 €") or words ("decimal_comma+percent"), pairs of
// true/false words ("ja|j/nein|n"), or base64. Blank is the plain form. The
// error says what is wrong and gives examples.
func ParseFormat(k Kind, s string) (Format, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Format{}, nil
	}
	f := Format{text: s, family: familyOf(k)}
	var err error
	switch {
	case len(s) > maxFormatBytes || !utf8.ValidString(s):
		err = fmt.Errorf("the format %s is not text of at most %d bytes", quote(s), maxFormatBytes)
	case f.family == booleanFamily:
		err = f.parseWords()
	case f.family == numberFamily:
		err = f.parseNumber(k)
	case f.family == momentFamily || f.family == clockFamily:
		err = f.parseTime(k)
	case f.family == byteaFamily:
		switch strings.ToLower(s) {
		case "base64":
			f.base64 = true
		case "hex":
		default:
			err = fmt.Errorf("%s is not a format of bytea: use hex or base64", quote(s))
		}
	default:
		err = fmt.Errorf("a column of type %s takes no format, but has %s: leave it out, or give the column the type that the format is for", k, quote(s))
	}
	if err != nil {
		return Format{}, err
	}
	return f, nil
}

// String is the format in the grammar of ParseFormat; "" for the plain form.
func (f Format) String() string { return f.text }

// IsZero says whether f is the plain form.
func (f Format) IsZero() bool { return f.text == "" }

// Location is the zone that the format names with @; nil where it names none.
func (f Format) Location() *time.Location { return f.time.zone }

// parseWords reads "yes|y/no|n": the words of true, a slash, those of false.
func (f *Format) parseWords() error {
	wrong := func(why string) error {
		return fmt.Errorf("%s is not a format of boolean: %s; write the words of true, a slash and the words of false, as in yes/no, ja|j/nein|n or 1/0", quote(f.text), why)
	}
	trues, falses, ok := strings.Cut(f.text, "/")
	if !ok {
		return wrong("it has no slash")
	}
	if strings.Contains(falses, "/") {
		return wrong("it has more than one slash")
	}
	f.trues, f.falses = strings.Split(trues, "|"), strings.Split(falses, "|")
	seen := make(map[string]bool)
	for _, words := range [][]string{f.trues, f.falses} {
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
			folded := strings.ToLower(words[i])
			switch {
			case folded == "":
				return wrong("a word is empty")
			case seen[folded]:
				return wrong("the word " + words[i] + " stands twice")
			}
			seen[folded] = true
		}
	}
	return nil
}
