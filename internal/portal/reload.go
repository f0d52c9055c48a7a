package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/workflow"
)

// maxReload bounds the rows of one reload.
const maxReload = 100_000

// ReloadInput are bad rows of a run as they should be.
type ReloadInput struct {
	Rows []MendedRow `json:"rows" minItems:"1" maxItems:"100000"`
}

// MendedRow is a bad row as it should be.
type MendedRow struct {
	Line int64 `json:"line" minimum:"1" doc:"The reject's line"`
	// Fields are all of the row, not only what was changed.
	Fields []*string `json:"fields" maxItems:"1600" doc:"One for each of the file's columns, in their order; null is an empty cell"`
}

// Reloaded is the answer to a reload.
type Reloaded struct {
	Started

	ParentID int64  `json:"parent_run_id"`
	FileID   string `json:"file_id" format:"uuid" doc:"The file that was made of the mended rows"`
	Rows     int    `json:"rows" doc:"How many rows are loaded again"`
}

// Reload loads bad rows of a COMPLETED run again, as they were mended: into the
// same table, by the same version of its job, with the file read as that run
// read it. The rows are added, also where that run replaced the table's; what
// is bad again is reported again, under the new run. A row is loaded again by
// one run at most, unless that run fails or is cancelled.
//
// Mistakes: run_state for a run that has not completed (nothing of it is
// loaded, so its bad rows alone would be a part without the rest), superseded
// where another run has replaced the table's rows since, already_reloaded,
// unknown_reject, field_count, source_gone.
func (p *Portal) Reload(ctx context.Context, runID int64, rows []MendedRow, key string) (*Reloaded, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	before, err := p.reloadable(ctx, runID)
	if err != nil {
		return nil, err
	}
	mended, err := p.mend(ctx, before, rows)
	if err != nil {
		return nil, err
	}
	out, err := p.reload(ctx, before, mended, key)
	if e, ok := errors.AsType[*etl.Error](err); ok && e.Code == "already_reloaded" {
		i := slices.IndexFunc(rows, func(r MendedRow) bool { return r.Line == e.Line })
		err = at(err, fmt.Sprintf("body.rows[%d].line", max(i, 0)))
	}
	return out, err
}

