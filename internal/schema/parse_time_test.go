package schema

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDates(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "date", in: "2024-01-31", want: "2024-01-31"},
		{typ: "date", in: " 2024-01-31 ", want: "2024-01-31"},
		{typ: "date", in: "2024/01/31", want: "2024-01-31"},
		{typ: "date", in: "2024.1.5", want: "2024-01-05"},
		{typ: "date", in: "20240131", want: "2024-01-31"},
		{typ: "date", in: "2024-02-29", want: "2024-02-29"},
		{typ: "date", in: "1900-02-28", want: "1900-02-28"},
		{typ: "date", in: "0001-01-01", want: "0001-01-01"},
		{typ: "date", in: "0044-03-15 BC", want: "0044-03-15 BC"},
		{typ: "date", in: "0001-12-31 bc", want: "0001-12-31 BC"},
		{typ: "date", in: "2024-01-31 AD", want: "2024-01-31"},
		{typ: "date", in: "4714-11-24 BC", want: "4714-11-24 BC"},
		{typ: "date", in: "4714-11-23 BC", code: CodeOutOfRange},
		{typ: "date", in: "5874897-12-31", want: "5874897-12-31"},
		{typ: "date", in: "5874898-01-01", code: CodeOutOfRange, reason: "outside the range of date"},
		{typ: "date", in: "infinity", want: "infinity"},
		{typ: "date", in: "-INFINITY", want: "-infinity"},
		{typ: "date", in: "2024-01-31T00:00:00", want: "2024-01-31"},
		{typ: "date", in: "2024-01-31 00:00", want: "2024-01-31"},
		{typ: "date", in: "2024-01-31 10:00", code: CodeTooPrecise, reason: "has a time of day"},
		{typ: "date", format: "iso+round", in: "2024-01-31 10:00", want: "2024-01-31"},
		{typ: "date", format: "YYYY-MM-DD HH24:MI", in: "2024-01-31 10:00", want: "2024-01-31"},
		{typ: "date", in: "2023-02-29", code: CodeNotDate, reason: "'2023-02-29' is not a date: February 2023 has 28 days"},
		{typ: "date", in: "2024-13-01", code: CodeNotDate, reason: "there is no month 13"},
		{typ: "date", in: "2024-00-01", code: CodeNotDate, reason: "there is no month 0"},
		{typ: "date", in: "2024-04-31", code: CodeNotDate, reason: "April has no day 31"},
		{typ: "date", in: "2024-01-00", code: CodeNotDate, reason: "January has no day 0"},
		{typ: "date", in: "0000-01-01", code: CodeNotDate, reason: "no year 0"},
		{typ: "date", in: "1900-02-29", code: CodeNotDate, reason: "February 1900 has 28 days"},
		{typ: "date", in: "03/04/2024", code: CodeAmbiguousDate, reason: "'03/04/2024' reads both as 3 April and 4 March: give format DD/MM/YYYY or MM/DD/YYYY"},
		{typ: "date", in: "03.03.24", code: CodeAmbiguousDate, reason: "give format DD.MM.YY or MM.DD.YY"},
		{typ: "date", in: "31-01-2024", code: CodeNotDate, reason: "day first? (format DD-MM-YYYY)"},
		{typ: "date", in: "1/31/2024", code: CodeNotDate, reason: "month first? (format MM/DD/YYYY)"},
		{typ: "date", in: "31-Jan-2024", code: CodeNotDate, reason: "(format DD-Mon-YYYY)"},
		{typ: "date", in: "January 31, 2024", code: CodeNotDate, reason: "(format Mon DD, YYYY)"},
		{typ: "date", in: "", code: CodeNotDate, reason: "empty"},
		{typ: "date", in: "n/a", code: CodeNotDate, reason: "null values"},
		{typ: "date", in: "today", code: CodeNotDate, reason: "2024-01-31"},
		{typ: "date", in: "2024-01", code: CodeNotDate},
		{typ: "date", in: "24-01-31", code: CodeNotDate},
		{typ: "date", in: "2024-01-31x", code: CodeNotDate},
		{typ: "date", in: "45322", code: CodeNotDate, reason: "format excel"},
		{typ: "date", in: "1706695872", code: CodeNotDate, reason: "format epoch)"},
		{typ: "date", in: "1706695872123", code: CodeNotDate, reason: "format epoch_ms"},
		{typ: "date", in: "1706695872123456", code: CodeNotDate, reason: "format epoch_us"},
		{typ: "date", in: "99/99/2024", code: CodeNotDate},
		{typ: "date", format: "DD/MM/YYYY", in: "31/01/2024", want: "2024-01-31"},
		{typ: "date", format: "DD/MM/YYYY", in: "1/2/2024", want: "2024-02-01"},
		{typ: "date", format: "DD/MM/YYYY", in: "01/31/2024", code: CodeNotDate, reason: "month first? (format MM/DD/YYYY)"},
		{typ: "date", format: "DD/MM/YYYY", in: "31/02/2024", code: CodeNotDate, reason: "February has no day 31"},
		{typ: "date", format: "DD/MM/YYYY", in: "31.01.2024", code: CodeNotDate, reason: "(format DD.MM.YYYY)"},
		{typ: "date", format: "DD/MM/YYYY", in: "2024-01-31", code: CodeNotDate, reason: "(format iso)"},
		{typ: "date", format: "DD/MM/YYYY", in: "31/01/24", code: CodeNotDate, reason: "(format DD/MM/YY)"},
		{typ: "date", format: "MM/DD/YY", in: "01/31/69", want: "2069-01-31"},
		{typ: "date", format: "MM/DD/YY", in: "01/31/70", want: "1970-01-31"},
		{typ: "date", format: "YYYYMMDD", in: "20240131", want: "2024-01-31"},
		{typ: "date", format: "DDMMYYYY", in: "31012024", want: "2024-01-31"},
		{typ: "date", format: "DDMMYY", in: "310124", want: "2024-01-31"},
		{typ: "date", format: "DDMMYYYY", in: "1012024", code: CodeNotDate},
		{typ: "date", format: "%d.%m.%Y", in: "31.01.2024", want: "2024-01-31"},
		{typ: "date", format: "%-d %B %Y", in: "1 September 2024", want: "2024-09-01"},
		{typ: "date", format: "DD-Mon-YYYY", in: "31-SEPT-2024", code: CodeNotDate, reason: "September has no day 31"},
		{typ: "date", format: "Dy, DD Month YYYY", in: "Wed, 31 jan. 2024", want: "2024-01-31"},
		{typ: "date", format: "dd.MM.yyyy", in: "31.01.2024", want: "2024-01-31"},
		{typ: "date", format: `"KW" DD/MM/YYYY`, in: "kw 31/01/2024", want: "2024-01-31"},
		{typ: "date", format: "dmy", in: "31.1.2024", want: "2024-01-31"},
		{typ: "date", format: "dmy", in: "31 Jan 24", want: "2024-01-31"},
		{typ: "date", format: "dmy", in: "01/31/2024", code: CodeNotDate, reason: "month first"},
		{typ: "date", format: "mdy", in: "Jan 31, 2024", want: "2024-01-31"},
		{typ: "date", format: "mdy", in: "1-31-2024 10:00", code: CodeTooPrecise},
		{typ: "date", format: "ymd", in: "24/1/31", want: "2024-01-31"},
		{typ: "date", format: "dmy", in: "15.3.0044 BC", want: "0044-03-15 BC"},
		{typ: "date", format: "excel", in: "1", want: "1900-01-01"},
		{typ: "date", format: "excel", in: "59", want: "1900-02-28"},
		{typ: "date", format: "excel", in: "60", code: CodeNotDate, reason: "29 February 1900"},
		{typ: "date", format: "excel", in: "61", want: "1900-03-01"},
		{typ: "date", format: "excel", in: "45322", want: "2024-01-31"},
		{typ: "date", format: "excel", in: "0", code: CodeOutOfRange},
		{typ: "date", format: "excel", in: "2958466", code: CodeOutOfRange},
		{typ: "date", format: "epoch", in: "0", want: "1970-01-01"},
		{typ: "date", format: "epoch", in: "-1", want: "1969-12-31"},
		{typ: "date", format: "epoch@Pacific/Auckland", in: "1706695872", want: "2024-01-31"},
		{typ: "date", format: "epoch", in: "1e30", code: CodeOutOfRange},
		{typ: "date", format: "epoch", in: "abc", code: CodeNotDate},
	})
}

