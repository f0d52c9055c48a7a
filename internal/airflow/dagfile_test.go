package airflow

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
)

// literal is one string of printable ASCII in Python and in Go, with nothing
// behind it.
var literal = regexp.MustCompile(`^SCHEDULE = json\.loads\("(?:[ !\x23-\x5b\x5d-~]|\\["\\abfnrtv]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*"\)$`)

// Whatever a person has written, the file is the same but for that literal, and
// reads back as it was.
func TestNamesAreData(t *testing.T) {
	check := func(t require.TestingT, name, cron, zone string) {
		s := etl.Schedule{ID: 5, JobID: 3, Cron: cron, Timezone: zone, Enabled: true, Overlap: etl.OverlapSkip, CatchUp: etl.CatchUpNone, Version: 2, UpdatedAt: time.Unix(1e9, 0)}
		d, err := document(&s, &etl.Job{ID: 3, Name: name}, "etl_job_3_scheduled", DefaultConnection, scheduled{})
		require.NoError(t, err)
		content, err := render(d)
		require.NoError(t, err)
		was, is := strings.Split(dagSource, "\n"), strings.Split(string(content), "\n")
		require.Len(t, is, len(was))
		for i := range was {
			if was[i] == blank {
				require.Regexp(t, literal, is[i])
				continue
			}
			require.Equal(t, was[i], is[i])
		}
		back, readable := parse(content)
		require.True(t, readable)
		require.Equal(t, string([]rune(d.Cron)), back.Cron)
		require.Equal(t, d.Description, back.Description)
	}
	for _, name := range []string{
		`"""`, `')`, "\"); import os; os.system('x') #", "\n\nimport os", "\\", `\"`, `\u0022`, "\x00\x1b", "\u2028\u2029\u0085\ufeff", "{{ 7*7 }}", "é😀", "\xff\xfe", `\N{BULLET}`, blank,
		strings.Repeat("ß", 1000),
	} {
		check(t, name, name, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.String().Draw(t, "name"), rapid.String().Draw(t, "cron"), rapid.String().Draw(t, "zone"))
	})
}

func TestDocument(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	later, end := at.Add(time.Hour), at.Add(48*time.Hour)
	base := etl.Schedule{
		ID: 5, JobID: 3, Cron: "@midnight", Timezone: "UTC", Overlap: etl.OverlapQueue, CatchUp: etl.CatchUpOne, CatchUpMax: 4, Version: 2,
		CreatedAt: at.Add(-time.Hour), UpdatedAt: at,
	}
	with := func(change func(s *etl.Schedule)) etl.Schedule {
		s := base
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		s      etl.Schedule
		before scheduled
		want   func(d *scheduled)
	}{
		"the latest missed time fires, as in Airflow": {base, scheduled{}, func(*scheduled) {}},
		"a missed time does not":                      {with(func(s *etl.Schedule) { s.CatchUp = etl.CatchUpNone }), scheduled{}, func(d *scheduled) { d.LateSeconds = 300 }},
		"all of them do": {with(func(s *etl.Schedule) { s.CatchUp = etl.CatchUpAll }), scheduled{}, func(d *scheduled) {
			d.CatchUp, d.Latest, d.Start = true, 4, "2026-11-01T11:00:00Z"
		}},
		"bounds": {with(func(s *etl.Schedule) { s.StartAt, s.EndAt = &later, &end }), scheduled{}, func(d *scheduled) {
			d.Start, d.End = "2026-11-01T13:00:00Z", "2026-11-03T11:59:59Z"
		}},
		"a start that has passed": {with(func(s *etl.Schedule) { s.StartAt = &base.CreatedAt }), scheduled{}, func(*scheduled) {}},
		"written again":           {with(func(s *etl.Schedule) { s.UpdatedAt = later }), scheduled{Version: 2, Start: "2026-11-01T12:00:00Z"}, func(*scheduled) {}},
		"another version": {with(func(s *etl.Schedule) { s.UpdatedAt = later }), scheduled{Version: 1, Start: "2026-10-01T12:00:00Z"}, func(d *scheduled) {
			d.Start = "2026-11-01T13:00:00Z"
		}},
		"side by side": {with(func(s *etl.Schedule) { s.Overlap, s.Enabled = etl.OverlapAllow, true }), scheduled{}, func(d *scheduled) {
			d.Overlap, d.MaxActiveRuns, d.Enabled = "allow", 16, true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := scheduled{
				DAG: "x", ScheduleID: 5, JobID: 3, Version: 2, Connection: "c", Description: "Runs job 3 of ETL Portal: n", Cron: "0 0 * * *", Timezone: "UTC",
				Tags:  []string{"etl-portal", "job:3", "schedule:5", "version:2", "portal:c"},
				Start: "2026-11-01T12:00:00Z", Overlap: "queue", MaxActiveRuns: 1,
			}
			c.want(&want)
			got, err := document(&c.s, &etl.Job{Name: "n"}, "x", "c", c.before)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	jitter := with(func(s *etl.Schedule) { s.Jitter = time.Minute })
	_, err := document(&jitter, &etl.Job{}, "x", "c", scheduled{})
	refusal(t, err, etl.Mistake, "airflow_jitter")
}

// What is no file of ours is taken for nobody's.
func TestParse(t *testing.T) {
	for _, content := range []string{"", "import os", literalMark, literalMark + `"{`, literalMark + `"nonsense")`, literalMark + `"{}")`, literalMark + `"{\"schedule_id\":-1,\"job_id\":1}")`} {
		_, readable := parse([]byte(content))
		require.False(t, readable, content)
	}
}
