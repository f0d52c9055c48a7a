package sniff

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
)

// dialectSample is how much decoded text the dialect is judged by; more where
// that holds fewer than dialectLines lines.
const (
	dialectSample = 64 << 10
	dialectLines  = 20
)

// floor is the score below which a file is taken as one column.
const floor = 0.08

// verdict is the dialect found and the grid it makes.
type verdict struct {
	dialect csv.Dialect
	grid    *grid
	shape   shape
	trial   trial
	// partial says that the text judged by is not the whole file.
	partial bool
	// hidden says that a quoted field runs past the text and hides most rows.
	hidden bool
	// single says that delimiters only occur within values.
	single    bool
	decisions []Decision
	notes     []string
}

// decided records a decision.
func (v *verdict) decided(what, value string, confidence float64, evidence ...string) {
	v.decisions = append(v.decisions, Decision{What: what, Value: value, Confidence: math.Round(confidence*1000) / 1000, Evidence: evidence})
}

const byFlag = "given by flag"

// detectDialect finds how text, the decoded start of a file, is written.
func detectDialect(text []byte, whole bool, o Options) (*verdict, error) {
	v := &verdict{}
	v.findNewline(text, o)
	skip, forced := v.findStart(text, o)
	body := v.dropLines(text, skip)
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, &Error{Code: "empty_file", Message: "nothing follows " + skippedLines(skip), Fix: "Check --skip-lines and the export that wrote the file"}
	}
	all, uncut := body, body
	if !whole {
		all = v.cutAtLine(all)
	}
	if n := v.enough(body); len(body) > n {
		body = v.cutAtLine(body[:n])
	} else {
		body = all
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = uncut
	}
	comment := v.findComment(body, o)
	v.partial = !whole || len(body) < len(all)
	best, second, tried := v.compete(body, comment, forced, o)
	if v.hidden && len(body) < len(all) {
		// A long field hides the rows after it.
		body, v.partial = all, !whole
		best, second, tried = v.compete(body, comment, forced, o)
	}
	v.trial, v.grid, v.shape = best.trial, best.grid, best.shape
	v.findEscape(body, o)
	v.findSpaces(body, o)
	v.dialect.Delimiter, v.dialect.Quote, v.dialect.Comment = v.trial.delimiter, v.trial.quote, v.trial.comment
	v.tellDelimiter(best, second, tried, forced, body, o)
	v.findHeader(skip, o)
	v.findTrailing(o)
	if err := v.dialect.Validate(); err != nil {
		return nil, &Error{Code: "bad_option", Message: "the dialect given makes no sense: " + err.Error(), Fix: "Check --delimiter, --quote, --escape and --comment"}
	}
	return v, nil
}

func skippedLines(n int) string {
	if n == 1 {
		return "the first line, which is skipped"
	}
	return fmt.Sprintf("the first %d lines, which are skipped", n)
}

func (v *verdict) findNewline(text []byte, o Options) {
	lf, crlf, cr := newline(text[:min(len(text), dialectSample)])
	if o.Newline != nil {
		v.dialect.Newline = *o.Newline
		name := "LF"
		if *o.Newline == csv.NewlineCR {
			name = "CR"
		}
		v.decided("newline", name, 1, byFlag)
		return
	}
	evidence := fmt.Sprintf("%d LF, %d CRLF, %d lone CR", lf, crlf, cr)
	switch {
	case cr > lf+crlf:
		v.dialect.Newline = csv.NewlineCR
		v.decided("newline", "CR", float64(cr)/float64(cr+lf+crlf), evidence)
	case lf+crlf == 0:
		v.decided("newline", "LF", 0.5, "a single line")
	case crlf > 0 && lf > 0:
		v.decided("newline", "mixed", 0.9, evidence)
	case crlf > 0:
		v.decided("newline", "CRLF", 1, evidence)
	default:
		v.decided("newline", "LF", 1, evidence)
	}
}