// ReloadFile is Reload of the rows of a CSV file as WriteRejects gives it,
// mended. A column _line says which row is which; _column and _reason are left
// aside, rows that were removed from the file stay as they are.
func (p *Portal) ReloadFile(ctx context.Context, runID int64, file []byte, key string) (*Reloaded, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	before, err := p.reloadable(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := mendedFile(before, file)
	if err != nil {
		return nil, err
	}
	mended, err := p.mend(ctx, before, rows)
	if err != nil {
		return nil, err
	}
	return p.reload(ctx, before, mended, key)
}

func checkKey(key string) error {
	if len(key) <= maxKey {
		return nil
	}
	return &Invalid{etl.Mistakef("bad_idempotency_key", "Use a UUID", "the idempotency key has %d bytes; %d are the most", len(key), maxKey), []Detail{{"header.Idempotency-Key", "is too long"}}}
}

// reloadable is a run whose bad rows may be loaded again.
func (p *Portal) reloadable(ctx context.Context, id int64) (*etl.Run, error) {
	run, err := p.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.Status != etl.Completed {
		fix := "Let bad rows be skipped (on_bad_row) and execute the job again; then reload what that run rejects"
		if !run.Status.Final() {
			fix = "Wait for its end"
		}
		return nil, etl.Mistakef("run_state", fix, "run %d is %s: only a COMPLETED run has loaded the rest of its file", id, run.Status)
	}
	other, err := p.Store.Replaced(ctx, run)
	if err == nil && other != 0 {
		err = etl.Mistakef("superseded", fmt.Sprintf("Reload what run %d has rejected, or execute the job again", other),
			"run %d has replaced the rows of the table since run %d ended, so that its mended rows would stand among others", other, id)
	}
	return &run, err
}

// mendedRow is a row as it is to be written.
type mendedRow struct {
	line   int64
	fields [][]byte
	quoted []bool
}

// mend checks mended rows against the run's rejects.
func (p *Portal) mend(ctx context.Context, run *etl.Run, rows []MendedRow) ([]mendedRow, error) {
	switch {
	case len(rows) == 0:
		return nil, at(etl.Mistakef("no_rows", "Send the rows that were mended", "there is no row to be loaded again"), "body.rows")
	case len(rows) > maxReload:
		return nil, at(etl.Mistakef("too_many_rows", "Send them in several requests", "there are %d rows; %d are the most", len(rows), maxReload), "body.rows")
	}
	lines := make([]int64, len(rows))
	for i := range rows {
		lines[i] = rows[i].Line
	}
	found, err := p.Store.RejectsAt(ctx, run.ID, lines)
	if err != nil {
		return nil, err
	}
	byLine := make(map[int64]*etl.RunReject, len(found))
	for i := range found {
		byLine[found[i].Line] = &found[i]
	}
	seen, width := make(map[int64]bool, len(rows)), len(run.Sources)
	out := make([]mendedRow, 0, len(rows))
	for i, row := range rows {
		where := fmt.Sprintf("body.rows[%d]", i)
		reject := byLine[row.Line]
		switch {
		case reject == nil:
			return nil, at(etl.Mistakef("unknown_reject", "Use the lines that GET …/rejects lists", "run %d has no bad row at line %d", run.ID, row.Line), where+".line")
		case seen[row.Line]:
			return nil, at(etl.Mistakef("duplicate_row", "Send each row once", "line %d is there twice", row.Line), where+".line")
		case len(row.Fields) != width:
			return nil, at(etl.Mistakef("field_count", "Send all fields of the row, also those that were right", "line %d has %d fields, and the file %d columns", row.Line, len(row.Fields), width), where+".fields")
		}
		seen[row.Line] = true
		out = append(out, mendRow(run, reject, row))
	}
	slices.SortFunc(out, func(a, b mendedRow) int { return int(min(max(a.line-b.line, -1), 1)) })
	return out, nil
}

// mendRow keeps of a row what was not changed as it was: "" and nothing are not the same.
func mendRow(run *etl.Run, reject *etl.RunReject, row MendedRow) mendedRow {
	before := recordOf(run, reject)
	out := mendedRow{line: row.Line, fields: make([][]byte, len(row.Fields)), quoted: make([]bool, len(row.Fields))}
	for i, f := range row.Fields {
		if f == nil {
			continue
		}
		out.fields[i] = []byte(*f)
		out.quoted[i] = before != nil && i < len(before.Fields) && string(before.Fields[i]) == *f && before.Quoted[i]
	}
	return out
}

// recordOf reads a reject's text as its run did; nil where it makes no sense.
func recordOf(run *etl.Run, reject *etl.RunReject) *csv.Record {
	d := run.Dialect
	d.SkipLines, d.Header = 0, 0
	r, err := csv.NewBytesReader(reject.Raw, d, csv.Options{Width: len(run.Sources), Start: csv.Position{Line: 1, Record: 1}})
	if err != nil {
		return nil
	}
	rec, err := r.Read()
	if err != nil || rec.Bad != nil {
		return nil
	}
	return rec
}

// reload makes a file of the rows and a run of it.
func (p *Portal) reload(ctx context.Context, before *etl.Run, rows []mendedRow, key string) (*Reloaded, error) {
	caller := CallerOf(ctx)
	trigger := caller.Trigger
	if trigger == "" {
		trigger = "api"
	}
	content, err := writeMended(before, rows)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	lines := make([]int64, len(rows))
	for i := range rows {
		lines[i] = rows[i].line
	}
	request, err := json.Marshal(map[string]any{"reload": before.ID, "lines": lines, "sha256": hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, err
	}
	src, err := p.mendedSource(ctx, before, content)
	if err != nil {
		return nil, err
	}
	reloaded, err := readBack(&src, content, rows)
	if err != nil {
		p.forget(ctx, &src)
		return nil, err
	}
	run, created, err := p.Runs.Reload(ctx, *before, src, reloaded, trigger, etl.IdempotencyKey{Owner: caller.Principal.ID, Key: key, Request: request})
	if err != nil || !created {
		p.forget(ctx, &src)
	}
	if err != nil {
		return nil, forAPI(err)
	}
	out := &Reloaded{Started{JobRunID: run.ID, Status: string(run.Status), Replayed: !created}, before.ID, run.FileID, len(rows)}
	if !created {
		return out, nil
	}
	return out, p.audit(ctx, "reload", "run", number(before.ID), nil, map[string]any{"job_run_id": run.ID, "rows": len(rows), "file_id": run.FileID})
}

// writeMended is the file of the mended rows, by RFC 4180: how the file before
// was written would change nothing about its values.
func writeMended(run *etl.Run, rows []mendedRow) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	header := make([][]byte, len(run.Sources))
	for i, s := range run.Sources {
		header[i] = []byte(s.Name)
	}
	if err := w.Write(header, nil); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := w.Write(rows[i].fields, rows[i].quoted); err != nil {
			return nil, err
		}
	}
	err := w.Flush()
	return b.Bytes(), err
}

