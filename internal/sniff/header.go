package sniff

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHeaderRows bounds a header of several rows.
const maxHeaderRows = 4

// findHeader decides where the table starts and how many rows name its columns.
func (v *verdict) findHeader(skipped int, o Options) {
	g, first := v.grid, v.shape.first
	if o.SkipLines != nil {
		first = 0
	} else {
		first = v.sparseTop(first)
	}
	v.dialect.SkipLines = skipped
	switch {
	case o.SkipLines != nil:
		v.decided("skip_lines", strconv.Itoa(skipped), 1, byFlag)
	case first > 0:
		v.dialect.SkipLines += g.lines[first]
		v.decided("skip_lines", strconv.Itoa(v.dialect.SkipLines), 0.85, notShaped(first))
	case skipped > 0:
		v.decided("skip_lines", strconv.Itoa(skipped), 0.99, "the first line names the delimiter")
	default:
		v.decided("skip_lines", "0", 0.95, "the table starts at the first line")
	}
	rows := g.rows[min(first, len(g.rows)):]
	if o.Header != nil {
		v.dialect.Header = max(*o.Header, 0)
		v.decided("header", strconv.Itoa(v.dialect.Header), 1, byFlag)
		return
	}
	n, confidence, evidence := headerRows(rows, v.shape.width)
	if len(rows) == 1 && v.grid.cut {
		evidence = []string{"only the first row ends within the sample, and it has no numbers or dates"}
		if n == 0 {
			evidence = []string{"only the first row ends within the sample, and it has numbers or dates"}
		}
	}
	v.dialect.Header = n
	v.decided("header", strconv.Itoa(n), confidence, evidence...)
}

func notShaped(n int) string {
	if n == 1 {
		return "the first row is not shaped like the table"
	}
	return fmt.Sprintf("the first %d rows are not shaped like the table", n)
}

// columns is the width of the table without what a trailing delimiter opens.
func (v *verdict) columns() int {
	if v.dialect.TrailingDelimiter && v.shape.width > 1 {
		return v.shape.width - 1
	}
	return v.shape.width
}

// sparseTop moves the start of the table past titles that a spreadsheet
// program filled up with empty cells.
func (v *verdict) sparseTop(first int) int {
	width := v.shape.width
	if width < 3 {
		return first
	}
	rows := v.grid.rows
	limit := min(len(rows)-1, first+max(len(rows)/3, 1))
	for i := first; i < limit; i++ {
		if filled(rows[i]) > max(1, width/3) {
			return i
		}
		// The rows below must be fuller, else sparse rows are the table's way.
		if filled(rows[i+1]) > max(1, width/3) {
			return i + 1
		}
	}
	return first
}

func filled(r []cell) (n int) {
	for _, c := range r {
		if len(trim(c.text)) > 0 {
			n++
		}
	}
	return n
}

// bodyColumn is what the rows below a possible header have in one column.
type bodyColumn struct {
	// typed is the share of numbers, dates and true/false words among the n values.
	typed  float64
	n      int
	values map[string]int
	// minLen and maxLen are in characters.
	minLen, maxLen int
	// digits counts values with digits in them, upper those without small letters.
	digits, upper int
	// bools counts true/false words.
	bools int
}

// names says whether a true/false word is the column's name rather than one of
// its values: n above numbers, active above true and false, but not yes above no.
func (c *bodyColumn) names(word []byte) bool {
	if c.bools*2 < c.n {
		return true
	}
	for v := range c.values {
		if strings.EqualFold(v, string(word)) || opposites(v, string(word)) {
			return false
		}
	}
	return true
}

// headerRows is the number of rows that name the columns.
func headerRows(rows [][]cell, width int) (int, float64, []string) {
	if len(rows) == 0 {
		return 0, 0.5, []string{"no rows"}
	}
	var num number
	var date dateValue
	kind := func(c cell) class {
		v := trim(c.text)
		if len(v) == 0 {
			return classEmpty
		}
		if _, ok := builtin.index[string(v[:min(len(v), 12)])]; ok && len(v) <= 12 {
			return classNull
		}
		cl, _ := classify(v, &num, &date)
		return cl
	}
	if len(rows) == 1 {
		return singleRow(rows[0], kind)
	}
	// The lower rows show what the columns hold, whatever the top ones are.
	top := min(maxHeaderRows, len(rows)-1)
	from := top
	if len(rows)-from < 3 {
		from = 1
	}
	body := bodyColumns(rows[from:], width, kind)
	typedColumns := 0
	for _, c := range body {
		if c.n > 0 && c.typed >= 0.7 {
			typedColumns++
		}
	}
	if typedColumns > 0 {
		if n, ok, why := untypedTop(rows, body, top, kind); ok {
			return n, headerConfidence(n, typedColumns), why
		}
	}
	return textHeader(rows[0], body, kind)
}