func TestParseTimestamps(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "timestamp", in: "2024-01-31 10:11:12", want: "2024-01-31 10:11:12"},
		{typ: "timestamp", in: "2024-01-31T10:11:12.123456", want: "2024-01-31 10:11:12.123456"},
		{typ: "timestamp", in: "2024-01-31t10:11", want: "2024-01-31 10:11:00"},
		{typ: "timestamp", in: "2024-01-31", want: "2024-01-31 00:00:00"},
		{typ: "timestamp", in: "2024-01-31 10:11:12,5", want: "2024-01-31 10:11:12.5"},
		{typ: "timestamp", in: "2024-01-31  9:05:00", want: "2024-01-31 09:05:00"},
		{typ: "timestamp", in: "20240131T101112.5Z", want: "2024-01-31 10:11:12.5"},
		{typ: "timestamp", in: "20240131T101112.", code: CodeNotTimestamp},
		{typ: "timestamp", in: "2024-01-31 10:11:12.", code: CodeNotTimestamp},
		{typ: "timestamp", in: "2024-01-31 10:11:", code: CodeNotTimestamp},
		{typ: "timestamp", in: "2024-01-31T", code: CodeNotTimestamp},
		{typ: "timestamp", in: "2024-01-31 10:11:12+", code: CodeNotTimestamp},
		{typ: "timestamp", in: "2024-01-31Z", code: CodeNotTimestamp},
		{typ: "timestamp", in: "20240131T1011", want: "2024-01-31 10:11:00"},
		{typ: "timestamp", in: "20240131 10:11", want: "2024-01-31 10:11:00"},
		{typ: "timestamp", in: "2024-01-31 24:00:00", want: "2024-02-01 00:00:00"},
		{typ: "timestamp", in: "2024-12-31 23:59:60", want: "2025-01-01 00:00:00"},
		{typ: "timestamp", in: "2024-01-31 24:00:01", code: CodeNotTimestamp, reason: "no hour 24"},
		{typ: "timestamp", in: "2024-01-31 10:60:00", code: CodeNotTimestamp, reason: "no minute 60"},
		{typ: "timestamp", in: "2024-01-31 10:00:61", code: CodeNotTimestamp, reason: "no second 61"},
		{typ: "timestamp", in: "2024-02-30 10:00:00", code: CodeNotTimestamp, reason: "February has no day 30"},
		{typ: "timestamp", in: "2024-01-31 10:11:12.1234560", want: "2024-01-31 10:11:12.123456"},
		{typ: "timestamp", in: "2024-01-31 10:11:12.1234567", code: CodeTooPrecise, reason: "more than 6 digits"},
		{typ: "timestamp", format: "iso+round", in: "2024-01-31 23:59:59.9999995", want: "2024-02-01 00:00:00"},
		{typ: "timestamp", format: "iso+round", in: "2024-01-31 10:11:12.1234564", want: "2024-01-31 10:11:12.123456"},
		{typ: "timestamp", in: "2024-01-31 10:11:12+02", want: "2024-01-31 08:11:12"},
		{typ: "timestamp", format: "iso@Europe/Berlin", in: "2024-07-31T10:11:12Z", want: "2024-07-31 12:11:12"},
		{typ: "timestamp", format: "iso@Europe/Berlin", in: "2024-07-31T10:11:12", want: "2024-07-31 10:11:12"},
		{typ: "timestamp", in: "294276-12-31 23:59:59.999999", want: "294276-12-31 23:59:59.999999"},
		{typ: "timestamp", in: "294277-01-01 00:00:00", code: CodeOutOfRange, reason: "(4713 BC to 294276)"},
		{typ: "timestamp", in: "4714-11-24 00:00:00 BC", want: "4714-11-24 00:00:00 BC"},
		{typ: "timestamp", in: "4714-11-23 23:59:59 BC", code: CodeOutOfRange},
		{typ: "timestamp", in: "5874897-01-01", code: CodeOutOfRange},
		{typ: "timestamp", in: "Infinity", want: "infinity"},
		{typ: "timestamptz", in: "-infinity", want: "-infinity"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12", want: "2024-01-31 10:11:12+00"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12+02", want: "2024-01-31 08:11:12+00"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12 +0530", want: "2024-01-31 04:41:12+00"},
		{typ: "timestamptz", in: "2024-01-31T10:11:12-03:30", want: "2024-01-31 13:41:12+00"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12 UTC", want: "2024-01-31 10:11:12+00"},
		{typ: "timestamptz", in: "2024-01-31 10:11+2", want: "2024-01-31 08:11:00+00"},
		{typ: "timestamptz", in: "1880-01-01 00:00:00+00:53:28", want: "1879-12-31 23:06:32+00"},
		{typ: "timestamptz", in: "0044-03-15 10:00:00+00 BC", want: "0044-03-15 10:00:00+00 BC"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12+16", code: CodeNotTimestamp, reason: "16 hours"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12+02:60", code: CodeNotTimestamp},
		{typ: "timestamptz", in: "2024-01-31 10:11:12 Europe/Berlin", code: CodeNotTimestamp, reason: "iso@Europe/Berlin"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12 CEST", code: CodeNotTimestamp, reason: "'CEST' is not an offset"},
		{typ: "timestamptz", in: "2024-01-31 10:11:12 PM", code: CodeNotTimestamp, reason: "AM and PM"},
		{typ: "timestamp", in: "31/01/2024 10:11", code: CodeNotTimestamp, reason: "(format DD/MM/YYYY HH24:MI)"},
		{typ: "timestamp", in: "3/4/2024 10:11:12 AM", code: CodeAmbiguousDate, reason: "give format DD/MM/YYYY HH12:MI:SS AM or MM/DD/YYYY HH12:MI:SS AM"},
		{typ: "timestamp", in: "31.01.2024, 10:11", code: CodeNotTimestamp, reason: "(format DD.MM.YYYY, HH24:MI)"},
		{typ: "timestamp", format: "DD/MM/YYYY HH24:MI:SS", in: "31/01/2024 10:11:12", want: "2024-01-31 10:11:12"},
		{typ: "timestamp", format: "DD/MM/YYYY", in: "31/01/2024", want: "2024-01-31 00:00:00"},
		{typ: "timestamp", format: "MM/DD/YYYY HH12:MI:SS AM", in: "1/31/2024 12:11:12 AM", want: "2024-01-31 00:11:12"},
		{typ: "timestamp", format: "MM/DD/YYYY HH12:MI:SS AM", in: "1/31/2024 12:11:12pm", want: "2024-01-31 12:11:12"},
		{typ: "timestamp", format: "MM/DD/YYYY HH:MI PM", in: "1/31/2024 1:05 p.m.", want: "2024-01-31 13:05:00"},
		{typ: "timestamp", format: "MM/DD/YYYY HH:MI PM", in: "1/31/2024 13:05 pm", code: CodeNotTimestamp, reason: "no hour 13 with AM or PM"},
		{typ: "timestamp", format: "yyyy-MM-dd'T'HH:mm", in: "2024-01-31'T'10:11", want: "2024-01-31 10:11:00"},
		{typ: "timestamp", format: "YYYY-MM-DDTHH24:MI:SS.FF", in: "2024-01-31T10:11:12", want: "2024-01-31 10:11:12"},
		{typ: "timestamp", format: "YYYY-MM-DD HH:MM:SS.FF", in: "2024-01-31 10:11:12.5", want: "2024-01-31 10:11:12.5"},
		{typ: "timestamp", format: "YYYYMMDDHH24MISS", in: "20240131101112", want: "2024-01-31 10:11:12"},
		{typ: "timestamp", format: "YYYYMMDDHH24MISSMS", in: "20240131101112123", want: "2024-01-31 10:11:12.123"},
		{typ: "timestamp", format: "%Y-%m-%d %H:%M:%S.%f", in: "2024-01-31 10:11:12.000001", want: "2024-01-31 10:11:12.000001"},
		{typ: "timestamp", format: "%F %T", in: "2024-01-31 10:11:12", want: "2024-01-31 10:11:12"},
		{typ: "timestamptz", format: "YYYY-MM-DD HH24:MI:SS TZH:TZM", in: "2024-01-31 10:11:12 +01:00", want: "2024-01-31 09:11:12+00"},
		{typ: "timestamptz", format: "DD/MM/YYYY HH24:MI@America/New_York", in: "31/01/2024 10:11", want: "2024-01-31 15:11:00+00"},
		{typ: "timestamptz", format: "dmy", in: "31.1.2024 10:11 PM +01", want: "2024-01-31 21:11:00+00"},
		{typ: "timestamptz", format: "mdy", in: "Jan 31, 2024, 10:11:12.5 PM", want: "2024-01-31 22:11:12.5+00"},
		{typ: "timestamptz", format: "rfc2822", in: "Wed, 31 Jan 2024 10:11:12 +0200", want: "2024-01-31 08:11:12+00"},
		{typ: "timestamptz", format: "rfc2822", in: "31 Jan 24 10:11 EST", want: "2024-01-31 15:11:00+00"},
		{typ: "timestamptz", format: "rfc2822", in: "31 Jan 24 10:11 XYZ", code: CodeNotTimestamp},
		{typ: "timestamptz", format: "epoch", in: "1706695872.25", want: "2024-01-31 10:11:12.25+00"},
		{typ: "timestamptz", format: "epoch_ms", in: "-1", want: "1969-12-31 23:59:59.999+00"},
		{typ: "timestamptz", format: "epoch_us", in: "1706695872000001", want: "2024-01-31 10:11:12.000001+00"},
		{typ: "timestamptz", format: "epoch_us", in: "0.5", code: CodeTooPrecise},
		{typ: "timestamptz", format: "epoch_us+round", in: "0.5", want: "1970-01-01 00:00:00.000001+00"},
		{typ: "timestamp", format: "epoch@Europe/Berlin", in: "1706695872", want: "2024-01-31 11:11:12"},
		{typ: "timestamp", format: "excel", in: "45322.5", want: "2024-01-31 12:00:00"},
		{typ: "timestamptz", format: "excel@Europe/Berlin", in: "45322.424444", want: "2024-01-31 09:11:11.962+00"},
		{typ: "timestamp", format: "epoch", in: "99999999999999", code: CodeOutOfRange},
	})
}

