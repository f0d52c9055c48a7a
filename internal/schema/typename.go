package schema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// typeName is a type's name taken apart. Only its parts are ever printed, so
// that nothing but a type can get into a statement.
type typeName struct {
	// words are the name before the modifiers, quoted identifiers with their
	// quotes: one word, or those of a name such as double precision.
	words []string
	// qualified says that words are a schema and a name.
	qualified bool
	modifiers []string
	// after are the words behind the modifiers: with time zone.
	after []string
	// suffix makes it an array: [], [3][], array.
	suffix string
}

// String is the name with one blank between words and none elsewhere.
func (n *typeName) String() string {
	separator := " "
	if n.qualified {
		separator = "."
	}
	s := strings.Join(n.words, separator)
	if len(n.modifiers) > 0 {
		s += "(" + strings.Join(n.modifiers, ",") + ")"
	}
	if len(n.after) > 0 {
		s += " " + strings.Join(n.after, " ")
	}
	return s + n.suffix
}

// base is the key of typeNames: the words in lower case, without pg_catalog.
// It is "" where no known name is meant.
func (n *typeName) base() string {
	words := slices.Concat(n.words, n.after)
	if n.qualified {
		if !strings.EqualFold(words[0], "pg_catalog") || strings.EqualFold(words[1], "char") {
			return ""
		}
		words = words[1:]
	}
	return strings.ToLower(strings.Join(words, " "))
}

// phrases are the names of several words that typeNames lacks.
var phrases = map[string]bool{
	"bit varying": true, "time with time zone": true,
	"interval year": true, "interval month": true, "interval day": true, "interval hour": true, "interval minute": true, "interval second": true,
	"interval year to month": true, "interval day to hour": true, "interval day to minute": true, "interval day to second": true,
	"interval hour to minute": true, "interval hour to second": true, "interval minute to second": true,
}

// builtIn are the types of PostgreSQL that have no kind of their own.
var builtIn = wordSet(`bit varbit timetz inet cidr macaddr macaddr8 money xml point line lseg box path polygon circle
	tsvector tsquery name oid xid xid8 cid tid pg_lsn jsonpath regclass regproc regprocedure regoper regoperator regtype
	regrole regnamespace regconfig regdictionary int4range int8range numrange tsrange tstzrange daterange int4multirange
	int8multirange nummultirange tsmultirange tstzmultirange datemultirange int2vector oidvector`)

// Known says whether PostgreSQL itself has the type, or the type of its
// elements where it is an array. Any other may exist in a database or not.
func (t Type) Known() bool {
	if t.Kind != Other {
		return t.Kind != Unknown
	}
	n, err := readTypeName(t.Name)
	if err != nil {
		return false
	}
	base := n.base()
	_, ok := typeNames[base]
	return ok || builtIn[base] || phrases[base] || strings.TrimPrefix(n.String(), "pg_catalog.") == `"char"`
}

// SameName says whether two types of kind Other may be one and the same by
// their names: without regard to case, modifiers and a schema that only one of
// them names. Of types that PostgreSQL has under several names (timetz, time
// with time zone; int[], integer[]) only the database knows; they may be.
func (t Type) SameName(u Type) bool {
	a, err := readTypeName(t.Name)
	b, err2 := readTypeName(u.Name)
	if err != nil || err2 != nil || (a.suffix == "") != (b.suffix == "") {
		return false
	}
	if t.Known() || u.Known() {
		return t.Known() && u.Known()
	}
	if a.qualified && b.qualified && plainWord(a.words[0]) != plainWord(b.words[0]) {
		return false
	}
	return plainWord(a.words[len(a.words)-1]) == plainWord(b.words[len(b.words)-1])
}

// Element is the type without the suffix of an array and without modifiers
// that no kind can hold: timestamp for timestamp(3), integer for integer[].
func (t Type) Element() (element Type, array bool) {
	if t.Kind != Other {
		return t, false
	}
	n, err := readTypeName(t.Name)
	if err != nil {
		return t, false
	}
	array = n.suffix != ""
	base := n.base()
	if strings.HasPrefix(base, "interval ") {
		base = "interval"
	}
	kind, ok := typeNames[base]
	if !ok {
		return Type{Kind: Other, Name: (&typeName{words: n.words, qualified: n.qualified, modifiers: n.modifiers, after: n.after}).String()}, array
	}
	return Type{Kind: kind}, array
}

