package sniff

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

// Decide names the narrowest type that loses nothing: text, integer, bigint,
// numeric, boolean, date, timestamp or timestamptz. The options override as
// they do in Detect; the name selects the override in Options.Types and
// becomes the Column's.
func (in *Inference) Decide(name string, o Options) Column {
	c := in.decide(o)
	c.Name = name
	if sql, ok := o.Types[name]; ok {
		in.force(&c, sql)
	}
	in.decideNulls(&c)
	return c
}

// force gives the column the type that the user named; the format found stays
// where it is one of that kind of type.
func (in *Inference) force(c *Column, sql string) {
	t, err := schema.ParseType(sql)
	if err != nil {
		c.Evidence = append([]string{fmt.Sprintf("the type %q given by flag was ignored: %v", sql, err)}, c.Evidence...)
		return
	}
	found := c.Type
	c.Type, c.Confidence, c.Notes = t, 1, nil
	evidence := []string{"given by flag"}
	switch {
	case family(t.Kind) != family(found.Kind):
		c.Format, c.Ambiguous = "", nil
		if family(t.Kind) != familyText {
			evidence = append(evidence, "the values look like "+found.String())
		}
	case found.Kind != t.Kind && found.String() != t.String():
		evidence = append(evidence, "the values look like "+found.String())
	}
	c.Evidence = append(evidence, c.Evidence...)
}

type typeFamily uint8

const (
	familyText typeFamily = iota
	familyNumber
	familyBool
	familyTime
	familyOther
)

func family(k schema.Kind) typeFamily {
	switch k {
	case schema.Text, schema.Char, schema.Varchar:
		return familyText
	case schema.SmallInt, schema.Integer, schema.BigInt, schema.Real, schema.Double, schema.Numeric:
		return familyNumber
	case schema.Boolean:
		return familyBool
	case schema.Date, schema.Timestamp, schema.TimestampTZ:
		return familyTime
	}
	return familyOther
}

// familyClasses are the classes of values that a type of that kind reads.
func familyClasses(k schema.Kind) []class {
	switch family(k) {
	case familyNumber:
		return []class{classInt, classNumber, classLeadingZero, classLongInt, classPlus, classExponent}
	case familyBool:
		return []class{classBool, classInt}
	case familyTime:
		return []class{classDate, classInt, classTooPrecise}
	}
	if k == schema.UUID {
		return []class{classUUID}
	}
	if k == schema.Time {
		return []class{classTime}
	}
	return nil
}

// onlyOf says whether every value that is neither empty nor a null word is of
// one of the classes.
func (in *Inference) onlyOf(classes []class) bool {
	rest := in.values()
	for _, c := range classes {
		rest -= in.n[c]
	}
	return rest == 0
}

// values counts what is neither empty nor a null word.
func (in *Inference) values() (n int64) {
	for c := classInt; c < numClasses; c++ {
		n += in.n[c]
	}
	return n
}

// nullWords are the words that stand for NULL in a column of type t: those that
// the user gave, and the built-in ones only where all other values are of that
// type, which is never text.
func (in *Inference) nullWords(t schema.Type) []string {
	if !in.words.given && (family(t.Kind) == familyText || !in.onlyOf(familyClasses(t.Kind))) {
		return nil
	}
	var words []string
	for i, n := range in.nulls {
		if n > 0 && (in.words.given || family(t.Kind) != familyNumber || !isNaN(in.words.words[i])) {
			words = append(words, in.words.words[i])
		}
	}
	return words
}

// isNaN says whether a null word is a number to PostgreSQL.
func isNaN(word string) bool { return strings.EqualFold(word, "nan") }

// nans counts the values NaN, unless the user says that they are NULL.
func (in *Inference) nans() (n int64) {
	for i, k := range in.nulls {
		if !in.words.given && isNaN(in.words.words[i]) {
			n += k
		}
	}
	return n
}

