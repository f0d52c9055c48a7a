package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// typeNames gives the kind of each spelling without modifiers. "char" is
// missing because it is char(1) unquoted and a one-byte type quoted.
var typeNames = map[string]Kind{
	"text": Text, "varchar": Varchar, "character varying": Varchar, "char varying": Varchar, "national character varying": Varchar,
	"nchar varying": Varchar, "national char varying": Varchar,
	"character": Char, "char": Char, "bpchar": Char, "nchar": Char, "national character": Char, "national char": Char,
	"boolean": Boolean, "bool": Boolean,
	"smallint": SmallInt, "int2": SmallInt, "smallserial": SmallInt, "serial2": SmallInt,
	"integer": Integer, "int": Integer, "int4": Integer, "serial": Integer, "serial4": Integer,
	"bigint": BigInt, "int8": BigInt, "bigserial": BigInt, "serial8": BigInt,
	"real": Real, "float4": Real,
	"double precision": Double, "float8": Double, "float": Double,
	"numeric": Numeric, "decimal": Numeric, "dec": Numeric,
	"date": Date,
	"time": Time, "time without time zone": Time,
	"timestamp": Timestamp, "timestamp without time zone": Timestamp,
	"timestamptz": TimestampTZ, "timestamp with time zone": TimestampTZ,
	"interval": Interval, "uuid": UUID, "json": JSON, "jsonb": JSONB, "bytea": Bytea,
}

// kindNames are the names that String writes.
var kindNames = [...]string{
	Unknown: "unknown", Text: "text", Char: "char", Varchar: "varchar", Boolean: "boolean",
	SmallInt: "smallint", Integer: "integer", BigInt: "bigint", Real: "real", Double: "double precision",
	Numeric: "numeric", Date: "date", Time: "time", Timestamp: "timestamp", TimestampTZ: "timestamptz",
	Interval: "interval", UUID: "uuid", JSON: "json", JSONB: "jsonb", Bytea: "bytea", Other: "other",
}

// String is the kind's SQL name without modifiers.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// ParseType reads a type's SQL name in any PostgreSQL spelling: int4,
// varchar(10), numeric(10,2), timestamp with time zone, text[]. The serial
// types are their integers. A name that is not known, is quoted or stands in a
// schema other than pg_catalog becomes a type of kind Other, whose Name is
// kept as written but for blanks. Types with modifiers that no kind can hold
// (timestamp(3), interval year to month, time with time zone) are Other too.
// The error says what cannot be a type at all.
func ParseType(s string) (Type, error) {
	clean := strings.Join(strings.Fields(s), " ")
	if clean == "" {
		return Type{}, errors.New("a type is missing: write for example text, integer, numeric(10,2), date or timestamptz")
	}
	if err := checkTypeName(clean); err != nil {
		return Type{}, err
	}
	other := Type{Kind: Other, Name: clean}
	base, args, tail, hasArgs, err := splitModifiers(clean)
	if err != nil {
		return Type{}, err
	}
	base = strings.TrimPrefix(strings.ToLower(base), "pg_catalog.")
	if tail != "" {
		base += " " + strings.ToLower(tail)
	}
	kind, ok := typeNames[base]
	if !ok {
		return other, nil
	}
	if !hasArgs {
		t := Type{Kind: kind}
		if kind == Char && base != "bpchar" {
			t.Length = 1
		}
		return t, nil
	}
	return withModifiers(clean, base, Type{Kind: kind}, args)
}

// splitModifiers cuts "timestamp (3) with time zone" into "timestamp", [3] and "with time zone".
func splitModifiers(s string) (base string, args []int, tail string, hasArgs bool, err error) {
	open := strings.IndexByte(s, '(')
	if open < 0 || strings.ContainsAny(s, `"[`) {
		return s, nil, "", false, nil
	}
	closing := strings.IndexByte(s, ')')
	base, tail = strings.TrimSpace(s[:open]), strings.TrimSpace(s[closing+1:])
	for part := range strings.SplitSeq(s[open+1:closing], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			if _, known := typeNames[strings.ToLower(base)]; known {
				return "", nil, "", false, fmt.Errorf("in the type %s, %q is not a whole number", quote(s), strings.TrimSpace(part))
			}
			return s, nil, "", false, nil
		}
		args = append(args, n)
	}
	return base, args, tail, true, nil
}

