package destination

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// The binary COPY format: a header, rows (field count, then per field its length
// and bytes, -1 for NULL), a trailer
// (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format").
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

const nullField = 0xffffffff

// maxRow is what PostgreSQL can take as one field or one row (1 GiB less some).
const maxRow = 1<<30 - 1<<20

// wire is how a column's values are sent.
type wire uint8

const (
	wireText wire = iota
	wireJSONB
	wireBool
	wireInt2
	wireInt4
	wireInt8
	wireFloat4
	wireFloat8
	wireNumeric
	wireDate
	wireTime
	wireTimestamp
	wireTimestampTZ
	wireInterval
	wireUUID
	wireBytea
	// wireName is the text of type name, whose cast cuts what is too long.
	wireName
)

// maxName is the length of a name, in bytes.
const maxName = 63

var wires = map[schema.Kind]wire{
	schema.Text: wireText, schema.Char: wireText, schema.Varchar: wireText, schema.JSON: wireText, schema.JSONB: wireJSONB,
	schema.Other: wireText, schema.Boolean: wireBool, schema.SmallInt: wireInt2, schema.Integer: wireInt4, schema.BigInt: wireInt8,
	schema.Real: wireFloat4, schema.Double: wireFloat8, schema.Numeric: wireNumeric, schema.Date: wireDate, schema.Time: wireTime,
	schema.Timestamp: wireTimestamp, schema.TimestampTZ: wireTimestampTZ, schema.Interval: wireInterval,
	schema.UUID: wireUUID, schema.Bytea: wireBytea,
}

// expected is the kind of value that each wire form takes (schema.Value).
var expected = [...]schema.ValueKind{
	wireText: schema.VText, wireJSONB: schema.VText, wireBool: schema.VBool, wireInt2: schema.VInt, wireInt4: schema.VInt,
	wireInt8: schema.VInt, wireFloat4: schema.VFloat, wireFloat8: schema.VFloat, wireNumeric: schema.VDecimal,
	wireDate: schema.VDate, wireTime: schema.VTime, wireTimestamp: schema.VTimestamp, wireTimestampTZ: schema.VTimestampTZ,
	wireInterval: schema.VInterval, wireUUID: schema.VBytes, wireBytea: schema.VBytes, wireName: schema.VText,
}

// layout is what all batches of a load share.
type layout struct {
	names []string
	wires []wire
	// staged rows carry their record and line number after the columns, chunked
	// ones before these the number of their chunk.
	staged, chunked bool
	chunk           int32
	// keyed is set where rows' keys are hashed as they are encoded.
	keyed *keyed
}

func newLayout(columns []schema.Column) *layout {
	l := &layout{names: columnNames(columns), wires: make([]wire, len(columns))}
	for i := range columns {
		l.wires[i] = wires[columns[i].Type.Kind]
		if t := columns[i].Type; t.Kind == schema.Other && t.String() == "name" {
			l.wires[i] = wireName
		}
	}
	return l
}

// batch implements etl.Batch.
type batch struct {
	*layout
	buf  []byte
	rows int
	runs []run
	// keys are the hashes of the rows' keys where layout.keyed is set; a key
	// with a NULL, which equals no other, has none.
	keys []uint64
}

// run says that rows from the row-th of a batch on (0-based) start at line,
// line+stride, line+2·stride …
type run struct {
	row    int
	line   int64
	stride int64
}

func (b *batch) Len() int  { return len(b.buf) }
func (b *batch) Rows() int { return b.rows }

func (b *batch) Reset() {
	b.buf, b.rows, b.runs, b.keys = b.buf[:0], 0, b.runs[:0], b.keys[:0]
}

// Append adds a row. It allocates nothing once the batch has reached its usual size.
func (b *batch) Append(row []schema.Value, line, record int64) *etl.Reject {
	start := len(b.buf)
	if len(row) != len(b.wires) {
		return b.reject(line, record, "", "internal", fmt.Sprintf("a row of %d values for %d columns", len(row), len(b.wires)))
	}
	fields := len(row)
	if b.staged {
		fields += 2
	}
	if b.chunked {
		fields++
	}
	buf := binary.BigEndian.AppendUint16(b.buf, uint16(fields))
	var key uint64
	isKey := b.keyed != nil
	for i := range row {
		v := &row[i]
		if v.Kind == schema.VNull {
			if b.keyed != nil && b.keyed.isKey[i] {
				isKey = false
			}
			buf = binary.BigEndian.AppendUint32(buf, nullField)
			continue
		}
		var ok bool
		field := len(buf)
		if buf, ok = appendField(buf, b.wires[i], v); !ok {
			b.buf = buf[:start]
			return b.refuse(i, v, line, record)
		}
		if isKey && b.keyed.isKey[i] {
			key = b.keyed.add(key, buf[field:])
		}
	}
	if len(buf)-start > maxRow {
		b.buf = buf[:start]
		return b.reject(line, record, "", "too_long", "the row is larger than the 1 GB that PostgreSQL takes")
	}
	if b.chunked {
		buf = binary.BigEndian.AppendUint32(buf, 4)
		buf = binary.BigEndian.AppendUint32(buf, uint32(b.chunk))
	}
	if b.staged {
		buf = binary.BigEndian.AppendUint32(buf, 8)
		buf = binary.BigEndian.AppendUint64(buf, uint64(record))
		buf = binary.BigEndian.AppendUint32(buf, 8)
		buf = binary.BigEndian.AppendUint64(buf, uint64(line))
	}
	b.buf = buf
	if isKey {
		b.keys = append(b.keys, key)
	}
	b.note(line)
	b.rows++
	return nil
}

