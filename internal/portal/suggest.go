package portal

import (
	"context"
	"slices"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/transform"
)

// SuggestInput asks how a file's columns might fill a table.
type SuggestInput struct {
	FileID       string `json:"file_id" format:"uuid"`
	CredentialID int64  `json:"credential_id" minimum:"1"`
	Schema       string `json:"schema,omitempty" maxLength:"127"`
	Table        string `json:"table" minLength:"1" maxLength:"127"`
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
	// Candidates are pairs of those.
	Candidates []Candidate `json:"candidates" doc:"Pairs of what is unmatched whose names are alike, the likeliest first; they are not in column_mappings"`
	DDL        string      `json:"ddl" doc:"CREATE TABLE as it would run, or the columns and keys of the table that exists, in its own types"`
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
	out := &Suggestion{Columns: []etl.ColumnMapping{}, Matches: []Match{}, Sources: []string{}, Destinations: []string{}, Candidates: []Candidate{}}
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
				table.Columns = append(table.Columns, schema.Column{Name: m.Destination, Type: sources[i].Type, MaxBytes: sources[i].MaxBytes})
			}
			out.DDL = dest.CreateTableSQL(table)
			return nil
		}
		out.DDL = etl.TableSQL(dest, table)
		return out.pair(sources, table)
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
	if err != nil && !isCode(err, "unmatched_columns") {
		return err
	}
	if matches == nil {
		m.Columns, matches = exactPairs(sources, table)
	}
	if m.Columns != nil {
		s.Columns = m.Columns
	}
	s.Matches = matchViews(matches, sources, table)
	used := map[string]bool{}
	var free []schema.Column
	for i, x := range matches {
		used[x.Source] = true
		c := table.Columns[i]
		if x.Source != "" || c.Generated || c.Identity == "always" {
			continue
		}
		free = append(free, c)
		if c.Identity == "" && !c.HasDefault {
			s.Destinations = append(s.Destinations, x.Destination)
		}
	}
	var left []transform.Source
	for _, source := range sources {
		if !used[source.Name] {
			s.Sources, left = append(s.Sources, source.Name), append(left, source)
		}
	}
	s.Candidates = candidates(left, free)
	return nil
}

// exactPairs are those of equal names; where several are alike, no more is sure.
func exactPairs(sources []transform.Source, table *schema.Table) (columns []etl.ColumnMapping, matches []transform.Match) {
	for _, c := range table.Columns {
		m := transform.Match{Destination: c.Name}
		if !c.Generated && c.Identity != "always" && slices.ContainsFunc(sources, func(s transform.Source) bool { return s.Name == c.Name }) {
			m.Source, m.Exact = c.Name, true
			columns = append(columns, etl.ColumnMapping{Source: c.Name, Destination: c.Name})
		}
		matches = append(matches, m)
	}
	return columns, matches
}

// matchViews are the matches of a table's columns, in their order.
func matchViews(matches []transform.Match, sources []transform.Source, table *schema.Table) []Match {
	out := make([]Match, len(matches))
	for i, x := range matches {
		m := Match{Source: x.Source, Destination: x.Destination, Exact: x.Exact, Note: x.Note, DestinationType: table.Columns[i].Type.String()}
		if j := slices.IndexFunc(sources, func(s transform.Source) bool { return s.Name == x.Source }); j >= 0 {
			m = scored(m, &sources[j], &table.Columns[i])
		}
		out[i] = m
	}
	return out
}
