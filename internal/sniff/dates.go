package sniff

// order is a set of readings of the three parts of a date.
type order uint8

const (
	orderDMY order = 1 << iota
	orderMDY
	orderYMD
	numOrders = 3
)

// layout is how a date is written, packed so that it compares and sorts; two
// values with the same layout differ only in their digits and in padding.
type layout struct {
	Form    dateForm `json:"form"`
	Sep     byte     `json:"sep,omitempty"`
	Year2   bool     `json:"year2,omitempty"`
	Weekday bool     `json:"weekday,omitempty"`
	Comma   bool     `json:"comma,omitempty"` // Jan 2, 2024
	Time    timeForm `json:"time,omitempty"`
	TSep    byte     `json:"tsep,omitempty"` // between date and time
	Half    byte     `json:"half,omitempty"` // 0, 'a' for 3:04PM, ' ' for 3:04 PM
	Zone    zoneForm `json:"zone,omitempty"`
	ZSep    bool     `json:"zsep,omitempty"` // a space before the zone
}

type dateForm uint8

const (
	formNumbers dateForm = iota // 31/12/2024 or 12/31/2024
	formYMD                     // 2024-12-31
	formDMonY                   // 31 Dec 2024
	formMonDY                   // Dec 31, 2024
	formYMonD                   // 2024-Dec-31
)

type timeForm uint8

const (
	noTime timeForm = iota
	timeHM
	timeHMS
	timeFraction
)

type zoneForm uint8

const (
	noZone zoneForm = iota
	zoneZ
	zoneColon  // +02:00
	zonePlain  // +0200
	zoneHour   // +02
	zoneLetter // UTC, GMT
)

// dateValue is what a classDate value was read as.
type dateValue struct {
	layout layout
	// orders are the readings that are real dates; micros holds each, in
	// microseconds since 1970, in UTC where there is a zone.
	orders order
	micros [numOrders]int64
	// singleDigit says that a day or month has one digit; hour1 that the hour has.
	singleDigit, hour1 bool
	// longMonth and shortMonth say which kind of month name it has; May has neither.
	longMonth, shortMonth bool
}

const maxDateLength = 48

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86400 * microsPerSecond
)

var monthNames = [12]string{
	"january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december",
}

var dayNames = [7]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// startsMonthOrDay is a cheap guess before parseDate.
func startsMonthOrDay(v []byte) bool {
	switch v[0] | 0x20 {
	case 'j', 'f', 'm', 'a', 's', 'o', 'n', 'd', 't', 'w':
		m, _, _ := monthAt(v)
		return m != 0 || weekdayAt(v) != 0
	}
	return false
}

