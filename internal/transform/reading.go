package transform

import (
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// readSource decides how expressions see a source column: as the mapping that
// takes it says, where one says something and none contradicts it, else as
// inspection found it.
func (b *builder) readSource(i int) {
	found := b.columns[i]
	r := general(reading{found.Type, found.Format})
	if _, err := r.parser(b.loc); err != nil {
		r.format = ""
	}
	var words *[]string
	told, agree := reading{}, true
	wordsAgree := true
	for j, m := range b.mapping.Columns {
		if b.sourceOf[j] != i {
			continue
		}
		if m.NullValues != nil {
			wordsAgree = wordsAgree && (words == nil || slices.Equal(*words, *m.NullValues))
			words = m.NullValues
		}
		if (m.Type != "" || m.Format != "") && len(m.Transformations) == 0 {
			said, err := b.sourceReading(j, m)
			if err != nil {
				continue
			}
			said = general(said)
			agree = agree && (told == reading{} || told == said)
			told = said
		}
	}
	if agree && told != (reading{}) {
		r = told
	}
	if !wordsAgree {
		words = nil
	}
	b.readings = append(b.readings, r)
	b.pool.nulls = append(b.pool.nulls, newNullRule(words, found.nullWords(holdsEmpty(r.t)), holdsEmpty(r.t)))
}

// general drops what a column's type bounds, so that a calculation may pass it.
func general(r reading) reading {
	switch kindOf(r.t) {
	case kindText:
		return reading{t: schema.Type{Kind: schema.Text}}
	default:
		r.t = columnType(kindOf(r.t))
	}
	return r
}

// sourceReading is the type and format in which the source of a mapped column is read.
func (b *builder) sourceReading(i int, m etl.ColumnMapping) (reading, *etl.Error) {
	found := b.columns[b.sourceOf[i]]
	target := b.targets[i].Type
	var t schema.Type
	switch {
	case m.Type != "":
		var err error
		if t, err = schema.ParseType(m.Type); err != nil {
			return reading{}, typeError(m, err)
		}
	case m.Expression == "" && b.target != nil:
		t = target
	case m.Expression != "" && m.Format != "" && b.target != nil && (kindOf(found.Type) == kindText || !suits(found.Type.Kind, m.Format)) && suits(target.Kind, m.Format):
		t = target
	default:
		t = found.Type
	}
	if t.Kind == schema.Unknown {
		t = schema.Type{Kind: schema.Text}
	}
	if m.Format != "" {
		r := reading{t, m.Format}
		if _, err := r.parser(b.loc); err != nil {
			return r, within(etl.Mistakef(CodeMapping, "Look up the formats in docs/formats.md, or give the column a type that has this format",
				"column %s: format %q: %s", quoteName(m.Destination), cut(m.Format, 60), err), "format")
		}
		return r, nil
	}
	if found.Format == "" || !keepsForm(m.Transformations) {
		return reading{t: t}, nil
	}
	r := reading{t, found.Format}
	if family(t) == family(found.Type) {
		if _, err := r.parser(b.loc); err == nil {
			return r, nil
		}
		if m.Type == "" && len(m.Transformations) == 0 {
			// A date's format does not read a timestamp: read what the file has, then convert.
			r.t = found.Type
			if _, err := r.parser(b.loc); err == nil {
				return r, nil
			}
		}
	}
	return reading{t: t}, nil
}

// typeError is that of a mapping's type which is none.
func typeError(m etl.ColumnMapping, err error) *etl.Error {
	return within(etl.Mistakef(CodeMapping, "Correct the type, or leave it out", "column %s: %s", quoteName(m.Destination), err), "type")
}

// checkType refuses a type that the table's column cannot be made of: one that
// is not the column's own, and of which nothing is known but its name.
func (b *builder) checkType(m etl.ColumnMapping, target schema.Column) *etl.Error {
	if m.Type == "" || b.target == nil {
		return nil
	}
	t, err := schema.ParseType(m.Type)
	if err != nil {
		return typeError(m, err)
	}
	if t.Kind != schema.Other || m.Expression != "" && m.Source != "" && t.Known() {
		return nil
	}
	if t.SameName(target.Type) || target.Domain != "" && t.SameName(schema.Type{Kind: schema.Other, Name: target.Domain}) {
		return nil
	}
	element, array := t.Element()
	if t.Known() && (isCharacters(target.Type) || !array && element.Kind != schema.Other && target.Type.Kind != schema.Other) {
		return nil
	}
	return within(etl.Mistakef(CodeMapping, "Leave type out, or write "+target.Type.String(),
		"column %s: the table's column is %s, and there is no conversion to it from the type %s", quoteName(m.Destination), target.Type, cut(t.String(), 60)), "type")
}

func isCharacters(t schema.Type) bool {
	return t.Kind == schema.Text || t.Kind == schema.Char || t.Kind == schema.Varchar
}

func suits(k schema.Kind, format string) bool {
	_, err := schema.ParseFormat(k, format)
	return err == nil
}

// family groups kinds whose formats are alike.
func family(t schema.Type) kind {
	switch k := kindOf(t); k {
	case kindFloat:
		return kindNumber
	case kindTimestamp, kindTimestampTZ:
		return kindDate
	default:
		return k
	}
}

// keepsForm says whether the format found in the file still reads the text after its transformations.
func keepsForm(list []etl.Transform) bool {
	for _, t := range list {
		if f := functions[strings.ToLower(t.Fn)]; f == nil || !f.keepsForm {
			return false
		}
	}
	return true
}
