package sniff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/schema"
)

var orderWords = [numOrders]string{"dmy", "mdy", "ymd"}

// orderNames are the orders in plain words.
var orderNames = [numOrders]string{"day before month", "month before day", "year first"}

// orderOf reads Options.DateOrder.
func orderOf(s string) (order, bool) {
	switch strings.ToLower(s) {
	case "":
		return orderDMY | orderMDY | orderYMD, true
	case "dmy", "day-first":
		return orderDMY, true
	case "mdy", "month-first":
		return orderMDY, true
	case "ymd", "year-first":
		return orderYMD, true
	}
	return 0, false
}

func (in *Inference) decideDate(c *Column, values int64, o Options) {
	d := &in.dates
	if d.many {
		c.CounterExample = d.layouts[len(d.layouts)-1].first
		c.Evidence = append(c.Evidence, "dates are written in many ways, first "+at(d.layouts[0].first))
		return
	}
	same := true
	times, zones := 0, 0
	for _, l := range d.layouts {
		if l.layout.dateOnly() != d.layouts[0].layout.dateOnly() {
			same = false
		}
		if l.layout.Time != noTime {
			times++
		}
		if l.layout.Zone != noZone {
			zones++
		}
	}
	if !same && !d.onlySeparatorsDiffer() || d.orders == 0 {
		in.mixedDates(c)
		return
	}
	if zones != 0 && zones != len(d.layouts) {
		c.CounterExample = d.zoneless()
		c.Evidence = append(c.Evidence, "some values have a time zone and some have none, first "+at(c.CounterExample))
		return
	}
	orders := d.orders
	given, _ := orderOf(o.DateOrder)
	if orders&given == 0 && d.layouts[0].layout.Form == formNumbers {
		for i := range d.against {
			if given&(1<<i) != 0 {
				c.CounterExample = d.against[i]
			}
		}
		why := fmt.Sprintf("the date order %s given by flag does not fit, first %s", o.DateOrder, at(c.CounterExample))
		c.Evidence = append(c.Evidence, why)
		c.Notes = append(c.Notes, why+": the column stays text")
		return
	}
	if d.layouts[0].layout.Form == formNumbers {
		orders &= given
	}
	years := ""
	if orders == orderDMY|orderYMD && d.dayFirst() {
		orders = orderDMY
		years = "not year first: the last part varies as years do, the first as days do"
	}
	switch {
	case zones > 0:
		c.Type = schema.Type{Kind: schema.TimestampTZ}
	case times > 0:
		c.Type = schema.Type{Kind: schema.Timestamp}
	default:
		c.Type = schema.Type{Kind: schema.Date}
	}
	var formats []string
	var which []int
	for i := range numOrders {
		if orders&(1<<i) != 0 {
			formats = append(formats, in.dateFormat(c.Type, i))
			which = append(which, i)
		}
	}
	if len(formats) > 1 {
		c.Ambiguous = formats
		c.Confidence = min(c.Confidence, 0.5)
		c.Evidence = append(c.Evidence, fmt.Sprintf("every value reads as %s, first %s; say which with --date-order",
			strings.Join(formats, " and as "), at(in.first[classDate])))
		return
	}
	c.Format = formats[0]
	shown := c.Format
	if shown == "" {
		shown = "ISO 8601"
	}
	c.Evidence = append(c.Evidence, readAs(values, shown))
	if d.layouts[0].layout.Form == formNumbers {
		for i := range 2 {
			if i != which[0] && d.against[i].Line != 0 {
				c.Evidence = append(c.Evidence, fmt.Sprintf("not %s: %s", orderNames[i], at(d.against[i])))
			}
		}
		if years != "" {
			c.Evidence = append(c.Evidence, years)
			c.Confidence = min(c.Confidence, 0.9)
		} else if d.orders != orders {
			c.Evidence = append(c.Evidence, "the order "+o.DateOrder+" was given by flag")
		}
	}
	if times > 0 && times < len(d.layouts) {
		c.CounterExample = d.timed()
		c.Evidence = append(c.Evidence, "some values have a time of day, first "+at(c.CounterExample))
	}
}

// dayFirst says whether dates with two digits for the year that read both as
// day first and as year first are the former. Points and slashes are how days
// come first, and the years then spread no further than the days would as years.
func (c *dateColumn) dayFirst() bool {
	const day, year = 0, 2 // as in orderWords
	for _, l := range c.layouts {
		if !l.layout.Year2 || l.layout.Sep != '.' && l.layout.Sep != '/' {
			return false
		}
	}
	return c.hi[day]-c.lo[day] <= c.hi[year]-c.lo[year]
}

func readAs(values int64, format string) string {
	if values == 1 {
		return "the only value reads as " + format
	}
	return fmt.Sprintf("all %s read as %s", count(values), format)
}

