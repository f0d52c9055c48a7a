package transform

import (
	"math"
	"strings"
	"time"

	"github.com/etlportal/etlportal/internal/schema"
)

const (
	microsPerSecond = int64(1_000_000)
	microsPerDay    = 86_400 * microsPerSecond
	// epochUnix is PostgreSQL's epoch, 2000-01-01, in Unix seconds.
	epochUnix = 946_684_800
	epochDays = epochUnix / 86_400
)

// The bounds of dates and timestamps: 4713-11-24 BC, where Julian days begin, to 294276-12-31.
var (
	firstDay = daysFromCivil(-4712, 11, 24)
	lastDay  = daysFromCivil(294276, 12, 31)
)

// daysFromCivil counts days since 2000-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC.
// (Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, days_from_civil.)
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468 - epochDays
}

// civil is the inverse (civil_from_days).
func civil(days int64) (y, m, d int64) {
	z := days + epochDays + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func checkDate(fr *frame, days, shift int64) (int64, bool) {
	// A shift has at most 15 digits, so the sum cannot overflow.
	if d := days + shift; d >= firstDay && d <= lastDay {
		return d, true
	}
	fr.fail(CodeOutOfRange, "the date is out of range (4713 BC to 294276)")
	return 0, false
}

func checkTimestamp(fr *frame, micros int64) (int64, bool) {
	if d := floorDiv(micros, microsPerDay); d >= firstDay && d <= lastDay {
		return micros, true
	}
	fr.fail(CodeOutOfRange, "the timestamp is out of range (4713 BC to 294276)")
	return 0, false
}

// toWall turns UTC into the wall clock of a zone.
func toWall(utc int64, loc *time.Location) int64 {
	sec := floorDiv(utc, microsPerSecond)
	_, offset := time.Unix(sec+epochUnix, 0).In(loc).Zone()
	return utc + int64(offset)*microsPerSecond
}

// fromWall turns the wall clock of a zone into UTC; a time that a change of
// clocks leaves out or repeats is read as time.Date does.
func fromWall(wall int64, loc *time.Location) int64 {
	days := floorDiv(wall, microsPerDay)
	y, m, d := civil(days)
	sec := (wall - days*microsPerDay) / microsPerSecond
	t := time.Date(int(y), time.Month(m), int(d), 0, 0, int(sec), 0, loc)
	return (t.Unix()-epochUnix)*microsPerSecond + floorMod(wall, microsPerSecond)
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// convertMoment turns a date, timestamp or timestamp with time zone into another of them.
func convertMoment(f tickFunc, from, to kind, loc *time.Location) tickFunc {
	if from == to {
		return f
	}
	return func(fr *frame) (int64, bool) {
		t, ok := f(fr)
		if !ok || infinite(t) {
			return t, ok
		}
		switch {
		case from == kindDate:
			t *= microsPerDay
			if to == kindTimestampTZ {
				t = fromWall(t, loc)
			}
		case from == kindTimestampTZ:
			t = toWall(t, loc)
			if to == kindDate {
				t = floorDiv(t, microsPerDay)
			}
		case to == kindTimestampTZ:
			t = fromWall(t, loc)
		default:
			t = floorDiv(t, microsPerDay)
		}
		return t, true
	}
}

func dateFunctions() []function {
	list := []function{
		{name: "date", signature: "date(value[, format])", least: 1, most: 2, build: buildMoment(kindDate)},
		{name: "timestamp", signature: "timestamp(value[, format])", least: 1, most: 2, build: buildMoment(kindTimestamp)},
		{name: "timestamptz", signature: "timestamptz(value[, format])", least: 1, most: 2, build: buildMoment(kindTimestampTZ)},
		{name: "time", signature: "time(text[, format])", least: 1, most: 2, build: buildMoment(kindTime)},
		{name: "parse_date", signature: "parse_date(text, format)", least: 2, most: 2, transformation: true, build: buildParseDate},
		{name: "format_date", signature: "format_date(date, format)", least: 2, most: 2, transformation: true, build: buildFormatDate},
		{name: "now", signature: "now()", build: buildNow(kindTimestampTZ)},
		{name: "today", signature: "today()", build: buildNow(kindDate)},
		{name: "extract", signature: "extract('unit', date)", least: 2, most: 2, build: func(c *compiler, n *node, args []expr) expr {
			return c.part(n, c.unit(args[0], parts), args[1])
		}},
		{name: "date_trunc", signature: "date_trunc('unit', date)", least: 2, most: 2, build: buildDateTrunc},
		{name: "date_add", signature: "date_add('unit', n, date)", least: 3, most: 3, build: buildDateAdd},
		{name: "date_diff", signature: "date_diff('unit', from, to)", least: 3, most: 3, build: buildDateDiff},
	}
	for _, unit := range []string{"year", "quarter", "month", "week", "day", "hour", "minute", "second", "weekday"} {
		list = append(list, function{name: unit, signature: unit + "(date)", least: 1, most: 1, build: func(c *compiler, n *node, args []expr) expr {
			return c.part(n, unit, args[0])
		}})
	}
	return list
}

func buildMoment(k kind) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, args []expr) expr {
		if len(args) == 1 {
			if k == kindTime && (args[0].kind == kindTimestamp || args[0].kind == kindTimestampTZ) {
				wall := convertMoment(args[0].tick, args[0].kind, kindTimestamp, c.loc)
				return tickExpr(n, k, func(fr *frame) (int64, bool) {
					t, ok := wall(fr)
					if ok && infinite(t) {
						fr.fail(CodeExpressionFailed, "an infinite timestamp has no time")
						return 0, false
					}
					return floorMod(t, microsPerDay), ok
				})
			}
			return tickExpr(n, k, c.moment(args[0], k))
		}
		format := c.constantText(args[1], "format")
		if c.err != nil {
			return null(n)
		}
		return c.readWith(args[1].n, args[0], reading{columnType(k), format}, k)
	}
}

