package schema

import (
	"fmt"
	"strconv"
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
	// What Redshift calls its own.
	"super": JSONB, "varbyte": Bytea, "varbinary": Bytea, "binary varying": Bytea, "nvarchar": Varchar,
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
// varchar(10), numeric(10,2), timestamp with time zone, text[]; and those of
// Redshift that have a kind: super, varbyte(10), nvarchar(10). The serial
// types are their integers. A name that is not known, is quoted or stands in a
// schema other than pg_catalog becomes a type of kind Other, whose Name is its
// parts as written, joined anew: a database may have it (see Known). Types with
// modifiers that no kind can hold (timestamp(3), interval year to month, time
// with time zone) and arrays are Other too. Whatever else the text holds
// (a default, a second statement, a comment) is an error that says what a type
// looks like.
func ParseType(s string) (Type, error) {
	n, err := readTypeName(s)
	if err != nil {
		return Type{}, err
	}
	written := n.String()
	t := Type{Kind: Other, Name: written}
	base := n.base()
	kind, ok := typeNames[base]
	switch {
	case ok && len(n.modifiers) == 0:
		t = Type{Kind: kind}
		if kind == Char && base != "bpchar" {
			t.Length = 1
		}
	case ok:
		args, err := n.numbers()
		if err != nil {
			return Type{}, err
		}
		if t, err = withModifiers(written, base, Type{Kind: kind}, args); err != nil {
			return Type{}, err
		}
	}
	if n.suffix != "" {
		return Type{Kind: Other, Name: written}, nil
	}
	return t, nil
}

// maxVarbyte is the most that Redshift gives a VARBYTE.
const maxVarbyte = 16_777_216

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
	case Bytea:
		if base == "bytea" {
			return Type{}, fmt.Errorf("the type %s takes no number in parentheses", quote(written))
		}
		if len(args) != 1 || n < 1 || n > maxVarbyte {
			return Type{}, wrong("varbyte(n) with n", 1, maxVarbyte)
		}
		t.Length = n
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
	case Bytea:
		if t.Length > 0 {
			return "varbyte(" + strconv.Itoa(t.Length) + ")"
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