func TestParseTimesOfDay(t *testing.T) {
	runCases(t, []parseCase{
		{typ: "time", in: "10:11:12.5", want: "10:11:12.5"},
		{typ: "time", in: "9:05", want: "09:05:00"},
		{typ: "time", in: "24:00:00", want: "24:00:00"},
		{typ: "time", in: "23:59:60", want: "24:00:00"},
		{typ: "time", in: "10:59:60.5", want: "11:00:00.5"},
		{typ: "time", in: "23:59:60.5", code: CodeNotTime, reason: "no second 60"},
		{typ: "time", format: "iso+round", in: "23:59:60.0000009", code: CodeNotTime, reason: "no second 60"},
		{typ: "time", in: "25:00", code: CodeNotTime, reason: "no hour 25"},
		{typ: "time", in: "10:11 PM", code: CodeNotTime, reason: "format HH12:MI AM"},
		{typ: "time", in: "10", code: CodeNotTime, reason: "write it as 14:05"},
		{typ: "time", in: "10:11:12+02", code: CodeNotTime},
		{typ: "time", in: "10:11:12.1234567", code: CodeTooPrecise},
		{typ: "time", format: "iso+round", in: "23:59:59.9999999", want: "24:00:00"},
		{typ: "time", format: "HH12:MI AM", in: "12:05 am", want: "00:05:00"},
		{typ: "time", format: "HH24MI", in: "0930", want: "09:30:00"},
		{typ: "time", format: `HH24"h"MI`, in: "9h30", want: "09:30:00"},
		{typ: "time", format: "HH24:MI", in: "9:30:10", code: CodeNotTime, reason: "in the format HH24:MI"},
		{typ: "time", in: "", code: CodeNotTime, reason: "empty"},
	})
}

