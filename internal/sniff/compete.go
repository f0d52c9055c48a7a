package sniff

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
)

// contender is a trial with its result.
type contender struct {
	trial trial
	grid  *grid
	shape shape
	score float64
}

// compete finds the best trial. Where backslashes stand before quotes it reads
// them both as escapes and as text, and takes what damages fewer records.
func (v *verdict) compete(body []byte, comment byte, forced string, o Options) (best, second contender, tried int) {
	if o.Escape != nil || !bytes.Contains(body, []byte(`\"`)) {
		escape := byte(0)
		if o.Escape != nil {
			escape = *o.Escape
		}
		return v.competeWith(escape, body, comment, forced, o)
	}
	slashed := *v
	slashed.notes = slices.Clone(v.notes)
	best, second, tried = v.competeWith(0, body, comment, forced, o)
	other, next, n := slashed.competeWith('\\', body, comment, forced, o)
	a, b := best.damage(), other.damage()
	if b < a || a == b && backslashes(body) {
		*v = slashed
		return other, next, n
	}
	return best, second, tried
}

// damage is the share of lines with records of another width than the table's,
// and with quotes that are neither at the ends of a field nor escaped.
func (c *contender) damage() float64 {
	g := c.grid
	n, lines := g.unclosed+g.stray, 1
	if g.cut {
		n++
	}
	for i := c.shape.first; i < len(g.rows); i++ {
		lines = g.lines[i] + 1
		if len(g.rows[i]) != c.shape.width {
			n++
		}
		for _, x := range g.rows[i] {
			if x.quoted {
				n += c.trial.strayInside(x.text)
			}
		}
	}
	return float64(n) / float64(lines)
}

// strayInside counts the quotes inside a quoted field that are not escaped.
func (t trial) strayInside(inner []byte) (n int) {
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case t.escape != 0 && c == t.escape:
			i++
		case c != t.quote:
		case i+1 < len(inner) && inner[i+1] == t.quote:
			i++
		default:
			n++
		}
	}
	return n
}

// competeWith tries every delimiter with every quote. second is the best with
// another delimiter than the winner's.
func (v *verdict) competeWith(escape byte, body []byte, comment byte, forced string, o Options) (best, second contender, tried int) {
	cr := v.dialect.Newline == csv.NewlineCR
	quotes := []byte{'"', '\'', 0}
	if o.Quote != nil {
		quotes = []byte{*o.Quote}
	}
	var standard []contender
	var long contender
	list := delimiters
	if forced != "" {
		list = append(list[:0:0], list[0])
		list[0].text, list[0].prior, list[0].rare = forced, 1, false
	}
	for _, d := range list {
		if forced == "" && (!bytes.Contains(body, []byte(d.text)) || d.rare && insideValues(body, d.text)) {
			continue
		}
		base := trial{delimiter: d.text, escape: escape, comment: comment, cr: cr, partial: v.partial}
		for _, c := range base.quotings(body, quotes, d.prior, d.rare, o) {
			tried++
			if c.grid.cut && len(c.grid.rows) < dialectLines {
				v.hidden = true
			}
			if c.grid.cut && !d.rare && c.score > max(long.score, 2*floor) {
				long = c
			}
			if c.trial.quote == '"' {
				standard = append(standard, c)
			}
			if c.score > best.score || best.grid == nil && forced != "" {
				if best.grid != nil && best.trial.delimiter != d.text {
					second = best
				}
				best = c
			} else if c.score > second.score && d.text != best.trial.delimiter {
				second = c
			}
		}
	}
	// Quotes that cut off the text explain the lines after them better than
	// another delimiter that finds a table there and leaves the quote over.
	if long.grid != nil && best.grid != nil && !best.grid.cut && 1.5*long.score > best.score && best.trial.delimiter != long.trial.delimiter {
		second, best = best, long
	}
	// Quotes that enclose nothing are data under the standard quote too.
	for _, c := range standard {
		if best.grid != nil && best.trial.quote == 0 && o.Quote == nil && c.trial.delimiter == best.trial.delimiter &&
			c.shape.width == best.shape.width && c.score > 0.6*best.score && (c.grid.unclosed == 0 || (c.grid.unclosed+c.grid.stray)*20 <= len(c.grid.rows)) {
			best = c
		}
	}
	v.single = forced == "" && best.grid != nil && best.score >= floor && best.oneValue()
	if best.grid == nil || forced == "" && best.score < floor {
		if c, ok := quotedBySpaces(standard); ok {
			return c, best, tried
		}
	}
	if best.grid == nil || forced == "" && (best.score < floor || v.single) {
		second = best
		best = v.oneColumn(body, comment, quotes)
		v.tellAligned(body, comment)
	}
	return best, second, tried
}

