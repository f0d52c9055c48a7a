package portal

import (
	"context"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// SuggestInput asks how a file's columns might fill a table.
type SuggestInput struct {
	FileID       string `json:"file_id" format:"uuid"`
	CredentialID int64  `json:"credential_id" minimum:"1"`
	Schema       string `json:"schema,omitempty" maxLength:"63"`
	Table        string `json:"table" minLength:"1" maxLength:"63"`
	CreateTable  bool   `json:"create_table,omitempty"`
}

// Suggestion is a mapping by name, with what it leaves open.
type Suggestion struct {
	Columns []etl.ColumnMapping `json:"column_mappings"`
	Matches []Match             `json:"matches"`
	// Sources are the file's columns that fit none of the table.
	Sources []string `json:"unmatched_sources" doc:"Columns of the file that fit none of the table"`
	// Destinations are the table's columns that nothing fills.
	Destinations []string `json:"unmatched_destinations" doc:"Columns of the table that nothing fills, and that the database does not fill itself"`
	DDL          string   `json:"ddl"`
}

// Suggest matches columns by name and says what is left over on either side.
func (p *Portal) Suggest(ctx context.Context, in SuggestInput) (*Suggestion, error) {
	src, err := p.inspected(ctx, in.FileID)
	if err != nil {
		return nil, at(err, "body.file_id")
	}
	columns, err := columnsOf(&src)
	if err != nil {
		return nil, err
	}
	sources := sourcesOf(columns)
	out := &Suggestion{Columns: []etl.ColumnMapping{}, Matches: []Match{}, Sources: []string{}, Destinations: []string{}}
	job := &etl.Job{CredentialID: in.CredentialID, Schema: in.Schema, Table: in.Table, CreateTable: in.CreateTable}
	err = p.with(ctx, in.CredentialID, func(ctx context.Context, dest etl.FanOut) error {
		table, err := p.target(ctx, dest, job)
		if err != nil {
			return err
		}
		if table == nil {
			c := &checked{}
			if err := c.match(job, sources, nil); err != nil {
				return err
			}
			out.Columns, out.Matches = job.Mapping.Columns, c.matches
			table = &schema.Table{Schema: in.Schema, Name: in.Table}
			for i, m := range job.Mapping.Columns {
				table.Columns = append(table.Columns, schema.Column{Name: m.Destination, Type: sources[i].Type})
			}
		} else if err := out.pair(sources, table); err != nil {
			return err
		}
		out.DDL = dest.CreateTableSQL(table)
		return nil
	})
	if err != nil {
		return nil, p.place(forAPI(err), job)
	}
	return out, nil
}

// pair matches by name and lists what is left over.
func (s *Suggestion) pair(sources []transform.Source, table *schema.Table) error {
	m, matches, err := transform.AutoMap(sources, table)
	// What does not match is the answer here, not a mistake.
	if err != nil && (!isCode(err, "unmatched_columns") || matches == nil) {
		return err
	}
	if m.Columns != nil {
		s.Columns = m.Columns
	}
	used := map[string]bool{}
	for i, x := range matches {
		s.Matches = append(s.Matches, Match{x.Source, x.Destination, x.Exact, x.Note})
		used[x.Source] = true
		if c := table.Columns[i]; x.Source == "" && !c.Generated && c.Identity == "" && !c.HasDefault {
			s.Destinations = append(s.Destinations, x.Destination)
		}
	}
	for _, source := range sources {
		if !used[source.Name] {
			s.Sources = append(s.Sources, source.Name)
		}
	}
	return nil
}
