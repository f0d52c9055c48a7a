package schema

// PostgreSQL counts days and microseconds from 2000-01-01; its calendar is the
// Gregorian one, carried back before 1582, and has no year 0.
const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour

	// unixToEpoch is 2000-01-01 in seconds since 1970-01-01.
	unixToEpoch = 946_684_800

	// The bounds of date and timestamp (src/include/datatype/timestamp.h); the
	// lower ones are 4714-11-24 BC, the upper ones are beyond the last value.
	minDate      = -2_451_545
	endDate      = 2_145_031_949
	minTimestamp = -211_813_488_000_000_000
	endTimestamp = 9_223_371_331_200_000_000
)

// daysFromCivil is the number of days since 2000-01-01 of a date, where the
// year before 1 is 0. The algorithm is Howard Hinnant's days_from_civil
// (http://howardhinnant.github.io/date_algorithms.html).
func daysFromCivil(year, month, day int) int64 {
	y := int64(year)
	m := int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	era := y
	if era < 0 {
		era -= 399
	}
	era /= 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + int64(day) - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 730425
}

// civilFromDays is the reverse of daysFromCivil (civil_from_days, ibid.).
func civilFromDays(days int64) (year, month, day int) {
	z := days + 730425
	era := z
	if era < 0 {
		era -= 146096
	}
	era /= 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	y := yoe + era*400
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if month > 12 {
		month -= 12
		y++
	}
	return int(y), month, day
}

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func daysIn(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return monthDays[month]
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

var monthNames = [13]string{
	"", "january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december",
}

// floorDiv is a / b rounded down, for a positive b.
func floorDiv(a, b int64) (quotient, remainder int64) {
	q, r := a/b, a%b
	if r < 0 {
		q--
		r += b
	}
	return q, r
}