func headerConfidence(n, typedColumns int) float64 {
	c := 0.99 - 0.3/float64(typedColumns+1)
	if n > 1 {
		c -= 0.1
	}
	return c
}

// singleRow is a file of one row: names if no cell is a value.
func singleRow(row []cell, kind func(cell) class) (int, float64, []string) {
	for _, c := range row {
		switch cl := kind(c); cl {
		case classText, classBool, classEmpty, classNull:
		default:
			return 0, 0.6, []string{"the only row has values in it"}
		}
	}
	return 1, 0.6, []string{"the only row has no numbers or dates: names without data"}
}

func isTyped(cl class) bool {
	switch cl {
	case classInt, classNumber, classDate, classLeadingZero, classLongInt, classPlus, classExponent, classTime, classTooPrecise, classUUID, classBool:
		return true
	}
	return false
}

func bodyColumns(rows [][]cell, width int, kind func(cell) class) []bodyColumn {
	body := make([]bodyColumn, width)
	for _, r := range rows {
		for j := range min(len(r), width) {
			cl := kind(r[j])
			if cl == classEmpty || cl == classNull {
				continue
			}
			c := &body[j]
			text := trim(r[j].text)
			n := utf8.RuneCount(text)
			if c.n == 0 || n < c.minLen {
				c.minLen = n
			}
			c.maxLen = max(c.maxLen, n)
			c.n++
			if isTyped(cl) {
				c.typed++
			}
			if cl == classBool {
				c.bools++
			}
			if bytes.ContainsAny(text, "0123456789") {
				c.digits++
			}
			if bytes.Equal(bytes.ToUpper(text), text) {
				c.upper++
			}
			if c.values == nil {
				c.values = map[string]int{}
			}
			c.values[string(text)]++
		}
	}
	for j := range body {
		if body[j].n > 0 {
			body[j].typed /= float64(body[j].n)
		}
	}
	return body
}

// untypedTop counts the rows before the first that has values in the columns
// of numbers and dates. ok is false where these columns do not tell.
func untypedTop(rows [][]cell, body []bodyColumn, top int, kind func(cell) class) (int, bool, []string) {
	evidence := headerEvidence
	for i := 0; i <= top && i < len(rows); i++ {
		typed, names, blank := 0, 0, 0
		for j, c := range body {
			if c.n == 0 || c.typed < 0.7 || j >= len(rows[i]) {
				continue
			}
			switch cl := kind(rows[i][j]); {
			case cl == classEmpty || cl == classNull:
				blank++
			case i == 0 && cl == classBool && c.names(trim(rows[i][j].text)):
				names++
			case isTyped(cl):
				typed++
			default:
				names++
			}
		}
		if i == 0 && typed > 0 && yearsHeader(rows[0], body, kind) {
			evidence = yearsEvidence
			continue
		}
		switch {
		case names > 2*typed && (i == 0 || len(rows[i]) == len(body)):
			continue
		case typed == 0 && i > 0:
			// Nothing but gaps: a row of the table with missing values.
			return i, true, evidence(i)
		case typed == 0:
			return 0, false, nil
		case i == 0:
			return 0, true, []string{"the first row has numbers or dates where the others have them"}
		}
		return i, true, evidence(i)
	}
	if len(rows) == 2 || top < maxHeaderRows {
		return 1, true, evidence(1)
	}
	return 1, true, evidence(1)
}

func headerEvidence(n int) []string {
	if n == 1 {
		return []string{"the first row has names where the others have numbers or dates"}
	}
	return []string{fmt.Sprintf("the first %d rows have names where the others have numbers or dates; they are joined", n)}
}

func yearsEvidence(int) []string {
	return []string{"the first row has consecutive years above values of another kind"}
}

