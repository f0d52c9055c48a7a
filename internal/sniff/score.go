package sniff

import (
	"bytes"
	"math"
)

// candidate is a delimiter, with how often it is what it seems.
type candidate struct {
	text  string
	prior float64
	// rare ones need many rows of exactly one width.
	rare bool
}

var delimiters = []candidate{
	{",", 1, false},
	{";", 1, false},
	{"\t", 1, false},
	{"|", 0.98, false},
	{":", 0.55, true},
	{" ", 0.45, true},
	{"^", 0.8, true},
	{"~", 0.8, true},
	{"#", 0.5, true},
	{"&", 0.5, true},
	{"/", 0.3, true},
	{"§", 0.8, true},
	{"\x1f", 1, false},
	{"\x01", 1, false},
	{"=", 0.3, true},
	{"*", 0.5, true},
}

// delimiterName is how a delimiter is shown.
func delimiterName(d string) string {
	switch d {
	case "\t":
		return "tab"
	case " ":
		return "space"
	case "":
		return "none"
	}
	return d
}

// shape is the row structure of a grid.
type shape struct {
	// width is the most frequent number of cells; first is the first row of
	// the table, after the preamble.
	width, first int
	// same is the share of rows from first on that have that width.
	same float64
	// changes counts neighbours of different width, per row.
	changes float64
	// trailing says that nearly all rows end in an empty cell.
	trailing bool
	rows     int
}

// shapeOf finds the table in the grid.
func shapeOf(g *grid) shape {
	n := len(g.rows)
	s := shape{rows: n}
	if n == 0 {
		return s
	}
	counts := map[int]int{}
	for i, r := range g.rows {
		w := len(r)
		counts[w] += 2
		if i >= n/3 {
			counts[w]++ // the preamble is above
		}
	}
	best := 0
	for w, c := range counts {
		if c > best || c == best && w > s.width {
			s.width, best = w, c
		}
	}
	limit := n / 3
	for s.first < limit && len(g.rows[s.first]) != s.width {
		s.first++
	}
	if s.first == limit && (s.first >= n || len(g.rows[s.first]) != s.width) {
		s.first = 0
	}
	// A row about as wide right above the table is its header, written badly.
	if s.first > 0 && s.width >= 3 {
		if w := len(g.rows[s.first-1]); w > 1 && max(w-s.width, s.width-w) <= max(1, s.width/4) {
			s.first--
		}
	}
	same, changes, trailing := 0.0, 0, 0
	for i := s.first; i < n; i++ {
		w := len(g.rows[i])
		switch {
		case w == s.width:
			same++
		case w == s.width-1 && s.width > 2, w > s.width && emptyTail(g.rows[i][s.width:]):
			same += 0.5
		}
		if i > s.first && w != len(g.rows[i-1]) {
			changes++
		}
		if w > 1 && len(trim(g.rows[i][w-1].text)) == 0 && !g.rows[i][w-1].quoted {
			trailing++
		}
	}
	rows := float64(n - s.first)
	s.same = same / rows
	s.changes = float64(changes) / rows
	s.trailing = float64(trailing) >= rows*0.95 && n > 1
	return s
}

func emptyTail(cells []cell) bool {
	for _, c := range cells {
		if len(c.text) > 0 {
			return false
		}
	}
	return true
}

// typed is how much a cell looks like a value: 1 for numbers, dates, words
// for NULL and the like, less for text, least for what still holds delimiters.
func typed(c cell, t trial, n *number, d *dateValue) (float64, class) {
	v := trim(c.text)
	if len(v) == 0 {
		return 0.75, classEmpty
	}
	if _, ok := builtin.index[string(v[:min(len(v), 12)])]; ok && len(v) <= 12 {
		return 0.9, classNull
	}
	cl, _ := classify(v, n, d)
	switch cl {
	case classText:
	case classNumber:
		if bytes.Contains(v, []byte(",")) && t.delimiter != "," {
			return 0.95, cl
		}
		return 1, cl
	default:
		return 1, cl
	}
	return textLikeness(v, c.quoted), classText
}