func withModifiers(written, base string, t Type, args []int) (Type, error) {
	wrong := func(form string, low, high int) error {
		return fmt.Errorf("the type %s must be %s between %d and %d", quote(written), form, low, high)
	}
	n := args[0]
	switch t.Kind {
	case Char, Varchar:
		if len(args) != 1 || n < 1 || n > 10485760 {
			return Type{}, wrong(kindNames[t.Kind]+"(n) with n", 1, 10485760)
		}
		t.Length = n
	case Numeric:
		if len(args) > 2 || n < 1 || n > 1000 {
			return Type{}, wrong("numeric(p,s) with p", 1, 1000)
		}
		t.Precision = n
		if len(args) == 2 {
			if t.Scale = args[1]; t.Scale < -1000 || t.Scale > 1000 {
				return Type{}, wrong("numeric(p,s) with s", -1000, 1000)
			}
		}
	case Double:
		if base != "float" {
			return Type{}, fmt.Errorf("the type %s takes no number in parentheses", quote(written))
		}
		if len(args) != 1 || n < 1 || n > 53 {
			return Type{}, wrong("float(p) with p", 1, 53)
		}
		if n <= 24 {
			t.Kind = Real
		}
	case Time, Timestamp, TimestampTZ, Interval:
		if len(args) != 1 || n < 0 || n > 6 {
			return Type{}, wrong(kindNames[t.Kind]+"(p) with p", 0, 6)
		}
		if n < 6 {
			// The database rounds to the precision; no Value says so.
			return Type{Kind: Other, Name: written}, nil
		}
	default:
		return Type{}, fmt.Errorf("the type %s takes no number in parentheses", quote(written))
	}
	return t, nil
}

// checkTypeName refuses what could be more than a type's name in a statement:
// quotes, parentheses and brackets must close, and outside quotes there is
// nothing but names, dots, numbers and commas.
func checkTypeName(s string) error {
	bad := func(why string) error {
		return fmt.Errorf("%s is not a type: %s", quote(s), why)
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return bad("it is not text")
	}
	if len(s) > 500 {
		return bad("it is longer than 500 bytes")
	}
	quoted, depth, bracket, parens := false, 0, false, 0
	for i, r := range s {
		switch {
		case quoted:
			quoted = r != '"'
		case r == '"':
			quoted = true
		case r == '(':
			depth++
			if parens++; parens > 1 || i == 0 || bracket {
				return bad("its parentheses do not match")
			}
		case r == ')':
			if depth--; depth < 0 {
				return bad("its parentheses do not match")
			}
		case r == '[':
			if bracket || i == 0 || depth > 0 {
				return bad("its brackets do not match")
			}
			bracket = true
		case r == ']':
			if !bracket {
				return bad("its brackets do not match")
			}
			bracket = false
		case bracket && (r < '0' || r > '9'):
			return bad("only a number may stand in brackets")
		case r == ',' && depth == 0:
			return bad("of a comma outside parentheses")
		case !isNameRune(r) && r != '.' && r != ' ' && r != ',' && r != '-' && r != '%':
			return bad(fmt.Sprintf("it holds the character %q", r))
		case (r == '-' || r == ',') && depth == 0:
			return bad(fmt.Sprintf("it holds the character %q", r))
		}
	}
	if quoted || depth != 0 || bracket {
		return bad("a quote, parenthesis or bracket is not closed")
	}
	if strings.HasSuffix(s, "()") || strings.Contains(s, "()") {
		return bad("its parentheses are empty")
	}
	if first, _ := utf8.DecodeRuneInString(s); first != '"' && (!isNameRune(first) || '0' <= first && first <= '9' || first == '$') {
		return bad("a type begins with a letter")
	}
	return nil
}

func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '$' || r >= 0x80
}

// String is the type's SQL name, as short as PostgreSQL takes it: integer,
// varchar(10), numeric(10,2), timestamptz.
func (t Type) String() string {
	switch t.Kind {
	case Other:
		return t.Name
	case Varchar:
		if t.Length > 0 {
			return "varchar(" + strconv.Itoa(t.Length) + ")"
		}
	case Char:
		if t.Length == 0 {
			return "bpchar"
		}
		return "char(" + strconv.Itoa(t.Length) + ")"
	case Numeric:
		if t.Precision > 0 {
			return "numeric(" + strconv.Itoa(t.Precision) + "," + strconv.Itoa(t.Scale) + ")"
		}
	}
	return t.Kind.String()
}