// mendedDialect is how writeMended writes.
func mendedDialect() *workflow.DialectOverrides {
	comma, quote, none, newline := ",", `"`, "", "lf"
	header, skip, no := 1, 0, false
	return &workflow.DialectOverrides{
		Delimiter: &comma, Quote: &quote, Escape: &none, Comment: &none, HeaderRows: &header, SkipLines: &skip, Newline: &newline,
		SkipInitialSpace: &no, TrailingDelimiter: &no,
	}
}

// mendedSource stores the file of the mended rows and looks at it.
func (p *Portal) mendedSource(ctx context.Context, before *etl.Run, content []byte) (etl.Source, error) {
	original, err := p.source(ctx, before.FileID)
	if isCode(err, "not_found") {
		return etl.Source{}, etl.Mistakef("source_gone", "Upload the mended rows as a file and execute the job with it", "the file of run %d was deleted, and with it how to read its rows", before.ID)
	}
	if err != nil {
		return etl.Source{}, err
	}
	told := workflow.Overrides{}
	if len(original.Overrides) > 0 {
		if err := json.Unmarshal(original.Overrides, &told); err != nil {
			return etl.Source{}, fmt.Errorf("the stored overrides of %s: %w", original.ID, err)
		}
	}
	// The zone is all that a run does not freeze.
	overrides, err := encode(workflow.Overrides{Encoding: "utf-8", Dialect: mendedDialect(), Timezone: told.Timezone})
	if err != nil {
		return etl.Source{}, err
	}
	id := newFileID()
	object, err := p.Blobs.Put(ctx, objectKey(id), bytes.NewReader(content))
	if err != nil {
		return etl.Source{}, err
	}
	name := strings.TrimSuffix(original.Filename, path.Ext(original.Filename))
	src, err := p.Store.CreateSource(ctx, etl.Source{
		ID: id, Filename: fmt.Sprintf("%.200s, mended rows of run %d.csv", name, before.ID), Size: object.Size, State: etl.SourceUploading, Object: object,
		PartSize: minPart, Overrides: overrides,
	})
	if err != nil {
		return etl.Source{}, errors.Join(err, p.Blobs.Delete(context.WithoutCancel(ctx), object.Key))
	}
	src.Object = object
	if _, err := p.arrived(ctx, src); err != nil {
		p.forget(ctx, &src)
		return etl.Source{}, err
	}
	return p.source(ctx, id)
}

// readBack proves that the file holds the rows, and says at which lines.
func readBack(src *etl.Source, content []byte, rows []mendedRow) ([]etl.ReloadedRow, error) {
	differs := &etl.Error{Kind: etl.Internal, Code: "mended_file_differs", Message: "the file of the mended rows does not read as they were written"}
	r, err := csv.NewBytesReader(content, src.Dialect, csv.Options{Width: len(src.Names), Encoding: src.Encoding})
	if err != nil {
		return nil, err
	}
	out := make([]etl.ReloadedRow, 0, len(rows))
	for i := range rows {
		rec, err := r.Read()
		if err != nil {
			differs.Err = err
			return nil, differs
		}
		if !slices.EqualFunc(rec.Fields, rows[i].fields, bytes.Equal) {
			return nil, differs
		}
		out = append(out, etl.ReloadedRow{Line: rec.Pos.Line, ParentLine: rows[i].line})
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		return nil, differs
	}
	return out, nil
}
