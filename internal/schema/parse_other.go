package schema

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// The words of a boolean without a format.
var (
	defaultTrue  = wordSet("t true y yes on 1")
	defaultFalse = wordSet("f false n no off 0")
)

// maxBooleanBytes is the length of the longest of them.
const maxBooleanBytes = 5

func (p *Parser) parseBoolean(text []byte, v *Value) *ParseError {
	text = trim(text)
	v.Kind = VBool
	if p.format.family == noFamily {
		if len(text) == 1 {
			switch text[0] {
			case '1', 't', 'T', 'y', 'Y':
				v.Int = 1
				return nil
			case '0', 'f', 'F', 'n', 'N':
				v.Int = 0
				return nil
			}
		}
		if len(text) <= maxBooleanBytes {
			switch {
			case equalFold(text, "true"), equalFold(text, "yes"), equalFold(text, "on"):
				v.Int = 1
				return nil
			case equalFold(text, "false"), equalFold(text, "no"), equalFold(text, "off"):
				v.Int = 0
				return nil
			}
		}
		return p.notBoolean(text)
	}
	for _, word := range p.format.trues {
		if foldsTo(text, word) {
			v.Int = 1
			return nil
		}
	}
	for _, word := range p.format.falses {
		if foldsTo(text, word) {
			v.Int = 0
			return nil
		}
	}
	return p.notBoolean(text)
}

// foldsTo is bytes.EqualFold, spared where the length rules it out: case
// folding changes the length of few letters, and never to more than three times.
func foldsTo(text []byte, word string) bool {
	return len(text) <= 3*len(word) && bytes.EqualFold(text, []byte(word))
}

// wordPairs are those that a hint may name.
var wordPairs = []string{
	"ja|j/nein|n", "oui|o/non|n", "sí|si|s/no|n", "sim|s/não|nao|n", "vero|v/falso|f", "verdadero|v/falso|f", "vrai|v/faux|f",
	"wahr|w/falsch|f", "да/нет", "tak/nie", "ano/ne", "evet/hayır", "x/-", "active/inactive", "enabled/disabled", "✓/✗", "はい/いいえ", "是/否",
}

func (p *Parser) notBoolean(text []byte) *ParseError {
	s := string(text[:min(len(text), 200)])
	hint := generalHint(s)
	if hint == "" {
		for _, pair := range wordPairs {
			trues, falses, _ := strings.Cut(pair, "/")
			for word := range strings.SplitSeq(trues+"|"+falses, "|") {
				if hint == "" && pair != p.format.text && strings.EqualFold(word, s) {
					hint = "name the words of true and false in the format (" + pair + ")"
				}
			}
		}
	}
	if hint == "" {
		hint = "the words are true, t, yes, y, on, 1 and false, f, no, n, off, 0; others go in the format (ja/nein)"
		if p.format.family != noFamily {
			hint = "the format has the words " + p.format.text
		}
	}
	return parseErrorf(CodeNotBoolean, "%s is not boolean: %s", quote(text), hint)
}

// parseCharacters counts characters, not bytes. Blanks beyond the length are
// dropped for char(n), where they have no meaning, and counted for varchar(n).
// Of a type whose length counts bytes the destination refuses what is too long.
func (p *Parser) parseCharacters(text []byte, v *Value) *ParseError {
	v.Kind, v.Bytes = VText, text
	n := p.t.Length
	if n == 0 || len(text) <= n {
		return nil
	}
	if p.t.InBytes {
		if p.t.Kind == Char {
			v.Bytes = text[:max(n, len(bytes.TrimRight(text, " ")))]
		}
		return nil
	}
	count := utf8.RuneCount(text)
	if count <= n {
		return nil
	}
	kept := len(bytes.TrimRight(text, " "))
	if p.t.Kind == Char {
		for count > n && len(text) > kept {
			text = text[:len(text)-1]
			count--
		}
		if v.Bytes = text; count <= n {
			return nil
		}
	}
	hint := ""
	if utf8.RuneCount(text[:kept]) <= n {
		hint = "; without the blanks at its end it fits: RTRIM it"
	}
	return parseErrorf(CodeTooLong, "%s is %d characters, %s holds %d%s", quote(text), count, p.t, n, hint)
}

