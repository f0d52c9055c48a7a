package cron_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/cron"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func parse(t testing.TB, text string) cron.Expression {
	t.Helper()
	e, err := cron.Parse(text)
	require.NoError(t, err, text)
	return e
}

func TestParseMistakes(t *testing.T) {
	for _, tc := range []struct {
		text, field, value string
		position           int
		says               string
	}{
		{"", "expression", "", 0, "empty"},
		{"   ", "expression", "", 0, "empty"},
		{"@sometimes", "expression", "@sometimes", 0, "@hourly"},
		{"@reboot", "expression", "@reboot", 0, "short form"},
		{"* * * *", "expression", "* * * *", 0, "4 fields"},
		{"0 0 * * * *", "expression", "0 0 * * * *", 0, "seconds"},
		{"0 0 0 ? * MON *", "expression", "0 0 0 ? * MON *", 0, "seconds"},
		{"60 * * * *", "minute", "60", 0, "0 to 59"},
		{" 5,61 * * * *", "minute", "61", 3, "0 to 59"},
		{"-1 * * * *", "minute", "-1", 0, "is no minute"},
		{"* 24 * * *", "hour", "24", 2, "0 to 23"},
		{"* * 0 * *", "day_of_month", "0", 4, "1 to 31"},
		{"* * 32 * *", "day_of_month", "32", 4, "1 to 31"},
		{"* * ? * *", "day_of_month", "?", 4, "another kind"},
		{"* * L * *", "day_of_month", "L", 4, "another kind"},
		{"* * * 13 *", "month", "13", 6, "JAN to DEC"},
		{"* * * FOO *", "month", "FOO", 6, "is no month"},
		{"* * * * 8", "day_of_week", "8", 8, "SUN to SAT"},
		{"* * * * MON#2", "day_of_week", "MON#2", 8, "another kind"},
		{"* * * * FRI-MON", "day_of_week", "FRI-MON", 8, "FRI-6,0-MON"},
		{"* 22-2 * * *", "hour", "22-2", 2, "22-23,0-2"},
		{"*/0 * * * *", "minute", "*/0", 0, "from 1 on"},
		{"*/x * * * *", "minute", "*/x", 0, "from 1 on"},
		{"*/90 * * * *", "minute", "*/90", 0, "below 60"},
		{"5/10 * * * *", "minute", "5/10", 0, "5-59/10"},
		{"1,,2 * * * *", "minute", "", 2, "comma"},
		{"0.5 * * * *", "minute", "0.5", 0, "is no minute"},
		{"٣ * * * *", "minute", "٣", 0, "is no minute"},
		{"0 0 31 2 *", "day_of_month", "31", 4, "no chosen month"},
		{"0 0 30,31 FEB *", "day_of_month", "30,31", 4, "no chosen month"},
		{"0 0 31 4,6,9,11 *", "day_of_month", "31", 4, "no chosen month"},
		{"0 0 31 2 */2", "day_of_month", "31", 4, "no chosen month"},
		{strings.Repeat("1,", 300) + "1 * * * *", "expression", strings.Repeat("1,", 20) + "…", 0, "longer"},
	} {
		_, err := cron.Parse(tc.text)
		list, ok := errors.AsType[cron.Errors](err)
		require.True(t, ok, "%q: %v", tc.text, err)
		require.Equal(t, []any{tc.field, tc.value, tc.position}, []any{list[0].Field, list[0].Value, list[0].Position}, tc.text)
		require.Contains(t, list[0].Error(), tc.says, tc.text)
	}
	_, err := cron.Parse("61 25 0 13 MON,9")
	list, ok := errors.AsType[cron.Errors](err)
	require.True(t, ok)
	require.Len(t, list, 5, "every field is named")
	require.Contains(t, err.Error(), "4 more")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"* * * * *", "@daily", "*/5 1-3 1,2 JAN-MAR MON", "0 0 31 2 *", "\x00", "7-0/9 ? L W#"} {
		f.Add(s)
	}
	after := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := cron.Parse(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		at := e.Next(after, time.UTC)
		require.True(t, at.IsZero() || at.After(after))
		require.True(t, at.IsZero() || e.Fires(at, time.UTC))
	})
}