// buildParseDate is a date, a timestamp where the format has a time of day, or one with time zone where it has a zone.
func buildParseDate(c *compiler, n *node, args []expr) expr {
	format := c.constantText(args[1], "format")
	if c.err != nil {
		return null(n)
	}
	k := formatKind(format)
	return c.readWith(args[1].n, args[0], reading{columnType(k), format}, k)
}

func buildNow(k kind) func(*compiler, *node, []expr) expr {
	return func(c *compiler, n *node, _ []expr) expr {
		t := c.now.Unix() - epochUnix
		utc := t*microsPerSecond + int64(c.now.Nanosecond()/1000)
		if k == kindDate {
			utc = floorDiv(toWall(utc, c.loc), microsPerDay)
		}
		return tickExpr(n, k, func(*frame) (int64, bool) { return utc, true })
	}
}

// anyMoment is e as wall-clock microseconds, with the kind it has; a text is read as its field is written, else in ISO form.
func (c *compiler) anyMoment(e expr) (tickFunc, kind) {
	k := e.kind
	if k == kindText && e.literal {
		k = kindTimestamp
		if _, ok := c.constant(e, kindDate, nil); ok {
			k = kindDate
		}
	} else if k == kindText {
		k = kindTimestamp
		if e.as != nil && kindOf(e.as.t).isMoment() {
			k = kindOf(e.as.t)
		}
	}
	if k == kindNull {
		return e.tick, kindDate
	}
	if k == kindTime {
		return e.tick, k
	}
	if !k.isMoment() {
		c.fail(e.n, "Write date(x, 'DD.MM.YYYY') to read a date", "a date should stand here, but "+c.describe(e))
		return null(e.n).tick, kindDate
	}
	return convertMoment(c.moment(e, k), k, kindTimestamp, c.loc), k
}

