package schema

// ValueKind says which field of a Value holds the value.
type ValueKind uint8

// How each kind of column is held:
//
//	Text Char Varchar JSON JSONB Other   VText     Bytes (UTF-8)
//	Boolean                              VBool     Int (0 or 1)
//	SmallInt Integer BigInt              VInt      Int
//	Real Double                          VFloat    Float
//	Numeric                              VDecimal  Dec
//	Date                                 VDate     Int: days since 2000-01-01 (PostgreSQL's epoch)
//	Time                                 VTime     Int: microseconds since midnight
//	Timestamp TimestampTZ                VTimestamp, VTimestampTZ  Int: microseconds since 2000-01-01 00:00 (UTC for TZ)
//	Interval                             VInterval Span
//	UUID Bytea                           VBytes    Bytes (16 bytes; raw bytes)
//
// 'infinity' and '-infinity' of Date and Timestamp(TZ) are MaxInt64 and MinInt64.
const (
	VNull ValueKind = iota
	VText
	VBool
	VInt
	VFloat
	VDecimal
	VDate
	VTime
	VTimestamp
	VTimestampTZ
	VInterval
	VBytes
)

// Value is one typed value. It is passed by pointer and overwritten row by
// row, so that the hot path allocates nothing; Bytes may point into the row's
// input or into scratch memory, and is valid until the next row.
type Value struct {
	Kind  ValueKind
	Int   int64
	Float float64
	Bytes []byte
	Dec   Decimal
	Span  Duration
}

// Duration is months, days and microseconds, as PostgreSQL holds an interval.
type Duration struct {
	Months, Days int32
	Micros       int64
}