// textLikeness scores text: words are fine, cells with delimiters or quotes
// left in them are not, unless they were quoted for that.
func textLikeness(v []byte, quoted bool) float64 {
	if bytes.Contains(v, []byte("://")) || bytes.IndexByte(v, '@') > 0 && bytes.IndexByte(v, ' ') < 0 {
		return 0.9 // address
	}
	s := 0.7
	var odd int
	for _, c := range v {
		switch c {
		case '\t':
			odd += 9
		case ';', '|':
			odd += 3
		case ',', '"':
			odd++
		case '{', '}', '[', ']', '<', '>', '=':
			odd++
		}
	}
	if quoted {
		return s + 0.1
	}
	if odd > 0 {
		s -= math.Min(0.5, 0.12*float64(odd))
	}
	return s
}

// scoreOf is the merit of a trial, 0 to about 1.
func scoreOf(t trial, g *grid, prior float64, rare bool) (float64, shape) {
	s := shapeOf(g)
	if s.rows == 0 {
		return 0, s
	}
	width := s.width
	if s.trailing && width > 1 {
		width--
	}
	if width < 2 && (width == s.width || rare) {
		return 0, s
	}
	rows := s.rows - s.first
	if rare && (rows < 4 || s.same < 0.85) {
		return 0, s
	}
	consistency := s.same * (1 - 0.5*s.changes) * (1 - 0.3*float64(s.first)/float64(s.rows))
	if s.first > 0 {
		consistency *= 0.92 // a header that does not fit is worse than none
	}
	if rows == 1 {
		consistency *= 0.8
	}
	columns := float64(width-1) / float64(width)
	if width == 1 {
		columns = 0.4 // one column, its delimiter after it
	}
	score := consistency * consistency * columns
	score *= 0.25 + 0.75*cellQuality(t, g, s)
	score *= prior * quoteEvidence(t, g)
	return score, s
}

// cellQuality is the share of cells that look like values, times how alike
// the cells of a column are.
func cellQuality(t trial, g *grid, s shape) float64 {
	var n number
	var d dateValue
	width := s.width
	kinds := make([][numClasses]int, width)
	total, cells := 0.0, 0
	for _, r := range g.rows[s.first:] {
		if len(r) != width {
			for _, c := range r {
				q, _ := typed(c, t, &n, &d)
				total += q * 0.7
				cells++
			}
			continue
		}
		for j, c := range r {
			if j == width-1 && s.trailing {
				continue
			}
			q, cl := typed(c, t, &n, &d)
			total += q
			cells++
			kinds[j][cl]++
		}
	}
	if cells == 0 {
		return 0
	}
	alike, columns := 0.0, 0
	for _, k := range kinds {
		k[classInt] += k[classNumber] + k[classLeadingZero] + k[classLongInt]
		k[classNumber], k[classLeadingZero], k[classLongInt] = 0, 0, 0
		// An empty cell fits any column.
		most, sum, open := 0, 0, k[classEmpty]+k[classNull]+k[classQuotedEmpty]
		for cl := classInt; cl < numClasses; cl++ {
			most = max(most, k[cl])
			sum += k[cl]
		}
		if sum+open == 0 {
			continue
		}
		columns++
		alike += (float64(most) + 0.8*float64(open)) / float64(sum+open)
	}
	if columns == 0 {
		return 0
	}
	return total / float64(cells) * (0.4 + 0.6*alike/float64(columns))
}

// quoteEvidence rewards quotes that open and close fields, and punishes those
// left inside cells.
func quoteEvidence(t trial, g *grid) float64 {
	if t.quote == 0 {
		// Unquoted on principle: cells that begin and end with a quote speak against it.
		n, cells := 0, 0
		for _, r := range g.rows {
			for _, c := range r {
				cells++
				if len(c.text) > 0 && (c.text[0] == '"' || c.text[len(c.text)-1] == '"') {
					n++
				}
			}
		}
		if n == 0 {
			return 1
		}
		return 1 - 0.5*math.Min(1, 4*float64(n)/float64(cells))
	}
	if g.opened == 0 && g.stray == 0 {
		if t.quote == '"' {
			return 1.001 // nothing to tell: the standard quote
		}
		return 0.98
	}
	good := float64(g.closed)
	bad := float64(g.opened-g.closed) + 0.5*float64(g.stray)
	if t.quote == '\'' {
		// An apostrophe is mostly just that.
		if g.closed < 2 || good < 0.6*float64(g.opened) || float64(g.stray) > good {
			return 0.5
		}
	}
	e := 1 + 0.25*good/(good+bad+1)
	return e * (1 - 0.35*bad/(good+bad+1))
}