func TestNext(t *testing.T) {
	utc := time.Date(2026, 1, 15, 10, 30, 20, 0, time.UTC) // a Thursday
	for expression, want := range map[string]string{
		"* * * * *":            "2026-01-15 10:31",
		"*/15 * * * *":         "2026-01-15 10:45",
		"30 10 * * *":          "2026-01-16 10:30",
		"@hourly":              "2026-01-15 11:00",
		"@daily":               "2026-01-16 00:00",
		"@midnight":            "2026-01-16 00:00",
		"@Weekly":              "2026-01-18 00:00",
		"@monthly":             "2026-02-01 00:00",
		"@yearly":              "2027-01-01 00:00",
		"@annually":            "2027-01-01 00:00",
		"0 9 * * MON-FRI":      "2026-01-16 09:00",
		"0 9 * * 7":            "2026-01-18 09:00",
		"0 9 * * 0":            "2026-01-18 09:00",
		"0 9 * * fri-sun":      "2026-01-16 09:00",
		"0 9 * * 5-7":          "2026-01-16 09:00",
		"0 0 13 * FRI":         "2026-01-16 00:00", // either
		"0 0 */2 * MON":        "2026-01-19 00:00", // both
		"0 0 29 2 *":           "2028-02-29 00:00",
		"0 0 29 FEB */6":       "2032-02-29 00:00", // a Sunday, and not a Saturday before
		"5,10-12 8-18/5 * * *": "2026-01-15 13:05",
		"0\t0  1 JUL,AUG *":    "2026-07-01 00:00",
	} {
		require.Equal(t, want, parse(t, expression).Next(utc, time.UTC).Format("2006-01-02 15:04"), expression)
	}
}

// Changes of the clocks in five zones: forward and back, by a whole and half an
// hour, at midnight, and a day that there was not.
func TestClockChanges(t *testing.T) {
	const layout = "2006-01-02T15:04Z07:00"
	for _, tc := range []struct {
		zone, expression, after string
		want                    []string
		note                    string
	}{
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00+01:00", []string{"2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"}, "there is no 02:30"},
		{"Europe/Berlin", "0,30 2 * * *", "2026-03-28T12:00+01:00", []string{"2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"}, "there is no 02:00"},
		{"Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00+01:00", []string{"2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"}, "there is no 02:00"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00+02:00", []string{"2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"}, "comes twice, and it fires the first"},
		{"Europe/Berlin", "30 * * * *", "2026-03-29T01:00+01:00", []string{"2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00", "2026-03-29T04:30+02:00"}, ""},
		{"Europe/Berlin", "30 * * * *", "2026-10-25T01:45+02:00", []string{"2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"}, "both times"},
		{"Europe/Berlin", "0 */2 * * *", "2026-10-25T01:00+02:00", []string{"2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T04:00+01:00"}, "both times"},
		{"Europe/Berlin", "0 */2 * * *", "2026-03-29T00:00+01:00", []string{"2026-03-29T04:00+02:00", "2026-03-29T06:00+02:00"}, ""},
		{"America/New_York", "15 2 * * SUN", "2026-03-07T00:00-05:00", []string{"2026-03-08T03:00-04:00", "2026-03-15T02:15-04:00"}, "there is no 02:15"},
		{"America/New_York", "15 1 * * *", "2026-10-31T12:00-04:00", []string{"2026-11-01T01:15-04:00", "2026-11-02T01:15-05:00"}, "comes twice"},
		{"America/New_York", "*/30 * * * *", "2026-11-01T01:10-04:00", []string{"2026-11-01T01:30-04:00", "2026-11-01T01:00-05:00", "2026-11-01T01:30-05:00", "2026-11-01T02:00-05:00"}, "both times"},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00+10:30", []string{"2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"}, "there is no 02:15"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00+11:00", []string{"2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"}, "comes twice"},
		{"Africa/Cairo", "30 0 * * *", "2026-04-23T12:00+02:00", []string{"2026-04-24T01:00+03:00", "2026-04-25T00:30+03:00"}, "there is no 00:30"},
		{"Africa/Cairo", "@daily", "2026-04-23T12:00+02:00", []string{"2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"}, "there is no 00:00"},
		{"Africa/Cairo", "30 23 * * *", "2026-10-29T12:00+03:00", []string{"2026-10-29T23:30+03:00", "2026-10-30T23:30+02:00"}, "comes twice"},
		{"Pacific/Apia", "0 9 * * *", "2011-12-28T12:00-10:00", []string{"2011-12-29T09:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"}, ""},
		{"Asia/Kolkata", "30 2 * * *", "2026-03-28T12:00+05:30", []string{"2026-03-29T02:30+05:30", "2026-03-30T02:30+05:30"}, ""},
	} {
		after, err := time.Parse(layout, tc.after)
		require.NoError(t, err)
		var got []string
		firings := parse(t, tc.expression).Upcoming(after, zone(t, tc.zone), len(tc.want))
		for _, f := range firings {
			got = append(got, f.At.Format(layout))
		}
		require.Equal(t, tc.want, got, "%s in %s", tc.expression, tc.zone)
		if tc.note == "" {
			require.Empty(t, firings[0].Note, tc.expression)
		} else {
			require.Contains(t, firings[0].Note, tc.note)
		}
	}
}