// note remembers the line of the row about to be counted.
func (b *batch) note(line int64) {
	if n := len(b.runs); n > 0 {
		last := &b.runs[n-1]
		since := int64(b.rows - last.row)
		if since == 1 {
			last.stride = line - last.line
			return
		}
		if last.line+since*last.stride == line {
			return
		}
	}
	b.runs = append(b.runs, run{row: b.rows, line: line})
}

// appendField appends length and bytes, or says that the value cannot be held.
func appendField(buf []byte, w wire, v *schema.Value) ([]byte, bool) {
	if v.Kind != expected[w] {
		return buf, false
	}
	switch w {
	case wireName, wireText, wireBytea:
		if len(v.Bytes) > maxRow || w == wireName && len(v.Bytes) > maxName {
			return buf, false
		}
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(v.Bytes)))
		return append(buf, v.Bytes...), true
	case wireJSONB:
		if len(v.Bytes) > maxRow {
			return buf, false
		}
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(v.Bytes)+1))
		return append(append(buf, 1), v.Bytes...), true
	case wireUUID:
		if len(v.Bytes) != 16 {
			return buf, false
		}
		buf = binary.BigEndian.AppendUint32(buf, 16)
		return append(buf, v.Bytes...), true
	case wireBool:
		return append(binary.BigEndian.AppendUint32(buf, 1), byte(v.Int&1)), true
	case wireInt2:
		if v.Int != int64(int16(v.Int)) {
			return buf, false
		}
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(buf, 2), uint16(v.Int)), true
	case wireInt4:
		if v.Int != int64(int32(v.Int)) {
			return buf, false
		}
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(buf, 4), uint32(v.Int)), true
	case wireInt8, wireTime, wireTimestamp, wireTimestampTZ:
		// The infinities of timestamps are the same numbers on both sides.
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(buf, 8), uint64(v.Int)), true
	case wireDate:
		days := v.Int
		switch {
		case days == math.MaxInt64:
			days = math.MaxInt32
		case days == math.MinInt64:
			days = math.MinInt32
		case days >= math.MaxInt32 || days <= math.MinInt32:
			return buf, false
		}
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(buf, 4), uint32(days)), true
	case wireFloat4:
		f := float32(v.Float)
		if math.IsInf(float64(f), 0) && !math.IsInf(v.Float, 0) {
			return buf, false
		}
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(buf, 4), math.Float32bits(f)), true
	case wireFloat8:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(buf, 8), math.Float64bits(v.Float)), true
	case wireNumeric:
		at := len(buf)
		buf = v.Dec.AppendBase10000(append(buf, 0, 0, 0, 0))
		binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
		return buf, true
	case wireInterval:
		buf = binary.BigEndian.AppendUint32(buf, 16)
		buf = binary.BigEndian.AppendUint64(buf, uint64(v.Span.Micros))
		buf = binary.BigEndian.AppendUint32(buf, uint32(v.Span.Days))
		return binary.BigEndian.AppendUint32(buf, uint32(v.Span.Months)), true
	}
	return buf, false
}

// refuse explains a value that appendField could not hold.
func (b *batch) refuse(i int, v *schema.Value, line, record int64) *etl.Reject {
	name := b.names[i]
	if v.Kind != expected[b.wires[i]] {
		return b.reject(line, record, name, "internal",
			fmt.Sprintf("a value of kind %d reached column %s, which takes kind %d; please report this", v.Kind, name, expected[b.wires[i]]))
	}
	if b.wires[i] == wireName {
		bad := b.reject(line, record, name, "too_long", fmt.Sprintf("the value has %d bytes, and column %s, a name, takes %d", len(v.Bytes), name, maxName))
		bad.Value = limit(string(v.Bytes), 200)
		return bad
	}
	return b.reject(line, record, name, "out_of_range", fmt.Sprintf("the value does not fit into column %s", name))
}

func (b *batch) reject(line, record int64, column string, code etl.Code, reason string) *etl.Reject {
	return &etl.Reject{Line: line, Record: record, Column: column, Code: code, Reason: reason}
}
