package portal

import (
	"encoding/json"

	"github.com/etlportal/etlportal/internal/workflow"
)

// SourcePatch is a change of a file's overrides. What is nil stays as it is;
// what is empty goes back to what inspection finds; all else replaces what was
// given before. In JSON null is empty, too, and what is absent is nil.
type SourcePatch struct {
	Encoding   *string                    `json:"encoding,omitempty" nullable:"true" maxLength:"40" doc:"utf-8, utf-16le, windows-1252, iso-8859-15, shift_jis, gb18030, …; null or an empty text: as found"`
	Dialect    *workflow.DialectOverrides `json:"dialect,omitempty" doc:"Replaces the whole dialect given before: a part that is absent or null is as found, and so is all of it by {} or null"`
	Types      *map[string]string         `json:"types,omitempty" nullable:"true" doc:"SQL type by column name. Replaces all types given before: a column that is absent is as found, and so are all of them by null or {}"`
	NullValues *[]string                  `json:"null_values,omitempty" nullable:"true" maxItems:"255" doc:"The words that mean NULL, wherever they stand alone in a field; null or an empty list: as found; a list with nothing but an empty text: no word"`
	DateOrder  *string                    `json:"date_order,omitempty" nullable:"true" enum:"dmy,mdy,ymd," doc:"Null or an empty text: as found"`
	Decimal    *string                    `json:"decimal,omitempty" nullable:"true" enum:"point,comma," doc:"Null or an empty text: as found"`
	Timezone   *string                    `json:"timezone,omitempty" nullable:"true" maxLength:"64" doc:"Zone of times without one, as Europe/Berlin; null or an empty text: as found"`
}

// UnmarshalJSON tells null from absent.
func (p *SourcePatch) UnmarshalJSON(text []byte) error {
	type fields SourcePatch
	if err := json.Unmarshal(text, (*fields)(p)); err != nil {
		return err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	null := func(name string) bool { return string(given[name]) == "null" }
	for name, field := range map[string]**string{"encoding": &p.Encoding, "date_order": &p.DateOrder, "decimal": &p.Decimal, "timezone": &p.Timezone} {
		if null(name) {
			*field = new(string)
		}
	}
	if null("dialect") {
		p.Dialect = new(workflow.DialectOverrides)
	}
	if null("types") {
		p.Types = new(map[string]string)
	}
	if null("null_values") {
		p.NullValues = new([]string)
	}
	return nil
}

func (p *SourcePatch) apply(to *workflow.Overrides) {
	for _, text := range []struct{ to, given *string }{
		{&to.Encoding, p.Encoding}, {&to.DateOrder, p.DateOrder}, {&to.Decimal, p.Decimal}, {&to.Timezone, p.Timezone},
	} {
		if text.given != nil {
			*text.to = *text.given
		}
	}
	if p.Dialect != nil {
		to.Dialect = p.Dialect
		if *p.Dialect == (workflow.DialectOverrides{}) {
			to.Dialect = nil
		}
	}
	if p.Types != nil {
		to.Types = *p.Types
	}
	if p.NullValues != nil {
		to.NullValues = *p.NullValues
	}
}

// encodeOverrides is what is stored: nothing where nothing is overridden.
func encodeOverrides(o *workflow.Overrides) ([]byte, error) {
	text, err := encode(o)
	if string(text) == "{}" {
		return nil, err
	}
	return text, err
}
