package sniff

import (
	"bytes"
	"slices"
	"strings"
)

// enclosed says whether the quotes q in the text enclose whole fields, as good
// as always. Then quoting is no accident.
func (g *grid) enclosed(q byte) bool {
	bad := g.unclosed + g.stray
	switch q {
	case '"':
		return g.closed > 0 && bad*10 <= g.closed
	case '\'':
		return g.closed >= 2 && bad == 0
	}
	return false
}

// maxTokens bounds the tokens that insideValues looks at.
const maxTokens = 2000

// insideValues says whether most tokens that hold d are dates, times,
// addresses and the like, which d is a part of.
func insideValues(body []byte, d string) bool {
	if d == " " {
		return false
	}
	var n number
	var date dateValue
	inside, tokens := 0, 0
	separator := func(c byte) bool { return strings.IndexByte(" \t,;|\"'\r\n", c) >= 0 }
	for len(body) > 0 && tokens < maxTokens {
		i := 0
		for i < len(body) && !separator(body[i]) {
			i++
		}
		token := body[:i]
		body = body[min(i+1, len(body)):]
		if len(token) == 0 || !bytes.Contains(token, []byte(d)) {
			continue
		}
		tokens++
		if _, ok := oneValue(token, &n, &date); ok {
			inside++
		}
	}
	return inside*2 > tokens
}

// oneValue says whether v as a whole is a value other than a word, and its class.
func oneValue(v []byte, n *number, d *dateValue) (class, bool) {
	cl, _ := classify(v, n, d)
	switch cl {
	case classBool:
		return cl, false
	case classText:
		return cl, bytes.IndexByte(v, ' ') < 0 && (isAddress(v) || bytes.IndexByte(v, '@') > 0)
	}
	return cl, true
}

// isAddress says whether v begins like http://host.
func isAddress(v []byte) bool {
	scheme, _, ok := bytes.Cut(v, []byte("://"))
	if !ok || len(scheme) == 0 || len(scheme) > 10 {
		return false
	}
	for _, c := range scheme {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}

// oneValue says whether the contender's delimiter only occurs within the
// values of a single column: dates, decimals, names of people.
func (c contender) oneValue() bool {
	d := c.trial.delimiter
	rare := slices.ContainsFunc(delimiters, func(e candidate) bool { return e.text == d && e.rare })
	if d != "," && !rare || c.grid.closed > 0 {
		return false
	}
	first := c.grid.rows[0]
	// A name alone above rows of more cells.
	named := c.shape.first <= 1 && c.shape.width > 1 && len(first) == 1 && nameLike(trim(first[0].text)) && bytes.IndexByte(trim(first[0].text), ' ') < 0
	values := c.lines(named)
	switch {
	case d == "/" && c.shape.width == 2:
		return true
	case rare:
		return values.all || d == " " && (named || c.shape.width == 2) && !values.typed
	case named:
		return values.numbers || c.shape.width == 2 && values.spaced && !values.typed
	}
	return c.shape.width == 2 && values.numbers && values.cents
}

// lineValues is what a file's lines look like, taken as one value each.
type lineValues struct {
	// all lines are values, all are numbers.
	all, numbers bool
	// cents: after the comma stand equally many digits, at least two, and some
	// begin with 0.
	cents bool
	// spaced: every delimiter is followed by a space.
	spaced bool
	// typed: some column has numbers or dates for the most part.
	typed bool
}

func (c contender) lines(named bool) lineValues {
	v := lineValues{all: true, numbers: true, cents: true, spaced: true}
	var n number
	var date dateValue
	rows := c.grid.rows
	if named {
		rows = rows[1:]
	}
	digits, zero := 0, false
	typed := make([]int, c.shape.width)
	for i, r := range rows {
		line := trim(bytes.Join(texts(r), []byte(c.trial.delimiter)))
		cl, ok := oneValue(line, &n, &date)
		if !ok && (named || i > 0) {
			v.all = false
		}
		if cl != classNumber && cl != classInt {
			v.numbers = false
		}
		last := r[len(r)-1].text
		if digits == 0 {
			digits = len(last)
		}
		if len(r) != 2 || len(last) != digits || digits < 2 {
			v.cents = false
		}
		zero = zero || len(last) > 0 && last[0] == '0'
		for j, cell := range r {
			if j > 0 && (len(cell.text) == 0 || cell.text[0] != ' ') {
				v.spaced = false
			}
			if j < len(typed) && len(trim(cell.text)) > 0 {
				if cl, _ := classify(cell.text, &n, &date); isTyped(cl) {
					typed[j]++
				}
			}
		}
	}
	v.cents = v.cents && zero
	v.typed = slices.ContainsFunc(typed, func(k int) bool { return k*2 > len(rows) })
	return v
}

func texts(r []cell) [][]byte {
	out := make([][]byte, len(r))
	for i, c := range r {
		out[i] = c.text
	}
	return out
}

// quotedBySpaces finds, among trials with the standard quote, spaces around
// quoted fields: where all of many quotes enclose fields between spaces, these
// delimit even rows of unlike width.
func quotedBySpaces(trials []contender) (contender, bool) {
	for _, c := range trials {
		g := c.grid
		if c.trial.delimiter == " " && len(g.rows) >= 4 && g.closed >= len(g.rows) && g.stray+g.unclosed == 0 && c.shape.width > 2 && c.shape.same >= 0.5 {
			return c, true
		}
	}
	return contender{}, false
}