// hexDigits is the value of each hexadecimal digit, 255 for other bytes.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i := range 16 {
		table["0123456789abcdef"[i]] = byte(i)
		table["0123456789ABCDEF"[i]] = byte(i)
	}
	return table
}()

// parseUUID reads 32 hexadecimal digits in any case, perhaps with a hyphen
// after any four of them, in braces, or after urn:uuid:.
func (p *Parser) parseUUID(text []byte, v *Value) *ParseError {
	text = trim(text)
	digits := text
	if n := len(digits); n > 2 && digits[0] == '{' && digits[n-1] == '}' {
		digits = digits[1 : n-1]
	} else if n == 45 && equalFold(digits[:9], "urn:uuid:") {
		digits = digits[9:]
	}
	out := p.scratch[:0]
	for i := 0; i < len(digits) && len(out) <= 16; {
		if digits[i] == '-' {
			if len(out) == 0 || len(out)%2 == 1 || digits[i-1] == '-' {
				return p.notUUID(text)
			}
			i++
			continue
		}
		if i+1 == len(digits) {
			return p.notUUID(text)
		}
		hi, lo := hexDigits[digits[i]], hexDigits[digits[i+1]]
		if hi|lo > 15 {
			return p.notUUID(text)
		}
		out = append(out, hi<<4|lo)
		i += 2
	}
	p.scratch = out
	if len(out) != 16 || digits[len(digits)-1] == '-' {
		return p.notUUID(text)
	}
	v.Kind, v.Bytes = VBytes, out
	return nil
}

func (p *Parser) notUUID(text []byte) *ParseError {
	hint := generalHint(string(text[:min(len(text), 200)]))
	if hint == "" {
		hint = "it must have 32 hexadecimal digits, as 550e8400-e29b-41d4-a716-446655440000"
	}
	return parseErrorf(CodeNotUUID, "%s is not uuid: %s", quote(text), hint)
}

// parseBytea reads \x…, 0x… or plain hexadecimal digits, or base64 where the format says so.
func (p *Parser) parseBytea(text []byte, v *Value) *ParseError {
	text = trim(text)
	if p.format.base64 {
		return p.parseBase64(text, v)
	}
	digits := text
	if len(digits) > 1 && (digits[0] == '\\' || digits[0] == '0') && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	if len(digits)%2 == 1 {
		return p.notBytea(text, "it has an odd number of digits")
	}
	out := p.scratch[:0]
	for i := 0; i < len(digits); i += 2 {
		hi, lo := hexDigits[digits[i]], hexDigits[digits[i+1]]
		if hi|lo > 15 {
			return p.notBytea(text, `write it as \x0123abcd, or give format base64`)
		}
		out = append(out, hi<<4|lo)
	}
	return p.bytea(out, v)
}

// bytea takes bytes as many as the type holds.
func (p *Parser) bytea(out []byte, v *Value) *ParseError {
	p.scratch = out
	if p.t.Length > 0 && len(out) > p.t.Length {
		return parseErrorf(CodeTooLong, "the value has %d bytes, and %s holds %d", len(out), p.t, p.t.Length)
	}
	v.Kind, v.Bytes = VBytes, out
	return nil
}

// parseBase64 reads the standard and the URL alphabet, with or without padding.
func (p *Parser) parseBase64(text []byte, v *Value) *ParseError {
	body := bytes.TrimRight(text, "=")
	if padding := len(text) - len(body); padding > 2 || padding > 0 && len(text)%4 != 0 {
		return p.notBytea(text, "its padding is wrong")
	}
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(body, "-_") {
		encoding = base64.RawURLEncoding
	}
	out, err := encoding.Strict().AppendDecode(p.scratch[:0], body)
	if err != nil {
		return p.notBytea(text, "it is not base64")
	}
	return p.bytea(out, v)
}

func (p *Parser) notBytea(text []byte, why string) *ParseError {
	if hint := generalHint(string(text[:min(len(text), 200)])); hint != "" {
		why = hint
	}
	return parseErrorf(CodeNotBytea, "%s is not bytea: %s", quote(text), why)
}