// nameAt is the length of name at the start of v in full, or of its first
// three letters, when no letter follows; 0 for neither.
func nameAt(v []byte, name string) int {
	i := 0
	for i < len(v) && i < len(name) && v[i]|0x20 == name[i] {
		i++
	}
	if i < len(v) && isLetter(v[i]) || i != len(name) && i != 3 {
		return 0
	}
	return i
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// monthAt is the number of the month named at the start of v, the name's
// length, and whether it is spelled out.
func monthAt(v []byte) (month, width int, long bool) {
	if len(v) < 3 {
		return 0, 0, false
	}
	for i, name := range monthNames {
		if v[0]|0x20 == name[0] {
			if w := nameAt(v, name); w != 0 {
				return i + 1, w, w > 3
			}
			if name == "september" && nameAt(v, "sept") == 4 {
				return 0, 0, false
			}
		}
	}
	return 0, 0, false
}

func weekdayAt(v []byte) int {
	for _, name := range dayNames {
		if v[0]|0x20 == name[0] {
			if w := nameAt(v, name); w != 0 {
				return w
			}
		}
	}
	return 0
}

// digitsAt reads up to max digits at the start of v.
func digitsAt(v []byte, limit int) (value, width int) {
	for width < len(v) && width < limit && isDigit(v[width]) {
		value = value*10 + int(v[width]-'0')
		width++
	}
	return value, width
}

// part is one of the three parts of a date.
type part struct {
	value, width int
	month        bool
}

// parseDate reads a date or timestamp. It returns classDate, classTooPrecise
// or classText.
func parseDate(v []byte, d *dateValue) class {
	*d = dateValue{}
	if isLetter(v[0]) {
		if w := weekdayAt(v); w != 0 {
			v = v[w:]
			if len(v) == 0 || v[0] != ',' {
				return classText
			}
			v = skipSpace(v[1:])
			d.layout.Weekday = true
		}
	}
	var parts [3]part
	for i := range parts {
		if i > 0 {
			if len(v) == 0 {
				return classText
			}
			sep := v[0]
			switch {
			case sep == ',' && i == 2 && parts[0].month:
				d.layout.Comma = true
				v = v[1:]
				if len(v) == 0 || v[0] != ' ' {
					return classText
				}
			case sep != '-' && sep != '/' && sep != '.' && sep != ' ', i == 2 && sep != d.layout.Sep:
				return classText
			}
			d.layout.Sep = sep
			if d.layout.Comma {
				d.layout.Sep = ' '
			}
			v = v[1:]
		}
		p := &parts[i]
		if m, w, long := monthAt(v); m != 0 {
			p.value, p.width, p.month = m, w, true
			if m != 5 {
				d.longMonth, d.shortMonth = long, !long
			}
		} else {
			p.value, p.width = digitsAt(v, 5)
		}
		if p.width == 0 {
			return classText
		}
		v = v[p.width:]
	}
	if !d.arrange(&parts) {
		return classText
	}
	return d.timeOfDay(v)
}

// arrange finds the form and the orders that give real dates.
func (d *dateValue) arrange(p *[3]part) bool {
	names := 0
	for _, x := range p {
		if x.month {
			names++
		}
	}
	sep := d.layout.Sep
	switch {
	case names > 1:
		return false
	case p[1].month && p[0].width == 4:
		d.layout.Form = formYMonD
		return d.try(orderYMD, p[0], p[1], p[2])
	case p[1].month:
		d.layout.Form = formDMonY
		return d.try(orderDMY, p[2], p[1], p[0])
	case p[0].month:
		d.layout.Form = formMonDY
		return d.try(orderMDY, p[2], p[0], p[1])
	case p[2].month || sep == ' ':
		return false
	case p[0].width == 4:
		d.layout.Form = formYMD
		return d.try(orderYMD, p[0], p[1], p[2])
	case p[2].width == 4:
		ok := d.try(orderDMY, p[2], p[1], p[0])
		return d.try(orderMDY, p[2], p[0], p[1]) || ok
	case p[2].width == 2 && p[0].width <= 2:
		ok := d.try(orderDMY, p[2], p[1], p[0])
		ok = d.try(orderMDY, p[2], p[0], p[1]) || ok
		if p[0].width == 2 {
			ok = d.try(orderYMD, p[0], p[1], p[2]) || ok
		}
		// Versions and section numbers have such dots too: 1.2.10.
		return ok && (sep != '.' || p[0].width == 2 && p[1].width == 2)
	}
	return false
}

var daysIn = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// try adds an order if its parts are a real date.
func (d *dateValue) try(o order, y, m, day part) bool {
	if m.value < 1 || m.value > 12 || day.value < 1 || day.value > daysIn[m.value] || day.width > 2 || !m.month && m.width > 2 {
		return false
	}
	year := y.value
	switch y.width {
	case 4:
		if year == 0 {
			return false
		}
	case 2:
		d.layout.Year2 = true
		year += 2000
		if year >= 2070 {
			year -= 100 // PostgreSQL's rule for two digits
		}
	default:
		return false
	}
	if m.value == 2 && day.value == 29 && (year%4 != 0 || year%100 == 0 && year%400 != 0) {
		return false
	}
	if day.width == 1 || !m.month && m.width == 1 {
		d.singleDigit = true
	}
	d.orders |= o
	i := 0
	for o > 1 {
		o >>= 1
		i++
	}
	d.micros[i] = daysFromCivil(year, m.value, day.value) * microsPerDay
	return true
}

// daysFromCivil counts days since 1970-01-01 in the Gregorian calendar
// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era*146097 + doe - 719468)
}

