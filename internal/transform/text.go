package transform

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// upperFull are the characters whose upper case is more than one
// character (Unicode, SpecialCasing.txt, unconditional mappings, without the
// Greek iota subscripts, whose capitals are seldom wanted).
var upperFull = map[rune]string{
	'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J̌", 'ΐ': "Ϊ́", 'ΰ': "Ϋ́", 'և': "ԵՒ",
	'ẖ': "H̱", 'ẗ': "T̈", 'ẘ': "W̊", 'ẙ': "Y̊", 'ẚ': "Aʾ",
	'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST",
}

func isLowerByte(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpperByte(c byte) bool { return c >= 'A' && c <= 'Z' }

// upper is b in upper case; b itself where nothing changes.
func (fr *frame) upper(b []byte) ([]byte, bool) {
	i := 0
	for i < len(b) && b[i] < utf8.RuneSelf && !isLowerByte(b[i]) {
		i++
	}
	if i == len(b) {
		return b, true
	}
	out, ok := fr.make(len(b))
	if !ok {
		return nil, false
	}
	for j, c := range b {
		if isLowerByte(c) {
			c -= 'a' - 'A'
		} else if c >= utf8.RuneSelf {
			return fr.mapped(b, upperRune)
		}
		out[j] = c
	}
	return out, true
}

// lower is b in lower case; b itself where nothing changes.
func (fr *frame) lower(b []byte) ([]byte, bool) {
	i := 0
	for i < len(b) && b[i] < utf8.RuneSelf && !isUpperByte(b[i]) {
		i++
	}
	if i == len(b) {
		return b, true
	}
	out, ok := fr.make(len(b))
	if !ok {
		return nil, false
	}
	for j, c := range b {
		if isUpperByte(c) {
			c += 'a' - 'A'
		} else if c >= utf8.RuneSelf {
			return fr.mapped(b, lowerRune)
		}
		out[j] = c
	}
	return out, true
}

// mapped rewrites b character by character; f appends what the character at b[i:j] becomes.
func (fr *frame) mapped(b []byte, f func(dst, b []byte, i, j int, r rune) []byte) ([]byte, bool) {
	// No mapping makes a text more than three times as long, so it may be paid for afterwards.
	if !fr.look(len(b)) {
		return nil, false
	}
	start := len(fr.buf)
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		fr.buf = f(fr.buf, b, i, i+size, r)
		i += size
	}
	return fr.since(start)
}

func upperRune(dst, b []byte, i, j int, r rune) []byte {
	if r == utf8.RuneError {
		return append(dst, b[i:j]...)
	}
	if s, ok := upperFull[r]; ok {
		return append(dst, s...)
	}
	return utf8.AppendRune(dst, unicode.ToUpper(r))
}

func lowerRune(dst, b []byte, i, j int, r rune) []byte {
	switch r {
	case utf8.RuneError:
		return append(dst, b[i:j]...)
	case 'İ':
		return append(dst, "i̇"...)
	case 'Σ':
		// The last sigma of a word has a form of its own.
		before, _ := utf8.DecodeLastRune(b[:i])
		after, _ := utf8.DecodeRune(b[j:])
		if unicode.IsLetter(before) && !unicode.IsLetter(after) {
			return append(dst, "ς"...)
		}
	}
	return utf8.AppendRune(dst, unicode.ToLower(r))
}

// titleRune is PostgreSQL's initcap: what follows a letter or digit is in lower case, any other letter in title case.
func titleRune(dst, b []byte, i, j int, r rune) []byte {
	before, _ := utf8.DecodeLastRune(b[:i])
	if i > 0 && (unicode.IsLetter(before) || unicode.IsDigit(before) || unicode.IsMark(before)) {
		return lowerRune(dst, b, i, j, r)
	}
	switch r {
	case utf8.RuneError:
		return append(dst, b[i:j]...)
	case 'ß':
		return append(dst, "Ss"...)
	}
	return utf8.AppendRune(dst, unicode.ToTitle(r))
}

// trim cuts characters of set from both ends, or blanks where set is empty.
func trim(b []byte, set string, left, right bool) []byte {
	if left && set == "" {
		b = trimLeft(b)
	} else if left {
		b = bytes.TrimLeft(b, set)
	}
	if right && set == "" {
		return trimRight(b)
	} else if right {
		return bytes.TrimRight(b, set)
	}
	return b
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 {
		r, size := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b)
		}
		if !isSpace(r) {
			break
		}
		b = b[size:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 {
		r, size := rune(b[len(b)-1]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeLastRune(b)
		}
		if !isSpace(r) {
			break
		}
		b = b[:len(b)-size]
	}
	return b
}