func (in *Inference) decide(o Options) Column {
	values := in.values()
	c := Column{
		Type:       schema.Type{Kind: schema.Text},
		Nullable:   in.n[classEmpty] > 0,
		Confidence: confidence(values),
	}
	var textish int64
	for cl := firstTextClass; cl < numClasses; cl++ {
		textish += in.n[cl]
	}
	switch {
	case values == 0:
		c.Confidence = 0.3
		c.Evidence = append(c.Evidence, "no value to judge by")
	case textish > 0:
		in.decideText(&c, textish, values)
	case in.n[classBool] == values:
		in.decideBool(&c, values)
	case in.n[classInt]+in.n[classNumber] == values:
		in.decideNumber(&c, values, o)
		if in.nans() > 0 && (c.Format != "" || len(c.Ambiguous) > 0) {
			in.refuseNaN(&c)
		}
	case in.n[classDate] == values:
		in.decideDate(&c, values, o)
	default:
		in.mixed(&c)
	}
	return c
}

// decideNulls says what is NULL in the column, whose type is decided.
func (in *Inference) decideNulls(c *Column) {
	text := family(c.Type.Kind) == familyText
	c.NullWords = in.nullWords(c.Type)
	c.Nullable = c.Nullable || len(c.NullWords) > 0
	if !in.words.given && in.n[classNull] > 0 {
		in.tellNulls(c, text)
	}
	if n := in.n[classEmpty]; n > 0 {
		c.Evidence = append(c.Evidence, are(n, "empty", "empty"))
	}
	if n := in.n[classQuotedEmpty]; n > 0 {
		c.Evidence = append(c.Evidence, are(n, `"" (quoted and empty)`, `"" (quoted and empty)`))
		c.Nullable = c.Nullable || !text
	}
	if !text && in.padded.Line != 0 {
		c.Evidence = append(c.Evidence, "some values have spaces around them, first "+at(in.padded))
	}
}

// refuseNaN leaves numbers text whose format has no way of writing NaN.
func (in *Inference) refuseNaN(c *Column) {
	formats := c.Ambiguous
	if c.Format != "" {
		formats = []string{c.Format}
	}
	c.Type, c.Format, c.Ambiguous = schema.Type{Kind: schema.Text}, "", nil
	c.Evidence = append(c.Evidence, fmt.Sprintf("%s, which numbers written as %s do not have; if it means NULL, say --null-value NaN",
		are(in.nans(), "NaN", "NaN"), strings.Join(formats, " or ")))
}

// tellNulls says what became of the built-in null words.
func (in *Inference) tellNulls(c *Column, text bool) {
	if len(c.NullWords) > 0 {
		var read []string
		for i, n := range in.nulls {
			if n > 0 && slices.Contains(c.NullWords, in.words.words[i]) {
				read = append(read, fmt.Sprintf("%s '%s'", count(n), in.words.words[i]))
			}
		}
		all := strings.Join(read, " and ") + " read as NULL"
		c.Notes = append(c.Notes, all)
		why := all + ", since all others are of one type"
		if slices.Contains(c.NullWords, in.first[classNull].Value) {
			why += ", first " + at(in.first[classNull])
		}
		c.Evidence = append(c.Evidence, why)
	}
	switch n := in.nans(); {
	case family(c.Type.Kind) == familyNumber && n > 0:
		c.Evidence = append(c.Evidence, are(n, "NaN, which is a number", "NaN, which is a number"))
	case text:
		c.Evidence = append(c.Evidence, fmt.Sprintf("%s could mean NULL but count as text: %s, first %s",
			count(in.n[classNull]), in.wordCounts(), at(in.first[classNull])))
	}
}

func (in *Inference) wordCounts() string {
	var parts []string
	for i, n := range in.nulls {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%q × %s", in.words.words[i], group(n)))
		}
	}
	return strings.Join(parts, ", ")
}