func (in *Inference) mixedDates(c *Column) {
	d := &in.dates
	if len(d.layouts) > 1 && !d.onlySeparatorsDiffer() {
		a, b := d.layouts[0].first, d.layouts[1].first
		if b.Line < a.Line {
			a, b = b, a
		}
		c.CounterExample = b
		c.Evidence = append(c.Evidence, fmt.Sprintf("dates are written in several ways: %s, but %s", at(a), at(b)))
		return
	}
	var found []string
	for i, e := range d.against {
		if e.Line != 0 && i < 2 {
			found = append(found, fmt.Sprintf("%s is not %s", at(e), orderNames[i]))
			if c.CounterExample.Line < e.Line {
				c.CounterExample = e
			}
		}
	}
	c.Evidence = append(c.Evidence, "day and month come in different orders: "+strings.Join(found, ", "))
}

// dateOnly is the layout of the date alone.
func (l layout) dateOnly() layout {
	return layout{Form: l.Form, Sep: l.Sep, Year2: l.Year2, Weekday: l.Weekday, Comma: l.Comma}
}

// onlySeparatorsDiffer says whether all dates are numbers in one form, so that
// a word such as dmy reads them all.
func (c *dateColumn) onlySeparatorsDiffer() bool {
	first := c.layouts[0].layout
	if first.Form != formNumbers && first.Form != formYMD {
		return false
	}
	for _, l := range c.layouts {
		if l.layout.Form != first.Form || l.layout.Year2 != first.Year2 {
			return false
		}
	}
	return true
}

func (c *dateColumn) zoneless() (e Example) {
	for _, l := range c.layouts {
		if l.layout.Zone == noZone {
			e.merge(l.first)
		}
	}
	return e
}

func (c *dateColumn) timed() (e Example) {
	for _, l := range c.layouts {
		if l.layout.Time != noTime {
			e.merge(l.first)
		}
	}
	return e
}

// dateFormat is the format of the column read in order i: the plainest of the
// possible ones that reads an example of every layout.
func (in *Inference) dateFormat(t schema.Type, i int) string {
	d := &in.dates
	var candidates []string
	iso := true
	for _, l := range d.layouts {
		iso = iso && l.layout.Form == formYMD && l.layout.Sep == '-' && !l.layout.Year2 && l.layout.Half == 0 &&
			l.layout.Zone != zoneLetter && !l.layout.ZSep
	}
	if iso && !d.singleDigit && !d.hour1 {
		candidates = append(candidates, "")
	}
	if len(d.layouts) == 1 {
		candidates = append(candidates, d.pattern(d.layouts[0].layout, i))
	} else {
		// The fullest layout first: seconds and fractions may be optional.
		for _, l := range slices.Backward(d.layouts) {
			candidates = append(candidates, d.pattern(l.layout, i))
		}
	}
	candidates = append(candidates, orderWords[i])
	for _, f := range candidates {
		if d.reads(t, f) {
			return f
		}
	}
	return candidates[0]
}

// reads says whether the format reads the first value of every layout.
func (c *dateColumn) reads(t schema.Type, format string) bool {
	f, err := schema.ParseFormat(t.Kind, format)
	if err != nil {
		return false
	}
	p, err := schema.NewParser(t, f, schema.ParserOptions{})
	if err != nil {
		return false
	}
	var v schema.Value
	for _, l := range c.layouts {
		if p.Parse([]byte(l.first.Value), &v) != nil {
			return false
		}
	}
	return true
}

// pattern writes a layout in the grammar of schema.ParseFormat.
func (c *dateColumn) pattern(l layout, i int) string {
	day, month, year := "DD", "MM", "YYYY"
	if c.singleDigit {
		day, month = "D", "M"
	}
	if l.Year2 {
		year = "YY"
	}
	switch l.Form {
	case formDMonY, formMonDY, formYMonD:
		month = "Mon"
		if c.longMonth {
			month = "Month"
		}
	}
	sep := string(l.Sep)
	var b strings.Builder
	if l.Weekday {
		b.WriteString("Dy, ")
	}
	switch {
	case l.Form == formMonDY && l.Comma:
		b.WriteString(month + " " + day + ", " + year)
	case l.Form == formMonDY, l.Form == formNumbers && i == 1:
		b.WriteString(month + sep + day + sep + year)
	case l.Form == formYMD, l.Form == formYMonD, i == 2:
		b.WriteString(year + sep + month + sep + day)
	default:
		b.WriteString(day + sep + month + sep + year)
	}
	if l.Time == noTime {
		return b.String()
	}
	b.WriteByte(l.TSep)
	hour := "HH24"
	if l.Half != 0 {
		hour = "HH12"
	}
	b.WriteString(hour + ":MI")
	if l.Time >= timeHMS {
		b.WriteString(":SS")
	}
	if l.Time == timeFraction {
		b.WriteString(".FF")
	}
	switch l.Half {
	case 'a':
		b.WriteString("AM")
	case ' ':
		b.WriteString(" AM")
	}
	if l.ZSep {
		b.WriteByte(' ')
	}
	switch l.Zone {
	case zoneZ, zoneLetter:
		b.WriteString("TZ")
	case zoneColon:
		b.WriteString("TZH:TZM")
	case zonePlain:
		b.WriteString("TZHTZM")
	case zoneHour:
		b.WriteString("TZH")
	}
	return b.String()
}
