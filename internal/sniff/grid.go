package sniff

import "bytes"

// cell is one field of a trial parse.
type cell struct {
	text   []byte
	quoted bool
}

// trial is a way to cut the sample into cells.
type trial struct {
	delimiter string
	quote     byte
	escape    byte
	comment   byte
	spaces    bool // skip spaces after a delimiter
	cr        bool
	// partial says that the text is not the whole file.
	partial bool
	// one keeps the whole record as one cell.
	one bool
}

// grid is the sample as a trial cuts it, with what speaks for or against the
// trial's quotes.
type grid struct {
	rows [][]cell
	// lines holds each row's first physical line, 0-based.
	lines []int
	// opened counts fields that start with a quote, closed those that end in
	// one before a delimiter or line end; stray counts quotes inside other cells.
	opened, closed, stray int
	// blank counts empty lines.
	blank int
	// unclosed counts quotes that opened a field and never closed it.
	unclosed int
	// cut says that the end of the text cut the last record inside its quotes;
	// that record is left out.
	cut bool
}

const (
	maxRows  = 300
	maxCells = 1 << 15
)

// parse cuts text leniently: a quote opens a field as its first byte and closes
// it before a delimiter, a line end or the end; everything else is data. It is
// a cursory twin of csv.Reader that never fails and also counts quotes.
func (t trial) parse(text []byte) *grid {
	g := &grid{}
	whole, all := t, text
	line := 0
	cells := 0
	for len(text) > 0 && len(g.rows) < maxRows && cells < maxCells {
		end, width := t.lineEnd(text)
		if end == 0 || len(trim(text[:end])) == 0 && (t.delimiter != "\t" && t.delimiter != " " || end == 0) {
			g.blank++
			text = text[end+width:]
			line++
			continue
		}
		if t.comment != 0 && text[0] == t.comment {
			text = text[end+width:]
			line++
			continue
		}
		var row []cell
		first := line
		if t.one {
			row, text = []cell{{text: text[:end]}}, text[end+width:]
			line++
		} else {
			row, text, line = t.record(text, g, line)
			if g.cut {
				break
			}
		}
		cells += len(row)
		g.rows = append(g.rows, row)
		g.lines = append(g.lines, first)
	}
	if g.cut && len(g.rows) == 0 {
		whole.partial = false
		return whole.parse(all)
	}
	return g
}

// lineEnd is where the line ends, and how long its end is.
func (t trial) lineEnd(text []byte) (end, width int) {
	if t.cr {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return len(text), 0
		}
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			return i, 2
		}
		return i, 1
	}
	i := bytes.IndexByte(text, '\n')
	if i < 0 {
		return len(text), 0
	}
	if i > 0 && text[i-1] == '\r' {
		return i - 1, 2
	}
	return i, 1
}

// record cuts the first record off text.
func (t trial) record(text []byte, g *grid, line int) ([]cell, []byte, int) {
	var row []cell
	// The end of the line that text begins in, found once per line.
	end, width := t.lineEnd(text)
	for {
		if len(row) > maxColumns {
			// Wide enough to be refused: the rest of the line tells nothing.
			return row, text[end+width:], line + 1
		}
		if t.spaces && len(row) > 0 {
			for len(text) > 0 && text[0] == ' ' {
				text = text[1:]
				end--
			}
		}
		if t.quote != 0 && len(text) > 0 && text[0] == t.quote && g.unclosed < maxUnclosed {
			n, inner, lines, ok := t.open(text, row, g)
			if g.cut {
				return nil, nil, line
			}
			if ok {
				row = append(row, cell{text: inner, quoted: true})
				line += lines
				text = text[n:]
				more := bytes.HasPrefix(text, []byte(t.delimiter))
				if more {
					n += len(t.delimiter)
					text = text[len(t.delimiter):]
				}
				if end -= n; end < 0 {
					end, width = t.lineEnd(text)
				}
				if more {
					continue
				}
				return row, text[end+width:], line + 1
			}
		}
		i := bytes.Index(text[:end], []byte(t.delimiter))
		if i < 0 {
			t.strays(text[:end], g)
			return append(row, cell{text: text[:end]}), text[end+width:], line + 1
		}
		t.strays(text[:i], g)
		row = append(row, cell{text: text[:i]})
		text = text[i+len(t.delimiter):]
		end -= i + len(t.delimiter)
	}
}

