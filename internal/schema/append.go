package schema

import (
	"encoding/hex"
	"math"
	"strconv"
)

// AppendText appends v as PostgreSQL casts a value of type t to text (boolean
// as true or false, timestamptz in UTC, interval in the style "postgres");
// NULL appends nothing. The Parser of t without a format reads it back as v.
func (v *Value) AppendText(dst []byte, t Type) []byte {
	switch v.Kind {
	case VText:
		return append(dst, v.Bytes...)
	case VBool:
		return strconv.AppendBool(dst, v.Int != 0)
	case VInt:
		return strconv.AppendInt(dst, v.Int, 10)
	case VFloat:
		if t.Kind == Real {
			return appendFloat(dst, v.Float, 32)
		}
		return appendFloat(dst, v.Float, 64)
	case VDecimal:
		return appendNumeric(dst, v.Dec, t)
	case VDate:
		return appendDate(dst, v.Int)
	case VTime:
		return appendClock(dst, v.Int)
	case VTimestamp:
		return appendTimestamp(dst, v.Int, "")
	case VTimestampTZ:
		return appendTimestamp(dst, v.Int, "+00")
	case VInterval:
		return appendInterval(dst, v.Span)
	case VBytes:
		if t.Kind == UUID && len(v.Bytes) == 16 {
			return appendUUID(dst, v.Bytes)
		}
		return hex.AppendEncode(append(dst, '\\', 'x'), v.Bytes)
	}
	return dst
}

// appendNumeric shows as many decimals as the column keeps.
func appendNumeric(dst []byte, d Decimal, t Type) []byte {
	if t.Kind == Numeric && t.Precision > 0 && d.form == finite && int(d.scale) != max(t.Scale, 0) {
		if r, err := d.Round(max(t.Scale, 0)); err == nil && r.Cmp(d) == 0 {
			d = r
		}
	}
	return d.AppendText(dst)
}

func appendUUID(dst, b []byte) []byte {
	for i, part := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, b[part[0]:part[1]])
	}
	return dst
}

// appendPadded appends i with zeros to at least width digits; i is not negative.
func appendPadded(dst []byte, i int64, width int) []byte {
	for limit := int64(10); width > 1; width-- {
		if i < limit {
			dst = append(dst, "0000000"[:width-1]...)
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, i, 10)
}

func appendInfinity(dst []byte, i int64) ([]byte, bool) {
	switch i {
	case math.MaxInt64:
		return append(dst, "infinity"...), true
	case math.MinInt64:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

func appendDate(dst []byte, days int64) []byte {
	if dst, ok := appendInfinity(dst, days); ok {
		return dst
	}
	year, month, day := civilFromDays(days)
	dst = appendCivil(dst, year, month, day)
	return appendEra(dst, year)
}

func appendCivil(dst []byte, year, month, day int) []byte {
	if year <= 0 {
		year = 1 - year
	}
	dst = append(appendPadded(dst, int64(year), 4), '-')
	dst = append(appendPadded(dst, int64(month), 2), '-')
	return appendPadded(dst, int64(day), 2)
}

func appendEra(dst []byte, year int) []byte {
	if year <= 0 {
		return append(dst, " BC"...)
	}
	return dst
}

func appendTimestamp(dst []byte, micros int64, offset string) []byte {
	if dst, ok := appendInfinity(dst, micros); ok {
		return dst
	}
	days, clock := floorDiv(micros, microsPerDay)
	year, month, day := civilFromDays(days)
	dst = append(appendCivil(dst, year, month, day), ' ')
	dst = append(appendClock(dst, clock), offset...)
	return appendEra(dst, year)
}

// appendClock appends HH:MM:SS and as many decimals as are needed; micros is not negative.
func appendClock(dst []byte, micros int64) []byte {
	dst = append(appendPadded(dst, micros/microsPerHour, 2), ':')
	dst = append(appendPadded(dst, micros/microsPerMinute%60, 2), ':')
	dst = appendPadded(dst, micros/microsPerSecond%60, 2)
	fraction := micros % microsPerSecond
	if fraction == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), fraction, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendInterval follows EncodeInterval of src/backend/utils/adt/datetime.c:
// each part has its own sign, and a plus is shown after a negative part.
func appendInterval(dst []byte, d Duration) []byte {
	start := len(dst)
	negative := false
	part := func(n int32, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if negative && n > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(append(dst, ' '), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
		negative = n < 0
	}
	part(d.Months/12, "year")
	part(d.Months%12, "mon")
	part(d.Days, "day")
	if d.Micros == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	switch {
	case d.Micros < 0:
		dst = append(dst, '-')
	case negative:
		dst = append(dst, '+')
	}
	m := magnitude(d.Micros)
	dst = appendPadded(dst, int64(m/microsPerHour), 2)
	// What is below the hour is formatted as the clock of hour 0, without that.
	rest := len(dst)
	dst = appendClock(dst, int64(m%microsPerHour))
	return append(dst[:rest], dst[rest+2:]...)
}