// clock is a time of day.
type clock struct {
	form   timeForm
	half   byte
	micros int64
	hour1  bool
	// fine says that digits beyond microseconds are not zero.
	fine bool
}

// parseClock reads a time at the start of v and returns what follows.
func parseClock(v []byte, c *clock) ([]byte, bool) {
	h, w := digitsAt(v, 2)
	if w == 0 || len(v) <= w || v[w] != ':' {
		return v, false
	}
	c.hour1 = w == 1
	v = v[w+1:]
	m, w := digitsAt(v, 3)
	if w != 2 || m > 59 {
		return v, false
	}
	v = v[2:]
	c.form = timeHM
	s := 0
	if len(v) > 0 && v[0] == ':' {
		s, w = digitsAt(v[1:], 3)
		if w != 2 || s > 59 {
			return v, false
		}
		v = v[3:]
		c.form = timeHMS
		if len(v) > 1 && v[0] == '.' && isDigit(v[1]) {
			c.form = timeFraction
			unit := int64(100_000)
			v = v[1:]
			for len(v) > 0 && isDigit(v[0]) {
				c.micros += int64(v[0]-'0') * unit
				if unit == 0 && v[0] != '0' {
					c.fine = true
				}
				unit /= 10
				v = v[1:]
			}
		}
	}
	rest := v
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	if len(rest) >= 2 && (rest[0]|0x20 == 'a' || rest[0]|0x20 == 'p') && rest[1]|0x20 == 'm' && (len(rest) == 2 || !isLetter(rest[2])) {
		c.half = 'a'
		if len(rest) < len(v) {
			c.half = ' '
		}
		if h < 1 || h > 12 {
			return v, false
		}
		h %= 12
		if rest[0]|0x20 == 'p' {
			h += 12
		}
		v = rest[2:]
	}
	if h > 23 {
		return v, false
	}
	c.micros += (int64(h)*3600 + int64(m)*60 + int64(s)) * microsPerSecond
	return v, true
}

// timeOfDay reads what follows the date.
func (d *dateValue) timeOfDay(v []byte) class {
	if len(v) == 0 {
		return classDate
	}
	switch {
	case v[0] == 'T' || v[0] == ' ':
		d.layout.TSep = v[0]
		v = v[1:]
	case d.layout.Comma && v[0] == ',' && len(v) > 1 && v[1] == ' ':
		return classText
	default:
		return classText
	}
	var c clock
	rest, ok := parseClock(v, &c)
	if !ok {
		return classText
	}
	d.layout.Time, d.layout.Half, d.hour1 = c.form, c.half, c.hour1
	offset, ok := d.zone(rest)
	if !ok {
		return classText
	}
	if c.fine {
		return classTooPrecise
	}
	for i := range d.micros {
		d.micros[i] += c.micros - offset
	}
	return classDate
}

// zone reads the rest of a timestamp and returns the offset in microseconds.
func (d *dateValue) zone(v []byte) (int64, bool) {
	if len(v) == 0 {
		return 0, true
	}
	if v[0] == ' ' {
		d.layout.ZSep = true
		v = v[1:]
	}
	switch string(v) {
	case "":
		return 0, false
	case "Z", "z":
		d.layout.Zone = zoneZ
		return 0, true
	case "UTC", "GMT":
		d.layout.Zone = zoneLetter
		return 0, true
	}
	if v[0] != '+' && v[0] != '-' {
		return 0, false
	}
	h, w := digitsAt(v[1:], 2)
	if w != 2 || h > 15 {
		return 0, false
	}
	rest := v[3:]
	m := 0
	switch {
	case len(rest) == 0:
		d.layout.Zone = zoneHour
	case len(rest) == 3 && rest[0] == ':':
		m, w = digitsAt(rest[1:], 2)
		d.layout.Zone = zoneColon
	case len(rest) == 2:
		m, w = digitsAt(rest, 2)
		d.layout.Zone = zonePlain
	default:
		return 0, false
	}
	if w != 2 || m > 59 {
		return 0, false
	}
	offset := (int64(h)*3600 + int64(m)*60) * microsPerSecond
	if v[0] == '-' {
		offset = -offset
	}
	return offset, true
}