// findStart honours --skip-lines and the line "sep=;", and returns how many
// physical lines to drop and the delimiter that is thereby given.
func (v *verdict) findStart(text []byte, o Options) (skip int, delimiter string) {
	if o.Delimiter != nil {
		delimiter = *o.Delimiter
	}
	if o.SkipLines != nil {
		return max(*o.SkipLines, 0), delimiter
	}
	t := trial{cr: v.dialect.Newline == csv.NewlineCR}
	end, _ := t.lineEnd(text)
	line := string(bytes.Trim(text[:end], `"`))
	if len(line) > 4 && strings.EqualFold(line[:4], "sep=") && len(line) <= 4+8 {
		if delimiter == "" {
			delimiter = line[4:]
		} else if delimiter != line[4:] {
			v.notes = append(v.notes, fmt.Sprintf("the first line says sep=%s, but the delimiter given by flag is %q", line[4:], delimiter))
		}
		return 1, delimiter
	}
	return 0, delimiter
}

func (v *verdict) dropLines(text []byte, n int) []byte {
	t := trial{cr: v.dialect.Newline == csv.NewlineCR}
	for ; n > 0 && len(text) > 0; n-- {
		end, width := t.lineEnd(text)
		text = text[end+width:]
	}
	return text
}

// enough is how much of the text to judge by.
func (v *verdict) enough(text []byte) int {
	end := []byte{'\n'}
	if v.dialect.Newline == csv.NewlineCR {
		end[0] = '\r'
	}
	n := dialectSample
	for n < len(text) && bytes.Count(text[:n], end) < dialectLines {
		n *= 4
	}
	return n
}

// cutAtLine drops the last line, which may be incomplete.
func (v *verdict) cutAtLine(b []byte) []byte {
	c := byte('\n')
	if v.dialect.Newline == csv.NewlineCR {
		c = '\r'
	}
	if i := bytes.LastIndexByte(b, c); i > 0 {
		return b[:i+1]
	}
	return b
}

// findComment takes lines that start with # as comments where they stand
// before the table or interrupt it.
func (v *verdict) findComment(body []byte, o Options) byte {
	if o.Comment != nil {
		value := "none"
		if *o.Comment != 0 {
			value = string(rune(*o.Comment))
		}
		v.decided("comment", value, 1, byFlag)
		return *o.Comment
	}
	t := trial{cr: v.dialect.Newline == csv.NewlineCR}
	hashes, lines, first := 0, 0, -1
	var hashed [][]byte
	bare := true // the first line with # is one field
	widths := map[string][2]int{}
	rest := body
	for len(rest) > 0 && lines < maxRows {
		end, width := t.lineEnd(rest)
		line := rest[:end]
		rest = rest[end+width:]
		if len(trim(line)) == 0 {
			continue
		}
		hash := line[0] == '#'
		if hash {
			hashes++
			hashed = append(hashed, line)
			if first < 0 {
				first = lines
			}
		}
		for _, d := range []string{",", ";", "\t", "|"} {
			n := widths[d]
			if c := bytes.Count(line, []byte(d)); hash && hashes == 1 {
				n[0] = c
				bare = bare && c == 0
			} else if !hash && n[1] < c {
				n[1] = c
			}
			widths[d] = n
		}
		lines++
	}
	if hashes == 0 || hashes*2 > lines && first != 0 || lines == hashes {
		evidence := "no line starts with #"
		if hashes > 0 {
			evidence = "the lines that start with # are rows of the table"
		}
		v.decided("comment", "none", 0.95, evidence)
		return 0
	}
	// "#id,name" on top of the table is its header.
	for _, n := range widths {
		if hashes == 1 && n[0] > 0 && n[0] == n[1] {
			v.decided("comment", "none", 0.8, "the line that starts with # has as many fields as the others: a header")
			return 0
		}
	}
	wide := false
	for d, n := range widths {
		wide = wide || n[1] > 0
		alike := 0
		for _, line := range hashed {
			if bytes.Count(line, []byte(d)) == n[1] {
				alike++
			}
		}
		if first > 0 && n[1] > 0 && 2*alike > hashes {
			v.decided("comment", "none", 0.7, "the lines that start with # amid the table are shaped like its rows")
			return 0
		}
	}
	if first > 0 && hashes < 2 {
		if !bare || !wide {
			v.decided("comment", "none", 0.7, "one line starts with #, amid the table, and may be a row")
			return 0
		}
		v.decided("comment", "#", 0.7, "one line starts with #, amid the table, and has one field where the rows have several")
		return '#'
	}
	v.decided("comment", "#", 0.9, plural(hashes, "line starts", "lines start")+" with #")
	return '#'
}

