package transform

import (
	"bytes"
	"time"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// Bounds of one row. A value made by an expression is at most maxValue bytes,
// all of them together maxScratch, and the bytes that functions look at
// maxWork; a row with larger fields may use as many bytes as valueFactor,
// scratchFactor and workFactor times its fields, so that what is bounded is
// amplification, not the file.
const (
	maxValue      = 4 << 20
	maxScratch    = 16 << 20
	maxWork       = 64 << 20
	valueFactor   = 1
	scratchFactor = 4
	workFactor    = 16
	// keepScratch is what a Runner holds on to between rows.
	keepScratch = 256 << 10
)

// frame is the state of one Runner while it evaluates a row.
type frame struct {
	fields [][]byte
	quoted []bool
	// input is the length of all fields, counted when a bound is first passed; -1 before.
	input int

	// sources are the columns that expressions name, read at most once a row.
	sources []sourceColumn
	cells   []cell
	row     uint64
	parsers []*schema.Parser

	// field is the mapped source's text while its transformations run, value
	// its converted form.
	field     []byte
	fieldNull bool
	value     schema.Value

	// slots hold what an expression looks at twice, scratch what a parser has just read.
	slots   []schema.Value
	scratch schema.Value

	pieces [][]byte

	buf   []byte
	spent int
	work  int

	// failed says that bad is the row's first fault.
	failed bool
	bad    failure
	loc    *time.Location
}

type failure struct {
	code   etl.Code
	reason string
	column string
	value  []byte
}

// cell caches the typed value of a source column within a row.
type cell struct {
	row uint64
	ok  bool
	v   schema.Value
}

func (fr *frame) begin(fields [][]byte, quoted []bool) {
	fr.fields, fr.quoted, fr.input = fields, quoted, -1
	fr.row++
	if cap(fr.buf) > keepScratch {
		fr.buf = nil
	}
	fr.buf = fr.buf[:0]
	fr.spent, fr.work, fr.failed = maxScratch, maxWork, false
}

// fail notes the row's first fault; what is computed after it does not count.
func (fr *frame) fail(code etl.Code, reason string) {
	if !fr.failed {
		fr.failed = true
		fr.bad = failure{code: code, reason: reason}
	}
}

func (fr *frame) failValue(code etl.Code, reason, column string, value []byte) {
	if !fr.failed {
		fr.failed = true
		fr.bad = failure{code, reason, column, value}
	}
}

// failErr notes an error of decimal arithmetic.
func (fr *frame) failErr(err error) { fr.fail(CodeExpressionFailed, err.Error()) }

func (fr *frame) inputSize() int {
	if fr.input < 0 {
		fr.input = 0
		for _, f := range fr.fields {
			fr.input += len(f)
		}
	}
	return fr.input
}

// look pays for looking at n bytes; false means that the row's budget is used up.
func (fr *frame) look(n int) bool {
	fr.work -= n
	if fr.work >= 0 {
		return true
	}
	if -fr.work <= workFactor*fr.inputSize() {
		return true
	}
	fr.fail(CodeExpressionFailed, "the expression has too much work to do with this row")
	return false
}

// grow pays for n bytes of a new value; false means that they may not be made.
func (fr *frame) grow(n int) bool {
	if n > maxValue && n > valueFactor*fr.inputSize() {
		fr.fail(CodeExpressionFailed, "the expression would make a text of more than "+itoa(maxValue>>20)+" MiB")
		return false
	}
	fr.spent -= n
	if fr.spent >= 0 || -fr.spent <= scratchFactor*fr.inputSize() {
		return true
	}
	fr.fail(CodeExpressionFailed, "the expression would make more than "+itoa(maxScratch>>20)+" MiB of text for this row")
	return false
}

// make gives n bytes that live until the next row.
func (fr *frame) make(n int) ([]byte, bool) {
	if n < 0 || !fr.grow(n) {
		return nil, false
	}
	if len(fr.buf)+n > cap(fr.buf) {
		// Earlier values keep the old memory alive; it is not copied.
		fr.buf = make([]byte, 0, max(2*cap(fr.buf), n, 1024))
	}
	start := len(fr.buf)
	fr.buf = fr.buf[:start+n]
	return fr.buf[start : start+n : start+n], true
}

// since pays for and gives what was appended to buf from start on.
func (fr *frame) since(start int) ([]byte, bool) {
	b := fr.buf[start:len(fr.buf):len(fr.buf)]
	return b, fr.grow(len(b))
}

// nullRule says which fields are NULL.
type nullRule struct {
	// words mean NULL, quoted or not.
	words [][]byte
	// empty says that every empty field is NULL, unquoted that an unquoted one is.
	empty, unquoted bool
	// blanks says that the blanks around a field do not count.
	blanks bool
}

// newNullRule applies the documented meaning of etl.ColumnMapping.NullValues; given nil
// it takes the source's own words.
func newNullRule(given *[]string, found []string, isText bool) nullRule {
	words := found
	r := nullRule{blanks: !isText}
	if given != nil {
		words = *given
	} else {
		r.unquoted, r.empty = true, !isText
	}
	for _, w := range words {
		if w == "" {
			r.empty = true
		} else {
			r.words = append(r.words, []byte(w))
		}
	}
	return r
}

func (r *nullRule) isNull(field []byte, quoted bool) bool {
	if r.blanks {
		field = trimBlanks(field)
	}
	if len(field) == 0 {
		return r.empty || r.unquoted && !quoted
	}
	for _, w := range r.words {
		if bytes.Equal(field, w) {
			return true
		}
	}
	return false
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// sourceColumn is a source column as expressions see it.
type sourceColumn struct {
	index  int
	name   string
	nulls  nullRule
	parser int // among frame.parsers; -1 for text
}

// text is the raw text of the i-th column that expressions name; false is NULL.
func (fr *frame) text(i int) ([]byte, bool) {
	s := &fr.sources[i]
	field, quoted := fr.at(s.index)
	if s.nulls.isNull(field, quoted) {
		return nil, false
	}
	return field, true
}

func (fr *frame) at(i int) (field []byte, quoted bool) {
	if i < len(fr.fields) {
		field = fr.fields[i]
	}
	if i < len(fr.quoted) {
		quoted = fr.quoted[i]
	}
	return field, quoted
}

// typed is the value of the i-th column that expressions name; nil is NULL or a fault.
func (fr *frame) typed(i int) *schema.Value {
	c := &fr.cells[i]
	if c.row == fr.row {
		if c.ok {
			return &c.v
		}
		return nil
	}
	c.row, c.ok = fr.row, false
	field, ok := fr.text(i)
	if !ok {
		return nil
	}
	s := &fr.sources[i]
	if err := fr.parsers[s.parser].Parse(field, &c.v); err != nil {
		fr.failValue(etl.Code(err.Code), err.Reason, s.name, field)
		return nil
	}
	c.ok = c.v.Kind != schema.VNull
	if !c.ok {
		return nil
	}
	return &c.v
}