// decideText says why the column is no narrower type.
func (in *Inference) decideText(c *Column, textish, values int64) {
	other := values - textish
	var reasons []class
	for cl := firstTextClass; cl < numClasses; cl++ {
		if in.n[cl] > 0 {
			reasons = append(reasons, cl)
		}
	}
	plain := len(reasons) == 1 && reasons[0] == classText && other == 0
	if plain {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%s, first %s", are(values, "text", "text"), at(in.first[classText])))
		return
	}
	sort.Slice(reasons, func(i, j int) bool { return in.first[reasons[i]].Line < in.first[reasons[j]].Line })
	for _, cl := range reasons {
		c.Evidence = append(c.Evidence, fmt.Sprintf("%s %s, first %s", count(in.n[cl]), why[cl][min(in.n[cl], 2)-1], at(in.first[cl])))
	}
	if other > 0 || reasons[0] != classText {
		c.CounterExample = in.first[reasons[0]]
	}
	if other == 1 {
		c.Evidence = append(c.Evidence, "1 value reads as "+in.kind())
	} else if other > 0 {
		c.Evidence = append(c.Evidence, group(other)+" values read as "+in.kinds())
	}
}

// kinds names the kinds of values that are no text.
func (in *Inference) kinds() string {
	var names []string
	for _, k := range []struct {
		cl   class
		name string
	}{{classInt, "integers"}, {classNumber, "numbers"}, {classBool, "true/false words"}, {classDate, "dates"}} {
		if in.n[k.cl] > 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, " and ")
}

// kind names the only value that is no text.
func (in *Inference) kind() string {
	switch {
	case in.n[classInt] > 0:
		return "an integer"
	case in.n[classNumber] > 0:
		return "a number"
	case in.n[classBool] > 0:
		return "a true/false word"
	}
	return "a date"
}

// mixed is a column of several kinds, none of which includes the others.
func (in *Inference) mixed(c *Column) {
	least := classInt
	for _, cl := range []class{classInt, classNumber, classBool, classDate} {
		if in.n[cl] > 0 && (in.n[least] == 0 || in.n[cl] < in.n[least]) {
			least = cl
		}
	}
	c.CounterExample = in.first[least]
	c.Evidence = append(c.Evidence, fmt.Sprintf("%s are mixed; the rarest kind is first %s", in.kinds(), at(in.first[least])))
}

func (in *Inference) decideBool(c *Column, values int64) {
	for i, p := range boolPairs {
		yes, no := uint64(1)<<boolIndex[p.yes], uint64(1)<<boolIndex[p.no]
		if in.bools&^(yes|no) != 0 {
			continue
		}
		if in.bools != yes|no && i != 0 {
			c.Evidence = append(c.Evidence, fmt.Sprintf("all values are %q; one word alone is no boolean", strings.ToLower(in.first[classBool].Value)))
			return
		}
		c.Type = schema.Type{Kind: schema.Boolean}
		if i != 0 {
			c.Format = p.yes + "/" + p.no
		}
		c.Evidence = append(c.Evidence, are(values, p.yes+" or "+p.no, p.yes+" or "+p.no))
		return
	}
	c.Evidence = append(c.Evidence, "true/false words of several kinds are mixed")
	c.CounterExample = in.first[classBool]
}

// confidence grows with the number of values that agree.
func confidence(values int64) float64 {
	return math.Round((1-1/(float64(values)+1.5))*1000) / 1000
}

// at says where an example is.
func at(e Example) string {
	return fmt.Sprintf("at line %s: '%s'", group(e.Line), e.Value)
}

func count(n int64) string {
	if n == 1 {
		return "1 value"
	}
	return group(n) + " values"
}

// are says of n values that they are something: a one, or many.
func are(n int64, one, many string) string {
	if n == 1 {
		return strings.TrimRight("1 value is "+one, " ")
	}
	return strings.TrimRight(group(n)+" values are "+many, " ")
}

// plural is n with the words for one or many.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// group writes n with commas between thousands.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