// set reads a list of values and ranges by itself, for the matchers below.
func set(t testing.TB, text string, first, last int, names []string) map[int]bool {
	t.Helper()
	value := func(s string) int {
		if i := slices.Index(names, s); i >= 0 {
			return i + first
		}
		n, err := strconv.Atoi(s)
		require.NoError(t, err, text)
		return n
	}
	out := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		span, step, _ := strings.Cut(part, "/")
		by := 1
		if step != "" {
			by = value(step)
		}
		from, to := first, last
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			from = value(a)
			to = from
			if ranged {
				to = value(b)
			}
		}
		for v := from; v <= to; v += by {
			out[v] = true
		}
	}
	return out
}

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// sixFields matches a time on the wall by EventBridge's rules: exactly one of
// the day fields is ?, and Sunday is 1.
func sixFields(t testing.TB, expression string) func(time.Time) bool {
	t.Helper()
	inner, ok := strings.CutPrefix(strings.TrimSuffix(expression, ")"), "cron(")
	require.True(t, ok, expression)
	f := strings.Fields(inner)
	require.Len(t, f, 6, expression)
	require.NotEqual(t, f[2] == "?", f[4] == "?", expression)
	require.Equal(t, "*", f[5])
	require.Less(t, len(expression), 256, "EventBridge takes no longer ones")
	minute, hour, month := set(t, f[0], 0, 59, nil), set(t, f[1], 0, 23, nil), set(t, f[3], 1, 12, monthNames)
	var day, week map[int]bool
	if f[2] != "?" {
		day = set(t, f[2], 1, 31, nil)
	} else {
		week = set(t, f[4], 1, 7, dayNames)
	}
	return func(at time.Time) bool {
		return minute[at.Minute()] && hour[at.Hour()] && month[int(at.Month())] && (day == nil || day[at.Day()]) && (week == nil || week[int(at.Weekday())+1])
	}
}

// unix matches by crontab(5), written apart from the package.
func unix(t testing.TB, f []string) func(time.Time) bool {
	t.Helper()
	minute, hour, day, month := set(t, f[0], 0, 59, nil), set(t, f[1], 0, 23, nil), set(t, f[2], 1, 31, nil), set(t, f[3], 1, 12, monthNames)
	week := set(t, f[4], 0, 6, dayNames)
	either := !strings.HasPrefix(f[2], "*") && !strings.HasPrefix(f[4], "*")
	return func(at time.Time) bool {
		w := week[int(at.Weekday())] || at.Weekday() == time.Sunday && week[7]
		d := day[at.Day()]
		return minute[at.Minute()] && hour[at.Hour()] && month[int(at.Month())] && (d && w || either && (d || w))
	}
}

// randomField writes a field at random: *, steps, lists, ranges.
func randomField(r *rand.Rand, first, last int, names []string) string {
	name := func(v int) string {
		if names != nil && v-first < len(names) && r.IntN(2) == 0 {
			return names[v-first]
		}
		return strconv.Itoa(v)
	}
	one := func() string {
		a := first + r.IntN(last-first+1)
		b := a + r.IntN(last-a+1)
		switch r.IntN(4) {
		case 0:
			return name(a) + "-" + name(b)
		case 1:
			return fmt.Sprintf("%d-%d/%d", a, b, 1+r.IntN(last-first))
		default:
			return name(a)
		}
	}
	switch r.IntN(6) {
	case 0, 1:
		return "*"
	case 2:
		return fmt.Sprintf("*/%d", 1+r.IntN(min(last, 6+last/12)))
	}
	parts := []string{one()}
	for r.IntN(3) == 0 {
		parts = append(parts, one())
	}
	return strings.Join(parts, ",")
}

func randomExpression(r *rand.Rand) []string {
	return []string{
		randomField(r, 0, 59, nil), randomField(r, 0, 23, nil), randomField(r, 1, 31, nil), randomField(r, 1, 12, monthNames), randomField(r, 0, 6, dayNames),
	}
}

// matching finds the first minute from t on that any of the matchers takes,
// skipping days of which none takes any.
func matching(t time.Time, days int, match ...func(time.Time) bool) time.Time {
	end := t.AddDate(0, 0, days)
	for ; t.Before(end); t = t.Add(time.Minute) {
		for _, m := range match {
			if m(t) {
				return t
			}
		}
	}
	return time.Time{}
}