// yearsHeader says whether the numbers in a row are years or running numbers
// that name columns: 2019;2020;2021 above values of another size.
func yearsHeader(row []cell, body []bodyColumn, kind func(cell) class) bool {
	var num number
	last, n := int64(0), 0
	step := int64(0)
	for j, c := range row {
		switch kind(c) {
		case classEmpty, classNull, classText, classBool:
			continue
		case classInt:
		default:
			return false
		}
		if parseNumber(trim(c.text), &num) != classInt {
			return false
		}
		if j < len(body) && body[j].values[string(trim(c.text))] > 0 && body[j].n > 1 {
			return false
		}
		v := num.mantissa
		if v < 1900 || v > 2100 {
			return false
		}
		if n > 0 {
			if step == 0 {
				step = v - last
			}
			if v-last != step || step == 0 {
				return false
			}
		}
		last = v
		n++
	}
	if n == 0 || n == 1 && (len(row) == 1 || kind(row[0]) != classText) {
		return false
	}
	// The body must not be years too.
	years, values := 0, 0
	for j := range body {
		for v, k := range body[j].values {
			values += k
			if len(v) == 4 && (v[:2] == "19" || v[:2] == "20") {
				years += k
			}
		}
	}
	return years*4 < values
}

// textHeader judges a first row above columns that are mostly text.
func textHeader(row []cell, body []bodyColumn, kind func(cell) class) (int, float64, []string) {
	score := 0.35 // most files have a header
	evidence := []string{}
	seen := map[string]bool{}
	filledCells, repeated, typed, alike, shaped, named, unlike := 0, 0, 0, 0, 0, 0, 0
	for j, c := range row {
		v := trim(c.text)
		if len(v) == 0 {
			continue
		}
		filledCells++
		if seen[string(v)] {
			repeated++
		}
		seen[string(v)] = true
		cl := kind(c)
		if isTyped(cl) && cl != classBool {
			typed++
		}
		if nameLike(v) {
			named++
		}
		if j >= len(body) || body[j].n == 0 {
			continue
		}
		b := body[j]
		n := utf8.RuneCount(v)
		switch {
		case b.values[string(v)] > 0 && b.n > 1:
			alike++
		case b.n > 1 && n >= 4 && b.digits == b.n && b.minLen == b.maxLen && n == b.minLen && bytes.ContainsAny(v, "0123456789"):
			shaped++
		case b.n > 1 && (n < b.minLen-1 || n > b.maxLen+1 && nameLike(v)):
			unlike++
		case b.digits == b.n && !bytes.ContainsAny(v, "0123456789"):
			unlike++
		case b.upper == b.n && !bytes.Equal(bytes.ToUpper(v), v), b.upper == 0 && bytes.Equal(bytes.ToUpper(v), v):
			unlike++
		}
	}
	if filledCells == 0 {
		return 0, 0.6, []string{"the first row is empty"}
	}
	f := float64(filledCells)
	score += 0.5 * float64(named) / f
	score += 0.6 * float64(unlike) / f
	score -= 1.2 * float64(typed) / f
	score -= 0.9 * float64(alike+shaped) / f
	score -= 0.5 * float64(repeated) / f
	if n := len(row) - filledCells; n > 0 {
		score -= 0.3 * float64(n) / float64(len(row))
	}
	if named == 1 && filledCells == 1 {
		evidence = append(evidence, "the only cell of the first row could be a name")
	} else if named > 0 {
		evidence = append(evidence, fmt.Sprintf("%d of %s of the first row could be names", named, plural(filledCells, "cell", "cells")))
	}
	if alike > 0 {
		evidence = append(evidence, plural(alike, "occurs", "occur")+" again below")
	}
	if shaped > 0 {
		evidence = append(evidence, plural(shaped, "is", "are")+" written like the cells below")
	}
	if unlike > 0 {
		evidence = append(evidence, plural(unlike, "differs", "differ")+" in shape from the cells below")
	}
	if typed > 0 {
		evidence = append(evidence, plural(typed, "is a number or date", "are numbers or dates"))
	}
	if score > 0.4 {
		return 1, min(0.95, 0.5+score/3), evidence
	}
	return 0, min(0.95, 0.5+(0.4-score)/2), evidence
}

// nameLike says whether v could be a column's name: short, starts with a
// letter, no sentence.
func nameLike(v []byte) bool {
	if len(v) > 64 {
		return false
	}
	r, _ := utf8.DecodeRune(v)
	if !unicode.IsLetter(r) && r != '_' && r != '#' {
		return false
	}
	words := bytes.Count(v, []byte(" ")) + 1
	if words > 2 && (strings.IndexByte(".?!", v[len(v)-1]) >= 0 || bytes.Contains(v, []byte(", "))) {
		return false // a sentence
	}
	return words <= 6 && !bytes.ContainsAny(v, "@;{}") && !bytes.Contains(v, []byte("://"))
}