// A time that the clock skips is read with the offset before the change, one
// that it shows twice with the offset after it. The expected values are those
// of PostgreSQL 15.
func TestDaylightSaving(t *testing.T) {
	for _, c := range []struct{ zone, in, want string }{
		{"Europe/Berlin", "2024-03-31 01:59:59", "2024-03-31 00:59:59+00"},
		{"Europe/Berlin", "2024-03-31 02:00:00", "2024-03-31 01:00:00+00"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31 01:30:00+00"},
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31 01:00:00+00"},
		{"Europe/Berlin", "2024-10-27 01:59:59", "2024-10-26 23:59:59+00"},
		{"Europe/Berlin", "2024-10-27 02:00:00", "2024-10-27 01:00:00+00"},
		{"Europe/Berlin", "2024-10-27 02:59:59", "2024-10-27 01:59:59+00"},
		{"Europe/Berlin", "2024-10-27 03:00:00", "2024-10-27 02:00:00+00"},
		{"America/New_York", "2024-03-10 02:30:00", "2024-03-10 07:30:00+00"},
		{"America/New_York", "2024-11-03 01:30:00", "2024-11-03 06:30:00+00"},
		{"Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06 15:15:00+00"},
		{"Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 22:00:00+00"},
		{"Asia/Kolkata", "1800-01-01 00:00:00", "1799-12-31 18:06:32+00"},
		{"Europe/Berlin", "2500-07-01 12:00:00", "2500-07-01 10:00:00+00"},
	} {
		parseCase{typ: "timestamptz", format: "iso@" + c.zone, in: c.in, want: c.want}.run(t)
	}
}

// The remembered stretch must not change what is read.
func TestZoneMemory(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"} {
		location, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		remembering := newZone(location)
		rapid.Check(t, func(t *rapid.T) {
			wall := rapid.Int64Range(-3e9, 3e9).Draw(t, "seconds") * microsPerSecond
			fresh := newZone(location)
			utc := fresh.toUTC(wall)
			if got := remembering.toUTC(wall); got != utc {
				t.Fatalf("%s: %d, fresh %d", name, got, utc)
			}
			back := fresh.toWall(utc)
			at := time.Unix(utc/microsPerSecond+unixToEpoch, 0).In(location)
			_, offset := at.Zone()
			if remembering.toWall(utc) != back || back != utc+int64(offset)*microsPerSecond {
				t.Fatalf("%s: wall %d, %d, offset %d", name, back, utc, offset)
			}
		})
	}
}

