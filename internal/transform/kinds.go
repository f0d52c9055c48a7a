package transform

import (
	"strconv"
	"time"

	"github.com/etlportal/etlportal/internal/schema"
)

// kind is the type of an expression.
type kind uint8

const (
	kindNull kind = iota // the word null, or what only null can be
	kindText
	kindNumber
	kindFloat
	kindBool
	kindDate
	kindTime
	kindTimestamp
	kindTimestampTZ
)

var kindNames = [...]string{
	"null", "a text", "a number", "a floating-point number", "a condition", "a date", "a time", "a timestamp", "a timestamp with time zone",
}

func (k kind) String() string { return kindNames[k] }

func (k kind) isMoment() bool { return k == kindDate || k == kindTimestamp || k == kindTimestampTZ }

// kindOf is how an expression sees a column type: what it cannot compute with is text.
func kindOf(t schema.Type) kind {
	switch t.Kind {
	case schema.Boolean:
		return kindBool
	case schema.SmallInt, schema.Integer, schema.BigInt, schema.Numeric:
		return kindNumber
	case schema.Real, schema.Double:
		return kindFloat
	case schema.Date:
		return kindDate
	case schema.Time:
		return kindTime
	case schema.Timestamp:
		return kindTimestamp
	case schema.TimestampTZ:
		return kindTimestampTZ
	}
	return kindText
}

// columnType is the column type that an expression of a kind makes.
func columnType(k kind) schema.Type {
	return schema.Type{Kind: [...]schema.Kind{
		schema.Text, schema.Text, schema.Numeric, schema.Double, schema.Boolean,
		schema.Date, schema.Time, schema.Timestamp, schema.TimestampTZ,
	}[k]}
}

// tri is SQL's truth: unknown is NULL.
type tri uint8

const (
	no tri = iota
	yes
	unknown
)

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// The compiled forms, one for each family of kinds; false means NULL or a fault noted in the frame.
type (
	textFunc  func(*frame) ([]byte, bool)
	numFunc   func(*frame) (schema.Decimal, bool)
	floatFunc func(*frame) (float64, bool)
	boolFunc  func(*frame) tri
	// tickFunc gives days of a date, microseconds of a time or timestamp, as schema.Value.Int.
	tickFunc func(*frame) (int64, bool)
)

// expr is a checked and compiled expression: the function that fits its kind is set.
type expr struct {
	kind kind
	n    *node

	text  textFunc
	num   numFunc
	float floatFunc
	cond  boolFunc
	tick  tickFunc

	// raw is the text as the file has it, of a source column of another kind.
	raw textFunc
	// literal says that it is a constant written in the expression; lit is that text or number as written.
	literal bool
	lit     string
	number  schema.Decimal
	// column names the source column of a plain reference, for rejects.
	column string
	// as says how to read the text of a field, where its format is known.
	as *reading
}

// reading is how the text of a mapped field becomes a number or a moment.
type reading struct {
	t      schema.Type
	format string
}

func (r reading) parser(loc *time.Location) (*schema.Parser, error) {
	f, err := schema.ParseFormat(r.t.Kind, r.format)
	if err != nil {
		return nil, err
	}
	return schema.NewParser(r.t, f, schema.ParserOptions{Location: loc})
}

func itoa(n int) string { return strconv.Itoa(n) }