// units in which dates are cut, moved and counted; parts are those that can be taken out.
var (
	units = []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"}
	parts = []string{"year", "quarter", "month", "week", "day", "hour", "minute", "second", "weekday", "dow", "isodow", "doy", "isoyear", "epoch"}
)

var unitMicros = map[string]int64{
	"microsecond": 1, "millisecond": 1000, "second": microsPerSecond, "minute": 60 * microsPerSecond,
	"hour": 3600 * microsPerSecond, "day": microsPerDay, "week": 7 * microsPerDay,
}

func (c *compiler) unit(e expr, valid []string) string {
	name := strings.ToLower(c.constantText(e, "unit"))
	for _, v := range valid {
		if name == v || name == v+"s" {
			return v
		}
	}
	if c.err == nil {
		c.fail(e.n, didYouMean(name, valid, "units"), "there is no unit '"+cut(name, 40)+"'")
	}
	return valid[0]
}

// part takes a part out of a date; the week is ISO's, the weekday 1 (Monday) to 7, dow 0 (Sunday) to 6.
func (c *compiler) part(n *node, unit string, e expr) expr {
	f, k := c.anyMoment(e)
	clock := unit == "hour" || unit == "minute" || unit == "second"
	if k == kindTime && !clock {
		return c.fail(n, "Use hour, minute or second", "a time has no "+unit)
	}
	if unit == "epoch" && e.kind == kindTimestampTZ {
		f = e.tick
	}
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		t, ok := f(fr)
		if !ok {
			return schema.Decimal{}, false
		}
		if infinite(t) {
			fr.fail(CodeExpressionFailed, "an infinite date has no "+unit)
			return schema.Decimal{}, false
		}
		return datePart(unit, t), true
	})
}

func datePart(unit string, t int64) schema.Decimal {
	days := floorDiv(t, microsPerDay)
	micros := t - days*microsPerDay
	y, m, d := civil(days)
	// 2000-01-01 was a Saturday: weekday 6.
	weekday := floorMod(days+5, 7) + 1
	var v int64
	switch unit {
	case "year":
		// PostgreSQL has no year 0: 1 BC is -1.
		if v = y; y <= 0 {
			v = y - 1
		}
	case "quarter":
		v = (m + 2) / 3
	case "month":
		v = m
	case "day":
		v = d
	case "hour":
		v = micros / unitMicros["hour"]
	case "minute":
		v = micros / unitMicros["minute"] % 60
	case "second":
		micros %= unitMicros["minute"]
		if micros%microsPerSecond != 0 {
			return schema.NewDecimal(micros, 6)
		}
		v = micros / microsPerSecond
	case "weekday", "isodow":
		v = weekday
	case "dow":
		v = weekday % 7
	case "doy":
		v = days - daysFromCivil(y, 1, 1) + 1
	case "epoch":
		if micros%microsPerSecond != 0 {
			return schema.NewDecimal(t+epochUnix*microsPerSecond, 6)
		}
		v = floorDiv(t, microsPerSecond) + epochUnix
	default: // week, isoyear: those of the week's Thursday
		thursday := days - weekday + 4
		ty, _, _ := civil(thursday)
		if v = ty; unit == "week" {
			v = (thursday-daysFromCivil(ty, 1, 1))/7 + 1
		}
	}
	return schema.NewDecimal(v, 0)
}

// back turns wall-clock microseconds into kind k again.
func back(f tickFunc, k kind, loc *time.Location) tickFunc {
	return convertMoment(f, kindTimestamp, k, loc)
}

func buildDateTrunc(c *compiler, n *node, args []expr) expr {
	unit := c.unit(args[0], units)
	f, k := c.anyMoment(args[1])
	if k == kindTime {
		return c.fail(n, "Use a date or timestamp", "a time cannot be truncated")
	}
	g := func(fr *frame) (int64, bool) {
		t, ok := f(fr)
		if !ok || infinite(t) {
			return t, ok
		}
		return checkTimestamp(fr, truncate(unit, t))
	}
	return tickExpr(n, k, back(g, k, c.loc))
}