// What EventBridge is told fires at the same times as the expression, by
// matchers that know nothing of the package.
func TestEventBridge(t *testing.T) {
	const expressions, minutes = 10_000, 3
	r := rand.New(rand.NewPCG(8, 2026))
	said, two, refused, impossible := 0, 0, 0, 0
	for range expressions {
		f := randomExpression(r)
		text := strings.Join(f, " ")
		e, err := cron.Parse(text)
		if err != nil {
			require.Contains(t, err.Error(), "no chosen month", text)
			impossible++
			continue
		}
		translated, err := e.EventBridge()
		if err != nil {
			require.ErrorIs(t, err, cron.ErrBothDays)
			starred := strings.HasPrefix(f[2], "*") || strings.HasPrefix(f[4], "*")
			require.True(t, starred && f[2] != "*" && f[4] != "*", "%s can be said", text)
			refused++
			continue
		}
		said++
		require.LessOrEqual(t, len(translated), 2)
		if len(translated) == 2 {
			two++
		}
		var match []func(time.Time) bool
		for _, x := range translated {
			match = append(match, sixFields(t, x))
		}
		reference := unix(t, f)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(3*365*24*60)) * time.Minute)
		for range minutes {
			next := e.Next(at, time.UTC)
			require.False(t, next.IsZero(), text)
			require.True(t, reference(next), "%s at %s", text, next)
			// Nothing fires between, by either matcher; far ahead only the ends of it are looked at.
			const days = 2
			from := at.Truncate(time.Minute).Add(time.Minute)
			if got := matching(from, days, match...); !got.IsZero() || next.Before(from.AddDate(0, 0, days)) {
				require.Equal(t, next, got, "%s as %q after %s", text, translated, at)
			}
			require.Equal(t, next, matching(later(from, next.AddDate(0, 0, -days)), days+1, match...), "%s as %q", text, translated)
			require.Equal(t, next, matching(later(from, next.AddDate(0, 0, -days)), days+1, reference), text)
			at = next
		}
		// Every hour of a year is one that both take or neither does.
		for day := at; day.Before(at.AddDate(1, 0, 0)); day = day.Add(25 * time.Hour) {
			require.Equal(t, reference(day), slices.ContainsFunc(match, func(m func(time.Time) bool) bool { return m(day) }), "%s as %q at %s", text, translated, day)
		}
	}
	t.Logf("%d said, %d of them as two; %d refused because both days count, %d impossible", said, two, refused, impossible)
	require.Greater(t, said, expressions*7/10)
	require.Greater(t, two, 1000)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// In zones with changes of the clocks, every firing is one that the rules of
// the package's documentation give, found minute by minute.
func TestZonesByBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2026))
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago"} {
		loc := zone(t, name)
		changes := changesOf(loc, 2026)
		require.Len(t, changes, 2, name)
		for range 150 {
			f := randomExpression(r)
			f[2], f[3], f[4] = "*", "*", "*"
			text := strings.Join(f, " ")
			e := parse(t, text)
			reference := unix(t, f)
			for _, change := range changes {
				from, to := change.Add(-26*time.Hour), change.Add(26*time.Hour)
				want := byRule(reference, strings.HasPrefix(f[1], "*"), from, to, loc)
				var got []string
				for at := e.Next(from, loc); at.Before(to); at = e.Next(at, loc) {
					got = append(got, at.Format(time.RFC3339))
				}
				require.Equal(t, want, got, "%s in %s", text, name)
			}
		}
	}
}

func changesOf(loc *time.Location, year int) (changes []time.Time) {
	for t := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); t.Year() == year; t = t.Add(30 * time.Minute) {
		_, before := t.Add(-30 * time.Minute).In(loc).Zone()
		if _, after := t.In(loc).Zone(); after != before {
			changes = append(changes, t)
		}
	}
	return changes
}

// byRule walks the instants and, beside them, the clock on the wall.
func byRule(match func(time.Time) bool, elapsed bool, from, to time.Time, loc *time.Location) (fired []string) {
	shown := func(at time.Time) time.Time {
		at = at.In(loc)
		return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
	}
	reached := shown(from) // the furthest that the wall has shown
	for at := from.Truncate(time.Minute).Add(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		now := shown(at)
		fires := elapsed && match(now)
		if !elapsed {
			for reached.Before(now) {
				reached = reached.Add(time.Minute)
				fires = fires || match(reached)
			}
		}
		if fires {
			fired = append(fired, at.In(loc).Format(time.RFC3339))
		}
	}
	return fired
}

func BenchmarkNext(b *testing.B) {
	loc := zone(b, "Europe/Berlin")
	for _, text := range []string{"* * * * *", "0 6 * * MON-FRI", "0 0 29 2 *"} {
		e := parse(b, text)
		b.Run(text, func(b *testing.B) {
			for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); b.Loop(); {
				e.Next(at, loc)
			}
		})
	}
}
