package portal

import (
	"context"
	"errors"
	"slices"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
	"github.com/etlportal/etlportal/internal/workflow"
)

// Drift says how a file differs from the one that a job was made for.
type Drift struct {
	JobID  int64  `json:"job_id"`
	FileID string `json:"file_id" format:"uuid" doc:"The other file"`
	// Compatible says that the mapping can be used; single rows may be bad all the same.
	Compatible bool            `json:"compatible" doc:"The job's mapping can be used with the file; single rows may be bad all the same"`
	Problem    *MappingProblem `json:"problem,omitempty" doc:"Why it cannot"`
	Missing    []DriftColumn   `json:"missing" doc:"Columns that the job's file has and this one lacks"`
	Added      []DriftColumn   `json:"added" doc:"Columns that only this file has; the job does not load them"`
	Changed    []DriftChange   `json:"changed" doc:"Columns whose values are of another type, or written in another way"`
	Reordered  bool            `json:"reordered" doc:"The columns that both have are in another order, which changes nothing"`
}

// DriftColumn is a column that one of two files has.
type DriftColumn struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Destinations []string `json:"destinations" doc:"The columns of the table that the mapping fills from it"`
}

// DriftChange is a column that differs between two files.
type DriftChange struct {
	DriftColumn

	TypeBefore   string `json:"type_before"`
	Format       string `json:"format,omitempty"`
	FormatBefore string `json:"format_before,omitempty"`
	// Widened is what needs a look.
	Widened bool `json:"widened" doc:"Values of the new type are not always of the one before"`
}

// Drift compares a file with the one that a job was made for, column by column.
func (p *Portal) Drift(ctx context.Context, jobID int64, fileID string) (*Drift, error) {
	job, err := p.Store.Job(ctx, jobID)
	if err != nil {
		return nil, err
	}
	var files [2][]workflow.ColumnView
	var zone transform.Options
	for i, id := range []string{job.FileID, fileID} {
		src, err := p.inspected(ctx, id)
		if err != nil {
			return nil, at(err, "query.file_id")
		}
		if files[i], err = columnsOf(&src); err != nil {
			return nil, err
		}
		zone = p.zoneOf(&src)
	}
	before, after := files[0], files[1]
	out := &Drift{JobID: jobID, FileID: fileID, Compatible: true, Missing: []DriftColumn{}, Added: []DriftColumn{}, Changed: []DriftChange{}}
	was, is := sourcesOf(before), sourcesOf(after)
	last := -1
	for i, c := range before {
		j := named(is, c.Name)
		if j < 0 {
			out.Missing = append(out.Missing, driftColumn(&job, &was[i]))
			continue
		}
		out.Reordered = out.Reordered || j < last
		last = max(last, j)
		if was[i].Type != is[j].Type || was[i].Format != is[j].Format {
			change := DriftChange{driftColumn(&job, &is[j]), was[i].Type.String(), is[j].Format, was[i].Format, !converts(is[j].Type, was[i].Type)}
			out.Changed = append(out.Changed, change)
		}
	}
	for i := range after {
		if named(was, after[i].Name) < 0 {
			out.Added = append(out.Added, driftColumn(&job, &is[i]))
		}
	}
	_, err = transform.Compile(job.Mapping, is, nil, zone)
	if e, ok := errors.AsType[*etl.Error](err); ok {
		out.Compatible, out.Problem = false, mappingProblem(e, "mapping."+transform.PathOf(err))
		err = nil
	}
	return out, err
}

// named is the index of the column of a name, exact before alike; -1 where there is none.
func named(columns []transform.Source, name string) int {
	if i := slices.IndexFunc(columns, func(c transform.Source) bool { return c.Name == name }); i >= 0 {
		return i
	}
	return slices.IndexFunc(columns, func(c transform.Source) bool { return schema.MatchName(c.Name, name) })
}

func driftColumn(job *etl.Job, c *transform.Source) DriftColumn {
	out := DriftColumn{Name: c.Name, Type: c.Type.String(), Destinations: []string{}}
	for _, m := range job.Mapping.Columns {
		if m.Source != "" && schema.MatchName(m.Source, c.Name) {
			out.Destinations = append(out.Destinations, m.Destination)
		}
	}
	return out
}