func TestCalendarAgreesWithTime(t *testing.T) {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	check := func(days int64) {
		want := time.Unix(epoch+days*secondsPerDay, 0).UTC()
		year, month, day := civilFromDays(days)
		if year != want.Year() || month != int(want.Month()) || day != want.Day() || daysFromCivil(year, month, day) != days {
			t.Fatalf("day %d is %d-%d-%d, want %s", days, year, month, day, want)
		}
		if daysIn(year, month) < day {
			t.Fatalf("day %d: month %d has %d days", days, month, daysIn(year, month))
		}
	}
	for days := int64(-150_000); days < 150_000; days++ {
		check(days)
	}
	for days := int64(minDate); days < endDate; days += 9973 {
		check(days)
	}
	check(endDate - 1)
}

func TestIsoDateReadsExactlyTheDaysThereAre(t *testing.T) {
	p := newParser(t, "date", "")
	var v Value
	for year := 1896; year <= 2004; year++ {
		for month := range 15 {
			for day := range 34 {
				text := appendCivil(nil, year, month, day)
				want := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
				exists := want.Year() == year && int(want.Month()) == month && want.Day() == day
				if e := p.Parse(text, &v); exists != (e == nil) || exists && !bytes.Equal(v.AppendText(nil, p.Type()), text) {
					t.Fatalf("%s: %v", text, e)
				}
			}
		}
	}
}

