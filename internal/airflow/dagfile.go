package airflow

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/etlportal/etlportal/internal/etl"
)

// dagSource is every generated file but for one literal: nothing of a schedule
// or a job is ever code.
//
//go:embed scheduled.py
var dagSource string

const (
	// literalMark begins the line with the literal.
	literalMark = "SCHEDULE = json.loads("
	// blank is what the literal is in dagSource.
	blank = literalMark + `"{}")`
	// lateAfter is how much later than its time a firing is a missed one.
	lateAfter = 5 * time.Minute
	// activeRuns is how many DAG runs of a schedule Airflow may have under way.
	activeRuns = 16
	// maxText bounds a description, in characters.
	maxText = 200
)

// scheduled is the literal of a generated file.
type scheduled struct {
	DAG        string `json:"dag_id"`
	ScheduleID int64  `json:"schedule_id"`
	JobID      int64  `json:"job_id"`
	Version    int64  `json:"version"`
	Connection string `json:"connection"`
	// Description has the job's name.
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Cron        string   `json:"cron"`
	Timezone    string   `json:"timezone"`
	// Start is the earliest time that fires, End the last; "" is none.
	Start   string `json:"start"`
	End     string `json:"end"`
	Enabled bool   `json:"enabled"`
	CatchUp bool   `json:"catchup"`
	// Latest is how many of the times that have passed still fire; 0: any.
	Latest int `json:"latest"`
	// LateSeconds is how late a firing may be; 0: any.
	LateSeconds   int    `json:"late_seconds"`
	Overlap       string `json:"overlap"`
	MaxActiveRuns int    `json:"max_active_runs"`
}

func scheduleTag(id int64) string        { return fmt.Sprintf("schedule:%d", id) }
func versionTag(version int64) string    { return fmt.Sprintf("version:%d", version) }
func portalTag(connection string) string { return "portal:" + connection }

// presets are the forms without fields; Airflow does not know all of them.
var presets = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// document is a schedule as its file has it. before is what the file has now:
// within one version its start stays, so that writing it again skips no firing.
func document(s *etl.Schedule, j *etl.Job, id, connection string, before scheduled) (scheduled, error) {
	if s.Jitter != 0 {
		return scheduled{}, etl.Mistakef("airflow_jitter", "Set jitter_seconds to 0, or the engine to native.",
			"Airflow fires schedules at their time: it has no jitter of %s", s.Jitter)
	}
	d := scheduled{
		DAG: id, ScheduleID: s.ID, JobID: s.JobID, Version: s.Version, Connection: connection,
		Description: plain(fmt.Sprintf("Runs job %d of ETL Portal: %s", s.JobID, j.Name)),
		Tags:        []string{"etl-portal", fmt.Sprintf("job:%d", s.JobID), scheduleTag(s.ID), versionTag(s.Version), portalTag(connection)},
		Cron:        strings.TrimSpace(s.Cron), Timezone: s.Timezone, Enabled: s.Enabled, Overlap: string(s.Overlap), MaxActiveRuns: activeRuns,
	}
	if fields, ok := presets[strings.ToLower(d.Cron)]; ok {
		d.Cron = fields
	}
	start := s.UpdatedAt
	switch s.CatchUp {
	case etl.CatchUpNone:
		d.LateSeconds = int(lateAfter / time.Second)
	case etl.CatchUpAll:
		// Times that have passed count from when the schedule was made.
		start, d.CatchUp, d.Latest = s.CreatedAt, true, s.CatchUpMax
	case etl.CatchUpOne: // as Airflow does by itself
	}
	if s.StartAt != nil && s.StartAt.After(start) {
		start = *s.StartAt
	}
	d.Start = moment(&start)
	if before.Version == d.Version && before.Start != "" {
		d.Start = before.Start
	}
	if s.EndAt != nil {
		last := s.EndAt.Add(-time.Second)
		d.End = moment(&last)
	}
	if s.Overlap == etl.OverlapQueue {
		d.MaxActiveRuns = 1
	}
	return d, nil
}

// plain is a text in one line without control characters.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText-1]) + "…"
	}
	return text
}

// render is the file of a schedule. The literal is ASCII, and a string in
// Python as it is in Go: every escape of strconv means the same there.
func render(d scheduled) ([]byte, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return []byte(strings.Replace(dagSource, blank, literalMark+strconv.QuoteToASCII(string(text))+")", 1)), nil
}

// parse reads the literal of a generated file.
func parse(content []byte) (scheduled, bool) {
	var d scheduled
	for line := range bytes.Lines(content) {
		literal, ok := strings.CutPrefix(strings.TrimSpace(string(line)), literalMark)
		if !ok {
			continue
		}
		text, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
		if err != nil || json.Unmarshal([]byte(text), &d) != nil {
			return scheduled{}, false
		}
		return d, d.ScheduleID > 0 && d.JobID > 0
	}
	return scheduled{}, false
}
