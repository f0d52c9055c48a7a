package transform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Bounds of patterns: characters of one, instructions of one, instructions of
// all in an expression, and the places where one is replaced in a value.
const (
	maxPattern      = 1000
	maxRegexProgram = 10_000
	maxRegexTotal   = 50_000
	maxMatches      = 100_000
)

// pattern compiles a constant regular expression (RE2 syntax: linear in the
// text) and says what one byte of text costs.
func (c *compiler) pattern(e expr, source string) (*regexp.Regexp, int) {
	nothing := regexp.MustCompile("")
	if len(source) > maxPattern {
		c.fail(e.n, "Shorten it", "the pattern has more than "+itoa(maxPattern)+" characters")
		return nothing, 1
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		c.fail(e.n, "Patterns have RE2 syntax: no look-ahead, no back-references", "the pattern is wrong: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nothing, 1
	}
	program, err := syntax.Compile(tree.Simplify())
	size := maxRegexProgram + 1
	if err == nil {
		size = len(program.Inst)
	}
	if c.regex += size; size > maxRegexProgram || c.regex > maxRegexTotal {
		c.fail(e.n, "Use smaller repeat counts", "the pattern is too large when its repeats are written out")
		return nothing, 1
	}
	re, err := regexp.Compile(source)
	if err != nil {
		c.fail(e.n, "Patterns have RE2 syntax", "the pattern is wrong: "+err.Error())
		return nothing, 1
	}
	return re, 1 + size/8
}

// match is matches, like and ilike.
func (c *compiler) match(n *node, operator string, a, b expr) expr {
	source := c.constantText(b, "pattern")
	if operator != "matches" {
		source = likePattern(source, operator == "ilike")
	}
	re, cost := c.pattern(b, source)
	x := c.asText(a)
	return boolExpr(n, func(fr *frame) tri {
		t, ok := x(fr)
		if !ok || !fr.look(cost*len(t)) {
			return unknown
		}
		return truth(re.Match(t))
	})
}

// likePattern turns SQL's % and _ (and a backslash before them) into a regular expression.
func likePattern(like string, fold bool) string {
	var b strings.Builder
	b.WriteString("^(?s")
	if fold {
		b.WriteByte('i')
	}
	b.WriteByte(':')
	escaped := false
	for _, r := range like {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '%':
			b.WriteString(".*")
		case !escaped && r == '_':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	b.WriteString(")$")
	return b.String()
}

// buildRegexReplace replaces every match; the replacement names groups as \1, $1 or ${name}.
func buildRegexReplace(c *compiler, n *node, args []expr) expr {
	re, cost := c.pattern(args[1], c.constantText(args[1], "pattern"))
	replacement := []byte(backReferences(c.constantText(args[2], "replacement")))
	x := c.asText(args[0])
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok || !fr.look(cost*len(b)) {
			return nil, false
		}
		matches := re.FindAllSubmatchIndex(b, maxMatches+1)
		if matches == nil {
			return b, true
		}
		if len(matches) > maxMatches {
			fr.fail(CodeExpressionFailed, "the pattern matches more than "+itoa(maxMatches)+" times in one value")
			return nil, false
		}
		start, last := len(fr.buf), 0
		for _, m := range matches {
			fr.buf = append(fr.buf, b[last:m[0]]...)
			fr.buf = re.Expand(fr.buf, replacement, b, m)
			last = m[1]
			// A replacement that grows the text must not get far past the bound.
			if made := len(fr.buf) - start; made > maxValue && made > fr.inputSize() {
				break
			}
		}
		fr.buf = append(fr.buf, b[last:]...)
		return fr.since(start)
	})
}

// backReferences turns \1 into ${1} and $1x into ${1}x, so that a digit never runs into what follows.
func backReferences(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case (s[i] == '\\' || s[i] == '$') && i+1 < len(s) && isDigit(s[i+1]):
			b.WriteString("${" + string(s[i+1]) + "}")
			i++
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '\\':
			b.WriteByte('\\')
			i++
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// buildRegexExtract is the first match: its group 1 where the pattern has groups, else all of it; NULL where nothing matches.
func buildRegexExtract(c *compiler, n *node, args []expr) expr {
	re, cost := c.pattern(args[1], c.constantText(args[1], "pattern"))
	group := min(1, re.NumSubexp())
	if len(args) == 3 {
		i, ok := constantWhole(args[2])
		if !ok || i < 0 || i > int64(re.NumSubexp()) {
			return c.fail(args[2].n, "Groups are counted from 1; 0 is the whole match", "the pattern has "+itoa(re.NumSubexp())+" groups")
		}
		group = int(i)
	}
	x := c.asText(args[0])
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok || !fr.look(cost*len(b)) {
			return nil, false
		}
		m := re.FindSubmatchIndex(b)
		if len(m) <= 2*group || m[2*group] < 0 {
			return nil, false
		}
		return b[m[2*group]:m[2*group+1]], true
	})
}

// buildHash is SHA-256 in hexadecimal; with a key, HMAC-SHA-256 (RFC 2104).
func buildHash(c *compiler, n *node, args []expr) expr {
	x := c.asText(args[0])
	var key []byte
	if len(args) == 2 {
		if key = []byte(c.constantText(args[1], "key")); len(key) == 0 {
			return c.fail(args[1].n, "Leave it out for a plain hash", "the key is empty")
		}
	}
	return textExpr(n, func(fr *frame) ([]byte, bool) {
		b, ok := x(fr)
		if !ok || !fr.look(4*len(b)) {
			return nil, false
		}
		out, ok := fr.make(2 * sha256.Size)
		if !ok {
			return nil, false
		}
		if key == nil {
			sum := sha256.Sum256(b)
			hex.Encode(out, sum[:])
			return out, true
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(b)
		hex.Encode(out, mac.Sum(nil))
		return out, true
	})
}