// isSpace takes in what spreadsheets and web pages leave behind: no-break and zero-width spaces.
func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r >= '\t' && r <= '\r'
	}
	return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff'
}

// characters is the number of characters of b.
func characters(b []byte) int { return utf8.RuneCount(b) }

// skip is the byte offset of the n-th character of b, at most its length.
func skip(b []byte, n int64) int {
	if n <= 0 {
		return 0
	}
	if n >= int64(len(b)) {
		return len(b)
	}
	i := 0
	for ; n > 0 && i < len(b); n-- {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return i
}

// left is the first n characters; a negative n leaves out the last -n, as PostgreSQL does.
func left(b []byte, n int64) []byte {
	if n < 0 {
		n += int64(characters(b))
	}
	return b[:skip(b, n)]
}

// right is the last n characters; a negative n leaves out the first -n.
func right(b []byte, n int64) []byte {
	if n < 0 {
		return b[skip(b, -n):]
	}
	return b[skip(b, int64(characters(b))-n):]
}

// substring is PostgreSQL's: positions before the first character count but hold nothing.
func substring(b []byte, start, length int64) []byte {
	end := start + length
	start = max(start, 1)
	if end <= start {
		return b[:0]
	}
	b = b[skip(b, start-1):]
	return b[:skip(b, end-start)]
}

// splitPart is the n-th part between delimiters, counted from the end where n is negative; empty where there is none.
func splitPart(b, delimiter []byte, n int64) []byte {
	if len(delimiter) == 0 {
		if n == 1 || n == -1 {
			return b
		}
		return nil
	}
	if n < 0 {
		for ; n < -1; n++ {
			i := bytes.LastIndex(b, delimiter)
			if i < 0 {
				return nil
			}
			b = b[:i]
		}
		if i := bytes.LastIndex(b, delimiter); i >= 0 {
			return b[i+len(delimiter):]
		}
		return b
	}
	for ; n > 1; n-- {
		i := bytes.Index(b, delimiter)
		if i < 0 {
			return nil
		}
		b = b[i+len(delimiter):]
	}
	if i := bytes.Index(b, delimiter); i >= 0 {
		return b[:i]
	}
	return b
}

// pad fills b up to n characters with fill, or cuts it to them.
func (fr *frame) pad(b []byte, n int64, fill []byte, atLeft bool) ([]byte, bool) {
	if n <= 0 {
		return nil, true
	}
	have := int64(characters(b))
	if have >= n {
		return b[:skip(b, n)], true
	}
	if len(fill) == 0 {
		return b, true
	}
	missing := n - have
	width := int64(characters(fill))
	size := missing/width*int64(len(fill)) + int64(skip(fill, missing%width))
	out, ok := fr.make(len(b) + int(min(size, 1<<40)))
	if !ok {
		return nil, false
	}
	at := out
	if !atLeft {
		at = at[copy(at, b):]
	}
	for rest := at[:size]; len(rest) > 0; {
		rest = rest[copy(rest, fill):]
	}
	if atLeft {
		copy(at[size:], b)
	}
	return out, true
}

// replace puts to in the place of every from.
func (fr *frame) replace(b, from, to []byte) ([]byte, bool) {
	if len(from) == 0 || !fr.look(len(b)) {
		return b, true
	}
	i := bytes.Index(b, from)
	if i < 0 {
		return b, true
	}
	n := bytes.Count(b, from)
	out, ok := fr.make(len(b) + n*(len(to)-len(from)))
	if !ok {
		return nil, false
	}
	at := out
	for i >= 0 {
		at = at[copy(at, b[:i]):]
		at = at[copy(at, to):]
		b = b[i+len(from):]
		i = bytes.Index(b, from)
	}
	copy(at, b)
	return out, true
}

func position(b, part []byte) int {
	before, _, found := bytes.Cut(b, part)
	if !found {
		return 0
	}
	return characters(before) + 1
}

// tests are the operators that look for a text in another.
var tests = map[string]func(b, part []byte) bool{
	"contains": bytes.Contains, "startsWith": bytes.HasPrefix, "endsWith": bytes.HasSuffix,
}