// plainWord is an identifier as the database stores it.
func plainWord(word string) string {
	if inner, ok := strings.CutPrefix(word, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return strings.ToLower(word)
}

// typeReader reads a typeName word by word.
type typeReader struct {
	text string
	rest string
}

var errNoType = errors.New("a type is missing: write for example text, integer, numeric(10,2), date or timestamptz")

// readTypeName takes a type's name apart. What is more than a name, its
// modifiers and the suffix of an array is refused.
func readTypeName(s string) (*typeName, error) {
	r := typeReader{text: s, rest: s}
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return nil, r.bad("it is not text")
	case strings.TrimSpace(s) == "":
		return nil, errNoType
	case len(s) > 500:
		return nil, r.bad("it is longer than 500 bytes")
	}
	n := new(typeName)
	if err := r.name(n); err != nil {
		return nil, err
	}
	if r.take("(") {
		if err := r.modifiers(n); err != nil {
			return nil, err
		}
		for !n.qualified {
			word, err := r.word()
			if err != nil {
				return nil, err
			}
			if word == "" {
				break
			}
			n.after = append(n.after, word)
		}
	}
	if err := r.suffix(n); err != nil {
		return nil, err
	}
	if r.blanks(); r.rest != "" {
		return nil, r.unexpected()
	}
	return n, r.check(n)
}

func (r *typeReader) bad(why string) error {
	return fmt.Errorf("%s is not a type: %s; a type looks like text, numeric(10,2), timestamp with time zone, integer[] or shop.\"Order State\"", quote(r.text), why)
}

func (r *typeReader) blanks() { r.rest = strings.TrimLeftFunc(r.rest, unicode.IsSpace) }

// take reads a sign where it stands next.
func (r *typeReader) take(sign string) bool {
	r.blanks()
	rest, ok := strings.CutPrefix(r.rest, sign)
	r.rest = rest
	return ok
}

// word reads an identifier, in quotes or not; "" where none stands next.
func (r *typeReader) word() (string, error) {
	r.blanks()
	if strings.HasPrefix(r.rest, `"`) {
		return r.quotedWord()
	}
	end := strings.IndexFunc(r.rest, func(c rune) bool { return !isNameRune(c) })
	if end < 0 {
		end = len(r.rest)
	}
	word := r.rest[:end]
	if word != "" && (word[0] >= '0' && word[0] <= '9' || word[0] == '$') {
		if len(r.rest) == len(strings.TrimLeftFunc(r.text, unicode.IsSpace)) {
			return "", r.bad("a type begins with a letter")
		}
		return "", nil
	}
	r.rest = r.rest[end:]
	return word, nil
}

func (r *typeReader) quotedWord() (string, error) {
	for i := 1; i < len(r.rest); i++ {
		switch {
		case r.rest[i] != '"':
		case strings.HasPrefix(r.rest[i+1:], `"`):
			i++
		case i == 1:
			return "", r.bad("a name in quotes is empty")
		default:
			word := r.rest[:i+1]
			r.rest = r.rest[i+1:]
			return word, nil
		}
	}
	return "", r.bad("a quote is not closed")
}

// name reads the words before the modifiers.
func (r *typeReader) name(n *typeName) error {
	for {
		word, err := r.word()
		if err != nil {
			return err
		}
		if word == "" {
			if len(n.words) == 0 || n.qualified && len(n.words) == 1 {
				return r.unexpected()
			}
			return nil
		}
		n.words = append(n.words, word)
		if n.qualified {
			return nil
		}
		if len(n.words) == 1 && r.take(".") {
			n.qualified = true
		}
	}
}

// modifiers reads numbers and words up to the closing parenthesis.
func (r *typeReader) modifiers(n *typeName) error {
	for {
		if r.blanks(); r.rest == "" {
			return r.bad("a parenthesis is not closed")
		}
		m := r.number()
		if m == "" {
			var err error
			if m, err = r.word(); err != nil {
				return err
			}
		}
		if m == "" {
			if strings.HasPrefix(r.rest, ")") {
				return r.bad("its parentheses are empty, or end with a comma")
			}
			return r.unexpected()
		}
		n.modifiers = append(n.modifiers, m)
		switch {
		case r.take(")"):
			return nil
		case !r.take(","):
			if r.rest == "" {
				return r.bad("a parenthesis is not closed")
			}
			return r.unexpected()
		}
	}
}