func TestParseFormatOfDatesRefuses(t *testing.T) {
	for _, c := range []struct {
		kind     Kind
		in, part string
	}{
		{Date, "DD/MM", "no year"},
		{Date, "YYYY/DD", "no month"},
		{Date, "MM/YYYY", "no day"},
		{Date, "foo", `"foo" in it is not known`},
		{Date, "2024-01-31", "not an example"},
		{Date, "DD/MM/YYYY/MM", "stands twice"},
		{Date, "%Q", "%Q is not known"},
		{Date, "%d/%", "ends in %"},
		{Date, `"DD/MM/YYYY`, "not closed"},
		{Timestamp, "DD/MM/YYYY HH12:MI", "HH12 needs AM"},
		{Timestamp, "DD/MM/YYYY MI:SS", "no hour"},
		{Timestamp, "DD/MM/YYYY HH24:SS", "something is missing"},
		{Timestamp, "DD/MM/YYYY HH24:MI.FF", "something is missing"},
		{Timestamp, "iso@Foo/Bar", "not a time zone"},
		{Timestamp, "iso@", "not a time zone"},
		{Timestamp, "iso@Local", "not a time zone"},
		{Timestamp, "iso@../../etc/passwd", "not a time zone"},
		{Time, "DD/MM/YYYY", "neither date nor zone"},
		{Time, "epoch", "the word is for dates"},
		{Time, "HH24:MI TZ", "neither date nor zone"},
		{Text, "DD/MM/YYYY", "takes no format"},
		{Interval, "iso", "takes no format"},
		{Bytea, "utf8", "hex or base64"},
		{Boolean, "yes", "no slash"},
		{Boolean, "a/b/c", "more than one slash"},
		{Boolean, "yes/", "empty"},
		{Boolean, "yes|y/Y|no", "stands twice"},
		{Date, "DD/MM/YYYY\xff", "not text"},
	} {
		if f, err := ParseFormat(c.kind, c.in); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("ParseFormat(%s, %q) = %+v, %v; want %q", c.kind, c.in, f, err, c.part)
		}
	}
	f, err := ParseFormat(Timestamp, "dmy @ Europe/Berlin")
	if err != nil || f.Location().String() != "Europe/Berlin" {
		t.Errorf("%+v, %v", f, err)
	}
}
