package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// The documents below are how values are stored as JSON. They are apart from
// the domain's types so that renaming a field there does not orphan what is stored.

type errorDocument struct {
	Kind    string `json:"kind"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Line    int64  `json:"line,omitempty"`
	Column  string `json:"column,omitempty"`
	Value   string `json:"value,omitempty"`
}

var kindNames = map[etl.Kind]string{etl.Internal: "internal", etl.Mistake: "mistake", etl.Weather: "weather", etl.Refused: "refused"}

// encodeError gives nil for nil. The cause is for logs and is not stored.
func encodeError(e *etl.Error) any {
	if e == nil {
		return nil
	}
	return errorDocument{kindNames[e.Kind], string(e.Code), clean(e.Message), clean(e.Fix), e.Line, clean(e.Column), clean(e.Value)}
}

func (d *errorDocument) decode() *etl.Error {
	if d == nil {
		return nil
	}
	e := &etl.Error{Code: etl.Code(d.Code), Message: d.Message, Fix: d.Fix, Line: d.Line, Column: d.Column, Value: d.Value}
	for kind, name := range kindNames {
		if name == d.Kind {
			e.Kind = kind
		}
	}
	return e
}

type dialectDocument struct {
	Delimiter         string `json:"delimiter"`
	Quote             byte   `json:"quote,omitempty"`
	Escape            byte   `json:"escape,omitempty"`
	Comment           byte   `json:"comment,omitempty"`
	SkipLines         int    `json:"skip_lines,omitempty"`
	Header            int    `json:"header,omitempty"`
	Newline           uint8  `json:"newline,omitempty"`
	SkipInitialSpace  bool   `json:"skip_initial_space,omitempty"`
	TrailingDelimiter bool   `json:"trailing_delimiter,omitempty"`
}

func encodeDialect(d csv.Dialect) dialectDocument {
	return dialectDocument{d.Delimiter, d.Quote, d.Escape, d.Comment, d.SkipLines, d.Header, uint8(d.Newline), d.SkipInitialSpace, d.TrailingDelimiter}
}

func (d dialectDocument) decode() csv.Dialect {
	return csv.Dialect{
		Delimiter: d.Delimiter, Quote: d.Quote, Escape: d.Escape, Comment: d.Comment, SkipLines: d.SkipLines, Header: d.Header,
		Newline: csv.Newline(d.Newline), SkipInitialSpace: d.SkipInitialSpace, TrailingDelimiter: d.TrailingDelimiter,
	}
}

// columnDocument is an etl.FrozenColumn; its type is stored as SQL writes it.
type columnDocument struct {
	Name      string   `json:"name"`
	Type      string   `json:"type,omitempty"`
	Format    string   `json:"format,omitempty"`
	NullWords []string `json:"null_words"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
}

func encodeColumns(columns []etl.FrozenColumn) []columnDocument {
	documents := make([]columnDocument, len(columns))
	for i, c := range columns {
		documents[i] = columnDocument{Name: c.Name, Format: c.Format, NullWords: c.NullWords, MaxBytes: c.MaxBytes}
		if c.Type.Kind != schema.Unknown {
			documents[i].Type = c.Type.String()
		}
	}
	return documents
}

func decodeColumns(documents []columnDocument) ([]etl.FrozenColumn, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	columns := make([]etl.FrozenColumn, len(documents))
	for i, d := range documents {
		columns[i] = etl.FrozenColumn{Name: d.Name, Format: d.Format, NullWords: d.NullWords, MaxBytes: d.MaxBytes}
		if d.Type == "" {
			continue
		}
		t, err := schema.ParseType(d.Type)
		if err != nil {
			return nil, fmt.Errorf("the stored type of column %q: %w", d.Name, err)
		}
		columns[i].Type = t
	}
	return columns, nil
}

type jobDocument struct {
	ID            int64               `json:"id"`
	Name          string              `json:"name"`
	FileID        string              `json:"file_id"`
	CredentialID  int64               `json:"credential_id"`
	Schema        string              `json:"schema"`
	Table         string              `json:"table"`
	CreateTable   bool                `json:"create_table,omitempty"`
	TableOptions  schema.TableOptions `json:"table_options,omitzero"`
	Strategy      string              `json:"load_strategy"`
	UpsertKeys    []string            `json:"upsert_keys,omitempty"`
	DuplicateKeys string              `json:"duplicate_keys,omitempty"`
	BatchSize     int64               `json:"batch_size,omitempty"`
	Mapping       etl.Mapping         `json:"mapping"`
	Orchestrator  etl.Engine          `json:"orchestrator,omitempty"`
	Version       int64               `json:"version"`
	CreatedAt     time.Time           `json:"created_at"`
	UpdatedAt     time.Time           `json:"updated_at"`
}

func encodeJob(j etl.Job) jobDocument {
	return jobDocument{
		j.ID, j.Name, j.FileID, j.CredentialID, j.Schema, j.Table, j.CreateTable, j.TableOptions, string(j.Strategy), j.UpsertKeys, j.DuplicateKeys,
		j.BatchSize, j.Mapping, j.Orchestrator, j.Version, j.CreatedAt, j.UpdatedAt,
	}
}

func (d jobDocument) decode() etl.Job {
	for i, c := range d.Mapping.Columns {
		d.Mapping.Columns[i].Transformations = integers(c.Transformations)
	}
	return etl.Job{
		ID: d.ID, Name: d.Name, FileID: d.FileID, CredentialID: d.CredentialID, Schema: d.Schema, Table: d.Table, CreateTable: d.CreateTable, TableOptions: d.TableOptions,
		Strategy: etl.Strategy(d.Strategy), UpsertKeys: d.UpsertKeys, DuplicateKeys: d.DuplicateKeys, BatchSize: d.BatchSize,
		Mapping: d.Mapping, Orchestrator: cmp.Or(d.Orchestrator, etl.EngineNative), Version: d.Version, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
}

// integers makes whole numbers among the arguments int, as they are in a
// mapping file; encoding/json makes every number a float64.
func integers(steps []etl.Transform) []etl.Transform {
	for _, s := range steps {
		for i, a := range s.Args {
			if f, ok := a.(float64); ok && f == float64(int(f)) && f > -1<<53 && f < 1<<53 {
				s.Args[i] = int(f)
			}
		}
	}
	return steps
}

// rawJSON gives nil for empty, else the bytes as they are.
func rawJSON(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return json.RawMessage(b)
}
