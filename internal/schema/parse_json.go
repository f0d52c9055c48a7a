package schema

import (
	"bytes"
	"fmt"
)

// maxJSONDepth bounds nesting well below the depth at which the database's
// own parser runs out of stack.
const maxJSONDepth = 1024

// The bounds of PostgreSQL's numeric, which jsonb keeps its numbers in.
const (
	maxNumericWeight = 131_072
	maxNumericScale  = 16_383
)

// jsonCheck walks over a JSON text (RFC 8259) without keeping any of it.
type jsonCheck struct {
	text []byte
	at   int
	// binary refuses what jsonb cannot keep: \u0000, lone surrogates, numbers beyond numeric.
	binary bool
	depth  int
	// objects tells objects (1) from arrays (0), a bit for each level.
	objects [maxJSONDepth / 64]uint64
	why     string
}

func (p *Parser) parseJSON(text []byte, v *Value) *ParseError {
	text = trim(text)
	c := jsonCheck{text: text, binary: p.t.Kind == JSONB}
	if !c.document() {
		why := c.why
		if hint := generalHint(string(text[:min(len(text), 200)])); hint != "" && !bytes.HasPrefix(text, []byte{'"'}) {
			why = hint
		} else if why == "" {
			why = fmt.Sprintf("it ends too early, after %d bytes", len(text))
			if c.at < len(text) {
				why = fmt.Sprintf("byte %d (%s) is not allowed there", c.at+1, quote(text[c.at:c.at+runeSize(text[c.at:])]))
			}
		}
		return parseErrorf(CodeNotJSON, "%s is not %s: %s", quote(text), p.t, why)
	}
	v.Kind, v.Bytes = VText, text
	return nil
}

// document checks one value with nothing after it.
func (c *jsonCheck) document() bool {
	for {
		if !c.value() {
			return false
		}
		// Each value closes what it ends, and a comma leads to the next one.
		for {
			c.space()
			if c.depth == 0 {
				return c.at == len(c.text)
			}
			if c.take(',') {
				if c.inObject() && !c.name() {
					return false
				}
				break
			}
			closing := byte(']')
			if c.inObject() {
				closing = '}'
			}
			if !c.take(closing) {
				return false
			}
			c.depth--
		}
	}
}

// value checks a scalar or an empty container, or opens containers down to the
// first scalar.
func (c *jsonCheck) value() bool {
	for {
		c.space()
		if c.at == len(c.text) {
			return false
		}
		switch b := c.text[c.at]; {
		case b == '"':
			return c.string()
		case b == '-' || isDigit(b):
			return c.number()
		case b == 't':
			return c.word("true")
		case b == 'f':
			return c.word("false")
		case b == 'n':
			return c.word("null")
		case b != '{' && b != '[':
			return false
		case c.depth == maxJSONDepth:
			c.why = fmt.Sprintf("it is nested deeper than %d levels", maxJSONDepth)
			return false
		case b == '{':
			c.objects[c.depth/64] |= 1 << (c.depth % 64)
		default:
			c.objects[c.depth/64] &^= 1 << (c.depth % 64)
		}
		c.at++
		c.depth++
		c.space()
		if c.inObject() {
			if c.take('}') {
				c.depth--
				return true
			}
			if !c.name() {
				return false
			}
		} else if c.take(']') {
			c.depth--
			return true
		}
	}
}

func (c *jsonCheck) inObject() bool {
	level := c.depth - 1
	return c.objects[level/64]>>(level%64)&1 == 1
}

// name checks a member's name and the colon after it.
func (c *jsonCheck) name() bool {
	c.space()
	if c.at == len(c.text) || c.text[c.at] != '"' || !c.string() {
		return false
	}
	c.space()
	return c.take(':')
}

func (c *jsonCheck) space() {
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return
		}
	}
}

func (c *jsonCheck) take(b byte) bool {
	if c.at == len(c.text) || c.text[c.at] != b {
		return false
	}
	c.at++
	return true
}

func (c *jsonCheck) word(w string) bool {
	if len(c.text)-c.at < len(w) || string(c.text[c.at:c.at+len(w)]) != w {
		return false
	}
	c.at += len(w)
	return true
}

// string checks from quote to quote.
func (c *jsonCheck) string() bool {
	c.at++
	for c.at < len(c.text) {
		switch b := c.text[c.at]; {
		case b == '"':
			c.at++
			return true
		case b < ' ':
			c.why = fmt.Sprintf("the control character at byte %d must be escaped", c.at+1)
			return false
		case b == '\\':
			if !c.escape() {
				return false
			}
		default:
			c.at++
		}
	}
	return false
}

func (c *jsonCheck) escape() bool {
	if c.at++; c.at == len(c.text) {
		return false
	}
	switch c.text[c.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.at++
		return true
	case 'u':
	default:
		return false
	}
	unit, ok := c.hex()
	if !ok || !c.binary {
		return ok
	}
	switch {
	case unit == 0:
		c.why = `jsonb cannot hold \u0000`
		return false
	case unit >= 0xD800 && unit < 0xDC00:
		if c.at+1 < len(c.text) && c.text[c.at] == '\\' && c.text[c.at+1] == 'u' {
			c.at++
			if low, ok := c.hex(); ok && low >= 0xDC00 && low < 0xE000 {
				return true
			}
		}
		fallthrough
	case unit >= 0xDC00 && unit < 0xE000:
		c.why = "jsonb cannot hold half of a surrogate pair"
		return false
	}
	return true
}

// hex reads uXXXX.
func (c *jsonCheck) hex() (unit int, ok bool) {
	c.at++
	for range 4 {
		if c.at == len(c.text) {
			return 0, false
		}
		d := hexDigits[c.text[c.at]]
		if d > 15 {
			return 0, false
		}
		unit = unit<<4 | int(d)
		c.at++
	}
	return unit, true
}

func (c *jsonCheck) number() bool {
	c.take('-')
	start := c.at
	whole := c.digits()
	if whole == 0 || whole > 1 && c.text[start] == '0' {
		return false
	}
	fraction, exponent := 0, 0
	if c.take('.') {
		if fraction = c.digits(); fraction == 0 {
			return false
		}
	}
	if c.take('e') || c.take('E') {
		negative := false
		if !c.take('+') {
			negative = c.take('-')
		}
		begin := c.at
		if c.digits() == 0 {
			return false
		}
		for _, b := range c.text[begin:c.at] {
			exponent = min(exponent*10+int(b-'0'), 1_000_000)
		}
		if negative {
			exponent = -exponent
		}
	}
	if c.binary && (whole+exponent > maxNumericWeight || fraction-exponent > maxNumericScale) {
		c.why = "jsonb cannot hold so large or so fine a number"
		return false
	}
	return true
}

func (c *jsonCheck) digits() int {
	start := c.at
	for c.at < len(c.text) && isDigit(c.text[c.at]) {
		c.at++
	}
	return c.at - start
}