// backslashes says whether there are more quotes after backslashes than doubled ones.
func backslashes(body []byte) bool {
	slashed := bytes.Count(body, []byte(`\"`)) - bytes.Count(body, []byte(`\""`))
	if slashed < 1 {
		return false
	}
	doubled := 0
	for i := 0; i+1 < len(body); i++ {
		if body[i] == '"' && body[i+1] == '"' {
			// An empty field is no doubled quote.
			if i > 0 && strings.IndexByte(",;\t|\n\r", body[i-1]) < 0 && (i+2 >= len(body) || strings.IndexByte(",;\t|\n\r", body[i+2]) < 0) {
				doubled++
			}
			i++
		}
	}
	return slashed > doubled && slashed >= 2
}

func (v *verdict) findEscape(body []byte, o Options) {
	switch {
	case o.Escape != nil:
		v.dialect.Escape = *o.Escape
		v.decided("escape", escapeName(*o.Escape), 1, byFlag)
	case v.trial.quote == 0:
		v.decided("escape", "none", 0.9, "fields are not quoted")
	case v.trial.escape != 0:
		v.dialect.Escape = v.trial.escape
		n := bytes.Count(body, []byte(`\"`))
		v.decided("escape", "backslash", 0.9, fmt.Sprintf(`\" occurs %s; read as an escaped quote it leaves fewer damaged records`, plural(n, "time", "times")))
	case bytes.Contains(body, []byte(`\"`)):
		v.decided("escape", "doubled", 0.85, `\" occurs, but the backslash reads as text: as an escape it leaves no fewer damaged records`)
	default:
		v.decided("escape", "doubled", 0.9, "a quote inside quotes is written twice")
	}
}

func escapeName(c byte) string {
	switch c {
	case 0:
		return "doubled"
	case '\\':
		return "backslash"
	}
	return string(rune(c))
}

// findSpaces decides whether a space after a delimiter belongs to it.
func (v *verdict) findSpaces(body []byte, o Options) {
	if o.SkipInitialSpace != nil {
		v.dialect.SkipInitialSpace = *o.SkipInitialSpace
		v.decided("skip_initial_space", strconv.FormatBool(*o.SkipInitialSpace), 1, byFlag)
		return
	}
	if v.trial.spaces {
		v.dialect.SkipInitialSpace = true
		v.decided("skip_initial_space", "true", 0.9, "quotes or columns follow the delimiter after spaces")
		return
	}
	spaced, cells := 0, 0
	for _, r := range v.grid.rows {
		for _, c := range r[min(1, len(r)):] {
			if len(c.text) == 0 {
				continue
			}
			cells++
			if c.text[0] == ' ' && !c.quoted {
				spaced++
			}
		}
	}
	if cells > 2 && spaced*20 >= cells*19 {
		v.dialect.SkipInitialSpace, v.trial.spaces = true, true
		v.grid = v.trial.parse(body)
		v.shape = shapeOf(v.grid)
		v.decided("skip_initial_space", "true", 0.9, spacedEvidence(spaced, cells))
		return
	}
	v.decided("skip_initial_space", "false", 0.9, spacedEvidence(spaced, cells))
}

func spacedEvidence(spaced, cells int) string {
	if cells == 0 {
		return "no field follows a delimiter"
	}
	return fmt.Sprintf("%d of %s with a space", spaced, plural(cells, "field starts", "fields start"))
}

