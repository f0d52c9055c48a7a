package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/etl"
)

// Changes are the differences between two versions of a job.
type Changes struct {
	JobID   int64          `json:"job_id"`
	From    int64          `json:"from_version"`
	To      int64          `json:"to_version"`
	Fields  []FieldChange  `json:"fields" doc:"What differs of the job itself"`
	Columns []ColumnChange `json:"columns" doc:"What differs of the mapping, by destination column"`
}

// FieldChange is a field before and after, as JSON; null where it was not set.
type FieldChange struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// ColumnChange is a mapped column that differs.
type ColumnChange struct {
	Destination string        `json:"destination"`
	Change      string        `json:"change" enum:"added,removed,changed"`
	Fields      []FieldChange `json:"fields"`
}

// JobChanges tells the fields in which a version of a job differs from another;
// from 0 is the version before it.
func (p *Portal) JobChanges(ctx context.Context, id, from, to int64) (*Changes, error) {
	if from == 0 {
		from = to - 1
	}
	after, err := p.jobVersion(ctx, id, to)
	if err != nil {
		return nil, err
	}
	out := &Changes{JobID: id, From: from, To: to, Fields: []FieldChange{}, Columns: []ColumnChange{}}
	var before etl.Job
	if from > 0 {
		if before, err = p.jobVersion(ctx, id, from); err != nil {
			return nil, err
		}
	}
	a, b := jobView(before), jobView(after)
	for _, j := range []*Job{&a, &b} {
		// Neither is a choice of the user's.
		j.ID, j.Version, j.CreatedAt, j.UpdatedAt = 0, 0, after.CreatedAt, after.CreatedAt
		j.Columns = nil
	}
	if out.Fields, err = differences(a, b); err != nil {
		return nil, err
	}
	out.Columns, err = columnChanges(before.Mapping.Columns, after.Mapping.Columns)
	return out, err
}

func (p *Portal) jobVersion(ctx context.Context, id, version int64) (etl.Job, error) {
	if version < 1 || version == math.MaxInt64 {
		return etl.Job{}, etl.Mistakef("not_found", "Look at the job's versions", "job %d has no version %d", id, version)
	}
	v, err := p.Store.JobVersion(ctx, id, version)
	return v.Job, err
}

func columnChanges(before, after []etl.ColumnMapping) ([]ColumnChange, error) {
	out := []ColumnChange{}
	find := func(in []etl.ColumnMapping, name string) *etl.ColumnMapping {
		if i := slices.IndexFunc(in, func(m etl.ColumnMapping) bool { return m.Destination == name }); i >= 0 {
			return &in[i]
		}
		return nil
	}
	add := func(name, change string, a, b etl.ColumnMapping) error {
		fields, err := differences(a, b)
		if err == nil && len(fields) > 0 {
			out = append(out, ColumnChange{name, change, fields})
		}
		return err
	}
	for _, m := range after {
		change, was := "changed", find(before, m.Destination)
		if was == nil {
			change, was = "added", &etl.ColumnMapping{Destination: m.Destination}
		}
		if err := add(m.Destination, change, *was, m); err != nil {
			return nil, err
		}
	}
	for _, m := range before {
		if find(after, m.Destination) == nil {
			if err := add(m.Destination, "removed", m, etl.ColumnMapping{Destination: m.Destination}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// differences are the JSON fields in which two values of a type differ, in their order in the type.
func differences[T any](before, after T) ([]FieldChange, error) {
	a, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	b, err := fieldsOf(after)
	if err != nil {
		return nil, err
	}
	out := []FieldChange{}
	for _, name := range fieldNames(reflect.TypeFor[T]()) {
		x, y := a[name], b[name]
		if bytes.Equal(x, y) {
			continue
		}
		out = append(out, FieldChange{name, orNull(x), orNull(y)})
	}
	return out, nil
}

func orNull(text json.RawMessage) json.RawMessage {
	if text == nil {
		return json.RawMessage("null")
	}
	return text
}

func fieldsOf(v any) (map[string]json.RawMessage, error) {
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("compare versions: %w", err)
	}
	return fields, nil
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