func (t trial) strays(field []byte, g *grid) {
	if t.quote != 0 {
		g.stray += bytes.Count(field, []byte{t.quote})
	}
}

// maxUnclosed bounds the search for closing quotes: after so many failures
// quotes are plainly data.
const maxUnclosed = 64

// maxQuoted bounds the search for a closing quote once one search has failed.
const maxQuoted = 32 << 10

// open reads the quoted field at the start of text, as quotedField does, and
// counts its quotes. row are the fields before it.
func (t trial) open(text []byte, row []cell, g *grid) (n int, inner []byte, lines int, ok bool) {
	limit := maxQuoted
	if g.unclosed == 0 {
		limit = len(text)
	}
	n, inner, lines, ok = t.quotedField(text[:min(len(text), limit)])
	switch {
	case ok:
		g.opened++
		g.closed++
	case t.partial && g.unclosed == 0 && !t.tableGoesOn(text, max(len(row)+1, widest(g)), row):
		g.cut = true
	default:
		g.opened++
		g.unclosed++
		g.stray++
	}
	return n, inner, lines, ok
}

// tableGoesOn says whether the lines after the one that rest begins in are
// rows of the given width, with values where the row like has them: then the
// quote that rest begins with is a stray one, and no field that runs past the
// end of the text.
func (t trial) tableGoesOn(rest []byte, width int, like []cell) bool {
	if width < 2 {
		return false
	}
	var num number
	var date dateValue
	value := func(c cell) bool {
		v := trim(c.text)
		if len(v) == 0 {
			return false
		}
		cl, _ := classify(v, &num, &date)
		return isTyped(cl)
	}
	end, n := t.lineEnd(rest)
	rest = rest[end+n:]
	lines, rows := 0, 0
	for ; len(rest) > 0 && lines < dialectLines; lines++ {
		end, n = t.lineEnd(rest)
		plain := t
		plain.partial = false
		row, _, _ := plain.record(rest[:end], &grid{}, 0)
		rest = rest[end+n:]
		alike := len(row) == width
		for j := 0; alike && j < min(width, len(like)); j++ {
			alike = !value(like[j]) || value(row[j]) || len(trim(row[j].text)) == 0
		}
		if alike {
			rows++
		}
	}
	return rows*2 > lines
}

// quotedField finds the end of the quoted field at the start of text, in bytes
// with both quotes, its inside and the line ends in it.
func (t trial) quotedField(text []byte) (n int, inner []byte, lines int, ok bool) {
	for i := 1; i < len(text) && i < maxQuoted; i++ {
		switch c := text[i]; {
		case c == '\n', c == '\r' && t.cr:
			lines++
		case t.escape != 0 && t.escape != t.quote && c == t.escape:
			i++
		case c == t.quote:
			if i+1 < len(text) && text[i+1] == t.quote && (t.escape == 0 || t.escape == t.quote) {
				i++
				continue
			}
			rest := text[i+1:]
			if t.ends(rest) {
				return i + 1, text[1:i], lines, true
			}
		}
	}
	return 0, nil, 0, false
}

// ends says whether a field can end before rest.
func (t trial) ends(rest []byte) bool {
	if len(rest) == 0 || rest[0] == '\n' || rest[0] == '\r' && (t.cr || len(rest) == 1 || rest[1] == '\n') {
		return true
	}
	return bytes.HasPrefix(rest, []byte(t.delimiter))
}

// newline finds what ends records. Line ends inside quotes hardly change which
// kind is the most frequent.
func newline(text []byte) (lf, crlf, cr int) {
	for i, c := range text {
		switch c {
		case '\n':
			if i > 0 && text[i-1] == '\r' {
				crlf++
			} else {
				lf++
			}
		case '\r':
			if i+1 < len(text) && text[i+1] != '\n' {
				cr++
			} else if i+1 == len(text) {
				cr++
			}
		}
	}
	return lf, crlf, cr
}