func (v *verdict) tellDelimiter(best, second contender, tried int, forced string, body []byte, o Options) {
	s := v.shape
	name := delimiterName(v.trial.delimiter)
	rows := fmt.Sprintf("%.0f %% of %d rows have %s", 100*s.same, s.rows-s.first, plural(s.width, "field", "fields"))
	if s.rows-s.first == 1 {
		rows = "the only row has "
		if v.grid.cut {
			rows = "the only row that ends within the sample has "
		}
		rows += plural(s.width, "field", "fields")
	}
	switch {
	case o.Delimiter != nil:
		evidence := []string{byFlag, rows}
		if !bytes.Contains(body, []byte(v.trial.delimiter)) {
			evidence = append(evidence, "it occurs in no row")
			v.notes = append(v.notes, fmt.Sprintf("the delimiter %q given by flag occurs in no row: the file reads as one column", v.trial.delimiter))
		}
		v.decided("delimiter", name, 1, evidence...)
	case forced != "":
		v.decided("delimiter", name, 0.99, "the first line says sep="+forced, rows)
	case best.score == 0:
		c := max(0.9-second.score, 0.5)
		evidence := "no delimiter cuts the rows into equally many fields: one column"
		if tried == 0 {
			c, evidence = 0.9, "no delimiter occurs: one column"
		} else if v.single {
			evidence = fmt.Sprintf("each line is one value, although %s would cut it into %d: one column", delimiterName(second.trial.delimiter), second.shape.width)
		}
		v.decided("delimiter", name, c, evidence)
	default:
		c := best.score / (best.score + second.score + 0.02)
		evidence := []string{rows}
		if second.score > 0 {
			evidence = append(evidence, fmt.Sprintf("score %.2f; next best %s with %.2f", best.score, delimiterName(second.trial.delimiter), second.score))
		} else {
			evidence = append(evidence, fmt.Sprintf("score %.2f; no other delimiter makes a table", best.score))
		}
		v.decided("delimiter", name, c, evidence...)
	}
	v.tellQuote(o)
}

func (v *verdict) tellQuote(o Options) {
	g := v.grid
	value := "none"
	if v.trial.quote != 0 {
		value = string(rune(v.trial.quote))
	}
	switch {
	case o.Quote != nil:
		v.decided("quote", value, 1, byFlag)
	case g.closed > 0:
		evidence := []string{plural(g.closed, "field is", "fields are") + " enclosed in it"}
		if g.stray > 0 {
			evidence = append(evidence, plural(g.stray, "stands", "stand")+" inside other fields")
		}
		v.decided("quote", value, float64(g.closed)/float64(g.closed+g.stray+g.opened-g.closed)*0.98, evidence...)
	case v.trial.quote == 0:
		v.decided("quote", value, 0.7, "the quotes in the file enclose no fields")
	default:
		v.decided("quote", value, 0.6, "no field is quoted; this is the usual one")
	}
}

func (v *verdict) findTrailing(o Options) {
	if o.TrailingDelimiter != nil {
		v.dialect.TrailingDelimiter = *o.TrailingDelimiter
		v.decided("trailing_delimiter", strconv.FormatBool(*o.TrailingDelimiter), 1, byFlag)
		return
	}
	s := v.shape
	trailing := s.trailing && s.width > 1
	if trailing && v.dialect.Header > 0 {
		// A header with as many names has the last column, even if a damaged
		// header has more cells than the rows.
		names := v.grid.rows[s.first]
		trailing = filled(names) < s.width
	}
	if trailing && s.width > 2 {
		// Without names nothing tells such a delimiter from an empty column.
		trailing = v.dialect.Header > 0
		// A header that names the last column makes it one, however empty.
		for _, r := range v.grid.rows[s.first:] {
			if len(r) == s.width && len(trim(r[s.width-1].text)) > 0 {
				trailing = false
				break
			}
		}
	}
	v.dialect.TrailingDelimiter = trailing
	if trailing {
		v.decided("trailing_delimiter", "true", 0.95, "the rows end in a delimiter with nothing after it")
		return
	}
	v.decided("trailing_delimiter", "false", 0.95, "rows end in a field")
}