// number reads digits, perhaps after a minus; "" where none stand next.
func (r *typeReader) number() string {
	end := 0
	if strings.HasPrefix(r.rest, "-") {
		end = 1
	}
	start := end
	for end < len(r.rest) && r.rest[end] >= '0' && r.rest[end] <= '9' {
		end++
	}
	if end == start {
		return ""
	}
	number := r.rest[:end]
	r.rest = r.rest[end:]
	return number
}

// suffix reads what makes an array: the word array, which stands last among
// the words, and brackets.
func (r *typeReader) suffix(n *typeName) error {
	last := &n.words
	if len(n.modifiers) > 0 {
		last = &n.after
	} else if n.qualified {
		word, err := r.word()
		if err != nil {
			return err
		}
		if word != "" {
			n.after = append(n.after, word)
			last = &n.after
		}
	}
	if i := len(*last) - 1; i >= 0 && strings.EqualFold((*last)[i], "array") && (i > 0 || last == &n.after) {
		*last = (*last)[:i]
		n.suffix = " array"
	}
	for r.take("[") {
		if strings.HasSuffix(n.suffix, "]") && strings.HasPrefix(n.suffix, " ") {
			return r.bad("the word array takes one pair of brackets")
		}
		r.blanks()
		size := r.number()
		if strings.HasPrefix(size, "-") {
			return r.bad("only a number may stand in brackets")
		}
		if !r.take("]") {
			if r.rest == "" {
				return r.bad("a bracket is not closed")
			}
			return r.bad("only a number may stand in brackets")
		}
		n.suffix += "[" + size + "]"
	}
	return nil
}

// unexpected says what is wrong with the next character.
func (r *typeReader) unexpected() error {
	switch c, _ := utf8.DecodeRuneInString(r.rest); {
	case r.rest == "":
		return r.bad("its name is missing")
	case c == '(' || c == ')':
		return r.bad("its parentheses do not match")
	case c == '[' || c == ']':
		return r.bad("its brackets do not match")
	case c == ',':
		return r.bad("of a comma outside parentheses")
	case isNameRune(c) || c == '"':
		return r.bad(quote(r.rest) + " is too much")
	default:
		return r.bad(fmt.Sprintf("it holds the character %q", c))
	}
}

// check refuses words that are no name together, and reserved words alone.
func (r *typeReader) check(n *typeName) error {
	if n.qualified {
		if len(n.after) > 0 {
			return r.bad(quote(strings.Join(n.after, " ")) + " is too much")
		}
		return nil
	}
	if len(n.words)+len(n.after) == 1 {
		if word := n.words[0]; reserved[strings.ToLower(word)] {
			return r.bad(quote(word) + " is a word of SQL")
		}
		return nil
	}
	whole := n.base()
	_, ok := typeNames[whole]
	ok = ok || phrases[whole]
	if len(n.modifiers) > 0 {
		before := strings.ToLower(strings.Join(n.words, " "))
		isClock := before == "time" || before == "timestamp"
		ok = ok && (len(n.after) > 0 && isClock || len(n.after) == 0 && !strings.HasSuffix(whole, "time zone") &&
			(!strings.HasPrefix(whole, "interval ") || strings.HasSuffix(whole, "second")))
	}
	if !ok {
		return r.bad(quote(strings.Join(slices.Concat(n.words[min(1, len(n.words)):], n.after), " ")) + " is too much")
	}
	return nil
}

// numbers are the modifiers as numbers; the error names the first that is none.
func (n *typeName) numbers() ([]int, error) {
	list := make([]int, len(n.modifiers))
	for i, m := range n.modifiers {
		x, err := strconv.Atoi(m)
		if err != nil {
			return nil, fmt.Errorf("in the type %s, %q is not a whole number", quote(n.String()), m)
		}
		list[i] = x
	}
	return list, nil
}

// isNameRune says whether a name may hold r without quotes; PostgreSQL takes
// every character beyond ASCII.
func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '$' || r >= 0x80 && !unicode.IsSpace(r)
}