// quotings tries the delimiter with every quote. Where the quotes of one kind
// enclose whole fields, no other kind is worth a trial.
func (t trial) quotings(body []byte, quotes []byte, prior float64, rare bool, o Options) []contender {
	var all []contender
	for _, q := range quotes {
		if q != 0 && strings.IndexByte(t.delimiter, q) >= 0 || q != 0 && q != '"' && len(quotes) > 1 && bytes.IndexByte(body, q) < 0 {
			continue
		}
		t.quote = q
		t.spaces = o.SkipInitialSpace != nil && *o.SkipInitialSpace
		c := t.contend(body, prior, rare)
		if !t.spaces && o.SkipInitialSpace == nil && q != 0 && t.delimiter != " " && bytes.Contains(body, []byte(t.delimiter+" "+string(q))) {
			t.spaces = true
			if spaced := t.contend(body, prior, rare); spaced.score > c.score {
				c = spaced
			}
		}
		if c.grid.enclosed(q) {
			if q != '"' && widest(c.grid) == 1 {
				all = nil // the delimiter only occurs inside quotes
			}
			if q == '"' || widest(c.grid) == 1 {
				return append(all, c)
			}
		}
		all = append(all, c)
	}
	return all
}

func (t trial) contend(body []byte, prior float64, rare bool) contender {
	c := contender{trial: t, grid: t.parse(body)}
	c.score, c.shape = scoreOf(t, c.grid, prior, rare)
	return c
}

// tellAligned notes columns that stand under each other by runs of spaces.
func (v *verdict) tellAligned(body []byte, comment byte) {
	t := trial{delimiter: "  ", spaces: true, comment: comment, cr: v.dialect.Newline == csv.NewlineCR}
	if c := t.contend(body, 0.5, true); c.score >= floor {
		v.notes = append(v.notes, fmt.Sprintf("the lines look like %d columns aligned by spaces, which is no delimited text and reads as one column: save it with a delimiter", c.shape.width))
	}
}

// oneColumn reads every line as one field. The dialect still needs a
// delimiter: one that does not occur.
func (v *verdict) oneColumn(body []byte, comment byte, quotes []byte) contender {
	t := trial{quote: quotes[0], comment: comment, cr: v.dialect.Newline == csv.NewlineCR, delimiter: ",", partial: v.partial}
	for _, q := range quotes {
		if t.quote = q; q != 0 && t.parse(body).enclosed(q) {
			break
		}
		t.quote = quotes[0]
	}
	for _, d := range []string{",", ";", "\t", "|", "\x1f", "\x1e", "\x01"} {
		t.delimiter = d
		if !bytes.Contains(body, []byte(d)) || widest(t.parse(body)) == 1 {
			break
		}
	}
	g := t.parse(body)
	if g.opened > g.closed || g.stray > g.closed {
		t.one = true
		g = t.parse(body)
		t.one = false
	}
	s := shapeOf(g)
	s.trailing = false
	return contender{trial: t, grid: g, shape: s}
}

func widest(g *grid) int {
	w := 0
	for _, r := range g.rows {
		w = max(w, len(r))
	}
	return w
}