func truncate(unit string, t int64) int64 {
	days := floorDiv(t, microsPerDay)
	y, m, _ := civil(days)
	switch unit {
	case "week":
		return (days - floorMod(days+5, 7)) * microsPerDay
	case "month":
		return daysFromCivil(y, m, 1) * microsPerDay
	case "quarter":
		return daysFromCivil(y, (m-1)/3*3+1, 1) * microsPerDay
	case "year":
		return daysFromCivil(y, 1, 1) * microsPerDay
	}
	return t - floorMod(t, unitMicros[unit])
}

// buildDateAdd moves a date; a month that is too short ends on its last day.
func buildDateAdd(c *compiler, n *node, args []expr) expr {
	unit := c.unit(args[0], units)
	count := c.wholeNumber(args[1])
	f, k := c.anyMoment(args[2])
	if k == kindTime {
		return c.fail(n, "Use a date or timestamp", "a time cannot be moved")
	}
	micros := unitMicros[unit]
	if k == kindDate && micros != 0 && micros < microsPerDay {
		k = kindTimestamp
	}
	g := func(fr *frame) (int64, bool) {
		t, ok := f(fr)
		if !ok || infinite(t) {
			return t, ok
		}
		i, ok := count(fr)
		if !ok {
			return 0, false
		}
		if micros == 0 {
			return addMonths(fr, t, i, unit)
		}
		if i > math.MaxInt64/4/micros || i < math.MinInt64/4/micros || t > math.MaxInt64/2 && i > 0 {
			return checkTimestamp(fr, math.MaxInt64-1)
		}
		return checkTimestamp(fr, t+i*micros)
	}
	return tickExpr(n, k, back(g, k, c.loc))
}

func addMonths(fr *frame, t, months int64, unit string) (int64, bool) {
	switch unit {
	case "quarter":
		months *= 3
	case "year":
		months *= 12
	}
	if months > 12*400_000 || months < -12*400_000 {
		return checkTimestamp(fr, math.MaxInt64-1)
	}
	days := floorDiv(t, microsPerDay)
	y, m, d := civil(days)
	m += months - 1
	y += floorDiv(m, 12)
	m = floorMod(m, 12) + 1
	last := daysFromCivil(y+m/12, m%12+1, 1) - daysFromCivil(y, m, 1)
	moved := daysFromCivil(y, m, min(d, last))
	if moved < firstDay || moved > lastDay {
		return checkTimestamp(fr, math.MaxInt64-1)
	}
	return moved*microsPerDay + t - days*microsPerDay, true
}

// buildDateDiff counts the boundaries of a unit between two dates, as Redshift's datediff.
func buildDateDiff(c *compiler, n *node, args []expr) expr {
	unit := c.unit(args[0], units)
	f, k := c.anyMoment(args[1])
	g, l := c.anyMoment(args[2])
	if (k == kindTime) != (l == kindTime) {
		return c.fail(n, "Compare two dates, two timestamps or two times", "a time has no difference from a date")
	}
	return numExpr(n, func(fr *frame) (schema.Decimal, bool) {
		from, ok := f(fr)
		if !ok {
			return schema.Decimal{}, false
		}
		to, ok := g(fr)
		if !ok {
			return schema.Decimal{}, false
		}
		if infinite(from) || infinite(to) {
			fr.fail(CodeExpressionFailed, "an infinite date has no distance")
			return schema.Decimal{}, false
		}
		return schema.NewDecimal(boundaries(unit, to)-boundaries(unit, from), 0), true
	})
}

func boundaries(unit string, t int64) int64 {
	y, m, _ := civil(floorDiv(t, microsPerDay))
	switch unit {
	case "year":
		return y
	case "quarter":
		return y*4 + (m-1)/3
	case "month":
		return y*12 + m - 1
	case "week":
		return floorDiv(floorDiv(t, microsPerDay)+5, 7)
	}
	return floorDiv(t, unitMicros[unit])
}
